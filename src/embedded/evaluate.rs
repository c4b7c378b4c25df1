//! Follows constants, functions and loops of a program to the calls that it makes.
//!
//! What depends on the database or the surroundings stays open, and is never guessed.

mod callbacks;

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;

use super::code::{Call, Expr, ExprKind, Function, Module, Step};
use super::text::Text;
use super::value::{ArgumentValue, CallValue, Value, ValueKind, is_equal};
use crate::source::Span;

/// How often functions may call one another.
const DEEPEST: usize = 16;

/// How much work is done for one file, in bytes and steps; what lies behind stays open.
const BUDGET: usize = 1024 * 1024;

/// Something that a function does.
#[derive(Debug)]
pub(super) struct Event {
    /// Where it stands.
    pub span: Span,
    /// The call; nothing where the step is not read.
    pub call: Option<Rc<CallValue>>,
    /// The contexts that it is made in.
    pub contexts: Vec<Value>,
    /// Why it is not known whether, or how often, it is done.
    pub doubt: Option<Doubt>,
    /// Whether the call stands there for what it does, not for what it returns.
    pub is_statement: bool,
}

/// Why it is not known whether, or how often, something is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Doubt {
    /// The reason, as the rest of a sentence about calls.
    pub why: &'static str,
    /// What decides.
    pub at: Span,
}

/// What language and framework know beyond the program.
#[derive(Clone, Copy)]
pub(super) struct Surroundings {
    /// What a call of the language's own functions returns.
    pub builtin: fn(&CallValue) -> Option<Value>,
    /// What a member of something that only run time shows is: it is given the last two names.
    pub member: fn(&str, &str) -> Option<&'static str>,
}

/// What becomes of a function that a call is given.
pub(super) enum Callback {
    /// Nobody knows: it is not followed.
    Unknown,
    /// The call runs it once; its first parameter is this.
    Inside(ValueKind),
    /// The call runs once the last of those that it is given; its first parameter is this.
    InsideLast(ValueKind),
    /// It runs once, behind what the method is called on.
    Behind,
    /// It runs for each element of the list whose method is called.
    Each,
    /// It runs only where something else has failed.
    Sometimes,
}

/// A function with the variables around it.
struct Closure<'a> {
    function: &'a Function,
    locals: Rc<HashMap<String, Value>>,
}

/// A program that is being followed.
pub(super) struct Evaluator<'a> {
    /// What becomes of functions that calls are given.
    pub callback: fn(&CallValue) -> Callback,
    closures: Vec<Closure<'a>>,
    methods: HashMap<&'a str, &'a Function>,
    functions: HashMap<&'a str, &'a Function>,
    classes: Vec<(&'a str, &'a [Expr], &'a [Step], Span)>,
    globals: HashMap<String, Value>,
    surroundings: Surroundings,
    events: Vec<Event>,
    budget: usize,
}

/// A function that is being followed.
#[derive(Default)]
struct Frame {
    locals: HashMap<String, Value>,
    contexts: Vec<Value>,
    doubt: Option<Doubt>,
    depth: usize,
    is_module: bool,
}

/// How a step ends.
enum Flow {
    Next,
    Return(Option<Value>),
}

const CONDITION: &str = "only run time knows whether the condition holds under which it runs";
const LOOP: &str = "only run time knows the values over which a loop runs it";
const SOMETIMES: &str = "it runs only where something else has failed";

impl<'a> Evaluator<'a> {
    /// Follows what a module does when it is loaded.
    pub(super) fn new(module: &'a Module, surroundings: Surroundings) -> Self {
        let mut evaluator = Self {
            callback: |_| Callback::Unknown,
            closures: Vec::new(),
            methods: HashMap::new(),
            functions: HashMap::new(),
            classes: Vec::new(),
            globals: HashMap::new(),
            surroundings,
            events: Vec::new(),
            budget: BUDGET,
        };
        evaluator.declare(&module.steps);
        let mut frame = Frame { is_module: true, ..Frame::default() };
        evaluator.steps(&module.steps, &mut frame);
        evaluator.events.clear();
        evaluator
    }

