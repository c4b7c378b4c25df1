//! The locks of statements that read or write rows.
//!
//! Sources: PostgreSQL documentation, "Explicit Locking" and "Partition Pruning"; what servers 12 to 18 did.

use std::collections::BTreeSet;

use super::{AccessShareLock, RowExclusiveLock, RowShareLock, Taken};
use crate::catalog::{Catalog, Column, Constraint, ObjectId, Relation, RelationKind};
use crate::effects::cost::Row;
use crate::sql::tree::Expr;
use crate::sql::{Dml, DmlKind, LockMode, ReferentialAction, RelationName};

impl Taken<'_> {
    /// Locks what a statement that reads or writes rows does: the relations it names, those below
    /// them, and for the rows it writes the other sides of their foreign keys and their sequences.
    pub(super) fn dml(&mut self, dml: &Dml) {
        let condition = dml.condition.as_deref().filter(|_| !self.moves_rows(dml));
        for name in &dml.reads {
            match dml.locks_rows {
                true => self.lock_matching(name, false, condition, RowShareLock),
                false => self.lock(name, AccessShareLock),
            }
        }
        dml.writes.iter().for_each(|name| self.lock(name, RowExclusiveLock));
        dml.sequences.iter().for_each(|name| self.lock(name, RowExclusiveLock));
        let Some(target) = &dml.target else { return };
        match dml.kind {
            DmlKind::CopyTo => self.lock(target, AccessShareLock),
            // An UPDATE or DELETE plans for every table below; rows that are inserted find their own.
            DmlKind::Update | DmlKind::Delete | DmlKind::Merge => {
                self.lock_matching(target, dml.only, condition, RowExclusiveLock);
            }
            DmlKind::Insert | DmlKind::CopyFrom | DmlKind::Select => {
                self.lock(target, RowExclusiveLock);
            }
        }
        let Some(table) = self.found(target) else { return };
        let table = under_view(self.catalog, table).clone();
        self.rules(&table, dml.kind);
        match dml.kind {
            DmlKind::Insert | DmlKind::CopyFrom => {
                self.lock_object(table.id, RowExclusiveLock);
                let rows = Rows::new(&table, dml);
                self.sequences_of(&table, &rows);
                self.referencing(&table, |c| rows.have_key(&c.columns));
                self.route(&table, &rows);
            }
            DmlKind::Update => {
                let is_set = |columns: &[String]| columns.iter().any(|c| dml.columns.contains(c));
                let to_null = |column: &String| {
                    let at = dml.columns.iter().position(|set| set == column);
                    let row = dml.rows.first();
                    at.and_then(|at| row?.get(at)).is_some_and(Expr::is_null)
                };
                self.referencing(&table, |constraint| {
                    is_set(&constraint.columns) && !constraint.columns.iter().any(to_null)
                });
                self.referring_to(&table, false, &is_set, &mut BTreeSet::new());
            }
            DmlKind::Delete => {
                self.referring_to(&table, true, &|_| true, &mut BTreeSet::new());
            }
            DmlKind::Merge | DmlKind::CopyTo | DmlKind::Select => {}
        }
    }

    /// Returns whether an `UPDATE` sets a column by which the table is divided: rows may go to any partition.
    fn moves_rows(&self, dml: &Dml) -> bool {
        let target = dml.target.as_ref().and_then(|name| self.found(name));
        let Some(target) = target.filter(|_| dml.kind == DmlKind::Update) else { return false };
        let tables = [target.id].into_iter().chain(self.catalog.children(target.id));
        let keys = tables.filter_map(|id| self.catalog.by_id(id)?.extra().partition_by.as_ref());
        keys.into_iter().any(|key| {
            let is_set = |name: &str| dml.columns.iter().any(|set| set == name);
            !key.expressions.is_empty() || key.columns.iter().flatten().any(|name| is_set(name))
        })
    }

    /// Locks a table and what is below it, without the partitions in which no row can match.
    fn lock_matching(
        &mut self,
        name: &RelationName,
        only: bool,
        condition: Option<&Expr>,
        mode: LockMode,
    ) {
        self.lock(name, mode);
        let Some(top) = self.found(name) else { return };
        let wanted = condition.map(Row::matching);
        let top = under_view(self.catalog, top).id;
        self.lock_object(top, mode);
        let mut queue = vec![top];
        let mut seen = BTreeSet::new();
        while let Some(parent) = queue.pop().filter(|_| !only) {
            for child in self.catalog.children(parent) {
                let is_out = wanted
                    .as_ref()
                    .is_some_and(|wanted| wanted.is_ruled_out(self.catalog, parent, child));
                if !is_out && seen.insert(child) {
                    self.lock_object(child, mode);
                    queue.push(child);
                }
            }
        }
    }

    /// Locks what the actions of rules write to.
    fn rules(&mut self, table: &Relation, event: DmlKind) {
        for rule in table.extra().rules.iter().filter(|rule| rule.event == event) {
            rule.writes.iter().for_each(|id| self.lock_object(*id, RowExclusiveLock));
        }
    }

    /// Locks the partitions into which rows go.
    fn route(&mut self, table: &Relation, rows: &Rows) {
        if table.kind != RelationKind::PartitionedTable {
            return;
        }
        for at in 0..rows.values.len() {
            let row =
                Row::of(table.columns.iter().filter_map(|c| Some((&c.name, rows.value(at, c)?))));
            let mut above = table.id;
            while let Some(partition) = row.partition(self.catalog, above) {
                self.lock_object(partition, RowExclusiveLock);
                above = partition;
            }
        }
    }

    /// Locks the sequences of which columns that get no value take one.
    fn sequences_of(&mut self, table: &Relation, rows: &Rows) {
        for column in table.columns.iter().filter(|column| rows.take_default(column)) {
            if let Some(default) = column.default.as_ref().filter(|_| column.generated.is_none())
                && default.is_next_value()
            {
                default.relations().iter().for_each(|name| self.lock(name, RowExclusiveLock));
            }
            if column.identity.is_some() || column.default.is_some() {
                let owned = (table.id, column.number);
                let sequences = self.catalog.related(table.id).into_iter().filter(|relation| {
                    let sequence = relation.extra().sequence.as_ref();
                    sequence.is_some_and(|s| {
                        s.owned_by == Some(owned) && (s.is_identity || is_serial(column))
                    })
                });
                let sequences: Vec<ObjectId> = sequences.map(|sequence| sequence.id).collect();
                sequences.into_iter().for_each(|id| self.lock_object(id, RowExclusiveLock));
            }
        }
    }

    /// Locks the tables in which the foreign keys of rows that were written are looked up.
    fn referencing(&mut self, table: &Relation, which: impl Fn(&Constraint) -> bool) {
        for constraint in &table.constraints {
            if let Some(other) = constraint.references.filter(|_| constraint.enforced)
                && which(constraint)
            {
                self.lock_object(other, RowShareLock);
            }
        }
    }

    /// Locks the tables that refer to rows that are deleted or get other keys.
    fn referring_to(
        &mut self,
        table: &Relation,
        is_delete: bool,
        which: &dyn Fn(&[String]) -> bool,
        seen: &mut BTreeSet<ObjectId>,
    ) {
        if !seen.insert(table.id) {
            return;
        }
        let catalog = self.catalog;
        for other in catalog.related(table.id).into_iter().filter(|other| other.is_table()) {
            let refers = |constraint: &&Constraint| {
                constraint.references == Some(table.id)
                    && constraint.enforced
                    && which(&constraint.referenced_columns)
            };
            let mut changes = false;
            for constraint in other.constraints.iter().filter(refers) {
                let action = if is_delete { constraint.actions.0 } else { constraint.actions.1 };
                let is_refused =
                    matches!(action, ReferentialAction::NoAction | ReferentialAction::Restrict);
                changes |= is_delete && action == ReferentialAction::Cascade;
                let mode = if is_refused { RowShareLock } else { RowExclusiveLock };
                self.lock_object(other.id, mode);
            }
            if changes {
                self.referring_to(other, true, &|_| true, seen);
            }
        }
    }
}

