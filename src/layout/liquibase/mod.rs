//! Liquibase: changesets in formatted SQL, in the order of a changelog in XML, YAML or JSON.

mod changelog;
mod formatted;
mod order;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use super::files::whole;
use super::sections::down_of;
use super::set::Down;
use super::{
    BASE, Detection, DownStyle, EmptyDown, Layout, Migration, MigrationSet, OnDuplicate, OptOut,
    Sources, TransactionMode, Tree, Version,
};
use crate::source::{FileId, Span};
use crate::sql::{self, ChunkKind};
use formatted::Rollback;
use order::{Order, Planned, order};

pub(super) static LAYOUT: Layout = Layout {
    name: "liquibase",
    title: "Liquibase",
    transaction: TransactionMode::Runner,
    without_transaction: TransactionMode::None,
    opt_out: Some(OptOut::Advice(
        "write `runInTransaction:false` behind author and id of the changeset, without a blank after the colon",
    )),
    downs: DownStyle::Section,
    duplicate: "Liquibase stops with a validation error",
    on_duplicate: OnDuplicate::Fails,
    empty_down: EmptyDown::Succeeds("`liquibase rollback` then reports success and undoes nothing"),
    missing_down: "`liquibase rollback` then stops with an error",
    checksums: true,
    detect,
    read,
    ..BASE
};

fn detect(tree: &Tree, sources: &Sources) -> Option<Detection> {
    let planned = order(tree);
    if !planned.files.is_empty() {
        let mut folders: Vec<_> =
            own_folders(tree, sources, &planned).map(|folder| folder.path.clone()).collect();
        // The folder itself is always read.
        folders.push(tree.path.clone());
        let names = planned.roots.join(" and ");
        let verb = if planned.roots.len() == 1 { "includes" } else { "include" };
        let detection = Detection::because(format!("{names} {verb} the files"))?;
        return Some(Detection { folders, ..detection });
    }
    let all = tree.sql_files().count();
    let count =
        tree.sql_files().filter(|(_, id)| formatted::is_formatted(&sources.get(*id).text)).count();
    if count == 0 || all >= 5 && count * 5 < all {
        return None;
    }
    Detection::because(
        "`--liquibase formatted sql` lines; no changelog in sight says the order, so the names do",
    )
}

/// Returns the folders below that hold files which the changelogs run, or could run.
fn own_folders<'a>(
    tree: &'a Tree,
    sources: &Sources,
    planned: &Order,
) -> impl Iterator<Item = &'a Tree> {
    let reached: BTreeSet<FileId> = planned.files.iter().map(|file| file.id).collect();
    tree.folders.iter().filter(move |folder| {
        let mut files = folder.all_sql_files().into_iter();
        files.any(|(_, id)| reached.contains(&id) || formatted::is_formatted(&sources.get(id).text))
    })
}

fn read(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    let planned = order(tree);
    let mut reader = Reader { sources, place: 0, keys: HashMap::new(), downs: BTreeMap::new() };
    if planned.files.is_empty() {
        for (name, id) in tree.sql_files() {
            reader.file(set, Path::new(name), id);
        }
        return;
    }
    for file in &planned.files {
        match &file.changeset {
            Some(changeset) => reader.sql_file(set, file, changeset),
            None => reader.file(set, &file.path, file.id),
        }
    }
    let reached: BTreeSet<FileId> = planned.files.iter().map(|file| file.id).collect();
    let names = planned.roots.join(" and ");
    let below = own_folders(tree, sources, &planned);
    let below = below.flat_map(|folder| folder.all_sql_files().into_iter().map(|(_, id)| id));
    for id in tree.sql_files().map(|(_, id)| id).chain(below) {
        if !reached.contains(&id) {
            set.skip(id, format!("is not included by {names}: Liquibase never runs it"));
        }
    }
}

/// Reads files in their order.
struct Reader<'a> {
    sources: &'a Sources,
    place: usize,
    /// The place of each changeset by file, author and id, which must not come twice.
    keys: HashMap<(FileId, String), usize>,
    /// The place in the set of the changesets of a changelog, to find what takes them back.
    downs: BTreeMap<String, usize>,
}

