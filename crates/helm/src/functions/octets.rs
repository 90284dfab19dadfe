//! Bytes that are no UTF-8, in functions that work on characters and leave such bytes as they are.

use std::borrow::Cow;

use spacecraft_gotemplate::GoString;
use spacecraft_gotemplate::value::lossy;

/// Added to a byte, this is a character that no text uses and that is no letter, no space and no punctuation.
const FIRST: u32 = 0x10_ff00;

/// Does something with texts, and with a function that turns what comes of them into bytes again. Bytes that are no UTF-8 stand in the texts
/// as characters of their own.
pub(super) fn with_texts<const N: usize, T>(
    texts: [&[u8]; N],
    make: impl FnOnce([Cow<'_, str>; N], fn(&str) -> GoString) -> T,
) -> T {
    if texts.iter().all(|text| std::str::from_utf8(text).is_ok()) {
        return make(texts.map(lossy), |text| GoString::from(text));
    }
    make(texts.map(|text| Cow::Owned(marked(text))), unmarked)
}

fn marked(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().filter_map(|byte| char::from_u32(FIRST + u32::from(*byte))));
    }
    text
}

fn unmarked(text: &str) -> GoString {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        let marked = u32::from(character).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok());
        match marked.filter(|byte| !byte.is_ascii()) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    GoString::from(bytes)
}
