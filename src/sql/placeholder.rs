//! Finds template placeholders and psql variables, and replaces them so that the rest can be parsed.
//!
//! The replacement has as many bytes as the placeholder, so every offset stays right. It is spelled
//! with a letter that nobody uses in a name, by which names made of placeholders are recognised.

use super::lex::{TokenKind, token};

/// The letter (two bytes of UTF-8) that stands for a placeholder in a name.
pub(super) const MARK: char = '\u{2ad}';

/// Returns whether a text holds what stands for a placeholder.
pub(crate) fn has_placeholder(text: &str) -> bool {
    text.contains(MARK)
}

/// The longest placeholder, in bytes.
const MAX_LEN: usize = 500;

/// Returns `text` with its placeholders replaced, or nothing if there is none.
pub(super) fn replace(text: &str) -> Option<String> {
    let mut output = String::with_capacity(text.len());
    let mut at = 0;
    let mut found = false;
    while at < text.len() {
        let rest = &text[at..];
        if let Some((len, quote)) = placeholder(rest, text[..at].ends_with(':')) {
            output.push_str(&stand_in(len, quote));
            found = true;
            at += len;
            continue;
        }
        let len = token(rest).len;
        output.push_str(&rest[..len]);
        at += len;
    }
    found.then_some(output)
}

/// Returns the length of the placeholder at the front of `text`, and the quote that it is read as.
fn placeholder(text: &str, after_colon: bool) -> Option<(usize, Option<char>)> {
    let bytes = text.as_bytes();
    let name_len = |from: usize| {
        let len =
            bytes[from..].iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        (len > 0 && !bytes[from].is_ascii_digit()).then_some(from + len)
    };
    let until = |open: &str, close: &str| {
        let body = text.strip_prefix(open)?;
        // It ends soon and on its line, or is none: looking further would cost too much.
        let end = (0..=MAX_LEN.min(body.len())).rev().find(|&at| body.is_char_boundary(at));
        let body = &body[..end.unwrap_or(0)];
        let end = body.find(close)?;
        (!body[..end].contains('\n')).then_some((open.len() + end + close.len(), None))
    };
    match (bytes[0], bytes.get(1)) {
        (b'$', Some(b'{')) => until("${", "}"),
        (b'$', Some(b'(')) => until("$(", ")"),
        (b'{', Some(b'{')) => until("{{{", "}}}").or_else(|| until("{{", "}}")),
        (b'{', Some(_)) => {
            name_len(1).filter(|&end| bytes.get(end) == Some(&b'}')).map(|end| (end + 1, None))
        }
        (b'<', Some(b'%')) => until("<%", "%>"),
        (b'%', Some(b'(')) => {
            let end = name_len(2)?;
            text[end..].starts_with(")s").then_some((end + 2, None))
        }
        (b'%', Some(b's')) => {
            (!bytes.get(2).is_some_and(u8::is_ascii_alphanumeric)).then_some((2, None))
        }
        (b'?', _) => Some((1, None)),
        (b':', Some(b'\'')) => {
            let token = token(&text[1..]);
            (token.kind == TokenKind::String && token.closed).then_some((token.len + 1, Some('\'')))
        }
        (b':', Some(b'"')) => {
            let token = token(&text[1..]);
            (token.kind == TokenKind::QuotedName && token.closed)
                .then_some((token.len + 1, Some('"')))
        }
        (b':', _) if !after_colon => name_len(1).map(|end| (end, None)),
        _ => None,
    }
}

/// Returns a name or a quoted token of exactly `len` bytes.
fn stand_in(len: usize, quote: Option<char>) -> String {
    if let Some(quote) = quote {
        return format!("{quote}{}{quote}", stand_in(len - 2, None));
    }
    let mut name: String = std::iter::repeat_n(MARK, len / 2).collect();
    if len % 2 == 1 {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_kept() {
        for text in [
            "create table ${schema}.t (a int)",
            "create table {{ .prefix }}_users (a int)",
            "insert into t values (:id, :'name', %(x)s, %s)",
            "grant select on :\"table\" to <%= role %>",
        ] {
            let replaced = replace(text).expect("there is a placeholder");
            assert_eq!(replaced.len(), text.len());
            pg_query::parse(&replaced, 0).expect("the placeholders are gone");
        }
    }

    #[test]
    fn casts_strings_and_assignments_are_left_alone() {
        for text in ["select a::text, ':x', $1", "select '${x}'", "select $$ :y $$"] {
            assert_eq!(replace(text), None);
        }
    }
}
