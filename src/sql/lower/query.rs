//! Statements that read or write rows, and objects that are made of a query.

use std::sync::Arc;

use pg_query::protobuf::{CreateTableAsStmt, FuncCall, ObjectType, SelectStmt, ViewStmt};
use pg_query::{Context, Node, NodeEnum, ParseResult};

use super::names::{constant, qualified, relation};
use super::strings;
use super::table::persistence;
use super::{constants, tree};
use crate::sql::plpgsql::calls_in;
use crate::sql::tree::{Call, Expr, Query, Visit};
use crate::sql::{
    Action, Constant, CreateTable, CreateView, Dml, DmlKind, Persistence, RelationName, Setting,
};

/// Returns the relations that a statement names, sorted, without `except`.
pub(super) fn tables(tree: &ParseResult, except: Option<&RelationName>) -> Vec<RelationName> {
    let mut tables: Vec<RelationName> = tree
        .tables
        .iter()
        .filter(|(_, context)| *context != Context::Call)
        // The parser takes a `WITH` query for a table where it comes upon the use of it first.
        .filter(|(name, _)| !tree.cte_names.contains(name))
        .map(|(name, _)| dotted(name))
        .filter(|name| Some(name) != except)
        .collect();
    tables.sort();
    tables.dedup();
    tables.shrink_to_fit();
    tables
}

/// Returns the relations that a statement writes to, sorted, without `except`.
pub(super) fn written(tree: &ParseResult, except: Option<&RelationName>) -> Vec<RelationName> {
    let written = tree.tables.iter().filter(|(_, context)| *context == Context::DML);
    let mut written: Vec<RelationName> =
        written.map(|(name, _)| dotted(name)).filter(|name| Some(name) != except).collect();
    written.sort();
    written.dedup();
    written
}

fn dotted(name: &str) -> RelationName {
    match name.split_once('.') {
        Some((schema, name)) => RelationName { schema: Some(schema.into()), name: name.into() },
        None => RelationName::unqualified(name),
    }
}

/// Returns the relations that a query reads or writes, sorted, without the one that is made of it.
fn reads(query: Option<&Query>, made: &RelationName) -> Vec<RelationName> {
    let mut names = Vec::new();
    let mut visit = |name| match name {
        Visit::Relation(name) | Visit::Target(name) if name != made => names.push(name.clone()),
        _ => {}
    };
    query.into_iter().for_each(|query| query.walk(&mut visit));
    names.sort();
    names.dedup();
    names.shrink_to_fit();
    names
}

pub(super) fn create_as(create: &CreateTableAsStmt) -> Vec<Action> {
    let Some(into) = &create.into else { return Vec::new() };
    let Some(name) = relation(into.rel.as_ref()) else { return Vec::new() };
    let query = create.query.as_deref().map(tree::query);
    let reads = reads(query.as_ref(), &name);
    if create.objtype() == ObjectType::ObjectMatview {
        return vec![Action::CreateView(Box::new(CreateView {
            name,
            materialized: true,
            or_replace: false,
            if_not_exists: create.if_not_exists,
            temporary: false,
            column_names: strings(&into.col_names),
            no_data: into.skip_data,
            reads,
            query: query.map(Arc::new),
            constants: query_constants(create.query.as_deref()),
        }))];
    }
    vec![Action::CreateTable(Box::new(CreateTable {
        name: Some(name),
        if_not_exists: create.if_not_exists,
        persistence: persistence(into.rel.as_ref()),
        columns_unknown: true,
        column_names: strings(&into.col_names),
        on_commit_drop: into.on_commit() == pg_query::protobuf::OnCommitAction::OncommitDrop,
        reads,
        query: query.map(Box::new),
        tablespace: super::names::name(&into.table_space_name),
        no_data: into.skip_data,
        ..CreateTable::default()
    }))]
}

fn query_constants(query: Option<&Node>) -> Vec<Constant> {
    query.and_then(|query| query.node.as_ref()).map(constants::of_statement).unwrap_or_default()
}

pub(super) fn create_view(view: &ViewStmt) -> Vec<Action> {
    let Some(name) = relation(view.view.as_ref()) else { return Vec::new() };
    let query = view.query.as_deref().map(tree::query);
    vec![Action::CreateView(Box::new(CreateView {
        materialized: false,
        or_replace: view.replace,
        if_not_exists: false,
        temporary: persistence(view.view.as_ref()) == Persistence::Temporary,
        column_names: strings(&view.aliases),
        no_data: false,
        reads: reads(query.as_ref(), &name),
        name,
        query: query.map(Arc::new),
        constants: query_constants(view.query.as_deref()),
    }))]
}

