//! The schema as plain data: what a catalog holds, with names instead of numbers.

use std::collections::BTreeSet;

use serde::Serialize;

use super::access::Access;
use crate::catalog::{Catalog, ObjectId, Origin};
use crate::layout::Sources;
use crate::version::PgVersion;

/// A place in the files, as people and editors name it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
}

impl Place {
    /// Returns where a statement begins.
    pub fn of(origin: Origin, sources: &Sources) -> Self {
        let file = sources.get(origin.file);
        let path = file.path.display().to_string();
        Self { path, line: file.position(origin.span.start).line }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.path, self.line)
    }
}

/// Where an object was made and last changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Places {
    /// The statement that made it.
    pub created: Place,
    /// The statement that last changed it.
    pub changed: Place,
}

/// All objects of a database but those of extensions and the server itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Schema {
    /// The version of the format.
    pub version: u8,
    /// The server version.
    pub pg_version: String,
    /// The schemas.
    pub schemas: Vec<String>,
    /// The extensions.
    pub extensions: Vec<String>,
    /// The tables.
    pub tables: Vec<Table>,
    /// The views and materialized views.
    pub views: Vec<View>,
    /// The sequences.
    pub sequences: Vec<Sequence>,
    /// The enum types.
    pub enums: Vec<Enum>,
    /// The composite types.
    pub composites: Vec<Composite>,
    /// The domains.
    pub domains: Vec<Domain>,
    /// The range types.
    pub ranges: Vec<Range>,
    /// The functions, procedures and aggregates.
    pub functions: Vec<Function>,
    /// Owners, privileges and comments.
    #[serde(flatten)]
    pub access: Access,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `table`, `partitioned` or `foreign`.
    pub kind: &'static str,
    /// `permanent` or `unlogged`.
    pub persistence: &'static str,
    /// How it is divided into partitions, as the statement says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_by: Option<String>,
    /// The table that it is a partition of.
    pub partition_of: Option<String>,
    /// Which rows it takes as a partition, as the statement says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition_bound: Option<String>,
    /// The tables that it inherits from.
    pub inherits: Vec<String>,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// Its indexes, those of its constraints included.
    pub indexes: Vec<Index>,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`.
    pub force_row_security: bool,
    /// Its row security policies.
    pub policies: Vec<Attached>,
    /// Its triggers.
    pub triggers: Vec<Attached>,
    /// Its storage parameters, where statements give them, as `name=value`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Whether it may have columns that the files do not tell.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub columns_unknown: bool,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// A column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its number in the table, from 1; numbers are not used twice.
    #[serde(skip)]
    pub number: u16,
    /// Whether the table has it only from the tables above.
    #[serde(skip)]
    pub is_inherited: bool,
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` prints it.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Whether it has a default.
    pub has_default: bool,
    /// The default, or the expression of a generated column, where its text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// `always` or `by default`.
    pub identity: Option<&'static str>,
    /// `stored` or `virtual`.
    pub generated: Option<&'static str>,
    /// Its collation, where it is not that of its type.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub collation: Option<String>,
    /// How large values are stored, where a statement says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub storage: Option<String>,
    /// How they are compressed, where a statement says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<String>,
    /// How many values the planner samples, where a statement says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<i32>,
    /// The statement that made it.
    pub created: Place,
}

/// A constraint of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Constraint {
    /// Its number, whatever its name.
    #[serde(skip)]
    pub number: u32,
    /// Whether the table has it only from the tables above.
    #[serde(skip)]
    pub is_inherited: bool,
    /// Its name.
    pub name: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The columns that it is on.
    pub columns: Vec<String>,
    /// For a foreign key: what it refers to.
    pub references: Option<References>,
    /// Whether every row is known to fulfil it.
    pub validated: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// What it says, as SQL, where its text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The statement that made it.
    pub created: Place,
}

/// What a foreign key refers to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct References {
    /// The table.
    pub table: String,
    /// Its columns.
    pub columns: Vec<String>,
    /// What happens when the row is deleted.
    pub on_delete: &'static str,
    /// What happens when its key changes.
    pub on_update: &'static str,
}

/// An index.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Index {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Whether it came with a constraint, or with the index of a partitioned table.
    #[serde(skip)]
    pub is_implied: bool,
    /// Its name.
    pub name: String,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it is that of the primary key.
    pub primary: bool,
    /// Its access method.
    pub method: String,
    /// Its key columns; nothing for an expression.
    pub keys: Vec<Option<String>>,
    /// The columns of `INCLUDE`.
    pub include: Vec<String>,
    /// Whether it has a `WHERE`.
    pub partial: bool,
    /// Whether queries may use it.
    pub valid: bool,
    /// The statement that makes it, where its text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The statement that made it.
    pub created: Place,
}

