//! Applies fixes: chooses those that fit together, tries them, and writes what helps.
//!
//! [`run`] does all of it, for `lint --fix` and `lint --diff`. Its parts are open to others:
//! [`plan`] chooses, [`apply`] makes edits, [`repair`] repeats both on copies of the texts and
//! relints until nothing is left that helps; none of the three touches the disk.
//!
//! A round of fixes is accepted only if afterwards no less is understood, no file has more errors of
//! any rule, and each repaired diagnostic is gone; fixes that break this are refused, each as a
//! whole. Fixes make room for others, so rounds follow until one accepts nothing: that is why running
//! again changes nothing.
//!
//! # The caller's part
//!
//! - `lint` gets the files of the run with their new texts under their ids, behind them the files
//!   that fixes add, which may be other files than SQL. It recognises layouts and checks as for the
//!   first report, with the same configuration and suppressions: `diagnostics` must be what it
//!   returns for `sources`.
//! - Paths are those of [`SourceFile::path`](crate::source::SourceFile::path), relative to the
//!   current directory or absolute.
//! - Rules give insertions that two fixes may have in common, such as a timeout at the beginning of
//!   a file, the same text: then they are made once.

mod diff;
mod disk;
mod edit;
mod error;
mod plan;
mod refused;
mod verify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Write;
use std::path::PathBuf;

pub use edit::{Changed, apply};
pub use error::Error;
pub use plan::{Plan, plan};
pub use refused::{Reason, Refused};

use crate::diagnostic::{Diagnostic, Fix};
use crate::layout::Sources;
use crate::source::FileId;
use verify::{State, Verified, verify};

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixOptions {
    /// Apply unsafe fixes too.
    pub unsafe_fixes: bool,
    /// Print a diff and write nothing.
    pub diff: bool,
}

/// Lints files that fixes have changed.
pub type Lint<'a> = dyn Fn(&Sources) -> Vec<Diagnostic> + 'a;

/// A diagnostic that a fix resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fixed {
    /// The file.
    pub path: PathBuf,
    /// The line where it was, from 1.
    pub line: usize,
    /// The rule.
    pub rule: &'static str,
    /// What the fix did.
    pub fix: String,
}

/// What was done, or would be with `--diff`.
#[derive(Debug, Default)]
pub struct FixOutcome {
    /// The diagnostics that were resolved.
    pub fixed: Vec<Fixed>,
    /// The files that change or are new, by path.
    pub changed: Vec<Changed>,
    /// The fixes that were not applied.
    pub refused: Vec<Refused>,
    /// How many more fixes there are that only `--unsafe-fixes` applies.
    pub unsafe_left: usize,
    /// The files with their new texts, behind them those that are new.
    pub sources: Sources,
    /// What is reported of them.
    pub diagnostics: Vec<Diagnostic>,
    /// Whether the changes were written.
    pub is_written: bool,
}

/// How often fixes may make room for others.
const MAX_ROUNDS: usize = 20;

/// Files fixed in the last rounds of so many that do not end.
const RECENT_ROUNDS: usize = 4;

/// Applies the fixes of `diagnostics` and writes the changed files, or a diff of them to `writer`.
///
/// All files are written or none; see the module's documentation for what `lint` must do.
pub fn run(
    options: FixOptions,
    sources: &Sources,
    diagnostics: &[Diagnostic],
    lint: &Lint,
    writer: &mut dyn Write,
) -> Result<FixOutcome, Error> {
    let disk = disk::Disk::new(sources);
    let mut outcome =
        repair(options.unsafe_fixes, sources, diagnostics, lint, &|fix| disk.obstacle(fix));
    if options.diff {
        diff::write(writer, &outcome.changed).map_err(Error::Output)?;
    } else {
        disk::write(&outcome.changed)?;
        outcome.is_written = true;
    }
    Ok(outcome)
}

/// Applies the fixes of `diagnostics` to copies of the texts, and the fixes of what is reported then,
/// until none helps any more. `obstacle` says what keeps a fix from being written.
pub fn repair(
    unsafe_fixes: bool,
    sources: &Sources,
    diagnostics: &[Diagnostic],
    lint: &Lint,
    obstacle: &dyn Fn(&Fix) -> Option<Reason>,
) -> FixOutcome {
    let mut given_up = BTreeSet::new();
    loop {
        let start = State::new(sources.clone(), diagnostics.to_vec());
        match rounds(unsafe_fixes, start, lint, obstacle, &given_up) {
            Ok(settled) => return settled.into_outcome(sources),
            // Half of an endless story helps nobody: these files stay as they are.
            Err(endless) => given_up.extend(endless),
        }
    }
}

