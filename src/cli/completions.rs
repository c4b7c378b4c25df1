//! `lockmaster completions`.

use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;

#[derive(Debug, clap::Args)]
pub(super) struct CompletionsArguments {
    /// The shell
    shell: clap_complete::Shell,
}

pub(super) fn run(
    arguments: &CompletionsArguments,
    writer: &mut dyn Write,
) -> anyhow::Result<ExitCode> {
    // Collected first, since the generator panics where it cannot write.
    let mut script = Vec::new();
    let mut command = super::Arguments::command();
    clap_complete::generate(arguments.shell, &mut command, "lockmaster", &mut script);
    writer.write_all(&script)?;
    Ok(ExitCode::SUCCESS)
}
