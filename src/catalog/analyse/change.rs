//! What a change of a column's type does to the values that are stored.
//!
//! Source: `ATColumnChangeRequiresRewrite` of the server's `tablecmds.c`, `coerce_to_target_type` of
//! `parse_coerce.c`, the support functions of length coercions (`varchar_support` and its like), and
//! `CheckIndexCompatible` of `indexcmds.c`.

use std::sync::Arc;

use super::super::object::{Column, TypeKind};
use super::super::{Catalog, Env, Failure, ObjectId, builtin};
use super::Analyser;
use super::types::{Key, Types, Value, typed};
use crate::catalog::Because;
use crate::catalog::builtin::{Cast, CastContext, CastMethod};
use crate::sql::tree::Expr;
use crate::sql::{ObjectKind, TypeName};

/// A type as a column has it: its name, and what it is where something at hand made it.
pub(crate) type ColumnType<'a> = (&'a Arc<TypeName>, Option<ObjectId>);

/// The value of a column, taken for one of another type as it is.
struct Kept {
    key: Key,
    modifiers: Vec<i32>,
}

impl Catalog {
    /// Returns whether the rows of a table are written anew where a column gets another type; nothing
    /// where a type is not known. `zone_is_zero`: the session's time zone is always that of UTC.
    pub(crate) fn rewrites(
        &self,
        table: ObjectId,
        column: &Column,
        to: ColumnType,
        using: Option<&Expr>,
        zone_is_zero: bool,
        env: &Env,
    ) -> Option<bool> {
        let types = Types { catalog: self, env };
        let from = types.key(&typed(&column.type_name, column.type_id));
        let target = types.key(&typed(to.0, to.1));
        let changer = Changer { types, table, column, zone_is_zero };
        let (Some(from), Some(target)) = (from, target) else {
            let is_same = (&column.type_name, column.type_id) == to && using.is_none();
            return is_same.then_some(false);
        };
        let own = Kept { key: from, modifiers: modifiers(&column.type_name) };
        let value = match using {
            Some(using) => changer.kept(own, using),
            None => Some(own),
        };
        let kept = value.and_then(|value| changer.coerce(value, target, &modifiers(to.0)));
        Some(kept.is_none())
    }

    /// Returns whether an index of that access method on a column can stay as it is where the column
    /// gets another type and its values do not change.
    pub(crate) fn keeps_index(
        &self,
        from: ColumnType,
        to: ColumnType,
        method: &str,
        env: &Env,
    ) -> bool {
        let types = Types { catalog: self, env };
        let key = |of: ColumnType| types.key(&typed(of.0, of.1));
        let (Some(from), Some(to)) = (key(from), key(to)) else { return false };
        if from == to || types.base(from) == types.base(to) {
            return true;
        }
        let class = |key| match types.base(key) {
            Key::Builtin(spelling) => {
                builtin::default_operator_class(spelling, method, env.version)
            }
            Key::Own(_) | Key::OwnArray(_) | Key::Literal => None,
        };
        let (Some(from), Some(to)) = (class(from), class(to)) else { return false };
        from.name == to.name && !from.input.starts_with("any")
    }

