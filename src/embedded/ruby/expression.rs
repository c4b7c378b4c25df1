//! Expressions of Ruby.

use tree_sitter::Node;

use super::super::code::{Argument, Call, Expr, ExprKind, Step, Target};
use super::super::literal::literal_text;
use super::super::syntax::{DEEPEST, ReadTree, children, span, unknown};
use super::super::text::{Quote, Text};
use super::strings::{Escapes, dedented, unescape};
use super::{BLOCK, Reader};
use crate::source::Span;

impl<'a> ReadTree<'a> for Reader<'a> {
    fn text(&self) -> &'a str {
        self.text
    }

    fn does_something(&self, node: Node) -> bool {
        match node.kind() {
            "call" | "assignment" | "operator_assignment" | "super" | "yield" => true,
            "identifier" => self.methods.contains(self.slice(node)),
            _ => false,
        }
    }

    fn expr(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        if depth > DEEPEST {
            return self.too_deep(node);
        }
        let depth = depth + 1;
        let kind = match node.kind() {
            "identifier" if self.methods.contains(self.slice(node)) => return self.own_call(node),
            "identifier" | "constant" | "scope_resolution" | "instance_variable"
            | "class_variable" | "global_variable" => ExprKind::Name(self.slice(node).to_owned()),
            "self" => ExprKind::Name(super::SELF.to_owned()),
            "call" => return self.call(node, depth),
            "string" => return self.string(node, depth),
            "chained_string" => {
                let parts = children(node).into_iter().map(|part| self.expr(part, depth));
                ExprKind::Join(parts.collect())
            }
            "heredoc_beginning" => return self.heredoc(node, depth),
            "simple_symbol" => {
                ExprKind::Text(Text::translated(self.slice(node).trim_start_matches(':'), here))
            }
            "hash_key_symbol" | "bare_symbol" | "bare_string" => {
                ExprKind::Text(Text::translated(self.slice(node), here))
            }
            "delimited_symbol" => match self.string(node, depth) {
                Expr { kind: ExprKind::Text(text), .. } => ExprKind::Text(text),
                _ => ExprKind::Unknown("a symbol that is made at run time"),
            },
            "integer" | "float" => ExprKind::Number(self.slice(node).replace('_', "")),
            "true" => ExprKind::Bool(true),
            "false" => ExprKind::Bool(false),
            "nil" => ExprKind::Nothing,
            "array" | "string_array" | "symbol_array" => {
                let parts = children(node);
                if parts.iter().any(|part| part.kind() == "splat_argument") {
                    return self.unread(node, "a list that is made at run time", depth);
                }
                ExprKind::List(parts.into_iter().map(|part| self.expr(part, depth)).collect())
            }
            "hash" => {
                ExprKind::Map(children(node).into_iter().map(|p| self.pair(p, depth)).collect())
            }
            "parenthesized_statements" => {
                return match children(node).as_slice() {
                    [inner] => self.expr(*inner, depth),
                    _ => self.unread(node, "several statements in parentheses", depth),
                };
            }
            "lambda" => return self.lambda(node, depth),
            "unary" => {
                let inner = node.child_by_field_name("operand").map(|o| self.expr(o, depth));
                let operator = node.child_by_field_name("operator").map(|o| self.slice(o));
                match (operator, inner) {
                    // A text that may be changed.
                    (Some("+"), Some(inner @ Expr { kind: ExprKind::Text(_), .. })) => {
                        return inner;
                    }
                    (Some("!" | "not"), Some(inner)) => ExprKind::Not(Box::new(inner)),
                    (Some("-"), Some(Expr { kind: ExprKind::Number(number), .. })) => {
                        ExprKind::Number(format!("-{number}"))
                    }
                    _ => return self.unread(node, "a calculation", depth),
                }
            }
            "binary" => return self.binary(node, depth),
            "conditional" => {
                let field = |name| node.child_by_field_name(name).map(|c| self.expr(c, depth));
                match ["condition", "consequence", "alternative"].map(field) {
                    [Some(condition), Some(then), Some(otherwise)] => {
                        ExprKind::Choice(Box::new([condition, then, otherwise]))
                    }
                    _ => ExprKind::Unknown("an expression with an error in it"),
                }
            }
            "element_reference" => match children(node)[..] {
                [object, key] => ExprKind::Item(
                    Box::new(self.expr(object, depth)),
                    Box::new(self.expr(key, depth)),
                ),
                _ => return self.unread(node, "an element that is looked up at run time", depth),
            },
            "assignment" => match node.child_by_field_name("right") {
                Some(right) => {
                    let target = self.target(node.child_by_field_name("left"), depth);
                    let value = self.expr(right, depth);
                    ExprKind::Bind(Box::new(target), Box::new(value))
                }
                None => ExprKind::Unknown("an expression with an error in it"),
            },
            "operator_assignment" => {
                let left = node.child_by_field_name("left");
                let target = Target::Other(left.map_or(Vec::new(), |left| self.roots(left)));
                let value = node.child_by_field_name("right").map(|right| self.expr(right, depth));
                let value = value.unwrap_or(unknown(here, "a calculation"));
                ExprKind::Bind(Box::new(target), Box::new(value))
            }
            "super" | "yield" | "ERROR" => ExprKind::Unread,
            _ => return self.unread(node, "an expression that is not read", depth),
        };
        Expr { span: here, kind }
    }
}

