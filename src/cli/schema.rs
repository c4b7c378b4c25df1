//! `lockmaster schema`.

use std::io::Write;
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use serde_json::json;

use super::InputArguments;
use super::lint::{When, has_color};
use super::run::{Input, Loaded};
use crate::catalog::Catalog;
use crate::check::{self, Moment, SetOptions};
use crate::layout::{Migration, MigrationSet, Sources, Version};
use crate::schema::{self, Follower, History, Place, Schema};
use crate::sql::Script;

#[derive(Debug, clap::Args)]
pub(super) struct SchemaArguments {
    #[command(flatten)]
    input: InputArguments,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print the schema as it is after this migration
    #[arg(long, value_name = "VERSION")]
    at: Option<String>,
    /// Print what changed after one migration up to another
    ///
    /// Without the first version: from an empty database. Without the second one: up to the last
    /// migration.
    #[arg(long, value_name = "VERSION..VERSION", conflicts_with = "at")]
    diff: Option<String>,
    /// Print every statement that touched this table, and follow it where it was renamed
    #[arg(long, value_name = "NAME", conflicts_with_all = ["at", "diff"])]
    table: Option<String>,
    /// With --format json: the SQL of each object too
    #[arg(long)]
    sql: bool,
    /// When to use colour
    #[arg(long, value_enum, default_value = "auto", value_name = "WHEN")]
    color: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

/// One set, read.
struct Read<'a> {
    set: &'a MigrationSet,
    sources: &'a Sources,
    scripts: Vec<Script>,
    options: SetOptions,
}

