//! Everything that is not a table, an index or a query: `CREATE`, `DROP`, `RENAME`, `GRANT` and types.

use std::sync::Arc;

use pg_query::protobuf::{
    AlterEnumStmt, AlterExtensionContentsStmt, AlterObjectSchemaStmt, AlterOwnerStmt,
    CreateEnumStmt, CreateFunctionStmt, DefineStmt, DropBehavior, DropStmt, ObjectType, RangeVar,
    RenameStmt, RoleSpec,
};
use pg_query::{Node, NodeEnum};

use super::names::{
    constant, object, object_on_table, option, qualified, relation, string, type_name,
};
use super::{constants, detail, name_list, rare, statement, strings, table};
use crate::sql::tree::{Name, Query};
use crate::sql::{
    Action, Constant, Create, Detail, Drop, ObjectChange, ObjectKind, RelationName, Rename,
    RenamedPart,
};

pub(super) fn object_kind(kind: ObjectType) -> ObjectKind {
    match kind {
        ObjectType::ObjectTable => ObjectKind::Table,
        ObjectType::ObjectForeignTable => ObjectKind::ForeignTable,
        ObjectType::ObjectIndex => ObjectKind::Index,
        ObjectType::ObjectView => ObjectKind::View,
        ObjectType::ObjectMatview => ObjectKind::MaterializedView,
        ObjectType::ObjectSequence => ObjectKind::Sequence,
        ObjectType::ObjectType | ObjectType::ObjectAttribute => ObjectKind::Type,
        ObjectType::ObjectDomain | ObjectType::ObjectDomconstraint => ObjectKind::Domain,
        ObjectType::ObjectSchema => ObjectKind::Schema,
        ObjectType::ObjectExtension => ObjectKind::Extension,
        ObjectType::ObjectFunction | ObjectType::ObjectRoutine => ObjectKind::Function,
        ObjectType::ObjectProcedure => ObjectKind::Procedure,
        ObjectType::ObjectAggregate => ObjectKind::Aggregate,
        ObjectType::ObjectTrigger => ObjectKind::Trigger,
        ObjectType::ObjectPolicy => ObjectKind::Policy,
        ObjectType::ObjectRule => ObjectKind::Rule,
        ObjectType::ObjectRole => ObjectKind::Role,
        ObjectType::ObjectDatabase => ObjectKind::Database,
        ObjectType::ObjectTablespace => ObjectKind::Tablespace,
        ObjectType::ObjectPublication => ObjectKind::Publication,
        ObjectType::ObjectSubscription => ObjectKind::Subscription,
        ObjectType::ObjectStatisticExt => ObjectKind::Statistics,
        ObjectType::ObjectCollation => ObjectKind::Collation,
        ObjectType::ObjectEventTrigger => ObjectKind::EventTrigger,
        ObjectType::ObjectCast => ObjectKind::Cast,
        ObjectType::ObjectForeignServer => ObjectKind::Server,
        ObjectType::ObjectUserMapping => ObjectKind::UserMapping,
        ObjectType::ObjectOperator => ObjectKind::Operator,
        ObjectType::ObjectOpclass => ObjectKind::OperatorClass,
        ObjectType::ObjectOpfamily => ObjectKind::OperatorFamily,
        ObjectType::ObjectFdw => ObjectKind::ForeignDataWrapper,
        ObjectType::ObjectLanguage => ObjectKind::Language,
        ObjectType::ObjectAccessMethod => ObjectKind::AccessMethod,
        ObjectType::ObjectConversion => ObjectKind::Conversion,
        ObjectType::ObjectTransform => ObjectKind::Transform,
        ObjectType::ObjectTsconfiguration => ObjectKind::TextSearchConfiguration,
        ObjectType::ObjectTsdictionary => ObjectKind::TextSearchDictionary,
        ObjectType::ObjectTsparser => ObjectKind::TextSearchParser,
        ObjectType::ObjectTstemplate => ObjectKind::TextSearchTemplate,
        _ => ObjectKind::Other,
    }
}

