//! What a statement does with the rows: rewrites, scans, index builds, waits.

use std::collections::BTreeSet;

use super::Lock;
use super::locks::{locks_until, strongest};
use crate::catalog::{Env, Origin, QualifiedName};
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

/// Returns what the actions of one statement do, in the state before it.
pub fn effects(actions: &[Action], state: &State, origin: Origin) -> Effects {
    let mut found = Effects { certain: true, ..Effects::default() };
    let mut catalog = state.catalog.clone();
    let path = &state.session.search_path;
    for action in crate::replay::in_order(actions) {
        let env = Env { origin, path: path.clone(), version: state.version };
        let before = catalog.clone();
        catalog.apply(action, &env);
        found.locks.extend(locks_until(action, &before, &catalog, path, state.version));
        super::cost::add(action, &before, &catalog, state, &mut found);
    }
    strongest(&mut found.locks);
    // What the statement made itself nobody else can see.
    found.locks.retain(|lock| lock.created != Some(origin));
    // Nobody waits for work on what no other transaction can see, and there is little of it.
    let is_new = |name: &QualifiedName| {
        let relation = state.catalog.get(name).or_else(|| catalog.get(name));
        let tables = relation.filter(|found| found.is_index()).map(|index| &index.uses);
        let table = tables.and_then(|uses| uses.first()).and_then(|table| catalog.by_id(*table));
        table.or(relation).is_some_and(|found| {
            found.created == origin || state.is_in_this_transaction(found.created)
        })
    };
    for names in [&mut found.rewrites, &mut found.scans, &mut found.index_builds] {
        names.retain(|name| !is_new(name));
    }
    found
}
