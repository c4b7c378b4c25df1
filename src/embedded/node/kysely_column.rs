//! Columns and constraints of Kysely's schema builder.

use super::super::evaluate::Event;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::RUN_TIME;
use super::kysely::{Chain, constant, known, names, quote, tagged};
use super::{last, raw};

/// The name that a function is given its builder by.
pub(super) const BUILDER: &str = "builder";

/// Returns the calls that a function makes of the builder that it is given.
fn calls(events: Option<Vec<Event>>) -> Result<Vec<std::rc::Rc<CallValue>>, String> {
    let mut found = Vec::new();
    for event in events.unwrap_or_default() {
        // A part of an expression is seen again in what it is a part of.
        if event.is_part() {
            continue;
        }
        let call = event.call().filter(|_| event.doubt.is_none()).ok_or(RUN_TIME)?;
        let mut next = Some(std::rc::Rc::clone(call));
        let mut chain = Vec::new();
        while let Some(call) = next {
            next = call.receiver.as_ref().and_then(Value::call).cloned();
            chain.push(call);
        }
        chain.reverse();
        if !chain.first().is_some_and(|first| first.name.starts_with(BUILDER)) {
            return Err(RUN_TIME.to_owned());
        }
        found.extend(chain);
    }
    Ok(found)
}

/// Returns whether a call is given a function that has been followed, if it is given any.
fn is_followed(call: &CallValue, at: usize) -> bool {
    call.positional(at).is_none_or(|value| matches!(value.kind, ValueKind::Function(_)))
}

/// Returns the definition of a column.
pub(super) fn definition(
    chain: &Chain,
    call: &CallValue,
    events: Option<Vec<Event>>,
) -> Result<String, String> {
    if !is_followed(call, 2) {
        return Err(RUN_TIME.to_owned());
    }
    let name = quote(&known(call.positional(0))?);
    let spelled = type_name(call.positional(1))?;
    let mut said = Column::default();
    for call in calls(events)? {
        said.call(chain, &call)?;
    }
    let stored = if said.is_stored { " stored" } else { "" };
    let parts = [
        said.generated.map(|how| format!("generated {how}{stored}")),
        said.default.map(|value| format!("default {value}")),
        said.not_null.then(|| "not null".to_owned()),
        said.unique.then(|| "unique".to_owned()),
        said.nulls_not_distinct.then(|| "nulls not distinct".to_owned()),
        said.primary_key.then(|| "primary key".to_owned()),
        said.references,
        said.on_delete.map(|action| format!("on delete {action}")),
        said.on_update.map(|action| format!("on update {action}")),
        said.check.map(|check| format!("check ({check})")),
        said.end,
    ];
    let mut out = format!("{}{name} {spelled}", said.exists);
    parts.into_iter().flatten().for_each(|part| out.push_str(&format!(" {part}")));
    Ok(out)
}

fn type_name(value: Option<&Value>) -> Result<String, String> {
    match value {
        Some(tag) if raw::is_tag(tag) => tagged(value),
        _ => known(value),
    }
}

/// What is said of a column.
#[derive(Default)]
struct Column {
    exists: &'static str,
    generated: Option<String>,
    is_stored: bool,
    default: Option<String>,
    not_null: bool,
    unique: bool,
    nulls_not_distinct: bool,
    primary_key: bool,
    references: Option<String>,
    on_delete: Option<String>,
    on_update: Option<String>,
    check: Option<String>,
    end: Option<String>,
}

impl Column {
    fn call(&mut self, chain: &Chain, call: &CallValue) -> Result<(), String> {
        let first = call.positional(0);
        match last(&call.name) {
            "primaryKey" => self.primary_key = true,
            "notNull" => self.not_null = true,
            "unique" => self.unique = true,
            "nullsNotDistinct" => self.nulls_not_distinct = true,
            "ifNotExists" => self.exists = "if not exists ",
            "defaultTo" => self.default = Some(constant(first)?),
            "references" => self.references = Some(references(chain, &known(first)?)?),
            "onDelete" => self.on_delete = Some(known(first)?),
            "onUpdate" => self.on_update = Some(known(first)?),
            "check" => self.check = Some(tagged(first)?),
            "generatedAlwaysAsIdentity" => {
                self.generated = Some("always as identity".to_owned());
            }
            "generatedByDefaultAsIdentity" => {
                self.generated = Some("by default as identity".to_owned());
            }
            "generatedAlwaysAs" => {
                self.generated = Some(format!("always as ({})", tagged(first)?));
            }
            "stored" => self.is_stored = true,
            "modifyEnd" => self.end = Some(tagged(first)?),
            other => return Err(format!("`{other}` is not translated")),
        }
        Ok(())
    }
}

