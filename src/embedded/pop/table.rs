//! `create_table`, and the columns of all calls.

use super::super::evaluate::Event;
use super::super::sql::{self, Column, Constraint, ConstraintKind, Name, Table};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::{Options, RUN_TIME, constraint, foreign_key, index, known};
use crate::source::Span;

/// The options of columns; the last two are for MySQL.
pub(super) const COLUMN_OPTIONS: &[&str] =
    &["primary", "size", "precision", "scale", "null", "default", "default_raw", "after", "first"];

/// A table that is being described.
struct Description {
    table: Table,
    indexes: Vec<Text>,
    foreign_keys: Vec<Constraint>,
    has_timestamps: bool,
}

/// Returns what `create_table` sends: the table, then its indexes.
pub(super) fn create(call: &CallValue, inner: Vec<Event>) -> Result<Vec<Text>, String> {
    let host = call.span;
    let name = known(call.positional(0))?;
    let options = Options::of(call.positional(1), &["timestamps"])?;
    let mut made = Description {
        table: Table {
            host,
            name: Name { schema: None, name },
            prefix: String::new(),
            if_not_exists: false,
            columns: Vec::new(),
            constraints: Vec::new(),
            suffix: String::new(),
        },
        indexes: Vec::new(),
        foreign_keys: Vec::new(),
        has_timestamps: match options.get("timestamps") {
            Some(value) => value.bool().ok_or(RUN_TIME)?,
            None => true,
        },
    };
    for event in inner {
        let call = event.call().filter(|_| event.doubt.is_none());
        made.call(call.ok_or("a line of its block is not read")?)?;
    }
    if made.has_timestamps {
        // Where only the first is there already, Fizz gives up before the second.
        if !made.has("created_at") {
            made.timestamp("created_at", host)?;
            if !made.has("updated_at") {
                made.timestamp("updated_at", host)?;
            }
        }
    }
    made.table.constraints.append(&mut made.foreign_keys);
    let mut out = vec![sql::create_table(&made.table)];
    out.append(&mut made.indexes);
    Ok(out)
}

impl Description {
    fn has(&self, name: &str) -> bool {
        self.table.columns.iter().any(|column| column.name == name)
    }

    fn call(&mut self, call: &CallValue) -> Result<(), String> {
        let host = call.span;
        match call.name.as_str() {
            "t.Column" => {
                let options = Options::of(call.positional(2), COLUMN_OPTIONS)?;
                let is_key = options.is_said("primary");
                let name = known(call.positional(0))?;
                let type_name = known(call.positional(1))?;
                self.add(column(name, &type_name, &options, is_key, host)?)?;
                if is_key {
                    let key = known(call.positional(0))?;
                    self.key(vec![key], host);
                }
                Ok(())
            }
            "t.Timestamp" => {
                let name = known(call.positional(0))?;
                self.timestamp(&name, host)
            }
            "t.Timestamps" => {
                self.timestamp("created_at", host)?;
                self.timestamp("updated_at", host)
            }
            "t.DisableTimestamps" => {
                self.has_timestamps = false;
                Ok(())
            }
            "t.PrimaryKey" => {
                let all = call.arguments.iter().map(|argument| known(Some(&argument.value)));
                let names: Vec<String> = all.collect::<Result<_, _>>()?;
                if names.len() < 2 {
                    return Err("`t.PrimaryKey` of one column is not known".to_owned());
                }
                self.key(names, host);
                Ok(())
            }
            "t.Index" => {
                let table = &self.table.name.name;
                let made = index(table, call.positional(0), call.positional(1), host)?;
                self.indexes.push(made);
                Ok(())
            }
            "t.ForeignKey" => {
                let (column, refs) = (call.positional(0), call.positional(1));
                // Its name is not sent: the server chooses one.
                let (_, key) =
                    foreign_key(&self.table.name.name, column, refs, call.positional(2))?;
                self.foreign_keys.push(constraint(None, key, host));
                Ok(())
            }
            other => Err(format!("`{other}` is not known")),
        }
    }

