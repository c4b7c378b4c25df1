//! `lockmaster.toml`: what a project says about its migrations.

use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::Deserialize;

use crate::diagnostic::Severity;
use crate::layout::{self, TransactionMode};
use crate::rules;
use crate::version::PgVersion;

/// The file's name.
pub const FILE_NAME: &str = "lockmaster.toml";

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read `{path}`")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not TOML, or a value has the wrong type.
    #[error("`{path}` is not valid: {message}")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
}

/// The settings of one `lockmaster.toml`.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// The folder of the file; its paths and globs count from there.
    pub folder: PathBuf,
    /// The file; nothing for the default configuration.
    pub path: Option<PathBuf>,
    file: File,
    exclude: GlobSet,
    overrides: Vec<(GlobSet, Rules)>,
}

/// The file as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    pg_version: Option<Text>,
    layout: Option<String>,
    transaction: Option<String>,
    history: Option<String>,
    fail_on: Option<String>,
    since: Option<String>,
    #[serde(default)]
    exclude: Vec<String>,
    #[serde(default)]
    settings: toml::Table,
    #[serde(default)]
    rules: Rules,
    #[serde(default)]
    migrations: Vec<Directory>,
    #[serde(default)]
    overrides: Vec<Override>,
}

/// A version: `"15"` or `15`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(u16),
}

/// Which rules are on, and how bad they are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Rules {
    select: Option<Vec<String>>,
    #[serde(default)]
    ignore: Vec<String>,
    #[serde(default)]
    severity: toml::Table,
}

/// One directory of migrations.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Directory {
    path: String,
    layout: Option<String>,
    transaction: Option<String>,
    history: Option<String>,
    #[serde(default)]
    settings: toml::Table,
}

/// Other rules for some paths.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Override {
    paths: Vec<String>,
    #[serde(flatten)]
    rules: Rules,
}

/// Every key that the file may hold, for suggestions.
const KEYS: &[&str] = &[
    "pg-version",
    "layout",
    "transaction",
    "history",
    "fail-on",
    "since",
    "exclude",
    "settings",
    "rules",
    "migrations",
    "overrides",
    "path",
    "paths",
    "select",
    "ignore",
    "severity",
];

impl Config {
    /// Reads the nearest `lockmaster.toml` in `folder` or above it; without one the defaults hold.
    pub fn nearest(folder: &Path) -> Result<Self, ConfigError> {
        let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let found = absolute.ancestors().map(|above| above.join(FILE_NAME)).find(|p| p.is_file());
        match found {
            Some(path) => Self::read(&path),
            None => Ok(Self::default()),
        }
    }

