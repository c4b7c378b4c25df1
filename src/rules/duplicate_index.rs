use super::finished::{is_known, place_of_index, tables};
use super::spelling::shown;
use crate::catalog::{Index, IndexDetail, Relation};
use crate::diagnostic::Diagnostic;
use crate::rule::HistoryContext;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        for (at, index) in table.indexes.iter().enumerate() {
            if !index.valid || !is_known(cx, index.created) {
                continue;
            }
            let others = table.indexes.iter().take(at);
            let twin = others.filter(|o| o.valid).find(|other| is_same(index, other));
            let Some(twin) = twin else { continue };
            out.push(report(cx, table, index, twin));
        }
    }
}

/// Returns whether two indexes are the same but for their names.
pub(super) fn is_same(one: &Index, other: &Index) -> bool {
    one.columns == other.columns
        && one.include == other.include
        && one.unique == other.unique
        && one.method == other.method
        && is_same_detail(one.detail(), other.detail())
}

fn is_same_detail(one: &IndexDetail, other: &IndexDetail) -> bool {
    is_same_condition(one, other)
        && one.operator_classes == other.operator_classes
        && one.sorting == other.sorting
        && one.nulls_not_distinct == other.nulls_not_distinct
        && one.operators == other.operators
        && one.expressions.len() == other.expressions.len()
        && one.expressions.iter().zip(&other.expressions).all(|(a, b)| a.1.tree == b.1.tree)
}

/// Returns whether two indexes hold the same rows.
pub(super) fn is_same_condition(one: &IndexDetail, other: &IndexDetail) -> bool {
    one.predicate.as_ref().map(|p| &p.tree) == other.predicate.as_ref().map(|p| &p.tree)
}

fn report(cx: &HistoryContext, table: &Relation, index: &Index, twin: &Index) -> Diagnostic {
    let name = shown(&table.name);
    // The one that no constraint needs can go.
    let superfluous = if index.is_constraint && !twin.is_constraint { twin } else { index };
    let kept = if superfluous.id == index.id { twin } else { index };
    let message = format!(
        "every write to `{name}` keeps two equal indexes: `{}` is the same as `{}`",
        superfluous.name, kept.name
    );
    let help = match superfluous.is_constraint {
        true => format!("remove one of the constraints, or later drop `{}`", superfluous.name),
        false => format!("remove it, or later `drop index concurrently {}`", superfluous.name),
    };
    let diagnostic =
        Diagnostic::new(superfluous.created.file, place_of_index(cx, superfluous), message)
            .help(help)
            .relation(&name, None);
    if kept.created == superfluous.created {
        return diagnostic;
    }
    let place = place_of_index(cx, kept);
    let what = match kept.is_constraint {
        true => format!("this constraint makes `{}`", kept.name),
        false => format!("`{}` is made here", kept.name),
    };
    diagnostic.label(kept.created.file, place, what)
}
