//! The calls that change the schema, as the SQL that they send.

use super::super::Sent;
use super::super::sql::{self, ForeignKey, Name, alter_table};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::names::{hashed, plural, singular};
use super::table::{COLUMN, column, column_type, default};
use crate::source::Span;
use crate::sql::tree::quote_identifier;

/// Why a call is not translated.
pub(super) type Reason = String;

/// The statements of a call.
pub(super) type Statements = Result<Vec<Text>, Reason>;

/// Translates a call of the migration or of the connection; nothing where it is none that is translated.
pub(super) fn sent(call: &CallValue, version: (u32, u32)) -> Option<Vec<Sent>> {
    let is_own = call.receiver.is_none()
        && matches!(call.name.rsplit_once('.'), Some(("this" | "connection", _)));
    let name = call.name.rsplit('.').next().filter(|_| is_own)?;
    let operation = Operation { call, version };
    let statements = match name {
        "add_column" => operation.add_column(),
        "remove_column" => operation.remove_column(),
        "remove_columns" => operation.remove_columns(),
        "rename_column" => operation.rename_column(),
        "rename_table" => operation.rename_table(),
        "change_column" => operation.change_column(),
        "change_column_null" => operation.change_column_null(),
        "change_column_default" => operation.change_column_default(),
        "add_index" => operation.add_index(),
        "remove_index" => operation.remove_index(),
        "add_foreign_key" => operation.add_foreign_key(),
        "remove_foreign_key" | "remove_check_constraint" => operation.drop_constraint(),
        "validate_foreign_key" | "validate_check_constraint" | "validate_constraint" => {
            operation.validate()
        }
        "add_check_constraint" => operation.add_check_constraint(),
        "drop_table" => operation.drop_table(),
        "add_reference" | "add_belongs_to" => operation.add_reference(),
        "enable_extension" => operation.enable_extension(),
        "create_enum" => operation.create_enum(),
        "add_timestamps" => operation.add_timestamps(),
        _ => return None,
    };
    let mut sent = vec![match statements {
        Ok(statements) => Sent::statements(call.span, statements),
        Err(reason) => Sent::gap(call.span, reason),
    }];
    let is_known = sent.iter().all(|sent| sent.gap.is_none());
    if is_known && matches!(name, "rename_column" | "rename_table") {
        let reason = "Rails also gives indexes that have its own names new ones";
        sent.push(Sent::minor_gap(call.span, reason));
    }
    Some(sent)
}

/// A call with the version of Rails that it is written for.
pub(super) struct Operation<'a> {
    pub(super) call: &'a CallValue,
    pub(super) version: (u32, u32),
}

/// Returns a reason unless each named argument is one of those.
pub(super) fn check_names(call: &CallValue, known: &[&str]) -> Result<(), Reason> {
    if call.has_spread() {
        return Err("some of its arguments are known only at run time".to_owned());
    }
    let names = call.arguments.iter().filter_map(|argument| argument.name.as_deref());
    match names.filter(|name| *name != super::super::ruby::BLOCK).find(|name| !known.contains(name))
    {
        Some(name) => Err(format!("`{name}:` is not translated")),
        None => Ok(()),
    }
}

/// Returns a name, which may say its schema.
pub(super) fn table_name(value: Option<&Value>) -> Result<Name, Reason> {
    let text = word(value)?;
    Ok(match text.split_once('.') {
        Some((schema, name)) => Name { schema: Some(schema.to_owned()), name: name.to_owned() },
        None => Name { schema: None, name: text },
    })
}

/// Returns a text that is known.
pub(super) fn word(value: Option<&Value>) -> Result<String, Reason> {
    value
        .and_then(Value::known_text)
        .ok_or_else(|| "one of its names is known only at run time".to_owned())
}

/// Returns one name or several.
fn words(value: Option<&Value>) -> Result<Vec<String>, Reason> {
    match value.and_then(Value::list) {
        Some(values) => values.iter().map(|value| word(Some(value))).collect(),
        None => Ok(vec![word(value)?]),
    }
}

