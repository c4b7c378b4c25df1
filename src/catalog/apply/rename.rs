//! `RENAME` and `SET SCHEMA`. Objects refer to each other by number, so most of it follows by itself.

use std::sync::Arc;

use super::follow::Renamed;
use crate::catalog::lookup::spelled;
use crate::catalog::object::{Class, ObjectId, RelationKind, TypeKind};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, Space};
use crate::sql::{ConstraintKind, ObjectKind, RelationName, Rename, RenamedPart, TypeName};

impl Catalog {
    pub(super) fn rename(&mut self, rename: &Rename, env: &Env) -> Result<(), Failure> {
        if rename.name.is_dynamic() {
            return Ok(());
        }
        match &rename.part {
            RenamedPart::Whole => self.rename_whole(rename, env),
            RenamedPart::Column(column) if rename.kind == ObjectKind::Type => {
                self.rename_in_type(&rename.name, column, &rename.to, env)
            }
            RenamedPart::Column(column) => {
                let Some(id) = self.find_or_skip(&rename.name, rename.if_exists, env)? else {
                    return Ok(());
                };
                self.refuse_rename_in_tree(id, rename)?;
                self.rename_column(id, column, &rename.to, env)
            }
            RenamedPart::Constraint(name) if rename.kind == ObjectKind::Domain => {
                self.rename_in_type(&rename.name, name, &rename.to, env)
            }
            RenamedPart::Constraint(name) => {
                let Some(id) = self.find_or_skip(&rename.name, rename.if_exists, env)? else {
                    return Ok(());
                };
                self.refuse_rename_in_tree(id, rename)?;
                self.rename_constraint(id, name, &rename.to, env)
            }
            RenamedPart::Attached(kind, name) => {
                let Some(id) = self.find_or_skip(&rename.name, rename.if_exists, env)? else {
                    return Ok(());
                };
                self.rename_attached(id, *kind, name, &rename.to, env)
            }
        }
    }

    fn rename_whole(&mut self, rename: &Rename, env: &Env) -> Result<(), Failure> {
        match rename.kind {
            kind if kind.is_relation() => {
                let Some(id) = self.find_or_skip(&rename.name, rename.if_exists, env)? else {
                    return Ok(());
                };
                let Some(relation) = self.by_id(id) else { return Ok(()) };
                let to = relation.name.sibling(rename.to.as_str());
                self.refuse_taken(&to)?;
                self.relocate(id, to, env);
                Ok(())
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let Some(id) = self.type_of(&rename.name, env)? else { return Ok(()) };
                let Some(name) = self.name_of(id).cloned() else { return Ok(()) };
                let to = name.sibling(rename.to.as_str());
                self.refuse_taken_type(&to)?;
                self.relocate(id, to, env);
                Ok(())
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                let arguments = rename.arguments.as_deref();
                let found = self.functions_of(&rename.name, arguments, env);
                if found.is_empty() {
                    return self.miss_signature(rename.kind, &rename.name, arguments, env);
                }
                if let Some(id) = found.first() {
                    let name = self.name_of(*id).cloned();
                    if let Some(name) = name {
                        self.refuse_same_signature(*id, &name.sibling(rename.to.as_str()))?;
                        self.relocate(*id, name.sibling(rename.to.as_str()), env);
                    }
                }
                Ok(())
            }
            ObjectKind::Schema => self.rename_schema(&rename.name, &rename.to, env),
            kind => {
                let mut candidates = self.candidates(&rename.name, &env.path);
                let found = self.other(kind, "", &rename.name.name).or_else(|| {
                    candidates.find_map(|full| self.other(kind, &full.schema, &full.name))
                });
                if let Some((id, name)) = found.and_then(|id| Some((id, self.name_of(id)?.clone())))
                {
                    self.relocate(id, name.sibling(rename.to.as_str()), env);
                }
                Ok(())
            }
        }
    }

    /// Refuses a name that another function with the same arguments has.
    fn refuse_same_signature(&self, id: ObjectId, to: &QualifiedName) -> Result<(), Failure> {
        let types = |id: ObjectId| -> Option<Vec<String>> {
            let inputs = self.function_by_id(id)?.inputs();
            Some(inputs.map(|(a, id)| self.format_type(&a.type_name, *id)).collect())
        };
        let own = types(id);
        let mut others = self.function_names.get(to).into_iter().flatten();
        let Some(there) = others.find(|other| types(**other) == own) else { return Ok(()) };
        let arguments = own.unwrap_or_default().join(", ");
        let (name, schema) = (&to.name, &to.schema);
        let message = format!("function {name}({arguments}) already exists in schema \"{schema}\"");
        let made = self.function_by_id(*there).map(|function| function.created);
        Err(Failure::new("42723", message, made.map_or(Because::Always, Because::Made)))
    }

