//! What names stand for in a part of a query.
//!
//! Source: `colNameToVar`, `refnameNamespaceItem` and `errorMissingRTE` of the server's
//! `parse_relation.c`.

use std::rc::Rc;
use std::sync::Arc;

use super::super::{Because, Failure, ObjectId, builtin};
use super::types::{Known, Value, builtin_type};
use super::{Address, Analyser};
use crate::sql::TypeName;
use crate::sql::tree::ColumnRef;

/// A column of a query.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) name: Arc<str>,
    pub(super) value: Value,
}

/// The columns of a query or relation.
#[derive(Clone, Debug, Default)]
pub(super) struct Outputs {
    pub(super) columns: Vec<Output>,
    /// Whether these are all, in this order.
    pub(super) complete: bool,
}

/// A column of an item of `FROM`.
#[derive(Clone, Debug)]
pub(super) struct ItemColumn {
    pub(super) name: Arc<str>,
    pub(super) value: Value,
    /// The columns of relations that it is.
    pub(super) sources: Vec<Address>,
}

/// An item of `FROM`.
#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    /// Its alias, or the name of its relation; nothing for a join without alias.
    pub(super) name: Option<Arc<str>>,
    /// The schema of its relation, where it has no alias.
    pub(super) schema: Option<Arc<str>>,
    pub(super) relation: Option<ObjectId>,
    pub(super) columns: Vec<ItemColumn>,
    /// Whether these are all.
    pub(super) complete: bool,
    /// Whether it is a table, so that it has system columns.
    pub(super) is_table: bool,
    /// Whether it is a function with a plain result, so that its name is its value.
    pub(super) is_scalar: bool,
}

/// An item of `FROM` and what may refer to it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) item: Rc<Item>,
    /// Whether names without qualifier find its columns.
    pub(super) has_columns: bool,
    /// Whether its name can be used.
    pub(super) has_name: bool,
}

/// A query of `WITH`.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) name: Arc<str>,
    pub(super) outputs: Outputs,
}

/// What names stand for, from the inside outwards.
#[derive(Default)]
pub(super) struct Scope<'p> {
    pub(super) parent: Option<&'p Scope<'p>>,
    pub(super) entries: Vec<Entry>,
    /// The names of items that are there but cannot be used here.
    pub(super) hidden: Vec<Arc<str>>,
    pub(super) common: Vec<Rc<Common>>,
    /// Whether there may be items that nobody knows.
    pub(super) open: bool,
}

impl<'p> Scope<'p> {
    pub(super) fn below(parent: &'p Scope<'p>) -> Self {
        Self { parent: Some(parent), ..Self::default() }
    }

    fn levels(&self) -> impl Iterator<Item = &Scope<'p>> {
        std::iter::successors(Some(self), |scope| scope.parent)
    }

    pub(super) fn common(&self, name: &str) -> Option<Rc<Common>> {
        self.levels()
            .flat_map(|scope| scope.common.iter().rev())
            .find(|c| *c.name == *name)
            .cloned()
    }

    /// Returns whether all items of all levels are known with all their columns.
    fn is_complete(&self) -> bool {
        self.levels()
            .all(|scope| !scope.open && scope.entries.iter().all(|entry| entry.item.complete))
    }
}