impl Reader<'_> {
    /// Reads a file that a changelog includes, or that lies in the folder.
    fn file(&mut self, set: &mut MigrationSet, path: &Path, id: FileId) {
        let file = self.sources.get(id);
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if !formatted::is_formatted(&file.text) {
            // It is one changeset, made up by Liquibase.
            let version = self.version(id, stem);
            let mut up = whole(self.sources, id, version, stem);
            up.transaction = set.transaction;
            set.push(up, None);
            return;
        }
        let cut = formatted::cut(file);
        if has_statement(file.slice(cut.before)) {
            let reason =
                "has statements before its first changeset, which Liquibase drops in silence";
            set.skip_part(id, cut.before, reason);
        }
        for changeset in cut.changesets {
            let key = format!("{}:{}", changeset.author, changeset.id);
            let attributes = &changeset.attributes;
            if let Some(dbms) =
                attributes.dbms.as_deref().filter(|d| formatted::leaves_out_postgres(d))
            {
                set.leave_out_part(
                    id,
                    changeset.section,
                    format!("has changeset {key} for `{dbms}` only"),
                );
                continue;
            }
            if attributes.is_ignored {
                set.leave_out_part(
                    id,
                    changeset.section,
                    format!("has changeset {key} with `ignore:true`"),
                );
                continue;
            }
            let version = self.version(id, &key);
            let mut up = Migration::up(version, stem, id, changeset.section);
            up.is_repeatable = attributes.runs_again;
            up.transaction = match (attributes.in_transaction, attributes.splits_statements) {
                (true, _) => set.transaction,
                (false, true) => TransactionMode::None,
                (false, false) => TransactionMode::Message,
            };
            if !attributes.in_transaction {
                up.directive = Some(changeset.line);
            }
            let down = match changeset.rollback {
                Rollback::Missing => None,
                Rollback::Other => {
                    up.down = Down::NotRead;
                    None
                }
                Rollback::Section(section) => self.down(&mut up, id, section),
            };
            set.push(up, down);
        }
    }

    /// Reads a file of SQL that a changeset of a changelog runs, or takes itself back with.
    fn sql_file(
        &mut self,
        set: &mut MigrationSet,
        file: &Planned,
        changeset: &changelog::Changeset,
    ) {
        let key = format!("{}:{}", changeset.author, changeset.id);
        if let Some(dbms) = changeset.dbms.as_deref().filter(|d| formatted::leaves_out_postgres(d))
        {
            set.leave_out(
                file.id,
                format!("belongs to changeset {key}, which is for `{dbms}` only"),
            );
            return;
        }
        let stem = file.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let source = self.sources.get(file.id);
        let section = Span::new(source.text_start()..source.text.len());
        if changeset.is_rollback {
            let at = self.downs.get(&key).copied();
            let up = at.and_then(|at| set.migrations.get_mut(at));
            // A second file for the same changeset is another piece of its rollback.
            let Some(up) = up.filter(|up| up.down == Down::Missing) else {
                set.leave_out(file.id, format!("takes back a part of changeset {key}"));
                return;
            };
            let mut own = up.clone();
            let down = self.down(&mut own, file.id, section);
            up.down = own.down;
            if let (Some(down), Some(at)) = (down, at) {
                set.migrations.insert(at + 1, down);
            }
            return;
        }
        let version = self.version(file.id, &key);
        let mut up = Migration::up(version, stem, file.id, section);
        up.is_repeatable = changeset.runs_again;
        up.transaction = match (changeset.is_without_transaction, changeset.is_whole) {
            (false, _) => set.transaction,
            (true, false) => TransactionMode::None,
            (true, true) => TransactionMode::Message,
        };
        self.downs.insert(key, set.migrations.len());
        set.push(up, None);
    }

    fn down(&self, up: &mut Migration, id: FileId, section: Span) -> Option<Migration> {
        up.down = down_of(self.sources.get(id), id, section);
        (up.down == Down::Present).then(|| up.down(id, section))
    }

    /// Returns the version of the next changeset: its place, or that of its twin.
    fn version(&mut self, id: FileId, key: &str) -> Version {
        self.place += 1;
        let place = *self.keys.entry((id, key.to_owned())).or_insert(self.place);
        Version::place(key, place)
    }
}

fn has_statement(text: &str) -> bool {
    sql::split(text).iter().any(|chunk| chunk.kind == ChunkKind::Statement)
}
