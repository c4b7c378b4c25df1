//! Sequelize's `queryInterface` as the SQL that it sends.
//!
//! Source: Sequelize 6.37 for PostgreSQL; `tests/node.rs` compares this with what it sends.

use super::super::sql::{self, Name};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::{RUN_TIME, Translated, known, names};
use super::sequelize_column::{Attribute, attribute};
use crate::sql::tree::quote_identifier;

/// Returns what a method of `queryInterface` sends; nothing if it is none that is translated.
pub(super) fn call(call: &CallValue) -> Option<Translated> {
    let name = &call.name;
    let method = name.strip_prefix("queryInterface.");
    let method = method.or_else(|| name.strip_prefix("umzug.context."))?;
    let argument = |at: usize| call.positional(at);
    let host = call.span;
    let translated = |text: String| Text::translated(text, host);
    if call.receiver.is_some() || call.has_spread() {
        return Some(Err(RUN_TIME.to_owned()));
    }
    let text =
        match method {
            "createTable" => create_table(call),
            "addColumn" => add_column(call),
            "changeColumn" => change_column(call),
            "removeColumn" => table_name(argument(0)).and_then(|table| {
                let column = known(argument(1))?;
                Ok(format!("ALTER TABLE {} DROP COLUMN {}", in_public(table), quote(&column)))
            }),
            "renameColumn" => table_name(argument(0)).and_then(|table| {
                let (old, new) = (known(argument(1))?, known(argument(2))?);
                Ok(format!("ALTER TABLE {table} RENAME COLUMN {} TO {}", quote(&old), quote(&new)))
            }),
            "renameTable" => table_name(argument(0)).and_then(|table| {
                let new = table_name(argument(1))?;
                Ok(format!("ALTER TABLE {table} RENAME TO {}", quote(&new.name)))
            }),
            "dropTable" => table_name(argument(0)).and_then(|table| {
                let cascade = options(argument(1), &["cascade"])?;
                let cascade = if is_set(cascade, "cascade")? { " CASCADE" } else { "" };
                Ok(format!("DROP TABLE IF EXISTS {table}{cascade}"))
            }),
            "addIndex" => add_index(call),
            "removeIndex" => remove_index(call),
            "addConstraint" => add_constraint(call),
            "removeConstraint" => table_name(argument(0)).and_then(|table| {
                let name = known(argument(1))?;
                Ok(format!("ALTER TABLE {table} DROP CONSTRAINT {}", quote(&name)))
            }),
            "createSchema" => known(argument(0))
                .map(|name| format!("CREATE SCHEMA IF NOT EXISTS {}", quote(&name))),
            "dropSchema" => known(argument(0))
                .map(|name| format!("DROP SCHEMA IF EXISTS {} CASCADE", quote(&name))),
            _ => return None,
        };
    Some(text.map(|text| vec![translated(text)]))
}

fn quote(name: &str) -> String {
    quote_identifier(name).into_owned()
}

/// What options say that decides nothing about the statement.
const SILENT: &[&str] =
    &["transaction", "logging", "benchmark", "charset", "collate", "engine", "validate"];

/// Returns options, each of which is known to be understood.
fn options<'a>(value: Option<&'a Value>, names: &[&str]) -> Result<Option<&'a Value>, String> {
    match value.map(|value| &value.kind) {
        None | Some(ValueKind::Nothing) => Ok(None),
        Some(ValueKind::Map(pairs)) => {
            for (key, _) in pairs.iter() {
                let key = known(Some(key))?;
                if !names.contains(&key.as_str()) && !SILENT.contains(&key.as_str()) {
                    return Err(format!("its option `{key}` is not translated"));
                }
            }
            Ok(value)
        }
        Some(_) => Err(RUN_TIME.to_owned()),
    }
}

fn option<'a>(options: Option<&'a Value>, name: &str) -> Option<&'a Value> {
    options.and_then(|options| options.get(name)).filter(|value| !value.is_nothing())
}

fn is_set(options: Option<&Value>, name: &str) -> Result<bool, String> {
    let value = option(options, name).map(|value| value.truth().ok_or(RUN_TIME));
    Ok(value.transpose()?.unwrap_or(false))
}

