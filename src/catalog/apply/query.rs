//! What is made of a query: views, materialized views, `CREATE TABLE AS`.

use std::sync::Arc;

use super::refuse::refuse_temporary_in;
use crate::catalog::analyse::{Analysis, Completeness};
use crate::catalog::depend::{Address, Part, Strength};
use crate::catalog::object::{Class, Column, ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, made_name};
use crate::sql::tree::Query;
use crate::sql::{CreateTable, CreateView, RelationName};

/// The columns of what is made of a query, and what it needs.
struct Made {
    columns: Vec<Column>,
    columns_unknown: bool,
    needs: Vec<Address>,
}

impl Catalog {
    pub(super) fn create_view(&mut self, create: &CreateView, env: &Env) -> Result<(), Failure> {
        if create.name.is_dynamic() {
            return Ok(());
        }
        let kind = match create.materialized {
            true => RelationKind::MaterializedView,
            false => RelationKind::View,
        };
        refuse_temporary_in(&create.name, create.temporary)?;
        let full = made_name(&create.name, create.temporary, &env.path);
        let there = self.get(&full).filter(|there| !there.external).map(|there| there.id);
        if there.is_some() && create.if_not_exists {
            return Ok(());
        }
        let replaced = there.filter(|_| create.or_replace);
        if replaced.is_none() {
            self.refuse_taken(&full)?;
            self.refuse_taken_type(&full)?;
        }
        let too_many = match create.materialized {
            true => "too many column names were specified",
            false => "CREATE VIEW specifies more column names than columns",
        };
        let made = self.read_all(&create.reads, env).and_then(|uses| {
            let made =
                self.make_of(create.query.as_deref(), &create.column_names, too_many, &uses, env)?;
            if let Some(id) = replaced {
                self.refuse_kind_of_view(id, kind)?;
                self.refuse_other_columns(id, &made, env)?;
            }
            refuse_repeated(&made.columns, self.because_of(&uses))?;
            Ok((uses, made))
        });
        let (uses, made) = match made {
            Ok(made) => made,
            Err(failure) => {
                if replaced.is_none() {
                    self.leave_unknown(&create.name, env);
                }
                return Err(failure);
            }
        };
        let query = create.query.as_ref().map(|query| self.query_of_view(query, env));
        let id = if let Some(id) = replaced {
            self.forget_needs((id, Part::Whole));
            self.change(id, |view| {
                view.uses = uses;
                view.query = query;
                view.changed = env.origin;
                view.columns = made.columns.into_iter().collect();
                view.columns_unknown = made.columns_unknown;
            });
            id
        } else {
            let known = self.relation_names.get(&full).copied();
            let id = known.unwrap_or_else(|| self.next_id(Class::Relation));
            let mut view = Relation::new(id, full, kind, env.origin);
            view.temporary = create.temporary;
            view.columns = made.columns.into_iter().collect();
            view.columns_unknown = made.columns_unknown;
            view.uses = uses;
            view.query = query;
            self.insert(view);
            id
        };
        for need in made.needs.into_iter().filter(|need| need.0 != id) {
            self.depend((id, Part::Whole), need, Strength::Normal);
        }
        self.types_of_columns(id);
        Ok(())
    }

    /// Adds the columns of its query to a table that is not yet in the catalog.
    pub(super) fn columns_of_query(
        &mut self,
        table: &mut Relation,
        create: &CreateTable,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(query) = create.query.as_deref() else { return Ok(()) };
        let uses = self.read_all(&create.reads, env)?;
        let too_many = "too many column names were specified";
        let made = self.make_of(Some(query), &create.column_names, too_many, &uses, env)?;
        refuse_repeated(&made.columns, self.because_of(&uses))?;
        table.columns = made.columns.into_iter().collect();
        table.columns_unknown = made.columns_unknown;
        Ok(())
    }

    /// Notes the types of the columns of a relation that is made of a query.
    pub(super) fn types_of_columns(&mut self, id: ObjectId) {
        let Some(relation) = self.by_id(id) else { return };
        let columns = relation.columns.iter();
        let types: Vec<(u16, ObjectId)> =
            columns.filter_map(|column| Some((column.number, column.type_id?))).collect();
        for (number, of) in types {
            self.depend((id, Part::Column(number)), (of, Part::Whole), Strength::Normal);
        }
    }

