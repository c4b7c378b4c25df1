//! Finds the names of one kind in a tree.

use std::sync::Arc;

use super::{Call, ColumnRef, Expr, Query, RelationName, TypeName, Visit};

impl Expr {
    /// Returns the columns.
    pub fn columns(&self) -> Vec<&ColumnRef> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Column(column) => Some(column),
                _ => None,
            },
        )
    }

    /// Returns the columns that are not those of a query inside it.
    pub fn own_columns(&self) -> Vec<&ColumnRef> {
        collect(
            |visit| self.walk_without_queries(visit),
            |name| match name {
                Visit::Column(column) => Some(column),
                _ => None,
            },
        )
    }

    /// Returns the strings that the server takes for relations.
    pub fn relation_texts(&self) -> Vec<&str> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::RelationText(text) => Some(&**text),
                _ => None,
            },
        )
    }

    /// Returns the calls.
    pub fn calls(&self) -> Vec<&Call> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Call(call) => Some(call),
                _ => None,
            },
        )
    }

    /// Returns the types.
    pub fn types(&self) -> Vec<&Arc<TypeName>> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Type(name) => Some(name),
                _ => None,
            },
        )
    }

    /// Returns the relations that are read by name, without those in strings.
    pub fn relations(&self) -> Vec<&RelationName> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Relation(name) => Some(name),
                _ => None,
            },
        )
    }

    /// Returns the strings.
    pub fn strings(&self) -> Vec<&str> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Text(text) | Visit::RelationText(text) => Some(&**text),
                _ => None,
            },
        )
    }

    /// Returns whether it is the constant `NULL`, whatever its type.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Cast(cast) => cast.value.is_null(),
            _ => false,
        }
    }
}

impl Query {
    /// Returns the relations that are read by name, without those in strings.
    pub fn relations(&self) -> Vec<&RelationName> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Relation(name) => Some(name),
                _ => None,
            },
        )
    }

    /// Returns the calls.
    pub fn calls(&self) -> Vec<&Call> {
        collect(
            |visit| self.walk(visit),
            |name| match name {
                Visit::Call(call) => Some(call),
                _ => None,
            },
        )
    }
}

/// Returns those of the visited names that `select` wants.
fn collect<'a, T>(
    walk: impl FnOnce(&mut dyn FnMut(Visit<'a>)),
    select: impl Fn(Visit<'a>) -> Option<T>,
) -> Vec<T> {
    let mut found = Vec::new();
    walk(&mut |name| found.extend(select(name)));
    found
}
