//! What the server refuses about a table without those below it, and about inheritance and partitions.
//!
//! Source: `tablecmds.c` and `partbounds.c` of the server; measured.

use crate::catalog::object::{ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Failure};
use crate::sql::{AlterTable, ConstraintKind, PartitionBound, Rename, RenamedPart, TableChange};
use crate::version::PgVersion;

/// 42P16: a table cannot be so.
fn invalid(message: String, table: &Relation) -> Failure {
    Failure::new("42P16", message, Because::Made(table.created))
}

/// 42809: not this kind of table.
fn wrong(message: impl Into<String>, table: &Relation) -> Failure {
    Failure::new("42809", message, Because::Made(table.created))
}

impl Catalog {
    /// Refuses a subcommand of `ALTER TABLE` that leaves out the tables below, or takes a column that the
    /// table cannot be without.
    pub(super) fn refuse_in_tree(
        &self,
        id: ObjectId,
        alter: &AlterTable,
        version: PgVersion,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        let is_alone = alter.only && self.children(id).next().is_some();
        let is_alone_above = is_alone && table.kind == RelationKind::PartitionedTable;
        let only = |what: &str| {
            let message =
                format!("cannot {what} from only the partitioned table when partitions exist");
            Err(invalid(message, table))
        };
        match &alter.change {
            TableChange::DropColumn { column, .. } => {
                if table.extra().of_type.is_some() {
                    return Err(wrong("cannot drop column from typed table", table));
                }
                let found = table.column(column).filter(|found| found.inherited == 0);
                if found.is_some() && is_in_key(table, column) {
                    let message = format!(
                        "cannot drop column \"{column}\" because it is part of the partition key of relation \"{}\"",
                        table.name.name
                    );
                    return Err(invalid(message, table));
                }
                if found.is_some() && is_alone_above { only("drop column") } else { Ok(()) }
            }
            TableChange::SetNotNull { column } if is_alone_above => {
                let mut below = self.children(id).filter_map(|child| self.by_id(child));
                let is_nullable =
                    below.any(|child| child.column(column).is_some_and(|found| !found.not_null));
                match is_nullable {
                    true => {
                        let message = "constraint must be added to child tables too".to_owned();
                        Err(invalid(message, table))
                    }
                    false => Ok(()),
                }
            }
            TableChange::DropNotNull { .. } if is_alone_above && version.major < 18 => {
                only("remove constraint")
            }
            TableChange::DropConstraint { name, .. } if is_alone_above => {
                let is_check = table.constraint(name).is_some_and(is_passed_on);
                if is_check { only("remove constraint") } else { Ok(()) }
            }
            TableChange::ValidateConstraint { name } if is_alone => {
                let found = table.constraint(name).filter(|found| !found.validated);
                match found.is_some_and(is_passed_on) {
                    true => {
                        let message = "constraint must be validated on child tables too".to_owned();
                        Err(invalid(message, table))
                    }
                    false => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Refuses to rename a part of a table without those below it, or a constraint that came from above.
    pub(super) fn refuse_rename_in_tree(
        &self,
        id: ObjectId,
        rename: &Rename,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id).filter(|table| !table.external) else { return Ok(()) };
        let is_alone = rename.only && self.children(id).next().is_some();
        let message = match &rename.part {
            RenamedPart::Column(name) if is_alone && table.column(name).is_some() => {
                format!("inherited column \"{name}\" must be renamed in child tables too")
            }
            RenamedPart::Constraint(name) => {
                let Some(found) = table.constraint(name).filter(|c| is_passed_on(c)) else {
                    return Ok(());
                };
                match (found.inherited > 0, is_alone) {
                    (true, _) => format!("cannot rename inherited constraint \"{name}\""),
                    (_, true) => {
                        format!(
                            "inherited constraint \"{name}\" must be renamed in child tables too"
                        )
                    }
                    _ => return Ok(()),
                }
            }
            _ => return Ok(()),
        };
        Err(invalid(message, table))
    }

    /// Refuses `INHERIT` of a table that cannot be below another, or lacks its columns.
    pub(super) fn refuse_inherit(&self, id: ObjectId, parent: ObjectId) -> Result<(), Failure> {
        let (Some(table), Some(above)) = (self.by_id(id), self.by_id(parent)) else {
            return Ok(());
        };
        if table.external || above.external {
            return Ok(());
        }
        if table.kind == RelationKind::PartitionedTable {
            return Err(wrong("cannot change inheritance of partitioned table", table));
        }
        if table.is_partition() {
            return Err(wrong("cannot change inheritance of a partition", table));
        }
        if above.kind == RelationKind::PartitionedTable {
            let message = format!("cannot inherit from partitioned table \"{}\"", above.name.name);
            return Err(wrong(message, above));
        }
        if table.parents.contains(&parent) {
            let message =
                format!("relation \"{}\" would be inherited from more than once", above.name.name);
            return Err(Failure::new("42P07", message, Because::Made(table.changed)));
        }
        if id == parent || above.parents.contains(&id) {
            let message = "circular inheritance not allowed";
            return Err(Failure::new("42P07", message, Because::Made(above.changed)));
        }
        let lacks = |name: &str| table.column(name).is_none();
        match above.columns.iter().find(|column| lacks(&column.name)) {
            Some(column) if !table.columns_unknown => {
                let message = format!("child table is missing column \"{}\"", column.name);
                Err(Failure::new("42804", message, Because::Made(table.changed)))
            }
            _ => Ok(()),
        }
    }

    /// Refuses `NO INHERIT` of a table that is not below the other.
    pub(super) fn refuse_no_inherit(&self, id: ObjectId, parent: ObjectId) -> Result<(), Failure> {
        let (Some(table), Some(above)) = (self.by_id(id), self.by_id(parent)) else {
            return Ok(());
        };
        if table.external || above.external || table.parents.contains(&parent) {
            return Ok(());
        }
        let (table_name, above) = (&table.name.name, &above.name.name);
        let message = format!("relation \"{above}\" is not a parent of relation \"{table_name}\"");
        Err(Failure::new("42P01", message, Because::Made(table.changed)))
    }

    /// Refuses a partition that takes what another one takes, as far as the spelling of the bounds tells.
    pub(super) fn refuse_overlap(
        &self,
        parent: ObjectId,
        name: &str,
        bound: Option<&PartitionBound>,
    ) -> Result<(), Failure> {
        let Some(bound) = bound else { return Ok(()) };
        let siblings = self.children(parent).filter_map(|sibling| self.by_id(sibling));
        for sibling in siblings.filter(|sibling| sibling.is_partition()) {
            let Some(there) = &sibling.extra().bound else { continue };
            let other = &sibling.name.name;
            let message = match (bound, there) {
                (PartitionBound::Default, PartitionBound::Default) => {
                    format!(
                        "partition \"{name}\" conflicts with existing default partition \"{other}\""
                    )
                }
                (PartitionBound::List(new), PartitionBound::List(old))
                    if new.iter().any(|value| old.iter().any(|o| o.tree == value.tree)) =>
                {
                    format!("partition \"{name}\" would overlap partition \"{other}\"")
                }
                (PartitionBound::Range(new, end), PartitionBound::Range(old, old_end))
                    if is_same(new, old) && is_same(end, old_end) =>
                {
                    format!("partition \"{name}\" would overlap partition \"{other}\"")
                }
                _ => continue,
            };
            return Err(Failure::new("42P17", message, Because::Made(sibling.changed)));
        }
        Ok(())
    }
}

fn is_same(a: &[crate::sql::Expression], b: &[crate::sql::Expression]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.tree == b.tree)
}

fn is_in_key(table: &Relation, column: &str) -> bool {
    let key = table.extra().partition_by.as_ref();
    key.is_some_and(|key| key.columns.iter().flatten().any(|name| **name == *column))
}

/// Returns whether the tables below have a constraint too.
fn is_passed_on(constraint: &crate::catalog::Constraint) -> bool {
    constraint.kind == ConstraintKind::Check && !constraint.no_inherit
}
