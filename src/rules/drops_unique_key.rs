use super::breaking_drop::takes_away;
use super::collect::Collect;
use super::duplicate_index::is_same_condition;
use super::outage::acts;
use super::spelling::shown;
use crate::catalog::{Index, ObjectId, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::schema::expression_sql;
use crate::sql::{Action, ObjectKind, TableChange};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    takes_away(cx, drops).then(|| Collect::watch(find, report))
}

fn report(cx: &MigrationContext, lost: Vec<Lost>, end: &State, out: &mut Vec<Diagnostic>) {
    for lost in lost {
        let Some(table) = end.catalog.by_id(lost.table) else { continue };
        // A key of columns that are gone serves nobody.
        let is_there = |name: &&str| table.column(name).is_some();
        if !lost.index.columns.iter().flatten().map(String::as_str).all(|name| is_there(&name)) {
            continue;
        }
        match table.indexes.iter().find(|other| serves(table, other, &lost.index)) {
            None => out.push(lost.diagnostic.help(lost.help)),
            Some(other) if other.created.transaction == lost.transaction => {}
            Some(other) => {
                let place = cx.history.head(other.created);
                let label = format!("`{}` takes its place from here on", other.name);
                let diagnostic = lost.diagnostic.at_most(Severity::Info);
                out.push(
                    diagnostic
                        .label(cx.migration().file, place, label)
                        .help("make the new key first, and drop the old one then"),
                );
            }
        }
    }
}

fn drops(action: &Action) -> bool {
    match action {
        Action::Drop(drop) => drop.kind == ObjectKind::Index,
        Action::AlterTable(alter) => matches!(alter.change, TableChange::DropConstraint { .. }),
        _ => false,
    }
}

/// A unique key that goes while its table stays.
struct Lost {
    table: ObjectId,
    index: Index,
    transaction: u32,
    diagnostic: Diagnostic,
    help: String,
}

fn find(cx: &StatementContext, out: &mut Vec<Lost>) {
    for act in acts(cx, drops) {
        let env = super::outage::env(cx);
        let table = match act.action {
            Action::Drop(drop) => {
                let index = act.before.relation(&drop.name, &env.path).found();
                index.and_then(|index| act.before.by_id(*index.uses.first()?))
            }
            Action::AlterTable(alter) => act.before.relation(&alter.table, &env.path).found(),
            _ => None,
        };
        // What was moved out of the way has another name: nobody inserts there.
        let is_moved = |table: &Relation| {
            let before = cx.migration.before.catalog.name_of(table.id);
            before.is_some_and(|before| *before != table.name)
        };
        let is_used =
            |table: &&Relation| table.is_table() && !cx.is_new_relation(table) && !is_moved(table);
        let Some(table) = table.filter(is_used) else { continue };
        let Some(after) = act.after.by_id(table.id) else { continue };
        for index in &table.indexes {
            let is_gone = !after.indexes.iter().any(|other| other.id == index.id);
            let is_new = cx.state.is_in_this_migration(index.created);
            let is_kept = || after.indexes.iter().any(|other| serves(after, other, index));
            let is_key = !is_new && index.parent.is_none() && is_arbiter(table, index);
            if is_gone && is_key && !is_kept() {
                out.push(lost(cx, table, index));
            }
        }
    }
}

/// Returns whether `on conflict` can name the key of an index: that of a deferrable constraint it cannot.
fn is_arbiter(table: &Relation, index: &Index) -> bool {
    let is_deferrable =
        table.constraints.iter().any(|found| found.deferrable && found.name == index.name);
    index.unique && index.valid && !is_deferrable
}

/// Returns whether an index finds the conflicts that `lost` found: the order of the key does not matter.
fn serves(table: &Relation, index: &Index, lost: &Index) -> bool {
    let key = |index: &Index| {
        let mut columns: Vec<_> = index.columns.clone();
        columns.sort();
        columns
    };
    let expressions = |index: &Index| {
        index.detail().expressions.iter().map(|(_, says)| says.clone()).collect::<Vec<_>>()
    };
    is_arbiter(table, index)
        && key(index) == key(lost)
        && expressions(index) == expressions(lost)
        && (!index.partial || is_same_condition(index.detail(), lost.detail()))
}

fn lost(cx: &StatementContext, table: &Relation, index: &Index) -> Lost {
    let origin = cx.state.origin(cx.statement.span);
    let name = shown(&table.name);
    let mut expressions = index.detail().expressions.iter();
    let mut expression = || {
        let text = expressions.next().and_then(|(_, says)| expression_sql(says));
        text.map_or_else(|| "(expression)".to_owned(), |text| format!("({text})"))
    };
    let key = |column: &Option<String>| column.clone().unwrap_or_else(&mut expression);
    let columns = index.columns.iter().map(key).collect::<Vec<_>>().join(", ");
    let message = format!(
        "`insert into {name} ... on conflict ({columns})` fails as soon as `{}` is dropped, and nothing refuses duplicates any more",
        index.name
    );
    let diagnostic = cx
        .report(message)
        .relation(&table.name, None)
        .note("SQLSTATE 42P10: there is no unique or exclusion constraint matching the ON CONFLICT specification");
    let help = "drop it when no running application relies on it any more; if another key takes its place, make that first".to_owned();
    let transaction = origin.transaction;
    Lost { table: table.id, index: index.clone(), transaction, diagnostic, help }
}
