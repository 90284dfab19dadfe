//! Compute Engine's list filters: the `key = value` family with AND, OR and NOT, and the older `key eq regex` one.

use serde_json::Value;

use super::super::ApiError;

/// A filter that can be asked about a resource.
#[derive(Debug)]
pub(crate) enum Filter {
    All(Vec<Filter>),
    Any(Vec<Filter>),
    Not(Box<Filter>),
    Compare { field: Vec<String>, operator: Operator, value: String },
    FullMatch { field: Vec<String>, pattern: regex::Regex, negated: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Has,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Word(String),
    Quoted(String),
    Operator(Operator),
    Open,
    Close,
}

impl Filter {
    /// Reads a filter expression.
    ///
    /// # Errors
    /// 400 with reason `invalid` when it does not parse or mixes the two families.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        let invalid = || {
            ApiError::invalid(format!(
                "Invalid value for field 'filter': '{text}'. Invalid list filter expression."
            ))
            .with_reason("invalid")
        };
        let tokens = tokenize(text).ok_or_else(invalid)?;
        let mut reader = Reader { tokens: &tokens, depth: 0 };
        let filter = reader.any_of().ok_or_else(invalid)?;
        if reader.tokens.is_empty() { Ok(filter) } else { Err(invalid()) }
    }

    /// True when the resource passes.
    pub(crate) fn accepts(&self, resource: &Value) -> bool {
        match self {
            Self::All(filters) => filters.iter().all(|filter| filter.accepts(resource)),
            Self::Any(filters) => filters.iter().any(|filter| filter.accepts(resource)),
            Self::Not(filter) => !filter.accepts(resource),
            Self::FullMatch { field, pattern, negated } => {
                let matches = text_of(resource, field).is_some_and(|text| pattern.is_match(&text));
                matches != *negated
            }
            Self::Compare { field, operator, value } => compare(resource, field, *operator, value),
        }
    }
}

fn compare(resource: &Value, field: &[String], operator: Operator, value: &str) -> bool {
    let Some(found) = text_of(resource, field) else { return operator == Operator::NotEqual };
    let order = match (found.parse::<f64>(), value.parse::<f64>()) {
        (Ok(left), Ok(right)) => left.partial_cmp(&right),
        _ => Some(found.as_str().cmp(value)),
    };
    match operator {
        Operator::Equal => wildcard_equal(&found, value),
        Operator::NotEqual => !wildcard_equal(&found, value),
        Operator::Has => value == "*" || found.contains(value.trim_matches('*')),
        Operator::Less => order.is_some_and(std::cmp::Ordering::is_lt),
        Operator::LessOrEqual => order.is_some_and(std::cmp::Ordering::is_le),
        Operator::Greater => order.is_some_and(std::cmp::Ordering::is_gt),
        Operator::GreaterOrEqual => order.is_some_and(std::cmp::Ordering::is_ge),
    }
}

/// Equality where a `*` at an end of the value stands for anything.
fn wildcard_equal(found: &str, value: &str) -> bool {
    match (value.strip_prefix('*'), value.strip_suffix('*')) {
        (Some(_), Some(_)) => found.contains(value.trim_matches('*')),
        (Some(end), None) => found.ends_with(end),
        (None, Some(start)) => found.starts_with(start),
        (None, None) => found == value,
    }
}

/// The text of a field of the resource, of a label for `labels.KEY`.
fn text_of(resource: &Value, field: &[String]) -> Option<String> {
    let value = field.iter().try_fold(resource, |value, name| value.get(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => None,
        Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}

fn tokenize(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let symbols = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("=", Operator::Equal),
            ("<", Operator::Less),
            (">", Operator::Greater),
            (":", Operator::Has),
        ];
        if let Some((symbol, operator)) = symbols.iter().find(|(symbol, _)| rest.starts_with(symbol)) {
            tokens.push(Token::Operator(*operator));
            rest = rest.strip_prefix(symbol)?;
            continue;
        }
        match first {
            '(' => tokens.push(Token::Open),
            ')' => tokens.push(Token::Close),
            '"' => {
                let (quoted, after) = rest.strip_prefix('"')?.split_once('"')?;
                tokens.push(Token::Quoted(quoted.to_owned()));
                rest = after;
                continue;
            }
            _ if first.is_whitespace() => {}
            _ => {
                let end =
                    rest.find(|c: char| c.is_whitespace() || "()=!<>:\"".contains(c)).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end)?;
                if word.is_empty() {
                    return None;
                }
                tokens.push(Token::Word(word.to_owned()));
                rest = after;
                continue;
            }
        }
        rest = rest.strip_prefix(first)?;
    }
    Some(tokens)
}

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 32;

