//! `--since`: what the sets were in another revision.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::run::{Input, Loaded};
use crate::discover;
use crate::git::{Blob, Revision};
use crate::layout::{Hint, MigrationSet, Tree};
use crate::past::{Past, Snapshot};
use crate::source::SourceFile;

impl Input {
    /// Reads the sets of the revision that was asked for, or that their configuration names.
    pub(super) fn look_back(&mut self, loaded: &Loaded, since: Option<&str>) -> anyhow::Result<()> {
        let mut pasts = BTreeMap::new();
        for (set, config) in loaded.found.sets.iter().zip(&loaded.found.configs) {
            let Some(revision) = since.or(config.since()) else { continue };
            if set.foreign.is_some() {
                continue;
            }
            let origin = if since.is_some() { "--since" } else { "`since` in lockmaster.toml" };
            let past = self.past(set, loaded, revision);
            if let Some(past) = past.with_context(|| format!("{origin} {revision}"))? {
                pasts.insert(set.root.clone(), Arc::new(past));
            }
        }
        self.pasts = pasts;
        Ok(())
    }

    fn past(
        &self,
        set: &MigrationSet,
        loaded: &Loaded,
        name: &str,
    ) -> anyhow::Result<Option<Past>> {
        let revision = Revision::find(&set.root, name)?;
        let snapshot = |commit: &str| self.snapshot(set, loaded, &revision, commit);
        let Some(base) = snapshot(&revision.base)? else { return Ok(None) };
        let tip = if revision.tip == revision.base { None } else { snapshot(&revision.tip)? };
        Ok(Some(Past { revision: name.to_owned(), base, tip }))
    }

    fn snapshot(
        &self,
        set: &MigrationSet,
        loaded: &Loaded,
        revision: &Revision,
        commit: &str,
    ) -> anyhow::Result<Option<Snapshot>> {
        let skips = self.skips()?;
        let is_wanted = |path: &Path| {
            let file = set.root.join(path);
            discover::is_readable(path, &file) && !skips(&file)
        };
        let files = revision.files(commit, &is_wanted)?;
        let current: BTreeMap<&Path, &SourceFile> = loaded
            .sources
            .files
            .iter()
            .filter(|file| file.embedded.is_none())
            .map(|file| (file.path.as_path(), file))
            .collect();
        let mut texts = Vec::new();
        for (path, blob) in files {
            let path = set.root.join(path);
            let here = current.get(path.as_path()).copied();
            texts.push(match (blob, here) {
                (Blob::Other(bytes), _) => SourceFile::from_bytes(path, bytes),
                (Blob::Unchanged, Some(file)) if !self.is_replaced(&path) => file.clone(),
                // A file that only says how migrations run, or one whose text stands on standard input.
                (Blob::Unchanged, _) => match std::fs::read(&path) {
                    Ok(bytes) => SourceFile::from_bytes(path, bytes),
                    Err(_) => continue,
                },
            });
        }
        let hints = find(&loaded.trees, &set.root).map(|tree| &tree.hints);
        let none = Arc::<Vec<Hint>>::default();
        Ok(Snapshot::read(set, texts, hints.unwrap_or(&none)))
    }
}

fn find<'a>(trees: &'a [Tree], path: &Path) -> Option<&'a Tree> {
    trees.iter().find_map(|tree| {
        if tree.path == path {
            return Some(tree);
        }
        find(&tree.folders, path)
    })
}