/// Returns a text with its place; nothing where there is none.
fn text(value: Option<&Value>) -> Result<Option<Text>, Reason> {
    match value.map(|value| &value.kind) {
        None | Some(ValueKind::Nothing) => Ok(None),
        Some(ValueKind::Text(text)) => Ok(Some(text.clone())),
        Some(_) => Err("one of its texts is known only at run time".to_owned()),
    }
}

/// Returns whether an option is set.
pub(super) fn flag(call: &CallValue, name: &str) -> Result<Option<bool>, Reason> {
    match call.named(name).map(|value| &value.kind) {
        None => Ok(None),
        Some(ValueKind::Nothing) => Ok(Some(false)),
        Some(ValueKind::Bool(value)) => Ok(Some(*value)),
        Some(_) => Err(format!("`{name}:` is known only at run time")),
    }
}

/// Returns a foreign key as Rails names it.
pub(super) fn foreign_key(
    table: &str,
    column: String,
    to: Name,
    options: &dyn Fn(&str) -> Option<Value>,
) -> Result<(String, ForeignKey), Reason> {
    let action = |name: &str| -> Result<Option<String>, Reason> {
        match options(name) {
            None => Ok(None),
            Some(value) if value.is_nothing() => Ok(None),
            Some(value) => match word(Some(&value))?.as_str() {
                "cascade" => Ok(Some("CASCADE".to_owned())),
                "nullify" => Ok(Some("SET NULL".to_owned())),
                "restrict" => Ok(Some("RESTRICT".to_owned())),
                _ => Err(format!("`{name}:` is not one that is known")),
            },
        }
    };
    let name = match options("name") {
        Some(name) => word(Some(&name))?,
        None => hashed("fk", &format!("{table}_{column}_fk")),
    };
    let referenced = options("primary_key").map_or(Ok("id".to_owned()), |key| word(Some(&key)))?;
    let key = ForeignKey {
        columns: vec![column],
        table: to,
        referenced: vec![referenced],
        matches: None,
        on_delete: action("on_delete")?,
        on_update: action("on_update")?,
    };
    Ok((name, key))
}

