//! What an action does to a catalog, and whether the server would refuse it.

mod access;
mod alter;
mod attached;
mod block;
mod call;
mod called;
mod constraint;
mod drop;
mod effect;
mod follow;
mod foreign_key;
mod foreign_server;
mod hierarchy;
mod index;
mod maintenance;
mod newer;
mod object;
mod owned;
mod partition;
mod place;
mod publication;
mod query;
mod refuse;
mod rename;
mod retype;
mod sequence_of_column;
mod table;
mod types;

pub(crate) use table::serial_type;

use super::object::TypeKind;
use super::{Because, Catalog, Env, Failure, QualifiedName, Space, created_name};
use crate::sql::has_placeholder;
use crate::sql::{
    Action, Alter, Create, Dml, DmlKind, ObjectChange, ObjectKind, RelationName, Subject,
};

impl Catalog {
    /// Applies one action. Returns what the server would answer if it refuses; what comes after is then
    /// a guess, which leaves unknown what the action was about.
    pub fn apply(&mut self, action: &Action, env: &Env) -> Vec<Failure> {
        let mut failures = Vec::new();
        self.calls = super::Calls::default();
        if let Err(failure) = self.act(action, env) {
            failures.push(failure);
        }
        // One statement has one answer: the first.
        failures.append(&mut self.noted);
        // What a placeholder stands for nobody knows: the server is asked about something else.
        let count = failures.len();
        failures.retain(|failure| !has_placeholder(&failure.message));
        if failures.len() < count {
            self.leave_uncertain(env);
        }
        failures
    }

    fn act(&mut self, action: &Action, env: &Env) -> Result<(), Failure> {
        newer::refuse(action, env)?;
        match action {
            Action::CreateTable(create) => self.create_table(create, env),
            Action::CreateIndex(create) => self.create_index(create, env),
            Action::CreateView(create) => self.create_view(create, env),
            Action::AlterTable(alter) => self.alter_table(alter, env),
            Action::CreateEnum { name, labels } => self.create_enum(name, labels, env),
            Action::AddEnumValue { name, label, if_not_exists, neighbor } => {
                self.add_enum_value(name, label, *if_not_exists, neighbor.as_ref(), env)
            }
            Action::RenameEnumValue { name, from, to } => {
                self.rename_enum_value(name, from, to, env)
            }
            Action::Create(create) => self.create(create, env),
            Action::Alter(alter) => self.alter(alter, env),
            Action::Drop(drop) => self.drop(drop, env),
            Action::Rename(rename) => self.rename(rename, env),
            Action::SetSchema { kind, name, schema, if_exists, arguments } => {
                self.set_schema(*kind, name, schema, *if_exists, arguments.as_deref(), env)
            }
            Action::Do(block) => {
                if block.body.is_empty() && block.is_dynamic {
                    self.uncertain_since = Some(env.origin);
                }
                self.run_block(block, env)
            }
            Action::Dml(dml) => self.dml(dml, env),
            Action::Comment { relation, part, kind, subject, text } => {
                if let Some(name) = relation {
                    self.comment(*kind, name, part.as_deref(), env)?;
                }
                if let Some(subject) = subject {
                    self.set_comment(subject, text.as_ref(), env);
                }
                Ok(())
            }
            Action::Grant(grant) => self.grant(grant, env),
            Action::Other { access: Some(access), .. } => self.access(access, env),
            Action::Truncate { table, cascade, with, .. } => {
                self.refuse_truncate(table, *cascade, with, env)
            }
            Action::Reindex { target, concurrently } => {
                self.refuse_reindex(target, *concurrently, env)
            }
            Action::Lock { table, .. } => {
                let found = self.find(table, env)?;
                found.map_or(Ok(()), |id| self.refuse_lock(id))
            }
            Action::Call { call } => self.call(call, env),
            Action::RefreshMaterializedView { name, concurrently, no_data } => {
                self.refresh(name, *concurrently, *no_data, env)
            }
            Action::Cluster { table: Some(name), index } => {
                self.cluster(name, index.as_deref(), env)
            }
            Action::Cluster { table: None, .. }
            | Action::Vacuum { .. }
            | Action::Analyze { .. }
            | Action::Set(_)
            | Action::SetDefault(_)
            | Action::Transaction(_)
            | Action::NonTransactional { .. }
            | Action::Other { access: None, .. } => Ok(()),
        }
    }

    fn dml(&mut self, dml: &Dml, env: &Env) -> Result<(), Failure> {
        dml.calls.iter().try_for_each(|call| self.call(call, env))?;
        for name in &dml.functions {
            if !dml.calls.iter().any(|call| call.name == *name) {
                self.call_unknown(name, env);
            }
        }
        for name in dml.reads.iter().chain(&dml.writes) {
            self.find(name, env)?;
        }
        let Some(target) = &dml.target else { return Ok(()) };
        let Some(target) = self.find(target, env)? else { return Ok(()) };
        if let (Some(table), Some(what)) = (self.by_id(target), written_as(dml.kind)) {
            self.refuse_foreign_write(table, what)?;
        }
        self.written_columns(dml, target)
    }

