use super::duplicate_index::{is_same, is_same_condition};
use super::finished::{is_known, place_of_index, tables};
use super::spelling::shown;
use crate::catalog::{Index, Relation};
use crate::diagnostic::Diagnostic;
use crate::rule::HistoryContext;

/// Nobody looks through more indexes of one table; comparing each with each takes long.
const MOST: usize = 500;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx).filter(|table| table.indexes.len() <= MOST) {
        for index in &table.indexes {
            if index.unique || index.is_constraint || !index.valid || !is_known(cx, index.created) {
                continue;
            }
            let wider = table
                .indexes
                .iter()
                .find(|other| other.id != index.id && other.valid && covers(other, index));
            if let Some(wider) = wider {
                out.push(report(cx, table, index, wider));
            }
        }
    }
}

/// Returns whether queries that use `index` can use `wider` as well.
fn covers(wider: &Index, index: &Index) -> bool {
    let len = index.columns.len();
    let (detail, other) = (index.detail(), wider.detail());
    let is_prefix = wider.columns.get(..len).is_some_and(|first| first == index.columns)
        // What stands for each expression is in another list.
        && index.columns.iter().all(Option::is_some);
    let classes = other.operator_classes.iter().filter(|(at, _)| *at < len);
    let sorting = other.sorting.iter().filter(|(at, _)| *at < len);
    &*index.method == "btree"
        && &*wider.method == "btree"
        && is_prefix
        && is_same_condition(detail, other)
        && classes.eq(&detail.operator_classes)
        && sorting.eq(&detail.sorting)
        && index.include.iter().all(|column| {
            wider.include.contains(column) || wider.columns.iter().flatten().any(|c| c == column)
        })
        && !is_same(wider, index)
}

fn report(cx: &HistoryContext, table: &Relation, index: &Index, wider: &Index) -> Diagnostic {
    let name = shown(&table.name);
    let keys: Vec<&str> = wider.columns.iter().map(|key| key.as_deref().unwrap_or("...")).collect();
    let unique = if wider.unique { "unique, " } else { "" };
    let message = format!(
        "every write to `{name}` keeps `{}` for nothing: `{}` serves the same queries ({unique}on `{}`)",
        index.name,
        wider.name,
        keys.join(", ")
    );
    let diagnostic = Diagnostic::new(index.created.file, place_of_index(cx, index), message)
        .help(format!("remove it, or later `drop index concurrently {}`", index.name))
        .relation(&name, None);
    if wider.created == index.created {
        return diagnostic;
    }
    let made = wider.created;
    diagnostic.label(made.file, place_of_index(cx, wider), format!("`{}` is made here", wider.name))
}
