//! Functions that are values: those that calls are given, and the methods of a class.

use std::rc::Rc;

use super::super::code::{Function, Step};
use super::super::value::{CallValue, Value, ValueKind};
use super::{Callback, DEEPEST, Doubt, Evaluator, Flow, Frame, LOOP, SOMETIMES};
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
        let found = self.classes.iter().find(|(_, _, body, _)| has_it(body));
        let (name, parents, body, span) = *found?;
        let mut frame = Frame::default();
        for step in body {
            match step {
                Step::Define(function) => {
                    self.methods.insert(&function.name, function);
                }
                Step::Assign { names, value, .. } if names.len() == 1 => {
                    let value = self.value(value, &mut frame);
                    let member = names.first().map(|name| format!("this.{name}"));
                    self.globals.extend(member.map(|member| (member, value)));
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
        match (self.callback)(&made) {
            Callback::Unknown => {}
            Callback::Inside(parameter) => self.run_inside(&result, parameter, first, frame),
            Callback::InsideLast(parameter) => self.run_inside(&result, parameter, last, frame),
            Callback::Behind => {
                receiver.into_iter().for_each(|receiver| self.emit(receiver, false, frame));
                self.run_closure(first, Vec::new(), span, frame);
            }
            Callback::Each => {
                if let Some(values) = receiver.and_then(Value::list) {
                    let each = values
                        .iter()
                        .map(|value| self.run_closure(first, vec![value.clone()], span, frame));
                    let all: Vec<Value> = each.collect();
                    return Value { span, kind: ValueKind::List(Rc::new(all)) };
                }
                receiver.into_iter().for_each(|receiver| self.emit(receiver, false, frame));
                self.run_in_doubt(LOOP, first, span, frame);
            }
            Callback::Sometimes => {
                receiver.into_iter().for_each(|receiver| self.emit(receiver, false, frame));
                self.run_in_doubt(SOMETIMES, first, span, frame);
            }
        }
        result
    }

    fn run_inside(&mut self, call: &Value, parameter: ValueKind, number: usize, frame: &mut Frame) {
        frame.contexts.push(call.clone());
        let given = vec![Value { span: call.span, kind: parameter }];
        self.run_closure(number, given, call.span, frame);
        frame.contexts.pop();
    }

    fn run_in_doubt(&mut self, why: &'static str, number: usize, span: Span, frame: &mut Frame) {
        let outer = frame.doubt;
        frame.doubt = outer.or(Some(Doubt { why, at: span }));
        self.run_closure(number, Vec::new(), span, frame);
        frame.doubt = outer;
    }

    /// Follows a function that was a value; returns what it returns.
    pub(super) fn run_closure(
        &mut self,
        number: usize,
        given: Vec<Value>,
        span: Span,
        frame: &mut Frame,
    ) -> Value {
        let open = Value { span, kind: ValueKind::Open("a function".to_owned()) };
        let Some(closure) = self.closures.get(number) else { return open };
        let (function, locals) = (closure.function, Rc::clone(&closure.locals));
        if frame.depth >= DEEPEST || !self.spend(1 + locals.len()) {
            self.unread(span, frame);
            return open;
        }
        let mut inner = Frame {
            locals: (*locals).clone(),
            contexts: frame.contexts.clone(),
            doubt: frame.doubt,
            depth: frame.depth + 1,
            ..Frame::default()
        };
        for (at, (name, _)) in function.parameters.iter().enumerate() {
            let unknown = Value { span, kind: ValueKind::Open(name.clone()) };
            inner.locals.insert(name.clone(), given.get(at).cloned().unwrap_or(unknown));
        }
        match self.steps(&function.body, &mut inner) {
            Flow::Return(Some(value)) => value,
            Flow::Return(None) | Flow::Next => open,
        }
    }
}
