//! Tries fixes on a copy of the files, and tells those that help from those that harm.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rayon::prelude::*;

use super::Lint;
use super::edit::{Changed, apply};
use super::refused::Reason;
use crate::diagnostic::{Diagnostic, Fix, Severity};
use crate::layout::Sources;
use crate::source::{FileId, SourceFile, Span};
use crate::sql;

/// Rules that report text which is not understood: what a fix must never bring about.
const NOT_UNDERSTOOD: [&str; 2] = ["not-analysed", "syntax-error"];

/// What follows from any change of a file, and has a fix of its own that comes after it.
const FOLLOWS_FROM_FIXES: &str = "checksum-file-out-of-date";

/// The files between two rounds of fixes, and what is reported of them.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) sources: Sources,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The file for whose sake each added file was added.
    owners: BTreeMap<FileId, FileId>,
}

/// What became of the fixes of one round, given by the indices of their diagnostics.
pub(super) struct Verified {
    pub(super) accepted: Vec<usize>,
    pub(super) refused: Vec<(usize, Reason)>,
    /// The state with the accepted fixes applied.
    pub(super) state: State,
}

impl State {
    pub(super) fn new(sources: Sources, diagnostics: Vec<Diagnostic>) -> Self {
        Self { sources, diagnostics, owners: BTreeMap::new() }
    }

    /// Returns the fix of a diagnostic that has one.
    fn fix(&self, at: usize) -> Option<&Fix> {
        self.diagnostics[at].fix.as_deref()
    }

    /// Returns the file that a file belongs to: itself, unless a fix added it.
    pub(super) fn owner(&self, file: FileId) -> FileId {
        self.owners.get(&file).copied().unwrap_or(file)
    }

    /// Returns the files that the fix of a diagnostic is about.
    pub(super) fn files_of(&self, at: usize) -> BTreeSet<FileId> {
        let edits = self.fix(at).into_iter().flat_map(|fix| &fix.edits).map(|edit| edit.file);
        edits.chain([self.diagnostics[at].file]).map(|file| self.owner(file)).collect()
    }

    /// Returns the state with these fixes applied.
    fn with(&self, chosen: &[usize], lint: &Lint) -> (Self, Vec<Changed>) {
        let changed = apply(&self.sources, chosen.iter().filter_map(|at| self.fix(*at)));
        let (sources, owners) = (self.sources.clone(), self.owners.clone());
        let mut next = Self { sources, diagnostics: Vec::new(), owners };
        let mut added_for: BTreeMap<&PathBuf, FileId> = BTreeMap::new();
        for at in chosen {
            let new_files = self.fix(*at).into_iter().flat_map(|fix| &fix.new_files);
            for new in new_files {
                added_for.entry(&new.path).or_insert(self.owner(self.diagnostics[*at].file));
            }
        }
        for change in &changed {
            let file = SourceFile::new(&change.path, change.new.clone());
            if let Some(id) = change.file {
                next.sources.files[id.index()] = file;
            } else {
                let id = FileId(u32::try_from(next.sources.files.len()).unwrap_or(u32::MAX));
                next.owners.extend(added_for.get(&change.path).map(|owner| (id, *owner)));
                next.sources.files.push(file);
            }
        }
        next.diagnostics = lint(&next.sources);
        (next, changed)
    }

    /// Counts the diagnostics of each file and rule. Those of added files count for their owners: a
    /// statement that moves into a new file brings its diagnostics with it.
    fn tally(&self, next: &Self) -> BTreeMap<(FileId, &'static str), Tally> {
        let mut tallies: BTreeMap<_, Tally> = BTreeMap::new();
        for diagnostic in &self.diagnostics {
            let tally = tallies.entry((next.owner(diagnostic.file), diagnostic.rule)).or_default();
            tally.all += 1;
            tally.errors += usize::from(diagnostic.severity == Severity::Error);
        }
        tallies
    }
}

#[derive(Clone, Copy, Default)]
struct Tally {
    all: usize,
    errors: usize,
}

/// What applying some fixes leads to.
struct Attempt {
    state: State,
    /// What is worse than before, the worst first.
    harm: Vec<(FileId, Reason)>,
}

/// Applies fixes and looks at what is reported then.
fn attempt(before: &State, chosen: &[usize], lint: &Lint) -> Attempt {
    let (state, changed) = before.with(chosen, lint);
    let mut harm = harm_to_syntax(before, &state, &changed);
    harm.extend(new_reports(before, &state, chosen));
    Attempt { state, harm }
}

/// Returns the files of which less is understood than before, whatever the rules are told to report.
fn harm_to_syntax(before: &State, after: &State, changed: &[Changed]) -> Vec<(FileId, Reason)> {
    let unread = |file: &SourceFile| {
        let all = Span::new(file.text_start()..file.text.len());
        sql::parse(file, all).not_analysed()
    };
    let is_worse = |change: &Changed| {
        // Of a migration in a host language `not-analysed` tells how much of it is not understood.
        let is_sql = change.path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sql"));
        let earlier = change.file.map_or(0, |id| unread(before.sources.get(id)));
        is_sql && unread(&SourceFile::new(&change.path, change.new.clone())) > earlier
    };
    // In parallel less for speed than for the deep stacks of the threads that parse.
    let worse: Vec<&Changed> = changed.par_iter().filter(|change| is_worse(change)).collect();
    let id_of = |change: &Changed| {
        let position = || after.sources.files.iter().rposition(|file| file.path == change.path);
        let id = change.file.or_else(|| Some(FileId(u32::try_from(position()?).ok()?)))?;
        Some(after.owner(id))
    };
    worse.into_iter().filter_map(|change| Some((id_of(change)?, Reason::NotUnderstood))).collect()
}

