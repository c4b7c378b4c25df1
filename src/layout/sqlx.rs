//! sqlx: `NNN_name.sql`, or `NNN_name.up.sql` with `NNN_name.down.sql`.

use super::files::{push_pairs, whole};
use super::node_files::mostly;
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::Span;

pub(super) static LAYOUT: Layout = Layout {
    name: "sqlx",
    title: "sqlx",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::FirstLine(DIRECTIVE)),
    downs: DownStyle::File,
    duplicate: "the second one fails on the version table",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds(
        "`sqlx migrate revert` then reports success and undoes nothing",
    ),
    missing_down: "`sqlx migrate revert` then finds nothing to revert",
    checksums: true,
    assumed: false,
    detect,
    read,
    ..BASE
};

const DIRECTIVE: &str = "-- no-transaction";

/// What `sqlx migrate add` writes into new files, and what many leave there.
const TEMPLATES: [&str; 3] = [
    "-- Add migration script here",
    "-- Add up migration script here",
    "-- Add down migration script here",
];

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    if !mostly(tree, |name| version(name).is_some()) {
        return None;
    }
    if tree.has_project_file("sqlx.toml") || tree.has_project_file("sqlx-data.json") {
        return Detection::because("sqlx.toml or sqlx-data.json lies above");
    }
    if let Some(manifest) = tree.hint(&["Cargo.toml"], "sqlx") {
        return Detection::because(format!("{} names sqlx", manifest.path.display()));
    }
    // Where nothing names it, nearly all files must be named as it wants them.
    let others = tree.sql_files().filter(|(name, _)| version(name).is_none()).count();
    if others * 10 > tree.sql_files().count() {
        return None;
    }
    if super::files::lies_in_crates(tree) {
        return Detection::because("numbered files below the folder crates");
    }
    let is_template = |id| TEMPLATES.iter().any(|line| sources.get(id).text.starts_with(line));
    let (name, _) = tree.sql_files().find(|(_, id)| is_template(*id))?;
    Detection::because(format!("{name} begins with the line that `sqlx migrate add` writes"))
}

/// Splits a file name at the first `_`; what stands before it must be a number.
fn version(name: &str) -> Option<(&str, &str)> {
    let (digits, rest) = name.split_once('_')?;
    digits.parse::<i64>().ok()?;
    Some((digits, rest.strip_suffix(".sql")?))
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for (name, id) in tree.sql_files() {
        let Some((digits, rest)) = version(name) else {
            let stops = name.ends_with(".sql") && name.contains('_');
            set.skip(
                id,
                match stops {
                    true => "has no number before the first `_`: sqlx stops with an error over it",
                    false => "is not named NNN_name.sql: sqlx ignores it in silence",
                },
            );
            continue;
        };
        let (rest, is_down) = match rest.strip_suffix(".down") {
            Some(rest) => (rest, true),
            None => (rest.strip_suffix(".up").unwrap_or(rest), false),
        };
        let mut migration = whole(sources, id, Version::number(digits), rest);
        migration.transaction = set.transaction;
        // sqlx compares the very first bytes of the file.
        if sources.get(id).text.starts_with(DIRECTIVE) {
            migration.transaction = TransactionMode::Message;
            migration.directive = Some(Span::new(0..DIRECTIVE.len()));
        }
        if is_down { downs.push(migration) } else { ups.push(migration) }
    }
    push_pairs(set, sources, ups, downs);
}
