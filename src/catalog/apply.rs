//! What an action does to a catalog.

use std::sync::Arc;

use super::object::{
    Column, Constraint, EnumLabel, EnumType, Index, Origin, Relation, RelationKind,
};
use super::{Catalog, Lookup, QualifiedName, SearchPath, TEMPORARY, created_name, made_name};
use crate::sql::{
    Action, AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintKind, Create,
    CreateIndex, CreateTable, CreateView, Drop, ObjectKind, Persistence, RelationName, TableChange,
};

impl Catalog {
    /// Applies one action, done at `origin` with the search path `path`.
    pub fn apply(&mut self, action: &Action, origin: Origin, path: &SearchPath) {
        match action {
            Action::CreateTable(create) => self.create_table(create, origin, path),
            Action::CreateIndex(create) => self.create_index(create, origin, path),
            Action::CreateView(create) => self.create_view(create, origin, path),
            Action::AlterTable(alter) => self.alter_table(alter, origin, path),
            Action::CreateEnum { name, labels } => {
                let name = created_name(name, path);
                let label =
                    |label: &String| EnumLabel { label: label.as_str().into(), added: origin };
                let labels = labels.iter().map(label).collect();
                self.enums
                    .insert(name.clone(), Arc::new(EnumType { name, labels, created: origin }));
            }
            Action::AddEnumValue { name, label, .. } => {
                let added = EnumLabel { label: label.as_str().into(), added: origin };
                self.change_enum(name, origin, path, |labels| {
                    if labels.iter().all(|other| other.label != added.label) {
                        labels.push(added);
                    }
                });
            }
            Action::RenameEnumValue { name, from, to } => {
                self.change_enum(name, origin, path, |labels| {
                    for label in labels.iter_mut().filter(|label| *label.label == **from) {
                        label.label = to.as_str().into();
                    }
                });
            }
            Action::Create(create) => self.create(create, origin, path),
            Action::Drop(drop) => self.drop(drop, origin, path),
            Action::Rename(rename) => self.rename(rename, origin, path),
            Action::SetSchema { name, schema, .. } => {
                let to = QualifiedName::new(schema, &name.name);
                self.move_relation(name, to, origin, path);
            }
            Action::Do(block) => {
                for action in &block.actions {
                    self.apply(action, origin, path);
                }
            }
            Action::Truncate { .. }
            | Action::Lock { .. }
            | Action::Reindex { .. }
            | Action::Cluster { .. }
            | Action::Vacuum { .. }
            | Action::Analyze { .. }
            | Action::RefreshMaterializedView { .. }
            | Action::Comment { .. }
            | Action::Grant(_)
            | Action::Dml(_)
            | Action::Set(_)
            | Action::SetDefault(_)
            | Action::Transaction(_)
            | Action::Call { .. }
            | Action::NonTransactional { .. }
            | Action::Other { .. } => {}
        }
    }

    /// Notes that a statement needs `name`, so that a name that nothing made shows.
    pub fn need(&mut self, name: &RelationName, origin: Origin, path: &SearchPath) {
        let is_system = matches!(name.schema.as_deref(), Some("pg_catalog" | "information_schema"))
            || name.schema.is_none() && name.name.starts_with("pg_");
        if is_system || name.is_dynamic() {
            return;
        }
        if matches!(self.relation(name, path), Lookup::Unknown) {
            let full = created_name(name, path);
            if !self.external.contains_key(&full) {
                self.external.insert(full, origin);
            }
        }
    }

    /// Ends a session: what is temporary goes with it.
    pub fn end_session(&mut self) {
        if !std::mem::take(&mut self.has_temporary) {
            return;
        }
        for name in self.names_in(TEMPORARY) {
            self.relations.remove(&name);
        }
    }

