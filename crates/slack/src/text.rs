//! Messages as Slack takes them: pure.

use serde_json::{Value, json};
use spacecraft_core::traits::{Message, Mood};

/// The longest text of one section, of a headline, and of the text for notifications, in UTF-16 units.
const LONGEST_SECTION: usize = 3_000;
const LONGEST_HEADLINE: usize = 150;
const LONGEST_SUMMARY: usize = 4_000;

/// The most that the sections together may hold: Slack takes about 13,000 characters in all blocks.
const LONGEST_TEXT: usize = 9_000;

/// Of a text that is too long, this share at its end is kept: errors are told last.
const SHARE_OF_THE_END: usize = 3;

/// The text that notifications and screen readers show, which Slack requires beside blocks.
pub(crate) fn summary(message: &Message) -> String {
    let headline = headline(message);
    let text = message.text.trim();
    let whole = if text.is_empty() { headline } else { format!("{headline}\n{text}") };
    shorten(&escape(&whole), LONGEST_SUMMARY)
}

/// The message as blocks of plain text, in which nothing is taken for formatting.
pub(crate) fn blocks(message: &Message) -> Value {
    let headline = shorten(&escape(&headline(message)), LONGEST_HEADLINE);
    let mut blocks = vec![json!({"type": "header", "text": plain(&headline)})];
    let text = shorten(&escape(message.text.trim()), LONGEST_TEXT);
    let sections = split(&text, LONGEST_SECTION);
    blocks.extend(sections.iter().map(|section| json!({"type": "section", "text": plain(section)})));
    Value::Array(blocks)
}

fn plain(text: &str) -> Value {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn headline(message: &Message) -> String {
    let title = message.title.split_whitespace().collect::<Vec<_>>().join(" ");
    let title = if title.is_empty() { "Spacecraft" } else { &title };
    match message.mood {
        Mood::Neutral => title.to_owned(),
        Mood::Good => format!("\u{2705} {title}"),
        Mood::Bad => format!("\u{274c} {title}"),
    }
}

/// The three characters that Slack takes for markup, written as entities.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Slack refuses null characters, and other control characters show as nothing.
            control if control.is_control() && control != '\n' && control != '\t' => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// The smallest pieces that may not be cut: entities and single characters.
fn pieces(escaped: &str) -> impl DoubleEndedIterator<Item = &str> {
    let mut pieces = Vec::new();
    let mut rest = escaped;
    while let Some(first) = rest.chars().next() {
        let entity = ["&amp;", "&lt;", "&gt;"].into_iter().find(|entity| rest.starts_with(entity));
        let (piece, after) = rest.split_at(entity.map_or(first.len_utf8(), str::len));
        pieces.push(piece);
        rest = after;
    }
    pieces.into_iter()
}

fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// An escaped text in at most `limit` units: what is too much is left out of its middle, and that is said.
fn shorten(escaped: &str, limit: usize) -> String {
    if length(escaped) <= limit {
        return escaped.to_owned();
    }
    let gap = "\n[...]\n";
    let room = limit.saturating_sub(length(gap));
    let at_end = room / SHARE_OF_THE_END;
    let start = take(pieces(escaped), room - at_end);
    let mut end = take(pieces(escaped).rev(), at_end);
    end.reverse();
    format!("{}{gap}{}", start.concat(), end.concat())
}

fn take<'a>(pieces: impl Iterator<Item = &'a str>, limit: usize) -> Vec<&'a str> {
    let mut left = limit;
    let fits = |piece: &&str| {
        let fits = length(piece) <= left;
        left = left.saturating_sub(length(piece));
        fits
    };
    pieces.take_while(fits).collect()
}

/// An escaped text in sections of at most `limit` units, cut at line ends where there are some. Blank sections, which Slack refuses,
/// are left out.
fn split(escaped: &str, limit: usize) -> Vec<String> {
    let mut sections = vec![String::new()];
    let mut filled = 0;
    let mut append = |piece: &str| {
        let added = length(piece);
        match sections.last_mut() {
            Some(section) if filled + added <= limit => section.push_str(piece),
            _ => {
                sections.push(piece.to_owned());
                filled = 0;
            }
        }
        filled += added;
    };
    for line in escaped.split_inclusive('\n') {
        if length(line) <= limit {
            append(line);
        } else {
            pieces(line).for_each(&mut append);
        }
    }
    sections.retain(|section| !section.trim().is_empty());
    sections
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn message(title: &str, text: &str) -> Message {
        Message { mood: Mood::Bad, title: title.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn what_slack_would_interpret_is_escaped() {
        let told = summary(&message("a < b", "<!channel> & co"));
        assert_eq!(told, "\u{274c} a &lt; b\n&lt;!channel&gt; &amp; co");
    }

    #[test]
    fn a_message_is_a_headline_and_its_text() {
        let expected = json!([
            {"type": "header", "text": {"type": "plain_text", "text": "\u{274c} net1 failed", "emoji": false}},
            {"type": "section", "text": {"type": "plain_text", "text": "first\nsecond", "emoji": false}},
        ]);
        assert_eq!(blocks(&message("net1\nfailed", "first\nsecond\n")), expected);
    }

    #[test]
    fn without_a_text_there_is_only_the_headline() {
        assert_eq!(blocks(&message("net1", " \n")).as_array().unwrap().len(), 1);
        assert!(summary(&message("", "")).contains("Spacecraft"));
    }

    #[test]
    fn a_long_text_keeps_its_beginning_and_its_end() {
        let text = format!("begin{}end", "x".repeat(30_000));
        let told = shorten(&text, 100);
        assert!(told.starts_with("beginx") && told.ends_with("xend") && told.contains("[...]"));
    }

    #[test]
    fn sections_end_at_line_ends_where_they_can() {
        assert_eq!(split("aa\nbb\ncc\n", 7), ["aa\nbb\n", "cc\n"]);
        assert_eq!(split("aaaaaa", 4), ["aaaa", "aa"]);
        assert_eq!(split("a&amp;b", 5), ["a", "&amp;", "b"]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_message_fits_slacks_limits(
            title in ".{0,400}",
            line in "(\\PC|[&<>\n]){0,80}",
            lines in 0_usize..400,
        ) {
            let message = message(&title, &line.repeat(lines));
            prop_assert!(length(&summary(&message)) <= LONGEST_SUMMARY);
            let blocks = blocks(&message);
            let texts: Vec<&str> = blocks.as_array().unwrap().iter()
                .map(|block| block["text"]["text"].as_str().unwrap()).collect();
            prop_assert!(texts.iter().all(|text| !text.trim().is_empty()));
            prop_assert!(length(texts[0]) <= LONGEST_HEADLINE);
            prop_assert!(texts.iter().skip(1).all(|text| length(text) <= LONGEST_SECTION));
            prop_assert!(texts.iter().map(|text| length(text)).sum::<usize>() <= 13_000);
        }

        #[test]
        fn nothing_is_lost_between_sections(text in "(\\PC|[&<>\n]){0,300}", limit in 5_usize..50) {
            let escaped = escape(text.trim());
            let kept: String = split(&escaped, limit).concat();
            let visible = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(visible(&kept), visible(&escaped));
        }

        #[test]
        fn an_entity_is_never_cut(text in "[&<>a]{0,200}", limit in 10_usize..60) {
            let told = shorten(&escape(&text), limit);
            prop_assert!(length(&told) <= limit);
            let without = told.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
            prop_assert!(!without.contains(['&', ';']));
        }
    }
}
