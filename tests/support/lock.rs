//! The locks that a session really holds.

use std::collections::BTreeSet;

use lockmaster::sql::LockMode;
use postgres::Client;

const MODES: [LockMode; 8] = [
    LockMode::AccessShareLock,
    LockMode::RowShareLock,
    LockMode::RowExclusiveLock,
    LockMode::ShareUpdateExclusiveLock,
    LockMode::ShareLock,
    LockMode::ShareRowExclusiveLock,
    LockMode::ExclusiveLock,
    LockMode::AccessExclusiveLock,
];

/// Returns the locks on relations that the session holds, with the ids of those.
pub(crate) fn held_locks(client: &mut Client) -> BTreeSet<(u32, LockMode)> {
    let query = "select relation, mode from pg_locks
        where locktype = 'relation' and pid = pg_backend_pid()";
    let mode = |name: &str| {
        MODES.into_iter().find(|mode| mode.as_str() == name).expect("there are eight modes")
    };
    let rows = client.query(query, &[]).expect("every session can read pg_locks");
    rows.iter().map(|row| (row.get(0), mode(row.get(1)))).collect()
}
