//! Runners of migrations in JavaScript or TypeScript whose order is that of their names.

use super::set::{Down, Migration};
use super::version::split_number;
use super::{Detection, MigrationSet, Sources, TransactionMode, Tree, Version};
use crate::embedded::Embedded;
use crate::source::FileId;

/// The framework of a migration that does not show which one it is for.
pub(super) const ANY: &str = "javascript";

/// A migration in JavaScript or TypeScript.
pub(super) struct CodeFile<'a> {
    pub(super) name: &'a str,
    pub(super) file: FileId,
    pub(super) embedded: &'a Embedded,
}

impl CodeFile<'_> {
    /// Returns the name of the file without its extension.
    pub(super) fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(self.name, |(stem, _)| stem)
    }
}

/// Returns the migrations of a folder that are for a framework, or show none.
pub(super) fn code_files<'a>(
    tree: &'a Tree,
    sources: &'a Sources,
    framework: &str,
) -> Vec<CodeFile<'a>> {
    let all = tree.code_files().filter_map(|(name, file)| {
        let embedded = sources.get(file).embedded.as_deref()?;
        let found = embedded.facts.framework;
        (found == framework || found == ANY).then_some(CodeFile { name, file, embedded })
    });
    all.collect()
}

/// Recognises a folder by the files that are for a framework, or by a project file that names one of
/// `packages`.
pub(super) fn detect(
    tree: &Tree,
    sources: &Sources,
    framework: &str,
    packages: &[&str],
) -> Option<Detection> {
    let files = code_files(tree, sources, framework);
    let own = files.iter().filter(|file| file.embedded.facts.framework == framework).count();
    let others = tree.code_files().count() - files.len();
    // SQL files beside a script or two are for another runner.
    if files.is_empty() || others > own || tree.sql_files().count() > files.len() {
        return None;
    }
    let package = packages.iter().find_map(|package| tree.hint(&["package.json"], package));
    let is_known = package.is_some() && framework != ANY;
    if own == 0 && (!is_known || others > 0) {
        return None;
    }
    let mut evidence = Vec::new();
    if let Some(package) = package {
        evidence.push(format!("{} names it", package.path.display()));
    }
    if own > 0 {
        let plural = if own == 1 { "" } else { "s" };
        evidence.push(format!("{own} file{plural} with a function `up`"));
    }
    Some(Detection { evidence, ..Detection::default() })
}

/// Reads the migrations in the order of their file names.
pub(super) fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet, framework: &str) {
    let mut files = code_files(tree, sources, framework);
    files.sort_by_key(|file| file.name);
    for file in &files {
        let (text, name) = split_stem(file.stem());
        // The name of the file is the identity: files may have one number in common.
        push(set, file, Version::spelled(text, file.name), name);
    }
    leave_out_others(tree, sources, set, framework);
}

/// Splits `20240115120000_name`; a name without a number is all name.
pub(super) fn split_stem(stem: &str) -> (&str, &str) {
    match split_number(stem) {
        Some((digits, _, rest)) => (digits, rest),
        None => (stem, stem),
    }
}

/// Adds a migration with its down.
pub(super) fn push(set: &mut MigrationSet, file: &CodeFile, version: Version, name: &str) {
    let Embedded { facts, up: section, down, .. } = file.embedded;
    let mut up = Migration::up(version, name, file.file, *section);
    up.transaction = match facts.without_transaction {
        Some(_) => TransactionMode::None,
        None => set.transaction,
    };
    let mut back = None;
    if let Some(section) = *down {
        if file.embedded.messages_in(section).next().is_some() {
            up.down = Down::Present;
            back = Some(up.down(file.file, section));
        } else if facts.has_unread_down {
            up.down = Down::NotRead;
        } else {
            up.down = Down::Empty { file: file.file, section };
        }
    }
    if down.is_none() && facts.has_unread_down {
        up.down = Down::NotRead;
    }
    set.push(up, back);
}

/// Returns whether a migration of the folder leaves the runner's transaction.
pub(super) fn one_leaves(tree: &Tree, sources: &Sources, framework: &str) -> bool {
    let files = code_files(tree, sources, framework);
    files.iter().any(|file| file.embedded.facts.without_transaction.is_some())
}

/// Accounts for the files that are no migrations of the framework.
pub(super) fn leave_out_others(
    tree: &Tree,
    sources: &Sources,
    set: &mut MigrationSet,
    framework: &str,
) {
    for (_, id) in tree.sql_files() {
        let is_read = set.migrations.iter().any(|migration| migration.file == id)
            || set.not_applied.iter().any(|file| file.file == id);
        if !is_read {
            set.leave_out(id, "is no script: it is run only where a migration reads it");
        }
    }
    for (_, id) in tree.code_files() {
        let found = sources.get(id).embedded.as_ref().map(|embedded| embedded.facts.framework);
        match found {
            Some(found) if found == framework || found == ANY => {}
            Some("") | None => set.leave_out(id, "has no function `up`"),
            Some(_) => set.leave_out(id, "is written for another framework"),
        }
    }
}
