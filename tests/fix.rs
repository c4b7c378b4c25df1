//! Fixes of files on disk, and the judgement of fixes that harm.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lockmaster::check::{SetOptions, check};
use lockmaster::diagnostic::{Applicability, Diagnostic, Edit, Fix, NewFile, Severity};
use lockmaster::fix::{self, Error, FixOptions, FixOutcome, Reason};
use lockmaster::layout::{self, Override, Sources};
use lockmaster::report::sort;
use lockmaster::rules;
use lockmaster::source::{FileId, SourceFile, Span};
use support::example::tree;
use tempfile::TempDir;

const WRITE: FixOptions = FixOptions { unsafe_fixes: true, diff: false };
const DIFF: FixOptions = FixOptions { unsafe_fixes: true, diff: true };

/// A directory of psql migrations.
struct Directory {
    folder: TempDir,
}

impl Directory {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = Self { folder: TempDir::new().unwrap() };
        for (name, text) in files {
            fs::write(directory.path(name), text).unwrap();
        }
        directory
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn load(&self) -> Sources {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == "sql"));
        paths.sort();
        let read = |path: PathBuf| SourceFile::from_bytes(&path, fs::read(&path).unwrap());
        Sources { files: paths.into_iter().map(read).collect() }
    }

    /// Lints with the real rules.
    fn lint(&self, sources: &Sources) -> Vec<Diagnostic> {
        let name = |file: &SourceFile| {
            let path = file.path.strip_prefix(self.folder.path()).unwrap();
            (path.to_str().unwrap().to_owned(), String::new())
        };
        let tree = tree(&sources.files.iter().map(name).collect::<Vec<_>>());
        let overrides = |path: &Path| Override {
            layout: (path == Path::new("")).then(|| layout::by_name("psql").unwrap()),
            transaction: None,
        };
        let rules: Vec<_> = ["blocking-index", "not-analysed", "syntax-error"]
            .iter()
            .map(|name| rules::by_name(name).unwrap())
            .collect();
        let mut found = Vec::new();
        for (at, set) in layout::recognise(&tree, sources, true, &overrides).iter().enumerate() {
            found.extend(check(at, set, sources, &rules, &SetOptions::default()).diagnostics);
        }
        sort(&mut found, sources);
        found
    }

    fn fix(&self, options: FixOptions) -> (Result<FixOutcome, Error>, String) {
        let sources = self.load();
        self.fix_read(options, &sources)
    }

    fn fix_read(
        &self,
        options: FixOptions,
        sources: &Sources,
    ) -> (Result<FixOutcome, Error>, String) {
        let mut out = Vec::new();
        let lint = |sources: &Sources| self.lint(sources);
        let outcome = fix::run(options, sources, &self.lint(sources), &lint, &mut out);
        (outcome, String::from_utf8(out).unwrap())
    }

    /// Returns the names of all files, so that nothing is left behind unseen.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<String> =
            names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

const TABLE: (&str, &str) = ("0001_table.sql", "create table t (a int, b int);\n");

#[test]
fn a_real_rule_is_fixed_once_and_for_all() {
    let old = "\u{feff}-- über\r\nCREATE INDEX i ON t (a);\r\ncreate index j on t (b);";
    let directory = Directory::new(&[TABLE, ("0002_index.sql", old)]);
    let safe_only = FixOptions { unsafe_fixes: false, diff: false };
    let outcome = directory.fix(safe_only).0.unwrap();
    assert_eq!(outcome.to_string(), "fixed 0 diagnostics in 0 files, 2 more with `--unsafe-fixes`");
    assert_eq!(directory.text("0002_index.sql"), old);

    let outcome = directory.fix(WRITE).0.unwrap();
    assert_eq!(outcome.to_string(), "fixed 2 diagnostics in 1 file");
    assert!(outcome.diagnostics.is_empty());
    assert_eq!(
        directory.text("0002_index.sql"),
        "\u{feff}-- über\r\nCREATE INDEX CONCURRENTLY i ON t (a);\r\ncreate index concurrently j on t (b);"
    );
    assert_eq!(directory.text("0001_table.sql"), TABLE.1);
    assert_eq!(directory.names(), ["0001_table.sql", "0002_index.sql"]);

    let outcome = directory.fix(WRITE).0.unwrap();
    assert_eq!(outcome.to_string(), "fixed 0 diagnostics in 0 files");
}

