//! The SQL that makes each part of a schema, under the names that things have now.

use std::ops::Range;
use std::sync::Arc;

use crate::catalog::{
    Catalog, Constraint, Env, Function, Index, Origin, Policy, QualifiedName, Relation,
    RelationKind, Trigger,
};
use crate::layout::Sources;
use crate::sql::lex::{Lexeme, TokenKind, lexemes};
use crate::sql::tree::{Expr, Query, quote_identifier};
use crate::sql::{
    ConstraintKind, Expression, PartitionBound, PartitionKey, ReferentialAction, RelationName,
    is_statement,
};
use crate::version::PgVersion;

/// Returns an expression as SQL; nothing for one that no statement spells out.
pub(crate) fn expression_sql(expression: &Expression) -> Option<String> {
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
pub(crate) fn name(name: &RelationName) -> String {
    match &name.schema {
        Some(schema) => format!("{}.{}", quote_identifier(schema), quote_identifier(&name.name)),
        None => quote_identifier(&name.name).into_owned(),
    }
}

/// Returns a full name as SQL spells it.
pub(crate) fn quoted(name: &QualifiedName) -> String {
    format!("{}.{}", quote_identifier(&name.schema), quote_identifier(&name.name))
}

fn list<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.into_iter().map(|name| quote_identifier(name)).collect();
    names.join(", ")
}

/// Returns what stands behind `PARTITION BY`.
pub(super) fn partition_key(key: &PartitionKey) -> Option<String> {
    let mut expressions = key.expressions.iter();
    let parts: Option<Vec<String>> = key
        .columns
        .iter()
        .map(|column| match column {
            Some(column) => Some(quote_identifier(column).into_owned()),
            None => Some(format!("({})", expression_sql(expressions.next()?)?)),
        })
        .collect();
    Some(format!("{} ({})", key.strategy.as_str(), parts?.join(", ")))
}

