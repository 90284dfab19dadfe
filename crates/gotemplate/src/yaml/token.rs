//! What the scanner gives to the parser.

/// A place in the text: lines and columns count from 0, columns and the index in characters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) index: usize,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// A token and where it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) start: Mark,
}

/// The tokens of YAML 1.1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TokenKind {
    StreamEnd,
    VersionDirective { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { value: String, plain: bool },
}

/// Why a text is not YAML, with the places that decide which line Go names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SyntaxError {
    problem: String,
    problem_line: usize,
    context_line: usize,
    by_scanner: bool,
}

impl SyntaxError {
    /// An error of the scanner, which stands at `problem`.
    pub(super) fn scanner(text: impl Into<String>, problem: Mark) -> Self {
        Self { problem: text.into(), problem_line: problem.line, context_line: 0, by_scanner: true }
    }

    /// An error of the parser at the token at `problem`, inside what began at `context`.
    pub(super) fn parser(text: impl Into<String>, problem: Mark, context: Mark) -> Self {
        Self {
            problem: text.into(),
            problem_line: problem.line,
            context_line: context.line,
            by_scanner: false,
        }
    }

    /// Go's wording. Its line numbers are one too small for errors of the parser, and left out where they would be 0.
    pub(super) fn message(&self) -> String {
        let line = match (self.problem_line, self.by_scanner) {
            (0, _) => self.context_line,
            (line, true) => line + 1,
            (line, false) => line,
        };
        match line {
            0 => format!("yaml: {}", self.problem),
            line => format!("yaml: line {line}: {}", self.problem),
        }
    }
}
