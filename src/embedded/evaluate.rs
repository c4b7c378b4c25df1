//! Follows constants, functions and loops of a program to the calls that it makes.
//!
//! What depends on the database or the surroundings stays open, and is never guessed.

mod callbacks;
mod calls;
mod names;
mod steps;
mod values;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::code::{Expr, Function, Module, Step};
use super::value::{CallValue, Value, ValueKind};
use crate::source::Span;

/// How often functions may call one another.
const DEEPEST: usize = 16;

/// How much work is done for one direction of a file, in bytes and steps; what lies behind is not followed.
const BUDGET: usize = 4 * 1024 * 1024;

/// Something that a function does.
#[derive(Debug)]
pub(super) struct Event {
    /// Where it stands.
    pub span: Span,
    /// What is done.
    pub done: Done,
    /// The contexts that it is made in.
    pub contexts: Vec<Value>,
    /// Why it is not known whether, or how often, it is done.
    pub doubt: Option<Doubt>,
}

impl Event {
    /// Returns the call that it is.
    pub(super) fn call(&self) -> Option<&Rc<CallValue>> {
        match &self.done {
            Done::Call(call, _) => Some(call),
            Done::Unread(_) => None,
        }
    }

    /// Returns whether it is only what a part of an expression needs.
    pub(super) fn is_part(&self) -> bool {
        matches!(self.done, Done::Call(_, Role::Part))
    }
}

/// What is done.
#[derive(Debug)]
pub(super) enum Done {
    /// A call.
    Call(Rc<CallValue>, Role),
    /// Something that is not followed, with the reason.
    Unread(&'static str),
}

/// What a call stands there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// What it does.
    Statement,
    /// What it returns.
    Value,
    /// What a part of an expression needs of it.
    Part,
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
    /// The language.
    pub language: &'static Language,
    /// What a call of the language's own functions returns.
    pub builtin: fn(&CallValue) -> Option<Value>,
    /// What a member of something that only run time shows is: it is given the last two names.
    pub member: fn(&str, &str) -> Option<&'static str>,
}

/// What languages do not have in common.
pub(super) struct Language {
    /// Whether an empty text counts as false.
    pub empty_text_is_false: bool,
    /// Whether an empty list or map counts as false.
    pub empty_list_is_false: bool,
    /// Whether the values of a map are its members too.
    pub has_members: bool,
    /// What a method does to what it is called on; nothing where it changes nothing.
    pub change: fn(&str) -> Option<Change>,
    /// Whether a function changes what it is given first.
    pub changes_first: fn(&str) -> bool,
}

/// What a method does to a list or map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Adds its arguments at the end.
    Push,
    /// Adds what its argument holds.
    Extend,
    /// Something else.
    Other,
}

/// What becomes of a function that a call is given.
pub(super) enum Callback {
    /// Nobody knows: what it does is in doubt.
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
    /// It does not run.
    Never,
}

/// A function with the variables around it.
struct Closure<'a> {
    function: &'a Function,
    locals: Rc<HashMap<String, Value>>,
    /// The frame that it was made in.
    frame: usize,
}

/// A class.
#[derive(Clone, Copy)]
struct Class<'a> {
    name: &'a str,
    parents: &'a [Expr],
    body: &'a [Step],
    span: Span,
}

/// A program that is being followed.
pub(super) struct Evaluator<'a> {
    /// What becomes of functions that calls are given.
    pub callback: fn(&CallValue) -> Callback,
    /// Whether the function that was run last may end in an error that it raises itself.
    pub has_raised: bool,
    closures: Vec<Closure<'a>>,
    /// The functions at the top of the file that are closures too, because something names them.
    named: HashMap<&'a str, usize>,
    methods: HashMap<&'a str, &'a Function>,
    functions: HashMap<&'a str, &'a Function>,
    classes: Vec<Class<'a>>,
    globals: HashMap<String, Value>,
    /// Lists and maps that have been changed: what they held before is true no more.
    changed: HashMap<*const (), Value>,
    /// Variables that have been changed since functions were made that know them, by frame.
    replaced: HashSet<(usize, String)>,
    surroundings: Surroundings,
    events: Vec<Event>,
    budget: usize,
    frames: usize,
    /// How many calls have been made that are not followed.
    calls_made: usize,
}

