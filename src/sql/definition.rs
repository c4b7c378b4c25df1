//! The parts of actions: what each kind of statement spells out.

use std::sync::Arc;

use super::action::Action;
use super::detail::{Detail, Generated, Identity, LikeClause, PartitionBound, PartitionKey};
use super::plpgsql::{FunctionCall, Step};
use super::statement::{Constant, LockMode, ObjectKind, RelationName, TypeName};
use super::tree::{Expr, Query};

/// `CREATE TABLE` and its relatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateTable {
    /// The table.
    pub name: Option<RelationName>,
    /// Whether `IF NOT EXISTS` stands there.
    pub if_not_exists: bool,
    /// Permanent, temporary or unlogged.
    pub persistence: Persistence,
    /// Whether it is a foreign table.
    pub foreign: bool,
    /// How it is divided into partitions.
    pub partition_by: Option<Box<PartitionKey>>,
    /// The columns that the statement spells out.
    pub columns: Vec<Arc<ColumnDefinition>>,
    /// The table constraints.
    pub constraints: Vec<ConstraintDefinition>,
    /// The partitioned table that it becomes a partition of.
    pub partition_of: Option<RelationName>,
    /// Which rows it takes as a partition.
    pub bound: Option<Box<PartitionBound>>,
    /// The tables that it inherits from.
    pub inherits: Vec<RelationName>,
    /// Its `LIKE` clauses.
    pub like: Vec<LikeClause>,
    /// The composite type of `OF`.
    pub of_type: Option<RelationName>,
    /// Whether its columns come from a query, so that `columns` is not all of them.
    pub columns_unknown: bool,
    /// The names that `CREATE TABLE name (a, b) AS` gives to the columns of its query.
    pub column_names: Vec<String>,
    /// Whether it goes with its transaction (`ON COMMIT DROP`).
    pub on_commit_drop: bool,
    /// The relations that its query reads.
    pub reads: Vec<RelationName>,
    /// Its query.
    pub query: Option<Box<Query>>,
    /// The storage parameters of `WITH`.
    pub options: Vec<(Arc<str>, Arc<str>)>,
    /// The access method of `USING`.
    pub method: Option<Arc<str>>,
    /// For a foreign table: its server.
    pub server: Option<Arc<str>>,
    /// Its `TABLESPACE`.
    pub tablespace: Option<Arc<str>>,
    /// Whether its query is not run (`WITH NO DATA`).
    pub no_data: bool,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnDefinition {
    /// The column.
    pub name: Arc<str>,
    /// Its type.
    pub type_name: Arc<TypeName>,
    /// Whether `NOT NULL` or `PRIMARY KEY` stands there.
    pub not_null: bool,
    /// Its default, if it has one.
    pub default: Option<Box<Expression>>,
    /// The name of its `NOT NULL` constraint, where the statement gives one.
    pub not_null_name: Option<Arc<str>>,
    /// Whether `NULL` stands there.
    pub explicit_null: bool,
    /// How an identity column gets its value.
    pub identity: Option<Box<Identity>>,
    /// How a generated column keeps its value, which `default` computes.
    pub generated: Option<Generated>,
    /// Its collation.
    pub collation: Option<RelationName>,
    /// How the server stores large values of it, as the statement spells it.
    pub storage: Option<Arc<str>>,
    /// How the server compresses them.
    pub compression: Option<Arc<str>>,
    /// Its inline constraints other than `NOT NULL` and `DEFAULT`.
    pub constraints: Vec<ConstraintDefinition>,
}

/// An expression. What rules ask of it, its tree answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expression {
    /// The constants in it that have the type of a column.
    pub constants: Vec<Constant>,
    /// The expression itself.
    pub tree: Expr,
}

impl Expression {
    /// Returns whether it is the constant `NULL`.
    pub fn is_null(&self) -> bool {
        self.tree == Expr::Null
    }

    /// Returns whether it calls the function that gives the next value of a sequence.
    pub fn is_next_value(&self) -> bool {
        self.tree.calls().iter().any(|call| *call.name.name == *"nextval")
    }

    /// Returns whether it mentions a column of that name.
    pub fn mentions(&self, column: &str) -> bool {
        self.tree.own_columns().iter().any(|found| *found.name == *column)
    }

    /// Returns the relations that it names in constants (`nextval('s')`, `'t'::regclass`).
    pub fn relations(&self) -> Vec<RelationName> {
        self.tree.relation_texts().into_iter().map(RelationName::of_text).collect()
    }
}

/// A constraint as a statement spells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConstraintDefinition {
    /// Its name, where the statement gives one.
    pub name: Option<Arc<str>>,
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
    pub expression: Option<Box<Expression>>,
    /// The rest, which most constraints leave as it is.
    pub options: Option<Box<ConstraintOptions>>,
}

