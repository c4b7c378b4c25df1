//! Finds what the names in a statement stand for, and says what the server would answer if nothing is
//! there.

use std::sync::Arc;

use super::apply;
use super::object::{Class, ObjectId, Relation, RelationKind, Type, TypeKind};
use super::{Because, Catalog, Env, Failure, Lookup, QualifiedName, Space, builtin, created_name};
use crate::sql::tree::quote_identifier;
use crate::sql::{ObjectKind, RelationName, TypeName};
use crate::version::PgVersion;

impl Catalog {
    /// Returns the relation that a statement names and that must be there. What nothing at hand made
    /// is taken to be older than the files; nothing is returned for what nobody can look up.
    ///
    /// # Errors
    ///
    /// 42P01 if it was dropped or renamed.
    pub(super) fn find(
        &mut self,
        name: &RelationName,
        env: &Env,
    ) -> Result<Option<ObjectId>, Failure> {
        if name.is_dynamic() || is_system(name) {
            return Ok(None);
        }
        for full in self.candidates(name, &env.path) {
            if let Some(id) = self.relation_names.get(&full).copied() {
                // A name that was missing is missing in every statement.
                if self.by_id(id).is_some_and(|relation| relation.external) {
                    self.miss(&full, name);
                }
                return Ok(Some(id));
            }
        }
        if let Lookup::Dropped(origin) = self.relation(name, &env.path) {
            return Err(Failure::no_relation(&spelled(name), Because::Dropped(origin)));
        }
        let full = created_name(name, &env.path);
        self.miss(&full, name);
        if !self.external.contains_key(&full) {
            self.external.insert(full.clone(), env.origin);
        }
        let id = self.next_id(Class::Relation);
        let mut relation = Relation::new(id, full, RelationKind::Table, env.origin);
        relation.external = true;
        relation.columns_unknown = true;
        self.insert(relation);
        Ok(Some(id))
    }

    pub(super) fn miss(&mut self, full: &QualifiedName, name: &RelationName) {
        if !self.is_schema_unknown(&full.schema) {
            self.note(Failure::no_relation(&spelled(name), Because::NeverMade));
        }
    }

    /// Returns whether objects of a schema may be there although nothing at hand made them: the schema
    /// itself came from elsewhere.
    pub(super) fn is_schema_unknown(&self, schema: &str) -> bool {
        schema != "public" && self.other(ObjectKind::Schema, "", schema).is_none()
    }

    /// Notes a refusal that is certain only if the history is complete.
    pub(super) fn note(&mut self, failure: Failure) {
        if !self.is_uncertain() {
            self.noted.push(failure);
        }
    }

    /// Returns the relation if it is there, without an answer of the server.
    pub(super) fn find_if_exists(&self, name: &RelationName, env: &Env) -> Option<ObjectId> {
        if name.is_dynamic() {
            return None;
        }
        self.candidates(name, &env.path).find_map(|full| self.relation_names.get(&full)).copied()
    }

    pub(super) fn insert(&mut self, relation: Relation) {
        if !self.dropped.is_empty() {
            self.dropped.remove(&(Space::Relation, relation.name.clone()));
        }
        self.has_temporary |= relation.temporary;
        for parent in &relation.parents {
            self.children.insert((*parent, relation.id));
        }
        self.relation_names.insert(&relation.name, relation.id);
        let (id, origin) = (relation.id, relation.created);
        let objects = match relation.kind {
            _ if relation.external || relation.is_index() => None,
            RelationKind::CompositeType => None,
            RelationKind::Sequence => Some("sequences"),
            _ => Some("tables"),
        };
        let schema = relation.name.schema.clone();
        self.relations.insert(id, Arc::new(relation));
        if let Some(objects) = objects {
            self.grant_defaults(id, &schema, objects, origin);
        }
    }

    pub(super) fn change(&mut self, id: ObjectId, change: impl FnOnce(&mut Relation)) {
        if let Some(relation) = self.relations.get_mut(&id) {
            change(Arc::make_mut(relation));
        }
    }

    pub(super) fn change_type(&mut self, id: ObjectId, change: impl FnOnce(&mut Type)) {
        if let Some(found) = self.types.get_mut(&id) {
            change(Arc::make_mut(found));
        }
    }

    /// Makes a type.
    pub(super) fn insert_type(
        &mut self,
        name: QualifiedName,
        kind: TypeKind,
        env: &Env,
        extension: Option<ObjectId>,
    ) -> ObjectId {
        let id = self.next_id(Class::Type);
        if !self.dropped.is_empty() {
            self.dropped.remove(&(Space::Type, name.clone()));
        }
        self.type_names.insert(&name, id);
        let origin = env.origin;
        let is_external = matches!(kind, TypeKind::External);
        let schema = name.schema.clone();
        let made = Type { id, name, kind, created: origin, changed: origin, extension };
        self.types.insert(id, Arc::new(made));
        if extension.is_none() && !is_external {
            self.grant_defaults(id, &schema, "types", origin);
        }
        id
    }

