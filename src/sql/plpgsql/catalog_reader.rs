//! Collects what the `FROM` and the `WHERE` of a catalog query want, and of which object.

use std::collections::BTreeMap;

use pg_query::protobuf::{
    AExpr, AExprKind, BoolExprType, BoolTestType, JoinExpr, JoinType, NullTestType, SubLinkType,
};
use pg_query::{Node, NodeEnum};

use super::catalog_query::{
    Key, Query, Wanted, column_reference, one_of, read, relation_kinds, selected_column, wanted,
};
use super::catalog_tables::{Attribute, Kind, Role, attribute, kind};
use super::condition::Condition;
use super::expression::{self, Scope};
use super::value::Value;

/// A catalog in a `FROM`.
struct Source {
    name: String,
    table: String,
    kind: Kind,
    role: Option<Role>,
}

#[derive(Default)]
pub(super) struct Reader {
    sources: Vec<Source>,
    links: Vec<((usize, Key), (usize, Key))>,
    wanted: Vec<((usize, Key), Wanted)>,
    /// Conditions that do not depend on the catalogs.
    others: Vec<Condition>,
    /// What a sub-query that a column is compared with wants.
    nested: Vec<((usize, Key), Query)>,
}

impl Reader {
    pub(super) fn add_source<'a>(
        &mut self,
        node: &'a Node,
        conditions: &mut Vec<&'a Node>,
        depth: usize,
    ) -> Option<()> {
        match node.node.as_ref()? {
            NodeEnum::RangeVar(range) => {
                let kind = kind(&range.schemaname, &range.relname)?;
                let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
                let table = range.relname.clone();
                let name = alias.unwrap_or_else(|| table.clone());
                self.sources.push(Source { name, table, kind, role: None });
                Some(())
            }
            NodeEnum::JoinExpr(join) if depth < 50 => {
                if join.jointype() != JoinType::JoinInner || join.is_natural {
                    return None;
                }
                let first = self.sources.len();
                self.add_source(join.larg.as_ref()?, conditions, depth + 1)?;
                let middle = self.sources.len();
                self.add_source(join.rarg.as_ref()?, conditions, depth + 1)?;
                self.add_using(join, first..middle, middle)?;
                conditions.extend(join.quals.as_deref());
                Some(())
            }
            _ => None,
        }
    }

    fn add_using(
        &mut self,
        join: &JoinExpr,
        left: std::ops::Range<usize>,
        right: usize,
    ) -> Option<()> {
        for node in &join.using_clause {
            let Some(NodeEnum::String(column)) = &node.node else { return None };
            let key = |source: &Source| attribute(&source.table, &column.sval);
            let found = left.clone().find_map(|at| Some((at, key(&self.sources[at])?)));
            let other = key(self.sources.get(right)?)?;
            self.links.push((found?, (right, other)));
        }
        Some(())
    }

    fn column(&self, node: &Node) -> Option<(usize, Key)> {
        let node = expression::without_casts(node);
        if let Some(NodeEnum::FuncCall(call)) = &node.node {
            let (at, (role, of)) = self.column(call.args.first()?)?;
            let attribute = match (expression::function_name(call)?.as_str(), role, of) {
                ("pg_get_function_identity_arguments", Role::Own, Attribute::Object) => {
                    Attribute::Arguments
                }
                ("format_type", Role::Type, Attribute::Object) => Attribute::DataType,
                _ => return None,
            };
            return Some((at, (Role::Own, attribute)));
        }
        let (qualifier, column) = column_reference(node)?;
        self.sources.iter().enumerate().find_map(|(at, source)| {
            let is_here = qualifier.as_ref().is_none_or(|qualifier| *qualifier == source.name);
            let key = attribute(&source.table, &column).filter(|_| is_here)?;
            Some((at, key))
        })
    }

    pub(super) fn add_condition(&mut self, node: &Node, scope: &Scope, depth: usize) -> Option<()> {
        match node.node.as_ref()? {
            NodeEnum::BoolExpr(and) if and.boolop() == BoolExprType::AndExpr && depth < 100 => {
                and.args.iter().try_for_each(|part| self.add_condition(part, scope, depth + 1))
            }
            NodeEnum::BoolExpr(not) if not.boolop() == BoolExprType::NotExpr => {
                match self.column(not.args.first()?) {
                    Some(column) => {
                        self.wanted.push((column, Wanted::OneOf(vec!["false".to_owned()])));
                        Some(())
                    }
                    None => self.add_other(node, scope),
                }
            }
            NodeEnum::AExpr(comparison) => self.add_comparison(node, comparison, scope),
            NodeEnum::NullTest(test) => match self.column(test.arg.as_ref()?) {
                Some(column)
                    if matches!(column.1.1, Attribute::HasDefault | Attribute::IsInstalled) =>
                {
                    let is_null = test.nulltesttype() == NullTestType::IsNull;
                    self.wanted.push((column, Wanted::OneOf(vec![(!is_null).to_string()])));
                    Some(())
                }
                _ => None,
            },
            NodeEnum::BooleanTest(test) => {
                let column = self.column(test.arg.as_ref()?)?;
                let value = match test.booltesttype() {
                    BoolTestType::IsTrue | BoolTestType::IsNotFalse => "true",
                    BoolTestType::IsFalse | BoolTestType::IsNotTrue => "false",
                    _ => return None,
                };
                self.wanted.push((column, Wanted::OneOf(vec![value.to_owned()])));
                Some(())
            }
            NodeEnum::ColumnRef(_) => match self.column(node) {
                Some(column) => {
                    self.wanted.push((column, Wanted::OneOf(vec!["true".to_owned()])));
                    Some(())
                }
                None => self.add_other(node, scope),
            },
            NodeEnum::FuncCall(call) => {
                let name = expression::function_name(call)?;
                let column = call.args.first().and_then(|argument| self.column(argument));
                match (name.as_str(), column) {
                    (
                        "pg_table_is_visible" | "pg_type_is_visible" | "pg_function_is_visible",
                        Some((at, (role, Attribute::Object))),
                    ) => {
                        let column = (at, (role, Attribute::Schema));
                        self.wanted.push((column, Wanted::OnSearchPath));
                        Some(())
                    }
                    _ => self.add_other(node, scope),
                }
            }
            NodeEnum::SubLink(link) if link.sub_link_type() == SubLinkType::AnySublink => {
                let column = self.column(link.testexpr.as_ref()?)?;
                self.add_subquery(column, link.subselect.as_ref()?, scope)
            }
            _ => self.add_other(node, scope),
        }
    }

    /// Adds a condition that does not depend on the row.
    fn add_other(&mut self, node: &Node, scope: &Scope) -> Option<()> {
        match expression::condition(node, scope) {
            Condition::Unknown => None,
            condition => {
                self.others.push(condition);
                Some(())
            }
        }
    }

    fn add_comparison(&mut self, node: &Node, comparison: &AExpr, scope: &Scope) -> Option<()> {
        let (left, right) = (comparison.lexpr.as_deref()?, comparison.rexpr.as_deref()?);
        let operator = expression::operator(comparison)?;
        let (column, other) = match (self.column(left), self.column(right)) {
            (Some(left), Some(right)) if operator == "=" && left.0 != right.0 => {
                self.links.push((left, right));
                return Some(());
            }
            (Some(column), None) => (column, right),
            (None, Some(column)) => (column, left),
            (None, None) => return self.add_other(node, scope),
            _ => return None,
        };
        // `attnum > 0` and the like hold of all columns that a migration knows.
        if column.1.1 == Attribute::Nothing && matches!(operator, ">" | "=") {
            return Some(());
        }
        let negated = matches!(operator, "<>" | "!=");
        let wanted = match comparison.kind() {
            AExprKind::AexprOp if operator == "=" || negated => {
                if let Some(NodeEnum::SubLink(link)) = &expression::without_casts(other).node
                    && link.sub_link_type() == SubLinkType::ExprSublink
                    && self.add_subquery(column, link.subselect.as_ref()?, scope).is_some()
                {
                    return (!negated).then_some(());
                }
                wanted(other, column.1, scope)?
            }
            AExprKind::AexprIn if operator == "=" => {
                let Some(NodeEnum::List(list)) = &other.node else { return None };
                one_of(&list.items, column.1, scope)?
            }
            AExprKind::AexprOpAny if operator == "=" => match expression::value(other, scope) {
                Value::Array(items) => {
                    let texts: Option<Vec<String>> = items.iter().map(Value::as_known).collect();
                    Wanted::OneOf(texts?)
                }
                _ => return None,
            },
            _ => return None,
        };
        if negated {
            let Wanted::OneOf(texts) = &wanted else { return None };
            let flipped = match texts.first()?.to_ascii_lowercase().as_str() {
                "yes" => "NO",
                "no" => "YES",
                "always" => "NEVER",
                "never" => "ALWAYS",
                // Whatever is not in a system schema is in one of the history's.
                _ if column.1.1 == Attribute::Schema => return None,
                _ if column.1.1 == Attribute::IsGenerated => "ALWAYS",
                _ => return None,
            };
            self.wanted.push((column, Wanted::OneOf(vec![flipped.to_owned()])));
            return Some(());
        }
        self.wanted.push((column, wanted));
        Some(())
    }

    fn add_subquery(&mut self, column: (usize, Key), node: &Node, scope: &Scope) -> Option<()> {
        let Some(NodeEnum::SelectStmt(select)) = &node.node else { return None };
        let [target] = &select.target_list[..] else { return None };
        let Some(NodeEnum::ResTarget(target)) = &target.node else { return None };
        let target = target.val.as_deref()?;
        if select.from_clause.is_empty() {
            self.wanted.push((column, wanted(target, column.1, scope)?));
            return Some(());
        }
        let query = read(select, scope)?;
        let (role, attribute) = selected_column(select, target, &query)?;
        if role != Role::Own || attribute != column.1.1 {
            return None;
        }
        self.nested.push((column, query));
        Some(())
    }

    /// Decides which object each catalog speaks of, and puts all that is wanted together.
    pub(super) fn finish(mut self) -> Option<Query> {
        let main = (0..self.sources.len())
            .max_by_key(|&at| (self.sources[at].kind, std::cmp::Reverse(at)))?;
        self.sources[main].role = Some(Role::Own);
        for _ in 0..self.sources.len() {
            for (left, right) in &self.links {
                for (from, to) in [(left, right), (right, left)] {
                    let Some(role) = self.sources[from.0].role else { continue };
                    if self.sources[to.0].role.is_some() {
                        continue;
                    }
                    let (from_key, to_key) = (from.1, to.1);
                    if from_key.1 != to_key.1 {
                        return None;
                    }
                    self.sources[to.0].role = Some(match to_key.0 {
                        Role::Own => compose(role, from_key.0)?,
                        same if same == from_key.0 => role,
                        _ => return None,
                    });
                }
            }
        }
        let mut query = Query {
            kind: self.sources[main].kind,
            relation_kinds: relation_kinds(&self.sources[main].table),
            wanted: BTreeMap::new(),
        };
        for ((at, key), wanted) in self.wanted {
            let role = compose(self.sources[at].role?, key.0)?;
            // Of a joined catalog only the names are understood.
            if at != main && self.sources[at].kind != query.kind && !is_name(key.1) {
                return None;
            }
            query.want((role, key.1), wanted)?;
        }
        for ((at, key), nested) in self.nested {
            let role = compose(self.sources[at].role?, key.0)?;
            for ((own, attribute), wanted) in nested.wanted {
                query.want((compose(role, own)?, attribute), wanted)?;
            }
        }
        if self.sources.iter().any(|source| source.role.is_none()) {
            return None;
        }
        match Condition::all(self.others) {
            Condition::Constant(true) => Some(query),
            _ => None,
        }
    }
}

fn is_name(attribute: Attribute) -> bool {
    use Attribute as A;
    matches!(attribute, A::Name | A::Schema | A::Object | A::Kind | A::Nothing)
}

fn compose(outer: Role, inner: Role) -> Option<Role> {
    match (outer, inner) {
        (outer, Role::Own) => Some(outer),
        (Role::Own, inner) => Some(inner),
        (outer, inner) => (outer == inner).then_some(outer),
    }
}
