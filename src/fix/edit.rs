//! Edits applied to texts: texts in, texts out.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::diagnostic::{Edit, Fix};
use crate::layout::Sources;
use crate::source::{FileId, SourceFile, Span};

/// A file that fixes give another text, or add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The file; nothing for one that is new.
    pub file: Option<FileId>,
    /// Its path.
    pub path: PathBuf,
    /// The text before; empty for a new file.
    pub old: String,
    /// The text after.
    pub new: String,
}

/// An edit as it meets the bytes of its file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Replacement {
    start: usize,
    end: usize,
    text: String,
}

impl Replacement {
    /// Returns what `edit` does to `file`; nothing if its place is outside of the file or inside a
    /// character.
    pub(super) fn of(edit: &Edit, file: &SourceFile) -> Option<Self> {
        let Range { start, end } = place(file, edit.span)?;
        Some(Self { start, end, text: with_line_break(&edit.text, file.line_break()) })
    }

    /// Returns whether only one of two edits can be applied. Equal edits are one edit.
    pub(super) fn is_in_the_way_of(&self, other: &Self) -> bool {
        let overlaps = self.start < other.end && other.start < self.end;
        let same_place = self.is_insertion() && other.is_insertion() && self.start == other.start;
        (overlaps || same_place) && self != other
    }

    pub(super) fn is_insertion(&self) -> bool {
        self.start == self.end
    }
}

/// Returns the files that `fixes` change or add, in the order of their ids and then their paths.
///
/// An edit that two fixes have in common is applied once. Line breaks in new text become those of
/// the file; in a new file, those of the first file that its fix edits. [`plan`](super::plan)
/// chooses fixes whose edits fit together; here an edit that overlaps an earlier one, or lies
/// outside of its file, is left out.
pub fn apply<'a>(sources: &Sources, fixes: impl IntoIterator<Item = &'a Fix>) -> Vec<Changed> {
    let mut edits: BTreeMap<FileId, Vec<Replacement>> = BTreeMap::new();
    let mut seen: BTreeSet<(FileId, Replacement)> = BTreeSet::new();
    let mut added: BTreeMap<&Path, String> = BTreeMap::new();
    for fix in fixes {
        for edit in &fix.edits {
            let file = sources.files.get(edit.file.index());
            let Some(replacement) = file.and_then(|file| Replacement::of(edit, file)) else {
                continue;
            };
            if seen.insert((edit.file, replacement.clone())) {
                edits.entry(edit.file).or_default().push(replacement);
            }
        }
        let first = fix.edits.first().and_then(|edit| sources.files.get(edit.file.index()));
        let line_break = first.map_or("\n", SourceFile::line_break);
        for file in &fix.new_files {
            let content = || with_line_break(&file.content, line_break);
            added.entry(&file.path).or_insert_with(content);
        }
    }
    let changed = edits.into_iter().filter_map(|(id, edits)| {
        let file = sources.get(id);
        let new = splice(&file.text, edits);
        let old = file.text.clone();
        (new != old).then(|| Changed { file: Some(id), path: file.path.clone(), old, new })
    });
    let added = added.into_iter().map(|(path, new)| Changed {
        file: None,
        path: path.to_owned(),
        old: String::new(),
        new,
    });
    changed.chain(added).collect()
}

