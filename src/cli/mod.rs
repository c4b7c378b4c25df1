//! The command line: arguments in, exit code out.

mod completions;
mod explain;
mod init;
mod lint;
mod list;
mod locks;
mod new;
mod rules;
mod run;
mod schema;
mod since;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Lints PostgreSQL migrations: reads the whole history, and says what each statement will do.
#[derive(Debug, Parser)]
#[command(
    name = "lockmaster",
    version,
    about,
    max_term_width = 100,
    disable_help_subcommand = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check migrations and report what is wrong with them
    Lint(lint::LintArguments),
    /// Show which directories of migrations are recognised, and how
    List(list::ListArguments),
    /// Print the schema that the migrations leave, as SQL or JSON
    Schema(schema::SchemaArguments),
    /// Show what each statement locks, rewrites, scans and waits for
    Locks(locks::LocksArguments),
    /// Write the next migration, named and laid out as the runner wants it
    New(new::NewArguments),
    /// Write lockmaster.toml with what was recognised
    Init(init::InitArguments),
    /// List all rules
    Rules(rules::RulesArguments),
    /// Show the page of a rule
    Explain(explain::ExplainArguments),
    /// Print a completion script for a shell
    Completions(completions::CompletionsArguments),
}

/// Which files a command is about.
#[derive(Clone, Debug, Default, clap::Args)]
struct InputArguments {
    /// Directories or files; `-` reads one migration from standard input
    ///
    /// Without a path: the directories that lockmaster.toml names, or those recognised below the
    /// current folder. A file is read together with its whole directory, but only its own
    /// diagnostics are shown.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Read paths from a file, one on each line; `-` for standard input
    #[arg(long, value_name = "FILE")]
    files_from: Option<PathBuf>,
    /// What standard input is: its directory gives the history
    #[arg(long, value_name = "PATH")]
    stdin_filename: Option<PathBuf>,
    /// Read only files that match this glob
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leave out files and folders that match this glob
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Use this configuration instead of the nearest lockmaster.toml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The PostgreSQL version that the migrations are meant for: 12 to 18
    #[arg(long, value_name = "N")]
    pg_version: Option<String>,
}

/// Runs the program.
///
/// # Errors
///
/// What keeps it from running: a path that is not there, a configuration that is not valid.
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let pool = rayon::ThreadPoolBuilder::new().stack_size(crate::sql::STACK).build()?;
    let outcome = pool.install(|| match arguments.command {
        Command::Lint(arguments) => lint::run(&arguments),
        Command::List(arguments) => list::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
        Command::Locks(arguments) => locks::run(&arguments),
        Command::New(arguments) => new::run(&arguments),
        Command::Init(arguments) => init::run(&arguments),
        Command::Rules(arguments) => rules::run(&arguments),
        Command::Explain(arguments) => explain::run(&arguments),
        Command::Completions(arguments) => completions::run(&arguments, &mut std::io::stdout()),
    });
    match outcome {
        // Whoever reads the output has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        other => other,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let json =
            cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        let kind = cause.downcast_ref::<std::io::Error>().map(std::io::Error::kind).or(json);
        kind == Some(std::io::ErrorKind::BrokenPipe)
    })
}
