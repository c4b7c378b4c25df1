//! The way around a statement that hurts: what to run instead, in which order, in which transactions.

use std::borrow::Cow;
use std::fmt::Write;

use crate::layout::{Layout, OptOut, TransactionMode};

/// Steps that together do what one statement does, without the outage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The steps, each a migration of its own.
    pub steps: Vec<RecipeStep>,
}

/// One migration of a recipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeStep {
    /// What it does, and why it does not hurt: lower case, no period.
    pub what: Cow<'static, str>,
    /// Its statements, without `;`.
    pub statements: Vec<String>,
    /// How it must run.
    pub run: Run,
}

/// How a step of a recipe must run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Under a `lock_timeout`: it needs a strong lock for an instant.
    Briefly,
    /// Without any timeout, in a transaction or not: it takes long and blocks nobody.
    AtLeisure,
    /// Without any timeout, and not inside a transaction block: the server refuses that.
    OutsideTransaction,
    /// By the application or a person, outside of the migrations.
    ByHand,
}

impl Recipe {
    /// Adds a step.
    #[must_use]
    pub fn step(
        mut self,
        run: Run,
        what: impl Into<Cow<'static, str>>,
        statements: impl IntoIterator<Item = String>,
    ) -> Self {
        let statements = statements.into_iter().collect();
        self.steps.push(RecipeStep { what: what.into(), statements, run });
        self
    }

    /// Writes the recipe for a runner, ready to paste.
    pub fn write(&self, layout: &Layout) -> String {
        let mut out = String::new();
        for (at, step) in self.steps.iter().enumerate() {
            if at > 0 {
                out.push('\n');
            }
            let place = match step.run {
                Run::ByHand => "outside of the migrations",
                _ => "a migration of its own",
            };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "-- {}. {place}: {}", at + 1, step.what);
            for line in heading(step.run, layout, layout.transaction) {
                let _ = writeln!(out, "{line}");
            }
            let is_migration = step.run != Run::ByHand;
            for statement in &step.statements {
                // goose cuts at each `;` that it does not know to be part of a statement.
                let is_block = is_migration && layout.name == "goose" && statement.contains("$$");
                let _ = match is_block {
                    true => writeln!(
                        out,
                        "-- +goose StatementBegin\n{statement};\n-- +goose StatementEnd"
                    ),
                    false => writeln!(out, "{statement};"),
                };
            }
        }
        out
    }
}

/// Returns what the runner needs before the statements of a step, where it runs migrations in that mode.
pub(crate) fn heading(run: Run, layout: &Layout, mode: TransactionMode) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let marker = if run == Run::ByHand { None } else { section(run, layout) };
    let settings = settings(run, layout, mode);
    // A line that leaves the transaction must be the first of the file.
    let is_first = matches!(layout.opt_out, Some(OptOut::FirstLine(_)));
    let leaves = run == Run::OutsideTransaction && mode == TransactionMode::Runner;
    if leaves && is_first {
        lines.extend(settings.first().cloned());
        lines.extend(marker.map(str::to_owned));
        lines.extend(settings.into_iter().skip(1));
    } else {
        lines.extend(marker.map(str::to_owned));
        lines.extend(settings);
    }
    lines
}

/// Returns the line that begins the section of an up, where the runner cuts its files into sections.
///
/// Source: the runners' documentation, and what they did with such files.
fn section(run: Run, layout: &Layout) -> Option<&'static str> {
    let is_outside = run == Run::OutsideTransaction;
    Some(match layout.name {
        "goose" => "-- +goose Up",
        "dbmate" if is_outside => "-- migrate:up transaction:false",
        "dbmate" => "-- migrate:up",
        "sql-migrate" if is_outside => "-- +migrate Up notransaction",
        "sql-migrate" => "-- +migrate Up",
        "rambler" => "-- rambler up",
        "play-evolutions" => "# --- !Ups",
        _ => return None,
    })
}

/// Returns the settings of a step, after the line that leaves the transaction.
fn settings(run: Run, layout: &Layout, mode: TransactionMode) -> Vec<String> {
    let in_transaction = mode != TransactionMode::None;
    match run {
        Run::Briefly if in_transaction => vec!["set local lock_timeout = '5s';".to_owned()],
        Run::Briefly => vec!["set lock_timeout = '5s';".to_owned()],
        Run::ByHand => Vec::new(),
        Run::AtLeisure if in_transaction => {
            vec![
                "set local lock_timeout = 0;".to_owned(),
                "set local statement_timeout = 0;".to_owned(),
            ]
        }
        Run::AtLeisure => no_timeouts(),
        Run::OutsideTransaction => match mode {
            // A second statement would make the message a transaction block.
            TransactionMode::Message => {
                vec!["-- this statement alone: the whole file is one message".to_owned()]
            }
            TransactionMode::None => no_timeouts(),
            TransactionMode::Runner => {
                // The marker of the section says it.
                let by_marker = matches!(layout.name, "dbmate" | "sql-migrate");
                let mut lines = if by_marker { Vec::new() } else { vec![leave(layout)] };
                if layout.without_transaction == TransactionMode::None && layout.keeps_connection()
                {
                    lines.extend(no_timeouts());
                }
                lines
            }
        },
    }
}

fn no_timeouts() -> Vec<String> {
    vec!["set lock_timeout = 0;".to_owned(), "set statement_timeout = 0;".to_owned()]
}

/// Returns the line that takes a migration out of the runner's transaction.
fn leave(layout: &Layout) -> String {
    match layout.opt_out {
        Some(OptOut::FirstLine(line)) => line.to_owned(),
        Some(OptOut::SideFile { name, text }) => {
            format!("-- beside it, in `{name}`: {}", text.trim().replace('\n', " "))
        }
        Some(OptOut::Advice(advice)) => format!("-- {advice}"),
        None => "-- to be run outside of a transaction".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_runner_gets_what_it_needs() {
        let recipe = Recipe::default()
            .step(Run::Briefly, "adds it", ["alter table t add c int".to_owned()])
            .step(
                Run::OutsideTransaction,
                "builds it",
                ["create index concurrently i on t (c)".to_owned()],
            );
        let layout = crate::layout::by_name("goose").expect("it is known");
        insta::assert_snapshot!(recipe.write(layout), @r"
        -- 1. a migration of its own: adds it
        -- +goose Up
        set local lock_timeout = '5s';
        alter table t add c int;

        -- 2. a migration of its own: builds it
        -- +goose NO TRANSACTION
        -- +goose Up
        create index concurrently i on t (c);
        ");
    }
}
