use super::added::AddedConstraint;
use super::outage::{Used, acts, doubt, quoted, report, used};
use super::steps::{self, Place, not_null_name, partitions, unique_index, using_index};
use crate::catalog::{Constraint, Relation, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{full_name_sql, name_sql};
use crate::sql::{Action, ConstraintKind, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| added_key(action).is_some()) {
        let Some(key) = added_key(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &key.alter.table) else { continue };
        if table.relation.is_some_and(|table| !table.is_table()) {
            continue;
        }
        // Where the table is written anew, that is the news.
        if !act.effects.rewrites.is_empty() {
            continue;
        }
        let is_built = table.relation.is_none() || !act.effects.index_builds.is_empty();
        let is_read = table.relation.is_some() && !act.effects.scans.is_empty();
        match &key.definition.using_index {
            Some(index) if is_read => out.push(looks_for_nulls(cx, act, &key, &table, index)),
            None if is_built => out.push(diagnose(cx, act, &key, &table)),
            Some(_) | None => {}
        }
    }
}

/// Returns the unique constraint or primary key that an action adds.
fn added_key(action: &Action) -> Option<AddedConstraint<'_>> {
    AddedConstraint::of(action, |constraint| {
        matches!(constraint.kind, ConstraintKind::Unique | ConstraintKind::PrimaryKey)
    })
}

fn diagnose(cx: &StatementContext, act: &Act, key: &AddedConstraint, table: &Used) -> Diagnostic {
    let shown = table.shown();
    let words = match key.definition.kind {
        ConstraintKind::PrimaryKey => "primary key",
        _ => "unique constraint",
    };
    let name = key.made(act, table).map(|(_, made)| format!(" `{}`", made.name));
    let name = name.unwrap_or_default();
    let message = format!("adding the {words}{name} builds its index on `{shown}`");
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let is_temporal = cx.statement.keyword(cx.file(), "overlaps").is_some();
    let help = if is_temporal {
        "do it when nobody uses the table: such an index cannot be built concurrently for a constraint".to_owned()
    } else {
        advice(key, table)
    };
    let diagnostic = report(cx, act, &message, &locked).help(help);
    let diagnostic =
        diagnostic.recipe(cx.recipe(|| recipe(cx, act, key, table).filter(|_| !is_temporal)));
    doubt(diagnostic, table, "it has no rows")
}

fn advice(key: &AddedConstraint, table: &Used) -> String {
    if is_partitioned(table) {
        return format!(
            "add it to `only {}`, then to each partition with an index that is built concurrently, and attach the indexes of those",
            table.shown()
        );
    }
    let after = match key.definition.kind {
        ConstraintKind::PrimaryKey => "`add primary key using index`",
        _ => "`add unique using index`",
    };
    let build = format!("build a unique index concurrently, and take it over with {after}");
    match key.inline {
        Some(column) => format!("add `{}` alone, then {build}", column.name),
        None => build,
    }
}

fn is_partitioned(table: &Used) -> bool {
    table.relation.is_some_and(|table| table.kind == RelationKind::PartitionedTable)
}

fn recipe(cx: &StatementContext, act: &Act, key: &AddedConstraint, table: &Used) -> Option<Recipe> {
    let (after, made) = key.made(act, table)?;
    if key.inline.is_some() {
        return None;
    }
    let sql = name_sql(&key.alter.table);
    let recipe = prove_not_null(cx, Recipe::default(), &sql, made, table);
    if is_partitioned(table) {
        return in_partitions(recipe, act, (&sql, after), made);
    }
    Some(steps::unique(recipe, &sql, after, made))
}

/// Adds the steps that set the columns of a primary key to not null that may be null.
fn prove_not_null(
    cx: &StatementContext,
    mut recipe: Recipe,
    sql: &str,
    made: &Constraint,
    table: &Used,
) -> Recipe {
    let Some(before) = table.relation.filter(|_| made.kind == ConstraintKind::PrimaryKey) else {
        return recipe;
    };
    for column in nullable(before, made) {
        let name = not_null_name(&before.name.name, column);
        let place = Place { table: sql, column: &quoted(column), relation: Some(before) };
        recipe = place.not_null(recipe, &name, cx.version());
    }
    recipe
}

fn nullable<'a>(before: &'a Relation, made: &'a Constraint) -> impl Iterator<Item = &'a str> {
    let is_nullable = |name: &&String| before.column(name).is_some_and(|column| !column.not_null);
    made.columns.iter().filter(is_nullable).map(String::as_str)
}

/// The way for a partitioned table: its index becomes valid when each partition has one.
fn in_partitions(
    recipe: Recipe,
    act: &Act,
    (sql, after): (&str, &Relation),
    made: &Constraint,
) -> Option<Recipe> {
    let name = quoted(&made.name);
    let kind = match made.kind {
        ConstraintKind::PrimaryKey => "primary key",
        _ => "unique",
    };
    let index = full_name_sql(&after.name.sibling(made.name.clone()));
    let columns: Vec<String> = made.columns.iter().map(|column| quoted(column)).collect();
    let mut recipe = recipe.step(
        Run::Briefly,
        "its index is not valid yet: nothing is built",
        [format!("alter table only {sql} add constraint {name} {kind} ({})", columns.join(", "))],
    );
    let below = act.after.children(after.id).filter_map(|id| act.after.by_id(id));
    if below.into_iter().any(|found| found.kind == RelationKind::PartitionedTable) {
        return None;
    }
    for (partition, sql) in partitions(&act.after, after.id) {
        let mut part = made.clone();
        part.name = format!("{}_{}", partition.name.name, made.columns.join("_")).into();
        recipe = recipe.step(
            Run::OutsideTransaction,
            "builds the index of the partition while others read and write it",
            [unique_index(&sql, after, &part, &quoted(&part.name))],
        );
        let own = full_name_sql(&partition.name.sibling(part.name.clone()));
        recipe = recipe.step(
            Run::Briefly,
            "takes the index over, and makes it part of the whole: nothing is read",
            [using_index(&sql, &part), format!("alter index {index} attach partition {own}")],
        );
    }
    Some(recipe)
}

/// Reports a primary key that takes an index over, but has to look for nulls.
fn looks_for_nulls(
    cx: &StatementContext,
    act: &Act,
    key: &AddedConstraint,
    table: &Used,
    index: &str,
) -> Diagnostic {
    let shown = table.shown();
    let made = key.made(act, table).map(|(_, made)| made);
    let before = table.relation;
    let columns: Vec<String> = match (before, made) {
        (Some(before), Some(made)) => nullable(before, made).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    let listed = super::spelling::listed(&columns, "and");
    let message = format!(
        "making `{index}` the primary key looks for nulls in each row of `{shown}`, as {listed} may be null"
    );
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let help = format!(
        "set {listed} to not null before, by way of a constraint that is added `not valid` and validated later"
    );
    report(cx, act, &message, &locked).help(help).recipe(cx.recipe(|| {
        let sql = name_sql(&key.alter.table);
        let recipe = prove_not_null(cx, Recipe::default(), &sql, made?, table);
        let name = quoted(&made?.name);
        Some(recipe.step(
            Run::Briefly,
            "nothing is read",
            [format!(
                "alter table {sql} add constraint {name} primary key using index {}",
                quoted(index)
            )],
        ))
    }))
}
