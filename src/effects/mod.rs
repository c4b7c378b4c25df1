//! What an action does to a running server: which relations it locks and in which mode, and whether
//! the server refuses it inside a transaction block.
//!
//! Sources: PostgreSQL documentation ("Explicit Locking", the pages of the statements), and what
//! servers 12 to 18 did in `tests/postgres.rs`.

mod cost;
mod locks;
mod transaction;
mod work;

pub(crate) use cost::pending_proof;
pub use locks::{Lock, locks};
pub use transaction::{ends_transaction, refused_in_transaction};
pub use work::{Act, Effects, MOST_ACTS, acts, effects};

use crate::sql::{Action, ObjectKind, RelationName, TableChange};

/// Returns the relations that must exist for `action` to succeed.
pub fn needed(action: &Action) -> Vec<&RelationName> {
    match action {
        Action::CreateIndex(create) => vec![&create.table],
        Action::AlterTable(alter) if !alter.if_exists => {
            let mut names = vec![&alter.table];
            match &alter.change {
                TableChange::AddColumn { column, .. } => {
                    names.extend(column.constraints.iter().filter_map(|c| c.references.as_ref()));
                }
                TableChange::AddConstraint(definition) => names.extend(&definition.references),
                TableChange::AttachPartition { partition, .. }
                | TableChange::DetachPartition { partition, .. } => names.push(partition),
                _ => {}
            }
            names
        }
        Action::CreateTable(create) => {
            let own = create.name.as_ref();
            let inline = create.columns.iter().flat_map(|column| &column.constraints);
            let references =
                inline.chain(&create.constraints).filter_map(|c| c.references.as_ref());
            let above = create
                .partition_of
                .iter()
                .chain(&create.inherits)
                .chain(create.like.iter().map(|clause| &clause.table));
            references.chain(above).filter(|name| Some(*name) != own).collect()
        }
        Action::Truncate { table, .. } | Action::Lock { table, .. } => vec![table],
        Action::Drop(drop)
            if !drop.if_exists
                && matches!(
                    drop.kind,
                    ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView
                ) =>
        {
            vec![&drop.name]
        }
        Action::Rename(rename) if !rename.if_exists && rename.kind == ObjectKind::Table => {
            vec![&rename.name]
        }
        Action::Dml(dml) => dml.target.iter().collect(),
        _ => Vec::new(),
    }
}
