//! Prints expressions as SQL that parses to the same tree.

use std::fmt;
use std::sync::Arc;

use super::identifier::{quote_function, quote_identifier};
use super::type_name::type_sql;
use super::{
    BooleanTest, Expr, Operator, OperatorKind, Part, Query, RelationName, Step, Subquery,
    SubqueryKind, Syntax, Type, TypeName, Visit,
};

/// What is printed in place of a name: its parts, schema or qualifiers first.
pub type Replacement = Vec<Arc<str>>;

/// How tightly an expression holds together; those that hold less get parentheses.
///
/// Source: the precedences of PostgreSQL's `gram.y`.
pub(super) mod level {
    pub(in crate::sql::tree) const ANY: u8 = 0;
    pub(in crate::sql::tree) const OR: u8 = 1;
    pub(in crate::sql::tree) const AND: u8 = 2;
    pub(in crate::sql::tree) const NOT: u8 = 3;
    pub(in crate::sql::tree) const IS: u8 = 4;
    pub(in crate::sql::tree) const COMPARISON: u8 = 5;
    pub(in crate::sql::tree) const IN: u8 = 6;
    pub(in crate::sql::tree) const OTHER: u8 = 7;
    pub(in crate::sql::tree) const SUM: u8 = 8;
    pub(in crate::sql::tree) const PRODUCT: u8 = 9;
    pub(in crate::sql::tree) const POWER: u8 = 10;
    pub(in crate::sql::tree) const AT: u8 = 11;
    pub(in crate::sql::tree) const COLLATE: u8 = 12;
    pub(in crate::sql::tree) const SIGN: u8 = 13;
    pub(in crate::sql::tree) const CAST: u8 = 14;
    pub(in crate::sql::tree) const ATOM: u8 = 15;
}

impl Expr {
    /// Returns it as SQL; `rename` may put other names in place of those that it is shown, which are
    /// those of [`Expr::walk`] in the same order.
    pub fn to_sql<'a>(
        &'a self,
        rename: &mut dyn FnMut(Visit<'a>) -> Option<Replacement>,
    ) -> String {
        let mut printer = Printer::new(rename);
        printer.expr(self, level::ANY);
        printer.out
    }
}

impl Query {
    /// Returns it as SQL; `rename` may put other names in place of those that it is shown, which are
    /// those of [`Query::walk`] in the same order.
    pub fn to_sql<'a>(
        &'a self,
        rename: &mut dyn FnMut(Visit<'a>) -> Option<Replacement>,
    ) -> String {
        let mut printer = Printer::new(rename);
        printer.query(self);
        printer.out
    }
}

impl fmt::Display for Expr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_sql(&mut |_| None))
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_sql(&mut |_| None))
    }
}

/// Writes SQL and asks for the names in it.
pub(super) struct Printer<'a, 'r> {
    pub(super) out: String,
    /// The names of the queries of `WITH` that can be read.
    pub(super) scope: Vec<&'a str>,
    /// How many names have been replaced.
    pub(super) replaced: usize,
    rename: &'r mut dyn FnMut(Visit<'a>) -> Option<Replacement>,
}

