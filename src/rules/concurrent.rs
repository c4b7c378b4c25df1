//! What the rules share that tell to work `concurrently`: where such a statement can run, and whether a
//! fix can make it one.

use super::outage::quoted;
use super::spelling::like;
use crate::catalog::QualifiedName;
use crate::diagnostic::{Applicability, Edit, Fix};
use crate::effects::{Act, Lock};
use crate::layout::{OptOut, TransactionMode};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::{Action, LockMode, ObjectKind};

/// Says how to use a `command` that the server refuses in a transaction block, in this migration or in
/// one of its own.
pub(super) fn outside(cx: &StatementContext, command: &str) -> String {
    let layout = cx.migration.history.set.layout;
    match cx.state.holder() {
        Holder::Nobody if has_limit(cx) => {
            format!(
                "use `{command}`, with `lock_timeout` and `statement_timeout` set to 0 for it: otherwise it may stop halfway"
            )
        }
        Holder::Nobody => format!("use `{command}`"),
        Holder::File if cx.migration.migration().transaction != TransactionMode::Message => {
            format!("use `{command}`, outside of the transaction")
        }
        // COMMIT does not end the implicit transaction block of a message.
        Holder::File | Holder::Message => {
            format!("use `{command}`, alone in a migration of its own")
        }
        Holder::Runner => {
            let how = match layout.opt_out {
                Some(OptOut::FirstLine(line)) => {
                    format!("in a migration of its own that begins with `{line}`")
                }
                Some(OptOut::SideFile { name, text }) => {
                    format!("in a migration of its own whose `{name}` says `{}`", text.trim())
                }
                Some(OptOut::Advice(advice)) => {
                    return format!("use `{command}` outside of the transaction; {advice}");
                }
                None => "in a migration of its own that runs outside of a transaction".to_owned(),
            };
            format!("use `{command}`, {how}")
        }
    }
}

/// Returns whether a limit may stop the statement while it waits or works.
pub(super) fn has_limit(cx: &StatementContext) -> bool {
    cx.state.session.has_lock_timeout() || cx.state.session.timeout("statement_timeout").is_some()
}

/// Inserts `concurrently` behind a keyword, where the statement is not in a transaction and no limit
/// would stop it halfway.
pub(super) fn insert_concurrently(
    cx: &StatementContext,
    keyword: &str,
    message: &'static str,
) -> Option<Fix> {
    if cx.state.holder() != Holder::Nobody || has_limit(cx) {
        return None;
    }
    let file = cx.migration.migration().file;
    let keyword = cx.statement.keyword(cx.file(), keyword)?;
    let word = like(cx.file().slice(keyword), "concurrently");
    let edit = Edit::insert(file, keyword.end, format!(" {word}"));
    Some(Fix::new(Applicability::Unsafe, message, vec![edit]))
}

/// Returns a full name as SQL spells it, without the schema where the search path finds it anyway.
pub(super) fn written(cx: &StatementContext, name: &QualifiedName) -> String {
    if cx.state.session.search_path.first() == Some(&name.schema) {
        return quoted(&name.name);
    }
    format!("{}.{}", quoted(&name.schema), quoted(&name.name))
}

/// Returns whether a later statement of the migration drops a relation of that name.
pub(super) fn is_dropped_later(cx: &StatementContext, name: &QualifiedName) -> bool {
    let path = &cx.state.session.search_path;
    let later = cx.migration.script().statements();
    let later = later.filter(|statement| statement.span.start >= cx.statement.span.start);
    later.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::Drop(drop)
            if matches!(drop.kind, ObjectKind::Table | ObjectKind::MaterializedView) =>
        {
            cx.state.catalog.resolve(&drop.name, path) == *name
        }
        Action::Drop(drop) if drop.kind == ObjectKind::Schema => drop.name.name == name.schema,
        _ => false,
    })
}

/// Returns the other relations that an action locks so that somebody notices, tables only.
pub(super) fn others(
    cx: &StatementContext,
    act: &Act,
    first: &QualifiedName,
) -> Vec<(QualifiedName, LockMode)> {
    let is_meant = |lock: &&Lock| {
        let found = act.before.get(&lock.relation);
        lock.mode >= LockMode::ShareLock
            && lock.relation != *first
            && cx.is_noticed(lock)
            && found.is_none_or(|found| found.is_table() || found.is_view())
    };
    let locks = act.effects.locks.iter().filter(is_meant);
    locks.map(|lock| (lock.relation.clone(), lock.mode)).collect()
}
