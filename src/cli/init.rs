//! `lockmaster init`.

use std::fmt::Write as _;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};

use super::InputArguments;
use super::run::{Input, Loaded};
use crate::config::FILE_NAME;
use crate::version::PgVersion;

#[derive(Debug, clap::Args)]
pub(super) struct InitArguments {
    /// Replace an existing lockmaster.toml
    #[arg(long)]
    force: bool,
    /// Print it instead of writing it
    #[arg(long)]
    print: bool,
}

pub(super) fn run(arguments: &InitArguments) -> anyhow::Result<ExitCode> {
    let exists = Path::new(FILE_NAME).exists();
    if exists && !arguments.force && !arguments.print {
        bail!("`{FILE_NAME}` exists; `lockmaster init --force` replaces it");
    }
    // What an old file says is not to be found again.
    let input =
        Input::read(&InputArguments { paths: vec![".".into()], ..InputArguments::default() })?;
    let loaded = input.load()?;
    if loaded.found.sets.iter().all(|set| set.layout.name == "plain") {
        bail!("no migrations below `.`: there is nothing to write down");
    }
    let text = text(&loaded);
    let mut output = std::io::stdout().lock();
    if arguments.print {
        output.write_all(text.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut options = OpenOptions::new();
    options.write(true).truncate(true).create(true).create_new(!arguments.force);
    let mut file =
        options.open(FILE_NAME).with_context(|| format!("cannot write `{FILE_NAME}`"))?;
    file.write_all(text.as_bytes()).with_context(|| format!("cannot write `{FILE_NAME}`"))?;
    writeln!(output, "wrote {FILE_NAME}")?;
    for set in loaded.found.sets.iter().filter(|set| set.layout.name != "plain") {
        writeln!(
            output,
            "  {}: {} ({})",
            shown(&set.root),
            set.layout.title,
            set.evidence.join(", ")
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(path: &Path) -> String {
    if path.as_os_str().is_empty() { ".".to_owned() } else { path.display().to_string() }
}

fn text(loaded: &Loaded) -> String {
    let mut text = format!(
        "# How Lockmaster reads the migrations of this project.\n\n# The oldest server that runs them: 12 to 18.\npg-version = \"{}\"\n\n# From which severity on a run fails: \"error\", \"warning\", \"info\" or \"never\".\nfail-on = \"error\"\n\n# Paths to leave out.\nexclude = []\n",
        PgVersion::DEFAULT
    );
    for set in loaded.found.sets.iter().filter(|set| set.layout.name != "plain") {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n# Recognised by: {}.\n[[migrations]]\npath = {}\nlayout = \"{}\"\ntransaction = \"{}\" # \"runner\", \"message\" or \"none\"{}\nhistory = \"auto\" # \"complete\", \"partial\" or \"auto\"\n",
            set.evidence.join(", "),
            toml::Value::String(shown(&set.root)),
            set.layout.name,
            set.transaction.as_str(),
            if set.assumed { ": assumed, check it" } else { "" },
        );
    }
    text.push_str("\n[rules]\n# Rules or categories; `lockmaster rules` lists them.\nignore = []\n\n[rules.severity]\n# missing-lock-timeout = \"error\"\n");
    text
}
