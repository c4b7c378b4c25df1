//! How a statement is made repeatable: where `IF EXISTS`, `IF NOT EXISTS` and `OR REPLACE` go.

use super::spelling::{first_word, like};
use crate::diagnostic::Edit;
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::{Lexeme, TokenKind, lexemes};

/// How the statement is made repeatable.
pub(super) enum Guard {
    /// By inserting words that leave everything else as it is.
    Words(Edit),
    /// By `OR REPLACE`, which also replaces what something else has made.
    Replace(Edit),
    /// By hand; the text says how, if there is a short way.
    ByHand(Option<&'static str>),
}

pub(super) const DROP_FIRST: Guard = Guard::ByHand(Some(
    "`drop ... if exists` before what cannot say `if not exists`, or a `do` block that looks first",
));

/// Inserts `words` behind the first `keyword` of the statement.
pub(super) fn insertion(cx: &StatementContext, keyword: &str, words: &str) -> Guard {
    let start = cx.statement.text(cx.file());
    // Names come later; the keyword is among the first words.
    let found = lexemes(start).take(5).find(|lexeme| lexeme.is(keyword));
    found.map_or(Guard::ByHand(None), |lexeme| Guard::Words(behind(cx, lexeme, words)))
}

pub(super) fn or_replace(cx: &StatementContext) -> Guard {
    let first = lexemes(cx.statement.text(cx.file())).next().filter(|lexeme| lexeme.is("create"));
    first.map_or(DROP_FIRST, |lexeme| Guard::Replace(behind(cx, lexeme, "or replace")))
}

fn behind(cx: &StatementContext, lexeme: Lexeme, words: &str) -> Edit {
    let at = Span::new(lexeme.end()..lexeme.end()).shift(cx.statement.span.start).start;
    let case = like(first_word(cx.statement, cx.file()), words);
    Edit::insert(cx.migration.migration().file, at, format!(" {case}"))
}

pub(super) fn second_word_is(cx: &StatementContext, word: &str) -> bool {
    lexemes(cx.statement.text(cx.file())).nth(1).is_some_and(|lexeme| lexeme.is(word))
}

/// A subcommand of `ALTER TABLE`.
pub(super) struct Subcommand<'a> {
    words: Vec<Lexeme<'a>>,
    pub(super) span: Span,
}

/// The most subcommands that are told apart: each one costs a look at the whole statement.
const MAX_SUBCOMMANDS: usize = 200;

/// Returns the subcommand of `ALTER TABLE` that became the action number `at`.
pub(super) fn subcommand<'a>(cx: &'a StatementContext, at: usize) -> Option<Subcommand<'a>> {
    if cx.statement.actions.len() > MAX_SUBCOMMANDS {
        return None;
    }
    let mut depth = 0_usize;
    let mut parts: Vec<Vec<Lexeme>> = vec![Vec::new()];
    for lexeme in lexemes(cx.statement.text(cx.file())) {
        match lexeme.kind {
            TokenKind::Byte(b'(' | b'[') => depth += 1,
            TokenKind::Byte(b')' | b']') => depth = depth.saturating_sub(1),
            _ => {}
        }
        match parts.last_mut() {
            Some(words) if depth > 0 || lexeme.kind != TokenKind::Byte(b',') => words.push(lexeme),
            _ => parts.push(Vec::new()),
        }
    }
    if parts.len() != cx.statement.actions.len() {
        return None;
    }
    let words = parts.swap_remove(at);
    let is_verb = |lexeme: &Lexeme| lexeme.is("add") || lexeme.is("drop");
    let first =
        if at == 0 { words.iter().skip(2).find(|lexeme| is_verb(lexeme)) } else { words.first() };
    let from = first.or(words.first())?.start;
    let span = Span::new(from..words.last()?.end()).shift(cx.statement.span.start);
    let span = if parts.is_empty() { cx.statement.span } else { span };
    Some(Subcommand { span: crate::sql::head(cx.file(), span), words })
}

/// Inserts `guard` into a subcommand of `ALTER TABLE`: behind `noun`, or behind `verb` where that is
/// left out.
pub(super) fn in_subcommand(
    cx: &StatementContext,
    at: usize,
    verb: &str,
    noun: &str,
    guard: &str,
) -> Guard {
    let Some(Subcommand { words, .. }) = subcommand(cx, at) else { return Guard::ByHand(None) };
    let skipped = if at == 0 { 2 } else { 0 };
    let mut words = words.into_iter().skip(skipped).skip_while(|lexeme| !lexeme.is(verb));
    let Some(verb) = words.next() else { return Guard::ByHand(None) };
    let anchor = words.next().filter(|lexeme| lexeme.is(noun)).unwrap_or(verb);
    Guard::Words(behind(cx, anchor, guard))
}
