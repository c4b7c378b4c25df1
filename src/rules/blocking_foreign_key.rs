use super::added::AddedConstraint;
use super::foreign_key_without_index::is_served;
use super::outage::{Used, acts, doubt, quoted, report, used};
use super::steps::{self, partitions, validate};
use crate::catalog::{QualifiedName, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, name_sql};
use crate::sql::{Action, ConstraintDefinition, ConstraintKind, LockMode, RelationName};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| checked_key(action).is_some()) {
        let Some(key) = checked_key(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &key.alter.table) else { continue };
        // Where the table is written anew, that is the news.
        if act.effects.rewrites.is_empty() && table.is_scanned(act, true) {
            out.push(diagnose(cx, act, &key, &table));
        }
    }
}

/// Returns the foreign key that an action adds so that the rows are checked.
fn checked_key(action: &Action) -> Option<AddedConstraint<'_>> {
    let is_checked = |constraint: &ConstraintDefinition| {
        constraint.kind == ConstraintKind::ForeignKey
            && constraint.validated
            && constraint.options.as_ref().is_none_or(|options| !options.not_enforced)
    };
    // Without a default all rows have null in a new column, and nothing is checked.
    AddedConstraint::of(action, is_checked)
        .filter(|key| key.inline.is_none_or(|column| column.default.is_some()))
}

fn diagnose(cx: &StatementContext, act: &Act, key: &AddedConstraint, table: &Used) -> Diagnostic {
    let shown = table.shown();
    let own = match key.inline {
        Some(_) => LockMode::AccessExclusiveLock,
        None => LockMode::ShareRowExclusiveLock,
    };
    let mut locked: Vec<(QualifiedName, LockMode)> = vec![(table.name.clone(), own)];
    let target = key.definition.references.as_ref();
    if let Some(target) = target.and_then(|target| used(cx, &act.before, target))
        && target.name != table.name
    {
        locked.push((target.name, LockMode::ShareRowExclusiveLock));
    }
    let name = key.made(act, table).map(|(_, key)| format!(" `{}`", key.name));
    let message =
        format!("adding the foreign key{} checks each row of `{shown}`", name.unwrap_or_default());
    let diagnostic = report(cx, act, &message, &locked).help(advice(cx, act, key, table));
    let diagnostic = diagnostic.recipe(cx.recipe(|| recipe(cx, act, key, table)));
    doubt(diagnostic, table, "it has no rows")
}

/// Returns whether the server refuses `NOT VALID` because the table is partitioned.
fn needs_partitions(cx: &StatementContext, table: &Used) -> bool {
    let is_partitioned =
        table.relation.is_some_and(|table| table.kind == RelationKind::PartitionedTable);
    is_partitioned && cx.version().major < 18
}

fn advice(cx: &StatementContext, act: &Act, key: &AddedConstraint, table: &Used) -> String {
    if key.inline.is_some() {
        return "add the column, then the foreign key as a constraint `not valid`, fill the old rows, and validate it in a later migration".to_owned();
    }
    if needs_partitions(cx, table) {
        return format!(
            "add it `not valid` to each partition and validate it there, each in a migration of its own; then add it to `{}`, which takes those over and reads nothing",
            table.shown()
        );
    }
    if let Some(column) = new_column(cx, key, table) {
        return format!(
            "write `references` into the `add column` of `{column}`: without a default all rows have null there, and nothing is checked"
        );
    }
    let added = "add it `not valid`, and validate it in a later migration";
    let is_partitioned =
        table.relation.is_some_and(|table| table.kind == RelationKind::PartitionedTable);
    match lacking(act, key, table) {
        Some(columns) if is_partitioned => {
            format!(
                "create an index on `{columns}` first, concurrently on each partition; then {added}"
            )
        }
        Some(columns) => format!("create an index on `{columns}` concurrently first; then {added}"),
        None => added.to_owned(),
    }
}

/// Returns the column if this migration adds it, and gives it no default.
fn new_column<'a>(
    cx: &StatementContext,
    key: &AddedConstraint<'a>,
    table: &Used,
) -> Option<&'a str> {
    let [column] = &key.definition.columns[..] else { return None };
    let found = table.relation?.column(column)?;
    let is_new = cx.state.is_in_this_migration(found.created) && !found.has_default();
    (is_new && !is_filled(cx, table)).then_some(column)
}

/// Returns whether an earlier statement of the migration may have filled columns of the table: the server
/// would check those rows anyway.
fn is_filled(cx: &StatementContext, table: &Used) -> bool {
    let path = &cx.state.session.search_path;
    let earlier = cx.migration.script().statements();
    let earlier = earlier.take_while(|statement| statement.span.start < cx.statement.span.start);
    earlier.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::Dml(dml) => {
            let is_it = |name: &RelationName| cx.state.catalog.resolve(name, path) == table.name;
            dml.target.as_ref().is_some_and(is_it)
        }
        Action::Do(_) | Action::Call { .. } => true,
        _ => false,
    })
}

/// Returns the columns that no index leads with, so that each row deleted from the other table makes
/// the server read this one.
fn lacking(act: &Act, key: &AddedConstraint, table: &Used) -> Option<String> {
    table.relation?;
    let (after, made) = key.made(act, table)?;
    (!is_served(after, made)).then(|| made.columns.join(", "))
}

fn recipe(cx: &StatementContext, act: &Act, key: &AddedConstraint, table: &Used) -> Option<Recipe> {
    let has_match = key.definition.options.as_ref().is_some_and(|options| options.match_full);
    let (after, made) = key.made(act, table)?;
    if key.inline.is_some() || has_match {
        return None;
    }
    let sql = name_sql(&key.alter.table);
    let columns: Vec<String> = made.columns.iter().map(|column| quoted(column)).collect();
    let columns = columns.join(", ");
    let is_lacking = lacking(act, key, table).is_some();
    let is_partitioned = after.kind == RelationKind::PartitionedTable;
    let mut recipe = Recipe::default();
    if is_lacking && !is_partitioned {
        let index = format!("{}_{}_idx", after.name.name, made.columns.join("_"));
        recipe = index_step(recipe, &sql, &quoted(&index), &columns);
    }
    if !needs_partitions(cx, table) {
        return steps::constraint(recipe, act, (&sql, after), made, cx.version());
    }
    let definition = constraint_sql(&act.after, after, made)?;
    let name = quoted(&made.name);
    for (partition, sql) in partitions(&act.after, after.id) {
        if is_lacking {
            let index = format!("{}_{}_idx", partition.name.name, made.columns.join("_"));
            recipe = index_step(recipe, &sql, &quoted(&index), &columns);
        }
        recipe = recipe.step(
            Run::Briefly,
            "new and changed rows of the partition are checked from here on",
            [format!("alter table {sql} add constraint {name} {definition} not valid")],
        );
        recipe = validate(recipe, &sql, &name);
    }
    Some(recipe.step(
        Run::Briefly,
        "takes over what the partitions have: nothing is read",
        [format!("alter table {sql} add constraint {name} {definition}")],
    ))
}

fn index_step(recipe: Recipe, table: &str, index: &str, columns: &str) -> Recipe {
    recipe.step(
        Run::OutsideTransaction,
        "finds the rows that refer to one that is deleted",
        [format!("create index concurrently {index} on {table} ({columns})")],
    )
}
