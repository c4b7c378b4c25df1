//! `CREATE TABLE` and `ALTER TABLE`.

use std::sync::Arc;

use pg_query::protobuf::{
    AlterObjectDependsStmt, AlterTableCmd, AlterTableStmt, AlterTableType, ColumnDef, ConstrType,
    Constraint, CreateStmt, DropBehavior, OnCommitAction,
};
use pg_query::{Node, NodeEnum};

use super::names::{
    boxed_expression, constant, expression, name, qualified, relation, relation_node, type_name,
};
use super::object::object_kind;
use super::{detail, strings};
use crate::sql::{
    Action, AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintKind, ConstraintOptions,
    CreateTable, Generated, Identity, LockMode, Persistence, ReferentialAction, TableChange,
    TableEffect,
};

/// Reads `CREATE TABLE`, or `CREATE FOREIGN TABLE` with its server.
pub(super) fn create(create: &CreateStmt, server: Option<&str>) -> Vec<Action> {
    let mut table = CreateTable {
        name: relation(create.relation.as_ref()),
        if_not_exists: create.if_not_exists,
        persistence: persistence(create.relation.as_ref()),
        foreign: server.is_some(),
        server: server.map(Arc::from),
        tablespace: name(&create.tablespacename),
        method: name(&create.access_method),
        partition_by: create.partspec.as_ref().map(detail::partition_key).map(Box::new),
        bound: create.partbound.as_ref().map(detail::partition_bound).map(Box::new),
        of_type: create.of_typename.as_ref().and_then(|name| qualified(&name.names)),
        on_commit_drop: create.oncommit() == OnCommitAction::OncommitDrop,
        options: parameters(&create.options),
        ..CreateTable::default()
    };
    table.columns.reserve_exact(create.table_elts.len());
    let mut parents = create.inh_relations.iter().filter_map(relation_node);
    if create.partbound.is_some() {
        table.partition_of = parents.next();
    } else {
        table.inherits = parents.collect();
    }
    for element in &create.table_elts {
        match &element.node {
            Some(NodeEnum::ColumnDef(definition)) => {
                table.columns.push(Arc::new(column(definition)));
            }
            Some(NodeEnum::Constraint(definition)) => {
                table.constraints.extend(constraint(definition));
            }
            Some(NodeEnum::TableLikeClause(like)) => {
                table.like.extend(detail::like(like, table.columns.len()));
            }
            _ => {}
        }
    }
    table.columns.shrink_to_fit();
    table.constraints.shrink_to_fit();
    vec![Action::CreateTable(Box::new(table))]
}

pub(super) fn persistence(relation: Option<&pg_query::protobuf::RangeVar>) -> Persistence {
    match relation.map(|relation| (relation.relpersistence.as_str(), relation.schemaname.as_str()))
    {
        Some(("t", _) | (_, "pg_temp")) => Persistence::Temporary,
        Some(("u", _)) => Persistence::Unlogged,
        _ => Persistence::Permanent,
    }
}

/// Returns the columns of a list of definitions.
pub(super) fn columns(nodes: &[Node]) -> Vec<ColumnDefinition> {
    let definition = |node: &Node| match &node.node {
        Some(NodeEnum::ColumnDef(definition)) => Some(column(definition)),
        _ => None,
    };
    nodes.iter().filter_map(definition).collect()
}

