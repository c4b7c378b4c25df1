use std::sync::Arc;

use super::finished::named;
use super::spelling::shown;
use crate::catalog::{
    Catalog, Column, Constraint, Env, Index, Lookup, Origin, Relation, RelationKind,
};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::lexemes;
use crate::sql::tree::{Expr, ValueFunction};
use crate::sql::{
    Action, AlterTable, ConstraintKind, CreateIndex, CreateTable, CreateView, Expression,
    RelationName, TableChange,
};

/// So many differences are named.
const MAX_SHOWN: usize = 4;

/// A name that nobody uses, under which the statement's object is made to be compared.
const SCRATCH: &str = "lockmaster\u{2}scratch";

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up
        || !cx.failures.is_empty()
        || cx.statement.has_placeholders
        || cx.state.catalog.is_uncertain()
    {
        return;
    }
    for action in &cx.statement.actions {
        match action {
            Action::CreateTable(create) if create.if_not_exists => out.extend(table(cx, create)),
            Action::CreateIndex(create) if create.if_not_exists => out.extend(index(cx, create)),
            Action::CreateView(create) if create.if_not_exists => out.extend(view(cx, create)),
            Action::AlterTable(alter) => out.extend(column(cx, alter)),
            _ => {}
        }
    }
}

/// Returns the relation that is there already, if the files tell for certain what it is.
fn there<'a>(cx: &StatementContext<'a>, name: &RelationName) -> Option<&'a Relation> {
    let path = &cx.state.session.search_path;
    let catalog = &cx.state.catalog;
    // A name without a schema is made in the first one of the path.
    let schema = name.schema.clone().or_else(|| path.first().cloned())?;
    let full = RelationName { schema: Some(schema), name: name.name.clone() };
    let Lookup::Found(found) = catalog.relation(&full, path) else { return None };
    let is_known = !catalog.is_guess(found.created) && !catalog.is_guess(found.changed);
    let is_ordered = cx.migration.history.set.layout.name != "plain"
        || cx.state.is_in_this_migration(found.created);
    (is_known && is_ordered && !found.temporary).then_some(found)
}

/// Runs an action as if nothing were there, and returns the schema behind it.
fn scratch(cx: &StatementContext, action: &Action) -> Option<Catalog> {
    let mut catalog = cx.state.catalog.clone();
    let env = Env {
        origin: cx.state.origin(cx.statement.span),
        path: cx.state.session.search_path.clone(),
        version: cx.version(),
    };
    catalog.apply(action, &env).is_empty().then_some(catalog)
}

fn table(cx: &StatementContext, create: &CreateTable) -> Option<Diagnostic> {
    let name = create.name.as_ref()?;
    let found = there(cx, name)?;
    if !matches!(
        found.kind,
        RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable
    ) {
        return Some(other_kind(cx, name, found, "table"));
    }
    if create.columns_unknown || create.partition_of.is_some() || found.columns_unknown {
        return None;
    }
    let wanted =
        CreateTable { name: Some(name.sibling(SCRATCH)), if_not_exists: false, ..create.clone() };
    let made = scratch(cx, &Action::CreateTable(Box::new(without_names(wanted))))?;
    let wanted = made.relations().find(|relation| &*relation.name.name == SCRATCH)?;
    let last = last(cx, found)?;
    let mut differences = Vec::new();
    for column in &wanted.columns {
        let now = (found.column(&column.name), last.column(&column.name));
        differences.extend(of_column(&made, column, now));
    }
    for constraint in &wanted.constraints {
        let has = |table: &Relation| {
            table.constraints.iter().any(|other| is_same(constraint, other, wanted, table))
        };
        // A foreign key to the table itself is one to the other name here.
        if !has(found) && !has(last) && constraint.references != Some(wanted.id) {
            differences.extend(lacks(constraint));
        }
    }
    report(cx, name, found, found.created, &differences)
}

/// Lets the server choose the names of constraints: those that are spelled out are taken.
fn without_names(mut create: CreateTable) -> CreateTable {
    let inline =
        create.columns.iter_mut().flat_map(|column| &mut Arc::make_mut(column).constraints);
    for constraint in inline.chain(&mut create.constraints) {
        constraint.name = None;
    }
    create.columns.iter_mut().for_each(|column| Arc::make_mut(column).not_null_name = None);
    create
}

