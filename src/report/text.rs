//! Diagnostics with source excerpts, and a summary, for people.

use std::io;

use codespan_reporting::diagnostic as codespan;
use codespan_reporting::files::Error;
use codespan_reporting::term;
use codespan_reporting::term::termcolor::{Buffer, NoColor, WriteColor};
use rayon::prelude::*;

use super::excerpt::{Excerpts, Secrets};
use super::{Report, summary, visible};
use crate::diagnostic::{Applicability, Diagnostic, Severity};
use crate::layout::Sources;

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

/// The narrowest that text is wrapped to.
const LEAST_WIDTH: usize = 40;

/// Writes a report: the diagnostics, each with the lines that it is about, then the summary.
pub(super) fn write(report: &Report, style: Style, writer: &mut dyn WriteColor) -> io::Result<()> {
    write_diagnostics(report.sources, report.diagnostics, style, writer)?;
    summary::write_summary(report, style, writer)
}

/// Returns diagnostics as text without colour.
pub fn render(sources: &Sources, diagnostics: &[Diagnostic], style: Style) -> String {
    let mut buffer = NoColor::new(Vec::new());
    match write_diagnostics(sources, diagnostics, style, &mut buffer) {
        Ok(()) => String::from_utf8_lossy(&buffer.into_inner()).into_owned(),
        Err(error) => error.to_string(),
    }
}

/// So many diagnostics are drawn at once by all threads, before they are written.
const AT_ONCE: usize = 2048;

/// Writes diagnostics, each with the lines that it is about.
fn write_diagnostics(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    style: Style,
    writer: &mut dyn WriteColor,
) -> io::Result<()> {
    let chars = if style.unicode { term::Chars::box_drawing() } else { term::Chars::ascii() };
    let config = term::Config { chars, ..term::Config::default() };
    let drawing = Drawing {
        sources,
        config,
        secrets: Secrets::new(diagnostics, sources),
        width: style.width,
        has_color: writer.supports_color(),
    };
    for some in diagnostics.chunks(AT_ONCE) {
        let texts: Vec<Buffer> = some
            .par_chunks(AT_ONCE / 32)
            .map(|few| drawing.draw(few))
            .collect::<io::Result<_>>()?;
        texts.iter().try_for_each(|text| writer.write_all(text.as_slice()))?;
    }
    Ok(())
}

/// What diagnostics are drawn with.
struct Drawing<'a> {
    sources: &'a Sources,
    config: term::Config,
    secrets: Secrets,
    width: usize,
    has_color: bool,
}

impl Drawing<'_> {
    fn draw(&self, diagnostics: &[Diagnostic]) -> io::Result<Buffer> {
        let mut buffer = if self.has_color { Buffer::ansi() } else { Buffer::no_color() };
        let mut page = Page {
            writer: &mut buffer,
            styles: term::Styles::default(),
            is_header: false,
            spaces: 0,
        };
        for diagnostic in diagnostics {
            page.header(diagnostic, self.width)?;
            let excerpts = Excerpts::new(diagnostic, self.sources, &self.secrets, self.width);
            let rendered = codespan::Diagnostic::new(severity(diagnostic.severity))
                .with_labels(excerpts.labels.clone())
                .with_notes(notes(diagnostic, self.width));
            page.is_header = true;
            match term::emit_to_write_style(&mut page, &self.config, &excerpts, &rendered) {
                Ok(()) => {}
                Err(Error::Io(error)) => return Err(error),
                Err(error) => {
                    unreachable!("an excerpt holds the lines that its labels are on: {error}")
                }
            }
        }
        Ok(buffer)
    }
}

fn severity(severity: Severity) -> codespan::Severity {
    match severity {
        Severity::Info => codespan::Severity::Help,
        Severity::Warning => codespan::Severity::Warning,
        Severity::Error => codespan::Severity::Error,
    }
}

/// Returns what stands below the excerpt: what to do, what to know, what can be done at once.
fn notes(diagnostic: &Diagnostic, width: usize) -> Vec<String> {
    // Where the fix does just what the help says, it is said once.
    let is_fix = |help: &str| diagnostic.fix.as_ref().is_some_and(|f| f.message == help);
    let help = diagnostic.help.iter().filter(|help| !is_fix(help));
    let help = help.map(|help| ("help: ", help.to_string()));
    let notes = diagnostic.notes.iter().map(|note| ("", note.to_string()));
    let fix = diagnostic.fix.iter().map(|fix| {
        let flag = match fix.applicability {
            Applicability::Safe => "--fix",
            Applicability::Unsafe => "--fix --unsafe-fixes",
        };
        ("fix: ", format!("{} (`{flag}`)", fix.message))
    });
    help.chain(notes).chain(fix).map(|(kind, note)| wrap_note(kind, &note, width)).collect()
}

