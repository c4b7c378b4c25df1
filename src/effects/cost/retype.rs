//! What `ALTER COLUMN ... TYPE` does with rows, indexes and constraints.

use crate::catalog::{Column, Constraint, Index, Relation};
use crate::sql::tree::Expr;
use crate::sql::{ConstraintKind, Generated};

use super::super::Effects;
use super::alter::Altered;
use super::{rewrite, tree};

/// A column before and after.
struct Retyped<'a> {
    old: &'a Column,
    new: &'a Column,
}

impl Altered<'_> {
    /// A table is written anew where values change; otherwise the indexes that the new type makes
    /// invalid are built again, and checks of the column read the table.
    pub(super) fn set_type(&self, column: &str, using: Option<&Expr>, found: &mut Effects) {
        let Some(top) = self.before.by_id(self.id) else { return };
        let mut rewrites_any = false;
        for table in tree(self.before, self.id) {
            let Some(after) = self.after.by_id(table.id) else { continue };
            let (Some(old), Some(new)) = (table.column(column), after.column(column)) else {
                found.certain &= !table.columns_unknown;
                continue;
            };
            let to = (&new.type_name, new.type_id);
            let is_virtual = old.generated == Some(Generated::Virtual);
            let rewrites = match is_virtual {
                true => Some(false),
                false => {
                    let zero = self.zone_is_zero;
                    self.before.rewrites(table.id, old, to, using, zero, &self.env)
                }
            };
            found.certain &= rewrites.is_some();
            if rewrites != Some(false) {
                rewrites_any = true;
                rewrite(after, found);
                continue;
            }
            let retyped = Retyped { old, new };
            for index in &table.indexes {
                if self.is_rebuilt(index, &retyped) {
                    found.scans.insert(table.name.clone());
                    found.index_builds.insert(table.name.sibling(index.name.clone()));
                }
            }
            let is_checked = |constraint: &Constraint| {
                constraint.kind == ConstraintKind::Check
                    && constraint.validated
                    && constraint.enforced
                    && constraint.columns.iter().any(|name| name == column)
            };
            if table.constraints.iter().any(is_checked) {
                found.scans.insert(table.name.clone());
            }
        }
        self.check_keys(top, column, rewrites_any, found);
    }

    /// Returns whether an index is built again where the values of a column do not change.
    fn is_rebuilt(&self, index: &Index, retyped: &Retyped) -> bool {
        let column = &*retyped.old.name;
        let detail = index.detail();
        let mut expressions = detail.expressions.iter().map(|(_, e)| e).chain(&detail.predicate);
        let is_key = index.columns.iter().flatten().any(|key| key == column);
        let is_in_expression = expressions.any(|expression| expression.mentions(column));
        if is_in_expression {
            return true;
        }
        let is_included = index.include.iter().any(|name| name == column);
        if !is_key && !is_included {
            return false;
        }
        // Only an index of plain columns is kept, and none that is part of one of a partitioned table.
        if index.parent.is_some() || index.columns.contains(&None) || index.partial {
            return true;
        }
        let (old, new) = (retyped.old, retyped.new);
        let (from, to) = ((&old.type_name, old.type_id), (&new.type_name, new.type_id));
        let has_class = index
            .columns
            .iter()
            .position(|key| key.as_deref() == Some(column))
            .is_some_and(|at| detail.operator_classes.iter().any(|(place, _)| *place == at));
        is_key
            && (old.collation != new.collation && self.after.is_collatable(to, &self.env)
                || !has_class && !self.before.keeps_index(from, to, &index.method, &self.env))
    }

    /// Foreign keys are made again, and checked again if values or operators changed.
    fn check_keys(&self, top: &Relation, column: &str, rewrites: bool, found: &mut Effects) {
        let (Some(old), Some(new)) =
            (top.column(column), self.after.by_id(self.id).and_then(|t| t.column(column)))
        else {
            return;
        };
        let (from, to) = ((&old.type_name, old.type_id), (&new.type_name, new.type_id));
        if !rewrites && self.before.keeps_index(from, to, "btree", &self.env) {
            return;
        }
        for table in self.before.related(self.id) {
            for key in table.constraints.iter().filter(|key| {
                key.kind == ConstraintKind::ForeignKey && key.validated && key.enforced
            }) {
                let is_own = table.id == self.id && key.columns.iter().any(|name| name == column);
                let is_other = key.references == Some(self.id)
                    && key.referenced_columns.iter().any(|name| name == column);
                if !is_own && !is_other {
                    continue;
                }
                let both = [Some(table.id), key.references].into_iter().flatten();
                for checked in both.flat_map(|id| tree(self.before, id)) {
                    found.scans.insert(checked.name.clone());
                }
            }
        }
    }
}
