//! Other names for models, tables and fields.
//!
//! Source: `RenameModel`, `AlterModelTable` and `RenameField` of Django 5.2, and what `migrate` sends: a
//! foreign key that is there already is made anew, under the name that it then has.

use super::super::value::CallValue;
use super::names::truncated;
use super::operations::{Reader, foreign_key_sql, text};
use super::state::{Field, Model, Reference};
use crate::source::Span;

type Reason = String;

/// A model that gets another name.
struct Renamed {
    host: Span,
    old: String,
    new: String,
    old_table: String,
    new_table: String,
}

impl Renamed {
    /// Returns what a column between two models is called afterwards.
    fn column(&self, before: &str) -> String {
        let start = before.strip_suffix(&format!("{}_id", self.old));
        match start {
            Some(start @ ("" | "from_" | "to_")) => format!("{start}{}_id", self.new),
            _ => before.to_owned(),
        }
    }
}

impl Reader<'_> {
    pub(super) fn rename_model(&mut self, call: &CallValue) -> Result<(), Reason> {
        let (old, new) =
            (text(call, 0, "old_name")?.to_lowercase(), text(call, 1, "new_name")?.to_lowercase());
        let Some(mut model) = self.apps.models.remove(&old) else {
            return Err(format!("no migration here makes the model `{old}`"));
        };
        let (old_table, is_managed) = (model.table.clone(), model.is_managed);
        if model.is_named_by_django {
            model.table = truncated(&format!("{}_{new}", self.apps.label));
        }
        let new_table = model.table.clone();
        self.apps.models.insert(new.clone(), model);
        self.follow_table(&old_table, &new_table);
        if !is_managed {
            return Ok(());
        }
        self.send_rename(call.span, &old_table, &new_table);
        // Those of other models come first.
        let others = self.apps.models.keys().filter(|name| **name != new).cloned();
        let names: Vec<String> = others.chain([new.clone()]).collect();
        let renamed = Renamed { host: call.span, old, new, old_table, new_table };
        for name in names {
            let Some(mut model) = self.apps.models.get(&name).cloned() else { continue };
            if model.is_managed {
                self.rename_in(&renamed, &mut model, name == renamed.new);
                self.apps.models.insert(name, model);
            }
        }
        Ok(())
    }

    /// Renames what the fields of a model have of the name of one that they lead to, or belong to.
    fn rename_in(&mut self, renamed: &Renamed, model: &mut Model, is_own: bool) {
        let table = model.table.clone();
        let key = model.primary_key().map_or("id".to_owned(), |key| key.column.clone());
        for field in &mut model.fields {
            if let Some(reference) = &mut field.reference {
                if reference.table == renamed.new_table && !reference.is_hidden {
                    self.rename_key(renamed.host, &table, &field.column, &field.column, reference);
                }
            } else if field.many_to_many.is_some() {
                self.rename_between(renamed, field, is_own.then_some(key.as_str()));
            }
        }
    }

    /// Renames a table between two models and its columns; `own_key` is the key of the model that has the
    /// field, if that is the one that is renamed.
    fn rename_between(&mut self, renamed: &Renamed, field: &mut Field, own_key: Option<&str>) {
        let Renamed { host, old_table, new_table, .. } = renamed;
        if own_key.is_some() {
            self.rename_table_between(*host, field, old_table, new_table);
        }
        let Some(between) = &mut field.many_to_many else { return };
        let Some(table) = between.table.clone() else { return };
        let mut side = |column: &mut String, name: &mut Option<String>, key: &str| {
            let after = renamed.column(column);
            if after != *column {
                let mut reference = Reference::to(new_table.clone(), key.to_owned());
                reference.name = name.take();
                self.rename_key(*host, &table, column, &after, &mut reference);
                (*column, *name) = (after, reference.name);
            }
        };
        if between.target_table == *new_table {
            side(&mut between.target_column, &mut between.target_name, &between.target_key);
        }
        if let Some(key) = own_key {
            side(&mut between.source_column, &mut between.source_name, key);
        }
    }

    /// Renames the table of a relation of many to many, if its name is made of the model's.
    fn rename_table_between(&mut self, host: Span, field: &mut Field, old: &str, new: &str) {
        let Some(table) = field.many_to_many.as_mut().and_then(|between| between.table.as_mut())
        else {
            return;
        };
        if *table == truncated(&format!("{old}_{}", field.name)) {
            let before = std::mem::replace(table, truncated(&format!("{new}_{}", field.name)));
            let after = table.clone();
            self.send_rename(host, &before, &after);
        }
    }

    /// Renames the column of a foreign key; one that is there is made anew.
    fn rename_key(
        &mut self,
        host: Span,
        table: &str,
        before: &str,
        after: &str,
        reference: &mut Reference,
    ) {
        let name = reference.name.take();
        if let Some(name) = &name {
            self.send_block(host, format!("SET CONSTRAINTS \"{name}\" IMMEDIATE; ALTER TABLE \"{table}\" DROP CONSTRAINT \"{name}\""));
        }
        if before != after {
            self.send_column(host, table, before, after);
        }
        if name.is_some() {
            let (sql, name) = foreign_key_sql(table, after, reference);
            self.send(host, sql);
            reference.name = Some(name).filter(|name| !name.is_empty());
        }
    }

    fn send_rename(&mut self, host: Span, old: &str, new: &str) {
        if old != new {
            self.send(host, format!("ALTER TABLE \"{old}\" RENAME TO \"{new}\""));
            self.deferred_table(old, new);
        }
    }

    fn send_column(&mut self, host: Span, table: &str, old: &str, new: &str) {
        self.send(host, format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{old}\" TO \"{new}\""));
        self.deferred_column(table, old, new);
    }

    pub(super) fn alter_model_table(&mut self, call: &CallValue) -> Result<(), Reason> {
        let name = text(call, 0, "name")?.to_lowercase();
        let label = self.apps.label.clone();
        let wanted = match call.argument(1, "table") {
            Some(value) if value.is_nothing() => None,
            Some(value) => Some(value.known_text().ok_or("its `table` is known only at run time")?),
            None => None,
        };
        let model = self.model(&name)?;
        let old = model.table.clone();
        model.is_named_by_django = wanted.is_none();
        let new = wanted.unwrap_or_else(|| truncated(&format!("{label}_{name}")));
        model.table.clone_from(&new);
        let is_managed = model.is_managed;
        let mut fields = model.fields.clone();
        if is_managed {
            self.send_rename(call.span, &old, &new);
            for field in &mut fields {
                self.rename_table_between(call.span, field, &old, &new);
            }
            self.model(&name)?.fields = fields;
        }
        self.follow_table(&old, &new);
        Ok(())
    }

    /// Lets what refers to a table know its new name.
    fn follow_table(&mut self, old: &str, new: &str) {
        for field in self.apps.models.values_mut().flat_map(|model| &mut model.fields) {
            if let Some(reference) = field.reference.as_mut().filter(|r| r.table == old) {
                new.clone_into(&mut reference.table);
            }
            if let Some(between) = field.many_to_many.as_mut().filter(|b| b.target_table == old) {
                new.clone_into(&mut between.target_table);
            }
        }
    }

    /// Lets what refers to a column know its new name.
    fn follow_column(&mut self, table: &str, old: &str, new: &str) {
        for field in self.apps.models.values_mut().flat_map(|model| &mut model.fields) {
            if let Some(reference) =
                field.reference.as_mut().filter(|r| r.table == table && r.column == old)
            {
                new.clone_into(&mut reference.column);
            }
            let between = field.many_to_many.as_mut();
            if let Some(between) =
                between.filter(|b| b.target_table == table && b.target_key == old)
            {
                new.clone_into(&mut between.target_key);
            }
        }
    }

    pub(super) fn rename_field(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let (old, new) = (text(call, 1, "old_name")?, text(call, 2, "new_name")?);
        let table = self.table(&model);
        let found = self.model(&model)?;
        let is_managed = found.is_managed;
        for (fields, _) in &mut found.unique_together {
            fields.iter_mut().filter(|name| **name == old).for_each(|name| name.clone_from(&new));
        }
        let at = found.fields.iter().position(|field| field.name == old);
        let at = at.ok_or_else(|| format!("no migration here makes the field `{old}`"))?;
        let mut field = found.fields[at].clone();
        field.name.clone_from(&new);
        let before = field.column.clone();
        if before == old {
            field.column.clone_from(&new);
        } else if before == format!("{old}_id") && field.reference.is_some() {
            field.column = format!("{new}_id");
        }
        let after = field.column.clone();
        if let Some(between) = field.many_to_many.as_mut().and_then(|b| b.table.as_mut()) {
            let renamed = truncated(&format!("{table}_{new}"));
            if *between == truncated(&format!("{table}_{old}")) {
                let old = std::mem::replace(between, renamed.clone());
                if is_managed {
                    self.send_rename(call.span, &old, &renamed);
                }
            }
        } else if is_managed && before != after {
            match &mut field.reference {
                Some(reference) => self.rename_key(call.span, &table, &before, &after, reference),
                None => self.send_column(call.span, &table, &before, &after),
            }
        }
        self.model(&model)?.fields[at] = field;
        self.follow_column(&table, &before, &after);
        Ok(())
    }
}
