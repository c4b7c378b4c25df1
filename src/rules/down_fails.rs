use crate::diagnostic::Diagnostic;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};

use super::{certain_failure, pair};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_judged = pair::is_down(cx) && !pair::is_part_of_several(cx);
    is_judged.then(|| Box::new(First::default()) as _)
}

/// What a down raises to say that there is no way back.
const RAISED: &str = "P0001";

/// The first statement that the server refuses: the rest of a down never runs.
#[derive(Default)]
struct First(Option<Diagnostic>);

impl Watch for First {
    fn statement(&mut self, _: &StatementContext) {}

    fn refused(&mut self, cx: &StatementContext) {
        if self.0.is_none()
            && let Some(failure) = certain_failure::find(cx)
            && failure.sqlstate != RAISED
        {
            self.0 = Some(certain_failure::report(cx, failure, "this down"));
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.0);
    }
}
