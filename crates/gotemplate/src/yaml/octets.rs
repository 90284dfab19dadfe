//! What of a text's bytes Go's YAML refuses before it looks at what they say.

/// Go decodes so many bytes at a time, all of them before it looks at any.
const BLOCK: usize = 512;
/// So many bytes Go looks ahead of what it has taken.
const AHEAD: usize = 4;

/// The first bytes of a text that are no character that YAML allows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where they begin.
    pub(super) at: usize,
    /// Go's message.
    pub(super) problem: &'static str,
}

impl Fault {
    /// Whether Go meets them when it has taken so many bytes of the text.
    pub(super) fn is_met_at(&self, taken: usize) -> bool {
        taken + AHEAD > self.at / BLOCK * BLOCK
    }
}

/// The first fault of a text.
pub(super) fn first_fault(bytes: &[u8]) -> Option<Fault> {
    if bytes.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r')) {
        return None;
    }
    let chunk = bytes.utf8_chunks().next()?;
    if let Some((at, _)) = chunk.valid().char_indices().find(|(_, character)| !is_allowed(*character)) {
        return Some(Fault { at, problem: "control characters are not allowed" });
    }
    let at = chunk.valid().len();
    let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
    Some(Fault { at, problem: problem_of(rest) })
}

fn is_allowed(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fffd}' | '\u{10000}'..)
}

/// What is wrong with bytes that do not begin with a character.
fn problem_of(bytes: &[u8]) -> &'static str {
    let first = bytes.first().copied().unwrap_or_default();
    let (width, smallest) = match first {
        0x00..0x80 => (1, 0),
        0xc0..0xe0 => (2, 0x80),
        0xe0..0xf0 => (3, 0x800),
        0xf0..0xf8 => (4, 0x1_0000),
        _ => return "invalid leading UTF-8 octet",
    };
    let Some(trailing) = bytes.get(1..width) else { return "incomplete UTF-8 octet sequence" };
    if trailing.iter().any(|octet| octet & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    let leading = u32::from(first) & (0xff >> (width + 1));
    let code = trailing.iter().fold(leading, |code, octet| (code << 6) | u32::from(octet & 0x3f));
    if code < smallest { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn octets_that_are_no_character_are_told_apart_as_go_tells_them() {
        let faults: [(&[u8], usize, &str); 7] = [
            (b"a\x80", 1, "invalid leading UTF-8 octet"),
            (b"ab\xff", 2, "invalid leading UTF-8 octet"),
            (b"\xe2\x82", 0, "incomplete UTF-8 octet sequence"),
            (b"\xc3a", 0, "invalid trailing UTF-8 octet"),
            (b"\xc0\x80", 0, "invalid length of a UTF-8 sequence"),
            (b"\xed\xa0\x80", 0, "invalid Unicode character"),
            (b"\xc3\xa9\x07\xff", 2, "control characters are not allowed"),
        ];
        for (bytes, at, problem) in faults {
            assert_eq!(first_fault(bytes), Some(Fault { at, problem }));
        }
        assert_eq!(first_fault("a\u{e9}\u{1f600}\n".as_bytes()), None);
    }
}
