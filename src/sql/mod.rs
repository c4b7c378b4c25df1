//! From source text to statements; the only place that talks to PostgreSQL's grammar.

mod access;
mod action;
mod columns;
mod definition;
mod detail;
pub mod lex;
mod lower;
mod placeholder;
mod plpgsql;
mod split;
mod statement;
mod syntax_error;
pub mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};

use rayon::prelude::*;

pub use access::*;
pub use action::Action;
pub use definition::*;
pub use detail::*;
pub(crate) use placeholder::has_placeholder;
pub use plpgsql::{
    Answers, BodyNames, Called, Cell, ColumnFact, ColumnReference, Comparison, Condition, Dynamic,
    Fact, FunctionCall, Given, Handler, ObjectName, Passes, RelationKind, Run, SchemaName, Step,
    Surroundings, SystemTables, TableRows, for_each_step, names_in_function, steps_of_block,
    steps_of_call,
};
pub use split::{Chunk, ChunkKind, SplitProblem, split};
pub use statement::*;

use crate::source::{SourceFile, Span};
use columns::Columns;
use lex::{Lexeme, TokenKind, lexemes};

/// What a section of a file holds.
#[derive(Debug, Default)]
pub struct Script {
    /// Statements and what could not be read, in order.
    pub items: Vec<Item>,
    /// The comments between statements.
    pub comments: Vec<Span>,
    /// psql meta-commands, harmless or not.
    pub meta_commands: Vec<Span>,
    /// The rows of `COPY ... FROM stdin`.
    pub copy_data: Vec<Span>,
    /// How each item reaches the server, where a host language sends them; else nothing.
    pub deliveries: Vec<Delivery>,
}

/// How an item reaches the server that a call of a host language sends.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    /// The item.
    pub span: Span,
    /// The message that it is part of, by its number in the script.
    pub message: u32,
    /// Whether the message holds more than it.
    pub is_block: bool,
    /// Whether it runs outside of the transaction that the framework holds open elsewhere.
    pub is_outside: bool,
    /// Whether it is a statement that was understood.
    pub is_statement: bool,
    /// Whether it does something to the schema of which nothing is known.
    pub is_unknown_change: bool,
}

impl Script {
    /// Returns the statements that were understood.
    pub fn statements(&self) -> impl Iterator<Item = &Statement> {
        self.items.iter().filter_map(|item| match item {
            Item::Statement(statement) => Some(statement),
            _ => None,
        })
    }

    /// Returns the actions of all statements, with those inside of `DO` blocks in place of the blocks.
    pub fn all_actions(&self) -> impl Iterator<Item = &Action> {
        self.statements().flat_map(Statement::all_actions)
    }

    /// Returns the number of pieces of SQL that were not understood.
    pub fn not_analysed(&self) -> usize {
        self.items.iter().filter(|item| !matches!(item, Item::Statement(_))).count()
    }
}

/// Statements longer than this whose rows nobody asks for are only checked, not made into a tree.
const BIG_STATEMENT: usize = 64 * 1024;

/// Sections with at least this many chunks are parsed on several threads.
const PARALLEL_CHUNKS: usize = 256;

/// Parses the part of `file` at `section`. Never fails: what cannot be read is an item of its own.
pub fn parse(file: &SourceFile, section: Span) -> Script {
    let Some(embedded) = &file.embedded else { return parse_part(file, section) };
    let mut script = Script::default();
    for (at, message) in (0..).zip(embedded.messages_in(section)) {
        let mut part = match &message.gap {
            Some(gap) => {
                let reason = NotAnalysedReason::Host(gap.reason.clone(), gap.is_minor);
                let item = Item::NotAnalysed(NotAnalysed { span: message.span, reason });
                Script { items: vec![item], ..Script::default() }
            }
            // What one call leaves open has no effect on the next.
            None => parse_part(file, message.span),
        };
        let is_block = part.items.len() > 1;
        let changes = message.gap.as_ref().is_some_and(|gap| !gap.is_minor);
        script.deliveries.extend(part.items.iter().map(|item| Delivery {
            span: item.span(),
            message: at,
            is_block,
            is_outside: message.is_outside,
            is_statement: matches!(item, Item::Statement(_)),
            is_unknown_change: changes,
        }));
        script.items.append(&mut part.items);
        script.comments.append(&mut part.comments);
    }
    script
}

