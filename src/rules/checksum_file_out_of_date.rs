use std::collections::BTreeSet;

use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};

use super::files::{beginning_of_file, journal, length};

mod sum;

use sum::Sum;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let Some((id, file)) = journal(cx, "atlas.sum") else { return };
    // What the configuration leaves out is in the sum too.
    if cx.set.is_partial || file.path.parent() != Some(&cx.set.root) {
        return;
    }
    let Some(files) = summed(cx) else { return };
    let expected = Sum::of(files.iter().map(|(_, file, name)| (*name, file.text.as_str())));
    let found = Sum::parse(&file.text);
    if found.as_ref() == Some(&expected) {
        return;
    }
    let stale = Stale { cx, id, file, files, expected };
    out.extend(match found {
        Some(found) => stale.differences(&found),
        None => stale.unreadable(),
    });
}

/// Returns the files that Atlas sums up, in its order; nothing where that is not certain.
fn summed<'a>(cx: &'a HistoryContext) -> Option<Vec<(FileId, &'a SourceFile, &'a str)>> {
    let end = match cx.set.layout.name {
        "atlas" | "goose" => ".sql",
        "golang-migrate" => ".up.sql",
        _ => return None,
    };
    let all = (0..).map(FileId).zip(&cx.sources.files).filter_map(|(id, file)| {
        let is_here = file.path.parent() == Some(&cx.set.root);
        let name = file.path.file_name()?.to_str()?;
        (is_here && name.ends_with(end) && file.embedded.is_none()).then_some((id, file, name))
    });
    let mut files: Vec<_> = all.collect();
    files.sort_by_key(|(_, _, name)| *name);
    let is_certain =
        |file: &SourceFile| file.encoding.is_none() && !file.text.contains("atlas:sum");
    files.iter().all(|(_, file, _)| is_certain(file)).then_some(files)
}

/// A checksum file that is not what its directory makes it.
struct Stale<'a> {
    cx: &'a HistoryContext<'a>,
    id: FileId,
    file: &'a SourceFile,
    files: Vec<(FileId, &'a SourceFile, &'a str)>,
    expected: Sum,
}

impl Stale<'_> {
    /// Reports what differs: each hash contains those before it, so of what was edited only the first is
    /// known.
    fn differences(&self, found: &Sum) -> Vec<Diagnostic> {
        let listed: BTreeSet<&str> = found.entries.iter().map(|(name, _)| name.as_str()).collect();
        let present: BTreeSet<&str> = self.files.iter().map(|(_, _, name)| *name).collect();
        let mut out = Vec::new();
        let first = self.expected.entries.iter().zip(&found.entries).find(|(a, b)| a != b);
        let edited = first.filter(|(a, b)| a.0 == b.0).map(|(a, _)| a.0.as_str());
        for (id, _, name) in &self.files {
            let what = if !listed.contains(name) {
                "is not in it"
            } else if edited == Some(*name) {
                "is not what it was"
            } else {
                continue;
            };
            let place = beginning_of_file(self.cx, *id);
            out.push(Diagnostic::new(*id, place, message(&format!("`{name}` {what}"))));
        }
        for name in listed.difference(&present) {
            let place = self.line_of(name);
            out.push(Diagnostic::new(self.id, place, message(&format!("`{name}` is not there"))));
        }
        if out.is_empty() {
            let place = self.line_of("h1:");
            out.push(Diagnostic::new(self.id, place, message("its lines do not fit together")));
        }
        let is_new = edited.is_none() && listed.is_subset(&present) && first.is_none();
        let fix = self.fix(is_new);
        let mut out: Vec<Diagnostic> =
            out.into_iter().map(|diagnostic| diagnostic.help(HELP)).collect();
        if let Some(first) = out.first_mut() {
            first.fix = Some(Box::new(fix));
        }
        out
    }

    fn unreadable(&self) -> Vec<Diagnostic> {
        let conflict = self.file.text.lines().any(|line| line.starts_with("<<<<<<<"));
        let what = if conflict { "it has conflicts" } else { "it cannot be read" };
        let place = self.line_of(if conflict { "<<<<<<<" } else { "" });
        let diagnostic = Diagnostic::new(self.id, place, message(what)).help(HELP);
        vec![diagnostic.fix(Some(self.fix(false)))]
    }

    /// Returns the line that begins with a text.
    fn line_of(&self, beginning: &str) -> Span {
        let mut at = Span::at(0);
        for line in self.file.text.split_inclusive('\n') {
            if line.starts_with(beginning) {
                return Span { start: at.start, end: at.start + length(line.trim_end()) };
            }
            at.start += length(line);
        }
        Span::at(0)
    }

    /// Makes the file what `atlas migrate hash` would write. What was edited may have been applied, so
    /// only adding files behind all others goes unread.
    fn fix(&self, is_new: bool) -> Fix {
        let all = Span::new(0..self.file.text.len());
        let edit = Edit { file: self.id, span: all, text: self.expected.to_string() };
        let applicability = if is_new { Applicability::Safe } else { Applicability::Unsafe };
        Fix::new(applicability, "write atlas.sum anew", vec![edit])
    }
}

const HELP: &str = "run `atlas migrate hash`, once it is certain that no applied file was changed";

fn message(what: &str) -> String {
    format!("Atlas refuses the directory, for atlas.sum is out of date: {what}")
}
