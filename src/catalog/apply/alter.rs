//! `ALTER TABLE`, `ALTER INDEX`, `ALTER VIEW` and `ALTER TYPE` of composites.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Column, IdentityKind, ObjectId, RelationKind, TypeKind};
use crate::catalog::{Because, Catalog, Constraint, Env, Failure, Relation};
use crate::sql::{
    AlterTable, ColumnDefinition, ConstraintKind, Expression, Generated, Identity, ObjectKind,
    RelationName, TableChange, TableEffect, TypeName,
};

impl Catalog {
    pub(super) fn alter_table(&mut self, alter: &AlterTable, env: &Env) -> Result<(), Failure> {
        if alter.kind == ObjectKind::Type {
            return self.alter_composite(alter, env);
        }
        let Some(id) = self.find_or_skip(&alter.table, alter.if_exists, env)? else {
            return Ok(());
        };
        self.refuse_other_kind(id, alter.kind)?;
        match &alter.change {
            TableChange::AddColumn { column, if_not_exists } => {
                self.refuse_new_column(id, column, alter.only, env)?;
                self.alter_add_column(id, column, *if_not_exists, env)
            }
            TableChange::DropColumn { column, if_exists, cascade } => {
                self.drop_column(id, column, *if_exists, *cascade, env)
            }
            TableChange::SetType { column, type_name, using, collation } => {
                self.refuse_retype(id, column, alter.only)?;
                let (resolved, type_id) = self.column_type(type_name, env)?;
                if let Some(found) = self.by_id(id).and_then(|table| table.column(column)) {
                    let using = using.as_deref().map(|using| &using.tree);
                    self.refuse_cast(id, found, (&resolved, type_id), using, env)?;
                }
                self.set_type(id, column, type_name, collation.as_ref(), env)
            }
            TableChange::SetDefault { column, default } => {
                self.set_default(id, column, default.as_deref(), alter.only, env)
            }
            TableChange::SetNotNull { column } => {
                self.need_column(id, column)?;
                self.set_not_null(id, column, None, env);
                self.touch(id, env);
                Ok(())
            }
            TableChange::DropNotNull { column } => self.drop_not_null(id, column, env),
            TableChange::AddConstraint(definition) => {
                self.refuse_constraint_of_tree(id, definition, alter.only, env)?;
                self.add_constraint(id, definition, alter.only, env)?;
                self.touch(id, env);
                Ok(())
            }
            TableChange::DropConstraint { name, if_exists, cascade } => {
                self.drop_constraint(id, name, *if_exists, *cascade, env)
            }
            TableChange::ValidateConstraint { name } => {
                self.need_constraint(id, name)?;
                self.validate(id, name);
                Ok(())
            }
            TableChange::AttachPartition { partition, bound } => {
                let Some(child) = self.find(partition, env)? else { return Ok(()) };
                if self.by_id(id).is_some_and(|found| found.kind == RelationKind::PartitionedIndex)
                {
                    let table = self.by_id(child).and_then(|index| index.uses.first().copied());
                    if let Some(table) = table {
                        self.attach_index(table, child, id);
                    }
                    return Ok(());
                }
                self.attach_partition(id, child, bound.as_deref(), env)
            }
            TableChange::DetachPartition { partition, concurrently } => {
                let Some(child) = self.find(partition, env)? else { return Ok(()) };
                self.refuse_detach(id, *concurrently)?;
                let is_child = self.by_id(child).is_none_or(|c| c.parents.contains(&id));
                if !is_child && self.by_id(id).is_some_and(|table| !table.external) {
                    return Err(self.not_a_partition(child, id));
                }
                self.detach(id, child, true, env);
                Ok(())
            }
            TableChange::Other { effect: Some(effect), column, .. } => {
                self.table_effect(id, effect, column.as_deref(), env)
            }
            TableChange::Other { .. } => Ok(()),
        }
    }

