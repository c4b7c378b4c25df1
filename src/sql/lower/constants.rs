//! Finds string constants to which the server gives the type of a column, or a type that is named.

use std::collections::HashSet;
use std::sync::Arc;

use pg_query::protobuf::{
    AConst, AExpr, AExprKind, InsertStmt, MergeStmt, RangeVar, SelectStmt, SetOperation,
    WithClause, a_const,
};
use pg_query::{Node, NodeEnum};

use super::names::{relation, string, type_name};
use crate::sql::{Constant, ConstantOf, RelationName, TypeName};

/// No enum label is longer; longer constants are left out.
const MAX_LABEL: usize = 63;

/// The deepest nesting that is looked into.
const MAX_DEPTH: usize = 200;

/// Returns the constants of a statement that reads or writes rows.
pub(super) fn of_statement(node: &NodeEnum) -> Vec<Constant> {
    let mut walk = Walk::default();
    walk.query(node, 0);
    walk.finish()
}

/// Returns the constants of an expression about one relation, which may go by `names` too.
pub(super) fn of_expressions<'a>(
    expressions: impl IntoIterator<Item = &'a Node>,
    table: &RelationName,
    names: &[&str],
) -> Vec<Constant> {
    let mut walk = Walk::default();
    let mut scope = Scope::default();
    scope.sources.push(Source { name: table.name.to_string(), relation: Some(table.clone()) });
    for name in names {
        scope.sources.push(Source { name: (*name).to_owned(), relation: Some(table.clone()) });
    }
    walk.scopes.push(scope);
    expressions.into_iter().for_each(|node| walk.expression(node, 0));
    walk.finish()
}

/// Returns the constants of an expression of a column or constraint: columns are those of its table.
pub(super) fn of_expression(expression: &Node) -> Vec<Constant> {
    let mut walk = Walk { own_table: true, ..Walk::default() };
    walk.expression(expression, 0);
    walk.finish()
}

/// What one `FROM` item, target or alias stands for.
struct Source {
    name: String,
    /// Nothing for a subquery, a function, or a `WITH` query.
    relation: Option<RelationName>,
}

#[derive(Default)]
struct Scope {
    sources: Vec<Source>,
}

#[derive(Default)]
struct Walk {
    /// Scopes, outermost first.
    scopes: Vec<Scope>,
    /// Names of `WITH` queries.
    with: Vec<String>,
    /// Whether column names are those of the table that the expression is part of.
    own_table: bool,
    seen: HashSet<Constant>,
    found: Vec<Constant>,
}

impl Walk {
    fn finish(mut self) -> Vec<Constant> {
        self.found.shrink_to_fit();
        self.found
    }

    fn add(&mut self, value: &str, of: Arc<ConstantOf>) {
        if value.len() > MAX_LABEL {
            return;
        }
        let constant = Constant { value: value.to_owned(), of };
        if self.seen.insert(constant.clone()) {
            self.found.push(constant);
        }
    }

    fn query(&mut self, node: &NodeEnum, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match node {
            NodeEnum::SelectStmt(select) => self.select(select, depth),
            NodeEnum::InsertStmt(insert) => self.insert(insert, depth),
            NodeEnum::UpdateStmt(update) => {
                self.with(update.with_clause.as_ref(), depth);
                self.enter(update.relation.as_ref(), &update.from_clause, depth);
                self.assignments(&update.target_list, update.relation.as_ref(), depth);
                self.optional(update.where_clause.as_deref(), depth);
                self.scopes.pop();
            }
            NodeEnum::DeleteStmt(delete) => {
                self.with(delete.with_clause.as_ref(), depth);
                self.enter(delete.relation.as_ref(), &delete.using_clause, depth);
                self.optional(delete.where_clause.as_deref(), depth);
                self.scopes.pop();
            }
            NodeEnum::MergeStmt(merge) => self.merge(merge, depth),
            _ => {}
        }
    }

    fn with(&mut self, clause: Option<&WithClause>, depth: usize) {
        for node in clause.iter().flat_map(|clause| &clause.ctes) {
            let Some(NodeEnum::CommonTableExpr(with)) = &node.node else { continue };
            self.with.push(with.ctename.clone());
            if let Some(query) = with.ctequery.as_deref().and_then(|query| query.node.as_ref()) {
                self.query(query, depth + 1);
            }
        }
    }

