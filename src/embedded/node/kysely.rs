//! Kysely's schema builder as the SQL that it sends.
//!
//! Source: the compiler of Kysely 0.29 for PostgreSQL; `tests/node.rs` compares this with what it sends.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::evaluate::Event;
use super::super::sql::literal;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::RUN_TIME;
use super::kysely_column as column;
use super::{last, raw};
use crate::sql::tree::quote_identifier;

/// What functions say that calls of a chain are given.
pub(super) type Inner = HashMap<*const CallValue, Vec<Event>>;

/// A chain of calls on the schema builder.
pub(super) struct Chain<'a> {
    /// Its calls, from the first to the one before `execute`.
    calls: Vec<&'a Rc<CallValue>>,
    /// The schema of names that say none.
    pub schema: Option<String>,
}

/// Returns the one statement that a chain of calls sends whose last one is `execute`; nothing if it is none
/// of the schema builder.
pub(super) fn statement(call: &CallValue, inner: &mut Inner) -> Option<Result<String, String>> {
    if !last(&call.name).starts_with("execute") {
        return None;
    }
    let mut calls = Vec::new();
    let mut next = call.receiver.as_ref().and_then(Value::call);
    while let Some(call) = next {
        calls.push(call);
        next = call.receiver.as_ref().and_then(Value::call);
    }
    calls.reverse();
    calls.first().filter(|first| first.receiver.is_none() && first.name.contains(".schema."))?;
    let mut chain = Chain { calls, schema: None };
    Some(chain.with_schema().and_then(|()| chain.sql(inner)))
}

