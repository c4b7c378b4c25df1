//! Variables: what they are given, what changes what they hold, and when nothing is known of them any more.

use std::collections::HashSet;
use std::rc::Rc;

use super::super::code::{ExprKind, Function, How, Step, Target};
use super::super::value::{Value, ValueKind};
use super::{Change, Evaluator, Frame, Language, Scope};
use crate::source::Span;

impl<'a> Evaluator<'a> {
    /// Returns what a name stands for; nothing where it is not known to the file.
    pub(super) fn lookup(&mut self, name: &str, frame: &Frame) -> Option<Value> {
        let found = frame.locals.get(name).or_else(|| self.globals.get(name))?;
        if place(found).is_some_and(|place| self.changed.contains_key(&place)) {
            let kind = ValueKind::Open(name.to_owned());
            return Some(Value { span: found.span, kind });
        }
        let found = found.clone();
        let size = match &found.kind {
            ValueKind::Text(text) => text.len(),
            _ => 1,
        };
        if self.spend(size) { Some(found) } else { None }
    }

    /// Gives a name a value.
    pub(super) fn set(&mut self, name: &str, value: Value, how: How, frame: &mut Frame) {
        frame.written.push(name.to_owned());
        let is_global = match frame.scope {
            Scope::Module => true,
            Scope::Class => false,
            Scope::Function => {
                frame.outer.contains(name)
                    || frame.is_open
                        && how != How::Declare
                        && !frame.locals.contains_key(name)
                        && self.globals.contains_key(name)
            }
        };
        if frame.has_closures {
            self.replaced.insert((frame.number, name.to_owned()));
        }
        let is_unsure = is_global && frame.scope == Scope::Function && frame.doubt().is_some();
        let value = match is_unsure {
            true => Value { kind: ValueKind::Open(name.to_owned()), ..value },
            false => value,
        };
        let scope = if is_global { &mut self.globals } else { &mut frame.locals };
        scope.insert(name.to_owned(), value);
    }

    /// Says that nothing is known any more of a name; what was imported stays what it is.
    pub(super) fn open(&mut self, name: &str, frame: &mut Frame) {
        let is_import =
            matches!(self.lookup(name, frame), Some(Value { kind: ValueKind::Path(_), .. }));
        if !is_import {
            let value = Value { span: Span::default(), kind: ValueKind::Open(name.to_owned()) };
            self.set(name, value, How::Set, frame);
        }
    }

    pub(super) fn open_target(&mut self, target: &Target, frame: &mut Frame) {
        match target {
            Target::Name(name) => self.open(name, frame),
            Target::Parts(names) => names.iter().for_each(|name| self.open(name, frame)),
            Target::Item(name, _) => self.forget(name, frame),
            Target::Other(names) => names.iter().for_each(|name| self.forget(name, frame)),
        }
    }

    /// Says that nothing is known any more of a name, and of what it holds under any other name.
    pub(super) fn forget(&mut self, name: &str, frame: &mut Frame) {
        if let Some(value) = self.lookup(name, frame) {
            self.mark(&value);
            self.open(name, frame);
        }
    }

    /// Notes that what a list or map holds has been changed.
    fn mark(&mut self, value: &Value) {
        if let Some(place) = place(value) {
            self.changed.insert(place, value.clone());
        }
    }

