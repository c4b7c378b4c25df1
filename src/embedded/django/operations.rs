//! The operations of a migration as the SQL that they send.

use super::super::Sent;
use super::super::text::Text;
use super::super::value::{CallValue, Value};
use super::deferred::{Deferred, What, index_sql};
use super::fields::{column, field};
use super::indexes::{Constraint, together_of};
use super::names::foreign_key;
use super::raw::raw;
use super::state::{Apps, Field, ManyToMany, Model, Reference};
use crate::source::Span;

/// Why an operation is not translated.
type Reason = String;

/// What follows the operations of one migration.
pub(super) struct Reader<'a> {
    pub(super) apps: &'a mut Apps,
    pub(super) sent: Vec<Sent>,
    /// What is sent when all operations are done.
    pub(super) deferred: Vec<Deferred>,
}

pub(super) const NOT_LITERAL: &str = "what it sends is not a literal";

/// Returns the class of an operation, a field or the like, without its module.
pub(super) fn class(call: &CallValue) -> &str {
    call.name.rsplit('.').next().unwrap_or_default()
}

impl<'a> Reader<'a> {
    pub(super) fn new(apps: &'a mut Apps) -> Self {
        Self { apps, sent: Vec::new(), deferred: Vec::new() }
    }

    pub(super) fn operation(&mut self, value: &Value) {
        let call = value.call().filter(|call| call.receiver.is_none());
        let Some(call) = call else {
            self.sent.push(Sent::gap(value.span, "the operation is made elsewhere"));
            return;
        };
        let (sent, deferred) = (self.sent.len(), self.deferred.len());
        let result = if call.has_spread() {
            Err("some of its arguments are known only at run time".to_owned())
        } else {
            self.known(call)
        };
        if let Err(reason) = result {
            // Half of an operation is worse than none.
            self.sent.truncate(sent);
            self.deferred.truncate(deferred);
            self.sent.push(Sent::gap(call.span, reason));
        }
    }

    fn known(&mut self, call: &CallValue) -> Result<(), Reason> {
        match class(call) {
            "RunSQL" => self.run_sql(call, call.argument(0, "sql")),
            "RunPython" => {
                let reason = "it runs Python, which may change rows";
                self.sent.push(Sent::minor_gap(call.span, reason));
                Ok(())
            }
            "SeparateDatabaseAndState" => self.separate(call),
            "CreateModel" => self.create_model(call),
            "DeleteModel" => self.delete_model(call),
            "RenameModel" => self.rename_model(call),
            "AlterModelTable" => self.alter_model_table(call),
            "AddField" => self.add_field(call),
            "RemoveField" => self.remove_field(call),
            "AlterField" => self.alter_field(call),
            "RenameField" => self.rename_field(call),
            "AddIndex" => self.add_index(call, ""),
            "AddIndexConcurrently" => self.add_index(call, "CONCURRENTLY "),
            "RemoveIndex" => self.remove_index(call, ""),
            "RemoveIndexConcurrently" => self.remove_index(call, "CONCURRENTLY "),
            "RenameIndex" => {
                let old = text(call, 2, "old_name")?;
                let new = text(call, 1, "new_name")?;
                self.send(call.span, format!("ALTER INDEX \"{old}\" RENAME TO \"{new}\""));
                Ok(())
            }
            "AddConstraint" => self.add_constraint(call, ""),
            "AddConstraintNotValid" => self.add_constraint(call, " NOT VALID"),
            "ValidateConstraint" => {
                let table = self.table(&text(call, 0, "model_name")?);
                let name = text(call, 1, "name")?;
                self.send(
                    call.span,
                    format!("ALTER TABLE \"{table}\" VALIDATE CONSTRAINT \"{name}\""),
                );
                Ok(())
            }
            "RemoveConstraint" => self.remove_constraint(call),
            "AlterUniqueTogether" => self.alter_unique_together(call),
            "AlterModelOptions" | "AlterModelManagers" => Ok(()),
            "CreateExtension" => self.extension(call, &text(call, 0, "name")?),
            "BtreeGinExtension" => self.extension(call, "btree_gin"),
            "BtreeGistExtension" => self.extension(call, "btree_gist"),
            "CITextExtension" => self.extension(call, "citext"),
            "CryptoExtension" => self.extension(call, "pgcrypto"),
            "HStoreExtension" => self.extension(call, "hstore"),
            "TrigramExtension" => self.extension(call, "pg_trgm"),
            "UnaccentExtension" => self.extension(call, "unaccent"),
            name => Err(format!("`{name}` is not translated")),
        }
    }

    pub(super) fn send(&mut self, host: Span, sql: impl Into<String>) {
        self.sent.push(Sent::statements(host, vec![Text::translated(sql, host)]));
    }

    pub(super) fn send_text(&mut self, host: Span, text: Text) {
        self.sent.push(Sent::statements(host, vec![text]));
    }

    fn extension(&mut self, call: &CallValue, name: &str) -> Result<(), Reason> {
        self.send(call.span, format!("CREATE EXTENSION IF NOT EXISTS \"{name}\""));
        Ok(())
    }

