//! The source lines that a diagnostic is about, as the renderer asks for them: only these lines, each
//! as it may be shown, under the numbers that they have in their files.

use std::collections::BTreeMap;
use std::ops::Range;

use codespan_reporting::diagnostic::{Label, LabelStyle};
use codespan_reporting::files::{Error, Files, Location};
use unicode_width::UnicodeWidthStr;

use super::line::{self, Line, char_start};
use super::{clamp, shown_path, visible};
use crate::diagnostic::Diagnostic;
use crate::layout::Sources;
use crate::source::{FileId, SourceFile, Span};

/// How many lines the renderer shows where a place of several lines begins, and one more, which it
/// shows rather than a gap of one line.
const FIRST_LINES: usize = 5;

/// The same where such a place ends.
const LAST_LINES: usize = 3;

/// The narrowest excerpt.
const LEAST_WIDTH: usize = 30;

/// The parts of each file that no excerpt shows.
#[derive(Debug, Default)]
pub(super) struct Secrets(BTreeMap<FileId, Vec<Range<usize>>>);

impl Secrets {
    /// Collects what any of the diagnostics keeps from being shown: another one may be about the
    /// same line.
    pub(super) fn new(diagnostics: &[Diagnostic], sources: &Sources) -> Self {
        let mut secrets = Self::default();
        for diagnostic in diagnostics {
            let length = sources.get(diagnostic.file).text.len();
            let hidden = diagnostic.redact.iter().map(|&span| clamp(span, length));
            secrets.0.entry(diagnostic.file).or_default().extend(hidden);
        }
        for parts in secrets.0.values_mut() {
            parts.sort_unstable_by_key(|part| part.start);
            parts.dedup_by(|next, last| {
                let touches = next.start <= last.end;
                if touches {
                    last.end = last.end.max(next.end);
                }
                touches
            });
        }
        secrets
    }

    /// Returns the secret parts that lie in a range of a file or reach into it, in order and apart.
    pub(super) fn within(&self, file: FileId, range: &Range<usize>) -> &[Range<usize>] {
        let all = self.0.get(&file).map(Vec::as_slice).unwrap_or_default();
        let first = all.partition_point(|secret| secret.end <= range.start);
        let len = all[first..].partition_point(|secret| secret.start < range.end);
        &all[first..first + len]
    }
}

/// The lines that one diagnostic is about, by file.
pub(super) struct Excerpts {
    files: Vec<Excerpt>,
    /// The places, in the text that is shown.
    pub(super) labels: Vec<Label<usize>>,
}

/// The lines of one file.
#[derive(Debug, Default)]
struct Excerpt {
    name: String,
    text: String,
    lines: Vec<ShownLine>,
    /// Where the shown places are in the file, by the offsets at which they are shown.
    locations: Vec<(usize, Location)>,
}

/// A line of an excerpt.
#[derive(Debug)]
struct ShownLine {
    /// What the renderer calls it: neighbours differ by one, lines with a gap between them by more.
    index: usize,
    /// Its number in the file, from 1.
    number: usize,
    /// Where it is in the excerpt's text.
    range: Range<usize>,
}

/// A place to point at.
struct Mark<'a> {
    file: FileId,
    range: Range<usize>,
    lines: Range<usize>,
    style: LabelStyle,
    message: &'a str,
}

impl Mark<'_> {
    fn is_multiline(&self) -> bool {
        self.lines.start < self.lines.end
    }
}