    /// Refuses `ALTER VIEW` of a table and the like.
    fn refuse_other_kind(&self, id: ObjectId, kind: ObjectKind) -> Result<(), Failure> {
        let Some(relation) = self.by_id(id).filter(|relation| !relation.external) else {
            return Ok(());
        };
        let is_wrong = match kind {
            ObjectKind::View => relation.kind != RelationKind::View,
            ObjectKind::MaterializedView => relation.kind != RelationKind::MaterializedView,
            ObjectKind::Index => {
                !matches!(relation.kind, RelationKind::Index | RelationKind::PartitionedIndex)
            }
            ObjectKind::Sequence => relation.kind != RelationKind::Sequence,
            ObjectKind::ForeignTable => relation.kind != RelationKind::ForeignTable,
            _ => false,
        };
        if !is_wrong {
            return Ok(());
        }
        let article = if kind == ObjectKind::Index { "an" } else { "a" };
        let message = format!("\"{}\" is not {article} {}", relation.name.name, kind.as_str());
        Err(Failure::new("42809", message, Because::Made(relation.created)))
    }

    /// Notes that a statement changed a relation.
    pub(super) fn touch(&mut self, id: ObjectId, env: &Env) {
        self.change(id, |relation| relation.changed = env.origin);
    }

    fn alter_add_column(
        &mut self,
        id: ObjectId,
        column: &ColumnDefinition,
        if_not_exists: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        // Only what comes after the column itself can be refused when it is there.
        let before = (!column.constraints.is_empty()).then(|| self.clone());
        let added = self.try_add_column(id, column, if_not_exists, env);
        if let (Err(_), Some(before)) = (&added, before) {
            self.undo(before);
        }
        added
    }

