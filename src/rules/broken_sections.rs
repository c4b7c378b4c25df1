use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::layout::{Marker, Migration, plain_marker};
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::lex::lexemes;

use super::files::{content, first_line, length};
use super::misspelt_directive::hides_section;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    dropped_parts(cx, out);
    let mut seen: BTreeSet<FileId> = BTreeSet::new();
    for (_, up) in cx.set.ups() {
        let file = cx.file(up);
        if file.embedded.is_some() || !seen.insert(up.file) {
            continue;
        }
        let sections = Sections { up, file, marks: cx.set.layout.markers(file) };
        let name = cx.file_name(up);
        let problems = match cx.set.layout.name {
            "goose" => goose(&sections, &name),
            "dbmate" => dbmate(cx, &sections, &name),
            "sql-migrate" => sql_migrate(cx, &sections, &name),
            "node-pg-migrate" => node_pg_migrate(&sections, &name).into_iter().collect(),
            _ => Vec::new(),
        };
        out.extend(problems);
    }
}

/// A file with the lines that begin its sections.
struct Sections<'a> {
    up: &'a Migration,
    file: &'a SourceFile,
    marks: Vec<(Marker, Span)>,
}

impl Sections<'_> {
    fn report(&self, place: Span, message: String, help: &'static str) -> Diagnostic {
        Diagnostic::new(self.up.file, place, message).help(help)
    }

    fn has(&self, kind: Marker) -> bool {
        self.marks.iter().any(|(other, _)| *other == kind)
    }

    /// Returns the part before the first section; all of the file if it has none.
    fn before(&self) -> Span {
        let end = self.marks.first().map(|(_, mark)| mark.start);
        let start = Span::new(self.file.text_start()..self.file.text.len());
        Span { end: end.unwrap_or(start.end), ..start }
    }

    /// Returns the first line that holds SQL before the first section.
    fn stray(&self) -> Option<Span> {
        first_sql(self.file, self.before())
    }

    /// Returns the first line, where to point for what is not there.
    fn beginning(&self) -> Span {
        first_line(self.file, Span::new(self.file.text_start()..self.file.text.len()))
    }

    /// Returns the line of the second up section, with that of the first.
    fn second_up(&self) -> Option<(Span, Span)> {
        let mut ups = self.marks.iter().filter(|(kind, _)| *kind == Marker::Up);
        let (first, second) = (ups.next()?, ups.next()?);
        Some((second.1, first.1))
    }

    fn down_first(&self) -> Option<Span> {
        self.marks.first().filter(|(kind, _)| *kind == Marker::Down).map(|(_, mark)| *mark)
    }
}

/// Returns the first line of a part that holds more than comments, from where that begins.
fn first_sql(file: &SourceFile, part: Span) -> Option<Span> {
    let text = file.slice(part);
    let first = lexemes(text).next()?;
    let line = text.get(first.start..)?.lines().next()?;
    content(line, part.start + length(text.get(..first.start)?))
}

fn goose(sections: &Sections, name: &str) -> Vec<Diagnostic> {
    let mut found = empty_blocks(sections);
    if let Some(stray) = sections.stray() {
        let message =
            format!("goose stops with an error: `{name}` begins with SQL that is in no section");
        found.push(sections.report(
            stray,
            message,
            "write `-- +goose Up` before the first statement",
        ));
    } else if let Some(down) = sections.down_first() {
        let message = match sections.has(Marker::Up) {
            true => format!("goose stops with an error: the down of `{name}` comes before its up"),
            false => format!("goose stops with an error: `{name}` has a down and no up"),
        };
        found.push(sections.report(down, message, "begin the file with `-- +goose Up`"));
    }
    if let Some((second, first)) = sections.second_up() {
        let message = format!("goose stops with an error: `{name}` has a second up section");
        found.push(sections.report(second, message, "put all of the up into one section").label(
            sections.up.file,
            first,
            "the first one",
        ));
    }
    found
}

/// Finds the pairs of `StatementBegin` and `StatementEnd` with nothing between them and a line of SQL
/// behind them.
fn empty_blocks(sections: &Sections) -> Vec<Diagnostic> {
    let start = sections.file.text_start();
    let mut found = Vec::new();
    let mut lines = Vec::new();
    let mut at = Span::new(start..start).start;
    for line in sections.file.text[start..].split_inclusive('\n') {
        lines.push((line, at));
        at += length(line);
    }
    let is = |line: &str, word: &str| {
        let rest = line.strip_prefix("--").map(|rest| rest.replace("+goose", ""));
        rest.is_some_and(|rest| rest.trim().eq_ignore_ascii_case(word)) && line.contains("+goose")
    };
    for window in lines.windows(3) {
        let [(begin, at), (end, _), (next, next_at)] = window else { continue };
        let Some(swallowed) = content(next, *next_at).filter(|_| !next.starts_with("--")) else {
            continue;
        };
        if is(begin, "StatementBegin") && is(end, "StatementEnd") {
            let place = content(begin, *at).unwrap_or_default();
            found.push(
                sections
                    .report(
                        place,
                        "goose leaves out the line behind this empty block".to_owned(),
                        "delete the two lines, or put the statement between them",
                    )
                    .label(sections.up.file, swallowed, "this line never reaches the server"),
            );
        }
    }
    found
}

