//! What a set of migrations was in another revision, and what became of it since.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::discover;
use crate::layout::{Hint, Identity, Migration, MigrationSet, Override, Sources, recognise};
use crate::source::SourceFile;
use crate::sql::lex::lexemes;

/// A set of migrations in a revision, for comparison with the files at hand.
#[derive(Debug)]
pub struct Past {
    /// The revision, as it was asked for.
    pub revision: String,
    /// The set where the files at hand began to differ from the revision: what they were made of.
    pub base: Snapshot,
    /// The set in the revision itself, if that has gone on since; nothing if it is the same.
    pub tip: Option<Snapshot>,
}

/// A set of migrations with its files.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// All files of the set.
    pub sources: Sources,
    /// The set; nothing where there was none yet.
    pub set: Option<MigrationSet>,
}

impl Snapshot {
    /// Reads files of another revision as the set `of` is read.
    ///
    /// Nothing if they were for another runner then, so that nothing can be compared.
    pub fn read(of: &MigrationSet, files: Vec<SourceFile>, hints: &Arc<Vec<Hint>>) -> Option<Self> {
        let found = discover::in_memory(&of.root, files, hints);
        let layout = Some(of.layout);
        let overrides = |path: &Path| Override {
            layout: layout.filter(|_| path == of.root),
            transaction: None,
        };
        let sets = |overrides: &dyn Fn(&Path) -> Override| {
            let sets =
                found.trees.iter().flat_map(|t| recognise(t, &found.sources, true, overrides));
            sets.into_iter().find(|set| set.root == of.root)
        };
        let seen = sets(&|_| Override::default());
        let is_other = seen.is_some_and(|seen| seen.layout != of.layout);
        // What the configuration says, it says for both.
        let is_named = of.evidence.iter().any(|signal| signal.contains("lockmaster.toml"));
        let set = sets(&overrides);
        (is_named || !is_other).then_some(Self { sources: found.sources, set })
    }

    /// Returns what it applies, but for what is applied again whenever it changes.
    pub fn ups(&self) -> impl Iterator<Item = Released<'_>> {
        let ups = self.set.iter().flat_map(MigrationSet::ups);
        ups.filter(|(_, up)| !up.is_repeatable)
            .map(|(_, migration)| Released { migration, sources: &self.sources })
    }
}

/// A migration of a snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Released<'a> {
    /// The migration.
    pub migration: &'a Migration,
    /// The files of the snapshot.
    pub sources: &'a Sources,
}

impl<'a> Released<'a> {
    /// Returns its file.
    pub fn file(&self) -> &'a SourceFile {
        self.sources.get(self.migration.file)
    }

    /// Returns its text.
    pub fn text(&self) -> &'a str {
        self.file().slice(self.migration.section)
    }

    /// Returns by what it is found again: its file, and its version for files that hold several.
    fn key(&self) -> (&'a Path, &'a str) {
        (&self.file().path, &self.migration.version.text)
    }
}

/// What became of the migrations of a revision.
#[derive(Debug, Default)]
pub struct Comparison<'a> {
    /// Those that are still there, with their places in the set at hand.
    pub kept: Vec<(Released<'a>, usize)>,
    /// Those that have another name or version now, with their places in the set at hand.
    pub renamed: Vec<(Released<'a>, usize)>,
    /// Those that are not there any more.
    pub gone: Vec<Released<'a>>,
    /// The places of those that are in no revision yet.
    pub new: Vec<usize>,
}

impl Past {
    /// Compares the set at hand with what it was made of.
    pub fn compare<'a>(&'a self, set: &MigrationSet, sources: &Sources) -> Comparison<'a> {
        let mut comparison = Comparison::default();
        // A file may say one version twice.
        let mut fresh: BTreeMap<(PathBuf, &str), VecDeque<usize>> = BTreeMap::new();
        for (at, up) in set.ups().filter(|(_, up)| !up.is_repeatable) {
            let path = sources.get(up.file).path.clone();
            fresh.entry((path, &up.version.text)).or_default().push_back(at);
        }
        let mut lost = Vec::new();
        let mut known: BTreeMap<(&Path, &str), usize> = BTreeMap::new();
        for old in self.base.ups() {
            let (path, version) = old.key();
            *known.entry((path, version)).or_default() += 1;
            let same = fresh.get_mut(&(path.to_owned(), version));
            match same.and_then(VecDeque::pop_front) {
                Some(at) => comparison.kept.push((old, at)),
                None => lost.push(old),
            }
        }
        // What only the revision has gone on to is released too.
        for old in self.tip.iter().flat_map(Snapshot::ups) {
            let (path, version) = old.key();
            if let Some(left @ 1..) = known.get_mut(&(path, version)) {
                *left -= 1;
                continue;
            }
            if let Some(same) = fresh.get_mut(&(path.to_owned(), version)) {
                same.pop_front();
            }
        }
        let mut fresh: BTreeSet<usize> = fresh.into_values().flatten().collect();
        // Whoever renumbers a directory renames thousands of files: each text is read once.
        let mut by_sql: HashMap<u64, Vec<usize>> = HashMap::new();
        for at in fresh.iter().copied().filter(|_| !lost.is_empty()) {
            let new = &set.migrations[at];
            let text = sources.get(new.file).slice(new.section);
            by_sql.entry(sql_hash(text)).or_default().push(at);
        }
        for old in lost {
            let is_version =
                |at: &&usize| is_same_version(set, old.migration, &set.migrations[**at]);
            let mut alike = by_sql.get(&sql_hash(old.text())).into_iter().flatten();
            let found = fresh.iter().find(is_version);
            let found = found.or_else(|| alike.find(|at| fresh.contains(at))).copied();
            match found {
                Some(at) => {
                    fresh.remove(&at);
                    comparison.renamed.push((old, at));
                }
                None => comparison.gone.push(old),
            }
        }
        comparison.new = fresh.into_iter().collect();
        comparison
    }

    /// Returns what the revision has and the files at hand have not: it was added on the other side.
    pub fn ahead<'a>(&'a self, set: &MigrationSet, sources: &Sources) -> Vec<Released<'a>> {
        let here: BTreeSet<(&Path, &str)> = set
            .ups()
            .map(|(_, up)| (sources.get(up.file).path.as_path(), up.version.text.as_str()))
            .collect();
        let base: BTreeSet<(&Path, &str)> = self.base.ups().map(|old| old.key()).collect();
        let tip = self.tip.iter().flat_map(Snapshot::ups);
        tip.filter(|old| !here.contains(&old.key()) && !base.contains(&old.key())).collect()
    }
}

/// Returns whether a runner that goes by version takes the two for one migration.
fn is_same_version(set: &MigrationSet, old: &Migration, new: &Migration) -> bool {
    set.layout.bookkeeping().identity == Identity::Version
        && set.layout.has_lasting_versions()
        && !old.unnumbered
        && !new.unnumbered
        && old.version.is_same(&new.version)
}

/// Returns a number that is the same for texts that hold the same SQL.
fn sql_hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    lexemes(text).for_each(|lexeme| lexeme.text.hash(&mut hasher));
    hasher.finish()
}

/// Returns whether two texts hold the same SQL, whatever their comments and white space.
pub fn is_same_sql(a: &str, b: &str) -> bool {
    let words = |text| lexemes(text).map(|lexeme| lexeme.text);
    a == b || words(a).eq(words(b))
}
