//! Columns, constraints and indexes of SQLAlchemy's `Table`.

use super::super::sql::{self, Constraint, ConstraintKind, ForeignKey, Index, Name};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::types::{
    EnumType, column_or_expression, column_type, condition, default, number, of_sqlalchemy,
};
use crate::source::Span;

/// Why a call is not translated.
pub(super) type Reason = String;

/// A column, and what comes with it.
pub(super) struct Column {
    pub sql: sql::Column,
    pub enums: Vec<EnumType>,
    pub is_primary_key: bool,
    /// Whether it says itself whether it may be null.
    pub has_nullable: bool,
    /// Whether it may count by itself, and as what.
    pub serial: Option<&'static str>,
    pub autoincrement: Option<bool>,
    pub is_unique: bool,
    pub is_indexed: bool,
    pub foreign_keys: Vec<Constraint>,
    /// Those that making the table leaves out, because they say `use_alter`.
    pub late_foreign_keys: Vec<Constraint>,
    pub comment: Option<String>,
}

/// Reads `Column(...)`.
pub(super) fn column(value: &Value) -> Result<Column, Reason> {
    let call = value.call().filter(|call| is(call, "Column"));
    let call = call.ok_or("a column is made elsewhere")?;
    if call.has_spread() {
        return Err("the arguments of a column are known only at run time".to_owned());
    }
    check_names(
        call,
        &[
            "name",
            "type_",
            "nullable",
            "primary_key",
            "server_default",
            "unique",
            "index",
            "autoincrement",
            "comment",
            "default",
            "onupdate",
            "server_onupdate",
            "key",
            "quote",
            "doc",
            "system",
            "insert_default",
        ],
    )?;
    let name = call.argument(0, "name").and_then(Value::known_text);
    let name = name.ok_or("the name of a column is known only at run time")?;
    let flag = |name| call.named(name).and_then(Value::bool);
    let mut positional =
        call.arguments.iter().filter(|a| a.name.is_none()).map(|a| &a.value).skip(1);
    let mut items: Vec<&Value> = Vec::new();
    let type_value = call.named("type_").or_else(|| {
        let first = positional.next()?;
        if is_item(first) {
            items.push(first);
            return None;
        }
        Some(first)
    });
    items.extend(positional);
    let found = type_value.map(column_type).ok_or("a column has no type")?;
    let is_primary_key = flag("primary_key") == Some(true);
    let mut made = Column {
        sql: sql::Column {
            host: call.span,
            name,
            type_name: found.text,
            default: None,
            generated: None,
            not_null: !flag("nullable").unwrap_or(!is_primary_key),
            constraints: Vec::new(),
        },
        enums: found.enums,
        is_primary_key,
        has_nullable: flag("nullable").is_some(),
        serial: found.serial,
        autoincrement: flag("autoincrement"),
        is_unique: flag("unique") == Some(true),
        is_indexed: flag("index") == Some(true),
        foreign_keys: Vec::new(),
        late_foreign_keys: Vec::new(),
        comment: text_or_nothing(call.named("comment"))?,
    };
    items.extend(call.named("server_default"));
    for item in items {
        column_item(&mut made, item, flag("nullable"))?;
    }
    if matches!(call.named("default").and_then(Value::call), Some(call) if is(call, "Sequence")) {
        return Err("a sequence gives a column its values".to_owned());
    }
    Ok(made)
}

/// Returns whether a value is a part of a column beside its type.
fn is_item(value: &Value) -> bool {
    value.call().is_some_and(|call| {
        [
            "ForeignKey",
            "Identity",
            "Computed",
            "CheckConstraint",
            "Sequence",
            "FetchedValue",
            "DefaultClause",
        ]
        .iter()
        .any(|name| is(call, name))
    })
}

