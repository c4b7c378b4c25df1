//! What the valid checks of a table prove, so that the server need not read its rows.
//!
//! Source: `ConstraintImpliedByRelConstraint` and `predicate_implied_by` of PostgreSQL, of which this
//! follows the part that is about columns and constants: a check that NULL passes does not prove that
//! a column is not NULL.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::Relation;
use crate::sql::ConstraintKind;
use crate::sql::tree::{Expr, OperatorKind};

/// A condition on the columns of a row.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Formula {
    And(Vec<Formula>),
    Or(Vec<Formula>),
    Null(Arc<str>),
    NotNull(Arc<str>),
    Compare(Arc<str>, Comparison, Value),
    /// What nobody follows: it proves nothing and is not proven.
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

impl Comparison {
    fn of(operator: &str) -> Option<Self> {
        Some(match operator {
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            "=" => Self::Equal,
            "<>" | "!=" => Self::NotEqual,
            ">=" => Self::GreaterOrEqual,
            ">" => Self::Greater,
            _ => return None,
        })
    }

    /// Returns what is true where this is not.
    fn negated(self) -> Self {
        match self {
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Equal => Self::NotEqual,
            Self::NotEqual => Self::Equal,
            Self::GreaterOrEqual => Self::Less,
            Self::Greater => Self::LessOrEqual,
        }
    }

    /// Returns the comparison with the sides exchanged.
    fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Greater => Self::Less,
            same => same,
        }
    }
}

/// A constant.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Integer(i64),
    Text(Arc<str>),
}

impl Value {
    pub(super) fn of(expression: &Expr) -> Option<Self> {
        match expression {
            Expr::Integer(value) => Some(Self::Integer(i64::from(*value))),
            Expr::String(text) | Expr::Float(text) => {
                Some(text.parse().map_or_else(|_| Self::Text(text.clone()), Self::Integer))
            }
            Expr::Bool(value) => Some(Self::Text(if *value { "true" } else { "false" }.into())),
            Expr::Cast(cast) => Self::of(&cast.value),
            Expr::Operator(operator) if &*operator.name == "-" && operator.left.is_none() => {
                match Self::of(operator.right.as_ref()?)? {
                    Self::Integer(value) => Some(Self::Integer(-value)),
                    Self::Text(_) => None,
                }
            }
            _ => None,
        }
    }

    /// Returns how two constants compare, where their spelling tells.
    fn order(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) if a == b => Some(std::cmp::Ordering::Equal),
            // Dates of the same form are in the order of their letters.
            (Self::Text(a), Self::Text(b)) if a.len() == b.len() && is_date(a) && is_date(b) => {
                (a.get(19..) == b.get(19..)).then(|| a.cmp(b))
            }
            // Those of other forms differ by the time of day and the time zone at most.
            (Self::Text(a), Self::Text(b)) => {
                let (first, second) = (day(a)?, day(b)?);
                (first.abs_diff(second) > 5).then(|| first.cmp(&second))
            }
            _ => None,
        }
    }

    /// Returns whether two constants are certainly different.
    fn differs(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) if !is_date(a) && !is_date(b) => a != b,
            _ => self.order(other).is_some_and(std::cmp::Ordering::is_ne),
        }
    }
}

/// Returns whether a constant begins as an ISO date does.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| {
        bytes.get(from..to).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    digits(0, 4) && bytes.get(4) == Some(&b'-') && digits(5, 7) && digits(8, 10)
}

/// Returns a number for the day of an ISO date: those of later days are higher.
fn day(text: &str) -> Option<i32> {
    is_date(text).then_some(())?;
    let number = |from, to| text.get(from..to)?.parse::<i32>().ok();
    // Numbers of days that follow each other differ by 4 at most (February to March).
    Some(number(0, 4)? * 372 + number(5, 7)? * 31 + number(8, 10)?)
}

impl Formula {
    /// Reads a check.
    pub(super) fn of(expression: &Expr) -> Self {
        match expression {
            Expr::And(items) => Self::And(items.iter().map(Self::of).collect()),
            Expr::Or(items) => Self::Or(items.iter().map(Self::of).collect()),
            Expr::Not(value) => Self::of(value).negated(),
            Expr::IsNull { value, negated } => match column(value) {
                Some(name) if *negated => Self::NotNull(name),
                Some(name) => Self::Null(name),
                None => Self::Unknown,
            },
            Expr::Operator(operator) => {
                let (Some(left), Some(right)) = (&operator.left, &operator.right) else {
                    return Self::Unknown;
                };
                Self::of_operator(operator.kind, &operator.name, left, right)
            }
            _ => Self::Unknown,
        }
    }

