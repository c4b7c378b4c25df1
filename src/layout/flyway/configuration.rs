//! What `flyway.conf` or `flyway.toml` says about names, places and transactions.

use std::path::{Component, Path, PathBuf};

use super::super::Tree;

/// The files that Flyway reads its configuration from.
const FILES: [&str; 3] = ["flyway.toml", "flyway.conf", "flyway.user.toml"];

/// The settings of Flyway that decide what it reads and how it runs it, with its own defaults.
#[derive(Clone, Debug)]
pub(super) struct Configuration {
    /// The file that they stand in, if there is one.
    pub(super) path: Option<PathBuf>,
    /// The prefix of versioned migrations.
    pub(super) versioned: String,
    /// The prefix of undo migrations.
    pub(super) undo: String,
    /// The prefix of repeatable migrations.
    pub(super) repeatable: String,
    /// The prefix of baseline migrations.
    pub(super) baseline: String,
    /// What stands between version and description.
    pub(super) separator: String,
    /// The endings of file names.
    pub(super) suffixes: Vec<String>,
    /// The folders that are read: `filesystem:` ones by their path from where Flyway runs,
    /// `classpath:` ones by the end of their path.
    pub(super) locations: Vec<Location>,
    /// Whether a file may mix statements that a transaction refuses with others: it then runs without.
    pub(super) mixed: bool,
    /// Whether migrations run in a transaction where nothing else is said.
    pub(super) in_transaction: bool,
}

/// A folder that Flyway reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Location {
    /// A path from the folder of the configuration.
    Folder(PathBuf),
    /// The end of a path, below whatever the classpath holds.
    Classpath(PathBuf),
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            path: None,
            versioned: "V".to_owned(),
            undo: "U".to_owned(),
            repeatable: "R".to_owned(),
            baseline: "B".to_owned(),
            separator: "__".to_owned(),
            suffixes: vec![".sql".to_owned()],
            locations: Vec::new(),
            mixed: false,
            in_transaction: true,
        }
    }
}

impl Configuration {
    /// Reads the configuration that lies in the folder itself.
    pub(super) fn of_folder(tree: &Tree) -> Option<Self> {
        let file = FILES.iter().find_map(|name| tree.file(name))?;
        let text = file.text.as_deref()?;
        Some(Self::read(&tree.path.join(&file.name), text))
    }

    /// Reads the configuration in the folder or the nearest one above it.
    pub(super) fn around(tree: &Tree) -> Self {
        Self::of_folder(tree)
            .or_else(|| {
                let hint = tree.hint(&FILES, "")?;
                Some(Self::read(&hint.path, &hint.text))
            })
            .unwrap_or_default()
    }

    fn read(path: &Path, text: &str) -> Self {
        let is_toml = path.extension().is_some_and(|extension| extension == "toml");
        let pairs = if is_toml { toml_pairs(text) } else { properties(text) };
        let mut configuration = Self { path: Some(path.to_owned()), ..Self::default() };
        for (key, value) in pairs {
            configuration.set(key.strip_prefix("flyway.").unwrap_or(&key), &value);
        }
        configuration
    }

    fn set(&mut self, key: &str, value: &str) {
        let list = || value.split(',').map(str::trim).filter(|part| !part.is_empty());
        match key {
            "sqlMigrationPrefix" => self.versioned = value.to_owned(),
            "undoSqlMigrationPrefix" => self.undo = value.to_owned(),
            "repeatableSqlMigrationPrefix" => self.repeatable = value.to_owned(),
            "baselineMigrationPrefix" => self.baseline = value.to_owned(),
            "sqlMigrationSeparator" if !value.is_empty() => self.separator = value.to_owned(),
            "sqlMigrationSuffixes" => self.suffixes = list().map(str::to_owned).collect(),
            "locations" => self.locations = list().filter_map(location).collect(),
            "mixed" => self.mixed = is_true(value),
            "executeInTransaction" => self.in_transaction = is_true(value),
            _ => {}
        }
    }

