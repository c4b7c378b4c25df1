//! Fizz, in which migrations for pop are written: from text to [`Module`].
//!
//! A file is a template of Go first and a script of plush then; both are read as far as migrations use them.

mod template;

use super::code::{Argument, Call, Expr, ExprKind, Function, How, Module, Parameter, Step, Target};
use super::evaluate::Language;
use super::text::{Quote, Text};
use crate::source::Span;

/// The name of the function that a file is made into.
pub(super) const MAIN: &str = "migration";

/// How deep expressions and blocks may be nested; what lies deeper is not read.
const DEEPEST: usize = 50;

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str) -> Module {
    let template = template::resolve(text);
    let mut reader = Reader { text: &template.text, at: 0, comments: Vec::new() };
    let mut steps = reader.steps(0);
    while reader.at < reader.text.len() {
        // A bracket too many.
        steps.push(reader.skip_statement(reader.at));
        steps.extend(reader.steps(0));
    }
    for span in template.unread {
        let place = steps.partition_point(|step| start(step) < span.start);
        steps.insert(place, Step::Other(span));
    }
    let span = Span::new(0..text.len());
    let main = Function {
        name: MAIN.to_owned(),
        parameters: Vec::new(),
        body: steps,
        is_open: false,
        doubt: None,
        span,
    };
    Module { steps: vec![Step::Define(main)], comments: reader.comments, errors: Vec::new() }
}

