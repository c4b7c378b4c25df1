//! Constraints: their names, the indexes that enforce them, and what they rely on.

use std::sync::Arc;

use crate::catalog::depend::Part;
use crate::catalog::object::{Constraint, Index, IndexDetail, ObjectId, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, naming};
use crate::sql::{ConstraintDefinition, ConstraintKind, Expression, ReferentialAction};

impl Catalog {
    /// Adds a constraint to a table and, as the server does, to the tables below it.
    pub(super) fn add_constraint(
        &mut self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        only: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        match definition.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => {
                match &definition.using_index {
                    Some(index) => self.use_index(id, index, definition, env),
                    None => self.add_key(id, definition, None, only, env),
                }
            }
            ConstraintKind::Check => self.add_check(id, definition, env),
            ConstraintKind::ForeignKey => self.add_foreign_key(id, definition, env),
            ConstraintKind::NotNull => {
                for column in &definition.columns {
                    self.need_column(id, column)?;
                    self.set_not_null(id, column, definition.name.clone(), env);
                    if !definition.validated {
                        self.leave_unvalidated(id, column, env);
                    }
                }
                Ok(())
            }
        }
    }

    /// Notes that the not-null constraint that a statement just gave a column, in a table and those below
    /// it, is not validated.
    pub(super) fn leave_unvalidated(&mut self, id: ObjectId, column: &str, env: &Env) {
        self.change(id, |table| {
            let is_it = |found: &Constraint| {
                found.kind == ConstraintKind::NotNull
                    && found.created == env.origin
                    && found.columns.iter().any(|c| c == column)
            };
            if let Some(found) = table.constraints.filter_mut(is_it).last() {
                found.validated = false;
            }
        });
        let children: Vec<ObjectId> = self.children(id).collect();
        children.into_iter().for_each(|child| self.leave_unvalidated(child, column, env));
    }

    /// Returns the refusal of a table that lacks a column, if that is certain.
    pub(super) fn need_column(&self, id: ObjectId, column: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        if table.columns_unknown || table.column(column).is_some() || is_system_column(column) {
            return Ok(());
        }
        Err(self.no_column(id, column))
    }

    /// Returns a constraint as it is before its kind adds what is its own.
    pub(super) fn constraint(
        &mut self,
        name: Arc<str>,
        of: &ConstraintDefinition,
        env: &Env,
    ) -> Constraint {
        let options = of.options.as_deref();
        Constraint {
            name,
            kind: of.kind,
            columns: of.columns.clone(),
            references: None,
            referenced_columns: Vec::new(),
            actions: options
                .map_or((ReferentialAction::NoAction, ReferentialAction::NoAction), |o| {
                    (o.on_delete, o.on_update)
                }),
            validated: of.validated,
            deferrable: options.is_some_and(|options| options.deferrable || options.deferred),
            deferred: options.is_some_and(|options| options.deferred),
            enforced: !options.is_some_and(|options| options.not_enforced),
            no_inherit: options.is_some_and(|options| options.no_inherit),
            index: None,
            expression: None,
            local: true,
            inherited: 0,
            created: env.origin,
            number: self.next_number(),
            parent: None,
        }
    }

    pub(super) fn push_constraint(&mut self, id: ObjectId, constraint: Constraint) {
        let Some(table) = self.by_id(id) else { return };
        let name = table.name.sibling(constraint.name.clone());
        self.note_constraint_name(&name);
        let origin = constraint.created;
        self.change(id, |table| {
            table.changed = origin;
            table.constraints.push(constraint);
        });
    }

    /// Returns whether a constraint of that name is in a schema.
    pub(super) fn is_constraint_name(&self, name: &QualifiedName) -> bool {
        self.constraint_names.contains_key(name)
    }

    /// Chooses the name of a constraint as the server does.
    pub(super) fn choose_constraint(
        &self,
        table: &QualifiedName,
        second: Option<&str>,
        label: &str,
    ) -> Arc<str> {
        naming::choose(&table.name, second, label, |name| {
            self.is_constraint_name(&table.sibling(name))
        })
    }

    /// Refuses a second constraint of the same name on a table.
    pub(super) fn refuse_same_constraint(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(there) = table.constraint(name) else { return Ok(()) };
        let message =
            format!("constraint \"{name}\" for relation \"{}\" already exists", table.name.name);
        Err(Failure::new("42710", message, Because::Made(there.created)))
    }

    pub(super) fn add_check(
        &mut self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        env: &Env,
    ) -> Result<(), Failure> {
        let nothing = Expression::default();
        let expression = definition.expression.as_deref().unwrap_or(&nothing);
        for column in expression.tree.own_columns() {
            let (is_plain, column) = (column.qualifier.is_empty(), &column.name);
            if is_plain && !self.is_own_name(id, column) {
                let table = self.by_id(id).map(|table| table.name.clone());
                let message = format!("column \"{column}\" does not exist");
                let because = match self.no_column(id, column).because {
                    Because::Made(_) if table.is_none() => Because::NeverMade,
                    because => because,
                };
                return Err(Failure::new("42703", message, because));
            }
        }
        self.refuse_missing_functions(Some(id), expression, env)?;
        let numbers = self.columns_in(id, expression);
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let mut columns: Vec<String> = numbers
            .iter()
            .filter_map(|number| table.column_numbered(*number))
            .map(|column| column.name.to_string())
            .collect();
        let name = if let Some(name) = &definition.name {
            self.refuse_same_constraint(id, name)?;
            name.clone()
        } else {
            let second = match &columns[..] {
                [only] => Some(only.as_str()),
                _ => None,
            };
            self.choose_constraint(&table.name.clone(), second, "check")
        };
        columns.sort();
        let mut constraint = self.constraint(name, definition, env);
        constraint.columns = columns;
        constraint.expression = definition.expression.as_deref().cloned().map(Arc::new);
        let number = constraint.number;
        self.push_constraint(id, constraint.clone());
        self.expression_needs((id, Part::Constraint(number)), Some(id), expression, env);
        if !constraint.no_inherit {
            self.hand_down_check(id, &constraint, env);
        }
        Ok(())
    }

    /// Returns whether a name in an expression may be one of the table: a column, or the whole row.
    pub(super) fn is_own_name(&self, id: ObjectId, name: &str) -> bool {
        self.by_id(id).is_none_or(|table| {
            table.columns_unknown
                || table.column(name).is_some()
                || is_system_column(name)
                || *table.name.name == *name
                || name == "value"
        })
    }

    /// Gives a check to the tables below.
    pub(super) fn hand_down_check(&mut self, id: ObjectId, check: &Constraint, env: &Env) {
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            let is_there = self.by_id(child).is_some_and(|c| c.constraint(&check.name).is_some());
            if is_there {
                let (name, number) = (check.name.clone(), check.number);
                self.change(child, |table| {
                    if let Some(found) = table.constraints.find_mut(|c| c.name == name) {
                        found.inherited += 1;
                        found.parent = Some(number);
                    }
                });
                continue;
            }
            let mut inherited = check.clone();
            inherited.number = self.next_number();
            inherited.local = false;
            inherited.inherited = 1;
            inherited.parent = Some(check.number);
            self.push_constraint(child, inherited.clone());
            self.hand_down_check(child, &inherited, env);
        }
    }

    /// Gives a new child the checks of a table above.
    pub(super) fn inherit_checks(&mut self, child: ObjectId, parent: ObjectId, env: &Env) {
        let Some(above) = self.by_id(parent) else { return };
        let checks: Vec<Constraint> = above
            .constraints
            .iter()
            .filter(|found| found.kind == ConstraintKind::Check && !found.no_inherit)
            .cloned()
            .collect();
        for check in checks {
            let mut inherited = check.clone();
            inherited.number = self.next_number();
            inherited.local = false;
            inherited.inherited = 1;
            inherited.parent = Some(check.number);
            inherited.created = env.origin;
            let is_there = self.by_id(child).is_some_and(|c| c.constraint(&check.name).is_some());
            if !is_there {
                self.push_constraint(child, inherited);
            }
        }
    }

    /// Adds a primary key, unique or exclusion constraint with its index. `parent` is the constraint and
    /// the index of the partitioned table above that it is part of.
    pub(super) fn add_key(
        &mut self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        parent: Option<(u32, ObjectId)>,
        only: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let primary = definition.kind == ConstraintKind::PrimaryKey;
        if primary && let Some(there) = table.primary_key() {
            let message =
                format!("multiple primary keys for table \"{}\" are not allowed", table.name.name);
            return Err(Failure::new("42P16", message, Because::Made(there.created)));
        }
        for column in &definition.columns {
            if !table.columns_unknown && table.column(column).is_none() && !is_system_column(column)
            {
                let because = self.no_column(id, column).because;
                let message = format!("column \"{column}\" named in key does not exist");
                return Err(Failure::new("42703", message, because));
            }
        }
        self.refuse_key_without_partition_columns(id, definition)?;
        if primary {
            self.refuse_key_not_known_not_null(id, definition)?;
        }
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let table_name = table.name.clone();
        let options = definition.options.as_deref();
        let exclusion = options.map(|o| o.exclusion.as_slice()).unwrap_or_default();
        let keys: Vec<Option<String>> = match definition.kind {
            ConstraintKind::Exclusion => exclusion.iter().map(|(key, _)| key.clone()).collect(),
            _ => definition.columns.iter().cloned().map(Some).collect(),
        };
        let include = options.map(|options| options.include.clone()).unwrap_or_default();
        let name = if let Some(name) = &definition.name {
            self.refuse_taken(&table_name.sibling(name.clone()))?;
            self.refuse_same_constraint(id, name)?;
            name.clone()
        } else {
            let named = keys.iter().map(|key| key.as_deref().unwrap_or("expr"));
            let names = naming::index_columns(named.chain(include.iter().map(String::as_str)));
            let addition = naming::addition(names.iter().map(String::as_str));
            let (second, label) = match definition.kind {
                ConstraintKind::PrimaryKey => (None, "pkey"),
                ConstraintKind::Exclusion => (Some(addition.as_str()), "excl"),
                _ => (Some(addition.as_str()), "key"),
            };
            self.choose_index(&table_name, second, label, true)
        };
        let operators: Vec<Arc<str>> =
            exclusion.iter().map(|(_, operator)| operator.clone()).collect();
        let detail = options.map(|options| IndexDetail {
            expressions: options
                .exclusion_expressions
                .iter()
                .map(|expression| ("expr".into(), expression.clone()))
                .collect(),
            predicate: options.predicate.as_deref().cloned(),
            nulls_not_distinct: options.nulls_not_distinct,
            operators,
            ..IndexDetail::default()
        });
        let is_detailed = detail.as_ref().is_some_and(|detail| *detail != IndexDetail::default());
        let method = options.and_then(|options| options.method.clone());
        let index = Index {
            id: self.next_id(crate::catalog::object::Class::Relation),
            name: name.clone(),
            columns: keys,
            include,
            unique: definition.kind != ConstraintKind::Exclusion,
            primary,
            is_constraint: true,
            partial: options.is_some_and(|options| options.predicate.is_some()),
            method: method.unwrap_or_else(|| "btree".into()),
            valid: !only,
            parent: parent.map(|(_, index)| index),
            detail: detail.filter(|_| is_detailed).map(Arc::new),
            created: env.origin,
        };
        let index_id = index.id;
        self.insert_index(id, index, env);
        let mut constraint = self.constraint(name, definition, env);
        constraint.index = Some(index_id);
        constraint.parent = parent.map(|(number, _)| number);
        if parent.is_some() {
            (constraint.local, constraint.inherited) = (false, 1);
        }
        if definition.kind == ConstraintKind::Exclusion {
            constraint.columns = exclusion.iter().filter_map(|(key, _)| key.clone()).collect();
        }
        let number = constraint.number;
        self.push_constraint(id, constraint);
        if primary {
            for column in &definition.columns {
                self.set_not_null(id, column, None, env);
            }
        }
        if only {
            return Ok(());
        }
        let below = ConstraintDefinition { name: None, ..definition.clone() };
        for partition in self.partitions(id) {
            self.key_of_partition(partition, &below, (number, index_id), env);
        }
        Ok(())
    }

    /// Refuses a key of a partitioned table that lacks a column of its partition key.
    pub(super) fn refuse_key_without_partition_columns(
        &self,
        id: ObjectId,
        definition: &ConstraintDefinition,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(key) = &table.extra().partition_by else { return Ok(()) };
        if definition.kind == ConstraintKind::Exclusion {
            return Ok(());
        }
        let lacking = key
            .columns
            .iter()
            .flatten()
            .find(|column| definition.columns.iter().all(|other| **other != ***column));
        let Some(lacking) = lacking else { return Ok(()) };
        let what = match definition.kind {
            ConstraintKind::PrimaryKey => "PRIMARY KEY",
            _ => "UNIQUE",
        };
        let failure = Failure::new(
            "0A000",
            "unique constraint on partitioned table must include all partitioning columns",
            Because::Made(table.created),
        );
        Err(failure.detail(format!(
            "{what} constraint on table \"{}\" lacks column \"{lacking}\" which is part of the partition key.",
            table.name.name
        )))
    }

    /// Makes an index that is there the one of a constraint, whose name it takes.
    pub(super) fn use_index(
        &mut self,
        id: ObjectId,
        index: &str,
        definition: &ConstraintDefinition,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.indexes.iter().find(|found| *found.name == *index).cloned() else {
            if table.columns_unknown || table.external {
                return Ok(());
            }
            let dropped =
                self.dropped_at(crate::catalog::Space::Relation, &table.name.sibling(index));
            let because = dropped.map_or(Because::NeverMade, Because::Dropped);
            let message = format!("index \"{index}\" does not exist");
            return Err(Failure::new("42704", message, because));
        };
        let made = Because::Made(found.created);
        if found.is_constraint {
            let message = format!("index \"{index}\" is already associated with a constraint");
            return Err(Failure::new("55000", message, made));
        }
        let wrong = |what: &str| {
            Err(Failure::new("42809", format!("\"{index}\" is {what}"), made)
                .detail("Cannot create a primary key or unique constraint using such an index."))
        };
        if !found.unique {
            return wrong("not a unique index");
        }
        if found.partial {
            return wrong("a partial index");
        }
        if found.columns.iter().any(Option::is_none) {
            return Err(Failure::new(
                "42809",
                format!("index \"{index}\" contains expressions"),
                made,
            ));
        }
        let primary = definition.kind == ConstraintKind::PrimaryKey;
        if primary && let Some(there) = table.primary_key() {
            let message =
                format!("multiple primary keys for table \"{}\" are not allowed", table.name.name);
            return Err(Failure::new("42P16", message, Because::Made(there.created)));
        }
        let name = definition.name.clone().unwrap_or_else(|| found.name.clone());
        if name != found.name {
            self.refuse_taken(&table.name.sibling(name.clone()))?;
            let to = table.name.sibling(name.clone());
            self.relocate(found.id, to, env);
        }
        self.change(id, |table| {
            if let Some(index) = table.indexes.find_mut(|other| other.id == found.id) {
                index.is_constraint = true;
                index.primary = primary;
            }
        });
        let mut constraint = self.constraint(name, definition, env);
        constraint.columns = found.columns.iter().flatten().cloned().collect();
        constraint.index = Some(found.id);
        let columns = constraint.columns.clone();
        self.push_constraint(id, constraint);
        if primary {
            for column in &columns {
                self.set_not_null(id, column, None, env);
            }
        }
        Ok(())
    }

    /// Makes a column `NOT NULL`, with the constraint that PostgreSQL 18 keeps for it.
    pub(super) fn set_not_null(
        &mut self,
        id: ObjectId,
        column: &str,
        name: Option<Arc<str>>,
        env: &Env,
    ) {
        self.change(id, |table| {
            if let Some(found) = table.columns.find_mut(|c| *c.name == *column) {
                found.not_null = true;
            }
        });
        if env.version.major >= 18 {
            self.add_not_null(id, column, name, true, env);
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            self.set_not_null(child, column, None, env);
        }
    }

    /// Adds the not-null constraint of a column, unless it has one.
    pub(super) fn add_not_null(
        &mut self,
        id: ObjectId,
        column: &str,
        name: Option<Arc<str>>,
        validated: bool,
        env: &Env,
    ) {
        let Some(table) = self.by_id(id) else { return };
        if table.columns_unknown && table.column(column).is_none() {
            return;
        }
        let has = |found: &Constraint| {
            found.kind == ConstraintKind::NotNull && found.columns.iter().any(|c| c == column)
        };
        if table.constraints.iter().any(has) {
            return;
        }
        let above = table.parents.iter().find_map(|parent| {
            let parent = self.by_id(*parent)?;
            parent.constraints.iter().find(|found| has(found)).map(|c| (c.name.clone(), c.number))
        });
        let table_name = table.name.clone();
        // A column that the table spells out itself has a name of its own.
        let is_local = table.column(column).is_some_and(|column| column.local);
        let inherited = above.as_ref().filter(|_| !is_local).map(|(name, _)| name.clone());
        let name = name
            .or(inherited)
            .unwrap_or_else(|| self.choose_constraint(&table_name, Some(column), "not_null"));
        let definition = ConstraintDefinition {
            name: None,
            kind: ConstraintKind::NotNull,
            columns: vec![column.to_owned()],
            references: None,
            referenced_columns: Vec::new(),
            validated,
            using_index: None,
            expression: None,
            options: None,
        };
        let mut constraint = self.constraint(name, &definition, env);
        constraint.parent = above.map(|(_, number)| number);
        self.push_constraint(id, constraint);
    }

    /// Returns the partitions directly below a table; none for plain inheritance.
    pub(super) fn partitions(&self, id: ObjectId) -> Vec<ObjectId> {
        match self.by_id(id).map(|table| table.kind) {
            Some(RelationKind::PartitionedTable) => self.children(id).collect(),
            _ => Vec::new(),
        }
    }
}

/// Returns whether a name is a column that every table has.
fn is_system_column(name: &str) -> bool {
    matches!(name, "tableoid" | "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "oid")
}
