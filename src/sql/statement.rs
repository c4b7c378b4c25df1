//! Statements and the actions that they consist of: all that the rest of the program sees of SQL.

use std::fmt;

use super::placeholder::MARK;
use crate::source::Span;

/// One SQL statement and what it asks PostgreSQL to do.
#[derive(Debug)]
pub struct Statement {
    /// Its text, without the `;`.
    pub span: Span,
    /// Where its `;` ends.
    pub full_end: u32,
    /// What it does, in order; `ALTER TABLE` can do several things at once.
    pub actions: Vec<Action>,
    /// Whether its text was parsed only after placeholders had been replaced.
    pub has_placeholders: bool,
}

/// A piece of a migration that was understood, or was not.
#[derive(Debug)]
pub enum Item {
    /// A statement that parses.
    Statement(Statement),
    /// A statement that PostgreSQL's grammar refuses.
    SyntaxError(SyntaxError),
    /// Text that cannot be analysed.
    NotAnalysed(NotAnalysed),
}

impl Item {
    /// Returns where the item stands.
    pub fn span(&self) -> Span {
        match self {
            Self::Statement(statement) => statement.span,
            Self::SyntaxError(error) => error.statement,
            Self::NotAnalysed(text) => text.span,
        }
    }
}

/// A statement that PostgreSQL's grammar refuses.
#[derive(Debug)]
pub struct SyntaxError {
    /// The whole statement.
    pub statement: Span,
    /// The place at which the server would point.
    pub span: Span,
    /// The server's message, such as `syntax error at or near "LIMIT"`.
    pub message: String,
    /// What could be meant.
    pub hint: Option<String>,
    /// Whether the text after the place begins a statement of its own: a `;` is missing before it.
    pub missing_semicolon: bool,
}

/// Text that cannot be analysed, and why.
#[derive(Debug)]
pub struct NotAnalysed {
    /// The text.
    pub span: Span,
    /// Why.
    pub reason: NotAnalysedReason,
}

/// Why a piece of text cannot be analysed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnalysedReason {
    /// A template decides at run time what is sent.
    Template,
    /// A psql meta-command runs another file, another database, or SQL that a query makes.
    MetaCommand(String),
    /// The parser gave up in a way that is no syntax error.
    Parser(String),
}

/// A relation's name as the catalog knows it: folded to lower case unless it was quoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationName {
    /// The schema, where the statement names one.
    pub schema: Option<String>,
    /// The relation.
    pub name: String,
}

impl RelationName {
    /// Makes a name that is not qualified.
    pub fn unqualified(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// Returns whether a placeholder is part of the name, so that nobody knows what it is.
    pub fn is_dynamic(&self) -> bool {
        self.name.contains(MARK) || self.schema.as_ref().is_some_and(|s| s.contains(MARK))
    }

    /// Returns the name of another relation in the same schema.
    #[must_use]
    pub fn sibling(&self, name: impl Into<String>) -> Self {
        Self { schema: self.schema.clone(), name: name.into() }
    }
}

impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |f: &mut fmt::Formatter<'_>, name: &str| match name.contains(MARK) {
            true => {
                f.write_str(&name.replace(MARK, "").replace("__", "_")).and(f.write_str("\u{2026}"))
            }
            false => f.write_str(name),
        };
        if let Some(schema) = &self.schema {
            name(f, schema)?;
            f.write_str(".")?;
        }
        name(f, &self.name)
    }
}

/// A string constant to which the server gives a type: it may be an enum label.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Constant {
    /// The constant.
    pub value: String,
    /// What decides its type.
    pub of: ConstantOf,
}

/// What decides the type of a constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstantOf {
    /// A cast to this type.
    Type(TypeName),
    /// The column that it is compared with or assigned to.
    Column {
        /// The relations that the column may be of: the first one that has it. None of them where the
        /// expression is part of a table.
        relations: Vec<RelationName>,
        /// The column.
        column: String,
    },
    /// The column of `relation` at this place, from 0.
    Place {
        /// The relation.
        relation: RelationName,
        /// The place.
        place: usize,
    },
}

