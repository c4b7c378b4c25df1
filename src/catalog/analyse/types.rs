//! The types of values, and which of them the server takes for which without being asked.
//!
//! Source: `find_coercion_pathway` and `select_common_type` of the server's `parse_coerce.c`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::super::lookup::{is_builtin, without_modifiers};
use super::super::object::{Class, TypeKind};
use super::super::{Catalog, Env, ObjectId, builtin};
use crate::catalog::builtin::{BuiltinType, CastContext};
use crate::sql::{RelationName, TypeName};

/// A type with its modifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) name: Arc<TypeName>,
    /// The type, where something at hand made it; for the row of a relation, that relation.
    pub(super) id: Option<ObjectId>,
}

/// What is known of the type of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nothing.
    Unknown,
    /// It is a string or `NULL`, which takes whatever type is wanted.
    Literal,
    /// This is it.
    Of(Known),
}

/// A type without modifiers, as overloads are chosen by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// A string or `NULL`.
    Literal,
    /// PostgreSQL's own, as the facts spell it.
    Builtin(&'static str),
    /// What something at hand made.
    Own(ObjectId),
    /// An array of that.
    OwnArray(ObjectId),
}

/// What a catalog and a server version know about types.
#[derive(Clone, Copy)]
pub(super) struct Types<'c> {
    pub(super) catalog: &'c Catalog,
    pub(super) env: &'c Env,
}

impl Known {
    /// Returns the type without modifiers: what functions return.
    pub(super) fn plain(&self) -> Self {
        if self.name.modifiers.is_empty() && !self.name.set_of {
            return self.clone();
        }
        Self { name: Arc::new(without_modifiers(&self.name)), id: self.id }
    }
}

impl Value {
    /// Returns the type that a literal gets where nothing else is wanted.
    pub(super) fn settled(self) -> Self {
        match self {
            Self::Literal => builtin_type("text"),
            known => known,
        }
    }

    pub(super) fn known(&self) -> Option<&Known> {
        match self {
            Self::Of(known) => Some(known),
            Self::Unknown | Self::Literal => None,
        }
    }

    pub(super) fn plain(self) -> Self {
        match self {
            Self::Of(known) => Self::Of(known.plain()),
            other => other,
        }
    }
}

thread_local! {
    /// The types of PostgreSQL's own by how the facts spell them: an operator has dozens of candidates.
    static BUILTIN: RefCell<HashMap<Box<str>, Arc<TypeName>>> = RefCell::default();
}

/// Returns a type of PostgreSQL's own as the facts spell it.
pub(super) fn builtin_type(spelling: &str) -> Value {
    let name = BUILTIN.with_borrow_mut(|known| {
        if let Some(name) = known.get(spelling) {
            return name.clone();
        }
        let name = Arc::new(type_of_spelling(spelling));
        known.insert(spelling.into(), name.clone());
        name
    });
    Value::Of(Known { name, id: None })
}

fn type_of_spelling(spelling: &str) -> TypeName {
    let (spelling, dimensions) = match spelling.strip_prefix('_') {
        Some(element) => (element, 1),
        None => (spelling, 0),
    };
    let (schema, name) = spelling.split_once('.').unwrap_or(("pg_catalog", spelling));
    TypeName { schema: Some(schema.into()), name: name.into(), dimensions, ..TypeName::default() }
}

/// Returns the type of a column or argument.
pub(super) fn typed(name: &Arc<TypeName>, id: Option<ObjectId>) -> Value {
    if id.is_none() && (name.name.is_empty() || name.of_column) {
        return Value::Unknown;
    }
    Value::Of(Known { name: name.clone(), id })
}

