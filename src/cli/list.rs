//! `lockmaster list`.

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::InputArguments;
use super::run::{Input, Loaded};
use crate::check;
use crate::layout::{Direction, Down, Migration, MigrationSet};
use crate::sql::Script;

#[derive(Debug, clap::Args)]
pub(super) struct ListArguments {
    #[command(flatten)]
    input: InputArguments,
    /// How to print them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the statements of each migration too
    #[arg(long)]
    sql: bool,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Serialize)]
struct SetRow {
    path: String,
    layout: &'static str,
    transaction: &'static str,
    assumed: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign: Option<&'static str>,
    evidence: Vec<String>,
    migrations: Vec<MigrationRow>,
    problems: Vec<String>,
}

#[derive(Serialize)]
struct MigrationRow {
    version: String,
    name: String,
    direction: &'static str,
    path: String,
    line: usize,
    end_line: usize,
    transaction: &'static str,
    applied: bool,
    /// What text output adds about the down.
    #[serde(skip)]
    down: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statements: Option<Vec<StatementRow>>,
}

#[derive(Serialize)]
struct StatementRow {
    line: usize,
    end_line: usize,
    sql: String,
}

pub(super) fn run(arguments: &ListArguments) -> anyhow::Result<ExitCode> {
    let input = Input::read(&arguments.input)?;
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let sets: Vec<SetRow> =
        loaded.found.sets.iter().map(|set| row(set, &loaded, arguments.sql)).collect();
    let mut output = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            serde_json::to_writer_pretty(
                &mut output,
                &serde_json::json!({"version": 1, "sets": sets}),
            )?;
            writeln!(output)?;
        }
        Format::Text => {
            for (set, row) in loaded.found.sets.iter().zip(&sets) {
                print(&mut output, set, row)?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(set: &MigrationSet, loaded: &Loaded, with_sql: bool) -> SetRow {
    let scripts = if with_sql { check::parse(set, &loaded.sources) } else { Vec::new() };
    let applied = set.migrations.iter().enumerate();
    let applied = applied.flat_map(|(at, m)| {
        let row = migration_row(m, scripts.get(at), loaded);
        std::iter::once(row).chain(empty_down(m, with_sql, loaded))
    });
    let idle = set.not_applied.iter().map(|idle| {
        let file = loaded.sources.get(idle.file);
        let name = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        MigrationRow {
            version: String::new(),
            name: name.to_owned(),
            direction: Direction::Up.as_str(),
            path: file.path.display().to_string(),
            line: idle.section.map_or(1, |section| file.position(section.start).line),
            end_line: match idle.section {
                Some(section) => file.position(section.end).line,
                None => file.line_count(),
            },
            transaction: set.transaction.as_str(),
            applied: false,
            down: "",
            reason: Some(idle.reason.clone()),
            statements: None,
        }
    });
    SetRow {
        path: set.root.display().to_string(),
        layout: set.layout.name,
        transaction: set.transaction.as_str(),
        assumed: set.assumed,
        foreign: set.foreign,
        evidence: set.evidence.clone(),
        migrations: applied.chain(idle).collect(),
        problems: set.unread_code(),
    }
}

fn migration_row(migration: &Migration, script: Option<&Script>, loaded: &Loaded) -> MigrationRow {
    let file = loaded.sources.get(migration.file);
    let statements = script.map(|script| {
        let of = |item: &crate::sql::Item| StatementRow {
            line: file.position(item.span().start).line,
            end_line: file.position(item.span().end).line,
            sql: file.slice(item.span()).to_owned(),
        };
        script.items.iter().map(of).collect()
    });
    MigrationRow {
        version: migration.version.text.clone(),
        name: migration.name.clone(),
        direction: match migration.is_repeatable && migration.direction == Direction::Up {
            true => "repeatable",
            false => migration.direction.as_str(),
        },
        path: file.path.display().to_string(),
        line: file.position(migration.section.start).line,
        end_line: file.position(migration.section.end).line,
        transaction: migration.transaction.as_str(),
        applied: true,
        down: match migration.down {
            _ if migration.direction == Direction::Down => "",
            Down::Present => ", down",
            Down::NotRead => ", down not read",
            Down::Commented { .. } => ", down in comments",
            Down::Empty { .. } => ", empty down",
            Down::Missing => "",
        },
        reason: None,
        statements,
    }
}

/// Returns the row of a down in a file of its own that holds no statement. It is no migration, but the
/// runner reads it.
fn empty_down(migration: &Migration, with_sql: bool, loaded: &Loaded) -> Option<MigrationRow> {
    let (Down::Empty { file: id, .. } | Down::Commented { file: id, .. }) = migration.down else {
        return None;
    };
    let file = loaded.sources.get(id);
    (id != migration.file).then(|| MigrationRow {
        version: migration.version.text.clone(),
        name: migration.name.clone(),
        direction: Direction::Down.as_str(),
        path: file.path.display().to_string(),
        line: 1,
        end_line: file.line_count(),
        transaction: migration.transaction.as_str(),
        applied: true,
        down: ", without statements",
        reason: None,
        statements: with_sql.then(Vec::new),
    })
}

fn print(output: &mut impl Write, set: &MigrationSet, row: &SetRow) -> std::io::Result<()> {
    let path = if row.path.is_empty() { "." } else { &row.path };
    writeln!(output, "{path}: {} ({})", set.layout.title, row.evidence.join(", "))?;
    let assumed = if set.assumed && set.foreign.is_none() { " (assumed)" } else { "" };
    let transaction = match row.transaction {
        _ if set.foreign.is_some() => "nothing of it is read",
        "runner" => "each migration runs in a transaction",
        "message" => "each file is sent as one message",
        _ => "each statement commits on its own",
    };
    writeln!(output, "  {transaction}{assumed}")?;
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let directions = row.migrations.iter().filter(|m| m.applied).map(|m| m.direction.len());
    let direction = directions.max().unwrap_or_default().max(4);
    let width = row.migrations.iter().map(|m| m.version.len()).max().unwrap_or_default();
    for migration in &row.migrations {
        if let Some(reason) = &migration.reason {
            reasons.entry(reason).or_default().push(&migration.path);
            continue;
        }
        let mode =
            if migration.transaction == row.transaction { "" } else { migration.transaction };
        let mode = if mode.is_empty() { String::new() } else { format!(", transaction: {mode}") };
        writeln!(
            output,
            "  {:direction$} {:width$}  {}{mode}{}",
            migration.direction, migration.version, migration.path, migration.down
        )?;
    }
    for (reason, paths) in reasons {
        for path in paths {
            writeln!(output, "  never applied: {path} {reason}")?;
        }
    }
    for problem in &row.problems {
        writeln!(output, "  not read: {problem}")?;
    }
    Ok(())
}
