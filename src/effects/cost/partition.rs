//! Which tables are read where partitions come and go.
//!
//! Sources: `QueuePartitionConstraintValidation`, `check_default_partition_contents` and
//! `RI_PartitionRemove_Check` of PostgreSQL; what servers 12 to 18 did.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::proof::{Comparison, Formula, Value};
use super::{constraint, has_rows, tree};
use crate::catalog::{Catalog, ObjectId, Relation};
use crate::effects::Effects;
use crate::sql::tree::Expr;
use crate::sql::{Expression, PartitionBound, PartitionKey, PartitionStrategy};
use crate::version::PgVersion;

/// Adds what `ATTACH PARTITION` reads: the partition unless its checks prove the bound, and the default
/// partition unless its checks rule the bound out.
pub(super) fn attach(
    (parent, partition): (ObjectId, ObjectId),
    before: &Catalog,
    after: &Catalog,
    version: PgVersion,
    found: &mut Effects,
) {
    let Some(bound) = bound(after, parent, partition) else { return };
    let above = above(before, parent);
    read_unless_proven(before, partition, &Formula::And(vec![above, bound.clone()]), found);
    default_partition(before, parent, partition, bound, found);
    for table in tree(after, partition) {
        constraint::new_foreign_keys(table, before, after, version, found);
    }
}

/// Adds what `CREATE TABLE ... PARTITION OF` reads.
pub(super) fn create(
    (parent, partition): (ObjectId, ObjectId),
    before: &Catalog,
    after: &Catalog,
    found: &mut Effects,
) {
    if let Some(bound) = bound(after, parent, partition) {
        default_partition(before, parent, partition, bound, found);
    }
}

/// Adds what `DETACH PARTITION` reads: where others refer to the table, nothing may refer to the rows.
pub(super) fn detach(partition: ObjectId, before: &Catalog, found: &mut Effects) {
    let refers = |table: &&Relation| {
        has_rows(table) && table.constraints.iter().any(|key| key.references == Some(partition))
    };
    let referring: Vec<&Relation> = before.relations().filter(refers).collect();
    if referring.is_empty() {
        return;
    }
    let tables = tree(before, partition).into_iter().chain(referring);
    found.scans.extend(tables.map(|table| table.name.clone()));
}

/// Reads the default partition unless its checks rule out what a new partition takes.
fn default_partition(
    before: &Catalog,
    parent: ObjectId,
    partition: ObjectId,
    bound: Formula,
    found: &mut Effects,
) {
    if let Some(default) = before.default_partition(parent).filter(|d| d.id != partition) {
        read_unless_proven(before, default.id, &bound.negated(), found);
    }
}

/// Reads a table, or its partitions, unless checks prove what all of its rows must fulfil.
fn read_unless_proven(catalog: &Catalog, id: ObjectId, wanted: &Formula, found: &mut Effects) {
    let mut seen = BTreeSet::new();
    let mut queue = vec![id];
    while let Some(id) = queue.pop() {
        let Some(table) = catalog.by_id(id).filter(|_| seen.insert(id)) else { continue };
        if Formula::of_table(table).implies(wanted) {
            continue;
        }
        if has_rows(table) {
            found.scans.insert(table.name.clone());
        }
        queue.extend(catalog.children(id));
    }
}

/// Returns what the rows of a table fulfil because it is a partition itself.
fn above(catalog: &Catalog, id: ObjectId) -> Formula {
    let mut all = Vec::new();
    let mut at = id;
    while let Some(table) = catalog.by_id(at).filter(|table| table.is_partition()) {
        let Some(parent) = table.parents.first().copied() else { break };
        all.extend(bound(catalog, parent, at));
        at = parent;
    }
    Formula::And(all)
}

