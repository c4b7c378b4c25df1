//! What a run read, what it assumed and what it found, in a few lines.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use codespan_reporting::term::termcolor::{Color, ColorSpec, WriteColor};

use super::text::wrap;
use super::{Report, SetSummary, Style, counted, shown_path, visible};
use crate::diagnostic::{Applicability, Severity};
use crate::layout::{MigrationSet, TransactionMode};
use crate::source::FileId;

/// With more diagnostics than this nobody counts them by hand.
const MANY: usize = 20;

/// The severities, the worst first.
const SEVERITIES: [Severity; 3] = [Severity::Error, Severity::Warning, Severity::Info];

/// Writes the summary that ends a report for people. Other formats that people look at may want it on
/// standard error.
pub fn write_summary(report: &Report, style: Style, writer: &mut dyn WriteColor) -> io::Result<()> {
    if report.diagnostics.len() > MANY {
        write_table(report, writer)?;
        writeln!(writer)?;
    }
    for (at, set) in report.sets.iter().enumerate() {
        paragraph(&set_line(report, set, report.checked.get(at)), style, writer)?;
    }
    paragraph(&read_line(report), style, writer)?;
    for note in &report.summary.notes {
        paragraph(note, style, writer)?;
    }
    write_fixable(report, writer)?;
    if report.summary.suppressed > 0 {
        writeln!(writer, "suppressed: {}", counted(report.summary.suppressed, "diagnostic"))?;
    }
    if report.summary.not_analysed > 0 {
        colored(writer, Severity::Warning, "not analysed")?;
        let count = counted(report.summary.not_analysed, "statement");
        writeln!(writer, ": {count}, so nothing is known of what that does")?;
    }
    write_verdict(report, writer)
}

fn paragraph(text: &str, style: Style, writer: &mut dyn WriteColor) -> io::Result<()> {
    for line in wrap("", "  ", &visible::one_line(text), style.width) {
        writeln!(writer, "{line}")?;
    }
    Ok(())
}

/// Writes how often each rule reported, the worst and most frequent first.
fn write_table(report: &Report, writer: &mut dyn WriteColor) -> io::Result<()> {
    let mut rules: BTreeMap<(Severity, &str), (usize, BTreeSet<FileId>)> = BTreeMap::new();
    for diagnostic in report.diagnostics {
        let (count, files) = rules.entry((diagnostic.severity, diagnostic.rule)).or_default();
        *count += 1;
        files.insert(diagnostic.file);
    }
    let mut rows: Vec<_> = rules.into_iter().collect();
    rows.sort_by(|((a, rule_a), (count_a, _)), ((b, rule_b), (count_b, _))| {
        b.cmp(a).then(count_b.cmp(count_a)).then(rule_a.cmp(rule_b))
    });
    let digits = rows.iter().map(|(_, (count, _))| count.to_string().len()).max().unwrap_or(0);
    let name = rows.iter().map(|((_, rule), _)| rule.len()).max().unwrap_or(0);
    for ((severity, rule), (count, files)) in rows {
        let files = counted(files.len(), "file");
        write!(writer, "{count:>digits$}  ")?;
        colored(writer, severity, severity.as_str())?;
        let padding = "warning".len() - severity.as_str().len();
        writeln!(writer, "{:padding$}  {rule:name$}  in {files}", "")?;
    }
    Ok(())
}

/// Says how many diagnostics the program can resolve.
fn write_fixable(report: &Report, writer: &mut dyn WriteColor) -> io::Result<()> {
    let count = |applicability| {
        let fixes = report.diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_ref());
        fixes.filter(|fix| fix.applicability == applicability).count()
    };
    match (count(Applicability::Safe), count(Applicability::Unsafe)) {
        (0, 0) => Ok(()),
        (safe, 0) => writeln!(writer, "fixable: {safe} with `--fix`"),
        (0, other) => writeln!(writer, "fixable: {other} with `--fix --unsafe-fixes`"),
        (safe, other) => {
            writeln!(
                writer,
                "fixable: {safe} with `--fix`, {other} more with `--fix --unsafe-fixes`"
            )
        }
    }
}

