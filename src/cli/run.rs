//! What all commands that read migrations share: from arguments to checked sets.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use anyhow::{Context, anyhow, bail};

use super::InputArguments;
use crate::check::{SetOptions, check};
use crate::config::{Config, FILE_NAME, globs};
use crate::diagnostic::Diagnostic;
use crate::discover;
use crate::embedded;
use crate::layout::{MigrationSet, Sources, Tree, recognise, unread};
use crate::past::Past;
use crate::report::{self, SetSummary};
use crate::rule::{Rule, Target};
use crate::rules::{RULES, info};
use crate::source::FileId;
use crate::suppress;
use crate::version::PgVersion;

/// What the arguments ask for.
#[derive(Debug)]
pub(super) struct Input {
    roots: Vec<PathBuf>,
    /// The files and folders whose diagnostics are shown; nothing for all.
    focus: Option<BTreeSet<PathBuf>>,
    /// The files that were asked for by name.
    files: Vec<PathBuf>,
    /// Whether a folder was asked for, or nothing in particular.
    has_folder: bool,
    /// The text of standard input and the file that it stands for.
    replaced: Option<(PathBuf, Vec<u8>)>,
    /// Whether folders that hold unordered SQL files count.
    plain: bool,
    include: globset::GlobSet,
    exclude: globset::GlobSet,
    config: Option<Config>,
    version: Option<PgVersion>,
    /// Whether diagnostics shall bring their recipes.
    pub(super) wants_recipes: bool,
    /// What the sets were in the revision to compare with, by their directories.
    pub(super) pasts: BTreeMap<PathBuf, Arc<Past>>,
    /// What the user must know about the arguments.
    notes: Vec<String>,
}

/// The files of a run, and the sets that were found in them.
pub(super) struct Loaded {
    pub(super) sources: Sources,
    pub(super) trees: Vec<Tree>,
    pub(super) found: Found,
}

/// The sets of a run, each with its configuration.
pub(super) struct Found {
    pub(super) sets: Vec<MigrationSet>,
    pub(super) configs: Vec<Arc<Config>>,
}

/// What checking gave.
pub(super) struct Outcome {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) checked: Vec<SetSummary>,
    pub(super) suppressed: usize,
}

impl Input {
    pub(super) fn read(arguments: &InputArguments) -> anyhow::Result<Self> {
        let config = arguments.config.as_deref().map(Config::read).transpose()?;
        let version = arguments.pg_version.as_deref().map(str::parse).transpose()?;
        let mut input = Self {
            roots: Vec::new(),
            focus: None,
            files: Vec::new(),
            has_folder: false,
            replaced: None,
            plain: true,
            include: globs(&arguments.include).map_err(|error| anyhow!("--include: {error}"))?,
            exclude: globs(&arguments.exclude).map_err(|error| anyhow!("--exclude: {error}"))?,
            config,
            version,
            wants_recipes: false,
            pasts: BTreeMap::new(),
            notes: Vec::new(),
        };
        input.notes.extend(arguments.pg_version.as_deref().and_then(PgVersion::note_newer));
        let mut paths = arguments.paths.clone();
        if let Some(list) = &arguments.files_from {
            // A list names what changed, whatever it is.
            let is_wanted =
                |path: &PathBuf| path.is_dir() || is_sql(path) || discover::is_code(path);
            paths.extend(read_list(list)?.into_iter().filter(is_wanted));
            if paths.is_empty() {
                // An empty list asks for nothing: there is nothing to report.
                input.focus = Some(BTreeSet::new());
                return Ok(input);
            }
        }
        if paths.is_empty() {
            input.find_directories()?;
        }
        for path in paths {
            input.add(&path, arguments)?;
        }
        input.drop_nested_roots();
        Ok(input)
    }

    /// Without a path: the directories of the configuration, or what is recognised from here on down.
    fn find_directories(&mut self) -> anyhow::Result<()> {
        let config = self.config_for(Path::new("."))?;
        let named = config.directories();
        self.plain = false;
        self.has_folder = true;
        if named.is_empty() {
            self.roots.push(PathBuf::from("."));
        } else {
            self.roots.extend(named.iter().map(|path| root(path)));
        }
        Ok(())
    }

