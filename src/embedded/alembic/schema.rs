//! The calls of `op`, and of the object that `op.batch_alter_table` gives, as the SQL that they send.

use std::collections::HashSet;

use super::super::Sent;
use super::super::sql::{self, Constraint, ConstraintKind, ForeignKey, Name, alter_table};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::create_table::count;
use super::table::{
    Column, Reason, bare, check_names, column, column_index, index, is, names, text_or_nothing,
};
use super::types::{ColumnType, column_or_expression, column_type, condition, constant, default};
use crate::sql::tree::quote_identifier;

/// What has been made so far in one direction of a revision.
#[derive(Default)]
pub(super) struct Made {
    /// The enum types: making a second table with one does not make it again.
    pub(super) enums: HashSet<(Option<String>, String)>,
}

/// Translates a call; nothing where it is none that sends something.
pub(super) fn sent(call: &CallValue, made: &mut Made) -> Option<Sent> {
    let operation = Operation::of(call)?;
    let result = if call.has_spread() {
        Err("some of its arguments are known only at run time".to_owned())
    } else {
        operation.statements(made)
    };
    Some(match result {
        Ok(statements) => Sent::statements(call.span, statements),
        Err(reason) if operation.name == "bulk_insert" => Sent::minor_gap(call.span, reason),
        Err(reason) => Sent::gap(call.span, reason),
    })
}

/// A call whose table may be that of the batch around it.
pub(super) struct Operation<'a> {
    pub(super) call: &'a CallValue,
    name: &'a str,
    /// The call that opened the batch.
    batch: Option<&'a CallValue>,
}

pub(super) type Statements = Result<Vec<Text>, Reason>;

impl<'a> Operation<'a> {
    fn of(call: &'a CallValue) -> Option<Self> {
        if let Some(name) = call.name.strip_prefix("alembic.op.")
            && call.receiver.is_none()
        {
            let is_silent = matches!(
                name,
                "get_bind"
                    | "get_context"
                    | "batch_alter_table"
                    | "f"
                    | "inline_literal"
                    | "implementation_for"
            );
            return (!is_silent).then_some(Self { call, name, batch: None });
        }
        let receiver = call.receiver.as_ref()?.call()?;
        if receiver.name == "alembic.op.batch_alter_table" {
            let is_silent = matches!(call.name.as_str(), "get_bind" | "f" | "get_context");
            return (!is_silent).then_some(Self { call, name: &call.name, batch: Some(receiver) });
        }
        None
    }

    fn statements(&self, made: &mut Made) -> Statements {
        if let Some(batch) = self.batch
            && batch
                .argument(2, "recreate")
                .is_some_and(|r| r.known_text().as_deref() == Some("always"))
        {
            return Err("the batch makes the table anew".to_owned());
        }
        match self.name {
            "create_table" => self.create_table(made),
            "drop_table" => {
                self.check_names(&["table_name", "schema", "if_exists"])?;
                let exists = self.word("if_exists", "IF EXISTS ");
                self.one(format!("DROP TABLE {exists}{}", self.table(0)?))
            }
            "rename_table" => {
                self.check_names(&["old_table_name", "new_table_name", "schema"])?;
                let old = Name { schema: self.schema(2)?, name: self.text(0, "old_table_name")? };
                let new = self.text(1, "new_table_name")?;
                self.alter(&old, format!("RENAME TO {}", quote_identifier(&new)))
            }
            "add_column" => self.add_column(),
            "drop_column" => {
                self.check_names(&[
                    "table_name",
                    "column_name",
                    "schema",
                    "if_exists",
                    "mssql_drop_default",
                ])?;
                let exists = self.word("if_exists", "IF EXISTS ");
                let name = self.text(1, "column_name")?;
                self.alter(
                    &self.table(0)?,
                    format!("DROP COLUMN {exists}{}", quote_identifier(&name)),
                )
            }
            "alter_column" => self.alter_column(),
            "create_index" => self.create_index(),
            "drop_index" => {
                self.check_names(&[
                    "index_name",
                    "table_name",
                    "schema",
                    "if_exists",
                    "postgresql_concurrently",
                ])?;
                // The table is not needed, only its schema.
                let schema = match self.batch {
                    Some(_) => self.table(1)?.schema,
                    None => text_or_nothing(self.call.named("schema"))?,
                };
                let name = Name { schema, name: self.text(0, "index_name")? };
                let concurrently = self.word("postgresql_concurrently", "CONCURRENTLY ");
                let exists = self.word("if_exists", "IF EXISTS ");
                self.one(format!("DROP INDEX {concurrently}{exists}{name}"))
            }
            "create_unique_constraint" => {
                self.check_names(&[
                    "constraint_name",
                    "table_name",
                    "columns",
                    "schema",
                    "deferrable",
                    "initially",
                ])?;
                let columns = names(self.at(2, "columns"))?;
                self.add_constraint(1, ConstraintKind::Unique(columns))
            }
            "create_primary_key" => {
                self.check_names(&["constraint_name", "table_name", "columns", "schema"])?;
                let columns = names(self.at(2, "columns"))?;
                self.add_constraint(1, ConstraintKind::PrimaryKey(columns))
            }
            "create_check_constraint" => {
                self.check_names(&[
                    "constraint_name",
                    "table_name",
                    "condition",
                    "schema",
                    "deferrable",
                    "initially",
                    "postgresql_not_valid",
                ])?;
                let expression = self.at(2, "condition").and_then(condition);
                let expression =
                    expression.ok_or("the condition is an expression that is not read")?;
                self.add_constraint(1, ConstraintKind::Check(expression))
            }
            "create_foreign_key" => self.create_foreign_key(),
            "drop_constraint" => {
                self.check_names(&[
                    "constraint_name",
                    "table_name",
                    "type_",
                    "schema",
                    "if_exists",
                ])?;
                let exists = self.word("if_exists", "IF EXISTS ");
                let name = self.text(0, "constraint_name")?;
                self.alter(
                    &self.table(1)?,
                    format!("DROP CONSTRAINT {exists}{}", quote_identifier(&name)),
                )
            }
            "create_table_comment" => {
                self.check_names(&["table_name", "comment", "schema"])?;
                let comment = text_or_nothing(self.at(1, "comment"))?;
                let what = format!("TABLE {}", self.table(0)?);
                Ok(vec![sql::comment(&what, comment.as_deref(), self.call.span)])
            }
            "drop_table_comment" => {
                self.check_names(&["table_name", "schema"])?;
                let what = format!("TABLE {}", self.table(0)?);
                Ok(vec![sql::comment(&what, None, self.call.span)])
            }
            "bulk_insert" => self.bulk_insert(),
            name => Err(format!("`{name}` is not translated")),
        }
    }

