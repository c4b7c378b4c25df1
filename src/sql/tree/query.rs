//! Queries as trees.

use std::sync::Arc;

use super::{Delete, Expr, Insert, Merge, RelationName, Syntax, Type, Update};

/// A query: `SELECT`, `VALUES`, a set operation, or a statement that writes rows inside `WITH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// `WITH`.
    pub with: Option<Box<With>>,
    /// What it does.
    pub body: Body,
    /// `ORDER BY`, `LIMIT` and what else stands behind.
    pub tail: Option<Box<Tail>>,
}

/// What a query does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// Something that is no query, or that is nested too deeply.
    Unknown,
    /// `SELECT`.
    Select(Box<Select>),
    /// `VALUES`.
    Values(Box<[Box<[Expr]>]>),
    /// `UNION` and its like.
    SetOperation(Box<SetOperation>),
    /// `INSERT`.
    Insert(Box<Insert>),
    /// `UPDATE`.
    Update(Box<Update>),
    /// `DELETE`.
    Delete(Box<Delete>),
    /// `MERGE`.
    Merge(Box<Merge>),
}

/// What stands behind a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// `ORDER BY`.
    pub order_by: Box<[Sort]>,
    /// `LIMIT` or `FETCH FIRST`.
    pub limit: Option<Expr>,
    /// Whether `WITH TIES` stands there.
    pub with_ties: bool,
    /// `OFFSET`.
    pub offset: Option<Expr>,
    /// `FOR UPDATE` and its like.
    pub locking: Box<[Locking]>,
}

/// `WITH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct With {
    /// Whether `RECURSIVE` stands there.
    pub recursive: bool,
    /// Its queries.
    pub queries: Box<[CommonTable]>,
}

/// One query of `WITH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommonTable {
    /// Its name.
    pub name: Arc<str>,
    /// The names of its columns, where they are spelled out.
    pub columns: Box<[Arc<str>]>,
    /// `MATERIALIZED` or `NOT MATERIALIZED`, where one of them stands there.
    pub materialized: Option<bool>,
    /// The query.
    pub query: Query,
    /// The columns that `SEARCH` and `CYCLE` add.
    pub added: Box<[Arc<str>]>,
    /// `SEARCH` and `CYCLE` themselves.
    pub search: Option<Box<Syntax>>,
}

/// `SELECT`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Select {
    /// `DISTINCT` and `DISTINCT ON`.
    pub distinct: Distinct,
    /// What it returns.
    pub targets: Box<[Target]>,
    /// `FROM`.
    pub from: Box<[FromItem]>,
    /// `WHERE`.
    pub condition: Option<Expr>,
    /// What is rare.
    pub grouping: Option<Box<Grouping>>,
}

/// `DISTINCT`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Distinct {
    /// All rows.
    #[default]
    No,
    /// `DISTINCT`.
    Rows,
    /// `DISTINCT ON`.
    On(Box<[Expr]>),
}

/// What `SELECT` rarely has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// `GROUP BY`.
    pub by: Box<[Expr]>,
    /// Whether it is `GROUP BY DISTINCT`.
    pub distinct: bool,
    /// `HAVING`.
    pub having: Option<Expr>,
    /// `WINDOW`.
    pub windows: Box<[Window]>,
}

/// What a query returns: one column, or all those of a star.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The value.
    pub value: Expr,
    /// The name that `AS` gives it.
    pub alias: Option<Arc<str>>,
}

/// `ORDER BY` of one expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sort {
    /// The expression.
    pub value: Expr,
    /// The direction.
    pub direction: Direction,
    /// `NULLS FIRST` (true) or `NULLS LAST`.
    pub nulls_first: Option<bool>,
}

/// A direction of sorting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Nothing stands there.
    Default,
    /// `ASC`.
    Ascending,
    /// `DESC`.
    Descending,
    /// `USING` an operator.
    Using(Box<RelationName>),
}

/// A window, in `OVER` or `WINDOW`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Its name; in `OVER`, the window that it is.
    pub name: Option<Arc<str>>,
    /// The window that it extends.
    pub base: Option<Arc<str>>,
    /// `PARTITION BY`.
    pub partition_by: Box<[Expr]>,
    /// `ORDER BY`.
    pub order_by: Box<[Sort]>,
    /// Its frame.
    pub frame: Option<Box<Frame>>,
}

/// The frame of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// `RANGE`, `ROWS` or `GROUPS`.
    pub unit: &'static str,
    /// Where it begins.
    pub start: Bound,
    /// Where it ends, with `BETWEEN`.
    pub end: Option<Bound>,
    /// `EXCLUDE`: `CURRENT ROW`, `GROUP` or `TIES`.
    pub exclude: Option<&'static str>,
}

