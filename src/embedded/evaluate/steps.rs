//! Statements: what is done, in which order, and what may not be reached.

use super::super::code::{Expr, ExprKind, How, Leave, Step, Target};
use super::super::value::{Value, ValueKind};
use super::{
    CONDITION, Closure, Doubt, Evaluator, Flow, Frame, LOOP, REACHED, Role, SOMETIMES, Scope,
};
use crate::source::Span;

/// A part of a program that is run or not.
#[derive(Clone, Copy)]
enum Part<'a> {
    Steps(&'a [Step]),
    Run(&'a Expr),
}

impl<'a> Evaluator<'a> {
    pub(super) fn steps(&mut self, steps: &'a [Step], frame: &mut Frame) -> Flow {
        for step in steps {
            if !self.spend(1) {
                return Flow::Stop;
            }
            match self.step(step, frame) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    fn step(&mut self, step: &'a Step, frame: &mut Frame) -> Flow {
        match step {
            Step::Run(value) => return self.run_value(value, frame),
            Step::Look(value) => {
                let value = self.value(value, frame);
                self.emit(&value, Role::Part, frame);
            }
            Step::Assign { target, value, how } => {
                let value = self.value(value, frame);
                self.emit(&value, Role::Value, frame);
                self.assign(target, value, *how, frame);
            }
            Step::Outer(names) => frame.outer.extend(names.iter().cloned()),
            Step::If { condition, then, otherwise } => {
                let condition = self.value(condition, frame);
                self.emit(&condition, Role::Value, frame);
                let (then, otherwise) = (Part::Steps(then), Part::Steps(otherwise));
                return self.branch(&condition, then, otherwise, frame);
            }
            Step::Loop { target, over, body, otherwise } => {
                let values = over.as_ref().map(|over| self.value(over, frame));
                return match values.as_ref().and_then(Value::list) {
                    Some(values) => self.rounds(target, values, body, otherwise, frame),
                    None => self.unknown_rounds(target, values.as_ref(), body, otherwise, frame),
                };
            }
            Step::With { contexts, body } => {
                let outer = frame.contexts.len();
                for (context, target) in contexts {
                    let value = self.value(context, frame);
                    self.emit(&value, Role::Statement, frame);
                    if let Some(target) = target {
                        self.assign(target, value.clone(), How::Set, frame);
                    }
                    frame.contexts.push(value);
                }
                let flow = self.steps(body, frame);
                frame.contexts.truncate(outer);
                return flow;
            }
            Step::Try { body, handlers, otherwise, last } => {
                return self.attempt(body, handlers, otherwise, last, frame);
            }
            Step::Import(names) => {
                for (name, path) in names {
                    let kind = ValueKind::Path(path.clone());
                    let value = Value { span: Span::default(), kind };
                    self.set(name, value, How::Declare, frame);
                }
            }
            Step::Return(value) => {
                let value = value.as_ref().map(|value| self.value(value, frame));
                if let Some(value) = &value {
                    self.emit(value, Role::Value, frame);
                }
                return Flow::Return(value);
            }
            Step::Leave(leave) => {
                self.has_raised |= *leave == Leave::Raise;
                return Flow::Leave(*leave);
            }
            Step::Define(function) => {
                if frame.scope == Scope::Function {
                    let number = self.close(function, frame);
                    let value = Value { span: function.span, kind: ValueKind::Function(number) };
                    self.set(&function.name, value, How::Declare, frame);
                }
            }
            Step::Class { .. } => {}
            Step::Other(span) => self.unread(*span, frame),
        }
        Flow::Next
    }

    /// Makes a value of a function, with the variables that it knows.
    pub(super) fn close(&mut self, function: &'a super::Function, frame: &mut Frame) -> usize {
        // Nobody knows how often it has given them a value when something asks.
        for name in super::names::written_outside(function, self.surroundings.language) {
            if frame.locals.contains_key(&name) {
                self.forget(&name, frame);
            }
        }
        self.spend(frame.locals.len());
        frame.has_closures = true;
        let locals = std::rc::Rc::new(frame.locals.clone());
        self.closures.push(Closure { function, locals, frame: frame.number });
        self.closures.len() - 1
    }

    /// Runs an expression that stands as a statement.
    fn run_value(&mut self, expr: &'a Expr, frame: &mut Frame) -> Flow {
        match &expr.kind {
            ExprKind::Choice(choice) => {
                let [condition, then, otherwise] = choice.as_ref();
                let condition = self.value(condition, frame);
                self.emit(&condition, Role::Value, frame);
                self.branch(&condition, Part::Run(then), Part::Run(otherwise), frame)
            }
            ExprKind::Await(inner) => self.run_value(inner, frame),
            ExprKind::Logic(all, sides) if sides.len() == 2 => {
                let condition = self.value(&sides[0], frame);
                self.emit(&condition, Role::Value, frame);
                let (run, skip) = (Part::Run(&sides[1]), Part::Steps(&[]));
                let (then, otherwise) = if *all { (run, skip) } else { (skip, run) };
                self.branch(&condition, then, otherwise, frame)
            }
            _ => {
                let value = self.value(expr, frame);
                self.emit(&value, Role::Statement, frame);
                Flow::Next
            }
        }
    }

    fn part(&mut self, part: Part<'a>, frame: &mut Frame) -> Flow {
        match part {
            Part::Steps(steps) => self.steps(steps, frame),
            Part::Run(expr) => self.run_value(expr, frame),
        }
    }

    fn branch(
        &mut self,
        condition: &Value,
        then: Part<'a>,
        otherwise: Part<'a>,
        frame: &mut Frame,
    ) -> Flow {
        match self.truth(condition) {
            Some(true) => self.part(then, frame),
            Some(false) => self.part(otherwise, frame),
            None => {
                let doubt = Doubt { why: CONDITION, at: condition.span };
                let flows = [then, otherwise].map(|part| self.in_doubt(doubt, part, frame));
                let [then, otherwise] = flows;
                match (then, otherwise) {
                    (Flow::Stop, _) | (_, Flow::Stop) => Flow::Stop,
                    (Flow::Return(_), Flow::Return(_)) => Flow::Return(None),
                    (Flow::Leave(one), Flow::Leave(other)) if one == other => Flow::Leave(one),
                    (one, other) => {
                        self.note(&one, condition.span, frame);
                        self.note(&other, condition.span, frame);
                        Flow::Next
                    }
                }
            }
        }
    }

    /// Notes that what comes next is perhaps not reached, because of a part that is perhaps run.
    ///
    /// An error that nobody catches undoes what was done: what comes next is run wherever the migration
    /// succeeds.
    fn note(&mut self, flow: &Flow, at: Span, frame: &mut Frame) {
        let doubt = Some(Doubt { why: REACHED, at });
        match flow {
            Flow::Next | Flow::Stop => {}
            Flow::Return(_) => frame.ended = frame.ended.or(doubt),
            Flow::Leave(Leave::Raise) if frame.attempts == 0 => {}
            Flow::Leave(_) => frame.left = frame.left.or(doubt),
        }
    }

    /// Runs a part of which it is not known whether it is run; returns how it ends if it is.
    fn in_doubt(&mut self, doubt: Doubt, part: Part<'a>, frame: &mut Frame) -> Flow {
        let outer = frame.doubt;
        let before = (frame.ended, frame.left);
        let written = frame.written.len();
        frame.doubt = outer.or(Some(doubt));
        let flow = self.part(part, frame);
        frame.doubt = outer;
        // What may end the function inside of it may end it.
        frame.ended = before.0.or(frame.ended);
        frame.left = before.1.or(frame.left);
        for name in frame.written.get(written..).unwrap_or_default().to_vec() {
            self.open(&name, frame);
        }
        flow
    }

    /// Runs the body of a loop for each value.
    fn rounds(
        &mut self,
        target: &'a Target,
        values: &[Value],
        body: &'a [Step],
        otherwise: &'a [Step],
        frame: &mut Frame,
    ) -> Flow {
        let outer = frame.left;
        let mut is_broken = false;
        let mut may_be_broken = None;
        for value in values {
            if !self.spend(1) {
                return Flow::Stop;
            }
            frame.left = outer.or(may_be_broken);
            self.assign(target, value.clone(), How::Set, frame);
            match self.steps(body, frame) {
                Flow::Next | Flow::Leave(Leave::Continue) => {}
                Flow::Leave(Leave::Break) => {
                    is_broken = true;
                    break;
                }
                other => {
                    frame.left = outer;
                    return other;
                }
            }
            may_be_broken = may_be_broken.or(frame.left);
        }
        frame.left = outer.or(may_be_broken);
        let flow = if is_broken { Flow::Next } else { self.steps(otherwise, frame) };
        frame.left = outer;
        flow
    }

    /// Runs the body of a loop whose values are not known.
    fn unknown_rounds(
        &mut self,
        target: &'a Target,
        over: Option<&Value>,
        body: &'a [Step],
        otherwise: &'a [Step],
        frame: &mut Frame,
    ) -> Flow {
        if let Some(over) = over {
            self.emit(over, Role::Value, frame);
        }
        // A later round sees what an earlier one has done.
        for name in super::names::written(body, self.surroundings.language) {
            self.open(&name, frame);
        }
        self.open_target(target, frame);
        let at = over.map(|over| over.span).unwrap_or_default();
        let outer = frame.left;
        let flow = self.in_doubt(Doubt { why: LOOP, at }, Part::Steps(body), frame);
        let may_be_broken = frame.left;
        frame.left = outer;
        match flow {
            Flow::Stop => return Flow::Stop,
            Flow::Return(_) | Flow::Leave(Leave::Raise) => self.note(&flow, at, frame),
            Flow::Next | Flow::Leave(_) => {}
        }
        let kept = frame.left;
        frame.left = kept.or(may_be_broken);
        let flow = self.steps(otherwise, frame);
        frame.left = kept;
        flow
    }

    /// Runs a part in which errors are caught.
    fn attempt(
        &mut self,
        body: &'a [Step],
        handlers: &'a [Vec<Step>],
        otherwise: &'a [Step],
        last: &'a [Step],
        frame: &mut Frame,
    ) -> Flow {
        let (ended, outer) = (frame.ended, frame.left);
        let catches = usize::from(!handlers.is_empty());
        frame.attempts += catches;
        let mut flow = self.steps(body, frame);
        frame.attempts -= catches;
        if catches > 0 {
            frame.left = outer;
            if let Flow::Leave(Leave::Raise) = flow {
                flow = Flow::Next;
            } else if let Flow::Next = flow {
                flow = self.steps(otherwise, frame);
            }
        }
        for handler in handlers {
            let doubt = Doubt { why: SOMETIMES, at: Span::default() };
            let ended = self.in_doubt(doubt, Part::Steps(handler), frame);
            self.note(&ended, Span::default(), frame);
            if let Flow::Stop = ended {
                return Flow::Stop;
            }
        }
        // This is run whatever has ended the rest.
        let after = (frame.ended, frame.left);
        (frame.ended, frame.left) = (ended, outer);
        let end = self.steps(last, frame);
        frame.ended = after.0.or(frame.ended);
        frame.left = after.1.or(frame.left);
        match end {
            Flow::Next => flow,
            other => other,
        }
    }
}