    pub(super) fn check_names(&self, known: &[&str]) -> Result<(), Reason> {
        check_names(self.call, known)
    }

    /// Returns an argument; in a batch there is none for the table.
    fn at(&self, place: usize, name: &str) -> Option<&'a Value> {
        let table_place = match self.name {
            "create_index"
            | "drop_index"
            | "create_unique_constraint"
            | "create_primary_key"
            | "create_check_constraint"
            | "create_foreign_key"
            | "drop_constraint" => 1,
            _ => 0,
        };
        match self.batch {
            Some(_) if place > table_place => self.call.argument(place - 1, name),
            _ => self.call.argument(place, name),
        }
    }

    fn text(&self, place: usize, name: &str) -> Result<String, Reason> {
        let text = self.at(place, name).and_then(Value::known_text);
        text.ok_or_else(|| format!("its `{name}` is known only at run time"))
    }

    fn schema(&self, place: usize) -> Result<Option<String>, Reason> {
        let named = self.call.named("schema");
        text_or_nothing(
            named.or_else(|| self.call.positional(place).filter(|_| place < usize::MAX)),
        )
    }

    /// Returns the table, whose name stands at a place.
    pub(super) fn table(&self, place: usize) -> Result<Name, Reason> {
        if let Some(batch) = self.batch {
            let name = batch.argument(0, "table_name").and_then(Value::known_text);
            let name = name.ok_or("the table of the batch is known only at run time")?;
            return Ok(Name { schema: text_or_nothing(batch.argument(1, "schema"))?, name });
        }
        let name = self.text(place, "table_name")?;
        Ok(Name { schema: self.schema(usize::MAX)?, name })
    }

    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        self.call.named(name).and_then(Value::bool)
    }

    fn word(&self, name: &str, word: &'static str) -> &'static str {
        if self.flag(name) == Some(true) { word } else { "" }
    }

    fn one(&self, text: String) -> Statements {
        Ok(vec![Text::translated(text, self.call.span)])
    }

    fn alter(&self, table: &Name, change: String) -> Statements {
        let change = Text::translated(change, self.call.span);
        Ok(vec![alter_table(table, self.call.span, change)])
    }

    fn add_column(&self) -> Statements {
        self.check_names(&[
            "table_name",
            "column",
            "schema",
            "if_not_exists",
            "insert_before",
            "insert_after",
        ])?;
        let table = self.table(0)?;
        let column_value = self.at(1, "column").ok_or("its column is known only at run time")?;
        let mut column = column(column_value)?;
        let host = self.call.span;
        let mut change = Text::translated("ADD COLUMN ", host);
        change.push(self.word("if_not_exists", "IF NOT EXISTS "), host);
        // Alone it is no primary key, whatever it says.
        if column.is_primary_key && column.serial.is_some() && column.autoincrement != Some(false) {
            count(&mut column);
        }
        change.append(sql::column(&column.sql));
        let mut statements = vec![alter_table(&table, host, change)];
        let keys = column.foreign_keys.iter().chain(&column.late_foreign_keys).cloned();
        let constraints = keys.chain(unique(&column));
        statements.extend(constraints.map(|found| add_constraint(&table, &found)));
        if column.is_indexed {
            statements.push(sql::create_index(&column_index(&table, &column)));
        }
        statements.extend(column_comment(&table, &column));
        Ok(statements)
    }

    fn alter_column(&self) -> Statements {
        self.check_names(&[
            "table_name",
            "column_name",
            "nullable",
            "comment",
            "server_default",
            "new_column_name",
            "type_",
            "schema",
            "postgresql_using",
            "autoincrement",
            "insert_before",
            "insert_after",
        ])?;
        let host = self.call.span;
        let table = self.table(0)?;
        let name = self.text(1, "column_name")?;
        let quoted = quote_identifier(&name).into_owned();
        let mut statements = Vec::new();
        let mut change = |text: Text| statements.push(alter_table(&table, host, text));
        if let Some(value) = self.call.named("type_").filter(|value| !value.is_nothing()) {
            let ColumnType { text, .. } = column_type(value);
            let mut to = Text::translated(format!("ALTER COLUMN {quoted} TYPE "), host);
            to.append(text);
            if let Some(using) = self.call.named("postgresql_using").filter(|v| !v.is_nothing()) {
                to.push(" USING ", host);
                to.append(condition(using).ok_or("its `postgresql_using` is not read")?);
            }
            change(to);
        }
        match self.call.named("nullable") {
            None => {}
            Some(value) if value.is_nothing() => {}
            Some(value) => {
                let word = match value.bool() {
                    Some(true) => "DROP NOT NULL",
                    Some(false) => "SET NOT NULL",
                    None => return Err("its `nullable` is known only at run time".to_owned()),
                };
                change(Text::translated(format!("ALTER COLUMN {quoted} {word}"), host));
            }
        }
        match self.call.named("server_default") {
            None => {}
            Some(value) if value.bool() == Some(false) => {}
            Some(value) if value.is_nothing() => {
                change(Text::translated(format!("ALTER COLUMN {quoted} DROP DEFAULT"), host));
            }
            Some(value) => {
                if value.call().is_some_and(|call| is(call, "Computed") || is(call, "Identity")) {
                    return Err("what generates a column cannot be changed this way".to_owned());
                }
                let mut to = Text::translated(format!("ALTER COLUMN {quoted} SET DEFAULT "), host);
                to.append(default(value));
                change(to);
            }
        }
        match self.call.named("comment") {
            None => {}
            Some(value) if value.bool() == Some(false) => {}
            value => {
                let comment = text_or_nothing(value)?;
                let what = format!("COLUMN {table}.{quoted}");
                statements.push(sql::comment(&what, comment.as_deref(), host));
            }
        }
        if let Some(new) = text_or_nothing(self.call.named("new_column_name"))? {
            let text = format!("RENAME {quoted} TO {}", quote_identifier(&new));
            statements.push(alter_table(&table, host, Text::translated(text, host)));
        }
        Ok(statements)
    }

    fn create_index(&self) -> Statements {
        self.check_names(&[
            "index_name",
            "table_name",
            "columns",
            "schema",
            "unique",
            "if_not_exists",
            "quote",
            "postgresql_concurrently",
            "postgresql_using",
            "postgresql_where",
            "postgresql_include",
            "postgresql_ops",
            "postgresql_with",
            "postgresql_tablespace",
            "postgresql_nulls_not_distinct",
        ])?;
        let keys = self.at(2, "columns").and_then(Value::list);
        let keys = keys.ok_or("its columns are known only at run time")?;
        let name = self.text(0, "index_name")?;
        let index = index(self.call, name, self.table(1)?, keys.iter().collect())?;
        Ok(vec![sql::create_index(&index)])
    }

    fn add_constraint(&self, table: usize, kind: ConstraintKind) -> Statements {
        let name = text_or_nothing(self.at(0, "constraint_name"))?;
        Ok(vec![add_constraint(&self.table(table)?, &bare(self.call, kind, name))])
    }

    fn create_foreign_key(&self) -> Statements {
        self.check_names(&[
            "constraint_name",
            "source_table",
            "referent_table",
            "local_cols",
            "remote_cols",
            "onupdate",
            "ondelete",
            "deferrable",
            "initially",
            "match",
            "use_alter",
            "source_schema",
            "referent_schema",
            "postgresql_not_valid",
        ])?;
        let table = match self.batch {
            Some(_) => self.table(1)?,
            None => Name {
                schema: text_or_nothing(self.call.named("source_schema"))?,
                name: self.text(1, "source_table")?,
            },
        };
        let phrase = |name| text_or_nothing(self.call.named(name));
        let key = ForeignKey {
            columns: names(self.at(3, "local_cols"))?,
            table: Name {
                schema: phrase("referent_schema")?,
                name: self.text(2, "referent_table")?,
            },
            referenced: names(self.at(4, "remote_cols"))?,
            matches: phrase("match")?,
            on_delete: phrase("ondelete")?,
            on_update: phrase("onupdate")?,
        };
        let name = text_or_nothing(self.at(0, "constraint_name"))?;
        let made = bare(self.call, ConstraintKind::ForeignKey(key), name);
        Ok(vec![add_constraint(&table, &made)])
    }

    fn bulk_insert(&self) -> Statements {
        let run_time = "the rows or their table are known only at run time";
        let table = self.at(0, "table").and_then(Value::call).ok_or(run_time)?;
        let is_table =
            is(table, "table") || is(table, "Table") || table.name == "alembic.op.create_table";
        let name = table.positional(0).and_then(Value::known_text).filter(|_| is_table);
        let schema = text_or_nothing(table.named("schema"))?;
        let name = Name { schema, name: name.ok_or(run_time)? };
        let rows = self.at(1, "rows").and_then(Value::list).ok_or(run_time)?;
        let insert = |row: &Value| {
            let ValueKind::Map(pairs) = &row.kind else { return None };
            let columns: Option<Vec<String>> =
                pairs.iter().map(|(key, _)| key.known_text()).collect();
            let mut text = Text::translated(
                format!("INSERT INTO {name} ({}) VALUES (", sql::names(&columns?)),
                row.span,
            );
            for (at, (_, value)) in pairs.iter().enumerate() {
                text.push(if at > 0 { ", " } else { "" }, row.span);
                match constant(value) {
                    Some(constant) => text.push(constant, value.span),
                    None => text.append(
                        column_or_expression(value).unwrap_or(Text::open("value", value.span)),
                    ),
                }
            }
            text.push(")", row.span);
            Some(text)
        };
        rows.iter().map(insert).collect::<Option<_>>().ok_or(run_time.to_owned())
    }
}

