use super::per_transaction::PerTransaction;
use super::spelling::{listed, shown};
use crate::catalog::{Constraint, ObjectId, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, Dml, DmlKind, ObjectKind, TableChange};

pub(super) fn watch(_: &MigrationContext) -> Option<Box<dyn Watch>> {
    Some(Box::new(Pending::default()))
}

#[derive(Default)]
struct Pending {
    events: PerTransaction<Vec<Event>>,
    found: Vec<Diagnostic>,
}

/// A table of which the transaction has changed rows that are still to be checked.
struct Event {
    table: ObjectId,
    span: Span,
    command: &'static str,
    keys: Vec<String>,
    /// Whether it certainly changes a row.
    is_certain: bool,
}

impl Watch for Pending {
    fn statement(&mut self, cx: &StatementContext) {
        if cx.state.transaction.is_none() {
            return;
        }
        let events = self.events.of(cx);
        for action in cx.statement.all_actions() {
            match action {
                Action::Dml(dml) => events.extend(event(cx, dml)),
                // It checks what is pending, or may.
                Action::Other { command: "SET CONSTRAINTS", .. } => events.clear(),
                action if !events.is_empty() => self.found.extend(look(cx, action, events)),
                _ => {}
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

/// Reports an action that changes one of the tables.
fn look(cx: &StatementContext, action: &Action, events: &mut Vec<Event>) -> Option<Diagnostic> {
    let table = refused(cx, action)?;
    let at = events.iter().position(|event| event.table == table.id)?;
    Some(report(cx, table, &events.swap_remove(at)))
}

/// Returns the table that an action cannot change while checks of its rows are pending.
///
/// Source: `CheckTableNotInUse` of PostgreSQL's `tablecmds.c`, and its callers.
fn refused<'a>(cx: &StatementContext<'a>, action: &Action) -> Option<&'a Relation> {
    let name = match action {
        Action::AlterTable(alter)
            if !matches!(alter.change, TableChange::ValidateConstraint { .. }) =>
        {
            &alter.table
        }
        Action::CreateIndex(create) => &create.table,
        Action::Drop(drop) if drop.kind == ObjectKind::Table => &drop.name,
        Action::Truncate { table, .. } => table,
        _ => return None,
    };
    let path = &cx.state.session.search_path;
    cx.state.catalog.relation(name, path).found()
}

/// Returns what a statement leaves to be checked when the transaction ends.
fn event(cx: &StatementContext, dml: &Dml) -> Option<Event> {
    let command = match dml.kind {
        DmlKind::Insert => "insert",
        DmlKind::Update => "update",
        DmlKind::Delete => "delete",
        _ => return None,
    };
    let path = &cx.state.session.search_path;
    let table = cx.state.catalog.relation(dml.target.as_ref()?, path).found()?;
    let is_set = |columns: &[String]| columns.iter().any(|column| dml.columns.contains(column));
    let is_checked = |key: &Constraint| key.deferred && key.enforced;
    let own = table.constraints.iter().filter(|key| {
        is_checked(key)
            && key.references.is_some()
            && match dml.kind {
                DmlKind::Insert => true,
                DmlKind::Update => is_set(&key.columns),
                _ => false,
            }
    });
    let mut keys: Vec<String> = own.map(|key| key.name.to_string()).collect();
    if dml.kind != DmlKind::Insert {
        for other in cx.state.catalog.related(table.id) {
            let to_it = other.constraints.iter().filter(|key| {
                is_checked(key)
                    && key.references == Some(table.id)
                    && (dml.kind == DmlKind::Delete || is_set(&key.referenced_columns))
            });
            keys.extend(to_it.map(|key| key.name.to_string()));
        }
    }
    let is_certain = dml.kind == DmlKind::Insert && dml.width.is_some() && !dml.has_on_conflict;
    let span = cx.statement.span;
    (!keys.is_empty()).then_some(Event { table: table.id, span, command, keys, is_certain })
}

fn report(cx: &StatementContext, table: &Relation, event: &Event) -> Diagnostic {
    let name = shown(&table.name);
    let keys = listed(&event.keys, "and");
    let when = if event.is_certain { "" } else { " if a row was changed before" };
    let label = format!("rows of `{name}` that {keys} checks when the transaction ends");
    let file = cx.migration.migration().file;
    let diagnostic = cx
        .report(format!("the server refuses to change `{name}`{when}: {keys} is still to be checked"))
        .relation(&table.name, None)
        .label(file, crate::sql::head(cx.file(), event.span), label)
        .note(format!("SQLSTATE 55006: the table has pending trigger events of this `{}`", event.command))
        .help("check what is pending before: `set constraints all immediate`, or put the rows into a migration of their own");
    let diagnostic = cx.explain_transaction(diagnostic);
    if event.is_certain { diagnostic } else { diagnostic.at_most(Severity::Warning) }
}
