//! Lints and lists every fixture directory and compares with the reports beside them.
//!
//! `./bless` rewrites them; read the difference.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{blessing, project};

/// The fixtures that have their schema beside them.
const WITH_SCHEMA: &[&str] = &["psql/takumi", "up-down/dogepump"];

#[test]
fn every_fixture_is_reported_as_expected() {
    let mut stale = Vec::new();
    for case in cases() {
        let mut reports = vec![
            ("lint.txt", vec!["lint", "--format", "concise", "--fail-on", "never", "."]),
            ("list.txt", vec!["list", "."]),
        ];
        if WITH_SCHEMA.iter().any(|name| case.ends_with(name)) {
            reports.push(("schema.txt", vec!["schema", "."]));
            reports.push(("schema.json", vec!["schema", "--format", "json", "."]));
        }
        for (name, arguments) in reports {
            let actual = lockmaster(&case, &arguments);
            let path = case.join(name);
            if blessing() {
                fs::write(&path, actual).unwrap();
            } else if fs::read_to_string(&path).unwrap_or_default() != actual {
                stale.push(path);
            }
        }
    }
    assert!(stale.is_empty(), "out of date, run `./bless`: {stale:#?}");
}

/// Returns the directories `fixtures/<layout>/<case>`.
fn cases() -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = fs::read_dir(path)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        found.sort();
        found
    };
    folders(&project("fixtures")).iter().flat_map(|layout| folders(layout)).collect()
}

/// Runs the program in a folder; the time that it took is blanked.
fn lockmaster(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", folder.display());
    assert_eq!(errors, "", "nothing is to be said on standard error");
    let text = String::from_utf8(output.stdout).unwrap();
    blank_seconds(&text)
}

/// Replaces ` in 0.04 s` by ` in ... s`.
fn blank_seconds(text: &str) -> String {
    let mut output = String::new();
    for line in text.split_inclusive('\n') {
        let blanked = line.rfind(" in ").and_then(|at| {
            let number = line[at + 4..].trim_end().strip_suffix(" s")?.trim_end_matches('.');
            number.parse::<f64>().ok()?;
            Some(format!("{} in ... s\n", &line[..at]))
        });
        output.push_str(blanked.as_deref().unwrap_or(line));
    }
    output
}
