//! `CREATE TABLE`: columns from wherever they come, then constraints, indexes and foreign keys in the
//! order in which the server makes them, because that decides their names.

use std::sync::{Arc, LazyLock};

use super::called::Fixed;
use super::refuse::refuse_temporary_in;
use crate::catalog::analyse::Completeness;
use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Class, Column, IdentityKind, ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, made_name};
use crate::sql::tree::{Call, Expr};
use crate::sql::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateTable, Expression, LikeClause,
    Persistence, RelationName, TypeName,
};

/// The default of a `serial` column: a call of `nextval`; of which sequence, the column's owner knows.
static NEXTVAL: LazyLock<Arc<Expression>> = LazyLock::new(|| {
    let call = Call {
        name: RelationName::unqualified("nextval"),
        arguments: Box::default(),
        star: false,
        distinct: false,
        variadic: false,
        special: false,
        aggregate: None,
    };
    Arc::new(Expression { constants: Vec::new(), tree: Expr::Call(Box::new(call)) })
});

/// PostgreSQL refuses tables with more columns.
const MAX_COLUMNS: usize = 1600;

/// Returns the integer type for which `serial` and its relatives stand.
pub(crate) fn serial_type(name: &str) -> Option<&'static str> {
    match name {
        "serial" | "serial4" => Some("int4"),
        "bigserial" | "serial8" => Some("int8"),
        "smallserial" | "serial2" => Some("int2"),
        _ => None,
    }
}

impl Catalog {
    pub(super) fn create_table(&mut self, create: &CreateTable, env: &Env) -> Result<(), Failure> {
        let Some(name) = &create.name else { return Ok(()) };
        if name.is_dynamic() {
            return Ok(());
        }
        let is_temporary = create.persistence == Persistence::Temporary;
        refuse_temporary_in(name, is_temporary)?;
        let full = made_name(name, is_temporary, &env.path);
        if create.if_not_exists && self.get(&full).is_some_and(|there| !there.external) {
            return Ok(());
        }
        self.refuse_taken(&full)?;
        self.refuse_taken_type(&full)?;
        let before = self.clone();
        let id = match self.relation_names.get(&full) {
            // What others used before it was made is made now.
            Some(external) => *external,
            None => self.next_id(Class::Relation),
        };
        let made = self.make_table(id, full, create, env);
        if made.is_err() {
            // A statement that is refused leaves nothing behind.
            self.undo(before);
            self.leave_unknown(name, env);
        }
        made
    }

    pub(super) fn make_table(
        &mut self,
        id: ObjectId,
        full: QualifiedName,
        create: &CreateTable,
        env: &Env,
    ) -> Result<(), Failure> {
        let kind = match (&create.partition_by, create.foreign) {
            (Some(_), _) => RelationKind::PartitionedTable,
            (None, true) => RelationKind::ForeignTable,
            (None, false) => RelationKind::Table,
        };
        let mut table = Relation::new(id, full, kind, env.origin);
        table.temporary = create.persistence == Persistence::Temporary;
        table.unlogged = create.persistence == Persistence::Unlogged;
        table.maybe_older = create.if_not_exists;
        table.columns_unknown = create.columns_unknown;
        if let Some(key) = &create.partition_by {
            table.extra_mut().partition_by = Some((**key).clone());
        }
        if let Some(bound) = &create.bound {
            table.extra_mut().bound = Some((**bound).clone());
        }
        if !create.options.is_empty() {
            table.extra_mut().options = create.options.iter().cloned().collect();
        }
        if create.on_commit_drop {
            table.extra_mut().on_commit_drop = true;
        }
        for parent in create.partition_of.iter().chain(&create.inherits) {
            let Some(above) = self.find(parent, env)? else {
                table.columns_unknown = true;
                continue;
            };
            self.refuse_parent(above, create.partition_of.is_some())?;
            self.refuse_overlap(above, &table.name.name, create.bound.as_deref())?;
            table.parents.push(above);
            self.inherit_columns(&mut table, above, create.partition_of.is_some(), env);
        }
        if create.partition_of.is_some() {
            table.extra_mut().is_partition = true;
        }
        if let Some(of) = &create.of_type {
            self.typed_columns(&mut table, of, env)?;
        }
        table.set_tablespace(create.tablespace.as_ref());
        self.columns_of_query(&mut table, create, env)?;
        self.insert(table);
        self.refuse_options(id, &create.options, env)?;
        self.needs_access_method(id, create.method.as_deref());
        self.needs_server(id, create.server.as_deref());
        if create.query.is_some() {
            self.types_of_columns(id);
        }
        let mut likes = Vec::new();
        let mut like = create.like.iter().peekable();
        for (at, definition) in create.columns.iter().enumerate() {
            while let Some(clause) = like.next_if(|clause| clause.after <= at) {
                likes.push((self.like_columns(id, clause, env)?, clause));
            }
            self.define_column(id, definition, env)?;
        }
        for clause in like {
            likes.push((self.like_columns(id, clause, env)?, clause));
        }
        for expression in create.partition_by.iter().flat_map(|key| &key.expressions) {
            self.expression_needs((id, Part::Whole), Some(id), expression, env);
        }
        let parents = self.by_id(id).map(|table| table.parents.clone()).unwrap_or_default();
        for parent in &parents {
            let strength = match create.partition_of {
                Some(_) => Strength::Auto,
                None => Strength::Normal,
            };
            self.depend((id, Part::Whole), (*parent, Part::Whole), strength);
            self.inherit_checks(id, *parent, env);
        }
        self.all_constraints(id, create, &likes, env)?;
        for parent in parents.iter().filter(|_| create.partition_of.is_some()) {
            self.take_over_from_parent(id, *parent, env);
        }
        Ok(())
    }

