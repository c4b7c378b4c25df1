//! Answers what conditions in `DO` blocks ask: is there such a table, column, constraint, type?

use std::sync::Arc;

use super::object::{ObjectId, Relation, RelationKind, TypeKind};
use super::{Catalog, Env, QualifiedName};
use crate::sql::{ColumnFact, Fact, ObjectKind, ObjectName, RelationKind as Kind, SchemaName};

impl Catalog {
    /// Returns whether something is there; nothing where the files do not tell.
    ///
    /// What no statement made counts as not there: a block that guards itself against that makes it.
    pub(super) fn is_fact(&self, fact: &Fact, env: &Env) -> Option<bool> {
        let answer = self.answer(fact, env)?;
        // After SQL that is put together at run time only what is there is known.
        (answer || !self.is_uncertain()).then_some(answer)
    }

    fn answer(&self, fact: &Fact, env: &Env) -> Option<bool> {
        match fact {
            Fact::Schema { name } => {
                let is_known = self.other(ObjectKind::Schema, "", name).is_some();
                Some(is_known || matches!(&**name, "public" | "pg_catalog" | "information_schema"))
            }
            Fact::Relation { name, kinds } => {
                let wanted = |relation: &Relation| {
                    kinds.is_empty() || kinds.iter().any(|kind| is_kind(*kind, relation.kind))
                };
                self.any(name, env, wanted)
            }
            Fact::Column(column) => self.column_fact(column, env),
            Fact::Constraint { relation, name, kind, column, validated } => {
                let is_it = |found: &super::Constraint| {
                    name.as_ref().is_none_or(|name| found.name == *name)
                        && kind.is_none_or(|kind| found.kind == kind)
                        && column.as_ref().is_none_or(|c| found.columns.iter().any(|o| **o == **c))
                        && validated.is_none_or(|validated| found.validated == validated)
                };
                let has = |relation: &Relation| relation.constraints.iter().any(is_it);
                self.any_of(relation.as_ref(), env, has)
            }
            Fact::Index { relation, name, unique, primary, valid } => {
                let is_it = |index: &super::Index, schema: &str| {
                    name.as_ref().is_none_or(|name| {
                        name.name.as_ref().is_none_or(|name| index.name == *name)
                            && is_schema(&name.schema, schema, env)
                    }) && unique.is_none_or(|unique| index.unique == unique)
                        && primary.is_none_or(|primary| index.primary == primary)
                        && valid.is_none_or(|valid| index.valid == valid)
                };
                let has = |relation: &Relation| {
                    relation.indexes.iter().any(|index| is_it(index, &relation.name.schema))
                };
                self.any_of(relation.as_ref(), env, has)
            }
            Fact::Type { name, kind } => self.type_fact(name, *kind, env),
            Fact::EnumLabel { type_name, label } => {
                let has = |found: &super::Type| match &found.kind {
                    TypeKind::Enum(labels) => labels.iter().any(|other| other.label == *label),
                    _ => false,
                };
                let is_named = |found: &super::Type| {
                    type_name.as_ref().is_none_or(|name| is_name(name, &found.name, env))
                };
                let older = self
                    .types()
                    .any(|found| is_named(found) && found.created.migration == u32::MAX);
                let found = self.types().any(|found| is_named(found) && has(found));
                (found || !older).then_some(found)
            }
            Fact::Function { name, arguments } => {
                let found = self.functions().any(|function| is_name(name, &function.name, env));
                match arguments {
                    Some(_) if found => None,
                    _ => Some(found),
                }
            }
            Fact::Trigger { relation, name } => self.any_of(relation.as_ref(), env, |found| {
                let mut triggers = found.extra().triggers.iter();
                triggers.any(|trigger| name.as_ref().is_none_or(|name| trigger.name == *name))
            }),
            Fact::Policy { relation, name } => self.any_of(relation.as_ref(), env, |found| {
                let mut policies = found.extra().policies.iter();
                policies.any(|policy| name.as_ref().is_none_or(|name| policy.name == *name))
            }),
            Fact::RowSecurity { relation } => {
                self.any(relation, env, |relation| relation.extra().row_security)
            }
            Fact::Inheritance { parent, child } => {
                let is_parent = |id: &ObjectId| {
                    let found = self.by_id(*id);
                    parent.as_ref().is_none_or(|name| {
                        found.is_some_and(|found| is_name(name, &found.name, env))
                    })
                };
                self.any_of(child.as_ref(), env, |child| child.parents.iter().any(is_parent))
            }
            Fact::Extension { name } => {
                Some(self.other(ObjectKind::Extension, "", name).is_some() || **name == *"plpgsql")
            }
            Fact::Publication { name } => {
                Some(self.other(ObjectKind::Publication, "", name).is_some())
            }
            // Roles and databases belong to the cluster, of which the files show little.
            Fact::Role { .. }
            | Fact::Database { .. }
            | Fact::AvailableExtension { .. }
            | Fact::PublicationTable { .. } => None,
        }
    }

    /// Returns whether a relation of that name fulfils something.
    fn any(&self, name: &ObjectName, env: &Env, holds: impl Fn(&Relation) -> bool) -> Option<bool> {
        let mut is_external = false;
        for relation in self.named(name, env) {
            if relation.external {
                is_external = true;
            } else if holds(relation) {
                return Some(true);
            }
        }
        (!is_external).then_some(false)
    }

