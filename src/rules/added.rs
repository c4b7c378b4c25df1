//! What a subcommand of `ALTER TABLE` adds to its table.

use super::outage::{Used, made};
use crate::catalog::{Constraint, Relation};
use crate::effects::Act;
use crate::sql::{Action, AlterTable, ColumnDefinition, ConstraintDefinition, TableChange};

/// A constraint that an `ALTER TABLE` adds.
pub(super) struct AddedConstraint<'a> {
    /// The subcommand.
    pub alter: &'a AlterTable,
    /// The constraint.
    pub definition: &'a ConstraintDefinition,
    /// The new column that it is part of.
    pub inline: Option<&'a ColumnDefinition>,
}

impl<'a> AddedConstraint<'a> {
    /// Returns the constraint that an action adds, by itself or with a new column; of several only the
    /// first one that is wanted.
    pub(super) fn of(
        action: &'a Action,
        is_wanted: impl Fn(&ConstraintDefinition) -> bool,
    ) -> Option<Self> {
        let Action::AlterTable(alter) = action else { return None };
        let (definitions, inline) = match &alter.change {
            TableChange::AddConstraint(definition) => (std::slice::from_ref(definition), None),
            TableChange::AddColumn { column, .. } => (&column.constraints[..], Some(column)),
            _ => return None,
        };
        let definition = definitions.iter().find(|definition| is_wanted(definition))?;
        Some(Self { alter, definition, inline })
    }

    /// Returns the table after the action, and the constraint as it is there.
    pub(super) fn made<'b>(
        &self,
        act: &'b Act,
        table: &Used,
    ) -> Option<(&'b Relation, &'b Constraint)> {
        let (after, constraints) = made(act, table)?;
        let mut constraints = constraints.into_iter();
        constraints.find(|found| found.kind == self.definition.kind).map(|found| (after, found))
    }
}
