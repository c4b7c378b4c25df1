//! Cuts a file into up and down sections at marker lines, and finds SQL inside comments.

use super::set::{Down, Migration};
use super::{MigrationSet, TransactionMode, Version};
use crate::embedded::Embedded;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::{self, ChunkKind};

/// What a marker line begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marker {
    /// The up section.
    Up,
    /// The down section.
    Down,
}

/// The sections of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Sections {
    /// The up section; without any marker the whole file.
    pub up: Span,
    /// The line that begins it.
    pub up_marker: Option<Span>,
    /// The down section.
    pub down: Option<Span>,
    /// The line that begins it.
    pub down_marker: Option<Span>,
}

/// Cuts `file` at the lines that `marker` recognises.
///
/// Text before the first marker belongs to the up section, as most runners have it.
pub(super) fn cut(file: &SourceFile, marker: impl Fn(&str) -> Option<Marker>) -> Sections {
    let start = file.text_start();
    let mut sections = Sections { up: Span::new(start..file.text.len()), ..Sections::default() };
    let found = markers(file, marker);
    let end = Span::new(file.text.len()..file.text.len()).start;
    let section_of = |index: usize| {
        let (_, line) = found[index];
        let next = found[index + 1..].iter().find(|(kind, _)| *kind != found[index].0);
        Span { start: line.end, end: next.map_or(end, |(_, line)| line.start) }
    };
    if let Some(index) = found.iter().position(|(kind, _)| *kind == Marker::Up) {
        sections.up_marker = Some(found[index].1);
        sections.up = section_of(index);
        if index == 0 {
            // The runner sends what stands before the marker too, or it is a comment anyway.
            sections.up.start = Span::new(start..start).start;
        }
    }
    if let Some(index) = found.iter().position(|(kind, _)| *kind == Marker::Down) {
        sections.down_marker = Some(found[index].1);
        sections.down = Some(section_of(index));
        if sections.up_marker.is_none() {
            sections.up.end = found[index].1.start;
        }
    }
    sections
}

/// Returns the lines that `marker` recognises, in their order.
pub(super) fn markers(
    file: &SourceFile,
    marker: impl Fn(&str) -> Option<Marker>,
) -> Vec<(Marker, Span)> {
    let start = file.text_start();
    let mut found = Vec::new();
    let mut at = start;
    for line in file.text[start..].split_inclusive('\n') {
        let content = line.trim_end_matches(['\n', '\r']);
        if content.trim_start().starts_with(['-', '#', '/'])
            && let Some(kind) = marker(content)
        {
            found.push((kind, Span::new(at..at + content.len())));
        }
        at += line.len();
    }
    found
}

/// Reads the marker line of a home-grown runner: a comment whose first word says the direction.
pub fn plain_marker(line: &str) -> Option<Marker> {
    let words = line.trim().trim_start_matches(['-', '#', '/', '*', '=', ' ', '\t']);
    let dashes = line.trim_start().starts_with("--");
    let first = words.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    let rest = words[first.len()..].trim_start();
    let ends = rest.is_empty()
        || rest.starts_with([':', '(', '-', '='])
        || ["migration", "script", "section", "migrate"]
            .iter()
            .any(|word| rest.get(..word.len()).is_some_and(|r| r.eq_ignore_ascii_case(word)));
    if !dashes || !ends {
        return None;
    }
    match first.to_ascii_lowercase().as_str() {
        "up" => Some(Marker::Up),
        "down" | "rollback" | "undo" | "revert" => Some(Marker::Down),
        _ => None,
    }
}