/// Breaks a note so that it fits the terminal behind the frame that is drawn before it. A line that is
/// indented is an example: it is left as it is.
fn wrap_note(kind: &str, note: &str, width: usize) -> String {
    let width = width.saturating_sub(8).max(LEAST_WIDTH);
    let indent = " ".repeat(kind.len());
    let note = visible::lines(note);
    let lines = note.lines().enumerate().flat_map(|(at, line)| {
        let first = if at == 0 { kind } else { &indent };
        if line.starts_with("    ") {
            vec![format!("{first}{line}")]
        } else {
            wrap(first, &indent, line, width)
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Stands for a space where no line may be broken; shown text has none of its own.
const FIXED_SPACE: &str = "\u{a0}";

/// Code up to this long stays on one line.
const SHORT_CODE: usize = 36;

/// Breaks a line between words. Neither a word nor short code in backticks is broken, so that it can
/// be copied.
pub(super) fn wrap(first: &str, others: &str, line: &str, width: usize) -> Vec<String> {
    let is_short_code = |at: usize, part: &str| at % 2 == 1 && part.len() <= SHORT_CODE;
    let parts = line.split('`').enumerate().map(|(at, part)| match part {
        part if is_short_code(at, part) => part.replace(' ', FIXED_SPACE),
        part => part.to_owned(),
    });
    let line = parts.collect::<Vec<_>>().join("`");

    let options = textwrap::Options::new(width.max(LEAST_WIDTH))
        .initial_indent(first)
        .subsequent_indent(others)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    textwrap::wrap(&line, options).iter().map(|line| line.replace(FIXED_SPACE, " ")).collect()
}

/// Where diagnostics are drawn: gives the renderer its colours, takes its header away, which cannot be
/// wrapped and calls an info a help, and drops white space at the ends of lines.
struct Page<'a> {
    writer: &'a mut dyn WriteColor,
    styles: term::Styles,
    /// Whether the renderer is writing its header.
    is_header: bool,
    /// How many spaces have to be written before anything but a line break.
    spaces: usize,
}

impl Page<'_> {
    fn header(&mut self, diagnostic: &Diagnostic, width: usize) -> io::Result<()> {
        let kind = format!("{}[{}]", diagnostic.severity.as_str(), diagnostic.rule);
        let message = visible::one_line(&diagnostic.message);
        let lines = wrap(&format!("{kind}: "), "  ", &message, width);
        self.writer.set_color(self.styles.header(severity(diagnostic.severity)))?;
        write!(self.writer, "{kind}")?;
        self.writer.set_color(&self.styles.header_message)?;
        let text = lines.join("\n");
        write!(self.writer, "{}", text.strip_prefix(&kind).unwrap_or(&text))?;
        self.writer.reset()?;
        writeln!(self.writer)
    }

    fn color(
        &mut self,
        style: impl Fn(&term::Styles) -> &term::termcolor::ColorSpec,
    ) -> io::Result<()> {
        if self.is_header { Ok(()) } else { self.writer.set_color(style(&self.styles)) }
    }
}

impl io::Write for Page<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        if self.is_header {
            let Some(end) = rest.iter().position(|&byte| byte == b'\n') else {
                return Ok(bytes.len());
            };
            self.is_header = false;
            rest = &rest[end + 1..];
        }
        for line in rest.split_inclusive(|&byte| byte == b'\n') {
            let (text, is_whole) = match line.strip_suffix(b"\n") {
                Some(text) => (text, true),
                None => (line, false),
            };
            let spaces = text.iter().rev().take_while(|&&byte| byte == b' ').count();
            let text = &text[..text.len() - spaces];
            if !text.is_empty() {
                write!(self.writer, "{:1$}", "", std::mem::take(&mut self.spaces))?;
                self.writer.write_all(text)?;
            }
            self.spaces += spaces;
            if is_whole {
                self.spaces = 0;
                self.writer.write_all(b"\n")?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl term::WriteStyle for Page<'_> {
    fn set_header(&mut self, severity: codespan::Severity) -> io::Result<()> {
        self.color(|styles| styles.header(severity))
    }

    fn set_header_message(&mut self) -> io::Result<()> {
        self.color(|styles| &styles.header_message)
    }

    fn set_line_number(&mut self) -> io::Result<()> {
        self.color(|styles| &styles.line_number)
    }

    fn set_note_bullet(&mut self) -> io::Result<()> {
        self.color(|styles| &styles.note_bullet)
    }

    fn set_source_border(&mut self) -> io::Result<()> {
        self.color(|styles| &styles.source_border)
    }

    fn set_label(
        &mut self,
        severity: codespan::Severity,
        style: codespan::LabelStyle,
    ) -> io::Result<()> {
        self.color(|styles| styles.label(severity, style))
    }

    fn reset(&mut self) -> io::Result<()> {
        if self.is_header { Ok(()) } else { self.writer.reset() }
    }
}
