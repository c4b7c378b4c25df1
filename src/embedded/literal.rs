//! The inside of string literals, whose escape sequences languages have in common.

use std::ops::{Range, RangeInclusive};

use super::text::{Quote, Text};
use crate::source::Span;

/// What a backslash begins: how long it is and, where that is an escape sequence, what it stands for.
pub(super) type Escape = (usize, Option<String>);

/// Reads the inside of a literal; `unescape` is shown the text from each backslash on.
pub(super) fn literal_text(
    text: &str,
    range: Range<usize>,
    quote: Quote,
    unescape: impl Fn(&str) -> Escape,
) -> Text {
    let mut out = Text::default();
    let body = text.get(range.clone()).unwrap_or_default();
    let here = |from: usize, to: usize| Span::new(range.start + from..range.start + to);
    let (mut from, mut at) = (0, 0);
    while let Some(found) = body.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        let (len, value) = unescape(&body[escape..]);
        at = escape + len.max(1);
        // A backslash that begins no escape sequence stands for itself.
        let Some(value) = value else { continue };
        out.push_exact(&body[from..escape], here(from, escape), quote);
        out.push(value, here(escape, at));
        from = at;
    }
    out.push_exact(&body[from..], here(from, body.len()), quote);
    out
}

/// Reads the inside of a literal without a part of the indentation of each line that begins in it: `gone`
/// says how many bytes of a line that is.
pub(super) fn dedented(
    text: &str,
    range: Range<usize>,
    quote: Quote,
    gone: impl Fn(&str) -> usize,
    unescape: impl Fn(&str) -> Escape,
) -> Text {
    let mut out = Text::default();
    let mut start = range.start;
    let body = text.get(range).unwrap_or_default();
    for line in body.split_inclusive('\n') {
        let end = start + line.len();
        let is_start = text.get(..start).is_none_or(|before| before.ends_with('\n'));
        let gone = if is_start { gone(line) } else { 0 };
        out.append(literal_text(text, start + gone..end, quote, &unescape));
        start = end;
    }
    out
}

/// Reads an escape sequence that all languages here have: the letter behind the backslash.
pub(super) fn simple(c: char) -> Option<&'static str> {
    Some(match c {
        'b' => "\u{8}",
        'f' => "\u{c}",
        'n' => "\n",
        'r' => "\r",
        't' => "\t",
        'v' => "\u{b}",
        _ => return None,
    })
}

/// Reads the number of a character, so many digits of it from a place on: where it ends, and the character.
pub(super) fn coded(
    text: &str,
    from: usize,
    digits: RangeInclusive<usize>,
    radix: u32,
) -> Option<(usize, String)> {
    let rest = text.get(from..)?;
    let count = rest.chars().take(*digits.end()).take_while(|c| c.is_digit(radix)).count();
    let code = rest.get(..count).filter(|_| digits.contains(&count))?;
    let value = u32::from_str_radix(code, radix).ok().and_then(char::from_u32)?;
    Some((from + count, value.to_string()))
}

/// Reads `\u{...}`: its length, and the character.
pub(super) fn braced(text: &str) -> Option<(usize, String)> {
    let (end, value) = coded(text, "\\u{".len(), 1..=6, 16)?;
    text.get(end..)?.starts_with('}').then_some((end + 1, value))
}
