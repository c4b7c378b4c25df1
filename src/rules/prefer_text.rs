use super::column_types::{is_one_of, report};
use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;
use crate::sql::TypeName;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let is_limited = |found: &TypeName| {
        is_one_of(found, &["varchar"]) && !found.modifiers.is_empty()
            || is_one_of(found, &["bpchar"])
    };
    out.extend(report(
        cx,
        is_limited,
        |names| format!("another limit for {names} will mean another type"),
        "use `text`, with a check constraint where a limit is needed",
    ));
}
