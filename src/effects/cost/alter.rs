//! What the subcommands of `ALTER TABLE` do with the rows.

use crate::catalog::{Catalog, Constraint, Env, ObjectId, Relation, TypeKind};
use crate::replay::State;
use crate::sql::tree::{Expr, OperatorKind};
use crate::sql::{
    AlterTable, ColumnDefinition, ConstraintDefinition, ConstraintKind, Generated, ObjectKind,
    TableChange, TableEffect,
};

use super::super::Effects;
use super::{has_rows, rewrite, tree};

/// The catalogs before and after a subcommand, and the table that it is about.
pub(super) struct Altered<'a> {
    pub(super) before: &'a Catalog,
    pub(super) after: &'a Catalog,
    pub(super) id: ObjectId,
    pub(super) env: Env,
    /// Whether the session's time zone is always that of UTC.
    pub(super) zone_is_zero: bool,
}

/// Adds what a subcommand does; indexes that it makes are not added.
pub(super) fn add(
    alter: &AlterTable,
    before: &Catalog,
    after: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let path = &state.session.search_path;
    if alter.kind == ObjectKind::Type {
        return attribute(alter, before, after, state, found);
    }
    let Some(table) = before.relation(&alter.table, path).found() else { return };
    let env = Env { origin: table.created, path: path.clone(), version: state.version };
    let altered = Altered { before, after, id: table.id, env, zone_is_zero: zone_is_zero(state) };
    match &alter.change {
        TableChange::AddColumn { column, .. } => altered.add_column(column, found),
        TableChange::SetType { column, using, .. } => {
            altered.set_type(column, using.as_deref().map(|using| &using.tree), found);
        }
        TableChange::SetNotNull { column } => altered.set_not_null(column, alter.only, found),
        TableChange::Other { command, column, effect, .. } => {
            altered.other(command, column.as_deref(), effect.as_deref(), found);
        }
        _ => {}
    }
}

/// Returns whether the session's time zone is UTC or one that never differs from it.
///
/// Source: `TimestampTimestampTzRequiresRewrite`. Without a setting it is taken for UTC, as on most
/// servers.
fn zone_is_zero(state: &State) -> bool {
    const ZERO: [&str; 14] = [
        "utc",
        "gmt",
        "etc/utc",
        "etc/gmt",
        "uct",
        "etc/uct",
        "zulu",
        "etc/zulu",
        "universal",
        "etc/universal",
        "greenwich",
        "etc/greenwich",
        "gmt0",
        "etc/gmt0",
    ];
    state.session.setting("timezone").is_none_or(|zone| {
        let zone = zone.value.trim().trim_matches('\'').to_ascii_lowercase();
        ZERO.contains(&&*zone)
            || zone.parse::<f64>().is_ok_and(|offset| offset == 0.0)
            || matches!(&*zone, "default" | "utc0" | "gmt+0" | "gmt-0" | "etc/gmt+0" | "etc/gmt-0")
    })
}