    /// Looks for the columns that a statement writes.
    fn written_columns(&self, dml: &Dml, target: super::ObjectId) -> Result<(), Failure> {
        let Some(relation) = self.by_id(target) else { return Ok(()) };
        if relation.external || relation.columns_unknown {
            return Ok(());
        }
        if let Some(missing) = dml.columns.iter().find(|name| relation.column(name).is_none()) {
            return Err(self.no_column(target, missing));
        }
        if dml.width.is_some_and(|width| width > relation.columns.len()) {
            let message = "INSERT has more expressions than target columns";
            return Err(Failure::new("42601", message, Because::Made(relation.changed)));
        }
        Ok(())
    }

    fn comment(
        &mut self,
        kind: ObjectKind,
        name: &RelationName,
        part: Option<&str>,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find(name, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        if let Some(column) = part
            && kind == ObjectKind::Table
            && !relation.columns_unknown
            && relation.column(column).is_none()
            && relation.constraint(column).is_none()
        {
            return Err(self.no_column(id, column));
        }
        // The server names the constraints of `NOT NULL` itself.
        if let Some(constraint) = part
            && kind == ObjectKind::Other
            && !relation.external
            && !relation.columns_unknown
            && relation.constraint(constraint).is_none()
            && !constraint.ends_with("_not_null")
        {
            let table = &relation.name.name;
            let message =
                format!("constraint \"{constraint}\" for table \"{table}\" does not exist");
            return Err(Failure::new("42704", message, Because::Made(relation.changed)));
        }
        Ok(())
    }

    /// Makes the answer of a server that misses a column.
    pub(super) fn no_column(&self, table: super::ObjectId, column: &str) -> Failure {
        let Some(relation) = self.by_id(table) else {
            return Failure::new("42703", "column does not exist", Because::NeverMade);
        };
        let dropped = relation.extra().dropped_columns.iter().rev();
        let dropped = dropped.filter(|(name, _)| **name == *column).map(|(_, origin)| *origin);
        let because =
            dropped.into_iter().next().map_or(Because::Made(relation.created), Because::Dropped);
        Failure::no_column(column, &relation.name, because)
    }

    /// Takes back what a refused statement did; what it noted stays noted.
    pub(super) fn undo(&mut self, before: Self) {
        let noted = std::mem::take(&mut self.noted);
        *self = before;
        self.noted = noted;
    }

    /// Leaves unknown what an action that the server refuses was to make.
    pub(super) fn leave_unknown(&mut self, name: &RelationName, env: &Env) {
        let noted = std::mem::take(&mut self.noted);
        let full = created_name(name, &env.path);
        self.dropped.remove(&(Space::Relation, full));
        let _ = self.find(name, env);
        self.noted = noted;
    }

    /// Refuses to make a relation where one is there, or a type of that name.
    pub(super) fn refuse_taken(&self, full: &QualifiedName) -> Result<(), Failure> {
        if let Some(there) = self.get(full)
            && !there.external
        {
            return Err(Failure::relation_exists(&full.name, there.created));
        }
        Ok(())
    }

    /// Refuses to make a table or view where a type of that name is there: tables have row types.
    pub(super) fn refuse_taken_type(&self, full: &QualifiedName) -> Result<(), Failure> {
        let found = self.type_names.get(full).and_then(|id| self.type_by_id(*id));
        if let Some(found) = found
            && !matches!(found.kind, TypeKind::External)
        {
            let message = format!("type \"{}\" already exists", full.name);
            return Err(Failure::new("42710", message, Because::Made(found.created)));
        }
        Ok(())
    }

    fn create(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        if create.alters || create.name.is_dynamic() || create.name.name.is_empty() {
            return Ok(());
        }
        self.create_object(create, env)
    }

    fn alter(&mut self, alter: &Alter, env: &Env) -> Result<(), Failure> {
        if alter.name.is_dynamic() {
            return Ok(());
        }
        match &alter.change {
            ObjectChange::Owner(role) => {
                if alter.kind.is_relation() && !alter.if_exists {
                    self.find(&alter.name, env)?;
                }
                let (kind, name) = (alter.kind, alter.name.clone());
                let arguments = alter.arguments.clone();
                let subject = Subject { kind, name, part: None, arguments };
                self.set_owner(self.thing(&subject, env), role, env);
                Ok(())
            }
            _ => self.alter_object(alter, env),
        }
    }

    /// Looks a relation up that may be missing (`IF EXISTS`).
    pub(super) fn find_or_skip(
        &mut self,
        name: &RelationName,
        if_exists: bool,
        env: &Env,
    ) -> Result<Option<super::ObjectId>, Failure> {
        if if_exists { Ok(self.find_if_exists(name, env)) } else { self.find(name, env) }
    }
}

/// Returns how the server's messages say what a statement does with rows; nothing where it only reads.
fn written_as(kind: DmlKind) -> Option<&'static str> {
    match kind {
        DmlKind::Insert | DmlKind::CopyFrom => Some("insert into"),
        DmlKind::Update => Some("update"),
        DmlKind::Delete => Some("delete from"),
        DmlKind::Merge | DmlKind::CopyTo | DmlKind::Select => None,
    }
}