struct Reader<'a> {
    tokens: &'a [Token],
    depth: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.tokens.first(), Some(Token::Word(text)) if text == word);
        if found {
            self.next();
        }
        found
    }

    fn any_of(&mut self) -> Option<Filter> {
        let mut filters = vec![self.all_of()?];
        while self.take_word("OR") {
            filters.push(self.all_of()?);
        }
        Some(if filters.len() == 1 { filters.remove(0) } else { Filter::Any(filters) })
    }

    /// Terms joined by AND; terms that merely follow each other are joined the same way.
    fn all_of(&mut self) -> Option<Filter> {
        let mut filters = vec![self.term()?];
        loop {
            let ends = match self.tokens.first() {
                None | Some(Token::Close) => true,
                Some(Token::Word(word)) => word == "OR",
                Some(_) => false,
            };
            if ends {
                break;
            }
            self.take_word("AND");
            filters.push(self.term()?);
        }
        Some(if filters.len() == 1 { filters.remove(0) } else { Filter::All(filters) })
    }

    fn term(&mut self) -> Option<Filter> {
        if self.take_word("NOT") {
            return Some(Filter::Not(Box::new(self.term()?)));
        }
        match self.next()?.clone() {
            Token::Open => self.group(),
            Token::Word(field) => self.comparison(&field),
            Token::Close | Token::Quoted(_) | Token::Operator(_) => None,
        }
    }

    fn group(&mut self) -> Option<Filter> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let inner = self.any_of()?;
        self.depth -= 1;
        (self.next()? == &Token::Close).then_some(inner)
    }

    fn comparison(&mut self, field: &str) -> Option<Filter> {
        let field: Vec<String> = field.splitn(2, '.').map(str::to_owned).collect();
        match self.next()?.clone() {
            Token::Operator(operator) => {
                let value = self.value()?;
                Some(Filter::Compare { field, operator, value })
            }
            Token::Word(word) if matches!(word.as_str(), "eq" | "ne") => {
                let pattern = regex::Regex::new(&format!("^(?:{})$", self.value()?)).ok()?;
                Some(Filter::FullMatch { field, pattern, negated: word == "ne" })
            }
            _ => None,
        }
    }

    fn value(&mut self) -> Option<String> {
        match self.next()?.clone() {
            Token::Word(text) | Token::Quoted(text) => Some(text),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn accepts(filter: &str) -> bool {
        let disk = json!({"name": "pvc-1", "sizeGb": "50", "status": "READY", "labels": {"network": "net1"}});
        Filter::parse(filter).unwrap().accepts(&disk)
    }

    #[test]
    fn terms_compare_fields_and_labels() {
        for filter in [
            r#"labels.network = "net1""#,
            "labels.network=net1",
            r#"(labels.network = "net1") (status = "READY")"#,
            "labels.network:*",
            "labels.owner != spacecraft",
            "sizeGb > 9 AND sizeGb <= 50",
            "status = FAILED OR status = READY",
            "NOT status = FAILED",
            r#"name eq "pvc-.*""#,
            "name eq pvc-.",
            "name ne disk-.*",
            "name = pvc-*",
        ] {
            assert!(accepts(filter), "{filter}");
        }
        for filter in
            ["labels.network = net2", "labels.owner:*", "name eq pvc", "NOT (status = READY)", "sizeGb < 9"]
        {
            assert!(!accepts(filter), "{filter}");
        }
    }

    #[test]
    fn broken_filters_are_refused() {
        for filter in
            ["labels.network =", "= x", "(status = READY", "status", "name eq \"(\"", "a = \"b", ")"]
        {
            assert!(Filter::parse(filter).is_err(), "{filter}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in any::<String>()) {
            let _ = Filter::parse(&text);
        }
    }
}