    /// Reads one file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(path, &text)
    }

    /// Parses the text of a file that lies at `path`.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let invalid = |message: String| ConfigError::Invalid { path: path.to_owned(), message };
        let mut unknown = Vec::new();
        let deserializer = toml::Deserializer::parse(text)
            .map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        let file: File =
            serde_ignored::deserialize(deserializer, |key| unknown.push(key.to_string()))
                .map_err(|error| invalid(error.to_string().trim_end().to_owned()))?;
        if let Some(key) = unknown.first() {
            return Err(invalid(unknown_key(key)));
        }
        let mut config = Self {
            folder: path.parent().unwrap_or(Path::new("")).to_owned(),
            path: Some(path.to_owned()),
            exclude: globs(&file.exclude).map_err(&invalid)?,
            overrides: Vec::new(),
            file,
        };
        for part in &config.file.overrides {
            check_rules(&part.rules).map_err(&invalid)?;
            config.overrides.push((globs(&part.paths).map_err(&invalid)?, part.rules.clone()));
        }
        config.validate().map_err(invalid)?;
        Ok(config)
    }

    /// Checks every value, so that nothing is found wrong only when it is used.
    fn validate(&self) -> Result<(), String> {
        self.pg_version()?;
        check_rules(&self.file.rules)?;
        if let Some(word) = &self.file.fail_on {
            FailOn::from_str(word).map_err(|error| format!("fail-on: `{word}`: {error}"))?;
        }
        let top = (&self.file.layout, &self.file.transaction, &self.file.history);
        let directories =
            self.file.migrations.iter().map(|d| (&d.layout, &d.transaction, &d.history));
        for (layout, transaction, history) in std::iter::once(top).chain(directories) {
            layout.as_deref().map(read_layout).transpose()?;
            transaction.as_deref().map(read_transaction).transpose()?;
            history.as_deref().map(read_history).transpose()?;
        }
        Ok(())
    }

    /// Returns the target version as the file spells it.
    pub fn pg_version_text(&self) -> Option<String> {
        Some(match self.file.pg_version.as_ref()? {
            Text::Text(text) => text.clone(),
            Text::Number(number) => number.to_string(),
        })
    }

    /// Returns the target version, if the file gives one.
    pub fn pg_version(&self) -> Result<Option<PgVersion>, String> {
        let version = self.pg_version_text().map(|text| text.parse()).transpose();
        version.map_err(|error: crate::version::VersionError| format!("pg-version: {error}"))
    }

    /// Returns the severity from which a run fails, if the file gives one.
    pub fn fail_on(&self) -> Option<FailOn> {
        self.file.fail_on.as_deref().and_then(|word| word.parse().ok())
    }

    /// Returns the revision to compare with, if the file gives one.
    pub fn since(&self) -> Option<&str> {
        self.file.since.as_deref()
    }

    /// Returns the directories that the file names.
    pub fn directories(&self) -> Vec<PathBuf> {
        self.file.migrations.iter().map(|named| plain(&self.folder.join(&named.path))).collect()
    }

    /// Returns whether the file excludes a path.
    pub fn excludes(&self, path: &Path) -> bool {
        !self.exclude.is_empty() && self.exclude.is_match(self.relative(path))
    }

    /// Returns what the file says about the layout of a directory.
    pub fn layout_override(&self, path: &Path) -> layout::Override {
        let directory = self.directory(path);
        // What the top of the file says is meant for the directory that the file lies in, unless it
        // names directories.
        let is_target = self.file.migrations.is_empty();
        let layout = match directory {
            Some(directory) => directory.layout.as_deref(),
            None if is_target => self.file.layout.as_deref(),
            None => None,
        };
        let transaction = directory
            .and_then(|directory| directory.transaction.as_deref())
            .or(self.file.transaction.as_deref());
        layout::Override {
            layout: layout.and_then(layout::by_name),
            transaction: transaction.and_then(|word| read_transaction(word).ok()),
        }
    }

    /// Returns whether the history of a directory is complete, if the file says so.
    pub fn is_complete(&self, path: &Path) -> Option<bool> {
        let word = self
            .directory(path)
            .and_then(|directory| directory.history.as_deref())
            .or(self.file.history.as_deref())?;
        read_history(word).ok().flatten()
    }

    /// Returns the server settings that the runner, role or database makes.
    pub fn settings(&self, path: &Path) -> Vec<(String, String)> {
        let own = self.directory(path).map(|directory| &directory.settings);
        let text = |value: &toml::Value| match value {
            toml::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let all = self.file.settings.iter().chain(own.into_iter().flatten());
        all.map(|(name, value)| (name.to_ascii_lowercase(), text(value))).collect()
    }

    /// Returns whether a rule is on for any path.
    pub fn runs(&self, rule: &rules::RuleInfo) -> bool {
        let mut here = self.overrides.iter().map(|(_, rules)| rules);
        let is_selected = |rules: &Rules| {
            rules.select.as_ref().is_some_and(|words| words.iter().any(|word| names(word, rule)))
        };
        let own = &self.file.rules;
        let is_on = match own.select {
            Some(_) => is_selected(own),
            None => rule.is_on,
        };
        let is_ignored = own.ignore.iter().any(|word| names(word, rule));
        is_on && !is_ignored || here.any(is_selected)
    }

    /// Returns how bad a rule's diagnostic at a path is; nothing if the rule is off there.
    pub fn severity(
        &self,
        rule: &rules::RuleInfo,
        path: &Path,
        severity: Severity,
    ) -> Option<Severity> {
        let relative = if self.overrides.is_empty() { PathBuf::new() } else { self.relative(path) };
        let mut is_on = rule.is_on;
        let mut severity = severity;
        let here = self.overrides.iter().filter(|(globs, _)| globs.is_match(&relative));
        for rules in std::iter::once(&self.file.rules).chain(here.map(|(_, rules)| rules)) {
            if let Some(select) = &rules.select {
                is_on = select.iter().any(|word| names(word, rule));
            }
            if rules.ignore.iter().any(|word| names(word, rule)) {
                is_on = false;
            }
            let given = rules.severity.iter().find(|(word, _)| names(word, rule));
            if let Some(level) =
                given.and_then(|(_, value)| value.as_str()).and_then(Severity::parse)
            {
                severity = level;
            }
        }
        is_on.then_some(severity)
    }

    fn directory(&self, path: &Path) -> Option<&Directory> {
        let path = plain(path);
        self.file.migrations.iter().find(|named| plain(&self.folder.join(&named.path)) == path)
    }

    fn relative(&self, path: &Path) -> PathBuf {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let folder = std::path::absolute(&self.folder).unwrap_or_else(|_| self.folder.clone());
        absolute.strip_prefix(&folder).map_or(absolute.clone(), Path::to_owned)
    }
}

/// Returns an absolute path without `.` and `..`.
fn plain(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut plain = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// From which severity on a run fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailOn {
    /// Never.
    Never,
    /// From this one on.
    Severity(Severity),
    /// From errors on.
    #[default]
    Default,
}

impl FailOn {
    /// Returns whether a diagnostic of this severity lets the run fail.
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Never => false,
            Self::Severity(least) => severity >= least,
            Self::Default => severity >= Severity::Error,
        }
    }
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match (text, Severity::parse(text)) {
            ("never", _) => Ok(Self::Never),
            (_, Some(severity)) => Ok(Self::Severity(severity)),
            _ => Err("it is one of error, warning, info, never".to_owned()),
        }
    }
}

