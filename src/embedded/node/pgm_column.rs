//! Columns and constraints of node-pg-migrate.

use super::super::sql::literal;
use super::super::value::{Value, ValueKind};
use super::knex::{RUN_TIME, known, names};
use super::last;
use super::pgm::table_name;
use crate::sql::tree::quote_identifier;

/// A column that is made.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) comment: Option<String>,
    pub(super) is_key: bool,
    /// Its type with what stands before `PRIMARY KEY`, and what stands behind.
    before: String,
    behind: String,
}

impl Column {
    /// Returns its definition; it may say that it is the primary key.
    pub(super) fn definition(&self, may_be_key: bool) -> String {
        let key = if self.is_key && may_be_key { " PRIMARY KEY" } else { "" };
        format!("{} {}{key}{}", quote_identifier(&self.name), self.before, self.behind)
    }
}

/// Reads the columns that a call is given.
pub(super) fn columns(value: Option<&Value>, has_shorthands: bool) -> Result<Vec<Column>, String> {
    let Some(ValueKind::Map(pairs)) = value.map(|value| &value.kind) else {
        return Err(RUN_TIME.to_owned());
    };
    pairs.iter().map(|(name, value)| column(known(Some(name))?, value, has_shorthands)).collect()
}

fn column(name: String, value: &Value, has_shorthands: bool) -> Result<Column, String> {
    let options = match &value.kind {
        ValueKind::Map(pairs) => &pairs[..],
        _ => &[],
    };
    let wanted = match &value.kind {
        ValueKind::Map(_) => known(value.get("type"))?,
        _ => known(Some(value))?,
    };
    if has_shorthands {
        return Err("its `shorthands` are not followed".to_owned());
    }
    let (wanted, mut is_key) = match wanted.as_str() {
        "id" => ("serial".to_owned(), true),
        other => (type_name(other), false),
    };
    let (mut default, mut unique, mut not_null) = (String::new(), "", "");
    let (mut check, mut reference, mut generated) = (String::new(), String::new(), String::new());
    let (mut on, mut comment) = ([String::new(), String::new()], None);
    for (key, value) in options {
        let key = known(Some(key))?;
        let is_set = || value.truth().ok_or_else(|| RUN_TIME.to_owned());
        match key.as_str() {
            "type" => {}
            _ if value.is_nothing() && key != "default" => {}
            "default" => default = format!(" DEFAULT {}", constant(value)?),
            "unique" => unique = if is_set()? { " UNIQUE" } else { "" },
            "notNull" => not_null = if is_set()? { " NOT NULL" } else { "" },
            "primaryKey" => is_key = is_set()?,
            "check" => check = format!(" CHECK ({})", known(Some(value))?),
            "references" => reference = format!(" REFERENCES {}", referenced(value)?),
            "onDelete" => on[0] = format!(" ON DELETE {}", known(Some(value))?),
            "onUpdate" => on[1] = format!(" ON UPDATE {}", known(Some(value))?),
            "comment" => comment = Some(known(Some(value))?),
            "sequenceGenerated" => {
                let precedence = known(value.get("precedence"))?;
                let is_plain = matches!(&value.kind, ValueKind::Map(pairs) if pairs.len() == 1);
                if !is_plain {
                    return Err("the options of a sequence are not translated".to_owned());
                }
                generated = format!(" GENERATED {precedence} AS IDENTITY");
            }
            "expressionGenerated" => {
                generated = format!(" GENERATED ALWAYS AS ({}) STORED", known(Some(value))?);
            }
            other => return Err(format!("`{other}` of a column is not translated")),
        }
    }
    let [on_delete, on_update] = on;
    Ok(Column {
        name,
        comment,
        is_key,
        before: format!("{wanted}{default}{unique}"),
        behind: format!("{not_null}{check}{reference}{on_delete}{on_update}{generated}"),
    })
}

/// Returns a type as node-pg-migrate spells it.
pub(super) fn type_name(name: &str) -> String {
    let adapted = match name {
        "int" => "integer",
        "string" => "text",
        "float" => "real",
        "double" => "double precision",
        "datetime" => "timestamp",
        "bool" => "boolean",
        other => other,
    };
    adapted.to_owned()
}

