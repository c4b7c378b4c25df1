//! What a query or an expression returns and needs: names looked up as the server's parser does.

mod call;
pub(crate) mod change;
mod expression;
mod from;
mod overload;
mod query;
mod record;
mod scope;
mod types;
mod volatile;

use std::collections::BTreeSet;
use std::sync::Arc;

use super::depend::{Address, Part};
use super::object::Class;
use super::{Catalog, Env, Failure, ObjectId};
use crate::sql::TypeName;
use crate::sql::tree::{Expr, Query};
pub(super) use record::{Records, Starred};
use scope::Scope;
use types::{Types, Value};

/// What a query returns and needs.
#[derive(Debug, Default)]
pub(super) struct Analysis {
    /// Its columns.
    pub(super) columns: Vec<AnalysedColumn>,
    /// What it cannot be without.
    pub(super) needs: Vec<Address>,
    /// How much of this is known.
    pub(super) completeness: Completeness,
    /// What the server answers, if it certainly refuses.
    pub(super) failure: Option<Failure>,
}

/// A column of a query.
#[derive(Debug)]
pub(super) struct AnalysedColumn {
    /// Its name.
    pub(super) name: Arc<str>,
    /// Its type, if it is known, where something at hand made it with what that is.
    pub(super) data_type: Option<(Arc<TypeName>, Option<ObjectId>)>,
}

/// How much is known of a query.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Completeness {
    /// It may have other columns.
    #[default]
    Unknown,
    /// Its columns are known; some of their types, or of what it needs, are not.
    Columns,
    /// Everything is known.
    Complete,
}

struct Analyser<'c> {
    types: Types<'c>,
    needs: BTreeSet<Address>,
    /// The relations that are read, in order.
    read: Vec<ObjectId>,
    failure: Option<Failure>,
    /// Whether something was not found.
    has_lost: bool,
    /// What names turned out to be, where somebody asks for it.
    records: Option<Box<Records>>,
}

impl Catalog {
    /// Analyses a query.
    pub(super) fn analyse_query(&self, query: &Query, env: &Env) -> Analysis {
        let mut analyser = Analyser::new(self, env);
        let outputs = analyser.query(&Scope::default(), query);
        let columns = outputs.columns.into_iter().map(|column| AnalysedColumn {
            name: column.name,
            data_type: match column.value.settled() {
                Value::Of(known) => Some((known.name, known.id)),
                Value::Unknown | Value::Literal => None,
            },
        });
        let mut analysis = Analysis { columns: columns.collect(), ..Analysis::default() };
        let is_typed = analysis.columns.iter().all(|column| column.data_type.is_some());
        analysis.completeness = match (outputs.complete, is_typed && !analyser.has_lost) {
            (false, _) => Completeness::Unknown,
            (true, false) => Completeness::Columns,
            (true, true) => Completeness::Complete,
        };
        analysis.failure = analyser.failure.take();
        analysis.needs = analyser.finish();
        analysis
    }

    /// Analyses an expression in the scope of a table, or of none.
    pub(super) fn analyse_expression(
        &self,
        table: Option<ObjectId>,
        expression: &Expr,
        env: &Env,
    ) -> Analysis {
        let mut analyser = Analyser::new(self, env);
        let scope = table.map_or_else(Scope::default, |table| analyser.scope_of(table, &[]));
        analyser.only(&scope, expression)
    }

    /// Analyses the `WHEN` of a trigger.
    pub(super) fn analyse_condition(
        &self,
        table: ObjectId,
        expression: &Expr,
        env: &Env,
    ) -> Analysis {
        let mut analyser = Analyser::new(self, env);
        let scope = analyser.scope_of(table, &["old", "new"]);
        analyser.only(&scope, expression)
    }
}

impl<'c> Analyser<'c> {
    fn only(mut self, scope: &Scope, expression: &Expr) -> Analysis {
        let analyser = &mut self;
        let value = analyser.expr(scope, expression);
        let completeness = match (value, analyser.has_lost) {
            (_, true) => Completeness::Unknown,
            (Value::Unknown, false) => Completeness::Columns,
            (Value::Of(_) | Value::Literal, false) => Completeness::Complete,
        };
        let failure = analyser.failure.take();
        Analysis { columns: Vec::new(), needs: self.finish(), completeness, failure }
    }

    fn new(catalog: &'c Catalog, env: &'c Env) -> Self {
        let types = Types { catalog, env };
        let (needs, read) = (BTreeSet::new(), Vec::new());
        Self { types, needs, read, failure: None, has_lost: false, records: None }
    }

    /// Returns what is needed; a column stands for its relation too, as in the server's catalog.
    fn finish(self) -> Vec<Address> {
        let has_column = |id: ObjectId| {
            if id.class != Class::Relation {
                return false;
            }
            let columns = (id, Part::Column(0))..=(id, Part::Column(u16::MAX));
            self.needs.range(columns).next().is_some()
        };
        let is_needed =
            |need: &Address| need.1 != Part::Whole || self.has_lost || !has_column(need.0);
        self.needs.iter().copied().filter(is_needed).collect()
    }
}
