//! The little languages of `--set`, `--set-string`, `--set-json`, `--set-file` and `--set-literal`.
//!
//! `a.b[0].c=value,d={x,y}`: names are separated by dots, list items have an index, a value goes up to the next comma
//! and `{}` holds a list; a backslash keeps the next character as it is. What is set goes into the given table, merged
//! with what is there.

use serde_json::Value;
use spacecraft_gotemplate::number::quote_go_char;

use super::{Values, as_go_json, go_type_name};
use crate::chart::ChartError;

/// Larger indexes are refused, because every smaller item would come to exist.
const LARGEST_INDEX: usize = 65_536;
/// Deeper names are refused.
const DEEPEST_NAME: usize = 30;

/// How the text of a value becomes a value.
pub(crate) enum Reading<'a> {
    /// `true`, `false`, `null` and whole numbers are what they look like, all else is text.
    Typed,
    /// Everything is text.
    Text,
    /// Values are JSON.
    Json,
    /// Values are names of files whose content is the value.
    File(&'a dyn Fn(&str) -> Result<String, ChartError>),
    /// One name, then everything up to the end is text, with no escapes and no lists.
    Literal,
}

/// Sets what `line` says in `values`.
///
/// # Errors
/// If `line` is not well formed, or would put a table or list where something else is.
pub(crate) fn set(line: &str, values: &mut Values, reading: &Reading<'_>) -> Result<(), ChartError> {
    let mut parser = Parser { rest: line, reading };
    while !parser.rest.is_empty() {
        parser.assignment(values, 0)?;
    }
    Ok(())
}

struct Parser<'a, 'r> {
    rest: &'a str,
    reading: &'a Reading<'r>,
}

