use super::spelling::{first_word, like};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::effects::{Lock, refused_in_transaction};
use crate::layout::TransactionMode;
use crate::rule::{MigrationContext, StatementContext};
use crate::session::Holder;
use crate::source::{SourceFile, Span};
use crate::sql::lex::lexemes;
use crate::sql::{Action, LockMode, Statement};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let mut first = None;
    let mut has_concurrent = false;
    cx.replay(|cx| {
        has_concurrent |= cx.state.holder() == Holder::Nobody && may_be_concurrent(cx);
        if first.is_none() && !cx.state.session.has_lock_timeout() && !ends_anyway(cx) {
            first = unlimited(cx).map(|lock| Found::new(cx, &lock));
        }
    });
    let Some(found) = first else { return };
    let fix = if has_concurrent { None } else { found.place.and_then(|place| fix(cx, place)) };
    out.push(found.diagnostic.fix(fix));
}

/// The first statement that may wait without end, and where a fix can set the limit.
struct Found {
    diagnostic: Diagnostic,
    place: Option<Place>,
}

/// Where `lock_timeout` can be set.
#[derive(Clone, Copy)]
enum Place {
    /// Before the statement, for the session.
    Before(Span),
    /// After the `BEGIN` at this place, for the transaction.
    After(Span),
    /// Before the first statement of the migration, for the transaction around it.
    First,
}

impl Found {
    fn new(cx: &StatementContext, lock: &Lock) -> Self {
        let layout = cx.migration.history.set.layout;
        let mode = cx.migration.migration().transaction;
        let place = match cx.state.holder() {
            Holder::Runner | Holder::Message => Some(Place::First),
            Holder::File => {
                cx.state.transaction.as_ref().and_then(|open| open.begin).map(Place::After)
            }
            // The whole file becomes one transaction block with a second statement in it.
            Holder::Nobody if mode == TransactionMode::Message => Some(Place::First),
            // goose runs such a migration on a pool of connections: a setting may not last.
            Holder::Nobody if layout.name == "goose" => None,
            Holder::Nobody => Some(Place::Before(cx.statement.span)),
        };
        Self { diagnostic: report(cx, lock), place }
    }
}

/// Returns the first lock of the statement that others notice and that it may wait for without end.
fn unlimited(cx: &StatementContext) -> Option<Lock> {
    let is_strong = |lock: &Lock| lock.mode >= LockMode::ShareLock && cx.is_noticed(lock);
    cx.statement.actions.iter().find_map(|action| {
        let gives_up = match action {
            Action::Lock { .. } => cx.statement.keyword(cx.file(), "nowait").is_some(),
            Action::Do(block) => block.actions.iter().any(sets_lock_timeout),
            _ => false,
        };
        let locks = if gives_up { Vec::new() } else { cx.locks(action) };
        // The strongest is the one to talk about.
        locks.into_iter().filter(is_strong).rev().max_by_key(|lock| lock.mode)
    })
}

/// Returns whether a limit on the whole statement ends the wait as well.
fn ends_anyway(cx: &StatementContext) -> bool {
    let is_limit = |name: &str| {
        cx.state.session.setting(name).is_some_and(|found| {
            let digits = found.value.trim().trim_end_matches(|c: char| !c.is_ascii_digit());
            digits.parse::<f64>().is_ok_and(|number| number > 0.0)
        })
    };
    is_limit("statement_timeout") || cx.version().major >= 17 && is_limit("transaction_timeout")
}

fn sets_lock_timeout(action: &Action) -> bool {
    match action {
        Action::Set(setting) => setting.name == "lock_timeout",
        Action::Dml(dml) => dml.functions.iter().any(|function| *function.name == *"set_config"),
        _ => false,
    }
}

/// Returns whether the statement does its work concurrently, or should: when a limit strikes then, half
/// of the work is left behind.
fn may_be_concurrent(cx: &StatementContext) -> bool {
    cx.statement.actions.iter().any(|action| {
        let path = &cx.state.session.search_path;
        let is_refused = refused_in_transaction(action, &cx.state.catalog, path, cx.version());
        is_refused.is_some()
            || matches!(action, Action::CreateIndex(index) if !cx.is_new(&index.table))
    })
}

