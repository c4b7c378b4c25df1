//! Runs an example of a rule's page.

use std::path::Path;
use std::sync::Arc;

use lockmaster::check::{SetOptions, check};
use lockmaster::diagnostic::Diagnostic;
use lockmaster::fix;
use lockmaster::layout::{self, Entry, MigrationSet, Override, Sources, Tree};
use lockmaster::past::{Past, Snapshot};
use lockmaster::report::{sort, text};
use lockmaster::rule::{Check, Rule, Target};
use lockmaster::rules::RULES;
use lockmaster::source::{FileId, SourceFile};
use lockmaster::suppress;
use lockmaster::version::PgVersion;
use lockmaster::{discover, embedded};

/// An example, and the case that its words choose.
pub(crate) struct Example<'a> {
    rule: &'a Rule,
    runner: String,
    target: Target,
    files: Vec<(String, String)>,
    /// The directory as it was in another revision, if the page says.
    past: Vec<(String, String)>,
}

/// What the rule says about an example.
pub(crate) struct Outcome {
    /// The rule's diagnostics of it, as text.
    pub(crate) report: String,
    /// The example's text with the fixes applied, if there is one and it can be shown.
    pub(crate) fixed: Option<String>,
    /// The rule's diagnostics of the fixed text.
    pub(crate) report_after_fix: String,
}

impl<'a> Example<'a> {
    pub(crate) fn new<'b>(
        rule: &'a Rule,
        language: &str,
        given: &[String],
        code: &str,
        words: impl Iterator<Item = &'b str>,
    ) -> Self {
        let mut example = Self {
            rule,
            runner: "psql".to_owned(),
            target: Target::default(),
            files: Vec::new(),
            past: Vec::new(),
        };
        let is_directory = |text: &&String| text.starts_with("==> ");
        if let Some(directory) = given.iter().rfind(is_directory) {
            example.past = directory_of(directory);
        }
        let given: Vec<&String> = given.iter().filter(|text| !is_directory(text)).collect();
        for word in words {
            match word.split_once('=').expect("a word behind the kind is a key and a value") {
                ("runner", value) => value.clone_into(&mut example.runner),
                ("pg", value) => example.target.version = value.parse().expect("a version"),
                (key, _) => panic!("{}: unknown word {key}", rule.name),
            }
        }
        if language == "files" {
            example.files = directory_of(code);
        } else {
            for (at, text) in given.iter().enumerate() {
                example.files.push((example.file_name(at + 1, "given"), (*text).clone()));
            }
            let last = example.file_name(given.len() + 1, "example");
            example.files.push((last, code.to_owned()));
        }
        example
    }

    fn file_name(&self, number: usize, name: &str) -> String {
        file_name(&self.runner, number, name)
    }

    pub(crate) fn run(&self) -> Outcome {
        let (sources, diagnostics) = self.lint(&self.files);
        let report = text::render(&sources, &diagnostics, text::Style::default());
        let fixes = diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_deref());
        let changed = fix::apply(&sources, fixes);
        let Some(first) = changed.iter().find(|change| change.file.is_some()) else {
            return Outcome { report, fixed: None, report_after_fix: String::new() };
        };
        let mut files = self.files.clone();
        for change in &changed {
            if let Some(file) = change.file {
                files[file.index()].1.clone_from(&change.new);
            }
        }
        let (fixed_sources, left) = self.lint(&files);
        let report_after_fix = text::render(&fixed_sources, &left, text::Style::default());
        Outcome { report, fixed: Some(first.new.clone()), report_after_fix }
    }

    /// Returns the server version that the example names.
    pub(crate) fn version(&self) -> PgVersion {
        self.target.version
    }

    /// Makes it an example for another server version.
    pub(crate) fn set_version(&mut self, version: PgVersion) {
        self.target.version = version;
    }

    /// Returns the files, and the migrations that its runner sees in them.
    pub(crate) fn load(&self) -> (Sources, Vec<MigrationSet>) {
        self.load_files(&self.files)
    }

    fn load_files(&self, files: &[(String, String)]) -> (Sources, Vec<MigrationSet>) {
        let mut sources = Sources {
            files: files.iter().map(|(name, text)| SourceFile::new(name, text.clone())).collect(),
        };
        let fixed = layout::by_name(&self.runner).expect("the runner is a layout");
        let overrides = |path: &Path| Override {
            layout: (path == Path::new("")).then_some(fixed),
            transaction: None,
        };
        let mut trees = [tree(files)];
        discover::add_derived(&mut trees, &mut sources);
        let sets = layout::recognise(&trees[0], &sources, true, &overrides);
        (sources, sets)
    }

    /// Returns what the set was in another revision.
    fn past(&self, set: &MigrationSet) -> Option<Arc<Past>> {
        let file = |(name, text): &(String, String)| SourceFile::new(name, text.clone());
        let files = self.past.iter().map(file).collect();
        let base = Snapshot::read(set, files, &Arc::default())?;
        let revision = "origin/main".to_owned();
        (!self.past.is_empty()).then(|| Arc::new(Past { revision, base, tip: None }))
    }

    /// Returns the diagnostics of the example's own file, with their recipes.
    pub(crate) fn recipes(&self) -> (Sources, Vec<Diagnostic>) {
        let (sources, sets) = self.load();
        let options = SetOptions { wants_recipes: true, ..self.options() };
        let mut diagnostics = Vec::new();
        for (at, set) in sets.iter().enumerate() {
            let checked = check(at, set, &sources, &[self.rule], &options);
            // Where the files do not show a table, there is none to run a recipe on.
            diagnostics.extend(checked.diagnostics.into_iter().filter(|_| checked.is_complete));
        }
        diagnostics.retain(|diagnostic| diagnostic.recipe.is_some());
        (sources, diagnostics)
    }

    /// Returns what the run depends on beside the files.
    pub(crate) fn options(&self) -> SetOptions {
        SetOptions { target: self.target, ..SetOptions::default() }
    }

    /// Returns what the rule says about the files; only about the last one if the page gave others.
    fn lint(&self, files: &[(String, String)]) -> (Sources, Vec<Diagnostic>) {
        let (sources, sets) = self.load_files(files);
        let options = self.options();
        let all: Vec<&Rule> = RULES.iter().collect();
        let rules =
            if matches!(self.rule.check, Check::Suppressions) { &all[..] } else { &[self.rule] };
        let mut diagnostics = Vec::new();
        for (at, set) in sets.iter().enumerate() {
            let options = SetOptions { past: self.past(set), ..options.clone() };
            diagnostics.extend(check(at, set, &sources, rules, &options).diagnostics);
        }
        embedded::to_host(&mut diagnostics, &sources);
        suppress::apply(&mut diagnostics, &sources, |_| true);
        diagnostics.retain(|diagnostic| diagnostic.rule == self.rule.name);
        sort(&mut diagnostics, &sources);
        (sources, diagnostics)
    }
}

