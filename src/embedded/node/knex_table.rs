//! What the function does that Knex gives a table to.

use super::super::evaluate::Event;
use super::super::sql::literal;
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::{RUN_TIME, Translated, chain, columnize, default, known, names, wrap};
use super::last;
use crate::source::Span;

/// A table that is made or changed.
pub(super) struct Table<'a> {
    raw: &'a str,
    name: String,
    schema: Option<&'a str>,
    host: Span,
    is_new: bool,
    if_not_exists: bool,
    columns: Vec<Column>,
    primary: Option<Text>,
    comment: Option<String>,
    enums: Vec<Text>,
    /// What is sent behind the columns, in the order of the calls.
    rest: Vec<Text>,
}

struct Column {
    host: Span,
    name: String,
    type_name: String,
    /// What makes it the key where nothing else is.
    is_serial: bool,
    is_enum: bool,
    not_null: Option<bool>,
    default: Option<Text>,
    comment: Option<String>,
    alter: bool,
    alters_type: bool,
    alters_null: bool,
}

/// A foreign key, until its chain ends.
#[derive(Default)]
struct Foreign {
    columns: Vec<String>,
    key_name: Option<String>,
    references: Vec<String>,
    table: Option<String>,
    on_delete: Option<String>,
    on_update: Option<String>,
    deferrable: Option<String>,
}

impl<'a> Table<'a> {
    pub(super) fn of(
        raw: &'a str,
        schema: Option<&'a str>,
        method: &str,
        host: Span,
        events: Vec<Event>,
    ) -> Result<Self, String> {
        let name = match schema {
            Some(schema) => format!("{}.{}", wrap(schema), wrap(raw)),
            None => wrap(raw),
        };
        let mut table = Self {
            raw,
            name,
            schema,
            host,
            is_new: method.starts_with("create"),
            if_not_exists: method.ends_with("Exists"),
            columns: Vec::new(),
            primary: None,
            comment: None,
            enums: Vec::new(),
            rest: Vec::new(),
        };
        for event in events {
            if event.is_part() && !event.call().is_some_and(|call| is_of_table(call)) {
                continue;
            }
            if let Some(doubt) = event.doubt {
                return Err(format!("of a part of it, {}", doubt.why));
            }
            let call = event.call().ok_or("a part of it is written in a way that is not read")?;
            table.event(call)?;
        }
        Ok(table)
    }

    fn event(&mut self, call: &CallValue) -> Result<(), String> {
        let chain = chain(call);
        let (Some(first), rest) = (chain.first(), chain.get(1..).unwrap_or_default()) else {
            return Ok(());
        };
        if first.has_spread() || !is_of_table(call) {
            return Err(RUN_TIME.to_owned());
        }
        if self.operation(first, rest)? {
            return Ok(());
        }
        let mut column = self.column(first)?;
        let mut foreign: Option<Foreign> = None;
        let mut behind = Vec::new();
        // The foreign key is sent where the chain first speaks of it.
        let mut place = None;
        for call in rest {
            self.modifier(call, &mut column, &mut foreign, &mut behind)?;
            place = place.or(foreign.is_some().then_some(behind.len()));
        }
        let last = behind.split_off(place.unwrap_or(behind.len()));
        self.rest.append(&mut behind);
        if let Some(foreign) = foreign {
            let foreign = Foreign { columns: vec![column.name.clone()], ..foreign };
            self.foreign(&foreign, column.host)?;
        }
        self.rest.extend(last);
        self.columns.push(column);
        Ok(())
    }

