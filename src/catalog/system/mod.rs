//! The system catalogs of a server with this schema, as far as they are followed.

mod names;

use super::object::{Column, Index, Relation, RelationKind};
use super::{Catalog, Env, QualifiedName, SearchPath};
use crate::sql::tree::quote_identifier;
use crate::sql::{Cell, ConstraintKind, RelationName, SystemTables, TableRows};

/// A schema at some moment, which the bodies of blocks and functions look at.
#[derive(Debug)]
pub(super) struct Snapshot {
    catalog: Catalog,
    path: SearchPath,
}

impl Snapshot {
    pub(super) fn new(catalog: Catalog, env: &Env) -> Self {
        Self { catalog, path: env.path.clone() }
    }

    fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.catalog.relations.values().map(AsRef::as_ref)
    }

    /// Returns a row for every relation; where it is not known which there are, a row for those.
    fn of_relations(
        &self,
        columns: &'static [&'static str],
        is_one: impl Fn(&Relation) -> bool,
        row: impl Fn(&Relation) -> Vec<Cell>,
    ) -> TableRows {
        let found = self.relations().filter(|relation| relation.external || is_one(relation));
        let mut rows: Vec<Vec<Cell>> = found.map(row).collect();
        for schema in ["pg_catalog", "information_schema"] {
            rows.push(system_row(columns, schema));
        }
        TableRows { columns, rows }
    }

    /// Returns rows for every part of every relation; `unknown` for those that have more than is known.
    fn of_parts(
        &self,
        columns: &'static [&'static str],
        parts: impl Fn(&Relation) -> Vec<Vec<Cell>>,
    ) -> TableRows {
        let mut rows: Vec<Vec<Cell>> = self.relations().flat_map(parts).collect();
        // The server's own relations have no triggers, policies and children.
        let is_rare = columns.iter().any(|c| matches!(*c, "tgname" | "polname" | "inhparent"));
        for schema in ["pg_catalog", "information_schema"].into_iter().filter(|_| !is_rare) {
            rows.push(system_row(columns, schema));
        }
        TableRows { columns, rows }
    }

    fn type_of(&self, column: &Column) -> (String, String) {
        let whole = self.catalog.format_type(&column.type_name, column.type_id);
        let plain = super::lookup::without_modifiers(&column.type_name);
        (self.catalog.format_type(&plain, column.type_id), whole)
    }

    fn attributes(&self, relation: &Relation) -> Vec<Vec<Cell>> {
        let object = Cell::from(full(&relation.name));
        let row = |column: &Column| {
            let (plain, whole) = self.type_of(column);
            vec![
                object.clone(),
                (&column.name).into(),
                plain.into(),
                whole.into(),
                column.number.to_string().into(),
                false.into(),
                column.not_null.into(),
                (column.default.is_some()).into(),
                column.identity.map_or("", |_| "a").into(),
            ]
        };
        let mut rows: Vec<Vec<Cell>> = relation.columns.iter().map(row).collect();
        if relation.columns_unknown || relation.is_index() {
            let mut row = vec![Cell::Unknown; ATTRIBUTES.len()];
            row[0] = object;
            rows.push(row);
        }
        rows
    }

    fn columns(&self, relation: &Relation) -> Vec<Vec<Cell>> {
        if !relation.is_table() && !relation.is_view() {
            return Vec::new();
        }
        let row = |column: &Column| {
            let (plain, _) = self.type_of(column);
            let data_type = match column.type_id {
                Some(_) => "USER-DEFINED".to_owned(),
                None if plain.ends_with("[]") => "ARRAY".to_owned(),
                None => plain,
            };
            let length = match column.type_name.modifiers.first() {
                Some(length) if data_type.starts_with("character") => length.to_string().into(),
                _ => Cell::Null,
            };
            let yes = |yes: bool| Cell::from(if yes { "YES" } else { "NO" });
            vec![
                (&relation.name.schema).into(),
                (&relation.name.name).into(),
                (&column.name).into(),
                column.number.to_string().into(),
                data_type.into(),
                (&column.type_name.name).into(),
                length,
                yes(!column.not_null),
                if column.default.is_some() { Cell::Unknown } else { Cell::Null },
                yes(column.identity.is_some()),
                if column.generated.is_some() { "ALWAYS" } else { "NEVER" }.into(),
            ]
        };
        let mut rows: Vec<Vec<Cell>> = relation.columns.iter().map(row).collect();
        if relation.columns_unknown {
            rows.push(of_relation(COLUMNS, relation));
        }
        rows
    }

    fn constraints(&self, relation: &Relation) -> Vec<Vec<Cell>> {
        let object = || Cell::from(full(&relation.name));
        let mut rows = Vec::new();
        for constraint in &relation.constraints {
            let kind = match constraint.kind {
                ConstraintKind::PrimaryKey => "p".into(),
                ConstraintKind::Unique => "u".into(),
                ConstraintKind::ForeignKey => "f".into(),
                ConstraintKind::Check => "c".into(),
                ConstraintKind::Exclusion => "x".into(),
                ConstraintKind::NotNull => Cell::Unknown,
            };
            let target = constraint.references.and_then(|id| self.catalog.name_of(id));
            let numbers: Option<Vec<String>> = constraint
                .columns
                .iter()
                .map(|name| relation.column(name).map(|column| column.number.to_string()))
                .collect();
            rows.push(vec![
                (&constraint.name).into(),
                object(),
                (&relation.name.schema).into(),
                kind,
                constraint.validated.into(),
                target.map_or(Cell::Unknown, |name| full(name).into()),
                numbers
                    .map_or(Cell::Unknown, |numbers| format!("{{{}}}", numbers.join(",")).into()),
                constraint.deferrable.into(),
                constraint.deferred.into(),
            ]);
        }
        if relation.external || relation.columns_unknown {
            let mut row = vec![Cell::Unknown; CONSTRAINTS.len()];
            row[1] = object();
            rows.push(row);
        } else if relation.columns.iter().any(|column| column.not_null) {
            // Since version 18 they are constraints.
            let mut row = vec![Cell::Unknown; CONSTRAINTS.len()];
            (row[1], row[3]) = (object(), "n".into());
            rows.push(row);
        }
        rows
    }

    fn indexes(&self, relation: &Relation) -> Vec<Vec<Cell>> {
        let row = |index: &Index| {
            let name = self.catalog.name_of(index.id).cloned();
            let name = name.unwrap_or_else(|| relation.name.sibling(index.name.clone()));
            vec![
                (&relation.name.schema).into(),
                (&relation.name.name).into(),
                (&index.name).into(),
                full(&name).into(),
                full(&relation.name).into(),
                index.unique.into(),
                index.primary.into(),
                index.valid.into(),
            ]
        };
        let mut rows: Vec<Vec<Cell>> = relation.indexes.iter().map(row).collect();
        if relation.external {
            rows.push(of_relation(INDEXES, relation));
        }
        rows
    }
}

