//! Which tables an action rewrites and scans, and which indexes it builds.
//!
//! Sources: `../../docs/effects.md` lists what servers 12 to 18 did.

mod alter;
pub(super) mod domain;
mod retype;

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
        Action::AlterTable(alter) => {
            built(before, after, found);
            alter::add(alter, before, after, state, found);
        }
        Action::Alter(alter) => {
            let tables = domain::checked(alter, before, path).into_iter();
            found.scans.extend(tables.map(|table| table.name.clone()));
        }
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
        Action::Cluster { table: Some(name) }
        | Action::RefreshMaterializedView { name, concurrently: false } => {
            if let Some(table) = find(name) {
                rewrite(table, found);
            }
        }
        Action::Vacuum { tables, full: true } => {
            for table in tables.iter().filter_map(find) {
                rewrite(table, found);
            }
        }
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
