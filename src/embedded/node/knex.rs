//! Knex's schema builder as the SQL that it sends.
//!
//! Source: the compilers of Knex 3.3 for PostgreSQL; `tests/node.rs` compares this with what it sends.

use super::super::evaluate::Event;
use super::super::sql::literal;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex_table::Table;
use super::last;
use super::raw::sql_text;
use crate::sql::tree::quote_identifier;

/// Why a call is not translated, or what it sends.
pub(super) type Translated = Result<Vec<Text>, String>;

/// Returns what a method of the schema builder sends; nothing if it sends nothing.
pub(super) fn schema_call(call: &CallValue, inner: Vec<Event>) -> Option<Translated> {
    let method = last(&call.name);
    let name = || known(call.positional(0));
    let host = call.span;
    let one = |text: Result<String, String>| {
        Some(text.map(|text| vec![Text::translated(text, super::calls::own_span(call))]))
    };
    let schema = match schema_of(call) {
        Ok(schema) => schema,
        Err(reason) => return Some(Err(reason)),
    };
    let table = |name: String| match &schema {
        Some(schema) => format!("{}.{}", wrap(schema), wrap(&name)),
        None => wrap(&name),
    };
    let plain = |words: &'static str| one(name().map(|name| format!("{words} {}", wrap(&name))));
    match method {
        "createTable" | "createTableIfNotExists" | "table" | "alterTable" => {
            Some(name().and_then(|name| {
                Table::of(&name, schema.as_deref(), method, host, inner)?.statements()
            }))
        }
        "dropTable" => one(name().map(|name| format!("drop table {}", table(name)))),
        "dropTableIfExists" => {
            one(name().map(|name| format!("drop table if exists {}", table(name))))
        }
        "renameTable" => one(name().and_then(|old| {
            let new = known(call.positional(1))?;
            Ok(format!("alter table {} rename to {}", table(old), wrap(&new)))
        })),
        "dropView" => one(name().map(|name| format!("drop view {}", table(name)))),
        "dropViewIfExists" => {
            one(name().map(|name| format!("drop view if exists {}", table(name))))
        }
        "createSchema" => plain("create schema"),
        "createSchemaIfNotExists" => plain("create schema if not exists"),
        "createExtension" => plain("create extension"),
        "createExtensionIfNotExists" => plain("create extension if not exists"),
        "dropExtension" if call.arguments.len() == 1 => plain("drop extension"),
        "dropExtensionIfExists" if call.arguments.len() == 1 => plain("drop extension if exists"),
        "dropSchema" | "dropSchemaIfExists" => {
            let exists = if method == "dropSchema" { "" } else { "if exists " };
            let cascade = match call.positional(1).map(Value::truth) {
                None | Some(Some(false)) => "",
                Some(Some(true)) => " cascade",
                Some(None) => return Some(Err(RUN_TIME.to_owned())),
            };
            one(name().map(|name| format!("drop schema {exists}{}{cascade}", wrap(&name))))
        }
        "withSchema" | "hasTable" | "hasColumn" | "raw" | "then" | "catch" | "finally"
        | "toString" | "toSQL" | "schema" | "queryContext" => None,
        other => Some(Err(format!("`{other}` is not translated"))),
    }
}

pub(super) const RUN_TIME: &str = "some of its arguments are known only at run time";

/// Returns the schema that `withSchema` names in a chain of calls.
fn schema_of(call: &CallValue) -> Result<Option<String>, String> {
    let mut call = call;
    loop {
        if last(&call.name) == "withSchema" {
            return known(call.positional(0)).map(Some);
        }
        match call.receiver.as_ref().and_then(Value::call) {
            Some(of) => call = of,
            None => return Ok(None),
        }
    }
}

/// Returns a text that must be known.
pub(super) fn known(value: Option<&Value>) -> Result<String, String> {
    value.and_then(Value::known_text).ok_or_else(|| RUN_TIME.to_owned())
}

/// Returns one name or several.
pub(super) fn names(value: Option<&Value>) -> Result<Vec<String>, String> {
    match value.map(|value| &value.kind) {
        Some(ValueKind::List(values)) => values.iter().map(|value| known(Some(value))).collect(),
        _ => Ok(vec![known(value)?]),
    }
}

/// Writes a name, in which dots part schema and table.
pub(super) fn wrap(name: &str) -> String {
    let parts: Vec<_> = name.split('.').map(|part| quote_identifier(part.trim())).collect();
    parts.join(".")
}

/// Writes names as a list.
pub(super) fn columnize(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| wrap(name)).collect();
    names.join(", ")
}

/// Returns what stands behind `default`.
pub(super) fn default(value: Option<&Value>, is_boolean: bool) -> Text {
    let Some(value) = value else { return Text::default() };
    let host = value.span;
    let written = |text: String| Text::translated(text, host);
    match &value.kind {
        ValueKind::Nothing => written("null".to_owned()),
        ValueKind::Bool(value) if is_boolean => written(format!("'{}'", i32::from(*value))),
        ValueKind::Bool(value) => written(format!("'{value}'")),
        ValueKind::Number(number) => written(format!("'{number}'")),
        ValueKind::Text(text) => match text.known() {
            Some(text) => written(literal(&text)),
            None => Text::open("default", host),
        },
        ValueKind::Call(call) => match call.name.as_str() {
            "knex.fn.now" => match call.positional(0).map(Value::as_text) {
                Some(precision) => written(format!("CURRENT_TIMESTAMP({})", precision.shown())),
                None => written("CURRENT_TIMESTAMP".to_owned()),
            },
            "knex.fn.uuid" => written("(gen_random_uuid())".to_owned()),
            name if last(name) == "raw" && call.arguments.len() == 1 => {
                let text = call.positional(0).and_then(sql_text);
                text.unwrap_or_else(|| Text::open("default", host))
            }
            _ => Text::open("default", host),
        },
        _ => Text::open("default", host),
    }
}

/// Returns the calls of a chain, the first one first.
pub(super) fn chain(call: &CallValue) -> Vec<&CallValue> {
    let mut found = vec![call];
    while let Some(of) = found.last().and_then(|call| call.receiver.as_ref()?.call()) {
        found.push(of);
    }
    found.reverse();
    found
}
