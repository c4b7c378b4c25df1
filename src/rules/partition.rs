//! What the rows of a partition, and of the default partition beside it, fulfil: as the checks that let
//! the server attach it without reading them.
//!
//! Which checks prove it was tried on servers 15 and 18.

use super::outage::quoted;
use crate::schema::expression_sql;
use crate::sql::tree::Expr;
use crate::sql::{Expression, PartitionBound, PartitionKey};

/// Returns what the rows of a default partition fulfil when another one takes those of the bound.
pub(super) fn excluding(key: &PartitionKey, bound: &PartitionBound) -> Option<String> {
    let [Some(column)] = &key.columns[..] else { return None };
    let column = quoted(column);
    match bound {
        PartitionBound::List(values) => {
            let values: Option<Vec<String>> = values.iter().map(constant).collect();
            Some(format!("{column} not in ({})", values?.join(", ")))
        }
        PartitionBound::Range(from, to) => {
            let below = side(from)?.into_iter().map(|from| format!("{column} < {from}"));
            let above = side(to)?.into_iter().map(|to| format!("{column} >= {to}"));
            let sides: Vec<String> = below.chain(above).collect();
            (!sides.is_empty()).then(|| sides.join(" or "))
        }
        PartitionBound::Default | PartitionBound::Hash(..) => None,
    }
}

/// Returns what the rows of a partition fulfil. The server derives nothing from checks for a bound of
/// hashes.
pub(super) fn within(key: &PartitionKey, bound: &PartitionBound) -> Option<String> {
    let [Some(column)] = &key.columns[..] else { return None };
    let column = quoted(column);
    match bound {
        PartitionBound::List(values) => {
            let values: Option<Vec<String>> = values.iter().map(constant).collect();
            Some(format!("{column} is not null and {column} in ({})", values?.join(", ")))
        }
        PartitionBound::Range(from, to) => {
            let mut sides = vec![format!("{column} is not null")];
            sides.extend(side(from)?.into_iter().map(|from| format!("{column} >= {from}")));
            sides.extend(side(to)?.into_iter().map(|to| format!("{column} < {to}")));
            Some(sides.join(" and "))
        }
        PartitionBound::Default | PartitionBound::Hash(..) => None,
    }
}

fn constant(value: &Expression) -> Option<String> {
    expression_sql(value).filter(|_| value.tree != Expr::Null)
}

/// Returns the values of a side of which there is one at most: none for `MINVALUE` and `MAXVALUE`.
fn side(values: &[Expression]) -> Option<Vec<String>> {
    let [value] = values else { return None };
    let sql = expression_sql(value)?;
    Some(if matches!(&*sql, "minvalue" | "maxvalue") { Vec::new() } else { vec![sql] })
}
