//! Finds and loads files: from arguments to folders and texts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use walkdir::WalkDir;

use crate::embedded;
use crate::layout::{Entry, Hint, Sources, Tree};
use crate::source::{FileId, SourceFile};

/// What keeps a run from starting.
#[derive(Debug, thiserror::Error)]
pub enum DiscoverError {
    /// A path that was asked for is not there.
    #[error("`{0}` does not exist")]
    Missing(PathBuf),
    /// A file or folder cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// The files below some roots.
#[derive(Debug, Default)]
pub struct Discovered {
    /// Every SQL file, loaded.
    pub sources: Sources,
    /// A tree for each root.
    pub trees: Vec<Tree>,
}

/// Folders that never hold migrations of the project itself.
const SKIPPED_FOLDERS: &[&str] =
    &["node_modules", "target", "vendor", "__pycache__", "venv", "dist"];

/// Small files inside a directory of migrations that say how it is run.
const SIDE_FILES: &[&str] = &[
    "metadata.toml",
    "migration_lock.toml",
    "flyway.conf",
    "flyway.toml",
    "flyway.user.toml",
    ATTRIBUTES,
];

/// Lists of a directory's migrations that tools keep beside them.
const JOURNALS: &[&str] = &["atlas.sum", "_journal.json", "sqitch.plan"];

/// The file that tells git how to treat others.
pub const ATTRIBUTES: &str = ".gitattributes";

/// Project files whose texts tell the runner.
const HINT_FILES: &[&str] = &[
    "Cargo.toml",
    "package.json",
    "go.mod",
    "diesel.toml",
    "sqlx.toml",
    "sqlx-data.json",
    "yoyo.ini",
    "Makefile",
    "config.toml",
    "config.yaml",
    "refinery.toml",
    "env.py",
    "flyway.conf",
    "flyway.toml",
    "flyway.user.toml",
    "migrations.yml",
    ".gmrc",
    ".gmrc.js",
    ".gmrc.cjs",
    ".marvrc",
    ATTRIBUTES,
];

/// Folders beside the migrations whose shell scripts may run them.
const SCRIPT_FOLDERS: &[&str] = &["scripts", "script", "bin", "ci", "tools"];

/// The largest project file that is read for hints, in bytes.
const MAX_HINT: u64 = 256 * 1024;

/// Loads all SQL files below `roots`, but for those that `skip` leaves out.
///
/// `replace` gives the text of a file that is not to be read from disk.
pub fn load(
    roots: &[PathBuf],
    skip: &(dyn Fn(&Path) -> bool + Sync),
    replace: Option<(&Path, &[u8])>,
) -> Result<Discovered, DiscoverError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    let mut trees = Vec::new();
    for root in roots {
        if !root.exists() {
            return Err(DiscoverError::Missing(root.clone()));
        }
        trees.push(walk(root, skip, &mut paths)?);
    }
    let replace = replace.filter(|(path, _)| !skip(path));
    let replaced = replace.map(|(path, _)| place(&mut trees, &mut paths, path));
    let read = |(at, path): (usize, &PathBuf)| {
        let bytes = match replace {
            Some((_, text)) if replaced == Some(at) => text.to_owned(),
            _ => fs::read(path)
                .map_err(|source| DiscoverError::Read { path: path.clone(), source })?,
        };
        Ok(SourceFile::from_bytes(path.clone(), bytes))
    };
    let files =
        paths.par_iter().enumerate().map(read).collect::<Result<Vec<_>, DiscoverError>>()?;
    let mut sources = Sources { files };
    add_derived(&mut trees, &mut sources);
    for tree in &mut trees {
        let hints = Arc::new(hints(&tree.path));
        add_hints(tree, &hints);
    }
    Ok(Discovered { sources, trees })
}

/// Makes a tree of files that are not on disk, all of which lie below `root`.
pub fn in_memory(root: &Path, mut files: Vec<SourceFile>, hints: &Arc<Vec<Hint>>) -> Discovered {
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let mut folders: BTreeMap<PathBuf, Tree> = BTreeMap::new();
    let mut sources = Sources::default();
    for file in files {
        let folder = file.path.parent().unwrap_or(Path::new("")).to_owned();
        for path in folder.ancestors().take_while(|path| path.starts_with(root)) {
            let tree = || Tree { path: path.to_owned(), hints: hints.clone(), ..Tree::default() };
            folders.entry(path.to_owned()).or_insert_with(tree);
        }
        let name = file.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let next = file_id(sources.files.len());
        let is_code =
            embedded::is_candidate(&file.path) && embedded::has_mark(file.text.as_bytes());
        let (id, code) = (is_sql(&name).then_some(next), is_code.then_some(next));
        let text = is_side_file(&name).then(|| file.text.clone());
        let journal = is_journal(&file.path).then_some(next);
        if let Some(tree) = folders.get_mut(&folder) {
            tree.files.push(Entry { name, id, code, journal, text });
        }
        sources.files.push(file);
    }
    let root_name = root_name(root);
    let mut trees = vec![Tree { root_name, ..assemble(root, folders) }];
    add_derived(&mut trees, &mut sources);
    Discovered { sources, trees }
}

