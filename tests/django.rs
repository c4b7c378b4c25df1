//! Compares the translation of Django's operations with what `sqlmigrate` prints, or `migrate` sends.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::project;
use support::server::Server;

#[test]
fn every_operation_sends_what_django_sends() {
    let django = Django::new("every-operation");
    let ours = django.ours();
    assert_eq!(listed(&ours, "0001"), django.sqlmigrate("0001"));
    django.migrate("0001");
    assert_eq!(listed(&ours, "0002"), django.migrate("0002"));
    assert_eq!(listed(&ours, "0003"), django.sqlmigrate("0003"));
}

#[test]
fn what_gets_another_name_is_sent_under_the_name_that_it_then_has() {
    let django = Django::new("renames");
    django.run("django-admin", &["migrate", "stock", "--verbosity", "0"]);
    let ours = django.ours();
    // Django goes through what refers to a renamed model in the order of a set: another one in each run.
    let in_any_order = |mut statements: Vec<String>| {
        statements.sort();
        statements
    };
    for version in ["0001", "0002", "0003"] {
        let (ours, real) = (listed(&ours, version), django.migrate(version));
        assert_eq!(in_any_order(ours), in_any_order(real), "{version}");
    }
}

/// A project, with a server on which its migrations are run.
struct Django {
    folder: PathBuf,
    server: Server,
}

/// Runs migrations and prints what they sent, without what only asks.
const MIGRATE: &str = r#"
import sys, django
django.setup()
from django.core.management import call_command
from django.db import connection
connection.force_debug_cursor = True
call_command("migrate", "shop", sys.argv[1], verbosity=0)
for query in connection.queries:
    sql = query["sql"].strip()
    asks = sql.startswith(("SELECT c", "SELECT \"", "SELECT a", "SELECT\n", "SELECT EXISTS"))
    if not asks and "django_" not in sql and "auth_" not in sql.split("REFERENCES")[0]:
        print(sql + ";")
"#;

impl Django {
    fn new(fixture: &str) -> Self {
        let folder = project(&format!("fixtures/django/{fixture}"));
        Self { folder, server: Server::system() }
    }

    fn ours(&self) -> String {
        let arguments = ["list", "--sql", "--format", "json", "."];
        run(Command::new(env!("CARGO_BIN_EXE_lockmaster")).args(arguments), &self.folder)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let program = project("target/tools/python-runners/bin").join(program);
        assert!(program.is_file(), "Django is missing: `scripts/setup --tests` installs it");
        let mut command = Command::new(program);
        command.args(arguments).env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONPATH", ".");
        command.env("PGHOST", self.server.socket_directory()).env("PGPORT", "5432");
        run(&mut command, &self.folder)
    }

    /// Returns what Django says that it would send; what it asks the database for it does not find where
    /// the same migration makes it.
    fn sqlmigrate(&self, version: &str) -> Vec<String> {
        some(printed(&self.run("django-admin", &["sqlmigrate", "shop", version])))
    }

    /// Returns what Django sends.
    fn migrate(&self, version: &str) -> Vec<String> {
        some(printed(&self.run("python", &["-c", MIGRATE, version])))
    }
}

fn some(statements: Vec<String>) -> Vec<String> {
    assert!(statements.len() > 5, "{statements:#?}");
    statements
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
