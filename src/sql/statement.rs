//! Statements, what could not be read, and the names in them.

use std::fmt;
use std::sync::Arc;

use super::action::Action;
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
    SyntaxError(Box<SyntaxError>),
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
    /// The host language decides at run time what is sent, or it is not followed: why, and whether it
    /// hardly changes the schema.
    Host(String, bool),
    /// The parser gave up in a way that is no syntax error.
    Parser(String),
}

/// A relation's name as the catalog knows it: folded to lower case unless it was quoted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelationName {
    /// The schema, where the statement names one.
    pub schema: Option<Arc<str>>,
    /// The relation.
    pub name: Arc<str>,
}

impl RelationName {
    /// Makes a name that is not qualified.
    pub fn unqualified(name: impl Into<Arc<str>>) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// Returns whether a placeholder is part of the name, so that nobody knows what it is.
    pub fn is_dynamic(&self) -> bool {
        self.name.contains(MARK) || self.schema.as_ref().is_some_and(|s| s.contains(MARK))
    }

    /// Returns the name of another relation in the same schema.
    #[must_use]
    pub fn sibling(&self, name: impl Into<Arc<str>>) -> Self {
        Self { schema: self.schema.clone(), name: name.into() }
    }

    /// Reads the name of a relation from a string: `'s'`, `'app."S"'`.
    pub fn of_text(text: &str) -> Self {
        let mut parts = text.rsplitn(2, '.').map(fold);
        let name = parts.next().unwrap_or_default();
        Self { schema: parts.next(), name }
    }
}

/// Folds an identifier in a string as the server does: lower case unless quoted.
fn fold(text: &str) -> Arc<str> {
    match text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\"").into(),
        None => text.to_lowercase().into(),
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
    pub of: Arc<ConstantOf>,
}

/// What decides the type of a constant.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConstantOf {
    /// A cast to this type.
    Type(Arc<TypeName>),
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
    pub schema: Option<Arc<str>>,
    /// The type, such as `int4`, `varchar` or `order_status`.
    pub name: Arc<str>,
    /// Its modifiers, such as 10 and 2 of `numeric(10,2)`.
    pub modifiers: Vec<i32>,
    /// The number of array dimensions.
    pub dimensions: usize,
    /// Whether it is a set (`SETOF`).
    pub set_of: bool,
    /// Whether it is the type of a column: `schema` is then the table and `name` the column (`%TYPE`).
    pub of_column: bool,
}

impl From<&RelationName> for TypeName {
    /// Returns the plain type of that name.
    fn from(name: &RelationName) -> Self {
        Self { schema: name.schema.clone(), name: name.name.clone(), ..Self::default() }
    }
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
    /// An operator.
    Operator,
    /// An operator class.
    OperatorClass,
    /// An operator family.
    OperatorFamily,
    /// A foreign-data wrapper.
    ForeignDataWrapper,
    /// A procedural language.
    Language,
    /// An access method.
    AccessMethod,
    /// An encoding conversion.
    Conversion,
    /// A transform.
    Transform,
    /// A text search configuration.
    TextSearchConfiguration,
    /// A text search dictionary.
    TextSearchDictionary,
    /// A text search parser.
    TextSearchParser,
    /// A text search template.
    TextSearchTemplate,
}

impl ObjectKind {
    /// Returns whether objects of this kind are relations: tables, views, indexes, sequences.
    pub fn is_relation(self) -> bool {
        matches!(
            self,
            Self::Table
                | Self::ForeignTable
                | Self::Index
                | Self::View
                | Self::MaterializedView
                | Self::Sequence
        )
    }

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
            Self::Operator => "operator",
            Self::OperatorClass => "operator class",
            Self::OperatorFamily => "operator family",
            Self::ForeignDataWrapper => "foreign-data wrapper",
            Self::Language => "language",
            Self::AccessMethod => "access method",
            Self::Conversion => "conversion",
            Self::Transform => "transform",
            Self::TextSearchConfiguration => "text search configuration",
            Self::TextSearchDictionary => "text search dictionary",
            Self::TextSearchParser => "text search parser",
            Self::TextSearchTemplate => "text search template",
        }
    }
}

/// The table-level lock modes, weakest first, spelled as `pg_locks.mode` prints them.
///
/// Source: PostgreSQL documentation, section 13.3.1 "Table-Level Locks".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