    /// Reads a method that makes no column; returns whether it is one.
    fn operation(&mut self, call: &CallValue, rest: &[&CallValue]) -> Result<bool, String> {
        let host = call.span;
        let argument = |at: usize| call.positional(at);
        match last(&call.name) {
            "timestamps" => self.timestamps(call)?,
            "comment" if !self.is_new => return Err("`comment` is not translated".to_owned()),
            "comment" => self.comment = Some(known(argument(0))?),
            "primary" => {
                let columns = names(argument(0))?;
                self.primary(&columns, argument(1), host)?;
            }
            "unique" => {
                let columns = names(argument(0))?;
                let sql = self.unique(&columns, argument(1), host)?;
                self.rest.push(sql);
            }
            "index" => {
                let columns = names(argument(0))?;
                let sql = self.index(&columns, argument(1), argument(2), host)?;
                self.rest.push(sql);
            }
            "foreign" => {
                let key_name = optional(argument(1))?;
                let mut foreign =
                    Foreign { columns: names(argument(0))?, key_name, ..Foreign::default() };
                for call in rest {
                    if !references(call, &mut foreign)? {
                        return Err(format!("`{}` is not translated", last(&call.name)));
                    }
                }
                self.foreign(&foreign, host)?;
                return Ok(true);
            }
            "dropColumn" | "dropColumns" => {
                let lists: Result<Vec<Vec<String>>, String> =
                    call.arguments.iter().map(|argument| names(Some(&argument.value))).collect();
                self.drop_columns(&lists?.concat(), host);
            }
            "dropTimestamps" => {
                let is_camel = argument(0).and_then(Value::bool) == Some(true);
                let pair = if is_camel {
                    ["createdAt", "updatedAt"]
                } else {
                    ["created_at", "updated_at"]
                };
                self.drop_columns(&pair.map(str::to_owned), host);
            }
            "renameColumn" => {
                let (from, to) = (known(argument(0))?, known(argument(1))?);
                self.change(format!("rename {} to {}", wrap(&from), wrap(&to)), host);
            }
            "setNullable" | "dropNullable" => {
                let column = wrap(&known(argument(0))?);
                let word = if last(&call.name) == "setNullable" { "drop" } else { "set" };
                self.change(format!("alter column {column} {word} not null"), host);
            }
            "dropIndex" => {
                let name = self.index_name("index", argument(0), argument(1))?;
                let schema = self.schema.map(|schema| format!("{}.", wrap(schema)));
                let sql = format!("drop index {}{name}", schema.unwrap_or_default());
                self.rest.push(Text::translated(sql, host));
            }
            "dropUnique" | "dropForeign" | "dropUniqueIfExists" | "dropForeignIfExists" => {
                let method = last(&call.name);
                let kind = if method.starts_with("dropUnique") { "unique" } else { "foreign" };
                let name = self.index_name(kind, argument(0), argument(1))?;
                let exists = if method.ends_with("Exists") { "if exists " } else { "" };
                self.change(format!("drop constraint {exists}{name}"), host);
            }
            "dropPrimary" | "dropPrimaryIfExists" => {
                let name = optional(argument(0))?.unwrap_or_else(|| format!("{}_pkey", self.raw));
                let exists = if call.name.ends_with("Exists") { "if exists " } else { "" };
                self.change(format!("drop constraint {exists}{}", wrap(&name)), host);
            }
            _ => return Ok(false),
        }
        match rest.first() {
            Some(more) => Err(format!("`{}` is not translated", last(&more.name))),
            None => Ok(true),
        }
    }

    fn change(&mut self, change: String, host: Span) {
        self.rest.push(Text::translated(format!("alter table {} {change}", self.name), host));
    }

    fn drop_columns(&mut self, columns: &[String], host: Span) {
        let drops: Vec<String> =
            columns.iter().map(|column| format!("drop column {}", wrap(column))).collect();
        self.change(drops.join(", "), host);
    }

    fn timestamps(&mut self, call: &CallValue) -> Result<(), String> {
        let options = call.positional(0).filter(|value| matches!(value.kind, ValueKind::Map(_)));
        let flag = |at: usize, name: &str| {
            let value = match options {
                Some(options) => options.get(name),
                None => call.positional(at),
            };
            value.map_or(Ok(false), |value| value.truth().ok_or_else(|| RUN_TIME.to_owned()))
        };
        let has_default = flag(1, "defaultToNow")?;
        let pair = if flag(2, "useCamelCase")? {
            ["createdAt", "updatedAt"]
        } else {
            ["created_at", "updated_at"]
        };
        for name in pair {
            let mut column = Column::new(name, "timestamptz", call.span);
            column.not_null = has_default.then_some(true);
            column.default = has_default.then(|| Text::translated("CURRENT_TIMESTAMP", call.span));
            self.columns.push(column);
        }
        Ok(())
    }