/// A data type as the statement names it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct TypeName {
    /// The schema, where the statement names one (`pg_catalog` for the grammar's own types).
    pub schema: Option<String>,
    /// The type, such as `int4`, `varchar` or `order_status`.
    pub name: String,
    /// Its modifiers, such as 10 and 2 of `numeric(10,2)`.
    pub modifiers: Vec<i32>,
    /// The number of array dimensions.
    pub dimensions: usize,
}

/// What kind of object a statement names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ObjectKind {
    /// A plain or partitioned table.
    Table,
    /// A foreign table.
    ForeignTable,
    /// An index.
    Index,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// A sequence.
    Sequence,
    /// A type: enum, composite, range or base.
    Type,
    /// A domain.
    Domain,
    /// A schema.
    Schema,
    /// An extension.
    Extension,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A trigger on a table.
    Trigger,
    /// A row security policy on a table.
    Policy,
    /// A rewrite rule on a table.
    Rule,
    /// A role or user.
    Role,
    /// A database.
    Database,
    /// A tablespace.
    Tablespace,
    /// A publication.
    Publication,
    /// A subscription.
    Subscription,
    /// An extended statistics object.
    Statistics,
    /// A collation.
    Collation,
    /// An event trigger.
    EventTrigger,
    /// A cast.
    Cast,
    /// A foreign server.
    Server,
    /// A user mapping.
    UserMapping,
    /// A language, operator, text search object or another of the rarer kinds.
    Other,
}

impl ObjectKind {
    /// Returns the kind as PostgreSQL's messages spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::ForeignTable => "foreign table",
            Self::Index => "index",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Sequence => "sequence",
            Self::Type => "type",
            Self::Domain => "domain",
            Self::Schema => "schema",
            Self::Extension => "extension",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Trigger => "trigger",
            Self::Policy => "policy",
            Self::Rule => "rule",
            Self::Role => "role",
            Self::Database => "database",
            Self::Tablespace => "tablespace",
            Self::Publication => "publication",
            Self::Subscription => "subscription",
            Self::Statistics => "statistics object",
            Self::Collation => "collation",
            Self::EventTrigger => "event trigger",
            Self::Cast => "cast",
            Self::Server => "server",
            Self::UserMapping => "user mapping",
            Self::Other => "object",
        }
    }
}

