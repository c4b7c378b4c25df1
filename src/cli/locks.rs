//! `lockmaster locks`.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::InputArguments;
use super::run::{Input, Loaded};
use crate::catalog::{Because, Catalog, QualifiedName};
use crate::check::{self, SetOptions};
use crate::effects::{Effects, Lock, effects, ends_transaction, refused_in_transaction};
use crate::rule::StatementContext;
use crate::session::Holder;

#[derive(Debug, clap::Args)]
pub(super) struct LocksArguments {
    #[command(flatten)]
    input: InputArguments,
    /// How to print them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Show only statements that lock this table
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
    Markdown,
}

#[derive(Serialize)]
struct StatementRow {
    path: String,
    line: usize,
    end_line: usize,
    migration: String,
    direction: &'static str,
    sql: String,
    transaction: &'static str,
    allowed_in_transaction: bool,
    locks: Vec<LockRow>,
    rewrites: Vec<String>,
    scans: Vec<String>,
    index_builds: Vec<String>,
    waits: bool,
    fails: Option<FailureRow>,
    certain: bool,
    #[serde(skip)]
    set: usize,
}

#[derive(Serialize)]
struct LockRow {
    relation: String,
    kind: &'static str,
    mode: &'static str,
    new: bool,
    #[serde(skip)]
    lock: Lock,
}

#[derive(Serialize)]
struct FailureRow {
    sqlstate: &'static str,
    message: String,
}

pub(super) fn run(arguments: &LocksArguments) -> anyhow::Result<ExitCode> {
    let input = Input::read(&arguments.input)?;
    if input.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let mut rows = Vec::new();
    let mut version = crate::version::PgVersion::default();
    for at in 0..loaded.found.sets.len() {
        let options = input.options(&loaded.found.sets[at], &loaded.found.configs[at]);
        version = options.target.version;
        rows.extend(statements(&loaded, at, &options));
    }
    if let Some(table) = &arguments.table {
        let is_it = |name: &str| name == table || name.rsplit('.').next() == Some(table);
        rows.retain(|row| row.locks.iter().any(|lock| is_it(&lock.relation)));
    }
    let mut output = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            let version = version.to_string();
            let json = serde_json::json!({"version": 1, "pg_version": version, "statements": rows});
            serde_json::to_writer_pretty(&mut output, &json)?;
            writeln!(output)?;
        }
        Format::Text => write!(output, "{}", timeline(&rows, version))?,
        Format::Markdown => write!(output, "{}", markdown(&rows, version))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what each statement of a set does.
fn statements(loaded: &Loaded, at: usize, options: &SetOptions) -> Vec<StatementRow> {
    let set = &loaded.found.sets[at];
    let scripts = check::parse(set, &loaded.sources);
    let rows = std::cell::RefCell::new(Vec::new());
    let visit = |cx: &StatementContext| {
        let row = row(cx, at);
        rows.borrow_mut().push(row);
    };
    let refused = |cx: &StatementContext| {
        let complete = cx.migration.history.is_complete;
        let certain =
            cx.failures.iter().find(|failure| complete || failure.because != Because::NeverMade);
        if let (Some(row), Some(failure)) = (rows.borrow_mut().last_mut(), certain) {
            row.fails.get_or_insert(FailureRow {
                sqlstate: failure.sqlstate,
                message: failure.message.clone(),
            });
        }
    };
    check::walk(set, &loaded.sources, &scripts, options, visit, refused);
    rows.into_inner()
}

fn row(cx: &StatementContext, set: usize) -> StatementRow {
    let file = cx.file();
    let migration = cx.migration.migration();
    let catalog = &cx.state.catalog;
    let path = &cx.state.session.search_path;
    let version = cx.version();
    let holder = cx.state.holder();
    let refused = cx
        .statement
        .actions
        .iter()
        .find_map(|action| refused_in_transaction(action, catalog, path, version));
    let found = effects(&cx.statement.actions, cx.state, cx.state.origin(cx.statement.span));
    let Effects { locks, rewrites, scans, index_builds, waits, certain } = found;
    let names = |names: std::collections::BTreeSet<QualifiedName>| {
        names.iter().map(ToString::to_string).collect()
    };
    let actions = &cx.statement.actions;
    let ends = actions.iter().any(|action| ends_transaction(action, catalog, path));
    let fails = if holder == Holder::Nobody {
        None
    } else if ends {
        let message = "invalid transaction termination".to_owned();
        Some(FailureRow { sqlstate: "2D000", message })
    } else {
        refused.map(|command| FailureRow {
            sqlstate: "25001",
            message: format!("{command} cannot run inside a transaction block"),
        })
    };
    let fails = fails.or_else(|| {
        let (label, name) = crate::rules::used_too_early(cx)?;
        let message = format!("unsafe use of new value \"{label}\" of enum type {name}");
        Some(FailureRow { sqlstate: "55P04", message })
    });
    StatementRow {
        path: file.path.display().to_string(),
        line: file.position(cx.statement.span.start).line,
        end_line: file.position(cx.statement.span.end).line,
        migration: migration.version.text.clone(),
        direction: migration.direction.as_str(),
        sql: file.slice(cx.statement.span).to_owned(),
        transaction: holder.as_str(),
        allowed_in_transaction: refused.is_none() && !ends,
        locks: locks.into_iter().map(|lock| lock_row(cx, catalog, lock)).collect(),
        rewrites: names(rewrites),
        scans: names(scans),
        index_builds: names(index_builds),
        waits,
        fails,
        certain: certain && !catalog.is_uncertain(),
        set,
    }
}