impl Types<'_> {
    /// Returns the type that a query names; nothing for one that nobody knows.
    pub(super) fn named(self, name: &Arc<TypeName>) -> Value {
        if name.of_column || name.name.is_empty() {
            return Value::Unknown;
        }
        if is_builtin(name, self.env) {
            return Value::Of(Known { name: name.clone(), id: None });
        }
        let plain = RelationName { schema: name.schema.clone(), name: name.name.clone() };
        match self.catalog.type_if_exists(&plain, self.env) {
            Some(id) => Value::Of(Known { name: name.clone(), id: Some(id) }),
            None => Value::Unknown,
        }
    }

    /// Returns a type as the facts spell it; `@` stands before those of extensions.
    pub(super) fn spelled(self, spelling: &'static str) -> Value {
        match self.key_of(spelling) {
            Some(key) => self.value(key),
            None => Value::Unknown,
        }
    }

    /// Returns the key of a type as the facts spell it.
    pub(super) fn key_of(self, spelling: &'static str) -> Option<Key> {
        let Some(name) = spelling.strip_prefix('@') else {
            return Some(Key::Builtin(spelling));
        };
        let (name, is_array) = match name.strip_prefix('_') {
            Some(element) => (element, true),
            None => (name, false),
        };
        let mut types = self.catalog.types();
        let found = types.find(|t| t.extension.is_some() && *t.name.name == *name)?;
        Some(if is_array { Key::OwnArray(found.id) } else { Key::Own(found.id) })
    }

    pub(super) fn value(self, key: Key) -> Value {
        let own = |id: ObjectId, dimensions| {
            let Some(found) = self.catalog.name_of(id) else { return Value::Unknown };
            let (schema, name) = (Some(found.schema.clone()), found.name.clone());
            let name = TypeName { schema, name, dimensions, ..TypeName::default() };
            Value::Of(Known { name: Arc::new(name), id: Some(id) })
        };
        match key {
            Key::Literal => Value::Literal,
            Key::Builtin(spelling) => builtin_type(spelling),
            Key::Own(id) => own(id, 0),
            Key::OwnArray(id) => own(id, 1),
        }
    }

    pub(super) fn key(self, value: &Value) -> Option<Key> {
        match value {
            Value::Unknown => None,
            Value::Literal => Some(Key::Literal),
            Value::Of(known) => self.known_key(known),
        }
    }

    fn known_key(self, known: &Known) -> Option<Key> {
        let name = &known.name;
        if let Some(id) = known.id {
            let found = self.catalog.name_of(id)?;
            let is_external = |found: &super::super::Type| found.kind == TypeKind::External;
            if self.catalog.type_by_id(id).is_some_and(is_external) {
                return None;
            }
            let is_array = name.dimensions > 0 || name.name.strip_prefix('_') == Some(&*found.name);
            return Some(if is_array { Key::OwnArray(id) } else { Key::Own(id) });
        }
        let plain = match name.schema.as_deref() {
            Some("information_schema") => format!("information_schema.{}", name.name),
            _ => super::super::apply::serial_type(&name.name).unwrap_or(&name.name).to_owned(),
        };
        let found = self.fact(&plain)?;
        let is_array = name.dimensions > 0 && found.kind != builtin::TypeKind::Array;
        if is_array {
            return self.array(Key::Builtin(found.spelling));
        }
        Some(Key::Builtin(found.spelling))
    }

    pub(super) fn fact(self, spelling: &str) -> Option<&'static BuiltinType> {
        builtin::type_named(spelling, self.env.version)
    }

    /// Returns the array of a type.
    pub(super) fn array(self, key: Key) -> Option<Key> {
        match key {
            Key::Builtin(spelling) => {
                let name = match spelling.split_once('.') {
                    Some((schema, name)) => format!("{schema}._{name}"),
                    None => format!("_{spelling}"),
                };
                self.fact(&name).map(|found| Key::Builtin(found.spelling))
            }
            Key::Own(id) => Some(Key::OwnArray(id)),
            Key::Literal | Key::OwnArray(_) => None,
        }
    }

    /// Returns the type of the elements of an array.
    pub(super) fn element(self, key: Key) -> Option<Key> {
        match key {
            Key::Builtin(spelling) => {
                let found = self.fact(spelling)?;
                let element = found.element.filter(|_| found.kind == builtin::TypeKind::Array)?;
                Some(Key::Builtin(element))
            }
            Key::OwnArray(id) => Some(Key::Own(id)),
            Key::Literal | Key::Own(_) => None,
        }
    }

    /// Returns the type of the bounds of a range.
    pub(super) fn bound(self, key: Key) -> Option<Key> {
        match key {
            Key::Builtin(spelling) => {
                let found = self.fact(spelling)?;
                let bound = found.element.filter(|_| found.kind == builtin::TypeKind::Range)?;
                Some(Key::Builtin(bound))
            }
            Key::Own(id) => match &self.catalog.type_by_id(id)?.kind {
                TypeKind::Range(of) => self.key(&self.named(of)),
                _ => None,
            },
            Key::Literal | Key::OwnArray(_) => None,
        }
    }

    /// Follows domains down to what they are about.
    pub(super) fn base(self, key: Key) -> Key {
        let below = match key {
            Key::Builtin(spelling) => {
                let found = self.fact(spelling);
                let domain = found.filter(|found| found.kind == builtin::TypeKind::Domain);
                domain.and_then(|found| found.element).map(Key::Builtin)
            }
            Key::Own(id) => match self.catalog.type_by_id(id).map(|found| &found.kind) {
                Some(TypeKind::Domain(domain)) => self.key(&typed(&domain.base, domain.base_id)),
                _ => None,
            },
            Key::Literal | Key::OwnArray(_) => None,
        };
        below.map_or(key, |below| self.base(below))
    }

    /// Returns the category of a type, and whether it is preferred.
    pub(super) fn category(self, key: Key) -> (char, bool) {
        match self.base(key) {
            Key::Literal => ('X', false),
            Key::OwnArray(_) => ('A', false),
            Key::Builtin(spelling) => self
                .fact(spelling)
                .map_or(('U', false), |found| (found.category, found.is_preferred)),
            Key::Own(id) if id.class == Class::Relation => ('C', false),
            Key::Own(id) => {
                let Some(found) = self.catalog.type_by_id(id) else { return ('U', false) };
                match &found.kind {
                    TypeKind::Enum(_) => ('E', false),
                    TypeKind::Composite(_) => ('C', false),
                    TypeKind::Range(_) | TypeKind::Multirange => ('R', false),
                    TypeKind::Domain(_) | TypeKind::External => ('U', false),
                    TypeKind::Base => match self.extension_type(id) {
                        Some(fact) => (fact.category, fact.is_preferred),
                        None => ('U', false),
                    },
                }
            }
        }
    }

    fn extension_type(self, id: ObjectId) -> Option<&'static BuiltinType> {
        let found = self.catalog.type_by_id(id)?;
        let extension = self.catalog.name_of(found.extension?)?;
        builtin::extension(&extension.name)?.type_named(&found.name.name, self.env.version)
    }

    /// Returns how the facts spell a type.
    fn spelling(self, key: Key) -> Option<String> {
        match key {
            Key::Builtin(spelling) => Some(spelling.to_owned()),
            Key::Own(id) => self.extension_type(id).map(|fact| format!("@{}", fact.spelling)),
            Key::Literal | Key::OwnArray(_) => None,
        }
    }

    /// Returns whether the server takes a value of one type for one of another, unasked.
    pub(super) fn coerces(self, from: Key, to: Key) -> bool {
        if from == to || from == Key::Literal {
            return true;
        }
        if let Key::Builtin(target) = to
            && let Some(fits) = self.is_polymorphic(from, target)
        {
            return fits;
        }
        let (from, to) = (self.base(from), self.base(to));
        if from == to {
            return true;
        }
        if let (Some(from), Some(to)) = (self.element(from), self.element(to)) {
            return self.coerces(from, to);
        }
        if let (Key::Builtin(source), Key::Builtin(target)) = (from, to) {
            return builtin::cast(source, target, self.env.version)
                .is_some_and(|cast| cast.context == CastContext::Implicit);
        }
        self.extension_cast(from, to).is_some_and(|cast| cast.context == CastContext::Implicit)
    }

    /// Returns the cast between two types that an extension brings.
    pub(super) fn extension_cast(self, from: Key, to: Key) -> Option<builtin::Cast> {
        let (source, target) = (self.spelling(from)?, self.spelling(to)?);
        let extensions = [from, to].into_iter().filter_map(|key| match key {
            Key::Own(id) => self.catalog.type_by_id(id)?.extension,
            _ => None,
        });
        let mut known =
            extensions.filter_map(|id| builtin::extension(&self.catalog.name_of(id)?.name));
        known.find_map(|extension| {
            let mut casts = extension.casts(self.env.version);
            casts.find(|cast| cast.source == source && cast.target == target).map(|cast| cast.cast)
        })
    }

    /// Returns whether a type fits a polymorphic one; nothing if that is not polymorphic.
    fn is_polymorphic(self, from: Key, target: &str) -> Option<bool> {
        let base = self.base(from);
        let is_array = || self.element(base).is_some();
        let is_range = || self.bound(base).is_some();
        Some(match target {
            "any" | "anyelement" | "anycompatible" => true,
            "anyarray" | "anycompatiblearray" => is_array(),
            "anynonarray" | "anycompatiblenonarray" => !is_array(),
            "anyenum" => self.category(base).0 == 'E',
            "anyrange" | "anycompatiblerange" => is_range(),
            "anymultirange" | "anycompatiblemultirange" => {
                matches!(base, Key::Builtin(s) if s.ends_with("multirange"))
            }
            "record" => from == Key::Builtin("record") || self.category(base).0 == 'C',
            _ => return None,
        })
    }

    /// Returns the type to which values of several types are brought together.
    pub(super) fn common(self, values: &[Value]) -> Value {
        let same = values.windows(2).all(|pair| pair[0] == pair[1]);
        match values.first() {
            Some(Value::Of(first)) if same => return Value::Of(first.clone()),
            _ => {}
        }
        let keys: Option<Vec<Key>> = values.iter().map(|value| self.key(value)).collect();
        keys.and_then(|keys| self.common_key(&keys)).map_or(Value::Unknown, |key| match key {
            Key::Literal => Value::Literal,
            key => self.value(key),
        })
    }

    /// Returns the type to which several types are brought together; a literal if all are.
    pub(super) fn common_key(self, keys: &[Key]) -> Option<Key> {
        let mut known = keys.iter().copied().filter(|key| *key != Key::Literal);
        let Some(first) = known.next() else { return Some(Key::Literal) };
        if keys.iter().all(|key| *key == first) {
            return Some(first);
        }
        let mut chosen = self.base(first);
        for next in known {
            let next = self.base(next);
            let ((category, is_preferred), (other, _)) =
                (self.category(chosen), self.category(next));
            if next == chosen {
                continue;
            }
            if category != other {
                return None;
            }
            if !is_preferred && self.coerces(chosen, next) && !self.coerces(next, chosen) {
                chosen = next;
            }
        }
        Some(chosen)
    }
}
