use crate::diagnostic::Diagnostic;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};

/// What a rule finds while the statements of a migration run, of which only the end tells whether it hurts.
pub(super) struct Collect<T> {
    found: Vec<T>,
    find: fn(&StatementContext, &mut Vec<T>),
    report: fn(&MigrationContext, Vec<T>, &State, &mut Vec<Diagnostic>),
}

impl<T: 'static> Collect<T> {
    /// Makes the watch: `find` is called for each statement, `report` with all that was found and the state
    /// when the last statement has run.
    pub(super) fn watch(
        find: fn(&StatementContext, &mut Vec<T>),
        report: fn(&MigrationContext, Vec<T>, &State, &mut Vec<Diagnostic>),
    ) -> Box<dyn Watch> {
        Box::new(Self { found: Vec::new(), find, report })
    }
}

impl<T> Watch for Collect<T> {
    fn statement(&mut self, cx: &StatementContext) {
        (self.find)(cx, &mut self.found);
    }

    fn end(self: Box<Self>, cx: &MigrationContext, end: &State, out: &mut Vec<Diagnostic>) {
        (self.report)(cx, self.found, end, out);
    }
}
