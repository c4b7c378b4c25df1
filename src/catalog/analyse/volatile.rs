//! Whether an expression has to be computed for each row.
//!
//! Source: `contain_volatile_functions` and `inline_function` of the server's `clauses.c`.

use super::super::{Catalog, Env, Function, builtin};
use crate::sql::tree::{Call, Expr};
use crate::sql::{ObjectKind, Volatility};

impl Catalog {
    /// Returns whether an expression calls a volatile function; nothing where it calls one that
    /// nobody knows.
    pub(crate) fn is_volatile(&self, expression: &Expr, env: &Env) -> Option<bool> {
        let mut answer = Some(false);
        for call in expression.calls() {
            match self.is_volatile_call(call, env) {
                Some(false) => {}
                Some(true) => return Some(true),
                None => answer = None,
            }
        }
        answer
    }

    fn is_volatile_call(&self, call: &Call, env: &Env) -> Option<bool> {
        let version = env.version;
        let schema = call.name.schema.as_deref();
        let name = match call.special {
            true => builtin::grammar_function(&call.name.name, version),
            false => &call.name.name,
        };
        let count = call.arguments.len();
        if schema.is_none_or(|schema| schema == "pg_catalog") {
            let mut found = builtin::functions_named(name, version).filter(|f| f.accepts(count));
            if let Some(first) = found.next() {
                let is_volatile = |volatility| volatility == Volatility::Volatile;
                return Some(
                    is_volatile(first.volatility)
                        || found.any(|other| is_volatile(other.volatility)),
                );
            }
        }
        let own = self.functions_of(&call.name, None, env);
        let own: Vec<&Function> = own
            .into_iter()
            .filter_map(|id| self.function_by_id(id))
            .filter(|function| function.inputs().count() >= count)
            .collect();
        if !own.is_empty() {
            return Some(own.iter().any(|function| self.is_volatile_function(function, env)));
        }
        // `type(value)` casts where no function has that name; reading a value is at most stable.
        if count == 1 && self.type_if_exists(&call.name, env).is_some() {
            return Some(false);
        }
        let installed = self.others().filter(|other| other.kind == ObjectKind::Extension);
        let known = installed.filter_map(|other| builtin::extension(&other.name.name));
        let mut found = known.flat_map(|extension| extension.functions_named(name, version));
        let first = found.next()?;
        Some(
            first.volatility == Volatility::Volatile
                || found.any(|other| other.volatility == Volatility::Volatile),
        )
    }

    /// A function in SQL that only computes an expression is put in the place of its call: what
    /// matters is what it calls itself.
    fn is_volatile_function(&self, function: &Function, env: &Env) -> bool {
        if function.volatility != Volatility::Volatile {
            return false;
        }
        let is_simple = &*function.language == "sql"
            && function.kind == ObjectKind::Function
            && !function.security_definer
            && !function.has_settings
            && !function.strict
            && function.returns.as_ref().is_some_and(|(name, _)| !name.set_of);
        let body = function.body.as_deref().filter(|_| is_simple);
        let value = body.and_then(crate::sql::only_expression);
        value.is_none_or(|value| {
            let calls_itself =
                value.calls().iter().any(|call| call.name.name == function.name.name);
            calls_itself || self.is_volatile(&value, env) != Some(false)
        })
    }
}
