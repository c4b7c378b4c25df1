//! Foreign keys: what they refer to, and what they rely on.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Column, Constraint, Index, ObjectId};
use crate::catalog::{Because, Catalog, Env, Failure, builtin, naming};
use crate::sql::ConstraintDefinition;

impl Catalog {
    pub(super) fn add_foreign_key(
        &mut self,
        id: ObjectId,
        definition: &ConstraintDefinition,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(references) = &definition.references else { return Ok(()) };
        let target = self.find(references, env)?;
        for column in &definition.columns {
            let Some(table) = self.by_id(id) else { return Ok(()) };
            if !table.columns_unknown && table.column(column).is_none() {
                let because = self.no_column(id, column).because;
                let message = format!(
                    "column \"{column}\" referenced in foreign key constraint does not exist"
                );
                return Err(Failure::new("42703", message, because));
            }
        }
        let (referenced, index) = match target {
            Some(target) => self.referenced_key(target, definition)?,
            None => (definition.referenced_columns.clone(), None),
        };
        let name = if let Some(name) = &definition.name {
            self.refuse_same_constraint(id, name)?;
            name.clone()
        } else {
            self.foreign_key_name(id, &definition.columns)
        };
        if let Some(target) = target {
            self.refuse_other_persistence(id, target)?;
            self.refuse_other_types(id, target, &name, &definition.columns, &referenced, env)?;
        }
        let mut constraint = self.constraint(name, definition, env);
        constraint.references = target;
        constraint.referenced_columns = referenced;
        constraint.index = index;
        self.insert_foreign_key(id, constraint, env);
        Ok(())
    }

    /// Refuses a foreign key between columns whose types cannot be compared.
    pub(super) fn refuse_other_types(
        &self,
        id: ObjectId,
        target: ObjectId,
        name: &str,
        columns: &[String],
        referenced: &[String],
        env: &Env,
    ) -> Result<(), Failure> {
        let (Some(table), Some(other)) = (self.by_id(id), self.by_id(target)) else {
            return Ok(());
        };
        if other.external {
            return Ok(());
        }
        for (column, key) in columns.iter().zip(referenced) {
            let (Some(from), Some(to)) = (table.column(column), other.column(key)) else {
                continue;
            };
            if self.is_comparable(from, to, env) != builtin::Answer::No {
                continue;
            }
            let shown = |column: &Column| self.format_type(&column.type_name, column.type_id);
            // The server names types without their modifiers here.
            let plain = |text: String| text.split('(').next().unwrap_or_default().to_owned();
            let (from_type, to_type) = (plain(shown(from)), plain(shown(to)));
            let message = format!("foreign key constraint \"{name}\" cannot be implemented");
            let detail = match env.version.major {
                18.. => format!(
                    "Key columns \"{column}\" of the referencing table and \"{key}\" of the referenced table are of incompatible types: {from_type} and {to_type}."
                ),
                _ => format!(
                    "Key columns \"{column}\" and \"{key}\" are of incompatible types: {from_type} and {to_type}."
                ),
            };
            return Err(Failure::new("42804", message, Because::Made(to.created)).detail(detail));
        }
        Ok(())
    }

    /// Returns whether a foreign key can compare two columns; unknown for most types of users.
    pub(super) fn is_comparable(&self, from: &Column, to: &Column, env: &Env) -> builtin::Answer {
        let is_array =
            |column: &Column| column.type_name.dimensions > 0 || column.type_name.of_column;
        if from.type_id.is_some() || to.type_id.is_some() || is_array(from) || is_array(to) {
            return builtin::Answer::Unknown;
        }
        let spelling = |column: &Column| column.type_name.name.clone();
        builtin::foreign_key_equality(&spelling(from), &spelling(to), env.version)
    }

    pub(super) fn foreign_key_name(&self, id: ObjectId, columns: &[String]) -> Arc<str> {
        let addition = naming::addition(columns.iter().map(String::as_str));
        match self.by_id(id) {
            Some(table) => self.choose_constraint(&table.name.clone(), Some(&addition), "fkey"),
            None => naming::object_name("", Some(&addition), "fkey").into(),
        }
    }

    /// Adds a foreign key and what it relies on, and those of partitions.
    pub(super) fn insert_foreign_key(&mut self, id: ObjectId, key: Constraint, env: &Env) {
        let address = (id, Part::Constraint(key.number));
        self.push_constraint(id, key.clone());
        if let Some(target) = key.references {
            if target != id {
                self.depend(address, (target, Part::Whole), Strength::Normal);
            }
            let numbers: Vec<u16> = match self.by_id(target) {
                Some(table) => key
                    .referenced_columns
                    .iter()
                    .filter_map(|name| Some(table.column(name)?.number))
                    .collect(),
                None => Vec::new(),
            };
            for number in numbers {
                self.depend(address, (target, Part::Column(number)), Strength::Normal);
            }
            if let Some(index) = key.index {
                self.depend(address, (index, Part::Whole), Strength::Normal);
            }
            self.keys_to_partitions(id, target, &key, env);
        }
        for partition in self.partitions(id) {
            self.foreign_key_of_partition(partition, &key, env);
        }
    }

    /// Returns the columns that a foreign key refers to, and the index that makes them unique.
    pub(super) fn referenced_key(
        &self,
        target: ObjectId,
        definition: &ConstraintDefinition,
    ) -> Result<(Vec<String>, Option<ObjectId>), Failure> {
        let given = definition.referenced_columns.clone();
        let Some(table) = self.by_id(target).filter(|table| !table.external) else {
            return Ok((given, None));
        };
        if !table.is_table() {
            let message = format!("referenced relation \"{}\" is not a table", table.name.name);
            return Err(Failure::new("42809", message, Because::Made(table.created)));
        }
        if given.is_empty() {
            return match table.primary_key() {
                Some(key) => self.same_number(definition, &key.columns, key.index),
                None if table.columns_unknown => Ok((given, None)),
                None => {
                    let name = &table.name.name;
                    let message =
                        format!("there is no primary key for referenced table \"{name}\"");
                    Err(Failure::new("42704", message, Because::Made(table.created)))
                }
            };
        }
        for column in &given {
            if !table.columns_unknown && table.column(column).is_none() {
                let because = self.no_column(target, column).because;
                let message = format!(
                    "column \"{column}\" referenced in foreign key constraint does not exist"
                );
                return Err(Failure::new("42703", message, because));
            }
        }
        let is_match = |index: &&Index| {
            index.unique
                && !index.partial
                && index.columns.len() == given.len()
                && given.iter().all(|column| index.columns.iter().flatten().any(|k| k == column))
        };
        let mut found: Vec<&Index> = table.indexes.iter().filter(is_match).collect();
        found.sort_by_key(|index| !index.primary);
        match found.first() {
            Some(index) => self.same_number(definition, &given, Some(index.id)),
            None if table.columns_unknown => Ok((given, None)),
            None => {
                let message = format!(
                    "there is no unique constraint matching given keys for referenced table \"{}\"",
                    table.name.name
                );
                Err(Failure::new("42830", message, Because::Made(table.created)))
            }
        }
    }

    pub(super) fn same_number(
        &self,
        definition: &ConstraintDefinition,
        columns: &[String],
        index: Option<ObjectId>,
    ) -> Result<(Vec<String>, Option<ObjectId>), Failure> {
        if definition.columns.len() == columns.len() {
            return Ok((columns.to_vec(), index));
        }
        let message = "number of referencing and referenced columns for foreign key disagree";
        Err(Failure::new("42830", message, Because::Always))
    }
}
