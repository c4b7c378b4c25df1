//! Text that cannot drive a terminal: characters that are not to be seen are spelled out.

use std::borrow::Cow;

use unicode_width::UnicodeWidthChar;

/// Returns whether a character acts on the terminal or on the reader instead of being seen: control
/// characters, direction marks, characters without width or shape, and what looks like a space but
/// is none to the server.
fn is_hidden(ch: char) -> bool {
    ch.is_control()
        || matches!(
            ch,
            '\u{a0}'
                | '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{2000}'..='\u{200f}'
                | '\u{2028}'..='\u{202f}'
                | '\u{205f}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// Adds a character to `out` as it may be shown.
pub(super) fn push(out: &mut String, ch: char) {
    if is_hidden(ch) {
        out.extend(ch.escape_default());
    } else {
        out.push(ch);
    }
}

/// Returns how many columns a character takes as [`push`] shows it.
pub(super) fn width(ch: char) -> usize {
    if is_hidden(ch) { ch.escape_default().count() } else { ch.width().unwrap_or(0) }
}

/// Returns `text` as it may be shown on one line: a line break becomes a space.
pub(super) fn one_line(text: &str) -> Cow<'_, str> {
    show(text, |ch| if ch == '\n' { Some(' ') } else { None })
}

/// Returns `text` as it may be shown on several lines.
pub(super) fn lines(text: &str) -> Cow<'_, str> {
    show(text, |ch| if ch == '\n' { Some('\n') } else { None })
}

fn show(text: &str, replace: impl Fn(char) -> Option<char>) -> Cow<'_, str> {
    if !text.contains(is_hidden) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for ch in text.chars() {
        match replace(ch) {
            Some(other) => out.push(other),
            None => push(&mut out, ch),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_on_the_terminal_is_spelled_out() {
        assert_eq!(one_line("a\x1b[2Jb\u{202e}c\r\nd"), "a\\u{1b}[2Jb\\u{202e}c\\r d");
        assert_eq!(lines("naïve 表\nnext"), "naïve 表\nnext");
        assert_eq!(one_line("select\u{a0}1"), "select\\u{a0}1");
        assert_eq!(width('\u{202e}'), 8);
        assert_eq!(width('表'), 2);
    }
}
