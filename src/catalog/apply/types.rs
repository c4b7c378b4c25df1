//! Types: enums, composites, domains and ranges.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Column, Domain, EnumLabel, ObjectId, TypeKind};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, created_name};
use crate::sql::{Alter, ColumnDefinition, Detail, DomainDefinition, ObjectChange, RelationName};

impl Catalog {
    fn refuse_type_taken(&self, full: &QualifiedName) -> Result<(), Failure> {
        self.refuse_taken_type(full)?;
        let there = self
            .get(full)
            .filter(|relation| !relation.external && (relation.is_table() || relation.is_view()));
        match there {
            Some(relation) => {
                let message = format!("type \"{}\" already exists", full.name);
                Err(Failure::new("42710", message, Because::Made(relation.created)))
            }
            None => Ok(()),
        }
    }

    /// Makes a type, in the place of one that others used before it was made.
    fn make_type(&mut self, full: QualifiedName, kind: TypeKind, env: &Env) -> ObjectId {
        let external = self.type_names.get(&full).copied();
        match external {
            Some(id) => {
                self.change_type(id, |found| {
                    found.kind = kind;
                    (found.created, found.changed) = (env.origin, env.origin);
                });
                id
            }
            None => self.insert_type(full, kind, env, None),
        }
    }

    pub(super) fn create_enum(
        &mut self,
        name: &RelationName,
        labels: &[String],
        env: &Env,
    ) -> Result<(), Failure> {
        if name.is_dynamic() {
            return Ok(());
        }
        let full = created_name(name, &env.path);
        self.refuse_type_taken(&full)?;
        let label = |label: &String| EnumLabel { label: label.as_str().into(), added: env.origin };
        self.make_type(full, TypeKind::Enum(labels.iter().map(label).collect()), env);
        Ok(())
    }

    /// Returns the enum type of that name. One that nothing at hand made has labels nobody knows.
    fn find_enum(&mut self, name: &RelationName, env: &Env) -> Result<Option<ObjectId>, Failure> {
        let Some(id) = self.find_type(&name.into(), env)? else { return Ok(None) };
        let Some(found) = self.type_by_id(id) else { return Ok(None) };
        match &found.kind {
            TypeKind::Enum(_) => Ok(Some(id)),
            TypeKind::External => {
                // It is older than the files: it has labels nobody knows.
                let older = crate::catalog::Origin {
                    migration: u32::MAX,
                    transaction: u32::MAX,
                    ..env.origin
                };
                self.change_type(id, |found| {
                    found.kind = TypeKind::Enum(Vec::new());
                    found.created = older;
                });
                Ok(Some(id))
            }
            _ => {
                let message = format!("{} is not an enum", found.name.name);
                Err(Failure::new("42809", message, Because::Made(found.created)))
            }
        }
    }

    pub(super) fn add_enum_value(
        &mut self,
        name: &RelationName,
        label: &str,
        if_not_exists: bool,
        neighbor: Option<&(bool, String)>,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find_enum(name, env)? else { return Ok(()) };
        let Some(TypeKind::Enum(labels)) = self.type_by_id(id).map(|found| &found.kind) else {
            return Ok(());
        };
        if let Some(there) = labels.iter().find(|there| *there.label == *label) {
            if if_not_exists {
                return Ok(());
            }
            let message = format!("enum label \"{label}\" already exists");
            return Err(Failure::new("42710", message, Because::Made(there.added)));
        }
        let at = neighbor.map(|(before, neighbor)| {
            let at = labels.iter().position(|there| *there.label == **neighbor);
            at.map(|at| if *before { at } else { at + 1 })
        });
        let is_known = self.type_by_id(id).is_some_and(|found| found.created.migration != u32::MAX);
        if at == Some(None) && is_known {
            let neighbor = neighbor.map(|(_, name)| name.as_str()).unwrap_or_default();
            let made = self.type_by_id(id).map_or(Because::Always, |f| Because::Made(f.created));
            let message = format!("\"{neighbor}\" is not an existing enum label");
            return Err(Failure::new("22023", message, made));
        }
        self.change_type(id, |found| {
            found.changed = env.origin;
            if let TypeKind::Enum(labels) = &mut found.kind {
                let added = EnumLabel { label: label.into(), added: env.origin };
                labels.insert(at.flatten().unwrap_or(labels.len()), added);
            }
        });
        Ok(())
    }