#[test]
fn a_diff_writes_nothing_and_says_what_would_be_written() {
    let old = "create index i on t (a);\r\nselect 1;";
    let directory = Directory::new(&[TABLE, ("0002_index.sql", old)]);
    let (outcome, diff) = directory.fix(DIFF);
    assert_eq!(directory.text("0002_index.sql"), old);
    assert_eq!(outcome.unwrap().to_string(), "would fix 1 diagnostic in 1 file");
    let path = directory.path("0002_index.sql").display().to_string();
    let path = path.trim_start_matches('/');
    assert_eq!(
        diff,
        format!(
            "--- a/{path}\n+++ b/{path}\n@@ -1,2 +1,2 @@\n-create index i on t (a);\r\n\
             +create index concurrently i on t (a);\r\n select 1;\n\\ No newline at end of file\n"
        )
    );
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_kept() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let directory = Directory::new(&[TABLE, ("index.txt", "create index i on t (a);\n")]);
    let target = directory.path("index.txt");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
    // Only root can give a file away; for others the owner stays their own.
    let _ = std::os::unix::fs::chown(&target, Some(12), Some(34));
    let before = fs::metadata(&target).unwrap();
    symlink("index.txt", directory.path("0002_index.sql")).unwrap();

    assert_eq!(directory.fix(WRITE).0.unwrap().fixed.len(), 1);

    assert!(fs::symlink_metadata(directory.path("0002_index.sql")).unwrap().is_symlink());
    assert_eq!(directory.text("index.txt"), "create index concurrently i on t (a);\n");
    let after = fs::metadata(&target).unwrap();
    let rights = |found: &fs::Metadata| (found.mode(), found.uid(), found.gid());
    assert_eq!(rights(&before), rights(&after));
    assert_eq!(directory.names(), ["0001_table.sql", "0002_index.sql", "index.txt"]);
}

#[cfg(unix)]
#[test]
fn a_file_with_two_names_is_fixed_under_one() {
    let directory = Directory::new(&[TABLE, ("0002_index.sql", "create index on t (a);\n")]);
    let other = directory.path("0003_again.sql");
    std::os::unix::fs::symlink("0002_index.sql", other).unwrap();
    let outcome = directory.fix(WRITE).0.unwrap();
    let reasons: Vec<_> = outcome.refused.into_iter().map(|refused| refused.reason).collect();
    assert_eq!(reasons, [Reason::SameFile(directory.path("0002_index.sql"))]);
    assert_eq!(directory.text("0002_index.sql"), "create index concurrently on t (a);\n");
    assert_eq!(directory.fix(WRITE).0.unwrap().to_string(), "fixed 0 diagnostics in 0 files");
}

#[test]
fn what_changed_since_it_was_read_is_left_alone() {
    let directory = Directory::new(&[
        TABLE,
        ("0002_index.sql", "create index i on t (a);\n"),
        ("0003_index.sql", "create index j on t (a);\n"),
        ("0004_index.sql", "create index k on t (a);\n"),
    ]);
    let sources = directory.load();
    fs::write(directory.path("0002_index.sql"), "select 1;\n").unwrap();
    fs::remove_file(directory.path("0003_index.sql")).unwrap();
    let outcome = directory.fix_read(WRITE, &sources).0.unwrap();
    let reasons: Vec<_> = outcome.refused.iter().map(|refused| &refused.reason).collect();
    let changed = Reason::Changed(directory.path("0002_index.sql"));
    let missing = Reason::Missing(directory.path("0003_index.sql"));
    assert_eq!(reasons, [&changed, &missing]);
    assert_eq!(directory.text("0002_index.sql"), "select 1;\n");
    assert_eq!(directory.text("0004_index.sql"), "create index concurrently k on t (a);\n");
    let summary = outcome.to_string();
    assert!(
        summary.starts_with("fixed 1 diagnostic in 1 file, 2 refused\nnot fixed: "),
        "{summary}"
    );
    assert!(summary.contains("0002_index.sql:1: blocking-index: `"), "{summary}");
}

