//! The SQL that makes each part of a schema, under the names that things have now.

use std::ops::Range;

use crate::catalog::{
    Catalog, Constraint, Function, Index, Origin, Policy, QualifiedName, Relation, RelationKind,
    Trigger,
};
use crate::layout::Sources;
use crate::sql::lex::{Lexeme, TokenKind, lexemes};
use crate::sql::tree::Expr;
use crate::sql::{
    ConstraintKind, Expression, PartitionBound, PartitionKey, ReferentialAction, RelationName,
    is_statement, quote_identifier,
};

/// Returns an expression as SQL; nothing for one that no statement spells out.
pub(super) fn expression_sql(expression: &Expression) -> Option<String> {
    // A `serial` column does not say which sequence it asks.
    if expression.is_next_value() && expression.tree.relation_texts().is_empty() {
        return None;
    }
    let text = expression.tree.to_string();
    // A `?` stands for what the tree has no place for, or is an operator.
    let is_whole = !text.contains('?') || is_statement(&format!("select {text}"));
    (expression.tree != Expr::default() && is_whole).then_some(text)
}

/// Returns a name as SQL spells it.
pub(super) fn name(name: &RelationName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", quote_identifier(schema), quote_identifier(&name.name)),
        None => quote_identifier(&name.name),
    }
}

/// Returns a full name as SQL spells it.
pub(super) fn quoted(name: &QualifiedName) -> String {
    format!("{}.{}", quote_identifier(&name.schema), quote_identifier(&name.name))
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.into_iter().map(|name| quote_identifier(name)).collect();
    names.join(", ")
}

/// Returns what stands behind `PARTITION BY`.
pub(super) fn partition_key(key: &PartitionKey) -> Option<String> {
    let mut expressions = key.expressions.iter();
    let parts: Option<Vec<String>> = key
        .columns
        .iter()
        .map(|column| match column {
            Some(column) => Some(quote_identifier(column)),
            None => Some(format!("({})", expression_sql(expressions.next()?)?)),
        })
        .collect();
    Some(format!("{} ({})", key.strategy.as_str(), parts?.join(", ")))
}

/// Returns what stands behind the name of the partitioned table.
pub(super) fn bound(bound: &PartitionBound) -> Option<String> {
    let all = |values: &[Expression]| {
        let values: Option<Vec<String>> = values.iter().map(expression_sql).collect();
        Some(values?.join(", "))
    };
    Some(match bound {
        PartitionBound::Default => "default".to_owned(),
        PartitionBound::List(values) => format!("for values in ({})", all(values)?),
        PartitionBound::Range(from, to) => {
            format!("for values from ({}) to ({})", all(from)?, all(to)?)
        }
        PartitionBound::Hash(modulus, remainder) => {
            format!("for values with (modulus {modulus}, remainder {remainder})")
        }
    })
}

/// Returns a constraint without its name.
pub(super) fn constraint(
    catalog: &Catalog,
    table: &Relation,
    constraint: &Constraint,
) -> Option<String> {
    let index = table.indexes.iter().find(|index| Some(index.id) == constraint.index);
    let mut sql = match constraint.kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique => {
            let distinct = index.is_some_and(|index| index.detail().nulls_not_distinct);
            let include = index.map(|index| index.include.as_slice()).unwrap_or_default();
            format!(
                "{}{} ({}){}",
                if constraint.kind == ConstraintKind::Unique { "unique" } else { "primary key" },
                if distinct { " nulls not distinct" } else { "" },
                list(&constraint.columns),
                including(include)
            )
        }
        ConstraintKind::Check => {
            format!("check ({})", expression_sql(constraint.expression.as_deref()?)?)
        }
        ConstraintKind::ForeignKey => {
            let table = catalog.name_of(constraint.references?)?;
            let mut sql =
                format!("foreign key ({}) references {}", list(&constraint.columns), quoted(table));
            if !constraint.referenced_columns.is_empty() {
                sql.push_str(&format!(" ({})", list(&constraint.referenced_columns)));
            }
            let (delete, update) = constraint.actions;
            for (event, action) in [("delete", delete), ("update", update)] {
                if action != ReferentialAction::NoAction {
                    sql.push_str(&format!(" on {event} {}", action.as_str()));
                }
            }
            sql
        }
        ConstraintKind::Exclusion => exclusion(index?)?,
        ConstraintKind::NotNull => format!("not null {}", list(&constraint.columns)),
    };
    let options = [
        (constraint.no_inherit, " no inherit"),
        (constraint.deferrable, " deferrable"),
        (constraint.deferred, " initially deferred"),
        (!constraint.enforced, " not enforced"),
        (!constraint.validated && constraint.enforced, " not valid"),
    ];
    options.iter().filter(|(is_set, _)| *is_set).for_each(|(_, words)| sql.push_str(words));
    Some(sql)
}

fn including(columns: &[String]) -> String {
    if columns.is_empty() { String::new() } else { format!(" include ({})", list(columns)) }
}

/// Returns the keys of an index, each as it stands between the parentheses.
fn keys(index: &Index) -> Option<Vec<String>> {
    let detail = index.detail();
    let mut expressions = detail.expressions.iter();
    let key = |(at, column): (usize, &Option<String>)| {
        let mut key = match column {
            Some(column) => quote_identifier(column),
            None => format!("({})", expression_sql(&expressions.next()?.1)?),
        };
        if let Some((_, class)) = detail.operator_classes.iter().find(|(place, _)| *place == at) {
            key.push_str(&format!(" {}", name(class)));
        }
        if let Some((_, words)) = detail.sorting.iter().find(|(place, _)| *place == at) {
            key.push_str(&format!(" {words}"));
        }
        Some(key)
    };
    index.columns.iter().enumerate().map(key).collect()
}

