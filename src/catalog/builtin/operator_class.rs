//! Access methods, their operator classes, and what these say about foreign keys.

use std::sync::LazyLock;

use super::cast::{CastContext, cast, is_binary_coercible};
use super::table::{Fact, Fields, Versions, equal, holding, read};
use super::types::base_type;
use crate::version::PgVersion;

/// An access method of a server or an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessMethod {
    /// Its name.
    pub name: &'static str,
    /// Whether it is one for indexes, not for tables.
    pub is_for_indexes: bool,
    /// When it is there.
    pub versions: Versions,
}

/// An operator class of a server or an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorClass {
    /// The access method of which it is.
    pub method: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The type that it is for; may be a polymorphic one, as `anyarray`.
    pub input: &'static str,
    /// The operator family that it belongs to.
    pub family: &'static str,
    /// Whether it is taken if none is named.
    pub is_default: bool,
    /// When it is there.
    pub versions: Versions,
}

/// An equality operator of a btree operator family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Equality {
    /// The family.
    pub family: &'static str,
    /// The type on its left.
    pub left: &'static str,
    /// The type on its right.
    pub right: &'static str,
    /// When it is there.
    pub versions: Versions,
}

/// The answer to a question about types of which not all may be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is so.
    Yes,
    /// It is not so.
    No,
    /// The facts do not tell.
    Unknown,
}

impl Fact for AccessMethod {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        Self { name: fields.take(), is_for_indexes: fields.take() == "i", versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

impl Fact for OperatorClass {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        Self {
            method: fields.take(),
            name: fields.take(),
            input: fields.take(),
            family: fields.take(),
            is_default: fields.take() == "d",
            versions,
        }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

impl Fact for Equality {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let (family, left, right) = (fields.take(), fields.take(), fields.take());
        Self { family, left, right, versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static METHODS: LazyLock<Vec<AccessMethod>> =
    LazyLock::new(|| read(include_str!("data/access_methods.tsv")));

static CLASSES: LazyLock<Vec<OperatorClass>> =
    LazyLock::new(|| read(include_str!("data/operator_classes.tsv")));

static EQUALITIES: LazyLock<Vec<Equality>> =
    LazyLock::new(|| read(include_str!("data/equalities.tsv")));

/// Returns the access method of every server with a name.
pub fn access_method(name: &str, version: PgVersion) -> Option<&'static AccessMethod> {
    holding(equal(&METHODS, |method| method.name.cmp(name)), version).next()
}

/// Returns all operator classes of `pg_catalog`, by access method and name.
pub fn operator_classes(version: PgVersion) -> impl Iterator<Item = &'static OperatorClass> {
    holding(&CLASSES, version)
}

/// Returns the operator class of `pg_catalog` with a name.
pub fn operator_class(
    name: &str,
    method: &str,
    version: PgVersion,
) -> Option<&'static OperatorClass> {
    holding(classes_of(method), version).find(|class| class.name == name)
}

/// Returns the operator class of `pg_catalog` that an index of a built-in type gets if none is
/// named, as in the server's `GetDefaultOpClass`; `None` if it needs one.
///
/// A domain gets that of its base type. The type may be a pseudo-type instead: `anyenum` for an enum,
/// `anyarray` for the array of a type that is not built in, `anyrange`, `anymultirange`, `record`.
/// Extensions bring classes for built-in types as well (`btree_gin`, `btree_gist`). A GIN index of an
/// array also needs a btree class for the elements: without it the server refuses with 42883.
pub fn default_operator_class(
    spelling: &str,
    method: &str,
    version: PgVersion,
) -> Option<&'static OperatorClass> {
    let found = base_type(spelling, version)?;
    let defaults = || holding(classes_of(method), version).filter(|class| class.is_default);
    if let Some(exact) = defaults().find(|class| class.input == found.spelling) {
        return Some(exact);
    }
    let compatible =
        || defaults().filter(|class| is_binary_coercible(found.spelling, class.input, version));
    let preferred = |class: &&OperatorClass| {
        base_type(class.input, version)
            .is_some_and(|input| input.is_preferred && input.category == found.category)
    };
    only(compatible().filter(preferred)).or_else(|| only(compatible()))
}

/// Returns whether an index of a built-in type needs no operator class to be named; see
/// [`default_operator_class`].
pub fn has_default_operator_class(spelling: &str, method: &str, version: PgVersion) -> bool {
    default_operator_class(spelling, method, version).is_some()
}

/// Returns whether a foreign key from a column of one type to a column of another can be
/// implemented. The server refuses it with 42804 if not.
///
/// As in the server's `ATAddForeignKeyConstraint`: the default btree family of the referenced type
/// compares both types, and the referencing one with itself; or else the referencing type is cast to
/// the referenced one implicitly. From 18 on, both types have a collation or none does, as with
/// `"char"` and `text`; the refusal is XX000 then. Nothing is known about types that are not built in, nor about
/// referenced types without a default operator class.
pub fn foreign_key_equality(referencing: &str, referenced: &str, version: PgVersion) -> Answer {
    let (Some(from), Some(to)) = (base_type(referencing, version), base_type(referenced, version))
    else {
        return Answer::Unknown;
    };
    let Some(class) = default_operator_class(to.spelling, "btree", version) else {
        return Answer::Unknown;
    };
    if version.major >= 18 && from.is_collatable != to.is_collatable {
        return Answer::No;
    }
    let family = equal(&EQUALITIES, |known| known.family.cmp(class.family));
    let compares = |left: &str, right: &str| {
        holding(family, version).any(|known| known.left == left && known.right == right)
    };
    if compares(class.input, from.spelling) && compares(from.spelling, from.spelling) {
        return Answer::Yes;
    }
    let is_polymorphic = class.input.starts_with("any");
    let is_castable = if is_polymorphic {
        // Both have to be the same array, range, ...
        from.spelling == to.spelling
    } else {
        cast(from.spelling, class.input, version)
            .is_some_and(|found| found.context == CastContext::Implicit)
    };
    if is_castable { Answer::Yes } else { Answer::No }
}

fn classes_of(method: &str) -> &'static [OperatorClass] {
    equal(&CLASSES, |class| class.method.cmp(method))
}

