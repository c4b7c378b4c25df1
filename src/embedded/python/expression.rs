//! Expressions of Python.

use tree_sitter::Node;

use super::super::code::{Argument, Call, Each, Expr, ExprKind, Function, Step};
use super::super::literal::literal_text;
use super::super::syntax::{DEEPEST, ReadTree, children, span, unknown};
use super::super::text::Quote;
use super::Reader;
use super::strings::{raw, unescape, without_double_braces};
use crate::source::Span;

impl<'a> ReadTree<'a> for Reader<'a> {
    fn text(&self) -> &'a str {
        self.text
    }

    fn does_something(&self, node: Node) -> bool {
        matches!(node.kind(), "call" | "named_expression" | "yield")
    }

    fn expr(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if depth > DEEPEST {
            return self.too_deep(node);
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
            "unary_operator" => match field("argument").map(|argument| argument.kind) {
                Some(ExprKind::Number(number)) if self.operator(node) == Some("-") => {
                    ExprKind::Number(format!("-{number}"))
                }
                _ => return self.unread(node, "a calculation", depth),
            },
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "none" => ExprKind::Nothing,
            "list" | "tuple" | "set" | "expression_list" => ExprKind::List(all(children(node))),
            "dictionary" => {
                let pairs = children(node).into_iter().map(|pair| {
                    let part = |name| pair.child_by_field_name(name);
                    match (part("key"), part("value")) {
                        (Some(key), Some(value)) => {
                            (self.expr(key, depth), self.expr(value, depth))
                        }
                        _ => {
                            let what = "a spread mapping";
                            (self.unread(pair, what, depth), unknown(span(pair), what))
                        }
                    }
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
                    _ => return self.unread(node, "a comparison", depth),
                }
            }
            "await" => {
                return match children(node).first() {
                    Some(inner) => self.expr(*inner, depth),
                    None => unknown(here, "an expression with an error in it"),
                };
            }
            "conditional_expression" => match children(node)[..] {
                [then, condition, otherwise] => {
                    let parts = [condition, then, otherwise].map(|part| self.expr(part, depth));
                    ExprKind::Choice(Box::new(parts))
                }
                _ => ExprKind::Unknown("an expression with an error in it"),
            },
            "named_expression" => match field("value") {
                Some(value) => {
                    let target = self.target(node.child_by_field_name("name"), depth);
                    ExprKind::Bind(Box::new(target), Box::new(value))
                }
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "list_comprehension" | "generator_expression" | "set_comprehension" => {
                return self.comprehension(node, depth);
            }
            "lambda" => ExprKind::Function(Box::new(self.lambda(node, depth))),
            "subscript" => match children(node)[..] {
                [object, key] if key.kind() != "slice" => ExprKind::Item(
                    Box::new(self.expr(object, depth)),
                    Box::new(self.expr(key, depth)),
                ),
                _ => return self.unread(node, "an element that is looked up at run time", depth),
            },
            "ERROR" => ExprKind::Unread,
            _ => return self.unread(node, "an expression that is not read", depth),
        };
        Expr { span: here, kind }
    }
}

impl Reader<'_> {
    fn lambda(&self, node: Node, depth: usize) -> Function {
        let field = |name| node.child_by_field_name(name);
        let list = field("parameters").map(children).unwrap_or_default();
        let body = field("body").map(|body| Step::Return(Some(self.expr(body, depth))));
        Function {
            name: String::new(),
            parameters: self.parameters(list, depth),
            body: body.into_iter().collect(),
            is_open: false,
            doubt: None,
            span: span(node),
        }
    }

    /// Reads a list that is made of one other list.
    fn comprehension(&self, node: Node, depth: usize) -> Expr {
        let parts = children(node);
        let clauses: Vec<Node> =
            parts.iter().filter(|part| part.kind() == "for_in_clause").copied().collect();
        let (Some(body), [clause]) = (node.child_by_field_name("body"), &clauses[..]) else {
            return self.unread(node, "a list that is made at run time", depth);
        };
        let Some(over) = clause.child_by_field_name("right") else {
            return self.unread(node, "a list that is made at run time", depth);
        };
        let conditions = parts.iter().filter(|part| part.kind() == "if_clause");
        let conditions = conditions.flat_map(|clause| children(*clause));
        let each = Each {
            element: self.expr(body, depth),
            target: self.target(clause.child_by_field_name("left"), depth),
            over: self.expr(over, depth),
            conditions: conditions.map(|condition| self.expr(condition, depth)).collect(),
        };
        Expr { span: span(node), kind: ExprKind::Each(Box::new(each)) }
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

    /// Reads `a + b + c` and `a % b`.
    fn binary(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if let Some(sum) = self.sum(node, here, depth) {
            return sum;
        }
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        match (self.operator(node), sides) {
            (Some("%"), Some((left, right))) => {
                let argument =
                    Argument { name: None, value: self.expr(right, depth), is_spread: false };
                let object = Box::new(self.expr(left, depth));
                let callee = Expr { span: here, kind: ExprKind::Member(object, "%".to_owned()) };
                let call = Call { callee, arguments: vec![argument] };
                Expr { span: here, kind: ExprKind::Call(Box::new(call)) }
            }
            _ => self.unread(node, "a calculation", depth),
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
        let escapes = if flags.contains('r') { raw } else { unescape };
        if !quote.is_template {
            let text = literal_text(self.text, start..end, quote, escapes);
            return Expr { span: here, kind: ExprKind::Text(text) };
        }
        let mut parts = Vec::new();
        let mut from = start;
        let text_part = |range: std::ops::Range<usize>| {
            let span = Span::new(range.clone());
            let text = without_double_braces(literal_text(self.text, range, quote, escapes));
            Expr { span, kind: ExprKind::Text(text) }
        };
        for child in children(node).into_iter().filter(|child| child.kind() == "interpolation") {
            parts.push(text_part(from..child.start_byte().max(from)));
            from = child.end_byte();
            let has_format = child.child_by_field_name("format_specifier").is_some()
                || child.child_by_field_name("type_conversion").is_some();
            parts.push(match child.child_by_field_name("expression") {
                Some(value) if !has_format => self.expr(value, depth),
                _ => self.unread(child, "a formatted value", depth),
            });
        }
        parts.push(text_part(from..end.max(from)));
        Expr { span: here, kind: ExprKind::Join(parts) }
    }
}
