//! `DROP`.

use std::sync::Arc;

use crate::catalog::depend::Part;
use crate::catalog::lookup::spelled;
use crate::catalog::object::{ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, Space};
use crate::sql::{ConstraintKind, Drop, ObjectKind, RelationName, TypeName};

impl Catalog {
    pub(super) fn drop(&mut self, drop: &Drop, env: &Env) -> Result<(), Failure> {
        if drop.name.is_dynamic() || drop.name.name.is_empty() {
            return Ok(());
        }
        match drop.kind {
            kind if kind.is_relation() => self.drop_relation(drop, env),
            ObjectKind::Type | ObjectKind::Domain => {
                let Some(id) = self.type_if_exists(&drop.name, env) else {
                    return self.nothing_to_drop(drop, Space::Type, env);
                };
                self.remove(&[(id, Part::Whole)], drop.cascade, env.origin)
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                self.drop_function(drop, env)
            }
            ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => {
                self.drop_attached(drop, env)
            }
            ObjectKind::Schema => self.drop_schema(drop, env),
            ObjectKind::Role => self.drop_role(drop),
            kind => {
                let schemaless = self.other(kind, "", &drop.name.name);
                let found = schemaless.or_else(|| {
                    self.candidates(&drop.name, &env.path)
                        .find_map(|full| self.other(kind, &full.schema, &full.name))
                });
                let Some(id) = found else {
                    return self.nothing_to_drop(drop, Space::Other(kind), env);
                };
                self.remove(&[(id, Part::Whole)], drop.cascade, env.origin)
            }
        }
    }

    /// Answers a `DROP` of what is not there.
    fn nothing_to_drop(&mut self, drop: &Drop, space: Space, env: &Env) -> Result<(), Failure> {
        if drop.if_exists {
            return Ok(());
        }
        let name = match drop.kind {
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => return Ok(()),
            _ => spelled(&drop.name),
        };
        for full in self.candidates(&drop.name, &env.path) {
            if let Some(origin) = self.dropped_at(space, &full) {
                // The same statement dropped it with another.
                if origin == env.origin && !drop.with.is_empty() {
                    return Ok(());
                }
                return Err(Failure::missing(drop.kind, &name, Because::Dropped(origin)));
            }
        }
        if matches!(space, Space::Other(kind) if !is_followed(kind)) {
            return Ok(());
        }
        let full = super::created_name(&drop.name, &env.path);
        self.note(Failure::missing(drop.kind, &name, Because::NeverMade));
        self.dropped.insert((space, full), env.origin);
        Ok(())
    }

    fn drop_relation(&mut self, drop: &Drop, env: &Env) -> Result<(), Failure> {
        let Some(id) = self.find_if_exists(&drop.name, env) else {
            if drop.kind == ObjectKind::Table && !drop.if_exists && !drop.name.is_dynamic() {
                let full = super::created_name(&drop.name, &env.path);
                self.external.entry(full).or_insert(env.origin);
            }
            return self.nothing_to_drop(drop, Space::Relation, env);
        };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        if relation.external {
            self.forget(id);
            let name = super::created_name(&drop.name, &env.path);
            self.dropped.insert((Space::Relation, name), env.origin);
            return Ok(());
        }
        if !is_of_kind(relation, drop.kind) {
            let article = if drop.kind == ObjectKind::Index { "an" } else { "a" };
            let message =
                format!("\"{}\" is not {article} {}", relation.name.name, drop.kind.as_str());
            return Err(Failure::new("42809", message, Because::Made(relation.created)));
        }
        if drop.kind == ObjectKind::Index {
            self.refuse_index_of_constraint(relation)?;
        }
        if drop.kind == ObjectKind::Index && drop.concurrently {
            self.refuse_concurrently(relation, drop)?;
        }
        // What one statement drops goes at once.
        let mut targets = vec![(id, Part::Whole)];
        let others = drop.with.iter().filter_map(|name| self.find_if_exists(name, env));
        let others = others.filter(|other| {
            *other != id && self.by_id(*other).is_some_and(|r| is_of_kind(r, drop.kind))
        });
        targets.extend(others.map(|other| (other, Part::Whole)));
        self.remove(&targets, drop.cascade, env.origin)
    }

