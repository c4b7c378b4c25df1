use super::spelling::{first_word, like, shown};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use crate::effects::{Lock, refused_in_transaction};
use crate::layout::TransactionMode;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::session::Holder;
use crate::source::{SourceFile, Span};
use crate::sql::{Action, LockMode, RelationName, Statement, TableChange};

pub(super) fn watch(_: &MigrationContext) -> Option<Box<dyn Watch>> {
    Some(Box::new(Waits::default()))
}

/// What may wait without end, as far as the migration was seen.
#[derive(Default)]
struct Waits {
    /// The first statement of which everybody notices it.
    first: Option<Found>,
    /// The first one that locks what it refers to for a moment only.
    brief: Option<Found>,
    /// Whether something does its work concurrently, or should.
    has_concurrent: bool,
}

impl Watch for Waits {
    fn statement(&mut self, cx: &StatementContext) {
        self.has_concurrent |= cx.state.holder() == Holder::Nobody && may_be_concurrent(cx);
        if self.first.is_some() || cx.state.session.has_lock_timeout() || ends_anyway(cx) {
            return;
        }
        let Some((lock, action)) = unlimited(cx) else { return };
        let is_brief = is_brief(action);
        let place = if is_brief { &mut self.brief } else { &mut self.first };
        place.get_or_insert_with(|| Found::new(cx, &lock, action));
    }

    fn end(self: Box<Self>, cx: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        // A table that refers to another one locks that for a moment, and readers do not notice.
        let at_most_info =
            |found: Found| Found { diagnostic: found.diagnostic.at_most(Severity::Info), ..found };
        let Some(found) = self.first.or(self.brief.map(at_most_info)) else { return };
        let place = found.place.filter(|_| !self.has_concurrent);
        out.push(found.diagnostic.fix(place.and_then(|place| fix(cx, place))));
    }
}

/// Returns the relation that an action is about.
fn own_table(action: &Action) -> Option<&RelationName> {
    match action {
        Action::AlterTable(alter) => Some(&alter.table),
        Action::Drop(drop) => Some(drop.on.as_ref().unwrap_or(&drop.name)),
        _ => None,
    }
}

/// Returns whether an action only makes a table, so that what it locks are the tables it refers to.
fn is_brief(action: &Action) -> bool {
    matches!(action, Action::CreateTable(create) if create.partition_of.is_none())
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
    fn new(cx: &StatementContext, lock: &Lock, action: &Action) -> Self {
        let layout = cx.migration.history.set.layout;
        let mode = cx.migration.migration().transaction;
        let place = match cx.state.holder() {
            Holder::Runner | Holder::Message => Some(Place::First),
            Holder::File => {
                cx.state.transaction.as_ref().and_then(|open| open.begin).map(Place::After)
            }
            // The whole file becomes one transaction block with a second statement in it.
            Holder::Nobody if mode == TransactionMode::Message => Some(Place::First),
            Holder::Nobody if !layout.keeps_connection() => None,
            Holder::Nobody => Some(Place::Before(cx.statement.span)),
        };
        Self { diagnostic: report(cx, lock, action), place }
    }
}

/// Returns the first lock of the statement that others notice and that it may wait for without end, with
/// the action that takes it.
fn unlimited<'a>(cx: &StatementContext<'a>) -> Option<(Lock, &'a Action)> {
    let is_strong = |lock: &Lock| lock.mode >= LockMode::ShareLock && cx.is_noticed(lock);
    cx.statement.actions.iter().find_map(|action| {
        let gives_up = match action {
            // The way out is to build it concurrently, which must not run under a limit.
            Action::CreateIndex(_) => cx.state.holder() == Holder::Nobody,
            // The strong locks come last, when nobody uses the index or partition any more.
            Action::Drop(drop) if drop.concurrently => true,
            Action::Reindex { concurrently: true, .. } => true,
            Action::AlterTable(alter) => {
                matches!(alter.change, TableChange::DetachPartition { concurrently: true, .. })
            }
            Action::Lock { .. } => cx.statement.keyword(cx.file(), "nowait").is_some(),
            Action::Do(block) => block.actions.iter().any(sets_lock_timeout),
            _ => false,
        };
        let locks = if gives_up { Vec::new() } else { cx.locks(action).to_vec() };
        // The strongest is the one to talk about, and of two the one that the statement names.
        let own = own_table(action)
            .map(|name| cx.state.catalog.resolve(name, &cx.state.session.search_path));
        let rank = |lock: &Lock| (lock.mode, own.as_ref() == Some(&lock.relation));
        let strongest = locks.into_iter().filter(is_strong).rev().max_by_key(rank);
        strongest.map(|lock| (lock, action))
    })
}