    pub(super) fn assign(&mut self, target: &'a Target, value: Value, how: How, frame: &mut Frame) {
        match target {
            Target::Name(name) if how == How::Add => {
                let before = self.lookup(name, frame);
                before.iter().for_each(|before| self.mark(before));
                let span = value.span;
                let parts: Vec<Value> = before.into_iter().chain([value]).collect();
                let value = self.join(parts, span, frame);
                self.set(name, value, how, frame);
            }
            Target::Name(name) => self.set(name, value, how, frame),
            Target::Parts(names) => {
                let parts = value.list().filter(|parts| parts.len() == names.len());
                for (at, name) in names.iter().enumerate() {
                    let open = Value { span: value.span, kind: ValueKind::Open(name.clone()) };
                    let part = parts.and_then(|parts| parts.get(at)).cloned();
                    self.set(name, part.unwrap_or(open), how, frame);
                }
            }
            Target::Item(name, key) => {
                let key = self.value(key, frame);
                let before = self.lookup(name, frame);
                let with = before.as_ref().and_then(|before| with_member(before, &key, &value));
                match with.filter(|_| how != How::Add && frame.doubt.is_none()) {
                    Some(with) => self.replace(name, with, frame),
                    None => self.forget(name, frame),
                }
            }
            Target::Other(names) => {
                for name in names {
                    match how {
                        How::Declare => self.open(name, frame),
                        How::Set | How::Add => self.forget(name, frame),
                    }
                }
            }
        }
    }

    /// Follows what a method does to what a name holds.
    pub(super) fn change(
        &mut self,
        name: &str,
        change: Change,
        arguments: &[Value],
        frame: &mut Frame,
    ) {
        let Some(before) = self.lookup(name, frame) else { return };
        if !matches!(before.kind, ValueKind::List(_) | ValueKind::Map(_) | ValueKind::Text(_)) {
            return;
        }
        let with = match (&before.kind, change) {
            (ValueKind::List(items), Change::Push) => self.longer(items, arguments),
            (ValueKind::List(items), Change::Extend) => match arguments {
                [one] => one.list().and_then(|more| self.longer(items, more)),
                _ => None,
            },
            (ValueKind::Map(pairs), Change::Extend) => match arguments {
                [Value { kind: ValueKind::Map(more), .. }] => {
                    self.spend(pairs.len() + more.len());
                    Some(ValueKind::map(pairs.iter().chain(more.iter()).cloned().collect()))
                }
                _ => None,
            },
            _ => None,
        };
        match with.filter(|_| frame.doubt.is_none()) {
            Some(kind) => self.replace(name, Value { span: before.span, kind }, frame),
            None => self.forget(name, frame),
        }
    }

    fn longer(&mut self, items: &[Value], more: &[Value]) -> Option<ValueKind> {
        let is_enough = self.spend(items.len() + more.len());
        is_enough.then(|| ValueKind::list(items.iter().chain(more).cloned().collect()))
    }

    /// Puts a value in place of what a name holds, here under each of its names; elsewhere nothing is
    /// known of it any more.
    fn replace(&mut self, name: &str, value: Value, frame: &mut Frame) {
        let before = frame.locals.get(name).or_else(|| self.globals.get(name)).cloned();
        let Some(before) = before else { return };
        let old = place(&before);
        self.mark(&before);
        let same: Vec<String> = frame
            .locals
            .iter()
            .filter(|(_, other)| old.is_some() && place(other) == old)
            .map(|(name, _)| name.clone())
            .collect();
        for other in &same {
            frame.written.push(other.clone());
            frame.locals.insert(other.clone(), value.clone());
        }
        for (other, held) in &mut self.globals {
            if old.is_some() && place(held) == old {
                frame.written.push(other.clone());
                *held = value.clone();
            }
        }
    }
}

/// Returns a list or map with another value at a place; nothing where that is not known.
fn with_member(before: &Value, key: &Value, value: &Value) -> Option<Value> {
    let ValueKind::Map(pairs) = &before.kind else { return None };
    key.known_text()?;
    let pairs = pairs.iter().cloned().chain([(key.clone(), value.clone())]).collect();
    Some(Value { span: before.span, kind: ValueKind::map(pairs) })
}

/// Returns where a list or map is kept.
fn place(value: &Value) -> Option<*const ()> {
    match &value.kind {
        ValueKind::List(items) => Some(Rc::as_ptr(items).cast()),
        ValueKind::Map(items) => Some(Rc::as_ptr(items).cast()),
        _ => None,
    }
}

