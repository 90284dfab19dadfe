//! What is wrong with a value, and its text.

/// One thing that is wrong, with what it follows from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Violation {
    /// JSON pointer to the value.
    pub(super) at: String,
    /// What is wrong, unless the causes say it all.
    pub(super) what: What,
    /// What it follows from.
    pub(super) causes: Vec<Violation>,
}

/// How a violation shows in the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// This is wrong.
    Text(String),
    /// Several things are wrong with one value.
    Group,
    /// What a reference leads to is not met.
    Reference,
}

impl Violation {
    pub(super) fn new(at: &str, text: impl Into<String>) -> Self {
        Self { at: at.to_owned(), what: What::Text(text.into()), causes: Vec::new() }
    }

    pub(super) fn because(at: &str, text: impl Into<String>, causes: Vec<Self>) -> Self {
        Self { causes, ..Self::new(at, text) }
    }
}

/// The text of all violations of one value, as Helm prints it.
pub(super) fn to_text(violations: &[Violation]) -> String {
    let mut text = String::new();
    // What is wrong with one value alone stands by itself.
    let violations = match violations {
        [Violation { what: What::Group, causes, .. }] => causes,
        all => all,
    };
    for violation in violations {
        write(violation, 0, &mut text);
    }
    text
}

fn write(violation: &Violation, depth: usize, text: &mut String) {
    let is_skipped = matches!(violation.what, What::Reference) && violation.causes.len() == 1;
    let inner = if is_skipped { depth } else { depth + 1 };
    if !is_skipped {
        if !text.is_empty() {
            text.push('\n');
        }
        let what = match &violation.what {
            What::Text(what) => what.clone(),
            What::Group | What::Reference => "validation failed".to_owned(),
        };
        text.push_str(&format!("{}- at {}: {what}", "  ".repeat(depth), quote(&violation.at)));
    }
    for cause in &violation.causes {
        write(cause, inner, text);
    }
}

/// Single quotes around, those inside escaped, and what cannot be printed escaped as Go does.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::from("'");
    for character in text.chars() {
        match character {
            '\'' => quoted.push_str("\\'"),
            '"' => quoted.push('"'),
            other => quoted.extend(other.escape_debug()),
        }
    }
    quoted.push('\'');
    quoted
}

/// All of them quoted, with commas between.
pub(super) fn quote_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    texts.into_iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// A number with commas between thousands, as the English texts have it.
pub(super) fn number(value: f64) -> String {
    let plain = value.to_string();
    let (sign, digits) = plain.strip_prefix('-').map_or(("", plain.as_str()), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, part)| (whole, Some(part)));
    let mut grouped = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let fraction = fraction.map(|part| format!(".{part}")).unwrap_or_default();
    format!("{sign}{grouped}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_commas_between_thousands() {
        assert_eq!(number(1_234_567.5), "1,234,567.5");
        assert_eq!(number(-999.0), "-999");
        assert_eq!(number(1000.0), "1,000");
    }

    #[test]
    fn quotes_inside_are_escaped() {
        assert_eq!(quote("it's \"so\"\n"), r#"'it\'s "so"\n'"#);
    }
}