    pub(super) fn refuse_parent(
        &self,
        parent: ObjectId,
        as_partition: bool,
    ) -> Result<(), Failure> {
        let Some(parent) = self.by_id(parent).filter(|parent| !parent.external) else {
            return Ok(());
        };
        let name = &parent.name.name;
        let because = Because::Made(parent.created);
        match parent.kind {
            RelationKind::PartitionedTable if !as_partition => Err(Failure::new(
                "42809",
                format!("cannot inherit from partitioned table \"{name}\""),
                because,
            )),
            RelationKind::PartitionedTable => Ok(()),
            _ if as_partition => {
                Err(Failure::new("42809", format!("\"{name}\" is not partitioned"), because))
            }
            RelationKind::Table | RelationKind::ForeignTable => Ok(()),
            _ => Err(Failure::new(
                "42809",
                format!("inherited relation \"{name}\" is not a table or foreign table"),
                because,
            )),
        }
    }

    /// Makes the checks, then the not-null constraints, the primary key, the other indexes, and the
    /// foreign keys: the order of the server.
    pub(super) fn all_constraints(
        &mut self,
        id: ObjectId,
        create: &CreateTable,
        likes: &[(Option<ObjectId>, &LikeClause)],
        env: &Env,
    ) -> Result<(), Failure> {
        let inline = create.columns.iter().flat_map(|column| &column.constraints);
        let all: Vec<&ConstraintDefinition> = inline.chain(&create.constraints).collect();
        let of = |wanted: fn(ConstraintKind) -> bool| {
            all.iter().copied().filter(move |definition| wanted(definition.kind))
        };
        for (source, clause) in likes {
            self.like_checks(id, *source, clause, env);
        }
        for definition in of(|kind| kind == ConstraintKind::Check) {
            self.add_constraint(id, definition, false, env)?;
        }
        self.not_null_constraints(id, create, env)?;
        let keys = of(|kind| kind == ConstraintKind::PrimaryKey);
        let others = of(|kind| matches!(kind, ConstraintKind::Unique | ConstraintKind::Exclusion));
        let mut made: Vec<&ConstraintDefinition> = Vec::new();
        for definition in keys.chain(others) {
            // The server makes one index of equal keys.
            let is_same = |other: &&ConstraintDefinition| {
                definition.kind == ConstraintKind::Unique
                    && other.columns == definition.columns
                    && other.options == definition.options
                    && (definition.name.is_none() || other.name.is_none())
            };
            if !made.iter().any(is_same) {
                self.add_constraint(id, definition, false, env)?;
                made.push(definition);
            }
        }
        for (source, clause) in likes {
            self.like_indexes(id, *source, clause, env);
        }
        for definition in of(|kind| kind == ConstraintKind::ForeignKey) {
            self.add_constraint(id, definition, false, env)?;
        }
        Ok(())
    }

