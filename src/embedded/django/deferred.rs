//! What is sent when all operations of a migration are done, and what later operations of it make of that.
//!
//! Source: `deferred_sql` of `BaseDatabaseSchemaEditor` and `ddl_references` of Django 5.2: tables and
//! columns that get another name do so in it too, also in the names that are made of them; what is about a
//! table or column that is dropped is not sent.

use super::super::Sent;
use super::super::text::Text;
use super::names::of_columns;
use super::operations::{Reader, foreign_key_sql, quoted};
use super::state::{Apps, Reference};
use crate::source::Span;

/// Something that is sent in the end.
pub(super) struct Deferred {
    pub host: Span,
    pub what: What,
}

/// What it is.
pub(super) enum What {
    /// A foreign key of a column.
    ForeignKey { table: String, column: String, to: Reference },
    /// An index of a column, with operators of its own for `LIKE`.
    Index { table: String, column: String, operators: Option<&'static str> },
    /// Columns that are unique together.
    Unique { table: String, columns: Vec<String> },
    /// An index that the migration gives a name.
    Named { table: String, sql: Text },
    /// What is not known any more.
    Gap(&'static str),
}

const RENAMED: &str = "an index is made after a column that it uses got another name";

impl Deferred {
    /// Returns whether it is about a table.
    fn is_about(&self, wanted: &str) -> bool {
        match &self.what {
            What::ForeignKey { table, to, .. } => table == wanted || to.table == wanted,
            What::Index { table, .. } | What::Unique { table, .. } | What::Named { table, .. } => {
                table == wanted
            }
            What::Gap(_) => false,
        }
    }

    /// Returns whether it is about a column of a table.
    pub(super) fn uses(&self, wanted: &str, name: &str) -> bool {
        match &self.what {
            What::ForeignKey { table, column, to } => {
                (table == wanted && column == name) || (to.table == wanted && to.column == name)
            }
            What::Index { table, column, .. } => table == wanted && column == name,
            What::Unique { table, columns } => {
                table == wanted && columns.iter().any(|column| column == name)
            }
            What::Named { table, sql } => {
                table == wanted && sql.shown().contains(&format!("\"{name}\""))
            }
            What::Gap(_) => false,
        }
    }

    fn rename_table(&mut self, old: &str, new: &str) {
        match &mut self.what {
            What::ForeignKey { table, to, .. } => {
                for name in [table, &mut to.table] {
                    if name == old {
                        new.clone_into(name);
                    }
                }
            }
            What::Named { table, sql } if table == old => {
                new.clone_into(table);
                let (old, new) = (format!(" ON \"{old}\" "), format!(" ON \"{new}\" "));
                if let Some(part) = sql.parts.iter_mut().find(|part| part.text.contains(&old)) {
                    part.text = part.text.replacen(&old, &new, 1);
                }
            }
            What::Index { table, .. } | What::Unique { table, .. } if table == old => {
                new.clone_into(table);
            }
            _ => {}
        }
    }

    fn rename_column(&mut self, wanted: &str, old: &str, new: &str) {
        if !self.uses(wanted, old) {
            return;
        }
        match &mut self.what {
            What::ForeignKey { table, column, to } => {
                if table == wanted && column == old {
                    new.clone_into(column);
                }
                if to.table == wanted && to.column == old {
                    new.clone_into(&mut to.column);
                }
            }
            What::Index { column, .. } => new.clone_into(column),
            What::Unique { columns, .. } => {
                columns.iter_mut().filter(|name| *name == old).for_each(|name| {
                    new.clone_into(name);
                });
            }
            What::Named { .. } => self.what = What::Gap(RENAMED),
            What::Gap(_) => {}
        }
    }

    fn sent(self) -> Sent {
        let sql = match self.what {
            What::Gap(reason) => return Sent::gap(self.host, reason),
            What::Named { sql, .. } => return Sent::statements(self.host, vec![sql]),
            What::ForeignKey { table, column, to } => foreign_key_sql(&table, &column, &to).0,
            What::Index { table, column, operators } => index_sql(&table, &column, operators),
            What::Unique { table, columns } => unique_sql(&table, &columns).0,
        };
        Sent::statements(self.host, vec![Text::translated(sql, self.host)])
    }
}

/// Returns the SQL of an index of one column.
pub(super) fn index_sql(table: &str, column: &str, operators: Option<&str>) -> String {
    let (suffix, operators) = match operators {
        Some(operators) => ("_like", format!(" {operators}")),
        None => ("", String::new()),
    };
    let name = of_columns(table, &[column], suffix);
    format!("CREATE INDEX \"{name}\" ON \"{table}\" (\"{column}\"{operators})")
}

/// Returns the SQL and the name of what makes columns unique together.
pub(super) fn unique_sql(table: &str, columns: &[String]) -> (String, String) {
    let names: Vec<&str> = columns.iter().map(String::as_str).collect();
    let name = of_columns(table, &names, "_uniq");
    let columns = quoted(columns);
    let sql = format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{name}\" UNIQUE ({columns})");
    (sql, name)
}

impl Reader<'_> {
    pub(super) fn defer(&mut self, host: Span, what: What) {
        self.deferred.push(Deferred { host, what });
    }