/// A policy or trigger of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attached {
    /// Its number, whatever its name.
    #[serde(skip)]
    pub number: u32,
    /// Whether it came from the partitioned table above.
    #[serde(skip)]
    pub is_inherited: bool,
    /// Its name.
    pub name: String,
    /// For a policy: `all`, `select`, `insert`, `update` or `delete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// For a policy: whether it permits; otherwise it restricts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissive: Option<bool>,
    /// For a policy: the roles that it is for, as SQL; none of them for `PUBLIC`.
    #[serde(skip)]
    pub roles: Vec<String>,
    /// For a trigger: the function that it calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
    /// The statement that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The statement that made it.
    pub created: Place,
}

/// A view or materialized view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct View {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// The views that it reads.
    #[serde(skip)]
    pub reads: Vec<ObjectId>,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Whether it is materialized.
    pub materialized: bool,
    /// Its columns, as far as they are known.
    pub columns: Vec<String>,
    /// Whether it may have columns that are not listed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub columns_unknown: bool,
    /// Its indexes.
    pub indexes: Vec<Index>,
    /// Its triggers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Attached>,
    /// The statement that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// A sequence.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sequence {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Whether an identity column brings it.
    #[serde(skip)]
    pub is_identity: bool,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub type_name: String,
    /// The column that owns it.
    pub owned_by: Option<String>,
    /// Its other options, where statements give them, as SQL.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// An enum type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Enum {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its labels, in order.
    pub values: Vec<String>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// A composite type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Composite {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// An attribute of a composite type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attribute {
    /// Its number in the type, from 1.
    #[serde(skip)]
    pub number: u16,
    /// Its name.
    pub name: String,
    /// Its type, as `format_type` prints it.
    #[serde(rename = "type")]
    pub type_name: String,
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Domain {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type below.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Whether it has a default.
    pub has_default: bool,
    /// Its default, where its text is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// The names of its checks.
    pub constraints: Vec<String>,
    /// What its checks say, as SQL, where that is known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Option<String>>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// A range type.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Range {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// The type of its bounds.
    #[serde(skip)]
    pub subtype: String,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// A function, procedure or aggregate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Function {
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: ObjectId,
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// `function`, `procedure`, `aggregate` or `window`.
    pub kind: &'static str,
    /// The types of its input arguments.
    pub arguments: Vec<String>,
    /// What it returns; nothing for a procedure.
    pub returns: Option<String>,
    /// Its language.
    pub language: String,
    /// `volatile`, `stable` or `immutable`.
    pub volatility: &'static str,
    /// Whether it is `SECURITY DEFINER`.
    pub security_definer: bool,
    /// The statement that makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Where it was made and last changed.
    #[serde(flatten)]
    pub places: Places,
}

/// What a catalog is read with.
pub(super) struct Reader<'a> {
    pub(super) catalog: &'a Catalog,
    pub(super) sources: &'a Sources,
    pub(super) version: PgVersion,
    /// The only objects that are read, besides schemas and extensions.
    pub(super) only: Option<&'a BTreeSet<ObjectId>>,
}

impl Schema {
    /// Returns what a catalog holds.
    pub fn of(catalog: &Catalog, sources: &Sources, version: PgVersion) -> Self {
        Reader { catalog, sources, version, only: None }.schema()
    }

    /// Returns what a catalog holds of some objects, with all schemas and extensions.
    pub fn of_some(
        catalog: &Catalog,
        sources: &Sources,
        version: PgVersion,
        only: &BTreeSet<ObjectId>,
    ) -> Self {
        Reader { catalog, sources, version, only: Some(only) }.schema()
    }

    /// Returns the schema without the SQL of its objects: what a server's catalogs say about them.
    #[must_use]
    pub fn without_sql(mut self) -> Self {
        let forget = |indexes: &mut Vec<Index>| {
            indexes.iter_mut().for_each(|index| index.definition = None);
        };
        for table in &mut self.tables {
            table.partition_by = None;
            table.partition_bound = None;
            for column in &mut table.columns {
                column.default = None;
                column.collation = None;
                column.storage = None;
                column.compression = None;
                column.statistics = None;
            }
            table.constraints.iter_mut().for_each(|constraint| constraint.definition = None);
            let attached = table.policies.iter_mut().chain(&mut table.triggers);
            attached.for_each(|attached| attached.definition = None);
            table.options.clear();
            forget(&mut table.indexes);
        }
        for view in &mut self.views {
            view.definition = None;
            view.triggers.clear();
            forget(&mut view.indexes);
        }
        self.sequences.iter_mut().for_each(|sequence| sequence.options.clear());
        for domain in &mut self.domains {
            domain.default = None;
            domain.checks.clear();
        }
        self.functions.iter_mut().for_each(|function| function.definition = None);
        self
    }
}
