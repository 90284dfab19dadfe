//! Changing the case of words, and what makes other words of them.

use spacecraft_gotemplate::{Function, Functions, Type};

pub(super) fn add(functions: &mut Functions) {
    let mut one = |name, make: fn(&str) -> String| {
        functions.insert(name, Function::new(&[Type::String], move |call| Ok(make(&call.text(0)).into())));
    };
    one("title", title);
    one("untitle", untitle);
    one("swapcase", swap_case);
    one("camelcase", pascal_case);
    one("snakecase", |text| lower_words(text, '_'));
    one("kebabcase", |text| lower_words(text, '-'));
    functions.insert("initials", Function::new(&[Type::String], |call| Ok(initials(call.bytes(0)).into())));
}

/// The first letter of every word in upper case; digits and `_` do not end a word.
fn title(text: &str) -> String {
    let mut after_separator = true;
    let mut titled = String::with_capacity(text.len());
    for character in text.chars() {
        if after_separator {
            titled.push(upper(character));
        } else {
            titled.push(character);
        }
        after_separator = match character {
            '_' => false,
            ascii if ascii.is_ascii() => !ascii.is_ascii_alphanumeric(),
            letter if letter.is_alphanumeric() => false,
            other => other.is_whitespace(),
        };
    }
    titled
}

/// The first letter of every word in lower case.
fn untitle(text: &str) -> String {
    let mut after_space = true;
    let change = |character: char| {
        let starts_word = std::mem::replace(&mut after_space, character.is_whitespace());
        if starts_word { lower(character) } else { character }
    };
    text.chars().map(change).collect()
}

/// The first bytes of the words, each taken for a character.
fn initials(text: &[u8]) -> String {
    let characters: String = text.iter().map(|byte| char::from(*byte)).collect();
    characters.split_whitespace().filter_map(|word| word.chars().next()).collect()
}

fn swap_case(text: &str) -> String {
    text.chars().map(|letter| if letter.is_uppercase() { lower(letter) } else { upper(letter) }).collect()
}

fn is_connector(character: char) -> bool {
    matches!(character, '-' | '_') || character.is_whitespace()
}

/// A letter in upper case if that is a single letter too; Go changes no other.
pub(super) fn upper(character: char) -> char {
    let mut upper = character.to_uppercase();
    if upper.len() == 1 { upper.next().unwrap_or(character) } else { character }
}

/// A letter in lower case if that is a single letter too; Go changes no other.
pub(super) fn lower(character: char) -> char {
    let mut lower = character.to_lowercase();
    if lower.len() == 1 { lower.next().unwrap_or(character) } else { character }
}

/// `http_server` as `HttpServer`: connectors go, and what follows them is upper case. Of several connectors in a row one
/// goes; those at the beginning stay.
fn pascal_case(text: &str) -> String {
    let mut result: String = text.chars().take_while(|character| is_connector(*character)).collect();
    let mut rest = text.chars().skip_while(|character| is_connector(*character));
    let Some(first) = rest.next() else {
        return result;
    };
    let mut in_upper_run = first.is_uppercase();
    let mut last = upper(first);
    for character in rest {
        let mut current = character;
        match (is_connector(last), is_connector(character)) {
            (true, true) => result.push(last),
            (true, false) => {
                in_upper_run = character.is_uppercase();
                current = upper(character);
            }
            (false, _) => {
                if in_upper_run && character.is_uppercase() {
                    current = lower(character);
                } else {
                    in_upper_run = false;
                }
                result.push(last);
            }
        }
        last = current;
    }
    result.push(last);
    result
}

/// The parts that `HTTPServer2xx` is taken to consist of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    None,
    Number,
    /// Upper case letters, or one and the lower case letters behind it.
    Capitalised,
    Letters,
    Connector,
    Punctuation,
    Other,
}

fn is_punctuation(character: char) -> bool {
    // Go's `unicode.IsPunct` leaves out the symbols among ASCII's punctuation.
    character.is_ascii_punctuation()
        && !matches!(character, '$' | '+' | '<' | '=' | '>' | '^' | '`' | '|' | '~')
}

fn is_lower_part(character: char) -> bool {
    character.is_alphabetic() && !character.is_uppercase()
}

