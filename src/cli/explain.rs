//! `lockmaster explain`.

use std::io::Write;
use std::process::ExitCode;

use anyhow::anyhow;

use crate::config;
use crate::rules::by_name;

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArguments {
    /// The rule
    rule: String,
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
