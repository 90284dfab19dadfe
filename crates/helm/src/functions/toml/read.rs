//! Tables, keys and values.
//!
//! What is a table, and whether a key can be given twice, follows Helm's library rather than TOML's rules: a value in place of a table that keys
//! with dots have made is passed over, an array is replaced by what comes later, and a table in braces can be added to.

use std::collections::BTreeSet;

use spacecraft_gotemplate::value::Map;
use spacecraft_gotemplate::{Value, number::quote_go};

use super::scalar::{date, float, integer, unescaped, without_escaped_line_ends};
use super::scan::{Fault, Literal, Scanner, is_blank, is_line_end, shown, shown_or_end};
use super::tables::{Node, Table, from_table, insert_at, table_in};
use super::{MAX_DEPTH, quoted_key};

/// Reads a TOML text.
///
/// # Errors
/// The library's message, line and last key in front.
pub(super) fn read(text: &[u8]) -> Result<Value, String> {
    if text.iter().take(6).any(|byte| *byte == 0) {
        let message = "files cannot contain NULL bytes; probably using UTF-16; TOML files must be UTF-8";
        return Err(format!("line 1: {message}"));
    }
    let mut reader = Reader {
        scanner: Scanner::new(text),
        root: Table::new(),
        context: Vec::new(),
        current: String::new(),
        key_line: 0,
        implicit: BTreeSet::new(),
        arrays: BTreeSet::new(),
        depth: 0,
    };
    match reader.document() {
        Ok(()) => Ok(Value::Map(from_table(reader.root))),
        Err(fault) => {
            let key = reader.last_key();
            let key = if key.is_empty() { key } else { format!(" (last key {})", quote_go(key.as_bytes())) };
            Err(format!("line {}{key}: {}", fault.line, fault.message))
        }
    }
}

struct Reader<'t> {
    scanner: Scanner<'t>,
    root: Table,
    /// The table that keys are in.
    context: Vec<String>,
    /// The key whose value is being read.
    current: String,
    /// Where the last key began.
    key_line: usize,
    /// Tables that exist because a longer key names them.
    implicit: BTreeSet<Vec<String>>,
    /// Keys whose value is an array in brackets.
    arrays: BTreeSet<Vec<String>>,
    depth: usize,
}

fn key_text(key: &[String]) -> String {
    key.iter().map(|part| quoted_key(part)).collect::<Vec<_>>().join(".")
}

