//! Output formats.

pub mod text;

use crate::diagnostic::Diagnostic;
use crate::layout::{MigrationSet, Sources};
use crate::version::PgVersion;

/// What a run found, as every format gets it.
#[derive(Debug)]
pub struct Report<'a> {
    /// All files.
    pub sources: &'a Sources,
    /// The sets.
    pub sets: &'a [MigrationSet],
    /// The diagnostics, sorted.
    pub diagnostics: &'a [Diagnostic],
    /// The target.
    pub version: PgVersion,
    /// The figures.
    pub summary: Summary,
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
    /// What else the reader must know: the layouts that were recognised, what was assumed.
    pub notes: Vec<String>,
}

/// Sorts diagnostics as every format prints them: by path, place and rule.
pub fn sort(diagnostics: &mut [Diagnostic], sources: &Sources) {
    diagnostics.sort_by(|a, b| {
        let key = |d: &Diagnostic| (sources.get(d.file).path.clone(), d.span, d.rule);
        key(a).cmp(&key(b)).then_with(|| a.message.cmp(&b.message))
    });
}
