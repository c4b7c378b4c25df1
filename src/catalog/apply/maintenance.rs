//! `REFRESH MATERIALIZED VIEW`, `CLUSTER`, and what publications and triggers cannot be on.

use crate::catalog::object::{ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{RelationName, TriggerDefinition};

impl Catalog {
    /// `REFRESH MATERIALIZED VIEW`.
    ///
    /// Source: `RefreshMatViewByOid` of the server's `matview.c`.
    pub(super) fn refresh(
        &mut self,
        name: &RelationName,
        concurrently: bool,
        no_data: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find(name, env)? else { return Ok(()) };
        let Some(view) = self.by_id(id).filter(|view| !view.external) else { return Ok(()) };
        let because = Because::Made(view.created);
        let short = &view.name.name;
        if !matches!(
            view.kind,
            RelationKind::MaterializedView | RelationKind::Table | RelationKind::PartitionedTable
        ) {
            let message = format!("\"{short}\" is not a table or materialized view");
            return Err(Failure::new("42809", message, because));
        }
        if view.kind != RelationKind::MaterializedView {
            let message = format!("\"{short}\" is not a materialized view");
            return Err(Failure::new("0A000", message, because));
        }
        if concurrently && no_data {
            let message = "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together";
            return Err(Failure::new("42601", message, Because::Always));
        }
        let is_usable = |index: &crate::catalog::Index| {
            index.unique
                && !index.partial
                && index.valid
                && index.columns.iter().all(Option::is_some)
        };
        if concurrently && !view.indexes.iter().any(is_usable) {
            let message =
                format!("cannot refresh materialized view \"{}\" concurrently", view.name);
            let hint = "Create a unique index with no WHERE clause on one or more columns of the \
                        materialized view.";
            return Err(Failure::new("55000", message, because).detail(hint));
        }
        Ok(())
    }

    /// `CLUSTER` of one table.
    pub(super) fn cluster(
        &mut self,
        name: &RelationName,
        index: Option<&str>,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find(name, env)? else { return Ok(()) };
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        if table.kind == RelationKind::PartitionedTable && env.version.major < 15 {
            let message = "cannot cluster a partitioned table";
            return Err(Failure::new("0A000", message, Because::Made(table.created)));
        }
        match index {
            // Of a partitioned table nothing is noted.
            Some(_) if table.kind == RelationKind::PartitionedTable => Ok(()),
            Some(index) => self.cluster_on(id, Some(index), env),
            None => match table.extra().clustered.and_then(|index| self.by_id(index)) {
                None if table.is_table() && table.kind != RelationKind::PartitionedTable => {
                    let message = format!(
                        "there is no previously clustered index for table \"{}\"",
                        table.name.name
                    );
                    Err(Failure::new("42704", message, Because::Made(table.created)))
                }
                _ => Ok(()),
            },
        }
    }

    /// Notes the index by which a table is sorted.
    pub(super) fn cluster_on(
        &mut self,
        id: ObjectId,
        index: Option<&str>,
        env: &Env,
    ) -> Result<(), Failure> {
        if let Some(index) = index {
            self.need_index(id, index)?;
        }
        let indexes = self.by_id(id).into_iter().flat_map(|table| &table.indexes);
        let found =
            indexes.filter(|found| Some(&*found.name) == index).map(|found| found.id).next();
        self.change(id, |table| {
            table.changed = env.origin;
            table.extra_mut().clustered = found;
        });
        Ok(())
    }
}

/// Refuses what a publication cannot hold: partitioned tables before version 13.
pub(super) fn refuse_published(table: &Relation, env: &Env) -> Result<(), Failure> {
    if table.kind == RelationKind::PartitionedTable && env.version.major < 13 {
        let message = format!("\"{}\" is a partitioned table", table.name.name);
        return Err(Failure::new("0A000", message, Because::Made(table.created)));
    }
    Ok(())
}

/// Refuses a trigger of a kind that a relation cannot have.
///
/// Source: `CreateTriggerFiringOn` of the server's `trigger.c`.
pub(super) fn refuse_trigger(
    on: &Relation,
    trigger: &TriggerDefinition,
    env: &Env,
) -> Result<(), Failure> {
    use RelationKind::{ForeignTable, PartitionedTable, Table, View};
    let shown = format!("\"{}\"", on.name.name);
    let refuse =
        |sqlstate, message: String| Err(Failure::new(sqlstate, message, Because::Made(on.created)));
    let row = trigger.for_each_row;
    match on.kind {
        Table | PartitionedTable | ForeignTable if trigger.instead => {
            refuse("42809", format!("{shown} is a table"))
        }
        PartitionedTable if row && !trigger.after && env.version.major < 13 => {
            refuse("42809", format!("{shown} is a partitioned table"))
        }
        View if row && !trigger.instead => refuse("42809", format!("{shown} is a view")),
        Table | PartitionedTable | View => Ok(()),
        ForeignTable if trigger.is_constraint => {
            refuse("42809", format!("{shown} is a foreign table"))
        }
        ForeignTable => Ok(()),
        _ => refuse("42809", format!("{shown} is not a table or view")),
    }
}