/// One change that a statement makes.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `CREATE TABLE`, `CREATE FOREIGN TABLE`, `CREATE TABLE AS`, `SELECT INTO`.
    CreateTable(Box<CreateTable>),
    /// `CREATE INDEX`.
    CreateIndex(Box<CreateIndex>),
    /// One subcommand of `ALTER TABLE`.
    AlterTable(Box<AlterTable>),
    /// `CREATE [MATERIALIZED] VIEW`.
    CreateView(Box<CreateView>),
    /// `CREATE TYPE ... AS ENUM`.
    CreateEnum {
        /// The type.
        name: RelationName,
        /// Its labels, in order.
        labels: Vec<String>,
    },
    /// `ALTER TYPE ... ADD VALUE`.
    AddEnumValue {
        /// The type.
        name: RelationName,
        /// The new label.
        label: String,
        /// Whether `IF NOT EXISTS` stands there.
        if_not_exists: bool,
    },
    /// `ALTER TYPE ... RENAME VALUE`.
    RenameEnumValue {
        /// The type.
        name: RelationName,
        /// The old label.
        from: String,
        /// The new label.
        to: String,
    },
    /// Any other `CREATE`.
    Create(Box<Create>),
    /// `DROP`, one action for each object.
    Drop(Box<Drop>),
    /// `ALTER ... RENAME` of a relation, column, constraint or another object.
    Rename(Box<Rename>),
    /// `ALTER ... SET SCHEMA`.
    SetSchema {
        /// What kind of object moves.
        kind: ObjectKind,
        /// Its name.
        name: RelationName,
        /// The schema that it moves to.
        schema: String,
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
    },
    /// `TRUNCATE`, one action for each table.
    Truncate {
        /// The table.
        table: RelationName,
        /// Whether `CASCADE` stands there.
        cascade: bool,
    },
    /// `LOCK TABLE`, one action for each table.
    Lock {
        /// The table.
        table: RelationName,
        /// The mode.
        mode: LockMode,
    },
    /// `REINDEX`.
    Reindex {
        /// What is rebuilt.
        target: ReindexTarget,
        /// Whether `CONCURRENTLY` stands there.
        concurrently: bool,
    },
    /// `CLUSTER`; without a table it clusters the whole database.
    Cluster {
        /// The table.
        table: Option<RelationName>,
    },
    /// `VACUUM`; without tables it vacuums the whole database.
    Vacuum {
        /// The tables.
        tables: Vec<RelationName>,
        /// Whether `FULL` stands there.
        full: bool,
    },
    /// `ANALYZE`.
    Analyze {
        /// The tables.
        tables: Vec<RelationName>,
    },
    /// `REFRESH MATERIALIZED VIEW`.
    RefreshMaterializedView {
        /// The materialized view.
        name: RelationName,
        /// Whether `CONCURRENTLY` stands there.
        concurrently: bool,
    },
    /// `COMMENT ON`.
    Comment {
        /// What kind of object is commented on.
        kind: ObjectKind,
        /// The relation that it is, or is part of.
        relation: Option<RelationName>,
    },
    /// `GRANT` or `REVOKE` of privileges on objects.
    Grant(Box<Grant>),
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `COPY`, `SELECT`.
    Dml(Box<Dml>),
    /// `SET`, `RESET`, `SELECT set_config(...)`.
    Set(Box<Setting>),
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints.
    Transaction(TransactionAction),
    /// `DO`.
    Do(Box<DoBlock>),
    /// `CALL`.
    Call {
        /// The procedure.
        name: RelationName,
    },
    /// A statement that the server refuses inside a transaction block and that has no action of its
    /// own: `ALTER SYSTEM`, `DISCARD ALL`, `CREATE DATABASE` and the like.
    NonTransactional {
        /// The command, as the server names it in its message.
        command: &'static str,
    },
    /// A statement that changes nothing that Lockmaster follows.
    Other {
        /// The grammar's name of the statement.
        command: &'static str,
        /// The relations that it names.
        relations: Vec<RelationName>,
    },
}

/// `CREATE TABLE` and its relatives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTable {
    /// The table.
    pub name: Option<RelationName>,
    /// Whether `IF NOT EXISTS` stands there.
    pub if_not_exists: bool,
    /// Permanent, temporary or unlogged.
    pub persistence: Persistence,
    /// Whether it is a foreign table.
    pub foreign: bool,
    /// Whether it is partitioned.
    pub partitioned: bool,
    /// The columns that the statement spells out.
    pub columns: Vec<ColumnDefinition>,
    /// The table constraints.
    pub constraints: Vec<ConstraintDefinition>,
    /// The partitioned table that it becomes a partition of.
    pub partition_of: Option<RelationName>,
    /// The tables that it inherits from.
    pub inherits: Vec<RelationName>,
    /// The tables of its `LIKE` clauses.
    pub like: Vec<RelationName>,
    /// Whether its columns come from a query or type, so that `columns` is not all of them.
    pub columns_unknown: bool,
    /// The relations that its query reads.
    pub reads: Vec<RelationName>,
}

/// How long a table lives and whether it is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Persistence {
    /// An ordinary table.
    #[default]
    Permanent,
    /// A temporary table.
    Temporary,
    /// An unlogged table.
    Unlogged,
}

