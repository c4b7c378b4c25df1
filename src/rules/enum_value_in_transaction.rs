use std::sync::Arc;

use super::in_transaction::{constant, explain};
use crate::catalog::{Column, EnumLabel, EnumType, Lookup, ObjectId, QualifiedName};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Direction, TransactionMode};
use crate::rule::{MigrationContext, StatementContext};
use crate::session::Holder;
use crate::source::Span;
use crate::sql::{
    Action, ColumnDefinition, Constant, ConstantOf, ConstraintDefinition, CreateTable, Expression,
    RelationName, TableChange, TransactionAction, TypeName,
};

/// A label that a transaction has added and not committed.
struct Added {
    name: QualifiedName,
    label: String,
    span: Span,
    transaction: u32,
    is_reported: bool,
}

/// A constant of a statement, and the type that the server gives it.
pub(super) struct Use {
    pub(super) value: String,
    pub(super) of: Of,
}

pub(super) enum Of {
    /// The type of this name.
    Type(Arc<TypeName>),
    /// That of a column, which may have been renamed since; nothing for one of PostgreSQL's own.
    Column(Arc<TypeName>, Option<ObjectId>),
    /// That of a column which the files do not show.
    Unknown { relation: RelationName, column: String },
}

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let mut added: Vec<Added> = Vec::new();
    let mut from_earlier: Vec<String> = Vec::new();
    let is_one_run = cx.history.set.layout.all_pending
        && cx.migration().transaction == TransactionMode::Runner
        && cx.migration().direction == Direction::Up;
    if !is_one_run && !adds_value(cx) {
        return;
    }
    cx.replay(|statement| {
        let Some(open) = &statement.state.transaction else { return };
        let is_pending = |label: &&mut Added| label.transaction == open.id && !label.is_reported;
        let mut pending = added.iter_mut().filter(is_pending).peekable();
        if pending.peek().is_some() || is_one_run {
            let uses = uses(statement);
            for label in pending {
                if let Some(diagnostic) = used(statement, label, &uses) {
                    out.push(diagnostic);
                    label.is_reported = true;
                }
            }
            if is_one_run {
                used_from_earlier(statement, &uses, &mut from_earlier, out);
            }
        }
        added.extend(additions(statement, open.id));
    });
}

/// Returns a label that a statement uses, and its type, if its own transaction adds it: the server
/// answers with 55P04.
pub(crate) fn used_too_early(cx: &StatementContext) -> Option<(String, String)> {
    cx.state.transaction.as_ref()?;
    uses(cx).into_iter().find_map(|one| {
        let found = enum_of(cx, &one.of)?;
        let label = found.labels.iter().find(|label| *label.label == *one.value)?;
        let is_own = cx.state.is_in_this_transaction(found.created);
        let is_pending = cx.state.is_in_this_transaction(label.added)
            && label.added != found.created
            && !(is_own && cx.version().major >= 17)
            && !may_be_skipped(cx);
        is_pending.then(|| (one.value.clone(), found.name.name.to_string()))
    })
}

/// Returns the labels that a statement adds and that its transaction cannot use.
fn additions(cx: &StatementContext, transaction: u32) -> Vec<Added> {
    let path = &cx.state.session.search_path;
    let catalog = &cx.state.catalog;
    let of = |action: &Action| {
        let Action::AddEnumValue { name, label, .. } = action else { return None };
        let found = catalog.enum_type(name, path);
        // It is there already: nothing is added.
        if name.is_dynamic()
            || found.is_some_and(|found| found.labels.iter().any(|l| *l.label == **label))
        {
            return None;
        }
        // From version 17 on a transaction may use what it adds to a type of its own.
        let is_own = found.is_some_and(|found| cx.state.is_in_this_transaction(found.created));
        if is_own && cx.version().major >= 17 {
            return None;
        }
        let name = match found {
            Some(found) => found.name.clone(),
            None => catalog.resolve(name, path),
        };
        let span = cx.statement.span;
        Some(Added { name, label: label.clone(), span, transaction, is_reported: false })
    };
    cx.statement.all_actions().filter_map(of).collect()
}

