//! Python: from text to [`Module`].

mod strings;

use tree_sitter::{Node, Parser};

use super::code::{Argument, Call, Expr, ExprKind, Function, Module, Step};
use super::text::Quote;
use crate::source::Span;
pub(super) use strings::builtin;
use strings::{literal_text, without_double_braces};

/// How deep statements and expressions may be nested; what lies deeper is not read.
const DEEPEST: usize = 100;

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str) -> Module {
    let mut parser = Parser::new();
    let language = tree_sitter_python::LANGUAGE.into();
    let tree = parser.set_language(&language).ok().and_then(|()| parser.parse(text, None));
    let Some(tree) = tree else {
        let all = Span::new(0..text.len());
        return Module { steps: vec![Step::Other(all)], comments: Vec::new() };
    };
    let reader = Reader { text };
    Module { steps: reader.block(tree.root_node(), 0), comments: comments(&tree) }
}

/// Returns the comments of a tree, walking it without recursion.
fn comments(tree: &tree_sitter::Tree) -> Vec<Span> {
    let mut found = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.kind() == "comment" {
            found.push(Span::new(node.byte_range()));
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return found;
            }
        }
    }
}

struct Reader<'a> {
    text: &'a str,
}

fn span(node: Node) -> Span {
    Span::new(node.byte_range())
}

/// Returns the named children of a node, without comments.
fn children(node: Node) -> Vec<Node> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor).filter(|child| child.kind() != "comment").collect()
}

impl<'a> Reader<'a> {
    fn slice(&self, node: Node) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

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

