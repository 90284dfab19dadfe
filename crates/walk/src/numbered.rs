//! Texts without what may differ between two runs that came to the same end. A time is only said to be one; of identifiers, keys, accounts and addresses is told
//! which of them it is, by a number that each gets where it first appears: so one that stands where another should is seen.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};
use serde_json::{Map, Value};

/// What is around the number of a text in [`Texts`]: characters of no script, which JSON does not escape.
const MARKS: [char; 2] = ['\u{e000}', '\u{e001}'];

/// Addresses that mean the same on every machine.
const FIXED_ADDRESSES: [&str; 2] = ["0.0.0.0", "127.0.0.1"];

/// What stands for a text that differs between runs.
#[derive(Debug, Clone, Copy)]
enum Stand {
    /// These words.
    Words(&'static str),
    /// This word, and which text it is.
    Numbered(&'static str),
}

const PATTERNS: [(&str, Stand); 10] = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", Stand::Numbered("uuid")),
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| ?[+-]\d\d:?\d\d)?", Stand::Words("<time>")),
    (r"12D3KooW[1-9A-HJ-NP-Za-km-z]+", Stand::Numbered("peer")),
    (r"\b(?:stest|sm)1[02-9ac-hj-np-z]{20,}", Stand::Numbered("account")),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b", Stand::Numbered("address")),
    ("(<address\u{e000}\\d+\u{e001}>):3[0-2][0-9]{3}\\b", Stand::Words("$1:<node port>")),
    (r"(?:0x)?\b[0-9a-f]{12,}\b", Stand::Numbered("hex")),
    (r"[A-Za-z0-9+/]{40,}={0,2}", Stand::Numbered("base64")),
    (r#"(beacon\\?"?: *\\?"?)[0-9a-f]{8}\b"#, Stand::Words("$1<beacon>")),
    (
        r#"(?i)((?:net(?:work)?-?id|duration|phase-shift|cycle-gap)"?[=: ]+"?)[0-9][0-9hms.]*"#,
        Stand::Words("$1<number>"),
    ),
];

static REPLACED: LazyLock<Vec<(Regex, Stand)>> = LazyLock::new(|| {
    PATTERNS.into_iter().filter_map(|(pattern, stand)| Some((Regex::new(pattern).ok()?, stand))).collect()
});

/// Finds in one go whether any pattern is in a text: most have none.
static ANY: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(PATTERNS.map(|(pattern, _)| pattern)).ok());

static MARKED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new("<(\\w+)\u{e000}(\\d+)\u{e001}>").ok());

/// The texts that were met so far.
#[derive(Debug, Default)]
pub(crate) struct Texts(HashMap<String, usize>);

impl Texts {
    /// A text with marks in place of what differs between runs.
    pub(crate) fn marked(&mut self, text: &str) -> String {
        if ANY.as_ref().is_some_and(|any| !any.is_match(text)) {
            return text.to_owned();
        }
        let mut text = Cow::from(text);
        for (pattern, stand) in REPLACED.iter() {
            let replaced = match stand {
                Stand::Words(words) => pattern.replace_all(&text, *words),
                Stand::Numbered(kind) => {
                    pattern.replace_all(&text, |found: &Captures<'_>| self.mark(kind, &found[0]))
                }
            };
            if let Cow::Owned(replaced) = replaced {
                text = Cow::Owned(replaced);
            }
        }
        text.into_owned()
    }

    fn mark(&mut self, kind: &str, text: &str) -> String {
        if FIXED_ADDRESSES.contains(&text) {
            return text.to_owned();
        }
        let next = self.0.len();
        let number = *self.0.entry(text.to_owned()).or_insert(next);
        let [begin, end] = MARKS;
        format!("<{kind}{begin}{number}{end}>")
    }
}

/// A text without the numbers in its marks.
pub(crate) fn unnumbered(text: &str) -> String {
    let mut is_number = false;
    let mut is_outside = |character: char| {
        let was_number = is_number;
        match MARKS.iter().position(|mark| *mark == character) {
            Some(mark) => is_number = mark == 0,
            None => return !was_number,
        }
        false
    };
    text.chars().filter(|character| is_outside(*character)).collect()
}

/// Numbers for what is marked, given out in the order of first appearance, for each kind from 1.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    given: HashMap<(String, String), usize>,
    of_kind: BTreeMap<String, usize>,
}

impl Numbers {
    /// The value with numbers in place of marks.
    pub(crate) fn give(&mut self, value: &Value) -> Value {
        match value {
            Value::Object(entries) => {
                let numbered = entries.iter().map(|(key, value)| (unnumbered(key), self.give(value)));
                Value::Object(numbered.collect::<Map<_, _>>())
            }
            Value::Array(items) => items.iter().map(|item| self.give(item)).collect(),
            Value::String(text) => Value::from(self.numbered(text)),
            other => other.clone(),
        }
    }

    fn numbered(&mut self, text: &str) -> String {
        match MARKED.as_ref().filter(|_| text.contains(MARKS[0])) {
            Some(marked) => marked
                .replace_all(text, |found: &Captures<'_>| self.number(&found[1], &found[2]))
                .into_owned(),
            None => text.to_owned(),
        }
    }

    fn number(&mut self, kind: &str, mark: &str) -> String {
        let last = self.of_kind.entry(kind.to_owned()).or_default();
        let number = *self.given.entry((kind.to_owned(), mark.to_owned())).or_insert_with(|| {
            *last += 1;
            *last
        });
        format!("<{kind} {number}>")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn numbered(texts: &[&str]) -> Value {
        let mut marks = Texts::default();
        let marked: Vec<String> = texts.iter().map(|text| marks.marked(text)).collect();
        Numbers::default().give(&json!(marked))
    }

    #[test]
    fn what_is_the_same_twice_has_one_number_and_something_else_another() {
        let said =
            numbered(&["at 10.1.2.3:30123", "10.9.9.9, then 10.1.2.3", "0.0.0.0", "2026-01-02T03:04:05Z"]);
        assert_eq!(
            said,
            json!(["at <address 1>:<node port>", "<address 2>, then <address 1>", "0.0.0.0", "<time>"])
        );
    }

    #[test]
    fn runs_with_other_identifiers_in_the_same_places_are_alike() {
        let [first, second] = ["12D3KooWAAAA", "12D3KooWBBBB"];
        assert_eq!(numbered(&[first, second, first]), numbered(&[second, first, second]));
        assert_ne!(numbered(&[first, second, first]), numbered(&[first, second, second]));
    }

    #[test]
    fn a_text_without_numbers_says_what_kinds_of_things_are_in_it() {
        let marked = Texts::default().marked("pvc-0a1b2c3d-0000-4000-8000-0123456789ab of 10.0.0.7");
        assert_eq!(unnumbered(&marked), "pvc-<uuid> of <address>");
    }
}