const ATTRIBUTES: &[&str] = &[
    "attrelid",
    "attname",
    "atttypid",
    "atttypmod",
    "attnum",
    "attisdropped",
    "attnotnull",
    "atthasdef",
    "attidentity",
];
const COLUMNS: &[&str] = &[
    "table_schema",
    "table_name",
    "column_name",
    "ordinal_position",
    "data_type",
    "udt_name",
    "character_maximum_length",
    "is_nullable",
    "column_default",
    "is_identity",
    "is_generated",
];
const CONSTRAINTS: &[&str] = &[
    "conname",
    "conrelid",
    "connamespace",
    "contype",
    "convalidated",
    "confrelid",
    "conkey",
    "condeferrable",
    "condeferred",
];
const INDEXES: &[&str] = &[
    "schemaname",
    "tablename",
    "indexname",
    "indexrelid",
    "indrelid",
    "indisunique",
    "indisprimary",
    "indisvalid",
];

/// Returns the row that stands for what the server itself has in a schema.
fn system_row(columns: &[&str], schema: &str) -> Vec<Cell> {
    let cell = |column: &&str| match *column {
        "schemaname" | "table_schema" | "relnamespace" | "connamespace" | "constraint_schema"
        | "typnamespace" | "pronamespace" | "sequence_schema" => schema.into(),
        // Names that a history does not give to anything; a row that is found by them is not known.
        "relname" | "tablename" | "table_name" | "indexname" | "conname" | "constraint_name"
        | "viewname" | "matviewname" | "sequencename" | "sequence_name" => {
            let prefix = if schema == "pg_catalog" { "pg_" } else { "sql_" };
            format!("{prefix}{}", Cell::NOBODY).into()
        }
        "conrelid" | "attrelid" | "indrelid" | "tgrelid" | "polrelid" | "inhrelid"
        | "inhparent" | "oid" => format!("{schema}.{}", Cell::NOBODY).into(),
        _ => Cell::Unknown,
    };
    columns.iter().map(cell).collect()
}

