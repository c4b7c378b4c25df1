//! Numbered directories whose runner is not known, and those that a shell script feeds to psql.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::files::whole;
use super::sections::{Marker, commented_sql, cut, down_of, plain_marker};
use super::set::{Down, Migration};
use super::version::{Version, split_number};
use super::{
    BASE, Detection, DownStyle, Hint, Layout, MigrationSet, Sources, TransactionMode, Tree,
};
use crate::source::{FileId, Span};

pub(super) static NUMBERED: Layout = Layout {
    name: "numbered",
    title: "numbered files, runner not known",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: None,
    downs: DownStyle::Habit,
    duplicate: "which one runs first depends on how the names are sorted",
    missing_down: "",
    checksums: false,
    assumed: true,
    detect: detect_numbered,
    read,
    ..BASE
};

pub(super) static PSQL: Layout = Layout {
    name: "psql",
    title: "numbered files run by psql",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: None,
    downs: DownStyle::Habit,
    duplicate: "which one runs first depends on how the names are sorted",
    missing_down: "",
    checksums: false,
    assumed: false,
    detect: detect_psql,
    read,
    ..BASE
};

/// Folders beside the migrations that hold their downs.
const DOWN_FOLDERS: &[&str] = &["rollback", "rollbacks", "down", "downs", "revert", "undo"];

/// Folders beside the migrations whose files are never applied, and why.
const IDLE_FOLDERS: &[(&str, &str)] = &[
    ("archive", "lies in an archive folder"),
    ("archived", "lies in an archive folder"),
    ("old", "lies in an archive folder"),
    ("deprecated", "lies in a folder of deprecated files"),
    ("tests", "is a test, not a migration"),
    ("test", "is a test, not a migration"),
    ("seeds", "is seed data, not a migration"),
    ("seed", "is seed data, not a migration"),
    ("fixtures", "is test data, not a migration"),
    ("diagnostics", "is a diagnostic script, not a migration"),
];

fn detect_numbered(tree: &Tree, _: &Sources) -> Option<Detection> {
    let all = tree.sql_files().count();
    let numbered = tree.sql_files().filter(|(name, _)| stem_number(name).is_some()).count();
    let named_for_it = matches!(tree.name(), "migrations" | "migration" | "migrate");
    let enough =
        numbered >= 2 && numbered * 2 > all || numbered >= 1 && (named_for_it || numbered == all);
    enough.then(|| Detection::because(format!("{numbered} of {all} files begin with a number")))?
}

fn detect_psql(tree: &Tree, sources: &Sources) -> Option<Detection> {
    detect_numbered(tree, sources)?;
    let script = tree.hints.iter().find(|hint| runs_psql(hint, tree.name()))?;
    let single = script.text.contains("--single-transaction") || script.text.contains(" -1 ");
    let what = if single { "runs psql in a single transaction" } else { "runs psql -f" };
    Some(Detection {
        evidence: vec![format!("{} {what} on the files", script.path.display())],
        transaction: Some(if single { TransactionMode::Runner } else { TransactionMode::None }),
        ..Detection::default()
    })
}

/// Returns whether a shell script or Makefile runs psql over the files of the folder `name`.
fn runs_psql(hint: &Hint, name: &str) -> bool {
    let file = hint.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let is_script =
        hint.path.extension().is_some_and(|e| e == "sh" || e == "bash") || file == "Makefile";
    let runs_files = hint.text.contains(" -f ") || hint.text.contains("--file");
    is_script
        && !name.is_empty()
        && runs_files
        && hint.text.contains("psql")
        && hint.text.contains(name)
}

/// Splits a file name with a number, `V` in front or not, into digits, suffix and rest.
fn stem_number(name: &str) -> Option<(&str, &str, &str)> {
    let stem = name.strip_suffix(".sql").or_else(|| name.strip_suffix(".SQL")).unwrap_or(name);
    let bare =
        stem.strip_prefix(['v', 'V']).filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    split_number(bare.unwrap_or(stem))
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut downs = separate_downs(tree);
    let is_down: HashSet<FileId> = downs.values().flatten().map(|down| down.id).collect();
    let mut found: Vec<(Migration, Option<Migration>)> = Vec::new();
    let mut unnumbered = Vec::new();
    for (name, id) in tree.sql_files() {
        if is_down.contains(&id) {
            continue;
        }
        let Some((digits, suffix, rest)) = stem_number(name) else {
            unnumbered.push((name, id));
            continue;
        };
        let rest = rest.strip_suffix(".up").unwrap_or(rest);
        let version = Version::number_with_suffix(digits, suffix);
        found.push(read_file(sources, set, id, version, rest, &mut downs));
    }
    found.sort_by(|(a, _), (b, _)| (&a.version, &a.name).cmp(&(&b.version, &b.name)));
    for (up, down) in found {
        set.push(up, down);
    }
    for (name, id) in unnumbered {
        let mut up = whole(sources, id, Version::default(), name.trim_end_matches(".sql"));
        up.transaction = set.transaction;
        up.unnumbered = true;
        set.push(up, None);
    }
    for left in downs.into_values().flatten() {
        set.skip_orphan(left.id);
    }
    for folder in &tree.folders {
        let idle = IDLE_FOLDERS.iter().find(|(name, _)| folder.name().eq_ignore_ascii_case(name));
        if let Some((_, reason)) = idle {
            for (_, id) in folder.all_sql_files() {
                set.skip(id, *reason);
            }
        }
    }
}

