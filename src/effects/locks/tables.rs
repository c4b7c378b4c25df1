//! The locks of statements that drop things, empty tables or rebuild indexes.
//!
//! Sources: PostgreSQL documentation; what servers 12 to 18 did.

use std::collections::BTreeSet;

use super::Taken;
use crate::catalog::{Catalog, Constraint, Env, Lookup, ObjectId, Relation, RelationKind, Shared};
use crate::sql::LockMode::{
    AccessExclusiveLock, ShareLock, ShareRowExclusiveLock, ShareUpdateExclusiveLock,
};
use crate::sql::{
    Action, ConstraintDefinition, ConstraintKind, Drop, LockMode, ReindexTarget, RelationName,
};

impl Taken<'_> {
    /// Locks what is gone after an action, or has lost a part.
    pub(super) fn losses(&mut self, action: &Action) {
        if let Some(after) = self.after {
            return self.lost(after);
        }
        // Which statement it is does not matter here.
        let Some(origin) = self.catalog.relations().next().map(|found| found.changed) else {
            return;
        };
        let mut after = self.catalog.clone();
        let env = Env { origin, path: self.path.clone(), version: self.version };
        after.apply(action, &env);
        self.lost(&after);
    }

    fn lost(&mut self, after: &Catalog) {
        for (relation, now) in self.catalog.changed_relations(after) {
            if relation.is_index() {
                if now.is_none() {
                    relation.uses.iter().for_each(|t| self.lock_object(*t, AccessExclusiveLock));
                }
                continue;
            }
            if now.is_none_or(|now| has_lost(relation, now)) {
                self.lock_object(relation.id, AccessExclusiveLock);
            }
            if now.is_none() && relation.is_partition() {
                relation.parents.iter().for_each(|t| self.lock_object(*t, AccessExclusiveLock));
            }
            let is_left = |key: &Constraint| {
                now.is_some_and(|now| now.constraints.iter().any(|c| c.number() == key.number()))
            };
            for key in relation.constraints.iter().filter(|key| !is_left(key)) {
                self.referenced_by(relation, key, AccessExclusiveLock);
            }
        }
    }

    /// Locks the table on which a foreign key has triggers of its own. That of a partition has none: they
    /// are those of the partitioned table.
    pub(super) fn referenced_by(&mut self, table: &Relation, key: &Constraint, mode: LockMode) {
        let has_own_triggers = key
            .parent()
            .is_none_or(|above| table.constraints.iter().any(|other| other.number() == above));
        if has_own_triggers && let Some(target) = key.references {
            self.lock_object(target, mode);
        }
    }

    pub(super) fn drop_table(&mut self, drop: &Drop, action: &Action) {
        let Some(table) = self.found(&drop.name) else {
            let is_there = matches!(self.catalog.relation(&drop.name, self.path), Lookup::Unknown);
            if is_there && !drop.if_exists {
                self.lock(&drop.name, AccessExclusiveLock);
            }
            return;
        };
        let (id, parents, is_partition) = (table.id, table.parents.clone(), table.is_partition());
        self.lock_object(id, AccessExclusiveLock);
        if is_partition {
            for parent in parents {
                self.lock_object(parent, AccessExclusiveLock);
                self.default_of(parent, AccessExclusiveLock);
            }
        }
        self.losses(action);
    }

    pub(super) fn drop_index(&mut self, drop: &Drop, action: &Action) {
        if drop.concurrently {
            self.lock_table_of(&drop.name, ShareUpdateExclusiveLock);
            if let Some(index) = self.found(&drop.name).map(|index| index.id) {
                self.lock_object(index, AccessExclusiveLock);
            }
            return;
        }
        self.lock_table_of(&drop.name, AccessExclusiveLock);
        self.losses(action);
    }

    /// Locks the default partition of a table, if it has one.
    pub(super) fn default_of(&mut self, parent: ObjectId, mode: LockMode) {
        if let Some(default) = self.catalog.default_partition(parent).map(|default| default.id) {
            self.lock_object(default, mode);
        }
    }

    pub(super) fn truncate(&mut self, table: &RelationName, only: bool, more: (bool, bool)) {
        let (cascade, restart) = more;
        self.lock_tree(table, only, AccessExclusiveLock);
        let Some(top) = self.found(table).filter(|top| top.is_table()) else { return };
        let emptied = super::super::cost::emptied(self.catalog, top.id, only, cascade);
        for id in emptied {
            self.lock_object(id, AccessExclusiveLock);
            if restart {
                for sequence in self.catalog.sequences_of(id) {
                    self.lock_object(sequence, AccessExclusiveLock);
                }
            }
        }
    }

    pub(super) fn reindex(&mut self, target: &ReindexTarget, concurrently: bool) {
        let mode = if concurrently { ShareUpdateExclusiveLock } else { ShareLock };
        match target {
            ReindexTarget::Table(table) => {
                self.lock(table, mode);
                let Some(table) = self.found(table) else { return };
                match table.is_partitioned() {
                    // 12 and 13 only warn.
                    true if self.version.major < 14 => {}
                    // Each leaf is rebuilt in a transaction of its own; a moment before all of them
                    // are locked for the list, whether concurrently or not.
                    true => {
                        for leaf in self.leaves(table.id) {
                            self.lock_object(leaf, ShareLock);
                            self.reindexed(leaf, mode);
                        }
                    }
                    false => self.reindexed(table.id, mode),
                }
            }
            ReindexTarget::Index(name) => {
                self.lock_table_of(name, mode);
                let Some(index) = self.found(name) else { return };
                let (id, is_partitioned) = (index.id, index.kind == RelationKind::PartitionedIndex);
                self.lock_object(id, AccessExclusiveLock);
                if is_partitioned && self.version.major >= 14 {
                    for (table, part) in super::super::cost::parts_of_index(self.catalog, id) {
                        self.lock_object(table, mode);
                        self.lock_object(part, AccessExclusiveLock);
                    }
                }
            }
            ReindexTarget::Schema(_) | ReindexTarget::Many("DATABASE") => {
                for table in super::super::cost::reindexed(self.catalog, target) {
                    self.reindexed(table, mode);
                }
            }
            ReindexTarget::Many(_) => {}
        }
    }

    /// Locks a table and its indexes.
    fn reindexed(&mut self, table: ObjectId, mode: LockMode) {
        self.lock_object(table, mode);
        let indexes: Vec<ObjectId> = self
            .catalog
            .by_id(table)
            .map(|table| table.indexes.iter().map(|index| index.id).collect())
            .unwrap_or_default();
        indexes.iter().for_each(|index| self.lock_object(*index, AccessExclusiveLock));
    }

    fn leaves(&self, top: ObjectId) -> Vec<ObjectId> {
        super::super::cost::tree(self.catalog, top).iter().map(|leaf| leaf.id).collect()
    }

    /// Locks what a new partition has to do with: the default partition, the tables that the foreign
    /// keys of the table refer to, and those that refer to it.
    pub(super) fn new_partition(
        &mut self,
        parent: &RelationName,
        partition: Option<&RelationName>,
    ) {
        let Some(above) = self.found(parent) else { return };
        let (id, keys) = (above.id, above.constraints.clone());
        self.default_of(id, AccessExclusiveLock);
        let partition = partition.and_then(|name| self.found(name));
        for key in keys.iter().filter(|key| is_own_key(key, &keys)) {
            let has_same = partition.is_some_and(|table| {
                table.constraints.iter().any(|own| {
                    own.kind == ConstraintKind::ForeignKey
                        && own.columns == key.columns
                        && own.references == key.references
                        && own.referenced_columns == key.referenced_columns
                        && own.actions == key.actions
                })
            });
            // The triggers of the key that is there already are dropped.
            let mode = if has_same { AccessExclusiveLock } else { ShareRowExclusiveLock };
            if let Some(target) = key.references {
                self.lock_object(target, mode);
            }
        }
        if self.version.major >= 15 {
            for user in self.referring(id) {
                self.lock_object(user, ShareRowExclusiveLock);
            }
        }
    }

    /// Returns the tables whose foreign keys refer to a table.
    fn referring(&self, target: ObjectId) -> Vec<ObjectId> {
        let refers =
            |table: &&Relation| table.constraints.iter().any(|key| key.references == Some(target));
        self.catalog.related(target).into_iter().filter(refers).map(|table| table.id).collect()
    }

    pub(super) fn detach(
        &mut self,
        parent: &RelationName,
        partition: &RelationName,
        concurrently: bool,
    ) {
        let above = if concurrently { ShareUpdateExclusiveLock } else { AccessExclusiveLock };
        // Until 13 the partition itself could still be read and written.
        let weak = !concurrently && self.version.major < 14;
        let below = if weak { ShareUpdateExclusiveLock } else { AccessExclusiveLock };
        self.lock(parent, above);
        self.lock(partition, below);
        if let Some(parent) = self.found(parent).map(|parent| parent.id) {
            self.default_of(parent, above);
        }
        let Some(table) = self.found(partition) else { return };
        let id = table.id;
        for index in table.indexes.iter().filter(|index| index.parent.is_some()) {
            self.lock_object(index.id, AccessExclusiveLock);
        }
        // Its foreign keys become its own, with triggers.
        let inherited = table.constraints.iter().filter(|key| {
            key.kind == ConstraintKind::ForeignKey && is_own_key(key, &table.constraints)
        });
        for target in inherited.filter_map(|key| key.references) {
            self.lock_object(target, ShareRowExclusiveLock);
        }
        let referring = self.referring(id);
        if !referring.is_empty() {
            self.lock_object(id, AccessExclusiveLock);
        }
        referring.iter().for_each(|user| self.lock_object(*user, AccessExclusiveLock));
    }

    /// Locks the table of `ADD CONSTRAINT`, those below it and those that it refers to.
    pub(super) fn add_constraint(
        &mut self,
        alter: &crate::sql::AlterTable,
        definition: &ConstraintDefinition,
    ) {
        let table = &alter.table;
        let is_key = definition.kind == ConstraintKind::ForeignKey;
        let mode = if is_key { ShareRowExclusiveLock } else { AccessExclusiveLock };
        let found = self.found(table);
        let is_partitioned = found.is_some_and(Relation::is_partitioned);
        let makes_not_null = definition.kind == ConstraintKind::PrimaryKey
            && found.is_some_and(|table| {
                let columns = definition.columns.iter();
                columns.filter_map(|name| table.column(name)).any(|column| !column.not_null)
            });
        let no_inherit = definition.options.as_ref().is_some_and(|options| options.no_inherit);
        self.lock_tree(table, true, mode);
        match definition.kind {
            // From 18 on all tables below are locked before anything is looked at.
            _ if self.version.major >= 18 => self.lock_tree(table, alter.only, mode),
            ConstraintKind::Check | ConstraintKind::NotNull => {
                self.lock_tree(table, alter.only || no_inherit, mode);
            }
            ConstraintKind::ForeignKey => {
                self.lock_tree(table, alter.only || !is_partitioned, mode);
            }
            _ if makes_not_null => self.lock_tree(table, alter.only, mode),
            _ if is_partitioned && !alter.only => {
                let top = found.map(|table| table.id);
                let below: BTreeSet<ObjectId> =
                    top.map(|top| below(self.catalog, top)).unwrap_or_default();
                below.iter().for_each(|id| self.lock_object(*id, ShareLock));
            }
            _ => {}
        }
        self.referenced(definition);
        let Some(target) = definition.references.as_ref().and_then(|name| self.found(name)) else {
            return;
        };
        // The partitions of the table that it refers to get triggers too.
        if target.is_partitioned() {
            for id in below(self.catalog, target.id) {
                self.lock_object(id, ShareRowExclusiveLock);
            }
        }
        // Where a partition has the key already, the triggers of that one are dropped.
        if let Some(top) = found.filter(|_| is_partitioned && !alter.only) {
            let mut partitions = below(self.catalog, top.id).into_iter();
            let has_it = partitions.any(|id| {
                self.catalog.by_id(id).is_some_and(|table| {
                    table.constraints.iter().any(|key| is_same_key(key, definition, target.id))
                })
            });
            if has_it {
                self.lock_object(target.id, AccessExclusiveLock);
            }
        }
    }

    /// Locks the table of `ALTER CONSTRAINT`, its partitions, and the table that it refers to where its
    /// triggers come or go.
    pub(super) fn alter_constraint(
        &mut self,
        table: &RelationName,
        name: &str,
        enforced: Option<bool>,
    ) {
        let is_partitioned = self.found(table).is_some_and(Relation::is_partitioned);
        self.lock_tree(table, !is_partitioned, AccessExclusiveLock);
        let mode = match enforced {
            Some(true) => ShareRowExclusiveLock,
            Some(false) => AccessExclusiveLock,
            None => return,
        };
        for partner in self.partners(table, |constraint| {
            *constraint.name == *name && Some(constraint.enforced) != enforced
        }) {
            self.lock_object(partner, mode);
        }
    }
}