/// Returns whether a file below a directory of migrations is read at all, as far as its path tells.
///
/// `path` is counted from there, and `file` is the whole path.
pub fn is_readable(path: &Path, file: &Path) -> bool {
    let mut names = path.iter().map(|name| name.to_str().unwrap_or_default()).rev();
    let name = names.next().unwrap_or_default();
    (is_sql(name) || is_side_file(name) || embedded::is_candidate(file))
        && !is_hidden(name)
        && !names.any(|folder| is_hidden(folder) || SKIPPED_FOLDERS.contains(&folder))
}

/// Takes the SQL out of the migrations in host languages: each gets a file behind all others, which
/// stands in the trees in its place.
pub fn add_derived(trees: &mut [Tree], sources: &mut Sources) {
    let mut entries = Vec::new();
    trees.iter_mut().for_each(|tree| code_entries(tree, &mut entries));
    let hosts: Vec<(FileId, &SourceFile)> =
        entries.iter().filter_map(|entry| Some((entry.code?, sources.get(entry.code?)))).collect();
    let derived = embedded::derive(&hosts);
    for (entry, file) in entries.into_iter().zip(derived) {
        entry.code = Some(file_id(sources.files.len()));
        sources.files.push(file);
    }
}

/// Takes the SQL out of the host files anew, if one of them is not what it was.
pub fn update_derived(before: &Sources, sources: &mut Sources) {
    let places: Vec<(usize, FileId)> = sources
        .files
        .iter()
        .enumerate()
        .filter_map(|(at, file)| Some((at, file.embedded.as_ref()?.host)))
        .collect();
    if places.iter().all(|(_, host)| before.get(*host).text == sources.get(*host).text) {
        return;
    }
    let hosts: Vec<(FileId, &SourceFile)> =
        places.iter().map(|(_, host)| (*host, sources.get(*host))).collect();
    let derived = embedded::derive(&hosts);
    for ((at, _), file) in places.into_iter().zip(derived) {
        sources.files[at] = file;
    }
}

fn code_entries<'a>(tree: &'a mut Tree, out: &mut Vec<&'a mut Entry>) {
    out.extend(tree.files.iter_mut().filter(|entry| entry.code.is_some()));
    for folder in &mut tree.folders {
        code_entries(folder, out);
    }
}

/// What standard input is called where nothing says where it belongs: a history of one migration.
pub const STDIN: &str = "<stdin>.sql";

/// Returns the place among `paths` of the file whose text is given; a new one is added, to a tree of its
/// own if it lies in none.
fn place(trees: &mut Vec<Tree>, paths: &mut Vec<PathBuf>, path: &Path) -> usize {
    let path = clean(path);
    let is_it = |found: &PathBuf| {
        *found == path || found.file_name() == path.file_name() && real(found) == real(&path)
    };
    if let Some(at) = paths.iter().position(is_it) {
        return at;
    }
    let file = SourceFile::new(&path, String::new());
    if path == Path::new(STDIN) || !add_file(trees, &file, paths.len()) {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut own = [Tree { root_name: root_name(&folder), path: folder, ..Tree::default() }];
        add_file(&mut own, &file, paths.len());
        trees.extend(own);
    }
    paths.push(path);
    paths.len() - 1
}

/// Returns the path of a file with all links in its folder followed, so that two spellings of one path
/// are equal.
pub fn real(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    match (absolute.parent().map(fs::canonicalize), absolute.file_name()) {
        (Some(Ok(folder)), Some(name)) => folder.join(name),
        _ => fs::canonicalize(&absolute).unwrap_or(absolute),
    }
}

