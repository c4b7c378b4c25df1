//! What renaming, moving and dropping do to a catalog.

use std::sync::Arc;

use super::object::{Index, Origin, Relation, RelationKind};
use super::{Catalog, Lookup, QualifiedName, SearchPath};
use crate::sql::{ObjectKind, RelationName, Rename, RenamedPart};

impl Catalog {
    /// Removes a relation, and with a table its indexes and owned sequences, the foreign keys that refer
    /// to it and the views that read it.
    pub(super) fn remove(&mut self, name: &QualifiedName, origin: Origin) {
        let mut gone = vec![name.clone()];
        while let Some(name) = gone.pop() {
            self.remove_one(&name, origin);
            for user in self.users(&name) {
                match self.get(&user) {
                    Some(view) if view.is_view() && view.uses.contains(&name) => gone.push(user),
                    Some(table) if table.is_table() => self.change(&user, |table| {
                        table.constraints.retain(|key| key.references.as_ref() != Some(&name));
                    }),
                    Some(_) | None => {}
                }
            }
        }
    }

    fn remove_one(&mut self, name: &QualifiedName, origin: Origin) {
        let Some(relation) = self.relations.remove(name) else { return };
        if !relation.temporary {
            self.dropped.insert(name.clone(), origin);
        }
        for parent in &relation.parents {
            self.remove_child(parent, name);
        }
        for part in relation.indexes.iter().filter_map(|index| index.name.clone()) {
            let part = name.sibling(part);
            self.relations.remove(&part);
            self.dropped.insert(part, origin);
        }
        for column in &relation.columns {
            let sequence = format!("{}_{}_seq", name.name, column.name);
            self.relations.remove(&name.sibling(sequence));
        }
        if relation.kind == RelationKind::Index {
            for table in &relation.uses {
                self.change(table, |table| {
                    table.indexes.retain(|index| index.name.as_deref() != Some(&*name.name));
                });
            }
        }
    }

    /// Removes those indexes of a table for which `goes` holds; their names are free again.
    pub(super) fn remove_indexes(
        &mut self,
        table: &QualifiedName,
        origin: Origin,
        goes: impl Fn(&Index) -> bool,
    ) {
        let indexes = self.get(table).map(|table| table.indexes.as_slice()).unwrap_or_default();
        let names: Vec<QualifiedName> = indexes
            .iter()
            .filter(|index| goes(index))
            .filter_map(|index| Some(QualifiedName::new(&table.schema, index.name.as_deref()?)))
            .collect();
        self.change(table, |table| table.indexes.retain(|index| !goes(index)));
        for name in names {
            self.relations.remove(&name);
            self.dropped.insert(name, origin);
        }
    }

    pub(super) fn rename(&mut self, rename: &Rename, origin: Origin, path: &SearchPath) {
        match &rename.part {
            RenamedPart::Whole if rename.kind == ObjectKind::Type => {
                let found = self.enum_type(&rename.name, path).cloned();
                if let Some(mut found) = found {
                    self.enums.remove(&found.name);
                    found.name.name = rename.to.as_str().into();
                    self.enums.insert(found.name.clone(), Arc::new(found));
                }
            }
            RenamedPart::Whole if rename.kind == ObjectKind::Schema => {
                for name in self.names_in(&rename.name.name) {
                    let to = QualifiedName::new(&rename.to, &name.name);
                    self.relocate(&name, to, origin);
                }
            }
            RenamedPart::Whole => {
                let to = self.resolve(&rename.name, path);
                let to = to.sibling(rename.to.as_str());
                self.move_relation(&rename.name, to, origin, path);
            }
            RenamedPart::Column(column) => {
                let table = self.resolve(&rename.name, path);
                self.change(&table, |table| rename_column(table, column, &rename.to));
            }
            RenamedPart::Constraint(constraint) => {
                let table = self.resolve(&rename.name, path);
                self.change(&table, |table| {
                    for found in &mut table.constraints {
                        if found.name.as_deref() == Some(constraint.as_str()) {
                            found.name = Some(rename.to.as_str().into());
                        }
                    }
                });
            }
        }
    }

    pub(super) fn move_relation(
        &mut self,
        from: &RelationName,
        to: QualifiedName,
        origin: Origin,
        path: &SearchPath,
    ) {
        if let Lookup::Found(relation) = self.relation(from, path) {
            let from = relation.name.clone();
            self.relocate(&from, to, origin);
        }
    }

    pub(super) fn relocate(&mut self, from: &QualifiedName, to: QualifiedName, origin: Origin) {
        let Some(relation) = self.relations.remove(from) else { return };
        let mut relation = Arc::unwrap_or_clone(relation);
        if !relation.temporary {
            self.dropped.insert(from.clone(), origin);
        }
        for parent in &relation.parents {
            self.remove_child(parent, from);
        }
        if let Some(children) = self.children.remove(from) {
            for child in &children {
                self.change(child, |child| replace(&mut child.parents, from, &to));
            }
            self.children.insert(to.clone(), children);
        }
        for user in self.users(from) {
            self.add_user(&to, &user);
            self.change(&user, |user| {
                replace(&mut user.uses, from, &to);
                let keys = user.constraints.iter_mut();
                replace(keys.filter_map(|key| key.references.as_mut()), from, &to);
            });
        }
        let own = relation.constraints.iter_mut().filter_map(|key| key.references.as_mut());
        replace(own, from, &to);
        if from.schema != to.schema {
            for index in relation.indexes.iter().filter_map(|index| index.name.as_deref()) {
                let old = QualifiedName::new(&from.schema, index);
                if let Some(found) = self.relations.remove(&old) {
                    let mut found = Arc::unwrap_or_clone(found);
                    found.name = QualifiedName::new(&to.schema, index);
                    self.insert(found);
                }
            }
        }
        if relation.kind == RelationKind::Index {
            for table in &relation.uses {
                self.change(table, |table| {
                    for index in &mut table.indexes {
                        if index.name.as_deref() == Some(&*from.name) {
                            index.name = Some(to.name.clone());
                        }
                    }
                });
            }
        }
        relation.name = to;
        self.insert(relation);
    }
}

/// Replaces a name among others.
fn replace<'a>(
    names: impl IntoIterator<Item = &'a mut QualifiedName>,
    from: &QualifiedName,
    to: &QualifiedName,
) {
    names.into_iter().filter(|name| *name == from).for_each(|name| to.clone_into(name));
}

fn rename_column(table: &mut Relation, from: &str, to: &str) {
    for column in table.columns.iter_mut().filter(|column| &*column.name == from) {
        column.name = to.into();
    }
    let constraints = table.constraints.iter_mut().flat_map(|found| &mut found.columns);
    let indexes = table.indexes.iter_mut().flat_map(|found| &mut found.columns).flatten();
    for name in constraints.chain(indexes).filter(|name| *name == from) {
        to.clone_into(name);
    }
}
