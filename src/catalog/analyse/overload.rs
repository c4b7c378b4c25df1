//! Which of several functions or operators of one name a call means, and what it returns.
//!
//! Source: `func_match_argtypes`, `func_select_candidate` and `enforce_generic_type_consistency` of the
//! server's `parse_func.c` and `parse_coerce.c`.

use std::sync::Arc;

use super::super::ObjectId;
use super::types::{Key, Types, Value};

/// A function or operator that a call may mean.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The types that it takes, one for each argument of the call.
    pub(super) arguments: Vec<Key>,
    /// The type of its result, which may be polymorphic.
    pub(super) result: Value,
    /// The columns of its result, if they have names.
    pub(super) outputs: Vec<(Arc<str>, Value)>,
    /// The function, where something at hand made it.
    pub(super) id: Option<ObjectId>,
}

/// What stands for the polymorphic types in a call.
#[derive(Default)]
struct Generic {
    element: Option<Key>,
    array: Option<Key>,
    range: Option<Key>,
    multirange: Option<Key>,
    compatible: Option<Key>,
}

impl Types<'_> {
    /// Returns the one that the server chooses for these arguments; nothing where that is not clear.
    pub(super) fn choose(self, inputs: &[Key], all: Vec<Candidate>) -> Option<Candidate> {
        if let Some(exact) = all.iter().find(|candidate| candidate.arguments == inputs) {
            return Some(exact.clone());
        }
        let mut left: Vec<Candidate> =
            all.into_iter().filter(|candidate| self.takes(candidate, inputs)).collect();
        if left.len() < 2 {
            return left.pop();
        }
        let bases: Vec<Key> = inputs.iter().map(|input| self.base(*input)).collect();
        let is_exact = |at: usize, key: Key| bases[at] != Key::Literal && bases[at] == key;
        keep_best(&mut left, |candidate| {
            let keys = candidate.arguments.iter().enumerate();
            keys.filter(|(at, key)| is_exact(*at, **key)).count()
        });
        if left.len() < 2 {
            return left.pop();
        }
        keep_best(&mut left, |candidate| {
            let keys = candidate.arguments.iter().enumerate();
            keys.filter(|(at, key)| {
                let at = *at;
                bases[at] != Key::Literal
                    && (is_exact(at, **key)
                        || self.category(bases[at]).0 == self.category(**key).0
                            && self.category(**key).1)
            })
            .count()
        });
        if left.len() < 2 {
            return left.pop();
        }
        self.choose_by_literals(&bases, left)
    }

    fn choose_by_literals(self, bases: &[Key], mut left: Vec<Candidate>) -> Option<Candidate> {
        let literals: Vec<usize> =
            (0..bases.len()).filter(|at| bases[*at] == Key::Literal).collect();
        if literals.is_empty() {
            return None;
        }
        let mut slots = Vec::new();
        for at in &literals {
            let found: Vec<(char, bool)> =
                left.iter().map(|candidate| self.category(candidate.arguments[*at])).collect();
            let first = found[0].0;
            let category = match found.iter().any(|(category, _)| *category == 'S') {
                true => 'S',
                false if found.iter().all(|(category, _)| *category == first) => first,
                false => break,
            };
            let preferred = found.iter().any(|(c, preferred)| *c == category && *preferred);
            slots.push((*at, category, preferred));
        }
        if slots.len() == literals.len() {
            let fits = |candidate: &Candidate| {
                slots.iter().all(|(at, category, wants_preferred)| {
                    let (found, is_preferred) = self.category(candidate.arguments[*at]);
                    found == *category && (is_preferred || !wants_preferred)
                })
            };
            if left.iter().any(fits) {
                left.retain(fits);
            }
            if left.len() < 2 {
                return left.pop();
            }
        }
        // At last the server takes the literals for what the other arguments are.
        let mut known = bases.iter().copied().filter(|key| *key != Key::Literal);
        let first = known.next()?;
        if known.any(|key| key != first) {
            return None;
        }
        let assumed = vec![first; bases.len()];
        left.retain(|candidate| self.takes(candidate, &assumed));
        if left.len() == 1 { left.pop() } else { None }
    }

    /// Returns whether all arguments can be given to a candidate.
    pub(super) fn takes(self, candidate: &Candidate, inputs: &[Key]) -> bool {
        candidate.arguments.len() == inputs.len()
            && inputs.iter().zip(&candidate.arguments).all(|(input, to)| self.coerces(*input, *to))
            && self.generic(&candidate.arguments, inputs).is_some()
    }

    /// Finds what stands for the polymorphic types; nothing if the arguments contradict each other.
    fn generic(self, declared: &[Key], inputs: &[Key]) -> Option<Generic> {
        let mut found = Generic::default();
        let mut compatible = Vec::new();
        let agree = |slot: &mut Option<Key>, key: Key| *slot.get_or_insert(key) == key;
        for (to, input) in declared.iter().zip(inputs) {
            let Key::Builtin(to) = to else { continue };
            let input = *input;
            if input == Key::Literal {
                continue;
            }
            let base = self.base(input);
            let fits = match *to {
                "anyelement" | "anynonarray" | "anyenum" => agree(&mut found.element, input),
                "anyarray" => {
                    agree(&mut found.array, base) && agree(&mut found.element, self.element(base)?)
                }
                "anyrange" => {
                    agree(&mut found.range, base) && agree(&mut found.element, self.bound(base)?)
                }
                "anymultirange" => agree(&mut found.multirange, base),
                "anycompatible" | "anycompatiblenonarray" => {
                    compatible.push(input);
                    true
                }
                "anycompatiblearray" => {
                    compatible.push(self.element(base)?);
                    true
                }
                "anycompatiblerange" => {
                    compatible.push(self.bound(base)?);
                    agree(&mut found.range, base)
                }
                _ => true,
            };
            if !fits {
                return None;
            }
        }
        if !compatible.is_empty() {
            found.compatible = Some(self.common_key(&compatible)?);
        }
        Some(found)
    }

    /// Returns the type of what a call of a candidate returns.
    pub(super) fn result(self, chosen: &Candidate, result: &Value, inputs: &[Key]) -> Value {
        let Some(Key::Builtin(spelling)) = self.key(result) else { return result.clone() };
        if !spelling.starts_with("any") {
            return result.clone();
        }
        let Some(found) = self.generic(&chosen.arguments, inputs) else { return Value::Unknown };
        let key = match spelling {
            "anyelement" | "anynonarray" | "anyenum" => found.element,
            "anyarray" => found.array.or_else(|| self.array(found.element?)),
            "anyrange" | "anycompatiblerange" => found.range,
            "anymultirange" => found.multirange,
            "anycompatible" | "anycompatiblenonarray" => found.compatible,
            "anycompatiblearray" => found.compatible.and_then(|key| self.array(key)),
            _ => None,
        };
        key.map_or(Value::Unknown, |key| self.value(key))
    }
}

/// Keeps those for which `count` is highest.
fn keep_best(candidates: &mut Vec<Candidate>, count: impl Fn(&Candidate) -> usize) {
    let best = candidates.iter().map(&count).max().unwrap_or_default();
    candidates.retain(|candidate| count(candidate) == best);
}
