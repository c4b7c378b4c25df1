//! What `DROP ... CASCADE` locks: everything that goes, and everything of which a part goes.

use crate::catalog::{Catalog, ObjectId, Relation};
use crate::sql::LockMode::AccessExclusiveLock;
use crate::sql::{Action, ObjectKind};

use super::Effects;
use super::locks::of_relation;

/// Adds the locks on what went, or lost a part, between the catalogs `before` and `after` a drop.
pub(super) fn add(action: &Action, before: &Catalog, after: &Catalog, found: &mut Effects) {
    let Action::Drop(drop) = action else { return };
    if matches!(drop.kind, ObjectKind::Index) {
        return;
    }
    for relation in before.relations() {
        let now = after.by_id(relation.id);
        if now.is_some_and(|now| is_whole(relation, now)) {
            continue;
        }
        let mut ids: Vec<ObjectId> = Vec::new();
        if now.is_none() && relation.is_index() {
            ids.extend(&relation.uses);
        } else {
            ids.push(relation.id);
        }
        if now.is_none() {
            ids.extend(&relation.parents);
        }
        let is_left =
            |number| now.is_some_and(|r| r.constraints.iter().any(|c| c.number() == number));
        let gone = relation.constraints.iter().filter(|c| !is_left(c.number()));
        ids.extend(gone.filter_map(|constraint| constraint.references));
        let locked = ids.iter().filter_map(|id| before.by_id(*id));
        found.locks.extend(locked.map(|relation| of_relation(relation, AccessExclusiveLock)));
    }
}

/// Returns whether nothing was taken from a relation.
fn is_whole(before: &Relation, after: &Relation) -> bool {
    let parts = |relation: &Relation| {
        let extra = relation.extra();
        let defaults = relation.columns.iter().filter(|column| column.default.is_some()).count();
        let attached = extra.triggers.len() + extra.policies.len();
        (relation.columns.len(), defaults, relation.constraints.len(), attached)
    };
    parts(before) == parts(after)
}
