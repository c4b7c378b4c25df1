use super::outage::acts;
use super::replaced::{function, is_altered_later, replaced, says};
use super::spelling::{listed, shown};
use crate::catalog::Function;
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, Volatility};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    let wanted = |action: &Action| function(action).is_some_and(|(create, _)| create.or_replace);
    for act in acts(cx, wanted) {
        let Some((create, _)) = function(act.action).filter(|_| !act.in_block) else { continue };
        let Some((before, after)) = replaced(act, create) else { continue };
        if cx.state.is_in_this_migration(before.changed) {
            continue;
        }
        let lost = lost(cx, before, after);
        if !lost.is_empty() {
            out.push(report(cx, before, &lost));
        }
    }
}

/// Returns what the older one had and the new one has not, unless the statement says so itself or a
/// later one sets it again.
fn lost(cx: &StatementContext, before: &Function, after: &Function) -> Vec<String> {
    let mut lost = Vec::new();
    let is_reset = |words: &[&str], later: &str| {
        !says(cx, words) && !is_altered_later(cx, &before.name.name, later)
    };
    if before.security_definer && !after.security_definer && is_reset(&["invoker"], "definer") {
        lost.push("security definer".to_owned());
    }
    let is_weaker =
        before.volatility != Volatility::Volatile && after.volatility == Volatility::Volatile;
    if is_weaker && is_reset(&["volatile"], before.volatility.as_str()) {
        lost.push(before.volatility.as_str().to_owned());
    }
    if before.strict && !after.strict && is_reset(&["called"], "strict") {
        lost.push("strict".to_owned());
    }
    if before.has_settings && !after.has_settings && is_reset(&[], "set") {
        lost.push("set ...".to_owned());
    }
    lost
}

fn report(cx: &StatementContext, before: &Function, lost: &[String]) -> Diagnostic {
    let message = format!(
        "replacing `{}()` takes {} away from it, which it had until now",
        shown(&before.name),
        listed(lost, "and")
    );
    let head = cx.migration.history.head(before.changed);
    cx.report(message)
        .label(before.changed.file, head, "it has been so since this")
        .help("say it again, or say the opposite if that is meant")
        .note("`create or replace` resets everything that it does not say; only the owner and the privileges stay")
}