    fn refuse_concurrently(&self, index: &Relation, drop: &Drop) -> Result<(), Failure> {
        let message = match index.kind {
            _ if drop.with.len() > 1 => {
                "DROP INDEX CONCURRENTLY does not support dropping multiple objects".to_owned()
            }
            _ if drop.cascade => "DROP INDEX CONCURRENTLY does not support CASCADE".to_owned(),
            RelationKind::PartitionedIndex => {
                format!("cannot drop partitioned index \"{}\" concurrently", index.name.name)
            }
            _ => return Ok(()),
        };
        Err(Failure::new("0A000", message, Because::Made(index.created)))
    }

    fn refuse_index_of_constraint(&self, index: &Relation) -> Result<(), Failure> {
        let tables = index.uses.iter().filter_map(|id| self.by_id(*id));
        for table in tables {
            let owner = table.constraints.iter().find(|constraint| {
                constraint.index == Some(index.id) && constraint.kind != ConstraintKind::ForeignKey
            });
            if let Some(owner) = owner {
                let because = Because::Made(owner.created);
                let index = &index.name.name;
                let message = format!(
                    "cannot drop index {index} because constraint {} on table {} requires it",
                    owner.name, table.name.name
                );
                return Err(Failure::new("2BP01", message, because));
            }
            let part = table.indexes.iter().find(|i| i.id == index.id && i.parent.is_some());
            if let Some(parent) = part.and_then(|part| part.parent) {
                let above = self.name_of(parent).map(|n| n.name.to_string()).unwrap_or_default();
                let index = &index.name.name;
                let message =
                    format!("cannot drop index {index} because index {above} requires it");
                return Err(Failure::new("2BP01", message, Because::Made(table.created)));
            }
        }
        Ok(())
    }

    fn drop_function(&mut self, drop: &Drop, env: &Env) -> Result<(), Failure> {
        let found = self.functions_of(&drop.name, drop.arguments.as_deref(), env);
        let found_any = !found.is_empty();
        let of_kind: Vec<ObjectId> = found
            .into_iter()
            .filter(|id| {
                // DROP ROUTINE lowers to a function too.
                self.function_by_id(*id).is_some_and(|f| f.extension.is_none())
            })
            .collect();
        match of_kind[..] {
            [] if found_any => Ok(()),
            [] if drop.if_exists => Ok(()),
            [] => self.miss_signature(drop.kind, &drop.name, drop.arguments.as_deref(), env),
            [only] => self.remove(&[(only, Part::Whole)], drop.cascade, env.origin),
            [first, ..] if drop.arguments.is_none() => {
                let made = self.function_by_id(first).map(|function| function.created);
                let kind = drop.kind.as_str();
                let name = spelled(&drop.name);
                let message = format!("{kind} name \"{name}\" is not unique");
                Err(Failure::new("42725", message, made.map_or(Because::Always, Because::Made)))
            }
            [first, ..] => self.remove(&[(first, Part::Whole)], drop.cascade, env.origin),
        }
    }

    /// Answers for a function of a signature that is not there, as far as that is certain.
    pub(super) fn miss_signature(
        &mut self,
        kind: ObjectKind,
        name: &RelationName,
        arguments: Option<&[Arc<TypeName>]>,
        env: &Env,
    ) -> Result<(), Failure> {
        let is_opaque = self.others.values().any(|other| other.is_opaque);
        let full = super::created_name(name, &env.path);
        // Procedures may be named with the arguments that they give back.
        let may_be_there = kind == ObjectKind::Procedure
            || is_opaque
            || self.is_schema_unknown(&full.schema)
            || self.brought_by_extension(name, env);
        if may_be_there {
            return Ok(());
        }
        let others = self.functions_of(name, None, env);
        let name = spelled(name);
        let message = match arguments {
            None => format!("could not find a function named \"{name}\""),
            Some(types) => {
                let types: Vec<String> = types.iter().map(|of| self.type_key(of, env)).collect();
                let kind = kind.as_str();
                format!("{kind} {name}({}) does not exist", types.join(", "))
            }
        };
        let made = others.first().and_then(|id| self.function_by_id(*id)).map(|f| f.created);
        let because = match (self.dropped_at(Space::Function, &full), made) {
            (Some(origin), _) => Because::Dropped(origin),
            (None, Some(origin)) => Because::Made(origin),
            (None, None) => Because::NeverMade,
        };
        self.note(Failure::new("42883", message, because));
        Ok(())
    }

