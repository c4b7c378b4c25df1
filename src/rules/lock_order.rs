use std::collections::HashMap;

use super::per_transaction::PerTransaction;
use super::spelling::shown;
use super::strong_locks::StrongLocks;
use crate::catalog::QualifiedName;
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::replay::State;
use crate::rule::{HistoryContext, LockOrder, MigrationContext, StatementContext, Watch};
use crate::sql::LockMode;

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let is_up = cx.migration().direction == Direction::Up;
    is_up.then(|| Box::new(Orders::default()) as Box<dyn Watch>)
}

/// In which order one migration locks tables.
#[derive(Default)]
struct Orders {
    locks: PerTransaction<StrongLocks>,
    found: Vec<LockOrder>,
}

impl Watch for Orders {
    fn statement(&mut self, cx: &StatementContext) {
        let (migration, span) = (cx.migration.index, cx.statement.head(cx.file()));
        let pairs = self.locks.of(cx).take(cx).into_iter();
        self.found.extend(pairs.map(|(first, next)| LockOrder {
            migration,
            span,
            first: first.name,
            next: next.name,
        }));
    }

    fn end(self: Box<Self>, cx: &MigrationContext, _: &State, _: &mut Vec<Diagnostic>) {
        cx.history.note_lock_orders(self.found);
    }
}

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let orders = cx.lock_orders();
    let mut seen: HashMap<(&QualifiedName, &QualifiedName), &LockOrder> = HashMap::new();
    let mut reported = None;
    for order in &orders {
        let (first, next) = (&order.first, &order.next);
        // One order of a migration is enough.
        if let Some(other) =
            seen.get(&(next, first)).filter(|other| other.migration != order.migration)
            && reported != Some(order.migration)
        {
            out.push(report(cx, order, other));
            reported = Some(order.migration);
        }
        seen.entry((first, next)).or_insert(order);
    }
}

fn report(cx: &HistoryContext, order: &LockOrder, other: &LockOrder) -> Diagnostic {
    let (first, next) = (shown(&order.first), shown(&order.next));
    let (here, there) = (&cx.set.migrations[order.migration], &cx.set.migrations[other.migration]);
    let message = format!(
        "this locks `{first}` and then `{next}`; {} locks them the other way round",
        cx.file_name(there)
    );
    let strongest = Some(LockMode::AccessExclusiveLock);
    Diagnostic::new(here.file, order.span, message)
        .relation(&order.next, strongest)
        .relation(&order.first, strongest)
        .label(there.file, other.span, format!("`{first}` is the second one here"))
        .note("whoever uses both tables in one transaction takes their locks in one of the two orders, and deadlocks with the migration that takes the other (SQLSTATE 40P01)")
        .help("lock tables in one order everywhere, that of the application: a parent before its children")
}
