//! A folder as layouts see it: names, ids of loaded files, and hints from what lies around it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::source::FileId;

/// A folder with all that is below it.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// The folder's path, as it is shown; empty for the current folder.
    pub path: PathBuf,
    /// The name of the folder where its path does not tell it.
    pub root_name: String,
    /// Its files, sorted by name.
    pub files: Vec<Entry>,
    /// Its folders, sorted by name.
    pub folders: Vec<Tree>,
    /// Whether something that lies directly in it is left out, as somebody asked for.
    pub is_partial: bool,
    /// Texts of known project files in the folders above it, nearest first.
    pub hints: Arc<Vec<Hint>>,
}

/// A file of a folder.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its id, if it was loaded: SQL files are.
    pub id: Option<FileId>,
    /// For a migration in a host language: the file that holds its SQL.
    pub code: Option<FileId>,
    /// Its id, if it is a list of migrations that a tool keeps beside them.
    pub journal: Option<FileId>,
    /// The text of a small file that says how migrations run, such as `metadata.toml`.
    pub text: Option<String>,
}

/// A project file above the migrations, such as `package.json` or a shell script.
#[derive(Clone, Debug)]
pub struct Hint {
    /// Its path, as it is shown.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

impl Tree {
    /// Returns the name of the folder itself.
    pub fn name(&self) -> &str {
        self.path.file_name().and_then(|name| name.to_str()).unwrap_or(&self.root_name)
    }

    /// Returns whether the folder that it lies in has that name.
    pub fn lies_in(&self, name: &str) -> bool {
        self.path.parent().is_some_and(|parent| parent.ends_with(name))
    }

    /// Returns the SQL files directly in the folder, with their ids.
    pub fn sql_files(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.files.iter().filter_map(|entry| Some((entry.name.as_str(), entry.id?)))
    }

    /// Returns the migrations in a host language directly in the folder, with the files that hold their SQL.
    pub fn code_files(&self) -> impl Iterator<Item = (&str, FileId)> {
        self.files.iter().filter_map(|entry| Some((entry.name.as_str(), entry.code?)))
    }

    /// Returns the file of that name.
    pub fn file(&self, name: &str) -> Option<&Entry> {
        let at = self.files.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
        self.files.get(at)
    }

    /// Returns the folder of that name directly below.
    pub fn folder(&self, name: &str) -> Option<&Tree> {
        let at = self.folders.binary_search_by(|folder| folder.name().cmp(name)).ok()?;
        self.folders.get(at)
    }

    /// Returns the ids of all SQL files in the folder and below it, with the path from the folder.
    pub fn all_sql_files(&self) -> Vec<(String, FileId)> {
        let mut found: Vec<(String, FileId)> =
            self.sql_files().map(|(name, id)| (name.to_owned(), id)).collect();
        for folder in &self.folders {
            let below = folder.all_sql_files().into_iter();
            found.extend(below.map(|(name, id)| (format!("{}/{name}", folder.name()), id)));
        }
        found
    }

    /// Returns whether something in the folder or below it is left out, as somebody asked for.
    pub fn is_partial(&self) -> bool {
        self.is_partial || self.folders.iter().any(Tree::is_partial)
    }

    /// Returns the nearest hint whose file has one of these names and holds `text`.
    pub fn hint(&self, names: &[&str], text: &str) -> Option<&Hint> {
        self.hints.iter().find(|hint| {
            let name = hint.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            names.contains(&name) && hint.text.contains(text)
        })
    }

    /// Returns whether a project file of that name lies in the folder or above it.
    pub fn has_project_file(&self, name: &str) -> bool {
        self.file(name).is_some() || self.hint(&[name], "").is_some()
    }
}
