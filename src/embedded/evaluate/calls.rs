//! Calls: of functions of the file, which are followed, and of everything else.

use std::rc::Rc;

use super::super::code::{Call, Expr, ExprKind, Function};
use super::super::value::{ArgumentValue, CallValue, Value, ValueKind};
use super::{CALLED, Change, DEEPEST, Doubt, Evaluator, Flow, Frame, Role, Scope};
use crate::source::Span;

impl<'a> Evaluator<'a> {
    pub(super) fn call(&mut self, call: &'a Call, span: Span, frame: &mut Frame) -> Value {
        let (receiver, name) = match &call.callee.kind {
            ExprKind::Member(object, method) => {
                let of = self.value(object, frame);
                if let ValueKind::Path(path) = &of.kind {
                    let own = self.methods.get(method.as_str()).copied();
                    if let Some(function) = own.filter(|_| path == "this") {
                        let arguments = self.arguments(call, frame);
                        return self.follow(function, Rc::default(), arguments, span, frame);
                    }
                    (None, format!("{path}.{method}"))
                } else if let Some(change) = (self.surroundings.language.change)(method)
                    && is_data(&of)
                {
                    return self.changing(call, object, of, (method, change), span, frame);
                } else if let Some(ValueKind::Function(number)) =
                    of.get(method).map(|member| &member.kind)
                    && self.surroundings.language.has_members
                {
                    let number = *number;
                    let arguments = self.arguments(call, frame);
                    return self.run_closure(number, arguments, span, frame);
                } else {
                    (Some(of), method.clone())
                }
            }
            ExprKind::Name(name) => match self.value(&call.callee, frame).kind {
                ValueKind::Path(path) => (None, path),
                ValueKind::Function(number) => {
                    let arguments = self.arguments(call, frame);
                    return self.run_closure(number, arguments, span, frame);
                }
                _ => (None, name.clone()),
            },
            _ => match self.value(&call.callee, frame) {
                Value { kind: ValueKind::Function(number), .. } => {
                    let arguments = self.arguments(call, frame);
                    return self.run_closure(number, arguments, span, frame);
                }
                Value { kind: ValueKind::Path(path), .. } => (None, path),
                callee => (Some(callee), "()".to_owned()),
            },
        };
        let arguments = self.arguments(call, frame);
        if (self.surroundings.language.changes_first)(&name)
            && let Some(first) = call.arguments.first().and_then(|first| root(&first.value))
        {
            self.forget(first, frame);
        }
        self.made(span, name, receiver, arguments, frame)
    }

    /// Follows a method that changes the list, map or text that it is called on.
    fn changing(
        &mut self,
        call: &'a Call,
        object: &'a Expr,
        of: Value,
        (method, change): (&str, Change),
        span: Span,
        frame: &mut Frame,
    ) -> Value {
        let arguments = self.arguments(call, frame);
        let values: Vec<Value> = arguments.iter().map(|argument| argument.value.clone()).collect();
        let is_plain = arguments.iter().all(|a| a.name.is_none() && !a.is_spread);
        match root(object) {
            Some(name) if is_plain && matches!(object.kind, ExprKind::Name(_)) => {
                self.change(name, change, &values, frame);
            }
            Some(name) => self.forget(name, frame),
            None => {}
        }
        values.iter().for_each(|value| self.emit(value, Role::Part, frame));
        if values.iter().any(|value| matches!(value.kind, ValueKind::Function(_))) {
            return self.made(span, method.to_owned(), Some(of), arguments, frame);
        }
        Value { span, kind: ValueKind::Open("a list that has been changed".to_owned()) }
    }

    /// Returns what a call returns that is not followed.
    fn made(
        &mut self,
        span: Span,
        name: String,
        receiver: Option<Value>,
        arguments: Vec<ArgumentValue>,
        frame: &mut Frame,
    ) -> Value {
        self.calls_made += 1;
        let Some(made) = CallValue::new(span, name, receiver, arguments) else {
            self.unread(span, frame);
            return Value { span, kind: ValueKind::Open("a call".to_owned()) };
        };
        match (self.surroundings.builtin)(&made) {
            Some(known) => {
                // What it was made of has been done, whatever the language makes of it.
                let inner = made.arguments.iter().map(|argument| &argument.value);
                for value in inner.chain(&made.receiver) {
                    self.emit(value, Role::Part, frame);
                }
                known
            }
            None => self.with_callbacks(made, frame),
        }
    }

