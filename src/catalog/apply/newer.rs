//! Syntax that older servers do not know: they answer with a syntax error, whatever the schema.

use crate::catalog::{Because, Env, Failure};
use crate::sql::{
    Action, ColumnDefinition, ConstraintDefinition, CreateTable, Detail, DmlKind, Generated,
    ObjectKind, TableChange,
};

/// Refuses what the grammar of the target version does not have.
///
/// Source: the release notes of PostgreSQL; `older_servers_do_not_know_newer_syntax` in
/// `tests/postgres.rs`.
pub(super) fn refuse(action: &Action, env: &Env) -> Result<(), Failure> {
    match newer(action) {
        Some((since, near)) if env.version.major < since => {
            let mut message = "syntax error".to_owned();
            if !near.is_empty() {
                message.push_str(&format!(" at or near \"{near}\""));
            }
            let detail = format!("PostgreSQL knows it from version {since} on.");
            Err(Failure::new("42601", message, Because::Always).detail(detail))
        }
        _ => Ok(()),
    }
}

/// Returns the first version that knows what an action spells out, and the word at which others stop,
/// where that is always the same.
fn newer(action: &Action) -> Option<(u16, &'static str)> {
    match action {
        Action::CreateTable(create) => of_table(create),
        Action::CreateIndex(index) if index.nulls_not_distinct => Some((15, "nulls")),
        Action::Create(create) => match (&create.detail, create.kind) {
            (Detail::Function(function), _) if function.sql_body => Some((14, "")),
            (Detail::Trigger(trigger), ObjectKind::Trigger)
                if create.or_replace && !trigger.is_constraint =>
            {
                Some((14, "trigger"))
            }
            _ => None,
        },
        Action::Dml(dml) if dml.kind == DmlKind::Merge => Some((15, "merge")),
        Action::AlterTable(alter) => match &alter.change {
            TableChange::AddColumn { column, .. } => of_column(column),
            TableChange::AddConstraint(constraint) => of_constraint(constraint),
            TableChange::DetachPartition { concurrently: true, .. } => Some((14, "concurrently")),
            TableChange::Other { command, .. } => match *command {
                "DetachPartitionFinalize" => Some((14, "finalize")),
                "SetCompression" => Some((14, "compression")),
                "DropExpression" => Some((13, "expression")),
                "SetExpression" => Some((17, "expression")),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

fn of_table(create: &CreateTable) -> Option<(u16, &'static str)> {
    let columns = create.columns.iter().find_map(|column| of_column(column));
    columns.or_else(|| create.constraints.iter().find_map(of_constraint))
}

fn of_column(column: &ColumnDefinition) -> Option<(u16, &'static str)> {
    if column.generated == Some(Generated::Virtual) {
        return Some((18, "virtual"));
    }
    column.constraints.iter().find_map(of_constraint)
}

fn of_constraint(constraint: &ConstraintDefinition) -> Option<(u16, &'static str)> {
    let options = constraint.options.as_deref()?;
    if options.not_enforced {
        return Some((18, "enforced"));
    }
    options.nulls_not_distinct.then_some((15, "nulls"))
}
