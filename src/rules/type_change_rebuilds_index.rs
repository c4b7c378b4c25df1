use std::sync::Arc;

use super::outage::{is_rewritten, quoted, report};
use super::spelling::listed;
use super::steps::validate;
use super::type_change::{PLANS, TypeChange, type_changes};
use crate::catalog::{Constraint, Index, QualifiedName, Relation};
use crate::diagnostic::Diagnostic;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, index_sql, name_sql};
use crate::sql::{ConstraintKind, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let changes: Vec<TypeChange> = type_changes(cx)
        .filter(|change| {
            let effects = &change.act.effects;
            change.table.relation.is_some()
                && !is_rewritten(cx, &change.table.name)
                && !(effects.scans.is_empty() && effects.index_builds.is_empty())
        })
        .collect();
    // What one statement does to a table is done in one go.
    for group in changes.chunk_by(|one, other| one.table.name == other.table.name) {
        if let [first, ..] = group
            && let Some(table) = first.table.relation
        {
            let works: Vec<Work> = group.iter().map(|change| Work::of(change, table)).collect();
            out.push(diagnose(cx, group, table, &works));
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

/// Enumerates different names; of many only the first.
fn enumerate<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> Option<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.iter().any(|known| **known == **name) {
            all.push(name.to_string());
        }
    }
    let more = all.len().saturating_sub(3);
    match all.get(..3) {
        Some(shown) if more > 1 => {
            let shown: Vec<String> = shown.iter().map(|name| format!("`{name}`")).collect();
            Some(format!("{} and {more} more", shown.join(", ")))
        }
        _ => (!all.is_empty()).then(|| listed(&all, "and")),
    }
}

/// Says what is done, in words.
fn deeds(changes: &[TypeChange], works: &[Work], shown: &str) -> String {
    let mut deeds = Vec::new();
    let indexes = enumerate(works.iter().flat_map(|work| &work.indexes).map(|index| &index.name));
    let has_builds = changes.iter().any(|change| !change.act.effects.index_builds.is_empty());
    match indexes {
        Some(names) => deeds.push(format!("builds {names} anew")),
        None if has_builds => {
            deeds.push(format!("builds indexes of the partitions of `{shown}` anew"));
        }
        None => {}
    }
    let checks = enumerate(works.iter().flat_map(|work| &work.checks).map(|check| &check.name));
    deeds.extend(checks.map(|names| format!("tests {names} for each row")));
    match deeds.is_empty() {
        true => "checks its foreign keys for each row".to_owned(),
        false => deeds.join(" and "),
    }
}

fn diagnose(
    cx: &StatementContext,
    changes: &[TypeChange],
    table: &Relation,
    works: &[Work],
) -> Diagnostic {
    let change = &changes[0];
    let shown = change.table.shown();
    let deeds = deeds(changes, works, &shown);
    let message = if changes.len() > 1 {
        format!("changing the types of {} columns of `{shown}` {deeds}", changes.len())
    } else {
        let from = TypeChange::shown(change.from.as_deref().unwrap_or("another type"));
        let to = TypeChange::shown(&change.to);
        format!("changing `{}` of `{shown}` from `{from}` to `{to}` {deeds}", change.name)
    };
    let mut locked: Vec<(QualifiedName, LockMode)> = Vec::new();
    for lock in changes.iter().flat_map(|change| change.locked(cx)) {
        if !locked.contains(&lock) {
            locked.push(lock);
        }
    }
    let help = advice(works);
    let diagnostic = report(cx, change.act, &message, &locked).help(help).note(PLANS);
    match works {
        [only] => diagnostic.recipe(cx.recipe(|| recipe(change, table, only))),
        _ => diagnostic,
    }
}

fn advice(works: &[Work]) -> String {
    let count = works.iter().map(|work| work.indexes.len()).sum();
    let advice = advice_for_one(works);
    match count {
        0 | 1 => advice.to_owned(),
        _ => advice
            .replace("the index concurrently", "the indexes concurrently")
            .replace("create it again", "create them again")
            .replace("do without it", "do without them"),
    }
}

/// Returns what to do, as if there were one index.
fn advice_for_one(works: &[Work]) -> &'static str {
    let mut indexes = works.iter().flat_map(|work| &work.indexes).peekable();
    let has_indexes = indexes.peek().is_some();
    let has_checks = works.iter().any(|work| !work.checks.is_empty());
    if indexes.any(|index| index.is_constraint) {
        return "add a column of the new type with an index of its own, built concurrently, fill it in batches, and change the names in a later migration";
    }
    match (has_indexes, has_checks) {
        (true, false) => {
            "drop the index concurrently before, and create it again concurrently after; queries do without it in between"
        }
        (false, true) => {
            "drop the check in the same transaction, add it again `not valid`, and validate it in a later migration"
        }
        (true, true) => {
            "drop the index concurrently before, and create it again concurrently after; drop the check, add it again `not valid`, and validate it in a later migration"
        }
        (false, false) => "do it when there is little to do: there is no way around",
    }
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
