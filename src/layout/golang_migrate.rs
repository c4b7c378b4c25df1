//! golang-migrate: `NNN_name.up.sql` and `NNN_name.down.sql`.

use super::files::{push_pairs, whole};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::Span;

pub(super) static LAYOUT: Layout = Layout {
    name: "golang-migrate",
    title: "golang-migrate",
    transaction: TransactionMode::Message,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::Advice(
        "put the statement into a file of its own: a file is sent as one message",
    )),
    downs: DownStyle::File,
    duplicate: "golang-migrate refuses to load the directory",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds("`migrate down` then reports success and undoes nothing"),
    missing_down: "`migrate down` then reports success and undoes nothing",
    checksums: false,
    assumed: false,
    detect,
    read,
    ..BASE
};

/// Mattermost's runner: the same names, but a transaction around each file.
pub(super) static MORPH: Layout = Layout {
    name: "morph",
    title: "morph",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::FirstLine(NONTRANSACTIONAL)),
    downs: DownStyle::File,
    detect: |tree, sources| {
        let found = detect(tree, sources)?;
        if let Some(hint) = tree.hint(&["go.mod"], "mattermost/morph") {
            return Detection::because(format!("{} names morph", hint.path.display()));
        }
        let says_so = |id| sources.get(id).text.starts_with(NONTRANSACTIONAL);
        let (name, _) = tree.sql_files().find(|(_, id)| says_so(*id))?;
        let evidence = vec![format!("`{NONTRANSACTIONAL}` in {name}")];
        Some(Detection { evidence, ..found })
    },
    read,
    ..BASE
};

const NONTRANSACTIONAL: &str = "-- morph:nontransactional";

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    let pairs = tree.sql_files().filter(|(name, _)| parts(name).is_some()).count();
    if pairs == 0 || pairs * 2 < tree.sql_files().count() {
        return None;
    }
    let mut evidence = vec![format!("{pairs} files named NNN_name.up.sql or NNN_name.down.sql")];
    if let Some(hint) = tree.hint(&["go.mod"], "golang-migrate") {
        evidence.push(format!("{} names golang-migrate", hint.path.display()));
    }
    Some(Detection { evidence, ..Detection::default() })
}

/// Splits `NNN_name.up.sql` into version, name and direction, as golang-migrate's own pattern does.
fn parts(name: &str) -> Option<(&str, &str, &str)> {
    let (digits, rest) = name.split_once('_')?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // The last one decides.
    let at = rest.rfind(".up.").max(rest.rfind(".down."))?;
    let direction = if rest[at..].starts_with(".up.") { "up" } else { "down" };
    Some((digits, &rest[..at], direction))
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    let is_morph = set.layout == &MORPH;
    for (name, id) in tree.sql_files() {
        let Some((digits, rest, direction)) = parts(name) else {
            let runner = set.layout.title;
            set.skip(id, format!("is not named NNN_name.up.sql: {runner} ignores it in silence"));
            continue;
        };
        let mut migration = whole(sources, id, Version::number(digits), rest);
        migration.transaction = set.transaction;
        if is_morph && sources.get(id).text.starts_with(NONTRANSACTIONAL) {
            migration.transaction = TransactionMode::Message;
            migration.directive = Some(Span::new(0..NONTRANSACTIONAL.len()));
        }
        if direction == "up" { ups.push(migration) } else { downs.push(migration) }
    }
    push_pairs(set, sources, ups, downs);
}
