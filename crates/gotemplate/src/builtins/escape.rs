//! `html`, `js` and `urlquery`.

use std::io::Write as _;

use crate::number::is_printable;

pub(super) fn html(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            0 => escaped.extend("\u{fffd}".bytes()),
            b'"' => escaped.extend(b"&#34;"),
            b'\'' => escaped.extend(b"&#39;"),
            b'&' => escaped.extend(b"&amp;"),
            b'<' => escaped.extend(b"&lt;"),
            b'>' => escaped.extend(b"&gt;"),
            other => escaped.push(other),
        }
    }
    escaped
}

pub(super) fn js(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        chunk.valid().chars().for_each(|character| push_js(&mut escaped, character));
        escaped.extend_from_slice(chunk.invalid());
    }
    escaped
}

fn push_js(escaped: &mut Vec<u8>, character: char) {
    match character {
        '\\' => escaped.extend(br"\\"),
        '\'' => escaped.extend(br"\'"),
        '"' => escaped.extend(br#"\""#),
        '<' | '>' | '&' | '=' | '\0'..='\u{1f}' => {
            let _ = write!(escaped, "\\u{:04X}", u32::from(character));
        }
        other if is_printable(other) => {
            let _ = write!(escaped, "{other}");
        }
        other => {
            let _ = write!(escaped, "\\u{:04X}", u32::from(other));
        }
    }
}

pub(super) fn url_query(text: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b' ' => escaped.push(b'+'),
            b'-' | b'_' | b'.' | b'~' => escaped.push(byte),
            other if other.is_ascii_alphanumeric() => escaped.push(other),
            other => {
                let _ = write!(escaped, "%{other:02X}");
            }
        }
    }
    escaped
}
