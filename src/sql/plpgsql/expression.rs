//! Computes expressions of a block, as far as constants, catalogs and the server's version go.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use pg_query::protobuf::{
    AExpr, BoolExprType, BoolTestType, FuncCall, NullTestType, SelectStmt, SubLink, SubLinkType,
    a_const,
};
use pg_query::{Node, NodeEnum};

use super::catalog_query::{self, Query, Selected};
use super::condition::Condition;
use super::functions;
use super::operators::{cast_value, index, operate};
use super::rows::{Row, rows};
use super::table_rows::{self, Tables, aggregate};
use super::value::{Hole, Text, Value};

/// The variables of a block, and what is known of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    /// Those whose value is known, wholly or in part.
    variables: Rc<HashMap<String, Value>>,
    /// The labels of blocks, by which variables may be qualified.
    labels: Rc<HashSet<String>>,
    /// The catalog query whose rows an aggregate counts.
    pub(super) rows: Option<Query>,
    /// The system catalogs, while they are read.
    pub(super) tables: Option<Rc<Tables>>,
    /// The rows of a query that are looked at, with the names that they go by.
    pub(super) bound: Rc<Vec<(String, Rc<Row>)>>,
    /// The rows that an aggregate is made of.
    pub(super) group: Option<Rc<Vec<Scope>>>,
    /// `current_schema()`.
    pub(super) current_schema: Option<Arc<str>>,
    depth: usize,
}

/// The deepest nesting of an expression that is computed.
const MAX_DEPTH: usize = 200;

impl Scope {
    pub(super) fn deeper(&self, rows: Option<Query>) -> Self {
        Self { rows, depth: self.depth + 1, ..self.clone() }
    }

    pub(super) fn set(&mut self, name: impl Into<String>, value: Value) {
        Rc::make_mut(&mut self.variables).insert(name.into(), value);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.variables.get(name)
    }

    pub(super) fn forget(&mut self, name: &str) {
        if self.variables.contains_key(name) {
            Rc::make_mut(&mut self.variables).remove(name);
        }
    }

    /// Keeps what is known of the variables for which `keep` is true.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &Value) -> bool) {
        if !self.variables.iter().all(|(name, value)| keep(name, value)) {
            Rc::make_mut(&mut self.variables).retain(|name, value| keep(name, value));
        }
    }

    /// Returns `current_schema()`.
    fn schema(&self) -> Value {
        self.current_schema.as_deref().map_or(Value::CurrentSchema, Value::text)
    }

    pub(super) fn add_label(&mut self, label: &str) {
        Rc::make_mut(&mut self.labels).insert(label.to_owned());
    }

    fn variable(&self, qualifier: Option<&str>, name: &str) -> Value {
        let field = |row: &Row| row.iter().find(|(field, _)| field == name).cloned();
        for (alias, row) in self.bound.iter().rev() {
            match qualifier {
                Some(qualifier) if qualifier == alias => {
                    return field(row).map_or(Value::Unknown, |(_, value)| value);
                }
                None => {
                    if let Some((_, value)) = field(row) {
                        return value;
                    }
                }
                Some(_) => {}
            }
        }
        let known = |name: &str| self.variables.get(name).cloned();
        let Some(qualifier) = qualifier else { return known(name).unwrap_or(Value::Unknown) };
        match known(qualifier) {
            Some(Value::Record(fields)) => {
                let field = fields.into_iter().find(|(field, _)| field == name);
                field.map_or(Value::Unknown, |(_, value)| value)
            }
            _ if self.labels.contains(qualifier) => known(name).unwrap_or(Value::Unknown),
            _ => Value::Unknown,
        }
    }
}

/// Parses an expression as `SELECT` would.
pub(super) fn parse(expression: &str) -> Option<SelectStmt> {
    parse_query(&format!("SELECT {expression}"))
}

/// Parses one `SELECT`.
pub(super) fn parse_query(sql: &str) -> Option<SelectStmt> {
    let tree = crate::sql::guarded(|| pg_query::parse(sql, 0))?.ok()?;
    let [statement] = &tree.protobuf.stmts[..] else { return None };
    match statement.stmt.as_ref()?.node.as_ref()? {
        NodeEnum::SelectStmt(select) => Some((**select).clone()),
        _ => None,
    }
}

