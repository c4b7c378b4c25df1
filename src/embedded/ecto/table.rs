//! Tables and their columns.

use super::super::evaluate::Event;
use super::super::sql::{self, Column, Constraint, ConstraintKind, Name, Table};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::options::{self, Options, known};
use super::types::{self, COLUMN_OPTIONS, Type};
use super::{IRREVERSIBLE, RUN_TIME, last};
use crate::source::Span;
use crate::sql::tree::quote_identifier;

const TABLE_OPTIONS: &[&str] = &["primary_key", "prefix", "comment", "options"];

const TIMESTAMP_OPTIONS: &[&str] =
    &["inserted_at", "updated_at", "type", "default", "null", "size", "precision", "comment"];

/// Returns `CREATE TABLE` with the comments behind it.
pub(super) fn create(
    what: &CallValue,
    inner: Vec<Event>,
    if_not_exists: bool,
    host: Span,
) -> Result<Vec<Text>, String> {
    let options = options::of(what, 1, TABLE_OPTIONS)?;
    let name = options::name(what.positional(0), &options)?;
    let mut made = Made::default();
    made.implied_key(&options, &name, host)?;
    for event in inner {
        let call = event.call().filter(|_| event.doubt.is_none());
        let call = call.ok_or("a line of its block is not read")?;
        match call.name.as_str() {
            "this.add" => made.add(call, &name)?,
            "this.timestamps" => made.timestamps(call, &name)?,
            _ if super::raw::is_harmless(call) => {}
            other => return Err(format!("`{}` is not followed", last(other))),
        }
    }
    let Made { columns, mut constraints, keys, comments } = made;
    if !keys.is_empty() {
        constraints.push(primary_key(keys, host));
    }
    let comment = options.text("comment")?;
    let table = Table {
        host,
        name: name.clone(),
        prefix: String::new(),
        if_not_exists,
        columns,
        constraints,
        suffix: options.text("options")?.unwrap_or_default(),
    };
    let mut out = vec![sql::create_table(&table)];
    let comment = comment.as_deref();
    out.extend(comment.map(|_| sql::comment(&format!("TABLE {name}"), comment, host)));
    out.extend(comments.iter().map(|(column, text)| column_comment(&name, column, text, host)));
    Ok(out)
}

fn column_comment(table: &Name, column: &str, text: &str, host: Span) -> Text {
    sql::comment(&format!("COLUMN {table}.{}", quote_identifier(column)), Some(text), host)
}

fn primary_key(keys: Vec<String>, host: Span) -> Constraint {
    let kind = ConstraintKind::PrimaryKey(keys);
    Constraint { host, name: None, kind, deferrable: None, initially: None, not_valid: false }
}

/// The columns of a table that is being made.
#[derive(Default)]
struct Made {
    columns: Vec<Column>,
    constraints: Vec<Constraint>,
    keys: Vec<String>,
    comments: Vec<(String, String)>,
}

impl Made {
    /// Adds the key that a table has unless it says otherwise.
    fn implied_key(&mut self, options: &Options, table: &Name, host: Span) -> Result<(), String> {
        let (name, spelled) = match options.set("primary_key") {
            Some(value) if value.bool() == Some(false) => return Ok(()),
            Some(value) if value.bool() == Some(true) => ("id".to_owned(), None),
            None => ("id".to_owned(), None),
            Some(value) => {
                let mut names = COLUMN_OPTIONS.to_vec();
                names.extend(["name", "type", "autogenerate"]);
                let options = options::of_value(value, &names)?;
                let name = options.text("name")?.unwrap_or_else(|| "id".to_owned());
                let spelled = match options.set("type") {
                    Some(spelled) => {
                        let of = types::column_type(Some(spelled), &options, table, &name)?;
                        Some(column(&name, &of, &options, host)?)
                    }
                    None => None,
                };
                (name, spelled)
            }
        };
        let plain = Column {
            host,
            name: name.clone(),
            type_name: Text::translated("bigserial", host),
            default: None,
            generated: None,
            not_null: false,
            constraints: Vec::new(),
        };
        self.columns.push(spelled.unwrap_or(plain));
        self.keys.push(name);
        Ok(())
    }

