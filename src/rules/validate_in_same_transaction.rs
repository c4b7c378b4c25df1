use super::outage::{report, used};
use super::per_transaction::PerTransaction;
use crate::catalog::QualifiedName;
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, AlterTable, ConstraintKind, LockMode, TableChange};

/// Watches migrations that validate something.
pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let validates = cx.script().all_actions().any(|action| validated(action).is_some());
    validates.then(|| Box::new(Validations::default()) as Box<dyn Watch>)
}

fn validated(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::ValidateConstraint { name } => Some((alter, name)),
        _ => None,
    }
}

#[derive(Default)]
struct Validations {
    held: PerTransaction<Held>,
    found: Vec<Diagnostic>,
}

/// The strong locks of the open transaction.
#[derive(Default)]
struct Held {
    /// What is locked: the strongest mode first taken, and where.
    locks: Vec<(QualifiedName, LockMode, Span)>,
}

impl Watch for Validations {
    fn statement(&mut self, cx: &StatementContext) {
        let held = self.held.of(cx);
        if !cx.statement.all_actions().any(|action| validated(action).is_some()) {
            // Its locks are enough to know, and what it does costs more.
            let is_open = cx.state.transaction.is_some();
            let locks = cx
                .statement
                .all_actions()
                .filter(|_| is_open)
                .flat_map(|action| cx.locks(action).to_vec());
            for lock in locks.filter(|lock| cx.is_noticed(lock)) {
                held.note(&lock.relation, lock.mode, cx.statement.head(cx.file()));
            }
            return;
        }
        for act in cx.acts() {
            if let Some((alter, name)) = validated(act.action) {
                self.found.extend(held.validate(cx, act, alter, name));
            }
            for lock in act.effects.locks.iter().filter(|lock| cx.is_noticed(lock)) {
                held.note(&lock.relation, lock.mode, cx.statement.head(cx.file()));
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

impl Held {
    fn note(&mut self, name: &QualifiedName, mode: LockMode, span: Span) {
        if mode < LockMode::ShareLock {
            return;
        }
        match self.locks.iter_mut().find(|(other, ..)| other == name) {
            Some(known) if known.1 < mode => *known = (name.clone(), mode, span),
            Some(_) => {}
            None => self.locks.push((name.clone(), mode, span)),
        }
    }

    fn validate(
        &self,
        cx: &StatementContext,
        act: &Act,
        alter: &AlterTable,
        name: &str,
    ) -> Option<Diagnostic> {
        let table = used(cx, &act.before, &alter.table)?;
        let known = act.before.get(&table.name).and_then(|table| table.constraint(name));
        let is_valid = known.is_some_and(|constraint| constraint.validated);
        if is_valid || table.relation.is_some() && act.effects.scans.is_empty() {
            return None;
        }
        let held = |name: &QualifiedName| self.locks.iter().find(|(other, ..)| other == name);
        // A foreign key reads the other table too.
        let target = known.filter(|known| known.kind == ConstraintKind::ForeignKey);
        let target = target.and_then(|key| act.before.name_of(key.references?));
        let other = target.filter(|name| **name != table.name).and_then(held);
        let (_, mode, span) = held(&table.name)?;
        let is_same = *span == cx.statement.head(cx.file());
        let holder = if is_same { "the statement itself" } else { "the transaction" };
        let article = if matches!(mode, LockMode::AccessExclusiveLock | LockMode::ExclusiveLock) {
            "an"
        } else {
            "a"
        };
        let message = format!(
            "validating `{name}` reads all of `{}`, on which {holder} holds {article} {} lock",
            table.shown(),
            mode.keyword(),
        );
        let mut locked: Vec<(QualifiedName, LockMode)> = vec![(table.name.clone(), *mode)];
        locked.extend(other.map(|(name, mode, _)| (name.clone(), *mode)));
        let mut diagnostic = report(cx, act, &message, &locked)
            .help("validate it in a migration of its own, or at least in a transaction of its own: alone, it blocks neither reads nor writes");
        let file = cx.migration.migration().file;
        if !is_same {
            diagnostic = diagnostic.label(file, *span, "takes the lock");
        }
        Some(diagnostic)
    }
}