    fn any_of(
        &self,
        name: Option<&ObjectName>,
        env: &Env,
        holds: impl Fn(&Relation) -> bool,
    ) -> Option<bool> {
        match name {
            Some(name) => self.any(name, env, holds),
            None => Some(self.relations().any(holds)),
        }
    }

    /// Returns the relations that a name may stand for.
    fn named(&self, name: &ObjectName, env: &Env) -> Vec<&Relation> {
        let Some(relation) = &name.name else {
            let all = self.relations.values().map(AsRef::as_ref);
            return all.filter(|found: &&Relation| is_name(name, &found.name, env)).collect();
        };
        let get = |schema: &Arc<str>| {
            self.get(&QualifiedName { schema: schema.clone(), name: relation.clone() })
        };
        match &name.schema {
            SchemaName::Named(schema) => get(schema).into_iter().collect(),
            SchemaName::Current => env.path.first().and_then(get).into_iter().collect(),
            SchemaName::SearchPath => env.path.iter().find_map(get).into_iter().collect(),
            SchemaName::Any => {
                let all = self.relations.values().map(AsRef::as_ref);
                all.filter(|found: &&Relation| found.name.name == *relation).collect()
            }
        }
    }

    fn column_fact(&self, fact: &ColumnFact, env: &Env) -> Option<bool> {
        let mut unknown = false;
        let is_it = |column: &super::Column| {
            let spelled = self.format_type(&column.type_name, column.type_id);
            let plain = spelled.split('(').next().unwrap_or_default().trim();
            let after = spelled.split_once(')').map_or("", |(_, after)| after);
            let plain = format!("{plain}{after}");
            let data_type = match column.type_id {
                Some(_) => "USER-DEFINED",
                None if plain.ends_with("[]") => "ARRAY",
                None => &plain,
            };
            fact.name.as_ref().is_none_or(|name| column.name == *name)
                && fact.data_type.as_ref().is_none_or(|wanted| {
                    wanted.eq_ignore_ascii_case(data_type) || **wanted == *spelled
                })
                && fact.type_name.as_ref().is_none_or(|name| column.type_name.name == *name)
                && fact.length.is_none_or(|length| {
                    column.type_name.modifiers.first().map(|&m| i64::from(m)) == Some(length)
                })
                && fact.is_nullable.is_none_or(|nullable| column.not_null != nullable)
                && fact.has_default.is_none_or(|has| {
                    (column.default.is_some() && column.generated.is_none()) == has
                })
                && fact.is_identity.is_none_or(|is| column.identity.is_some() == is)
                && fact.is_generated.is_none_or(|is| column.generated.is_some() == is)
        };
        let relations: Vec<&Relation> = match &fact.relation {
            Some(name) => self.named(name, env),
            None => self.relations().collect(),
        };
        for relation in relations {
            if relation.columns.iter().any(is_it) {
                return Some(true);
            }
            unknown |= relation.columns_unknown;
        }
        (!unknown).then_some(false)
    }

    fn type_fact(&self, name: &ObjectName, kind: Option<char>, env: &Env) -> Option<bool> {
        let is_kind = |found: &TypeKind| match kind {
            None => true,
            Some('e') => matches!(found, TypeKind::Enum(_)),
            Some('d') => matches!(found, TypeKind::Domain(_)),
            Some('c') => matches!(found, TypeKind::Composite(_)),
            Some('r') => matches!(found, TypeKind::Range(_)),
            Some(_) => matches!(found, TypeKind::Base | TypeKind::Multirange),
        };
        let mut named = self.types.values().filter(|found| is_name(name, &found.name, env));
        if named.any(|found| is_kind(&found.kind) && !matches!(found.kind, TypeKind::External)) {
            return Some(true);
        }
        let mut named = self.types.values().filter(|found| is_name(name, &found.name, env));
        if named.any(|found| matches!(found.kind, TypeKind::External)) {
            return None;
        }
        if matches!(kind, None | Some('c')) {
            let row = self.any(name, env, |relation| relation.is_table() || relation.is_view());
            if row != Some(false) {
                return row;
            }
        }
        let is_builtin = name.name.as_deref().is_some_and(|name| {
            super::builtin::type_named(name, env.version).is_some() && kind.is_none()
        });
        Some(is_builtin)
    }
}

/// Returns whether a name in a condition stands for an object.
fn is_name(name: &ObjectName, object: &QualifiedName, env: &Env) -> bool {
    name.name.as_ref().is_none_or(|name| object.name == *name)
        && is_schema(&name.schema, &object.schema, env)
}

fn is_schema(name: &SchemaName, schema: &str, env: &Env) -> bool {
    match name {
        SchemaName::Any => true,
        SchemaName::Named(named) => **named == *schema,
        SchemaName::Current => env.path.first().is_some_and(|first| **first == *schema),
        SchemaName::SearchPath => env.path.iter().any(|one| **one == *schema),
    }
}

fn is_kind(wanted: Kind, kind: RelationKind) -> bool {
    match wanted {
        Kind::Table => kind == RelationKind::Table,
        Kind::PartitionedTable => kind == RelationKind::PartitionedTable,
        Kind::View => kind == RelationKind::View,
        Kind::MaterializedView => kind == RelationKind::MaterializedView,
        Kind::Index => kind == RelationKind::Index,
        Kind::PartitionedIndex => kind == RelationKind::PartitionedIndex,
        Kind::Sequence => kind == RelationKind::Sequence,
        Kind::ForeignTable => kind == RelationKind::ForeignTable,
        Kind::CompositeType => kind == RelationKind::CompositeType,
    }
}