    fn add(&mut self, path: &Path, arguments: &InputArguments) -> anyhow::Result<()> {
        if path == Path::new("-") {
            if self.replaced.is_some() || arguments.files_from.as_deref() == Some(path) {
                bail!("standard input can be read only once");
            }
            let mut bytes = Vec::new();
            std::io::stdin().read_to_end(&mut bytes).context("cannot read standard input")?;
            let name = arguments.stdin_filename.clone();
            let (root, name) = match name {
                Some(name) => (discover::context_of(&name), name),
                None => (PathBuf::new(), PathBuf::from(discover::STDIN)),
            };
            self.focus_on(&name);
            if root.is_dir() {
                self.roots.push(root);
            }
            self.replaced = Some((name, bytes));
            return Ok(());
        }
        let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => anyhow!("`{}` does not exist", path.display()),
            _ => anyhow!("cannot read `{}`: {error}", path.display()),
        })?;
        if metadata.is_dir() {
            self.roots.push(path.to_owned());
            self.has_folder = true;
            // A folder that was asked for is shown whole.
            if self.focus.is_some() {
                self.focus_on(path);
            }
            return Ok(());
        }
        if !(is_sql(path) || discover::is_code(path)) || !metadata.is_file() {
            bail!(
                "`{}` is neither a directory nor an .sql file, nor a migration in a language that is read",
                path.display()
            );
        }
        self.focus_on(path);
        self.files.push(path.to_owned());
        self.roots.push(self.root_of(path)?);
        Ok(())
    }

    /// Shows what a file or folder has, beside the folders that came before it.
    fn focus_on(&mut self, path: &Path) {
        let roots = self.roots.clone();
        let before = self.focus.take();
        let mut focus =
            before.unwrap_or_else(|| roots.iter().flat_map(|root| names(root)).collect());
        focus.extend(names(path));
        self.focus = Some(focus);
    }

    /// Returns the directory that a file is read with: the one that the configuration names, or the
    /// one around it.
    fn root_of(&self, file: &Path) -> anyhow::Result<PathBuf> {
        let context = discover::context_of(file);
        let config = self.config_for(&context)?;
        let absolute = std::path::absolute(file)?;
        let named = config.directories().into_iter().find(|directory| {
            std::path::absolute(directory).is_ok_and(|directory| absolute.starts_with(directory))
        });
        Ok(named.map_or(context, |path| root(&path)))
    }

    fn drop_nested_roots(&mut self) {
        let mut all: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
        for root in &self.roots {
            let real = std::fs::canonicalize(root).unwrap_or_else(|_| discover::real(root));
            all.entry(real).or_insert_with(|| root.clone());
        }
        let is_nested =
            |path: &PathBuf| path.ancestors().skip(1).any(|above| all.contains_key(above));
        self.roots =
            all.iter().filter(|(path, _)| !is_nested(path)).map(|(_, root)| root.clone()).collect();
    }

    /// Returns the only set of a run, or the one whose own directory was asked for: others may lie in
    /// folders below it.
    ///
    /// # Errors
    ///
    /// That there are several.
    pub(super) fn only_set(&self, sets: &[MigrationSet]) -> anyhow::Result<usize> {
        if sets.len() == 1 {
            return Ok(0);
        }
        let real = |path: &Path| {
            let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
            std::fs::canonicalize(path).unwrap_or_else(|_| discover::real(path))
        };
        let roots: BTreeSet<PathBuf> = self.roots.iter().map(|root| real(root)).collect();
        let mut named = (0..sets.len()).filter(|at| roots.contains(&real(&sets[*at].root)));
        if let (Some(only), None) = (named.next(), named.next()) {
            return Ok(only);
        }
        let all: Vec<String> = sets.iter().map(|set| format!("`{}`", set.root.display())).collect();
        bail!("there are several directories of migrations, name one: {}", all.join(", "))
    }

    /// Returns whether the arguments ask for nothing at all.
    pub(super) fn is_empty(&self) -> bool {
        self.focus.as_ref().is_some_and(BTreeSet::is_empty)
    }

    fn config_for(&self, folder: &Path) -> anyhow::Result<Config> {
        match &self.config {
            Some(config) => Ok(config.clone()),
            None => Ok(Config::nearest(folder)?),
        }
    }

    /// Returns what says of a path whether it is left out.
    pub(super) fn skips(&self) -> anyhow::Result<impl Fn(&Path) -> bool + Sync + '_> {
        let configs =
            self.roots.iter().map(|root| self.config_for(root)).collect::<Result<Vec<_>, _>>()?;
        let deeper = Deeper { is_on: self.config.is_none(), known: Mutex::default() };
        Ok(move |path: &Path| {
            let path = &discover::clean(path);
            let is_unwanted = !self.include.is_empty()
                && (is_sql(path) || embedded::is_candidate(path))
                && !self.include.is_match(path);
            is_unwanted
                || self.exclude.is_match(path)
                || configs.iter().any(|config| config.excludes(path))
                || deeper.excludes(path)
        })
    }

    /// Returns whether a file is the one that stands on standard input, not on disk.
    pub(super) fn is_replaced(&self, path: &Path) -> bool {
        let is_it = |given: &PathBuf| discover::real(given) == discover::real(path);
        self.replaced.as_ref().is_some_and(|(given, _)| is_it(given))
    }

    /// Loads the files and recognises the sets.
    pub(super) fn load(&self) -> anyhow::Result<Loaded> {
        let skip = self.skips()?;
        let replaced = self.replaced.as_ref().map(|(path, text)| (path.as_path(), text.as_slice()));
        let found = discover::load(&self.roots, &skip, replaced)?;
        let sets = self.recognise(&found.trees, &found.sources)?;
        Ok(Loaded { sources: found.sources, trees: found.trees, found: sets })
    }

    /// Recognises the sets in folders.
    pub(super) fn recognise(&self, trees: &[Tree], sources: &Sources) -> anyhow::Result<Found> {
        let mut found = Found { sets: Vec::new(), configs: Vec::new() };
        for tree in trees {
            let mut configs = vec![(tree.path.clone(), self.config_for(&tree.path)?)];
            if self.config.is_none() {
                add_deeper(tree, &mut configs)?;
            }
            // The deeper ones come later.
            let overrides = |path: &Path| {
                let nearest = configs.iter().rev().find(|(folder, _)| path.starts_with(folder));
                nearest.map(|(_, config)| config.layout_override(path)).unwrap_or_default()
            };
            found.sets.extend(recognise(tree, sources, self.plain, &overrides));
        }
        for set in &found.sets {
            found.configs.push(Arc::new(self.config_for(&set.root)?));
        }
        Ok(found)
    }

    /// Fails with one clear line if there is nothing to lint.
    pub(super) fn require_sets(&self, loaded: &Loaded) -> anyhow::Result<()> {
        // A file that was asked for may be excluded: who asks need not know what is.
        if !loaded.found.sets.is_empty() || !self.has_folder {
            return Ok(());
        }
        let roots: Vec<String> =
            self.roots.iter().map(|root| format!("`{}`", root.display())).collect();
        if let Some(unread) = loaded.trees.iter().flat_map(unread).next() {
            bail!("no migrations that can be read in {}: {unread}", roots.join(", "));
        }
        if self.plain {
            bail!("no migrations in {}: there is no .sql file", roots.join(", "));
        }
        bail!(
            "no migrations below {}: name their directory, or write {FILE_NAME} (`lockmaster init`)",
            roots.join(", ")
        );
    }

    /// Checks every set with all rules that are on.
    pub(super) fn check(&self, sources: &Sources, found: &Found) -> Outcome {
        // A comment may silence what is off: whether it silences anything, only the rule tells.
        let is_asked = suppress::is_used(sources);
        let mut diagnostics = Vec::new();
        let mut checked = Vec::new();
        for (at, (set, config)) in found.sets.iter().zip(&found.configs).enumerate() {
            let options = self.options(set, config);
            let runs =
                |rule: &&Rule| is_asked || info(rule.name).is_none_or(|rule| config.runs(&rule));
            let rules: Vec<&Rule> = RULES.iter().filter(runs).collect();
            let mut one = check(at, set, sources, &rules, &options);
            // Most runs have one set: its list is taken as it is, not copied.
            if diagnostics.is_empty() {
                diagnostics = std::mem::take(&mut one.diagnostics);
            }
            diagnostics.append(&mut one.diagnostics);
            checked.push(SetSummary {
                is_complete: one.is_complete,
                is_assumed: options.is_complete.is_none(),
                statements: one.statements,
                not_analysed: one.not_analysed,
            });
        }
        embedded::to_host(&mut diagnostics, sources);
        let shown = self.shown_files(sources);
        diagnostics.retain(|diagnostic| shown.contains(&diagnostic.file));
        report::sort(&mut diagnostics, sources);
        report::stamp_fingerprints(&mut diagnostics, sources);
        let kept = diagnostics.len();
        let suppressed = suppress::apply(&mut diagnostics, sources, |file| shown.contains(&file));
        // Only what suppressing added has no fingerprint yet.
        report::stamp_fingerprints(&mut diagnostics[kept - suppressed..], sources);
        let is_sorted = diagnostics.len() + suppressed == kept;
        diagnostics.retain_mut(|diagnostic| configure(diagnostic, sources, found));
        if !is_sorted {
            report::sort(&mut diagnostics, sources);
        }
        Outcome { diagnostics, checked, suppressed }
    }

    /// Returns what the user must know about the arguments and the configurations.
    pub(super) fn notes(&self, loaded: &Loaded) -> Vec<String> {
        let mut notes = self.notes.clone();
        let found = &loaded.found;
        if !self.files.is_empty() {
            let read: HashSet<PathBuf> =
                loaded.sources.files.iter().map(|file| discover::real(&file.path)).collect();
            let left = self.files.iter().filter(|file| !read.contains(&discover::real(file)));
            notes.extend(left.map(|file| {
                format!("`{}` is not checked: it is hidden or excluded", file.display())
            }));
        }
        if self.version.is_none() {
            let texts = found.configs.iter().filter_map(|config| config.pg_version_text());
            notes.extend(texts.filter_map(|text| PgVersion::note_newer(&text)));
        }
        notes.extend(found.sets.iter().filter_map(|set| {
            let root = set.root.display().to_string();
            let root = if root.is_empty() { "." } else { &root };
            let database = set.foreign?;
            Some(format!("`{root}` is not checked: its migrations are for {database}"))
        }));
        let unread = loaded.trees.iter().flat_map(unread);
        notes.extend(unread.map(|of| format!("{of}: nothing is known of what that does")));
        notes.dedup();
        notes
    }

    /// Returns what arguments and configuration say about a set.
    pub(super) fn options(&self, set: &MigrationSet, config: &Config) -> SetOptions {
        SetOptions {
            target: self.target(config),
            is_complete: config.is_complete(&set.root),
            settings: config.settings(&set.root),
            wants_recipes: self.wants_recipes,
            past: self.pasts.get(&set.root).cloned(),
        }
    }

    /// Returns the target version of a set.
    pub(super) fn target(&self, config: &Config) -> Target {
        let version = self.version.or(config.pg_version().ok().flatten());
        Target { version: version.unwrap_or_default() }
    }

    fn shown_files(&self, sources: &Sources) -> HashSet<FileId> {
        let ids = (0..).map(FileId).zip(&sources.files);
        let Some(focus) = &self.focus else { return ids.map(|(id, _)| id).collect() };
        let is_inside = |folder: &PathBuf| folder.ancestors().any(|above| focus.contains(above));
        let mut folders: HashMap<&Path, ([PathBuf; 2], bool)> = HashMap::new();
        let mut shown = HashSet::new();
        for (id, file) in ids {
            let folder = file.path.parent().unwrap_or(Path::new(""));
            let (names, is_whole) = folders.entry(folder).or_insert_with(|| {
                let names = names(folder);
                let is_whole = names.iter().any(is_inside);
                (names, is_whole)
            });
            let name = file.path.file_name().unwrap_or_default();
            if *is_whole || names.iter().any(|folder| focus.contains(&folder.join(name))) {
                shown.insert(id);
            }
        }
        shown
    }
}

