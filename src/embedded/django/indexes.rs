//! Indexes, constraints and what must be unique together.

use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::conditions::condition;
use super::deferred::unique_sql;
use super::operations::{Reader, class, quoted, text};

type Reason = String;

/// A constraint of a model.
pub(super) enum Constraint {
    /// What stands behind `ADD`, or in `CREATE TABLE`.
    Clause(Text),
    /// The statement that makes an index, which is what the server has for it.
    Index(Text),
}

impl Reader<'_> {
    /// Adds what must be unique together to the state; returns the columns.
    pub(super) fn unique_together(
        &mut self,
        model: &str,
        fields: &[String],
    ) -> Result<Vec<String>, Reason> {
        let model = self.model(model)?;
        let columns: Option<Vec<String>> = fields.iter().map(|name| model.column(name)).collect();
        let columns = columns.ok_or("a field of it is not known")?;
        let (_, name) = unique_sql(&model.table, &columns);
        model.unique_together.push((fields.to_vec(), name));
        Ok(columns)
    }

    pub(super) fn add_index(&mut self, call: &CallValue, concurrently: &str) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let index = call.argument(1, "index").and_then(Value::call);
        let index = index.ok_or("its index is made elsewhere")?;
        let sql = self.index(&model, index, concurrently)?;
        self.send_text(call.span, sql);
        Ok(())
    }

    pub(super) fn index(
        &self,
        model: &str,
        index: &CallValue,
        concurrently: &str,
    ) -> Result<Text, Reason> {
        let table = self.table(model);
        let name = text(index, usize::MAX, "name")?;
        let method = match class(index) {
            "Index" => "",
            "BTreeIndex" => "USING btree ",
            "GinIndex" => "USING gin ",
            "GistIndex" => "USING gist ",
            "BrinIndex" => "USING brin ",
            "HashIndex" => "USING hash ",
            "SpGistIndex" => "USING spgist ",
            other => return Err(format!("`{other}` is not translated")),
        };
        only(index, &["name", "fields", "condition", "include", "opclasses", "expressions"])?;
        let mut sql = Text::translated(
            format!("CREATE INDEX {concurrently}\"{name}\" ON \"{table}\" {method}("),
            index.span,
        );
        let classes = index.named("opclasses").and_then(Value::list).unwrap_or_default();
        match index.named("fields").and_then(Value::list) {
            Some(fields) => {
                for (at, field) in fields.iter().enumerate() {
                    let field =
                        field.known_text().ok_or("a field of it is known only at run time")?;
                    let (field, order) = match field.strip_prefix('-') {
                        Some(field) => (field.to_owned(), " DESC"),
                        None => (field, ""),
                    };
                    let class = classes.get(at).and_then(Value::known_text);
                    let class = class.map(|class| format!(" {class}")).unwrap_or_default();
                    let comma = if at > 0 { ", " } else { "" };
                    sql.push(
                        format!("{comma}\"{}\"{class}{order}", self.column(model, &field)),
                        index.span,
                    );
                }
            }
            None => {
                sql.push("(", index.span);
                sql.append(Text::open("expression", index.span));
                sql.push(")", index.span);
            }
        }
        sql.push(")", index.span);
        self.tail(model, index, &mut sql)?;
        Ok(sql)
    }

    /// Adds `INCLUDE` and `WHERE`.
    pub(super) fn tail(&self, model: &str, item: &CallValue, sql: &mut Text) -> Result<(), Reason> {
        if let Some(include) = item.named("include").and_then(Value::list) {
            let names: Option<Vec<String>> = include.iter().map(Value::known_text).collect();
            let names = names.ok_or("a column of it is known only at run time")?;
            let columns: Vec<String> = names.iter().map(|name| self.column(model, name)).collect();
            if !columns.is_empty() {
                sql.push(format!(" INCLUDE ({})", quoted(&columns)), item.span);
            }
        }
        if let Some(value) = item.named("condition").filter(|value| !value.is_nothing()) {
            sql.push(" WHERE ", item.span);
            sql.append(condition(value, self.apps.models.get(&model.to_lowercase())));
        }
        Ok(())
    }

    pub(super) fn remove_index(
        &mut self,
        call: &CallValue,
        concurrently: &str,
    ) -> Result<(), Reason> {
        let name = text(call, 1, "name")?;
        self.send(call.span, format!("DROP INDEX {concurrently}IF EXISTS \"{name}\""));
        Ok(())
    }

    pub(super) fn add_constraint(&mut self, call: &CallValue, suffix: &str) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let constraint = call.argument(1, "constraint").and_then(Value::call);
        let constraint = constraint.ok_or("its constraint is made elsewhere")?;
        let sql = match self.constraint(&model, constraint)? {
            Constraint::Index(sql) => sql,
            Constraint::Clause(clause) => {
                let start = format!("ALTER TABLE \"{}\" ADD ", self.table(&model));
                let mut sql = Text::translated(start, constraint.span);
                sql.append(clause);
                sql.push(suffix, constraint.span);
                sql
            }
        };
        self.send_text(call.span, sql);
        Ok(())
    }

    pub(super) fn constraint(
        &mut self,
        model: &str,
        item: &CallValue,
    ) -> Result<Constraint, Reason> {
        let table = self.table(model);
        let name = text(item, usize::MAX, "name")?;
        match class(item) {
            "CheckConstraint" => {
                only(
                    item,
                    &[
                        "name",
                        "check",
                        "condition",
                        "violation_error_message",
                        "violation_error_code",
                    ],
                )?;
                let value = item.named("condition").or_else(|| item.named("check"));
                let value = value.ok_or("it has no condition")?;
                let start = format!("CONSTRAINT \"{name}\" CHECK (");
                let mut sql = Text::translated(start, item.span);
                sql.append(condition(value, self.apps.models.get(&model.to_lowercase())));
                sql.push(")", item.span);
                Ok(Constraint::Clause(sql))
            }
            "UniqueConstraint" => {
                only(
                    item,
                    &[
                        "name",
                        "fields",
                        "condition",
                        "include",
                        "deferrable",
                        "violation_error_message",
                        "violation_error_code",
                    ],
                )?;
                let fields = item.named("fields").and_then(Value::list);
                let fields: Option<Vec<String>> =
                    fields.and_then(|fields| fields.iter().map(Value::known_text).collect());
                let fields = fields
                    .filter(|fields| !fields.is_empty())
                    .ok_or("it is made of expressions")?;
                let columns: Vec<String> =
                    fields.iter().map(|name| self.column(model, name)).collect();
                let is_set = |name: &str| item.named(name).is_some_and(|value| !value.is_nothing());
                if is_set("condition") || is_set("include") {
                    let start = format!(
                        "CREATE UNIQUE INDEX \"{name}\" ON \"{table}\" ({})",
                        quoted(&columns)
                    );
                    let mut sql = Text::translated(start, item.span);
                    self.tail(model, item, &mut sql)?;
                    if let Ok(model) = self.model(model) {
                        model.unique_indexes.push(name);
                    }
                    return Ok(Constraint::Index(sql));
                }
                let deferrable = match item.named("deferrable").map(|value| &value.kind) {
                    Some(ValueKind::Path(path)) if path.ends_with(".DEFERRED") => {
                        " DEFERRABLE INITIALLY DEFERRED"
                    }
                    Some(ValueKind::Path(path)) if path.ends_with(".IMMEDIATE") => {
                        " DEFERRABLE INITIALLY IMMEDIATE"
                    }
                    Some(ValueKind::Nothing) | None => "",
                    Some(_) => return Err("its `deferrable` is known only at run time".to_owned()),
                };
                let sql =
                    format!("CONSTRAINT \"{name}\" UNIQUE ({}){deferrable}", quoted(&columns));
                Ok(Constraint::Clause(Text::translated(sql, item.span)))
            }
            other => Err(format!("`{other}` is not translated")),
        }
    }

    pub(super) fn remove_constraint(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let name = text(call, 1, "name")?;
        let table = self.table(&model);
        let is_index = self.model(&model)?.unique_indexes.contains(&name);
        let sql = if is_index {
            format!("DROP INDEX IF EXISTS \"{name}\"")
        } else {
            format!("ALTER TABLE \"{table}\" DROP CONSTRAINT \"{name}\"")
        };
        self.send(call.span, sql);
        Ok(())
    }

    pub(super) fn alter_unique_together(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "name")?;
        let wanted = call.argument(1, "unique_together").and_then(together_of);
        let wanted = wanted.ok_or("its fields are made at run time")?;
        let known = self.model(&model)?;
        let table = known.table.clone();
        let (kept, gone): (Vec<_>, Vec<_>) = std::mem::take(&mut known.unique_together)
            .into_iter()
            .partition(|(fields, _)| wanted.contains(fields));
        let new: Vec<Vec<String>> = wanted
            .into_iter()
            .filter(|fields| !kept.iter().any(|(other, _)| other == fields))
            .collect();
        known.unique_together = kept;
        for (_, name) in gone {
            self.send(call.span, format!("ALTER TABLE \"{table}\" DROP CONSTRAINT \"{name}\""));
        }
        for fields in new {
            let columns = self.unique_together(&model, &fields)?;
            self.send(call.span, unique_sql(&table, &columns).0);
        }
        Ok(())
    }
}

/// Returns lists of fields.
pub(super) fn together_of(value: &Value) -> Option<Vec<Vec<String>>> {
    if value.is_nothing()
        || value.call().is_some_and(|call| call.name == "set" && call.arguments.is_empty())
    {
        return Some(Vec::new());
    }
    let lists = value.list()?;
    if lists.iter().all(|item| matches!(item.kind, ValueKind::Text(_))) && !lists.is_empty() {
        return Some(vec![lists.iter().map(Value::known_text).collect::<Option<_>>()?]);
    }
    lists.iter().map(|list| list.list()?.iter().map(Value::known_text).collect()).collect()
}

/// Refuses arguments that would be left out.
pub(super) fn only(call: &CallValue, known: &[&str]) -> Result<(), Reason> {
    let mut names = call.arguments.iter().filter_map(|argument| argument.name.as_deref());
    match names.find(|name| !known.contains(name)) {
        Some(name) => Err(format!("`{name}` in it is not translated")),
        None => Ok(()),
    }
}
