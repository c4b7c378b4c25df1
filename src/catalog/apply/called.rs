//! The functions that expressions call: whether they are there, and whether they always answer the same.

use std::sync::Arc;

use crate::catalog::object::{Column, ObjectId};
use crate::catalog::{Because, Catalog, Env, Failure, builtin};
use crate::sql::tree::{Call, Cast, Expr, ValueFunction};
use crate::sql::{Expression, TypeName, Volatility};

/// Where an expression stands whose answer must never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fixed {
    IndexKey,
    IndexPredicate,
    Generated,
}

impl Catalog {
    /// Refuses an expression about a table, if it is about one, that calls what is not there.
    pub(super) fn refuse_missing_functions(
        &mut self,
        table: Option<ObjectId>,
        expression: &Expression,
        env: &Env,
    ) -> Result<(), Failure> {
        let missing: Vec<&Call> = expression
            .tree
            .calls()
            .into_iter()
            .filter(|call| self.is_missing(table, call, env))
            .collect();
        // The server looks the arguments up before the function that gets them.
        let is_inner = |call: &&&Call| {
            let mut inside = call.arguments.iter().flat_map(Expr::calls);
            !inside.any(|inner| missing.iter().any(|other| std::ptr::eq(*other, inner)))
        };
        let Some(call) = missing.iter().find(is_inner) else { return Ok(()) };
        let types = call.arguments.iter().map(|argument| self.argument_type(table, argument, env));
        let arguments: Option<Vec<String>> = types.collect();
        let arguments = arguments.unwrap_or_else(|| vec!["...".to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.miss_function(&call.name, &arguments, env)
    }

    /// Returns whether nothing that the files show can be what a call means.
    fn is_missing(&self, table: Option<ObjectId>, call: &Call, env: &Env) -> bool {
        let name = &call.name;
        if call.special || name.is_dynamic() {
            return false;
        }
        let is_builtin = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
            && builtin::is_function(&name.name, env.version);
        // A function may be in a schema of the path that something else has made.
        let unknown = |schema: &&Arc<str>| {
            !matches!(&***schema, "$user" | "pg_catalog" | "pg_temp")
                && self.is_schema_unknown(schema)
        };
        if is_builtin
            || name.schema.as_deref() == Some("pg_catalog")
            || !self.functions_of(name, None, env).is_empty()
            || name.schema.is_none() && env.path.iter().any(|schema| unknown(&schema))
        {
            return false;
        }
        // Ranges have constructors, and `type(value)` is a cast.
        if builtin::type_named(&name.name, env.version).is_some()
            || self.type_if_exists(name, env).is_some()
        {
            return false;
        }
        // `attribute(row)` is `row.attribute`.
        match &call.arguments[..] {
            [only] => self.argument_type(table, only, env).is_some(),
            _ => true,
        }
    }

    /// Returns the type of an argument as the server's messages show it, where that is certain.
    fn argument_type(&self, table: Option<ObjectId>, argument: &Expr, env: &Env) -> Option<String> {
        if let Expr::String(_) | Expr::Null = argument {
            return Some("unknown".to_owned());
        }
        if let Some(column) = self.column_of(table, argument)
            && column.type_id.is_none()
        {
            let plain = super::super::lookup::without_modifiers(&column.type_name);
            return Some(self.format_type(&plain, None));
        }
        let spelling = self.spelling_of(table, argument, env)?;
        builtin::format_type(&spelling, &[], 0, env.version)
    }

    fn column_of(&self, table: Option<ObjectId>, value: &Expr) -> Option<&Column> {
        let Expr::Column(column) = value else { return None };
        self.by_id(table?)?.column(&column.name)
    }

    /// Returns the built-in type of a value as facts spell it, where that is certain.
    fn spelling_of(&self, table: Option<ObjectId>, value: &Expr, env: &Env) -> Option<Arc<str>> {
        match value {
            Expr::Integer(_) => Some("int4".into()),
            Expr::Float(_) => Some("numeric".into()),
            Expr::Bool(_) => Some("bool".into()),
            Expr::Value { function, .. } => Some(value_type(*function)?.into()),
            Expr::Cast(cast) => {
                let to = &cast.to.name;
                let is_plain = to.dimensions == 0 && !cast.to.is_set;
                (is_plain && is_plain_builtin(to, env)).then(|| to.name.clone())
            }
            Expr::Column(_) => {
                let column = self.column_of(table, value)?;
                let is_plain = column.type_id.is_none() && column.type_name.dimensions == 0;
                let known = builtin::type_named(&column.type_name.name, env.version);
                (is_plain && known.is_some()).then(|| column.type_name.name.clone())
            }
            Expr::Call(call) => {
                let mut results = builtin::functions_named(&call.name.name, env.version)
                    .filter(|function| function.accepts(call.arguments.len()))
                    .map(|function| function.result);
                let first = results.next()?;
                let is_certain = call.name.schema.is_none()
                    && !first.starts_with("any")
                    && results.all(|result| result == first)
                    && self.functions_of(&call.name, None, env).is_empty();
                is_certain.then(|| first.into())
            }
            _ => None,
        }
    }

    /// Refuses an expression of an index or generated column that may answer differently one day.
    pub(super) fn refuse_mutable(
        &self,
        table: ObjectId,
        expression: &Expression,
        place: Fixed,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(because) = self.mutable(table, &expression.tree, env) else { return Ok(()) };
        let message = match place {
            Fixed::IndexKey => "functions in index expression must be marked IMMUTABLE",
            Fixed::IndexPredicate => "functions in index predicate must be marked IMMUTABLE",
            Fixed::Generated => "generation expression is not immutable",
        };
        Err(Failure::new("42P17", message, because))
    }

    /// Returns what makes an expression mutable for certain: a call, a cast, a value such as the time.
    fn mutable(&self, table: ObjectId, tree: &Expr, env: &Env) -> Option<Because> {
        for call in tree.calls() {
            if let Some(because) = self.mutable_call(table, call, env) {
                return Some(because);
            }
        }
        match tree {
            Expr::Value { .. } => Some(Because::Always),
            Expr::Cast(cast) => self
                .is_mutable_cast(table, cast, env)
                .then_some(Because::Always)
                .or_else(|| self.mutable(table, &cast.value, env)),
            Expr::Operator(operator) => {
                let mut sides = operator.left.iter().chain(&operator.right);
                sides.find_map(|side| self.mutable(table, side, env))
            }
            Expr::And(items) | Expr::List(items) => {
                items.iter().find_map(|item| self.mutable(table, item, env))
            }
            Expr::Call(call) => {
                call.arguments.iter().find_map(|item| self.mutable(table, item, env))
            }
            Expr::Not(value) | Expr::IsNull { value, .. } => self.mutable(table, value, env),
            _ => None,
        }
    }

    fn mutable_call(&self, table: ObjectId, call: &Call, env: &Env) -> Option<Because> {
        let count = call.arguments.len();
        let own = self.functions_of(&call.name, None, env);
        let is_builtin = call.name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog");
        let all: Vec<_> = builtin::functions_named(&call.name.name, env.version)
            .filter(|function| is_builtin && function.accepts(count))
            .collect();
        if !own.is_empty() {
            let mut made = None;
            for id in own {
                let function = self.function_by_id(id)?;
                // The server puts the body of an SQL function in the place of the call.
                if function.volatility == Volatility::Immutable
                    || &*function.language != "plpgsql"
                    || function.extension.is_some()
                {
                    return None;
                }
                made = Some(Because::Made(function.changed));
            }
            return made.filter(|_| all.is_empty());
        }
        let types: Vec<Option<Arc<str>>> = call
            .arguments
            .iter()
            .map(|argument| self.spelling_of(Some(table), argument, env))
            .collect();
        let fits = |function: &&&builtin::BuiltinFunction| {
            function
                .arguments()
                .zip(&types)
                .all(|(wanted, given)| given.as_deref().is_none_or(|given| given == wanted))
        };
        let exact: Vec<_> = all.iter().filter(fits).copied().collect();
        let chosen = if exact.is_empty() { all } else { exact };
        let is_mutable = !chosen.is_empty()
            && chosen.iter().all(|function| function.volatility != Volatility::Immutable);
        is_mutable.then_some(Because::Always)
    }

    fn is_mutable_cast(&self, table: ObjectId, cast: &Cast, env: &Env) -> bool {
        let to = &cast.to.name;
        if to.dimensions > 0 || !is_plain_builtin(to, env) {
            return false;
        }
        let Some(from) = self.spelling_of(Some(table), &cast.value, env) else { return false };
        let found = builtin::cast(&from, &to.name, env.version);
        matches!(
            found.map(|found| found.method),
            Some(builtin::CastMethod::Function(volatility)) if volatility != Volatility::Immutable
        )
    }
}

fn is_plain_builtin(name: &TypeName, env: &Env) -> bool {
    name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
        && builtin::type_named(&name.name, env.version).is_some()
}

fn value_type(function: ValueFunction) -> Option<&'static str> {
    match function {
        ValueFunction::CurrentDate => Some("date"),
        ValueFunction::CurrentTimestamp => Some("timestamptz"),
        ValueFunction::LocalTimestamp => Some("timestamp"),
        _ => None,
    }
}
