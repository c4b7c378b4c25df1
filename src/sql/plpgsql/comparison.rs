//! Compares values and computes with numbers.

use super::catalog_query::Selected;
use super::condition::{Comparison, Condition};
use super::value::Value;

/// Computes with integers; nothing for anything else.
pub(super) fn arithmetic(operator: &str, left: &Value, right: &Value) -> Option<Value> {
    let (left, right) = (left.as_integer()?, right.as_integer()?);
    let result = match operator {
        "+" => left.checked_add(right)?,
        "-" => left.checked_sub(right)?,
        "*" => left.checked_mul(right)?,
        "/" => left.checked_div(right)?,
        "%" => left.checked_rem(right)?,
        _ => return None,
    };
    Some(Value::text(result.to_string()))
}

/// Returns the truth of a comparison.
pub(super) fn compare(comparison: Comparison, left: &Value, right: &Value) -> Condition {
    let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
    let signed = |equal: Condition| match comparison {
        Comparison::Equal => equal,
        _ => equal.negate(),
    };
    match (left, right) {
        (Value::Count(selected), other) => count(comparison, selected, other),
        (other, Value::Count(selected)) => count(comparison.flipped(), selected, other),
        (Value::ServerVersion, other) => server_version(comparison, other),
        (other, Value::ServerVersion) => server_version(comparison.flipped(), other),
        (Value::Truth(left), Value::Truth(Condition::Constant(right))) if is_equality => {
            signed(if *right { left.clone() } else { left.clone().negate() })
        }
        (Value::Selected(selected), other) | (other, Value::Selected(selected)) if is_equality => {
            let Some(text) = other.as_known() else { return Condition::Unknown };
            let equal = selected.equals(&text);
            match comparison {
                Comparison::Equal => equal,
                _ => Condition::all([selected.is_not_null(), equal.negate()]),
            }
        }
        _ => match (left.as_integer(), right.as_integer()) {
            (Some(left), Some(right)) => Condition::Constant(comparison.holds(&left, &right)),
            _ => match (left.as_known(), right.as_known()) {
                (Some(left), Some(right)) if is_equality => {
                    Condition::Constant(comparison.holds(&left, &right))
                }
                _ => Condition::Unknown,
            },
        },
    }
}

fn count(comparison: Comparison, selected: &Selected, number: &Value) -> Condition {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let exists = selected.query.exists();
    match (comparison, number.as_integer()) {
        (Greater | NotEqual, Some(0)) | (GreaterOrEqual, Some(1)) => exists,
        (Equal | LessOrEqual, Some(0)) | (Less, Some(1)) => exists.negate(),
        // Names are unique where they matter, so one fact is one row.
        (Equal, Some(1)) if matches!(exists, Condition::Exists(_)) => exists,
        (NotEqual, Some(1)) if matches!(exists, Condition::Exists(_)) => exists.negate(),
        // All that are listed.
        (Equal | GreaterOrEqual, Some(number)) => match exists {
            Condition::Or(each) if i64::try_from(each.len()) == Ok(number) => Condition::all(each),
            _ => Condition::Unknown,
        },
        (Less | NotEqual, Some(number)) => match exists {
            Condition::Or(each) if i64::try_from(each.len()) == Ok(number) => {
                Condition::all(each).negate()
            }
            _ => Condition::Unknown,
        },
        _ => Condition::Unknown,
    }
}

fn server_version(comparison: Comparison, number: &Value) -> Condition {
    let number = number.as_integer().and_then(|number| u32::try_from(number).ok());
    number.map_or(Condition::Unknown, |number| Condition::ServerVersion { comparison, number })
}