/// Returns whether a foreign key is what `definition` is, so that a partitioned table takes it over.
fn is_same_key(key: &Constraint, definition: &ConstraintDefinition, target: ObjectId) -> bool {
    let actions = definition
        .options
        .as_ref()
        .map_or_else(Default::default, |options| (options.on_delete, options.on_update));
    key.kind == ConstraintKind::ForeignKey
        && key.references == Some(target)
        && key.columns == definition.columns
        && (definition.referenced_columns.is_empty()
            || key.referenced_columns == definition.referenced_columns)
        && key.actions == actions
}

/// Returns everything below a table.
fn below(catalog: &Catalog, top: ObjectId) -> BTreeSet<ObjectId> {
    let mut found = BTreeSet::new();
    let mut queue = vec![top];
    while let Some(id) = queue.pop() {
        for child in catalog.children(id) {
            if found.insert(child) {
                queue.push(child);
            }
        }
    }
    found
}

/// Returns whether a foreign key is not only the part of another one of the same table.
fn is_own_key(key: &Constraint, all: &Shared<Constraint>) -> bool {
    key.kind == ConstraintKind::ForeignKey
        && key.parent().is_none_or(|above| all.iter().all(|other| other.number() != above))
}

/// Returns whether a relation has lost a column, constraint, default or the like.
fn has_lost(before: &Relation, now: &Relation) -> bool {
    let (old, new) = (before.extra(), now.extra());
    let defaults = |table: &Relation| table.columns.iter().filter(|c| c.default.is_some()).count();
    now.columns.len() < before.columns.len()
        || now.constraints.len() < before.constraints.len()
        || now.indexes.len() < before.indexes.len()
        || defaults(now) < defaults(before)
        || new.triggers.len() < old.triggers.len()
        || new.policies.len() < old.policies.len()
        || new.rules.len() < old.rules.len()
}
