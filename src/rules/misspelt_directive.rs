use crate::diagnostic::Diagnostic;
use crate::layout::{Direction, Layout, Migration, TransactionMode};
use crate::rule::MigrationContext;
use crate::source::{SourceFile, Span};

use super::in_transaction::refused;

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let migration = cx.migration();
    if migration.direction != Direction::Up {
        return;
    }
    let mut misses = misses(cx.history.set.layout, migration, cx.file());
    if misses.iter().any(|miss| miss.effect == Effect::Transaction) && is_refused(cx) {
        // The statement that is refused has the line as a label.
        misses.retain(|miss| miss.effect != Effect::Transaction);
    }
    let name = cx.history.file_name(migration);
    let runner = cx.history.set.layout.title;
    out.extend(misses.into_iter().map(|miss| {
        let message = match miss.effect {
            Effect::Transaction => {
                format!("`{name}` runs in a transaction all the same: {runner} does not see this")
            }
            Effect::Stops => format!("{runner} stops with an error over this line of `{name}`"),
            Effect::Unseen => {
                format!(
                    "{runner} takes this line for a comment: no section of `{name}` begins here"
                )
            }
        };
        Diagnostic::new(migration.file, miss.line, message).help(miss.help)
    }));
}

/// Returns whether the server refuses a statement in the runner's transaction.
fn is_refused(cx: &MigrationContext) -> bool {
    let mut found = false;
    cx.replay(|statement| {
        let mut actions = statement.statement.actions.iter();
        found = found || actions.any(|action| refused(statement, action).is_some());
    });
    found
}

/// A line that is meant as a directive and is none.
pub(super) struct Miss {
    pub(super) line: Span,
    effect: Effect,
    pub(super) help: String,
}

/// What becomes of a directive that is misspelt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// The runner opens its transaction.
    Transaction,
    /// The runner refuses the file.
    Stops,
    /// The runner does not see a section.
    Unseen,
}

/// Returns the line that is meant to leave the transaction of a migration and does not.
pub(super) fn meant_to_leave(
    layout: &Layout,
    migration: &Migration,
    file: &SourceFile,
) -> Option<Miss> {
    let misses = misses(layout, migration, file);
    misses.into_iter().find(|miss| miss.effect == Effect::Transaction)
}

/// Returns whether a line is meant to begin a section and does not.
pub(super) fn hides_section(layout: &Layout, migration: &Migration, file: &SourceFile) -> bool {
    misses(layout, migration, file).iter().any(|miss| miss.effect == Effect::Unseen)
}

/// Finds the lines of a migration that are meant as directives of its runner and are none.
fn misses(layout: &Layout, migration: &Migration, file: &SourceFile) -> Vec<Miss> {
    // Several changesets share a file; elsewhere what stands around the sections counts too.
    let section = match layout.name {
        "liquibase" => migration.section,
        _ => Span::new(file.text_start()..file.text.len()),
    };
    let mut found = Vec::new();
    let mut at = section.start as usize;
    for line in file.slice(section).split_inclusive('\n') {
        let text = line.trim_end_matches('\n');
        if text.trim_start().starts_with("--")
            && let Some((effect, help)) = miss(layout.name, migration, text)
        {
            let indent = text.len() - text.trim_start().len();
            let line = Span::new(at + indent..at + text.trim_end().len());
            found.push(Miss { line, effect, help });
        }
        at += line.len();
    }
    found
}