    /// Opens a scope with the target and the other relations of a statement.
    fn enter(&mut self, target: Option<&RangeVar>, from: &[Node], depth: usize) {
        let mut scope = Scope::default();
        scope.sources.extend(target.map(|target| self.source(target)));
        for node in from {
            self.add_sources(node, &mut scope, depth);
        }
        self.scopes.push(scope);
        for node in from {
            self.join_conditions(node, depth);
        }
    }

    fn source(&self, range: &RangeVar) -> Source {
        let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
        let is_with = range.schemaname.is_empty() && self.with.contains(&range.relname);
        let renames_columns = range.alias.as_ref().is_some_and(|alias| !alias.colnames.is_empty());
        let found = relation(Some(range)).filter(|_| !is_with && !renames_columns);
        Source { name: alias.unwrap_or(range.relname.clone()), relation: found }
    }

    fn add_sources(&mut self, node: &Node, scope: &mut Scope, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match &node.node {
            Some(NodeEnum::RangeVar(range)) => scope.sources.push(self.source(range)),
            Some(NodeEnum::JoinExpr(join)) => {
                for side in [&join.larg, &join.rarg].into_iter().flatten() {
                    self.add_sources(side, scope, depth + 1);
                }
            }
            Some(NodeEnum::RangeSubselect(subselect)) => {
                if let Some(query) = subselect.subquery.as_deref().and_then(|q| q.node.as_ref()) {
                    self.query(query, depth + 1);
                }
                let name = subselect.alias.as_ref().map(|alias| alias.aliasname.clone());
                scope.sources.push(Source { name: name.unwrap_or_default(), relation: None });
            }
            _ => scope.sources.push(Source { name: String::new(), relation: None }),
        }
    }

    fn join_conditions(&mut self, node: &Node, depth: usize) {
        if let Some(NodeEnum::JoinExpr(join)) = &node.node
            && depth <= MAX_DEPTH
        {
            for side in [&join.larg, &join.rarg].into_iter().flatten() {
                self.join_conditions(side, depth + 1);
            }
            self.optional(join.quals.as_deref(), depth);
        }
    }

    fn select(&mut self, select: &SelectStmt, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        self.with(select.with_clause.as_ref(), depth);
        for side in [&select.larg, &select.rarg].into_iter().flatten() {
            self.select(side, depth + 1);
        }
        self.enter(None, &select.from_clause, depth);
        self.each(&select.target_list, depth);
        self.each(&select.values_lists, depth);
        self.each(&select.group_clause, depth);
        self.each(&select.sort_clause, depth);
        self.optional(select.where_clause.as_deref(), depth);
        self.optional(select.having_clause.as_deref(), depth);
        self.scopes.pop();
    }

    fn insert(&mut self, insert: &InsertStmt, depth: usize) {
        let Some(target) = relation(insert.relation.as_ref()) else { return };
        let columns: Vec<&str> = insert.cols.iter().filter_map(target_name).collect();
        self.with(insert.with_clause.as_ref(), depth);
        // The rows share what they have in common.
        let mut known: Vec<Option<Arc<ConstantOf>>> = Vec::new();
        let mut of = |place: usize| {
            for place in known.len()..=place {
                known.push(match columns.get(place) {
                    Some(column) => Some(column_of(&target, column)),
                    None if columns.is_empty() => {
                        Some(Arc::new(ConstantOf::Place { relation: target.clone(), place }))
                    }
                    None => None,
                });
            }
            known[place].clone()
        };
        let query = insert.select_stmt.as_deref().and_then(|query| query.node.as_ref());
        if let Some(NodeEnum::SelectStmt(select)) = query {
            let rows = select.values_lists.iter().filter_map(list);
            // In a UNION the constants are text before they meet the column.
            let is_plain = select.op() == SetOperation::SetopNone;
            let targets = select.target_list.iter().filter(|_| is_plain).map(result);
            for row in rows {
                for (place, value) in row.iter().enumerate() {
                    self.assign(value, of(place));
                }
            }
            for (place, value) in targets.enumerate() {
                if let Some(value) = value {
                    self.assign(value, of(place));
                }
            }
            self.select(select, depth + 1);
        }
        if let Some(conflict) = &insert.on_conflict_clause {
            let mut scope = Scope::default();
            scope.sources.extend(insert.relation.as_ref().map(|target| self.source(target)));
            let relation = Some(target.clone());
            scope.sources.push(Source { name: "excluded".to_owned(), relation });
            self.scopes.push(scope);
            self.assignments(&conflict.target_list, insert.relation.as_ref(), depth);
            self.optional(conflict.where_clause.as_deref(), depth);
            self.scopes.pop();
        }
    }

