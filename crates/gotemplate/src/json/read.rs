//! Reading JSON with the errors of Go's `encoding/json`.

use serde_json::{Map, Number, Value};

/// How deep JSON may be nested, as in Go; deeper than our stack allows is refused before.
const MAX_DEPTH: usize = 256;

/// Why a text is not JSON, in Go's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(String);

/// Reads a JSON text; every number is a float, as Go's decoder gives it.
///
/// # Errors
/// [`Error`] with Go's message, such as `invalid character 'b' looking for beginning of value`.
pub fn from_str(text: &str) -> Result<Value, Error> {
    let mut reader = Reader { rest: text, depth: 0 };
    reader.skip_space();
    let value = reader.value()?;
    reader.skip_space();
    match reader.rest.chars().next() {
        None => Ok(value),
        Some(_) => reader.unexpected("after top-level value"),
    }
}

/// Reads a JSON text in UTF-8; what is not UTF-8 becomes U+FFFD.
///
/// # Errors
/// As [`from_str`].
pub fn from_slice(bytes: &[u8]) -> Result<Value, Error> {
    from_str(&crate::value::lossy(bytes))
}

/// What Go's decoder calls a value in its complaints.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

struct Reader<'t> {
    rest: &'t str,
    depth: usize,
}

impl Reader<'_> {
    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n']);
    }

    /// Go's complaint about the next character.
    fn unexpected<T>(&self, context: &str) -> Result<T, Error> {
        let quoted = match self.rest.bytes().next() {
            // Go puts a space behind the text to see whether it could end here.
            None if context.starts_with("in ") && context != "in string literal"
                || context.ends_with("numeric literal") =>
            {
                "' '".to_owned()
            }
            None => return Err(Error("unexpected end of JSON input".to_owned())),
            Some(b'\'') => r"'\''".to_owned(),
            Some(b'"') => "'\"'".to_owned(),
            Some(byte) => {
                let quoted = crate::number::quote_go(char::from(byte).to_string().as_bytes());
                format!("'{}'", quoted.trim_matches('"'))
            }
        };
        Err(Error(format!("invalid character {quoted} {context}")))
    }

    fn takes(&mut self, character: char) -> bool {
        let rest = self.rest.strip_prefix(character);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self) -> Result<Value, Error> {
        if self.depth >= MAX_DEPTH {
            return Err(Error("exceeded max depth".to_owned()));
        }
        self.depth += 1;
        let value = match self.rest.chars().next() {
            Some('{') => self.object(),
            Some('[') => self.array(),
            Some('"') => self.string().map(Value::String),
            Some('t') => self.literal("true", Value::Bool(true)),
            Some('f') => self.literal("false", Value::Bool(false)),
            Some('n') => self.literal("null", Value::Null),
            Some('-' | '0'..='9') => self.number(),
            _ => self.unexpected("looking for beginning of value"),
        };
        self.depth -= 1;
        value
    }

    fn literal(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        let mut read = String::new();
        for expected in word.chars() {
            if !self.takes(expected) {
                return self.unexpected(&format!("in literal {word} (expecting '{expected}')"));
            }
            read.push(expected);
        }
        Ok(value)
    }

    fn object(&mut self) -> Result<Value, Error> {
        let mut entries = Map::new();
        self.takes('{');
        self.skip_space();
        if self.takes('}') {
            return Ok(Value::Object(entries));
        }
        loop {
            self.skip_space();
            if !self.rest.starts_with('"') {
                return self.unexpected("looking for beginning of object key string");
            }
            let key = self.string()?;
            self.skip_space();
            if !self.takes(':') {
                return self.unexpected("after object key");
            }
            self.skip_space();
            let value = self.value()?;
            entries.insert(key, value);
            self.skip_space();
            if self.takes('}') {
                return Ok(Value::Object(entries));
            }
            if !self.takes(',') {
                return self.unexpected("after object key:value pair");
            }
        }
    }

    fn array(&mut self) -> Result<Value, Error> {
        let mut items = Vec::new();
        self.takes('[');
        self.skip_space();
        if self.takes(']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.skip_space();
            items.push(self.value()?);
            self.skip_space();
            if self.takes(']') {
                return Ok(Value::Array(items));
            }
            if !self.takes(',') {
                return self.unexpected("after array element");
            }
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let mut text = String::new();
        self.takes('"');
        loop {
            match self.rest.chars().next() {
                Some('"') => {
                    self.takes('"');
                    return Ok(text);
                }
                Some('\\') => text.push(self.escape()?),
                Some(character) if character >= ' ' => {
                    self.takes(character);
                    text.push(character);
                }
                _ => return self.unexpected("in string literal"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        self.takes('\\');
        let simple = match self.rest.chars().next() {
            Some('u') => return self.code_point(),
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some(other @ ('"' | '\\' | '/')) => other,
            _ => return self.unexpected("in string escape code"),
        };
        self.rest = self.rest.get(1..).unwrap_or_default();
        Ok(simple)
    }

    /// `\uXXXX`; two of them may be the halves of one character, and half a character becomes U+FFFD.
    fn code_point(&mut self) -> Result<char, Error> {
        let high = self.code_unit()?;
        if !(0xd800..0xdc00).contains(&high) || !self.rest.starts_with("\\u") {
            return Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        let before = self.rest;
        self.takes('\\');
        let low = self.code_unit()?;
        if (0xdc00..0xe000).contains(&low) {
            let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
            return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        self.rest = before;
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn code_unit(&mut self) -> Result<u32, Error> {
        self.takes('u');
        let mut unit = 0;
        for _ in 0..4 {
            let Some(digit) = self.rest.chars().next().and_then(|digit| digit.to_digit(16)) else {
                return self.unexpected("in \\u hexadecimal character escape");
            };
            unit = unit << 4 | digit;
            self.rest = self.rest.get(1..).unwrap_or_default();
        }
        Ok(unit)
    }

    fn digits(&mut self) -> usize {
        let count = self.rest.bytes().take_while(u8::is_ascii_digit).count();
        self.rest = self.rest.get(count..).unwrap_or_default();
        count
    }

    fn number(&mut self) -> Result<Value, Error> {
        let start = self.rest;
        self.takes('-');
        if !self.takes('0') && self.digits() == 0 {
            return self.unexpected("in numeric literal");
        }
        if self.takes('.') && self.digits() == 0 {
            return self.unexpected("after decimal point in numeric literal");
        }
        if self.takes('e') || self.takes('E') {
            let _ = self.takes('+') || self.takes('-');
            if self.digits() == 0 {
                return self.unexpected("in exponent of numeric literal");
            }
        }
        let text = start.get(..start.len() - self.rest.len()).unwrap_or_default();
        text.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number).ok_or_else(|| {
            Error(format!("json: cannot unmarshal number {text} into Go value of type float64"))
        })
    }
}
