//! node-pg-migrate's `pgm` as the SQL that it sends.
//!
//! Source: node-pg-migrate 9.0; `tests/node.rs` compares this with what it sends.

use super::super::sql::{self, literal};
use super::super::text::Text;
use super::super::value::{CallValue, Value, ValueKind};
use super::knex::{RUN_TIME, Translated, known, names};
use super::pgm_column::{Column, columns, constraints};
use crate::sql::tree::quote_identifier;

/// Returns what a method of `pgm` sends; nothing if it sends nothing.
pub(super) fn call(call: &CallValue, has_shorthands: bool) -> Option<Translated> {
    let method = call.name.strip_prefix("pgm.").filter(|_| call.receiver.is_none())?;
    let is_silent =
        matches!(method, "func" | "noTransaction" | "toPgType" | "db.query" | "db.select" | "sql");
    if is_silent {
        return None;
    }
    if call.has_spread() {
        return Some(Err(RUN_TIME.to_owned()));
    }
    let texts = match method {
        // Each is a message of its own.
        "dropExtension" => names(call.positional(0)).and_then(|all| {
            let options = Options::of(call.positional(1), &["ifExists", "cascade"])?;
            let exists = options.word("ifExists", "IF EXISTS ")?;
            let cascade = options.word("cascade", " CASCADE")?;
            let drop = |name: &String| {
                format!("DROP EXTENSION {exists}{}{cascade}", quote_identifier(name))
            };
            Ok(all.iter().map(drop).collect())
        }),
        _ => statements(call, method, has_shorthands).map(|all| vec![all.join(";\n")]),
    };
    Some(
        texts
            .map(|texts| texts.into_iter().map(|text| Text::translated(text, call.span)).collect()),
    )
}

