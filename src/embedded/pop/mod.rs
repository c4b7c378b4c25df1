//! pop: what the calls of a migration in Fizz send.
//!
//! Source: Fizz's translator for PostgreSQL and its tests, read; no run of pop has been compared with it.

mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use super::code::Module;
use super::evaluate::{Callback, Done, Evaluator, Event, Surroundings};
use super::sql::{self, Constraint, ConstraintKind, ForeignKey, Name};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, fizz};
use crate::source::Span;
use crate::sql::tree::quote_identifier;

/// What only run time knows.
const RUN_TIME: &str = "only run time knows one of its arguments";

/// Reads a migration: one direction, as its name says.
pub(super) fn extract(module: &Module, stem: &str) -> Extracted {
    let surroundings =
        Surroundings { language: &fizz::LANGUAGE, builtin: |_| None, member: |_, _| None };
    let mut evaluator = Evaluator::new(module, surroundings);
    evaluator.callback = |call| match call.name.as_str() {
        "create_table" => Callback::Inside(ValueKind::Path("t".to_owned())),
        _ => Callback::Unknown,
    };
    let facts = Facts { framework: "pop", name: stem.to_owned(), ..Facts::default() };
    let mut up = Way::default();
    if let Some(function) = evaluator.function(fizz::MAIN) {
        up.host = function.span;
        let mut inner: HashMap<*const CallValue, Vec<Event>> = HashMap::new();
        for event in evaluator.run(function) {
            match event.contexts.last().and_then(Value::call) {
                Some(table) => inner.entry(Rc::as_ptr(table)).or_default().push(event),
                None => up.sent.extend(sent(&event, &mut inner)),
            }
        }
    }
    Extracted { facts, up, down: None, comments: Vec::new() }
}

fn sent(event: &Event, inner: &mut HashMap<*const CallValue, Vec<Event>>) -> Option<Sent> {
    let call = match &event.done {
        Done::Call(call, _) => call,
        Done::Unread(why) => return Some(Sent::gap(event.span, *why)),
    };
    if let Some(doubt) = event.doubt {
        return Some(Sent::gap(event.span, doubt.why));
    }
    let host = event.span;
    let sent = match call.name.as_str() {
        "sql" | "raw" => match call.positional(0).map(|value| &value.kind) {
            Some(ValueKind::Text(text)) => Ok(vec![text.clone()]),
            _ => Err(RUN_TIME.to_owned()),
        },
        "create_table" => table::create(call, inner.remove(&Rc::as_ptr(call)).unwrap_or_default()),
        "exec" => Err("it runs a program".to_owned()),
        _ => statement(call).map(|sql| vec![sql]),
    };
    Some(match sent {
        Ok(mut statements) if statements.len() == 1 => {
            Sent::text(host, statements.pop().unwrap_or_default())
        }
        Ok(statements) => Sent::statements(host, statements),
        Err(reason) => Sent::gap(host, reason),
    })
}

/// Returns the one statement that a call is.
fn statement(call: &CallValue) -> Result<Text, String> {
    let host = call.span;
    let text = |at: usize| known(call.positional(at));
    let quoted = |at: usize| text(at).map(|name| quote_identifier(&name).into_owned());
    let alter = |change: String| -> Result<Text, String> {
        Ok(Text::translated(format!("ALTER TABLE {} {change}", quoted(0)?), host))
    };
    match call.name.as_str() {
        "drop_table" => Ok(Text::translated(format!("DROP TABLE {}", quoted(0)?), host)),
        "rename_table" => alter(format!("RENAME TO {}", quoted(1)?)),
        "add_column" => {
            let options = Options::of(call.positional(3), table::COLUMN_OPTIONS)?;
            let column = table::column(text(1)?, &text(2)?, &options, false, host)?;
            let mut out = alter("ADD COLUMN ".to_owned())?;
            out.append(sql::column(&column));
            Ok(out)
        }
        "change_column" => {
            let options = Options::of(call.positional(3), table::COLUMN_OPTIONS)?;
            let column = table::column(text(1)?, &text(2)?, &options, false, host)?;
            let name = quoted(1)?;
            let mut out = alter(format!("ALTER COLUMN {name} TYPE "))?;
            out.append(column.type_name);
            let word = if column.not_null { "SET" } else { "DROP" };
            out.push(format!(", ALTER COLUMN {name} {word} NOT NULL"), host);
            if let Some(default) = column.default {
                out.push(format!(", ALTER COLUMN {name} SET DEFAULT "), host);
                out.append(default);
            }
            Ok(out)
        }
        "drop_column" => alter(format!("DROP COLUMN {}", quoted(1)?)),
        "rename_column" => alter(format!("RENAME COLUMN {} TO {}", quoted(1)?, quoted(2)?)),
        "add_index" => index(&text(0)?, call.positional(1), call.positional(2), host),
        "drop_index" => Ok(Text::translated(format!("DROP INDEX {}", quoted(1)?), host)),
        "rename_index" => {
            let names = format!("ALTER INDEX {} RENAME TO {}", quoted(1)?, quoted(2)?);
            Ok(Text::translated(names, host))
        }
        "add_foreign_key" => {
            let (name, key) =
                foreign_key(&text(0)?, call.positional(1), call.positional(2), call.positional(3))?;
            let mut out = alter("ADD ".to_owned())?;
            out.append(sql::constraint(&constraint(Some(name), key, host)));
            Ok(out)
        }
        "drop_foreign_key" => {
            let options = Options::of(call.positional(2), &["if_exists"])?;
            let exists = match options.get("if_exists") {
                Some(value) if value.bool().ok_or(RUN_TIME)? => "IF EXISTS ",
                _ => "",
            };
            alter(format!("DROP CONSTRAINT {exists}{}", quoted(1)?))
        }
        other => Err(format!("`{other}` is not known")),
    }
}

