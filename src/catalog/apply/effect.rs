//! The rarer subcommands of `ALTER TABLE`.

use std::sync::Arc;

use super::alter::identity_kind;
use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{ObjectId, RelationKind};
use crate::catalog::{Because, Catalog, ColumnSettings, Constraint, Env, Failure, Relation};
use crate::sql::{ConstraintKind, Generated, Identity, TableEffect};

impl Catalog {
    pub(super) fn table_effect(
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
                    self.refuse_inherit(id, parent)?;
                    self.inherit(id, parent, env);
                }
            }
            TableEffect::NoInherit(parent) => {
                if let Some(parent) = self.find(parent, env)? {
                    self.refuse_no_inherit(id, parent)?;
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
            TableEffect::UsesIndex(index) => {
                self.need_index(id, index)?;
                self.refuse_identity_index(id, index)?;
            }
            TableEffect::Storage(_)
            | TableEffect::Compression(_)
            | TableEffect::Statistics(_)
            | TableEffect::NeedsColumn => {
                let Some(column) = column else { return Ok(()) };
                self.need_column(id, column)?;
                if let TableEffect::Storage(Some(storage)) = effect {
                    self.refuse_storage(id, column, storage, env)?;
                }
                self.set_column(id, column, |settings| match effect {
                    TableEffect::Storage(storage) => {
                        settings.storage = storage.clone().filter(|word| **word != *"default");
                    }
                    TableEffect::Compression(method) => {
                        settings.compression = method.clone().filter(|word| **word != *"default");
                    }
                    TableEffect::Statistics(target) => settings.statistics = *target,
                    _ => {}
                });
            }
            TableEffect::Options { set, reset } => {
                self.refuse_options(id, set, env)?;
                self.change(id, |table| {
                    table.changed = env.origin;
                    let options = &mut table.extra_mut().options;
                    options.extend(set.iter().cloned());
                    reset.iter().for_each(|name| drop(options.remove(name)));
                });
            }
            TableEffect::Owner(role) => {
                let thing = crate::catalog::access::Thing::Known((id, Part::Whole));
                self.set_owner(Some(thing), role, env);
            }
            TableEffect::Cluster(index) => self.cluster_on(id, index.as_deref(), env)?,
            TableEffect::Tablespace(name) => self.change(id, |relation| {
                relation.changed = env.origin;
                relation.set_tablespace(Some(name));
            }),
            TableEffect::AccessMethod => self.refuse_access_method(id, env)?,
            TableEffect::FinishDetach(partition) => self.refuse_finish(id, partition, env)?,
            TableEffect::Trigger(None) => {}
        }
        Ok(())
    }

    /// Changes what a column has beyond its definition.
    pub(super) fn set_column(
        &mut self,
        id: ObjectId,
        column: &str,
        change: impl FnOnce(&mut ColumnSettings),
    ) {
        let number = self.by_id(id).and_then(|table| table.column(column)).map(|c| c.number);
        let Some(number) = number else { return };
        self.change(id, |table| {
            let all = &mut table.extra_mut().column_settings;
            change(all.entry(number).or_default());
            all.retain(|_, settings| *settings != ColumnSettings::default());
        });
    }

    pub(super) fn need_trigger(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
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

    pub(super) fn need_index(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        if table.columns_unknown || table.indexes.iter().any(|index| *index.name == *name) {
            return Ok(());
        }
        let message = format!("index \"{name}\" for table \"{}\" does not exist", table.name.name);
        Err(Failure::new("42704", message, Because::Made(table.created)))
    }

    /// Refuses an index that cannot tell rows apart as the replica identity.
    ///
    /// Source: `ATExecReplicaIdentity` of the server's `tablecmds.c`.
    fn refuse_identity_index(&self, id: ObjectId, name: &str) -> Result<(), Failure> {
        let mut indexes = self.by_id(id).into_iter().flat_map(|table| &table.indexes);
        let Some(index) = indexes.rfind(|index| *index.name == *name) else {
            return Ok(());
        };
        let (sqlstate, what) = match index {
            index if !index.unique => ("42809", "non-unique"),
            index if index.columns.iter().any(Option::is_none) => ("0A000", "expression"),
            index if index.partial => ("0A000", "partial"),
            _ => return Ok(()),
        };
        let message = format!("cannot use {what} index \"{name}\" as replica identity");
        Err(Failure::new(sqlstate, message, Because::Made(index.created)))
    }

    /// A table that is logged cannot refer to one that is not.
    pub(super) fn set_logged(
        &mut self,
        id: ObjectId,
        logged: bool,
        env: &Env,
    ) -> Result<(), Failure> {
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
        if !logged {
            self.refuse_published_unlogged(table)?;
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

    pub(super) fn add_identity(
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
        for sequence in self.owned_sequences(id, number) {
            self.change_sequence(sequence, |s| s.set_options(&identity.options.others, true));
        }
        Ok(())
    }

    pub(super) fn need_identity(&self, id: ObjectId, column: &str) -> Result<(), Failure> {
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

    pub(super) fn drop_expression(
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
    pub(super) fn inherit(&mut self, id: ObjectId, parent: ObjectId, env: &Env) {
        let Some(above) = self.by_id(parent) else { return };
        let columns: Vec<Arc<str>> = above.columns.iter().map(|c| c.name.clone()).collect();
        let checks: Vec<(Arc<str>, u32)> =
            above.constraints.iter().map(|c| (c.name.clone(), c.number)).collect();
        self.change(id, |table| {
            table.changed = env.origin;
            table.parents.push(parent);
            for column in table.columns.filter_mut(|c| columns.contains(&c.name)) {
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
}