/// Returns what a table is when all migrations have run, if it is there then: what a later one puts
/// right does not stay.
fn last<'a>(cx: &StatementContext<'a>, found: &Relation) -> Option<&'a Relation> {
    cx.migration.history.last.catalog.by_id(found.id)
}

fn column(cx: &StatementContext, alter: &AlterTable) -> Option<Diagnostic> {
    let TableChange::AddColumn { column, if_not_exists: true } = &alter.change else { return None };
    let table = cx.relation(&alter.table).found()?;
    let found = table.column(&column.name)?;
    let is_guess = |origin| cx.state.catalog.is_guess(origin);
    if is_guess(found.created) || is_guess(table.changed) || table.external {
        return None;
    }
    if cx.migration.history.set.layout.name == "plain"
        && !cx.state.is_in_this_migration(found.created)
    {
        return None;
    }
    let mut wanted = alter.clone();
    let mut definition = column.as_ref().clone();
    definition.name = SCRATCH.into();
    definition.constraints.clear();
    wanted.change = TableChange::AddColumn { column: Arc::new(definition), if_not_exists: false };
    let made = scratch(cx, &Action::AlterTable(Box::new(wanted)))?;
    let mut wanted = made.by_id(table.id)?.column(SCRATCH)?.clone();
    wanted.name = column.name.clone();
    // What `primary key` makes of a column comes with the constraint.
    let last = last(cx, table)?;
    let now = (Some(found), last.column(&column.name));
    let mut differences = of_column(&made, &wanted, now);
    for constraint in &column.constraints {
        let kinds = |table: &Relation| {
            table.constraints.iter().any(|other| {
                other.kind == constraint.kind
                    && other.columns.iter().any(|name| **name == *column.name)
            })
        };
        let is_unique = |table: &Relation| {
            constraint.kind == ConstraintKind::Unique
                && table.indexes.iter().any(|index| {
                    index.unique
                        && matches!(&index.columns[..], [Some(only)] if **only == *column.name)
                })
        };
        if ![table, last].into_iter().any(|table| kinds(table) || is_unique(table)) {
            differences.push(format!("`{}` has no {}", column.name, kind(constraint.kind)?));
        }
    }
    // The message names the column already.
    let own = format!("`{}`", column.name);
    for (place, difference) in differences.iter_mut().enumerate() {
        let subject = if place == 0 { "it " } else { "" };
        let rest = difference.strip_prefix(&own).map(str::trim_start);
        if let Some(rest) = rest.map(str::to_owned) {
            *difference = format!("{subject}{rest}");
        }
    }
    let name = alter.table.sibling(column.name.clone());
    report(cx, &name, table, found.created, &differences)
}

/// Returns how a column differs from the one that a statement spells out, now and at the end.
fn of_column(
    catalog: &Catalog,
    wanted: &Column,
    (found, last): (Option<&Column>, Option<&Column>),
) -> Vec<String> {
    let name = &wanted.name;
    let Some(found) = found else {
        return if last.is_none() { vec![format!("there is no column `{name}`")] } else { vec![] };
    };
    // Dropped or renamed since: nobody misses it.
    let Some(last) = last else { return Vec::new() };
    let both = |differs: &dyn Fn(&Column) -> bool| differs(found) && differs(last);
    let mut all = Vec::new();
    let typed = |column: &Column| catalog.format_type(&column.type_name, column.type_id);
    if both(&|column| typed(column) != typed(wanted)) {
        all.push(format!("`{name}` is `{}`, not `{}`", typed(found), typed(wanted)));
    }
    if both(&|column| column.not_null != wanted.not_null) {
        let is = if found.not_null { "is `not null`" } else { "may be null" };
        all.push(format!("`{name}` {is}"));
    }
    if both(&|column| column.generated.is_some() != wanted.generated.is_some()) {
        let is = if found.generated.is_some() { "is" } else { "is not" };
        all.push(format!("`{name}` {is} generated"));
    } else if both(&|column| column.has_default() != wanted.has_default()) {
        let has = if found.has_default() { "has a default" } else { "has no default" };
        all.push(format!("`{name}` {has}"));
    } else if both(&|column| has_other_default(column, wanted)) {
        all.push(format!("`{name}` has another default"));
    }
    all
}

