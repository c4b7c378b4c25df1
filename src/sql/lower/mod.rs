//! Lowers `pg_query`'s tree to [`Action`]s; nothing outside this folder sees a protobuf type.

mod access;
mod constants;
mod detail;
mod names;
mod object;
mod query;
mod rare;
mod table;
pub(super) mod tree;

use std::sync::Arc;

use pg_query::protobuf::{
    DiscardMode, IndexElem, RawStmt, ReindexObjectType, SortByDir, SortByNulls, TransactionStmt,
    TransactionStmtKind, VariableSetKind, VariableSetStmt,
};
use pg_query::{NodeEnum, ParseResult};

use super::{
    Action, CreateIndex, LockMode, ReindexTarget, RelationName, Setting, TransactionAction,
};
use names::{option, relation, relation_node, string};

/// Returns what the one statement of `tree` does.
///
/// The actions of a long history are kept until its end, so lists are no larger than they need to be.
pub(super) fn lower(tree: &ParseResult) -> Vec<Action> {
    let Some(RawStmt { stmt: Some(node), .. }) = tree.protobuf.stmts.first() else {
        return Vec::new();
    };
    let mut actions = node.node.as_ref().map(|node| statement(node, tree)).unwrap_or_default();
    actions.shrink_to_fit();
    actions
}