fn exclusion(index: &Index) -> Option<String> {
    let operators = index.detail().operators.iter();
    let parts: Vec<String> = keys(index)?
        .iter()
        .zip(operators)
        .map(|(key, with)| format!("{key} with {with}"))
        .collect();
    let include = including(&index.include);
    let filter = filter(index)?;
    Some(format!("exclude using {} ({}){include}{filter}", index.method, parts.join(", ")))
}

/// Returns the `WHERE` of an index, with a space before it.
fn filter(index: &Index) -> Option<String> {
    match &index.detail().predicate {
        Some(predicate) => Some(format!(" where ({})", expression_sql(predicate)?)),
        None if index.partial => None,
        None => Some(String::new()),
    }
}

/// Returns the statement that makes an index; nothing if a constraint makes it.
pub(super) fn index(relation: &Relation, index: &Index) -> Option<String> {
    if index.is_constraint {
        return None;
    }
    let is_only = relation.kind == RelationKind::PartitionedTable && !index.valid;
    Some(format!(
        "create {}index {} on {}{} using {} ({}){}{}{}",
        if index.unique { "unique " } else { "" },
        quote_identifier(&index.name),
        if is_only { "only " } else { "" },
        quoted(&relation.name),
        index.method,
        keys(index)?.join(", "),
        including(&index.include),
        if index.detail().nulls_not_distinct { " nulls not distinct" } else { "" },
        filter(index)?
    ))
}

/// A statement's text, of which names may be replaced.
struct Text<'a> {
    sql: &'a str,
    lexemes: Vec<Lexeme<'a>>,
    replaced: Vec<(Range<usize>, String)>,
}

impl<'a> Text<'a> {
    /// Reads the statement at `origin` if it is a `CREATE` of one of these kinds.
    fn read(origin: Origin, sources: &'a Sources, kinds: &[&str]) -> Option<(Self, usize)> {
        const BETWEEN: &[&str] =
            &["or", "replace", "recursive", "materialized", "constraint", "temp", "temporary"];
        let text = sources.get(origin.file).slice(origin.span);
        let lexemes: Vec<Lexeme<'a>> = lexemes(text).collect();
        if !lexemes.first()?.is("create") {
            return None;
        }
        let is_one = |lexeme: &Lexeme<'_>, words: &[&str]| words.iter().any(|w| lexeme.is(w));
        let mut at = 1 + lexemes[1..].iter().take_while(|lexeme| is_one(lexeme, BETWEEN)).count();
        if !is_one(lexemes.get(at)?, kinds) {
            return None;
        }
        at += 1;
        let is_optional = ["if", "not", "exists"]
            .iter()
            .zip(&lexemes[at..])
            .all(|(word, lexeme)| lexeme.is(word));
        let at = if is_optional { at + 3 } else { at };
        Some((Self { sql: text, lexemes, replaced: Vec::new() }, at))
    }

    /// Replaces the name that begins at a lexeme.
    fn replace(&mut self, at: usize, name: String) -> Option<()> {
        let first = self.lexemes.get(at)?;
        let mut last = at;
        while self.lexemes.get(last + 1).is_some_and(|l| l.kind == TokenKind::Byte(b'.')) {
            last += 2;
        }
        let end = self.lexemes.get(last)?.end();
        self.replaced.push((first.start..end, name));
        Some(())
    }

    /// Returns the place after the first word of these, from `at` on.
    fn after(&self, at: usize, words: &[&str]) -> Option<usize> {
        let found = self.lexemes[at..].iter().position(|l| words.iter().any(|word| l.is(word)))?;
        Some(at + found + 1)
    }

    fn finish(self) -> String {
        let mut sql = self.sql.to_owned();
        for (range, name) in self.replaced.into_iter().rev() {
            sql.replace_range(range, &name);
        }
        sql.replace("\r\n", "\n")
    }
}

/// Returns the statement that makes a view.
pub(super) fn view(view: &Relation, sources: &Sources) -> Option<String> {
    let read = |origin| Text::read(origin, sources, &["view"]);
    let (mut text, at) = read(view.changed).or_else(|| read(view.created))?;
    text.replace(at, quoted(&view.name))?;
    Some(text.finish())
}

/// Returns the statement that makes a function.
pub(super) fn function(function: &Function, sources: &Sources) -> Option<String> {
    let kinds = &["function", "procedure", "aggregate"];
    let is_current = |(text, _): &(Text<'_>, usize)| {
        function.body.as_ref().is_none_or(|body| text.sql.contains(&**body))
    };
    let read = |origin| Text::read(origin, sources, kinds).filter(is_current);
    let (mut text, at) = read(function.changed).or_else(|| read(function.created))?;
    text.replace(at, quoted(&function.name))?;
    Some(text.finish())
}

/// Returns the statement that makes a trigger.
pub(super) fn trigger(table: &Relation, trigger: &Trigger, sources: &Sources) -> Option<String> {
    let (mut text, at) = Text::read(trigger.created, sources, &["trigger"])?;
    text.replace(at, quote_identifier(&trigger.name))?;
    let on = text.after(at + 1, &["on"])?;
    text.replace(on, quoted(&table.name))?;
    let called = text.after(on, &["function", "procedure"])?;
    if trigger.function_id.is_some() {
        text.replace(called, quoted(&trigger.function))?;
    }
    Some(text.finish())
}

/// Returns the statement that makes a policy.
pub(super) fn policy(table: &Relation, policy: &Policy, sources: &Sources) -> Option<String> {
    let (mut text, at) = Text::read(policy.created, sources, &["policy"])?;
    text.replace(at, quote_identifier(&policy.name))?;
    let on = text.after(at + 1, &["on"])?;
    text.replace(on, quoted(&table.name))?;
    Some(text.finish())
}
