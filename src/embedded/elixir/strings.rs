//! Elixir's literals: strings, heredocs, sigils and atoms.

use std::ops::Range;

use tree_sitter::Node;

use super::super::code::{Expr, ExprKind};
use super::super::literal::{Escape, braced, coded, dedented, literal_text, simple};
use super::super::text::{Quote, Text};
use super::super::value::{Value, ValueKind};
use crate::source::Span;

/// How atoms are quoted: they are texts that know that they are no strings.
const ATOM: Quote = Quote { mark: ':', is_long: false, is_template: true };

/// Makes the text of an atom, which is spelled with a colon before it.
pub(super) fn atom(spelled: &str, here: Span) -> Text {
    let mut text = Text::default();
    let name = spelled.strip_prefix(':').unwrap_or(spelled);
    let start = here.end.saturating_sub(u32::try_from(name.len()).unwrap_or(0));
    text.push_exact(name, Span { start, end: here.end }, ATOM);
    text
}

/// Returns whether a value is an atom.
pub(in super::super) fn is_atom(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Text(text) => {
            let is_part = |quote: Option<Quote>| quote.is_some_and(|quote| quote.mark == ':');
            !text.parts.is_empty() && text.parts.iter().all(|part| is_part(part.exact))
        }
        _ => false,
    }
}

/// A literal, taken apart.
pub(super) struct Literal {
    /// What stands between its marks.
    pub inside: Range<usize>,
    /// What is worked out in it: `#{...}`, by place.
    pub parts: Vec<Range<usize>>,
    /// How deep the text is indented that is taken away.
    indentation: usize,
    /// Whether a backslash is one.
    is_raw: bool,
    /// Whether it is a list of words, and whether of atoms.
    words: Option<bool>,
    quote: Quote,
}

impl Literal {
    /// Takes a literal apart; nothing if it is of a kind that is not read.
    pub(super) fn of(node: Node, text: &str) -> Option<Self> {
        let mut cursor = node.walk();
        let all: Vec<Node> = node.children(&mut cursor).collect();
        let field = |name| node.child_by_field_name(name);
        let (open, close) = (field("quoted_start")?, field("quoted_end")?);
        if node.has_error() {
            return None;
        }
        let slice = |node: &Node| text.get(node.byte_range()).unwrap_or_default();
        let sigil = all.iter().find(|part| part.kind() == "sigil_name").map(slice);
        let modifiers = all.iter().find(|part| part.kind() == "sigil_modifiers").map(slice);
        let words = match sigil {
            None | Some("s" | "S" | "c" | "C") => None,
            Some("w" | "W") => Some(modifiers == Some("a")),
            Some(_) => return None,
        };
        let parts: Vec<_> = all.iter().filter(|part| part.kind() == "interpolation").collect();
        let parts: Vec<Range<usize>> = parts.iter().map(|part| part.byte_range()).collect();
        let mark = slice(&close);
        let is_long = mark.len() == 3;
        let mut inside = open.end_byte()..close.start_byte().max(open.end_byte());
        let mut indentation = 0;
        if is_long {
            // The text lies between the line of the first mark and that of the last.
            let first = text.get(inside.clone())?.find('\n')? + 1;
            let line = text.get(..close.start_byte())?.rfind('\n')? + 1;
            indentation = close.start_byte() - line;
            inside = inside.start + first..line.max(inside.start + first);
        }
        let is_atom = node.kind() == "quoted_atom" || words == Some(true);
        let mark = match mark.chars().next() {
            _ if is_atom => ATOM.mark,
            // Three marks cannot come into it by one.
            Some(mark) => mark,
            None => '"',
        };
        Some(Self {
            inside,
            quote: Quote { mark, is_long, is_template: !parts.is_empty() || is_atom },
            parts,
            indentation,
            is_raw: sigil.is_some_and(|name| name.starts_with(|c: char| c.is_ascii_uppercase())),
            words,
        })
    }

    /// Returns the text in a part of it.
    pub(super) fn text(&self, text: &str, range: Range<usize>) -> Text {
        let read = |text: &str| if self.is_raw { (1, None) } else { unescape(text) };
        if self.indentation == 0 {
            return literal_text(text, range, self.quote, read);
        }
        let gone = |line: &str| {
            let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
            blank.min(self.indentation)
        };
        dedented(text, range, self.quote, gone, read)
    }

    /// Returns the words where it is a list of them.
    pub(super) fn words(&self, text: &str) -> Option<ExprKind> {
        self.words?;
        if !self.parts.is_empty() {
            return Some(ExprKind::Unknown("a list of words"));
        }
        let body = text.get(self.inside.clone()).unwrap_or_default();
        let mut words = Vec::new();
        let mut at = self.inside.start;
        for piece in body.split_inclusive(char::is_whitespace) {
            let word = piece.trim_end();
            if !word.is_empty() {
                let range = at..at + word.len();
                let kind = ExprKind::Text(self.text(text, range.clone()));
                words.push(Expr { span: Span::new(range), kind });
            }
            at += piece.len();
        }
        Some(ExprKind::List(words))
    }
}

/// Reads the escape sequence at the front of `text`.
///
/// Source: "Strings" in the syntax reference of Elixir.
fn unescape(text: &str) -> Escape {
    let Some(c) = text.chars().nth(1) else { return (1, None) };
    let len = 1 + c.len_utf8();
    let found = match c {
        '\n' => Some((len, String::new())),
        '0' => Some((len, "\0".to_owned())),
        'a' => Some((len, "\u{7}".to_owned())),
        'd' => Some((len, "\u{7f}".to_owned())),
        'e' => Some((len, "\u{1b}".to_owned())),
        's' => Some((len, " ".to_owned())),
        'x' if text.starts_with("\\x{") => braced(text),
        'x' => coded(text, 2, 1..=2, 16),
        'u' if text.starts_with("\\u{") => braced(text),
        'u' => coded(text, 2, 4..=4, 16),
        _ => simple(c).map(|value| (len, value.to_owned())),
    };
    let (len, value) = found.unwrap_or_else(|| (len, c.to_string()));
    (len, Some(value))
}
