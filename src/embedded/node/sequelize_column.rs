//! Columns of Sequelize.

use super::super::sql::{Name, literal};
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::{RUN_TIME, known, names};
use super::last;
use super::sequelize::table_name;
use crate::sql::tree::quote_identifier;

/// A column.
pub(super) struct Attribute {
    pub(super) name: String,
    pub(super) type_name: String,
    /// What makes its enum type unless it is there.
    pub(super) make_type: Option<String>,
    pub(super) not_null: bool,
    pub(super) default: Option<String>,
    pub(super) is_unique: bool,
    pub(super) is_key: bool,
    pub(super) is_serial: bool,
    pub(super) reference: Option<String>,
    pub(super) comment: Option<String>,
}

impl Attribute {
    /// Returns its definition, without the primary key.
    pub(super) fn definition(&self) -> String {
        let null = if self.not_null && !self.is_serial { " NOT NULL" } else { "" };
        let default = self.default.as_ref().map(|default| format!(" DEFAULT {default}"));
        let unique = if self.is_unique { " UNIQUE" } else { "" };
        format!(
            "{} {}{null}{}{unique}{}",
            quote_identifier(&self.name),
            self.type_name,
            default.unwrap_or_default(),
            self.reference.as_deref().unwrap_or_default()
        )
    }

    /// Returns what is sent behind the statement for its comment.
    pub(super) fn comment_on(&self, table: &Name) -> String {
        let Some(comment) = &self.comment else { return String::new() };
        let name = quote_identifier(&self.name);
        format!(";\nCOMMENT ON COLUMN {table}.{name} IS {}", literal(comment))
    }
}

/// Reads a column: its type, or options.
pub(super) fn attribute(name: &str, value: &Value, table: &Name) -> Result<Attribute, String> {
    let options = match &value.kind {
        ValueKind::Map(pairs) => &pairs[..],
        _ => &[],
    };
    let wanted = match &value.kind {
        ValueKind::Map(_) => value.get("type").ok_or(RUN_TIME)?,
        _ => value,
    };
    let mut column = Attribute {
        name: name.to_owned(),
        type_name: String::new(),
        make_type: None,
        not_null: false,
        default: None,
        is_unique: false,
        is_key: false,
        is_serial: false,
        reference: None,
        comment: None,
    };
    let mut on = [String::new(), String::new()];
    for (key, value) in options {
        let is_set = || value.truth().ok_or_else(|| RUN_TIME.to_owned());
        let key = known(Some(key))?;
        match key.as_str() {
            "type" | "validate" | "get" | "set" => {}
            "field" => column.name = known(Some(value))?,
            "allowNull" => column.not_null = !is_set()?,
            "defaultValue" => column.default = default(value)?,
            "unique" => column.is_unique = is_set()?,
            "primaryKey" => column.is_key = is_set()?,
            "autoIncrement" => column.is_serial = is_set()?,
            "comment" => column.comment = Some(known(Some(value))?),
            "references" => column.reference = Some(reference(value)?),
            "onDelete" => on[0] = action(value, "DELETE")?,
            "onUpdate" => on[1] = action(value, "UPDATE")?,
            other => return Err(format!("`{other}` of a column is not translated")),
        }
    }
    if let Some(reference) = &mut column.reference {
        on.iter().for_each(|part| reference.push_str(part));
    }
    column.type_name = match enum_labels(wanted) {
        Some(labels) => {
            let labels: Vec<String> = labels?.iter().map(|label| literal(label)).collect();
            let schema = table.schema.as_deref().unwrap_or("public");
            let made = format!("enum_{}_{}", table.name, column.name);
            let made = Name { schema: Some(schema.to_owned()), name: made };
            let make = format!("CREATE TYPE {made} AS ENUM({})", labels.join(", "));
            let body = format!("BEGIN {make}; EXCEPTION WHEN duplicate_object THEN null; END");
            column.make_type = Some(format!("DO {}", literal(&body)));
            made.to_string()
        }
        None => type_name(wanted)?,
    };
    if column.is_serial {
        column.type_name = match column.type_name.as_str() {
            "INTEGER" => "SERIAL".to_owned(),
            "BIGINT" => "BIGSERIAL".to_owned(),
            "SMALLINT" => "SMALLSERIAL".to_owned(),
            other => return Err(format!("`{other}` that counts by itself is not translated")),
        };
    }
    Ok(column)
}

fn action(value: &Value, word: &str) -> Result<String, String> {
    if value.is_nothing() {
        return Ok(String::new());
    }
    Ok(format!(" ON {word} {}", known(Some(value))?.to_ascii_uppercase()))
}

