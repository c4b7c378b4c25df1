//! JavaScript and TypeScript: from text to [`Module`].

mod builtin;
mod expression;
mod strings;

use tree_sitter::{Language, Node};

use super::code::{Expr, ExprKind, Function, Module, Step};
use super::syntax::{self, DEEPEST, ReadTree as _, children, has_any, span, unknown};
pub(super) use builtin::builtin;

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str, is_typed: bool) -> Module {
    let language: Language = if is_typed {
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT.into()
    } else {
        tree_sitter_javascript::LANGUAGE.into()
    };
    let reader = Reader { text };
    syntax::read(language, text, |tree| reader.block(tree.root_node(), 0))
}

struct Reader<'a> {
    text: &'a str,
}

impl<'a> Reader<'a> {
    /// Reads a statement, or the statements of a block.
    fn block(&self, node: Node, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        if matches!(node.kind(), "program" | "statement_block" | "class_body") {
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
            "expression_statement" => {
                for child in children(node) {
                    self.simple(child, depth, out);
                }
            }
            "lexical_declaration" | "variable_declaration" => {
                for child in children(node) {
                    self.declare(child, depth, out);
                }
            }
            "export_statement" => self.export(node, depth, out),
            "statement_block" => out.extend(self.block(node, depth)),
            "if_statement" => {
                let otherwise = node.child_by_field_name("alternative").and_then(|clause| {
                    children(clause).first().map(|inner| self.block(*inner, depth))
                });
                out.push(Step::If {
                    condition: self.condition(node.child_by_field_name("condition"), node, depth),
                    then: self.part(node, "consequence", depth),
                    otherwise: otherwise.unwrap_or_default(),
                });
            }
            "for_in_statement" => {
                let is_of = node.child_by_field_name("operator").is_some_and(|o| o.kind() == "of");
                let over = node.child_by_field_name("right").filter(|_| is_of);
                out.push(Step::Loop {
                    names: self.names(node.child_by_field_name("left")),
                    over: over.map(|over| self.expr(over, depth)),
                    body: self.part(node, "body", depth),
                });
            }
            "for_statement" | "while_statement" | "do_statement" => {
                let body = self.part(node, "body", depth);
                out.push(Step::Loop { names: Vec::new(), over: None, body });
            }
            "try_statement" => {
                out.extend(self.part(node, "body", depth));
                if let Some(handler) = node.child_by_field_name("handler") {
                    out.push(Step::Sometimes(self.part(handler, "body", depth)));
                }
                if let Some(last) = node.child_by_field_name("finalizer") {
                    out.extend(self.part(last, "body", depth));
                }
            }
            "function_declaration" | "generator_function_declaration" | "method_definition" => {
                let name = node.child_by_field_name("name");
                let name = name.map(|name| self.slice(name)).unwrap_or_default();
                out.push(Step::Define(self.function(node, name, depth)));
            }
            "class_declaration" | "abstract_class_declaration" | "class" => {
                out.push(self.class(node, depth));
            }
            "public_field_definition" | "field_definition" => self.field(node, depth, out),
            "import_statement" => out.push(Step::Import(self.import(node))),
            "return_statement" => self.give_back(node, depth, out),
            "throw_statement"
            | "empty_statement"
            | "break_statement"
            | "continue_statement"
            | "debugger_statement"
            | "interface_declaration"
            | "type_alias_declaration"
            | "enum_declaration"
            | "ambient_declaration"
            | "function_signature"
            | "import_alias"
            | "abstract_method_signature"
            | "method_signature"
            | "hash_bang_line" => {}
            _ => out.push(Step::Other(span(node))),
        }
    }

