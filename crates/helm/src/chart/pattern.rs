//! File name patterns as Go's `filepath.Match` reads them: `*`, `?`, `[a-z]`, `[^a]` and `\`, none of which matches `/`.

use std::iter::Peekable;
use std::str::Chars;

/// A pattern that is well formed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern(Vec<Token>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// Any number of characters.
    Star,
    /// One character.
    Any,
    /// This character.
    Literal(char),
    /// One character inside these ranges, or outside of them.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

/// A pattern with an open class or a lone backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern")]
pub(crate) struct BadPattern;

impl Pattern {
    /// Reads a pattern.
    pub(crate) fn parse(text: &str) -> Result<Self, BadPattern> {
        let mut characters = text.chars().peekable();
        let mut tokens = Vec::new();
        while let Some(character) = characters.next() {
            tokens.push(match character {
                '*' => Token::Star,
                '?' => Token::Any,
                '[' => class(&mut characters)?,
                '\\' => Token::Literal(characters.next().ok_or(BadPattern)?),
                other => Token::Literal(other),
            });
        }
        Ok(Self(tokens))
    }

    /// True if the whole `name` matches.
    pub(crate) fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let (mut token, mut at) = (0, 0);
        // Where to go on when what follows the last star does not match: one character further on.
        let mut retry = None;
        loop {
            match (self.0.get(token), name.get(at)) {
                (None, None) => return true,
                (Some(Token::Star), _) => {
                    retry = Some((token, at));
                    token += 1;
                }
                (Some(expected), Some(character)) if expected.accepts(*character) => {
                    token += 1;
                    at += 1;
                }
                _ => match retry {
                    Some((star, from)) if name.get(from).is_some_and(|skipped| *skipped != '/') => {
                        retry = Some((star, from + 1));
                        token = star + 1;
                        at = from + 1;
                    }
                    _ => return false,
                },
            }
        }
    }
}

impl Token {
    fn accepts(&self, character: char) -> bool {
        match self {
            Self::Star => false,
            Self::Any => character != '/',
            Self::Literal(literal) => *literal == character,
            Self::Class { negated, ranges } => {
                let inside = ranges.iter().any(|(low, high)| (*low..=*high).contains(&character));
                inside != *negated && character != '/'
            }
        }
    }
}

fn class(characters: &mut Peekable<Chars<'_>>) -> Result<Token, BadPattern> {
    let negated = characters.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && characters.next_if_eq(&']').is_some() {
            return Ok(Token::Class { negated, ranges });
        }
        let low = class_character(characters)?;
        let high = if characters.next_if_eq(&'-').is_some() { class_character(characters)? } else { low };
        ranges.push((low, high));
    }
}

fn class_character(characters: &mut Peekable<Chars<'_>>) -> Result<char, BadPattern> {
    match characters.next() {
        None | Some('-' | ']') => Err(BadPattern),
        Some('\\') => characters.next().ok_or(BadPattern),
        Some(other) => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(name)
    }

    #[test]
    fn stars_and_question_marks_stay_within_one_part_of_a_path() {
        assert!(matches("*.txt", "notes.txt"));
        assert!(!matches("*.txt", "docs/notes.txt"));
        assert!(matches("docs/*.t?t", "docs/notes.txt"));
        assert!(matches("a*b*c", "aXbYbZc"));
        assert!(!matches("a?c", "a/c"));
        assert!(matches("templates/.?*", "templates/.hidden"));
        assert!(!matches("templates/.?*", "templates/."));
    }

    #[test]
    fn classes_and_escapes_match_as_in_go() {
        assert!(matches("[a-c]x", "bx"));
        assert!(!matches("[^a-c]x", "bx"));
        assert!(matches(r"\*.txt", "*.txt"));
        assert!(!matches(r"\*.txt", "a.txt"));
        for bad in ["[", "[]", "[a", r"a\", "[-]", "[a-]"] {
            assert_eq!(Pattern::parse(bad), Err(BadPattern), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn a_name_matches_itself_escaped(name in "[a-z*?/\\[\\]-]{0,12}") {
            let escaped: String = name.chars().flat_map(|character| ['\\', character]).collect();
            prop_assert!(matches(&escaped, &name));
        }

        #[test]
        fn many_stars_are_answered_quickly(name in "a{0,60}") {
            prop_assert!(!matches("a*a*a*a*a*a*a*a*a*a*a*a*b", &name));
        }
    }
}
