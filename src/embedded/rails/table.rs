//! `create_table`, and columns as calls describe them.

use super::super::Sent;
use super::super::evaluate::Event;
use super::super::sql::{self, Column, Constraint, ConstraintKind};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::raw;
use super::schema::{
    Operation, Reason, Statements, check_names, flag, index, reference, table_name, word,
};
use crate::source::Span;

/// What calls say of a column.
pub(super) const COLUMN: &[&str] =
    &["default", "null", "limit", "precision", "scale", "array", "enum_type"];

/// Reads a column.
pub(super) fn column(
    call: &CallValue,
    name: String,
    kind: &str,
    version: (u32, u32),
) -> Result<Column, Reason> {
    let type_name = column_type(call, kind, version)?;
    let default = call.named("default").map(|value| default(value, kind)).transpose()?.flatten();
    Ok(Column {
        host: call.span,
        name,
        type_name,
        default,
        generated: None,
        not_null: flag(call, "null")? == Some(false),
        constraints: Vec::new(),
    })
}

fn number(call: &CallValue, name: &str) -> Result<Option<u32>, Reason> {
    match call.named(name).map(|value| &value.kind) {
        None | Some(ValueKind::Nothing) => Ok(None),
        Some(ValueKind::Number(number)) => {
            number.parse().map(Some).map_err(|_| format!("`{name}:` is not a number"))
        }
        Some(_) => Err(format!("`{name}:` is known only at run time")),
    }
}

/// Returns a type as Rails writes it.
///
/// Not compared with a run of Rails: what decides is `type_to_sql` of its adapter for PostgreSQL.
pub(super) fn column_type(
    call: &CallValue,
    kind: &str,
    version: (u32, u32),
) -> Result<Text, Reason> {
    let (limit, precision, scale) =
        (number(call, "limit")?, number(call, "precision")?, number(call, "scale")?);
    let with = |name: &str, number: Option<u32>| match number {
        Some(number) => format!("{name}({number})"),
        None => name.to_owned(),
    };
    let name = match kind {
        "string" => with("character varying", limit),
        "text" | "binary" if limit.is_some() => {
            return Err("a limit of such a type depends on the version of Rails".to_owned());
        }
        "binary" => "bytea".to_owned(),
        "integer" => match limit {
            Some(1 | 2) => "smallint".to_owned(),
            None | Some(3 | 4) => "integer".to_owned(),
            Some(5..=8) => "bigint".to_owned(),
            Some(_) => return Err("Rails knows no integer of that many bytes".to_owned()),
        },
        "float" => "float".to_owned(),
        "decimal" | "numeric" => match (precision, scale) {
            (Some(precision), Some(scale)) => format!("{kind}({precision},{scale})"),
            (Some(precision), None) => format!("{kind}({precision})"),
            (None, None) => kind.to_owned(),
            (None, Some(_)) => return Err("Rails refuses a scale without a precision".to_owned()),
        },
        "datetime" | "timestamp" | "timestamptz" => {
            // Since Rails 7.0 a time has six digits unless the call says that it has none.
            let is_said = call.named("precision").is_some();
            let precision = precision.or((!is_said && version >= (7, 0)).then_some(6));
            match kind {
                "timestamptz" => with("timestamptz", precision),
                _ => with("timestamp", precision),
            }
        }
        "time" => with("time", precision),
        "interval" => with("interval", precision),
        "bit" => with("bit", limit),
        "bit_varying" => with("bit varying", limit),
        "enum" => return type_of_enum(call),
        _ if PLAIN.contains(&kind) => with(kind, limit),
        _ => return Err(format!("the type `{kind}` is not known")),
    };
    let array = if flag(call, "array")? == Some(true) { "[]" } else { "" };
    Ok(Text::translated(format!("{name}{array}"), call.span))
}

fn type_of_enum(call: &CallValue) -> Result<Text, Reason> {
    let name = table_name(call.named("enum_type"))?;
    let array = if flag(call, "array")? == Some(true) { "[]" } else { "" };
    Ok(Text::translated(format!("{name}{array}"), call.span))
}

/// Types that are called in Rails as in PostgreSQL.
const PLAIN: &[&str] = &[
    "text",
    "bigint",
    "boolean",
    "date",
    "json",
    "jsonb",
    "uuid",
    "hstore",
    "inet",
    "cidr",
    "macaddr",
    "citext",
    "ltree",
    "xml",
    "tsvector",
    "tsrange",
    "tstzrange",
    "daterange",
    "int4range",
    "int8range",
    "numrange",
    "money",
    "oid",
    "point",
    "line",
    "lseg",
    "box",
    "path",
    "polygon",
    "circle",
    "smallint",
];

