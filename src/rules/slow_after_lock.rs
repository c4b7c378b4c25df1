use super::bookkeeping::is_bookkeeping;
use super::outage::acts;
use super::per_transaction::PerTransaction;
use super::spelling::{listed, shown};
use crate::catalog::{QualifiedName, Relation};
use crate::diagnostic::{Diagnostic, Severity};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{Action, Dml, DmlKind, LockMode, RelationName, TableChange};

pub(super) fn watch(_: &MigrationContext) -> Option<Box<dyn Watch>> {
    Some(Box::new(SlowWork::default()))
}

#[derive(Default)]
struct SlowWork {
    window: PerTransaction<Window>,
    found: Vec<Diagnostic>,
}

/// The strong locks of one transaction.
#[derive(Default)]
struct Window {
    held: Vec<Held>,
    /// Whether the transaction was reported: what comes behind the first slow statement is no other
    /// mistake.
    is_reported: bool,
}

struct Held {
    name: QualifiedName,
    mode: LockMode,
    span: Span,
}

/// Work that takes as long as a table is big.
struct Slow {
    table: QualifiedName,
    /// What is done to it, as the end of a sentence.
    what: String,
    /// The lock under which it is done.
    mode: LockMode,
    /// Whether it may be little after all.
    may_be_brief: bool,
}

impl Watch for SlowWork {
    fn statement(&mut self, cx: &StatementContext) {
        if cx.state.transaction.is_none() {
            return;
        }
        let window = self.window.of(cx);
        if !window.is_reported
            && !window.held.is_empty()
            && let Some(found) = window.look(cx)
        {
            self.found.push(found);
            window.is_reported = true;
        }
        window.hold(cx);
    }

    fn end(self: Box<Self>, _: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        out.extend(self.found);
    }
}

impl Window {
    /// Adds the strong locks of a statement.
    fn hold(&mut self, cx: &StatementContext) {
        for action in cx.statement.all_actions() {
            for lock in cx.locks(action).iter() {
                let is_table = cx.state.catalog.get(&lock.relation).is_none_or(|r| !r.is_index());
                if lock.mode < LockMode::ShareLock || !is_table || !cx.is_noticed(lock) {
                    continue;
                }
                match self.held.iter_mut().find(|held| held.name == lock.relation) {
                    Some(held) if held.mode >= lock.mode => {}
                    Some(held) => (held.mode, held.span) = (lock.mode, cx.statement.span),
                    None => self.held.push(Held {
                        name: lock.relation.clone(),
                        mode: lock.mode,
                        span: cx.statement.span,
                    }),
                }
            }
        }
    }

    /// Reports slow work while others wait for something else.
    fn look(&self, cx: &StatementContext) -> Option<Diagnostic> {
        let slow = slow(cx)?;
        // What the statement itself blocks is for the rule about that statement.
        let others: Vec<&Held> = self
            .held
            .iter()
            .filter(|held| held.name != slow.table || held.mode.blocks() != slow.mode.blocks())
            .collect();
        let strongest = others.iter().map(|held| held.mode).max()?;
        let first = others.iter().find(|held| held.mode == strongest)?;
        let names: Vec<String> = others.iter().map(|held| shown(&held.name)).collect();
        let blocked = match strongest {
            LockMode::AccessExclusiveLock => "reads and writes of",
            _ => "writes to",
        };
        let message = format!(
            "{blocked} {} wait while {}: the lock lasts until the transaction ends",
            listed(&names, "and"),
            slow.what
        );
        let file = cx.migration.migration().file;
        let mode = first.mode.keyword();
        let label = format!("{mode} lock on `{}` from here on", shown(&first.name));
        let begins = crate::sql::head(cx.file(), first.span);
        let mut diagnostic = cx.report(message).label(file, begins, label).help(
            "put it into a migration of its own, or before the statement that takes the lock if their order does not matter",
        );
        for held in others {
            diagnostic = diagnostic.relation(&held.name, Some(held.mode));
        }
        if slow.may_be_brief {
            diagnostic = diagnostic.at_most(Severity::Info);
        }
        Some(cx.explain_transaction(diagnostic))
    }
}