    fn type_of(&mut self, name: &RelationName, env: &Env) -> Result<Option<ObjectId>, Failure> {
        self.find_type(&name.into(), env)
    }

    fn rename_schema(&mut self, name: &RelationName, to: &str, env: &Env) -> Result<(), Failure> {
        let known = self.other(ObjectKind::Schema, "", &name.name);
        let inside = self.names_in(&name.name);
        if known.is_none() && inside.is_empty() {
            let schema = Space::Other(ObjectKind::Schema);
            if let Some(origin) = self.dropped_at(schema, &QualifiedName::new("", &name.name)) {
                let because = Because::Dropped(origin);
                return Err(Failure::missing(ObjectKind::Schema, &spelled(name), because));
            }
            return Ok(());
        }
        for id in inside {
            if let Some(old) = self.name_of(id).cloned() {
                self.relocate_one(id, QualifiedName::new(to, &old.name), env);
            }
        }
        if let Some(id) = known {
            self.relocate_one(id, QualifiedName::new("", to), env);
        }
        Ok(())
    }

    pub(super) fn set_schema(
        &mut self,
        kind: ObjectKind,
        name: &RelationName,
        schema: &str,
        if_exists: bool,
        arguments: Option<&[Arc<TypeName>]>,
        env: &Env,
    ) -> Result<(), Failure> {
        if name.is_dynamic() {
            return Ok(());
        }
        let id = match kind {
            kind if kind.is_relation() => self.find_or_skip(name, if_exists, env)?,
            ObjectKind::Type | ObjectKind::Domain => self.type_of(name, env)?,
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                self.functions_of(name, arguments, env).first().copied()
            }
            _ => None,
        };
        let Some(id) = id else { return Ok(()) };
        let Some(old) = self.name_of(id).cloned() else { return Ok(()) };
        let to = QualifiedName::new(schema, &old.name);
        if id.class == Class::Relation && to != old {
            self.refuse_taken(&to)?;
        }
        self.relocate(id, to, env);
        Ok(())
    }

    /// Gives an object another name or schema; what is part of a table moves with it.
    pub(super) fn relocate(&mut self, id: ObjectId, to: QualifiedName, env: &Env) {
        let Some(from) = self.name_of(id).cloned() else { return };
        self.relocate_one(id, to.clone(), env);
        if from.schema == to.schema {
            return;
        }
        let Some(relation) = self.by_id(id) else { return };
        let mut parts: Vec<ObjectId> = relation.indexes.iter().map(|index| index.id).collect();
        let constraints: Vec<Arc<str>> =
            relation.constraints.iter().map(|constraint| constraint.name.clone()).collect();
        let numbers: Vec<u16> = relation.columns.iter().map(|column| column.number).collect();
        for number in numbers {
            parts.extend(self.owned_sequences(id, number));
        }
        for part in parts {
            if let Some(name) = self.name_of(part).cloned() {
                self.relocate_one(part, QualifiedName::new(&to.schema, &name.name), env);
            }
        }
        for constraint in constraints {
            self.forget_constraint_name(&from.sibling(constraint.clone()));
            self.note_constraint_name(&to.sibling(constraint));
        }
    }

    fn relocate_one(&mut self, id: ObjectId, to: QualifiedName, env: &Env) {
        let Some(from) = self.name_of(id).cloned() else { return };
        if from == to {
            return;
        }
        let origin = env.origin;
        self.follow(&Renamed::Object { id, from: &from, to: &to }, env);
        match id.class {
            Class::Relation => {
                self.relation_names.remove(&from);
                self.dropped.remove(&(Space::Relation, to.clone()));
                self.relation_names.insert(&to, id);
                let mut note = false;
                self.change(id, |relation| {
                    relation.name = to.clone();
                    relation.changed = origin;
                    note = !relation.temporary && !relation.external;
                });
                if note {
                    self.dropped.insert((Space::Relation, from), origin);
                }
                self.rename_index_of_table(id, &to.name);
            }
            Class::Type => {
                self.type_names.remove(&from);
                self.type_names.insert(&to, id);
                self.dropped.remove(&(Space::Type, to.clone()));
                self.change_type(id, |found| {
                    found.name = to;
                    found.changed = origin;
                });
                self.dropped.insert((Space::Type, from), origin);
            }
            Class::Function => {
                if let Some(all) = self.function_names.get_mut(&from) {
                    all.retain(|other| *other != id);
                    if all.is_empty() {
                        self.function_names.remove(&from);
                    }
                }
                self.function_names.entry(to.clone()).or_default().push(id);
                if let Some(found) = self.functions.get_mut(&id) {
                    let found = Arc::make_mut(found);
                    (found.name, found.changed) = (to, origin);
                }
            }
            Class::Other => {
                let Some(found) = self.others.get_mut(&id) else { return };
                let found = Arc::make_mut(found);
                let kind = found.kind;
                found.name = to.clone();
                self.other_names.remove(&(kind, from.clone()));
                if kind == ObjectKind::Schema {
                    self.move_default_privileges(&from.name, Some(&to.name));
                }
                self.other_names.insert((kind, to), id);
                self.dropped.insert((Space::Other(kind), from), origin);
            }
        }
    }

    /// Tells the table of an index its new name; the constraint that owns it has the same one.
    fn rename_index_of_table(&mut self, id: ObjectId, to: &Arc<str>) {
        let Some(index) = self.by_id(id) else { return };
        if !matches!(index.kind, RelationKind::Index | RelationKind::PartitionedIndex) {
            return;
        }
        for table in index.uses.clone() {
            let mut renamed = None;
            self.change(table, |table| {
                for found in table.indexes.filter_mut(|index| index.id == id) {
                    found.name = to.clone();
                }
                let owner = table.constraints.find_mut(|constraint| {
                    constraint.index == Some(id) && constraint.kind != ConstraintKind::ForeignKey
                });
                if let Some(owner) = owner
                    && owner.name != *to
                {
                    renamed = Some(std::mem::replace(&mut owner.name, to.clone()));
                }
            });
            if let (Some(old), Some(name)) = (renamed, self.name_of(table).cloned()) {
                self.forget_constraint_name(&name.sibling(old));
                self.note_constraint_name(&name.sibling(to.clone()));
            }
        }
    }

    fn rename_column(
        &mut self,
        id: ObjectId,
        from: &str,
        to: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        if relation.external || relation.columns_unknown && relation.column(from).is_none() {
            return Ok(());
        }
        if relation.extra().of_type.is_some() {
            let because = Because::Made(relation.created);
            return Err(Failure::new("42809", "cannot rename column of typed table", because));
        }
        let Some(column) = relation.column(from) else {
            return Err(Failure::new(
                "42703",
                format!("column \"{from}\" does not exist"),
                self.no_column(id, from).because,
            ));
        };
        let number = column.number;
        if let Some(there) = relation.column(to) {
            let message =
                format!("column \"{to}\" of relation \"{}\" already exists", relation.name.name);
            return Err(Failure::new("42701", message, Because::Made(there.created)));
        }
        if column.inherited > 0
            && relation
                .parents
                .iter()
                .any(|p| self.by_id(*p).is_some_and(|p| p.column(from).is_some()))
        {
            let message = format!("cannot rename inherited column \"{from}\"");
            return Err(Failure::new("42P16", message, Because::Made(column.created)));
        }
        self.rename_column_here(id, number, from, to, env);
        Ok(())
    }

    fn rename_column_here(&mut self, id: ObjectId, number: u16, from: &str, to: &str, env: &Env) {
        let users: Vec<ObjectId> = self
            .dependents_of((id, crate::catalog::depend::Part::Column(number)))
            .map(|((user, _), _)| user)
            .chain([id])
            .collect();
        self.follow(&Renamed::Column { of: id, number, from, to: &to.into() }, env);
        self.change(id, |table| {
            table.changed = env.origin;
            if let Some(query) = &mut table.query {
                Arc::make_mut(query).is_renamed = true;
            }
            for column in table.columns.filter_mut(|column| column.number == number) {
                column.name = to.into();
            }
            table.extra_mut().dropped_columns.push((from.into(), env.origin));
            let constraints = table.constraints.iter_mut().flat_map(|found| &mut found.columns);
            let keys = table
                .indexes
                .iter_mut()
                .flat_map(|index| index.columns.iter_mut().flatten().chain(&mut index.include));
            for name in constraints.chain(keys).filter(|name| *name == from) {
                to.clone_into(name);
            }
            for constraint in &mut table.constraints {
                if constraint.kind == ConstraintKind::Check {
                    constraint.columns.sort();
                }
            }
            if let Some(extra) = &mut table.extra {
                let keys = extra.partition_by.iter_mut().flat_map(|key| &mut key.columns).flatten();
                let triggers = extra.triggers.iter_mut().flat_map(|t| &mut t.columns);
                for name in keys.chain(triggers).filter(|name| ***name == *from) {
                    *name = to.into();
                }
            }
        });
        for user in users {
            self.change(user, |table| {
                let keys = table.constraints.filter_mut(|key| key.references == Some(id));
                for name in keys.flat_map(|key| &mut key.referenced_columns) {
                    if name == from {
                        to.clone_into(name);
                    }
                }
            });
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            let found = self.by_id(child).and_then(|table| table.column(from)).map(|c| c.number);
            if let Some(number) = found {
                self.rename_column_here(child, number, from, to, env);
            }
        }
    }

    /// Renames an attribute of a composite type, or a constraint of a domain.
    fn rename_in_type(
        &mut self,
        name: &RelationName,
        from: &str,
        to: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.type_of(name, env)? else { return Ok(()) };
        self.change_type(id, |found| {
            found.changed = env.origin;
            let names: Vec<&mut Arc<str>> = match &mut found.kind {
                TypeKind::Composite(attributes) => {
                    attributes.iter_mut().map(|attribute| &mut attribute.name).collect()
                }
                TypeKind::Domain(domain) => domain.checks.iter_mut().map(|c| &mut c.0).collect(),
                _ => Vec::new(),
            };
            for name in names.into_iter().filter(|name| ***name == *from) {
                *name = to.into();
            }
        });
        Ok(())
    }

    fn rename_constraint(
        &mut self,
        id: ObjectId,
        from: &str,
        to: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.constraint(from) else {
            if table.external || table.columns_unknown {
                return Ok(());
            }
            let message =
                format!("constraint \"{from}\" for table \"{}\" does not exist", table.name.name);
            return Err(Failure::new("42704", message, Because::Made(table.created)));
        };
        if let Some(there) = table.constraint(to) {
            let message =
                format!("constraint \"{to}\" for relation \"{}\" already exists", table.name.name);
            return Err(Failure::new("42710", message, Because::Made(there.created)));
        }
        let index = found.index.filter(|_| found.kind != ConstraintKind::ForeignKey);
        let inherits = matches!(found.kind, ConstraintKind::Check | ConstraintKind::NotNull);
        let name = table.name.clone();
        match index {
            // The index has the name of its constraint, and brings it along.
            Some(index) => {
                self.refuse_taken(&name.sibling(to))?;
                self.relocate(index, name.sibling(to), env);
            }
            None => {
                self.change(id, |table| {
                    table.changed = env.origin;
                    for found in table.constraints.filter_mut(|c| *c.name == *from) {
                        found.name = to.into();
                    }
                });
                self.forget_constraint_name(&name.sibling(from));
                self.note_constraint_name(&name.sibling(to));
            }
        }
        if inherits {
            let children: Vec<ObjectId> = self.children(id).collect();
            for child in children {
                let _ = self.rename_constraint(child, from, to, env);
            }
        }
        Ok(())
    }

    fn rename_attached(
        &mut self,
        id: ObjectId,
        kind: ObjectKind,
        from: &str,
        to: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        let (external, made) = (relation.external, Because::Made(relation.created));
        let table = relation.name.name.clone();
        let mut names = 0;
        self.change(id, |relation| {
            relation.changed = env.origin;
            let extra = relation.extra_mut();
            let all: Vec<&mut Arc<str>> = match kind {
                ObjectKind::Trigger => extra.triggers.iter_mut().map(|t| &mut t.name).collect(),
                ObjectKind::Policy => extra.policies.iter_mut().map(|p| &mut p.name).collect(),
                _ => extra.rules.iter_mut().map(|rule| &mut rule.name).collect(),
            };
            for name in all.into_iter().filter(|name| ***name == *from) {
                *name = to.into();
                names += 1;
            }
        });
        if names == 0 && !external && kind != ObjectKind::Rule {
            let what = kind.as_str();
            let message = format!("{what} \"{from}\" for table \"{table}\" does not exist");
            return Err(Failure::new("42704", message, made));
        }
        Ok(())
    }
}
