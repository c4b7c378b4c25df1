//! What partitions take over from the table above them: indexes, keys, foreign keys and triggers.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Class, Constraint, Index, ObjectId, Relation, RelationKind, Trigger};
use crate::catalog::{Because, Catalog, Env, Failure, naming};
use crate::sql::{ConstraintDefinition, ConstraintKind, LikeClause, PartitionBound};

impl Catalog {
    /// Gives a new partition everything that its table has.
    pub(super) fn take_over_from_parent(&mut self, id: ObjectId, parent: ObjectId, env: &Env) {
        let Some(above) = self.by_id(parent) else { return };
        let (indexes, constraints) = (above.indexes.clone(), above.constraints.clone());
        let triggers = above.extra().triggers.clone();
        for index in &indexes {
            let owner = constraints.iter().find(|c| c.index == Some(index.id) && is_key(c.kind));
            match owner {
                Some(owner) => {
                    self.key_of_partition(id, &as_definition(owner), (owner.number, index.id), env);
                }
                None => self.index_of_partition(id, index, env),
            }
        }
        for key in constraints.iter().filter(|c| c.kind == ConstraintKind::ForeignKey) {
            // What came with another key of the same table is not handed down by itself.
            let is_own = key
                .parent
                .is_none_or(|above| constraints.iter().all(|other| other.number != above));
            if is_own {
                self.foreign_key_of_partition(id, key, env);
            }
        }
        for trigger in triggers.iter().filter(|trigger| trigger.for_each_row) {
            self.trigger_of_partition(id, trigger, env);
        }
        self.keys_of_others_to(id, parent, env);
    }

    pub(super) fn trigger_of_partition(&mut self, id: ObjectId, trigger: &Trigger, env: &Env) {
        let is_there = self
            .by_id(id)
            .is_none_or(|table| table.extra().triggers.iter().any(|t| t.name == trigger.name));
        if is_there {
            return;
        }
        let number = self.next_number();
        let copy = Trigger { inherited: true, number, created: env.origin, ..trigger.clone() };
        let function = copy.function_id;
        self.change(id, |table| table.extra_mut().triggers.push(copy));
        if let Some(function) = function {
            let address = (id, Part::Trigger(number));
            self.depend(address, (function, Part::Whole), Strength::Normal);
        }
        for partition in self.partitions(id) {
            self.trigger_of_partition(partition, trigger, env);
        }
    }

    /// Gives a partition the part of an index; one that it has already and that is equal serves.
    pub(super) fn index_of_partition(&mut self, id: ObjectId, above: &Index, env: &Env) {
        let Some(table) = self.by_id(id) else { return };
        if table.kind == RelationKind::ForeignTable {
            return;
        }
        let same = table.indexes.iter().find(|index| is_same_index(index, above));
        if let Some(same) = same.map(|index| index.id) {
            self.attach_index(id, same, above.id);
            return;
        }
        let table_name = table.name.clone();
        let mut expressions = above.detail().expressions.iter().map(|(name, _)| name.to_string());
        let keys: Vec<String> = above
            .columns
            .iter()
            .map(|key| key.clone().or_else(|| expressions.next()).unwrap_or_default())
            .collect();
        let names = naming::index_columns(keys.iter().chain(&above.include).map(String::as_str));
        let addition = naming::addition(names.iter().map(String::as_str));
        let name = self.choose_index(&table_name, Some(&addition), "idx", false);
        let mut index = above.clone();
        index.id = self.next_id(Class::Relation);
        index.name = name;
        index.parent = Some(above.id);
        index.valid = true;
        index.created = env.origin;
        self.insert_index(id, index.clone(), env);
        for partition in self.partitions(id) {
            self.index_of_partition(partition, &index, env);
        }
    }

    /// Makes an index part of one of the partitioned table above.
    pub(super) fn attach_index(&mut self, table: ObjectId, index: ObjectId, above: ObjectId) {
        self.change(table, |table| {
            if let Some(found) = table.indexes.find_mut(|found| found.id == index) {
                found.parent = Some(above);
            }
        });
        self.depend((index, Part::Whole), (above, Part::Whole), Strength::Auto);
        self.complete_index(above);
    }

