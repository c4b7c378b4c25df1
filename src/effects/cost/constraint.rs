//! Which tables are read to check that rows fulfil a constraint.
//!
//! Source: what servers 12 to 18 did. How a foreign key is checked is the choice of the planner: mostly
//! both tables are read; for the rows of one partition the server looks keys up in the index from 16 on.

use std::collections::BTreeSet;

use super::proof::Formula;
use super::tree;
use crate::catalog::{Catalog, Constraint, ObjectId, Relation};
use crate::effects::Effects;
use crate::sql::{ConstraintDefinition, ConstraintKind};
use crate::version::PgVersion;

/// Adds what `ADD CONSTRAINT` reads beside the indexes that it builds.
pub(super) fn add(
    (table, definition): (ObjectId, &ConstraintDefinition),
    before: &Catalog,
    after: &Catalog,
    version: PgVersion,
    found: &mut Effects,
) {
    check_new(table, before, after, version, found);
    if definition.kind == ConstraintKind::NotNull && !definition.validated {
        return;
    }
    for table in tree(after, table) {
        let Some(old) = before.by_id(table.id) else { continue };
        let is_new = |name: &str| old.column(name).is_some_and(|column| !column.not_null);
        let mut columns = table.columns.iter().filter(|column| column.not_null);
        let known = Formula::of_table(old);
        if columns.any(|column| {
            is_new(&column.name) && !known.implies(&Formula::NotNull(column.name.clone()))
        }) {
            found.scans.insert(table.name.clone());
        }
    }
}

/// Adds what is read for the constraints that a table, and those below it, must fulfil from now on.
pub(super) fn check_new(
    top: ObjectId,
    before: &Catalog,
    after: &Catalog,
    version: PgVersion,
    found: &mut Effects,
) {
    for table in tree(after, top) {
        let Some(old) = before.by_id(table.id) else { continue };
        for constraint in newly_checked(old, table) {
            match constraint.kind {
                ConstraintKind::Check => {
                    found.scans.insert(table.name.clone());
                }
                // One that was there, NOT VALID: no check spares the scan.
                ConstraintKind::NotNull if is_in(old, constraint) => {
                    found.scans.insert(table.name.clone());
                }
                _ => {}
            }
        }
        new_foreign_keys(table, before, after, version, found);
    }
}

/// Adds what is read for the foreign keys that a table must fulfil from now on.
pub(super) fn new_foreign_keys(
    table: &Relation,
    before: &Catalog,
    after: &Catalog,
    version: PgVersion,
    found: &mut Effects,
) {
    let Some(old) = before.by_id(table.id) else { return };
    let own: BTreeSet<u32> = table.constraints.iter().map(Constraint::number).collect();
    let keys = newly_checked(old, table).filter(|key| {
        key.kind == ConstraintKind::ForeignKey
            && key.parent().is_none_or(|above| !own.contains(&above))
    });
    for key in keys {
        found.scans.insert(table.name.clone());
        if table.is_partition() && version.major >= 16 {
            continue;
        }
        if let Some(target) = key.references.filter(|_| !is_of_new_table(table, key)) {
            let read = tree(after, target);
            found.scans.extend(read.into_iter().map(|table| table.name.clone()));
        }
    }
}

/// Returns whether a key is of a table that its own transaction made: it has hardly any rows, and keys
/// are looked up in the index.
fn is_of_new_table(table: &Relation, key: &Constraint) -> bool {
    table.created.transaction == key.created.transaction
}

fn is_in(table: &Relation, constraint: &Constraint) -> bool {
    table.constraints.iter().any(|other| other.number() == constraint.number())
}

/// Returns the constraints that the rows of a table were not known to fulfil and must fulfil now.
fn newly_checked<'a>(
    old: &'a Relation,
    now: &'a Relation,
) -> impl Iterator<Item = &'a Constraint> + use<'a> {
    let is_checked = |constraint: &Constraint| constraint.validated && constraint.enforced;
    now.constraints.iter().filter(move |constraint| {
        let was = old.constraints.iter().find(|other| other.number() == constraint.number());
        is_checked(constraint) && !was.is_some_and(is_checked)
    })
}
