use super::outage::{actions, report, used};
use crate::catalog::QualifiedName;
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, AlterTable, ConstraintKind, LockMode, TableChange};

/// Watches migrations that validate something.
pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    let mut actions = cx.script().statements().flat_map(|statement| &statement.actions);
    let validates = actions.any(|action| match action {
        Action::Do(block) => block.actions.iter().any(|action| validated(action).is_some()),
        action => validated(action).is_some(),
    });
    validates.then(|| Box::new(Held::default()) as Box<dyn Watch>)
}

fn validated(action: &Action) -> Option<(&AlterTable, &str)> {
    let Action::AlterTable(alter) = action else { return None };
    match &alter.change {
        TableChange::ValidateConstraint { name } => Some((alter, name)),
        _ => None,
    }
}

/// The strong locks of the open transaction.
#[derive(Default)]
struct Held {
    /// The transaction.
    id: Option<u32>,
    /// What is locked: the strongest mode first taken, and where.
    locks: Vec<(QualifiedName, LockMode, Span)>,
    /// What was found.
    found: Vec<Diagnostic>,
}

impl Watch for Held {
    fn statement(&mut self, cx: &StatementContext) {
        let id = cx.state.transaction.as_ref().map(|open| open.id);
        // Outside of a transaction each statement has locks of its own.
        if id.is_none() || id != self.id {
            self.locks.clear();
            self.id = id;
        }
        if !actions(cx).any(|action| validated(action).is_some()) {
            // Its locks are enough to know, and what it does costs more.
            let locks =
                actions(cx).filter(|_| id.is_some()).flat_map(|action| cx.locks(action).to_vec());
            for lock in locks.filter(|lock| cx.is_noticed(lock)) {
                self.note(&lock.relation, lock.mode, cx.statement.head(cx.file()));
            }
            return;
        }
        for act in cx.acts() {
            if let Some((alter, name)) = validated(act.action) {
                self.validate(cx, act, alter, name);
            }
            for lock in act.effects.locks.iter().filter(|lock| cx.is_noticed(lock)) {
                self.note(&lock.relation, lock.mode, cx.statement.head(cx.file()));
            }
        }
    }

    fn end(self: Box<Self>, _: &MigrationContext, out: &mut Vec<Diagnostic>) {
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

    fn validate(&mut self, cx: &StatementContext, act: &Act, alter: &AlterTable, name: &str) {
        let Some(table) = used(cx, &act.before, &alter.table) else { return };
        let known = act.before.get(&table.name).and_then(|table| table.constraint(name));
        let is_valid = known.is_some_and(|constraint| constraint.validated);
        if is_valid || table.relation.is_some() && act.effects.scans.is_empty() {
            return;
        }
        let held = |name: &QualifiedName| self.locks.iter().find(|(other, ..)| other == name);
        let own = held(&table.name);
        // A foreign key reads the other table too.
        let target = known.filter(|known| known.kind == ConstraintKind::ForeignKey);
        let target = target.and_then(|key| act.before.name_of(key.references?));
        let other = target.filter(|name| **name != table.name).and_then(held);
        let Some((_, mode, span)) = own else { return };
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
        self.found.push(diagnostic);
    }
}
