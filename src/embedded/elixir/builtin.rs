//! What Elixir's own functions do with texts and lists, and what Ecto says of the direction.

use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind, joined};

/// Returns what a call of the language's own functions returns, on the way up.
pub(in super::super) fn builtin_up(call: &CallValue) -> Option<Value> {
    builtin(call, "up")
}

/// Returns what a call of the language's own functions returns, on the way down.
pub(in super::super) fn builtin_down(call: &CallValue) -> Option<Value> {
    builtin(call, "down")
}

fn builtin(call: &CallValue, direction: &str) -> Option<Value> {
    if call.receiver.is_some() {
        return None;
    }
    let first = call.positional(0);
    let kind = match (call.name.as_str(), first.map(|first| &first.kind)) {
        ("this.direction", None) => {
            // The file has it nowhere, but it is an atom like those that it is compared with.
            ValueKind::Text(Text::translated(direction, call.span))
        }
        // White space around a statement, or in front of its lines, is all the same to the server.
        (
            "String.trim"
            | "String.trim_leading"
            | "String.trim_trailing"
            | "this.to_string"
            | "String.to_atom"
            | "Atom.to_string"
            | "String.to_existing_atom"
            | "this.to_charlist",
            Some(ValueKind::Text(text)),
        ) if call.arguments.len() == 1 => ValueKind::Text(text.clone()),
        ("this.to_string", Some(ValueKind::Number(_))) => ValueKind::Text(first?.as_text()),
        ("Enum.join", Some(ValueKind::List(values))) => {
            let separator = match call.positional(1).map(|value| &value.kind) {
                Some(ValueKind::Text(text)) => text.clone(),
                Some(_) => return None,
                None => Text::default(),
            };
            ValueKind::Text(joined(values, &separator))
        }
        ("List.wrap", Some(kind)) => match kind {
            ValueKind::List(_) => kind.clone(),
            ValueKind::Text(_) => ValueKind::list(first.cloned().into_iter().collect()),
            _ => return None,
        },
        _ => return None,
    };
    Some(Value { span: call.span, kind })
}
