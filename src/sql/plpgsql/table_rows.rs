//! Queries over the rows of system catalogs, where a body runs.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use pg_query::protobuf::{
    BoolExprType, FuncCall, JoinType, SelectStmt, SortByDir, SubLink, SubLinkType,
};
use pg_query::{Node, NodeEnum};

use super::catalog_query::is_plain;
use super::condition::Condition;
use super::expression::{self, Scope, function_name, operator, targets, value};
use super::rows::{self, Row, column_name, output};
use super::surroundings::{Cell, SystemTables};
use super::value::Value;

/// The most pairs of rows that a join looks at.
const MAX_PAIRS: usize = 200_000;

/// The system catalogs while a body reads them. Their rows are made once: a sub-query may be asked for
/// each row of another.
#[derive(Debug)]
pub(super) struct Tables {
    tables: Rc<dyn SystemTables>,
    /// By schema and name; nothing for a catalog that is not followed.
    rows: RefCell<HashMap<(String, String), Option<Rows>>>,
}

impl Tables {
    pub(super) fn new(tables: Rc<dyn SystemTables>) -> Self {
        Self { tables, rows: RefCell::default() }
    }

    fn rows(&self, schema: &str, table: &str) -> Option<Rows> {
        let mut known = self.rows.borrow_mut();
        let rows = known.entry((schema.to_owned(), table.to_owned())).or_insert_with(|| {
            let found = self.tables.rows(schema, table)?;
            let row = |cells: Vec<Cell>| {
                let names = found.columns.iter().map(|name| (*name).to_owned());
                Rc::new(names.zip(cells.into_iter().map(from_cell)).collect::<Row>())
            };
            Some(found.rows.into_iter().map(row).collect())
        });
        rows.clone()
    }
}

/// Rows that several queries read.
type Rows = Vec<Rc<Row>>;

/// A source of rows, with the name that it goes by.
struct Source {
    name: String,
    rows: Vec<Rc<Row>>,
}

/// What a condition comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    True,
    False,
    Null,
    Unknown,
}

/// Returns the rows of a query that reads system catalogs; nothing for any other, and where not all of
/// them are known.
pub(super) fn rows(select: &SelectStmt, scope: &Scope) -> Option<Vec<Row>> {
    let scopes = matching(select, scope)?;
    let mut found: Vec<(Vec<Value>, Row)> = Vec::new();
    if targets(select).any(|(_, node)| has_aggregate(node, 0)) {
        let mut all = scope.clone();
        all.group = Some(Rc::new(scopes));
        let row = targets(select).map(|(name, node)| {
            let name = if name.is_empty() { column_name(node) } else { name.to_owned() };
            (name, value(node, &all))
        });
        return Some(vec![row.collect()]);
    }
    for inner in &scopes {
        let whole: Row = inner.bound.iter().flat_map(|(_, row)| row.iter().cloned()).collect();
        for row in output(select, &whole, inner)? {
            found.push((sort_keys(select, &row, inner), row));
        }
    }
    let descending: Vec<bool> = select
        .sort_clause
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::SortBy(sort)) => sort.sortby_dir() == SortByDir::SortbyDesc,
            _ => false,
        })
        .collect();
    found.sort_by(|(left, _), (right, _)| {
        let mut order = std::cmp::Ordering::Equal;
        for ((left, right), descending) in left.iter().zip(right).zip(&descending) {
            let one = match (left.as_integer(), right.as_integer()) {
                (Some(left), Some(right)) => left.cmp(&right),
                _ => left.as_known().cmp(&right.as_known()),
            };
            order = order.then(if *descending { one.reverse() } else { one });
        }
        order
    });
    let mut rows: Vec<Row> = found.into_iter().map(|(_, row)| row).collect();
    if !select.distinct_clause.is_empty() {
        if rows.iter().flatten().any(|(_, value)| *value == Value::Unknown) {
            return None;
        }
        let mut seen: Vec<Row> = Vec::new();
        rows.retain(|row| {
            let is_new = !seen.contains(row);
            if is_new {
                seen.push(row.clone());
            }
            is_new
        });
    }
    if let Some(limit) = &select.limit_count {
        let limit = usize::try_from(value(limit, scope).as_integer()?).ok()?;
        if rows.len() > limit && select.sort_clause.is_empty() {
            return None;
        }
        rows.truncate(limit);
    }
    Some(rows)
}

