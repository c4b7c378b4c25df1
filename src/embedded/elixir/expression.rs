//! Elixir's expressions.

use tree_sitter::Node;

use super::super::code::{Argument, Call, Expr, ExprKind, Function, Parameter, Step};
use super::super::syntax::{DEEPEST, ReadTree, children, span, unknown};
use super::super::text::Text;
use super::{Reader, SELF, arguments, parts, returns_last, strings};

impl<'a> ReadTree<'a> for Reader<'a> {
    fn text(&self) -> &'a str {
        self.text
    }

    fn does_something(&self, node: Node) -> bool {
        match node.kind() {
            "call" => true,
            "identifier" => self.functions.contains_key(self.slice(node)),
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
            "string" | "charlist" | "sigil" => return self.string(node, depth),
            "atom" | "quoted_atom" => return self.atom(node, depth),
            "boolean" => ExprKind::Bool(self.slice(node) == "true"),
            "nil" => ExprKind::Nothing,
            "integer" | "float" => ExprKind::Number(self.slice(node).replace('_', "")),
            "identifier" | "alias" => ExprKind::Name(self.slice(node).to_owned()),
            "unary_operator" => return self.unary(node, depth),
            "binary_operator" => return self.binary(node, depth),
            "list" | "tuple" => return self.list(node, depth),
            "keywords" => ExprKind::Map(self.pairs(node, depth)),
            "map" => self.map(node, depth),
            "call" => return self.call(node, Vec::new(), depth),
            "anonymous_function" => self.function_value(node, depth),
            "block" | "body" if children(node).len() == 1 => {
                return children(node)
                    .first()
                    .map_or(unknown(here, "an expression"), |inner| self.expr(*inner, depth));
            }
            "ERROR" => ExprKind::Unread,
            _ => return self.unread(node, "an expression that is not read", depth),
        };
        Expr { span: here, kind }
    }
}

/// The functions of `Enum` that run another one for each element.
const EACH: &[&str] = &["each", "map", "flat_map"];

