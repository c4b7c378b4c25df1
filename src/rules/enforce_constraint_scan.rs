use super::outage::{acts, quoted, report, used};
use super::steps::validate;
use crate::catalog::{Constraint, QualifiedName, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, name_sql};
use crate::sql::{Action, AlterTable, LockMode, TableChange, TableEffect};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| enforced(action).is_some()) {
        let Some((alter, name)) = enforced(act.action) else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        let Some(relation) = table.relation.filter(|_| !act.effects.scans.is_empty()) else {
            continue;
        };
        let Some(key) = relation.constraint(name) else { continue };
        let mut locked: Vec<(QualifiedName, LockMode)> =
            vec![(table.name.clone(), LockMode::AccessExclusiveLock)];
        let target = key.references.and_then(|id| act.before.by_id(id));
        if let Some(target) = target.filter(|target| !cx.is_new_relation(target))
            && target.id != relation.id
        {
            locked.push((target.name.clone(), LockMode::ShareRowExclusiveLock));
        }
        let message = format!("enforcing `{name}` checks each row of `{}`", table.shown());
        let recipe = cx.recipe(|| recipe(act, alter, relation, key));
        out.push(report(cx, act, &message, &locked).help("add a second foreign key `not valid`, validate it in a later migration, and drop this one then").recipe(recipe));
    }
}

fn enforced(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    let TableChange::Other { effect: Some(effect), .. } = &alter.change else { return None };
    match &**effect {
        TableEffect::AlterConstraint { name, enforced: Some(true), .. } => Some((alter, name)),
        _ => None,
    }
}

fn recipe(act: &Act, alter: &AlterTable, table: &Relation, key: &Constraint) -> Option<Recipe> {
    let sql = name_sql(&alter.table);
    let (old, new) = (quoted(&key.name), quoted(&format!("{}_enforced", key.name)));
    let mut like = key.clone();
    (like.enforced, like.validated) = (true, true);
    let definition = constraint_sql(&act.before, table, &like)?;
    let recipe = Recipe::default().step(
        Run::Briefly,
        "new and changed rows are checked from here on",
        [format!("alter table {sql} add constraint {new} {definition} not valid")],
    );
    Some(validate(recipe, &sql, &new).step(
        Run::Briefly,
        "the new one takes the place of the old one",
        [
            format!("alter table {sql} drop constraint {old}"),
            format!("alter table {sql} rename constraint {new} to {old}"),
        ],
    ))
}
