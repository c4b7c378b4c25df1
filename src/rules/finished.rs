//! What the rules about the finished schema share: which tables they look at, and where they report.

use crate::catalog::{Catalog, Index, ObjectId, Origin, Relation, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::HistoryContext;
use crate::source::{SourceFile, Span};
use crate::sql::lex::lexemes;

use super::bookkeeping::is_bookkeeping;

/// Returns the tables of the finished schema whose definition the files tell for certain.
///
/// Partitions are not among them: what the partitioned table has, they have.
pub(super) fn tables<'a>(cx: &HistoryContext<'a>) -> impl Iterator<Item = &'a Relation> {
    let catalog = &cx.last.catalog;
    catalog.relations().filter(move |table| {
        matches!(table.kind, RelationKind::Table | RelationKind::PartitionedTable)
            && !table.temporary
            && !table.is_partition()
            && !is_bookkeeping(&table.name.name)
            && is_known(cx, table.created)
            && !catalog.is_guess(table.changed)
    })
}

/// Returns whether a statement of an up migration is what made something.
pub(super) fn is_known(cx: &HistoryContext, origin: Origin) -> bool {
    let migration = cx.set.migrations.get(origin.migration as usize);
    migration.is_some_and(|migration| migration.direction == Direction::Up)
        && !cx.last.catalog.is_guess(origin)
}

/// Makes a diagnostic at the name in the statement that runs at `origin`, or at its beginning.
pub(super) fn report_at(
    cx: &HistoryContext,
    origin: Origin,
    name: &str,
    message: impl Into<String>,
) -> Diagnostic {
    Diagnostic::new(origin.file, place(cx, origin, name), message)
}

/// Returns where the statement at `origin` names something, or where it begins.
pub(super) fn place(cx: &HistoryContext, origin: Origin, name: &str) -> Span {
    named(cx.sources.get(origin.file), origin.span, name).unwrap_or_else(|| cx.head(origin))
}

/// Returns where the statement that made an index or its constraint names it, or its first column.
pub(super) fn place_of_index(cx: &HistoryContext, index: &Index) -> Span {
    let Origin { file, span, .. } = index.created;
    let file = cx.sources.get(file);
    let column = index.columns.iter().flatten().next();
    named(file, span, &index.name)
        .or_else(|| named(file, span, column?))
        .unwrap_or_else(|| cx.head(index.created))
}

/// Returns the first place in a part of a file where a name stands.
pub(super) fn named(file: &SourceFile, span: Span, name: &str) -> Option<Span> {
    let text = file.slice(span);
    let found = lexemes(text).find(|lexeme| lexeme.name().as_deref() == Some(name))?;
    Some(Span::new(found.start..found.end()).shift(span.start))
}

/// Returns whether an object is still there when all migrations have run.
pub(super) fn is_there(catalog: &Catalog, id: ObjectId) -> bool {
    catalog.name_of(id).is_some()
}

/// Joins names, each in backticks, with commas.
pub(super) fn quoted<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    quoted.join(", ")
}
