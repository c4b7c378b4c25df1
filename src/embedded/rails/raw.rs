//! Calls that are given SQL as text, and those that send none.

use super::super::Sent;
use super::super::ruby::BLOCK;
use super::super::value::{CallValue, Value, ValueKind};
use super::last;

const NOT_A_LITERAL: &str = "what it sends is not a literal";

/// Returns what a call sends; nothing if it sends nothing itself.
pub(super) fn sent(call: &CallValue) -> Option<Sent> {
    let first = call.positional(0);
    let text = |value: &Value| match &value.kind {
        ValueKind::Text(text) => Some(text.clone()),
        _ => None,
    };
    let name = last(&call.name);
    let sql = match name {
        "execute" | "exec_query" | "exec_update" | "exec_delete" | "exec_insert" | "query"
        | "select_value" | "select_values" | "select_rows" | "select_all" | "select_one"
        | "raw_execute" | "query_value" => first.and_then(text),
        // Models have methods of these names, which are given no SQL.
        "update" | "insert" | "delete" if is_connection(call) => first.and_then(text),
        _ => return None,
    };
    Some(match sql {
        Some(text) => Sent::text(call.span, text),
        None => Sent::gap(call.span, NOT_A_LITERAL),
    })
}

/// Returns whether a method is called on the migration, or on the connection.
fn is_connection(call: &CallValue) -> bool {
    match &call.receiver {
        Some(receiver) => receiver.call().is_some_and(|of| last(&of.name).ends_with("connection")),
        None => call
            .name
            .rsplit_once('.')
            .is_none_or(|(of, _)| of == "this" || last(of).ends_with("connection")),
    }
}

/// Returns whether a call has a block.
pub(super) fn has_block(call: &CallValue) -> bool {
    call.arguments.iter().any(|argument| argument.name.as_deref() == Some(BLOCK))
}

/// Returns whether Rails refuses to take a call back by itself.
///
/// Not compared with a run of Rails: what it decides is `ActiveRecord::Migration::CommandRecorder`.
pub(super) fn is_irreversible(call: &CallValue) -> bool {
    let Some(name) = call.name.strip_prefix("this.") else {
        return call.name == "connection.execute";
    };
    let has = |name: &str| call.named(name).is_some() || call.has_spread();
    match name {
        "execute" | "change_column" => true,
        "change_column_default" | "change_column_comment" | "change_table_comment" => {
            !(has("from") && has("to"))
        }
        "remove_column" => call.positional(2).is_none() && !call.has_spread(),
        "remove_columns" => !has("type"),
        "drop_table" => !has_block(call),
        "remove_index" => call.positional(1).is_none() && !has("column"),
        "drop_enum" => call.positional(1).is_none(),
        _ => false,
    }
}

/// Returns whether a call of something unknown changes nothing in the database.
pub(super) fn is_harmless(call: &CallValue) -> bool {
    let name = last(&call.name);
    if name.ends_with('?') {
        return true;
    }
    if let Some(own) = call.name.strip_prefix("this.").filter(|_| call.receiver.is_none()) {
        return matches!(
            own,
            "say"
                | "puts"
                | "p"
                | "print"
                | "warn"
                | "raise"
                | "sleep"
                | "require"
                | "require_relative"
                | "connection"
                | "safety_assured"
                | "suppress_messages"
                | "reversible"
                | "up_only"
                | "quote"
                | "->"
        ) || own == "say_with_time" && has_block(call);
    }
    let root = call.name.split('.').next().unwrap_or_default();
    matches!(name, "reset_column_information" | "clear_cache!" | "schema_cache")
        || matches!(
            call.name.as_str(),
            "direction.up" | "direction.down" | "connection.quote" | "STDOUT.puts" | "$stdout.puts"
        )
        || matches!(root, "Rails" | "ENV" | "Time" | "Date" | "Kernel" | "Logger")
            && call.receiver.is_none()
            && !root.is_empty()
        || is_walk(call)
}

/// Returns whether a call runs a block, which is followed by itself.
fn is_walk(call: &CallValue) -> bool {
    let is_followed = call.arguments.iter().any(|argument| {
        argument.name.as_deref() == Some(BLOCK)
            && matches!(argument.value.kind, ValueKind::Function(_))
    });
    matches!(last(&call.name), "each" | "map" | "each_pair" | "tap") && is_followed
}

/// Returns whether a call whose result is used may do something to the database: it is given the migration
/// or the connection.
pub(super) fn touches_database(call: &CallValue) -> bool {
    call.arguments.iter().any(|argument| match &argument.value.kind {
        ValueKind::Path(path) => path == "this" || last(path).ends_with("connection"),
        ValueKind::Call(of) => last(&of.name).ends_with("connection"),
        _ => false,
    })
}

/// Returns whether a call changes rows with a model.
pub(super) fn changes_rows(call: &CallValue) -> bool {
    let is_model = |name: &str| {
        let last = name.rsplit("::").next().unwrap_or(name);
        last.starts_with(|c: char| c.is_ascii_uppercase())
    };
    match &call.receiver {
        Some(receiver) => receiver.call().is_some_and(|of| changes_rows(of)),
        None => call.name.split('.').next().is_some_and(is_model) && call.name.contains('.'),
    }
}
