//! Expressions and queries as our own trees, for dependencies, names and printing.
//!
//! A history keeps the trees of all its definitions, so they hold no capacity that they do not need.

mod column_name;
mod find;
mod identifier;
mod modify;
mod print;
mod print_call;
mod print_query;
mod query;
mod rename;
mod type_name;
mod walk;

use std::sync::Arc;

pub use identifier::quote_identifier;
pub use modify::*;
pub use print::Replacement;
pub use query::*;
pub use rename::Name;
pub use walk::Visit;

use super::{RelationName, TypeName};

/// An expression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Expr {
    /// Something that the tree has no place for, or that is nested too deeply.
    #[default]
    Unknown,
    /// A column, or a whole row of a relation.
    Column(ColumnRef),
    /// `*` or `t.*`: the qualifiers.
    Star(Box<[Arc<str>]>),
    /// `NULL`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer that fits 32 bits.
    Integer(i32),
    /// Any other number, as it is spelled.
    Float(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A bit string: `b` or `x` and its digits.
    BitString(Arc<str>),
    /// `$1`.
    Parameter(i32),
    /// `DEFAULT` in the place of a value.
    Default,
    /// `value::type`.
    Cast(Box<Cast>),
    /// A call of a function, aggregate or window function.
    Call(Box<Call>),
    /// `name => value` among the arguments of a call.
    Named {
        /// The argument's name.
        name: Arc<str>,
        /// Its value.
        value: Box<Expr>,
    },
    /// An operator with its operands.
    Operator(Box<Operator>),
    /// `AND`, flat.
    And(Box<[Expr]>),
    /// `OR`, flat.
    Or(Box<[Expr]>),
    /// `NOT`.
    Not(Box<Expr>),
    /// `IS NULL`.
    IsNull {
        /// What is tested.
        value: Box<Expr>,
        /// Whether it is `IS NOT NULL`.
        negated: bool,
    },
    /// `IS TRUE` and its like.
    Is {
        /// What is tested.
        value: Box<Expr>,
        /// The test.
        test: BooleanTest,
    },
    /// `CASE`.
    Case(Box<Case>),
    /// `COALESCE`.
    Coalesce(Box<[Expr]>),
    /// `GREATEST`.
    Greatest(Box<[Expr]>),
    /// `LEAST`.
    Least(Box<[Expr]>),
    /// `ROW(a, b)` or `(a, b)`.
    Row {
        /// The fields.
        items: Box<[Expr]>,
        /// Whether `ROW` stands there.
        explicit: bool,
    },
    /// The right side of `IN` and `BETWEEN`.
    List(Box<[Expr]>),
    /// `ARRAY[a, b]`.
    Array(Box<[Expr]>),
    /// Subscripts and fields of a value: `a[1]`, `(a).b`.
    Indirection {
        /// The value.
        value: Box<Expr>,
        /// What is taken from it, in order.
        steps: Box<[Step]>,
    },
    /// `COLLATE`.
    Collate(Box<Collate>),
    /// `current_timestamp` and its like.
    Value {
        /// Which.
        function: ValueFunction,
        /// Its precision, where it has one.
        precision: Option<i32>,
    },
    /// `GROUPING(a, b)`.
    Grouping(Box<[Expr]>),
    /// `ROLLUP (...)` and its like in `GROUP BY`.
    GroupingSet {
        /// Which.
        kind: GroupingSet,
        /// What it groups by.
        items: Box<[Expr]>,
    },
    /// A query in an expression.
    Subquery(Box<Subquery>),
    /// JSON and XML functions, and what else has a syntax of its own.
    Syntax(Box<Syntax>),
}

/// A column with its qualifiers, as spelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnRef {
    /// What stands before it: alias, or schema and table.
    pub qualifier: Box<[Arc<str>]>,
    /// The column.
    pub name: Arc<str>,
}

/// A type with modifiers that need not be integers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Type {
    /// The type.
    pub name: Arc<TypeName>,
    /// All its modifiers, where one is not an integer: `geometry(Point, 4326)`.
    pub modifiers: Box<[Expr]>,
    /// Whether it is `SETOF`.
    pub is_set: bool,
}

/// `value::type`, `CAST(value AS type)` and `type 'value'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cast {
    /// The value.
    pub value: Expr,
    /// The type.
    pub to: Type,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The function.
    pub name: RelationName,
    /// Its arguments.
    pub arguments: Box<[Expr]>,
    /// Whether it is `count(*)` or another call with a star.
    pub star: bool,
    /// Whether `DISTINCT` stands there.
    pub distinct: bool,
    /// Whether `VARIADIC` stands before the last argument.
    pub variadic: bool,
    /// Whether it was spelled in a syntax of its own, as `extract(year from x)` is.
    pub special: bool,
    /// What only aggregates and window functions have.
    pub aggregate: Option<Box<Aggregate>>,
}

/// What only calls of aggregates and window functions have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aggregate {
    /// `ORDER BY` among or behind the arguments.
    pub order_by: Box<[Sort]>,
    /// Whether the order is that of `WITHIN GROUP`.
    pub within_group: bool,
    /// `FILTER (WHERE ...)`.
    pub filter: Option<Expr>,
    /// `OVER ...`.
    pub over: Option<Window>,
}

