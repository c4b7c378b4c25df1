//! `lockmaster lint`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use codespan_reporting::term::termcolor::{ColorChoice, StandardStream, WriteColor};

use super::InputArguments;
use super::run::{Input, Loaded, Outcome};
use crate::config::FailOn;
use crate::report::text::{self, Style};

#[derive(Debug, clap::Args)]
pub(super) struct LintArguments {
    #[command(flatten)]
    input: InputArguments,
    /// From which severity on the exit code is 1: error, warning, info or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum When {
    Auto,
    Always,
    Never,
}

pub(super) fn run(arguments: &LintArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let input = Input::read(&arguments.input)?;
    if input.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let outcome = with_progress(&loaded, || input.check(&loaded));
    let mut output = stream(arguments.color);
    text::write(&mut output, &loaded.sources, &outcome.diagnostics, style())?;
    writeln!(output, "{:?}", started.elapsed())?;
    output.flush()?;
    Ok(exit_code(arguments, &loaded, &outcome))
}

fn exit_code(arguments: &LintArguments, loaded: &Loaded, outcome: &Outcome) -> ExitCode {
    let configured = || loaded.configs.iter().find_map(|config| config.fail_on());
    let fail_on = arguments.fail_on.or_else(configured).unwrap_or_default();
    let fails = outcome.diagnostics.iter().any(|diagnostic| fail_on.includes(diagnostic.severity));
    if fails { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

/// Runs `work`; if it takes longer than a second and somebody watches, says so.
fn with_progress<T>(loaded: &Loaded, work: impl FnOnce() -> T) -> T {
    if !std::io::stderr().is_terminal() {
        return work();
    }
    let (done, is_done) = mpsc::channel::<()>();
    let files = loaded.sources.files.len();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let mut error = std::io::stderr();
            let timed_out = Err(mpsc::RecvTimeoutError::Timeout);
            if is_done.recv_timeout(Duration::from_secs(1)) == timed_out {
                // Nothing can be done where the terminal does not take it.
                let _ = write!(error, "\rchecking {files} files ...");
                let _ = is_done.recv();
                let _ = write!(error, "\r\x1b[K");
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Returns standard output, coloured if it is a terminal and nobody objects.
fn stream(when: When) -> impl WriteColor {
    let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
        && std::io::stdout().is_terminal();
    let choice = match when {
        When::Always => ColorChoice::Always,
        When::Auto if is_wanted => ColorChoice::Auto,
        When::Auto | When::Never => ColorChoice::Never,
    };
    StandardStream::stdout(choice)
}

/// Returns how text is laid out: as wide as the terminal.
fn style() -> Style {
    let is_terminal = std::io::stdout().is_terminal();
    let width =
        terminal_size::terminal_size().filter(|_| is_terminal).map(|(width, _)| width.0.into());
    let is_utf8 = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
        .is_some_and(|value| value.to_ascii_lowercase().replace('-', "").contains("utf8"));
    Style { width: width.unwrap_or(Style::default().width), unicode: is_terminal && is_utf8 }
}
