use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Down, DownStyle, Migration};
use crate::rule::HistoryContext;
use crate::source::Span;
use crate::sql::{Action, DmlKind, Script};

use super::files::{at_once, beginning, content, first_line, is_many, length, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    if !has_habit(cx) {
        return;
    }
    let ups = || cx.set.ups().filter(|(at, up)| !up.unnumbered && needs_down(&cx.scripts[*at]));
    // dbmate refuses the file on the way up too, which `broken-sections` reports.
    let may_be_missing = cx.set.layout.name != "dbmate";
    let is_missing = |up: &&Migration| may_be_missing && up.down == Down::Missing;
    let missing: Vec<&Migration> = ups().map(|(_, up)| up).filter(is_missing).collect();
    let empty: Vec<&Migration> =
        ups().map(|(_, up)| up).filter(|up| matches!(up.down, Down::Empty { .. })).collect();
    let has_any = cx.set.ups().any(|(_, up)| up.down != Down::Missing);
    if has_any {
        report_missing(cx, &missing, out);
    }
    report_empty(cx, &empty, out);
}

/// Returns whether downs are written in this directory at all.
fn has_habit(cx: &HistoryContext) -> bool {
    let ups = cx.set.ups().filter(|(_, up)| !up.unnumbered).count();
    // Empty downs alone are no habit: some runners write them themselves, or insist on them.
    let is_written = |down| matches!(down, Down::Present | Down::NotRead | Down::Commented { .. });
    let with_down = cx.set.ups().filter(|(_, up)| is_written(up.down)).count();
    match cx.set.layout.downs {
        DownStyle::File | DownStyle::Section => {
            with_down > 0 || cx.set.layout.empty_down.is_error()
        }
        DownStyle::Habit => with_down * 2 >= ups && with_down > 0,
        DownStyle::None => false,
    }
}

/// Returns whether the script changes more than rows that it adds.
fn needs_down(script: &Script) -> bool {
    let mut actions = script.statements().flat_map(|statement| &statement.actions);
    let is_understood = script.not_analysed() == 0;
    !is_understood
        || actions.any(|action| match action {
            Action::Set(_)
            | Action::Transaction(_)
            | Action::Analyze { .. }
            | Action::Vacuum { .. } => false,
            Action::Dml(dml) => {
                matches!(dml.kind, DmlKind::Update | DmlKind::Delete | DmlKind::Merge)
            }
            _ => true,
        })
}

fn report_missing(cx: &HistoryContext, missing: &[&Migration], out: &mut Vec<Diagnostic>) {
    let layout = cx.set.layout;
    let is_habit = layout.downs == DownStyle::Habit;
    let (place, help) = match layout.downs {
        DownStyle::Section => ("no down section", "write the down section"),
        _ => ("no down", "write the down"),
    };
    let finish = |diagnostic: Diagnostic| {
        let diagnostic = diagnostic.help(help);
        if !is_habit {
            return diagnostic;
        }
        diagnostic
            .note("at least half of the migrations here have a down, if only in comments")
            .at_most(Severity::Info)
    };
    if let (true, Some(first)) = (is_many(missing.len()), missing.first()) {
        let names: Vec<String> = missing.iter().map(|up| cx.file_name(up)).collect();
        let message = format!(
            "{} of {} migrations cannot be taken back, for they have {place}: {}",
            missing.len(),
            cx.set.ups().count(),
            list(&names)
        );
        let diagnostic = Diagnostic::new(first.file, beginning(cx, first), message);
        out.push(finish(with_consequence(diagnostic, layout.missing_down)));
        return;
    }
    out.extend(missing.iter().map(|up| {
        let name = cx.file_name(up);
        let message = match layout.missing_down {
            "" => format!("nothing takes `{name}` back: it has {place}"),
            consequence => format!("{}: `{name}` has {place}", at_once(consequence)),
        };
        finish(Diagnostic::new(up.file, beginning(cx, up), message))
    }));
}

fn report_empty(cx: &HistoryContext, empty: &[&Migration], out: &mut Vec<Diagnostic>) {
    let layout = cx.set.layout;
    let finish = |diagnostic: Diagnostic| {
        let diagnostic =
            diagnostic.help("write the down; if there is nothing to undo, say so with `select 1;`");
        // Where that is no error it may be meant.
        if layout.empty_down.is_error() { diagnostic } else { diagnostic.at_most(Severity::Info) }
    };
    if let (true, Some(first)) = (is_many(empty.len()), empty.first()) {
        let names: Vec<String> = empty.iter().map(|up| cx.file_name(up)).collect();
        let message = format!(
            "the downs of {} of {} migrations hold no statement: {}",
            empty.len(),
            cx.set.ups().count(),
            list(&names)
        );
        if let Some(diagnostic) = at_down(cx, first, message) {
            out.push(finish(with_consequence(diagnostic, layout.empty_down.sentence())));
        }
        return;
    }
    out.extend(empty.iter().filter_map(|up| {
        let name = cx.file_name(up);
        let place = match up.down {
            Down::Empty { file, .. } if file != up.file => {
                format!("`{}` holds no statement", cx.path(file))
            }
            _ => format!("the down of `{name}` holds no statement"),
        };
        let message = match layout.empty_down.sentence() {
            "" => format!("nothing takes `{name}` back: its down holds no statement"),
            consequence => format!("{}: {place}", at_once(consequence)),
        };
        Some(finish(at_down(cx, up, message)?))
    }));
}

fn with_consequence(diagnostic: Diagnostic, consequence: &'static str) -> Diagnostic {
    if consequence.is_empty() { diagnostic } else { diagnostic.note(consequence) }
}

/// Makes a diagnostic at an empty down: at its first line, or at the line that begins it.
fn at_down(cx: &HistoryContext, up: &Migration, message: String) -> Option<Diagnostic> {
    let Down::Empty { file: id, section } = up.down else { return None };
    let file = cx.sources.get(id);
    let line = first_line(file, section);
    let line = if line.start == line.end && file.embedded.is_none() {
        line_before(file.text.get(..section.start as usize)?)
    } else {
        line
    };
    Some(Diagnostic::new(id, line, message))
}

/// Returns the last line of `text` that is not blank.
fn line_before(text: &str) -> Span {
    let line = text.trim_end().rsplit('\n').next().unwrap_or_default();
    let at = length(text.trim_end()) - length(line);
    content(line, at).unwrap_or_default()
}