fn sort_keys(select: &SelectStmt, row: &Row, scope: &Scope) -> Vec<Value> {
    let key = |node: &Node| {
        let Some(NodeEnum::SortBy(sort)) = &node.node else { return Value::Unknown };
        let Some(node) = sort.node.as_deref() else { return Value::Unknown };
        if let Some((None, name)) = super::catalog_query::column_reference(node)
            && let Some((_, value)) = row.iter().find(|(column, _)| *column == name)
        {
            return value.clone();
        }
        value(node, scope)
    };
    select.sort_clause.iter().map(key).collect()
}

/// Returns a scope for every combination of rows that fulfils the conditions of a query.
fn matching(select: &SelectStmt, scope: &Scope) -> Option<Vec<Scope>> {
    scope.tables.as_ref()?;
    if !is_plain(select) {
        return None;
    }
    let mut sources = Vec::new();
    let mut conditions = Vec::new();
    for from in &select.from_clause {
        add_source(from, scope, &mut sources, &mut conditions, 0)?;
    }
    if let Some(condition) = select.where_clause.as_deref() {
        conjuncts(condition, &mut conditions);
    }
    // Few rows are left for the conditions that cost most.
    conditions.sort_by_key(|condition| has_sub_query(condition, 0));
    // Conditions on one source alone come first, so that joins have few rows.
    for source in &mut sources {
        let name = source.name.clone();
        source.rows.retain(|row| {
            let inner = bound(scope, &name, row);
            conditions.iter().all(|condition| truth(condition, &inner).may_hold())
        });
    }
    let order: Vec<String> = sources.iter().map(|source| source.name.clone()).collect();
    sources.sort_by_key(|source| source.rows.len());
    let mut found = vec![scope.clone()];
    let mut pairs = 0;
    for source in &sources {
        let mut next = Vec::new();
        for outer in &found {
            pairs += source.rows.len();
            if pairs > MAX_PAIRS {
                return None;
            }
            for row in &source.rows {
                let inner = bound(outer, &source.name, row);
                if conditions.iter().all(|condition| truth(condition, &inner).may_hold()) {
                    next.push(inner);
                }
            }
        }
        found = next;
    }
    let is_known = |scope: &Scope| conditions.iter().all(|c| truth(c, scope) == Truth::True);
    let is_system = |scope: &Scope| {
        scope.bound.iter().flat_map(|(_, row)| row.iter()).any(|(_, value)| match value {
            Value::Text(text) => text.as_known().is_some_and(|text| text.contains(Cell::NOBODY)),
            _ => false,
        })
    };
    if !found.iter().all(is_known) || found.iter().any(is_system) {
        return None;
    }
    for scope in &mut found {
        let place = |name: &String| order.iter().position(|other| other == name);
        Rc::make_mut(&mut scope.bound).sort_by_key(|(name, _)| place(name));
    }
    Some(found)
}

fn bound(scope: &Scope, name: &str, row: &Rc<Row>) -> Scope {
    let mut inner = scope.clone();
    Rc::make_mut(&mut inner.bound).push((name.to_owned(), row.clone()));
    inner
}

