//! How the files of a directory are named, learned from one of them.

use crate::layout::{Migration, MigrationSet};
use crate::source::SourceFile;

/// A file's name from its directory on, around its version and name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    before: String,
    /// What stands between version and name, and what stands behind the name; nothing where files have no
    /// names.
    rest: Option<(String, String)>,
    /// What stands behind the version where files have no names.
    after: String,
    /// Whether words are joined with `-`.
    is_kebab: bool,
}

impl Shape {
    /// Learns how `file`, which belongs to `migration`, is named.
    pub(super) fn of(set: &MigrationSet, migration: &Migration, file: &SourceFile) -> Option<Self> {
        let path = file.path.strip_prefix(&set.root).unwrap_or(&file.path);
        let path = path.to_str()?.replace('\\', "/");
        // A folder of a year may have its digits too.
        let at = path.rfind(&migration.version.text)?;
        let (before, rest) = path.split_at(at);
        let rest = rest.get(migration.version.text.len()..)?;
        let name = migration.name.as_str();
        let found = rest.find(name).filter(|_| !name.is_empty());
        let (rest, after) = match found {
            Some(start) => {
                let (between, rest) = rest.split_at(start);
                (Some((between.to_owned(), rest.get(name.len()..)?.to_owned())), String::new())
            }
            None => (split_name(rest), rest.to_owned()),
        };
        let is_kebab = name.contains('-') && !name.contains('_');
        Some(Self { before: before.to_owned(), rest, after, is_kebab })
    }

    /// Returns the path of another migration, from the directory on.
    pub(super) fn path(&self, version: &str, words: &[String]) -> String {
        let name = words.join(if self.is_kebab { "-" } else { "_" });
        match &self.rest {
            Some((between, after)) => format!("{}{version}{between}{name}{after}", self.before),
            None => format!("{}{version}{}", self.before, self.after),
        }
    }

    /// Returns how downs are named where ups say that they are ups.
    pub(super) fn other_way(&self) -> Option<Self> {
        let turned = |text: &str| {
            let is_up = text.ends_with(".up.sql") || text == "/up.sql";
            is_up.then(|| text.replace("up.sql", "down.sql"))
        };
        let mut other = self.clone();
        match &mut other.rest {
            Some((_, after)) => *after = turned(after)?,
            None => other.after = turned(&other.after)?,
        }
        Some(other)
    }
}

/// Cuts what stands behind a version into separator, name and the rest; nothing where there is no name.
fn split_name(rest: &str) -> Option<(String, String)> {
    let separator = rest.len() - rest.trim_start_matches(['_', '-', '.', ' ']).len();
    let (between, rest) = rest.split_at(separator);
    let end = rest.find(['.', '/'])?;
    let (name, after) = rest.split_at_checked(end).filter(|_| !between.is_empty() && end > 0)?;
    // `012_rollback_add_users.sql`, `012_add_users_down.sql`
    let words = ["rollback", "revert", "undo", "down"];
    let is_word = |text: &&str| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    let first = name.split(['_', '-']).next().filter(is_word).map_or(0, |word| word.len() + 1);
    let last = name.rsplit(['_', '-']).next().filter(is_word).map_or(0, |word| word.len() + 1);
    if first + last >= name.len() {
        return Some((between.to_owned(), after.to_owned()));
    }
    Some((
        format!("{between}{}", name.get(..first)?),
        format!("{}{after}", name.get(name.len() - last..)?),
    ))
}

/// Cuts a name into words of letters and digits, in lower case; nothing where there is none.
pub(super) fn words(name: &str) -> Option<Vec<String>> {
    let parts = name.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty());
    let words: Vec<String> = parts.flat_map(humps).collect();
    (!words.is_empty()).then_some(words)
}

/// Cuts `AddUserEmail` into its words.
fn humps(part: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut was_lower = false;
    for letter in part.chars() {
        if words.is_empty() || was_lower && letter.is_uppercase() {
            words.push(String::new());
        }
        was_lower = letter.is_lowercase() || letter.is_numeric();
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_words() {
        let joined = |name| words(name).map(|words| words.join("_"));
        assert_eq!(joined("Add users' e-mail"), Some("add_users_e_mail".to_owned()));
        assert_eq!(joined("AddUserEMail2"), Some("add_user_email2".to_owned()));
        assert_eq!(joined("../x.sql"), Some("x_sql".to_owned()));
        assert_eq!(joined(" -/ "), None);
    }
}
