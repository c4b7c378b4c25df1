//! Finds the place of a syntax error, which PostgreSQL's message names only by its token.

use super::SyntaxError;
use super::lex::{TokenKind, lexemes};
use super::split::SplitProblem;
use super::{Failure, grammar};
use crate::source::Span;

/// Statements longer than this get a rough place: trying prefixes of them would cost too much.
const MAX_LEN: usize = 256 * 1024;

/// Returns the error with spans that count from the start of `sql`.
///
/// The splitter's problem has its offset from `base`, the start of `sql` in the splitter's text.
pub(super) fn locate(
    sql: &str,
    message: String,
    problem: Option<SplitProblem>,
    base: u32,
) -> SyntaxError {
    let whole = Span::new(0..sql.len());
    let mut error = SyntaxError {
        statement: whole,
        span: Span::new(sql.len().saturating_sub(1)..sql.len()),
        hint: None,
        missing_semicolon: false,
        message,
    };
    if let Some(SplitProblem::Unterminated { at, kind }) = problem {
        let at = at.saturating_sub(base);
        let line = sql[at as usize..].lines().next().unwrap_or_default().len();
        error.span = Span { start: at, end: at + Span::new(0..line).end.max(1) };
        error.hint = Some(format!("the {} that begins here is never closed", token_name(kind)));
        return error;
    }
    if let Some(at) = quoted_token(&error.message)
        .filter(|_| sql.len() <= MAX_LEN)
        .and_then(|token| find_token(sql, &token))
    {
        error.span = at;
    } else if error.message.ends_with("end of input") {
        error.span = Span::new(sql.len()..sql.len());
    }
    if let Some(SplitProblem::OpenParenthesis { at }) = problem {
        let line = sql[..at.saturating_sub(base) as usize].matches('\n').count() + 1;
        error.hint = Some(format!(
            "the parenthesis opened on line {line} of this statement is never closed"
        ));
    }
    let at = error.span.start as usize;
    let begins_line = sql[..at].trim_end_matches([' ', '\t']).ends_with('\n');
    let begins_statement = begins_line && begins_statement(&sql[at..]);
    if begins_statement && problem.is_none() && grammar(sql[..at].trim_end()).is_ok() {
        error.missing_semicolon = true;
        error.hint = Some("a `;` is missing before this line".to_owned());
    }
    error
}

fn token_name(kind: TokenKind) -> &'static str {
    match kind {
        TokenKind::QuotedName => "quoted identifier",
        TokenKind::Comment => "comment",
        _ => "quoted string",
    }
}

/// Returns the token of `... at or near "token"`.
fn quoted_token(message: &str) -> Option<String> {
    let (_, rest) = message.split_once("at or near \"")?;
    rest.strip_suffix('"').map(str::to_owned)
}

/// Returns where the grammar stops: the first occurrence of `token` such that the text that ends with
/// it is refused for it, and not for ending too early.
fn find_token(sql: &str, token: &str) -> Option<Span> {
    let places: Vec<usize> = lexemes(sql)
        .filter(|lexeme| {
            lexeme.text == token || lexeme.text.starts_with(token) || token.starts_with(lexeme.text)
        })
        .map(|lexeme| lexeme.start)
        .filter(|&start| sql[start..].starts_with(token))
        .collect();
    let refused = |start: &usize| {
        let prefix = &sql[..start + token.len()];
        matches!(grammar(prefix), Err(Failure::Syntax(message)) if !message.ends_with("end of input"))
    };
    // Once a prefix is refused, every longer one is.
    let index = if places.len() == 1 { 0 } else { places.partition_point(|start| !refused(start)) };
    let start = *places.get(index).or(places.last())?;
    Some(Span::new(start..start + token.len()))
}

/// Returns whether `text` begins with a word that begins a statement.
fn begins_statement(text: &str) -> bool {
    let word = lexemes(text).next();
    word.is_some_and(|word| {
        [
            "create", "alter", "drop", "insert", "update", "delete", "grant", "revoke", "comment",
            "select", "truncate", "begin", "commit", "do", "set",
        ]
        .iter()
        .any(|keyword| word.is(keyword))
    })
}