/// Returns whether a word of `select` or `ignore` names a rule: by itself, its category, or `all`.
fn names(word: &str, rule: &rules::RuleInfo) -> bool {
    word == rule.name || word == rule.category || word == "all" || word == "default" && rule.is_on
}

fn unknown_key(path: &str) -> String {
    let key = path.rsplit('.').next().unwrap_or(path);
    match nearest(key, KEYS.iter().copied()) {
        Some(near) => format!("unknown key `{path}`; did you mean `{near}`?"),
        None => format!("unknown key `{path}`"),
    }
}

fn check_rules(rules: &Rules) -> Result<(), String> {
    let named = rules.select.iter().flatten().chain(&rules.ignore);
    for word in named.chain(rules.severity.keys()) {
        check_rule_word(word)?;
    }
    for (rule, level) in &rules.severity {
        let is_level = level.as_str().is_some_and(|level| Severity::parse(level).is_some());
        if !is_level {
            return Err(format!(
                "severity of `{rule}`: {level} is not one of \"error\", \"warning\", \"info\""
            ));
        }
    }
    Ok(())
}

/// Checks that a word names a rule or a category.
pub fn check_rule_word(word: &str) -> Result<(), String> {
    let categories = crate::rule::CATEGORIES.iter().copied().chain(["all", "default"]);
    let known: Vec<&str> = rules::RULES.iter().map(|rule| rule.name).chain(categories).collect();
    if known.contains(&word) {
        return Ok(());
    }
    Err(match nearest(word, known.into_iter()) {
        Some(near) => format!("there is no rule `{word}`; did you mean `{near}`?"),
        None => format!("there is no rule `{word}`; `lockmaster rules` lists them"),
    })
}

/// Returns the candidate that `word` is most likely meant to be.
pub fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(word, other);
    candidates
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn read_layout(word: &str) -> Result<&'static layout::Layout, String> {
    layout::by_name(word).ok_or_else(|| {
        let names = layout::LAYOUTS.iter().map(|layout| layout.name);
        match nearest(word, names.clone()) {
            Some(near) => format!("layout: there is no layout `{word}`; did you mean `{near}`?"),
            None => {
                format!("layout: `{word}` is not one of {}", names.collect::<Vec<_>>().join(", "))
            }
        }
    })
}

fn read_transaction(word: &str) -> Result<TransactionMode, String> {
    let all = [TransactionMode::Runner, TransactionMode::Message, TransactionMode::None];
    all.into_iter()
        .find(|mode| mode.as_str() == word)
        .ok_or_else(|| format!("transaction: `{word}` is not one of runner, message, none"))
}

/// Reads `history`: complete, partial, or nothing for `auto`.
fn read_history(word: &str) -> Result<Option<bool>, String> {
    match word {
        "complete" => Ok(Some(true)),
        "partial" => Ok(Some(false)),
        "auto" => Ok(None),
        _ => Err(format!("history: `{word}` is not one of auto, complete, partial")),
    }
}

/// Makes a set of globs.
pub fn globs(patterns: &[String]) -> Result<GlobSet, String> {
    let mut builder = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.strip_prefix("./").unwrap_or(pattern);
        let glob =
            Glob::new(pattern).map_err(|error| format!("`{pattern}` is not a glob: {error}"))?;
        builder.add(glob);
        // A folder's name excludes what is below it.
        if let Ok(below) = Glob::new(&format!("{}/**", pattern.trim_end_matches('/'))) {
            builder.add(below);
        }
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse(Path::new("/project/lockmaster.toml"), text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn unknown_keys_are_errors_that_suggest_the_right_one() {
        let error = parse("pg_version = '15'").expect_err("the key has a dash");
        assert!(error.contains("unknown key `pg_version`; did you mean `pg-version`?"), "{error}");
        let error = parse("[rules]\nignored = []").expect_err("the key is ignore");
        assert!(error.contains("`rules.ignored`; did you mean `ignore`?"), "{error}");
    }

    #[test]
    fn wrong_values_are_errors_that_name_the_right_ones() {
        for (text, part) in [
            ("layout = 'gose'", "did you mean `goose`?"),
            ("transaction = 'yes'", "runner, message, none"),
            ("pg-version = 9", "from 12 to 18"),
            ("fail-on = 'always'", "error, warning, info, never"),
            ("rules.ignore = ['blocking-indx']", "did you mean `blocking-index`?"),
            ("rules.severity.blocking-index = 'bad'", "\"error\", \"warning\", \"info\""),
            ("pg-version = ", "line 1"),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn overrides_change_rules_for_some_paths() {
        let text = "rules.severity.locking = 'warning'\n[[overrides]]\npaths = ['old/*']\nignore = ['all']";
        let config = parse(text).expect("it is valid");
        let rule = rules::info("blocking-index").expect("there is such a rule");
        let severity = |path: &str| config.severity(&rule, Path::new(path), Severity::Error);
        assert_eq!(severity("/project/new/1.sql"), Some(Severity::Warning));
        assert_eq!(severity("/project/old/1.sql"), None);
    }
}
