//! `GRANT`, `REVOKE`, default privileges and comments.

use std::sync::Arc;

use pg_query::protobuf::{
    AlterDefaultPrivilegesStmt, CommentStmt, DropBehavior, GrantRoleStmt, GrantStmt,
    GrantTargetType, ObjectType,
};
use pg_query::{Node, NodeEnum};

use super::detail::{self, elements};
use super::names::{object, object_on_table, relation_node};
use super::object::object_kind;
use super::strings;
use crate::sql::{
    Access, Action, Grant, GrantTarget, ObjectKind, RelationName, Subject, SubjectPart,
};

pub(super) fn comment(comment: &CommentStmt) -> Vec<Action> {
    let kind = match comment.objtype() {
        ObjectType::ObjectColumn => ObjectKind::Table,
        ObjectType::ObjectTabconstraint => ObjectKind::Other,
        kind => object_kind(kind),
    };
    let mut part = None;
    let relation = match comment.objtype() {
        ObjectType::ObjectTable
        | ObjectType::ObjectView
        | ObjectType::ObjectMatview
        | ObjectType::ObjectForeignTable
        | ObjectType::ObjectIndex
        | ObjectType::ObjectSequence => comment.object.as_deref().and_then(object),
        ObjectType::ObjectColumn
        | ObjectType::ObjectTabconstraint
        | ObjectType::ObjectTrigger
        | ObjectType::ObjectPolicy
        | ObjectType::ObjectRule => {
            let (table, name) = comment.object.as_deref().and_then(object_on_table).unzip();
            part = name;
            table
        }
        _ => None,
    };
    let subject = subject_of(comment, relation.as_ref(), part.as_deref()).map(Box::new);
    let text = Some(comment.comment.as_str()).filter(|text| !text.is_empty()).map(Arc::from);
    vec![Action::Comment { kind, relation, part, subject, text }]
}

/// Returns what a comment is on.
fn subject_of(
    comment: &CommentStmt,
    relation: Option<&RelationName>,
    part: Option<&str>,
) -> Option<Subject> {
    let node = comment.object.as_deref()?;
    let part_kind = match comment.objtype() {
        ObjectType::ObjectColumn => Some(SubjectPart::Column),
        ObjectType::ObjectTabconstraint => Some(SubjectPart::Constraint),
        ObjectType::ObjectTrigger => Some(SubjectPart::Trigger),
        ObjectType::ObjectPolicy => Some(SubjectPart::Policy),
        ObjectType::ObjectRule | ObjectType::ObjectDomconstraint => return None,
        _ => None,
    };
    let kind = if part_kind.is_some() { ObjectKind::Table } else { object_kind(comment.objtype()) };
    let name = relation.cloned().or_else(|| object(node))?;
    let part = part_kind.zip(part.map(Arc::from));
    Some(Subject { kind, name, part, arguments: detail::signature_of(Some(node)) })
}

/// Returns the objects that `GRANT` names.
fn subjects(grant: &GrantStmt) -> Vec<Subject> {
    let kind = object_kind(grant.objtype());
    let named = |node: &Node| {
        let name = relation_node(node).or_else(|| object(node))?;
        Some(Subject { kind, name, part: None, arguments: detail::signature_of(Some(node)) })
    };
    grant.objects.iter().filter_map(named).collect()
}

pub(super) fn grant(grant: &GrantStmt) -> Vec<Action> {
    vec![Action::Grant(Box::new(granted(grant)))]
}

