//! Calls that are given SQL as text.

use super::super::Sent;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::{Framework, last};
use crate::source::Span;
use crate::sql::tree::quote_identifier;

const NOT_A_LITERAL: &str = "what it sends is not a literal";

/// Returns what a call sends that is given SQL; nothing for any other call.
pub(super) fn sent(call: &CallValue, framework: Framework, host: Span) -> Option<Sent> {
    let first = call.positional(0);
    let sql = match last(&call.name) {
        "raw" if matches!(framework, Framework::Knex | Framework::Other) && is_database(call) => {
            first.and_then(sql_text).map(|text| with_bindings(&text, call.positional(1)))
        }
        "query" => {
            let text = first.and_then(sql_text);
            match framework {
                Framework::Sequelize => text.map(|text| with_replacements(&text, call)),
                _ => text,
            }
        }
        "sql" if framework == Framework::NodePgMigrate && call.name == "pgm.sql" => {
            first.and_then(sql_text).map(|text| with_names(&text, call.positional(1)))
        }
        "addSql" | "runSql" | "$executeRawUnsafe" | "$queryRawUnsafe" | "$executeRaw"
        | "$queryRaw" | "unsafe" | "executeQuery" => first.and_then(sql_text),
        "execute" => match (call.receiver.as_ref(), first) {
            (Some(receiver), _) if is_tag(receiver) => sql_text(receiver),
            (_, Some(first)) if is_tag(first) || matches!(first.kind, ValueKind::Text(_)) => {
                sql_text(first)
            }
            _ if framework == Framework::Kysely => return None,
            _ => None,
        },
        // A tag that sends what it is put before.
        "sql" | "client" if framework == Framework::Other && call.receiver.is_none() => {
            let ValueKind::Text(text) = &first?.kind else { return None };
            Some(text.clone())
        }
        _ => return None,
    };
    Some(match sql {
        Some(text) => Sent::text(host, text),
        None => Sent::gap(host, NOT_A_LITERAL),
    })
}

/// Returns whether a method of Knex is called on the database, not on a builder of queries.
fn is_database(call: &CallValue) -> bool {
    match &call.receiver {
        None => true,
        Some(receiver) => match receiver.call() {
            Some(of) => is_schema(of),
            None => true,
        },
    }
}

pub(super) fn is_schema(call: &CallValue) -> bool {
    match call.receiver.as_ref().and_then(Value::call) {
        Some(of) => is_schema(of),
        None => call.name.contains("schema."),
    }
}

/// Returns whether a call makes a part of a statement, where it does not stand alone.
pub(super) fn is_fragment(call: &CallValue) -> bool {
    matches!(
        last(&call.name),
        "raw" | "sql" | "SQL" | "literal" | "ref" | "fn" | "func" | "col" | "cast" | "where"
    )
}

/// Returns whether a call whose result is used may do something to the database: it is given what speaks to
/// it, and its name does not say that it only asks.
pub(super) fn touches_database(call: &CallValue) -> bool {
    let is_ours = |path: &str| {
        matches!(path, "knex" | "kysely" | "queryInterface" | "queryRunner" | "pgm" | "client")
    };
    let name = last(&call.name);
    let asks = ["get", "has", "is", "find", "fetch", "check", "count", "list", "select", "exists"];
    call.reaches(is_ours) && !asks.iter().any(|verb| name.starts_with(verb))
}

/// Returns whether a value is a statement with a tag, or the like.
pub(super) fn is_tag(value: &Value) -> bool {
    value.call().is_some_and(|call| {
        matches!(last(&call.name), "sql" | "SQL" | "raw" | "compile" | "literal")
    })
}

/// Returns the SQL that a value holds.
pub(super) fn sql_text(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::Text(text) => Some(text.clone()),
        ValueKind::Map(_) => {
            let text = ["text", "query", "sql", "raw"].iter().find_map(|key| value.get(key))?;
            sql_text(text)
        }
        ValueKind::Call(call) if is_tag(value) => match &call.receiver {
            Some(receiver) if last(&call.name) == "compile" => sql_text(receiver),
            _ => sql_text(call.positional(0)?),
        },
        _ => None,
    }
}

/// Puts numbers in place of `?`, and names in place of `??`, as Knex does also inside of literals.
fn with_bindings(text: &Text, bindings: Option<&Value>) -> Text {
    let mut next = 0;
    let by_name = bindings.is_some_and(|bindings| matches!(bindings.kind, ValueKind::Map(_)));
    replace(text, |rest, before, host| {
        if rest.starts_with("\\?") {
            return Some((2, Text::translated("?", host)));
        }
        if by_name && rest.starts_with(':') && before != Some(':') {
            let name = word(&rest[1..]);
            let value = bindings?.get(name)?;
            let behind = &rest[1 + name.len()..];
            let is_name =
                behind.starts_with(':') && !behind.starts_with("::") || behind.starts_with(":::");
            let len = 1 + name.len() + usize::from(is_name);
            next += usize::from(!is_name);
            return Some((len, bound(Some(value), is_name, next, host)));
        }
        if by_name || !rest.starts_with('?') {
            return None;
        }
        let is_name = rest.starts_with("??");
        let value = bindings.and_then(|all| match &all.kind {
            ValueKind::List(values) => values.get(next),
            _ => Some(all).filter(|_| next == 0),
        });
        next += 1;
        Some((1 + usize::from(is_name), bound(value, is_name, next, host)))
    })
}