impl Reader<'_> {
    fn last_key(&self) -> String {
        match (self.context.is_empty(), self.current.is_empty()) {
            (_, true) => key_text(&self.context),
            (true, false) => self.current.clone(),
            (false, false) => format!("{}.{}", key_text(&self.context), self.current),
        }
    }

    fn document(&mut self) -> Result<(), Fault> {
        loop {
            self.scanner.take_while(|character| is_blank(character) || is_line_end(character))?;
            match self.scanner.peek()? {
                None => return Ok(()),
                Some('#') => {
                    self.scanner.comment()?;
                    continue;
                }
                Some('[') => self.header()?,
                Some(_) => self.pair()?,
            }
            self.line_end()?;
        }
    }

    fn line_end(&mut self) -> Result<(), Fault> {
        self.scanner.skip_blanks()?;
        match self.scanner.take()? {
            None => Ok(()),
            Some('#') => self.scanner.comment(),
            Some(end) if is_line_end(end) => Ok(()),
            other => Err(self.scanner.fault(format!(
                "expected a top-level item to end with a newline, comment, or EOF, but got {} instead",
                shown(other)
            ))),
        }
    }

    /// `[name]` or `[[name]]`.
    fn header(&mut self) -> Result<(), Fault> {
        self.scanner.take()?;
        let is_array = self.scanner.takes('[')?;
        let mut key = Vec::new();
        loop {
            self.scanner.skip_blanks()?;
            match self.scanner.peek()? {
                Some(']') | None => {
                    let message = "unexpected end of table name (table names cannot be empty)";
                    return Err(self.scanner.fault(message));
                }
                Some('.') => {
                    let message = "unexpected table separator (table names cannot be empty)";
                    return Err(self.scanner.fault(message));
                }
                Some(_) => self.name(&mut key)?,
            }
            self.scanner.skip_blanks()?;
            match self.scanner.take()? {
                Some('.') => {}
                Some(']') => break,
                other => {
                    let message =
                        format!("expected '.' or ']' to end table name, but got {} instead", shown(other));
                    return Err(self.scanner.fault_at(other, message));
                }
            }
        }
        if is_array {
            let end = self.scanner.take()?;
            if end != Some(']') {
                let message =
                    format!("expected end of table array name delimiter ']', but got {} instead", shown(end));
                return Err(self.scanner.fault_at(end, message));
            }
        }
        self.add_context(&key, is_array)?;
        self.arrays.remove(&self.context);
        Ok(())
    }

    /// One part of a key or of the name of a table.
    fn name(&mut self, key: &mut Vec<String>) -> Result<(), Fault> {
        let name = match self.scanner.peek()? {
            Some(quote @ ('"' | '\'')) => {
                self.scanner.take()?;
                let raw = self.scanner.line_text(quote)?;
                if quote == '"' { self.told(unescaped(raw))? } else { raw.to_owned() }
            }
            _ => self.scanner.take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))?.to_owned(),
        };
        if key.is_empty() {
            self.key_line = self.scanner.line();
        }
        key.push(name);
        Ok(())
    }

    /// A key up to its `=`.
    fn key(&mut self) -> Result<Vec<String>, Fault> {
        self.scanner.skip_blanks()?;
        match self.scanner.peek()? {
            Some('=') | None => return Err(self.scanner.fault("unexpected '=': key name appears blank")),
            Some('.') => return Err(self.scanner.fault("unexpected '.': keys cannot start with a '.'")),
            Some(_) => {}
        }
        let mut key = Vec::new();
        loop {
            self.scanner.skip_blanks()?;
            match self.scanner.peek()? {
                Some('=') | None => return Err(self.scanner.fault("unexpected '='")),
                Some('.') => return Err(self.scanner.fault("unexpected '.'")),
                Some(_) => self.name(&mut key)?,
            }
            self.scanner.skip_blanks()?;
            match self.scanner.take()? {
                Some('.') => {}
                Some('=') => return Ok(key),
                None => {
                    let message = "unexpected EOF; expected key separator '='";
                    return Err(self.scanner.fault_at(None, message));
                }
                other => {
                    let message = format!("expected '.' or '=', but got {} instead", shown(other));
                    let is_line_end = other == Some('\n');
                    return Err(if is_line_end {
                        self.scanner.fault_before(message)
                    } else {
                        self.scanner.fault(message)
                    });
                }
            }
        }
    }

    /// `key = value` in the table that keys are in.
    fn pair(&mut self) -> Result<(), Fault> {
        let outer = self.context.clone();
        self.assignment()?;
        self.context = outer;
        self.current.clear();
        Ok(())
    }

    /// Reads a key and its value, and sets it; answers both.
    fn assignment(&mut self) -> Result<(Vec<String>, Value), Fault> {
        let key = self.key()?;
        let (last, tables) = key.split_last().ok_or_else(|| self.scanner.fault("unexpected '='"))?;
        self.current.clone_from(last);
        for table in tables {
            let mut path = self.context.clone();
            path.push(table.clone());
            self.implicit.insert(path.clone());
            self.add_context(&path, false)?;
        }
        let value = self.value(false)?;
        let is_array = matches!(value, Value::List(_));
        self.set(last, Node::Value(value.clone()))?;
        let path = self.path_of(last);
        if is_array {
            self.arrays.insert(path);
        } else {
            self.arrays.remove(&path);
        }
        Ok((key, value))
    }

    /// Where the library notes what a key is; an empty key is taken for its table.
    fn path_of(&self, key: &str) -> Vec<String> {
        let mut path = self.context.clone();
        if !key.is_empty() || path.is_empty() {
            path.push(key.to_owned());
        }
        path
    }

    fn value(&mut self, in_array: bool) -> Result<Value, Fault> {
        self.scanner.skip_blanks()?;
        let start = self.scanner.position();
        if self.scanner.peek()?.is_some_and(|first| first.is_ascii_digit()) {
            let literal = self.scanner.number()?;
            return self.literal(literal);
        }
        match self.scanner.take()? {
            Some('[') => self.nested(Self::array),
            Some('{') => self.nested(|reader| reader.inline_table(in_array)),
            Some(quote @ ('"' | '\'')) => self.text(quote),
            Some('.') => Err(self.scanner.fault("floats must start with a digit, not '.'")),
            Some('-' | '+') => {
                let literal = self.scanner.signed(start)?;
                self.literal(literal)
            }
            Some(letter) if letter.is_alphabetic() => self.word(letter, start),
            None => Err(self.scanner.fault_at(None, "unexpected EOF; expected value")),
            other => {
                let message = format!("expected value but found {} instead", shown(other));
                let is_line_end = other == Some('\n');
                Err(if is_line_end {
                    self.scanner.fault_before(message)
                } else {
                    self.scanner.fault(message)
                })
            }
        }
    }

    fn nested(&mut self, read: impl FnOnce(&mut Self) -> Result<Value, Fault>) -> Result<Value, Fault> {
        if self.depth == MAX_DEPTH {
            return Err(self.scanner.fault("the value is nested too deep"));
        }
        self.depth += 1;
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// `true`, `false`, `inf` or `nan`. After a false start of the last two, the word is taken from one character before.
    fn word(&mut self, first: char, start: usize) -> Result<Value, Fault> {
        let mut from = start;
        if matches!(first, 'i' | 'n') {
            let second = self.scanner.takes('n')? || self.scanner.takes('a')?;
            let wanted = if self.scanner.since(start).ends_with('a') { 'n' } else { 'f' };
            if second && self.scanner.takes(wanted)? {
                return self.literal(Literal::Float(self.scanner.since(start)));
            }
            from += usize::from(second);
        }
        match self.scanner.word_from(from)? {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            other => {
                let message = format!("expected value but found {} instead", quote_go(other.as_bytes()));
                Err(self.scanner.fault(message))
            }
        }
    }

    fn text(&mut self, quote: char) -> Result<Value, Fault> {
        let is_block = self.scanner.rest().starts_with(if quote == '"' { r#""""# } else { "''" });
        let raw = if is_block {
            self.scanner.take()?;
            self.scanner.take()?;
            let raw = self.scanner.block_text(quote)?;
            raw.strip_prefix('\n').or_else(|| raw.strip_prefix("\r\n")).unwrap_or(raw)
        } else {
            self.scanner.line_text(quote)?
        };
        match (quote, is_block) {
            ('\'', _) => Ok(raw.into()),
            (_, true) => Ok(self.told(unescaped(&without_escaped_line_ends(raw)))?.into()),
            (_, false) => Ok(self.told(unescaped(raw))?.into()),
        }
    }

    fn literal(&self, literal: Literal<'_>) -> Result<Value, Fault> {
        let value = match literal {
            Literal::Integer(text) => integer(text).map(Value::Int64),
            Literal::Float(text) => float(text).map(Value::Float),
            Literal::Date(text) => date(text),
        };
        self.told(value)
    }

    /// What a piece of the text means, or that it means nothing, told at the line that the scanner is in.
    fn told<T>(&self, meaning: Result<T, String>) -> Result<T, Fault> {
        meaning.map_err(|message| self.scanner.fault(message))
    }

    fn array(&mut self) -> Result<Value, Fault> {
        self.arrays.insert(self.path_of(&self.current));
        let mut items = Vec::new();
        loop {
            self.skip_in_array()?;
            match self.scanner.peek()? {
                Some(',') => {
                    self.scanner.take()?;
                    return Err(self.scanner.fault("unexpected comma"));
                }
                Some(']') => break,
                _ => items.push(self.value(true)?),
            }
            self.skip_in_array()?;
            match self.scanner.peek()? {
                Some(']') => break,
                Some(',') => self.scanner.take()?,
                _ => {
                    let other = self.scanner.take()?;
                    let found = shown_or_end(other);
                    let message =
                        format!("expected a comma (',') or array terminator (']'), but got {found}");
                    return Err(self.scanner.fault_at(other, message));
                }
            };
        }
        self.scanner.take()?;
        Ok(Value::list(items))
    }

    /// Blanks, ends of lines and comments.
    fn skip_in_array(&mut self) -> Result<(), Fault> {
        loop {
            self.scanner.take_while(|character| is_blank(character) || is_line_end(character))?;
            if !self.scanner.takes('#')? {
                return Ok(());
            }
            self.scanner.comment()?;
        }
    }

    /// `{key = value, ...}`. It is a table like any other, to which keys can be added later, unless it is in an array.
    fn inline_table(&mut self, in_array: bool) -> Result<Value, Fault> {
        let (outer, outer_key) = (self.context.clone(), self.current.clone());
        let mut context = outer.clone();
        context.push(std::mem::take(&mut self.current));
        self.context.clone_from(&context);
        self.implicit.insert(context.clone());
        self.add_context(&context, in_array)?;
        let table = Map::new();
        loop {
            self.skip_in_table()?;
            match self.scanner.peek()? {
                Some(',') => {
                    self.scanner.take()?;
                    return Err(self.scanner.fault("unexpected comma"));
                }
                Some('}') => break,
                _ => {}
            }
            let (key, value) = self.assignment()?;
            insert_at(&table, &key, value);
            self.context.clone_from(&context);
            if self.after_inline_value()? {
                break;
            }
        }
        self.scanner.take()?;
        self.context = outer;
        self.current = outer_key;
        Ok(Value::Map(table))
    }

    /// What is between a value of a table in braces and the next key; true before the closing brace.
    fn after_inline_value(&mut self) -> Result<bool, Fault> {
        self.skip_in_table()?;
        match self.scanner.peek()? {
            Some('}') => Ok(true),
            Some(',') => {
                self.scanner.take()?;
                self.scanner.skip_blanks()?;
                if self.scanner.peek()? == Some('}') {
                    return Err(self.scanner.fault("trailing comma not allowed in inline tables"));
                }
                Ok(false)
            }
            _ => {
                let other = self.scanner.take()?;
                let found = shown_or_end(other);
                let message =
                    format!("expected a comma or an inline table terminator '}}', but got {found} instead");
                Err(self.scanner.fault_at(other, message))
            }
        }
    }

    fn skip_in_table(&mut self) -> Result<(), Fault> {
        self.scanner.skip_blanks()?;
        if self.scanner.takes('#')? {
            self.scanner.comment()?;
        }
        if self.scanner.peek()?.is_some_and(is_line_end) {
            return Err(self.scanner.fault("newlines not allowed within inline tables"));
        }
        Ok(())
    }

    /// Goes to the table at `key`, which is made, and so are those around it.
    fn add_context(&mut self, key: &[String], is_array: bool) -> Result<(), Fault> {
        let Some((last, around)) = key.split_last() else { return Ok(()) };
        let mut table = &mut self.root;
        for depth in 0..around.len() {
            let (path, _) = around.split_at(depth + 1);
            let part = around.get(depth).cloned().unwrap_or_default();
            let implicit = &mut self.implicit;
            let node = table.entry(part).or_insert_with(|| {
                implicit.insert(path.to_vec());
                Node::Table(Table::new())
            });
            let Some(inner) = table_in(node) else {
                let message = format!("Key '{}' was already created as a hash.", key_text(path));
                return Err(Fault { line: self.key_line, message });
            };
            table = inner;
        }
        self.context = around.to_vec();
        if is_array {
            match table.entry(last.clone()).or_insert_with(|| Node::Tables(Vec::new())) {
                Node::Tables(tables) => tables.push(Table::new()),
                _ => {
                    let message = format!(
                        "Key '{}' was already created and cannot be used as an array.",
                        key_text(key)
                    );
                    return Err(Fault { line: self.key_line, message });
                }
            }
        } else {
            self.set(last, Node::Table(Table::new()))?;
        }
        self.context.push(last.clone());
        Ok(())
    }

    /// Sets a key of the table that keys are in.
    fn set(&mut self, key: &str, node: Node) -> Result<(), Fault> {
        let mut table = &mut self.root;
        for (depth, part) in self.context.iter().enumerate() {
            let Some(inner) = table.get_mut(part).and_then(table_in) else {
                let (path, _) = self.context.split_at(depth + 1);
                let message = format!("Key '{}' has already been defined.", key_text(path));
                return Err(Fault { line: self.key_line, message });
            };
            table = inner;
        }
        let mut path = self.context.clone();
        path.push(key.to_owned());
        if table.contains_key(key) {
            let was_implicit = self.implicit.remove(&path);
            if !self.arrays.contains(&path) {
                let message = format!("Key '{}' has already been defined.", key_text(&path));
                return if was_implicit { Ok(()) } else { Err(Fault { line: self.key_line, message }) };
            }
        }
        table.insert(key.to_owned(), node);
        Ok(())
    }
}