/// Returns a constant, or what `pgm.func` is given.
pub(super) fn constant(value: &Value) -> Result<String, String> {
    match &value.kind {
        ValueKind::Text(_) => Ok(literal(&known(Some(value))?)),
        ValueKind::Number(number) => Ok(number.clone()),
        ValueKind::Bool(value) => Ok(value.to_string()),
        ValueKind::Nothing => Ok("NULL".to_owned()),
        ValueKind::Call(call) if last(&call.name) == "func" => known(call.positional(0)),
        _ => Err("a default is known only at run time".to_owned()),
    }
}

/// Returns the table that a foreign key refers to, with its columns if they are given.
fn referenced(value: &Value) -> Result<String, String> {
    match value.known_text() {
        Some(text) if text.starts_with('"') || text.ends_with(')') => Ok(text),
        _ => Ok(table_name(Some(value))?.to_string()),
    }
}

/// Reads the constraints of a table, all of them with the same name if there is one.
pub(super) fn constraints(
    value: &Value,
    table: &str,
    name: Option<&str>,
) -> Result<Vec<String>, String> {
    let ValueKind::Map(pairs) = &value.kind else { return Err(RUN_TIME.to_owned()) };
    let mut found = Vec::new();
    let is_set = |key: &str| value.get(key).and_then(Value::bool) == Some(true);
    let deferrable = match (is_set("deferrable"), is_set("deferred")) {
        (true, true) => " DEFERRABLE INITIALLY DEFERRED",
        (true, false) => " DEFERRABLE INITIALLY IMMEDIATE",
        _ => "",
    };
    for (key, value) in pairs.iter() {
        let key = known(Some(key))?;
        let named = |made: String| {
            let name = name.map_or(made, str::to_owned);
            format!("CONSTRAINT {} ", quote_identifier(&name))
        };
        let list = |columns: &[String]| super::super::sql::names(columns);
        // node-pg-migrate sends them in this order.
        let (place, text) = match key.as_str() {
            "deferrable" | "deferred" => continue,
            "check" => {
                let condition = known(Some(value))?;
                (0, format!("{}CHECK ({condition})", named(format!("{table}_chck"))))
            }
            "unique" => {
                let columns = names(Some(value))?;
                let made = format!("{table}_uniq_{}", columns.join("_"));
                (1, format!("{}UNIQUE ({})", named(made), list(&columns)))
            }
            "primaryKey" => {
                let columns = names(Some(value))?;
                (2, format!("{}PRIMARY KEY ({})", named(format!("{table}_pkey")), list(&columns)))
            }
            "foreignKeys" => (3, foreign_key(value, table, named)?),
            other => return Err(format!("the constraint `{other}` is not translated")),
        };
        found.push((place, format!("{text}{deferrable}")));
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, text)| text).collect())
}

fn foreign_key(
    value: &Value,
    table: &str,
    named: impl Fn(String) -> String,
) -> Result<String, String> {
    let ValueKind::Map(pairs) = &value.kind else {
        return Err("several foreign keys of one call are not translated".to_owned());
    };
    let is_known = |key: &str| matches!(key, "columns" | "references" | "onDelete" | "onUpdate");
    for (key, _) in pairs.iter() {
        let key = known(Some(key))?;
        if !is_known(&key) {
            return Err(format!("`{key}` of a foreign key is not translated"));
        }
    }
    let columns = names(value.get("columns"))?;
    let reference = referenced(value.get("references").ok_or(RUN_TIME)?)?;
    let on = |key: &str, word: &str| -> Result<String, String> {
        let action = value.get(key).filter(|action| !action.is_nothing());
        let action = action.map(|action| known(Some(action))).transpose()?;
        Ok(action.map(|action| format!(" ON {word} {action}")).unwrap_or_default())
    };
    let made = format!("{table}_fk_{}", columns.join("_"));
    Ok(format!(
        "{}FOREIGN KEY ({}) REFERENCES {reference}{}{}",
        named(made),
        super::super::sql::names(&columns),
        on("onDelete", "DELETE")?,
        on("onUpdate", "UPDATE")?
    ))
}