fn column(definition: &ColumnDef) -> ColumnDefinition {
    let mut column = ColumnDefinition {
        name: definition.colname.as_str().into(),
        type_name: definition.type_name.as_ref().map(type_name).unwrap_or_default(),
        collation: definition.coll_clause.as_ref().and_then(|clause| qualified(&clause.collname)),
        storage: name(&definition.storage_name.to_lowercase()),
        compression: name(&definition.compression.to_lowercase())
            .filter(|method| **method != *"default"),
        ..ColumnDefinition::default()
    };
    for node in &definition.constraints {
        let Some(NodeEnum::Constraint(part)) = &node.node else { continue };
        match part.contype() {
            ConstrType::ConstrNotnull => {
                column.not_null = true;
                column.not_null_name = name(&part.conname);
            }
            ConstrType::ConstrNull => column.explicit_null = true,
            ConstrType::ConstrDefault => {
                column.default = part.raw_expr.as_deref().map(boxed_expression);
            }
            ConstrType::ConstrIdentity => {
                column.identity = Some(Box::new(identity(part)));
                column.not_null = true;
            }
            ConstrType::ConstrGenerated => {
                let is_virtual = part.generated_kind == "v";
                let kind = if is_virtual { Generated::Virtual } else { Generated::Stored };
                column.generated = Some(kind);
                column.default = part.raw_expr.as_deref().map(boxed_expression);
            }
            ConstrType::ConstrAttrDeferrable
            | ConstrType::ConstrAttrNotDeferrable
            | ConstrType::ConstrAttrDeferred
            | ConstrType::ConstrAttrImmediate
            | ConstrType::ConstrAttrEnforced
            | ConstrType::ConstrAttrNotEnforced => {
                if let Some(last) = column.constraints.last_mut() {
                    attribute(last, part.contype());
                }
            }
            _ => {
                if let Some(mut inline) = constraint(part) {
                    inline.columns = vec![definition.colname.clone()];
                    column.not_null |= inline.kind == ConstraintKind::PrimaryKey;
                    column.constraints.push(inline);
                }
            }
        }
    }
    column.constraints.shrink_to_fit();
    column
}

/// Applies an attribute that the grammar puts after an inline constraint.
fn attribute(constraint: &mut ConstraintDefinition, kind: ConstrType) {
    let options = constraint.options.get_or_insert_default();
    match kind {
        ConstrType::ConstrAttrDeferrable => options.deferrable = true,
        ConstrType::ConstrAttrDeferred => (options.deferrable, options.deferred) = (true, true),
        ConstrType::ConstrAttrNotEnforced => {
            options.not_enforced = true;
            constraint.validated = false;
        }
        _ => {}
    }
}

fn identity(part: &Constraint) -> Identity {
    Identity { always: part.generated_when == "a", options: detail::sequence(&part.options) }
}

pub(super) fn constraint(definition: &Constraint) -> Option<ConstraintDefinition> {
    let kind = match definition.contype() {
        ConstrType::ConstrPrimary => ConstraintKind::PrimaryKey,
        ConstrType::ConstrUnique => ConstraintKind::Unique,
        ConstrType::ConstrCheck => ConstraintKind::Check,
        ConstrType::ConstrForeign => ConstraintKind::ForeignKey,
        ConstrType::ConstrExclusion => ConstraintKind::Exclusion,
        ConstrType::ConstrNotnull => ConstraintKind::NotNull,
        _ => return None,
    };
    let columns = match kind {
        ConstraintKind::ForeignKey => strings(&definition.fk_attrs),
        ConstraintKind::NotNull => strings(&definition.keys),
        _ => strings(&definition.keys),
    };
    Some(ConstraintDefinition {
        name: name(&definition.conname),
        kind,
        columns,
        references: relation(definition.pktable.as_ref()),
        referenced_columns: strings(&definition.pk_attrs),
        validated: !definition.skip_validation
            && (definition.is_enforced || !can_be_unenforced(kind)),
        using_index: Some(definition.indexname.clone()).filter(|name| !name.is_empty()),
        expression: definition.raw_expr.as_deref().map(boxed_expression),
        options: options(definition, kind),
    })
}

fn can_be_unenforced(kind: ConstraintKind) -> bool {
    matches!(kind, ConstraintKind::Check | ConstraintKind::ForeignKey)
}

