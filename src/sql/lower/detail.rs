//! What the rarer `CREATE` and `ALTER` statements spell out.

use std::sync::Arc;

use pg_query::protobuf::{
    AlterDomainStmt, AlterFunctionStmt, AlterPolicyStmt, AlterSeqStmt, CreateDomainStmt,
    CreateFunctionStmt, CreatePolicyStmt, CreateStatsStmt, CreateTrigStmt, DefElem, DefineStmt,
    FunctionParameter, FunctionParameterMode, ObjectType, ObjectWithArgs, PartitionBoundSpec,
    PartitionSpec, RoleSpec, RoleSpecType, TableLikeClause,
};
use pg_query::{Node, NodeEnum};

use super::names::{
    boxed_expression, constant, expression, name, qualified, relation, relation_node, string,
    type_name,
};
use super::{strings, table};
use crate::sql::tree::Query;
use crate::sql::{
    Action, Alter, Argument, ArgumentMode, ConstraintKind, Detail, DomainDefinition,
    FunctionDefinition, LikeClause, LikeOptions, ObjectChange, ObjectKind, PartitionBound,
    PartitionKey, PartitionStrategy, PolicyDefinition, RelationName, SequenceOptions,
    TriggerDefinition, TypeName, Volatility, tree::quote_identifier,
};

pub(super) fn elements(nodes: &[Node]) -> impl Iterator<Item = &DefElem> {
    nodes.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) => Some(element.as_ref()),
        _ => None,
    })
}

pub(super) fn partition_key(spec: &PartitionSpec) -> PartitionKey {
    let strategy = match spec.strategy() {
        pg_query::protobuf::PartitionStrategy::List => PartitionStrategy::List,
        pg_query::protobuf::PartitionStrategy::Hash => PartitionStrategy::Hash,
        _ => PartitionStrategy::Range,
    };
    let mut key = PartitionKey { strategy, columns: Vec::new(), expressions: Vec::new() };
    for node in &spec.part_params {
        let Some(NodeEnum::PartitionElem(element)) = &node.node else { continue };
        key.columns.push(name(&element.name));
        key.expressions.extend(element.expr.as_deref().map(expression));
    }
    key
}

pub(super) fn partition_bound(bound: &PartitionBoundSpec) -> PartitionBound {
    let all = |nodes: &[Node]| nodes.iter().map(expression).collect();
    match bound.strategy.as_str() {
        _ if bound.is_default => PartitionBound::Default,
        "l" => PartitionBound::List(all(&bound.listdatums)),
        "h" => PartitionBound::Hash(bound.modulus, bound.remainder),
        _ => PartitionBound::Range(all(&bound.lowerdatums), all(&bound.upperdatums)),
    }
}

/// Translates `LIKE`. The bits are the server's `TableLikeOption`.
pub(super) fn like(clause: &TableLikeClause, after: usize) -> Option<LikeClause> {
    let has = |bit: u32| clause.options & (1 << bit) != 0;
    let including = LikeOptions {
        constraints: has(2),
        defaults: has(3),
        generated: has(4),
        identity: has(5),
        indexes: has(6),
        statistics: has(7),
    };
    Some(LikeClause { table: relation(clause.relation.as_ref())?, after, including })
}

pub(super) fn sequence(options: &[Node]) -> SequenceOptions {
    let mut sequence = SequenceOptions::default();
    for element in elements(options) {
        let argument = element.arg.as_deref().and_then(|node| node.node.as_ref());
        match (element.defname.as_str(), argument) {
            ("as", Some(NodeEnum::TypeName(data_type))) => {
                sequence.data_type = Some(type_name(data_type));
            }
            ("owned_by", Some(NodeEnum::List(list))) => {
                let parts = strings(&list.items);
                let is_none = parts.len() == 1 && parts[0] == "none";
                let parts = parts.into_iter().map(Arc::from).collect();
                sequence.owned_by = Some(if is_none { Vec::new() } else { parts });
            }
            ("sequence_name", Some(NodeEnum::List(list))) => sequence.name = qualified(&list.items),
            (option, argument) => sequence.others.extend(sequence_option(option, argument)),
        }
    }
    sequence
}

fn sequence_option(option: &str, argument: Option<&NodeEnum>) -> Option<String> {
    let value = match argument {
        Some(NodeEnum::Integer(value)) => value.ival.to_string(),
        Some(NodeEnum::Float(value)) => value.fval.clone(),
        Some(NodeEnum::Boolean(value)) => {
            return Some(if value.boolval { "cycle" } else { "no cycle" }.to_owned());
        }
        None if matches!(option, "minvalue" | "maxvalue") => return Some(format!("no {option}")),
        None => return (option == "restart").then(|| "restart".to_owned()),
        Some(_) => return None,
    };
    let word = match option {
        "increment" => "increment by",
        "start" => "start with",
        "restart" => "restart with",
        other => other,
    };
    Some(format!("{word} {value}"))
}

