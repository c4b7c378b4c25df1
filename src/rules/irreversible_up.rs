use crate::catalog::{Catalog, Origin, QualifiedName};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext};
use crate::source::Span;
use crate::sql::{Action, DmlKind, ObjectKind, RelationName, TableChange, head};

use super::files::list;
use super::narrowing::narrowing;
use super::pair::{self, Pair};

/// How many places are pointed at beside the first.
const POINTED_AT: usize = 3;

pub(super) fn check(up: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let next = up.history.set.migrations.get(up.index + 1);
    let has_down = next.is_some_and(|next| next.direction == Direction::Down);
    let mut actions = up.script().statements().flat_map(|statement| &statement.actions);
    if up.migration().direction != Direction::Up || !has_down || !actions.any(is_candidate) {
        return;
    }
    let mut lost: Vec<Lost> = Vec::new();
    let mut before: State = up.replay(|cx| {
        for action in &cx.statement.actions {
            lost.extend(find(cx, action));
        }
    });
    before.end_migration();
    before.session = up.before.session.clone();
    let (history, index) = (up.history, up.index + 1);
    let down = MigrationContext { history, index, before: &before, before_up: Some(up.before) };
    let Some(pair) = Pair::of(&down) else { return };
    if pair::is_idle(down.script()) {
        return;
    }
    lost.retain(|lost| lost.is_pretended(&pair));
    out.extend(report(&pair, &lost));
}

fn is_candidate(action: &Action) -> bool {
    match action {
        Action::Truncate { .. } => true,
        Action::Drop(drop) => drop.kind == ObjectKind::Table,
        Action::Dml(dml) => dml.kind == DmlKind::Delete,
        Action::AlterTable(alter) => {
            matches!(alter.change, TableChange::DropColumn { .. } | TableChange::SetType { .. })
        }
        _ => false,
    }
}

/// Data that the up takes away.
struct Lost {
    what: What,
    table: QualifiedName,
    span: Span,
    /// What is said of it.
    name: String,
}

enum What {
    Table,
    Column(String),
    Rows,
    /// The column, and the type that it had.
    Values(String, String),
}

/// Returns what a statement of the up takes from a table that is older than it.
fn find(cx: &StatementContext, action: &Action) -> Option<Lost> {
    let (name, what): (&RelationName, What) = match action {
        Action::Truncate { table, .. } => (table, What::Rows),
        Action::Drop(drop) if drop.kind == ObjectKind::Table => (&drop.name, What::Table),
        Action::Dml(dml) if dml.kind == DmlKind::Delete => (dml.target.as_ref()?, What::Rows),
        Action::AlterTable(alter) => match &alter.change {
            TableChange::DropColumn { column, .. } => (&alter.table, What::Column(column.clone())),
            TableChange::SetType { column, type_name, .. } => {
                let catalog = &cx.state.catalog;
                let found = cx.relation(&alter.table).found()?.column(column)?;
                let from = catalog.format_type(&found.type_name, found.type_id);
                let to = catalog.format_type(type_name, None);
                narrowing(&from, &to)?;
                (&alter.table, What::Values(column.clone(), from))
            }
            _ => return None,
        },
        _ => return None,
    };
    let table = cx.relation(name).found()?;
    let is_older =
        !cx.is_new_relation(table) && table.is_table() && !cx.state.catalog.is_guess(table.created);
    if !is_older || is_copied(cx.migration, name) {
        return None;
    }
    let shown = match &what {
        What::Table | What::Rows => name.to_string(),
        What::Column(column) | What::Values(column, _) => {
            let found = table.column(column)?;
            // What is computed from other columns is there again.
            if cx.state.is_in_this_migration(found.created) || found.generated.is_some() {
                return None;
            }
            format!("{name}.{column}")
        }
    };
    let span = cx.statement.head(cx.file());
    Some(Lost { what, table: table.name.clone(), span, name: shown })
}

/// Returns whether the up reads the table to write something else, which may keep what it takes away.
fn is_copied(up: &MigrationContext, table: &RelationName) -> bool {
    let is_it = |name: &RelationName| name.name == table.name;
    let mut actions = up.script().statements().flat_map(|statement| &statement.actions);
    actions.any(|action| match action {
        Action::Dml(dml) => match dml.kind {
            DmlKind::Insert | DmlKind::Merge | DmlKind::CopyTo => dml.reads.iter().any(is_it),
            // One column may be filled from another.
            DmlKind::Update => {
                dml.reads.iter().any(is_it) || dml.target.as_ref().is_some_and(is_it)
            }
            _ => false,
        },
        Action::CreateTable(create) => create.reads.iter().any(is_it),
        Action::Do(_) | Action::Call { .. } => true,
        _ => false,
    })
}

impl Lost {
    /// Returns whether the down makes it look as if nothing had been lost.
    fn is_pretended(&self, pair: &Pair) -> bool {
        let name =
            RelationName { schema: Some(self.table.schema.clone()), name: self.table.name.clone() };
        if pair::writes_to(pair.down, &name) {
            return false;
        }
        let end: &Catalog = &pair.end.catalog;
        let Some(table) = end.get(&self.table) else { return false };
        match &self.what {
            What::Table => pair.is_of_down(table.created),
            What::Column(column) => {
                table.column(column).is_some_and(|column| pair.is_of_down(column.created))
            }
            What::Rows => true,
            What::Values(column, from) => table
                .column(column)
                .is_some_and(|column| end.format_type(&column.type_name, column.type_id) == *from),
        }
    }

    /// Returns the statement of the down that makes it anew.
    fn made_anew(&self, pair: &Pair) -> Option<Origin> {
        let table = pair.end.catalog.get(&self.table)?;
        match &self.what {
            What::Table => Some(table.created),
            What::Column(column) => table.column(column).map(|column| column.created),
            What::Rows | What::Values(..) => None,
        }
    }
}

fn report(pair: &Pair, lost: &[Lost]) -> Option<Diagnostic> {
    let (first, rest) = lost.split_first()?;
    let mut names: Vec<String> = lost.iter().map(|lost| lost.name.clone()).collect();
    names.dedup();
    let is_empty = lost.iter().all(|lost| matches!(lost.what, What::Table | What::Column(_)));
    let message = if is_empty {
        format!("the down brings {} back without the data", list(&names))
    } else {
        format!("the down cannot bring back what the up takes from {}", list(&names))
    };
    let file = pair.up.migration().file;
    let mut diagnostic = Diagnostic::new(file, first.span, message).relation(&first.table, None);
    for other in rest.iter().filter(|other| other.span != first.span).take(POINTED_AT) {
        diagnostic = diagnostic.label(file, other.span, "the data is gone after this too");
    }
    if let Some(made) = first.made_anew(pair) {
        let source = pair.down.history.sources.get(made.file);
        diagnostic = diagnostic.label(made.file, head(source, made.span), "made anew here");
    }
    Some(
        diagnostic
            .help("copy the data to another table in the up and back in the down, or say in the down that there is no way back: `do $$ begin raise exception 'no way back'; end $$`")
            .at_most(Severity::Info),
    )
}