#[test]
fn files_that_hold_other_bytes_than_text_are_left_alone() {
    let directory = Directory::new(&[TABLE]);
    let bytes = b"-- caf\xe9\ncreate index i on t (a);\n";
    fs::write(directory.path("0002_index.sql"), bytes).unwrap();
    let outcome = directory.fix(WRITE).0.unwrap();
    assert_eq!(outcome.refused[0].reason, Reason::Encoding);
    assert_eq!(fs::read(directory.path("0002_index.sql")).unwrap(), bytes);
}

#[test]
fn a_read_only_file_or_folder_stops_everything() {
    let files = [
        TABLE,
        ("0002_a.sql", "create index i on t (a);"),
        ("0003_b.sql", "create index j on t (b);"),
    ];
    let set_read_only = |path: &Path, value: bool| {
        let mut permissions = fs::metadata(path).unwrap().permissions();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = permissions.mode();
            permissions.set_mode(if value { mode & !0o222 } else { mode | 0o200 });
        }
        #[cfg(not(unix))]
        permissions.set_readonly(value);
        fs::set_permissions(path, permissions).unwrap();
    };
    let directory = Directory::new(&files);
    let path = directory.path("0003_b.sql");
    set_read_only(&path, true);
    let error = directory.fix(WRITE).0.unwrap_err();
    assert!(matches!(&error, Error::ReadOnlyFile(found) if *found == path), "{error}");
    assert_eq!(directory.text("0002_a.sql"), files[1].1);
    assert_eq!(directory.names().len(), 3, "{:?}", directory.names());

    if cfg!(unix) {
        set_read_only(&path, false);
        set_read_only(directory.folder.path(), true);
        let error = directory.fix(WRITE).0.unwrap_err();
        set_read_only(directory.folder.path(), false);
        assert!(matches!(error, Error::ReadOnlyFolder(_)), "{error}");
        assert_eq!(directory.text("0002_a.sql"), files[1].1);
    }
}

/// Reports each occurrence of a word; `fix` makes the repair.
fn words(
    sources: &Sources,
    rule: &'static str,
    word: &str,
    severity: Severity,
    fix: impl Fn(FileId, Span) -> Option<Fix>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (at, file) in sources.files.iter().enumerate() {
        let id = FileId(u32::try_from(at).unwrap());
        for (start, word) in file.text.match_indices(word) {
            let span = Span::new(start..start + word.len());
            let mut diagnostic = Diagnostic::new(id, span, format!("`{word}`")).fix(fix(id, span));
            diagnostic.rule = rule;
            diagnostic.severity = severity;
            found.push(diagnostic);
        }
    }
    found
}

#[expect(clippy::unnecessary_wraps, reason = "it is what `words` asks for")]
fn replace(file: FileId, span: Span, text: &str) -> Option<Fix> {
    let edit = Edit { file, span, text: text.to_owned() };
    Some(Fix::new(Applicability::Safe, "write another word", vec![edit]))
}

fn in_memory(files: &[(&str, &str)]) -> Sources {
    let file = |(path, text): &(&str, &str)| SourceFile::new(*path, (*text).to_owned());
    Sources { files: files.iter().map(file).collect() }
}