    /// Reads an expression that stands as a statement.
    fn simple(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let depth = depth + 1;
        if depth > DEEPEST {
            out.push(Step::Other(span(node)));
            return;
        }
        match node.kind() {
            "assignment_expression" => {
                let (left, right) =
                    (node.child_by_field_name("left"), node.child_by_field_name("right"));
                if let (Some(left), Some(right)) = (left, right) {
                    self.assign(left, right, depth, out);
                }
            }
            "augmented_assignment_expression" => {
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                let right = node.child_by_field_name("right");
                let names = self.names(node.child_by_field_name("left"));
                match (operator, right) {
                    (Some("+="), Some(right)) => {
                        out.push(Step::Assign {
                            names,
                            value: self.expr(right, depth),
                            adds: true,
                        });
                    }
                    _ => out.push(Step::Other(span(node))),
                }
            }
            "await_expression" | "parenthesized_expression" => {
                for inner in children(node) {
                    self.simple(inner, depth, out);
                }
            }
            "ternary_expression" => {
                let branch = |name| {
                    let mut steps = Vec::new();
                    if let Some(branch) = node.child_by_field_name(name) {
                        self.simple(branch, depth, &mut steps);
                    }
                    steps
                };
                out.push(Step::If {
                    condition: self.condition(node.child_by_field_name("condition"), node, depth),
                    then: branch("consequence"),
                    otherwise: branch("alternative"),
                });
            }
            "binary_expression" => {
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                let mut steps = Vec::new();
                if let Some(right) = node.child_by_field_name("right") {
                    self.simple(right, depth, &mut steps);
                }
                let condition = self.condition(node.child_by_field_name("left"), node, depth);
                match operator {
                    Some("&&") => {
                        out.push(Step::If { condition, then: steps, otherwise: Vec::new() });
                    }
                    Some("||") => {
                        out.push(Step::If { condition, then: Vec::new(), otherwise: steps });
                    }
                    _ => self.other(node, out),
                }
            }
            "sequence_expression" => {
                for inner in children(node) {
                    self.simple(inner, depth, out);
                }
            }
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
        if has_any(node, &["call_expression", "new_expression", "ERROR"]) {
            out.push(Step::Other(span(node)));
        }
    }

    fn give_back(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        match children(node).first() {
            Some(value) if matches!(value.kind(), "ternary_expression" | "binary_expression") => {
                self.simple(*value, depth, out);
                out.push(Step::Return(None));
            }
            Some(value) => out.push(Step::Return(Some(self.expr(*value, depth)))),
            None => out.push(Step::Return(None)),
        }
    }

    /// Reads `const name = value`.
    fn declare(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let (Some(name), Some(value)) =
            (node.child_by_field_name("name"), node.child_by_field_name("value"))
        else {
            return;
        };
        self.assign(name, value, depth, out);
    }

    fn assign(&self, left: Node, right: Node, depth: usize, out: &mut Vec<Step>) {
        if depth > DEEPEST {
            out.push(Step::Other(span(right)));
            return;
        }
        let target = self.slice(left);
        if let Some(module) = self.required(right) {
            out.push(Step::Import(self.module_names(left, module)));
            return;
        }
        let exported = target
            .strip_prefix("module.exports.")
            .or_else(|| target.strip_prefix("exports."))
            .or((left.kind() == "identifier").then_some(target));
        if target == "module.exports" || target == "exports" {
            self.export_value(right, depth, out);
            return;
        }
        let Some(name) = exported else {
            if left.kind() == "object_pattern" {
                self.take_apart(left, right, depth, out);
            } else {
                let names = self.names(Some(left));
                out.push(Step::Assign { names, value: self.expr(right, depth), adds: false });
            }
            return;
        };
        // At the top of a file a function that has a name is called by it.
        let is_top = left.parent().and_then(|n| n.parent()).and_then(|n| n.parent());
        let is_top = is_top.is_some_and(|n| matches!(n.kind(), "program" | "export_statement"));
        match right.kind() {
            "arrow_function" | "function_expression" | "function" if is_top => {
                out.push(Step::Define(self.function(right, name, depth)));
            }
            // `exports.up = exports.down = ...`
            "assignment_expression" => {
                self.simple(right, depth, out);
                let names = vec![name.to_owned()];
                let value = unknown(span(right), "a value that several names have");
                out.push(Step::Assign { names, value, adds: false });
            }
            _ => {
                let names = vec![name.to_owned()];
                out.push(Step::Assign { names, value: self.expr(right, depth), adds: false });
            }
        }
    }

    /// Reads `const { a, b: c } = value`.
    fn take_apart(&self, left: Node, right: Node, depth: usize, out: &mut Vec<Step>) {
        let value = self.expr(right, depth);
        let pairs = self.pattern(left);
        if !matches!(value.kind, ExprKind::Name(_) | ExprKind::Member(..)) {
            // Parts of what a call returns are known only at run time; it is made once.
            let mut names: Vec<String> = pairs.into_iter().map(|(_, name)| name).collect();
            names.extend(["{}".to_owned(), "{}".to_owned()]);
            out.push(Step::Assign { names, value, adds: false });
            return;
        }
        for (key, name) in pairs {
            let kind = ExprKind::Member(Box::new(value.clone()), key);
            let value = Expr { span: span(left), kind };
            out.push(Step::Assign { names: vec![name], value, adds: false });
        }
    }

    /// Returns the keys of a pattern, each with the name that its value gets.
    fn pattern(&self, node: Node) -> Vec<(String, String)> {
        let of = |part: Node| {
            let text = |node: Node| self.slice(node).to_owned();
            match part.kind() {
                "shorthand_property_identifier_pattern" => Some((text(part), text(part))),
                "pair_pattern" => {
                    let value = part.child_by_field_name("value")?;
                    let key = part.child_by_field_name("key")?;
                    (value.kind() == "identifier").then(|| (text(key), text(value)))
                }
                "object_assignment_pattern" => {
                    let left = part.child_by_field_name("left")?;
                    Some((text(left), text(left)))
                }
                _ => None,
            }
        };
        children(node).into_iter().filter_map(of).collect()
    }

    /// Returns the names on the left of `=` or of `of`; nothing where it is more than names.
    fn names(&self, left: Option<Node>) -> Vec<String> {
        let Some(left) = left else { return Vec::new() };
        if left.kind() == "identifier" {
            return vec![self.slice(left).to_owned()];
        }
        let parts = children(left);
        if left.kind() == "array_pattern" && parts.iter().all(|part| part.kind() == "identifier") {
            let mut names: Vec<String> =
                parts.into_iter().map(|part| self.slice(part).to_owned()).collect();
            if names.len() == 1 {
                // It gets a part, not the whole.
                names.push("{}".to_owned());
            }
            return names;
        }
        if left.kind() == "object_pattern" {
            let mut names: Vec<String> =
                self.pattern(left).into_iter().map(|(_, name)| name).collect();
            names.extend(["{}".to_owned(), "{}".to_owned()]);
            return names;
        }
        Vec::new()
    }

    fn export(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        if let Some(declaration) = node.child_by_field_name("declaration") {
            self.step(declaration, depth + 1, out);
        }
        if let Some(value) = node.child_by_field_name("value") {
            self.export_value(value, depth, out);
        }
    }

    /// Reads `module.exports = value` or `export default value`.
    fn export_value(&self, value: Node, depth: usize, out: &mut Vec<Step>) {
        match value.kind() {
            "class" => out.push(self.class(value, depth)),
            "object" => {
                for member in children(value) {
                    match member.kind() {
                        "method_definition" => self.step(member, depth + 1, out),
                        "pair" => self.field(member, depth, out),
                        _ => {}
                    }
                }
            }
            "as_expression" | "satisfies_expression" | "parenthesized_expression" => {
                if let Some(inner) = children(value).first()
                    && depth < DEEPEST
                {
                    self.export_value(*inner, depth + 1, out);
                }
            }
            _ => {}
        }
    }

    /// Reads a member of an object or a class as if it were a name of its own.
    fn field(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let name = ["name", "property", "key"].iter().find_map(|f| node.child_by_field_name(f));
        let (Some(name), Some(value)) = (name, node.child_by_field_name("value")) else { return };
        let name = self.slice(name).trim_matches(['\'', '"']);
        match value.kind() {
            "arrow_function" | "function_expression" | "function" => {
                out.push(Step::Define(self.function(value, name, depth)));
            }
            _ => {
                let names = vec![name.to_owned()];
                out.push(Step::Assign { names, value: self.expr(value, depth), adds: false });
            }
        }
    }

    fn function(&self, node: Node, name: &str, depth: usize) -> Function {
        let mut body = Vec::new();
        let mut parameters = Vec::new();
        let list = node.child_by_field_name("parameters").map(children).unwrap_or_default();
        let alone = node.child_by_field_name("parameter");
        for parameter in list.into_iter().chain(alone) {
            let inner = parameter.child_by_field_name("pattern");
            let inner =
                inner.or_else(|| parameter.child_by_field_name("left")).unwrap_or(parameter);
            let value = parameter
                .child_by_field_name("value")
                .or_else(|| parameter.child_by_field_name("right"));
            let value = value.map(|value| self.expr(value, depth + 1));
            if inner.kind() != "object_pattern" {
                parameters.push((self.slice(inner).to_owned(), value));
                continue;
            }
            let whole = format!("{{{}}}", parameters.len());
            for (key, name) in self.pattern(inner) {
                let object = Expr { span: span(inner), kind: ExprKind::Name(whole.clone()) };
                let kind = ExprKind::Member(Box::new(object), key);
                let value = Expr { span: span(inner), kind };
                body.push(Step::Assign { names: vec![name], value, adds: false });
            }
            parameters.push((whole, value));
        }
        if let Some(code) = node.child_by_field_name("body") {
            match code.kind() {
                "statement_block" => body.extend(self.block(code, depth + 1)),
                "ternary_expression" | "binary_expression" => {
                    self.simple(code, depth + 1, &mut body);
                }
                _ => body.push(Step::Return(Some(self.expr(code, depth + 1)))),
            }
        }
        Function { name: name.to_owned(), parameters, body, span: span(node) }
    }

    fn class(&self, node: Node, depth: usize) -> Step {
        let name = node.child_by_field_name("name");
        let clauses = children(node).into_iter().filter(|c| c.kind() == "class_heritage");
        let mut parents = Vec::new();
        for clause in clauses.flat_map(children) {
            match clause.kind() {
                "extends_clause" | "implements_clause" => {
                    for parent in children(clause) {
                        let kind = ExprKind::Name(self.slice(parent).to_owned());
                        parents.push(Expr { span: span(parent), kind });
                    }
                }
                _ => {
                    let kind = ExprKind::Name(self.slice(clause).to_owned());
                    parents.push(Expr { span: span(clause), kind });
                }
            }
        }
        Step::Class {
            name: name.map(|name| self.slice(name).to_owned()).unwrap_or_default(),
            parents,
            body: self.part(node, "body", depth),
            span: span(node),
        }
    }

    /// Returns the module of `require('module')`.
    fn required(&self, node: Node) -> Option<&'a str> {
        let callee = node.child_by_field_name("function")?;
        if node.kind() != "call_expression" || self.slice(callee) != "require" {
            return None;
        }
        let arguments = children(node.child_by_field_name("arguments")?);
        let module = arguments.first().filter(|module| module.kind() == "string")?;
        Some(self.slice(*module).trim_matches(['\'', '"']))
    }

