//! `TypeORM`: classes whose names end in the time at which they were made.

use super::node_code::{self, CodeFile, code_files};
use super::{
    BASE, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};

pub(super) static LAYOUT: Layout = typeorm();

const fn typeorm() -> Layout {
    Layout {
        name: "typeorm",
        title: "TypeORM",
        transaction: TransactionMode::Runner,
        without_transaction: TransactionMode::None,
        all_pending: true,
        opt_out: Some(OptOut::Advice(
            "put the statement into a migration of its own with `transaction = false`, and run with the transaction mode `each` or `none`; what is taken back leaves it only with `none`",
        )),
        downs: DownStyle::Section,
        duplicate: "TypeORM stops with an error",
        on_duplicate: OnDuplicate::Unknown,
        missing_down: "TypeORM then stops with an error",
        empty_down: EmptyDown::Succeeds("TypeORM then reports success and undoes nothing"),
        detect: |tree, sources| node_code::detect(tree, sources, "typeorm", &["\"typeorm\""]),
        read,
        ..BASE
    }
}

/// `TypeORM` where a migration leaves the transaction: with one around all that would be an error.
static PER_MIGRATION: Layout = Layout { all_pending: false, ..typeorm() };

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    if node_code::one_leaves(tree, sources, LAYOUT.name) {
        set.layout = &PER_MIGRATION;
    }
    let mut files = code_files(tree, sources, LAYOUT.name);
    files.sort_by_cached_key(|file| (time(file).map(ToOwned::to_owned), file.name.to_owned()));
    for file in &files {
        match time(file) {
            Some(time) => {
                let id = &file.embedded.facts.id;
                let name = id.strip_suffix(time).unwrap_or(id);
                let version = Version::spelled(time, &format!("{time} {name}"));
                node_code::push(set, file, version, name);
            }
            None => set.skip(
                file.file,
                "has a class whose name does not end in 13 digits: TypeORM stops with an error over it",
            ),
        }
    }
    node_code::leave_out_others(tree, sources, set, LAYOUT.name);
}

/// Returns the 13 digits at the end of a migration's name.
fn time<'a>(file: &CodeFile<'a>) -> Option<&'a str> {
    let id = &file.embedded.facts.id;
    let digits = id.get(id.len().checked_sub(13)?..)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some(digits)
}