pub(super) fn drop(drop: &DropStmt) -> Vec<Action> {
    let kind = object_kind(drop.remove_type());
    let on_table = matches!(kind, ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule);
    let named = |node: &Node| {
        if on_table {
            let (table, name) = object_on_table(node)?;
            return Some((RelationName::unqualified(name), Some(table)));
        }
        Some((object(node)?, None))
    };
    let with: Vec<RelationName> = match &drop.objects[..] {
        [_] => Vec::new(),
        all if kind.is_relation() => all.iter().filter_map(object).collect(),
        _ => Vec::new(),
    };
    drop.objects
        .iter()
        .map(|node| {
            let (name, on) = named(node).unwrap_or((RelationName::unqualified(""), None));
            Action::Drop(Box::new(Drop {
                kind,
                name,
                on,
                arguments: detail::signature_of(Some(node)),
                if_exists: drop.missing_ok,
                cascade: drop.behavior() == DropBehavior::DropCascade,
                concurrently: drop.concurrent,
                with: with.clone(),
            }))
        })
        .collect()
}

pub(super) fn rename(rename: &RenameStmt) -> Vec<Action> {
    let named = relation(rename.relation.as_ref())
        .or_else(|| rename.object.as_deref().and_then(object))
        .or_else(|| Some(RelationName::unqualified(rename.subname.clone())));
    let Some(name) = named else { return Vec::new() };
    let (kind, part) = match rename.rename_type() {
        ObjectType::ObjectColumn | ObjectType::ObjectAttribute => {
            (object_kind(rename.relation_type()), RenamedPart::Column(rename.subname.clone()))
        }
        ObjectType::ObjectTabconstraint => {
            (ObjectKind::Table, RenamedPart::Constraint(rename.subname.clone()))
        }
        ObjectType::ObjectDomconstraint => {
            (ObjectKind::Domain, RenamedPart::Constraint(rename.subname.clone()))
        }
        ObjectType::ObjectTrigger | ObjectType::ObjectPolicy | ObjectType::ObjectRule => {
            let kind = object_kind(rename.rename_type());
            (kind, RenamedPart::Attached(kind, rename.subname.clone()))
        }
        kind => (object_kind(kind), RenamedPart::Whole),
    };
    let to = rename.newname.clone();
    let arguments = detail::signature_of(rename.object.as_deref());
    let if_exists = rename.missing_ok;
    let only = rename.relation.as_ref().is_some_and(|relation| !relation.inh);
    vec![Action::Rename(Box::new(Rename { kind, name, part, to, if_exists, only, arguments }))]
}

pub(super) fn set_schema(set: &AlterObjectSchemaStmt) -> Vec<Action> {
    let name = relation(set.relation.as_ref()).or_else(|| set.object.as_deref().and_then(object));
    name.map(|name| Action::SetSchema {
        kind: object_kind(set.object_type()),
        name,
        schema: set.newschema.clone(),
        if_exists: set.missing_ok,
        arguments: detail::signature_of(set.object.as_deref()),
    })
    .into_iter()
    .collect()
}

pub(super) fn create_enum(create: &CreateEnumStmt) -> Vec<Action> {
    name_list(&create.type_name)
        .map(|name| Action::CreateEnum { name, labels: strings(&create.vals) })
        .into_iter()
        .collect()
}

pub(super) fn alter_enum(alter: &AlterEnumStmt) -> Vec<Action> {
    let Some(name) = name_list(&alter.type_name) else { return Vec::new() };
    let label = alter.new_val.clone();
    vec![if alter.old_val.is_empty() {
        let neighbor = (!alter.new_val_neighbor.is_empty())
            .then(|| (!alter.new_val_is_after, alter.new_val_neighbor.clone()));
        Action::AddEnumValue { name, label, if_not_exists: alter.skip_if_new_val_exists, neighbor }
    } else {
        Action::RenameEnumValue { name, from: alter.old_val.clone(), to: label }
    }]
}