    fn expr(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if depth > DEEPEST {
            return unknown(here, "an expression that is nested too deeply");
        }
        let depth = depth + 1;
        let field = |name| node.child_by_field_name(name).map(|child| self.expr(child, depth));
        let all = |nodes: Vec<Node>| nodes.into_iter().map(|n| self.expr(n, depth)).collect();
        let kind = match node.kind() {
            "identifier" => ExprKind::Name(self.slice(node).to_owned()),
            "attribute" => {
                let member = node.child_by_field_name("attribute").map(|name| self.slice(name));
                match (field("object"), member) {
                    (Some(object), Some(name)) => {
                        ExprKind::Member(Box::new(object), name.to_owned())
                    }
                    _ => ExprKind::Unknown("an expression with an error in it"),
                }
            }
            "call" => match field("function") {
                Some(callee) => {
                    let arguments = node.child_by_field_name("arguments");
                    let arguments =
                        arguments.map(|list| self.arguments(list, depth)).unwrap_or_default();
                    ExprKind::Call(Box::new(Call { callee, arguments }))
                }
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "string" => return self.string(node, depth),
            "concatenated_string" => ExprKind::Join(all(children(node))),
            "integer" | "float" => ExprKind::Number(self.slice(node).to_owned()),
            "unary_operator" => ExprKind::Number(self.slice(node).replace(' ', "")),
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "none" => ExprKind::Nothing,
            "list" | "tuple" | "set" | "expression_list" => ExprKind::List(all(children(node))),
            "dictionary" => {
                let pairs = children(node).into_iter().map(|pair| {
                    let part = |name| pair.child_by_field_name(name);
                    let of = |child: Option<Node>| {
                        child.map_or(unknown(span(pair), "a spread mapping"), |c| {
                            self.expr(c, depth)
                        })
                    };
                    (of(part("key")), of(part("value")))
                });
                ExprKind::Map(pairs.collect())
            }
            "parenthesized_expression" => {
                return match children(node).first() {
                    Some(inner) => self.expr(*inner, depth),
                    None => unknown(here, "an expression with an error in it"),
                };
            }
            "binary_operator" => return self.binary(node, depth),
            "not_operator" => match field("argument") {
                Some(argument) => ExprKind::Not(Box::new(argument)),
                None => ExprKind::Unknown("a condition"),
            },
            "boolean_operator" => {
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                let sides = field("left").into_iter().chain(field("right")).collect();
                ExprKind::Logic(operator == Some("and"), sides)
            }
            "comparison_operator" => {
                let mut cursor = node.walk();
                let operators: Vec<&str> = node
                    .children_by_field_name("operators", &mut cursor)
                    .map(|operator| self.slice(operator))
                    .collect();
                match (&children(node)[..], &operators[..]) {
                    ([left, right], ["==" | "is"]) => ExprKind::Equal(
                        Box::new(self.expr(*left, depth)),
                        Box::new(self.expr(*right, depth)),
                        true,
                    ),
                    ([left, right], ["!=" | "is not"]) => ExprKind::Equal(
                        Box::new(self.expr(*left, depth)),
                        Box::new(self.expr(*right, depth)),
                        false,
                    ),
                    _ => ExprKind::Unknown("a comparison"),
                }
            }
            "await" => {
                return match children(node).first() {
                    Some(inner) => self.expr(*inner, depth),
                    None => unknown(here, "an expression with an error in it"),
                };
            }
            "conditional_expression" => ExprKind::Unknown("a choice that is made at run time"),
            "list_comprehension"
            | "generator_expression"
            | "set_comprehension"
            | "dictionary_comprehension" => ExprKind::Unknown("a list that is made at run time"),
            "lambda" => ExprKind::Unknown("a function without a name"),
            "subscript" => ExprKind::Unknown("an element that is looked up at run time"),
            _ => ExprKind::Unknown("an expression that is not read"),
        };
        Expr { span: here, kind }
    }

    fn arguments(&self, list: Node, depth: usize) -> Vec<Argument> {
        if list.kind() != "argument_list" {
            let value = self.expr(list, depth);
            return vec![Argument { name: None, value, is_spread: false }];
        }
        let argument = |node: Node| match node.kind() {
            "keyword_argument" => {
                let part = |name| node.child_by_field_name(name);
                Argument {
                    name: part("name").map(|name| self.slice(name).to_owned()),
                    value: part("value").map_or(unknown(span(node), "an argument"), |value| {
                        self.expr(value, depth)
                    }),
                    is_spread: false,
                }
            }
            "list_splat" | "dictionary_splat" => {
                let value = children(node).first().map(|value| self.expr(*value, depth));
                let value = value.unwrap_or(unknown(span(node), "an argument"));
                let name = (node.kind() == "dictionary_splat").then(|| "**".to_owned());
                Argument { name, value, is_spread: true }
            }
            _ => Argument { name: None, value: self.expr(node, depth), is_spread: false },
        };
        children(list).into_iter().map(argument).collect()
    }

    /// Reads `a + b + c` without going deeper for each `+`, and `a % b`.
    fn binary(&self, node: Node, depth: usize) -> Expr {
        let operator = |node: Node| node.child_by_field_name("operator").map(|o| self.slice(o));
        let here = span(node);
        if operator(node) == Some("+") {
            let mut parts = Vec::new();
            let mut left = node;
            while left.kind() == "binary_operator" && operator(left) == Some("+") {
                parts.extend(left.child_by_field_name("right").map(|r| self.expr(r, depth)));
                let Some(next) = left.child_by_field_name("left") else { break };
                left = next;
            }
            parts.push(self.expr(left, depth));
            parts.reverse();
            return Expr { span: here, kind: ExprKind::Join(parts) };
        }
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        match (operator(node), sides) {
            (Some("%"), Some((left, right))) => {
                let argument =
                    Argument { name: None, value: self.expr(right, depth), is_spread: false };
                let object = Box::new(self.expr(left, depth));
                let callee = Expr { span: here, kind: ExprKind::Member(object, "%".to_owned()) };
                let call = Call { callee, arguments: vec![argument] };
                Expr { span: here, kind: ExprKind::Call(Box::new(call)) }
            }
            _ => unknown(here, "a calculation"),
        }
    }

    /// Reads a literal, with its escape sequences and the expressions in it.
    fn string(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let literal = self.slice(node);
        let prefix = literal.find(['"', '\'']).unwrap_or(0);
        let (prefix, rest) = literal.split_at(prefix);
        let flags = prefix.to_ascii_lowercase();
        let Some(mark) = rest.chars().next() else { return unknown(here, "a string") };
        let is_long = rest.starts_with(&mark.to_string().repeat(3)) && rest.len() >= 6;
        let width = if is_long { 3 } else { 1 };
        if flags.contains('b') || flags.contains('t') || rest.len() < 2 * width {
            return unknown(here, "a literal that is no string");
        }
        let quote = Quote { mark, is_long, is_template: flags.contains('f') };
        let start = node.start_byte() + prefix.len() + width;
        let end = node.end_byte() - width;
        let is_raw = flags.contains('r');
        if !quote.is_template {
            let text = literal_text(self.text, start..end, quote, is_raw);
            return Expr { span: here, kind: ExprKind::Text(text) };
        }
        let mut parts = Vec::new();
        let mut from = start;
        let text_part = |range: std::ops::Range<usize>| {
            let span = Span::new(range.clone());
            let text = without_double_braces(literal_text(self.text, range, quote, is_raw));
            Expr { span, kind: ExprKind::Text(text) }
        };
        for child in children(node).into_iter().filter(|child| child.kind() == "interpolation") {
            parts.push(text_part(from..child.start_byte().max(from)));
            from = child.end_byte();
            let has_format = child.child_by_field_name("format_specifier").is_some()
                || child.child_by_field_name("type_conversion").is_some();
            parts.push(match child.child_by_field_name("expression") {
                Some(value) if !has_format => self.expr(value, depth),
                _ => unknown(span(child), "a formatted value"),
            });
        }
        parts.push(text_part(from..end.max(from)));
        Expr { span: here, kind: ExprKind::Join(parts) }
    }
}

fn unknown(span: Span, what: &'static str) -> Expr {
    Expr { span, kind: ExprKind::Unknown(what) }
}
