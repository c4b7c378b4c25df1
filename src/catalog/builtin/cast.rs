//! Casts between built-in types.

use std::sync::LazyLock;

use super::table::{Fact, Fields, Versions, equal, holding, read, volatility};
use super::types::{BuiltinType, TypeKind, base_type};
use crate::sql::Volatility;
use crate::version::PgVersion;

/// A row of `pg_cast` that a server or an extension brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinCast {
    /// The type that is cast.
    pub source: &'static str,
    /// The type to which it is cast.
    pub target: &'static str,
    /// Where and how it is done.
    pub cast: Cast,
    /// When it is there.
    pub versions: Versions,
}

/// Where and how a value of a type becomes one of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cast {
    /// Where it is done.
    pub context: CastContext,
    /// How it is done.
    pub method: CastMethod,
}

/// Where a cast is done; each may be done wherever a later one may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CastContext {
    /// Anywhere.
    Implicit,
    /// Where a value is stored in a column, too.
    Assignment,
    /// Only where it is written: `::` or `cast`.
    Explicit,
}

/// How a cast is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CastMethod {
    /// The bytes are the same: nothing is done.
    BinaryCoercible,
    /// A function is called.
    Function(Volatility),
    /// The value is written out as text and read again.
    InputOutput,
    /// Each element of an array is cast, by such a method as this holds for.
    Elements,
}

impl Fact for BuiltinCast {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let (source, target) = (fields.take(), fields.take());
        let context = match fields.take() {
            "i" => CastContext::Implicit,
            "a" => CastContext::Assignment,
            _ => CastContext::Explicit,
        };
        let mut method = fields.take().chars();
        let method = match method.next() {
            Some('b') => CastMethod::BinaryCoercible,
            Some('i') => CastMethod::InputOutput,
            _ => CastMethod::Function(volatility(method.next())),
        };
        Self { source, target, cast: Cast { context, method }, versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static CASTS: LazyLock<Vec<BuiltinCast>> = LazyLock::new(|| read(include_str!("data/casts.tsv")));

/// Returns all rows of `pg_cast`, by source and target.
pub fn casts(version: PgVersion) -> impl Iterator<Item = &'static BuiltinCast> {
    holding(&CASTS, version)
}

/// Returns how a built-in type is cast to another, and from where on; `None` if it is not, or if one
/// of them is not built in.
///
/// Beside `pg_cast` there are, as in the server's `find_coercion_pathway`: a type to itself; an array
/// to another, by its elements; and the casts through text of [`input_output_cast`]. A domain as
/// source is what it is about; a domain as target takes what that takes. Values of the pseudo-type
/// `unknown`, which are literals, become anything anywhere.
pub fn cast(source: &str, target: &str, version: PgVersion) -> Option<Cast> {
    let source = base_type(source, version)?;
    let target = base_type(target, version)?;
    if source.spelling == target.spelling {
        return Some(Cast { context: CastContext::Implicit, method: CastMethod::BinaryCoercible });
    }
    if source.spelling == "unknown" {
        return Some(Cast { context: CastContext::Implicit, method: CastMethod::InputOutput });
    }
    if let Some(found) = holding(between(source.spelling, target.spelling), version).next() {
        return Some(found.cast);
    }
    if source.kind == TypeKind::Pseudo || target.kind == TypeKind::Pseudo {
        return None;
    }
    // A vector can be the source but not the target of a cast by elements.
    if source.kind == TypeKind::Array && target.is_array() {
        let by_elements = cast(source.element?, target.element?, version);
        if let Some(elements) = by_elements {
            return Some(Cast { method: CastMethod::Elements, ..elements });
        }
    }
    input_output_cast(source.category, target.category)
}

/// Returns the cast through text that types of these categories (`pg_type.typcategory`) have if they
/// have no other: anything is assigned to a string, and a string becomes anything where it is written.
///
/// This holds for types that are not built in as well.
pub fn input_output_cast(source: char, target: char) -> Option<Cast> {
    let context = match (source, target) {
        (_, 'S') => CastContext::Assignment,
        ('S', _) => CastContext::Explicit,
        _ => return None,
    };
    Some(Cast { context, method: CastMethod::InputOutput })
}

/// Returns whether the server takes values of a built-in type for those of another as they are,
/// unasked: it decides which operator class a type gets. The target may be a pseudo-type.
pub fn is_binary_coercible(source: &str, target: &str, version: PgVersion) -> bool {
    let Some(found) = base_type(source, version) else { return false };
    if found.spelling == target || found.is_a(target) {
        return true;
    }
    let implicit = Cast { context: CastContext::Implicit, method: CastMethod::BinaryCoercible };
    holding(between(found.spelling, target), version).any(|found| found.cast == implicit)
}

impl BuiltinType {
    /// Returns whether it is an array that is shown with brackets and can be cast to.
    pub(super) fn is_array(&self) -> bool {
        self.kind == TypeKind::Array && !matches!(self.spelling, "int2vector" | "oidvector")
    }

