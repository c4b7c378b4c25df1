use super::concurrent::written;
use super::missing_lock_timeout::before;
use super::spelling::{first_word, like};
use crate::catalog::Origin;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::layout::TransactionMode;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::session::Holder;
use crate::sql::{Action, CreateIndex, ObjectKind, RelationName};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // In a transaction the server refuses it.
    if cx.state.holder() != Holder::Nobody {
        return;
    }
    for action in &cx.statement.actions {
        let Action::CreateIndex(index) = action else { continue };
        let Some(name) = index.name.as_ref().filter(|_| index.concurrently && index.if_not_exists)
        else {
            continue;
        };
        let name = index.table.sibling(name.clone());
        if !cx.is_new(&index.table) && !is_dropped_first(cx, &name) && older(cx, &name).is_none() {
            out.push(report(cx, index, &name));
        }
    }
}

/// Returns whether an earlier statement of the migration drops what a failed try left behind, or builds
/// it anew.
fn is_dropped_first(cx: &StatementContext, name: &RelationName) -> bool {
    let is_it = |other: &RelationName| other.name == name.name;
    let earlier = cx.migration.script().statements();
    let earlier = earlier.filter(|statement| statement.span.start < cx.statement.span.start);
    earlier.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::Drop(drop) => drop.kind == ObjectKind::Index && is_it(&drop.name),
        // It may look whether the index is valid.
        Action::Do(_) => true,
        _ => false,
    })
}

/// Returns where an earlier migration made the index, so that this one does nothing.
fn older(cx: &StatementContext, name: &RelationName) -> Option<Origin> {
    let found = cx.relation(name).found()?;
    (!cx.is_new_relation(found)).then_some(found.created)
}

fn report(cx: &StatementContext, index: &CreateIndex, name: &RelationName) -> Diagnostic {
    let full = cx.state.catalog.resolve(&index.table, &cx.state.session.search_path);
    let index_name = written(cx, &full.sibling(name.name.clone()));
    let lost = if index.unique { "enforces nothing" } else { "serves no query" };
    let message = format!(
        "`if not exists` keeps what a failed try leaves behind: an invalid index `{}`, which {lost}",
        name.name
    );
    let drop = format!("drop index concurrently if exists {index_name}");
    let help = match cx.migration.migration().transaction {
        // Nobody knows whether two statements of a file are one message.
        mode if mode == TransactionMode::Message || cx.migration.history.set.assumed => {
            format!(
                "leave `if not exists` out, and run `{drop}` in a migration of its own before this one"
            )
        }
        _ => format!("begin with `{drop}`"),
    };
    let recipe = || recipe(cx, &drop);
    cx.report(message)
        .relation(&full, None)
        .help(help)
        .note("the second try sees the name and says that all is well")
        .recipe(cx.recipe(recipe))
        .fix(fix(cx, index))
}

fn recipe(cx: &StatementContext, drop: &str) -> Option<Recipe> {
    let text = cx.statement.text(cx.file()).to_owned();
    Some(
        Recipe::default()
            .step(Run::OutsideTransaction, "what a failed try left behind", [drop.to_owned()])
            .step(
                Run::OutsideTransaction,
                "reads the table while others read and write it",
                [text],
            ),
    )
}

fn fix(cx: &StatementContext, index: &CreateIndex) -> Option<Fix> {
    let migration = cx.migration.migration();
    if migration.transaction != TransactionMode::None || cx.migration.history.set.assumed {
        return None;
    }
    let words = like(first_word(cx.statement, cx.file()), "drop index concurrently if exists");
    let name = name_sql(&index.table.sibling(index.name.clone()?));
    let statement = format!("{words} {name};");
    let edit = match goose_block(cx) {
        Some(at) => {
            Edit::insert(migration.file, at, format!("{statement}{}", cx.file().line_break()))
        }
        None => before(cx.migration, cx.statement.span, &statement),
    };
    Some(Fix::new(Applicability::Unsafe, "drop what a failed try has left behind", vec![edit]))
}

/// Returns where the line begins behind which goose takes all statements, this one too, as one message.
fn goose_block(cx: &StatementContext) -> Option<u32> {
    if cx.migration.history.set.layout.name != "goose" {
        return None;
    }
    let before = cx.file().text.get(..cx.statement.span.start as usize)?;
    let begin = before.rfind("+goose StatementBegin")?;
    let is_open = before.rfind("+goose StatementEnd").is_none_or(|end| end < begin);
    let line = before.get(..begin)?.rfind('\n').map_or(0, |at| at + 1);
    if is_open { u32::try_from(line).ok() } else { None }
}
