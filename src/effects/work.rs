//! What a statement does with the rows: rewrites, scans, index builds, waits.

use std::collections::BTreeSet;

use super::{Lock, locks};
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
        found.locks.extend(locks(action, &catalog, path, state.version));
        let env = Env { origin, path: path.clone(), version: state.version };
        let before = catalog.clone();
        catalog.apply(action, &env);
        super::dropped::add(action, &before, &catalog, &mut found);
        super::cost::add(action, &before, &catalog, state, &mut found);
    }
    found.locks.sort_by(|a, b| a.relation.cmp(&b.relation).then(b.mode.cmp(&a.mode)));
    found.locks.dedup_by(|next, kept| next.relation == kept.relation);
    // What the statement made itself nobody else can see.
    found.locks.retain(|lock| lock.created != Some(origin));
    found
}