    /// Makes the not-null constraints, which are objects with names from PostgreSQL 18 on.
    pub(super) fn not_null_constraints(
        &mut self,
        id: ObjectId,
        create: &CreateTable,
        env: &Env,
    ) -> Result<(), Failure> {
        for definition in
            create.constraints.iter().filter(|found| found.kind == ConstraintKind::NotNull)
        {
            self.add_constraint(id, definition, false, env)?;
        }
        if env.version.major < 18 {
            return Ok(());
        }
        let keys = create.constraints.iter().filter(|d| d.kind == ConstraintKind::PrimaryKey);
        let keys: Vec<&String> = keys.flat_map(|definition| &definition.columns).collect();
        let Some(table) = self.by_id(id) else { return Ok(()) };
        let columns: Vec<(Arc<str>, Option<Arc<str>>)> = table
            .columns
            .iter()
            .filter(|column| {
                let is_key = keys.iter().any(|key| **key == *column.name);
                (column.not_null || is_key) && column.identity.is_none_or(|_| true)
            })
            .map(|column| {
                let definition = create.columns.iter().find(|d| d.name == column.name);
                (column.name.clone(), definition.and_then(|d| d.not_null_name.clone()))
            })
            .collect();
        for (column, name) in columns {
            self.add_not_null(id, &column, name, true, env);
        }
        Ok(())
    }

    /// Adds the columns of a table above to a new table.
    pub(super) fn inherit_columns(
        &self,
        table: &mut Relation,
        parent: ObjectId,
        partition: bool,
        env: &Env,
    ) {
        let Some(parent) = self.by_id(parent) else { return };
        table.columns_unknown |= parent.columns_unknown;
        for column in &parent.columns {
            if let Some(there) = table.columns.find_mut(|c| c.name == column.name) {
                there.inherited += 1;
                there.not_null |= column.not_null;
                continue;
            }
            let mut column = column.clone();
            column.number = next_column(table);
            column.inherited = 1;
            column.local = false;
            column.created = env.origin;
            if !(partition && env.version.major >= 17) {
                column.identity = None;
            }
            table.columns.push(column);
        }
    }

    pub(super) fn typed_columns(
        &mut self,
        table: &mut Relation,
        of: &RelationName,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(id) = self.find_type(&of.into(), env)? else {
            table.columns_unknown = true;
            return Ok(());
        };
        table.extra_mut().of_type = Some(id);
        match self.type_by_id(id).map(|found| &found.kind) {
            Some(crate::catalog::TypeKind::Composite(attributes)) => {
                table.columns.extend(attributes.iter().cloned());
            }
            _ => table.columns_unknown = true,
        }
        let columns: Vec<(u16, ObjectId)> =
            table.columns.iter().filter_map(|c| Some((c.number, c.type_id?))).collect();
        for (number, type_id) in columns {
            let column = (table.id, Part::Column(number));
            self.depend(column, (type_id, Part::Whole), Strength::Normal);
        }
        self.depend((table.id, Part::Whole), (id, Part::Whole), Strength::Normal);
        Ok(())
    }

    /// Adds the columns of a `LIKE` clause; returns the table that they come from.
    pub(super) fn like_columns(
        &mut self,
        id: ObjectId,
        clause: &LikeClause,
        env: &Env,
    ) -> Result<Option<ObjectId>, Failure> {
        let Some(source) = self.find(&clause.table, env)? else {
            self.change(id, |table| table.columns_unknown = true);
            return Ok(None);
        };
        let Some(from) = self.by_id(source) else { return Ok(None) };
        let (columns, unknown) = (from.columns.clone(), from.columns_unknown);
        self.change(id, |table| table.columns_unknown |= unknown);
        for mut column in columns.iter().cloned() {
            let is_generated = column.generated.is_some();
            let keeps = match is_generated {
                true => clause.including.generated,
                false => clause.including.defaults,
            };
            if !keeps {
                column.default = None;
                column.generated = None;
            }
            let identity = column.identity.filter(|_| clause.including.identity);
            column.identity = identity;
            column.local = true;
            column.inherited = 0;
            column.created = env.origin;
            let data_type = self.format_type(&column.type_name, column.type_id);
            let name = column.name.clone();
            let number = self.push_column(id, column)?;
            if identity.is_some() {
                self.make_sequence(id, number, &name, None, &data_type, true, env);
            }
        }
        Ok(Some(source))
    }

    /// Adds the column that a definition spells out, or what it says about one that is inherited.
    pub(super) fn define_column(
        &mut self,
        id: ObjectId,
        definition: &ColumnDefinition,
        env: &Env,
    ) -> Result<u16, Failure> {
        let inherited = self.by_id(id).and_then(|table| table.column(&definition.name)).cloned();
        let Some(mut column) = inherited.filter(|column| {
            column.inherited > 0 || self.by_id(id).is_some_and(|t| t.extra().of_type.is_some())
        }) else {
            return self.new_column(id, definition, env);
        };
        column.local = !self.by_id(id).is_some_and(Relation::is_partition);
        column.not_null |= definition.not_null;
        if let Some(default) = &definition.default {
            column.default = Some(Arc::new((**default).clone()));
        }
        let number = column.number;
        self.change(id, |table| {
            if let Some(found) = table.columns.find_mut(|c| c.number == number) {
                *found = column;
            }
        });
        self.default_needs(id, number, env);
        Ok(number)
    }

