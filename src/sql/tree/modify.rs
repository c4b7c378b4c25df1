//! Statements that write rows, as they may stand inside `WITH`.

use std::sync::Arc;

use super::{Expr, FromItem, Query, RelationName, Source, Step, Target};

/// `INSERT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insert {
    /// The table.
    pub target: Source,
    /// The columns, where they are spelled out.
    pub columns: Box<[Place]>,
    /// `OVERRIDING`: `USER VALUE` or `SYSTEM VALUE`.
    pub overriding: Option<&'static str>,
    /// The rows; nothing for `DEFAULT VALUES`.
    pub rows: Option<Query>,
    /// `ON CONFLICT`.
    pub conflict: Option<Box<Conflict>>,
    /// `RETURNING`.
    pub returning: Returning,
}

/// A column that is written, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The column.
    pub column: Arc<str>,
    /// The part of it.
    pub steps: Box<[Step]>,
}

/// `SET place = value`, or `SET (place, place) = value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// What is written.
    pub places: Box<[Place]>,
    /// Whether the places stand in parentheses.
    pub is_row: bool,
    /// The value.
    pub value: Expr,
}

/// `ON CONFLICT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The columns or expressions of the index; parts of names, collations and operator classes too.
    pub keys: Box<[ConflictKey]>,
    /// The `WHERE` of the index.
    pub key_condition: Option<Expr>,
    /// `ON CONSTRAINT`.
    pub constraint: Option<Arc<str>>,
    /// `DO UPDATE SET`; nothing for `DO NOTHING`.
    pub update: Option<Box<[Assignment]>>,
    /// The `WHERE` of `DO UPDATE`.
    pub condition: Option<Expr>,
}

/// A key of `ON CONFLICT`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictKey {
    /// The column or expression.
    pub value: Expr,
    /// Its collation.
    pub collation: Option<Box<RelationName>>,
    /// Its operator class.
    pub class: Option<Box<RelationName>>,
}

/// `RETURNING`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returning {
    /// What it returns.
    pub targets: Box<[Target]>,
    /// `WITH (OLD AS o, NEW AS n)`.
    pub names: Box<[(&'static str, Arc<str>)]>,
}

/// `UPDATE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Update {
    /// The table.
    pub target: Source,
    /// `SET`.
    pub assignments: Box<[Assignment]>,
    /// `FROM`.
    pub from: Box<[FromItem]>,
    /// `WHERE`.
    pub condition: Option<Expr>,
    /// `RETURNING`.
    pub returning: Returning,
}

/// `DELETE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// The table.
    pub target: Source,
    /// `USING`.
    pub using: Box<[FromItem]>,
    /// `WHERE`.
    pub condition: Option<Expr>,
    /// `RETURNING`.
    pub returning: Returning,
}

/// `MERGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merge {
    /// The table.
    pub target: Source,
    /// What is merged into it.
    pub source: FromItem,
    /// `ON`.
    pub on: Expr,
    /// `WHEN`.
    pub branches: Box<[MergeBranch]>,
    /// `RETURNING`.
    pub returning: Returning,
}

/// `WHEN ... THEN` of `MERGE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeBranch {
    /// `MATCHED`, `NOT MATCHED` or `NOT MATCHED BY SOURCE`.
    pub when: &'static str,
    /// `AND`.
    pub condition: Option<Expr>,
    /// `THEN`.
    pub action: MergeAction,
}

/// What a branch of `MERGE` does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeAction {
    /// `DO NOTHING`.
    Nothing,
    /// `DELETE`.
    Delete,
    /// `UPDATE SET`.
    Update(Box<[Assignment]>),
    /// `INSERT`.
    Insert {
        /// The columns.
        columns: Box<[Place]>,
        /// `OVERRIDING`.
        overriding: Option<&'static str>,
        /// The values; empty for `DEFAULT VALUES`.
        values: Box<[Expr]>,
    },
}
