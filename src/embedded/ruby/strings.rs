//! Ruby's string literals.

use super::super::text::{Quote, Text};
use super::heredoc::width;
use crate::source::Span;

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

/// Reads a part of a literal that holds nothing that is worked out.
pub(super) fn literal_text(
    text: &str,
    range: std::ops::Range<usize>,
    quote: Quote,
    escapes: Escapes,
) -> Text {
    let mut out = Text::default();
    let body = text.get(range.clone()).unwrap_or_default();
    let at = |from: usize, to: usize| Span::new(range.start + from..range.start + to);
    let mut from = 0;
    let mut search = 0;
    while let Some(found) = body.get(search..).and_then(|rest| rest.find('\\')) {
        let escape = search + found;
        let Some((len, value)) = unescape(&body[escape..], escapes) else {
            search = escape + 1;
            continue;
        };
        out.push_exact(&body[from..escape], at(from, escape), quote);
        out.push(value, at(escape, escape + len));
        (from, search) = (escape + len, escape + len);
    }
    out.push_exact(&body[from..], at(from, body.len()), quote);
    out
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
        return literal_text(text, range, quote, escapes);
    }
    let mut out = Text::default();
    let mut start = range.start;
    let body = text.get(range).unwrap_or_default();
    for line in body.split_inclusive('\n') {
        let end = start + line.len();
        let is_start = text.get(..start).is_none_or(|before| before.ends_with('\n'));
        let gone = if is_start { width(line, indentation).0 } else { 0 };
        out.append(literal_text(text, start + gone..end, quote, escapes));
        start = end;
    }
    out
}

/// Reads the escape sequence at the front of `text`: its length and what it stands for; nothing where
/// the backslash is one.
///
/// Source: "Literals" in the documentation of Ruby's syntax.
fn unescape(text: &str, escapes: Escapes) -> Option<(usize, String)> {
    let c = text.chars().nth(1)?;
    let len = 1 + c.len_utf8();
    match escapes {
        Escapes::None => return None,
        Escapes::Few(open, close) => {
            return (c == '\\' || c == open || c == close).then(|| (len, c.to_string()));
        }
        Escapes::All => {}
    }
    let digits = |from: usize, most: usize, radix: u32| {
        let rest = text.get(from..).unwrap_or_default();
        let count = rest.chars().take(most).take_while(|c| c.is_digit(radix)).count();
        let value = u32::from_str_radix(rest.get(..count)?, radix).ok().and_then(char::from_u32)?;
        Some((from + count, value.to_string()))
    };
    let braced = || {
        let end = text.find('}')?;
        let value = u32::from_str_radix(text.get(3..end)?, 16).ok().and_then(char::from_u32)?;
        Some((end + 1, value.to_string()))
    };
    let found = match c {
        '\n' => Some((len, String::new())),
        'a' => Some((len, "\u{7}".to_owned())),
        'b' => Some((len, "\u{8}".to_owned())),
        'e' => Some((len, "\u{1b}".to_owned())),
        'f' => Some((len, "\u{c}".to_owned())),
        'n' => Some((len, "\n".to_owned())),
        'r' => Some((len, "\r".to_owned())),
        's' => Some((len, " ".to_owned())),
        't' => Some((len, "\t".to_owned())),
        'v' => Some((len, "\u{b}".to_owned())),
        'x' => digits(2, 2, 16),
        'u' if text.starts_with("\\u{") => braced(),
        'u' => digits(2, 4, 16),
        '0'..='7' => digits(1, 3, 8),
        _ => None,
    };
    Some(found.unwrap_or_else(|| (len, c.to_string())))
}
