//! What the opinions about types share: which columns a statement gives a type, and where.

use super::finished::named;
use super::spelling::{listed, shown};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, Persistence, RelationName, TableChange, TypeName};

/// Reports the columns to which a statement of an up gives a type that is `wanted`: one diagnostic for
/// each table, whose message `say` makes of the columns' names.
pub(super) fn report(
    cx: &StatementContext,
    wanted: impl Fn(&TypeName) -> bool,
    say: impl Fn(&str) -> String,
    help: &'static str,
) -> Vec<Diagnostic> {
    if cx.migration.migration().direction == Direction::Down {
        return Vec::new();
    }
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for (table, column, type_name) in cx.statement.actions.iter().flat_map(typed) {
        if !wanted(type_name) || table.is_dynamic() {
            continue;
        }
        let full = cx.state.catalog.resolve(table, &cx.state.session.search_path);
        let temporary = cx.relation(table).found().is_some_and(|found| found.temporary);
        if temporary {
            continue;
        }
        let name = shown(&full);
        match found.iter_mut().find(|(other, _)| *other == name) {
            Some((_, columns)) => columns.push(column),
            None => found.push((name, vec![column])),
        }
    }
    let diagnostics = found.into_iter().map(|(table, columns)| {
        let names: Vec<String> = columns.iter().map(|column| format!("{table}.{column}")).collect();
        let place = columns.first().and_then(|name| named(cx.file(), cx.statement.span, name));
        let place = place.unwrap_or_else(|| cx.statement.head(cx.file()));
        cx.report_at(place, say(&listed(&names, "and"))).help(help).relation(&table, None)
    });
    diagnostics.collect()
}

/// Returns the columns to which an action gives a type.
fn typed(action: &Action) -> Vec<(&RelationName, &str, &TypeName)> {
    match action {
        Action::CreateTable(create) if create.persistence != Persistence::Temporary => {
            let Some(table) = &create.name else { return Vec::new() };
            let columns = create.columns.iter();
            columns.map(|column| (table, &*column.name, &*column.type_name)).collect()
        }
        Action::AlterTable(alter) => match &alter.change {
            TableChange::AddColumn { column, .. } => {
                vec![(&alter.table, &*column.name, &*column.type_name)]
            }
            TableChange::SetType { column, type_name, .. } => {
                vec![(&alter.table, column.as_str(), type_name)]
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Returns whether a type is one of PostgreSQL's own, of one of these names.
pub(super) fn is_one_of(type_name: &TypeName, names: &[&str]) -> bool {
    let is_own = type_name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
    is_own && !type_name.of_column && names.contains(&&*type_name.name)
}
