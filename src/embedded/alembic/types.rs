//! Types, defaults and expressions of SQLAlchemy as its PostgreSQL dialect writes them.
//!
//! Source: `PGTypeCompiler` and `PGDDLCompiler` of SQLAlchemy 2.1.

use super::super::sql::{Name, literal};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use crate::sql::tree::quote_identifier;

/// A type of a column.
pub(super) struct ColumnType {
    /// As it is written.
    pub text: Text,
    /// The enum types that it needs.
    pub enums: Vec<EnumType>,
    /// What makes it count by itself: `SERIAL` and the like.
    pub serial: Option<&'static str>,
}

/// An enum type.
pub(super) struct EnumType {
    /// Its name.
    pub name: Name,
    /// Its labels; nothing where they are not literals.
    pub labels: Option<Vec<String>>,
    /// Whether making a table makes it.
    pub is_created: bool,
}

/// Returns the last part of the name of something in SQLAlchemy.
pub(super) fn of_sqlalchemy(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("sqlalchemy.").or_else(|| path.strip_prefix("sqlmodel."))?;
    rest.rsplit('.').next()
}

/// Returns name and arguments of a type, a function or the like.
fn parts(value: &Value) -> Option<(&str, Option<&CallValue>)> {
    match &value.kind {
        ValueKind::Path(path) => Some((of_sqlalchemy(path)?, None)),
        ValueKind::Call(call) if call.receiver.is_none() => {
            Some((of_sqlalchemy(&call.name)?, Some(call)))
        }
        _ => None,
    }
}

/// Reads a type. One that is not known stays open: the table is known all the same.
pub(super) fn column_type(value: &Value) -> ColumnType {
    let plain = |text: String| ColumnType {
        text: Text::translated(text, value.span),
        enums: Vec::new(),
        serial: None,
    };
    if let ValueKind::Call(call) = &value.kind
        && call.name == "with_variant"
        && let Some(receiver) = &call.receiver
    {
        let is_ours = call.argument(1, "dialect_name").and_then(Value::known_text);
        return match (is_ours.as_deref(), call.argument(0, "type_")) {
            (Some("postgresql"), Some(variant)) => column_type(variant),
            (Some(_), _) => column_type(receiver),
            _ => open(value),
        };
    }
    let Some((name, call)) = parts(value) else { return open(value) };
    let number = |place, name| call.and_then(|call| call.argument(place, name)).and_then(number);
    let flag = |place, name| {
        call.and_then(|call| call.argument(place, name)).and_then(Value::bool).unwrap_or(false)
    };
    let sized = |word: &str, size: Option<String>| match size {
        Some(size) => format!("{word}({size})"),
        None => word.to_owned(),
    };
    let text = match name {
        "Integer" | "INTEGER" | "INT" => "INTEGER".to_owned(),
        "BigInteger" | "BIGINT" => "BIGINT".to_owned(),
        "SmallInteger" | "SMALLINT" => "SMALLINT".to_owned(),
        "String" | "VARCHAR" | "Unicode" | "AutoString" => {
            format!("{}{}", sized("VARCHAR", number(0, "length")), collation(call))
        }
        "Text" | "TEXT" | "UnicodeText" => {
            format!("{}{}", sized("TEXT", number(0, "length")), collation(call))
        }
        "CHAR" => format!("{}{}", sized("CHAR", number(0, "length")), collation(call)),
        "Numeric" | "NUMERIC" | "DECIMAL" => {
            let word = if name == "DECIMAL" { "DECIMAL" } else { "NUMERIC" };
            match (number(0, "precision"), number(1, "scale")) {
                (Some(precision), Some(scale)) => format!("{word}({precision}, {scale})"),
                (precision, _) => sized(word, precision),
            }
        }
        "Float" | "FLOAT" => sized("FLOAT", number(0, "precision").filter(|size| size != "0")),
        "Double" | "DOUBLE" | "DOUBLE_PRECISION" => "DOUBLE PRECISION".to_owned(),
        "REAL" => "REAL".to_owned(),
        "Boolean" | "BOOLEAN" => "BOOLEAN".to_owned(),
        "Date" | "DATE" => "DATE".to_owned(),
        "DateTime" | "DATETIME" | "TIMESTAMP" | "Time" | "TIME" => {
            let word = if name.starts_with(['D', 'd']) || name == "TIMESTAMP" {
                "TIMESTAMP"
            } else {
                "TIME"
            };
            let zone = if flag(0, "timezone") { "WITH" } else { "WITHOUT" };
            format!("{} {zone} TIME ZONE", sized(word, number(1, "precision")))
        }
        "Interval" => match number(1, "second_precision") {
            Some(precision) => format!("INTERVAL ({precision})"),
            None => "INTERVAL".to_owned(),
        },
        "INTERVAL" => {
            let fields =
                call.and_then(|call| call.argument(1, "fields")).and_then(Value::known_text);
            let fields = fields.map(|fields| format!(" {fields}")).unwrap_or_default();
            let precision = number(0, "precision").map(|size| format!(" ({size})"));
            format!("INTERVAL{fields}{}", precision.unwrap_or_default())
        }
        "LargeBinary" | "BYTEA" | "PickleType" => "BYTEA".to_owned(),
        "BLOB" => "BLOB".to_owned(),
        "Uuid"
            if call.is_some_and(|call| {
                call.named("native_uuid").and_then(Value::bool) == Some(false)
            }) =>
        {
            "CHAR(32)".to_owned()
        }
        "Uuid" | "UUID" => "UUID".to_owned(),
        "BIT" => {
            let varying = if flag(1, "varying") { "BIT VARYING" } else { "BIT" };
            // Without a length it is one bit long.
            match number(0, "length") {
                None if varying == "BIT" => "BIT(1)".to_owned(),
                length => sized(varying, length),
            }
        }
        "JSON" | "JSONB" | "JSONPATH" | "INET" | "CIDR" | "CITEXT" | "MACADDR" | "MACADDR8"
        | "MONEY" | "OID" | "REGCLASS" | "REGCONFIG" | "HSTORE" | "TSVECTOR" | "TSQUERY"
        | "INT4RANGE" | "INT8RANGE" | "NUMRANGE" | "DATERANGE" | "TSRANGE" | "TSTZRANGE"
        | "INT4MULTIRANGE" | "INT8MULTIRANGE" | "NUMMULTIRANGE" | "DATEMULTIRANGE"
        | "TSMULTIRANGE" | "TSTZMULTIRANGE" => name.to_owned(),
        "ARRAY" => return array(value, call),
        "Enum" | "ENUM" => return enumeration(value, call),
        _ => return open(value),
    };
    let serial = match name {
        "Integer" | "INTEGER" | "INT" => Some("SERIAL"),
        "BigInteger" | "BIGINT" => Some("BIGSERIAL"),
        "SmallInteger" | "SMALLINT" => Some("SMALLSERIAL"),
        _ => None,
    };
    ColumnType { serial, ..plain(text) }
}