/// Lowers the statements that make, or drop in their own way, an object of the rarer kinds.
pub(super) fn create(node: &NodeEnum) -> Option<Vec<Action>> {
    let one = |kind, name: Option<RelationName>| Create {
        kind,
        name: name.unwrap_or(RelationName::unqualified("")),
        on: None,
        or_replace: false,
        if_not_exists: false,
        password: None,
        alters: false,
        arguments: Vec::new(),
        constants: Vec::new(),
        detail: Detail::None,
    };
    let plain = |text: &String| Some(RelationName::unqualified(text.clone()));
    let create = match node {
        NodeEnum::CreateFunctionStmt(function) => create_function(function),
        NodeEnum::CreateTrigStmt(trigger) => Create {
            on: relation(trigger.relation.as_ref()),
            or_replace: trigger.replace,
            detail: detail::trigger(trigger),
            constants: condition_constants(
                trigger.when_clause.as_deref(),
                trigger.relation.as_ref(),
            ),
            ..one(ObjectKind::Trigger, plain(&trigger.trigname))
        },
        NodeEnum::CreatePolicyStmt(policy) => Create {
            on: relation(policy.table.as_ref()),
            detail: detail::policy(policy),
            constants: condition_constants(
                policy.qual.as_deref().into_iter().chain(policy.with_check.as_deref()),
                policy.table.as_ref(),
            ),
            ..one(ObjectKind::Policy, plain(&policy.policy_name))
        },
        NodeEnum::RuleStmt(rule) => Create {
            on: relation(rule.relation.as_ref()),
            or_replace: rule.replace,
            detail: rare::rule(rule, rule.actions.iter().filter_map(written).collect()),
            ..one(ObjectKind::Rule, plain(&rule.rulename))
        },
        NodeEnum::CreateSeqStmt(sequence) => Create {
            if_not_exists: sequence.if_not_exists,
            detail: Detail::Sequence(Box::new(detail::sequence(&sequence.options))),
            ..one(ObjectKind::Sequence, relation(sequence.sequence.as_ref()))
        },
        NodeEnum::CreateSchemaStmt(schema) => {
            let name = match schema.schemaname.as_str() {
                "" => role(schema.authrole.as_ref()).unwrap_or_default(),
                name => name.to_owned(),
            };
            let made = Create {
                if_not_exists: schema.if_not_exists,
                ..one(ObjectKind::Schema, plain(&name))
            };
            return Some(create_schema(made, &name, &schema.schema_elts));
        }
        NodeEnum::CreateExtensionStmt(extension) => Create {
            if_not_exists: extension.if_not_exists,
            detail: detail::extension(&extension.options),
            ..one(ObjectKind::Extension, plain(&extension.extname))
        },
        NodeEnum::CreateRoleStmt(role) => {
            Create { password: password(&role.options), ..one(ObjectKind::Role, plain(&role.role)) }
        }
        NodeEnum::AlterRoleStmt(alter) => Create {
            password: password(&alter.options),
            alters: true,
            ..one(ObjectKind::Role, role(alter.role.as_ref()).map(RelationName::unqualified))
        },
        NodeEnum::CreateDomainStmt(domain) => Create {
            detail: detail::domain(domain),
            ..one(ObjectKind::Domain, qualified(&domain.domainname))
        },
        NodeEnum::CompositeTypeStmt(composite) => Create {
            detail: Detail::Composite(table::columns(&composite.coldeflist)),
            ..one(ObjectKind::Type, relation(composite.typevar.as_ref()))
        },
        NodeEnum::CreateRangeStmt(range) => Create {
            detail: detail::range(&range.params),
            ..one(ObjectKind::Type, qualified(&range.type_name))
        },
        NodeEnum::DefineStmt(define) => define_object(define, one),
        NodeEnum::CreatePublicationStmt(publication) => Create {
            detail: detail::publication(&publication.pubobjects),
            ..one(ObjectKind::Publication, plain(&publication.pubname))
        },
        NodeEnum::CreateSubscriptionStmt(subscription) => {
            let makes_slot = option_default_true(&subscription.options, "connect")
                && option_default_true(&subscription.options, "create_slot");
            if makes_slot {
                return Some(vec![Action::NonTransactional {
                    command: "CREATE SUBSCRIPTION ... WITH (create_slot = true)",
                }]);
            }
            Create {
                password: connection_password(&subscription.conninfo),
                ..one(ObjectKind::Subscription, plain(&subscription.subname))
            }
        }
        NodeEnum::CreateStatsStmt(statistics) => Create {
            if_not_exists: statistics.if_not_exists,
            detail: detail::statistics(statistics),
            ..one(ObjectKind::Statistics, qualified(&statistics.defnames))
        },
        NodeEnum::CreateEventTrigStmt(trigger) => Create {
            detail: qualified(&trigger.funcname).map_or(Detail::None, Detail::EventTrigger),
            ..one(ObjectKind::EventTrigger, plain(&trigger.trigname))
        },
        NodeEnum::CreateCastStmt(_) => one(ObjectKind::Cast, None),
        NodeEnum::CreateForeignServerStmt(server) => Create {
            if_not_exists: server.if_not_exists,
            detail: Detail::Server(server.fdwname.as_str().into()),
            ..one(ObjectKind::Server, plain(&server.servername))
        },
        NodeEnum::CreateUserMappingStmt(mapping) => Create {
            if_not_exists: mapping.if_not_exists,
            password: password(&mapping.options),
            ..one(ObjectKind::UserMapping, plain(&mapping.servername))
        },
        NodeEnum::AlterUserMappingStmt(mapping) => Create {
            password: password(&mapping.options),
            alters: true,
            ..one(ObjectKind::UserMapping, plain(&mapping.servername))
        },
        NodeEnum::CreatePlangStmt(language) => Create {
            or_replace: language.replace,
            ..one(ObjectKind::Language, plain(&language.plname))
        },
        NodeEnum::CreateFdwStmt(wrapper) => {
            one(ObjectKind::ForeignDataWrapper, plain(&wrapper.fdwname))
        }
        NodeEnum::CreateOpClassStmt(class) => {
            one(ObjectKind::OperatorClass, qualified(&class.opclassname))
        }
        NodeEnum::CreateAmStmt(method) => one(ObjectKind::AccessMethod, plain(&method.amname)),
        NodeEnum::CreateTransformStmt(transform) => Create {
            or_replace: transform.replace,
            ..one(ObjectKind::Transform, plain(&transform.lang))
        },
        NodeEnum::CreateConversionStmt(conversion) => {
            one(ObjectKind::Conversion, qualified(&conversion.conversion_name))
        }
        NodeEnum::DropRoleStmt(drop) => {
            let roles = drop.roles.iter().map(|node| match &node.node {
                Some(NodeEnum::RoleSpec(spec)) => role(Some(spec)).unwrap_or_default(),
                _ => String::new(),
            });
            return Some(
                roles.map(|name| dropped(ObjectKind::Role, name, drop.missing_ok)).collect(),
            );
        }
        NodeEnum::DropSubscriptionStmt(drop) => {
            let name = drop.subname.clone();
            return Some(vec![dropped(ObjectKind::Subscription, name, drop.missing_ok)]);
        }
        NodeEnum::DropUserMappingStmt(drop) => {
            let name = drop.servername.clone();
            return Some(vec![dropped(ObjectKind::UserMapping, name, drop.missing_ok)]);
        }
        _ => return None,
    };
    Some(vec![Action::Create(Box::new(create))])
}

