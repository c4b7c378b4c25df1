use super::finished::{report_at, tables};
use super::spelling::shown;
use crate::catalog::{Column, Relation};
use crate::diagnostic::Diagnostic;
use crate::rule::HistoryContext;
use crate::sql::ConstraintKind;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        let Some(column) = key(table) else { continue };
        let Some((shown_type, most)) = limit(column) else { continue };
        if !counts(column) || refers(table, &column.name) {
            continue;
        }
        let name = shown(&table.name);
        let message = format!(
            "inserts into `{name}` fail after key {most}: `{}` is `{shown_type}`",
            column.name
        );
        let diagnostic = report_at(cx, column.created, &column.name, message)
            .help("make it `bigint`: later that means to rewrite the table, and the columns that refer to it")
            .relation(&name, None);
        out.push(diagnostic);
    }
}

/// Returns the only column of the primary key.
fn key(table: &Relation) -> Option<&Column> {
    match &table.primary_key()?.columns[..] {
        [only] => table.column(only),
        _ => None,
    }
}

fn limit(column: &Column) -> Option<(&'static str, &'static str)> {
    if column.type_id.is_some() || column.type_name.dimensions > 0 {
        return None;
    }
    match &*column.type_name.name {
        "int4" => Some(("integer", "2147483647")),
        "int2" => Some(("smallint", "32767")),
        _ => None,
    }
}

/// Returns whether a sequence gives the values: a key that people choose does not run out.
fn counts(column: &Column) -> bool {
    let calls_nextval = |default: &crate::sql::Expression| default.is_next_value();
    column.identity.is_some() || column.default.as_deref().is_some_and(calls_nextval)
}

/// Returns whether a column copies the key of another table, which limits it anyway.
fn refers(table: &Relation, column: &str) -> bool {
    table.constraints.iter().any(|found| {
        found.kind == ConstraintKind::ForeignKey && found.columns.iter().any(|c| c == column)
    })
}
