//! The objects of a catalog.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::settings::{ColumnSettings, Sequence};
use super::shared::Shared;
use super::{QualifiedName, SearchPath};
use crate::source::{FileId, Span};
use crate::sql::tree::Query;
use crate::sql::{
    Argument, ConstraintKind, DmlKind, Expression, Generated, ObjectKind, PartitionBound,
    PartitionKey, ReferentialAction, RelationName, TypeName, Volatility,
};

/// An object, whatever its name is at the moment: what `pg_class.oid` and the like are to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    /// Its number; higher ones were made later.
    pub(super) number: u32,
    /// The list in which it stands.
    pub(super) class: Class,
}

impl ObjectId {
    /// Returns its number: no two objects of a catalog have the same.
    pub fn number(self) -> u32 {
        self.number
    }
}

/// The lists of a catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Class {
    Relation,
    Type,
    Function,
    Other,
}

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Which object it is.
    pub id: ObjectId,
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    pub kind: RelationKind,
    /// The statement that made it.
    pub created: Origin,
    /// The statement that last changed it.
    pub changed: Origin,
    /// Whether it is temporary, so that no other session can see it.
    pub temporary: bool,
    /// Whether it is unlogged.
    pub unlogged: bool,
    /// Whether `IF NOT EXISTS` made it: it may have been there before.
    pub maybe_older: bool,
    /// Whether statements only used it, and nothing at hand made it.
    pub external: bool,
    /// Its columns, in order; empty for indexes and sequences.
    pub columns: Shared<Column>,
    /// Whether it may have columns that are not listed.
    pub columns_unknown: bool,
    /// Its constraints.
    pub constraints: Shared<Constraint>,
    /// Its indexes, those of its constraints included.
    pub indexes: Shared<Index>,
    /// For a partition or child table: the tables above it.
    pub parents: Vec<ObjectId>,
    /// For an index: its table. For a view: what its query reads.
    pub uses: Vec<ObjectId>,
    /// For a view: its query.
    pub query: Option<Arc<ViewQuery>>,
    /// What most relations do not have.
    pub extra: Option<Box<Extra>>,
}

/// The query of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewQuery {
    /// As the statement spells it.
    pub spelled: Arc<Query>,
    /// With the columns for which its stars stood when it was made, under the names that everything
    /// has now; nothing where no query says the same under those names.
    pub query: Option<Arc<Query>>,
    /// Whether something in it, or a column of the view, got another name.
    pub is_renamed: bool,
    /// Where its names were looked up.
    pub(super) path: SearchPath,
}