fn statement(node: &NodeEnum, tree: &ParseResult) -> Vec<Action> {
    let other = |command| {
        let relations = query::tables(tree, None);
        vec![Action::Other {
            command,
            relations,
            writes: query::written(tree, None),
            access: access::access(node),
        }]
    };
    let refused_in_transaction = |command| vec![Action::NonTransactional { command }];
    match node {
        NodeEnum::CreateStmt(create) => table::create(create, None),
        NodeEnum::CreateForeignTableStmt(foreign) => {
            let create = foreign.base_stmt.as_ref();
            create.map(|base| table::create(base, Some(&foreign.servername))).unwrap_or_default()
        }
        NodeEnum::CreateTableAsStmt(create) => query::create_as(create),
        NodeEnum::IndexStmt(index) => create_index(index).into_iter().collect(),
        NodeEnum::AlterTableStmt(alter) => table::alter(alter),
        NodeEnum::ViewStmt(view) => query::create_view(view),
        NodeEnum::DropStmt(drop) => object::drop(drop),
        NodeEnum::RenameStmt(rename) => object::rename(rename),
        NodeEnum::AlterObjectSchemaStmt(set_schema) => object::set_schema(set_schema),
        NodeEnum::AlterObjectDependsStmt(depends) => {
            table::depends(depends).map_or_else(|| other(command_name(node)), |action| vec![action])
        }
        NodeEnum::TruncateStmt(truncate) => {
            let cascade = truncate.behavior() == pg_query::protobuf::DropBehavior::DropCascade;
            let tables: Vec<(RelationName, bool)> = truncate
                .relations
                .iter()
                .filter_map(|node| {
                    let only = matches!(&node.node, Some(NodeEnum::RangeVar(range)) if !range.inh);
                    Some((relation_node(node)?, only))
                })
                .collect();
            let with: Vec<RelationName> = match &tables[..] {
                [_] => Vec::new(),
                _ => tables.iter().map(|(table, _)| table.clone()).collect(),
            };
            let restart = truncate.restart_seqs;
            tables
                .into_iter()
                .map(|(table, only)| Action::Truncate {
                    table,
                    only,
                    cascade,
                    restart,
                    with: with.clone(),
                })
                .collect()
        }
        NodeEnum::LockStmt(lock) => {
            let mode = lock_mode(lock.mode);
            let tables = lock.relations.iter().filter_map(|node| {
                let only = names::is_only(node);
                relation_node(node).map(|table| Action::Lock { table, mode, only })
            });
            tables.collect()
        }
        NodeEnum::ReindexStmt(reindex) => reindex_target(reindex),
        NodeEnum::ClusterStmt(cluster) => {
            let index = Some(cluster.indexname.clone()).filter(|name| !name.is_empty());
            vec![Action::Cluster { table: relation(cluster.relation.as_ref()), index }]
        }
        NodeEnum::VacuumStmt(vacuum) => {
            let tables = vacuum.rels.iter().filter_map(|node| match &node.node {
                Some(NodeEnum::VacuumRelation(one)) => relation(one.relation.as_ref()),
                _ => None,
            });
            let tables = tables.collect();
            let only = vacuum.rels.iter().any(names::is_only);
            if vacuum.is_vacuumcmd {
                vec![Action::Vacuum { tables, full: option(&vacuum.options, "full"), only }]
            } else {
                vec![Action::Analyze { tables, only }]
            }
        }
        NodeEnum::RefreshMatViewStmt(refresh) => relation(refresh.relation.as_ref())
            .map(|name| Action::RefreshMaterializedView {
                name,
                concurrently: refresh.concurrent,
                no_data: refresh.skip_data,
            })
            .into_iter()
            .collect(),
        NodeEnum::CommentStmt(comment) => access::comment(comment),
        NodeEnum::GrantStmt(grant) => access::grant(grant),
        NodeEnum::SelectStmt(_)
        | NodeEnum::InsertStmt(_)
        | NodeEnum::UpdateStmt(_)
        | NodeEnum::DeleteStmt(_)
        | NodeEnum::MergeStmt(_)
        | NodeEnum::CopyStmt(_) => query::dml(node, tree),
        NodeEnum::VariableSetStmt(set) => vec![Action::Set(Box::new(setting(set)))],
        NodeEnum::AlterRoleSetStmt(alter) => default_setting(alter.setstmt.as_ref()),
        NodeEnum::AlterDatabaseSetStmt(alter) => default_setting(alter.setstmt.as_ref()),
        NodeEnum::TransactionStmt(transaction) => {
            vec![Action::Transaction(transaction_action(transaction))]
        }
        NodeEnum::CallStmt(call) => {
            let called = call.funccall.as_deref().and_then(super::plpgsql::call_of);
            called.map(|call| Action::Call { call }).into_iter().collect()
        }
        NodeEnum::ConstraintsSetStmt(set) => {
            other(if set.deferred { "SET CONSTRAINTS DEFERRED" } else { "SET CONSTRAINTS" })
        }
        NodeEnum::DiscardStmt(discard) => match discard.target() {
            DiscardMode::DiscardAll => refused_in_transaction("DISCARD ALL"),
            _ => other("DISCARD"),
        },
        NodeEnum::AlterPublicationStmt(alter) => rare::publication(alter),
        NodeEnum::AlterTableMoveAllStmt(alter) => rare::move_all(alter),
        NodeEnum::AlterTypeStmt(alter) => {
            rare::alter_type(alter).unwrap_or_else(|| other(command_name(node)))
        }
        NodeEnum::AlterDatabaseStmt(alter) if has_option(&alter.options, "tablespace") => {
            refused_in_transaction("ALTER DATABASE SET TABLESPACE")
        }
        NodeEnum::AlterSystemStmt(_) => refused_in_transaction("ALTER SYSTEM"),
        NodeEnum::CreatedbStmt(_) => refused_in_transaction("CREATE DATABASE"),
        NodeEnum::DropdbStmt(_) => refused_in_transaction("DROP DATABASE"),
        NodeEnum::CreateTableSpaceStmt(_) => refused_in_transaction("CREATE TABLESPACE"),
        NodeEnum::DropTableSpaceStmt(_) => refused_in_transaction("DROP TABLESPACE"),
        NodeEnum::CreateEnumStmt(create) => object::create_enum(create),
        NodeEnum::AlterEnumStmt(alter) => object::alter_enum(alter),
        NodeEnum::AlterSeqStmt(alter) => detail::alter_sequence(alter),
        NodeEnum::AlterFunctionStmt(alter) => detail::alter_function(alter),
        NodeEnum::AlterDomainStmt(alter) => detail::alter_domain(alter),
        NodeEnum::AlterPolicyStmt(alter) => detail::alter_policy(alter),
        NodeEnum::AlterOwnerStmt(alter) => object::alter_owner(alter),
        NodeEnum::AlterExtensionContentsStmt(alter) => object::alter_extension_member(alter),
        _ => object::create(node).unwrap_or_else(|| other(command_name(node))),
    }
}

