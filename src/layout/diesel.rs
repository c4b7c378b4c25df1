//! Diesel: a folder for each migration, with `up.sql`, `down.sql` and perhaps `metadata.toml`.

use super::files::{push_pairs, whole};
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};

pub(super) static LAYOUT: Layout = Layout {
    name: "diesel",
    title: "Diesel",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::Message,
    all_pending: false,
    opt_out: Some(OptOut::SideFile { name: "metadata.toml", text: "run_in_transaction = false\n" }),
    downs: DownStyle::File,
    duplicate: "Diesel silently drops one of them and lists both as applied",
    on_duplicate: OnDuplicate::Fails,
    empty_up: "Diesel stops with an error",
    empty_down: EmptyDown::Fails("`diesel migration revert` then stops with an error"),
    missing_down: "`diesel migration revert` then stops with an error",
    checksums: false,
    assumed: false,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    let folders = tree.folders.iter().filter(|folder| folder.file("up.sql").is_some());
    let count = folders.clone().count();
    // Hasura has the same folders; their names begin with milliseconds.
    let milliseconds =
        folders.filter(|folder| super::files::has_milliseconds(folder.name())).count();
    if count == 0 || milliseconds == count {
        return None;
    }
    let mut evidence = vec![format!("{count} folders with up.sql")];
    if tree.has_project_file("diesel.toml") {
        evidence.push("diesel.toml".to_owned());
    }
    Some(Detection { evidence, ..Detection::default() })
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let (mut ups, mut downs) = (Vec::new(), Vec::new());
    for folder in &tree.folders {
        let (version, name) = folder.name().split_once('_').unwrap_or((folder.name(), ""));
        let version = Version::spelled(version, &version.replace('-', ""));
        let mode = match folder.file("metadata.toml").map(|file| file.text.as_deref().unwrap_or(""))
        {
            Some(text) if !runs_in_transaction(text) => TransactionMode::Message,
            _ => set.transaction,
        };
        if !folder.files.is_empty() && folder.file("up.sql").is_none() {
            let path = format!("{}/up.sql", folder.name());
            set.miss(folder.name(), path, "Diesel stops with an error, and nothing is applied");
        }
        for (file, id) in folder.sql_files() {
            let mut migration = whole(sources, id, version.clone(), name);
            migration.transaction = mode;
            match file {
                "up.sql" => ups.push(migration),
                "down.sql" => downs.push(migration),
                _ => set.skip(id, "is neither up.sql nor down.sql: Diesel ignores it"),
            }
        }
    }
    for (_, id) in tree.sql_files() {
        set.skip(id, "lies beside the migration folders: Diesel ignores it");
    }
    push_pairs(set, sources, ups, downs);
}

/// Reads `metadata.toml` as Diesel does: without the key the transaction is off, with a value that is
/// no boolean, or text that is no TOML, it is on.
fn runs_in_transaction(text: &str) -> bool {
    match text.parse::<toml::Table>() {
        Ok(table) => match table.get("run_in_transaction") {
            Some(value) => value.as_bool().unwrap_or(true),
            None => false,
        },
        Err(_) => true,
    }
}
