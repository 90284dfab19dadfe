//! TOML as Helm reads it: what each text is to it, right or wrong.
#![allow(clippy::expect_used, reason = "a test fails by panicking")]

#[path = "support/rendering.rs"]
mod rendering;

use rendering::{chart, context};
use serde_json::{Value, json};
use spacecraft_helm::engine::render;

/// What a template sees of the TOML `text`, as JSON.
fn read(text: &str) -> String {
    let chart = chart("{{ fromToml .Values.text | toJson }}");
    let mut rendered =
        render(&chart, &json!({ "text": text }), &context(1)).expect("the template is rendered");
    rendered.remove("c/templates/t.yaml").expect("the template has a manifest")
}

#[test]
fn a_text_is_read_into_the_same_tables() {
    let cases = [
        ("a.b = 1\na = 2", "{\"a\":{\"b\":1}}"),
        ("a = {b=1}\n[a.c]", "{\"a\":{\"b\":1,\"c\":{}}}"),
        ("a = {b=1}\na.c=2", "{\"a\":{\"b\":1,\"c\":2}}"),
        ("a = [1,\n2,\n# c\n]", "{\"a\":[1,2]}"),
        ("a = inf\nb=-inf\nc=+nan", ""),
        ("[\"a\".'b' . c]\nd=1", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}"),
        (
            "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00.5\nc = 1979-05-27\nd = 07:32:00\ne=1979-05-27t07:32:00-07:00",
            "{\"a\":\"1979-05-27T07:32:00Z\",\"b\":\"1979-05-27T07:32:00.5Z\",\"c\":\"1979-05-27T00:00:00Z\",\"d\":\"0000-01-01T07:32:00Z\",\"e\":\"1979-05-27T07:32:00-07:00\"}",
        ),
        ("a = '''\nx''y'''''", "{\"a\":\"x''y''\"}"),
        ("a = \"\"\"\nx\\\n   y\\\"\\n\"\"\"\"\"", "{\"a\":\"xy\\\"\\n\\\"\\\"\"}"),
        ("a = 1 # c\n# d\n", "{\"a\":1}"),
        ("a = 1\r\nb = 2\r\n", "{\"a\":1,\"b\":2}"),
        ("a.b.c = 1\na.b.d = 2\n[a.b.e]\nf=1", "{\"a\":{\"b\":{\"c\":1,\"d\":2,\"e\":{\"f\":1}}}}"),
        ("[a.b]\nc=1\n[a]\nd=1", "{\"a\":{\"b\":{\"c\":1},\"d\":1}}"),
        ("[a.b.c]\n[a]\nb.x=1", "{\"a\":{\"b\":{\"c\":{},\"x\":1}}}"),
        ("[[a.b]]\nc=1\n[[a.b]]\nc=2\n[a.b.d]\ne=1", "{\"a\":{\"b\":[{\"c\":1},{\"c\":2,\"d\":{\"e\":1}}]}}"),
        ("a = [[1,2],[\"x\"],[{b=1},{c=2}]]", "{\"a\":[[1,2],[\"x\"],[{\"b\":1},{\"c\":2}]]}"),
        ("a = {b.c=1, b.d=2, e={f=[1]}}", "{\"a\":{\"b\":{\"c\":1,\"d\":2},\"e\":{\"f\":[1]}}}"),
        ("1 = 2\n3.4 = 5\n-x_ = 6", "{\"-x_\":6,\"1\":2,\"3\":{\"4\":5}}"),
        ("a = {}\nb = []", "{\"a\":{},\"b\":[]}"),
        ("a = \"tab\there\"\nb='\\n'", "{\"a\":\"tab\\there\",\"b\":\"\\\\n\"}"),
        ("a = [1, 2.5, \"x\", true]", "{\"a\":[1,2.5,\"x\",true]}"),
        (
            "a = -0\nb=+1\nc=1_000\nd=0xdead_beef\ne=0o17\nf=0b11\ng=-1.5e-3",
            "{\"a\":0,\"b\":1,\"c\":1000,\"d\":3735928559,\"e\":15,\"f\":3,\"g\":-0.0015}",
        ),
        ("a = 2020-01-01 # c", "{\"a\":\"2020-01-01T00:00:00Z\"}"),
        ("d = [2020-01-01, 10:00:00]", "{\"d\":[\"2020-01-01T00:00:00Z\",\"0000-01-01T10:00:00Z\"]}"),
        ("d = 2020-01-01T00:00:00.123456Z", "{\"d\":\"2020-01-01T00:00:00.123456Z\"}"),
        ("d = 2020-01-01T00:00:00+05:30", "{\"d\":\"2020-01-01T00:00:00+05:30\"}"),
        ("a = 1", "{\"a\":1}"),
        ("a = 1.0", "{\"a\":1}"),
        ("a = 2020-01-01", "{\"a\":\"2020-01-01T00:00:00Z\"}"),
        ("a = [1]", "{\"a\":[1]}"),
        ("[[a]]\nb=1", "{\"a\":[{\"b\":1}]}"),
        ("a = [{b=1}]", "{\"a\":[{\"b\":1}]}"),
        ("a = {b=1}", "{\"a\":{\"b\":1}}"),
        ("a = 2020-01-01T10:00:00Z", "{\"a\":\"2020-01-01T10:00:00Z\"}"),
        ("a = 10:00:00", "{\"a\":\"0000-01-01T10:00:00Z\"}"),
        ("a = 2020-01-01T10:00:00", "{\"a\":\"2020-01-01T10:00:00Z\"}"),
        ("a = [{b.c=1}]", "{\"a\":[{\"b\":{\"c\":1}}]}"),
        (
            "a = [{b.c=1, b.d=2, e=3}, {b.c=4}]",
            "{\"a\":[{\"b\":{\"c\":1,\"d\":2},\"e\":3},{\"b\":{\"c\":4}}]}",
        ),
        ("a=[1]\na=2", "{\"a\":2}"),
        ("a=[1]\na.b=2", "{\"a\":{\"b\":2}}"),
        ("a=[1]\n[a]\nb=1", "{\"a\":{\"b\":1}}"),
        ("a=[[{b=1}],[{c=2}]]", "{\"a\":[[{\"b\":1}],[{\"c\":2}]]}"),
        (
            "[[a]]\nx=1\n[[a]]\nx=2\n[a.b]\nc=1\n[[a.d]]\ne=1",
            "{\"a\":[{\"x\":1},{\"b\":{\"c\":1},\"d\":[{\"e\":1}],\"x\":2}]}",
        ),
        ("[a]\nb.c=1\n[a.b]\nd=1", "{\"a\":{\"b\":{\"c\":1,\"d\":1}}}"),
        ("a = \"\"\"x \\  \n  y\"\"\"", "{\"a\":\"x y\"}"),
        ("a = \"\\U0001F600\\u00e9\\b\\f\"", "{\"a\":\"😀é\\b\\f\"}"),
        ("a = {b = {c = 1}, b.d = 2}", "{\"a\":{\"b\":{\"c\":1,\"d\":2}}}"),
        ("a = {b = 1} # c\n# x", "{\"a\":{\"b\":1}}"),
        ("# only", "{}"),
        ("", "{}"),
        ("   ", "{}"),
        ("\n# c\n[t] # c\n", "{\"t\":{}}"),
        ("a = [ # c\n 1, # d\n 2 # e\n]", "{\"a\":[1,2]}"),
        ("\u{feff}a = 1", "{\"a\":1}"),
        ("[a] # c\nb = 1", "{\"a\":{\"b\":1}}"),
        ("a = 1_000.5_0e1_0", "{\"a\":10005000000000}"),
        ("a = 1e06", "{\"a\":1000000}"),
        ("a = 0e0\nb = -0.0\nc=0.0", "{\"a\":0,\"b\":-0,\"c\":0}"),
        ("a = 12:00:00.123456789123", "{\"a\":\"0000-01-01T12:00:00.123456789Z\"}"),
        ("a = 2000-01-01 \nb = 1", "{\"a\":\"2000-01-01T00:00:00Z\",\"b\":1}"),
        ("a = 2000-01-01 00:00:00Z", "{\"a\":\"2000-01-01T00:00:00Z\"}"),
        ("x = 2000-01-01", "{\"x\":\"2000-01-01T00:00:00Z\"}"),
        ("x = 10:00:00", "{\"x\":\"0000-01-01T10:00:00Z\"}"),
        ("x = 2000-01-01T10:00:00", "{\"x\":\"2000-01-01T10:00:00Z\"}"),
        ("x = 2000-01-01T10:00:00.5Z", "{\"x\":\"2000-01-01T10:00:00.5Z\"}"),
        ("x = [2000-01-01T10:00:00.5Z]", "{\"x\":[\"2000-01-01T10:00:00.5Z\"]}"),
    ];
    for (text, expected) in cases {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn a_wrong_text_is_refused_in_the_same_words() {
    let cases = [
        ("abc", "toml: line 1: unexpected EOF; expected key separator '='"),
        ("abc\n", "toml: line 1: expected '.' or '=', but got '\\n' instead"),
        ("\n\nabc", "toml: line 3: unexpected EOF; expected key separator '='"),
        ("a = 1\nabc", "toml: line 2: unexpected EOF; expected key separator '='"),
        ("a = 1\na = 2", "toml: line 2 (last key \"a\"): Key 'a' has already been defined."),
        ("a = 1\na.b = 2", "toml: line 2 (last key \"a.b\"): Key 'a' has already been defined."),
        ("[a]\n[a]", "toml: line 2: Key 'a' has already been defined."),
        ("[a]\nb=1\n[a.b]", "toml: line 3 (last key \"a\"): Key 'a.b' has already been defined."),
        ("[[a]]\n[a]", "toml: line 2: Key 'a' has already been defined."),
        ("[a]\n[[a]]", "toml: line 2: Key 'a' was already created and cannot be used as an array."),
        ("a = [1]\n[[a]]", "toml: line 2: Key 'a' was already created and cannot be used as an array."),
        ("a = {b=1}\n[a]", "toml: line 2: Key 'a' has already been defined."),
        ("a = {b=1, b=2}", "toml: line 1 (last key \"a.b\"): Key 'a.b' has already been defined."),
        ("a = {b=1,}", "toml: line 1 (last key \"a.b\"): trailing comma not allowed in inline tables"),
        ("a = {b=1\n}", "toml: line 1 (last key \"a.b\"): newlines not allowed within inline tables"),
        ("a = {,}", "toml: line 1 (last key \"a\"): unexpected comma"),
        (
            "a = {b=1 c=2}",
            "toml: line 1 (last key \"a.b\"): expected a comma or an inline table terminator '}', but got 'c' instead",
        ),
        (
            "a = {b=1",
            "toml: line 1 (last key \"a.b\"): expected a comma or an inline table terminator '}', but got end of file instead",
        ),
        (
            "a = [1, 2",
            "toml: line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got end of file",
        ),
        (
            "a = [1 2]",
            "toml: line 1 (last key \"a\"): expected a comma (',') or array terminator (']'), but got '2'",
        ),
        ("a = [,]", "toml: line 1 (last key \"a\"): unexpected comma"),
        ("a = ", "toml: line 1 (last key \"a\"): unexpected EOF; expected value"),
        ("a = \nb=1", "toml: line 1 (last key \"a\"): expected value but found '\\n' instead"),
        ("= 1", "toml: line 1: unexpected '=': key name appears blank"),
        ("a = \"x", "toml: line 1 (last key \"a\"): unexpected EOF; expected '\"'"),
        ("a = \"x\ny\"", "toml: line 1 (last key \"a\"): strings cannot contain newlines"),
        ("a = 'x", "toml: line 1 (last key \"a\"): unexpected EOF; expected \"'\""),
        ("a = \"\"\"x", "toml: line 1 (last key \"a\"): unexpected EOF; expected '\"\"\"'"),
        ("a = '''x", "toml: line 1 (last key \"a\"): unexpected EOF; expected \"'''\""),
        ("a = \"\\q\"", "toml: line 1 (last key \"a\"): invalid escape in string '\\q'"),
        (
            "a = \"\\u12\"",
            "toml: line 1 (last key \"a\"): expected four hexadecimal digits after '\\u', but got \"\\\\u12\\\"\" instead",
        ),
        ("a = \"\\ud800\"", "toml: line 1 (last key \"a\"): Escaped character '\\ud800' is not valid UTF-8."),
        ("a = \"\\e\\x41\"", "toml: line 1 (last key \"a\"): invalid escape in string '\\e'"),
        ("a = 01", "toml: line 1 (last key \"a\"): Invalid integer \"01\": cannot have leading zeroes"),
        (
            "a = 1_",
            "toml: line 1 (last key \"a\"): Invalid integer \"1_\": underscores must be surrounded by digits",
        ),
        (
            "a = 1__0",
            "toml: line 1 (last key \"a\"): Invalid integer \"1__0\": underscores must be surrounded by digits",
        ),
        ("a = 0x", "toml: line 1 (last key \"a\"): not a hexadecimal number: '0x\u{0}'"),
        ("a = 0xG", "toml: line 1 (last key \"a\"): not a hexadecimal number: '0xG'"),
        ("a = 0b2", "toml: line 1 (last key \"a\"): not a binary number: '0b2'"),
        ("a = +0x1", "toml: line 1 (last key \"a\"): cannot use sign with non-decimal numbers: '+0x'"),
        ("a = .5", "toml: line 1 (last key \"a\"): floats must start with a digit, not '.'"),
        (
            "a = 5.",
            "toml: line 1 (last key \"a\"): Invalid float \"5.\": '.' must be followed by one or more digits",
        ),
        (
            "a = 1.e5",
            "toml: line 1 (last key \"a\"): Invalid float \"1.e5\": '.' must be followed by one or more digits",
        ),
        ("a = 1e", "toml: line 1 (last key \"a\"): Invalid float value: \"1e\""),
        ("a = 1e400", "toml: line 1 (last key \"a\"): 1e400 is out of range for float64"),
        (
            "a = 99999999999999999999",
            "toml: line 1 (last key \"a\"): 99999999999999999999 is out of range for int64",
        ),
        ("a = tru", "toml: line 1 (last key \"a\"): expected value but found \"tru\" instead"),
        ("a = truex", "toml: line 1 (last key \"a\"): expected value but found \"truex\" instead"),
        (
            "a = infx",
            "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'x' instead",
        ),
        ("a = @", "toml: line 1 (last key \"a\"): expected value but found '@' instead"),
        (
            "a = 1 b = 2",
            "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'b' instead",
        ),
        ("a b = 1", "toml: line 1: expected '.' or '=', but got 'b' instead"),
        (".a = 1", "toml: line 1: unexpected '.': keys cannot start with a '.'"),
        ("a. = 1", "toml: line 1: unexpected '='"),
        ("a..b = 1", "toml: line 1: unexpected '.'"),
        ("[]", "toml: line 1: unexpected end of table name (table names cannot be empty)"),
        ("[a", "toml: line 1: expected '.' or ']' to end table name, but got '\\x00' instead"),
        ("[a.]", "toml: line 1: unexpected end of table name (table names cannot be empty)"),
        ("[.a]", "toml: line 1: unexpected table separator (table names cannot be empty)"),
        (
            "[a]]",
            "toml: line 1 (last key \"a\"): expected a top-level item to end with a newline, comment, or EOF, but got ']' instead",
        ),
        ("[[a]", "toml: line 1: expected end of table array name delimiter ']', but got '\\x00' instead"),
        (
            "[a] x",
            "toml: line 1 (last key \"a\"): expected a top-level item to end with a newline, comment, or EOF, but got 'x' instead",
        ),
        ("[a b]", "toml: line 1: expected '.' or ']' to end table name, but got 'b' instead"),
        ("a = 1979-13-27", "toml: line 1 (last key \"a\"): invalid datetime: \"1979-13-27\""),
        ("a = 1979-05-27T07:32", "toml: line 1 (last key \"a\"): invalid datetime: \"1979-05-27T07:32\""),
        ("a = 07:32", "toml: line 1 (last key \"a\"): invalid datetime: \"07:32\""),
        ("a = \"\"\"\"\"\"\"\"\"", "toml: line 1 (last key \"a\"): unexpected '\"\"\"\"\"\"'"),
        (
            "a = \"\u{1}\"",
            "toml: line 1 (last key \"a\"): TOML files cannot contain control characters: '0x01'",
        ),
        (
            "a = 1\rb = 2",
            "toml: line 1 (last key \"a\"): TOML files cannot contain control characters: '0x0d'",
        ),
        ("\"\" = 1\n'' = 2", "toml: line 2: Key '\"\"' has already been defined."),
        ("é = 1", "toml: line 1: expected '.' or '=', but got 'é' instead"),
        (
            "\n\na = [\n1\n",
            "toml: line 4 (last key \"a\"): expected a comma (',') or array terminator (']'), but got end of file",
        ),
        ("a = 'x'\n\n\nb = c", "toml: line 4 (last key \"b\"): expected value but found \"c\" instead"),
        ("x.y = 1\nx.y.z = 2", "toml: line 2 (last key \"x.y.z\"): Key 'x.y' has already been defined."),
        ("[a]\nx=1\n[b]\ny = q", "toml: line 4 (last key \"b.y\"): expected value but found \"q\" instead"),
        ("[a.b]\nx.y = q", "toml: line 2 (last key \"a.b.x.y\"): expected value but found \"q\" instead"),
        ("a = {b = q}", "toml: line 1 (last key \"a.b\"): expected value but found \"q\" instead"),
        ("a = [{b = 1}, q]", "toml: line 1 (last key \"a\"): expected value but found \"q\" instead"),
        (
            "a=[{b=1},{b=2}]\n[[a]]\nb=3",
            "toml: line 2: Key 'a' was already created and cannot be used as an array.",
        ),
        ("a = 1\n[a.b]", "toml: line 2: Key 'a' was already created as a hash."),
        ("[a\n]", "toml: line 2: expected '.' or ']' to end table name, but got '\\n' instead"),
        ("a = [\n,]", "toml: line 2 (last key \"a\"): unexpected comma"),
        ("a = [\n  @]", "toml: line 2 (last key \"a\"): expected value but found '@' instead"),
        ("a = 1\n\u{1}", "toml: line 2: TOML files cannot contain control characters: '0x01'"),
        ("a = 1\n  x y", "toml: line 2: expected '.' or '=', but got 'y' instead"),
        ("a = 1\n=", "toml: line 2: unexpected '=': key name appears blank"),
        ("a = 1\n.", "toml: line 2: unexpected '.': keys cannot start with a '.'"),
        ("a=[{b=1}]\n[a.c]\nd=1", "toml: line 2: Key 'a' was already created as a hash."),
        (
            "[a]\nb.c=1\n[a.b.c]\nd=1",
            "toml: line 3 (last key \"a.b\"): Key 'a.b.c' has already been defined.",
        ),
        ("a=1\n[[a]]", "toml: line 2: Key 'a' was already created and cannot be used as an array."),
        (
            "a.\"b c\".'d' = q",
            "toml: line 1 (last key \"a.\\\"b c\\\".d\"): expected value but found \"q\" instead",
        ),
        (
            "[\"x y\"]\na = q",
            "toml: line 2 (last key \"\\\"x y\\\".a\"): expected value but found \"q\" instead",
        ),
        ("a = \"\"\"x\n\ny\\q\"\"\"", "toml: line 3 (last key \"a\"): invalid escape in string '\\q'"),
        ("a = \"x\\ y\"", "toml: line 1 (last key \"a\"): invalid escape: '\\ '"),
        ("a = \"\"\"x\\ y\"\"\"", "toml: line 1 (last key \"a\"): invalid escape: '\\ '"),
        ("a = nan\nb = nax", "toml: line 2 (last key \"b\"): expected value but found \"ax\" instead"),
        ("a = +x", "toml: line 1 (last key \"a\"): expected a digit but got 'x'"),
        ("a = +in", "toml: line 1 (last key \"a\"): invalid float: '+in'"),
        ("a = -", "toml: line 1 (last key \"a\"): expected a digit but got '\\x00'"),
        ("a = 1.5.5", "toml: line 1 (last key \"a\"): Invalid float value: \"1.5.5\""),
        ("a = 1e5e5", "toml: line 1 (last key \"a\"): Invalid float value: \"1e5e5\""),
        ("a = 00.5", "toml: line 1 (last key \"a\"): Invalid float \"00.5\": cannot have leading zeroes"),
        (
            "a = 1_.5",
            "toml: line 1 (last key \"a\"): Invalid float \"1_.5\": underscores must be surrounded by digits",
        ),
        ("a = 0x_1", "toml: line 1 (last key \"a\"): not a hexadecimal number: '0x_'"),
        ("a = 0o8", "toml: line 1 (last key \"a\"): not an octal number: '0o8'"),
        ("a = 0o", "toml: line 1 (last key \"a\"): not an octal number: '0o\u{0}'"),
        (
            "a = 1979-05-27x",
            "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'x' instead",
        ),
        (
            "a = \"\\U00110000\"",
            "toml: line 1 (last key \"a\"): Escaped character '\\u00110000' is not valid UTF-8.",
        ),
        (
            "a = \"\\U0011\"",
            "toml: line 1 (last key \"a\"): expected eight hexadecimal digits after '\\U', but got \"\\\\U0011\\\"\" instead",
        ),
        ("a = {b = 1 # c\n}", "toml: line 1 (last key \"a.b\"): newlines not allowed within inline tables"),
        ("a = 1 # \u{1}", "toml: line 1: TOML files cannot contain control characters: '0x01'"),
        (
            "a = 'x\u{7f}'",
            "toml: line 1 (last key \"a\"): TOML files cannot contain control characters: '0x7f'",
        ),
        ("a = 1\n\n[b", "toml: line 3: expected '.' or ']' to end table name, but got '\\x00' instead"),
        ("a = 1\n\n[b\n", "toml: line 4: expected '.' or ']' to end table name, but got '\\n' instead"),
        ("a = {\n", "toml: line 1 (last key \"a\"): newlines not allowed within inline tables"),
        ("a = {b", "toml: line 1 (last key \"a\"): unexpected EOF; expected key separator '='"),
        ("a = {b=", "toml: line 1 (last key \"a.b\"): unexpected EOF; expected value"),
        ("a = [", "toml: line 1 (last key \"a\"): unexpected EOF; expected value"),
        ("a = [\n\n", "toml: line 2 (last key \"a\"): unexpected EOF; expected value"),
        (
            "[[a]]]",
            "toml: line 1 (last key \"a\"): expected a top-level item to end with a newline, comment, or EOF, but got ']' instead",
        ),
        (
            "a = true b",
            "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'b' instead",
        ),
        (
            "a = \"x\"y",
            "toml: line 1: expected a top-level item to end with a newline, comment, or EOF, but got 'y' instead",
        ),
        ("a = 2000-02-30", "toml: line 1 (last key \"a\"): invalid datetime: \"2000-02-30\""),
        (
            "a = 2000-01-01T25:00:00Z",
            "toml: line 1 (last key \"a\"): invalid datetime: \"2000-01-01T25:00:00Z\"",
        ),
        (
            "a = 2000-01-01T00:00:00.Z",
            "toml: line 1 (last key \"a\"): invalid datetime: \"2000-01-01T00:00:00.Z\"",
        ),
        (
            "a = 2000-01-01T00:00:00+25:00",
            "toml: line 1 (last key \"a\"): invalid datetime: \"2000-01-01T00:00:00+25:00\"",
        ),
        ("a = 2000-1-1", "toml: line 1 (last key \"a\"): invalid datetime: \"2000-1-1\""),
        ("a = 1:2", "toml: line 1 (last key \"a\"): invalid datetime: \"1:2\""),
    ];
    for (text, expected) in cases {
        let refusal: Value = serde_json::from_str(&read(text)).expect("the answer is JSON");
        assert_eq!(refusal, json!({ "Error": expected }), "{text}");
    }
}
