//! Calls of functions that change the schema.

use std::sync::Arc;

use crate::catalog::{Catalog, Env, Failure, Function};
use crate::sql::{ArgumentMode, FunctionCall, Given, RelationName, steps_of_call};

/// The deepest nesting of calls, and the most steps of a statement, that are followed.
const MAX_DEPTH: u32 = 8;
const MAX_STEPS: u32 = 10_000;

/// Functions of the extension `postgis` that add, change and drop columns and tables.
const OF_EXTENSIONS: [&str; 5] = [
    "addgeometrycolumn",
    "dropgeometrycolumn",
    "dropgeometrytable",
    "populate_geometry_columns",
    "updategeometrysrid",
];

impl Catalog {
    /// Runs the function that is called, where it may change the schema.
    ///
    /// # Errors
    ///
    /// What the server answers, if a step that certainly runs is certainly refused.
    pub(super) fn call(&mut self, call: &FunctionCall, env: &Env) -> Result<(), Failure> {
        if OF_EXTENSIONS.contains(&&*call.name.name) {
            self.leave_uncertain(env);
            return Ok(());
        }
        let named = self.functions_named(&call.name, env);
        if named.iter().all(|function| !function.changes_schema && function.source.is_none()) {
            return Ok(());
        }
        let fitting: Vec<&Arc<Function>> =
            named.iter().filter(|function| fits(function, call)).collect();
        let is_bounded = self.calls.depth < MAX_DEPTH && self.calls.steps < MAX_STEPS;
        let [function] = fitting[..] else {
            self.call_unknown(&call.name, env);
            return Ok(());
        };
        let Some(source) = function.source.as_deref().filter(|_| is_bounded) else {
            self.call_unknown(&call.name, env);
            return Ok(());
        };
        let is_null = |(_, given): &(_, Given)| *given == Given::Null;
        let is_trigger = |name: &str| matches!(name, "trigger" | "event_trigger");
        if function.returns.as_ref().is_some_and(|(name, _)| is_trigger(&name.name))
            || function.strict && call.arguments.iter().any(is_null)
        {
            return Ok(());
        }
        let certain = call.is_once && !self.calls.is_unsure;
        if !certain && function.changes_schema {
            self.guesses.insert((env.origin.file.0, env.origin.span.start));
        }
        let called = steps_of_call(source, &call.arguments, &crate::sql::Surroundings::default());
        let Some(called) = called else {
            self.call_unknown(&call.name, env);
            return Ok(());
        };
        let mut env = env.clone();
        if let Some(path) = called.path {
            env.path = path.into();
        }
        self.calls.depth += 1;
        let result = self.run_body(&env, certain, |surroundings| {
            Some(steps_of_call(source, &call.arguments, surroundings)?.steps)
        });
        self.calls.depth = self.calls.depth.saturating_sub(1);
        result
    }

    /// Calls a function of which nobody can say what it does: if it changes the schema, that leaves
    /// unknown what is there afterwards.
    pub(super) fn call_unknown(&mut self, name: &RelationName, env: &Env) {
        if self.functions_named(name, env).iter().any(|function| function.changes_schema) {
            self.leave_uncertain(env);
        }
    }

    pub(super) fn leave_uncertain(&mut self, env: &Env) {
        let here = (env.origin.file.0, env.origin.span.start);
        self.guesses.insert(here);
        self.unfollowed.insert(here);
        self.uncertain_since = Some(env.origin);
    }

    fn functions_named(&self, name: &RelationName, env: &Env) -> Vec<Arc<Function>> {
        let ids = self.functions_of(name, None, env);
        ids.iter().filter_map(|id| self.functions.get(id).cloned()).collect()
    }
}

#[cfg(test)]
mod tests;

/// Returns whether a function takes the arguments of a call, by their number and names.
fn fits(function: &Function, call: &FunctionCall) -> bool {
    let inputs: Vec<_> = function.inputs().map(|(argument, _)| argument).collect();
    let positional = call.arguments.iter().filter(|(name, _)| name.is_none()).count();
    let is_variadic = inputs.last().is_some_and(|last| last.mode == ArgumentMode::Variadic);
    let names = || call.arguments.iter().filter_map(|(name, _)| name.as_ref());
    let is_named = |name: &Arc<str>| {
        inputs.iter().skip(positional).any(|input| input.name.as_ref() == Some(name))
    };
    let is_given = |(at, input): (usize, &&crate::sql::Argument)| {
        at < positional
            || input.has_default
            || input.mode == ArgumentMode::Variadic
            || names().any(|name| input.name.as_ref() == Some(name))
    };
    (positional <= inputs.len() || is_variadic)
        && names().all(is_named)
        && inputs.iter().enumerate().all(is_given)
}
