//! Runners whose files are cut into up and down sections by marker lines, one table row each.

use super::sections::{Marker, Sections, cut, push_file};
use super::version::{Version, split_number};
use super::{
    BASE, Detection, Direction, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut,
    Sources, TransactionMode, Tree,
};
use crate::source::{FileId, SourceFile, Span};

/// Returns whether enough of a folder's SQL files hold a line that `is_marker` recognises: a fifth of
/// them, or one where there are few.
pub(super) fn share_of_files_with(
    tree: &Tree,
    sources: &Sources,
    is_marker: impl Fn(&str) -> bool,
) -> bool {
    let sample = sample(tree);
    let marked = sample.iter().filter(|(_, id)| {
        let lines = beginning(&sources.get(*id).text).lines();
        lines.filter(|line| line.trim_start().starts_with(['-', '#', '/'])).any(&is_marker)
    });
    let (marked, all) = (marked.count(), sample.len());
    marked > 0 && (all < 5 || marked * 5 >= all)
}

/// How many files of a folder are looked at to recognise its layout.
const SAMPLE: usize = 60;

/// Returns SQL files spread evenly over a folder: enough to recognise it by, at a bounded cost.
pub(super) fn sample(tree: &Tree) -> Vec<(&str, FileId)> {
    let all: Vec<_> = tree.sql_files().collect();
    let step = all.len().div_ceil(SAMPLE).max(1);
    all.into_iter().step_by(step).collect()
}

/// Returns the part of a file in which markers are looked for.
pub(super) fn beginning(text: &str) -> &str {
    let mut end = text.len().min(128 * 1024);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Sorts the ups by version, then by file name, and keeps each down behind its up.
pub(super) fn sort_by_version(set: &mut MigrationSet) {
    let mut pairs: Vec<Vec<super::Migration>> = Vec::new();
    for migration in set.migrations.drain(..) {
        match migration.direction {
            Direction::Down if !pairs.is_empty() => {
                if let Some(pair) = pairs.last_mut() {
                    pair.push(migration);
                }
            }
            _ => pairs.push(vec![migration]),
        }
    }
    pairs.sort_by(|a, b| {
        let key = |pair: &[super::Migration]| (pair[0].version.clone(), pair[0].name.clone());
        key(a).cmp(&key(b))
    });
    set.migrations = pairs.into_iter().flatten().collect();
}

/// What differs between the runners of this file.
struct Kind {
    marker: fn(&str) -> Option<Marker>,
    /// Whether a marker line switches the transaction off for its section.
    opts_out: fn(&str) -> bool,
    /// Reads version and name off a file name without `.sql`.
    version: fn(&str) -> Option<(Version, String)>,
    signal: &'static str,
}

macro_rules! marked {
    ($static:ident, $name:literal, $title:literal, $kind:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        pub(super) static $static: Layout = Layout {
            name: $name,
            title: $title,
            detect: |tree, sources| detect(&$kind, tree, sources),
            read: |tree, sources, set| read(&$kind, tree, sources, set),
            downs: DownStyle::Section,
            $($field: $value,)*
            ..BASE
        };
    };
}

fn numbered(stem: &str) -> Option<(Version, String)> {
    let (digits, suffix, rest) = split_number(stem)?;
    Some((Version::number_with_suffix(digits, suffix), rest.to_owned()))
}

fn named(stem: &str) -> Option<(Version, String)> {
    Some((Version::text(stem), stem.to_owned()))
}

fn never(_: &str) -> bool {
    false
}

fn words<'a>(line: &'a str, prefix: &str) -> Option<std::str::SplitWhitespace<'a>> {
    Some(line.strip_prefix(prefix)?.split_whitespace())
}

fn direction(word: Option<&str>) -> Option<Marker> {
    match word? {
        "Up" | "up" => Some(Marker::Up),
        "Down" | "down" => Some(Marker::Down),
        _ => None,
    }
}

marked!(SQL_MIGRATE, "sql-migrate", "sql-migrate (rubenv)", Kind {
    marker: |line| direction(words(line, "-- +migrate")?.next().filter(|w| w.starts_with(['U', 'D']))),
    opts_out: |line| words(line, "-- +migrate").is_some_and(|mut w| w.any(|w| w == "notransaction")),
    version: |stem| numbered(stem).or_else(|| named(stem)),
    signal: "`-- +migrate` lines",
}, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice("write `notransaction` behind `Up` or `Down` on the marker line of the section")),
    duplicate: "both run, since the file name is the identity",
    missing_down: "`sql-migrate down` then removes the record and undoes nothing",
    on_duplicate: OnDuplicate::NameDecides,
    empty_down: EmptyDown::Succeeds("`sql-migrate down` then removes the record and undoes nothing"),
});

marked!(DBMATE, "dbmate", "dbmate", Kind {
    marker: |line| {
        let rest = line.strip_prefix("--")?.trim_start().strip_prefix("migrate:")?;
        direction(rest.split_whitespace().next().filter(|w| w.starts_with(['u', 'd'])))
    },
    opts_out: |line| line.split_whitespace().any(|word| word == "transaction:false"),
    version: numbered,
    signal: "`-- migrate:up` lines",
}, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::Advice("write `transaction:false` on the marker line of the section, and keep one statement in it")),
    duplicate: "the second one fails on the version table and is then taken for applied",
    missing_down: "dbmate refuses the file, on the way up too",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds("`dbmate down` then reports success and undoes nothing"),
});