impl Operation<'_> {
    fn table(&self) -> Result<Name, Reason> {
        table_name(self.call.positional(0))
    }

    fn at(&self, place: usize) -> Result<String, Reason> {
        word(self.call.positional(place))
    }

    fn host(&self) -> Span {
        self.call.span
    }

    fn alter(&self, change: impl Into<String>) -> Statements {
        let change = Text::translated(change, self.host());
        Ok(vec![alter_table(&self.table()?, self.host(), change)])
    }

    /// Returns a reason for versions whose defaults are others.
    pub(super) fn check_version(&self) -> Result<(), Reason> {
        match self.version >= (5, 1) {
            true => Ok(()),
            false => Err("it is written for a version of Rails before 5.1, whose defaults are not translated".to_owned()),
        }
    }

    fn add_column(&self) -> Statements {
        check_names(self.call, &[COLUMN, &["if_not_exists"]].concat())?;
        let column = column(self.call, self.at(1)?, &self.at(2)?, self.version)?;
        let exists = flag(self.call, "if_not_exists")? == Some(true);
        let mut change =
            Text::translated(if exists { "ADD IF NOT EXISTS " } else { "ADD " }, self.host());
        change.append(sql::column(&column));
        Ok(vec![alter_table(&self.table()?, self.host(), change)])
    }

    fn remove_column(&self) -> Statements {
        check_names(self.call, &[COLUMN, &["if_exists"]].concat())?;
        let exists = flag(self.call, "if_exists")? == Some(true);
        let exists = if exists { "IF EXISTS " } else { "" };
        self.alter(format!("DROP COLUMN {exists}{}", quote_identifier(&self.at(1)?)))
    }

    fn remove_columns(&self) -> Statements {
        check_names(self.call, &[COLUMN, &["type"]].concat())?;
        let columns = self.call.arguments.iter().filter(|argument| argument.name.is_none()).skip(1);
        let parts = columns.map(|column| {
            let name = word(Some(&column.value))?;
            Ok(format!("DROP COLUMN {}", quote_identifier(&name)))
        });
        self.alter(parts.collect::<Result<Vec<String>, Reason>>()?.join(", "))
    }

    fn rename_column(&self) -> Statements {
        check_names(self.call, &[])?;
        let (old, new) = (self.at(1)?, self.at(2)?);
        self.alter(format!(
            "RENAME COLUMN {} TO {}",
            quote_identifier(&old),
            quote_identifier(&new)
        ))
    }

    fn rename_table(&self) -> Statements {
        check_names(self.call, &[])?;
        self.alter(format!("RENAME TO {}", quote_identifier(&self.at(1)?)))
    }

    fn change_column(&self) -> Statements {
        check_names(self.call, &[COLUMN, &["using"]].concat())?;
        let name = quote_identifier(&self.at(1)?).into_owned();
        let kind = self.at(2)?;
        let host = self.host();
        let mut change = Text::translated(format!("ALTER COLUMN {name} TYPE "), host);
        change.append(column_type(self.call, &kind, self.version)?);
        if let Some(using) = text(self.call.named("using"))? {
            change.push(" USING ", host);
            change.append(using);
        }
        if let Some(value) = self.call.named("default") {
            match default(value, &kind)? {
                Some(value) => {
                    change.push(format!(", ALTER COLUMN {name} SET DEFAULT "), host);
                    change.append(value);
                }
                None => change.push(format!(", ALTER COLUMN {name} DROP DEFAULT"), host),
            }
        }
        match flag(self.call, "null")? {
            Some(true) => change.push(format!(", ALTER COLUMN {name} DROP NOT NULL"), host),
            Some(false) => change.push(format!(", ALTER COLUMN {name} SET NOT NULL"), host),
            None => {}
        }
        Ok(vec![alter_table(&self.table()?, host, change)])
    }

    fn change_column_null(&self) -> Statements {
        check_names(self.call, &[])?;
        let name = quote_identifier(&self.at(1)?).into_owned();
        let null = self.call.positional(2).and_then(Value::bool);
        let null = null.ok_or("whether it may be null is known only at run time")?;
        let mut statements = Vec::new();
        if let Some(value) = self.call.positional(3).filter(|value| !value.is_nothing() && !null) {
            let value = default(value, "")?.ok_or("the value is known only at run time")?;
            let host = self.host();
            let start = format!("UPDATE {} SET {name}=", self.table()?);
            let mut update = Text::translated(start, host);
            update.append(value);
            update.push(format!(" WHERE {name} IS NULL"), host);
            statements.push(update);
        }
        let word = if null { "DROP" } else { "SET" };
        statements.extend(self.alter(format!("ALTER COLUMN {name} {word} NOT NULL"))?);
        Ok(statements)
    }

    fn change_column_default(&self) -> Statements {
        check_names(self.call, &["from", "to"])?;
        let name = quote_identifier(&self.at(1)?).into_owned();
        let value = match self.call.positional(2) {
            Some(value) if value.get("to").is_some() => value.get("to"),
            Some(value) => Some(value),
            None => self.call.named("to"),
        };
        let value = value.ok_or("the default is known only at run time")?;
        let host = self.host();
        let change = match default(value, "")? {
            Some(value) => {
                let mut change =
                    Text::translated(format!("ALTER COLUMN {name} SET DEFAULT "), host);
                change.append(value);
                change
            }
            None => Text::translated(format!("ALTER COLUMN {name} DROP DEFAULT"), host),
        };
        Ok(vec![alter_table(&self.table()?, host, change)])
    }

    fn add_index(&self) -> Statements {
        Ok(vec![index(self.call, &self.at(0)?, self.call.positional(1))?])
    }

    fn remove_index(&self) -> Statements {
        check_names(self.call, &["name", "column", "algorithm", "if_exists"])?;
        if self.call.named("name").is_none() {
            return Err("the name of the index is looked up at run time".to_owned());
        }
        let schema = self.table()?.schema;
        let name = Name { schema, name: word(self.call.named("name"))? };
        let concurrently = if is_concurrent(self.call)? { "CONCURRENTLY " } else { "" };
        let exists = flag(self.call, "if_exists")? == Some(true);
        let exists = if exists { "IF EXISTS " } else { "" };
        let drop = format!("DROP INDEX {concurrently}{exists}{name}");
        Ok(vec![Text::translated(drop, self.host())])
    }

    fn add_foreign_key(&self) -> Statements {
        check_names(
            self.call,
            &["column", "primary_key", "name", "on_delete", "on_update", "validate"],
        )?;
        let to = table_name(self.call.positional(1))?;
        let column = match self.call.named("column") {
            Some(column) => word(Some(column))?,
            None => singular(&to.name)
                .map(|name| format!("{name}_id"))
                .ok_or("the name of its column is made by rules for words that are not followed")?,
        };
        let options = |name: &str| self.call.named(name).cloned();
        let (name, key) = foreign_key(&self.at(0)?, column, to, &options)?;
        let valid = if flag(self.call, "validate")? == Some(false) { " NOT VALID" } else { "" };
        self.alter(format!(
            "ADD CONSTRAINT {} FOREIGN KEY ({}) {}{valid}",
            quote_identifier(&name),
            sql::names(&key.columns),
            sql::references(&key)
        ))
    }

    fn drop_constraint(&self) -> Statements {
        check_names(self.call, &["name", "column", "validate", "on_delete"])?;
        if self.call.named("name").is_none() {
            return Err("the name of the constraint is looked up at run time".to_owned());
        }
        let name = word(self.call.named("name"))?;
        self.alter(format!("DROP CONSTRAINT {}", quote_identifier(&name)))
    }

    fn validate(&self) -> Statements {
        check_names(self.call, &["name"])?;
        let is_plain = self.call.name.ends_with("validate_constraint");
        let name = match self.call.positional(1).filter(|_| is_plain) {
            Some(name) => word(Some(name))?,
            None if self.call.named("name").is_some() => word(self.call.named("name"))?,
            None => return Err("the name of the constraint is looked up at run time".to_owned()),
        };
        self.alter(format!("VALIDATE CONSTRAINT {}", quote_identifier(&name)))
    }

    fn add_check_constraint(&self) -> Statements {
        check_names(self.call, &["name", "validate"])?;
        let condition = text(self.call.positional(1))?;
        let condition = condition.ok_or("its condition is known only at run time")?;
        let name = match (self.call.named("name"), condition.known()) {
            (Some(name), _) => word(Some(name))?,
            (None, Some(known)) => hashed("chk", &format!("{}_{known}_chk", self.at(0)?)),
            _ => return Err("its condition is known only at run time".to_owned()),
        };
        let host = self.host();
        let start = format!("ADD CONSTRAINT {} CHECK (", quote_identifier(&name));
        let mut change = Text::translated(start, host);
        change.append(condition);
        let is_valid = flag(self.call, "validate")? != Some(false);
        change.push(if is_valid { ")" } else { ") NOT VALID" }, host);
        Ok(vec![alter_table(&self.table()?, host, change)])
    }

    fn drop_table(&self) -> Statements {
        // What describes the table again is for the way back.
        if self.call.has_spread() {
            return Err("some of its arguments are known only at run time".to_owned());
        }
        let exists = if flag(self.call, "if_exists")? == Some(true) { "IF EXISTS " } else { "" };
        let force = self.call.named("force").and_then(Value::known_text);
        let cascade = if force.as_deref() == Some("cascade") { " CASCADE" } else { "" };
        let tables = self.call.arguments.iter().filter(|argument| argument.name.is_none());
        let names: Result<Vec<String>, Reason> =
            tables.map(|table| Ok(table_name(Some(&table.value))?.to_string())).collect();
        let drop =
            |name| Text::translated(format!("DROP TABLE {exists}{name}{cascade}"), self.host());
        Ok(names?.into_iter().map(drop).collect())
    }

    fn add_reference(&self) -> Statements {
        self.check_version()?;
        let known = ["type", "null", "default", "index", "foreign_key"];
        check_names(self.call, &known)?;
        let name = self.at(1)?;
        let reference = reference(self.call, &self.at(0)?, &name, self.version)?;
        let mut change = Text::translated("ADD ", self.host());
        change.append(sql::column(&reference.column));
        let mut statements = vec![alter_table(&self.table()?, self.host(), change)];
        statements.extend(reference.index);
        if let Some((name, key)) = reference.foreign_key {
            let valid = if reference.is_valid { "" } else { " NOT VALID" };
            statements.extend(self.alter(format!(
                "ADD CONSTRAINT {} FOREIGN KEY ({}) {}{valid}",
                quote_identifier(&name),
                sql::names(&key.columns),
                sql::references(&key)
            ))?);
        }
        Ok(statements)
    }

    fn enable_extension(&self) -> Statements {
        check_names(self.call, &[])?;
        let name = self.at(0)?;
        let name = quote_identifier(&name);
        let create = format!("CREATE EXTENSION IF NOT EXISTS {name} CASCADE");
        Ok(vec![Text::translated(create, self.host())])
    }

    fn create_enum(&self) -> Statements {
        check_names(self.call, &[])?;
        // Versions before 7.1 and later ones ask differently whether it is there.
        Err("it makes the type only if there is none of that name".to_owned())
    }

    fn add_timestamps(&self) -> Statements {
        self.check_version()?;
        check_names(self.call, &["null", "default", "precision"])?;
        let mut change = Text::default();
        for name in ["created_at", "updated_at"] {
            let mut column = column(self.call, name.to_owned(), "datetime", self.version)?;
            column.not_null = flag(self.call, "null")? != Some(true);
            let word = if change.is_empty() { "ADD " } else { ", ADD " };
            change.push(word, self.host());
            change.append(sql::column(&column));
        }
        Ok(vec![alter_table(&self.table()?, self.host(), change)])
    }
}

