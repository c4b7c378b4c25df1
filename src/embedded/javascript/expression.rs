//! Expressions of JavaScript and TypeScript.

use tree_sitter::Node;

use super::super::code::{Argument, Call, Expr, ExprKind, Target};
use super::super::literal::literal_text;
use super::super::syntax::{DEEPEST, ReadTree, children, span, unknown};
use super::super::text::Quote;
use super::Reader;
use super::strings::{raw, unescape};
use crate::source::Span;

impl<'a> ReadTree<'a> for Reader<'a> {
    fn text(&self) -> &'a str {
        self.text
    }

    fn does_something(&self, node: Node) -> bool {
        matches!(
            node.kind(),
            "call_expression"
                | "await_expression"
                | "new_expression"
                | "assignment_expression"
                | "augmented_assignment_expression"
                | "update_expression"
                | "yield_expression"
        )
    }

    fn expr(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if depth > DEEPEST {
            return self.too_deep(node);
        }
        let depth = depth + 1;
        let field = |name| node.child_by_field_name(name).map(|child| self.expr(child, depth));
        let kind = match node.kind() {
            "identifier" | "this" | "super" => ExprKind::Name(self.slice(node).to_owned()),
            "member_expression" => {
                let member = node.child_by_field_name("property").map(|name| self.slice(name));
                match (field("object"), member) {
                    (Some(object), Some(name)) => {
                        ExprKind::Member(Box::new(object), name.to_owned())
                    }
                    _ => ExprKind::Unknown("an expression with an error in it"),
                }
            }
            "call_expression" => return self.call(node, depth),
            "new_expression" => match field("constructor") {
                Some(callee) => {
                    let arguments = node.child_by_field_name("arguments");
                    let arguments = arguments.map(|list| self.arguments(list, depth));
                    let arguments = arguments.unwrap_or_default();
                    ExprKind::Call(Box::new(Call { callee, arguments }))
                }
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "string" => {
                let text = literal_text(self.text, inside(node), quote(node, self.text), unescape);
                ExprKind::Text(text)
            }
            "template_string" => return self.template(node, depth, false, false),
            "number" => ExprKind::Number(self.slice(node).to_owned()),
            "unary_expression" => {
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                match (operator, field("argument")) {
                    (Some("!"), Some(inner)) => ExprKind::Not(Box::new(inner)),
                    (Some("-"), Some(Expr { kind: ExprKind::Number(number), .. })) => {
                        ExprKind::Number(format!("-{number}"))
                    }
                    _ => return self.unread(node, "a calculation", depth),
                }
            }
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "null" | "undefined" => ExprKind::Nothing,
            "array" => {
                let has_spread =
                    children(node).iter().any(|child| child.kind() == "spread_element");
                if has_spread {
                    return self.unread(node, "a list that is made at run time", depth);
                }
                let values = children(node).into_iter().map(|child| self.expr(child, depth));
                ExprKind::List(values.collect())
            }
            "object" => ExprKind::Map(self.pairs(node, depth)),
            "await_expression" | "yield_expression" => match children(node).first() {
                Some(inner) => ExprKind::Await(Box::new(self.expr(*inner, depth))),
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "parenthesized_expression"
            | "as_expression"
            | "satisfies_expression"
            | "non_null_expression" => {
                return match children(node).first() {
                    Some(inner) => self.expr(*inner, depth),
                    None => unknown(here, "an expression with an error in it"),
                };
            }
            "type_assertion" => {
                return match children(node).last() {
                    Some(inner) => self.expr(*inner, depth),
                    None => unknown(here, "an expression with an error in it"),
                };
            }
            "arrow_function" | "function_expression" | "function" => {
                ExprKind::Function(Box::new(self.function(node, "", depth)))
            }
            "binary_expression" => return self.binary(node, depth),
            "ternary_expression" => {
                let parts = ["condition", "consequence", "alternative"].map(field);
                match parts {
                    [Some(condition), Some(then), Some(otherwise)] => {
                        ExprKind::Choice(Box::new([condition, then, otherwise]))
                    }
                    _ => ExprKind::Unknown("an expression with an error in it"),
                }
            }
            "subscript_expression" => match (field("object"), field("index")) {
                (Some(object), Some(key)) => ExprKind::Item(Box::new(object), Box::new(key)),
                _ => ExprKind::Unknown("an expression with an error in it"),
            },
            "assignment_expression" => match field("right") {
                Some(value) => {
                    let target = self.target(node.child_by_field_name("left"), depth);
                    ExprKind::Bind(Box::new(target), Box::new(value))
                }
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "augmented_assignment_expression" | "update_expression" => {
                let left = node.child_by_field_name("left").unwrap_or(node);
                let target = Target::Other(self.roots(left));
                let value = field("right").unwrap_or(unknown(here, "a calculation"));
                ExprKind::Bind(Box::new(target), Box::new(value))
            }
            "sequence_expression" => {
                return self.unread(node, "several expressions", depth);
            }
            "ERROR" => ExprKind::Unread,
            _ => return self.unread(node, "an expression that is not read", depth),
        };
        Expr { span: here, kind }
    }
}

impl Reader<'_> {
    fn call(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let Some(callee) = node.child_by_field_name("function") else {
            return unknown(here, "an expression with an error in it");
        };
        let arguments = match node.child_by_field_name("arguments") {
            Some(text) if text.kind() == "template_string" => {
                if self.slice(callee) == "String.raw" {
                    return self.template(text, depth, true, false);
                }
                let value = self.template(text, depth, false, true);
                vec![Argument { name: None, value, is_spread: false }]
            }
            Some(list) => self.arguments(list, depth),
            None => Vec::new(),
        };
        let callee = self.expr(callee, depth);
        Expr { span: here, kind: ExprKind::Call(Box::new(Call { callee, arguments })) }
    }

    fn arguments(&self, list: Node, depth: usize) -> Vec<Argument> {
        let argument = |node: Node| match node.kind() {
            "spread_element" => {
                let value = children(node).first().map(|value| self.expr(*value, depth));
                let value = value.unwrap_or(unknown(span(node), "an argument"));
                Argument { name: None, value, is_spread: true }
            }
            _ => Argument { name: None, value: self.expr(node, depth), is_spread: false },
        };
        children(list).into_iter().map(argument).collect()
    }

    /// Reads the members of an object. One whose name is not known has an unknown key.
    fn pairs(&self, node: Node, depth: usize) -> Vec<(Expr, Expr)> {
        let key = |node: Node| match node.kind() {
            "property_identifier" | "shorthand_property_identifier" => {
                let text = super::super::text::Text::translated(self.slice(node), span(node));
                Expr { span: span(node), kind: ExprKind::Text(text) }
            }
            _ => self.expr(node, depth),
        };
        let of = |child: Node| match child.kind() {
            "pair" => {
                let value = child.child_by_field_name("value");
                let value = value.map(|value| self.expr(value, depth));
                let key = child.child_by_field_name("key").map(key);
                let none = || unknown(span(child), "a member with an error in it");
                (key.unwrap_or_else(none), value.unwrap_or_else(none))
            }
            "shorthand_property_identifier" => {
                let kind = ExprKind::Name(self.slice(child).to_owned());
                (key(child), Expr { span: span(child), kind })
            }
            "method_definition" => {
                let name = child.child_by_field_name("name").map(key);
                let none = || unknown(span(child), "a member with an error in it");
                let method = ExprKind::Function(Box::new(self.function(child, "", depth)));
                (name.unwrap_or_else(none), Expr { span: span(child), kind: method })
            }
            _ => {
                let what = "a spread object";
                (self.unread(child, what, depth), unknown(span(child), what))
            }
        };
        children(node).into_iter().map(of).collect()
    }

    /// Reads what decides a branch.
    pub(super) fn condition(&self, node: Option<Node>, whole: Node, depth: usize) -> Expr {
        let Some(node) = node else { return unknown(span(whole), "a condition") };
        let depth = depth + 1;
        if depth > DEEPEST {
            return self.too_deep(node);
        }
        if node.kind() == "parenthesized_expression" {
            return self.condition(children(node).first().copied(), whole, depth);
        }
        self.expr(node, depth)
    }

    /// Reads `a + b + c` and comparisons.
    fn binary(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if let Some(sum) = self.sum(node, here, depth) {
            return sum;
        }
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        let equal = match self.operator(node) {
            Some("==" | "===") => Some(true),
            Some("!=" | "!==") => Some(false),
            _ => None,
        };
        match (equal, sides) {
            (Some(wanted), Some((left, right))) => {
                let left = Box::new(self.expr(left, depth));
                let right = Box::new(self.expr(right, depth));
                Expr { span: here, kind: ExprKind::Equal(left, right, wanted) }
            }
            _ if matches!(self.operator(node), Some("&&" | "||")) => {
                let sides = ["left", "right"].map(|side| node.child_by_field_name(side));
                let sides = sides.into_iter().flatten().map(|side| self.expr(side, depth));
                let kind = ExprKind::Logic(self.operator(node) == Some("&&"), sides.collect());
                Expr { span: here, kind }
            }
            _ => self.unread(node, "a calculation", depth),
        }
    }

    /// Reads a template with the expressions in it. In one with a tag they are parameters of a statement.
    fn template(&self, node: Node, depth: usize, is_raw: bool, is_tagged: bool) -> Expr {
        let here = span(node);
        let parts: Vec<Node> = children(node)
            .into_iter()
            .filter(|child| child.kind() == "template_substitution")
            .collect();
        let is_template = !parts.is_empty();
        let quote = Quote { mark: '`', is_long: true, is_template };
        let inside = inside(node);
        let escapes = if is_raw { raw } else { unescape };
        let text = |range: std::ops::Range<usize>| {
            let kind = ExprKind::Text(literal_text(self.text, range.clone(), quote, escapes));
            Expr { span: Span::new(range), kind }
        };
        if !is_template {
            return Expr { span: here, ..text(inside) };
        }
        let mut joined = Vec::new();
        let mut from = inside.start;
        for part in parts {
            joined.push(text(from..part.start_byte().max(from)));
            from = part.end_byte();
            let inner = children(part).first().map(|inner| self.expr(*inner, depth));
            let inner = inner.unwrap_or(unknown(span(part), "value"));
            joined.push(if is_tagged { unknown(span(part), "value") } else { inner });
        }
        joined.push(text(from..inside.end.max(from)));
        Expr { span: here, kind: ExprKind::Join(joined) }
    }
}

/// Returns what lies between the marks of a literal.
fn inside(node: Node) -> std::ops::Range<usize> {
    let start = node.start_byte() + 1;
    start..node.end_byte().saturating_sub(1).max(start)
}

fn quote(node: Node, text: &str) -> Quote {
    let mark = text.get(node.start_byte()..).and_then(|rest| rest.chars().next());
    Quote { mark: mark.unwrap_or('"'), is_long: false, is_template: false }
}
