//! Conditions of indexes and constraints: `Q` objects as SQL.
//!
//! Source: `Query.build_filter`, `Node.add` and `WhereNode.as_sql` of Django 5.2, and what `sqlmigrate`
//! prints.

use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::fields::constant;
use super::state::Model;

/// Returns a condition made of `Q` objects; a stand-in for what is not read.
pub(super) fn condition(value: &Value, model: Option<&Model>) -> Text {
    match group(value, model, false) {
        Some(group) if !group.parts.is_empty() => Text::translated(group.sql(), value.span),
        _ => Text::open("condition", value.span),
    }
}

/// Comparisons that are joined by one word.
struct Group {
    is_or: bool,
    is_negated: bool,
    parts: Vec<String>,
}

impl Group {
    /// Adds a group that stands in this one; it gets no parentheses where it needs none.
    fn add(&mut self, inner: Self) {
        let is_same = inner.is_or == self.is_or || inner.parts.len() == 1;
        if is_same && !inner.is_negated {
            self.parts.extend(inner.parts);
        } else {
            self.parts.push(inner.sql());
        }
    }

    fn sql(&self) -> String {
        let joined = self.parts.join(if self.is_or { " OR " } else { " AND " });
        match (self.is_negated, self.parts.len()) {
            (true, _) => format!("NOT ({joined})"),
            (false, 1) => joined,
            (false, _) => format!("({joined})"),
        }
    }
}

/// Reads a `Q`; `is_opposite` says whether those around it turn it into its opposite.
fn group(value: &Value, model: Option<&Model>, is_opposite: bool) -> Option<Group> {
    let call = value.call().filter(|call| call.name.ends_with(".Q") && !call.has_spread())?;
    let is_or = match call.named("_connector") {
        None => false,
        Some(connector) => match connector_of(connector)?.as_str() {
            "AND" => false,
            "OR" => true,
            _ => return None,
        },
    };
    let is_negated = match call.named("_negated") {
        None => false,
        Some(negated) => negated.bool()?,
    };
    let is_opposite = is_opposite != is_negated;
    let mut made = Group { is_or, is_negated, parts: Vec::new() };
    for child in children(call) {
        let inner = match child {
            Child::Compared(name, value) => comparison(&name, value, model, is_opposite)?,
            Child::Other(value) => group(value, model, is_opposite)?,
        };
        // An empty one says nothing.
        if !inner.parts.is_empty() {
            made.add(inner);
        }
    }
    Some(made)
}

/// Returns how the parts of a `Q` are joined: it is spelled as a text, or as `Q.OR`.
fn connector_of(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Path(path) => path.rsplit_once(".Q.").map(|(_, name)| name.to_owned()),
        _ => value.known_text(),
    }
}

enum Child<'a> {
    Compared(String, &'a Value),
    Other(&'a Value),
}

/// Returns what a `Q` is made of; arguments with names come last, by name.
fn children(call: &CallValue) -> Vec<Child<'_>> {
    let mut found = Vec::new();
    let mut named = Vec::new();
    for argument in &call.arguments {
        match (&argument.name, argument.value.list()) {
            (Some(name), _) if name == "_connector" || name == "_negated" => {}
            (Some(name), _) => named.push((name.clone(), &argument.value)),
            (None, Some([name, value])) => match name.known_text() {
                Some(name) => found.push(Child::Compared(name, value)),
                None => found.push(Child::Other(&argument.value)),
            },
            (None, _) => found.push(Child::Other(&argument.value)),
        }
    }
    named.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.extend(named.into_iter().map(|(name, value)| Child::Compared(name, value)));
    found
}

fn comparison(
    name: &str,
    value: &Value,
    model: Option<&Model>,
    is_opposite: bool,
) -> Option<Group> {
    let (name, operator) = name.split_once("__").unwrap_or((name, "exact"));
    let field = model.and_then(|model| match name {
        "pk" => model.primary_key(),
        _ => model.field(name),
    });
    let column = format!("\"{}\"", field.map_or(name, |field| field.column.as_str()));
    let (sql, is_about_null) = compared(&column, operator, value)?;
    let mut parts = vec![sql];
    if is_opposite && !is_about_null {
        // Django lets rows without a value pass, but needs to know whether there are any.
        if field?.is_null {
            parts.push(format!("{column} IS NOT NULL"));
        }
    }
    Some(Group { is_or: false, is_negated: false, parts })
}

/// Returns a comparison as SQL, and whether it asks for nulls.
fn compared(column: &str, operator: &str, value: &Value) -> Option<(String, bool)> {
    let constant = |value: &Value| constant(value, "").known();
    let word = match operator {
        "exact" => match &value.kind {
            ValueKind::Bool(true) => return Some((column.to_owned(), false)),
            ValueKind::Bool(false) => return Some((format!("NOT {column}"), false)),
            ValueKind::Nothing => return Some((format!("{column} IS NULL"), true)),
            _ => "=",
        },
        "gt" => ">",
        "gte" => ">=",
        "lt" => "<",
        "lte" => "<=",
        "isnull" => {
            let word = if value.bool()? { "IS NULL" } else { "IS NOT NULL" };
            return Some((format!("{column} {word}"), true));
        }
        "in" => {
            let values: Option<Vec<String>> = value.list()?.iter().map(constant).collect();
            let values = values.filter(|values| !values.is_empty())?;
            return Some((format!("{column} IN ({})", values.join(", ")), false));
        }
        _ => return None,
    };
    Some((format!("{column} {word} {}", constant(value)?), false))
}
