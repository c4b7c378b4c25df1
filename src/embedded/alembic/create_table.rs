//! `op.create_table`: a table with all that SQLAlchemy makes with it.

use super::super::sql::{self, Constraint, ConstraintKind};
use super::super::text::Text;
use super::super::value::Value;
use super::schema::{Made, Operation, Statements, column_comment, unique};
use super::table::{
    Column, Reason, column, column_index, constraint, index, is, is_late, names, text_or_nothing,
    with_options,
};
use super::types::EnumType;
use crate::source::Span;
use crate::sql::tree::quote_identifier;

impl Operation<'_> {
    pub(super) fn create_table(&self, made: &mut Made) -> Statements {
        self.check_names(&[
            "table_name",
            "schema",
            "comment",
            "if_not_exists",
            "prefixes",
            "keep_existing",
            "extend_existing",
            "quote",
            "implicit_returning",
            "listeners",
            "postgresql_partition_by",
            "postgresql_inherits",
            "postgresql_with",
            "postgresql_tablespace",
            "postgresql_using",
        ])?;
        let host = self.call.span;
        let name = self.table(0)?;
        let mut columns = Vec::new();
        let mut constraints: Vec<Constraint> = Vec::new();
        let mut explicit = Vec::new();
        let items = self.call.arguments.iter().filter(|argument| argument.name.is_none()).skip(1);
        for item in items.map(|argument| &argument.value) {
            let call = item.call().ok_or("a part of the table is known only at run time")?;
            if is(call, "Column") {
                columns.push(column(item)?);
            } else if is(call, "Index") {
                let keys =
                    call.arguments.iter().filter(|a| a.name.is_none()).skip(1).map(|a| &a.value);
                let index_name = call.argument(0, "name").and_then(Value::known_text);
                let index_name =
                    index_name.ok_or("the name of an index is known only at run time")?;
                explicit.push(index(call, index_name, name.clone(), keys.collect())?);
            } else if !is_late(call) {
                let found = constraint(call)?;
                constraints
                    .push(found.ok_or_else(|| format!("`{}` in it is not translated", call.name))?);
            }
        }
        let key = primary_key(&mut columns, &mut constraints, host);
        count_up(&mut columns, &key);
        let mut statements = Vec::new();
        for column in &columns {
            for found in &column.enums {
                statements.extend(create_enum(found, made, column.sql.host)?);
            }
        }
        constraints.sort_by_key(|found| !matches!(found.kind, ConstraintKind::PrimaryKey(_)));
        for column in &mut columns {
            constraints.append(&mut column.foreign_keys);
            constraints.extend(unique(column));
        }
        let table = sql::Table {
            host,
            name: name.clone(),
            prefix: self.prefixes()?,
            if_not_exists: self.flag("if_not_exists") == Some(true),
            columns: columns.iter().map(|column| column.sql.clone()).collect(),
            constraints,
            suffix: self.suffix()?,
        };
        statements.push(sql::create_table(&table));
        let indexed = columns.iter().filter(|column| column.is_indexed);
        statements.extend(indexed.map(|column| sql::create_index(&column_index(&name, column))));
        statements.extend(explicit.iter().map(sql::create_index));
        if let Some(comment) = text_or_nothing(self.call.named("comment"))? {
            statements.push(sql::comment(&format!("TABLE {name}"), Some(&comment), host));
        }
        statements.extend(columns.iter().filter_map(|column| column_comment(&name, column)));
        Ok(statements)
    }

    fn prefixes(&self) -> Result<String, Reason> {
        match self.call.named("prefixes") {
            Some(prefixes) => Ok(names(Some(prefixes))?.join(" ")),
            None => Ok(String::new()),
        }
    }

    fn suffix(&self) -> Result<String, Reason> {
        let mut parts = Vec::new();
        if let Some(parent) = self.call.named("postgresql_inherits") {
            let parents = match parent.known_text() {
                Some(parent) => vec![parent],
                None => names(Some(parent))?,
            };
            parts.push(format!("INHERITS ({})", sql::names(&parents)));
        }
        if let Some(by) = text_or_nothing(self.call.named("postgresql_partition_by"))? {
            parts.push(format!("PARTITION BY {by}"));
        }
        if let Some(method) = text_or_nothing(self.call.named("postgresql_using"))? {
            parts.push(format!("USING {method}"));
        }
        if let Some(with) = self.call.named("postgresql_with") {
            parts.push(with_options(with)?);
        }
        if let Some(tablespace) = text_or_nothing(self.call.named("postgresql_tablespace"))? {
            parts.push(format!("TABLESPACE {}", quote_identifier(&tablespace)));
        }
        Ok(parts.join(" "))
    }
}

/// Makes one primary key of what columns and constraints say; returns its columns.
fn primary_key(
    columns: &mut [Column],
    constraints: &mut Vec<Constraint>,
    host: Span,
) -> Vec<String> {
    let explicit = constraints.iter().find_map(|found| match &found.kind {
        ConstraintKind::PrimaryKey(columns) if !columns.is_empty() => Some(columns.clone()),
        _ => None,
    });
    let key = explicit.clone().unwrap_or_else(|| {
        let keys = columns.iter().filter(|column| column.is_primary_key);
        keys.map(|column| column.sql.name.clone()).collect()
    });
    for column in columns.iter_mut().filter(|column| key.contains(&column.sql.name)) {
        let is_identity = column.sql.generated.is_some() && column.serial.is_none();
        column.sql.not_null |= !column.has_nullable && !is_identity;
    }
    constraints.retain(
        |found| !matches!(&found.kind, ConstraintKind::PrimaryKey(columns) if columns.is_empty()),
    );
    if explicit.is_none() && !key.is_empty() {
        let kind = ConstraintKind::PrimaryKey(key.clone());
        let made = Constraint {
            host,
            name: None,
            kind,
            deferrable: None,
            initially: None,
            not_valid: false,
        };
        constraints.insert(0, made);
    }
    key
}

/// Lets the column of a primary key count by itself, as SQLAlchemy does where nothing is against it.
fn count_up(columns: &mut [Column], key: &[String]) {
    let is_alone = key.len() == 1;
    let mut found = columns.iter_mut().filter(|column| {
        let is_free = column.foreign_keys.is_empty() && column.sql.default.is_none();
        key.contains(&column.sql.name)
            && column.serial.is_some()
            && match column.autoincrement {
                Some(wanted) => wanted && column.sql.default.is_none(),
                None => is_alone && is_free && column.sql.generated.is_none(),
            }
    });
    if let Some(column) = found.next() {
        count(column);
    }
}

pub(super) fn count(column: &mut Column) {
    if let Some(serial) = column.serial {
        column.sql.type_name = Text::translated(serial, column.sql.host);
    }
}

/// Returns `CREATE TYPE`, unless it was made before or the type says that it is made elsewhere.
fn create_enum(found: &EnumType, made: &mut Made, host: Span) -> Result<Option<Text>, Reason> {
    let key = (found.name.schema.clone(), found.name.name.clone());
    if !found.is_created || !made.enums.insert(key) {
        return Ok(None);
    }
    let labels = found.labels.as_ref().ok_or("the labels of an enum are known only at run time")?;
    let labels: Vec<String> = labels.iter().map(|label| sql::literal(label)).collect();
    let text = format!("CREATE TYPE {} AS ENUM ({})", found.name, labels.join(", "));
    Ok(Some(Text::translated(text, host)))
}
