//! Tells migrations that are for another kind of database: nothing about them is ours to say.

use std::path::Path;

use super::marked::{beginning, sample};
use super::{MigrationSet, Sources, Tree};
use crate::sql::lex::{TokenKind, lexemes};
use crate::sql::{ChunkKind, is_statement, split};

/// A kind of database that is not PostgreSQL, and why a directory is taken to be for it.
struct Foreign {
    database: &'static str,
    evidence: String,
}

/// The names of databases as folders and settings spell them.
const NAMES: &[(&str, &str)] = &[
    ("mysql", "MySQL"),
    ("mariadb", "MariaDB"),
    ("tidb", "TiDB"),
    ("sqlite", "SQLite"),
    ("sqlite3", "SQLite"),
    ("libsql", "SQLite"),
    ("turso", "SQLite"),
    ("d1", "SQLite"),
    ("mssql", "SQL Server"),
    ("sqlserver", "SQL Server"),
    ("oracle", "Oracle"),
    ("db2", "Db2"),
    ("h2", "H2"),
    ("hsqldb", "HSQLDB"),
    ("derby", "Derby"),
    ("clickhouse", "ClickHouse"),
    ("snowflake", "Snowflake"),
    ("bigquery", "BigQuery"),
    ("spanner", "Spanner"),
    ("cassandra", "Cassandra"),
    ("scylla", "Scylla"),
];

fn named(name: &str) -> Option<&'static str> {
    NAMES.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, database)| *database)
}

fn is_postgres(name: &str) -> bool {
    ["postgres", "postgresql", "pg", "pgsql", "psql"]
        .iter()
        .any(|own| name.eq_ignore_ascii_case(own))
}

/// Takes what is for another database out of a set: all of it, or the folders named after one.
pub(super) fn take_out(tree: &Tree, sources: &Sources, set: &mut MigrationSet) {
    if let Some(found) = by_setting(tree)
        .or_else(|| by_folder(tree, sources))
        .or_else(|| by_syntax(tree, sources, set))
    {
        set.evidence.push(found.evidence);
        set.foreign = Some(found.database);
        drop_ups(set, |_| Some(found.database), sources);
        return;
    }
    let root = set.root.clone();
    let below = move |path: &Path| {
        let folder = path.strip_prefix(&root).unwrap_or(path).parent()?.to_owned();
        let mut parts = folder.iter().filter_map(|part| part.to_str());
        // The innermost name decides.
        parts.rfind(|part| named(part).is_some() || is_postgres(part)).and_then(named)
    };
    drop_ups(set, below, sources);
}

/// Takes out the migrations whose files are for another database.
fn drop_ups(
    set: &mut MigrationSet,
    database: impl Fn(&Path) -> Option<&'static str>,
    sources: &Sources,
) {
    let mut left = Vec::new();
    for migration in std::mem::take(&mut set.migrations) {
        match database(&sources.get(migration.file).path) {
            Some(database) => left.push((migration.file, database)),
            None => set.migrations.push(migration),
        }
    }
    // A file may hold several.
    left.dedup();
    for (file, database) in left {
        set.leave_out(file, format!("is for {database}"));
    }
}

/// Goes by what the runner's own files say.
fn by_setting(tree: &Tree) -> Option<Foreign> {
    let quoted = |text: &str, key: &str| {
        let rest = &text[text.find(key)? + key.len()..];
        let value = rest.trim_start_matches([' ', '"', '\'', ':', '=']);
        value.split(['"', '\'', '\n', ',', ' ']).next().map(str::to_owned)
    };
    let files = [
        (tree.file("migration_lock.toml"), "provider"),
        (tree.folder("meta").and_then(|meta| meta.file("_journal.json")), "\"dialect\""),
    ];
    files.into_iter().find_map(|(file, key)| {
        let file = file?;
        let database = named(&quoted(file.text.as_deref()?, key)?)?;
        let evidence = format!("{} says that it is for {database}", file.name);
        Some(Foreign { database, evidence })
    })
}

/// Goes by the name of the folder, or of the one above it.
fn by_folder(tree: &Tree, sources: &Sources) -> Option<Foreign> {
    if tree.path.iter().any(|part| part.to_str().is_some_and(is_postgres)) {
        return None;
    }
    let parts: Vec<&str> =
        tree.path.iter().rev().filter_map(|part| part.to_str()).take(2).collect();
    let own = if parts.is_empty() { vec![tree.name()] } else { parts };
    let (name, database) = own.into_iter().find_map(|name| Some((name, named(name)?)))?;
    // A project may be called so.
    let is_ours = sample(tree).iter().any(|(_, id)| speaks_postgres(&sources.get(*id).text));
    let evidence = format!("the folder {name} says that it is for {database}");
    (!is_ours).then_some(Foreign { database, evidence })
}

