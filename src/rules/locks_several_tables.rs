use super::per_transaction::PerTransaction;
use super::spelling::shown;
use super::strong_locks::{StrongLocks, Taken};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::sql::LockMode;

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_up = cx.migration().direction == Direction::Up;
    is_up.then(|| Box::new(Several::default()) as Box<dyn Watch>)
}

#[derive(Default)]
struct Several {
    /// The locks of the transaction, and whether it was reported.
    locks: PerTransaction<(StrongLocks, bool)>,
    found: Vec<Diagnostic>,
}

impl Watch for Several {
    fn statement(&mut self, cx: &StatementContext) {
        let (locks, is_reported) = self.locks.of(cx);
        if *is_reported {
            return;
        }
        if let Some((first, next)) = locks.take(cx).first() {
            *is_reported = true;
            self.found.push(report(cx, first, next));
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

fn report(cx: &StatementContext, first: &Taken, next: &Taken) -> Diagnostic {
    let (held, taken) = (shown(&first.name), shown(&next.name));
    let message = format!(
        "while this waits for `{taken}`, nobody can use `{held}`; a session that uses `{taken}` and then `{held}` may deadlock with it"
    );
    let file = cx.migration.migration().file;
    let label = format!("this locks `{held}`");
    let diagnostic = cx
        .report(message)
        .relation(&next.name, Some(LockMode::AccessExclusiveLock))
        .relation(&first.name, Some(LockMode::AccessExclusiveLock))
        .label(file, crate::sql::head(cx.file(), first.span), label)
        .note("SQLSTATE 40P01: deadlock detected; the server ends one of the two transactions")
        .help(format!("change each table in a migration of its own, or lock both at first, in the order in which the application uses them: `lock table {held}, {taken} in access exclusive mode`"));
    cx.explain_transaction(diagnostic)
}
