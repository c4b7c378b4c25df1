//! Rails: migrations in Ruby, ordered by the number in front of their names.

use super::set::{Down, Migration};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::embedded::Embedded;
use crate::source::FileId;

pub(super) static LAYOUT: Layout = Layout {
    name: "rails",
    title: "Rails",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice(
        "put the statement into a migration of its own with `disable_ddl_transaction!`",
    )),
    downs: DownStyle::Section,
    duplicate: "Rails stops with an error",
    on_duplicate: OnDuplicate::Fails,
    missing_down: "`rails db:rollback` then undoes nothing",
    empty_down: EmptyDown::Succeeds("`rails db:rollback` then reports success and undoes nothing"),
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let count = files(tree, sources).len();
    let plural = if count == 1 { "" } else { "s" };
    (count > 0).then(|| Detection {
        evidence: vec![format!("{count} file{plural} with `ActiveRecord::Migration`")],
        ..Detection::default()
    })
}

/// Returns whether a file of a folder is the schema that Rails writes behind the migrations below it.
pub(super) fn is_structure(name: &str, tree: &Tree, sources: &Sources) -> bool {
    let is_named = name == "structure.sql" || name.ends_with("_structure.sql");
    is_named && tree.folders.iter().any(|folder| !files(folder, sources).is_empty())
}

fn files<'a>(tree: &'a Tree, sources: &'a Sources) -> Vec<(&'a str, FileId, &'a Embedded)> {
    let all = tree.code_files().filter_map(|(name, file)| {
        let embedded = sources.get(file).embedded.as_deref()?;
        (embedded.facts.framework == LAYOUT.name).then_some((name, file, embedded))
    });
    all.collect()
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut files = files(tree, sources);
    files.sort_by_cached_key(|(name, _, embedded)| {
        (Version::number(&embedded.facts.id), (*name).to_owned())
    });
    for (name, file, embedded) in files {
        match name_problem(name) {
            None => push(set, file, embedded),
            Some(Problem::NoVersion) => {
                set.skip(file, "has no version: Rails runs only `VERSION_name.rb`");
            }
            Some(Problem::Illegal) => set.skip(
                file,
                "has a name with other characters than a-z, 0-9 and `_`: Rails stops with an error over it",
            ),
        }
    }
    for (_, id) in tree.sql_files() {
        set.leave_out(id, "is no Ruby file: it is run only where a migration reads it");
    }
    for (_, id) in tree.code_files() {
        let found = sources.get(id).embedded.as_ref().map(|embedded| embedded.facts.framework);
        if found != Some(LAYOUT.name) {
            set.leave_out(id, "is no migration of Rails");
        }
    }
}

/// What is wrong with the name of a file.
enum Problem {
    /// Rails does not look at it.
    NoVersion,
    /// Rails stops.
    Illegal,
}

/// Returns what is wrong with the name of a file.
///
/// Rails looks at `[0-9]*_*.rb` and wants `([0-9]+)_([_a-z0-9]*)\.?([_a-z0-9]*)?\.rb` of it.
fn name_problem(name: &str) -> Option<Problem> {
    let stem = name.strip_suffix(".rb").unwrap_or(name);
    let rest = stem.trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == stem.len() || !rest.contains('_') {
        return Some(Problem::NoVersion);
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let is_legal = rest.starts_with('_')
        && rest.matches('.').count() < 2
        && rest.chars().all(|c| is_word(c) || c == '.');
    (!is_legal).then_some(Problem::Illegal)
}

fn push(set: &mut MigrationSet, file: FileId, embedded: &Embedded) {
    let Embedded { facts, up: section, down, .. } = embedded;
    let mut up = Migration::up(Version::number(&facts.id), &facts.name, file, *section);
    up.transaction = match facts.without_transaction {
        Some(_) => TransactionMode::None,
        None => set.transaction,
    };
    let mut back = None;
    match *down {
        Some(section) if embedded.messages_in(section).next().is_some() => {
            up.down = Down::Present;
            back = Some(up.down(file, section));
        }
        _ if facts.has_unread_down => up.down = Down::NotRead,
        Some(section) => up.down = Down::Empty { file, section },
        None => {}
    }
    set.push(up, back);
}