impl<'a, 'r> Printer<'a, 'r> {
    fn new(rename: &'r mut dyn FnMut(Visit<'a>) -> Option<Replacement>) -> Self {
        Self { out: String::new(), scope: Vec::new(), replaced: 0, rename }
    }

    pub(super) fn replacement(&mut self, name: Visit<'a>) -> Option<Replacement> {
        let replacement = (self.rename)(name);
        self.replaced += usize::from(replacement.is_some());
        replacement
    }

    pub(super) fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    pub(super) fn identifier(&mut self, name: &str) {
        self.out.push_str(&quote_identifier(name));
    }

    pub(super) fn dotted<'n>(&mut self, parts: impl IntoIterator<Item = &'n Arc<str>>) {
        for (at, part) in parts.into_iter().enumerate() {
            if at > 0 {
                self.push(".");
            }
            self.identifier(part);
        }
    }

    pub(super) fn qualified(&mut self, name: &RelationName) {
        self.dotted(name.schema.iter().chain([&name.name]));
    }

    pub(super) fn list<T>(&mut self, items: &'a [T], mut print: impl FnMut(&mut Self, &'a T)) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.push(", ");
            }
            print(self, item);
        }
    }

    pub(super) fn exprs(&mut self, items: &'a [Expr]) {
        self.list(items, |printer, item| printer.expr(item, level::ANY));
    }

    fn call_like(&mut self, keyword: &str, items: &'a [Expr]) {
        self.push(keyword);
        self.push("(");
        self.exprs(items);
        self.push(")");
    }

    /// Prints an expression, in parentheses if it holds together less than `least`.
    pub(super) fn expr(&mut self, expression: &'a Expr, least: u8) {
        if expression.level() < least {
            self.push("(");
            self.bare(expression);
            self.push(")");
        } else {
            self.bare(expression);
        }
    }

    fn bare(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Unknown => self.push("?"),
            Expr::Column(column) => match self.replacement(Visit::Column(column)) {
                Some(parts) => self.dotted(&parts),
                None => self.dotted(column.qualifier.iter().chain([&column.name])),
            },
            Expr::Star(qualifier) => {
                let parts = self.replacement(Visit::Star(qualifier));
                let parts = parts.as_deref().unwrap_or(qualifier);
                self.dotted(parts);
                self.push(if parts.is_empty() { "*" } else { ".*" });
            }
            Expr::Null => self.push("NULL"),
            Expr::Bool(value) => self.push(if *value { "true" } else { "false" }),
            Expr::Integer(value) => self.push(&value.to_string()),
            Expr::Float(value) => self.push(value),
            Expr::String(value) => {
                let value = self.replaced_text(Visit::Text(value), value);
                self.string(&value);
            }
            Expr::BitString(value) => {
                let (kind, digits) = value.split_at(value.len().min(1));
                self.push(&format!("{}'{digits}'", kind.to_ascii_uppercase()));
            }
            Expr::Parameter(number) => self.push(&format!("${number}")),
            Expr::Default => self.push("DEFAULT"),
            Expr::Cast(cast) => {
                self.cast_value(&cast.value, &cast.to, level::CAST);
                self.push("::");
                self.type_of(&cast.to);
            }
            Expr::Call(call) => self.call(call),
            Expr::Named { name, value } => {
                self.identifier(name);
                self.push(" => ");
                self.expr(value, level::ANY);
            }
            Expr::Operator(operator) => self.operator(operator),
            Expr::And(items) => self.chain(items, " AND ", level::NOT),
            Expr::Or(items) => self.chain(items, " OR ", level::AND),
            Expr::Not(value) => match &**value {
                Expr::Subquery(subquery) if subquery.is_in() => self.subquery(subquery, " NOT IN "),
                value => {
                    self.push("NOT ");
                    self.expr(value, level::CAST);
                }
            },
            Expr::IsNull { value, negated } => {
                self.expr(value, level::IN);
                self.push(if *negated { " IS NOT NULL" } else { " IS NULL" });
            }
            Expr::Is { value, test } => {
                self.expr(value, level::IN);
                self.push(match test {
                    BooleanTest::True => " IS TRUE",
                    BooleanTest::NotTrue => " IS NOT TRUE",
                    BooleanTest::False => " IS FALSE",
                    BooleanTest::NotFalse => " IS NOT FALSE",
                    BooleanTest::Unknown => " IS UNKNOWN",
                    BooleanTest::NotUnknown => " IS NOT UNKNOWN",
                });
            }
            Expr::Case(case) => {
                self.push("CASE");
                self.optional(" ", case.operand.as_ref());
                for (condition, result) in &case.branches {
                    self.push(" WHEN ");
                    self.expr(condition, level::ANY);
                    self.push(" THEN ");
                    self.expr(result, level::ANY);
                }
                self.optional(" ELSE ", case.otherwise.as_ref());
                self.push(" END");
            }
            Expr::Coalesce(items) => self.call_like("COALESCE", items),
            Expr::Greatest(items) => self.call_like("GREATEST", items),
            Expr::Least(items) => self.call_like("LEAST", items),
            Expr::Row { items, explicit } => {
                self.call_like(if *explicit { "ROW" } else { "" }, items);
            }
            Expr::List(items) => self.call_like("", items),
            Expr::Array(items) => {
                self.push("ARRAY[");
                self.exprs(items);
                self.push("]");
            }
            Expr::Indirection { value, steps } => {
                let is_element = matches!(steps.first(), Some(Step::Index(_) | Step::Slice(..)));
                let is_bare = is_element && matches!(**value, Expr::Column(_));
                self.push(if is_bare { "" } else { "(" });
                self.bare(value);
                self.push(if is_bare { "" } else { ")" });
                self.steps(steps);
            }
            Expr::Collate(collate) => {
                self.expr(&collate.value, level::COLLATE);
                self.push(" COLLATE ");
                self.collation(&collate.collation);
            }
            Expr::Value { function, precision } => {
                self.push(function.as_str());
                if let Some(precision) = precision {
                    self.push(&format!("({precision})"));
                }
            }
            Expr::Grouping(items) => self.call_like("GROUPING", items),
            Expr::GroupingSet { kind, items } => {
                let keyword = match kind {
                    super::GroupingSet::Empty => "",
                    super::GroupingSet::Rollup => "ROLLUP ",
                    super::GroupingSet::Cube => "CUBE ",
                    super::GroupingSet::Sets => "GROUPING SETS ",
                };
                self.call_like(keyword, items);
            }
            Expr::Subquery(subquery) => self.subquery(subquery, " IN "),
            Expr::Syntax(syntax) => self.syntax(syntax),
        }
    }

    pub(super) fn optional(&mut self, before: &str, expression: Option<&'a Expr>) {
        if let Some(expression) = expression {
            self.push(before);
            self.expr(expression, level::ANY);
        }
    }

    fn chain(&mut self, items: &'a [Expr], between: &str, least: u8) {
        for (at, item) in items.iter().enumerate() {
            self.push(if at > 0 { between } else { "" });
            self.expr(item, least);
        }
    }

    pub(super) fn string(&mut self, value: &str) {
        self.push(&format!("'{}'", value.replace('\'', "''")));
    }

    /// Returns a string, or the name that replaces it.
    pub(super) fn replaced_text(&mut self, name: Visit<'a>, text: &str) -> String {
        let Some(parts) = self.replacement(name) else { return text.to_owned() };
        let quoted: Vec<_> = parts.iter().map(|part| quote_identifier(part)).collect();
        quoted.join(".")
    }

    pub(super) fn cast_value(&mut self, value: &'a Expr, to: &Type, least: u8) {
        match value {
            Expr::String(text) if to.is_regclass() => {
                let text = self.replaced_text(Visit::RelationText(text), text);
                self.string(&text);
            }
            value => self.expr(value, least),
        }
    }

    pub(super) fn type_of(&mut self, of: &'a Type) {
        let replaced = self.replacement(Visit::Type(&of.name)).map(|mut parts| {
            let name = parts.pop().unwrap_or_default();
            TypeName { schema: parts.pop(), name, ..(*of.name).clone() }
        });
        let start = self.out.len();
        self.exprs(&of.modifiers);
        let modifiers = self.out.split_off(start);
        let modifiers = Some(&*modifiers).filter(|list| !list.is_empty());
        self.push(if of.is_set { "SETOF " } else { "" });
        let sql = type_sql(replaced.as_ref().unwrap_or(&of.name), modifiers);
        self.push(&sql);
    }

    pub(super) fn collation(&mut self, name: &'a RelationName) {
        match self.replacement(Visit::Collation(name)) {
            Some(parts) => self.dotted(&parts),
            None => self.qualified(name),
        }
    }

    pub(super) fn steps(&mut self, steps: &'a [Step]) {
        for step in steps {
            match step {
                Step::Field(name) => {
                    self.push(".");
                    self.identifier(name);
                }
                Step::Star => self.push(".*"),
                Step::Index(index) => {
                    self.push("[");
                    self.expr(index, level::ANY);
                    self.push("]");
                }
                Step::Slice(from, to) => {
                    self.push("[");
                    self.optional("", from.as_ref());
                    self.push(":");
                    self.optional("", to.as_ref());
                    self.push("]");
                }
            }
        }
    }

    pub(super) fn operator_name(&mut self, schema: Option<&'a Arc<str>>, name: &'a Arc<str>) {
        let replacement = self.replacement(Visit::Operator(schema, name));
        let mut parts = replacement.unwrap_or_default();
        let name = parts.pop().unwrap_or_else(|| name.clone());
        match parts.pop().or_else(|| schema.cloned()) {
            Some(schema) => {
                self.push(&format!("OPERATOR({}.{name})", quote_identifier(&schema)));
            }
            None => self.push(&name),
        }
    }

    fn subquery(&mut self, subquery: &'a Subquery, within: &str) {
        match subquery.kind {
            SubqueryKind::Exists => self.push("EXISTS "),
            SubqueryKind::Array => self.push("ARRAY"),
            SubqueryKind::Scalar => {}
            SubqueryKind::Any | SubqueryKind::All => {
                if let Some(test) = &subquery.test {
                    self.expr(test, level::SUM);
                }
                match &subquery.operator {
                    None => self.push(within),
                    Some(name) => {
                        let all = subquery.kind == SubqueryKind::All;
                        self.push(" ");
                        self.operator_name(name.schema.as_ref(), &name.name);
                        self.push(if all { " ALL " } else { " ANY " });
                    }
                }
            }
        }
        self.push("(");
        self.query(&subquery.query);
        self.push(")");
    }

    pub(super) fn syntax(&mut self, syntax: &'a Syntax) {
        for part in &syntax.parts {
            let is_close = matches!(part, Part::Word(word) if word.starts_with([')', ',', ':']));
            if !is_close && !self.out.is_empty() && !self.out.ends_with(['(', ' ']) {
                self.push(" ");
            }
            match part {
                Part::Word(word) => self.push(word),
                Part::Expr(expression) => self.expr(expression, level::ANY),
                Part::Tight(expression) => self.expr(expression, level::ATOM),
                Part::Type(of) => self.type_of(of),
                Part::Name(name) => self.identifier(name),
                Part::Query(query) => self.query(query),
                Part::OrderBy(sorts) => self.order_by("ORDER BY ", sorts),
                Part::Over(window) => self.over(window),
            }
        }
    }
}