fn granted(grant: &GrantStmt) -> Grant {
    let on = match grant.objtype() {
        ObjectType::ObjectTable => Some(GrantTarget::Table),
        ObjectType::ObjectSequence => Some(GrantTarget::Sequence),
        ObjectType::ObjectDatabase => Some(GrantTarget::Database),
        ObjectType::ObjectDomain => Some(GrantTarget::Domain),
        ObjectType::ObjectFdw => Some(GrantTarget::ForeignDataWrapper),
        ObjectType::ObjectForeignServer => Some(GrantTarget::ForeignServer),
        ObjectType::ObjectFunction | ObjectType::ObjectProcedure | ObjectType::ObjectRoutine => {
            Some(GrantTarget::Function)
        }
        ObjectType::ObjectLanguage => Some(GrantTarget::Language),
        ObjectType::ObjectLargeobject => Some(GrantTarget::LargeObject),
        ObjectType::ObjectSchema => Some(GrantTarget::Schema),
        ObjectType::ObjectTablespace => Some(GrantTarget::Tablespace),
        ObjectType::ObjectType => Some(GrantTarget::Type),
        ObjectType::ObjectParameterAcl => Some(GrantTarget::Parameter),
        _ => None,
    };
    let mut privileges = Vec::new();
    let mut column_privileges = Vec::new();
    let mut has_columns = false;
    let mut of_columns = Vec::new();
    for node in &grant.privileges {
        if let Some(NodeEnum::AccessPriv(privilege)) = &node.node {
            has_columns |= !privilege.cols.is_empty();
            if !privilege.cols.is_empty() {
                let columns = strings(&privilege.cols).into_iter().map(Arc::from).collect();
                of_columns.push((privilege.priv_name.to_ascii_lowercase(), columns));
            }
            if !privilege.priv_name.is_empty() {
                let name = privilege.priv_name.to_ascii_lowercase();
                if !privilege.cols.is_empty() {
                    column_privileges.push(name.clone());
                }
                privileges.push(name);
            }
        }
    }
    let named = grant.targtype() == GrantTargetType::AclTargetObject;
    let in_schema = grant.targtype() == GrantTargetType::AclTargetAllInSchema;
    let schemas = if in_schema { strings(&grant.objects) } else { Vec::new() };
    let relations =
        if named { grant.objects.iter().filter_map(relation_node).collect() } else { Vec::new() };
    Grant {
        is_grant: grant.is_grant,
        on,
        privileges,
        has_columns,
        column_privileges,
        schemas,
        routines: match grant.objtype() {
            ObjectType::ObjectFunction => Some(ObjectKind::Function),
            ObjectType::ObjectProcedure => Some(ObjectKind::Procedure),
            _ => None,
        },
        relations,
        subjects: if named { subjects(grant) } else { Vec::new() },
        of_columns,
        roles: grant.grantees.iter().filter_map(detail::role).collect(),
        grant_option: grant.grant_option,
    }
}

/// Returns what `ALTER DEFAULT PRIVILEGES` and `GRANT role` say.
pub(super) fn access(node: &NodeEnum) -> Option<Box<Access>> {
    match node {
        NodeEnum::AlterDefaultPrivilegesStmt(alter) => default_privileges(alter),
        NodeEnum::GrantRoleStmt(grant) => Some(Box::new(membership(grant))),
        NodeEnum::DropOwnedStmt(drop) => Some(Box::new(Access::Owned {
            roles: drop.roles.iter().filter_map(detail::role).collect(),
            to: None,
            cascade: drop.behavior() == DropBehavior::DropCascade,
        })),
        NodeEnum::ReassignOwnedStmt(reassign) => Some(Box::new(Access::Owned {
            roles: reassign.roles.iter().filter_map(detail::role).collect(),
            to: reassign.newrole.as_ref().map(detail::role_spec),
            cascade: false,
        })),
        _ => None,
    }
}

fn default_privileges(alter: &AlterDefaultPrivilegesStmt) -> Option<Box<Access>> {
    let list = |name: &str| -> &[Node] {
        let option = elements(&alter.options).find(|element| element.defname == name);
        match option.and_then(|element| element.arg.as_ref()?.node.as_ref()) {
            Some(NodeEnum::List(list)) => &list.items,
            _ => &[],
        }
    };
    let roles = list("roles").iter().filter_map(detail::role).collect();
    let schemas = strings(list("schemas")).into_iter().map(Arc::from).collect();
    let grant = Box::new(granted(alter.action.as_ref()?));
    Some(Box::new(Access::Default { roles, schemas, grant }))
}

fn membership(grant: &GrantRoleStmt) -> Access {
    let role = |node: &Node| match &node.node {
        Some(NodeEnum::AccessPriv(role)) => {
            Some(Arc::from(&*crate::sql::tree::quote_identifier(&role.priv_name)))
        }
        _ => None,
    };
    Access::Member {
        is_grant: grant.is_grant,
        roles: grant.granted_roles.iter().filter_map(role).collect(),
        members: grant.grantee_roles.iter().filter_map(detail::role).collect(),
    }
}
