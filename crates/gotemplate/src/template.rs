//! Go's `text/template`: parsing and the templates that come of it.

mod lex;
mod node;
mod number;
mod parse;
mod pipeline;

use std::collections::HashMap;
use std::sync::Arc;

use crate::hash::NameHash;

pub(crate) use node::{
    Argument, Branch, Command, Constant, Name, Node, NumberConstant, Pipeline, Position, Shown, TemplateCall,
};
pub use parse::ParseError;

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    pub(crate) name: String,
    /// The name under which the text was parsed: that of the file.
    pub(crate) source_name: Arc<str>,
    pub(crate) source: Arc<str>,
    pub(crate) body: Vec<Node>,
}

impl Template {
    /// The template's name: a `define`'s, or that of the whole text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A template of nothing but white space and comments, which never takes the place of another.
    fn is_empty(&self) -> bool {
        self.body.iter().all(|node| match node {
            Node::Text(text) => text.of(&self.source).trim().is_empty(),
            _ => false,
        })
    }

    /// Where a position is, as Go's errors say it: `NAME:LINE:COLUMN`, the column in bytes from 0.
    pub(crate) fn location(&self, position: Position) -> String {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let before = self.source.get(..position).unwrap_or(&self.source);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        format!("{}:{line}:{column}", self.source_name)
    }
}

/// Templates that can call one another by name.
///
/// A set may be laid over another: what it holds hides what the one below holds under the same name.
#[derive(Debug, Default)]
pub struct TemplateSet<'below> {
    below: Option<&'below TemplateSet<'below>>,
    templates: HashMap<String, Arc<Template>, NameHash>,
}

impl TemplateSet<'static> {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl<'below> TemplateSet<'below> {
    /// An empty set over another.
    #[must_use]
    pub fn over(below: &'below TemplateSet<'below>) -> Self {
        Self { below: Some(below), templates: HashMap::default() }
    }

    /// The template of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Template> {
        let mut set = self;
        loop {
            if let Some(template) = set.templates.get(name) {
                return Some(template);
            }
            set = set.below?;
        }
    }

    /// Adds what was parsed from one text. A later template takes the place of an earlier one of the same name, unless the
    /// later one is empty.
    pub fn add(&mut self, parsed: &Parsed) {
        for template in &parsed.templates {
            if template.is_empty() && self.get(&template.name).is_some() {
                continue;
            }
            self.templates.insert(template.name.clone(), Arc::clone(template));
        }
    }
}

/// What one text holds: its own template and those it defines.
#[derive(Debug, Clone)]
pub struct Parsed {
    templates: Vec<Arc<Template>>,
    main: Arc<Template>,
}

impl Parsed {
    /// The text's own template.
    #[must_use]
    pub fn main(&self) -> &Template {
        &self.main
    }
}

/// Parses a text as the template `name`, with the templates that it defines.
///
/// # Errors
/// [`ParseError`] with Go's message, for bad syntax, unknown functions and undefined variables.
pub fn parse(name: &str, text: &str, is_function: &dyn Fn(&str) -> bool) -> Result<Parsed, ParseError> {
    let (templates, main) = parse::Parser::new(name, text, is_function).parse()?;
    Ok(Parsed { templates, main })
}