/// Returns whether a limit on the whole statement ends the wait as well.
fn ends_anyway(cx: &StatementContext) -> bool {
    let is_limit = |name: &str| cx.state.session.timeout(name).is_some();
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

fn report(cx: &StatementContext, lock: &Lock, action: &Action) -> Diagnostic {
    let name = &lock.relation;
    let shown = shown(name);
    let command = command(cx, lock, action);
    let mode = lock.mode.keyword();
    let what = match lock.mode {
        LockMode::AccessExclusiveLock => "all reads and writes",
        _ => "all writes",
    };
    let help = match cx.state.holder() {
        Holder::Nobody if !cx.migration.history.set.layout.keeps_connection() => {
            "open a transaction for the statement, with `set local lock_timeout = '5s'` first: outside of one, goose may send each statement on another connection"
        }
        Holder::Nobody => {
            "begin with `set lock_timeout = '5s'`, and run the migration again if it gives up"
        }
        Holder::Runner | Holder::File | Holder::Message => {
            "begin the transaction with `set local lock_timeout = '5s'`, and run the migration again if it gives up"
        }
    };
    cx.report(format!(
        "{command} waits for {} {mode} lock on `{shown}` without a limit, and {what} queue behind it",
        if mode.starts_with(['A', 'E']) { "an" } else { "a" },
    ))
    .relation(name, Some(lock.mode))
    .help(help)
}

/// Names the command that takes the lock.
fn command(cx: &StatementContext, lock: &Lock, action: &Action) -> String {
    let Action::Do(block) = action else { return format!("`{}`", keywords(action)) };
    let is_same = |other: &Lock| (other.mode, &other.relation) == (lock.mode, &lock.relation);
    match block.actions.iter().find(|inner| cx.locks(inner).iter().any(is_same)) {
        Some(inner) => format!("`{}` in this `do` block", keywords(inner)),
        None => "this `do` block".to_owned(),
    }
}

fn keywords(action: &Action) -> String {
    match action {
        Action::CreateTable(_) => "create table".to_owned(),
        Action::CreateIndex(_) => "create index".to_owned(),
        Action::AlterTable(alter) => format!("alter {}", alter.kind.as_str()),
        Action::CreateView(view) if view.materialized => "create materialized view".to_owned(),
        Action::CreateView(_) => "create view".to_owned(),
        Action::CreateEnum { .. } => "create type".to_owned(),
        Action::AddEnumValue { .. } | Action::RenameEnumValue { .. } => "alter type".to_owned(),
        Action::Create(create) if create.alters => format!("alter {}", create.kind.as_str()),
        Action::Create(create) => format!("create {}", create.kind.as_str()),
        Action::Alter(alter) => format!("alter {}", alter.kind.as_str()),
        Action::Drop(drop) => format!("drop {}", drop.kind.as_str()),
        Action::Rename(rename) => format!("alter {}", rename.kind.as_str()),
        Action::SetSchema { kind, .. } => format!("alter {}", kind.as_str()),
        Action::Truncate { .. } => "truncate".to_owned(),
        Action::Lock { .. } => "lock table".to_owned(),
        Action::Reindex { .. } => "reindex".to_owned(),
        Action::Cluster { .. } => "cluster".to_owned(),
        Action::Vacuum { full: true, .. } => "vacuum full".to_owned(),
        Action::Vacuum { .. } => "vacuum".to_owned(),
        Action::Analyze { .. } => "analyze".to_owned(),
        Action::RefreshMaterializedView { .. } => "refresh materialized view".to_owned(),
        Action::Comment { .. } => "comment".to_owned(),
        Action::Other { command, .. } | Action::NonTransactional { command } => {
            command.to_ascii_lowercase()
        }
        Action::Grant(_)
        | Action::Dml(_)
        | Action::Set(_)
        | Action::SetDefault(_)
        | Action::Transaction(_)
        | Action::Do(_)
        | Action::Call { .. } => "this statement".to_owned(),
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
pub(super) fn before(cx: &MigrationContext, span: Span, set: &str) -> Edit {
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
pub(super) fn after(cx: &MigrationContext, begin: &Statement, set: &str) -> Edit {
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