/// Walks one root; the paths of SQL files are added to `paths`, in order.
fn walk(
    root: &Path,
    skip: &(dyn Fn(&Path) -> bool + Sync),
    paths: &mut Vec<PathBuf>,
) -> Result<Tree, DiscoverError> {
    let clean_root = clean(root);
    let root_name = root_name(root);
    let mut folders: BTreeMap<PathBuf, Tree> = BTreeMap::new();
    folders.insert(
        clean_root.clone(),
        Tree { path: clean_root.clone(), root_name, ..Tree::default() },
    );
    let is_skipped = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_str().unwrap_or_default();
        entry.depth() > 0
            && (is_hidden(name) || entry.file_type().is_dir() && SKIPPED_FOLDERS.contains(&name))
    };
    let mut left_out = Vec::new();
    let mut entered = BTreeSet::new();
    let walker = WalkDir::new(root).follow_links(true).sort_by_file_name();
    let is_wanted = |entry: &walkdir::DirEntry| {
        // Links among folders make more paths than can be walked: each folder is entered by one.
        let is_link = entry.path_is_symlink() && entry.file_type().is_dir() && entry.depth() > 0;
        if is_skipped(entry) {
            return false;
        }
        if entry.depth() > 0 && skip(entry.path()) {
            left_out.push(clean(entry.path()));
            return false;
        }
        !is_link || fs::canonicalize(entry.path()).is_ok_and(|path| entered.insert(path))
    };
    for entry in walker.into_iter().filter_entry(is_wanted) {
        let entry = match entry {
            Ok(entry) => entry,
            // A link that leads nowhere, or in a circle, is no migration.
            Err(error) if error.loop_ancestor().is_some() => continue,
            Err(error)
                if error.io_error().is_some_and(|e| e.kind() == std::io::ErrorKind::NotFound)
                    && error.depth() > 0 =>
            {
                continue;
            }
            Err(error) => {
                let path = error.path().unwrap_or(root).to_owned();
                return Err(DiscoverError::Read { path, source: error.into() });
            }
        };
        if entry.file_type().is_dir() {
            let path = clean(entry.path());
            folders.entry(path.clone()).or_insert_with(|| Tree { path, ..Tree::default() });
            continue;
        }
        // A pipe or a device would never end.
        if !entry.file_type().is_file() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_sql = is_sql(&name);
        let is_small = || entry.metadata().is_ok_and(|metadata| metadata.len() <= MAX_HINT);
        let text = (is_side_file(&name) && is_small())
            .then(|| fs::read_to_string(entry.path()).ok())
            .flatten();
        let path = clean(entry.path());
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        let is_code = is_code(entry.path());
        let next = file_id(paths.len());
        if let Some(tree) = folders.get_mut(&folder) {
            let (id, code) = (is_sql.then_some(next), is_code.then_some(next));
            let journal = is_journal(&path).then_some(next);
            tree.files.push(Entry { name, id, code, journal, text });
            if is_sql || is_code || journal.is_some() {
                paths.push(path);
            }
        }
    }
    for path in left_out {
        if let Some(folder) = path.parent().and_then(|folder| folders.get_mut(folder)) {
            folder.is_partial = true;
        }
    }
    Ok(assemble(&clean_root, folders))
}

/// Returns whether a file is a list of migrations that a tool keeps beside them.
pub fn is_journal(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| JOURNALS.contains(&name))
}

/// Returns whether a name is hidden, and nothing is to be learnt from the file.
fn is_hidden(name: &str) -> bool {
    name.starts_with('.') && name.len() > 1 && name != ATTRIBUTES
}

/// Returns whether a file that is no SQL may say how the migrations beside it are run.
fn is_side_file(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let is_changelog = ["changelog", "master", "liquibase"].iter().any(|word| lower.contains(word))
        && [".xml", ".yaml", ".yml", ".json"].iter().any(|end| lower.ends_with(end));
    SIDE_FILES.contains(&name)
        || JOURNALS.contains(&name)
        || lower.ends_with(".sql.conf")
        || is_changelog
}

/// Returns a path without a leading `./`.
pub fn clean(path: &Path) -> PathBuf {
    path.strip_prefix(".").map_or_else(|_| path.to_owned(), Path::to_owned)
}

/// Returns the name of a folder whose path may be `.`.
fn root_name(root: &Path) -> String {
    let absolute = std::path::absolute(root).unwrap_or_default();
    absolute.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}

/// Puts folders into their parents, deepest first.
fn assemble(root: &Path, mut folders: BTreeMap<PathBuf, Tree>) -> Tree {
    let mut order: Vec<PathBuf> = folders.keys().cloned().collect();
    order.sort_by_key(|path| std::cmp::Reverse(path.components().count()));
    for path in order.into_iter().filter(|path| path != root) {
        let Some(tree) = folders.remove(&path) else { continue };
        if let Some(parent) = path.parent().and_then(|parent| folders.get_mut(parent)) {
            parent.folders.push(tree);
        }
    }
    let mut tree = folders.remove(root).unwrap_or_default();
    sort_folders(&mut tree);
    tree
}