/// Where a frame begins or ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `UNBOUNDED PRECEDING`.
    UnboundedPreceding,
    /// `n PRECEDING`.
    Preceding(Expr),
    /// `CURRENT ROW`.
    CurrentRow,
    /// `n FOLLOWING`.
    Following(Expr),
    /// `UNBOUNDED FOLLOWING`.
    UnboundedFollowing,
}

/// `FOR UPDATE` and its like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locking {
    /// `UPDATE`, `NO KEY UPDATE`, `SHARE` or `KEY SHARE`.
    pub strength: &'static str,
    /// `OF`: names of `FROM`.
    pub of: Box<[RelationName]>,
    /// `NOWAIT` or `SKIP LOCKED`.
    pub wait: Option<&'static str>,
}

/// An item of `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromItem {
    /// Something that the tree has no place for, or that is nested too deeply.
    Unknown,
    /// A relation or a query of `WITH`.
    Relation(Box<Source>),
    /// A subquery.
    Subquery(Box<Derived>),
    /// Functions.
    Functions(Box<Functions>),
    /// A join.
    Join(Box<Join>),
    /// `TABLESAMPLE`.
    Sample(Box<Sample>),
    /// `JSON_TABLE` or `XMLTABLE`.
    Syntax(Box<SyntaxTable>),
}

/// The name that an item of `FROM` has in the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// The name.
    pub name: Arc<str>,
    /// Names for its columns, from the first.
    pub columns: Box<[Arc<str>]>,
}

/// A relation that a query reads or writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The relation.
    pub name: RelationName,
    /// Whether `ONLY` stands there.
    pub only: bool,
    /// Its alias.
    pub alias: Option<Alias>,
}

/// A subquery in `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Derived {
    /// The query.
    pub query: Query,
    /// Whether `LATERAL` stands there.
    pub lateral: bool,
    /// Its alias.
    pub alias: Option<Alias>,
}

/// Functions in `FROM`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Functions {
    /// The calls, each with the columns that it returns where they are spelled out.
    pub calls: Box<[(Expr, Box<[ColumnType]>)]>,
    /// Whether `ROWS FROM` stands there.
    pub rows_from: bool,
    /// Whether `LATERAL` stands there.
    pub lateral: bool,
    /// Whether `WITH ORDINALITY` stands there.
    pub ordinality: bool,
    /// Its alias.
    pub alias: Option<Alias>,
    /// The columns that `AS (...)` spells out.
    pub columns: Box<[ColumnType]>,
}

/// A column with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnType {
    /// The column.
    pub name: Arc<str>,
    /// Its type; nothing for the row number of `FOR ORDINALITY`.
    pub of: Option<Type>,
    /// Its collation.
    pub collation: Option<Box<RelationName>>,
}

/// A join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// How it is spelled.
    pub kind: JoinKind,
    /// Whether `NATURAL` stands there.
    pub natural: bool,
    /// The left side.
    pub left: FromItem,
    /// The right side.
    pub right: FromItem,
    /// `USING`.
    pub using: Box<[Arc<str>]>,
    /// The alias of `USING (...) AS name`.
    pub using_alias: Option<Arc<str>>,
    /// `ON`.
    pub on: Option<Expr>,
    /// The alias of the whole join.
    pub alias: Option<Alias>,
}

/// What kind a join is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoinKind {
    /// `JOIN`, or `CROSS JOIN` where it has no condition.
    Inner,
    /// `LEFT JOIN`.
    Left,
    /// `RIGHT JOIN`.
    Right,
    /// `FULL JOIN`.
    Full,
}

/// `TABLESAMPLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What is sampled.
    pub item: FromItem,
    /// The method.
    pub method: RelationName,
    /// Its arguments.
    pub arguments: Box<[Expr]>,
    /// `REPEATABLE`.
    pub repeatable: Option<Expr>,
}

/// `JSON_TABLE` or `XMLTABLE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxTable {
    /// Whether `LATERAL` stands there.
    pub lateral: bool,
    /// The call.
    pub syntax: Syntax,
    /// The columns that it returns, with nested ones.
    pub columns: Box<[ColumnType]>,
    /// Its alias.
    pub alias: Option<Alias>,
}

/// `UNION`, `INTERSECT` or `EXCEPT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetOperation {
    /// Which.
    pub kind: SetKind,
    /// Whether `ALL` stands there.
    pub all: bool,
    /// The left query, which names the columns.
    pub left: Query,
    /// The right query.
    pub right: Query,
}

/// What a set operation does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// `UNION`.
    Union,
    /// `INTERSECT`.
    Intersect,
    /// `EXCEPT`.
    Except,
}