    /// Returns the folders below `tree`, which holds the configuration, that it names.
    pub(super) fn folders<'a>(&self, tree: &'a Tree) -> Vec<&'a Tree> {
        let named = self.locations.iter().filter_map(|location| match location {
            Location::Folder(path) => below(tree, path),
            Location::Classpath(path) => {
                let resources = ["src/main/resources", "target/classes", ""];
                resources.iter().find_map(|above| below(tree, &Path::new(above).join(path)))
            }
        });
        let mut found: Vec<&Tree> = Vec::new();
        for folder in named {
            // Flyway drops a location that lies in another.
            if !found.iter().any(|other| folder.path.starts_with(&other.path)) {
                found.retain(|other| !other.path.starts_with(&folder.path));
                found.push(folder);
            }
        }
        found
    }

    /// Returns whether the configuration names a folder.
    pub(super) fn names(&self, tree: &Tree) -> bool {
        let base = self.path.as_deref().and_then(Path::parent);
        self.locations.iter().any(|location| match location {
            Location::Folder(path) => base.is_some_and(|base| tree.path == base.join(path)),
            Location::Classpath(path) => tree.path.ends_with(path),
        })
    }
}

fn is_true(value: &str) -> bool {
    value.trim().eq_ignore_ascii_case("true")
}

/// Reads one location; nothing for those that are in no folder, or in many.
fn location(text: &str) -> Option<Location> {
    let is_pattern = text.contains(['*', '?', '$', '{']);
    if is_pattern {
        return None;
    }
    let clean = |path: &str| -> PathBuf {
        let parts = Path::new(path).components();
        parts.filter(|part| matches!(part, Component::Normal(_))).collect()
    };
    match text.split_once(':') {
        Some(("filesystem", path)) if !path.starts_with('/') && !path.starts_with("..") => {
            Some(Location::Folder(clean(path)))
        }
        Some(("classpath", path)) => Some(Location::Classpath(clean(path))),
        Some(_) => None,
        // Without a word before it a location lies on the classpath.
        None => Some(Location::Classpath(clean(text))),
    }
}

fn below<'a>(tree: &'a Tree, path: &Path) -> Option<&'a Tree> {
    path.components().try_fold(tree, |tree, part| tree.folder(part.as_os_str().to_str()?))
}

/// Reads the lines `key=value` of a properties file.
pub(super) fn properties(text: &str) -> Vec<(String, String)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with(['#', '!']));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect()
}

/// Reads the keys of the table `flyway`; a list becomes a text with commas.
fn toml_pairs(text: &str) -> Vec<(String, String)> {
    let table: toml::Table = text.parse().unwrap_or_default();
    let Some(flyway) = table.get("flyway").and_then(toml::Value::as_table) else {
        return Vec::new();
    };
    let text_of = |value: &toml::Value| match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        toml::Value::Array(values) => {
            let texts: Vec<&str> = values.iter().filter_map(toml::Value::as_str).collect();
            Some(texts.join(","))
        }
        _ => None,
    };
    flyway.iter().filter_map(|(key, value)| Some((key.clone(), text_of(value)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_configuration_say_the_same() {
        let conf = Configuration::read(
            Path::new("flyway.conf"),
            "# flyway.mixed=true\nflyway.locations = filesystem:./sql, classpath:db/migration\n\
             flyway.sqlMigrationPrefix=M\nflyway.executeInTransaction=false\n",
        );
        let toml = Configuration::read(
            Path::new("flyway.toml"),
            "[flyway]\nlocations = [\"filesystem:sql\", \"db/migration\"]\n\
             sqlMigrationPrefix = \"M\"\nexecuteInTransaction = false\n",
        );
        for found in [conf, toml] {
            let folder = |path: &str| PathBuf::from(path);
            let expected =
                [Location::Folder(folder("sql")), Location::Classpath(folder("db/migration"))];
            assert_eq!(found.locations, expected);
            assert_eq!((found.versioned.as_str(), found.undo.as_str()), ("M", "U"));
            assert!(!found.mixed && !found.in_transaction);
        }
    }

    #[test]
    fn places_outside_of_the_folder_and_patterns_are_left_out() {
        for text in
            ["filesystem:/sql", "filesystem:../sql", "s3:bucket/sql", "classpath:db/{vendor}"]
        {
            assert_eq!(location(text), None, "{text}");
        }
    }
}
