//! `lockmaster explain`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};

use super::InputArguments;
use super::run::Input;
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::layout::Sources;
use crate::rule::Rule;
use crate::rules::by_name;

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// The rule
    rule: String,
    /// Print the way around one statement instead: what to run in its place, step by step
    #[arg(long = "for", value_name = "FILE:LINE")]
    place: Option<String>,
    /// Use this configuration instead of the nearest lockmaster.toml
    #[arg(long, value_name = "FILE", requires = "place")]
    config: Option<PathBuf>,
    /// The PostgreSQL version that the migrations are meant for: 12 to 18
    #[arg(long, value_name = "N", requires = "place")]
    pg_version: Option<String>,
}

pub(super) fn run(arguments: &ExplainArguments) -> anyhow::Result<ExitCode> {
    let rule = by_name(&arguments.rule).ok_or_else(|| {
        let unknown = config::check_rule_word(&arguments.rule).err();
        anyhow!(unknown.unwrap_or_else(|| format!(
            "`{}` is a category, not a rule; `lockmaster rules` lists the rules",
            arguments.rule
        )))
    })?;
    let mut output = std::io::stdout().lock();
    if let Some(place) = &arguments.place {
        output.write_all(recipe(rule, place, arguments)?.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    }
    let default = if rule.is_on() { "on" } else { "off" };
    writeln!(
        output,
        "{}: {}, {}, {default} by default, fix: {}\n",
        rule.name,
        rule.severity().as_str(),
        rule.category(),
        rule.field("fix").unwrap_or("none"),
    )?;
    output.write_all(rule.body().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the recipe for what a rule reports at a place.
fn recipe(rule: &Rule, place: &str, arguments: &ExplainArguments) -> anyhow::Result<String> {
    let (path, line) = place
        .rsplit_once(':')
        .and_then(|(path, line)| Some((path, line.parse::<usize>().ok().filter(|line| *line > 0)?)))
        .with_context(|| format!("`{place}` is not FILE:LINE, such as `0002_orders.sql:7`"))?;
    let mut input = Input::read(&InputArguments {
        paths: vec![PathBuf::from(path)],
        config: arguments.config.clone(),
        pg_version: arguments.pg_version.clone(),
        ..InputArguments::default()
    })?;
    input.wants_recipes = true;
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let outcome = input.check(&loaded.sources, &loaded.found);
    let is_there = |diagnostic: &&Diagnostic| {
        diagnostic.rule == rule.name && lines(diagnostic, &loaded.sources).contains(&line)
    };
    let here: Vec<&Diagnostic> = outcome.diagnostics.iter().filter(is_there).collect();
    let Some(first) = here.first() else {
        bail!(
            "`{}` reports nothing at {place}: `lockmaster lint {path}` shows what is reported",
            rule.name
        );
    };
    let set = first.migration.and_then(|migration| loaded.found.sets.get(migration.set));
    let set = set.context("what is reported there is not about a migration")?;
    let mut text = String::new();
    for diagnostic in &here {
        text.push_str(&format!("-- {place}: {}\n", diagnostic.message));
        match (&diagnostic.recipe, &diagnostic.help) {
            (Some(recipe), _) => text.push_str(&format!("\n{}", recipe.write(set.layout))),
            (None, Some(help)) => {
                text.push_str(&format!("-- there is no recipe, only advice: {help}\n"));
            }
            (None, None) => text.push_str("-- there is no recipe for it\n"),
        }
    }
    Ok(text)
}

/// Returns the lines of what a diagnostic is about, from 1.
fn lines(diagnostic: &Diagnostic, sources: &Sources) -> std::ops::RangeInclusive<usize> {
    let file = sources.get(diagnostic.file);
    file.position(diagnostic.span.start).line..=file.position(diagnostic.span.end).line
}
