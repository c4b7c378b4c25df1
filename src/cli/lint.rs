//! `lockmaster lint`.

use std::collections::HashSet;
use std::io::{BufWriter, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use codespan_reporting::term::termcolor::{Ansi, NoColor, WriteColor};

use super::InputArguments;
use super::run::{Found, Input, Loaded, Outcome};
use crate::config::FailOn;
use crate::discover;
use crate::fix::{self, FixOptions};
use crate::report::{self, Format, Report, Style, Summary};
use crate::source::SourceFile;

#[derive(Debug, clap::Args)]
pub(super) struct LintArguments {
    #[command(flatten)]
    input: InputArguments,
    /// How to print diagnostics: text, concise, json, jsonl or github
    #[arg(long, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// From which severity on the exit code is 1: error, warning, info or never
    #[arg(long, value_name = "SEVERITY")]
    fail_on: Option<FailOn>,
    /// Compare with a git revision: report migrations that it has and that are others now, and new
    /// ones that come before them
    #[arg(long, value_name = "REVISION")]
    since: Option<String>,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: When,
    /// Apply the fixes that leave the schema and the way the migration runs as they are
    #[arg(long)]
    fix: bool,
    /// With --fix or --diff: the other fixes too; read the difference before you commit it
    #[arg(long)]
    unsafe_fixes: bool,
    /// Print what the fixes would change, and write nothing
    #[arg(long)]
    diff: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum When {
    Auto,
    Always,
    Never,
}

pub(super) fn run(arguments: &LintArguments) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut input = Input::read(&arguments.input)?;
    if input.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    input.look_back(&loaded, arguments.since.as_deref())?;
    let outcome = with_progress(&loaded, || input.check(&loaded.sources, &loaded.found));
    if arguments.fix || arguments.diff {
        return repair(arguments, &input, &loaded, &outcome, started);
    }
    let summary = summary(&input, &loaded, &outcome, started);
    write(arguments, &loaded, &outcome, summary, &input)?;
    let code = exit_code(arguments, &loaded.found, &outcome);
    // The program ends: the system takes memory back faster than we can give it back piece by piece.
    std::mem::forget((loaded, outcome));
    Ok(code)
}

fn write(
    arguments: &LintArguments,
    loaded: &Loaded,
    outcome: &Outcome,
    summary: Summary,
    input: &Input,
) -> std::io::Result<()> {
    let version = loaded.found.configs.first().map(|config| input.target(config).version);
    let report = Report {
        sources: &loaded.sources,
        sets: &loaded.found.sets,
        checked: &outcome.checked,
        diagnostics: &outcome.diagnostics,
        version: version.unwrap_or_default(),
        summary,
    };
    let mut buffer = BufWriter::with_capacity(1 << 16, std::io::stdout().lock());
    {
        let mut plain;
        let mut coloured;
        let writer: &mut dyn WriteColor =
            if arguments.format == Format::Text && has_color(arguments.color) {
                coloured = Ansi::new(&mut buffer);
                &mut coloured
            } else {
                plain = NoColor::new(&mut buffer);
                &mut plain
            };
        report::write(arguments.format, &report, style(), writer)?;
    }
    buffer.flush()
}

fn summary(input: &Input, loaded: &Loaded, outcome: &Outcome, started: Instant) -> Summary {
    let sets = &loaded.found.sets;
    let idle: HashSet<_> = sets
        .iter()
        .flat_map(|set| &set.not_applied)
        .filter(|idle| idle.section.is_none())
        .map(|idle| idle.file)
        .collect();
    Summary {
        sets: sets.len(),
        files: loaded.sources.files.iter().filter(|file| is_migration(file)).count(),
        files_not_applied: idle.len(),
        statements: outcome.checked.iter().map(|set| set.statements).sum(),
        not_analysed: outcome.checked.iter().map(|set| set.not_analysed).sum(),
        seconds: started.elapsed().as_secs_f64(),
        suppressed: outcome.suppressed,
        notes: input.notes(loaded),
    }
}

/// Returns whether a file counts as read: journals and what was taken out of others do not.
fn is_migration(file: &SourceFile) -> bool {
    file.embedded.is_none() && !discover::is_journal(&file.path)
}

fn exit_code(arguments: &LintArguments, found: &Found, outcome: &Outcome) -> ExitCode {
    let configs = &found.configs;
    let anywhere = configs.iter().find_map(|config| config.fail_on());
    let fails = outcome.diagnostics.iter().any(|diagnostic| {
        let own = diagnostic.migration.and_then(|migration| configs.get(migration.set));
        let configured = own.map_or(anywhere, |config| config.fail_on());
        arguments.fail_on.or(configured).unwrap_or_default().includes(diagnostic.severity)
    });
    if fails { ExitCode::from(1) } else { ExitCode::SUCCESS }
}

/// Applies fixes, or prints what they would change.
fn repair(
    arguments: &LintArguments,
    input: &Input,
    loaded: &Loaded,
    outcome: &Outcome,
    started: Instant,
) -> anyhow::Result<ExitCode> {
    let options = FixOptions { unsafe_fixes: arguments.unsafe_fixes, diff: arguments.diff };
    let lint = |sources: &crate::layout::Sources| {
        let mut trees = loaded.trees.clone();
        let mut sources = sources.clone();
        discover::update_derived(&loaded.sources, &mut sources);
        let sources = &sources;
        for (at, file) in sources.files.iter().enumerate().skip(loaded.sources.files.len()) {
            discover::add_file(&mut trees, file, at);
        }
        match input.recognise(&trees, sources) {
            Ok(found) => input.check(sources, &found).diagnostics,
            // The configuration was read before: it cannot have become wrong.
            Err(_) => outcome.diagnostics.clone(),
        }
    };
    let mut output = BufWriter::new(std::io::stdout().lock());
    let fixed = fix::run(options, &loaded.sources, &outcome.diagnostics, &lint, &mut output)?;
    output.flush()?;
    let mut error = std::io::stderr();
    writeln!(error, "{fixed}")?;
    if arguments.diff {
        return Ok(exit_code(arguments, &loaded.found, outcome));
    }
    // What is left is read from disk, as the next run would.
    let loaded = input.load()?;
    let outcome = input.check(&loaded.sources, &loaded.found);
    let summary = summary(input, &loaded, &outcome, started);
    write(arguments, &loaded, &outcome, summary, input)?;
    Ok(exit_code(arguments, &loaded.found, &outcome))
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

/// Returns whether standard output takes colour and nobody objects.
pub(super) fn has_color(when: When) -> bool {
    match when {
        When::Always => true,
        When::Never => false,
        When::Auto => {
            std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
                && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
                && std::io::stdout().is_terminal()
        }
    }
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
