//! Compares the translation of Django's operations with what `sqlmigrate` prints.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use support::project;
use support::server::Server;

#[test]
fn every_operation_sends_what_django_sends() {
    let folder = project("fixtures/django/every-operation");
    // Where a name comes from the database, `sqlmigrate` asks for it.
    let server = Server::system();
    let django = |arguments: &[&str]| {
        let program = project("target/tools/python-runners/bin/django-admin");
        assert!(program.is_file(), "Django is missing: `scripts/setup --tests` installs it");
        let mut command = Command::new(program);
        command.args(arguments).env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONPATH", ".");
        command.env("PGHOST", server.socket_directory()).env("PGPORT", "5432");
        run(&mut command, &folder)
    };
    django(&["migrate", "shop", "0001", "--verbosity", "0"]);
    let arguments = ["list", "--sql", "--format", "json", "."];
    let ours = run(Command::new(env!("CARGO_BIN_EXE_lockmaster")).args(arguments), &folder);
    for version in ["0001", "0002", "0003"] {
        let real = printed(&django(&["sqlmigrate", "shop", version]));
        assert!(real.len() > 5, "{real:#?}");
        assert_eq!(listed(&ours, version), real, "{version}");
    }
}

fn run(command: &mut Command, folder: &Path) -> String {
    let output = command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the statements that Django prints, without those that open and close the transaction.
fn printed(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with("--")).collect();
    let statements = lines.join("\n");
    // Some lines hold two statements.
    let statements = statements.split(";\n").flat_map(|line| line.split("; ")).map(normal);
    statements.filter(|sql| !matches!(sql.as_str(), "" | "BEGIN" | "COMMIT")).collect()
}

fn listed(text: &str, version: &str) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let migrations = json["sets"][0]["migrations"].as_array().unwrap();
    let ups = migrations.iter().filter(|m| m["direction"] == "up" && m["version"] == version);
    let statements = ups.flat_map(|up| up["statements"].as_array().unwrap());
    statements
        .map(|statement| statement["sql"].as_str().unwrap())
        // Python that runs is a comment.
        .filter(|sql| !sql.starts_with("-- "))
        .map(normal)
        .collect()
}

/// Returns a statement with white space only where it matters, and names without quotes.
fn normal(sql: &str) -> String {
    let words: Vec<&str> = sql.trim().trim_end_matches(';').split_whitespace().collect();
    words.join(" ").replace('"', "").replace("( ", "(").replace(" (", "(").replace(" )", ")")
}
