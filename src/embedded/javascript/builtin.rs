//! What JavaScript's own functions do with texts and lists.

use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind, joined};

/// Returns what a call of the language's own functions returns; nothing for a call of something else.
pub(in super::super) fn builtin(call: &CallValue) -> Option<Value> {
    let first = call.arguments.first().map(|argument| &argument.value);
    let text = |value: &Value| match &value.kind {
        ValueKind::Text(text) => Some(text.clone()),
        _ => None,
    };
    let kind = match (&call.receiver, call.name.as_str()) {
        // White space around a statement is all the same to the server.
        (Some(receiver), "trim" | "trimStart" | "trimEnd" | "toString") => {
            ValueKind::Text(text(receiver)?)
        }
        (Some(receiver), "join") => {
            let separator = match first {
                Some(value) => text(value)?,
                None => Text::translated(",", call.span),
            };
            ValueKind::Text(joined(receiver.list()?, &separator))
        }
        (Some(receiver), "concat") => {
            let mut out = text(receiver)?;
            for argument in &call.arguments {
                out.append(argument.value.as_text());
            }
            ValueKind::Text(out)
        }
        (None, "String") => ValueKind::Text(text(first?)?),
        (None, "Object.entries" | "Object.keys" | "Object.values" | "Object.freeze") => {
            let value = first?;
            if call.name == "Object.freeze" {
                return Some(value.clone());
            }
            let ValueKind::Map(pairs) = &value.kind else { return None };
            let is_known = pairs.iter().all(|(key, _)| key.known_text().is_some());
            let part = |(key, value): &(Value, Value)| match call.name.as_str() {
                "Object.keys" => key.clone(),
                "Object.values" => value.clone(),
                _ => Value {
                    span: call.span,
                    kind: ValueKind::list(vec![key.clone(), value.clone()]),
                },
            };
            is_known.then(|| ValueKind::list(pairs.iter().map(part).collect()))?
        }
        _ => return None,
    };
    Some(Value { span: call.span, kind })
}