impl Excerpts {
    /// Cuts out the lines of a diagnostic for a terminal of `width` columns.
    pub(super) fn new(
        diagnostic: &Diagnostic,
        sources: &Sources,
        secrets: &Secrets,
        width: usize,
    ) -> Self {
        let message = diagnostic.place.as_deref().unwrap_or_default();
        let primary = mark(sources, diagnostic.file, diagnostic.span, LabelStyle::Primary, message);
        let others = diagnostic.labels.iter().map(|label| {
            mark(sources, label.file, label.span, LabelStyle::Secondary, &label.message)
        });
        let marks: Vec<Mark> = std::iter::once(primary).chain(others).collect();
        let last = marks.iter().map(|mark| mark.lines.end + 1).max().unwrap_or_default();
        let gutter = last.to_string().len() + " | ".len();

        let mut ids: Vec<FileId> = Vec::new();
        for mark in &marks {
            if !ids.contains(&mark.file) {
                ids.push(mark.file);
            }
        }
        let mut excerpts = Self { files: Vec::new(), labels: Vec::new() };
        for id in ids {
            let here: Vec<&Mark> = marks.iter().filter(|mark| mark.file == id).collect();
            let frames = 2 * here.iter().filter(|mark| mark.is_multiline()).count();
            let limit = width.saturating_sub(gutter + frames).max(LEAST_WIDTH);
            excerpts.add(id, sources.get(id), &here, secrets, limit);
        }
        excerpts
    }

    /// Adds the lines of one file.
    fn add(
        &mut self,
        id: FileId,
        file: &SourceFile,
        marks: &[&Mark],
        secrets: &Secrets,
        limit: usize,
    ) {
        let name = visible::one_line(&shown_path(&file.path)).into_owned();
        let mut excerpt = Excerpt { name, ..Excerpt::default() };
        let mut starts = vec![0; marks.len()];
        let mut ends = vec![0; marks.len()];
        for number in lines_to_show(marks) {
            let range = content(file, number);
            let places: Vec<usize> =
                marks.iter().filter_map(|mark| place(mark, number, &range)).collect();
            let source = line::Source {
                text: &file.text[range.clone()],
                skip: if range.start == 0 { file.text_start() } else { 0 },
                base: range.start,
                secrets: secrets.within(id, &range),
            };
            let line = Line::new(source, &places, limit);
            let base = excerpt.push(number, &line.text);
            for (at, mark) in marks.iter().enumerate() {
                if mark.lines.start == number {
                    starts[at] = base + line.start(mark.range.start - range.start);
                }
                if mark.lines.end == number {
                    ends[at] = base + line.end(mark.range.end.saturating_sub(range.start));
                }
            }
        }
        for (mark, (start, end)) in marks.iter().zip(starts.into_iter().zip(ends)) {
            let position = file.position(Span::new(mark.range.clone()).start);
            let location = Location { line_number: position.line, column_number: position.column };
            excerpt.locations.push((start, location));
            let end = end.max(start);
            let label = Label::new(mark.style, self.files.len(), start..end);
            let message = visible::one_line(mark.message);
            // The renderer writes a message below the line, not behind it, where places overlap.
            if !mark.is_multiline() && excerpt.column(end) + 1 + message.width() > limit {
                self.labels.push(label.clone());
            }
            self.labels.push(label.with_message(message));
        }
        self.files.push(excerpt);
    }

    fn excerpt(&self, id: usize) -> Result<&Excerpt, Error> {
        self.files.get(id).ok_or(Error::FileMissing)
    }
}

impl Excerpt {
    /// Adds a line; returns where it begins.
    fn push(&mut self, line: usize, text: &str) -> usize {
        let base = self.text.len();
        self.text.push_str(text);
        let range = base..self.text.len();
        // Keeps the end of a line apart from the beginning of the next.
        self.text.push('\n');
        let number = line + 1;
        let index = match self.lines.last() {
            Some(last) if last.number + 1 == number => last.index + 1,
            Some(last) => last.index + 3,
            None => 0,
        };
        self.lines.push(ShownLine { index, number, range });
        base
    }

    /// Returns the column of an offset, from 0.
    fn column(&self, offset: usize) -> usize {
        let start = self.last(|line| line.range.start <= offset).map_or(0, |line| line.range.start);
        self.text.get(start..offset).map_or(0, UnicodeWidthStr::width)
    }