    /// Makes functions and classes known, wherever at the top of the file they stand.
    fn declare(&mut self, steps: &'a [Step]) {
        for step in steps {
            match step {
                Step::Define(function) => {
                    self.functions.insert(&function.name, function);
                }
                Step::Class { name, parents, body, span } => {
                    self.classes.push((name, parents, body, *span));
                }
                Step::If { then, otherwise, .. } => {
                    self.declare(otherwise);
                    self.declare(then);
                }
                _ => {}
            }
        }
    }

    /// Returns what a name at the top of the file stands for.
    pub(super) fn global(&self, name: &str) -> Option<&Value> {
        self.globals.get(name)
    }

    /// Returns a function at the top of the file.
    pub(super) fn function(&self, name: &str) -> Option<&'a Function> {
        self.functions.get(name).copied()
    }

    /// Returns what a function does.
    pub(super) fn run(&mut self, function: &'a Function) -> Vec<Event> {
        self.run_with(function, &[])
    }

    /// Returns what a function does that is given these arguments.
    pub(super) fn run_with(
        &mut self,
        function: &'a Function,
        arguments: &[ValueKind],
    ) -> Vec<Event> {
        let mut frame = Frame::default();
        for ((name, _), kind) in function.parameters.iter().zip(arguments) {
            let value = Value { span: function.span, kind: kind.clone() };
            frame.locals.insert(name.clone(), value);
        }
        self.events.clear();
        self.steps(&function.body, &mut frame);
        std::mem::take(&mut self.events)
    }

    /// Returns the names that a class gives values, for the first class that `is_it` accepts by its name
    /// and the full names of its parents; and where it stands.
    pub(super) fn class(
        &mut self,
        is_it: impl Fn(&str, &[String]) -> bool,
    ) -> Option<(HashMap<String, Value>, Span)> {
        for (name, parents, body, span) in self.classes.clone() {
            let mut frame = Frame::default();
            let parents: Vec<String> = parents
                .iter()
                .filter_map(|parent| match self.value(parent, &mut frame).kind {
                    ValueKind::Path(path) => Some(path),
                    _ => None,
                })
                .collect();
            if is_it(name, &parents) {
                self.steps(body, &mut frame);
                self.events.clear();
                return Some((frame.locals, span));
            }
        }
        None
    }

    fn spend(&mut self, amount: usize) -> bool {
        self.budget = self.budget.saturating_sub(amount);
        self.budget > 0
    }

    fn steps(&mut self, steps: &'a [Step], frame: &mut Frame) -> Flow {
        for step in steps {
            if !self.spend(1) {
                self.unread(Span::default(), frame);
                return Flow::Next;
            }
            if let Flow::Return(value) = self.step(step, frame) {
                return Flow::Return(value);
            }
        }
        Flow::Next
    }

    fn unread(&mut self, span: Span, frame: &Frame) {
        let contexts = frame.contexts.clone();
        self.events.push(Event {
            span,
            call: None,
            contexts,
            doubt: frame.doubt,
            is_statement: true,
        });
    }

    fn step(&mut self, step: &'a Step, frame: &mut Frame) -> Flow {
        match step {
            Step::Run(value) => {
                let value = self.value(value, frame);
                self.emit(&value, true, frame);
            }
            Step::Assign { names, value, adds } => {
                let value = self.value(value, frame);
                self.emit(&value, false, frame);
                self.assign(names, value, *adds, frame);
            }
            Step::If { condition, then, otherwise } => {
                let condition = self.value(condition, frame);
                self.emit(&condition, false, frame);
                match condition.truth() {
                    Some(true) => return self.steps(then, frame),
                    Some(false) => return self.steps(otherwise, frame),
                    None => {
                        let doubt = Doubt { why: CONDITION, at: condition.span };
                        self.in_doubt(doubt, then, frame);
                        self.in_doubt(doubt, otherwise, frame);
                    }
                }
            }
            Step::Loop { names, over, body } => {
                let over = over.as_ref().map(|over| self.value(over, frame));
                match over.as_ref().and_then(Value::list) {
                    Some(values) => {
                        for value in values {
                            self.assign(names, value.clone(), false, frame);
                            if let Flow::Return(value) = self.steps(body, frame) {
                                return Flow::Return(value);
                            }
                        }
                    }
                    None => {
                        if let Some(over) = &over {
                            self.emit(over, false, frame);
                        }
                        for name in names {
                            self.open(name, frame);
                        }
                        let at = over.as_ref().map(|over| over.span).unwrap_or_default();
                        self.in_doubt(Doubt { why: LOOP, at }, body, frame);
                    }
                }
            }
            Step::With { contexts, body } => {
                let outer = frame.contexts.len();
                for (context, name) in contexts {
                    let value = self.value(context, frame);
                    if let Some(name) = name {
                        self.assign(std::slice::from_ref(name), value.clone(), false, frame);
                    }
                    frame.contexts.push(value);
                }
                let flow = self.steps(body, frame);
                frame.contexts.truncate(outer);
                return flow;
            }
            Step::Sometimes(body) => {
                self.in_doubt(Doubt { why: SOMETIMES, at: Span::default() }, body, frame);
            }
            Step::Import(names) => {
                for (name, path) in names {
                    let kind = ValueKind::Path(path.clone());
                    let value = Value { span: Span::default(), kind };
                    self.assign(std::slice::from_ref(name), value, false, frame);
                }
            }
            Step::Return(value) => {
                let value = value.as_ref().map(|value| self.value(value, frame));
                if let Some(value) = &value {
                    self.emit(value, false, frame);
                }
                return Flow::Return(value);
            }
            Step::Define(_) | Step::Class { .. } => {}
            Step::Other(span) => self.unread(*span, frame),
        }
        Flow::Next
    }

    fn in_doubt(&mut self, doubt: Doubt, steps: &'a [Step], frame: &mut Frame) {
        let outer = frame.doubt;
        frame.doubt = outer.or(Some(doubt));
        // Whether it returns is as doubtful as whether it is run.
        self.steps(steps, frame);
        frame.doubt = outer;
        for name in assigned(steps) {
            self.open(name, frame);
        }
    }

    fn open(&mut self, name: &str, frame: &mut Frame) {
        let is_import =
            matches!(self.lookup(name, frame), Some(Value { kind: ValueKind::Path(_), .. }));
        if !is_import {
            let value = Value { span: Span::default(), kind: ValueKind::Open(name.to_owned()) };
            self.assign(&[name.to_owned()], value, false, frame);
        }
    }

    fn assign(&mut self, names: &[String], value: Value, adds: bool, frame: &mut Frame) {
        let set = |this: &mut Self, name: &String, value: Value, frame: &mut Frame| {
            let scope = if frame.is_module { &mut this.globals } else { &mut frame.locals };
            scope.insert(name.clone(), value);
        };
        match names {
            [] => {}
            [name] if adds => {
                let before = self.lookup(name, frame);
                let span = value.span;
                let parts: Vec<Value> = before.into_iter().chain([value]).collect();
                let value = self.join(parts, span);
                set(self, name, value, frame);
            }
            [name] => set(self, name, value, frame),
            names => {
                let parts = value.list().filter(|parts| parts.len() == names.len());
                for (at, name) in names.iter().enumerate() {
                    let open = Value { span: value.span, kind: ValueKind::Open(name.clone()) };
                    let part = parts.and_then(|parts| parts.get(at)).cloned();
                    set(self, name, part.unwrap_or(open), frame);
                }
            }
        }
    }

    /// Notes a call that a statement makes.
    fn emit(&mut self, value: &Value, is_statement: bool, frame: &Frame) {
        if let ValueKind::Call(call) = &value.kind {
            let (contexts, doubt) = (frame.contexts.clone(), frame.doubt);
            let call = Some(Rc::clone(call));
            self.events.push(Event { span: value.span, call, contexts, doubt, is_statement });
        }
    }

    fn lookup(&mut self, name: &str, frame: &Frame) -> Option<Value> {
        let found = frame.locals.get(name).or_else(|| self.globals.get(name))?.clone();
        let size = match &found.kind {
            ValueKind::Text(text) => text.len(),
            _ => 1,
        };
        if self.spend(size) { Some(found) } else { None }
    }

    fn value(&mut self, expr: &'a Expr, frame: &mut Frame) -> Value {
        let span = expr.span;
        let open = |name: &str| ValueKind::Open(name.to_owned());
        if !self.spend(1) {
            return Value { span, kind: open("value") };
        }
        let kind = match &expr.kind {
            ExprKind::Text(text) => ValueKind::Text(text.clone()),
            ExprKind::Number(number) => ValueKind::Number(number.clone()),
            ExprKind::Bool(value) => ValueKind::Bool(*value),
            ExprKind::Nothing => ValueKind::Nothing,
            ExprKind::Name(name) => match self.lookup(name, frame) {
                // A text keeps the place of its literal; what is made of other things stands here.
                Some(found) => return Value { span, kind: found.kind },
                None if self.functions.contains_key(name.as_str()) => open(name),
                None => ValueKind::Path(name.clone()),
            },
            ExprKind::Member(object, member) => {
                let known = match &object.kind {
                    ExprKind::Member(_, last) | ExprKind::Name(last) => {
                        (self.surroundings.member)(last, member)
                    }
                    _ => None,
                };
                let object = self.value(object, frame);
                // A call is made even if only a part of what it returns is asked for.
                self.emit(&object, false, frame);
                match (known, object.kind) {
                    (Some(known), _) => ValueKind::Text(Text::translated(known, span)),
                    (None, ValueKind::Path(path)) => {
                        let path = format!("{path}.{member}");
                        let field = path.strip_prefix("this.").and(self.globals.get(&path));
                        match field {
                            Some(field) => return field.clone(),
                            None => ValueKind::Path(path),
                        }
                    }
                    (None, _) => open(member),
                }
            }
            ExprKind::List(values) => {
                let values = values.iter().map(|value| self.value(value, frame)).collect();
                ValueKind::List(Rc::new(values))
            }
            ExprKind::Map(pairs) => {
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| (self.value(key, frame), self.value(value, frame)));
                ValueKind::Map(Rc::new(pairs.collect()))
            }
            ExprKind::Call(call) => return self.call(call, span, frame),
            ExprKind::Join(parts) => {
                let parts = parts.iter().map(|part| self.value(part, frame)).collect();
                return self.join(parts, span);
            }
            ExprKind::Equal(left, right, wanted) => {
                let (left, right) = (self.value(left, frame), self.value(right, frame));
                match is_equal(&left, &right) {
                    Some(equal) => ValueKind::Bool(equal == *wanted),
                    None => open("comparison"),
                }
            }
            ExprKind::Not(inner) => match self.value(inner, frame).truth() {
                Some(value) => ValueKind::Bool(!value),
                None => open("condition"),
            },
            ExprKind::Logic(all, sides) => {
                let sides: Vec<Option<bool>> =
                    sides.iter().map(|side| self.value(side, frame).truth()).collect();
                if sides.contains(&Some(!all)) {
                    ValueKind::Bool(!all)
                } else if sides.contains(&None) {
                    open("condition")
                } else {
                    ValueKind::Bool(*all)
                }
            }
            ExprKind::Function(function) => {
                self.spend(frame.locals.len());
                let locals = Rc::new(frame.locals.clone());
                self.closures.push(Closure { function, locals });
                ValueKind::Function(self.closures.len() - 1)
            }
            ExprKind::Unknown(what) => open(what),
        };
        Value { span, kind }
    }

    fn join(&mut self, parts: Vec<Value>, span: Span) -> Value {
        let is_list = |part: &Value| matches!(part.kind, ValueKind::List(_));
        if !parts.is_empty() && parts.iter().all(is_list) {
            let all: Vec<Value> =
                parts.iter().filter_map(Value::list).flat_map(<[Value]>::to_vec).collect();
            self.spend(all.len());
            return Value { span, kind: ValueKind::List(Rc::new(all)) };
        }
        let has_text = parts.iter().any(|part| matches!(part.kind, ValueKind::Text(_)));
        if !has_text {
            return Value { span, kind: ValueKind::Open("a calculation".to_owned()) };
        }
        let mut text = Text::default();
        for part in parts {
            text.append(part.as_text());
        }
        if !self.spend(text.len()) {
            return Value { span, kind: ValueKind::Open("value".to_owned()) };
        }
        Value { span, kind: ValueKind::Text(text) }
    }

    fn call(&mut self, call: &'a Call, span: Span, frame: &mut Frame) -> Value {
        let (receiver, name) = match &call.callee.kind {
            ExprKind::Member(object, method) => match self.value(object, frame) {
                Value { kind: ValueKind::Path(path), .. } => {
                    let own = self.methods.get(method.as_str()).copied();
                    if let Some(function) = own.filter(|_| path == "this") {
                        return self.inline(function, call, span, frame);
                    }
                    (None, format!("{path}.{method}"))
                }
                receiver => (Some(receiver), method.clone()),
            },
            ExprKind::Name(name) => {
                let is_local = frame.locals.contains_key(name) || self.globals.contains_key(name);
                let function = self.functions.get(name.as_str()).copied();
                if let Some(function) = function.filter(|_| !is_local) {
                    return self.inline(function, call, span, frame);
                }
                match self.value(&call.callee, frame).kind {
                    ValueKind::Path(path) => (None, path),
                    ValueKind::Function(number) => {
                        let arguments = self.arguments(call, frame);
                        let given = arguments.into_iter().map(|argument| argument.value).collect();
                        return self.run_closure(number, given, span, frame);
                    }
                    _ => (None, name.clone()),
                }
            }
            _ => match self.value(&call.callee, frame) {
                Value { kind: ValueKind::Function(number), .. } => {
                    return self.run_closure(number, Vec::new(), span, frame);
                }
                callee => (Some(callee), "()".to_owned()),
            },
        };
        let arguments = self.arguments(call, frame);
        let made = CallValue { span, name, receiver, arguments, is_taken: Cell::new(false) };
        let known = (self.surroundings.builtin)(&made);
        known.unwrap_or_else(|| self.with_callbacks(made, frame))
    }

    fn arguments(&mut self, call: &'a Call, frame: &mut Frame) -> Vec<ArgumentValue> {
        let mut arguments = Vec::new();
        for argument in &call.arguments {
            let value = self.value(&argument.value, frame);
            let name = argument.name.clone();
            match &value.kind {
                ValueKind::List(values) if argument.is_spread && name.is_none() => {
                    let each = values.iter().cloned();
                    let spread = |value| ArgumentValue { name: None, value, is_spread: false };
                    arguments.extend(each.map(spread));
                }
                ValueKind::Map(pairs)
                    if argument.is_spread
                        && pairs.iter().all(|(key, _)| key.known_text().is_some()) =>
                {
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

    /// Follows a function of the file; returns what it returns.
    fn inline(
        &mut self,
        function: &'a Function,
        call: &'a Call,
        span: Span,
        frame: &mut Frame,
    ) -> Value {
        let open = Value { span, kind: ValueKind::Open(function.name.clone()) };
        if frame.depth >= DEEPEST || !self.spend(1) {
            self.unread(span, frame);
            return open;
        }
        let arguments = self.arguments(call, frame);
        let mut inner = Frame {
            contexts: frame.contexts.clone(),
            doubt: frame.doubt,
            depth: frame.depth + 1,
            ..Frame::default()
        };
        let is_known = !arguments.iter().any(|argument| argument.is_spread);
        for (at, (name, default)) in function.parameters.iter().enumerate() {
            let given = arguments.iter().filter(|argument| argument.name.is_none()).nth(at);
            let given = given.or_else(|| {
                arguments.iter().find(|argument| argument.name.as_deref() == Some(name))
            });
            let value = match (given.filter(|_| is_known), default) {
                (Some(given), _) => given.value.clone(),
                (None, Some(default)) if is_known => self.value(default, &mut Frame::default()),
                _ => Value { span, kind: ValueKind::Open(name.clone()) },
            };
            inner.locals.insert(name.clone(), value);
        }
        match self.steps(&function.body, &mut inner) {
            // What it returns has been noted where it is returned.
            Flow::Return(Some(value)) => value,
            Flow::Return(None) | Flow::Next => open,
        }
    }
}

/// Returns the names that steps give values.
fn assigned(steps: &[Step]) -> Vec<&String> {
    let mut found = Vec::new();
    for step in steps {
        match step {
            Step::Assign { names, .. } => found.extend(names),
            Step::If { then, otherwise, .. } => {
                found.extend(assigned(then));
                found.extend(assigned(otherwise));
            }
            Step::Loop { names, body, .. } => {
                found.extend(names);
                found.extend(assigned(body));
            }
            Step::With { body, .. } | Step::Sometimes(body) => found.extend(assigned(body)),
            _ => {}
        }
    }
    found
}
