use std::borrow::Cow;

use super::spelling::{first_word, listed};
use crate::catalog::{Relation, RelationKind};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::{Lexeme, TokenKind, lexemes};
use crate::sql::{Action, Grant, GrantTarget, RelationName};
use crate::version::PgVersion;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        match action {
            Action::Grant(grant) => out.extend(report(cx, grant, &privilege_list(cx))),
            // A block that catches errors survives them.
            Action::Do(block) if !block.catches_errors => {
                let nested = block.actions.iter().filter_map(|action| match action {
                    Action::Grant(grant) => report(cx, grant, &[]),
                    _ => None,
                });
                out.extend(nested);
            }
            _ => {}
        }
    }
}

/// Why the server refuses a privilege.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// This version has no privilege of that name.
    Unknown,
    /// The kind of object does not have it.
    NotOfObject,
    /// Columns do not have it.
    NotOfColumn,
    /// Only privileges on tables can be limited to columns.
    ColumnsOfNoTable,
}

/// Returns what is wrong with a `GRANT` or `REVOKE`; `list` is where its privileges stand.
fn report(cx: &StatementContext, grant: &Grant, list: &[Item]) -> Option<Diagnostic> {
    let target = grant.on?;
    let version = cx.version();
    if target == GrantTarget::Parameter && version.major < 15 {
        return None;
    }
    let mut refused: Vec<(&String, Refusal)> = Vec::new();
    for name in &grant.privileges {
        if let Some(why) = refusal(cx, grant, target, name)
            && !refused.contains(&(name, why))
        {
            refused.push((name, why));
        }
    }
    let limits_columns_of_no_table = grant.has_columns && target != GrantTarget::Table;
    if refused.is_empty() && !limits_columns_of_no_table {
        return None;
    }
    let names: Vec<String> = refused.iter().map(|(name, _)| name.to_ascii_uppercase()).collect();
    let is_refused = |item: &&Item| refused.iter().any(|(name, _)| **name == item.name);
    let span = list.iter().find(is_refused).map_or(cx.statement.head(cx.file()), |item| item.span);
    let command = if grant.is_grant { "grant" } else { "revoke" };
    let what = problem(&refused, &names, target, version);
    let mut diagnostic = cx.report_at(span, format!("this `{command}` fails: {what}"));
    for item in list.iter().filter(is_refused).filter(|item| item.span != span) {
        diagnostic = diagnostic.label(cx.migration.migration().file, item.span, "");
    }
    for name in &grant.relations {
        let full = cx.state.catalog.resolve(name, &cx.state.session.search_path);
        diagnostic = diagnostic.relation(&full, None);
    }
    if let Some((name, why)) = first_refused(grant, &refused) {
        diagnostic = diagnostic.note(answer(name, why, target, version));
    } else {
        diagnostic =
            diagnostic.note("SQLSTATE 0LP01: column privileges are only valid for relations");
    }
    for (name, _) in &refused {
        diagnostic.notes.extend(remark(name, version).map(Cow::from));
    }
    diagnostic.notes.dedup();
    let only_columns =
        !refused.is_empty() && refused.iter().all(|(_, why)| *why == Refusal::NotOfColumn);
    let of = if only_columns { "column" } else { noun(target) };
    let valid = if only_columns { COLUMN.to_vec() } else { privileges_of(target, version) };
    let valid: Vec<String> = valid.iter().map(|name| name.to_ascii_uppercase()).collect();
    let all = if valid.len() == 1 { "the only privilege" } else { "the privileges" };
    Some(
        diagnostic
            .help(format!("choose from {all} of a {of}: {}", listed(&valid, "and")))
            .fix(without(cx, list, |item| is_refused(&item))),
    )
}

/// Returns why the server refuses the privilege `name`; nothing if it does not.
fn refusal(
    cx: &StatementContext,
    grant: &Grant,
    target: GrantTarget,
    name: &str,
) -> Option<Refusal> {
    if RelationName::unqualified(name).is_dynamic() {
        return None;
    }
    if name == "rule" && cx.version().major < 18 {
        // Older servers accept it and do nothing.
        return None;
    }
    let is_of_columns = is_of_columns(grant, name);
    if is_of_columns && target != GrantTarget::Table {
        return Some(Refusal::ColumnsOfNoTable);
    }
    if !is_known(name, cx.version()) {
        return Some(Refusal::Unknown);
    }
    if is_of_columns {
        return (!COLUMN.contains(&name)).then_some(Refusal::NotOfColumn);
    }
    if privileges_of(target, cx.version()).contains(&name) {
        return None;
    }
    // `on table` accepts a sequence too, so the privilege depends on what the name stands for.
    let may_be_sequence =
        target == GrantTarget::Table && name == "usage" && !names_a_table(cx, grant);
    (!may_be_sequence).then_some(Refusal::NotOfObject)
}

