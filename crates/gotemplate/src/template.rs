//! Go's `text/template`: parsing and the templates that come of it.

mod lex;
mod node;
mod number;
mod parse;
mod pipeline;
mod tree;

use std::collections::HashMap;
use std::sync::Arc;

use crate::function::FunctionNames;
use crate::hash::NameHash;

pub(crate) use node::{
    Argument, Branch, Command, Constant, Name, Node, NumberConstant, Pipeline, Position, Shown, TemplateCall,
};
pub use parse::ParseError;
pub(crate) use tree::{Span, Tree};

/// A text that was parsed: templates are parts of one.
#[derive(Debug)]
pub(crate) struct Source {
    /// The name under which it was parsed: that of the file.
    name: String,
    pub(crate) text: String,
    pub(crate) tree: Tree,
}

/// A parsed template.
#[derive(Debug)]
pub struct Template {
    name: String,
    pub(crate) source: Arc<Source>,
    pub(crate) body: Span,
}

impl Template {
    /// The template's name: a `define`'s, or that of the whole text.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A template of nothing but white space and comments, which never takes the place of another.
    fn is_empty(&self) -> bool {
        is_blank(self.source.tree.nodes(self.body), &self.source.text)
    }

    /// A piece of the template, to be shown.
    pub(crate) fn shown<'t, T>(&'t self, node: &'t T) -> Shown<'t, T> {
        Shown { node, source: &self.source.text, tree: &self.source.tree }
    }

    /// Where a position is, as Go's errors say it: `NAME:LINE:COLUMN`, the column in bytes from 0.
    pub(crate) fn location(&self, position: Position) -> String {
        let position = usize::try_from(position).unwrap_or(usize::MAX);
        let before = self.source.text.get(..position).unwrap_or(&self.source.text);
        let line = before.matches('\n').count() + 1;
        let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1);
        format!("{}:{line}:{column}", self.source.name)
    }
}

/// Whether there is nothing but white space.
fn is_blank(nodes: &[Node], source: &str) -> bool {
    nodes.iter().all(|node| matches!(node, Node::Text(text) if text.of(source).trim().is_empty()))
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
pub fn parse(name: &str, text: &str, functions: &FunctionNames) -> Result<Parsed, ParseError> {
    let (tree, definitions) = parse::Parser::new(name, text, functions).parse()?;
    let source = Arc::new(Source { name: name.to_owned(), text: text.to_owned(), tree });
    let template = |name, body| Arc::new(Template { name, source: Arc::clone(&source), body });
    let main = template(name.to_owned(), definitions.main);
    let named = definitions.named.into_iter();
    let templates =
        named
            .map(|(name, body)| {
                if name == main.name && body == main.body { Arc::clone(&main) } else { template(name, body) }
            })
            .collect();
    Ok(Parsed { templates, main })
}
