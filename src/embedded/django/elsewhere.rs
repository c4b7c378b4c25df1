//! What the migrations of one app know about the models of others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::state::Model;

/// What the folders of migrations say about the models of their apps, by the names of the apps.
#[derive(Debug, Default)]
pub(in super::super) struct Elsewhere {
    apps: BTreeMap<String, Vec<Known>>,
}

/// What the migrations of one folder say about its models.
#[derive(Debug, Default)]
pub(in super::super) struct Known {
    label: String,
    folder: PathBuf,
    /// Nothing where it is not the same after each migration.
    models: BTreeMap<String, Option<Key>>,
    depends_on: BTreeSet<String>,
}

/// The key of a model, to which foreign keys lead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// The table.
    pub table: String,
    /// The column.
    pub column: String,
    /// Its type, where it is known.
    pub type_name: Option<String>,
}

impl Known {
    pub(super) fn new(label: &str, folder: &Path) -> Self {
        Self { label: label.to_owned(), folder: folder.to_owned(), ..Self::default() }
    }

    /// Says that a migration depends on one of another app, by id.
    pub(super) fn depends_on(&mut self, id: &str) {
        let (label, _) = id.split_once('.').unwrap_or((id, ""));
        self.depends_on.insert(label.to_owned());
    }

    /// Notes how the models are after a migration.
    pub(super) fn note(&mut self, models: &BTreeMap<String, Model>) {
        for (name, model) in models {
            let key = model.primary_key().map(|key| Key {
                table: model.table.clone(),
                column: key.column.clone(),
                type_name: key.type_name.clone(),
            });
            match self.models.get_mut(name) {
                Some(known) if *known != key => *known = None,
                Some(_) => {}
                None => {
                    self.models.insert(name.clone(), key);
                }
            }
        }
    }
}

impl Elsewhere {
    /// Adds what a folder says.
    pub(in super::super) fn add(&mut self, known: Known) {
        if !known.models.is_empty() {
            self.apps.entry(known.label.clone()).or_default().push(known);
        }
    }

    /// Returns whether one of these apps depends on another one of them.
    pub(in super::super) fn helps(&self, folder: &Path) -> bool {
        let mut known = self.apps.values().flatten().filter(|known| known.folder == folder);
        known.any(|known| known.depends_on.iter().any(|label| self.apps.contains_key(label)))
    }

    /// Returns the key of a model of another app, as a folder of migrations means it: where several apps
    /// have the name, the nearest one, which is that of the same project.
    pub(super) fn key(&self, from: &Path, label: &str, model: &str) -> Option<&Key> {
        let near = |known: &Known| {
            let pairs = known.folder.components().zip(from.components());
            pairs.take_while(|(one, other)| one == other).count()
        };
        let all = self.apps.get(label)?;
        let nearest = all.iter().map(near).max()?;
        let mut found =
            all.iter().filter(|known| near(known) == nearest).map(|known| known.models.get(model));
        let first = found.next()??.as_ref()?;
        found.all(|other| other.and_then(Option::as_ref) == Some(first)).then_some(first)
    }
}
