//! What may be shown of texts that can hold secrets.

use spacecraft_core::error::printable;
use url::Url;

/// The most characters that are shown of a server's text.
const LONGEST_EXCERPT: usize = 600;
/// Runs of this many token characters in a server's text are taken for secrets, unless they look like a name.
const LONGEST_WORD: usize = 48;
/// What stands in place of what is not shown.
pub(crate) const REDACTED: &str = "[redacted]";

const SENSITIVE_WORDS: &[&str] =
    &["token", "secret", "password", "passwd", "signature", "credential", "assertion", "api_key", "apikey"];
const SENSITIVE_NAMES: &[&str] = &["key", "sig", "auth", "authorization", "code", "private_key", "pwd"];

/// True for names of parameters and fields whose values are not shown.
pub(crate) fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SENSITIVE_NAMES.contains(&name.as_str()) || SENSITIVE_WORDS.iter().any(|word| name.contains(word))
}

/// A URL as it may be logged: without user information and fragment, and with the values of parameters that may be secret blanked.
#[must_use]
pub fn shown_url(url: &Url) -> String {
    let mut shown = url.clone();
    // Both fail only for URLs that cannot have user information at all.
    let _ = shown.set_username("");
    let _ = shown.set_password(None);
    shown.set_fragment(None);
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut query = shown.query_pairs_mut();
        query.clear();
        for (name, value) in &pairs {
            query.append_pair(name, if is_sensitive(name) { REDACTED } else { value });
        }
    }
    shown.into()
}

/// A short piece of a server's text: at most 600 characters, control characters escaped, values that may be secrets blanked.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let cleaned = printable(&blank_long_words(&blank_sensitive_fields(text.trim())));
    let mut short: String = cleaned.chars().take(LONGEST_EXCERPT).collect();
    if short.len() < cleaned.len() {
        short.push('…');
    }
    short
}

/// `text` with every occurrence of `secret` blanked.
pub(crate) fn without_secret(text: &str, secret: &str) -> String {
    if secret.len() < 4 { text.to_owned() } else { text.replace(secret, REDACTED) }
}

/// Blanks the string values of JSON fields with sensitive names, in text that need not be valid JSON.
fn blank_sensitive_fields(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, name, after)) = next_quoted(rest) {
        shown.push_str(before);
        shown.push('"');
        shown.push_str(name);
        shown.push('"');
        rest = after;
        let is_key = after.trim_start().starts_with(':');
        if is_key
            && is_sensitive(name)
            && let Some((between, _, behind)) = next_value(after)
        {
            shown.push_str(between);
            shown.push('"');
            shown.push_str(REDACTED);
            shown.push('"');
            rest = behind;
        }
    }
    shown.push_str(rest);
    shown
}

/// What is before, in and behind the first pair of quotation marks. A string that does not end ends with the text.
fn next_quoted(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('"')?;
    let mut escaped = false;
    let end = rest.find(|character| {
        let ends = character == '"' && !escaped;
        escaped = character == '\\' && !escaped;
        ends
    });
    match end.and_then(|end| rest.split_at_checked(end)) {
        Some((inside, behind)) => Some((before, inside, behind.strip_prefix('"').unwrap_or(behind))),
        None => Some((before, rest, "")),
    }
}

/// The quoted value that follows a field's name directly, after the colon.
fn next_value(text: &str) -> Option<(&str, &str, &str)> {
    let (before, inside, behind) = next_quoted(text)?;
    (before.trim() == ":").then_some((before, inside, behind))
}

/// Blanks long runs of characters of which tokens are made. Runs with dots, slashes or many hyphens in them are names and paths.
fn blank_long_words(text: &str) -> String {
    let is_token = |character: char| character.is_ascii_alphanumeric() || "+=_".contains(character);
    let mut shown = String::with_capacity(text.len());
    for piece in text.split_inclusive(|character| !is_token(character)) {
        let word = piece.trim_end_matches(|character| !is_token(character));
        if word.len() > LONGEST_WORD {
            shown.push_str(REDACTED);
            shown.push_str(piece.get(word.len()..).unwrap_or_default());
        } else {
            shown.push_str(piece);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn fields_that_may_be_secret_are_blanked_in_broken_json_too() {
        let text =
            r#"{"access_token": "abc", "name":"net1", "password" : "p\"q", "client_secret":"unfinished"#;
        assert_eq!(
            excerpt(text),
            r#"{"access_token": "[redacted]", "name":"net1", "password" : "[redacted]", "client_secret":"[redacted]""#
        );
    }

    #[test]
    fn long_words_are_blanked_and_names_of_resources_are_kept() {
        let word = "a".repeat(60);
        assert_eq!(excerpt(&format!("bad token {word}, sorry")), "bad token [redacted], sorry");
        let path = "projects/some-long-project-name/locations/us-central1-a/clusters/net1 and operation-1763820000000-3f1c";
        assert_eq!(excerpt(path), path);
    }

    #[test]
    fn urls_are_shown_without_user_information_and_secret_parameters() {
        let url = Url::parse("https://user:pass@h.example/a?name=x&access_token=y&key=z#f").unwrap();
        assert_eq!(
            shown_url(&url),
            "https://h.example/a?name=x&access_token=%5Bredacted%5D&key=%5Bredacted%5D"
        );
    }

    proptest! {
        #[test]
        fn an_excerpt_of_anything_is_short_and_free_of_control_characters(text in any::<String>()) {
            let short = excerpt(&text);
            prop_assert!(short.chars().count() <= LONGEST_EXCERPT + 1);
            prop_assert!(short.chars().all(|c| !c.is_control() || c == '\n' || c == '\t'));
        }
    }
}
