//! Heredocs: literals whose text stands below the line that they begin in.

use std::collections::BTreeMap;

use tree_sitter::{Node, Tree};

use super::super::syntax::{span, walk};
use crate::source::Span;

/// The heredocs of a file, by where they begin.
pub(super) struct Heredocs<'a> {
    found: BTreeMap<u32, Heredoc<'a>>,
}

/// A heredoc.
#[derive(Clone)]
pub(super) struct Heredoc<'a> {
    /// Its text with what ends it.
    pub body: Span,
    /// What stands in it that is worked out: `#{...}`, by place.
    pub parts: Vec<std::ops::Range<usize>>,
    /// The text without what ends it.
    pub text: std::ops::Range<usize>,
    /// Whether its indentation is taken away.
    pub is_squiggly: bool,
    /// Whether nothing in it is worked out.
    pub is_raw: bool,
    mark: &'a str,
}

impl<'a> Heredocs<'a> {
    /// Pairs what begins heredocs with the texts below, which come in the same order.
    pub(super) fn of(tree: &Tree, text: &'a str) -> Self {
        let mut begins: Vec<Span> = Vec::new();
        let mut bodies: Vec<Node> = Vec::new();
        walk(tree.root_node(), |node| {
            match node.kind() {
                "heredoc_beginning" => begins.push(span(node)),
                "heredoc_body" => bodies.push(node),
                _ => {}
            }
            true
        });
        begins.sort();
        bodies.sort_by_key(Node::start_byte);
        let mut found = BTreeMap::new();
        if begins.len() == bodies.len() {
            for (begin, body) in begins.into_iter().zip(bodies) {
                let spelled = text.get(begin.start as usize..begin.end as usize);
                let heredoc = spelled.and_then(|spelled| heredoc(spelled, body, text));
                found.extend(heredoc.map(|heredoc| (begin.start, heredoc)));
            }
        }
        Self { found }
    }

    /// Returns the heredoc that begins at a place.
    pub(super) fn at(&self, start: u32) -> Option<&Heredoc<'a>> {
        self.found.get(&start)
    }

    /// Returns where the last of the heredocs ends that begin in a part of the file.
    pub(super) fn end_of(&self, part: Span) -> Option<u32> {
        let inside = self.found.range(part.start..part.end.max(part.start));
        inside.map(|(_, heredoc)| heredoc.body.end).max()
    }
}

fn heredoc<'a>(spelled: &'a str, body: Node, text: &str) -> Option<Heredoc<'a>> {
    let rest = spelled.strip_prefix("<<")?;
    let is_squiggly = rest.starts_with('~');
    let name = rest.trim_start_matches(['~', '-']);
    let is_raw = name.starts_with('\'');
    let mark = name.trim_matches(['\'', '"']);
    let mut cursor = body.walk();
    let all: Vec<Node> = body.named_children(&mut cursor).collect();
    let end = all.iter().rev().find(|part| part.kind() == "heredoc_end")?;
    if name.starts_with('`') || text.get(end.byte_range())?.trim() != mark {
        return None;
    }
    // The text begins in the line behind the one of its name.
    let mut start = body.start_byte();
    if text.get(start..)?.starts_with('\n') {
        start += 1;
    }
    let line = text.get(..end.start_byte())?.rfind('\n').map_or(0, |at| at + 1);
    let is_part = |part: &&Node| part.kind() == "interpolation";
    Some(Heredoc {
        body: Span::new(start..end.end_byte()),
        parts: all.iter().filter(is_part).map(Node::byte_range).collect(),
        text: start..line.max(start),
        is_squiggly,
        is_raw,
        mark,
    })
}

impl Heredoc<'_> {
    /// Returns how deep the text is indented of which a part of the indentation is taken away.
    pub(super) fn indentation(&self, text: &str) -> usize {
        if !self.is_squiggly {
            return 0;
        }
        let body = text.get(self.text.clone()).unwrap_or_default();
        let lines =
            body.split('\n').filter(|line| !line.trim_matches([' ', '\t', '\r']).is_empty());
        lines.map(|line| width(line, usize::MAX).1).min().unwrap_or(0)
    }

    /// Returns what ends it.
    pub(super) fn mark(&self) -> &str {
        self.mark
    }
}

/// Returns how many bytes at the front of a line are indentation, up to a width, and how wide they are; a
/// tab reaches to the next multiple of eight.
pub(super) fn width(line: &str, limit: usize) -> (usize, usize) {
    let mut wide = 0;
    for (at, c) in line.bytes().enumerate() {
        let next = match c {
            b' ' => wide + 1,
            b'\t' => (wide / 8 + 1) * 8,
            _ => return (at, wide),
        };
        if next > limit {
            return (at, wide);
        }
        wide = next;
    }
    (line.len(), wide)
}
