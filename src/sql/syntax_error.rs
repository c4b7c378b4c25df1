//! Finds the place of a syntax error, which PostgreSQL's message names only by its token.

use super::SyntaxError;
use super::lex::{TokenKind, lexemes};
use super::refusal;
use super::split::SplitProblem;
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
    let line_of = |at: u32| sql[..at.saturating_sub(base) as usize].matches('\n').count() + 1;
    if let Some(SplitProblem::Unterminated { at, kind }) = problem {
        // The grammar may have stopped before it gets there.
        if error.message.starts_with("unterminated") {
            let at = at.saturating_sub(base);
            let line = sql[at as usize..].lines().next().unwrap_or_default().len();
            error.span = Span { start: at, end: at + Span::new(0..line).end.max(1) };
            error.hint = Some(format!("the {} that begins here is never closed", token_name(kind)));
            return error;
        }
        let (token, line) = (token_name(kind), line_of(at));
        error.hint = Some(format!(
            "the {token} that begins on line {line} of this statement is never closed"
        ));
    }
    let is_short = sql.len() <= MAX_LEN;
    if error.message.ends_with("end of input") {
        error.span = Span::new(sql.len()..sql.len());
    } else if let Some(token) = quoted_token(&error.message).filter(|_| is_short) {
        error.span = find_token(sql, &token).unwrap_or(error.span);
    } else if is_short {
        error.span = find_message(sql, &error.message).unwrap_or(error.span);
    }
    if let Some(SplitProblem::OpenParenthesis { at }) = problem {
        error.hint = Some(format!(
            "the parenthesis opened on line {} of this statement is never closed",
            line_of(at)
        ));
    }
    let at = error.span.start as usize;
    let begins_line = sql[..at].trim_end_matches([' ', '\t']).ends_with('\n');
    let begins_statement = begins_line && begins_statement(&sql[at..]);
    if begins_statement && problem.is_none() && refusal(sql[..at].trim_end()).is_none() {
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
        .filter(|&start| sql[start..].starts_with(token) && !is_part(sql, start, token))
        .collect();
    let refused = |start: &usize| {
        let prefix = &sql[..start + token.len()];
        refusal(prefix).is_some_and(|message| !message.ends_with("end of input"))
    };
    // Once a prefix is refused, every longer one is.
    let index = if places.len() == 1 { 0 } else { places.partition_point(|start| !refused(start)) };
    let start = *places.get(index).or(places.last())?;
    Some(Span::new(start..start + token.len()))
}

/// Returns whether the colon or dot at `start` is half of a longer token: `::`, `:=` or `..`.
fn is_part(sql: &str, start: usize, token: &str) -> bool {
    let rest = &sql[start + token.len()..];
    match token {
        ":" => rest.starts_with([':', '=']) || sql[..start].ends_with(':'),
        "." => rest.starts_with('.') || sql[..start].ends_with('.'),
        _ => false,
    }
}

/// Returns the token at whose end the grammar first has this to say, for a message that names none.
fn find_message(sql: &str, message: &str) -> Option<Span> {
    let tokens: Vec<Span> =
        lexemes(sql).map(|lexeme| Span::new(lexeme.start..lexeme.end())).collect();
    let has_message =
        |token: &Span| refusal(&sql[..token.end as usize]).is_some_and(|found| found == message);
    tokens.get(tokens.partition_point(|token| !has_message(token))).copied()
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
