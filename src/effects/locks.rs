//! Which relations an action locks, and in which mode.

mod tables;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Lookup, ObjectId, Origin, QualifiedName, Relation, SearchPath};
use crate::sql::{
    Action, AlterTable, ConstraintDefinition, CreateTable, Dml, DmlKind, Drop, LockMode,
    ObjectKind, RelationName, Rename, RenamedPart, TableChange, TableEffect,
};
use crate::version::PgVersion;
use LockMode::{
    AccessExclusiveLock, AccessShareLock, RowExclusiveLock, RowShareLock, ShareLock,
    ShareRowExclusiveLock, ShareUpdateExclusiveLock,
};

/// A table-level lock that a statement takes on a relation that it did not make itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// The relation.
    pub relation: QualifiedName,
    /// The mode.
    pub mode: LockMode,
    /// The statement that made the relation, if the files at hand show it.
    pub created: Option<Origin>,
    /// Whether the relation is temporary: no other session can wait for it.
    pub temporary: bool,
}

/// Returns the locks of `action`: the strongest for each relation, sorted by name.
pub fn locks(
    action: &Action,
    catalog: &Catalog,
    path: &SearchPath,
    version: PgVersion,
) -> Vec<Lock> {
    let mut taken = Taken { catalog, path, version, locks: Vec::new() };
    taken.action(action);
    let mut locks = taken.locks;
    locks.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
    locks.dedup_by(|next, kept| next.relation == kept.relation);
    locks
}

struct Taken<'a> {
    catalog: &'a Catalog,
    path: &'a SearchPath,
    version: PgVersion,
    locks: Vec<Lock>,
}

impl<'a> Taken<'a> {
    fn found(&self, name: &RelationName) -> Option<&'a Relation> {
        self.catalog.relation(name, self.path).found()
    }
}

