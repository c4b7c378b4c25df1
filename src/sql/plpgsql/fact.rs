//! What a query over the system catalogs asks: is there such an object?

use std::fmt;
use std::sync::Arc;

use crate::sql::ConstraintKind;

/// An object of which a catalog query asks whether it exists.
///
/// Parts that the query leaves open are nothing, and match any object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// A schema.
    Schema {
        /// Its name.
        name: Arc<str>,
    },
    /// A table, view, index, sequence or the like.
    Relation {
        /// Its name; nothing for any in the schema.
        name: ObjectName,
        /// What it may be; any kind if empty.
        kinds: Vec<RelationKind>,
    },
    /// A column of a table, view or the like.
    Column(ColumnFact),
    /// A constraint.
    Constraint {
        /// The table that it is on.
        relation: Option<ObjectName>,
        /// Its name.
        name: Option<Arc<str>>,
        /// Its kind.
        kind: Option<ConstraintKind>,
        /// A column that it is on.
        column: Option<Arc<str>>,
        /// Whether it is validated.
        validated: Option<bool>,
    },
    /// An index, asked for by its table or its properties.
    Index {
        /// The table that it is on.
        relation: Option<ObjectName>,
        /// Its name.
        name: Option<ObjectName>,
        /// Whether it is unique.
        unique: Option<bool>,
        /// Whether it is that of the primary key.
        primary: Option<bool>,
        /// Whether it is valid: not left behind by a failed `CONCURRENTLY`.
        valid: Option<bool>,
    },
    /// A type.
    Type {
        /// Its name.
        name: ObjectName,
        /// `typtype`: `e` for enums, `d` for domains, `c` for composite types...
        kind: Option<char>,
    },
    /// A label of an enum.
    EnumLabel {
        /// The enum.
        type_name: Option<ObjectName>,
        /// The label.
        label: Arc<str>,
    },
    /// A function or procedure.
    Function {
        /// Its name.
        name: ObjectName,
        /// Its argument types as spelled, where the query gives them.
        arguments: Option<Arc<str>>,
    },
    /// A trigger.
    Trigger {
        /// The table that it is on.
        relation: Option<ObjectName>,
        /// Its name.
        name: Option<Arc<str>>,
    },
    /// A row security policy.
    Policy {
        /// The table that it is on.
        relation: Option<ObjectName>,
        /// Its name.
        name: Option<Arc<str>>,
    },
    /// A table on which row security is enabled.
    RowSecurity {
        /// The table.
        relation: ObjectName,
    },
    /// A table that has another as a partition or child.
    Inheritance {
        /// The parent.
        parent: Option<ObjectName>,
        /// The child.
        child: Option<ObjectName>,
    },
    /// A role.
    Role {
        /// Its name.
        name: Arc<str>,
    },
    /// A database.
    Database {
        /// Its name.
        name: Arc<str>,
    },
    /// An extension that is installed in the database.
    Extension {
        /// Its name.
        name: Arc<str>,
    },
    /// An extension that could be installed.
    AvailableExtension {
        /// Its name.
        name: Arc<str>,
    },
    /// A publication.
    Publication {
        /// Its name.
        name: Arc<str>,
    },
    /// A table in a publication.
    PublicationTable {
        /// The publication.
        publication: Option<Arc<str>>,
        /// The table.
        relation: ObjectName,
    },
}

/// A column, and what it must be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnFact {
    /// Its table; nothing for a column of any.
    pub relation: Option<ObjectName>,
    /// Its name; nothing for any column of the table.
    pub name: Option<Arc<str>>,
    /// Its type as `information_schema` or `format_type()` spells it, such as `character varying`.
    pub data_type: Option<Arc<str>>,
    /// Its type as `pg_type` names it, such as `varchar` or an enum's name.
    pub type_name: Option<Arc<str>>,
    /// The greatest length of a `varchar(n)` or `char(n)`.
    pub length: Option<i64>,
    /// Whether it takes nulls.
    pub is_nullable: Option<bool>,
    /// Whether it has a default.
    pub has_default: Option<bool>,
    /// Whether it is an identity column.
    pub is_identity: Option<bool>,
    /// Whether it is generated.
    pub is_generated: Option<bool>,
}

/// The name of an object, and where it is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    /// The schema.
    pub schema: SchemaName,
    /// The name; nothing for any object of the schema.
    pub name: Option<Arc<str>>,
}

/// The schema in which an object is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SchemaName {
    /// Whichever: the query does not say.
    Any,
    /// Those of the search path, the first that has it: `'x'::regclass`.
    SearchPath,
    /// The first of the search path: `current_schema()`.
    Current,
    /// This one.
    Named(Arc<str>),
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let SchemaName::Named(schema) = &self.schema {
            write!(f, "{schema}.")?;
        }
        f.write_str(self.name.as_deref().unwrap_or("*"))
    }
}

/// What a relation is, as `pg_class.relkind` tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// A table that is not partitioned.
    Table,
    /// A partitioned table.
    PartitionedTable,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// An index.
    Index,
    /// An index on a partitioned table.
    PartitionedIndex,
    /// A sequence.
    Sequence,
    /// A foreign table.
    ForeignTable,
    /// A composite type.
    CompositeType,
}

impl RelationKind {
    /// Reads `pg_class.relkind`.
    pub(super) fn from_relkind(relkind: &str) -> Option<Self> {
        Some(match relkind {
            "r" => Self::Table,
            "p" => Self::PartitionedTable,
            "v" => Self::View,
            "m" => Self::MaterializedView,
            "i" => Self::Index,
            "I" => Self::PartitionedIndex,
            "S" => Self::Sequence,
            "f" => Self::ForeignTable,
            "c" => Self::CompositeType,
            _ => return None,
        })
    }
}

impl Fact {
    /// Returns whether a statement with this text, which creates or alters something, may change
    /// whether the object exists; `DROP` may, whatever it names.
    pub(super) fn may_change_with(&self, sql: &str) -> bool {
        let sql = sql.to_lowercase();
        let named = |name: &str| sql.contains(&name.to_lowercase());
        let word = |name: &Option<Arc<str>>| name.as_deref().is_none_or(named);
        let object = |name: &ObjectName| word(&name.name);
        let on = |name: &Option<ObjectName>| name.as_ref().is_none_or(object);
        match self {
            Self::Schema { name }
            | Self::Role { name }
            | Self::Database { name }
            | Self::Extension { name }
            | Self::Publication { name }
            | Self::EnumLabel { label: name, .. } => named(name),
            Self::AvailableExtension { .. } => false,
            Self::Relation { name, .. }
            | Self::Type { name, .. }
            | Self::Function { name, .. }
            | Self::PublicationTable { relation: name, .. }
            | Self::RowSecurity { relation: name } => object(name),
            // Names of constraints and indexes may be chosen by the server.
            Self::Constraint { relation, .. }
            | Self::Index { relation, .. }
            | Self::Column(ColumnFact { relation, .. })
            | Self::Trigger { relation, .. }
            | Self::Policy { relation, .. } => on(relation),
            Self::Inheritance { parent, child } => on(parent) || on(child),
        }
    }
}
