//! What the rarer `CREATE` and `ALTER` statements spell out.

use std::sync::Arc;

use super::definition::{ColumnDefinition, ConstraintDefinition, DmlKind, Expression};
use super::statement::{RelationName, TypeName};
use super::tree::Query;

/// What a `CREATE` spells out beyond the name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Detail {
    /// Nothing that Lockmaster follows.
    #[default]
    None,
    /// `CREATE FUNCTION`, `CREATE PROCEDURE`, `CREATE AGGREGATE`.
    Function(Box<FunctionDefinition>),
    /// `CREATE SEQUENCE`.
    Sequence(Box<SequenceOptions>),
    /// `CREATE DOMAIN`.
    Domain(Box<DomainDefinition>),
    /// `CREATE TYPE ... AS (...)`: the attributes.
    Composite(Vec<ColumnDefinition>),
    /// `CREATE TYPE ... AS RANGE`: the subtype, and the name of the multirange type where given.
    Range {
        /// The type of the bounds.
        subtype: Arc<TypeName>,
        /// The name of the multirange type, where the statement gives one.
        multirange: Option<RelationName>,
    },
    /// `CREATE TYPE name` and `CREATE TYPE name (...)`: a shell or base type.
    Base,
    /// `CREATE TRIGGER`.
    Trigger(Box<TriggerDefinition>),
    /// `CREATE POLICY`.
    Policy(Box<PolicyDefinition>),
    /// `CREATE EXTENSION`.
    Extension {
        /// The schema of `SCHEMA`.
        schema: Option<Arc<str>>,
        /// Whether `CASCADE` stands there.
        cascade: bool,
    },
    /// An object that is about relations: statistics, a publication.
    On(Vec<RelationName>),
    /// `CREATE RULE`.
    Rule(Box<RuleDefinition>),
    /// `CREATE SERVER`: the foreign data wrapper.
    Server(Arc<str>),
    /// `CREATE EVENT TRIGGER`: the function.
    EventTrigger(RelationName),
    /// `CREATE CAST` or `CREATE OPERATOR`: the types of its two sides.
    Sides(Vec<Arc<TypeName>>),
}

/// How a partitioned table is divided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionKey {
    /// `LIST`, `RANGE` or `HASH`.
    pub strategy: PartitionStrategy,
    /// The key columns; nothing for an expression.
    pub columns: Vec<Option<Arc<str>>>,
    /// The expressions among the keys.
    pub expressions: Vec<Expression>,
}

/// How rows are assigned to partitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionStrategy {
    /// `PARTITION BY LIST`.
    List,
    /// `PARTITION BY RANGE`.
    Range,
    /// `PARTITION BY HASH`.
    Hash,
}

impl PartitionStrategy {
    /// Returns the word of the statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Range => "range",
            Self::Hash => "hash",
        }
    }
}

/// Which rows a partition takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartitionBound {
    /// `DEFAULT`.
    Default,
    /// `FOR VALUES IN (...)`.
    List(Vec<Expression>),
    /// `FOR VALUES FROM (...) TO (...)`.
    Range(Vec<Expression>, Vec<Expression>),
    /// `FOR VALUES WITH (MODULUS m, REMAINDER r)`.
    Hash(i32, i32),
}

/// `LIKE table [INCLUDING ...]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LikeClause {
    /// The table.
    pub table: RelationName,
    /// How many columns the statement spells out before it.
    pub after: usize,
    /// What is copied.
    pub including: LikeOptions,
}

/// What `LIKE` copies beside names, types and `NOT NULL`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LikeOptions {
    /// `INCLUDING CONSTRAINTS`: check constraints.
    pub constraints: bool,
    /// `INCLUDING DEFAULTS`.
    pub defaults: bool,
    /// `INCLUDING IDENTITY`.
    pub identity: bool,
    /// `INCLUDING GENERATED`.
    pub generated: bool,
    /// `INCLUDING INDEXES`.
    pub indexes: bool,
    /// `INCLUDING STATISTICS`.
    pub statistics: bool,
}