fn reference(value: &Value) -> Result<String, String> {
    let ValueKind::Map(pairs) = &value.kind else { return Err(RUN_TIME.to_owned()) };
    for (key, _) in pairs.iter() {
        let key = known(Some(key))?;
        if !matches!(key.as_str(), "model" | "key") {
            return Err(format!("`{key}` of a foreign key is not translated"));
        }
    }
    let table = table_name(value.get("model"))?;
    let key = value.get("key").map_or(Ok("id".to_owned()), |key| known(Some(key)))?;
    Ok(format!(" REFERENCES {table} ({})", quote_identifier(&key)))
}

/// Returns what stands behind `DEFAULT`; nothing where Sequelize itself makes the value.
fn default(value: &Value) -> Result<Option<String>, String> {
    let text = match &value.kind {
        ValueKind::Text(_) => literal(&known(Some(value))?),
        ValueKind::Number(number) => number.clone(),
        ValueKind::Bool(value) => value.to_string(),
        ValueKind::Nothing => "NULL".to_owned(),
        ValueKind::Map(pairs) if pairs.is_empty() => "'{}'".to_owned(),
        ValueKind::Path(path) if matches!(last(path), "UUIDV1" | "UUIDV4" | "NOW") => {
            return Ok(None);
        }
        ValueKind::Call(call) => match last(&call.name) {
            "literal" => known(call.positional(0))?,
            "fn" if call.arguments.len() == 1 => format!("{}()", known(call.positional(0))?),
            _ => return Err("a default is known only at run time".to_owned()),
        },
        _ => return Err("a default is known only at run time".to_owned()),
    };
    Ok(Some(text))
}

/// Returns the name of a type of Sequelize with its arguments.
fn parts(value: &Value) -> Option<(&str, Option<&CallValue>)> {
    let (path, call) = match &value.kind {
        ValueKind::Path(path) => (path, None),
        ValueKind::Call(call) if call.receiver.is_none() => (&call.name, Some(&**call)),
        _ => return None,
    };
    let is_sequelize = ["Sequelize.", "sequelize.", "DataTypes."];
    let path = is_sequelize.iter().find_map(|start| path.strip_prefix(start))?;
    Some((last(path.strip_suffix(".UNSIGNED").unwrap_or(path)), call))
}

fn enum_labels(value: &Value) -> Option<Result<Vec<String>, String>> {
    let (name, call) = parts(value)?;
    if name != "ENUM" {
        return None;
    }
    let Some(call) = call else { return Some(Err(RUN_TIME.to_owned())) };
    Some(match call.positional(0).and_then(Value::list) {
        Some(_) => names(call.positional(0)),
        None => call.arguments.iter().map(|argument| known(Some(&argument.value))).collect(),
    })
}

fn type_name(value: &Value) -> Result<String, String> {
    if let ValueKind::Text(_) = &value.kind {
        return known(Some(value));
    }
    let (name, call) = parts(value).ok_or("the type of a column is known only at run time")?;
    let numbers = || -> Result<Vec<String>, String> {
        let number = |value: &Value| match &value.kind {
            ValueKind::Number(number) => Ok(number.clone()),
            _ => Err(RUN_TIME.to_owned()),
        };
        let all = call.into_iter().flat_map(|call| &call.arguments);
        all.map(|argument| number(&argument.value)).collect()
    };
    let sized = |word: &str| -> Result<String, String> {
        let numbers = numbers()?;
        Ok(if numbers.is_empty() {
            word.to_owned()
        } else {
            format!("{word}({})", numbers.join(","))
        })
    };
    match name {
        "STRING" => Ok(format!("VARCHAR({})", numbers()?.first().map_or("255", String::as_str))),
        "CHAR" => Ok(format!("CHAR({})", numbers()?.first().map_or("255", String::as_str))),
        "DECIMAL" | "NUMERIC" => sized("DECIMAL"),
        "ARRAY" => {
            let inner = call.and_then(|call| call.positional(0)).ok_or(RUN_TIME)?;
            Ok(format!("{}[]", type_name(inner)?))
        }
        _ if call.is_some_and(|call| !call.arguments.is_empty()) && name != "TEXT" => {
            Err(format!("the type `{name}` with arguments is not translated"))
        }
        "INTEGER" | "BIGINT" | "SMALLINT" | "TEXT" | "BOOLEAN" | "UUID" | "JSON" | "JSONB"
        | "TIME" | "FLOAT" | "REAL" | "CITEXT" | "INET" | "CIDR" | "MACADDR" | "TSVECTOR"
        | "HSTORE" => Ok(name.to_owned()),
        "DOUBLE" => Ok("DOUBLE PRECISION".to_owned()),
        "DATE" => Ok("TIMESTAMP WITH TIME ZONE".to_owned()),
        "DATEONLY" => Ok("DATE".to_owned()),
        "BLOB" => Ok("BYTEA".to_owned()),
        other => Err(format!("the type `{other}` is not translated")),
    }
}
