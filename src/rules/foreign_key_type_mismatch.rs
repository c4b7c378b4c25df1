use super::finished::{is_known, report_at, tables};
use super::spelling::shown;
use crate::catalog::{Column, Constraint, Relation, builtin};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::HistoryContext;
use crate::sql::ConstraintKind;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    for table in tables(cx) {
        for key in table.constraints.iter().filter(|key| key.kind == ConstraintKind::ForeignKey) {
            let target = key.references.and_then(|id| cx.last.catalog.by_id(id));
            let Some(target) = target.filter(|t| !t.external) else { continue };
            if key.inherited > 0 || !is_known(cx, key.created) {
                continue;
            }
            let pairs = key.columns.iter().zip(&key.referenced_columns);
            let mut pairs = pairs
                .filter_map(|(column, other)| Some((table.column(column)?, target.column(other)?)));
            if let Some((from, to)) = pairs.find(|(from, to)| kind_of(cx, from, to).is_some()) {
                out.extend(report(cx, table, key, target, (from, to)));
            }
        }
    }
}

/// How the types of the two sides differ.
enum Kind {
    /// The referencing column cannot hold every key.
    Narrower,
    /// It can, but each check casts.
    Other,
}

/// Returns how two columns differ in a way that matters; nothing for types of users.
fn kind_of(cx: &HistoryContext, from: &Column, to: &Column) -> Option<Kind> {
    if from.type_id.is_some() || to.type_id.is_some() {
        return None;
    }
    if from.type_name.dimensions > 0 || to.type_name.dimensions > 0 {
        return None;
    }
    let version = cx.target.version;
    let from = builtin::type_named(&from.type_name.name, version)?.spelling;
    let to = builtin::type_named(&to.type_name.name, version)?.spelling;
    let bytes = |spelling: &str| match spelling {
        "int2" => Some(2),
        "int4" => Some(4),
        "int8" => Some(8),
        _ => None,
    };
    let is_text = |spelling: &str| matches!(spelling, "text" | "varchar" | "bpchar" | "name");
    match (bytes(from), bytes(to)) {
        _ if from == to || is_text(from) && is_text(to) => None,
        (Some(from), Some(to)) if from < to => Some(Kind::Narrower),
        (Some(_), Some(_)) => None,
        _ => Some(Kind::Other),
    }
}

fn report(
    cx: &HistoryContext,
    table: &Relation,
    key: &Constraint,
    target: &Relation,
    (from, to): (&Column, &Column),
) -> Option<Diagnostic> {
    let catalog = &cx.last.catalog;
    let shown_type = |column: &Column| catalog.format_type(&column.type_name, column.type_id);
    let (from_type, to_type) = (shown_type(from), shown_type(to));
    let (name, other) = (shown(&table.name), shown(&target.name));
    let message = match kind_of(cx, from, to)? {
        Kind::Narrower => format!(
            "`{name}.{}` cannot refer to every row of `{other}`: it is `{from_type}`, and `{other}.{}` is `{to_type}`",
            from.name, to.name
        ),
        Kind::Other => format!(
            "`{name}.{}` is `{from_type}`, but `{other}.{}`, to which it refers, is `{to_type}`",
            from.name, to.name
        ),
    };
    let diagnostic = report_at(cx, key.created, &from.name, message)
        .help(format!(
            "make `{name}.{}` `{to_type}` too, while the table is small enough to be rewritten",
            from.name
        ))
        .relation(&name, None);
    let diagnostic = match kind_of(cx, from, to)? {
        Kind::Narrower => diagnostic.note(format!(
            "a key that `{from_type}` cannot hold is refused with SQLSTATE 22003: {from_type} out of range"
        )),
        Kind::Other => diagnostic.at_most(Severity::Info),
    };
    if to.created == key.created {
        return Some(diagnostic);
    }
    let place = super::finished::place(cx, to.created, &to.name);
    Some(diagnostic.label(to.created.file, place, "the key that it refers to is made here"))
}
