//! Operators, casts and indexes, over values as far as they are known.

use pg_query::protobuf::{AExpr, AExprKind};
use pg_query::{Node, NodeEnum};

use super::comparison::{arithmetic, compare};
use super::condition::{Comparison, Condition};
use super::expression::{self, Scope, operator, value};
use super::value::{Value, boolean};

pub(super) fn operate(operation: &AExpr, scope: &Scope) -> Value {
    let inner = scope.deeper(scope.rows.clone());
    let side = |side: &Option<Box<Node>>| side.as_deref().map(|node| value(node, &inner));
    let (left, right) = (side(&operation.lexpr), side(&operation.rexpr).unwrap_or(Value::Unknown));
    let Some(operator) = operator(operation) else { return Value::Unknown };
    let Some(left) = left else {
        return match (operator, right.as_integer()) {
            ("-", Some(number)) => Value::text((-number).to_string()),
            _ => Value::Unknown,
        };
    };
    let comparison = Comparison::from_operator(operator);
    match (operation.kind(), comparison) {
        (AExprKind::AexprOp, Some(comparison)) => Value::Truth(compare(comparison, &left, &right)),
        (AExprKind::AexprDistinct | AExprKind::AexprNotDistinct, _) => {
            let is_distinct = operation.kind() == AExprKind::AexprDistinct;
            let equal = match (&left, &right) {
                (Value::Null, Value::Null) => Condition::Constant(true),
                (Value::Selected(selected), other) | (other, Value::Selected(selected)) => {
                    match other.as_known() {
                        Some(text) => selected.equals(&text),
                        None => Condition::Unknown,
                    }
                }
                _ => compare(Comparison::Equal, &left, &right),
            };
            Value::Truth(if is_distinct { equal.negate() } else { equal })
        }
        (AExprKind::AexprIn | AExprKind::AexprOpAny, Some(comparison)) => {
            let Value::Array(items) = right else { return Value::Unknown };
            let each = items.iter().map(|item| compare(comparison, &left, item));
            // `NOT IN` holds if it does for all, `IN` if it does for one.
            let is_not_in = operation.kind() == AExprKind::AexprIn && operator == "<>";
            Value::Truth(if is_not_in { Condition::all(each) } else { Condition::any(each) })
        }
        (AExprKind::AexprOp, None) => match operator {
            "||" => match (left, right) {
                (Value::Array(mut left), Value::Array(right)) => {
                    left.extend(right);
                    Value::Array(left)
                }
                (Value::Array(mut items), one) => {
                    items.push(one);
                    Value::Array(items)
                }
                (left, right) => match (left.into_text(), right.into_text()) {
                    (Some(mut left), Some(right)) => {
                        left.append(right);
                        Value::Text(left)
                    }
                    _ => Value::Null,
                },
            },
            _ => arithmetic(operator, &left, &right).unwrap_or(Value::Unknown),
        },
        (AExprKind::AexprLike | AExprKind::AexprIlike, _) => {
            let (Some(text), Some(pattern)) = (left.as_known(), right.as_known()) else {
                return Value::Unknown;
            };
            let fold = operation.kind() == AExprKind::AexprIlike;
            let fold = |text: String| if fold { text.to_lowercase() } else { text };
            let is_like = like(&fold(text), &fold(pattern));
            Value::truth(is_like != operator.starts_with('!'))
        }
        _ => Value::Unknown,
    }
}

/// Returns whether a text matches the pattern of a `LIKE`.
fn like(text: &str, pattern: &str) -> bool {
    let mut characters = pattern.chars();
    match characters.next() {
        None => text.is_empty(),
        Some('%') => {
            let rest = characters.as_str();
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            pattern.len() <= 500 && ends.into_iter().any(|at| like(&text[at..], rest))
        }
        Some(wanted) => {
            let wanted = match wanted {
                '\\' => characters.next(),
                '_' => None,
                other => Some(other),
            };
            let mut rest = text.chars();
            rest.next().is_some_and(|found| wanted.is_none_or(|wanted| wanted == found))
                && like(rest.as_str(), characters.as_str())
        }
    }
}

pub(super) fn index(value: Value, step: &Node, scope: &Scope) -> Value {
    match (&step.node, value) {
        (Some(NodeEnum::AIndices(indices)), Value::Array(items)) if !indices.is_slice => {
            let at = indices.uidx.as_deref().map(|node| expression::value(node, scope));
            let at = at.and_then(|at| usize::try_from(at.as_integer()?.checked_sub(1)?).ok());
            at.map_or(Value::Unknown, |at| items.into_iter().nth(at).unwrap_or(Value::Null))
        }
        (Some(NodeEnum::String(field)), Value::Record(fields)) => {
            let found = fields.into_iter().find(|(name, _)| *name == field.sval);
            found.map_or(Value::Unknown, |(_, value)| value)
        }
        _ => Value::Unknown,
    }
}

pub(super) fn cast_value(value: Value, base: &str, is_array: bool) -> Value {
    match (&value, base) {
        (Value::Text(text), _) if is_array => {
            let text = text.as_known();
            let items = text.as_deref().and_then(|t| t.strip_prefix('{')?.strip_suffix('}'));
            match items {
                Some("") => Value::Array(Vec::new()),
                Some(items) if !items.contains(['"', '{', '\\']) => {
                    Value::Array(items.split(',').map(|item| Value::text(item.trim())).collect())
                }
                _ => Value::Unknown,
            }
        }
        (Value::Text(text), "bool") => match text.as_known().as_deref().and_then(boolean) {
            Some(truth) => Value::truth(truth),
            None => Value::Unknown,
        },
        _ => value,
    }
}
