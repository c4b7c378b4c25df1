use super::breaking_rename::is_contract_phase;
use super::collect::Collect;
use super::outage::acts;
use super::spelling::shown;
use crate::catalog::{ObjectId, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::sql::{Action, AlterTable, TableChange};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_here = cx.script().all_actions().any(|action| dropped(action).is_some());
    is_here.then(|| Collect::watch(find, keep))
}

/// A default that goes: its table, the number of its column, and what there is to say.
type Found = (ObjectId, u16, Diagnostic);

fn find(cx: &StatementContext, found: &mut Vec<Found>) {
    for act in acts(cx, |action| dropped(action).is_some()) {
        let Some((alter, column)) = dropped(act.action) else { continue };
        let path = &cx.state.session.search_path;
        let Some(table) = act.before.relation(&alter.table, path).found() else { continue };
        let Some(column) = table.column(column) else { continue };
        let is_used = table.is_table() && !cx.is_new_relation(table);
        if is_used && column.default.is_some() && column.generated.is_none() {
            found.push((table.id, column.number, report(cx, table, &column.name)));
        }
    }
}

/// Reports those that nothing makes good in the same migration.
fn keep(cx: &MigrationContext, found: Vec<Found>, end: &State, out: &mut Vec<Diagnostic>) {
    for (table, number, diagnostic) in found {
        let table = end.catalog.by_id(table);
        let column = table.and_then(|table| table.column_numbered(number));
        // Something else may give the value before it comes into the table.
        let has_trigger = table.is_some_and(|table| !table.extra().triggers.is_empty());
        if column.is_some_and(|column| column.not_null && !column.has_default()) {
            let unsure =
                has_trigger || is_contract_phase(cx) || cx.migration().direction == Direction::Down;
            out.push(if unsure { diagnostic.at_most(Severity::Info) } else { diagnostic });
        }
    }
}

fn dropped(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::SetDefault { column, default: None } => Some((alter, column)),
        _ => None,
    }
}

fn report(cx: &StatementContext, table: &Relation, column: &str) -> Diagnostic {
    let is_new =
        table.column(column).is_some_and(|column| cx.state.is_in_this_migration(column.created));
    let name = shown(&table.name);
    let message = if is_new {
        format!(
            "inserts into `{name}` that do not know the new column `{column}` fail without its default"
        )
    } else {
        format!("inserts into `{name}` that leave out `{column}` fail without its default")
    };
    let help = match cx.migration.migration().direction {
        Direction::Up => {
            "keep the default until every running application gives a value, and drop it in a later migration"
        }
        Direction::Down => {
            "take the application back together with the schema: the one that runs now relies on the default"
        }
    };
    cx.report(message)
        .relation(&table.name, None)
        .help(help)
        .note(format!(
            "SQLSTATE 23502: null value in column \"{column}\" of relation \"{}\" violates not-null constraint",
            table.name.name
        ))
}