impl Altered<'_> {
    /// Returns the tables that a subcommand reached, before and after it, the one itself first.
    fn tables(&self) -> impl Iterator<Item = (&Relation, &Relation)> {
        tree(self.before, self.id)
            .into_iter()
            .filter_map(|old| Some((old, self.after.by_id(old.id)?)))
    }

    /// A new column: its value for the rows that are there is noted once unless it is volatile, comes
    /// from a sequence, is stored, or has to fulfil constraints of a domain. Cases `add_column.*`.
    fn add_column(&self, definition: &ColumnDefinition, found: &mut Effects) {
        for (old, new) in self.tables() {
            if old.column(&definition.name).is_some() {
                continue;
            }
            let Some(column) = new.column(&definition.name) else { continue };
            let data_type = (&column.type_name, column.type_id);
            let is_virtual = column.generated == Some(Generated::Virtual);
            let has_sequence = definition.identity.is_some()
                || column.default.as_ref().is_some_and(|default| {
                    default.tree == Expr::Unknown && default.is_next_value()
                });
            let default = column.default.as_ref().filter(|_| !has_sequence && !is_virtual);
            let is_volatile = match default {
                Some(default) => self.before.is_volatile(&default.tree, &self.env),
                None => self.is_domain_default_volatile(column.type_id),
            };
            found.certain &= is_volatile.is_some();
            let rewrites = has_sequence
                || column.generated == Some(Generated::Stored)
                || !is_virtual
                    && (is_volatile != Some(false)
                        || self.after.has_domain_constraints(data_type, &self.env));
            if rewrites {
                rewrite(new, found);
            }
            let has_value = default.is_some_and(|default| !default.is_null())
                || default.is_none() && self.has_domain_default(column.type_id);
            let is_checked = definition.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::Check && is_enforced(constraint)
            });
            if is_checked || column.not_null && !has_value {
                found.scans.insert(new.name.clone());
            }
            for constraint in &definition.constraints {
                self.check_references(definition, constraint, new, found);
            }
        }
    }

    /// A foreign key of a new column is checked if the column has any default, even `NULL`.
    fn check_references(
        &self,
        definition: &ColumnDefinition,
        constraint: &ConstraintDefinition,
        table: &Relation,
        found: &mut Effects,
    ) {
        let column = table.column(&definition.name);
        let has_default =
            definition.default.is_some() || column.is_some_and(|column| column.default.is_some());
        let Some(target) = &constraint.references else { return };
        if constraint.kind != ConstraintKind::ForeignKey || !has_default || !is_enforced(constraint)
        {
            return;
        }
        found.scans.insert(table.name.clone());
        let is_null = definition.default.as_ref().is_some_and(|default| default.is_null());
        if let Some(target) = self.after.relation(target, &self.env.path).found()
            && !is_null
        {
            let tables = tree(self.after, target.id).into_iter();
            found.scans.extend(tables.map(|table| table.name.clone()));
        }
    }

    fn has_domain_default(&self, id: Option<ObjectId>) -> bool {
        self.env.version.major >= 13 && self.domain_default(id).is_some_and(|d| !d.is_null())
    }

    /// From 13 on a domain's own default is the value of the rows that are there, too.
    fn is_domain_default_volatile(&self, id: Option<ObjectId>) -> Option<bool> {
        match self.domain_default(id).filter(|_| self.env.version.major >= 13) {
            Some(default) => self.before.is_volatile(&default.tree, &self.env),
            None => Some(false),
        }
    }

    fn domain_default(&self, id: Option<ObjectId>) -> Option<&crate::sql::Expression> {
        match &self.after.type_by_id(id?)?.kind {
            TypeKind::Domain(domain) => match &domain.default {
                Some(default) => Some(default),
                None => self.domain_default(domain.base_id),
            },
            _ => None,
        }
    }

    /// `SET NOT NULL` reads the table unless the column is that already or a valid check proves it.
    fn set_not_null(&self, column: &str, only: bool, found: &mut Effects) {
        for (old, _) in self.tables() {
            if only && old.id != self.id {
                continue;
            }
            let is_about = |columns: &[String]| columns.iter().any(|name| name == column);
            let is_pending = old.constraints.iter().any(|constraint| {
                constraint.kind == ConstraintKind::NotNull
                    && !constraint.validated
                    && is_about(&constraint.columns)
            });
            let is_set = old.column(column).is_some_and(|column| column.not_null);
            if is_pending || !is_set && !proves_not_null(old, column) {
                found.scans.insert(old.name.clone());
            }
        }
    }

    fn other(
        &self,
        command: &str,
        name: Option<&str>,
        effect: Option<&TableEffect>,
        found: &mut Effects,
    ) {
        let Some(table) = self.before.by_id(self.id) else { return };
        if let Some(TableEffect::Logged(logged)) = effect
            && has_rows(table)
            && table.unlogged == *logged
        {
            rewrite(table, found);
        }
        match (command, name) {
            ("SetTableSpace", Some(name)) if table.moves_to(name) => super::copy(table, found),
            ("SetAccessMethod", Some(name)) if name != "heap" && has_rows(table) => {
                rewrite(table, found);
            }
            ("SetExpression", Some(name)) => {
                for (old, new) in self.tables() {
                    if old.column(name).is_some_and(|c| c.generated == Some(Generated::Stored)) {
                        rewrite(new, found);
                    }
                }
            }
            _ => {}
        }
    }
}

