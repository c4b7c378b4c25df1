//! Ruby: from text to [`Module`].

mod builtin;
mod expression;
mod heredoc;
mod strings;

use std::collections::HashSet;

use tree_sitter::{Node, Tree};

use self::heredoc::Heredocs;
use super::code::{Call, Expr, ExprKind, Function, Module, Step};
use super::syntax::{self, DEEPEST, ReadTree as _, children, has_any, span, unknown, walk};
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
        if matches!(
            node.kind(),
            "program"
                | "body_statement"
                | "block_body"
                | "then"
                | "else"
                | "do"
                | "ensure"
                | "begin"
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
            "begin" | "parenthesized_statements" | "else" | "ensure" => {
                out.extend(self.block(node, depth));
            }
            "rescue" => out.push(Step::Sometimes(self.part(node, "body", depth))),
            "if" | "unless" | "elsif" | "if_modifier" | "unless_modifier" => {
                out.push(self.branch(node, depth));
            }
            "while" | "until" | "while_modifier" | "until_modifier" => {
                let body = self.part(node, "body", depth);
                out.push(Step::Loop { names: Vec::new(), over: None, body });
            }
            "for" => {
                let over = node.child_by_field_name("value");
                let over = over.and_then(|over| children(over).first().copied());
                let pattern = node.child_by_field_name("pattern");
                out.push(Step::Loop {
                    names: pattern
                        .map(|name| vec![self.slice(name).to_owned()])
                        .unwrap_or_default(),
                    over: over.map(|over| self.expr(over, depth)),
                    body: self.part(node, "body", depth),
                });
            }
            "case" | "case_match" => {
                let mut steps = Vec::new();
                for part in children(node) {
                    match part.kind() {
                        "when" | "in_clause" => steps.extend(self.part(part, "body", depth)),
                        "else" => steps.extend(self.block(part, depth)),
                        _ => {}
                    }
                }
                let condition = unknown(span(node), "a choice that is made at run time");
                out.push(Step::If { condition, then: steps, otherwise: Vec::new() });
            }
            "rescue_modifier" => {
                let body = node.child_by_field_name("body");
                body.into_iter().for_each(|body| self.step(body, depth + 1, out));
            }
            "method" | "singleton_method" => out.push(Step::Define(self.method(node, depth))),
            "class" => self.class(node, depth, out),
            // What lies in a module is read as if it stood beside it.
            "module" => out.extend(self.part(node, "body", depth)),
            "singleton_class" => out.extend(self.part(node, "body", depth)),
            "assignment" => self.assign(node, depth, out),
            "operator_assignment" => {
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                let right = node.child_by_field_name("right");
                let names = self.names(node.child_by_field_name("left"));
                match (operator, right) {
                    (Some("+="), Some(right)) => {
                        let value = self.expr(right, depth);
                        out.push(Step::Assign { names, value, adds: true });
                    }
                    _ => self.other(node, out),
                }
            }
            "return" => {
                let value =
                    children(node).first().and_then(|list| children(*list).first().copied());
                out.push(Step::Return(value.map(|value| self.expr(value, depth))));
            }
            "binary" => self.either(node, depth, out),
            "identifier" | "constant" => {
                let name = self.slice(node);
                let is_call = self.methods.contains(name) || name.ends_with('!');
                let value = match is_call {
                    true => self.own_call(node),
                    false => self.expr(node, depth),
                };
                out.push(Step::Run(value));
            }
            "next" | "break" | "empty_statement" | "uninterpreted" | "alias" | "undef"
            | "superclass" | "comment" | "heredoc_body" | "redo" | "retry" => {}
            _ => {
                let value = self.expr(node, depth);
                match value.kind {
                    ExprKind::Unknown(_) => self.other(node, out),
                    _ => out.push(Step::Run(value)),
                }
            }
        }
    }

    /// Notes what is not read, unless it does nothing.
    fn other(&self, node: Node, out: &mut Vec<Step>) {
        if has_any(node, &["call", "super", "yield", "ERROR"]) {
            out.push(Step::Other(self.whole(node)));
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
            return self.other(node, out);
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
                Expr { kind: ExprKind::Unknown(_), .. } => self.other(node, out),
                value => out.push(Step::Run(value)),
            },
        }
    }

    fn assign(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let (Some(left), Some(right)) =
            (node.child_by_field_name("left"), node.child_by_field_name("right"))
        else {
            return self.other(node, out);
        };
        let names = self.names(Some(left));
        out.push(Step::Assign { names, value: self.expr(right, depth), adds: false });
    }

    /// Returns the names on the left of `=`; nothing where it is something else.
    fn names(&self, left: Option<Node>) -> Vec<String> {
        let Some(left) = left else { return Vec::new() };
        let is_name = |node: &Node| {
            matches!(
                node.kind(),
                "identifier" | "constant" | "instance_variable" | "class_variable"
            )
        };
        if is_name(&left) {
            return vec![self.slice(left).to_owned()];
        }
        let parts = children(left);
        if left.kind() == "left_assignment_list" && parts.iter().all(is_name) {
            let mut names: Vec<String> =
                parts.into_iter().map(|part| self.slice(part).to_owned()).collect();
            if names.len() == 1 {
                names.push("{}".to_owned());
            }
            return names;
        }
        Vec::new()
    }

    fn method(&self, node: Node, depth: usize) -> Function {
        let name = node.child_by_field_name("name").map(|name| self.slice(name));
        self.function(node, name.unwrap_or_default(), depth)
    }

    /// Reads a method, a block or a lambda: what its last statement comes to is what it returns.
    fn function(&self, node: Node, name: &str, depth: usize) -> Function {
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let parameters = list.into_iter().map(|parameter| {
            let name = parameter.child_by_field_name("name").unwrap_or(parameter);
            let value = parameter.child_by_field_name("value");
            (self.slice(name).to_owned(), value.map(|value| self.expr(value, depth + 1)))
        });
        let parameters = parameters.collect();
        let mut body = self.part(node, "body", depth + 1);
        if let Some(Step::Run(_)) = body.last()
            && let Some(Step::Run(value)) = body.pop()
        {
            body.push(Step::Return(Some(value)));
        }
        Function { name: name.to_owned(), parameters, body, span: self.whole(node) }
    }

    fn class(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let body = self.part(node, "body", depth);
        // Its constants are known inside of its methods by their names alone.
        let is_constant = |step: &&Step| match step {
            Step::Assign { names, .. } => {
                names.iter().all(|name| name.starts_with(|c: char| c.is_ascii_uppercase()))
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
