use super::added::AddedConstraint;
use super::outage::{Used, acts, doubt, is_rewritten, quoted, report, used};
use super::steps::validate;
use crate::catalog::{Constraint, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, name_sql};
use crate::sql::{Action, ConstraintKind, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| added_check(action).is_some()) {
        let Some(check) = added_check(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &check.alter.table) else { continue };
        // Where the table is written anew, that is the news.
        if table.is_scanned(act, true) && !is_rewritten(cx, &table.name) {
            out.push(diagnose(cx, act, &check, &table));
        }
    }
}

/// Returns the check that an action adds so that the rows are read.
fn added_check(action: &Action) -> Option<AddedConstraint<'_>> {
    AddedConstraint::of(action, |constraint| {
        constraint.kind == ConstraintKind::Check && constraint.validated
    })
}

fn diagnose(cx: &StatementContext, act: &Act, check: &AddedConstraint, table: &Used) -> Diagnostic {
    let shown = table.shown();
    let made = table.relation.and_then(|_| check.made(act, table));
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let message = match &made {
        Some((_, constraint)) => {
            format!("adding the check `{}` reads all of `{shown}`", constraint.name)
        }
        None => format!("adding a check reads all of `{shown}`"),
    };
    let help = if check.inline.is_some() {
        "add the column without the check, then the check as a constraint `not valid`, and validate it in a later migration"
    } else {
        "add it `not valid`, and validate it in a later migration"
    };
    let diagnostic = report(cx, act, &message, &locked).help(help);
    let diagnostic = diagnostic.recipe(cx.recipe(|| recipe(act, check, &made?)));
    doubt(diagnostic, table, "it has no rows")
}

fn recipe(
    act: &Act,
    check: &AddedConstraint,
    (after, constraint): &(&Relation, &Constraint),
) -> Option<Recipe> {
    if check.inline.is_some() {
        return None;
    }
    let table = name_sql(&check.alter.table);
    let name = quoted(&constraint.name);
    let definition = constraint_sql(&act.after, after, constraint)?;
    let recipe = Recipe::default().step(
        Run::Briefly,
        "new and changed rows are checked from here on; no row may break it that anybody updates",
        [format!("alter table {table} add constraint {name} {definition} not valid")],
    );
    Some(validate(recipe, &table, &name))
}