/// Returns what stands behind the name of the partitioned table.
pub(crate) fn bound(bound: &PartitionBound) -> Option<String> {
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
pub(crate) fn constraint(
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
            Some(column) => quote_identifier(column).into_owned(),
            None => format!("({})", expression_sql(&expressions.next()?.1)?),
        };
        if let Some((_, collation)) = detail.collations.iter().find(|(place, _)| *place == at) {
            key.push_str(&format!(" collate {}", name(collation)));
        }
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
pub(crate) fn index(relation: &Relation, index: &Index) -> Option<String> {
    let is_only = relation.kind == RelationKind::PartitionedTable && !index.valid;
    let on = format!("{}{}", if is_only { "only " } else { "" }, quoted(&relation.name));
    index_on(&on, index, "")
}

/// Returns the statement that makes an index `on` a table, with words before its name; nothing if a
/// constraint makes it.
pub(crate) fn index_on(on: &str, index: &Index, words: &str) -> Option<String> {
    if index.is_constraint {
        return None;
    }
    Some(format!(
        "create {}index {words}{} on {on} using {} ({}){}{}{}",
        if index.unique { "unique " } else { "" },
        quote_identifier(&index.name),
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

    /// Replaces what stands between the parentheses that begin at a lexeme.
    fn replace_parentheses(&mut self, at: usize, sql: String) -> Option<()> {
        let mut depth = 0;
        let is = |lexeme: &Lexeme<'_>, byte| lexeme.kind == TokenKind::Byte(byte);
        for lexeme in self.lexemes.get(at..)? {
            depth += i32::from(is(lexeme, b'(')) - i32::from(is(lexeme, b')'));
            if depth == 0 {
                let start = self.lexemes.get(at)?.start;
                self.replaced.push((start..lexeme.end(), format!("({sql})")));
                return Some(());
            }
        }
        None
    }

    /// Returns the place after the first word of these, from `at` on.
    fn after(&self, at: usize, words: &[&str]) -> Option<usize> {
        let found = self.lexemes[at..].iter().position(|l| words.iter().any(|word| l.is(word)))?;
        Some(at + found + 1)
    }

    /// Returns the options of a view, whose name is at `at`, and what stands behind its query.
    fn around_query(&self, at: usize) -> (String, String) {
        let all = &self.lexemes;
        let slice = |from: usize, to: usize| {
            let (from, to) = (all.get(from), all.get(to));
            let text = from.zip(to).and_then(|(from, to)| self.sql.get(from.start..to.end()));
            text.map(|text| format!(" {text}")).unwrap_or_default()
        };
        let query = self.after(at, &["as"]).unwrap_or(all.len());
        let with = all.get(at..query).unwrap_or_default().iter().position(|l| l.is("with"));
        let options = with.map(|with| slice(at + with, query - 2)).unwrap_or_default();
        let is_end = |words: &[&str]| {
            let last = all.iter().rev().zip(words.iter().rev());
            all.len() > words.len() && last.fold(true, |is_so, (l, word)| is_so && l.is(word))
        };
        let tails: [&[&str]; 5] = [
            &["with", "cascaded", "check", "option"],
            &["with", "local", "check", "option"],
            &["with", "check", "option"],
            &["with", "no", "data"],
            &["with", "data"],
        ];
        let tail = tails.iter().find(|words| is_end(words));
        let tail = tail.map(|words| slice(all.len() - words.len(), all.len() - 1));
        (options, tail.unwrap_or_default())
    }

    fn finish(mut self) -> String {
        self.replaced.sort_by_key(|(range, _)| range.start);
        let mut sql = self.sql.to_owned();
        for (range, name) in self.replaced.into_iter().rev() {
            sql.replace_range(range, &name);
        }
        sql.replace("\r\n", "\n")
    }
}

/// Returns the statement that makes a view.
pub(super) fn view(
    catalog: &Catalog,
    view: &Relation,
    version: PgVersion,
    sources: &Sources,
) -> Option<String> {
    let env = Env { origin: view.created, path: Arc::default(), version };
    let renamed = catalog.query_under_new_names(view, &env);
    let has_lost =
        view.query.as_ref().is_some_and(|query| query.query.is_none() && query.is_renamed);
    let read = |origin| Text::read(origin, sources, &["view"]);
    let read = read(view.changed).or_else(|| read(view.created));
    match (renamed, read) {
        _ if has_lost => None,
        (Some(query), read) => renamed_view(view, &query, read),
        (None, Some((mut text, at))) => {
            text.replace(at, quoted(&view.name))?;
            Some(text.finish())
        }
        // What a block or function makes stands nowhere as a statement.
        (None, None) => renamed_view(view, view.query.as_ref()?.query.as_deref()?, None),
    }
}

/// Returns the statement that makes a view whose query uses other names than the files say.
fn renamed_view(view: &Relation, query: &Query, read: Option<(Text<'_>, usize)>) -> Option<String> {
    let names = || view.columns.iter().map(|column| Some(column.name.clone()));
    let own = query.targets().map(|all| all.iter().map(crate::sql::tree::Target::column_name));
    let is_named = own.is_some_and(|own| own.eq(names()));
    let kind = match view.kind {
        RelationKind::MaterializedView => "materialized view",
        _ => "view",
    };
    let mut sql = format!("create {kind} {}", quoted(&view.name));
    if !is_named && !view.columns_unknown {
        let names: Vec<String> =
            view.columns.iter().map(|column| quote_identifier(&column.name).into_owned()).collect();
        sql.push_str(&format!(" ({})", names.join(", ")));
    }
    let (options, tail) = read.map(|(text, at)| text.around_query(at)).unwrap_or_default();
    let query = query.to_string();
    let is_whole = !query.contains('?') || is_statement(&query);
    is_whole.then(|| format!("{sql}{options} as {query}{tail}"))
}

/// Returns the statement that makes a function.
pub(super) fn function(
    catalog: &Catalog,
    function: &Function,
    sources: &Sources,
) -> Option<String> {
    let kinds = &["function", "procedure", "aggregate"];
    let is_current = |(text, _): &(Text<'_>, usize)| {
        function.body.as_ref().is_none_or(|body| text.sql.contains(&**body))
    };
    let read = |origin| Text::read(origin, sources, kinds).filter(is_current);
    let (mut text, at) = read(function.changed).or_else(|| read(function.created))?;
    text.replace(at, quoted(&function.name))?;
    let body = text.after(at, &["as", "begin", "return"]).unwrap_or(text.lexemes.len());
    for (old, new) in renamed_types(catalog, function) {
        let places: Vec<usize> =
            (at + 1..body).filter(|at| text.lexemes.get(*at).is_some_and(|l| l.is(&old))).collect();
        for place in places {
            // A schema before it is replaced with it.
            let is_qualified =
                |at: usize| text.lexemes.get(at).is_some_and(|l| l.kind == TokenKind::Byte(b'.'));
            let place = if is_qualified(place - 1) { place - 2 } else { place };
            text.replace(place, new.clone())?;
        }
    }
    Some(text.finish())
}

/// Returns the types of arguments and result whose names are others now: as spelled, and as they are.
fn renamed_types(catalog: &Catalog, function: &Function) -> Vec<(String, String)> {
    let arguments = function.arguments.iter().map(|(argument, id)| (&argument.type_name, *id));
    let returns = function.returns.iter().map(|(name, id)| (name, *id));
    let mut found: Vec<(String, String)> = arguments
        .chain(returns)
        .filter_map(|(spelled, id)| {
            let now = catalog.name_of(id?)?;
            let is_array = spelled.name.strip_prefix('_') == Some(&*now.name);
            let is_same = spelled.name == now.name || is_array;
            let is_schema = spelled.schema.as_ref().is_none_or(|schema| *schema == now.schema);
            (!is_same || !is_schema).then(|| (spelled.name.to_string(), quoted(now)))
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Returns the statement that makes a trigger.
pub(super) fn trigger(table: &Relation, trigger: &Trigger, sources: &Sources) -> Option<String> {
    let (mut text, at) = Text::read(trigger.created, sources, &["trigger"])?;
    text.replace(at, quote_identifier(&trigger.name).into_owned())?;
    let on = text.after(at + 1, &["on"])?;
    text.replace(on, quoted(&table.name))?;
    if let Some(of) = text.after(at + 1, &["of"]).filter(|of| *of < on) {
        let names = (of..on).step_by(2).zip(&trigger.columns);
        for (place, column) in names {
            text.replace(place, quote_identifier(column).into_owned())?;
        }
    }
    if let Some(when) = trigger.when.as_deref().filter(|_| trigger.is_renamed) {
        text.replace_parentheses(text.after(on, &["when"])?, expression_sql(when)?)?;
    }
    let called = text.after(on, &["function", "procedure"])?;
    if trigger.function_id.is_some() {
        text.replace(called, quoted(&trigger.function))?;
    }
    Some(text.finish())
}

/// Returns the statement that makes a policy.
pub(super) fn policy(table: &Relation, policy: &Policy) -> Option<String> {
    let mut sql =
        format!("create policy {} on {}", quote_identifier(&policy.name), quoted(&table.name));
    if !policy.permissive {
        sql.push_str(" as restrictive");
    }
    if *policy.command != *"all" {
        sql.push_str(&format!(" for {}", policy.command));
    }
    if !policy.roles.is_empty() {
        let roles: Vec<&str> = policy.roles.iter().map(|role| &**role).collect();
        sql.push_str(&format!(" to {}", roles.join(", ")));
    }
    for (words, says) in [("using", &policy.using), ("with check", &policy.check)] {
        if let Some(says) = says {
            sql.push_str(&format!(" {words} ({})", expression_sql(says)?));
        }
    }
    Some(sql)
}