    fn add(&mut self, call: &CallValue, table: &Name) -> Result<(), String> {
        let options = options::of(call, 2, COLUMN_OPTIONS)?;
        let name = known(call.positional(0))?;
        let of = types::column_type(call.positional(1), &options, table, &name)?;
        self.columns.push(column(&name, &of, &options, call.span)?);
        self.constraints.extend(of.reference);
        if options.flag("primary_key")? == Some(true) {
            self.keys.push(name.clone());
        }
        self.comments.extend(options.text("comment")?.map(|comment| (name, comment)));
        Ok(())
    }

    fn timestamps(&mut self, call: &CallValue, table: &Name) -> Result<(), String> {
        let options = options::of(call, 0, TIMESTAMP_OPTIONS)?;
        for name in timestamp_names(&options)? {
            self.columns.push(timestamp(&name, &options, table, call.span)?);
            self.comments.extend(options.text("comment")?.map(|comment| (name, comment)));
        }
        Ok(())
    }
}

/// Returns the names of the two columns, but for those that are turned off.
fn timestamp_names(options: &Options) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for name in ["inserted_at", "updated_at"] {
        match options.get(name) {
            Some(value) if value.bool() == Some(false) => {}
            Some(value) => names.push(known(Some(value))?),
            None => names.push(name.to_owned()),
        }
    }
    Ok(names)
}

fn timestamp(name: &str, options: &Options, table: &Name, host: Span) -> Result<Column, String> {
    let usual =
        Value { span: host, kind: ValueKind::Text(Text::translated("naive_datetime", host)) };
    let spelled = options.set("type").unwrap_or(&usual);
    let of = types::column_type(Some(spelled), options, table, name)?;
    let mut made = column(name, &of, options, host)?;
    made.not_null = options.flag("null")? != Some(true);
    Ok(made)
}

fn column(name: &str, of: &Type, options: &Options, host: Span) -> Result<Column, String> {
    let generated = options.text("generated")?;
    Ok(Column {
        host,
        name: name.to_owned(),
        type_name: Text::translated(of.sql.as_str(), host),
        default: types::default(options, of)?,
        generated: generated.map(|how| Text::translated(format!("GENERATED {how}"), host)),
        not_null: options.flag("null")? == Some(false),
        constraints: Vec::new(),
    })
}

/// Returns `DROP TABLE`.
pub(super) fn drop(
    what: &CallValue,
    if_exists: bool,
    is_cascade: bool,
    host: Span,
) -> Result<Vec<Text>, String> {
    let options = options::of(what, 1, TABLE_OPTIONS)?;
    let name = options::name(what.positional(0), &options)?;
    let exists = if if_exists { "IF EXISTS " } else { "" };
    let cascade = if is_cascade { " CASCADE" } else { "" };
    Ok(vec![Text::translated(format!("DROP TABLE {exists}{name}{cascade}"), host)])
}

/// Returns what renames a table or a column.
pub(super) fn rename(call: &CallValue, is_back: bool) -> Result<Vec<Text>, String> {
    let host = call.span;
    let named = |value: Option<&Value>| -> Result<Name, String> {
        let what = value.and_then(Value::call).filter(|call| call.name == "this.table");
        let what = what.ok_or("only tables and columns are known to be renamed")?;
        options::name(what.positional(0), &options::of(what, 1, TABLE_OPTIONS)?)
    };
    let to = call.named("to").ok_or(RUN_TIME)?;
    if call.positional(1).is_some() {
        let table = named(call.positional(0))?;
        let quoted = |value| known(Some(value)).map(|name| quote_identifier(&name).into_owned());
        let (mut from, mut to) = (quoted(call.positional(1).ok_or(RUN_TIME)?)?, quoted(to)?);
        if is_back {
            std::mem::swap(&mut from, &mut to);
        }
        let sql = format!("ALTER TABLE {table} RENAME {from} TO {to}");
        return Ok(vec![Text::translated(sql, host)]);
    }
    let (mut from, mut to) = (named(call.positional(0))?, named(Some(to))?);
    if is_back {
        std::mem::swap(&mut from, &mut to);
    }
    let sql = format!("ALTER TABLE {from} RENAME TO {}", quote_identifier(&to.name));
    Ok(vec![Text::translated(sql, host)])
}