impl Subquery {
    /// Returns whether it is `x IN (query)`.
    fn is_in(&self) -> bool {
        self.kind == SubqueryKind::Any && self.operator.is_none()
    }
}

impl Expr {
    /// Returns how tightly it holds together.
    pub(super) fn level(&self) -> u8 {
        match self {
            Self::Or(_) => level::OR,
            Self::And(_) => level::AND,
            Self::Not(value) => match &**value {
                Self::Subquery(subquery) if subquery.is_in() => level::IN,
                _ => level::NOT,
            },
            Self::IsNull { .. } | Self::Is { .. } => level::IS,
            Self::Operator(operator) => operator.level(),
            Self::Subquery(subquery) => match subquery.kind {
                SubqueryKind::Any | SubqueryKind::All if subquery.is_in() => level::IN,
                SubqueryKind::Any | SubqueryKind::All => level::COMPARISON,
                _ => level::ATOM,
            },
            Self::Cast(_) => level::CAST,
            Self::Collate(_) => level::COLLATE,
            Self::Call(call) => call.level(),
            Self::Integer(value) if *value < 0 => level::SIGN,
            Self::Float(value) if value.starts_with('-') => level::SIGN,
            Self::Syntax(syntax) if syntax.name.is_empty() => level::IS,
            _ => level::ATOM,
        }
    }
}

