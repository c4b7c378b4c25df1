//! Types.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::{Fact, Fields, Versions, by_name, equal, holding, read};
use crate::version::PgVersion;

/// A type that a server or an extension brings. Row types of relations are not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinType {
    /// How the facts spell it: the name, behind `information_schema.` if it is there.
    pub spelling: &'static str,
    /// What it is.
    pub kind: TypeKind,
    /// `pg_type.typcategory`: `N` for numbers, `S` for strings, `A` for arrays, ...
    pub category: char,
    /// Whether it is the one of its category that others are rather cast to.
    pub is_preferred: bool,
    /// Whether its values have a collation.
    pub is_collatable: bool,
    /// What it is made of: the elements of an array, the base type of a domain, the bounds of a
    /// range, the range of a multirange. Some others have one as well, as `point` has `float8`.
    pub element: Option<&'static str>,
    /// `pg_type.typlen`: bytes; -1 if the length varies, -2 for C strings.
    pub length: i16,
    /// Where the server shows another name than its own.
    pub(super) display: Option<&'static str>,
    /// When it is there.
    pub versions: Versions,
}

/// What a type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TypeKind {
    /// A type of its own.
    Base,
    /// An array; also `int2vector` and `oidvector`.
    Array,
    /// A range.
    Range,
    /// A multirange.
    Multirange,
    /// Nothing that a column can have: `void`, `trigger`, `anyelement`, ...
    Pseudo,
    /// A domain over another type.
    Domain,
    /// A row.
    Composite,
}

impl BuiltinType {
    /// Returns its name without the schema.
    pub fn name(&self) -> &'static str {
        self.spelling.split_once('.').map_or(self.spelling, |(_, name)| name)
    }
}

impl Fact for BuiltinType {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let spelling = fields.take();
        let kind = match fields.take() {
            "a" => TypeKind::Array,
            "r" => TypeKind::Range,
            "m" => TypeKind::Multirange,
            "p" => TypeKind::Pseudo,
            "d" => TypeKind::Domain,
            "c" => TypeKind::Composite,
            _ => TypeKind::Base,
        };
        let category = fields.take();
        Self {
            spelling,
            kind,
            category: category.chars().next().unwrap_or('U'),
            is_preferred: category.contains('*'),
            is_collatable: category.contains('c'),
            element: fields.take_some(),
            length: fields.take().parse().unwrap_or(-1),
            display: fields.take_some(),
            versions,
        }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static TYPES: LazyLock<Vec<BuiltinType>> = LazyLock::new(|| read(include_str!("data/types.tsv")));

static NAMED: LazyLock<HashMap<&str, &[BuiltinType]>> =
    LazyLock::new(|| by_name(&TYPES, |known| known.spelling));

/// Returns all types, by spelling.
pub fn types(version: PgVersion) -> impl Iterator<Item = &'static BuiltinType> {
    holding(&TYPES, version)
}

/// Returns the type that the facts spell so: `int4`, `_text`,
/// `information_schema.sql_identifier`.
pub fn type_named(spelling: &str, version: PgVersion) -> Option<&'static BuiltinType> {
    holding(NAMED.get(spelling).copied().unwrap_or_default(), version).next()
}

/// Returns the type of a schema, `pg_catalog` or `information_schema`.
pub fn type_in(schema: &str, name: &str, version: PgVersion) -> Option<&'static BuiltinType> {
    match schema {
        "pg_catalog" if !name.contains('.') => type_named(name, version),
        "information_schema" => type_named(&format!("{schema}.{name}"), version),
        _ => None,
    }
}

/// Returns the type with a spelling.
pub(super) fn find_type<'types>(
    types: &'types [BuiltinType],
    spelling: &str,
    version: PgVersion,
) -> Option<&'types BuiltinType> {
    holding(equal(types, |known| known.spelling.cmp(spelling)), version).next()
}

/// Follows domains down to what they are about.
pub(super) fn base_type(spelling: &str, version: PgVersion) -> Option<&'static BuiltinType> {
    let mut found = type_named(spelling, version)?;
    while let (TypeKind::Domain, Some(base)) = (found.kind, found.element) {
        found = type_named(base, version)?;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn types_are_sorted() {
        assert!(TYPES.is_sorted_by_key(|known| known.spelling));
    }

    #[test]
    fn types_come_and_go_with_versions() {
        let is_type = |name, major| type_named(name, pg(major)).is_some();
        assert!(is_type("int4", 12) && is_type("int4", 18));
        assert!(!is_type("int4multirange", 13) && is_type("int4multirange", 14));
        assert!(is_type("opaque", 12) && !is_type("opaque", 13));
        assert!(!is_type("abstime", 12) && !is_type("integer", 12) && !is_type("", 12));
    }

    #[test]
    fn a_type_says_what_it_is() {
        let find = |name| type_named(name, pg(18)).unwrap();
        let kinds = ["int4", "_int4", "int4range", "int4multirange", "trigger", "anyelement"];
        use TypeKind::{Array, Base, Domain, Multirange, Pseudo, Range};
        let expected = [Base, Array, Range, Multirange, Pseudo, Pseudo];
        assert_eq!(kinds.map(|name| find(name).kind), expected);
        assert_eq!(find("_int4").element, Some("int4"));
        assert_eq!((find("text").category, find("text").is_preferred), ('S', true));
        assert_eq!(find("int4").length, 4);

        let identifier = type_in("information_schema", "sql_identifier", pg(18)).unwrap();
        assert_eq!((identifier.name(), identifier.kind), ("sql_identifier", Domain));
        assert_eq!(base_type(identifier.spelling, pg(18)).unwrap().spelling, "name");
    }
}