/// A column that refers to another table, with what comes with it.
pub(super) struct Reference {
    pub(super) column: sql::Column,
    pub(super) index: Option<Text>,
    pub(super) foreign_key: Option<(String, ForeignKey)>,
    pub(super) is_valid: bool,
}

/// Reads what `add_reference` and `t.references` say of one name.
pub(super) fn reference(
    call: &CallValue,
    table: &str,
    name: &str,
    version: (u32, u32),
) -> Result<Reference, Reason> {
    let kind = call.named("type").map_or(Ok("bigint".to_owned()), |kind| word(Some(kind)))?;
    let column = column(call, format!("{name}_id"), &kind, version)?;
    let index = match call.named("index").map(|value| &value.kind) {
        Some(ValueKind::Bool(false)) => None,
        None | Some(ValueKind::Bool(true)) => {
            Some(plain_index(table, &column.name, false, false, None, call.span)?)
        }
        Some(ValueKind::Map(_)) => {
            let options = call.named("index");
            let get = |key: &str| options.and_then(|options| options.get(key));
            let Some(ValueKind::Map(pairs)) = options.map(|value| &value.kind) else {
                return Err("`index:` is not translated".to_owned());
            };
            let known = ["unique", "name", "algorithm"];
            let is_known =
                |key: Option<String>| key.is_some_and(|key| known.contains(&key.as_str()));
            if !pairs.iter().all(|(key, _)| is_known(key.known_text())) {
                return Err("`index:` has a member that is not translated".to_owned());
            }
            let is_unique = get("unique").is_some_and(|value| value.bool() == Some(true));
            let algorithm = get("algorithm").map(|name| word(Some(name))).transpose()?;
            let is_concurrent = algorithm.as_deref() == Some("concurrently");
            let name = get("name").map(|name| word(Some(name))).transpose()?;
            Some(plain_index(table, &column.name, is_unique, is_concurrent, name, call.span)?)
        }
        Some(_) => return Err("`index:` is known only at run time".to_owned()),
    };
    let (foreign_key, is_valid) = match call.named("foreign_key") {
        None => (None, true),
        Some(value) if value.bool() == Some(false) => (None, true),
        Some(options) => {
            let known = ["to_table", "on_delete", "on_update", "name", "primary_key", "validate"];
            match &options.kind {
                ValueKind::Bool(true) => {}
                ValueKind::Map(pairs)
                    if pairs.iter().all(|(key, _)| {
                        key.known_text().is_some_and(|key| known.contains(&key.as_str()))
                    }) => {}
                _ => return Err("`foreign_key:` is not translated".to_owned()),
            }
            let get = |key: &str| options.get(key).cloned();
            let to = match options.get("to_table") {
                Some(to) => table_name(Some(to))?,
                None => {
                    let name = plural(name);
                    let name = name.ok_or(
                        "the other table's name is made by rules for words that are not followed",
                    )?;
                    Name { schema: None, name }
                }
            };
            let key = foreign_key(table, column.name.clone(), to, &get)?;
            let is_valid = options.get("validate").and_then(Value::bool) != Some(false);
            (Some(key), is_valid)
        }
    };
    Ok(Reference { column, index, foreign_key, is_valid })
}

