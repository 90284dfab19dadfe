//! Printing as Go's `fmt` does.

use spacecraft_gotemplate::fmt::{sprint, sprintf, sprintln};
use spacecraft_gotemplate::{GoString, Value};

fn printed(format: &str, values: &[Value]) -> String {
    String::from_utf8_lossy(&sprintf(format, values)).into_owned()
}

fn assert_prints(cases: &[(&str, Value, &str)]) {
    for (format, value, expected) in cases {
        assert_eq!(printed(format, std::slice::from_ref(value)), *expected, "{format} of {value:?}");
    }
}

#[test]
fn integers_print_by_every_verb() {
    let int = Value::Int;
    assert_prints(&[
        ("%d", int(-5), "-5"),
        ("%+d", int(5), "+5"),
        ("% d", int(5), " 5"),
        ("%5d|", int(42), "   42|"),
        ("%-5d|", int(42), "42   |"),
        ("%05d", int(-42), "-0042"),
        ("%x", int(255), "ff"),
        ("%#X", int(255), "0XFF"),
        ("%o", int(8), "10"),
        ("%#o", int(8), "010"),
        ("%b", int(5), "101"),
        ("%c", int(0x65e5), "日"),
        ("%q", int(65), "'A'"),
        ("%U", int(65), "U+0041"),
        ("%#U", int(65), "U+0041 'A'"),
        ("%#U", int(10), "U+000A"),
        ("%.3d", int(7), "007"),
        ("%s", int(5), "%!s(int=5)"),
        ("%5s", int(5), "%!s(int=    5)"),
        ("%+s", int(5), "%!s(int=+5)"),
        ("%T", Value::Int64(1), "int64"),
        ("%v", Value::Uint64(u64::MAX), "18446744073709551615"),
    ]);
}

#[test]
fn floats_print_by_every_verb() {
    let float = Value::Float;
    assert_prints(&[
        ("%v", float(1e6), "1e+06"),
        ("%v", float(123_456_789.0), "1.23456789e+08"),
        ("%v", float(100_000.0), "100000"),
        ("%v", float(1e-5), "1e-05"),
        ("%v", float(0.1), "0.1"),
        ("%v", float(-0.0), "-0"),
        ("%f", float(1.5), "1.500000"),
        ("%.2f", float(2.675), "2.67"),
        ("%8.3f|", float(2.3456), "   2.346|"),
        ("%08.3f", float(-2.3456), "-002.346"),
        ("%e", float(1500.0), "1.500000e+03"),
        ("%g", float(1e21), "1e+21"),
        ("%.3g", float(1234.5), "1.23e+03"),
        ("%G", float(1e-10), "1E-10"),
        ("%+v", float(1.0), "1"),
        ("%d", float(3.0), "%!d(float64=3)"),
        ("%v", float(f64::INFINITY), "+Inf"),
        ("%v", float(f64::NAN), "NaN"),
        ("%x", float(1.5), "0x1.8p+00"),
    ]);
}

#[test]
fn strings_print_by_every_verb() {
    assert_prints(&[
        ("%s", "hi".into(), "hi"),
        ("%q", "a\"\n\u{7f}é\u{200b}".into(), r#""a\"\n\x7fé\u200b""#),
        ("%+q", "é".into(), r#""\u00e9""#),
        ("%#q", "a".into(), "`a`"),
        ("%x", "hi".into(), "6869"),
        ("% X", "hi".into(), "68 69"),
        ("%5s|", "é".into(), "    é|"),
        ("%-5s|", "é".into(), "é    |"),
        ("%.2s", "日本語".into(), "日本"),
        ("%d", "hi".into(), "%!d(string=hi)"),
        ("%q", Value::text(GoString::from(b"\xe6a".as_slice())), r#""\xe6a""#),
    ]);
}

#[test]
fn composites_print_their_parts_by_the_verb() {
    let list = Value::list(vec![Value::Int(1), "a".into(), Value::Nil]);
    let map = Value::map([("b", Value::Int(2)), ("a", list.clone())]);
    assert_prints(&[
        ("%v", list.clone(), "[1 a <nil>]"),
        ("%d", list.clone(), "[1 %!d(string=a) <nil>]"),
        ("%v", map.clone(), "map[a:[1 a <nil>] b:2]"),
        ("%#v", map, r#"map[string]interface {}{"a":[]interface {}{1, "a", interface {}(nil)}, "b":2}"#),
        ("%T", list, "[]interface {}"),
        ("%q", Value::strings(["a", "b"]), r#"["a" "b"]"#),
        ("%v", Value::Nil, "<nil>"),
        ("%s", Value::Nil, "%!s(<nil>)"),
        ("%t", true.into(), "true"),
        ("%d", false.into(), "%!d(bool=false)"),
    ]);
}

#[test]
fn formats_and_arguments_that_do_not_fit_are_reported_in_the_text() {
    assert_eq!(printed("%d %d", &[Value::Int(1)]), "1 %!d(MISSING)");
    assert_eq!(printed("x", &[Value::Int(1), Value::Nil]), "x%!(EXTRA int=1, <nil>)");
    assert_eq!(printed("100%", &[]), "100%!(NOVERB)");
    assert_eq!(printed("%%", &[]), "%");
    assert_eq!(printed("%z", &["a".into()]), "%!z(string=a)");
    assert_eq!(printed("%[2]d %[1]d", &[Value::Int(1), Value::Int(2)]), "2 1");
    assert_eq!(printed("%[5]d", &[Value::Int(1)]), "%!d(BADINDEX)");
    assert_eq!(printed("%*d", &[Value::Int(4), Value::Int(7)]), "   7");
}

#[test]
fn print_puts_spaces_only_between_operands_that_are_no_strings() {
    let values = [Value::Int(1), Value::Int(2), "a".into(), "b".into(), Value::Int(3), Value::Nil];
    assert_eq!(sprint(&values), b"1 2ab3 <nil>");
    assert_eq!(sprintln(&values), b"1 2 a b 3 <nil>\n");
}