/// Returns where a step of a script begins.
fn start(step: &Step) -> u32 {
    match step {
        Step::Run(value) | Step::Assign { value, .. } => value.span.start,
        Step::Other(span) => span.start,
        _ => 0,
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    comments: Vec<Span>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(start..self.at.max(start))
    }

    /// Passes white space and comments.
    fn space(&mut self) {
        loop {
            let rest = self.rest();
            let blank = rest.len() - rest.trim_start().len();
            if blank > 0 {
                self.at += blank;
            } else if rest.starts_with('#') || rest.starts_with("//") {
                let start = self.at;
                self.at += rest.find('\n').unwrap_or(rest.len());
                self.comments.push(self.span_from(start));
            } else {
                return;
            }
        }
    }

    /// Passes a mark if it comes next.
    fn takes(&mut self, mark: char) -> bool {
        self.space();
        let is_next = self.peek() == Some(mark);
        if is_next {
            self.at += mark.len_utf8();
        }
        is_next
    }

    /// Returns the word that comes next, without passing it.
    fn word(&self) -> &str {
        let rest = self.rest();
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let word = &rest[..end];
        if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { word } else { "" }
    }

    /// Reads statements up to the end or the brace that closes the block.
    fn steps(&mut self, depth: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        loop {
            self.space();
            match self.peek() {
                None | Some('}') => return steps,
                Some(';') => self.at += 1,
                Some(_) => steps.push(self.step(depth)),
            }
        }
    }

    fn step(&mut self, depth: usize) -> Step {
        let start = self.at;
        let read = match self.word() {
            "if" | "for" | "return" => None,
            "let" => {
                self.at += "let".len();
                self.space();
                self.assignment(depth)
            }
            _ => self.assignment(depth).or_else(|| {
                self.at = start;
                self.expression(depth).map(Step::Run)
            }),
        };
        read.unwrap_or_else(|| self.skip_statement(start))
    }

    fn assignment(&mut self, depth: usize) -> Option<Step> {
        let name = self.word().to_owned();
        self.at += name.len();
        let is_assignment = !name.is_empty() && self.takes('=') && self.peek() != Some('=');
        let value = is_assignment.then(|| self.expression(depth)).flatten()?;
        Some(Step::Assign { target: Target::Name(name), value, how: How::Set })
    }

    /// Passes a statement that is not read: up to the end of its line, or of the blocks that it opens.
    fn skip_statement(&mut self, start: usize) -> Step {
        self.at = start;
        let mut open = 0_usize;
        while let Some(c) = self.peek() {
            match c {
                '"' | '`' => {
                    let before = self.at;
                    if self.string().is_none() {
                        self.at = before + 1;
                    }
                    continue;
                }
                '{' | '(' | '[' => open += 1,
                '}' | ')' | ']' if open == 0 && self.at > start => break,
                '}' | ')' | ']' => open = open.saturating_sub(1),
                '\n' if open == 0 => break,
                _ => {}
            }
            self.at += c.len_utf8();
        }
        Step::Other(self.span_from(start))
    }

    /// Reads an expression; nothing if it is none that is known.
    fn expression(&mut self, depth: usize) -> Option<Expr> {
        if depth > DEEPEST {
            return None;
        }
        self.space();
        let start = self.at;
        let first = self.operand(depth)?;
        let mut parts = vec![first];
        while self.takes('+') {
            self.space();
            parts.push(self.operand(depth)?);
        }
        // Where nothing follows, the white space behind does not belong to it.
        self.at = parts.last().map_or(self.at, |part| part.span.end as usize);
        if parts.len() == 1 {
            return parts.pop();
        }
        Some(Expr { span: self.span_from(start), kind: ExprKind::Join(parts) })
    }

    /// Reads a value with the members and calls behind it.
    fn operand(&mut self, depth: usize) -> Option<Expr> {
        let start = self.at;
        let kind = self.value(depth)?;
        let mut value = Expr { span: self.span_from(start), kind };
        loop {
            let end = self.at;
            if self.peek() == Some('.') {
                self.at += 1;
                let member = self.word().to_owned();
                self.at += member.len();
                if member.is_empty() {
                    return None;
                }
                let kind = ExprKind::Member(Box::new(value), member);
                value = Expr { span: self.span_from(start), kind };
            } else if self.takes('(') {
                let arguments = self.arguments(depth)?;
                let call = Call { callee: value, arguments };
                let kind = ExprKind::Call(Box::new(call));
                value = Expr { span: self.span_from(start), kind };
            } else {
                self.at = end;
                return Some(value);
            }
        }
    }

    /// Reads the arguments of a call, behind its first bracket, and the block behind them.
    fn arguments(&mut self, depth: usize) -> Option<Vec<Argument>> {
        let plain = |value| Argument { name: None, value, is_spread: false };
        let mut arguments: Vec<Argument> =
            self.list(')', depth, |reader, depth| reader.expression(depth).map(plain))?;
        let end = self.at;
        self.space();
        if self.peek() == Some('{') {
            arguments.push(plain(self.block(vec!["t".to_owned()], depth)?));
        } else {
            self.at = end;
        }
        Some(arguments)
    }

    /// Reads what stands between commas, up to a closing mark; a comma may stand behind the last.
    fn list<T>(
        &mut self,
        close: char,
        depth: usize,
        mut item: impl FnMut(&mut Self, usize) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut items = Vec::new();
        while !self.takes(close) {
            items.push(item(self, depth + 1)?);
            if !self.takes(',') {
                return self.takes(close).then_some(items);
            }
        }
        Some(items)
    }

    fn block(&mut self, parameters: Vec<String>, depth: usize) -> Option<Expr> {
        self.space();
        let start = self.at;
        if depth >= DEEPEST || !self.takes('{') {
            return None;
        }
        let body = self.steps(depth + 1);
        if !self.takes('}') {
            return None;
        }
        let span = self.span_from(start);
        let parameters = parameters.iter().map(|name| Parameter::new(name, None)).collect();
        let (name, is_open, doubt) = (String::new(), true, None);
        let function = Function { name, parameters, body, is_open, doubt, span };
        Some(Expr { span, kind: ExprKind::Function(Box::new(function)) })
    }

    fn value(&mut self, depth: usize) -> Option<ExprKind> {
        match self.peek()? {
            '"' | '`' => self.string().map(ExprKind::Text),
            '[' => {
                self.at += 1;
                self.list(']', depth, Self::expression).map(ExprKind::List)
            }
            '{' => {
                self.at += 1;
                self.list('}', depth, Self::pair).map(ExprKind::Map)
            }
            c if c.is_ascii_digit() || c == '-' => {
                let rest = self.rest();
                let is_part = |c: char| c.is_ascii_digit() || c == '.';
                let digits = rest.strip_prefix('-').unwrap_or(rest);
                let end = digits.find(|c| !is_part(c)).unwrap_or(digits.len());
                let number = rest[..rest.len() - digits.len() + end].to_owned();
                self.at += number.len();
                (end > 0).then_some(ExprKind::Number(number))
            }
            _ => self.name(depth),
        }
    }

    fn name(&mut self, depth: usize) -> Option<ExprKind> {
        let word = self.word().to_owned();
        self.at += word.len();
        match word.as_str() {
            "" => None,
            "true" => Some(ExprKind::Bool(true)),
            "false" => Some(ExprKind::Bool(false)),
            "nil" => Some(ExprKind::Nothing),
            // What older versions wrote: `func(t) { ... }`.
            "func" | "fn" => {
                let names = self.takes('(').then(|| self.list(')', depth, Self::parameter))??;
                self.block(names, depth).map(|block| block.kind)
            }
            _ => Some(ExprKind::Name(word)),
        }
    }

    fn parameter(&mut self, _: usize) -> Option<String> {
        self.space();
        let name = self.word().to_owned();
        self.at += name.len();
        (!name.is_empty()).then_some(name)
    }

    fn pair(&mut self, depth: usize) -> Option<(Expr, Expr)> {
        self.space();
        let start = self.at;
        let key = match self.peek()? {
            '"' | '`' => self.string()?,
            _ => {
                let word = self.word().to_owned();
                self.at += word.len();
                Text::translated(word, self.span_from(start))
            }
        };
        let key = Expr { span: self.span_from(start), kind: ExprKind::Text(key) };
        self.takes(':').then_some(())?;
        Some((key, self.expression(depth)?))
    }

    /// Reads a string: the only escape sequence is `\"`.
    fn string(&mut self) -> Option<Text> {
        let mark = self.peek()?;
        self.at += 1;
        let quote = Quote { mark, is_long: true, is_template: false };
        let mut out = Text::default();
        let mut from = self.at;
        loop {
            let rest = self.rest();
            let exact = |out: &mut Text, from: usize, to: usize| {
                let body = self.text.get(from..to).unwrap_or_default();
                out.push_exact(body, Span::new(from..to), quote);
            };
            if mark == '"' && rest.starts_with("\\\"") {
                exact(&mut out, from, self.at);
                out.push("\"", Span::new(self.at..self.at + 2));
                self.at += 2;
                from = self.at;
            } else if let Some(len) = template::action_len(rest) {
                exact(&mut out, from, self.at);
                out.append(Text::open("template", Span::new(self.at..self.at + len)));
                self.at += len;
                from = self.at;
            } else {
                let c = rest.chars().next()?;
                if c == mark {
                    exact(&mut out, from, self.at);
                    self.at += 1;
                    return Some(out);
                }
                self.at += c.len_utf8();
            }
        }
    }
}

/// What Fizz does not have in common with other languages.
pub(super) static LANGUAGE: Language = Language {
    empty_text_is_false: true,
    empty_list_is_false: true,
    has_members: true,
    change: |_| None,
    changes_first: |_| false,
};