/// A column of `CREATE TABLE` or `ADD COLUMN`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ColumnDefinition {
    /// The column.
    pub name: String,
    /// Its type.
    pub type_name: TypeName,
    /// Whether `NOT NULL` or `PRIMARY KEY` stands there.
    pub not_null: bool,
    /// Its default, if it has one.
    pub default: Option<Expression>,
    /// Whether it is an identity column.
    pub identity: bool,
    /// Whether it is generated, stored or virtual.
    pub generated: bool,
    /// Its inline constraints other than `NOT NULL` and `DEFAULT`.
    pub constraints: Vec<ConstraintDefinition>,
}

/// An expression, as far as rules ask.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expression {
    /// The string constants in it, which may be enum labels.
    pub strings: Vec<String>,
    /// The functions that it calls.
    pub functions: Vec<RelationName>,
    /// Whether it is the constant `NULL`.
    pub is_null: bool,
    /// The constants in it that have the type of a column.
    pub constants: Vec<Constant>,
}

/// A constraint as a statement spells it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConstraintDefinition {
    /// Its name, where the statement gives one.
    pub name: Option<String>,
    /// What it is.
    pub kind: ConstraintKind,
    /// The columns that it is on; for a foreign key, those of the referencing table.
    pub columns: Vec<String>,
    /// For a foreign key: the table that it refers to.
    pub references: Option<RelationName>,
    /// For a foreign key: the columns that it refers to, where the statement names them.
    pub referenced_columns: Vec<String>,
    /// False with `NOT VALID`.
    pub validated: bool,
    /// The index of `USING INDEX`.
    pub using_index: Option<String>,
    /// For a check: what it says.
    pub expression: Option<Expression>,
}

/// What a constraint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConstraintKind {
    /// `PRIMARY KEY`.
    PrimaryKey,
    /// `UNIQUE`.
    Unique,
    /// `CHECK`.
    Check,
    /// `FOREIGN KEY` or `REFERENCES`.
    ForeignKey,
    /// `EXCLUDE`.
    Exclusion,
    /// `NOT NULL` as a table constraint.
    NotNull,
}

/// `CREATE INDEX`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateIndex {
    /// Its name, where the statement gives one.
    pub name: Option<String>,
    /// The table.
    pub table: RelationName,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether `CONCURRENTLY` stands there.
    pub concurrently: bool,
    /// Whether `IF NOT EXISTS` stands there.
    pub if_not_exists: bool,
    /// Whether `ON ONLY` stands there.
    pub only: bool,
    /// Its key columns; nothing for an expression.
    pub columns: Vec<Option<String>>,
    /// The columns of `INCLUDE`.
    pub include: Vec<String>,
    /// Whether it has a `WHERE`.
    pub partial: bool,
    /// The access method.
    pub method: String,
    /// The constants of its expressions and its `WHERE` that have the type of a column.
    pub constants: Vec<Constant>,
}

/// One subcommand of `ALTER TABLE`, `ALTER INDEX`, `ALTER VIEW` and so on.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterTable {
    /// What kind of relation the statement says it is.
    pub kind: ObjectKind,
    /// The relation.
    pub table: RelationName,
    /// Whether `IF EXISTS` stands there.
    pub if_exists: bool,
    /// Whether `ONLY` stands there.
    pub only: bool,
    /// What changes.
    pub change: TableChange,
}

