//! Indexes and constraints.

use super::super::sql::{self, Constraint, ConstraintKind, Index, Name};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::options::{self, Options, known};
use super::{RUN_TIME, options::word};
use crate::source::Span;
use crate::sql::tree::quote_identifier;

const INDEX_OPTIONS: &[&str] = &[
    "name",
    "prefix",
    "unique",
    "comment",
    "using",
    "concurrently",
    "include",
    "nulls_distinct",
    "where",
];

/// Returns `CREATE INDEX` with the comment behind it.
pub(super) fn create(
    what: &CallValue,
    if_not_exists: bool,
    host: Span,
) -> Result<Vec<Text>, String> {
    let options = options::of(what, 2, INDEX_OPTIONS)?;
    let table = options::name(what.positional(0), &options)?;
    let columns = columns(what.positional(1))?;
    let include = match options.set("include") {
        Some(value) => {
            let values = value.list().map_or(vec![value], |list| list.iter().collect());
            values.into_iter().map(|name| known(Some(name))).collect::<Result<Vec<_>, _>>()?
        }
        None => Vec::new(),
    };
    let is_unique = what.name == "this.unique_index" || options.flag("unique")? == Some(true);
    let nulls = match options.flag("nulls_distinct")? {
        Some(true) => " NULLS DISTINCT",
        Some(false) => " NULLS NOT DISTINCT",
        None => "",
    };
    let condition = match options.set("where").map(|value| &value.kind) {
        Some(ValueKind::Text(text)) => Some(text.clone()),
        Some(_) => return Err(RUN_TIME.to_owned()),
        None => None,
    };
    let name = index_name(what, &options)?;
    let index = Index {
        host,
        name: name.name.clone(),
        table,
        is_unique,
        is_concurrent: options.flag("concurrently")? == Some(true),
        if_not_exists,
        method: options.text("using")?,
        keys: columns,
        include,
        options: nulls.to_owned(),
        condition,
    };
    let comment = options.text("comment")?;
    let comment = comment.as_deref();
    let mut out = vec![sql::create_index(&index)];
    out.extend(comment.map(|_| sql::comment(&format!("INDEX {name}"), comment, host)));
    Ok(out)
}

/// Returns the columns: an atom is a name, a text is sent as it stands.
fn columns(value: Option<&Value>) -> Result<Vec<Text>, String> {
    let value = value.ok_or(RUN_TIME)?;
    let column = |value: &Value| match (&value.kind, word(value)) {
        (_, Some(name)) => Ok(Text::translated(quote_identifier(&name), value.span)),
        (ValueKind::Text(text), None) => Ok(text.clone()),
        _ => Err(RUN_TIME.to_owned()),
    };
    match value.list() {
        Some(list) => list.iter().map(column).collect(),
        None => Ok(vec![column(value)?]),
    }
}

/// Returns the name that an index is given, or that Ecto makes of its table and columns.
fn index_name(what: &CallValue, options: &Options) -> Result<Name, String> {
    let schema = options.text("prefix")?;
    if let Some(name) = options.text("name")? {
        return Ok(Name { schema, name });
    }
    let columns = what.positional(1).ok_or(RUN_TIME)?;
    let columns = columns.list().map_or(vec![columns], |list| list.iter().collect());
    let mut parts = vec![known(what.positional(0))?];
    for column in columns {
        parts.push(known(Some(column))?);
    }
    if parts.iter().any(|part| !part.is_ascii()) {
        return Err("the name of the index is not known".to_owned());
    }
    let tidy = |part: &String| {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let replaced: String = part.chars().map(|c| if is_word(c) { c } else { '_' }).collect();
        replaced.trim_end_matches('_').to_owned()
    };
    let mut parts: Vec<String> = parts.iter().map(tidy).collect();
    parts.push("index".to_owned());
    Ok(Name { schema, name: parts.join("_") })
}

/// Returns `DROP INDEX`.
pub(super) fn drop(
    what: &CallValue,
    if_exists: bool,
    is_cascade: bool,
    host: Span,
) -> Result<Vec<Text>, String> {
    let options = options::of(what, 2, INDEX_OPTIONS)?;
    let name = index_name(what, &options)?;
    let concurrently =
        if options.flag("concurrently")? == Some(true) { "CONCURRENTLY " } else { "" };
    let exists = if if_exists { "IF EXISTS " } else { "" };
    let cascade = if is_cascade { " CASCADE" } else { "" };
    let sql = format!("DROP INDEX {concurrently}{exists}{name}{cascade}");
    Ok(vec![Text::translated(sql, host)])
}

const CONSTRAINT_OPTIONS: &[&str] = &["check", "exclude", "prefix", "validate", "comment"];

/// Returns what adds a constraint.
pub(super) fn create_constraint(what: &CallValue, host: Span) -> Result<Vec<Text>, String> {
    let options = options::of(what, 2, CONSTRAINT_OPTIONS)?;
    let table = options::name(what.positional(0), &options)?;
    let name = known(what.positional(1))?;
    let not_valid = options.flag("validate")? == Some(false);
    let text = |value: &Value| match &value.kind {
        ValueKind::Text(text) => Ok(text.clone()),
        _ => Err(RUN_TIME.to_owned()),
    };
    let mut out = Text::translated(format!("ALTER TABLE {table} ADD "), host);
    match (options.set("check"), options.set("exclude")) {
        (Some(check), None) => {
            let kind = ConstraintKind::Check(text(check)?);
            let (deferrable, initially, name) = (None, None, Some(name.clone()));
            let made = Constraint { host, name, kind, deferrable, initially, not_valid };
            out.append(sql::constraint(&made));
        }
        (None, Some(exclude)) => {
            out.push(format!("CONSTRAINT {} EXCLUDE USING ", quote_identifier(&name)), host);
            out.append(text(exclude)?);
            out.push(if not_valid { " NOT VALID" } else { "" }, host);
        }
        _ => return Err("it has no condition, or two".to_owned()),
    }
    let comment = options.text("comment")?;
    let comment = comment.as_deref();
    let what = format!("CONSTRAINT {} ON {table}", quote_identifier(&name));
    let mut all = vec![out];
    all.extend(comment.map(|_| sql::comment(&what, comment, host)));
    Ok(all)
}

/// Returns what drops a constraint.
pub(super) fn drop_constraint(
    what: &CallValue,
    if_exists: bool,
    host: Span,
) -> Result<Vec<Text>, String> {
    let options = options::of(what, 2, CONSTRAINT_OPTIONS)?;
    let table = options::name(what.positional(0), &options)?;
    let name = known(what.positional(1))?;
    let exists = if if_exists { "IF EXISTS " } else { "" };
    let sql = format!("ALTER TABLE {table} DROP CONSTRAINT {exists}{}", quote_identifier(&name));
    Ok(vec![Text::translated(sql, host)])
}
