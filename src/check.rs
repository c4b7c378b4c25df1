//! Replays migrations and runs the rules over them.

use std::collections::HashMap;
use std::ops::ControlFlow;

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, MigrationRef, Severity};
use crate::layout::{Direction, MigrationSet, Sources};
use crate::replay::State;
use crate::rule::{Check, HistoryContext, MigrationContext, Rule, Target};
use crate::session::Session;
use crate::source::FileId;
use crate::sql::{self, Script, Statement};

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
    let (checkpoints, last) = replay(set, &scripts, options);
    let (known, external) = last.catalog.known_and_external();
    drop(last);
    let is_complete = options.is_complete.unwrap_or(known > 0 && external * 20 <= known);
    let history =
        HistoryContext { sources, set, scripts: &scripts, is_complete, target: options.target };
    let found: Vec<Vec<Diagnostic>> = checkpoints
        .into_par_iter()
        .map(|(from, state)| check_stretch(&history, index, from, state, rules, options))
        .collect();
    let mut diagnostics = Vec::with_capacity(found.iter().map(Vec::len).sum());
    found.into_iter().for_each(|found| diagnostics.extend(found));
    for rule in rules {
        if let Check::History(check) = rule.check {
            run(rule, None, &mut diagnostics, |out| check(&history, out));
        }
    }
    let mut by_file: HashMap<FileId, Vec<usize>> = HashMap::new();
    for (at, migration) in set.migrations.iter().enumerate() {
        by_file.entry(migration.file).or_default().push(at);
    }
    for diagnostic in diagnostics.iter_mut().filter(|d| d.migration.is_none()) {
        let is_here = |at: &&usize| set.migrations[**at].section.contains(diagnostic.span);
        let at = by_file.get(&diagnostic.file).and_then(|here| here.iter().find(is_here));
        diagnostic.migration = at.map(|&at| MigrationRef { set: index, index: at });
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

/// How many stretches there are for each thread: enough to keep all of them busy to the end.
///
/// A catalog shares what it has in common with the one before, but what lies between two checkpoints
/// costs some memory: a checkpoint for each of 100,000 migrations would not fit.
const STRETCHES: usize = 16;

/// Returns how many migrations each stretch of a set has.
fn stretch(migrations: usize) -> usize {
    migrations.div_ceil(rayon::current_num_threads() * STRETCHES).max(1)
}

/// Returns the state at the beginning of each stretch of migrations, and the last one.
fn replay(
    set: &MigrationSet,
    scripts: &[Script],
    options: &SetOptions,
) -> (Vec<(usize, State)>, State) {
    let stretch = stretch(set.migrations.len());
    let mut state = State::new(options.target.version);
    let mut checkpoints = Vec::with_capacity(scripts.len() / stretch + 1);
    for (at, (migration, script)) in set.migrations.iter().zip(scripts).enumerate() {
        if at % stretch == 0 {
            checkpoints.push((at, state.clone()));
        }
        // A down leaves nothing behind: the next up follows its own up.
        if migration.direction == Direction::Up {
            begin_session(&mut state, options);
            state.begin_migration(number(at), migration, set.layout, script);
            script.statements().for_each(|statement| {
                state.step(statement);
            });
            state.end_migration();
        }
    }
    (checkpoints, state)
}

/// Replays the up migrations of a set. `see` is shown the state after each statement and at the end of
/// each migration, and decides whether that was all.
pub fn replay_with(
    set: &MigrationSet,
    scripts: &[Script],
    options: &SetOptions,
    mut see: impl FnMut(Moment<'_>, &State) -> ControlFlow<()>,
) -> State {
    let mut state = State::new(options.target.version);
    for (at, migration) in set.ups() {
        begin_session(&mut state, options);
        state.begin_migration(number(at), migration, set.layout, &scripts[at]);
        for statement in scripts[at].statements() {
            state.step(statement);
            if see(Moment::After(at, statement), &state).is_break() {
                return state;
            }
        }
        state.end_migration();
        if see(Moment::End(at), &state).is_break() {
            break;
        }
    }
    state.catalog.end_session();
    state
}

/// What has just been replayed.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// A statement of the migration at this place.
    After(usize, &'a Statement),
    /// The migration at this place.
    End(usize),
}

/// Each migration is run in a session of its own, with what runner, role and database set.
fn begin_session(state: &mut State, options: &SetOptions) {
    state.session = Session::default();
    state.catalog.end_session();
    for setting in state.defaults.iter() {
        if let Some(value) = &setting.value {
            state.session.preset(&setting.name, value);
        }
    }
    for (name, value) in &options.settings {
        state.session.preset(name, value);
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Checks the migrations from `from` to the next checkpoint, beginning with `state`.
fn check_stretch(
    history: &HistoryContext,
    set: usize,
    from: usize,
    mut state: State,
    rules: &[&Rule],
    options: &SetOptions,
) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    let to = (from + stretch(history.set.migrations.len())).min(history.set.migrations.len());
    for at in from..to {
        begin_session(&mut state, options);
        let first = out.len();
        let mut after = check_migration(history, at, &state, rules, &mut out);
        for diagnostic in &mut out[first..] {
            diagnostic.migration = Some(MigrationRef { set, index: at });
        }
        if history.set.migrations[at].direction == Direction::Up {
            after.end_migration();
            state = after;
        }
    }
    out.shrink_to_fit();
    out
}

/// Checks one migration; returns the state when its last statement has run.
fn check_migration(
    history: &HistoryContext,
    index: usize,
    before: &State,
    rules: &[&Rule],
    out: &mut Vec<Diagnostic>,
) -> State {
    let direction = Some(history.set.migrations[index].direction);
    let cx = MigrationContext { history, index, before };
    for rule in rules {
        if let Check::Migration(check) = rule.check {
            run(rule, direction, out, |out| check(&cx, out));
        }
    }
    cx.replay(|statement| {
        for rule in rules {
            if let Check::Statement(check) = rule.check {
                run(rule, direction, out, |out| check(statement, out));
            }
        }
    })
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