/// Reads a table's name, or that with its schema.
pub(super) fn table_name(value: Option<&Value>) -> Result<Name, String> {
    match value {
        Some(both @ Value { kind: ValueKind::Map(_), .. }) => Ok(Name {
            schema: both.get("schema").map(|schema| known(Some(schema))).transpose()?,
            name: known(both.get("tableName"))?,
        }),
        value => Ok(Name { schema: None, name: known(value)? }),
    }
}

fn in_public(table: Name) -> Name {
    Name { schema: table.schema.or_else(|| Some("public".to_owned())), ..table }
}

fn create_table(call: &CallValue) -> Result<String, String> {
    let mut table = table_name(call.positional(0))?;
    let options = options(call.positional(2), &["schema"])?;
    if let Some(schema) = option(options, "schema") {
        table.schema = Some(known(Some(schema))?);
    }
    let Some(ValueKind::Map(pairs)) = call.positional(1).map(|value| &value.kind) else {
        return Err(RUN_TIME.to_owned());
    };
    let columns: Result<Vec<Attribute>, String> =
        pairs.iter().map(|(name, value)| attribute(&known(Some(name))?, value, &table)).collect();
    let columns = columns?;
    let mut out = String::new();
    columns.iter().filter_map(|column| column.make_type.as_ref()).for_each(|sql| {
        out.push_str(&format!("{sql};\n"));
    });
    let mut parts: Vec<String> = columns.iter().map(Attribute::definition).collect();
    let keys: Vec<String> =
        columns.iter().filter(|c| c.is_key).map(|column| quote(&column.name)).collect();
    if !keys.is_empty() {
        parts.push(format!("PRIMARY KEY ({})", keys.join(", ")));
    }
    out.push_str(&format!("CREATE TABLE IF NOT EXISTS {table} ({})", parts.join(", ")));
    for column in &columns {
        out.push_str(&column.comment_on(&table));
    }
    Ok(out)
}

fn add_column(call: &CallValue) -> Result<String, String> {
    let table = table_name(call.positional(0))?;
    let options = options(call.positional(3), &["ifNotExists"])?;
    let exists = if is_set(options, "ifNotExists")? { "IF NOT EXISTS " } else { "" };
    let value = call.positional(2).ok_or(RUN_TIME)?;
    let column = attribute(&known(call.positional(1))?, value, &table)?;
    let before = column.make_type.as_ref().map(|sql| format!("{sql};\n")).unwrap_or_default();
    let comment = column.comment_on(&table);
    let key = if column.is_key { " PRIMARY KEY" } else { "" };
    Ok(format!(
        "{before}ALTER TABLE {} ADD COLUMN {exists}{}{key}{comment}",
        in_public(table),
        column.definition()
    ))
}

fn change_column(call: &CallValue) -> Result<String, String> {
    let table = table_name(call.positional(0))?;
    options(call.positional(3), &[])?;
    let value = call.positional(2).ok_or(RUN_TIME)?;
    let column = attribute(&known(call.positional(1))?, value, &table)?;
    if column.make_type.is_some() || column.is_key || column.is_serial || column.comment.is_some() {
        return Err("such a change of a column is not translated".to_owned());
    }
    let name = quote(&column.name);
    if let Some(reference) = &column.reference {
        return Ok(format!("ALTER TABLE {table} ADD FOREIGN KEY ({name}){reference}"));
    }
    let null = if column.not_null { "SET" } else { "DROP" };
    let default = match &column.default {
        Some(default) => format!("SET DEFAULT {default}"),
        None => "DROP DEFAULT".to_owned(),
    };
    let start = format!("ALTER TABLE {table} ALTER COLUMN {name}");
    let mut parts = vec![format!("{start} {null} NOT NULL"), format!("{start} {default}")];
    if column.is_unique {
        parts.push(format!("ALTER TABLE {table} ADD UNIQUE ({name})"));
    }
    parts.push(format!("{start} TYPE {}", column.type_name));
    Ok(parts.join(";\n"))
}

/// Returns the name that Sequelize makes of a table and columns where all of it is in lower case.
fn made_name(table: &Name, columns: &[String]) -> Result<String, String> {
    let name = format!("{}_{}", table.name, columns.join("_"));
    let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    is_plain.then_some(name).ok_or_else(|| "the name that it gets is not translated".to_owned())
}