fn open(value: &Value) -> ColumnType {
    let name = match &value.kind {
        ValueKind::Path(path) => path.as_str(),
        ValueKind::Call(call) => call.name.as_str(),
        _ => "type",
    };
    ColumnType { text: Text::open(name, value.span), enums: Vec::new(), serial: None }
}

fn collation(call: Option<&CallValue>) -> String {
    let name = call.and_then(|call| call.argument(1, "collation")).and_then(Value::known_text);
    name.map(|name| format!(" COLLATE \"{name}\"")).unwrap_or_default()
}

fn array(value: &Value, call: Option<&CallValue>) -> ColumnType {
    let Some(item) = call.and_then(|call| call.argument(0, "item_type")) else {
        return open(value);
    };
    let ColumnType { mut text, enums, .. } = column_type(item);
    let dimensions = call.and_then(|call| call.named("dimensions")).and_then(number);
    let dimensions = dimensions.and_then(|count| count.parse().ok()).unwrap_or(1);
    text.push("[]".repeat(usize::min(dimensions, 6)), item.span);
    ColumnType { text, enums, serial: None }
}

/// Reads an enum type.
pub(super) fn enum_type(call: &CallValue) -> Option<EnumType> {
    let is_enum = of_sqlalchemy(&call.name).is_some_and(|name| matches!(name, "Enum" | "ENUM"));
    if call.receiver.is_some() || !is_enum {
        return None;
    }
    let name = call.named("name")?.known_text()?;
    let schema = match call.named("schema") {
        Some(schema) if !schema.is_nothing() => Some(schema.known_text()?),
        _ => None,
    };
    let plain = call.arguments.iter().filter(|argument| argument.name.is_none());
    let labels: Option<Vec<String>> =
        plain.map(|argument| argument.value.known_text().filter(|_| !argument.is_spread)).collect();
    let is_created = call.named("create_type").and_then(Value::bool) != Some(false);
    Some(EnumType { name: Name { schema, name }, labels, is_created })
}

