//! Base 64 and base 32.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use spacecraft_gotemplate::{Function, Functions, Type, Value};

pub(super) fn add(functions: &mut Functions) {
    let mut one = |name, make: fn(&[u8]) -> Vec<u8>| {
        functions
            .insert(name, Function::new(&[Type::String], move |call| Ok(Value::text(make(call.bytes(0))))));
    };
    one("b64enc", |bytes| STANDARD.encode(bytes).into_bytes());
    one("b64dec", |text| or_message(&BASE64, text));
    one("b32enc", encode_base32);
    one("b32dec", |text| or_message(&BASE32, text));
}

/// The decoded bytes, or Go's error as text.
fn or_message(encoding: &Encoding, text: &[u8]) -> Vec<u8> {
    encoding.decode(text).unwrap_or_else(|at| {
        format!("illegal base{} data at input byte {at}", encoding.alphabet.len()).into_bytes()
    })
}

/// Decodes base 64 as Go does, or gives Go's error.
pub(super) fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|at| format!("illegal base64 data at input byte {at}"))
}

/// A way to write bytes with the characters of an alphabet, in groups that are padded with `=`.
struct Encoding {
    alphabet: &'static [u8],
    bits: u32,
    group: usize,
}

const BASE64: Encoding = Encoding {
    alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    bits: 6,
    group: 4,
};
const BASE32: Encoding = Encoding { alphabet: b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bits: 5, group: 8 };

impl Encoding {
    /// Decodes, passing over line breaks; the error is the offset that Go names.
    fn decode(&self, text: &[u8]) -> Result<Vec<u8>, usize> {
        let mut decoded = Vec::with_capacity(text.len());
        let mut symbols =
            text.iter().enumerate().filter(|(_, byte)| !matches!(byte, b'\r' | b'\n')).peekable();
        while symbols.peek().is_some() {
            let mut group = Vec::with_capacity(self.group);
            let mut padding = None;
            for _ in 0..self.group {
                let Some((at, byte)) = symbols.next() else { return Err(self.missing(text, group.len())) };
                match (self.alphabet.iter().position(|symbol| symbol == byte), padding) {
                    (Some(value), None) => group.push(value),
                    (None, None) if *byte == b'=' && self.may_end_after(group.len()) => padding = Some(at),
                    (None, Some(_)) if *byte == b'=' => {}
                    _ => return Err(at),
                }
            }
            self.push_bytes(&group, &mut decoded);
            if padding.is_some()
                && let Some((at, _)) = symbols.next()
            {
                return Err(at);
            }
        }
        Ok(decoded)
    }

    /// Where Go sees the error in a text that ends within a group.
    fn missing(&self, text: &[u8], in_group: usize) -> usize {
        if self.group == 8 { text.len() } else { text.len() - in_group }
    }

    /// A group may end after as many symbols as make whole bytes with less than a symbol to spare.
    fn may_end_after(&self, symbols: usize) -> bool {
        let bits = symbols * usize::try_from(self.bits).unwrap_or(0);
        symbols > 0 && bits % 8 < usize::try_from(self.bits).unwrap_or(0) && bits >= 8
    }

    fn push_bytes(&self, group: &[usize], decoded: &mut Vec<u8>) {
        let (mut buffer, mut bits) = (0u64, 0);
        for symbol in group {
            buffer = buffer << self.bits | u64::try_from(*symbol).unwrap_or(0);
            bits += self.bits;
            if bits >= 8 {
                bits -= 8;
                decoded.push(u8::try_from(buffer >> bits & 0xff).unwrap_or(0));
            }
        }
    }
}

fn encode_base32(bytes: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    for chunk in bytes.chunks(5) {
        let mut padded = [0u8; 8];
        for (place, byte) in padded.iter_mut().skip(3).zip(chunk) {
            *place = *byte;
        }
        let number = u64::from_be_bytes(padded);
        let symbols = (chunk.len() * 8).div_ceil(5);
        for index in 0..8usize {
            let symbol = usize::try_from(number >> (35 - 5 * index) & 31).unwrap_or(0);
            let byte = BASE32.alphabet.get(symbol).copied().unwrap_or(b'=');
            encoded.push(if index < symbols { byte } else { b'=' });
        }
    }
    encoded
}