/// Returns `ALTER TABLE` with all changes of a block, and the comments behind it.
pub(super) fn alter(
    call: &CallValue,
    mut inner: Vec<Event>,
    is_back: bool,
) -> Result<Vec<Text>, String> {
    let what = call.positional(0).and_then(Value::call).ok_or(RUN_TIME)?;
    let options = options::of(what, 1, TABLE_OPTIONS)?;
    let table = options::name(what.positional(0), &options)?;
    let mut changes = Changes { table, parts: Vec::new(), keys: Vec::new(), comments: Vec::new() };
    if is_back {
        inner.reverse();
    }
    for event in inner {
        let inner = event.call().filter(|_| event.doubt.is_none());
        let inner = inner.ok_or("a line of its block is not read")?;
        if !super::raw::is_harmless(inner) {
            changes.change(inner, is_back)?;
        }
    }
    let host = call.span;
    if !changes.keys.is_empty() {
        let keys = std::mem::take(&mut changes.keys);
        let mut part = Text::translated("ADD ", host);
        part.append(sql::constraint(&primary_key(keys, host)));
        changes.parts.push(part);
    }
    let table = &changes.table;
    let mut out = Text::translated(format!("ALTER TABLE {table} "), host);
    let is_empty = changes.parts.is_empty();
    for (at, part) in changes.parts.into_iter().enumerate() {
        out.push(if at > 0 { ", " } else { "" }, host);
        out.append(part);
    }
    let mut all = if is_empty { Vec::new() } else { vec![out] };
    let comment = options.text("comment")?;
    let comment = comment.as_deref();
    all.extend(comment.map(|_| sql::comment(&format!("TABLE {table}"), comment, host)));
    let comments = changes.comments.iter();
    all.extend(comments.map(|(column, text)| column_comment(table, column, text, host)));
    Ok(all)
}

/// The changes of one `ALTER TABLE`.
struct Changes {
    table: Name,
    parts: Vec<Text>,
    keys: Vec<String>,
    comments: Vec<(String, String)>,
}

impl Changes {
    fn change(&mut self, call: &CallValue, is_back: bool) -> Result<(), String> {
        match (call.name.as_str(), is_back) {
            ("this.add", false) => self.add(call, ""),
            ("this.add", true) => self.remove(call, ""),
            ("this.add_if_not_exists", false) => self.add(call, "IF NOT EXISTS "),
            ("this.remove", false) => self.remove(call, ""),
            ("this.remove", true) if call.positional(1).is_some() => self.add(call, ""),
            ("this.remove_if_exists", false) => self.remove(call, "IF EXISTS "),
            ("this.timestamps", _) => self.timestamps(call, is_back),
            ("this.modify", false) => self.modify(call),
            ("this.modify", true) => self.modify_back(call),
            ("this.add_if_not_exists" | "this.remove" | "this.remove_if_exists", true) => {
                Err(IRREVERSIBLE.to_owned())
            }
            (other, _) => Err(format!("`{}` is not followed", last(other))),
        }
    }

    fn add(&mut self, call: &CallValue, exists: &str) -> Result<(), String> {
        let options = options::of(call, 2, COLUMN_OPTIONS)?;
        let name = known(call.positional(0))?;
        let of = types::column_type(call.positional(1), &options, &self.table, &name)?;
        self.parts.push(added(&column(&name, &of, &options, call.span)?, exists));
        if let Some(reference) = &of.reference {
            let mut part = Text::translated("ADD ", call.span);
            part.append(sql::constraint(reference));
            self.parts.push(part);
        }
        if options.flag("primary_key")? == Some(true) {
            self.keys.push(name.clone());
        }
        self.comments.extend(options.text("comment")?.map(|comment| (name, comment)));
        Ok(())
    }

    /// Takes a column away; the key that its type names goes first.
    fn remove(&mut self, call: &CallValue, exists: &str) -> Result<(), String> {
        let name = known(call.positional(0))?;
        if call.positional(1).is_some() {
            let options = options::of(call, 2, COLUMN_OPTIONS)?;
            let of = types::column_type(call.positional(1), &options, &self.table, &name)?;
            self.drop_reference(of.reference.as_ref(), exists, call.span);
        }
        let sql = format!("DROP COLUMN {exists}{}", quote_identifier(&name));
        self.parts.push(Text::translated(sql, call.span));
        Ok(())
    }