    /// Makes the index of a partitioned table valid once each partition has its part.
    fn complete_index(&mut self, above: ObjectId) {
        let Some(parent) = self.by_id(above).and_then(|index| index.uses.first().copied()) else {
            return;
        };
        let has_part = |partition: &ObjectId| {
            self.by_id(*partition).is_some_and(|table| {
                table.indexes.iter().any(|index| index.parent == Some(above) && index.valid)
            })
        };
        if self.partitions(parent).iter().all(has_part) {
            self.change(parent, |table| {
                if let Some(found) = table.indexes.find_mut(|found| found.id == above) {
                    found.valid = true;
                }
            });
        }
    }

    /// Gives a partition the part of a key.
    pub(super) fn key_of_partition(
        &mut self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        parent: (u32, ObjectId),
        env: &Env,
    ) {
        let Some(table) = self.by_id(id) else { return };
        let is_same = |constraint: &&Constraint| {
            constraint.kind == definition.kind && constraint.columns == definition.columns
        };
        let same = table.constraints.iter().find(is_same);
        if let Some((number, index)) = same.map(|found| (found.number, found.index)) {
            self.change(id, |table| {
                if let Some(found) = table.constraints.find_mut(|c| c.number == number) {
                    found.parent = Some(parent.0);
                    found.inherited = 1;
                }
            });
            if let Some(index) = index {
                self.attach_index(id, index, parent.1);
            }
            return;
        }
        // An index that is equal but owned by no constraint is not used.
        let _ = self.add_key(id, definition, Some(parent), false, env);
    }

    /// Gives a partition the part of a foreign key; an equal one that it has serves.
    pub(super) fn foreign_key_of_partition(&mut self, id: ObjectId, above: &Constraint, env: &Env) {
        let Some(table) = self.by_id(id) else { return };
        let is_same = |constraint: &&Constraint| {
            constraint.kind == ConstraintKind::ForeignKey
                && constraint.columns == above.columns
                && constraint.references == above.references
                && constraint.referenced_columns == above.referenced_columns
                && constraint.actions == above.actions
                && constraint.parent.is_none()
        };
        if let Some(number) = table.constraints.iter().find(is_same).map(|found| found.number) {
            let parent = above.number;
            self.change(id, |table| {
                if let Some(found) = table.constraints.find_mut(|c| c.number == number) {
                    found.parent = Some(parent);
                    found.inherited = 1;
                }
            });
            return;
        }
        let taken = table.constraint(&above.name).is_some();
        let name = match taken {
            true => self.foreign_key_name(id, &above.columns),
            false => above.name.clone(),
        };
        let mut key = above.clone();
        key.name = name;
        key.number = self.next_number();
        key.parent = Some(above.number);
        (key.local, key.inherited) = (false, 1);
        key.created = env.origin;
        self.insert_foreign_key(id, key, env);
    }

    /// Adds the constraints that a server keeps for each partition of the table that a foreign key refers
    /// to; they have names of their own.
    pub(super) fn keys_to_partitions(
        &mut self,
        id: ObjectId,
        target: ObjectId,
        key: &Constraint,
        env: &Env,
    ) {
        for partition in self.partitions(target) {
            self.key_to_partition(id, partition, key, env);
        }
    }

    fn key_to_partition(&mut self, id: ObjectId, partition: ObjectId, key: &Constraint, env: &Env) {
        let mut part = key.clone();
        part.name = self.partition_key_name(id, key, env);
        part.number = self.next_number();
        part.parent = Some(key.number);
        part.references = Some(partition);
        part.created = env.origin;
        (part.local, part.inherited) = (false, 1);
        let above = key.index;
        part.index = self.by_id(partition).and_then(|table| {
            table.indexes.iter().find(|index| index.parent == above).map(|index| index.id)
        });
        let address = (id, Part::Constraint(part.number));
        self.push_constraint(id, part.clone());
        // The server lets a partition go only with the whole key.
        self.depend(address, (partition, Part::Whole), Strength::Normal);
        self.keys_to_partitions(id, partition, &part, env);
    }

