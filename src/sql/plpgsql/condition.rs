//! Conditions of `IF` and their kin: what must hold of the catalog and the server.

use super::fact::Fact;
use crate::version::PgVersion;

/// A condition, as far as it can be decided from a schema and a server version.
///
/// SQL's null counts as false where it decides a branch, and is `Unknown` where it could be negated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always or never true.
    Constant(bool),
    /// An object is in the catalog.
    Exists(Fact),
    /// The server's version, as in `server_version_num`, compares with a number.
    ServerVersion {
        /// How they compare.
        comparison: Comparison,
        /// The number, such as 140000.
        number: u32,
    },
    /// The condition is false.
    Not(Box<Condition>),
    /// All are true.
    And(Vec<Condition>),
    /// One of them is true.
    Or(Vec<Condition>),
    /// Nobody knows before it runs.
    Unknown,
}

/// How two numbers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`.
    Equal,
    /// `<>`.
    NotEqual,
    /// `<`.
    Less,
    /// `<=`.
    LessOrEqual,
    /// `>`.
    Greater,
    /// `>=`.
    GreaterOrEqual,
}

impl Comparison {
    /// Reads an operator.
    pub(super) fn from_operator(operator: &str) -> Option<Self> {
        Some(match operator {
            "=" => Self::Equal,
            "<>" | "!=" => Self::NotEqual,
            "<" => Self::Less,
            "<=" => Self::LessOrEqual,
            ">" => Self::Greater,
            ">=" => Self::GreaterOrEqual,
            _ => return None,
        })
    }

    /// Returns the comparison with its sides exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Equal | Self::NotEqual => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }

    /// Returns whether it holds between `left` and `right`.
    pub(super) fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

impl Condition {
    /// Returns whether the condition is true, false, or not known (nothing).
    ///
    /// `is_true` answers for each fact: whether the catalog has such an object, if it knows.
    pub fn evaluate(
        &self,
        is_true: &mut impl FnMut(&Fact) -> Option<bool>,
        version: PgVersion,
    ) -> Option<bool> {
        self.evaluate_with(is_true, version)
    }

    fn evaluate_with(
        &self,
        is_true: &mut dyn FnMut(&Fact) -> Option<bool>,
        version: PgVersion,
    ) -> Option<bool> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Exists(fact) => is_true(fact),
            Self::ServerVersion { comparison, number } => {
                // Of the target only the major version is known: the server may be any of its minors.
                let oldest = u32::from(version.major) * 10_000;
                let at_oldest = comparison.holds(&oldest, number);
                let at_newest = comparison.holds(&(oldest + 99), number);
                let between = (oldest..oldest + 100).contains(number);
                let is_equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
                (at_oldest == at_newest && !(between && is_equality)).then_some(at_oldest)
            }
            Self::Not(condition) => condition.evaluate_with(is_true, version).map(|value| !value),
            Self::And(conditions) => {
                let mut all = Some(true);
                for condition in conditions {
                    match condition.evaluate_with(is_true, version) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => all = None,
                    }
                }
                all
            }
            Self::Or(conditions) => {
                let mut any = Some(false);
                for condition in conditions {
                    match condition.evaluate_with(is_true, version) {
                        Some(false) => {}
                        Some(true) => return Some(true),
                        None => any = None,
                    }
                }
                any
            }
            Self::Unknown => None,
        }
    }

    /// Returns the facts that decide the condition.
    pub fn facts(&self) -> Vec<&Fact> {
        match self {
            Self::Exists(fact) => vec![fact],
            Self::Not(condition) => condition.facts(),
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().flat_map(Self::facts).collect()
            }
            Self::Constant(_) | Self::ServerVersion { .. } | Self::Unknown => Vec::new(),
        }
    }

    /// Returns whether a part of the condition is unknown whatever the schema and the server.
    pub fn has_unknown(&self) -> bool {
        match self {
            Self::Unknown => true,
            Self::Not(condition) => condition.has_unknown(),
            Self::And(conditions) | Self::Or(conditions) => {
                conditions.iter().any(Self::has_unknown)
            }
            Self::Constant(_) | Self::Exists(_) | Self::ServerVersion { .. } => false,
        }
    }

    /// Returns the opposite.
    pub(super) fn negate(self) -> Self {
        match self {
            Self::Constant(value) => Self::Constant(!value),
            Self::Not(condition) => *condition,
            Self::Unknown => Self::Unknown,
            other => Self::Not(Box::new(other)),
        }
    }

    /// Returns the conjunction.
    pub(super) fn all(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Vec::new();
        for condition in conditions {
            match condition {
                Self::Constant(true) => {}
                Self::Constant(false) => return Self::Constant(false),
                Self::And(parts) => all.extend(parts),
                other => all.push(other),
            }
        }
        match all.len() {
            0 => Self::Constant(true),
            1 => all.remove(0),
            _ if all.iter().all(|one| *one == Self::Unknown) => Self::Unknown,
            _ => Self::And(all),
        }
    }

    /// Returns the disjunction.
    pub(super) fn any(conditions: impl IntoIterator<Item = Self>) -> Self {
        let mut any = Vec::new();
        for condition in conditions {
            match condition {
                Self::Constant(false) => {}
                Self::Constant(true) => return Self::Constant(true),
                Self::Or(parts) => any.extend(parts),
                other => any.push(other),
            }
        }
        match any.len() {
            0 => Self::Constant(false),
            1 => any.remove(0),
            _ if any.iter().all(|one| *one == Self::Unknown) => Self::Unknown,
            _ => Self::Or(any),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: PgVersion = PgVersion { major: 15 };

    fn role(name: &str) -> Condition {
        Condition::Exists(Fact::Role { name: name.into() })
    }

    /// Answers yes for `yes`, no for `no`, and nothing for any other role.
    fn answer(fact: &Fact) -> Option<bool> {
        let Fact::Role { name } = fact else { return None };
        match &**name {
            "yes" => Some(true),
            "no" => Some(false),
            _ => None,
        }
    }

    #[test]
    fn logic_has_three_values() {
        let value = |condition: Condition| condition.evaluate(&mut answer, VERSION);
        let (yes, no, unknown) = (role("yes"), role("no"), role("else"));
        assert_eq!(value(Condition::And(vec![yes.clone(), unknown.clone()])), None);
        assert_eq!(value(Condition::And(vec![unknown.clone(), no.clone()])), Some(false));
        assert_eq!(value(Condition::Or(vec![unknown.clone(), yes.clone()])), Some(true));
        assert_eq!(value(Condition::Or(vec![unknown.clone(), no.clone()])), None);
        assert_eq!(value(Condition::Not(Box::new(unknown))), None);
        assert_eq!(value(no.negate()), Some(true));
        assert_eq!(value(yes.negate().negate()), Some(true));
        assert_eq!(value(Condition::Unknown), None);
    }

    #[test]
    fn versions_compare_by_their_major_number() {
        let value = |comparison, number| {
            Condition::ServerVersion { comparison, number }.evaluate(&mut answer, VERSION)
        };
        assert_eq!(value(Comparison::GreaterOrEqual, 140_000), Some(true));
        assert_eq!(value(Comparison::GreaterOrEqual, 150_000), Some(true));
        assert_eq!(value(Comparison::GreaterOrEqual, 150_004), None);
        assert_eq!(value(Comparison::Less, 160_000), Some(true));
        assert_eq!(value(Comparison::Equal, 150_003), None);
        assert_eq!(value(Comparison::Equal, 140_003), Some(false));
    }
}