    fn drop_attached(&mut self, drop: &Drop, env: &Env) -> Result<(), Failure> {
        let Some(on) = &drop.on else { return Ok(()) };
        let Some(id) = self.find_or_skip(on, drop.if_exists, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        let name = &*drop.name.name;
        let extra = relation.extra();
        let part = match drop.kind {
            ObjectKind::Trigger => {
                let found = extra.triggers.iter().find(|trigger| *trigger.name == *name);
                found.map(|trigger| Part::Trigger(trigger.number))
            }
            ObjectKind::Policy => {
                let found = extra.policies.iter().find(|policy| *policy.name == *name);
                found.map(|policy| Part::Policy(policy.number))
            }
            _ => {
                self.change(id, |relation| {
                    relation.extra_mut().rules.retain(|rule| *rule.name != *name);
                });
                return Ok(());
            }
        };
        let Some(part) = part else {
            if drop.if_exists || relation.external {
                return Ok(());
            }
            let what = drop.kind.as_str();
            let message =
                format!("{what} \"{name}\" for table \"{}\" does not exist", relation.name.name);
            return Err(Failure::new("42704", message, Because::Made(relation.created)));
        };
        self.remove(&[(id, part)], drop.cascade, env.origin)?;
        if let Part::Trigger(_) = part {
            self.drop_trigger_of_partitions(id, name);
        }
        self.touch(id, env);
        Ok(())
    }

    fn drop_trigger_of_partitions(&mut self, id: ObjectId, name: &str) {
        for partition in self.partitions(id) {
            self.change(partition, |table| {
                let triggers = &mut table.extra_mut().triggers;
                triggers.retain(|trigger| !(trigger.inherited && *trigger.name == *name));
            });
            self.drop_trigger_of_partitions(partition, name);
        }
    }

    fn drop_schema(&mut self, drop: &Drop, env: &Env) -> Result<(), Failure> {
        let name = &drop.name.name;
        let inside = self.names_in(name);
        let known = self.other(ObjectKind::Schema, "", name);
        if known.is_none() && inside.is_empty() {
            if **name == *"public" {
                return Ok(());
            }
            return self.nothing_to_drop(drop, Space::Other(ObjectKind::Schema), env);
        }
        let is_there = |id: &ObjectId| self.by_id(*id).is_none_or(|relation| !relation.external);
        if !drop.cascade
            && let Some(first) = inside.iter().find(|id| is_there(id))
        {
            let message = format!("cannot drop schema {name} because other objects depend on it");
            let because = self.origin_of(*first).map_or(Because::Always, Because::Made);
            let detail =
                format!("{} depends on schema {name}", self.describe((*first, Part::Whole)));
            return Err(Failure::new("2BP01", message, because).detail(detail));
        }
        let mut targets: Vec<_> = inside.into_iter().map(|id| (id, Part::Whole)).collect();
        targets.extend(known.map(|id| (id, Part::Whole)));
        self.remove(&targets, true, env.origin)
    }

    fn origin_of(&self, id: ObjectId) -> Option<crate::catalog::Origin> {
        let relation = self.by_id(id).map(|relation| relation.created);
        relation
            .or_else(|| self.type_by_id(id).map(|found| found.created))
            .or_else(|| self.function_by_id(id).map(|found| found.created))
    }
}

/// Returns whether every object of a kind is made by statements that Lockmaster follows.
fn is_followed(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Publication
            | ObjectKind::Statistics
            | ObjectKind::EventTrigger
            | ObjectKind::Collation
            | ObjectKind::Operator
    )
}

fn is_of_kind(relation: &Relation, kind: ObjectKind) -> bool {
    match kind {
        ObjectKind::Table => {
            matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable)
        }
        ObjectKind::ForeignTable => relation.kind == RelationKind::ForeignTable,
        ObjectKind::View => relation.kind == RelationKind::View,
        ObjectKind::MaterializedView => relation.kind == RelationKind::MaterializedView,
        ObjectKind::Index => {
            matches!(relation.kind, RelationKind::Index | RelationKind::PartitionedIndex)
        }
        ObjectKind::Sequence => relation.kind == RelationKind::Sequence,
        _ => true,
    }
}
