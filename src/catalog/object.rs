//! The objects of a catalog.

use std::sync::Arc;

use super::QualifiedName;
use crate::source::{FileId, Span};
use crate::sql::{ConstraintKind, TypeName};

/// Where and in which transaction something was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: FileId,
    /// The statement.
    pub span: Span,
    /// The migration, by its place in the order of application.
    pub migration: u32,
    /// The transaction: equal numbers are one transaction. A statement outside of a transaction has a
    /// number of its own.
    pub transaction: u32,
}

/// A relation: whatever has its name in the one namespace of tables, indexes, views and sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    pub kind: RelationKind,
    /// The statement that made it.
    pub created: Origin,
    /// Whether it is temporary, so that no other session can see it.
    pub temporary: bool,
    /// Whether `IF NOT EXISTS` made it: it may have been there before.
    pub maybe_older: bool,
    /// Its columns, in order; empty for indexes and sequences.
    pub columns: Vec<Column>,
    /// Whether it may have columns that are not listed.
    pub columns_unknown: bool,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// Its indexes, those of its constraints included.
    pub indexes: Vec<Index>,
    /// For a partition or child table: the tables above it.
    pub parents: Vec<QualifiedName>,
    /// For an index: its table. For a view: what its query reads.
    pub uses: Vec<QualifiedName>,
}

impl Relation {
    /// Makes a relation without columns.
    pub fn new(name: QualifiedName, kind: RelationKind, created: Origin) -> Self {
        Self {
            name,
            kind,
            created,
            temporary: false,
            maybe_older: false,
            columns: Vec::new(),
            columns_unknown: false,
            constraints: Vec::new(),
            indexes: Vec::new(),
            parents: Vec::new(),
            uses: Vec::new(),
        }
    }

    /// Returns the column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// Returns whether it is a query with a name.
    pub fn is_view(&self) -> bool {
        matches!(self.kind, RelationKind::View | RelationKind::MaterializedView)
    }

    /// Returns whether rows are stored in it that other sessions can use.
    pub fn is_table(&self) -> bool {
        matches!(
            self.kind,
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable
        )
    }
}

/// What a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A plain table.
    Table,
    /// A partitioned table.
    PartitionedTable,
    /// A foreign table.
    ForeignTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
}

impl RelationKind {
    /// Returns the kind as PostgreSQL's messages spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::PartitionedTable => "partitioned table",
            Self::ForeignTable => "foreign table",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Sequence => "sequence",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type.
    pub type_name: Arc<TypeName>,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Whether it has a default, is an identity column or generated.
    pub has_default: bool,
    /// The statement that made it.
    pub created: Origin,
}

/// A constraint of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Constraint {
    /// Its name; nothing where the server chooses it.
    pub name: Option<Arc<str>>,
    /// What it is.
    pub kind: ConstraintKind,
    /// The columns that it is on.
    pub columns: Vec<String>,
    /// For a foreign key: the table that it refers to.
    pub references: Option<QualifiedName>,
    /// Whether every row is known to fulfil it.
    pub validated: bool,
    /// The statement that made it.
    pub created: Origin,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Index {
    /// Its name; nothing where the server chooses it.
    pub name: Option<Arc<str>>,
    /// Its key columns; nothing for an expression.
    pub columns: Vec<Option<String>>,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it has a `WHERE`.
    pub partial: bool,
    /// The statement that made it.
    pub created: Origin,
}

/// An enum type.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumType {
    /// Its name.
    pub name: QualifiedName,
    /// Its labels.
    pub labels: Vec<EnumLabel>,
    /// The statement that made it.
    pub created: Origin,
}

/// A label of an enum type.
#[derive(Clone, Debug, PartialEq)]
pub struct EnumLabel {
    /// The label.
    pub label: Arc<str>,
    /// The statement that added it.
    pub added: Origin,
}
