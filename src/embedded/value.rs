//! What expressions of a host language come to.

use std::cell::Cell;
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
    List(Rc<Vec<Value>>),
    /// Keys and values.
    Map(Rc<Vec<(Value, Value)>>),
    /// What a call returns.
    Call(Rc<CallValue>),
    /// Something imported, or a name that is known to the language.
    Path(String),
    /// A function of the file, by its number.
    Function(usize),
    /// Something that is known at run time only: what it is called, or what it is.
    Open(String),
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
    pub(super) is_taken: Cell<bool>,
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
    /// Returns the value as a part of a text.
    pub(super) fn as_text(&self) -> Text {
        match &self.kind {
            ValueKind::Text(text) => text.clone(),
            ValueKind::Number(number) => Text::translated(number.as_str(), self.span),
            ValueKind::Bool(true) => Text::translated("True", self.span),
            ValueKind::Bool(false) => Text::translated("False", self.span),
            ValueKind::Nothing => Text::translated("None", self.span),
            ValueKind::Open(name) | ValueKind::Path(name) => Text::open(name, self.span),
            ValueKind::List(_)
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
            _ => None,
        }
    }
}

impl CallValue {
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
