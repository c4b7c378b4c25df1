//! Finds the migration directories in a tree of folders.

use std::path::{Path, PathBuf};

use super::foreign::take_out;
use super::numbered::owns_folder;
use crate::discover::ATTRIBUTES;
use crate::source::FileId;

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
    let mut visitor = Visitor { sources, plain, overrides, claimed: Vec::new(), sets: Vec::new() };
    visitor.visit(tree);
    visitor.sets
}

/// A walk through the folders.
struct Visitor<'a> {
    sources: &'a Sources,
    plain: bool,
    overrides: &'a dyn Fn(&std::path::Path) -> Override,
    /// The folders that sets of folders above them read.
    claimed: Vec<PathBuf>,
    sets: Vec<MigrationSet>,
}

impl Visitor<'_> {
    fn visit(&mut self, tree: &Tree) {
        if self.claimed.contains(&tree.path) {
            return;
        }
        let (sources, plain, overrides) = (self.sources, self.plain, self.overrides);
        let fixed = overrides(&tree.path);
        let mut claimed = None;
        let found = match fixed.layout {
            Some(layout) if has_migrations(tree) => {
                let detection = (layout.detect)(tree, sources).unwrap_or_default();
                let evidence = vec!["lockmaster.toml says so".to_owned()];
                Some((layout, Detection { evidence, ..detection }))
            }
            Some(_) => None,
            None => {
                let layouts = LAYOUTS.iter().filter(|layout| plain || layout.name != "plain");
                layouts
                    .into_iter()
                    .find_map(|layout| Some((*layout, (layout.detect)(tree, sources)?)))
            }
        };
        if let Some((layout, detection)) = found {
            let mode = fixed.transaction.or(detection.transaction);
            let others =
                tree.files.iter().filter(|entry| entry.id.is_none() && entry.code.is_none());
            let mut set = MigrationSet {
                root: tree.path.clone(),
                layout,
                evidence: detection.evidence,
                transaction: mode.unwrap_or(layout.transaction),
                assumed: layout.assumed && mode.is_none(),
                foreign: None,
                migrations: Vec::new(),
                not_applied: Vec::new(),
                other_files: others.map(|entry| entry.name.clone()).collect(),
                journals: journals(tree),
                missing: Vec::new(),
                unordered: Vec::new(),
                is_partial: tree.is_partial(),
                keeps_bytes: keeps_bytes(tree),
                allows_late: allows_late(layout, tree),
            };
            (layout.read)(tree, sources, &mut set);
            name_unread_code(tree, &mut set);
            // Who names the layout knows what the files are.
            if fixed.layout.is_none() {
                take_out(tree, sources, &mut set);
            }
            if !set.migrations.is_empty() || !set.not_applied.is_empty() {
                self.sets.push(set);
                // Named folders belong to the set, and no others.
                claimed = detection.folders.is_empty().then_some(layout);
                self.claimed.extend(detection.folders);
            }
        }
        for folder in &tree.folders {
            if !claimed.is_some_and(|layout| owns(layout, tree, folder)) {
                self.visit(folder);
            }
        }
    }
}

/// Returns the lists of migrations that tools keep in a directory: Drizzle has a folder for its own.
fn journals(tree: &Tree) -> Vec<FileId> {
    let folders = std::iter::once(tree).chain(tree.folder("meta"));
    folders.flat_map(|folder| &folder.files).filter_map(|entry| entry.journal).collect()
}

/// Returns whether `.gitattributes` tells git to keep the bytes of SQL files.
fn keeps_bytes(tree: &Tree) -> bool {
    let is_named = |path: &Path| path.file_name().is_some_and(|name| name == ATTRIBUTES);
    let above = tree.hints.iter().filter(|hint| is_named(&hint.path)).map(|hint| &*hint.text);
    let here = tree.file(ATTRIBUTES).and_then(|entry| entry.text.as_deref());
    here.into_iter().chain(above).flat_map(str::lines).any(|line| {
        let mut words = line.split_whitespace();
        let is_meant = words
            .next()
            .is_some_and(|path| path.ends_with('*') || path.to_ascii_lowercase().ends_with("sql"));
        is_meant && words.any(|word| matches!(word, "-text" | "binary"))
    })
}

