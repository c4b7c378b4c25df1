//! The schema as it stands between two statements, as far as the files at hand tell.

mod apply;
pub mod builtin;
mod object;
mod rename;

use imbl::{OrdMap, OrdSet};
use std::sync::Arc;

pub use object::{Column, Constraint, EnumLabel, EnumType, Index, Origin, Relation, RelationKind};

use crate::sql::RelationName;

/// A name with its schema, as the server stores it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Arc<str>,
    /// The object.
    pub name: Arc<str>,
}

impl QualifiedName {
    /// Makes a name of its parts.
    pub fn new(schema: &str, name: &str) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Returns the name of another object in the same schema.
    #[must_use]
    pub fn sibling(&self, name: impl Into<Arc<str>>) -> Self {
        Self { schema: self.schema.clone(), name: name.into() }
    }
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// The answer to "is it there?". Files may be only the tail of a history, so "not seen" is not "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It was there and was dropped, or renamed away.
    Dropped(Origin),
    /// The files at hand do not tell.
    Unknown,
}

impl<T> Lookup<T> {
    /// Returns what was found.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Dropped(_) | Self::Unknown => None,
        }
    }
}

/// The schema between two statements. A clone shares everything until one side changes it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: OrdMap<QualifiedName, Arc<Relation>>,
    enums: OrdMap<QualifiedName, Arc<EnumType>>,
    /// Relations that were dropped or renamed away and not made anew, and where.
    dropped: OrdMap<QualifiedName, Origin>,
    /// Partitions and inheritance children, by the table above them.
    children: OrdMap<QualifiedName, OrdSet<QualifiedName>>,
    /// Indexes, views and tables with a foreign key, by the table that they are or were about.
    users: OrdMap<QualifiedName, OrdSet<QualifiedName>>,
    /// Whether the session has made something temporary.
    has_temporary: bool,
    /// Names that a statement used although nothing at hand made them.
    external: OrdMap<QualifiedName, Origin>,
}

/// The schemas in which unqualified names are looked up, first match first.
pub type SearchPath = Arc<[Arc<str>]>;

impl Catalog {
    /// Looks a table, index, view or sequence up by its name.
    pub fn relation(&self, name: &RelationName, path: &SearchPath) -> Lookup<&Relation> {
        if name.is_dynamic() {
            return Lookup::Unknown;
        }
        let mut dropped = None;
        for full in self.candidates(name, path) {
            if let Some(relation) = self.relations.get(&full) {
                return Lookup::Found(relation);
            }
            dropped = dropped.or(self.dropped.get(&full).copied());
        }
        dropped.map_or(Lookup::Unknown, Lookup::Dropped)
    }

    /// Looks an enum type up by its name.
    pub fn enum_type(&self, name: &RelationName, path: &SearchPath) -> Option<&EnumType> {
        self.candidates(name, path).find_map(|full| self.enums.get(&full)).map(AsRef::as_ref)
    }

    /// Returns the full names that `name` may stand for, in the order of the search path.
    fn candidates<'a>(
        &self,
        name: &'a RelationName,
        path: &'a SearchPath,
    ) -> impl Iterator<Item = QualifiedName> + use<'a> {
        let explicit = name.schema.as_ref();
        let temporary = self.has_temporary.then(|| Arc::from(TEMPORARY));
        let implied = temporary.into_iter().chain(path.iter().cloned());
        let implied = implied.filter(move |_| explicit.is_none());
        let schemas = explicit.cloned().into_iter().chain(implied);
        schemas.map(|schema| QualifiedName { schema, name: name.name.clone() })
    }

    /// Returns the relation with exactly this name.
    pub fn get(&self, name: &QualifiedName) -> Option<&Relation> {
        self.relations.get(name).map(AsRef::as_ref)
    }

    /// Returns the partitions and inheritance children directly below a table.
    pub fn children(&self, parent: &QualifiedName) -> impl Iterator<Item = QualifiedName> {
        self.children.get(parent).into_iter().flatten().cloned()
    }

    /// Returns every relation, by name.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values().map(AsRef::as_ref)
    }

    /// Returns every enum type, by name.
    pub fn enums(&self) -> impl Iterator<Item = &EnumType> {
        self.enums.values().map(AsRef::as_ref)
    }

    /// Returns how many relations the files made, now there or not, and how many they only used.
    pub fn known_and_external(&self) -> (usize, usize) {
        (self.relations.len() + self.dropped.len(), self.external.len())
    }

    /// Returns the relations that statements used although nothing at hand made them.
    pub fn external(&self) -> impl Iterator<Item = (&QualifiedName, Origin)> {
        self.external.iter().map(|(name, origin)| (name, *origin))
    }

    /// Returns the name that a statement's `name` stands for: that of the relation which is found, or
    /// the one that it would get if it were made now.
    pub fn resolve(&self, name: &RelationName, path: &SearchPath) -> QualifiedName {
        match self.relation(name, path) {
            Lookup::Found(relation) => relation.name.clone(),
            Lookup::Dropped(_) | Lookup::Unknown => created_name(name, path),
        }
    }
}

/// The schema of temporary objects, in which names are looked up first.
const TEMPORARY: &str = "pg_temp";

/// Returns the full name of an object that is made as `name`: in the first schema of the path, or with
/// the other temporary ones.
fn made_name(name: &RelationName, is_temporary: bool, path: &SearchPath) -> QualifiedName {
    if is_temporary { QualifiedName::new(TEMPORARY, &name.name) } else { created_name(name, path) }
}

/// Returns the full name of an object that is made as `name`: in the first schema of the path.
fn created_name(name: &RelationName, path: &SearchPath) -> QualifiedName {
    let first = name.schema.as_ref().or(path.first());
    QualifiedName {
        schema: first.map_or_else(|| "public".into(), Arc::clone),
        name: name.name.clone(),
    }
}