/// What a subcommand of `ALTER TABLE` changes.
#[derive(Clone, Debug, PartialEq)]
pub enum TableChange {
    /// `ADD COLUMN`.
    AddColumn {
        /// The column.
        column: ColumnDefinition,
        /// Whether `IF NOT EXISTS` stands there.
        if_not_exists: bool,
    },
    /// `DROP COLUMN`.
    DropColumn {
        /// The column.
        column: String,
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
        /// Whether `CASCADE` stands there.
        cascade: bool,
    },
    /// `ALTER COLUMN ... TYPE`.
    SetType {
        /// The column.
        column: String,
        /// Its new type.
        type_name: TypeName,
        /// Whether it has a `USING` expression.
        using: bool,
    },
    /// `ALTER COLUMN ... SET DEFAULT` or `DROP DEFAULT`.
    SetDefault {
        /// The column.
        column: String,
        /// The default; nothing if it is dropped.
        default: Option<Expression>,
    },
    /// `ALTER COLUMN ... SET NOT NULL`.
    SetNotNull {
        /// The column.
        column: String,
    },
    /// `ALTER COLUMN ... DROP NOT NULL`.
    DropNotNull {
        /// The column.
        column: String,
    },
    /// `ADD CONSTRAINT`.
    AddConstraint(ConstraintDefinition),
    /// `DROP CONSTRAINT`.
    DropConstraint {
        /// The constraint.
        name: String,
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
        /// Whether `CASCADE` stands there.
        cascade: bool,
    },
    /// `VALIDATE CONSTRAINT`.
    ValidateConstraint {
        /// The constraint.
        name: String,
    },
    /// `ATTACH PARTITION`, of a table or an index.
    AttachPartition {
        /// The partition.
        partition: RelationName,
    },
    /// `DETACH PARTITION`.
    DetachPartition {
        /// The partition.
        partition: RelationName,
        /// Whether `CONCURRENTLY` stands there.
        concurrently: bool,
    },
    /// Any other subcommand.
    Other {
        /// The grammar's name for it without `AT_`, such as `EnableRowSecurity`.
        command: &'static str,
        /// The column that it is about.
        column: Option<String>,
        /// The mode in which the server locks the table for it.
        mode: LockMode,
        /// Whether running it twice fails.
        repeatable: bool,
    },
}

/// `CREATE VIEW` or `CREATE MATERIALIZED VIEW`.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateView {
    /// The view.
    pub name: RelationName,
    /// Whether it is materialized.
    pub materialized: bool,
    /// Whether `OR REPLACE` stands there.
    pub or_replace: bool,
    /// Whether `IF NOT EXISTS` stands there.
    pub if_not_exists: bool,
    /// Whether it is temporary.
    pub temporary: bool,
    /// The relations that its query reads.
    pub reads: Vec<RelationName>,
    /// The constants of its query that have the type of a column.
    pub constants: Vec<Constant>,
}

/// A `CREATE` that has no action of its own.
#[derive(Clone, Debug, PartialEq)]
pub struct Create {
    /// What is made.
    pub kind: ObjectKind,
    /// Its name; empty where the statement gives none.
    pub name: RelationName,
    /// For a trigger, policy or rule: the relation that it is on.
    pub on: Option<RelationName>,
    /// Whether `OR REPLACE` stands there.
    pub or_replace: bool,
    /// Whether `IF NOT EXISTS` stands there.
    pub if_not_exists: bool,
    /// A password that the statement holds in plain text, as it is spelled.
    pub password: Option<String>,
    /// Whether the statement alters the object instead of making it (`ALTER ROLE ... PASSWORD`).
    pub alters: bool,
    /// For a function or aggregate: the types of its input arguments, as spelled.
    pub arguments: Vec<String>,
    /// For a policy or trigger: the constants of its conditions that have the type of a column.
    pub constants: Vec<Constant>,
}

/// `DROP` of one object.
#[derive(Clone, Debug, PartialEq)]
pub struct Drop {
    /// What is dropped.
    pub kind: ObjectKind,
    /// Its name.
    pub name: RelationName,
    /// For a trigger, policy or rule: the relation that it is on.
    pub on: Option<RelationName>,
    /// Whether `IF EXISTS` stands there.
    pub if_exists: bool,
    /// Whether `CASCADE` stands there.
    pub cascade: bool,
    /// Whether `CONCURRENTLY` stands there.
    pub concurrently: bool,
}