fn add_index(call: &CallValue) -> Result<String, String> {
    let table = table_name(call.positional(0))?;
    let known_names = ["fields", "name", "unique", "type", "concurrently", "using", "method"];
    let (columns, given) = match call.positional(1).map(|value| &value.kind) {
        Some(ValueKind::List(_)) => (call.positional(1), call.positional(2)),
        _ => (call.positional(1).and_then(|value| value.get("fields")), call.positional(1)),
    };
    let columns = names(columns)?;
    let options = options(given, &known_names)?;
    let name = match option(options, "name") {
        Some(name) => known(Some(name))?,
        None => made_name(&table, &columns)?,
    };
    let kind = option(options, "type").map(|kind| known(Some(kind))).transpose()?;
    let kind = kind.unwrap_or_default();
    if !kind.is_empty() && !kind.eq_ignore_ascii_case("unique") {
        return Err("its option `type` is not translated".to_owned());
    }
    let unique = if is_set(options, "unique")? || !kind.is_empty() { "UNIQUE " } else { "" };
    let concurrently = if is_set(options, "concurrently")? { "CONCURRENTLY " } else { "" };
    let method = option(options, "using").or_else(|| option(options, "method"));
    let method = method.map(|method| known(Some(method))).transpose()?;
    let method = method.map(|method| format!(" USING {method}")).unwrap_or_default();
    Ok(format!(
        "CREATE {unique}INDEX {concurrently}{} ON {table}{method} ({})",
        quote(&name),
        sql::names(&columns)
    ))
}

fn remove_index(call: &CallValue) -> Result<String, String> {
    let table = table_name(call.positional(0))?;
    if table.schema.is_some() {
        return Err("an index of a table in a schema is not translated".to_owned());
    }
    let options = options(call.positional(2), &["concurrently"])?;
    let concurrently = if is_set(options, "concurrently")? { "CONCURRENTLY " } else { "" };
    let name = match call.positional(1).and_then(Value::list) {
        Some(_) => made_name(&table, &names(call.positional(1))?)?,
        None => known(call.positional(1))?,
    };
    Ok(format!("DROP INDEX {concurrently}IF EXISTS {}", quote(&name)))
}

fn add_constraint(call: &CallValue) -> Result<String, String> {
    let table = table_name(call.positional(0))?;
    let (columns, given) = match call.positional(1).map(|value| &value.kind) {
        Some(ValueKind::List(_)) => (call.positional(1), call.positional(2)),
        _ => (call.positional(1).and_then(|value| value.get("fields")), call.positional(1)),
    };
    let columns = names(columns)?;
    let known_names = ["fields", "type", "name", "references", "onDelete", "onUpdate"];
    let options = options(given, &known_names)?;
    let list = sql::names(&columns);
    let (end, rest) = match known(option(options, "type"))?.to_ascii_lowercase().as_str() {
        "unique" => ("uk".to_owned(), format!("UNIQUE ({list})")),
        "primary key" => ("pk".to_owned(), format!("PRIMARY KEY ({list})")),
        "foreign key" => {
            let target = option(options, "references").ok_or(RUN_TIME)?;
            let other = table_name(target.get("table"))?;
            let key = match target.get("fields") {
                Some(fields) => names(Some(fields))?,
                None => names(target.get("field"))?,
            };
            let on = |key: &str, word: &str| -> Result<String, String> {
                let action = option(options, key).map(|action| known(Some(action))).transpose()?;
                let action = action.map(|action| action.to_ascii_uppercase());
                Ok(action.map(|action| format!(" ON {word} {action}")).unwrap_or_default())
            };
            let rest = format!(
                "FOREIGN KEY ({list}) REFERENCES {other} ({}){}{}",
                sql::names(&key),
                on("onUpdate", "UPDATE")?,
                on("onDelete", "DELETE")?
            );
            (format!("{}_fk", other.name), rest)
        }
        other => return Err(format!("a constraint of the type `{other}` is not translated")),
    };
    let name = match option(options, "name") {
        Some(name) => known(Some(name))?,
        None => format!("{}_{end}", made_name(&table, &columns)?),
    };
    Ok(format!("ALTER TABLE {table} ADD CONSTRAINT {} {rest}", quote(&name)))
}