/// Returns the grammar's name of a statement that has no action of its own.
fn command_name(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::ExplainStmt(_) => "EXPLAIN",
        NodeEnum::PrepareStmt(_) => "PREPARE",
        NodeEnum::ExecuteStmt(_) => "EXECUTE",
        NodeEnum::NotifyStmt(_) => "NOTIFY",
        NodeEnum::AlterDefaultPrivilegesStmt(_) => "ALTER DEFAULT PRIVILEGES",
        NodeEnum::GrantRoleStmt(_) => "GRANT ROLE",
        NodeEnum::DropOwnedStmt(_) => "DROP OWNED",
        NodeEnum::ReassignOwnedStmt(_) => "REASSIGN OWNED",
        NodeEnum::AlterExtensionStmt(_) => "ALTER EXTENSION",
        _ => "OTHER",
    }
}

fn has_option(options: &[pg_query::Node], name: &str) -> bool {
    let is_it = |node: &pg_query::Node| matches!(&node.node, Some(NodeEnum::DefElem(e)) if e.defname == name);
    options.iter().any(is_it)
}

fn create_index(index: &pg_query::protobuf::IndexStmt) -> Option<Action> {
    let table = relation(index.relation.as_ref())?;
    let column = |node: &pg_query::Node| match &node.node {
        Some(NodeEnum::IndexElem(element)) => Some(element.name.clone())
            .filter(|name| !name.is_empty())
            .or_else(|| element.expr.as_deref().and_then(names::collated_column)),
        _ => None,
    };
    let expressions = index.index_params.iter().chain(index.where_clause.as_deref());
    let keys = || index.index_params.iter().filter_map(index_element);
    let constants = constants::of_expressions(expressions, &table, &[]);
    Some(Action::CreateIndex(Box::new(CreateIndex {
        name: names::name(&index.idxname),
        table,
        unique: index.unique,
        concurrently: index.concurrent,
        if_not_exists: index.if_not_exists,
        only: index.relation.as_ref().is_some_and(|relation| !relation.inh),
        columns: index.index_params.iter().map(column).collect(),
        include: index.index_including_params.iter().filter_map(column).collect(),
        partial: index.where_clause.is_some(),
        method: index.access_method.clone(),
        constants,
        expressions: keys()
            .filter_map(|key| key.expr.as_deref())
            .filter(|key| names::collated_column(key).is_none())
            .map(|key| {
                let key = names::expression(key);
                // What the server calls the column of an expression that has no name.
                let name = key.tree.column_name().unwrap_or_else(|| Arc::from("expr"));
                (name, key)
            })
            .collect(),
        predicate: index.where_clause.as_deref().map(names::boxed_expression),
        operator_classes: keys()
            .enumerate()
            .filter_map(|(at, key)| Some((at, names::qualified(&key.opclass)?)))
            .collect(),
        collations: keys()
            .enumerate()
            .filter_map(|(at, key)| Some((at, names::qualified(&key.collation)?)))
            .collect(),
        nulls_not_distinct: index.nulls_not_distinct,
        sorting: keys().enumerate().filter_map(|(at, key)| Some((at, sorting(key)?))).collect(),
        tablespace: names::name(&index.table_space),
    })))
}

fn index_element(node: &pg_query::Node) -> Option<&IndexElem> {
    match &node.node {
        Some(NodeEnum::IndexElem(element)) => Some(element),
        _ => None,
    }
}