    /// Returns whether a polymorphic type stands for it.
    fn is_a(&self, polymorphic: &str) -> bool {
        match polymorphic {
            "any" | "anyelement" | "anycompatible" => true,
            "anyarray" | "anycompatiblearray" => self.kind == TypeKind::Array,
            "anynonarray" | "anycompatiblenonarray" => self.kind != TypeKind::Array,
            "anyrange" | "anycompatiblerange" => self.kind == TypeKind::Range,
            "anymultirange" | "anycompatiblemultirange" => self.kind == TypeKind::Multirange,
            "record" => self.kind == TypeKind::Composite,
            _ => false,
        }
    }
}

fn between(source: &str, target: &str) -> &'static [BuiltinCast] {
    equal(&CASTS, |cast| cast.source.cmp(source).then_with(|| cast.target.cmp(target)))
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;
    use CastContext::{Assignment, Explicit, Implicit};

    #[test]
    fn casts_are_sorted() {
        assert!(CASTS.is_sorted_by_key(|cast| (cast.source, cast.target)));
    }

    #[test]
    fn casts_have_the_contexts_of_the_server() {
        let context = |source, target| cast(source, target, pg(15)).map(|cast| cast.context);
        assert_eq!(context("int4", "int8"), Some(Implicit));
        assert_eq!(context("int8", "int4"), Some(Assignment));
        assert_eq!(context("int4", "bool"), Some(Explicit));
        assert_eq!(context("int8", "bool"), None);
        assert_eq!(context("jsonb", "text"), Some(Assignment));
        assert_eq!(context("text", "jsonb"), Some(Explicit));
        assert_eq!(context("text", "uuid"), Some(Explicit));
        assert_eq!(context("uuid", "int4"), None);
        assert_eq!(context("_int4", "_text"), Some(Assignment));
        assert_eq!(context("_int4", "_int8"), Some(Implicit));
        assert_eq!(context("_int4", "text"), Some(Assignment));
        assert_eq!(context("information_schema.sql_identifier", "text"), Some(Implicit));
        assert_eq!(context("unknown", "uuid"), Some(Implicit));
        assert_eq!(context("geometry", "text"), None);
    }

    #[test]
    fn casts_say_how_they_are_done() {
        let method = |source, target| cast(source, target, pg(15)).map(|cast| cast.method);
        assert_eq!(method("varchar", "text"), Some(CastMethod::BinaryCoercible));
        assert_eq!(method("timestamptz", "date"), Some(CastMethod::Function(Volatility::Stable)));
        assert_eq!(method("int4", "text"), Some(CastMethod::InputOutput));
        assert_eq!(method("_int4", "_int8"), Some(CastMethod::Elements));
        assert!(is_binary_coercible("varchar", "text", pg(15)));
        assert!(!is_binary_coercible("int4", "int8", pg(15)));
        assert!(is_binary_coercible("int4range", "anyrange", pg(15)));
    }
}