    fn column(&mut self, call: &CallValue) -> Result<Column, String> {
        let method = last(&call.name);
        let is_serial = matches!(method, "increments" | "bigincrements" | "bigIncrements");
        let name = match call.positional(0) {
            None if is_serial => "id".to_owned(),
            // `increments({ primaryKey: false })` is no name.
            Some(Value { kind: ValueKind::Map(_), .. }) => return Err(RUN_TIME.to_owned()),
            value => known(value)?,
        };
        let number = |at: usize, default: &str| match call.positional(at).map(|value| &value.kind) {
            None | Some(ValueKind::Nothing) => Ok(default.to_owned()),
            Some(ValueKind::Number(number)) => Ok(number.clone()),
            _ => Err(RUN_TIME.to_owned()),
        };
        let type_name = match method {
            "increments" => "serial".to_owned(),
            "bigincrements" | "bigIncrements" => "bigserial".to_owned(),
            "int" | "integer" | "mediumint" => "integer".to_owned(),
            "tinyint" | "smallint" => "smallint".to_owned(),
            "bigint" | "biginteger" | "bigInteger" => "bigint".to_owned(),
            "float" => "real".to_owned(),
            "double" => "double precision".to_owned(),
            "bool" | "boolean" => "boolean".to_owned(),
            "binary" => "bytea".to_owned(),
            "date" | "time" | "text" | "json" | "jsonb" | "uuid" => method.to_owned(),
            "string" | "varchar" => format!("varchar({})", number(1, "255")?),
            "decimal" if call.positional(1).is_some_and(Value::is_nothing) => "decimal".to_owned(),
            "decimal" => format!("decimal({}, {})", number(1, "8")?, number(2, "2")?),
            "datetime" | "dateTime" | "timestamp" => timestamp(call)?,
            "specificType" => known(call.positional(1))?,
            "enu" | "enum" => self.enumeration(call, &name)?,
            other => return Err(format!("`{other}` is not translated")),
        };
        let mut column = Column::new(&name, &type_name, call.span);
        column.is_enum = matches!(method, "enu" | "enum");
        let options = call.positional(1);
        let key = options.and_then(|options| options.get("primaryKey")).and_then(Value::bool);
        column.is_serial = is_serial && key != Some(false) || key == Some(true);
        Ok(column)
    }

    fn enumeration(&mut self, call: &CallValue, column: &str) -> Result<String, String> {
        let options = call.positional(2);
        let option = |name: &str| options.and_then(|options| options.get(name));
        let is_set = |name: &str| option(name).and_then(Value::bool) == Some(true);
        let values = || -> Result<String, String> {
            let values: Vec<String> =
                names(call.positional(1))?.iter().map(|value| literal(value)).collect();
            Ok(values.join(", "))
        };
        if !is_set("useNative") {
            return Ok(format!("text check ({} in ({}))", wrap(column), values()?));
        }
        let schema = optional(option("schemaName"))?.or(self.schema.map(str::to_owned));
        let schema = schema.map(|schema| format!("{}.", wrap(&schema))).unwrap_or_default();
        let name = format!("{schema}{}", wrap(&known(option("enumName"))?));
        if !is_set("existingType") {
            let sql = format!("create type {name} as enum ({})", values()?);
            self.enums.insert(0, Text::translated(sql, call.span));
        }
        Ok(name)
    }

