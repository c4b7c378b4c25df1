//! Sqitch: `deploy/NAME.sql` and `revert/NAME.sql`, in the order of `sqitch.plan`.

use std::collections::HashMap;

use super::files::{push_pairs, whole};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, Sources,
    TransactionMode, Tree, Version,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "sqitch",
    title: "Sqitch",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: None,
    downs: DownStyle::File,
    duplicate: "Sqitch refuses the plan",
    on_duplicate: OnDuplicate::Fails,
    missing_down: "`sqitch revert` then stops with an error",
    empty_down: EmptyDown::Succeeds("`sqitch revert` then reports success and undoes nothing"),
    checksums: false,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    tree.file("sqitch.plan").and(tree.folder("deploy"))?;
    Detection::because("sqitch.plan and the folder deploy")
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let plan = tree.file("sqitch.plan").and_then(|plan| plan.text.as_deref()).unwrap_or_default();
    let places = scripts(plan);
    let files = |folder: &str| tree.folder(folder).map(Tree::all_sql_files).unwrap_or_default();
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for (folder, out) in [("deploy", &mut ups), ("revert", &mut downs)] {
        for (path, id) in files(folder) {
            let name = path.trim_end_matches(".sql");
            match places.get(name).copied() {
                Some(place) => out.push(whole(sources, id, Version::place(name, place), name)),
                None => set.skip(id, "is not in sqitch.plan: Sqitch never runs it"),
            }
        }
    }
    // Without a single one the scripts lie elsewhere.
    if let Some(deploy) = tree.folder("deploy").filter(|_| !ups.is_empty()) {
        // Of a change that was reworked only one of the tags behind it names the old script.
        let is_current = |name: &&String| !name.contains('@');
        let mut lost: Vec<&String> = places.keys().filter(is_current).collect();
        lost.retain(|name| !has_script(deploy, name));
        lost.sort_by_key(|name| places.get(*name));
        for name in lost {
            let consequence = "`sqitch deploy` fails, and takes back what it deployed before";
            set.miss(name, format!("deploy/{name}.sql"), consequence);
        }
    }
    push_pairs(set, sources, ups, downs);
    for (_, id) in files("verify") {
        set.skip(id, "verifies a change, it is not one");
    }
}

/// Returns whether there is a script of that name, with any extension.
fn has_script(folder: &Tree, name: &str) -> bool {
    match name.split_once('/') {
        Some((below, name)) => folder.folder(below).is_some_and(|folder| has_script(folder, name)),
        None => folder
            .files
            .iter()
            .any(|entry| entry.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))),
    }
}

/// Returns the place in a plan of each script that it names, without `.sql`.
///
/// A change that stands in the plan again was reworked: what it was before is kept as `NAME@tag`, with a
/// tag that the plan sets between the two.
fn scripts(plan: &str) -> HashMap<String, usize> {
    let mut scripts = HashMap::new();
    // The changes that may be reworked further down, with the place at which they stand.
    let mut open: HashMap<&str, usize> = HashMap::new();
    // The tags, each with the number of changes before it.
    let mut tags: Vec<(&str, usize)> = Vec::new();
    let mut place = 0;
    for line in plan.lines().filter(|line| !line.starts_with(['%', '#', '-'])) {
        let Some(word) = line.trim_start_matches('+').split_whitespace().next() else { continue };
        if let Some(tag) = word.strip_prefix('@') {
            tags.push((tag, place));
            continue;
        }
        if let Some(old) = open.insert(word, place) {
            for (tag, _) in tags.iter().filter(|(_, before)| *before > old) {
                scripts.entry(format!("{word}@{tag}")).or_insert(old);
            }
        }
        place += 1;
    }
    scripts.extend(open.into_iter().map(|(name, place)| (name.to_owned(), place)));
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_was_before_it_was_reworked_keeps_its_place() {
        let plan = "%project=x\n\na 2026-01-01T00:00:00Z me <m@x> # first\nb [a] 2026-01-02\n\
                    @v1 2026-01-03\n\na [a@v1] 2026-01-04\n@v2 2026-01-05\n";
        let found = scripts(plan);
        let at = |name: &str| found.get(name).copied();
        assert_eq!((at("a@v1"), at("b"), at("a")), (Some(0), Some(1), Some(2)));
        assert_eq!((at("a@v2"), at("b@v1")), (None, None));
    }
}
