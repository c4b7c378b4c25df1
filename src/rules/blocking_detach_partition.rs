use super::concurrent::{has_limit, is_dropped_later, others, outside, written};
use super::outage::{acts, report};
use super::spelling::{like, shown};
use crate::catalog::Relation;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::{Action, LockMode, ObjectKind, RelationName, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // Before that there is no other way.
    if cx.version().major < 14 {
        return;
    }
    for act in acts(cx, |action| gone(action).is_some()) {
        let Some((partition, is_dropped)) = gone(act.action) else { continue };
        let path = &cx.state.session.search_path;
        let Some(partition) = act.before.relation(partition, path).found() else { continue };
        let Some(parent) = parent(cx, act, partition) else { continue };
        out.push(diagnose(cx, act, (partition, parent), is_dropped));
    }
}

/// Returns the table that an action detaches, or drops.
fn gone(action: &Action) -> Option<(&RelationName, bool)> {
    match action {
        Action::AlterTable(alter) => match &alter.change {
            TableChange::DetachPartition { partition, concurrently: false } => {
                Some((partition, false))
            }
            _ => None,
        },
        Action::Drop(drop) if drop.kind == ObjectKind::Table => Some((&drop.name, true)),
        _ => None,
    }
}

/// Returns the table of which it is a partition, if others use that and it can be detached without
/// blocking them: the server refuses that where there is a default partition.
fn parent<'a>(cx: &StatementContext, act: &'a Act, partition: &Relation) -> Option<&'a Relation> {
    let parent =
        act.before.by_id(*partition.parents.first().filter(|_| partition.is_partition())?)?;
    let is_gone = act.after.by_id(parent.id).is_none() || is_dropped_later(cx, &parent.name);
    let has_default = act.before.default_partition(parent.id).is_some();
    (!is_gone && !has_default && !cx.is_new_relation(parent)).then_some(parent)
}

fn diagnose(
    cx: &StatementContext,
    act: &Act,
    (partition, parent): (&Relation, &Relation),
    is_dropped: bool,
) -> Diagnostic {
    let mut locked = vec![(parent.name.clone(), LockMode::AccessExclusiveLock)];
    let more = others(cx, act, &parent.name).into_iter();
    locked.extend(more.filter(|(name, _)| *name != partition.name));
    let doing = if is_dropped { "dropping" } else { "detaching" };
    let message = format!(
        "{doing} partition `{}` needs all of `{}` for itself",
        shown(&partition.name),
        shown(&parent.name)
    );
    let detach = format!(
        "alter table {} detach partition {} concurrently",
        written(cx, &parent.name),
        written(cx, &partition.name)
    );
    let recipe = || {
        let recipe = Recipe::default().step(
            Run::OutsideTransaction,
            "waits until no query uses the partition, and blocks nobody meanwhile",
            [detach],
        );
        Some(if is_dropped {
            let drop = format!("drop table {}", written(cx, &partition.name));
            recipe.step(Run::Briefly, "nobody uses it any more", [drop])
        } else {
            recipe
        })
    };
    let help = outside(cx, "detach partition ... concurrently");
    let help = if is_dropped { format!("{help}, and drop the table after that") } else { help };
    report(cx, act, &message, &locked)
        .help(help)
        .recipe(cx.recipe(recipe))
        .fix(if is_dropped || act.in_block { None } else { fix(cx) })
}

/// Adds `concurrently` at the end of the statement.
fn fix(cx: &StatementContext) -> Option<Fix> {
    if cx.state.holder() != Holder::Nobody || has_limit(cx) || cx.statement.actions.len() > 1 {
        return None;
    }
    let keyword = cx.statement.keyword(cx.file(), "detach")?;
    let word = like(cx.file().slice(keyword), "concurrently");
    let file = cx.migration.migration().file;
    let edit = Edit::insert(file, cx.statement.span.end, format!(" {word}"));
    Some(Fix::new(Applicability::Unsafe, "detach the partition concurrently", vec![edit]))
}
