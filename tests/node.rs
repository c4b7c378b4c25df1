//! Compares the translation of schema builders for Node.js with what the builders themselves sent.
//!
//! `fixtures/<layout>/every-call/sent.txt` holds, line by line, the direction and the statement (as JSON)
//! that Knex 3.3.0, Kysely 0.29.9, node-pg-migrate 9.0.0 and Sequelize 6.37.8 sent for the migrations beside it, taken
//! down where they hand it to the driver. A message with several statements is one line for each.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::process::Command;

use support::project;

#[test]
fn every_call_sends_what_the_builders_send() {
    for layout in ["knex", "kysely", "node-pg-migrate", "sequelize"] {
        let folder = project("fixtures").join(layout).join("every-call");
        let sent = fs::read_to_string(folder.join("sent.txt")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
            .args(["list", "--sql", "--format", "json", "."])
            .current_dir(&folder)
            .output()
            .unwrap();
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        for direction in ["up", "down"] {
            let lines = sent.lines().filter_map(|line| line.strip_prefix(direction));
            let real: Vec<String> =
                lines.map(|line| normal(&serde_json::from_str::<String>(line).unwrap())).collect();
            assert!(real.len() > 3, "{layout}: {real:#?}");
            assert_eq!(listed(&json, direction), real, "{layout}, {direction}");
        }
    }
}

fn listed(json: &serde_json::Value, direction: &str) -> Vec<String> {
    let migrations = json["sets"][0]["migrations"].as_array().unwrap();
    let wanted = migrations.iter().filter(|migration| migration["direction"] == direction);
    wanted
        .flat_map(|migration| migration["statements"].as_array().unwrap())
        .map(|statement| normal(statement["sql"].as_str().unwrap()))
        .collect()
}

/// Returns a statement in lower case, without quotes around names and without white space beside
/// punctuation: builders quote every name.
fn normal(sql: &str) -> String {
    let mut out = String::new();
    for word in sql.trim().trim_end_matches(';').replace('"', "").to_lowercase().split_whitespace()
    {
        let is_tight = out.ends_with(['(', ',']) || word.starts_with(['(', ')', ',']);
        if !out.is_empty() && !is_tight {
            out.push(' ');
        }
        out.push_str(word);
    }
    out.replace(" (", "(").replace(") ", ")").replace(", ", ",")
}
