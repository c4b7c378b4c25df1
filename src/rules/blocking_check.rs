use super::outage::{Used, acts, doubt, is_rewritten, quoted, report, used};
use crate::catalog::{Constraint, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, name_sql};
use crate::sql::{Action, AlterTable, ConstraintDefinition, ConstraintKind, LockMode, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| adds_check(action).is_some()) {
        let Some(alter) = adds_check(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        // Where the table is written anew, that is the news.
        if table.is_scanned(act, true) && !is_rewritten(cx, &table.name) {
            out.push(diagnose(cx, act, alter, &table));
        }
    }
}

/// Returns the subcommand if it adds a check so that the rows are read.
fn adds_check(action: &Action) -> Option<&AlterTable> {
    let is_check = |constraint: &ConstraintDefinition| {
        constraint.kind == ConstraintKind::Check && constraint.validated
    };
    let Action::AlterTable(alter) = action else { return None };
    let is_one = match &alter.change {
        TableChange::AddConstraint(constraint) => is_check(constraint),
        TableChange::AddColumn { column, .. } => column.constraints.iter().any(is_check),
        _ => false,
    };
    is_one.then_some(alter)
}

fn diagnose(cx: &StatementContext, act: &Act, alter: &AlterTable, table: &Used) -> Diagnostic {
    let shown = table.shown();
    let made = made(act, table);
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let message = match &made {
        Some((_, constraint)) => {
            format!("adding the check `{}` reads all of `{shown}`", constraint.name)
        }
        None => format!("adding a check reads all of `{shown}`"),
    };
    let is_inline = matches!(alter.change, TableChange::AddColumn { .. });
    let help = if is_inline {
        "add the column without the check, then the check as a constraint `not valid`, and validate it in a later migration"
    } else {
        "add it `not valid`, and validate it in a later migration"
    };
    let diagnostic = report(cx, act, &message, &locked).help(help);
    let diagnostic = diagnostic.recipe(cx.recipe(|| recipe(act, alter, &made?)));
    match doubt(table, "it has no rows") {
        Some(doubt) => diagnostic.note(doubt),
        None => diagnostic,
    }
}

/// Returns the table with the new check, and the check.
fn made<'a>(act: &'a Act, table: &Used) -> Option<(&'a Relation, &'a Constraint)> {
    let before = table.relation?;
    let after = act.after.by_id(before.id)?;
    let is_new = |constraint: &&Constraint| {
        constraint.kind == ConstraintKind::Check
            && !before.constraints.iter().any(|other| other.number() == constraint.number())
    };
    after.constraints.iter().find(is_new).map(|constraint| (after, constraint))
}

fn recipe(
    act: &Act,
    alter: &AlterTable,
    (after, constraint): &(&Relation, &Constraint),
) -> Option<Recipe> {
    if matches!(alter.change, TableChange::AddColumn { .. }) {
        return None;
    }
    let table = name_sql(&alter.table);
    let name = quoted(&constraint.name);
    let definition = constraint_sql(&act.after, after, constraint)?;
    Some(
        Recipe::default()
            .step(
                Run::Briefly,
                "new and changed rows are checked from here on; no row may break it that anybody updates",
                [format!("alter table {table} add constraint {name} {definition} not valid")],
            )
            .step(
                Run::AtLeisure,
                "reads the table while others read and write it",
                [format!("alter table {table} validate constraint {name}")],
            ),
    )
}