/// Returns a row for what is not known of a relation.
fn of_relation(columns: &[&str], relation: &Relation) -> Vec<Cell> {
    let cell = |column: &&str| match *column {
        "schemaname" | "table_schema" => (&relation.name.schema).into(),
        "tablename" | "table_name" => (&relation.name.name).into(),
        "indrelid" => full(&relation.name).into(),
        _ => Cell::Unknown,
    };
    columns.iter().map(cell).collect()
}

/// Returns a name as `regclass` prints it where nothing is on the search path.
fn full(name: &QualifiedName) -> String {
    format!("{}.{}", quote_identifier(&name.schema), quote_identifier(&name.name))
}

fn kind(relation: &Relation) -> Cell {
    if relation.external {
        return Cell::Unknown;
    }
    match relation.kind {
        RelationKind::Table => "r",
        RelationKind::PartitionedTable => "p",
        RelationKind::ForeignTable => "f",
        RelationKind::View => "v",
        RelationKind::MaterializedView => "m",
        RelationKind::Index => "i",
        RelationKind::PartitionedIndex => "I",
        RelationKind::Sequence => "S",
        RelationKind::CompositeType => "c",
    }
    .into()
}

impl SystemTables for Snapshot {
    fn rows(&self, schema: &str, table: &str) -> Option<TableRows> {
        let names = |relation: &Relation| -> Vec<Cell> {
            vec![(&relation.name.schema).into(), (&relation.name.name).into()]
        };
        let of_kind = |columns: &'static [&'static str], kind: RelationKind| {
            Some(self.of_relations(columns, |relation| relation.kind == kind, names))
        };
        match (schema, table) {
            ("" | "pg_catalog", "pg_tables") => Some(self.of_relations(
                &["schemaname", "tablename", "rowsecurity"],
                |relation| relation.is_table() && relation.kind != RelationKind::ForeignTable,
                |relation| {
                    let mut row = names(relation);
                    row.push(relation.extra().row_security.into());
                    row
                },
            )),
            ("information_schema", "tables") => Some(self.of_relations(
                &["table_schema", "table_name", "table_type"],
                |relation| relation.is_table() || relation.kind == RelationKind::View,
                |relation| {
                    let kind = match relation.kind {
                        _ if relation.external => Cell::Unknown,
                        RelationKind::View => "VIEW".into(),
                        RelationKind::ForeignTable => "FOREIGN".into(),
                        _ => "BASE TABLE".into(),
                    };
                    let mut row = names(relation);
                    row.push(kind);
                    row
                },
            )),
            ("" | "pg_catalog", "pg_views") => {
                of_kind(&["schemaname", "viewname"], RelationKind::View)
            }
            ("information_schema", "views") => {
                of_kind(&["table_schema", "table_name"], RelationKind::View)
            }
            ("" | "pg_catalog", "pg_matviews") => {
                of_kind(&["schemaname", "matviewname"], RelationKind::MaterializedView)
            }
            ("" | "pg_catalog", "pg_sequences") => {
                of_kind(&["schemaname", "sequencename"], RelationKind::Sequence)
            }
            ("information_schema", "sequences") => {
                of_kind(&["sequence_schema", "sequence_name"], RelationKind::Sequence)
            }
            ("" | "pg_catalog", "pg_class") => Some(self.of_relations(
                &["oid", "relname", "relnamespace", "relkind", "relrowsecurity", "relispartition"],
                |_| true,
                |relation| {
                    vec![
                        full(&relation.name).into(),
                        (&relation.name.name).into(),
                        (&relation.name.schema).into(),
                        kind(relation),
                        relation.extra().row_security.into(),
                        relation.is_partition().into(),
                    ]
                },
            )),
            ("" | "pg_catalog", "pg_namespace") | ("information_schema", "schemata") => {
                let columns: &[&str] =
                    if table == "schemata" { &["schema_name"] } else { &["oid", "nspname"] };
                let mut names = self.catalog.schemas();
                names.extend(["pg_catalog", "information_schema", "pg_toast"].map(str::to_owned));
                let row = |name: String| vec![Cell::from(name); columns.len()];
                Some(TableRows { columns, rows: names.into_iter().map(row).collect() })
            }
            ("" | "pg_catalog", "pg_attribute") => {
                Some(self.of_parts(ATTRIBUTES, |relation| self.attributes(relation)))
            }
            ("information_schema", "columns") => {
                Some(self.of_parts(COLUMNS, |relation| self.columns(relation)))
            }
            ("" | "pg_catalog", "pg_constraint") => {
                Some(self.of_parts(CONSTRAINTS, |relation| self.constraints(relation)))
            }
            ("information_schema", "table_constraints") => Some(self.of_parts(
                &[
                    "constraint_schema",
                    "constraint_name",
                    "table_schema",
                    "table_name",
                    "constraint_type",
                ],
                |relation| {
                    let row = |of: Vec<Cell>| {
                        let kind = match &of[3] {
                            Cell::Text(kind) => match &**kind {
                                "p" => "PRIMARY KEY".into(),
                                "u" => "UNIQUE".into(),
                                "f" => "FOREIGN KEY".into(),
                                "c" | "n" => "CHECK".into(),
                                _ => return None,
                            },
                            _ => Cell::Unknown,
                        };
                        let schema = Cell::from(&relation.name.schema);
                        let name = Cell::from(&relation.name.name);
                        Some(vec![schema.clone(), of[0].clone(), schema, name, kind])
                    };
                    self.constraints(relation).into_iter().filter_map(row).collect()
                },
            )),
            ("" | "pg_catalog", "pg_indexes" | "pg_index") => {
                Some(self.of_parts(INDEXES, |relation| self.indexes(relation)))
            }
            ("" | "pg_catalog", "pg_policies" | "pg_policy") => Some(self.of_parts(
                &["schemaname", "tablename", "policyname", "polname", "polrelid"],
                |relation| {
                    let row = |name: Cell| {
                        let mut row = names(relation);
                        row.extend([name.clone(), name, full(&relation.name).into()]);
                        row
                    };
                    let policies = relation.extra().policies.iter();
                    let unknown = relation.external.then_some(Cell::Unknown);
                    policies.map(|policy| (&policy.name).into()).chain(unknown).map(row).collect()
                },
            )),
            ("" | "pg_catalog", "pg_trigger") => {
                Some(self.of_parts(&["tgname", "tgrelid", "tgisinternal"], |relation| {
                    let row = |(name, internal): (Cell, bool)| {
                        vec![name, full(&relation.name).into(), internal.into()]
                    };
                    let triggers = relation.extra().triggers.iter();
                    let unknown = relation.external.then_some((Cell::Unknown, false));
                    // Foreign keys are kept by triggers.
                    let internal = relation.is_table().then_some((Cell::Unknown, true));
                    let known = triggers.map(|trigger| ((&trigger.name).into(), false));
                    known.chain(unknown).chain(internal).map(row).collect()
                }))
            }
            ("" | "pg_catalog", "pg_inherits") => {
                Some(self.of_parts(&["inhrelid", "inhparent"], |relation| {
                    let parents =
                        relation.parents.iter().filter_map(|id| self.catalog.name_of(*id));
                    let row = |parent| vec![full(&relation.name).into(), full(parent).into()];
                    parents.map(row).collect()
                }))
            }
            ("" | "pg_catalog", "pg_type") => Some(self.types()),
            ("" | "pg_catalog", "pg_enum") => Some(self.labels()),
            ("" | "pg_catalog", "pg_proc") => Some(self.functions()),
            _ => None,
        }
    }

    fn object(&self, type_name: &str, text: &str) -> Cell {
        let mut parts = Vec::new();
        for lexeme in crate::sql::lex::lexemes(text) {
            parts.extend(lexeme.name());
        }
        let Some(name) = parts.pop() else { return Cell::Unknown };
        let name = RelationName { schema: parts.pop().map(Into::into), name: name.into() };
        let mut names = self.catalog.candidates(&name, &self.path);
        match type_name {
            "regclass" => {
                let found = names.find(|name| self.catalog.relation_names.contains_key(name));
                found.map_or(Cell::Unknown, |name| full(&name).into())
            }
            "regtype" => {
                let found = names.find(|name| self.catalog.type_names.contains_key(name));
                found.map_or(Cell::Unknown, |name| full(&name).into())
            }
            "regnamespace" => Cell::from(&name.name),
            // Rows spell functions with their arguments.
            "regprocedure" | "regproc" if text.contains('(') => text.into(),
            _ => Cell::Unknown,
        }
    }
}
