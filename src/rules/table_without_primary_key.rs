use super::finished::{report_at, tables};
use super::spelling::shown;
use crate::catalog::Relation;
use crate::diagnostic::Diagnostic;
use crate::rule::HistoryContext;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        if table.primary_key().is_some() || tells_rows_apart(table) || is_special(table) {
            continue;
        }
        let name = shown(&table.name);
        let message = format!(
            "nothing tells equal rows of `{name}` apart: it has neither a primary key nor another unique one"
        );
        let diagnostic = report_at(cx, table.created, &table.name.name, message)
            .help("add a primary key: a `generated always as identity` column, if nothing else identifies a row")
            .note(format!("SQLSTATE 55000 once it is published: cannot update table \"{}\" because it does not have a replica identity and publishes updates", table.name.name))
            .relation(&name, None);
        out.push(diagnostic);
    }
}

/// Returns whether a key other than the primary one identifies each row.
fn tells_rows_apart(table: &Relation) -> bool {
    table.indexes.iter().any(|index| index.unique && !index.partial)
}

/// Returns whether a table is one that has no keys for a reason, or may have one that nobody sees.
fn is_special(table: &Relation) -> bool {
    table.unlogged
        || table.columns_unknown
        || table.columns.is_empty()
        // A child has the rows of its own only, and no key of the parent.
        || !table.parents.is_empty()
}
