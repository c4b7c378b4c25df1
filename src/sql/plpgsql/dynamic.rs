//! SQL that a block runs: computed texts, and what is known of those that cannot be computed.

use super::step::{Dynamic, Run, Step};
use super::value::{Hole, Part, Text, Value};
use crate::sql::lex::{Lexeme, TokenKind, lexemes};
use crate::sql::placeholder::{self, MARK};
use crate::sql::{Action, RelationName, actions_of};

/// Returns the step that runs static SQL.
pub(super) fn of_static(sql: &str, line: u32) -> Step {
    let actions = actions_of(sql);
    if actions.is_empty() {
        let replaced = placeholder::replace(sql).map(|sql| actions_of(&sql)).unwrap_or_default();
        return dynamic(replaced, sql.to_owned(), line);
    }
    Step::Sql(Run { actions, sql: sql.into(), line, is_computed: false })
}

/// Returns the step that executes a text; nothing for an empty one.
pub(super) fn of_value(value: Value, line: u32) -> Option<Step> {
    // `EXECUTE` of null fails: nothing runs after it, but nobody writes that on purpose.
    let text = value.into_text().unwrap_or_else(|| Text::hole(Hole::Anything));
    let Some(known) = text.as_known() else { return Some(with_holes(&text, line)) };
    if known.trim().is_empty() {
        return None;
    }
    let actions = actions_of(&known);
    if actions.is_empty() {
        let replaced = placeholder::replace(&known).map(|sql| actions_of(&sql)).unwrap_or_default();
        return Some(dynamic(replaced, known, line));
    }
    Some(Step::Sql(Run { actions, sql: known.into(), line, is_computed: true }))
}

/// Returns the step of a block that cannot be read, which may do anything.
pub(super) fn unread(sql: &str) -> Step {
    let (actions, command, target) = (Vec::new(), None, None);
    Step::Dynamic(Dynamic { actions, command, target, sql: sql.into(), line: 1 })
}

fn with_holes(text: &Text, line: u32) -> Step {
    let shown = text.filled(|_| "\u{2026}".to_owned());
    if !matches!(text.0.first(), Some(Part::Known(_))) {
        return dynamic(Vec::new(), shown, line);
    }
    let name = |hole| match hole {
        Hole::Constant => format!("'{MARK}'"),
        Hole::Identifier | Hole::Anything => MARK.to_string(),
    };
    let mut actions = actions_of(&text.filled(name));
    if actions.is_empty() {
        // A name can stand almost anywhere, but not where a number is wanted.
        let number = |hole| if hole == Hole::Anything { "1".to_owned() } else { name(hole) };
        actions = actions_of(&text.filled(number));
    }
    if !actions.is_empty() && !actions.iter().any(is_marked) {
        return Step::Sql(Run { actions, sql: shown.into(), line, is_computed: true });
    }
    dynamic(actions, shown, line)
}

/// Returns whether a part of the action comes from a hole.
fn is_marked(action: &Action) -> bool {
    format!("{action:?}").contains(MARK)
}

fn dynamic(actions: Vec<Action>, sql: String, line: u32) -> Step {
    let (command, target) = command(&sql);
    Step::Dynamic(Dynamic { actions, command, target, sql: sql.into(), line })
}

/// Returns the command that a text begins with, and the relation that it is about.
fn command(sql: &str) -> (Option<std::sync::Arc<str>>, Option<RelationName>) {
    let mut lexemes = lexemes(sql).peekable();
    let is_word = |lexeme: &Lexeme<'_>| lexeme.kind == TokenKind::Word && lexeme.text.is_ascii();
    let Some(first) = lexemes.next_if(is_word) else { return (None, None) };
    let mut command = first.text.to_ascii_uppercase();
    if !matches!(command.as_str(), "CREATE" | "ALTER" | "DROP") {
        return (Some(command.into()), None);
    }
    let kinds = [
        "or",
        "replace",
        "unique",
        "temp",
        "temporary",
        "unlogged",
        "materialized",
        "foreign",
        "table",
        "view",
        "index",
        "sequence",
        "type",
        "domain",
        "function",
        "procedure",
        "aggregate",
        "trigger",
        "constraint",
        "policy",
        "role",
        "user",
        "group",
        "schema",
        "extension",
        "database",
        "publication",
        "subscription",
        "default",
        "privileges",
        "event",
        "rule",
        "server",
        "statistics",
        "collation",
        "operator",
        "cast",
        "language",
        "system",
    ];
    while let Some(word) = lexemes.next_if(|l| kinds.iter().any(|kind| l.is(kind))) {
        if matches!(word.text.to_ascii_lowercase().as_str(), "or" | "replace") {
            continue;
        }
        command.push(' ');
        command.push_str(&word.text.to_ascii_uppercase());
    }
    let is_relation = ["TABLE", "VIEW", "SEQUENCE", "INDEX"].iter().any(|k| command.ends_with(k));
    if !is_relation || command == "CREATE INDEX" || command == "CREATE UNIQUE INDEX" {
        return (Some(command.into()), None);
    }
    let noise = ["concurrently", "if", "not", "exists", "only"];
    while lexemes.next_if(|lexeme| noise.iter().any(|word| lexeme.is(word))).is_some() {}
    (Some(command.into()), relation(lexemes))
}

/// Reads the name of a relation, all of which must be known.
fn relation<'a>(lexemes: impl Iterator<Item = Lexeme<'a>>) -> Option<RelationName> {
    let mut lexemes = lexemes.peekable();
    let mut parts = Vec::new();
    loop {
        let part = lexemes.next()?;
        parts.push(part.name().filter(|name| !name.contains('\u{2026}'))?);
        if lexemes.next_if(|next| next.text == "." && next.start == part.end()).is_none() {
            break;
        }
    }
    let name = parts.pop()?;
    Some(RelationName { schema: parts.pop().map(Into::into), name: name.into() })
}

impl Dynamic {
    /// Returns whether it only reads or writes rows.
    pub fn is_dml(&self) -> bool {
        let command = self.command.as_deref().unwrap_or_default();
        matches!(
            command,
            "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "WITH" | "COPY" | "VALUES"
        )
    }
}

/// Returns whether a relation is one of the system catalogs.
pub(super) fn is_catalog(name: &RelationName) -> bool {
    match name.schema.as_deref() {
        Some("pg_catalog" | "information_schema") => true,
        None => name.name.starts_with("pg_"),
        Some(_) => false,
    }
}