    fn modifier(
        &mut self,
        call: &CallValue,
        column: &mut Column,
        foreign: &mut Option<Foreign>,
        behind: &mut Vec<Text>,
    ) -> Result<(), String> {
        let own = [column.name.clone()];
        let host = super::calls::own_span(call);
        let argument = |at: usize| call.positional(at);
        match last(&call.name) {
            "notNullable" | "notNull" => column.not_null = Some(true),
            "nullable" | "null" => {
                let value = argument(0).and_then(Value::bool);
                column.not_null = Some(value == Some(false));
            }
            "defaultTo" | "default" | "defaultsTo" => {
                column.default = Some(default(argument(0), column.type_name == "boolean"));
            }
            "comment" => column.comment = Some(known(argument(0))?),
            // PostgreSQL knows no such columns.
            "unsigned" | "first" | "after" | "collate" => {}
            "primary" => self.primary(&own, argument(0), host)?,
            "unique" => behind.push(self.unique(&own, argument(0), host)?),
            "index" => behind.push(self.index(&own, argument(0), argument(1), host)?),
            "alter" => {
                column.alter = true;
                let is_off = |name: &str| {
                    let value = argument(0).and_then(|options| options.get(name));
                    value.and_then(Value::bool) == Some(false)
                };
                column.alters_type = !is_off("alterType");
                column.alters_null = !is_off("alterNullable");
            }
            other => {
                let mut found = foreign.take().unwrap_or_default();
                if !references(call, &mut found)? {
                    return Err(format!("`{other}` is not translated"));
                }
                *foreign = Some(found);
            }
        }
        Ok(())
    }

    fn primary(
        &mut self,
        columns: &[String],
        name: Option<&Value>,
        host: Span,
    ) -> Result<(), String> {
        let (name, deferrable) = match name {
            Some(options @ Value { kind: ValueKind::Map(_), .. }) => {
                (optional(options.get("constraintName"))?, optional(options.get("deferrable"))?)
            }
            name => (optional(name)?, None),
        };
        let name = name.unwrap_or_else(|| format!("{}_pkey", self.raw));
        let sql = format!(
            "constraint {} primary key ({}){}",
            wrap(&name),
            columnize(columns),
            initially(deferrable.as_deref())
        );
        if !self.is_new {
            self.change(format!("add {sql}"), host);
        } else if self.primary.is_none() {
            self.primary = Some(Text::translated(sql, host));
        }
        Ok(())
    }

    fn unique(
        &self,
        columns: &[String],
        options: Option<&Value>,
        host: Span,
    ) -> Result<Text, String> {
        let (mut name, mut deferrable, mut is_index) = (None, None, false);
        match options {
            Some(options @ Value { kind: ValueKind::Map(_), .. }) => {
                if options.get("predicate").is_some() {
                    return Err("the condition of an index is not translated".to_owned());
                }
                name = optional(options.get("indexName"))?;
                deferrable = optional(options.get("deferrable"))?;
                is_index = options.get("useConstraint").and_then(Value::bool) == Some(false);
            }
            other => name = name.or(optional(other)?),
        }
        let name = name.map_or_else(|| self.made_name("unique", columns), |name| wrap(&name));
        let columns = columnize(columns);
        let sql = if is_index {
            format!("create unique index {name} on {} ({columns})", self.name)
        } else {
            let deferrable = initially(deferrable.as_deref());
            format!(
                "alter table {} add constraint {name} unique ({columns}){deferrable}",
                self.name
            )
        };
        Ok(Text::translated(sql, host))
    }

    fn index(
        &self,
        columns: &[String],
        name: Option<&Value>,
        options: Option<&Value>,
        host: Span,
    ) -> Result<Text, String> {
        let name = optional(name)?;
        let name = name.map_or_else(|| self.made_name("index", columns), |name| wrap(&name));
        let (mut unique, mut method) = ("", None);
        match options {
            Some(options @ Value { kind: ValueKind::Map(_), .. }) => {
                if options.get("predicate").is_some() {
                    return Err("the condition of an index is not translated".to_owned());
                }
                let kind = optional(options.get("indexType"))?.unwrap_or_default();
                unique = if kind.eq_ignore_ascii_case("unique") { " unique" } else { "" };
                method = optional(options.get("storageEngineIndexType"))?;
            }
            other => method = method.or(optional(other)?),
        }
        let method = method.map(|method| format!(" using {method}")).unwrap_or_default();
        let columns = columnize(columns);
        let sql = format!("create{unique} index {name} on {}{method} ({columns})", self.name);
        Ok(Text::translated(sql, host))
    }

