//! `lockmaster new`.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::InputArguments;
use super::run::Input;
use crate::create::{Clock, Wanted, plan};

#[derive(Debug, clap::Args)]
pub(super) struct NewArguments {
    /// What the migration is called
    #[arg(value_name = "NAME")]
    name: String,
    /// The directory of migrations; without it the one that is found below the current folder
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// For `create index concurrently` and the like: outside of a transaction, without timeouts
    #[arg(long)]
    concurrently: bool,
    /// Leave the transaction that the runner opens
    #[arg(long)]
    no_transaction: bool,
    /// Print the files instead of writing them
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &NewArguments) -> anyhow::Result<ExitCode> {
    let paths = arguments.path.iter().cloned().collect();
    let input = Input::read(&InputArguments { paths, ..InputArguments::default() })?;
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let sets = &loaded.found.sets;
    // Files without an order, and those for another database, have no next one.
    let mut ordered = sets.iter().filter(|set| set.layout.name != "plain" && set.foreign.is_none());
    let set = match (ordered.next(), ordered.next()) {
        (Some(only), None) => only,
        _ => &sets[input.only_set(sets)?],
    };
    let wanted = Wanted {
        name: &arguments.name,
        concurrently: arguments.concurrently,
        outside_transaction: arguments.no_transaction,
    };
    let plan = plan(set, &loaded.sources, wanted, &Clock::now())?;
    let mut output = std::io::stdout().lock();
    if let Some((path, _)) = plan.files.iter().find(|(path, _)| path.exists() && !arguments.print) {
        bail!("`{}` exists: nothing was written", path.display());
    }
    for (path, text) in &plan.files {
        if arguments.print {
            writeln!(output, "==> {}\n{text}", path.display())?;
            continue;
        }
        let folder = path.parent().unwrap_or(path);
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make `{}`", folder.display()))?;
        let cannot = || format!("cannot write `{}`", path.display());
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(path).with_context(cannot)?;
        file.write_all(text.as_bytes()).with_context(cannot)?;
        writeln!(output, "wrote {}", path.display())?;
    }
    for note in &plan.notes {
        writeln!(output, "{note}")?;
    }
    Ok(ExitCode::SUCCESS)
}