fn column_item(column: &mut Column, item: &Value, nullable: Option<bool>) -> Result<(), Reason> {
    let name = item.call().filter(|call| call.receiver.is_none());
    let name = name.and_then(|call| of_sqlalchemy(&call.name));
    match (name, item.call()) {
        (Some("ForeignKey"), Some(call)) => {
            let target = call.argument(0, "column").and_then(Value::known_text);
            let target = target.ok_or("what a foreign key refers to is known only at run time")?;
            let columns = vec![column.sql.name.clone()];
            let key = foreign_key(call, columns, &[target])?;
            if is_late(call) {
                column.late_foreign_keys.push(key);
            } else {
                column.foreign_keys.push(key);
            }
        }
        (Some("Identity"), Some(call)) => {
            column.sql.generated = Some(Text::translated(identity(call), call.span));
            // It is not null as it is; that it may be must be said.
            column.sql.not_null = false;
            if nullable == Some(true) {
                column
                    .sql
                    .generated
                    .as_mut()
                    .into_iter()
                    .for_each(|text| text.push(" NULL", call.span));
            }
            column.serial = None;
        }
        (Some("Computed"), Some(call)) => {
            let expression = call.argument(0, "sqltext").and_then(condition);
            let expression = expression.ok_or("a computed column is put together at run time")?;
            let mut text = Text::translated("GENERATED ALWAYS AS (", call.span);
            text.append(expression);
            let is_virtual = call.argument(1, "persisted").and_then(Value::bool) == Some(false);
            text.push(if is_virtual { ") VIRTUAL" } else { ") STORED" }, call.span);
            column.sql.generated = Some(text);
        }
        (Some("CheckConstraint"), Some(call)) => column.sql.constraints.push(check(call)?),
        (Some("FetchedValue"), Some(_)) => {}
        (Some("DefaultClause"), Some(call)) => {
            column.sql.default = call.positional(0).map(default);
        }
        (Some("Sequence"), Some(_)) => {
            return Err("a sequence gives a column its values".to_owned());
        }
        _ if item.is_nothing() => {}
        _ => column.sql.default = Some(default(item)),
    }
    Ok(())
}

fn identity(call: &CallValue) -> String {
    let value = |place, name| call.argument(place, name);
    let is_always = value(0, "always").and_then(Value::bool) == Some(true);
    let numbers = [
        ("INCREMENT BY", value(3, "increment")),
        ("START WITH", value(2, "start")),
        ("MINVALUE", value(4, "minvalue")),
        ("MAXVALUE", value(5, "maxvalue")),
        ("CACHE", value(9, "cache")),
    ];
    let mut options: Vec<String> = numbers
        .into_iter()
        .filter_map(|(word, value)| Some(format!("{word} {}", number(value?)?)))
        .collect();
    match value(8, "cycle").and_then(Value::bool) {
        Some(true) => options.push("CYCLE".to_owned()),
        Some(false) => options.push("NO CYCLE".to_owned()),
        None => {}
    }
    let kind = if is_always { "ALWAYS" } else { "BY DEFAULT" };
    let options =
        if options.is_empty() { String::new() } else { format!(" ({})", options.join(" ")) };
    format!("GENERATED {kind} AS IDENTITY{options}")
}

/// Reads a constraint of a table; nothing where it is something else.
pub(super) fn constraint(call: &CallValue) -> Result<Option<Constraint>, Reason> {
    let made = match of_sqlalchemy(&call.name) {
        Some("PrimaryKeyConstraint") => {
            bare(call, ConstraintKind::PrimaryKey(columns_of(call)?), name_of(call)?)
        }
        Some("UniqueConstraint") => {
            let columns = columns_of(call)?;
            if call.named("postgresql_nulls_not_distinct").is_some() {
                return Err(
                    "`postgresql_nulls_not_distinct` of a constraint is not translated".to_owned()
                );
            }
            bare(call, ConstraintKind::Unique(columns), name_of(call)?)
        }
        Some("CheckConstraint") => check(call)?,
        Some("ForeignKeyConstraint") => {
            let columns = names(call.argument(0, "columns"))?;
            let targets = names(call.argument(1, "refcolumns"))?;
            foreign_key(call, columns, &targets)?
        }
        _ => return Ok(None),
    };
    Ok(Some(made))
}

