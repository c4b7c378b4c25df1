//! The rows of queries over listed values, such as `VALUES` and `unnest(ARRAY[...])`.

use pg_query::protobuf::{Alias, RangeFunction, SelectStmt, SetOperation};
use pg_query::{Node, NodeEnum};

use super::condition::Condition;
use super::expression::{Scope, condition, function_name, targets, value};
use super::value::Value;

/// The most rows that a loop is unrolled for.
pub(super) const MAX_ROWS: usize = 512;

pub(super) type Row = Vec<(String, Value)>;

/// Returns the rows of a query over listed values, in order; nothing for any other query.
pub(super) fn rows(select: &SelectStmt, scope: &Scope) -> Option<Vec<Row>> {
    if select.op() == SetOperation::SetopUnion {
        let mut all = rows(select.larg.as_deref()?, scope)?;
        let names: Vec<String> = all.first()?.iter().map(|(name, _)| name.clone()).collect();
        for row in rows(select.rarg.as_deref()?, scope)? {
            all.push(names.iter().cloned().zip(row.into_iter().map(|(_, value)| value)).collect());
        }
        if !select.all {
            let mut seen: Vec<Row> = Vec::new();
            all.retain(|row| {
                !seen.contains(row) && {
                    seen.push(row.clone());
                    true
                }
            });
        }
        return (all.len() <= MAX_ROWS).then_some(all);
    }
    let is_plain = select.op() == SetOperation::SetopNone
        && select.with_clause.is_none()
        && select.group_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none();
    if !is_plain {
        return None;
    }
    if !select.values_lists.is_empty() {
        return values(&select.values_lists, scope);
    }
    if let Some(rows) = super::table_rows::rows(select, scope) {
        return Some(rows).filter(|rows| rows.len() <= MAX_ROWS);
    }
    let mut found = Vec::new();
    for (row, inner) in scopes(select, scope)? {
        found.extend(output(select, &row, &inner)?);
        if found.len() > MAX_ROWS {
            return None;
        }
    }
    if !select.distinct_clause.is_empty() {
        return None;
    }
    Some(found)
}

/// Returns the rows that a query over listed values reads and that fulfil its `WHERE`.
pub(super) fn scopes(select: &SelectStmt, scope: &Scope) -> Option<Vec<(Row, Scope)>> {
    let sources = match &select.from_clause[..] {
        [] => vec![(String::new(), Row::new())],
        [from] => source(from, scope)?,
        _ => return None,
    };
    let mut found = Vec::new();
    for (alias, row) in sources {
        let mut inner = scope.clone();
        row.iter().for_each(|(name, value)| inner.set(name.clone(), value.clone()));
        if !alias.is_empty() {
            // A function's row of one column is that column's value.
            let whole = match &row[..] {
                [(name, value)] if *name == alias => value.clone(),
                _ => Value::Record(row.clone()),
            };
            inner.set(alias, whole);
        }
        match select.where_clause.as_deref().map(|node| condition(node, &inner)) {
            None | Some(Condition::Constant(true)) => {}
            Some(Condition::Constant(false)) => continue,
            Some(_) => return None,
        }
        found.push((row, inner));
    }
    Some(found)
}

/// Returns the rows that one row of the source makes; several where a target is `unnest`.
pub(super) fn output(select: &SelectStmt, row: &Row, scope: &Scope) -> Option<Vec<Row>> {
    let mut several: Option<(usize, Vec<Value>)> = None;
    let mut made = Row::new();
    for (name, node) in targets(select) {
        if let Some(NodeEnum::ColumnRef(reference)) = &node.node
            && matches!(reference.fields.last()?.node, Some(NodeEnum::AStar(_)))
        {
            made.extend(row.iter().cloned());
            continue;
        }
        let name = if name.is_empty() { column_name(node) } else { name.to_owned() };
        match elements(node, scope) {
            Some(Elements(items)) if several.is_none() => {
                several = Some((made.len(), items?));
                made.push((name, Value::Unknown));
            }
            Some(_) => return None,
            None => made.push((name, value(node, scope))),
        }
    }
    let Some((at, items)) = several else { return Some(vec![made]) };
    let with = |item: Value| {
        let mut row = made.clone();
        row[at].1 = item;
        row
    };
    Some(items.into_iter().map(with).collect())
}