fn add_source<'a>(
    node: &'a Node,
    scope: &Scope,
    sources: &mut Vec<Source>,
    conditions: &mut Vec<&'a Node>,
    depth: usize,
) -> Option<()> {
    match node.node.as_ref()? {
        NodeEnum::RangeVar(range) => {
            let rows = scope.tables.as_ref()?.rows(&range.schemaname, &range.relname)?;
            let alias = range.alias.as_ref().map(|alias| alias.aliasname.clone());
            sources.push(Source { name: alias.unwrap_or_else(|| range.relname.clone()), rows });
        }
        NodeEnum::JoinExpr(join) if depth < 50 => {
            if join.jointype() != JoinType::JoinInner
                || join.is_natural
                || !join.using_clause.is_empty()
            {
                return None;
            }
            add_source(join.larg.as_deref()?, scope, sources, conditions, depth + 1)?;
            add_source(join.rarg.as_deref()?, scope, sources, conditions, depth + 1)?;
            if let Some(condition) = join.quals.as_deref() {
                conjuncts(condition, conditions);
            }
        }
        _ => {
            let found = rows::source(node, scope)?;
            let name = found.first().map(|(name, _)| name.clone()).unwrap_or_default();
            let rows = found.into_iter().map(|(_, row)| Rc::new(row)).collect();
            sources.push(Source { name, rows });
        }
    }
    Some(())
}

fn from_cell(cell: Cell) -> Value {
    match cell {
        Cell::Unknown => Value::Unknown,
        Cell::Null => Value::Null,
        Cell::Text(text) => Value::text(&*text),
        Cell::Truth(value) => Value::truth(value),
    }
}

fn conjuncts<'a>(node: &'a Node, out: &mut Vec<&'a Node>) {
    match &node.node {
        Some(NodeEnum::BoolExpr(and)) if and.boolop() == BoolExprType::AndExpr => {
            and.args.iter().for_each(|part| conjuncts(part, out));
        }
        _ => out.push(node),
    }
}

impl Truth {
    fn may_hold(self) -> bool {
        matches!(self, Self::True | Self::Unknown)
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            other => other,
        }
    }
}

fn truth(node: &Node, scope: &Scope) -> Truth {
    match &node.node {
        Some(NodeEnum::BoolExpr(operation)) => {
            let mut parts = operation.args.iter().map(|part| truth(part, scope));
            let decides = match operation.boolop() {
                BoolExprType::AndExpr => Truth::False,
                BoolExprType::OrExpr => Truth::True,
                _ => return parts.next().map_or(Truth::Unknown, Truth::not),
            };
            let mut result = decides.not();
            for part in parts {
                if part == decides {
                    return decides;
                }
                result = match (result, part) {
                    (Truth::Unknown, _) | (_, Truth::Unknown) => Truth::Unknown,
                    (Truth::Null, _) | (_, Truth::Null) => Truth::Null,
                    (result, _) => result,
                };
            }
            result
        }
        Some(NodeEnum::AExpr(operation))
            if operator(operation).is_some_and(|o| matches!(o, "=" | "<>" | "!=" | "<" | ">"))
                && [&operation.lexpr, &operation.rexpr]
                    .into_iter()
                    .flatten()
                    .any(|side| value(side, scope) == Value::Null) =>
        {
            Truth::Null
        }
        _ => match expression::condition(node, scope) {
            Condition::Constant(true) => Truth::True,
            Condition::Constant(false) => Truth::False,
            _ => Truth::Unknown,
        },
    }
}

/// Returns the value of an expression of the first row of a query over system catalogs.
pub(super) fn first_row(select: &SelectStmt, node: &Node, scope: &Scope) -> Option<Value> {
    let found = self::rows(select, scope)?;
    let Some(row) = found.first() else { return Some(Value::Null) };
    if found.len() > 1 && select.sort_clause.is_empty() {
        return Some(Value::Unknown);
    }
    let at = targets(select).position(|(_, target)| std::ptr::eq(target, node))?;
    row.get(at).map(|(_, value)| value.clone())
}

/// Returns whether a query over system catalogs finds a row.
pub(super) fn exists(select: &SelectStmt, scope: &Scope) -> Option<bool> {
    let found = matching(select, scope)?;
    Some(!found.is_empty() || targets(select).any(|(_, node)| has_aggregate(node, 0)))
}

