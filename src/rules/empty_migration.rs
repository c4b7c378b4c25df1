use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Migration, commented_sql};
use crate::rule::HistoryContext;
use crate::sql::Script;

use super::files::{beginning, is_many, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let empty: Vec<(usize, &Migration)> = cx
        .set
        .ups()
        .filter(|(at, up)| is_empty(&cx.scripts[*at]) && cx.file(up).encoding.is_none())
        .filter(|(_, up)| !is_for_the_framework(cx, up))
        .collect();
    let Some((_, first)) = empty.first() else { return };
    // A directory with so many of them keeps them on purpose.
    if is_many(empty.len()) && cx.set.layout.empty_up.is_empty() {
        let names: Vec<String> = empty.iter().map(|(_, up)| cx.file_name(up)).collect();
        let message =
            format!("nothing happens when {} are applied: they hold no statement", list(&names));
        out.push(report(cx, first, message));
        return;
    }
    out.extend(empty.iter().map(|(at, up)| {
        let name = cx.file_name(up);
        let has_sql = commented_sql(cx.file(up), up.section).is_some();
        let what =
            if has_sql { "all of its SQL is commented out" } else { "it holds no statement" };
        let message = match cx.set.layout.empty_up {
            "" => format!("nothing happens when `{name}` is applied: {what}"),
            consequence => format!("{consequence} when it applies `{name}`: {what}"),
        };
        let diagnostic = report(cx, up, message);
        let is_explained = !has_sql && !cx.scripts[*at].comments.is_empty();
        if is_explained && cx.set.layout.empty_up.is_empty() {
            return diagnostic.at_most(Severity::Info);
        }
        diagnostic
    }));
}

/// Returns whether a migration without SQL is there for its framework: it joins two branches, or changes
/// only what Django knows of its models.
fn is_for_the_framework(cx: &HistoryContext, up: &Migration) -> bool {
    let facts = cx.file(up).embedded.as_ref().map(|embedded| &embedded.facts);
    facts.is_some_and(|facts| facts.framework == "django" || facts.parents.len() > 1)
}

fn is_empty(script: &Script) -> bool {
    script.items.is_empty() && script.copy_data.is_empty() && script.meta_commands.is_empty()
}

fn report(cx: &HistoryContext, up: &Migration, message: String) -> Diagnostic {
    Diagnostic::new(up.file, beginning(cx, up), message)
        .help("write `select 1;` if that is meant, so that nobody takes the file for unfinished")
}
