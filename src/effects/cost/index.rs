//! Which tables are read, and which indexes are built, where a statement is about indexes or empties
//! tables.

use std::collections::BTreeSet;

use super::{has_rows, rebuild, tree};
use crate::catalog::{Catalog, ObjectId, Relation, RelationKind};
use crate::effects::Effects;
use crate::replay::State;
use crate::sql::{ConstraintKind, ReindexTarget, RelationName};

/// Returns the tables that `REINDEX SCHEMA` or `REINDEX DATABASE` rebuilds the indexes of.
pub(in crate::effects) fn reindexed(catalog: &Catalog, target: &ReindexTarget) -> Vec<ObjectId> {
    let is_meant = |table: &&Relation| match target {
        ReindexTarget::Schema(schema) => *table.name.schema == **schema,
        _ => true,
    };
    let tables = catalog.relations().filter(|table| has_rows(table) && !table.temporary);
    tables.filter(is_meant).map(|table| table.id).collect()
}

/// Returns the parts of an index of a partitioned table that are built, each with its table.
pub(in crate::effects) fn parts_of_index(
    catalog: &Catalog,
    index: ObjectId,
) -> Vec<(ObjectId, ObjectId)> {
    let mut above = BTreeSet::from([index]);
    let mut found = Vec::new();
    let top = catalog.by_id(index).and_then(|index| index.uses.first().copied());
    let mut queue: Vec<ObjectId> = top.into_iter().collect();
    while let Some(table) = queue.pop() {
        let children: Vec<ObjectId> = catalog.children(table).collect();
        for child in children.iter().filter_map(|child| catalog.by_id(*child)) {
            for part in &child.indexes {
                if part.parent.is_some_and(|parent| above.contains(&parent)) {
                    above.insert(part.id);
                    if has_rows(child) {
                        found.push((child.id, part.id));
                    }
                }
            }
        }
        queue.extend(children);
    }
    found
}

/// Adds what `REINDEX` builds.
pub(super) fn reindex(
    target: &ReindexTarget,
    catalog: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let path = &state.session.search_path;
    let find = |name: &RelationName| catalog.relation(name, path).found();
    let is_done = |relation: &Relation| {
        use RelationKind::{PartitionedIndex, PartitionedTable};
        // 12 and 13 only warn that they do not reindex partitioned relations.
        state.version.major >= 14 || !matches!(relation.kind, PartitionedTable | PartitionedIndex)
    };
    match target {
        ReindexTarget::Table(name) => {
            let Some(table) = find(name).filter(|table| is_done(table)) else { return };
            let tables = match table.is_partitioned() {
                true => tree(catalog, table.id),
                false => vec![table],
            };
            tables.into_iter().for_each(|table| rebuild(table, found));
        }
        ReindexTarget::Index(name) => {
            let Some(index) = find(name).filter(|index| is_done(index)) else { return };
            let parts = match index.kind {
                RelationKind::PartitionedIndex => parts_of_index(catalog, index.id),
                _ => index.uses.iter().map(|table| (*table, index.id)).collect(),
            };
            for (table, part) in parts {
                found.scans.extend(catalog.name_of(table).cloned());
                found.index_builds.extend(catalog.name_of(part).cloned());
            }
        }
        ReindexTarget::Schema(_) | ReindexTarget::Many("DATABASE") => {
            for table in reindexed(catalog, target) {
                if let Some(table) = catalog.by_id(table) {
                    rebuild(table, found);
                }
            }
        }
        ReindexTarget::Many(_) => {}
    }
}

/// Returns the tables that `TRUNCATE` empties, those above partitions included.
pub(in crate::effects) fn emptied(
    catalog: &Catalog,
    table: ObjectId,
    only: bool,
    cascade: bool,
) -> BTreeSet<ObjectId> {
    let mut emptied = BTreeSet::from([table]);
    let mut queue = vec![(table, only)];
    while let Some((id, only)) = queue.pop() {
        let mut next: Vec<ObjectId> = Vec::new();
        if !only {
            next.extend(catalog.children(id));
        }
        if cascade {
            let refers = |table: &&Relation| {
                table
                    .constraints
                    .iter()
                    .any(|key| key.kind == ConstraintKind::ForeignKey && key.references == Some(id))
            };
            next.extend(catalog.relations().filter(refers).map(|table| table.id));
        }
        for id in next {
            if emptied.insert(id) {
                queue.push((id, false));
            }
        }
    }
    emptied
}

/// Adds the empty indexes that `TRUNCATE` makes.
pub(super) fn truncate(catalog: &Catalog, tables: &BTreeSet<ObjectId>, found: &mut Effects) {
    for table in tables.iter().filter_map(|id| catalog.by_id(*id)).filter(|t| has_rows(t)) {
        let names = table.indexes.iter().map(|index| table.name.sibling(index.name.clone()));
        found.index_builds.extend(names);
    }
}