/// Says what is wrong with a comment line that looks like a directive.
fn miss(layout: &str, migration: &Migration, line: &str) -> Option<(Effect, String)> {
    let letters = letters(line);
    let is_in_transaction = migration.transaction == TransactionMode::Runner;
    let transaction = |is_meant: bool, help: &str| {
        (is_in_transaction && is_meant).then(|| (Effect::Transaction, help.to_owned()))
    };
    match layout {
        "goose" => goose(line, &letters),
        "sql-migrate" => sql_migrate(line, &letters),
        "dbmate" => dbmate(line, &letters),
        "sqlx" => transaction(
            letters == "notransaction",
            "write `-- no-transaction` as the very first bytes of the file",
        ),
        "hasura" => transaction(
            letters == "hasuranotransaction",
            "write `-- hasura:no-transaction` as the whole first line",
        ),
        "morph" => transaction(
            letters == "morphnontransactional",
            "write `-- morph:nontransactional` as the first line",
        ),
        "graphile-migrate" => transaction(
            letters == "notransaction",
            "write `--! no-transaction` as the first line of the body, before any comment",
        ),
        "postgres-migrations" => transaction(
            letters == "postgresmigrationsdisabletransaction",
            "write `-- postgres-migrations disable-transaction`",
        ),
        "atlas" => transaction(
            letters == "atlastxmodenone",
            "write `-- atlas:txmode none` at the top of the file, with a blank line behind it",
        ),
        "evolve" => {
            transaction(letters == "evolvetxoff", "write `-- evolve-tx-off` into the first line")
        }
        "tern" => {
            let is_exact = line == "---- tern: disable-tx ----";
            (!is_exact && letters == "terndisabletx").then(|| {
                let help = "write exactly `---- tern: disable-tx ----`, without a blank or a carriage return behind it";
                (Effect::Transaction, help.to_owned())
            })
        }
        "yoyo" => transaction(
            letters == "transactionalfalse",
            "write `-- transactional: false` in lower case, among the comments before the first statement",
        ),
        "liquibase" => transaction(
            letters.starts_with("changeset") && letters.contains("runintransactionfalse"),
            "write `runInTransaction:false`, without a blank around the colon",
        ),
        _ => None,
    }
}

fn letters(line: &str) -> String {
    line.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// goose takes each comment line with `+goose` in it for a directive, and stops where it is none.
fn goose(line: &str, letters: &str) -> Option<(Effect, String)> {
    const WORDS: [&str; 7] = [
        "Up",
        "Down",
        "StatementBegin",
        "StatementEnd",
        "NO TRANSACTION",
        "ENVSUB ON",
        "ENVSUB OFF",
    ];
    if !line.contains("+goose") {
        return None;
    }
    let rest = line.replace("--", "").replace("+goose", "");
    let is_known = WORDS.iter().any(|word| rest.trim().eq_ignore_ascii_case(word));
    if is_known && line.starts_with("--") {
        return None;
    }
    let meant = letters.strip_prefix("goose").unwrap_or(letters);
    let word = WORDS.iter().find(|word| self::letters(word) == meant);
    let help = match word {
        Some(word) => format!("write `-- +goose {word}` at the beginning of the line"),
        None => "write `goose` without the `+` in comments".to_owned(),
    };
    Some((Effect::Stops, help))
}

/// sql-migrate leaves a marker that is not exact out: without one the file is recorded and nothing runs.
fn sql_migrate(line: &str, letters: &str) -> Option<(Effect, String)> {
    let meant = letters.strip_prefix("migrate").filter(|_| line.contains("+migrate"))?;
    let is_off = meant.ends_with("notransaction");
    let meant = meant.strip_suffix("notransaction").unwrap_or(meant);
    let words = ["Up", "Down", "StatementBegin", "StatementEnd"];
    let word = words.iter().find(|word| word.eq_ignore_ascii_case(meant))?;
    let is_marker = line
        .strip_prefix("-- +migrate ")
        .is_some_and(|rest| rest.split_whitespace().next() == Some(word));
    if !is_marker {
        return Some((
            Effect::Unseen,
            format!("write `-- +migrate {word}` at the beginning of the line"),
        ));
    }
    let sees_it = line.split_whitespace().any(|word| word == "notransaction");
    (is_off && !sees_it)
        .then(|| (Effect::Transaction, format!("write `-- +migrate {word} notransaction`")))
}

/// dbmate wants its markers in lower case at the beginning of the line, and the option as one word.
fn dbmate(line: &str, letters: &str) -> Option<(Effect, String)> {
    let is_off = letters.ends_with("transactionfalse");
    let meant = letters.strip_suffix("transactionfalse").unwrap_or(letters);
    let help = |word: &str| format!("write `-- migrate:{word}` at the beginning of the line");
    let word = match meant {
        "migrateup" => "up",
        "migratedown" => "down",
        _ => return None,
    };
    let rest = line.strip_prefix("--").map(str::trim_start);
    let rest = rest.and_then(|rest| rest.strip_prefix("migrate:")?.strip_prefix(word));
    if !rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
        return Some((Effect::Unseen, help(word)));
    }
    let sees_it = line.split_whitespace().any(|word| word == "transaction:false");
    (is_off && !sees_it)
        .then(|| (Effect::Transaction, format!("write `-- migrate:{word} transaction:false`")))
}