/// The end of all rounds.
struct Settled {
    state: State,
    fixed: Vec<Fixed>,
    plan: Plan,
}

/// Repeats rounds until one accepts nothing; else returns the files that find no end.
fn rounds(
    unsafe_fixes: bool,
    mut state: State,
    lint: &Lint,
    obstacle: &dyn Fn(&Fix) -> Option<Reason>,
    given_up: &BTreeSet<FileId>,
) -> Result<Settled, BTreeSet<FileId>> {
    let mut fixed = Vec::new();
    let mut touched: Vec<BTreeSet<FileId>> = Vec::new();
    // The fixes that do harm to the texts as they are now.
    let mut harmful: BTreeMap<usize, Reason> = BTreeMap::new();
    loop {
        let plan = plan(&state.sources, &state.diagnostics, unsafe_fixes, &|at, fix| {
            if !given_up.is_disjoint(&state.files_of(at)) {
                return Some(Reason::Endless);
            }
            harmful.get(&at).cloned().or_else(|| obstacle(fix))
        });
        if plan.chosen.is_empty() {
            return Ok(Settled { state, fixed, plan });
        }
        if touched.len() == MAX_ROUNDS {
            return Err(touched.into_iter().rev().take(RECENT_ROUNDS).flatten().collect());
        }
        let Verified { accepted, refused, state: next } = verify(&state, &plan.chosen, lint);
        if accepted.is_empty() {
            // Those that were in the way of others no longer are.
            harmful.extend(refused);
            continue;
        }
        fixed.extend(accepted.iter().map(|at| state.fixed(*at)));
        touched.push(accepted.iter().flat_map(|at| state.files_of(*at)).collect());
        state = next;
        harmful.clear();
    }
}

impl State {
    fn fixed(&self, at: usize) -> Fixed {
        let diagnostic = &self.diagnostics[at];
        let file = self.sources.get(diagnostic.file);
        Fixed {
            path: file.path.clone(),
            line: file.position(diagnostic.span.start).line,
            rule: diagnostic.rule,
            fix: diagnostic.fix.as_ref().map(|fix| fix.message.to_string()).unwrap_or_default(),
        }
    }
}

impl Settled {
    fn into_outcome(self, before: &Sources) -> FixOutcome {
        let Self { state, fixed, plan } = self;
        let refused = plan.refused.into_iter().map(|(at, reason)| {
            let Fixed { path, line, rule, fix } = state.fixed(at);
            Refused { path, line, rule, fix, reason }
        });
        FixOutcome {
            fixed,
            changed: changes(before, &state.sources),
            refused: refused.collect(),
            unsafe_left: plan.unsafe_left.len(),
            is_written: false,
            sources: state.sources,
            diagnostics: state.diagnostics,
        }
    }
}

/// Returns the files that differ, by path.
fn changes(before: &Sources, after: &Sources) -> Vec<Changed> {
    let changed = after.files.iter().enumerate().filter_map(|(at, file)| {
        let earlier = before.files.get(at);
        if earlier.is_some_and(|earlier| earlier.text == file.text) {
            return None;
        }
        Some(Changed {
            file: earlier.and_then(|_| Some(FileId(u32::try_from(at).ok()?))),
            path: file.path.clone(),
            old: earlier.map(|earlier| earlier.text.clone()).unwrap_or_default(),
            new: file.text.clone(),
        })
    });
    let mut changed: Vec<Changed> = changed.collect();
    changed.sort_by(|a, b| a.path.cmp(&b.path));
    changed
}

/// The summary: a line of figures, and a line for each fix that was refused.
impl fmt::Display for FixOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = if self.is_written { "fixed" } else { "would fix" };
        let added = self.changed.iter().filter(|change| change.file.is_none()).count();
        let number = |count: usize, noun: &str| {
            format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
        };
        write!(
            f,
            "{verb} {} in {}",
            number(self.fixed.len(), "diagnostic"),
            number(self.changed.len() - added, "file")
        )?;
        if added > 0 {
            write!(f, " with {}", number(added, "new file"))?;
        }
        if !self.refused.is_empty() {
            write!(f, ", {} refused", self.refused.len())?;
        }
        if self.unsafe_left > 0 {
            write!(f, ", {} more with `--unsafe-fixes`", self.unsafe_left)?;
        }
        for refused in &self.refused {
            write!(f, "\nnot fixed: {refused}")?;
        }
        Ok(())
    }
}
