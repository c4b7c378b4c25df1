//! Adding fields and changing them.

use super::super::text::Text;
use super::super::value::CallValue;
use super::fields::{column, field};
use super::models::field_value;
use super::names::{foreign_key, of_columns};
use super::operations::{Reader, foreign_key_sql, index_statements, text};
use super::state::Field;

type Reason = String;

impl Reader<'_> {
    pub(super) fn add_field(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?.to_lowercase();
        let name = text(call, 1, "name")?;
        let table = self.table(&model);
        let added = field(&name, field_value(call)?, &table, &model, self.apps);
        let mut added = added.ok_or_else(|| format!("the field `{name}` is not known"))?;
        let is_managed = self.apps.models.get(&model).is_none_or(|model| model.is_managed);
        if is_managed {
            self.send_added(call, &table, &model, &mut added);
        }
        if let Some(known) = self.apps.models.get_mut(&model) {
            known.fields.push(added);
        }
        Ok(())
    }

    fn send_added(&mut self, call: &CallValue, table: &str, model: &str, added: &mut Field) {
        if let Some(between) = added.many_to_many.clone() {
            self.create_between(model, &between, added.host);
            return;
        }
        let host = call.span;
        let mut sql = Text::translated(format!("ALTER TABLE \"{table}\" ADD COLUMN "), host);
        let reference =
            added.reference.as_ref().filter(|reference| reference.has_constraint).cloned();
        if let Some(reference) = reference {
            let to = &reference.table;
            let name = foreign_key(table, &added.column, to, &reference.column);
            let is_open = to.contains("{{");
            let (named, to) = match is_open {
                true => (String::new(), to.clone()),
                false => (format!("CONSTRAINT \"{name}\" "), format!("\"{to}\"")),
            };
            let clause = format!(
                "{named}REFERENCES {to}(\"{}\") DEFERRABLE INITIALLY DEFERRED",
                reference.column
            );
            sql.append(column(added, true, Some(&clause)));
            if !is_open {
                sql.push(format!("; SET CONSTRAINTS \"{name}\" IMMEDIATE"), host);
                added
                    .reference
                    .iter_mut()
                    .for_each(|reference| reference.name = Some(name.clone()));
            }
            self.sent.push(super::super::Sent::text(host, sql));
        } else {
            sql.append(column(added, true, None));
            self.send_text(host, sql);
        }
        if added.default.is_some() && added.db_default.is_none() {
            let drop =
                format!("ALTER TABLE \"{table}\" ALTER COLUMN \"{}\" DROP DEFAULT", added.column);
            self.send(host, drop);
        }
        self.defer_indexes(table, added);
    }

    pub(super) fn alter_field(&mut self, call: &CallValue) -> Result<(), Reason> {
        let model = text(call, 0, "model_name")?.to_lowercase();
        let name = text(call, 1, "name")?;
        let table = self.table(&model);
        let known = self.model(&model)?;
        let is_managed = known.is_managed;
        let at = known.fields.iter().position(|field| field.name == name);
        let at = at.ok_or_else(|| format!("no migration here makes the field `{name}`"))?;
        let old = known.fields[at].clone();
        let new = field(&name, field_value(call)?, &table, &model, self.apps);
        let mut new = new.ok_or_else(|| format!("the field `{name}` is not known"))?;
        if let (Some(before), Some(after)) = (&old.reference, &mut new.reference) {
            after.name.clone_from(&before.name);
        }
        if old.many_to_many.is_some() && new.many_to_many.is_some() {
            new.many_to_many.clone_from(&old.many_to_many);
        }
        let result = if is_managed { self.change(call, &table, &old, &mut new) } else { Ok(()) };
        self.model(&model)?.fields[at] = new;
        result
    }

    fn change(
        &mut self,
        call: &CallValue,
        table: &str,
        old: &Field,
        new: &mut Field,
    ) -> Result<(), Reason> {
        if old.many_to_many.is_some() != new.many_to_many.is_some() {
            return Err("a relation becomes a column, or the other way".to_owned());
        }
        if old.many_to_many.is_some() {
            return Ok(());
        }
        let is_same_reference = match (&old.reference, &new.reference) {
            (None, None) => true,
            (Some(old), Some(new)) => {
                (&old.table, &old.column, old.has_constraint)
                    == (&new.table, &new.column, new.has_constraint)
            }
            _ => false,
        };
        if !is_same_reference {
            return Err("what a foreign key refers to changes".to_owned());
        }
        if old.is_primary_key != new.is_primary_key
            || new.is_primary_key && old.type_name != new.type_name
        {
            return Err("the key of the model changes".to_owned());
        }
        if old.counts != new.counts
            || old.is_positive != new.is_positive
            || old.collation != new.collation
        {
            return Err("a check, a collation or the way it counts changes".to_owned());
        }
        if old.type_name.is_none() != new.type_name.is_none()
            || old.type_name.is_none() && old.class != new.class
        {
            return Err("the type of the column before is not known".to_owned());
        }
        let host = call.span;
        let alter = format!("ALTER TABLE \"{table}\" ");
        let is_changed = old.type_name != new.type_name
            || old.is_null != new.is_null
            || old.is_unique != new.is_unique;
        let key = old
            .reference
            .as_ref()
            .and_then(|reference| reference.name.clone())
            .filter(|_| is_changed);
        if let Some(key) = &key {
            self.send_block(
                call.span,
                format!("SET CONSTRAINTS \"{key}\" IMMEDIATE; {alter}DROP CONSTRAINT \"{key}\""),
            );
        }
        let column = new.column.clone();
        if old.is_unique && !new.is_unique {
            let name = match &old.unique_name {
                Some(name) => name.clone(),
                None if table.len() + old.column.len() < 58 => {
                    format!("{table}_{}_key", old.column)
                }
                None => return Err("the name of a constraint is not known".to_owned()),
            };
            self.send(host, format!("{alter}DROP CONSTRAINT \"{name}\""));
        }
        let (before, after) = (index_statements(table, old), index_statements(table, new));
        let gone = before.iter().filter(|sql| !after.contains(sql)).collect::<Vec<_>>();
        let made = after.iter().filter(|sql| !before.contains(sql)).collect::<Vec<_>>();
        if !(gone.is_empty() && made.is_empty())
            && self.deferred.iter().any(|deferred| deferred.uses(table, &old.column))
        {
            return Err("an index that the end of the migration makes changes".to_owned());
        }
        for sql in gone {
            let name = sql.split('"').nth(1).unwrap_or_default();
            self.send(host, format!("DROP INDEX IF EXISTS \"{name}\""));
        }
        if old.column != column {
            self.send(host, format!("{alter}RENAME COLUMN \"{}\" TO \"{column}\"", old.column));
            self.deferred_column(table, &old.column, &column);
        }
        let db_default = |field: &Field| field.db_default.as_ref().map(Text::shown);
        if let (Some(to), true) = (&new.type_name, old.type_name != new.type_name) {
            let using = if same_kind(&old.class, &new.class) {
                String::new()
            } else {
                format!(" USING \"{column}\"::{to}")
            };
            self.send(host, format!("{alter}ALTER COLUMN \"{column}\" TYPE {to}{using}"));
        }
        if db_default(old) != db_default(new) {
            let mut sql = Text::translated(format!("{alter}ALTER COLUMN \"{column}\" "), host);
            match &new.db_default {
                Some(default) => {
                    sql.push("SET DEFAULT ", host);
                    sql.append(default.clone());
                }
                None => sql.push("DROP DEFAULT", host),
            }
            self.send_text(host, sql);
        }
        match (old.is_null, new.is_null) {
            (true, false) => self.set_not_null(call, table, new),
            (false, true) => {
                self.send(host, format!("{alter}ALTER COLUMN \"{column}\" DROP NOT NULL"));
            }
            _ => {}
        }
        if new.is_unique && !old.is_unique {
            let name = of_columns(table, &[&column], "_uniq");
            self.send(host, format!("{alter}ADD CONSTRAINT \"{name}\" UNIQUE (\"{column}\")"));
            new.unique_name = Some(name);
        }
        for sql in made {
            self.send(host, sql.as_str());
        }
        if let (Some(_), Some(reference)) = (key, &mut new.reference) {
            let (sql, name) = foreign_key_sql(table, &column, reference);
            self.send(host, sql);
            reference.name = Some(name).filter(|name| !name.is_empty());
        }
        Ok(())
    }

    fn set_not_null(&mut self, call: &CallValue, table: &str, new: &Field) {
        let host = call.span;
        let column = &new.column;
        let alter = format!("ALTER TABLE \"{table}\" ALTER COLUMN \"{column}\"");
        let default = new.default.clone().filter(|_| new.db_default.is_none());
        if let Some(default) = &default {
            let mut sql = Text::translated(format!("{alter} SET DEFAULT "), host);
            sql.append(default.clone());
            self.send_text(host, sql);
            let mut sql = Text::translated(format!("UPDATE \"{table}\" SET \"{column}\" = "), host);
            sql.append(default.clone());
            sql.push(format!(" WHERE \"{column}\" IS NULL; SET CONSTRAINTS ALL IMMEDIATE"), host);
            self.sent.push(super::super::Sent::text(host, sql));
        }
        self.send(host, format!("{alter} SET NOT NULL"));
        if default.is_some() {
            self.send(host, format!("{alter} DROP DEFAULT"));
        }
    }
}

/// Returns whether Django takes two classes of fields for one when it looks for a cast.
fn same_kind(old: &str, new: &str) -> bool {
    let kind = |class: &str| match class {
        "EmailField" | "URLField" | "CharField" => "CharField".to_owned(),
        "FileField" | "ImageField" | "FilePathField" | "SlugField" => "FileField".to_owned(),
        "IntegerField" | "PositiveIntegerField" | "AutoField" => "IntegerField".to_owned(),
        "BigIntegerField" | "PositiveBigIntegerField" | "BigAutoField" => {
            "BigIntegerField".to_owned()
        }
        "SmallIntegerField" | "PositiveSmallIntegerField" | "SmallAutoField" => {
            "SmallIntegerField".to_owned()
        }
        other => other.to_owned(),
    };
    kind(old) == kind(new)
}
