use super::outage::{env, quoted, report};
use super::steps::{Place, Trigger, not_null_name};
use super::type_change::{PLANS, TypeChange, reason, type_changes};
use crate::catalog::{Column, Index, Relation, RelationKind};
use crate::diagnostic::{Diagnostic, Severity};
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{expression_sql, name_sql};
use crate::sql::tree::Expr;
use crate::sql::{ConstraintKind, Expression};

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

/// The whole way with a second column; nothing where keys, checks or partitions make it longer than one
/// can write down.
fn recipe(cx: &StatementContext, change: &TypeChange, from: &str) -> Option<Recipe> {
    if is_only_named(change, from) {
        let without_using = TypeChange { using: None, ..change.clone() };
        return Some(Recipe::default().step(
            Run::Briefly,
            "what the values mean is said by the session's time zone: none is touched",
            ["set timezone = 'UTC'".to_owned(), without_using.sql()?],
        ));
    }
    let relation = change.table.relation?;
    let old = change.old?;
    if relation.kind != RelationKind::Table || is_bound(change, relation, old) {
        return None;
    }
    let table = name_sql(&change.alter.table);
    let (column, new) = (quoted(change.name), quoted(&format!("{}_new", change.name)));
    let value = match change.using {
        Some(using) => expression_sql(using)?,
        None => column.clone(),
    };
    let place = Place { table: &table, column: &new, relation: Some(relation) };
    let name = format!("{}_{}_new", relation.name.name, change.name);
    let trigger = Trigger::new(&change.alter.table, name);
    let what = "new and changed rows have both values";
    let mut recipe = place.set_by(Recipe::default(), &trigger, (&change.to, &value), what, &value);
    for index in indexes(relation, change.name) {
        let statement = twin(&table, index, change.name, &new)?;
        recipe = recipe.step(
            Run::OutsideTransaction,
            "builds the index on the new column while others read and write the table",
            [statement],
        );
    }
    if old.not_null {
        let name = not_null_name(&relation.name.name, &format!("{}_new", change.name));
        recipe = place.not_null(recipe, &name, cx.version());
    }
    Some(swap(recipe, change, old, &table, &trigger))
}

/// Returns whether more depends on the column than its own attributes and plain indexes.
fn is_bound(change: &TypeChange, relation: &Relation, old: &Column) -> bool {
    let mentions = |columns: &[String]| columns.iter().any(|column| column == change.name);
    let mut own = relation.constraints.iter();
    let is_referenced = change.act.before.related(relation.id).iter().any(|other| {
        other.constraints.iter().any(|key| {
            key.kind == ConstraintKind::ForeignKey
                && key.references == Some(relation.id)
                && mentions(&key.referenced_columns)
        })
    });
    own.any(|found| found.kind != ConstraintKind::NotNull && mentions(&found.columns))
        || is_referenced
        || old.identity.is_some()
        || old.generated.is_some()
        || old
            .default
            .as_ref()
            .is_some_and(|default| default.tree == Expr::Unknown || default.is_next_value())
}

/// Returns the indexes that the column is part of.
fn indexes<'a>(relation: &'a Relation, column: &'a str) -> impl Iterator<Item = &'a Index> {
    let mentions = move |expression: &Expression| expression.mentions(column);
    relation.indexes.iter().filter(move |index| {
        let detail = index.detail();
        index.columns.iter().flatten().chain(&index.include).any(|name| name == column)
            || detail
                .expressions
                .iter()
                .map(|(_, found)| found)
                .chain(&detail.predicate)
                .any(mentions)
    })
}

/// Returns the statement that makes such an index on another column.
fn twin(table: &str, index: &Index, column: &str, new: &str) -> Option<String> {
    let detail = index.detail();
    if index.partial || !detail.sorting.is_empty() || !detail.operator_classes.is_empty() {
        return None;
    }
    let spell = |name: &String| if name == column { new.to_owned() } else { quoted(name) };
    let keys: Option<Vec<String>> =
        index.columns.iter().map(|key| key.as_ref().map(spell)).collect();
    let include: Vec<String> = index.include.iter().map(spell).collect();
    let include = if include.is_empty() {
        String::new()
    } else {
        format!(" include ({})", include.join(", "))
    };
    let unique = if index.unique { "unique " } else { "" };
    let name = quoted(&format!("{}_new", index.name));
    let keys = keys?.join(", ");
    Some(format!(
        "create {unique}index concurrently {name} on {table} using {} ({keys}){include}",
        index.method
    ))
}

fn swap(
    recipe: Recipe,
    change: &TypeChange,
    old: &Column,
    table: &str,
    trigger: &Trigger,
) -> Recipe {
    let (column, new) = (quoted(change.name), quoted(&format!("{}_new", change.name)));
    let gone = quoted(&format!("{}_old", change.name));
    let mut statements = vec![
        format!("drop trigger {} on {table}", trigger.name),
        format!("drop function {}()", trigger.function),
        format!("alter table {table} rename column {column} to {gone}"),
        format!("alter table {table} rename column {new} to {column}"),
    ];
    let default = old.default.as_deref().and_then(expression_sql);
    statements.extend(
        default.map(|default| {
            format!("alter table {table} alter column {column} set default {default}")
        }),
    );
    if old.not_null {
        statements.push(format!("alter table {table} alter column {gone} drop not null"));
    }
    recipe
        .step(
            Run::Briefly,
            "in one transaction: the new column takes the place of the old one",
            statements,
        )
        .step(
            Run::Briefly,
            "when nothing reads the old values any more",
            [format!("alter table {table} drop column {gone}")],
        )
}
