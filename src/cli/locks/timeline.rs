//! What migrations lock, for people: statement by statement, and in a line for each migration.

use std::collections::BTreeMap;

use super::{LockRow, StatementRow, Wanted};
use crate::sql::LockMode;
use crate::version::PgVersion;

/// What is slow about a statement, the slowest last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    Nothing,
    Scan,
    Build,
    Rewrite,
}

impl Work {
    fn of(row: &StatementRow) -> Self {
        if !row.rewrites.is_empty() {
            Self::Rewrite
        } else if !row.index_builds.is_empty() {
            Self::Build
        } else if !row.scans.is_empty() {
            Self::Scan
        } else {
            Self::Nothing
        }
    }

    /// Returns how long it takes, as the end of a sentence about a lock on `table`.
    fn how_long(self, row: &StatementRow, table: &str) -> String {
        let object = |names: &[String]| match names {
            names if names.iter().any(|name| name == table) => "it".to_owned(),
            [only] => format!("`{only}`"),
            [first, rest @ ..] => format!("`{first}` and {} more", rest.len()),
            [] => "another table".to_owned(),
        };
        match self {
            Self::Nothing => "for an instant, once the lock is granted".to_owned(),
            Self::Scan => format!("for as long as it takes to read {}", object(&row.scans)),
            Self::Build => match &row.index_builds[..] {
                [only] => format!("for as long as it takes to build `{only}`"),
                several => format!("for as long as it takes to build {} indexes", several.len()),
            },
            Self::Rewrite => {
                format!("for as long as it takes to rewrite {}", object(&row.rewrites))
            }
        }
    }
}

/// A lock with the slowest statement that runs until it is released.
struct Held<'a> {
    lock: &'a LockRow,
    work: Work,
    slowest: &'a StatementRow,
    /// Whether the statement is the one that takes the lock.
    is_own: bool,
}

impl Held<'_> {
    /// Returns what orders locks by how much they hurt: a strong one under which something slow runs comes
    /// first, whatever the mode of others.
    fn weight(&self) -> (bool, LockMode, bool, Work) {
        let mode = self.lock.lock.mode;
        // What goes with a table is not what people use.
        let is_part = matches!(self.lock.kind, "sequence" | "index" | "partitioned index");
        (mode >= LockMode::ShareLock && self.work > Work::Nothing, mode, !is_part, self.work)
    }

    fn sentence(&self) -> String {
        let table = &self.lock.relation;
        let mode = self.lock.lock.mode;
        if mode < LockMode::ShareUpdateExclusiveLock {
            return format!("blocks no reads or writes: at most {} on `{table}`", mode.as_str());
        }
        let blocks = match mode {
            LockMode::ShareUpdateExclusiveLock => "vacuum and other DDL",
            mode => mode.blocks(),
        };
        let how_long = self.work.how_long(self.slowest, table);
        let line = match self.is_own {
            true => String::new(),
            false => format!(" in line {}", self.slowest.line),
        };
        format!("blocks {blocks} on `{table}` {how_long}{line}")
    }
}

/// Returns the locks of a migration on what others use, each with the slowest work until it is released.
fn held(rows: &[StatementRow]) -> Vec<Held<'_>> {
    let mut all = Vec::new();
    for transaction in rows.chunk_by(|a, b| a.within == b.within) {
        // From the last statement to the first one, by the line that releases its locks.
        let mut slowest: BTreeMap<usize, &StatementRow> = BTreeMap::new();
        for row in transaction.iter().rev() {
            let work = Work::of(row);
            let released = row.released.unwrap_or(usize::MAX);
            slowest.entry(released).or_insert(row);
            for (_, slowest) in slowest.range_mut(row.line..) {
                if work >= Work::of(slowest) {
                    *slowest = row;
                }
            }
            let slowest = slowest.get(&released).copied().unwrap_or(row);
            all.extend(row.locks.iter().filter(|lock| !lock.new).map(|lock| Held {
                lock,
                work: Work::of(slowest),
                slowest,
                is_own: std::ptr::eq(slowest, row),
            }));
        }
    }
    all
}

/// Returns the strongest of what a migration does to others, as far as it is about locks that are wanted.
fn summary(rows: &[StatementRow], wanted: Wanted<'_>) -> String {
    let of_wanted = held(rows).into_iter().filter(|held| wanted.is(held.lock));
    let strongest = of_wanted.max_by_key(Held::weight);
    match strongest {
        Some(held) => held.sentence(),
        None => "locks nothing that others use".to_owned(),
    }
}