    /// Returns the table of a model; the usual one for a model that the files do not show.
    pub(super) fn table(&self, model: &str) -> String {
        let model = model.to_lowercase();
        let found = self.apps.models.get(&model).map(|model| model.table.clone());
        found.unwrap_or_else(|| format!("{}_{model}", self.apps.label))
    }

    pub(super) fn model(&mut self, name: &str) -> Result<&mut Model, Reason> {
        let model = self.apps.models.get_mut(&name.to_lowercase());
        model.ok_or_else(|| format!("no migration here makes the model `{name}`"))
    }

    fn run_sql(&mut self, call: &CallValue, sql: Option<&Value>) -> Result<(), Reason> {
        let sent = raw(call, sql).ok_or(NOT_LITERAL)?;
        self.sent.extend(sent);
        if let Some(operations) = call.argument(2, "state_operations") {
            self.state_only(operations);
        }
        Ok(())
    }

    /// Follows operations that change what Django knows, and nothing in the database.
    fn state_only(&mut self, operations: &Value) {
        let mut silent = Reader::new(self.apps);
        for operation in operations.list().unwrap_or_default() {
            silent.operation(operation);
        }
        silent.remember_names();
    }

    fn separate(&mut self, call: &CallValue) -> Result<(), Reason> {
        let before = self.apps.clone();
        if let Some(operations) =
            call.argument(0, "database_operations").filter(|v| !v.is_nothing())
        {
            let operations = operations.list().ok_or("its operations are made at run time")?;
            operations.iter().for_each(|operation| self.operation(operation));
        }
        *self.apps = before;
        if let Some(operations) = call.argument(1, "state_operations") {
            self.state_only(operations);
        }
        Ok(())
    }

    fn create_model(&mut self, call: &CallValue) -> Result<(), Reason> {
        let name = text(call, 0, "name")?;
        let option = |name: &str| call.argument(2, "options").and_then(|options| options.get(name));
        let flag = |name: &str| option(name).and_then(Value::bool);
        let own = option("db_table").and_then(Value::known_text);
        let key = name.to_lowercase();
        let mut model = Model {
            table: own
                .clone()
                .unwrap_or_else(|| super::names::truncated(&format!("{}_{key}", self.apps.label))),
            is_named_by_django: own.is_none(),
            is_managed: flag("managed") != Some(false) && flag("proxy") != Some(true),
            ..Model::default()
        };
        let fields = call.argument(1, "fields").and_then(Value::list);
        for value in fields.ok_or("its fields are made at run time")? {
            let pair =
                value.list().and_then(|pair| Some((pair.first()?.known_text()?, pair.get(1)?)));
            let (field_name, value) = pair.ok_or("a field is made at run time")?;
            let found = field(&field_name, value, &model.table, &key, self.apps);
            model
                .fields
                .push(found.ok_or_else(|| format!("the field `{field_name}` is not known"))?);
            // A later field may refer to the model itself.
            self.apps.models.insert(key.clone(), model.clone());
        }
        self.apps.models.insert(key.clone(), model.clone());
        if !model.is_managed {
            return Ok(());
        }
        if option("order_with_respect_to").is_some() {
            return Err("`order_with_respect_to` is not translated".to_owned());
        }
        let items = |name: &str| option(name).and_then(Value::list).unwrap_or_default();
        let mut create = Text::translated(format!("CREATE TABLE \"{}\" (", model.table), call.span);
        let columns = model.fields.iter().filter(|field| field.many_to_many.is_none());
        for (at, field) in columns.enumerate() {
            create.push(if at == 0 { "\n    " } else { ",\n    " }, call.span);
            create.append(column(field, false, None));
        }
        let mut unique = Vec::new();
        for value in items("constraints") {
            let item = value.call().ok_or("a constraint is made at run time")?;
            match self.constraint(&key, item)? {
                Constraint::Clause(clause) => {
                    create.push(",\n    ", call.span);
                    create.append(clause);
                }
                Constraint::Index(sql) => unique.push((item.span, sql)),
            }
        }
        create.push("\n)", call.span);
        self.send_text(call.span, create);
        if let Some(together) = option("unique_together") {
            for fields in
                together_of(together).ok_or("its `unique_together` is made at run time")?
            {
                let columns = self.unique_together(&key, &fields)?;
                self.defer(call.span, What::Unique { table: model.table.clone(), columns });
            }
        }
        let table = &model.table;
        model.fields.iter().for_each(|field| self.defer_foreign_key(table, field));
        for (host, sql) in unique {
            self.defer(host, What::Named { table: table.clone(), sql });
        }
        model.fields.iter().for_each(|field| self.defer_indexes(table, field));
        for value in items("indexes") {
            let item = value.call().ok_or("an index is made at run time")?;
            let sql = self.index(&key, item, "")?;
            self.defer(item.span, What::Named { table: table.clone(), sql });
        }
        for field in &model.fields {
            if let Some(between) = &field.many_to_many {
                self.create_between(&key, between, field.host);
            }
        }
        Ok(())
    }