impl Operator {
    pub(super) fn level(&self) -> u8 {
        let is_prefix = self.left.is_none();
        match self.kind {
            OperatorKind::Plain if self.schema.is_some() => level::OTHER,
            OperatorKind::Plain => match &*self.name {
                "+" | "-" if is_prefix => level::SIGN,
                _ if is_prefix => level::OTHER,
                "+" | "-" => level::SUM,
                "*" | "/" | "%" => level::PRODUCT,
                "^" => level::POWER,
                "<" | ">" | "=" | "<=" | ">=" | "<>" => level::COMPARISON,
                _ => level::OTHER,
            },
            OperatorKind::Any | OperatorKind::All => level::COMPARISON,
            OperatorKind::Distinct | OperatorKind::NotDistinct => level::IS,
            OperatorKind::NullIf => level::ATOM,
            _ => level::IN,
        }
    }
}

/// Returns the name of a function as SQL.
pub(super) fn function_sql<'n>(parts: impl IntoIterator<Item = &'n Arc<str>>) -> String {
    let parts: Vec<&Arc<str>> = parts.into_iter().collect();
    match &parts[..] {
        [name] => quote_function(name).into_owned(),
        parts => {
            let quoted: Vec<_> = parts.iter().map(|part| quote_identifier(part)).collect();
            quoted.join(".")
        }
    }
}