pub(super) fn column_name(node: &Node) -> String {
    match &node.node {
        Some(NodeEnum::ColumnRef(_)) => super::catalog_query::column_reference(node)
            .map_or_else(|| "?column?".to_owned(), |(_, name)| name),
        Some(NodeEnum::FuncCall(call)) => function_name(call).unwrap_or_default(),
        Some(NodeEnum::TypeCast(cast)) => {
            cast.arg.as_deref().map_or_else(|| "?column?".to_owned(), column_name)
        }
        _ => "?column?".to_owned(),
    }
}

fn values(lists: &[Node], scope: &Scope) -> Option<Vec<Row>> {
    let row = |node: &Node| {
        let Some(NodeEnum::List(list)) = &node.node else { return None };
        let columns = list.items.iter().enumerate();
        Some(columns.map(|(at, node)| (format!("column{}", at + 1), value(node, scope))).collect())
    };
    lists
        .iter()
        .take(MAX_ROWS + 1)
        .map(row)
        .collect::<Option<Vec<Row>>>()
        .filter(|rows| rows.len() <= MAX_ROWS)
}

pub(super) fn source(from: &Node, scope: &Scope) -> Option<Vec<(String, Row)>> {
    match from.node.as_ref()? {
        NodeEnum::RangeSubselect(subselect) => {
            let Some(NodeEnum::SelectStmt(select)) = &subselect.subquery.as_ref()?.node else {
                return None;
            };
            Some(renamed(rows(select, scope)?, subselect.alias.as_ref()))
        }
        NodeEnum::RangeFunction(function) => range_function(function, scope),
        _ => None,
    }
}

fn range_function(function: &RangeFunction, scope: &Scope) -> Option<Vec<(String, Row)>> {
    let [call] = &function.functions[..] else { return None };
    let call = match &call.node {
        Some(NodeEnum::List(list)) => list.items.first()?,
        _ => call,
    };
    let items = elements(call, scope)?.0?;
    let Some(NodeEnum::FuncCall(called)) = &call.node else { return None };
    let alias = function.alias.as_ref().map(|alias| alias.aliasname.clone());
    let name = alias.or_else(|| function_name(called))?;
    let row = |(at, item): (usize, Value)| {
        let mut row = vec![(name.clone(), item)];
        if function.ordinality {
            row.push(("ordinality".to_owned(), Value::text((at + 1).to_string())));
        }
        row
    };
    Some(renamed(items.into_iter().enumerate().map(row).collect(), function.alias.as_ref()))
}

/// Gives the columns of rows the names of an alias.
fn renamed(rows: Vec<Row>, alias: Option<&Alias>) -> Vec<(String, Row)> {
    let name = alias.map(|alias| alias.aliasname.clone()).unwrap_or_default();
    let names: Vec<&str> = alias
        .iter()
        .flat_map(|alias| &alias.colnames)
        .filter_map(|node| match &node.node {
            Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
            _ => None,
        })
        .collect();
    let rename = |mut row: Row| {
        for (column, name) in row.iter_mut().zip(&names) {
            (*name).clone_into(&mut column.0);
        }
        (name.clone(), row)
    };
    rows.into_iter().map(rename).collect()
}

/// What a function that returns a set returns; nothing where it is not known.
struct Elements(Option<Vec<Value>>);

/// Returns what a function that returns a set returns; nothing for any other expression.
fn elements(node: &Node, scope: &Scope) -> Option<Elements> {
    let Some(NodeEnum::FuncCall(call)) = &node.node else { return None };
    let arguments: Vec<Value> = call.args.iter().map(|node| value(node, scope)).collect();
    let items = match (function_name(call)?.as_str(), &arguments[..]) {
        ("unnest", [Value::Array(items)]) => Some(items.clone()),
        ("regexp_split_to_table" | "string_to_table", [text, separator]) => {
            let separator = separator.as_known().filter(|s| matches!(s.as_str(), "," | ";" | " "));
            match (text.as_known(), separator) {
                (Some(text), Some(separator)) => {
                    Some(text.split(&separator).map(Value::text).collect())
                }
                _ => None,
            }
        }
        ("generate_series", [first, last]) => match (first.as_integer(), last.as_integer()) {
            (Some(first), Some(last)) => integers(first, last, 1),
            _ => None,
        },
        ("unnest" | "regexp_split_to_table" | "string_to_table" | "generate_series", _) => None,
        _ => return None,
    };
    Some(Elements(items))
}

/// Returns the integers from `first` to `last`; nothing if there are too many.
pub(super) fn integers(first: i64, last: i64, step: i64) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    let mut at = first;
    while if step > 0 { at <= last } else { at >= last } {
        if found.len() >= MAX_ROWS {
            return None;
        }
        found.push(Value::text(at.to_string()));
        at = at.checked_add(step)?;
    }
    Some(found)
}
