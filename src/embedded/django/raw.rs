//! `RunSQL`: what a text, or a list of texts with or without parameters, sends.

use super::super::Sent;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::operations::{NOT_LITERAL, class};

/// Returns the calls that take a migration back; nothing unless all of it is SQL that says how.
pub(super) fn reversed(operations: &[Value]) -> Option<Vec<Sent>> {
    let mut sent = Vec::new();
    for operation in operations.iter().rev() {
        let call = operation.call().filter(|call| class(call) == "RunSQL" && !call.has_spread())?;
        let reverse = call.argument(1, "reverse_sql")?;
        match raw(call, Some(reverse)) {
            Some(found) => sent.extend(found),
            None => sent.push(Sent::gap(call.span, NOT_LITERAL)),
        }
    }
    (!operations.is_empty()).then_some(sent)
}

/// Returns what a text, or a list of texts with or without parameters, sends.
pub(super) fn raw(call: &CallValue, sql: Option<&Value>) -> Option<Vec<Sent>> {
    let sql = sql?;
    match &sql.kind {
        ValueKind::Path(path) if path.ends_with("RunSQL.noop") => Some(Vec::new()),
        ValueKind::Text(text) if text.is_empty() => Some(Vec::new()),
        ValueKind::Text(text) => Some(vec![Sent::text(call.span, text.clone())]),
        ValueKind::List(items) => items
            .iter()
            .map(|item| match (&item.kind, item.list()) {
                (ValueKind::Text(text), _) => Some(Sent::text(item.span, text.clone())),
                (_, Some([Value { kind: ValueKind::Text(text), .. }, parameters])) => {
                    Some(Sent::text(item.span, filled(text, parameters)))
                }
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

/// Puts parameters where `%s` stands for them; two percent signs stand for one.
pub(super) fn filled(text: &Text, parameters: &Value) -> Text {
    if parameters.is_nothing() {
        return text.clone();
    }
    let mut out = Text::default();
    let mut next = 0;
    for part in &text.parts {
        let mut rest = part.text.as_str();
        while let Some(at) = rest.find('%') {
            out.push(&rest[..at], part.host);
            let values = parameters.list().unwrap_or_default();
            match rest.as_bytes().get(at + 1) {
                Some(b's') => {
                    match values.get(next) {
                        Some(value) => out.append(super::fields::constant(value, "")),
                        None => out.append(Text::open("parameter", part.host)),
                    }
                    next += 1;
                    rest = &rest[at + 2..];
                }
                Some(b'%') => {
                    out.push("%", part.host);
                    rest = &rest[at + 2..];
                }
                _ => {
                    out.push("%", part.host);
                    rest = &rest[at + 1..];
                }
            }
        }
        out.push(rest, part.host);
    }
    out
}