/// Returns the statements of one message.
fn statements(call: &CallValue, method: &str, has_shorthands: bool) -> Result<Vec<String>, String> {
    let argument = |at: usize| call.positional(at);
    let options = |at: usize, names: &[&str]| Options::of(argument(at), names);
    let name = |at: usize| Ok::<String, String>(quote(&known(argument(at))?));
    let place = |at: usize| Ok::<String, String>(table_name(argument(at))?.to_string());
    let one = |text: String| Ok(vec![text]);
    match method {
        "createTable" => create_table(call, has_shorthands),
        "addColumns" | "addColumn" => {
            let exists = options(2, &["ifNotExists"])?.word("ifNotExists", "IF NOT EXISTS ")?;
            let table = place(0)?;
            let columns = columns(argument(1), has_shorthands)?;
            let adds: Vec<String> = columns
                .iter()
                .map(|column| format!("ADD {exists}{}", column.definition(true)))
                .collect();
            let mut out = vec![format!("ALTER TABLE {table} {}", adds.join(", "))];
            out.extend(comments(&table, &columns));
            Ok(out)
        }
        "dropColumns" | "dropColumn" => {
            let options = options(2, &["ifExists", "cascade"])?;
            let exists = options.word("ifExists", "IF EXISTS ")?;
            let cascade = options.word("cascade", " CASCADE")?;
            let columns = match argument(1).map(|value| &value.kind) {
                Some(ValueKind::Map(pairs)) => {
                    pairs.iter().map(|(key, _)| known(Some(key))).collect::<Result<_, _>>()?
                }
                _ => names(argument(1))?,
            };
            let drops: Vec<String> = columns
                .iter()
                .map(|column| format!("DROP {exists}{}{cascade}", quote(column)))
                .collect();
            one(format!("ALTER TABLE {} {}", place(0)?, drops.join(", ")))
        }
        "alterColumn" => alter_column(call),
        "createIndex" | "addIndex" => create_index(call),
        "dropIndex" => {
            let table = table_name(argument(0))?;
            let options = options(2, &["unique", "name", "ifExists", "cascade", "concurrently"])?;
            let name = options.index_name(&table.name, &names(argument(1))?)?;
            let schema = table.schema.map(|schema| format!("{}.", quote(&schema)));
            one(format!(
                "DROP INDEX {}{}{}{}{}",
                options.word("concurrently", "CONCURRENTLY ")?,
                options.word("ifExists", "IF EXISTS ")?,
                schema.unwrap_or_default(),
                quote(&name),
                options.word("cascade", " CASCADE")?
            ))
        }
        "addConstraint" | "createConstraint" => {
            let table = table_name(argument(0))?;
            let name = match argument(1) {
                Some(value) if value.is_nothing() => None,
                value => Some(known(value)?),
            };
            let expression = argument(2).ok_or(RUN_TIME)?;
            let constraint = match expression.known_text() {
                Some(text) => {
                    let name = name.map(|name| format!("CONSTRAINT {} ", quote(&name)));
                    format!("{}{text}", name.unwrap_or_default())
                }
                None => constraints(expression, &table.name, name.as_deref())?.join(", ADD "),
            };
            one(format!("ALTER TABLE {table} ADD {constraint}"))
        }
        "dropConstraint" => {
            let options = options(2, &["ifExists", "cascade"])?;
            let exists = options.word("ifExists", "IF EXISTS ")?;
            let cascade = options.word("cascade", " CASCADE")?;
            one(format!("ALTER TABLE {} DROP CONSTRAINT {exists}{}{cascade}", place(0)?, name(1)?))
        }
        "renameColumn" => {
            one(format!("ALTER TABLE {} RENAME {} TO {}", place(0)?, name(1)?, name(2)?))
        }
        "renameConstraint" => {
            one(format!("ALTER TABLE {} RENAME CONSTRAINT {} TO {}", place(0)?, name(1)?, name(2)?))
        }
        "renameTable" => {
            let new = table_name(argument(1))?;
            one(format!("ALTER TABLE {} RENAME TO {}", place(0)?, quote(&new.name)))
        }
        "dropTable" | "dropType" => {
            let word = if method == "dropTable" { "TABLE" } else { "TYPE" };
            let options = options(1, &["ifExists", "cascade"])?;
            let exists = options.word("ifExists", "IF EXISTS ")?;
            one(format!(
                "DROP {word} {exists}{}{}",
                place(0)?,
                options.word("cascade", " CASCADE")?
            ))
        }
        "createType" | "addType" => {
            let Some(ValueKind::List(_)) = argument(1).map(|value| &value.kind) else {
                return Err("a composite type is not translated".to_owned());
            };
            let labels: Vec<String> = names(argument(1))?.iter().map(|l| literal(l)).collect();
            one(format!("CREATE TYPE {} AS ENUM ({})", place(0)?, labels.join(", ")))
        }
        "addTypeValue" => {
            let options = options(2, &["ifNotExists", "before", "after"])?;
            let exists = options.word("ifNotExists", "IF NOT EXISTS ")?;
            let beside = |key: &str, word: &str| -> Result<String, String> {
                let label = options.text(key)?;
                Ok(label.map(|label| format!(" {word} {}", literal(&label))).unwrap_or_default())
            };
            let (before, after) = (beside("before", "BEFORE")?, beside("after", "AFTER")?);
            let label = literal(&known(argument(1))?);
            one(format!("ALTER TYPE {} ADD VALUE {exists}{label}{before}{after}", place(0)?))
        }
        "renameType" => {
            let new = table_name(argument(1))?;
            one(format!("ALTER TYPE {} RENAME TO {}", place(0)?, quote(&new.name)))
        }
        "renameTypeValue" => {
            let (old, new) = (literal(&known(argument(1))?), literal(&known(argument(2))?));
            one(format!("ALTER TYPE {} RENAME VALUE {old} TO {new}", place(0)?))
        }
        "createSchema" => {
            let exists = options(1, &["ifNotExists"])?.word("ifNotExists", "IF NOT EXISTS ")?;
            one(format!("CREATE SCHEMA {exists}{}", name(0)?))
        }
        "dropSchema" => {
            let options = options(1, &["ifExists", "cascade"])?;
            let exists = options.word("ifExists", "IF EXISTS ")?;
            one(format!("DROP SCHEMA {exists}{}{}", name(0)?, options.word("cascade", " CASCADE")?))
        }
        "createExtension" | "addExtension" => {
            let exists = options(1, &["ifNotExists"])?.word("ifNotExists", "IF NOT EXISTS ")?;
            one(format!("CREATE EXTENSION {exists}{}", name(0)?))
        }
        other => Err(format!("`{other}` is not translated")),
    }
}