fn is_enforced(constraint: &ConstraintDefinition) -> bool {
    constraint.validated && constraint.options.as_ref().is_none_or(|options| !options.not_enforced)
}

/// Returns whether a valid check of a table rules null out.
///
/// Source: `NotNullImpliedByRelConstraints` with `predicate_implied_by`. Operators that are strict
/// prove nothing, as a check holds where it is null.
pub(super) fn proves_not_null(table: &Relation, column: &str) -> bool {
    table.constraints.iter().any(|found| found.validated && says_not_null(found, column))
}

/// Returns the constraint of a table that will prove a column not null as soon as it is validated.
pub(crate) fn pending_proof<'a>(table: &'a Relation, column: &str) -> Option<&'a Constraint> {
    let is_not_null = |found: &Constraint| {
        found.kind == ConstraintKind::NotNull && found.columns.iter().any(|name| name == column)
    };
    let mut pending = table.constraints.iter().filter(|found| !found.validated && found.enforced);
    pending.find(|found| is_not_null(found) || says_not_null(found, column))
}

fn says_not_null(constraint: &Constraint, column: &str) -> bool {
    constraint.kind == ConstraintKind::Check
        && constraint.enforced
        && constraint.expression.as_ref().is_some_and(|e| implies(&e.tree, column, false))
}

/// Returns whether an expression, or its negation, says that a column is not null.
fn implies(expression: &Expr, column: &str, negated: bool) -> bool {
    let is_column = |value: &Expr| matches!(value, Expr::Column(found) if *found.name == *column);
    match expression {
        Expr::IsNull { value, negated: is_not } => *is_not != negated && is_column(value),
        Expr::Not(value) => implies(value, column, !negated),
        Expr::And(items) if !negated => items.iter().any(|item| implies(item, column, false)),
        Expr::And(items) => items.iter().all(|item| implies(item, column, true)),
        Expr::Or(items) if !negated => items.iter().all(|item| implies(item, column, false)),
        Expr::Or(items) => items.iter().any(|item| implies(item, column, true)),
        Expr::Operator(operator) => {
            let wanted = match operator.kind {
                OperatorKind::Distinct => !negated,
                OperatorKind::NotDistinct => negated,
                _ => return false,
            };
            let (left, right) = (operator.left.as_ref(), operator.right.as_ref());
            let is_null = |side: Option<&Expr>| matches!(side, Some(Expr::Null));
            wanted
                && (left.is_some_and(is_column) && is_null(right)
                    || is_null(left) && right.is_some_and(is_column))
        }
        _ => false,
    }
}

/// `ALTER TYPE ... ALTER ATTRIBUTE ... TYPE ... CASCADE` changes the tables of the type.
fn attribute(
    alter: &AlterTable,
    before: &Catalog,
    after: &Catalog,
    state: &State,
    found: &mut Effects,
) {
    let TableChange::SetType { column, using, .. } = &alter.change else { return };
    let path = &state.session.search_path;
    let Some(of) = before.type_named(&alter.table, path) else { return };
    let typed: Vec<&Relation> =
        before.relations().filter(|table| table.extra().of_type == Some(of)).collect();
    let Some(TypeKind::Composite(attributes)) = after.type_by_id(of).map(|found| &found.kind)
    else {
        return;
    };
    let Some(new) = attributes.iter().find(|attribute| *attribute.name == **column) else { return };
    for table in typed {
        let Some(old) = table.column(column) else { continue };
        let env = Env { origin: table.created, path: path.clone(), version: state.version };
        let zero = zone_is_zero(state);
        let using = using.as_deref().map(|using| &using.tree);
        let to = (&new.type_name, new.type_id);
        if before.rewrites(table.id, old, to, using, zero, &env) != Some(false) {
            rewrite(table, found);
        }
    }
}