/// Splits the first word off a text.
fn next_word(text: &str) -> (Word, &str, &str) {
    let run = |accepted: fn(char) -> bool| text.find(|character| !accepted(character)).unwrap_or(text.len());
    let (kind, length) = match text.chars().next() {
        None => (Word::None, 0),
        Some(first) if is_connector(first) => (Word::Connector, run(is_connector)),
        Some(first) if is_punctuation(first) => (Word::Punctuation, run(is_punctuation)),
        Some(first) if first.is_uppercase() => (Word::Capitalised, capitalised_length(text)),
        Some(first) if first.is_alphabetic() => (Word::Letters, run(is_lower_part)),
        Some(first) if first.is_numeric() => (Word::Number, run(char::is_numeric)),
        Some(_) => (Word::Other, run(is_other)),
    };
    let (word, rest) = text.split_at_checked(length).unwrap_or((text, ""));
    (kind, word, rest)
}

fn is_other(character: char) -> bool {
    !(is_connector(character)
        || is_punctuation(character)
        || character.is_alphabetic()
        || character.is_numeric())
}

/// `Server` in whole; of `HTTPServer` only `HTTP`.
fn capitalised_length(text: &str) -> usize {
    let capitals = text.find(|character: char| !character.is_uppercase()).unwrap_or(text.len());
    let (head, rest) = text.split_at_checked(capitals).unwrap_or((text, ""));
    let goes_on = rest.starts_with(is_lower_part);
    if head.chars().count() == 1 {
        let letters = rest.find(|character| !is_lower_part(character)).unwrap_or(rest.len());
        return capitals + letters;
    }
    let last = head.chars().next_back().map_or(0, char::len_utf8);
    if goes_on { capitals - last } else { capitals }
}

/// Takes a text apart into words and puts them together in lower case.
struct Lowering<'t> {
    rest: &'t str,
    kind: Word,
    word: &'t str,
    connector: char,
    result: String,
}

impl Lowering<'_> {
    fn advance(&mut self) {
        (self.kind, self.word, self.rest) = next_word(self.rest);
    }

    fn push(&mut self, kind: Word, word: &str) {
        for character in word.chars() {
            if kind == Word::Connector {
                self.result.push(self.connector);
            } else if kind == Word::Capitalised {
                self.result.extend(character.to_lowercase());
            } else {
                self.result.push(character);
            }
        }
    }

    /// Lower case letters and numbers in a row are one word.
    fn push_run(&mut self) {
        while matches!(self.kind, Word::Letters | Word::Number) {
            self.push(self.kind, self.word);
            self.advance();
        }
    }

    fn connect(&mut self) {
        if !matches!(self.kind, Word::Connector | Word::Punctuation) {
            self.result.push(self.connector);
        }
    }

    fn connect_if_more(&mut self) {
        if self.kind != Word::None {
            self.connect();
        }
    }

    /// After letters: a number belongs to the word before it, unless lower case letters follow it.
    fn after_letters(&mut self) {
        if self.kind != Word::Number {
            return self.connect();
        }
        if self.rest.is_empty() {
            return;
        }
        let number = self.word;
        self.advance();
        if self.kind != Word::Letters {
            self.push(Word::Number, number);
            return self.connect();
        }
        self.result.push(self.connector);
        self.push(Word::Number, number);
        self.push_run();
        self.connect_if_more();
    }
}

/// `HTTPServer` as `http_server`.
fn lower_words(text: &str, connector: char) -> String {
    let (kind, word, rest) = next_word(text);
    let mut lowering = Lowering { rest, kind, word, connector, result: String::new() };
    while !lowering.rest.is_empty() {
        let (kind, word) = (lowering.kind, lowering.word);
        if kind != Word::Connector {
            lowering.push(kind, word);
        }
        lowering.advance();
        match kind {
            Word::Number => {
                lowering.push_run();
                lowering.connect_if_more();
            }
            Word::Connector => lowering.push(kind, word),
            Word::Punctuation => {}
            Word::None | Word::Capitalised | Word::Letters | Word::Other => lowering.after_letters(),
        }
    }
    lowering.push(lowering.kind, lowering.word);
    lowering.result
}
