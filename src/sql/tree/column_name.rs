//! The name that the server gives a column of a query.

use std::sync::Arc;

use super::{Expr, OperatorKind, Step, SubqueryKind, Target};

impl Target {
    /// Returns the name of the column that it makes; nothing for a star, which makes several.
    ///
    /// Source: `FigureColname` of the server's `parse_target.c`.
    pub fn column_name(&self) -> Option<Arc<str>> {
        if let Some(alias) = &self.alias {
            return Some(alias.clone());
        }
        if self.is_star() {
            return None;
        }
        Some(self.value.column_name().unwrap_or_else(|| Arc::from("?column?")))
    }

    /// Returns whether it stands for all columns of something.
    pub fn is_star(&self) -> bool {
        match &self.value {
            Expr::Star(_) => true,
            Expr::Indirection { steps, .. } => steps.last() == Some(&Step::Star),
            _ => false,
        }
    }
}

impl Expr {
    /// Returns the name that the server gives a column of this value; nothing where it has none.
    pub fn column_name(&self) -> Option<Arc<str>> {
        figure(self).map(|(name, _)| name)
    }
}

/// Returns a name, and whether it is better than that of a type.
fn figure(value: &Expr) -> Option<(Arc<str>, bool)> {
    let strong = |name: &str| Some((Arc::from(name), true));
    match value {
        Expr::Column(column) => Some((column.name.clone(), true)),
        Expr::Indirection { value, steps } => {
            let field = steps.iter().rev().find_map(|step| match step {
                Step::Field(name) => Some((name.clone(), true)),
                _ => None,
            });
            field.or_else(|| figure(value))
        }
        Expr::Call(call) => Some((call.name.name.clone(), true)),
        Expr::Operator(operator) if operator.kind == OperatorKind::NullIf => strong("nullif"),
        Expr::Cast(cast) => match figure(&cast.value) {
            Some((name, true)) => Some((name, true)),
            _ => Some((cast.to.name.name.clone(), false)),
        },
        Expr::Collate(collate) => figure(&collate.value),
        Expr::Grouping(_) => strong("grouping"),
        Expr::Subquery(subquery) => match subquery.kind {
            SubqueryKind::Exists => strong("exists"),
            SubqueryKind::Array => strong("array"),
            SubqueryKind::Scalar => {
                let targets = subquery.query.targets()?;
                targets.first()?.column_name_of_subquery()
            }
            SubqueryKind::Any | SubqueryKind::All => None,
        },
        Expr::Case(case) => match case.otherwise.as_ref().and_then(figure) {
            Some((name, true)) => Some((name, true)),
            _ => Some((Arc::from("case"), false)),
        },
        Expr::Array(_) => strong("array"),
        Expr::Row { .. } => strong("row"),
        Expr::Coalesce(_) => strong("coalesce"),
        Expr::Greatest(_) => strong("greatest"),
        Expr::Least(_) => strong("least"),
        Expr::Value { function, .. } => strong(&function.as_str().to_ascii_lowercase()),
        Expr::Syntax(syntax) if !syntax.name.is_empty() => strong(syntax.name),
        _ => None,
    }
}

impl Target {
    /// A scalar subquery has the name of its only column, however weak.
    fn column_name_of_subquery(&self) -> Option<(Arc<str>, bool)> {
        self.column_name().map(|name| (name, true))
    }
}

impl super::Query {
    /// Returns the targets that name its columns; nothing for `VALUES` and what is unknown.
    pub fn targets(&self) -> Option<&[Target]> {
        match &self.body {
            super::Body::Select(select) => Some(&select.targets),
            super::Body::SetOperation(operation) => operation.left.targets(),
            super::Body::Insert(insert) => Some(&insert.returning.targets),
            super::Body::Update(update) => Some(&update.returning.targets),
            super::Body::Delete(delete) => Some(&delete.returning.targets),
            super::Body::Merge(merge) => Some(&merge.returning.targets),
            super::Body::Values(_) | super::Body::Unknown => None,
        }
    }
}