/// Returns whether a project file or a script tells the runner to apply migrations that come late.
fn allows_late(layout: &Layout, tree: &Tree) -> bool {
    let word = match layout.name {
        "goose" => "-allow-missing",
        "flyway" | "evolve" => "outoforder=true",
        "supabase" => "--include-all",
        "atlas" => "non-linear",
        "node-pg-migrate" => "no-check-order",
        _ => return false,
    };
    let is_said = |text: &str| {
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        text.to_ascii_lowercase().contains(word)
    };
    let here = tree.files.iter().filter_map(|entry| entry.text.as_deref());
    here.chain(tree.hints.iter().map(|hint| hint.text.as_str())).any(is_said)
}

/// Adds the scripts to the other files that the layout has not read.
fn name_unread_code(tree: &Tree, set: &mut MigrationSet) {
    for (name, id) in tree.code_files() {
        let is_read = set.migrations.iter().any(|migration| migration.file == id)
            || set.not_applied.iter().any(|file| file.file == id);
        if !is_read {
            set.other_files.push(name.to_owned());
        }
    }
}

fn has_migrations(tree: &Tree) -> bool {
    tree.sql_files().next().is_some()
        || tree.code_files().next().is_some()
        || has_folder_migrations(tree)
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
        "flyway" | "evolve" | "refinery" | "pgmigrate" | "dbup" | "graphile-migrate" | "ecto" => {
            true
        }
        "sqitch" => matches!(folder.name(), "deploy" | "revert" | "verify"),
        "tern" => super::marked::holds_templates(folder),
        "drizzle" if folder.file("migration.sql").is_some() => true,
        "drizzle" => folder.name() == "meta",
        _ => tree.path == PathBuf::new() && folder.files.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Entry, Hint};
    use super::*;
    use crate::source::SourceFile;

    /// Returns the layouts of the sets in a tree of files; those that are no SQL are hints.
    fn layouts(paths: &[&str]) -> Vec<(&'static str, usize)> {
        layouts_of("select 1;", paths)
    }

    fn layouts_of(text: &str, paths: &[&str]) -> Vec<(&'static str, usize)> {
        let mut root = Tree::default();
        let mut sources = Sources::default();
        let mut hints = Vec::new();
        for path in paths {
            let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
            let is_sql = name.ends_with(".sql");
            let id = is_sql.then(|| FileId(u32::try_from(sources.files.len()).expect("few files")));
            if is_sql {
                sources.files.push(SourceFile::new(path, text.to_owned()));
            } else {
                hints.push(Hint { path: path.into(), text: "metadata_directory".to_owned() });
            }
            let mut folder = &mut root;
            for part in folders.split('/').filter(|part| !part.is_empty()) {
                let path = folder.path.join(part);
                let at = folder.folders.iter().position(|found| found.path == path);
                let at = at.unwrap_or_else(|| {
                    folder.folders.push(Tree { path, ..Tree::default() });
                    folder.folders.len() - 1
                });
                folder = &mut folder.folders[at];
            }
            folder.files.push(Entry {
                name: name.to_owned(),
                id,
                code: None,
                journal: None,
                text: None,
            });
        }
        share(&mut root, &Arc::new(hints));
        let nothing = |_: &Path| Override::default();
        let sets = recognise(&root, &sources, false, &nothing);
        sets.iter().map(|set| (set.layout.name, set.migrations.len())).collect()
    }

    fn share(tree: &mut Tree, hints: &Arc<Vec<Hint>>) {
        tree.hints = hints.clone();
        for folder in &mut tree.folders {
            share(folder, hints);
        }
    }

    #[test]
    fn hasura_and_diesel_are_told_apart_by_what_lies_around() {
        let folder = ["db/1_a/up.sql", "db/1_a/down.sql", "db/10_b/up.sql"];
        assert_eq!(layouts(&folder), [("diesel", 3)]);
        assert_eq!(layouts(&[&folder[..], &["config.yaml"]].concat()), [("hasura", 3)]);
        assert_eq!(layouts(&["hasura/migrations/app/1_a/up.sql"]), [("hasura", 1)]);
        assert_eq!(layouts(&["m/1683386226447_a/up.sql"]), [("hasura", 1)]);
    }

    #[test]
    fn sqlx_is_known_by_the_line_that_it_writes_into_new_files() {
        let files = ["m/1_a.up.sql", "m/1_a.down.sql"];
        assert_eq!(layouts(&files), [("golang-migrate", 2)]);
        assert_eq!(layouts_of("-- Add up migration script here\nselect 1;", &files), [("sqlx", 2)]);
    }

    #[test]
    fn refinery_is_flyway_with_a_file_of_its_own() {
        let files = ["m/V1__a.sql", "m/V2__b_c.sql"];
        assert_eq!(layouts(&files), [("flyway", 2)]);
        assert_eq!(layouts(&[&files[..], &["refinery.toml"]].concat()), [("refinery", 2)]);
    }

    #[test]
    fn flyway_without_a_prefix_is_known_by_its_place() {
        let names = ["20240101__a.sql", "20240102__b.sql"];
        let below = |folder: &str| names.map(|name| format!("{folder}/{name}"));
        let usual = below("src/main/resources/db/migration/all");
        assert_eq!(layouts(&usual.each_ref().map(String::as_str)), [("flyway", 2)]);
        let elsewhere = below("db");
        assert_eq!(layouts(&elsewhere.each_ref().map(String::as_str)), [("numbered", 2)]);
    }

    #[test]
    fn flyway_reads_the_folders_of_each_release_as_one_history() {
        let below = |folders: [&str; 2]| folders.map(|folder| format!("db/{folder}__x.sql"));
        let releases = below(["1.0/V1", "2.0/V2"]);
        assert_eq!(layouts(&releases.each_ref().map(String::as_str)), [("flyway", 2)]);
        let environments = below(["test/V1", "dev/V2"]);
        let found = layouts(&environments.each_ref().map(String::as_str));
        assert_eq!(found, [("flyway", 1), ("flyway", 1)]);
        let same = below(["1.0/V1", "2.0/V1"]);
        assert_eq!(layouts(&same.each_ref().map(String::as_str)).len(), 2);
    }

    #[test]
    fn lesser_known_runners_are_known_by_what_they_write() {
        assert_eq!(layouts(&["db/sqls/1-a-up.sql", "db/sqls/1-a-down.sql"]), [("db-migrate", 2)]);
        assert_eq!(layouts(&["db/1.sql", "db/migrations.json"]), [("pg-migrate", 1)]);
        assert_eq!(layouts(&["db/migrations.yml", "db/migrations/V1__a.sql"]), [("pgmigrate", 1)]);
        let names = ["db/1_a.up.sql", "db/1_a.down.sql"];
        assert_eq!(layouts_of("-- morph:nontransactional\nselect 1;", &names), [("morph", 2)]);
        let marked = |text: &str| layouts_of(text, &["db/1-a.sql", "db/2-b.sql"]);
        assert_eq!(marked("-- @MARV AUDIT = false\nselect 1;"), [("marv", 2)]);
        assert_eq!(marked("-- txn-mode = off\nselect 1;"), [("bytebase", 2)]);
        let disabled = "-- postgres-migrations disable-transaction\nselect 1;";
        assert_eq!(marked(disabled), [("postgres-migrations", 2)]);
    }

    #[test]
    fn drizzle_keeps_a_snapshot_beside_each_migration_and_prisma_does_not() {
        let files = ["db/20240101_a/migration.sql", "db/20240102_b/migration.sql"];
        assert_eq!(layouts(&files), [("prisma", 2)]);
        let with_snapshots = [&files[..], &["db/20240102_b/snapshot.json"]].concat();
        assert_eq!(layouts(&with_snapshots), [("drizzle", 2)]);
    }

    #[test]
    fn pop_names_the_database_in_the_file_name() {
        let files = [
            "m/1_a.up.sql",
            "m/1_a.down.sql",
            "m/2_b.postgres.up.sql",
            "m/2_b.mysql.up.sql",
            "m/2_b.up.sql",
            "m/3_c.postgres.autocommit.up.sql",
        ];
        assert_eq!(layouts(&files), [("pop", 4)]);
        assert_eq!(layouts(&files[..2]), [("golang-migrate", 2)]);
    }

    #[test]
    fn files_that_drizzle_writes_for_supabase_are_for_supabase() {
        let mut files = vec!["supabase/migrations/0000_a.sql"];
        assert_eq!(layouts(&files), [("supabase", 1)]);
        files.push("supabase/migrations/meta/_journal.json");
        assert_eq!(layouts(&files), [("supabase", 1)]);
    }
}
