//! Replays migrations and runs the rules over them.

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, MigrationRef, Severity};
use crate::layout::{Direction, MigrationSet, Sources};
use crate::replay::State;
use crate::rule::{Check, HistoryContext, MigrationContext, Rule, Target};
use crate::session::Session;
use crate::sql::{self, Script};

/// What checking a set gives.
#[derive(Debug, Default)]
pub struct Checked {
    /// The diagnostics, in no particular order yet.
    pub diagnostics: Vec<Diagnostic>,
    /// How many statements were read.
    pub statements: usize,
    /// How many pieces of SQL were not understood.
    pub not_analysed: usize,
    /// Whether the files begin with what creates their tables.
    pub is_complete: bool,
}

/// What the configuration says about a set beyond its layout.
#[derive(Clone, Debug, Default)]
pub struct SetOptions {
    /// The server version.
    pub target: Target,
    /// Whether the history is complete; nothing lets the tool work it out.
    pub is_complete: Option<bool>,
    /// Settings that the runner, role or database makes before each migration.
    pub settings: Vec<(String, String)>,
}

/// Parses, replays and checks one set. `index` is its place among the sets of the run.
pub fn check(
    index: usize,
    set: &MigrationSet,
    sources: &Sources,
    rules: &[&Rule],
    options: &SetOptions,
) -> Checked {
    let scripts = parse(set, sources);
    let (before, last) = replay(set, &scripts, options);
    let (known, external) = last.catalog.known_and_external();
    let is_complete = options.is_complete.unwrap_or(known > 0 && external * 20 <= known);
    let history =
        HistoryContext { sources, set, scripts: &scripts, is_complete, target: options.target };
    let mut diagnostics: Vec<Diagnostic> = (0..set.migrations.len())
        .into_par_iter()
        .flat_map_iter(|at| {
            let mut found = check_migration(&history, at, &before[at], rules);
            for diagnostic in &mut found {
                diagnostic.migration = Some(MigrationRef { set: index, index: at });
            }
            found
        })
        .collect();
    for rule in rules {
        if let Check::History(check) = rule.check {
            run(rule, None, &mut diagnostics, |out| check(&history, out));
        }
    }
    for diagnostic in diagnostics.iter_mut().filter(|d| d.migration.is_none()) {
        let is_here = |m: &crate::layout::Migration| m.file == diagnostic.file && m.section.contains(diagnostic.span);
        let at = set.migrations.iter().position(is_here);
        diagnostic.migration = at.map(|at| MigrationRef { set: index, index: at });
    }
    Checked {
        diagnostics,
        statements: scripts.iter().map(|script| script.items.len()).sum(),
        not_analysed: scripts.iter().map(Script::not_analysed).sum(),
        is_complete,
    }
}

/// Parses every migration of a set.
pub fn parse(set: &MigrationSet, sources: &Sources) -> Vec<Script> {
    set.migrations.par_iter().map(|m| sql::parse(sources.get(m.file), m.section)).collect()
}

/// Returns the state before each migration, and the last one. A down is judged against the state
/// after its own up, and leaves none behind.
fn replay(set: &MigrationSet, scripts: &[Script], options: &SetOptions) -> (Vec<State>, State) {
    let mut state = State::default();
    let mut before = Vec::with_capacity(scripts.len());
    for (at, (migration, script)) in set.migrations.iter().zip(scripts).enumerate() {
        let mut session = Session::default();
        for (name, value) in &options.settings {
            session.preset(name, value);
        }
        state.session = session;
        before.push(state.clone());
        if migration.direction == Direction::Up {
            let number = u32::try_from(at).unwrap_or(u32::MAX);
            state.begin_migration(number, migration, set.layout, script);
            script.statements().for_each(|statement| state.step(statement));
            state.end_migration();
        }
    }
    (before, state)
}

fn check_migration(
    history: &HistoryContext,
    index: usize,
    before: &State,
    rules: &[&Rule],
) -> Vec<Diagnostic> {
    let migration = &history.set.migrations[index];
    let direction = Some(migration.direction);
    let cx = MigrationContext { history, index, before };
    let mut out = Vec::new();
    for rule in rules {
        if let Check::Migration(check) = rule.check {
            run(rule, direction, &mut out, |out| check(&cx, out));
        }
    }
    cx.replay(|statement| {
        for rule in rules {
            if let Check::Statement(check) = rule.check {
                run(rule, direction, &mut out, |out| check(statement, out));
            }
        }
    });
    out
}

/// Runs one check and stamps what it reports with the rule's name and severity.
fn run(
    rule: &Rule,
    direction: Option<Direction>,
    out: &mut Vec<Diagnostic>,
    check: impl FnOnce(&mut Vec<Diagnostic>),
) {
    let first = out.len();
    check(out);
    for diagnostic in &mut out[first..] {
        diagnostic.rule = rule.name;
        diagnostic.severity = rule.severity();
        // A down runs in an emergency, when waiting for a lock is the smaller evil.
        let is_about_load = matches!(rule.category(), "locking" | "timeout" | "idempotency");
        if direction == Some(Direction::Down) && is_about_load {
            diagnostic.severity = diagnostic.severity.min(Severity::Info);
        }
        if let Some(most) = diagnostic.at_most {
            diagnostic.severity = diagnostic.severity.min(most);
        }
    }
}
