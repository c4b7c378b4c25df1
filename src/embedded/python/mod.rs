//! Python: from text to [`Module`].

mod expression;
mod strings;

use tree_sitter::Node;

use super::code::{Function, Module, Step};
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
                    out.push(self.simple(child, depth));
                }
            }
            "if_statement" => out.push(self.conditional(node, depth)),
            "for_statement" => {
                let over = node.child_by_field_name("right");
                out.push(Step::Loop {
                    names: self.names(node.child_by_field_name("left")),
                    over: over.map(|over| self.expr(over, depth)),
                    body: self.body(node, depth),
                });
                self.alternatives(node, depth, out);
            }
            "while_statement" => {
                let body = self.body(node, depth);
                out.push(Step::Loop { names: Vec::new(), over: None, body });
                self.alternatives(node, depth, out);
            }
            "with_statement" => out.push(self.with(node, depth)),
            "try_statement" => {
                out.extend(self.body(node, depth));
                for child in children(node) {
                    match child.kind() {
                        "except_clause" | "except_group_clause" => {
                            let blocks =
                                children(child).into_iter().filter(|c| c.kind() == "block");
                            let steps = blocks.flat_map(|block| self.block(block, depth)).collect();
                            out.push(Step::Sometimes(steps));
                        }
                        "else_clause" | "finally_clause" => {
                            for block in children(child) {
                                out.extend(self.block(block, depth));
                            }
                        }
                        _ => {}
                    }
                }
            }
            "function_definition" => out.push(Step::Define(self.function(node, depth))),
            "class_definition" => out.push(self.class(node, depth)),
            "decorated_definition" => {
                if let Some(definition) = node.child_by_field_name("definition") {
                    self.step(definition, depth + 1, out);
                }
            }
            "import_statement" | "import_from_statement" => {
                out.push(Step::Import(self.import(node)));
            }
            "return_statement" => {
                let value = children(node).first().map(|value| self.expr(*value, depth));
                out.push(Step::Return(value));
            }
            "pass_statement"
            | "global_statement"
            | "nonlocal_statement"
            | "assert_statement"
            | "delete_statement"
            | "future_import_statement"
            | "break_statement"
            | "continue_statement"
            | "raise_statement"
            | "type_alias_statement" => {}
            _ => out.push(Step::Other(span(node))),
        }
    }

    fn alternatives(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        if let Some(other) = node.child_by_field_name("alternative") {
            out.extend(self.body(other, depth));
        }
    }

    /// Reads what an expression statement holds.
    fn simple(&self, node: Node, depth: usize) -> Step {
        match node.kind() {
            "assignment" | "augmented_assignment" => {
                let adds = node.kind() == "augmented_assignment";
                let names = self.names(node.child_by_field_name("left"));
                match node.child_by_field_name("right") {
                    Some(right) if right.kind() == "assignment" => Step::Other(span(node)),
                    Some(right) => Step::Assign { names, value: self.expr(right, depth), adds },
                    None => Step::Import(Vec::new()),
                }
            }
            // A docstring.
            "string" | "concatenated_string" | "ellipsis" => Step::Import(Vec::new()),
            _ => Step::Run(self.expr(node, depth)),
        }
    }

    /// Returns the names on the left of `=` or of `in`; nothing where it is more than names.
    fn names(&self, left: Option<Node>) -> Vec<String> {
        let Some(left) = left else { return Vec::new() };
        if left.kind() == "identifier" {
            return vec![self.slice(left).to_owned()];
        }
        let parts = children(left);
        let is_list = matches!(left.kind(), "pattern_list" | "tuple_pattern" | "list_pattern");
        if is_list && parts.iter().all(|part| part.kind() == "identifier") {
            return parts.into_iter().map(|part| self.slice(part).to_owned()).collect();
        }
        Vec::new()
    }

    fn conditional(&self, node: Node, depth: usize) -> Step {
        let condition = node.child_by_field_name("condition");
        let condition =
            condition.map_or(unknown(span(node), "a condition"), |c| self.expr(c, depth));
        let then = node.child_by_field_name("consequence");
        let then = then.map(|then| self.block(then, depth)).unwrap_or_default();
        let mut cursor = node.walk();
        let clauses: Vec<Node> = node.children_by_field_name("alternative", &mut cursor).collect();
        // Each is nested in the one before.
        if clauses.len() > DEEPEST {
            return Step::Other(span(node));
        }
        let mut otherwise = Vec::new();
        for clause in clauses.into_iter().rev() {
            if clause.kind() == "elif_clause" {
                let condition = clause.child_by_field_name("condition");
                let then = clause.child_by_field_name("consequence");
                let step = Step::If {
                    condition: condition
                        .map_or(unknown(span(clause), "a condition"), |c| self.expr(c, depth)),
                    then: then.map(|then| self.block(then, depth)).unwrap_or_default(),
                    otherwise,
                };
                otherwise = vec![step];
            } else {
                otherwise = self.body(clause, depth);
            }
        }
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
            let alias = parts.get(1).map(|alias| self.slice(*alias).to_owned());
            Some((self.expr(*parts.first()?, depth), alias))
        });
        Step::With { contexts: contexts.collect(), body: self.body(node, depth) }
    }

    fn function(&self, node: Node, depth: usize) -> Function {
        let field = |name| node.child_by_field_name(name);
        let parameters = field("parameters").map(children).unwrap_or_default();
        let parameters = parameters.into_iter().map(|parameter| {
            let name = parameter.child_by_field_name("name");
            let name = name.or_else(|| children(parameter).first().copied()).unwrap_or(parameter);
            let value = parameter.child_by_field_name("value");
            (self.slice(name).to_owned(), value.map(|value| self.expr(value, depth)))
        });
        Function {
            name: field("name").map(|name| self.slice(name).to_owned()).unwrap_or_default(),
            parameters: parameters.collect(),
            body: self.body(node, depth),
            span: span(node),
        }
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
