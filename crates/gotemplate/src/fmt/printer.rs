//! Printing of one value by one verb.

use std::fmt::Write as _;
use std::io::Write as _;

use super::flags::Flags;
use crate::number::{format_float, format_float_as, quote_go, quote_go_ascii, quote_go_char};
use crate::value::{Data, List, Map, Object, Value};

/// Printing stops at this depth: a map can hold itself.
const MAX_DEPTH: usize = 256;
/// Printing stops at this length: a small value can hold the same part over and over.
const MAX_LENGTH: usize = 64 * 1024 * 1024;

/// Room for most of what is printed.
const TYPICAL_BYTES: usize = 64;

/// Collects what is printed.
#[derive(Debug)]
pub(super) struct Printer {
    out: Vec<u8>,
    pub(super) flags: Flags,
    depth: usize,
}

impl Default for Printer {
    fn default() -> Self {
        Self { out: Vec::with_capacity(TYPICAL_BYTES), flags: Flags::default(), depth: 0 }
    }
}

impl Printer {
    pub(super) fn push_str(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub(super) fn push_bytes(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    fn pad(&mut self, text: &[u8]) {
        let flags = self.flags;
        flags.pad(&mut self.out, text);
    }

    fn pad_number(&mut self, number: &str) {
        let flags = self.flags;
        flags.pad_number(&mut self.out, number);
    }

    /// `%!d(string=hi)`: the verb does not suit the value.
    fn bad_verb(&mut self, value: &Value, verb: char) {
        self.push_str(&format!("%!{verb}("));
        if matches!(value, Value::Nil) {
            self.push_str("<nil>");
        } else {
            self.push_str(&value.type_name());
            self.push_str("=");
            self.argument(value, 'v');
        }
        self.push_str(")");
    }

    /// Prints an argument of `print` or `printf`.
    pub(super) fn argument(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(value, verb),
            (_, 'T') => {
                let name = value.type_name();
                self.string(name.as_bytes(), 's', value);
            }
            _ => self.value(value, verb),
        }
    }

    /// Prints a value or a part of one.
    fn value(&mut self, value: &Value, verb: char) {
        if self.depth >= MAX_DEPTH || self.out.len() > MAX_LENGTH {
            return self.push_str("...");
        }
        self.depth += 1;
        match value {
            Value::Nil => self.push_str(if self.flags.sharp_v { "interface {}(nil)" } else { "<nil>" }),
            Value::Bool(flag) if matches!(verb, 't' | 'v') => {
                self.pad(if *flag { b"true" } else { b"false" })
            }
            Value::Bool(_) => self.bad_verb(value, verb),
            Value::Int(number) | Value::Int64(number)
                if matches!(verb, 'v' | 'd') && self.flags == Flags::default() =>
            {
                let _ = write!(self.out, "{number}");
            }
            Value::Int(number) | Value::Int64(number) => self.integer(i128::from(*number), verb, value),
            Value::Uint64(number) => self.unsigned(*number, verb, value),
            Value::Byte(number) => self.unsigned(u64::from(*number), verb, value),
            Value::Float(number) => self.float(*number, verb, value),
            Value::String(text) => self.string(text.as_bytes(), verb, value),
            Value::Bytes(bytes) => self.bytes(bytes, verb, value),
            Value::List(list) => self.list(list, verb),
            Value::Map(map) => self.map(map, verb),
            Value::Object(object) => self.object(object.as_ref(), verb, value),
        }
        self.depth -= 1;
    }

    fn unsigned(&mut self, number: u64, verb: char, value: &Value) {
        if self.flags.sharp_v && verb == 'v' {
            let text = format!("{number:#x}");
            return self.pad(text.as_bytes());
        }
        self.integer(i128::from(number), verb, value);
    }

    fn integer(&mut self, number: i128, verb: char, value: &Value) {
        if matches!(verb, 'v' | 'd') && self.flags == Flags::default() {
            let _ = write!(self.out, "{number}");
            return;
        }
        let magnitude = number.unsigned_abs();
        let sharp = self.flags.sharp;
        let (prefix, digits) = match verb {
            'v' | 'd' => ("", magnitude.to_string()),
            'b' => (if sharp { "0b" } else { "" }, format!("{magnitude:b}")),
            'o' => (if sharp { "0" } else { "" }, format!("{magnitude:o}")),
            'O' => ("0o", format!("{magnitude:o}")),
            'x' => (if sharp { "0x" } else { "" }, format!("{magnitude:x}")),
            'X' => (if sharp { "0X" } else { "" }, format!("{magnitude:X}")),
            'c' | 'q' | 'U' => return self.code_point(number, verb),
            _ => return self.bad_verb(value, verb),
        };
        let precision = self.flags.precision;
        let digits = if precision == Some(0) && magnitude == 0 { String::new() } else { digits };
        let digits = format!("{digits:0>width$}", width = precision.unwrap_or(0));
        let sign = if number < 0 { "-" } else { self.flags.positive_sign() };
        let mut flags = self.flags;
        flags.zero &= precision.is_none();
        let text = format!("{sign}{prefix}{digits}");
        if sign.is_empty() && !prefix.is_empty() && flags.zero {
            let width = flags.width.unwrap_or(0).saturating_sub(prefix.len());
            return self.push_str(&format!("{prefix}{digits:0>width$}"));
        }
        flags.pad_number(&mut self.out, &text);
    }

    fn code_point(&mut self, number: i128, verb: char) {
        let character =
            u32::try_from(number).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
        let text = match verb {
            'c' => character.to_string(),
            'q' => quote_go_char(character, self.flags.plus),
            _ => {
                let is_shown = self.flags.sharp && is_printable(character);
                let shown = if is_shown { format!(" '{character}'") } else { String::new() };
                format!("U+{:04X}{shown}", number.unsigned_abs())
            }
        };
        self.pad(text.as_bytes());
    }

    fn float(&mut self, number: f64, verb: char, value: &Value) {
        let precision = self.flags.precision;
        let text = match verb {
            'v' | 'g' | 'G' => format_float_as(number, if verb == 'v' { 'g' } else { verb }, precision),
            'e' | 'E' | 'f' | 'F' => format_float_as(number, verb, Some(precision.unwrap_or(6))),
            'x' | 'X' => hexadecimal(number, verb == 'X'),
            'b' if number.is_finite() => binary(number),
            _ => return self.bad_verb(value, verb),
        };
        if !number.is_finite() {
            let mut flags = self.flags;
            flags.zero = false;
            let unsigned = text.trim_start_matches('+');
            let sign = if number < 0.0 { "" } else { self.flags.positive_sign() };
            let shown =
                if number.is_infinite() && number > 0.0 && sign.is_empty() { "+Inf" } else { unsigned };
            return flags.pad(&mut self.out, format!("{sign}{shown}").as_bytes());
        }
        let sign = if text.starts_with('-') { "" } else { self.flags.positive_sign() };
        self.pad_number(&format!("{sign}{text}"));
    }

    fn string(&mut self, text: &[u8], verb: char, value: &Value) {
        match verb {
            'v' if self.flags.sharp_v => {
                let quoted = quote_go(text);
                self.pad(quoted.as_bytes());
            }
            'v' | 's' => {
                let flags = self.flags;
                self.pad(flags.truncated(text));
            }
            'q' => self.quoted(text),
            'x' | 'X' => self.hexadecimal_text(text, verb == 'X'),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let flags = self.flags;
        let text = flags.truncated(text);
        let can_backquote = flags.sharp
            && std::str::from_utf8(text).is_ok_and(|text| {
                text.chars().all(|character| {
                    character == '\t' || !(character.is_control() || matches!(character, '`' | '\u{feff}'))
                })
            });
        let quoted = if can_backquote {
            format!("`{}`", crate::value::lossy(text))
        } else if flags.plus {
            quote_go_ascii(text)
        } else {
            quote_go(text)
        };
        self.pad(quoted.as_bytes());
    }

    fn hexadecimal_text(&mut self, text: &[u8], upper: bool) {
        let text = text.get(..self.flags.precision.unwrap_or(text.len())).unwrap_or(text);
        let prefix = match (self.flags.sharp, upper) {
            (true, false) => "0x",
            (true, true) => "0X",
            (false, _) => "",
        };
        let mut digits = String::new();
        for (index, byte) in text.iter().enumerate() {
            if index > 0 && self.flags.space {
                digits.push(' ');
            }
            if index == 0 || self.flags.space {
                digits.push_str(prefix);
            }
            let _ = if upper { write!(digits, "{byte:02X}") } else { write!(digits, "{byte:02x}") };
        }
        self.pad(digits.as_bytes());
    }

    fn bytes(&mut self, bytes: &[u8], verb: char, value: &Value) {
        if matches!(verb, 's' | 'q' | 'x' | 'X') {
            return self.string(bytes, verb, value);
        }
        let open = if self.flags.sharp_v { "[]byte{" } else { "[" };
        self.push_str(open);
        for (index, byte) in bytes.iter().enumerate() {
            if index > 0 {
                self.push_str(if self.flags.sharp_v { ", " } else { " " });
            }
            self.unsigned(u64::from(*byte), verb, value);
        }
        self.push_str(if self.flags.sharp_v { "}" } else { "]" });
    }

    fn list(&mut self, list: &List, verb: char) {
        let sharp_v = self.flags.sharp_v;
        if sharp_v {
            let name = Value::List(list.clone()).type_name();
            self.push_str(&name);
        }
        if sharp_v && list.is_nil() {
            return self.push_str("(nil)");
        }
        self.push_str(if sharp_v { "{" } else { "[" });
        for (index, item) in list.iter().enumerate() {
            if index > 0 {
                self.push_str(if sharp_v { ", " } else { " " });
            }
            self.value(item, verb);
        }
        self.push_str(if sharp_v { "}" } else { "]" });
    }

    fn map(&mut self, map: &Map, verb: char) {
        let sharp_v = self.flags.sharp_v;
        if sharp_v {
            let name = Value::Map(map.clone()).type_name();
            self.push_str(&name);
            if map.is_nil() {
                return self.push_str("(nil)");
            }
            self.push_str("{");
        } else {
            self.push_str("map[");
        }
        for (index, (key, value)) in map.entries().into_iter().enumerate() {
            if index > 0 {
                self.push_str(if sharp_v { ", " } else { " " });
            }
            self.value(&Value::String(key), verb);
            self.push_str(":");
            self.value(&value, verb);
        }
        self.push_str(if sharp_v { "}" } else { "]" });
    }

    fn object(&mut self, object: &dyn Object, verb: char, value: &Value) {
        if let (Some(text), false) = (object.text(), self.flags.sharp_v)
            && matches!(verb, 'v' | 's' | 'x' | 'X' | 'q')
        {
            return self.string(text.as_bytes(), verb, value);
        }
        if let Some(number) = object.number() {
            return self.integer(i128::from(number), verb, value);
        }
        match object.shown() {
            Data::Value(inner) => self.value(&inner, verb),
            Data::Fields(fields) => self.fields(object, &fields, verb),
        }
    }

    fn fields(
        &mut self,
        object: &dyn Object,
        fields: &[(&'static str, Option<&'static str>, Value)],
        verb: char,
    ) {
        if object.kind() == "ptr" {
            self.push_str("&");
        }
        let sharp_v = self.flags.sharp_v;
        if sharp_v {
            self.push_str(object.type_name().trim_start_matches('*'));
        }
        self.push_str("{");
        for (index, (name, _, value)) in fields.iter().enumerate() {
            if index > 0 {
                self.push_str(if sharp_v { ", " } else { " " });
            }
            if sharp_v || self.flags.plus_v {
                self.push_str(name);
                self.push_str(":");
            }
            self.value(value, verb);
        }
        self.push_str("}");
    }
}

/// Whether Go prints a character as it is.
fn is_printable(character: char) -> bool {
    matches!(character, '\'' | '\\') || !quote_go_char(character, false).starts_with("'\\")
}

/// A finite number as a whole one times a power of two: `4503599627370496p-52`.
fn binary(number: f64) -> String {
    const FRACTION_BITS: u32 = 52;
    let bits = number.to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = i64::try_from((bits >> FRACTION_BITS) & 0x7ff).unwrap_or(0);
    let (whole, exponent) =
        if exponent == 0 { (fraction, 1) } else { (fraction | 1 << FRACTION_BITS, exponent) };
    let sign = if number.is_sign_negative() { "-" } else { "" };
    format!("{sign}{whole}p{:+}", exponent - 1075)
}

/// A float in hexadecimal, such as `0x1.8p+01`.
fn hexadecimal(number: f64, upper: bool) -> String {
    if !number.is_finite() {
        return format_float(number);
    }
    let bits = number.abs().to_bits();
    let (exponent_bits, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
    let shift = if exponent_bits == 0 && fraction != 0 { fraction.leading_zeros() - 11 } else { 0 };
    let fraction = (fraction << shift) & ((1 << 52) - 1);
    let exponent = match (exponent_bits, bits) {
        (_, 0) => 0,
        (0, _) => -1022 - i64::from(shift),
        (biased, _) => i64::try_from(biased).unwrap_or(0) - 1023,
    };
    let digits = format!("{fraction:013x}");
    let digits = digits.trim_end_matches('0');
    let (sign, lead) = (if number.is_sign_negative() { "-" } else { "" }, u8::from(bits != 0));
    let point = if digits.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    let text = format!("{sign}0x{lead}{point}{digits}p{exponent_sign}{:02}", exponent.unsigned_abs());
    if upper { text.to_ascii_uppercase() } else { text }
}
