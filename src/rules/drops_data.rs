use std::collections::BTreeSet;
use std::sync::Arc;

use super::breaking_rename::is_contract_phase;
use super::outage::acts;
use super::spelling::{listed, shown};
use crate::catalog::{Catalog, Column, ObjectId, Origin, QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::sql::{Action, DmlKind, ObjectKind, RelationName, RenamedPart, TableChange};

/// So many names are listed.
const MAX_SHOWN: usize = 4;

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    // What a down may lose is for `down-loses-data` to say.
    if cx.migration().direction != Direction::Up {
        return None;
    }
    let is_here = cx.script().all_actions().any(loses);
    is_here.then(|| Box::new(Data::default()) as Box<dyn Watch>)
}

fn loses(action: &Action) -> bool {
    match action {
        Action::Drop(drop) => matches!(drop.kind, ObjectKind::Table | ObjectKind::Schema),
        Action::Truncate { .. } => true,
        Action::AlterTable(alter) => matches!(alter.change, TableChange::DropColumn { .. }),
        _ => false,
    }
}

/// What a migration did with rows, as far as it was seen.
#[derive(Default)]
struct Data {
    /// The tables that it read to write others, or to fill columns of the same.
    copied: BTreeSet<ObjectId>,
    /// Whether nobody can say what it read.
    is_opaque: bool,
    found: Vec<Diagnostic>,
}

