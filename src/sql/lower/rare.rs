//! Statements that seldom stand in migrations: publications, tablespaces, rules and base types.

use pg_query::protobuf::{
    AlterPublicationAction, AlterPublicationStmt, AlterTableMoveAllStmt, AlterTypeStmt, CmdType,
    RuleStmt,
};

use super::detail;
use super::names::{constant, object, qualified};
use super::object::object_kind;
use crate::sql::{
    Action, Alter, Detail, DmlKind, MemberChange, ObjectChange, ObjectKind, RelationName,
    RuleDefinition,
};

fn alter(kind: ObjectKind, name: RelationName, change: ObjectChange) -> Vec<Action> {
    let (on, arguments, if_exists) = (None, None, false);
    vec![Action::Alter(Box::new(Alter { kind, name, on, arguments, if_exists, change }))]
}

pub(super) fn publication(statement: &AlterPublicationStmt) -> Vec<Action> {
    let Detail::On(tables) = detail::publication(&statement.pubobjects) else { return Vec::new() };
    let how = match statement.action() {
        AlterPublicationAction::ApDropObjects => MemberChange::Drop,
        AlterPublicationAction::ApSetObjects => MemberChange::Set,
        AlterPublicationAction::ApAddObjects | AlterPublicationAction::Undefined => {
            MemberChange::Add
        }
    };
    let name = RelationName::unqualified(statement.pubname.as_str());
    // Without objects it is about the options.
    let change = match tables.is_empty() && !statement.options.is_empty() {
        true => ObjectChange::Other,
        false => ObjectChange::Publication { how, tables },
    };
    alter(ObjectKind::Publication, name, change)
}

pub(super) fn move_all(statement: &AlterTableMoveAllStmt) -> Vec<Action> {
    let change = ObjectChange::MoveAll {
        objects: object_kind(statement.objtype()),
        to: statement.new_tablespacename.as_str().into(),
        roles: statement.roles.iter().filter_map(detail::role).collect(),
    };
    let from = RelationName::unqualified(statement.orig_tablespacename.as_str());
    alter(ObjectKind::Tablespace, from, change)
}

/// Reads `ALTER TYPE ... SET (STORAGE = ...)`.
pub(super) fn alter_type(statement: &AlterTypeStmt) -> Option<Vec<Action>> {
    let name = qualified(&statement.type_name)?;
    let storage = detail::elements(&statement.options)
        .find(|option| option.defname.eq_ignore_ascii_case("storage"))?;
    // The grammar takes the word for the name of a type.
    let argument = storage.arg.as_deref()?;
    let word = constant(argument).or_else(|| Some(object(argument)?.name.to_string()))?;
    let storage = word.to_ascii_lowercase();
    Some(alter(ObjectKind::Type, name, ObjectChange::Storage(storage.into())))
}

pub(super) fn rule(statement: &RuleStmt, writes: Vec<RelationName>) -> Detail {
    let event = match statement.event() {
        CmdType::CmdInsert => DmlKind::Insert,
        CmdType::CmdUpdate => DmlKind::Update,
        CmdType::CmdDelete => DmlKind::Delete,
        _ => DmlKind::Select,
    };
    Detail::Rule(Box::new(RuleDefinition { event, writes }))
}