/// Returns whether the layout reads the folder `name` below a numbered directory.
pub(super) fn owns_folder(name: &str) -> bool {
    let is = |other: &&str| name.eq_ignore_ascii_case(other);
    DOWN_FOLDERS.iter().any(is) || IDLE_FOLDERS.iter().any(|(other, _)| is(other))
}

struct DownFile {
    name: String,
    id: FileId,
}

/// Returns the files that are downs, by version: in a folder of their own, or named `.down.sql`.
fn separate_downs(tree: &Tree) -> BTreeMap<Version2, Vec<DownFile>> {
    let mut downs: BTreeMap<Version2, Vec<DownFile>> = BTreeMap::new();
    let numbers = numbers(tree);
    let beside = tree.sql_files().filter(|(name, _)| {
        let stem = name.trim_end_matches(".sql");
        stem.ends_with(".down")
            || stem.ends_with("_down")
            || stem.ends_with("-down")
            || stem.ends_with("_rollback") && numbers.get(&number_of(name)) > Some(&1)
    });
    let folders = tree
        .folders
        .iter()
        .filter(|folder| DOWN_FOLDERS.iter().any(|name| folder.name().eq_ignore_ascii_case(name)));
    for (name, id) in beside.chain(folders.flat_map(Tree::sql_files)) {
        downs
            .entry(number_of(name).unwrap_or_default())
            .or_default()
            .push(DownFile { name: name.to_owned(), id });
    }
    downs
}

/// Returns how many files have each number, so that one of them can be the down of another.
fn numbers(tree: &Tree) -> HashMap<Option<Version2>, usize> {
    let mut numbers = HashMap::new();
    for (name, _) in tree.sql_files() {
        *numbers.entry(number_of(name)).or_default() += 1;
    }
    numbers
}

fn number_of(name: &str) -> Option<Version2> {
    stem_number(name).map(|(digits, suffix, _)| key(digits, suffix))
}

/// A version as downs are matched by it: number and suffix.
type Version2 = (u128, String);

fn key(digits: &str, suffix: &str) -> Version2 {
    (digits.parse().unwrap_or(u128::MAX), suffix.to_ascii_lowercase())
}

fn read_file(
    sources: &Sources,
    set: &MigrationSet,
    id: FileId,
    version: Version,
    name: &str,
    downs: &mut BTreeMap<Version2, Vec<DownFile>>,
) -> (Migration, Option<Migration>) {
    let file = sources.get(id);
    let text = Span::new(file.text_start()..file.text.len());
    let mut up = Migration::up(version, name, id, text);
    up.transaction = set.transaction;
    let number = (up.version.base_number().unwrap_or(u128::MAX), suffix_of(&up.version));
    let candidates = downs.get_mut(&number).filter(|candidates| !candidates.is_empty());
    if let Some(candidates) = candidates {
        let best = (0..candidates.len()).max_by_key(|&at| common(&candidates[at].name, name));
        let down = candidates.remove(best.unwrap_or(0));
        let section = Span::new(sources.get(down.id).text_start()..sources.get(down.id).text.len());
        up.down = down_of(sources.get(down.id), down.id, section);
        let migration = up.down(down.id, section);
        return (up, Some(migration));
    }
    let sections = cut(file, plain_marker);
    if let Some(section) = sections.down {
        match down_of(file, id, section) {
            // Whoever runs the file as it is runs this part too: it is no down.
            Down::Present => {}
            other => {
                up.down = other;
                up.section = sections.up;
            }
        }
    } else if let Some(comments) = rollback_comment(file, text) {
        up.down = Down::Commented { file: id, section: comments };
    }
    (up, None)
}

/// Finds commented-out statements behind a comment line that announces a rollback in its own words.
fn rollback_comment(file: &crate::source::SourceFile, text: Span) -> Option<Span> {
    let announced = |line: &str| {
        let words = line.trim_start().strip_prefix("--").unwrap_or_default().to_ascii_lowercase();
        words.trim_start_matches(['-', '=', ' ']).starts_with("rollback")
            || words.trim_start_matches(['-', '=', ' ']).starts_with("to rollback")
            || words.trim_start_matches(['-', '=', ' ']).starts_with("to undo")
    };
    let mut at = text.start as usize;
    for line in file.slice(text).split_inclusive('\n') {
        at += line.len();
        if line.trim_start().starts_with("--")
            && announced(line)
            && plain_marker(line) != Some(Marker::Up)
        {
            return commented_sql(file, Span { start: Span::new(at..at).start, end: text.end });
        }
    }
    None
}

fn suffix_of(version: &Version) -> String {
    version.text.trim_start_matches(|c: char| c.is_ascii_digit()).to_ascii_lowercase()
}

/// Returns how many words two names share: the measure by which a down finds its up.
fn common(a: &str, b: &str) -> usize {
    let words = |text: &str| -> Vec<String> {
        text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect()
    };
    let b = words(b);
    words(a).iter().filter(|word| b.contains(word)).count()
}