/// The options of a call, each of which is known to be understood.
struct Options<'a> {
    value: Option<&'a Value>,
}

impl<'a> Options<'a> {
    fn of(value: Option<&'a Value>, known_names: &[&str]) -> Result<Self, String> {
        match value.map(|value| &value.kind) {
            None | Some(ValueKind::Nothing) => Ok(Self { value: None }),
            Some(ValueKind::Map(pairs)) => {
                for (key, _) in pairs.iter() {
                    let key = known(Some(key))?;
                    if !known_names.contains(&key.as_str()) {
                        return Err(format!("its option `{key}` is not translated"));
                    }
                }
                Ok(Self { value })
            }
            Some(_) => Err(RUN_TIME.to_owned()),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.value.and_then(|value| value.get(name)).filter(|value| !value.is_nothing())
    }

    fn is_set(&self, name: &str) -> Result<bool, String> {
        self.get(name).map_or(Ok(false), |value| value.truth().ok_or_else(|| RUN_TIME.to_owned()))
    }

    fn word(&self, name: &str, word: &'static str) -> Result<&'static str, String> {
        Ok(if self.is_set(name)? { word } else { "" })
    }

    fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.get(name).map(|value| known(Some(value))).transpose()
    }

    fn index_name(&self, table: &str, columns: &[String]) -> Result<String, String> {
        if columns.iter().any(|column| !is_plain(column)) && self.get("name").is_none() {
            return Err("the name of an index on an expression is not translated".to_owned());
        }
        let unique = self.word("unique", "unique_")?;
        let made = || format!("{table}_{}_{unique}index", columns.join("_"));
        Ok(self.text("name")?.unwrap_or_else(made))
    }
}

fn is_plain(column: &str) -> bool {
    column.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn quote(name: &str) -> String {
    quote_identifier(name).into_owned()
}

/// Reads a name, or a name with its schema.
pub(super) fn table_name(value: Option<&Value>) -> Result<sql::Name, String> {
    match value {
        Some(both @ Value { kind: ValueKind::Map(_), .. }) => Ok(sql::Name {
            schema: both.get("schema").map(|schema| known(Some(schema))).transpose()?,
            name: known(both.get("name"))?,
        }),
        value => Ok(sql::Name { schema: None, name: known(value)? }),
    }
}

fn comments(table: &str, columns: &[Column]) -> Vec<String> {
    let with = columns.iter().filter_map(|column| Some((column, column.comment.as_ref()?)));
    with.map(|(column, comment)| {
        format!("COMMENT ON COLUMN {table}.{} IS {}", quote(&column.name), literal(comment))
    })
    .collect()
}

fn create_table(call: &CallValue, has_shorthands: bool) -> Result<Vec<String>, String> {
    let table = table_name(call.positional(0))?;
    let columns = columns(call.positional(1), has_shorthands)?;
    let known_names = ["ifNotExists", "temporary", "unlogged", "constraints", "comment"];
    let options = Options::of(call.positional(2), &known_names)?;
    let keys: Vec<String> =
        columns.iter().filter(|column| column.is_key).map(|column| quote(&column.name)).collect();
    // Several columns that say so are one key.
    let is_alone = keys.len() == 1;
    let mut parts: Vec<String> = columns.iter().map(|column| column.definition(is_alone)).collect();
    if keys.len() > 1 {
        let name = quote(&format!("{}_pkey", table.name));
        parts.push(format!("CONSTRAINT {name} PRIMARY KEY ({})", keys.join(", ")));
    }
    if let Some(more) = options.get("constraints") {
        parts.extend(constraints(more, &table.name, None)?);
    }
    let table = table.to_string();
    let mut out = vec![format!(
        "CREATE {}{}TABLE {}{table} ({})",
        options.word("temporary", "TEMPORARY ")?,
        options.word("unlogged", "UNLOGGED ")?,
        options.word("ifNotExists", "IF NOT EXISTS ")?,
        parts.join(", ")
    )];
    out.extend(comments(&table, &columns));
    if let Some(comment) = options.text("comment")? {
        out.push(format!("COMMENT ON TABLE {table} IS {}", literal(&comment)));
    }
    Ok(out)
}

fn alter_column(call: &CallValue) -> Result<Vec<String>, String> {
    let table = table_name(call.positional(0))?;
    let column = quote(&known(call.positional(1))?);
    let known_names = ["type", "using", "default", "notNull", "allowNull", "comment"];
    let options = Options::of(call.positional(2), &known_names)?;
    let mut changes = Vec::new();
    if let Some(default) = options.value.and_then(|value| value.get("default")) {
        changes.push(if default.is_nothing() {
            "DROP DEFAULT".to_owned()
        } else {
            format!("SET DEFAULT {}", super::pgm_column::constant(default)?)
        });
    }
    if let Some(wanted) = options.text("type")? {
        let using = options.text("using")?.map(|using| format!(" USING {using}"));
        let wanted = super::pgm_column::type_name(&wanted);
        changes.push(format!("SET DATA TYPE {wanted}{}", using.unwrap_or_default()));
    }
    let nullable = match options.get("notNull") {
        Some(_) => Some(!options.is_set("notNull")?),
        None => options.get("allowNull").map(|_| options.is_set("allowNull")).transpose()?,
    };
    match nullable {
        Some(true) => changes.push("DROP NOT NULL".to_owned()),
        Some(false) => changes.push("SET NOT NULL".to_owned()),
        None => {}
    }
    let mut out = Vec::new();
    if !changes.is_empty() {
        let changes: Vec<String> =
            changes.into_iter().map(|change| format!("ALTER {column} {change}")).collect();
        out.push(format!("ALTER TABLE {table} {}", changes.join(", ")));
    }
    if let Some(comment) = options.text("comment")? {
        out.push(format!("COMMENT ON COLUMN {table}.{column} IS {}", literal(&comment)));
    }
    Ok(out)
}

fn create_index(call: &CallValue) -> Result<Vec<String>, String> {
    let table = table_name(call.positional(0))?;
    let known_names =
        ["unique", "name", "method", "where", "ifNotExists", "include", "concurrently"];
    let options = Options::of(call.positional(2), &known_names)?;
    let mut columns = Vec::new();
    let mut keys = Vec::new();
    let alone = call.positional(1).into_iter();
    let list = call.positional(1).and_then(Value::list);
    for column in list.map_or_else(|| alone.collect(), |list| list.iter().collect::<Vec<_>>()) {
        let (name, sort) = match &column.kind {
            ValueKind::Map(_) => {
                let column = Options::of(Some(column), &["name", "sort"])?;
                (known(column.get("name"))?, column.text("sort")?)
            }
            _ => (known(Some(column))?, None),
        };
        if !is_plain(&name) {
            return Err("an index on an expression is not translated".to_owned());
        }
        let sort = sort.map(|sort| format!(" {sort}")).unwrap_or_default();
        keys.push(format!("{}{sort}", quote(&name)));
        columns.push(name);
    }
    let name = options.index_name(&table.name, &columns)?;
    let method = options.text("method")?.map(|method| format!(" USING {method}"));
    let include = match options.get("include") {
        Some(columns) => format!(" INCLUDE ({})", sql::names(&names(Some(columns))?)),
        None => String::new(),
    };
    let condition = options.text("where")?.map(|condition| format!(" WHERE {condition}"));
    Ok(vec![format!(
        "CREATE {}INDEX {}{}{} ON {table}{} ({}){include}{}",
        options.word("unique", "UNIQUE ")?,
        options.word("concurrently", "CONCURRENTLY ")?,
        options.word("ifNotExists", "IF NOT EXISTS ")?,
        quote(&name),
        method.unwrap_or_default(),
        keys.join(", "),
        condition.unwrap_or_default()
    )])
}
