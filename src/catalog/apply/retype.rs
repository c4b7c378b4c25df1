//! `ALTER COLUMN ... TYPE`.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{ObjectId, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{RelationName, TypeName};

impl Catalog {
    pub(super) fn set_type(
        &mut self,
        id: ObjectId,
        column: &str,
        type_name: &Arc<TypeName>,
        collation: Option<&RelationName>,
        env: &Env,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let (type_name, type_id) = self.column_type(type_name, env)?;
        let Some(found) = self.by_id(id).and_then(|table| table.column(column)) else {
            return Ok(());
        };
        let number = found.number;
        self.refuse_type_of_used_column(id, number, env)?;
        let column_address = (id, Part::Column(number));
        self.forget_needs(column_address);
        let collation = collation.cloned();
        self.change_column(id, column, env, |column| {
            column.type_name = type_name.clone();
            column.type_id = type_id;
            column.collation = collation;
        });
        if let Some(type_id) = type_id {
            self.depend(column_address, (type_id, Part::Whole), Strength::Normal);
        }
        self.refuse_keys_of_other_types(id, column, env)?;
        // The sequence of an identity column takes the new type; that of a serial column does not.
        let data_type = self.format_type(&type_name, type_id);
        for sequence in self.owned_sequences(id, number) {
            self.change(sequence, |sequence| {
                if let Some(found) = &mut sequence.extra_mut().sequence
                    && found.is_identity
                {
                    found.data_type = data_type.as_str().into();
                }
            });
        }
        let children: Vec<ObjectId> = self.children(id).collect();
        for child in children {
            self.set_type(child, column, &type_name, None, env)?;
        }
        Ok(())
    }

    /// Refuses a type that a foreign key on the column, or to it, cannot compare with the other side. Those
    /// of a table to itself are left out: the same statement may change both sides.
    fn refuse_keys_of_other_types(
        &self,
        id: ObjectId,
        column: &str,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let others = self.related(id).into_iter().filter(|other| other.id != id);
        let tables = std::iter::once(table).chain(others);
        for (table, key) in
            tables.flat_map(|table| table.constraints.iter().map(move |key| (table, key)))
        {
            let Some(target) = key.references else { continue };
            let is_own = table.id == id && key.columns.iter().any(|name| name == column);
            let is_to_it = target == id && key.referenced_columns.iter().any(|name| name == column);
            if table.id != target && (is_own || is_to_it) {
                let (columns, referenced) = (&key.columns, &key.referenced_columns);
                self.refuse_other_types(table.id, target, &key.name, columns, referenced, env)?;
            }
        }
        Ok(())
    }

    /// Refuses to change the type of a column that came from above, or from a composite type.
    pub(super) fn refuse_retype(
        &self,
        id: ObjectId,
        column: &str,
        only: bool,
    ) -> Result<(), Failure> {
        self.need_column(id, column)?;
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let Some(found) = table.column(column) else { return Ok(()) };
        let because = Because::Made(found.created);
        if table.extra().of_type.is_some() {
            let because = Because::Made(table.created);
            return Err(Failure::new("42809", "cannot alter column type of typed table", because));
        }
        if let Some(key) = &table.extra().partition_by {
            let name = &table.name.name;
            if key.columns.iter().flatten().any(|key| **key == *column) {
                let message = format!(
                    "cannot alter column \"{column}\" because it is part of the partition key of relation \"{name}\""
                );
                return Err(Failure::new("42P16", message, Because::Made(table.created)));
            }
        }
        if found.inherited > 0 {
            let message = format!("cannot alter inherited column \"{column}\"");
            return Err(Failure::new("42P16", message, because));
        }
        if only && self.children(id).next().is_some() {
            let message = format!(
                "type of inherited column \"{column}\" must be changed in child tables too"
            );
            return Err(Failure::new("42P16", message, because));
        }
        Ok(())
    }

    /// Refuses to change the type of a column that a view, rule, policy or trigger uses.
    pub(super) fn refuse_type_of_used_column(
        &self,
        id: ObjectId,
        number: u16,
        env: &Env,
    ) -> Result<(), Failure> {
        for ((user, part), _) in self.dependents_of((id, Part::Column(number))) {
            let what = match part {
                Part::Whole if self.by_id(user).is_some_and(crate::catalog::Relation::is_view) => {
                    "cannot alter type of a column used by a view or rule"
                }
                Part::Policy(_) => "cannot alter type of a column used in a policy definition",
                Part::Trigger(_) => "cannot alter type of a column used in a trigger definition",
                Part::Column(other) if other != number => {
                    "cannot alter type of a column used by a generated column"
                }
                _ => continue,
            };
            let made = self.by_id(user).map_or(Because::Always, |r| Because::Made(r.created));
            let detail = format!(
                "{} depends on {}",
                self.describe((user, part)),
                self.describe((id, Part::Column(number)))
            );
            // Until 14 that of a generated column was taken for an error of syntax.
            let is_old = matches!(part, Part::Column(_)) && env.version.major < 15;
            let sqlstate = if is_old { "42601" } else { "0A000" };
            return Err(Failure::new(sqlstate, what, made).detail(detail));
        }
        Ok(())
    }

    /// Returns the sequences that a column owns.
    pub(super) fn owned_sequences(&self, id: ObjectId, number: u16) -> Vec<ObjectId> {
        let users = self.dependents_of((id, Part::Column(number)));
        users
            .filter(|((_, part), strength)| *part == Part::Whole && *strength == Strength::Auto)
            .map(|((user, _), _)| user)
            .filter(|user| self.by_id(*user).is_some_and(|r| r.kind == RelationKind::Sequence))
            .collect()
    }
}