impl Taken<'_> {
    fn lock(&mut self, name: &RelationName, mode: LockMode) {
        if name.is_dynamic() {
            return;
        }
        let lock = match self.catalog.relation(name, self.path) {
            Lookup::Found(relation) => of_relation(relation, mode),
            Lookup::Dropped(_) | Lookup::Unknown => {
                let relation = self.catalog.resolve(name, self.path);
                Lock { relation, mode, created: None, temporary: false }
            }
        };
        self.locks.push(lock);
    }

    fn lock_object(&mut self, id: ObjectId, mode: LockMode) {
        if let Some(relation) = self.catalog.by_id(id) {
            self.locks.push(of_relation(relation, mode));
        }
    }

    /// Locks a table and, as `ALTER TABLE` without `ONLY` does, all that inherit from it.
    fn lock_tree(&mut self, name: &RelationName, only: bool, mode: LockMode) {
        self.lock(name, mode);
        if only {
            return;
        }
        let Some(top) = self.found(name).filter(|top| top.is_table()) else { return };
        let mut seen = BTreeSet::from([top.id]);
        let mut above = vec![top.id];
        while let Some(parent) = above.pop() {
            for child in self.catalog.children(parent) {
                if seen.insert(child) {
                    self.lock_object(child, mode);
                    above.push(child);
                }
            }
        }
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::CreateTable(create) => self.create_table(create),
            Action::CreateIndex(create) => {
                let mode = if create.concurrently { ShareUpdateExclusiveLock } else { ShareLock };
                // Only partitions get indexes of their own.
                let is_partitioned =
                    self.found(&create.table).is_some_and(Relation::is_partitioned);
                let alone = create.only || create.concurrently || !is_partitioned;
                self.lock_tree(&create.table, alone, mode);
            }
            Action::AlterTable(alter) => self.alter_table(alter, action),
            Action::CreateView(create) => {
                create.reads.iter().for_each(|name| self.lock(name, AccessShareLock));
                if create.or_replace && self.found(&create.name).is_some() {
                    self.lock(&create.name, AccessExclusiveLock);
                }
            }
            Action::Create(create) => match (create.kind, &create.on) {
                (ObjectKind::Trigger, Some(table)) => {
                    self.lock_tree(table, false, ShareRowExclusiveLock);
                }
                (ObjectKind::Policy | ObjectKind::Rule, Some(table)) => {
                    self.lock(table, AccessExclusiveLock);
                }
                _ => {}
            },
            Action::Drop(drop) => self.drop(drop, action),
            Action::Rename(rename) => self.rename(rename),
            Action::SetSchema { kind, name, .. } if is_relation(*kind) => {
                self.lock(name, AccessExclusiveLock);
            }
            Action::Truncate { table, only, cascade, restart, .. } => {
                self.truncate(table, *only, (*cascade, *restart));
            }
            Action::Lock { table, mode } => self.lock_tree(table, false, *mode),
            Action::Reindex { target, concurrently } => self.reindex(target, *concurrently),
            Action::Cluster { table: Some(table) } => self.lock(table, AccessExclusiveLock),
            Action::Vacuum { tables, full } => {
                let mode = if *full { AccessExclusiveLock } else { ShareUpdateExclusiveLock };
                tables.iter().for_each(|table| self.lock(table, mode));
            }
            Action::Analyze { tables } => {
                tables.iter().for_each(|table| self.lock(table, ShareUpdateExclusiveLock));
            }
            Action::RefreshMaterializedView { name, concurrently } => {
                let mode =
                    if *concurrently { LockMode::ExclusiveLock } else { AccessExclusiveLock };
                self.lock(name, mode);
            }
            Action::Comment { relation: Some(name), kind, .. } => {
                let mode = match kind {
                    ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => AccessShareLock,
                    _ => ShareUpdateExclusiveLock,
                };
                self.lock(name, mode);
            }
            Action::Dml(dml) => self.dml(dml),
            Action::Do(block) => block.actions.iter().for_each(|action| self.action(action)),
            Action::Cluster { table: None }
            | Action::SetSchema { .. }
            | Action::Comment { relation: None, .. }
            | Action::CreateEnum { .. }
            | Action::Alter(_)
            | Action::AddEnumValue { .. }
            | Action::RenameEnumValue { .. }
            | Action::Grant(_)
            | Action::Set(_)
            | Action::SetDefault(_)
            | Action::Transaction(_)
            | Action::Call { .. }
            | Action::NonTransactional { .. }
            | Action::Other { .. } => {}
        }
    }

    fn create_table(&mut self, create: &CreateTable) {
        let exists = create.name.as_ref().is_some_and(|name| self.found(name).is_some());
        if create.if_not_exists && exists {
            return;
        }
        let own = create.name.as_ref();
        let inline = create.columns.iter().flat_map(|column| &column.constraints);
        for constraint in inline.chain(&create.constraints) {
            if let Some(name) = constraint.references.as_ref().filter(|name| Some(*name) != own) {
                self.lock(name, ShareRowExclusiveLock);
            }
        }
        if let Some(parent) = &create.partition_of {
            self.lock(parent, AccessExclusiveLock);
            self.new_partition(parent, None);
        }
        for parent in &create.inherits {
            self.lock(parent, ShareUpdateExclusiveLock);
        }
        for name in create.reads.iter().chain(create.like.iter().map(|clause| &clause.table)) {
            self.lock(name, AccessShareLock);
        }
    }

    fn alter_table(&mut self, alter: &AlterTable, action: &Action) {
        let table = &alter.table;
        match &alter.change {
            TableChange::AddColumn { column, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                for constraint in &column.constraints {
                    self.referenced(constraint);
                }
            }
            TableChange::AddConstraint(definition) => self.add_constraint(alter, definition),
            TableChange::DropColumn { .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.losses(action);
            }
            TableChange::SetType { column, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.foreign_key_partners(table, |constraint| constraint.columns.contains(column));
            }
            TableChange::DropConstraint { name, cascade, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.foreign_key_partners(table, |constraint| *constraint.name == **name);
                if *cascade {
                    self.losses(action);
                }
            }
            TableChange::ValidateConstraint { name } => {
                self.lock_tree(table, alter.only, ShareUpdateExclusiveLock);
                // What is valid already is not checked again.
                let partners = self.partners(table, |constraint| {
                    *constraint.name == **name && !constraint.validated
                });
                partners.iter().for_each(|partner| self.lock_object(*partner, RowShareLock));
            }
            TableChange::AttachPartition { partition, .. } => {
                let is_index = self.found(table).is_some_and(Relation::is_index);
                if alter.kind == ObjectKind::Index || is_index {
                    self.lock(table, ShareUpdateExclusiveLock);
                    self.lock(partition, AccessExclusiveLock);
                } else {
                    self.lock(table, ShareUpdateExclusiveLock);
                    self.lock_tree(partition, false, AccessExclusiveLock);
                    self.new_partition(table, Some(partition));
                }
            }
            TableChange::DetachPartition { partition, concurrently } => {
                self.detach(table, partition, *concurrently);
            }
            TableChange::SetDefault { .. }
            | TableChange::SetNotNull { .. }
            | TableChange::DropNotNull { .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
            }
            TableChange::Other { effect, mode, .. } => match effect.as_deref() {
                Some(TableEffect::AlterConstraint { name, enforced, .. }) => {
                    self.alter_constraint(table, name, *enforced);
                }
                _ => self.lock(table, *mode),
            },
        }
    }

    fn referenced(&mut self, definition: &ConstraintDefinition) {
        if let Some(name) = &definition.references {
            self.lock(name, ShareRowExclusiveLock);
        }
    }

    /// Returns the tables that foreign keys of `table` refer to.
    fn partners(
        &self,
        table: &RelationName,
        which: impl Fn(&crate::catalog::Constraint) -> bool,
    ) -> Vec<ObjectId> {
        let Some(relation) = self.found(table) else { return Vec::new() };
        let keys = relation.constraints.iter().filter(|constraint| which(constraint));
        keys.filter_map(|constraint| constraint.references).collect()
    }

    /// Dropping a foreign key, or retyping its column, locks the other table as strongly.
    fn foreign_key_partners(
        &mut self,
        table: &RelationName,
        which: impl Fn(&crate::catalog::Constraint) -> bool,
    ) {
        for partner in self.partners(table, which) {
            self.lock_object(partner, AccessExclusiveLock);
        }
    }

    fn drop(&mut self, drop: &Drop, action: &Action) {
        match drop.kind {
            ObjectKind::Table | ObjectKind::ForeignTable => self.drop_table(drop, action),
            ObjectKind::Index => self.drop_index(drop, action),
            ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence
                if self.found(&drop.name).is_some() =>
            {
                self.lock(&drop.name, AccessExclusiveLock);
            }
            ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => {
                let table = drop.on.as_ref();
                if let Some(table) =
                    table.filter(|table| !drop.if_exists || self.found(table).is_some())
                {
                    self.lock(table, AccessExclusiveLock);
                }
            }
            _ => {}
        }
    }

    /// Locks the table of an index, if the files at hand show which it is.
    fn lock_table_of(&mut self, index: &RelationName, mode: LockMode) {
        let tables = self.found(index).map(|index| index.uses.clone()).unwrap_or_default();
        tables.iter().for_each(|table| self.lock_object(*table, mode));
    }

    fn rename(&mut self, rename: &Rename) {
        if !is_relation(rename.kind) {
            return;
        }
        let is_index = rename.kind == ObjectKind::Index
            && self.found(&rename.name).is_none_or(Relation::is_index);
        match rename.part {
            // ALTER INDEX ... RENAME locks the index only, and weakly.
            RenamedPart::Whole if is_index => self.lock(&rename.name, ShareUpdateExclusiveLock),
            RenamedPart::Whole | RenamedPart::Attached(..) => {
                self.lock(&rename.name, AccessExclusiveLock);
            }
            RenamedPart::Column(_) | RenamedPart::Constraint(_) => {
                self.lock_tree(&rename.name, false, AccessExclusiveLock);
            }
        }
    }

    fn dml(&mut self, dml: &Dml) {
        if let Some(target) = &dml.target {
            let mode = if dml.kind == DmlKind::CopyTo { AccessShareLock } else { RowExclusiveLock };
            self.lock(target, mode);
        }
        let mode = if dml.locks_rows { RowShareLock } else { AccessShareLock };
        dml.reads.iter().for_each(|name| self.lock(name, mode));
    }
}

fn of_relation(relation: &Relation, mode: LockMode) -> Lock {
    Lock {
        relation: relation.name.clone(),
        mode,
        created: Some(relation.created),
        temporary: relation.temporary,
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
    )
}
