//! Which of YAML's styles a text can be written in.

use super::emit::{is_break, is_printable};

/// A way to write a scalar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    Literal,
}

/// What of a text bears on its style.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    has_breaks: bool,
    plain_allowed: bool,
    single_quoted_allowed: bool,
    literal_allowed: bool,
}

/// What has been seen of a text's white space.
#[derive(Debug, Default)]
struct WhiteSpace {
    at_ends: bool,
    trailing_space: bool,
    space_after_break: bool,
    break_after_space: bool,
    previous: Option<char>,
}

impl WhiteSpace {
    fn see(&mut self, character: char, is_first: bool, is_last: bool) {
        let is_space = character == ' ';
        if is_space || is_break(character) {
            self.at_ends |= is_first || is_last;
            self.trailing_space |= is_space && is_last;
            self.space_after_break |= is_space && self.previous.is_some_and(is_break);
            self.break_after_space |= !is_space && self.previous == Some(' ');
        }
        self.previous = Some(character);
    }
}

impl Analysis {
    /// Looks at a text; `tabs_in_blocks` if block scalars may hold tabs.
    pub(super) fn of(text: &str, tabs_in_blocks: bool) -> Self {
        if text.is_empty() {
            return Self { plain_allowed: true, single_quoted_allowed: true, ..Self::default() };
        }
        let mut space = WhiteSpace::default();
        let (mut has_breaks, mut special, mut indicators) = (false, false, starts_like_document(text));
        let has_block_tabs = tabs_in_blocks && text.contains('\t');
        let mut characters = text.chars().peekable();
        let mut after_blank = true;
        while let Some(character) = characters.next() {
            let next = characters.peek().copied();
            let before_blank = next.is_none_or(|next| matches!(next, ' ' | '\t'));
            let is_first = space.previous.is_none();
            indicators |= is_indicator(character, is_first, after_blank, before_blank);
            special |= !(is_printable(character) || has_block_tabs && character == '\t');
            has_breaks |= is_break(character);
            space.see(character, is_first, next.is_none());
            after_blank = matches!(character, ' ' | '\t') || is_break(character);
        }
        let only_double_quoted = space.break_after_space || special;
        Self {
            has_breaks,
            plain_allowed: !(space.at_ends
                || space.space_after_break
                || only_double_quoted
                || has_block_tabs
                || has_breaks
                || indicators),
            single_quoted_allowed: !(space.space_after_break || only_double_quoted || has_block_tabs),
            literal_allowed: !(space.trailing_space || only_double_quoted),
        }
    }

    /// The style nearest to the wanted one that can hold the text. A key on one line is no block.
    pub(super) fn style(&self, wanted: Style, is_simple_key: bool) -> Style {
        let mut style = wanted;
        if is_simple_key && self.has_breaks {
            style = Style::DoubleQuoted;
        }
        if style == Style::Plain && !self.plain_allowed {
            style = Style::SingleQuoted;
        }
        if style == Style::SingleQuoted && !self.single_quoted_allowed {
            style = Style::DoubleQuoted;
        }
        if style == Style::Literal && (!self.literal_allowed || is_simple_key) {
            style = Style::DoubleQuoted;
        }
        style
    }
}

fn starts_like_document(text: &str) -> bool {
    text.starts_with("---") || text.starts_with("...")
}

/// Whether a character would be taken for syntax in a plain scalar of a block.
fn is_indicator(character: char, is_first: bool, after_blank: bool, before_blank: bool) -> bool {
    match character {
        '#' => is_first || after_blank,
        ':' => before_blank,
        '?' | '-' => is_first && before_blank,
        ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' => is_first,
        _ => false,
    }
}