    fn defer_foreign_key(&mut self, table: &str, field: &Field) {
        let reference = field.reference.clone().filter(|reference| reference.has_constraint);
        if let Some(to) = reference {
            let (table, column) = (table.to_owned(), field.column.clone());
            self.defer(field.host, What::ForeignKey { table, column, to });
        }
    }

    pub(super) fn defer_indexes(&mut self, table: &str, field: &Field) {
        for operators in indexes_of(field) {
            let (table, column) = (table.to_owned(), field.column.clone());
            self.defer(field.host, What::Index { table, column, operators });
        }
    }

    /// Makes the table between two models.
    pub(super) fn create_between(&mut self, model: &str, between: &ManyToMany, host: Span) {
        let Some(table) = &between.table else { return };
        let Some(model) = self.apps.models.get(model).cloned() else { return };
        let key = model.primary_key();
        let open = || "{{type}}".to_owned();
        let mut all = self.apps.models.values().flat_map(|model| &model.fields);
        // The setting DEFAULT_AUTO_FIELD shows in the keys of the other models.
        let id = if all.any(|field| field.class == "BigAutoField") { "bigint" } else { "integer" };
        let source = key.and_then(|key| key.type_name.clone()).unwrap_or_else(open);
        let target = between.target_type.clone().unwrap_or_else(open);
        let (one, other) = (&between.source_column, &between.target_column);
        self.send(
            host,
            format!(
                "CREATE TABLE \"{table}\" (\n    \"id\" {id} NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY,\n    \"{one}\" {source} NOT NULL,\n    \"{other}\" {target} NOT NULL\n)"
            ),
        );
        let table = table.clone();
        let columns = vec![one.clone(), other.clone()];
        self.defer(host, What::Unique { table: table.clone(), columns });
        let key_column = key.map_or("id".to_owned(), |key| key.column.clone());
        let sides = [
            (one, &model.table, &key_column, &source),
            (other, &between.target_table, &between.target_key, &target),
        ];
        for (column, to, to_column, _) in sides.iter().filter(|_| between.has_constraint) {
            let (table, column) = (table.clone(), (*column).clone());
            let to = Reference::to((*to).clone(), (*to_column).clone());
            self.defer(host, What::ForeignKey { table, column, to });
        }
        for (column, _, _, type_name) in sides {
            for operators in [None].into_iter().chain(like(type_name).map(Some)) {
                let (table, column) = (table.clone(), column.clone());
                self.defer(host, What::Index { table, column, operators });
            }
        }
    }

    /// Returns the column of a field; its name where the files do not show the model.
    pub(super) fn column(&self, model: &str, field: &str) -> String {
        let model = self.apps.models.get(&model.to_lowercase());
        model.and_then(|model| model.column(field)).unwrap_or_else(|| field.to_owned())
    }
}

/// Returns the indexes that a field has alone, each by its operators.
fn indexes_of(field: &Field) -> Vec<Option<&'static str>> {
    let mut found = Vec::new();
    if field.many_to_many.is_some() {
        return found;
    }
    if field.is_indexed && !field.is_unique {
        found.push(None);
    }
    let operators = field.type_name.as_deref().and_then(like).filter(|_| field.collation.is_none());
    if field.is_indexed || field.is_unique {
        found.extend(operators.map(Some));
    }
    found
}

/// Returns the SQL of the indexes that a field has alone.
pub(super) fn index_statements(table: &str, field: &Field) -> Vec<String> {
    let all = indexes_of(field).into_iter();
    all.map(|operators| index_sql(table, &field.column, operators)).collect()
}

/// Returns the operators of the second index, for `LIKE`, that texts have.
fn like(type_name: &str) -> Option<&'static str> {
    match type_name {
        name if name.contains('[') => None,
        name if name.starts_with("varchar") => Some("varchar_pattern_ops"),
        name if name.starts_with("text") => Some("text_pattern_ops"),
        _ => None,
    }
}

/// Returns the SQL and the name of a foreign key.
pub(super) fn foreign_key_sql(
    table: &str,
    column: &str,
    reference: &Reference,
) -> (String, String) {
    let Reference { table: to, column: to_column, .. } = reference;
    let name = foreign_key(table, column, to, to_column);
    let to = if to.contains("{{") { to.clone() } else { format!("\"{to}\"") };
    let name = if name.contains("{{") { String::new() } else { name };
    let constraint =
        if name.is_empty() { String::new() } else { format!("CONSTRAINT \"{name}\" ") };
    let sql = format!(
        "ALTER TABLE \"{table}\" ADD {constraint}FOREIGN KEY (\"{column}\") REFERENCES {to} (\"{to_column}\") DEFERRABLE INITIALLY DEFERRED"
    );
    (sql, name)
}

pub(super) fn quoted(columns: &[String]) -> String {
    let quoted: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
    quoted.join(", ")
}

/// Returns a text argument.
pub(super) fn text(call: &CallValue, place: usize, name: &str) -> Result<String, Reason> {
    let found = call.argument(place, name).and_then(Value::known_text);
    found.ok_or_else(|| format!("its `{name}` is known only at run time"))
}
