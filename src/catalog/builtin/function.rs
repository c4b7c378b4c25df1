//! Functions of `pg_catalog`.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::{Fact, Fields, Versions, by_name, equal, holding, read, volatility};
use crate::sql::Volatility;
use crate::version::PgVersion;

/// A function, aggregate or procedure that a server or an extension brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinFunction {
    /// Its name.
    pub name: &'static str,
    arguments: &'static str,
    /// The type of its result; `record` if it has several output columns. `-` for a procedure.
    pub result: &'static str,
    /// What it is.
    pub kind: FunctionKind,
    /// Whether it may answer differently.
    pub volatility: Volatility,
    /// Whether it answers null, without being run, if an argument is null.
    pub is_strict: bool,
    /// Whether it returns any number of rows.
    pub returns_set: bool,
    /// Whether its last argument takes any number of values.
    pub is_variadic: bool,
    /// How many of the last arguments may be left out.
    pub defaults: usize,
    outputs: &'static str,
    /// When it is there.
    pub versions: Versions,
}

/// What a function is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FunctionKind {
    /// One that is called in an expression.
    Function,
    /// One over many rows.
    Aggregate,
    /// One that needs `over (...)`.
    Window,
    /// One for `CALL`.
    Procedure,
}

impl BuiltinFunction {
    /// Returns the types of its arguments. Those for output are not among them.
    pub fn arguments(&self) -> impl DoubleEndedIterator<Item = &'static str> + use<> {
        self.arguments.split_ascii_whitespace()
    }

    /// Returns the columns of its result, name and type, if it has several.
    pub fn outputs(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        self.outputs.split_ascii_whitespace().filter_map(|column| column.split_once(':'))
    }

    /// Returns whether it can be called with so many arguments.
    pub fn accepts(&self, count: usize) -> bool {
        let most = self.arguments().count();
        let least = most.saturating_sub(self.defaults);
        count >= least && (count <= most || self.is_variadic)
    }
}

impl Fact for BuiltinFunction {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let (name, arguments, result) = (fields.take(), fields.take(), fields.take());
        let attributes = fields.take();
        let mut letters = attributes.chars();
        let kind = match letters.next() {
            Some('a') => FunctionKind::Aggregate,
            Some('w') => FunctionKind::Window,
            Some('p') => FunctionKind::Procedure,
            _ => FunctionKind::Function,
        };
        let volatility = volatility(letters.next());
        let flags = letters.as_str();
        Self {
            name,
            arguments,
            result,
            kind,
            volatility,
            is_strict: flags.contains('s'),
            returns_set: flags.contains('r'),
            is_variadic: flags.contains('v'),
            defaults: fields.take().parse().unwrap_or(0),
            outputs: fields.take(),
            versions,
        }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static FUNCTIONS: LazyLock<Vec<BuiltinFunction>> =
    LazyLock::new(|| read(include_str!("data/functions.tsv")));

static NAMED: LazyLock<HashMap<&str, &[BuiltinFunction]>> =
    LazyLock::new(|| by_name(&FUNCTIONS, |function| function.name));

/// Returns all functions of `pg_catalog`, by name.
pub fn functions(version: PgVersion) -> impl Iterator<Item = &'static BuiltinFunction> {
    holding(&FUNCTIONS, version)
}

/// Returns the functions of `pg_catalog` with a name, of all kinds.
pub fn functions_named(
    name: &str,
    version: PgVersion,
) -> impl Iterator<Item = &'static BuiltinFunction> + use<> {
    holding(NAMED.get(name).copied().unwrap_or_default(), version)
}

/// Returns whether `pg_catalog` has a function with this name.
pub fn is_function(name: &str, version: PgVersion) -> bool {
    functions_named(name, version).next().is_some()
}

/// Returns the functions with a name, of whatever version.
pub(super) fn functions_of<'functions>(
    functions: &'functions [BuiltinFunction],
    name: &str,
) -> &'functions [BuiltinFunction] {
    equal(functions, |function| function.name.cmp(name))
}

/// Returns the function of `pg_catalog` that a server's grammar puts where the one of PostgreSQL 18
/// puts `name`, for syntax of its own such as `extract(... from ...)` and `similar to`.
pub fn grammar_function(name: &str, version: PgVersion) -> &str {
    match name {
        "extract" if version.major < 14 => "date_part",
        "similar_to_escape" if version.major < 13 => "similar_escape",
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn functions_are_sorted() {
        assert!(FUNCTIONS.is_sorted_by_key(|function| function.name));
    }

    #[test]
    fn functions_come_and_go_with_versions() {
        assert!(!is_function("gen_random_uuid", pg(12)) && is_function("gen_random_uuid", pg(13)));
        assert!(!is_function("uuidv7", pg(17)) && is_function("uuidv7", pg(18)));
        assert!(!is_function("uuid_generate_v4", pg(18)) && !is_function("", pg(18)));
        assert_eq!(grammar_function("extract", pg(13)), "date_part");
        assert_eq!(grammar_function("extract", pg(14)), "extract");
    }

    #[test]
    fn a_function_says_how_it_is_called() {
        let only = |name| functions_named(name, pg(18)).next().unwrap();
        let now = only("now");
        assert_eq!((now.result, now.volatility), ("timestamptz", Volatility::Stable));
        assert_eq!(now.arguments().count(), 0);
        assert_eq!(only("random").volatility, Volatility::Volatile);
        assert_eq!(only("row_number").kind, FunctionKind::Window);
        let concat = only("concat");
        assert!(concat.is_variadic && !concat.is_strict);
        assert!(!concat.accepts(0) && concat.accepts(1) && concat.accepts(7));
        let make = only("make_interval");
        assert!(make.accepts(0) && make.accepts(7) && !make.accepts(8));
        let each = only("jsonb_each");
        assert!(each.returns_set);
        assert_eq!(each.outputs().collect::<Vec<_>>(), [("key", "text"), ("value", "jsonb")]);
        let lowered: Vec<_> = functions_named("lower", pg(18)).map(|found| found.result).collect();
        assert_eq!(lowered, ["anyelement", "anyelement", "text"]);
    }
}
