//! Operations on whole models: dropping them and their fields.

use super::super::value::{CallValue, Value};
use super::operations::{Reader, text};
use crate::source::Span;

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
            self.drop_table(call.span, &between);
        }
        self.drop_table(call.span, &table);
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
                self.drop_table(call.span, &between);
            }
            return Ok(());
        }
        if let Some(key) = field.reference.as_ref().and_then(|reference| reference.name.clone()) {
            self.send_block(call.span, format!("SET CONSTRAINTS \"{key}\" IMMEDIATE; ALTER TABLE \"{table}\" DROP CONSTRAINT \"{key}\""));
        }
        let column = format!("\"{}\"", field.column);
        self.send(call.span, format!("ALTER TABLE \"{table}\" DROP COLUMN {column} CASCADE"));
        self.deferred.retain(|deferred| !deferred.uses(&table, &field.column));
        Ok(())
    }

    /// Sends several statements as one message.
    pub(super) fn send_block(&mut self, host: Span, sql: String) {
        let text = super::super::text::Text::translated(sql, host);
        self.sent.push(super::super::Sent::text(host, text));
    }
}

/// Returns the field that an operation adds or changes.
pub(super) fn field_value(call: &CallValue) -> Result<&Value, Reason> {
    call.argument(2, "field").ok_or_else(|| "its field is made elsewhere".to_owned())
}