    pub(super) fn new_column(
        &mut self,
        id: ObjectId,
        definition: &ColumnDefinition,
        env: &Env,
    ) -> Result<u16, Failure> {
        let serial = match definition.type_name.dimensions {
            0 => serial_type(&definition.type_name.name),
            _ => None,
        };
        let (type_name, type_id) = match serial {
            Some(name) => (plain_type(name), None),
            None => self.column_type(&definition.type_name, env)?,
        };
        let identity = definition.identity.as_deref().map(|identity| match identity.always {
            true => IdentityKind::Always,
            false => IdentityKind::ByDefault,
        });
        let default = definition.default.as_deref();
        let default = default.filter(|default| self.keeps_default(default, &type_name, type_id));
        let column = Column {
            name: definition.name.clone(),
            number: 0,
            type_name: type_name.clone(),
            type_id,
            not_null: definition.not_null || serial.is_some(),
            default: match serial {
                Some(_) => Some(NEXTVAL.clone()),
                None => default.cloned().map(Arc::new),
            },
            identity,
            generated: definition.generated,
            collation: definition.collation.clone(),
            local: true,
            inherited: 0,
            created: env.origin,
        };
        let data_type = self.format_type(&type_name, type_id);
        let number = self.push_column(id, column)?;
        if let Some(default) = default {
            self.refuse_default(id, default, definition.generated.is_some(), env)?;
        }
        if let Some(type_id) = type_id {
            self.depend((id, Part::Column(number)), (type_id, Part::Whole), Strength::Normal);
        }
        if serial.is_some() || identity.is_some() {
            let options = definition.identity.as_deref().map(|identity| &identity.options);
            let chosen = options.and_then(|options| options.name.as_ref());
            let is_identity = identity.is_some();
            let name = &definition.name;
            self.make_sequence(id, number, name, chosen, &data_type, is_identity, env);
            if let Some(options) = options.filter(|options| !options.others.is_empty()) {
                for sequence in self.owned_sequences(id, number) {
                    self.change_sequence(sequence, |s| s.set_options(&options.others, true));
                }
            }
        }
        if definition.storage.is_some() || definition.compression.is_some() {
            let (storage, compression) = (&definition.storage, &definition.compression);
            self.set_column(id, &definition.name, |settings| {
                settings.storage.clone_from(storage);
                settings.compression.clone_from(compression);
            });
        }
        self.default_needs(id, number, env);
        Ok(number)
    }

    /// Returns whether a default is kept: `NULL` is not, unless the server must convert it first, to a
    /// type with modifiers or to a domain.
    pub(super) fn keeps_default(
        &self,
        default: &Expression,
        type_name: &TypeName,
        type_id: Option<ObjectId>,
    ) -> bool {
        let is_domain = type_id
            .and_then(|id| self.type_by_id(id))
            .is_some_and(|found| matches!(found.kind, crate::catalog::TypeKind::Domain(_)));
        let is_sized = !type_name.modifiers.is_empty()
            && type_name.dimensions == 0
            && &*type_name.name != "interval";
        !default.is_null() || is_sized || is_domain
    }

    /// Returns the type of a column, that of another column with `%TYPE` included.
    pub(super) fn column_type(
        &mut self,
        name: &Arc<TypeName>,
        env: &Env,
    ) -> Result<(Arc<TypeName>, Option<ObjectId>), Failure> {
        if name.of_column {
            let table = name.schema.clone().map(RelationName::unqualified);
            let found = table.and_then(|table| self.find_if_exists(&table, env));
            let column = found.and_then(|id| self.by_id(id)?.column(&name.name));
            return Ok(column.map_or_else(
                || (name.clone(), None),
                |column| (column.type_name.clone(), column.type_id),
            ));
        }
        let id = self.find_type(name, env)?;
        Ok((name.clone(), id))
    }

    pub(super) fn push_column(&mut self, id: ObjectId, mut column: Column) -> Result<u16, Failure> {
        let Some(table) = self.by_id(id) else { return Ok(0) };
        if let Some(there) = table.column(&column.name) {
            let name = &table.name.name;
            return Err(match there.created == column.created && table.created == column.created {
                true => Failure::new(
                    "42701",
                    format!("column \"{}\" specified more than once", column.name),
                    Because::Always,
                ),
                false => Failure::new(
                    "42701",
                    format!("column \"{}\" of relation \"{name}\" already exists", column.name),
                    Because::Made(there.created),
                ),
            });
        }
        if table.columns.len() >= MAX_COLUMNS {
            let message = format!("tables can have at most {MAX_COLUMNS} columns");
            return Err(Failure::new("54011", message, Because::Made(table.created)));
        }
        let mut number = 0;
        self.change(id, |table| {
            number = next_column(table);
            column.number = number;
            table.columns.push(column);
        });
        Ok(number)
    }

