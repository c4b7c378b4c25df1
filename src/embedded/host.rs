//! Takes what is reported about derived files back to their host files.

use std::borrow::Cow;

use super::{Embedded, Piece, Quote};
use crate::diagnostic::{Diagnostic, Edit, Fix};
use crate::layout::Sources;
use crate::source::{FileId, Span};
use crate::sql;

/// Makes every diagnostic about a derived file one about its host file.
///
/// A fix stays only where each edit lies in a literal that has the same bytes and may hold the new ones;
/// otherwise its message becomes a thing to do.
pub fn to_host(diagnostics: &mut [Diagnostic], sources: &Sources) {
    for diagnostic in diagnostics {
        let fix = diagnostic.fix.take();
        if let Some(fix) = fix {
            match fix_in_host(&fix, sources) {
                Some(fix) => diagnostic.fix = Some(Box::new(fix)),
                None if diagnostic.help.is_none() => diagnostic.help = Some(fix.message),
                None => {}
            }
        }
        for label in &mut diagnostic.labels {
            (label.file, label.span) = place(sources, label.file, label.span);
        }
        let file = diagnostic.file;
        for span in &mut diagnostic.redact {
            *span = place(sources, file, *span).1;
        }
        (diagnostic.file, diagnostic.span) = place(sources, file, diagnostic.span);
    }
}

/// Returns where a place in a file is in the file that people edit.
fn place(sources: &Sources, file: FileId, span: Span) -> (FileId, Span) {
    let Some(embedded) = &sources.get(file).embedded else { return (file, span) };
    let place = embedded.host_span(span);
    // A call that was translated is shown by its first line if it is long.
    let place =
        if embedded.is_exact(span) { place } else { sql::head(sources.get(embedded.host), place) };
    (embedded.host, place)
}

fn fix_in_host(fix: &Fix, sources: &Sources) -> Option<Fix> {
    let is_derived = |file: FileId| sources.get(file).embedded.is_some();
    if !fix.edits.iter().any(|edit| is_derived(edit.file)) {
        return Some(fix.clone());
    }
    if !fix.new_files.is_empty() {
        return None;
    }
    let edits = fix.edits.iter().map(|edit| match &sources.get(edit.file).embedded {
        Some(embedded) => embedded.edit(edit),
        None => Some(edit.clone()),
    });
    let message: Cow<'static, str> = fix.message.clone();
    Some(Fix {
        edits: edits.collect::<Option<_>>()?,
        message,
        ..Fix::new(fix.applicability, "", Vec::new())
    })
}

impl Embedded {
    fn is_exact(&self, span: Span) -> bool {
        let last = span.end.saturating_sub(1).max(span.start);
        [span.start, last]
            .into_iter()
            .all(|at| self.piece(at).is_some_and(|piece| piece.exact.is_some()))
    }

    /// Returns an edit of the host file that does the same.
    fn edit(&self, edit: &Edit) -> Option<Edit> {
        let Edit { span, text, .. } = edit;
        let first =
            self.pieces.partition_point(|piece| piece.start <= span.start).checked_sub(1)?;
        // What is inserted at the end of a literal is part of it.
        let first = match self.pieces.get(first) {
            Some(piece)
                if piece.exact.is_none() && span.start == piece.start && span.start == span.end =>
            {
                first.checked_sub(1)?
            }
            _ => first,
        };
        let rest = self.pieces.get(first..)?;
        let more = rest.iter().skip(1).take_while(|piece| piece.start < span.end);
        let pieces: Vec<&Piece> = rest.iter().take(1).chain(more).collect();
        let start = pieces.first()?;
        let quote = start.exact?;
        let end = pieces.last()?;
        let is_one = pieces
            .windows(2)
            .all(|pair| pair[0].host.end == pair[1].host.start && pair[1].exact == Some(quote));
        let is_mine = pieces.iter().all(|piece| !piece.is_shared);
        let host = Span {
            start: start.host.start + span.start.checked_sub(start.start)?,
            end: end.host.start + span.end.checked_sub(end.start)?,
        };
        let fits = host.end <= end.host.end && host.start <= start.host.end;
        (is_one && is_mine && fits && quote.takes(text)).then(|| Edit {
            file: self.host,
            span: host,
            text: text.clone(),
        })
    }
}

impl Quote {
    /// Returns whether a text may be written into the literal as it is.
    fn takes(self, text: &str) -> bool {
        let is_plain = |c: char| match c {
            '\\' | '%' | '#' | ':' | ';' => false,
            '\n' | '\r' => self.is_long,
            '{' | '}' => false,
            '"' | '\'' => c != self.mark,
            _ => !c.is_control(),
        };
        !self.is_template && text.chars().all(is_plain)
    }
}
