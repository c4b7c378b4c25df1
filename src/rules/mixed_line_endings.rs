use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::layout::{Compares, OnEdit};
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};

use super::files::{is_many, journal, list};

const HELP: &str = "write `*.sql -text` into .gitattributes, so that git keeps the bytes of files that were applied, and save new ones with LF";

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let Some(consequence) = consequence(cx).filter(|_| !cx.set.keeps_bytes) else { return };
    let ups: BTreeSet<FileId> = cx.set.ups().map(|(_, up)| up.file).collect();
    let files = ups.into_iter().map(|id| (id, cx.sources.get(id)));
    let counted: Vec<(FileId, &SourceFile, Endings)> = files
        .filter(|(_, file)| file.embedded.is_none() && file.encoding.is_none())
        .map(|(id, file)| (id, file, Endings::of(&file.text)))
        .collect();
    let mixed: Vec<_> = counted.iter().filter(|(.., endings)| endings.is_mixed()).collect();
    let names: Vec<String> = mixed.iter().map(|(id, ..)| cx.path(*id)).collect();
    if let (true, Some((id, file, _))) = (is_many(mixed.len()), mixed.first()) {
        let message = format!(
            "the checksums of {} files are others once git evens their line endings out: {}",
            mixed.len(),
            list(&names)
        );
        out.push(
            Diagnostic::new(*id, odd_line(file), message).help(HELP).note(consequence.clone()),
        );
    } else {
        out.extend(mixed.iter().zip(&names).map(|((id, file, _), name)| {
            let message = format!(
                "the checksum of `{name}` is another once git evens its line endings out: some lines end with CRLF, others with LF"
            );
            Diagnostic::new(*id, odd_line(file), message).help(HELP).note(consequence.clone())
        }));
    }
    between_files(cx, &counted, &consequence, out);
}

/// How many lines of a text end how.
#[derive(Clone, Copy)]
struct Endings {
    crlf: usize,
    lf: usize,
}

impl Endings {
    fn of(text: &str) -> Self {
        let crlf = text.matches("\r\n").count();
        Self { crlf, lf: text.matches('\n').count() - crlf }
    }

    fn is_mixed(self) -> bool {
        self.crlf > 0 && self.lf > 0
    }
}

/// Returns what becomes of a file with other line endings, as a sentence; nothing where they do not count.
fn consequence(cx: &HistoryContext) -> Option<String> {
    if journal(cx, "atlas.sum").is_some() {
        return Some(
            "Atlas stops where a file has other bytes than when atlas.sum was written".to_owned(),
        );
    }
    let books = cx.set.layout.bookkeeping();
    match books.edited {
        OnEdit::Fails(sentence) | OnEdit::Warns(sentence) if books.compares == Compares::Bytes => {
            Some(format!("{sentence} where a file was applied with other bytes"))
        }
        _ => None,
    }
}

/// Returns the first line that does not end as the first one does.
fn odd_line(file: &SourceFile) -> Span {
    let mut at = 0;
    let mut first = None;
    for line in file.text.split_inclusive('\n') {
        let is_crlf = line.ends_with("\r\n");
        if *first.get_or_insert(is_crlf) != is_crlf && line.ends_with('\n') {
            return Span::new(at..at + line.trim_end().len());
        }
        at += line.len();
    }
    Span::default()
}

/// Reports that some files end their lines with CRLF and others with LF.
fn between_files(
    cx: &HistoryContext,
    counted: &[(FileId, &SourceFile, Endings)],
    consequence: &str,
    out: &mut Vec<Diagnostic>,
) {
    let others = counted.iter().filter(|(.., endings)| endings.crlf == 0 && endings.lf > 0).count();
    let crlf: Vec<_> =
        counted.iter().filter(|(.., endings)| endings.crlf > 0 && endings.lf == 0).collect();
    let Some((id, file, _)) = crlf.first().filter(|_| others > 0) else { return };
    let names: Vec<String> = crlf.iter().map(|(id, ..)| cx.path(*id)).collect();
    let (checksums, their, are) = match names.len() {
        1 => ("checksum", "its", "is another"),
        _ => ("checksums", "their", "are others"),
    };
    let others =
        if others == 1 { "another file".to_owned() } else { format!("{others} other files") };
    let message = format!(
        "the {checksums} of {} {are} once git converts {their} line endings: {their} lines end with CRLF, and those of {others} with LF",
        list(&names)
    );
    let line = file.text.lines().next().unwrap_or_default();
    let place = Span::new(0..line.trim_end().len());
    out.push(Diagnostic::new(*id, place, message).help(HELP).note(consequence.to_owned()));
}