fn report(cx: &StatementContext, lock: &Lock) -> Diagnostic {
    let name = &lock.relation;
    let shown = if *name.schema == *"public" { name.name.to_string() } else { name.to_string() };
    let command = command(cx.statement, cx.file());
    let mode = lock.mode.keyword();
    let what = match lock.mode {
        LockMode::AccessExclusiveLock => "all reads and writes",
        _ => "all writes",
    };
    let help = match cx.state.holder() {
        Holder::Nobody if cx.migration.history.set.layout.name == "goose" => {
            "open a transaction for the statement, with `set local lock_timeout = '5s'` first: outside of one, goose may send each statement on another connection"
        }
        Holder::Nobody => "`set lock_timeout = '5s'` at the top, and try again when it strikes",
        Holder::Runner | Holder::File | Holder::Message => {
            "`set local lock_timeout = '5s'` at the beginning of the transaction, and try again when it strikes"
        }
    };
    cx.report(format!(
        "`{command}` waits for {} {mode} lock on `{shown}` without a limit, and {what} queue behind it",
        if mode.starts_with(['A', 'E']) { "an" } else { "a" },
    ))
    .relation(name, Some(lock.mode))
    .note("it waits until every transaction that holds a conflicting lock has ended, however long that takes")
    .help(help)
}

/// Returns the statement's first words, which name the command.
fn command(statement: &Statement, file: &SourceFile) -> String {
    let words: Vec<String> = lexemes(statement.text(file))
        .map_while(|lexeme| {
            lexeme
                .text
                .bytes()
                .all(|b| b.is_ascii_alphabetic())
                .then(|| lexeme.text.to_ascii_lowercase())
        })
        .take(2)
        .collect();
    match words.first().map(String::as_str) {
        Some("create" | "alter" | "drop" | "lock" | "refresh" | "vacuum") => words.join(" "),
        Some(first) => first.to_owned(),
        None => "the statement".to_owned(),
    }
}

fn fix(cx: &MigrationContext, place: Place) -> Option<Fix> {
    let file = cx.file();
    let first = cx.script().statements().next()?;
    let set = |statement: &Statement, words: &str| {
        format!("{} lock_timeout = '5s';", like(first_word(statement, file), words))
    };
    let edit = match place {
        Place::First => before(cx, first.span, &set(first, "set local")),
        Place::Before(span) => {
            let statement = cx.script().statements().find(|statement| statement.span == span)?;
            before(cx, span, &set(statement, "set"))
        }
        Place::After(span) => {
            let begin = cx.script().statements().find(|statement| statement.span == span)?;
            after(cx, begin, &set(begin, "set local"))
        }
    };
    Some(Fix::new(Applicability::Unsafe, "limit the wait to five seconds", vec![edit]))
}

/// Inserts a statement on a line of its own before the one at `span`, or in the same line if that is
/// not the first there.
fn before(cx: &MigrationContext, span: Span, set: &str) -> Edit {
    let file = cx.file();
    let line = file.line_range(file.line_index(span.start as usize)).unwrap_or(span.range());
    let from = line.start.max(cx.migration().section.start as usize).max(file.text_start());
    let indent = file.text.get(from..span.start as usize).unwrap_or_default();
    let separator = if indent.trim().is_empty() {
        format!("{}{}{indent}", breakpoint(file), file.line_break())
    } else {
        " ".to_owned()
    };
    Edit::insert(cx.migration().file, span.start, format!("{set}{separator}"))
}

/// Inserts a statement behind another one, on a line of its own.
fn after(cx: &MigrationContext, begin: &Statement, set: &str) -> Edit {
    let file = cx.file();
    let at = begin.full_end.max(begin.span.end);
    let line = file.line_range(file.line_index(begin.span.start as usize)).unwrap_or_default();
    let indent = file.text.get(line.start.max(file.text_start())..begin.span.start as usize);
    let indent = indent.filter(|text| text.trim().is_empty()).unwrap_or_default();
    let line_break = file.line_break();
    let semicolon =
        if file.text.get(..at as usize).is_some_and(|text| text.ends_with(';')) { "" } else { ";" };
    Edit::insert(cx.migration().file, at, format!("{semicolon}{line_break}{indent}{set}"))
}

/// Returns the mark at which Drizzle cuts a file, if this one is cut so.
fn breakpoint(file: &SourceFile) -> &'static str {
    const MARK: &str = "--> statement-breakpoint";
    if file.text.contains(MARK) { MARK } else { "" }
}
