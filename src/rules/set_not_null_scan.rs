use super::outage::{Used, acts, doubt, quoted, report, used};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::sql::{Action, AlterTable, LockMode, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| column(action).is_some()) {
        let Some((alter, column)) = column(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        if table.is_scanned(act, true) {
            out.push(diagnose(cx, act, alter, column, &table));
        }
    }
}

fn column(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::SetNotNull { column } => Some((alter, column)),
        _ => None,
    }
}

fn diagnose(
    cx: &StatementContext,
    act: &Act,
    alter: &AlterTable,
    column: &str,
    table: &Used,
) -> Diagnostic {
    let shown = table.shown();
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let message = format!("setting `{column}` to not null reads all of `{shown}`");
    let diagnostic = report(cx, act, &message, &locked).help(advice(cx, alter, column));
    let diagnostic = diagnostic.recipe(cx.recipe(|| Some(recipe(cx, alter, column))));
    match doubt(table, "a valid check constraint proves already that there is no null") {
        Some(doubt) => diagnostic.note(doubt),
        None => diagnostic,
    }
}

fn advice(cx: &StatementContext, alter: &AlterTable, column: &str) -> String {
    if cx.version().major >= 18 {
        return format!(
            "add `constraint {} not null {} not valid`, and validate it in a later migration",
            name(alter, column),
            quoted(column)
        );
    }
    format!(
        "add `check ({} is not null) not valid`, validate it in a later migration, and set not null after that: the check proves it",
        quoted(column)
    )
}

/// Returns a name for the new constraint.
fn name(alter: &AlterTable, column: &str) -> String {
    quoted(&format!("{}_{column}_not_null", alter.table.name))
}

fn recipe(cx: &StatementContext, alter: &AlterTable, column: &str) -> Recipe {
    let table = name_sql(&alter.table);
    let name = name(alter, column);
    let column = quoted(column);
    let is_new = cx.version().major >= 18;
    let constraint =
        if is_new { format!("not null {column}") } else { format!("check ({column} is not null)") };
    let recipe = Recipe::default()
        .step(
            Run::Briefly,
            "new and changed rows are checked from here on; no row may hold a null that anybody updates",
            [format!("alter table {table} add constraint {name} {constraint} not valid")],
        )
        .step(
            Run::AtLeisure,
            "reads the table while others read and write it",
            [format!("alter table {table} validate constraint {name}")],
        );
    if is_new {
        return recipe;
    }
    recipe.step(
        Run::Briefly,
        "the valid check proves it: nothing is read",
        [
            format!("alter table {table} alter column {column} set not null"),
            format!("alter table {table} drop constraint {name}"),
        ],
    )
}