/// Returns the part of `section` in which commented-out statements stand, if there are any.
///
/// A statement counts if it parses once the comment marks are taken away; prose does not.
pub fn commented_sql(file: &SourceFile, section: Span) -> Option<Span> {
    let text = file.slice(section);
    let mut uncommented = String::new();
    let mut range: Option<(usize, usize)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if let Some(body) = line.trim_start().strip_prefix("--") {
            let body = body.strip_prefix(' ').unwrap_or(body);
            if !is_rule_off(body) {
                uncommented.push_str(body);
                let start = range.map_or(at, |(start, _)| start);
                range = Some((start, at + line.trim_end().len()));
            }
        }
        at += line.len();
    }
    let (start, end) = range?;
    let has_statement = sql::split(&uncommented)
        .iter()
        .filter(|chunk| chunk.kind == ChunkKind::Statement)
        .any(|chunk| sql::is_statement(last_paragraph(&uncommented[chunk.span.range()])));
    has_statement.then(|| Span::new(start..end).shift(section.start))
}

/// Returns whether a comment line only draws a line.
fn is_rule_off(body: &str) -> bool {
    body.trim().chars().all(|c| matches!(c, '=' | '-' | '*' | '#' | '_'))
}

/// Returns the statement behind prose: the text from the last line that begins with a known word.
fn last_paragraph(text: &str) -> &str {
    let mut start = 0;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let word = line.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next();
        let words = [
            "create", "alter", "drop", "insert", "update", "delete", "begin", "commit", "revoke",
            "grant", "truncate", "comment", "do", "select", "set",
        ];
        if words.iter().any(|keyword| word.is_some_and(|w| w.eq_ignore_ascii_case(keyword))) {
            start = at;
            break;
        }
        at += line.len();
    }
    &text[start..]
}

/// Adds a file that is one migration with sections.
pub(super) fn push_file(
    set: &mut MigrationSet,
    file: &SourceFile,
    id: FileId,
    version: Version,
    name: &str,
    sections: &Sections,
    transaction: TransactionMode,
) {
    let mut up = Migration::up(version, name, id, sections.up);
    up.transaction = transaction;
    let mut down = None;
    if let Some(section) = sections.down {
        up.down = down_of(file, id, section);
        if up.down == Down::Present {
            down = Some(up.down(id, section));
        }
    }
    set.push(up, down);
}

/// Returns what a down section or file is worth.
pub(super) fn down_of(file: &SourceFile, id: FileId, section: Span) -> Down {
    let sends_something = |embedded: &Embedded| embedded.messages_in(section).next().is_some();
    if file.embedded.as_deref().is_some_and(sends_something) {
        return Down::Present;
    }
    let has_statement =
        sql::split(file.slice(section)).iter().any(|chunk| chunk.kind != ChunkKind::Comment);
    if has_statement {
        return Down::Present;
    }
    match commented_sql(file, section).filter(|_| !is_stub(file.slice(section))) {
        Some(comments) => Down::Commented { file: id, section: comments },
        None => Down::Empty { file: id, section },
    }
}

/// Returns whether a down is what Hasura writes where it knows none: the up, as a comment.
fn is_stub(text: &str) -> bool {
    text.contains("Could not auto-generate a down migration")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_grown_markers_are_told_from_prose() {
        for up in ["-- UP", "-- UP: apply this", "-- Up Migration", "--- up ---", "-- UP MIGRATION"]
        {
            assert_eq!(plain_marker(up), Some(Marker::Up), "{up}");
        }
        for down in
            ["-- DOWN: undo", "-- Down Migration (for reference)", "-- ROLLBACK (see rollback/)"]
        {
            assert_eq!(plain_marker(down), Some(Marker::Down), "{down}");
        }
        for none in
            ["-- up to ten rows", "-- Update users", "select 1 -- up", "-- down the road", "# up"]
        {
            assert_eq!(plain_marker(none), None, "{none}");
        }
    }

    #[test]
    fn sql_in_comments_is_told_from_prose() {
        let commented = |text: &str| {
            let file = SourceFile::new("a.sql", text.to_owned());
            commented_sql(&file, Span::new(0..text.len())).is_some()
        };
        assert!(commented("\n-- DROP TABLE IF EXISTS users;\n"));
        assert!(commented("-- BEGIN;\n-- DROP TABLE users;\n-- COMMIT;\n"));
        assert!(!commented("-- nothing can be done here; restore a backup\n"));
        assert!(!commented("-- ==========\n\n"));
    }
}
