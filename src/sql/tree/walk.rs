//! Visits all names of a tree, in the order in which they are printed.

use std::sync::Arc;

use super::{
    Assignment, Body, Bound, Call, ColumnRef, ColumnType, Distinct, Expr, FromItem, MergeAction,
    Operator, OperatorKind, Part, Place, Query, RelationName, Returning, Sort, Source, Step,
    Syntax, Target, Type, TypeName, Window,
};

/// A name in a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visit<'a> {
    /// A column, or a whole row of a relation.
    Column(&'a ColumnRef),
    /// A star with its qualifiers.
    Star(&'a [Arc<str>]),
    /// A column of `USING`.
    Using(&'a Arc<str>),
    /// A column that is written.
    Written(&'a Arc<str>),
    /// A function that is called.
    Call(&'a Call),
    /// An operator.
    Operator(Option<&'a Arc<str>>, &'a Arc<str>),
    /// A type.
    Type(&'a Arc<TypeName>),
    /// A collation.
    Collation(&'a RelationName),
    /// A relation that is read.
    Relation(&'a RelationName),
    /// A relation that is written.
    Target(&'a RelationName),
    /// A query of `WITH` that is read.
    CommonTable(&'a Arc<str>),
    /// A string that the server takes for a relation when it reads the tree: `'t'::regclass`,
    /// `nextval('s')`.
    RelationText(&'a Arc<str>),
    /// Any other string.
    Text(&'a Arc<str>),
}

impl Expr {
    /// Visits all names.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Visit<'a>)) {
        Walker { scope: Vec::new(), enters_queries: true, visit }.expr(self);
    }

    /// Visits all names but those in queries inside the expression.
    pub(super) fn walk_without_queries<'a>(&'a self, visit: &mut dyn FnMut(Visit<'a>)) {
        Walker { scope: Vec::new(), enters_queries: false, visit }.expr(self);
    }
}

impl Query {
    /// Visits all names.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(Visit<'a>)) {
        Walker { scope: Vec::new(), enters_queries: true, visit }.query(self);
    }
}

impl Call {
    /// Returns whether its first two arguments are spelled the other way round.
    pub(super) fn is_reversed(&self) -> bool {
        self.special
            && self.arguments.len() == 2
            && matches!(&*self.name.name, "timezone" | "position" | "btrim" | "ltrim" | "rtrim")
    }

    /// Returns its arguments in the order in which they are spelled.
    pub(super) fn spelled_arguments(&self) -> impl Iterator<Item = &Expr> {
        let (first, second) = if self.is_reversed() { (1, 0) } else { (0, 1) };
        let rest = self.arguments.iter().skip(2);
        self.arguments.get(first).into_iter().chain(self.arguments.get(second)).chain(rest)
    }

    /// Returns the string of its first argument if the server takes it for a relation.
    pub(super) fn relation_text(&self) -> Option<&Arc<str>> {
        let takes_relation = matches!(&*self.name.name, "nextval" | "setval" | "currval")
            && self.name.schema.as_ref().is_none_or(|schema| **schema == *"pg_catalog");
        match self.arguments.first()? {
            Expr::String(text) if takes_relation => Some(text),
            _ => None,
        }
    }
}

impl Operator {
    /// Returns whether it names an operator; the others are fixed by their syntax.
    pub(super) fn is_named(&self) -> bool {
        use OperatorKind::{All, Any, ILike, Like, Plain, Similar};
        matches!(self.kind, Plain | Any | All | Like | ILike | Similar)
    }
}

impl Type {
    /// Returns whether it is `regclass`.
    pub(super) fn is_regclass(&self) -> bool {
        *self.name.name == *"regclass" && self.name.dimensions == 0
    }
}

struct Walker<'a, 'v> {
    /// The names of the queries of `WITH` that can be read.
    scope: Vec<&'a str>,
    /// Whether queries in expressions are visited too.
    enters_queries: bool,
    visit: &'v mut dyn FnMut(Visit<'a>),
}

impl<'a> Walker<'a, '_> {
    fn exprs(&mut self, expressions: impl IntoIterator<Item = &'a Expr>) {
        expressions.into_iter().for_each(|expression| self.expr(expression));
    }

    fn expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Unknown
            | Expr::Null
            | Expr::Bool(_)
            | Expr::Integer(_)
            | Expr::Float(_)
            | Expr::BitString(_)
            | Expr::Parameter(_)
            | Expr::Default
            | Expr::Value { .. } => {}
            Expr::Column(column) => (self.visit)(Visit::Column(column)),
            Expr::Star(qualifier) => (self.visit)(Visit::Star(qualifier)),
            Expr::String(text) => (self.visit)(Visit::Text(text)),
            Expr::Cast(cast) => {
                match &cast.value {
                    Expr::String(text) if cast.to.is_regclass() => {
                        (self.visit)(Visit::RelationText(text));
                    }
                    value => self.expr(value),
                }
                self.type_of(&cast.to);
            }
            Expr::Call(call) => self.call(call),
            Expr::Named { value, .. }
            | Expr::Not(value)
            | Expr::IsNull { value, .. }
            | Expr::Is { value, .. } => self.expr(value),
            Expr::Operator(operator) => {
                self.exprs(&operator.left);
                if operator.is_named() {
                    (self.visit)(Visit::Operator(operator.schema.as_ref(), &operator.name));
                }
                self.exprs(&operator.right);
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
                self.exprs(&case.operand);
                for (condition, result) in &case.branches {
                    self.exprs([condition, result]);
                }
                self.exprs(&case.otherwise);
            }
            Expr::Indirection { value, steps } => {
                self.expr(value);
                self.steps(steps);
            }
            Expr::Collate(collate) => {
                self.expr(&collate.value);
                (self.visit)(Visit::Collation(&collate.collation));
            }
            Expr::Subquery(subquery) => {
                self.exprs(&subquery.test);
                if let Some(name) = &subquery.operator {
                    (self.visit)(Visit::Operator(name.schema.as_ref(), &name.name));
                }
                self.query(&subquery.query);
            }
            Expr::Syntax(syntax) => self.syntax(syntax),
        }
    }

    fn steps(&mut self, steps: &'a [Step]) {
        for step in steps {
            match step {
                Step::Field(_) | Step::Star => {}
                Step::Index(index) => self.expr(index),
                Step::Slice(from, to) => self.exprs(from.iter().chain(to)),
            }
        }
    }

    fn type_of(&mut self, of: &'a Type) {
        (self.visit)(Visit::Type(&of.name));
        self.exprs(&of.modifiers);
    }

    fn call(&mut self, call: &'a Call) {
        (self.visit)(Visit::Call(call));
        match call.relation_text() {
            Some(text) => {
                (self.visit)(Visit::RelationText(text));
                self.exprs(&call.arguments[1..]);
            }
            None => self.exprs(call.spelled_arguments()),
        }
        if let Some(aggregate) = &call.aggregate {
            self.sorts(&aggregate.order_by);
            self.exprs(&aggregate.filter);
            aggregate.over.iter().for_each(|window| self.window(window));
        }
    }

    fn sorts(&mut self, sorts: &'a [Sort]) {
        for sort in sorts {
            self.expr(&sort.value);
            if let super::Direction::Using(name) = &sort.direction {
                (self.visit)(Visit::Operator(name.schema.as_ref(), &name.name));
            }
        }
    }

    fn window(&mut self, window: &'a Window) {
        self.exprs(&window.partition_by);
        self.sorts(&window.order_by);
        if let Some(frame) = &window.frame {
            for bound in std::iter::once(&frame.start).chain(&frame.end) {
                if let Bound::Preceding(offset) | Bound::Following(offset) = bound {
                    self.expr(offset);
                }
            }
        }
    }

    fn syntax(&mut self, syntax: &'a Syntax) {
        for part in &syntax.parts {
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

    fn query(&mut self, query: &'a Query) {
        if !self.enters_queries {
            return;
        }
        let outer = self.scope.len();
        if let Some(with) = &query.with {
            if with.recursive {
                self.scope.extend(with.queries.iter().map(|table| &*table.name));
            }
            for table in &with.queries {
                self.query(&table.query);
                table.search.iter().for_each(|search| self.syntax(search));
                if !with.recursive {
                    self.scope.push(&table.name);
                }
            }
        }
        self.body(&query.body);
        if let Some(tail) = &query.tail {
            self.sorts(&tail.order_by);
            if tail.with_ties {
                self.exprs(tail.offset.iter().chain(&tail.limit));
            } else {
                self.exprs(tail.limit.iter().chain(&tail.offset));
            }
        }
        self.scope.truncate(outer);
    }

    fn body(&mut self, body: &'a Body) {
        match body {
            Body::Unknown => {}
            Body::Select(select) => {
                if let Distinct::On(on) = &select.distinct {
                    self.exprs(on);
                }
                self.targets(&select.targets);
                self.items(&select.from);
                self.exprs(&select.condition);
                if let Some(grouping) = &select.grouping {
                    self.exprs(&grouping.by);
                    self.exprs(&grouping.having);
                    grouping.windows.iter().for_each(|window| self.window(window));
                }
            }
            Body::Values(rows) => rows.iter().for_each(|row| self.exprs(row)),
            Body::SetOperation(operation) => {
                self.query(&operation.left);
                self.query(&operation.right);
            }
            Body::Insert(insert) => {
                self.target(&insert.target);
                self.places(&insert.columns);
                insert.rows.iter().for_each(|rows| self.query(rows));
                if let Some(conflict) = &insert.conflict {
                    for key in &conflict.keys {
                        self.expr(&key.value);
                        if let Some(collation) = &key.collation {
                            (self.visit)(Visit::Collation(collation));
                        }
                    }
                    self.exprs(&conflict.key_condition);
                    conflict.update.iter().for_each(|update| self.assignments(update));
                    self.exprs(&conflict.condition);
                }
                self.returning(&insert.returning);
            }
            Body::Update(update) => {
                self.target(&update.target);
                self.assignments(&update.assignments);
                self.items(&update.from);
                self.exprs(&update.condition);
                self.returning(&update.returning);
            }
            Body::Delete(delete) => {
                self.target(&delete.target);
                self.items(&delete.using);
                self.exprs(&delete.condition);
                self.returning(&delete.returning);
            }
            Body::Merge(merge) => {
                self.target(&merge.target);
                self.item(&merge.source);
                self.expr(&merge.on);
                for branch in &merge.branches {
                    self.exprs(&branch.condition);
                    match &branch.action {
                        MergeAction::Nothing | MergeAction::Delete => {}
                        MergeAction::Update(assignments) => self.assignments(assignments),
                        MergeAction::Insert { columns, values, .. } => {
                            self.places(columns);
                            self.exprs(values);
                        }
                    }
                }
                self.returning(&merge.returning);
            }
        }
    }

    fn targets(&mut self, targets: &'a [Target]) {
        targets.iter().for_each(|target| self.expr(&target.value));
    }

    fn returning(&mut self, returning: &'a Returning) {
        self.targets(&returning.targets);
    }

    fn target(&mut self, target: &'a Source) {
        (self.visit)(Visit::Target(&target.name));
    }

    fn places(&mut self, places: &'a [Place]) {
        for place in places {
            (self.visit)(Visit::Written(&place.column));
            self.steps(&place.steps);
        }
    }

    fn assignments(&mut self, assignments: &'a [Assignment]) {
        for assignment in assignments {
            self.places(&assignment.places);
            self.expr(&assignment.value);
        }
    }

    fn items(&mut self, items: &'a [FromItem]) {
        items.iter().for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &'a FromItem) {
        match item {
            FromItem::Unknown => {}
            FromItem::Relation(source) => {
                let name = &source.name;
                let is_common = name.schema.is_none() && self.scope.contains(&&*name.name);
                (self.visit)(match is_common {
                    true => Visit::CommonTable(&name.name),
                    false => Visit::Relation(name),
                });
            }
            FromItem::Subquery(derived) => self.query(&derived.query),
            FromItem::Functions(functions) => {
                for (call, columns) in &functions.calls {
                    self.expr(call);
                    self.column_types(columns);
                }
                self.column_types(&functions.columns);
            }
            FromItem::Join(join) => {
                self.item(&join.left);
                self.item(&join.right);
                join.using.iter().for_each(|column| (self.visit)(Visit::Using(column)));
                self.exprs(&join.on);
            }
            FromItem::Sample(sample) => {
                self.item(&sample.item);
                self.exprs(&sample.arguments);
                self.exprs(&sample.repeatable);
            }
            FromItem::Syntax(table) => self.syntax(&table.syntax),
        }
    }

    fn column_types(&mut self, columns: &'a [ColumnType]) {
        for column in columns {
            column.of.iter().for_each(|of| self.type_of(of));
            if let Some(collation) = &column.collation {
                (self.visit)(Visit::Collation(collation));
            }
        }
    }
}