/// `ALTER ... RENAME`.
#[derive(Clone, Debug, PartialEq)]
pub struct Rename {
    /// What is renamed: for a column or constraint, the kind of relation that it is part of.
    pub kind: ObjectKind,
    /// The object, or the relation that the column or constraint is part of.
    pub name: RelationName,
    /// The part that is renamed, if it is one.
    pub part: RenamedPart,
    /// The new name.
    pub to: String,
    /// Whether `IF EXISTS` stands there.
    pub if_exists: bool,
}

/// Which part of an object is renamed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenamedPart {
    /// The object itself.
    Whole,
    /// A column or attribute.
    Column(String),
    /// A constraint.
    Constraint(String),
}

/// What `REINDEX` rebuilds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReindexTarget {
    /// One index.
    Index(RelationName),
    /// All indexes of a table.
    Table(RelationName),
    /// A schema, a database or the system catalogs.
    Many(&'static str),
}

/// `GRANT` or `REVOKE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// False for `REVOKE`.
    pub is_grant: bool,
    /// The kind of objects; nothing where a role is granted.
    pub on: Option<GrantTarget>,
    /// The privileges, in lower case; empty for `ALL`.
    pub privileges: Vec<String>,
    /// Whether privileges are limited to columns.
    pub has_columns: bool,
    /// Those of the privileges that are limited to columns.
    pub column_privileges: Vec<String>,
    /// The schemas of `ALL ... IN SCHEMA`.
    pub schemas: Vec<String>,
    /// The relations that are named.
    pub relations: Vec<RelationName>,
}

/// What kind of objects `GRANT` is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantTarget {
    /// Tables and views.
    Table,
    /// Sequences.
    Sequence,
    /// Databases.
    Database,
    /// Domains.
    Domain,
    /// Foreign-data wrappers.
    ForeignDataWrapper,
    /// Foreign servers.
    ForeignServer,
    /// Functions, procedures and routines.
    Function,
    /// Languages.
    Language,
    /// Large objects.
    LargeObject,
    /// Schemas.
    Schema,
    /// Tablespaces.
    Tablespace,
    /// Types.
    Type,
    /// Configuration parameters.
    Parameter,
}

/// A statement that reads or writes rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dml {
    /// What it does.
    pub kind: DmlKind,
    /// The table that it writes to.
    pub target: Option<RelationName>,
    /// The other relations that it names.
    pub reads: Vec<RelationName>,
    /// Whether it has a `WHERE`.
    pub has_where: bool,
    /// Whether it has an `ON CONFLICT`.
    pub has_on_conflict: bool,
    /// Whether it locks the rows that it reads (`FOR UPDATE`).
    pub locks_rows: bool,
    /// The functions that it calls.
    pub functions: Vec<RelationName>,
    /// Its constants that have the type of a column.
    pub constants: Vec<Constant>,
}

/// What a statement that reads or writes rows does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DmlKind {
    /// `SELECT`, `VALUES`, `TABLE`.
    #[default]
    Select,
    /// `INSERT`.
    Insert,
    /// `UPDATE`.
    Update,
    /// `DELETE`.
    Delete,
    /// `MERGE`.
    Merge,
    /// `COPY ... FROM`.
    CopyFrom,
    /// `COPY ... TO`.
    CopyTo,
}

/// `SET`, `RESET` or `set_config`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The parameter, in lower case; `all` for `RESET ALL`.
    pub name: String,
    /// The value as spelled, without quotes; nothing for `RESET` and `TO DEFAULT`.
    pub value: Option<String>,
    /// Whether it lasts until the end of the transaction only.
    pub local: bool,
}

/// A statement that controls transactions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransactionAction {
    /// `BEGIN` or `START TRANSACTION`.
    Begin,
    /// `COMMIT` or `END`.
    Commit,
    /// `ROLLBACK` or `ABORT`.
    Rollback,
    /// `SAVEPOINT`.
    Savepoint(String),
    /// `RELEASE SAVEPOINT`.
    Release(String),
    /// `ROLLBACK TO SAVEPOINT`.
    RollbackTo(String),
    /// `PREPARE TRANSACTION`.
    Prepare,
    /// `COMMIT PREPARED` or `ROLLBACK PREPARED`.
    FinishPrepared,
}

