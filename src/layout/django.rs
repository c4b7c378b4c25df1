//! Django: migrations in Python, ordered by what each of them depends on.

use std::collections::{BTreeMap, BTreeSet};

use super::set::{Down, Migration, Unordered};
use super::{
    BASE, Detection, DownStyle, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::embedded::Embedded;
use crate::source::FileId;

pub(super) static LAYOUT: Layout = Layout {
    name: "django",
    title: "Django",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: Some(OptOut::Advice(
        "write `atomic = False` into the class of a migration of its own, and give `RunSQL` a list of single statements",
    )),
    // Django works most downs out itself.
    downs: DownStyle::None,
    duplicate: "the name of the file is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    detect,
    read,
    ..BASE
};

struct Found<'a> {
    file: FileId,
    embedded: &'a Embedded,
}

fn migrations<'a>(tree: &'a Tree, sources: &'a Sources) -> BTreeMap<&'a str, Found<'a>> {
    let all = tree.code_files().filter_map(|(_, file)| {
        let embedded = sources.get(file).embedded.as_deref()?;
        let is_mine = embedded.facts.framework == LAYOUT.name;
        is_mine.then_some((embedded.facts.id.as_str(), Found { file, embedded }))
    });
    all.collect()
}

/// Returns the name of a migration that another names, if it is one of this folder.
fn own<'a>(found: &BTreeMap<&'a str, Found>, dependency: &str) -> Option<&'a str> {
    found.get_key_value(dependency).map(|(id, _)| *id)
}

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let found = migrations(tree, sources);
    if found.is_empty() {
        return None;
    }
    let mut evidence = vec![format!("{} files with a class Migration", found.len())];
    let leaves = leaves(&found);
    if leaves.len() > 1 {
        evidence.push(format!(
            "{} leaves, {}: `migrate` stops with an error",
            leaves.len(),
            leaves.join(" and ")
        ));
    }
    Some(Detection { evidence, ..Detection::default() })
}

/// Returns the migrations on which no other depends.
fn leaves<'a>(found: &BTreeMap<&'a str, Found>) -> Vec<&'a str> {
    let used: BTreeSet<&str> = found
        .values()
        .flat_map(|migration| &migration.embedded.facts.parents)
        .filter_map(|parent| own(found, parent))
        .collect();
    let replaced = replaced(found);
    let is_leaf = |id: &&&str| !used.contains(**id) && !replaced.contains(**id);
    found.keys().filter(is_leaf).copied().collect()
}

/// Returns why Django finds no order; `circle` is what depends on itself.
fn unordered(found: &BTreeMap<&str, Found>, circle: &[&str]) -> Vec<Unordered> {
    let files = |ids: &[&str]| ids.iter().filter_map(|id| Some(found.get(id)?.file)).collect();
    let mut all = Vec::new();
    if !circle.is_empty() {
        all.push(Unordered {
            files: files(circle),
            problem: "migrations depend on one another in a circle: `migrate` runs nothing"
                .to_owned(),
            help: "correct the `dependencies` of one",
            is_unsure: false,
        });
    }
    for (id, migration) in found {
        let facts = &migration.embedded.facts;
        let stands_for = |name: &String| {
            found.values().any(|other| other.embedded.facts.replaces.contains(name))
        };
        let is_gone = |name: &&String| {
            own(found, name).is_none() && !name.starts_with("__") && !stands_for(name)
        };
        for parent in facts.parents.iter().filter(is_gone) {
            all.push(Unordered {
                files: files(&[*id]),
                problem: format!(
                    "it depends on `{parent}`, which is not there: `migrate` runs nothing"
                ),
                help: "bring the file back, or correct the `dependencies`",
                // Which app the folder is has been told by its name only.
                is_unsure: true,
            });
        }
    }
    let leaves = leaves(found);
    if leaves.len() > 1 && all.is_empty() {
        let count = leaves.len();
        all.push(Unordered {
            files: files(&leaves),
            problem: format!("{count} migrations on which no other depends: `migrate` runs nothing"),
            help: "join them with `manage.py makemigrations --merge`, or have one depend on the other",
            // Where none depends on another, the folder may have another name in its app.
            is_unsure: leaves.len() == found.len(),
        });
    }
    all
}

/// Returns the migrations that another one of the folder stands for.
fn replaced<'a>(found: &BTreeMap<&'a str, Found>) -> BTreeSet<&'a str> {
    let all = found.values().flat_map(|migration| &migration.embedded.facts.replaces);
    all.filter_map(|name| own(found, name)).collect()
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let found = migrations(tree, sources);
    let mut waits: BTreeMap<&str, usize> = found.keys().map(|id| (*id, 0)).collect();
    let mut followers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, migration) in &found {
        for parent in migration.embedded.facts.parents.iter().filter_map(|p| own(&found, p)) {
            *waits.entry(*id).or_default() += 1;
            followers.entry(parent).or_default().push(*id);
        }
    }
    let mut ready: BTreeSet<&str> =
        waits.iter().filter(|(_, n)| **n == 0).map(|(id, _)| *id).collect();
    let mut done: BTreeSet<&str> = BTreeSet::new();
    while let Some(id) = ready.pop_first() {
        let place = done.len();
        done.insert(id);
        for next in followers.get(id).into_iter().flatten() {
            let left = waits.entry(next).or_default();
            *left -= 1;
            if *left == 0 {
                ready.insert(*next);
            }
        }
        let is_squash =
            found[id].embedded.facts.replaces.iter().any(|name| own(&found, name).is_some());
        if is_squash {
            set.leave_out(found[id].file, "stands for migrations that are there too");
        } else {
            push(set, &found[id], place);
        }
    }
    let circle: Vec<&str> = found.keys().filter(|id| !done.contains(**id)).copied().collect();
    set.unordered = unordered(&found, &circle);
    for (_, migration) in found.iter().filter(|(id, _)| !done.contains(**id)) {
        set.skip(migration.file, "depends on itself, by way of others");
    }
    for (_, id) in tree.sql_files() {
        set.leave_out(id, "is no Python file: it is run only where a migration reads it");
    }
    for (_, id) in tree.code_files() {
        if !found.values().any(|migration| migration.file == id) {
            set.leave_out(id, "has no class Migration");
        }
    }
}

fn push(set: &mut MigrationSet, found: &Found, place: usize) {
    let Embedded { facts, up: section, down, .. } = found.embedded;
    let digits: String = facts.id.chars().take_while(char::is_ascii_digit).collect();
    let version = if digits.is_empty() { facts.id.clone() } else { digits };
    let mut up = Migration::up(Version::place(&version, place), &facts.name, found.file, *section);
    up.transaction = match facts.without_transaction {
        Some(_) => set.layout.without_transaction,
        None => set.transaction,
    };
    let back = down.filter(|section| found.embedded.messages_in(*section).next().is_some());
    let back = back.map(|section| up.down(found.file, section));
    if back.is_some() {
        up.down = Down::Present;
    }
    set.push(up, back);
}