    fn merge(&mut self, merge: &MergeStmt, depth: usize) {
        let Some(target) = relation(merge.relation.as_ref()) else { return };
        self.with(merge.with_clause.as_ref(), depth);
        self.enter(
            merge.relation.as_ref(),
            merge.source_relation.as_deref().map_or(&[], std::slice::from_ref),
            depth,
        );
        self.optional(merge.join_condition.as_deref(), depth);
        for node in &merge.merge_when_clauses {
            let Some(NodeEnum::MergeWhenClause(when)) = &node.node else { continue };
            self.optional(when.condition.as_deref(), depth);
            if when.values.is_empty() {
                self.assignments(&when.target_list, merge.relation.as_ref(), depth);
                continue;
            }
            let columns: Vec<&str> = when.target_list.iter().filter_map(target_name).collect();
            for (place, value) in when.values.iter().enumerate() {
                let of = match columns.get(place) {
                    Some(column) => column_of(&target, column),
                    None => Arc::new(ConstantOf::Place { relation: target.clone(), place }),
                };
                self.assign(value, Some(of));
            }
            self.each(&when.values, depth);
        }
        self.scopes.pop();
    }

    /// Reads `SET column = value` lists.
    fn assignments(&mut self, targets: &[Node], relation_of: Option<&RangeVar>, depth: usize) {
        let target = relation(relation_of);
        for node in targets {
            let Some(value) = result(node) else { continue };
            let of = target_name(node).zip(target.as_ref());
            self.assign(value, of.map(|(column, target)| column_of(target, column)));
            self.expression(value, depth);
        }
    }

    fn assign(&mut self, value: &Node, of: Option<Arc<ConstantOf>>) {
        if let (Some(value), Some(of)) = (string_constant(value), of) {
            self.add(value, of);
        }
    }

    fn each(&mut self, nodes: &[Node], depth: usize) {
        for node in nodes {
            self.expression(node, depth);
        }
    }

    fn optional(&mut self, node: Option<&Node>, depth: usize) {
        if let Some(node) = node {
            self.expression(node, depth);
        }
    }

    fn expression(&mut self, node: &Node, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let depth = depth + 1;
        match &node.node {
            Some(NodeEnum::TypeCast(cast)) => {
                let Some(argument) = cast.arg.as_deref() else { return };
                if let Some(name) = &cast.type_name {
                    self.cast(argument, type_name(name));
                }
                self.expression(argument, depth);
            }
            Some(NodeEnum::AExpr(operation)) => {
                self.comparison(operation);
                for side in [&operation.lexpr, &operation.rexpr].into_iter().flatten() {
                    self.expression(side, depth);
                }
            }
            Some(NodeEnum::CaseExpr(case)) => {
                let whens = case.args.iter().filter_map(|node| match &node.node {
                    Some(NodeEnum::CaseWhen(when)) => Some(when),
                    _ => None,
                });
                let results: Vec<&Node> = whens
                    .clone()
                    .filter_map(|when| when.result.as_deref())
                    .chain(case.defresult.as_deref())
                    .collect();
                self.siblings(&results);
                for when in whens {
                    if let (Some(subject), Some(value)) =
                        (case.arg.as_deref(), when.expr.as_deref())
                    {
                        self.siblings(&[subject, value]);
                    }
                    self.optional(when.expr.as_deref(), depth);
                    self.optional(when.result.as_deref(), depth);
                }
                self.optional(case.arg.as_deref(), depth);
                self.optional(case.defresult.as_deref(), depth);
            }
            Some(NodeEnum::CoalesceExpr(coalesce)) => {
                self.siblings(&coalesce.args.iter().collect::<Vec<_>>());
                self.each(&coalesce.args, depth);
            }
            Some(NodeEnum::SubLink(link)) => {
                self.optional(link.testexpr.as_deref(), depth);
                if let Some(query) = link.subselect.as_deref().and_then(|q| q.node.as_ref()) {
                    self.query(query, depth);
                }
            }
            Some(NodeEnum::FuncCall(call)) => {
                self.each(&call.args, depth);
                self.optional(call.agg_filter.as_deref(), depth);
            }
            Some(NodeEnum::BoolExpr(operation)) => self.each(&operation.args, depth),
            Some(NodeEnum::AArrayExpr(array)) => self.each(&array.elements, depth),
            Some(NodeEnum::MinMaxExpr(call)) => self.each(&call.args, depth),
            Some(NodeEnum::RowExpr(row)) => self.each(&row.args, depth),
            Some(NodeEnum::List(list)) => self.each(&list.items, depth),
            Some(NodeEnum::NullTest(test)) => self.optional(test.arg.as_deref(), depth),
            Some(NodeEnum::BooleanTest(test)) => self.optional(test.arg.as_deref(), depth),
            Some(NodeEnum::CollateClause(collate)) => self.optional(collate.arg.as_deref(), depth),
            Some(NodeEnum::NamedArgExpr(named)) => self.optional(named.arg.as_deref(), depth),
            Some(NodeEnum::ResTarget(target)) => self.optional(target.val.as_deref(), depth),
            Some(NodeEnum::SortBy(sort)) => self.optional(sort.node.as_deref(), depth),
            Some(NodeEnum::IndexElem(element)) => self.optional(element.expr.as_deref(), depth),
            _ => {}
        }
    }