    fn module_names(&self, left: Node, module: &str) -> Vec<(String, String)> {
        if left.kind() == "identifier" {
            return vec![(self.slice(left).to_owned(), module.to_owned())];
        }
        let pairs = self.pattern(left).into_iter();
        pairs.map(|(key, name)| (name, format!("{module}.{key}"))).collect()
    }

    /// Returns the names that an import brings, each with its full name.
    fn import(&self, node: Node) -> Vec<(String, String)> {
        let Some(source) = node.child_by_field_name("source") else { return Vec::new() };
        let module = self.slice(source).trim_matches(['\'', '"']);
        let mut found = Vec::new();
        let clauses = children(node).into_iter().filter(|child| child.kind() == "import_clause");
        for part in clauses.flat_map(children) {
            match part.kind() {
                "identifier" => found.push((self.slice(part).to_owned(), module.to_owned())),
                "namespace_import" => {
                    let name = children(part).first().map(|name| self.slice(*name).to_owned());
                    found.extend(name.map(|name| (name, module.to_owned())));
                }
                _ => {
                    for one in children(part) {
                        let name = one.child_by_field_name("name").map(|name| self.slice(name));
                        let alias = one.child_by_field_name("alias").map(|name| self.slice(name));
                        if let Some(name) = name {
                            let full = format!("{module}.{name}");
                            found.push((alias.unwrap_or(name).to_owned(), full));
                        }
                    }
                }
            }
        }
        found
    }
}