/// Returns work of a statement that takes as long as a table is big which others use.
fn slow(cx: &StatementContext) -> Option<Slow> {
    let dml = cx.statement.all_actions().find_map(|action| match action {
        Action::Dml(dml) => slow_dml(cx, dml),
        _ => None,
    });
    dml.or_else(|| acts(cx, may_be_slow).find_map(|act| slow_act(cx, act)))
}

fn may_be_slow(action: &Action) -> bool {
    match action {
        Action::CreateIndex(_) | Action::Alter(_) | Action::Reindex { .. } => true,
        Action::Cluster { .. } | Action::RefreshMaterializedView { .. } => true,
        // Whether it is one transaction with the constraint is for another rule.
        Action::AlterTable(alter) => {
            !matches!(alter.change, TableChange::ValidateConstraint { .. })
        }
        Action::CreateTable(create) => create.partition_of.is_some(),
        _ => false,
    }
}

fn slow_act(cx: &StatementContext, act: &crate::effects::Act) -> Option<Slow> {
    let effects = &act.effects;
    let table_of = |name: &QualifiedName| {
        let relation = act.after.get(name).or_else(|| act.before.get(name))?;
        let table = if relation.is_index() { *relation.uses.first()? } else { relation.id };
        act.after.name_of(table).or_else(|| act.before.name_of(table)).cloned()
    };
    let kinds = [
        (&effects.rewrites, "is written anew"),
        (&effects.index_builds, "is indexed"),
        (&effects.scans, "is read in full"),
    ];
    for (names, what) in kinds {
        let table = names.iter().filter_map(table_of).find(|name| cx.is_in_use(name));
        if let Some(table) = table {
            let lock = effects.locks.iter().find(|lock| lock.relation == table);
            let mode = lock.map_or(LockMode::AccessShareLock, |lock| lock.mode);
            let what = format!("`{}` {what}", shown(&table));
            return Some(Slow { table, what, mode, may_be_brief: false });
        }
    }
    None
}

fn slow_dml(cx: &StatementContext, dml: &Dml) -> Option<Slow> {
    let target = dml.target.as_ref().filter(|name| !name.is_dynamic())?;
    let table = resolved(cx, target);
    let is_slow = match dml.kind {
        DmlKind::Update | DmlKind::Delete | DmlKind::Merge => cx.is_in_use(&table),
        // A list of values is short.
        DmlKind::Insert => {
            dml.width.is_none()
                && dml
                    .reads
                    .iter()
                    .any(|read| is_table(cx, read) && cx.is_in_use(&resolved(cx, read)))
        }
        _ => false,
    };
    if !is_slow || is_bookkeeping(&table.name) {
        return None;
    }
    let name = shown(&table);
    let may_be_brief = dml.has_where || matches!(dml.kind, DmlKind::Insert | DmlKind::Merge);
    let what = match (dml.kind, dml.has_where) {
        (DmlKind::Insert, _) => format!("rows are copied into `{name}`"),
        (DmlKind::Merge, _) => format!("rows are merged into `{name}`"),
        (DmlKind::Update, false) => format!("every row of `{name}` is updated"),
        (DmlKind::Delete, false) => format!("every row of `{name}` is deleted"),
        (DmlKind::Update, true) => format!("rows of `{name}` are updated"),
        (_, _) => format!("rows of `{name}` are deleted"),
    };
    Some(Slow { table, what, mode: LockMode::RowExclusiveLock, may_be_brief })
}

fn resolved(cx: &StatementContext, name: &RelationName) -> QualifiedName {
    cx.state.catalog.resolve(name, &cx.state.session.search_path)
}

fn is_table(cx: &StatementContext, name: &RelationName) -> bool {
    cx.relation(name).found().is_none_or(Relation::is_table)
}
