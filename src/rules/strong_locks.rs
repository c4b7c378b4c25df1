//! The locks that keep everybody out of a table, in the order in which one transaction takes them.

use super::bookkeeping::is_bookkeeping;
use crate::catalog::{ObjectId, QualifiedName};
use crate::effects::Lock;
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::{Action, LockMode};

/// So many tables of one transaction are looked at: each pair of them has an order.
const MOST: usize = 32;

/// The tables that one transaction has locked so far.
#[derive(Clone, Default)]
pub(super) struct StrongLocks {
    held: Vec<Taken>,
    /// Whether one statement locks all that the transaction needs.
    is_planned: bool,
}

/// A table that a statement locks.
#[derive(Clone)]
pub(super) struct Taken {
    /// Which one it is, whatever its name was before.
    id: Option<ObjectId>,
    /// Its name.
    pub(super) name: QualifiedName,
    /// The statement.
    pub(super) span: Span,
}

impl StrongLocks {
    /// Adds what a statement locks. Returns each table with each that was locked before it; what one
    /// statement locks, nobody can take apart.
    pub(super) fn take(&mut self, cx: &StatementContext) -> Vec<(Taken, Taken)> {
        if cx.state.transaction.is_none() || self.is_planned || self.held.len() > MOST {
            return Vec::new();
        }
        let mut locked: Vec<Taken> =
            cx.statement.all_actions().flat_map(|action| strong(cx, action)).collect();
        // `lock table a, b` has decided the order: whoever writes it has thought of the others.
        let is_lock = cx.statement.actions.iter().any(|a| matches!(a, Action::Lock { .. }));
        self.is_planned = is_lock && locked.len() > 1;
        locked.retain(|taken| !self.held.iter().any(|held| held.is(taken)));
        let held = &self.held;
        let pairs = locked.iter().flat_map(|next| held.iter().map(move |held| (held, next)));
        let pairs = pairs.map(|(held, next)| (held.clone(), next.clone())).collect();
        self.held.append(&mut locked);
        pairs
    }
}

impl Taken {
    fn is(&self, other: &Self) -> bool {
        self.name == other.name || self.id.is_some() && self.id == other.id
    }
}

fn strong(cx: &StatementContext, action: &Action) -> Vec<Taken> {
    let is_strong = |lock: &&Lock| {
        lock.mode >= LockMode::AccessExclusiveLock
            && cx.is_noticed(lock)
            && !is_bookkeeping(&lock.relation.name)
    };
    let taken = |lock: &Lock| {
        let found = cx.state.catalog.get(&lock.relation);
        let is_table = found.is_none_or(|found| found.is_table() && found.parents.is_empty());
        let (id, name) = (found.map(|found| found.id), lock.relation.clone());
        is_table.then_some(Taken { id, name, span: cx.statement.span })
    };
    cx.locks(action).iter().filter(is_strong).filter_map(taken).collect()
}