/// Returns the files of which more is reported than there may be.
fn new_reports(before: &State, after: &State, chosen: &[usize]) -> Vec<(FileId, Reason)> {
    let mut repaired: BTreeMap<(FileId, &'static str), usize> = BTreeMap::new();
    for at in chosen {
        let diagnostic = &before.diagnostics[*at];
        *repaired.entry((before.owner(diagnostic.file), diagnostic.rule)).or_default() += 1;
    }
    let (tallies_before, tallies_after) = (before.tally(after), after.tally(after));
    let (mut not_understood, mut errors, mut still_reported) = (Vec::new(), Vec::new(), Vec::new());
    for ((file, rule), now) in tallies_after {
        let earlier = tallies_before.get(&(file, rule)).copied().unwrap_or_default();
        if NOT_UNDERSTOOD.contains(&rule) && now.all > earlier.all {
            not_understood.push((file, Reason::NotUnderstood));
        } else if now.errors > earlier.errors && rule != FOLLOWS_FROM_FIXES {
            let message = new_message(before, after, file, rule);
            errors.push((file, Reason::NewError { rule, message }));
        } else if let Some(count) = repaired.get(&(file, rule))
            && now.all + count > earlier.all
        {
            still_reported.push((file, Reason::StillReported));
        }
    }
    [not_understood, errors, still_reported].concat()
}

/// Returns what a rule says about a file that it did not say before.
fn new_message(before: &State, after: &State, file: FileId, rule: &str) -> String {
    let said = |state: &State| {
        let here = |d: &&Diagnostic| after.owner(d.file) == file && d.rule == rule;
        let messages = state.diagnostics.iter().filter(here).map(|d| d.message.clone());
        messages.collect::<Vec<String>>()
    };
    let (earlier, now) = (said(before), said(after));
    let new = now.iter().find(|message| !earlier.contains(message));
    new.or(now.last()).cloned().unwrap_or_default()
}

/// Applies as many of the fixes as do no harm: all if they can be, else all but those to blame.
pub(super) fn verify(before: &State, chosen: &[usize], lint: &Lint) -> Verified {
    let all = attempt(before, chosen, lint);
    if all.harm.is_empty() {
        return Verified { accepted: chosen.to_vec(), refused: Vec::new(), state: all.state };
    }
    // Files that no fix has in common are judged side by side, for the price of the worst of them.
    if let Some(verified) = sort_out(before, group(before, chosen), lint) {
        return verified;
    }
    // A fix in one file harms another: only trying them in turn tells which.
    let files = chosen.iter().flat_map(|at| before.files_of(*at)).collect();
    let together = vec![Group { files, fixes: chosen.to_vec() }];
    sort_out(before, together, lint).unwrap_or_else(|| Verified {
        accepted: Vec::new(),
        refused: chosen.iter().map(|at| (*at, Reason::StillReported)).collect(),
        state: before.clone(),
    })
}

/// Fixes that have files in common.
struct Group {
    files: BTreeSet<FileId>,
    fixes: Vec<usize>,
}

/// Divides fixes into groups that have no file in common.
fn group(state: &State, chosen: &[usize]) -> Vec<Group> {
    let mut groups: Vec<(BTreeSet<FileId>, Vec<usize>)> = Vec::new();
    for (place, at) in chosen.iter().enumerate() {
        let (mut files, mut places) = (state.files_of(*at), vec![place]);
        groups.retain_mut(|(others, other_places)| {
            let is_apart = files.is_disjoint(others);
            if !is_apart {
                files.append(others);
                places.append(other_places);
            }
            is_apart
        });
        groups.push((files, places));
    }
    let in_order = |mut places: Vec<usize>| {
        places.sort_unstable();
        places.into_iter().map(|place| chosen[place]).collect()
    };
    groups.into_iter().map(|(files, places)| Group { files, fixes: in_order(places) }).collect()
}

/// Halves each group that does harm until the harm is done by single fixes, which are refused.
///
/// Returns nothing if what was accepted group by group does harm as a whole.
fn sort_out(before: &State, groups: Vec<Group>, lint: &Lint) -> Option<Verified> {
    let is_alone = groups.len() == 1;
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    let (all_files, mut pending): (Vec<_>, Vec<_>) =
        groups.into_iter().map(|group| (group.files, vec![group.fixes])).unzip();
    let mut last = None;
    while pending.iter().any(|parts| !parts.is_empty()) {
        let parts: Vec<Vec<usize>> =
            pending.iter_mut().map(|parts| parts.pop().unwrap_or_default()).collect();
        let tried: Vec<usize> = accepted.iter().chain(parts.iter().flatten()).copied().collect();
        let Attempt { state, harm } = attempt(before, &tried, lint);
        let is_harmless = harm.is_empty();
        let mut is_anyone_to_blame = false;
        for (at, part) in parts.into_iter().enumerate() {
            let blame = harm.iter().find(|(file, _)| is_alone || all_files[at].contains(file));
            match (blame, &part[..]) {
                (_, []) => {}
                (None, _) => accepted.extend(part),
                (Some((_, reason)), [single]) => {
                    refused.push((*single, reason.clone()));
                    is_anyone_to_blame = true;
                }
                (Some(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    pending[at].extend([second.to_vec(), first.to_vec()]);
                    is_anyone_to_blame = true;
                }
            }
        }
        if !is_harmless && !is_anyone_to_blame {
            return None;
        }
        last = is_harmless.then_some(state);
    }
    let state = match last {
        Some(state) => state,
        None if accepted.is_empty() => before.clone(),
        None => {
            let Attempt { state, harm } = attempt(before, &accepted, lint);
            if !harm.is_empty() {
                return None;
            }
            state
        }
    };
    Some(Verified { accepted, refused, state })
}
