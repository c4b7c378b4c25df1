//! What statements do: all that the rest of the program sees of SQL.

use super::access::{Access, Grant, Subject};
use super::definition::{
    AlterTable, Create, CreateIndex, CreateTable, CreateView, Dml, DoBlock, Drop, ReindexTarget,
    Rename, Setting, TransactionAction,
};
use super::detail::Alter;
use super::plpgsql::FunctionCall;
use super::statement::{LockMode, ObjectKind, RelationName};

/// One change that a statement makes.
#[derive(Clone, Debug, PartialEq, Eq)]
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
        /// The label beside which it goes: whether before it, and which.
        neighbor: Option<(bool, String)>,
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
    /// Any other `ALTER`.
    Alter(Box<Alter>),
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
        /// For a function: its signature, where the statement gives one.
        arguments: Option<Vec<std::sync::Arc<super::TypeName>>>,
    },
    /// `TRUNCATE`, one action for each table.
    Truncate {
        /// The table.
        table: RelationName,
        /// Whether `ONLY` stands before the table.
        only: bool,
        /// Whether `CASCADE` stands there.
        cascade: bool,
        /// Whether `RESTART IDENTITY` stands there.
        restart: bool,
        /// All tables that the statement truncates, where there are several.
        with: Vec<RelationName>,
    },
    /// `LOCK TABLE`, one action for each table.
    Lock {
        /// The table.
        table: RelationName,
        /// The mode.
        mode: LockMode,
        /// Whether `ONLY` stands there.
        only: bool,
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
        /// The index of `USING`.
        index: Option<String>,
    },
    /// `VACUUM`; without tables it vacuums the whole database.
    Vacuum {
        /// The tables.
        tables: Vec<RelationName>,
        /// Whether `FULL` stands there.
        full: bool,
        /// Whether `ONLY` stands before one of them.
        only: bool,
    },
    /// `ANALYZE`.
    Analyze {
        /// The tables.
        tables: Vec<RelationName>,
        /// Whether `ONLY` stands before one of them.
        only: bool,
    },
    /// `REFRESH MATERIALIZED VIEW`.
    RefreshMaterializedView {
        /// The materialized view.
        name: RelationName,
        /// Whether `CONCURRENTLY` stands there.
        concurrently: bool,
        /// Whether `WITH NO DATA` stands there.
        no_data: bool,
    },
    /// `COMMENT ON`.
    Comment {
        /// What kind of object is commented on.
        kind: ObjectKind,
        /// The relation that it is, or is part of.
        relation: Option<RelationName>,
        /// The part of the relation.
        part: Option<String>,
        /// The object, whatever it is.
        subject: Option<Box<Subject>>,
        /// The comment; nothing where it is taken away.
        text: Option<std::sync::Arc<str>>,
    },
    /// `GRANT` or `REVOKE` of privileges on objects.
    Grant(Box<Grant>),
    /// `INSERT`, `UPDATE`, `DELETE`, `MERGE`, `COPY`, `SELECT`.
    Dml(Box<Dml>),
    /// `SET`, `RESET`, `SELECT set_config(...)`.
    Set(Box<Setting>),
    /// `ALTER ROLE ... SET`, `ALTER DATABASE ... SET`: what later sessions begin with.
    SetDefault(Box<Setting>),
    /// `BEGIN`, `COMMIT`, `ROLLBACK`, savepoints.
    Transaction(TransactionAction),
    /// `DO`.
    Do(Box<DoBlock>),
    /// `CALL`.
    Call {
        /// The procedure, and what it is given.
        call: FunctionCall,
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
        /// Those of them that a query in it inserts into, updates or deletes from.
        writes: Vec<RelationName>,
        /// For `ALTER DEFAULT PRIVILEGES` and `GRANT role`: what it says.
        access: Option<Box<Access>>,
    },
}
