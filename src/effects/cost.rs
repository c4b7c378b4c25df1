//! Which tables an action rewrites and scans, and which indexes it builds.
//!
//! Sources: `../../docs/effects.md` lists what servers 12 to 18 did.

use crate::catalog::{Catalog, ObjectId, Relation, RelationKind};
use crate::replay::State;
use crate::sql::{Action, ReindexTarget, RelationName};

use super::Effects;

/// Adds what `action` does between the catalogs `before` and `after` it.
pub(super) fn add(
    action: &Action,
    before: &Catalog,
    after: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let path = &state.session.search_path;
    let find = |name: &RelationName| before.relation(name, path).found();
    match action {
        Action::CreateIndex(create) => {
            built(before, after, found);
            found.waits |= create.concurrently;
        }
        Action::AlterTable(_) => built(before, after, found),
        Action::Reindex { target, concurrently } => {
            found.waits |= *concurrently;
            match target {
                ReindexTarget::Table(name) => {
                    for table in find(name).map(|t| tree(before, t.id)).unwrap_or_default() {
                        rebuild(table, found);
                    }
                }
                ReindexTarget::Index(_) | ReindexTarget::Many(_) => {}
            }
        }
        Action::Cluster { table: Some(name) } => {
            if let Some(table) = find(name) {
                tree_of_partitions(before, table).into_iter().for_each(|t| rewrite(t, found));
            }
        }
        Action::RefreshMaterializedView { name, concurrently, no_data } => {
            if let Some(view) = find(name) {
                refresh(before, view, *concurrently, *no_data, found);
            }
        }
        Action::Vacuum { tables, full: true, .. } => {
            for table in tables.iter().filter_map(find) {
                tree_of_partitions(before, table).into_iter().for_each(|t| rewrite(t, found));
            }
            if tables.is_empty() {
                before.relations().filter(|t| has_rows(t)).for_each(|t| rewrite(t, found));
            }
        }
        Action::Do(_) => built(before, after, found),
        _ => {}
    }
}

/// Returns a table and everything below it that has rows of its own.
pub(super) fn tree(catalog: &Catalog, id: ObjectId) -> Vec<&Relation> {
    let mut found = Vec::new();
    let mut queue = vec![id];
    while let Some(id) = queue.pop() {
        queue.extend(catalog.children(id));
        found.extend(catalog.by_id(id).filter(|relation| has_rows(relation)));
    }
    found
}

/// Returns a table, or if it is partitioned its partitions.
fn tree_of_partitions<'a>(catalog: &'a Catalog, table: &'a Relation) -> Vec<&'a Relation> {
    match table.kind {
        RelationKind::PartitionedTable => tree(catalog, table.id),
        _ => vec![table],
    }
}

/// What `REFRESH MATERIALIZED VIEW` does: the tables below it are read, and it is written anew, or
/// compared with what it held.
fn refresh(
    catalog: &Catalog,
    view: &Relation,
    concurrently: bool,
    no_data: bool,
    found: &mut Effects,
) {
    if !concurrently {
        let indexes = view.indexes.iter();
        found.index_builds.extend(indexes.map(|i| view.name.sibling(i.name.clone())));
    }
    if no_data {
        return;
    }
    if concurrently {
        found.scans.insert(view.name.clone());
    } else {
        found.rewrites.insert(view.name.clone());
    }
    let mut queue = view.uses.clone();
    while let Some(id) = queue.pop() {
        match catalog.by_id(id) {
            Some(used) if used.kind == RelationKind::View => queue.extend(&used.uses),
            Some(_) => found.scans.extend(tree(catalog, id).into_iter().map(|t| t.name.clone())),
            None => {}
        }
    }
}

/// Returns whether rows are stored in a relation itself.
fn has_rows(relation: &Relation) -> bool {
    matches!(relation.kind, RelationKind::Table | RelationKind::MaterializedView)
}

/// Notes that a table is read and written anew, with all its indexes.
pub(super) fn rewrite(table: &Relation, found: &mut Effects) {
    found.rewrites.insert(table.name.clone());
    rebuild(table, found);
}

/// Notes that all indexes of a table are built anew.
fn rebuild(table: &Relation, found: &mut Effects) {
    found.scans.insert(table.name.clone());
    for index in &table.indexes {
        found.index_builds.insert(table.name.sibling(index.name.clone()));
    }
}

/// Notes the indexes that an action added to tables that were there.
fn built(before: &Catalog, after: &Catalog, found: &mut Effects) {
    for table in after.relations().filter(|table| has_rows(table)) {
        let Some(old) = before.by_id(table.id) else { continue };
        if old.indexes.len() == table.indexes.len() {
            continue;
        }
        for index in &table.indexes {
            if old.indexes.iter().all(|other| other.id != index.id) {
                found.scans.insert(table.name.clone());
                found.index_builds.insert(table.name.sibling(index.name.clone()));
            }
        }
    }
}
