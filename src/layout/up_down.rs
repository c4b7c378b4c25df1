//! Home-grown runners: one file for each migration with `-- UP` and `-- DOWN` sections.

use super::marked::{beginning, sample, share_of_files_with, sort_by_version};
use super::sections::{Marker, cut, plain_marker, push_file};
use super::version::{Version, split_number};
use super::{
    BASE, Detection, DownStyle, Layout, MigrationSet, OptOut, Sources, TransactionMode, Tree,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "up-down",
    title: "files with `-- UP` and `-- DOWN` sections",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::Advice(
        "let the runner run this migration without its transaction, or run the statement by hand",
    )),
    downs: DownStyle::Section,
    duplicate: "the second one is taken for applied, or fails on the version table",
    missing_down: "the runner has nothing to take back",
    checksums: false,
    assumed: true,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let up = |line: &str| plain_marker(line) == Some(Marker::Up);
    let sample = sample(tree);
    let numbered = sample.iter().filter(|(name, _)| split_number(name).is_some()).count();
    let few_others = numbered * 10 >= sample.len() * 9;
    // Files that open a transaction in their up section are run as they are, markers and all.
    let self_managed = sample.iter().filter(|(_, id)| {
        let file = sources.get(*id);
        let up = beginning(file.slice(cut(file, plain_marker).up));
        up.lines().any(|line| line.trim().eq_ignore_ascii_case("begin;"))
    });
    // Supabase reads no sections: there such lines are notes.
    if tree.lies_in("supabase")
        || !few_others
        || !share_of_files_with(tree, sources, up)
        || self_managed.count() * 3 > numbered
    {
        return None;
    }
    Detection::because("`-- UP` and `-- DOWN` lines")
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    for (name, id) in tree.sql_files() {
        let file = sources.get(id);
        let stem = name.trim_end_matches(".sql");
        let Some((digits, suffix, rest)) = split_number(stem) else {
            set.skip(id, "has no version in its name");
            continue;
        };
        let sections = cut(file, plain_marker);
        let version = Version::number_with_suffix(digits, suffix);
        let mode = set.transaction;
        push_file(set, file, id, version, rest, &sections, mode);
    }
    sort_by_version(set);
}