impl Chain<'_> {
    /// Takes `withSchema` off the front.
    fn with_schema(&mut self) -> Result<(), String> {
        while let Some(first) = self.calls.first().filter(|of| last(&of.name) == "withSchema") {
            self.schema = Some(known(first.positional(0))?);
            self.calls.remove(0);
        }
        Ok(())
    }

    fn sql(&self, inner: &mut Inner) -> Result<String, String> {
        let (first, rest) = self.calls.split_first().ok_or("it says nothing")?;
        let name = || self.name(first.positional(0));
        match last(&first.name) {
            "createTable" => self.create_table(&name()?, rest, inner),
            "alterTable" => self.alter_table(&name()?, rest, inner),
            "createIndex" => self.create_index(&quote(&known(first.positional(0))?), rest),
            "dropTable" => drop("table", &name()?, rest),
            "dropIndex" => drop("index", &name()?, rest),
            "dropView" => {
                let is_materialized = rest.iter().any(|of| last(&of.name) == "materialized");
                let rest: Vec<_> =
                    rest.iter().copied().filter(|of| last(&of.name) != "materialized").collect();
                let what = if is_materialized { "materialized view" } else { "view" };
                drop(what, &name()?, &rest)
            }
            "dropType" => drop("type", &name()?, rest),
            "dropSchema" => drop("schema", &quote(&known(first.positional(0))?), rest),
            "createSchema" => {
                let exists = only(rest, "ifNotExists")?;
                let exists = if exists { "if not exists " } else { "" };
                Ok(format!("create schema {exists}{}", quote(&known(first.positional(0))?)))
            }
            "createType" => match rest {
                [of] if last(&of.name) == "asEnum" => {
                    let labels = names(of.positional(0))?;
                    let labels: Vec<String> = labels.iter().map(|label| literal(label)).collect();
                    Ok(format!("create type {} as enum ({})", name()?, labels.join(", ")))
                }
                _ => Err("only types of labels are translated".to_owned()),
            },
            other => Err(format!("`{other}` is not translated")),
        }
    }

    /// Returns the name of something in a schema: its own, or that of `withSchema`.
    pub(super) fn name(&self, value: Option<&Value>) -> Result<String, String> {
        let name = known(value)?;
        let parts: Vec<&str> = name.split('.').collect();
        match (parts.as_slice(), &self.schema) {
            ([name], Some(schema)) => Ok(format!("{}.{}", quote(schema), quote(name))),
            ([name], None) => Ok(quote(name)),
            ([schema, name], _) => Ok(format!("{}.{}", quote(schema), quote(name))),
            _ => Err(format!("`{name}` is no name of a table")),
        }
    }

    fn create_table(
        &self,
        name: &str,
        rest: &[&Rc<CallValue>],
        inner: &mut Inner,
    ) -> Result<String, String> {
        let (mut columns, mut constraints) = (Vec::new(), Vec::new());
        let (mut front, mut exists, mut end) = ("", "", String::new());
        let mut modifiers = Vec::new();
        for call in rest {
            let events = inner.remove(&Rc::as_ptr(call));
            match last(&call.name) {
                "temporary" => front = "temporary ",
                "ifNotExists" => exists = "if not exists ",
                "onCommit" => end = format!(" on commit {}", known(call.positional(0))?),
                "modifyEnd" => modifiers.push(tagged(call.positional(0))?),
                "addColumn" => columns.push(column::definition(self, call, events)?),
                _ => constraints.push(column::constraint(self, call, events)?),
            }
        }
        columns.append(&mut constraints);
        modifiers.iter().for_each(|modifier| end.push_str(&format!(" {modifier}")));
        Ok(format!("create {front}table {exists}{name} ({}){end}", columns.join(", ")))
    }

    fn alter_table(
        &self,
        name: &str,
        rest: &[&Rc<CallValue>],
        inner: &mut Inner,
    ) -> Result<String, String> {
        let mut changes: Vec<String> = Vec::new();
        for call in rest {
            let events = inner.remove(&Rc::as_ptr(call));
            let named = |at: usize| known(call.positional(at)).map(|name| quote(&name));
            let change = match last(&call.name) {
                "addColumn" => {
                    format!("add column {}", column::definition(self, call, events)?)
                }
                "dropColumn" if call.arguments.len() == 1 => {
                    format!("drop column {}", named(0)?)
                }
                "renameColumn" => format!("rename column {} to {}", named(0)?, named(1)?),
                "alterColumn" => {
                    format!("alter column {} {}", named(0)?, column::alteration(events)?)
                }
                "renameTo" => format!("rename to {}", named(0)?),
                "setSchema" => format!("set schema {}", named(0)?),
                "dropConstraint" => format!("drop constraint {}", named(0)?),
                "renameConstraint" => {
                    format!("rename constraint {} to {}", named(0)?, named(1)?)
                }
                // What is said of the constraint before.
                "ifExists" | "cascade" | "restrict" | "onDelete" | "onUpdate" | "deferrable"
                | "notDeferrable" | "initiallyDeferred" | "initiallyImmediate" => {
                    let before = changes.pop().ok_or("it says nothing")?;
                    behind(before, call)?
                }
                _ => format!("add {}", column::constraint(self, call, events)?),
            };
            changes.push(change);
        }
        match changes.is_empty() {
            true => Err("it says nothing".to_owned()),
            false => Ok(format!("alter table {name} {}", changes.join(", "))),
        }
    }

    fn create_index(&self, name: &str, rest: &[&Rc<CallValue>]) -> Result<String, String> {
        let (mut unique, mut exists, mut nulls) = ("", "", "");
        let (mut table, mut using, mut condition) = (None, String::new(), String::new());
        let mut keys: Vec<String> = Vec::new();
        for call in rest {
            let first = call.positional(0);
            match last(&call.name) {
                "unique" => unique = "unique ",
                "ifNotExists" => exists = "if not exists ",
                "nullsNotDistinct" => nulls = " nulls not distinct",
                "on" => table = Some(self.name(first)?),
                "using" => using = format!(" using {}", known(first)?),
                "column" => keys.push(key(&known(first)?)?),
                "columns" => {
                    for name in names(first)? {
                        keys.push(key(&name)?);
                    }
                }
                "expression" => keys.push(tagged(first)?),
                "where" if condition.is_empty() => {
                    condition = format!(" where {}", self::condition(call)?);
                }
                other => return Err(format!("`{other}` is not translated")),
            }
        }
        let table = table.ok_or("it names no table")?;
        Ok(format!(
            "create {unique}index {exists}{name} on {table}{using} ({}){nulls}{condition}",
            keys.join(", ")
        ))
    }
}