fn parse_part(file: &SourceFile, section: Span) -> Script {
    let text = file.slice(section);
    let base = section.start;
    let chunks = split(text);
    let items_of = |chunk: &Chunk| match chunk.kind {
        ChunkKind::Statement => parse_chunk(text, *chunk, base),
        ChunkKind::MetaCommand => {
            let span = chunk.span.shift(base);
            let reason = meta_command(file.slice(span));
            let item = reason.map(|reason| Item::NotAnalysed(NotAnalysed { span, reason }));
            item.into_iter().collect()
        }
        ChunkKind::Comment | ChunkKind::CopyData | ChunkKind::Delimiter => Vec::new(),
    };
    let mut items: Vec<Item> = if chunks.len() >= PARALLEL_CHUNKS {
        chunks.par_iter().with_min_len(64).flat_map_iter(items_of).collect()
    } else {
        chunks.iter().flat_map(items_of).collect()
    };
    items.shrink_to_fit();
    let spans_of = |kind| {
        let of_kind = chunks.iter().filter(|chunk| chunk.kind == kind);
        let mut spans: Vec<Span> = of_kind.map(|chunk| chunk.span.shift(base)).collect();
        spans.shrink_to_fit();
        spans
    };
    Script {
        items,
        comments: spans_of(ChunkKind::Comment),
        meta_commands: spans_of(ChunkKind::MetaCommand),
        copy_data: spans_of(ChunkKind::CopyData),
        deliveries: Vec::new(),
    }
}

/// Returns why a psql meta-command cannot be analysed; nothing for one that changes nothing but rows.
fn meta_command(text: &str) -> Option<NotAnalysedReason> {
    let word = text.split_whitespace().next().unwrap_or_default();
    let runs_something = matches!(
        word,
        "\\i"
            | "\\ir"
            | "\\include"
            | "\\include_relative"
            | "\\gexec"
            | "\\c"
            | "\\connect"
            | "\\if"
            | "\\elif"
            | "\\else"
            | "\\endif"
            | "\\!"
            | "\\o"
    );
    runs_something.then(|| NotAnalysedReason::MetaCommand(text.to_owned()))
}

/// Parses one statement of `text`; a missing `;` may make it several.
fn parse_chunk(text: &str, chunk: Chunk, base: u32) -> Vec<Item> {
    let mut items = Vec::new();
    let mut from = chunk.span.start;
    // Each round goes on behind a place where a `;` is missing.
    loop {
        let span = Span { start: from, end: chunk.span.end };
        let sql = &text[span.range()];
        match parse_statement(sql) {
            Ok(Parsed { actions, has_placeholders }) => {
                items.push(Item::Statement(Statement {
                    span: span.shift(base),
                    full_end: chunk.full_end + base,
                    actions,
                    has_placeholders,
                }));
                return items;
            }
            Err(Failure::NotAnalysed(reason)) => {
                items.push(Item::NotAnalysed(NotAnalysed { span: span.shift(base), reason }));
                return items;
            }
            Err(Failure::Syntax(message)) => {
                let mut error = syntax_error::locate(sql, message, chunk.problem, span.start);
                let at = error.span.start;
                error.span = error.span.shift(span.start + base);
                let end = chunk.full_end as usize;
                if error.message.ends_with("end of input") && text[..end].ends_with(';') {
                    // The server reads the `;` too.
                    "syntax error at or near \";\"".clone_into(&mut error.message);
                    error.span = Span::new(end - 1..end).shift(base);
                }
                error.statement = span.shift(base);
                if !error.missing_semicolon || items.len() > 100 {
                    items.push(Item::SyntaxError(Box::new(error)));
                    return items;
                }
                let before = sql[..at as usize].trim_end();
                error.statement.end = error.statement.start + Span::new(0..before.len()).end;
                let actions = parse_statement(before).map(|parsed| parsed.actions);
                let (statement, full_end) = (error.statement, error.statement.end);
                items.push(Item::SyntaxError(Box::new(error)));
                if let Ok(actions) = actions {
                    let has_placeholders = false;
                    items.push(Item::Statement(Statement {
                        span: statement,
                        full_end,
                        actions,
                        has_placeholders,
                    }));
                }
                from += at;
            }
        }
    }
}

struct Parsed {
    actions: Vec<Action>,
    has_placeholders: bool,
}

enum Failure {
    Syntax(String),
    NotAnalysed(NotAnalysedReason),
}

fn parse_statement(sql: &str) -> Result<Parsed, Failure> {
    if sql.len() > BIG_STATEMENT
        && let Some(action) = big_insert(sql)
        && guarded(|| pg_query::split_with_parser(sql)).is_some_and(|pieces| pieces.is_ok())
    {
        return Ok(Parsed { actions: vec![action], has_placeholders: false });
    }
    match grammar(sql) {
        Ok(actions) => Ok(Parsed { actions, has_placeholders: false }),
        Err(Failure::Syntax(message)) => {
            let Some(replaced) = placeholder::replace(sql) else {
                let is_template = has_template(sql);
                let template = Failure::NotAnalysed(NotAnalysedReason::Template);
                return Err(if is_template { template } else { Failure::Syntax(message) });
            };
            match grammar(&replaced) {
                Ok(actions) => Ok(Parsed { actions, has_placeholders: true }),
                Err(_) if has_template(sql) => {
                    Err(Failure::NotAnalysed(NotAnalysedReason::Template))
                }
                Err(_) => Err(Failure::Syntax(message)),
            }
        }
        Err(failure) => Err(failure),
    }
}

