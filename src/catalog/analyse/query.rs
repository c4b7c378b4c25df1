//! Queries: what they return, clause by clause in the order of the server.

use std::rc::Rc;
use std::sync::Arc;

use super::Analyser;
use super::scope::{Common, Entry, ItemColumn, Output, Outputs, Scope};
use super::types::Value;
use crate::sql::tree::{
    Assignment, Body, CommonTable, Distinct, Expr, Grouping, Query, Returning, Select, SetKind,
    SetOperation, Sort, Source, Step, Tail, Target, Window, With,
};

impl Analyser<'_> {
    /// Returns the columns of a query; literals have no type yet.
    pub(super) fn query(&mut self, outer: &Scope, query: &Query) -> Outputs {
        let mut scope = Scope::below(outer);
        if let Some(with) = &query.with {
            self.with(&mut scope, with);
        }
        match &query.body {
            Body::Select(select) => return self.select(&scope, select, query.tail.as_deref()),
            Body::Values(_) | Body::SetOperation(_) => {}
            Body::Unknown
            | Body::Insert(_)
            | Body::Update(_)
            | Body::Delete(_)
            | Body::Merge(_) => return self.writing(&scope, &query.body),
        }
        let outputs = match &query.body {
            Body::Values(rows) => self.values(&scope, rows),
            Body::SetOperation(operation) => self.set_operation(&scope, operation),
            _ => Outputs::default(),
        };
        if let Some(tail) = &query.tail {
            self.limits(&scope, tail);
        }
        outputs
    }

    fn limits(&mut self, scope: &Scope, tail: &Tail) {
        self.each(scope, tail.limit.iter().chain(&tail.offset));
    }

    /// Notes what expressions need.
    pub(super) fn each<'e>(
        &mut self,
        scope: &Scope,
        expressions: impl IntoIterator<Item = &'e Expr>,
    ) {
        for expression in expressions {
            self.expr(scope, expression);
        }
    }

    fn with(&mut self, scope: &mut Scope, with: &With) {
        if with.recursive {
            for table in &with.queries {
                let outputs = Outputs::default();
                scope.common.push(Rc::new(Common { name: table.name.clone(), outputs }));
            }
        }
        for table in &with.queries {
            if with.recursive
                && let Body::SetOperation(operation) = &table.query.body
            {
                let first = self.recursive_start(scope, table, operation);
                scope.common.push(Rc::new(Common { name: table.name.clone(), outputs: first }));
                let last = scope.common.last().cloned();
                self.query(scope, &table.query);
                scope.common.extend(last);
                continue;
            }
            let outputs = self.query(scope, &table.query);
            let outputs = self.common_outputs(table, outputs);
            scope.common.push(Rc::new(Common { name: table.name.clone(), outputs }));
        }
    }

    /// Returns the columns that a recursive query has by its part without recursion.
    fn recursive_start(
        &mut self,
        scope: &Scope,
        table: &CommonTable,
        operation: &SetOperation,
    ) -> Outputs {
        let mut inner = Scope::below(scope);
        if let Some(with) = &table.query.with {
            self.with(&mut inner, with);
        }
        let first = self.query(&inner, &operation.left);
        self.common_outputs(table, first)
    }

    fn common_outputs(&mut self, table: &CommonTable, mut outputs: Outputs) -> Outputs {
        for column in &mut outputs.columns {
            column.value = std::mem::replace(&mut column.value, Value::Unknown).settled();
        }
        let what = format!("WITH query \"{}\"", table.name);
        self.rename(&mut outputs, &table.columns, &what);
        let added = table.added.iter().cloned();
        outputs.columns.extend(added.map(|name| Output { name, value: Value::Unknown }));
        outputs
    }

    /// Gives columns the names of an alias.
    pub(super) fn rename(&mut self, outputs: &mut Outputs, names: &[Arc<str>], what: &str) {
        let (has, wants) = (outputs.columns.len(), names.len());
        if wants > has && outputs.complete {
            let message =
                format!("{what} has {has} columns available but {wants} columns specified");
            self.fail("42P10", message, "", true);
        }
        for (at, name) in names.iter().enumerate() {
            match outputs.columns.get_mut(at) {
                Some(column) if outputs.complete => column.name = name.clone(),
                Some(column) => {
                    *column = Output { name: name.clone(), value: Value::Unknown };
                }
                None => {
                    outputs.columns.push(Output { name: name.clone(), value: Value::Unknown });
                }
            }
        }
    }

    fn values(&mut self, scope: &Scope, rows: &[Box<[Expr]>]) -> Outputs {
        let width = rows.first().map_or(0, |row| row.len());
        let mut columns: Vec<Vec<Value>> = vec![Vec::new(); width];
        for row in rows {
            for (at, value) in row.iter().enumerate() {
                let value = self.expr(scope, value);
                if let Some(column) = columns.get_mut(at) {
                    column.push(value);
                }
            }
        }
        let columns = columns.iter().enumerate().map(|(at, values)| Output {
            name: format!("column{}", at + 1).into(),
            value: self.common(values),
        });
        let columns: Vec<Output> = columns.collect();
        let complete = !rows.iter().flatten().any(|value| matches!(value, Expr::Star(_)));
        Outputs { columns, complete }
    }

    fn set_operation(&mut self, scope: &Scope, operation: &SetOperation) -> Outputs {
        let mut left = self.query(scope, &operation.left);
        let right = self.query(scope, &operation.right);
        let complete = left.complete && right.complete;
        if complete && left.columns.len() != right.columns.len() {
            let what = match operation.kind {
                SetKind::Union => "UNION",
                SetKind::Intersect => "INTERSECT",
                SetKind::Except => "EXCEPT",
            };
            let message = format!("each {what} query must have the same number of columns");
            self.fail("42601", message, "", true);
        }
        for (at, column) in left.columns.iter_mut().enumerate() {
            let own = std::mem::replace(&mut column.value, Value::Unknown);
            if let Some(other) = right.columns.get(at).filter(|_| complete) {
                column.value = self.common(&[own, other.value.clone()]);
            }
        }
        left
    }

    fn select(&mut self, outer: &Scope, select: &Select, tail: Option<&Tail>) -> Outputs {
        let mut scope = Scope::below(outer);
        self.from(&mut scope, &select.from);
        let outputs = self.targets(&scope, &select.targets);
        self.each(&scope, &select.condition);
        if let Some(grouping) = &select.grouping {
            self.each(&scope, &grouping.having);
        }
        let sorts = tail.iter().flat_map(|tail| &*tail.order_by);
        for sort in sorts {
            self.sort_key(&scope, &select.targets, &sort.value, false);
        }
        if let Some(grouping) = &select.grouping {
            self.grouping(&scope, select, grouping);
        }
        if let Distinct::On(on) = &select.distinct {
            for key in on {
                self.sort_key(&scope, &select.targets, key, false);
            }
        }
        if let Some(tail) = tail {
            self.limits(&scope, tail);
        }
        outputs
    }

    fn grouping(&mut self, scope: &Scope, select: &Select, grouping: &Grouping) {
        for key in &grouping.by {
            self.group_key(scope, &select.targets, key);
        }
        for window in &grouping.windows {
            self.window(scope, window);
        }
    }

    fn group_key(&mut self, scope: &Scope, targets: &[Target], key: &Expr) {
        match key {
            Expr::GroupingSet { items, .. } | Expr::Row { items, explicit: false } => {
                for item in items {
                    self.group_key(scope, targets, item);
                }
            }
            key => self.sort_key(scope, targets, key, true),
        }
    }

    /// Notes what a key of `ORDER BY` or `GROUP BY` needs: it may be the name of a column of the
    /// query, which for `GROUP BY` comes after those of `FROM`.
    fn sort_key(&mut self, scope: &Scope, targets: &[Target], key: &Expr, is_group: bool) {
        if let Expr::Integer(_) = key {
            return;
        }
        if let Expr::Column(column) = key
            && column.qualifier.is_empty()
        {
            let own = |entry: &Entry| {
                entry.has_columns && entry.item.columns.iter().any(|c| c.name == column.name)
            };
            let is_own = is_group && scope.entries.iter().any(own);
            let is_target = targets.iter().any(|t| t.column_name().as_ref() == Some(&column.name));
            let is_star = targets.iter().any(Target::is_star);
            // A star may stand for a column of that name, which is noted already.
            if !is_own && (is_target || is_star && !is_group) {
                return;
            }
        }
        self.expr(scope, key);
    }

    /// Returns the columns that targets make.
    pub(super) fn targets(&mut self, scope: &Scope, targets: &[Target]) -> Outputs {
        let mut outputs = Outputs { columns: Vec::with_capacity(targets.len()), complete: true };
        for target in targets {
            match (&target.value, target.column_name()) {
                (Expr::Unknown, _) => {
                    self.lose();
                    let name = target.column_name().unwrap_or_default();
                    outputs.columns.push(Output { name, value: Value::Unknown });
                    outputs.complete &= target.alias.is_some();
                }
                (value, Some(name)) => {
                    let value = self.expr(scope, value);
                    outputs.columns.push(Output { name, value });
                }
                (Expr::Star(qualifier), None) => {
                    self.at_star(target);
                    self.star(scope, qualifier, &mut outputs);
                }
                (Expr::Indirection { value, steps }, None) => {
                    let (row, value) = self.row_of(scope, value);
                    let row = match &steps[..steps.len() - 1] {
                        [] => row,
                        before => {
                            let value = self.steps(scope, value, before);
                            self.fields(&value)
                        }
                    };
                    self.row_star(row, &mut outputs);
                }
                (_, None) => outputs.complete = false,
            }
        }
        outputs
    }

    fn star(&mut self, scope: &Scope, qualifier: &[Arc<str>], outputs: &mut Outputs) {
        let items = match qualifier {
            [] => {
                outputs.complete &= !scope.open;
                let visible = scope.entries.iter().filter(|entry| entry.has_columns);
                visible.map(|entry| entry.item.clone()).collect()
            }
            [table] => self.item_named(scope, None, table).into_iter().collect(),
            [schema, table] | [_, schema, table] => {
                self.item_named(scope, Some(schema), table).into_iter().collect()
            }
            _ => Vec::new(),
        };
        outputs.complete &= !items.is_empty();
        for item in items {
            outputs.complete &= item.complete;
            if !item.complete {
                self.lose();
            }
            for column in &item.columns {
                let value = self.take(column);
                self.record_star(item.name.as_ref(), column, item.complete);
                outputs.columns.push(Output { name: column.name.clone(), value });
            }
        }
    }

    /// Adds the fields of a row.
    fn row_star(&mut self, row: Option<Vec<ItemColumn>>, outputs: &mut Outputs) {
        let Some(fields) = row else {
            self.lose();
            outputs.complete = false;
            return;
        };
        for column in &fields {
            let value = self.take(column);
            outputs.columns.push(Output { name: column.name.clone(), value });
        }
    }

    /// Returns what a statement that writes rows returns.
    fn writing(&mut self, outer: &Scope, body: &Body) -> Outputs {
        let mut scope = Scope::below(outer);
        let mut start = |analyser: &mut Self, target: &Source| {
            let entry = analyser.relation(outer, target);
            scope.entries.push(entry);
        };
        match body {
            Body::Insert(insert) => {
                if let Some(rows) = &insert.rows {
                    self.query(outer, rows);
                }
                start(self, &insert.target);
                self.returning(&scope, &insert.returning)
            }
            Body::Update(update) => {
                start(self, &update.target);
                self.from(&mut scope, &update.from);
                self.assignments(&scope, &update.assignments);
                self.each(&scope, &update.condition);
                self.returning(&scope, &update.returning)
            }
            Body::Delete(delete) => {
                start(self, &delete.target);
                self.from(&mut scope, &delete.using);
                self.each(&scope, &delete.condition);
                self.returning(&scope, &delete.returning)
            }
            Body::Merge(_)
            | Body::Unknown
            | Body::Select(_)
            | Body::Values(_)
            | Body::SetOperation(_) => {
                self.lose();
                Outputs::default()
            }
        }
    }

    fn assignments(&mut self, scope: &Scope, assignments: &[Assignment]) {
        for assignment in assignments {
            self.each(scope, [&assignment.value]);
        }
    }

    fn returning(&mut self, scope: &Scope, returning: &Returning) -> Outputs {
        if !returning.names.is_empty() {
            self.lose();
            return Outputs::default();
        }
        self.targets(scope, &returning.targets)
    }

    pub(super) fn sorts(&mut self, scope: &Scope, sorts: &[Sort]) {
        self.each(scope, sorts.iter().map(|sort| &sort.value));
    }

    pub(super) fn window(&mut self, scope: &Scope, window: &Window) {
        use crate::sql::tree::Bound;
        self.each(scope, &window.partition_by);
        self.sorts(scope, &window.order_by);
        let Some(frame) = &window.frame else { return };
        for bound in std::iter::once(&frame.start).chain(&frame.end) {
            if let Bound::Preceding(offset) | Bound::Following(offset) = bound {
                self.expr(scope, offset);
            }
        }
    }

    /// Returns the type of what is taken from a value.
    pub(super) fn steps(&mut self, scope: &Scope, mut value: Value, steps: &[Step]) -> Value {
        for step in steps {
            value = match step {
                Step::Field(name) => {
                    let fields = self.fields(&value).unwrap_or_default();
                    match fields.iter().find(|field| field.name == *name) {
                        Some(field) => self.take(field),
                        None => Value::Unknown,
                    }
                }
                Step::Star => Value::Unknown,
                Step::Index(index) => {
                    self.expr(scope, index);
                    self.subscripted(&value, true)
                }
                Step::Slice(from, to) => {
                    self.each(scope, from.iter().chain(to));
                    self.subscripted(&value, false)
                }
            };
        }
        value
    }
}
