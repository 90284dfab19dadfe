//! The patterns of `.Files.Glob`: `*` within a folder, `**` across folders, `?`, `[a-z]`, `[!a-z]` and `{one,other}`.

/// A pattern for file names.
#[derive(Debug)]
pub(super) struct Glob {
    /// None matches everything.
    regex: Option<regex::Regex>,
}

impl Glob {
    /// A pattern; a malformed one matches everything.
    pub(super) fn new(pattern: &str) -> Self {
        let regex = to_regex(pattern).and_then(|expression| {
            regex::RegexBuilder::new(&expression).size_limit(1024 * 1024).build().ok()
        });
        Self { regex }
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.regex.as_ref().is_none_or(|regex| regex.is_match(name))
    }
}

fn to_regex(pattern: &str) -> Option<String> {
    let mut expression = String::from(r"(?s)\A(?:");
    let mut characters = pattern.chars().peekable();
    let mut braces = 0usize;
    while let Some(character) = characters.next() {
        match character {
            '*' if characters.next_if_eq(&'*').is_some() => expression.push_str(".*"),
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '\\' => expression.push_str(&regex::escape(&characters.next()?.to_string())),
            '[' => expression.push_str(&class(&mut characters)?),
            '{' => {
                braces += 1;
                expression.push_str("(?:");
            }
            '}' => {
                braces = braces.checked_sub(1)?;
                expression.push(')');
            }
            ',' if braces > 0 => expression.push('|'),
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    expression.push_str(r")\z");
    (braces == 0).then_some(expression)
}

fn class(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    let negated = characters.next_if_eq(&'!').is_some();
    let mut class = String::from(if negated { "[^" } else { "[" });
    loop {
        match characters.next()? {
            ']' => break,
            '-' => class.push('-'),
            '\\' => class.push_str(&regex::escape(&characters.next()?.to_string())),
            other => class.push_str(&regex::escape(&other.to_string())),
        }
    }
    class.push(']');
    Some(class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_folder_and_two_do_not() {
        assert!(Glob::new("conf/*.yaml").matches("conf/a.yaml"));
        assert!(!Glob::new("conf/*.yaml").matches("conf/deep/a.yaml"));
        assert!(Glob::new("conf/**.yaml").matches("conf/deep/a.yaml"));
        assert!(Glob::new("**").matches("conf/deep/a.yaml"));
    }

    #[test]
    fn classes_alternatives_and_single_characters_match() {
        assert!(Glob::new("{a,b}/?[0-9].txt").matches("b/x7.txt"));
        assert!(!Glob::new("a[!0-9]").matches("a1"));
    }

    #[test]
    fn a_malformed_pattern_matches_everything() {
        assert!(Glob::new("{a").matches("anything"));
    }
}
