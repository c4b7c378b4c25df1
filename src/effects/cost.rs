//! Which tables an action rewrites and scans, and which indexes it builds.
//!
//! Sources: `../../docs/effects.md` lists what servers 12 to 18 did.

mod alter;
mod constraint;
pub(super) mod domain;
mod index;
mod partition;
mod proof;
mod query;
mod retype;

pub(crate) use alter::pending_proof;
pub(super) use index::{emptied, parts_of_index, reindexed};
pub(super) use partition::Row;

use crate::catalog::{Catalog, ObjectId, Relation, RelationKind};
use crate::replay::State;
use crate::sql::{
    Action, AlterTable, CreateTable, ObjectChange, ObjectKind, RelationName, TableChange,
    TableEffect,
};

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
        Action::AlterTable(alter) => {
            built(before, after, found);
            alter::add(alter, before, after, state, found);
            alter_table(alter, before, after, state, found);
        }
        Action::Alter(alter) => {
            let tables = domain::checked(alter, before, path).into_iter();
            found.scans.extend(tables.map(|table| table.name.clone()));
            if let ObjectChange::MoveAll { objects, to, roles } = &alter.change {
                let moved = before.all_in_tablespace(&alter.name.name, *objects, to, roles);
                moved.into_iter().for_each(|relation| copy(relation, found));
            }
        }
        Action::CreateTable(create) => create_table(create, before, after, state, found),
        Action::CreateView(create) if create.materialized && !create.no_data => {
            if let Some(query) = create.query.as_ref().filter(|_| find(&create.name).is_none()) {
                query::read(query, before, path, found);
            }
        }
        Action::Drop(drop) if drop.kind == ObjectKind::Index => found.waits |= drop.concurrently,
        Action::Truncate { table, only, cascade, .. } => {
            if let Some(table) = find(table).filter(|table| table.is_table()) {
                let tables = emptied(before, table.id, *only, *cascade);
                index::truncate(before, &tables, found);
            }
        }
        Action::Reindex { target, concurrently } => {
            found.waits |= *concurrently;
            index::reindex(target, before, state, found);
        }
        Action::Cluster { table: None, .. } => {
            clustered(before).into_iter().for_each(|table| rewrite(table, found));
        }
        Action::Cluster { table: Some(name), .. } => {
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

fn alter_table(
    alter: &AlterTable,
    before: &Catalog,
    after: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let path = &state.session.search_path;
    let find = |name: &RelationName| before.relation(name, path).found().map(|found| found.id);
    let Some(table) = find(&alter.table) else { return };
    let version = state.version;
    match &alter.change {
        TableChange::AddConstraint(definition) => {
            constraint::add((table, definition), before, after, version, found);
        }
        TableChange::ValidateConstraint { .. } => {
            constraint::check_new(table, before, after, version, found);
        }
        TableChange::Other { effect: Some(effect), .. }
            if matches!(**effect, TableEffect::AlterConstraint { .. }) =>
        {
            constraint::check_new(table, before, after, version, found);
        }
        TableChange::AttachPartition { partition, .. } => {
            if let Some(partition) = find(partition) {
                partition::attach((table, partition), before, after, version, found);
            }
        }
        TableChange::DetachPartition { partition, concurrently } => {
            found.waits |= *concurrently;
            if let Some(partition) = find(partition) {
                partition::detach(partition, before, found);
            }
        }
        _ => {}
    }
}

fn create_table(
    create: &CreateTable,
    before: &Catalog,
    after: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let Some(name) = &create.name else { return };
    let path = &state.session.search_path;
    let is_there = before.relation(name, path).found().is_some();
    if let Some(query) = create.query.as_ref().filter(|_| !create.no_data && !is_there) {
        query::read(query, before, path, found);
    }
    let Some(parent) = &create.partition_of else { return };
    let parent = before.relation(parent, path).found().filter(|_| !is_there);
    let made = after.relation(name, path).found();
    if let (Some(parent), Some(made)) = (parent, made) {
        partition::create((parent.id, made.id), before, after, found);
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

/// Returns the tables that `CLUSTER` without names writes anew: those that were clustered before.
pub(super) fn clustered(catalog: &Catalog) -> Vec<&Relation> {
    let is_marked =
        |table: &&Relation| table.extra().clustered.is_some_and(|i| catalog.by_id(i).is_some());
    catalog.relations().filter(|table| has_rows(table)).filter(is_marked).collect()
}

/// Notes that the file of a relation is copied to another tablespace, block by block.
fn copy(relation: &Relation, found: &mut Effects) {
    match relation.kind {
        RelationKind::Index => found.index_builds.insert(relation.name.clone()),
        _ if has_rows(relation) => found.rewrites.insert(relation.name.clone()),
        _ => false,
    };
}

/// Notes that a table is read and written anew, with all its indexes.
pub(super) fn rewrite(table: &Relation, found: &mut Effects) {
    found.rewrites.insert(table.name.clone());
    found.scans.insert(table.name.clone());
    rebuild(table, found);
}

/// Notes that all indexes of a table are built anew.
fn rebuild(table: &Relation, found: &mut Effects) {
    if table.indexes.is_empty() {
        return;
    }
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
