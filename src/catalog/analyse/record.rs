//! What the names of a tree stand for, by their places in memory.

use std::collections::HashMap;
use std::sync::Arc;

use super::scope::{ItemColumn, Scope};
use super::{Address, Analyser};
use crate::catalog::{Catalog, Env, ObjectId};
use crate::sql::tree::{Call, ColumnRef, Expr, Query, Target};

/// What the names of one tree stand for. It must not move while this is asked.
#[derive(Debug, Default)]
pub(in crate::catalog) struct Records {
    columns: HashMap<usize, Vec<Address>>,
    calls: HashMap<usize, Option<ObjectId>>,
    stars: HashMap<usize, Vec<Starred>>,
    /// The column or star that is looked at.
    at: usize,
    /// Whether a star stands for columns of which some are not known.
    pub(in crate::catalog) has_lost: bool,
}

/// A column for which a star stands.
#[derive(Clone, Debug)]
pub(in crate::catalog) struct Starred {
    /// The name of its item of `FROM`.
    pub(in crate::catalog) item: Option<Arc<str>>,
    /// Its name there.
    pub(in crate::catalog) name: Arc<str>,
}

impl Records {
    /// Returns the columns of relations that a column is.
    pub(in crate::catalog) fn column(&self, column: &ColumnRef) -> Option<&[Address]> {
        self.columns.get(&place(column)).map(Vec::as_slice)
    }

    /// Returns whether a call may mean a function: it was not looked up, or means that one.
    pub(in crate::catalog) fn may_call(&self, call: &Call, function: ObjectId) -> bool {
        self.calls.get(&place(call)).is_none_or(|called| *called == Some(function))
    }

    /// Returns the columns for which a star stands.
    pub(in crate::catalog) fn star(&self, target: &Target) -> Option<&[Starred]> {
        self.stars.get(&place(target)).map(Vec::as_slice)
    }
}

impl Catalog {
    /// Looks all names of a query up.
    pub(in crate::catalog) fn records_of_query(&self, query: &Query, env: &Env) -> Records {
        let mut analyser = Analyser::new(self, env);
        analyser.records = Some(Box::default());
        analyser.query(&Scope::default(), query);
        analyser.records.take().map(|records| *records).unwrap_or_default()
    }

    /// Looks all names of an expression up, in the scope of a table under these names, if of one.
    pub(in crate::catalog) fn records_of_expression(
        &self,
        table: Option<ObjectId>,
        names: &[&str],
        expression: &Expr,
        env: &Env,
    ) -> Records {
        let mut analyser = Analyser::new(self, env);
        analyser.records = Some(Box::default());
        let scope = table.map_or_else(Scope::default, |table| analyser.scope_of(table, names));
        analyser.expr(&scope, expression);
        analyser.records.take().map(|records| *records).unwrap_or_default()
    }
}

impl Analyser<'_> {
    pub(super) fn at_column(&mut self, column: &ColumnRef) {
        if let Some(records) = &mut self.records {
            records.at = place(column);
        }
    }

    pub(super) fn at_star(&mut self, target: &Target) {
        if let Some(records) = &mut self.records {
            records.at = place(target);
        }
    }

    pub(super) fn record_sources(&mut self, sources: &[Address]) {
        if let Some(records) = &mut self.records {
            records.columns.entry(records.at).or_default().extend(sources);
        }
    }

    pub(super) fn record_call(&mut self, call: &Call, id: Option<ObjectId>) {
        if let Some(records) = &mut self.records {
            records.calls.insert(place(call), id);
        }
    }

    pub(super) fn record_star(
        &mut self,
        item: Option<&Arc<str>>,
        column: &ItemColumn,
        is_complete: bool,
    ) {
        if let Some(records) = &mut self.records {
            records.has_lost |= !is_complete;
            records
                .stars
                .entry(records.at)
                .or_default()
                .push(Starred { item: item.cloned(), name: column.name.clone() });
        }
    }
}

fn place<T>(of: &T) -> usize {
    std::ptr::from_ref(of).addr()
}