fn lock_row(cx: &StatementContext, catalog: &Catalog, lock: Lock) -> LockRow {
    LockRow {
        relation: lock.relation.to_string(),
        kind: catalog.get(&lock.relation).map_or("table", |relation| relation.kind.as_str()),
        mode: lock.mode.as_str(),
        new: lock.created.is_some_and(|origin| cx.state.is_in_this_transaction(origin)),
        lock,
    }
}

/// Returns what a lock and the work under it mean for everybody else.
fn consequence(row: &StatementRow) -> Option<String> {
    let strongest = row.locks.iter().filter(|lock| !lock.new).max_by_key(|lock| lock.lock.mode)?;
    let blocks = strongest.lock.mode.blocks();
    let table = &strongest.relation;
    let how_long = if row.rewrites.iter().any(|name| name == table) {
        "for as long as it takes to rewrite it"
    } else if !row.index_builds.is_empty() {
        "for as long as it takes to build the index"
    } else if row.scans.iter().any(|name| name == table) {
        "for as long as it takes to read it"
    } else if row.scans.is_empty() && row.rewrites.is_empty() {
        "for an instant, once the lock is granted"
    } else {
        "for as long as it takes to read another table"
    };
    Some(format!("blocks {blocks} on `{table}` {how_long}"))
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

/// Groups rows by migration.
fn migrations(rows: &[StatementRow]) -> impl Iterator<Item = &[StatementRow]> {
    rows.chunk_by(|a, b| {
        (a.set, &a.path, &a.migration, a.direction) == (b.set, &b.path, &b.migration, b.direction)
    })
}

/// Returns the strongest of what a migration does to others.
fn summary(rows: &[StatementRow]) -> String {
    let weight = |row: &&StatementRow| {
        let mode = row.locks.iter().filter(|lock| !lock.new).map(|lock| lock.lock.mode).max();
        let work = u8::from(!row.rewrites.is_empty()) * 4
            + u8::from(!row.index_builds.is_empty()) * 2
            + u8::from(!row.scans.is_empty());
        let is_strong = mode >= Some(crate::sql::LockMode::ShareLock);
        (is_strong && work > 0, mode, work)
    };
    let strongest = rows.iter().max_by_key(weight).and_then(consequence);
    strongest.unwrap_or_else(|| "locks nothing that others use".to_owned())
}

fn timeline(rows: &[StatementRow], version: crate::version::PgVersion) -> String {
    let mut text = format!("PostgreSQL {version}\n");
    for rows in migrations(rows) {
        let Some(first) = rows.first() else { continue };
        text.push_str(&format!("\n{} ({}): {}\n", first.path, first.direction, summary(rows)));
        for row in rows {
            let held = match row.transaction {
                "none" => "commits on its own",
                "runner" => "held until the runner commits",
                "message" => "held until the end of the file",
                _ => "held until the file commits",
            };
            text.push_str(&format!("  {:>4}  {}\n", row.line, first_line(&row.sql)));
            for lock in &row.locks {
                let new = if lock.new { ", new in this transaction" } else { "" };
                text.push_str(&format!("          {} on {}{new}\n", lock.mode, lock.relation));
            }
            let work = work(row);
            if !work.is_empty() {
                text.push_str(&format!("          {work}\n"));
            }
            if !row.locks.is_empty() {
                text.push_str(&format!("          {held}\n"));
            }
        }
    }
    text
}

fn markdown(rows: &[StatementRow], version: crate::version::PgVersion) -> String {
    let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
    let mut text = format!("### Locks on PostgreSQL {version}\n");
    for rows in migrations(rows) {
        let Some(first) = rows.first() else { continue };
        text.push_str(&format!(
            "\n**{}** ({}): {}\n\n| line | statement | locks | work |\n|---|---|---|---|\n",
            cell(&first.path),
            first.direction,
            summary(rows)
        ));
        for row in rows {
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
