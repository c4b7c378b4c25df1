use super::finished::{is_known, place, quoted, tables};
use super::spelling::shown;
use crate::catalog::{Constraint, Index, Origin, Relation};
use crate::diagnostic::Diagnostic;
use crate::rule::HistoryContext;
use crate::sql::tree::Expr;
use crate::sql::{ConstraintKind, ReferentialAction};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        let mut lacking: Vec<&Constraint> = Vec::new();
        for key in table.constraints.iter().filter(|key| key.kind == ConstraintKind::ForeignKey) {
            let is_new = lacking.iter().all(|other| other.columns != key.columns);
            if is_new && is_ours(cx, key) && !is_served(table, key) {
                lacking.push(key);
            }
        }
        // What one statement made is one diagnostic.
        while let Some(first) = lacking.first().map(|key| key.created) {
            let (same, rest): (Vec<_>, Vec<_>) =
                lacking.into_iter().partition(|key| key.created == first);
            out.push(report(cx, table, &same, first));
            lacking = rest;
        }
    }
}

/// Returns whether the files show who made the foreign key, and what it refers to.
fn is_ours(cx: &HistoryContext, key: &Constraint) -> bool {
    let target = key.references.and_then(|id| cx.last.catalog.by_id(id));
    key.inherited == 0 && is_known(cx, key.created) && target.is_some()
}

/// Returns whether an index finds the rows that refer to a key: its first columns are those of the
/// foreign key, in any order.
pub(super) fn is_served(table: &Relation, key: &Constraint) -> bool {
    table.indexes.iter().any(|index| {
        let first = index.columns.get(..key.columns.len());
        index.valid
            && is_about_all(index, key)
            && first.is_some_and(|first| {
                key.columns.iter().all(|column| first.iter().flatten().any(|other| other == column))
            })
    })
}

/// Returns whether an index has every row that refers to something: it has all, or all that are not null.
fn is_about_all(index: &Index, key: &Constraint) -> bool {
    let Some(predicate) = &index.detail().predicate else { return !index.partial };
    match &predicate.tree {
        Expr::IsNull { value, negated: true } => match &**value {
            Expr::Column(column) => key.columns.iter().any(|other| **other == *column.name),
            _ => false,
        },
        _ => false,
    }
}

fn report(cx: &HistoryContext, table: &Relation, keys: &[&Constraint], at: Origin) -> Diagnostic {
    let target = |key: &Constraint| {
        let name = key.references.and_then(|id| cx.last.catalog.name_of(id));
        name.map(shown).unwrap_or_default()
    };
    let name = shown(&table.name);
    let first = keys[0];
    let columns = |key: &Constraint| quoted(key.columns.iter().map(String::as_str));
    let mut targets: Vec<String> = Vec::new();
    for target in keys.iter().map(|key| target(key)) {
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let all: Vec<String> = keys.iter().map(|key| columns(key)).collect();
    let message = format!(
        "each row deleted from {} makes the server read all of `{name}`: no index leads with {}",
        super::spelling::listed(&targets, "or"),
        all.join(", nor with ")
    );
    let of = |key: &Constraint| {
        let column = key.columns.first().map_or("", String::as_str);
        place(cx, at, column)
    };
    let mut diagnostic = Diagnostic::new(at.file, of(first), message)
        .help(format!(
            "add `create index concurrently on {name} ({})`{}",
            first.columns.join(", "),
            if keys.len() > 1 { ", and one for each of the others" } else { "" }
        ))
        .relation(&name, None);
    if let Some(note) = consequence(first) {
        diagnostic = diagnostic.note(note);
    }
    for key in &keys[1..] {
        diagnostic = diagnostic.label(at.file, of(key), format!("refers to `{}`", target(key)));
    }
    diagnostic
}

/// Says what happens to the rows that are looked for.
fn consequence(key: &Constraint) -> Option<&'static str> {
    match key.actions.0 {
        ReferentialAction::Cascade => {
            Some("`on delete cascade` looks for the rows to delete in the same way")
        }
        ReferentialAction::SetNull | ReferentialAction::SetDefault => {
            Some("`on delete set null` looks for the rows to change in the same way")
        }
        ReferentialAction::NoAction | ReferentialAction::Restrict => None,
    }
}