/// The configurations that lie below the folders that were asked for.
struct Deeper {
    is_on: bool,
    known: Mutex<HashMap<PathBuf, Option<Config>>>,
}

impl Deeper {
    /// Returns whether a configuration in a folder above `path` excludes it.
    fn excludes(&self, path: &Path) -> bool {
        let Ok(mut known) = self.known.lock() else { return false };
        self.is_on
            && path.ancestors().skip(1).any(|folder| {
                let config = known.entry(folder.to_owned()).or_insert_with(|| {
                    let file = folder.join(FILE_NAME);
                    // What is wrong with it shows where its directory is recognised.
                    if file.is_file() { Config::read(&file).ok() } else { None }
                });
                config.as_ref().is_some_and(|config| config.excludes(path))
            })
    }
}

/// Adds the configurations in the folders below `tree`.
fn add_deeper(tree: &Tree, configs: &mut Vec<(PathBuf, Config)>) -> anyhow::Result<()> {
    for folder in &tree.folders {
        if folder.file(FILE_NAME).is_some() {
            configs.push((folder.path.clone(), Config::read(&folder.path.join(FILE_NAME))?));
        }
        add_deeper(folder, configs)?;
    }
    Ok(())
}

/// Gives a diagnostic the severity that the configuration says; returns whether it is wanted at all.
fn configure(diagnostic: &mut Diagnostic, sources: &Sources, found: &Found) -> bool {
    let path = &sources.get(diagnostic.file).path;
    let set = match diagnostic.migration {
        Some(migration) => Some(migration.set),
        // The set whose directory is the deepest.
        None => (0..found.sets.len())
            .filter(|&at| path.starts_with(&found.sets[at].root))
            .max_by_key(|&at| found.sets[at].root.components().count()),
    };
    let (Some(config), Some(rule)) =
        (set.and_then(|set| found.configs.get(set)), info(diagnostic.rule))
    else {
        return true;
    };
    let severity = config.severity(&rule, path, diagnostic.severity);
    diagnostic.severity = severity.unwrap_or(diagnostic.severity);
    severity.is_some()
}

