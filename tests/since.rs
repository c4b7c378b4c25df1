//! `lint --since REVISION`, on real git repositories.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const USERS: &str = "create table users (id bigint primary key);\n";
const PLAN: &str = "alter table users add column plan text;\n";
const NAME: &str = "alter table users add column name text;\n";

/// A repository whose branch `main` has two migrations, and whose branch `work` is checked out.
fn repository(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    git(folder.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(folder.path(), &["config", "user.name", "Test"]);
    git(folder.path(), &["config", "user.email", "test@example.com"]);
    commit(folder.path(), files);
    git(folder.path(), &["checkout", "--quiet", "-b", "work"]);
    folder
}

fn commit(folder: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        write(folder, path, text);
    }
    git(folder, &["add", "--all"]);
    git(folder, &["commit", "--quiet", "--message", "Change"]);
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").args(arguments).current_dir(folder).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(["lint", "--fail-on", "never"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Returns what the rules that compare say, without the severity and the name of the rule.
fn compared(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let output = lint(folder, &[&["--format", "concise"], arguments].concat());
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let rules = ["released-migration-changed", "out-of-order-migration", "mixed-line-endings"];
    let lines = text.lines().filter(|line| rules.iter().any(|rule| line.contains(rule)));
    lines.map(str::to_owned).collect()
}

fn only(found: &[String]) -> &str {
    assert_eq!(found.len(), 1, "{found:#?}");
    &found[0]
}

#[test]
fn an_edit_is_reported_whether_it_is_committed_or_not() {
    let work = repository(&[("db/001_users.up.sql", USERS), ("db/002_plan.up.sql", PLAN)]);
    write(work.path(), "db/002_plan.up.sql", NAME);
    write(work.path(), "db/003_name.up.sql", NAME);
    let expected = "where `002_plan.up.sql` has been applied: it is not what it is in `main`";
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(only(&found).contains(expected), "{found:?}");
    assert!(only(&found).contains("golang-migrate does not notice"), "{found:?}");

    git(work.path(), &["commit", "--quiet", "--all", "--message", "Edit"]);
    for (folder, path) in [(work.path().to_owned(), "."), (work.path().join("db"), ".")] {
        let found = compared(&folder, &["--since", "main", path]);
        assert!(only(&found).contains(expected), "{found:?}");
    }
    assert!(compared(work.path(), &["--since", "HEAD", "db"]).is_empty());
    assert!(compared(work.path(), &["db"]).is_empty(), "nobody asked");
}

#[test]
fn what_the_other_side_did_is_not_held_against_a_branch() {
    let work = repository(&[("db/001_users.up.sql", USERS), ("db/002_plan.up.sql", PLAN)]);
    git(work.path(), &["checkout", "--quiet", "main"]);
    commit(work.path(), &[("db/002_plan.up.sql", NAME), ("db/003_age.up.sql", "select 1;\n")]);
    git(work.path(), &["checkout", "--quiet", "work"]);
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(found.is_empty(), "neither edited nor removed here: {found:?}");
}

#[test]
fn what_was_merged_in_the_meantime_makes_a_migration_late() {
    let work = repository(&[("db/001_users.up.sql", USERS)]);
    git(work.path(), &["checkout", "--quiet", "main"]);
    commit(work.path(), &[("db/003_plan.up.sql", PLAN), ("db/004_age.up.sql", "select 1;\n")]);
    git(work.path(), &["checkout", "--quiet", "work"]);
    commit(work.path(), &[("db/002_name.up.sql", NAME)]);
    let expected = "golang-migrate never applies `002_name.up.sql` where `004_age.up.sql` has been \
                    applied, which is already in `main`";
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(only(&found).contains(expected), "{found:?}");

    git(work.path(), &["merge", "--quiet", "--no-edit", "main"]);
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(only(&found).contains(expected), "the same once it is merged: {found:?}");

    git(work.path(), &["mv", "db/002_name.up.sql", "db/005_name.up.sql"]);
    assert!(compared(work.path(), &["--since", "main", "db"]).is_empty());
}

#[test]
fn a_version_that_was_taken_in_the_meantime_is_reported() {
    let work = repository(&[("db/001_users.up.sql", USERS)]);
    git(work.path(), &["checkout", "--quiet", "main"]);
    commit(work.path(), &[("db/002_plan.up.sql", PLAN)]);
    git(work.path(), &["checkout", "--quiet", "work"]);
    commit(work.path(), &[("db/002_name.up.sql", NAME)]);
    let found = compared(work.path(), &["--since", "main", "db"]);
    let expected = "refuses to load the directory: `002_name.up.sql` has the version of \
                    `002_plan.up.sql`, which is already in `main`";
    assert!(only(&found).contains(expected), "{found:?}");
}

#[test]
fn one_of_a_framework_is_compared_by_what_it_sends() {
    let text = |sql: &str, comment: &str| {
        format!(
            "class A < ActiveRecord::Migration[7.0]\n  {comment}\n  def up\n    execute \"{sql}\"\n  end\nend\n"
        )
    };
    let old = text("alter table users add column plan text", "# plans");
    let work = repository(&[("db/migrate/20260101000000_a.rb", &old)]);
    let path = "db/migrate/20260101000000_a.rb";
    write(work.path(), path, &text("alter table users add column plan text", "# no plans"));
    assert!(compared(work.path(), &["--since", "main"]).is_empty(), "a comment is no change");
    write(work.path(), path, &text("alter table users add column plan int", "# plans"));
    let found = compared(work.path(), &["--since", "main"]);
    assert!(only(&found).starts_with(&format!("{path}:4:")), "{found:?}");
}

#[test]
fn goose_is_told_to_take_what_is_late_by_a_script() {
    let goose = |sql: &str| format!("-- +goose Up\n{sql}");
    let work =
        repository(&[("db/00001_users.sql", &goose(USERS)), ("db/00003_plan.sql", &goose(PLAN))]);
    write(work.path(), "db/00002_teams.sql", &goose("create table teams (id int primary key);\n"));
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(
        only(&found).contains("goose stops over `00002_teams.sql` where `00003_plan.sql`"),
        "{found:?}"
    );
    write(work.path(), "Makefile", "up:\n\tgoose -allow-missing up\n");
    assert!(compared(work.path(), &["--since", "main", "db"]).is_empty());
    write(work.path(), "db/00002_teams.sql", &goose("alter table users rename to members;\n"));
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(only(&found).contains("for `users` the order matters"), "{found:?}");
}

#[test]
fn line_endings_that_git_makes_are_no_edit() {
    let work = repository(&[("db/001_users.sql", USERS), ("sqlx.toml", "")]);
    git(work.path(), &["config", "core.autocrlf", "true"]);
    fs::remove_file(work.path().join("db/001_users.sql")).unwrap();
    git(work.path(), &["checkout", "--quiet", "--", "db"]);
    let text = fs::read_to_string(work.path().join("db/001_users.sql")).unwrap();
    assert!(text.ends_with("\r\n"), "the file is as on Windows");
    assert!(compared(work.path(), &["--since", "main", "db"]).is_empty());
    git(work.path(), &["config", "core.autocrlf", "false"]);
    let found = compared(work.path(), &["--since", "main", "db"]);
    assert!(only(&found).contains("sqlx stops where"), "{found:?}");
}

#[test]
fn the_configuration_may_name_the_revision() {
    let work = repository(&[("db/001_users.up.sql", USERS), ("db/002_plan.up.sql", PLAN)]);
    write(work.path(), "lockmaster.toml", "since = \"main\"\n");
    write(work.path(), "db/002_plan.up.sql", NAME);
    assert_eq!(compared(work.path(), &["db"]).len(), 1);
    assert!(compared(work.path(), &["--since", "HEAD~0", "db"]).len() == 1);
    write(work.path(), "lockmaster.toml", "since = \"mian\"\n");
    let output = lint(work.path(), &["db"]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    assert!(error.contains("`since` in lockmaster.toml mian: git knows no revision"), "{error}");
}

#[test]
fn what_keeps_a_revision_from_being_read_is_one_clear_line() {
    let whole = repository(&[("db/001_users.up.sql", USERS)]);
    commit(whole.path(), &[("db/002_plan.up.sql", PLAN)]);
    git(whole.path(), &["checkout", "--quiet", "--orphan", "other"]);
    git(whole.path(), &["commit", "--quiet", "--message", "Other"]);
    git(whole.path(), &["checkout", "--quiet", "work"]);
    let shallow = TempDir::new().unwrap();
    let origin = format!("file://{}", whole.path().display());
    git(shallow.path(), &["clone", "--quiet", "--depth=1", "--branch=work", &origin, "."]);
    let outside = TempDir::new().unwrap();
    write(outside.path(), "db/001_users.up.sql", USERS);
    for (folder, revision, expected) in [
        (whole.path(), "mian", "--since mian: git knows no revision `mian`; fetch it first"),
        (whole.path(), "--help", "git knows no revision `--help`"),
        (whole.path(), "", "git knows no revision ``"),
        (whole.path(), "other", "`other` and what is checked out have no commit in common"),
        (shallow.path(), "HEAD~1", "the clone is shallow: fetch its history"),
        (shallow.path(), "origin/main", "the clone is shallow: fetch its history"),
        (outside.path(), "main", "git cannot read `db`: not a git repository"),
    ] {
        let output = lint(folder, &[&format!("--since={revision}"), "db"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{revision}: {error}");
        assert_eq!(error.lines().count(), 1, "{revision}: {error}");
        assert!(error.contains(expected), "{revision}: {error}");
        assert!(output.stdout.is_empty(), "{revision}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(["lint", "--since", "main", "db"])
        .current_dir(whole.path())
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(error.contains("git cannot be run"), "{error}");
}

#[test]
fn what_a_hook_sets_does_not_mislead() {
    let work = repository(&[("a/db/001_users.up.sql", USERS)]);
    write(work.path(), "a/db/001_users.up.sql", PLAN);
    let output = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(["lint", "--format", "concise", "--since", "main", "db"])
        .current_dir(work.path().join("a"))
        .env("GIT_DIR", "../.git")
        .env("GIT_INDEX_FILE", ".git/index.lock")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("it is not what it is in `main`"), "{text}");
}

#[test]
fn excluded_files_are_not_missed_and_removed_ones_are() {
    let work = repository(&[
        ("db/001_users.up.sql", USERS),
        ("db/002_plan.up.sql", PLAN),
        ("db/003_name.up.sql", NAME),
        ("lockmaster.toml", ""),
    ]);
    write(work.path(), "lockmaster.toml", "exclude = [\"db/002*\"]\n");
    assert!(compared(work.path(), &["--since", "main", "db"]).is_empty());
    fs::remove_file(work.path().join("db/003_name.up.sql")).unwrap();
    let found = compared(work.path(), &["--since", "main", "db"]);
    let expected =
        "where `003_name.up.sql` has been applied: `main` has it, and the directory has not";
    assert!(only(&found).contains(expected), "{found:?}");
}

#[test]
fn many_edits_are_one_report() {
    let name = |at: usize| format!("db/{at:03}_t.up.sql");
    let names: Vec<String> = (1..=11).map(name).collect();
    let files: Vec<(&str, &str)> =
        names.iter().map(|name| (name.as_str(), "select 1;\n")).collect();
    let work = repository(&files);
    for name in &names {
        write(work.path(), name, "select 2;\n");
    }
    assert_eq!(compared(work.path(), &["--since", "main", "db"]).len(), 1);
    let output = lint(work.path(), &["--since", "main", "--format", "text", "db"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("11 migrations are not what they are in `main`"), "{text}");
}

#[test]
fn what_is_as_it_was_is_no_edit_however_odd_it_is() {
    let twice = "--liquibase formatted sql\n\n--changeset a:1\ncreate table a (id bigint primary key);\n\n\
                 --changeset a:1\ncreate table b (id bigint primary key);\n";
    let folder = repository(&[("db/changelog.sql", twice)]);
    assert_eq!(compared(folder.path(), &["--since", "main", "db"]), [""; 0]);
}
