//! Go's regular expression syntax on the `regex` crate.
//!
//! The two are close relatives; what differs is rewritten: Go's `\d`, `\w`, `\s` and `\b` know ASCII only, a `{` that
//! begins no repetition is a plain character, and Go's classes have no set operations.

use std::cell::RefCell;
use std::collections::HashMap;

use regex_syntax::ast;

/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 4 * 1024 * 1024;
/// How many compiled expressions are kept.
const CACHED: usize = 256;

thread_local! {
    static COMPILED: RefCell<HashMap<String, regex::Regex>> = RefCell::default();
}

/// Compiles an expression; those used last are kept.
///
/// # Errors
/// Go's message.
pub(crate) fn compile(expression: &str) -> Result<regex::Regex, String> {
    if let Some(known) = COMPILED.with_borrow(|compiled| compiled.get(expression).cloned()) {
        return Ok(known);
    }
    let rewritten = rewrite(expression).map_err(|problem| format!("error parsing regexp: {problem}"))?;
    if let Err(error) = ast::parse::ParserBuilder::new().nest_limit(500).build().parse(&rewritten) {
        return Err(format!("error parsing regexp: {}", go_message(&error, expression)));
    }
    let built = regex::RegexBuilder::new(&rewritten).size_limit(SIZE_LIMIT).build();
    let regex = built.map_err(|_| format!("error parsing regexp: expression too large: `{expression}`"))?;
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.len() >= CACHED {
            compiled.clear();
        }
        compiled.insert(expression.to_owned(), regex.clone());
    });
    Ok(regex)
}

/// An expression that matches the text itself.
pub(super) fn quote_meta(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len());
    for character in text.chars() {
        if r"\.+*?()|[]{}^$".contains(character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted
}

/// What Go says to an expression that cannot be parsed.
fn go_message(error: &ast::Error, expression: &str) -> String {
    use ast::ErrorKind;
    let span = error.span();
    let part = error.pattern().get(span.start.offset..span.end.offset).unwrap_or_default();
    match error.kind() {
        ErrorKind::GroupUnclosed => format!("missing closing ): `{expression}`"),
        ErrorKind::GroupUnopened => format!("unexpected ): `{expression}`"),
        ErrorKind::RepetitionMissing => {
            let operator = error.pattern().get(span.start.offset..).and_then(|rest| rest.chars().next());
            format!("missing argument to repetition operator: `{}`", operator.unwrap_or_default())
        }
        ErrorKind::ClassRangeInvalid => format!("invalid character class range: `{part}`"),
        ErrorKind::EscapeUnexpectedEof => "trailing backslash at end of expression: ``".to_owned(),
        ErrorKind::EscapeUnrecognized => format!("invalid escape sequence: `{part}`"),
        ErrorKind::GroupNameDuplicate { .. } => format!("duplicate capture group name: `{part}`"),
        ErrorKind::GroupNameInvalid | ErrorKind::GroupNameEmpty | ErrorKind::GroupNameUnexpectedEof => {
            format!("invalid named capture: `{part}`")
        }
        ErrorKind::RepetitionCountInvalid => format!("invalid repeat count: `{part}`"),
        ErrorKind::NestLimitExceeded(_) => format!("expression nests too deeply: `{expression}`"),
        _ => format!("invalid or unsupported Perl syntax: `{part}`"),
    }
}

/// Rewrites Go's syntax where the two differ.
struct Rewriter<'e> {
    rest: &'e str,
    rewritten: String,
}

fn rewrite(expression: &str) -> Result<String, String> {
    let mut rewriter = Rewriter { rest: expression, rewritten: String::with_capacity(expression.len()) };
    let mut repeated = None;
    loop {
        let from = rewriter.rest;
        let Some(character) = rewriter.take() else { return Ok(rewriter.rewritten) };
        let mut repeats = false;
        match character {
            '\\' => rewriter.escape(false)?,
            '[' => rewriter.class()?,
            '*' | '+' | '?' => repeats = true,
            '{' if begins_repetition(rewriter.rest) => repeats = true,
            '{' => rewriter.rewritten.push_str(r"\{"),
            '(' if rewriter.rest.starts_with('?') => rewriter.group()?,
            other => rewriter.rewritten.push(other),
        }
        if repeats {
            rewriter.repetition(from, repeated)?;
        }
        repeated = repeats.then_some(from);
    }
}

