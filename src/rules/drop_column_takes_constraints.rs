use super::index_on_dropped_column::left_behind;
use super::outage::acts;
use super::spelling::shown;
use crate::catalog::{Catalog, Constraint, Origin, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, AlterTable, ConstraintKind, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up || !cx.failures.is_empty() {
        return;
    }
    for act in acts(cx, |action| dropped(action).is_some()) {
        let Some((alter, column)) = dropped(act.action) else { continue };
        let path = &cx.state.session.search_path;
        let Some(table) = act.before.relation(&alter.table, path).found() else { continue };
        if cx.is_new_relation(table) || table.column(column).is_none() {
            continue;
        }
        let taken = taken(cx, act, table, column);
        if !taken.is_empty() {
            out.push(report(cx, table, column, &taken));
        }
    }
}

fn dropped(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::DropColumn { column, cascade: false, .. } => Some((alter, column)),
        _ => None,
    }
}

/// Returns what goes with a column of which other columns have a part, and that nothing brings back.
fn taken(
    cx: &StatementContext,
    act: &Act,
    table: &Relation,
    column: &str,
) -> Vec<(String, Origin)> {
    let mut taken: Vec<(String, Origin)> = Vec::new();
    let Some(after) = act.after.by_id(table.id) else { return taken };
    let last = &cx.migration.history.last.catalog;
    for constraint in &table.constraints {
        let is_left = after.constraints.iter().any(|other| other.number() == constraint.number());
        let has_others = constraint.columns.iter().any(|other| other != column);
        let is_shared = constraint.columns.iter().any(|other| other == column) && has_others;
        let is_missed =
            || is_missed(last, table, constraint, column) && !is_replaced(cx, constraint);
        if !is_left && is_shared && is_missed() {
            let index = table.indexes.iter().find(|index| Some(index.id) == constraint.index);
            let is_told = constraint.kind != ConstraintKind::ForeignKey
                && index.is_some_and(|index| left_behind(cx, table, index, column).is_some());
            if !is_told {
                let what = format!("{} `{}`", kind(constraint.kind), constraint.name);
                taken.push((what, constraint.created));
            }
        }
    }
    for generated in table.columns.iter().filter(|other| other.generated.is_some()) {
        let is_left = after.column_numbered(generated.number).is_some();
        if !is_left && *generated.name != *column {
            taken.push((format!("generated column `{}`", generated.name), generated.created));
        }
    }
    taken
}

fn kind(kind: ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::PrimaryKey => "the primary key",
        ConstraintKind::Unique => "unique constraint",
        ConstraintKind::Check => "check",
        ConstraintKind::ForeignKey => "foreign key",
        ConstraintKind::Exclusion => "exclusion constraint",
        ConstraintKind::NotNull => "not null constraint",
    }
}

/// Returns whether the other columns are there when all migrations have run, and nothing like the
/// constraint is.
fn is_missed(last: &Catalog, table: &Relation, constraint: &Constraint, column: &str) -> bool {
    let Some(end) = last.by_id(table.id) else { return false };
    let mut others = constraint.columns.iter().filter(|other| *other != column);
    let is_there = |name: &String| {
        let number = table.column(name).map(|column| column.number);
        number.is_some_and(|number| end.column_numbered(number).is_some())
    };
    let is_like = |other: &Constraint| {
        other.name == constraint.name
            || other.kind == constraint.kind
                && other.number() != constraint.number()
                && table.constraints.iter().all(|old| old.number() != other.number())
                && other.columns.iter().any(|name| constraint.columns.contains(name))
    };
    others.all(is_there) && !end.constraints.iter().any(is_like)
}

/// Returns whether the migration adds a constraint or a unique index on one of the columns.
fn is_replaced(cx: &StatementContext, constraint: &Constraint) -> bool {
    let shares = |name: &String| constraint.columns.contains(name);
    let statements = cx.migration.script().statements();
    statements.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::AlterTable(alter) => match &alter.change {
            TableChange::AddConstraint(added) => {
                added.kind == constraint.kind && added.columns.iter().any(shares)
            }
            _ => false,
        },
        Action::CreateIndex(index) => index.unique && index.columns.iter().flatten().any(shares),
        _ => false,
    })
}

fn report(
    cx: &StatementContext,
    table: &Relation,
    column: &str,
    taken: &[(String, Origin)],
) -> Diagnostic {
    let names: Vec<&str> = taken.iter().map(|(what, _)| what.as_str()).collect();
    let goes = if names.len() == 1 { "goes" } else { "go" };
    let message = format!(
        "{} of `{}` {goes} with column `{column}`",
        names.join(" and "),
        shown(&table.name)
    );
    let mut diagnostic = cx
        .report(message)
        .relation(&table.name, None)
        .help("make anew, without the column, what shall hold for the columns that stay")
        .note("the server says nothing of it");
    for (what, made) in taken {
        let head = cx.migration.history.head(*made);
        diagnostic = diagnostic.label(made.file, head, format!("{what} is made here"));
    }
    diagnostic
}
