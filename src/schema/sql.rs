//! A schema as SQL that can be read, and run on an empty database.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::access;
use super::model::{Column, Constraint, Function, Places, Schema, Sequence, Table, View};
use crate::catalog::ObjectId;
use crate::sql::is_statement;
use crate::sql::tree::quote_identifier;

/// Writes a schema as SQL.
pub fn write(schema: &Schema) -> String {
    let mut writer = Writer {
        schema,
        out: String::new(),
        printed: HashSet::new(),
        late: Vec::new(),
        late_checks: Vec::new(),
        owned: schema.sequences.iter().filter_map(|s| Some((s.owned_by.as_deref()?, s))).collect(),
    };
    writer.schema();
    writer.out
}

struct Writer<'a> {
    schema: &'a Schema,
    out: String,
    /// The tables and views that are there already.
    printed: HashSet<ObjectId>,
    /// Foreign keys to tables that come later.
    late: Vec<String>,
    /// Checks of domains that call functions.
    late_checks: Vec<String>,
    /// The sequences of columns.
    owned: HashMap<&'a str, &'a Sequence>,
}

impl<'a> Writer<'a> {
    fn line(&mut self, text: &str) {
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Writes a statement as it stands in a file, after what it is about.
    fn statement(&mut self, sql: Option<&str>, what: &str, places: &Places) {
        self.comment(places);
        match sql {
            Some(sql) => self.line(&format!("{sql};\n")),
            None => {
                self.line(&format!("-- {what} is not shown: no statement makes it as it is now\n"));
            }
        }
    }

    fn comment(&mut self, places: &Places) {
        let (created, changed) = (&places.created, &places.changed);
        match created == changed {
            true => self.line(&format!("-- {created}")),
            false => self.line(&format!("-- {created}, last changed {changed}")),
        }
    }

    fn schema(&mut self) {
        let schema = self.schema;
        if !schema.functions.is_empty() {
            self.line("set check_function_bodies = false;\n");
        }
        for name in schema.schemas.iter().filter(|name| *name != "public") {
            self.line(&format!("create schema {};\n", quote_identifier(name)));
        }
        for name in &schema.extensions {
            self.line(&format!("create extension {};\n", quote_identifier(name)));
        }
        if schema.schemas.iter().any(|name| name != "public") {
            // Expressions and bodies use names as their migrations did.
            let others = schema.schemas.iter().filter(|name| *name != "public");
            let path: Vec<_> = std::iter::once(Cow::Borrowed("public"))
                .chain(others.map(|name| quote_identifier(name)))
                .collect();
            self.line(&format!("set search_path = {};\n", path.join(", ")));
        }
        for sql in access::roles(schema) {
            self.line(&format!("{sql}\n"));
        }
        self.types();
        self.sequences();
        let rows: HashSet<String> = schema
            .tables
            .iter()
            .map(|table| qualified(&table.schema, &table.name))
            .chain(schema.views.iter().map(|view| qualified(&view.schema, &view.name)))
            .collect();
        let is_late = |function: &&Function| {
            let types = function.arguments.iter().chain(&function.returns);
            types.map(|name| bare(name)).any(|name| rows.contains(name))
        };
        // Aggregates, and bodies that the server reads at once, need functions that are older.
        let mut functions: Vec<&Function> = schema.functions.iter().collect();
        functions.sort_by_key(|function| function.id);
        let (late, early): (Vec<&Function>, Vec<&Function>) =
            functions.into_iter().partition(is_late);
        self.functions(&early);
        for sql in std::mem::take(&mut self.late_checks) {
            self.line(&sql);
        }
        self.tables();
        self.views();
        self.functions(&late);
        self.attached();
        for sql in access::statements(&schema.access) {
            self.line(&sql);
        }
    }

    fn functions(&mut self, functions: &[&Function]) {
        for function in functions {
            let what = format!(
                "{} {}.{}({})",
                function.kind,
                function.schema,
                function.name,
                function.arguments.join(", ")
            );
            self.statement(function.definition.as_deref(), &what, &function.places);
        }
    }

    /// Writes the types, oldest first: a type is older than those that are made of it.
    fn types(&mut self) {
        let schema = self.schema;
        let mut all: Vec<(ObjectId, &Places, String)> = Vec::new();
        let mut late = Vec::new();
        for found in &schema.enums {
            let values: Vec<String> = found.values.iter().map(|value| string(value)).collect();
            let name = qualified(&found.schema, &found.name);
            let sql = format!("create type {name} as enum ({});\n", values.join(", "));
            all.push((found.id, &found.places, sql));
        }
        for found in &schema.composites {
            let attributes = found.attributes.iter();
            let attributes: Vec<String> = attributes
                .map(|a| format!("    {} {}", quote_identifier(&a.name), a.type_name))
                .collect();
            let name = qualified(&found.schema, &found.name);
            let sql = format!("create type {name} as (\n{}\n);\n", attributes.join(",\n"));
            all.push((found.id, &found.places, sql));
        }
        for found in &schema.domains {
            let name = qualified(&found.schema, &found.name);
            let mut sql = format!("create domain {name} as {}", found.type_name);
            if found.has_default {
                sql.push_str(&default(found.default.as_deref()));
            }
            if found.not_null {
                sql.push_str(" not null");
            }
            for (constraint, check) in found.constraints.iter().zip(&found.checks) {
                let constraint = quote_identifier(constraint);
                let calls =
                    |check: &String| schema.functions.iter().any(|f| check.contains(&f.name));
                match check {
                    // Functions come after the types that they take.
                    Some(check) if calls(check) => late.push(format!(
                        "alter domain {name} add constraint {constraint} check ({check});\n"
                    )),
                    Some(check) => {
                        sql.push_str(&format!("\n    constraint {constraint} check ({check})"));
                    }
                    None => {
                        sql.push_str(&format!("\n    /* constraint {constraint} is not shown */"));
                    }
                }
            }
            sql.push_str(";\n");
            all.push((found.id, &found.places, sql));
        }
        for found in &schema.ranges {
            let name = qualified(&found.schema, &found.name);
            let sql = format!("create type {name} as range (subtype = {});\n", found.subtype);
            all.push((found.id, &found.places, sql));
        }
        all.sort_by_key(|(id, ..)| *id);
        for (_, places, sql) in all {
            self.comment(places);
            self.line(&sql);
        }
        self.late_checks = late;
    }

    fn sequences(&mut self) {
        for sequence in self.schema.sequences.iter().filter(|sequence| !sequence.is_identity) {
            let name = qualified(&sequence.schema, &sequence.name);
            let of = match sequence.type_name.as_str() {
                "bigint" => String::new(),
                other => format!(" as {other}"),
            };
            let mut options = sequence.options.join(" ");
            if !options.is_empty() {
                options.insert(0, ' ');
            }
            self.line(&format!("create sequence {name}{of}{options};\n"));
        }
    }

    /// Writes the tables by name, but each after those that it needs.
    fn tables(&mut self) {
        let schema = self.schema;
        let by_name: HashMap<String, &Table> = schema
            .tables
            .iter()
            .map(|table| (format!("{}.{}", table.schema, table.name), table))
            .collect();
        let mut begun = HashSet::new();
        for table in &schema.tables {
            self.table_after(table, &by_name, &mut begun);
        }
        for sql in std::mem::take(&mut self.late) {
            self.line(&sql);
        }
        for sequence in schema.sequences.iter().filter(|sequence| !sequence.is_identity) {
            let Some(owner) = &sequence.owned_by else { continue };
            let owner: Vec<_> = owner.splitn(3, '.').map(quote_identifier).collect();
            let name = qualified(&sequence.schema, &sequence.name);
            self.line(&format!("alter sequence {name} owned by {};\n", owner.join(".")));
        }
    }

    fn table_after(
        &mut self,
        table: &'a Table,
        by_name: &HashMap<String, &'a Table>,
        begun: &mut HashSet<ObjectId>,
    ) {
        if !begun.insert(table.id) {
            return;
        }
        let keys = table.constraints.iter().filter(|constraint| !constraint.is_inherited);
        let keys = keys.filter_map(|constraint| Some(&constraint.references.as_ref()?.table));
        for needed in table.partition_of.iter().chain(&table.inherits).chain(keys) {
            if let Some(needed) = by_name.get(needed) {
                self.table_after(needed, by_name, begun);
            }
        }
        // A column may hold rows of another table.
        for needed in table.columns.iter().filter_map(|c| by_name.get(bare(&c.type_name))) {
            self.table_after(needed, by_name, begun);
        }
        self.table(table, by_name);
    }

    fn table(&mut self, table: &'a Table, by_name: &HashMap<String, &'a Table>) {
        let name = qualified(&table.schema, &table.name);
        self.comment(&table.places);
        if table.columns_unknown {
            self.line("-- it may have columns that the migrations do not tell");
        }
        let mut parts: Vec<String> = Vec::new();
        for column in table.columns.iter().filter(|column| !column.is_inherited) {
            parts.push(self.column(table, column));
        }
        self.printed.insert(table.id);
        let own = table.constraints.iter().filter(|constraint| !constraint.is_inherited);
        // What is not null, its column says.
        for constraint in own.filter(|constraint| constraint.kind != "not null") {
            let Some(sql) = named(constraint) else {
                let (name, place) = (&constraint.name, &constraint.created);
                self.line(&format!("-- {} {name} ({place}) is not shown", constraint.kind));
                continue;
            };
            let target = constraint.references.as_ref().map(|to| by_name.get(&to.table));
            let is_there =
                target.is_none_or(|to| to.is_some_and(|to| self.printed.contains(&to.id)));
            // What is not validated may not stand in `create table`.
            match is_there && !sql.ends_with(" not valid") {
                true => parts.push(sql),
                false => self.late.push(format!("alter table {name} add {sql};\n")),
            }
        }
        let kind = match (table.persistence, table.kind) {
            ("unlogged", _) => "unlogged table",
            (_, "foreign") => "foreign table",
            _ => "table",
        };
        let mut sql = format!("create {kind} {name}");
        if let Some(parent) = &table.partition_of {
            sql.push_str(&format!(" partition of {}", dotted(parent)));
        }
        match (parts.is_empty(), &table.partition_of) {
            (true, Some(_)) => {}
            (true, None) => sql.push_str(" ()"),
            (false, _) => {
                sql.push_str(" (\n");
                for (at, part) in parts.iter().enumerate() {
                    let comma = if at + 1 < parts.len() { "," } else { "" };
                    sql.push_str(&format!("    {part}{comma}\n"));
                }
                sql.push(')');
            }
        }
        if table.partition_of.is_some() {
            let bound = table.partition_bound.as_deref();
            sql.push_str(&format!(" {}", bound.unwrap_or("/* for values: not shown */")));
        }
        if !table.inherits.is_empty() {
            let parents: Vec<String> = table.inherits.iter().map(|name| dotted(name)).collect();
            sql.push_str(&format!(" inherits ({})", parents.join(", ")));
        }
        if table.kind == "partitioned" {
            let key = table.partition_by.as_deref().unwrap_or("/* not shown */");
            sql.push_str(&format!(" partition by {key}"));
        }
        if !table.options.is_empty() {
            let options: Vec<String> =
                table.options.iter().map(|option| parameter(option)).collect();
            sql.push_str(&format!(" with ({})", options.join(", ")));
        }
        self.line(&format!("{sql};"));
        for index in table.indexes.iter().filter(|index| !index.is_implied) {
            match &index.definition {
                Some(sql) => self.line(&format!("{sql};")),
                None => {
                    self.line(&format!("-- index {} ({}) is not shown", index.name, index.created));
                }
            }
        }
        for column in table.columns.iter().filter(|column| !column.is_inherited) {
            let of = format!("alter table {name} alter {}", quote_identifier(&column.name));
            if let Some(storage) = &column.storage {
                self.line(&format!("{of} set storage {storage};"));
            }
            if let Some(method) = &column.compression {
                self.line(&format!("{of} set compression {method};"));
            }
            if let Some(target) = column.statistics {
                self.line(&format!("{of} set statistics {target};"));
            }
        }
        if table.row_security {
            self.line(&format!("alter table {name} enable row level security;"));
        }
        if table.force_row_security {
            self.line(&format!("alter table {name} force row level security;"));
        }
        self.line("");
    }

    fn column(&self, table: &Table, column: &Column) -> String {
        let own = || {
            let name = format!("{}.{}.{}", table.schema, table.name, column.name);
            self.owned.get(name.as_str())
        };
        let mut sql = format!("{} {}", quote_identifier(&column.name), column.type_name);
        if let Some(collation) = &column.collation {
            sql.push_str(&format!(" collate {collation}"));
        }
        if let Some(kept) = column.generated {
            let expression = column.default.as_deref().unwrap_or("/* not shown */ null");
            sql.push_str(&format!(" generated always as ({expression}) {kept}"));
        }
        if let Some(identity) = column.identity {
            sql.push_str(&format!(" generated {identity} as identity"));
            let sequence = own();
            let options = sequence.map(|sequence| sequence.options.join(" ")).unwrap_or_default();
            if !options.is_empty() {
                sql.push_str(&format!(" ({options})"));
            }
        }
        if column.has_default {
            let sequence = own();
            let next = sequence.filter(|_| column.default.is_none()).map(|sequence| {
                let name = qualified(&sequence.schema, &sequence.name);
                format!("nextval({})", string(&name))
            });
            sql.push_str(&default(next.as_deref().or(column.default.as_deref())));
        }
        if column.not_null {
            let implied = table.constraints.iter().any(|constraint| {
                constraint.kind == "primary key" && constraint.columns.contains(&column.name)
            });
            sql.push_str(if implied || column.identity.is_some() { "" } else { " not null" });
        }
        sql
    }

    /// Writes the views by name, but each after those that it reads.
    fn views(&mut self) {
        let schema = self.schema;
        let by_id: HashMap<ObjectId, &View> =
            schema.views.iter().map(|view| (view.id, view)).collect();
        for view in &schema.views {
            self.view_after(view, &by_id);
        }
    }

    fn view_after(&mut self, view: &View, by_id: &HashMap<ObjectId, &View>) {
        if !self.printed.insert(view.id) {
            return;
        }
        for needed in view.reads.iter().filter_map(|id| by_id.get(id)) {
            self.view_after(needed, by_id);
        }
        let what = format!("view {}.{}", view.schema, view.name);
        self.statement(view.definition.as_deref(), &what, &view.places);
        for index in view.indexes.iter().filter(|index| !index.is_implied) {
            match &index.definition {
                Some(sql) => self.line(&format!("{sql};\n")),
                None => self.line(&format!("-- index {} is not shown\n", index.name)),
            }
        }
    }

    /// Writes the triggers and policies, which may use any function.
    fn attached(&mut self) {
        let schema = self.schema;
        let of_tables = schema.tables.iter().flat_map(|t| t.triggers.iter().chain(&t.policies));
        let of_views = schema.views.iter().flat_map(|view| &view.triggers);
        for attached in of_tables.chain(of_views).filter(|attached| !attached.is_inherited) {
            let places =
                Places { created: attached.created.clone(), changed: attached.created.clone() };
            self.statement(attached.definition.as_deref(), &attached.name, &places);
        }
    }
}

/// Returns a constraint with its name; nothing where its text is not known.
fn named(constraint: &Constraint) -> Option<String> {
    let name = quote_identifier(&constraint.name);
    constraint.definition.as_ref().map(|sql| format!("constraint {name} {sql}"))
}

fn default(text: Option<&str>) -> String {
    match text {
        // Not every expression may stand there bare.
        Some(text) if is_statement(&format!("create table t (c int default {text})")) => {
            format!(" default {text}")
        }
        Some(text) => format!(" default ({text})"),
        None => " /* default: not shown */".to_owned(),
    }
}

fn qualified(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_identifier(schema), quote_identifier(name))
}

/// Returns `schema.name` in quotes where it needs them.
fn dotted(name: &str) -> String {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    qualified(schema, name)
}

/// Returns a storage parameter as SQL.
fn parameter(option: &str) -> String {
    match option.split_once('=') {
        Some((name, value)) => format!("{name} = {}", string(value)),
        None => option.to_owned(),
    }
}

fn bare(type_name: &str) -> &str {
    type_name.trim_start_matches("SETOF ").trim_end_matches("[]")
}

fn string(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}
