use super::outage::{quoted, report};
use super::spelling::listed;
use super::type_change::{TypeChange, type_changes};
use crate::catalog::{Constraint, Index, Relation};
use crate::diagnostic::Diagnostic;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, index_sql, name_sql};
use crate::sql::ConstraintKind;

use super::steps::validate;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for change in type_changes(cx) {
        let effects = &change.act.effects;
        let Some(table) = change.table.relation.filter(|_| effects.rewrites.is_empty()) else {
            continue;
        };
        let work = Work::of(&change, table);
        if !effects.scans.is_empty() || !effects.index_builds.is_empty() {
            out.push(diagnose(cx, &change, table, &work));
        }
    }
}

/// What is done again although no value changes.
struct Work<'a> {
    /// The indexes of the table that are built.
    indexes: Vec<&'a Index>,
    /// The checks that every row is tested for.
    checks: Vec<&'a Constraint>,
}

impl<'a> Work<'a> {
    fn of(change: &TypeChange, table: &'a Relation) -> Self {
        let builds = &change.act.effects.index_builds;
        let is_built = |index: &&Index| builds.contains(&table.name.sibling(index.name.clone()));
        let is_checked = |found: &&Constraint| {
            found.kind == ConstraintKind::Check
                && found.validated
                && found.enforced
                && found.columns.iter().any(|column| column == change.name)
        };
        Self {
            indexes: table.indexes.iter().filter(is_built).collect(),
            checks: table.constraints.iter().filter(is_checked).collect(),
        }
    }
}

fn diagnose(
    cx: &StatementContext,
    change: &TypeChange,
    table: &Relation,
    work: &Work,
) -> Diagnostic {
    let (name, shown) = (change.name, change.table.shown());
    let names = |names: &mut dyn Iterator<Item = &std::sync::Arc<str>>| {
        listed(&names.map(ToString::to_string).collect::<Vec<_>>(), "and")
    };
    let mut parts = Vec::new();
    match &work.indexes[..] {
        [] if !change.act.effects.index_builds.is_empty() => {
            parts.push(format!("builds indexes of the partitions of `{shown}` anew"));
        }
        [] => {}
        indexes => {
            let names = names(&mut indexes.iter().map(|index| &index.name));
            parts.push(format!("builds {names} anew"));
        }
    }
    if !work.checks.is_empty() {
        let names = names(&mut work.checks.iter().map(|check| &check.name));
        parts.push(format!("tests {names} for each row"));
    }
    if parts.is_empty() {
        parts.push("checks its foreign keys for each row".to_owned());
    }
    let from = TypeChange::shown(change.from.as_deref().unwrap_or("another type"));
    let to = TypeChange::shown(&change.to);
    let message =
        format!("changing `{name}` of `{shown}` from `{from}` to `{to}` {}", parts.join(" and "));
    let diagnostic = report(cx, change.act, &message, &change.locked(cx));
    let is_owned = work.indexes.iter().any(|index| index.is_constraint);
    let help = match (work.indexes.is_empty(), work.checks.is_empty()) {
        _ if is_owned => {
            "add a column of the new type with an index of its own, built concurrently, fill it in batches, and change the names in a later migration"
        }
        (false, true) => {
            "drop the index concurrently before, and create it again concurrently after; queries do without it in between"
        }
        (true, false) => {
            "drop the check in the same transaction, add it again `not valid`, and validate it in a later migration"
        }
        (false, false) => {
            "drop the index concurrently before, and create it again concurrently after; drop the check, add it again `not valid`, and validate it in a later migration"
        }
        (true, true) => "do it when there is little to do: there is no way around",
    };
    diagnostic.help(help).recipe(cx.recipe(|| recipe(change, table, work)))
}

fn recipe(change: &TypeChange, table: &Relation, work: &Work) -> Option<Recipe> {
    let is_empty = work.indexes.is_empty() && work.checks.is_empty();
    if is_empty || work.indexes.iter().any(|index| index.is_constraint || index.parent.is_some()) {
        return None;
    }
    let sql = name_sql(&change.alter.table);
    let schema = quoted(&table.name.schema);
    let mut recipe = Recipe::default();
    for index in &work.indexes {
        recipe = recipe.step(
            Run::OutsideTransaction,
            "queries do without the index from here on",
            [format!("drop index concurrently {schema}.{}", quoted(&index.name))],
        );
    }
    let mut statements = Vec::new();
    for check in &work.checks {
        statements.push(format!("alter table {sql} drop constraint {}", quoted(&check.name)));
    }
    statements.push(change.sql()?);
    for check in &work.checks {
        let definition = constraint_sql(&change.act.before, table, check)?;
        let name = quoted(&check.name);
        statements.push(format!("alter table {sql} add constraint {name} {definition} not valid"));
    }
    recipe = recipe.step(Run::Briefly, "nothing is read, nothing is built", statements);
    for check in &work.checks {
        recipe = validate(recipe, &sql, &quoted(&check.name));
    }
    for index in &work.indexes {
        let statement = index_sql(table, index)?;
        recipe = recipe.step(
            Run::OutsideTransaction,
            "builds the index while others read and write the table",
            [statement.replacen("index ", "index concurrently ", 1)],
        );
    }
    Some(recipe)
}
