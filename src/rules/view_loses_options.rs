use super::replaced::{is_altered_later, says};
use super::spelling::{listed, shown};
use crate::catalog::Relation;
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::Action;
use crate::sql::lex::lexemes;

/// The options of views.
const OPTIONS: [&str; 3] = ["security_invoker", "security_barrier", "check_option"];

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    for action in &cx.statement.actions {
        let Action::CreateView(create) = action else { continue };
        let Some(view) = cx.relation(&create.name).found().filter(|_| create.or_replace) else {
            continue;
        };
        let lost: Vec<String> = OPTIONS
            .iter()
            .filter(|option| had(cx, view, option) && !says(cx, &[option]))
            .filter(|option| !is_altered_later(cx, &view.name.name, option))
            .map(|&option| option.to_owned())
            .collect();
        if !lost.is_empty() {
            out.push(report(cx, view, &lost));
        }
    }
}

/// Returns whether the statement that last made the view gives it an option.
fn had(cx: &StatementContext, view: &Relation, option: &str) -> bool {
    let file = cx.migration.history.sources.get(view.changed.file);
    let mut words = lexemes(file.slice(view.changed.span));
    let is_named = words.any(|lexeme| lexeme.is(option));
    // `security_invoker = false` is as good as nothing.
    let is_off = words.nth(1).is_some_and(|value| value.is("false") || value.is("off"));
    is_named && !is_off
}

fn report(cx: &StatementContext, view: &Relation, lost: &[String]) -> Diagnostic {
    let message = format!("replacing view `{}` resets {}", shown(&view.name), listed(lost, "and"));
    let head = cx.migration.history.head(view.changed);
    cx.report(message)
        .label(view.changed.file, head, "it is set here")
        .relation(&view.name, None)
        .help(format!("say `with ({})` again", lost.join(", ")))
        .note("`create or replace view` keeps the owner and the privileges, and no option")
}
