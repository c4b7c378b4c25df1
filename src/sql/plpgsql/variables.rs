//! The variables of a block: their declarations, and what assigns to them.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use super::condition::Condition;
use super::expression::Scope;
use super::query;
use super::value::{Value, boolean};
use crate::sql::lex::{TokenKind, lexemes};

/// The largest condition that a variable keeps, in facts.
const MAX_FACTS: usize = 16;

const MAX_DEPTH: usize = 400;

/// A variable, or a field of one.
pub(super) struct Datum<'a> {
    pub(super) name: &'a str,
    pub(super) type_name: &'a str,
    pub(super) default: Option<&'a str>,
    pub(super) line: u64,
    /// For a field of a record: the number of the record, and the field.
    pub(super) field: Option<(usize, &'a str)>,
    /// For a bound cursor: its query.
    pub(super) cursor: Option<&'a str>,
    pub(super) cursor_expression: Option<&'a Json>,
    /// Whether several blocks declare the name, so that nobody can tell which is meant.
    pub(super) is_ambiguous: bool,
    /// Whether it is not declared in a block: a parameter, `found`, and what the grammar adds.
    pub(super) is_parameter: bool,
}

/// Returns the variables of a function, by their numbers.
pub(super) fn datums(function: &Json) -> Vec<Datum<'_>> {
    let list = function["datums"].as_array();
    let mut datums: Vec<Datum<'_>> = list.into_iter().flatten().map(datum).collect();
    let mut seen: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, datum) in datums.iter().enumerate().filter(|(_, datum)| !datum.name.is_empty()) {
        seen.entry(datum.name).or_default().push(at);
    }
    for numbers in seen.values().filter(|numbers| numbers.len() > 1) {
        // Loops over integers declare their variable themselves, and put it back.
        let is_counter =
            |at: &usize| datums[*at].type_name == "int4" && datums[*at].default.is_none();
        if !numbers.iter().all(is_counter) {
            numbers.iter().for_each(|at| datums[*at].is_ambiguous = true);
        }
    }
    datums
}

fn datum(json: &Json) -> Datum<'_> {
    let (kind, fields) = json
        .as_object()
        .and_then(|object| object.iter().next())
        .map_or(("", json), |(kind, fields)| (kind.as_str(), fields));
    let field = (kind == "PLpgSQL_recfield").then(|| {
        (number(&fields["recparentno"]), fields["fieldname"].as_str().unwrap_or_default())
    });
    let is_variable = matches!(kind, "PLpgSQL_var" | "PLpgSQL_rec");
    let line = fields["lineno"].as_u64().unwrap_or_default();
    Datum {
        name: fields["refname"].as_str().filter(|_| is_variable).unwrap_or_default(),
        type_name: fields["datatype"]["PLpgSQL_type"]["typname"].as_str().unwrap_or_default(),
        default: query(&fields["default_val"]),
        line,
        field,
        cursor: query(&fields["cursor_explicit_expr"]),
        cursor_expression: fields.get("cursor_explicit_expr"),
        is_ambiguous: false,
        is_parameter: !is_variable || line == 0,
    }
}

