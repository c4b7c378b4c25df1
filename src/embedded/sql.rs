//! Writes SQL from what calls of schema builders say: what all of them have in common.

use super::text::Text;
use crate::source::Span;
use crate::sql::tree::quote_identifier;

/// The name of something in a schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    /// The schema, where the call names one.
    pub schema: Option<String>,
    /// The name.
    pub name: String,
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", quote_identifier(schema))?;
        }
        f.write_str(&quote_identifier(&self.name))
    }
}

/// A column that is made.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// Where the call says so.
    pub host: Span,
    /// Its name.
    pub name: String,
    /// Its type, with a collation if it has one.
    pub type_name: Text,
    /// The expression of its default.
    pub default: Option<Text>,
    /// `GENERATED ...`, for a computed or an identity column.
    pub generated: Option<Text>,
    /// Whether it says `NOT NULL`; it says nothing where it is not set.
    pub not_null: bool,
    /// Constraints that stand behind it.
    pub constraints: Vec<Constraint>,
}

/// A constraint that is made.
#[derive(Clone, Debug)]
pub(super) struct Constraint {
    /// Where the call says so.
    pub host: Span,
    /// Its name; the server chooses one where it has none.
    pub name: Option<String>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Whether it may be violated until the transaction ends.
    pub deferrable: Option<bool>,
    /// `DEFERRED` or `IMMEDIATE`.
    pub initially: Option<String>,
    /// Whether the rows that are there are not checked.
    pub not_valid: bool,
}

/// What a constraint demands.
#[derive(Clone, Debug)]
pub(super) enum ConstraintKind {
    /// `PRIMARY KEY`.
    PrimaryKey(Vec<String>),
    /// `UNIQUE`.
    Unique(Vec<String>),
    /// `CHECK`.
    Check(Text),
    /// `FOREIGN KEY`.
    ForeignKey(ForeignKey),
}

/// What a foreign key demands.
#[derive(Clone, Debug)]
pub(super) struct ForeignKey {
    /// The columns.
    pub columns: Vec<String>,
    /// The other table.
    pub table: Name,
    /// Its columns; none for its primary key.
    pub referenced: Vec<String>,
    /// `FULL` or `SIMPLE`.
    pub matches: Option<String>,
    /// What happens when a row of the other table goes.
    pub on_delete: Option<String>,
    /// What happens when its key changes.
    pub on_update: Option<String>,
}

/// A table that is made.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The call.
    pub host: Span,
    /// Its name.
    pub name: Name,
    /// What stands before `TABLE`, such as `UNLOGGED`.
    pub prefix: String,
    /// Whether one that is there already is left as it is.
    pub if_not_exists: bool,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its constraints.
    pub constraints: Vec<Constraint>,
    /// What stands behind the list, such as `PARTITION BY`.
    pub suffix: String,
}

/// An index that is made.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// Where the call says so.
    pub host: Span,
    /// Its name.
    pub name: String,
    /// The table.
    pub table: Name,
    /// Whether it forbids equal rows.
    pub is_unique: bool,
    /// Whether it is built while the table is written.
    pub is_concurrent: bool,
    /// Whether one that is there already is left as it is.
    pub if_not_exists: bool,
    /// `gin` and the like.
    pub method: Option<String>,
    /// Columns and expressions.
    pub keys: Vec<Text>,
    /// Columns that are only carried along.
    pub include: Vec<String>,
    /// What stands between that and the condition, such as `WITH (...)`.
    pub options: String,
    /// Which rows it holds.
    pub condition: Option<Text>,
}

/// Returns a string constant.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if text.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// Returns names as a list.
pub(super) fn names(names: &[String]) -> String {
    let quoted: Vec<_> = names.iter().map(|name| quote_identifier(name)).collect();
    quoted.join(", ")
}

/// Returns `CREATE TABLE`.
pub(super) fn create_table(table: &Table) -> Text {
    let host = table.host;
    let prefix = if table.prefix.is_empty() { String::new() } else { format!("{} ", table.prefix) };
    let exists = if table.if_not_exists { "IF NOT EXISTS " } else { "" };
    let mut out = Text::translated(format!("CREATE {prefix}TABLE {exists}{} (", table.name), host);
    let columns = table.columns.iter().map(column);
    let constraints = table.constraints.iter().map(constraint);
    for (at, part) in columns.chain(constraints).enumerate() {
        out.push(if at == 0 { "\n    " } else { ",\n    " }, host);
        out.append(part);
    }
    out.push("\n)", host);
    if !table.suffix.is_empty() {
        out.push(format!(" {}", table.suffix), host);
    }
    out
}

