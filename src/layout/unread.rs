//! Migrations in languages that are not read: they are named, so that nobody takes them for checked.

use super::{MigrationSet, Tree};

/// Migrations of one kind in one folder that nothing is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The folder, as it is shown.
    pub folder: String,
    /// How many there are.
    pub count: usize,
    /// The name of the first of them.
    pub first: String,
    /// The runner that names its migrations so, where that is plain.
    pub runner: Option<&'static str>,
    /// The language.
    pub language: &'static str,
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { folder, count, first, language, .. } = self;
        let folder = if folder.is_empty() { "." } else { folder };
        let plural = if *count == 1 { "" } else { "s" };
        write!(f, "`{folder}` holds {count} migration{plural} in {language}")?;
        if let Some(runner) = self.runner {
            write!(f, ", as {runner} names them")?;
        }
        write!(f, " (`{first}`)")
    }
}

/// The languages by the extensions of their files.
const LANGUAGES: &[(&str, &str)] = &[
    ("go", "Go"),
    ("java", "Java"),
    ("kt", "Kotlin"),
    ("scala", "Scala"),
    ("groovy", "Groovy"),
    ("py", "Python"),
    ("js", "JavaScript"),
    ("mjs", "JavaScript"),
    ("cjs", "JavaScript"),
    ("ts", "TypeScript"),
    ("rb", "Ruby"),
    ("ex", "Elixir"),
    ("exs", "Elixir"),
    ("php", "PHP"),
    ("cs", "C#"),
    ("rs", "Rust"),
    ("sh", "shell"),
];

/// Returns the language of a file that is named as a migration in a language, not as SQL.
pub(super) fn language(name: &str) -> Option<&'static str> {
    let stem = name.trim_start_matches(['V', 'v', 'R', 'U']);
    let language = of_extension(name.rsplit_once('.')?.1)?;
    stem.starts_with(|c: char| c.is_ascii_digit()).then_some(language)
}

fn of_extension(extension: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|(known, _)| *known == extension).map(|(_, language)| *language)
}

/// Returns the language of a file that only a migration is named like, with its runner where that is plain.
fn kind(name: &str) -> Option<(Option<&'static str>, &'static str)> {
    let (stem, extension) = name.rsplit_once('.')?;
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    let is_numbered = digits > 0 && stem[digits..].starts_with('_');
    let is_date = |text: &str| {
        // 2024_01_31_235959_
        let form = "0000_00_00_000000_";
        text.len() > form.len()
            && text.bytes().zip(form.bytes()).all(|(c, form)| match form {
                b'_' => c == b'_',
                _ => c.is_ascii_digit(),
            })
    };
    let version = stem.strip_prefix("Version");
    let is_flyway =
        matches!(stem.as_bytes().first(), Some(b'V' | b'U' | b'R' | b'B')) && stem.contains("__");
    match extension {
        "php" if is_date(stem) => Some((Some("Laravel"), "PHP")),
        "php" if version.is_some_and(|rest| rest.len() == 14 && is_number(rest)) => {
            Some((Some("Doctrine"), "PHP"))
        }
        "php" if is_numbered && digits == 14 => Some((Some("Phinx"), "PHP")),
        "cs" if stem.ends_with(".Designer") => None,
        "cs" if is_numbered && digits == 14 => Some((Some("Entity Framework"), "C#")),
        "cs" if is_numbered => Some((None, "C#")),
        "go" if is_numbered && !stem.ends_with("_test") => Some((None, "Go")),
        "java" | "kt" | "scala" | "groovy" if is_flyway => {
            Some((Some("Flyway"), of_extension(extension)?))
        }
        _ => None,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns the migrations below a folder that are in a language that is not read, by folder.
pub fn unread(tree: &Tree) -> Vec<Unread> {
    let mut found: Vec<Unread> = Vec::new();
    let is_migrations = |part: std::path::Component| {
        part.as_os_str().to_string_lossy().to_ascii_lowercase().contains("migrat")
    };
    let is_named = tree.name().to_ascii_lowercase().contains("migrat");
    if is_named || tree.path.components().any(is_migrations) {
        let folder = tree.path.display().to_string();
        let unread = tree.files.iter().filter(|entry| entry.id.is_none() && entry.code.is_none());
        for entry in unread {
            let Some((runner, language)) = kind(&entry.name) else { continue };
            match found.iter_mut().find(|of| (of.runner, of.language) == (runner, language)) {
                Some(same) => same.count += 1,
                None => found.push(Unread {
                    folder: folder.clone(),
                    count: 1,
                    first: entry.name.clone(),
                    runner,
                    language,
                }),
            }
        }
    }
    found.extend(tree.folders.iter().flat_map(unread));
    found
}

impl MigrationSet {
    /// Returns what is known of the migrations among its files that are in a language that is not read, as
    /// sentences.
    pub fn unread_code(&self) -> Vec<String> {
        let named = self.other_files.iter().filter_map(|name| Some((name, language(name)?)));
        let sentence = |(name, language): (&String, &str)| {
            format!("`{name}` is named as a migration in {language}, which is not read")
        };
        named.map(sentence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_as_a_migration_is_one() {
        for (name, runner, language) in [
            ("2024_01_01_000000_create_users.php", Some("Laravel"), "PHP"),
            ("20240101000000_init.php", Some("Phinx"), "PHP"),
            ("Version20240101000000.php", Some("Doctrine"), "PHP"),
            ("20240101000000_Init.cs", Some("Entity Framework"), "C#"),
            ("20240101_Init.cs", None, "C#"),
            ("00002_fill.go", None, "Go"),
            ("V2__Fill.java", Some("Flyway"), "Java"),
            ("R__Views.kt", Some("Flyway"), "Kotlin"),
        ] {
            assert_eq!(kind(name), Some((runner, language)), "{name}");
        }
        for name in [
            "20240101000000_Init.Designer.cs",
            "AppModelSnapshot.cs",
            "main.go",
            "00002_fill_test.go",
            "Migrator.java",
            "VersionTest.php",
            "2024_users.php",
            "Version2024é.php",
            "é.php",
        ] {
            assert_eq!(kind(name), None, "{name}");
        }
    }
}
