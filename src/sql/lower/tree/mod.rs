//! Lowers expressions and queries to [`tree`](crate::sql::tree)s.

mod call;
mod expression;
mod from;
mod modify;
mod select;
mod syntax;

use std::sync::Arc;

use pg_query::protobuf::{Alias as PgAlias, ResTarget, SelectStmt};
use pg_query::{Node, NodeEnum};

use super::names::{name, qualified, str, type_name};
use crate::sql::RelationName;
use crate::sql::tree::{Alias, Expr, Query, Step, Type};

/// The deepest nesting that is lowered; what is deeper becomes [`Expr::Unknown`].
///
/// Whoever uses a tree recurses, also on threads with little stack.
const MAX_DEPTH: u32 = 500;

/// Returns an expression.
pub(in crate::sql) fn expr(node: &Node) -> Expr {
    Lowering::default().expr(node)
}

/// Returns a query, or a statement that writes rows.
pub(in crate::sql) fn query(node: &Node) -> Query {
    Lowering::default().query(node)
}

/// Returns a `SELECT`, `VALUES` or set operation.
pub(in crate::sql) fn select(select: &SelectStmt) -> Query {
    Lowering::default().select_statement(select)
}

/// How deep the lowering is in the tree.
#[derive(Default)]
struct Lowering {
    depth: u32,
}

impl Lowering {
    /// Runs `lower` one level deeper; returns nothing where that is too deep.
    fn deeper<T>(&mut self, lower: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.depth >= MAX_DEPTH {
            return None;
        }
        self.depth += 1;
        let lowered = lower(self);
        self.depth -= 1;
        Some(lowered)
    }

    fn exprs(&mut self, nodes: &[Node]) -> Box<[Expr]> {
        nodes.iter().map(|node| self.expr(node)).collect()
    }

    fn optional(&mut self, node: Option<&Node>) -> Option<Expr> {
        node.map(|node| self.expr(node))
    }

    fn boxed(&mut self, node: Option<&Node>) -> Box<Expr> {
        Box::new(self.required(node))
    }

    fn required(&mut self, node: Option<&Node>) -> Expr {
        self.optional(node).unwrap_or_default()
    }

    fn type_of(&mut self, of: Option<&pg_query::protobuf::TypeName>) -> Type {
        let Some(of) = of else {
            return Type { name: Arc::default(), modifiers: Box::default(), is_set: false };
        };
        let name = type_name(of);
        let modifiers = match name.modifiers.len() == of.typmods.len() {
            true => Box::default(),
            false => self.exprs(&of.typmods),
        };
        Type { name, modifiers, is_set: of.setof }
    }

    fn steps(&mut self, nodes: &[Node]) -> Box<[Step]> {
        let mut step = |node: &Node| match node.node.as_ref()? {
            NodeEnum::String(field) => Some(Step::Field(field.sval.as_str().into())),
            NodeEnum::AStar(_) => Some(Step::Star),
            NodeEnum::AIndices(index) if index.is_slice => Some(Step::Slice(
                self.optional(index.lidx.as_deref()),
                self.optional(index.uidx.as_deref()),
            )),
            NodeEnum::AIndices(index) => Some(Step::Index(self.required(index.uidx.as_deref()))),
            _ => None,
        };
        nodes.iter().filter_map(&mut step).collect()
    }
}

fn alias(alias: Option<&PgAlias>) -> Option<Alias> {
    let alias = alias?;
    Some(Alias { name: alias.aliasname.as_str().into(), columns: names(&alias.colnames) })
}

fn names(nodes: &[Node]) -> Box<[Arc<str>]> {
    nodes.iter().filter_map(str).map(Arc::from).collect()
}

fn qualified_or_empty(nodes: &[Node]) -> RelationName {
    qualified(nodes).unwrap_or(RelationName::unqualified(""))
}

fn target(node: &Node) -> Option<&ResTarget> {
    match &node.node {
        Some(NodeEnum::ResTarget(target)) => Some(target),
        _ => None,
    }
}

fn target_alias(target: &ResTarget) -> Option<Arc<str>> {
    name(&target.name)
}

#[cfg(test)]
mod tests;