/// Returns what the rows of a partition fulfil; nothing if the files at hand do not tell.
fn bound(catalog: &Catalog, parent: ObjectId, partition: ObjectId) -> Option<Formula> {
    let key = catalog.by_id(parent)?.extra().partition_by.as_ref()?;
    let bound = catalog.by_id(partition)?.extra().bound.as_ref()?;
    if !matches!(bound, PartitionBound::Default) {
        return Some(of_bound(key, bound));
    }
    let siblings = catalog.children(parent).filter(|sibling| *sibling != partition);
    let bounds = siblings.filter_map(|sibling| catalog.by_id(sibling)?.extra().bound.as_ref());
    Some(Formula::And(bounds.map(|bound| of_bound(key, bound).negated()).collect()))
}

fn of_bound(key: &PartitionKey, bound: &PartitionBound) -> Formula {
    // Bounds over several columns, and those of expressions, nobody writes as a check.
    let [Some(column)] = &key.columns[..] else { return Formula::Unknown };
    match (key.strategy, bound) {
        (PartitionStrategy::List, PartitionBound::List(values)) => of_list(column, values),
        (PartitionStrategy::Range, PartitionBound::Range(from, to)) => {
            let mut all = vec![Formula::NotNull(column.clone())];
            all.extend(limit(column, Comparison::GreaterOrEqual, from));
            all.extend(limit(column, Comparison::Less, to));
            Formula::And(all)
        }
        _ => Formula::Unknown,
    }
}

fn of_list(column: &Arc<str>, values: &[Expression]) -> Formula {
    let has_null = values.iter().any(|value| value.tree == Expr::Null);
    let values = values.iter().filter(|value| value.tree != Expr::Null);
    let mut any: Vec<Formula> = values
        .map(|value| match Value::of(&value.tree) {
            Some(value) => Formula::Compare(column.clone(), Comparison::Equal, value),
            None => Formula::Unknown,
        })
        .collect();
    if has_null {
        any.push(Formula::Null(column.clone()));
        return Formula::Or(any);
    }
    Formula::And(vec![Formula::NotNull(column.clone()), Formula::Or(any)])
}

/// Returns one side of a range; nothing for `MINVALUE` and `MAXVALUE`.
fn limit(column: &Arc<str>, how: Comparison, side: &[Expression]) -> Option<Formula> {
    let [side] = side else { return Some(Formula::Unknown) };
    if let Expr::Column(name) = &side.tree
        && matches!(&*name.name, "minvalue" | "maxvalue")
    {
        return None;
    }
    match Value::of(&side.tree) {
        Some(value) => Some(Formula::Compare(column.clone(), how, value)),
        None => Some(Formula::Unknown),
    }
}

/// What is known of rows: the values of their columns.
pub(in crate::effects) struct Row(Formula);

impl Row {
    /// Returns what is known of the rows that a `WHERE` lets pass.
    pub(in crate::effects) fn matching(condition: &Expr) -> Self {
        let formula = Formula::of(condition);
        let not_null = formula.strict_columns().into_iter().map(Formula::NotNull);
        Self(Formula::And(not_null.chain([formula.clone()]).collect()))
    }

    /// Returns what is known of a row with these constants.
    pub(in crate::effects) fn of<'e>(
        values: impl Iterator<Item = (&'e Arc<str>, &'e Expr)>,
    ) -> Self {
        let mut all = Vec::new();
        for (column, value) in values {
            if value.is_null() {
                all.push(Formula::Null(column.clone()));
            } else if let Some(value) = Value::of(value) {
                all.push(Formula::NotNull(column.clone()));
                all.push(Formula::Compare(column.clone(), Comparison::Equal, value));
            }
        }
        Self(Formula::And(all))
    }

    /// Returns whether no such row can be in a partition.
    pub(in crate::effects) fn is_ruled_out(
        &self,
        catalog: &Catalog,
        parent: ObjectId,
        partition: ObjectId,
    ) -> bool {
        bound(catalog, parent, partition).is_some_and(|bound| self.0.implies(&bound.negated()))
    }

    /// Returns the partition into which the row goes, where that is certain.
    pub(in crate::effects) fn partition(
        &self,
        catalog: &Catalog,
        parent: ObjectId,
    ) -> Option<ObjectId> {
        let mut partitions = catalog.children(parent);
        partitions.find(|partition| {
            bound(catalog, parent, *partition).is_some_and(|bound| self.0.implies(&bound))
        })
    }
}