pub(super) fn domain(domain: &CreateDomainStmt) -> Detail {
    let mut definition = DomainDefinition {
        base: domain.type_name.as_ref().map(type_name).unwrap_or_default(),
        not_null: false,
        default: None,
        checks: Vec::new(),
    };
    for node in &domain.constraints {
        let Some(NodeEnum::Constraint(part)) = &node.node else { continue };
        match part.contype() {
            pg_query::protobuf::ConstrType::ConstrNotnull => definition.not_null = true,
            pg_query::protobuf::ConstrType::ConstrDefault => {
                definition.default = part.raw_expr.as_deref().map(boxed_expression);
            }
            _ => {
                let check = table::constraint(part);
                definition.checks.extend(check.filter(|c| c.kind == ConstraintKind::Check));
            }
        }
    }
    Detail::Domain(Box::new(definition))
}

fn argument(node: &Node) -> Option<Argument> {
    let Some(NodeEnum::FunctionParameter(parameter)) = &node.node else { return None };
    let FunctionParameter { name: spelled, arg_type, defexpr, .. } = parameter.as_ref();
    let mode = match parameter.mode() {
        FunctionParameterMode::FuncParamOut => ArgumentMode::Out,
        FunctionParameterMode::FuncParamInout => ArgumentMode::InOut,
        FunctionParameterMode::FuncParamVariadic => ArgumentMode::Variadic,
        FunctionParameterMode::FuncParamTable => ArgumentMode::Table,
        _ => ArgumentMode::In,
    };
    Some(Argument {
        name: name(spelled),
        type_name: arg_type.as_ref().map(type_name).unwrap_or_default(),
        mode,
        has_default: defexpr.is_some(),
    })
}

pub(super) fn function(function: &CreateFunctionStmt) -> Detail {
    let mut definition = FunctionDefinition {
        arguments: function.parameters.iter().filter_map(argument).collect(),
        returns: function.return_type.as_ref().map(type_name),
        language: function.sql_body.as_ref().map(|_| "sql".into()),
        volatility: Volatility::Volatile,
        security_definer: false,
        strict: false,
        window: false,
        body: None,
        sql_body: function.sql_body.is_some(),
        final_function: None,
        calls: Vec::new(),
        queries: function.sql_body.as_deref().map(body_queries).unwrap_or_default(),
        has_settings: false,
        changes_schema: false,
        source: None,
    };
    for element in elements(&function.options) {
        let text = || element.arg.as_deref().and_then(constant);
        match element.defname.as_str() {
            "language" => definition.language = text().map(|name| name.to_lowercase().into()),
            "volatility" => definition.volatility = volatility(element).unwrap_or_default(),
            "security" => definition.security_definer = is_true(element),
            "strict" => definition.strict = is_true(element),
            "window" => definition.window = is_true(element),
            "set" => definition.has_settings = true,
            "as" => {
                if let Some(Some(NodeEnum::List(list))) = element.arg.as_deref().map(|n| &n.node) {
                    definition.body = list.items.first().and_then(string).map(Arc::from);
                }
            }
            _ => {}
        }
    }
    Detail::Function(Box::new(definition))
}

/// Returns the queries of `BEGIN ATOMIC`.
fn body_queries(body: &Node) -> Vec<Arc<Query>> {
    match &body.node {
        Some(NodeEnum::List(list)) => list.items.iter().flat_map(body_queries).collect(),
        Some(NodeEnum::ReturnStmt(_)) | None => Vec::new(),
        Some(_) => vec![Arc::new(super::tree::query(body))],
    }
}

fn is_true(element: &DefElem) -> bool {
    match element.arg.as_deref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::Boolean(value)) => value.boolval,
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        _ => false,
    }
}

fn volatility(element: &DefElem) -> Option<Volatility> {
    match element.arg.as_deref().and_then(constant)?.as_str() {
        "immutable" => Some(Volatility::Immutable),
        "stable" => Some(Volatility::Stable),
        _ => Some(Volatility::Volatile),
    }
}