/// Returns the expressions that a query selects, with their names.
pub(super) fn targets(select: &SelectStmt) -> impl Iterator<Item = (&str, &Node)> {
    select.target_list.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::ResTarget(target)) => Some((target.name.as_str(), target.val.as_deref()?)),
        _ => None,
    })
}

/// Returns the only expression that a query selects.
fn target(select: &SelectStmt) -> Option<&Node> {
    let mut targets = targets(select);
    let (_, first) = targets.next()?;
    targets.next().is_none().then_some(first)
}

/// Returns the truth of an expression.
pub(super) fn condition_of(expression: &str, scope: &Scope) -> Condition {
    let select = parse(expression);
    let target = select.as_ref().and_then(target);
    target.map_or(Condition::Unknown, |node| condition(node, scope))
}

/// Returns what an expression comes to.
pub(super) fn value_of(expression: &str, scope: &Scope) -> Value {
    let select = parse(expression);
    select.map_or(Value::Unknown, |select| scalar(&select, scope))
}

pub(super) fn condition(node: &Node, scope: &Scope) -> Condition {
    value(node, scope).into_condition()
}

pub(super) fn value(node: &Node, scope: &Scope) -> Value {
    if scope.depth > MAX_DEPTH {
        return Value::Unknown;
    }
    let Some(node) = &node.node else { return Value::Unknown };
    match node {
        NodeEnum::AConst(constant) => match &constant.val {
            None => Value::Null,
            Some(a_const::Val::Ival(number)) => Value::text(number.ival.to_string()),
            Some(a_const::Val::Fval(number)) => Value::text(number.fval.clone()),
            Some(a_const::Val::Sval(text)) => Value::text(text.sval.clone()),
            Some(a_const::Val::Boolval(truth)) => Value::truth(truth.boolval),
            Some(a_const::Val::Bsval(_)) => Value::Unknown,
        },
        NodeEnum::ColumnRef(_) => reference(node, scope),
        NodeEnum::TypeCast(cast) => {
            let Some(argument) = cast.arg.as_deref() else { return Value::Unknown };
            let type_name = cast.type_name.as_ref();
            let is_array = type_name.is_some_and(|name| !name.array_bounds.is_empty());
            let base = type_name.and_then(last_name).unwrap_or_default();
            let argument = value(argument, &scope.deeper(scope.rows.clone()));
            cast_value(table_rows::named(argument, &base, scope), &base, is_array)
        }
        NodeEnum::AExpr(operation) => operate(operation, scope),
        NodeEnum::BoolExpr(operation) => {
            let inner = scope.deeper(scope.rows.clone());
            let mut parts = operation.args.iter().map(|part| condition(part, &inner));
            Value::Truth(match operation.boolop() {
                BoolExprType::AndExpr => Condition::all(parts),
                BoolExprType::OrExpr => Condition::any(parts),
                _ => parts.next().map_or(Condition::Unknown, Condition::negate),
            })
        }
        NodeEnum::NullTest(test) => {
            let Some(argument) = test.arg.as_deref() else { return Value::Unknown };
            let not_null = match value(argument, scope) {
                Value::Unknown => Condition::Unknown,
                Value::Null => Condition::Constant(false),
                Value::Selected(selected) => selected.is_not_null(),
                // A text with holes is null where one of them is.
                Value::Text(text) if text.as_known().is_none() => Condition::Unknown,
                _ => Condition::Constant(true),
            };
            Value::Truth(match test.nulltesttype() {
                NullTestType::IsNull => not_null.negate(),
                _ => not_null,
            })
        }
        NodeEnum::BooleanTest(test) => {
            let Some(argument) = test.arg.as_deref() else { return Value::Unknown };
            let truth = condition(argument, scope);
            Value::Truth(match test.booltesttype() {
                BoolTestType::IsTrue | BoolTestType::IsNotFalse => truth,
                BoolTestType::IsFalse | BoolTestType::IsNotTrue => truth.negate(),
                _ => Condition::Unknown,
            })
        }
        NodeEnum::SubLink(link) => sub_query(link, &scope.deeper(None)),
        NodeEnum::FuncCall(call) => {
            let counts = matches!(function_name(call).as_deref(), Some("count"));
            if let Some(query) = scope.rows.as_ref().filter(|_| counts && !call.agg_distinct) {
                let (query, known) = (query.clone(), Value::Unknown);
                return Value::Count(Box::new(Selected { query, column: None, known }));
            }
            if let Some(group) = &scope.group
                && let Some(value) = aggregate(call, group)
            {
                return value;
            }
            let inner = scope.deeper(scope.rows.clone());
            let arguments: Vec<Value> = call.args.iter().map(|node| value(node, &inner)).collect();
            let name = function_name(call).unwrap_or_default();
            match functions::call(&name, &arguments) {
                Value::CurrentSchema => scope.schema(),
                value => value,
            }
        }
        NodeEnum::CoalesceExpr(coalesce) => {
            let inner = scope.deeper(scope.rows.clone());
            let values = coalesce.args.iter().map(|node| value(node, &inner));
            values.into_iter().find(|value| *value != Value::Null).map_or(Value::Null, |first| {
                match first {
                    Value::Selected(_) => Value::Unknown,
                    other => other,
                }
            })
        }
        NodeEnum::AArrayExpr(array) => {
            let inner = scope.deeper(scope.rows.clone());
            Value::Array(array.elements.iter().map(|node| value(node, &inner)).collect())
        }
        NodeEnum::AIndirection(indirection) => {
            let Some(argument) = indirection.arg.as_deref() else { return Value::Unknown };
            let inner = scope.deeper(scope.rows.clone());
            indirection
                .indirection
                .iter()
                .fold(value(argument, &inner), |found, step| index(found, step, &inner))
        }
        NodeEnum::CaseExpr(case) if case.arg.is_none() => {
            for when in &case.args {
                let Some(NodeEnum::CaseWhen(when)) = &when.node else { return Value::Unknown };
                let Some(test) = when.expr.as_deref() else { return Value::Unknown };
                match condition(test, scope) {
                    Condition::Constant(false) => {}
                    Condition::Constant(true) => {
                        let result = when.result.as_deref();
                        return result.map_or(Value::Null, |node| value(node, scope));
                    }
                    _ => return Value::Unknown,
                }
            }
            case.defresult.as_deref().map_or(Value::Null, |node| value(node, scope))
        }
        NodeEnum::SqlvalueFunction(function) => {
            use pg_query::protobuf::SqlValueFunctionOp as Op;
            match function.op() {
                Op::SvfopCurrentSchema => scope.schema(),
                Op::SvfopCurrentRole
                | Op::SvfopCurrentUser
                | Op::SvfopUser
                | Op::SvfopSessionUser
                | Op::SvfopCurrentCatalog => Value::Text(Text::hole(Hole::Identifier)),
                _ => Value::Unknown,
            }
        }
        NodeEnum::ParamRef(parameter) => scope.variable(None, &format!("${}", parameter.number)),
        NodeEnum::List(list) => {
            Value::Array(list.items.iter().map(|node| value(node, scope)).collect())
        }
        _ => Value::Unknown,
    }
}