/// Returns the only item.
fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn the_files_are_sorted() {
        assert!(METHODS.is_sorted_by_key(|method| method.name));
        assert!(CLASSES.is_sorted_by_key(|class| class.method));
        assert!(EQUALITIES.is_sorted_by_key(|equality| equality.family));
    }

    #[test]
    fn types_get_the_class_of_what_they_are_coercible_to() {
        let class = |of, method| default_operator_class(of, method, pg(15)).map(|class| class.name);
        assert_eq!(class("int4", "btree"), Some("int4_ops"));
        assert_eq!(class("varchar", "btree"), Some("text_ops"));
        assert_eq!(class("_text", "gin"), Some("array_ops"));
        assert_eq!(class("anyenum", "btree"), Some("enum_ops"));
        assert_eq!(class("int4range", "gist"), Some("range_ops"));
        assert_eq!(class("information_schema.sql_identifier", "btree"), Some("name_ops"));
        assert_eq!(class("regclass", "btree"), Some("oid_ops"));
        assert_eq!(class("cidr", "btree"), Some("inet_ops"));
        assert_eq!(class("json", "btree"), None);
        assert_eq!(class("text", "gin"), None);
        assert_eq!(class("int4", "gist"), None);
        assert_eq!(class("point", "btree"), None);
        assert!(operator_class("text_pattern_ops", "btree", pg(15)).is_some());
        assert!(operator_class("jsonb_path_ops", "gin", pg(15)).is_some());
        assert!(operator_class("gin_trgm_ops", "gin", pg(15)).is_none());
        assert!(access_method("brin", pg(15)).is_some_and(|method| method.is_for_indexes));
        assert!(access_method("hnsw", pg(15)).is_none());
    }

    #[test]
    fn foreign_keys_need_a_common_family_or_an_implicit_cast() {
        let can = |referencing, referenced| foreign_key_equality(referencing, referenced, pg(15));
        assert_eq!(can("int4", "int8"), Answer::Yes);
        assert_eq!(can("int8", "int4"), Answer::Yes);
        assert_eq!(can("varchar", "text"), Answer::Yes);
        assert_eq!(can("int4", "numeric"), Answer::Yes);
        assert_eq!(can("numeric", "int4"), Answer::No);
        assert_eq!(can("text", "int4"), Answer::No);
        assert_eq!(can("uuid", "text"), Answer::No);
        assert_eq!(can("_int4", "_int4"), Answer::Yes);
        assert_eq!(can("_int4", "_int8"), Answer::No);
        assert_eq!(can("citext", "text"), Answer::Unknown);
        assert_eq!(can("char", "text"), Answer::Yes);
        assert_eq!(foreign_key_equality("char", "text", pg(18)), Answer::No);
    }
}
