//! The models of one app between two migrations.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::super::text::Text;
use super::elsewhere::Elsewhere;
use crate::source::Span;

/// The models of an app, by their names in lower case.
#[derive(Clone, Debug, Default)]
pub(super) struct Apps {
    /// The name of the app.
    pub label: String,
    /// The folder of its migrations.
    pub folder: PathBuf,
    /// Its models.
    pub models: BTreeMap<String, Model>,
    /// Those of other apps.
    pub elsewhere: Arc<Elsewhere>,
}

/// A model.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    /// Its table.
    pub table: String,
    /// Whether the table's name is the one that Django chooses.
    pub is_named_by_django: bool,
    /// Whether Django makes the table.
    pub is_managed: bool,
    /// Its fields.
    pub fields: Vec<Field>,
    /// What must be unique together: the fields, and the name of the constraint.
    pub unique_together: Vec<(Vec<String>, String)>,
    /// Its constraints that are indexes for the server.
    pub unique_indexes: Vec<String>,
}

/// A field of a model.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub host: Span,
    /// Its class, without the module.
    pub class: String,
    /// Its column.
    pub column: String,
    /// The type of the column, where it is known.
    pub type_name: Option<String>,
    /// Whether it may be null.
    pub is_null: bool,
    /// Whether it is unique alone.
    pub is_unique: bool,
    /// Whether it is the key.
    pub is_primary_key: bool,
    /// Whether it has an index of its own.
    pub is_indexed: bool,
    /// Whether the server counts it up.
    pub counts: bool,
    /// Whether it must not be negative.
    pub is_positive: bool,
    /// With what the rows that are there are filled.
    pub default: Option<Text>,
    /// The default that the column keeps.
    pub db_default: Option<Text>,
    /// The collation.
    pub collation: Option<String>,
    /// What it refers to.
    pub reference: Option<Reference>,
    /// The table between, for a relation of many to many.
    pub many_to_many: Option<ManyToMany>,
    /// The name of its own unique constraint, where one that was made alone has one.
    pub unique_name: Option<String>,
}

/// What a foreign key refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    /// The table.
    pub table: String,
    /// Its column.
    pub column: String,
    /// Whether the server checks it.
    pub has_constraint: bool,
    /// Whether the model that it leads to knows nothing of it (`related_name="+"`).
    pub is_hidden: bool,
    /// The name of the constraint, once it is made.
    pub name: Option<String>,
}

/// The table of a relation of many to many.
#[derive(Clone, Debug, Default)]
pub(super) struct ManyToMany {
    /// Its name; nothing where a model of its own is the table.
    pub table: Option<String>,
    /// The column for the model that has the field.
    pub source_column: String,
    /// The column for the other one.
    pub target_column: String,
    /// The other one's table.
    pub target_table: String,
    /// Its key.
    pub target_key: String,
    /// The key's type.
    pub target_type: Option<String>,
    /// Whether the server checks it.
    pub has_constraint: bool,
    /// The name of the foreign key of the source column, once it is made.
    pub source_name: Option<String>,
    /// That of the target column.
    pub target_name: Option<String>,
}

impl Reference {
    /// Makes a foreign key that the server checks.
    pub(super) fn to(table: String, column: String) -> Self {
        Self { table, column, has_constraint: true, is_hidden: false, name: None }
    }
}

impl Model {
    /// Returns a field.
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Returns the key.
    pub(super) fn primary_key(&self) -> Option<&Field> {
        self.fields.iter().find(|field| field.is_primary_key)
    }

    /// Returns the column of a field; `pk` is the key.
    pub(super) fn column(&self, name: &str) -> Option<String> {
        let field = if name == "pk" { self.primary_key() } else { self.field(name) };
        field.map(|field| field.column.clone())
    }
}