impl Reader<'_> {
    fn this(node: Node) -> Expr {
        Expr { span: span(node), kind: ExprKind::Name(SELF.to_owned()) }
    }

    fn member(object: Expr, name: String) -> Expr {
        Expr { span: object.span, kind: ExprKind::Member(Box::new(object), name) }
    }

    fn unary(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let Some(operand) = node.child_by_field_name("operand") else {
            return unknown(here, "a calculation");
        };
        let kind = match (self.operator(node), operand.kind()) {
            (Some("@"), "identifier") => {
                let name = format!("@{}", self.slice(operand));
                ExprKind::Member(Box::new(Self::this(node)), name)
            }
            (Some("not" | "!"), _) => ExprKind::Not(Box::new(self.expr(operand, depth))),
            (Some("-"), "integer" | "float") => {
                ExprKind::Number(format!("-{}", self.slice(operand).replace('_', "")))
            }
            (Some("&"), "integer") => ExprKind::Name(self.slice(node).to_owned()),
            (Some("&"), _) => return self.capture(node, operand, depth),
            _ => return self.unread(node, "a calculation", depth),
        };
        Expr { span: here, kind }
    }

    /// Reads `&name/1`, or an expression with `&1` in it.
    fn capture(&self, node: Node, operand: Node, depth: usize) -> Expr {
        let here = span(node);
        let name = |at: usize| format!("&{at}");
        let mut count = 1;
        let value = match self.operator(operand) {
            Some("/") => {
                let sides =
                    operand.child_by_field_name("left").zip(operand.child_by_field_name("right"));
                let Some((called, arity)) = sides else { return unknown(here, "a function") };
                count = self.slice(arity).parse().unwrap_or(0).min(9);
                let given = (1..=count)
                    .map(|at| Expr { span: here, kind: ExprKind::Name(name(at)) })
                    .collect();
                match called.kind() {
                    "identifier" => self.own_call(called, given, depth),
                    _ => self.call(called, given, depth),
                }
            }
            _ => self.expr(operand, depth),
        };
        let function = Function {
            name: String::new(),
            parameters: (1..=count).map(|at| Parameter::new(&name(at), None)).collect(),
            body: vec![Step::Return(Some(value))],
            is_open: false,
            doubt: None,
            span: here,
        };
        Expr { span: here, kind: ExprKind::Function(Box::new(function)) }
    }

    fn binary(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let sides = node.child_by_field_name("left").zip(node.child_by_field_name("right"));
        let Some((left, right)) = sides else { return unknown(here, "a calculation") };
        let both = || (Box::new(self.expr(left, depth)), Box::new(self.expr(right, depth)));
        let kind = match self.operator(node) {
            Some("<>" | "++") => return self.joined_right(node, depth),
            Some(equal @ ("==" | "===" | "!=" | "!==")) => {
                let (left, right) = both();
                ExprKind::Equal(left, right, equal.starts_with('='))
            }
            Some(logic @ ("&&" | "and" | "||" | "or")) => {
                let (left, right) = both();
                ExprKind::Logic(matches!(logic, "&&" | "and"), vec![*left, *right])
            }
            Some("|>") => {
                let first = vec![self.expr(left, depth)];
                let called = match right.kind() {
                    "identifier" => self.own_call(right, first, depth),
                    _ => self.call(right, first, depth),
                };
                return Expr { span: here, ..called };
            }
            Some("=") => {
                let target = Box::new(self.target(left));
                ExprKind::Bind(target, Box::new(self.expr(right, depth)))
            }
            _ => return self.unread(node, "a calculation", depth),
        };
        Expr { span: here, kind }
    }

    /// Reads `a <> b <> c` without going deeper for each operator: they bind to the right.
    fn joined_right(&self, node: Node, depth: usize) -> Expr {
        let operator = self.operator(node);
        let is_same = |of: &Node| of.kind() == node.kind() && self.operator(*of) == operator;
        let mut parts = Vec::new();
        let mut rest = node;
        while is_same(&rest) {
            parts.extend(rest.child_by_field_name("left").map(|left| self.expr(left, depth)));
            let Some(next) = rest.child_by_field_name("right") else { break };
            rest = next;
        }
        parts.push(self.expr(rest, depth));
        Expr { span: span(node), kind: ExprKind::Join(parts) }
    }

    /// Reads a list or a tuple; one of keywords alone is keys with values.
    fn list(&self, node: Node, depth: usize) -> Expr {
        let parts = children(node);
        let kind = match parts.as_slice() {
            [only] if only.kind() == "keywords" => ExprKind::Map(self.pairs(*only, depth)),
            _ => ExprKind::List(parts.iter().map(|part| self.expr(*part, depth)).collect()),
        };
        Expr { span: span(node), kind }
    }

    fn map(&self, node: Node, depth: usize) -> ExprKind {
        let other = || self.unread(node, "a map", depth).kind;
        let parts = children(node);
        match parts.as_slice() {
            [] => ExprKind::Map(Vec::new()),
            [content] if content.kind() == "map_content" => {
                let inner = children(*content);
                match inner.as_slice() {
                    [only] if only.kind() == "keywords" => ExprKind::Map(self.pairs(*only, depth)),
                    _ => other(),
                }
            }
            _ => other(),
        }
    }

    fn pairs(&self, node: Node, depth: usize) -> Vec<(Expr, Expr)> {
        let pair = |pair: Node| {
            let (key, value) =
                pair.child_by_field_name("key").zip(pair.child_by_field_name("value"))?;
            let name = self.slice(key).trim_end().trim_end_matches(':').trim_matches('"');
            let text = Text::translated(name, span(key));
            let key = Expr { span: span(key), kind: ExprKind::Text(text) };
            Some((key, self.expr(value, depth)))
        };
        children(node).into_iter().filter_map(pair).collect()
    }

    /// Reads a function without a name. Which of several clauses is meant, only its arguments tell.
    fn function_value(&self, node: Node, depth: usize) -> ExprKind {
        let clauses = children(node);
        let clauses: Vec<&Node> =
            clauses.iter().filter(|clause| clause.kind() == "stab_clause").collect();
        let (parameters, body) = match clauses.as_slice() {
            [clause] => {
                let given = clause.child_by_field_name("left").map(children).unwrap_or_default();
                let (parameters, mut body) = self.parameters(&given, depth);
                let right = clause.child_by_field_name("right");
                body.extend(right.map(|right| self.block(right, depth)).unwrap_or_default());
                returns_last(&mut body);
                (parameters, body)
            }
            _ => (Vec::new(), vec![Step::Other(span(node))]),
        };
        let name = String::new();
        let (is_open, doubt) = (false, None);
        let function = Function { name, parameters, body, is_open, doubt, span: span(node) };
        ExprKind::Function(Box::new(function))
    }

    /// Reads a call of a function of this module, written without its brackets.
    pub(super) fn own_call(&self, name: Node, first: Vec<Expr>, _: usize) -> Expr {
        let called = self.name_of(self.slice(name), first.len());
        let callee = Self::member(Self::this(name), called);
        let plain = |value| Argument { name: None, value, is_spread: false };
        let call = Call { callee, arguments: first.into_iter().map(plain).collect() };
        Expr { span: span(name), kind: ExprKind::Call(Box::new(call)) }
    }

    /// Reads a call; `first` stands before its own arguments.
    fn call(&self, node: Node, first: Vec<Expr>, depth: usize) -> Expr {
        let here = span(node);
        let plain = |value| Argument { name: None, value, is_spread: false };
        let mut given: Vec<Argument> = first.into_iter().map(plain).collect();
        let Some(target) = (match node.kind() {
            "call" => node.child_by_field_name("target"),
            "dot" => Some(node),
            _ => None,
        }) else {
            return unknown(here, "a call");
        };
        if let Some(all) = arguments(node).filter(|_| node.kind() == "call") {
            self.arguments(all, depth, &mut given);
        }
        let body = parts(node, self.text).body;
        if !body.is_empty() && node.kind() == "call" {
            let name = String::new();
            let block = Function {
                name,
                parameters: Vec::new(),
                body: self.steps(&body, depth),
                is_open: false,
                doubt: None,
                span: here,
            };
            let kind = ExprKind::Function(Box::new(block));
            given.push(plain(Expr { span: here, kind }));
        }
        let callee = match target.kind() {
            "identifier" => {
                let name = self.slice(target);
                if matches!(name, "if" | "unless" | "case" | "cond" | "for" | "with" | "try") {
                    return self.unread(node, "a choice", depth);
                }
                Self::member(Self::this(target), self.name_of(name, given.len()))
            }
            "dot" => {
                let Some(object) = target.child_by_field_name("left") else {
                    return unknown(here, "a call");
                };
                let Some(method) = target.child_by_field_name("right") else {
                    // `function.(...)` calls a value.
                    let callee = self.expr(object, depth);
                    let call = Call { callee, arguments: given };
                    return Expr { span: here, kind: ExprKind::Call(Box::new(call)) };
                };
                let method = self.slice(method);
                let is_each = self.slice(object) == "Enum" && EACH.contains(&method);
                let object = match is_each && !given.is_empty() {
                    // The list comes first.
                    true => given.remove(0).value,
                    false => self.expr(object, depth),
                };
                Self::member(object, method.to_owned())
            }
            _ => return unknown(here, "a call"),
        };
        let call = Call { callee, arguments: given };
        Expr { span: here, kind: ExprKind::Call(Box::new(call)) }
    }

    fn arguments(&self, node: Node, depth: usize, out: &mut Vec<Argument>) {
        for part in children(node) {
            if part.kind() != "keywords" {
                let value = self.expr(part, depth);
                out.push(Argument { name: None, value, is_spread: false });
                continue;
            }
            for (key, value) in self.pairs(part, depth) {
                let name = match &key.kind {
                    ExprKind::Text(text) => text.shown(),
                    _ => continue,
                };
                if !matches!(name.as_str(), "do" | "else") {
                    out.push(Argument { name: Some(name), value, is_spread: false });
                }
            }
        }
    }

    fn atom(&self, node: Node, depth: usize) -> Expr {
        if node.kind() == "quoted_atom" {
            return self.string(node, depth);
        }
        let here = span(node);
        Expr { span: here, kind: ExprKind::Text(strings::atom(self.slice(node), here)) }
    }

    /// Reads a literal with the expressions in it.
    fn string(&self, node: Node, depth: usize) -> Expr {
        let here = span(node);
        let Some(literal) = strings::Literal::of(node, self.text) else {
            return unknown(here, "a literal that is not read");
        };
        if let Some(words) = literal.words(self.text) {
            return Expr { span: here, kind: words };
        }
        let parts: Vec<_> = literal.parts.clone();
        self.joined(node, here, literal.inside.clone(), &parts, depth, |range| {
            literal.text(self.text, range)
        })
    }
}
