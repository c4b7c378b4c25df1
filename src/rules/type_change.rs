//! What the rules about `ALTER COLUMN ... TYPE` share: which columns change, from which type to which,
//! and who else is locked.

use super::outage::{Used, acts, used};
use crate::catalog::{Column, QualifiedName, Relation};
use crate::effects::Act;
use crate::rule::StatementContext;
use crate::schema::{expression_sql, name_sql};
use crate::sql::{
    Action, AlterTable, ConstraintKind, Expression, LockMode, ObjectKind, RelationName, TableChange,
};

/// A column of a table in use that gets another type.
#[derive(Clone)]
pub(super) struct TypeChange<'a> {
    /// What it does.
    pub act: &'a Act<'a>,
    /// The subcommand.
    pub alter: &'a AlterTable,
    /// The column's name.
    pub name: &'a str,
    /// Its `USING`.
    pub using: Option<&'a Expression>,
    /// Its new collation, where one is given.
    pub collation: Option<&'a RelationName>,
    /// The table.
    pub table: Used<'a>,
    /// The column before it, where the files show that.
    pub old: Option<&'a Column>,
    /// The old type, where the files show it, and the new one, as the server spells them.
    pub from: Option<String>,
    pub to: String,
}

/// What prepared statements answer once when a column that they return has another type.
///
/// Source: PostgreSQL 12 and 18, `prepare p as select n from t` before `alter table t alter n type bigint`.
pub(super) const PLANS: &str = "SQLSTATE 0A000: cached plan must not change result type; prepared statements that return the column fail with it once, until they are prepared anew";

/// Returns the columns of tables in use that get another type.
pub(super) fn type_changes<'a>(cx: &'a StatementContext) -> impl Iterator<Item = TypeChange<'a>> {
    let is_one = |action: &Action| {
        matches!(action, Action::AlterTable(alter)
            if matches!(alter.change, TableChange::SetType { .. }) && is_about_table(alter))
    };
    acts(cx, is_one).filter_map(|act| type_change(cx, act))
}

fn is_about_table(alter: &AlterTable) -> bool {
    alter.kind == ObjectKind::Table
}

fn type_change<'a>(cx: &StatementContext, act: &'a Act<'a>) -> Option<TypeChange<'a>> {
    let Action::AlterTable(alter) = act.action else { return None };
    let TableChange::SetType { column: name, type_name, using, collation } = &alter.change else {
        return None;
    };
    let table = used(cx, &act.before, &alter.table)?;
    let old = table.relation.and_then(|relation| relation.column(name));
    let new = act.after.get(&table.name).and_then(|relation| relation.column(name));
    let from = old.map(|old| act.before.format_type(&old.type_name, old.type_id));
    let to = match new {
        Some(new) => act.after.format_type(&new.type_name, new.type_id),
        None => act.after.format_type(type_name, None),
    };
    let (using, collation) = (using.as_deref(), collation.as_ref());
    Some(TypeChange { act, alter, name, using, collation, table, old, from, to })
}