/// Returns a folder that the configuration names as it is shown; `.` for the current one.
fn root(path: &Path) -> PathBuf {
    let shown = discover::shown(path);
    if shown.as_os_str().is_empty() { PathBuf::from(".") } else { shown }
}

/// Returns the names under which a path is found again, however it is spelled there.
fn names(path: &Path) -> [PathBuf; 2] {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = if path.is_dir() { std::fs::canonicalize(path).ok() } else { None };
    [absolute, real.unwrap_or_else(|| discover::real(path))]
}

fn is_sql(path: &Path) -> bool {
    path.file_name().is_some_and(|name| discover::is_sql(&name.to_string_lossy()))
}

fn read_list(list: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let text = if list == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("cannot read standard input")?
    } else {
        std::fs::read_to_string(list)
            .with_context(|| format!("cannot read `{}`", list.display()))?
    };
    let separator = if text.contains('\0') { '\0' } else { '\n' };
    let lines = text.split(separator).map(|line| line.trim_end_matches('\r'));
    let lines = lines.filter(|line| !line.trim().is_empty());
    Ok(lines.map(|line| unquote(line).unwrap_or_else(|| PathBuf::from(line))).collect())
}

/// Reads a path as Git quotes it where it holds more than plain ASCII: `"caf\303\251.sql"`.
fn unquote(line: &str) -> Option<PathBuf> {
    let mut rest = line.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let octal = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let (escaped, len) = match (octal, rest.first()?) {
            (Some(octal), _) => (octal, 3),
            (None, b'n') => (b'\n', 1),
            (None, b't') => (b'\t', 1),
            (None, other) => (*other, 1),
        };
        bytes.push(escaped);
        rest = &rest[len..];
    }
    Some(PathBuf::from(String::from_utf8_lossy(&bytes).into_owned()))
}
