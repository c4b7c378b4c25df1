//! What Ruby's own methods, and those that Rails gives every text, do with texts and lists.

use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind, joined};
use crate::sql::tree::quote_identifier;

/// Returns what a call of the language's own methods returns; nothing for a call of something else.
pub(in super::super) fn builtin(call: &CallValue) -> Option<Value> {
    let first = call.positional(0);
    let name = call.name.rsplit('.').next().unwrap_or(&call.name);
    let kind = match (call.receiver.as_ref().map(|of| &of.kind), name) {
        // White space around a statement, or in front of its lines, is all the same to the server.
        (
            Some(ValueKind::Text(text)),
            "strip" | "lstrip" | "rstrip" | "chomp" | "strip_heredoc" | "freeze" | "to_s"
            | "to_sym" | "html_safe" | "dup" | "to_str",
        ) => ValueKind::Text(text.clone()),
        (Some(ValueKind::Text(text)), "squish") => ValueKind::Text(squish(text)),
        (Some(ValueKind::Text(text)), "concat") => {
            let mut out = text.clone();
            call.arguments.iter().for_each(|argument| out.append(argument.value.as_text()));
            ValueKind::Text(out)
        }
        (Some(kind @ (ValueKind::List(_) | ValueKind::Map(_))), "freeze" | "dup" | "to_a") => {
            kind.clone()
        }
        (Some(ValueKind::List(values)), "join") => {
            let separator = match first {
                Some(Value { kind: ValueKind::Text(text), .. }) => text.clone(),
                Some(_) => return None,
                None => Text::default(),
            };
            ValueKind::Text(joined(values, &separator))
        }
        (Some(ValueKind::Map(pairs)), "keys") => {
            ValueKind::list(pairs.iter().map(|(key, _)| key.clone()).collect())
        }
        (Some(ValueKind::Map(pairs)), "values") => {
            ValueKind::list(pairs.iter().map(|(_, value)| value.clone()).collect())
        }
        (_, "quote_table_name" | "quote_column_name") if call.arguments.len() == 1 => {
            let name = first?.known_text()?;
            let parts: Vec<_> = name.split('.').map(quote_identifier).collect();
            ValueKind::Text(Text::translated(parts.join("."), call.span))
        }
        _ => return None,
    };
    Some(Value { span: call.span, kind })
}

/// Makes one blank of all white space in a row, also in what was a comment to the end of its line.
fn squish(text: &Text) -> Text {
    let mut out = Text::default();
    for part in &text.parts {
        let mut from = 0;
        while from < part.text.len() {
            let rest = &part.text[from..];
            let is_blank = rest.starts_with(char::is_whitespace);
            let end = rest.find(|c: char| c.is_whitespace() != is_blank).unwrap_or(rest.len());
            match part.piece(from, from + end) {
                Some(blank) if is_blank => out.push(" ", blank.host),
                Some(_) if part.is_open => out.parts.push(part.clone()),
                piece => out.parts.extend(piece),
            }
            from += end;
        }
    }
    out
}
