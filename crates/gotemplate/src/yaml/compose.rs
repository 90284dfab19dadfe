//! From tokens to a tree: the grammar of YAML 1.1.

use std::collections::HashMap;

use super::scan::{MAX_DEPTH, Scanner};
use super::token::{Mark, SyntaxError, Token, TokenKind};

type Composed<T> = Result<T, SyntaxError>;

/// Place of a node in its [`Document`].
pub(super) type NodeId = usize;

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// Text, with its full tag if it has one; `plain` text without a tag is resolved to a type.
    Scalar {
        value: String,
        tag: Option<String>,
        plain: bool,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias(NodeId),
}

/// One document of a stream.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
}

/// Why a document cannot be composed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ComposeError {
    Syntax(SyntaxError),
    UnknownAnchor(String),
}

impl From<SyntaxError> for ComposeError {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error)
    }
}

/// Anchor and tag of the node to come.
#[derive(Debug, Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

/// Composes the documents of a text one after the other.
#[derive(Debug)]
pub(super) struct Composer<'t> {
    scanner: Scanner<'t>,
    started: bool,
    depth: usize,
    document: Document,
    anchors: HashMap<String, NodeId>,
    tag_prefixes: Vec<(String, String)>,
}

impl<'t> Composer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            scanner: Scanner::new(text),
            started: false,
            depth: 0,
            document: Document::default(),
            anchors: HashMap::new(),
            tag_prefixes: Vec::new(),
        }
    }

    /// How many bytes of the text have been taken.
    pub(super) fn taken(&self) -> usize {
        self.scanner.reader.taken()
    }

    /// The next document, or none at the end of the stream. The first may lack `---`.
    pub(super) fn next_document(&mut self) -> Result<Option<Document>, ComposeError> {
        while self.started && self.scanner.peek()?.kind == TokenKind::DocumentEnd {
            self.scanner.next()?;
        }
        if self.scanner.peek()?.kind == TokenKind::StreamEnd {
            return Ok(None);
        }
        self.document = Document::default();
        self.anchors.clear();
        let is_explicit = self.read_document_start()?;
        let root = match self.scanner.peek()?.kind {
            TokenKind::VersionDirective { .. }
            | TokenKind::TagDirective { .. }
            | TokenKind::DocumentStart
            | TokenKind::DocumentEnd
            | TokenKind::StreamEnd
                if is_explicit =>
            {
                self.empty()
            }
            _ => self.node(true, false)?,
        };
        self.document.root = root;
        if self.scanner.peek()?.kind == TokenKind::DocumentEnd {
            self.scanner.next()?;
        }
        Ok(Some(std::mem::take(&mut self.document)))
    }

    /// Whether the document begins with `---`.
    fn read_document_start(&mut self) -> Composed<bool> {
        self.tag_prefixes.clear();
        let implicit_allowed = !std::mem::replace(&mut self.started, true);
        let mut has_directives = false;
        loop {
            let token = self.scanner.peek()?.clone();
            match token.kind {
                TokenKind::VersionDirective { major, minor } if (major, minor) != (1, 1) => {
                    return parser_error("found incompatible YAML document", token.start, Mark::default());
                }
                TokenKind::VersionDirective { .. } => {}
                TokenKind::TagDirective { handle, prefix } => {
                    if self.tag_prefixes.iter().any(|(known, _)| *known == handle) {
                        return parser_error("found duplicate %TAG directive", token.start, Mark::default());
                    }
                    self.tag_prefixes.push((handle, prefix));
                }
                TokenKind::DocumentStart => {
                    self.scanner.next()?;
                    return Ok(true);
                }
                _ if implicit_allowed && !has_directives => return Ok(false),
                _ => {
                    return parser_error(
                        "did not find expected <document start>",
                        token.start,
                        Mark::default(),
                    );
                }
            }
            has_directives = true;
            self.scanner.next()?;
        }
    }

    fn add(&mut self, node: Node) -> NodeId {
        self.document.nodes.push(node);
        self.document.nodes.len() - 1
    }

    /// A node that is not there: null.
    fn empty(&mut self) -> NodeId {
        self.add(Node::Scalar { value: String::new(), tag: None, plain: true })
    }

    /// One node. In a block mapping a sequence may stand at the mapping's own indentation (`indentless`).
    fn node(&mut self, block: bool, indentless: bool) -> Result<NodeId, ComposeError> {
        let start = self.scanner.peek()?.start;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(SyntaxError::scanner(format!("exceeded max depth of {MAX_DEPTH}"), start).into());
        }
        if let TokenKind::Alias(name) = &self.scanner.peek()?.kind {
            let name = name.clone();
            self.scanner.next()?;
            self.depth -= 1;
            let target = *self.anchors.get(&name).ok_or(ComposeError::UnknownAnchor(name))?;
            return Ok(self.add(Node::Alias(target)));
        }
        let properties = self.properties(start)?;
        let node = self.content(block, indentless, properties, start)?;
        self.depth -= 1;
        Ok(node)
    }

    fn properties(&mut self, start: Mark) -> Composed<Properties> {
        let mut properties = Properties::default();
        loop {
            match &self.scanner.peek()?.kind {
                TokenKind::Anchor(name) if properties.anchor.is_none() => {
                    properties.anchor = Some(name.clone());
                }
                TokenKind::Tag { handle, suffix } if properties.tag.is_none() => {
                    let (handle, suffix) = (handle.clone(), suffix.clone());
                    properties.tag = Some(self.resolve_tag(&handle, &suffix, start)?);
                }
                _ => return Ok(properties),
            }
            self.scanner.next()?;
        }
    }

    fn resolve_tag(&mut self, handle: &str, suffix: &str, start: Mark) -> Composed<String> {
        if handle.is_empty() {
            return Ok(suffix.to_owned());
        }
        let declared = self.tag_prefixes.iter().find(|(known, _)| known == handle);
        let prefix = match (declared, handle) {
            (Some((_, prefix)), _) => prefix.as_str(),
            (None, "!") => "!",
            (None, "!!") => "tag:yaml.org,2002:",
            (None, _) => {
                let here = self.scanner.peek()?.start;
                return parser_error("found undefined tag handle", here, start);
            }
        };
        Ok(format!("{prefix}{suffix}"))
    }

    /// The node itself, after its properties. An anchor is known inside the node it names, as in Go.
    fn content(
        &mut self,
        block: bool,
        indentless: bool,
        properties: Properties,
        start: Mark,
    ) -> Result<NodeId, ComposeError> {
        let node = self.empty();
        let has_properties = properties.anchor.is_some() || properties.tag.is_some();
        if let Some(anchor) = properties.anchor {
            self.anchors.insert(anchor, node);
        }
        let token = self.scanner.peek()?.clone();
        let built = match token.kind {
            TokenKind::BlockEntry if indentless => self.indentless_sequence()?,
            TokenKind::Scalar { value, plain } => {
                self.scanner.next()?;
                scalar(value, plain, properties.tag)
            }
            TokenKind::FlowSequenceStart => self.flow_sequence()?,
            TokenKind::FlowMappingStart => self.flow_mapping()?,
            TokenKind::BlockSequenceStart if block => self.block_sequence()?,
            TokenKind::BlockMappingStart if block => self.block_mapping()?,
            // With nothing behind it, even a lone `!` makes a text.
            _ if has_properties => {
                let plain = properties.tag.is_none();
                Node::Scalar { value: String::new(), tag: properties.tag, plain }
            }
            _ => {
                return Err(
                    SyntaxError::parser("did not find expected node content", token.start, start).into()
                );
            }
        };
        self.document.nodes[node] = built;
        Ok(node)
    }

    fn indentless_sequence(&mut self) -> Result<Node, ComposeError> {
        let mut items = Vec::new();
        while self.scanner.peek()?.kind == TokenKind::BlockEntry {
            self.scanner.next()?;
            items.push(match self.scanner.peek()?.kind {
                TokenKind::BlockEntry | TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => {
                    self.empty()
                }
                _ => self.node(true, false)?,
            });
        }
        Ok(Node::Sequence(items))
    }

    fn block_sequence(&mut self) -> Result<Node, ComposeError> {
        let start = self.scanner.next()?.start;
        let mut items = Vec::new();
        loop {
            let token = self.scanner.next()?;
            match token.kind {
                TokenKind::BlockEntry => items.push(match self.scanner.peek()?.kind {
                    TokenKind::BlockEntry | TokenKind::BlockEnd => self.empty(),
                    _ => self.node(true, false)?,
                }),
                TokenKind::BlockEnd => return Ok(Node::Sequence(items)),
                _ => {
                    let problem = "did not find expected '-' indicator";
                    return Err(SyntaxError::parser(problem, token.start, start).into());
                }
            }
        }
    }

    fn block_mapping(&mut self) -> Result<Node, ComposeError> {
        let start = self.scanner.next()?.start;
        let mut entries = Vec::new();
        loop {
            let token = self.scanner.peek()?.clone();
            let key = match token.kind {
                TokenKind::Key => {
                    self.scanner.next()?;
                    self.block_mapping_part()?
                }
                TokenKind::BlockEnd => {
                    self.scanner.next()?;
                    return Ok(Node::Mapping(entries));
                }
                _ => {
                    let problem = "did not find expected key";
                    return Err(SyntaxError::parser(problem, token.start, start).into());
                }
            };
            let value = if self.scanner.peek()?.kind == TokenKind::Value {
                self.scanner.next()?;
                self.block_mapping_part()?
            } else {
                self.empty()
            };
            entries.push((key, value));
        }
    }

    fn block_mapping_part(&mut self) -> Result<NodeId, ComposeError> {
        match self.scanner.peek()?.kind {
            TokenKind::Key | TokenKind::Value | TokenKind::BlockEnd => Ok(self.empty()),
            _ => self.node(true, true),
        }
    }

    fn flow_sequence(&mut self) -> Result<Node, ComposeError> {
        let start = self.scanner.next()?.start;
        let mut items = Vec::new();
        while self.scanner.peek()?.kind != TokenKind::FlowSequenceEnd {
            if !items.is_empty() {
                self.expect_flow_entry(start, "did not find expected ',' or ']'")?;
            }
            match self.scanner.peek()?.kind {
                TokenKind::FlowSequenceEnd => break,
                TokenKind::Key => {
                    self.scanner.next()?;
                    let pair = self.single_pair()?;
                    items.push(self.add(pair));
                }
                _ => items.push(self.node(false, false)?),
            }
        }
        self.scanner.next()?;
        Ok(Node::Sequence(items))
    }

    /// `[a: b]` is a list that holds a mapping of one entry.
    fn single_pair(&mut self) -> Result<Node, ComposeError> {
        let key = match self.scanner.peek()?.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowSequenceEnd => self.empty(),
            _ => self.node(false, false)?,
        };
        let mut value = None;
        if self.scanner.peek()?.kind == TokenKind::Value {
            self.scanner.next()?;
            if !matches!(self.scanner.peek()?.kind, TokenKind::FlowEntry | TokenKind::FlowSequenceEnd) {
                value = Some(self.node(false, false)?);
            }
        }
        let value = value.unwrap_or_else(|| self.empty());
        Ok(Node::Mapping(vec![(key, value)]))
    }

    fn flow_mapping(&mut self) -> Result<Node, ComposeError> {
        let start = self.scanner.next()?.start;
        let mut entries = Vec::new();
        while self.scanner.peek()?.kind != TokenKind::FlowMappingEnd {
            if !entries.is_empty() {
                self.expect_flow_entry(start, "did not find expected ',' or '}'")?;
            }
            match self.scanner.peek()?.kind {
                TokenKind::FlowMappingEnd => break,
                TokenKind::Key => {
                    self.scanner.next()?;
                    entries.push(self.flow_mapping_entry()?);
                }
                _ => {
                    let key = self.node(false, false)?;
                    let value = self.empty();
                    entries.push((key, value));
                }
            }
        }
        self.scanner.next()?;
        Ok(Node::Mapping(entries))
    }

    fn flow_mapping_entry(&mut self) -> Result<(NodeId, NodeId), ComposeError> {
        let key = match self.scanner.peek()?.kind {
            TokenKind::Value | TokenKind::FlowEntry | TokenKind::FlowMappingEnd => self.empty(),
            _ => self.node(false, false)?,
        };
        if self.scanner.peek()?.kind != TokenKind::Value {
            let value = self.empty();
            return Ok((key, value));
        }
        self.scanner.next()?;
        let value = match self.scanner.peek()?.kind {
            TokenKind::FlowEntry | TokenKind::FlowMappingEnd => self.empty(),
            _ => self.node(false, false)?,
        };
        Ok((key, value))
    }

    fn expect_flow_entry(&mut self, start: Mark, problem: &str) -> Composed<()> {
        let token: &Token = self.scanner.peek()?;
        if token.kind != TokenKind::FlowEntry {
            return parser_error(problem, token.start, start);
        }
        self.scanner.next()?;
        Ok(())
    }
}

fn parser_error<T>(problem: &str, here: Mark, context: Mark) -> Composed<T> {
    Err(SyntaxError::parser(problem, here, context))
}

/// A scalar as its tag says: `!` alone stands for no tag, and makes text of what it is.
fn scalar(value: String, plain: bool, tag: Option<String>) -> Node {
    match tag.as_deref() {
        Some("!") => Node::Scalar { value, tag: None, plain: false },
        Some(_) => Node::Scalar { value, tag, plain },
        None => Node::Scalar { value, tag: None, plain },
    }
}
