//! Follows the changelogs of a folder to the files of SQL that they run.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use super::changelog::{self, Changeset, Step};
use crate::layout::Tree;
use crate::source::FileId;

/// A file of SQL in the order in which Liquibase comes to it.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    /// Its path from the folder.
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    /// The changeset that runs it, if a changelog holds one for it.
    pub(super) changeset: Option<Changeset>,
}

/// What the changelogs of a folder run.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// The changelogs with which Liquibase begins.
    pub(super) roots: Vec<String>,
    pub(super) files: Vec<Planned>,
}

/// How deep changelogs may include each other.
const DEPTH: usize = 16;

/// How many files are followed in all: an `includeAll` may name the folder of its own changelog.
const MOST: usize = 200_000;

/// Follows the changelogs that lie directly in a folder.
pub(super) fn order(tree: &Tree) -> Order {
    let folder = Folder::new(tree);
    let own = folder.changelogs.iter().filter(|log| log.path.components().count() == 1);
    let own: Vec<&Changelog> = own.collect();
    if own.is_empty() {
        return Order::default();
    }
    let included: BTreeSet<&Path> = folder
        .changelogs
        .iter()
        .flat_map(|log| log.steps.iter().map(move |step| (log, step)))
        .flat_map(|(log, step)| folder.changelogs_of(log, step))
        .map(|log| log.path.as_path())
        .collect();
    let roots = own.into_iter().filter(|log| !included.contains(log.path.as_path()));
    let mut order = Order::default();
    for root in roots {
        let before = order.files.len();
        folder.follow(root, DEPTH, &mut order.files);
        if order.files.len() > before {
            order.roots.push(root.path.display().to_string());
        }
    }
    order
}

struct Changelog {
    path: PathBuf,
    steps: Vec<Step>,
}

/// All that lies in a folder and below it, by paths from it.
struct Folder<'a> {
    tree: &'a Tree,
    sql: Vec<(PathBuf, FileId)>,
    changelogs: Vec<Changelog>,
}

impl<'a> Folder<'a> {
    fn new(tree: &'a Tree) -> Self {
        let mut folder = Self { tree, sql: Vec::new(), changelogs: Vec::new() };
        folder.add(tree, Path::new(""));
        folder
    }

    fn add(&mut self, tree: &Tree, path: &Path) {
        for entry in &tree.files {
            let path = path.join(&entry.name);
            if let Some(id) = entry.id {
                self.sql.push((path, id));
            } else if let Some(steps) =
                entry.text.as_deref().and_then(|text| changelog::read(&entry.name, text))
            {
                self.changelogs.push(Changelog { path, steps });
            }
        }
        for folder in &tree.folders {
            self.add(folder, &path.join(folder.name()));
        }
    }

    /// Adds what a changelog runs to `out`, in order.
    fn follow(&self, changelog: &Changelog, depth: usize, out: &mut Vec<Planned>) {
        for step in &changelog.steps {
            if depth == 0 || out.len() > MOST {
                return;
            }
            match step {
                Step::Include { .. } | Step::IncludeAll { .. } => {
                    self.include(changelog, step, depth, out);
                }
                Step::SqlFile { changeset, .. } => {
                    let found = self.sql_of(changelog, step).into_iter();
                    out.extend(found.map(|(path, id)| Planned {
                        path: path.clone(),
                        id: *id,
                        changeset: Some(changeset.clone()),
                    }));
                }
            }
        }
    }

    fn include(&self, from: &Changelog, step: &Step, depth: usize, out: &mut Vec<Planned>) {
        enum Found<'a> {
            Sql(FileId),
            Changelog(&'a Changelog),
        }
        let sql = self.sql_of(from, step).into_iter().map(|(path, id)| (path, Found::Sql(*id)));
        let logs = self.changelogs_of(from, step).into_iter();
        let mut found: Vec<(&PathBuf, Found)> =
            sql.chain(logs.map(|log| (&log.path, Found::Changelog(log)))).collect();
        found.sort_by(|a, b| a.0.cmp(b.0));
        for (path, found) in found {
            match found {
                Found::Sql(id) => {
                    out.push(Planned { path: path.clone(), id, changeset: None });
                }
                Found::Changelog(log) if log.path != from.path => self.follow(log, depth - 1, out),
                Found::Changelog(_) => {}
            }
        }
    }

    fn sql_of(&self, from: &Changelog, step: &Step) -> Vec<&(PathBuf, FileId)> {
        let mut paths = self.sql.iter().map(|(path, _)| path.as_path());
        let target = self.target(from, step, &mut paths);
        let is_named = |path: &Path| target.as_deref().is_some_and(|t| reaches(step, t, path));
        self.sql.iter().filter(|(path, _)| is_named(path)).collect()
    }

    fn changelogs_of(&self, from: &Changelog, step: &Step) -> Vec<&Changelog> {
        let mut paths = self.changelogs.iter().map(|log| log.path.as_path());
        let target = self.target(from, step, &mut paths);
        let is_named = |path: &Path| target.as_deref().is_some_and(|t| reaches(step, t, path));
        self.changelogs.iter().filter(|log| is_named(&log.path)).collect()
    }

    /// Returns the path from the folder that a step means: the first of those that it can mean at which
    /// one of `paths` lies.
    fn target(
        &self,
        from: &Changelog,
        step: &Step,
        paths: &mut dyn Iterator<Item = &Path>,
    ) -> Option<PathBuf> {
        let (path, is_relative) = match step {
            Step::Include { path, is_relative }
            | Step::IncludeAll { path, is_relative }
            | Step::SqlFile { path, is_relative, .. } => (path, *is_relative),
        };
        let named = clean(Path::new(path.trim_start_matches("classpath:").trim_start_matches('/')));
        let mut candidates = vec![clean(&from.path.parent().unwrap_or(Path::new("")).join(&named))];
        if !is_relative {
            // From the root of the classpath, which may lie above or below the folder.
            candidates.insert(0, named.clone());
            candidates.extend(self.below_root(&named));
        }
        let reached: Vec<usize> = paths
            .filter_map(|path| candidates.iter().position(|target| reaches(step, target, path)))
            .collect();
        reached.into_iter().min().map(|at| candidates.swap_remove(at))
    }

    /// Returns what is left of a path behind the part that leads to the folder itself:
    /// `db/changelog/a.sql` is `a.sql` in a folder `.../db/changelog`.
    fn below_root(&self, path: &Path) -> Option<PathBuf> {
        let parts: Vec<Component> = path.components().collect();
        let name = self.tree.name();
        (1..=parts.len()).rev().find_map(|count| {
            let above: PathBuf = parts[..count].iter().collect();
            let leads_here = self.tree.path.ends_with(&above)
                || self.tree.path.as_os_str().is_empty() && above.ends_with(name);
            leads_here.then(|| parts[count..].iter().collect())
        })
    }
}

/// Returns whether a step that means `target` runs what lies at `path`.
fn reaches(step: &Step, target: &Path, path: &Path) -> bool {
    match step {
        Step::IncludeAll { .. } => path.starts_with(target) && path != target,
        Step::Include { .. } | Step::SqlFile { .. } => path == target,
    }
}

/// Returns a path without `.` and, where that is possible, without `..`.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(name) => clean.push(name),
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    clean
}
