//! What cannot be without what, and what goes when something is dropped: the server's `pg_depend`.
//!
//! Source: PostgreSQL documentation, "`pg_depend`" and "Dependency Tracking".

use std::collections::BTreeSet;

pub(super) use super::edge::{Address, Edge, Part, Strength};
use super::object::{Class, ObjectId, Origin, Relation, RelationKind};
use super::{Because, Catalog, Failure, QualifiedName, Space};
use crate::sql::ConstraintKind;

impl Catalog {
    /// Notes that `dependent` cannot be without `on`.
    pub(super) fn depend(&mut self, dependent: Address, on: Address, strength: Strength) {
        if dependent != on {
            self.dependents.insert(Edge::new(on, dependent, strength));
            self.needs.insert(Edge::new(dependent, on, strength));
        }
    }

    fn edges(set: &imbl::OrdSet<Edge>, of: Address) -> impl Iterator<Item = Edge> + use<'_> {
        set.range(Edge::start(of)..).take_while(move |edge| edge.is_of(of)).copied()
    }

    /// Returns what depends on an address, and how.
    pub(super) fn dependents_of(
        &self,
        on: Address,
    ) -> impl Iterator<Item = (Address, Strength)> + use<'_> {
        Self::edges(&self.dependents, on).map(|edge| (edge.second(), edge.strength()))
    }

    /// Returns what a view, index, function or other object cannot be without: objects, and columns of
    /// relations by their numbers.
    pub fn needs_of(&self, id: ObjectId) -> Vec<(ObjectId, Option<u16>)> {
        let edges = Self::edges(&self.needs, (id, Part::Whole));
        let needs = edges.map(|edge| match edge.second() {
            (on, Part::Column(number)) => (on, Some(number)),
            (on, _) => (on, None),
        });
        needs.collect()
    }

    /// Returns the tables that may have a foreign key to a table, and the sequences that it may own:
    /// those that cannot be without it or a column of it, and the table itself.
    pub fn related(&self, table: ObjectId) -> Vec<&Relation> {
        let mut ids: BTreeSet<ObjectId> = BTreeSet::from([table]);
        ids.extend(self.dependents_of((table, Part::Whole)).map(|((user, _), _)| user));
        let columns = self.by_id(table).into_iter().flat_map(|table| &table.columns);
        for column in columns {
            let users = self.dependents_of((table, Part::Column(column.number)));
            ids.extend(users.map(|((user, _), _)| user));
        }
        ids.into_iter().filter_map(|id| self.by_id(id)).filter(|found| !found.external).collect()
    }

    /// Forgets what an address depends on.
    pub(super) fn forget_needs(&mut self, of: Address) {
        let gone: Vec<Edge> = Self::edges(&self.needs, of).collect();
        for edge in gone {
            self.needs.remove(&edge);
            self.dependents.remove(&Edge::new(edge.second(), of, edge.strength()));
        }
    }

    /// Forgets everything that depends on an address or that it depends on.
    fn forget_edges(&mut self, of: Address) {
        self.forget_access(of);
        self.forget_needs(of);
        let gone: Vec<Edge> = Self::edges(&self.dependents, of).collect();
        for edge in gone {
            self.dependents.remove(&edge);
            self.needs.remove(&Edge::new(edge.second(), of, edge.strength()));
        }
    }

    /// Drops things, and what goes with them.
    ///
    /// # Errors
    ///
    /// 2BP01 if something else depends on them and `cascade` is false.
    pub(super) fn remove(
        &mut self,
        targets: &[Address],
        cascade: bool,
        origin: Origin,
    ) -> Result<(), Failure> {
        let mut gone: BTreeSet<Address> = BTreeSet::new();
        let mut order: Vec<Address> = Vec::new();
        let mut left: Vec<(Address, Address)> = Vec::new();
        let mut queue: Vec<Address> = targets.to_vec();
        while let Some(address) = queue.pop() {
            if !gone.insert(address) {
                continue;
            }
            order.push(address);
            queue.extend(self.parts(address));
            for (dependent, strength) in self.dependents_of(address) {
                let whole = self.whole_key(dependent);
                match strength {
                    Strength::Normal if !cascade => {
                        left.push((whole.unwrap_or(dependent), address));
                    }
                    Strength::Normal | Strength::Auto => {
                        queue.push(dependent);
                        queue.extend(whole);
                    }
                }
            }
        }
        left.retain(|(dependent, _)| !self.is_gone(&gone, *dependent));
        if let Some((dependent, on)) = left.first() {
            // What needs a column of a table that goes is said to need the table.
            let on = match on.1 {
                Part::Column(_) if gone.contains(&(on.0, Part::Whole)) => (on.0, Part::Whole),
                _ => *on,
            };
            return Err(self.depended_on(targets[0], *dependent, on));
        }
        // What is part of something goes before it, so that it can still be found there.
        order.sort_by_key(|(_, part)| *part == Part::Whole);
        order.into_iter().for_each(|address| self.remove_one(address, origin));
        Ok(())
    }

    /// For the part of a foreign key that refers to one partition of its target: returns the key, which
    /// cannot be without it.
    pub(super) fn whole_key(&self, (id, part): Address) -> Option<Address> {
        let Part::Constraint(mut number) = part else { return None };
        let relation = self.by_id(id)?;
        let mut whole = None;
        while let Some(above) = relation
            .constraints
            .iter()
            .find(|found| found.number == number)
            .and_then(|found| found.parent)
            .filter(|above| relation.constraints.iter().any(|other| other.number == *above))
        {
            number = above;
            whole = Some((id, Part::Constraint(above)));
        }
        whole
    }

    /// Returns whether a part goes, by itself or with its object.
    fn is_gone(&self, gone: &BTreeSet<Address>, address: Address) -> bool {
        gone.contains(&address) || gone.contains(&(address.0, Part::Whole))
    }

    /// Returns the parts of an address that go with it.
    fn parts(&self, address: Address) -> Vec<Address> {
        let (id, part) = address;
        let Some(relation) = self.by_id(id) else { return Vec::new() };
        let mut parts = Vec::new();
        match part {
            Part::Whole => {
                parts.extend(
                    relation.columns.iter().map(|column| (id, Part::Column(column.number))),
                );
                parts.extend(relation.columns.iter().map(|c| (id, Part::Default(c.number))));
                parts.extend(relation.constraints.iter().map(|c| (id, Part::Constraint(c.number))));
                parts.extend(relation.indexes.iter().map(|index| (index.id, Part::Whole)));
                let extra = relation.extra();
                parts.extend(extra.triggers.iter().map(|t| (id, Part::Trigger(t.number))));
                parts.extend(extra.policies.iter().map(|p| (id, Part::Policy(p.number))));
            }
            Part::Column(number) => {
                parts.push((id, Part::Default(number)));
                let Some(column) = relation.column_numbered(number) else { return parts };
                let name = &*column.name;
                let constraints = relation.constraints.iter();
                let about = constraints.filter(|found| found.columns.iter().any(|c| c == name));
                parts.extend(about.map(|found| (id, Part::Constraint(found.number))));
                let indexes = relation.indexes.iter().filter(|index| is_about(index, name));
                parts.extend(indexes.map(|index| (index.id, Part::Whole)));
            }
            Part::Constraint(number) => {
                let found = relation.constraints.iter().find(|found| found.number == number);
                if let Some(found) = found
                    && found.kind != ConstraintKind::ForeignKey
                {
                    parts.extend(found.index.map(|index| (index, Part::Whole)));
                }
                parts.extend(self.inherited_constraints(id, number));
            }
            Part::Default(_) | Part::Trigger(_) | Part::Policy(_) => {}
        }
        parts
    }

    /// Returns the constraints of other tables, or of the same one, that came with a constraint.
    fn inherited_constraints(&self, id: ObjectId, number: u32) -> Vec<Address> {
        let mut tables: Vec<ObjectId> = self.children(id).collect();
        tables.push(id);
        let mut found = Vec::new();
        for table in tables {
            let Some(relation) = self.by_id(table) else { continue };
            let came = relation.constraints.iter().filter(|c| c.parent == Some(number));
            found.extend(came.map(|constraint| (table, Part::Constraint(constraint.number))));
        }
        found
    }

    fn remove_one(&mut self, address: Address, origin: Origin) {
        let (id, part) = address;
        match part {
            Part::Whole => {
                self.remove_object(id, origin);
                return;
            }
            Part::Column(number) => self.change(id, |relation| {
                relation.changed = origin;
                let columns = &mut relation.columns;
                if let Some(at) = columns.iter().position(|column| column.number == number) {
                    let gone = columns.remove(at);
                    relation.extra_mut().dropped_columns.push((gone.name, origin));
                }
            }),
            Part::Default(number) => self.change(id, |relation| {
                if let Some(column) = relation.columns.find_mut(|c| c.number == number) {
                    column.default = None;
                    column.generated = None;
                }
            }),
            Part::Constraint(number) => {
                let mut gone = None;
                self.change(id, |relation| {
                    relation.changed = origin;
                    let all = &mut relation.constraints;
                    if let Some(at) = all.iter().position(|found| found.number == number) {
                        gone = Some(relation.name.sibling(all.remove(at).name));
                    }
                });
                if let Some(name) = gone {
                    self.forget_constraint_name(&name);
                }
            }
            Part::Trigger(number) => self.change(id, |relation| {
                relation.extra_mut().triggers.retain(|trigger| trigger.number != number);
            }),
            Part::Policy(number) => self.change(id, |relation| {
                relation.extra_mut().policies.retain(|policy| policy.number != number);
            }),
        }
        self.forget_edges(address);
    }

    /// Removes an object of which nothing else is left, and notes where that was.
    fn remove_object(&mut self, id: ObjectId, origin: Origin) {
        let Some(name) = self.name_of(id).cloned() else { return };
        let mut is_temporary = false;
        let space = match id.class {
            Class::Relation => {
                if let Some(relation) = self.by_id(id) {
                    is_temporary = relation.temporary;
                }
                Space::Relation
            }
            Class::Type => Space::Type,
            Class::Function => Space::Function,
            Class::Other => self.others.get(&id).map_or(Space::Type, |o| Space::Other(o.kind)),
        };
        self.forget(id);
        if !is_temporary {
            self.dropped.insert((space, name), origin);
        }
    }

    /// Takes an object out of the lists.
    pub(super) fn forget(&mut self, id: ObjectId) {
        self.forget_edges((id, Part::Whole));
        match id.class {
            Class::Relation => {
                let Some(relation) = self.relations.remove(&id) else { return };
                self.relation_names.remove(&relation.name);
                for parent in &relation.parents {
                    self.children.remove(&(*parent, id));
                }
                self.forget_index(&relation);
            }
            Class::Type => {
                if let Some(found) = self.types.remove(&id) {
                    self.type_names.remove(&found.name);
                }
            }
            Class::Function => {
                let Some(found) = self.functions.remove(&id) else { return };
                if let Some(all) = self.function_names.get_mut(&found.name) {
                    all.retain(|other| *other != id);
                    if all.is_empty() {
                        self.function_names.remove(&found.name);
                    }
                }
            }
            Class::Other => {
                if let Some(found) = self.others.remove(&id) {
                    self.other_names.remove(&(found.kind, found.name.clone()));
                    if found.kind == crate::sql::ObjectKind::Schema {
                        self.move_default_privileges(&found.name.name, None);
                    }
                }
            }
        }
    }

    fn forget_index(&mut self, relation: &Relation) {
        if matches!(relation.kind, RelationKind::Index | RelationKind::PartitionedIndex) {
            for table in &relation.uses {
                self.change(*table, |table| table.indexes.retain(|i| i.id != relation.id));
            }
        }
    }

    /// Makes the answer of a server that will not drop something on which something else depends.
    fn depended_on(&self, target: Address, dependent: Address, on: Address) -> Failure {
        let message =
            format!("cannot drop {} because other objects depend on it", self.describe(target));
        let because = self.created(dependent).map_or(Because::Always, Because::Made);
        let detail = format!("{} depends on {}", self.describe(dependent), self.describe(on));
        Failure::new("2BP01", message, because).detail(detail)
    }

    fn created(&self, address: Address) -> Option<Origin> {
        let (id, part) = address;
        let Some(relation) = self.by_id(id) else {
            return match id.class {
                Class::Type => self.types.get(&id).map(|found| found.created),
                Class::Function => self.functions.get(&id).map(|found| found.created),
                _ => self.others.get(&id).map(|found| found.created),
            };
        };
        let extra = relation.extra();
        let part = match part {
            Part::Column(number) | Part::Default(number) => {
                relation.column_numbered(number).map(|column| column.created)
            }
            Part::Constraint(number) => {
                relation.constraints.iter().find(|c| c.number == number).map(|c| c.created)
            }
            Part::Policy(number) => {
                extra.policies.iter().find(|p| p.number == number).map(|p| p.created)
            }
            Part::Trigger(number) => {
                extra.triggers.iter().find(|t| t.number == number).map(|t| t.created)
            }
            Part::Whole => None,
        };
        part.or(Some(relation.created))
    }

    /// Names an object or a part as the server's messages do.
    pub(super) fn describe(&self, address: Address) -> String {
        let (id, part) = address;
        let short = |name: &QualifiedName| match &*name.schema {
            "public" => name.name.to_string(),
            _ => name.to_string(),
        };
        let Some(relation) = self.by_id(id) else {
            return match id.class {
                Class::Function => self.functions.get(&id).map_or_else(String::new, |found| {
                    let inputs = found.inputs().map(|(a, id)| self.format_type(&a.type_name, *id));
                    let inputs: Vec<String> = inputs.collect();
                    format!("{} {}({})", found.kind.as_str(), short(&found.name), inputs.join(","))
                }),
                Class::Other => self.others.get(&id).map_or_else(String::new, |found| {
                    format!("{} {}", found.kind.as_str(), found.name.name)
                }),
                _ => self.name_of(id).map_or_else(String::new, |n| format!("type {}", short(n))),
            };
        };
        let table = format!("{} {}", plain_kind(relation.kind), short(&relation.name));
        let named = |kind: &str, name: Option<&str>| {
            name.map_or(table.clone(), |name| format!("{kind} {name} on {table}"))
        };
        let column = |number| relation.column_numbered(number).map(|c| c.name.to_string());
        match part {
            Part::Whole => table,
            Part::Column(number) => match column(number) {
                Some(name) => format!("column {name} of {table}"),
                None => table,
            },
            Part::Default(number) => match column(number) {
                Some(name) => format!("default value for column {name} of {table}"),
                None => table,
            },
            Part::Constraint(number) => {
                let found = relation.constraints.iter().find(|c| c.number == number);
                named("constraint", found.map(|found| &*found.name))
            }
            Part::Trigger(number) => {
                let found = relation.extra().triggers.iter().find(|t| t.number == number);
                named("trigger", found.map(|found| &*found.name))
            }
            Part::Policy(number) => {
                let found = relation.extra().policies.iter().find(|p| p.number == number);
                named("policy", found.map(|found| &*found.name))
            }
        }
    }
}

/// Returns the kind of a relation as the server's lists of dependencies spell it.
pub(super) fn plain_kind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::PartitionedTable => "table",
        RelationKind::PartitionedIndex => "index",
        kind => kind.as_str(),
    }
}

/// Returns whether an index needs a column: as key, included, in an expression or in its `WHERE`.
pub(super) fn is_about(index: &super::Index, column: &str) -> bool {
    let detail = index.detail();
    let expressions = detail.expressions.iter().map(|(_, e)| e).chain(&detail.predicate);
    index.columns.iter().flatten().chain(&index.include).any(|key| key == column)
        || expressions.into_iter().any(|expression| expression.mentions(column))
}