/// Returns `text` with the edits made.
fn splice(text: &str, mut edits: Vec<Replacement>) -> String {
    // Stable, so that what one fix inserts at one place keeps its order.
    edits.sort_by_key(|edit| (edit.start, edit.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in edits.iter().filter(|edit| edit.end <= text.len()) {
        if edit.start >= at {
            out.push_str(&text[at..edit.start]);
            out.push_str(&edit.text);
            at = edit.end;
        }
    }
    out.push_str(&text[at..]);
    out
}

/// Returns the bytes that a span means: a line break is one character, and nothing is inserted before
/// a byte order mark.
fn place(file: &SourceFile, span: Span) -> Option<Range<usize>> {
    let least = if span.start == span.end { file.text_start() } else { 0 };
    let snap = |offset: u32| {
        let offset = (offset as usize).max(least);
        let (before, after) = file.text.split_at_checked(offset)?;
        Some(if before.ends_with('\r') && after.starts_with('\n') { offset - 1 } else { offset })
    };
    let (start, end) = (snap(span.start)?, snap(span.end)?);
    (start <= end).then_some(start..end)
}

/// Returns `text` with each lone `\n` replaced by `line_break`.
fn with_line_break(text: &str, line_break: &str) -> String {
    if line_break == "\n" || !text.contains('\n') {
        return text.to_owned();
    }
    text.replace("\r\n", "\n").replace('\n', line_break)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Applicability, NewFile};

    fn sources(text: &str) -> Sources {
        Sources { files: vec![SourceFile::new("a.sql", text.to_owned())] }
    }

    fn edit(start: u32, end: u32, text: &str) -> Edit {
        Edit { file: FileId(0), span: Span { start, end }, text: text.to_owned() }
    }

    fn fix(edits: Vec<Edit>) -> Fix {
        Fix::new(Applicability::Safe, "repair it", edits)
    }

    fn applied(text: &str, fixes: &[Fix]) -> String {
        let changed = apply(&sources(text), fixes);
        changed.first().map_or(text.to_owned(), |changed| changed.new.clone())
    }

    #[test]
    fn edits_at_touching_places_are_all_made() {
        let fixes = [
            fix(vec![edit(6, 11, "B")]),
            fix(vec![edit(5, 6, "_")]),
            fix(vec![edit(11, 11, "!")]),
            fix(vec![edit(0, 5, "A")]),
        ];
        assert_eq!(applied("hello world", &fixes), "A_B!");
    }

    #[test]
    fn an_edit_of_two_fixes_is_made_once() {
        let fixes = [fix(vec![edit(0, 0, "x ")]), fix(vec![edit(0, 0, "x "), edit(2, 3, "y")])];
        assert_eq!(applied("a b", &fixes), "x a y");
    }

    #[test]
    fn inserted_line_breaks_are_those_of_the_file() {
        let fixes = [fix(vec![edit(0, 0, "x;\n"), edit(6, 6, "y;\r\nz;\n")])];
        assert_eq!(applied("a;\r\nb;", &fixes), "x;\r\na;\r\nb;y;\r\nz;\r\n");
        assert_eq!(applied("a;\n  b;", &fixes), "x;\na;\n  by;\r\nz;\n;");
    }

    #[test]
    fn a_line_break_of_two_bytes_is_not_torn_apart() {
        assert_eq!(applied("a\r\nb", &[fix(vec![edit(2, 2, ";")])]), "a;\r\nb");
        assert_eq!(applied("a\r\nb", &[fix(vec![edit(0, 2, "x")])]), "x\r\nb");
        assert_eq!(applied("a\r\nb", &[fix(vec![edit(2, 4, "")])]), "a");
    }

    #[test]
    fn nothing_is_inserted_before_a_byte_order_mark() {
        assert_eq!(applied("\u{feff}a", &[fix(vec![edit(0, 0, "x")])]), "\u{feff}xa");
        assert_eq!(applied("\u{feff}a", &[fix(vec![edit(0, 3, "")])]), "a", "unless it is named");
    }

    #[test]
    fn places_outside_of_the_file_change_nothing() {
        let edits = [edit(7, 9, "x"), edit(1, 2, "x"), edit(4, 3, "x")];
        for edit in edits {
            assert_eq!(applied("é abc", &[fix(vec![edit.clone()])]), "é abc", "{edit:?}");
        }
        let other = Edit { file: FileId(7), ..edit(0, 0, "x") };
        assert!(apply(&sources("a"), &[fix(vec![other])]).is_empty());
    }

    #[test]
    fn new_files_take_the_line_break_of_the_file_that_is_edited() {
        let mut with_file = fix(vec![edit(0, 1, "")]);
        with_file.new_files = vec![NewFile { path: "b.sql".into(), content: "b;\n".to_owned() }];
        let changed = apply(&sources("a\r\n"), &[with_file.clone(), with_file]);
        assert_eq!(changed.len(), 2);
        assert_eq!((changed[1].file, changed[1].new.as_str()), (None, "b;\r\n"));
    }
}