    /// Returns the names of the relations in a schema.
    pub(super) fn names_in(&self, schema: &str) -> Vec<QualifiedName> {
        let names = self.relations.range(QualifiedName::new(schema, "")..).map(|(name, _)| name);
        names.take_while(|name| *name.schema == *schema).cloned().collect()
    }

    /// Notes that a relation cannot be without another.
    pub(super) fn add_user(&mut self, of: &QualifiedName, user: &QualifiedName) {
        self.users.entry(of.clone()).or_default().insert(user.clone());
    }

    /// Returns the relations that cannot be without another, and some that could not once.
    pub(super) fn users(&self, of: &QualifiedName) -> Vec<QualifiedName> {
        self.users.get(of).into_iter().flatten().cloned().collect()
    }

    pub(super) fn insert(&mut self, relation: Relation) {
        self.dropped.remove(&relation.name);
        self.has_temporary |= relation.temporary;
        for table in &relation.uses {
            self.add_user(table, &relation.name);
        }
        for parent in &relation.parents {
            self.add_child(parent.clone(), &relation.name);
        }
        self.relations.insert(relation.name.clone(), Arc::new(relation));
    }

    fn add_child(&mut self, parent: QualifiedName, child: &QualifiedName) {
        self.children.entry(parent).or_default().insert(child.clone());
    }

    pub(super) fn remove_child(&mut self, parent: &QualifiedName, child: &QualifiedName) {
        if let Some(children) = self.children.get_mut(parent) {
            children.remove(child);
        }
    }

    fn create_table(&mut self, create: &CreateTable, origin: Origin, path: &SearchPath) {
        let Some(name) = &create.name else { return };
        if name.is_dynamic() {
            return;
        }
        let is_temporary = create.persistence == Persistence::Temporary;
        let full = made_name(name, is_temporary, path);
        if create.if_not_exists && self.relations.contains_key(&full) {
            return;
        }
        let kind = match (create.partitioned, create.foreign) {
            (true, _) => RelationKind::PartitionedTable,
            (_, true) => RelationKind::ForeignTable,
            _ => RelationKind::Table,
        };
        let mut table = Relation::new(full, kind, origin);
        table.temporary = is_temporary;
        table.maybe_older = create.if_not_exists;
        table.columns_unknown = create.columns_unknown;
        for source in create.partition_of.iter().chain(&create.inherits).chain(&create.like) {
            match self.relation(source, path).found() {
                Some(source) => table.columns.extend(source.columns.iter().cloned()),
                None => table.columns_unknown = true,
            }
        }
        let parents = create.partition_of.iter().chain(&create.inherits);
        table.parents = parents.map(|parent| self.resolve(parent, path)).collect();
        table.columns.reserve_exact(create.columns.len());
        for definition in &create.columns {
            self.add_column(&mut table, definition, origin, path);
        }
        for definition in &create.constraints {
            self.add_constraint(&mut table, definition, origin, path);
        }
        self.insert(table);
    }

    fn add_column(
        &mut self,
        table: &mut Relation,
        definition: &ColumnDefinition,
        origin: Origin,
        path: &SearchPath,
    ) {
        let serial = is_serial(&definition.type_name.name);
        if serial || definition.identity {
            let sequence = format!("{}_{}_seq", table.name.name, definition.name);
            let name = table.name.sibling(sequence);
            self.insert(Relation::new(name, RelationKind::Sequence, origin));
        }
        let column = Column {
            name: definition.name.clone(),
            type_name: definition.type_name.clone(),
            not_null: definition.not_null || serial,
            has_default: definition.default.is_some()
                || serial
                || definition.identity
                || definition.generated,
            created: origin,
        };
        if table.columns.len() < MAX_COLUMNS {
            table.columns.retain(|other| other.name != column.name);
            // Catalogs are kept at many places of a history: no list is larger than it needs to be.
            table.columns.reserve_exact(1);
            table.columns.push(column);
        }
        for constraint in &definition.constraints {
            self.add_constraint(table, constraint, origin, path);
        }
    }