fn is_of_columns(grant: &Grant, name: &str) -> bool {
    grant.column_privileges.iter().any(|column| column == name)
}

/// Returns whether one of the relations is known to be a table or view.
fn names_a_table(cx: &StatementContext, grant: &Grant) -> bool {
    let is_table =
        |relation: &Relation| relation.kind != RelationKind::Sequence && !relation.is_index();
    let in_schema =
        |relation: &&Relation| grant.schemas.iter().any(|s| **s == *relation.name.schema);
    grant.relations.iter().any(|name| cx.relation(name).found().is_some_and(is_table))
        || cx.state.catalog.relations().filter(in_schema).any(is_table)
}

const COLUMN: &[&str] = &["select", "insert", "update", "references"];

/// Returns the privileges of a kind of object.
///
/// Source: PostgreSQL documentation, "Privileges"; compared with servers 12 to 18 by
/// `tests/postgres_privileges.rs`.
fn privileges_of(target: GrantTarget, version: PgVersion) -> Vec<&'static str> {
    match target {
        GrantTarget::Table => {
            let mut all =
                vec!["select", "insert", "update", "delete", "truncate", "references", "trigger"];
            if version.major >= 17 {
                all.push("maintain");
            }
            all
        }
        GrantTarget::Sequence => vec!["usage", "select", "update"],
        GrantTarget::Database => vec!["create", "connect", "temporary", "temp"],
        GrantTarget::Schema => vec!["create", "usage"],
        GrantTarget::Function => vec!["execute"],
        GrantTarget::LargeObject => vec!["select", "update"],
        GrantTarget::Tablespace => vec!["create"],
        GrantTarget::Parameter => vec!["set", "alter system"],
        GrantTarget::Domain
        | GrantTarget::ForeignDataWrapper
        | GrantTarget::ForeignServer
        | GrantTarget::Language
        | GrantTarget::Type => vec!["usage"],
    }
}

/// Returns whether any kind of object has the privilege in that version.
fn is_known(name: &str, version: PgVersion) -> bool {
    match name {
        "select" | "insert" | "update" | "delete" | "truncate" | "references" | "trigger"
        | "usage" | "create" | "connect" | "temporary" | "temp" | "execute" => true,
        "set" | "alter system" => version.major >= 15,
        "maintain" => version.major >= 17,
        _ => false,
    }
}

fn noun(target: GrantTarget) -> &'static str {
    match target {
        GrantTarget::Table => "table",
        GrantTarget::Sequence => "sequence",
        GrantTarget::Database => "database",
        GrantTarget::Domain => "domain",
        GrantTarget::ForeignDataWrapper => "foreign-data wrapper",
        GrantTarget::ForeignServer => "foreign server",
        GrantTarget::Function => "function",
        GrantTarget::Language => "language",
        GrantTarget::LargeObject => "large object",
        GrantTarget::Schema => "schema",
        GrantTarget::Tablespace => "tablespace",
        GrantTarget::Type => "type",
        GrantTarget::Parameter => "parameter",
    }
}

fn problem(
    refused: &[(&String, Refusal)],
    names: &[String],
    target: GrantTarget,
    version: PgVersion,
) -> String {
    let all = |why: Refusal| refused.iter().all(|(_, other)| *other == why);
    let listed = listed(names, "or");
    let noun = noun(target);
    if all(Refusal::ColumnsOfNoTable) {
        return format!("privileges on a {noun} cannot be limited to columns");
    }
    if all(Refusal::Unknown) {
        let is_newer = refused
            .iter()
            .any(|(name, _)| remark(name, version).is_some_and(|r| r.contains("came with")));
        let number = if is_newer { format!(" {}", version.major) } else { String::new() };
        return format!("PostgreSQL{number} knows no privilege {listed}");
    }
    let of = if all(Refusal::NotOfColumn) { "column" } else { noun };
    format!("a {of} has no privilege {listed}")
}

