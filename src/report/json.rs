//! JSON, as `docs/lint.schema.json` describes it.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::Serialize;

use super::{Report, fingerprint, shown_path};
use crate::diagnostic::{self, Applicability, Severity};
use crate::layout::{MigrationSet, Sources};
use crate::rules;
use crate::source::{FileId, SourceFile};

/// The version of the document's form; raised if a field is renamed or changes its meaning.
const VERSION: u32 = 1;

/// Writes one document.
pub(super) fn write(report: &Report, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    let document = Document { head: Head::new(report), diagnostics: diagnostics(report) };
    serde_json::to_writer_pretty(&mut *writer, &document)?;
    writeln!(writer)
}

/// Writes each diagnostic as a line, then all the rest as one.
pub(super) fn write_lines(report: &Report, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    for diagnostic in diagnostics(report) {
        serde_json::to_writer(&mut *writer, &diagnostic)?;
        writeln!(writer)?;
    }
    serde_json::to_writer(&mut *writer, &Head::new(report))?;
    writeln!(writer)
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    head: Head<'a>,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Head<'a> {
    version: u32,
    pg_version: String,
    summary: Summary<'a>,
    sets: Vec<Set<'a>>,
}

#[derive(Serialize)]
struct Summary<'a> {
    sets: usize,
    files: usize,
    files_not_applied: usize,
    statements: usize,
    not_analysed: usize,
    seconds: f64,
    errors: usize,
    warnings: usize,
    infos: usize,
    suppressed: usize,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Set<'a> {
    path: String,
    layout: &'a str,
    title: &'a str,
    evidence: &'a [String],
    transaction: &'a str,
    transaction_assumed: bool,
    complete: Option<bool>,
    complete_assumed: Option<bool>,
    migrations: usize,
    statements: Option<usize>,
    not_analysed: Option<usize>,
    not_applied: Vec<NotApplied<'a>>,
}

#[derive(Serialize)]
struct NotApplied<'a> {
    path: String,
    reason: &'a str,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    rule: &'a str,
    category: &'a str,
    severity: &'a str,
    message: &'a str,
    help: Option<&'a str>,
    notes: &'a [Cow<'static, str>],
    url: String,
    path: String,
    span: Span,
    place: Option<&'a str>,
    labels: Vec<Label<'a>>,
    migration: Option<Migration<'a>>,
    relations: &'a [String],
    locks: Vec<Lock<'a>>,
    fix: Option<Fix<'a>>,
    fingerprint: String,
}

#[derive(Serialize)]
struct Span {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
    offset: usize,
}

#[derive(Serialize)]
struct Label<'a> {
    path: String,
    span: Span,
    message: &'a str,
}

#[derive(Serialize)]
struct Migration<'a> {
    version: &'a str,
    name: &'a str,
    direction: &'a str,
}

#[derive(Serialize)]
struct Lock<'a> {
    relation: &'a str,
    mode: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    applicability: &'a str,
    message: &'a str,
    edits: Vec<Edit<'a>>,
    new_files: Vec<NewFile<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    path: String,
    start: usize,
    end: usize,
    replacement: &'a str,
}

#[derive(Serialize)]
struct NewFile<'a> {
    path: String,
    content: &'a str,
}

impl<'a> Head<'a> {
    fn new(report: &'a Report) -> Self {
        Self {
            version: VERSION,
            pg_version: report.version.to_string(),
            summary: Summary::new(report),
            sets: (0..report.sets.len()).map(|at| Set::new(report, at)).collect(),
        }
    }
}

impl<'a> Summary<'a> {
    fn new(report: &'a Report) -> Self {
        let summary = &report.summary;
        Self {
            sets: summary.sets,
            files: summary.files,
            files_not_applied: summary.files_not_applied,
            statements: summary.statements,
            not_analysed: summary.not_analysed,
            seconds: if summary.seconds.is_finite() { summary.seconds } else { 0.0 },
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            infos: report.count(Severity::Info),
            suppressed: summary.suppressed,
            notes: &summary.notes,
        }
    }
}