/// Returns whether some statement of the migration adds a label.
fn adds_value(cx: &MigrationContext) -> bool {
    let is_addition = |action: &Action| matches!(action, Action::AddEnumValue { .. });
    cx.script().all_actions().any(is_addition)
}

/// Reports a use of a label in the transaction that adds it.
fn used(cx: &StatementContext, label: &Added, uses: &[Use]) -> Option<Diagnostic> {
    let same = || uses.iter().filter(|one| one.value == label.label);
    let is_certain =
        same().any(|one| enum_of(cx, &one.of).is_some_and(|found| *found.name == label.name));
    let unknown = same().find_map(|one| match &one.of {
        Of::Unknown { relation, column } => Some((relation, column)),
        Of::Type(_) | Of::Column(..) => None,
    });
    let (value, name) = (&label.label, &label.name.name);
    let file = cx.migration.migration().file;
    let message = match unknown {
        _ if is_certain && may_be_skipped(cx) => format!(
            "the server refuses this block if it uses the value `{value}` of `{name}`, which is new in this transaction"
        ),
        _ if is_certain => format!(
            "the server refuses this statement: the value `{value}` of `{name}` is new in this transaction"
        ),
        Some((relation, column)) => format!(
            "the server refuses this statement if `{column}` of `{relation}` is of type `{name}`: the value `{value}` is new in this transaction"
        ),
        None => return None,
    };
    let diagnostic = at_constant(cx, value, message)
        .label(file, label.span, "the value is added here")
        .help(advice(cx))
        .note(answer(cx, value, &label.name));
    let is_certain = is_certain && !may_be_skipped(cx);
    let diagnostic = if is_certain { diagnostic } else { diagnostic.at_most(Severity::Warning) };
    Some(explain(cx, diagnostic))
}

/// Returns whether the statement is a block that may not come to all that is in it.
pub(super) fn may_be_skipped(cx: &StatementContext) -> bool {
    cx.statement
        .actions
        .iter()
        .any(|action| matches!(action, Action::Do(block) if block.is_conditional))
}

/// Reports uses of labels that an earlier file adds, where one transaction runs all pending files.
fn used_from_earlier(
    cx: &StatementContext,
    uses: &[Use],
    reported: &mut Vec<String>,
    out: &mut Vec<Diagnostic>,
) {
    for one in uses {
        let Some((found, label)) = earlier_label(cx, &one.of, &one.value) else { continue };
        // From version 17 on a deploy that makes the type as well accepts it.
        let is_known = found.created.migration != u32::MAX;
        let is_fine =
            is_known && cx.version().major >= 17 || is_committed_since(cx, label.added.migration);
        if is_fine || reported.contains(&one.value) {
            continue;
        }
        reported.push(one.value.clone());
        let message = format!(
            "the server refuses this statement in a run that also adds the value `{}` to `{}`, such as a fresh deploy",
            one.value, found.name.name
        );
        let diagnostic = at_constant(cx, &one.value, message)
            .label(label.added.file, label.added.span, "the value is added here")
            .help("let the earlier file be deployed in a run of its own before this one")
            .note(answer(cx, &one.value, found.name))
            .at_most(Severity::Warning);
        out.push(cx.explain_transaction(diagnostic));
    }
}

/// Returns whether a file from migration `first` on ends the transaction of the run.
fn is_committed_since(cx: &StatementContext, first: u32) -> bool {
    let history = cx.migration.history;
    let files = history.set.migrations.iter().zip(history.scripts).take(cx.migration.index);
    files.skip(first as usize).any(|(migration, script)| {
        migration.direction == Direction::Up
            && script
                .statements()
                .any(|s| s.transaction_action() == Some(&TransactionAction::Commit))
    })
}