marked!(TERN, "tern", "tern", Kind {
    marker: |line| line.contains("---- create above / drop below ----").then_some(Marker::Down),
    opts_out: never,
    // `127a_x.sql` it ignores in silence.
    version: |stem| numbered(stem).filter(|(version, _)| version.as_number().is_some()),
    signal: "`---- create above / drop below ----` lines",
}, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::FirstLine("---- tern: disable-tx ----")),
    duplicate: "tern stops with an error",
    missing_down: "tern refuses to go down",
    on_duplicate: OnDuplicate::Fails,
    gap: "tern stops with an error",
    empty_up: "tern stops with an error",
    empty_down: EmptyDown::Succeeds("tern then reports success and undoes nothing"),
});

marked!(RAMBLER, "rambler", "rambler", Kind {
    marker: |line| direction(words(line, "-- rambler")?.next()),
    opts_out: never,
    version: |stem| numbered(stem).or_else(|| named(stem)),
    signal: "`-- rambler up` lines",
}, {
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    opt_out: None,
    duplicate: "both run, since the file name is the identity",
    missing_down: "rambler then undoes nothing",
    on_duplicate: OnDuplicate::NameDecides,
    empty_down: EmptyDown::Succeeds("rambler then undoes nothing"),
});

marked!(SHMIG, "shmig", "shmig", Kind {
    marker: |line| match line.trim() {
        "-- ====  UP  ====" => Some(Marker::Up),
        "-- ==== DOWN ====" => Some(Marker::Down),
        _ => None,
    },
    opts_out: never,
    version: numbered,
    signal: "`-- ====  UP  ====` lines",
}, {
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    opt_out: None,
    duplicate: "the second one fails on the version table",
    missing_down: "shmig stops: no such section",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Fails("shmig stops: no such section"),
});

marked!(PLAY, "play-evolutions", "Play evolutions", Kind {
    marker: |line| {
        let is_comment = line.starts_with('#') || line.starts_with("--");
        match is_comment {
            true if line.contains("!Ups") => Some(Marker::Up),
            true if line.contains("!Downs") => Some(Marker::Down),
            _ => None,
        }
    },
    opts_out: never,
    version: numbered,
    signal: "`!Ups` and `!Downs` lines",
}, {
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    opt_out: None,
    duplicate: "the one with the fewest zeros wins, with a warning",
    missing_down: "Play then undoes nothing",
    on_duplicate: OnDuplicate::Fails,
    gap: "Play stops reading at the gap",
    // An edited file is taken back and applied again.
    checksums: true,
    empty_down: EmptyDown::Succeeds("Play then undoes nothing"),
});

marked!(MYBATIS, "mybatis", "MyBatis Migrations", Kind {
    marker: |line| {
        let rest = line.trim_start();
        let rest = rest.strip_prefix("--").or_else(|| rest.strip_prefix("//"))?.trim_start();
        rest.strip_prefix("//")?.trim_start().starts_with("@UNDO").then_some(Marker::Down)
    },
    opts_out: never,
    version: numbered,
    signal: "`--//@UNDO` lines",
}, {
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice("set `send_full_script=false` and `auto_commit=true` for the environment")),
    duplicate: "",
    missing_down: "MyBatis Migrations then undoes nothing",
    empty_down: EmptyDown::Succeeds("MyBatis Migrations then undoes nothing"),
});

fn detect(kind: &Kind, tree: &Tree, sources: &Sources) -> Option<Detection> {
    share_of_files_with(tree, sources, |line| (kind.marker)(line).is_some())
        .then(|| Detection::because(kind.signal))?
}

fn read(kind: &Kind, tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    for (name, id) in tree.sql_files() {
        let file = sources.get(id);
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let Some((version, name)) = (kind.version)(stem) else {
            set.skip(
                id,
                format!("has no version that {} reads, so it never runs", set.layout.title),
            );
            continue;
        };
        let sections = cut(file, kind.marker);
        let out =
            |marker: Option<Span>| marker.is_some_and(|span| (kind.opts_out)(file.slice(span)));
        let first_line = match set.layout.opt_out {
            Some(OptOut::FirstLine(line)) => file.text.lines().any(|text| text == line),
            _ => false,
        };
        let mode =
            |opted_out| if opted_out { set.layout.without_transaction } else { set.transaction };
        let up_mode = mode(first_line || out(sections.up_marker));
        let down_mode = mode(first_line || out(sections.down_marker));
        let sections = blank_first_line(file, sections);
        push_file(set, file, id, version, &name, &sections, up_mode);
        if let Some(last) = set.migrations.last_mut().filter(|m| m.direction == Direction::Down) {
            last.transaction = down_mode;
        }
    }
    sort_by_version(set);
}

/// Moves the up section behind a marker line that SQL does not read as a comment (`# --- !Ups`).
fn blank_first_line(file: &SourceFile, mut sections: Sections) -> Sections {
    if let Some(marker) = sections.up_marker.filter(|span| file.slice(*span).starts_with('#')) {
        sections.up.start = sections.up.start.max(marker.end);
    }
    sections
}