/// What most constraints leave as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConstraintOptions {
    /// `DEFERRABLE`.
    pub deferrable: bool,
    /// `INITIALLY DEFERRED`.
    pub deferred: bool,
    /// `NOT ENFORCED`.
    pub not_enforced: bool,
    /// `NO INHERIT`.
    pub no_inherit: bool,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// `ON DELETE`.
    pub on_delete: ReferentialAction,
    /// `ON UPDATE`.
    pub on_update: ReferentialAction,
    /// `MATCH FULL`.
    pub match_full: bool,
    /// The columns of `INCLUDE`.
    pub include: Vec<String>,
    /// For an exclusion: its keys (nothing for an expression) with their operators.
    pub exclusion: Vec<(Option<String>, Arc<str>)>,
    /// For an exclusion: its expressions.
    pub exclusion_expressions: Vec<Expression>,
    /// For an exclusion: its access method.
    pub method: Option<Arc<str>>,
    /// For an exclusion: its `WHERE`.
    pub predicate: Option<Box<Expression>>,
}

/// What a foreign key does when the row that it refers to goes or changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferentialAction {
    /// Refuse, at the end of the statement.
    #[default]
    NoAction,
    /// Refuse at once.
    Restrict,
    /// Delete or change the referencing rows too.
    Cascade,
    /// Set the referencing columns to null.
    SetNull,
    /// Set the referencing columns to their defaults.
    SetDefault,
}

impl ReferentialAction {
    /// Returns the action as the statement spells it, in lower case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAction => "no action",
            Self::Restrict => "restrict",
            Self::Cascade => "cascade",
            Self::SetNull => "set null",
            Self::SetDefault => "set default",
        }
    }
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateIndex {
    /// Its name, where the statement gives one.
    pub name: Option<Arc<str>>,
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
    /// The expressions among its keys, in order, and the names that their columns get.
    pub expressions: Vec<(Arc<str>, Expression)>,
    /// Its `WHERE`.
    pub predicate: Option<Box<Expression>>,
    /// The operator classes that keys name, with the place of the key.
    pub operator_classes: Vec<(usize, RelationName)>,
    /// The collations that keys name, with the place of the key.
    pub collations: Vec<(usize, RelationName)>,
    /// `NULLS NOT DISTINCT`.
    pub nulls_not_distinct: bool,
    /// Keys that are sorted downwards, or have their nulls at the unusual end, as spelled.
    pub sorting: Vec<(usize, &'static str)>,
    /// Its `TABLESPACE`.
    pub tablespace: Option<Arc<str>>,
}

/// One subcommand of `ALTER TABLE`, `ALTER INDEX`, `ALTER VIEW` and so on.
#[derive(Clone, Debug, PartialEq, Eq)]
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
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableChange {
    /// `ADD COLUMN`.
    AddColumn {
        /// The column.
        column: Arc<ColumnDefinition>,
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
        type_name: Arc<TypeName>,
        /// Its `USING` expression.
        using: Option<Box<Expression>>,
        /// The collation of `COLLATE`.
        collation: Option<RelationName>,
    },
    /// `ALTER COLUMN ... SET DEFAULT` or `DROP DEFAULT`.
    SetDefault {
        /// The column.
        column: String,
        /// The default; nothing if it is dropped.
        default: Option<Box<Expression>>,
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
        /// Which rows it takes; nothing for an index.
        bound: Option<Box<PartitionBound>>,
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
        /// What it changes in the catalog.
        effect: Option<Box<TableEffect>>,
    },
}

/// What the rarer subcommands of `ALTER TABLE` change in the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableEffect {
    /// `ENABLE`, `DISABLE`, `FORCE` or `NO FORCE ROW LEVEL SECURITY`.
    RowSecurity {
        /// Whether it is about `FORCE`.
        force: bool,
        /// Whether it is switched on.
        on: bool,
    },
    /// `SET LOGGED` or `SET UNLOGGED`.
    Logged(bool),
    /// `ADD GENERATED ... AS IDENTITY`.
    AddIdentity(Identity),
    /// `SET GENERATED ALWAYS` or `BY DEFAULT`.
    SetIdentity(Option<bool>),
    /// `DROP IDENTITY`.
    DropIdentity {
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
    },
    /// `DROP EXPRESSION`.
    DropExpression {
        /// Whether `IF EXISTS` stands there.
        if_exists: bool,
    },
    /// `INHERIT`.
    Inherit(RelationName),
    /// `NO INHERIT`.
    NoInherit(RelationName),
    /// `ALTER CONSTRAINT`.
    AlterConstraint {
        /// The constraint.
        name: String,
        /// Whether it becomes deferrable, and initially deferred, where said.
        deferrable: Option<(bool, bool)>,
        /// Whether it is enforced, where said.
        enforced: Option<bool>,
    },
    /// `ENABLE` or `DISABLE TRIGGER`, `RULE`: the name, if it is one.
    Trigger(Option<String>),
    /// `OWNER TO`: the role, as SQL.
    Owner(Arc<str>),
    /// `SET STORAGE`, in lower case.
    Storage(Option<Arc<str>>),
    /// `SET COMPRESSION`, in lower case.
    Compression(Option<Arc<str>>),
    /// `SET STATISTICS`; nothing for the default.
    Statistics(Option<i32>),
    /// `SET (...)` and `RESET (...)` of storage parameters.
    Options {
        /// Those that are set.
        set: Vec<(Arc<str>, Arc<str>)>,
        /// Those that are reset.
        reset: Vec<Arc<str>>,
    },
    /// `REPLICA IDENTITY USING INDEX`: the index.
    UsesIndex(String),
    /// `CLUSTER ON`, or `SET WITHOUT CLUSTER`: the index.
    Cluster(Option<String>),
    /// `SET TABLESPACE`.
    Tablespace(Arc<str>),
    /// `SET ACCESS METHOD`.
    AccessMethod,
    /// `DETACH PARTITION ... FINALIZE`: the partition.
    FinishDetach(RelationName),
    /// `VALIDATE`, `SET STATISTICS` and the like: a column is needed.
    NeedsColumn,
}

