//! Puts other names into a tree, in place.
//!
//! It goes the way of `walk.rs` once more, as no reference is both shared and exclusive, and each has steps
//! of its own: the one shows names in the order of printing, the other replaces targets. A test compares
//! which names they show.

use std::sync::Arc;

use super::{
    Assignment, Body, Bound, Call, ColumnRef, ColumnType, Distinct, Expr, FromItem, Insert, Join,
    Merge, MergeAction, Part, Place, Query, RelationName, Sort, Source, Step, Syntax, Target, Type,
    TypeName, Window,
};

/// A name in a tree that may be changed.
#[derive(Debug)]
pub enum Name<'a> {
    /// A column, or a whole row of a relation.
    Column(&'a mut ColumnRef),
    /// A function that is called.
    Call(&'a mut Call),
    /// A type.
    Type(&'a mut Arc<TypeName>),
    /// A collation.
    Collation(&'a mut RelationName),
    /// A relation that is read or written.
    Relation(&'a mut Source),
    /// A string that the server takes for a relation.
    RelationText(&'a mut Arc<str>),
    /// A join by the names of columns; nothing where it is `NATURAL`.
    Using(Option<&'a mut [Arc<str>]>),
    /// A star among the targets: what it is replaced by.
    Star(&'a Target, &'a mut Option<Vec<Target>>),
}

impl Expr {
    /// Shows all names to `change`, which may put others in their places.
    pub fn rename(&mut self, change: &mut dyn FnMut(Name<'_>)) {
        Renamer { scope: Vec::new(), change }.expr(self);
    }
}

impl Query {
    /// Shows all names to `change`, which may put others in their places. Columns of the query keep
    /// their names.
    pub fn rename(&mut self, change: &mut dyn FnMut(Name<'_>)) {
        Renamer { scope: Vec::new(), change }.query(self);
    }
}

struct Renamer<'v> {
    /// The names of the queries of `WITH` that can be read.
    scope: Vec<Arc<str>>,
    change: &'v mut dyn FnMut(Name<'_>),
}

impl Renamer<'_> {
    fn exprs<'e>(&mut self, expressions: impl IntoIterator<Item = &'e mut Expr>) {
        expressions.into_iter().for_each(|expression| self.expr(expression));
    }

    fn expr(&mut self, expression: &mut Expr) {
        match expression {
            Expr::Unknown
            | Expr::Null
            | Expr::Bool(_)
            | Expr::Integer(_)
            | Expr::Float(_)
            | Expr::BitString(_)
            | Expr::Parameter(_)
            | Expr::Default
            | Expr::Star(_)
            | Expr::String(_)
            | Expr::Value { .. } => {}
            Expr::Column(column) => (self.change)(Name::Column(column)),
            Expr::Cast(cast) => {
                match &mut cast.value {
                    Expr::String(text) if cast.to.is_regclass() => {
                        (self.change)(Name::RelationText(text));
                    }
                    value => self.expr(value),
                }
                self.type_of(&mut cast.to);
            }
            Expr::Call(call) => self.call(call),
            Expr::Named { value, .. }
            | Expr::Not(value)
            | Expr::IsNull { value, .. }
            | Expr::Is { value, .. } => self.expr(value),
            Expr::Operator(operator) => {
                self.exprs(operator.left.iter_mut().chain(&mut operator.right));
            }
            Expr::And(items)
            | Expr::Or(items)
            | Expr::Coalesce(items)
            | Expr::Greatest(items)
            | Expr::Least(items)
            | Expr::Row { items, .. }
            | Expr::List(items)
            | Expr::Array(items)
            | Expr::Grouping(items)
            | Expr::GroupingSet { items, .. } => self.exprs(items),
            Expr::Case(case) => {
                self.exprs(&mut case.operand);
                for (condition, result) in &mut case.branches {
                    self.exprs([condition, result]);
                }
                self.exprs(&mut case.otherwise);
            }
            Expr::Indirection { value, steps } => {
                self.expr(value);
                self.steps(steps);
            }
            Expr::Collate(collate) => {
                self.expr(&mut collate.value);
                (self.change)(Name::Collation(&mut collate.collation));
            }
            Expr::Subquery(subquery) => {
                self.exprs(&mut subquery.test);
                self.query(&mut subquery.query);
            }
            Expr::Syntax(syntax) => self.syntax(syntax),
        }
    }

    fn steps(&mut self, steps: &mut [Step]) {
        for step in steps {
            match step {
                Step::Field(_) | Step::Star => {}
                Step::Index(index) => self.expr(index),
                Step::Slice(from, to) => self.exprs(from.iter_mut().chain(to)),
            }
        }
    }

    fn type_of(&mut self, of: &mut Type) {
        (self.change)(Name::Type(&mut of.name));
        self.exprs(&mut of.modifiers);
    }

    fn call(&mut self, call: &mut Call) {
        (self.change)(Name::Call(call));
        let is_text = call.relation_text().is_some();
        let mut arguments = call.arguments.iter_mut();
        if is_text && let Some(Expr::String(text)) = arguments.next() {
            (self.change)(Name::RelationText(text));
        }
        self.exprs(arguments);
        if let Some(aggregate) = &mut call.aggregate {
            self.sorts(&mut aggregate.order_by);
            self.exprs(&mut aggregate.filter);
            aggregate.over.iter_mut().for_each(|window| self.window(window));
        }
    }

    fn sorts(&mut self, sorts: &mut [Sort]) {
        sorts.iter_mut().for_each(|sort| self.expr(&mut sort.value));
    }

    fn window(&mut self, window: &mut Window) {
        self.exprs(&mut window.partition_by);
        self.sorts(&mut window.order_by);
        if let Some(frame) = &mut window.frame {
            for bound in std::iter::once(&mut frame.start).chain(&mut frame.end) {
                if let Bound::Preceding(offset) | Bound::Following(offset) = bound {
                    self.expr(offset);
                }
            }
        }
    }

    fn syntax(&mut self, syntax: &mut Syntax) {
        for part in &mut syntax.parts {
            match part {
                Part::Word(_) | Part::Name(_) => {}
                Part::Expr(expression) | Part::Tight(expression) => self.expr(expression),
                Part::Type(of) => self.type_of(of),
                Part::Query(query) => self.query(query),
                Part::OrderBy(sorts) => self.sorts(sorts),
                Part::Over(window) => self.window(window),
            }
        }
    }

    fn query(&mut self, query: &mut Query) {
        let outer = self.scope.len();
        if let Some(with) = &mut query.with {
            if with.recursive {
                self.scope.extend(with.queries.iter().map(|table| table.name.clone()));
            }
            for table in &mut with.queries {
                self.query(&mut table.query);
                table.search.iter_mut().for_each(|search| self.syntax(search));
                if !with.recursive {
                    self.scope.push(table.name.clone());
                }
            }
        }
        self.body(&mut query.body);
        if let Some(tail) = &mut query.tail {
            self.sorts(&mut tail.order_by);
            self.exprs(tail.limit.iter_mut().chain(&mut tail.offset));
        }
        self.scope.truncate(outer);
    }

    fn body(&mut self, body: &mut Body) {
        match body {
            Body::Unknown => {}
            Body::Select(select) => {
                if let Distinct::On(on) = &mut select.distinct {
                    self.exprs(on);
                }
                self.targets(&mut select.targets);
                self.items(&mut select.from);
                self.exprs(&mut select.condition);
                if let Some(grouping) = &mut select.grouping {
                    self.exprs(&mut grouping.by);
                    self.exprs(&mut grouping.having);
                    grouping.windows.iter_mut().for_each(|window| self.window(window));
                }
            }
            Body::Values(rows) => rows.iter_mut().for_each(|row| self.exprs(row)),
            Body::SetOperation(operation) => {
                self.query(&mut operation.left);
                self.query(&mut operation.right);
            }
            Body::Insert(insert) => self.insert(insert),
            Body::Update(update) => {
                self.source(&mut update.target);
                self.assignments(&mut update.assignments);
                self.items(&mut update.from);
                self.exprs(&mut update.condition);
                self.targets(&mut update.returning.targets);
            }
            Body::Delete(delete) => {
                self.source(&mut delete.target);
                self.items(&mut delete.using);
                self.exprs(&mut delete.condition);
                self.targets(&mut delete.returning.targets);
            }
            Body::Merge(merge) => self.merge(merge),
        }
    }

    fn insert(&mut self, insert: &mut Insert) {
        self.source(&mut insert.target);
        self.places(&mut insert.columns);
        insert.rows.iter_mut().for_each(|rows| self.query(rows));
        if let Some(conflict) = &mut insert.conflict {
            for key in &mut conflict.keys {
                self.expr(&mut key.value);
                if let Some(collation) = &mut key.collation {
                    (self.change)(Name::Collation(collation));
                }
            }
            self.exprs(&mut conflict.key_condition);
            conflict.update.iter_mut().for_each(|update| self.assignments(update));
            self.exprs(&mut conflict.condition);
        }
        self.targets(&mut insert.returning.targets);
    }

    fn merge(&mut self, merge: &mut Merge) {
        self.source(&mut merge.target);
        self.item(&mut merge.source);
        self.expr(&mut merge.on);
        for branch in &mut merge.branches {
            self.exprs(&mut branch.condition);
            match &mut branch.action {
                MergeAction::Nothing | MergeAction::Delete => {}
                MergeAction::Update(assignments) => self.assignments(assignments),
                MergeAction::Insert { columns, values, .. } => {
                    self.places(columns);
                    self.exprs(values);
                }
            }
        }
        self.targets(&mut merge.returning.targets);
    }

    /// A column of a query keeps its name when what it shows gets another one.
    fn targets(&mut self, targets: &mut Box<[Target]>) {
        let mut replaced: Vec<(usize, Vec<Target>)> = Vec::new();
        for (at, target) in targets.iter_mut().enumerate() {
            let before = target.column_name();
            self.expr(&mut target.value);
            if target.alias.is_none() && target.column_name() != before {
                target.alias = before;
            }
            if target.is_star() {
                let mut columns = None;
                (self.change)(Name::Star(target, &mut columns));
                replaced.extend(columns.map(|columns| (at, columns)));
            }
        }
        if replaced.is_empty() {
            return;
        }
        let mut all = std::mem::take(targets).into_vec();
        for (at, columns) in replaced.into_iter().rev() {
            all.splice(at..=at, columns);
        }
        *targets = all.into();
    }

    fn places(&mut self, places: &mut [Place]) {
        places.iter_mut().for_each(|place| self.steps(&mut place.steps));
    }

    fn assignments(&mut self, assignments: &mut [Assignment]) {
        for assignment in assignments {
            self.places(&mut assignment.places);
            self.expr(&mut assignment.value);
        }
    }

    fn items(&mut self, items: &mut [FromItem]) {
        items.iter_mut().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &mut FromItem) {
        match item {
            FromItem::Unknown => {}
            FromItem::Relation(source) => {
                if source.name.schema.is_some() || !self.scope.contains(&source.name.name) {
                    self.source(source);
                }
            }
            FromItem::Subquery(derived) => self.query(&mut derived.query),
            FromItem::Functions(functions) => {
                for (call, columns) in &mut functions.calls {
                    self.expr(call);
                    self.column_types(columns);
                }
                self.column_types(&mut functions.columns);
            }
            FromItem::Join(join) => self.join(join),
            FromItem::Sample(sample) => {
                self.item(&mut sample.item);
                self.exprs(&mut sample.arguments);
                self.exprs(&mut sample.repeatable);
            }
            FromItem::Syntax(table) => self.syntax(&mut table.syntax),
        }
    }

    fn join(&mut self, join: &mut Join) {
        self.item(&mut join.left);
        self.item(&mut join.right);
        if join.natural {
            (self.change)(Name::Using(None));
        } else if !join.using.is_empty() {
            (self.change)(Name::Using(Some(&mut join.using)));
        }
        self.exprs(&mut join.on);
    }

    fn source(&mut self, source: &mut Source) {
        (self.change)(Name::Relation(source));
    }

    fn column_types(&mut self, columns: &mut [ColumnType]) {
        for column in columns {
            column.of.iter_mut().for_each(|of| self.type_of(of));
            if let Some(collation) = &mut column.collation {
                (self.change)(Name::Collation(collation));
            }
        }
    }
}
