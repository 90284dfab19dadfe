//! Where the pieces of a template lie.

use super::node::{Argument, Command, Name, Node};

/// Pieces of one kind that lie side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    fn new(start: usize, end: usize) -> Self {
        let place = |place: usize| u32::try_from(place).unwrap_or(u32::MAX);
        Self { start: place(start), end: place(end) }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    fn of<T>(self, pieces: &[T]) -> &[T] {
        let place = |place: u32| usize::try_from(place).unwrap_or(usize::MAX);
        pieces.get(place(self.start)..place(self.end)).unwrap_or_default()
    }
}

/// The pieces of a whole text, all of a kind in one place: a text has hundreds of them, and memory for each alone takes longer than
/// all other parsing.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    commands: Vec<Command>,
    arguments: Vec<Argument>,
    names: Vec<Name>,
}

impl Tree {
    pub(crate) fn nodes(&self, span: Span) -> &[Node] {
        span.of(&self.nodes)
    }

    pub(crate) fn commands(&self, span: Span) -> &[Command] {
        span.of(&self.commands)
    }

    pub(crate) fn arguments(&self, span: Span) -> &[Argument] {
        span.of(&self.arguments)
    }

    pub(crate) fn names(&self, span: Span) -> &[Name] {
        span.of(&self.names)
    }
}

/// A tree that grows. Pieces can lie side by side only once those inside of them have found their places, and wait until then.
#[derive(Debug, Default)]
pub(super) struct Growing {
    pub(super) tree: Tree,
    pub(super) nodes: Vec<Node>,
    pub(super) commands: Vec<Command>,
    pub(super) arguments: Vec<Argument>,
}

/// Bytes of text for which there is one piece, about.
const BYTES_PER_PIECE: usize = 32;
/// Pieces that wait at a time, mostly.
const TYPICAL_WAITING: usize = 16;

impl Growing {
    /// Room for the tree of a text of so many bytes.
    pub(super) fn with_room_for(bytes: usize) -> Self {
        let pieces = bytes / BYTES_PER_PIECE;
        Self {
            tree: Tree {
                nodes: Vec::with_capacity(pieces),
                commands: Vec::with_capacity(pieces),
                arguments: Vec::with_capacity(pieces),
                names: Vec::with_capacity(pieces),
            },
            nodes: Vec::with_capacity(TYPICAL_WAITING),
            commands: Vec::with_capacity(TYPICAL_WAITING),
            arguments: Vec::with_capacity(TYPICAL_WAITING),
        }
    }

    /// Places the nodes that wait since there were `before` of them.
    pub(super) fn place_nodes(&mut self, before: usize) -> Span {
        place(&mut self.nodes, before, &mut self.tree.nodes)
    }

    /// As [`Self::place_nodes`].
    pub(super) fn place_commands(&mut self, before: usize) -> Span {
        place(&mut self.commands, before, &mut self.tree.commands)
    }

    /// As [`Self::place_nodes`].
    pub(super) fn place_arguments(&mut self, before: usize) -> Span {
        place(&mut self.arguments, before, &mut self.tree.arguments)
    }

    /// No names yet, with room for more behind them.
    pub(super) fn no_names(&self) -> Span {
        let end = self.tree.names.len();
        Span::new(end, end)
    }

    /// Names with another one behind them; no other names have been placed in between.
    pub(super) fn with_name(&mut self, names: Span, name: Name) -> Span {
        self.tree.names.push(name);
        Span { end: names.end.saturating_add(1), ..names }
    }
}

fn place<T>(waiting: &mut Vec<T>, before: usize, placed: &mut Vec<T>) -> Span {
    let start = placed.len();
    placed.extend(waiting.drain(before.min(waiting.len())..));
    Span::new(start, placed.len())
}