/// Returns what `CREATE AGGREGATE`, `TYPE`, `OPERATOR` and the like spell out.
pub(super) fn define(define: &DefineStmt) -> Detail {
    let types = |wanted: &[&str]| -> Vec<Arc<TypeName>> {
        let named = elements(&define.definition)
            .filter(|element| wanted.iter().any(|name| element.defname.eq_ignore_ascii_case(name)));
        named.filter_map(type_argument).collect()
    };
    match define.kind() {
        ObjectType::ObjectType => Detail::Base,
        ObjectType::ObjectOperator => Detail::Sides(types(&["leftarg", "rightarg"])),
        ObjectType::ObjectAggregate => {
            // The first of two items is the list of arguments, the second how many are direct.
            let arguments = match define.args.first().and_then(|node| node.node.as_ref()) {
                Some(NodeEnum::List(list)) => list.items.iter().filter_map(argument).collect(),
                _ => Vec::new(),
            };
            let base = || {
                let argument = |type_name| Argument {
                    name: None,
                    type_name,
                    mode: ArgumentMode::In,
                    has_default: false,
                };
                types(&["basetype"]).into_iter().map(argument).collect()
            };
            Detail::Function(Box::new(FunctionDefinition {
                arguments: if define.oldstyle { base() } else { arguments },
                returns: types(&["stype", "stype1"]).into_iter().next(),
                language: Some("internal".into()),
                volatility: Volatility::Immutable,
                security_definer: false,
                strict: false,
                window: false,
                body: None,
                sql_body: false,
                final_function: types(&["finalfunc"])
                    .first()
                    .map(|f| RelationName { schema: f.schema.clone(), name: f.name.clone() }),
                calls: types(&[
                    "sfunc",
                    "sfunc1",
                    "finalfunc",
                    "combinefunc",
                    "serialfunc",
                    "deserialfunc",
                    "msfunc",
                    "minvfunc",
                    "mfinalfunc",
                ])
                .iter()
                .map(|f| RelationName { schema: f.schema.clone(), name: f.name.clone() })
                .collect(),
                queries: Vec::new(),
                has_settings: false,
                changes_schema: false,
                source: None,
            }))
        }
        _ => Detail::None,
    }
}

fn type_argument(element: &DefElem) -> Option<Arc<TypeName>> {
    match element.arg.as_deref()?.node.as_ref()? {
        NodeEnum::TypeName(name) => Some(type_name(name)),
        _ => None,
    }
}

pub(super) fn range(params: &[Node]) -> Detail {
    let find = |name: &str| elements(params).find(|e| e.defname.eq_ignore_ascii_case(name));
    let multirange = find("multirange_type_name").and_then(type_argument);
    Detail::Range {
        subtype: find("subtype").and_then(type_argument).unwrap_or_default(),
        multirange: multirange
            .map(|found| RelationName { schema: found.schema.clone(), name: found.name.clone() }),
    }
}

pub(super) fn trigger(trigger: &CreateTrigStmt) -> Detail {
    // The server's TRIGGER_TYPE_BEFORE and TRIGGER_TYPE_INSTEAD.
    let (before, instead) = (1 << 1, 1 << 6);
    Detail::Trigger(Box::new(TriggerDefinition {
        function: qualified(&trigger.funcname).unwrap_or(RelationName::unqualified("")),
        columns: strings(&trigger.columns).into_iter().map(Arc::from).collect(),
        when: trigger.when_clause.as_deref().map(boxed_expression),
        for_each_row: trigger.row,
        after: trigger.timing & (before | instead) == 0,
        instead: trigger.timing & instead != 0,
        is_constraint: trigger.isconstraint,
    }))
}

pub(super) fn policy(policy: &CreatePolicyStmt) -> Detail {
    Detail::Policy(Box::new(PolicyDefinition {
        command: policy.cmd_name.as_str().into(),
        permissive: policy.permissive,
        roles: roles(&policy.roles),
        using: policy.qual.as_deref().map(boxed_expression),
        check: policy.with_check.as_deref().map(boxed_expression),
    }))
}

/// Returns roles as SQL spells them; none of them for `PUBLIC`.
pub(super) fn roles(nodes: &[Node]) -> Vec<Arc<str>> {
    nodes.iter().filter_map(role).filter(|name| **name != *"public").collect()
}

/// Returns a role as SQL spells it.
pub(super) fn role(node: &Node) -> Option<Arc<str>> {
    match &node.node {
        Some(NodeEnum::RoleSpec(spec)) => Some(role_spec(spec)),
        _ => None,
    }
}

/// Returns a role as SQL spells it.
pub(super) fn role_spec(spec: &RoleSpec) -> Arc<str> {
    match spec.roletype() {
        RoleSpecType::RolespecCurrentUser => "current_user".into(),
        RoleSpecType::RolespecCurrentRole => "current_role".into(),
        RoleSpecType::RolespecSessionUser => "session_user".into(),
        RoleSpecType::RolespecPublic => "public".into(),
        _ => quote_identifier(&spec.rolename).into_owned().into(),
    }
}

pub(super) fn statistics(statistics: &CreateStatsStmt) -> Detail {
    Detail::On(statistics.relations.iter().filter_map(relation_node).collect())
}

