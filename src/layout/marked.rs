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
    /// A line that switches the transaction off for the section that it stands in. It must be exact.
    directive: Option<&'static str>,
    /// Says of a file with a meaning of its own why it is no migration.
    special: fn(&str) -> Option<&'static str>,
    /// Whether the bytes of file names decide the order, not the versions.
    by_file_name: bool,
    /// Reads version and name off a file name without `.sql`.
    version: fn(&str) -> Option<(Version, String)>,
    signal: &'static str,
}

/// A runner of which nothing is special.
const KIND: Kind = Kind {
    marker: |_| None,
    opts_out: never,
    directive: None,
    special: |_| None,
    by_file_name: false,
    version: numbered,
    signal: "",
};

macro_rules! marked {
    ($static:ident, $name:literal, $title:literal, $kind:expr, { $($field:ident: $value:expr),* $(,)? }) => {
        pub(super) static $static: Layout = Layout {
            name: $name,
            title: $title,
            detect: |tree, sources| detect(&$kind, tree, sources),
            read: |tree, sources, set| read(&$kind, tree, sources, set),
            marker: Some($kind.marker),
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
    ..KIND
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
    // The digits are a text: `1` and `001` are two versions.
    version: |stem| {
        let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, rest) = stem.split_at(digits);
        let name = rest.trim_start_matches(['_', '-', '.', ' ']).to_owned();
        (!digits.is_empty()).then(|| (Version::text(digits), name))
    },
    by_file_name: true,
    signal: "`-- migrate:up` lines",
    ..KIND
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
    directive: Some("---- tern: disable-tx ----"),
    // `127a_x.sql` it ignores in silence.
    version: |stem| numbered(stem).filter(|(version, _)| version.as_number().is_some()),
    signal: "`---- create above / drop below ----` lines",
    ..KIND
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
    version: |stem| numbered(stem).or_else(|| named(stem)),
    signal: "`-- rambler up` lines",
    ..KIND
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
    version: |stem| {
        let (digits, name) = stem.split_once('-')?;
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| (Version::number(digits), name.to_owned()))
    },
    signal: "`-- ====  UP  ====` lines",
    ..KIND
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
    signal: "`!Ups` and `!Downs` lines",
    ..KIND
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
    special: |name| match name {
        "bootstrap.sql" => Some("runs before the first migration, when somebody asks for it"),
        "onabort.sql" => Some("runs where a migration fails"),
        _ => None,
    },
    signal: "`--//@UNDO` lines",
    ..KIND
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
        if let Some(reason) = (kind.special)(name) {
            set.leave_out(id, reason);
            continue;
        }
        let stem = name.strip_suffix(".sql").unwrap_or(name);
        let Some((version, name)) = (kind.version)(stem) else {
            set.skip(
                id,
                format!("has no version that {} reads, so it never runs", set.layout.title),
            );
            continue;
        };
        let sections = cut(file, kind.marker);
        let mode = |marker: Option<Span>, section: Span| {
            let by_marker = marker.is_some_and(|span| (kind.opts_out)(file.slice(span)));
            // A carriage return at the end makes it another line.
            let by_line = kind.directive.is_some_and(|directive| {
                file.slice(section).split('\n').any(|line| line == directive)
            });
            if by_marker || by_line { set.layout.without_transaction } else { set.transaction }
        };
        let up_mode = mode(sections.up_marker, sections.up);
        let down_mode = mode(sections.down_marker, sections.down.unwrap_or_default());
        let sections = blank_first_line(file, sections);
        push_file(set, file, id, version, &name, &sections, up_mode);
        if let Some(last) = set.migrations.last_mut().filter(|m| m.direction == Direction::Down) {
            last.transaction = down_mode;
        }
    }
    if !kind.by_file_name {
        sort_by_version(set);
    }
    match set.layout.name {
        "tern" => leave_out_templates(tree, set),
        "play-evolutions" => stop_at_gap(set),
        _ => {}
    }
}

/// Returns whether a folder below tern's migrations holds none of its own: its files are templates.
pub(super) fn holds_templates(folder: &Tree) -> bool {
    !folder.sql_files().any(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit()))
}

fn leave_out_templates(tree: &Tree, set: &mut MigrationSet) {
    for folder in tree.folders.iter().filter(|folder| holds_templates(folder)) {
        for (_, id) in folder.all_sql_files() {
            set.leave_out(id, "is a template, which runs only where a migration includes it");
        }
    }
}

/// Takes out what Play never reads: what lies behind the first gap, for it reads 1, 2, 3 and so on as far
/// as there is a file, and a file that is not named `N.sql`. Where several have a name, the project reads
/// them in a way of its own.
fn stop_at_gap(set: &mut MigrationSet) {
    let named: Vec<usize> =
        set.ups().filter(|(_, up)| !up.name.is_empty()).map(|(at, _)| at).collect();
    if let [at] = named[..] {
        let up = set.migrations.remove(at);
        if set.migrations.get(at).is_some_and(|down| down.direction == Direction::Down) {
            set.migrations.remove(at);
        }
        set.skip(up.file, "is not named N.sql: Play never reads it");
    }
    let mut next = 1;
    let mut end = set.migrations.len();
    for (at, migration) in set.ups() {
        match migration.version.as_number() {
            Some(number) if number == next => next += 1,
            Some(number) if number < next && number > 0 => {}
            _ => {
                end = at;
                break;
            }
        }
    }
    // Without a first one the files are not those that Play would find.
    if next == 1 {
        return;
    }
    for behind in set.migrations.split_off(end) {
        if behind.direction == Direction::Up {
            set.skip(
                behind.file,
                format!("lies behind a gap: {next}.sql is missing, and there Play stops"),
            );
        }
    }
}

/// Moves the up section behind a marker line that SQL does not read as a comment (`# --- !Ups`).
fn blank_first_line(file: &SourceFile, mut sections: Sections) -> Sections {
    if let Some(marker) = sections.up_marker.filter(|span| file.slice(*span).starts_with('#')) {
        sections.up.start = sections.up.start.max(marker.end);
    }
    sections
}
