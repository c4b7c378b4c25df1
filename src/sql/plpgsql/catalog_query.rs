//! Reads queries over the system catalogs: which object do they look for?

use std::collections::BTreeMap;

use pg_query::protobuf::{SelectStmt, SetOperation};
use pg_query::{Node, NodeEnum};

use super::catalog_reader::Reader;
use super::catalog_tables::{Attribute, Kind, Role, attribute, is_column, kind};
use super::condition::Condition;
use super::expression::{self, Scope};
use super::fact::{ObjectName, RelationKind, SchemaName};
use super::value::Value;

pub(super) type Key = (Role, Attribute);

/// A query over catalogs, as what it wants of the object that it looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) kind: Kind,
    pub(super) relation_kinds: Vec<RelationKind>,
    pub(super) wanted: BTreeMap<Key, Wanted>,
}

/// What a column must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    OneOf(Vec<String>),
    Object(ObjectName),
    CurrentSchema,
    OnSearchPath,
}

/// A column of the row that a catalog query finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selected {
    pub(super) query: Query,
    pub(super) column: Option<Key>,
    /// What it is where a row is found.
    pub(super) known: Value,
}

impl Selected {
    /// Returns the condition that it is not null.
    pub(super) fn is_not_null(&self) -> Condition {
        match self.column {
            Some((_, Attribute::HasDefault | Attribute::IsInstalled)) => self.equals("true"),
            Some((_, Attribute::Length)) => Condition::Unknown,
            None if self.known == Value::Unknown => Condition::Unknown,
            Some(_) | None => self.query.exists(),
        }
    }

    /// Returns the condition that it is this text.
    pub(super) fn equals(&self, text: &str) -> Condition {
        if let Some(known) = self.known.as_known() {
            return if known == text { self.query.exists() } else { Condition::Constant(false) };
        }
        let Some(column) = self.column else { return Condition::Unknown };
        let mut query = self.query.clone();
        match query.want(column, Wanted::OneOf(vec![text.to_owned()])) {
            Some(()) => query.exists(),
            None => Condition::Unknown,
        }
    }

    /// Returns the condition that it is true.
    pub(super) fn is_true(&self) -> Condition {
        match &self.known {
            Value::Truth(condition) => Condition::all([self.query.exists(), condition.clone()]),
            _ => match self.column {
                Some((
                    _,
                    Attribute::IsNotNull
                    | Attribute::HasDefault
                    | Attribute::IsUnique
                    | Attribute::IsPrimary
                    | Attribute::IsValid
                    | Attribute::RowSecurity,
                )) => self.equals("true"),
                _ => Condition::Unknown,
            },
        }
    }
}

impl Query {
    /// Adds what a column must be; nothing if that contradicts what it must be already.
    pub(super) fn want(&mut self, key: Key, wanted: Wanted) -> Option<()> {
        if key.1 == Attribute::Nothing {
            return Some(());
        }
        match self.wanted.get(&key) {
            None => {
                self.wanted.insert(key, wanted);
                Some(())
            }
            Some(other) => (*other == wanted).then_some(()),
        }
    }
}

/// Returns whether a query only combines rows, filters them and makes others of them.
pub(super) fn is_plain(select: &SelectStmt) -> bool {
    select.op() == SetOperation::SetopNone
        && select.with_clause.is_none()
        && select.group_clause.is_empty()
        && select.having_clause.is_none()
        && select.limit_offset.is_none()
        && !select.from_clause.is_empty()
}

/// Reads a query over catalogs; nothing for one over anything else, or with a condition that is not
/// understood.
pub(super) fn read(select: &SelectStmt, scope: &Scope) -> Option<Query> {
    if !is_plain(select) {
        return None;
    }
    let mut reader = Reader::default();
    let mut conditions = Vec::new();
    for from in &select.from_clause {
        reader.add_source(from, &mut conditions, 0)?;
    }
    conditions.extend(select.where_clause.as_deref());
    for condition in conditions {
        reader.add_condition(condition, scope, 0)?;
    }
    reader.finish()
}

