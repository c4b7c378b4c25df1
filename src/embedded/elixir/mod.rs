//! Elixir: from text to [`Module`].

mod builtin;
mod expression;
mod strings;

use std::collections::HashMap;

use tree_sitter::{Node, Tree};

use super::code::{Expr, ExprKind, Function, How, Module, Parameter, Step, Target};
use super::evaluate::Language;
use super::syntax::{self, DEEPEST, ReadTree as _, children, names_in, span, unknown, walk};
pub(super) use builtin::{builtin_down, builtin_up};
pub(super) use strings::is_atom;

/// What a module calls itself: calls without a receiver are functions of it, and `@name` is a member.
pub(super) const SELF: &str = "this";

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str) -> Module {
    syntax::read(tree_sitter_elixir::LANGUAGE, text, |tree| {
        let reader = Reader { text, functions: functions(tree, text) };
        reader.block(tree.root_node(), 0)
    })
}

struct Reader<'a> {
    text: &'a str,
    /// With how many parameters the file defines each function, one entry for each clause.
    functions: HashMap<&'a str, Vec<usize>>,
}

/// Returns the node of the arguments of a call.
fn arguments(call: Node) -> Option<Node> {
    children(call).into_iter().find(|part| part.kind() == "arguments")
}

/// Returns the name of a call without a receiver.
fn own_name<'a>(call: Node, text: &'a str) -> Option<&'a str> {
    let target = call.child_by_field_name("target").filter(|target| target.kind() == "identifier");
    target.filter(|_| call.kind() == "call").and_then(|target| text.get(target.byte_range()))
}

/// Returns the head of a definition: the name and the nodes of its parameters.
fn head<'t, 'a>(definition: Node<'t>, text: &'a str) -> Option<(&'a str, Vec<Node<'t>>)> {
    let mut head = children(arguments(definition)?).first().copied()?;
    if head.kind() == "binary_operator" {
        // What stands behind `when` only says when it is meant.
        head = head.child_by_field_name("left")?;
    }
    match head.kind() {
        "identifier" => Some((text.get(head.byte_range())?, Vec::new())),
        "call" => Some((own_name(head, text)?, arguments(head).map(children).unwrap_or_default())),
        _ => None,
    }
}

/// Returns the functions that a file defines.
fn functions<'a>(tree: &Tree, text: &'a str) -> HashMap<&'a str, Vec<usize>> {
    let mut found: HashMap<&str, Vec<usize>> = HashMap::new();
    walk(tree.root_node(), |node| {
        if matches!(own_name(node, text), Some("def" | "defp"))
            && let Some((name, parameters)) = head(node, text)
        {
            found.entry(name).or_default().push(parameters.len());
        }
        true
    });
    found
}

/// What stands between `do` and `end`, and behind `else`, `rescue` and `after` among it.
#[derive(Default)]
struct Parts<'t> {
    body: Vec<Node<'t>>,
    otherwise: Vec<Node<'t>>,
    rescue: Vec<Node<'t>>,
    after: Vec<Node<'t>>,
}