/// Says how a directory was understood.
fn set_line(report: &Report, set: &MigrationSet, checked: Option<&SetSummary>) -> String {
    let path = shown_path(&set.root);
    let path = if path.is_empty() { "." } else { &path };
    let mut line = format!("{path}: {}", set.layout.title);
    if !set.evidence.is_empty() {
        line.extend([" (", &set.evidence.join(", "), ")"]);
    }
    line.push_str(match set.transaction {
        TransactionMode::Runner if set.layout.all_pending => {
            "; all pending migrations in one transaction"
        }
        TransactionMode::Runner => "; each migration in a transaction",
        TransactionMode::Message => "; each file sent as one message",
        TransactionMode::None => "; each statement on its own",
    });
    if set.assumed {
        line.push_str(" (assumed)");
    }
    if let Some(checked) = checked {
        line.push_str("; history ");
        line.push_str(&history(report, set, checked));
    }
    line
}

fn history(report: &Report, set: &MigrationSet, checked: &SetSummary) -> String {
    match (checked.is_complete, checked.is_assumed) {
        (true, false) => "complete, as lockmaster.toml says".to_owned(),
        (false, false) => "partial, as lockmaster.toml says".to_owned(),
        (false, true) => "assumed partial: tables that it does not create may exist".to_owned(),
        (true, true) => match set.ups().next() {
            Some((_, first)) => {
                let path = &report.sources.get(first.file).path;
                let name = shown_path(path.strip_prefix(&set.root).unwrap_or(path));
                format!("assumed complete: begins with {name}")
            }
            None => "assumed complete".to_owned(),
        },
    }
}

/// Says what was read, in which time and for which server.
fn read_line(report: &Report) -> String {
    let summary = &report.summary;
    let migrations: usize = report.sets.iter().map(|set| set.ups().count()).sum();
    let not_applied = match summary.files_not_applied {
        0 => String::new(),
        count => format!(", {} never applied", counted(count, "file")),
    };
    let seconds = match summary.seconds {
        seconds if seconds < 0.01 => "less than 0.01 s".to_owned(),
        seconds => format!("{seconds:.2} s"),
    };
    format!(
        "read {} ({}{not_applied}), {} in {seconds}, for PostgreSQL {}",
        counted(summary.files, "file"),
        counted(migrations, "migration"),
        counted(summary.statements, "statement"),
        report.version,
    )
}

/// Writes the last line: the counts.
fn write_verdict(report: &Report, writer: &mut dyn WriteColor) -> io::Result<()> {
    if report.diagnostics.is_empty() {
        let verdict = match (report.summary.files, report.summary.not_analysed) {
            (0, _) => "nothing was checked",
            (_, 0) => "no problems found",
            _ => "no problems found in what was analysed",
        };
        let color = if report.summary.files == 0 { Color::Yellow } else { Color::Green };
        writer.set_color(ColorSpec::new().set_fg(Some(color)).set_bold(true))?;
        write!(writer, "{verdict}")?;
        writer.reset()?;
        return writeln!(writer);
    }
    let mut separator = "";
    for severity in SEVERITIES {
        let count = report.count(severity);
        if count > 0 {
            write!(writer, "{separator}")?;
            colored(writer, severity, severity.as_str())?;
            write!(writer, ": {count}")?;
            separator = ", ";
        }
    }
    let files: BTreeSet<FileId> = report.diagnostics.iter().map(|d| d.file).collect();
    let all = report.summary.files.max(files.len());
    writeln!(writer, ", in {} of {}", files.len(), counted(all, "file"))
}

/// Writes a word in the colour of a severity.
fn colored(writer: &mut dyn WriteColor, severity: Severity, word: &str) -> io::Result<()> {
    let color = match severity {
        Severity::Info => Color::Cyan,
        Severity::Warning => Color::Yellow,
        Severity::Error => Color::Red,
    };
    writer.set_color(ColorSpec::new().set_fg(Some(color)).set_bold(true).set_intense(true))?;
    write!(writer, "{word}")?;
    writer.reset()
}
