//! JavaScript and TypeScript: from text to [`Module`].

mod builtin;
mod expression;
mod strings;

use tree_sitter::Node;

use super::code::{Expr, ExprKind, Function, How, Leave, Module, Parameter, Step, Target};
use super::evaluate::{Change, Language};
use super::syntax::{self, DEEPEST, ReadTree as _, children, names_in, span, unknown};
pub(super) use builtin::builtin;

/// Reads a file. What cannot be read is a step or an expression of its own.
pub(super) fn read(text: &str, is_typed: bool) -> Module {
    let language: tree_sitter::Language = if is_typed {
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
                    let value = child.child_by_field_name("value");
                    match (child.child_by_field_name("name"), value) {
                        (Some(name), Some(value)) => {
                            self.assign(name, value, How::Declare, depth, out);
                        }
                        (Some(name), None) => {
                            let value = Expr { span: span(name), kind: ExprKind::Nothing };
                            let target = self.target(Some(name), depth);
                            out.push(Step::Assign { target, value, how: How::Declare });
                        }
                        _ => {}
                    }
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
                let over = node.child_by_field_name("right").map(|over| self.expr(over, depth));
                let over = match over {
                    Some(over) if !is_of => {
                        out.push(Step::Look(over));
                        None
                    }
                    over => over,
                };
                out.push(Step::Loop {
                    target: self.target(node.child_by_field_name("left"), depth),
                    over,
                    body: self.part(node, "body", depth),
                    otherwise: Vec::new(),
                });
            }
            "for_statement" | "while_statement" | "do_statement" => {
                let mut body = self.part(node, "body", depth);
                if let Some(first) = node.child_by_field_name("initializer") {
                    self.step(first, depth + 1, out);
                }
                if let Some(next) = node.child_by_field_name("increment") {
                    self.simple(next, depth, &mut body);
                }
                let condition = node.child_by_field_name("condition");
                let condition = condition.filter(Node::is_named);
                out.extend(condition.map(|c| Step::Look(self.condition(Some(c), node, depth))));
                let target = Target::Other(Vec::new());
                out.push(Step::Loop { target, over: None, body, otherwise: Vec::new() });
            }
            "try_statement" => {
                let handler = node.child_by_field_name("handler");
                let last = node.child_by_field_name("finalizer");
                out.push(Step::Try {
                    body: self.part(node, "body", depth),
                    handlers: handler.map(|h| self.part(h, "body", depth)).into_iter().collect(),
                    otherwise: Vec::new(),
                    last: last.map(|last| self.part(last, "body", depth)).unwrap_or_default(),
                });
            }
            "labeled_statement" => match node.child_by_field_name("body") {
                Some(body) => self.step(body, depth + 1, out),
                None => self.other(node, span(node), out),
            },
            "switch_statement" => self.switch(node, depth, out),
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
            "throw_statement" => out.push(Step::Leave(Leave::Raise)),
            // One that names a loop leaves that one: how much is not known.
            "break_statement" | "continue_statement" if !children(node).is_empty() => {
                out.push(Step::Other(span(node)));
            }
            "break_statement" => out.push(Step::Leave(Leave::Break)),
            "continue_statement" => out.push(Step::Leave(Leave::Continue)),
            "empty_statement"
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
            _ => self.other(node, span(node), out),
        }
    }

    /// Reads `switch`: which of the cases is taken is known only at run time.
    fn switch(&self, node: Node, depth: usize, out: &mut Vec<Step>) {
        let what = unknown(span(node), "a choice that is made at run time");
        if let Some(value) = node.child_by_field_name("value") {
            out.push(Step::Look(self.condition(Some(value), node, depth)));
        }
        let cases = node.child_by_field_name("body").map(children).unwrap_or_default();
        for case in cases {
            let mut cursor = case.walk();
            let body: Vec<Node> = case.children_by_field_name("body", &mut cursor).collect();
            let mut then = Vec::new();
            for step in body {
                self.step(step, depth + 1, &mut then);
            }
            // It ends the case, not a loop around.
            then.retain(|step| !matches!(step, Step::Leave(Leave::Break)));
            out.push(Step::If { condition: what.clone(), then, otherwise: Vec::new() });
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
                    self.assign(left, right, How::Set, depth, out);
                }
            }
            "augmented_assignment_expression" => {
                let Some(right) = node.child_by_field_name("right") else { return };
                let left = node.child_by_field_name("left");
                let (target, how) = match self.operator(node) {
                    Some("+=") => (self.target(left, depth), How::Add),
                    _ => (Target::Other(left.map_or(Vec::new(), |l| self.roots(l))), How::Set),
                };
                out.push(Step::Assign { target, value: self.expr(right, depth), how });
            }
            "update_expression" => {
                let value = unknown(span(node), "a calculation");
                out.push(Step::Assign {
                    target: Target::Other(self.roots(node)),
                    value,
                    how: How::Set,
                });
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
                    _ => out.push(Step::Run(self.expr(node, depth))),
                }
            }
            "sequence_expression" => {
                for inner in children(node) {
                    self.simple(inner, depth, out);
                }
            }
            _ => out.push(Step::Run(self.expr(node, depth))),
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

    fn assign(&self, left: Node, right: Node, how: How, depth: usize, out: &mut Vec<Step>) {
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
                self.take_apart(left, right, how, depth, out);
            } else {
                let target = self.target(Some(left), depth);
                out.push(Step::Assign { target, value: self.expr(right, depth), how });
            }
            return;
        };
        let target = Target::Name(name.to_owned());
        match right.kind() {
            // A function that has a name is called by it.
            "arrow_function" | "function_expression" | "function"
                if how == How::Declare || left.kind() != "identifier" =>
            {
                out.push(Step::Define(self.function(right, name, depth)));
            }
            // `exports.up = exports.down = ...`
            "assignment_expression" => {
                self.simple(right, depth, out);
                let again = right.child_by_field_name("left").map(|left| self.slice(left));
                let again = again.unwrap_or_default().rsplit('.').next().unwrap_or_default();
                let kind = ExprKind::Name(again.to_owned());
                out.push(Step::Assign { target, value: Expr { span: span(right), kind }, how });
            }
            _ => out.push(Step::Assign { target, value: self.expr(right, depth), how }),
        }
    }

    /// Reads `const { a, b: c } = value`.
    fn take_apart(&self, left: Node, right: Node, how: How, depth: usize, out: &mut Vec<Step>) {
        let value = self.expr(right, depth);
        let pairs = self.pattern(left);
        let is_whole = pairs.len() == children(left).len();
        if !is_whole || !matches!(value.kind, ExprKind::Name(_) | ExprKind::Member(..)) {
            // Parts of what a call returns are known only at run time; it is made once.
            let target = Target::Other(self.roots(left));
            out.push(Step::Assign { target, value, how });
            return;
        }
        for (key, name) in pairs {
            let kind = ExprKind::Member(Box::new(value.clone()), key);
            let value = Expr { span: span(left), kind };
            out.push(Step::Assign { target: Target::Name(name), value, how });
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

    /// Reads what stands on the left of `=` or of `of`.
    fn target(&self, left: Option<Node>, depth: usize) -> Target {
        let Some(left) = left else { return Target::Other(Vec::new()) };
        let parts = children(left);
        match left.kind() {
            "identifier" => Target::Name(self.slice(left).to_owned()),
            "array_pattern" if parts.iter().all(|part| part.kind() == "identifier") => {
                let names = parts.into_iter().map(|part| self.slice(part).to_owned());
                Target::Parts(names.collect())
            }
            "subscript_expression" | "member_expression" => {
                let object = left.child_by_field_name("object");
                let object = object.filter(|object| object.kind() == "identifier");
                let key =
                    left.child_by_field_name("index").map(|index| self.expr(index, depth + 1));
                let name = left.child_by_field_name("property").map(|name| {
                    let text = super::text::Text::translated(self.slice(name), span(name));
                    Expr { span: span(name), kind: ExprKind::Text(text) }
                });
                match (object, key.or(name)) {
                    (Some(object), Some(key)) => Target::Item(self.slice(object).to_owned(), key),
                    _ => Target::Other(self.roots(left)),
                }
            }
            _ => Target::Other(self.roots(left)),
        }
    }

    /// Returns the variables that what stands on the left of `=` gives values or changes.
    fn roots(&self, left: Node) -> Vec<String> {
        names_in(left, self.text, &["identifier", "shorthand_property_identifier_pattern"])
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
                let target = Target::Name(name.to_owned());
                out.push(Step::Assign { target, value: self.expr(value, depth), how: How::Set });
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
            if inner.kind() == "rest_pattern" {
                let name = children(inner).first().map(|name| self.slice(*name));
                parameters.push(Parameter::rest(name.unwrap_or_default()));
                continue;
            }
            if inner.kind() != "object_pattern" {
                parameters.push(Parameter::new(self.slice(inner), value));
                continue;
            }
            let whole = format!("{{{}}}", parameters.len());
            for (key, name) in self.pattern(inner) {
                let object = Expr { span: span(inner), kind: ExprKind::Name(whole.clone()) };
                let kind = ExprKind::Member(Box::new(object), key);
                let value = Expr { span: span(inner), kind };
                let target = Target::Name(name);
                body.push(Step::Assign { target, value, how: How::Declare });
            }
            parameters.push(Parameter::new(&whole, value));
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
        let doubt = node.kind().starts_with("generator").then_some(GENERATOR);
        Function { name: name.to_owned(), parameters, body, is_open: true, doubt, span: span(node) }
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

const GENERATOR: &str = "only run time knows how far the generator is run in which it stands";

/// What JavaScript does not have in common with other languages.
pub(super) static LANGUAGE: Language = Language {
    empty_text_is_false: true,
    empty_list_is_false: false,
    has_members: true,
    change: |method| match method {
        "push" => Some(Change::Push),
        "unshift" | "pop" | "shift" | "splice" | "sort" | "reverse" | "fill" | "set" | "add"
        | "delete" | "clear" | "copyWithin" => Some(Change::Other),
        _ => None,
    },
    changes_first: |name| matches!(name, "Object.assign" | "Object.defineProperty" | "Reflect.set"),
};
