use super::finished::{is_known, place, quoted, report_at, tables};
use super::spelling::shown;
use crate::catalog::{Constraint, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::HistoryContext;
use crate::sql::ConstraintKind;
use crate::sql::tree::quote_identifier;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        let mut waiting: Vec<&Constraint> = table
            .constraints
            .iter()
            .filter(|found| {
                !found.validated
                    && found.enforced
                    && found.inherited == 0
                    && is_known(cx, found.created)
            })
            .collect();
        // What one statement made is one diagnostic.
        while let Some(first) = waiting.first().map(|found| found.created) {
            let (same, rest): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|found| found.created == first);
            out.push(report(cx, table, &same));
            waiting = rest;
        }
    }
}

fn report(cx: &HistoryContext, table: &Relation, found: &[&Constraint]) -> Diagnostic {
    let name = shown(&table.name);
    let first = found[0];
    let consequence = match first.kind {
        _ if found.len() > 1 => "break them",
        ConstraintKind::ForeignKey => "refer to nothing",
        ConstraintKind::NotNull => "hold nulls",
        _ => "break it",
    };
    let names = quoted(found.iter().map(|found| &*found.name));
    let (are, them) = if found.len() > 1 { ("are", "them") } else { ("is", "it") };
    let message = format!(
        "old rows of `{name}` may {consequence}: {names} {are} `not valid`, and no migration validates {them}"
    );
    let mut diagnostic = report_at(cx, first.created, &first.name, message)
        .help(format!(
            "add a migration with `alter table {name} validate constraint {}`, which blocks neither reads nor writes of `{name}`",
            quote_identifier(&first.name)
        ))
        .relation(&name, None);
    for other in &found[1..] {
        let place = place(cx, other.created, &other.name);
        diagnostic = diagnostic.label(other.created.file, place, "so is this");
    }
    // Validating is the next step, which comes in a migration of its own.
    let last = cx.set.ups().map(|(at, _)| at).last();
    let is_last = last.is_some_and(|last| last == first.created.migration as usize);
    if is_last { diagnostic.at_most(Severity::Info) } else { diagnostic }
}