/// Returns the names that steps give values, or whose values they change.
pub(super) fn written(steps: &[Step], language: &Language) -> Vec<String> {
    let mut found = Found::default();
    found.steps(steps, language);
    found.written
}

/// Returns the names of the variables around a function that it gives values or changes.
pub(super) fn written_outside(function: &Function, language: &Language) -> Vec<String> {
    let mut found = Found::default();
    found.function(function, language);
    if function.is_open { found.written } else { found.outer }
}

/// The names that a part of a program gives values.
#[derive(Default)]
struct Found {
    written: Vec<String>,
    /// Those that are said to be variables around the function.
    outer: Vec<String>,
    declared: HashSet<String>,
}

impl Found {
    fn function(&mut self, function: &Function, language: &Language) {
        let mut inner = Self::default();
        inner.declared.extend(function.parameters.iter().map(|p| p.name.clone()));
        inner.steps(&function.body, language);
        let Self { written, declared, outer } = inner;
        self.outer.extend(outer);
        self.written.extend(written.into_iter().filter(|name| !declared.contains(name)));
    }

    fn target(&mut self, target: &Target, how: How) {
        let names = match target {
            Target::Name(name) | Target::Item(name, _) => std::slice::from_ref(name),
            Target::Parts(names) | Target::Other(names) => names,
        };
        match how {
            How::Declare => self.declared.extend(names.iter().cloned()),
            How::Set | How::Add => self.written.extend(names.iter().cloned()),
        }
    }

    fn steps(&mut self, steps: &[Step], language: &Language) {
        for step in steps {
            match step {
                Step::Assign { target, how, value } => {
                    self.target(target, *how);
                    self.value(value, language);
                }
                Step::If { then, otherwise, condition } => {
                    self.value(condition, language);
                    self.steps(then, language);
                    self.steps(otherwise, language);
                }
                Step::Loop { target, body, otherwise, over } => {
                    over.iter().for_each(|over| self.value(over, language));
                    self.target(target, How::Set);
                    self.steps(body, language);
                    self.steps(otherwise, language);
                }
                Step::With { body, .. } => self.steps(body, language),
                Step::Try { body, handlers, otherwise, last } => {
                    self.steps(body, language);
                    handlers.iter().for_each(|handler| self.steps(handler, language));
                    self.steps(otherwise, language);
                    self.steps(last, language);
                }
                Step::Run(value) | Step::Look(value) | Step::Return(Some(value)) => {
                    self.value(value, language);
                }
                Step::Outer(names) => self.outer.extend(names.iter().cloned()),
                Step::Define(_)
                | Step::Class { .. }
                | Step::Import(_)
                | Step::Return(None)
                | Step::Leave(_)
                | Step::Other(_) => {}
            }
        }
    }

    fn value(&mut self, value: &super::Expr, language: &Language) {
        match &value.kind {
            ExprKind::Bind(target, inner) => {
                self.target(target, How::Set);
                self.value(inner, language);
            }
            ExprKind::Call(call) => {
                if let ExprKind::Member(object, method) = &call.callee.kind {
                    match &object.kind {
                        ExprKind::Name(name) if (language.change)(method).is_some() => {
                            self.written.push(name.clone());
                        }
                        _ => self.value(object, language),
                    }
                }
                for argument in &call.arguments {
                    self.value(&argument.value, language);
                }
            }
            ExprKind::Function(function) if function.is_open => self.function(function, language),
            ExprKind::Not(inner) | ExprKind::Member(inner, _) | ExprKind::Await(inner) => {
                self.value(inner, language);
            }
            ExprKind::List(all) | ExprKind::Logic(_, all) | ExprKind::Hidden(_, all) => {
                all.iter().for_each(|value| self.value(value, language));
            }
            ExprKind::Equal(one, other, _) | ExprKind::Item(one, other) => {
                self.value(one, language);
                self.value(other, language);
            }
            ExprKind::Choice(all) => all.iter().for_each(|value| self.value(value, language)),
            _ => {}
        }
    }
}
