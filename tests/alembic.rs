//! Compares the translation of Alembic's calls with what Alembic itself prints with `--sql`.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::path::Path;
use std::process::Command;

use support::project;

#[test]
fn every_call_sends_what_alembic_sends() {
    let folder = project("fixtures/alembic/every-call");
    let alembic = project("target/tools/python-runners/bin/alembic");
    assert!(alembic.is_file(), "Alembic is missing: `scripts/setup --tests` installs it");
    let real = run(Command::new(alembic).args(["upgrade", "base:head", "--sql"]), &folder);
    let arguments = ["list", "--sql", "--format", "json", "."];
    let ours = run(Command::new(env!("CARGO_BIN_EXE_lockmaster")).args(arguments), &folder);
    let (real, ours) = (printed(&real), listed(&ours));
    assert!(real.len() > 50, "{real:#?}");
    let missing: Vec<&String> = real.iter().filter(|sql| !ours.contains(sql)).collect();
    let added: Vec<&String> = ours.iter().filter(|sql| !real.contains(sql)).collect();
    assert!(
        missing.is_empty() && added.is_empty(),
        "not sent: {missing:#?}\nonly sent by us: {added:#?}"
    );
    // SQLAlchemy makes the indexes of one table in no particular order.
    let rest = |all: &[String]| -> Vec<String> {
        all.iter().filter(|sql| !sql.starts_with("CREATE INDEX ix_")).cloned().collect()
    };
    assert_eq!(rest(&real), rest(&ours));
}

fn run(command: &mut Command, folder: &Path) -> String {
    let output = command.current_dir(folder).env("PYTHONDONTWRITEBYTECODE", "1").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Returns the statements that Alembic prints, without those for its own table.
fn printed(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !line.starts_with("-- "));
    let text: Vec<&str> = lines.collect();
    let statements = text.join("\n");
    let statements = statements.split(";\n").map(normal);
    statements
        .filter(|sql| {
            !matches!(sql.as_str(), "" | "BEGIN" | "COMMIT") && !sql.contains("alembic_version")
        })
        .collect()
}

fn listed(text: &str) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(text).unwrap();
    let migrations = json["sets"][0]["migrations"].as_array().unwrap();
    let ups = migrations.iter().filter(|migration| migration["direction"] == "up");
    ups.flat_map(|up| up["statements"].as_array().unwrap())
        .map(|statement| normal(statement["sql"].as_str().unwrap()))
        .collect()
}

/// Returns a statement with white space only where it matters.
fn normal(sql: &str) -> String {
    let mut out = String::new();
    for word in sql.trim().trim_end_matches(';').split_whitespace() {
        let is_tight = out.ends_with(['(', ',']) || word.starts_with(['(', ')', ',']);
        if !out.is_empty() && !is_tight {
            out.push(' ');
        }
        out.push_str(word);
    }
    // What Alembic prints for psql is escaped for a driver.
    out.replace(" (", "(").replace("%%", "%")
}