fn enumeration(value: &Value, call: Option<&CallValue>) -> ColumnType {
    let is_native =
        |call: &CallValue| call.named("native_enum").and_then(Value::bool) != Some(false);
    let Some(call) = call.filter(|call| is_native(call)) else { return open(value) };
    match enum_type(call) {
        Some(found) => ColumnType {
            text: Text::translated(found.name.to_string(), value.span),
            enums: vec![found],
            serial: None,
        },
        None => open(value),
    }
}

/// Returns a number as it is spelled.
pub(super) fn number(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Number(number) => Some(number.replace('_', "")),
        _ => None,
    }
}

/// Returns what stands behind `DEFAULT`; nothing for what the server decides.
pub(super) fn default(value: &Value) -> Text {
    match &value.kind {
        ValueKind::Text(text) => match text.known() {
            Some(text) => Text::translated(literal(&text), value.span),
            None => Text::open("default", value.span),
        },
        _ => expression(value).unwrap_or_else(|| Text::open("default", value.span)),
    }
}

/// Returns an expression of SQLAlchemy as SQL.
pub(super) fn expression(value: &Value) -> Option<Text> {
    let translated = |text: String| Some(Text::translated(text, value.span));
    match &value.kind {
        ValueKind::Call(call) => {
            if let Some(receiver) = &call.receiver {
                let word = match call.name.as_str() {
                    "desc" => " DESC",
                    "asc" => " ASC",
                    "nulls_first" | "nullsfirst" => " NULLS FIRST",
                    "nulls_last" | "nullslast" => " NULLS LAST",
                    _ => return None,
                };
                let mut inner = expression(receiver)?;
                inner.push(word, value.span);
                return Some(inner);
            }
            let name = of_sqlalchemy(&call.name)?;
            if call.name.rsplit('.').nth(1) == Some("func") {
                return function(name, call);
            }
            match name {
                "text" | "literal_column" | "DDL" => match &call.argument(0, "text")?.kind {
                    ValueKind::Text(text) => {
                        Some(text.clone().without(|c, rest| c == '\\' && rest.starts_with(':')))
                    }
                    _ => None,
                },
                "true" | "false" | "null" => translated(name.to_owned()),
                "column" => translated(
                    quote_identifier(&call.argument(0, "text")?.known_text()?).into_owned(),
                ),
                "literal" => constant(call.argument(0, "value")?)
                    .map(|text| Text::translated(text, value.span)),
                "desc" | "asc" => {
                    let mut inner = column_or_expression(call.positional(0)?)?;
                    inner.push(if name == "desc" { " DESC" } else { " ASC" }, value.span);
                    Some(inner)
                }
                _ => None,
            }
        }
        _ => None,
    }
}

/// Returns a call of a function of the server.
fn function(name: &str, call: &CallValue) -> Option<Text> {
    // These are no functions in SQL.
    let is_word = matches!(
        name.to_ascii_lowercase().as_str(),
        "current_date"
            | "current_time"
            | "current_timestamp"
            | "current_user"
            | "localtime"
            | "localtimestamp"
            | "session_user"
            | "user"
    );
    if is_word && call.arguments.is_empty() {
        return Some(Text::translated(name.to_ascii_uppercase(), call.span));
    }
    let mut out = Text::translated(format!("{}(", quote_identifier(name)), call.span);
    for (at, argument) in call.arguments.iter().enumerate() {
        if at > 0 {
            out.push(", ", call.span);
        }
        if argument.name.is_some() || argument.is_spread {
            return None;
        }
        match constant(&argument.value) {
            Some(constant) => out.push(constant, argument.value.span),
            None => out.append(expression(&argument.value)?),
        }
    }
    out.push(")", call.span);
    Some(out)
}

/// Returns a constant as SQL.
pub(super) fn constant(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Text(_) => value.known_text().map(|text| literal(&text)),
        ValueKind::Number(_) => number(value),
        ValueKind::Bool(value) => Some(value.to_string()),
        ValueKind::Nothing => Some("NULL".to_owned()),
        _ => None,
    }
}

/// Returns a column, by its name, or an expression.
pub(super) fn column_or_expression(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::Text(_) => {
            let name = value.known_text()?;
            Some(Text::translated(quote_identifier(&name).into_owned(), value.span))
        }
        _ => expression(value),
    }
}

/// Returns a condition: a text, or an expression.
pub(super) fn condition(value: &Value) -> Option<Text> {
    match &value.kind {
        ValueKind::Text(text) => Some(text.clone()),
        _ => expression(value),
    }
}