pub(super) fn run(arguments: &SchemaArguments) -> anyhow::Result<ExitCode> {
    let input = Input::read(&arguments.input)?;
    if input.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = input.load()?;
    input.require_sets(&loaded)?;
    let sets = &loaded.found.sets;
    let is_about_one = arguments.format == Format::Json
        || arguments.at.is_some()
        || arguments.diff.is_some()
        || arguments.table.is_some();
    let shown: Vec<usize> = match input.only_set(sets) {
        Ok(only) => vec![only],
        // There is none where a file was asked for that is left out.
        Err(_) if sets.is_empty() || !is_about_one => (0..sets.len()).collect(),
        Err(error) => return Err(error),
    };
    let mut output = std::io::stdout().lock();
    for (count, &at) in shown.iter().enumerate() {
        let read = read(&input, &loaded, at);
        if shown.len() > 1 {
            let gap = if count > 0 { "\n" } else { "" };
            writeln!(output, "{gap}-- {}\n", sets[at].root.display())?;
        }
        print(arguments, &read, &mut output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn read<'a>(input: &Input, loaded: &'a Loaded, at: usize) -> Read<'a> {
    let (set, config) = (&loaded.found.sets[at], &loaded.found.configs[at]);
    let options = input.options(set, config);
    let scripts = check::parse(set, &loaded.sources);
    Read { set, sources: &loaded.sources, scripts, options }
}

fn print(
    arguments: &SchemaArguments,
    read: &Read<'_>,
    output: &mut impl Write,
) -> anyhow::Result<()> {
    let (text, json) = if let Some(range) = &arguments.diff {
        let (from, to) = read.range(range)?;
        let difference = read.difference(from, to);
        let json = || {
            let version = |at: Option<usize>| at.map(|at| &read.set.migrations[at].version.text);
            json!({"version": 1, "from": version(from), "to": version(to),
                   "added": difference.added, "removed": difference.removed,
                   "changed": difference.changed})
        };
        (schema::diff::write(&difference), serde_json::to_string_pretty(&json())?)
    } else if let Some(table) = &arguments.table {
        let lives = read.biography(table)?;
        let json = json!({"version": 1, "table": table, "lives": lives});
        (schema::biography::write(&lives), serde_json::to_string_pretty(&json)?)
    } else {
        let at = arguments.at.as_deref().map(|version| read.find(version)).transpose()?;
        let schema = read.schema(at);
        match arguments.format {
            Format::Text => (schema::sql::write(&schema), String::new()),
            Format::Json => {
                let schema = if arguments.sql { schema } else { schema.without_sql() };
                (String::new(), serde_json::to_string_pretty(&schema)?)
            }
        }
    };
    match arguments.format {
        Format::Text => write_text(&text, has_color(arguments.color), output)?,
        Format::Json => writeln!(output, "{json}")?,
    }
    Ok(())
}

impl Read<'_> {
    /// Returns the schema after a migration, or after the last one.
    fn schema(&self, last: Option<usize>) -> Schema {
        let state =
            check::replay_with(self.set, &self.scripts, &self.options, |moment, _| match moment {
                Moment::End(at) if Some(at) == last => ControlFlow::Break(()),
                Moment::End(_) | Moment::After(..) => ControlFlow::Continue(()),
            });
        Schema::of(&state.catalog, self.sources, self.options.target.version)
    }

    fn difference(&self, from: Option<usize>, to: Option<usize>) -> schema::Difference {
        let (sources, version) = (self.sources, self.options.target.version);
        let begin = |catalog: &Catalog| {
            let schema = Schema::of(catalog, sources, version);
            (Follower::new(&schema), schema, catalog.clone())
        };
        let mut begun = from.is_none().then(|| begin(&Catalog::default()));
        let last = check::replay_with(self.set, &self.scripts, &self.options, |moment, state| {
            let Moment::End(at) = moment else { return ControlFlow::Continue(()) };
            match &mut begun {
                Some((follower, _, catalog)) => {
                    let changed = catalog.changed_objects(&state.catalog);
                    let schema = match &changed {
                        Some(only) => Schema::of_some(&state.catalog, sources, version, only),
                        None => Schema::of(&state.catalog, sources, version),
                    };
                    follower.follow(&schema, changed.as_ref(), &self.beginning(at));
                    *catalog = state.catalog.clone();
                }
                None if Some(at) == from => begun = Some(begin(&state.catalog)),
                None => {}
            }
            if Some(at) == to { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        begun.map_or_else(schema::Difference::default, |(follower, before, _)| {
            follower.finish(&before, &Schema::of(&last.catalog, sources, version))
        })
    }

    fn biography(&self, table: &str) -> anyhow::Result<Vec<schema::Life>> {
        let history = History {
            set: self.set,
            scripts: &self.scripts,
            sources: self.sources,
            options: &self.options,
        };
        schema::biography::biography(history, table).map_err(|names| {
            let near = nearest(table, names.iter().map(String::as_str));
            anyhow!("no migration knows a table `{table}`{near}")
        })
    }

    /// Returns where a migration begins.
    fn beginning(&self, at: usize) -> Place {
        let migration = &self.set.migrations[at];
        let file = self.sources.get(migration.file);
        let line = file.position(migration.section.start).line;
        Place { path: file.path.display().to_string(), line }
    }

    /// Reads `VERSION..VERSION`.
    fn range(&self, text: &str) -> anyhow::Result<(Option<usize>, Option<usize>)> {
        let Some((from, to)) = text.split_once("..") else {
            bail!("--diff: `{text}` is no range: write `FROM..TO`, `FROM..` or `..TO`");
        };
        let find = |version: &str| match version.trim() {
            "" => Ok(None),
            version => self.find(version).map(Some),
        };
        let (from, to) = (find(from)?, find(to)?);
        if let (Some(from), Some(to)) = (from, to)
            && from > to
        {
            bail!("--diff: `{text}` runs backwards: the second migration is applied first");
        }
        Ok((from, to))
    }

    /// Returns the last up migration of a version, of a file name or of a path.
    fn find(&self, text: &str) -> anyhow::Result<usize> {
        let ups: Vec<(usize, &Migration)> = self.set.ups().collect();
        let spelled = |m: &Migration| m.version.text == text && !text.is_empty();
        let same = |m: &Migration| readings(text).iter().any(|v| v.is_same(&m.version));
        let file = |m: &Migration| {
            let path = &self.sources.get(m.file).path;
            m.name == text
                || path.ends_with(text)
                || path.file_stem().is_some_and(|stem| stem == text)
        };
        let by = |is_it: &dyn Fn(&Migration) -> bool| {
            ups.iter().rev().find(|(_, migration)| is_it(migration)).map(|(at, _)| *at)
        };
        by(&spelled).or_else(|| by(&same)).or_else(|| by(&file)).ok_or_else(|| {
            let versions = ups.iter().map(|(_, migration)| migration.version.text.as_str());
            anyhow!("there is no migration `{text}`{}", nearest(text, versions))
        })
    }
}

/// Returns the versions that a text may stand for, in the ways in which layouts read them.
fn readings(text: &str) -> Vec<Version> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let mut readings = Vec::new();
    if digits > 0 && rest.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        readings.push(Version::number_with_suffix(number, rest));
    }
    if digits > 0 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        readings.push(Version::dotted(text));
    }
    readings
}

/// Returns the end of a message that says what may be meant.
fn nearest<'a>(text: &str, all: impl Iterator<Item = &'a str>) -> String {
    let likeness = |other: &str| strsim::jaro_winkler(text, other);
    let near = all
        .filter(|other| !other.is_empty())
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)).then_with(|| b.cmp(a)));
    match near.filter(|near| likeness(near) > 0.7) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => String::new(),
    }
}

/// Writes text, with comments and the signs of differences in colour.
fn write_text(text: &str, is_coloured: bool, output: &mut impl Write) -> std::io::Result<()> {
    if !is_coloured {
        return output.write_all(text.as_bytes());
    }
    for line in text.lines() {
        let colour = match line {
            line if line.starts_with("--") => "2",
            line if line.starts_with("+ ") => "32",
            line if line.starts_with("- ") => "31",
            line if line.starts_with("~ ") => "33",
            _ => "",
        };
        match colour {
            "" => writeln!(output, "{line}")?,
            colour => writeln!(output, "\u{1b}[{colour}m{line}\u{1b}[0m")?,
        }
    }
    Ok(())
}
