//! Operations on whole models: dropping and renaming their tables.

use super::super::value::{CallValue, Value};
use super::operations::{Reader, text};

type Reason = String;

impl Reader<'_> {
    pub(super) fn delete_model(&mut self, call: &CallValue) -> Result<(), Reason> {
        let name = text(call, 0, "name")?.to_lowercase();
        let table = self.table(&name);
        let Some(model) = self.apps.models.remove(&name) else {
            return Err(format!("no migration here makes the model `{name}`"));
        };
        if !model.is_managed {
            return Ok(());
        }
        let between =
            model.fields.iter().filter_map(|field| field.many_to_many.as_ref()?.table.clone());
        for between in between.collect::<Vec<_>>() {
            self.send(call.span, format!("DROP TABLE \"{between}\" CASCADE"));
        }
        self.send(call.span, format!("DROP TABLE \"{table}\" CASCADE"));
        // What was to be done to it in the end has nothing left to be done to.
        self.deferred.retain(|sent| {
            !sent.statements.iter().any(|sql| sql.shown().contains(&format!("TABLE \"{table}\" ")))
        });
        Ok(())
    }

    pub(super) fn rename_model(&mut self, call: &CallValue) -> Result<(), Reason> {
        let (old, new) =
            (text(call, 0, "old_name")?.to_lowercase(), text(call, 1, "new_name")?.to_lowercase());
        let label = self.apps.label.clone();
        let Some(mut model) = self.apps.models.remove(&old) else {
            return Err(format!("no migration here makes the model `{old}`"));
        };
        let is_used_between =
            self.apps.models.values().flat_map(|other| &other.fields).any(|field| {
                field
                    .many_to_many
                    .as_ref()
                    .is_some_and(|between| between.target_table == model.table)
            });
        let (old_table, managed) = (model.table.clone(), model.is_managed);
        if model.is_named_by_django {
            model.table = super::names::truncated(&format!("{label}_{new}"));
        }
        let new_table = model.table.clone();
        if managed && old_table != new_table {
            self.send(call.span, format!("ALTER TABLE \"{old_table}\" RENAME TO \"{new_table}\""));
        }
        for field in &mut model.fields {
            let Some(between) = &mut field.many_to_many else { continue };
            let Some(table) = between.table.clone() else { continue };
            let renamed = match table.strip_prefix(&format!("{old_table}_")) {
                Some(rest) => format!("{new_table}_{rest}"),
                None => table.clone(),
            };
            if renamed != table {
                self.send(call.span, format!("ALTER TABLE \"{table}\" RENAME TO \"{renamed}\""));
            }
            let is_self = between.target_table == old_table;
            for column in [&mut between.source_column, &mut between.target_column] {
                let to = match column.as_str() {
                    name if name == format!("{old}_id") => format!("{new}_id"),
                    name if is_self && name == format!("from_{old}_id") => format!("from_{new}_id"),
                    name if is_self && name == format!("to_{old}_id") => format!("to_{new}_id"),
                    _ => continue,
                };
                self.send(
                    call.span,
                    format!("ALTER TABLE \"{renamed}\" RENAME COLUMN \"{column}\" TO \"{to}\""),
                );
                *column = to;
            }
            between.table = Some(renamed);
        }
        self.follow_table(&old_table, &new_table);
        self.apps.models.insert(new, model);
        self.follow_table(&old_table, &new_table);
        if is_used_between {
            return Err("a relation of many to many leads to the model".to_owned());
        }
        Ok(())
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
        let new = wanted.unwrap_or_else(|| format!("{label}_{name}"));
        model.table.clone_from(&new);
        let mut renames = Vec::new();
        for field in &mut model.fields {
            let Some(between) = &mut field.many_to_many else { continue };
            let table = between.table.clone();
            if let Some((table, rest)) = table
                .as_ref()
                .and_then(|table| Some((table, table.strip_prefix(&format!("{old}_"))?)))
            {
                let renamed = format!("{new}_{rest}");
                renames.push((table.clone(), renamed.clone()));
                between.table = Some(renamed);
            }
        }
        let is_managed = model.is_managed;
        if is_managed && old != new {
            self.send(call.span, format!("ALTER TABLE \"{old}\" RENAME TO \"{new}\""));
            for (from, to) in renames {
                self.send(call.span, format!("ALTER TABLE \"{from}\" RENAME TO \"{to}\""));
            }
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

    pub(super) fn rename_field(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let (old, new) = (text(call, 1, "old_name")?, text(call, 2, "new_name")?);
        let table = self.table(&model);
        let found = self.model(&model)?;
        let is_managed = found.is_managed;
        for (fields, _) in &mut found.unique_together {
            fields.iter_mut().filter(|name| **name == old).for_each(|name| name.clone_from(&new));
        }
        let field = found.fields.iter_mut().find(|field| field.name == old);
        let field = field.ok_or_else(|| format!("no migration here makes the field `{old}`"))?;
        field.name.clone_from(&new);
        if field.many_to_many.is_some() {
            return Err("the table of a relation of many to many gets another name".to_owned());
        }
        let before = field.column.clone();
        if before == old {
            field.column.clone_from(&new);
        } else if before == format!("{old}_id") && field.reference.is_some() {
            field.column = format!("{new}_id");
        }
        let after = field.column.clone();
        if is_managed && before != after {
            self.send(
                call.span,
                format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{before}\" TO \"{after}\""),
            );
        }
        Ok(())
    }

    pub(super) fn remove_field(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?;
        let name = text(call, 1, "name")?;
        let table = self.table(&model);
        let found = self.model(&model)?;
        let is_managed = found.is_managed;
        let at = found.fields.iter().position(|field| field.name == name);
        let at = at.ok_or_else(|| format!("no migration here makes the field `{name}`"))?;
        let field = found.fields.remove(at);
        if !is_managed {
            return Ok(());
        }
        if let Some(between) = field.many_to_many {
            if let Some(between) = between.table {
                self.send(call.span, format!("DROP TABLE \"{between}\" CASCADE"));
            }
            return Ok(());
        }
        if let Some(key) = field.reference.and_then(|reference| reference.name) {
            self.send_block(call, format!("SET CONSTRAINTS \"{key}\" IMMEDIATE; ALTER TABLE \"{table}\" DROP CONSTRAINT \"{key}\""));
        }
        let column = format!("\"{}\"", field.column);
        self.send(call.span, format!("ALTER TABLE \"{table}\" DROP COLUMN {column} CASCADE"));
        self.deferred.retain(|sent| {
            let is_about = |sql: &super::super::text::Text| {
                let sql = sql.shown();
                sql.contains(&format!("\"{table}\"")) && sql.contains(&column)
            };
            !sent.statements.iter().any(is_about)
        });
        Ok(())
    }

    /// Sends several statements as one message.
    pub(super) fn send_block(&mut self, call: &CallValue, sql: String) {
        let text = super::super::text::Text::translated(sql, call.span);
        self.sent.push(super::super::Sent::text(call.span, text));
    }
}

/// Returns the field that an operation adds or changes.
pub(super) fn field_value(call: &CallValue) -> Result<&Value, Reason> {
    call.argument(2, "field").ok_or_else(|| "its field is made elsewhere".to_owned())
}