/// What a frame follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum Scope {
    /// A file.
    Module,
    /// A class.
    Class,
    /// A function.
    #[default]
    Function,
}

/// A function that is being followed.
#[derive(Default)]
struct Frame {
    /// Its number.
    number: usize,
    scope: Scope,
    /// Whether it shares its variables with what is around it.
    is_open: bool,
    locals: HashMap<String, Value>,
    /// Names that are those of variables around it.
    outer: HashSet<String>,
    /// The names that were given a value, in this order.
    written: Vec<String>,
    has_closures: bool,
    contexts: Vec<Value>,
    /// Why it is not known whether this part is run.
    doubt: Option<Doubt>,
    /// Why it is not known whether something before has ended the function.
    ended: Option<Doubt>,
    /// Why it is not known whether something before has ended the loop, the round or the attempt.
    left: Option<Doubt>,
    /// How many attempts that catch errors are around.
    attempts: usize,
    /// Whether only what is known to send something counts.
    is_quiet: bool,
    depth: usize,
}

impl Frame {
    /// Returns why it is not known whether what comes next is run.
    fn doubt(&self) -> Option<Doubt> {
        self.doubt.or(self.ended).or(self.left)
    }
}

/// How a step ends.
enum Flow {
    Next,
    Return(Option<Value>),
    Leave(super::code::Leave),
    /// The budget is spent.
    Stop,
}

const CONDITION: &str = "only run time knows whether the condition holds under which it runs";
const LOOP: &str = "only run time knows the values over which a loop runs it";
const SOMETIMES: &str = "it runs only where something else has failed";
const REACHED: &str = "only run time knows whether it is reached, because what stands before it may end the function or the loop";
const HIDDEN: &str = "only run time knows whether, or how often, the expression around it makes it";
const CALLED: &str =
    "only run time knows whether, or how often, the function is called in which it stands";
const NOT_READ: &str = "it is written in a way that is not read";
const TOO_MUCH: &str = "the file does more than is followed, and nothing from here on was analysed";

