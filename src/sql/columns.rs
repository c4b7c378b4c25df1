//! Columns that many tables have alike are read once: what `CREATE TABLE` costs is mostly the trees of
//! its columns, and a history repeats `id bigint primary key` and `created_at timestamptz` without end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::lex::{Lexeme, TokenKind, lexemes};
use super::{Action, ColumnDefinition, RelationName};

/// The longest text of a column that is kept.
const LONGEST: usize = 160;

/// How many columns a thread keeps.
const MOST: usize = 1024;

thread_local! {
    /// The columns that this thread has read, by their texts.
    static KNOWN: RefCell<HashMap<Box<str>, Arc<ColumnDefinition>>> = RefCell::default();
}

/// A `CREATE TABLE` that has nothing behind its list of columns; the grammar is yet to accept it.
pub(super) struct Columns<'a> {
    name: RelationName,
    if_not_exists: bool,
    /// The text of each column, and what it is if that is known.
    elements: Vec<(&'a str, Option<Arc<ColumnDefinition>>)>,
}

impl<'a> Columns<'a> {
    /// Reads `CREATE TABLE [IF NOT EXISTS] name (...)`; nothing where the statement is anything else.
    pub(super) fn cut(sql: &'a str) -> Option<Self> {
        let mut lexemes = lexemes(sql).peekable();
        lexemes.next().filter(|l| l.is("create"))?;
        lexemes.next().filter(|l| l.is("table"))?;
        let if_not_exists = lexemes.next_if(|l| l.is("if")).is_some();
        if if_not_exists {
            lexemes.next().filter(|l| l.is("not"))?;
            lexemes.next().filter(|l| l.is("exists"))?;
        }
        let mut name = RelationName::unqualified(plain_name(lexemes.next()?)?);
        if lexemes.next_if(|l| l.kind == TokenKind::Byte(b'.')).is_some() {
            let table = plain_name(lexemes.next()?)?;
            name = RelationName { schema: Some(name.name), name: table.into() };
        }
        if name.schema.as_deref() == Some("pg_temp") {
            return None;
        }
        let open = lexemes.next().filter(|l| l.kind == TokenKind::Byte(b'('))?;
        let mut elements = Vec::new();
        let mut from = open.end();
        let mut depth = 0_usize;
        loop {
            let lexeme = lexemes.next()?;
            match lexeme.kind {
                TokenKind::Byte(b'(' | b'[') => depth += 1,
                TokenKind::Byte(b')' | b']') if depth > 0 => depth -= 1,
                TokenKind::Byte(end @ (b',' | b')')) if depth == 0 => {
                    elements.push(sql[from..lexeme.start].trim());
                    from = lexeme.end();
                    if end == b')' {
                        break;
                    }
                }
                _ => {}
            }
        }
        // What `LIKE` copies stands between the columns.
        let copies = |text: &&str| self::lexemes(text).next().is_some_and(|first| first.is("like"));
        if lexemes.next().is_some() || elements.iter().any(copies) {
            return None;
        }
        let elements: Vec<_> = KNOWN.with_borrow(|known| {
            elements.into_iter().map(|text| (text, known.get(text).cloned())).collect()
        });
        Some(Self { name, if_not_exists, elements })
    }

    /// Returns whether some of its columns are known, so that there is less to read.
    pub(super) fn is_known(&self) -> bool {
        self.elements.iter().any(|(_, column)| column.is_some())
    }

    /// Returns a statement that makes the other columns; nothing where all are known.
    pub(super) fn rest(&self) -> Option<String> {
        let unknown = self.elements.iter().filter(|(_, column)| column.is_none());
        let mut sql = String::from("create table t (");
        let mut separator = "";
        for (text, _) in unknown {
            // A column may end with a comment.
            sql.extend([separator, text, "\n"]);
            separator = ",";
        }
        sql.push(')');
        (!separator.is_empty()).then_some(sql)
    }

    /// Puts the statement together, with what [`Self::rest`] does; nothing where that is something else.
    pub(super) fn complete(&mut self, rest: Vec<Action>) -> Option<Vec<Action>> {
        self.keep(&rest)?;
        let mut table = match <[Action; 1]>::try_from(rest) {
            Ok([Action::CreateTable(table)]) => table,
            Ok(_) => return None,
            Err(_) => Box::default(),
        };
        let mut unknown = std::mem::take(&mut table.columns).into_iter();
        let columns = self.elements.iter_mut().filter(|(text, _)| is_column(text));
        let columns = columns.filter_map(|(_, known)| known.take().or_else(|| unknown.next()));
        table.columns = columns.collect();
        table.columns.shrink_to_fit();
        (table.name, table.if_not_exists) = (Some(self.name.clone()), self.if_not_exists);
        Some(vec![Action::CreateTable(table)])
    }

    /// Keeps the columns that were not known and that `actions` make; nothing where those are others.
    pub(super) fn keep(&self, actions: &[Action]) -> Option<()> {
        let columns = match actions {
            [] => &[],
            [Action::CreateTable(table)] => &table.columns[..],
            _ => return None,
        };
        let unknown = || {
            let elements = self.elements.iter().filter(|(text, _)| is_column(text));
            elements.filter(|(_, known)| known.is_none()).map(|(text, _)| *text)
        };
        if unknown().count() != columns.len() {
            return None;
        }
        KNOWN.with_borrow_mut(|known| {
            for (text, column) in unknown().zip(columns) {
                if text.len() <= LONGEST && known.len() < MOST {
                    known.insert(text.into(), column.clone());
                }
            }
        });
        Some(())
    }
}

/// Returns whether an element of a table is a column, not a constraint. The grammar has the last word.
fn is_column(text: &str) -> bool {
    let words = ["constraint", "check", "primary", "unique", "foreign", "exclude", "like", "not"];
    lexemes(text).next().is_some_and(|first| !words.iter().any(|word| first.is(word)))
}

/// Returns the name that a word or quoted name stands for.
fn plain_name(lexeme: Lexeme) -> Option<String> {
    lexeme.name().filter(|name| name.is_ascii() && !name.is_empty() && name.len() < 64)
}

#[cfg(test)]
mod tests {
    use super::super::{grammar, tree};
    use super::*;

    #[test]
    fn known_columns_are_put_together_with_the_others() {
        let statements = [
            "create table a (id bigint primary key, \"Name\" text not null default 'a,b)', c numeric(12, 2)[])",
            "create table if not exists s.b (id bigint primary key, /* , */ d text -- ), d\n, check (d <> ''), c numeric(12, 2)[])",
            "create table \"B\"\"\" (\"Name\" text not null default 'a,b)', like a including all, constraint k unique (id), id bigint primary key)",
            "create table c (id bigint primary key, e text -- at the end\n)",
            "create table d (e text -- at the end\n, id bigint primary key, exclude text)",
            "create table pg_temp.e (id bigint primary key)",
            "create table f (id bigint primary key) partition by range (id)",
            "create table g ()",
        ];
        for sql in statements {
            let whole = tree(sql).unwrap_or_default();
            assert!(!whole.is_empty(), "{sql}");
            assert_eq!(grammar(sql).unwrap_or_default(), whole, "{sql}");
            assert_eq!(grammar(sql).unwrap_or_default(), whole, "{sql}");
        }
        assert!(
            Columns::cut("create table h (id bigint primary key)").is_some_and(|h| h.is_known())
        );
    }

    #[test]
    fn known_columns_do_not_hide_an_error() {
        for sql in ["create table a (id int, id2 int)", "create table a (id int, id2 int,)"] {
            assert_eq!(grammar(sql).is_ok(), tree(sql).is_ok(), "{sql}");
        }
    }
}
