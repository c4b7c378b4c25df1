//! JavaScript's string literals.

use super::super::literal::{Escape, braced, coded, simple};

/// Reads the escape sequence at the front of `text`.
///
/// Source: "Literals: Strings" in the ECMAScript Language Specification.
pub(super) fn unescape(text: &str) -> Escape {
    let Some(c) = text.chars().nth(1) else { return (text.len(), Some(String::new())) };
    let len = 1 + c.len_utf8();
    let found = match c {
        '\r' if text.starts_with("\\\r\n") => Some((3, String::new())),
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => Some((len, String::new())),
        'x' => coded(text, 2, 2..=2, 16),
        'u' if text.starts_with("\\u{") => braced(text),
        'u' => coded(text, 2, 4..=4, 16),
        _ => simple(c).map(|value| (len, value.to_owned())),
    };
    let (len, value) = found.unwrap_or_else(|| (len, c.to_string()));
    (len, Some(value))
}

/// Reads a backslash in a raw template, where it begins nothing.
pub(super) fn raw(text: &str) -> Escape {
    (text.len(), None)
}