    /// Reads `'x'::type`, and `array['x']::type[]`.
    fn cast(&mut self, argument: &Node, of: Arc<TypeName>) {
        match &argument.node {
            Some(NodeEnum::AArrayExpr(array)) if of.dimensions > 0 => {
                let of = TypeName { dimensions: 0, ..TypeName::clone(&of) };
                let of = Arc::new(ConstantOf::Type(Arc::new(of)));
                for value in array.elements.iter().filter_map(string_constant) {
                    self.add(value, of.clone());
                }
            }
            // `'x'::text::type` ends up as the last type, too.
            Some(NodeEnum::TypeCast(inner)) => {
                if let Some(value) = inner.arg.as_deref().and_then(string_constant) {
                    self.add(value, Arc::new(ConstantOf::Type(of)));
                }
            }
            _ => {
                if let Some(value) = string_constant(argument).filter(|_| of.dimensions == 0) {
                    self.add(value, Arc::new(ConstantOf::Type(of)));
                }
            }
        }
    }

    fn comparison(&mut self, operation: &AExpr) {
        let name = operation.name.iter().rev().find_map(string).unwrap_or_default();
        let compares = match operation.kind() {
            AExprKind::AexprOp => {
                matches!(name.as_str(), "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=")
            }
            AExprKind::AexprDistinct
            | AExprKind::AexprNotDistinct
            | AExprKind::AexprNullif
            | AExprKind::AexprIn
            | AExprKind::AexprBetween
            | AExprKind::AexprNotBetween
            | AExprKind::AexprBetweenSym
            | AExprKind::AexprNotBetweenSym => true,
            _ => false,
        };
        let (true, Some(left), Some(right)) =
            (compares, operation.lexpr.as_deref(), operation.rexpr.as_deref())
        else {
            return;
        };
        match list(right) {
            Some(items) => {
                let all: Vec<&Node> = std::iter::once(left).chain(items).collect();
                self.siblings(&all);
            }
            None => self.siblings(&[left, right]),
        }
    }

    /// Reads expressions that the server brings to one type: if one is a column, the constants among
    /// them have its type.
    fn siblings(&mut self, nodes: &[&Node]) {
        let Some(of) = nodes.iter().find_map(|node| self.column(node)) else { return };
        let of = Arc::new(of);
        for value in nodes.iter().filter_map(|node| string_constant(node)) {
            self.add(value, of.clone());
        }
    }

