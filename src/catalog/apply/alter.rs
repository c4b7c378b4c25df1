//! `ALTER TABLE`, `ALTER INDEX`, `ALTER VIEW` and `ALTER TYPE` of composites.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Column, IdentityKind, ObjectId, RelationKind, TypeKind};
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{
    AlterTable, ColumnDefinition, ConstraintKind, Expression, ObjectKind, TableChange,
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
        self.refuse_in_tree(id, alter, env.version)?;
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
                self.refuse_serial(type_name, env)?;
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
    pub(super) fn refuse_other_kind(&self, id: ObjectId, kind: ObjectKind) -> Result<(), Failure> {
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

    pub(super) fn alter_add_column(
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

    pub(super) fn try_add_column(
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
    pub(super) fn refuse_new_column(
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

    pub(super) fn inherit_column(&mut self, id: ObjectId, added: &Column, env: &Env) {
        let is_partition_with_identity = env.version.major >= 17
            && self.by_id(id).is_some_and(crate::catalog::Relation::is_partition);
        self.change(id, |table| {
            if let Some(there) = table.columns.find_mut(|c| c.name == added.name) {
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

    pub(super) fn drop_column(
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

    pub(super) fn disinherit_column(
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
                if let Some(found) = table.columns.find_mut(|c| c.number == number) {
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

    /// `serial` is a type only where a column is made.
    fn refuse_serial(&self, name: &crate::sql::TypeName, env: &Env) -> Result<(), Failure> {
        let own = crate::sql::RelationName::unqualified(name.name.clone());
        let is_serial = name.schema.is_none()
            && super::serial_type(&name.name).is_some()
            && self.type_if_exists(&own, env).is_none();
        match is_serial {
            true => Err(Failure::missing(ObjectKind::Type, &name.name, Because::Always)),
            false => Ok(()),
        }
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
            if let Some(column) = table.columns.find_mut(|found| *found.name == *column) {
                change(column);
            }
        });
    }

    pub(super) fn set_default(
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

    pub(super) fn drop_not_null(
        &mut self,
        id: ObjectId,
        column: &str,
        env: &Env,
    ) -> Result<(), Failure> {
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

    pub(super) fn forget_not_null(&mut self, id: ObjectId, column: &str, env: &Env) {
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
    pub(super) fn need_constraint(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        if table.external || table.columns_unknown || table.constraint(name).is_some() {
            return Ok(());
        }
        let message =
            format!("constraint \"{name}\" of relation \"{}\" does not exist", table.name.name);
        Err(Failure::new("42704", message, Because::Made(table.created)))
    }

    pub(super) fn validate(&mut self, id: ObjectId, name: &str) {
        self.change(id, |table| {
            for found in table.constraints.filter_mut(|found| *found.name == *name) {
                found.validated = true;
            }
        });
        let children: Vec<ObjectId> = self.children(id).collect();
        children.into_iter().for_each(|child| self.validate(child, name));
    }

    pub(super) fn drop_constraint(
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

    /// Refuses to change the type of an attribute where a column holds values of the composite type.
    pub(super) fn refuse_composite_in_use(&self, id: ObjectId) -> Result<(), Failure> {
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
    pub(super) fn alter_composite(&mut self, alter: &AlterTable, env: &Env) -> Result<(), Failure> {
        let Some(id) = self.type_if_exists(&alter.table, env) else { return Ok(()) };
        let added = match &alter.change {
            TableChange::AddColumn { column, .. } => {
                let (type_name, type_id) = self.column_type(&column.type_name, env)?;
                Some(Column::new(&column.name, type_name, type_id, env.origin))
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

pub(super) fn identity_kind(always: bool) -> IdentityKind {
    if always { IdentityKind::Always } else { IdentityKind::ByDefault }
}