/// Returns whether a foreign key is left out where a table is made with it.
pub(super) fn is_late(call: &CallValue) -> bool {
    call.named("use_alter").and_then(Value::bool) == Some(true)
}

/// Makes a constraint with what all kinds can say.
pub(super) fn bare(call: &CallValue, kind: ConstraintKind, name: Option<String>) -> Constraint {
    let flag = |name| call.named(name).and_then(Value::bool);
    Constraint {
        host: call.span,
        name,
        kind,
        deferrable: flag("deferrable"),
        initially: call.named("initially").and_then(Value::known_text),
        not_valid: flag("postgresql_not_valid") == Some(true),
    }
}

fn check(call: &CallValue) -> Result<Constraint, Reason> {
    let expression = call.argument(0, "sqltext").and_then(condition);
    let expression = expression.ok_or("the condition of a check is put together at run time")?;
    Ok(bare(call, ConstraintKind::Check(expression), name_of(call)?))
}

fn foreign_key(
    call: &CallValue,
    columns: Vec<String>,
    targets: &[String],
) -> Result<Constraint, Reason> {
    let mut table = None;
    let mut referenced = Vec::new();
    for target in targets {
        let mut parts = target.rsplitn(3, '.');
        let (Some(column), name) = (parts.next(), parts.next()) else { continue };
        match name {
            Some(name) => {
                table =
                    Some(Name { schema: parts.next().map(str::to_owned), name: name.to_owned() });
                referenced.push(column.to_owned());
            }
            None => table = Some(Name { schema: None, name: column.to_owned() }),
        }
    }
    let table = table.ok_or("what a foreign key refers to is known only at run time")?;
    let phrase = |name| text_or_nothing(call.named(name));
    let key = ForeignKey {
        columns,
        table,
        referenced,
        matches: phrase("match")?,
        on_delete: phrase("ondelete")?,
        on_update: phrase("onupdate")?,
    };
    Ok(bare(call, ConstraintKind::ForeignKey(key), name_of(call)?))
}

fn columns_of(call: &CallValue) -> Result<Vec<String>, Reason> {
    let plain = call.arguments.iter().filter(|argument| argument.name.is_none());
    plain
        .map(|argument| argument.value.known_text().filter(|_| !argument.is_spread))
        .collect::<Option<_>>()
        .ok_or("the columns of a constraint are known only at run time".to_owned())
}

fn name_of(call: &CallValue) -> Result<Option<String>, Reason> {
    text_or_nothing(call.named("name"))
}

/// Returns a text that may be left out.
pub(super) fn text_or_nothing(value: Option<&Value>) -> Result<Option<String>, Reason> {
    match value {
        None => Ok(None),
        Some(value) if value.is_nothing() => Ok(None),
        Some(value) => match value.known_text() {
            Some(text) => Ok(Some(text)),
            None => Err("a name in it is known only at run time".to_owned()),
        },
    }
}

/// Returns a list of names.
pub(super) fn names(value: Option<&Value>) -> Result<Vec<String>, Reason> {
    let values = value.and_then(Value::list);
    values
        .and_then(|values| values.iter().map(Value::known_text).collect())
        .ok_or("a list of columns is known only at run time".to_owned())
}

/// Refuses arguments that would be left out of the translation.
pub(super) fn check_names(call: &CallValue, known: &[&str]) -> Result<(), Reason> {
    let is_for_others = |name: &str| {
        ["sqlite_", "mysql_", "mariadb_", "oracle_", "mssql_", "existing_"]
            .iter()
            .any(|p| name.starts_with(p))
            || matches!(name, "info" | "_constraints_included")
    };
    let unknown = call
        .arguments
        .iter()
        .filter_map(|argument| argument.name.as_deref())
        .find(|name| !known.contains(name) && !is_for_others(name));
    match unknown {
        Some(name) => Err(format!("its argument `{name}` is not translated")),
        None => Ok(()),
    }
}