/// Returns whether the text holds the marks of a template language.
fn has_template(sql: &str) -> bool {
    ["{{", "<%", "${", "{%", "$("].iter().any(|mark| sql.contains(mark))
}

/// The size of the stack of a thread that parses.
///
/// PostgreSQL's parser and what reads its answer recurse; they give up by themselves before this ends,
/// also in a build that is not optimized. Only what is used of it is memory.
pub const STACK: usize = 256 * 1024 * 1024;

/// What the parser says where it gives up and a server need not.
const TOO_DEEP: &[&str] =
    &["parse tree is nested too deeply to serialize to protobuf", "stack depth limit exceeded"];

/// Parses exactly one statement with PostgreSQL's grammar.
fn grammar(sql: &str) -> Result<Vec<Action>, Failure> {
    let Some(mut columns) = Columns::cut(sql) else { return tree(sql) };
    if columns.is_known()
        && is_statement(sql)
        && let Ok(rest) = columns.rest().map_or(Ok(Vec::new()), |rest| tree(&rest))
        && let Some(actions) = columns.complete(rest)
    {
        debug_assert_eq!(Some(&actions), tree(sql).ok().as_ref(), "{sql}");
        return Ok(actions);
    }
    let actions = tree(sql)?;
    columns.keep(&actions);
    Ok(actions)
}

/// Parses exactly one statement with PostgreSQL's grammar, as a whole.
fn tree(sql: &str) -> Result<Vec<Action>, Failure> {
    let parser = |message: String| Failure::NotAnalysed(NotAnalysedReason::Parser(message));
    let Some(result) = guarded(|| pg_query::parse(sql, 0)) else {
        return Err(parser("the parser failed".to_owned()));
    };
    let tree = match result {
        Ok(tree) => tree,
        Err(pg_query::Error::Parse(message)) if TOO_DEEP.contains(&message.as_str()) => {
            return Err(parser(message));
        }
        Err(pg_query::Error::Parse(message)) => return Err(Failure::Syntax(message)),
        Err(error) => return Err(parser(error.to_string())),
    };
    if tree.protobuf.stmts.len() > 1 {
        return Err(parser("several statements where one was expected".to_owned()));
    }
    let is_do = matches!(
        tree.protobuf.stmts.first().and_then(|s| s.stmt.as_ref()).and_then(|s| s.node.as_ref()),
        Some(pg_query::NodeEnum::DoStmt(_))
    );
    if is_do {
        let block = plpgsql::read(sql, &do_language(sql));
        return Ok(vec![Action::Do(Box::new(block))]);
    }
    let mut actions = lower::lower(&tree);
    if let [Action::Create(create)] = &mut actions[..]
        && let Detail::Function(function) = &mut create.detail
    {
        function.changes_schema = changes_schema(function, sql);
        if function.changes_schema || calls_others(function) {
            function.source = Some(sql.into());
        }
    }
    Ok(actions)
}

/// Returns whether calling a function changes the schema. Its body is looked into only where it has a
/// word that can do that.
fn changes_schema(function: &FunctionDefinition, sql: &str) -> bool {
    let Some(body) = &function.body else { return false };
    let can = |word: &str| {
        ["create", "alter", "drop", "execute"].iter().any(|w| word.eq_ignore_ascii_case(w))
    };
    body.split(|c: char| !c.is_ascii_alphabetic()).any(can)
        && names_in_function(sql).is_none_or(|names| names.changes_schema)
}

/// Returns whether the body of a function calls others for what they do.
fn calls_others(function: &FunctionDefinition) -> bool {
    let is_trigger = function.returns.as_ref().is_some_and(|name| *name.name == *"trigger");
    let calls = |word: &str| ["perform", "call"].iter().any(|w| word.eq_ignore_ascii_case(w));
    let Some(body) = function.body.as_ref().filter(|_| !is_trigger) else { return false };
    body.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(calls)
}

/// Returns the language of a `DO` statement.
fn do_language(sql: &str) -> String {
    let mut lexemes = lexemes(sql).skip_while(|lexeme| !lexeme.is("language"));
    lexemes.next();
    let language = lexemes.next();
    language.and_then(|l| l.name().or_else(|| string_value(l))).unwrap_or("plpgsql".to_owned())
}

/// Returns what the one or more statements in `sql` do; nothing where they do not parse.
pub(crate) fn actions_of(sql: &str) -> Vec<Action> {
    let chunks = split(sql).into_iter().filter(|chunk| chunk.kind == ChunkKind::Statement);
    chunks.flat_map(|chunk| grammar(&sql[chunk.span.range()]).unwrap_or_default()).collect()
}

