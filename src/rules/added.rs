//! What a subcommand of `ALTER TABLE` adds to its table.

use super::outage::{Used, acts, made, used};
use crate::catalog::{Constraint, Relation};
use crate::effects::Act;
use crate::rule::StatementContext;
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
            TableChange::AddColumn { column, .. } => {
                (&column.constraints[..], Some(column.as_ref()))
            }
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

/// A column that an `ALTER TABLE` adds to a table which other sessions use.
pub(super) struct AddedColumn<'a, W> {
    /// What the subcommand does.
    pub act: &'a Act<'a>,
    /// The subcommand.
    pub alter: &'a AlterTable,
    /// The column.
    pub definition: &'a ColumnDefinition,
    /// The table before it.
    pub table: Used<'a>,
    /// What is to be said about it.
    pub why: W,
}

/// Returns the columns of a statement about which `judge` has something to say. Nothing is worked out
/// for a statement that adds none that `is_wanted`.
pub(super) fn added_columns<'a, W>(
    cx: &'a StatementContext,
    is_wanted: fn(&ColumnDefinition) -> bool,
    judge: impl Fn(&Act, &ColumnDefinition, &Used) -> Option<W>,
) -> Vec<AddedColumn<'a, W>> {
    let mut found = Vec::new();
    for act in acts(cx, move |action| new_column(action, is_wanted).is_some()) {
        let Some((alter, definition)) = new_column(act.action, is_wanted) else { continue };
        let Some(table) = used(cx, &act.before, &alter.table) else { continue };
        if let Some(why) = judge(act, definition, &table) {
            found.push(AddedColumn { act, alter, definition, table, why });
        }
    }
    found
}

fn new_column(
    action: &Action,
    is_wanted: fn(&ColumnDefinition) -> bool,
) -> Option<(&AlterTable, &ColumnDefinition)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::AddColumn { column, .. } if is_wanted(column) => Some((alter, column)),
        _ => None,
    }
}

/// Returns the first column of each table, and its others: what one statement does to a table is done
/// in one go, and fails at once.
pub(super) fn by_table<'b, 'a, W>(
    columns: &'b [AddedColumn<'a, W>],
) -> impl Iterator<Item = (&'b AddedColumn<'a, W>, &'b [AddedColumn<'a, W>])> {
    let tables = columns.chunk_by(|one, other| one.table.name == other.table.name);
    tables.filter_map(<[_]>::split_first)
}
