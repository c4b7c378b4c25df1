//! What stands in a new migration.

use super::{Wanted, holds_transaction, is_crlf};
use crate::layout::{
    DownStyle, Layout, Marker, Migration, MigrationSet, OptOut, Sources, plain_marker,
};
use crate::recipe::{Run, heading};
use crate::source::SourceFile;

/// The texts of a new migration.
pub(super) struct Texts<'a> {
    set: &'a MigrationSet,
    wanted: Wanted<'a>,
    /// The lines that begin the sections of a file: up and down.
    markers: (Option<String>, Option<String>),
    /// Whether the down stands behind the up, in the same file.
    holds_down: bool,
    is_crlf: bool,
}

impl<'a> Texts<'a> {
    /// Learns from the migrations of a set how their sections begin.
    pub(super) fn new(
        set: &'a MigrationSet,
        sources: &Sources,
        wanted: Wanted<'a>,
        may_hold_down: bool,
    ) -> Self {
        let ups: Vec<&Migration> = set.ups().map(|(_, up)| up).collect();
        let mut markers = (None, None);
        for file in ups.iter().rev().take(50).map(|up| sources.get(up.file)) {
            for (marker, line) in markers_of(set, file) {
                let known = match marker {
                    Marker::Up => &mut markers.0,
                    Marker::Down => &mut markers.1,
                };
                if known.is_none() {
                    *known = Some(plain(line).to_owned());
                }
            }
        }
        if set.layout.downs == DownStyle::Section {
            markers.1 = markers.1.or_else(|| down_marker(set.layout).map(str::to_owned));
        }
        let holds_down = may_hold_down && markers.1.is_some();
        let is_crlf = ups.last().is_some_and(|up| is_crlf(sources.get(up.file)));
        Self { set, wanted, markers, holds_down, is_crlf }
    }

    /// Returns whether the runner's transaction is to be left.
    pub(super) fn leaves_transaction(&self) -> bool {
        (self.wanted.concurrently || self.wanted.outside_transaction) && holds_transaction(self.set)
    }

    /// Returns the text of the file with the up.
    pub(super) fn up(&self) -> String {
        let mut lines = self.beginning(Marker::Up);
        lines.push(self.body("-- create index concurrently ... on ... (...);"));
        if self.holds_down {
            lines.push(String::new());
            lines.extend(self.beginning(Marker::Down));
            lines.push(self.body("-- drop index concurrently ...;"));
        }
        self.finish(lines)
    }

    /// Returns the text of the file with the down.
    pub(super) fn down(&self) -> String {
        let mut lines = self.beginning(Marker::Down);
        lines.push(self.body("-- drop index concurrently ...;"));
        self.finish(lines)
    }

    fn body(&self, concurrently: &str) -> String {
        if self.wanted.concurrently { concurrently.to_owned() } else { String::new() }
    }

    /// Returns the lines before the first statement.
    fn beginning(&self, marker: Marker) -> Vec<String> {
        let run = match self.wanted {
            Wanted { concurrently: true, .. } => Run::OutsideTransaction,
            Wanted { outside_transaction: true, .. } if holds_transaction(self.set) => {
                Run::OutsideTransaction
            }
            _ => Run::Briefly,
        };
        let mut lines = heading(run, self.set.layout, self.set.transaction);
        // What stands in a file beside it is written into that file.
        let is_side = matches!(self.set.layout.opt_out, Some(OptOut::SideFile { .. }));
        lines.retain(|line| !(is_side && line.starts_with("-- beside it")));
        let (up, down) = &self.markers;
        let is_up =
            |line: &&String| up.as_ref().is_some_and(|up| letters(up) == letters(plain(line)));
        let own = lines.iter().find(is_up).cloned();
        match marker {
            Marker::Up => lines.splice(0..0, up.clone().filter(|_| own.is_none())).for_each(drop),
            Marker::Down => {
                let option = own.as_deref().and_then(option).unwrap_or_default();
                lines.retain(|line| !is_up(&line));
                // This line holds for the whole file, and stands at its beginning.
                if let (true, Some(OptOut::FirstLine(first))) =
                    (self.holds_down, self.set.layout.opt_out)
                {
                    lines.retain(|line| line != first);
                }
                lines
                    .splice(0..0, down.as_ref().map(|down| format!("{down}{option}")))
                    .for_each(drop);
            }
        }
        lines
    }

    fn finish(&self, lines: Vec<String>) -> String {
        let text = lines.join("\n").trim_end().to_owned() + "\n";
        if self.is_crlf { text.replace('\n', "\r\n") } else { text }
    }
}

/// Returns the lines of a file that begin its sections.
fn markers_of<'a>(set: &MigrationSet, file: &'a SourceFile) -> Vec<(Marker, &'a str)> {
    if set.layout.name == "up-down" {
        let lines = file.text.lines().map(str::trim);
        return lines.filter_map(|line| Some((plain_marker(line)?, line))).collect();
    }
    let lines = set.layout.markers(file).into_iter();
    lines.map(|(marker, span)| (marker, file.slice(span).trim())).collect()
}

/// Returns the line that begins the down, where none of the migrations has one.
///
/// Source: the runners' documentation, and what they did with such files.
fn down_marker(layout: &Layout) -> Option<&'static str> {
    Some(match layout.name {
        "goose" => "-- +goose Down",
        "dbmate" => "-- migrate:down",
        "sql-migrate" => "-- +migrate Down",
        "rambler" => "-- rambler down",
        "play-evolutions" => "# --- !Downs",
        "tern" => "---- create above / drop below ----",
        "mybatis" => "-- //@UNDO",
        "node-pg-migrate" => "-- Down Migration",
        _ => return None,
    })
}

/// Returns what a marker line says besides the direction, with the space before it.
fn option(line: &str) -> Option<&str> {
    [" transaction:false", " notransaction"].into_iter().find(|option| line.ends_with(option))
}

/// Returns a marker line without options, and without what it says about its own migration.
fn plain(line: &str) -> &str {
    let line = option(line).and_then(|option| line.strip_suffix(option)).unwrap_or(line);
    let line = line.find(": ").and_then(|colon| line.get(..=colon)).unwrap_or(line);
    line.split(" (").next().unwrap_or(line)
}

/// Returns what two spellings of a marker line have in common.
fn letters(line: &str) -> String {
    line.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
