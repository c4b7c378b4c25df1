//! Output formats: what a run found goes in, text for people or programs comes out.

mod concise;
mod excerpt;
mod fingerprint;
mod github;
mod json;
mod line;
mod summary;
pub mod text;
mod visible;

use std::fmt;
use std::io;
use std::path::{MAIN_SEPARATOR, Path};
use std::str::FromStr;

use codespan_reporting::term::termcolor::WriteColor;
use rayon::prelude::*;

pub use fingerprint::stamp_fingerprints;
pub use summary::write_summary;
pub use text::Style;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{MigrationSet, Sources};
use crate::source::{FileId, Span};
use crate::version::PgVersion;

/// What a run found, as every format gets it.
#[derive(Debug)]
pub struct Report<'a> {
    /// All files.
    pub sources: &'a Sources,
    /// The sets.
    pub sets: &'a [MigrationSet],
    /// What checking each set told beside its diagnostics, in the order of `sets`.
    pub checked: &'a [SetSummary],
    /// The diagnostics, sorted.
    pub diagnostics: &'a [Diagnostic],
    /// The target.
    pub version: PgVersion,
    /// The figures.
    pub summary: Summary,
}

/// What checking one set told beside its diagnostics.
#[derive(Clone, Debug, Default)]
pub struct SetSummary {
    /// Whether the files begin with what creates their tables.
    pub is_complete: bool,
    /// Whether that was worked out from the files, not read in the configuration.
    pub is_assumed: bool,
    /// How many statements were read.
    pub statements: usize,
    /// How many pieces of SQL were not understood.
    pub not_analysed: usize,
}

/// The figures of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// How many directories of migrations there were.
    pub sets: usize,
    /// How many files were read.
    pub files: usize,
    /// How many of them no runner applies.
    pub files_not_applied: usize,
    /// How many statements were read.
    pub statements: usize,
    /// How many pieces of SQL were not understood.
    pub not_analysed: usize,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// How many diagnostics were suppressed.
    pub suppressed: usize,
    /// What else the reader must know, such as a fall-back that was taken.
    pub notes: Vec<String>,
}

impl Report<'_> {
    /// Returns how many diagnostics have that severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == severity).count()
    }
}

/// An output format of `lint`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Excerpts and a summary, for people.
    #[default]
    Text,
    /// One line per diagnostic, for `grep` and editors.
    Concise,
    /// One JSON document.
    Json,
    /// One JSON document per line.
    Jsonl,
    /// Workflow commands, which GitHub Actions shows beside the lines.
    Github,
}

impl Format {
    /// Every format.
    pub const ALL: &[Self] = &[Self::Text, Self::Concise, Self::Json, Self::Jsonl, Self::Github];

    /// Returns the name on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Concise => "concise",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Github => "github",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let found = Self::ALL.iter().copied().find(|format| format.as_str() == text);
        found.ok_or_else(|| FormatError { text: text.to_owned() })
    }
}

/// A text that names no format.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a format: text, concise, json, jsonl or github")]
pub struct FormatError {
    text: String,
}

/// Writes a report. `style` is for text only; colour is up to the writer.
pub fn write(
    format: Format,
    report: &Report,
    style: Style,
    writer: &mut dyn WriteColor,
) -> io::Result<()> {
    match format {
        Format::Text => text::write(report, style, writer),
        Format::Concise => concise::write(report, writer),
        Format::Json => json::write(report, writer),
        Format::Jsonl => json::write_lines(report, writer),
        Format::Github => github::write(report, writer),
    }?;
    writer.flush()
}

/// Sorts diagnostics as every format prints them: by path, place and rule.
pub fn sort(diagnostics: &mut [Diagnostic], sources: &Sources) {
    // Comparing paths takes long, and files are mostly in order already.
    let mut files: Vec<(FileId, &Path)> =
        (0..).map(FileId).zip(sources.files.iter().map(|file| file.path.as_path())).collect();
    files.sort_by_key(|(_, path)| *path);
    let mut ranks = vec![0; files.len()];
    for (rank, same) in files.chunk_by(|(_, a), (_, b)| a == b).enumerate() {
        same.iter().for_each(|(file, _)| ranks[file.index()] = rank);
    }
    let key = |d: &Diagnostic| (ranks[d.file.index()], d.span, d.rule, d.file);
    diagnostics
        .par_sort_unstable_by(|a, b| key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message)));
}

/// Returns a path as every format prints it: with forward slashes on every system.
fn shown_path(path: &Path) -> String {
    let path = path.display().to_string();
    if MAIN_SEPARATOR == '/' { path } else { path.replace(MAIN_SEPARATOR, "/") }
}

/// Returns a span that lies inside a text of `length` bytes and does not end before it begins.
fn clamp(span: Span, length: usize) -> std::ops::Range<usize> {
    let start = (span.start as usize).min(length);
    start..(span.end as usize).clamp(start, length)
}

/// Returns the number of something with its noun.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
