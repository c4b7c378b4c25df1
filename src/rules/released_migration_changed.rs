use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Compares, Direction, Identity, Migration, OnEdit};
use crate::past::{Comparison, Past, Released, is_same_sql};
use crate::rule::HistoryContext;
use crate::source::Span;
use crate::sql::{Item, head};

use super::files::{beginning, is_many, list, released_name};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    // Files that nobody orders are run by hand, whenever somebody wants to.
    let Some(past) = cx.past.filter(|_| cx.set.layout.name != "plain") else { return };
    let comparison = past.compare(cx.set, cx.sources);
    let mut edits = Vec::new();
    for (old, at) in &comparison.kept {
        edits.extend(edited(cx, past, *old, *at));
    }
    for (old, at) in &comparison.renamed {
        match renamed(cx, past, *old, *at) {
            Some(diagnostic) => out.push(diagnostic),
            None => edits.extend(edited(cx, past, *old, *at)),
        }
    }
    out.extend(together(cx, past, edits));
    gone(cx, past, &comparison, out);
}

/// Makes one report of many edits: whoever formats a directory anew knows the rest.
fn together(cx: &HistoryContext, past: &Past, edits: Vec<Diagnostic>) -> Vec<Diagnostic> {
    if !is_many(edits.len()) {
        return edits;
    }
    let names: Vec<String> = edits.iter().map(|edit| cx.path(edit.file)).collect();
    // The worst one stands for all.
    let Some(mut worst) = edits.into_iter().rev().max_by_key(|edit| edit.at_most) else {
        return Vec::new();
    };
    let others = format!(
        "{} migrations are not what they are in `{}`: {}",
        names.len(),
        past.revision,
        list(&names)
    );
    worst.notes.insert(0, others.into());
    vec![worst]
}

const LEAVE: &str = "leave it as it was, and change what it made in a new migration";

/// Reports a migration that is not what it was.
fn edited(cx: &HistoryContext, past: &Past, old: Released, at: usize) -> Option<Diagnostic> {
    let books = cx.set.layout.bookkeeping();
    let new = &cx.set.migrations[at];
    let text = cx.file(new).slice(new.section);
    let is_same_effect = is_same_sql(old.text(), text);
    let is_noticed = match books.compares {
        Compares::TrimmedLines => {
            let down = |text: &str| compared(Compares::TrimmedLines, text).into_owned();
            down(old.text()) != down(text) || !is_same_down(cx, past, old, at)
        }
        compares => compared(compares, old.text()) != compared(compares, text),
    };
    if is_same_effect && !is_noticed {
        return None;
    }
    let (name, revision) = (cx.file_name(new), &past.revision);
    let applied = format!("where `{name}` has been applied: it is not what it is in `{revision}`");
    let (message, most) = match books.edited {
        OnEdit::Fails(consequence) if is_noticed => {
            (format!("{consequence} {applied}"), Severity::Error)
        }
        OnEdit::Warns(consequence) if is_noticed => {
            (format!("{consequence} {applied}"), Severity::Warning)
        }
        _ if is_same_effect => return None,
        OnEdit::Unnoticed | OnEdit::Warns(_) | OnEdit::Fails(_) => {
            let runner = cx.set.layout.runner();
            let message =
                format!("{runner} does not notice, and databases keep what they have, {applied}");
            (message, Severity::Warning)
        }
        OnEdit::Unknown => {
            let message = format!("databases keep what they have {applied}");
            // A loop may apply every file each time.
            let is_loop = cx.set.layout.name == "psql";
            (message, if is_loop { Severity::Info } else { Severity::Warning })
        }
    };
    let is_ending = |text: &str| text.replace("\r\n", "\n");
    let what = if !is_same_effect {
        None
    } else if is_ending(old.text()) == is_ending(text) {
        Some(
            "only its line endings are others, but they count; `* text eol=lf` in .gitattributes keeps them",
        )
    } else {
        Some("only comments or white space are others, but they count")
    };
    let place = first_difference(cx, old, at).unwrap_or_else(|| beginning(cx, new));
    let diagnostic = Diagnostic::new(new.file, place, message).help(LEAVE).at_most(most);
    Some(match what {
        Some(what) => diagnostic.note(what),
        None => diagnostic,
    })
}

/// Returns a text as its runner compares it.
fn compared(compares: Compares, text: &str) -> Cow<'_, str> {
    let without_mark = text.trim_start_matches('\u{feff}');
    match compares {
        Compares::Nothing => "".into(),
        Compares::Bytes => text.into(),
        Compares::Lines => without_mark.replace("\r\n", "\n").into(),
        Compares::TrimmedLines => text.lines().map(str::trim).collect::<Vec<_>>().join("\n").into(),
        Compares::Words => text.split_whitespace().collect::<Vec<_>>().join(" ").into(),
    }
}

