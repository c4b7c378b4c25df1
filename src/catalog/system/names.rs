//! The rows of types, labels and functions.

use super::{Snapshot, full, system_row};
use crate::catalog::{Function, Type, TypeKind};
use crate::sql::{Cell, ObjectKind, TableRows};

impl Snapshot {
    pub(super) fn types(&self) -> TableRows {
        let columns: &[&str] = &["oid", "typname", "typnamespace", "typtype"];
        let of_type = |found: &Type| {
            let kind = match found.kind {
                TypeKind::Enum(_) => "e".into(),
                TypeKind::Composite(_) => "c".into(),
                TypeKind::Domain(_) => "d".into(),
                TypeKind::Range(_) => "r".into(),
                TypeKind::Multirange => "m".into(),
                TypeKind::Base => "b".into(),
                TypeKind::External => Cell::Unknown,
            };
            vec![
                full(&found.name).into(),
                (&found.name.name).into(),
                (&found.name.schema).into(),
                kind,
            ]
        };
        let mut rows: Vec<Vec<Cell>> = self.catalog.types.values().map(|t| of_type(t)).collect();
        for relation in
            self.relations().filter(|relation| relation.is_table() || relation.is_view())
        {
            rows.push(vec![
                full(&relation.name).into(),
                (&relation.name.name).into(),
                (&relation.name.schema).into(),
                "c".into(),
            ]);
        }
        rows.push(system_row(columns, "pg_catalog"));
        rows.push(system_row(columns, "information_schema"));
        TableRows { columns, rows }
    }

    pub(super) fn labels(&self) -> TableRows {
        let columns = &["enumtypid", "enumlabel", "enumsortorder"];
        let mut rows = Vec::new();
        for found in self.catalog.enums() {
            for (at, label) in found.labels.iter().enumerate() {
                let place = (at + 1).to_string();
                rows.push(vec![full(found.name).into(), (&label.label).into(), place.into()]);
            }
        }
        TableRows { columns, rows }
    }

    pub(super) fn functions(&self) -> TableRows {
        let columns: &[&str] = &["oid", "proname", "pronamespace", "prokind"];
        let row = |function: &Function| {
            let inputs: Vec<String> = function
                .inputs()
                .map(|(argument, id)| self.catalog.format_type(&argument.type_name, *id))
                .collect();
            let kind = match function.kind {
                ObjectKind::Procedure => "p",
                ObjectKind::Aggregate => "a",
                _ if function.window => "w",
                _ => "f",
            };
            vec![
                format!("{}({})", full(&function.name), inputs.join(",")).into(),
                (&function.name.name).into(),
                (&function.name.schema).into(),
                kind.into(),
            ]
        };
        let mut rows: Vec<Vec<Cell>> = self.catalog.functions().map(row).collect();
        rows.push(system_row(columns, "pg_catalog"));
        rows.push(system_row(columns, "information_schema"));
        TableRows { columns, rows }
    }
}
