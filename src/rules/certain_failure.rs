use crate::catalog::{Because, Failure, Origin, builtin};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::Item;
use crate::sql::lex::lexemes;
use crate::sql::tree::quote_identifier;

use super::bookkeeping::may_be_bookkeeping;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // Downs are judged by a rule of their own.
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    if let Some(failure) = find(cx) {
        out.push(report(cx, failure, "this statement"));
    }
}

/// Returns what the server certainly answers, if it refuses the statement.
pub(super) fn find<'a>(cx: &'a StatementContext) -> Option<&'a Failure> {
    cx.failures.iter().find(|failure| is_certain(cx, failure))
}

/// Returns whether the answer holds on every server that has run these files and nothing else.
fn is_certain(cx: &StatementContext, failure: &Failure) -> bool {
    // What a statement would have done that the server does not even parse, nobody can say.
    if cx.migration.script().items.iter().any(|item| {
        matches!(item, Item::SyntaxError(error) if error.statement.start < cx.statement.span.start)
    }) {
        return false;
    }
    // Files without an order of their own say nothing about each other.
    let is_ordered = cx.migration.history.set.layout.name != "plain";
    let is_guess = |origin: Origin| cx.state.catalog.is_guess(origin);
    let tells =
        |origin: Origin| (is_ordered || cx.state.is_in_this_migration(origin)) && !is_guess(origin);
    match failure.because {
        Because::Made(origin) | Because::Dropped(origin) => tells(origin),
        Because::NeverMade if may_be_bookkeeping(missing(&failure.message)) => false,
        Because::NeverMade if failure.sqlstate == "42883" => {
            is_ordered && cx.migration.history.is_complete && is_whole(cx)
        }
        Because::NeverMade => is_ordered && cx.migration.history.is_complete,
        Because::Always => true,
    }
}

/// Returns the name in a message.
fn missing(message: &str) -> &str {
    message.split('"').nth(1).unwrap_or_default()
}

/// Returns whether every function that is there can be known: no extension is there from the beginning,
/// and what could not be read cannot have made one.
fn is_whole(cx: &StatementContext) -> bool {
    let history = cx.migration.history;
    history.set.layout.name != "supabase"
        && history.scripts.iter().all(|script| script.not_analysed() == 0)
}

/// Says that the server refuses `what`.
pub(super) fn report(cx: &StatementContext, failure: &Failure, what: &str) -> Diagnostic {
    let span = named(cx, &failure.message).unwrap_or_else(|| cx.statement.head(cx.file()));
    let message = format!("the server refuses {what}: {}", failure.message);
    let mut diagnostic = cx
        .report_at(span, message)
        .note(format!("SQLSTATE {}: {}", failure.sqlstate, failure.message));
    if let Some(detail) = &failure.detail {
        diagnostic = diagnostic.note(detail.clone());
    }
    if cx.file().embedded.is_some() {
        // A program may leave a call out, or make what it needs, in a way that was not followed.
        diagnostic = diagnostic
            .note("the migration is a program: that holds if it makes just these calls")
            .at_most(Severity::Warning);
    }
    let brings = extension(cx, failure);
    if let Some(name) = brings {
        // Extensions are often created by somebody who may.
        diagnostic = diagnostic
            .help(format!("add `create extension if not exists {}`", quote_identifier(name)))
            .at_most(Severity::Warning);
    } else if let Some(help) = help(failure) {
        diagnostic = diagnostic.help(help);
    }
    match failure.because {
        Because::Made(origin) => diagnostic.label(origin.file, head(cx, origin), "it is there since this"),
        Because::Dropped(origin) => {
            diagnostic.label(origin.file, head(cx, origin), "it is gone since this")
        }
        // Another tool may have made it.
        Because::NeverMade => diagnostic
            .note("no migration makes it, and the history begins with what creates its tables; if something else makes it, say `history = \"partial\"` in lockmaster.toml")
            .at_most(Severity::Error),
        Because::Always => diagnostic,
    }
}

/// Returns the extension that brings a function or a type which nothing at hand makes.
fn extension(cx: &StatementContext, failure: &Failure) -> Option<&'static str> {
    if failure.because != Because::NeverMade {
        return None;
    }
    let version = cx.version();
    let function = failure.message.strip_prefix("function ");
    let function = function.and_then(|rest| rest.split('(').next());
    let of_type = failure.message.strip_prefix("type ").map(|_| missing(&failure.message));
    let brings = |extension: &&builtin::Extension| {
        extension.is_available(version)
            && (function
                .is_some_and(|name| extension.functions_named(name, version).next().is_some())
                || of_type.is_some_and(|name| extension.type_named(name, version).is_some()))
    };
    builtin::extensions().find(brings).map(|extension| extension.name)
}

/// Returns what to do about a refusal.
fn help(failure: &Failure) -> Option<&'static str> {
    Some(match (failure.sqlstate, failure.because) {
        ("2BP01", _) => {
            "drop what depends on it first, or say `cascade` if all of that may go as well"
        }
        ("42P07" | "42710" | "42701" | "42723" | "42P06", _) => {
            "remove this statement, give the object another name, or drop the old one first"
        }
        (_, Because::Dropped(_)) => {
            "use the name that it has now, or move this before the statement that took it away"
        }
        ("42P01" | "42703" | "42704" | "42883" | "3F000", _) => {
            "correct the name, or create it in a migration before this one"
        }
        ("42804", _) => "give both columns the same type",
        ("42P17", _) => {
            "say what the expression means without the session: a fixed time zone (`at time zone 'UTC'`), a plain column, or a condition in the queries instead"
        }
        ("42830", _) => "add a unique constraint on exactly these columns before this statement",
        ("42P16", Because::Always) => {
            "leave the schema out: temporary relations have one of their own"
        }
        ("42P16", _) => "drop the one that is there first, or change the parent table instead",
        _ => return None,
    })
}

/// Returns the beginning of the statement at `origin`.
fn head(cx: &StatementContext, origin: Origin) -> Span {
    crate::sql::head(cx.migration.history.sources.get(origin.file), origin.span)
}

/// Returns where the statement names what the server's message names first.
fn named(cx: &StatementContext, message: &str) -> Option<Span> {
    let name = message.split('"').nth(1)?;
    let name = name.rsplit('.').next()?;
    let text = cx.file().slice(cx.statement.span);
    let is_it = |text: &str| text.eq_ignore_ascii_case(name) || text.trim_matches('"') == name;
    let found = lexemes(text).find(|lexeme| is_it(lexeme.text))?;
    let start = cx.statement.span.start as usize + found.start;
    Some(Span::new(start..start + found.text.len()))
}