/// Returns the relation that an action of a rule writes to.
fn written(action: &Node) -> Option<RelationName> {
    match action.node.as_ref()? {
        NodeEnum::InsertStmt(insert) => relation(insert.relation.as_ref()),
        NodeEnum::UpdateStmt(update) => relation(update.relation.as_ref()),
        NodeEnum::DeleteStmt(delete) => relation(delete.relation.as_ref()),
        _ => None,
    }
}

/// Returns the constants of the conditions of a policy or trigger.
fn condition_constants<'a>(
    conditions: impl IntoIterator<Item = &'a Node>,
    table: Option<&RangeVar>,
) -> Vec<Constant> {
    let Some(table) = relation(table) else { return Vec::new() };
    constants::of_expressions(conditions, &table, &["new", "old"])
}

fn create_function(function: &CreateFunctionStmt) -> Create {
    let input = |node: &Node| match &node.node {
        Some(NodeEnum::FunctionParameter(parameter)) => {
            use pg_query::protobuf::FunctionParameterMode::{FuncParamOut, FuncParamTable};
            let is_input = !matches!(parameter.mode(), FuncParamOut | FuncParamTable);
            is_input
                .then(|| parameter.arg_type.as_ref().map(|name| type_name(name).name.to_string()))?
        }
        _ => None,
    };
    Create {
        kind: if function.is_procedure { ObjectKind::Procedure } else { ObjectKind::Function },
        name: qualified(&function.funcname).unwrap_or(RelationName::unqualified("")),
        on: None,
        or_replace: function.replace,
        if_not_exists: false,
        password: None,
        alters: false,
        arguments: function.parameters.iter().filter_map(input).collect(),
        constants: Vec::new(),
        detail: detail::function(function),
    }
}

/// Returns a schema and what `CREATE SCHEMA` makes inside it, whose names are in that schema.
fn create_schema(made: Create, schema: &str, elements: &[Node]) -> Vec<Action> {
    let mut actions = vec![Action::Create(Box::new(made))];
    let empty =
        pg_query::ParseResult::new(pg_query::protobuf::ParseResult::default(), String::new());
    for node in elements.iter().filter_map(|element| element.node.as_ref()) {
        for mut action in statement(node, &empty) {
            let name = match &mut action {
                Action::CreateTable(create) => create.name.as_mut(),
                Action::CreateIndex(create) => Some(&mut create.table),
                Action::CreateView(create) => Some(&mut create.name),
                Action::Create(create) => Some(&mut create.name),
                _ => None,
            };
            if let Some(name) = name {
                name.schema.get_or_insert_with(|| schema.into());
            }
            actions.push(action);
        }
    }
    find_inside(&mut actions, schema);
    actions
}

