use super::per_transaction::PerTransaction;
use super::spelling::shown;
use crate::catalog::QualifiedName;
use crate::diagnostic::Diagnostic;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, DmlKind, LockMode};

pub(super) fn watch(_: &MigrationContext) -> Option<Box<dyn Watch>> {
    Some(Box::new(Upgrade::default()))
}

#[derive(Default)]
struct Upgrade {
    held: PerTransaction<Held>,
    found: Vec<Diagnostic>,
}

/// What one transaction has locked.
#[derive(Default)]
struct Held {
    rows: Vec<Rows>,
    /// The tables that nobody else can write to any more.
    locked: Vec<QualifiedName>,
}

struct Rows {
    table: QualifiedName,
    span: Span,
    command: &'static str,
    is_reported: bool,
}

impl Watch for Upgrade {
    fn statement(&mut self, cx: &StatementContext) {
        if cx.state.transaction.is_none() {
            return;
        }
        let held = self.held.of(cx);
        for action in cx.statement.all_actions() {
            match action {
                Action::Dml(_) => {
                    let found = rows(cx, action);
                    held.rows.extend(found.filter(|rows| !held.locked.contains(&rows.table)));
                }
                action => held.lock(cx, action, &mut self.found),
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

impl Held {
    fn lock(&mut self, cx: &StatementContext, action: &Action, out: &mut Vec<Diagnostic>) {
        for lock in cx.locks(action).iter() {
            // Weaker ones do not keep out those who write rows.
            if lock.mode < LockMode::ShareLock || !cx.is_noticed(lock) {
                continue;
            }
            let is_it = |rows: &&mut Rows| !rows.is_reported && rows.table == lock.relation;
            if let Some(rows) = self.rows.iter_mut().find(is_it) {
                rows.is_reported = true;
                out.push(report(cx, rows, lock.mode));
            }
            self.locked.push(lock.relation.clone());
        }
    }
}

/// Returns the rows that an action locks, if others may wait for them.
fn rows(cx: &StatementContext, action: &Action) -> Option<Rows> {
    let Action::Dml(dml) = action else { return None };
    let command = match dml.kind {
        DmlKind::Update => "update",
        DmlKind::Delete => "delete",
        DmlKind::Merge => "merge",
        // Nobody waits for new rows, except for those with the same key.
        _ => return None,
    };
    let name = dml.target.as_ref().filter(|name| !name.is_dynamic())?;
    let table = cx.state.catalog.resolve(name, &cx.state.session.search_path);
    let span = cx.statement.span;
    cx.is_in_use(&table).then_some(Rows { table, span, command, is_reported: false })
}

fn report(cx: &StatementContext, rows: &Rows, mode: LockMode) -> Diagnostic {
    let table = shown(&rows.table);
    let mode_name = mode.keyword();
    let article = if mode_name.starts_with(['A', 'E']) { "an" } else { "a" };
    let message = format!(
        "this may deadlock: it needs {article} {mode_name} lock on `{table}`, and the transaction has locked rows of it that others may wait for already"
    );
    let file = cx.migration.migration().file;
    let label = format!("this `{}` locks rows of `{table}`", rows.command);
    let diagnostic = cx
        .report(message)
        .relation(&rows.table, Some(mode))
        .label(file, crate::sql::head(cx.file(), rows.span), label)
        .note("a session that waits for one of the rows holds a lock on the table meanwhile: each waits for the other, and the server ends one of them (SQLSTATE 40P01)")
        .help(format!("change the rows in a migration of their own, or take the lock first: `lock table {table} in {} mode`", mode_name.to_ascii_lowercase()));
    cx.explain_transaction(diagnostic)
}
