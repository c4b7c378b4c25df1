//! Flyway: `V1__name.sql`, undone by `U1__name.sql`, with `R__name.sql` after all of them.

mod configuration;
mod evolve;
mod name;
mod transaction;

pub(super) use evolve::EVOLVE;

use super::files::{push_pairs, whole};
use super::{
    BASE, Detection, DownStyle, Layout, Migration, MigrationSet, OnDuplicate, OptOut, Sources,
    TransactionMode, Tree, Version,
};
use crate::source::FileId;
use configuration::{Configuration, properties};
use name::{Kind, Name};

pub(super) static FLYWAY: Layout = Layout {
    name: "flyway",
    title: "Flyway",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice(
        "write `executeInTransaction=false` into a file beside the migration, named like it with `.conf` appended, and set `flyway.postgresql.transactional.lock=false`: otherwise `create index concurrently` waits for Flyway's own lock without end",
    )),
    downs: DownStyle::None,
    duplicate: "Flyway refuses to load the directory",
    on_duplicate: OnDuplicate::Fails,
    checksums: true,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, _: &Sources) -> Option<Detection> {
    if let Some(own) = Configuration::of_folder(tree) {
        let folders = own.folders(tree);
        if folders.len() > 1 && folders.iter().any(|folder| has_migrations(folder, &own)) {
            let names: Vec<String> =
                folders.iter().map(|folder| folder.path.display().to_string()).collect();
            let evidence = format!("{} names {}", shown(&own), names.join(" and "));
            let paths = folders.iter().map(|folder| folder.path.clone()).collect();
            return Some(Detection { folders: paths, ..Detection::because(evidence)? });
        }
    }
    let configuration = around(tree);
    let all = tree.sql_files().count();
    let named =
        tree.sql_files().filter(|(name, _)| name::parse(name, &configuration).is_some()).count();
    let transaction = (!configuration.in_transaction).then_some(TransactionMode::None);
    let because = |evidence| Some(Detection { transaction, ..Detection::because(evidence)? });
    if configuration.names(tree) && has_migrations(tree, &configuration) {
        return because(format!("{} names the folder", shown(&configuration)));
    }
    if has_no_prefix(tree) {
        return because("files named 1__name.sql below src/main/resources/db/migration".to_owned());
    }
    if named > 0 && named * 10 >= all * 6 {
        let prefix = &configuration.versioned;
        return because(format!("{named} files named {prefix}1__name.sql"));
    }
    if all == 0 && is_cut_by_release(tree, &configuration) {
        return because("folders of files named V1__name.sql, one for each release".to_owned());
    }
    None
}

fn shown(configuration: &Configuration) -> String {
    configuration.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
}

/// Returns the configuration of a folder; one in the usual place may do without the prefix.
fn around(tree: &Tree) -> Configuration {
    let mut configuration = Configuration::around(tree);
    if has_no_prefix(tree) {
        configuration.versioned.clear();
    }
    configuration
}

fn has_migrations(tree: &Tree, configuration: &Configuration) -> bool {
    tree.sql_files().any(|(name, _)| name::parse(name, configuration).is_some())
        || tree.folders.iter().any(|folder| has_migrations(folder, configuration))
}

/// Returns whether Flyway reads the folder with an empty prefix: in its usual place, files are named
/// `1__name.sql`, with the two underscores that only Flyway wants.
fn has_no_prefix(tree: &Tree) -> bool {
    let path = tree.path.to_string_lossy().replace('\\', "/");
    if !path.contains("src/main/resources/db/migration") {
        return false;
    }
    let all = tree.sql_files().count();
    let bare = tree.sql_files().filter(|(name, _)| {
        let stem = name.strip_suffix(".sql").filter(|stem| stem.contains("__"));
        stem.is_some_and(|stem| name::split(Kind::Versioned, stem, "__").is_some())
    });
    let bare = bare.count();
    bare > 0 && bare * 10 >= all * 9
}