/// Returns what the block of a call holds, whether it is written with `do` and `end` or with `do:`.
fn parts<'t>(call: Node<'t>, text: &str) -> Parts<'t> {
    let mut found = Parts::default();
    for part in children(call) {
        match part.kind() {
            "do_block" => {
                for child in children(part) {
                    match child.kind() {
                        "else_block" => found.otherwise.extend(children(child)),
                        "rescue_block" | "catch_block" => found.rescue.extend(children(child)),
                        "after_block" => found.after.extend(children(child)),
                        _ => found.body.push(child),
                    }
                }
            }
            "arguments" => {
                for (key, value) in keywords(part, text) {
                    match key {
                        "do" => found.body.push(value),
                        "else" => found.otherwise.push(value),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the keywords behind other arguments.
fn keywords<'t, 'a>(arguments: Node<'t>, text: &'a str) -> Vec<(&'a str, Node<'t>)> {
    let lists = children(arguments).into_iter().filter(|part| part.kind() == "keywords");
    let pairs = lists.flat_map(children).filter_map(|pair| {
        let key = text.get(pair.child_by_field_name("key")?.byte_range())?;
        Some((key.trim_end().trim_end_matches(':'), pair.child_by_field_name("value")?))
    });
    pairs.collect()
}

impl Reader<'_> {
    /// Reads the statements in a node.
    fn block(&self, node: Node, depth: usize) -> Vec<Step> {
        self.steps(&children(node), depth)
    }

    fn steps(&self, nodes: &[Node], depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in nodes {
            self.step(*node, depth + 1, &mut steps);
        }
        steps
    }

    fn step(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        if depth > DEEPEST {
            out.push(Step::Other(span(node)));
            return;
        }
        match node.kind() {
            "call" => self.call_step(node, depth, out),
            "block" | "body" => out.extend(self.block(node, depth)),
            "binary_operator" => match self.operator(node) {
                Some("=") => self.assign(node, depth, out),
                Some("&&" | "and") => self.only_if(node, true, depth, out),
                Some("||" | "or") => self.only_if(node, false, depth, out),
                _ => self.run(node, depth, out),
            },
            "unary_operator" if self.operator(node) == Some("@") => {
                let set = node.child_by_field_name("operand").filter(|set| set.kind() == "call");
                let name = set.and_then(|set| own_name(set, self.text));
                let value = set.and_then(arguments).and_then(|all| children(all).first().copied());
                if let (Some(name), Some(value)) = (name, value) {
                    let value = self.expr(value, depth);
                    out.push(Step::Assign {
                        target: Target::Name(format!("@{name}")),
                        value,
                        how: How::Declare,
                    });
                }
            }
            "identifier" if self.functions.contains_key(self.slice(node)) => {
                out.push(Step::Run(self.own_call(node, Vec::new(), depth)));
            }
            _ => self.run(node, depth, out),
        }
    }

    fn run(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let value = self.expr(node, depth);
        match value.kind {
            ExprKind::Unknown(_) => self.other(node, span(node), out),
            _ => out.push(Step::Run(value)),
        }
    }

    fn call_step(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        match own_name(node, self.text) {
            Some("defmodule") => {
                let body = parts(node, self.text).body;
                let name = arguments(node).map(|name| self.slice(name)).unwrap_or_default();
                let uses = body.iter().filter(|node| own_name(**node, self.text) == Some("use"));
                let parents = uses.filter_map(|node| children(arguments(*node)?).first().copied());
                let parents = parents.map(|parent| self.expr(parent, depth)).collect();
                let (name, body) = (name.to_owned(), self.steps(&body, depth));
                out.push(Step::Class { name, parents, body, span: span(node) });
            }
            Some("def" | "defp") => {
                out.extend(self.function(node, depth).map(Step::Define));
            }
            Some(
                "use" | "import" | "alias" | "require" | "defstruct" | "defdelegate" | "defguard"
                | "defguardp" | "defmacro" | "defmacrop",
            ) => {}
            Some("if") => out.push(self.branch(node, true, depth)),
            Some("unless") => out.push(self.branch(node, false, depth)),
            Some("case") => self.case(node, depth, out),
            Some("cond" | "with" | "receive") => self.perhaps(node, depth, out),
            Some("try") => {
                let parts = parts(node, self.text);
                out.extend(self.attempt(&parts, depth));
            }
            Some("for") => out.push(self.comprehension(node, depth)),
            _ => self.run(node, depth, out),
        }
    }

    /// Reads a definition. Which of several clauses is meant, only its arguments tell.
    fn function(&self, node: Node, depth: usize) -> Option<Function> {
        let (name, parameters) = head(node, self.text)?;
        let arity = parameters.len();
        let clauses = self.functions.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_one = clauses.iter().filter(|clause| **clause == arity).count() == 1;
        let (parameters, mut body) = self.parameters(&parameters, depth);
        let parts = parts(node, self.text);
        if is_one {
            body.extend(self.attempt(&parts, depth));
            returns_last(&mut body);
        } else {
            body = vec![Step::Other(span(node))];
        }
        let name = self.name_of(name, arity);
        Some(Function { name, parameters, body, is_open: false, doubt: None, span: span(node) })
    }

    /// Reads statements in which errors may be caught.
    fn attempt(&self, parts: &Parts, depth: usize) -> Vec<Step> {
        let body = self.steps(&parts.body, depth);
        if parts.rescue.is_empty() && parts.after.is_empty() {
            return body;
        }
        vec![Step::Try {
            body,
            handlers: vec![self.clauses(&parts.rescue, depth)],
            otherwise: Vec::new(),
            last: self.steps(&parts.after, depth),
        }]
    }

    /// Returns what a function is called here: functions of one name differ in their arity.
    fn name_of(&self, name: &str, arity: usize) -> String {
        let clauses = self.functions.get(name).map(Vec::as_slice).unwrap_or_default();
        let is_alone = clauses.iter().all(|clause| Some(clause) == clauses.first());
        if is_alone || arity == 0 { name.to_owned() } else { format!("{name}/{arity}") }
    }

    /// Reads parameters; one that is taken apart is given its parts by the first steps.
    fn parameters(&self, nodes: &[Node], depth: usize) -> (Vec<Parameter>, Vec<Step>) {
        let (mut found, mut steps) = (Vec::new(), Vec::new());
        for (at, node) in nodes.iter().enumerate() {
            let has_default = self.operator(*node) == Some("\\\\");
            let part = |name| node.child_by_field_name(name).filter(|_| has_default);
            let pattern = part("left").unwrap_or(*node);
            let default = part("right").map(|default| self.expr(default, depth));
            if pattern.kind() == "identifier" {
                found.push(Parameter::new(self.slice(pattern), default));
                continue;
            }
            let name = format!("{{{at}}}");
            let value = Expr { span: span(pattern), kind: ExprKind::Name(name.clone()) };
            let target = self.target(pattern);
            steps.push(Step::Assign { target, value, how: How::Declare });
            found.push(Parameter::new(&name, default));
        }
        (found, steps)
    }

    /// Returns what a pattern gives values: several names where a value is taken apart.
    fn target(&self, pattern: Node) -> Target {
        let parts = children(pattern);
        match pattern.kind() {
            "identifier" => Target::Name(self.slice(pattern).to_owned()),
            "tuple" | "list" if parts.iter().all(|part| part.kind() == "identifier") => {
                Target::Parts(parts.iter().map(|part| self.slice(*part).to_owned()).collect())
            }
            _ => Target::Other(names_in(pattern, self.text, &["identifier"])),
        }
    }

    fn assign(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        let Some((left, right)) = sides else { return self.other(node, span(node), out) };
        let value = self.expr(right, depth);
        if matches!(value.kind, ExprKind::Unknown(_)) {
            self.other(right, span(right), out);
        }
        out.push(Step::Assign { target: self.target(left), value, how: How::Declare });
    }

    /// Reads `if` and `unless`.
    fn branch(&self, node: Node, is_if: bool, depth: usize) -> Step {
        let condition = arguments(node).and_then(|all| children(all).first().copied());
        let condition =
            condition.map_or(unknown(span(node), "a condition"), |node| self.expr(node, depth));
        let parts = parts(node, self.text);
        let (then, otherwise) =
            (self.steps(&parts.body, depth), self.steps(&parts.otherwise, depth));
        match is_if {
            true => Step::If { condition, then, otherwise },
            false => Step::If { condition, then: otherwise, otherwise: then },
        }
    }

    /// Reads `a && b` and the like where they stand as a statement.
    fn only_if(&self, node: Node, is_and: bool, depth: usize, out: &mut Vec<Step>) {
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        let Some((left, right)) = sides else { return self.other(node, span(node), out) };
        let (condition, steps) = (self.expr(left, depth), self.steps(&[right], depth));
        let (then, otherwise) = if is_and { (steps, Vec::new()) } else { (Vec::new(), steps) };
        out.push(Step::If { condition, then, otherwise });
    }

    /// Reads `case`: a clause of a plain value is a condition, any other one leaves open which is taken.
    fn case(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let subject = arguments(node).and_then(|all| children(all).first().copied());
        let clauses: Vec<Node> = parts(node, self.text).body;
        let is_plain = |clause: &Node| {
            self.pattern(*clause).is_some_and(|pattern| {
                matches!(pattern.kind(), "atom" | "string" | "boolean" | "nil")
                    || pattern.kind() == "identifier" && self.slice(pattern) == "_"
            })
        };
        let Some(subject) = subject.filter(|_| clauses.iter().all(is_plain)) else {
            return self.perhaps(node, depth, out);
        };
        let mut steps = Vec::new();
        for clause in clauses.iter().rev() {
            let Some(pattern) = self.pattern(*clause) else { continue };
            let body = self.clauses(&[*clause], depth);
            if pattern.kind() == "identifier" {
                steps = body;
                continue;
            }
            let sides = (Box::new(self.expr(subject, depth)), Box::new(self.expr(pattern, depth)));
            let condition =
                Expr { span: span(pattern), kind: ExprKind::Equal(sides.0, sides.1, true) };
            steps = vec![Step::If { condition, then: body, otherwise: steps }];
        }
        out.extend(steps);
    }

    /// Returns the one pattern of a clause.
    fn pattern<'t>(&self, clause: Node<'t>) -> Option<Node<'t>> {
        let left = clause.child_by_field_name("left").filter(|left| left.kind() == "arguments")?;
        let patterns = children(left);
        patterns.first().copied().filter(|_| patterns.len() == 1)
    }

    /// Reads what clauses do.
    fn clauses(&self, nodes: &[Node], depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for node in nodes {
            match node.child_by_field_name("right").filter(|_| node.kind() == "stab_clause") {
                Some(body) => steps.extend(self.block(body, depth)),
                None => self.step(*node, depth + 1, &mut steps),
            }
        }
        steps
    }

    /// Reads what only run time chooses from.
    fn perhaps(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let parts = parts(node, self.text);
        let mut then = self.clauses(&parts.body, depth);
        then.extend(self.clauses(&parts.otherwise, depth));
        let condition = unknown(span(node), "a choice that is made at run time");
        out.push(Step::If { condition, then, otherwise: Vec::new() });
    }

    /// Reads `for`: with one list and nothing else it is a loop over it.
    fn comprehension(&self, node: Node, depth: usize) -> Step {
        let all = arguments(node).map(children).unwrap_or_default();
        let all: Vec<Node> = all.into_iter().filter(|part| part.kind() != "keywords").collect();
        let body = self.steps(&parts(node, self.text).body, depth);
        let generator = all.first().filter(|first| self.operator(**first) == Some("<-"));
        let sides = generator
            .and_then(|of| of.child_by_field_name("left").zip(of.child_by_field_name("right")));
        let Some((pattern, list)) = sides.filter(|_| all.len() == 1) else {
            let target = Target::Other(Vec::new());
            return Step::Loop { target, over: None, body, otherwise: Vec::new() };
        };
        let (target, over) = (self.target(pattern), Some(self.expr(list, depth)));
        Step::Loop { target, over, body, otherwise: Vec::new() }
    }
}

/// Makes the last thing that a function does what it returns.
fn returns_last(body: &mut [Step]) {
    let Some(last) = body.last_mut() else { return };
    match last {
        Step::Run(value) => {
            let nothing = unknown(value.span, "nothing");
            *last = Step::Return(Some(std::mem::replace(value, nothing)));
        }
        Step::If { then, otherwise, .. } => {
            returns_last(then);
            returns_last(otherwise);
        }
        _ => {}
    }
}

/// What Elixir does not have in common with other languages.
pub(super) static LANGUAGE: Language = Language {
    empty_text_is_false: false,
    empty_list_is_false: false,
    has_members: true,
    // Nothing changes what a name holds but another value.
    change: |_| None,
    changes_first: |_| false,
};