    fn key(&mut self, names: Vec<String>, host: Span) {
        let kind = ConstraintKind::PrimaryKey(names);
        self.table.constraints.push(Constraint {
            host,
            name: None,
            kind,
            deferrable: None,
            initially: None,
            not_valid: false,
        });
    }

    fn timestamp(&mut self, name: &str, host: Span) -> Result<(), String> {
        let options = Options { value: None };
        self.add(column(name.to_owned(), "timestamp", &options, false, host)?)
    }

    fn add(&mut self, column: Column) -> Result<(), String> {
        if self.has(&column.name) {
            return Err(format!("the column `{}` is there twice", column.name));
        }
        // `id` comes first, wherever it is written.
        let place = if column.name == "id" { 0 } else { self.table.columns.len() };
        self.table.columns.insert(place, column);
        Ok(())
    }
}

impl Options<'_> {
    /// Returns whether an option is there, whatever it says.
    fn is_said(&self, name: &str) -> bool {
        self.value.and_then(|value| value.get(name)).is_some()
    }
}

/// Returns a column as Fizz defines it for PostgreSQL.
pub(super) fn column(
    name: String,
    type_name: &str,
    options: &Options,
    is_key: bool,
    host: Span,
) -> Result<Column, String> {
    let type_name = match (is_key, type_name) {
        (false, _) | (true, "string" | "uuid") => type_of(type_name, options)?,
        (true, "integer" | "INT" | "int") => "SERIAL".to_owned(),
        (true, "bigint" | "BIGINT") => "BIGSERIAL".to_owned(),
        (true, _) => return Err(format!("`{type_name}` cannot be the type of a key")),
    };
    Ok(Column {
        host,
        name,
        type_name: Text::translated(type_name, host),
        default: default(options)?,
        generated: None,
        // Any value says that it may be null, `false` too.
        not_null: is_key || options.get("null").is_none(),
        constraints: Vec::new(),
    })
}

/// Returns the default: `default` stands between quotes as it is, `default_raw` without.
fn default(options: &Options) -> Result<Option<Text>, String> {
    let Some(raw) = options.get("default_raw") else {
        let Some(value) = options.get("default") else { return Ok(None) };
        let mut text = Text::translated("'", value.span);
        text.append(match &value.kind {
            ValueKind::Bool(value_is) => Text::translated(value_is.to_string(), value.span),
            ValueKind::Text(_) | ValueKind::Number(_) => value.as_text(),
            _ => return Err(RUN_TIME.to_owned()),
        });
        text.push("'", value.span);
        return Ok(Some(text));
    };
    if options.get("default").is_some() {
        return Err("it has two defaults".to_owned());
    }
    match &raw.kind {
        ValueKind::Text(text) => Ok(Some(text.clone())),
        _ => Err(RUN_TIME.to_owned()),
    }
}

/// Returns the type of PostgreSQL for one of Fizz; any other is sent as it stands.
fn type_of(name: &str, options: &Options) -> Result<String, String> {
    let number = |key| match options.get(key) {
        Some(Value { kind: ValueKind::Number(number), .. }) => Ok(Some(number.clone())),
        Some(_) => Err(RUN_TIME.to_owned()),
        None => Ok(None),
    };
    Ok(match name {
        "string" => format!("VARCHAR ({})", number("size")?.unwrap_or_else(|| "255".to_owned())),
        "uuid" => "UUID".to_owned(),
        "time" | "datetime" => "timestamp".to_owned(),
        "blob" | "[]byte" => "bytea".to_owned(),
        "float" | "decimal" => match (number("precision")?, number("scale")?) {
            (Some(precision), Some(scale)) => format!("DECIMAL({precision},{scale})"),
            (Some(precision), None) => format!("DECIMAL({precision})"),
            (None, _) => "DECIMAL".to_owned(),
        },
        "[]string" => "varchar[]".to_owned(),
        "[]float" => "decimal[]".to_owned(),
        "[]int" => "integer[]".to_owned(),
        "json" => "jsonb".to_owned(),
        other => other.to_owned(),
    })
}
