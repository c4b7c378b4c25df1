//! pop and Ory's popx: `NNN_name.up.sql`, or `NNN_name.postgres.up.sql` for one kind of database; with
//! `.fizz` it is a migration in Fizz.

use super::files::{push_pairs, whole};
use super::set::Migration;
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::FileId;

pub(super) static LAYOUT: Layout = Layout {
    name: "pop",
    title: "pop",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    opt_out: Some(OptOut::Advice(
        "put the statement alone into a file named `NNN_name.autocommit.up.sql`, which Ory's popx runs without a transaction; pop itself has no way to leave it",
    )),
    downs: DownStyle::File,
    duplicate: "the second one is taken for applied and never runs",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds("pop then reports success and undoes nothing"),
    detect,
    read,
    ..BASE
};

/// The databases that pop knows, as file names spell them.
const DIALECTS: &[&str] = &[
    "postgres",
    "postgresql",
    "pg",
    "cockroach",
    "cockroachdb",
    "crdb",
    "mysql",
    "mariadb",
    "sqlite",
    "sqlite3",
];

/// A file name, taken apart.
struct Parts<'a> {
    version: &'a str,
    name: &'a str,
    dialect: Option<&'a str>,
    autocommit: bool,
    is_down: bool,
}

/// Takes a file name apart as pop's own pattern does:
/// `^(\d+)_([^.]+)(\.[a-z0-9]+)?(\.autocommit)?\.(up|down)\.(sql|fizz)$`, where popx has
/// `.autocommit` for SQL only.
fn parts(file: &str) -> Option<Parts<'_>> {
    let (stem, is_sql) = match file.strip_suffix(".sql") {
        Some(stem) => (stem, true),
        None => (file.strip_suffix(".fizz")?, false),
    };
    let (stem, is_down) = match stem.strip_suffix(".down") {
        Some(stem) => (stem, true),
        None => (stem.strip_suffix(".up")?, false),
    };
    let (stem, autocommit) = match stem.strip_suffix(".autocommit") {
        Some(stem) if is_sql => (stem, true),
        _ => (stem, false),
    };
    let (version, rest) = stem.split_once('_')?;
    let (name, dialect) = match rest.split_once('.') {
        Some((name, dialect)) => (name, Some(dialect)),
        None => (rest, None),
    };
    let is_number = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
    let is_known = dialect.is_none_or(|dialect| DIALECTS.contains(&dialect));
    (is_number && is_known).then_some(Parts { version, name, dialect, autocommit, is_down })
}

/// Returns the files of a folder that may be migrations.
fn files(tree: &Tree) -> impl Iterator<Item = (&str, FileId)> {
    let is_fizz = |(name, _): &(&str, FileId)| name.ends_with(".fizz");
    tree.sql_files().chain(tree.code_files().filter(is_fizz))
}

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    let named = || files(tree).filter_map(|(name, _)| parts(name));
    let count = named().count();
    if count == 0 || count * 2 < files(tree).count() {
        return None;
    }
    let special = named().find(|name| name.dialect.is_some() || name.autocommit);
    if special.is_some() {
        return Detection::because(
            "files named NNN_name.postgres.up.sql or NNN_name.autocommit.up.sql",
        );
    }
    if tree.files.iter().any(|entry| entry.name.ends_with(".fizz")) {
        return Detection::because("*.fizz files");
    }
    let names_pop = |text| tree.hint(&["go.mod"], text);
    let hint = names_pop("gobuffalo/pop").or_else(|| names_pop("ory/pop"))?;
    Detection::because(format!("{} names pop", hint.path.display()))
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    let is_postgres = |name: &Parts| matches!(name.dialect, Some("postgres" | "postgresql" | "pg"));
    let named = || files(tree).filter_map(|(file, _)| parts(file));
    let mut special: Vec<(&str, bool)> =
        named().filter(|name| is_postgres(name)).map(|name| (name.version, name.is_down)).collect();
    special.sort_unstable();
    for (file, id) in files(tree) {
        let Some(name) = parts(file) else {
            set.skip(id, "is not named NNN_name.up.sql or NNN_name.up.fizz: pop ignores it");
            continue;
        };
        if name.dialect.is_some() && !is_postgres(&name) {
            set.leave_out(id, "is for another kind of database");
            continue;
        }
        if name.dialect.is_none() && special.binary_search(&(name.version, name.is_down)).is_ok() {
            set.leave_out(id, "gives way to the file for PostgreSQL with the same version");
            continue;
        }
        let mut migration = one(sources, id, &name);
        migration.transaction =
            if name.autocommit { TransactionMode::Message } else { set.transaction };
        if name.is_down { downs.push(migration) } else { ups.push(migration) }
    }
    push_pairs(set, sources, ups, downs);
}

/// Makes a migration of a file, whichever way it goes.
fn one(sources: &Sources, id: FileId, name: &Parts) -> Migration {
    let version = Version::text(name.version);
    match &sources.get(id).embedded {
        Some(embedded) => Migration::up(version, name.name, id, embedded.up),
        None => whole(sources, id, version, name.name),
    }
}