fn sort_folders(tree: &mut Tree) {
    tree.folders.sort_by(|a, b| a.path.cmp(&b.path));
    tree.folders.iter_mut().for_each(sort_folders);
}

/// Adds a file that is not on disk to the tree that holds its folder, under the id `index`; returns
/// whether there is such a tree.
pub fn add_file(trees: &mut [Tree], file: &SourceFile, index: usize) -> bool {
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let is_sql = is_sql(&name);
    let is_code = embedded::is_candidate(&file.path);
    let entry = Entry {
        id: is_sql.then(|| file_id(index)),
        code: is_code.then(|| file_id(index)),
        journal: None,
        text: (!is_sql && !is_code).then(|| file.text.clone()),
        name,
    };
    for tree in trees {
        if let Some(found) = find_folder(tree, folder) {
            let at = found.files.partition_point(|other| other.name < entry.name);
            found.files.insert(at, entry);
            return true;
        }
    }
    false
}

fn find_folder<'a>(tree: &'a mut Tree, path: &Path) -> Option<&'a mut Tree> {
    if tree.path == path {
        return Some(tree);
    }
    tree.folders.iter_mut().find_map(|folder| find_folder(folder, path))
}

fn file_id(index: usize) -> FileId {
    FileId(u32::try_from(index).unwrap_or(u32::MAX))
}

/// Returns whether a file is a migration in a host language, as far as its path and a look into it tell.
pub fn is_code(path: &Path) -> bool {
    embedded::is_fizz(path)
        || embedded::is_candidate(path)
            && fs::read(path).is_ok_and(|text| embedded::has_mark(&text))
}

/// Returns whether a file's name says that it holds SQL.
pub fn is_sql(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension.eq_ignore_ascii_case("sql"))
}

fn add_hints(tree: &mut Tree, above: &Arc<Vec<Hint>>) {
    let has_own = tree.files.iter().any(|entry| is_hint(&entry.name));
    let own = if has_own || tree.folders.iter().any(|f| SCRIPT_FOLDERS.contains(&f.name())) {
        let mut hints = hints_in(&tree.path);
        hints.extend(above.iter().cloned());
        Arc::new(hints)
    } else {
        above.clone()
    };
    tree.hints = above.clone();
    if has_own {
        tree.hints = own.clone();
    }
    for folder in &mut tree.folders {
        add_hints(folder, &own);
    }
}

fn is_hint(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str());
    HINT_FILES.contains(&name) || matches!(extension, Some("sh" | "csproj"))
}

/// Returns the project files above a folder, nearest first, up to the root of the repository.
fn hints(folder: &Path) -> Vec<Hint> {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let mut found = Vec::new();
    if absolute.join(".git").exists() {
        return found;
    }
    for above in absolute.ancestors().skip(1).take(6) {
        found.extend(hints_in(above));
        if above.join(".git").exists() {
            break;
        }
    }
    found
}

/// Returns the project files in one folder and its folders of scripts.
fn hints_in(folder: &Path) -> Vec<Hint> {
    let mut paths = list(folder);
    for name in SCRIPT_FOLDERS {
        paths.extend(list(&folder.join(name)));
    }
    let is_small =
        |path: &Path| fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() <= MAX_HINT);
    paths
        .into_iter()
        .filter(|path| path.file_name().and_then(|name| name.to_str()).is_some_and(is_hint))
        .filter(|path| is_small(path))
        .filter_map(|path| Some(Hint { text: fs::read_to_string(&path).ok()?, path: shown(&path) }))
        .collect()
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Returns a path as it is shown: from the current folder if it lies below it.
pub fn shown(path: &Path) -> PathBuf {
    let current = std::env::current_dir().unwrap_or_default();
    clean(path.strip_prefix(&current).unwrap_or(path))
}

/// Returns the folder whose migrations a single file is read together with.
pub fn context_of(file: &Path) -> PathBuf {
    let name = |path: &Path| {
        path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_ascii_lowercase()
    };
    let parent = file.parent().unwrap_or(Path::new(""));
    let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
    let is_part = matches!(
        name(parent).as_str(),
        "rollback"
            | "rollbacks"
            | "down"
            | "downs"
            | "revert"
            | "undo"
            | "deploy"
            | "verify"
            | "tests"
            | "test"
            | "archive"
            | "archived"
            | "old"
            | "deprecated"
    );
    let has_folder = matches!(name(file).as_str(), "up.sql" | "down.sql" | "migration.sql");
    match parent.parent() {
        Some(above) if (is_part || has_folder) && !above.as_os_str().is_empty() => above.to_owned(),
        Some(_) if is_part || has_folder => PathBuf::from("."),
        _ => parent.to_owned(),
    }
}
