//! Operators of `pg_catalog`.

use std::sync::LazyLock;

use super::table::{Fact, Fields, Versions, equal, holding, read, volatility};
use crate::sql::Volatility;
use crate::version::PgVersion;

/// An operator that a server or an extension brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinOperator {
    /// Its name.
    pub name: &'static str,
    /// The type on its left; `None` if it stands before its only operand.
    pub left: Option<&'static str>,
    /// The type on its right; `None` if it stands behind its only operand, as `!` did up to 13.
    pub right: Option<&'static str>,
    /// The type of its result.
    pub result: &'static str,
    /// Whether its function may answer differently.
    pub volatility: Volatility,
    /// When it is there.
    pub versions: Versions,
}

impl Fact for BuiltinOperator {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let name = fields.take();
        let (left, right) = (fields.take_some(), fields.take_some());
        let is_operand = |side: &&str| *side != "-";
        Self {
            name,
            left: left.filter(is_operand),
            right: right.filter(is_operand),
            result: fields.take(),
            volatility: volatility(fields.take().chars().next()),
            versions,
        }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static OPERATORS: LazyLock<Vec<BuiltinOperator>> =
    LazyLock::new(|| read(include_str!("data/operators.tsv")));

/// Returns all operators of `pg_catalog`, by name.
pub fn operators(version: PgVersion) -> impl Iterator<Item = &'static BuiltinOperator> {
    holding(&OPERATORS, version)
}

/// Returns the operators of `pg_catalog` with a name.
pub fn operators_named(
    name: &str,
    version: PgVersion,
) -> impl Iterator<Item = &'static BuiltinOperator> + use<> {
    holding(operators_of(&OPERATORS, name), version)
}

/// Returns the operator of `pg_catalog` that takes exactly these types.
pub fn operator(
    name: &str,
    left: Option<&str>,
    right: Option<&str>,
    version: PgVersion,
) -> Option<&'static BuiltinOperator> {
    let mut named = holding(operators_of(&OPERATORS, name), version);
    named.find(|operator| operator.left == left && operator.right == right)
}

/// Returns the type of what the operator of `pg_catalog` that takes exactly these types results in.
pub fn operator_result(
    name: &str,
    left: Option<&str>,
    right: Option<&str>,
    version: PgVersion,
) -> Option<&'static str> {
    operator(name, left, right, version).map(|operator| operator.result)
}

/// Returns whether `pg_catalog` has an operator with this name.
pub fn is_operator(name: &str, version: PgVersion) -> bool {
    holding(operators_of(&OPERATORS, name), version).next().is_some()
}

/// Returns the operators with a name, of whatever version.
pub(super) fn operators_of<'operators>(
    operators: &'operators [BuiltinOperator],
    name: &str,
) -> &'operators [BuiltinOperator] {
    equal(operators, |operator| operator.name.cmp(name))
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn operators_are_sorted() {
        assert!(OPERATORS.is_sorted_by_key(|operator| operator.name));
    }

    #[test]
    fn an_operator_takes_exactly_its_types() {
        let result = |name, left, right| operator_result(name, left, right, pg(15));
        assert_eq!(result("+", Some("int4"), Some("int8")), Some("int8"));
        assert_eq!(result("->>", Some("jsonb"), Some("text")), Some("text"));
        assert_eq!(result("-", None, Some("int4")), Some("int4"));
        assert_eq!(result("=", Some("text"), Some("int4")), None);
        assert_eq!(result("||", Some("varchar"), Some("varchar")), None);
        assert_eq!(operator("!", Some("int8"), None, pg(13)).unwrap().result, "numeric");
        assert!(operator("!", Some("int8"), None, pg(14)).is_none());
        assert!(is_operator("@>", pg(12)) && !is_operator("<<<", pg(18)));
    }
}