    fn of_operator(kind: OperatorKind, name: &str, left: &Expr, right: &Expr) -> Self {
        let compare = |left: &Expr, how: Comparison, right: &Expr| match (
            column(left),
            Value::of(right),
            Value::of(left),
            column(right),
        ) {
            (Some(name), Some(value), ..) => Self::Compare(name, how, value),
            (.., Some(value), Some(name)) => Self::Compare(name, how.mirrored(), value),
            _ => Self::Unknown,
        };
        let items = match right {
            Expr::List(items) | Expr::Array(items) | Expr::Row { items, .. } => &items[..],
            _ => &[],
        };
        match kind {
            OperatorKind::Plain => {
                Comparison::of(name).map_or(Self::Unknown, |how| compare(left, how, right))
            }
            OperatorKind::In | OperatorKind::Any if !items.is_empty() => {
                let any = items.iter().map(|item| compare(left, Comparison::Equal, item));
                let any = Self::Or(any.collect());
                if name == "<>" { any.negated() } else { any }
            }
            OperatorKind::Between => match items {
                [low, high] => Self::And(vec![
                    compare(left, Comparison::GreaterOrEqual, low),
                    compare(left, Comparison::LessOrEqual, high),
                ]),
                _ => Self::Unknown,
            },
            _ => Self::Unknown,
        }
    }

    /// Returns what is true where this is not.
    pub(super) fn negated(self) -> Self {
        match self {
            Self::And(items) => Self::Or(items.into_iter().map(Self::negated).collect()),
            Self::Or(items) => Self::And(items.into_iter().map(Self::negated).collect()),
            Self::Null(column) => Self::NotNull(column),
            Self::NotNull(column) => Self::Null(column),
            Self::Compare(column, how, value) => Self::Compare(column, how.negated(), value),
            Self::Unknown => Self::Unknown,
        }
    }

    /// Returns what a table's valid checks and its `NOT NULL` columns say.
    pub(super) fn of_table(table: &Relation) -> Self {
        let checks = table.constraints.iter().filter(|found| {
            found.kind == ConstraintKind::Check && found.validated && found.enforced
        });
        let checks = checks.filter_map(|check| check.expression.as_deref());
        let mut all: Vec<Self> = checks.map(|check| Self::of(&check.tree)).collect();
        let unproven = |name: &str| {
            table.constraints.iter().any(|found| {
                found.kind == ConstraintKind::NotNull
                    && !found.validated
                    && found.columns.iter().any(|column| column == name)
            })
        };
        let columns = table.columns.iter().filter(|c| c.not_null && !unproven(&c.name));
        all.extend(columns.map(|column| Self::NotNull(column.name.clone())));
        Self::And(all)
    }

    /// Returns the columns that are not null where this is true.
    pub(super) fn strict_columns(&self) -> BTreeSet<Arc<str>> {
        match self {
            Self::NotNull(column) | Self::Compare(column, ..) => BTreeSet::from([column.clone()]),
            Self::And(items) => items.iter().flat_map(Self::strict_columns).collect(),
            Self::Or(arms) => {
                let mut arms = arms.iter().map(Self::strict_columns);
                let first = arms.next().unwrap_or_default();
                arms.fold(first, |all, arm| all.intersection(&arm).cloned().collect())
            }
            Self::Null(_) | Self::Unknown => BTreeSet::new(),
        }
    }

    /// Returns whether rows that pass this certainly pass `wanted`.
    pub(super) fn implies(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (_, Self::And(items)) => items.iter().all(|item| self.implies(item)),
            (Self::Or(arms), _) => arms.iter().all(|arm| arm.implies(wanted)),
            (Self::And(items), _) if items.iter().any(|item| item.implies(wanted)) => true,
            (_, Self::Or(arms)) => arms.iter().any(|arm| self.implies(arm)),
            (Self::Compare(a, given, x), Self::Compare(b, needed, y)) => {
                a == b && follows(*given, x, *needed, y)
            }
            (Self::Null(a), Self::Null(b)) | (Self::NotNull(a), Self::NotNull(b)) => a == b,
            _ => false,
        }
    }
}

/// Returns whether `column given x` implies `column needed y`.
fn follows(given: Comparison, x: &Value, needed: Comparison, y: &Value) -> bool {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let order = x.order(y);
    let is_less = order == Some(std::cmp::Ordering::Less);
    let is_greater = order == Some(std::cmp::Ordering::Greater);
    let is_equal = order == Some(std::cmp::Ordering::Equal);
    match (given, needed) {
        (Equal, NotEqual) => x.differs(y),
        (Equal | NotEqual, _) if given == needed => is_equal,
        (Less | LessOrEqual | Equal, Less) => is_less || given == Less && is_equal,
        (Less | LessOrEqual | Equal, LessOrEqual) | (Less, NotEqual) => is_less || is_equal,
        (Greater | GreaterOrEqual | Equal, Greater) => is_greater || given == Greater && is_equal,
        (Greater | GreaterOrEqual | Equal, GreaterOrEqual) | (Greater, NotEqual) => {
            is_greater || is_equal
        }
        (LessOrEqual, NotEqual) => is_less,
        (GreaterOrEqual, NotEqual) => is_greater,
        _ => false,
    }
}

/// Returns the column that an expression is.
fn column(expression: &Expr) -> Option<Arc<str>> {
    match expression {
        Expr::Column(column) if column.qualifier.len() <= 1 => Some(column.name.clone()),
        Expr::Cast(cast) => column(&cast.value),
        _ => None,
    }
}