impl Reader<'_> {
    /// Reads a lambda; one that only gives a text is a call of `->` with it.
    fn lambda(&self, node: Node, depth: usize) -> Expr {
        let here = self.whole(node);
        let mut function = self.function(node, "", depth);
        if let Some(body) = node.child_by_field_name("body") {
            function.body = self.function(body, "", depth).body;
        }
        if let [Step::Return(Some(value))] = function.body.as_slice()
            && matches!(value.kind, ExprKind::Text(_) | ExprKind::Join(_))
        {
            let value = value.clone();
            let arguments = vec![Argument { name: None, value, is_spread: false }];
            let callee = self.own("->", here);
            let kind = ExprKind::Call(Box::new(Call { callee, arguments }));
            return Expr { span: here, kind };
        }
        Expr { span: here, kind: ExprKind::Function(Box::new(function)) }
    }

    fn call(&self, node: Node, depth: usize) -> Expr {
        let here = self.whole(node);
        let name = match node.child_by_field_name("method") {
            Some(method) if method.kind() == "super" => {
                return Expr { span: here, kind: ExprKind::Unread };
            }
            Some(method) => self.slice(method),
            None => "call",
        };
        let callee = match node.child_by_field_name("receiver") {
            Some(receiver) => {
                let object = self.expr(receiver, depth);
                let kind = ExprKind::Member(Box::new(object), name.to_owned());
                Expr { span: span(receiver), kind }
            }
            None => self.own(name, span(node)),
        };
        let arguments = node.child_by_field_name("arguments").map(children).unwrap_or_default();
        let mut arguments: Vec<Argument> =
            arguments.into_iter().map(|argument| self.argument(argument, depth)).collect();
        if let Some(block) = node.child_by_field_name("block") {
            let kind = ExprKind::Function(Box::new(self.function(block, "", depth)));
            let value = Expr { span: self.whole(block), kind };
            arguments.push(Argument { name: Some(BLOCK.to_owned()), value, is_spread: false });
        }
        Expr { span: here, kind: ExprKind::Call(Box::new(Call { callee, arguments })) }
    }

    fn argument(&self, node: Node, depth: usize) -> Argument {
        let inner = || {
            let inner = children(node).first().map(|value| self.expr(*value, depth));
            inner.unwrap_or(unknown(span(node), "an argument"))
        };
        match node.kind() {
            "splat_argument" | "hash_splat_argument" | "forward_argument" => {
                Argument { name: None, value: inner(), is_spread: true }
            }
            "block_argument" => {
                // A method that is named stands for a block that calls it.
                let value = self.unread(node, "a block", depth);
                Argument { name: Some(BLOCK.to_owned()), value, is_spread: false }
            }
            "pair" => match self.pair(node, depth) {
                (Expr { kind: ExprKind::Text(key), .. }, value) if !key.is_open() => {
                    Argument { name: Some(key.shown()), value, is_spread: false }
                }
                (_, value) => Argument { name: None, value, is_spread: true },
            },
            _ => Argument { name: None, value: self.expr(node, depth), is_spread: false },
        }
    }

    /// Reads a member of a hash. One whose name is not known has an unknown key.
    fn pair(&self, node: Node, depth: usize) -> (Expr, Expr) {
        let other = || unknown(span(node), "members that are known at run time");
        let Some(key) = node.child_by_field_name("key") else { return (other(), other()) };
        let value = match node.child_by_field_name("value") {
            Some(value) => self.expr(value, depth),
            // `name:` alone is short for `name: name`.
            None => Expr { span: span(key), kind: ExprKind::Name(self.slice(key).to_owned()) },
        };
        (self.expr(key, depth), value)
    }

    /// Reads `a + b + c` and comparisons.
    fn binary(&self, node: Node, depth: usize) -> Expr {
        let here = self.whole(node);
        if let Some(sum) = self.sum(node, here, depth) {
            return sum;
        }
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        let Some((left, right)) = sides else { return unknown(here, "a calculation") };
        let sides = || (self.expr(left, depth), self.expr(right, depth));
        let kind = match self.operator(node) {
            Some("<<") => {
                let (object, value) = sides();
                let kind = ExprKind::Member(Box::new(object), "<<".to_owned());
                let callee = Expr { span: here, kind };
                let arguments = vec![Argument { name: None, value, is_spread: false }];
                ExprKind::Call(Box::new(Call { callee, arguments }))
            }
            Some(equal @ ("==" | "!=")) => {
                let (left, right) = sides();
                ExprKind::Equal(Box::new(left), Box::new(right), equal == "==")
            }
            Some(logic @ ("&&" | "and" | "||" | "or")) => {
                let (left, right) = sides();
                ExprKind::Logic(matches!(logic, "&&" | "and"), vec![left, right])
            }
            _ => return self.unread(node, "a calculation", depth),
        };
        Expr { span: here, kind }
    }

    /// Reads a literal with the expressions in it.
    fn string(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let mut cursor = node.walk();
        let all: Vec<Node> = node.children(&mut cursor).collect();
        let (Some(first), Some(last)) = (all.first(), all.last()) else {
            return unknown(here, "a literal with an error in it");
        };
        if all.len() < 2 || first.is_named() || last.is_named() || node.has_error() {
            return unknown(here, "a literal with an error in it");
        }
        let opening = self.slice(*first).trim_start_matches(':');
        let (open, close) = (opening.chars().last(), self.slice(*last).chars().next());
        let (open, close) = (open.unwrap_or('"'), close.unwrap_or('"'));
        let escapes = match opening.starts_with('\'') || opening.starts_with("%q") {
            true => Escapes::Few(open, close),
            false => Escapes::All,
        };
        let parts: Vec<_> = all.iter().filter(|part| part.kind() == "interpolation").collect();
        let is_template = !parts.is_empty();
        let quote = Quote { mark: close, is_long: true, is_template };
        let inside = first.end_byte()..last.start_byte().max(first.end_byte());
        let ranges: Vec<_> = parts.iter().map(|part| part.byte_range()).collect();
        self.joined(node, here, inside, &ranges, depth, |range| {
            literal_text(self.text, range, quote, |text| unescape(text, escapes))
        })
    }

    fn heredoc(&self, node: Node, depth: usize) -> Expr {
        let Some(heredoc) = self.heredocs.at(span(node).start) else {
            return unknown(span(node), "a text whose end is not found");
        };
        let is_template = !heredoc.parts.is_empty();
        // What ends it cannot come into it through a fix that has no word of its own in a line.
        let mark = heredoc.mark().chars().next().unwrap_or('"');
        let mark = if heredoc.mark().len() == 1 { mark } else { '`' };
        let quote = Quote { mark, is_long: true, is_template };
        let escapes = if heredoc.is_raw { Escapes::None } else { Escapes::All };
        let indentation = heredoc.indentation(self.text);
        let here = Span { start: span(node).start, end: heredoc.body.end };
        let root = self.heredoc_body(node, heredoc.body);
        let body = root.unwrap_or(node);
        self.joined(body, here, heredoc.text.clone(), &heredoc.parts, depth, |range| {
            dedented(self.text, range, quote, escapes, indentation)
        })
    }

    /// Returns the node of a heredoc's text.
    fn heredoc_body<'t>(&self, node: Node<'t>, body: Span) -> Option<Node<'t>> {
        let mut root = node;
        while let Some(parent) = root.parent() {
            root = parent;
            let end = body.end as usize;
            if root.end_byte() >= end
                && let Some(found) = root.descendant_for_byte_range(end.checked_sub(1)?, end)
            {
                let is_body = |node: &Node| node.kind() == "heredoc_body";
                let found = if is_body(&found) { Some(found) } else { found.parent() };
                if let Some(found) = found.filter(is_body) {
                    return Some(found);
                }
            }
        }
        None
    }
}