/// Returns whether a folder holds nothing but folders named by numbers, as `1.0`, `2024` or `v2_3`, and
/// no version stands in two of them: then they are one history, and not one for each environment.
fn is_cut_by_release(tree: &Tree, configuration: &Configuration) -> bool {
    let is_numbered = |folder: &Tree| folder.name().contains(|c: char| c.is_ascii_digit());
    if tree.folders.len() < 2 || !tree.folders.iter().all(is_numbered) {
        return false;
    }
    let files = tree.all_sql_files();
    let parsed = files.iter().filter_map(|(path, _)| name::parse(base_name(path), configuration));
    let mut versions: Vec<Version> = parsed
        .filter(|name| name.kind == Kind::Versioned)
        .map(|name| Version::dotted(name.version))
        .collect();
    let (count, all) = (versions.len(), files.len());
    versions.sort();
    versions.dedup();
    count >= 2 && versions.len() == count && count * 10 >= all * 6
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Returns the files that Flyway finds: those of the folders that the configuration beside them names,
/// or all.
fn files<'a>(tree: &'a Tree) -> Vec<(&'a Tree, String, FileId)> {
    let named = Configuration::of_folder(tree).map(|own| own.folders(tree)).unwrap_or_default();
    let roots = if named.is_empty() { vec![tree] } else { named };
    let of_root =
        |root: &'a Tree| root.all_sql_files().into_iter().map(move |(path, id)| (root, path, id));
    roots.into_iter().flat_map(of_root).collect()
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let configuration = around(tree);
    let mut found = Found::default();
    for (root, path, id) in files(tree) {
        let file_name = base_name(&path);
        let Some(name) = name::parse(file_name, &configuration) else {
            if name::is_callback(file_name, &configuration) {
                set.leave_out(id, "is a callback, which Flyway runs around the migrations");
            } else {
                let prefix = &configuration.versioned;
                let separator = &configuration.separator;
                let wanted = format!("{prefix}1{separator}name.sql");
                set.skip(id, format!("is not named {wanted}: Flyway skips it in silence"));
            }
            continue;
        };
        let own = Script::read(root, &path);
        if own.should_execute == Some(false) {
            set.leave_out(id, "is switched off by `shouldExecute=false` in the file beside it");
            continue;
        }
        let mut migration = whole(sources, id, Version::dotted(name.version), name.description);
        let text = &sources.get(id).text;
        let is_without = own.in_transaction == Some(false)
            || own.in_transaction.is_none()
                && (transaction::is_without_transaction(text, migration.section)
                    || configuration.mixed && transaction::is_mixed(text, migration.section));
        migration.transaction = if is_without { TransactionMode::None } else { set.transaction };
        found.add(name, migration);
    }
    found.push(sources, set);
}

/// The migrations of a directory by their kinds.
#[derive(Default)]
struct Found {
    versioned: Vec<Migration>,
    undo: Vec<Migration>,
    repeatable: Vec<Migration>,
    baselines: Vec<Migration>,
}

impl Found {
    fn add(&mut self, name: Name<'_>, migration: Migration) {
        match name.kind {
            Kind::Versioned => self.versioned.push(migration),
            Kind::Undo => self.undo.push(migration),
            Kind::Repeatable => self.repeatable.push(migration),
            Kind::Baseline => self.baselines.push(migration),
        }
    }

    /// Adds them to a set in the order in which an empty database gets them.
    fn push(mut self, sources: &Sources, set: &mut MigrationSet) {
        self.begin_with_baseline(sources, set);
        push_pairs(set, sources, self.versioned, self.undo);
        push_repeatable(set, self.repeatable);
    }

    /// Puts the last baseline in the place of every migration that it stands for.
    fn begin_with_baseline(&mut self, sources: &Sources, set: &mut MigrationSet) {
        self.baselines.sort_by(|a, b| a.version.cmp(&b.version));
        let Some(baseline) = self.baselines.pop() else { return };
        let path = &sources.get(baseline.file).path;
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let stands_for = format!(
            "is at or below the baseline `{name}`, with which Flyway begins on an empty database"
        );
        for older in self.baselines.drain(..) {
            set.leave_out(older.file, format!("is an older baseline than `{name}`"));
        }
        let is_later = |migration: &Migration| migration.version > baseline.version;
        for migrations in [&mut self.versioned, &mut self.undo] {
            for older in migrations.extract_if(.., |migration| !is_later(migration)) {
                set.leave_out(older.file, stands_for.clone());
            }
        }
        self.versioned.push(baseline);
    }
}

/// Adds repeatable migrations behind all others, in the order of their descriptions.
fn push_repeatable(set: &mut MigrationSet, mut repeatable: Vec<Migration>) {
    repeatable.sort_by(|a, b| a.name.cmp(&b.name));
    for mut migration in repeatable {
        migration.version = Version::text(&format!("R__{}", migration.name));
        migration.is_repeatable = true;
        set.push(migration, None);
    }
}

/// What the configuration beside a script, such as `V1__a.sql.conf`, says about it.
#[derive(Default)]
struct Script {
    in_transaction: Option<bool>,
    should_execute: Option<bool>,
}

impl Script {
    fn read(root: &Tree, path: &str) -> Self {
        let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
        let mut names = folders.split('/').filter(|name| !name.is_empty());
        let folder = names.try_fold(root, |folder, name| folder.folder(name));
        let file = folder.and_then(|folder| folder.file(&format!("{name}.conf")));
        let text = file.and_then(|file| file.text.as_deref()).unwrap_or_default();
        let mut script = Self::default();
        for (key, value) in properties(text) {
            // An expression of placeholders is neither.
            let value = match value.to_ascii_lowercase().as_str() {
                "true" => Some(true),
                "false" => Some(false),
                _ => None,
            };
            match key.as_str() {
                "executeInTransaction" => script.in_transaction = value,
                "shouldExecute" => script.should_execute = value,
                _ => {}
            }
        }
        script
    }
}