    fn drop_reference(&mut self, reference: Option<&Constraint>, exists: &str, host: Span) {
        if let Some(name) = reference.and_then(|reference| reference.name.as_deref()) {
            let sql = format!("DROP CONSTRAINT {exists}{}", quote_identifier(name));
            self.parts.push(Text::translated(sql, host));
        }
    }

    fn timestamps(&mut self, call: &CallValue, is_back: bool) -> Result<(), String> {
        let options = options::of(call, 0, TIMESTAMP_OPTIONS)?;
        let mut names = timestamp_names(&options)?;
        if is_back {
            names.reverse();
        }
        for name in names {
            if is_back {
                let sql = format!("DROP COLUMN {}", quote_identifier(&name));
                self.parts.push(Text::translated(sql, call.span));
            } else {
                self.parts.push(added(&timestamp(&name, &options, &self.table, call.span)?, ""));
            }
        }
        Ok(())
    }

    fn modify(&mut self, call: &CallValue) -> Result<(), String> {
        let options = options::of(call, 2, COLUMN_OPTIONS)?;
        let name = known(call.positional(0))?;
        let before = options.set("from").map(|from| from_type(from, &self.table, &name));
        let before = before.transpose()?;
        let of = types::column_type(call.positional(1), &options, &self.table, &name)?;
        let before = before.and_then(|before| before.reference);
        self.modified(&name, before.as_ref(), &of, &options, call.span)?;
        self.comments.extend(options.text("comment")?.map(|comment| (name, comment)));
        Ok(())
    }

    /// Changes a column back to what `from:` says that it was.
    fn modify_back(&mut self, call: &CallValue) -> Result<(), String> {
        let now = options::of(call, 2, COLUMN_OPTIONS)?;
        let name = known(call.positional(0))?;
        let from = now.set("from").ok_or(IRREVERSIBLE)?;
        let made = types::column_type(call.positional(1), &now, &self.table, &name)?;
        let of = from_type(from, &self.table, &name)?;
        match from_options(from)? {
            Some(before) => self.modified(&name, made.reference.as_ref(), &of, &before, call.span),
            // A type alone takes the other options along.
            None => self.modified(&name, made.reference.as_ref(), &of, &now, call.span),
        }
    }

    fn modified(
        &mut self,
        name: &str,
        before: Option<&Constraint>,
        of: &Type,
        options: &Options,
        host: Span,
    ) -> Result<(), String> {
        self.drop_reference(before, "", host);
        let quoted = quote_identifier(name);
        let mut push = |change: String| {
            let sql = format!("ALTER COLUMN {quoted} {change}");
            self.parts.push(Text::translated(sql, host));
        };
        push(format!("TYPE {}", of.sql));
        match options.flag("null")? {
            Some(true) => push("DROP NOT NULL".to_owned()),
            Some(false) => push("SET NOT NULL".to_owned()),
            None => {}
        }
        if let Some(default) = types::default(options, of)? {
            let mut part = Text::translated(format!("ALTER COLUMN {quoted} SET DEFAULT "), host);
            part.append(default);
            self.parts.push(part);
        }
        if let Some(reference) = &of.reference {
            let mut part = Text::translated("ADD ", host);
            part.append(sql::constraint(reference));
            self.parts.push(part);
        }
        Ok(())
    }
}

fn added(column: &Column, exists: &str) -> Text {
    let mut part = Text::translated(format!("ADD COLUMN {exists}"), column.host);
    part.append(sql::column(column));
    part
}

/// Returns the type that `from:` names, which may stand beside its options.
fn from_type(from: &Value, table: &Name, column: &str) -> Result<Type, String> {
    match from_options(from)? {
        Some(options) => {
            let of = from.list().and_then(<[Value]>::first);
            types::column_type(of, &options, table, column)
        }
        None => types::column_type(Some(from), &Options::default(), table, column),
    }
}

/// Returns the options in `{type, options}`.
fn from_options(from: &Value) -> Result<Option<Options<'_>>, String> {
    match from.list() {
        Some([_, options @ Value { kind: ValueKind::Map(_), .. }]) => {
            options::of_value(options, COLUMN_OPTIONS).map(Some)
        }
        _ => Ok(None),
    }
}
