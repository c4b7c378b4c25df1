//! Functions that are values: those that calls are given, and the methods of a class.

use std::rc::Rc;

use super::super::code::{Function, Step, Target};
use super::super::value::{ArgumentValue, CallValue, Value, ValueKind};
use super::{CALLED, Callback, Class, Evaluator, Frame, LOOP, Role, SOMETIMES, Scope};
use crate::source::Span;

impl<'a> Evaluator<'a> {
    /// Makes the methods and fields of the first class known that has a method of that name; returns
    /// its name, the names of its parents and where it stands.
    pub(in super::super) fn enter_class(
        &mut self,
        method: &str,
    ) -> Option<(&'a str, Vec<String>, Span)> {
        let has_it = |body: &[Step]| {
            body.iter().any(|step| matches!(step, Step::Define(found) if found.name == method))
        };
        let found = self.classes.iter().find(|class| has_it(class.body));
        let Class { name, parents, body, span } = *found?;
        let mut frame = self.frame(Scope::Class);
        for step in body {
            match step {
                Step::Define(function) => {
                    self.methods.insert(&function.name, function);
                }
                Step::Assign { target: Target::Name(name), value, .. } => {
                    let value = self.value(value, &mut frame);
                    self.globals.insert(format!("this.{name}"), value);
                }
                _ => {}
            }
        }
        self.events.clear();
        let parents = parents.iter().map(|parent| match self.value(parent, &mut frame).kind {
            ValueKind::Path(path) => path,
            _ => String::new(),
        });
        Some((name, parents.collect(), span))
    }

    /// Returns a method of the class that was entered.
    pub(in super::super) fn method(&self, name: &str) -> Option<&'a Function> {
        self.methods.get(name).copied()
    }

    /// Follows the functions that a call is given.
    pub(super) fn with_callbacks(&mut self, made: CallValue, frame: &mut Frame) -> Value {
        let span = made.span;
        let functions = made.arguments.iter().filter_map(|argument| match argument.value.kind {
            ValueKind::Function(number) => Some(number),
            _ => None,
        });
        let functions: Vec<usize> = functions.collect();
        let made = Rc::new(made);
        let result = Value { span, kind: ValueKind::Call(Rc::clone(&made)) };
        let Some(first) = functions.first().copied() else { return result };
        let last = functions.last().copied().unwrap_or(first);
        let receiver = made.receiver.as_ref();
        let callback = (self.callback)(&made);
        if matches!(callback, Callback::Behind | Callback::Each | Callback::Sometimes) {
            receiver.into_iter().for_each(|receiver| self.emit(receiver, Role::Value, frame));
        }
        // What is done with the others is not known.
        let others = usize::from(!matches!(callback, Callback::Unknown));
        match callback {
            Callback::Unknown => {}
            Callback::Never => return result,
            Callback::Inside(parameter) => {
                self.run_inside(&result, parameter, first, frame);
                return result;
            }
            Callback::InsideLast(parameter) => {
                self.run_inside(&result, parameter, last, frame);
                return result;
            }
            Callback::Behind => {
                self.run_closure(first, vec![open(span)], span, frame);
            }
            Callback::Each => {
                if let Some(values) = receiver.and_then(Value::list) {
                    let each = values.iter().map(|value| {
                        self.run_closure(first, vec![given(value.clone())], span, frame)
                    });
                    let all: Vec<Value> = each.collect();
                    return Value { span, kind: ValueKind::list(all) };
                }
                self.run_in_doubt(LOOP, first, span, frame);
            }
            Callback::Sometimes => self.run_in_doubt(SOMETIMES, first, span, frame),
        }
        for other in functions.into_iter().skip(others) {
            self.run_in_doubt(CALLED, other, span, frame);
        }
        result
    }

    fn run_inside(&mut self, call: &Value, parameter: ValueKind, number: usize, frame: &mut Frame) {
        frame.contexts.push(call.clone());
        let given = vec![given(Value { span: call.span, kind: parameter })];
        self.run_closure(number, given, call.span, frame);
        frame.contexts.pop();
    }

    /// Follows a function that was a value; returns what it returns.
    pub(super) fn run_closure(
        &mut self,
        number: usize,
        given: Vec<ArgumentValue>,
        span: Span,
        frame: &mut Frame,
    ) -> Value {
        let Some(closure) = self.closures.get(number) else {
            return Value { span, kind: ValueKind::Open("a function".to_owned()) };
        };
        let (function, of) = (closure.function, closure.frame);
        let mut locals = Rc::clone(&closure.locals);
        if of == frame.number {
            self.spend(frame.locals.len());
            locals = Rc::new(frame.locals.clone());
        } else if locals.keys().any(|name| self.is_replaced(of, name)) {
            let mut now = (*locals).clone();
            for (name, value) in &mut now {
                if self.is_replaced(of, name) {
                    value.kind = ValueKind::Open(name.clone());
                }
            }
            locals = Rc::new(now);
        }
        self.follow(function, locals, given, span, frame)
    }

    fn is_replaced(&self, frame: usize, name: &str) -> bool {
        !self.replaced.is_empty() && self.replaced.contains(&(frame, name.to_owned()))
    }
}

fn given(value: Value) -> ArgumentValue {
    ArgumentValue { name: None, value, is_spread: false }
}

/// Returns arguments of which nothing is known.
pub(super) fn open(span: Span) -> ArgumentValue {
    let value = Value { span, kind: ValueKind::Open("value".to_owned()) };
    ArgumentValue { name: None, value, is_spread: true }
}