fn is_concurrent(call: &CallValue) -> Result<bool, Reason> {
    match call.named("algorithm") {
        None => Ok(false),
        Some(value) if value.is_nothing() => Ok(false),
        Some(value) => match value.known_text().as_deref() {
            Some("concurrently") => Ok(true),
            Some("default") => Ok(false),
            _ => Err("`algorithm:` is known only at run time".to_owned()),
        },
    }
}

/// Returns the name that Rails gives an index.
fn index_name(table: &str, columns: &[String]) -> Result<String, Reason> {
    let name = format!("index_{table}_on_{}", columns.join("_and_"));
    if name.len() > 62 || table.contains('.') {
        return Err("the name of the index depends on the version of Rails".to_owned());
    }
    Ok(name)
}

fn plain_index(
    table: &str,
    column: &str,
    is_unique: bool,
    is_concurrent: bool,
    name: Option<String>,
    host: Span,
) -> Result<Text, Reason> {
    let name = match name {
        Some(name) => name,
        None => index_name(table, &[column.to_owned()])?,
    };
    let name_of = Value { span: host, kind: ValueKind::Text(Text::translated(table, host)) };
    Ok(sql::create_index(&sql::Index {
        host,
        name,
        table: table_name(Some(&name_of))?,
        is_unique,
        is_concurrent,
        if_not_exists: false,
        method: None,
        keys: vec![Text::translated(quote_identifier(column), host)],
        include: Vec::new(),
        options: String::new(),
        condition: None,
    }))
}

