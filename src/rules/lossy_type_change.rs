use super::narrowing::narrowing;
use super::type_change::{TypeChange, type_changes};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::TypeName;
use crate::sql::tree::Expr;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // What the way back loses is the matter of the rules about downs.
    if cx.migration.migration().direction == Direction::Down {
        return;
    }
    for change in type_changes(cx) {
        let Some(from) = &change.from else { continue };
        let Some(casts) = casts(&change) else { continue };
        if let Some(lost) = lost(from, &casts, &change.to) {
            out.push(diagnose(cx, &change, from, &lost));
        }
    }
}

/// Returns the types to which `USING` casts the column, in order; nothing if it does more than that,
/// for then somebody has thought about the values.
fn casts(change: &TypeChange) -> Option<Vec<String>> {
    let mut casts = Vec::new();
    let mut expression = change.using.map(|using| &using.tree);
    while let Some(Expr::Cast(cast)) = expression {
        casts.push(shown(change, &cast.to.name));
        expression = Some(&cast.value);
    }
    casts.reverse();
    match expression {
        None => Some(casts),
        Some(Expr::Column(column)) if *column.name == *change.name => Some(casts),
        Some(_) => None,
    }
}

fn shown(change: &TypeChange, name: &TypeName) -> String {
    change.act.before.format_type(name, None)
}

/// Returns what is lost without an error on the way from one type over others to the last.
fn lost(from: &str, casts: &[String], to: &str) -> Option<String> {
    let mut last = from;
    for next in casts {
        if let Some(length) = cut(last, next) {
            return Some(format!("everything after {length} characters"));
        }
        if let Some(lost) = narrowing(last, next) {
            return Some(lost.to_owned());
        }
        last = next;
    }
    if let Some(lost) = narrowing(last, to) {
        return Some(lost.to_owned());
    }
    let is_json = from == "json" && to == "jsonb";
    is_json.then(|| "the order of keys, and all but the last of equal ones".to_owned())
}

/// Returns the length to which a cast that is spelled out cuts strings off; without one the server
/// refuses those that are too long.
fn cut(from: &str, to: &str) -> Option<u32> {
    let length = |of: &str| {
        let (name, rest) = of.split_once('(').unwrap_or((of, ""));
        let is_string = matches!(name, "text" | "character varying" | "character");
        let length = rest.strip_suffix(')').and_then(|length| length.parse::<u32>().ok());
        is_string.then_some(length)
    };
    let (old, new) = (length(from)?, length(to)??);
    old.is_none_or(|old| old > new).then_some(new)
}

fn diagnose(cx: &StatementContext, change: &TypeChange, from: &str, lost: &str) -> Diagnostic {
    let (name, table) = (change.name, change.table.shown());
    let (old, new) = (TypeChange::shown(from), TypeChange::shown(&change.to));
    let diagnostic = cx
        .report(format!(
            "`{table}.{name}` silently loses {lost}: it becomes `{new}` and was `{old}`"
        ))
        .help("look first whether any row has more than that, or keep the old values in a column of their own until nobody misses them")
        .relation(&table, None);
    if change.to == "jsonb" { diagnostic.at_most(Severity::Info) } else { diagnostic }
}