/// Reads what `Index(...)` and `create_index` have in common.
pub(super) fn index(
    call: &CallValue,
    name: String,
    table: Name,
    keys: Vec<&Value>,
) -> Result<Index, Reason> {
    let flag = |name| call.named(name).and_then(Value::bool) == Some(true);
    let operators = call.named("postgresql_ops");
    let mut written = Vec::new();
    for key in keys {
        let mut text = column_or_expression(key)
            .ok_or("a key of the index is an expression that is not read")?;
        let operator = key.known_text().and_then(|name| operators?.get(&name)?.known_text());
        if let Some(operator) = operator {
            text.push(format!(" {operator}"), key.span);
        }
        written.push(text);
    }
    let mut options = String::new();
    match call.named("postgresql_nulls_not_distinct").and_then(Value::bool) {
        Some(true) => options.push_str(" NULLS NOT DISTINCT"),
        Some(false) => options.push_str(" NULLS DISTINCT"),
        None => {}
    }
    if let Some(with) = call.named("postgresql_with") {
        options.push_str(&format!(" {}", with_options(with)?));
    }
    if let Some(tablespace) = text_or_nothing(call.named("postgresql_tablespace"))? {
        options
            .push_str(&format!(" TABLESPACE {}", crate::sql::tree::quote_identifier(&tablespace)));
    }
    let filter = match call.named("postgresql_where") {
        Some(value) if !value.is_nothing() => Some(
            condition(value)
                .ok_or("the condition of the index is an expression that is not read")?,
        ),
        _ => None,
    };
    let include = match call.named("postgresql_include") {
        Some(value) if !value.is_nothing() => names(Some(value))?,
        _ => Vec::new(),
    };
    Ok(Index {
        host: call.span,
        name,
        table,
        is_unique: flag("unique"),
        is_concurrent: flag("postgresql_concurrently"),
        if_not_exists: flag("if_not_exists"),
        method: text_or_nothing(call.named("postgresql_using"))?.map(|m| m.to_ascii_lowercase()),
        keys: written,
        include,
        options,
        condition: filter,
    })
}

/// Returns storage parameters.
pub(super) fn with_options(value: &Value) -> Result<String, Reason> {
    let ValueKind::Map(pairs) = &value.kind else {
        return Err("storage parameters are known only at run time".to_owned());
    };
    let option = |(key, value): &(Value, Value)| {
        let value = number(value)
            .or_else(|| value.known_text())
            .or_else(|| value.bool().map(|b| b.to_string()));
        Some(format!("{} = {}", key.known_text()?, value?))
    };
    let options: Option<Vec<String>> = pairs.iter().map(option).collect();
    let options = options.ok_or("storage parameters are known only at run time")?;
    Ok(format!("WITH ({})", options.join(", ")))
}

/// Returns whether a call makes that thing of SQLAlchemy.
pub(super) fn is(call: &CallValue, name: &str) -> bool {
    call.receiver.is_none() && of_sqlalchemy(&call.name) == Some(name)
}

/// Makes the index that a column asks for, under the name that SQLAlchemy gives it.
pub(super) fn column_index(table: &Name, column: &Column) -> Index {
    let schema = table.schema.as_ref().map(|schema| format!("{schema}_")).unwrap_or_default();
    let name = &column.sql.name;
    let host: Span = column.sql.host;
    Index {
        host,
        name: format!("ix_{schema}{}_{name}", table.name),
        table: table.clone(),
        is_unique: column.is_unique,
        is_concurrent: false,
        if_not_exists: false,
        method: None,
        keys: vec![Text::translated(crate::sql::tree::quote_identifier(name).into_owned(), host)],
        include: Vec::new(),
        options: String::new(),
        condition: None,
    }
}
