use super::bookkeeping::is_bookkeeping;
use super::outage::actions;
use super::spelling::shown;
use crate::catalog::{ObjectId, QualifiedName};
use crate::diagnostic::Diagnostic;
use crate::effects::Lock;
use crate::layout::Direction;
use crate::rule::{LockOrder, MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, LockMode};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    (cx.migration().direction == Direction::Up)
        .then(|| Box::new(Window::default()) as Box<dyn Watch>)
}

/// Notes in which order migrations lock tables, for `lock-order`.
pub(super) fn watch_orders(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let window = Window { orders: Some(Vec::new()), ..Window::default() };
    (cx.migration().direction == Direction::Up).then(|| Box::new(window) as Box<dyn Watch>)
}

/// The strong locks of one transaction, in the order in which it takes them.
#[derive(Default)]
struct Window {
    transaction: Option<u32>,
    held: Vec<Taken>,
    is_reported: bool,
    /// Whether the first statement locks all that the transaction needs.
    is_planned: bool,
    found: Vec<Diagnostic>,
    /// For `lock-order`, which compares migrations: each pair. Nothing is reported then.
    orders: Option<Vec<LockOrder>>,
}

/// So many tables of one transaction are looked at: each pair of them has an order.
const MOST: usize = 32;

/// A table that a statement locks.
#[derive(Clone)]
struct Taken {
    /// Which one it is, whatever its name was before.
    id: Option<ObjectId>,
    name: QualifiedName,
    span: Span,
}

impl Watch for Window {
    fn statement(&mut self, cx: &StatementContext) {
        let transaction = cx.state.transaction.as_ref().map(|open| open.id);
        if transaction != self.transaction {
            let found = std::mem::take(&mut self.found);
            let orders = std::mem::take(&mut self.orders);
            *self = Self { transaction, found, orders, ..Self::default() };
        }
        if transaction.is_none() || self.is_planned || self.held.len() > MOST {
            return;
        }
        let mut locked: Vec<Taken> = actions(cx).flat_map(|action| strong(cx, action)).collect();
        // `lock table a, b` has decided the order: whoever writes it has thought of the others.
        let is_planned = cx.statement.actions.iter().any(|a| matches!(a, Action::Lock { .. }));
        self.is_planned = is_planned && locked.len() > 1;
        let is_held = |taken: &Taken| {
            let is_it =
                |held: &Taken| held.name == taken.name || held.id.is_some() && held.id == taken.id;
            self.held.iter().any(is_it)
        };
        locked.retain(|taken| !is_held(taken));
        // What one statement locks, nobody can take apart.
        if let (Some(first), Some(next)) = (self.held.first(), locked.first())
            && !self.is_reported
            && self.orders.is_none()
        {
            self.found.push(report(cx, first, next));
            self.is_reported = true;
        }
        let span = cx.statement.head(cx.file());
        if let Some(orders) = &mut self.orders {
            let migration = cx.migration.index;
            let pairs =
                locked.iter().flat_map(|next| self.held.iter().map(move |held| (held, next)));
            orders.extend(pairs.map(|(held, next)| {
                let (first, next) = (held.name.clone(), next.name.clone());
                LockOrder { migration, span, first, next }
            }));
        }
        self.held.append(&mut locked);
    }

    fn end(self: Box<Self>, cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
        cx.history.note_lock_orders(self.orders.unwrap_or_default());
        out.extend(self.found);
    }
}

/// Returns the tables that an action locks against all that others do with them.
fn strong(cx: &StatementContext, action: &Action) -> Vec<Taken> {
    let is_strong = |lock: &&Lock| {
        lock.mode >= LockMode::AccessExclusiveLock
            && cx.is_noticed(lock)
            && !is_bookkeeping(&lock.relation.name)
    };
    let taken = |lock: &Lock| {
        let found = cx.state.catalog.get(&lock.relation);
        let is_table = found.is_none_or(|found| found.is_table() && found.parents.is_empty());
        let id = found.map(|found| found.id);
        is_table.then(|| Taken { id, name: lock.relation.clone(), span: cx.statement.span })
    };
    cx.locks(action).iter().filter(is_strong).filter_map(taken).collect()
}

fn report(cx: &StatementContext, first: &Taken, next: &Taken) -> Diagnostic {
    let (held, taken) = (shown(&first.name), shown(&next.name));
    let message = format!(
        "while this waits for `{taken}`, nobody can use `{held}`; a session that uses `{taken}` and then `{held}` may deadlock with it"
    );
    let file = cx.migration.migration().file;
    let label = format!("this locks `{held}`");
    let diagnostic = cx
        .report(message)
        .relation(&next.name, Some(LockMode::AccessExclusiveLock))
        .relation(&first.name, Some(LockMode::AccessExclusiveLock))
        .label(file, crate::sql::head(cx.file(), first.span), label)
        .note("SQLSTATE 40P01: deadlock detected; the server ends one of the two transactions")
        .help(format!("change each table in a migration of its own, or lock both at first, in the order in which the application uses them: `lock table {held}, {taken} in access exclusive mode`"));
    cx.explain_transaction(diagnostic)
}