    fn add_constraint(
        &mut self,
        table: &mut Relation,
        definition: &ConstraintDefinition,
        origin: Origin,
        path: &SearchPath,
    ) {
        let references = definition.references.as_ref().map(|name| self.resolve(name, path));
        let name = definition.name.clone();
        let unique = matches!(definition.kind, ConstraintKind::PrimaryKey | ConstraintKind::Unique);
        if definition.kind == ConstraintKind::PrimaryKey
            || definition.kind == ConstraintKind::NotNull
        {
            for column in table
                .columns
                .iter_mut()
                .filter(|c| definition.columns.iter().any(|d| **d == *c.name))
            {
                column.not_null = true;
            }
        }
        let mut columns = definition.columns.clone();
        if let Some(index) = &definition.using_index {
            columns = self.use_index(table, index, definition, origin);
        } else if unique {
            let index_name: Arc<str> = name.clone().unwrap_or_else(|| {
                let suffix = if definition.kind == ConstraintKind::PrimaryKey {
                    "pkey".to_owned()
                } else {
                    format!("{}_key", definition.columns.join("_"))
                };
                format!("{}_{suffix}", table.name.name).into()
            });
            let index = Index {
                name: Some(index_name.clone()),
                columns: definition.columns.iter().cloned().map(Some).collect(),
                unique: true,
                partial: false,
                created: origin,
            };
            table.indexes.reserve_exact(1);
            table.indexes.push(index);
            self.insert_index(&table.name, &index_name, origin);
        }
        table.constraints.reserve_exact(1);
        if let Some(references) = &references {
            self.add_user(references, &table.name);
        }
        table.constraints.push(Constraint {
            name: name
                .or(definition.using_index.as_deref().map(Into::into))
                .or_else(|| default_constraint_name(table, definition)),
            kind: definition.kind,
            columns,
            references,
            validated: definition.validated,
            created: origin,
        });
    }

    /// Makes an index that is there the one of a constraint, whose name it takes. Returns its columns.
    fn use_index(
        &mut self,
        table: &mut Relation,
        index: &str,
        definition: &ConstraintDefinition,
        origin: Origin,
    ) -> Vec<String> {
        let to = definition.name.as_deref().unwrap_or(index);
        let name = |name: &str| QualifiedName::new(&table.name.schema, name);
        let (from, to) = (name(index), name(to));
        let is_it = |found: &&mut Index| found.name.as_deref() == Some(index);
        let Some(found) = table.indexes.iter_mut().find(is_it) else { return Vec::new() };
        found.name = Some(to.name.clone());
        let columns: Vec<String> = found.columns.iter().flatten().cloned().collect();
        if definition.kind == ConstraintKind::PrimaryKey {
            let keys = table
                .columns
                .iter_mut()
                .filter(|column| columns.iter().any(|key| **key == *column.name));
            keys.for_each(|column| column.not_null = true);
        }
        if from != to {
            self.relocate(&from, to, origin);
        }
        columns
    }

    fn insert_index(&mut self, table: &QualifiedName, name: &Arc<str>, origin: Origin) {
        let mut index = Relation::new(table.sibling(name.clone()), RelationKind::Index, origin);
        index.uses = vec![table.clone()];
        self.insert(index);
    }

    fn create_index(&mut self, create: &CreateIndex, origin: Origin, path: &SearchPath) {
        if create.table.is_dynamic() {
            return;
        }
        let table = self.resolve(&create.table, path);
        let name = create.name.clone().unwrap_or_else(|| {
            let columns: Vec<&str> =
                create.columns.iter().map(|column| column.as_deref().unwrap_or("expr")).collect();
            format!("{}_{}_idx", table.name, columns.join("_")).into()
        });
        let exists = self.relations.contains_key(&table.sibling(name.clone()));
        if create.if_not_exists && exists {
            return;
        }
        let index = Index {
            name: Some(name.clone()),
            columns: create.columns.clone(),
            unique: create.unique,
            partial: create.partial,
            created: origin,
        };
        self.change(&table, |table| {
            table.indexes.reserve_exact(1);
            table.indexes.push(index);
        });
        self.insert_index(&table, &name, origin);
    }