fn bound(value: Option<&Value>, is_name: bool, number: usize, host: Span) -> Text {
    if !is_name {
        return Text::translated(format!("${number}"), host);
    }
    match value.and_then(Value::known_text) {
        Some(name) => {
            let parts: Vec<_> = name.split('.').map(quote_identifier).collect();
            Text::translated(parts.join("."), host)
        }
        None => Text::open("name", host),
    }
}

/// Leaves open what Sequelize replaces.
fn with_replacements(text: &Text, call: &CallValue) -> Text {
    let options = call.positional(1);
    if options.and_then(|options| options.get("replacements")).is_none() {
        return text.clone();
    }
    replace(text, |rest, before, host| {
        if rest.starts_with('?') {
            return Some((1, Text::open("value", host)));
        }
        let name = word(rest.strip_prefix(':').filter(|_| before != Some(':'))?);
        (!name.is_empty()).then(|| (1 + name.len(), Text::open(name, host)))
    })
}

/// Fills `{name}` in as node-pg-migrate does: a text is a name.
fn with_names(text: &Text, names: Option<&Value>) -> Text {
    let Some(names) = names.filter(|names| matches!(names.kind, ValueKind::Map(_))) else {
        return text.clone();
    };
    replace(text, |rest, _, host| {
        let name = word(rest.strip_prefix('{')?);
        if !rest[1 + name.len()..].starts_with('}') {
            return None;
        }
        let value = names.get(name)?;
        let text = match &value.kind {
            ValueKind::Text(text) => match text.known() {
                Some(name) => Text::translated(quote_identifier(&name), host),
                None => Text::open(name, host),
            },
            ValueKind::Number(number) => Text::translated(number.as_str(), host),
            _ => Text::open(name, host),
        };
        Some((2 + name.len(), text))
    })
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Replaces parts of a text: `find` is shown the rest from each place on and the character before it, and
/// returns how many bytes it replaces, and by what.
fn replace(
    text: &Text,
    mut find: impl FnMut(&str, Option<char>, Span) -> Option<(usize, Text)>,
) -> Text {
    let whole = text.shown();
    let mut out = Text::default();
    // Where the part begins, and how far what was replaced reaches.
    let (mut start, mut done) = (0, 0);
    for part in &text.parts {
        let end = start + part.text.len();
        if part.is_open {
            out.parts.push(part.clone());
            start = end;
            continue;
        }
        let (mut from, mut at) = (done.clamp(start, end), done.clamp(start, end));
        while let Some(c) = whole[at..end].chars().next() {
            let here = part.piece(at - start, at + c.len_utf8() - start);
            let here = here.map_or(part.host, |piece| piece.host);
            let before = whole[..at].chars().next_back().filter(|_| at > done);
            if let Some((len, text)) = find(&whole[at..], before, here) {
                out.append(part.slice(from - start, at - start));
                out.append(text);
                done = at + len;
                at = done.min(end);
                from = at;
            } else {
                at += c.len_utf8();
            }
        }
        out.append(part.slice(from - start, part.text.len()));
        start = end;
    }
    out
}

/// Returns whether a call of something unknown changes nothing in the database.
pub(super) fn is_harmless(call: &CallValue) -> bool {
    if let Some(of) = call.receiver.as_ref().and_then(Value::call)
        && is_harmless(of)
        && !changes_rows(call)
    {
        return true;
    }
    let module = call.name.split('.').next().unwrap_or_default();
    let is_tool = matches!(
        module,
        "console"
            | "Promise"
            | "process"
            | "JSON"
            | "Math"
            | "Object"
            | "Array"
            | "Number"
            | "String"
            | "Date"
            | "path"
            | "fs"
            | "require"
            | "logger"
            | "log"
            | "Error"
            | "Set"
            | "Map"
            | "crypto"
            | "uuid"
            | "parseInt"
            | "setTimeout"
            | "URL"
    );
    let is_database = call.receiver.is_none()
        && matches!(module, "knex" | "kysely" | "pgm" | "queryInterface" | "queryRunner");
    let is_question = matches!(
        last(&call.name),
        "hasTable"
            | "hasColumn"
            | "hasIndex"
            | "describeTable"
            | "tableExists"
            | "showIndex"
            | "showAllTables"
            | "getTable"
            | "getTables"
            | "getView"
            | "func"
            | "shorthands"
            | "select"
            | "first"
            | "pluck"
            | "from"
            | "where"
            | "release"
            | "connect"
            | "commit"
            | "rollback"
            | "startTransaction"
            | "commitTransaction"
            | "push"
            | "log"
            | "info"
            | "warn"
            | "error"
            | "debug"
            | "then"
            | "catch"
            | "finally"
            | "map"
            | "forEach"
            | "mapSeries"
            | "filter"
            | "includes"
            | "find"
            | "split"
            | "done"
            | "callback"
            | "super"
    );
    // `knex('users')` alone is a query that reads.
    (is_tool && call.receiver.is_none()) || is_question || (is_database && call.name == module)
}

/// Returns whether a call changes rows by a builder of queries.
pub(super) fn changes_rows(call: &CallValue) -> bool {
    matches!(
        last(&call.name),
        "insert"
            | "update"
            | "del"
            | "delete"
            | "upsert"
            | "merge"
            | "increment"
            | "decrement"
            | "batchInsert"
            | "onConflict"
            | "ignore"
            | "save"
            | "remove"
            | "insertInto"
            | "updateTable"
            | "deleteFrom"
            | "bulkInsert"
            | "bulkUpdate"
            | "bulkDelete"
            | "returning"
            | "values"
            | "into"
            | "create"
            | "bulkCreate"
            | "nativeInsert"
            | "nativeUpdate"
    ) || call.receiver.as_ref().and_then(Value::call).is_some_and(|of| changes_rows(of))
}