/// Returns the expression of a default; nothing where there is none.
pub(super) fn default(value: &Value, kind: &str) -> Result<Option<Text>, Reason> {
    let host = value.span;
    let is_text = matches!(kind, "string" | "text" | "citext");
    let text = match &value.kind {
        ValueKind::Nothing => return Ok(None),
        ValueKind::Text(text) => {
            sql::literal(&text.known().ok_or("a default is known only at run time")?)
        }
        ValueKind::Number(number) if is_text => sql::literal(number),
        ValueKind::Number(number) => number.clone(),
        ValueKind::Bool(true) => "TRUE".to_owned(),
        ValueKind::Bool(false) => "FALSE".to_owned(),
        ValueKind::Map(pairs) if pairs.is_empty() => "'{}'".to_owned(),
        ValueKind::List(values) if values.is_empty() => match kind {
            "json" | "jsonb" => "'[]'".to_owned(),
            _ => "'{}'".to_owned(),
        },
        // An expression stands in a lambda.
        ValueKind::Call(call) if call.name == "this.->" => {
            return match call.positional(0).map(|value| &value.kind) {
                Some(ValueKind::Text(text)) => Ok(Some(text.clone())),
                _ => Err("a default is known only at run time".to_owned()),
            };
        }
        _ => return Err("a default is known only at run time".to_owned()),
    };
    Ok(Some(Text::translated(text, host)))
}

/// Translates `create_table` with what its block does; nothing where a call is another one.
pub(super) fn sent(call: &CallValue, inner: &[Event], version: (u32, u32)) -> Option<Sent> {
    let reason = match call.name.as_str() {
        "this.create_table" => match create(&Operation { call, version }, inner) {
            Ok(statements) => return Some(Sent::statements(call.span, statements)),
            Err(reason) => reason,
        },
        "this.change_table" | "this.create_join_table" => {
            format!("`{}` is not translated", call.name.trim_start_matches("this."))
        }
        _ => return None,
    };
    Some(Sent::gap(call.span, reason))
}

struct Making {
    table: sql::Table,
    name: String,
    indexes: Vec<Text>,
    version: (u32, u32),
}

fn create(operation: &Operation, inner: &[Event]) -> Statements {
    let (call, version) = (operation.call, operation.version);
    operation.check_version()?;
    check_names(call, &["id", "primary_key", "force", "if_not_exists", "comment"])?;
    if call.named("comment").is_some() {
        return Err("`comment:` is not translated".to_owned());
    }
    let host = call.span;
    let name = table_name(call.positional(0))?;
    let mut making = Making {
        table: sql::Table {
            host,
            name: name.clone(),
            prefix: String::new(),
            if_not_exists: flag(call, "if_not_exists")? == Some(true),
            columns: Vec::new(),
            constraints: Vec::new(),
            suffix: String::new(),
        },
        name: word(call.positional(0))?,
        indexes: Vec::new(),
        version,
    };
    making.table.columns.extend(key(call, host)?);
    for event in inner {
        making.event(event)?;
    }
    let mut statements = Vec::new();
    match call.named("force") {
        None => {}
        Some(value) if value.bool() == Some(false) || value.is_nothing() => {}
        Some(value) => {
            let is_cascade = value.known_text().as_deref() == Some("cascade");
            let cascade = if is_cascade { " CASCADE" } else { "" };
            statements
                .push(Text::translated(format!("DROP TABLE IF EXISTS {name}{cascade}"), host));
        }
    }
    statements.push(sql::create_table(&making.table));
    statements.extend(making.indexes);
    Ok(statements)
}

/// Returns the column of the primary key.
fn key(call: &CallValue, host: Span) -> Result<Option<Column>, Reason> {
    let kind = match call.named("id").map(|value| &value.kind) {
        Some(ValueKind::Bool(false)) => return Ok(None),
        None | Some(ValueKind::Bool(true)) => "bigserial".to_owned(),
        Some(ValueKind::Text(text)) => match text.known().as_deref() {
            Some("primary_key" | "bigint") => "bigserial".to_owned(),
            Some("integer" | "serial") => "serial".to_owned(),
            Some(kind @ ("uuid" | "bigserial")) => kind.to_owned(),
            Some("string") => "character varying".to_owned(),
            _ => return Err("`id:` is not one that is translated".to_owned()),
        },
        _ => return Err("`id:` is not one that is translated".to_owned()),
    };
    let name = match call.named("primary_key") {
        Some(name) if name.list().is_none() => word(Some(name))?,
        Some(_) => return Err("a primary key of several columns is not translated".to_owned()),
        None => "id".to_owned(),
    };
    let is_uuid = kind == "uuid";
    Ok(Some(Column {
        host,
        name,
        type_name: Text::translated(kind, host),
        default: is_uuid.then(|| Text::translated("gen_random_uuid()", host)),
        generated: Some(Text::translated("NOT NULL PRIMARY KEY", host)),
        not_null: false,
        constraints: Vec::new(),
    }))
}