fn options(definition: &Constraint, kind: ConstraintKind) -> Option<Box<ConstraintOptions>> {
    let exclusion = definition.exclusions.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::List(pair)) => match pair.items.first()?.node.as_ref()? {
            NodeEnum::IndexElem(element) => {
                let operator = match pair.items.get(1)?.node.as_ref()? {
                    NodeEnum::List(name) => qualified(&name.items)?.name,
                    _ => return None,
                };
                Some((element, operator))
            }
            _ => None,
        },
        _ => None,
    });
    let exclusion: Vec<_> = exclusion.collect();
    let found = ConstraintOptions {
        deferrable: definition.deferrable,
        deferred: definition.initdeferred,
        not_enforced: can_be_unenforced(kind) && !definition.is_enforced,
        no_inherit: definition.is_no_inherit,
        nulls_not_distinct: definition.nulls_not_distinct,
        on_delete: referential_action(&definition.fk_del_action),
        on_update: referential_action(&definition.fk_upd_action),
        match_full: definition.fk_matchtype == "f",
        include: strings(&definition.including),
        exclusion_expressions: exclusion
            .iter()
            .filter_map(|(element, _)| element.expr.as_deref().map(expression))
            .collect(),
        exclusion: exclusion
            .iter()
            .map(|(element, operator)| {
                (Some(element.name.clone()).filter(|name| !name.is_empty()), operator.clone())
            })
            .collect(),
        method: (kind == ConstraintKind::Exclusion).then(|| {
            match definition.access_method.as_str() {
                "" => "gist".into(),
                method => method.into(),
            }
        }),
        predicate: definition.where_clause.as_deref().map(boxed_expression),
    };
    (found != ConstraintOptions::default()).then(|| Box::new(found))
}

/// Translates the grammar's letter.
fn referential_action(letter: &str) -> ReferentialAction {
    match letter {
        "r" => ReferentialAction::Restrict,
        "c" => ReferentialAction::Cascade,
        "n" => ReferentialAction::SetNull,
        "d" => ReferentialAction::SetDefault,
        _ => ReferentialAction::NoAction,
    }
}

pub(super) fn alter(alter: &AlterTableStmt) -> Vec<Action> {
    let Some(table) = relation(alter.relation.as_ref()) else { return Vec::new() };
    let commands = alter.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    });
    commands
        .map(|command| {
            Action::AlterTable(Box::new(AlterTable {
                kind: object_kind(alter.objtype()),
                table: table.clone(),
                if_exists: alter.missing_ok,
                only: alter.relation.as_ref().is_some_and(|relation| !relation.inh),
                change: change(command),
            }))
        })
        .collect()
}

/// Lowers `DEPENDS ON EXTENSION` of a relation, which locks it as `ALTER TABLE` would.
pub(super) fn depends(depends: &AlterObjectDependsStmt) -> Option<Action> {
    let kind = object_kind(depends.object_type());
    let table = relation(depends.relation.as_ref()).filter(|_| kind.is_relation())?;
    let change = TableChange::Other {
        command: "DependsOnExtension",
        column: None,
        mode: LockMode::AccessExclusiveLock,
        repeatable: true,
        effect: None,
    };
    let alter = AlterTable { kind, table, if_exists: false, only: true, change };
    Some(Action::AlterTable(Box::new(alter)))
}

fn change(command: &AlterTableCmd) -> TableChange {
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    let cascade = command.behavior() == DropBehavior::DropCascade;
    let name = || command.name.clone();
    match (command.subtype(), definition) {
        (
            AlterTableType::AtAddColumn | AlterTableType::AtAddColumnToView,
            Some(NodeEnum::ColumnDef(definition)),
        ) => TableChange::AddColumn {
            column: Arc::new(column(definition)),
            if_not_exists: command.missing_ok,
        },
        (AlterTableType::AtDropColumn, _) => {
            TableChange::DropColumn { column: name(), if_exists: command.missing_ok, cascade }
        }
        (AlterTableType::AtAlterColumnType, Some(NodeEnum::ColumnDef(definition))) => {
            TableChange::SetType {
                column: name(),
                type_name: definition.type_name.as_ref().map(type_name).unwrap_or_default(),
                using: definition.raw_default.as_deref().map(boxed_expression),
                collation: definition.coll_clause.as_ref().and_then(|c| qualified(&c.collname)),
            }
        }
        (AlterTableType::AtColumnDefault, _) => {
            let default = command.def.as_deref().map(boxed_expression);
            TableChange::SetDefault { column: name(), default }
        }
        (AlterTableType::AtSetNotNull, _) => TableChange::SetNotNull { column: name() },
        (AlterTableType::AtDropNotNull, _) => TableChange::DropNotNull { column: name() },
        (AlterTableType::AtAddConstraint, Some(NodeEnum::Constraint(definition))) => {
            constraint(definition).map_or_else(|| other(command), TableChange::AddConstraint)
        }
        (AlterTableType::AtDropConstraint, _) => {
            TableChange::DropConstraint { name: name(), if_exists: command.missing_ok, cascade }
        }
        (AlterTableType::AtValidateConstraint, _) => {
            TableChange::ValidateConstraint { name: name() }
        }
        (AlterTableType::AtAttachPartition, Some(NodeEnum::PartitionCmd(partition))) => {
            match relation(partition.name.as_ref()) {
                Some(name) => {
                    let bound = partition.bound.as_ref();
                    let bound = bound.map(detail::partition_bound).map(Box::new);
                    TableChange::AttachPartition { partition: name, bound }
                }
                None => other(command),
            }
        }
        (AlterTableType::AtDetachPartition, Some(NodeEnum::PartitionCmd(partition))) => {
            match relation(partition.name.as_ref()) {
                Some(name) => {
                    let concurrently = partition.concurrent;
                    TableChange::DetachPartition { partition: name, concurrently }
                }
                None => other(command),
            }
        }
        _ => other(command),
    }
}

