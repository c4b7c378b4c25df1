//! yoyo: files by name, each behind those that it depends on.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{push_pairs, whole};
use super::{Migration, MigrationSet, Sources, TransactionMode, Tree, Version};
use crate::source::SourceFile;

/// Reads a folder of yoyo's.
pub(super) fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    let mut needs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, id) in tree.sql_files() {
        if name.starts_with("post-apply") {
            set.leave_out(id, "is a hook, which yoyo runs after the migrations");
            continue;
        }
        let stem = name.trim_end_matches(".sql");
        let (stem, is_down) = match stem.strip_suffix(".rollback") {
            Some(stem) => (stem, true),
            None => (stem, false),
        };
        let file = sources.get(id);
        let mut migration = whole(sources, id, Version::text(stem), stem);
        let is_off = directives(file)
            .any(|(key, value)| key == "transactional" && value.eq_ignore_ascii_case("false"));
        migration.transaction = if is_off { TransactionMode::None } else { set.transaction };
        if is_down {
            downs.push(migration);
            continue;
        }
        let depends = directives(file).filter(|(key, _)| *key == "depends");
        let names = depends.flat_map(|(_, value)| value.split_whitespace());
        needs.insert(stem.to_owned(), names.map(str::to_owned).collect());
        ups.push(migration);
    }
    place(&mut ups, &mut downs, &needs);
    push_pairs(set, sources, ups, downs);
}

/// Returns the lines `-- key: value` among the comments before the first statement; keys are in lower
/// case.
fn directives(file: &SourceFile) -> impl Iterator<Item = (&str, &str)> {
    let lines = file.text.lines().map(str::trim_start);
    let header = lines.take_while(|line| line.is_empty() || line.starts_with("--"));
    header.filter_map(|line| {
        let (key, value) = line.strip_prefix("--")?.split_once(':')?;
        Some((key.trim(), value.trim()))
    })
}

/// Gives each migration its place: the first by name of those whose needs have all run.
fn place(ups: &mut [Migration], downs: &mut [Migration], needs: &BTreeMap<String, Vec<String>>) {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut waiting: BTreeSet<&str> = needs.keys().map(String::as_str).collect();
    while let Some(&first) = waiting.first() {
        let is_met = |need: &String| !waiting.contains(need.as_str());
        let is_ready = |name: &&str| needs.get(*name).is_none_or(|needs| needs.iter().all(is_met));
        // A circle is an error of yoyo's; the names break it here.
        let next = waiting.iter().copied().find(is_ready).unwrap_or(first);
        waiting.remove(next);
        places.insert(next, places.len());
    }
    for migration in ups.iter_mut().chain(downs) {
        if let Some(place) = places.get(migration.name.as_str()) {
            migration.version = Version::place(&migration.name, *place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    #[test]
    fn a_migration_comes_behind_what_it_depends_on() {
        let up = |name: &str| Migration::up(Version::text(name), name, FileId(0), Span::default());
        let mut ups = vec![up("a"), up("b"), up("c")];
        let needs = [("a", vec!["c"]), ("b", vec![]), ("c", vec!["gone"])];
        let needs = needs
            .map(|(name, needs)| (name.to_owned(), needs.into_iter().map(str::to_owned).collect()));
        place(&mut ups, &mut [], &needs.into());
        ups.sort_by(|a, b| a.version.cmp(&b.version));
        let order: Vec<&str> = ups.iter().map(|up| up.name.as_str()).collect();
        assert_eq!(order, ["b", "c", "a"]);
    }
}