/// Returns whether the down of a migration is what it was.
fn is_same_down(cx: &HistoryContext, past: &Past, old: Released, at: usize) -> bool {
    let is_down = |down: &&Migration| down.direction == Direction::Down;
    let new = cx.set.migrations.get(at + 1).filter(is_down);
    let Some(set) = &past.base.set else { return true };
    let place = set.ups().find(|(_, up)| std::ptr::eq(*up, old.migration)).map(|(at, _)| at);
    let old = place.and_then(|at| set.migrations.get(at + 1)).filter(is_down);
    let old = old.map(|down| past.base.sources.get(down.file).slice(down.section));
    let new = new.map(|down| cx.file(down).slice(down.section));
    let lines = |text: &str| compared(Compares::TrimmedLines, text).trim().to_owned();
    old.map(lines) == new.map(lines)
}

/// Returns the first statement that the migration did not have.
fn first_difference(cx: &HistoryContext, old: Released, at: usize) -> Option<Span> {
    let file = cx.file(&cx.set.migrations[at]);
    let before = crate::sql::parse(old.file(), old.migration.section);
    let mut before = before.items.iter().map(|item| old.file().slice(item.span()));
    let is_other = |item: &&Item| {
        !before.next().is_some_and(|before| is_same_sql(before, file.slice(item.span())))
    };
    let item = cx.scripts[at].items.iter().find(is_other)?;
    Some(head(file, item.span()))
}

/// Reports a migration that its runner does not know again.
fn renamed(cx: &HistoryContext, past: &Past, old: Released, at: usize) -> Option<Diagnostic> {
    let new = &cx.set.migrations[at];
    let is_same_number = old.migration.version.text == new.version.text
        || old.migration.version.is_same(&new.version);
    let (runner, most) = match cx.set.layout.bookkeeping().identity {
        Identity::Version if is_same_number => return None,
        Identity::Unknown if is_same_number && !new.unnumbered => return None,
        Identity::Version | Identity::Name => (cx.set.layout.runner(), Severity::Error),
        Identity::Unknown => (cx.set.layout.runner(), Severity::Warning),
    };
    let message = format!(
        "{runner} takes `{}` for a new migration: it is `{}` in `{}`",
        cx.file_name(new),
        released_name(cx, old),
        past.revision
    );
    let diagnostic = Diagnostic::new(new.file, beginning(cx, new), message)
        .help("give it back the name that it had")
        .at_most(most);
    Some(match cx.set.layout.bookkeeping().gone {
        "" => diagnostic,
        consequence => diagnostic
            .note(format!("{consequence} where `{}` has been applied", released_name(cx, old))),
    })
}

/// Reports the migrations that are not there any more, at the one that now stands in their place.
fn gone(cx: &HistoryContext, past: &Past, comparison: &Comparison, out: &mut Vec<Diagnostic>) {
    let is_left_out = |old: &Released| {
        let mut files = cx.set.not_applied.iter().map(|file| &cx.sources.get(file.file).path);
        files.any(|path| *path == old.file().path)
    };
    let gone: Vec<Released> =
        comparison.gone.iter().copied().filter(|old| !is_left_out(old)).collect();
    let books = cx.set.layout.bookkeeping();
    let (most, first, rest) = match books.gone {
        "" => (Severity::Warning, "new databases do without what".to_owned(), "did"),
        consequence => (Severity::Error, format!("{consequence} where"), "has been applied"),
    };
    let report = |at: &Migration, what: String, them: &str| {
        let message = format!(
            "{first} {what} {rest}: `{}` has {them}, and the directory has not",
            past.revision
        );
        Diagnostic::new(at.file, beginning(cx, at), message)
            .help("bring the file back, and take back what it did in a new migration")
            .at_most(most)
    };
    let neighbour = |old: &Released| {
        let mut ups = cx.set.ups().map(|(_, up)| up);
        let next = ups.find(|up| up.version > old.migration.version);
        next.or_else(|| cx.set.ups().map(|(_, up)| up).last())
    };
    if let (true, Some(oldest)) = (is_many(gone.len()), gone.first()) {
        let names: Vec<String> = gone.iter().map(|old| released_name(cx, *old)).collect();
        let what = format!("any of {} migrations ({})", gone.len(), list(&names));
        out.extend(neighbour(oldest).map(|at| report(at, what, "them")));
        return;
    }
    out.extend(gone.iter().filter_map(|old| {
        Some(report(neighbour(old)?, format!("`{}`", released_name(cx, *old)), "it"))
    }));
}