/// Returns the expression of a query that is nothing but `SELECT expression`.
pub(crate) fn only_expression(query: &str) -> Option<tree::Expr> {
    let view = format!("CREATE VIEW v AS {}", query.trim().trim_end_matches(';'));
    let mut actions = grammar(&view).ok()?;
    let Some(Action::CreateView(view)) = actions.pop() else { return None };
    let query = std::sync::Arc::try_unwrap(view.query?).ok()?;
    let tree::Body::Select(select) = query.body else { return None };
    let is_plain = query.with.is_none()
        && query.tail.is_none()
        && select.distinct == tree::Distinct::No
        && select.from.is_empty()
        && select.condition.is_none()
        && select.grouping.is_none();
    let mut targets = select.targets.into_vec();
    let target = targets.pop().filter(|_| is_plain && targets.is_empty())?;
    Some(target.value)
}

/// Returns what the grammar has against `sql`, without building a tree.
fn refusal(sql: &str) -> Option<String> {
    match guarded(|| pg_query::split_with_parser(sql)) {
        Some(Err(pg_query::Error::Split(message))) => Some(message),
        _ => None,
    }
}

/// Returns whether `sql` is a statement that the grammar accepts.
pub fn is_statement(sql: &str) -> bool {
    matches!(guarded(|| pg_query::split_with_parser(sql)), Some(Ok(pieces)) if !pieces.is_empty())
}

/// Runs the parser so that a panic in it is an answer, not the end of the program.
fn guarded<T>(parse: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(parse)).ok()
}

/// Reads `INSERT INTO name [(columns)] VALUES`, without its rows.
fn big_insert(sql: &str) -> Option<Action> {
    let mut lexemes = lexemes(sql).peekable();
    lexemes.next().filter(|l| l.is("insert"))?;
    lexemes.next().filter(|l| l.is("into"))?;
    let mut target = RelationName::unqualified(lexemes.next()?.name()?);
    if lexemes.next_if(|l| l.kind == TokenKind::Byte(b'.')).is_some() {
        target = RelationName { schema: Some(target.name), name: lexemes.next()?.name()?.into() };
    }
    if lexemes.next_if(|l| l.kind == TokenKind::Byte(b'(')).is_some() {
        lexemes.by_ref().find(|l| l.kind == TokenKind::Byte(b')'))?;
    }
    lexemes.next().filter(|l| l.is("values"))?;
    let dml = Dml { kind: DmlKind::Insert, target: Some(target), ..Dml::default() };
    Some(Action::Dml(Box::new(dml)))
}

/// Returns the value of a string constant; nothing for one with backslash escapes.
pub fn string_value(lexeme: Lexeme<'_>) -> Option<String> {
    if lexeme.kind != TokenKind::String {
        return None;
    }
    let text = lexeme.text;
    if let Some(rest) = text.strip_prefix('$') {
        let tag = rest.find('$')? + 2;
        return text.get(tag..text.len() - tag).map(str::to_owned);
    }
    let body = text.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(body.replace("''", "'"))
}

impl Statement {
    /// Returns the actions, with those inside of `DO` blocks in place of the blocks.
    pub fn all_actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().flat_map(|action| match action {
            Action::Do(block) => &block.actions[..],
            action => std::slice::from_ref(action),
        })
    }

    /// Returns the text of the statement.
    pub fn text<'a>(&self, file: &'a SourceFile) -> &'a str {
        file.slice(self.span)
    }

    /// Returns the span of the first word `keyword` of this statement.
    pub fn keyword(&self, file: &SourceFile, keyword: &str) -> Option<Span> {
        let text = self.text(file);
        let lexeme = lexemes(text).find(|lexeme| lexeme.is(keyword))?;
        Some(Span::new(lexeme.start..lexeme.end()).shift(self.span.start))
    }

    /// Returns the part of the statement that a label can underline: all of it if it is short, else
    /// its first line.
    pub fn head(&self, file: &SourceFile) -> Span {
        head(file, self.span)
    }

    /// Returns whether the statement only controls transactions.
    pub fn transaction_action(&self) -> Option<&TransactionAction> {
        match &self.actions[..] {
            [Action::Transaction(action)] => Some(action),
            _ => None,
        }
    }
}

/// Returns the first line of `span`, or all of it if it has no more than three lines.
pub fn head(file: &SourceFile, span: Span) -> Span {
    let line = file.line_index(span.start as usize);
    if file.line_index(span.end as usize) <= line + 2 {
        return span;
    }
    let end = file.line_range(line).map_or(span.end as usize, |line| line.end);
    let first = Span::new(span.start as usize..end);
    let len = file.slice(first).trim_end().len();
    Span { start: span.start, end: span.start + Span::new(0..len).end }
}
