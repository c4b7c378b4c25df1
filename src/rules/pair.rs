//! An up and its down, tried one after the other: what the rules about downs share.

use crate::catalog::{Because, Difference, How, Origin};
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext};
use crate::session::Holder;

use super::certain_failure;
use crate::sql::{Action, DmlKind, RelationName, Script, Step, for_each_step};

/// An up and its down, of which everything is known that they do.
pub(super) struct Pair<'a> {
    /// The up.
    pub(super) up: MigrationContext<'a>,
    /// The down.
    pub(super) down: &'a MigrationContext<'a>,
    /// The state after the down.
    pub(super) end: State,
}

impl<'a> Pair<'a> {
    /// Tries a down. Nothing is returned where the server refuses it, where it is not certain what
    /// either of the two does, and where it says itself that it does nothing.
    pub(super) fn of(down: &'a MigrationContext<'a>) -> Option<Self> {
        let before = down.before_up?;
        if is_part_of_several(down) || is_refusal(down.script()) {
            return None;
        }
        let index = down.index.checked_sub(1)?;
        let up = MigrationContext { history: down.history, index, before, before_up: None };
        if up.script().not_analysed() + down.script().not_analysed() > 0 {
            return None;
        }
        let mut is_refused = false;
        let mut end = down.replay_with(|_| {}, |cx| is_refused |= is_refused_certainly(cx));
        // What a file leaves open is lost, which is for another rule to say.
        if end.holder() == Holder::File {
            return None;
        }
        end.end_migration();
        let pair = Self { up, down, end };
        (!is_refused && pair.is_certain()).then_some(pair)
    }

    /// Returns whether it is known what every statement of the two does.
    fn is_certain(&self) -> bool {
        let is_guess = |cx: &MigrationContext| {
            cx.script().statements().any(|statement| {
                let migration = u32::try_from(cx.index).unwrap_or(u32::MAX);
                let (file, span) = (cx.migration().file, statement.span);
                let origin = Origin { file, span, migration, transaction: 0 };
                self.end.catalog.is_guess(origin)
            })
        };
        !is_guess(&self.up) && !is_guess(self.down)
    }

    /// Returns the state before the up.
    pub(super) fn start(&self) -> &'a State {
        self.up.before
    }

    /// Returns whether a statement of the down names a table that is older than the up.
    pub(super) fn is_older(&self, cx: &StatementContext, table: &RelationName) -> bool {
        let found = cx.relation(table).found();
        found.is_some_and(|table| {
            let start = &self.start().catalog;
            let before = start.by_id(table.id);
            !table.temporary && before.is_some_and(|b| b.is_table() && !start.is_guess(b.created))
        })
    }

    /// Returns whether the up made something.
    pub(super) fn is_of_up(&self, origin: Origin) -> bool {
        origin.migration as usize == self.up.index
    }

    /// Returns whether the down made something.
    pub(super) fn is_of_down(&self, origin: Origin) -> bool {
        origin.migration as usize == self.down.index
    }
}

/// Returns whether the server refuses the statement in this order of events.
pub(super) fn is_refused_certainly(cx: &StatementContext) -> bool {
    let is_known = |because| because != Because::NeverMade;
    cx.failures.iter().any(|failure| is_known(failure.because))
        || certain_failure::find(cx).is_some()
}

/// Returns whether a down is one of several files of the same name into which Pop's translator has cut
/// one migration: only all of their downs together take all of their ups back.
pub(super) fn is_part_of_several(down: &MigrationContext) -> bool {
    if down.history.set.layout.name != "pop" {
        return false;
    }
    let migrations = &down.history.set.migrations;
    let name = &down.migration().name;
    let before = down.index.checked_sub(2).and_then(|at| migrations.get(at));
    let mut neighbors = before.into_iter().chain(migrations.get(down.index + 1));
    !name.is_empty() && neighbors.any(|neighbor| neighbor.name == *name)
}

/// Returns whether a down raises an error, to say that there is no way back.
fn is_refusal(script: &Script) -> bool {
    let mut found = false;
    for statement in script.statements() {
        for action in &statement.actions {
            if let Action::Do(block) = action {
                for_each_step(&block.body, &mut |step| found |= matches!(step, Step::Raise { .. }));
            }
        }
    }
    found
}

/// Returns whether a script changes nothing.
pub(super) fn is_idle(script: &Script) -> bool {
    script.statements().flat_map(|statement| &statement.actions).all(|action| match action {
        Action::Set(_) | Action::Transaction(_) => true,
        Action::Dml(dml) => dml.kind == DmlKind::Select && dml.functions.is_empty(),
        _ => false,
    })
}

/// Returns whether a migration is a down.
pub(super) fn is_down(cx: &MigrationContext) -> bool {
    cx.migration().direction == Direction::Down
}

/// Returns whether a table or column that was there before the up is dropped by the down.
pub(super) fn is_data_lost_by_down(pair: &Pair, difference: &Difference) -> bool {
    let holds_data = matches!(difference.kind, "table" | "partitioned table" | "column");
    matches!(difference.how, How::Missing { gone: Some(gone), .. } if pair.is_of_down(gone))
        && holds_data
}

/// Returns whether a migration writes rows into a table.
pub(super) fn writes_to(cx: &MigrationContext, table: &RelationName) -> bool {
    let mut actions = cx.script().statements().flat_map(|statement| &statement.actions);
    let is_it = |name: &RelationName| name.name == table.name;
    actions.any(|action| match action {
        Action::Dml(dml) => {
            let writes = matches!(
                dml.kind,
                DmlKind::Insert | DmlKind::Update | DmlKind::Merge | DmlKind::CopyFrom
            );
            writes && dml.target.as_ref().is_some_and(is_it)
        }
        Action::CreateTable(create) => {
            create.query.is_some() && create.name.as_ref().is_some_and(is_it)
        }
        Action::Do(_) | Action::Call { .. } => true,
        _ => false,
    })
}
