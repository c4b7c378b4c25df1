//! Finds the migration directories in a tree of folders.

use std::path::PathBuf;

use super::numbered::owns_folder;
use super::{Detection, LAYOUTS, Layout, MigrationSet, Sources, TransactionMode, Tree};

/// What the configuration says about a directory.
#[derive(Clone, Debug, Default)]
pub struct Override {
    /// The layout.
    pub layout: Option<&'static Layout>,
    /// The transaction mode.
    pub transaction: Option<TransactionMode>,
}

/// Returns the migration sets in `tree`, in the order of their paths.
///
/// `overrides` says what the configuration knows about a folder. With `plain` folders whose files
/// have neither numbers nor markers count too.
pub fn recognise(
    tree: &Tree,
    sources: &Sources,
    plain: bool,
    overrides: &dyn Fn(&std::path::Path) -> Override,
) -> Vec<MigrationSet> {
    let mut sets = Vec::new();
    visit(tree, sources, plain, overrides, &mut sets);
    sets
}

fn visit(
    tree: &Tree,
    sources: &Sources,
    plain: bool,
    overrides: &dyn Fn(&std::path::Path) -> Override,
    out: &mut Vec<MigrationSet>,
) {
    let fixed = overrides(&tree.path);
    let mut claimed = None;
    let found = match fixed.layout {
        Some(layout) if tree.sql_files().next().is_some() || has_folder_migrations(tree) => {
            let detection = (layout.detect)(tree, sources).unwrap_or_default();
            let evidence = vec!["lockmaster.toml says so".to_owned()];
            Some((layout, Detection { evidence, ..detection }))
        }
        Some(_) => None,
        None => {
            let layouts = LAYOUTS.iter().filter(|layout| plain || layout.name != "plain");
            layouts.into_iter().find_map(|layout| Some((*layout, (layout.detect)(tree, sources)?)))
        }
    };
    if let Some((layout, detection)) = found {
        let mode = fixed.transaction.or(detection.transaction);
        let others = tree.files.iter().filter(|entry| entry.id.is_none());
        let mut set = MigrationSet {
            root: tree.path.clone(),
            layout,
            evidence: detection.evidence,
            transaction: mode.unwrap_or(layout.transaction),
            assumed: layout.assumed && mode.is_none(),
            migrations: Vec::new(),
            not_applied: Vec::new(),
            other_files: others.map(|entry| entry.name.clone()).collect(),
        };
        (layout.read)(tree, sources, &mut set);
        if !set.migrations.is_empty() || !set.not_applied.is_empty() {
            out.push(set);
            claimed = Some(layout);
        }
    }
    for folder in &tree.folders {
        if !claimed.is_some_and(|layout| owns(layout, tree, folder)) {
            visit(folder, sources, plain, overrides, out);
        }
    }
}

fn has_folder_migrations(tree: &Tree) -> bool {
    tree.folders.iter().any(|folder| folder.sql_files().next().is_some())
}

/// Returns whether a layout reads `folder`, which lies directly below a directory that is its own.
fn owns(layout: &Layout, tree: &Tree, folder: &Tree) -> bool {
    match layout.name {
        "diesel" | "hasura" => folder.file("up.sql").is_some() || folder.file("down.sql").is_some(),
        "prisma" => folder.file("migration.sql").is_some(),
        "numbered" | "psql" => owns_folder(folder.name()),
        "flyway" => true,
        "sqitch" => matches!(folder.name(), "deploy" | "revert" | "verify"),
        "drizzle" => folder.name() == "meta",
        _ => tree.path == PathBuf::new() && folder.files.is_empty(),
    }
}