/// Qualifies what the elements of a `CREATE SCHEMA` call each other: the server looks into the new schema
/// first.
fn find_inside(actions: &mut [Action], schema: &str) {
    let made = |action: &Action| match action {
        Action::CreateTable(create) => create.name.clone(),
        Action::CreateView(create) => Some(create.name.clone()),
        _ => None,
    };
    let made: Vec<RelationName> = actions.iter().filter_map(made).collect();
    let qualify = |name: &mut RelationName| {
        let is_inside =
            |made: &&RelationName| made.name == name.name && made.schema.as_deref() == Some(schema);
        if name.schema.is_none() && made.iter().any(|made| is_inside(&made)) {
            name.schema = Some(schema.into());
        }
    };
    let in_query = |query: &mut Query| {
        query.rename(&mut |name| {
            if let Name::Relation(source) = name {
                qualify(&mut source.name);
            }
        });
    };
    for action in actions {
        match action {
            Action::CreateView(create) => {
                create.reads.iter_mut().for_each(qualify);
                create.query.as_mut().map(Arc::make_mut).into_iter().for_each(in_query);
            }
            Action::CreateTable(create) => {
                let inline = create
                    .columns
                    .iter_mut()
                    .flat_map(|column| &mut Arc::make_mut(column).constraints);
                let keys = inline.chain(&mut create.constraints);
                keys.filter_map(|key| key.references.as_mut()).for_each(qualify);
                create.reads.iter_mut().for_each(qualify);
            }
            Action::Create(create) => create.on.iter_mut().for_each(qualify),
            _ => {}
        }
    }
}

fn define_object(
    define: &DefineStmt,
    one: impl Fn(ObjectKind, Option<RelationName>) -> Create,
) -> Create {
    let kind = object_kind(define.kind());
    Create {
        or_replace: define.replace,
        if_not_exists: define.if_not_exists,
        detail: detail::define(define),
        ..one(kind, qualified(&define.defnames))
    }
}

fn dropped(kind: ObjectKind, name: String, if_exists: bool) -> Action {
    Action::Drop(Box::new(Drop {
        kind,
        name: RelationName::unqualified(name),
        on: None,
        if_exists,
        cascade: false,
        concurrently: false,
        with: Vec::new(),
        arguments: None,
    }))
}

fn role(spec: Option<&RoleSpec>) -> Option<String> {
    spec.map(|spec| spec.rolename.clone()).filter(|name| !name.is_empty())
}

/// Returns the password among the options of a role or user mapping.
fn password(options: &[Node]) -> Option<String> {
    options.iter().find_map(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) if element.defname.eq_ignore_ascii_case("password") => {
            element.arg.as_deref().and_then(|arg| string(arg).or_else(|| constant(arg)))
        }
        _ => None,
    })
}

fn connection_password(connection: &str) -> Option<String> {
    let value = connection.split("password=").nth(1)?;
    value.split_whitespace().next().map(|word| word.trim_matches('\'').to_owned())
}

fn option_default_true(options: &[Node], name: &str) -> bool {
    let is_set = options.iter().any(
        |node| matches!(&node.node, Some(NodeEnum::DefElem(element)) if element.defname == name),
    );
    !is_set || option(options, name)
}

pub(super) fn alter_owner(alter: &AlterOwnerStmt) -> Vec<Action> {
    let kind = object_kind(alter.object_type());
    let node = alter.object.as_deref();
    let name = relation(alter.relation.as_ref()).or_else(|| node.and_then(object));
    let role = alter.newowner.as_ref().map(detail::role_spec).unwrap_or_default();
    detail::alter_other(kind, name, None, detail::signature_of(node), ObjectChange::Owner(role))
}

pub(super) fn alter_extension_member(alter: &AlterExtensionContentsStmt) -> Vec<Action> {
    let Some(name) = alter.object.as_deref().and_then(object) else { return Vec::new() };
    let kind = object_kind(alter.objtype());
    let extension = Some(RelationName::unqualified(alter.extname.as_str()));
    let change = ObjectChange::Member { add: alter.action > 0, kind, name };
    detail::alter_other(ObjectKind::Extension, extension, None, None, change)
}