    /// Returns the built-in type of a column, for a domain the one below it.
    pub(in crate::catalog) fn builtin_base(
        &self,
        of: ColumnType,
        env: &Env,
    ) -> Option<&'static str> {
        let types = Types { catalog: self, env };
        match types.key(&typed(of.0, of.1)).map(|key| types.base(key))? {
            Key::Builtin(spelling) => Some(spelling),
            Key::Own(_) | Key::OwnArray(_) | Key::Literal => None,
        }
    }

    /// Returns whether values of a type have a collation.
    pub(crate) fn is_collatable(&self, of: ColumnType, env: &Env) -> bool {
        let types = Types { catalog: self, env };
        let key = types.key(&typed(of.0, of.1)).map(|key| types.base(key));
        matches!(key, Some(Key::Builtin(spelling))
            if types.fact(spelling).is_some_and(|found| found.is_collatable))
    }

    /// Returns whether a domain has constraints, or one below it.
    pub(crate) fn has_domain_constraints(&self, of: ColumnType, env: &Env) -> bool {
        let types = Types { catalog: self, env };
        types.key(&typed(of.0, of.1)).is_some_and(|key| types.is_constrained(key))
    }

    /// Refuses a type to which the values of a column, or its default, are not cast unasked.
    pub(in crate::catalog) fn refuse_cast(
        &self,
        table: ObjectId,
        column: &Column,
        to: ColumnType,
        using: Option<&Expr>,
        env: &Env,
    ) -> Result<(), Failure> {
        let has_casts = self.others().any(|other| other.kind == ObjectKind::Cast);
        let types = Types { catalog: self, env };
        let Some(target) = types.key(&typed(to.0, to.1)) else { return Ok(()) };
        if has_casts || self.is_uncertain() {
            return Ok(());
        }
        let shown = self.format_type(&super::super::lookup::without_modifiers(to.0), to.1);
        let name = &column.name;
        let made = Because::Made(column.created);
        let is_refused = |value: &Value| match types.key(value) {
            None | Some(Key::Literal) => false,
            Some(from) => {
                types.pathway(from, target).is_none_or(|cast| cast.context == CastContext::Explicit)
            }
        };
        let own = typed(&column.type_name, column.type_id);
        let value = match using {
            Some(using) => self.value_of(Some(table), using, env),
            None => own.clone(),
        };
        if is_refused(&value) {
            let message = match using {
                Some(_) => format!(
                    "result of USING clause for column \"{name}\" cannot be cast automatically to type {shown}"
                ),
                None => format!("column \"{name}\" cannot be cast automatically to type {shown}"),
            };
            return Err(Failure::new("42804", message, made));
        }
        let Some(default) =
            column.default.as_deref().filter(|default| default.tree != Expr::Unknown)
        else {
            return Ok(());
        };
        let default = match self.value_of(Some(table), &default.tree, env) {
            Value::Literal => own,
            value => value,
        };
        if is_refused(&default) {
            let what = match column.generated {
                Some(_) => "generation expression",
                None => "default",
            };
            let message = format!(
                "{what} for column \"{name}\" cannot be cast automatically to type {shown}"
            );
            return Err(Failure::new("42804", message, made));
        }
        Ok(())
    }

    fn value_of(&self, table: Option<ObjectId>, expression: &Expr, env: &Env) -> Value {
        let mut analyser = Analyser::new(self, env);
        let scope = table.map_or_else(super::Scope::default, |table| analyser.scope_of(table, &[]));
        let value = analyser.expr(&scope, expression);
        if analyser.has_lost { Value::Unknown } else { value }
    }
}

struct Changer<'c> {
    types: Types<'c>,
    table: ObjectId,
    column: &'c Column,
    zone_is_zero: bool,
}

impl Changer<'_> {
    /// Returns what an expression makes of the column if it is only taken for another type.
    fn kept(&self, own: Kept, expression: &Expr) -> Option<Kept> {
        match expression {
            Expr::Column(column) => {
                let table = self.types.catalog.name_of(self.table);
                let is_qualifier = |found: &Arc<str>| table.is_some_and(|t| t.name == *found);
                let is_own = column.name == self.column.name
                    && column.qualifier.last().is_none_or(is_qualifier);
                is_own.then_some(own)
            }
            Expr::Cast(cast) => {
                let value = self.kept(own, &cast.value)?;
                let to = self.types.key(&self.types.named(&cast.to.name))?;
                self.coerce(value, to, &modifiers(&cast.to.name))
            }
            Expr::Collate(collate) => self.kept(own, &collate.value),
            _ => None,
        }
    }

    /// Takes a value for one of another type; nothing if something is done with it.
    fn coerce(&self, from: Kept, to: Key, wanted: &[i32]) -> Option<Kept> {
        let types = self.types;
        if from.key == to {
            return shorten(from, types.base(to), wanted);
        }
        let (base, of_domain) = types.below(to);
        if base != to && types.is_constrained(to) {
            return None;
        }
        let wanted = if base == to { wanted } else { &of_domain };
        let cast = types.pathway(from.key, base)?;
        let is_between = |a: &str, b: &str| {
            types.base(from.key)
                == Key::Builtin(match a {
                    "timestamp" => "timestamp",
                    _ => "timestamptz",
                })
                && base
                    == Key::Builtin(match b {
                        "timestamp" => "timestamp",
                        _ => "timestamptz",
                    })
        };
        let is_zone_only =
            is_between("timestamp", "timestamptz") || is_between("timestamptz", "timestamp");
        let value = match cast.method {
            CastMethod::BinaryCoercible if from.key == base => from,
            CastMethod::BinaryCoercible => Kept { key: base, modifiers: Vec::new() },
            CastMethod::Function(_) if is_zone_only && self.zone_is_zero => {
                Kept { key: base, modifiers: Vec::new() }
            }
            CastMethod::Function(_) | CastMethod::InputOutput | CastMethod::Elements => {
                return None;
            }
        };
        let value = shorten(value, base, wanted)?;
        Some(Kept { key: to, ..value })
    }
}