/// A `DO` block, as far as its text tells what it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DoBlock {
    /// The language.
    pub language: String,
    /// What the SQL in it does, whether a branch reaches it or not.
    pub actions: Vec<Action>,
    /// Whether it ends transactions (`COMMIT`, `ROLLBACK`).
    pub ends_transaction: bool,
    /// Whether it executes SQL that it puts together at run time.
    pub is_dynamic: bool,
    /// Whether it catches errors (`EXCEPTION`).
    pub catches_errors: bool,
    /// Whether it branches (`IF`, `CASE`, loops), so that its actions may not happen.
    pub is_conditional: bool,
}

/// The table-level lock modes, weakest first, spelled as `pg_locks.mode` prints them.
///
/// Source: PostgreSQL documentation, section 13.3.1 "Table-Level Locks".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::enum_variant_names, reason = "PostgreSQL's own names")]
pub enum LockMode {
    /// Taken by `SELECT`.
    AccessShareLock,
    /// Taken by `SELECT ... FOR UPDATE`.
    RowShareLock,
    /// Taken by `INSERT`, `UPDATE`, `DELETE`.
    RowExclusiveLock,
    /// Taken by `VACUUM`, `ANALYZE`, `CREATE INDEX CONCURRENTLY`, `VALIDATE CONSTRAINT`.
    ShareUpdateExclusiveLock,
    /// Taken by `CREATE INDEX`.
    ShareLock,
    /// Taken by `CREATE TRIGGER` and `ADD FOREIGN KEY`.
    ShareRowExclusiveLock,
    /// Taken by `REFRESH MATERIALIZED VIEW CONCURRENTLY`.
    ExclusiveLock,
    /// Taken by most forms of `ALTER TABLE`, and by `DROP` and `TRUNCATE`.
    AccessExclusiveLock,
}

impl LockMode {
    /// Returns the mode as `pg_locks.mode` prints it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessShareLock => "AccessShareLock",
            Self::RowShareLock => "RowShareLock",
            Self::RowExclusiveLock => "RowExclusiveLock",
            Self::ShareUpdateExclusiveLock => "ShareUpdateExclusiveLock",
            Self::ShareLock => "ShareLock",
            Self::ShareRowExclusiveLock => "ShareRowExclusiveLock",
            Self::ExclusiveLock => "ExclusiveLock",
            Self::AccessExclusiveLock => "AccessExclusiveLock",
        }
    }

    /// Returns the mode as the documentation and `LOCK TABLE` spell it.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::AccessShareLock => "ACCESS SHARE",
            Self::RowShareLock => "ROW SHARE",
            Self::RowExclusiveLock => "ROW EXCLUSIVE",
            Self::ShareUpdateExclusiveLock => "SHARE UPDATE EXCLUSIVE",
            Self::ShareLock => "SHARE",
            Self::ShareRowExclusiveLock => "SHARE ROW EXCLUSIVE",
            Self::ExclusiveLock => "EXCLUSIVE",
            Self::AccessExclusiveLock => "ACCESS EXCLUSIVE",
        }
    }

    /// Returns what an application notices while the lock is held or waited for.
    pub fn blocks(self) -> &'static str {
        match self {
            Self::AccessShareLock | Self::RowShareLock | Self::RowExclusiveLock => {
                "no reads or writes"
            }
            Self::ShareUpdateExclusiveLock => "no reads or writes (but vacuum and other DDL)",
            Self::ShareLock | Self::ShareRowExclusiveLock | Self::ExclusiveLock => "writes",
            Self::AccessExclusiveLock => "reads and writes",
        }
    }
}