impl Parser<'_, '_> {
    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let next = characters.next();
        self.rest = characters.as_str();
        next
    }

    /// Text up to one of `stops`, which is consumed and returned too; none at the end of the line.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        while let Some(character) = self.next() {
            match character {
                stop if stops.contains(&stop) => return (text, Some(stop)),
                '\\' if !matches!(self.reading, Reading::Literal) => match self.next() {
                    Some(escaped) => text.push(escaped),
                    None => return (text, None),
                },
                other => text.push(other),
            }
        }
        (text, None)
    }

    fn assignment(&mut self, table: &mut Values, depth: usize) -> Result<(), ChartError> {
        let stops: &[char] =
            if matches!(self.reading, Reading::Literal) { &['=', '[', '.'] } else { &['=', '[', ',', '.'] };
        let (key, stop) = self.until(stops);
        match stop {
            None if key.is_empty() => Ok(()),
            None => Err(ChartError::new(format!("key {key:?} has no value"))),
            Some('[') => self.assign_item(table, key, depth),
            Some('.') => self.assign_inner(table, key, depth + 1),
            Some(',') => Err(ChartError::new(format!("key {key:?} has no value (cannot end with ,)"))),
            Some(_) => {
                let value = self.value()?;
                put(table, key, value);
                Ok(())
            }
        }
    }

    fn assign_item(&mut self, table: &mut Values, key: String, depth: usize) -> Result<(), ChartError> {
        let index = self.index()?;
        let mut list = match table.remove(&key) {
            None => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(other) => return Err(not_a(&other, "[]interface {}")),
        };
        let result = self.item(&mut list, index, depth);
        put(table, key, Value::Array(list));
        result
    }

    fn assign_inner(&mut self, table: &mut Values, key: String, depth: usize) -> Result<(), ChartError> {
        if depth > DEEPEST_NAME {
            let text = format!(
                "value name nested level is greater than maximum supported nested level of {DEEPEST_NAME}"
            );
            return Err(ChartError::new(text));
        }
        let mut inner = match table.remove(&key) {
            None => Values::new(),
            Some(Value::Object(inner)) => inner,
            Some(other) => return Err(not_a(&other, "map[string]interface {}")),
        };
        let at_end = self.rest.is_empty();
        self.assignment(&mut inner, depth)?;
        match (inner.is_empty(), at_end) {
            (true, false) => Err(ChartError::new(format!("key map {key:?} has no value"))),
            (true, true) => Ok(()),
            (false, _) => {
                put(table, key, Value::Object(inner));
                Ok(())
            }
        }
    }

    fn index(&mut self) -> Result<usize, ChartError> {
        let (text, stop) = self.until(&[']']);
        if stop.is_none() {
            return Err(ChartError::new("error parsing index: EOF"));
        }
        let index: i64 = text.parse().map_err(|_| {
            ChartError::new(format!("error parsing index: strconv.Atoi: parsing {text:?}: invalid syntax"))
        })?;
        let index = usize::try_from(index)
            .map_err(|_| ChartError::new(format!("negative {index} index not allowed")))?;
        if index > LARGEST_INDEX {
            let text = format!("index of {index} is greater than maximum supported index of {LARGEST_INDEX}");
            return Err(ChartError::new(text));
        }
        Ok(index)
    }

    /// What follows `[index]`: a value, a further index or a name.
    fn item(&mut self, list: &mut Vec<Value>, index: usize, depth: usize) -> Result<(), ChartError> {
        let (text, stop) = self.until(&['[', '.', '=']);
        if !text.is_empty() {
            let quoted: Vec<String> = text.chars().map(|rest| quote_go_char(rest, false)).collect();
            let problem = format!("unexpected data at end of array index: [{}]", quoted.join(" "));
            return Err(ChartError::new(problem));
        }
        let value = match stop {
            None => return Ok(()),
            Some('[') => {
                let next = self.index()?;
                let mut inner = match list.get_mut(index).map(Value::take) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(inner)) => inner,
                    Some(other) => return Err(not_a(&other, "[]interface {}")),
                };
                self.item(&mut inner, next, depth)?;
                Value::Array(inner)
            }
            Some('.') => {
                let mut inner = match list.get_mut(index).map(Value::take) {
                    Some(Value::Object(inner)) => inner,
                    _ => Values::new(),
                };
                self.assignment(&mut inner, depth)?;
                Value::Object(inner)
            }
            Some(_) => self.value()?,
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        if let Some(item) = list.get_mut(index) {
            *item = value;
        }
        Ok(())
    }

    /// What follows `=`, with the comma after it consumed.
    fn value(&mut self) -> Result<Value, ChartError> {
        match self.reading {
            Reading::Literal => Ok(Value::from(std::mem::take(&mut self.rest))),
            Reading::Json => self.json_value(),
            _ if self.rest.is_empty() => Ok(Value::from("")),
            _ if self.rest.starts_with('{') => self.list(),
            _ => {
                let (text, _) = self.until(&[',']);
                self.read(text)
            }
        }
    }

    fn read(&self, text: String) -> Result<Value, ChartError> {
        match self.reading {
            Reading::Typed => Ok(typed(text)),
            Reading::File(read) => read(&text).map(Value::from),
            Reading::Text | Reading::Json | Reading::Literal => Ok(Value::from(text)),
        }
    }

    fn list(&mut self) -> Result<Value, ChartError> {
        self.next();
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            match stop {
                None => return Err(ChartError::new("list must terminate with '}'")),
                Some('}') => {
                    self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                    items.push(self.read(text)?);
                    return Ok(Value::Array(items));
                }
                Some(_) => items.push(self.read(text)?),
            }
        }
    }

    fn json_value(&mut self) -> Result<Value, ChartError> {
        if self.skip_blanks_and_comma() {
            return Ok(Value::Null);
        }
        let mut values = serde_json::Deserializer::from_str(self.rest).into_iter::<Value>();
        let value = match values.next() {
            Some(Ok(value)) => as_go_json(value),
            Some(Err(error)) => return Err(ChartError::new(error.to_string())),
            None => Value::Null,
        };
        self.rest = self.rest.get(values.byte_offset()..).unwrap_or_default();
        self.skip_blanks_and_comma();
        Ok(value)
    }

    /// Skips blanks and one comma after them; true if there was one, or the end.
    fn skip_blanks_and_comma(&mut self) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(',') {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => self.rest.is_empty(),
        }
    }
}

/// An empty name sets nothing.
fn put(table: &mut Values, key: String, value: Value) {
    if !key.is_empty() {
        table.insert(key, value);
    }
}

fn not_a(value: &Value, wanted: &str) -> ChartError {
    ChartError::new(format!(
        "unable to parse key: interface conversion: interface {{}} is {}, not {wanted}",
        go_type_name(value)
    ))
}

