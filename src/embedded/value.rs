//! What expressions of a host language come to.

use std::cell::Cell;
use std::ops::Deref;
use std::rc::Rc;

use super::text::Text;
use crate::source::Span;

/// What an expression comes to.
#[derive(Clone, Debug)]
pub(super) struct Value {
    /// The expression.
    pub span: Span,
    /// What it is.
    pub kind: ValueKind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum ValueKind {
    /// A text, parts of which may be open.
    Text(Text),
    /// A number, as spelled.
    Number(String),
    /// True or false.
    Bool(bool),
    /// The value that stands for none.
    Nothing,
    /// A list.
    List(Rc<Items<Value>>),
    /// Keys and values.
    Map(Rc<Items<(Value, Value)>>),
    /// What a call returns.
    Call(Rc<CallValue>),
    /// Something imported, or a name that is known to the language.
    Path(String),
    /// A function of the file, by its number.
    Function(usize),
    /// Something that is known at run time only: what it is called, or what it is.
    Open(String),
}

/// How deep values may lie inside of one another.
const DEEPEST: usize = 200;

/// How many values may lie inside of one, each counted as often as it is used.
const HEAVIEST: usize = 1024 * 1024;

/// What lies inside of a value, so that nothing need go through what is too much.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// How deep the values lie inside of one another.
    depth: usize,
    /// How many values there are, with itself.
    pub weight: usize,
    /// Whether there is a call among them.
    pub has_calls: bool,
}

impl Size {
    /// Returns the size of what these lie in; nothing if that is too much.
    fn around<'v>(inner: impl Iterator<Item = &'v Value>) -> Option<Self> {
        let mut size = Self { depth: 0, weight: 1, has_calls: false };
        for value in inner {
            let inside = value.size();
            size.depth = size.depth.max(inside.depth);
            size.weight = size.weight.saturating_add(inside.weight);
            size.has_calls |= inside.has_calls;
        }
        size.depth += 1;
        (size.depth <= DEEPEST && size.weight <= HEAVIEST).then_some(size)
    }
}

/// The members of a list or a map.
#[derive(Debug)]
pub(super) struct Items<T> {
    items: Vec<T>,
    size: Size,
}

impl<T> Deref for Items<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl ValueKind {
    /// Makes a list; one with too much in it stays open.
    pub(super) fn list(items: Vec<Value>) -> Self {
        match Size::around(items.iter()) {
            Some(size) => Self::List(Rc::new(Items { items, size })),
            None => Self::Open("a list with too much in it".to_owned()),
        }
    }

    /// Makes a map; one with too much in it stays open.
    pub(super) fn map(items: Vec<(Value, Value)>) -> Self {
        match Size::around(items.iter().flat_map(|(key, value)| [key, value])) {
            Some(size) => Self::Map(Rc::new(Items { items, size })),
            None => Self::Open("a map with too much in it".to_owned()),
        }
    }
}

/// A call with what its arguments come to.
#[derive(Debug)]
pub(super) struct CallValue {
    /// The call.
    pub span: Span,
    /// The full name of what is called, or the name of the method.
    pub name: String,
    /// The object whose method is called.
    pub receiver: Option<Value>,
    /// The arguments.
    pub arguments: Vec<ArgumentValue>,
    size: Size,
    is_taken: Cell<bool>,
}

/// What an argument comes to.
#[derive(Debug)]
pub(super) struct ArgumentValue {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its value.
    pub value: Value,
    /// Whether it stands for any number of arguments that are not known.
    pub is_spread: bool,
}

impl Value {
    /// Returns what lies inside of it.
    pub(super) fn size(&self) -> Size {
        match &self.kind {
            ValueKind::List(items) => items.size,
            ValueKind::Map(items) => items.size,
            ValueKind::Call(call) => call.size,
            _ => Size { depth: 0, weight: 1, has_calls: false },
        }
    }

    /// Returns the outermost calls in it.
    pub(super) fn calls(&self, found: &mut Vec<Rc<CallValue>>) {
        match &self.kind {
            ValueKind::Call(call) => found.push(Rc::clone(call)),
            ValueKind::List(values) if values.size.has_calls => {
                values.iter().for_each(|value| value.calls(found));
            }
            ValueKind::Map(pairs) if pairs.size.has_calls => {
                for (key, value) in pairs.iter() {
                    key.calls(found);
                    value.calls(found);
                }
            }
            _ => {}
        }
    }

    fn reaches(&self, is_it: fn(&str) -> bool) -> bool {
        match &self.kind {
            ValueKind::Path(path) => is_it(path),
            ValueKind::Call(call) => {
                call.receiver.is_none() && is_it(&call.name) || call.reaches(is_it)
            }
            ValueKind::List(values) => values.iter().any(|value| value.reaches(is_it)),
            ValueKind::Map(pairs) => pairs.iter().any(|(_, value)| value.reaches(is_it)),
            _ => false,
        }
    }

    /// Returns the value as a part of a text.
    pub(super) fn as_text(&self) -> Text {
        match &self.kind {
            ValueKind::Text(text) => text.clone(),
            ValueKind::Number(number) if is_plain_integer(number) => {
                Text::translated(number.as_str(), self.span)
            }
            ValueKind::Open(name) | ValueKind::Path(name) => Text::open(name, self.span),
            // `1.0`, `0x10` and nothing at all are another text in each language.
            ValueKind::Number(_)
            | ValueKind::Bool(_)
            | ValueKind::Nothing
            | ValueKind::List(_)
            | ValueKind::Map(_)
            | ValueKind::Call(_)
            | ValueKind::Function(_) => Text::open("value", self.span),
        }
    }