    fn create_view(&mut self, create: &CreateView, origin: Origin, path: &SearchPath) {
        if create.name.is_dynamic() {
            return;
        }
        let kind =
            if create.materialized { RelationKind::MaterializedView } else { RelationKind::View };
        let name = made_name(&create.name, create.temporary, path);
        let mut view = Relation::new(name, kind, origin);
        if create.if_not_exists && self.relations.contains_key(&view.name) {
            return;
        }
        view.temporary = create.temporary;
        view.columns_unknown = true;
        view.uses = create.reads.iter().map(|name| self.resolve(name, path)).collect();
        self.insert(view);
    }

    fn create(&mut self, create: &Create, origin: Origin, path: &SearchPath) {
        if create.kind == ObjectKind::Sequence && !create.name.is_dynamic() {
            let name = created_name(&create.name, path);
            if !(create.if_not_exists && self.relations.contains_key(&name)) {
                self.insert(Relation::new(name, RelationKind::Sequence, origin));
            }
        }
    }

    fn drop(&mut self, drop: &Drop, origin: Origin, path: &SearchPath) {
        match drop.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => {
                if let Lookup::Found(relation) = self.relation(&drop.name, path) {
                    let name = relation.name.clone();
                    self.remove(&name, origin);
                } else if !drop.name.is_dynamic() && !drop.if_exists {
                    self.dropped.insert(created_name(&drop.name, path), origin);
                }
            }
            ObjectKind::Type => {
                let name = self.enum_type(&drop.name, path).map(|found| found.name.clone());
                if let Some(name) = name {
                    self.enums.remove(&name);
                }
            }
            ObjectKind::Schema if drop.cascade => {
                for name in self.names_in(&drop.name.name) {
                    self.remove(&name, origin);
                }
            }
            _ => {}
        }
    }

    fn alter_table(&mut self, alter: &AlterTable, origin: Origin, path: &SearchPath) {
        let Lookup::Found(found) = self.relation(&alter.table, path) else { return };
        let name = found.name.clone();
        match &alter.change {
            TableChange::AddColumn { column, if_not_exists } => {
                if !(*if_not_exists && found.column(&column.name).is_some()) {
                    self.extend(&name, |catalog, table| {
                        catalog.add_column(table, column, origin, path);
                    });
                }
            }
            TableChange::AddConstraint(definition) => self.extend(&name, |catalog, table| {
                catalog.add_constraint(table, definition, origin, path);
            }),
            TableChange::DropColumn { column, .. } => {
                self.change(&name, |table| {
                    table.columns.retain(|found| *found.name != **column);
                    table.constraints.retain(|found| !found.columns.contains(column));
                });
                self.remove_indexes(&name, origin, |index| {
                    index.columns.iter().flatten().any(|key| key == column)
                });
            }
            TableChange::SetType { column, type_name, .. } => {
                let type_name = type_name.clone();
                self.change_column(&name, column, |column| column.type_name = type_name);
            }
            TableChange::SetDefault { column, default } => {
                self.change_column(&name, column, |column| column.has_default = default.is_some());
            }
            TableChange::SetNotNull { column } => {
                self.change_column(&name, column, |column| column.not_null = true);
            }
            TableChange::DropNotNull { column } => {
                self.change_column(&name, column, |column| column.not_null = false);
            }
            TableChange::DropConstraint { name: constraint, .. } => {
                let is_it = |name: &Option<Arc<str>>| name.as_deref() == Some(constraint.as_str());
                self.change(&name, |table| table.constraints.retain(|found| !is_it(&found.name)));
                self.remove_indexes(&name, origin, |index| is_it(&index.name));
            }
            TableChange::ValidateConstraint { name: constraint } => self.change(&name, |table| {
                for found in &mut table.constraints {
                    if found.name.as_deref() == Some(constraint.as_str()) {
                        found.validated = true;
                    }
                }
            }),
            TableChange::AttachPartition { partition } => {
                if let Lookup::Found(partition) = self.relation(partition, path) {
                    let partition = partition.name.clone();
                    self.add_child(name.clone(), &partition);
                    self.change(&partition, |partition| partition.parents.push(name));
                }
            }
            TableChange::DetachPartition { partition, .. } => {
                if let Lookup::Found(partition) = self.relation(partition, path) {
                    let partition = partition.name.clone();
                    self.remove_child(&name, &partition);
                    self.change(&partition, |partition| partition.parents.retain(|p| *p != name));
                }
            }
            TableChange::Other { .. } => {}
        }
    }

    /// Changes a table and the catalog around it. The table itself is not copied for that, which would
    /// cost too much where a thousand statements add to it.
    fn extend(&mut self, name: &QualifiedName, extend: impl FnOnce(&mut Self, &mut Relation)) {
        let Some(slot) = self.relations.get_mut(name) else { return };
        // Who looks the table up meanwhile finds its name.
        let stand_in = Relation::new(name.clone(), slot.kind, slot.created);
        let mut table = std::mem::replace(slot, Arc::new(stand_in));
        extend(self, Arc::make_mut(&mut table));
        self.relations.insert(name.clone(), table);
    }

    pub(super) fn change(&mut self, name: &QualifiedName, change: impl FnOnce(&mut Relation)) {
        if let Some(relation) = self.relations.get_mut(name) {
            change(Arc::make_mut(relation));
        }
    }

    fn change_column(
        &mut self,
        table: &QualifiedName,
        column: &str,
        change: impl FnOnce(&mut Column),
    ) {
        self.change(table, |table| {
            if let Some(column) = table.columns.iter_mut().find(|found| &*found.name == column) {
                change(column);
            }
        });
    }

    fn change_enum(
        &mut self,
        name: &RelationName,
        origin: Origin,
        path: &SearchPath,
        change: impl FnOnce(&mut Vec<EnumLabel>),
    ) {
        if name.is_dynamic() {
            return;
        }
        let full = match self.enum_type(name, path) {
            Some(found) => found.name.clone(),
            None => created_name(name, path),
        };
        // A type that nothing at hand made is older than the files: it has labels nobody knows.
        let older = Origin { migration: u32::MAX, transaction: u32::MAX, ..origin };
        let unknown =
            || Arc::new(EnumType { name: full.clone(), labels: Vec::new(), created: older });
        let entry = self.enums.entry(full.clone()).or_insert_with(unknown);
        change(&mut Arc::make_mut(entry).labels);
    }
}

/// PostgreSQL refuses tables with more columns.
const MAX_COLUMNS: usize = 1600;

/// Returns whether a type name stands for an integer with a sequence of its own.
pub(crate) fn is_serial(name: &str) -> bool {
    matches!(name, "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8")
}

/// Returns the name that the server chooses for a constraint, without regard to clashes.
fn default_constraint_name(
    table: &Relation,
    definition: &ConstraintDefinition,
) -> Option<Arc<str>> {
    let suffix = match definition.kind {
        ConstraintKind::PrimaryKey => return Some(format!("{}_pkey", table.name.name).into()),
        ConstraintKind::Unique => "key",
        ConstraintKind::ForeignKey => "fkey",
        ConstraintKind::Check if definition.columns.len() == 1 => "check",
        ConstraintKind::Check | ConstraintKind::Exclusion | ConstraintKind::NotNull => return None,
    };
    Some(format!("{}_{}_{suffix}", table.name.name, definition.columns.join("_")).into())
}
