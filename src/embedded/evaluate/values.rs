//! Expressions: what they come to.

use std::rc::Rc;

use super::super::code::{Each, Expr, ExprKind, How};
use super::super::text::Text;
use super::super::value::{Value, ValueKind, is_equal};
use super::{CONDITION, Doubt, Evaluator, Frame, HIDDEN, LOOP, Role};
use crate::source::Span;

impl<'a> Evaluator<'a> {
    pub(super) fn value(&mut self, expr: &'a Expr, frame: &mut Frame) -> Value {
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
                Some(found) => found.kind,
                None => match self.named_function(name) {
                    Some(number) => ValueKind::Function(number),
                    None => ValueKind::Path(name.clone()),
                },
            },
            ExprKind::Member(object, member) => return self.member(object, member, span, frame),
            ExprKind::List(values) => {
                let first = self.calls_made;
                let values = values.iter().map(|value| self.value(value, frame)).collect();
                self.kept(ValueKind::list(values), first, span, frame)
            }
            ExprKind::Map(pairs) => {
                let first = self.calls_made;
                let pairs = pairs
                    .iter()
                    .map(|(key, value)| (self.value(key, frame), self.value(value, frame)));
                let pairs = pairs.collect();
                self.kept(ValueKind::map(pairs), first, span, frame)
            }
            ExprKind::Call(call) => return self.call(call, span, frame),
            ExprKind::Join(parts) => {
                let parts = parts.iter().map(|part| self.value(part, frame)).collect();
                return self.join(parts, span, frame);
            }
            ExprKind::Equal(left, right, wanted) => {
                let (left, right) = (self.used(left, frame), self.used(right, frame));
                match is_equal(&left, &right) {
                    Some(equal) => ValueKind::Bool(equal == *wanted),
                    None => open("comparison"),
                }
            }
            ExprKind::Not(inner) => {
                let inner = self.used(inner, frame);
                match self.truth(&inner) {
                    Some(value) => ValueKind::Bool(!value),
                    None => open("condition"),
                }
            }
            ExprKind::Logic(all, sides) => return self.logic(*all, sides, span, frame),
            ExprKind::Function(function) => ValueKind::Function(self.close(function, frame)),
            ExprKind::Item(object, key) => {
                let (object, key) = (self.used(object, frame), self.used(key, frame));
                return item(&object, &key).unwrap_or(Value {
                    span,
                    kind: open("an element that is looked up at run time"),
                });
            }
            ExprKind::Choice(choice) => {
                let [condition, then, otherwise] = choice.as_ref();
                let condition = self.used(condition, frame);
                match self.truth(&condition) {
                    Some(true) => return self.value(then, frame),
                    Some(false) => return self.value(otherwise, frame),
                    None => {
                        let doubt = Doubt { why: CONDITION, at: condition.span };
                        self.perhaps(doubt, then, frame);
                        self.perhaps(doubt, otherwise, frame);
                        open("a choice that is made at run time")
                    }
                }
            }
            ExprKind::Bind(target, value) => {
                let value = self.value(value, frame);
                self.assign(target, value.clone(), How::Set, frame);
                return value;
            }
            ExprKind::Each(each) => self.each(each, frame),
            ExprKind::Await(inner) => {
                let value = self.value(inner, frame);
                self.emit(&value, Role::Value, frame);
                return value;
            }
            ExprKind::Unknown(what) => open(what),
            ExprKind::Hidden(what, inner) => {
                for expr in inner {
                    self.perhaps(Doubt { why: HIDDEN, at: span }, expr, frame);
                }
                open(what)
            }
            ExprKind::Unread => {
                self.unread(span, frame);
                open("an expression that is nested too deeply")
            }
        };
        Value { span, kind }
    }

    /// Notes that calls are lost in a list or map with too much in it.
    fn kept(&mut self, kind: ValueKind, first: usize, span: Span, frame: &Frame) -> ValueKind {
        if matches!(kind, ValueKind::Open(_)) && self.calls_made > first {
            self.unread(span, frame);
        }
        kind
    }

    /// Returns what an expression comes to of which only the value is used.
    pub(super) fn used(&mut self, expr: &'a Expr, frame: &mut Frame) -> Value {
        let value = self.value(expr, frame);
        self.emit(&value, Role::Part, frame);
        value
    }

    /// Follows an expression of which it is not known whether it is evaluated.
    fn perhaps(&mut self, doubt: Doubt, expr: &'a Expr, frame: &mut Frame) -> Value {
        let outer = frame.doubt;
        let written = frame.written.len();
        frame.doubt = outer.or(Some(doubt));
        let value = self.used(expr, frame);
        frame.doubt = outer;
        for name in frame.written.get(written..).unwrap_or_default().to_vec() {
            self.open(&name, frame);
        }
        value
    }

    /// Returns the number of a function at the top of the file.
    fn named_function(&mut self, name: &str) -> Option<usize> {
        let (name, function) = self.functions.get_key_value(name).map(|(n, f)| (*n, *f))?;
        if let Some(number) = self.named.get(name) {
            return Some(*number);
        }
        let number = self.closures.len();
        let locals = Rc::default();
        self.closures.push(super::Closure { function, locals, frame: 0 });
        self.named.insert(name, number);
        Some(number)
    }

    fn member(&mut self, object: &'a Expr, member: &str, span: Span, frame: &mut Frame) -> Value {
        let known = match &object.kind {
            ExprKind::Member(_, last) | ExprKind::Name(last) => {
                (self.surroundings.member)(last, member)
            }
            _ => None,
        };
        // A call is made even if only a part of what it returns is asked for.
        let object = self.value(object, frame);
        self.emit(&object, Role::Value, frame);
        let kind = match (known, &object.kind) {
            (Some(known), _) => ValueKind::Text(Text::translated(known, span)),
            (None, ValueKind::Path(path)) => {
                let path = format!("{path}.{member}");
                let field = path.strip_prefix("this.").and(self.globals.get(&path));
                match field {
                    Some(field) => return field.clone(),
                    None => ValueKind::Path(path),
                }
            }
            (None, _) => {
                let found = object.get(member).filter(|_| self.surroundings.language.has_members);
                match found {
                    Some(value) => value.kind.clone(),
                    None => ValueKind::Open(member.to_owned()),
                }
            }
        };
        Value { span, kind }
    }

    /// Evaluates `and` and `or`, whose later sides are evaluated only where the earlier ones leave it open.
    fn logic(&mut self, all: bool, sides: &'a [Expr], span: Span, frame: &mut Frame) -> Value {
        let mut doubt: Option<Doubt> = None;
        let mut is_open = false;
        let mut last = Value { span, kind: ValueKind::Bool(all) };
        for side in sides {
            last = match doubt {
                Some(doubt) => self.perhaps(doubt, side, frame),
                None => self.used(side, frame),
            };
            match self.truth(&last) {
                // It decides the whole, whatever those before are.
                Some(truth) if truth != all => {
                    let kind = ValueKind::Bool(truth);
                    return if is_open { Value { span, kind } } else { last };
                }
                Some(_) => {}
                None => {
                    is_open = true;
                    doubt = doubt.or(Some(Doubt { why: CONDITION, at: side.span }));
                }
            }
        }
        match is_open {
            true => Value { span, kind: ValueKind::Open("condition".to_owned()) },
            false => last,
        }
    }

    /// Makes a list of another one.
    fn each(&mut self, each: &'a Each, frame: &mut Frame) -> ValueKind {
        let open = || ValueKind::Open("a list that is made at run time".to_owned());
        let over = self.used(&each.over, frame);
        let before = frame.locals.clone();
        self.spend(before.len());
        let kind = match over.list() {
            None => {
                self.open_target(&each.target, frame);
                let doubt = Doubt { why: LOOP, at: over.span };
                for condition in &each.conditions {
                    self.perhaps(doubt, condition, frame);
                }
                self.perhaps(doubt, &each.element, frame);
                open()
            }
            Some(values) => {
                let mut made = Vec::new();
                let mut is_open = false;
                for value in values {
                    if !self.spend(1) {
                        break;
                    }
                    self.assign(&each.target, value.clone(), How::Declare, frame);
                    let conditions = each.conditions.iter();
                    let truths: Vec<Option<bool>> = conditions
                        .map(|condition| {
                            let value = self.used(condition, frame);
                            self.truth(&value)
                        })
                        .collect();
                    if truths.contains(&Some(false)) {
                        continue;
                    }
                    if truths.contains(&None) {
                        is_open = true;
                        let doubt = Doubt { why: CONDITION, at: over.span };
                        self.perhaps(doubt, &each.element, frame);
                    } else {
                        made.push(self.used(&each.element, frame));
                    }
                }
                if is_open { open() } else { ValueKind::list(made) }
            }
        };
        frame.locals = before;
        kind
    }

    pub(super) fn join(&mut self, parts: Vec<Value>, span: Span, frame: &Frame) -> Value {
        let is_list = |part: &Value| matches!(part.kind, ValueKind::List(_));
        if !parts.is_empty() && parts.iter().all(is_list) {
            let all: Vec<Value> =
                parts.iter().filter_map(Value::list).flat_map(<[Value]>::to_vec).collect();
            self.spend(all.len());
            return Value { span, kind: ValueKind::list(all) };
        }
        parts.iter().for_each(|part| self.emit(part, Role::Part, frame));
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
}

/// Returns an element of a list or a map.
fn item(object: &Value, key: &Value) -> Option<Value> {
    match (&object.kind, &key.kind) {
        (ValueKind::List(values), ValueKind::Number(number)) => {
            let at: i64 = number.parse().ok()?;
            let at = if at < 0 { at + i64::try_from(values.len()).ok()? } else { at };
            values.get(usize::try_from(at).ok()?).cloned()
        }
        (ValueKind::Map(pairs), ValueKind::Text(_)) => {
            // A key that is not known may be this one.
            let is_known = pairs.iter().all(|(key, _)| key.known_text().is_some());
            object.get(&key.known_text()?).filter(|_| is_known).cloned()
        }
        _ => None,
    }
}