    fn try_add_column(
        &mut self,
        id: ObjectId,
        column: &ColumnDefinition,
        if_not_exists: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let there = table.column(&column.name).map(|column| column.created);
        if let Some(created) = there {
            if if_not_exists {
                return Ok(());
            }
            let message = format!(
                "column \"{}\" of relation \"{}\" already exists",
                column.name, table.name.name
            );
            return Err(Failure::new("42701", message, Because::Made(created)));
        }
        let number = self.define_column(id, column, env)?;
        self.touch(id, env);
        for constraint in column.constraints.iter().filter(|c| c.kind == ConstraintKind::Check) {
            self.add_constraint(id, constraint, false, env)?;
        }
        let not_null = self.by_id(id).and_then(|table| table.column_numbered(number));
        if not_null.is_some_and(|column| column.not_null) {
            self.set_not_null(id, &column.name, column.not_null_name.clone(), env);
        }
        for constraint in column.constraints.iter().filter(|c| c.kind != ConstraintKind::Check) {
            self.add_constraint(id, constraint, false, env)?;
        }
        let added = self.by_id(id).and_then(|table| table.column(&column.name)).cloned();
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            if let Some(added) = &added {
                self.inherit_column(child, added, env);
            }
        }
        Ok(())
    }

    /// Refuses a column that a partition would have alone, or that tables below would not get.
    fn refuse_new_column(
        &self,
        id: ObjectId,
        column: &ColumnDefinition,
        only: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        let because = Because::Made(table.created);
        if table.is_partition() {
            return Err(Failure::new("42809", "cannot add column to a partition", because));
        }
        if table.extra().of_type.is_some() {
            return Err(Failure::new("42809", "cannot add column to typed table", because));
        }
        let is_there = table.column(&column.name).is_some();
        let mut children = self.children(id).peekable();
        if children.peek().is_none() || is_there {
            return Ok(());
        }
        let is_partitioned = table.kind == RelationKind::PartitionedTable;
        if column.identity.is_some() && !only && !(is_partitioned && env.version.major >= 17) {
            let message = "cannot recursively add identity column to table that has child tables";
            return Err(Failure::new("42P16", message, because));
        }
        if only {
            return Err(Failure::new("42P16", "column must be added to child tables too", because));
        }
        Ok(())
    }

    fn inherit_column(&mut self, id: ObjectId, added: &Column, env: &Env) {
        let is_partition_with_identity = env.version.major >= 17
            && self.by_id(id).is_some_and(crate::catalog::Relation::is_partition);
        self.change(id, |table| {
            if let Some(there) = table.columns.iter_mut().find(|c| c.name == added.name) {
                there.inherited += 1;
                return;
            }
            let mut column = added.clone();
            column.number = super::table::next_column(table);
            (column.local, column.inherited) = (false, 1);
            column.identity = column.identity.filter(|_| is_partition_with_identity);
            table.columns.push(column);
        });
        let number = self.by_id(id).and_then(|table| table.column(&added.name)).map(|c| c.number);
        if let (Some(number), Some(type_id)) = (number, added.type_id) {
            self.depend((id, Part::Column(number)), (type_id, Part::Whole), Strength::Normal);
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            self.inherit_column(child, added, env);
        }
    }

    fn drop_column(
        &mut self,
        id: ObjectId,
        column: &str,
        if_exists: bool,
        cascade: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.column(column) else {
            if if_exists || table.columns_unknown {
                return Ok(());
            }
            return Err(self.no_column(id, column));
        };
        if found.inherited > 0 {
            let message = format!("cannot drop inherited column \"{column}\"");
            return Err(Failure::new("42P16", message, Because::Made(found.created)));
        }
        let address = (id, Part::Column(found.number));
        self.remove(&[address], cascade, env.origin)?;
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            self.disinherit_column(child, column, cascade, env)?;
        }
        Ok(())
    }

    fn disinherit_column(
        &mut self,
        id: ObjectId,
        column: &str,
        cascade: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(found) = self.by_id(id).and_then(|table| table.column(column)) else {
            return Ok(());
        };
        let (number, goes) = (found.number, found.inherited <= 1 && !found.local);
        if !goes {
            self.change(id, |table| {
                if let Some(found) = table.columns.iter_mut().find(|c| c.number == number) {
                    found.inherited = found.inherited.saturating_sub(1);
                }
            });
            return Ok(());
        }
        self.remove(&[(id, Part::Column(number))], cascade, env.origin)?;
        let children: Vec<ObjectId> = self.children(id).collect();
        children
            .into_iter()
            .try_for_each(|child| self.disinherit_column(child, column, cascade, env))
    }

    pub(super) fn change_column(
        &mut self,
        id: ObjectId,
        column: &str,
        env: &Env,
        change: impl FnOnce(&mut Column),
    ) {
        self.change(id, |table| {
            table.changed = env.origin;
            if let Some(column) = table.columns.iter_mut().find(|found| *found.name == *column) {
                change(column);
            }
        });
    }

    fn set_type(
        &mut self,
        id: ObjectId,
        column: &str,
        type_name: &Arc<TypeName>,
        collation: Option<&RelationName>,
        env: &Env,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let (type_name, type_id) = self.column_type(type_name, env)?;
        let Some(found) = self.by_id(id).and_then(|table| table.column(column)) else {
            return Ok(());
        };
        let number = found.number;
        self.refuse_type_of_used_column(id, number, env)?;
        let column_address = (id, Part::Column(number));
        self.forget_needs(column_address);
        let collation = collation.cloned();
        self.change_column(id, column, env, |column| {
            column.type_name = type_name.clone();
            column.type_id = type_id;
            column.collation = collation;
        });
        if let Some(type_id) = type_id {
            self.depend(column_address, (type_id, Part::Whole), Strength::Normal);
        }
        // The sequence of an identity column takes the new type; that of a serial column does not.
        let data_type = self.format_type(&type_name, type_id);
        for sequence in self.owned_sequences(id, number) {
            self.change(sequence, |sequence| {
                if let Some(found) = &mut sequence.extra_mut().sequence
                    && found.is_identity
                {
                    found.data_type = data_type.as_str().into();
                }
            });
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            self.set_type(child, column, &type_name, None, env)?;
        }
        Ok(())
    }

    /// Refuses to change the type of a column that came from above, or from a composite type.
    fn refuse_retype(&self, id: ObjectId, column: &str, only: bool) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.column(column) else { return Ok(()) };
        let because = Because::Made(found.created);
        if table.extra().of_type.is_some() {
            let because = Because::Made(table.created);
            return Err(Failure::new("42809", "cannot alter column type of typed table", because));
        }
        if let Some(key) = &table.extra().partition_by {
            let name = &table.name.name;
            if key.columns.iter().flatten().any(|key| **key == *column) {
                let message = format!(
                    "cannot alter column \"{column}\" because it is part of the partition key of relation \"{name}\""
                );
                return Err(Failure::new("42P16", message, Because::Made(table.created)));
            }
        }
        if found.inherited > 0 {
            let message = format!("cannot alter inherited column \"{column}\"");
            return Err(Failure::new("42P16", message, because));
        }
        if only && self.children(id).next().is_some() {
            let message = format!(
                "type of inherited column \"{column}\" must be changed in child tables too"
            );
            return Err(Failure::new("42P16", message, because));
        }
        Ok(())
    }

    /// Refuses to change the type of a column that a view, rule, policy or trigger uses.
    fn refuse_type_of_used_column(
        &self,
        id: ObjectId,
        number: u16,
        env: &Env,
    ) -> Result<(), Failure> {
        for ((user, part), _) in self.dependents_of((id, Part::Column(number))) {
            let what = match part {
                Part::Whole if self.by_id(user).is_some_and(crate::catalog::Relation::is_view) => {
                    "cannot alter type of a column used by a view or rule"
                }
                Part::Policy(_) => "cannot alter type of a column used in a policy definition",
                Part::Trigger(_) => "cannot alter type of a column used in a trigger definition",
                Part::Column(other) if other != number => {
                    "cannot alter type of a column used by a generated column"
                }
                _ => continue,
            };
            let made = self.by_id(user).map_or(Because::Always, |r| Because::Made(r.created));
            let detail = format!(
                "{} depends on {}",
                self.describe((user, part)),
                self.describe((id, Part::Column(number)))
            );
            // Until 14 that of a generated column was taken for an error of syntax.
            let is_old = matches!(part, Part::Column(_)) && env.version.major < 15;
            let sqlstate = if is_old { "42601" } else { "0A000" };
            return Err(Failure::new(sqlstate, what, made).detail(detail));
        }
        Ok(())
    }

    /// Returns the sequences that a column owns.
    pub(super) fn owned_sequences(&self, id: ObjectId, number: u16) -> Vec<ObjectId> {
        let users = self.dependents_of((id, Part::Column(number)));
        users
            .filter(|((_, part), strength)| *part == Part::Whole && *strength == Strength::Auto)
            .map(|((user, _), _)| user)
            .filter(|user| self.by_id(*user).is_some_and(|r| r.kind == RelationKind::Sequence))
            .collect()
    }

    fn set_default(
        &mut self,
        id: ObjectId,
        column: &str,
        default: Option<&Expression>,
        only: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(found) = self.by_id(id).and_then(|table| table.column(column)) else {
            return Ok(());
        };
        let (number, created) = (found.number, found.created);
        let refused = match (found.identity, found.generated) {
            (Some(_), _) => Some("an identity column"),
            (None, Some(_)) => Some("a generated column"),
            (None, None) => None,
        };
        if let Some(what) = refused {
            let table = self.by_id(id).map(|t| t.name.name.to_string()).unwrap_or_default();
            let message = format!("column \"{column}\" of relation \"{table}\" is {what}");
            return Err(Failure::new("42601", message, Because::Made(created)));
        }
        let (type_name, type_id) = (found.type_name.clone(), found.type_id);
        let default = default.filter(|default| self.keeps_default(default, &type_name, type_id));
        if let Some(default) = default {
            self.refuse_missing_functions(Some(id), default, env)?;
        }
        let default = default.cloned().map(Arc::new);
        self.forget_needs((id, Part::Default(number)));
        self.change_column(id, column, env, |column| column.default = default.clone());
        self.default_needs(id, number, env);
        if !only {
            let children: Vec<ObjectId> = self.children(id).collect();
            for child in children {
                let _ = self.set_default(child, column, default.as_deref(), false, env);
            }
        }
        Ok(())
    }

    fn drop_not_null(&mut self, id: ObjectId, column: &str, env: &Env) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        if let Some(found) = table.column(column)
            && found.identity.is_some()
        {
            let name = &table.name.name;
            let message =
                format!("column \"{column}\" of relation \"{name}\" is an identity column");
            return Err(Failure::new("42601", message, Because::Made(found.created)));
        }
        if let Some(key) = table.primary_key()
            && key.columns.iter().any(|key| key == column)
        {
            let message = format!("column \"{column}\" is in a primary key");
            return Err(Failure::new("42P16", message, Because::Made(key.created)));
        }
        self.forget_not_null(id, column, env);
        Ok(())
    }

    fn forget_not_null(&mut self, id: ObjectId, column: &str, env: &Env) {
        self.change_column(id, column, env, |column| column.not_null = false);
        let constraint = self.by_id(id).and_then(|table| {
            let mut all = table.constraints.iter();
            all.find(|c| c.kind == ConstraintKind::NotNull && c.columns.iter().any(|k| k == column))
                .map(|constraint| constraint.number)
        });
        if let Some(number) = constraint {
            let _ = self.remove(&[(id, Part::Constraint(number))], true, env.origin);
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        children.into_iter().for_each(|child| self.forget_not_null(child, column, env));
    }

    /// Returns the refusal of a table that lacks a constraint, if that is certain.
    fn need_constraint(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        if table.external || table.columns_unknown || table.constraint(name).is_some() {
            return Ok(());
        }
        let message =
            format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name.name);
        Err(Failure::new("42704", message, Because::Made(table.created)))
    }

    fn validate(&mut self, id: ObjectId, name: &str) {
        self.change(id, |table| {
            for found in table.constraints.iter_mut().filter(|found| *found.name == *name) {
                found.validated = true;
            }
        });
        let children: Vec<ObjectId> = self.children(id).collect();
        children.into_iter().for_each(|child| self.validate(child, name));
    }

    fn drop_constraint(
        &mut self,
        id: ObjectId,
        name: &str,
        if_exists: bool,
        cascade: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(found) = self.by_id(id).and_then(|table| table.constraint(name)) else {
            return if if_exists { Ok(()) } else { self.need_constraint(id, name) };
        };
        if found.inherited > 0 {
            let table = self.by_id(id).map(|t| t.name.name.to_string()).unwrap_or_default();
            let message =
                format!("cannot drop inherited constraint \"{name}\" of relation \"{table}\"");
            return Err(Failure::new("42P16", message, Because::Made(found.created)));
        }
        let (number, kind, columns) = (found.number, found.kind, found.columns.clone());
        self.remove(&[(id, Part::Constraint(number))], cascade, env.origin)?;
        if kind == ConstraintKind::NotNull {
            for column in &columns {
                self.forget_not_null(id, column, env);
            }
        }
        Ok(())
    }

    fn table_effect(
        &mut self,
        id: ObjectId,
        effect: &TableEffect,
        column: Option<&str>,
        env: &Env,
    ) -> Result<(), Failure> {
        match effect {
            TableEffect::RowSecurity { force, on } => self.change(id, |table| {
                table.changed = env.origin;
                let extra = table.extra_mut();
                if *force {
                    extra.force_row_security = *on;
                } else {
                    extra.row_security = *on;
                }
            }),
            TableEffect::Logged(logged) => self.set_logged(id, *logged, env)?,
            TableEffect::AddIdentity(identity) => {
                self.add_identity(id, column.unwrap_or_default(), identity, env)?;
            }
            TableEffect::SetIdentity(always) => {
                self.need_identity(id, column.unwrap_or_default())?;
                if let Some(always) = always {
                    let kind = identity_kind(*always);
                    self.change_column(id, column.unwrap_or_default(), env, |column| {
                        column.identity = Some(kind);
                    });
                }
            }
            TableEffect::DropIdentity { if_exists } => {
                let column = column.unwrap_or_default();
                if !*if_exists {
                    self.need_identity(id, column)?;
                }
                let found = self.by_id(id).and_then(|table| table.column(column));
                let Some(found) = found.filter(|column| column.identity.is_some()) else {
                    return Ok(());
                };
                for sequence in self.owned_sequences(id, found.number) {
                    self.remove(&[(sequence, Part::Whole)], true, env.origin)?;
                }
                self.change_column(id, column, env, |column| column.identity = None);
            }
            TableEffect::DropExpression { if_exists } => {
                self.drop_expression(id, column.unwrap_or_default(), *if_exists, env)?;
            }
            TableEffect::Inherit(parent) => {
                if let Some(parent) = self.find(parent, env)? {
                    self.inherit(id, parent, env);
                }
            }
            TableEffect::NoInherit(parent) => {
                if let Some(parent) = self.find(parent, env)? {
                    self.detach(parent, id, false, env);
                }
            }
            TableEffect::AlterConstraint { name, deferrable, enforced } => {
                self.need_constraint(id, name)?;
                let (deferrable, enforced) = (*deferrable, *enforced);
                self.change(id, |table| {
                    let all = table.constraints.iter_mut();
                    for found in all.filter(|found| *found.name == **name) {
                        if let Some((deferrable, deferred)) = deferrable {
                            (found.deferrable, found.deferred) = (deferrable, deferred);
                        }
                        if let Some(enforced) = enforced {
                            (found.enforced, found.validated) = (enforced, enforced);
                        }
                    }
                });
            }
            TableEffect::Trigger(Some(name)) => self.need_trigger(id, name)?,
            TableEffect::UsesIndex(index) => self.need_index(id, index)?,
            TableEffect::Storage(_) | TableEffect::NeedsColumn => {
                if let Some(column) = column {
                    self.need_column(id, column)?;
                }
            }
            TableEffect::Trigger(None) => {}
        }
        Ok(())
    }

    fn need_trigger(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        if table.extra().triggers.iter().any(|trigger| *trigger.name == *name) {
            return Ok(());
        }
        if table.constraints.iter().any(|c| c.kind == ConstraintKind::ForeignKey)
            && name.starts_with("RI_ConstraintTrigger")
        {
            return Ok(());
        }
        let message =
            format!("trigger \"{name}\" for table \"{}\" does not exist", table.name.name);
        Err(Failure::new("42704", message, Because::Made(table.created)))
    }

    fn need_index(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        if table.columns_unknown || table.indexes.iter().any(|index| *index.name == *name) {
            return Ok(());
        }
        let message = format!("index \"{name}\" for table \"{}\" does not exist", table.name.name);
        Err(Failure::new("42704", message, Because::Made(table.created)))
    }

    /// A table that is logged cannot refer to one that is not.
    fn set_logged(&mut self, id: ObjectId, logged: bool, env: &Env) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        if table.unlogged != logged || table.external {
            return Ok(());
        }
        let name = &table.name.name;
        if table.kind == RelationKind::PartitionedTable && env.version.major >= 18 {
            let action = if logged { "LOGGED" } else { "UNLOGGED" };
            let message =
                format!("ALTER action SET {action} cannot be performed on relation \"{name}\"");
            return Err(Failure::new("42809", message, Because::Made(table.created)));
        }
        let refused = |other: &Relation, key: &Constraint| {
            let (to, what) = if logged { ("logged", "unlogged") } else { ("unlogged", "logged") };
            let message = format!(
                "could not change table \"{name}\" to {to} because it references {what} table \"{}\"",
                other.name.name
            );
            Err(Failure::new("42P16", message, Because::Made(key.created)))
        };
        let is_key = |key: &&Constraint| key.kind == ConstraintKind::ForeignKey;
        if logged {
            for key in table.constraints.iter().filter(is_key) {
                let other = key.references.filter(|other| *other != id);
                if let Some(other) = other.and_then(|other| self.by_id(other))
                    && other.unlogged
                {
                    return refused(other, key);
                }
            }
        } else {
            for other in self.relations().filter(|other| other.id != id && !other.unlogged) {
                let mut keys = other.constraints.iter().filter(is_key);
                if let Some(key) = keys.find(|key| key.references == Some(id)) {
                    return refused(other, key);
                }
            }
        }
        self.change(id, |table| {
            table.changed = env.origin;
            table.unlogged = !logged;
        });
        Ok(())
    }

    fn add_identity(
        &mut self,
        id: ObjectId,
        column: &str,
        identity: &Identity,
        env: &Env,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.column(column) else { return Ok(()) };
        let name = &table.name.name;
        let refuse = |what: &str, sqlstate| {
            let message = format!("column \"{column}\" of relation \"{name}\" {what}");
            Err(Failure::new(sqlstate, message, Because::Made(found.created)))
        };
        if !found.not_null {
            return refuse("must be declared NOT NULL before identity can be added", "55000");
        }
        if found.identity.is_some() {
            return refuse("is already an identity column", "55000");
        }
        if found.default.is_some() {
            return refuse("already has a default value", "55000");
        }
        let (number, kind) = (found.number, identity_kind(identity.always));
        let data_type = self.format_type(&found.type_name.clone(), found.type_id);
        self.change_column(id, column, env, |column| column.identity = Some(kind));
        let chosen = identity.options.name.as_ref();
        self.make_sequence(id, number, column, chosen, &data_type, true, env);
        Ok(())
    }

    fn need_identity(&self, id: ObjectId, column: &str) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        match table.column(column) {
            Some(found) if found.identity.is_none() => {
                let name = &table.name.name;
                let message =
                    format!("column \"{column}\" of relation \"{name}\" is not an identity column");
                Err(Failure::new("55000", message, Because::Made(found.created)))
            }
            _ => Ok(()),
        }
    }

    fn drop_expression(
        &mut self,
        id: ObjectId,
        column: &str,
        if_exists: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.column(column) else { return Ok(()) };
        let number = found.number;
        if found.generated.is_none() {
            if if_exists {
                return Ok(());
            }
            let name = &table.name.name;
            let message =
                format!("column \"{column}\" of relation \"{name}\" is not a generated column");
            return Err(Failure::new("55000", message, Because::Made(found.created)));
        }
        if found.generated == Some(Generated::Virtual) {
            let what =
                "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns";
            return Err(Failure::new("0A000", what, Because::Made(found.created)));
        }
        self.forget_needs((id, Part::Default(number)));
        self.change_column(id, column, env, |column| {
            column.generated = None;
            column.default = None;
        });
        let children: Vec<ObjectId> = self.children(id).collect();
        children.into_iter().try_for_each(|child| self.drop_expression(child, column, true, env))
    }

    /// `ALTER TABLE ... INHERIT`.
    fn inherit(&mut self, id: ObjectId, parent: ObjectId, env: &Env) {
        let Some(above) = self.by_id(parent) else { return };
        let columns: Vec<Arc<str>> = above.columns.iter().map(|c| c.name.clone()).collect();
        let checks: Vec<(Arc<str>, u32)> =
            above.constraints.iter().map(|c| (c.name.clone(), c.number)).collect();
        self.change(id, |table| {
            table.changed = env.origin;
            table.parents.push(parent);
            for column in table.columns.iter_mut().filter(|c| columns.contains(&c.name)) {
                column.inherited += 1;
            }
            for (name, number) in &checks {
                let same = table
                    .constraints
                    .iter_mut()
                    .find(|c| c.name == *name && c.kind == ConstraintKind::Check);
                if let Some(found) = same {
                    found.inherited += 1;
                    found.parent = Some(*number);
                }
            }
        });
        self.children.insert((parent, id));
        self.depend((id, Part::Whole), (parent, Part::Whole), Strength::Normal);
    }

    /// Refuses to change the type of an attribute where a column holds values of the composite type.
    fn refuse_composite_in_use(&self, id: ObjectId) -> Result<(), Failure> {
        let Some(of) = self.name_of(id) else { return Ok(()) };
        for table in self.relations().filter(|table| table.is_table()) {
            if let Some(column) = table.columns.iter().find(|c| c.type_id == Some(id)) {
                let message = format!(
                    "cannot alter type \"{}\" because column \"{}.{}\" uses it",
                    of.name, table.name.name, column.name
                );
                return Err(Failure::new("0A000", message, Because::Made(column.created)));
            }
        }
        Ok(())
    }

    /// `ALTER TYPE ... ADD ATTRIBUTE` and the like.
    fn alter_composite(&mut self, alter: &AlterTable, env: &Env) -> Result<(), Failure> {
        let Some(id) = self.type_if_exists(&alter.table, env) else { return Ok(()) };
        let added = match &alter.change {
            TableChange::AddColumn { column, .. } => {
                let (type_name, type_id) = self.column_type(&column.type_name, env)?;
                Some(super::types::attribute(&column.name, type_name, type_id, env))
            }
            _ => None,
        };
        let retyped = match &alter.change {
            TableChange::SetType { type_name, .. } => Some(self.column_type(type_name, env)?),
            _ => None,
        };
        if let TableChange::SetType { .. } = &alter.change {
            self.refuse_composite_in_use(id)?;
        }
        let mut failure = None;
        self.change_type(id, |found| {
            found.changed = env.origin;
            let TypeKind::Composite(attributes) = &mut found.kind else { return };
            let position = |attributes: &[Column], name: &str| {
                attributes.iter().position(|attribute| *attribute.name == *name)
            };
            let missing = |name: &str| {
                let message =
                    format!("column \"{name}\" of relation \"{}\" does not exist", found.name.name);
                Some(Failure::new("42703", message, Because::Made(found.created)))
            };
            match &alter.change {
                TableChange::AddColumn { .. } => attributes.extend(added),
                TableChange::DropColumn { column, if_exists, .. } => {
                    match position(attributes, column) {
                        Some(at) => {
                            attributes.remove(at);
                        }
                        None if !*if_exists => failure = missing(column),
                        None => {}
                    }
                }
                TableChange::SetType { column, .. } => match position(attributes, column) {
                    Some(at) => {
                        if let Some((type_name, type_id)) = retyped {
                            attributes[at].type_name = type_name;
                            attributes[at].type_id = type_id;
                        }
                    }
                    None => failure = missing(column),
                },
                _ => {}
            }
        });
        failure.map_or(Ok(()), Err)
    }
}

fn identity_kind(always: bool) -> IdentityKind {
    if always { IdentityKind::Always } else { IdentityKind::ByDefault }
}
