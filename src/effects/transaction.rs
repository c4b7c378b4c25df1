//! Which actions the server refuses inside a transaction block.

use crate::catalog::{Catalog, RelationKind, SearchPath};
use crate::sql::{Action, ObjectKind, ReindexTarget, RelationName, TableChange, TransactionAction};
use crate::version::PgVersion;

/// Returns the command, as the server's message names it, if the server refuses `action` inside a
/// transaction block (SQLSTATE 25001: "... cannot run inside a transaction block").
pub fn refused_in_transaction(
    action: &Action,
    catalog: &Catalog,
    path: &SearchPath,
    version: PgVersion,
) -> Option<&'static str> {
    let is_partitioned = |name: &RelationName| {
        use RelationKind::{PartitionedIndex, PartitionedTable};
        let found = catalog.relation(name, path).found();
        found.is_some_and(|found| matches!(found.kind, PartitionedTable | PartitionedIndex))
    };
    match action {
        Action::CreateIndex(create) if create.concurrently => Some("CREATE INDEX CONCURRENTLY"),
        Action::Drop(drop) if drop.concurrently => Some("DROP INDEX CONCURRENTLY"),
        Action::Drop(drop) => match drop.kind {
            ObjectKind::Database => Some("DROP DATABASE"),
            ObjectKind::Tablespace => Some("DROP TABLESPACE"),
            _ => None,
        },
        Action::Reindex { target, concurrently } => match target {
            _ if *concurrently => Some("REINDEX CONCURRENTLY"),
            ReindexTarget::Schema(_) => Some("REINDEX SCHEMA"),
            ReindexTarget::Many("SYSTEM") => Some("REINDEX SYSTEM"),
            ReindexTarget::Many(_) => Some("REINDEX DATABASE"),
            // Versions 12 and 13 only warn that they do not reindex partitioned relations.
            ReindexTarget::Table(name) if version.major >= 14 && is_partitioned(name) => {
                Some("REINDEX TABLE")
            }
            ReindexTarget::Index(name) if version.major >= 14 && is_partitioned(name) => {
                Some("REINDEX INDEX")
            }
            ReindexTarget::Table(_) | ReindexTarget::Index(_) => None,
        },
        Action::Vacuum { .. } => Some("VACUUM"),
        Action::Cluster { table: None, .. } => Some("CLUSTER"),
        Action::Cluster { table: Some(name), .. }
            if version.major >= 15 && is_partitioned(name) =>
        {
            Some("CLUSTER")
        }
        Action::AlterTable(alter) => match &alter.change {
            TableChange::DetachPartition { concurrently: true, .. } => {
                Some("ALTER TABLE ... DETACH CONCURRENTLY")
            }
            _ => None,
        },
        Action::Transaction(TransactionAction::FinishPrepared) => Some("COMMIT PREPARED"),
        Action::NonTransactional { command } => Some(command),
        _ => None,
    }
}

/// Returns whether `action` runs code that ends its transaction: inside a transaction block the server
/// refuses that (SQLSTATE 2D000).
pub fn ends_transaction(action: &Action, catalog: &Catalog, path: &SearchPath) -> bool {
    match action {
        Action::Do(block) => block.ends_transaction,
        Action::Call { call } => {
            let schemas = call.name.schema.iter().chain(path.iter());
            let schemas = schemas.take(call.name.schema.as_ref().map_or(usize::MAX, |_| 1));
            let schemas: Vec<_> = schemas.collect();
            let named = catalog.functions().filter(|function| {
                function.name.name == call.name.name && schemas.contains(&&function.name.schema)
            });
            let mut bodies = named.filter_map(|function| function.body.as_deref());
            bodies.any(ends_in_body)
        }
        _ => false,
    }
}

/// Returns whether a body has a statement `COMMIT` or `ROLLBACK`.
fn ends_in_body(body: &str) -> bool {
    let is_end =
        |word: &str| word.eq_ignore_ascii_case("commit") || word.eq_ignore_ascii_case("rollback");
    let starts = body.split(';').filter_map(|part| part.split_whitespace().next_back());
    starts.into_iter().any(is_end)
}
