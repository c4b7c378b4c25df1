//! A program as far as migrations need it: what every language module makes of its files.
//!
//! It is small on purpose. What a language has beyond it becomes [`ExprKind::Unknown`] or [`Step::Other`],
//! which is never taken for nothing.

use super::text::Text;
use crate::source::Span;

/// A file.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// What it does when it is loaded.
    pub steps: Vec<Step>,
    /// Its comments, without those inside of literals.
    pub comments: Vec<Span>,
    /// Where its syntax is not that of the language, as far as is known.
    pub errors: Vec<Span>,
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: ExprKind,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub(super) enum ExprKind {
    /// A string literal.
    Text(Text),
    /// A number, as spelled.
    Number(String),
    /// True or false.
    Bool(bool),
    /// The value that stands for none.
    Nothing,
    /// A variable, function or imported thing.
    Name(String),
    /// A member of something.
    Member(Box<Expr>, String),
    /// A list, tuple or set.
    List(Vec<Expr>),
    /// Keys and values.
    Map(Vec<(Expr, Expr)>),
    /// A call.
    Call(Box<Call>),
    /// Texts one behind the other: a concatenation, or a literal with expressions in it.
    Join(Vec<Expr>),
    /// Whether two things are equal; not, where the flag says so.
    Equal(Box<Expr>, Box<Expr>, bool),
    /// The opposite.
    Not(Box<Expr>),
    /// Whether all (`true`) or any (`false`) of some things hold.
    Logic(bool, Vec<Expr>),
    /// A function without a name of its own.
    Function(Box<Function>),
    /// An element of something, by place or key.
    Item(Box<Expr>, Box<Expr>),
    /// What is first if it holds, or else the other.
    Choice(Box<[Expr; 3]>),
    /// A value that something is given on the way.
    Bind(Box<Target>, Box<Expr>),
    /// A list made of another one.
    Each(Box<Each>),
    /// What something comes to once it is done.
    Await(Box<Expr>),
    /// Something else, with what it is, for people.
    Unknown(&'static str),
    /// Something else that may do these things.
    Hidden(&'static str, Vec<Expr>),
    /// Something else that does more than is read.
    Unread,
}

/// A list that is made of another one.
#[derive(Clone, Debug)]
pub(super) struct Each {
    /// What is made of each element.
    pub element: Expr,
    /// What the element is called.
    pub target: Target,
    /// The other list.
    pub over: Expr,
    /// What must hold for the element.
    pub conditions: Vec<Expr>,
}

/// What gets a value.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// A name.
    Name(String),
    /// Several names, each a part of the value.
    Parts(Vec<String>),
    /// An element, by place or key, of what has this name.
    Item(String, Expr),
    /// Something else: of these names nothing is known any more.
    Other(Vec<String>),
}

/// How a target gets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// It has this value from now on.
    Set,
    /// It is a new variable, here and in what lies inside.
    Declare,
    /// The value is added to the one before.
    Add,
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// What is called.
    pub callee: Expr,
    /// With what.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    /// Its name, where it has one.
    pub name: Option<String>,
    /// Its value.
    pub value: Expr,
    /// Whether the value stands for any number of arguments.
    pub is_spread: bool,
}

/// A function.
#[derive(Clone, Debug)]
pub(super) struct Function {
    /// Its name.
    pub name: String,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// What it does.
    pub body: Vec<Step>,
    /// Whether its variables are those around it where they have the same name.
    pub is_open: bool,
    /// Why it is not known whether a call does what stands in it.
    pub doubt: Option<&'static str>,
    /// Where it stands.
    pub span: Span,
}

/// A parameter of a function.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    /// Its name.
    pub name: String,
    /// What it is where a call does not say.
    pub default: Option<Expr>,
    /// Whether it takes all that is left.
    pub is_rest: bool,
}

impl Parameter {
    /// Makes a parameter that takes one value.
    pub(super) fn new(name: &str, default: Option<Expr>) -> Self {
        Self { name: name.to_owned(), default, is_rest: false }
    }

    /// Makes a parameter that takes all that is left.
    pub(super) fn rest(name: &str) -> Self {
        Self { name: name.to_owned(), default: None, is_rest: true }
    }
}

/// How the ordinary course of a function is left, beside a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    /// By an error.
    Raise,
    /// To what stands behind the loop.
    Break,
    /// To the next round of the loop.
    Continue,
}

/// Something that is done.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Evaluates an expression.
    Run(Expr),
    /// Evaluates an expression only for what it is.
    Look(Expr),
    /// Gives something a value.
    Assign {
        /// What gets it.
        target: Target,
        /// The value.
        value: Expr,
        /// How.
        how: How,
    },
    /// Says that names are those of the variables around the function.
    Outer(Vec<String>),
    /// Does one thing or another.
    If {
        /// What decides.
        condition: Expr,
        /// What is done if it holds.
        then: Vec<Step>,
        /// What is done if not.
        otherwise: Vec<Step>,
    },
    /// Does something again and again.
    Loop {
        /// What takes each value in turn.
        target: Target,
        /// The values; nothing where a condition ends the loop.
        over: Option<Expr>,
        /// What is done.
        body: Vec<Step>,
        /// What is done when it has not been broken off.
        otherwise: Vec<Step>,
    },
    /// Does something inside of a context.
    With {
        /// The contexts, and what they are called inside.
        contexts: Vec<(Expr, Option<Target>)>,
        /// What is done.
        body: Vec<Step>,
    },
    /// Does something in which errors are caught.
    Try {
        /// What is done.
        body: Vec<Step>,
        /// What is done after errors.
        handlers: Vec<Vec<Step>>,
        /// What is done without one.
        otherwise: Vec<Step>,
        /// What is done in any case.
        last: Vec<Step>,
    },
    /// Makes a function known.
    Define(Function),
    /// Makes a class known.
    Class {
        /// Its name.
        name: String,
        /// What it is derived from.
        parents: Vec<Expr>,
        /// Its body.
        body: Vec<Step>,
        /// Where it stands.
        span: Span,
    },
    /// Brings names from elsewhere: what each is called here, and its full name there.
    Import(Vec<(String, String)>),
    /// Ends the function.
    Return(Option<Expr>),
    /// Leaves the ordinary course.
    Leave(Leave),
    /// Something else.
    Other(Span),
}
