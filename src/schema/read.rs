//! From a catalog to a schema.

use super::definition;
use super::model::{
    Attached, Attribute, Column, Composite, Constraint, Domain, Enum, Function, Index, Place,
    Places, Range, Reader, References, Schema, Sequence, Table, View,
};
use crate::catalog::{self, ObjectId, Origin, QualifiedName, Relation, RelationKind, TypeKind};
use crate::sql::{ArgumentMode, ConstraintKind, Generated, ObjectKind, TypeName};

/// Servers before this one do not count the triggers that partitions have from above.
const FIRST_WITH_TRIGGERS_OF_PARTITIONS: u16 = 15;

impl Reader<'_> {
    pub(super) fn schema(&self) -> Schema {
        let mut schema = Schema {
            version: 1,
            pg_version: self.version.to_string(),
            schemas: self.catalog.schemas(),
            extensions: self.extensions(),
            tables: self.relations(Relation::is_table, |relation| self.table(relation)),
            views: self.relations(Relation::is_view, |relation| self.view(relation)),
            sequences: self.relations(
                |relation| relation.kind == RelationKind::Sequence,
                |relation| self.sequence(relation),
            ),
            enums: Vec::new(),
            composites: Vec::new(),
            domains: Vec::new(),
            ranges: Vec::new(),
            functions: self.functions(),
            access: self.access(),
        };
        self.types(&mut schema);
        schema
    }

    /// Returns whether an object is to be read.
    pub(super) fn is_wanted(&self, id: ObjectId) -> bool {
        self.only.is_none_or(|only| only.contains(&id))
    }

    /// Goes through `all` objects of a kind, or those that are wanted.
    fn wanted<'a, T: 'a, I: Iterator<Item = &'a T>>(
        &'a self,
        all: impl FnOnce() -> I,
        get: impl Fn(ObjectId) -> Option<&'a T> + 'a,
    ) -> impl Iterator<Item = &'a T> {
        let all = self.only.is_none().then(all).into_iter().flatten();
        let only = self.only.into_iter().flatten();
        all.chain(only.filter_map(move |id| get(*id)))
    }

    fn extensions(&self) -> Vec<String> {
        let others = self.catalog.others().filter(|other| other.kind == ObjectKind::Extension);
        let names = others.map(|other| other.name.name.to_string());
        let mut names: Vec<String> = names.filter(|name| name != "plpgsql").collect();
        names.sort();
        names
    }

    fn relations<T>(
        &self,
        is_wanted: impl Fn(&Relation) -> bool,
        read: impl Fn(&Relation) -> T,
    ) -> Vec<T> {
        let relations = self.wanted(|| self.catalog.relations(), |id| self.catalog.by_id(id));
        let relations = relations.filter(|relation| !relation.external && !relation.temporary);
        let relations = relations.filter(|relation| !is_system(&relation.name));
        let mut found: Vec<&Relation> = relations.filter(|r| is_wanted(r)).collect();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        found.into_iter().map(read).collect()
    }

    fn place(&self, origin: Origin) -> Place {
        Place::of(origin, self.sources)
    }

    fn places(&self, created: Origin, changed: Origin) -> Places {
        Places { created: self.place(created), changed: self.place(changed) }
    }

    fn name(&self, id: ObjectId) -> Option<String> {
        self.catalog.name_of(id).map(ToString::to_string)
    }

    fn table(&self, table: &Relation) -> Table {
        let extra = table.extra();
        let mut parents: Vec<String> =
            table.parents.iter().filter_map(|parent| self.name(*parent)).collect();
        let partition_of = if extra.is_partition { parents.drain(..).next() } else { None };
        let mut constraints: Vec<Constraint> =
            table.constraints.iter().map(|constraint| self.constraint(table, constraint)).collect();
        constraints.sort_by(|a, b| a.name.cmp(&b.name));
        let mut policies: Vec<Attached> = extra
            .policies
            .iter()
            .map(|policy| Attached {
                number: policy.number(),
                is_inherited: false,
                name: policy.name.to_string(),
                command: Some(policy.command.to_string()),
                permissive: Some(policy.permissive),
                roles: policy.roles.iter().map(ToString::to_string).collect(),
                function: None,
                definition: definition::policy(table, policy),
                created: self.place(policy.created),
            })
            .collect();
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        Table {
            id: table.id,
            schema: table.name.schema.to_string(),
            name: table.name.name.to_string(),
            kind: match table.kind {
                RelationKind::PartitionedTable => "partitioned",
                RelationKind::ForeignTable => "foreign",
                _ => "table",
            },
            persistence: if table.unlogged { "unlogged" } else { "permanent" },
            partition_by: extra.partition_by.as_ref().and_then(definition::partition_key),
            partition_of,
            partition_bound: extra.bound.as_ref().and_then(definition::bound),
            inherits: parents,
            columns: table.columns.iter().map(|column| self.column(table, column)).collect(),
            constraints,
            indexes: self.indexes(table),
            row_security: extra.row_security,
            force_row_security: extra.force_row_security,
            policies,
            triggers: self.triggers(table),
            options: extra.options.iter().map(|(name, value)| format!("{name}={value}")).collect(),
            columns_unknown: table.columns_unknown,
            places: self.places(table.created, table.changed),
        }
    }

    fn column(&self, table: &Relation, column: &catalog::Column) -> Column {
        let settings =
            table.extra().column_settings.get(&column.number).cloned().unwrap_or_default();
        let word = |word: Option<std::sync::Arc<str>>| word.map(|word| word.to_string());
        let is_generated = column.generated.is_some();
        Column {
            number: column.number,
            is_inherited: !column.local,
            name: column.name.to_string(),
            type_name: self.catalog.format_type(&column.type_name, column.type_id),
            not_null: column.not_null,
            has_default: column.default.is_some() && !is_generated,
            default: column.default.as_deref().and_then(definition::expression_sql),
            identity: column.identity.map(catalog::IdentityKind::as_str),
            generated: column.generated.map(|generated| match generated {
                Generated::Stored => "stored",
                Generated::Virtual => "virtual",
            }),
            collation: column.collation.as_ref().map(definition::name),
            storage: word(settings.storage),
            compression: word(settings.compression),
            statistics: settings.statistics,
            created: self.place(column.created),
        }
    }

    fn constraint(&self, table: &Relation, constraint: &catalog::Constraint) -> Constraint {
        let mut columns = constraint.columns.clone();
        if constraint.kind == ConstraintKind::Check {
            columns.sort();
            columns.dedup();
        }
        let references = constraint.references.and_then(|id| self.name(id));
        Constraint {
            number: constraint.number(),
            is_inherited: !constraint.local,
            name: constraint.name.to_string(),
            kind: match constraint.kind {
                ConstraintKind::PrimaryKey => "primary key",
                ConstraintKind::Unique => "unique",
                ConstraintKind::Check => "check",
                ConstraintKind::ForeignKey => "foreign key",
                ConstraintKind::Exclusion => "exclusion",
                ConstraintKind::NotNull => "not null",
            },
            columns,
            references: references.map(|table| References {
                table,
                columns: constraint.referenced_columns.clone(),
                on_delete: constraint.actions.0.as_str(),
                on_update: constraint.actions.1.as_str(),
            }),
            validated: constraint.validated,
            deferrable: constraint.deferrable,
            deferred: constraint.deferred,
            definition: definition::constraint(self.catalog, table, constraint),
            created: self.place(constraint.created),
        }
    }

    fn indexes(&self, relation: &Relation) -> Vec<Index> {
        let mut indexes: Vec<Index> = relation
            .indexes
            .iter()
            .map(|index| Index {
                id: index.id,
                is_implied: index.is_constraint || index.parent.is_some(),
                name: index.name.to_string(),
                unique: index.unique,
                primary: index.primary,
                method: index.method.to_string(),
                keys: index.columns.clone(),
                include: index.include.clone(),
                partial: index.partial,
                valid: index.valid,
                definition: definition::index(relation, index),
                created: self.place(index.created),
            })
            .collect();
        indexes.sort_by(|a, b| a.name.cmp(&b.name));
        indexes
    }

    fn triggers(&self, relation: &Relation) -> Vec<Attached> {
        let all_count = self.version.major >= FIRST_WITH_TRIGGERS_OF_PARTITIONS;
        let triggers = relation.extra().triggers.iter();
        let mut triggers: Vec<Attached> = triggers
            .filter(|trigger| all_count || !trigger.inherited)
            .map(|trigger| {
                let function = trigger.function_id.and_then(|id| self.name(id));
                Attached {
                    number: trigger.number(),
                    is_inherited: trigger.inherited,
                    name: trigger.name.to_string(),
                    command: None,
                    permissive: None,
                    roles: Vec::new(),
                    function: Some(function.unwrap_or_else(|| trigger.function.to_string())),
                    definition: definition::trigger(relation, trigger, self.sources),
                    created: self.place(trigger.created),
                }
            })
            .collect();
        triggers.sort_by(|a, b| a.name.cmp(&b.name));
        triggers
    }

    fn view(&self, view: &Relation) -> View {
        View {
            id: view.id,
            reads: view.uses.clone(),
            schema: view.name.schema.to_string(),
            name: view.name.name.to_string(),
            materialized: view.kind == RelationKind::MaterializedView,
            columns: view.columns.iter().map(|column| column.name.to_string()).collect(),
            columns_unknown: view.columns_unknown,
            indexes: self.indexes(view),
            triggers: self.triggers(view),
            definition: definition::view(self.catalog, view, self.version, self.sources),
            places: self.places(view.created, view.changed),
        }
    }

    fn sequence(&self, relation: &Relation) -> Sequence {
        let sequence = relation.extra().sequence.as_ref();
        let owner = sequence.and_then(|sequence| sequence.owned_by);
        let owner = owner.and_then(|(table, number)| {
            let table = self.catalog.by_id(table)?;
            Some(format!("{}.{}", table.name, table.column_numbered(number)?.name))
        });
        Sequence {
            id: relation.id,
            is_identity: sequence.is_some_and(|sequence| sequence.is_identity),
            schema: relation.name.schema.to_string(),
            name: relation.name.name.to_string(),
            type_name: sequence.map_or("bigint", |sequence| &sequence.data_type).to_owned(),
            owned_by: owner,
            options: sequence.map(catalog::Sequence::spelled_options).unwrap_or_default(),
            places: self.places(relation.created, relation.changed),
        }
    }

    fn types(&self, schema: &mut Schema) {
        let types = self.wanted(|| self.catalog.types(), |id| self.catalog.type_by_id(id));
        let types = types.filter(|found| found.extension.is_none());
        let mut types: Vec<_> = types.filter(|found| !is_system(&found.name)).collect();
        types.sort_by(|a, b| a.name.cmp(&b.name));
        for found in types {
            let id = found.id;
            let places = self.places(found.created, found.changed);
            let (of, name) = (found.name.schema.to_string(), found.name.name.to_string());
            match &found.kind {
                TypeKind::Enum(labels) => {
                    let values = labels.iter().map(|label| label.label.to_string()).collect();
                    schema.enums.push(Enum { id, schema: of, name, values, places });
                }
                TypeKind::Composite(columns) => {
                    let attribute = |column: &catalog::Column| Attribute {
                        number: column.number,
                        name: column.name.to_string(),
                        type_name: self.catalog.format_type(&column.type_name, column.type_id),
                    };
                    let attributes = columns.iter().map(attribute).collect();
                    schema.composites.push(Composite { id, schema: of, name, attributes, places });
                }
                TypeKind::Domain(domain) => {
                    let mut checks: Vec<_> = domain
                        .checks
                        .iter()
                        .map(|(name, says, _)| {
                            (name.to_string(), says.as_deref().and_then(definition::expression_sql))
                        })
                        .collect();
                    checks.sort();
                    let (constraints, checks) = checks.into_iter().unzip();
                    schema.domains.push(Domain {
                        id,
                        schema: of,
                        name,
                        type_name: self.catalog.format_type(&domain.base, domain.base_id),
                        not_null: domain.not_null,
                        has_default: domain.default.is_some(),
                        default: domain.default.as_deref().and_then(definition::expression_sql),
                        constraints,
                        checks,
                        places,
                    });
                }
                TypeKind::Range(subtype) => {
                    let subtype = self.catalog.format_type(subtype, None);
                    schema.ranges.push(Range { id, schema: of, name, subtype, places });
                }
                TypeKind::Multirange | TypeKind::Base | TypeKind::External => {}
            }
        }
    }

    fn functions(&self) -> Vec<Function> {
        let functions =
            self.wanted(|| self.catalog.functions(), |id| self.catalog.function_by_id(id));
        let functions = functions.filter(|function| function.extension.is_none());
        let functions = functions.filter(|function| !is_system(&function.name));
        let mut functions: Vec<Function> = functions.map(|found| self.function(found)).collect();
        let key = |f: &Function| (f.schema.clone(), f.name.clone(), f.arguments.clone());
        functions.sort_by_cached_key(key);
        functions
    }

    fn function(&self, function: &catalog::Function) -> Function {
        let kind = match function.kind {
            ObjectKind::Procedure => "procedure",
            ObjectKind::Aggregate => "aggregate",
            _ if function.window => "window",
            _ => "function",
        };
        Function {
            id: function.id,
            schema: function.name.schema.to_string(),
            name: function.name.name.to_string(),
            kind,
            arguments: function
                .inputs()
                .map(|(argument, id)| self.signature_type(&argument.type_name, *id))
                .collect(),
            returns: if kind == "procedure" { None } else { self.returns(function) },
            language: function.language.to_string(),
            volatility: function.volatility.as_str(),
            security_definer: function.security_definer,
            definition: definition::function(self.catalog, function, self.sources),
            places: self.places(function.created, function.changed),
        }
    }

    /// Returns the type of a value that a function takes or gives: it has no modifiers.
    pub(super) fn signature_type(&self, name: &TypeName, id: Option<ObjectId>) -> String {
        let plain = TypeName { modifiers: Vec::new(), set_of: false, ..name.clone() };
        let text = self.catalog.format_type(&plain, id);
        // What has no length is `bpchar`, unless nobody asks for the length.
        match text.strip_prefix("bpchar") {
            Some(rest) if id.is_none() => format!("character{rest}"),
            _ => text,
        }
    }

    fn returns(&self, function: &catalog::Function) -> Option<String> {
        if let Some((name, id)) = &function.returns {
            let set = if name.set_of { "SETOF " } else { "" };
            return Some(format!("{set}{}", self.signature_type(name, *id)));
        }
        let modes = [ArgumentMode::Out, ArgumentMode::InOut, ArgumentMode::Table];
        let mut outputs =
            function.arguments.iter().filter(|(argument, _)| modes.contains(&argument.mode));
        let (first, id) = outputs.next()?;
        let set = if first.mode == ArgumentMode::Table { "SETOF " } else { "" };
        match outputs.next() {
            Some(_) => Some(format!("{set}record")),
            None => Some(format!("{set}{}", self.signature_type(&first.type_name, *id))),
        }
    }
}

/// Returns whether something is in a schema of the server itself.
fn is_system(name: &QualifiedName) -> bool {
    name.schema.starts_with("pg_") || *name.schema == *"information_schema"
}