    /// Returns the last line for which `is_before` holds, or else the first.
    fn last(&self, is_before: impl Fn(&ShownLine) -> bool) -> Result<&ShownLine, Error> {
        let at = self.lines.partition_point(is_before).saturating_sub(1);
        self.lines.get(at).ok_or(Error::LineTooLarge { given: at, max: 0 })
    }
}

/// Makes a mark of a span, whatever the span is.
fn mark<'a>(
    sources: &Sources,
    id: FileId,
    span: Span,
    style: LabelStyle,
    message: &'a str,
) -> Mark<'a> {
    let file = sources.get(id);
    let text = &file.text;
    let span = clamp(span, text.len());
    let start = char_start(text, span.start);
    let end = (span.end..=text.len()).find(|&at| text.is_char_boundary(at)).unwrap_or(start);
    // A line break at the end belongs to the line that it ends.
    let marked = &text[start..end];
    let end = if marked.contains('\n') { start + marked.trim_end().len() } else { end };
    let lines = file.line_index(start)..file.line_index(end);
    Mark { file: id, range: start..end, lines, style, message }
}

/// Returns the bytes of a line without its line break.
fn content(file: &SourceFile, line: usize) -> Range<usize> {
    let range = file.line_range(line).unwrap_or(0..0);
    let text = &file.text[range.clone()];
    let text = match text.strip_suffix('\n') {
        Some(text) => text.strip_suffix('\r').unwrap_or(text),
        None => text,
    };
    range.start..range.start + text.len()
}

/// Returns the lines that the renderer may ask for: all of a short place, the ends of a long one, and
/// single lines between them.
fn lines_to_show(marks: &[&Mark]) -> Vec<usize> {
    let mut lines: Vec<usize> = marks
        .iter()
        .flat_map(|mark| {
            let Range { start, end } = mark.lines;
            let first = start..=end.min(start + FIRST_LINES - 1);
            first.chain(start.max((end + 1).saturating_sub(LAST_LINES))..=end)
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    let gaps: Vec<usize> =
        lines.windows(2).filter(|pair| pair[0] + 2 == pair[1]).map(|pair| pair[0] + 1).collect();
    lines.extend(gaps);
    lines.sort_unstable();
    lines
}

/// Returns the offset in a line that must be seen for a mark, if there is one.
fn place(mark: &Mark, line: usize, range: &Range<usize>) -> Option<usize> {
    match line {
        _ if line == mark.lines.start => Some(mark.range.start.saturating_sub(range.start)),
        _ if line == mark.lines.end => {
            Some(mark.range.end.saturating_sub(range.start).saturating_sub(1))
        }
        _ => None,
    }
}

impl<'a> Files<'a> for Excerpts {
    type FileId = usize;
    type Name = &'a str;
    type Source = &'a str;

    fn name(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.excerpt(id)?.name)
    }

    fn source(&'a self, id: usize) -> Result<&'a str, Error> {
        Ok(&self.excerpt(id)?.text)
    }

    fn line_index(&'a self, id: usize, offset: usize) -> Result<usize, Error> {
        Ok(self.excerpt(id)?.last(|line| line.range.start <= offset)?.index)
    }

    fn line_number(&'a self, id: usize, index: usize) -> Result<usize, Error> {
        Ok(self.excerpt(id)?.last(|line| line.index <= index)?.number)
    }

    fn line_range(&'a self, id: usize, index: usize) -> Result<Range<usize>, Error> {
        let line = self.excerpt(id)?.last(|line| line.index <= index)?;
        // A line in a gap is asked for, but not shown.
        Ok(if line.index == index { line.range.clone() } else { 0..0 })
    }

    fn location(&'a self, id: usize, offset: usize) -> Result<Location, Error> {
        let locations = &self.excerpt(id)?.locations;
        let found = locations.iter().find(|(shown, _)| *shown == offset);
        found.map(|&(_, location)| location).ok_or(Error::FileMissing)
    }
}