    /// Returns the text if it is one and all of it is known.
    pub(super) fn known_text(&self) -> Option<String> {
        match &self.kind {
            ValueKind::Text(text) => text.known(),
            _ => None,
        }
    }

    /// Returns the value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        let ValueKind::Map(pairs) = &self.kind else { return None };
        let found =
            pairs.iter().rev().find(|(name, _)| name.known_text().is_some_and(|k| k == key));
        found.map(|(_, value)| value)
    }

    /// Returns the elements of a list.
    pub(super) fn list(&self) -> Option<&[Value]> {
        match &self.kind {
            ValueKind::List(values) => Some(values),
            _ => None,
        }
    }

    /// Returns the call whose result it is.
    pub(super) fn call(&self) -> Option<&Rc<CallValue>> {
        match &self.kind {
            ValueKind::Call(call) => Some(call),
            _ => None,
        }
    }

    /// Returns whether it is true or false.
    pub(super) fn bool(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// Returns whether it stands for none.
    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.kind, ValueKind::Nothing)
    }

    pub(super) fn truth(&self) -> Option<bool> {
        match &self.kind {
            ValueKind::Bool(value) => Some(*value),
            ValueKind::Nothing => Some(false),
            ValueKind::Text(text) => Some(!text.known()?.is_empty()),
            ValueKind::List(values) => Some(!values.is_empty()),
            ValueKind::Map(pairs) => Some(!pairs.is_empty()),
            _ => None,
        }
    }
}

impl CallValue {
    /// Makes a call; nothing where too many lie inside of one another.
    pub(super) fn new(
        span: Span,
        name: String,
        receiver: Option<Value>,
        arguments: Vec<ArgumentValue>,
    ) -> Option<Self> {
        let inner = arguments.iter().map(|argument| &argument.value).chain(&receiver);
        let size = Size { has_calls: true, ..Size::around(inner)? };
        Some(Self { span, name, receiver, arguments, size, is_taken: Cell::new(false) })
    }

    /// Returns the outermost calls that it is made of.
    pub(super) fn inner(&self) -> Vec<Rc<CallValue>> {
        let mut found = Vec::new();
        let receiver = self.receiver.iter();
        for value in receiver.chain(self.arguments.iter().map(|argument| &argument.value)) {
            value.calls(&mut found);
        }
        found
    }

    /// Returns whether it is given, or is made of, something that is imported of which this is true.
    pub(super) fn reaches(&self, is_it: fn(&str) -> bool) -> bool {
        let receiver = self.receiver.iter();
        let inner = receiver.chain(self.arguments.iter().map(|argument| &argument.value));
        inner.into_iter().any(|value| value.reaches(is_it))
    }

    /// Returns the argument at a place, from 0.
    pub(super) fn positional(&self, place: usize) -> Option<&Value> {
        let plain = self.arguments.iter().take_while(|argument| !argument.is_spread);
        let mut plain = plain.filter(|argument| argument.name.is_none());
        plain.nth(place).map(|argument| &argument.value)
    }

    /// Returns the argument of that name.
    pub(super) fn named(&self, name: &str) -> Option<&Value> {
        let found = self.arguments.iter().find(|argument| argument.name.as_deref() == Some(name));
        found.map(|argument| &argument.value)
    }

    /// Returns the argument that may be given by place or by name.
    pub(super) fn argument(&self, place: usize, name: &str) -> Option<&Value> {
        self.positional(place).or_else(|| self.named(name))
    }

    /// Returns whether some of its arguments are not known by place or name.
    pub(super) fn has_spread(&self) -> bool {
        self.arguments.iter().any(|argument| argument.is_spread)
    }

    /// Returns whether nobody has asked this before: each call is made once, however often its result is
    /// used.
    pub(super) fn take(&self) -> bool {
        !self.is_taken.replace(true)
    }
}

/// Puts texts one behind the other, with something between each two.
pub(super) fn joined(values: &[Value], separator: &Text) -> Text {
    let mut out = Text::default();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.append(separator.clone());
        }
        out.append(value.as_text());
    }
    out
}

/// Returns whether two values are equal, where that is known.
pub(super) fn is_equal(left: &Value, right: &Value) -> Option<bool> {
    match (&left.kind, &right.kind) {
        (ValueKind::Text(left), ValueKind::Text(right)) => Some(left.known()? == right.known()?),
        (ValueKind::Bool(left), ValueKind::Bool(right)) => Some(left == right),
        (ValueKind::Nothing, ValueKind::Nothing) => Some(true),
        (ValueKind::Text(_), ValueKind::Nothing) | (ValueKind::Nothing, ValueKind::Text(_)) => {
            Some(false)
        }
        _ => None,
    }
}

/// Returns whether a number is spelled as every language prints it.
fn is_plain_integer(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let is_led_by_zero = digits.len() > 1 && digits.starts_with('0');
    // A longer one may be rounded.
    let is_short = (1..=15).contains(&digits.len());
    is_short && !is_led_by_zero && digits.bytes().all(|byte| byte.is_ascii_digit())
}