/// Returns a subcommand that has no variant of its own, with the mode in which it locks the table.
///
/// Source: PostgreSQL documentation, ALTER TABLE; measured on servers 12 to 18.
fn other(command: &AlterTableCmd) -> TableChange {
    use LockMode::{AccessExclusiveLock, ShareRowExclusiveLock, ShareUpdateExclusiveLock};
    let (name, mode, repeatable) = match command.subtype() {
        AlterTableType::AtSetStatistics => ("SetStatistics", ShareUpdateExclusiveLock, true),
        AlterTableType::AtSetOptions => ("SetOptions", ShareUpdateExclusiveLock, true),
        AlterTableType::AtResetOptions => ("ResetOptions", ShareUpdateExclusiveLock, true),
        AlterTableType::AtSetRelOptions | AlterTableType::AtResetRelOptions => {
            let strong = rel_options_lock_everything(command.def.as_deref());
            let mode = if strong { AccessExclusiveLock } else { ShareUpdateExclusiveLock };
            ("SetRelOptions", mode, true)
        }
        AlterTableType::AtClusterOn => ("ClusterOn", ShareUpdateExclusiveLock, true),
        AlterTableType::AtDropCluster => ("DropCluster", ShareUpdateExclusiveLock, true),
        AlterTableType::AtEnableTrig
        | AlterTableType::AtEnableAlwaysTrig
        | AlterTableType::AtEnableReplicaTrig
        | AlterTableType::AtDisableTrig
        | AlterTableType::AtEnableTrigAll
        | AlterTableType::AtEnableTrigUser
        | AlterTableType::AtDisableTrigUser => ("EnableTrigger", ShareRowExclusiveLock, true),
        AlterTableType::AtDisableTrigAll => ("DisableTrigAll", ShareRowExclusiveLock, true),
        AlterTableType::AtDetachPartitionFinalize => {
            ("DetachPartitionFinalize", ShareUpdateExclusiveLock, false)
        }
        AlterTableType::AtEnableRowSecurity => ("EnableRowSecurity", AccessExclusiveLock, true),
        AlterTableType::AtDisableRowSecurity => ("DisableRowSecurity", AccessExclusiveLock, true),
        AlterTableType::AtForceRowSecurity | AlterTableType::AtNoForceRowSecurity => {
            ("ForceRowSecurity", AccessExclusiveLock, true)
        }
        AlterTableType::AtChangeOwner => ("ChangeOwner", AccessExclusiveLock, true),
        AlterTableType::AtSetStorage => ("SetStorage", AccessExclusiveLock, true),
        AlterTableType::AtSetCompression => ("SetCompression", AccessExclusiveLock, true),
        AlterTableType::AtReplicaIdentity => ("ReplicaIdentity", AccessExclusiveLock, true),
        AlterTableType::AtSetTableSpace => ("SetTableSpace", AccessExclusiveLock, true),
        AlterTableType::AtSetLogged => ("SetLogged", AccessExclusiveLock, true),
        AlterTableType::AtSetUnLogged => ("SetUnlogged", AccessExclusiveLock, true),
        AlterTableType::AtAddIdentity => ("AddIdentity", AccessExclusiveLock, false),
        AlterTableType::AtSetIdentity => ("SetIdentity", AccessExclusiveLock, true),
        AlterTableType::AtDropIdentity => ("DropIdentity", AccessExclusiveLock, command.missing_ok),
        AlterTableType::AtDropExpression => {
            ("DropExpression", AccessExclusiveLock, command.missing_ok)
        }
        AlterTableType::AtAddInherit => ("AddInherit", AccessExclusiveLock, false),
        AlterTableType::AtDropInherit => ("DropInherit", AccessExclusiveLock, false),
        AlterTableType::AtAlterConstraint => ("AlterConstraint", AccessExclusiveLock, true),
        AlterTableType::AtSetAccessMethod => ("SetAccessMethod", AccessExclusiveLock, true),
        AlterTableType::AtSetExpression => ("SetExpression", AccessExclusiveLock, true),
        _ => ("Other", AccessExclusiveLock, true),
    };
    let column = Some(command.name.clone()).filter(|name| !name.is_empty());
    let effect = effect(command).map(Box::new);
    TableChange::Other { command: name, column, mode, repeatable, effect }
}

