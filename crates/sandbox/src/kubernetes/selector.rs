//! Label and field selectors.

use std::collections::BTreeMap;

use serde_json::Value;

use super::names;
use super::object::{items, text_or_empty, texts};

/// One requirement on a label or field.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
    GreaterThan(String, i64),
    LessThan(String, i64),
}

impl Requirement {
    fn matches<'a>(&self, get: &impl Fn(&str) -> Option<&'a str>) -> bool {
        let number = |key: &str| get(key).and_then(|value| value.parse::<i64>().ok());
        match self {
            Self::In(key, values) => get(key).is_some_and(|value| values.iter().any(|one| one == value)),
            Self::NotIn(key, values) => get(key).is_none_or(|value| values.iter().all(|one| one != value)),
            Self::Exists(key) => get(key).is_some(),
            Self::Absent(key) => get(key).is_none(),
            Self::GreaterThan(key, bound) => number(key).is_some_and(|value| value > *bound),
            Self::LessThan(key, bound) => number(key).is_some_and(|value| value < *bound),
        }
    }
}

/// Requirements that must all hold; none match everything.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Selector {
    requirements: Vec<Requirement>,
}

impl Selector {
    /// True when everything matches.
    pub(crate) fn is_everything(&self) -> bool {
        self.requirements.is_empty()
    }

    /// True when labels match.
    pub(crate) fn matches(&self, labels: &BTreeMap<String, String>) -> bool {
        self.matches_by(|key| labels.get(key).map(String::as_str))
    }

    /// True when what a look-up finds matches.
    pub(crate) fn matches_by<'a>(&self, get: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(&get))
    }

    /// The keys that are looked at.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.requirements.iter().map(|requirement| match requirement {
            Requirement::In(key, _)
            | Requirement::NotIn(key, _)
            | Requirement::Exists(key)
            | Requirement::Absent(key)
            | Requirement::GreaterThan(key, _)
            | Requirement::LessThan(key, _) => key.as_str(),
        })
    }

    /// The selector that asks for these labels.
    pub(crate) fn of_labels(labels: BTreeMap<String, String>) -> Self {
        let requirements = labels.into_iter().map(|(key, value)| Requirement::In(key, vec![value])).collect();
        Self { requirements }
    }

    /// Reads a `LabelSelector` object (`matchLabels`, `matchExpressions`); expressions with unknown operators match
    /// nothing.
    pub(crate) fn of_object(selector: &Value) -> Self {
        let mut all = Self::of_labels(texts(selector, "/matchLabels"));
        all.requirements.extend(items(selector, "/matchExpressions").iter().map(expression));
        all
    }

    /// Reads a list of node selector requirements.
    pub(crate) fn of_expressions(expressions: &[Value]) -> Self {
        Self { requirements: expressions.iter().map(expression).collect() }
    }

    /// Reads the `labelSelector` of a query: `a=b,c!=d,e in (f,g),!h`.
    ///
    /// # Errors
    /// The server's words for what does not parse.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            requirements.push(label_requirement(part.trim())?);
        }
        Ok(Self { requirements })
    }

    /// Reads the `fieldSelector` of a query: `a=b,c!=d`.
    ///
    /// # Errors
    /// The server's words for what does not parse.
    pub(crate) fn parse_fields(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, value, equal) = equality(part)
                .ok_or_else(|| format!("invalid selector: '{text}'; can't understand '{part}'"))?;
            let (key, values) = (key.to_owned(), vec![value.to_owned()]);
            requirements.push(if equal {
                Requirement::In(key, values)
            } else {
                Requirement::NotIn(key, values)
            });
        }
        Ok(Self { requirements })
    }
}

