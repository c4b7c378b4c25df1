//! Locks of statements that are not about the structure of a table: those that read or write rows, that
//! maintain tables, or that are about what is attached to a table.

use std::collections::BTreeSet;

use super::{
    AccessExclusiveLock, AccessShareLock, RowExclusiveLock, RowShareLock, ShareRowExclusiveLock,
    ShareUpdateExclusiveLock, Taken,
};
use crate::catalog::{ObjectId, Relation, RelationKind};
use crate::sql::{
    Access, Action, Alter, Detail, Drop, LockMode, MemberChange, ObjectChange, ObjectKind,
    RelationName, actions_of,
};

/// The first version in which `VACUUM` and `ANALYZE` of an inheritance parent go on to its children.
const INHERITANCE_IS_MAINTAINED: u16 = 18;
/// The first version in which renaming a trigger of a partitioned table renames those of its partitions.
const TRIGGERS_ARE_RENAMED_BELOW: u16 = 15;

impl Taken<'_> {
    /// Locks the relations that an object is about.
    pub(super) fn lock_named(&mut self, detail: &Detail, mode: LockMode) {
        if let Detail::On(relations) = detail {
            relations.iter().for_each(|name| self.lock(name, mode));
        }
    }

    /// Locks a table and, if it is partitioned, its partitions.
    pub(super) fn lock_partitions(&mut self, name: &RelationName, mode: LockMode) {
        let found = self.found(name);
        let is_partitioned = found.is_some_and(|t| t.kind == RelationKind::PartitionedTable);
        self.lock_tree(name, !is_partitioned, mode);
    }

    pub(super) fn alter_object(&mut self, alter: &Alter) {
        match (&alter.change, &alter.on) {
            (ObjectChange::Sequence(_), _)
                if (!alter.if_exists || self.found(&alter.name).is_some()) =>
            {
                self.lock(&alter.name, ShareRowExclusiveLock);
            }
            // With `SET` those that were its tables are locked too.
            (ObjectChange::Publication { how, tables }, _) => {
                tables.iter().for_each(|name| self.lock(name, ShareUpdateExclusiveLock));
                if *how == MemberChange::Set {
                    for table in self.catalog.published(&alter.name.name) {
                        self.lock_object(table, ShareUpdateExclusiveLock);
                    }
                }
            }
            (ObjectChange::MoveAll { objects, to, roles }, _) => {
                let from = &alter.name.name;
                for relation in self.catalog.all_in_tablespace(from, *objects, to, roles) {
                    self.locks.push(super::of_relation(relation, AccessExclusiveLock));
                }
            }
            (ObjectChange::Policy { .. }, Some(table)) => self.lock(table, AccessExclusiveLock),
            (ObjectChange::Owner(_), _) if alter.kind.is_relation() => {
                self.lock(&alter.name, AccessExclusiveLock);
            }
            _ => {}
        }
    }

    /// `DROP OWNED` drops what roles own, `REASSIGN OWNED` gives it to another.
    pub(super) fn access(&mut self, access: &Access, action: &Action) {
        match access {
            Access::Owned { to: None, .. } => self.losses(action),
            Access::Owned { roles, to: Some(_), .. } => {
                for id in self.catalog.owned_by(roles) {
                    self.lock_object(id, AccessExclusiveLock);
                }
            }
            Access::Default { .. } | Access::Member { .. } => {}
        }
    }

    /// `DROP TRIGGER`, `DROP POLICY`, `DROP RULE`: what is not there locks nothing.
    pub(super) fn drop_attached(&mut self, drop: &Drop) {
        let Some(table) = &drop.on else { return };
        let name = &drop.name.name;
        let is_there = self.found(table).is_some_and(|relation| {
            let extra = relation.extra();
            match drop.kind {
                ObjectKind::Trigger => extra.triggers.iter().any(|t| t.name == *name),
                ObjectKind::Policy => extra.policies.iter().any(|p| p.name == *name),
                _ => extra.rules.iter().any(|rule| rule.name == *name),
            }
        });
        if drop.if_exists && !is_there {
            return;
        }
        match drop.kind {
            ObjectKind::Trigger => self.lock_partitions(table, AccessExclusiveLock),
            _ => self.lock(table, AccessExclusiveLock),
        }
    }

    pub(super) fn rename_attached(&mut self, kind: ObjectKind, table: &RelationName) {
        if kind == ObjectKind::Trigger && self.version.major >= TRIGGERS_ARE_RENAMED_BELOW {
            self.lock_partitions(table, AccessExclusiveLock);
        } else {
            self.lock(table, AccessExclusiveLock);
        }
    }

    /// `LOCK TABLE`: of a view, what it reads is locked in the same mode.
    pub(super) fn lock_command(&mut self, name: &RelationName, only: bool, mode: LockMode) {
        self.lock_tree(name, only, mode);
        let view = self.found(name).filter(|found| found.kind == RelationKind::View);
        let mut queue = view.map(|view| view.uses.clone()).unwrap_or_default();
        let mut seen = BTreeSet::new();
        while let Some(id) = queue.pop() {
            if !seen.insert(id) {
                continue;
            }
            self.lock_object(id, mode);
            let Some(used) = self.catalog.by_id(id) else { continue };
            if used.kind == RelationKind::View {
                queue.extend(&used.uses);
            }
            queue.extend(self.catalog.children(id));
        }
    }

    /// `VACUUM` and `ANALYZE`: without names, of the whole database.
    pub(super) fn maintain(&mut self, tables: &[RelationName], only: bool, mode: LockMode) {
        let inherited = self.version.major >= INHERITANCE_IS_MAINTAINED;
        for table in tables {
            if only || inherited {
                self.lock_tree(table, only, mode);
            } else {
                self.lock_partitions(table, mode);
            }
        }
        if tables.is_empty() {
            let all = self.catalog.relations().filter(|relation| is_maintained(relation));
            let all: Vec<ObjectId> = all.map(|relation| relation.id).collect();
            all.into_iter().for_each(|id| self.lock_object(id, mode));
        }
    }

    /// Locks what the body of an SQL function names: the server analyses it when the function is made.
    pub(super) fn body(&mut self, detail: &Detail) {
        let Detail::Function(function) = detail else { return };
        let is_sql =
            function.language.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("sql"));
        let Some(body) = function.body.as_deref().filter(|_| is_sql) else { return };
        for action in actions_of(body) {
            let Action::Dml(dml) = action else { continue };
            let read = if dml.locks_rows { RowShareLock } else { AccessShareLock };
            dml.reads.iter().for_each(|name| self.lock(name, read));
            let written = dml.target.iter().chain(&dml.writes);
            written.for_each(|name| self.lock(name, RowExclusiveLock));
        }
    }
}

/// Returns whether `VACUUM` without names takes a relation.
fn is_maintained(relation: &Relation) -> bool {
    use RelationKind::{MaterializedView, PartitionedTable, Table};
    matches!(relation.kind, Table | PartitionedTable | MaterializedView)
}
