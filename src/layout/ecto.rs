//! Ecto: migrations in Elixir, ordered by the number in front of their names, in folders of any depth.

use super::set::{Down, Migration};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::embedded::Embedded;
use crate::source::FileId;

pub(super) static LAYOUT: Layout = Layout {
    name: "ecto",
    title: "Ecto",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice(
        "put the statement into a migration of its own with `@disable_ddl_transaction true` and `@disable_migration_lock true`",
    )),
    downs: DownStyle::Section,
    duplicate: "Ecto stops with an error",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Unknown,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let is_migration = |(_, file): &(&str, FileId)| migration(sources, *file).is_some();
    let count = tree.code_files().filter(is_migration).count();
    let has_version = tree.code_files().any(|(name, _)| version(name).is_some());
    let plural = if count == 1 { "" } else { "s" };
    // What a library keeps for others to call has no versions.
    (count > 0 && has_version).then(|| Detection {
        evidence: vec![format!("{count} file{plural} with `use Ecto.Migration`")],
        ..Detection::default()
    })
}

fn migration(sources: &Sources, file: FileId) -> Option<&Embedded> {
    let embedded = sources.get(file).embedded.as_deref()?;
    (embedded.facts.framework == LAYOUT.name).then_some(embedded)
}

/// Returns the digits at the front of `VERSION_name.exs`.
fn version(name: &str) -> Option<&str> {
    let stem = name.strip_suffix(".exs").or_else(|| name.strip_suffix(".ex"))?;
    let (digits, _) = stem.split_once('_')?;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(digits)
}

/// Returns the files of a folder and those below it.
fn files(tree: &Tree) -> Vec<(&str, FileId)> {
    let mut found: Vec<(&str, FileId)> = tree.code_files().collect();
    tree.folders.iter().for_each(|folder| found.extend(files(folder)));
    found
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut files = files(tree);
    files.sort_by_cached_key(|(name, _)| {
        (Version::number(version(name).unwrap_or_default()), (*name).to_owned())
    });
    for (name, file) in files {
        match migration(sources, file) {
            None => set.leave_out(file, "is no migration of Ecto"),
            Some(_) if version(name).is_none() => {
                set.skip(file, "has no version: Ecto runs only `VERSION_name.exs`");
            }
            Some(_) if name.ends_with(".ex") => {
                set.skip(file, "ends in .ex: Ecto warns of it and runs only `VERSION_name.exs`");
            }
            Some(embedded) => push(set, file, embedded),
        }
    }
    for (_, id) in tree.sql_files() {
        set.leave_out(id, "is no Elixir file: it is run only where a migration reads it");
    }
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