fn has_other_default(column: &Column, wanted: &Column) -> bool {
    let counts = |column: &Column| {
        column.identity.is_some() || column.default.as_deref().is_some_and(is_nextval)
    };
    let of = |column: &Column| column.default.as_deref().map(|default| plain(&default.tree));
    // How a sequence is spelled says little.
    !(counts(column) && counts(wanted)) && of(column) != of(wanted)
}

fn is_nextval(default: &Expression) -> bool {
    default.is_next_value()
}

/// Returns a default without what makes no difference: casts of constants, spellings of `now()`.
fn plain(tree: &Expr) -> String {
    match tree {
        Expr::Cast(cast) => plain(&cast.value),
        Expr::Value { function: ValueFunction::CurrentTimestamp, precision: None } => {
            "now".to_owned()
        }
        Expr::Call(call) if call.arguments.is_empty() => call.name.name.to_string(),
        Expr::String(text) | Expr::Float(text) => text.to_string(),
        Expr::Integer(number) => number.to_string(),
        Expr::Bool(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

/// Returns whether a table has a constraint that says the same, whatever its name.
fn is_same(wanted: &Constraint, other: &Constraint, of: &Relation, table: &Relation) -> bool {
    if wanted.kind != other.kind {
        // A primary key is unique, too.
        return wanted.kind == ConstraintKind::Unique
            && other.kind == ConstraintKind::PrimaryKey
            && wanted.columns == other.columns;
    }
    match wanted.kind {
        // How an expression is spelled says little; a check of that name or about the same columns is one.
        ConstraintKind::Check => wanted.name == other.name || wanted.columns == other.columns,
        ConstraintKind::ForeignKey => {
            let target = |key: &Constraint, table: &Relation| {
                (key.references != Some(table.id)).then_some(key.references)
            };
            wanted.columns == other.columns && target(wanted, of) == target(other, table)
        }
        _ => wanted.columns == other.columns,
    }
}

fn lacks(constraint: &Constraint) -> Option<String> {
    let columns = super::finished::quoted(constraint.columns.iter().map(String::as_str));
    let kind = kind(constraint.kind)?;
    Some(format!("there is no {kind} on {columns}"))
}

fn kind(kind: ConstraintKind) -> Option<&'static str> {
    match kind {
        ConstraintKind::PrimaryKey => Some("primary key"),
        ConstraintKind::Unique => Some("unique constraint"),
        ConstraintKind::Check => Some("check"),
        ConstraintKind::ForeignKey => Some("foreign key"),
        ConstraintKind::Exclusion => Some("exclusion constraint"),
        ConstraintKind::NotNull => None,
    }
}

fn index(cx: &StatementContext, create: &CreateIndex) -> Option<Diagnostic> {
    let table = cx.relation(&create.table).found()?;
    let name = RelationName { schema: Some(table.name.schema.clone()), name: create.name.clone()? };
    let found = there(cx, &name)?;
    if !found.is_index() {
        return Some(other_kind(cx, &name, found, "index"));
    }
    let catalog = &cx.state.catalog;
    let of = catalog.by_id(*found.uses.first()?)?;
    // Its name may be free again at the end, or stand for something else.
    let last = &cx.migration.history.last.catalog;
    if last.by_id(found.id).is_none() || catalog.is_guess(table.changed) {
        return None;
    }
    if of.id != table.id {
        let difference = format!("it is one of `{}`", shown(&of.name));
        return report(cx, &name, found, found.created, &[difference]);
    }
    let wanted = CreateIndex { name: None, if_not_exists: false, ..create.clone() };
    let made = scratch(cx, &Action::CreateIndex(Box::new(wanted)))?;
    let wanted = made.by_id(table.id)?.indexes.last()?;
    let found_index = of.indexes.iter().find(|index| index.id == found.id)?;
    let differences = of_index(wanted, found_index);
    report(cx, &name, found, found_index.created, &differences)
}

fn of_index(wanted: &Index, found: &Index) -> Vec<String> {
    let keys = |index: &Index| {
        let names = index.columns.iter().map(|key| key.as_deref().unwrap_or("(expression)"));
        names.collect::<Vec<_>>().join(", ")
    };
    let mut differences = Vec::new();
    let (one, other) = (wanted.detail(), found.detail());
    let trees = |index: &Index| -> Vec<Expr> {
        index.detail().expressions.iter().map(|(_, e)| e.tree.clone()).collect()
    };
    if wanted.columns != found.columns {
        differences.push(format!("it is on `{}`, not `{}`", keys(found), keys(wanted)));
    } else if trees(wanted) != trees(found) {
        differences.push("it is on another expression".to_owned());
    } else if one.operator_classes != other.operator_classes {
        differences.push("its keys have other operator classes".to_owned());
    } else if one.sorting != other.sorting {
        differences.push("it is sorted in another way".to_owned());
    }
    if wanted.unique != found.unique {
        differences.push(format!("it is {}unique", if found.unique { "" } else { "not " }));
    }
    if wanted.method != found.method {
        differences.push(format!("its method is `{}`", found.method));
    }
    if wanted.include != found.include {
        differences.push("it includes other columns".to_owned());
    }
    match (&one.predicate, &other.predicate) {
        (Some(_), None) => differences.push("it has no `where`".to_owned()),
        (None, Some(_)) => differences.push("it has a `where`".to_owned()),
        (Some(a), Some(b)) if a.tree != b.tree => {
            differences.push("it has another `where`".to_owned());
        }
        _ => {}
    }
    differences
}

fn view(cx: &StatementContext, create: &CreateView) -> Option<Diagnostic> {
    let found = there(cx, &create.name)?;
    if !found.is_view() {
        return Some(other_kind(cx, &create.name, found, "view"));
    }
    let last = last(cx, found)?;
    if found.changed != found.created || last.changed != found.changed {
        return None;
    }
    let made = found.created;
    let file = cx.migration.history.sources.get(made.file);
    let before = query(file.slice(made.span))?;
    let now = query(cx.statement.text(cx.file()))?;
    let differences = if before == now { vec![] } else { vec!["it has another query".to_owned()] };
    report(cx, &create.name, found, made, &differences)
}

/// Returns the words of a view's query.
fn query(text: &str) -> Option<Vec<String>> {
    let mut words = lexemes(text).skip_while(|lexeme| !lexeme.is("as")).peekable();
    words.peek()?;
    Some(words.map(|lexeme| lexeme.text.to_ascii_lowercase()).filter(|word| word != ";").collect())
}

fn other_kind(
    cx: &StatementContext,
    name: &RelationName,
    found: &Relation,
    wanted: &str,
) -> Diagnostic {
    let kind = found.kind.as_str();
    let message = format!(
        "no {wanted} `{name}` is made: a {kind} has that name, and `if not exists` hides it"
    );
    at(cx, &name.name, message)
        .label(found.created.file, head(cx, found.created), format!("the {kind} is made here"))
        .help("give it another name, or drop what is there first")
        .note(
            "the server only tells in a notice, SQLSTATE 42P07: relation already exists, skipping",
        )
}

fn report(
    cx: &StatementContext,
    name: &RelationName,
    table: &Relation,
    made: Origin,
    differences: &[String],
) -> Option<Diagnostic> {
    let all = match differences {
        [] => return None,
        [only] => only.clone(),
        [first @ .., last] if first.len() < MAX_SHOWN => format!("{} and {last}", first.join(", ")),
        all => format!("{} and {} more", all[..MAX_SHOWN].join(", "), all.len() - MAX_SHOWN),
    };
    let message = format!("`{}` stays as it is, because it is there already: {all}", name.name);
    let place = named(cx.migration.history.sources.get(made.file), made.span, &name.name);
    let place = place.unwrap_or_else(|| head(cx, made));
    let diagnostic = at(cx, &name.name, message)
        .label(made.file, place, format!("`{}` is made here", name.name))
        .help("change what is there with `alter`, or drop it first; remove this statement if it is right as it is")
        .relation(&shown(&table.name), None);
    Some(diagnostic)
}

fn at(cx: &StatementContext, name: &Arc<str>, message: String) -> Diagnostic {
    match named(cx.file(), cx.statement.span, name) {
        Some(span) => cx.report_at(span, message),
        None => cx.report(message),
    }
}

fn head(cx: &StatementContext, origin: Origin) -> Span {
    cx.migration.history.head(origin)
}
