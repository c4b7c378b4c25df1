//! goose: `NNN_name.sql` with `-- +goose Up` and `-- +goose Down`.

use super::marked::{share_of_files_with, sort_by_version};
use super::sections::{Marker, cut, push_file};
use super::version::Version;
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "goose",
    title: "goose",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::FirstLine("-- +goose NO TRANSACTION")),
    downs: DownStyle::Section,
    duplicate: "goose stops with an error",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds("`goose down` then reports success and undoes nothing"),
    missing_down: "`goose down` then reports success and undoes nothing",
    checksums: false,
    assumed: false,
    marker: Some(marker),
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let found = share_of_files_with(tree, sources, |line| directive(line).is_some());
    found.then(|| Detection::because("`-- +goose` lines"))?
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    for (name, id) in tree.sql_files() {
        let file = sources.get(id);
        let named = name.split_once('_');
        let Some((digits, rest)) =
            named.filter(|(digits, _)| digits.parse::<i64>().is_ok_and(|version| version >= 1))
        else {
            set.skip(id, "has no number before the first `_`: goose stops with an error over it");
            continue;
        };
        let sections = cut(file, marker);
        let no_transaction = file
            .text
            .lines()
            .any(|line| directive(line).is_some_and(|d| d.eq_ignore_ascii_case("NO TRANSACTION")));
        let mode = if no_transaction { TransactionMode::None } else { set.transaction };
        let name = rest.trim_end_matches(".sql");
        push_file(set, file, id, Version::number(digits), name, &sections, mode);
    }
    sort_by_version(set);
}

fn marker(line: &str) -> Option<Marker> {
    match directive(line)?.to_ascii_lowercase().as_str() {
        "up" => Some(Marker::Up),
        "down" => Some(Marker::Down),
        _ => None,
    }
}

/// Returns what a goose marker line says: `Up`, `Down`, `NO TRANSACTION`, ...
fn directive(line: &str) -> Option<&str> {
    let line = line.strip_prefix("--")?;
    Some(line.trim_start_matches(['-', ' ']).strip_prefix("+goose")?.trim())
}
