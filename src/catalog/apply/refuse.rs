//! What the server refuses about whole hierarchies of tables, and statements that change no object.

use crate::catalog::object::{ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{
    ConstraintDefinition, ConstraintKind, PartitionBound, ReindexTarget, RelationName,
};

impl Catalog {
    /// Returns the default partition of a partitioned table.
    pub fn default_partition(&self, parent: ObjectId) -> Option<&Relation> {
        let mut children = self.children(parent).filter_map(|child| self.by_id(child));
        children.find(|child| {
            child.is_partition() && matches!(child.extra().bound, Some(PartitionBound::Default))
        })
    }

    /// Returns the sequences that the columns of a table own.
    pub fn sequences_of(&self, table: ObjectId) -> Vec<ObjectId> {
        let Some(found) = self.by_id(table) else { return Vec::new() };
        let numbers = found.columns.iter().map(|column| column.number);
        numbers.flat_map(|number| self.owned_sequences(table, number)).collect()
    }

    /// Makes the answer to `DETACH PARTITION` of a table that is none.
    pub(super) fn not_a_partition(&self, child: ObjectId, parent: ObjectId) -> Failure {
        let name = |id| self.by_id(id).map_or_else(String::new, |r| r.name.name.to_string());
        let message = format!(
            "relation \"{}\" is not a partition of relation \"{}\"",
            name(child),
            name(parent)
        );
        let made = self.by_id(child).map_or(Because::Always, |r| Because::Made(r.changed));
        Failure::new("42P01", message, made)
    }

    /// Refuses `DETACH PARTITION CONCURRENTLY` where rows would have to go to a default partition.
    pub(super) fn refuse_detach(&self, id: ObjectId, concurrently: bool) -> Result<(), Failure> {
        match self.default_partition(id).filter(|_| concurrently) {
            Some(default) => {
                let message =
                    "cannot detach partitions concurrently when a default partition exists";
                Err(Failure::new("55000", message, Because::Made(default.changed)))
            }
            None => Ok(()),
        }
    }

    /// Refuses a constraint that a table cannot have without those below it, or with them.
    ///
    /// Source: `ATAddCheckConstraint` and `ATAddForeignKeyConstraint` of PostgreSQL; measured.
    pub(super) fn refuse_constraint_of_tree(
        &self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        only: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let made = Because::Made(table.created);
        let no_inherit = definition.options.as_ref().is_some_and(|options| options.no_inherit);
        match definition.kind {
            ConstraintKind::Check | ConstraintKind::NotNull
                if only && !no_inherit && self.children(id).next().is_some() =>
            {
                let message = "constraint must be added to child tables too";
                Err(Failure::new("42P16", message, made))
            }
            ConstraintKind::ForeignKey if table.is_partitioned() => {
                let Some(target) = &definition.references else { return Ok(()) };
                let (table, target) = (&table.name.name, &target.name);
                let what = match (only, definition.validated, env.version.major) {
                    (true, ..) => "use ONLY for foreign key",
                    (false, false, ..=17) => "add NOT VALID foreign key",
                    _ => return Ok(()),
                };
                let message = format!(
                    "cannot {what} on partitioned table \"{table}\" referencing relation \"{target}\""
                );
                Err(Failure::new("42809", message, made))
            }
            _ => Ok(()),
        }
    }

    /// Refuses a primary key on a column whose not-null constraint is not validated (18).
    pub(super) fn refuse_key_not_known_not_null(
        &self,
        id: ObjectId,
        definition: &ConstraintDefinition,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let not_valid = table.constraints.iter().find(|found| {
            found.kind == ConstraintKind::NotNull
                && !found.validated
                && found.columns.iter().any(|column| definition.columns.contains(column))
        });
        let Some(found) = not_valid else { return Ok(()) };
        let column = found.columns.first().map(String::as_str).unwrap_or_default();
        let message = format!("cannot create primary key on column \"{column}\"");
        let detail = format!(
            "The constraint \"{}\" on column \"{column}\" of table \"{}\", marked NOT VALID, is incompatible with a primary key.",
            found.name, table.name.name
        );
        Err(Failure::new("55000", message, Because::Made(found.created)).detail(detail))
    }

    /// Refuses a foreign key from a table to one that does not live as long.
    ///
    /// Source: `ATAddForeignKeyConstraint` of PostgreSQL.
    pub(super) fn refuse_other_persistence(
        &self,
        id: ObjectId,
        target: ObjectId,
    ) -> Result<(), Failure> {
        let (Some(table), Some(other)) = (self.by_id(id), self.by_id(target)) else {
            return Ok(());
        };
        if table.external || other.external {
            return Ok(());
        }
        let (own, allowed) = match (table.temporary, table.unlogged) {
            (true, _) if !other.temporary => ("temporary", "temporary"),
            (false, true) if other.temporary => ("unlogged", "permanent or unlogged"),
            (false, false) if other.temporary || other.unlogged => ("permanent", "permanent"),
            _ => return Ok(()),
        };
        let message = format!("constraints on {own} tables may reference only {allowed} tables");
        Err(Failure::new("42P16", message, Because::Made(other.created)))
    }

    /// Refuses `LOCK TABLE` of what is neither a table nor a view.
    pub(super) fn refuse_lock(&self, id: ObjectId) -> Result<(), Failure> {
        use RelationKind::{ForeignTable, PartitionedTable, Table, View};
        let Some(found) = self.by_id(id).filter(|found| !found.external) else { return Ok(()) };
        if matches!(found.kind, Table | PartitionedTable | View | ForeignTable) {
            return Ok(());
        }
        let message = format!("\"{}\" is not a table or view", found.name.name);
        Err(Failure::new("42809", message, Because::Made(found.created)))
    }

    /// Refuses to empty a table that others refer to.
    pub(super) fn refuse_truncate(
        &mut self,
        table: &RelationName,
        cascade: bool,
        with: &[RelationName],
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find(table, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        if relation.kind == RelationKind::ForeignTable && env.version.major < 14 {
            let message = format!("\"{}\" is not a table", relation.name.name);
            return Err(Failure::new("42809", message, Because::Made(relation.created)));
        }
        if !relation.is_table() && !relation.external {
            let message = format!("\"{}\" is not a table", relation.name.name);
            return Err(Failure::new("42809", message, Because::Made(relation.created)));
        }
        self.refuse_foreign_write(relation, "truncate")?;
        if cascade {
            return Ok(());
        }
        let named = with.iter().filter_map(|name| self.find_if_exists(name, env));
        let mut emptied: Vec<ObjectId> = named.chain([id]).collect();
        let mut at = 0;
        while let Some(next) = emptied.get(at).copied() {
            emptied.extend(self.children(next));
            at += 1;
        }
        let referring = self.relations().filter(|other| !emptied.contains(&other.id));
        for other in referring {
            let key = other
                .constraints
                .iter()
                .find(|key| key.kind == ConstraintKind::ForeignKey && key.references == Some(id));
            if let Some(key) = key {
                let detail =
                    format!("Table \"{}\" references \"{}\".", other.name.name, relation.name.name);
                let message = "cannot truncate a table referenced in a foreign key constraint";
                let because = Because::Made(key.created);
                return Err(Failure::new("0A000", message, because).detail(detail));
            }
        }
        Ok(())
    }

    /// Refuses to rebuild an index of a partitioned table where the server cannot yet (12, 13).
    pub(super) fn refuse_reindex(
        &self,
        target: &ReindexTarget,
        concurrently: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let ReindexTarget::Index(name) = target else { return Ok(()) };
        let found = self.relation(name, &env.path).found();
        let Some(index) = found.filter(|index| index.kind == RelationKind::PartitionedIndex) else {
            return Ok(());
        };
        if env.version.major >= 14 || concurrently {
            return Ok(());
        }
        let message = "REINDEX is not yet implemented for partitioned indexes";
        Err(Failure::new("0A000", message, Because::Made(index.created)))
    }
}

/// Refuses a temporary relation in a schema that is for others.
///
/// Source: PostgreSQL 12 to 18, `RangeVarGetAndCheckCreationNamespace`; tried on 15.
pub(super) fn refuse_temporary_in(name: &RelationName, is_temporary: bool) -> Result<(), Failure> {
    let is_own = |schema: &str| schema.starts_with("pg_temp");
    if !is_temporary || name.schema.as_deref().is_none_or(is_own) {
        return Ok(());
    }
    let message = "cannot create temporary relation in non-temporary schema";
    Err(Failure::new("42P16", message, Because::Always))
}