/// What a column reference is.
enum Found<'s> {
    Column(&'s ItemColumn),
    Row(&'s Item),
    Builtin(&'static str),
    Ambiguous,
    Open,
    Missing,
}

impl Analyser<'_> {
    /// Returns the type of a column, and notes that it is needed.
    pub(super) fn column(&mut self, scope: &Scope, column: &ColumnRef) -> Value {
        self.at_column(column);
        match &*column.qualifier {
            [] => self.plain_column(scope, &column.name),
            [table] => self.qualified_column(scope, None, table, &column.name),
            [schema, table] | [_, schema, table] => {
                self.qualified_column(scope, Some(schema), table, &column.name)
            }
            _ => self.lose(),
        }
    }

    /// Notes that something could not be found.
    pub(super) fn lose(&mut self) -> Value {
        self.has_lost = true;
        Value::Unknown
    }

    pub(super) fn take(&mut self, column: &ItemColumn) -> Value {
        self.needs.extend(column.sources.iter().copied());
        self.record_sources(&column.sources);
        column.value.clone()
    }

    fn plain_column(&mut self, scope: &Scope, name: &Arc<str>) -> Value {
        let found = find_plain(scope, name);
        match found {
            Found::Column(column) => self.take(column),
            Found::Row(item) => self.row(item),
            Found::Builtin(spelling) => builtin_type(spelling),
            Found::Open => self.lose(),
            Found::Ambiguous => {
                let message = format!("column reference \"{name}\" is ambiguous");
                self.fail("42702", message, name, true)
            }
            Found::Missing => {
                let message = format!("column \"{name}\" does not exist");
                self.fail("42703", message, name, scope.is_complete())
            }
        }
    }

    fn qualified_column(
        &mut self,
        scope: &Scope,
        schema: Option<&Arc<str>>,
        table: &Arc<str>,
        name: &Arc<str>,
    ) -> Value {
        let Some(item) = self.item_named(scope, schema, table) else { return Value::Unknown };
        match find_in(&item, name) {
            Found::Column(column) => self.take(column),
            Found::Builtin(spelling) => builtin_type(spelling),
            Found::Ambiguous => {
                let message = format!("column reference \"{name}\" is ambiguous");
                self.fail("42702", message, name, true)
            }
            // `t.f` may be a call of `f(t)`.
            Found::Missing | Found::Row(_) | Found::Open if !item.complete => self.lose(),
            _ if self.is_function(name) => self.lose(),
            _ => {
                let message = format!("column {table}.{name} does not exist");
                self.fail("42703", message, name, true)
            }
        }
    }

    /// Returns the item of `FROM` with a name, or says that there is none.
    pub(super) fn item_named(
        &mut self,
        scope: &Scope,
        schema: Option<&Arc<str>>,
        table: &Arc<str>,
    ) -> Option<Rc<Item>> {
        let is_it = |entry: &&Entry| {
            let item = &entry.item;
            entry.has_name
                && item.name.as_ref() == Some(table)
                && schema.is_none_or(|schema| item.schema.as_ref() == Some(schema))
        };
        for level in scope.levels() {
            let mut found = level.entries.iter().filter(is_it);
            if let Some(entry) = found.next() {
                if found.next().is_some() {
                    let message = format!("table reference \"{table}\" is ambiguous");
                    self.fail("42P09", message, table, schema.is_none());
                    return None;
                }
                return Some(entry.item.clone());
            }
        }
        let is_open = scope.levels().any(|level| level.open) || schema.is_some();
        let known = crate::sql::RelationName::unqualified(table.clone());
        let id = self.types.catalog.find_if_exists(&known, self.types.env);
        let is_there = scope.levels().any(|level| {
            level.hidden.contains(table)
                || level.entries.iter().any(|entry| {
                    entry.item.name.as_ref() == Some(table)
                        || id.is_some() && entry.item.relation == id
                })
        });
        let what = if is_there { "invalid reference to" } else { "missing" };
        let message = format!("{what} FROM-clause entry for table \"{table}\"");
        self.fail("42P01", message, table, !is_open);
        None
    }

    /// Returns the type of a whole row.
    pub(super) fn row(&mut self, item: &Item) -> Value {
        if item.is_scalar
            && let [column] = &item.columns[..]
        {
            return column.value.clone();
        }
        let name = item.relation.and_then(|id| self.types.catalog.name_of(id)).cloned();
        match (item.relation, name) {
            (Some(id), Some(name)) => {
                let (schema, name) = (Some(name.schema), name.name);
                let name = TypeName { schema, name, ..TypeName::default() };
                Value::Of(Known { name: Arc::new(name), id: Some(id) })
            }
            _ => builtin_type("record"),
        }
    }

    /// Returns whether there may be a function of that name.
    pub(super) fn is_function(&self, name: &str) -> bool {
        let catalog = self.types.catalog;
        let plain = crate::sql::RelationName::unqualified(name);
        builtin::is_function(name, self.types.env.version)
            || !catalog.functions_of(&plain, None, self.types.env).is_empty()
            || catalog.others().any(|other| other.is_opaque)
    }

    /// Notes the answer of a server that refuses the query, if that is certain.
    pub(super) fn fail(
        &mut self,
        sqlstate: &'static str,
        message: String,
        name: &str,
        is_certain: bool,
    ) -> Value {
        self.has_lost = true;
        if is_certain && self.failure.is_none() && !self.types.catalog.is_uncertain() {
            let because = self.because(name);
            self.failure = Some(Failure::new(sqlstate, message, because));
        }
        Value::Unknown
    }

    /// Returns what decides that there is no such column: its loss, or what made the relations.
    fn because(&self, column: &str) -> Because {
        let mut relations = self.read.iter().filter_map(|id| self.types.catalog.by_id(*id));
        let dropped = relations.clone().find_map(|relation| {
            let mut dropped = relation.extra().dropped_columns.iter().rev();
            dropped.find(|(name, _)| **name == *column).map(|(_, origin)| *origin)
        });
        match dropped {
            Some(origin) => Because::Dropped(origin),
            None => relations.next_back().map_or(Because::Always, |r| Because::Made(r.created)),
        }
    }
}

fn find_plain<'s>(scope: &'s Scope, name: &Arc<str>) -> Found<'s> {
    let mut is_open = false;
    for level in scope.levels() {
        let (mut found, was_open) = (None, is_open);
        for entry in level.entries.iter().filter(|entry| entry.has_columns) {
            match find_in(&entry.item, name) {
                Found::Missing => {}
                Found::Open => is_open = true,
                Found::Ambiguous => return Found::Ambiguous,
                hit => {
                    if found.is_some() {
                        return Found::Ambiguous;
                    }
                    found = Some(hit);
                }
            }
        }
        is_open |= level.open;
        if let Some(found) = found {
            return if was_open { Found::Open } else { found };
        }
    }
    for level in scope.levels() {
        for entry in level.entries.iter().filter(|entry| entry.has_name) {
            if entry.item.name.as_ref() == Some(name) {
                return if is_open { Found::Open } else { Found::Row(&entry.item) };
            }
        }
    }
    if is_open { Found::Open } else { Found::Missing }
}

fn find_in<'s>(item: &'s Item, name: &Arc<str>) -> Found<'s> {
    let mut found = item.columns.iter().filter(|column| column.name == *name);
    match (found.next(), found.next()) {
        (Some(column), None) => return Found::Column(column),
        (Some(_), Some(_)) => return Found::Ambiguous,
        (None, _) => {}
    }
    let system = match &**name {
        "ctid" => "tid",
        "xmin" | "xmax" => "xid",
        "cmin" | "cmax" => "cid",
        "tableoid" => "oid",
        _ if item.complete => return Found::Missing,
        _ => return Found::Open,
    };
    match (item.is_table, item.complete) {
        (true, _) => Found::Builtin(system),
        (false, true) => Found::Missing,
        (false, false) => Found::Open,
    }
}