fn repaired(sources: &Sources, lint: impl Fn(&Sources) -> Vec<Diagnostic>) -> FixOutcome {
    fix::repair(false, sources, &lint(sources), &lint, &|_| None)
}

fn texts(outcome: &FixOutcome) -> Vec<&str> {
    outcome.sources.files.iter().map(|file| file.text.as_str()).collect()
}

#[test]
fn only_the_fix_that_breaks_the_syntax_is_refused() {
    let sources =
        in_memory(&[("a.sql", "select 1; select 2; select 3;"), ("b.sql", "select 1; select 1;")]);
    // The rule that reports syntax errors may be off: the text is parsed nevertheless.
    let outcome = repaired(&sources, |sources| {
        let mut found =
            words(sources, "ones", "1", Severity::Warning, |file, span| replace(file, span, "one"));
        found.extend(words(sources, "twos", "2", Severity::Warning, |file, span| {
            replace(file, span, "two (")
        }));
        found
    });
    assert_eq!(texts(&outcome), ["select one; select 2; select 3;", "select one; select one;"]);
    let refused: Vec<_> = outcome.refused.iter().map(|r| (r.rule, r.reason.clone())).collect();
    assert_eq!(refused, [("twos", Reason::NotUnderstood)]);
}

#[test]
fn a_fix_that_leads_to_an_error_in_another_file_is_refused() {
    let sources = in_memory(&[("a.txt", "old x"), ("b.txt", "x"), ("c.txt", "old")]);
    let outcome = repaired(&sources, |sources| {
        let mut found =
            words(sources, "x", "x", Severity::Warning, |file, span| replace(file, span, "y"));
        found.extend(words(sources, "old", "old", Severity::Warning, |file, span| {
            replace(file, span, "new")
        }));
        // `b` depends on what `a` says.
        if sources.files[0].text.contains("new") {
            let mut diagnostic = Diagnostic::new(FileId(1), Span::at(0), "`b` has lost `a`");
            diagnostic.rule = "lost";
            diagnostic.severity = Severity::Error;
            found.push(diagnostic);
        }
        found
    });
    assert_eq!(texts(&outcome), ["old y", "y", "new"]);
    let reason = Reason::NewError { rule: "lost", message: "`b` has lost `a`".to_owned() };
    assert_eq!(outcome.refused.len(), 1);
    assert_eq!(
        (outcome.refused[0].path.to_str(), &outcome.refused[0].reason),
        (Some("a.txt"), &reason)
    );
}

#[test]
fn a_fix_that_does_not_help_is_refused_and_no_longer_in_the_way() {
    let sources = in_memory(&[("a.txt", "ab")]);
    let outcome = repaired(&sources, |sources| {
        let mut found = words(sources, "first", "ab", Severity::Warning, |file, span| {
            replace(file, span, "abab")
        });
        found.extend(words(sources, "second", "b", Severity::Warning, |file, span| {
            replace(file, span, "c")
        }));
        found
    });
    assert_eq!(texts(&outcome), ["ac"]);
    assert!(outcome.refused.is_empty(), "{:?}", outcome.refused);
}

#[test]
fn fixes_make_room_for_others() {
    let sources = in_memory(&[("a.txt", "one")]);
    let outcome = repaired(&sources, |sources| {
        let mut found = words(sources, "first", "one", Severity::Error, |file, span| {
            replace(file, span, "two")
        });
        found.extend(words(sources, "second", "two", Severity::Warning, |file, span| {
            replace(file, span, "three")
        }));
        found
    });
    assert_eq!(texts(&outcome), ["three"]);
    assert_eq!(outcome.to_string(), "would fix 2 diagnostics in 1 file");
}

