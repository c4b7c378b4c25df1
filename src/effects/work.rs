//! What a statement does with the rows: rewrites, scans, index builds, waits.

use std::collections::BTreeSet;

use super::Lock;
use super::locks::{locks_until, strongest};
use crate::catalog::{Because, Catalog, Env, Origin, QualifiedName};
use crate::replay::State;
use crate::sql::Action;

/// Everything that a statement does to a running server.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// The strongest lock for each relation, sorted by name.
    pub locks: Vec<Lock>,
    /// Tables and materialized views whose storage is written anew.
    pub rewrites: BTreeSet<QualifiedName>,
    /// Tables that are read in full.
    pub scans: BTreeSet<QualifiedName>,
    /// Indexes that are built or rebuilt.
    pub index_builds: BTreeSet<QualifiedName>,
    /// Whether it waits for other transactions to end while it blocks nobody.
    pub waits: bool,
    /// Whether all of that is certain: every relation is known, and nothing is put together at run time.
    pub certain: bool,
}

/// What one action of a statement does, between two states of the catalog.
pub struct Act<'a> {
    /// The action.
    pub action: &'a Action,
    /// Whether it stands in a `DO` block, so that it may depend on a condition.
    pub in_block: bool,
    /// The catalog before it.
    pub before: Catalog,
    /// The catalog after it.
    pub after: Catalog,
    /// What it does to relations that this transaction did not make.
    pub effects: Effects,
}

/// How many actions of one statement [`acts`] looks at: each is kept with two catalogs.
pub const MOST_ACTS: usize = 256;

/// Returns what each of the first [`MOST_ACTS`] actions of a statement does, those of `DO` blocks one by
/// one. What the server would refuse is left out: it does nothing. Where the history is not complete, what
/// nothing at hand made may still be there.
pub fn acts<'a>(
    actions: &'a [Action],
    state: &State,
    origin: Origin,
    is_complete: bool,
) -> Vec<Act<'a>> {
    let env = Env { origin, path: state.session.search_path.clone(), version: state.version };
    let mut before = state.catalog.clone();
    let mut acts = Vec::new();
    let all = crate::replay::in_order(actions).into_iter().flat_map(|action| match action {
        Action::Do(block) => block.actions.iter().map(|action| (action, true)).collect(),
        _ => vec![(action, false)],
    });
    for (action, in_block) in all.take(MOST_ACTS) {
        let mut after = before.clone();
        let failures = after.apply(action, &env);
        if failures.iter().any(|failure| is_complete || failure.because != Because::NeverMade) {
            continue;
        }
        let mut effects = Effects::none();
        effects.add(action, (&before, &after), state);
        effects.finish(&after, state, origin);
        acts.push(Act { action, in_block, before, after: after.clone(), effects });
        before = after;
    }
    acts
}

/// Returns what the actions of one statement do, in the state before it: also those that the server would
/// refuse, and a `DO` block as a whole, in which [`acts`] differs.
pub fn effects(actions: &[Action], state: &State, origin: Origin) -> Effects {
    let env = Env { origin, path: state.session.search_path.clone(), version: state.version };
    let mut found = Effects::none();
    let mut catalog = state.catalog.clone();
    for action in crate::replay::in_order(actions) {
        let before = catalog.clone();
        catalog.apply(action, &env);
        found.add(action, (&before, &catalog), state);
    }
    found.finish(&catalog, state, origin);
    found
}

impl Effects {
    /// Nothing, which is certain.
    fn none() -> Self {
        Self { certain: true, ..Self::default() }
    }

    /// Adds what an action does between two states of the catalog.
    fn add(&mut self, action: &Action, (before, after): (&Catalog, &Catalog), state: &State) {
        let path = &state.session.search_path;
        self.locks.extend(locks_until(action, before, after, path, state.version));
        super::cost::add(action, before, after, state, self);
    }

    /// Leaves the strongest lock on each relation, and nothing about what no other transaction can see:
    /// nobody waits for work on that, and there is little of it.
    fn finish(&mut self, after: &Catalog, state: &State, origin: Origin) {
        strongest(&mut self.locks);
        self.locks.retain(|lock| lock.created != Some(origin));
        let is_new = |name: &QualifiedName| {
            let relation = state.catalog.get(name).or_else(|| after.get(name));
            let tables = relation.filter(|found| found.is_index()).map(|index| &index.uses);
            let table = tables.and_then(|uses| uses.first()).and_then(|table| after.by_id(*table));
            table.or(relation).is_some_and(|found| {
                found.created == origin || state.is_in_this_transaction(found.created)
            })
        };
        for names in [&mut self.rewrites, &mut self.scans, &mut self.index_builds] {
            names.retain(|name| !is_new(name));
        }
    }
}
