//! Workflow commands, which GitHub Actions turns into annotations beside the lines.

use std::io::{self, Write};

use super::{Report, clamp, shown_path, visible};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Sources;
use crate::source::{FileId, Position, Span};

/// Writes one command per diagnostic.
pub(super) fn write(report: &Report, writer: &mut (impl Write + ?Sized)) -> io::Result<()> {
    for diagnostic in report.diagnostics {
        let file = report.sources.get(diagnostic.file);
        writeln!(
            writer,
            "::{} file={}{},title={}::{}",
            command(diagnostic.severity),
            property(&shown_path(&file.path)),
            place(report.sources, diagnostic.file, diagnostic.span),
            property(diagnostic.rule),
            data(&message(diagnostic, report.sources))
        )?;
    }
    Ok(())
}

fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Info => "notice",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// Returns the lines, and the columns where there is one line: the runner refuses columns of several.
fn place(sources: &Sources, id: FileId, span: Span) -> String {
    let (start, end) = positions(sources, id, span);
    let lines = format!(",line={},endLine={}", start.line, end.line);
    if start.line == end.line {
        format!("{lines},col={},endColumn={}", start.column, end.column)
    } else {
        lines
    }
}

fn positions(sources: &Sources, id: FileId, span: Span) -> (Position, Position) {
    let file = sources.get(id);
    let range = clamp(span, file.text.len());
    let is_break = |byte: &&u8| matches!(byte, b'\n' | b'\r');
    let breaks = file.text.as_bytes()[range.clone()].iter().rev().take_while(is_break).count();
    let span = Span::new(range.start..range.end - breaks);
    (file.position(span.start), file.position(span.end))
}

/// Returns all that a reader of the annotation has, for it shows no labels.
fn message(diagnostic: &Diagnostic, sources: &Sources) -> String {
    let mut lines = vec![diagnostic.message.clone()];
    lines
        .extend(diagnostic.place.iter().filter(|place| !place.is_empty()).map(ToString::to_string));
    lines.extend(diagnostic.labels.iter().map(|label| {
        let (start, _) = positions(sources, label.file, label.span);
        let path = shown_path(&sources.get(label.file).path);
        format!("{path}:{}:{}: {}", start.line, start.column, label.message)
    }));
    lines.extend(diagnostic.help.iter().map(|help| format!("help: {help}")));
    lines.extend(diagnostic.notes.iter().map(ToString::to_string));
    lines.join("\n")
}

/// Escapes what stands behind the second `::`.
fn data(text: &str) -> String {
    let text = text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    visible::one_line(&text).into_owned()
}

/// Escapes the value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
