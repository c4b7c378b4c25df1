//! Where relations are stored, and how: tablespaces, access methods, storage parameters and storage.

use std::sync::Arc;

use crate::catalog::object::{ObjectId, Relation, RelationKind, TypeKind};
use crate::catalog::{Because, Catalog, Env, Failure, builtin};
use crate::sql::{ObjectKind, RelationName};

/// The tablespace of most databases.
const DEFAULT: &str = "pg_default";

/// The types of the extensions of PostgreSQL's distribution whose values may be stored outside of the row.
///
/// Source: `pg_type.typstorage` of servers with all of these extensions.
const STORED_OUTSIDE: [&str; 5] = ["citext", "hstore", "lquery", "ltree", "ltxtquery"];

impl Relation {
    /// Notes the tablespace that a statement names.
    pub(super) fn set_tablespace(&mut self, name: Option<&Arc<str>>) {
        let Some(name) = name else { return };
        let other = Some(name.clone()).filter(|name| **name != *DEFAULT);
        if self.extra().tablespace != other {
            self.extra_mut().tablespace = other;
        }
    }

    /// Returns whether `SET TABLESPACE` writes its file anew, because it is elsewhere.
    pub fn moves_to(&self, tablespace: &str) -> bool {
        self.extra().tablespace.as_deref().unwrap_or(DEFAULT) != tablespace
    }
}

impl Catalog {
    /// Returns what `ALTER ... ALL IN TABLESPACE` moves.
    ///
    /// Source: `AlterTableMoveAll` of the server's `tablecmds.c`.
    pub fn all_in_tablespace(
        &self,
        from: &str,
        objects: ObjectKind,
        to: &str,
        roles: &[Arc<str>],
    ) -> Vec<&Relation> {
        use RelationKind::{Index, MaterializedView, PartitionedIndex, PartitionedTable, Table};
        let is_meant = |relation: &&Relation| {
            let is_kind = match objects {
                ObjectKind::Index => matches!(relation.kind, Index | PartitionedIndex),
                ObjectKind::MaterializedView => relation.kind == MaterializedView,
                _ => matches!(relation.kind, Table | PartitionedTable),
            };
            is_kind && !relation.external && !relation.temporary && !relation.moves_to(from)
        };
        if from == to {
            return Vec::new();
        }
        let owned = self.owned_by(roles);
        let is_theirs = |relation: &&Relation| {
            let table = relation.uses.first().filter(|_| relation.is_index());
            roles.is_empty() || owned.contains(table.unwrap_or(&relation.id))
        };
        self.relations().filter(is_meant).filter(is_theirs).collect()
    }

    pub(super) fn move_all(
        &mut self,
        from: &str,
        objects: ObjectKind,
        to: &Arc<str>,
        roles: &[Arc<str>],
        env: &Env,
    ) {
        let all = self.all_in_tablespace(from, objects, to, roles);
        let all: Vec<ObjectId> = all.into_iter().map(|relation| relation.id).collect();
        for id in all {
            self.change(id, |relation| {
                relation.changed = env.origin;
                relation.set_tablespace(Some(to));
            });
        }
    }

    /// Refuses another access method for a partitioned table before version 17.
    pub(super) fn refuse_access_method(&self, id: ObjectId, env: &Env) -> Result<(), Failure> {
        match self.by_id(id) {
            Some(table)
                if table.kind == RelationKind::PartitionedTable
                    && (15..17).contains(&env.version.major) =>
            {
                let message = "cannot change access method of a partitioned table";
                Err(Failure::new("42809", message, Because::Made(table.created)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses storage parameters of a partitioned table, which has no storage.
    ///
    /// Source: `partitioned_table_reloptions` of the server's `reloptions.c`.
    pub(super) fn refuse_options(
        &self,
        id: ObjectId,
        set: &[(Arc<str>, Arc<str>)],
        env: &Env,
    ) -> Result<(), Failure> {
        let is_own = |name: &str| !name.contains('.') && name != "oids";
        let Some((name, _)) = set.iter().find(|(name, _)| is_own(name)) else { return Ok(()) };
        let Some(table) = self.by_id(id).filter(|t| t.kind == RelationKind::PartitionedTable)
        else {
            return Ok(());
        };
        let (sqlstate, message) = if env.version.major >= 16 {
            ("42809", "cannot specify storage parameters for a partitioned table".to_owned())
        } else {
            ("22023", format!("unrecognized parameter \"{name}\""))
        };
        Err(Failure::new(sqlstate, message, Because::Made(table.created)))
    }

    /// Refuses to complete a `DETACH PARTITION ... CONCURRENTLY` that nobody began.
    pub(super) fn refuse_finish(
        &mut self,
        id: ObjectId,
        partition: &RelationName,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(found) = self.find(partition, env)? else { return Ok(()) };
        let Some(found) = self.by_id(found) else { return Ok(()) };
        // One that was detached may be there still: the server was stopped halfway.
        if !found.parents.contains(&id) || !found.is_partition() {
            return Ok(());
        }
        let message = format!("cannot complete detaching partition \"{}\"", found.name.name);
        let detail = "There's no pending concurrent detach.";
        Err(Failure::new("55000", message, Because::Made(found.changed)).detail(detail))
    }

    /// Refuses another storage than `PLAIN` for a column of a type of a fixed length.
    ///
    /// Source: `GetAttributeStorage` of the server's `tablecmds.c`.
    pub(super) fn refuse_storage(
        &self,
        id: ObjectId,
        column: &str,
        storage: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(column) = self.by_id(id).and_then(|table| table.column(column)) else {
            return Ok(());
        };
        let of = (&column.type_name, column.type_id);
        let found = self.builtin_base(of, env);
        let found = found.and_then(|name| builtin::type_named(name, env.version));
        if matches!(storage, "plain" | "default") || found.is_none_or(|found| found.length <= 0) {
            return Ok(());
        }
        let shown = self.format_type(&column.type_name, column.type_id);
        let message = format!("column data type {shown} can only have storage PLAIN");
        Err(Failure::new("0A000", message, Because::Made(column.created)))
    }

    /// `ALTER TYPE ... SET (STORAGE = ...)`.
    ///
    /// Source: `AlterType` of the server's `typecmds.c`.
    pub(super) fn set_type_storage(
        &mut self,
        name: &RelationName,
        storage: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let found = self.type_if_exists(name, env).and_then(|id| self.type_by_id(id));
        let Some(found) = found.filter(|_| env.version.major >= 13) else { return Ok(()) };
        let because = Because::Made(found.created);
        let is_base = matches!(found.kind, TypeKind::Base | TypeKind::External);
        if !is_base {
            let message = format!("{} is not a base type", found.name.name);
            return Err(Failure::new("42809", message, because));
        }
        let is_outside = found.extension.is_some() && STORED_OUTSIDE.contains(&&*found.name.name);
        if storage == "plain" && is_outside {
            let message = "cannot change type's storage to PLAIN";
            return Err(Failure::new("42P17", message, because));
        }
        Ok(())
    }
}