/// Reads an index: `add_index` or `t.index`.
pub(super) fn index(
    call: &CallValue,
    table: &str,
    columns: Option<&Value>,
) -> Result<Text, Reason> {
    check_names(
        call,
        &["unique", "algorithm", "where", "using", "name", "if_not_exists", "include", "comment"],
    )?;
    if call.named("comment").is_some() {
        return Err("`comment:` is not translated".to_owned());
    }
    let host = call.span;
    let columns = words(columns)?;
    let is_word = |name: &String| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_plain = columns.iter().all(is_word);
    let name = match call.named("name") {
        Some(name) => word(Some(name))?,
        None if is_plain => index_name(table, &columns)?,
        None => return Err("the name of an index of an expression depends on it".to_owned()),
    };
    let key = |name: &String| match is_word(name) {
        true => Text::translated(quote_identifier(name), host),
        false => Text::translated(name.as_str(), host),
    };
    let include = call.named("include").map(|value| words(Some(value))).transpose()?;
    let method = call.named("using").map(|value| word(Some(value))).transpose()?;
    let table = Value { span: host, kind: ValueKind::Text(Text::translated(table, host)) };
    Ok(sql::create_index(&sql::Index {
        host,
        name,
        table: table_name(Some(&table))?,
        is_unique: flag(call, "unique")? == Some(true),
        is_concurrent: is_concurrent(call)?,
        if_not_exists: flag(call, "if_not_exists")? == Some(true),
        method,
        keys: columns.iter().map(key).collect(),
        include: include.unwrap_or_default(),
        options: String::new(),
        condition: text(call.named("where"))?,
    }))
}