/// Returns the privilege at which the server gives up: first it looks at the words, then at what the
/// relations are, last at the columns.
fn first_refused<'a>(
    grant: &Grant,
    refused: &[(&'a String, Refusal)],
) -> Option<(&'a str, Refusal)> {
    let stage = |(name, why): &(&String, Refusal)| match why {
        Refusal::ColumnsOfNoTable => 0,
        _ if is_of_columns(grant, name) => 2,
        Refusal::NotOfObject if *name == "usage" && grant.on == Some(GrantTarget::Table) => 1,
        _ => 0,
    };
    refused.iter().min_by_key(|one| stage(one)).map(|(name, why)| (name.as_str(), *why))
}

/// Returns what the server says.
fn answer(name: &str, why: Refusal, target: GrantTarget, version: PgVersion) -> String {
    let shown = match name {
        "temporary" => "TEMP".to_owned(),
        name => name.to_ascii_uppercase(),
    };
    match why {
        Refusal::Unknown if name == "alter system" => {
            "SQLSTATE 42601: syntax error at or near \"system\"".to_owned()
        }
        Refusal::Unknown => format!("SQLSTATE 42601: unrecognized privilege type \"{name}\""),
        Refusal::NotOfObject => {
            let of = match target {
                GrantTarget::Table if is_known(name, version) && name != "usage" => "relation",
                target => noun(target),
            };
            format!("SQLSTATE 0LP01: invalid privilege type {shown} for {of}")
        }
        Refusal::NotOfColumn => {
            format!("SQLSTATE 0LP01: invalid privilege type {shown} for column")
        }
        Refusal::ColumnsOfNoTable => {
            "SQLSTATE 0LP01: column privileges are only valid for relations".to_owned()
        }
    }
}

/// Returns what a reader may not know about a privilege.
fn remark(name: &str, version: PgVersion) -> Option<String> {
    match name {
        "maintain" if version.major < 17 => Some("`MAINTAIN` came with PostgreSQL 17".to_owned()),
        "set" | "alter system" if version.major < 15 => {
            Some("`SET` and `ALTER SYSTEM` came with PostgreSQL 15".to_owned())
        }
        "alter" | "drop" | "modify" | "index" | "owner" | "ownership" | "rename" => Some(
            "the right to alter or drop an object is its owner's and cannot be granted; a member of the owning role has it too"
                .to_owned(),
        ),
        "read" => Some("to read rows is `SELECT`".to_owned()),
        "write" => Some("to write rows is `INSERT`, `UPDATE` and `DELETE`".to_owned()),
        _ => None,
    }
}

/// A privilege as the statement spells it, with its columns.
struct Item {
    name: String,
    span: Span,
}

/// Returns the privileges of a `GRANT` or `REVOKE` with their places.
fn privilege_list(cx: &StatementContext) -> Vec<Item> {
    let text = cx.statement.text(cx.file());
    let mut items: Vec<Item> = Vec::new();
    let mut words: Vec<Lexeme> = Vec::new();
    let mut depth = 0_usize;
    let mut close = |words: &mut Vec<Lexeme>| {
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let names = words.iter().map_while(Lexeme::name).collect::<Vec<_>>();
            let span = Span::new(first.start..last.end()).shift(cx.statement.span.start);
            items.push(Item { name: names.join(" "), span });
        }
        words.clear();
    };
    for lexeme in lexemes(text).skip(1) {
        match lexeme.kind {
            TokenKind::Byte(b'(') => depth += 1,
            TokenKind::Byte(b')') => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && lexeme.is("on") {
            close(&mut words);
            break;
        }
        if depth == 0 && lexeme.kind == TokenKind::Byte(b',') {
            close(&mut words);
        } else if lexeme.is("for") && words.len() == 2 && words.iter().any(|w| w.is("option")) {
            // REVOKE GRANT OPTION FOR
            words.clear();
        } else {
            words.push(lexeme);
        }
    }
    items
}

/// Removes the refused privileges, if others remain.
fn without(
    cx: &StatementContext,
    list: &[Item],
    is_refused: impl Fn(&Item) -> bool,
) -> Option<Fix> {
    let file = cx.migration.migration().file;
    let last_kept = list.iter().rposition(|item| !is_refused(item))?;
    let mut edits = Vec::new();
    for (at, item) in list.iter().enumerate().filter(|(_, item)| is_refused(item)) {
        let span = match list.get(at + 1) {
            Some(next) if at < last_kept => Span { start: item.span.start, end: next.span.start },
            _ => Span { start: list[last_kept].span.end, end: list.last()?.span.end },
        };
        let edit = Edit::remove(file, span);
        if !edits.contains(&edit) {
            edits.push(edit);
        }
    }
    let word = first_word(cx.statement, cx.file()).to_ascii_lowercase();
    (!edits.is_empty())
        .then(|| Fix::new(Applicability::Unsafe, format!("{word} the others only"), edits))
}
