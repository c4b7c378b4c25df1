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
    /// Something else, with what it is, for people.
    Unknown(&'static str),
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
    /// Its parameters, with what they are where a call does not say.
    pub parameters: Vec<(String, Option<Expr>)>,
    /// What it does.
    pub body: Vec<Step>,
    /// Where it stands.
    pub span: Span,
}

/// Something that is done.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Evaluates an expression.
    Run(Expr),
    /// Gives a name a value; no name where it is something else that gets it.
    Assign {
        /// The names: several where the value is taken apart.
        names: Vec<String>,
        /// The value.
        value: Expr,
        /// Whether the value is added to the one before.
        adds: bool,
    },
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
        names: Vec<String>,
        /// The values; nothing where a condition ends the loop.
        over: Option<Expr>,
        /// What is done.
        body: Vec<Step>,
    },
    /// Does something inside of a context.
    With {
        /// The contexts, and what they are called inside.
        contexts: Vec<(Expr, Option<String>)>,
        /// What is done.
        body: Vec<Step>,
    },
    /// Does something only under circumstances that no file shows, such as after an error.
    Sometimes(Vec<Step>),
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
    /// Something else.
    Other(Span),
}