impl Making {
    fn event(&mut self, event: &Event) -> Result<(), Reason> {
        let is_of_table = |call: &CallValue| call.name.starts_with("table.");
        if event.is_part() && !event.call().is_some_and(|call| is_of_table(call)) {
            return Ok(());
        }
        if let Some(doubt) = event.doubt {
            return Err(format!("of a part of it, {}", doubt.why));
        }
        let call = event.call().ok_or("a part of it is written in a way that is not read")?;
        let Some(kind) = call.name.strip_prefix("table.").filter(|_| call.receiver.is_none())
        else {
            return match raw::is_harmless(call) {
                true => Ok(()),
                false => Err(format!("`{}` in it is not translated", super::last(&call.name))),
            };
        };
        match kind {
            "index" => {
                self.indexes.push(index(call, &self.name, call.positional(0))?);
                Ok(())
            }
            "references" | "belongs_to" => self.references(call),
            "timestamps" => {
                check_names(call, &["null", "default", "precision"])?;
                for name in ["created_at", "updated_at"] {
                    let mut made = column(call, name.to_owned(), "datetime", self.version)?;
                    made.not_null = flag(call, "null")? != Some(true);
                    self.table.columns.push(made);
                }
                Ok(())
            }
            "column" => {
                let kind = word(call.positional(1))?;
                self.columns(call, &kind, call.positional(0).into_iter())
            }
            _ => {
                let names = call.arguments.iter().filter(|argument| argument.name.is_none());
                self.columns(call, kind, names.map(|argument| &argument.value))
            }
        }
    }

    fn columns<'v>(
        &mut self,
        call: &CallValue,
        kind: &str,
        names: impl Iterator<Item = &'v Value>,
    ) -> Result<(), Reason> {
        check_names(call, &[COLUMN, &["index"]].concat())?;
        for name in names {
            let name = word(Some(name))?;
            self.table.columns.push(column(call, name.clone(), kind, self.version)?);
            match call.named("index") {
                None => {}
                Some(value) if value.bool() == Some(false) => {}
                Some(value) => self.index_of(call, &name, value)?,
            }
        }
        Ok(())
    }

    /// Reads the `index:` of a column.
    fn index_of(&mut self, call: &CallValue, name: &str, options: &Value) -> Result<(), Reason> {
        let arguments = match &options.kind {
            ValueKind::Bool(true) => Vec::new(),
            ValueKind::Map(pairs) => {
                let pairs = pairs.iter().map(|(key, value)| {
                    let name = key.known_text().ok_or("`index:` is known only at run time")?;
                    let value = value.clone();
                    Ok(super::super::value::ArgumentValue {
                        name: Some(name),
                        value,
                        is_spread: false,
                    })
                });
                pairs.collect::<Result<Vec<_>, Reason>>()?
            }
            _ => return Err("`index:` is known only at run time".to_owned()),
        };
        let of = CallValue::new(call.span, "table.index".to_owned(), None, arguments);
        let of = of.ok_or("`index:` holds too much")?;
        let column =
            Value { span: call.span, kind: ValueKind::Text(Text::translated(name, call.span)) };
        self.indexes.push(index(&of, &self.name, Some(&column))?);
        Ok(())
    }

    fn references(&mut self, call: &CallValue) -> Result<(), Reason> {
        check_names(call, &["type", "null", "default", "index", "foreign_key"])?;
        for name in call.arguments.iter().filter(|argument| argument.name.is_none()) {
            let name = word(Some(&name.value))?;
            let found = reference(call, &self.name, &name, self.version)?;
            self.table.columns.push(found.column);
            self.indexes.extend(found.index);
            self.table.constraints.extend(found.foreign_key.map(|(name, key)| Constraint {
                host: call.span,
                name: Some(name),
                kind: ConstraintKind::ForeignKey(key),
                deferrable: None,
                initially: None,
                not_valid: false,
            }));
        }
        Ok(())
    }
}
