use crate::catalog::{Difference, How, Origin, differences};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::{MigrationContext, StatementContext};
use crate::sql::{Action, Dml, DmlKind, RelationName, TableChange, head};

use super::files::list;
use super::narrowing::narrowing;
use super::pair::{self, Pair};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let Some(pair) = Pair::of(cx) else { return };
    out.append(&mut drops_of_older(&pair));
    if !cx.script().statements().flat_map(|statement| &statement.actions).any(is_candidate) {
        return;
    }
    cx.replay(|cx| {
        for action in &cx.statement.actions {
            out.extend(judge(&pair, cx, action));
        }
    });
}

fn is_candidate(action: &Action) -> bool {
    match action {
        Action::Truncate { .. } => true,
        Action::Dml(dml) => dml.kind == DmlKind::Delete,
        Action::AlterTable(alter) => matches!(alter.change, TableChange::SetType { .. }),
        _ => false,
    }
}

/// Reports tables and columns that the down drops although they are older than the up: once for each
/// statement that drops some.
fn drops_of_older(pair: &Pair) -> Vec<Diagnostic> {
    let mut dropped: Vec<(Origin, Origin, Difference)> = Vec::new();
    for difference in differences(&pair.start().catalog, &pair.end.catalog) {
        if let How::Missing { made, gone: Some(gone) } = difference.how
            && pair::is_data_lost_by_down(pair, &difference)
        {
            dropped.push((gone, made, difference));
        }
    }
    dropped.sort_by_key(|(gone, ..)| gone.span.start);
    let statements = dropped.chunk_by(|(one, ..), (other, ..)| one.span == other.span);
    statements.filter_map(|dropped| report_drop(pair, dropped)).collect()
}

fn report_drop(pair: &Pair, dropped: &[(Origin, Origin, Difference)]) -> Option<Diagnostic> {
    let sources = pair.down.history.sources;
    let (gone, made, first) = dropped.first()?;
    let names: Vec<String> = dropped.iter().map(|(.., other)| other.name.clone()).collect();
    let (what, is, has, data) = match names.len() {
        1 => (format!("{} {}", first.kind, list(&names)), "is", "it", "its data"),
        _ => (list(&names), "are", "the first of them", "their data"),
    };
    let pronoun = if names.len() == 1 { "it" } else { "they" };
    let message = format!(
        "the down drops {what} with {data}, though {pronoun} {is} older than the migration"
    );
    let file = pair.down.migration().file;
    let mut diagnostic = Diagnostic::new(file, head(sources.get(gone.file), gone.span), message)
        .label(
            made.file,
            head(sources.get(made.file), made.span),
            format!("{has} is there since this"),
        )
        .help("remove it from the down: the down only takes back what its own up did");
    if let Some(relation) = &first.relation {
        diagnostic = diagnostic.relation(relation, None);
    }
    Some(diagnostic)
}

fn judge(pair: &Pair, cx: &StatementContext, action: &Action) -> Option<Diagnostic> {
    match action {
        Action::Truncate { table, .. } => {
            let message = format!("the down empties `{table}`, which is older than the migration");
            pair.is_older(cx, table).then(|| {
                cx.report(message)
                    .help("delete only the rows that the up added")
                    .at_most(Severity::Warning)
            })
        }
        Action::Dml(dml) if dml.kind == DmlKind::Delete => delete(pair, cx, dml),
        Action::AlterTable(alter) => {
            let TableChange::SetType { column, type_name, .. } = &alter.change else {
                return None;
            };
            if !pair.is_older(cx, &alter.table) {
                return None;
            }
            let table = cx.relation(&alter.table).found()?;
            let found = table.column(column)?;
            let catalog = &cx.state.catalog;
            let from = catalog.format_type(&found.type_name, found.type_id);
            let to = catalog.format_type(type_name, None);
            let name = format!("{}.{column}", alter.table);
            let lost = narrowing(&from, &to)?;
            let message =
                format!("the down takes {lost} from the values of `{name}`, without an error");
            let diagnostic = cx
                .report(message)
                .at_most(Severity::Warning)
                .help("keep the wider type in the down, or keep the values in another column");
            Some(diagnostic.relation(&table.name, None))
        }
        _ => None,
    }
}

fn delete(pair: &Pair, cx: &StatementContext, dml: &Dml) -> Option<Diagnostic> {
    let table: &RelationName = dml.target.as_ref()?;
    if !pair.is_older(cx, table) {
        return None;
    }
    if !dml.has_where {
        let message =
            format!("the down deletes all rows of `{table}`, which is older than the migration");
        let help = "delete only the rows that the up added";
        return Some(cx.report(message).help(help).at_most(Severity::Warning));
    }
    if pair::writes_to(&pair.up, table) {
        return None;
    }
    let message = format!("the down deletes rows of `{table}` that the up has not added");
    let help = "keep them, or move them to another table first";
    Some(cx.report(message).help(help).at_most(Severity::Info))
}
