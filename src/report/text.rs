//! Diagnostics with source excerpts, for people.

use std::ops::Range;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::{Error, Files};
use codespan_reporting::term;
use codespan_reporting::term::termcolor::WriteColor;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Sources;
use crate::source::FileId;

/// How text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The columns of the terminal.
    pub width: usize,
    /// Whether characters beyond ASCII may draw lines.
    pub unicode: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self { width: 100, unicode: false }
    }
}

/// Writes diagnostics, each with the lines that it is about.
pub fn write(
    writer: &mut dyn WriteColor,
    sources: &Sources,
    diagnostics: &[Diagnostic],
    style: Style,
) -> std::io::Result<()> {
    let chars = if style.unicode { term::Chars::box_drawing() } else { term::Chars::ascii() };
    let config = term::Config { chars, tab_width: 4, ..term::Config::default() };
    let files = SourceFiles(sources);
    for diagnostic in diagnostics {
        let rendered = convert(sources, diagnostic, style);
        match term::emit_to_write_style(writer, &config, &files, &rendered) {
            Ok(()) => {}
            Err(Error::Io(error)) => return Err(error),
            // A span outside of its file is a bug of a rule; its message must not be lost for it.
            Err(_) => writeln!(
                writer,
                "{}[{}]: {}",
                diagnostic.severity.as_str(),
                diagnostic.rule,
                diagnostic.message
            )?,
        }
    }
    Ok(())
}

/// Returns diagnostics as text without colour.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], style: Style) -> String {
    let mut buffer = term::termcolor::NoColor::new(Vec::new());
    match write(&mut buffer, sources, diagnostics, style) {
        Ok(()) => String::from_utf8_lossy(&buffer.into_inner()).into_owned(),
        Err(error) => error.to_string(),
    }
}

fn convert(
    sources: &Sources,
    diagnostic: &Diagnostic,
    style: Style,
) -> codespan::Diagnostic<FileId> {
    let severity = match diagnostic.severity {
        Severity::Info => codespan::Severity::Note,
        Severity::Warning => codespan::Severity::Warning,
        Severity::Error => codespan::Severity::Error,
    };
    let length = |file: FileId| sources.get(file).text.len();
    let clip =
        |file, range: Range<usize>| range.start.min(length(file))..range.end.min(length(file));
    let primary =
        codespan::Label::primary(diagnostic.file, clip(diagnostic.file, diagnostic.span.range()))
            .with_message(diagnostic.place.clone().unwrap_or_default());
    let others = diagnostic.labels.iter().map(|label| {
        codespan::Label::secondary(label.file, clip(label.file, label.span.range()))
            .with_message(&label.message)
    });
    let help = diagnostic.help.iter().map(|help| format!("help: {help}"));
    let fix = diagnostic.fix.iter().map(|fix| {
        let flag = match fix.applicability {
            crate::diagnostic::Applicability::Safe => "--fix",
            crate::diagnostic::Applicability::Unsafe => "--fix --unsafe-fixes",
        };
        format!("fix: {} (`{flag}`)", fix.message)
    });
    let notes = help.chain(diagnostic.notes.iter().cloned()).chain(fix);
    codespan::Diagnostic::new(severity)
        .with_code(diagnostic.rule)
        .with_message(&diagnostic.message)
        .with_labels(std::iter::once(primary).chain(others).collect())
        .with_notes(notes.map(|note| wrap(&note, style.width)).collect())
}

/// Breaks a note so that it fits the terminal behind the frame that is drawn before it.
fn wrap(note: &str, width: usize) -> String {
    let width = width.saturating_sub(8).max(40);
    let lines = note.lines().map(|line| {
        let is_code = line.starts_with("    ");
        if is_code { line.to_owned() } else { textwrap::fill(line, width) }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The files of a run, as the renderer asks for them.
struct SourceFiles<'a>(&'a Sources);

impl<'a> Files<'a> for SourceFiles<'a> {
    type FileId = FileId;
    type Name = String;
    type Source = &'a str;

    fn name(&'a self, id: FileId) -> Result<String, Error> {
        Ok(self.0.get(id).path.display().to_string())
    }

    fn source(&'a self, id: FileId) -> Result<&'a str, Error> {
        Ok(&self.0.get(id).text)
    }

    fn line_index(&'a self, id: FileId, offset: usize) -> Result<usize, Error> {
        Ok(self.0.get(id).line_index(offset))
    }

    fn line_range(&'a self, id: FileId, line: usize) -> Result<Range<usize>, Error> {
        let file = self.0.get(id);
        let max = file.line_count();
        file.line_range(line).ok_or(Error::LineTooLarge { given: line, max })
    }
}