/// Returns `references` with the table and column in `schema.table.column`.
fn references(chain: &Chain, path: &str) -> Result<String, String> {
    let parts: Vec<&str> = path.split('.').collect();
    let (table, column) = match (parts.as_slice(), &chain.schema) {
        ([table, column], Some(schema)) => (format!("{}.{}", quote(schema), quote(table)), column),
        ([table, column], None) => (quote(table), column),
        ([schema, table, column], _) => (format!("{}.{}", quote(schema), quote(table)), column),
        _ => return Err(format!("`{path}` is no column of a table")),
    };
    Ok(format!("references {table} ({})", quote(column)))
}

/// Returns what `alterColumn` changes.
pub(super) fn alteration(events: Option<Vec<Event>>) -> Result<String, String> {
    let calls = calls(events)?;
    let [call] = calls.as_slice() else { return Err(RUN_TIME.to_owned()) };
    let first = call.positional(0);
    match last(&call.name) {
        "setDataType" => Ok(format!("type {}", type_name(first)?)),
        "setDefault" => Ok(format!("set default {}", constant(first)?)),
        "dropDefault" => Ok("drop default".to_owned()),
        "setNotNull" => Ok("set not null".to_owned()),
        "dropNotNull" => Ok("drop not null".to_owned()),
        other => Err(format!("`{other}` is not translated")),
    }
}

/// Returns the constraint that a call adds to a table.
pub(super) fn constraint(
    chain: &Chain,
    call: &CallValue,
    events: Option<Vec<Event>>,
) -> Result<String, String> {
    let method = last(&call.name);
    let function = if method == "addForeignKeyConstraint" { 4 } else { 2 };
    let is_constraint = matches!(
        method,
        "addPrimaryKeyConstraint"
            | "addUniqueConstraint"
            | "addCheckConstraint"
            | "addForeignKeyConstraint"
    );
    if !is_constraint {
        return Err(format!("`{method}` is not translated"));
    }
    if !is_followed(call, function) {
        return Err(RUN_TIME.to_owned());
    }
    let name = quote(&known(call.positional(0))?);
    let columns = |at: usize| -> Result<String, String> {
        let quoted: Vec<String> =
            names(call.positional(at))?.iter().map(|name| quote(name)).collect();
        Ok(quoted.join(", "))
    };
    let (mut nulls, mut deferrable, mut initially) = ("", "", "");
    let (mut on_delete, mut on_update) = (String::new(), String::new());
    for call in calls(events)? {
        match last(&call.name) {
            "nullsNotDistinct" => nulls = " nulls not distinct",
            "deferrable" => deferrable = " deferrable",
            "notDeferrable" => deferrable = " not deferrable",
            "initiallyDeferred" => initially = " initially deferred",
            "initiallyImmediate" => initially = " initially immediate",
            "onDelete" => on_delete = format!(" on delete {}", known(call.positional(0))?),
            "onUpdate" => on_update = format!(" on update {}", known(call.positional(0))?),
            other => return Err(format!("`{other}` is not translated")),
        }
    }
    let demand = match method {
        "addPrimaryKeyConstraint" => format!("primary key ({})", columns(1)?),
        "addUniqueConstraint" => format!("unique{nulls} ({})", columns(1)?),
        "addCheckConstraint" => format!("check ({})", tagged(call.positional(1))?),
        _ => format!(
            "foreign key ({}) references {} ({}){on_delete}{on_update}",
            columns(1)?,
            chain.name(call.positional(2))?,
            columns(3)?
        ),
    };
    Ok(format!("constraint {name} {demand}{deferrable}{initially}"))
}
