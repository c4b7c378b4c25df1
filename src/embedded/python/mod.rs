//! Python: from text to [`Module`].

mod expression;
mod strings;

use tree_sitter::Node;

use super::code::{Expr, ExprKind, Function, How, Leave, Module, Parameter, Step, Target};
use super::evaluate::{Change, Language};
use super::syntax::{self, DEEPEST, ReadTree as _, children, span, unknown};
pub(super) use strings::builtin;

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str) -> Module {
    let reader = Reader { text };
    syntax::read(tree_sitter_python::LANGUAGE, text, |tree| reader.block(tree.root_node(), 0))
}

struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn block(&self, node: Node, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        for child in children(node) {
            self.step(child, depth + 1, &mut steps);
        }
        steps
    }

    fn body(&self, node: Node, depth: usize) -> Vec<Step> {
        node.child_by_field_name("body").map(|body| self.block(body, depth)).unwrap_or_default()
    }

    fn step(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        if depth > DEEPEST {
            out.push(Step::Other(span(node)));
            return;
        }
        match node.kind() {
            "expression_statement" => {
                for child in children(node) {
                    self.simple(child, depth, out);
                }
            }
            "if_statement" => out.push(self.conditional(node, depth)),
            "for_statement" => {
                let over = node.child_by_field_name("right");
                out.push(Step::Loop {
                    target: self.target(node.child_by_field_name("left"), depth),
                    over: over.map(|over| self.expr(over, depth)),
                    body: self.body(node, depth),
                    otherwise: self.alternative(node, depth),
                });
            }
            "while_statement" => {
                let condition = node.child_by_field_name("condition");
                out.extend(condition.map(|value| Step::Look(self.expr(value, depth))));
                out.push(Step::Loop {
                    target: Target::Other(Vec::new()),
                    over: None,
                    body: self.body(node, depth),
                    otherwise: self.alternative(node, depth),
                });
            }
            "with_statement" => out.push(self.with(node, depth)),
            "try_statement" => out.push(self.attempt(node, depth)),
            "function_definition" => out.push(Step::Define(self.function(node, depth))),
            "class_definition" => out.push(self.class(node, depth)),
            "decorated_definition" => self.decorated(node, depth, out),
            "import_statement" | "import_from_statement" => {
                out.push(Step::Import(self.import(node)));
            }
            "return_statement" => {
                let value = children(node).first().map(|value| self.expr(*value, depth));
                out.push(Step::Return(value));
            }
            "raise_statement" => {
                let parts = children(node).into_iter();
                out.extend(parts.map(|part| Step::Look(self.expr(part, depth))));
                out.push(Step::Leave(Leave::Raise));
            }
            "break_statement" => out.push(Step::Leave(Leave::Break)),
            "continue_statement" => out.push(Step::Leave(Leave::Continue)),
            "global_statement" | "nonlocal_statement" => {
                let names = children(node).into_iter().map(|name| self.slice(name).to_owned());
                out.push(Step::Outer(names.collect()));
            }
            "assert_statement" => {
                for value in children(node) {
                    out.push(Step::Look(self.expr(value, depth)));
                }
            }
            "delete_statement" => {
                for target in children(node) {
                    out.push(Step::Look(self.expr(target, depth)));
                    let target = Target::Other(self.roots(target));
                    let value = unknown(span(node), "nothing");
                    out.push(Step::Assign { target, value, how: How::Set });
                }
            }
            "pass_statement" | "future_import_statement" | "type_alias_statement" => {}
            _ => self.other(node, span(node), out),
        }
    }

    fn alternative(&self, node: Node, depth: usize) -> Vec<Step> {
        let other = node.child_by_field_name("alternative");
        other.map(|other| self.body(other, depth)).unwrap_or_default()
    }

    /// Reads what an expression statement holds.
    fn simple(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let left = node.child_by_field_name("left");
        match node.kind() {
            "assignment" => self.assignment(node, depth, out),
            "augmented_assignment" => {
                let Some(right) = node.child_by_field_name("right") else { return };
                let is_sum = self.operator(node) == Some("+=");
                let (target, how) = match self.target(left, depth) {
                    target if is_sum => (target, How::Add),
                    _ => (Target::Other(left.map_or(Vec::new(), |l| self.roots(l))), How::Set),
                };
                out.push(Step::Assign { target, value: self.expr(right, depth), how });
            }
            // A docstring.
            "string" | "concatenated_string" | "ellipsis" => {}
            _ => out.push(Step::Run(self.expr(node, depth))),
        }
    }

    /// Reads `a = b = value`.
    fn assignment(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let mut targets = Vec::new();
        let mut right = Some(node);
        while let Some(inner) = right.filter(|right| right.kind() == "assignment") {
            targets.push(self.target(inner.child_by_field_name("left"), depth));
            right = inner.child_by_field_name("right");
        }
        // `name: type` alone gives no value.
        let Some(right) = right else { return };
        let Some(last) = targets.pop() else { return };
        let again = match &last {
            Target::Name(name) => ExprKind::Name(name.clone()),
            _ => ExprKind::Unknown("a value that several names have"),
        };
        out.push(Step::Assign { target: last, value: self.expr(right, depth), how: How::Set });
        for target in targets {
            let value = Expr { span: span(right), kind: again.clone() };
            out.push(Step::Assign { target, value, how: How::Set });
        }
    }

    /// Reads what stands on the left of `=` or of `in`.
    fn target(&self, left: Option<Node>, depth: usize) -> Target {
        let Some(left) = left else { return Target::Other(Vec::new()) };
        if left.kind() == "identifier" {
            return Target::Name(self.slice(left).to_owned());
        }
        let parts = children(left);
        let is_list = matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern");
        if is_list && parts.iter().all(|part| part.kind() == "identifier") {
            let names = parts.into_iter().map(|part| self.slice(part).to_owned());
            return Target::Parts(names.collect());
        }
        if left.kind() == "subscript"
            && let Some(value) = left.child_by_field_name("value")
            && value.kind() == "identifier"
            && let Some(key) = left.child_by_field_name("subscript")
        {
            return Target::Item(self.slice(value).to_owned(), self.expr(key, depth + 1));
        }
        Target::Other(self.roots(left))
    }

    /// Returns the variables that what stands on the left of `=` gives values or changes.
    fn roots(&self, left: Node) -> Vec<String> {
        let object = match left.kind() {
            "identifier" => return vec![self.slice(left).to_owned()],
            "attribute" => left.child_by_field_name("object"),
            "subscript" => left.child_by_field_name("value"),
            _ => return children(left).into_iter().flat_map(|part| self.roots(part)).collect(),
        };
        object.map(|object| self.roots(object)).unwrap_or_default()
    }

    fn conditional(&self, node: Node, depth: usize) -> Step {
        let mut cursor = node.walk();
        let clauses: Vec<Node> = node.children_by_field_name("alternative", &mut cursor).collect();
        // Each is nested in the one before.
        if clauses.len() > DEEPEST {
            return Step::Other(span(node));
        }
        let mut otherwise = Vec::new();
        for clause in clauses.into_iter().rev() {
            otherwise = match clause.kind() {
                "elif_clause" => vec![self.branch(clause, otherwise, depth)],
                _ => self.body(clause, depth),
            };
        }
        self.branch(node, otherwise, depth)
    }

    fn branch(&self, node: Node, otherwise: Vec<Step>, depth: usize) -> Step {
        let condition = node.child_by_field_name("condition");
        let condition =
            condition.map_or(unknown(span(node), "a condition"), |c| self.expr(c, depth));
        let then = node.child_by_field_name("consequence");
        let then = then.map(|then| self.block(then, depth)).unwrap_or_default();
        Step::If { condition, then, otherwise }
    }

    fn with(&self, node: Node, depth: usize) -> Step {
        let clauses = children(node).into_iter().filter(|child| child.kind() == "with_clause");
        let items = clauses.flat_map(children).filter(|item| item.kind() == "with_item");
        let contexts = items.filter_map(|item| {
            let value = item.child_by_field_name("value")?;
            if value.kind() != "as_pattern" {
                return Some((self.expr(value, depth), None));
            }
            let parts = children(value);
            let alias = parts.get(1).map(|alias| {
                let inner = children(*alias).first().copied();
                self.target(inner.or(Some(*alias)), depth)
            });
            Some((self.expr(*parts.first()?, depth), alias))
        });
        Step::With { contexts: contexts.collect(), body: self.body(node, depth) }
    }

    fn attempt(&self, node: Node, depth: usize) -> Step {
        let (mut handlers, mut otherwise, mut last) = (Vec::new(), Vec::new(), Vec::new());
        for child in children(node) {
            let blocks = children(child).into_iter().filter(|inner| inner.kind() == "block");
            let steps = blocks.flat_map(|block| self.block(block, depth));
            match child.kind() {
                "except_clause" | "except_group_clause" => handlers.push(steps.collect()),
                "else_clause" => otherwise.extend(steps),
                "finally_clause" => last.extend(steps),
                _ => {}
            }
        }
        Step::Try { body: self.body(node, depth), handlers, otherwise, last }
    }

    fn decorated(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let Some(definition) = node.child_by_field_name("definition") else { return };
        let first = out.len();
        self.step(definition, depth + 1, out);
        let is_plain = children(node)
            .into_iter()
            .filter(|child| child.kind() == "decorator")
            .all(|decorator| is_plain_decorator(self.slice(decorator)));
        if let Some(Step::Define(function)) = out.get_mut(first)
            && !is_plain
        {
            function.doubt = Some(DECORATED);
        }
    }

    fn function(&self, node: Node, depth: usize) -> Function {
        let field = |name| node.child_by_field_name(name);
        let list = field("parameters").map(children).unwrap_or_default();
        let body = field("body");
        let is_generator = body.is_some_and(has_yield);
        Function {
            name: field("name").map(|name| self.slice(name).to_owned()).unwrap_or_default(),
            parameters: self.parameters(list, depth),
            body: self.body(node, depth),
            is_open: false,
            doubt: is_generator.then_some(GENERATOR),
            span: span(node),
        }
    }

    fn parameters(&self, list: Vec<Node>, depth: usize) -> Vec<Parameter> {
        let of = |node: Node| {
            // A type stands behind the name.
            let inner = match node.kind() {
                "typed_parameter" => children(node).first().copied().unwrap_or(node),
                _ => node,
            };
            if matches!(inner.kind(), "list_splat_pattern" | "dictionary_splat_pattern") {
                let name = children(inner).first().map(|name| self.slice(*name));
                return Some(Parameter::rest(name.unwrap_or_default()));
            }
            if matches!(inner.kind(), "keyword_separator" | "positional_separator") {
                return None;
            }
            let name = inner.child_by_field_name("name").unwrap_or(inner);
            let value = inner.child_by_field_name("value");
            let value = value.map(|value| self.expr(value, depth + 1));
            Some(Parameter::new(self.slice(name), value))
        };
        list.into_iter().filter_map(of).collect()
    }

    fn class(&self, node: Node, depth: usize) -> Step {
        let parents = node.child_by_field_name("superclasses").map(children).unwrap_or_default();
        let name = node.child_by_field_name("name");
        Step::Class {
            name: name.map(|name| self.slice(name).to_owned()).unwrap_or_default(),
            parents: parents.into_iter().map(|parent| self.expr(parent, depth)).collect(),
            body: self.body(node, depth),
            span: span(node),
        }
    }

    /// Returns the names that an import brings, each with its full name.
    fn import(&self, node: Node) -> Vec<(String, String)> {
        let module = node.child_by_field_name("module_name").map(|module| self.slice(module));
        let mut cursor = node.walk();
        let names: Vec<Node> = node.children_by_field_name("name", &mut cursor).collect();
        let of = |name: Node| -> Option<(String, String)> {
            let full = |name: &str| match module {
                Some(module) => format!("{module}.{name}"),
                None => name.to_owned(),
            };
            if name.kind() == "aliased_import" {
                let path = self.slice(name.child_by_field_name("name")?);
                let alias = self.slice(name.child_by_field_name("alias")?);
                return Some((alias.to_owned(), full(path)));
            }
            let path = self.slice(name);
            let first = path.split('.').next().unwrap_or(path);
            // `import a.b` makes `a` known.
            Some((first.to_owned(), full(if module.is_some() { path } else { first })))
        };
        names.into_iter().filter_map(of).collect()
    }
}