    fn foreign(&mut self, foreign: &Foreign, host: Span) -> Result<(), String> {
        let table = foreign.table.as_ref().ok_or("the table of a foreign key is not known")?;
        let name = foreign.key_name.as_ref();
        let name = name.map_or_else(|| self.made_name("foreign", &foreign.columns), |n| wrap(n));
        let on = |event: &str, action: &Option<String>| {
            action.as_ref().map(|action| format!(" on {event} {action}")).unwrap_or_default()
        };
        let sql = format!(
            "add constraint {name} foreign key ({}) references {} ({}){}{}{}",
            columnize(&foreign.columns),
            wrap(table),
            columnize(&foreign.references),
            on("update", &foreign.on_update),
            on("delete", &foreign.on_delete),
            initially(foreign.deferrable.as_deref())
        );
        self.change(sql, host);
        Ok(())
    }

    /// Returns the name of an index that exists.
    fn index_name(
        &self,
        kind: &str,
        columns: Option<&Value>,
        name: Option<&Value>,
    ) -> Result<String, String> {
        match optional(name)? {
            Some(name) => Ok(wrap(&name)),
            None => Ok(self.made_name(kind, &names(columns)?)),
        }
    }

    /// Returns the name that Knex gives an index or a constraint.
    fn made_name(&self, kind: &str, columns: &[String]) -> String {
        let table = self.raw.replace(['.', '-'], "_");
        wrap(&format!("{table}_{}_{kind}", columns.join("_")).to_lowercase())
    }

    pub(super) fn statements(mut self) -> Translated {
        let mut out = std::mem::take(&mut self.enums);
        let (changed, added): (Vec<&Column>, Vec<&Column>) =
            self.columns.iter().partition(|column| column.alter);
        if self.is_new {
            out.push(self.create(&added));
            if let Some(comment) = &self.comment {
                let sql = format!("comment on table {} is '{comment}'", self.name);
                out.push(Text::translated(sql, self.host));
            }
        } else if let Some(first) = added.first() {
            let mut sql = Text::translated(format!("alter table {} ", self.name), first.host);
            for (at, column) in added.iter().enumerate() {
                sql.push(if at == 0 { "add column " } else { ", add column " }, column.host);
                sql.append(column.definition(self.primary.is_none()));
            }
            out.push(sql);
        }
        for column in &changed {
            column.changes(&self.name, &mut out);
        }
        for column in added.iter().chain(&changed) {
            if let Some(comment) = &column.comment {
                let place = format!("{}.{}", self.name, wrap(&column.name));
                let sql = format!("comment on column {place} is {}", literal(comment));
                out.push(Text::translated(sql, column.host));
            }
        }
        out.append(&mut self.rest);
        Ok(out)
    }

    fn create(&self, columns: &[&Column]) -> Text {
        let exists = if self.if_not_exists { "if not exists " } else { "" };
        let mut sql = Text::translated(format!("create table {exists}{} (", self.name), self.host);
        for (at, column) in columns.iter().enumerate() {
            sql.push(if at == 0 { "" } else { ", " }, self.host);
            sql.append(column.definition(self.primary.is_none()));
        }
        if let Some(primary) = &self.primary {
            sql.push(", ", self.host);
            sql.append(primary.clone());
        }
        sql.push(")", self.host);
        sql
    }
}

impl Column {
    fn new(name: &str, type_name: &str, host: Span) -> Self {
        Self {
            host,
            name: name.to_owned(),
            type_name: type_name.to_owned(),
            is_serial: false,
            is_enum: false,
            not_null: None,
            default: None,
            comment: None,
            alter: false,
            alters_type: true,
            alters_null: true,
        }
    }

