//! `CREATE INDEX`.

use std::sync::Arc;

use super::called::Fixed;
use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Class, Index, IndexDetail, ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, naming};
use crate::sql::CreateIndex;

impl Catalog {
    pub(super) fn create_index(&mut self, create: &CreateIndex, env: &Env) -> Result<(), Failure> {
        if create.table.is_dynamic() || create.name.as_ref().is_some_and(|n| n.contains('\u{1}')) {
            return Ok(());
        }
        let Some(table) = self.find(&create.table, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(table) else { return Ok(()) };
        let made = Because::Made(relation.created);
        if !relation.is_table()
            && relation.kind != RelationKind::MaterializedView
            && !relation.external
        {
            let message = format!("cannot create index on relation \"{}\"", relation.name.name);
            return Err(Failure::new("42809", message, made));
        }
        if relation.kind == RelationKind::PartitionedTable && create.concurrently {
            let message = format!(
                "cannot create index on partitioned table \"{}\" concurrently",
                relation.name.name
            );
            return Err(Failure::new("0A000", message, made));
        }
        for column in create.columns.iter().flatten().chain(&create.include) {
            if !relation.columns_unknown && relation.column(column).is_none() {
                let because = self.no_column(table, column).because;
                let message = format!("column \"{column}\" does not exist");
                return Err(Failure::new("42703", message, because));
            }
        }
        let table_name = relation.name.clone();
        self.refuse_index_expressions(table, create, env)?;
        let name = if let Some(name) = &create.name {
            let full = table_name.sibling(name.clone());
            if create.if_not_exists && self.get(&full).is_some_and(|there| !there.external) {
                return Ok(());
            }
            self.refuse_taken(&full)?;
            name.clone()
        } else {
            self.unnamed_index(&table_name, create)
        };
        let index = self.new_index(name, create, env);
        self.insert_index(table, index.clone(), env);
        self.change(index.id, |index| index.set_tablespace(create.tablespace.as_ref()));
        if !create.only {
            for partition in self.partitions(table) {
                self.index_of_partition(partition, &index, env);
            }
        }
        Ok(())
    }

    /// Refuses keys and a condition that call what is not there, or may answer differently one day.
    fn refuse_index_expressions(
        &mut self,
        table: ObjectId,
        create: &CreateIndex,
        env: &Env,
    ) -> Result<(), Failure> {
        // Where the index is there already nothing is read.
        let is_there = create.name.as_ref().is_some_and(|name| {
            let full = self.name_of(table).map(|table| table.sibling(name.clone()));
            full.and_then(|full| self.get(&full)).is_some_and(|there| !there.external)
        });
        if is_there {
            return Ok(());
        }
        let expressions = create.expressions.iter().map(|(_, expression)| expression);
        for expression in expressions.chain(create.predicate.as_deref()) {
            for column in expression.tree.own_columns() {
                let (is_plain, column) = (column.qualifier.is_empty(), &column.name);
                if is_plain && !self.is_own_name(table, column) {
                    let message = format!("column \"{column}\" does not exist");
                    let because = self.no_column(table, column).because;
                    return Err(Failure::new("42703", message, because));
                }
            }
        }
        for (_, expression) in &create.expressions {
            self.refuse_missing_functions(Some(table), expression, env)?;
        }
        if let Some(predicate) = &create.predicate {
            self.refuse_missing_functions(Some(table), predicate, env)?;
            self.refuse_mutable(table, predicate, Fixed::IndexPredicate, env)?;
        }
        for (_, expression) in &create.expressions {
            self.refuse_mutable(table, expression, Fixed::IndexKey, env)?;
        }
        Ok(())
    }

    fn unnamed_index(&self, table: &QualifiedName, create: &CreateIndex) -> Arc<str> {
        let mut expressions = create.expressions.iter().map(|(name, _)| name.to_string());
        let keys: Vec<String> = create
            .columns
            .iter()
            .map(|key| key.clone().or_else(|| expressions.next()).unwrap_or_default())
            .collect();
        let keys = keys.iter().chain(&create.include).map(String::as_str);
        let names = naming::index_columns(keys);
        let addition = naming::addition(names.iter().map(String::as_str));
        self.choose_index(table, Some(&addition), "idx", false)
    }

    /// Chooses the name of an index as the server does.
    pub(super) fn choose_index(
        &self,
        table: &QualifiedName,
        second: Option<&str>,
        label: &str,
        is_constraint: bool,
    ) -> Arc<str> {
        naming::choose(&table.name, second, label, |name| {
            let name = table.sibling(name);
            self.relation_names.contains_key(&name)
                || is_constraint && self.is_constraint_name(&name)
        })
    }

    fn new_index(&mut self, name: Arc<str>, create: &CreateIndex, env: &Env) -> Index {
        let detail = IndexDetail {
            expressions: create.expressions.clone(),
            predicate: create.predicate.as_deref().cloned(),
            operator_classes: create.operator_classes.clone(),
            sorting: create.sorting.clone(),
            collations: create.collations.clone(),
            nulls_not_distinct: create.nulls_not_distinct,
            operators: Vec::new(),
        };
        Index {
            id: self.next_id(Class::Relation),
            name,
            columns: create.columns.clone(),
            include: create.include.clone(),
            unique: create.unique,
            primary: false,
            is_constraint: false,
            partial: create.partial,
            method: match create.method.as_str() {
                "" => "btree".into(),
                method => method.into(),
            },
            valid: !create.only,
            parent: None,
            detail: (detail != IndexDetail::default()).then(|| Arc::new(detail)),
            created: env.origin,
        }
    }

    /// Adds an index to its table and to the relations.
    pub(super) fn insert_index(&mut self, table: ObjectId, mut index: Index, env: &Env) {
        let Some(of) = self.by_id(table) else { return };
        let (name, temporary) = (of.name.sibling(index.name.clone()), of.temporary);
        let kind = match of.kind {
            RelationKind::PartitionedTable => RelationKind::PartitionedIndex,
            _ => RelationKind::Index,
        };
        // Only an index of a partitioned table can lack parts.
        let has_partitions = !self.partitions(table).is_empty();
        index.valid |= !(kind == RelationKind::PartitionedIndex && has_partitions);
        let mut relation = Relation::new(index.id, name, kind, env.origin);
        relation.temporary = temporary;
        relation.uses = vec![table];
        self.insert(relation);
        let address = (index.id, Part::Whole);
        if let Some(detail) = index.detail.clone() {
            let expressions = detail.expressions.iter().map(|(_, expression)| expression);
            for expression in expressions.chain(&detail.predicate) {
                self.expression_needs(address, Some(table), expression, env);
            }
        }
        if let Some(parent) = index.parent {
            self.depend(address, (parent, Part::Whole), Strength::Auto);
        }
        let brought = self.extensions_of_index(table, &index, env);
        for extension in brought {
            self.depend(address, (extension, Part::Whole), Strength::Normal);
        }
        self.change(table, |table| {
            table.changed = env.origin;
            table.indexes.push(index);
        });
    }
}
