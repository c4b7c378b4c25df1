use super::concurrent::{insert_concurrently, outside};
use super::outage::{acts, end};
use super::spelling::{listed, shown};
use crate::catalog::{QualifiedName, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::sql::{Action, LockMode, ReindexTarget, RelationName};

/// So many tables are named.
const MAX_SHOWN: usize = 3;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| blocking(action).is_some()) {
        let Some(target) = blocking(act.action) else { continue };
        let diagnostic = match target {
            ReindexTarget::Index(name) => one(cx, act, name, ("index", true)),
            ReindexTarget::Table(name) => one(cx, act, name, ("table", false)),
            ReindexTarget::Schema(_) | ReindexTarget::Many("DATABASE") => many(cx, act),
            // The system catalogs know no other way.
            ReindexTarget::Many(_) => None,
        };
        out.extend(diagnostic);
    }
}

fn blocking(action: &Action) -> Option<&ReindexTarget> {
    match action {
        Action::Reindex { target, concurrently: false } => Some(target),
        _ => None,
    }
}

/// Returns the tables whose indexes are built anew and that others use.
fn tables<'a>(cx: &StatementContext, act: &'a Act) -> Vec<&'a Relation> {
    let mut tables: Vec<&Relation> = Vec::new();
    for index in &act.effects.index_builds {
        let index = act.before.get(index);
        let table = index.and_then(|index| act.before.by_id(*index.uses.first()?));
        tables.extend(table.filter(|table| !cx.is_new_relation(table)));
    }
    tables.dedup_by_key(|table| table.id);
    tables
}

fn one(
    cx: &StatementContext,
    act: &Act,
    name: &RelationName,
    (keyword, is_index): (&str, bool),
) -> Option<Diagnostic> {
    let found = act.before.relation(name, &cx.state.session.search_path).found();
    let tables = tables(cx, act);
    let named: Option<&QualifiedName> = match found {
        Some(_) if tables.is_empty() => return None,
        Some(index) if is_index => index.uses.first().and_then(|id| act.before.name_of(*id)),
        Some(table) => Some(&table.name),
        None => None,
    };
    let what =
        if is_index { format!("index `{name}`") } else { format!("the indexes of `{name}`") };
    let table = match named {
        Some(table) => format!("`{}`", shown(table)),
        None if is_index => "its table".to_owned(),
        None => format!("`{name}`"),
    };
    let message = format!(
        "building {what} anew blocks writes to {table} until {}, and reads as well",
        end(cx, act)
    );
    let mut diagnostic = cx.explain_transaction(cx.report(message));
    if let Some(table) = named {
        diagnostic = diagnostic.relation(table, Some(LockMode::ShareLock));
    }
    let command = format!("reindex {keyword} concurrently");
    let sql = format!("{command} {}", name_sql(name));
    let recipe = || {
        Some(
            Recipe::default()
                .step(Run::OutsideTransaction, "builds a second one while others go on", [sql])
                .step(
                    Run::ByHand,
                    "only if that stopped halfway: drop what it left behind, whose names end with `_ccnew`, and begin again",
                    [],
                ),
        )
    };
    let fix = || insert_concurrently(cx, keyword, "build it concurrently");
    Some(
        diagnostic
            .help(outside(cx, &command))
            .note("the index itself is locked against all, and every query on the table looks at its indexes when it is planned")
            .recipe(cx.recipe(recipe))
            .fix(if act.in_block { None } else { fix() }),
    )
}

fn many(cx: &StatementContext, act: &Act) -> Option<Diagnostic> {
    let tables = tables(cx, act);
    let names: Vec<String> =
        tables.iter().take(MAX_SHOWN).map(|table| shown(&table.name)).collect();
    let first = tables.first()?;
    let rest = tables.len() - names.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let message = format!(
        "building all indexes anew blocks one table after the other: {}{more}",
        listed(&names, if rest > 0 { "," } else { "and" }).replace(" , ", ", ")
    );
    Some(cx.report(message).relation(&first.name, Some(LockMode::ShareLock)).help(
        "use `reindex index concurrently` for each index that needs it, outside of the migrations",
    ))
}