pub(super) fn extension(options: &[Node]) -> Detail {
    let find = |name: &str| elements(options).find(|element| element.defname == name);
    Detail::Extension {
        schema: find("schema").and_then(|e| e.arg.as_deref().and_then(constant)).map(Arc::from),
        cascade: find("cascade").is_some(),
    }
}

pub(super) fn publication(objects: &[Node]) -> Detail {
    let table = |node: &Node| match &node.node {
        Some(NodeEnum::PublicationObjSpec(spec)) => {
            relation(spec.pubtable.as_ref().and_then(|table| table.relation.as_ref()))
        }
        _ => None,
    };
    Detail::On(objects.iter().filter_map(table).collect())
}

/// Returns the signature that `DROP FUNCTION f(int)` and the like give; nothing without parentheses.
pub(super) fn signature(object: &ObjectWithArgs) -> Option<Vec<Arc<TypeName>>> {
    if object.args_unspecified {
        return None;
    }
    let types = object.objargs.iter().map(|node| match &node.node {
        Some(NodeEnum::TypeName(name)) => type_name(name),
        _ => Arc::default(),
    });
    Some(types.collect())
}

pub(super) fn signature_of(node: Option<&Node>) -> Option<Vec<Arc<TypeName>>> {
    match node?.node.as_ref()? {
        NodeEnum::ObjectWithArgs(object) => signature(object),
        _ => None,
    }
}

fn alter(kind: ObjectKind, name: RelationName, if_exists: bool, change: ObjectChange) -> Alter {
    Alter { kind, name, on: None, arguments: None, if_exists, change }
}

pub(super) fn alter_sequence(statement: &AlterSeqStmt) -> Vec<Action> {
    let Some(name) = relation(statement.sequence.as_ref()) else { return Vec::new() };
    let change = ObjectChange::Sequence(Box::new(sequence(&statement.options)));
    let altered = alter(ObjectKind::Sequence, name, statement.missing_ok, change);
    vec![Action::Alter(Box::new(altered))]
}

pub(super) fn alter_function(statement: &AlterFunctionStmt) -> Vec<Action> {
    let Some(object) = &statement.func else { return Vec::new() };
    let Some(name) = qualified(&object.objname) else { return Vec::new() };
    let find = |name: &str| elements(&statement.actions).find(|e| e.defname == name);
    let change = ObjectChange::Function {
        volatility: find("volatility").and_then(volatility),
        security_definer: find("security").map(is_true),
    };
    let kind = super::object::object_kind(statement.objtype());
    let arguments = signature(object);
    vec![Action::Alter(Box::new(Alter { arguments, ..alter(kind, name, false, change) }))]
}

pub(super) fn alter_domain(statement: &AlterDomainStmt) -> Vec<Action> {
    let Some(name) = qualified(&statement.type_name) else { return Vec::new() };
    let part = || statement.name.clone();
    let definition = statement.def.as_deref();
    let change = match statement.subtype.as_str() {
        "T" => ObjectChange::Default(definition.map(boxed_expression)),
        "N" => ObjectChange::NotNull(false),
        "O" => ObjectChange::NotNull(true),
        "C" => match definition.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::Constraint(definition)) => table::constraint(definition)
                .map_or(ObjectChange::Other, |check| ObjectChange::AddConstraint(Box::new(check))),
            _ => ObjectChange::Other,
        },
        "X" => ObjectChange::DropConstraint { name: part(), if_exists: statement.missing_ok },
        "V" => ObjectChange::ValidateConstraint(part()),
        _ => ObjectChange::Other,
    };
    vec![Action::Alter(Box::new(alter(ObjectKind::Domain, name, false, change)))]
}

pub(super) fn alter_policy(statement: &AlterPolicyStmt) -> Vec<Action> {
    let name = RelationName::unqualified(statement.policy_name.as_str());
    let change = ObjectChange::Policy {
        roles: roles(&statement.roles),
        using: statement.qual.as_deref().map(boxed_expression),
        check: statement.with_check.as_deref().map(boxed_expression),
    };
    let on = relation(statement.table.as_ref());
    vec![Action::Alter(Box::new(Alter { on, ..alter(ObjectKind::Policy, name, false, change) }))]
}

/// Returns an `ALTER` that names an object and changes nothing that the catalog follows.
pub(super) fn alter_other(
    kind: ObjectKind,
    name: Option<RelationName>,
    on: Option<RelationName>,
    arguments: Option<Vec<Arc<TypeName>>>,
    change: ObjectChange,
) -> Vec<Action> {
    let altered = name.map(|name| Alter { on, arguments, ..alter(kind, name, false, change) });
    altered.map(|altered| Action::Alter(Box::new(altered))).into_iter().collect()
}