    pub(super) fn rename_enum_value(
        &mut self,
        name: &RelationName,
        from: &str,
        to: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find_enum(name, env)? else { return Ok(()) };
        let Some(found) = self.type_by_id(id) else { return Ok(()) };
        let TypeKind::Enum(labels) = &found.kind else { return Ok(()) };
        let is_known = found.created.migration != u32::MAX;
        let made = Because::Made(found.created);
        if is_known && labels.iter().all(|label| *label.label != *from) {
            let message = format!("\"{from}\" is not an existing enum label");
            return Err(Failure::new("22023", message, made));
        }
        if let Some(there) = labels.iter().find(|label| *label.label == *to) {
            let message = format!("enum label \"{to}\" already exists");
            return Err(Failure::new("42710", message, Because::Made(there.added)));
        }
        self.change_type(id, |found| {
            found.changed = env.origin;
            if let TypeKind::Enum(labels) = &mut found.kind {
                for label in labels.iter_mut().filter(|label| *label.label == *from) {
                    label.label = to.into();
                }
            }
        });
        Ok(())
    }

    /// `CREATE TYPE` other than an enum, and `CREATE DOMAIN`.
    pub(super) fn create_type(
        &mut self,
        name: &RelationName,
        detail: &Detail,
        env: &Env,
    ) -> Result<(), Failure> {
        let full = created_name(name, &env.path);
        if let Detail::Base = detail
            && self.type_names.contains_key(&full)
        {
            // A shell type is filled in.
            return Ok(());
        }
        self.refuse_type_taken(&full)?;
        match detail {
            Detail::Composite(attributes) => {
                let attributes = self.attributes(attributes, env)?;
                let needs: Vec<ObjectId> = attributes.iter().filter_map(|a| a.type_id).collect();
                let id = self.make_type(full, TypeKind::Composite(attributes), env);
                for needed in needs {
                    self.depend((id, Part::Whole), (needed, Part::Whole), Strength::Normal);
                }
            }
            Detail::Domain(definition) => self.create_domain(full, definition, env)?,
            Detail::Range { subtype, multirange } => {
                let needed = self.find_type(subtype, env)?;
                let id = self.make_type(full.clone(), TypeKind::Range(subtype.clone()), env);
                if let Some(needed) = needed {
                    self.depend((id, Part::Whole), (needed, Part::Whole), Strength::Normal);
                }
                if env.version.major >= 14 {
                    let name = match multirange {
                        Some(name) => created_name(name, &env.path),
                        None => full.sibling(multirange_name(&full.name)),
                    };
                    let other = self.make_type(name, TypeKind::Multirange, env);
                    self.depend((other, Part::Whole), (id, Part::Whole), Strength::Auto);
                }
            }
            _ => {
                self.make_type(full, TypeKind::Base, env);
            }
        }
        Ok(())
    }

    fn attributes(
        &mut self,
        definitions: &[ColumnDefinition],
        env: &Env,
    ) -> Result<Vec<Column>, Failure> {
        let mut attributes = Vec::with_capacity(definitions.len());
        for definition in definitions {
            let (type_name, type_id) = self.column_type(&definition.type_name, env)?;
            attributes.push(Column::new(&definition.name, type_name, type_id, env.origin));
        }
        for (at, attribute) in (1_u16..).zip(&mut attributes) {
            attribute.number = at;
        }
        Ok(attributes)
    }