const DECORATED: &str = "only run time knows what its decorator makes of the function";
const GENERATOR: &str = "only run time knows how far the generator is run in which it stands";

/// Returns whether a decorator leaves it at what the function does.
fn is_plain_decorator(decorator: &str) -> bool {
    let name = decorator.trim_start_matches('@').split('(').next().unwrap_or_default().trim();
    matches!(name.rsplit('.').next().unwrap_or(name), "staticmethod" | "wraps" | "override")
}

/// Returns whether a body gives values one after the other, apart from the functions in it.
fn has_yield(body: Node) -> bool {
    let mut function: Option<usize> = None;
    let mut is_found = false;
    syntax::walk(body, |node| {
        let is_inside = function.is_some_and(|end| node.start_byte() < end);
        if !is_inside && matches!(node.kind(), "function_definition" | "lambda") {
            function = Some(node.end_byte());
        }
        is_found |= !is_inside && node.kind() == "yield";
        !is_found
    });
    is_found
}

/// What Python does not have in common with other languages.
pub(super) static LANGUAGE: Language = Language {
    empty_text_is_false: true,
    empty_list_is_false: true,
    has_members: false,
    change: |method| match method {
        "append" => Some(Change::Push),
        "extend" | "update" => Some(Change::Extend),
        "insert" | "pop" | "popitem" | "remove" | "clear" | "sort" | "reverse" | "add"
        | "discard" | "setdefault" | "__setitem__" => Some(Change::Other),
        _ => None,
    },
    changes_first: |name| name == "random.shuffle" || name.starts_with("heapq."),
};
