//! Ruby's string literals.

use super::super::literal::{self, Escape, braced, coded, literal_text, simple};
use super::super::text::{Quote, Text};
use super::heredoc::width;

/// What escape sequences a literal has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// None, as a heredoc in single quotes.
    None,
    /// Only the backslash and the marks of the literal, as in single quotes.
    Few(char, char),
    /// All.
    All,
}

/// Reads a part of a heredoc, without so much of the indentation of each line that begins in it.
pub(super) fn dedented(
    text: &str,
    range: std::ops::Range<usize>,
    quote: Quote,
    escapes: Escapes,
    indentation: usize,
) -> Text {
    if indentation == 0 {
        return literal_text(text, range, quote, |text| unescape(text, escapes));
    }
    let gone = |line: &str| width(line, indentation).0;
    literal::dedented(text, range, quote, gone, |text| unescape(text, escapes))
}

/// Reads the escape sequence at the front of `text`, if it is one.
///
/// Source: "Literals" in the documentation of Ruby's syntax.
pub(super) fn unescape(text: &str, escapes: Escapes) -> Escape {
    let Some(c) = text.chars().nth(1) else { return (1, None) };
    let len = 1 + c.len_utf8();
    match escapes {
        Escapes::None => return (1, None),
        Escapes::Few(open, close) => {
            let is_escape = c == '\\' || c == open || c == close;
            return if is_escape { (len, Some(c.to_string())) } else { (1, None) };
        }
        Escapes::All => {}
    }
    let found = match c {
        '\n' => Some((len, String::new())),
        'a' => Some((len, "\u{7}".to_owned())),
        'e' => Some((len, "\u{1b}".to_owned())),
        's' => Some((len, " ".to_owned())),
        'x' => coded(text, 2, 1..=2, 16),
        'u' if text.starts_with("\\u{") => braced(text),
        'u' => coded(text, 2, 4..=4, 16),
        '0'..='7' => coded(text, 1, 1..=3, 8),
        _ => simple(c).map(|value| (len, value.to_owned())),
    };
    let (len, value) = found.unwrap_or_else(|| (len, c.to_string()));
    (len, Some(value))
}
