use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;
use crate::session::milliseconds;
use crate::sql::Action;

/// How long everybody may have to wait behind a statement that waits for its lock.
const LONG: f64 = 10_000.0;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        let Action::Set(setting) = action else { continue };
        let Some(value) = setting.value.as_deref().filter(|_| setting.name == "lock_timeout")
        else {
            continue;
        };
        if milliseconds(value).is_some_and(|limit| limit > LONG) {
            out.push(
                cx.report(format!(
                    "with a `lock_timeout` of {value}, everybody else may wait that long: their queries queue behind a statement that waits for a strong lock"
                ))
                .help("use a few seconds, and run the migration again if it gives up"),
            );
        }
    }
}