fn reference(node: &NodeEnum, scope: &Scope) -> Value {
    let node = Node { node: Some(node.clone()) };
    match catalog_query::column_reference(&node) {
        Some((qualifier, name)) => scope.variable(qualifier.as_deref(), &name),
        None => Value::Unknown,
    }
}

fn sub_query(link: &SubLink, scope: &Scope) -> Value {
    let select = link.subselect.as_deref().and_then(|node| node.node.as_ref());
    let Some(NodeEnum::SelectStmt(select)) = select else { return Value::Unknown };
    if let Some(value) = table_rows::sub_query(link, select, scope) {
        return value;
    }
    match link.sub_link_type() {
        SubLinkType::ExistsSublink => Value::Truth(catalog_query::exists(select, scope)),
        SubLinkType::ExprSublink => scalar(select, scope),
        SubLinkType::ArraySublink => match rows(select, scope) {
            Some(rows) => {
                let first =
                    |row: Vec<(String, Value)>| row.into_iter().next().map(|(_, value)| value);
                Value::Array(rows.into_iter().filter_map(first).collect())
            }
            None => Value::Unknown,
        },
        // `'x' IN (SELECT typname FROM pg_type)`
        SubLinkType::AnySublink => {
            let tested = link.testexpr.as_deref().map(|node| value(node, scope));
            match (tested.and_then(|tested| tested.as_known()), scalar(select, scope)) {
                (Some(text), Value::Selected(selected)) => Value::Truth(selected.equals(&text)),
                _ => Value::Unknown,
            }
        }
        _ => Value::Unknown,
    }
}

