//! JavaScript's string literals.

use super::super::text::{Quote, Text};
use crate::source::Span;

/// Reads the inside of a literal.
pub(super) fn literal_text(
    text: &str,
    range: std::ops::Range<usize>,
    quote: Quote,
    is_raw: bool,
) -> Text {
    let mut out = Text::default();
    let body = text.get(range.clone()).unwrap_or_default();
    let base = Span::new(range.start..range.start).start;
    let mut from = 0;
    while !is_raw && let Some(found) = body.get(from..).and_then(|rest| rest.find('\\')) {
        let escape = from + found;
        let (len, value) = unescape(&body[escape..]);
        out.push_exact(&body[from..escape], Span::new(from..escape).shift(base), quote);
        out.push(value, Span::new(escape..escape + len).shift(base));
        from = escape + len;
    }
    out.push_exact(&body[from..], Span::new(from..body.len()).shift(base), quote);
    out
}

/// Reads the escape sequence at the front of `text`: its length and what it stands for.
///
/// Source: "Literals: Strings" in the ECMAScript Language Specification.
fn unescape(text: &str) -> (usize, String) {
    let mut rest = text.chars();
    rest.next();
    let Some(c) = rest.next() else { return (text.len(), String::new()) };
    let len = 1 + c.len_utf8();
    let coded = |from: usize, digits: usize| {
        let code = text.get(from..from + digits).unwrap_or_default();
        let value = u32::from_str_radix(code, 16).ok().and_then(char::from_u32);
        value.map(|value| (from + digits, value.to_string()))
    };
    let braced = || {
        let end = text.find('}')?;
        let value = u32::from_str_radix(text.get(3..end)?, 16).ok().and_then(char::from_u32)?;
        Some((end + 1, value.to_string()))
    };
    let found = match c {
        '\r' if text.starts_with("\\\r\n") => Some((3, String::new())),
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some((len, String::new())),
        'b' => Some((len, "\u{8}".to_owned())),
        'f' => Some((len, "\u{c}".to_owned())),
        'n' => Some((len, "\n".to_owned())),
        'r' => Some((len, "\r".to_owned())),
        't' => Some((len, "\t".to_owned())),
        'v' => Some((len, "\u{b}".to_owned())),
        'x' => coded(2, 2),
        'u' if text.starts_with("\\u{") => braced(),
        'u' => coded(2, 4),
        _ => None,
    };
    found.unwrap_or_else(|| (len, c.to_string()))
}