fn dbmate(cx: &HistoryContext, sections: &Sections, name: &str) -> Vec<Diagnostic> {
    let hint = "write `-- migrate:up` before what is applied, and `-- migrate:down` behind it";
    let refuses = |what: String| format!("dbmate refuses `{name}`: {what}");
    if !sections.has(Marker::Up) {
        // What is meant to be a marker is reported where it stands.
        if hides_section(cx.set.layout, sections.up, sections.file) {
            return Vec::new();
        }
        let message = refuses("it has no `-- migrate:up`".to_owned());
        return vec![sections.report(sections.beginning(), message, hint)];
    }
    if let Some(down) = sections.down_first() {
        let message = refuses("its down comes before its up".to_owned());
        return vec![sections.report(down, message, hint)];
    }
    let mut found = Vec::new();
    if let Some(line) = other_than_line_comments(sections.file, sections.before()) {
        let message = refuses("only lines that begin with `--` may stand before the up".to_owned());
        let help = "move it behind `-- migrate:up`, or write comments with `--`";
        found.push(sections.report(line, message, help));
    }
    if !sections.has(Marker::Down) && !hides_section(cx.set.layout, sections.up, sections.file) {
        let message =
            refuses("it has no `-- migrate:down`, which dbmate wants on the way up too".to_owned());
        found.push(sections.report(
            sections.beginning(),
            message,
            "write `-- migrate:down`, with nothing behind it if there is nothing to take back",
        ));
    }
    if let Some((second, first)) = sections.second_up() {
        let message = format!(
            "dbmate fails on its table of versions once this has run: `{name}` has a second up section"
        );
        found.push(sections.report(second, message, "put all of the up into one section").label(
            sections.up.file,
            first,
            "the first one",
        ));
    }
    found
}

/// Returns the first line that is neither blank nor a comment with `--`.
fn other_than_line_comments(file: &SourceFile, part: Span) -> Option<Span> {
    let mut at = part.start;
    for line in file.slice(part).split_inclusive('\n') {
        if !line.trim().is_empty() && !line.starts_with("--") {
            return content(line, at);
        }
        at += length(line);
    }
    None
}

fn sql_migrate(cx: &HistoryContext, sections: &Sections, name: &str) -> Vec<Diagnostic> {
    let Some(stray) = sections.stray() else { return Vec::new() };
    if sections.marks.is_empty() {
        if hides_section(cx.set.layout, sections.up, sections.file) {
            return Vec::new();
        }
        let message = format!(
            "sql-migrate takes `{name}` for applied and runs nothing of it: it has no `-- +migrate Up`"
        );
        return vec![sections.report(
            stray,
            message,
            "write `-- +migrate Up` before the first statement",
        )];
    }
    let message =
        format!("sql-migrate never runs what stands before the first section of `{name}`");
    vec![sections.report(stray, message, "move it behind `-- +migrate Up`")]
}

/// Finds a line that looks as if it began the down section and does not.
fn node_pg_migrate(sections: &Sections, name: &str) -> Option<Diagnostic> {
    if sections.has(Marker::Down) {
        return None;
    }
    let mut at = Span::new(sections.file.text_start()..sections.file.text.len());
    let mut has_up = sections.has(Marker::Up);
    for line in sections.file.slice(at).split_inclusive('\n') {
        let here = at.start;
        at.start += length(line);
        let letters = line.to_ascii_lowercase();
        match plain_marker(line.trim_end()) {
            Some(Marker::Up) => has_up = true,
            Some(Marker::Down) if has_up && letters.contains("down") => {
                let sql = first_sql(sections.file, at)?;
                let message = format!(
                    "node-pg-migrate applies the down of `{name}` right behind its up: this line begins no section"
                );
                let report =
                    sections.report(content(line, here)?, message, "write `-- Down Migration`");
                return Some(report.label(sections.up.file, sql, "applied on the way up"));
            }
            _ => {}
        }
    }
    None
}

/// Reports the parts of files that their runner drops in silence.
fn dropped_parts(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for part in cx.set.not_applied.iter().filter(|part| !part.is_meant) {
        let Some(section) = part.section else { continue };
        let Some(place) = first_sql(cx.sources.get(part.file), section) else { continue };
        let message = format!("`{}` {}", cx.path(part.file), part.reason);
        out.push(
            Diagnostic::new(part.file, place, message)
                .help("write `--changeset author:id` before it"),
        );
    }
}