/// Returns the one value of the first row that a query selects.
pub(super) fn scalar(select: &SelectStmt, scope: &Scope) -> Value {
    target(select).map_or(Value::Unknown, |node| first_row(select, node, scope))
}

/// Returns an expression of the first row that a query selects, null where it finds none.
pub(super) fn first_row(select: &SelectStmt, node: &Node, scope: &Scope) -> Value {
    if select.from_clause.is_empty() {
        return match select.where_clause {
            None => value(node, scope),
            Some(_) => Value::Unknown,
        };
    }
    if let Some(value) = table_rows::first_row(select, node, scope) {
        return value;
    }
    if let Some(query) = catalog_query::read(select, scope) {
        let counted = value(node, &scope.deeper(Some(query.clone())));
        match counted {
            Value::Count(_) => return counted,
            Value::Truth(ref condition)
                if !matches!(condition, Condition::Constant(_) | Condition::Unknown) =>
            {
                return counted;
            }
            _ => {}
        }
        let column = catalog_query::selected_column(select, node, &query);
        let known = if column.is_none() { counted } else { Value::Unknown };
        return Value::Selected(Box::new(Selected { query, column, known }));
    }
    if is_server_version(select, scope) {
        let mut inner = scope.deeper(None);
        inner.set("setting", Value::ServerVersion);
        return value(node, &inner);
    }
    if let Some(rows) = rows(select, scope) {
        let [row] = &rows[..] else { return Value::Unknown };
        let at = targets(select).position(|(_, target)| std::ptr::eq(target, node));
        return at.and_then(|at| row.get(at)).map_or(Value::Unknown, |(_, value)| value.clone());
    }
    Value::Unknown
}

/// Returns whether a query reads `server_version_num` from `pg_settings`.
fn is_server_version(select: &SelectStmt, scope: &Scope) -> bool {
    let [from] = &select.from_clause[..] else { return false };
    let Some(NodeEnum::RangeVar(range)) = &from.node else { return false };
    let condition = select.where_clause.as_deref().and_then(|node| node.node.as_ref());
    let Some(NodeEnum::AExpr(test)) = condition else { return false };
    let (Some(left), Some(right)) = (test.lexpr.as_deref(), test.rexpr.as_deref()) else {
        return false;
    };
    let column = catalog_query::column_reference(without_casts(left));
    range.relname == "pg_settings"
        && operator(test) == Some("=")
        && column.is_some_and(|(_, name)| name == "name")
        && value(right, scope).as_known().as_deref() == Some("server_version_num")
}

/// Returns the operator of an expression.
pub(super) fn operator(operation: &AExpr) -> Option<&str> {
    match &operation.name.last()?.node {
        Some(NodeEnum::String(operator)) => Some(&operator.sval),
        _ => None,
    }
}

/// Returns the last part of a function's name.
pub(super) fn function_name(call: &FuncCall) -> Option<String> {
    match &call.funcname.last()?.node {
        Some(NodeEnum::String(name)) => Some(name.sval.clone()),
        _ => None,
    }
}

fn last_name(name: &pg_query::protobuf::TypeName) -> Option<String> {
    match &name.names.last()?.node {
        Some(NodeEnum::String(name)) => Some(name.sval.clone()),
        _ => None,
    }
}

/// Returns the type of the outermost cast.
pub(super) fn cast_type(node: &Node) -> Option<String> {
    match &node.node {
        Some(NodeEnum::TypeCast(cast)) => last_name(cast.type_name.as_ref()?),
        _ => None,
    }
}

pub(super) fn without_casts(mut node: &Node) -> &Node {
    while let Some(NodeEnum::TypeCast(cast)) = &node.node
        && let Some(argument) = cast.arg.as_deref()
    {
        node = argument;
    }
    node
}