    /// Returns the type that something at hand made; nothing for PostgreSQL's own.
    ///
    /// # Errors
    ///
    /// 42704 if it was dropped.
    pub(super) fn find_type(
        &mut self,
        name: &TypeName,
        env: &Env,
    ) -> Result<Option<ObjectId>, Failure> {
        let relation = RelationName { schema: name.schema.clone(), name: name.name.clone() };
        if name.of_column || relation.is_dynamic() || name.name.is_empty() {
            return Ok(None);
        }
        if is_builtin(name, env) {
            return Ok(None);
        }
        if let Some(id) = self.type_if_exists(&relation, env) {
            if self.type_by_id(id).is_some_and(|found| matches!(found.kind, TypeKind::External)) {
                self.miss_type(&relation, env);
            }
            return Ok(Some(id));
        }
        for full in self.candidates(&relation, &env.path) {
            let dropped = self.dropped_at(Space::Type, &full);
            if let Some(origin) = dropped.or_else(|| self.dropped_at(Space::Relation, &full)) {
                let because = Because::Dropped(origin);
                return Err(Failure::missing(ObjectKind::Type, &spelled(&relation), because));
            }
        }
        self.miss_type(&relation, env);
        let full = created_name(&relation, &env.path);
        Ok(Some(self.insert_type(full, TypeKind::External, env, None)))
    }

    fn miss_type(&mut self, name: &RelationName, env: &Env) {
        let schema = created_name(name, &env.path).schema;
        let opaque = self.others.values().any(|other| other.is_opaque);
        if !opaque && !self.is_schema_unknown(&schema) {
            let missing = Failure::missing(ObjectKind::Type, &spelled(name), Because::NeverMade);
            self.note(missing);
        }
    }

    /// Returns the type, or the relation whose rows are of that type.
    pub(super) fn type_if_exists(&self, name: &RelationName, env: &Env) -> Option<ObjectId> {
        // `text[]` is spelled `_text` too, and an array of a type of its own likewise.
        let found = self.candidates(name, &env.path).find_map(|full| {
            self.type_names.get(&full).or_else(|| self.relation_names.get(&full)).copied()
        });
        found.or_else(|| {
            let element = name.name.strip_prefix('_')?;
            let element = name.sibling(element);
            self.candidates(&element, &env.path).find_map(|f| self.type_names.get(&f).copied())
        })
    }

    /// Looks an object of the rarer kinds up.
    pub(super) fn other(&self, kind: ObjectKind, schema: &str, name: &str) -> Option<ObjectId> {
        self.other_names.get(&(kind, QualifiedName::new(schema, name))).copied()
    }

    /// Returns the functions of that name, or of exactly that signature, the best match first.
    pub(super) fn functions_of(
        &self,
        name: &RelationName,
        arguments: Option<&[Arc<TypeName>]>,
        env: &Env,
    ) -> Vec<ObjectId> {
        let found = self.candidates(name, &env.path);
        let all: Vec<ObjectId> = found
            .filter_map(|full| self.function_names.get(&full))
            .flat_map(|ids| ids.iter().copied())
            .collect();
        let Some(arguments) = arguments else { return all };
        let wanted: Vec<String> =
            arguments.iter().map(|argument| self.type_key(argument, env)).collect();
        let matches = |id: &ObjectId| {
            let Some(function) = self.functions.get(id) else { return false };
            let own: Vec<String> = function
                .inputs()
                .map(|(argument, id)| self.format_type(&argument.type_name, *id))
                .collect();
            own == wanted
        };
        all.into_iter().filter(matches).collect()
    }

    /// Returns a type as [`Self::format_type`] prints it without modifiers.
    pub(super) fn type_key(&self, name: &TypeName, env: &Env) -> String {
        let plain = RelationName { schema: name.schema.clone(), name: name.name.clone() };
        let id = if is_builtin(name, env) { None } else { self.type_if_exists(&plain, env) };
        self.format_type(&without_modifiers(name), id)
    }

    /// Returns a type as the server's `format_type` prints it where nothing is on the search path.
    pub fn format_type(&self, name: &TypeName, id: Option<ObjectId>) -> String {
        if let Some(found) = id.and_then(|id| self.name_of(id)) {
            let suffix = if name.dimensions > 0 || is_array_of(name, found) { "[]" } else { "" };
            let modifiers = match name.modifiers.is_empty() {
                true => String::new(),
                false => {
                    let all: Vec<String> = name.modifiers.iter().map(i32::to_string).collect();
                    format!("({})", all.join(","))
                }
            };
            return format!(
                "{}.{}{modifiers}{suffix}",
                quote_identifier(&found.schema),
                quote_identifier(&found.name)
            );
        }
        let plain = apply::serial_type(&name.name).unwrap_or(&name.name);
        let spelling = match name.schema.as_deref() {
            Some("information_schema") => format!("information_schema.{plain}"),
            _ => plain.to_owned(),
        };
        let newest = PgVersion::NEWEST;
        builtin::format_type(&spelling, &name.modifiers, name.dimensions, newest)
            .unwrap_or(spelling)
    }
}

fn is_array_of(name: &TypeName, found: &QualifiedName) -> bool {
    name.name.strip_prefix('_') == Some(&*found.name)
}

/// Returns a type without its modifiers, as in the signature of a function.
pub(super) fn without_modifiers(name: &TypeName) -> TypeName {
    TypeName { modifiers: Vec::new(), set_of: false, ..name.clone() }
}

pub(super) fn is_builtin(name: &TypeName, env: &Env) -> bool {
    let is_schema = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
    name.schema.as_deref() == Some("pg_catalog")
        || name.schema.as_deref() == Some("information_schema")
        || is_schema
            && (builtin::type_named(&name.name, env.version).is_some()
                || apply::serial_type(&name.name).is_some())
}

/// Returns whether a name is one of the server's own relations.
pub(super) fn is_system(name: &RelationName) -> bool {
    matches!(name.schema.as_deref(), Some("pg_catalog" | "information_schema" | "pg_temp"))
        || name.schema.is_none() && name.name.starts_with("pg_")
}

/// Returns a name as the server's messages spell it.
pub(super) fn spelled(name: &RelationName) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.to_string(),
    }
}
