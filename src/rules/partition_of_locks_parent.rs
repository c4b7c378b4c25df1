use std::collections::BTreeSet;

use super::concurrent::{others, written};
use super::outage::{acts, report, used};
use super::partition::excluding;
use super::spelling::shown;
use crate::catalog::{QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::schema::{bound_sql, name_sql};
use crate::session::Holder;
use crate::sql::{Action, CreateTable, LockMode, RelationName};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_here = cx.script().all_actions().any(|action| made(action).is_some());
    is_here.then(|| Box::new(Parents::default()) as Box<dyn Watch>)
}

/// The parents that were reported: many partitions are made at once.
#[derive(Default)]
struct Parents {
    reported: BTreeSet<(QualifiedName, bool)>,
    found: Vec<Diagnostic>,
}

impl Watch for Parents {
    fn statement(&mut self, cx: &StatementContext) {
        for act in acts(cx, |action| made(action).is_some()) {
            let Some((create, parent)) = made(act.action) else { continue };
            let name = create.name.as_ref();
            let path = &cx.state.session.search_path;
            let is_there = name.is_some_and(|n| act.before.relation(n, path).found().is_some());
            let Some(parent) = used(cx, &act.before, parent).filter(|_| !is_there) else {
                continue;
            };
            let default = scanned_default(act, parent.relation);
            if self.reported.insert((parent.name.clone(), default.is_some())) {
                self.found.push(diagnose(cx, act, create, (&parent.name, default)));
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

/// Returns the parent of a partition that an action makes.
fn made(action: &Action) -> Option<(&CreateTable, &RelationName)> {
    let Action::CreateTable(create) = action else { return None };
    Some((create, create.partition_of.as_ref()?))
}

/// Returns the default partition if its rows are read.
fn scanned_default<'a>(act: &'a Act, parent: Option<&Relation>) -> Option<&'a Relation> {
    let default = act.before.default_partition(parent?.id)?;
    (!act.effects.scans.is_empty()).then_some(default)
}

fn diagnose(
    cx: &StatementContext,
    act: &Act,
    create: &CreateTable,
    (parent, default): (&QualifiedName, Option<&Relation>),
) -> Diagnostic {
    let mut locked = vec![(parent.clone(), LockMode::AccessExclusiveLock)];
    locked.extend(others(cx, act, parent));
    let message = match default {
        Some(default) => format!(
            "making a partition of `{}` reads all of the default partition `{}`",
            shown(parent),
            shown(&default.name)
        ),
        None => format!("making a partition of `{}` needs all of it for itself", shown(parent)),
    };
    let name = create.name.as_ref().map(ToString::to_string).unwrap_or_default();
    let diagnostic = report(cx, act, &message, &locked)
        .help(format!(
            "make `{name}` with `(like {parent} including all)`, and attach it: that blocks neither reads nor writes of `{parent}`",
            parent = shown(parent)
        ))
        .recipe(cx.recipe(|| recipe(cx, act, create, default)));
    // The wait is limited, and the rest is done at once.
    let is_short = cx.state.session.has_lock_timeout() && cx.state.holder() == Holder::Nobody;
    if is_short && default.is_none() { diagnostic.at_most(Severity::Info) } else { diagnostic }
}

fn recipe(
    cx: &StatementContext,
    act: &Act,
    create: &CreateTable,
    default: Option<&Relation>,
) -> Option<Recipe> {
    let (name, parent) = (create.name.as_ref()?, create.partition_of.as_ref()?);
    // What stands beside the bound is for a person to take over.
    if create.partition_by.is_some() || !create.columns.is_empty() || !create.constraints.is_empty()
    {
        return None;
    }
    let above = act.before.relation(parent, &cx.state.session.search_path).found()?;
    let bound = create.bound.as_deref()?;
    let identity = above.columns.iter().any(|column| column.identity.is_some());
    let like = if identity { "including all excluding identity" } else { "including all" };
    let (table, parent) = (name_sql(name), name_sql(parent));
    let mut recipe = Recipe::default();
    let check = default.and_then(|default| {
        let excluded = excluding(above.extra().partition_by.as_ref()?, bound)?;
        Some((written(cx, &default.name), format!("{}_excluded", name.name), excluded))
    });
    if let Some((default, check, excluded)) = &check {
        recipe = proof(recipe, OTHERS, default, (check, excluded));
    }
    recipe = recipe.step(
        Run::Briefly,
        "the new table is empty, and reads and writes of the others go on",
        [
            format!("create table {table} (like {parent} {like})"),
            format!("alter table {parent} attach partition {table} {}", bound_sql(bound)?),
        ],
    );
    if let Some((default, check, _)) = check {
        let drop = format!("alter table {default} drop constraint {check}");
        recipe = recipe.step(Run::Briefly, "the partition says the same", [drop]);
    }
    Some(recipe)
}

/// What a check on a default partition does.
pub(super) const OTHERS: &str = "the default partition takes none of these rows from here on";

/// Adds a check without reading the table while it is locked.
pub(super) fn proof(
    recipe: Recipe,
    what: &'static str,
    table: &str,
    (name, check): (&str, &str),
) -> Recipe {
    recipe
        .step(
            Run::Briefly,
            what,
            [format!("alter table {table} add constraint {name} check ({check}) not valid")],
        )
        .step(
            Run::AtLeisure,
            "reads the table while others read and write it",
            [format!("alter table {table} validate constraint {name}")],
        )
}