/// An identity column's `GENERATED ... AS IDENTITY (...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `ALWAYS`, not `BY DEFAULT`.
    pub always: bool,
    /// The options of its sequence.
    pub options: SequenceOptions,
}

/// The options of a sequence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequenceOptions {
    /// The type of `AS`.
    pub data_type: Option<Arc<TypeName>>,
    /// `OWNED BY`: table and column; an empty list is `OWNED BY NONE`.
    pub owned_by: Option<Vec<Arc<str>>>,
    /// The name of an identity column's sequence (`SEQUENCE NAME`).
    pub name: Option<RelationName>,
    /// The other options, as `name value`, for the schema's text.
    pub others: Vec<String>,
}

/// How a generated column keeps its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Generated {
    /// `STORED`.
    Stored,
    /// `VIRTUAL`.
    Virtual,
}

/// `CREATE DOMAIN`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainDefinition {
    /// The type below.
    pub base: Arc<TypeName>,
    /// Whether it is `NOT NULL`.
    pub not_null: bool,
    /// Its default.
    pub default: Option<Box<Expression>>,
    /// Its checks.
    pub checks: Vec<ConstraintDefinition>,
}

/// `CREATE FUNCTION`, `CREATE PROCEDURE` or `CREATE AGGREGATE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionDefinition {
    /// Its arguments.
    pub arguments: Vec<Argument>,
    /// What it returns; nothing for a procedure, or where `OUT` arguments say it.
    pub returns: Option<Arc<TypeName>>,
    /// Its language; for an aggregate `internal`.
    pub language: Option<Arc<str>>,
    /// Its volatility.
    pub volatility: Volatility,
    /// Whether it is `SECURITY DEFINER`.
    pub security_definer: bool,
    /// Whether it is `STRICT`.
    pub strict: bool,
    /// Whether it is a window function.
    pub window: bool,
    /// Its body, if it is a string.
    pub body: Option<Arc<str>>,
    /// Whether its body is SQL of its own (`BEGIN ATOMIC`, `RETURN`).
    pub sql_body: bool,
    /// For an aggregate: the function that makes the result of the state.
    pub final_function: Option<RelationName>,
    /// For an aggregate: all functions that it calls.
    pub calls: Vec<RelationName>,
    /// The queries and expressions of a body of its own.
    pub queries: Vec<Arc<Query>>,
    /// Whether it has `SET` clauses.
    pub has_settings: bool,
    /// Whether calling it makes, changes or drops objects, or may.
    pub changes_schema: bool,
    /// The statement that makes it, where a call may change the schema.
    pub source: Option<Arc<str>>,
}

/// What may be expected of a function called twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Volatility {
    /// Anything.
    #[default]
    Volatile,
    /// The same within a statement.
    Stable,
    /// The same for ever.
    Immutable,
}

impl Volatility {
    /// Returns the word of the statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Volatile => "volatile",
            Self::Stable => "stable",
            Self::Immutable => "immutable",
        }
    }
}

/// An argument of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Its type.
    pub type_name: Arc<TypeName>,
    /// Which way it goes.
    pub mode: ArgumentMode,
    /// Whether it has a default.
    pub has_default: bool,
}

/// Which way an argument goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentMode {
    /// `IN`.
    In,
    /// `OUT`.
    Out,
    /// `INOUT`.
    InOut,
    /// `VARIADIC`.
    Variadic,
    /// A column of `RETURNS TABLE`.
    Table,
}

impl ArgumentMode {
    /// Returns whether the caller gives it, so that it is part of the signature.
    pub fn is_input(self) -> bool {
        matches!(self, Self::In | Self::InOut | Self::Variadic)
    }
}

/// `CREATE TRIGGER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerDefinition {
    /// The function that it calls.
    pub function: RelationName,
    /// The columns of `UPDATE OF`.
    pub columns: Vec<Arc<str>>,
    /// Its `WHEN`.
    pub when: Option<Box<Expression>>,
    /// Whether it is fired for each row.
    pub for_each_row: bool,
    /// Whether it is fired after the change, not before or instead of it.
    pub after: bool,
    /// Whether it is fired instead of the change.
    pub instead: bool,
    /// Whether it is a constraint trigger.
    pub is_constraint: bool,
}