/// Returns the definition of a column.
pub(super) fn column(column: &Column) -> Text {
    let host = column.host;
    let mut out = Text::translated(format!("{} ", quote_identifier(&column.name)), host);
    out.append(column.type_name.clone());
    if let Some(default) = &column.default {
        out.push(" DEFAULT ", host);
        out.append(default.clone());
    }
    if let Some(generated) = &column.generated {
        out.push(" ", host);
        out.append(generated.clone());
    }
    if column.not_null {
        out.push(" NOT NULL", host);
    }
    for part in &column.constraints {
        out.push(" ", host);
        out.append(constraint(part));
    }
    out
}

/// Returns the definition of a constraint.
pub(super) fn constraint(constraint: &Constraint) -> Text {
    let host = constraint.host;
    let mut out = Text::default();
    if let Some(name) = &constraint.name {
        out.push(format!("CONSTRAINT {} ", quote_identifier(name)), host);
    }
    match &constraint.kind {
        ConstraintKind::PrimaryKey(columns) => {
            out.push(format!("PRIMARY KEY ({})", names(columns)), host);
        }
        ConstraintKind::Unique(columns) => out.push(format!("UNIQUE ({})", names(columns)), host),
        ConstraintKind::Check(condition) => {
            out.push("CHECK (", host);
            out.append(condition.clone());
            out.push(")", host);
        }
        ConstraintKind::ForeignKey(key) => {
            out.push(format!("FOREIGN KEY ({}) {}", names(&key.columns), references(key)), host);
        }
    }
    match constraint.deferrable {
        Some(true) => out.push(" DEFERRABLE", host),
        Some(false) => out.push(" NOT DEFERRABLE", host),
        None => {}
    }
    if let Some(initially) = &constraint.initially {
        out.push(format!(" INITIALLY {initially}"), host);
    }
    if constraint.not_valid {
        out.push(" NOT VALID", host);
    }
    out
}

/// Returns `REFERENCES ...`.
pub(super) fn references(key: &ForeignKey) -> String {
    let mut out = format!("REFERENCES {}", key.table);
    if !key.referenced.is_empty() {
        out.push_str(&format!(" ({})", names(&key.referenced)));
    }
    let parts = [
        (" MATCH ", &key.matches),
        (" ON DELETE ", &key.on_delete),
        (" ON UPDATE ", &key.on_update),
    ];
    for (word, value) in parts {
        if let Some(value) = value {
            out.push_str(word);
            out.push_str(value);
        }
    }
    out
}

/// Returns `CREATE INDEX`.
pub(super) fn create_index(index: &Index) -> Text {
    let host = index.host;
    let word = |is_set: bool, word: &'static str| if is_set { word } else { "" };
    let mut out = Text::translated(
        format!(
            "CREATE {}INDEX {}{}{} ON {} ",
            word(index.is_unique, "UNIQUE "),
            word(index.is_concurrent, "CONCURRENTLY "),
            word(index.if_not_exists, "IF NOT EXISTS "),
            quote_identifier(&index.name),
            index.table
        ),
        host,
    );
    if let Some(method) = &index.method {
        out.push(format!("USING {method} "), host);
    }
    out.push("(", host);
    for (at, key) in index.keys.iter().enumerate() {
        if at > 0 {
            out.push(", ", host);
        }
        out.append(key.clone());
    }
    out.push(")", host);
    if !index.include.is_empty() {
        out.push(format!(" INCLUDE ({})", names(&index.include)), host);
    }
    out.push(index.options.as_str(), host);
    if let Some(condition) = &index.condition {
        out.push(" WHERE ", host);
        out.append(condition.clone());
    }
    out
}

/// Returns `ALTER TABLE` with one subcommand.
pub(super) fn alter_table(table: &Name, host: Span, change: Text) -> Text {
    let mut out = Text::translated(format!("ALTER TABLE {table} "), host);
    out.append(change);
    out
}

/// Returns `COMMENT ON`; nothing takes the comment away.
pub(super) fn comment(what: &str, comment: Option<&str>, host: Span) -> Text {
    let comment = comment.map_or("NULL".to_owned(), literal);
    Text::translated(format!("COMMENT ON {what} IS {comment}"), host)
}
