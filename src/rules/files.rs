//! What the rules about a directory's files share: where to point, and how to list names.

use crate::layout::Migration;
use crate::past::Released;
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};

/// Above this many reports of one kind a set gets a single one that counts them.
const MANY: usize = 10;

/// How many names a list spells out.
const SPELLED_OUT: usize = 3;

/// Returns the first line in `section` that is not blank: where to point for all of it.
pub(super) fn first_line(file: &SourceFile, section: Span) -> Span {
    let mut at = section.start;
    for line in file.slice(section).split_inclusive('\n') {
        if let Some(span) = content(line, at) {
            return span;
        }
        at += length(line);
    }
    Span::at(section.start)
}

/// Returns where to point for a whole migration.
pub(super) fn beginning(cx: &HistoryContext, migration: &Migration) -> Span {
    first_line(cx.file(migration), migration.section)
}

/// Returns where to point for a whole file.
pub(super) fn beginning_of_file(cx: &HistoryContext, file: FileId) -> Span {
    let file = cx.sources.get(file);
    first_line(file, Span::new(file.text_start()..file.text.len()))
}

/// Returns the list of that name that a tool keeps beside the migrations.
pub(super) fn journal<'a>(cx: &'a HistoryContext, name: &str) -> Option<(FileId, &'a SourceFile)> {
    let named = |file: &SourceFile| file.path.file_name().is_some_and(|found| found == name);
    let all = cx.set.journals.iter().map(|id| (*id, cx.sources.get(*id)));
    all.into_iter().find(|(_, file)| named(file))
}

/// Returns the place of a text in a file.
pub(super) fn place_of(file: &SourceFile, text: &str) -> Option<Span> {
    let at = file.text.find(text)?;
    Some(Span::new(at..at + text.len()))
}

/// Returns the name of a file of another revision, from the directory of the set.
pub(super) fn released_name(cx: &HistoryContext, old: Released) -> String {
    let path = &old.file().path;
    path.strip_prefix(&cx.set.root).unwrap_or(path).display().to_string()
}

/// Returns a line without the white space around it; nothing for a blank one.
pub(super) fn content(line: &str, at: u32) -> Option<Span> {
    let text = line.trim();
    if text.is_empty() {
        return None;
    }
    let start = at + length(line) - length(line.trim_start());
    Some(Span { start, end: start + length(text) })
}

/// Returns the numbers that follow the first one of a file name, so that dates such as `2024-05-01` and
/// numbers such as `04_02_0790` are told apart: `05-01_add_x` begins with `05` and `01`.
pub(super) fn more_numbers(name: &str) -> Vec<&str> {
    let words = name.split(['-', '_', '.', ' ']);
    words.take_while(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit())).collect()
}

/// Returns what a runner "then" does as the beginning of a message.
pub(super) fn at_once(consequence: &str) -> String {
    consequence.replacen(" then ", " ", 1)
}

/// Returns the length of a text as spans count it.
pub(super) fn length(text: &str) -> u32 {
    Span::new(0..text.len()).end
}

/// Returns whether so many migrations of a set are affected that one report must do for all.
pub(super) fn is_many(count: usize) -> bool {
    count > MANY
}

/// Lists names for a message: "`a`, `b` and `c`", or "`a`, `b`, `c` and 9 more".
pub(super) fn list(names: &[String]) -> String {
    let spelled_out = if names.len() > SPELLED_OUT + 1 { SPELLED_OUT } else { names.len() };
    let mut parts: Vec<String> =
        names.iter().take(spelled_out).map(|name| format!("`{name}`")).collect();
    if names.len() > spelled_out {
        parts.push(format!("{} more", names.len() - spelled_out));
    }
    match parts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_cut_short() {
        let names = |count: usize| -> Vec<String> { (1..=count).map(|n| n.to_string()).collect() };
        assert_eq!(list(&names(1)), "`1`");
        assert_eq!(list(&names(2)), "`1` and `2`");
        assert_eq!(list(&names(4)), "`1`, `2`, `3` and `4`");
        assert_eq!(list(&names(12)), "`1`, `2`, `3` and 9 more");
    }

    #[test]
    fn dates_are_more_than_their_year() {
        assert_eq!(more_numbers("05-01_add_x"), ["05", "01"]);
        assert_eq!(more_numbers("add_2_columns"), [""; 0]);
        assert_eq!(more_numbers("2fa"), [""; 0]);
    }

    #[test]
    fn the_first_line_is_the_first_that_is_not_blank() {
        let file = SourceFile::new("a.sql", "\n  -- é\nselect 1;".to_owned());
        let line = first_line(&file, Span::new(0..file.text.len()));
        assert_eq!(file.slice(line), "-- é");
        assert_eq!(first_line(&file, Span::at(1)), Span::at(1));
    }
}
