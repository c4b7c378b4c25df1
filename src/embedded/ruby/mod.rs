//! Ruby: from text to [`Module`].

mod builtin;
mod expression;
mod heredoc;
mod strings;

use std::collections::HashSet;

use tree_sitter::{Node, Tree};

use self::heredoc::Heredocs;
use super::code::{Call, Expr, ExprKind, Function, How, Leave, Module, Parameter, Step, Target};
use super::evaluate::{Change, Language};
use super::syntax::{self, DEEPEST, ReadTree as _, children, names_in, span, unknown, walk};
use crate::source::Span;
pub(super) use builtin::builtin;

/// What a program calls itself: calls without a receiver are methods of it.
pub(super) const SELF: &str = "this";

/// The name under which a call is given its block.
pub(super) const BLOCK: &str = "&";

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str) -> Module {
    syntax::read(tree_sitter_ruby::LANGUAGE, text, |tree| {
        let (heredocs, methods) = (Heredocs::of(tree, text), methods(tree, text));
        let reader = Reader { text, heredocs, methods };
        reader.block(tree.root_node(), 0)
    })
}

struct Reader<'a> {
    text: &'a str,
    heredocs: Heredocs<'a>,
    /// The methods that the file defines: a word that is one of them is a call.
    methods: HashSet<&'a str>,
}

/// Returns the names of the methods that a file defines.
fn methods<'a>(tree: &Tree, text: &'a str) -> HashSet<&'a str> {
    let mut found = HashSet::new();
    walk(tree.root_node(), |node| {
        if matches!(node.kind(), "method" | "singleton_method")
            && let Some(name) = node.child_by_field_name("name")
        {
            found.extend(text.get(name.byte_range()));
        }
        true
    });
    found
}

