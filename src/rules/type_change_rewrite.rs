use super::outage::{env, quoted, report};
use super::second_column::second_column;
use super::type_change::{PLANS, TypeChange, reason, type_changes};
use crate::diagnostic::{Diagnostic, Severity};
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::expression_sql;
use crate::sql::tree::Expr;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // What one statement does to a table is done in one go.
    let mut rewriting: Vec<(TypeChange, String)> = Vec::new();
    let mut unknown: Vec<TypeChange> = Vec::new();
    for change in type_changes(cx) {
        match change.from.clone() {
            Some(from) if !change.act.effects.rewrites.is_empty() => {
                rewriting.push((change, from));
            }
            None if is_unknown(&change) => unknown.push(change),
            _ => {}
        }
    }
    let is_same = |one: &TypeChange, other: &TypeChange| one.table.name == other.table.name;
    for group in rewriting.chunk_by(|(one, _), (other, _)| is_same(one, other)) {
        if let [(first, from), rest @ ..] = group {
            out.push(diagnose(cx, first, from, rest));
        }
    }
    for group in unknown.chunk_by(is_same) {
        if let [first, rest @ ..] = group {
            out.push(doubtful(cx, first, rest));
        }
    }
}

/// Returns whether the files do not show the column's old type.
fn is_unknown(change: &TypeChange) -> bool {
    change.table.relation.is_none_or(|table| table.columns_unknown)
}

fn diagnose(
    cx: &StatementContext,
    change: &TypeChange,
    from: &str,
    others: &[(TypeChange, String)],
) -> Diagnostic {
    let (name, table) = (change.name, change.table.shown());
    let (old, new) = (TypeChange::shown(from), TypeChange::shown(&change.to));
    let is_certain = change.act.effects.certain;
    let verb = if is_certain { "rewrites" } else { "may rewrite" };
    let message = if old == new && change.using.is_some() {
        format!("changing the values of `{name}` with `using` {verb} all of `{table}`")
    } else {
        let why = why(cx, change, from).map(|why| format!(", since {why}")).unwrap_or_default();
        format!("changing `{name}` from `{old}` to `{new}` {verb} all of `{table}`{why}")
    };
    let mut diagnostic =
        report(cx, change.act, &message, &change.locked(cx)).help(advice(change, from));
    if old != new {
        diagnostic = diagnostic.note(PLANS);
    }
    if others.is_empty() {
        diagnostic = diagnostic.recipe(cx.recipe(|| recipe(cx, change, from)));
    }
    for (other, from) in others {
        let (old, new) = (TypeChange::shown(from), TypeChange::shown(&other.to));
        diagnostic =
            diagnostic.note(format!("so does changing `{}` from `{old}` to `{new}`", other.name));
    }
    if is_certain { diagnostic } else { diagnostic.at_most(Severity::Info) }
}

fn advice(change: &TypeChange, from: &str) -> &'static str {
    if is_only_named(change, from) {
        return "leave `using` out, and `set timezone = 'UTC'` before, for this transaction or session: then values stay as they are, and nothing is rewritten";
    }
    "add a column of the new type that a trigger keeps up to date, fill the old rows in batches, and change the names in a later migration"
}

/// Returns whether a time of UTC is only called one, which the server does without touching values if
/// the session's time zone is UTC.
fn is_only_named(change: &TypeChange, from: &str) -> bool {
    let is_time = |of: &str| TypeChange::shown(of).starts_with("timestamp");
    let column = quoted(change.name);
    let is_plain = |sql: String| {
        let plain = format!("{column} at time zone 'utc'");
        let sql = sql.to_lowercase();
        sql.trim_matches(['(', ')']) == plain || sql == format!("timezone('utc', {column})")
    };
    is_time(from)
        && is_time(&change.to)
        && !change.to.contains('(')
        && !from.contains('(')
        && TypeChange::shown(from) != TypeChange::shown(&change.to)
        && change.using.and_then(expression_sql).is_some_and(is_plain)
}

/// Reports changes of which the files do not show the old type.
fn doubtful(cx: &StatementContext, change: &TypeChange, others: &[TypeChange]) -> Diagnostic {
    let (name, table) = (change.name, change.table.shown());
    let new = TypeChange::shown(&change.to);
    let message = format!("changing `{name}` to `{new}` may rewrite all of `{table}`");
    let mut diagnostic = report(cx, change.act, &message, &change.locked(cx))
        .help("look the old type up: if its values are stored in another form, add a column of the new type, fill it in batches, and change the names")
        .note(format!("the files do not show which type `{table}.{name}` has"));
    for other in others {
        let new = TypeChange::shown(&other.to);
        diagnostic =
            diagnostic.note(format!("nor that of `{}`, which becomes `{new}`", other.name));
    }
    diagnostic.at_most(Severity::Info)
}

fn why(cx: &StatementContext, change: &TypeChange, from: &str) -> Option<String> {
    if change.using.is_some_and(|using| !is_plain(&using.tree)) {
        return Some("`using` computes each value".to_owned());
    }
    let column = change.act.after.get(&change.table.name)?.column(change.name)?;
    let of = (&column.type_name, column.type_id);
    if change.act.after.has_domain_constraints(of, &env(cx)) {
        let domain = TypeChange::shown(&change.to);
        return Some(format!("each value is checked against the domain `{domain}`"));
    }
    let why = reason(from, &change.to).unwrap_or("its values are stored in another form");
    Some(why.to_owned())
}

/// Returns whether an expression only casts a column.
fn is_plain(expression: &Expr) -> bool {
    match expression {
        Expr::Column(_) => true,
        Expr::Cast(cast) => is_plain(&cast.value),
        Expr::Collate(collate) => is_plain(&collate.value),
        _ => false,
    }
}

/// Returns the way around the change.
fn recipe(cx: &StatementContext, change: &TypeChange, from: &str) -> Option<Recipe> {
    if is_only_named(change, from) {
        let without_using = TypeChange { using: None, ..change.clone() };
        return Some(Recipe::default().step(
            Run::Briefly,
            "what the values mean is said by the session's time zone: none is touched",
            ["set timezone = 'UTC'".to_owned(), without_using.sql()?],
        ));
    }
    second_column(cx, change)
}