impl TypeChange<'_> {
    /// Returns a type for people: without the schema `public`, and by the short names.
    pub(super) fn shown(of: &str) -> String {
        let of = of.strip_prefix("public.").unwrap_or(of);
        let (name, rest) = of.split_at(of.find(['(', '[']).unwrap_or(of.len()));
        let (modifiers, zone) = match rest.rsplit_once(')') {
            Some((modifiers, zone)) if zone.starts_with(' ') => (format!("{modifiers})"), zone),
            _ => (rest.to_owned(), ""),
        };
        let short = match &*format!("{name}{zone}") {
            "character varying" => "varchar".to_owned(),
            "character" => "char".to_owned(),
            "timestamp with time zone" => "timestamptz".to_owned(),
            "timestamp without time zone" => "timestamp".to_owned(),
            "time with time zone" => "timetz".to_owned(),
            "time without time zone" => "time".to_owned(),
            _ => return of.to_owned(),
        };
        format!("{short}{modifiers}")
    }

    /// Returns the statement that changes this column alone; nothing if its `USING` cannot be told.
    pub(super) fn sql(&self) -> Option<String> {
        let mut sql = format!(
            "alter table {} alter column {} type {}",
            name_sql(&self.alter.table),
            crate::sql::tree::quote_identifier(self.name),
            self.to
        );
        if let Some(collation) = self.collation {
            sql.push_str(&format!(" collate {}", name_sql(collation)));
        }
        if let Some(using) = self.using {
            sql.push_str(&format!(" using {}", expression_sql(using)?));
        }
        Some(sql)
    }

    /// Returns what is locked against reads and writes: the table, and those at the other ends of its
    /// foreign keys on the column.
    pub(super) fn locked(&self, cx: &StatementContext) -> Vec<(QualifiedName, LockMode)> {
        let mut names = vec![self.table.name.clone()];
        for other in self.partners().filter(|other| !cx.is_new_relation(other)) {
            if !names.contains(&other.name) {
                names.push(other.name.clone());
            }
        }
        names.into_iter().map(|name| (name, LockMode::AccessExclusiveLock)).collect()
    }

    /// Returns the tables at the other ends of foreign keys of or to the column.
    fn partners(&self) -> impl Iterator<Item = &Relation> {
        let before = &self.act.before;
        let table = self.table.relation;
        let others = table.map(|table| before.related(table.id)).unwrap_or_default();
        let keys = others
            .into_iter()
            .filter(|other| !other.is_partition())
            .flat_map(|other| other.constraints.iter().map(move |constraint| (other, constraint)));
        keys.filter_map(move |(other, key)| {
            let table = table.filter(|_| key.kind == ConstraintKind::ForeignKey)?;
            let has = |columns: &[String]| columns.iter().any(|column| column == self.name);
            if other.id == table.id && has(&key.columns) {
                return before.by_id(key.references?).filter(|found| found.id != table.id);
            }
            (key.references == Some(table.id) && has(&key.referenced_columns)).then_some(other)
        })
    }
}

/// Returns why values are stored anew where a column of one type gets another, as the server spells
/// them; nothing where the names do not tell.
///
/// Source: the matrix of type changes in `tests/postgres.rs`, and `ATColumnChangeRequiresRewrite`.
pub(super) fn reason(from: &str, to: &str) -> Option<&'static str> {
    let ((old, old_parts), (new, new_parts)) = (parts(from), parts(to));
    let bytes = |name: &str| match name {
        "smallint" | "integer" | "bigint" => Some(()),
        _ => None,
    };
    let is_array = old.ends_with("[]") || new.ends_with("[]");
    Some(match (&*old, &*new) {
        _ if is_array && (old != new || old_parts != new_parts) => "each element is converted",
        (a, b) if a != b && bytes(a).is_some() && bytes(b).is_some() => {
            "its values get another size"
        }
        ("character", _) | (_, "character") => "`character` pads its values with spaces",
        ("numeric", "numeric") => match (old_parts.get(1), new_parts.get(1)) {
            (Some(old), Some(new)) if old == new => "each value is checked against fewer digits",
            _ => "each value is brought to another number of decimal places",
        },
        ("text" | "character varying", "character varying") => {
            "each value is checked against the length"
        }
        ("timestamp without time zone", "timestamp with time zone")
        | ("timestamp with time zone", "timestamp without time zone")
            if new_parts.is_empty() =>
        {
            "its values are moved by the session's `TimeZone`, which is not UTC"
        }
        (a, b) if a == b && old_parts != new_parts => "each value is brought to another precision",
        _ => return None,
    })
}

/// Splits a type into its name and its modifiers.
fn parts(name: &str) -> (String, Vec<i32>) {
    let Some((before, rest)) = name.split_once('(') else { return (name.to_owned(), Vec::new()) };
    let (modifiers, after) = rest.split_once(')').unwrap_or((rest, ""));
    let modifiers = modifiers.split(',').filter_map(|part| part.trim().parse().ok()).collect();
    (format!("{before}{after}"), modifiers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_shown_by_their_short_names() {
        for (spelled, shown) in [
            ("character varying(20)", "varchar(20)"),
            ("character varying(20)[]", "varchar(20)[]"),
            ("timestamp(3) with time zone", "timestamptz(3)"),
            ("timestamp without time zone", "timestamp"),
            ("timestamp without time zone[]", "timestamp[]"),
            ("numeric(10,2)", "numeric(10,2)"),
            ("public.status", "status"),
            ("app.status[]", "app.status[]"),
        ] {
            assert_eq!(TypeChange::shown(spelled), shown);
        }
    }
}