    /// Returns the name of a constraint that a server keeps for a partition of the referenced table.
    fn partition_key_name(&self, id: ObjectId, key: &Constraint, env: &Env) -> Arc<str> {
        if env.version.major < 18 {
            return self.foreign_key_name(id, &key.columns);
        }
        // From 18 on it is the name of the key with a number.
        let Some(table) = self.by_id(id) else { return key.name.clone() };
        let mut number = 1_u32;
        loop {
            let digits = number.to_string();
            let clipped = naming::clip(&key.name, naming::MAX_NAME - digits.len() - 1);
            let name = format!("{clipped}_{digits}");
            if !self.is_constraint_name(&table.name.sibling(name.as_str())) {
                return name.into();
            }
            number += 1;
        }
    }

    /// Adds the parts of foreign keys of other tables that refer to the table of a new partition.
    fn keys_of_others_to(&mut self, partition: ObjectId, parent: ObjectId, env: &Env) {
        let users: Vec<ObjectId> = self
            .dependents_of((parent, Part::Whole))
            .filter(|((_, part), _)| matches!(part, Part::Constraint(_)))
            .map(|((id, _), _)| id)
            .chain([parent])
            .collect();
        let mut seen = std::collections::BTreeSet::new();
        for user in users.into_iter().filter(|user| seen.insert(*user)) {
            let Some(table) = self.by_id(user) else { continue };
            let keys: Vec<Constraint> = table
                .constraints
                .iter()
                .filter(|c| c.kind == ConstraintKind::ForeignKey && c.references == Some(parent))
                .cloned()
                .collect();
            for key in keys {
                self.key_to_partition(user, partition, &key, env);
            }
        }
    }

    pub(super) fn attach_partition(
        &mut self,
        parent: ObjectId,
        id: ObjectId,
        bound: Option<&PartitionBound>,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(child) = self.by_id(id) else { return Ok(()) };
        if child.is_partition() {
            let message = format!("\"{}\" is already a partition", child.name.name);
            return Err(Failure::new("42809", message, Because::Made(child.changed)));
        }
        self.refuse_overlap(parent, &child.name.name, bound)?;
        let bound = bound.cloned();
        self.change(id, |table| {
            table.changed = env.origin;
            table.parents = vec![parent];
            let extra = table.extra_mut();
            extra.is_partition = true;
            extra.bound = bound;
            for column in &mut table.columns {
                (column.local, column.inherited) = (false, 1);
            }
        });
        self.children.insert((parent, id));
        self.depend((id, Part::Whole), (parent, Part::Whole), Strength::Auto);
        let checks: Vec<(Arc<str>, u32)> = self
            .by_id(parent)
            .map(|above| {
                let checks = above.constraints.iter();
                let checks = checks
                    .filter(|c| matches!(c.kind, ConstraintKind::Check | ConstraintKind::NotNull));
                checks.map(|c| (c.name.clone(), c.number)).collect()
            })
            .unwrap_or_default();
        self.change(id, |table| {
            for (name, number) in checks {
                if let Some(found) = table.constraints.find_mut(|c| c.name == name) {
                    found.parent = Some(number);
                    (found.local, found.inherited) = (false, 1);
                }
            }
        });
        self.take_over_from_parent(id, parent, env);
        Ok(())
    }

