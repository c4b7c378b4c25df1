//! Names, types, options and expressions of `pg_query`'s tree.

use std::sync::{Arc, LazyLock};

use pg_query::protobuf::{AConst, RangeVar, a_const};
use pg_query::{Node, NodeEnum};

use crate::sql::{Expression, RelationName, TypeName};

pub(super) fn relation(relation: Option<&RangeVar>) -> Option<RelationName> {
    let relation = relation?;
    let schema = name(&relation.schemaname);
    Some(RelationName { schema, name: relation.relname.as_str().into() })
}

/// Returns a name; nothing where the grammar leaves it empty.
pub(super) fn name(text: &str) -> Option<Arc<str>> {
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn relation_node(node: &Node) -> Option<RelationName> {
    match &node.node {
        Some(NodeEnum::RangeVar(range)) => relation(Some(range)),
        _ => None,
    }
}

pub(super) fn string(node: &Node) -> Option<String> {
    str(node).map(str::to_owned)
}

pub(super) fn str(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::String(string)) => Some(&string.sval),
        _ => None,
    }
}

/// Returns the name that a list of strings spells: `schema.name` or `name`.
pub(super) fn qualified(nodes: &[Node]) -> Option<RelationName> {
    let mut parts = nodes.iter().rev().filter_map(str).map(Arc::from);
    let name = parts.next()?;
    Some(RelationName { schema: parts.next(), name })
}

/// Returns the name of an object that `DROP`, `COMMENT` or `RENAME` points at, whatever its kind.
pub(super) fn object(node: &Node) -> Option<RelationName> {
    match node.node.as_ref()? {
        NodeEnum::List(list) => qualified(&list.items),
        NodeEnum::String(string) => Some(RelationName::unqualified(string.sval.as_str())),
        NodeEnum::TypeName(name) => qualified(&name.names),
        NodeEnum::ObjectWithArgs(object) => qualified(&object.objname),
        NodeEnum::RangeVar(range) => relation(Some(range)),
        _ => None,
    }
}

/// Splits the name of an object on a table (`[schema.]table.object`) into table and object.
pub(super) fn object_on_table(node: &Node) -> Option<(RelationName, String)> {
    let Some(NodeEnum::List(list)) = &node.node else { return None };
    let (last, table) = list.items.split_last()?;
    Some((qualified(table)?, string(last)?))
}

/// Returns the column of `(name COLLATE "C")`: the server takes it for a plain key.
pub(super) fn collated_column(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::CollateClause(collate) => collated_column(collate.arg.as_deref()?),
        NodeEnum::ColumnRef(column) if column.fields.len() == 1 => string(column.fields.first()?),
        _ => None,
    }
}

pub(super) fn boxed_expression(node: &Node) -> Box<Expression> {
    Box::new(expression(node))
}

/// The types of most columns, without and with the schema in which the grammar puts its own types.
/// All columns of a history share them.
static COMMON_TYPES: LazyLock<Vec<Arc<TypeName>>> = LazyLock::new(|| {
    let names = [
        "bigserial",
        "bool",
        "bpchar",
        "bytea",
        "date",
        "float8",
        "inet",
        "int2",
        "int4",
        "int8",
        "interval",
        "json",
        "jsonb",
        "numeric",
        "serial",
        "text",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "varchar",
    ];
    let both = |name: &&str| {
        let name: Arc<str> = Arc::from(*name);
        [None, Some(Arc::from("pg_catalog"))]
            .map(|schema| Arc::new(TypeName { schema, name: name.clone(), ..TypeName::default() }))
    };
    names.iter().flat_map(both).collect()
});

pub(super) fn type_name(name: &pg_query::protobuf::TypeName) -> Arc<TypeName> {
    let RelationName { schema, name: base } =
        qualified(&name.names).unwrap_or(RelationName::unqualified(""));
    let modifiers = name.typmods.iter().filter_map(integer).collect();
    let found = TypeName {
        schema,
        name: base,
        modifiers,
        dimensions: name.array_bounds.len(),
        set_of: name.setof,
        of_column: name.pct_type,
    };
    let is_plain =
        found.modifiers.is_empty() && found.dimensions == 0 && !found.set_of && !found.of_column;
    let common = COMMON_TYPES.iter().filter(|_| is_plain).find(|common| ***common == found);
    common.cloned().unwrap_or_else(|| Arc::new(found))
}

fn integer(node: &Node) -> Option<i32> {
    match &node.node {
        Some(NodeEnum::AConst(AConst { val: Some(a_const::Val::Ival(value)), .. })) => {
            Some(value.ival)
        }
        _ => None,
    }
}

/// Returns a constant as it is spelled, without quotes; a name counts as a constant (`SET x = y`).
pub(super) fn constant(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::AConst(AConst { val, .. }) => match val.as_ref()? {
            a_const::Val::Ival(value) => Some(value.ival.to_string()),
            a_const::Val::Fval(value) => Some(value.fval.clone()),
            a_const::Val::Boolval(value) => Some(value.boolval.to_string()),
            a_const::Val::Sval(value) => Some(value.sval.clone()),
            a_const::Val::Bsval(value) => Some(value.bsval.clone()),
        },
        NodeEnum::TypeCast(cast) => constant(cast.arg.as_ref()?),
        NodeEnum::String(value) => Some(value.sval.clone()),
        _ => None,
    }
}

/// Returns whether the option `name` is switched on: present, and not set to false.
pub(super) fn option(options: &[Node], name: &str) -> bool {
    options.iter().any(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) if element.defname.eq_ignore_ascii_case(name) => {
            let value = element.arg.as_ref().and_then(|arg| match arg.node.as_ref()? {
                NodeEnum::String(value) => Some(value.sval.to_ascii_lowercase()),
                NodeEnum::Boolean(value) => Some(value.boolval.to_string()),
                NodeEnum::Integer(value) => Some(value.ival.to_string()),
                _ => None,
            });
            !matches!(value.as_deref(), Some("false" | "off" | "0"))
        }
        _ => false,
    })
}

/// Returns whether `ONLY` stands before a relation.
pub(super) fn is_only(node: &Node) -> bool {
    match &node.node {
        Some(NodeEnum::RangeVar(range)) => !range.inh,
        Some(NodeEnum::VacuumRelation(one)) => one.relation.as_ref().is_some_and(|r| !r.inh),
        _ => false,
    }
}

/// Returns an expression.
pub(super) fn expression(node: &Node) -> Expression {
    Expression { constants: super::constants::of_expression(node), tree: super::tree::expr(node) }
}
