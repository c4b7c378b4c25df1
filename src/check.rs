//! Replays migrations and runs the rules over them.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::{ControlFlow, Range};
use std::sync::{Arc, Mutex};

use rayon::prelude::*;

use crate::diagnostic::{Diagnostic, MigrationRef, Severity};
use crate::layout::{Direction, Layout, Migration, MigrationSet, Sources};
use crate::past::Past;
use crate::replay::State;
use crate::rule::{Check, HistoryContext, MigrationContext, Rule, StatementContext, Target, Watch};
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
    /// Whether diagnostics shall bring their recipes: few ask, and making them costs time.
    pub wants_recipes: bool,
    /// What the set was in another revision, if somebody asked to compare.
    pub past: Option<Arc<Past>>,
}

/// Parses, replays and checks one set. `index` is its place among the sets of the run.
pub fn check(
    index: usize,
    set: &MigrationSet,
    sources: &Sources,
    rules: &[&Rule],
    options: &SetOptions,
) -> Checked {
    let Replayed { scripts, parts, mut last } = replay(set, sources, options);
    last.catalog.end_session();
    let is_complete = is_complete(set, sources, &last, options);
    let history = HistoryContext {
        sources,
        set,
        scripts: &scripts,
        is_complete,
        target: options.target,
        wants_recipes: options.wants_recipes,
        past: options.past.as_deref(),
        last: &last,
        lock_orders: Mutex::default(),
    };
    let rules: Vec<Stamp> = rules.iter().copied().map(Stamp::new).collect();
    let found: Vec<Vec<Diagnostic>> = parts
        .into_par_iter()
        .with_max_len(1)
        .map(|part| check_part(&history, index, part, &rules, options))
        .collect();
    let mut diagnostics = Vec::with_capacity(found.iter().map(Vec::len).sum());
    found.into_iter().for_each(|found| diagnostics.extend(found));
    for stamp in &rules {
        if let Check::History(check) | Check::StepsAndHistory(_, check) = stamp.rule.check {
            run(stamp, None, &mut diagnostics, |out| check(&history, out));
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
    let statements = scripts.iter().map(|script| script.items.len()).sum();
    let not_analysed = scripts.iter().map(Script::not_analysed).sum();
    // Nobody needs to wait until that is done.
    rayon::spawn(move || drop((scripts, last)));
    Checked { diagnostics, statements, not_analysed, is_complete }
}

/// Parses every migration of a set.
pub fn parse(set: &MigrationSet, sources: &Sources) -> Vec<Script> {
    set.migrations.par_iter().map(|m| sql::parse(sources.get(m.file), m.section)).collect()
}

/// How many stretches there are for each thread: enough to keep all of them busy to the end.
///
/// A catalog shares what it has in common with the one before, but what lies between two checkpoints
/// costs some memory: a checkpoint for each of 100,000 migrations would not fit.
const STRETCHES: usize = 8;

/// Returns how many of all migrations of a set, or statements of a migration, each stretch has.
fn stretch(all: usize) -> usize {
    all.div_ceil(rayon::current_num_threads() * STRETCHES).max(1)
}

/// Migrations with at least this many items are checked in several parts.
const LONG: usize = 1024;

/// A part of a set that is checked in one go.
enum Part {
    /// Some migrations, one after the other, and the state before the first.
    Migrations(Range<usize>, State),
    /// Some statements of a long migration, which only the rules for single statements see here.
    Statements {
        migration: usize,
        statements: Range<usize>,
        /// The state before the migration.
        before: Box<State>,
        /// The state before the first of the statements.
        state: State,
    },
}

/// What reading a set once, from beginning to end, gives.
struct Replayed {
    scripts: Vec<Script>,
    parts: Vec<Part>,
    last: State,
}

/// Parses a set and replays it. While one stretch of migrations is replayed, the next one is parsed.
fn replay(set: &MigrationSet, sources: &Sources, options: &SetOptions) -> Replayed {
    let count = set.migrations.len();
    let stretch = stretch(count);
    let parse = |from: usize| -> Vec<Script> {
        let from = from.min(count);
        let mut to = (from + stretch).min(count);
        // An up and its down are checked by the same thread.
        while set.migrations.get(to).is_some_and(|next| next.direction == Direction::Down) {
            to += 1;
        }
        let migrations = &set.migrations[from..to];
        migrations.par_iter().map(|m| sql::parse(sources.get(m.file), m.section)).collect()
    };
    let mut scripts: Vec<Script> = Vec::with_capacity(count);
    let mut parts = Vec::with_capacity(count / stretch + 1);
    let mut state = State::new(options.target.version);
    let mut next = parse(0);
    while !next.is_empty() {
        let from = scripts.len();
        scripts.append(&mut next);
        let range = from..scripts.len();
        parts.push(Part::Migrations(range.clone(), state.clone()));
        ((), next) = rayon::join(
            || {
                for at in range {
                    replay_one(set, at, &scripts[at], options, &mut state, &mut parts);
                }
            },
            || parse(scripts.len()),
        );
    }
    Replayed { scripts, parts, last: state }
}

/// Replays one migration; a long one is cut into parts.
fn replay_one(
    set: &MigrationSet,
    at: usize,
    script: &Script,
    options: &SetOptions,
    state: &mut State,
    parts: &mut Vec<Part>,
) {
    let migration = &set.migrations[at];
    // A down leaves nothing behind: the next up follows its own up.
    if migration.direction != Direction::Up {
        return;
    }
    begin_session(state, set.layout, options);
    let before = is_long(migration, script).then(|| Box::new(state.clone()));
    let length = stretch(script.items.len());
    state.begin_migration(number(at), migration, set.layout, script);
    for (count, statement) in script.statements().enumerate() {
        if let Some(before) = before.as_ref().filter(|_| count % length == 0) {
            parts.push(Part::Statements {
                migration: at,
                statements: count..count + length,
                before: before.clone(),
                state: state.clone(),
            });
        }
        state.step(statement);
    }
    state.end_migration();
}

/// Returns whether a migration is checked in several parts.
fn is_long(migration: &Migration, script: &Script) -> bool {
    migration.direction == Direction::Up && script.items.len() >= LONG
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
        begin_session(&mut state, set.layout, options);
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

/// Shows each statement of a set, ups and downs: `visit` with the state before it, and `refused` with
/// the answer of a server that refuses it.
pub fn walk(
    set: &MigrationSet,
    sources: &Sources,
    scripts: &[Script],
    options: &SetOptions,
    mut visit: impl FnMut(&StatementContext),
    mut refused: impl FnMut(&StatementContext),
) {
    let last = replay_with(set, scripts, options, |_, _| ControlFlow::Continue(()));
    let is_complete = is_complete(set, sources, &last, options);
    let history = HistoryContext {
        sources,
        set,
        scripts,
        is_complete,
        target: options.target,
        wants_recipes: false,
        past: None,
        last: &last,
        lock_orders: Mutex::default(),
    };
    let mut state = State::new(options.target.version);
    for (index, migration) in set.migrations.iter().enumerate() {
        begin_session(&mut state, set.layout, options);
        let before_up = None;
        let cx = MigrationContext { history: &history, index, before: &state, before_up };
        let mut after = cx.replay_with(&mut visit, &mut refused);
        if migration.direction == Direction::Up {
            after.end_migration();
            state = after;
        }
    }
}

/// Returns whether the files begin with what creates their tables.
fn is_complete(set: &MigrationSet, sources: &Sources, last: &State, options: &SetOptions) -> bool {
    let (known, external) = last.catalog.known_and_external();
    options
        .is_complete
        .unwrap_or_else(|| known > 0 && external * 20 <= known && !set.needs_others(sources))
}

/// What has just been replayed.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// A statement of the migration at this place.
    After(usize, &'a Statement),
    /// The migration at this place.
    End(usize),
}

/// Begins a migration with what runner, role and database set.
///
/// Most migrations are deployed on their own, so nobody may count on what an earlier one set. But
/// `search_path` decides where things are, and whoever builds a database from nothing runs all
/// migrations in one session, unless the runner is a loop around `psql`.
fn begin_session(state: &mut State, layout: &Layout, options: &SetOptions) {
    let path = state.session.lasting_search_path().filter(|_| !layout.is_new_session());
    state.session = Session::default();
    if layout.is_new_session() {
        state.catalog.end_session();
    }
    for setting in state.defaults.iter() {
        if let Some(value) = &setting.value {
            state.session.preset(&setting.name, value);
        }
    }
    for (name, value) in &options.settings {
        state.session.preset(name, value);
    }
    if let Some(path) = path {
        state.session.keep_search_path(path);
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// Checks a part of a set.
fn check_part(
    history: &HistoryContext,
    set: usize,
    part: Part,
    rules: &[Stamp],
    options: &SetOptions,
) -> Vec<Diagnostic> {
    let mut out = Vec::new();
    match part {
        Part::Migrations(range, mut state) => {
            let mut earlier: Option<State> = None;
            for at in range {
                begin_session(&mut state, history.set.layout, options);
                let first = out.len();
                let is_down = history.set.migrations[at].direction == Direction::Down;
                let before_up = earlier.as_ref().filter(|_| is_down);
                let cx = MigrationContext { history, index: at, before: &state, before_up };
                let mut after = check_migration(&cx, rules, &mut out);
                for diagnostic in &mut out[first..] {
                    diagnostic.migration = Some(MigrationRef { set, index: at });
                }
                if history.set.migrations[at].direction == Direction::Up {
                    after.end_migration();
                    earlier = Some(std::mem::replace(&mut state, after));
                }
            }
        }
        Part::Statements { migration, statements, before, mut state } => {
            let before = &*before;
            let cx = MigrationContext { history, index: migration, before, before_up: None };
            for statement in cx.script().statements().skip(statements.start).take(statements.len())
            {
                let before = StatementContext::new(&cx, statement, &state, &[]);
                check_statement(&before, rules, &mut out);
                drop(before);
                cx.step(statement, &mut state, |cx| check_statement(cx, rules, &mut out));
            }
            for diagnostic in &mut out {
                diagnostic.migration = Some(MigrationRef { set, index: migration });
            }
        }
    }
    out.shrink_to_fit();
    out
}

/// Checks one migration; returns the state when its last statement has run.
fn check_migration(cx: &MigrationContext, rules: &[Stamp], out: &mut Vec<Diagnostic>) -> State {
    let direction = Some(cx.migration().direction);
    let mut watches: Vec<(&Stamp, Box<dyn Watch>)> = Vec::new();
    for stamp in rules {
        match stamp.rule.check {
            Check::Migration(check) => run(stamp, direction, out, |out| check(cx, out)),
            Check::Steps(watch) | Check::StepsAndHistory(watch, _) => {
                watches.extend(watch(cx).map(|watch| (stamp, watch)));
            }
            Check::Statement(_) | Check::Refusal(_) | Check::History(_) | Check::Suppressions => {}
        }
    }
    let is_long = is_long(cx.migration(), cx.script());
    let mut refusals = Vec::new();
    let watches = RefCell::new(watches);
    let visit = |statement: &StatementContext| {
        for (_, watch) in watches.borrow_mut().iter_mut() {
            watch.statement(statement);
        }
        if !is_long {
            check_statement(statement, rules, out);
        }
    };
    let state = cx.replay_with(visit, |refused| {
        for (_, watch) in watches.borrow_mut().iter_mut() {
            watch.refused(refused);
        }
        if !is_long {
            check_statement(refused, rules, &mut refusals);
        }
    });
    out.append(&mut refusals);
    for (stamp, watch) in watches.into_inner() {
        run(stamp, direction, out, |out| watch.end(cx, &state, out));
    }
    state
}

/// Runs the rules for single statements, or those for statements that the server refuses.
fn check_statement(cx: &StatementContext, rules: &[Stamp], out: &mut Vec<Diagnostic>) {
    let direction = Some(cx.migration.migration().direction);
    for stamp in rules {
        match stamp.rule.check {
            Check::Statement(check) if cx.failures.is_empty() => {
                run(stamp, direction, out, |out| check(cx, out));
            }
            Check::Refusal(check) if !cx.failures.is_empty() => {
                run(stamp, direction, out, |out| check(cx, out));
            }
            _ => {}
        }
    }
}

/// A rule with what its page says about each of its diagnostics.
struct Stamp<'a> {
    rule: &'a Rule,
    severity: Severity,
    /// Whether it is about what hurts where many sessions are at work.
    is_about_load: bool,
}

impl<'a> Stamp<'a> {
    fn new(rule: &'a Rule) -> Self {
        let is_about_load = matches!(rule.category(), "locking" | "timeout" | "idempotency");
        Self { rule, severity: rule.severity(), is_about_load }
    }
}

/// Runs one check and stamps what it reports with the rule's name and severity.
fn run(
    stamp: &Stamp,
    direction: Option<Direction>,
    out: &mut Vec<Diagnostic>,
    check: impl FnOnce(&mut Vec<Diagnostic>),
) {
    let first = out.len();
    check(out);
    for diagnostic in &mut out[first..] {
        diagnostic.rule = stamp.rule.name;
        diagnostic.severity = stamp.severity;
        // A down runs in an emergency, when waiting for a lock is the smaller evil.
        if direction == Some(Direction::Down) && stamp.is_about_load {
            diagnostic.severity = diagnostic.severity.min(Severity::Info);
        }
        if let Some(most) = diagnostic.at_most {
            diagnostic.severity = diagnostic.severity.min(most);
        }
    }
}