pub(super) fn dml(node: &NodeEnum, tree: &ParseResult) -> Vec<Action> {
    let mut dml = Dml::default();
    match node {
        NodeEnum::InsertStmt(insert) => {
            dml.kind = DmlKind::Insert;
            dml.target = relation(insert.relation.as_ref());
            dml.has_on_conflict = insert.on_conflict_clause.is_some();
            dml.columns = set_columns(&insert.cols);
            dml.width = width(insert.select_stmt.as_deref());
            dml.rows = rows(insert.select_stmt.as_deref());
        }
        NodeEnum::UpdateStmt(update) => {
            dml.kind = DmlKind::Update;
            dml.target = relation(update.relation.as_ref());
            dml.has_where = update.where_clause.is_some();
            dml.only = update.relation.as_ref().is_some_and(|relation| !relation.inh);
            dml.columns = set_columns(&update.target_list);
            dml.rows = vec![update.target_list.iter().map(value).collect()];
            if update.from_clause.is_empty() {
                dml.condition = condition(update.where_clause.as_deref());
            }
        }
        NodeEnum::DeleteStmt(delete) => {
            dml.kind = DmlKind::Delete;
            dml.target = relation(delete.relation.as_ref());
            dml.has_where = delete.where_clause.is_some();
            dml.only = delete.relation.as_ref().is_some_and(|relation| !relation.inh);
            if delete.using_clause.is_empty() {
                dml.condition = condition(delete.where_clause.as_deref());
            }
        }
        NodeEnum::MergeStmt(merge) => {
            dml.kind = DmlKind::Merge;
            dml.target = relation(merge.relation.as_ref());
            dml.only = merge.relation.as_ref().is_some_and(|relation| !relation.inh);
        }
        NodeEnum::CopyStmt(copy) => {
            dml.kind = if copy.is_from { DmlKind::CopyFrom } else { DmlKind::CopyTo };
            dml.target = relation(copy.relation.as_ref());
            dml.columns = strings(&copy.attlist);
        }
        NodeEnum::SelectStmt(select) => {
            if let Some(create) = select_into(select) {
                return vec![create];
            }
            if let Some(settings) = set_config(select) {
                return settings;
            }
            dml.has_where = select.where_clause.is_some();
            dml.calls = calls_in(select);
            dml.locks_rows = !select.locking_clause.is_empty();
            if dml.locks_rows && select.from_clause.len() == 1 {
                dml.condition = condition(select.where_clause.as_deref());
            }
            dml.sequences = sequences(select);
        }
        _ => {}
    }
    dml.reads = tables(tree, dml.target.as_ref());
    dml.writes = written(tree, dml.target.as_ref());
    dml.functions = tree.functions.iter().map(|(name, _)| dotted(name)).collect();
    dml.functions.sort();
    dml.constants = constants::of_statement(node);
    vec![Action::Dml(Box::new(dml))]
}

fn condition(node: Option<&Node>) -> Option<Box<Expr>> {
    node.map(|node| Box::new(tree::expr(node)))
}

/// Of more rows nobody looks at the values.
const FEW_ROWS: usize = 16;

/// Returns the rows of a short list of `VALUES`.
fn rows(source: Option<&Node>) -> Vec<Box<[Expr]>> {
    let Some(NodeEnum::SelectStmt(select)) = source.and_then(|node| node.node.as_ref()) else {
        return Vec::new();
    };
    if select.values_lists.len() > FEW_ROWS {
        return Vec::new();
    }
    let row = |node: &Node| match &node.node {
        Some(NodeEnum::List(list)) => list.items.iter().map(value).collect(),
        _ => Box::default(),
    };
    select.values_lists.iter().map(row).collect()
}

/// Returns a value that is written, where it is short.
fn value(node: &Node) -> Expr {
    let node = match &node.node {
        Some(NodeEnum::ResTarget(target)) => target.val.as_deref(),
        _ => Some(node),
    };
    match node.and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::AConst(_) | NodeEnum::SetToDefault(_) | NodeEnum::TypeCast(_)) => {
            node.map(tree::expr).unwrap_or_default()
        }
        _ => Expr::Unknown,
    }
}

fn set_columns(nodes: &[Node]) -> Vec<String> {
    let name = |node: &Node| match &node.node {
        Some(NodeEnum::ResTarget(target)) => Some(target.name.clone()),
        _ => None,
    };
    nodes.iter().filter_map(name).collect()
}

/// Returns how many columns the source of an `INSERT` has.
fn width(source: Option<&Node>) -> Option<usize> {
    let Some(node) = source else { return Some(0) };
    let Some(NodeEnum::SelectStmt(select)) = &node.node else { return None };
    match select.values_lists.first().and_then(|list| list.node.as_ref()) {
        Some(NodeEnum::List(list)) => Some(list.items.len()),
        _ => None,
    }
}

/// Returns the sequences of the `nextval`, `setval` and `currval` that a query selects.
fn sequences(select: &SelectStmt) -> Vec<RelationName> {
    let mut found = Vec::new();
    for node in &select.target_list {
        let Some(NodeEnum::ResTarget(target)) = &node.node else { continue };
        let Some(value) = target.val.as_deref() else { continue };
        let value = super::names::expression(value);
        let is_it = |call: &&Call| matches!(&*call.name.name, "nextval" | "setval" | "currval");
        if value.tree.calls().iter().any(is_it) {
            found.extend(value.relations());
        }
    }
    found
}

/// Reads `SELECT ... INTO name`.
fn select_into(select: &SelectStmt) -> Option<Action> {
    let into = select.into_clause.as_ref()?;
    let name = relation(into.rel.as_ref())?;
    let query = tree::select(select);
    let reads = reads(Some(&query), &name);
    let query = Some(Box::new(query));
    Some(Action::CreateTable(Box::new(CreateTable {
        name: Some(name),
        persistence: persistence(into.rel.as_ref()),
        columns_unknown: true,
        reads,
        query,
        ..CreateTable::default()
    })))
}

/// Reads `SELECT set_config('name', 'value', is_local)`.
fn set_config(select: &SelectStmt) -> Option<Vec<Action>> {
    if !select.from_clause.is_empty() || select.target_list.is_empty() {
        return None;
    }
    select
        .target_list
        .iter()
        .map(|target| set_config_call(target).map(|s| Action::Set(Box::new(s))))
        .collect()
}

fn set_config_call(target: &Node) -> Option<Setting> {
    let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
    let Some(NodeEnum::FuncCall(call)) = &target.val.as_ref()?.node else { return None };
    let FuncCall { funcname, args, .. } = call.as_ref();
    let [name, value, is_local] = &args[..] else { return None };
    (*qualified(funcname)?.name == *"set_config").then_some(())?;
    Some(Setting {
        name: constant(name)?.to_ascii_lowercase(),
        value: Some(constant(value)?),
        local: constant(is_local)? == "true",
    })
}
