//! Functions of sprig and Helm, as templates call them, beyond what the conformance corpus shows.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/rendering.rs"]
mod rendering;

use std::sync::Arc;

use rendering::{chart, context};
use serde_json::json;
use spacecraft_helm::engine::{Lookup, RenderContext, Seed, render};
use spacecraft_helm::functions::format_time;

fn try_evaluate(text: &str, context: &RenderContext) -> Result<String, String> {
    let values = json!({"list": ["a", "b", "a", null], "map": {"a": {"b": 1.0}}});
    let mut rendered = render(&chart(text), &values, context).map_err(|error| error.to_string())?;
    Ok(rendered.remove("c/templates/t.yaml").unwrap_or_default())
}

fn evaluate(expression: &str) -> String {
    try_evaluate(&format!("{{{{ {expression} }}}}"), &context(1)).expect("the expression can be evaluated")
}

fn failure(expression: &str) -> String {
    try_evaluate(&format!("{{{{ {expression} }}}}"), &context(1)).expect_err("the expression fails")
}

fn assert_all(cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        assert_eq!(evaluate(expression), *expected, "{expression}");
    }
}

#[test]
fn dates_that_do_not_fit_their_layout_are_told_with_what_is_left_of_them() {
    let told = |layout: &str, text: &str| {
        let failure = failure(&format!("mustToDate {layout:?} {text:?}"));
        failure.split_once("parsing time ").map(|(_, told)| told.to_owned()).unwrap_or(failure)
    };
    assert_eq!(told("aGVs", "a.b"), r#""a.b" as "aGVs": cannot parse ".b" as "aGVs""#);
    assert_eq!(told("2006\n", "né"), r#""n\xc3\xa9" as "2006\x0a": cannot parse "n\xc3\xa9" as "2006""#);
}

#[test]
fn keys_to_dig_for_are_looked_at_before_the_dictionary() {
    assert!(
        failure(r#"dig "x" .Values.list "none" .Values.map"#)
            .ends_with("interface conversion: interface {} is []interface {}, not string")
    );
}

#[test]
fn what_a_chart_does_not_list_is_nil_and_an_empty_list_is_not() {
    assert_all(&[
        ("toJson .Chart.Maintainers", "null"),
        ("toJson .Chart.Keywords", "null"),
        ("toJson (list)", "[]"),
    ]);
    assert!(failure("len (semver \"1.2.3\")").ends_with("len of type semver.Version"));
    assert!(failure("toToml nil").ends_with("reflect: call of reflect.Value.Type on zero Value"));
}

#[test]
fn a_time_is_written_by_a_layout() {
    let time = "2024-03-01T12:00:05.5Z".parse().expect("a timestamp");
    assert_eq!(format_time("2006-01-02 15:04:05Z0700", time), "2024-03-01 12:00:05Z");
    assert_eq!(format_time("Mon Jan _2 15:04", time), "Fri Mar  1 12:00");
}

#[test]
fn times_of_toml_know_what_was_left_out() {
    assert_all(&[
        (r#"(fromToml "a = 2020-01-01").a"#, "2020-01-01 00:00:00 +0000 date-local"),
        (r#"(fromToml "a = 10:00:00").a"#, "0000-01-01 10:00:00 +0000 time-local"),
        (r#"(fromToml "a = 2020-01-01T10:00:00").a | typeOf"#, "time.Time"),
        (
            r#"fromToml "a = 10:00:00\nb = 2020-01-01T00:00:00+05:30" | toToml"#,
            "a = 10:00:00\nb = 2020-01-01T00:00:00+05:30\n",
        ),
        (r#"(fromToml "[[a]]\nb=1").a | typeOf"#, "[]map[string]interface {}"),
    ]);
}

#[test]
fn text_is_cut_wrapped_and_recased() {
    assert_all(&[
        (r#"abbrev 5 "hello world""#, "he..."),
        (r#"abbrevboth 5 10 "1234 5678 9123""#, "...5678..."),
        (r#"abbrev 3 "hello""#, "hello"),
        (r#"wrapWith 5 "\t" "Hello World""#, "Hello\tWorld"),
        (r#"wrap 6 "one two three""#, "one\ntwo\nthree"),
        (r#"wrap 3 "abcdefgh ij""#, "abcdefgh\nij"),
        (r#"wrapWith 3 "|" "abcdefgh""#, "abc|def|gh"),
        (r#"swapcase "This Is A.Test""#, "tHIS iS a.tEST"),
        (r#"upper "straße""#, "STRAßE"),
        (r#"title "don't stop-now under_score""#, "Don'T Stop-Now Under_score"),
        (r#"substr -1 3 "hello""#, "hel"),
        (r#"substr 2 -1 "hello""#, "llo"),
        (r#"splitn "." 2 "a.b.c" | toJson"#, r#"{"_0":"a","_1":"b.c"}"#),
        (r#"splitList "" "abc""#, "[a b c]"),
        (r#"cat "a" nil 1 true"#, "a 1 true"),
        (r#"nospace " a b\tc""#, "abc"),
        (r#"plural "one" "many" 2"#, "many"),
        (r#"snakecase "HTTP20xOK""#, "http_20x_ok"),
    ]);
    assert!(failure(r#"substr 0 -5 "x" | substr 3 1"#).contains("slice bounds out of range"));
}

#[test]
fn bytes_that_are_no_utf8_stay_or_count_as_one_character_each() {
    assert_all(&[
        (r#"b64dec "IP9hIGIg" | trim | b64enc"#, "/2EgYg=="),
        (r#"b64dec "w6n/LP94" | trimAll "x\xff" | b64enc"#, "w6n/LA=="),
        (r#"b64dec "YYBCLWNfZP5FIGY=" | replace "B" "" | b64enc"#, "YYAtY19k/kUgZg=="),
        (r#"b64dec "4oI=" | replace "" "-" | b64enc"#, "LeItgi0="),
        (r#"b64dec "eP94" | splitList "x" | join "|" | b64enc"#, "fP98"),
        (r#"b64dec "IP9hIGIg" | nospace"#, "ÿab"),
        (r#"b64dec "IP9hIGIg" | initials"#, "ÿb"),
        (r#"regexReplaceAll "a" (b64dec "Y2Fmww==") "z" | b64enc"#, "Y3pmww=="),
        (r#"regexFind "a." (b64dec "YYBC") | b64enc"#, "YYA="),
        (r#"b64dec "Ly8v/y8=" | clean | b64enc"#, "L/8="),
        (r#"b64dec "4oI=" | upper"#, "\u{fffd}\u{fffd}"),
        (r#"b64dec "4oI=" | toJson"#, r#""\ufffd\ufffd""#),
        (r#"b64dec "Y2Fmww==" | js | b64enc"#, "Y2Fmww=="),
        (
            r#"(b64dec "Y2Fmww==" | fromYaml).Error"#,
            "error converting YAML to JSON: yaml: incomplete UTF-8 octet sequence",
        ),
    ]);
}

#[test]
fn text_and_lists_are_treated_as_the_libraries_of_helm_do_even_where_that_is_odd() {
    assert_all(&[
        (r#"cat "" "x" "" | quote"#, r#"" x ""#),
        (r#"initials "éa bc" | toJson"#, "\"Ãb\""),
        (r#"nospace "é b" | toJson"#, "\"Ã©b\""),
        ("sortAlpha nil", "[<nil>]"),
        ("chunk -2 (list 1 2 3)", "[]"),
        ("unset nil \"a\"", "map[]"),
        ("minf 0 -0.0", "-0"),
        ("maxf -0.0 0", "0"),
        ("toToml (list 1 2.5 \"x\")", "[1, 2.5, \"x\"]"),
        ("toToml \"x\"", "\"x\""),
    ]);
    assert!(failure("substr -1 -1 \"abc\"").ends_with("slice bounds out of range [:-1]"));
    assert!(failure("deepCopy nil").ends_with("reflect: call of reflect.Value.Type on zero Value"));
    assert!(failure("mustToYaml 1").contains("function \"mustToYaml\" not defined"));
}

#[test]
fn a_pointers_string_method_shows_only_where_an_action_prints_nothing_else() {
    let version = evaluate(".Capabilities.KubeVersion.Version");
    assert_eq!(evaluate(".Capabilities.KubeVersion"), version);
    assert!(evaluate(".Capabilities.KubeVersion | toString").starts_with(&format!("{{{version} 1 ")));
}

#[test]
fn the_metadata_of_a_chart_is_a_struct_in_the_one_that_templates_see() {
    assert_all(&[
        (".Chart.IsRoot", "true"),
        (".Chart.Name", "c"),
        (".Chart.Metadata.Name", "c"),
        ("print .Chart", "{{c  [] 1.0.0  [] []      false map[]  [] } true}"),
    ]);
}

#[test]
fn arithmetic_is_done_in_integers_floats_and_decimals() {
    assert_all(&[
        ("addf 0.1 0.2", "0.3"),
        ("subf 7.5 2 3", "2.5"),
        ("mulf 1.5 2 2", "6"),
        ("divf 10 2 4", "1.25"),
        ("divf 1 3", "0.3333333333333333"),
        ("add1f 1.1", "2.1"),
        ("maxf 1 2.5 3", "3"),
        ("minf 1.5 2 3", "1.5"),
        ("add 1 2 3", "6"),
        ("mul 2 3 4", "24"),
        ("mod -7 3", "-1"),
        ("div -7 2", "-3"),
        ("add 9223372036854775807 1", "-9223372036854775808"),
        (r#"int "0x1F""#, "31"),
        (r#"int "5.000""#, "5"),
        (r#"int "5.1""#, "0"),
        ("int 1e30", "-9223372036854775808"),
        (r#"toDecimal "777""#, "511"),
        ("seq 0 -2 -5", "0 -2 -4"),
        ("seq 2 2 8", "2 4 6 8"),
        ("seq 5 2 1", ""),
        ("untilStep 0 10 3", "[0 3 6 9]"),
        ("round 123.5555 2", "123.56"),
        ("round -2.5 0", "-3"),
        ("min 3 1 2", "1"),
    ]);
    assert!(failure("divf 1 0").contains("decimal division by 0"));
    assert!(failure("mod 1 0").contains("integer divide by zero"));
}

#[test]
fn lists_and_dictionaries_are_taken_apart_and_put_together() {
    assert_all(&[
        ("uniq .Values.list", "[a b <nil>]"),
        ("compact .Values.list", "[a b a]"),
        (r#"without .Values.list "a""#, "[b <nil>]"),
        (r#"has "b" .Values.list"#, "true"),
        ("has 1 nil", "false"),
        ("chunk 2 (list 1 2 3)", "[[1 2] [3]]"),
        ("rest (list) | toJson", "null"),
        ("initial (list 1 2 3)", "[1 2]"),
        ("slice (list 1 2 3) 1", "[2 3]"),
        ("concat (list 1) (list 2 3)", "[1 2 3]"),
        (r#"dig "a" "c" "none" (dict "a" (dict "b" 1))"#, "none"),
        (r#"omit (dict "a" 1 "b" 2) "a""#, "map[b:2]"),
        (r#"keys (dict "b" 1 "a" 2) | sortAlpha"#, "[a b]"),
        (r#"merge (dict "a" 1 "e" "") (dict "a" 2 "b" 3 "e" "x")"#, "map[a:1 b:3 e:x]"),
        (r#"mergeOverwrite (dict "m" (dict "a" 1 "b" 2)) (dict "m" (dict "a" 9))"#, "map[m:map[a:9 b:2]]"),
        (r#"merge (dict "m" (dict "a" 1)) (dict "m" "text")"#, "map[m:map[a:1]]"),
        (r#"values (dict "a" 1)"#, "[1]"),
        (r#"pluck "a" (dict "a" 1) (dict "b" 2) (dict "a" 3)"#, "[1 3]"),
        ("deepEqual (list 1 2) (list 1 2)", "true"),
        ("deepEqual (list 1) (list 1.0)", "false"),
    ]);
    assert!(failure(r#"set nil "a" 1"#).contains("assignment to entry in nil map"));
    assert!(failure(r#"first "text""#).contains("Cannot find first on type string"));
    assert!(failure(r#"dig "a" .Values"#).contains("dig needs at least three arguments"));
}

#[test]
fn dates_and_durations_are_written_as_go_does() {
    assert_all(&[
        (r#"now | date "2006-01-02 15:04:05""#, "2024-03-01 12:00:00"),
        (r#"dateInZone "15:04 MST" now "Asia/Tokyo""#, "21:00 JST"),
        (r#"now | dateModify "-25h" | date "Mon 02""#, "Thu 29"),
        ("now.AddDate 0 -1 -1 | date \"2006-01-02\"", "2024-01-31"),
        (r#"duration "95""#, "1m35s"),
        (r#"durationRound "2h10m5s""#, "2h"),
        (r#"durationRound "2400h10m5s""#, "3mo"),
        (r#"ago (now | dateModify "-90s")"#, "1m30s"),
        ("now", "2024-03-01 12:00:00 +0000 UTC"),
        ("now | toJson", r#""2024-03-01T12:00:00Z""#),
        ("now.Month", "March"),
        (r#"toDate "2006-01-02T15:04:05Z07:00" "2024-05-06T07:08:09+02:00" | unixEpoch"#, "1714972089"),
        (r#"mustToDate "02 Jan 06 3:04PM" "06 May 24 7:08PM" | date "2006-01-02T15:04""#, "2024-05-06T19:08"),
    ]);
    let error = failure(r#"mustToDate "2006-01-02" "2024-13-01""#);
    assert!(error.ends_with(r#"parsing time "2024-13-01": month out of range"#), "{error}");
    let error = failure(r#"mustToDate "2006" "2024 and more""#);
    assert!(error.ends_with(r#"parsing time "2024 and more": extra text: " and more""#), "{error}");
}

#[test]
fn regular_expressions_follow_the_syntax_of_go() {
    assert_all(&[
        (r#"regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W""#, "-W-xxW-"),
        (r#"regexReplaceAll "a(x*)b" "-ab-axxb-" "$1W""#, "---"),
        (r#"regexReplaceAllLiteral "a(x*)b" "-ab-axxb-" "${1}""#, "-${1}-${1}-"),
        (r#"regexSplit "z+" "pizza" -1"#, "[pi a]"),
        (r#"regexSplit "a" "banana" 2"#, "[b nana]"),
        (r#"regexFindAll "a*" "baac" -1 | toJson"#, r#"["","aa",""]"#),
        (r#"regexMatch "^\\d+$" "١""#, "false"),
        (r#"regexMatch "^[\\w-]+$" "a-b""#, "true"),
        (r#"regexMatch "a{,2}" "a{,2}""#, "true"),
        (r#"regexMatch "[[]&&[]]" "[&&]""#, "true"),
        (r#"regexFind `\Qa.b\E+` "xa.bbb""#, "a.bbb"),
        (r#"regexQuoteMeta "1.2+3""#, r"1\.2\+3"),
        (r#"regexMatch "[a" "x""#, "false"),
        (r#"regexMatch `\x{65e5}` "日""#, "true"),
    ]);
    for (pattern, message) in [
        ("a(?=b)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?<!a)b", "invalid or unsupported Perl syntax: `(?<`"),
        ("*a", "missing argument to repetition operator: `*`"),
        ("(a", "missing closing ): `(a`"),
        ("a)", "unexpected ): `a)`"),
        (r"\8", r"invalid escape sequence: `\8`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a+?{2}b", "invalid nested repetition operator: `+?{2}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("x[[", "missing closing ]: `[[`"),
    ] {
        let error = failure(&format!("mustRegexFind `{pattern}` \"x\""));
        assert!(error.ends_with(&format!("error parsing regexp: {message}")), "{error}");
    }
}

#[test]
fn versions_meet_constraints_in_the_grammar_of_masterminds() {
    for (constraint, version, meets) in [
        ("^1.2.0", "1.9.9", true),
        ("^0.2.3", "0.3.0", false),
        ("~1.2", "1.2.9", true),
        ("~1", "1.9.0", true),
        ("1.2.x", "1.2.3", true),
        ("*", "0.0.1", true),
        (">=1.25", "1.35.5-gke.1", false),
        (">=1.25-0", "1.35.5-gke.1", true),
        (">=1.25.0-0 <2.0.0", "1.30.0-rc.1", true),
        ("1.2 - 1.4.5", "1.4.5", true),
        ("1.2 - 1.4.5", "1.4.6", false),
        (">1.2, <1.4", "1.3.0", true),
        (">11", "11.1.0", false),
        (">11.1", "11.2.0", true),
        ("<=11", "11.9.0", true),
        ("!=1.2.3", "1.2.4", true),
        ("<1 || >2", "3.0.0", true),
        ("=1.2.3", "v1.2.3+build", true),
        ("~>1.2.3", "1.2.9", true),
    ] {
        assert_eq!(
            evaluate(&format!("semverCompare {constraint:?} {version:?}")),
            meets.to_string(),
            "{constraint} {version}"
        );
    }
    assert!(failure(r#"semverCompare "nonsense" "1.0.0""#).contains("improper constraint: nonsense"));
    assert!(failure(r#"semverCompare ">1" "x""#).contains("invalid semantic version"));
    assert_eq!(evaluate(r#"(semver "1.2.3-rc.1").IncPatch"#), "1.2.3");
}

#[test]
fn secrets_are_derived_hashed_and_encrypted() {
    assert_all(&[
        (r#"derivePassword 1 "long" "password" "user" "example.com""#, "ZedaFaxcZaso9*"),
        (r#"derivePassword 1 "maximum" "password" "user" "example.com""#, "pf4zS1LjCg&LjhsZ7T2~"),
        (r#"derivePassword 1 "pin" "password" "user" "example.com""#, "6685"),
        (r#"encryptAES "key" "plain text" | decryptAES "key""#, "plain text"),
        (r#"hasPrefix "$2a$10$" (bcrypt "x")"#, "true"),
        (r#"hasPrefix "me:$2a$10$" (htpasswd "me" "x")"#, "true"),
        (r#"htpasswd "a:b" "x""#, "invalid username: a:b"),
        (r#"b64dec "aGk""#, "illegal base64 data at input byte 0"),
        (r#"b64dec "aGk=x""#, "illegal base64 data at input byte 4"),
        (r#"b32dec "NBSWY3DP" "#, "hello"),
        (r#"adler32sum "hello""#, "103547413"),
    ]);
}

#[test]
fn paths_and_addresses_are_taken_apart() {
    assert_all(&[
        (r#"base "/a/b/""#, "b"),
        (r#"dir "/a/b/c.txt""#, "/a/b"),
        (r#"dir "a""#, "."),
        (r#"clean "a/../b//./c/""#, "b/c"),
        (r#"ext "a.tar.gz""#, ".gz"),
        (r#"isAbs "/a""#, "true"),
        (r#"base """#, "."),
        (r#"clean "/..""#, "/"),
        (r#"urlJoin (urlParse "https://u@h:8080/a%20b?q#f")"#, "https://u@h:8080/a%20b?q#f"),
        (r#"(urlParse "http://[2001:db8::1]:80/x").hostname"#, "2001:db8::1"),
        (r#"getHostByName "example.org""#, ""),
    ]);
    assert!(failure(r#"urlParse "http://h:port/""#).contains("unable to parse url"));
}

#[test]
fn yaml_json_and_toml_are_read_into_data_with_errors_in_it() {
    assert_all(&[
        (r#"fromYaml "a: [1, yes]" | toJson"#, r#"{"a":[1,true]}"#),
        (
            r#"(fromYaml "a: [").Error"#,
            "error converting YAML to JSON: yaml: line 1: did not find expected node content",
        ),
        (r#"fromYamlArray "- a\n- 2" | toJson"#, r#"["a",2]"#),
        (r#"(fromJson "{").Error"#, "unexpected end of JSON input"),
        (r#"fromJsonArray "[1]" | toJson"#, "[1]"),
        (r#"(fromToml "a = 1\n[b]\nc = [true]") | toJson"#, r#"{"a":1,"b":{"c":[true]}}"#),
        (
            r#"(fromToml "d = 07:32:00\ne = 1979-05-27\nf = 1979-05-27T07:32:00\ng = 1979-05-27T07:32:00+01:00") | toJson"#,
            r#"{"d":"0000-01-01T07:32:00Z","e":"1979-05-27T00:00:00Z","f":"1979-05-27T07:32:00Z","g":"1979-05-27T07:32:00+01:00"}"#,
        ),
        (r#"toYamlPretty (dict "a" (list 1))"#, "a:\n  - 1"),
        (r#"toRawJson (dict "a" "<b>")"#, r#"{"a":"<b>"}"#),
        (r#"toPrettyJson (dict "a" 1)"#, "{\n  \"a\": 1\n}"),
        ("toJson .Chart", r#"{"name":"c","version":"1.0.0","IsRoot":true}"#),
    ]);
}

#[test]
fn chance_comes_from_the_seed_alone() {
    let text = "{{ randAlphaNum 20 }} {{ uuidv4 }} {{ randInt 0 1000000 }} {{ shuffle \"abcdefghij\" }}";
    let render = |seed| try_evaluate(text, &context(seed)).expect("random values are made");
    assert_eq!(render(1), render(1));
    assert_ne!(render(1), render(2));
    assert_eq!(format!("{:?}", Seed::new([7; 32])), "Seed(..)");
}

#[derive(Debug)]
struct OneSecret;

impl Lookup for OneSecret {
    fn lookup(
        &self,
        api_version: &str,
        kind: &str,
        namespace: &str,
        name: &str,
    ) -> Result<serde_json::Value, String> {
        match name {
            "refused" => Err("secrets is forbidden".to_owned()),
            _ => Ok(json!({"data": {"at": format!("{api_version}/{kind}/{namespace}/{name}")}})),
        }
    }
}

#[test]
fn lookup_reads_what_it_is_given_and_nothing_without_a_cluster() {
    let text = r#"{{ (lookup "v1" "Secret" "ns" "s").data.at }}"#;
    let with_cluster = RenderContext { lookup: Some(Arc::new(OneSecret)), ..context(1) };
    assert_eq!(try_evaluate(text, &with_cluster), Ok("v1/Secret/ns/s".to_owned()));
    let error = try_evaluate(r#"{{ lookup "v1" "Secret" "ns" "refused" }}"#, &with_cluster);
    assert!(error.is_err_and(|error| error.ends_with("error calling lookup: secrets is forbidden")));
    assert_eq!(evaluate(r#"lookup "v1" "Secret" "ns" "s""#), "map[]");
}

#[test]
fn a_signed_certificate_names_its_hosts_and_its_authority() {
    let text = r#"{{ $ca := genCA "my ca" 365 }}{{ $c := genSignedCert "me" (list "10.0.0.1") (list "a.example") 30 $ca }}{{ $c.Cert }}"#;
    let pem = try_evaluate(text, &context(1)).expect("certificates are made");
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("the certificate is PEM");
    let certificate = pem.parse_x509().expect("the certificate is X.509");
    assert_eq!(certificate.issuer().to_string(), "CN=my ca");
    assert_eq!(certificate.subject().to_string(), "CN=me");
    let names = certificate.subject_alternative_name().ok().flatten().expect("there are names");
    assert_eq!(names.value.general_names.len(), 2);
    assert_eq!(
        certificate.validity().not_after.timestamp() - certificate.validity().not_before.timestamp(),
        30 * 86_400
    );
}

#[test]
fn rendering_that_never_ends_is_stopped() {
    let error = failure("define \"x\" }}{{ template \"x\" . }}{{ end }}{{ template \"x\" .");
    assert!(error.contains("exceeded maximum template depth"), "{error:.300}");
    let error = failure(r#"$text := "{{ tpl .text . }}" }}{{ tpl $text (dict "text" $text)"#);
    assert!(error.contains("rendered inside one another more than 1000 times"), "{error:.300}");
    let error = failure("repeat 1000000000 \"x\" | indent 1000000000");
    assert!(error.contains("made more than"), "{error:.300}");
    let error = failure("until 1000000000");
    assert!(error.contains("made more than"), "{error:.300}");
    let error = failure(r#"$x := repeat 4000000 "x" }}{{ range 1000000 }}{{ $_ := len $x }}{{ end }}{{ "x""#);
    assert!(error.contains("took more than 50000000 steps"), "{error:.300}");
    // Each takes long, so that few of them are as much as many of anything else.
    let error = failure(r#"range until 1000 }}{{ genPrivateKey "ed25519" }}{{ end }}{{ "x""#);
    assert!(error.contains("took more than 50000000 steps"), "{error:.300}");
}
