//! Which relations an action locks, and in which mode.

mod dml;
mod other;
mod tables;

use std::collections::BTreeSet;

use crate::catalog::{Catalog, Lookup, ObjectId, Origin, QualifiedName, Relation, SearchPath};
use crate::sql::{
    Action, AlterTable, ConstraintDefinition, ConstraintKind, CreateTable, Detail, Drop, LockMode,
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
    Taken { catalog, after: None, path, version, locks: Vec::new() }.by_relation(action)
}

/// Returns the locks of `action` as [`locks`] does, where the catalog after it is at hand; with them those
/// on all that goes with what it drops.
pub(super) fn locks_until(
    action: &Action,
    catalog: &Catalog,
    after: &Catalog,
    path: &SearchPath,
    version: PgVersion,
) -> Vec<Lock> {
    let mut taken = Taken { catalog, after: Some(after), path, version, locks: Vec::new() };
    if matches!(action, Action::Drop(drop) if drop.kind != ObjectKind::Index) {
        taken.losses(action);
    }
    taken.by_relation(action)
}

struct Taken<'a> {
    catalog: &'a Catalog,
    /// The catalog after the action, where it is at hand.
    after: Option<&'a Catalog>,
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
    /// Returns what an action takes: the strongest lock for each relation, sorted by name.
    fn by_relation(mut self, action: &Action) -> Vec<Lock> {
        self.action(action);
        strongest(&mut self.locks);
        self.locks
    }

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
                    // What a rule is to do is analysed as if it were run.
                    if let Detail::Rule(rule) = &create.detail {
                        rule.writes.iter().for_each(|name| self.lock(name, RowExclusiveLock));
                    }
                }
                (ObjectKind::Function | ObjectKind::Procedure, _) => self.body(&create.detail),
                (ObjectKind::Publication, _) => {
                    if let Detail::On(tables) = &create.detail {
                        tables.iter().for_each(|name| self.lock_published(name));
                    }
                }
                (ObjectKind::Statistics, _) => {
                    self.lock_named(&create.detail, ShareUpdateExclusiveLock);
                }
                _ => {}
            },
            Action::Drop(drop) => self.drop(drop, action),
            Action::Rename(rename) => self.rename(rename),
            Action::SetSchema { kind, name, .. } if kind.is_relation() => {
                self.lock(name, AccessExclusiveLock);
                self.lock_sequences(name, None, false, AccessExclusiveLock);
            }
            Action::Truncate { table, only, cascade, restart, .. } => {
                self.truncate(table, *only, (*cascade, *restart));
            }
            Action::Lock { table, mode, only } => self.lock_command(table, *only, *mode),
            Action::Reindex { target, concurrently } => self.reindex(target, *concurrently),
            Action::Cluster { table: Some(table), .. } => {
                self.lock_partitions(table, AccessExclusiveLock);
            }
            Action::Cluster { table: None, .. } => {
                for table in super::cost::clustered(self.catalog) {
                    self.locks.push(of_relation(table, AccessExclusiveLock));
                }
            }
            Action::Vacuum { tables, full, only } => {
                let mode = if *full { AccessExclusiveLock } else { ShareUpdateExclusiveLock };
                self.maintain(tables, *only, mode);
            }
            Action::Analyze { tables, only } => {
                self.maintain(tables, *only, ShareUpdateExclusiveLock);
            }
            Action::Alter(alter) => {
                self.alter_object(alter);
                for table in super::cost::domain::checked(alter, self.catalog, self.path) {
                    self.locks.push(of_relation(table, ShareLock));
                }
            }
            Action::Other { access: Some(access), .. } => self.access(access, action),
            Action::Other { relations, writes, .. } => {
                relations.iter().for_each(|name| self.lock(name, AccessShareLock));
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
            Action::Do(block) => {
                self.after = None;
                block.actions.iter().for_each(|action| self.action(action));
            }
            Action::SetSchema { .. }
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
        if alter.kind == ObjectKind::Type {
            return self.alter_composite(table);
        }
        if alter.if_exists && self.is_missing(table) {
            return;
        }
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
                self.lock_referencing(table, column);
                self.lock_sequences(table, Some(column), true, ShareRowExclusiveLock);
            }
            TableChange::DropConstraint { name, cascade, .. } => {
                self.lock_tree(table, alter.only, AccessExclusiveLock);
                self.lock_heirs(table, name);
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
            TableChange::Other { effect: Some(effect), .. }
                if matches!(**effect, TableEffect::AlterConstraint { .. }) =>
            {
                if let TableEffect::AlterConstraint { name, enforced, .. } = &**effect {
                    self.alter_constraint(table, name, *enforced);
                }
            }
            TableChange::Other { mode, command, column, effect, .. } => {
                let has_triggers =
                    self.found(table).is_some_and(|table| !table.extra().triggers.is_empty());
                let recurses = recurses(command)
                    || matches!(*command, "EnableTrigger" | "DisableTrigAll") && has_triggers;
                self.lock_tree(table, alter.only || !recurses, *mode);
                if *command == "ChangeOwner" {
                    self.lock_sequences(table, None, false, AccessExclusiveLock);
                }
                self.table_effect(table, column.as_deref(), effect.as_deref());
            }
        }
    }

    /// Locks what a rarer subcommand locks beside the table. Cases `alter_table.*`, `alter_column.*`.
    fn table_effect(
        &mut self,
        table: &RelationName,
        column: Option<&str>,
        effect: Option<&TableEffect>,
    ) {
        match effect {
            Some(TableEffect::Inherit(parent)) => self.lock(parent, ShareUpdateExclusiveLock),
            Some(TableEffect::NoInherit(parent)) => self.lock(parent, AccessShareLock),
            // From 15 on sequences are logged or not as their tables are.
            Some(TableEffect::Logged(logged))
                if self.version.major >= 15
                    && self.found(table).is_some_and(|table| table.unlogged == *logged) =>
            {
                self.lock_sequences(table, None, false, AccessExclusiveLock);
            }
            Some(TableEffect::SetIdentity(_)) => {
                self.lock_sequences(table, column, true, ShareRowExclusiveLock);
            }
            Some(TableEffect::DropIdentity { .. }) => {
                self.lock_sequences(table, column, true, AccessExclusiveLock);
            }
            _ => {}
        }
    }

    /// Locks the tables directly below one of which a check is dropped: they keep it as their own with `ONLY`.
    fn lock_heirs(&mut self, table: &RelationName, constraint: &str) {
        let Some(table) = self.found(table) else { return };
        let found = table.constraint(constraint);
        if found.is_some_and(|c| c.kind == ConstraintKind::Check && !c.no_inherit) {
            for child in self.catalog.children(table.id) {
                self.lock_object(child, AccessExclusiveLock);
            }
        }
    }

    fn is_missing(&self, name: &RelationName) -> bool {
        !matches!(self.catalog.relation(name, self.path), Lookup::Found(_))
    }

    /// Changing the type of a column that foreign keys refer to locks their tables as strongly.
    fn lock_referencing(&mut self, table: &RelationName, column: &str) {
        let Some(id) = self.found(table).map(|table| table.id) else { return };
        let refers = |constraint: &crate::catalog::Constraint| {
            constraint.references == Some(id)
                && constraint.referenced_columns.iter().any(|name| name == column)
        };
        let catalog = self.catalog;
        for other in catalog.related(id).into_iter().filter(|r| r.constraints.iter().any(refers)) {
            self.lock_object(other.id, AccessExclusiveLock);
        }
    }

    /// Locks the sequences that a table, or a column of it, owns.
    fn lock_sequences(
        &mut self,
        table: &RelationName,
        column: Option<&str>,
        of_identity: bool,
        mode: LockMode,
    ) {
        let Some(table) = self.found(table) else { return };
        let (id, number) = (table.id, column.and_then(|c| table.column(c)).map(|c| c.number));
        let catalog = self.catalog;
        for other in catalog.related(id) {
            let Some(sequence) = &other.extra().sequence else { continue };
            let is_owned = sequence.owned_by.is_some_and(|(table, column)| {
                table == id && number.is_none_or(|number| number == column)
            });
            if is_owned && (sequence.is_identity || !of_identity) {
                self.lock_object(other.id, mode);
            }
        }
    }

    /// `ALTER TYPE` of a composite type locks the tables that are of it, with `CASCADE`.
    fn alter_composite(&mut self, name: &RelationName) {
        let Some(of) = self.catalog.type_named(name, self.path) else { return };
        let catalog = self.catalog;
        for table in catalog.relations().filter(|table| table.extra().of_type == Some(of)) {
            self.lock_object(table.id, AccessExclusiveLock);
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
            ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => self.drop_attached(drop),
            // Columns of the type go, with `CASCADE`.
            ObjectKind::Type | ObjectKind::Domain => {
                let Some(of) = self.catalog.type_named(&drop.name, self.path) else { return };
                for table in super::cost::domain::tables_of(self.catalog, of) {
                    self.locks.push(of_relation(table, AccessExclusiveLock));
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
        if let RenamedPart::Attached(kind, _) = rename.part {
            return self.rename_attached(kind, &rename.name);
        }
        if !rename.kind.is_relation() || rename.if_exists && self.is_missing(&rename.name) {
            return;
        }
        let is_index = rename.kind == ObjectKind::Index
            && self.found(&rename.name).is_none_or(Relation::is_index);
        match &rename.part {
            // ALTER INDEX ... RENAME locks the index only, and weakly.
            RenamedPart::Whole if is_index => self.lock(&rename.name, ShareUpdateExclusiveLock),
            RenamedPart::Whole => self.lock(&rename.name, AccessExclusiveLock),
            RenamedPart::Attached(..) => {}
            RenamedPart::Constraint(name) if self.is_of_index(&rename.name, name) => {
                self.lock(&rename.name, AccessExclusiveLock);
            }
            RenamedPart::Column(_) | RenamedPart::Constraint(_) => {
                self.lock_tree(&rename.name, false, AccessExclusiveLock);
            }
        }
    }

    /// Returns whether a constraint is one with an index, which tables below do not share.
    fn is_of_index(&self, table: &RelationName, constraint: &str) -> bool {
        let found = self.found(table).and_then(|table| table.constraint(constraint));
        found.is_some_and(|found| found.index.is_some() && found.references.is_none())
    }
}

/// Returns whether a rarer subcommand of `ALTER TABLE` changes the tables below too.
fn recurses(command: &str) -> bool {
    matches!(command, "SetStatistics" | "SetStorage" | "SetExpression" | "DropExpression")
}

fn of_relation(relation: &Relation, mode: LockMode) -> Lock {
    Lock {
        relation: relation.name.clone(),
        mode,
        created: Some(relation.created),
        temporary: relation.temporary,
    }
}

/// Leaves the strongest lock for each relation, sorted by name.
pub(super) fn strongest(locks: &mut Vec<Lock>) {
    locks.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
    locks.dedup_by(|next, kept| next.relation == kept.relation);
}