impl Reader<'_> {
    /// Reads the statements in a node.
    fn block(&self, node: Node, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        if matches!(node.kind(), "body_statement" | "begin") {
            return self.attempt(node, depth);
        }
        if matches!(
            node.kind(),
            "program"
                | "block_body"
                | "then"
                | "else"
                | "do"
                | "ensure"
                | "parenthesized_statements"
        ) {
            for child in children(node) {
                self.step(child, depth + 1, &mut steps);
            }
        } else {
            self.step(node, depth + 1, &mut steps);
        }
        steps
    }

    fn part(&self, node: Node, name: &str, depth: usize) -> Vec<Step> {
        node.child_by_field_name(name).map(|part| self.block(part, depth)).unwrap_or_default()
    }

    fn step(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        if depth > DEEPEST {
            out.push(Step::Other(span(node)));
            return;
        }
        match node.kind() {
            "begin" | "body_statement" => out.extend(self.attempt(node, depth)),
            "parenthesized_statements" | "else" | "ensure" => {
                out.extend(self.block(node, depth));
            }
            "if" | "unless" | "elsif" | "if_modifier" | "unless_modifier" => {
                out.push(self.branch(node, depth));
            }
            "while" | "until" | "while_modifier" | "until_modifier" => {
                let condition = node.child_by_field_name("condition");
                out.extend(condition.map(|value| Step::Look(self.expr(value, depth))));
                out.push(Step::Loop {
                    target: Target::Other(Vec::new()),
                    over: None,
                    body: self.body_of(node, depth),
                    otherwise: Vec::new(),
                });
            }
            "for" => {
                let over = node.child_by_field_name("value");
                let over = over.and_then(|over| children(over).first().copied());
                out.push(Step::Loop {
                    target: self.target(node.child_by_field_name("pattern"), depth),
                    over: over.map(|over| self.expr(over, depth)),
                    body: self.part(node, "body", depth),
                    otherwise: Vec::new(),
                });
            }
            "case" | "case_match" => {
                if let Some(value) = node.child_by_field_name("value") {
                    out.push(Step::Look(self.expr(value, depth)));
                }
                let what = "a choice that is made at run time";
                for part in children(node) {
                    let then = match part.kind() {
                        "when" | "in_clause" => self.part(part, "body", depth),
                        "else" => self.block(part, depth),
                        _ => continue,
                    };
                    let condition = unknown(span(node), what);
                    out.push(Step::If { condition, then, otherwise: Vec::new() });
                }
            }
            "rescue_modifier" => {
                let steps = |name| {
                    let mut steps = Vec::new();
                    let part = node.child_by_field_name(name);
                    part.into_iter().for_each(|part| self.step(part, depth + 1, &mut steps));
                    steps
                };
                out.push(Step::Try {
                    body: steps("body"),
                    handlers: vec![steps("handler")],
                    otherwise: Vec::new(),
                    last: Vec::new(),
                });
            }
            "method" | "singleton_method" => out.push(Step::Define(self.method(node, depth))),
            "class" => self.class(node, depth, out),
            // What lies in a module is read as if it stood beside it.
            "module" => out.extend(self.part(node, "body", depth)),
            "singleton_class" => out.extend(self.part(node, "body", depth)),
            "assignment" => self.assign(node, depth, out),
            "operator_assignment" => {
                let Some(right) = node.child_by_field_name("right") else { return };
                let left = node.child_by_field_name("left");
                let (target, how) = match self.operator(node) {
                    Some("+=") => (self.target(left, depth), How::Add),
                    _ => (Target::Other(left.map_or(Vec::new(), |l| self.roots(l))), How::Set),
                };
                out.push(Step::Assign { target, value: self.expr(right, depth), how });
            }
            "return" => {
                let value =
                    children(node).first().and_then(|list| children(*list).first().copied());
                out.push(Step::Return(value.map(|value| self.expr(value, depth))));
            }
            "binary" => self.either(node, depth, out),
            "identifier" | "constant" => {
                let name = self.slice(node);
                if name == "raise" {
                    out.push(Step::Leave(Leave::Raise));
                    return;
                }
                let is_call = self.methods.contains(name) || name.ends_with('!');
                let value = match is_call {
                    true => self.own_call(node),
                    false => self.expr(node, depth),
                };
                out.push(Step::Run(value));
            }
            "break" => out.push(Step::Leave(Leave::Break)),
            "next" => out.push(Step::Leave(Leave::Continue)),
            "redo" | "retry" => out.push(Step::Other(self.whole(node))),
            "empty_statement" | "uninterpreted" | "alias" | "undef" | "superclass" | "comment"
            | "heredoc_body" => {}
            _ if is_raise(node, self.text) => out.push(Step::Leave(Leave::Raise)),
            _ => {
                let value = self.expr(node, depth);
                match value.kind {
                    ExprKind::Unknown(_) => self.other(node, self.whole(node), out),
                    _ => out.push(Step::Run(value)),
                }
            }
        }
    }

    /// Reads statements in which errors may be caught.
    fn attempt(&self, node: Node, depth: usize) -> Vec<Step> {
        let (mut body, mut handlers) = (Vec::new(), Vec::new());
        let (mut otherwise, mut last) = (Vec::new(), Vec::new());
        for child in children(node) {
            match child.kind() {
                "rescue" => handlers.push(self.part(child, "body", depth)),
                "else" => otherwise.extend(self.block(child, depth)),
                "ensure" => last.extend(self.block(child, depth)),
                _ => self.step(child, depth + 1, &mut body),
            }
        }
        if handlers.is_empty() && last.is_empty() {
            body.extend(otherwise);
            return body;
        }
        vec![Step::Try { body, handlers, otherwise, last }]
    }

    /// Returns what a loop does, which may stand before the loop's word.
    fn body_of(&self, node: Node, depth: usize) -> Vec<Step> {
        match node.child_by_field_name("body") {
            Some(body) if node.kind().ends_with("_modifier") => {
                let mut steps = Vec::new();
                self.step(body, depth + 1, &mut steps);
                steps
            }
            _ => self.part(node, "body", depth),
        }
    }

    /// Reads `if`, `unless` and what follows a statement to the same end.
    fn branch(&self, node: Node, depth: usize) -> Step {
        let condition = node.child_by_field_name("condition");
        let condition =
            condition.map_or(unknown(span(node), "a condition"), |c| self.expr(c, depth));
        let body = if node.child_by_field_name("body").is_some() { "body" } else { "consequence" };
        let then = self.part(node, body, depth);
        let otherwise = self.part(node, "alternative", depth);
        match node.kind() {
            "unless" | "unless_modifier" => {
                Step::If { condition, then: otherwise, otherwise: then }
            }
            _ => Step::If { condition, then, otherwise },
        }
    }

    /// Reads `a && b` and the like where they stand as a statement.
    fn either(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
        let (Some(left), Some(right)) =
            (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.other(node, self.whole(node), out);
        };
        let mut steps = Vec::new();
        match operator {
            Some("&&" | "and") => {
                self.step(right, depth + 1, &mut steps);
                let condition = self.expr(left, depth);
                out.push(Step::If { condition, then: steps, otherwise: Vec::new() });
            }
            Some("||" | "or") => {
                self.step(right, depth + 1, &mut steps);
                let condition = self.expr(left, depth);
                out.push(Step::If { condition, then: Vec::new(), otherwise: steps });
            }
            _ => match self.expr(node, depth) {
                Expr { kind: ExprKind::Unknown(_), .. } => self.other(node, self.whole(node), out),
                value => out.push(Step::Run(value)),
            },
        }
    }

    fn assign(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let (Some(left), Some(right)) =
            (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.other(node, self.whole(node), out);
        };
        let target = self.target(Some(left), depth);
        out.push(Step::Assign { target, value: self.expr(right, depth), how: How::Set });
    }

    /// Reads what stands on the left of `=`.
    fn target(&self, left: Option<Node>, depth: usize) -> Target {
        let Some(left) = left else { return Target::Other(Vec::new()) };
        let is_name = |node: &Node| NAMES.contains(&node.kind());
        if is_name(&left) {
            return Target::Name(self.slice(left).to_owned());
        }
        let parts = children(left);
        if left.kind() == "left_assignment_list" && parts.iter().all(is_name) {
            let names = parts.into_iter().map(|part| self.slice(part).to_owned());
            return Target::Parts(names.collect());
        }
        if let ("element_reference", [object, key]) = (left.kind(), &parts[..])
            && is_name(object)
        {
            let key = self.expr(*key, depth + 1);
            return Target::Item(self.slice(*object).to_owned(), key);
        }
        Target::Other(self.roots(left))
    }

    /// Returns the variables that what stands on the left of `=` gives values or changes.
    fn roots(&self, left: Node) -> Vec<String> {
        names_in(left, self.text, NAMES)
    }

    fn method(&self, node: Node, depth: usize) -> Function {
        let name = node.child_by_field_name("name").map(|name| self.slice(name));
        self.function(node, name.unwrap_or_default(), depth)
    }

    /// Reads a method, a block or a lambda: what its last statement comes to is what it returns.
    fn function(&self, node: Node, name: &str, depth: usize) -> Function {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = list.into_iter().map(|parameter| {
            let name = parameter.child_by_field_name("name");
            let value = parameter.child_by_field_name("value");
            let value = value.map(|value| self.expr(value, depth + 1));
            let name = self.slice(name.unwrap_or(parameter));
            match parameter.kind() {
                "splat_parameter"
                | "hash_splat_parameter"
                | "block_parameter"
                | "destructured_parameter" => Parameter::rest(name),
                _ => Parameter::new(name, value),
            }
        });
        let parameters = parameters.collect();
        let mut body = self.part(node, "body", depth + 1);
        if let Some(Step::Run(_)) = body.last()
            && let Some(Step::Run(value)) = body.pop()
        {
            body.push(Step::Return(Some(value)));
        }
        let is_open = name.is_empty();
        let span = self.whole(node);
        Function { name: name.to_owned(), parameters, body, is_open, doubt: None, span }
    }

    fn class(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let body = self.part(node, "body", depth);
        // Its constants are known inside of its methods by their names alone.
        let is_constant = |step: &&Step| match step {
            Step::Assign { target: Target::Name(name), .. } => {
                name.starts_with(|c: char| c.is_ascii_uppercase())
            }
            _ => false,
        };
        out.extend(body.iter().filter(is_constant).cloned());
        let parent = node.child_by_field_name("superclass");
        let parent = parent.and_then(|parent| children(parent).first().copied());
        let parents = parent.map(|parent| {
            let text = self.slice(parent);
            let kind = ExprKind::Name(text.split('[').next().unwrap_or(text).to_owned());
            Expr { span: span(parent), kind }
        });
        out.push(Step::Class {
            name: node
                .child_by_field_name("name")
                .map(|n| self.slice(n).to_owned())
                .unwrap_or_default(),
            parents: parents.into_iter().collect(),
            body,
            span: span(node),
        });
    }

    /// Reads a word that is a call of a method of the object itself.
    fn own_call(&self, node: Node) -> Expr {
        let callee = self.own(self.slice(node), span(node));
        let kind = ExprKind::Call(Box::new(Call { callee, arguments: Vec::new() }));
        Expr { span: span(node), kind }
    }

    /// Returns the method of that name of the object itself.
    fn own(&self, name: &str, span: Span) -> Expr {
        let object = Expr { span, kind: ExprKind::Name(SELF.to_owned()) };
        Expr { span, kind: ExprKind::Member(Box::new(object), name.to_owned()) }
    }

    /// Returns where a node stands, with the heredocs that begin in it.
    fn whole(&self, node: Node) -> Span {
        let here = span(node);
        let end = self.heredocs.end_of(here).map_or(here.end, |end| end.max(here.end));
        Span { start: here.start, end }
    }
}

/// What a variable or constant is in a tree.
const NAMES: &[&str] = &["identifier", "constant", "instance_variable", "class_variable"];

/// Returns whether a statement raises an error.
fn is_raise(node: Node, text: &str) -> bool {
    node.kind() == "call"
        && node.child_by_field_name("receiver").is_none()
        && node
            .child_by_field_name("method")
            .and_then(|method| text.get(method.byte_range()))
            .is_some_and(|method| method == "raise")
}

/// What Ruby does not have in common with other languages.
pub(super) static LANGUAGE: Language = Language {
    empty_text_is_false: false,
    empty_list_is_false: false,
    has_members: false,
    change: |method| match method {
        "<<" | "push" | "append" => Some(Change::Push),
        "update" => Some(Change::Extend),
        "unshift" | "prepend" | "insert" | "pop" | "shift" | "store" | "delete" | "delete_if"
        | "delete_at" | "keep_if" | "clear" | "replace" | "fill" | "concat" => Some(Change::Other),
        _ if method.ends_with('!') => Some(Change::Other),
        _ => None,
    },
    changes_first: |_| false,
};
