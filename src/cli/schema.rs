//! `lockmaster schema`.

use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::bail;

use super::InputArguments;
use super::run::{Input, Loaded};
use crate::check::{self, SetOptions};
use crate::schema::Schema;

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArguments {
    #[command(flatten)]
    input: InputArguments,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// With --format json: the SQL of each object too
    #[arg(long)]
    sql: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(arguments: &SchemaArguments) -> anyhow::Result<ExitCode> {
    let input = Input::read(&arguments.input)?;
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let mut output = std::io::stdout().lock();
    match arguments.format {
        Format::Text => {
            bail!("text is not there yet");
        }
        Format::Json => {
            let schema = last(&input, &loaded, only_set(&loaded)?);
            let schema = if arguments.sql { schema } else { schema.without_sql() };
            serde_json::to_writer_pretty(&mut output, &schema)?;
            writeln!(output)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the place of the set of a run that has one.
fn only_set(loaded: &Loaded) -> anyhow::Result<usize> {
    let sets = &loaded.found.sets;
    if sets.len() > 1 {
        let roots: Vec<String> =
            sets.iter().map(|set| format!("`{}`", set.root.display())).collect();
        bail!("there are several directories of migrations, name one: {}", roots.join(", "));
    }
    Ok(0)
}

/// Returns what the whole history of a set leaves.
fn last(input: &Input, loaded: &Loaded, at: usize) -> Schema {
    let (set, config) = (&loaded.found.sets[at], &loaded.found.configs[at]);
    let options = SetOptions {
        target: input.target(config),
        is_complete: config.is_complete(&set.root),
        settings: config.settings(&set.root),
    };
    let scripts = check::parse(set, &loaded.sources);
    let state = check::replay_with(set, &scripts, &options, |_, _| ControlFlow::Continue(()));
    Schema::of(&state.catalog, &loaded.sources, options.target.version)
}