/// Returns a change with what a call says of it.
fn behind(before: String, call: &CallValue) -> Result<String, String> {
    Ok(match last(&call.name) {
        "ifExists" => before.replacen("drop constraint ", "drop constraint if exists ", 1),
        "cascade" => format!("{before} cascade"),
        "restrict" => format!("{before} restrict"),
        "onDelete" => format!("{before} on delete {}", known(call.positional(0))?),
        "onUpdate" => format!("{before} on update {}", known(call.positional(0))?),
        "deferrable" => format!("{before} deferrable"),
        "notDeferrable" => format!("{before} not deferrable"),
        "initiallyDeferred" => format!("{before} initially deferred"),
        _ => format!("{before} initially immediate"),
    })
}

fn drop(what: &str, name: &str, rest: &[&Rc<CallValue>]) -> Result<String, String> {
    let (mut exists, mut cascade) = ("", "");
    for call in rest {
        match last(&call.name) {
            "ifExists" => exists = "if exists ",
            "cascade" => cascade = " cascade",
            // PostgreSQL needs no table to drop an index, and Kysely's dialect sends it all the same.
            other => return Err(format!("`{other}` is not translated")),
        }
    }
    Ok(format!("drop {what} {exists}{name}{cascade}"))
}

/// Returns whether one call is there; nothing else may be.
fn only(rest: &[&Rc<CallValue>], name: &str) -> Result<bool, String> {
    match rest {
        [] => Ok(false),
        [call] if last(&call.name) == name => Ok(true),
        [call, ..] => Err(format!("`{}` is not translated", last(&call.name))),
    }
}

/// Returns the key of an index, which may have an order behind it.
fn key(said: &str) -> Result<String, String> {
    match said.split_whitespace().collect::<Vec<_>>().as_slice() {
        [name] => Ok(quote(name)),
        [name, order @ ("asc" | "desc")] => Ok(format!("{} {order}", quote(name))),
        _ => Err(format!("`{said}` is no column")),
    }
}

/// Returns a condition: a comparison with a constant, or SQL.
fn condition(call: &CallValue) -> Result<String, String> {
    if call.arguments.len() == 1 {
        return tagged(call.positional(0));
    }
    let operator = known(call.positional(1))?;
    let is_known =
        matches!(operator.as_str(), "=" | "!=" | "<>" | "<" | ">" | "<=" | ">=" | "is" | "is not");
    if !is_known {
        return Err(format!("`{operator}` is not translated"));
    }
    let column = quote(&known(call.positional(0))?);
    Ok(format!("{column} {operator} {}", constant(call.positional(2))?))
}

pub(super) fn quote(name: &str) -> String {
    quote_identifier(name).into_owned()
}

pub(super) fn known(value: Option<&Value>) -> Result<String, String> {
    value.and_then(Value::known_text).ok_or_else(|| RUN_TIME.to_owned())
}

pub(super) fn names(value: Option<&Value>) -> Result<Vec<String>, String> {
    let list = value.and_then(Value::list).ok_or(RUN_TIME)?;
    list.iter().map(|name| known(Some(name))).collect()
}

/// Returns SQL that is marked as such.
pub(super) fn tagged(value: Option<&Value>) -> Result<String, String> {
    let value = value.filter(|value| raw::is_tag(value));
    value.and_then(raw::sql_text).and_then(|text| text.known()).ok_or_else(|| RUN_TIME.to_owned())
}

/// Returns a constant, or SQL that is marked as such.
pub(super) fn constant(value: Option<&Value>) -> Result<String, String> {
    match value.map(|value| &value.kind) {
        Some(ValueKind::Text(_)) => Ok(literal(&known(value)?)),
        Some(ValueKind::Number(number)) => Ok(number.clone()),
        Some(ValueKind::Bool(is)) => Ok(is.to_string()),
        Some(ValueKind::Nothing) => Ok("null".to_owned()),
        _ => tagged(value),
    }
}
