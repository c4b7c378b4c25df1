use super::setting_without_effect::spelled;
use crate::diagnostic::Diagnostic;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::session::milliseconds;
use crate::sql::{Action, LockMode};

/// How long everybody may have to wait behind a statement that waits for its lock.
pub(super) const LONG: f64 = 10_000.0;

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let mut actions = cx.script().statements().flat_map(|statement| &statement.actions);
    actions.any(|action| limit(action).is_some()).then(|| Box::new(Limit::default()) as _)
}

/// Returns the limit for locks that an action sets, in milliseconds.
fn limit(action: &Action) -> Option<f64> {
    let Action::Set(setting) = action else { return None };
    milliseconds(setting.value.as_deref().filter(|_| setting.name == "lock_timeout")?)
}

/// A long limit, until a statement waits under it for a lock behind which others queue.
#[derive(Default)]
struct Limit {
    waiting: Option<Diagnostic>,
    found: Vec<Diagnostic>,
}

impl Watch for Limit {
    fn statement(&mut self, cx: &StatementContext) {
        for limit in cx.statement.actions.iter().filter_map(limit) {
            self.waiting = (limit > LONG).then(|| report(cx, limit));
        }
        if self.waiting.is_some() && waits(cx) {
            self.found.extend(self.waiting.take());
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

/// Returns whether a statement waits for a lock that stops what others do.
fn waits(cx: &StatementContext) -> bool {
    cx.statement.all_actions().any(|action| {
        let locks = cx.locks(action).to_vec();
        locks.iter().any(|lock| lock.mode >= LockMode::ShareLock && cx.is_noticed(lock))
    })
}

fn report(cx: &StatementContext, limit: f64) -> Diagnostic {
    cx.report(format!(
        "with a `lock_timeout` of {}, everybody else may wait that long: their queries queue behind a statement that waits for a strong lock",
        spelled(limit)
    ))
    .help("use a few seconds, and run the migration again if it gives up")
}
