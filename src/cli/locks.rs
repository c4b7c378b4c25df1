//! `lockmaster locks`.

mod timeline;

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::InputArguments;
use super::run::{Input, Loaded};
use crate::catalog::{Because, Catalog, QualifiedName};
use crate::check::{self, SetOptions};
use crate::effects::{Effects, Lock, effects, ends_transaction, refused_in_transaction};
use crate::rule::StatementContext;
use crate::session::{Holder, Savepoints};
use crate::sql::Action;

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
    /// The transaction that it runs in; each statement outside of one has its own.
    #[serde(skip)]
    within: u32,
    /// The line of the `ROLLBACK TO SAVEPOINT` that releases its locks before its transaction ends.
    #[serde(skip)]
    released: Option<usize>,
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

/// The table whose locks are asked for; nothing for all.
#[derive(Clone, Copy)]
struct Wanted<'a>(Option<&'a str>);

impl Wanted<'_> {
    /// Returns whether a lock is asked for.
    fn is(self, lock: &LockRow) -> bool {
        let name = &lock.relation;
        self.0.is_none_or(|table| name == table || name.rsplit('.').next() == Some(table))
    }

    /// Returns whether a statement takes a lock that is asked for, or all statements are.
    fn shows(self, row: &StatementRow) -> bool {
        self.0.is_none() || row.locks.iter().any(|lock| self.is(lock))
    }
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
    let wanted = Wanted(arguments.table.as_deref());
    let mut output = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            rows.retain(|row| wanted.shows(row));
            let version = version.to_string();
            let json = serde_json::json!({"version": 1, "pg_version": version, "statements": rows});
            serde_json::to_writer_pretty(&mut output, &json)?;
            writeln!(output)?;
        }
        Format::Text => write!(output, "{}", timeline::text(&rows, version, wanted))?,
        Format::Markdown => write!(output, "{}", timeline::markdown(&rows, version, wanted))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns what each statement of a set does.
fn statements(loaded: &Loaded, at: usize, options: &SetOptions) -> Vec<StatementRow> {
    let set = &loaded.found.sets[at];
    let scripts = check::parse(set, &loaded.sources);
    let rows = std::cell::RefCell::new(Vec::new());
    let mut transaction = None;
    let mut savepoints: Savepoints<usize> = Savepoints::default();
    let visit = |cx: &StatementContext| {
        let row = row(cx, at);
        if transaction.replace(row.within) != Some(row.within) {
            savepoints = Savepoints::default();
        }
        let mut rows = rows.borrow_mut();
        let (count, line) = (rows.len(), row.line);
        for action in &cx.statement.actions {
            let Action::Transaction(action) = action else { continue };
            if let Some(since) = savepoints.follow(action, || count) {
                rows[since..].iter_mut().for_each(|row: &mut StatementRow| {
                    row.released.get_or_insert(line);
                });
            }
        }
        rows.push(row);
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
        within: cx.state.origin(cx.statement.span).transaction,
        released: None,
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