#[test]
fn files_whose_fixes_never_end_stay_as_they_are() {
    let sources = in_memory(&[("a.txt", "one x"), ("b.txt", "x")]);
    let outcome = repaired(&sources, |sources| {
        let mut found = words(sources, "first", "one", Severity::Warning, |file, span| {
            replace(file, span, "two")
        });
        found.extend(words(sources, "second", "two", Severity::Warning, |file, span| {
            replace(file, span, "one")
        }));
        found.extend(words(sources, "third", "x", Severity::Warning, |file, span| {
            replace(file, span, "y")
        }));
        found
    });
    assert_eq!(texts(&outcome), ["one x", "y"]);
    let refused: Vec<_> = outcome.refused.iter().map(|r| (r.rule, r.reason.clone())).collect();
    assert_eq!(refused, [("first", Reason::Endless), ("third", Reason::Endless)]);
}

/// Moves each `late;` into a new file, where `early` has the rest.
fn move_to_new_file(path: PathBuf) -> impl Fn(&Sources) -> Vec<Diagnostic> {
    move |sources| {
        let mut found = words(sources, "late", "late;", Severity::Error, |file, span| {
            let mut fix = Fix::new(Applicability::Safe, "move it", vec![Edit::remove(file, span)]);
            let content = "select 'moved';\n".to_owned();
            fix.new_files.push(NewFile { path: path.clone(), content });
            Some(fix)
        });
        // What moves brings its own errors with it: they are no new ones.
        found.extend(words(sources, "word", "moved", Severity::Error, |_, _| None));
        found.extend(words(sources, "word", "late", Severity::Error, |_, _| None));
        found
    }
}

#[test]
fn new_files_are_made_with_their_folders() {
    let directory = Directory::new(&[("a.sql", "select 1;\r\nlate;\r\n")]);
    let new = directory.path("new/deep/b.sql");
    let sources = directory.load();
    let lint = move_to_new_file(new.clone());
    let mut diff = Vec::new();
    fix::run(DIFF, &sources, &lint(&sources), &lint, &mut diff).unwrap();
    assert!(!new.exists());
    let diff = String::from_utf8(diff).unwrap();
    assert!(diff.contains("--- /dev/null\n+++ b/"), "{diff}");
    assert!(diff.contains("\n@@ -0,0 +1 @@\n+select 'moved';\r\n"), "{diff}");

    let outcome = fix::run(WRITE, &sources, &lint(&sources), &lint, &mut Vec::new()).unwrap();
    assert_eq!(outcome.to_string(), "fixed 1 diagnostic in 1 file with 1 new file");
    assert_eq!(directory.text("a.sql"), "select 1;\r\n\r\n");
    assert_eq!(fs::read_to_string(&new).unwrap(), "select 'moved';\r\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&new), mode(&directory.path("a.sql")), "both are made with the umask");
    }
}

#[test]
fn no_file_is_written_over_by_a_new_one() {
    let directory = Directory::new(&[("a.sql", "late;\n"), ("b.txt", "mine")]);
    let sources = directory.load();
    let lint = move_to_new_file(directory.path("b.txt"));
    let outcome = fix::run(WRITE, &sources, &lint(&sources), &lint, &mut Vec::new()).unwrap();
    assert_eq!(outcome.refused[0].reason, Reason::Exists(directory.path("b.txt")));
    assert_eq!(
        (directory.text("a.sql"), directory.text("b.txt")),
        ("late;\n".to_owned(), "mine".to_owned())
    );
}

#[test]
fn nothing_is_written_if_one_file_cannot_be() {
    let directory =
        Directory::new(&[("a.sql", "late;\n"), ("b", "a file, where a folder would be")]);
    let sources = directory.load();
    let lint = move_to_new_file(directory.path("b/c.sql"));
    let error = fix::run(WRITE, &sources, &lint(&sources), &lint, &mut Vec::new()).unwrap_err();
    assert!(error.to_string().starts_with("cannot write `"), "{error}");
    assert!(error.to_string().contains("b/c.sql"), "{error}");
    assert_eq!(directory.text("a.sql"), "late;\n");
    assert_eq!(directory.names(), ["a.sql", "b"]);
}
