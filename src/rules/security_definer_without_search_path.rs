use super::outage::acts;
use super::replaced::{function, is_altered_later, replaced};
use super::spelling::shown;
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, Create, FunctionDefinition};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    let wanted = |action: &Action| function(action).is_some_and(|(_, made)| is_open(made));
    for act in acts(cx, wanted) {
        let Some((create, _)) = function(act.action) else { continue };
        let before = replaced(act, create).map(|(before, _)| before);
        // That it had one until now is for `function-loses-attributes` to say.
        let is_told = before.is_some_and(|before| before.has_settings);
        if !is_told && !is_altered_later(cx, &create.name.name, "set") {
            out.push(report(cx, create));
        }
    }
}

/// Returns whether a function runs with the rights of its owner and looks names up as its caller says.
fn is_open(made: &FunctionDefinition) -> bool {
    let is_native = made.language.as_deref().is_some_and(|language| {
        language.eq_ignore_ascii_case("c") || language.eq_ignore_ascii_case("internal")
    });
    // The names in a body that is SQL of its own were looked up when it was made.
    made.security_definer && !made.has_settings && !made.sql_body && !is_native
}

fn report(cx: &StatementContext, create: &Create) -> Diagnostic {
    let full = cx.state.catalog.resolve(&create.name, &cx.state.session.search_path);
    let message = format!(
        "`{}()` runs with the rights of its owner, but looks names up where its caller says",
        shown(&full)
    );
    cx.report(message)
        .help("add `set search_path = ''`, and name the schema of everything in the body; or `set search_path = public, pg_temp`")
        .note("whoever may call it can put a table or function of the same name before the one that is meant")
}