    fn definition(&self, may_be_key: bool) -> Text {
        let key = if self.is_serial && may_be_key { " primary key" } else { "" };
        let start = format!("{} {}{key}", wrap(&self.name), self.type_name);
        let mut sql = Text::translated(start, self.host);
        if self.type_name.ends_with("serial") {
            return sql;
        }
        match self.not_null {
            Some(true) => sql.push(" not null", self.host),
            Some(false) => sql.push(" null", self.host),
            None => {}
        }
        if let Some(default) = &self.default {
            sql.push(" default ", self.host);
            sql.append(default.clone());
        }
        sql
    }

    /// Adds what `alter()` sends.
    fn changes(&self, table: &str, out: &mut Vec<Text>) {
        let name = wrap(&self.name);
        let start = format!("alter table {table} alter column {name} ");
        let mut push = |rest: &str| {
            out.push(Text::translated(format!("{start}{rest}"), self.host));
        };
        push("drop default");
        if self.alters_null {
            push("drop not null");
        }
        if self.alters_type {
            let cast = if self.is_enum { "::text::" } else { "::" };
            let wanted = &self.type_name;
            push(&format!("type {wanted} using ({name}{cast}{wanted})"));
        }
        if let Some(default) = &self.default {
            let mut sql = Text::translated(format!("{start}set default "), self.host);
            sql.append(default.clone());
            out.push(sql);
        }
        if self.alters_null && self.not_null == Some(true) {
            out.push(Text::translated(format!("{start}set not null"), self.host));
        }
    }
}

/// Reads a method that says what a foreign key refers to; returns whether it is one.
fn references(call: &CallValue, foreign: &mut Foreign) -> Result<bool, String> {
    let argument = call.positional(0);
    match last(&call.name) {
        "references" => {
            foreign.references = names(argument)?;
            if let [one] = &foreign.references[..]
                && let Some((table, column)) = one.clone().split_once('.')
            {
                foreign.table = Some(table.to_owned());
                foreign.references = vec![column.to_owned()];
            }
        }
        "inTable" | "on" => foreign.table = Some(known(argument)?),
        "onDelete" => foreign.on_delete = Some(known(argument)?),
        "onUpdate" => foreign.on_update = Some(known(argument)?),
        "withKeyName" => foreign.key_name = Some(known(argument)?),
        "deferrable" => foreign.deferrable = Some(known(argument)?),
        _ => return Ok(false),
    }
    Ok(true)
}

/// Returns a text that may be left out.
fn optional(value: Option<&Value>) -> Result<Option<String>, String> {
    match value {
        None => Ok(None),
        Some(value) if value.is_nothing() => Ok(None),
        value => known(value).map(Some),
    }
}

fn initially(deferrable: Option<&str>) -> String {
    deferrable.map(|when| format!(" deferrable initially {when}")).unwrap_or_default()
}

fn timestamp(call: &CallValue) -> Result<String, String> {
    let (zone, precision) = match call.positional(1) {
        Some(options @ Value { kind: ValueKind::Map(_), .. }) => {
            (options.get("useTz").map(Value::bool), options.get("precision"))
        }
        Some(without) => (Some(without.truth().map(|without| !without)), call.positional(2)),
        None => (None, None),
    };
    let word = match zone {
        None | Some(Some(true)) => "timestamptz",
        Some(Some(false)) => "timestamp",
        Some(None) => return Err(RUN_TIME.to_owned()),
    };
    match precision.map(|precision| &precision.kind) {
        None | Some(ValueKind::Nothing) => Ok(word.to_owned()),
        Some(ValueKind::Number(precision)) => Ok(format!("{word}({precision})")),
        _ => Err(RUN_TIME.to_owned()),
    }
}

/// Returns whether a chain of calls begins with the table that is described.
fn is_of_table(call: &CallValue) -> bool {
    chain(call).first().is_some_and(|first| {
        first.receiver.is_none() && matches!(first.name.split('.').next(), Some("table" | "this"))
    })
}
