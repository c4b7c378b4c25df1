use super::finished::{named, quoted};
use super::spelling::shown;
use crate::catalog::{Index, Relation};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up || !cx.failures.is_empty() {
        return;
    }
    for action in &cx.statement.actions {
        let Action::AlterTable(alter) = action else { continue };
        let TableChange::DropColumn { column, .. } = &alter.change else { continue };
        let Some(table) = cx.relation(&alter.table).found() else { continue };
        if table.column(column).is_none() || cx.is_new_relation(table) {
            continue;
        }
        let mut lost: Vec<(&Index, &str)> = Vec::new();
        for index in &table.indexes {
            if let Some(key) = left_behind(cx, table, index, column)
                && lost.iter().all(|(_, other)| *other != key)
            {
                lost.push((index, key));
            }
        }
        if !lost.is_empty() {
            out.push(report(cx, table, column, &lost));
        }
    }
}

/// Returns the first key of an index that goes with a column, if it stays itself and nothing else
/// serves it when all migrations have run.
pub(super) fn left_behind<'a>(
    cx: &StatementContext,
    table: &Relation,
    index: &'a Index,
    column: &str,
) -> Option<&'a str> {
    let first = index.columns.first()?.as_deref()?;
    if first == column || index.primary || !index.valid || !needs(index, column) {
        return None;
    }
    let last = cx.migration.history.last.catalog.by_id(table.id)?;
    // The column may have another name then.
    let number = table.column(first)?.number;
    let name = &last.column_numbered(number)?.name;
    let serves = |index: &Index| {
        index.valid && index.columns.first().is_some_and(|key| key.as_deref() == Some(&**name))
    };
    let stays = |other: &&Index| other.valid && !needs(other, column);
    let leads =
        |other: &Index| other.columns.first().is_some_and(|key| key.as_deref() == Some(first));
    let is_served =
        last.indexes.iter().any(serves) || table.indexes.iter().filter(stays).any(leads);
    (!is_served && !cx.migration.history.last.catalog.is_guess(last.changed)).then_some(first)
}

/// Returns whether an index goes with a column: as key, included, in an expression or in its `where`.
fn needs(index: &Index, column: &str) -> bool {
    let detail = index.detail();
    let expressions = detail.expressions.iter().map(|(_, e)| e).chain(&detail.predicate);
    index.columns.iter().flatten().chain(&index.include).any(|key| key == column)
        || expressions.into_iter().any(|expression| expression.mentions(column))
}

fn report(
    cx: &StatementContext,
    table: &Relation,
    column: &str,
    lost: &[(&Index, &str)],
) -> Diagnostic {
    let name = shown(&table.name);
    let indexes = quoted(lost.iter().map(|(index, _)| &*index.name));
    let keys = quoted(lost.iter().map(|(_, key)| *key));
    let message = format!(
        "queries of `{name}` by {keys} lose their index: {indexes} {} with `{column}`",
        if lost.len() > 1 { "go" } else { "goes" }
    );
    let span = named(cx.file(), cx.statement.span, column);
    let span = span.unwrap_or_else(|| cx.statement.head(cx.file()));
    let mut diagnostic = cx
        .report_at(span, message)
        .help(format!(
            "add `create index concurrently on {name} ({})` before this, if queries need it",
            lost[0].1
        ))
        .relation(&name, None);
    if let Some((unique, _)) = lost.iter().find(|(index, _)| index.unique) {
        diagnostic = diagnostic.note(format!("`{}` is unique: that goes as well", unique.name));
    }
    for (index, _) in lost {
        let made = index.created;
        let file = cx.migration.history.sources.get(made.file);
        let place = named(file, made.span, &index.name);
        let place = place.unwrap_or_else(|| cx.migration.history.head(made));
        diagnostic = diagnostic.label(made.file, place, format!("`{}` is made here", index.name));
    }
    diagnostic
}
