use crate::diagnostic::Diagnostic;
use crate::layout::{Migration, commented_sql};
use crate::rule::HistoryContext;
use crate::sql::Script;

use super::files::{beginning, is_many, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let empty: Vec<&Migration> = cx
        .set
        .ups()
        .filter(|(at, up)| is_empty(&cx.scripts[*at]) && cx.file(up).encoding.is_none())
        .map(|(_, up)| up)
        .collect();
    let Some(first) = empty.first() else { return };
    // A directory with so many of them keeps them on purpose.
    if is_many(empty.len()) && cx.set.layout.empty_up.is_empty() {
        let names: Vec<String> = empty.iter().map(|up| cx.file_name(up)).collect();
        let message =
            format!("nothing happens when {} are applied: they hold no statement", list(&names));
        out.push(report(cx, first, message));
        return;
    }
    out.extend(empty.iter().map(|up| {
        let name = cx.file_name(up);
        let what = match commented_sql(cx.file(up), up.section) {
            Some(_) => "all of its SQL is commented out",
            None => "it holds no statement",
        };
        let message = match cx.set.layout.empty_up {
            "" => format!("nothing happens when `{name}` is applied: {what}"),
            consequence => format!("{consequence} when it applies `{name}`: {what}"),
        };
        report(cx, up, message)
    }));
}

fn is_empty(script: &Script) -> bool {
    script.items.is_empty() && script.copy_data.is_empty() && script.meta_commands.is_empty()
}

fn report(cx: &HistoryContext, up: &Migration, message: String) -> Diagnostic {
    Diagnostic::new(up.file, beginning(cx, up), message)
        .help("write `select 1;` if that is meant, so that nobody takes the file for unfinished")
}