/// Reads a number, which the JSON leaves out where it is zero.
pub(super) fn number(json: &Json) -> usize {
    json.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

/// Collects the lines on which blocks begin.
pub(super) fn block_lines(json: &Json, out: &mut Vec<u64>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match json {
        Json::Array(items) => items.iter().for_each(|item| block_lines(item, out, depth + 1)),
        Json::Object(fields) => {
            out.extend(fields.get("PLpgSQL_stmt_block").and_then(|block| block["lineno"].as_u64()));
            fields.values().for_each(|value| block_lines(value, out, depth + 1));
        }
        _ => {}
    }
}

/// Splits `target := expression`.
pub(super) fn assignment(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0;
    for lexeme in lexemes(text) {
        match lexeme.kind {
            TokenKind::Byte(b'[' | b'(') => depth += 1,
            TokenKind::Byte(b']' | b')') => depth -= 1,
            TokenKind::Byte(b'=') if depth == 0 => {
                return Some((&text[..lexeme.start], &text[lexeme.end()..]));
            }
            _ => {}
        }
    }
    None
}

/// Collects the names of the variables that something in `json` assigns to.
pub(super) fn assigned(json: &Json, datums: &[Datum<'_>], out: &mut HashSet<String>, depth: usize) {
    if depth > MAX_DEPTH {
        return;
    }
    match json {
        Json::Array(items) => {
            items.iter().for_each(|item| assigned(item, datums, out, depth + 1));
        }
        Json::Object(fields) => {
            for (kind, value) in fields {
                match kind.as_str() {
                    "target" | "var" if value.is_object() => assigned_to(value, datums, out),
                    "PLpgSQL_stmt_assign" | "PLpgSQL_stmt_foreach_a" => {
                        out.extend(name(number(&value["varno"]), datums));
                    }
                    "PLpgSQL_diag_item" => out.extend(name(number(&value["target"]), datums)),
                    _ => {}
                }
                assigned(value, datums, out, depth + 1);
            }
            // What stands beside the body of a statement that is looked at by itself.
            if fields.contains_key("varno") && fields.contains_key("lineno") {
                out.extend(name(number(&fields["varno"]), datums));
            }
        }
        _ => {}
    }
}

/// Collects the names of the variables of a target: a variable, a record, or a list of them.
pub(super) fn assigned_to(target: &Json, datums: &[Datum<'_>], out: &mut HashSet<String>) {
    for kind in ["PLpgSQL_var", "PLpgSQL_rec"] {
        out.extend(target[kind]["refname"].as_str().map(str::to_owned));
    }
    for field in target["PLpgSQL_row"]["fields"].as_array().into_iter().flatten() {
        out.extend(name(number(&field["varno"]), datums));
    }
}

/// Returns the name of a variable, or that of the record that it is a field of.
fn name(at: usize, datums: &[Datum<'_>]) -> Option<String> {
    let datum = datums.get(at)?;
    let datum = match datum.field {
        Some((parent, _)) => datums.get(parent)?,
        None => datum,
    };
    (!datum.name.is_empty()).then(|| datum.name.to_owned())
}

/// Returns what a row gives to the variables of a loop; nothing if they do not fit.
pub(super) fn bind(
    target: &Json,
    datums: &[Datum<'_>],
    row: Vec<(String, Value)>,
) -> Option<HashMap<String, Value>> {
    if let Some(record) = target["PLpgSQL_rec"]["refname"].as_str() {
        return Some(HashMap::from([(record.to_owned(), Value::Record(row))]));
    }
    if let Some(variable) = target["PLpgSQL_var"]["refname"].as_str() {
        let (_, value) = row.into_iter().next()?;
        return Some(HashMap::from([(variable.to_owned(), value)]));
    }
    let fields = target["PLpgSQL_row"]["fields"].as_array()?;
    if fields.len() != row.len() {
        return None;
    }
    let values = row.into_iter().map(|(_, value)| value);
    fields
        .iter()
        .zip(values)
        .map(|(field, value)| {
            let datum = datums.get(number(&field["varno"]))?;
            (datum.field.is_none() && !datum.name.is_empty())
                .then(|| (datum.name.to_owned(), value))
        })
        .collect()
}

/// Returns the value that a variable of a type has after a value was assigned to it.
pub(super) fn typed(value: Value, type_name: &str) -> Value {
    match (&value, type_name) {
        (Value::Text(text), "bool") => match text.as_known().as_deref().and_then(boolean) {
            Some(truth) => Value::truth(truth),
            None => Value::Unknown,
        },
        (Value::Text(text), array) if array.starts_with('_') || array.ends_with("[]") => {
            let text = text.as_known().unwrap_or_default();
            match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                Some("") => Value::Array(Vec::new()),
                Some(items) if !items.contains(['"', '{', '\\']) => {
                    Value::Array(items.split(',').map(|item| Value::text(item.trim())).collect())
                }
                _ => Value::Unknown,
            }
        }
        _ => value,
    }
}

/// Returns what is known after either branch of a condition; without one, after either of two paths.
pub(super) fn merged(condition: Option<&Condition>, yes: &Scope, no: &Scope) -> Scope {
    let mut merged = yes.clone();
    let mut chosen = Vec::new();
    merged.retain(|name, value| match no.get(name) {
        Some(other) if other == value => true,
        Some(other) => {
            chosen.extend(
                condition.and_then(|condition| {
                    Some((name.to_owned(), choose(condition, value, other)?))
                }),
            );
            false
        }
        None => false,
    });
    chosen.into_iter().for_each(|(name, value)| merged.set(name, value));
    merged
}

/// Returns the truth value that is `yes` if the condition holds, else `no`.
fn choose(condition: &Condition, yes: &Value, no: &Value) -> Option<Value> {
    let truth = |value: &Value| match value {
        Value::Truth(condition) => Some(condition.clone()),
        _ => None,
    };
    let (yes, no) = (truth(yes)?, truth(no)?);
    let chosen = Condition::any([
        Condition::all([condition.clone(), yes]),
        Condition::all([condition.clone().negate(), no]),
    ]);
    (chosen.facts().len() <= MAX_FACTS && chosen != Condition::Unknown)
        .then_some(Value::Truth(chosen))
}

/// Returns whether a value still stands after a statement that changed the catalog: `sql`, or nothing
/// for one that may change anything.
pub(super) fn stands(value: &Value, sql: Option<&str>) -> bool {
    let condition = match value {
        Value::Truth(condition) => condition.clone(),
        Value::Selected(selected) => match selected.column {
            // A name that was found keeps its value whatever happens to the object.
            Some(_) => return sql.is_some_and(|sql| !may_change(&selected.query.exists(), sql)),
            None => selected.query.exists(),
        },
        Value::Count(selected) => selected.query.exists(),
        Value::Array(items) => return items.iter().all(|item| stands(item, sql)),
        Value::Record(fields) => return fields.iter().all(|(_, value)| stands(value, sql)),
        Value::Unknown
        | Value::Null
        | Value::Text(_)
        | Value::CurrentSchema
        | Value::ServerVersion => {
            return true;
        }
    };
    match sql {
        Some(sql) => !may_change(&condition, sql),
        None => condition.facts().is_empty(),
    }
}

fn may_change(condition: &Condition, sql: &str) -> bool {
    condition.facts().iter().any(|fact| fact.may_change_with(sql))
}