/// An operator with its operands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    /// How it is spelled.
    pub kind: OperatorKind,
    /// Its schema, where `OPERATOR(schema.name)` gives one.
    pub schema: Option<Arc<str>>,
    /// Its name; `~~` for `LIKE`, `!~~` for `NOT LIKE`, `<>` for `NOT IN`.
    pub name: Arc<str>,
    /// The left operand; nothing for a prefix operator.
    pub left: Option<Expr>,
    /// The right operand; a list for `IN` and `BETWEEN`.
    pub right: Option<Expr>,
}

/// How an operator is spelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorKind {
    /// As itself.
    Plain,
    /// `= ANY (array)`.
    Any,
    /// `= ALL (array)`.
    All,
    /// `IS DISTINCT FROM`.
    Distinct,
    /// `IS NOT DISTINCT FROM`.
    NotDistinct,
    /// `NULLIF`.
    NullIf,
    /// `IN`.
    In,
    /// `LIKE`.
    Like,
    /// `ILIKE`.
    ILike,
    /// `SIMILAR TO`.
    Similar,
    /// `BETWEEN`.
    Between,
    /// `NOT BETWEEN`.
    NotBetween,
    /// `BETWEEN SYMMETRIC`.
    BetweenSymmetric,
    /// `NOT BETWEEN SYMMETRIC`.
    NotBetweenSymmetric,
}

/// What `IS` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BooleanTest {
    /// `IS TRUE`.
    True,
    /// `IS NOT TRUE`.
    NotTrue,
    /// `IS FALSE`.
    False,
    /// `IS NOT FALSE`.
    NotFalse,
    /// `IS UNKNOWN`.
    Unknown,
    /// `IS NOT UNKNOWN`.
    NotUnknown,
}

/// `CASE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What is compared, in `CASE x WHEN`.
    pub operand: Option<Expr>,
    /// The conditions and results.
    pub branches: Box<[(Expr, Expr)]>,
    /// `ELSE`.
    pub otherwise: Option<Expr>,
}

/// What is taken from a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.field`.
    Field(Arc<str>),
    /// `.*`.
    Star,
    /// `[index]`.
    Index(Expr),
    /// `[from:to]`.
    Slice(Option<Expr>, Option<Expr>),
}

/// `value COLLATE name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collate {
    /// The value.
    pub value: Expr,
    /// The collation.
    pub collation: RelationName,
}

/// A value that the server knows without a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueFunction {
    /// `CURRENT_DATE`.
    CurrentDate,
    /// `CURRENT_TIME`.
    CurrentTime,
    /// `CURRENT_TIMESTAMP`.
    CurrentTimestamp,
    /// `LOCALTIME`.
    LocalTime,
    /// `LOCALTIMESTAMP`.
    LocalTimestamp,
    /// `CURRENT_ROLE`.
    CurrentRole,
    /// `CURRENT_USER`.
    CurrentUser,
    /// `USER`.
    User,
    /// `SESSION_USER`.
    SessionUser,
    /// `CURRENT_CATALOG`.
    CurrentCatalog,
    /// `CURRENT_SCHEMA`.
    CurrentSchema,
}

impl ValueFunction {
    /// Returns how it is spelled; in lower case it is the name of its column.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CurrentDate => "CURRENT_DATE",
            Self::CurrentTime => "CURRENT_TIME",
            Self::CurrentTimestamp => "CURRENT_TIMESTAMP",
            Self::LocalTime => "LOCALTIME",
            Self::LocalTimestamp => "LOCALTIMESTAMP",
            Self::CurrentRole => "CURRENT_ROLE",
            Self::CurrentUser => "CURRENT_USER",
            Self::User => "USER",
            Self::SessionUser => "SESSION_USER",
            Self::CurrentCatalog => "CURRENT_CATALOG",
            Self::CurrentSchema => "CURRENT_SCHEMA",
        }
    }
}

/// A grouping set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupingSet {
    /// `()`.
    Empty,
    /// `ROLLUP`.
    Rollup,
    /// `CUBE`.
    Cube,
    /// `GROUPING SETS`.
    Sets,
}

/// A query in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subquery {
    /// What is asked of it.
    pub kind: SubqueryKind,
    /// What is compared with its rows.
    pub test: Option<Expr>,
    /// How it is compared; nothing for `IN`.
    pub operator: Option<RelationName>,
    /// The query.
    pub query: Query,
}

/// What is asked of a query in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubqueryKind {
    /// `EXISTS (query)`.
    Exists,
    /// `x IN (query)` or `x = ANY (query)`.
    Any,
    /// `x = ALL (query)`.
    All,
    /// `(query)`.
    Scalar,
    /// `ARRAY(query)`.
    Array,
}

/// An expression or relation that has a syntax of its own, in the order in which it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// The name that the server gives its column, such as `json_object`; empty if it gives none.
    pub name: &'static str,
    /// Its pieces; all keywords and all that is not a name or an expression are words.
    pub parts: Box<[Part]>,
}

/// A piece of a [`Syntax`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Keywords and punctuation.
    Word(&'static str),
    /// An expression.
    Expr(Expr),
    /// An expression where the grammar wants parentheses around all but the simplest.
    Tight(Expr),
    /// A type.
    Type(Type),
    /// A name that the expression itself makes.
    Name(Arc<str>),
    /// A query.
    Query(Box<Query>),
    /// `ORDER BY`.
    OrderBy(Box<[Sort]>),
    /// `OVER`.
    Over(Box<Window>),
}
