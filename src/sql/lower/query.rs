//! Statements that read or write rows, and objects that are made of a query.

use pg_query::protobuf::{CreateTableAsStmt, FuncCall, ObjectType, SelectStmt, ViewStmt};
use pg_query::{Context, Node, NodeEnum, ParseResult};

use super::names::{constant, qualified, relation};
use super::strings;
use super::table::persistence;
use super::{constants, tree};
use crate::sql::plpgsql::calls_in;
use crate::sql::tree::{Query, Visit};
use crate::sql::{
    Action, Constant, CreateTable, CreateView, Dml, DmlKind, Persistence, RelationName, Setting,
};

/// Returns the relations that a statement names, sorted, without `except`.
pub(super) fn tables(tree: &ParseResult, except: Option<&RelationName>) -> Vec<RelationName> {
    let mut tables: Vec<RelationName> = tree
        .tables
        .iter()
        .filter(|(_, context)| *context != Context::Call)
        .map(|(name, _)| dotted(name))
        .filter(|name| Some(name) != except)
        .collect();
    tables.sort();
    tables.dedup();
    tables.shrink_to_fit();
    tables
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
    let query = query.map(Box::new);
    if create.objtype() == ObjectType::ObjectMatview {
        return vec![Action::CreateView(Box::new(CreateView {
            name,
            materialized: true,
            or_replace: false,
            if_not_exists: create.if_not_exists,
            temporary: false,
            column_names: strings(&into.col_names),
            reads,
            query,
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
        query,
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
        reads: reads(query.as_ref(), &name),
        name,
        query: query.map(Box::new),
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
        }
        NodeEnum::UpdateStmt(update) => {
            dml.kind = DmlKind::Update;
            dml.target = relation(update.relation.as_ref());
            dml.has_where = update.where_clause.is_some();
        }
        NodeEnum::DeleteStmt(delete) => {
            dml.kind = DmlKind::Delete;
            dml.target = relation(delete.relation.as_ref());
            dml.has_where = delete.where_clause.is_some();
        }
        NodeEnum::MergeStmt(merge) => {
            dml.kind = DmlKind::Merge;
            dml.target = relation(merge.relation.as_ref());
        }
        NodeEnum::CopyStmt(copy) => {
            dml.kind = if copy.is_from { DmlKind::CopyFrom } else { DmlKind::CopyTo };
            dml.target = relation(copy.relation.as_ref());
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
        }
        _ => {}
    }
    dml.reads = tables(tree, dml.target.as_ref());
    dml.functions = tree.functions.iter().map(|(name, _)| dotted(name)).collect();
    dml.functions.sort();
    dml.constants = constants::of_statement(node);
    vec![Action::Dml(Box::new(dml))]
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
