//! Lists and checksums that tools keep beside migrations: compared with the files, and repaired.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const USERS: &str = "create table users (id bigint primary key);\n";
const TEAMS: &str = "create table teams (id bigint primary key);\n";

/// What `atlas migrate hash` writes for `1_users.sql`, and for that with `2_teams.sql`.
const SUM_OF_ONE: &str = "h1:bOp/7r6Uq3Zj5ZocfrZtb10/qG5m7TVkrxfhMJhsIJ4=\n\
    1_users.sql h1:p3zRiwFxgX1aP5yB0NTl3UacmOdC0ofzgeazRhpqnRs=\n";
const SUM_OF_TWO: &str = "h1:MtTcF2tAbamaApOly7/DXNLGWQDrv3fdCU0DmKCUuUk=\n\
    1_users.sql h1:p3zRiwFxgX1aP5yB0NTl3UacmOdC0ofzgeazRhpqnRs=\n\
    2_teams.sql h1:hSLX0AuLOG6qAXNbfuCc0Guh8EczSkTWMgbLZVtvmH4=\n";

fn directory(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (path, text) in files {
        write(folder.path(), path, text);
    }
    folder
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(["lint", "--fail-on", "never"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn report(folder: &Path, arguments: &[&str]) -> String {
    let output = lint(folder, arguments);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the lines that a rule has in a report.
fn about(folder: &Path, rule: &str) -> Vec<String> {
    let report = report(folder, &["--format", "concise", "db"]);
    report.lines().filter(|line| line.contains(rule)).map(str::to_owned).collect()
}

#[test]
fn a_new_migration_is_added_to_the_checksums() {
    let folder = directory(&[
        ("db/1_users.sql", USERS),
        ("db/2_teams.sql", TEAMS),
        ("db/atlas.sum", SUM_OF_ONE),
    ]);
    let found = about(folder.path(), "checksum-file-out-of-date");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("db/2_teams.sql:1:1: error"), "{found:?}");
    report(folder.path(), &["--fix", "db"]);
    let sum = fs::read_to_string(folder.path().join("db/atlas.sum")).unwrap();
    assert_eq!(sum, SUM_OF_TWO);
    assert!(about(folder.path(), "checksum-file-out-of-date").is_empty());
    let report = report(folder.path(), &["db"]);
    assert!(report.contains("read 2 files"), "the checksums are no migration: {report}");
}

#[test]
fn an_edit_is_not_signed_unread() {
    let folder = directory(&[("db/1_users.sql", TEAMS), ("db/atlas.sum", SUM_OF_ONE)]);
    let sum = || fs::read_to_string(folder.path().join("db/atlas.sum")).unwrap();
    report(folder.path(), &["--fix", "db"]);
    assert_eq!(sum(), SUM_OF_ONE);
    report(folder.path(), &["--fix", "--unsafe-fixes", "db"]);
    assert_ne!(sum(), SUM_OF_ONE);
    assert!(about(folder.path(), "checksum-file-out-of-date").is_empty());
}

#[test]
fn a_fix_of_a_migration_is_followed_by_one_of_its_checksum() {
    let index = "-- atlas:txmode none\n\ncreate index users_id on users (id);\n";
    let folder = directory(&[
        ("db/1_users.sql", USERS),
        ("db/2_index.sql", index),
        ("db/atlas.sum", "h1:x\n"),
    ]);
    report(folder.path(), &["--fix", "--unsafe-fixes", "db"]);
    let text = fs::read_to_string(folder.path().join("db/2_index.sql")).unwrap();
    assert!(text.contains("concurrently"), "{text}");
    assert!(about(folder.path(), "checksum-file-out-of-date").is_empty());
    report(folder.path(), &["--fix", "--unsafe-fixes", "db"]);
    assert_eq!(fs::read_to_string(folder.path().join("db/2_index.sql")).unwrap(), text);
}

#[test]
fn checksums_after_a_merge_are_said_to_have_conflicts() {
    let text = format!("<<<<<<< ours\n{SUM_OF_ONE}=======\n{SUM_OF_TWO}>>>>>>> theirs\n");
    let folder = directory(&[("db/1_users.sql", USERS), ("db/atlas.sum", &text)]);
    let found = about(folder.path(), "checksum-file-out-of-date");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("db/atlas.sum:1:1"), "{found:?}");
    assert!(found[0].ends_with("out of date: it has conflicts"), "{found:?}");
}

#[test]
fn a_removed_file_is_reported_where_its_checksum_stands() {
    let folder = directory(&[("db/2_teams.sql", TEAMS), ("db/atlas.sum", SUM_OF_TWO)]);
    let found = about(folder.path(), "checksum-file-out-of-date");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("db/atlas.sum:2:1"), "{found:?}");
    assert!(found[0].ends_with("`1_users.sql` is not there"), "{found:?}");
}

#[test]
fn what_the_configuration_leaves_out_is_not_missed() {
    let journal = "{\"entries\": [{\"when\": 1, \"tag\": \"0000_users\"}, {\"when\": 2, \"tag\": \"0001_teams\"}]}";
    let folder = directory(&[
        ("db/0000_users.sql", USERS),
        ("db/meta/_journal.json", journal),
        ("atlas/1_users.sql", USERS),
        ("atlas/2_teams.sql", TEAMS),
        ("atlas/atlas.sum", SUM_OF_TWO),
    ]);
    let found = about(folder.path(), "missing-migration-file");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with("db/meta/_journal.json:1:"), "{found:?}");
    write(folder.path(), "db/0001_teams.sql", TEAMS);
    write(folder.path(), "lockmaster.toml", "exclude = [\"db/0001*\", \"atlas/1*\"]\n");
    let report = report(folder.path(), &["--format", "concise", "db", "atlas"]);
    for rule in ["missing-migration-file", "checksum-file-out-of-date"] {
        assert!(!report.contains(rule), "{report}");
    }
}

#[test]
fn gitattributes_that_keep_the_bytes_silence_mixed_line_endings() {
    let folder = directory(&[
        ("db/1_users.sql", "create table users (\r\n  id bigint primary key\n);\n"),
        ("sqlx.toml", ""),
    ]);
    let is_reported = || !about(folder.path(), "mixed-line-endings").is_empty();
    assert!(is_reported());
    write(folder.path(), "db/.gitattributes", "*.sql text eol=lf\n*.bin -text\n");
    assert!(is_reported(), "what is already applied has other bytes");
    write(folder.path(), "db/.gitattributes", "*.sql -text\n");
    assert!(!is_reported());
    fs::remove_file(folder.path().join("db/.gitattributes")).unwrap();
    write(folder.path(), ".gitattributes", "* -text\n");
    assert!(!is_reported());
}
