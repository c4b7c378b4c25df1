//! What the server answers to a statement that it certainly refuses.

use super::{Origin, QualifiedName};
use crate::sql::ObjectKind;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The SQLSTATE.
    pub sqlstate: &'static str,
    /// The server's message.
    pub message: String,
    /// The server's detail, or its hint.
    pub detail: Option<String>,
    /// What the certainty rests on.
    pub because: Because,
    /// The condition that a block raises, where it is its own.
    pub(super) condition: Option<std::sync::Arc<str>>,
}

/// What the certainty of a refusal rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Because {
    /// The statement that made what is in the way.
    Made(Origin),
    /// The statement that dropped or renamed what is needed.
    Dropped(Origin),
    /// No statement at hand made what is needed: certain only where the history is complete.
    NeverMade,
    /// What PostgreSQL refuses whatever came before.
    Always,
}

impl Failure {
    pub(super) fn new(
        sqlstate: &'static str,
        message: impl Into<String>,
        because: Because,
    ) -> Self {
        Self { sqlstate, message: message.into(), detail: None, because, condition: None }
    }

    pub(super) fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// 42P07: a relation of that name is there.
    pub(super) fn relation_exists(name: &str, made: Origin) -> Self {
        Self::new("42P07", format!("relation \"{name}\" already exists"), Because::Made(made))
    }

    /// 42704, 42883 or whatever the server says where an object of `kind` is missing.
    pub(super) fn missing(kind: ObjectKind, name: &str, because: Because) -> Self {
        let sqlstate = match kind {
            ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::ForeignTable => "42P01",
            ObjectKind::Schema => "3F000",
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => "42883",
            _ => "42704",
        };
        let message = format!("{} \"{name}\" does not exist", kind.as_str());
        Self::new(sqlstate, message, because)
    }

    /// 42P01 as most statements say it.
    pub(super) fn no_relation(name: &str, because: Because) -> Self {
        Self::new("42P01", format!("relation \"{name}\" does not exist"), because)
    }

    /// 42703: a column of a table is missing.
    pub(super) fn no_column(column: &str, table: &QualifiedName, because: Because) -> Self {
        let message = format!("column \"{column}\" of relation \"{}\" does not exist", table.name);
        Self::new("42703", message, because)
    }
}
