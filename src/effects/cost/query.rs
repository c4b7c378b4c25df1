//! Which tables a query reads in full, where that does not depend on the rows.

use std::collections::BTreeSet;

use super::tree;
use crate::catalog::{Catalog, Relation, RelationKind, SearchPath};
use crate::effects::Effects;
use crate::sql::tree::{Body, Expr, FromItem, Query, Select};

/// Adds the tables that a query reads in full, as far as the planner has no choice: without a condition for
/// which there is an index, without an index that has all of the columns, and without a limit.
pub(super) fn read(query: &Query, catalog: &Catalog, path: &SearchPath, found: &mut Effects) {
    let is_limited = query.tail.as_ref().is_some_and(|tail| tail.limit.is_some());
    if is_limited || query.with.is_some() {
        return;
    }
    match &query.body {
        Body::Select(select) => {
            select.from.iter().for_each(|item| from(item, select, catalog, path, found));
        }
        Body::SetOperation(operation) => {
            read(&operation.left, catalog, path, found);
            read(&operation.right, catalog, path, found);
        }
        Body::Unknown
        | Body::Values(_)
        | Body::Insert(_)
        | Body::Update(_)
        | Body::Delete(_)
        | Body::Merge(_) => {}
    }
}

fn from(
    item: &FromItem,
    select: &Select,
    catalog: &Catalog,
    path: &SearchPath,
    found: &mut Effects,
) {
    match item {
        FromItem::Relation(source) => {
            let Some(relation) = catalog.relation(&source.name, path).found() else { return };
            if relation.kind == RelationKind::View {
                let query = relation.query.as_ref().filter(|_| select.condition.is_none());
                if let Some(query) = query {
                    read(query.query.as_ref().unwrap_or(&query.spelled), catalog, path, found);
                }
                return;
            }
            if has_choice(relation, select) {
                return;
            }
            let below = if source.only { vec![relation] } else { tree(catalog, relation.id) };
            found.scans.extend(below.into_iter().map(|table| table.name.clone()));
        }
        FromItem::Subquery(derived) if select.condition.is_none() => {
            read(&derived.query, catalog, path, found);
        }
        FromItem::Join(join) if select.condition.is_none() => {
            from(&join.left, select, catalog, path, found);
            from(&join.right, select, catalog, path, found);
        }
        _ => {}
    }
}

/// Returns whether the planner may read an index instead of a table.
fn has_choice(table: &Relation, select: &Select) -> bool {
    let condition = names(select.condition.iter());
    let starts = |index: &crate::catalog::Index| match index.columns.first() {
        Some(Some(first)) => condition.contains(first.as_str()),
        _ => !condition.is_empty(),
    };
    if table.indexes.iter().any(starts) {
        return true;
    }
    let is_star = select.targets.iter().any(crate::sql::tree::Target::is_star);
    let mut used = names(select.targets.iter().map(|target| &target.value));
    used.extend(condition);
    !is_star
        && table.indexes.iter().any(|index| {
            let has = |name: &&str| index.columns.iter().flatten().any(|column| column == name);
            used.iter().all(has)
        })
}

fn names<'e>(expressions: impl Iterator<Item = &'e Expr>) -> BTreeSet<&'e str> {
    expressions.flat_map(|e| e.columns()).map(|column| &*column.name).collect()
}
