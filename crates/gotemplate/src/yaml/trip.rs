//! What becomes of text on its way through JSON, which Go takes when it writes YAML.

use std::borrow::Cow;

use super::Error;
use crate::value::lossy;

/// Text as it comes out of a trip through JSON, where YAML's reader refuses some characters.
pub(super) fn yaml_text(bytes: &[u8]) -> Result<Cow<'_, str>, Error> {
    let text = lossy(bytes);
    let refused = |character: char| matches!(character, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}');
    let is_plain = bytes.iter().all(|byte| *byte < 0x7f);
    if !is_plain && text.contains(refused) {
        return Err(Error::new("yaml: control characters are not allowed"));
    }
    Ok(text)
}

/// Unicode's next line: JSON leaves it as it is, and YAML reads it as a line break.
pub(super) const NEXT_LINE: char = '\u{85}';

/// Text as YAML reads it from quotes: a next line becomes a space, with the spaces around it, and of several in a row all but
/// the first become line feeds.
pub(super) fn next_lines_folded(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.contains(NEXT_LINE) {
        return text;
    }
    let mut folded = String::new();
    let mut breaks = 0usize;
    for (index, line) in text.split(NEXT_LINE).enumerate() {
        let is_last = index == text.matches(NEXT_LINE).count();
        let line = if index == 0 { line } else { line.trim_start_matches(' ') };
        let line = if is_last { line } else { line.trim_end_matches(' ') };
        if !line.is_empty() || is_last {
            match breaks {
                0 => {}
                1 => folded.push(' '),
                several => folded.push_str(&"\n".repeat(several - 1)),
            }
            breaks = 0;
        }
        folded.push_str(line);
        breaks += 1;
    }
    Cow::Owned(folded)
}
