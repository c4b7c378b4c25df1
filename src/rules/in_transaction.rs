//! What the rules about transactions share: who holds one, and how a statement gets out of it.

use crate::diagnostic::{Diagnostic, Severity};
use crate::effects;
use crate::layout::{OptOut, TransactionMode};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::source::{SourceFile, Span};
use crate::sql::lex::{TokenKind, lexemes};
use crate::sql::{Action, Statement, string_value};

/// Returns whose transaction the statement is in, as the end of a sentence.
pub(super) fn place(cx: &StatementContext) -> String {
    match cx.state.holder() {
        Holder::File => "inside the file's own transaction".to_owned(),
        Holder::Runner => format!("inside the transaction that {} opens", runner(cx)),
        Holder::Message => "beside other statements of one message".to_owned(),
        Holder::Nobody => "outside of a transaction".to_owned(),
    }
}

/// Returns how a sentence names the runner.
pub(super) fn runner(cx: &StatementContext) -> &'static str {
    cx.migration.history.set.layout.runner()
}

/// Returns the command, as the server names it, if the server refuses `action` in a transaction.
pub(super) fn refused(cx: &StatementContext, action: &Action) -> Option<&'static str> {
    let path = &cx.state.session.search_path;
    effects::refused_in_transaction(action, &cx.state.catalog, path, cx.version())
}

/// Says how a statement that must not be in a transaction gets out of the one that is open.
pub(super) fn way_out(cx: &StatementContext) -> String {
    let layout = cx.migration.history.set.layout;
    let sends_whole_file = layout.sends_whole_file(cx.migration.migration().transaction);
    match (cx.state.holder(), &layout.opt_out) {
        (Holder::File, _) if sends_whole_file => {
            "put it alone into a migration of its own, without `begin`".to_owned()
        }
        (Holder::File, _) if layout.assumed => {
            "put it into a migration of its own without `begin`, or behind the `commit` if the runner sends one statement at a time".to_owned()
        }
        (Holder::File, _) => {
            "put it behind the `commit`, or into a migration of its own without `begin`".to_owned()
        }
        (_, Some(OptOut::FirstLine(line))) => match layout.without_transaction {
            TransactionMode::Message => format!("put it alone into a file that begins with `{line}`"),
            _ => format!("put it into a file that begins with `{line}`"),
        },
        (_, Some(OptOut::SideFile { name, text })) => {
            format!("put it alone into a migration with `{}` in `{name}` beside it", text.trim())
        }
        (_, Some(OptOut::Advice(text))) => (*text).to_owned(),
        (Holder::Message, None) => {
            "put it into a file of its own: a file is sent as one message".to_owned()
        }
        (_, None) if layout.name == "psql" => {
            "run the file without `--single-transaction`".to_owned()
        }
        (_, None) => "put it into a migration that runs outside of a transaction".to_owned(),
    }
}

/// Adds who holds the transaction, and lowers the severity where that is not certain.
pub(super) fn explain(cx: &StatementContext, diagnostic: Diagnostic) -> Diagnostic {
    let diagnostic = cx.explain_transaction(diagnostic);
    let layout = cx.migration.history.set.layout;
    if cx.state.holder() == Holder::Message && layout.name == "prisma" {
        return diagnostic
            .note("not certain: Prisma 7.4 and later, and its JavaScript engine, may send statement by statement")
            .at_most(Severity::Warning);
    }
    diagnostic
}

/// Returns whether the statement is the first of a pipeline, which is no transaction block yet.
pub(super) fn is_first_of_pipeline(cx: &StatementContext) -> bool {
    let is_pipeline = cx.migration.history.set.layout.name == "supabase";
    let first = cx.migration.script().items.first().map(crate::sql::Item::span);
    is_pipeline && cx.state.holder() == Holder::Message && first == Some(cx.statement.span)
}

/// Returns the place of the string constant `value`, in a `DO` block's body too.
pub(super) fn constant(file: &SourceFile, statement: &Statement, value: &str) -> Option<Span> {
    find(statement.text(file), |text, base| {
        let found = lexemes(text).find(|l| string_value(*l).as_deref() == Some(value))?;
        Some(Span::new(base + found.start..base + found.end()))
    })
    .map(|span| span.shift(statement.span.start))
}

/// Looks with `look` at `text`, then at the dollar-quoted texts in it; `look` gets their offsets.
pub(super) fn find(text: &str, look: impl Fn(&str, usize) -> Option<Span>) -> Option<Span> {
    if let Some(found) = look(text, 0) {
        return Some(found);
    }
    lexemes(text).filter(|l| l.kind == TokenKind::String && l.text.starts_with('$')).find_map(|l| {
        let body = string_value(l)?;
        let tag = l.text.len().checked_sub(body.len())? / 2;
        look(&body, l.start + tag)
    })
}

/// Returns what to remove so that a statement is gone: with its line, where it stands alone on it.
pub(super) fn removal(file: &SourceFile, statement: &Statement) -> Span {
    let (start, end) =
        (statement.span.start as usize, statement.full_end.max(statement.span.end) as usize);
    let whole = Span::new(start..end);
    let (Some(before), Some(after)) = (file.text.get(..start), file.text.get(end..)) else {
        return whole;
    };
    let line_start = before.rfind('\n').map_or(file.text_start(), |at| at + 1);
    let rest = after.find('\n').map_or(after.len(), |at| at + 1);
    let is_blank = |text: Option<&str>| text.is_some_and(|text| text.trim().is_empty());
    if is_blank(before.get(line_start..)) && is_blank(after.get(..rest)) {
        return Span::new(line_start..end + rest);
    }
    whole
}

/// Returns `word` in the case in which the text at `span` is written.
pub(super) fn in_case_of(file: &SourceFile, span: Span, word: &str) -> String {
    if file.slice(span).starts_with(|c: char| c.is_ascii_uppercase()) {
        word.to_ascii_uppercase()
    } else {
        word.to_owned()
    }
}