    /// Ends the migration: what was put off is sent, under the names that are right by now.
    pub(super) fn finish(mut self) -> Vec<Sent> {
        self.remember_names();
        self.sent.extend(self.deferred.drain(..).map(Deferred::sent));
        self.sent
    }

    /// Lets the models know what their foreign keys and constraints are called.
    pub(super) fn remember_names(&mut self) {
        for deferred in &self.deferred {
            match &deferred.what {
                What::ForeignKey { table, column, to } => {
                    let (_, name) = foreign_key_sql(table, column, to);
                    self.apps.name_foreign_key(table, column, &name);
                }
                What::Unique { table, columns } => {
                    self.apps.name_unique(table, columns, &unique_sql(table, columns).1);
                }
                _ => {}
            }
        }
    }

    /// Gives a table another name in what is still to be sent.
    pub(super) fn deferred_table(&mut self, old: &str, new: &str) {
        self.deferred.iter_mut().for_each(|deferred| deferred.rename_table(old, new));
    }

    /// Gives a column another name in what is still to be sent.
    pub(super) fn deferred_column(&mut self, table: &str, old: &str, new: &str) {
        self.deferred.iter_mut().for_each(|deferred| deferred.rename_column(table, old, new));
    }

    /// Drops a table: what was to be done to it, or refers to it, has nothing left to be done to.
    pub(super) fn drop_table(&mut self, host: Span, table: &str) {
        self.send(host, format!("DROP TABLE \"{table}\" CASCADE"));
        self.deferred.retain(|deferred| !deferred.is_about(table));
    }
}

impl Apps {
    fn name_foreign_key(&mut self, table: &str, column: &str, name: &str) {
        let known = Some(name.to_owned()).filter(|name| !name.is_empty());
        for model in self.models.values_mut() {
            let is_here = model.table == table;
            for field in &mut model.fields {
                if let Some(reference) =
                    field.reference.as_mut().filter(|_| is_here && field.column == column)
                {
                    reference.name.clone_from(&known);
                }
                let between = field.many_to_many.as_mut();
                let Some(between) = between.filter(|b| b.table.as_deref() == Some(table)) else {
                    continue;
                };
                if between.source_column == column {
                    between.source_name.clone_from(&known);
                } else if between.target_column == column {
                    between.target_name.clone_from(&known);
                }
            }
        }
    }

    fn name_unique(&mut self, table: &str, columns: &[String], name: &str) {
        for model in self.models.values_mut().filter(|model| model.table == table) {
            let mut all = std::mem::take(&mut model.unique_together);
            for (fields, known) in &mut all {
                let found: Option<Vec<String>> =
                    fields.iter().map(|field| model.column(field)).collect();
                if found.as_deref() == Some(columns) {
                    name.clone_into(known);
                }
            }
            model.unique_together = all;
        }
    }
}