/// Reads a directory: a line `==> 0001_a.sql` begins each file, and `␍` is a carriage return.
fn directory_of(code: &str) -> Vec<(String, String)> {
    let files = code.split("==> ").skip(1).map(|file| {
        let (name, text) = file.split_once('\n').unwrap_or((file, ""));
        // Nobody would see a carriage return.
        (name.trim().to_owned(), text.replace('\u{240d}', "\r"))
    });
    files.collect()
}

/// A fenced block of a page.
pub(crate) struct Fence<'a> {
    /// The text between the fence before and this one.
    pub(crate) before: &'a str,
    /// What stands behind the opening fence.
    pub(crate) info: &'a str,
    /// Its lines.
    pub(crate) code: &'a str,
}

impl<'a> Fence<'a> {
    /// Returns the language, the kind (`given`, `bad`, `good`, `fixed`) and the words behind it.
    pub(crate) fn words(&self) -> (&'a str, &'a str, impl Iterator<Item = &'a str>) {
        let mut words = self.info.split(' ');
        let language = words.next().unwrap_or_default();
        (language, words.next().unwrap_or_default(), words)
    }
}

/// Returns the fenced blocks of a page, and what comes after the last.
pub(crate) fn fences(page: &str) -> (Vec<Fence<'_>>, &str) {
    let mut fences = Vec::new();
    let mut rest = page;
    while let Some((before, block)) = rest.split_once("```") {
        let (info, block) = block.split_once('\n').expect("a fence ends its line");
        let (code, after) = block.split_once("```").expect("every fence is closed");
        fences.push(Fence { before, info, code });
        rest = after;
    }
    (fences, rest)
}

/// Builds the folder that the files lie in.
pub(crate) fn tree(files: &[(String, String)]) -> Tree {
    let mut tree = Tree::default();
    for (at, (path, text)) in files.iter().enumerate() {
        let mut folder = &mut tree;
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.pop().expect("a path has a name").to_owned();
        for part in parts {
            let at = folder.folders.iter().position(|f| f.name() == part).unwrap_or_else(|| {
                let path = folder.path.join(part);
                folder.folders.push(Tree { path, ..Tree::default() });
                folder.folders.len() - 1
            });
            folder = &mut folder.folders[at];
        }
        let here = Some(FileId(u32::try_from(at).expect("few files")));
        let is_code = name.ends_with(".py");
        let journal = here.filter(|_| discover::is_journal(Path::new(&name)));
        let (id, code) = match (is_code, journal) {
            (true, _) => (None, here),
            (false, None) if discover::is_sql(&name) => (here, None),
            (false, _) => (None, None),
        };
        let text = journal.map(|_| text.clone());
        folder.files.push(Entry { name, id, code, journal, text });
    }
    sort_names(&mut tree);
    tree
}

/// Sorts files and folders by name, as they are found on disk.
fn sort_names(tree: &mut Tree) {
    tree.files.sort_by(|a, b| a.name.cmp(&b.name));
    tree.folders.sort_by(|a, b| a.name().cmp(b.name()));
    tree.folders.iter_mut().for_each(sort_names);
}

/// Returns a file name as a layout wants it.
pub(crate) fn file_name(layout: &str, number: usize, name: &str) -> String {
    match layout {
        "golang-migrate" | "pop" => format!("{number:04}_{name}.up.sql"),
        "flyway" | "refinery" => format!("V{number}__{name}.sql"),
        "postgrator" => format!("{number:04}.do.{name}.sql"),
        "diesel" => format!("{number:04}_{name}/up.sql"),
        "hasura" => format!("{number:013}_{name}/up.sql"),
        "prisma" => format!("{number:04}_{name}/migration.sql"),
        "sqitch" => format!("deploy/{number:04}_{name}.sql"),
        _ => format!("{number:04}_{name}.sql"),
    }
}