/// Returns the index that `add_index` or `t.Index` makes. The names of its columns are sent as they stand.
fn index(
    table: &str,
    columns: Option<&Value>,
    options: Option<&Value>,
    host: Span,
) -> Result<Text, String> {
    let columns = match columns.and_then(Value::list) {
        Some(list) => list.iter().map(|column| known(Some(column))).collect::<Result<_, _>>()?,
        None => vec![known(columns)?],
    };
    let options = Options::of(options, &["name", "unique"])?;
    let name = match options.get("name") {
        Some(name) => known(Some(name))?,
        None => format!("{table}_{}_idx", columns.join("_")),
    };
    let is_unique = match options.get("unique") {
        Some(value) => value.bool().ok_or(RUN_TIME)?,
        None => false,
    };
    Ok(sql::create_index(&sql::Index {
        host,
        name,
        table: Name { schema: None, name: table.to_owned() },
        is_unique,
        is_concurrent: false,
        if_not_exists: false,
        method: None,
        keys: columns.into_iter().map(|column| Text::translated(column, host)).collect(),
        include: Vec::new(),
        options: String::new(),
        condition: None,
    }))
}

/// Returns a foreign key with its name.
fn foreign_key(
    table: &str,
    column: Option<&Value>,
    references: Option<&Value>,
    options: Option<&Value>,
) -> Result<(String, ForeignKey), String> {
    let Some(ValueKind::Map(pairs)) = references.map(|value| &value.kind) else {
        return Err(RUN_TIME.to_owned());
    };
    let [(other, keys)] = &pairs[..] else {
        return Err("it does not name one table".to_owned());
    };
    let other = known(Some(other))?;
    let keys = keys.list().ok_or(RUN_TIME)?.iter();
    let referenced: Vec<String> = keys.map(|key| known(Some(key))).collect::<Result<_, _>>()?;
    let options = Options::of(options, &["name", "on_delete", "on_update"])?;
    let name = match options.get("name") {
        Some(name) => known(Some(name))?,
        None => format!("{table}_{other}_{}_fk", referenced.join("_")),
    };
    let action = |key| options.get(key).map(|value| known(Some(value))).transpose();
    let key = ForeignKey {
        columns: vec![known(column)?],
        table: Name { schema: None, name: other },
        referenced,
        matches: None,
        on_delete: action("on_delete")?,
        on_update: action("on_update")?,
    };
    Ok((name, key))
}

fn constraint(name: Option<String>, key: ForeignKey, host: Span) -> Constraint {
    let kind = ConstraintKind::ForeignKey(key);
    Constraint { host, name, kind, deferrable: None, initially: None, not_valid: false }
}

/// Returns a text of which all is known.
fn known(value: Option<&Value>) -> Result<String, String> {
    value.and_then(Value::known_text).ok_or_else(|| RUN_TIME.to_owned())
}

/// The options of a call, each of which is known to be understood.
struct Options<'a> {
    value: Option<&'a Value>,
}

impl<'a> Options<'a> {
    fn of(value: Option<&'a Value>, known_names: &[&str]) -> Result<Self, String> {
        match value.map(|value| &value.kind) {
            None | Some(ValueKind::Nothing | ValueKind::Function(_)) => Ok(Self { value: None }),
            Some(ValueKind::Map(pairs)) => {
                for (key, _) in pairs.iter() {
                    let key = known(Some(key))?;
                    if !known_names.contains(&key.as_str()) {
                        return Err(format!("its option `{key}` is not known"));
                    }
                }
                Ok(Self { value })
            }
            Some(_) => Err(RUN_TIME.to_owned()),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.and_then(|value| value.get(name)).filter(|value| !value.is_nothing())
    }
}