/// Goes by statements that PostgreSQL cannot parse and that hold words of another database: they must
/// be in half of the files, or in one of five where nothing speaks for PostgreSQL.
fn by_syntax(tree: &Tree, sources: &Sources, set: &MigrationSet) -> Option<Foreign> {
    let mut files: Vec<_> = set.migrations.iter().map(|migration| migration.file).collect();
    files.dedup();
    let step = files.len().div_ceil(60).max(1);
    let texts: Vec<&str> =
        files.iter().step_by(step).map(|id| beginning(&sources.get(*id).text)).collect();
    let found: Vec<(&'static str, String)> =
        texts.iter().filter_map(|text| dialect(text)).collect();
    let (database, word) = found.first()?;
    let is_ours = texts.iter().any(|text| speaks_postgres(text));
    let enough =
        if is_ours { texts.len() < found.len() * 2 } else { texts.len() <= found.len() * 5 };
    let folder = if tree.name().is_empty() { "the directory" } else { tree.name() };
    let evidence = format!(
        "{word} in {folder}, which PostgreSQL cannot parse, says that it is for {database}"
    );
    enough.then_some(Foreign { database, evidence })
}

/// Returns the database whose words a statement holds that PostgreSQL cannot parse.
fn dialect(text: &str) -> Option<(&'static str, String)> {
    // Few files have such a word at all.
    let lower = text.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let statements = split(text).into_iter().filter(|chunk| chunk.kind == ChunkKind::Statement);
    statements.into_iter().find_map(|chunk| {
        let statement = &text[chunk.span.range()];
        let found = words_of_others(statement)?;
        (!is_statement(statement)).then_some(found)
    })
}

/// What the words of other databases begin with.
const WORDS: &[&str] = &[
    "`",
    "auto_increment",
    "engine",
    "autoincrement",
    "pragma",
    "rowid",
    "nvarchar",
    "dbo",
    "identity",
    "varchar2",
];

/// Returns the first word of a statement that only another database has.
fn words_of_others(statement: &str) -> Option<(&'static str, String)> {
    let lexemes: Vec<_> = lexemes(statement).collect();
    lexemes.iter().enumerate().find_map(|(at, lexeme)| {
        let next = |word: &str| lexemes.get(at + 1).is_some_and(|next| next.is(word));
        let byte = |offset: usize, byte: u8| {
            lexemes.get(at + offset).is_some_and(|next| next.kind == TokenKind::Byte(byte))
        };
        let is = |word: &str| lexeme.is(word);
        let is_backquote = lexeme.kind == TokenKind::Byte(b'`');
        let is_engine = is("engine") && byte(1, b'=');
        let is_mysql_engine = is_engine && !is_clickhouse(statement);
        let database = if is_backquote || is("auto_increment") || is_mysql_engine {
            "MySQL"
        } else if is_engine {
            "ClickHouse"
        } else if is("autoincrement") || is("pragma") || is("without") && next("rowid") {
            "SQLite"
        } else if is("nvarchar") || is("dbo") && byte(1, b']') || is("identity") && byte(1, b'(') {
            "SQL Server"
        } else if is("varchar2") || is("nvarchar2") {
            "Oracle"
        } else {
            return None;
        };
        let word = if lexeme.text == "`" {
            "a backquote".to_owned()
        } else {
            format!("`{}`", lexeme.text)
        };
        Some((database, word))
    })
}

/// Returns whether a table has one of the engines of `ClickHouse`.
fn is_clickhouse(statement: &str) -> bool {
    let lower = statement.to_ascii_lowercase();
    ["mergetree", "distributed(", "kafka", "engine = log", "engine = null", "materializedview"]
        .iter()
        .any(|word| lower.contains(word))
}

/// Returns whether a text has words that PostgreSQL has and the others do not.
fn speaks_postgres(text: &str) -> bool {
    lexemes(beginning(text)).any(|lexeme| match lexeme.kind {
        TokenKind::String => lexeme.text.starts_with('$'),
        _ => [
            "jsonb",
            "timestamptz",
            "bigserial",
            "serial",
            "plpgsql",
            "bytea",
            "citext",
            "tsvector",
            "uuid_generate_v4",
            "gen_random_uuid",
            "regclass",
            "inet",
        ]
        .iter()
        .any(|word| lexeme.is(word)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_another_database_count_where_postgres_cannot_parse_them() {
        let database = |text: &str| dialect(text).map(|(database, _)| database);
        assert_eq!(database("create table `a` (id int);"), Some("MySQL"));
        assert_eq!(database("create table a (id int) engine = InnoDB;"), Some("MySQL"));
        assert_eq!(
            database("create table a (id Int64) engine = MergeTree order by id"),
            Some("ClickHouse")
        );
        assert_eq!(
            database("create table a (id integer primary key autoincrement);"),
            Some("SQLite")
        );
        assert_eq!(database("select 1; PRAGMA foreign_keys = off;"), Some("SQLite"));
        assert_eq!(database("create table [dbo].[a] (id int identity(1,1));"), Some("SQL Server"));
        for ours in [
            "create table a (auto_increment int, engine text, pragma text);",
            "select 'engine = InnoDB'; -- `a`",
            "update a set engine = 'steam';",
            "create table a (id int generated by default as identity (start 1));",
            "this is nothing at all",
        ] {
            assert_eq!(database(ours), None, "{ours}");
        }
    }
}
