//! Relations of `pg_catalog` and `information_schema`.

use std::sync::LazyLock;

use super::table::{Fact, Fields, Versions, equal, holding, read};
use crate::version::PgVersion;

/// A relation that a server or an extension brings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltinRelation {
    /// Its schema; `@` if that is the one that an extension was put in.
    pub schema: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: SystemRelationKind,
    columns: &'static str,
    /// When it has these columns.
    pub versions: Versions,
}

/// What such a relation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemRelationKind {
    /// A table.
    Table,
    /// A view.
    View,
}

/// A column of such a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelationColumn {
    /// Its name.
    pub name: &'static str,
    /// Its type, as the facts spell it.
    pub data_type: &'static str,
}

impl BuiltinRelation {
    /// Returns its columns in order; none if it is known by name only.
    pub fn columns(&self) -> impl Iterator<Item = RelationColumn> + use<> {
        let columns = self.columns.split_ascii_whitespace();
        columns.filter_map(|column| {
            let (name, data_type) = column.split_once(':')?;
            Some(RelationColumn { name, data_type })
        })
    }
}

impl Fact for BuiltinRelation {
    fn read(versions: Versions, fields: &mut Fields) -> Self {
        let (schema, name) = (fields.take(), fields.take());
        let kind = match fields.take() {
            "v" => SystemRelationKind::View,
            _ => SystemRelationKind::Table,
        };
        Self { schema, name, kind, columns: fields.take(), versions }
    }

    fn versions(&self) -> Versions {
        self.versions
    }
}

static RELATIONS: LazyLock<Vec<BuiltinRelation>> =
    LazyLock::new(|| read(include_str!("data/relations.tsv")));

/// Returns all tables and views of `pg_catalog` and `information_schema`.
pub fn system_relations(version: PgVersion) -> impl Iterator<Item = &'static BuiltinRelation> {
    holding(&RELATIONS, version)
}

/// Returns the table or view of `pg_catalog` or `information_schema` with a name. Their indexes are
/// not known.
pub fn system_relation(
    schema: &str,
    name: &str,
    version: PgVersion,
) -> Option<&'static BuiltinRelation> {
    let named = equal(&RELATIONS, |relation| {
        relation.schema.cmp(schema).then_with(|| relation.name.cmp(name))
    });
    holding(named, version).next()
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    #[test]
    fn relations_are_sorted() {
        assert!(RELATIONS.is_sorted_by_key(|relation| (relation.schema, relation.name)));
    }

    #[test]
    fn relations_have_the_columns_of_the_version() {
        let columns = |schema, name, major| {
            let found = system_relation(schema, name, pg(major))?;
            Some(found.columns().map(|column| column.name).collect::<Vec<_>>())
        };
        assert!(columns("pg_catalog", "pg_class", 12).unwrap().contains(&"relname"));
        assert!(columns("information_schema", "columns", 18).unwrap().contains(&"data_type"));
        assert!(!columns("pg_catalog", "pg_stat_activity", 13).unwrap().contains(&"query_id"));
        assert!(columns("pg_catalog", "pg_stat_activity", 14).unwrap().contains(&"query_id"));
        assert_eq!(columns("pg_catalog", "pg_stat_io", 15), None);
        assert_eq!(columns("public", "pg_class", 15), None);
        let relation = system_relation("pg_catalog", "pg_tables", pg(15)).unwrap();
        assert_eq!(relation.kind, SystemRelationKind::View);
    }
}
