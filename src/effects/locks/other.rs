//! Locks of statements that are not about the structure of a table: those that read or write rows, that
//! maintain tables, or that are about what is attached to a table.

use std::collections::BTreeSet;

use super::{
    AccessExclusiveLock, AccessShareLock, RowExclusiveLock, RowShareLock, ShareRowExclusiveLock,
    ShareUpdateExclusiveLock, Taken,
};
use crate::catalog::{Column, Constraint, ObjectId, Relation, RelationKind};
use crate::sql::{
    Access, Action, Alter, Detail, Dml, DmlKind, Drop, LockMode, MemberChange, ObjectChange,
    ObjectKind, ReferentialAction, RelationName, actions_of,
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

    /// Locks what the actions of rules write to.
    fn rules(&mut self, table: &Relation, event: DmlKind) {
        for rule in table.extra().rules.iter().filter(|rule| rule.event == event) {
            rule.writes.iter().for_each(|id| self.lock_object(*id, RowExclusiveLock));
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

    /// Locks what a statement that reads or writes rows does: the relations it names, those below
    /// them, and for the rows it writes the other sides of their foreign keys and their sequences.
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

    pub(super) fn dml(&mut self, dml: &Dml) {
        let mode = if dml.locks_rows { RowShareLock } else { AccessShareLock };
        dml.reads.iter().for_each(|name| self.lock(name, mode));
        dml.writes.iter().for_each(|name| self.lock(name, RowExclusiveLock));
        dml.sequences.iter().for_each(|name| self.lock(name, RowExclusiveLock));
        let Some(target) = &dml.target else { return };
        match dml.kind {
            DmlKind::CopyTo => self.lock(target, AccessShareLock),
            // An UPDATE or DELETE plans for every table below; rows that are inserted find their own.
            DmlKind::Update | DmlKind::Delete | DmlKind::Merge => {
                self.lock_tree(target, dml.only, RowExclusiveLock);
            }
            DmlKind::Insert | DmlKind::CopyFrom | DmlKind::Select => {
                self.lock(target, RowExclusiveLock);
            }
        }
        let Some(table) = self.found(target) else { return };
        let table = table.clone();
        self.rules(&table, dml.kind);
        match dml.kind {
            DmlKind::Insert | DmlKind::CopyFrom => {
                let given = given(&table, dml);
                self.sequences_of(&table, &given);
                self.referencing(&table, |c| c.columns.iter().all(|c| given.contains(&**c)));
            }
            DmlKind::Update => {
                let is_set = |columns: &[String]| columns.iter().any(|c| dml.columns.contains(c));
                self.referencing(&table, |constraint| is_set(&constraint.columns));
                self.referring_to(&table, false, &is_set, &mut BTreeSet::new());
            }
            DmlKind::Delete => {
                self.referring_to(&table, true, &|_| true, &mut BTreeSet::new());
            }
            DmlKind::Merge | DmlKind::CopyTo | DmlKind::Select => {}
        }
    }

    /// Locks the sequences of which columns that get no value take one.
    fn sequences_of(&mut self, table: &Relation, given: &BTreeSet<String>) {
        let without = |column: &&Column| !given.contains(&*column.name);
        for column in table.columns.iter().filter(without) {
            if let Some(default) = column.default.as_ref().filter(|_| column.generated.is_none())
                && default.is_next_value()
            {
                default.relations().iter().for_each(|name| self.lock(name, RowExclusiveLock));
            }
            if column.identity.is_some() || column.default.is_some() {
                let owned = (table.id, column.number);
                let sequences = self.catalog.related(table.id).into_iter().filter(|relation| {
                    let sequence = relation.extra().sequence.as_ref();
                    sequence.is_some_and(|s| {
                        s.owned_by == Some(owned) && (s.is_identity || is_serial(column))
                    })
                });
                let sequences: Vec<ObjectId> = sequences.map(|sequence| sequence.id).collect();
                sequences.into_iter().for_each(|id| self.lock_object(id, RowExclusiveLock));
            }
        }
    }

    /// Locks the tables in which the foreign keys of rows that were written are looked up.
    fn referencing(&mut self, table: &Relation, which: impl Fn(&Constraint) -> bool) {
        for constraint in &table.constraints {
            if let Some(other) = constraint.references.filter(|_| constraint.enforced)
                && which(constraint)
            {
                self.lock_object(other, RowShareLock);
            }
        }
    }

    /// Locks the tables that refer to rows that are deleted or get other keys.
    fn referring_to(
        &mut self,
        table: &Relation,
        is_delete: bool,
        which: &dyn Fn(&[String]) -> bool,
        seen: &mut BTreeSet<ObjectId>,
    ) {
        if !seen.insert(table.id) {
            return;
        }
        let catalog = self.catalog;
        for other in catalog.related(table.id).into_iter().filter(|other| other.is_table()) {
            let refers = |constraint: &&Constraint| {
                constraint.references == Some(table.id)
                    && constraint.enforced
                    && which(&constraint.referenced_columns)
            };
            let mut changes = false;
            for constraint in other.constraints.iter().filter(refers) {
                let action = if is_delete { constraint.actions.0 } else { constraint.actions.1 };
                let is_refused =
                    matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
                changes |= is_delete && action == ReferentialAction::Cascade;
                let mode = if is_refused { RowShareLock } else { RowExclusiveLock };
                self.lock_object(other.id, mode);
            }
            if changes {
                self.referring_to(other, true, &|_| true, seen);
            }
        }
    }
}

/// Returns whether `VACUUM` without names takes a relation.
fn is_maintained(relation: &Relation) -> bool {
    use RelationKind::{MaterializedView, PartitionedTable, Table};
    matches!(relation.kind, Table | PartitionedTable | MaterializedView)
}

/// Returns whether a column takes its values of the sequence that it owns.
fn is_serial(column: &Column) -> bool {
    let default = column.default.as_ref();
    default.is_some_and(|default| default.is_next_value())
}

/// Returns the columns to which an `INSERT` or `COPY` gives values.
fn given(table: &Relation, dml: &Dml) -> BTreeSet<String> {
    if !dml.columns.is_empty() {
        return dml.columns.iter().cloned().collect();
    }
    let width = dml.width.unwrap_or(table.columns.len());
    table.columns.iter().take(width).map(|column| column.name.to_string()).collect()
}