impl<'a> Set<'a> {
    fn new(report: &'a Report, at: usize) -> Self {
        let set: &MigrationSet = &report.sets[at];
        let checked = report.checked.get(at);
        let not_applied = set.not_applied.iter().map(|file| NotApplied {
            path: shown_path(&report.sources.get(file.file).path),
            reason: &file.reason,
        });
        Self {
            path: shown_path(&set.root),
            layout: set.layout.name,
            title: set.layout.title,
            evidence: &set.evidence,
            transaction: set.transaction.as_str(),
            transaction_assumed: set.assumed,
            complete: checked.map(|checked| checked.is_complete),
            complete_assumed: checked.map(|checked| checked.is_assumed),
            migrations: set.ups().count(),
            statements: checked.map(|checked| checked.statements),
            not_analysed: checked.map(|checked| checked.not_analysed),
            not_applied: not_applied.collect(),
        }
    }
}

fn diagnostics<'a>(report: &'a Report) -> Vec<Diagnostic<'a>> {
    let fingerprints = fingerprint::compute(report.diagnostics, report.sources);
    let pairs = report.diagnostics.iter().zip(fingerprints);
    pairs.map(|(diagnostic, computed)| Diagnostic::new(report, diagnostic, computed)).collect()
}

impl<'a> Diagnostic<'a> {
    fn new(report: &'a Report, from: &'a diagnostic::Diagnostic, computed: u64) -> Self {
        let file = report.sources.get(from.file);
        let labels = from.labels.iter().map(|label| Label {
            path: path(report.sources, label.file),
            span: Span::new(report.sources.get(label.file), label.span),
            message: &label.message,
        });
        let migration = from.migration.and_then(|place| {
            let migration = report.sets.get(place.set)?.migrations.get(place.index)?;
            Some(Migration {
                version: &migration.version.text,
                name: &migration.name,
                direction: migration.direction.as_str(),
            })
        });
        let locks =
            from.locks.iter().map(|(relation, mode)| Lock { relation, mode: mode.as_str() });
        Self {
            rule: from.rule,
            category: rules::by_name(from.rule).map_or("", |rule| rule.category()),
            severity: from.severity.as_str(),
            message: &from.message,
            help: from.help.as_deref(),
            notes: &from.notes,
            url: format!("rules/{}.md", from.rule),
            path: shown_path(&file.path),
            span: Span::new(file, from.span),
            place: from.place.as_deref(),
            labels: labels.collect(),
            migration,
            relations: &from.relations,
            locks: locks.collect(),
            fix: from.fix.as_ref().map(|fix| Fix::new(report.sources, fix)),
            fingerprint: format!("{:016x}", from.fingerprint.unwrap_or(computed)),
        }
    }
}

impl Span {
    fn new(file: &SourceFile, span: crate::source::Span) -> Self {
        let range = super::clamp(span, file.text.len());
        let span = crate::source::Span::new(range);
        Self { start: Position::new(file, span.start), end: Position::new(file, span.end) }
    }
}

impl Position {
    fn new(file: &SourceFile, offset: u32) -> Self {
        let position = file.position(offset);
        Self { line: position.line, column: position.column, offset: position.offset }
    }
}

impl<'a> Fix<'a> {
    fn new(sources: &Sources, fix: &'a diagnostic::Fix) -> Self {
        let edits = fix.edits.iter().map(|edit| Edit {
            path: path(sources, edit.file),
            start: edit.span.start as usize,
            end: edit.span.end as usize,
            replacement: &edit.text,
        });
        let new_files = fix
            .new_files
            .iter()
            .map(|file| NewFile { path: shown_path(&file.path), content: &file.content });
        Self {
            applicability: match fix.applicability {
                Applicability::Safe => "safe",
                Applicability::Unsafe => "unsafe",
            },
            message: &fix.message,
            edits: edits.collect(),
            new_files: new_files.collect(),
        }
    }
}

fn path(sources: &Sources, file: FileId) -> String {
    shown_path(&sources.get(file).path)
}