    fn create_domain(
        &mut self,
        full: QualifiedName,
        definition: &DomainDefinition,
        env: &Env,
    ) -> Result<(), Failure> {
        let base_id = self.find_type(&definition.base, env)?;
        let mut domain = Domain {
            base: definition.base.clone(),
            base_id,
            not_null: definition.not_null,
            default: definition.default.as_deref().cloned().map(Arc::new),
            checks: Vec::new(),
        };
        let mut needed = Vec::new();
        for check in &definition.checks {
            let name = check.name.clone().unwrap_or_else(|| {
                let is_new = |name: &str| domain.checks.iter().all(|(other, ..)| **other != *name);
                crate::catalog::naming::choose(&full.name, None, "check", |name| {
                    !is_new(name) || self.is_constraint_name(&full.sibling(name))
                })
            });
            self.note_constraint_name(&full.sibling(name.clone()));
            let expression = check.expression.as_deref().cloned().map(Arc::new);
            needed.extend(expression.clone());
            domain.checks.push((name, expression, check.validated));
        }
        let id = self.make_type(full, TypeKind::Domain(Box::new(domain)), env);
        if let Some(base) = base_id {
            self.depend((id, Part::Whole), (base, Part::Whole), Strength::Normal);
        }
        for expression in needed {
            self.expression_needs((id, Part::Whole), None, &expression, env);
        }
        Ok(())
    }

    /// `ALTER DOMAIN`.
    pub(super) fn alter_domain(&mut self, alter: &Alter, env: &Env) -> Result<(), Failure> {
        let Some(id) = self.find_type(&(&alter.name).into(), env)? else { return Ok(()) };
        let Some(found) = self.type_by_id(id) else { return Ok(()) };
        let (full, made) = (found.name.clone(), Because::Made(found.created));
        let TypeKind::Domain(domain) = &found.kind else {
            return match found.kind {
                TypeKind::External => Ok(()),
                _ => {
                    let message = format!("{} is not a domain", full.name);
                    Err(Failure::new("42809", message, made))
                }
            };
        };
        let mut domain = domain.clone();
        match &alter.change {
            ObjectChange::AddConstraint(check) => {
                let name = check.name.clone().unwrap_or_else(|| {
                    crate::catalog::naming::choose(&full.name, None, "check", |name| {
                        self.is_constraint_name(&full.sibling(name))
                    })
                });
                if domain.checks.iter().any(|(other, ..)| *other == name) {
                    let message = format!(
                        "constraint \"{name}\" for domain \"{}\" already exists",
                        full.name
                    );
                    return Err(Failure::new("42710", message, made));
                }
                self.note_constraint_name(&full.sibling(name.clone()));
                let expression = check.expression.as_deref().cloned().map(Arc::new);
                domain.checks.push((name, expression, check.validated));
            }
            ObjectChange::DropConstraint { name, if_exists } => {
                let before = domain.checks.len();
                domain.checks.retain(|(other, ..)| **other != **name);
                if domain.checks.len() == before && !*if_exists {
                    let message =
                        format!("constraint \"{name}\" of domain \"{}\" does not exist", full.name);
                    return Err(Failure::new("42704", message, made));
                }
                self.forget_constraint_name(&full.sibling(name.as_str()));
            }
            ObjectChange::ValidateConstraint(name) => {
                for check in domain.checks.iter_mut().filter(|(other, ..)| **other == **name) {
                    check.2 = true;
                }
            }
            ObjectChange::NotNull(not_null) => domain.not_null = *not_null,
            ObjectChange::Default(default) => {
                domain.default = default.as_deref().filter(|d| !d.is_null()).cloned().map(Arc::new);
            }
            _ => {}
        }
        self.change_type(id, |found| {
            found.changed = env.origin;
            found.kind = TypeKind::Domain(domain);
        });
        Ok(())
    }

    pub(super) fn note_constraint_name(&mut self, name: &QualifiedName) {
        let count = self.constraint_names.get(name).copied().unwrap_or_default();
        self.constraint_names.insert(name, count + 1);
    }

    pub(in crate::catalog) fn forget_constraint_name(&mut self, name: &QualifiedName) {
        match self.constraint_names.get(name).copied() {
            None => {}
            Some(0 | 1) => self.constraint_names.remove(name),
            Some(count) => self.constraint_names.insert(name, count - 1),
        }
    }
}

/// Returns the name that the server gives to the multirange type of a range type:
/// `makeMultirangeTypeName`.
fn multirange_name(range: &str) -> String {
    match range.find("range") {
        Some(at) => format!("{}multirange{}", &range[..at], &range[at + "range".len()..]),
        None => format!("{range}_multirange"),
    }
}