fn expression(expression: &Value) -> Requirement {
    let key = text_or_empty(expression, "/key").to_owned();
    let values: Vec<String> =
        items(expression, "/values").iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let bound = values.first().and_then(|value| value.parse().ok());
    match (text_or_empty(expression, "/operator"), bound) {
        ("In", _) => Requirement::In(key, values),
        ("NotIn", _) => Requirement::NotIn(key, values),
        ("Exists", _) => Requirement::Exists(key),
        ("DoesNotExist", _) => Requirement::Absent(key),
        ("Gt", Some(bound)) => Requirement::GreaterThan(key, bound),
        ("Lt", Some(bound)) => Requirement::LessThan(key, bound),
        _ => Requirement::In(key, Vec::new()),
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (index, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(start..index));
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.extend(text.get(start..).filter(|rest| !rest.trim().is_empty()));
    parts
}

/// Splits `key=value`, `key==value` and `key!=value`; the last of the three says whether equality is asked.
fn equality(part: &str) -> Option<(&str, &str, bool)> {
    if let Some((key, value)) = part.split_once("!=") {
        return Some((key.trim(), value.trim(), false));
    }
    let (key, value) = part.split_once("==").or_else(|| part.split_once('='))?;
    Some((key.trim(), value.trim(), true))
}

fn label_requirement(part: &str) -> Result<Requirement, String> {
    if let Some(key) = part.strip_prefix('!') {
        return Ok(Requirement::Absent(label_key(key)?));
    }
    if let Some((head, rest)) = part.split_once('(') {
        return set_requirement(part, head, rest);
    }
    if let Some((key, bound)) = part.split_once('>') {
        return Ok(Requirement::GreaterThan(label_key(key)?, label_bound(part, bound)?));
    }
    if let Some((key, bound)) = part.split_once('<') {
        return Ok(Requirement::LessThan(label_key(key)?, label_bound(part, bound)?));
    }
    match equality(part) {
        Some((key, value, equal)) => {
            let (key, values) = (label_key(key)?, vec![label_value(value)?]);
            Ok(if equal { Requirement::In(key, values) } else { Requirement::NotIn(key, values) })
        }
        None => Ok(Requirement::Exists(label_key(part)?)),
    }
}

fn set_requirement(part: &str, head: &str, rest: &str) -> Result<Requirement, String> {
    let unreadable = || format!("unable to parse requirement: couldn't parse {part:?}");
    let mut words = head.split_whitespace();
    let (key, operator) = words.next().zip(words.next()).ok_or_else(unreadable)?;
    let list = rest.trim_end().strip_suffix(')').ok_or_else(unreadable)?;
    let values = list.split(',').map(|value| label_value(value.trim())).collect::<Result<_, _>>()?;
    match operator {
        "in" => Ok(Requirement::In(label_key(key)?, values)),
        "notin" => Ok(Requirement::NotIn(label_key(key)?, values)),
        _ => Err(unreadable()),
    }
}

fn label_key(key: &str) -> Result<String, String> {
    let key = key.trim();
    match names::qualified_name(key).first() {
        None => Ok(key.to_owned()),
        Some(why) => Err(format!("unable to parse requirement: <nil>: Invalid value: {key:?}: {why}")),
    }
}

fn label_value(value: &str) -> Result<String, String> {
    match names::label_value(value).first() {
        None => Ok(value.to_owned()),
        Some(why) => {
            Err(format!("unable to parse requirement: values[0][x]: Invalid value: {value:?}: {why}"))
        }
    }
}

fn label_bound(part: &str, bound: &str) -> Result<i64, String> {
    bound
        .trim()
        .parse()
        .map_err(|_| format!("unable to parse requirement: {part:?} compares with no integer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn every_operator_selects_as_documented() {
        let pod = labels(&[("a", "b"), ("e", "f"), ("n", "5")]);
        for (selector, expected) in [
            ("a=b", true),
            ("a==b,e=f", true),
            ("a!=b", false),
            ("z!=b", true),
            ("e in (f,g)", true),
            ("e notin (f, g)", false),
            ("a", true),
            ("!a", false),
            ("!h", true),
            ("n>4", true),
            ("n<5", false),
            ("", true),
        ] {
            assert_eq!(Selector::parse(selector).unwrap().matches(&pod), expected, "{selector}");
        }
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        for selector in ["a in b", "a b", "=x", "a=b c", "a in (b"] {
            assert!(Selector::parse(selector).is_err(), "{selector}");
        }
        assert!(Selector::parse_fields("metadata.name").is_err());
    }

    #[test]
    fn an_unknown_operator_matches_nothing() {
        let selector =
            Selector::of_object(&serde_json::json!({"matchExpressions": [{"key": "a", "operator": "Like"}]}));
        assert!(!selector.matches(&labels(&[("a", "b")])));
    }
}