/// Returns what a subcommand that has no variant of its own changes in the catalog.
fn effect(command: &AlterTableCmd) -> Option<TableEffect> {
    let definition = command.def.as_ref().and_then(|node| node.node.as_ref());
    let security = |force, on| Some(TableEffect::RowSecurity { force, on });
    let named = || Some(command.name.clone()).filter(|name| !name.is_empty());
    match (command.subtype(), definition) {
        (AlterTableType::AtEnableRowSecurity, _) => security(false, true),
        (AlterTableType::AtDisableRowSecurity, _) => security(false, false),
        (AlterTableType::AtForceRowSecurity, _) => security(true, true),
        (AlterTableType::AtNoForceRowSecurity, _) => security(true, false),
        (AlterTableType::AtSetLogged, _) => Some(TableEffect::Logged(true)),
        (AlterTableType::AtSetUnLogged, _) => Some(TableEffect::Logged(false)),
        (AlterTableType::AtAddIdentity, Some(NodeEnum::Constraint(part))) => {
            Some(TableEffect::AddIdentity(identity(part)))
        }
        (AlterTableType::AtSetIdentity, Some(NodeEnum::List(list))) => {
            let generated = detail::elements(&list.items).find(|e| e.defname == "generated");
            let always = generated.and_then(|element| {
                // The letter of ATTRIBUTE_IDENTITY_ALWAYS.
                element.arg.as_deref().and_then(integer).map(|letter| letter == i32::from(b'a'))
            });
            Some(TableEffect::SetIdentity(always))
        }
        (AlterTableType::AtDropIdentity, _) => {
            Some(TableEffect::DropIdentity { if_exists: command.missing_ok })
        }
        (AlterTableType::AtDropExpression, _) => {
            Some(TableEffect::DropExpression { if_exists: command.missing_ok })
        }
        (AlterTableType::AtAddInherit, Some(NodeEnum::RangeVar(parent))) => {
            relation(Some(parent)).map(TableEffect::Inherit)
        }
        (AlterTableType::AtDropInherit, Some(NodeEnum::RangeVar(parent))) => {
            relation(Some(parent)).map(TableEffect::NoInherit)
        }
        (AlterTableType::AtAlterConstraint, Some(NodeEnum::AtalterConstraint(change))) => {
            let deferrable =
                change.alter_deferrability.then_some((change.deferrable, change.initdeferred));
            let enforced = change.alter_enforceability.then_some(change.is_enforced);
            let name = change.conname.clone();
            Some(TableEffect::AlterConstraint { name, deferrable, enforced })
        }
        (
            AlterTableType::AtEnableTrig
            | AlterTableType::AtEnableAlwaysTrig
            | AlterTableType::AtEnableReplicaTrig
            | AlterTableType::AtDisableTrig,
            _,
        ) => Some(TableEffect::Trigger(named())),
        (kind @ (AlterTableType::AtSetStorage | AlterTableType::AtSetCompression), _) => {
            let word = command.def.as_deref().and_then(constant);
            let word = word.map(|word| word.to_lowercase().into());
            Some(match kind {
                AlterTableType::AtSetStorage => TableEffect::Storage(word),
                _ => TableEffect::Compression(word),
            })
        }
        (AlterTableType::AtSetRelOptions, Some(NodeEnum::List(list))) => {
            Some(TableEffect::Options { set: parameters(&list.items), reset: Vec::new() })
        }
        (AlterTableType::AtResetRelOptions, Some(NodeEnum::List(list))) => {
            let reset = parameters(&list.items).into_iter().map(|(name, _)| name).collect();
            Some(TableEffect::Options { set: Vec::new(), reset })
        }
        (AlterTableType::AtSetStatistics, _) if !command.name.is_empty() => {
            let target = command.def.as_deref().and_then(integer);
            Some(TableEffect::Statistics(target.filter(|target| *target >= 0)))
        }
        (AlterTableType::AtReplicaIdentity, Some(NodeEnum::ReplicaIdentityStmt(identity))) => {
            Some(identity.name.clone()).filter(|name| !name.is_empty()).map(TableEffect::UsesIndex)
        }
        (AlterTableType::AtChangeOwner, _) => {
            command.newowner.as_ref().map(|role| TableEffect::Owner(super::detail::role_spec(role)))
        }
        (AlterTableType::AtClusterOn | AlterTableType::AtDropCluster, _) => {
            Some(TableEffect::Cluster(named()))
        }
        (AlterTableType::AtSetTableSpace, _) => {
            named().map(|name| TableEffect::Tablespace(name.into()))
        }
        (AlterTableType::AtSetAccessMethod, _) => Some(TableEffect::AccessMethod),
        (AlterTableType::AtDetachPartitionFinalize, Some(NodeEnum::PartitionCmd(command))) => {
            relation(command.name.as_ref()).map(TableEffect::FinishDetach)
        }
        (AlterTableType::AtSetStatistics | AlterTableType::AtSetOptions, _) => {
            Some(TableEffect::NeedsColumn)
        }
        _ => None,
    }
}