    fn read_all(&mut self, names: &[RelationName], env: &Env) -> Result<Vec<ObjectId>, Failure> {
        let mut found = Vec::new();
        for name in names {
            found.extend(self.find(name, env)?);
        }
        found.shrink_to_fit();
        Ok(found)
    }

    /// Returns what a relation of this query has and needs.
    fn make_of(
        &self,
        query: Option<&Query>,
        names: &[String],
        too_many: &str,
        uses: &[ObjectId],
        env: &Env,
    ) -> Result<Made, Failure> {
        let mut analysis = match query {
            Some(query) => self.analyse_query(query, env),
            None => Analysis::default(),
        };
        if let Some(failure) = analysis.failure.take() {
            return Err(failure);
        }
        let mut made = Made { columns: Vec::new(), columns_unknown: true, needs: analysis.needs };
        if analysis.completeness != Completeness::Complete {
            made.needs.extend(uses.iter().map(|used| (*used, Part::Whole)));
        }
        if analysis.completeness == Completeness::Unknown {
            return Ok(made);
        }
        if names.len() > analysis.columns.len() && !self.is_uncertain() {
            return Err(Failure::new("42601", too_many, self.because_of(uses)));
        }
        made.columns_unknown = false;
        let mut names = names.iter();
        made.columns = analysis
            .columns
            .into_iter()
            .zip(1..)
            .map(|(column, number)| {
                let (type_name, type_id) = column.data_type.unwrap_or_default();
                let name = names.next().map_or(column.name, |name| Arc::from(name.as_str()));
                Column { number, ..Column::new(&name, type_name, type_id, env.origin) }
            })
            .collect();
        Ok(made)
    }

    /// Returns what decides the columns of a query that reads these relations.
    fn because_of(&self, uses: &[ObjectId]) -> Because {
        let last = uses.iter().rev().find_map(|id| self.by_id(*id));
        last.map_or(Because::Always, |relation| Because::Made(relation.changed))
    }

    fn refuse_kind_of_view(&self, id: ObjectId, kind: RelationKind) -> Result<(), Failure> {
        let Some(old) = self.by_id(id).filter(|old| old.kind != kind) else { return Ok(()) };
        let message = format!("\"{}\" is not a view", old.name.name);
        Err(Failure::new("42809", message, Because::Made(old.created)))
    }

    /// Refuses to replace a view by one that lacks columns, or has others in their places.
    ///
    /// Source: `checkViewColumns` of the server's `view.c`.
    fn refuse_other_columns(&self, id: ObjectId, made: &Made, env: &Env) -> Result<(), Failure> {
        let Some(old) = self.by_id(id) else { return Ok(()) };
        if old.columns_unknown || made.columns_unknown || self.is_uncertain() {
            return Ok(());
        }
        let refuse =
            |message: String| Err(Failure::new("42P16", message, Because::Made(old.changed)));
        if made.columns.len() < old.columns.len() {
            return refuse("cannot drop columns from view".to_owned());
        }
        for (before, after) in old.columns.iter().zip(&made.columns) {
            if before.name != after.name {
                return refuse(format!(
                    "cannot change name of view column \"{}\" to \"{}\"",
                    before.name, after.name
                ));
            }
            if before.type_name.name.is_empty() || after.type_name.name.is_empty() {
                continue;
            }
            let types = [before, after].map(|c| self.format_type(&c.type_name, c.type_id));
            if types[0] != types[1] {
                let [from, to] = [before, after].map(|c| self.shown_type(c, env));
                return refuse(format!(
                    "cannot change data type of view column \"{}\" from {from} to {to}",
                    before.name
                ));
            }
        }
        Ok(())
    }

    /// Returns the type of a column as the server's messages spell it: without the schema if that is
    /// on the search path.
    fn shown_type(&self, column: &Column, env: &Env) -> String {
        let shown = self.format_type(&column.type_name, column.type_id);
        let found = column.type_id.and_then(|id| self.name_of(id));
        let schema = found.map(|name| &name.schema).filter(|schema| env.path.contains(schema));
        match schema.and_then(|schema| shown.strip_prefix(&format!("{schema}."))) {
            Some(plain) => plain.to_owned(),
            None => shown,
        }
    }
}

fn refuse_repeated(columns: &[Column], because: Because) -> Result<(), Failure> {
    for (at, column) in columns.iter().enumerate() {
        if columns[..at].iter().any(|other| other.name == column.name) {
            let message = format!("column \"{}\" specified more than once", column.name);
            return Err(Failure::new("42701", message, because));
        }
    }
    Ok(())
}
