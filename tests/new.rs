//! `lockmaster new`: the file that it writes is the next migration for its runner.

#![allow(clippy::expect_used, clippy::panic, missing_docs, reason = "a test may panic")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockmaster"));
    command.args(arguments).current_dir(folder).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A directory of migrations with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().expect("it has one")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    folder
}

/// The files below a folder, by their paths from there.
fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<String> = walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| Some(entry.path().strip_prefix(folder).ok()?.display().to_string()))
        .collect();
    found.sort();
    found
}

/// What `new` writes, and the texts.
fn made(folder: &TempDir, arguments: &[&str]) -> Vec<(String, String)> {
    let before = files(folder.path());
    let output = run(folder.path(), &[&["new"], arguments].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let new = files(folder.path()).into_iter().filter(|path| !before.contains(path));
    new.map(|path| {
        let text = fs::read_to_string(folder.path().join(&path)).expect("it was written");
        (path, text)
    })
    .collect()
}

fn one(path: &str, text: &str) -> Vec<(String, String)> {
    vec![(path.to_owned(), text.to_owned())]
}

#[test]
fn numbers_go_on_where_they_ended() {
    let folder = directory(&[
        ("db/migrations/0009_init.sql", "create table t (a int);\n"),
        ("db/migrations/0010-add-b.sql", "alter table t add column b int;\n"),
        ("db/migrations/archive/0011_old.sql", "create table old (a int);\n"),
    ]);
    assert_eq!(
        made(&folder, &["AddColumnC"]),
        one("db/migrations/0012-add-column-c.sql", "set lock_timeout = '5s';\n")
    );
    let again = run(folder.path(), &["new", "x", "db/migrations", "--print"]);
    assert!(stdout(&again).starts_with("==> db/migrations/0013-x.sql\n"), "{}", stdout(&again));
    assert_eq!(files(folder.path()).len(), 4);
}

#[test]
fn a_down_is_written_where_the_runner_looks_for_it() {
    let folder = directory(&[
        ("migrations/000001_init.up.sql", "create table t (a int);\n"),
        ("migrations/000001_init.down.sql", "drop table t;\n"),
    ]);
    let text = "set local lock_timeout = '5s';\n";
    assert_eq!(
        made(&folder, &["add b"]),
        [
            ("migrations/000002_add_b.down.sql".to_owned(), text.to_owned()),
            ("migrations/000002_add_b.up.sql".to_owned(), text.to_owned()),
        ]
    );
    let folder = directory(&[
        ("001_init.sql", "create table t (a int);\n"),
        ("002_add_b.sql", "alter table t add column b int;\n"),
        ("rollback/001_rollback_init.sql", "drop table t;\n"),
        ("rollback/002_rollback_add_b.sql", "alter table t drop column b;\n"),
    ]);
    let paths: Vec<String> = made(&folder, &["add c"]).into_iter().map(|(path, _)| path).collect();
    assert_eq!(paths, ["003_add_c.sql", "rollback/003_rollback_add_c.sql"]);
}

#[test]
fn sections_begin_as_the_runner_wants_them() {
    let goose = "-- +goose Up\ncreate table t (a int);\n";
    let folder = directory(&[("migrations/00001_init.sql", goose)]);
    assert_eq!(
        made(&folder, &["index a", "--concurrently"]),
        one(
            "migrations/00002_index_a.sql",
            "-- +goose NO TRANSACTION\n-- +goose Up\n\
             -- create index concurrently ... on ... (...);\n\n\
             -- +goose Down\n-- drop index concurrently ...;\n"
        )
    );
    let dbmate = "-- migrate:up transaction:false\ncreate index concurrently i on t (a);\n\n\
                  -- migrate:down\n";
    let folder = directory(&[("db/migrations/20240115120000_init.sql", dbmate)]);
    let made_files = made(&folder, &["index b", "--concurrently"]);
    let [(path, text)] = &made_files[..] else { panic!("{made_files:?}") };
    assert!(path.ends_with("_index_b.sql") && path.len() == "db/migrations/".len() + 26, "{path}");
    assert_eq!(
        text,
        "-- migrate:up transaction:false\n-- create index concurrently ... on ... (...);\n\n\
         -- migrate:down transaction:false\n-- drop index concurrently ...;\n"
    );
    let crlf = "-- UP: Add users\r\ncreate table users (id int);\r\n\r\n-- DOWN: Rollback\r\ndrop table users;\r\n";
    let folder = directory(&[
        ("m/20240115120000_a.sql", crlf),
        ("m/20240116120000_b.sql", &crlf.replace("users", "b")),
    ]);
    let made_files = made(&folder, &["c"]);
    assert!(made_files[0].1.starts_with("-- UP:\r\nset local lock_timeout"), "{made_files:?}");
    assert!(made_files[0].1.contains("\r\n-- DOWN:\r\nset local"), "{made_files:?}");
}

#[test]
fn what_stands_beside_a_migration_is_written_too() {
    let folder = directory(&[
        ("diesel.toml", ""),
        ("migrations/2024-01-15-120000_init/up.sql", "create table t (a int);\n"),
        ("migrations/2024-01-15-120000_init/down.sql", "drop table t;\n"),
    ]);
    let made_files = made(&folder, &["index a", "--no-transaction"]);
    let names: Vec<&str> =
        made_files.iter().filter_map(|(path, _)| path.rsplit('/').next()).collect();
    assert_eq!(names, ["down.sql", "metadata.toml", "up.sql"]);
    assert_eq!(made_files[1].1, "run_in_transaction = false\n");
}

#[test]
fn what_cannot_be_made_is_one_clear_line_and_nothing_is_written() {
    let alembic = "revision = 'a'\ndown_revision = None\nfrom alembic import op\n\
                   def upgrade():\n    op.execute('create table t (a int)')\n";
    let folder = directory(&[("alembic/versions/a_init.py", alembic)]);
    let refused = |folder: &TempDir, name: &str, message: &str| {
        let before = files(folder.path());
        let output = run(folder.path(), &["new", name]);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(stderr(&output).trim_end(), message);
        assert_eq!(files(folder.path()), before);
    };
    refused(&folder, "x", "error: make it with Alembic: alembic revision -m \"x\"");
    let folder = directory(&[("migrations/0001_init.sql", "create table t (a int);\n")]);
    refused(
        &folder,
        "../..",
        "error: `../..` is no name for a migration: it needs a letter or digit",
    );
}

/// Each fixture whose runner reads SQL files gets a next migration, which the runner applies last.
#[test]
fn the_new_migration_is_the_last_one_of_every_fixture() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut made = 0;
    for fixture in folders(&fixtures).iter().flat_map(|layout| folders(layout)) {
        let folder = tempfile::tempdir().expect("a temporary directory");
        copy(&fixture, folder.path());
        for options in [&["zebra crossing"][..], &["zebra fence", "--concurrently"]] {
            let output = run(folder.path(), &[&["new"], options].concat());
            if !output.status.success() {
                assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
                continue;
            }
            made += 1;
            let listed = run(folder.path(), &["list", "--format", "json", "."]);
            let listed: Value = serde_json::from_str(&stdout(&listed)).expect("it is JSON");
            let name = options[0].split(' ').next_back().expect("it has words");
            let is_last = listed["sets"].as_array().into_iter().flatten().any(|set| {
                let migrations = set["migrations"].as_array().cloned().unwrap_or_default();
                let is_numbered = |up: &&Value| {
                    let version = up["version"].as_str().unwrap_or_default();
                    up["direction"] == "up"
                        && up["applied"] == true
                        && version.contains(|letter: char| letter.is_ascii_digit())
                };
                let mut ups = migrations.iter().filter(is_numbered);
                ups.next_back()
                    .is_some_and(|up| up["path"].as_str().is_some_and(|p| p.contains(name)))
            });
            assert!(is_last, "{}: {}", fixture.display(), stdout(&output));
            let linted = stdout(&run(
                folder.path(),
                &["lint", "--format", "concise", "--fail-on", "never", "."],
            ));
            let wrong =
                linted.lines().find(|line| line.contains("zebra") && line.contains("error["));
            assert_eq!(wrong, None, "{}", fixture.display());
        }
    }
    assert!(made > 20, "{made}");
}

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn copy(from: &Path, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().filter_map(Result::ok) {
        let path = to.join(entry.path().strip_prefix(from).expect("it lies below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(path).expect("a folder");
        } else {
            fs::copy(entry.path(), path).expect("a file");
        }
    }
}