/// Returns what a sub-query over system catalogs comes to.
pub(super) fn sub_query(link: &SubLink, select: &SelectStmt, scope: &Scope) -> Option<Value> {
    scope.tables.as_ref()?;
    let column = |rows: Vec<Row>| -> Vec<Value> {
        rows.into_iter().filter_map(|row| row.into_iter().next().map(|(_, value)| value)).collect()
    };
    match link.sub_link_type() {
        SubLinkType::ExistsSublink => exists(select, scope).map(Value::truth),
        SubLinkType::ExprSublink => match &column(self::rows(select, scope)?)[..] {
            [] => Some(Value::Null),
            [one] => Some(one.clone()),
            _ => None,
        },
        SubLinkType::ArraySublink => Some(Value::Array(column(self::rows(select, scope)?))),
        SubLinkType::AnySublink => {
            let tested = value(link.testexpr.as_deref()?, scope).as_known()?;
            let items: Option<Vec<String>> =
                column(self::rows(select, scope)?).iter().map(Value::as_known).collect();
            Some(Value::truth(items?.contains(&tested)))
        }
        _ => None,
    }
}

/// Returns what a text or object is as an object of a type such as `regclass`.
pub(super) fn named(value: Value, type_name: &str, scope: &Scope) -> Value {
    let Some(tables) = scope.tables.as_ref().filter(|_| type_name.starts_with("reg")) else {
        return value;
    };
    value.as_known().map_or(value, |text| from_cell(tables.tables.object(type_name, &text)))
}

fn has_sub_query(node: &Node, depth: usize) -> bool {
    let any = |nodes: &[Node]| nodes.iter().any(|node| has_sub_query(node, depth + 1));
    match &node.node {
        _ if depth > 50 => true,
        Some(NodeEnum::SubLink(_)) => true,
        Some(NodeEnum::BoolExpr(operation)) => any(&operation.args),
        Some(NodeEnum::FuncCall(call)) => any(&call.args),
        Some(NodeEnum::AExpr(operation)) => [&operation.lexpr, &operation.rexpr]
            .into_iter()
            .flatten()
            .any(|side| has_sub_query(side, depth + 1)),
        _ => false,
    }
}

fn is_aggregate(call: &FuncCall) -> bool {
    matches!(function_name(call).as_deref(), Some("string_agg" | "array_agg" | "count"))
}

fn has_aggregate(node: &Node, depth: usize) -> bool {
    let any = |nodes: &[Node]| nodes.iter().any(|node| has_aggregate(node, depth + 1));
    match &node.node {
        _ if depth > 50 => false,
        Some(NodeEnum::FuncCall(call)) => is_aggregate(call) || any(&call.args),
        Some(NodeEnum::CoalesceExpr(coalesce)) => any(&coalesce.args),
        Some(NodeEnum::TypeCast(cast)) => {
            cast.arg.as_deref().is_some_and(|node| has_aggregate(node, depth + 1))
        }
        Some(NodeEnum::AExpr(operation)) => [&operation.lexpr, &operation.rexpr]
            .into_iter()
            .flatten()
            .any(|side| has_aggregate(side, depth + 1)),
        _ => false,
    }
}

/// Returns what an aggregate makes of rows; nothing for a call of another function.
pub(super) fn aggregate(call: &FuncCall, group: &[Scope]) -> Option<Value> {
    if !is_aggregate(call) {
        return None;
    }
    if call.agg_star {
        return Some(Value::text(group.len().to_string()));
    }
    let first = call.args.first()?;
    let values: Vec<Value> = group.iter().map(|row| value(first, row)).collect();
    Some(match function_name(call)?.as_str() {
        _ if call.agg_distinct || call.agg_filter.is_some() => Value::Unknown,
        "count" => {
            if values.contains(&Value::Unknown) {
                return Some(Value::Unknown);
            }
            Value::text(values.iter().filter(|value| **value != Value::Null).count().to_string())
        }
        "array_agg" if values.is_empty() => Value::Null,
        "array_agg" => Value::Array(values),
        _ if values.is_empty() => Value::Null,
        _ => {
            let texts: Option<Vec<String>> = values.iter().map(Value::as_known).collect();
            let separator = call.args.get(1).zip(group.first());
            let separator = separator.and_then(|(node, scope)| value(node, scope).as_known());
            texts
                .zip(separator)
                .map_or(Value::Unknown, |(texts, separator)| Value::text(texts.join(&separator)))
        }
    })
}