impl<'a> Evaluator<'a> {
    /// Follows what a module does when it is loaded.
    pub(super) fn new(module: &'a Module, surroundings: Surroundings) -> Self {
        let mut evaluator = Self {
            callback: |_| Callback::Unknown,
            has_raised: false,
            closures: Vec::new(),
            named: HashMap::new(),
            methods: HashMap::new(),
            functions: HashMap::new(),
            classes: Vec::new(),
            globals: HashMap::new(),
            changed: HashMap::new(),
            replaced: HashSet::new(),
            surroundings,
            events: Vec::new(),
            budget: BUDGET,
            frames: 0,
            calls_made: 0,
        };
        evaluator.declare(&module.steps);
        let mut frame = evaluator.frame(Scope::Module);
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
                    self.classes.push(Class { name, parents, body, span: *span });
                }
                Step::If { then, otherwise, .. } => {
                    self.declare(otherwise);
                    self.declare(then);
                }
                Step::Try { body, handlers, .. } => {
                    handlers.iter().for_each(|handler| self.declare(handler));
                    self.declare(body);
                }
                _ => {}
            }
        }
    }

    fn frame(&mut self, scope: Scope) -> Frame {
        self.frames += 1;
        Frame { number: self.frames, scope, ..Frame::default() }
    }

    /// Returns what a name at the top of the file stands for.
    pub(super) fn global(&self, name: &str) -> Option<&Value> {
        self.globals.get(name)
    }

    /// Returns a function at the top of the file.
    pub(super) fn function(&self, name: &str) -> Option<&'a Function> {
        // A value that it was given since is what the name stands for.
        match self.globals.get(name).map(|value| &value.kind) {
            Some(ValueKind::Function(number)) => {
                self.closures.get(*number).map(|closure| closure.function)
            }
            Some(ValueKind::Open(_)) => None,
            _ => self.functions.get(name).copied(),
        }
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
        // What one direction does to the variables of the file is over before the next is run.
        let (globals, changed) = (self.globals.clone(), self.changed.clone());
        let mut frame = self.frame(Scope::Function);
        frame.is_open = function.is_open;
        frame.doubt = function.doubt.map(|why| Doubt { why, at: function.span });
        for (parameter, kind) in function.parameters.iter().zip(arguments) {
            let value = Value { span: function.span, kind: kind.clone() };
            frame.locals.insert(parameter.name.clone(), value);
        }
        self.events.clear();
        self.has_raised = false;
        self.budget = BUDGET;
        self.steps(&function.body, &mut frame);
        if self.is_exhausted() {
            let span = self.events.last().map_or(function.span, |event| event.span);
            let done = Done::Unread(TOO_MUCH);
            self.events.push(Event { span, done, contexts: Vec::new(), doubt: None });
        }
        (self.globals, self.changed) = (globals, changed);
        std::mem::take(&mut self.events)
    }

    /// Returns the names that a class gives values, for the first class that `is_it` accepts by its name
    /// and the full names of its parents; and where it stands.
    pub(super) fn class(
        &mut self,
        is_it: impl Fn(&str, &[String]) -> bool,
    ) -> Option<(HashMap<String, Value>, Span)> {
        for Class { name, parents, body, span } in self.classes.clone() {
            let mut frame = self.frame(Scope::Class);
            let parents: Vec<String> = parents
                .iter()
                .filter_map(|parent| match self.value(parent, &mut frame).kind {
                    ValueKind::Path(path) => Some(path),
                    _ => None,
                })
                .collect();
            if is_it(name, &parents) {
                self.budget = BUDGET;
                self.steps(body, &mut frame);
                self.events.clear();
                return Some((frame.locals, span));
            }
        }
        None
    }

    /// Returns whether there was more to follow than is followed.
    pub(super) fn is_exhausted(&self) -> bool {
        self.budget == 0
    }

    /// Takes work out of the budget; returns whether there was enough.
    fn spend(&mut self, amount: usize) -> bool {
        self.budget = self.budget.saturating_sub(amount);
        self.budget > 0
    }

    fn unread(&mut self, span: Span, frame: &Frame) {
        let contexts = frame.contexts.clone();
        let done = Done::Unread(NOT_READ);
        self.events.push(Event { span, done, contexts, doubt: frame.doubt() });
    }

    /// Notes a call, or those that lie in a list or a map.
    fn emit(&mut self, value: &Value, role: Role, frame: &Frame) {
        let size = value.size();
        if !size.has_calls || !self.spend(size.weight) {
            return;
        }
        let is_call = value.call().is_some();
        let role = if frame.is_quiet || !is_call { Role::Part } else { role };
        let mut calls = Vec::new();
        value.calls(&mut calls);
        for call in calls {
            let span = if is_call { value.span } else { call.span };
            let contexts = frame.contexts.clone();
            let done = Done::Call(call, role);
            self.events.push(Event { span, done, contexts, doubt: frame.doubt() });
        }
    }

    /// Returns whether a value counts as true.
    fn truth(&self, value: &Value) -> Option<bool> {
        let language = self.surroundings.language;
        match &value.kind {
            ValueKind::Text(_) if !language.empty_text_is_false => Some(true),
            ValueKind::List(_) | ValueKind::Map(_) if !language.empty_list_is_false => Some(true),
            _ => value.truth(),
        }
    }
}