    /// Reads a column reference.
    fn column(&self, node: &Node) -> Option<ConstantOf> {
        let Some(NodeEnum::ColumnRef(reference)) = &node.node else { return None };
        let mut names = reference.fields.iter().rev().filter_map(string);
        let column = names.next()?;
        let qualifier = names.next();
        if self.own_table {
            return Some(ConstantOf::Column { relations: Vec::new(), column });
        }
        let mut relations = Vec::new();
        for scope in self.scopes.iter().rev() {
            if let Some(qualifier) = &qualifier {
                if let Some(found) = scope.sources.iter().find(|s| s.name == *qualifier) {
                    relations.extend(found.relation.clone());
                    break;
                }
                continue;
            }
            relations.extend(scope.sources.iter().filter_map(|source| source.relation.clone()));
            // It may as well be a column of what is no table.
            if scope.sources.iter().any(|source| source.relation.is_none()) {
                break;
            }
        }
        (!relations.is_empty()).then_some(ConstantOf::Column { relations, column })
    }
}

fn column_of(relation: &RelationName, column: &str) -> Arc<ConstantOf> {
    let relations = vec![relation.clone()];
    Arc::new(ConstantOf::Column { relations, column: column.to_owned() })
}

fn list(node: &Node) -> Option<&[Node]> {
    match &node.node {
        Some(NodeEnum::List(list)) => Some(&list.items),
        _ => None,
    }
}

/// Returns the column that a target names.
fn target_name(node: &Node) -> Option<&str> {
    match &node.node {
        // `column.field` and `column[1]` have a type of their own.
        Some(NodeEnum::ResTarget(target)) if target.indirection.is_empty() => Some(&target.name),
        _ => None,
    }
}

fn result(node: &Node) -> Option<&Node> {
    match &node.node {
        Some(NodeEnum::ResTarget(target)) => target.val.as_deref(),
        _ => None,
    }
}

fn string_constant(node: &Node) -> Option<&str> {
    match &node.node {
        Some(NodeEnum::AConst(AConst { val: Some(a_const::Val::Sval(value)), .. })) => {
            Some(&value.sval)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constants(sql: &str) -> Vec<String> {
        let tree = pg_query::parse(sql, 0).expect("it parses");
        let node = tree.protobuf.stmts[0].stmt.as_ref().and_then(|stmt| stmt.node.as_ref());
        let found = of_statement(node.expect("there is a statement")).into_iter();
        let mut texts: Vec<String> = found
            .map(|constant| match &*constant.of {
                ConstantOf::Type(name) => format!("{}::{}", constant.value, name.name),
                ConstantOf::Column { relations, column } => {
                    let names: Vec<String> = relations.iter().map(ToString::to_string).collect();
                    format!("{} {}.{column}", constant.value, names.join("|"))
                }
                ConstantOf::Place { relation, place } => {
                    format!("{} {relation}#{place}", constant.value)
                }
            })
            .collect();
        texts.sort();
        texts
    }

    #[test]
    fn assigned_constants_have_the_type_of_the_column() {
        assert_eq!(constants("insert into t (a, b) values (1, 'x'), (2, 'y')"), ["x t.b", "y t.b"]);
        assert_eq!(constants("insert into t select 1, 'x' from u"), ["x t#1"]);
        assert!(constants("insert into t (a) select 'x' union all select 'y'").is_empty());
        assert_eq!(constants("update t set a = 'x', b = coalesce(b, 'y')"), ["x t.a", "y t.b"]);
        assert_eq!(
            constants("insert into t (a) values (1) on conflict (a) do update set b = 'x'"),
            ["x t.b"]
        );
        assert!(constants("update t set a[1] = 'x'").is_empty());
    }

    #[test]
    fn compared_constants_have_the_type_of_the_column() {
        assert_eq!(constants("select from t where a in ('x', 'y')"), ["x t.a", "y t.a"]);
        assert_eq!(constants("select from t join u on t.a = u.a where u.b = 'x'"), ["x u.b"]);
        assert_eq!(constants("delete from s.t z where z.a <> 'x'"), ["x s.t.a"]);
        assert!(constants("select from t where a::text = 'x'").iter().all(|c| c == "x::text"));
    }

    #[test]
    fn a_column_without_qualifier_is_looked_for_from_the_inside() {
        let sql = "update t set a = 1 where id in (select id from u where b = 'x')";
        assert_eq!(constants(sql), ["x u|t.b"]);
        assert!(constants("with w as (select 1 as a) select from w where a = 'x'").is_empty());
    }

    #[test]
    fn cast_constants_have_the_type_that_is_named() {
        assert_eq!(constants("select 'x'::mood, array['y']::mood[]"), ["x::mood", "y::mood"]);
    }
}