impl Watch for Data {
    fn statement(&mut self, cx: &StatementContext) {
        let mut lost: Vec<Lost> = Vec::new();
        for act in acts(cx, loses) {
            self.losses(cx, act, &mut lost);
        }
        if !lost.is_empty() {
            self.found.push(report(cx, &lost));
        }
        for action in &cx.statement.actions {
            self.notice(cx, action);
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

/// What goes, and since when it was there.
struct Lost {
    what: What,
    /// As it is shown.
    name: String,
    table: QualifiedName,
    /// The column that goes, where the table stays.
    column: Option<Arc<str>>,
    made: Origin,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Table,
    Partition,
    Rows,
    Column,
}

impl Data {
    /// Notes which tables are read to keep what is in them.
    fn notice(&mut self, cx: &StatementContext, action: &Action) {
        let mut read = |names: &[RelationName]| {
            let found = names.iter().filter_map(|name| cx.relation(name).found());
            self.copied.extend(found.map(|table| table.id));
        };
        match action {
            Action::Dml(dml) => match dml.kind {
                DmlKind::Insert | DmlKind::Merge | DmlKind::CopyTo => read(&dml.reads),
                // One column may be filled from another.
                DmlKind::Update => {
                    read(&dml.reads);
                    read(dml.target.as_slice());
                }
                _ => {}
            },
            Action::CreateTable(create) => read(&create.reads),
            Action::Do(block) => {
                self.is_opaque |= block.is_dynamic;
                block.actions.iter().for_each(|action| self.notice(cx, action));
            }
            Action::Call { .. } => self.is_opaque = true,
            _ => {}
        }
    }

    fn losses(&self, cx: &StatementContext, act: &Act, lost: &mut Vec<Lost>) {
        let path = &cx.state.session.search_path;
        let find = |name: &RelationName| act.before.relation(name, path).found();
        let whole = |table: &Relation, what| Lost {
            what,
            name: shown(&table.name),
            table: table.name.clone(),
            column: None,
            made: table.created,
        };
        match act.action {
            Action::Drop(_) => {
                let gone =
                    act.before.relations().filter(|table| act.after.by_id(table.id).is_none());
                for table in gone.filter(|table| self.is_lost(cx, act, table)) {
                    let parents = || table.parents.iter().filter_map(|id| act.before.by_id(*id));
                    match table.is_partition() {
                        true if parents().all(|above| act.after.by_id(above.id).is_none()) => {}
                        true => lost.push(whole(table, What::Partition)),
                        false => lost.push(whole(table, What::Table)),
                    }
                }
            }
            Action::Truncate { table, .. } => {
                let table = find(table).filter(|table| self.is_lost(cx, act, table));
                lost.extend(table.map(|table| whole(table, What::Rows)));
            }
            Action::AlterTable(alter) => {
                let TableChange::DropColumn { column, .. } = &alter.change else { return };
                let Some(table) = find(&alter.table) else { return };
                let Some(column) = table.column(column) else { return };
                if self.is_lost(cx, act, table) && holds_data(cx, &act.before, column) {
                    lost.push(Lost {
                        what: What::Column,
                        name: format!("{}.{}", shown(&table.name), column.name),
                        table: table.name.clone(),
                        column: Some(column.name.clone()),
                        made: column.created,
                    });
                }
            }
            _ => {}
        }
    }

    /// Returns whether rows of a table may be lost that are older than the migration.
    fn is_lost(&self, cx: &StatementContext, act: &Act, table: &Relation) -> bool {
        table.is_table()
            && !cx.is_new_relation(table)
            && !act.before.is_guess(table.created)
            && !self.is_opaque
            && !self.copied.contains(&table.id)
    }
}

/// Returns whether a column has values of its own that are older than the migration.
fn holds_data(cx: &StatementContext, before: &Catalog, column: &Column) -> bool {
    column.generated.is_none()
        && !cx.state.is_in_this_migration(column.created)
        && !before.is_guess(column.created)
}

fn report(cx: &StatementContext, lost: &[Lost]) -> Diagnostic {
    let Some(first) = lost.first() else { return cx.report("nothing is lost") };
    let mut names: Vec<String> = lost.iter().map(|lost| lost.name.clone()).collect();
    names.dedup();
    let (is_one, what) = (names.len() == 1, first.what);
    let rest = names.len().saturating_sub(MAX_SHOWN);
    names.truncate(MAX_SHOWN);
    let names = match rest {
        0 => listed(&names, "and"),
        _ => format!("{} and {rest} more", listed(&names, ",").replace(" , ", ", ")),
    };
    let its = if is_one { "its" } else { "their" };
    let it = if is_one { "it" } else { "them" };
    let is_back = match what {
        What::Table => lost.iter().all(|lost| is_made_again(cx, &lost.table)),
        What::Column => lost.iter().all(|lost| successor(cx, lost).is_some()),
        What::Partition | What::Rows => false,
    };
    let is_renamed =
        || lost.iter().any(|lost| matches!(successor(cx, lost), Some(Successor::Renamed)));
    let fail = if is_back { String::new() } else { format!(", and queries that name {it} fail") };
    let message = match what {
        What::Table if is_one => format!("dropping table {names} loses its rows{fail}"),
        What::Table => format!("dropping {names} loses their rows{fail}"),
        What::Partition => format!("dropping {names} loses {its} rows"),
        What::Rows => format!("truncating {names} loses all of {its} rows"),
        What::Column if is_one => format!("dropping column {names} loses its values{fail}"),
        What::Column => format!("dropping columns {names} loses their values{fail}"),
    };
    let head = cx.migration.history.head(first.made);
    let since =
        if is_one { "it is there since this" } else { "the first of them is there since this" };
    let mut diagnostic =
        cx.report(message).relation(&first.table, None).label(first.made.file, head, since);
    diagnostic = match what {
        What::Table if is_back => diagnostic.note("a table of that name is made anew below, without the rows"),
        What::Table => diagnostic
            .help(format!("rename {it} in this migration, and drop {it} in a later one when nobody has missed {it}"))
            .note("SQLSTATE 42P01: relation does not exist, for the application that still runs"),
        What::Column if is_back && is_renamed() => {
            let note = "another column takes the name below: what that one does not have is lost";
            diagnostic.note(note).at_most(Severity::Info)
        }
        What::Column if is_back => diagnostic
            .help("change it where it is with `alter column ... type ... using`; or rename the old one, fill the new one from it, and drop it last")
            .note(if is_one {
                "a column of that name is added again, without the values"
            } else {
                "columns of those names are added again, without the values"
            }),
        What::Column => diagnostic
            .help(format!("take {it} out of the application first, and drop {it} when no instance reads or writes {it} any more"))
            .note("SQLSTATE 42703: column does not exist, for the application that still runs"),
        What::Partition | What::Rows => {
            diagnostic.help("keep a copy where somebody may ask for it: nothing brings the rows back")
        }
    };
    if matches!(what, What::Table | What::Column) && is_contract_phase(cx.migration) {
        return diagnostic
            .note("a contract phase may take away what no running application uses")
            .at_most(Severity::Info);
    }
    // Partitions come and go.
    if what == What::Partition { diagnostic.at_most(Severity::Info) } else { diagnostic }
}

/// Returns whether a later statement of the migration makes a table or view of that name.
fn is_made_again(cx: &StatementContext, name: &QualifiedName) -> bool {
    let later = cx.migration.script().statements();
    let later = later.filter(|statement| statement.span.start > cx.statement.span.start);
    let is_it = |other: &RelationName| {
        other.name == name.name && other.schema.as_ref().is_none_or(|s| *s == name.schema)
    };
    later.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::CreateTable(create) => create.name.as_ref().is_some_and(is_it),
        Action::CreateView(create) => is_it(&create.name),
        Action::Rename(rename) => *rename.to == *name.name,
        _ => false,
    })
}

/// How a table comes to have a column again of the name of one that goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Successor {
    Added,
    Renamed,
}

/// Returns how the statement or a later one of the migration gives the table a column of the same name.
fn successor(cx: &StatementContext, lost: &Lost) -> Option<Successor> {
    let later = cx.migration.script().statements();
    let later = later.filter(|statement| statement.span.start >= cx.statement.span.start);
    let is_table = |other: &RelationName| {
        other.name == lost.table.name
            && other.schema.as_ref().is_none_or(|schema| *schema == lost.table.schema)
    };
    let is_it = |name: &str| lost.column.as_ref().is_some_and(|column| **column == *name);
    later.flat_map(|statement| &statement.actions).find_map(|action| match action {
        Action::AlterTable(alter) => match &alter.change {
            TableChange::AddColumn { column, .. } => {
                (is_table(&alter.table) && is_it(&column.name)).then_some(Successor::Added)
            }
            _ => None,
        },
        Action::Rename(rename) => {
            let is_column = matches!(rename.part, RenamedPart::Column(_));
            (is_column && is_table(&rename.name) && is_it(&rename.to)).then_some(Successor::Renamed)
        }
        _ => None,
    })
}
