//! Templates as Go executes them.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;
use spacecraft_gotemplate::{
    CallError, Function, Functions, Interpreter, Limits, TemplateSet, Type, Value, parse,
};

fn functions() -> Functions {
    let mut functions = Functions::builtin();
    functions.insert("upper", Function::new(&[Type::String], |call| Ok(call.text(0).to_uppercase().into())));
    functions.insert(
        "list",
        Function::variadic(&[], Type::Any, |call| Ok(Value::list(call.arguments().to_vec()))),
    );
    functions.insert(
        "set",
        Function::new(&[Type::Map, Type::String, Type::Any], |call| {
            let map = call.map(0).ok_or_else(|| CallError::new("assignment to entry in nil map"))?;
            map.insert(call.bytes(1), call.value(2).clone());
            Ok(call.value(0).clone())
        }),
    );
    functions.insert("trunc", Function::new(&[Type::Int, Type::String], |call| Ok(call.value(1).clone())));
    functions
}

fn try_render(text: &str, data: &serde_json::Value) -> Result<String, String> {
    let functions = functions();
    let parsed = parse("t", text, functions.names()).map_err(|error| error.to_string())?;
    let mut templates = TemplateSet::new();
    templates.add(&parsed);
    let interpreter = Interpreter::new(&functions, Limits::default());
    let output =
        interpreter.execute(&templates, "t", &Value::from(data)).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

fn render(text: &str, data: &serde_json::Value) -> String {
    try_render(text, data).expect("the template renders")
}

fn failure(text: &str, data: &serde_json::Value) -> String {
    try_render(text, data).expect_err("the template fails")
}

#[test]
fn trim_markers_eat_white_space_on_their_side_only() {
    assert_eq!(render("a \n {{- 1 }} b", &json!(null)), "a1 b");
    assert_eq!(render("a {{ 1 -}} \n b", &json!(null)), "a 1b");
    assert_eq!(render("a {{- /* c */ -}} b", &json!(null)), "ab");
    assert_eq!(render("a {{- /* c */}} b", &json!(null)), "a b");
    assert_eq!(render("x {{-3}}", &json!(null)), "x -3");
}

#[test]
fn a_missing_value_prints_as_no_value_and_its_fields_are_missing_too() {
    assert_eq!(render("{{ .a }}", &json!({})), "<no value>");
    assert_eq!(render("{{ $x := .a }}{{ $x.b.c }}", &json!({})), "<no value>");
    assert_eq!(
        failure("{{ .a.b }}", &json!({})),
        "template: t:1:5: executing \"t\" at <.a.b>: nil pointer evaluating interface {}.b"
    );
}

#[test]
fn fields_of_what_has_none_are_errors_that_name_the_static_type() {
    let data = json!({"s": "text"});
    assert_eq!(
        failure("{{ .s.x }}", &data),
        "template: t:1:5: executing \"t\" at <.s.x>: can't evaluate field x in type interface {}"
    );
    assert_eq!(
        failure("{{ $s := .s }}{{ $s.x }}", &data),
        "template: t:1:19: executing \"t\" at <$s.x>: can't evaluate field x in type string"
    );
}

#[test]
fn errors_count_lines_from_1_and_columns_in_bytes_from_0() {
    let error = failure("one\n  {{ index .l 7 }}", &json!({"l": []}));
    assert_eq!(
        error,
        "template: t:2:5: executing \"t\" at <index .l 7>: error calling index: index out of range: 7"
    );
}

#[test]
fn arguments_are_checked_against_parameter_types() {
    let data = json!({"n": 1.5, "nil": null});
    assert!(
        failure("{{ upper .n }}", &data)
            .ends_with("at <.n>: wrong type for value; expected string; got float64")
    );
    assert!(failure("{{ .nil | upper }}", &data).ends_with("at <upper>: invalid value; expected string"));
    assert!(
        failure("{{ upper .nil }}", &data)
            .ends_with("at <.nil>: wrong type for value; expected string; got interface {}")
    );
    assert!(failure("{{ upper 1 }}", &data).ends_with("at <1>: expected string; found 1"));
    assert!(
        failure("{{ trunc \"x\" }}", &data)
            .ends_with("at <trunc>: wrong number of args for trunc: want 2 got 1")
    );
    assert!(failure("{{ upper nil }}", &data).ends_with("at <nil>: cannot assign nil to string"));
}

#[test]
fn variables_shadow_in_inner_blocks_and_assignment_reaches_out() {
    let text =
        "{{ $a := 1 }}{{ $b := 1 }}{{ if true }}{{ $a := 2 }}{{ $b = 2 }}{{ $a }}{{ end }}{{ $a }}{{ $b }}";
    assert_eq!(render(text, &json!(null)), "212");
}

#[test]
fn ranges_go_over_lists_maps_integers_and_nothing() {
    assert_eq!(
        render("{{ range $i, $x := .l }}{{ $i }}={{ $x }};{{ end }}", &json!({"l": ["a", "b"]})),
        "0=a;1=b;"
    );
    assert_eq!(
        render("{{ range $k, $v := . }}{{ $k }}{{ $v }} {{ end }}", &json!({"b": 2, "a": 1})),
        "a1 b2 "
    );
    assert_eq!(render("{{ range 3 }}{{ . }}{{ end }}", &json!(null)), "012");
    assert_eq!(render("{{ range .x }}x{{ else }}none{{ end }}", &json!({})), "none");
    assert!(
        failure("{{ range .f }}{{ end }}", &json!({"f": 1.0}))
            .ends_with("at <.f>: range can't iterate over 1")
    );
}

#[test]
fn break_and_continue_leave_only_their_own_loop() {
    let text = "{{ range list 1 2 }}{{ range list 1 2 3 }}{{ if eq . 2 }}{{ break }}{{ end }}{{ . }}{{ end }};{{ end }}";
    assert_eq!(render(text, &json!(null)), "1;1;");
    let text = "{{ range list 1 2 3 }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ . }}{{ end }}";
    assert_eq!(render(text, &json!(null)), "13");
}

#[test]
fn and_and_or_stop_at_the_argument_that_decides() {
    assert_eq!(render("{{ or .a (index .l 9) }}", &json!({"a": "x", "l": []})), "x");
    assert_eq!(render("{{ and .a (index .l 9) }}", &json!({"a": "", "l": []})), "");
    assert_eq!(render("{{ 5 | or 0 \"\" }}", &json!(null)), "5");
}

#[test]
fn numbers_of_different_kinds_do_not_compare() {
    let data = json!({"n": 3.0});
    assert!(failure("{{ eq .n 3 }}", &data).ends_with("incompatible types for comparison: float64 and int"));
    assert!(
        failure("{{ gt .n 1 }}", &data)
            .ends_with("error calling gt: incompatible types for comparison: float64 and int")
    );
    assert_eq!(
        render("{{ eq .n 3.0 }} {{ eq .none nil }} {{ lt 1 2 }} {{ eq 1 2 1 }}", &data),
        "true true true true"
    );
}

#[test]
fn a_map_set_in_one_place_shows_in_all() {
    assert_eq!(render("{{ $_ := set .m \"k\" 1 }}{{ .m.k }}{{ len .m }}", &json!({"m": {}})), "11");
}

#[test]
fn defined_templates_are_called_with_their_own_dot_and_no_variables() {
    let text = "{{ define \"d\" }}[{{ . }}]{{ end }}{{ template \"d\" 1 }}{{ template \"d\" }}{{ block \"b\" 2 }}<{{ . }}>{{ end }}";
    assert_eq!(render(text, &json!(null)), "[1][<no value>]<2>");
    assert_eq!(
        failure("{{ template \"gone\" . }}", &json!(null)),
        "template: t:1:12: executing \"t\" at <{{template \"gone\" .}}>: template \"gone\" not defined"
    );
}

#[test]
fn of_two_definitions_the_later_wins_unless_it_is_empty() {
    let functions = functions();
    let mut templates = TemplateSet::new();
    for text in
        ["{{ define \"d\" }}one{{ end }}", "{{ define \"d\" }}two{{ end }}", "{{ define \"d\" }} {{ end }}"]
    {
        templates.add(&parse("t", text, functions.names()).unwrap());
    }
    let interpreter = Interpreter::new(&functions, Limits::default());
    assert_eq!(*interpreter.execute(&templates, "d", &Value::Nil).unwrap(), *b"two");
}

#[test]
fn an_absent_template_is_an_error() {
    let functions = functions();
    let interpreter = Interpreter::new(&functions, Limits::default());
    let error = interpreter.execute(&TemplateSet::new(), "x", &Value::Nil).unwrap_err();
    assert_eq!(error.to_string(), "template: no template \"x\" associated with template \"gotpl\"");
}

#[test]
fn what_is_no_template_is_refused_in_the_words_of_go() {
    let cases = [
        ("{{ end }}", "template: t:1: unexpected {{end}}"),
        ("{{ if 1 }}", "template: t:1: unexpected EOF"),
        ("a\n{{ nope 1 }}", "template: t:2: function \"nope\" not defined"),
        ("{{ $x }}", "template: t:1: undefined variable \"$x\""),
        ("{{ .a", "template: t:1: unclosed action"),
        ("{{ .a\n}", "template: t:2: unexpected \"}\" in operand"),
        ("{{ break }}", "template: t:1: {{break}} outside {{range}}"),
        ("{{ (1 }}", "template: t:1: unclosed left paren"),
        ("{{ 1 ) }}", "template: t:1: unexpected right paren"),
        ("{{ \"a }}", "template: t:1: unterminated quoted string"),
        ("{{/* a }}", "template: t:1: unclosed comment"),
        ("{{/* a */ }}", "template: t:1: comment ends before closing delimiter"),
        ("{{ }}", "template: t:1: missing value for command"),
        ("{{ 1 | 2 }}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{ if }}{{ end }}", "template: t:1: missing value for if"),
        ("{{ 1.x }}", "template: t:1: bad number syntax: \"1.x\""),
        ("{{ true.x }}", "template: t:1: unexpected . after term \"true\""),
        ("{{ else }}", "template: t:1: unexpected {{else}}"),
        ("{{ define 1 }}{{ end }}", "template: t:1: unexpected \"1\" in define clause"),
        ("{{ 99999999999999999999 }}", "template: t:1: integer overflow: \"99999999999999999999\""),
        ("{{ a?b }}", "template: t:1: bad character U+003F '?'"),
        (
            "{{ define \"a\" }}x{{ end }}{{ define \"a\" }}y{{ end }}",
            "template: t:1: template: multiple definition of template \"a\"",
        ),
    ];
    for (text, message) in cases {
        assert_eq!(failure(text, &json!(null)), message, "{text}");
    }
}

#[test]
fn constants_take_the_type_that_is_asked_for() {
    assert_eq!(render("{{ printf \"%T %T %T %T\" 1 1.0 'a' 0x10 }}", &json!(null)), "int float64 int int");
    assert_eq!(
        render("{{ 1_000 }} {{ 0b11 }} {{ 0o17 }} {{ 017 }} {{ 1e3 }} {{ '\\n' }}", &json!(null)),
        "1000 3 15 15 1000 10"
    );
}

#[test]
fn an_error_behind_parentheses_names_what_was_evaluated_last() {
    let data = json!({"s": "str", "m": {"k": "str"}});
    for (text, place) in [
        ("{{ (.s).x }}", "t:1:4: executing \"t\" at <.s>: can't evaluate field x in type string"),
        ("{{ (.m).nope.j }}", "t:1:4: executing \"t\" at <.m>: nil pointer evaluating interface {}.j"),
        (
            "{{ (index . \"s\").x.y }}",
            "t:1:12: executing \"t\" at <\"s\">: can't evaluate field x in type string",
        ),
        ("{{ range (.m).k }}{{ end }}", "t:1:10: executing \"t\" at <.m>: range can't iterate over str"),
        ("{{ .m.k.x }}", "t:1:5: executing \"t\" at <.m.k.x>: can't evaluate field x in type interface {}"),
    ] {
        assert_eq!(failure(text, &data), format!("template: {place}"), "{text}");
    }
}

fn limited(text: &str, limits: Limits) -> String {
    let functions = functions();
    let mut templates = TemplateSet::new();
    templates.add(&parse("t", text, functions.names()).unwrap());
    let interpreter = Interpreter::new(&functions, limits);
    interpreter.execute(&templates, "t", &Value::Nil).unwrap_err().to_string()
}

#[test]
fn a_loop_without_end_is_stopped() {
    let text = "{{ range 1000000 }}{{ range 1000000 }}{{ end }}{{ end }}";
    let error = limited(text, Limits { steps: 10_000, ..Limits::default() });
    assert!(error.ends_with("the templates took more than 10000 steps"), "{error}");
}

#[test]
fn text_that_doubles_without_end_is_stopped() {
    let text = "{{ $x := \"0123456789\" }}{{ range 100 }}{{ $x = print $x $x }}{{ end }}";
    let error = limited(text, Limits { bytes: 1_000_000, ..Limits::default() });
    assert!(error.contains("made more than 1000000 bytes"), "{error}");
}

#[test]
fn a_template_that_calls_itself_without_end_is_stopped() {
    let error =
        limited("{{ define \"d\" }}{{ template \"d\" }}{{ end }}{{ template \"d\" }}", Limits::default());
    assert!(error.contains("exceeded maximum template depth (100)"), "{error}");
}

#[test]
fn a_map_that_holds_itself_prints_and_is_no_json() {
    let text = "{{ $_ := set . \"self\" . }}{{ . | printf \"%v\" | len }}";
    assert!(!render(text, &json!({})).is_empty());
    let Value::Map(map) = Value::from(json!({})) else { panic!("an object is a map") };
    map.insert("self", Value::Map(map.clone()));
    assert!(Value::Map(map.clone()).to_json().is_err());
    map.remove("self");
}

#[test]
fn a_list_nested_a_million_deep_is_dropped_without_a_full_stack() {
    let mut list = Value::list(Vec::new());
    for _ in 0..1_000_000 {
        list = Value::list(vec![list]);
    }
    drop(list);
}

#[test]
fn nesting_without_end_is_refused() {
    let deep = 100_000;
    assert!(
        failure(&format!("{{{{ {} 1", "(".repeat(deep)), &json!(null))
            .contains("max expression depth exceeded")
    );
    assert!(failure(&"{{ if 1 }}".repeat(deep), &json!(null)).contains("max expression depth exceeded"));
    let chain = format!("{{{{ if 0 }}}}{}{{{{ end }}}}", "{{ else if 0 }}".repeat(deep));
    assert!(failure(&chain, &json!(null)).contains("max expression depth exceeded"));
}

#[test]
fn a_hundred_levels_are_executed_on_an_ordinary_stack() {
    let chain = format!("{{{{ if 0 }}}}{}{{{{ else }}}}last{{{{ end }}}}", "{{ else if 0 }}".repeat(90));
    assert_eq!(render(&chain, &json!(null)), "last");
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(90), ")".repeat(90));
    assert_eq!(render(&parentheses, &json!(null)), "1");
}

#[test]
fn what_cannot_be_called_or_compared_is_named_as_go_names_it() {
    let data = json!({"map": {"a": 1.0}, "text": "hi"});
    assert!(failure("{{ .text | call }}", &data).ends_with("non-function hi of type string"));
    assert!(failure("{{ eq (list 1) .map }}", &data).contains("non-comparable types [%!s(int=1)]: "));
    assert!(
        failure("{{ eq .map .map }}", &data)
            .ends_with("non-comparable type map[a:%!s(float64=1)]: map[string]interface {}")
    );
}