/// Returns the table to which a simple view passes on what is written to it.
fn under_view<'c>(catalog: &'c Catalog, mut relation: &'c Relation) -> &'c Relation {
    while relation.kind == RelationKind::View {
        let extra = relation.extra();
        let below = match &relation.uses[..] {
            [below] if extra.triggers.is_empty() && extra.rules.is_empty() => catalog.by_id(*below),
            _ => None,
        };
        let Some(below) = below else { break };
        relation = below;
    }
    relation
}

/// The rows that an `INSERT` or `COPY` writes.
struct Rows<'a> {
    table: &'a Relation,
    /// The columns that get values, in their order.
    columns: Vec<&'a str>,
    /// The values, where they are spelled out.
    values: &'a [Box<[Expr]>],
}

impl<'a> Rows<'a> {
    fn new(table: &'a Relation, dml: &'a Dml) -> Self {
        let width = dml.width.unwrap_or(table.columns.len());
        let columns = match &dml.columns[..] {
            [] => table.columns.iter().take(width).map(|column| &*column.name).collect(),
            columns => columns.iter().map(String::as_str).collect(),
        };
        Self { table, columns, values: &dml.rows }
    }

    fn place(&self, column: &str) -> Option<usize> {
        self.columns.iter().position(|given| *given == column)
    }

    /// Returns the value of a column in a row; nothing where the statement does not tell.
    fn value(&self, row: usize, column: &'a Column) -> Option<&'a Expr> {
        let given = self.place(&column.name).map(|at| self.values.get(row)?.get(at));
        match given {
            // What nobody gives is the default, or null.
            None | Some(Some(Expr::Default)) => match column.default.as_ref() {
                None if column.identity.is_none() => Some(&Expr::Null),
                default => default.map(|default| &default.tree),
            },
            Some(value) => value.filter(|value| **value != Expr::Unknown),
        }
    }

    /// Returns whether a row gets the default of a column.
    fn take_default(&self, column: &Column) -> bool {
        let Some(at) = self.place(&column.name) else { return true };
        self.values.iter().any(|row| row.get(at) == Some(&Expr::Default))
    }

    /// Returns whether a row may have values in all columns of a key: one with a null is not looked up.
    fn have_key(&self, columns: &[String]) -> bool {
        let all = || columns.iter().filter_map(|name| self.table.column(name));
        if self.values.is_empty() {
            return all().all(|column| !self.take_default(column) || column.has_default());
        }
        (0..self.values.len())
            .any(|row| all().all(|column| !self.value(row, column).is_some_and(Expr::is_null)))
    }
}

/// Returns whether a column takes its values of the sequence that it owns.
fn is_serial(column: &Column) -> bool {
    let default = column.default.as_ref();
    default.is_some_and(|default| default.is_next_value())
}