    /// Makes a partition, or a child, a table of its own.
    pub(super) fn detach(&mut self, parent: ObjectId, id: ObjectId, is_partition: bool, env: &Env) {
        self.children.remove(&(parent, id));
        self.forget_needs((id, Part::Whole));
        let Some(above) = self.by_id(parent) else { return };
        let numbers: Vec<u32> = above.constraints.iter().map(|c| c.number).collect();
        let indexes: Vec<ObjectId> = above.indexes.iter().map(|index| index.id).collect();
        let mut freed = Vec::new();
        let referenced: Vec<(ObjectId, u32)> = self
            .dependents_of((id, Part::Whole))
            .filter_map(|((user, part), _)| match part {
                Part::Constraint(number) if self.whole_key((user, part)).is_some() => {
                    Some((user, number))
                }
                _ => None,
            })
            .collect();
        self.change(id, |table| {
            table.changed = env.origin;
            table.parents.retain(|other| *other != parent);
            if is_partition {
                let extra = table.extra_mut();
                extra.is_partition = false;
                extra.bound = None;
                extra.triggers.retain(|trigger| !trigger.inherited);
            }
            for column in &mut table.columns {
                column.inherited = column.inherited.saturating_sub(1);
                column.local |= column.inherited == 0;
            }
            for found in &mut table.constraints {
                if found.parent.is_some_and(|above| numbers.contains(&above)) {
                    found.parent = None;
                    found.inherited = found.inherited.saturating_sub(1);
                    found.local |= found.inherited == 0;
                }
            }
            for index in &mut table.indexes {
                if index.parent.is_some_and(|above| indexes.contains(&above)) {
                    index.parent = None;
                    freed.push(index.id);
                }
            }
        });
        freed.into_iter().for_each(|index| self.forget_needs((index, Part::Whole)));
        // The parts of other tables' foreign keys that refer to it go.
        for (user, number) in referenced {
            let _ = self.remove(&[(user, Part::Constraint(number))], true, env.origin);
        }
    }
}

impl Catalog {
    /// Gives a table the checks of the table of a `LIKE` clause.
    pub(super) fn like_checks(
        &mut self,
        id: ObjectId,
        source: Option<ObjectId>,
        clause: &LikeClause,
        env: &Env,
    ) {
        let Some(from) = source.and_then(|source| self.by_id(source)) else { return };
        if !clause.including.constraints {
            return;
        }
        let checks: Vec<Constraint> = from
            .constraints
            .iter()
            .filter(|found| found.kind == ConstraintKind::Check)
            .cloned()
            .collect();
        for mut check in checks {
            check.number = self.next_number();
            check.parent = None;
            (check.local, check.inherited) = (true, 0);
            check.created = env.origin;
            check.validated = true;
            self.push_constraint(id, check);
        }
    }

    /// Gives a table the indexes and keys of the table of a `LIKE` clause.
    pub(super) fn like_indexes(
        &mut self,
        id: ObjectId,
        source: Option<ObjectId>,
        clause: &LikeClause,
        env: &Env,
    ) {
        let Some(from) = source.and_then(|source| self.by_id(source)) else { return };
        if !clause.including.indexes {
            return;
        }
        let (indexes, constraints) = (from.indexes.clone(), from.constraints.clone());
        for index in &indexes {
            let owner = constraints.iter().find(|c| c.index == Some(index.id) && is_key(c.kind));
            let Some(owner) = owner else {
                self.index_of_partition(id, &Index { parent: None, ..index.clone() }, env);
                self.change(id, |table| {
                    if let Some(copy) = table.indexes.last_mut() {
                        copy.parent = None;
                    }
                });
                continue;
            };
            let _ = self.add_key(id, &as_definition(owner), None, false, env);
        }
    }
}

fn is_key(kind: ConstraintKind) -> bool {
    matches!(kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion)
}

/// Returns whether an index may serve as part of another.
fn is_same_index(index: &Index, above: &Index) -> bool {
    index.columns == above.columns
        && index.include == above.include
        && index.unique == above.unique
        && index.partial == above.partial
        && index.method == above.method
        && index.detail == above.detail
        && index.parent.is_none()
        && !above.is_constraint
}

/// Returns what a statement would say to make a constraint.
fn as_definition(constraint: &Constraint) -> ConstraintDefinition {
    let options = crate::sql::ConstraintOptions {
        deferrable: constraint.deferrable,
        deferred: constraint.deferred,
        ..crate::sql::ConstraintOptions::default()
    };
    ConstraintDefinition {
        name: None,
        kind: constraint.kind,
        columns: constraint.columns.clone(),
        references: None,
        referenced_columns: Vec::new(),
        validated: constraint.validated,
        using_index: None,
        expression: None,
        options: (options != crate::sql::ConstraintOptions::default()).then(|| Box::new(options)),
    }
}

impl Relation {
    /// Returns whether it stands at the top of a hierarchy of partitions.
    pub fn is_partitioned(&self) -> bool {
        self.kind == RelationKind::PartitionedTable
    }
}
