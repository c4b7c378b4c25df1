use super::added::AddedConstraint;
use super::outage::{acts, doubt, report, used};
use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;
use crate::sql::{Action, ConstraintKind, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| excluded(action).is_some()) {
        let Some(added) = excluded(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &added.alter.table) else { continue };
        if table.relation.is_some() && act.effects.index_builds.is_empty() {
            continue;
        }
        let name = added.made(act, &table).map(|(_, found)| format!(" `{}`", found.name));
        let name = name.unwrap_or_default();
        let message = format!(
            "adding the exclusion constraint{name} builds its index on `{}`",
            table.shown()
        );
        let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
        let diagnostic = report(cx, act, &message, &locked).help(
            "add it when nobody uses the table, or copy the rows into a new table that has it; it cannot be added `not valid`, nor take over an index that was built concurrently",
        );
        out.push(doubt(diagnostic, &table, "it has no rows"));
    }
}

fn excluded(action: &Action) -> Option<AddedConstraint<'_>> {
    AddedConstraint::of(action, |found| found.kind == ConstraintKind::Exclusion)
}