impl Types<'_> {
    /// Returns how a value of one type becomes one of another, and where.
    fn pathway(self, from: Key, to: Key) -> Option<Cast> {
        let (from, to) = (self.base(from), self.base(to));
        if from == to {
            let (context, method) = (CastContext::Implicit, CastMethod::BinaryCoercible);
            return Some(Cast { context, method });
        }
        if let (Key::Builtin(from), Key::Builtin(to)) = (from, to) {
            return builtin::cast(from, to, self.env.version);
        }
        if let Some(cast) = self.extension_cast(from, to) {
            return Some(cast);
        }
        if let (Some(from), Some(to)) = (self.element(from), self.element(to))
            && let Some(elements) = self.pathway(from, to)
        {
            return Some(Cast { method: CastMethod::Elements, ..elements });
        }
        builtin::input_output_cast(self.category(from).0, self.category(to).0)
    }

    /// Returns whether values are checked against constraints of a domain.
    fn is_constrained(self, key: Key) -> bool {
        match key {
            Key::Builtin(spelling) => matches!(
                spelling,
                "information_schema.cardinal_number" | "information_schema.yes_or_no"
            ),
            Key::Own(id) => match self.catalog.type_by_id(id).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => {
                    domain.not_null
                        || !domain.checks.is_empty()
                        || self
                            .key(&typed(&domain.base, domain.base_id))
                            .is_some_and(|below| self.is_constrained(below))
                }
                _ => false,
            },
            Key::Literal | Key::OwnArray(_) => false,
        }
    }

    /// Returns what a domain is about, with its modifiers; other types are about themselves.
    fn below(self, key: Key) -> (Key, Vec<i32>) {
        if let Key::Own(id) = key
            && let Some(TypeKind::Domain(domain)) =
                self.catalog.type_by_id(id).map(|found| &found.kind)
            && let Some(base) = self.key(&typed(&domain.base, domain.base_id))
        {
            let (lowest, found) = self.below(base);
            let own = modifiers(&domain.base);
            return (lowest, if found.is_empty() { own } else { found });
        }
        (self.base(key), Vec::new())
    }
}

/// Returns the modifiers of a type in the form that the server stores.
fn modifiers(name: &TypeName) -> Vec<i32> {
    match (&*name.name, &name.modifiers[..]) {
        ("numeric", [precision]) => vec![*precision, 0],
        ("time" | "timetz" | "timestamp" | "timestamptz", [digits]) => vec![*digits.min(&6)],
        ("interval", [mask]) => vec![*mask, builtin::INTERVAL_FULL_PRECISION],
        (_, found) => found.to_vec(),
    }
}

/// Brings a value to the length that is wanted; nothing if that may change it.
fn shorten(value: Kept, base: Key, wanted: &[i32]) -> Option<Kept> {
    let is_free = wanted.is_empty() || value.modifiers == wanted || {
        matches!(base, Key::Builtin(spelling) if fits(spelling, &value.modifiers, wanted))
    };
    is_free.then(|| Kept { key: value.key, modifiers: wanted.to_vec() })
}

/// Returns whether every value with some modifiers fits others, as the support functions of the
/// server's length coercions tell. `bpchar` and `bit` have none.
fn fits(spelling: &str, old: &[i32], new: &[i32]) -> bool {
    match (spelling, old, new) {
        ("varchar" | "varbit", [old], [new]) => old <= new,
        ("numeric", [old, scale], [new, wanted]) => scale == wanted && old <= new,
        ("time" | "timetz" | "timestamp" | "timestamptz", _, [6]) => true,
        ("time" | "timetz" | "timestamp" | "timestamptz", [old], [new]) => old <= new,
        ("interval", old, [mask, digits]) => {
            let (old_field, old_digits) = match old {
                [mask, digits] => (least_field(*mask), *digits),
                _ => (0, builtin::INTERVAL_FULL_PRECISION),
            };
            least_field(*mask) <= old_field
                && (old_field > 0 || *digits >= 6 || *digits >= old_digits)
        }
        _ => false,
    }
}

/// Returns the least field of an interval, from 0 for seconds to 5 for years.
fn least_field(mask: i32) -> u8 {
    // The bits of `INTERVAL_MASK`: SECOND, MINUTE, HOUR, DAY, MONTH, YEAR.
    let bits = [(12, 0), (11, 1), (10, 2), (3, 3), (1, 4), (2, 5)];
    if mask == builtin::INTERVAL_FULL_RANGE {
        return 0;
    }
    bits.iter().find(|(bit, _)| mask & (1 << bit) != 0).map_or(0, |(_, field)| *field)
}