fn work(row: &StatementRow) -> String {
    let mut parts = Vec::new();
    for (word, names) in
        [("rewrites", &row.rewrites), ("scans", &row.scans), ("builds", &row.index_builds)]
    {
        if !names.is_empty() {
            parts.push(format!("{word} {}", names.join(", ")));
        }
    }
    if row.waits {
        parts.push("waits for other transactions".to_owned());
    }
    if let Some(failure) = &row.fails {
        parts.push(format!("fails: {} {}", failure.sqlstate, failure.message));
    }
    if !row.certain {
        parts.push("not certain".to_owned());
    }
    parts.join("; ")
}

fn first_line(sql: &str) -> String {
    let line = sql.lines().next().unwrap_or_default();
    let cut: String = line.chars().take(100).collect();
    if sql.lines().count() > 1 || cut.len() < line.len() { format!("{cut} ...") } else { cut }
}

/// Groups rows by migration: all of them, and those to show, where there are any.
fn migrations<'a>(
    rows: &'a [StatementRow],
    wanted: Wanted<'a>,
) -> impl Iterator<Item = (&'a [StatementRow], Vec<&'a StatementRow>)> {
    let all = rows.chunk_by(|a, b| {
        (a.set, &a.path, &a.migration, a.direction) == (b.set, &b.path, &b.migration, b.direction)
    });
    let shown = all.map(move |rows| (rows, rows.iter().filter(|row| wanted.shows(row)).collect()));
    shown.filter(|(_, shown): &(_, Vec<_>)| !shown.is_empty())
}

/// Returns until when the locks of a statement are held.
fn until(row: &StatementRow, rows: &[StatementRow]) -> String {
    if let Some(line) = row.released {
        return format!("held until line {line}");
    }
    let last = rows.iter().rfind(|other| other.within == row.within);
    match row.transaction {
        "none" => "commits on its own".to_owned(),
        "runner" => "held until the runner commits".to_owned(),
        "message" => "held until the end of the file".to_owned(),
        // The last statement of a transaction is the one that ends it.
        _ => match last.filter(|last| !std::ptr::eq(*last, row)) {
            Some(last) => format!("held until line {}", last.line),
            None => "held until the file commits".to_owned(),
        },
    }
}

/// Writes what each statement does, under a line that says what its migration does to others.
pub(super) fn text(rows: &[StatementRow], version: PgVersion, wanted: Wanted<'_>) -> String {
    let mut text = format!("PostgreSQL {version}\n");
    for (rows, shown) in migrations(rows, wanted) {
        let Some(first) = rows.first() else { continue };
        text.push_str(&format!(
            "\n{} ({}): {}\n",
            first.path,
            first.direction,
            summary(rows, wanted)
        ));
        for row in shown {
            text.push_str(&format!("  {:>4}  {}\n", row.line, first_line(&row.sql)));
            for lock in &row.locks {
                let new = if lock.new { ", new in this transaction" } else { "" };
                let blocks = match lock.new {
                    true => String::new(),
                    false => format!(", blocks {}", lock.lock.mode.blocks()),
                };
                text.push_str(&format!(
                    "          {} on {}{new}{blocks}\n",
                    lock.mode, lock.relation
                ));
            }
            let work = work(row);
            if !work.is_empty() {
                text.push_str(&format!("          {work}\n"));
            }
            if !row.locks.is_empty() {
                text.push_str(&format!("          {}\n", until(row, rows)));
            }
        }
    }
    text
}

/// Writes a table for each migration, for a comment on a pull request.
pub(super) fn markdown(rows: &[StatementRow], version: PgVersion, wanted: Wanted<'_>) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut text = format!("### Locks on PostgreSQL {version}\n");
    for (rows, shown) in migrations(rows, wanted) {
        let Some(first) = rows.first() else { continue };
        text.push_str(&format!(
            "\n**{}** ({}): {}\n\n| line | statement | locks | work |\n|---|---|---|---|\n",
            cell(&first.path),
            first.direction,
            summary(rows, wanted)
        ));
        for row in shown {
            let locks: Vec<String> = row
                .locks
                .iter()
                .filter(|lock| !lock.new)
                .map(|lock| format!("{} on `{}`", lock.mode, lock.relation))
                .collect();
            text.push_str(&format!(
                "| {} | `{}` | {} | {} |\n",
                row.line,
                cell(&first_line(&row.sql)).replace('`', "'"),
                cell(&locks.join("<br>")),
                cell(&work(row))
            ));
        }
    }
    text
}
