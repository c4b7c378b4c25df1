//! What the language modules have in common: how they go through the trees of tree-sitter.

use std::ops::Range;

use tree_sitter::{Language, Node, Parser, Tree};

use super::code::{Expr, ExprKind, Module, Step};
use super::text::Text;
use crate::source::Span;

/// How deep statements and expressions may be nested; what lies deeper is not read.
pub(super) const DEEPEST: usize = 100;

/// Reads a file: `steps` is given its tree and returns what the file does when it is loaded.
pub(super) fn read(
    language: impl Into<Language>,
    text: &str,
    steps: impl FnOnce(&Tree) -> Vec<Step>,
) -> Module {
    let mut parser = Parser::new();
    let tree = parser.set_language(&language.into()).ok().and_then(|()| parser.parse(text, None));
    let Some(tree) = tree else {
        let all = Span::new(0..text.len());
        return Module { steps: vec![Step::Other(all)], ..Module::default() };
    };
    Module { steps: steps(&tree), comments: comments(&tree), errors: errors(&tree) }
}

/// What reads the trees of one language.
pub(super) trait ReadTree<'a> {
    /// Returns the text of the file.
    fn text(&self) -> &'a str;

    /// Reads an expression that is nested so deep.
    fn expr(&self, node: Node, depth: usize) -> Expr;

    /// Returns whether an expression does something: a call, or one that gives a name a value.
    fn does_something(&self, node: Node) -> bool;

    /// Makes an expression of what is not read, with what it does inside.
    fn unread(&self, node: Node, what: &'static str, depth: usize) -> Expr {
        let here = span(node);
        let inner: Vec<Expr> =
            self.deeds(node).into_iter().map(|inner| self.expr(inner, depth + 1)).collect();
        match inner.is_empty() {
            true => unknown(here, what),
            false => Expr { span: here, kind: ExprKind::Hidden(what, inner) },
        }
    }

    /// Makes an expression of what is nested too deeply.
    fn too_deep(&self, node: Node) -> Expr {
        match self.does_something(node) || !self.deeds(node).is_empty() {
            true => Expr { span: span(node), kind: ExprKind::Unread },
            false => unknown(span(node), "an expression that is nested too deeply"),
        }
    }

    /// Returns the outermost expressions inside of a node that do something.
    fn deeds<'t>(&self, node: Node<'t>) -> Vec<Node<'t>> {
        let mut found: Vec<Node> = Vec::new();
        walk(node, |inner| {
            let is_inside = found.last().is_some_and(|last| last.end_byte() >= inner.end_byte());
            if inner != node && !is_inside && self.does_something(inner) {
                found.push(inner);
            }
            true
        });
        found
    }

    /// Returns what of a statement that is not read does something.
    fn other(&self, node: Node, here: Span, out: &mut Vec<Step>) {
        if self.does_something(node) || !self.deeds(node).is_empty() || node.has_error() {
            out.push(Step::Other(here));
        }
    }

    /// Returns the text of a node.
    fn slice(&self, node: Node) -> &'a str {
        self.text().get(node.byte_range()).unwrap_or_default()
    }

    /// Returns what stands between the two sides of a calculation.
    fn operator(&self, node: Node) -> Option<&'a str> {
        node.child_by_field_name("operator").map(|operator| self.slice(operator))
    }

    /// Reads `a + b + c` without going deeper for each `+`; nothing if it is another calculation.
    fn sum(&self, node: Node, here: Span, depth: usize) -> Option<Expr> {
        let is_sum = |of: Node| of.kind() == node.kind() && self.operator(of) == Some("+");
        if !is_sum(node) {
            return None;
        }
        let mut parts = Vec::new();
        let mut left = node;
        while is_sum(left) {
            parts.extend(left.child_by_field_name("right").map(|right| self.expr(right, depth)));
            let Some(next) = left.child_by_field_name("left") else { break };
            left = next;
        }
        parts.push(self.expr(left, depth));
        parts.reverse();
        Some(Expr { span: here, kind: ExprKind::Join(parts) })
    }

    /// Puts the text of a literal and what is worked out in it one behind the other.
    fn joined(
        &self,
        node: Node,
        here: Span,
        inside: Range<usize>,
        parts: &[Range<usize>],
        depth: usize,
        text: impl Fn(Range<usize>) -> Text,
    ) -> Expr {
        let literal = |range: Range<usize>| Expr {
            span: Span::new(range.clone()),
            kind: ExprKind::Text(text(range)),
        };
        if parts.is_empty() {
            return Expr { span: here, ..literal(inside) };
        }
        let mut joined = Vec::new();
        let mut from = inside.start;
        for part in parts {
            joined.push(literal(from..part.start.max(from)));
            from = part.end;
            let whole = Span::new(part.clone());
            let inner = node
                .named_descendant_for_byte_range(part.start, part.end)
                .filter(|found| found.kind() == "interpolation")
                .and_then(|found| children(found).first().copied());
            let inner = inner.map(|inner| self.expr(inner, depth));
            joined.push(inner.unwrap_or(unknown(whole, "value")));
        }
        joined.push(literal(from..inside.end.max(from)));
        Expr { span: here, kind: ExprKind::Join(joined) }
    }
}

/// Returns where a node stands.
pub(super) fn span(node: Node) -> Span {
    Span::new(node.byte_range())
}

/// Returns the named children of a node, without comments and the bodies of heredocs.
pub(super) fn children(node: Node) -> Vec<Node> {
    let mut cursor = node.walk();
    let is_part = |child: &Node| !matches!(child.kind(), "comment" | "heredoc_body");
    node.named_children(&mut cursor).filter(is_part).collect()
}

/// Returns an expression that is not read.
pub(super) fn unknown(span: Span, what: &'static str) -> Expr {
    Expr { span, kind: ExprKind::Unknown(what) }
}

/// Shows every node of a part of a tree, in order, without recursion; stops where it is told to.
pub(super) fn walk<'t>(node: Node<'t>, mut see: impl FnMut(Node<'t>) -> bool) {
    let mut cursor = node.walk();
    loop {
        if !see(cursor.node()) {
            return;
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// Returns the outermost parts of a tree that are not read, and where something is missing.
fn errors(tree: &Tree) -> Vec<Span> {
    let mut found: Vec<Span> = Vec::new();
    if !tree.root_node().has_error() {
        return found;
    }
    walk(tree.root_node(), |node| {
        let here = span(node);
        let is_inside =
            found.last().is_some_and(|last| last.end >= here.end && last.end > last.start);
        if (node.is_error() || node.is_missing()) && !is_inside {
            found.push(here);
        }
        true
    });
    found
}

/// Returns the comments of a tree.
fn comments(tree: &Tree) -> Vec<Span> {
    let mut found = Vec::new();
    walk(tree.root_node(), |node| {
        if node.kind() == "comment" {
            found.push(span(node));
        }
        true
    });
    found
}

/// Returns the variables that a part of a tree names: those of these kinds, not inside of keys.
pub(super) fn names_in(node: Node, text: &str, kinds: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    walk(node, |node| {
        if kinds.contains(&node.kind()) {
            found.extend(text.get(node.byte_range()).map(str::to_owned));
        }
        true
    });
    found
}
