//! Calls that are given SQL as text, and those that send nothing.

use super::super::Sent;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::last;
use crate::source::Span;
use crate::sql::{ChunkKind, split};

/// Returns what a call of something else than a command sends; nothing if it sends nothing.
pub(super) fn sent(call: &CallValue) -> Option<Sent> {
    let host = call.span;
    if is_harmless(call) {
        return None;
    }
    let method = last(&call.name);
    let is_adapter = call.name.ends_with("Ecto.Adapters.SQL.query!")
        || call.name.ends_with("Ecto.Adapters.SQL.query")
        || matches!(call.name.as_str(), "SQL.query!" | "SQL.query");
    if is_adapter || is_repository(call) && matches!(method, "query!" | "query") {
        let sql = call.positional(usize::from(is_adapter)).map(|value| &value.kind);
        return Some(match sql {
            Some(ValueKind::Text(text)) => message(host, text),
            _ => Sent::gap(host, "what it sends is not a literal"),
        });
    }
    let changes_rows = [
        "insert",
        "insert!",
        "insert_all",
        "update",
        "update!",
        "update_all",
        "delete",
        "delete!",
        "delete_all",
        "insert_or_update",
        "insert_or_update!",
    ];
    if is_repository(call) && changes_rows.contains(&method) {
        return Some(Sent::minor_gap(host, "it changes rows with a query"));
    }
    let name = call.name.strip_prefix("this.").unwrap_or(&call.name);
    Some(Sent::gap(host, format!("`{name}` is not followed")))
}

/// Returns one message. Ecto has the server prepare it, which takes no more than one statement.
pub(super) fn message(host: Span, text: &Text) -> Sent {
    let shown = text.shown();
    let statements = split(&shown).iter().filter(|c| c.kind == ChunkKind::Statement).count();
    if statements > 1 {
        let why = "it holds several statements, and Ecto can send only one with a call";
        return Sent::gap(host, why);
    }
    Sent::text(host, text.clone())
}

/// Returns whether a part of an expression is a command, or a call of a repository.
pub(super) fn touches_database(call: &CallValue) -> bool {
    is_repository(call) || call.receiver.is_none() && call.name.starts_with("this.")
}

/// Returns whether a call is one of a repository: of `repo()`, or of a module that is called so.
fn is_repository(call: &CallValue) -> bool {
    match &call.receiver {
        Some(receiver) => receiver.call().is_some_and(|of| of.name == "this.repo"),
        None => call.name.rsplit('.').nth(1).is_some_and(|module| module.ends_with("Repo")),
    }
}

/// Returns whether a call changes nothing in the database.
pub(super) fn is_harmless(call: &CallValue) -> bool {
    let module = call.name.split('.').next().unwrap_or_default();
    let is_tool = matches!(
        module,
        "IO" | "Logger"
            | "Process"
            | "Application"
            | "Enum"
            | "Stream"
            | "String"
            | "List"
            | "Map"
            | "MapSet"
            | "Keyword"
            | "System"
            | "Mix"
            | "Code"
            | "Path"
            | "File"
            | "DateTime"
            | "NaiveDateTime"
            | "Date"
            | "Jason"
            | "Integer"
            | "Regex"
            | "UUID"
    );
    // What describes something to a command, or a query to the repository.
    let is_part = matches!(
        call.name.as_str(),
        "this.table"
            | "this.index"
            | "this.unique_index"
            | "this.constraint"
            | "this.references"
            | "this.fragment"
            | "this.direction"
            | "this.repo"
            | "this.prefix"
            | "this.raise"
            | "this.from"
            | "this.to_string"
            | "this.inspect"
            | "this.is_nil"
            | "this.length"
    );
    let is_question = is_repository(call)
        && matches!(
            last(&call.name),
            "all"
                | "one"
                | "one!"
                | "get"
                | "get!"
                | "get_by"
                | "get_by!"
                | "exists?"
                | "aggregate"
                | "stream"
                | "preload"
                | "config"
                | "in_transaction?"
                | "transaction"
                | "checkout"
                | "put_dynamic_repo"
                | "__adapter__"
        );
    let is_loop = matches!(last(&call.name), "each" | "map" | "flat_map")
        && call.receiver.as_ref().is_none_or(|of| !matches!(of.kind, ValueKind::Path(_)))
        && call.arguments.iter().any(|of| matches!(of.value.kind, ValueKind::Function(_)));
    // So functions are named that only answer yes or no.
    let is_predicate = call.name.ends_with('?');
    is_part
        || is_predicate
        || is_question
        || is_loop
        || is_tool && call.receiver.is_none()
        || is_of_text(call)
}

/// Returns whether a method is one of a value that only Elixir knows, such as an atom that names a module
/// of Erlang.
fn is_of_text(call: &CallValue) -> bool {
    matches!(&call.receiver, Some(Value { kind: ValueKind::Text(_) | ValueKind::List(_), .. }))
}