/// Returns the label `value` of an enum type if an earlier migration added it to a type that was there.
fn earlier_label<'a>(
    cx: &StatementContext<'a>,
    of: &Of,
    value: &str,
) -> Option<(EnumType<'a>, &'a EnumLabel)> {
    let found = enum_of(cx, of)?;
    let label = found.labels.iter().find(|label| *label.label == *value)?;
    let is_added = label.added != found.created;
    let is_earlier =
        !cx.state.is_in_this_migration(label.added) && label.added.migration != u32::MAX;
    (is_added && is_earlier).then_some((found, label))
}

pub(super) fn at_constant(cx: &StatementContext, value: &str, message: String) -> Diagnostic {
    match constant(cx.file(), cx.statement, value) {
        Some(span) => cx.report_at(span, message),
        None => cx.report(message),
    }
}

fn answer(cx: &StatementContext, value: &str, name: &QualifiedName) -> String {
    let path = &cx.state.session.search_path;
    let is_visible = path.contains(&name.schema);
    let shown = if is_visible { name.name.to_string() } else { name.to_string() };
    format!("SQLSTATE 55P04: unsafe use of new value \"{value}\" of enum type {shown}")
}

fn advice(cx: &StatementContext) -> &'static str {
    let layout = cx.migration.history.set.layout;
    match cx.state.holder() {
        Holder::File if !layout.sends_whole_file(cx.migration.migration().transaction) => {
            "move `alter type ... add value` before `begin`, or into an earlier migration"
        }
        Holder::Runner if layout.all_pending => {
            "add the value in an earlier file, and let that be deployed in a run of its own"
        }
        _ => "add the value in an earlier migration of its own",
    }
}

/// Returns the enum type that the server gives a constant.
pub(super) fn enum_of<'a>(cx: &StatementContext<'a>, of: &Of) -> Option<EnumType<'a>> {
    let state = cx.state;
    match of {
        Of::Type(name) => {
            let full = RelationName { schema: name.schema.clone(), name: name.name.clone() };
            let found = state.catalog.enum_type(&full, &state.session.search_path);
            found.filter(|_| name.dimensions == 0)
        }
        Of::Column(name, id) => {
            let found = state.catalog.enum_by_id((*id)?)?;
            // An array of it may be spelled `_name`.
            let is_plain = name.dimensions == 0
                && (!name.name.starts_with('_') || found.name.name.starts_with('_'));
            is_plain.then_some(found)
        }
        Of::Unknown { .. } => None,
    }
}

/// Returns the constants of a statement with their types.
pub(super) fn uses(cx: &StatementContext) -> Vec<Use> {
    let mut uses = Vec::new();
    for action in cx.statement.all_actions() {
        match action {
            Action::Dml(dml) => constants(cx, &dml.constants, None, &mut uses),
            Action::CreateView(view) => constants(cx, &view.constants, None, &mut uses),
            Action::CreateIndex(index) => constants(cx, &index.constants, None, &mut uses),
            Action::Create(create) => constants(cx, &create.constants, None, &mut uses),
            Action::CreateTable(create) => table(cx, create, &mut uses),
            Action::AlterTable(alter) => match &alter.change {
                TableChange::AddColumn { column, .. } => {
                    self::column(cx, column, Table::Old(&alter.table, Some(column)), &mut uses);
                }
                TableChange::SetDefault { column, default: Some(default) } => {
                    let of = column_type(cx, std::slice::from_ref(&alter.table), column);
                    plain_default(default, of, &mut uses);
                    constants(cx, &default.constants, None, &mut uses);
                }
                TableChange::AddConstraint(definition) => {
                    check_of(cx, definition, Table::Old(&alter.table, None), &mut uses);
                }
                _ => {}
            },
            _ => {}
        }
    }
    uses
}

