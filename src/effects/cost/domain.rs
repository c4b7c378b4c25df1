//! What `ALTER DOMAIN` does with the tables that have columns of the domain.

use crate::catalog::{Catalog, ObjectId, Relation, SearchPath, TypeKind};
use crate::sql::{Alter, ConstraintKind, ObjectChange, ObjectKind};

/// Returns the tables that a statement reads to check the values of a domain, under `SHARE`.
/// Cases `domain.*`; `VALIDATE` is no lighter than `ADD`.
pub(in crate::effects) fn checked<'a>(
    alter: &Alter,
    catalog: &'a Catalog,
    path: &SearchPath,
) -> Vec<&'a Relation> {
    if alter.kind != ObjectKind::Domain {
        return Vec::new();
    }
    let Some(id) = catalog.type_named(&alter.name, path) else { return Vec::new() };
    let Some(TypeKind::Domain(domain)) = catalog.type_by_id(id).map(|found| &found.kind) else {
        return Vec::new();
    };
    let is_checked = match &alter.change {
        ObjectChange::AddConstraint(constraint) => {
            constraint.validated && (constraint.kind != ConstraintKind::NotNull || !domain.not_null)
        }
        ObjectChange::ValidateConstraint(_) => true,
        ObjectChange::NotNull(on) => *on && !domain.not_null,
        _ => false,
    };
    if is_checked { tables_of(catalog, id) } else { Vec::new() }
}

/// Returns the tables and materialized views with columns of a type, or of a domain over it.
pub(in crate::effects) fn tables_of(catalog: &Catalog, id: ObjectId) -> Vec<&Relation> {
    let mut types = vec![id];
    let mut at = 0;
    while let Some(of) = types.get(at).copied() {
        at += 1;
        for other in catalog.types() {
            let is_over = matches!(&other.kind, TypeKind::Domain(d) if d.base_id == Some(of));
            if is_over && !types.contains(&other.id) {
                types.push(other.id);
            }
        }
    }
    let has = |table: &&Relation| {
        super::has_rows(table)
            && (table.extra().of_type == Some(id)
                || table.columns.iter().any(|c| c.type_id.is_some_and(|of| types.contains(&of))))
    };
    catalog.relations().filter(has).collect()
}
