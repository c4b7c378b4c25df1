//! What the catalog says of queries, compared with what real servers make of them.
//!
//! On the server of this machine; `make test-oracle` runs the same on all versions from 12 to 18.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;

use lockmaster::catalog::{Catalog, Column, Env, Failure, ObjectId, Origin, TypeKind};
use lockmaster::source::{FileId, SourceFile, Span};
use lockmaster::sql::{self, Item};
use lockmaster::version::PgVersion;
use support::server::{Database, shared, versions};

/// What all queries are about.
const SCHEMA: &str = include_str!("postgres_views/schema.sql");

/// Views, one each line.
const VIEWS: &str = include_str!("postgres_views/views.sql");

/// Statements that servers refuse, one each line.
const REFUSED: &str = include_str!("postgres_views/refused.sql");

#[test]
fn views_have_the_columns_and_the_needs_of_the_server() {
    let mut wrong = Vec::new();
    for major in versions() {
        let database = shared(major).database();
        database.run_message(SCHEMA).unwrap();
        let mut unknown = Vec::new();
        for (at, line) in lines(VIEWS, major).enumerate() {
            let (line, is_unknown) = match line.strip_suffix("-- unknown") {
                Some(line) => (line.trim(), true),
                None => (line, false),
            };
            let name = format!("view_{at}");
            let mut sql = match line.split_once(" as ") {
                Some((columns, query)) if columns.starts_with('(') => {
                    format!("create view {name} {columns} as {query}")
                }
                _ => format!("create view {name} as {line}"),
            };
            let mut made = database.run_message(&sql);
            if made.as_ref().is_err_and(|error| error.sqlstate == "42701") {
                // Equal names need others; how many there are is tried.
                for count in (1..50).rev() {
                    let names: Vec<_> = (1..=count).map(|at| format!("c{at}")).collect();
                    sql = format!("create view {name} ({}) as {line}", names.join(", "));
                    made = database.run_message(&sql);
                    if !made.as_ref().is_err_and(|error| error.sqlstate == "42601") {
                        break;
                    }
                }
            }
            if let Err(error) = made {
                wrong.push(format!("{line}\n    the server refuses it: {error}"));
                continue;
            }
            let (catalog, failures) = replay(&format!("{SCHEMA};{sql}"), major);
            let view = catalog.relations().find(|relation| *relation.name.name == *name);
            let said = match view.filter(|_| failures.is_empty()) {
                Some(view) => said(&catalog, view),
                None => vec![format!("{failures:?}")],
            };
            let found = found(&database, &name);
            match (said == found, is_unknown) {
                (true, false) => {}
                (true, true) => unknown.push(line.to_owned()),
                (false, true) => {}
                (false, false) => wrong.push(format!(
                    "{line} on PostgreSQL {major}\n    here   {}\n    server {}",
                    said.join(", "),
                    found.join(", ")
                )),
            }
        }
        assert!(unknown.is_empty(), "PostgreSQL {major}: not unknown:\n{}", unknown.join("\n"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn queries_are_refused_as_by_the_server() {
    let mut wrong = Vec::new();
    for major in versions() {
        let database = shared(major).database();
        database.run_message(SCHEMA).unwrap();
        for line in lines(REFUSED, major) {
            let server = database.connect().batch_execute(&format!("begin;{line}"));
            let server = match server {
                Ok(()) => "accepted".to_owned(),
                Err(error) => {
                    let error = error.as_db_error().unwrap();
                    format!("{} {}", error.code().code(), error.message())
                }
            };
            let (_, failures) = replay(&format!("{SCHEMA};{line}"), major);
            let here = failures.first().map_or("accepted".to_owned(), |failure| {
                format!("{} {}", failure.sqlstate, failure.message)
            });
            if here != server {
                wrong.push(format!(
                    "{line} on PostgreSQL {major}\n    here   {here}\n    server {server}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The lines for a version; `-- 14-` at the beginning of one is the first that has it.
fn lines(text: &str, major: u16) -> impl Iterator<Item = &str> {
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.filter_map(move |line| {
        let Some(rest) = line.strip_prefix("-- ") else { return Some(line) };
        let (first, line) = rest.split_once("- ")?;
        (first.parse::<u16>().ok()? <= major).then_some(line)
    })
}

fn replay(sql: &str, major: u16) -> (Catalog, Vec<Failure>) {
    let file = SourceFile::new("test.sql", sql.to_owned());
    let mut catalog = Catalog::default();
    let mut failures = Vec::new();
    for item in sql::parse(&file, Span::new(0..sql.len())).items {
        let Item::Statement(statement) = &item else { panic!("a statement is not read: {sql}") };
        let origin = Origin { file: FileId(0), span: statement.span, migration: 0, transaction: 0 };
        let version = PgVersion { major };
        let env = Env { origin, path: ["public".into()].into(), version };
        for action in &statement.actions {
            failures.extend(catalog.apply(action, &env));
        }
    }
    (catalog, failures)
}

/// Columns and needs as the catalog has them.
fn said(catalog: &Catalog, view: &lockmaster::catalog::Relation) -> Vec<String> {
    if view.columns_unknown {
        return vec!["unknown".to_owned()];
    }
    let columns = view.columns.iter().map(|column| {
        format!("{}: {}", column.name, catalog.format_type(&column.type_name, column.type_id))
    });
    let mut lines: Vec<String> = columns.collect();
    let mut needs = BTreeSet::new();
    let all = catalog.needs_of(view.id);
    for (id, column) in &all {
        let name = &catalog.name_of(*id).unwrap().name;
        match column {
            Some(number) => {
                let column = match catalog.by_id(*id) {
                    Some(relation) => relation.column_numbered(*number).unwrap(),
                    None => attribute(catalog, *id, *number),
                };
                needs.insert(format!("{name}.{}", column.name));
            }
            // The columns of a type are those of a relation of that name.
            None if all.iter().any(|(other, column)| other == id && column.is_some()) => {}
            None => {
                needs.insert(name.to_string());
            }
        }
    }
    lines.extend(needs);
    lines
}

fn attribute(catalog: &Catalog, id: ObjectId, number: u16) -> &Column {
    let TypeKind::Composite(attributes) = &catalog.type_by_id(id).unwrap().kind else { panic!() };
    attributes.iter().find(|attribute| attribute.number == number).unwrap()
}

/// Columns and needs as the server has them.
fn found(database: &Database, view: &str) -> Vec<String> {
    let columns = format!(
        "set search_path = pg_catalog;
         select attname || ': ' || format_type(atttypid, atttypmod) from pg_attribute
          where attrelid = 'public.{view}'::regclass and attnum > 0 order by attnum"
    );
    let needs = format!(
        "select distinct case
                when refclassid = 'pg_class'::regclass then
                    (select relname || coalesce('.' || attname, '') from pg_class c
                      left join pg_attribute a on attrelid = c.oid and attnum = refobjsubid and attnum > 0
                      where c.oid = refobjid)
                when refclassid = 'pg_proc'::regclass then
                    (select proname from pg_proc where oid = refobjid)
                when refclassid = 'pg_type'::regclass then
                    (select coalesce(e.typname, t.typname) from pg_type t
                       left join pg_type e on e.oid = t.typelem and t.typcategory = 'A'
                      where t.oid = refobjid)
                end collate \"C\" as need
           from pg_depend d join pg_rewrite r on r.oid = objid
          where classid = 'pg_rewrite'::regclass and ev_class = 'public.{view}'::regclass
            and refobjid <> ev_class and refobjid >= 16384
            and refobjsubid >= 0 and refclassid in ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
          order by 1"
    );
    let mut client = database.connect();
    let mut lines = Vec::new();
    for sql in [columns, needs] {
        for message in client.simple_query(&sql).unwrap() {
            if let postgres::SimpleQueryMessage::Row(row) = message {
                lines.push(row.get(0).unwrap().to_owned());
            }
        }
    }
    lines
}
