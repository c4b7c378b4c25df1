//! What Lockmaster says that a runner does with a directory.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A statement that is to reach the server.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) path: String,
    pub(crate) version: String,
    pub(crate) sql: String,
    /// Who holds a transaction open around it: `runner`, `file`, `message` or `none`.
    pub(crate) transaction: String,
    /// The SQLSTATE with which the server is to refuse it.
    pub(crate) fails: Option<String>,
}

/// Returns the statements of one direction in the order in which they are to arrive.
pub(crate) fn statements(folder: &Path, direction: &str) -> Vec<Statement> {
    let json = lockmaster(folder, &["locks", "--format", "json", "."]);
    let all = json["statements"].as_array().unwrap();
    let wanted = all.iter().filter(|statement| statement["direction"] == direction);
    let mut statements: Vec<Statement> = wanted.map(statement).collect();
    if direction == "down" {
        // Each down stands behind its up; the last one is taken back first.
        let mut migrations: Vec<Vec<Statement>> = Vec::new();
        for statement in statements {
            match migrations.last_mut().filter(|last| last[0].is_beside(&statement)) {
                Some(last) => last.push(statement),
                None => migrations.push(vec![statement]),
            }
        }
        statements = migrations.into_iter().rev().flatten().collect();
    }
    statements
}

impl Statement {
    /// Returns whether both belong to one migration.
    pub(crate) fn is_beside(&self, other: &Statement) -> bool {
        self.path == other.path && self.version == other.version
    }
}

fn statement(json: &Value) -> Statement {
    let text = |name: &str| json[name].as_str().unwrap().to_owned();
    Statement {
        path: text("path"),
        version: text("migration"),
        sql: text("sql"),
        transaction: text("transaction"),
        fails: json["fails"]["sqlstate"].as_str().map(str::to_owned),
    }
}

/// Returns the name of the layout that a directory is taken for.
pub(crate) fn layout(folder: &Path) -> String {
    let json = lockmaster(folder, &["list", "--format", "json", "."]);
    let sets = json["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 1, "{json:#}");
    sets[0]["layout"].as_str().unwrap().to_owned()
}

/// Returns whether all pending migrations are to run in one transaction.
pub(crate) fn is_one_transaction(folder: &Path) -> bool {
    let text = run(folder, &["lint", "--fail-on", "never", "."]);
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let is_one = text.contains("all pending migrations in one transaction");
    assert!(is_one || text.contains("each migration in a transaction"), "{text}");
    is_one
}

fn lockmaster(folder: &Path, arguments: &[&str]) -> Value {
    let text = run(folder, arguments);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}\n{text}"))
}

fn run(folder: &Path, arguments: &[&str]) -> String {
    let program = env!("CARGO_BIN_EXE_lockmaster");
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let text =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    if output.status.success() && arguments.contains(&"json") {
        text[0].clone()
    } else {
        text.concat()
    }
}
