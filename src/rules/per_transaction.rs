//! What a rule knows of one transaction, and forgets with it.

use crate::rule::StatementContext;

/// What is known of the transaction that is open.
#[derive(Default)]
pub(super) struct PerTransaction<T> {
    id: Option<u32>,
    known: T,
}

impl<T: Default> PerTransaction<T> {
    /// Returns what is known of the transaction that a statement is part of: nothing yet, if it is the
    /// first that is asked about. Outside of a transaction each statement has one of its own.
    pub(super) fn of(&mut self, cx: &StatementContext) -> &mut T {
        let id = cx.state.transaction.as_ref().map(|open| open.id);
        if id.is_none() || id != self.id {
            *self = Self { id, known: T::default() };
        }
        &mut self.known
    }
}
