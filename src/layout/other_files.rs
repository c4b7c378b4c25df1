//! Runners of whole files with little more than an order: `DbUp`, yandex-pgmigrate and Bytebase.

use super::files::{push_pairs, whole};
use super::node_files::mostly;
use super::{
    BASE, Detection, Layout, MigrationSet, OnDuplicate, OptOut, Sources, TransactionMode, Tree,
    Version,
};
use crate::source::SourceFile;

pub(super) static DBUP: Layout = Layout {
    name: "dbup",
    title: "DbUp",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    duplicate: "both run, since the file name is the identity",
    on_duplicate: OnDuplicate::NameDecides,
    detect: |tree, _| {
        tree.sql_files().next()?;
        let is_project = |path: &std::path::Path| path.extension().is_some_and(|e| e == "csproj");
        let names_it =
            |text: &str| text.to_ascii_lowercase().contains("include=\"dbup-postgresql\"");
        let mut hints = tree.hints.iter();
        let project = hints.find(|hint| is_project(&hint.path) && names_it(&hint.text))?;
        Detection::because(format!("{} names dbup-postgresql", project.path.display()))
    },
    read: |tree, sources, set| {
        // Embedded scripts are sorted by their full names, in which folders are parted by dots.
        let mut files = tree.all_sql_files();
        files.sort_by_cached_key(|(path, _)| path.replace('/', "."));
        for (path, id) in files {
            let stem = path.trim_end_matches(".sql");
            let mut up = whole(sources, id, Version::text(stem), stem);
            up.transaction = set.transaction;
            set.push(up, None);
        }
    },
    ..BASE
};

pub(super) static PGMIGRATE: Layout = Layout {
    name: "pgmigrate",
    title: "yandex-pgmigrate",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice(
        "put the statement into a migration with `NONTRANSACTIONAL` in its name",
    )),
    duplicate: "pgmigrate stops with an error",
    on_duplicate: OnDuplicate::Fails,
    // Up to the next file that has none.
    all_pending: true,
    detect: |tree, _| {
        let is_named =
            |path: &str| pgmigrate_name(path.rsplit('/').next().unwrap_or(path)).is_some();
        let has_migrations = tree.name() == "migrations"
            && tree.all_sql_files().iter().any(|(path, _)| is_named(path));
        let config = tree.hint(&["migrations.yml"], "").filter(|_| has_migrations)?;
        Detection::because(format!("{} beside files named V1__name.sql", config.path.display()))
    },
    read: |tree, sources, set| {
        let mut ups = Vec::new();
        for (path, id) in tree.all_sql_files() {
            let name = path.rsplit('/').next().unwrap_or(&path);
            let Some((number, description)) = pgmigrate_name(name) else {
                set.skip(id, "is not named V1__name.sql: pgmigrate ignores it");
                continue;
            };
            let mut up = whole(sources, id, Version::number(number), description);
            let is_off = description.contains("NONTRANSACTIONAL");
            up.transaction = if is_off { TransactionMode::None } else { set.transaction };
            ups.push(up);
        }
        push_pairs(set, sources, ups, Vec::new());
    },
    ..BASE
};

/// Splits `V0001__name.sql`.
fn pgmigrate_name(name: &str) -> Option<(&str, &str)> {
    let (number, description) = name.strip_suffix(".sql")?.strip_prefix('V')?.split_once("__")?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !description.is_empty()).then_some((number, description))
}

pub(super) static BYTEBASE: Layout = Layout {
    name: "bytebase",
    title: "Bytebase",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::FirstLine("-- txn-mode = off")),
    detect: |tree, sources| {
        if !mostly(tree, |name| bytebase_version(name).is_some()) {
            return None;
        }
        let (name, _) = tree.sql_files().find(|(_, id)| txn_mode(sources.get(*id)).is_some())?;
        Detection::because(format!("`-- txn-mode` in {name}"))
    },
    read: read_bytebase,
    ..BASE
};

fn read_bytebase(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let mut ups = Vec::new();
    for (name, id) in tree.sql_files() {
        let Some(version) = bytebase_version(name) else {
            set.skip(
                id,
                "has no version at its beginning: Bytebase does not take it for a migration",
            );
            continue;
        };
        let rest = name.trim_start_matches(['v', 'V']).get(version.len()..).unwrap_or_default();
        let rest = rest.trim_start_matches(['_', '-', '#']).trim_end_matches(".sql");
        let mut up = whole(sources, id, Version::dotted(version), rest);
        let is_off = txn_mode(sources.get(id)) == Some(false);
        up.transaction = if is_off { TransactionMode::None } else { set.transaction };
        ups.push(up);
    }
    push_pairs(set, sources, ups, Vec::new());
}

/// Returns the numbers between dots at the front of a name: `^[vV]?(\d+(\.\d+)*)`.
fn bytebase_version(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".sql")?;
    let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
    let is_part = |c: char| c.is_ascii_digit() || c == '.';
    let end = name.find(|c| !is_part(c)).unwrap_or(name.len());
    let version = name[..end].trim_end_matches('.');
    let is_version = version.split('.').all(|part| !part.is_empty());
    (!version.is_empty() && is_version).then_some(version)
}

/// Reads `-- txn-mode = on|off` in the comment lines at the front of a file.
fn txn_mode(file: &SourceFile) -> Option<bool> {
    let lines = file.text.lines().map(str::trim);
    let comments = lines.take_while(|line| line.is_empty() || line.starts_with("--"));
    comments.into_iter().find_map(|line| {
        let (key, value) = line.trim_start_matches('-').trim().split_once('=')?;
        match (key.trim().to_ascii_lowercase().as_str(), value.trim().to_ascii_lowercase().as_str())
        {
            ("txn-mode", "on") => Some(true),
            ("txn-mode", "off") => Some(false),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_directives_are_taken_apart() {
        assert_eq!(bytebase_version("v1.2.3_x.sql"), Some("1.2.3"));
        assert_eq!(bytebase_version("20240101#x.sql"), Some("20240101"));
        assert_eq!(bytebase_version("x.sql"), None);
        assert_eq!(pgmigrate_name("V0001__a b.sql"), Some(("0001", "a b")));
        let mode = |text: &str| txn_mode(&SourceFile::new("a.sql", text.to_owned()));
        assert_eq!(mode("-- why\n-- txn-mode = off\nselect 1;"), Some(false));
        assert_eq!(mode("select 1;\n-- txn-mode = off"), None);
    }
}