/// Returns how a key is sorted where that is not the default.
fn sorting(key: &IndexElem) -> Option<&'static str> {
    let descending = key.ordering() == SortByDir::SortbyDesc;
    match key.nulls_ordering() {
        SortByNulls::SortbyNullsFirst if !descending => Some("nulls first"),
        SortByNulls::SortbyNullsLast if descending => Some("desc nulls last"),
        _ => descending.then_some("desc"),
    }
}

fn reindex_target(reindex: &pg_query::protobuf::ReindexStmt) -> Vec<Action> {
    let name = relation(reindex.relation.as_ref());
    let target = match (reindex.kind(), name) {
        (ReindexObjectType::ReindexObjectIndex, Some(name)) => ReindexTarget::Index(name),
        (ReindexObjectType::ReindexObjectTable, Some(name)) => ReindexTarget::Table(name),
        (ReindexObjectType::ReindexObjectSchema, _) => {
            ReindexTarget::Schema(reindex.name.as_str().into())
        }
        (ReindexObjectType::ReindexObjectSystem, _) => ReindexTarget::Many("SYSTEM"),
        _ => ReindexTarget::Many("DATABASE"),
    };
    vec![Action::Reindex { target, concurrently: option(&reindex.params, "concurrently") }]
}

fn transaction_action(transaction: &TransactionStmt) -> TransactionAction {
    let name = transaction.savepoint_name.clone();
    match transaction.kind() {
        TransactionStmtKind::TransStmtBegin | TransactionStmtKind::TransStmtStart => {
            TransactionAction::Begin
        }
        TransactionStmtKind::TransStmtCommit => TransactionAction::Commit,
        TransactionStmtKind::TransStmtSavepoint => TransactionAction::Savepoint(name),
        TransactionStmtKind::TransStmtRelease => TransactionAction::Release(name),
        TransactionStmtKind::TransStmtRollbackTo => TransactionAction::RollbackTo(name),
        TransactionStmtKind::TransStmtPrepare => TransactionAction::Prepare,
        TransactionStmtKind::TransStmtCommitPrepared
        | TransactionStmtKind::TransStmtRollbackPrepared => TransactionAction::FinishPrepared,
        TransactionStmtKind::TransStmtRollback | TransactionStmtKind::Undefined => {
            TransactionAction::Rollback
        }
    }
}

fn default_setting(set: Option<&VariableSetStmt>) -> Vec<Action> {
    set.map(|set| Action::SetDefault(Box::new(setting(set)))).into_iter().collect()
}

fn setting(set: &VariableSetStmt) -> Setting {
    let (name, value) = match set.kind() {
        VariableSetKind::VarSetValue => {
            let values: Vec<String> = set.args.iter().filter_map(names::constant).collect();
            (set.name.to_ascii_lowercase(), Some(values.join(", ")))
        }
        VariableSetKind::VarResetAll => ("all".to_owned(), None),
        VariableSetKind::VarSetMulti => (set.name.to_ascii_lowercase(), Some(String::new())),
        _ => (set.name.to_ascii_lowercase(), None),
    };
    Setting { name, value, local: set.is_local }
}

/// Translates the grammar's lock mode number, which is the server's own: 1 to 8.
fn lock_mode(mode: i32) -> LockMode {
    match mode {
        1 => LockMode::AccessShareLock,
        2 => LockMode::RowShareLock,
        3 => LockMode::RowExclusiveLock,
        4 => LockMode::ShareUpdateExclusiveLock,
        5 => LockMode::ShareLock,
        6 => LockMode::ShareRowExclusiveLock,
        7 => LockMode::ExclusiveLock,
        _ => LockMode::AccessExclusiveLock,
    }
}

/// Returns the strings of a list of names.
fn strings(nodes: &[pg_query::Node]) -> Vec<String> {
    let mut strings = Vec::with_capacity(nodes.len());
    strings.extend(nodes.iter().filter_map(string));
    strings
}

/// Returns the named object of statements that name it by a list of strings.
fn name_list(nodes: &[pg_query::Node]) -> Option<RelationName> {
    names::qualified(nodes)
}