    /// Refuses a default that calls what is not there, and an expression of a generated column that may
    /// answer differently one day.
    pub(super) fn refuse_default(
        &mut self,
        id: ObjectId,
        default: &Expression,
        is_generated: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        self.refuse_missing_functions(Some(id), default, env)?;
        match is_generated {
            true => self.refuse_mutable(id, default, Fixed::Generated, env),
            false => Ok(()),
        }
    }

    /// Notes what the default or expression of a column cannot be without.
    pub(super) fn default_needs(&mut self, id: ObjectId, number: u16, env: &Env) {
        let Some(table) = self.by_id(id) else { return };
        let Some(column) = table.column_numbered(number) else { return };
        let Some(default) = column.default.clone() else { return };
        let is_generated = column.generated.is_some();
        let address = (id, Part::Default(number));
        self.expression_needs(address, Some(id), &default, env);
        if is_generated {
            let strength = if env.version.major < 15 { Strength::Auto } else { Strength::Normal };
            for other in self.columns_in(id, &default) {
                let column = (id, Part::Column(number));
                self.depend(column, (id, Part::Column(other)), strength);
            }
        }
    }

    /// Returns the numbers of the columns of a table that an expression mentions.
    pub(super) fn columns_in(&self, id: ObjectId, expression: &Expression) -> Vec<u16> {
        let Some(table) = self.by_id(id) else { return Vec::new() };
        let found = expression.tree.own_columns();
        let found = found.into_iter().filter_map(|found| table.column(&found.name));
        let mut numbers: Vec<u16> = found.map(|column| column.number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Notes the functions, types and other relations that an expression of a table cannot be without.
    pub(super) fn expression_needs(
        &mut self,
        address: (ObjectId, Part),
        table: Option<ObjectId>,
        expression: &Expression,
        env: &Env,
    ) {
        self.needs_extensions(address, expression, env);
        if self.is_plain(expression, env) {
            return;
        }
        let analysis = self.analyse_expression(table, &expression.tree, env);
        if analysis.completeness == Completeness::Unknown {
            self.names_in_expression(address, expression, env);
        }
        for need in analysis.needs.into_iter().filter(|need| Some(need.0) != table) {
            self.depend(address, need, Strength::Normal);
        }
    }

    /// Returns whether an expression needs nothing: a constant, or a call of PostgreSQL's own function
    /// without arguments, as most defaults are.
    pub(super) fn is_plain(&self, expression: &Expression, env: &Env) -> bool {
        match &expression.tree {
            Expr::Null
            | Expr::Bool(_)
            | Expr::Integer(_)
            | Expr::Float(_)
            | Expr::String(_)
            | Expr::Value { .. } => true,
            Expr::Call(call) => {
                call.arguments.is_empty()
                    && call.aggregate.is_none()
                    && self.functions_of(&call.name, None, env).is_empty()
            }
            _ => false,
        }
    }

    /// Notes what the names in an expression stand for that could not be analysed.
    pub(super) fn names_in_expression(
        &mut self,
        address: (ObjectId, Part),
        expression: &Expression,
        env: &Env,
    ) {
        for call in expression.tree.calls() {
            if let [only] = self.functions_of(&call.name, None, env)[..] {
                self.depend(address, (only, Part::Whole), Strength::Normal);
            }
        }
        for name in expression.tree.types() {
            if let Ok(Some(id)) = self.find_type(name, env) {
                self.depend(address, (id, Part::Whole), Strength::Normal);
            }
        }
        for name in expression.relations() {
            if let Some(id) = self.find_if_exists(&name, env) {
                self.depend(address, (id, Part::Whole), Strength::Normal);
            }
        }
    }
}

/// Returns the type of PostgreSQL's own with that name.
pub(super) fn plain_type(name: &str) -> Arc<TypeName> {
    Arc::new(TypeName {
        schema: Some("pg_catalog".into()),
        name: name.into(),
        ..TypeName::default()
    })
}

/// Returns the number of the next column of a table.
pub(super) fn next_column(table: &Relation) -> u16 {
    table.columns.iter().map(|column| column.number).max().unwrap_or_default().saturating_add(1)
}
