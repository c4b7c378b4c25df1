use super::concurrent::{insert_concurrently, is_dropped_later, outside, written};
use super::outage::{acts, report};
use crate::catalog::{Lookup, QualifiedName, Relation, RelationKind};
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::session::Holder;
use crate::sql::{Action, Drop, LockMode, ObjectKind, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for act in acts(cx, |action| blocking(action).is_some()) {
        let Some(drop) = blocking(act.action) else { continue };
        match act.before.relation(&drop.name, &cx.state.session.search_path) {
            Lookup::Found(index) => out.extend(known(cx, act, drop, index)),
            Lookup::Dropped(_) => {}
            // Nothing made it: there is nothing to drop.
            Lookup::Unknown if drop.if_exists && cx.migration.history.is_complete => {}
            Lookup::Unknown => out.push(unknown(cx, act, drop)),
        }
    }
}

fn blocking(action: &Action) -> Option<&Drop> {
    match action {
        Action::Drop(drop) if drop.kind == ObjectKind::Index && !drop.concurrently => Some(drop),
        _ => None,
    }
}

fn known(cx: &StatementContext, act: &Act, drop: &Drop, index: &Relation) -> Option<Diagnostic> {
    let table = act.before.by_id(*index.uses.first()?)?;
    // The server knows no other way for an index of a partitioned table.
    let is_plain = index.kind == RelationKind::Index;
    let is_theirs = !cx.is_new_relation(table) && !is_dropped_later(cx, &table.name);
    if !is_plain || !is_theirs || is_locked_before(cx, &table.name) {
        return None;
    }
    let shown = super::spelling::shown(&table.name);
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let more = drop.with.len().saturating_sub(1);
    let message = match more {
        0 => format!("dropping index `{}` needs `{shown}` for itself", index.name.name),
        _ => format!("dropping `{}` and {more} more needs `{shown}` for itself", index.name.name),
    };
    let diagnostic = report(cx, act, &message, &locked);
    let name = written(cx, &index.name);
    Some(advise(cx, act, drop, diagnostic, name))
}

/// Returns whether an earlier statement has locked the table for itself until the same transaction ends:
/// the index then costs nobody a moment more.
fn is_locked_before(cx: &StatementContext, table: &QualifiedName) -> bool {
    let Some(transaction) = &cx.state.transaction else { return false };
    let path = &cx.state.session.search_path;
    let begin = transaction.begin.map_or(0, |begin| begin.start);
    let earlier = cx.migration.script().statements();
    let earlier = earlier.take_while(|statement| statement.span.start < cx.statement.span.start);
    let earlier = earlier.filter(|statement| statement.span.start >= begin);
    earlier.flat_map(|statement| &statement.actions).any(|action| match action {
        // Only what certainly takes it: some changes are content with less.
        Action::AlterTable(alter) => {
            let is_exclusive = matches!(
                alter.change,
                TableChange::AddColumn { .. }
                    | TableChange::DropColumn { .. }
                    | TableChange::SetType { .. }
                    | TableChange::SetNotNull { .. }
                    | TableChange::DropConstraint { .. }
            );
            is_exclusive && cx.state.catalog.resolve(&alter.table, path) == *table
        }
        _ => false,
    })
}

fn unknown(cx: &StatementContext, act: &Act, drop: &Drop) -> Diagnostic {
    let end = super::outage::end(cx, act);
    let message = format!(
        "dropping index `{}` needs its table for itself: reads and writes of that wait until {end}",
        drop.name
    );
    let diagnostic = cx.explain_transaction(cx.report(message));
    advise(cx, act, drop, diagnostic, name_sql(&drop.name)).note(
        "the files do not show how it was made: an index of a partitioned table cannot be dropped concurrently",
    )
}

fn advise(
    cx: &StatementContext,
    act: &Act,
    drop: &Drop,
    diagnostic: Diagnostic,
    name: String,
) -> Diagnostic {
    let recipe = || {
        Some(Recipe::default().step(
            Run::OutsideTransaction,
            "waits until no query uses the index, and blocks nobody meanwhile",
            [format!("drop index concurrently if exists {name}")],
        ))
    };
    // The server takes neither several at once nor CASCADE.
    let is_alone = drop.with.len() < 2 && !drop.cascade && !act.in_block;
    let fix = || insert_concurrently(cx, "index", "drop the index concurrently");
    let help = match act.in_block {
        true => "take it out of the `do` block and use `drop index concurrently`, which cannot run inside of one".to_owned(),
        false => outside(cx, "drop index concurrently"),
    };
    let diagnostic = diagnostic
        .help(help)
        .note("it waits for every query on the table to end, and everybody else waits behind it")
        .recipe(cx.recipe(recipe))
        .fix(if is_alone { fix() } else { None });
    // The wait is limited, and the rest is done at once.
    let is_short = cx.state.session.has_lock_timeout() && cx.state.holder() == Holder::Nobody;
    if is_short { diagnostic.at_most(Severity::Info) } else { diagnostic }
}
