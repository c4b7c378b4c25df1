//! node-pg-migrate: scripts, and SQL files with `-- Up Migration` and `-- Down Migration`.

use super::marked::{beginning, sample, share_of_files_with};
use super::node_code;
use super::sections::{Marker, cut, push_file};
use super::version::{Version, split_number};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "node-pg-migrate",
    title: "node-pg-migrate",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    all_pending: true,
    opt_out: Some(OptOut::Advice(
        "write the migration in JavaScript, where `pgm.noTransaction()` leaves the transaction: an SQL file cannot",
    )),
    downs: DownStyle::Section,
    duplicate: "both run, since the file name is the identity; the rest of the name decides the order",
    on_duplicate: OnDuplicate::LocaleDecides,
    empty_down: EmptyDown::Succeeds("node-pg-migrate then reports success and undoes nothing"),
    missing_down: "node-pg-migrate then refuses to go down",
    checksums: false,
    assumed: false,
    marker: Some(marker),
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let scripts = node_code::code_files(tree, sources, LAYOUT.name);
    let own = scripts.iter().filter(|file| file.embedded.facts.framework == LAYOUT.name).count();
    if own > 0 && own * 2 >= scripts.len() + tree.sql_files().count() {
        return Detection::because(format!("{own} files with functions of `pgm`"));
    }
    // It refuses a directory with a file that does not begin with digits.
    let all_numbered =
        tree.sql_files().all(|(name, _)| name.starts_with(|c: char| c.is_ascii_digit()));
    let marked = share_of_files_with(tree, sources, |line| marker(line).is_some());
    let package = tree.hint(&["package.json"], "\"node-pg-migrate\"");
    let by_package = package.is_some_and(|_| marked || tree.sql_files().next().is_some());
    if !all_numbered || !(by_package || marked) {
        return None;
    }
    // Supabase reads no sections: there such lines are notes.
    if package.is_none() && tree.lies_in("supabase") {
        return None;
    }
    // Without the package, a file that opens its own transaction speaks for another runner.
    if package.is_none() && opens_transactions(tree, sources) {
        return None;
    }
    let mut evidence = Vec::new();
    if let Some(package) = package {
        evidence.push(format!("{} names node-pg-migrate", package.path.display()));
    }
    if marked {
        evidence.push("`-- Up Migration` lines".to_owned());
    }
    Some(Detection { evidence, ..Detection::default() })
}

/// Returns whether many files begin a transaction themselves.
fn opens_transactions(tree: &Tree, sources: &Sources) -> bool {
    let opens =
        |text: &str| beginning(text).lines().any(|line| line.trim().eq_ignore_ascii_case("begin;"));
    let sample = sample(tree);
    sample.iter().filter(|(_, id)| opens(&sources.get(*id).text)).count() * 3 > sample.len()
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let scripts = node_code::code_files(tree, sources, LAYOUT.name);
    let script = |id| scripts.iter().find(|script| script.file == id);
    let mut files: Vec<_> = tree.sql_files().collect();
    files.extend(scripts.iter().map(|script| (script.name, script.file)));
    // The number decides, then the name in the order of languages, which looks at punctuation last.
    files.sort_by_cached_key(|(name, _)| {
        let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
        let letters: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
        let number = digits.parse::<u128>().unwrap_or(u128::MAX);
        (number, letters.to_lowercase(), (*name).to_owned())
    });
    for (name, id) in files {
        let file = sources.get(id);
        let stem = script(id).map_or(name.trim_end_matches(".sql"), |script| script.stem());
        let Some((digits, suffix, rest)) = split_number(stem) else {
            set.skip(id, "does not begin with digits: node-pg-migrate stops with an error over it");
            continue;
        };
        let version = Version::number_with_suffix(digits, suffix);
        if let Some(script) = script(id) {
            node_code::push(set, script, version, rest);
            continue;
        }
        let sections = cut(file, marker);
        let mode = set.transaction;
        push_file(set, file, id, version, rest, &sections, mode);
    }
    node_code::leave_out_others(tree, sources, set, LAYOUT.name);
}

/// Reads a line that contains `-- up migration`, in any case.
fn marker(line: &str) -> Option<Marker> {
    let rest = line.trim_start().strip_prefix("--")?.trim_start_matches(['-', ' ', '\t']);
    let mut words = rest.split_whitespace();
    let (first, second) = (words.next()?, words.next()?);
    let is_migration = second.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("migration"));
    match first.to_ascii_lowercase().as_str() {
        "up" if is_migration => Some(Marker::Up),
        "down" if is_migration => Some(Marker::Down),
        _ => None,
    }
}
