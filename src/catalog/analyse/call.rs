//! Calls of functions: which one is meant, and what it returns.

use std::sync::Arc;

use super::super::depend::Part;
use super::super::{Function, builtin};
use super::Analyser;
use super::overload::Candidate;
use super::scope::Scope;
use super::types::{Key, Value, builtin_type, typed};
use crate::catalog::builtin::BuiltinFunction;
use crate::sql::ArgumentMode;
use crate::sql::tree::{Call, Expr};

/// What a call returns.
pub(super) struct Called {
    pub(super) value: Value,
    /// The columns that the function itself names.
    pub(super) outputs: Vec<(Arc<str>, Value)>,
}

impl Analyser<'_> {
    pub(super) fn call(&mut self, scope: &Scope, call: &Call) -> Called {
        let is_sequence = matches!(&*call.name.name, "nextval" | "setval" | "currval")
            && call.name.schema.as_ref().is_none_or(|schema| **schema == *"pg_catalog");
        if let (Some(Expr::String(text)), true) = (call.arguments.first(), is_sequence) {
            self.relation_text(text);
        }
        let mut inputs = self.all(scope, &call.arguments);
        if let Some(aggregate) = &call.aggregate {
            for sort in &aggregate.order_by {
                let value = self.expr(scope, &sort.value);
                if aggregate.within_group {
                    inputs.push(value);
                }
            }
            self.each(scope, &aggregate.filter);
            aggregate.over.iter().for_each(|window| self.window(scope, window));
        }
        let named: Vec<&Arc<str>> = call
            .arguments
            .iter()
            .filter_map(|argument| match argument {
                Expr::Named { name, .. } => Some(name),
                _ => None,
            })
            .collect();
        let candidates = self.candidates(call, inputs.len(), &named);
        self.resolve_call(call, &inputs, &candidates, !named.is_empty())
    }

    fn resolve_call(
        &mut self,
        call: &Call,
        inputs: &[Value],
        candidates: &[Candidate],
        is_named: bool,
    ) -> Called {
        let nothing = Called { value: Value::Unknown, outputs: Vec::new() };
        let keys: Option<Vec<Key>> = inputs.iter().map(|value| self.types.key(value)).collect();
        let keys = keys.filter(|_| !is_named);
        if let Some(keys) = &keys
            && let Some(chosen) = self.types.choose(keys, candidates.to_vec())
        {
            for (argument, input) in chosen.arguments.iter().zip(keys) {
                if *input == Key::Literal {
                    self.literal_becomes(&self.types.value(*argument));
                }
            }
            self.needs.extend(chosen.id.map(|id| (id, Part::Whole)));
            self.record_call(call, chosen.id);
            let result = |value: &Value| self.types.result(&chosen, value, keys);
            let outputs = chosen.outputs.iter().map(|(name, value)| (name.clone(), result(value)));
            return Called { value: result(&chosen.result), outputs: outputs.collect() };
        }
        if let (Some([Key::Literal]), None) = (keys.as_deref(), &call.name.schema)
            && let Some(found) = self.types.fact(&call.name.name)
        {
            return Called { value: builtin_type(found.spelling), outputs: Vec::new() };
        }
        let possible: Vec<&Candidate> = candidates
            .iter()
            .filter(|candidate| self.may_take(candidate, inputs, is_named))
            .collect();
        let Some(first) = possible.first() else { return nothing };
        if let [only] = possible[..] {
            self.needs.extend(only.id.map(|id| (id, Part::Whole)));
        }
        let is_plain = |value: &Value| !matches!(self.types.key(value), Some(Key::Builtin(name)) if name.starts_with("any"));
        let same = possible.iter().all(|other| {
            other.result == first.result
                && other.outputs == first.outputs
                && is_plain(&other.result)
        });
        match same && first.outputs.iter().all(|(_, value)| is_plain(value)) {
            true => Called { value: first.result.clone(), outputs: first.outputs.clone() },
            false => nothing,
        }
    }

    /// Returns whether a candidate takes the arguments whose types are known.
    fn may_take(&self, candidate: &Candidate, inputs: &[Value], is_named: bool) -> bool {
        is_named
            || inputs.iter().zip(&candidate.arguments).all(|(input, to)| {
                self.types.key(input).is_none_or(|key| self.types.coerces(key, *to))
            })
    }

    /// Returns the functions that a call with so many arguments may mean, the server's first.
    fn candidates(&self, call: &Call, count: usize, named: &[&Arc<str>]) -> Vec<Candidate> {
        let (types, version) = (self.types, self.types.env.version);
        let schema = call.name.schema.as_deref();
        let name: &str = match call.special {
            true => builtin::grammar_function(&call.name.name, version),
            false => &call.name.name,
        };
        let mut all = Vec::new();
        let mut add = |function: &BuiltinFunction| {
            let keys: Option<Vec<Key>> =
                function.arguments().map(|argument| types.key_of(argument)).collect();
            let Some(keys) = keys.filter(|_| function.accepts(count)) else { return };
            let is_variadic = function.is_variadic && !call.variadic;
            let Some(arguments) = self.spread(keys, is_variadic, count) else { return };
            let outputs = function.outputs().map(|(name, of)| (name.into(), types.spelled(of)));
            let outputs = outputs.collect();
            all.push(Candidate {
                arguments,
                result: types.spelled(function.result),
                outputs,
                id: None,
            });
        };
        if schema.is_none_or(|schema| schema == "pg_catalog") {
            builtin::functions_named(name, version).for_each(&mut add);
        }
        if schema != Some("pg_catalog") {
            for extension in self.extensions() {
                extension.functions_named(name, version).for_each(&mut add);
            }
            for id in types.catalog.functions_of(&call.name, None, types.env) {
                let Some(function) = types.catalog.function_by_id(id) else { continue };
                all.extend(self.own_candidate(function, call, count, named));
            }
        }
        all
    }

    /// Returns the types of so many arguments of a function that is declared with `keys`.
    fn spread(&self, mut keys: Vec<Key>, is_variadic: bool, count: usize) -> Option<Vec<Key>> {
        if is_variadic && count >= keys.len() {
            let last = keys.pop()?;
            let element = match last {
                Key::Builtin("any") => last,
                Key::Builtin("anyarray") => Key::Builtin("anyelement"),
                Key::Builtin("anycompatiblearray") => Key::Builtin("anycompatible"),
                last => self.types.element(last)?,
            };
            keys.resize(count, element);
        }
        keys.truncate(count);
        (keys.len() == count).then_some(keys)
    }

    fn own_candidate(
        &self,
        function: &Function,
        call: &Call,
        count: usize,
        named: &[&Arc<str>],
    ) -> Option<Candidate> {
        let types = self.types;
        let inputs: Vec<_> = function.inputs().map(|(argument, id)| (argument, *id)).collect();
        let is_variadic = inputs.last().is_some_and(|(a, _)| a.mode == ArgumentMode::Variadic);
        let least = inputs.iter().filter(|(argument, _)| !argument.has_default).count();
        let fits = count <= inputs.len() && count >= least
            || is_variadic && !call.variadic && count + 1 >= inputs.len();
        let has_names = named
            .iter()
            .all(|name| inputs.iter().any(|(argument, _)| argument.name.as_ref() == Some(*name)));
        if !fits || !has_names {
            return None;
        }
        let keys: Option<Vec<Key>> = inputs
            .iter()
            .map(|(argument, id)| types.key(&typed(&argument.type_name, *id)))
            .collect();
        let arguments = match keys {
            Some(keys) => self.spread(keys, is_variadic && !call.variadic, count)?,
            // Nothing is known of a type that something else made: what is given may be it.
            None => vec![Key::Builtin("any"); count],
        };
        let outputs: Vec<(Arc<str>, Value)> = function
            .arguments
            .iter()
            .filter(|(argument, _)| {
                matches!(
                    argument.mode,
                    ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table
                )
            })
            .enumerate()
            .map(|(at, (argument, id))| {
                let name = argument.name.clone();
                let name = name.unwrap_or_else(|| format!("column{}", at + 1).into());
                (name, typed(&argument.type_name, *id).plain())
            })
            .collect();
        let result = match (&outputs[..], &function.returns) {
            ([_, _, ..], _) => builtin_type("record"),
            ([(_, only)], _) => only.clone(),
            ([], Some((name, id))) => typed(name, *id).plain(),
            ([], None) => Value::Unknown,
        };
        Some(Candidate { arguments, result, outputs, id: Some(function.id) })
    }
}
