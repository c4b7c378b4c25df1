//! Prints queries as SQL that parses to the same tree.

use super::print::{Printer, level};
use super::{
    Alias, Assignment, Body, ColumnType, Conflict, Distinct, Expr, FromItem, Functions, Insert,
    Join, JoinKind, Merge, MergeAction, Place, Query, Returning, Select, SetKind, SetOperation,
    Source, Tail, Target, Visit, With,
};

impl<'a> Printer<'a, '_> {
    pub(super) fn query(&mut self, query: &'a Query) {
        let outer = self.scope.len();
        if let Some(with) = &query.with {
            self.with(with);
        }
        self.body(&query.body);
        if let Some(tail) = &query.tail {
            self.tail(tail);
        }
        self.scope.truncate(outer);
    }

    fn with(&mut self, with: &'a With) {
        self.push(if with.recursive { "WITH RECURSIVE " } else { "WITH " });
        if with.recursive {
            self.scope.extend(with.queries.iter().map(|table| &*table.name));
        }
        self.list(&with.queries, |printer, table| {
            printer.identifier(&table.name);
            printer.names(&table.columns);
            printer.push(match table.materialized {
                None => " AS (",
                Some(true) => " AS MATERIALIZED (",
                Some(false) => " AS NOT MATERIALIZED (",
            });
            printer.query(&table.query);
            printer.push(")");
            if let Some(search) = &table.search {
                printer.syntax(search);
            }
            if !with.recursive {
                printer.scope.push(&table.name);
            }
        });
        self.push(" ");
    }

    /// Prints names in parentheses, if there are any.
    fn names(&mut self, names: &'a [std::sync::Arc<str>]) {
        if !names.is_empty() {
            self.push("(");
            self.list(names, |printer, name| printer.identifier(name));
            self.push(")");
        }
    }

    fn body(&mut self, body: &'a Body) {
        match body {
            Body::Unknown => self.push("?"),
            Body::Select(select) => self.select(select),
            Body::Values(rows) => {
                self.push("VALUES ");
                self.list(rows, |printer, row| {
                    printer.push("(");
                    printer.exprs(row);
                    printer.push(")");
                });
            }
            Body::SetOperation(operation) => self.set_operation(operation),
            Body::Insert(insert) => self.insert(insert),
            Body::Update(update) => {
                self.push("UPDATE ");
                self.target(&update.target);
                self.push(" SET ");
                self.assignments(&update.assignments);
                self.items(" FROM ", &update.from);
                self.optional(" WHERE ", update.condition.as_ref());
                self.returning(&update.returning);
            }
            Body::Delete(delete) => {
                self.push("DELETE FROM ");
                self.target(&delete.target);
                self.items(" USING ", &delete.using);
                self.optional(" WHERE ", delete.condition.as_ref());
                self.returning(&delete.returning);
            }
            Body::Merge(merge) => self.merge(merge),
        }
    }

    fn set_operation(&mut self, operation: &'a SetOperation) {
        let own = operation.kind.level();
        self.set_side(&operation.left, own);
        self.push(match operation.kind {
            SetKind::Union => " UNION ",
            SetKind::Intersect => " INTERSECT ",
            SetKind::Except => " EXCEPT ",
        });
        self.push(if operation.all { "ALL " } else { "" });
        self.set_side(&operation.right, own + 1);
    }

    fn set_side(&mut self, side: &'a Query, least: u8) {
        let level = match &side.body {
            Body::SetOperation(operation) => operation.kind.level(),
            _ => u8::MAX,
        };
        if level < least || side.with.is_some() || side.tail.is_some() {
            self.push("(");
            self.query(side);
            self.push(")");
        } else {
            self.query(side);
        }
    }

    fn select(&mut self, select: &'a Select) {
        self.push("SELECT");
        match &select.distinct {
            Distinct::No => {}
            Distinct::Rows => self.push(" DISTINCT"),
            Distinct::On(on) => {
                self.push(" DISTINCT ON (");
                self.exprs(on);
                self.push(")");
            }
        }
        self.push(if select.targets.is_empty() { "" } else { " " });
        self.targets(&select.targets);
        self.items(" FROM ", &select.from);
        self.optional(" WHERE ", select.condition.as_ref());
        let Some(grouping) = &select.grouping else { return };
        if !grouping.by.is_empty() {
            self.push(if grouping.distinct { " GROUP BY DISTINCT " } else { " GROUP BY " });
            self.exprs(&grouping.by);
        }
        self.optional(" HAVING ", grouping.having.as_ref());
        if !grouping.windows.is_empty() {
            self.push(" WINDOW ");
            self.list(&grouping.windows, |printer, window| {
                printer.identifier(window.name.as_deref().unwrap_or_default());
                printer.push(" AS ");
                printer.window(window);
            });
        }
    }

    fn targets(&mut self, targets: &'a [Target]) {
        self.list(targets, |printer, target| {
            let replaced = printer.replaced;
            printer.expr(&target.value, level::ANY);
            // A name that was replaced must not change that of the column.
            let kept = (printer.replaced > replaced).then(|| target.column_name()).flatten();
            if let Some(name) = target.alias.as_ref().or(kept.as_ref()) {
                printer.push(" AS ");
                printer.identifier(name);
            }
        });
    }

    fn tail(&mut self, tail: &'a Tail) {
        self.order_by(" ORDER BY ", &tail.order_by);
        if tail.with_ties {
            self.optional(" OFFSET ", tail.offset.as_ref());
            if let Some(limit) = &tail.limit {
                self.push(" FETCH FIRST (");
                self.expr(limit, level::ANY);
                self.push(") ROWS WITH TIES");
            }
        } else {
            self.optional(" LIMIT ", tail.limit.as_ref());
            self.optional(" OFFSET ", tail.offset.as_ref());
        }
        for locking in &tail.locking {
            self.push(" FOR ");
            self.push(locking.strength);
            self.push(if locking.of.is_empty() { "" } else { " OF " });
            self.list(&locking.of, Self::qualified);
            if let Some(wait) = locking.wait {
                self.push(" ");
                self.push(wait);
            }
        }
    }

    fn items(&mut self, keyword: &str, items: &'a [FromItem]) {
        if !items.is_empty() {
            self.push(keyword);
            self.list(items, Self::item);
        }
    }

    fn item(&mut self, item: &'a FromItem) {
        match item {
            FromItem::Unknown => self.push("?"),
            FromItem::Relation(source) => {
                let name = &source.name;
                let is_common = name.schema.is_none() && self.scope.contains(&&*name.name);
                let visit = match is_common {
                    true => Visit::CommonTable(&name.name),
                    false => Visit::Relation(name),
                };
                self.source(source, visit);
            }
            FromItem::Subquery(derived) => {
                self.push(if derived.lateral { "LATERAL (" } else { "(" });
                self.query(&derived.query);
                self.push(")");
                self.alias(derived.alias.as_ref());
            }
            FromItem::Functions(functions) => self.functions(functions),
            FromItem::Join(join) => match &join.alias {
                None => self.join(join),
                Some(alias) => {
                    self.push("(");
                    self.join(join);
                    self.push(")");
                    self.alias(Some(alias));
                }
            },
            FromItem::Sample(sample) => {
                self.item(&sample.item);
                self.push(" TABLESAMPLE ");
                self.qualified(&sample.method);
                self.push("(");
                self.exprs(&sample.arguments);
                self.push(")");
                if let Some(seed) = &sample.repeatable {
                    self.push(" REPEATABLE (");
                    self.expr(seed, level::ANY);
                    self.push(")");
                }
            }
            FromItem::Syntax(table) => {
                self.push(if table.lateral { "LATERAL " } else { "" });
                self.syntax(&table.syntax);
                self.alias(table.alias.as_ref());
            }
        }
    }

    /// Prints a relation; one that was replaced keeps the name by which the query knows it.
    fn source(&mut self, source: &'a Source, visit: Visit<'a>) {
        self.push(if source.only { "ONLY " } else { "" });
        let replacement = self.replacement(visit);
        match &replacement {
            Some(parts) => self.dotted(parts),
            None => self.qualified(&source.name),
        }
        if let Some(alias) = &source.alias {
            self.alias(Some(alias));
        } else if replacement.is_some_and(|parts| parts.last() != Some(&source.name.name)) {
            self.push(" AS ");
            self.identifier(&source.name.name);
        }
    }

    fn target(&mut self, target: &'a Source) {
        self.source(target, Visit::Target(&target.name));
    }

    fn alias(&mut self, alias: Option<&'a Alias>) {
        if let Some(alias) = alias {
            self.push(" AS ");
            self.identifier(&alias.name);
            self.names(&alias.columns);
        }
    }

    fn functions(&mut self, functions: &'a Functions) {
        self.push(if functions.lateral { "LATERAL " } else { "" });
        self.push(if functions.rows_from { "ROWS FROM (" } else { "" });
        self.list(&functions.calls, |printer, (call, columns)| {
            match call {
                Expr::Cast(cast) => {
                    printer.push("CAST(");
                    printer.cast_value(&cast.value, &cast.to, level::ANY);
                    printer.push(" AS ");
                    printer.type_of(&cast.to);
                    printer.push(")");
                }
                call => printer.expr(call, level::ANY),
            }
            if !columns.is_empty() {
                printer.push(" AS ");
                printer.column_types(columns);
            }
        });
        self.push(if functions.rows_from { ")" } else { "" });
        self.push(if functions.ordinality { " WITH ORDINALITY" } else { "" });
        self.alias(functions.alias.as_ref());
        if !functions.columns.is_empty() {
            self.push(if functions.alias.is_none() { " AS " } else { "" });
            self.column_types(&functions.columns);
        }
    }

    fn column_types(&mut self, columns: &'a [ColumnType]) {
        self.push("(");
        self.list(columns, |printer, column| {
            printer.identifier(&column.name);
            if let Some(of) = &column.of {
                printer.push(" ");
                printer.type_of(of);
            }
            if let Some(collation) = &column.collation {
                printer.push(" COLLATE ");
                printer.collation(collation);
            }
        });
        self.push(")");
    }

    fn join(&mut self, join: &'a Join) {
        self.item(&join.left);
        let is_cross = join.on.is_none() && join.using.is_empty() && !join.natural;
        self.push(if join.natural { " NATURAL" } else { "" });
        self.push(match join.kind {
            JoinKind::Inner if is_cross => " CROSS JOIN ",
            JoinKind::Inner => " JOIN ",
            JoinKind::Left => " LEFT JOIN ",
            JoinKind::Right => " RIGHT JOIN ",
            JoinKind::Full => " FULL JOIN ",
        });
        match &join.right {
            FromItem::Join(right) if right.alias.is_none() => {
                self.push("(");
                self.join(right);
                self.push(")");
            }
            right => self.item(right),
        }
        if !join.using.is_empty() {
            self.push(" USING (");
            self.list(&join.using, |printer, column| {
                match printer.replacement(Visit::Using(column)) {
                    Some(parts) => printer.dotted(&parts),
                    None => printer.identifier(column),
                }
            });
            self.push(")");
            if let Some(alias) = &join.using_alias {
                self.push(" AS ");
                self.identifier(alias);
            }
        }
        self.optional(" ON ", join.on.as_ref());
    }

    fn places(&mut self, places: &'a [Place]) {
        self.list(places, |printer, place| {
            match printer.replacement(Visit::Written(&place.column)) {
                Some(parts) => printer.dotted(&parts),
                None => printer.identifier(&place.column),
            }
            printer.steps(&place.steps);
        });
    }

    fn assignments(&mut self, assignments: &'a [Assignment]) {
        self.list(assignments, |printer, assignment| {
            printer.push(if assignment.is_row { "(" } else { "" });
            printer.places(&assignment.places);
            printer.push(if assignment.is_row { ") = " } else { " = " });
            printer.expr(&assignment.value, level::ANY);
        });
    }

    fn returning(&mut self, returning: &'a Returning) {
        if returning.targets.is_empty() {
            return;
        }
        self.push(" RETURNING ");
        if !returning.names.is_empty() {
            self.push("WITH (");
            self.list(&returning.names, |printer, (what, name)| {
                printer.push(what);
                printer.push(" AS ");
                printer.identifier(name);
            });
            self.push(") ");
        }
        self.targets(&returning.targets);
    }

    fn insert(&mut self, insert: &'a Insert) {
        self.push("INSERT INTO ");
        self.target(&insert.target);
        self.written_columns(&insert.columns, insert.overriding);
        match &insert.rows {
            None => self.push(" DEFAULT VALUES"),
            Some(rows) => {
                self.push(" ");
                self.query(rows);
            }
        }
        if let Some(conflict) = &insert.conflict {
            self.conflict(conflict);
        }
        self.returning(&insert.returning);
    }

    fn written_columns(&mut self, columns: &'a [Place], overriding: Option<&str>) {
        if !columns.is_empty() {
            self.push(" (");
            self.places(columns);
            self.push(")");
        }
        if let Some(overriding) = overriding {
            self.push(&format!(" OVERRIDING {overriding}"));
        }
    }

    fn conflict(&mut self, conflict: &'a Conflict) {
        self.push(" ON CONFLICT");
        if !conflict.keys.is_empty() {
            self.push(" (");
            self.list(&conflict.keys, |printer, key| {
                let is_column = matches!(key.value, Expr::Column(_));
                printer.push(if is_column { "" } else { "(" });
                printer.expr(&key.value, level::ANY);
                printer.push(if is_column { "" } else { ")" });
                if let Some(collation) = &key.collation {
                    printer.push(" COLLATE ");
                    printer.collation(collation);
                }
                if let Some(class) = &key.class {
                    printer.push(" ");
                    printer.qualified(class);
                }
            });
            self.push(")");
        }
        self.optional(" WHERE ", conflict.key_condition.as_ref());
        if let Some(name) = &conflict.constraint {
            self.push(" ON CONSTRAINT ");
            self.identifier(name);
        }
        match &conflict.update {
            None => self.push(" DO NOTHING"),
            Some(update) => {
                self.push(" DO UPDATE SET ");
                self.assignments(update);
            }
        }
        self.optional(" WHERE ", conflict.condition.as_ref());
    }

    fn merge(&mut self, merge: &'a Merge) {
        self.push("MERGE INTO ");
        self.target(&merge.target);
        self.push(" USING ");
        self.item(&merge.source);
        self.push(" ON ");
        self.expr(&merge.on, level::ANY);
        for branch in &merge.branches {
            self.push(&format!(" WHEN {}", branch.when));
            self.optional(" AND ", branch.condition.as_ref());
            self.push(" THEN ");
            match &branch.action {
                MergeAction::Nothing => self.push("DO NOTHING"),
                MergeAction::Delete => self.push("DELETE"),
                MergeAction::Update(assignments) => {
                    self.push("UPDATE SET ");
                    self.assignments(assignments);
                }
                MergeAction::Insert { columns, overriding, values } => {
                    self.push("INSERT");
                    self.written_columns(columns, *overriding);
                    if values.is_empty() {
                        self.push(" DEFAULT VALUES");
                    } else {
                        self.push(" VALUES (");
                        self.exprs(values);
                        self.push(")");
                    }
                }
            }
        }
        self.returning(&merge.returning);
    }
}

impl SetKind {
    fn level(self) -> u8 {
        match self {
            Self::Union | Self::Except => 1,
            Self::Intersect => 2,
        }
    }
}
