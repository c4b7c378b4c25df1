use std::collections::BTreeSet;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Identity, Migration, OnDuplicate, OnLate};
use crate::past::{Past, Released};
use crate::rule::HistoryContext;
use crate::sql::Script;

use super::files::{beginning, journal, place_of, released_name};
use super::overlap::{Touched, touched};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    journal_times(cx, out);
    // Files that nobody numbers have no order.
    let Some(past) = cx.past.filter(|_| cx.set.layout.name != "plain") else { return };
    let new: BTreeSet<usize> = past.compare(cx.set, cx.sources).new.into_iter().collect();
    let mut ahead = past.ahead(cx.set, cx.sources);
    ahead.retain(|_| cx.set.layout.has_lasting_versions());
    for &at in &new {
        let up = &cx.set.migrations[at];
        if up.unnumbered {
            continue;
        }
        match ahead.iter().find(|old| is_taken(cx, up, old)) {
            Some(old) => out.extend(duplicate(cx, past, up, *old)),
            None => out.extend(late(cx, past, at, &new, &ahead)),
        }
    }
}

/// Drizzle applies what its journal gives a later time than that of the last one that was applied,
/// wherever it stands in the list.
fn journal_times(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let Some((id, file)) = journal(cx, "_journal.json").filter(|_| cx.set.layout.name == "drizzle")
    else {
        return;
    };
    let list: serde_json::Value = serde_json::from_str(&file.text).unwrap_or_default();
    let mut last: Option<(u64, &str)> = None;
    for entry in list["entries"].as_array().into_iter().flatten() {
        let (Some(when), Some(tag)) = (entry["when"].as_u64(), entry["tag"].as_str()) else {
            continue;
        };
        let Some((time, earlier)) = last.filter(|(time, _)| when <= *time) else {
            last = Some((when, tag));
            continue;
        };
        let is_it = |up: &Migration| cx.file(up).path.file_stem().is_some_and(|stem| stem == tag);
        let Some((_, up)) = cx.set.ups().find(|(_, up)| is_it(up)) else { continue };
        let message = format!(
            "Drizzle never applies `{}` where `{earlier}.sql` has been applied, and says nothing: its time in meta/_journal.json is not later",
            cx.file_name(up)
        );
        let place = place_of(file, &format!("\"{tag}\"")).unwrap_or_default();
        out.push(
            Diagnostic::new(up.file, beginning(cx, up), message)
                .label(id, place, "its entry")
                .help(format!("give its entry a `when` above {time}")),
        );
    }
}

/// Returns whether another migration took the version in the meantime.
fn is_taken(cx: &HistoryContext, up: &Migration, old: &Released) -> bool {
    cx.set.layout.bookkeeping().identity != Identity::Name
        && !old.migration.unnumbered
        && old.migration.version.is_same(&up.version)
}

fn duplicate(
    cx: &HistoryContext,
    past: &Past,
    up: &Migration,
    old: Released,
) -> Option<Diagnostic> {
    let layout = cx.set.layout;
    let (consequence, most) = match layout.on_duplicate {
        OnDuplicate::NameDecides => return None,
        OnDuplicate::Fails if !layout.duplicate.is_empty() => (layout.duplicate, Severity::Error),
        _ => ("two migrations will have one version", Severity::Warning),
    };
    let message = format!(
        "{consequence}: `{}` has the version of `{}`, which is already in `{}`",
        cx.file_name(up),
        released_name(cx, old),
        past.revision
    );
    let diagnostic = Diagnostic::new(up.file, beginning(cx, up), message);
    Some(diagnostic.help("give it the next free version").at_most(most))
}

/// What comes after a new migration and is released already.
enum Later<'a> {
    /// One of the set at hand.
    Here(usize),
    /// One that was added on the other side.
    Ahead(Released<'a>),
}

fn late(
    cx: &HistoryContext,
    past: &Past,
    at: usize,
    new: &BTreeSet<usize>,
    ahead: &[Released],
) -> Option<Diagnostic> {
    let up = &cx.set.migrations[at];
    let here = cx.set.ups().filter(|(other, later)| {
        *other > at && !new.contains(other) && !later.is_repeatable && !later.unnumbered
    });
    let ahead =
        ahead.iter().filter(|old| !old.migration.unnumbered && old.migration.version > up.version);
    let later: Vec<Later> =
        here.map(|(at, _)| Later::Here(at)).chain(ahead.map(|old| Later::Ahead(*old))).collect();
    let last = later.last()?;
    let name = cx.file_name(up);
    let place = format!(
        "where `{}` has been applied, which is already in `{}`",
        later_name(cx, last),
        past.revision
    );
    let runner = cx.set.layout.runner();
    let rule = match cx.set.layout.bookkeeping().late {
        OnLate::Never(_) | OnLate::Refuses(_) if cx.set.allows_late => OnLate::Applies,
        rule => rule,
    };
    let (message, most, note) = match rule {
        OnLate::OtherOrder => return None,
        OnLate::Never(note) => {
            (format!("{runner} never applies `{name}` {place}"), Severity::Error, note)
        }
        OnLate::Refuses(note) => {
            (format!("{runner} stops over `{name}` {place}"), Severity::Error, note)
        }
        OnLate::Unknown => {
            let message = format!("nobody can tell whether `{name}` is ever applied {place}");
            let is_loop = cx.set.layout.name == "psql";
            let most = if is_loop { Severity::Info } else { Severity::Warning };
            (message, most, "a runner that keeps only the last version leaves it out")
        }
        OnLate::Applies => {
            let own = touched(&cx.scripts[at], up.file);
            let (object, last) = later
                .iter()
                .find_map(|later| Some((own.depends_on_order(&touched_by(cx, later))?, later)))?;
            let message = format!(
                "databases that have applied `{}` run `{}` after it, new ones before it, and for `{object}` the order matters",
                later_name(cx, last),
                cx.file_name(up)
            );
            (message, Severity::Warning, "")
        }
    };
    let diagnostic = Diagnostic::new(up.file, beginning(cx, up), message).at_most(most);
    let diagnostic = diagnostic.help(match cx.set.layout.name {
        "sqitch" => "move it to the end of the plan",
        _ => "give it a version behind all that are released",
    });
    let diagnostic = if note.is_empty() { diagnostic } else { diagnostic.note(note) };
    Some(match last {
        Later::Here(at) => {
            let last = &cx.set.migrations[*at];
            diagnostic.label(last.file, beginning(cx, last), "already released")
        }
        Later::Ahead(_) => diagnostic,
    })
}

fn touched_by(cx: &HistoryContext, later: &Later) -> Touched {
    match later {
        Later::Here(at) => touched(&cx.scripts[*at], cx.set.migrations[*at].file),
        Later::Ahead(old) => {
            let script: Script = crate::sql::parse(old.file(), old.migration.section);
            touched(&script, old.migration.file)
        }
    }
}

fn later_name(cx: &HistoryContext, later: &Later) -> String {
    match later {
        Later::Here(at) => cx.file_name(&cx.set.migrations[*at]),
        Later::Ahead(old) => released_name(cx, *old),
    }
}