fn add_constraint(table: &Name, found: &Constraint) -> Text {
    let mut change = Text::translated("ADD ", found.host);
    change.append(sql::constraint(found));
    alter_table(table, found.host, change)
}

pub(super) fn unique(column: &Column) -> Option<Constraint> {
    (column.is_unique && !column.is_indexed).then(|| Constraint {
        host: column.sql.host,
        name: None,
        kind: ConstraintKind::Unique(vec![column.sql.name.clone()]),
        deferrable: None,
        initially: None,
        not_valid: false,
    })
}

pub(super) fn column_comment(table: &Name, column: &Column) -> Option<Text> {
    let comment = column.comment.as_deref()?;
    let what = format!("COLUMN {table}.{}", quote_identifier(&column.sql.name));
    Some(sql::comment(&what, Some(comment), column.sql.host))
}

/// Translates `create` and `drop` of an enum type.
pub(super) fn enum_call(call: &CallValue, made: &mut Made) -> Option<Sent> {
    let receiver = call.receiver.as_ref()?.call()?;
    let found = super::types::enum_type(receiver)?;
    let text = match call.name.as_str() {
        "create" => {
            made.enums.insert((found.name.schema.clone(), found.name.name.clone()));
            let is_checked = call.argument(1, "checkfirst").and_then(Value::bool) != Some(false);
            let labels = found.labels.as_ref().map(|labels| {
                labels.iter().map(|label| sql::literal(label)).collect::<Vec<_>>().join(", ")
            });
            match labels {
                None => {
                    return Some(Sent::gap(
                        call.span,
                        "the labels of the enum are known only at run time",
                    ));
                }
                Some(labels) => {
                    let create = format!("CREATE TYPE {} AS ENUM ({labels})", found.name);
                    if is_checked { guarded(&create) } else { create }
                }
            }
        }
        "drop" => {
            let is_checked = call.argument(1, "checkfirst").and_then(Value::bool) != Some(false);
            let exists = if is_checked { "IF EXISTS " } else { "" };
            format!("DROP TYPE {exists}{}", found.name)
        }
        _ => return None,
    };
    Some(Sent::statements(call.span, vec![Text::translated(text, call.span)]))
}

/// SQLAlchemy looks first whether the type is there; the server has no word for that.
fn guarded(create: &str) -> String {
    format!("DO $$ BEGIN {create}; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
}