    fn arguments(&mut self, call: &'a Call, frame: &mut Frame) -> Vec<ArgumentValue> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            let value = self.value(&argument.value, frame);
            let name = argument.name.clone();
            match &value.kind {
                ValueKind::List(values) if argument.is_spread && name.is_none() => {
                    self.spend(values.len());
                    let each = values.iter().cloned();
                    let spread = |value| ArgumentValue { name: None, value, is_spread: false };
                    arguments.extend(each.map(spread));
                }
                ValueKind::Map(pairs)
                    if argument.is_spread
                        && pairs.iter().all(|(key, _)| key.known_text().is_some()) =>
                {
                    self.spend(pairs.len());
                    arguments.extend(pairs.iter().map(|(key, value)| ArgumentValue {
                        name: key.known_text(),
                        value: value.clone(),
                        is_spread: false,
                    }));
                }
                _ => {
                    let is_spread = argument.is_spread;
                    let name = name.filter(|_| !is_spread);
                    arguments.push(ArgumentValue { name, value, is_spread });
                }
            }
        }
        arguments
    }

    /// Follows a function; returns what it returns.
    pub(super) fn follow(
        &mut self,
        function: &'a Function,
        around: Rc<std::collections::HashMap<String, Value>>,
        arguments: Vec<ArgumentValue>,
        span: Span,
        frame: &mut Frame,
    ) -> Value {
        let open = Value { span, kind: ValueKind::Open(function.name.clone()) };
        if frame.depth >= DEEPEST || !self.spend(1 + around.len()) {
            self.unread(span, frame);
            return open;
        }
        let mut inner = self.frame(Scope::Function);
        inner.locals = (*around).clone();
        inner.is_open = function.is_open;
        inner.contexts.clone_from(&frame.contexts);
        inner.doubt = frame.doubt();
        inner.doubt = inner.doubt.or(function.doubt.map(|why| Doubt { why, at: function.span }));
        inner.depth = frame.depth + 1;
        inner.is_quiet = frame.is_quiet;
        self.bind(function, arguments, span, &mut inner);
        match self.steps(&function.body, &mut inner) {
            // What it returns has been noted where it is returned.
            Flow::Return(Some(value)) if inner.ended.is_none() && function.doubt.is_none() => value,
            _ => open,
        }
    }

    /// Gives the parameters of a function their values.
    fn bind(
        &mut self,
        function: &'a Function,
        arguments: Vec<ArgumentValue>,
        span: Span,
        inner: &mut Frame,
    ) {
        let is_known = !arguments.iter().any(|argument| argument.is_spread);
        let mut plain = arguments.iter().filter(|argument| argument.name.is_none());
        for parameter in &function.parameters {
            let name = &parameter.name;
            let unknown = Value { span, kind: ValueKind::Open(name.clone()) };
            let value = if parameter.is_rest {
                let all = plain.by_ref().map(|argument| argument.value.clone()).collect();
                let is_list = is_known && arguments.iter().all(|argument| argument.name.is_none());
                if is_list { Value { span, kind: ValueKind::list(all) } } else { unknown }
            } else {
                let named = arguments.iter().find(|a| a.name.as_deref() == Some(name));
                let given = named.or_else(|| plain.next());
                match (given.filter(|_| is_known), &parameter.default) {
                    (Some(given), _) => given.value.clone(),
                    (None, Some(default)) if is_known => self.value(default, inner),
                    _ => unknown,
                }
            };
            inner.locals.insert(name.clone(), value);
        }
    }

    /// Follows a function of which it is not known whether, or how often, it is called.
    pub(super) fn run_in_doubt(
        &mut self,
        why: &'static str,
        number: usize,
        span: Span,
        frame: &mut Frame,
    ) {
        let (outer, was_quiet) = (frame.doubt, frame.is_quiet);
        frame.doubt = outer.or(Some(Doubt { why, at: span }));
        // What is not known to send anything is reported where it is given away.
        frame.is_quiet |= why == CALLED;
        self.run_closure(number, vec![super::callbacks::open(span)], span, frame);
        (frame.doubt, frame.is_quiet) = (outer, was_quiet);
    }
}

/// Returns the name of the variable that an expression is a part of.
fn root(expr: &Expr) -> Option<&str> {
    match &expr.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Member(object, _) | ExprKind::Item(object, _) => root(object),
        _ => None,
    }
}

/// Returns whether a value is a list, a map or a text.
fn is_data(value: &Value) -> bool {
    matches!(value.kind, ValueKind::List(_) | ValueKind::Map(_) | ValueKind::Text(_))
}