/// Returns the key of the column that is the only one that a query selects.
pub(super) fn selected_column(select: &SelectStmt, node: &Node, query: &Query) -> Option<Key> {
    let (qualifier, column) = column_reference(expression::without_casts(node))?;
    let mut names = Vec::new();
    for from in &select.from_clause {
        range_names(from, &mut names, 0);
    }
    let found = names.iter().find(|(name, table)| {
        qualifier.as_ref().is_none_or(|qualifier| qualifier == name) && is_column(table, &column)
    });
    let (_, table) = found?;
    // Only the catalog that the fact is about: its columns need no role.
    let own = kind_of(table)?;
    (own == query.kind).then(|| attribute(table, &column)).flatten()
}

fn kind_of(table: &str) -> Option<Kind> {
    kind("", table).or_else(|| kind("information_schema", table))
}

fn range_names(node: &Node, out: &mut Vec<(String, String)>, depth: usize) {
    match &node.node {
        Some(NodeEnum::RangeVar(range)) => {
            let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
            out.push((alias.unwrap_or(range.relname.clone()), range.relname.clone()));
        }
        Some(NodeEnum::JoinExpr(join)) if depth < 50 => {
            for side in [&join.larg, &join.rarg].into_iter().flatten() {
                range_names(side, out, depth + 1);
            }
        }
        _ => {}
    }
}

/// Returns the qualifier and the name of a column.
pub(super) fn column_reference(node: &Node) -> Option<(Option<String>, String)> {
    let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
    let mut parts = reference.fields.iter().rev().map(|field| match &field.node {
        Some(NodeEnum::String(string)) => Some(string.sval.clone()),
        _ => None,
    });
    let name = parts.next()??;
    Some((parts.next().flatten(), name))
}

pub(super) fn relation_kinds(table: &str) -> Vec<RelationKind> {
    use RelationKind as K;
    match table {
        "pg_tables" => vec![K::Table, K::PartitionedTable],
        "tables" => vec![K::Table, K::PartitionedTable, K::View, K::ForeignTable],
        "pg_views" | "views" => vec![K::View],
        "pg_matviews" => vec![K::MaterializedView],
        "pg_sequences" | "sequences" => vec![K::Sequence],
        _ => Vec::new(),
    }
}

pub(super) fn one_of(items: &[Node], key: Key, scope: &Scope) -> Option<Wanted> {
    let mut texts = Vec::new();
    for item in items {
        match wanted(item, key, scope)? {
            Wanted::OneOf(one) => texts.extend(one),
            other => return (items.len() == 1).then_some(other),
        }
    }
    Some(Wanted::OneOf(texts))
}

/// Returns what a column must be to equal an expression.
pub(super) fn wanted(node: &Node, key: Key, scope: &Scope) -> Option<Wanted> {
    let value = expression::value(node, scope);
    if key.1 == Attribute::Nothing {
        return Some(Wanted::OneOf(Vec::new()));
    }
    if value == Value::CurrentSchema {
        return (key.1 == Attribute::Schema).then_some(Wanted::CurrentSchema);
    }
    let text = value.as_known()?;
    if key.1 == Attribute::Object {
        return Some(Wanted::Object(object_name(&text)?));
    }
    // `relnamespace = 'x'::regnamespace` compares names that may be quoted.
    let text = match expression::cast_type(node).as_deref() {
        Some("regnamespace") => object_name(&text)?.name?.to_string(),
        _ => text,
    };
    Some(Wanted::OneOf(vec![text]))
}

/// Reads the name that `regclass` and its kin read.
pub(super) fn object_name(text: &str) -> Option<ObjectName> {
    let text = text.split('(').next().unwrap_or(text);
    let mut parts = Vec::new();
    let mut lexemes = crate::sql::lex::lexemes(text);
    loop {
        parts.push(lexemes.next()?.name()?);
        match lexemes.next() {
            None => break,
            Some(dot) if dot.text == "." => {}
            Some(_) => return None,
        }
    }
    let name = parts.pop()?;
    let schema =
        parts.pop().map_or(SchemaName::SearchPath, |schema| SchemaName::Named(schema.into()));
    Some(ObjectName { schema, name: Some(name.into()) })
}

/// Returns the truth of `EXISTS (query)`.
pub(super) fn exists(select: &SelectStmt, scope: &Scope) -> Condition {
    if let Some(found) = super::table_rows::exists(select, scope) {
        return Condition::Constant(found);
    }
    if select.from_clause.is_empty() && select.values_lists.is_empty() {
        let condition = select.where_clause.as_deref();
        return condition
            .map_or(Condition::Constant(true), |node| expression::condition(node, scope));
    }
    read(select, scope).map_or(Condition::Unknown, |query| query.exists())
}