/// Returns storage parameters as SQL spells them.
fn parameters(nodes: &[Node]) -> Vec<(Arc<str>, Arc<str>)> {
    let option = |element: &pg_query::protobuf::DefElem| {
        let name = match element.defnamespace.as_str() {
            "" => element.defname.to_lowercase(),
            namespace => format!("{}.{}", namespace.to_lowercase(), element.defname.to_lowercase()),
        };
        let value = match element.arg.as_deref().and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::Integer(value)) => value.ival.to_string(),
            Some(NodeEnum::Float(value)) => value.fval.clone(),
            Some(NodeEnum::Boolean(value)) => value.boolval.to_string(),
            Some(NodeEnum::String(value)) => value.sval.clone(),
            Some(NodeEnum::TypeName(value)) => type_name(value).name.to_string(),
            _ => "true".to_owned(),
        };
        (name.into(), value.into())
    };
    detail::elements(nodes).map(option).collect()
}

fn integer(node: &Node) -> Option<i32> {
    match &node.node {
        Some(NodeEnum::Integer(value)) => Some(value.ival),
        _ => None,
    }
}

/// Returns whether a list of storage parameters holds one that is locked for exclusively.
fn rel_options_lock_everything(definition: Option<&Node>) -> bool {
    let Some(Node { node: Some(NodeEnum::List(list)) }) = definition else { return false };
    list.items.iter().any(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) => match element.defname.as_str() {
            "user_catalog_table" | "fastupdate" => {
                element.arg.as_deref().and_then(constant).as_deref() != Some("")
            }
            // Those of views.
            name => matches!(name, "security_barrier" | "security_invoker" | "check_option"),
        },
        _ => false,
    })
}