/// What most relations do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// How a partitioned table is divided.
    pub partition_by: Option<PartitionKey>,
    /// Which rows a partition takes.
    pub bound: Option<PartitionBound>,
    /// Whether it is a partition, not only a child.
    pub is_partition: bool,
    /// The triggers on it.
    pub triggers: Vec<Trigger>,
    /// The row security policies on it.
    pub policies: Vec<Policy>,
    /// The rewrite rules on it, without that of a view.
    pub rules: Vec<Rule>,
    /// `ENABLE ROW LEVEL SECURITY`.
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`.
    pub force_row_security: bool,
    /// What a sequence is.
    pub sequence: Option<Sequence>,
    /// Whether it goes with its transaction.
    pub on_commit_drop: bool,
    /// The composite type of a typed table.
    pub of_type: Option<ObjectId>,
    /// What columns have beyond their definitions, by their numbers.
    pub column_settings: BTreeMap<u16, ColumnSettings>,
    /// Storage parameters, in the order of their names.
    pub options: BTreeMap<Arc<str>, Arc<str>>,
    /// Columns that were dropped, and where.
    pub dropped_columns: Vec<(Arc<str>, Origin)>,
    /// The index by which `CLUSTER` without names sorts it.
    pub clustered: Option<ObjectId>,
    /// The tablespace in which it is, where it is not that of the database.
    pub tablespace: Option<Arc<str>>,
}

/// A rewrite rule on a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: Arc<str>,
    /// What sets it off.
    pub event: DmlKind,
    /// The relations that its actions write to.
    pub writes: Vec<ObjectId>,
}

/// A trigger on a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// Its name.
    pub name: Arc<str>,
    /// The function that it calls.
    pub function: QualifiedName,
    /// The function, where something at hand made it.
    pub function_id: Option<ObjectId>,
    /// Whether it fires for each row.
    pub for_each_row: bool,
    /// Whether it came from the partitioned table above.
    pub inherited: bool,
    /// The statement that made it.
    pub created: Origin,
    /// Its number, for dependencies.
    pub(super) number: u32,
    /// The columns of `UPDATE OF`.
    pub columns: Vec<Arc<str>>,
    /// Its `WHEN`.
    pub when: Option<Arc<Expression>>,
    /// Whether something in its `WHEN` got another name.
    pub is_renamed: bool,
}

impl Trigger {
    /// Returns its number, whatever its name is at the moment.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// A row security policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Its name.
    pub name: Arc<str>,
    /// `all`, `select`, `insert`, `update` or `delete`.
    pub command: Arc<str>,
    /// Whether it permits; otherwise it restricts.
    pub permissive: bool,
    /// The roles that it is for, as SQL; none of them for `PUBLIC`.
    pub roles: Vec<Arc<str>>,
    /// Its `USING`.
    pub using: Option<Arc<Expression>>,
    /// Its `WITH CHECK`.
    pub check: Option<Arc<Expression>>,
    /// The statement that made it.
    pub created: Origin,
    /// Its number, for dependencies.
    pub(super) number: u32,
    /// Where its names were looked up.
    pub(super) path: SearchPath,
}

impl Policy {
    /// Returns its number, whatever its name is at the moment.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// A relation that has nothing extra.
static NOTHING: std::sync::LazyLock<Extra> = std::sync::LazyLock::new(Extra::default);

impl Relation {
    /// Makes a relation without columns.
    pub(super) fn new(
        id: ObjectId,
        name: QualifiedName,
        kind: RelationKind,
        created: Origin,
    ) -> Self {
        Self {
            id,
            name,
            kind,
            created,
            changed: created,
            temporary: false,
            unlogged: false,
            maybe_older: false,
            external: false,
            columns: Shared::default(),
            columns_unknown: false,
            constraints: Shared::default(),
            indexes: Shared::default(),
            parents: Vec::new(),
            uses: Vec::new(),
            query: None,
            extra: None,
        }
    }

    /// Returns what most relations do not have.
    pub fn extra(&self) -> &Extra {
        self.extra.as_deref().unwrap_or(&NOTHING)
    }

    pub(super) fn extra_mut(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Returns the column of that name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| &*column.name == name)
    }

    /// Returns the column of that number.
    pub fn column_numbered(&self, number: u16) -> Option<&Column> {
        self.columns.iter().find(|column| column.number == number)
    }

    /// Returns the constraint of that name.
    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| &*constraint.name == name)
    }

    /// Returns the primary key.
    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints.iter().find(|constraint| constraint.kind == ConstraintKind::PrimaryKey)
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

    /// Returns whether it is an index.
    pub fn is_index(&self) -> bool {
        matches!(self.kind, RelationKind::Index | RelationKind::PartitionedIndex)
    }

    /// Returns whether it is a partition.
    pub fn is_partition(&self) -> bool {
        self.extra().is_partition
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
    /// An index of a partitioned table.
    PartitionedIndex,
    /// A sequence.
    Sequence,
    /// The attributes of a composite type.
    CompositeType,
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
            Self::PartitionedIndex => "partitioned index",
            Self::Sequence => "sequence",
            Self::CompositeType => "composite type",
        }
    }
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its number in the table, from 1; numbers are not used twice.
    pub number: u16,
    /// Its type, as the statement spells it.
    pub type_name: Arc<TypeName>,
    /// The type, where something at hand made it.
    pub type_id: Option<ObjectId>,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Its default, or the expression of a generated column.
    pub default: Option<Arc<Expression>>,
    /// What an identity column is, `ALWAYS` or `BY DEFAULT`.
    pub identity: Option<IdentityKind>,
    /// How a generated column keeps its value.
    pub generated: Option<Generated>,
    /// Its collation, where it is not that of its type.
    pub collation: Option<RelationName>,
    /// Whether the table itself has it, not only the tables above.
    pub local: bool,
    /// How many tables above have it.
    pub inherited: u16,
    /// The statement that made it.
    pub created: Origin,
}

impl Column {
    /// Makes a column of which nothing but name and type is known, and which has no number yet.
    pub(super) fn new(
        name: &Arc<str>,
        type_name: Arc<TypeName>,
        type_id: Option<ObjectId>,
        created: Origin,
    ) -> Self {
        Self {
            name: name.clone(),
            number: 0,
            type_name,
            type_id,
            not_null: false,
            default: None,
            identity: None,
            generated: None,
            collation: None,
            local: true,
            inherited: 0,
            created,
        }
    }

    /// Returns whether it has a value where nobody gives one: a default, identity or expression.
    pub fn has_default(&self) -> bool {
        self.default.is_some() || self.identity.is_some() || self.generated.is_some()
    }
}

/// What an identity column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentityKind {
    /// `GENERATED ALWAYS AS IDENTITY`.
    Always,
    /// `GENERATED BY DEFAULT AS IDENTITY`.
    ByDefault,
}

impl IdentityKind {
    /// Returns the words of the statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::ByDefault => "by default",
        }
    }
}

/// A constraint of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraint {
    /// Its name, which the server chooses where the statement gives none.
    pub name: Arc<str>,
    /// What it is.
    pub kind: ConstraintKind,
    /// The columns that it is on: keys in order; for a check those that it mentions.
    pub columns: Vec<String>,
    /// For a foreign key: the table that it refers to.
    pub references: Option<ObjectId>,
    /// For a foreign key: the columns that it refers to.
    pub referenced_columns: Vec<String>,
    /// For a foreign key: what happens when the row that it refers to is deleted, and when it changes.
    pub actions: (ReferentialAction, ReferentialAction),
    /// Whether every row is known to fulfil it.
    pub validated: bool,
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// Not `NOT ENFORCED`.
    pub enforced: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// The index that enforces it, or for a foreign key the one that it relies on.
    pub index: Option<ObjectId>,
    /// What a check says.
    pub expression: Option<Arc<Expression>>,
    /// Whether the table itself has it, not only the tables above.
    pub local: bool,
    /// How many tables above have it.
    pub inherited: u16,
    /// The statement that made it.
    pub created: Origin,
    /// Its number, for dependencies.
    pub(super) number: u32,
    /// For one that came with another: the number of that one, in whatever table.
    pub(super) parent: Option<u32>,
}

impl Constraint {
    /// Returns its number, whatever its name is at the moment.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// For one that came with another: returns the number of that one, in whatever table.
    pub fn parent(&self) -> Option<u32> {
        self.parent
    }
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Index {
    /// The relation that it is.
    pub id: ObjectId,
    /// Its name, which the server chooses where the statement gives none.
    pub name: Arc<str>,
    /// Its key columns; nothing for an expression.
    pub columns: Vec<Option<String>>,
    /// The columns of `INCLUDE`.
    pub include: Vec<String>,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it is that of the primary key.
    pub primary: bool,
    /// Whether a constraint owns it.
    pub is_constraint: bool,
    /// Whether it has a `WHERE`.
    pub partial: bool,
    /// Its access method.
    pub method: Arc<str>,
    /// Whether queries may use it.
    pub valid: bool,
    /// The index of the partitioned table that it is part of.
    pub parent: Option<ObjectId>,
    /// What most indexes do not have.
    pub detail: Option<Arc<IndexDetail>>,
    /// The statement that made it.
    pub created: Origin,
}

impl Index {
    /// Returns what most indexes do not have.
    pub fn detail(&self) -> &IndexDetail {
        self.detail.as_deref().unwrap_or(&NO_DETAIL)
    }
}

static NO_DETAIL: std::sync::LazyLock<IndexDetail> = std::sync::LazyLock::new(IndexDetail::default);

/// What most indexes do not have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexDetail {
    /// The expressions among its keys, in order, and the names of their columns.
    pub expressions: Vec<(Arc<str>, Expression)>,
    /// Its `WHERE`.
    pub predicate: Option<Expression>,
    /// The operator classes that keys name.
    pub operator_classes: Vec<(usize, RelationName)>,
    /// How keys are sorted where it is not the default.
    pub sorting: Vec<(usize, &'static str)>,
    /// The collations that keys name.
    pub collations: Vec<(usize, RelationName)>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// For an exclusion: the operators.
    pub operators: Vec<Arc<str>>,
}

/// A type that is no table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// Which object it is.
    pub id: ObjectId,
    /// Its name.
    pub name: QualifiedName,
    /// What it is.
    pub kind: TypeKind,
    /// The statement that made it.
    pub created: Origin,
    /// The statement that last changed it.
    pub changed: Origin,
    /// The extension that brought it.
    pub extension: Option<ObjectId>,
}

/// What a type is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// An enum: its labels, in order.
    Enum(Vec<EnumLabel>),
    /// A composite type.
    Composite(Vec<Column>),
    /// A domain.
    Domain(Box<Domain>),
    /// A range type, over this type.
    Range(Arc<TypeName>),
    /// The multirange type of a range type.
    Multirange,
    /// A base type.
    Base,
    /// Statements only used it, and nothing at hand made it.
    External,
}

/// A domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain {
    /// The type below.
    pub base: Arc<TypeName>,
    /// The type below, where something at hand made it.
    pub base_id: Option<ObjectId>,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Its default.
    pub default: Option<Arc<Expression>>,
    /// Its checks: name, what it says, whether it is validated.
    pub checks: Vec<(Arc<str>, Option<Arc<Expression>>, bool)>,
}

/// An enum type, as [`Catalog::enum_type`](super::Catalog::enum_type) shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnumType<'a> {
    /// Its name.
    pub name: &'a QualifiedName,
    /// Its labels.
    pub labels: &'a [EnumLabel],
    /// The statement that made it.
    pub created: Origin,
}

/// A label of an enum type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumLabel {
    /// The label.
    pub label: Arc<str>,
    /// The statement that added it.
    pub added: Origin,
}

/// A function, procedure or aggregate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Which object it is.
    pub id: ObjectId,
    /// Its name.
    pub name: QualifiedName,
    /// Function, procedure or aggregate.
    pub kind: ObjectKind,
    /// Whether it is a window function.
    pub window: bool,
    /// Its arguments, with the types that something at hand made.
    pub arguments: Vec<(Argument, Option<ObjectId>)>,
    /// What it returns; nothing for a procedure.
    pub returns: Option<(Arc<TypeName>, Option<ObjectId>)>,
    /// Its language.
    pub language: Arc<str>,
    /// Its volatility.
    pub volatility: Volatility,
    /// Whether it is `SECURITY DEFINER`.
    pub security_definer: bool,
    /// Whether it is `STRICT`.
    pub strict: bool,
    /// Its body, if it is a string.
    pub body: Option<Arc<str>>,
    /// Whether it has `SET` clauses, so that calls are not inlined.
    pub has_settings: bool,
    /// Whether calling it makes, changes or drops objects, or may.
    pub changes_schema: bool,
    /// The statement that made it, where a call may change the schema.
    pub source: Option<Arc<str>>,
    /// The statement that made it.
    pub created: Origin,
    /// The statement that last changed it.
    pub changed: Origin,
    /// The extension that brought it.
    pub extension: Option<ObjectId>,
}

impl Function {
    /// Returns the arguments that a caller gives.
    pub fn inputs(&self) -> impl Iterator<Item = &(Argument, Option<ObjectId>)> {
        self.arguments.iter().filter(|(argument, _)| argument.mode.is_input())
    }
}

/// An object of a kind of which Lockmaster follows little more than the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Which object it is.
    pub id: ObjectId,
    /// What it is.
    pub kind: ObjectKind,
    /// Its name; the schema is empty where objects of its kind have none.
    pub name: QualifiedName,
    /// The statement that made it.
    pub created: Origin,
    /// For an extension: whether everything that it brings is known.
    pub is_opaque: bool,
    /// For a publication: its tables.
    pub members: Vec<ObjectId>,
}