/// `CREATE POLICY` or `ALTER POLICY`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDefinition {
    /// `all`, `select`, `insert`, `update` or `delete`.
    pub command: Arc<str>,
    /// Whether it permits; otherwise it restricts.
    pub permissive: bool,
    /// The roles that it is for, as SQL; none of them for `PUBLIC`.
    pub roles: Vec<Arc<str>>,
    /// Its `USING`.
    pub using: Option<Box<Expression>>,
    /// Its `WITH CHECK`.
    pub check: Option<Box<Expression>>,
}

/// An `ALTER` of an object that is no relation, or a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alter {
    /// What is altered.
    pub kind: super::ObjectKind,
    /// Its name.
    pub name: RelationName,
    /// For a policy: its table.
    pub on: Option<RelationName>,
    /// For a function: its signature, where the statement gives one.
    pub arguments: Option<Vec<Arc<TypeName>>>,
    /// Whether `IF EXISTS` stands there.
    pub if_exists: bool,
    /// What changes.
    pub change: ObjectChange,
}

/// What an `ALTER` of an object other than a table changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjectChange {
    /// `ALTER SEQUENCE`.
    Sequence(Box<SequenceOptions>),
    /// `ALTER FUNCTION`: what is given.
    Function {
        /// The volatility.
        volatility: Option<Volatility>,
        /// `SECURITY DEFINER` or `INVOKER`.
        security_definer: Option<bool>,
    },
    /// `ALTER DOMAIN ... ADD CONSTRAINT`.
    AddConstraint(Box<ConstraintDefinition>),
    /// `ALTER DOMAIN ... DROP CONSTRAINT`.
    DropConstraint {
        /// The constraint.
        name: String,
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
    },
    /// `ALTER DOMAIN ... VALIDATE CONSTRAINT`.
    ValidateConstraint(String),
    /// `ALTER DOMAIN ... SET NOT NULL` or `DROP NOT NULL`.
    NotNull(bool),
    /// `ALTER DOMAIN ... SET DEFAULT` or `DROP DEFAULT`.
    Default(Option<Box<Expression>>),
    /// `ALTER POLICY`: what is given.
    Policy {
        /// `TO`.
        roles: Vec<Arc<str>>,
        /// `USING`.
        using: Option<Box<Expression>>,
        /// `WITH CHECK`.
        check: Option<Box<Expression>>,
    },
    /// `ALTER EXTENSION ... ADD` or `DROP` of an object.
    Member {
        /// False for `DROP`.
        add: bool,
        /// What kind of object.
        kind: super::ObjectKind,
        /// Its name.
        name: RelationName,
    },
    /// `ALTER ... OWNER TO`: the role, as SQL.
    Owner(Arc<str>),
    /// `ALTER PUBLICATION ... ADD`, `DROP` or `SET` of tables.
    Publication {
        /// What is done with the tables.
        how: MemberChange,
        /// The tables.
        tables: Vec<RelationName>,
    },
    /// `ALTER TABLE`, `INDEX` or `MATERIALIZED VIEW ALL IN TABLESPACE ... SET TABLESPACE`.
    MoveAll {
        /// What moves.
        objects: super::ObjectKind,
        /// The tablespace to which they move.
        to: Arc<str>,
        /// The roles of `OWNED BY`, as SQL.
        roles: Vec<Arc<str>>,
    },
    /// `ALTER TYPE ... SET (STORAGE = ...)`: the storage, in lower case.
    Storage(Arc<str>),
    /// Anything else, which the catalog does not follow.
    Other,
}

/// What `ALTER PUBLICATION` does with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// `ADD`.
    Add,
    /// `DROP`.
    Drop,
    /// `SET`.
    Set,
}

/// What `CREATE RULE` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDefinition {
    /// What sets it off.
    pub event: DmlKind,
    /// The relations that its actions write to.
    pub writes: Vec<RelationName>,
}