/// The table that an expression without `FROM` is about.
#[derive(Clone, Copy)]
enum Table<'a> {
    /// One that the statement makes.
    New(&'a CreateTable),
    /// One that is there, perhaps with a column that the statement adds.
    Old(&'a RelationName, Option<&'a ColumnDefinition>),
}

fn table(cx: &StatementContext, create: &CreateTable, uses: &mut Vec<Use>) {
    for one in &create.columns {
        column(cx, one, Table::New(create), uses);
    }
    for definition in &create.constraints {
        check_of(cx, definition, Table::New(create), uses);
    }
}

fn column(cx: &StatementContext, definition: &ColumnDefinition, of: Table, uses: &mut Vec<Use>) {
    if let Some(default) = &definition.default {
        plain_default(default, Some(Of::Type(definition.type_name.clone())), uses);
        constants(cx, &default.constants, Some(of), uses);
    }
    for constraint in &definition.constraints {
        check_of(cx, constraint, of, uses);
    }
}

fn check_of(
    cx: &StatementContext,
    definition: &ConstraintDefinition,
    of: Table,
    uses: &mut Vec<Use>,
) {
    if let Some(expression) = &definition.expression {
        constants(cx, &expression.constants, Some(of), uses);
    }
}

/// Adds a default that is one constant: it has the column's type.
fn plain_default(default: &Expression, of: Option<Of>, uses: &mut Vec<Use>) {
    if let ([value], true, Some(of)) =
        (&default.tree.strings()[..], default.tree.calls().is_empty(), of)
    {
        uses.push(Use { value: (*value).to_owned(), of });
    }
}

fn constants(cx: &StatementContext, found: &[Constant], table: Option<Table>, uses: &mut Vec<Use>) {
    for constant in found {
        let of = match &*constant.of {
            ConstantOf::Type(name) => Some(Of::Type(name.clone())),
            ConstantOf::Column { relations, column } => {
                match table.filter(|_| relations.is_empty()) {
                    Some(table) => type_in(cx, table, column),
                    None => column_type(cx, relations, column),
                }
            }
            ConstantOf::Place { relation, place } => type_at(cx, relation, *place),
        };
        uses.extend(of.map(|of| Use { value: constant.value.clone(), of }));
    }
}

fn type_in(cx: &StatementContext, table: Table, column: &str) -> Option<Of> {
    let of = |definition: &ColumnDefinition| Of::Type(definition.type_name.clone());
    match table {
        Table::New(create) => {
            create.columns.iter().find(|one| *one.name == *column).map(|one| of(one))
        }
        Table::Old(_, Some(added)) if *added.name == *column => Some(of(added)),
        Table::Old(name, _) => column_type(cx, std::slice::from_ref(name), column),
    }
}

/// Returns the type of a column of the first relation that has it.
fn column_type(cx: &StatementContext, relations: &[RelationName], column: &str) -> Option<Of> {
    for name in relations {
        let unknown = || Of::Unknown { relation: name.clone(), column: column.to_owned() };
        match cx.relation(name) {
            Lookup::Found(relation) => match relation.column(column) {
                Some(found) => return Some(of_column(found)),
                None if relation.columns_unknown => return Some(unknown()),
                None => {}
            },
            Lookup::Dropped(_) => return None,
            Lookup::Unknown => return (!is_system(name)).then(unknown),
        }
    }
    None
}

fn type_at(cx: &StatementContext, name: &RelationName, place: usize) -> Option<Of> {
    let relation = cx.relation(name).found().filter(|relation| !relation.columns_unknown)?;
    relation.columns.get(place).map(of_column)
}

fn of_column(column: &Column) -> Of {
    Of::Column(column.type_name.clone(), column.type_id)
}

/// Returns whether a relation is one of the server's own, which have no column of a user's type.
fn is_system(name: &RelationName) -> bool {
    match name.schema.as_deref() {
        Some(schema) => matches!(schema, "pg_catalog" | "information_schema"),
        None => name.name.starts_with("pg_"),
    }
}
