use super::outage::{Used, acts, doubt, is_rewritten, quoted, report, used};
use super::spelling::listed;
use super::steps::{Place, not_null_name, validate};
use crate::catalog::Constraint;
use crate::diagnostic::Diagnostic;
use crate::effects::{Act, pending_proof};
use crate::recipe::Recipe;
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::sql::{Action, AlterTable, ConstraintKind, LockMode, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let mut found: Vec<(&Act, &AlterTable, &str, Used)> = Vec::new();
    for act in acts(cx, |action| column(action).is_some()) {
        let Some((alter, column)) = column(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        if table.is_scanned(act, true) && !is_rewritten(cx, &table.name) {
            found.push((act, alter, column, table));
        }
    }
    // One `alter table` reads the table once for all of its columns.
    for group in found.chunk_by(|(.., one), (.., other)| one.name == other.name) {
        let [(act, alter, column, table), others @ ..] = group else { continue };
        let diagnostic = diagnose(cx, act, alter, column, table);
        let others: Vec<String> = others.iter().map(|(.., other, _)| (*other).to_owned()).collect();
        out.push(match others.is_empty() {
            true => diagnostic,
            false => diagnostic.note(format!("the same is true of {}", listed(&others, "and"))),
        });
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
    let pending = table.relation.and_then(|table| pending_proof(table, column));
    let message = format!("setting `{column}` to not null reads all of `{shown}`");
    let help = match pending {
        Some(pending) => advice_to_validate(pending),
        None => advice(cx, alter, column),
    };
    let diagnostic = report(cx, act, &message, &locked).help(help).note(format!(
        "from then on writes without a value for `{column}` fail, also those of the application that is still running (SQLSTATE 23502)"
    ));
    let diagnostic =
        diagnostic.recipe(cx.recipe(|| Some(recipe(cx, alter, column, table, pending))));
    doubt(diagnostic, table, "a valid check constraint proves already that there is no null")
}

/// What to do where a constraint that proves it only has to be validated.
fn advice_to_validate(pending: &Constraint) -> String {
    let name = &pending.name;
    if pending.kind == ConstraintKind::NotNull {
        return format!(
            "use `validate constraint {}`: it does the same, and blocks neither reads nor writes",
            quoted(name)
        );
    }
    format!(
        "validate the check `{name}` in a migration before this one, which blocks neither reads nor writes: it then proves that there is no null"
    )
}

fn advice(cx: &StatementContext, alter: &AlterTable, column: &str) -> String {
    if cx.version().major >= 18 {
        return format!(
            "add `constraint {} not null {} not valid`, and validate it in a later migration",
            not_null_name(&alter.table.name, column),
            quoted(column)
        );
    }
    format!(
        "add `check ({} is not null) not valid`, validate it in a later migration, and set not null after that: the check proves it",
        quoted(column)
    )
}

fn recipe(
    cx: &StatementContext,
    alter: &AlterTable,
    column: &str,
    table: &Used,
    pending: Option<&Constraint>,
) -> Recipe {
    let sql = name_sql(&alter.table);
    let place = Place { table: &sql, column: &quoted(column), relation: table.relation };
    let recipe = Recipe::default();
    match pending {
        None => place.not_null(recipe, &not_null_name(&alter.table.name, column), cx.version()),
        Some(pending) => {
            let recipe = validate(recipe, &sql, &quoted(&pending.name));
            match pending.kind {
                ConstraintKind::NotNull => recipe,
                _ => place.set_not_null(recipe, None),
            }
        }
    }
}