fn typed(text: String) -> Value {
    let is = |word: &str| text.eq_ignore_ascii_case(word);
    if is("true") || is("false") {
        return Value::from(is("true"));
    }
    if is("null") {
        return Value::Null;
    }
    let looks_whole = text == "0" || !text.starts_with('0');
    match text.parse::<i64>() {
        Ok(number) if looks_whole => Value::from(number),
        _ => Value::from(text),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn set_in(start: Value, line: &str, reading: &Reading<'_>) -> Result<Value, ChartError> {
        let mut values = start.as_object().cloned().unwrap_or_default();
        set(line, &mut values, reading)?;
        Ok(Value::Object(values))
    }

    fn typed_set(line: &str) -> Value {
        set_in(json!({}), line, &Reading::Typed).unwrap()
    }

    #[test]
    fn values_are_typed_by_how_they_look() {
        assert_eq!(
            typed_set("a=1,b=TRUE,c=null,d=x,e=007,f=0,g=1.5,h=,i=-3"),
            json!({"a": 1, "b": true, "c": null, "d": "x", "e": "007", "f": 0, "g": "1.5", "h": "", "i": -3})
        );
        assert_eq!(set_in(json!({}), "a=1,b=true", &Reading::Text).unwrap(), json!({"a": "1", "b": "true"}));
    }

    #[test]
    fn names_lists_and_indexes_nest() {
        assert_eq!(
            typed_set("a.b[1].c=1,a.b[0]=x,l={1,two,},m[0][1]=z"),
            json!({"a": {"b": ["x", {"c": 1}]}, "l": [1, "two", ""], "m": [[null, "z"]]})
        );
    }

    #[test]
    fn a_backslash_keeps_the_next_character_as_it_is() {
        assert_eq!(
            typed_set(r"node\.kubernetes\.io/role=a\,b\\c,x=\{a\}"),
            json!({"node.kubernetes.io/role": "a,b\\c", "x": "{a}"})
        );
    }

    #[test]
    fn json_values_are_floats_and_may_be_empty() {
        assert_eq!(
            set_in(json!({}), r#"a={"b":[1,2.5]} ,c=,d="x""#, &Reading::Json).unwrap(),
            json!({"a": {"b": [1.0, 2.5]}, "c": null, "d": "x"})
        );
        assert!(set_in(json!({}), "a=nope", &Reading::Json).is_err());
    }

    #[test]
    fn a_literal_runs_to_the_end_of_the_line() {
        assert_eq!(
            set_in(json!({}), r"a.b=c,d={e}\,f=g", &Reading::Literal).unwrap(),
            json!({"a": {"b": r"c,d={e}\,f=g"}})
        );
    }

    #[test]
    fn a_file_gives_its_content() {
        let read = |name: &str| match name {
            "f.txt" => Ok("content\n".to_owned()),
            other => Err(ChartError::new(format!("open {other}: no such file or directory"))),
        };
        assert_eq!(
            set_in(json!({}), "a.b=f.txt", &Reading::File(&read)).unwrap(),
            json!({"a": {"b": "content\n"}})
        );
        assert!(set_in(json!({}), "a=g.txt", &Reading::File(&read)).is_err());
    }

    #[test]
    fn mistakes_are_told_in_helms_words() {
        let text = |line: &str| set_in(json!({"s": "x"}), line, &Reading::Typed).unwrap_err().to_string();
        assert_eq!(text("novalue"), "key \"novalue\" has no value");
        assert_eq!(text("a,b=1"), "key \"a\" has no value (cannot end with ,)");
        assert_eq!(text("a[-1]=1"), "negative -1 index not allowed");
        assert_eq!(text("a[0]b'=1"), r"unexpected data at end of array index: ['b' '\'']");
        assert_eq!(text("a[99999]=1"), "index of 99999 is greater than maximum supported index of 65536");
        assert_eq!(text("a[x]=1"), "error parsing index: strconv.Atoi: parsing \"x\": invalid syntax");
        assert_eq!(text("a={1,2"), "list must terminate with '}'");
        assert_eq!(
            text("s.t=1"),
            "unable to parse key: interface conversion: interface {} is string, not map[string]interface {}"
        );
        assert!(text(&format!("{}=1", vec!["a"; 40].join("."))).starts_with("value name nested level"));
    }

    proptest! {
        #[test]
        fn any_line_ends_in_values_or_an_error(line in "[ab.,=\\[\\]{}0-9\\\\ ]{0,40}") {
            for reading in [Reading::Typed, Reading::Text, Reading::Json, Reading::Literal] {
                let mut values = Values::new();
                let _ = set(&line, &mut values, &reading);
            }
        }

        #[test]
        fn a_text_that_is_escaped_comes_back_as_it_was(text in "[a-z,={}\\[\\].\\\\]{1,20}") {
            let escaped: String = text.chars().flat_map(|character| ['\\', character]).collect();
            let mut values = Values::new();
            set(&format!("{escaped}={escaped}"), &mut values, &Reading::Text).unwrap();
            prop_assert_eq!(values.get(&text), Some(&Value::from(text.clone())));
        }
    }
}