/// `3}`, `3,}` or `3,5}`.
fn begins_repetition(rest: &str) -> bool {
    let Some((inside, _)) = rest.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

impl<'e> Rewriter<'e> {
    fn take(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    /// A repetition, which begins at `from` and must not follow one that began at `repeated`; of at most 1000 times.
    fn repetition(&mut self, from: &'e str, repeated: Option<&'e str>) -> Result<(), String> {
        let length = if from.starts_with('{') { from.find('}').map_or(1, |end| end + 1) } else { 1 };
        let (operator, after) = from.split_at_checked(length).unwrap_or((from, ""));
        let counts = operator.trim_matches(['{', '}']).split(',');
        if counts
            .filter(|count| !count.is_empty())
            .any(|count| count.parse().is_ok_and(|count: u64| count > 1000))
        {
            return Err(format!("invalid repeat count: `{operator}`"));
        }
        let rest = after.strip_prefix('?').unwrap_or(after);
        if let Some(start) = repeated {
            let operators = start.strip_suffix(rest).unwrap_or(start);
            return Err(format!("invalid nested repetition operator: `{operators}`"));
        }
        self.rewritten.push_str(from.strip_suffix(rest).unwrap_or(operator));
        self.rest = rest;
        Ok(())
    }

    /// `(?...`: look-around and the flags that Go does not have are refused.
    fn group(&mut self) -> Result<(), String> {
        let flags: String = self.rest.chars().skip(1).take_while(|c| !matches!(c, ')' | ':' | '<')).collect();
        let after_flags = self.rest.chars().nth(1 + flags.chars().count());
        let is_name = flags == "P" && after_flags == Some('<')
            || flags.is_empty()
                && after_flags == Some('<')
                && !self.rest.starts_with("?<=")
                && !self.rest.starts_with("?<!");
        let are_flags =
            flags.chars().all(|flag| "imsU-".contains(flag)) && matches!(after_flags, Some(':' | ')'));
        if is_name || are_flags {
            self.rewritten.push('(');
            return Ok(());
        }
        let first_bad = flags.chars().position(|flag| !"imsU-".contains(flag));
        let length = first_bad.map_or(flags.chars().count() + 1, |position| position + 1);
        let shown: String = self.rest.chars().take(1 + length).collect();
        Err(format!("invalid or unsupported Perl syntax: `({shown}`"))
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some(escaped) = self.take() else {
            return Err("trailing backslash at end of expression: ``".to_owned());
        };
        let replacement = match (escaped, in_class) {
            ('d', true) => "0-9",
            ('w', true) => "0-9A-Za-z_",
            ('s', true) => r"\t\n\f\r ",
            ('d', false) => "[0-9]",
            ('D', _) => "[^0-9]",
            ('w', false) => "[0-9A-Za-z_]",
            ('W', _) => "[^0-9A-Za-z_]",
            ('s', false) => r"[\t\n\f\r ]",
            ('S', _) => r"[^\t\n\f\r ]",
            ('b', false) => r"(?-u:\b)",
            ('B', false) => r"(?-u:\B)",
            ('Q', false) => return self.literal(),
            ('E', false) => "",
            ('<', _) => "<",
            ('>', _) => ">",
            ('Z' | 'G' | 'R' | 'X' | 'h' | 'H' | 'K' | 'u' | 'U', _) => {
                return Err(format!("invalid escape sequence: `\\{escaped}`"));
            }
            ('1'..='9', _) => return Err(format!("invalid escape sequence: `\\{escaped}`")),
            _ => {
                self.rewritten.push('\\');
                self.rewritten.push(escaped);
                if matches!(escaped, 'p' | 'P' | 'x') {
                    self.braces();
                }
                return Ok(());
            }
        };
        self.rewritten.push_str(replacement);
        Ok(())
    }

    /// `{...}` that belongs to the escape before it.
    fn braces(&mut self) {
        if self.rest.starts_with('{')
            && let Some(end) = self.rest.find('}')
            && let Some((name, rest)) = self.rest.split_at_checked(end + 1)
        {
            self.rewritten.push_str(name);
            self.rest = rest;
        }
    }

    /// `\Q...\E`.
    fn literal(&mut self) -> Result<(), String> {
        let (literal, rest) = self.rest.split_once(r"\E").unwrap_or((self.rest, ""));
        self.rewritten.push_str(&regex::escape(literal));
        self.rest = rest;
        Ok(())
    }

    /// A class, in which `[`, `&&`, `--` and `~~` are plain characters to Go.
    fn class(&mut self) -> Result<(), String> {
        let start = self.rest;
        self.rewritten.push('[');
        if self.rest.starts_with('^') {
            self.take();
            self.rewritten.push('^');
        }
        if self.rest.starts_with(']') {
            self.take();
            self.rewritten.push_str(r"\]");
        }
        while let Some(character) = self.take() {
            match character {
                ']' => {
                    self.rewritten.push(']');
                    return Ok(());
                }
                '\\' => self.escape(true)?,
                '[' => self.open_in_class(),
                '&' | '~' => {
                    self.rewritten.push('\\');
                    self.rewritten.push(character);
                }
                '-' if self.rest.starts_with('-') => self.rewritten.push_str(r"\-"),
                other => self.rewritten.push(other),
            }
        }
        Err(format!("missing closing ]: `[{start}`"))
    }

    /// `[:alpha:]` is a class; any other `[` is itself.
    fn open_in_class(&mut self) {
        let named = self.rest.strip_prefix(':').and_then(|rest| rest.split_once(":]"));
        match named {
            Some((name, rest)) if name.chars().all(|c| c.is_ascii_alphabetic() || c == '^') => {
                self.rewritten.push_str(&format!("[:{name}:]"));
                self.rest = rest;
            }
            _ => self.rewritten.push_str(r"\["),
        }
    }
}
