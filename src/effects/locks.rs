//! Which relations an action locks, and in which mode.

mod other;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Lookup, ObjectId, Origin, QualifiedName, Relation, SearchPath};
use crate::sql::{
    Action, AlterTable, ConstraintDefinition, ConstraintKind, CreateTable, Drop, LockMode,
    ObjectKind, ReindexTarget, RelationName, Rename, RenamedPart, TableChange,
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

    fn found(&self, name: &RelationName) -> Option<&Relation> {
        self.catalog.relation(name, self.path).found()
    }

    fn action(&mut self, action: &Action) {
        match action {
            Action::CreateTable(create) => self.create_table(create),
            Action::CreateIndex(create) => {
                let mode = if create.concurrently { ShareUpdateExclusiveLock } else { ShareLock };
                self.lock_tree(&create.table, create.only || create.concurrently, mode);
            }
            Action::AlterTable(alter) => self.alter_table(alter),
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
                    // What a rule is to do is analysed as if it were run.
                    self.lock_named(&create.detail, RowExclusiveLock);
                }
                (ObjectKind::Publication | ObjectKind::Statistics, _) => {
                    self.lock_named(&create.detail, ShareUpdateExclusiveLock);
                }
                _ => {}
            },
            Action::Drop(drop) => self.drop(drop),
            Action::Rename(rename) => self.rename(rename),
            Action::SetSchema { kind, name, .. } if is_relation(*kind) => {
                self.lock(name, AccessExclusiveLock);
            }
            Action::Truncate { table, .. } => self.lock_tree(table, false, AccessExclusiveLock),
            Action::Lock { table, mode, only } => self.lock_command(table, *only, *mode),
            Action::Reindex { target, concurrently } => {
                let mode = if *concurrently { ShareUpdateExclusiveLock } else { ShareLock };
                match target {
                    ReindexTarget::Table(table) => self.lock_tree(table, false, mode),
                    ReindexTarget::Index(index) => self.lock_table_of(index, mode),
                    ReindexTarget::Many(_) => {}
                }
            }
            Action::Cluster { table: Some(table) } => {
                self.lock_partitions(table, AccessExclusiveLock);
            }
            Action::Vacuum { tables, full, only } => {
                let mode = if *full { AccessExclusiveLock } else { ShareUpdateExclusiveLock };
                self.maintain(tables, *only, mode);
            }
            Action::Analyze { tables, only } => {
                self.maintain(tables, *only, ShareUpdateExclusiveLock);
            }
            Action::Alter(alter) => self.alter_object(alter),
            Action::Other { command, relations, writes } => {
                let mode = match *command {
                    "ALTER PUBLICATION" => ShareUpdateExclusiveLock,
                    _ => AccessShareLock,
                };
                relations.iter().for_each(|name| self.lock(name, mode));
                writes.iter().for_each(|name| self.lock(name, RowExclusiveLock));
            }
            Action::RefreshMaterializedView { name, concurrently, .. } => {
                let mode =
                    if *concurrently { LockMode::ExclusiveLock } else { AccessExclusiveLock };
                self.lock(name, mode);
            }
            Action::Comment { relation: Some(name), kind, .. } => {
                let mode = match kind {
                    ObjectKind::Trigger
                    | ObjectKind::Policy
                    | ObjectKind::Rule
                    | ObjectKind::Other => AccessShareLock,
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
            | Action::AddEnumValue { .. }
            | Action::RenameEnumValue { .. }
            | Action::Grant(_)
            | Action::Set(_)
            | Action::SetDefault(_)
            | Action::Transaction(_)
            | Action::Call { .. }
            | Action::NonTransactional { .. } => {}
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
        }
        for parent in &create.inherits {
            self.lock(parent, ShareUpdateExclusiveLock);
        }
        for name in create.reads.iter().chain(create.like.iter().map(|clause| &clause.table)) {
            self.lock(name, AccessShareLock);
        }
    }

    fn alter_table(&mut self, alter: &AlterTable) {
        let table = &alter.table;
        match &alter.change {
            TableChange::AddColumn { column, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                for constraint in &column.constraints {
                    self.referenced(constraint);
                }
            }
            TableChange::AddConstraint(definition) => {
                let mode = if definition.kind == ConstraintKind::ForeignKey {
                    ShareRowExclusiveLock
                } else {
                    AccessExclusiveLock
                };
                self.lock_tree(table, alter.only, mode);
                self.referenced(definition);
            }
            TableChange::DropColumn { column, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.foreign_key_partners(table, |constraint| constraint.columns.contains(column));
            }
            TableChange::SetType { column, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.foreign_key_partners(table, |constraint| constraint.columns.contains(column));
            }
            TableChange::DropConstraint { name, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.foreign_key_partners(table, |constraint| *constraint.name == **name);
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
                if alter.kind == ObjectKind::Index {
                    self.lock(partition, AccessExclusiveLock);
                } else {
                    self.lock(table, ShareUpdateExclusiveLock);
                    self.lock_tree(partition, false, AccessExclusiveLock);
                }
            }
            TableChange::DetachPartition { partition, concurrently } => {
                let (above, below) = match concurrently {
                    true => (ShareUpdateExclusiveLock, ShareUpdateExclusiveLock),
                    // Until 13 the partition itself could still be read and written.
                    false if self.version.major < 14 => {
                        (AccessExclusiveLock, ShareUpdateExclusiveLock)
                    }
                    false => (AccessExclusiveLock, AccessExclusiveLock),
                };
                self.lock(table, above);
                self.lock(partition, below);
            }
            TableChange::SetDefault { .. }
            | TableChange::SetNotNull { .. }
            | TableChange::DropNotNull { .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
            }
            TableChange::Other { mode, .. } => self.lock(table, *mode),
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

    fn drop(&mut self, drop: &Drop) {
        match drop.kind {
            ObjectKind::Table | ObjectKind::ForeignTable => {
                if drop.if_exists
                    && !matches!(self.catalog.relation(&drop.name, self.path), Lookup::Found(_))
                {
                    return;
                }
                self.lock_tree(&drop.name, false, AccessExclusiveLock);
                self.foreign_key_partners(&drop.name, |_| true);
                let parents = self.found(&drop.name).map(|table| table.parents.clone());
                for parent in parents.unwrap_or_default() {
                    self.lock_object(parent, AccessExclusiveLock);
                }
            }
            ObjectKind::Index => {
                let mode =
                    if drop.concurrently { ShareUpdateExclusiveLock } else { AccessExclusiveLock };
                self.lock_table_of(&drop.name, mode);
            }
            ObjectKind::View | ObjectKind::MaterializedView | ObjectKind::Sequence
                if self.found(&drop.name).is_some() =>
            {
                self.lock(&drop.name, AccessExclusiveLock);
            }
            ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => self.drop_attached(drop),
            _ => {}
        }
    }

    /// Locks the table of an index, if the files at hand show which it is.
    fn lock_table_of(&mut self, index: &RelationName, mode: LockMode) {
        let tables = self.found(index).map(|index| index.uses.clone()).unwrap_or_default();
        tables.iter().for_each(|table| self.lock_object(*table, mode));
    }

    fn rename(&mut self, rename: &Rename) {
        if let RenamedPart::Attached(kind, _) = rename.part {
            return self.rename_attached(kind, &rename.name);
        }
        if !is_relation(rename.kind) {
            return;
        }
        let is_index = rename.kind == ObjectKind::Index
            && self.found(&rename.name).is_none_or(Relation::is_index);
        match rename.part {
            // ALTER INDEX ... RENAME locks the index only, and weakly.
            RenamedPart::Whole if is_index => {}
            RenamedPart::Whole => self.lock(&rename.name, AccessExclusiveLock),
            RenamedPart::Attached(..) => {}
            RenamedPart::Column(_) | RenamedPart::Constraint(_) => {
                self.lock_tree(&rename.name, false, AccessExclusiveLock);
            }
        }
    }
}

pub(super) fn of_relation(relation: &Relation, mode: LockMode) -> Lock {
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
