//! `lockmaster rules`.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use crate::rules::RULES;

#[derive(Debug, clap::Args)]
pub(super) struct RulesArguments {
    /// How to print them
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    severity: &'static str,
    category: &'static str,
    on: bool,
    fix: &'static str,
    title: &'static str,
    since: &'static str,
}

pub(super) fn run(arguments: &RulesArguments) -> anyhow::Result<ExitCode> {
    let rows: Vec<Row> = RULES
        .iter()
        .map(|rule| Row {
            name: rule.name,
            severity: rule.severity().as_str(),
            category: rule.category(),
            on: rule.is_on(),
            fix: rule.field("fix").unwrap_or("none"),
            title: rule.title(),
            since: rule.field("since").unwrap_or_default(),
        })
        .collect();
    let mut output = std::io::stdout().lock();
    match arguments.format {
        Format::Json => {
            serde_json::to_writer_pretty(
                &mut output,
                &serde_json::json!({"version": 1, "rules": rows}),
            )?;
            writeln!(output)?;
        }
        Format::Text => {
            let width = rows.iter().map(|row| row.name.len()).max().unwrap_or_default();
            for row in rows {
                let off = if row.on { "" } else { " (off)" };
                writeln!(
                    output,
                    "{:width$}  {:7}  {:13}  {:6}  {}{off}",
                    row.name, row.severity, row.category, row.fix, row.title
                )?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
