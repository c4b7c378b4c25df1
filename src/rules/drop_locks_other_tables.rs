use std::collections::BTreeSet;

use super::concurrent::{is_dropped_later, others, written};
use super::outage::{acts, end, quoted};
use super::spelling::{listed, shown};
use crate::catalog::{Constraint, QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::layout::Direction;
use crate::recipe::{Recipe, Run};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::session::Holder;
use crate::sql::{Action, ConstraintKind, LockMode, ObjectKind, RelationName, TableChange};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    // Every down of a table with a foreign key does it.
    if cx.migration().direction != Direction::Up {
        return None;
    }
    let is_here = cx.script().all_actions().any(|action| dropped(action).is_some());
    is_here.then(|| Box::new(Others::default()) as Box<dyn Watch>)
}

/// The other tables that were reported already: one diagnostic for each is enough.
#[derive(Default)]
struct Others {
    reported: BTreeSet<QualifiedName>,
    found: Vec<Diagnostic>,
}

impl Watch for Others {
    fn statement(&mut self, cx: &StatementContext) {
        for act in acts(cx, |action| dropped(action).is_some()) {
            let Some((name, doing)) = dropped(act.action) else { continue };
            let path = &cx.state.session.search_path;
            let Some(table) = act.before.relation(name, path).found() else { continue };
            let locked: Vec<QualifiedName> = other_tables(cx, act, table)
                .into_iter()
                .filter(|name| self.reported.insert(name.clone()))
                .collect();
            if !locked.is_empty() {
                self.found.push(diagnose(cx, act, (table, doing), &locked));
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

/// Returns the table that an action drops or takes a part from.
fn dropped(action: &Action) -> Option<(&RelationName, String)> {
    match action {
        Action::Drop(drop) if drop.kind == ObjectKind::Table => {
            Some((&drop.name, format!("dropping `{}`", drop.name)))
        }
        Action::AlterTable(alter) => match &alter.change {
            TableChange::DropColumn { column, .. } => {
                Some((&alter.table, format!("dropping column `{column}` of `{}`", alter.table)))
            }
            TableChange::DropConstraint { name, .. } => {
                Some((&alter.table, format!("dropping `{name}` of `{}`", alter.table)))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns the tables at the other end of foreign keys that go, if others use them after this.
fn other_tables(cx: &StatementContext, act: &Act, table: &Relation) -> Vec<QualifiedName> {
    let is_partner = |other: &Relation| {
        let refers = |from: &Relation, to: &Relation| {
            let mut keys = from.constraints.iter();
            keys.any(|key| key.kind == ConstraintKind::ForeignKey && key.references == Some(to.id))
        };
        refers(table, other) || refers(other, table)
    };
    let locked = others(cx, act, &table.name).into_iter();
    locked
        .filter(|(_, mode)| *mode == LockMode::AccessExclusiveLock)
        .filter_map(|(name, _)| act.before.get(&name))
        .filter(|other| is_partner(other) && act.after.by_id(other.id).is_some())
        .filter(|other| !is_dropped_later(cx, &other.name))
        .map(|other| other.name.clone())
        .collect()
}

fn diagnose(
    cx: &StatementContext,
    act: &Act,
    (table, doing): (&Relation, String),
    locked: &[QualifiedName],
) -> Diagnostic {
    let names: Vec<String> = locked.iter().map(shown).collect();
    let names = listed(&names, "and");
    let message = format!(
        "{doing} takes foreign keys along and locks {names} as well: reads and writes of {names} wait until {}",
        end(cx, act)
    );
    let mut diagnostic = cx.report(message);
    for name in locked {
        diagnostic = diagnostic.relation(name, Some(LockMode::AccessExclusiveLock));
    }
    let help = match (locked.len(), cx.state.holder()) {
        (1, Holder::Nobody) => {
            "set a short `lock_timeout` for it: an application that locks the other table first, and this one after it, makes a deadlock"
        }
        (1, _) => "run it alone in a transaction of its own, under a short `lock_timeout`",
        _ => "drop the foreign keys one by one before it, each in a transaction of its own",
    };
    let diagnostic = cx.explain_transaction(diagnostic).help(help);
    let diagnostic = diagnostic.recipe(cx.recipe(|| recipe(cx, act, table)));
    // One other table, for an instant: that is for the limit of the wait to bear.
    let is_short = cx.state.holder() == Holder::Nobody && locked.len() == 1;
    if is_short { diagnostic.at_most(Severity::Info) } else { diagnostic }
}

/// Takes the foreign keys away one by one.
fn recipe(cx: &StatementContext, act: &Act, table: &Relation) -> Option<Recipe> {
    let text = cx.statement.text(cx.file()).to_owned();
    if act.in_block || cx.statement.actions.len() > 1 {
        return None;
    }
    let mut recipe = Recipe::default();
    for (owner, key) in keys(act, table) {
        if !matches!(act.action, Action::AlterTable(alter) if matches!(alter.change, TableChange::DropConstraint { .. }))
        {
            let sql = format!(
                "alter table {} drop constraint {}",
                written(cx, &owner.name),
                quoted(&key.name)
            );
            recipe =
                recipe.step(Run::Briefly, "locks only the two tables of one foreign key", [sql]);
        }
    }
    Some(recipe.step(Run::Briefly, "no other table has to do with it any more", [text]))
}

/// Returns the foreign keys that go with an action, each with its table.
fn keys<'a>(act: &'a Act, table: &Relation) -> Vec<(&'a Relation, &'a Constraint)> {
    let mut found = Vec::new();
    for owner in act.before.related(table.id) {
        for key in &owner.constraints {
            let is_between = owner.id == table.id || key.references == Some(table.id);
            let after = act.after.by_id(owner.id);
            let is_left = after
                .is_some_and(|after| after.constraints.iter().any(|c| c.number() == key.number()));
            if key.kind == ConstraintKind::ForeignKey && is_between && !is_left {
                found.push((owner, key));
            }
        }
    }
    found
}
