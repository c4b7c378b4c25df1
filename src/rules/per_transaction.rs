//! What a rule knows of one transaction, and forgets with it.

use crate::rule::StatementContext;
use crate::session::Savepoints;
use crate::sql::Action;

/// What is known of the transaction that is open.
#[derive(Default)]
pub(super) struct PerTransaction<T> {
    id: Option<u32>,
    known: T,
    savepoints: Savepoints<T>,
}

impl<T: Clone + Default> PerTransaction<T> {
    /// Returns what is known of the transaction that a statement is part of: nothing yet, if it is the
    /// first that is asked about, and what was known at a savepoint, if it returns to that. Outside of a
    /// transaction each statement has one of its own.
    ///
    /// Locks that were taken after a savepoint are released where it is rolled back to.
    /// Source: PostgreSQL documentation, section 13.3 "Explicit Locking".
    pub(super) fn of(&mut self, cx: &StatementContext) -> &mut T {
        let id = cx.state.transaction.as_ref().map(|open| open.id);
        if id.is_none() || id != self.id {
            *self = Self { id, known: T::default(), savepoints: Savepoints::default() };
        }
        for action in &cx.statement.actions {
            if let Action::Transaction(action) = action
                && let Some(before) = self.savepoints.follow(action, || self.known.clone())
            {
                self.known = before;
            }
        }
        &mut self.known
    }
}