/// `CREATE VIEW` or `CREATE MATERIALIZED VIEW`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Its query.
    pub query: Option<Arc<Query>>,
    /// The constants of its query that have the type of a column.
    pub constants: Vec<Constant>,
    /// The names that the statement gives to its columns.
    pub column_names: Vec<String>,
    /// Whether the query of a materialized view is not run (`WITH NO DATA`).
    pub no_data: bool,
}

/// A `CREATE` that has no action of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// What the statement spells out beyond the name.
    pub detail: Detail,
}

/// `DROP` of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// All relations that the statement drops, where there are several.
    pub with: Vec<RelationName>,
    /// For a function: its signature, where the statement gives one.
    pub arguments: Option<Vec<Arc<TypeName>>>,
}

/// `ALTER ... RENAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Whether `ONLY` stands there.
    pub only: bool,
    /// For a function: its signature, where the statement gives one.
    pub arguments: Option<Vec<Arc<TypeName>>>,
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
    /// A trigger, policy or rule of the relation.
    Attached(ObjectKind, String),
}

/// What `REINDEX` rebuilds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReindexTarget {
    /// One index.
    Index(RelationName),
    /// All indexes of a table.
    Table(RelationName),
    /// `REINDEX SCHEMA`.
    Schema(Arc<str>),
    /// A database or the system catalogs.
    Many(&'static str),
}

/// A statement that reads or writes rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dml {
    /// What it does.
    pub kind: DmlKind,
    /// The table that it writes to.
    pub target: Option<RelationName>,
    /// The other relations that it names.
    pub reads: Vec<RelationName>,
    /// The other relations that it writes to, in `WITH`.
    pub writes: Vec<RelationName>,
    /// Whether `ONLY` stands before the target.
    pub only: bool,
    /// The columns that `INSERT` or `COPY` lists, or that `UPDATE` sets.
    pub columns: Vec<String>,
    /// How many columns of the target an `INSERT` without a list gives; nothing where that is not known.
    pub width: Option<usize>,
    /// The sequences whose values it asks for (`nextval`, `setval`).
    pub sequences: Vec<RelationName>,
    /// Whether it has a `WHERE`.
    pub has_where: bool,
    /// The `WHERE` of an `UPDATE` or `DELETE`, or of a `SELECT` that locks rows, where nothing else is read.
    pub condition: Option<Box<Expr>>,
    /// The values of the rows of a short `INSERT`, or those that `UPDATE` sets: as many as columns.
    pub rows: Vec<Box<[Expr]>>,
    /// Whether it has an `ON CONFLICT`.
    pub has_on_conflict: bool,
    /// Whether it locks the rows that it reads (`FOR UPDATE`).
    pub locks_rows: bool,
    /// The functions that it calls.
    pub functions: Vec<RelationName>,
    /// Those calls of which something is known, for a `SELECT`.
    pub calls: Vec<FunctionCall>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DoBlock {
    /// The language.
    pub language: String,
    /// What the SQL in it does, whether a branch reaches it or not.
    pub actions: Vec<Action>,
    /// What it does, step by step; one unknown step for a block that cannot be read.
    pub body: Vec<Step>,
    /// Its text, where what it does depends on the rows of a system catalog.
    pub source: Option<Arc<str>>,
    /// Whether it ends transactions (`COMMIT`, `ROLLBACK`).
    pub ends_transaction: bool,
    /// Whether it executes SQL that it puts together at run time.
    pub is_dynamic: bool,
    /// Whether it catches errors (`EXCEPTION`).
    pub catches_errors: bool,
    /// Whether it branches (`IF`, `CASE`, loops), so that its actions may not happen.
    pub is_conditional: bool,
}
