//! The hook, run by the real pre-commit on a real git repository.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::project;
use tempfile::TempDir;

#[test]
fn staged_migrations_are_linted_in_the_context_of_their_directory() {
    let hooks = repository(&[(
        ".pre-commit-hooks.yaml",
        &fs::read_to_string(project(".pre-commit-hooks.yaml")).unwrap(),
    )]);
    let revision = git(hooks.path(), &["rev-parse", "HEAD"]);
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {}\n    hooks:\n      - id: lockmaster-system\n",
        hooks.path().display(),
        revision.trim()
    );
    let work = repository(&[
        (".pre-commit-config.yaml", &config),
        ("migrations/0001_init.sql", "create table users (id bigint primary key, email text);\n"),
        ("migrations/0002_old.sql", "create index users_id on users (id);\n"),
    ]);

    write(work.path(), "migrations/0003_new.sql", "create index users_email on users (email);\n");
    git(work.path(), &["add", "migrations/0003_new.sql"]);
    let output = pre_commit(work.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("creating an index on `users` blocks writes"), "{text}");
    assert!(!text.contains("0002_old"), "only staged files are shown: {text}");

    let fixed = "set lock_timeout = 0;\ncreate index concurrently users_email on users (email);\n";
    write(work.path(), "migrations/0003_new.sql", fixed);
    git(work.path(), &["add", "migrations/0003_new.sql"]);
    let output = pre_commit(work.path());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn staged_edits_of_released_migrations_are_found_in_comparison_with_a_revision() {
    let hooks = repository(&[(
        ".pre-commit-hooks.yaml",
        &fs::read_to_string(project(".pre-commit-hooks.yaml")).unwrap(),
    )]);
    let revision = git(hooks.path(), &["rev-parse", "HEAD"]);
    let config = format!(
        "repos:\n  - repo: {}\n    rev: {}\n    hooks:\n      - id: lockmaster-system\n        args: [--since, released, --fail-on, warning]\n",
        hooks.path().display(),
        revision.trim()
    );
    let users = "create table users (id bigint primary key);\n";
    let work = repository(&[
        (".pre-commit-config.yaml", &config),
        ("migrations/0001_users.up.sql", users),
    ]);
    git(work.path(), &["tag", "released"]);
    let edited = "create table users (id bigint primary key, email text);\n";
    write(work.path(), "migrations/0001_users.up.sql", edited);
    git(work.path(), &["add", "migrations"]);
    let output = pre_commit(work.path());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("it is not what it is in `released`"), "{text}");
}

/// Makes a git repository with one commit.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    git(folder.path(), &["init", "--quiet"]);
    git(folder.path(), &["config", "user.name", "Test"]);
    git(folder.path(), &["config", "user.email", "test@example.com"]);
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    git(folder.path(), &["add", "."]);
    git(folder.path(), &["commit", "--quiet", "--no-verify", "--message", "Start"]);
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Runs pre-commit on what is staged, with the program that was just built on the PATH.
fn pre_commit(folder: &Path) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_lockmaster")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path =
        std::env::join_paths(std::iter::once(program).chain(std::env::split_paths(&path))).unwrap();
    Command::new(pre_commit_program())
        .args(["run", "--color", "never"])
        .current_dir(folder)
        .env("PATH", path)
        .env("PRE_COMMIT_HOME", folder.join(".git/pre-commit-home"))
        .output()
        .unwrap()
}

/// Returns the pre-commit that `scripts/setup --tests` installs, or the one of this machine.
fn pre_commit_program() -> PathBuf {
    let own = project("target/tools/pre-commit/bin/pre-commit");
    let found = own.is_file() || Command::new("pre-commit").arg("--version").output().is_ok();
    assert!(found, "pre-commit is missing: `scripts/setup --tests` installs it");
    if own.is_file() { own } else { PathBuf::from("pre-commit") }
}
