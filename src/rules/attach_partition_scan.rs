use super::concurrent::{others, written};
use super::outage::{Used, acts, doubt, report, used};
use super::partition::{excluding, within};
use super::partition_of_locks_parent::{OTHERS, proof};
use super::spelling::shown;
use crate::catalog::Relation;
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{bound_sql, index_on, name_sql};
use crate::sql::{Action, AlterTable, LockMode, PartitionBound, RelationName, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| attached(action).is_some()) {
        let Some(attached) = attached(act.action) else { continue };
        out.extend(judge(cx, act, &attached));
    }
}

/// A partition that a statement attaches.
struct Attached<'a> {
    alter: &'a AlterTable,
    partition: &'a RelationName,
    bound: &'a PartitionBound,
}

fn attached(action: &Action) -> Option<Attached<'_>> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::AttachPartition { partition, bound: Some(bound) } => {
            Some(Attached { alter, partition, bound })
        }
        _ => None,
    }
}

fn judge(cx: &StatementContext, act: &Act, attached: &Attached) -> Option<Diagnostic> {
    let path = &cx.state.session.search_path;
    let parent = act.before.relation(&attached.alter.table, path).found();
    let default =
        parent.and_then(|parent| act.before.default_partition(parent.id)).filter(|default| {
            act.effects.scans.contains(&default.name) && !cx.is_new_relation(default)
        });
    let child = used(cx, &act.before, attached.partition);
    let is_known = parent.is_some() && child.as_ref().is_none_or(|child| child.relation.is_some());
    let own = child.filter(|child| {
        let parts = || below(act, child.relation);
        !is_known
            || parts().iter().any(|part| act.effects.scans.contains(&part.name))
            || parts().iter().any(|part| !missing(act, part).is_empty())
    });
    match (own, default) {
        (Some(child), _) => Some(of_child(cx, act, attached, (&child, default, is_known))),
        (None, Some(default)) => Some(of_default(cx, act, attached, default)),
        (None, None) => None,
    }
}

/// Returns the new partition and everything below it.
fn below<'a>(act: &'a Act, child: Option<&Relation>) -> Vec<&'a Relation> {
    let mut found: Vec<&Relation> = Vec::new();
    let mut queue: Vec<_> = child.map(|child| child.id).into_iter().collect();
    while let Some(id) = queue.pop() {
        found.extend(act.before.by_id(id));
        queue.extend(act.before.children(id));
    }
    found
}

/// Returns the indexes that are built on a table, as SQL with words before the name.
fn missing(act: &Act, table: &Relation) -> Vec<String> {
    let after = act.after.by_id(table.id);
    let indexes = after.into_iter().flat_map(|after| &after.indexes);
    let is_built = |name: &str| act.effects.index_builds.contains(&table.name.sibling(name));
    indexes.filter(|i| is_built(&i.name)).map(|i| i.name.to_string()).collect()
}

fn of_child(
    cx: &StatementContext,
    act: &Act,
    attached: &Attached,
    (child, default, is_known): (&Used, Option<&Relation>, bool),
) -> Diagnostic {
    let shown_child = child.shown();
    let mut locked = vec![(child.name.clone(), LockMode::AccessExclusiveLock)];
    locked.extend(others(cx, act, &child.name));
    let is_read = !is_known
        || below(act, child.relation).iter().any(|part| act.effects.scans.contains(&part.name));
    let builds =
        below(act, child.relation).iter().map(|part| missing(act, part).len()).sum::<usize>();
    let mut does = Vec::new();
    if is_read {
        does.push(format!("reads all of `{shown_child}`"));
    }
    if let Some(default) = default {
        does.push(format!("reads all of the default partition `{}`", shown(&default.name)));
    }
    if builds > 0 {
        let plural = if builds > 1 { "es" } else { "" };
        does.push(format!("builds {builds} index{plural} on it"));
    }
    let message =
        format!("attaching `{shown_child}` to `{}` {}", attached.alter.table, does.join(" and "));
    let help = match within_sql(cx, act, attached) {
        Some(check) if is_known => format!(
            "prove the bound before with a valid check `{check}`, and build the indexes it needs concurrently"
        ),
        _ => "prove the bound before with a valid check, and build the indexes that it needs concurrently".to_owned(),
    };
    let diagnostic = report(cx, act, &message, &locked)
        .help(help)
        .recipe(cx.recipe(|| recipe(cx, act, attached, child.relation, default)));
    if child.relation.is_some() && !is_known {
        return diagnostic.note(format!(
            "the files do not show how `{}` was made: it is not so if a valid check proves the bound",
            attached.alter.table
        ));
    }
    let unless = "a valid check constraint proves that all of its rows are within the bound";
    doubt(diagnostic, child, unless)
}

fn of_default(
    cx: &StatementContext,
    act: &Act,
    attached: &Attached,
    default: &Relation,
) -> Diagnostic {
    let locked = [(default.name.clone(), LockMode::AccessExclusiveLock)];
    let message = format!(
        "attaching `{}` reads all of the default partition `{}`",
        attached.partition,
        shown(&default.name)
    );
    let child = act.before.relation(attached.partition, &cx.state.session.search_path).found();
    report(cx, act, &message, &locked)
        .help("prove before with a valid check on the default partition that it holds none of these rows")
        .recipe(cx.recipe(|| recipe(cx, act, attached, child, Some(default))))
}

fn within_sql(cx: &StatementContext, act: &Act, attached: &Attached) -> Option<String> {
    let parent =
        act.before.relation(&attached.alter.table, &cx.state.session.search_path).found()?;
    within(parent.extra().partition_by.as_ref()?, attached.bound)
}

fn recipe(
    cx: &StatementContext,
    act: &Act,
    attached: &Attached,
    child: Option<&Relation>,
    default: Option<&Relation>,
) -> Option<Recipe> {
    let child = child?;
    let parent =
        act.before.relation(&attached.alter.table, &cx.state.session.search_path).found()?;
    let key = parent.extra().partition_by.as_ref()?;
    let table = written(cx, &child.name);
    let name = &attached.partition.name;
    let mut recipe = Recipe::default();
    let mut dropped = Vec::new();
    let after = act.after.by_id(child.id)?;
    for index in &after.indexes {
        let is_built = act.effects.index_builds.contains(&child.name.sibling(index.name.clone()));
        if let Some(sql) = index_on(&table, index, "concurrently ").filter(|_| is_built) {
            recipe =
                recipe.step(Run::OutsideTransaction, "an index that the partition needs", [sql]);
        }
    }
    if act.effects.scans.contains(&child.name) {
        let check = format!("{name}_bound");
        let within = within(key, attached.bound)?;
        let what = "it takes only rows within the bound from here on";
        recipe = proof(recipe, what, &table, (&check, &within));
        dropped.push(format!("alter table {table} drop constraint {check}"));
    }
    if let Some(default) = default {
        let (on, check) = (written(cx, &default.name), format!("{name}_excluded"));
        let excluded = excluding(key, attached.bound)?;
        recipe = proof(recipe, OTHERS, &on, (&check, &excluded));
        dropped.push(format!("alter table {on} drop constraint {check}"));
    }
    let parent = name_sql(&attached.alter.table);
    let attach =
        format!("alter table {parent} attach partition {table} {}", bound_sql(attached.bound)?);
    let recipe = recipe.step(Run::Briefly, "the checks prove it: nothing is read", [attach]);
    Some(if dropped.is_empty() {
        recipe
    } else {
        recipe.step(Run::Briefly, "the partitions say the same", dropped)
    })
}
