use super::column_types::{is_one_of, report};
use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    out.extend(report(
        cx,
        |found| is_one_of(found, &["timestamp"]),
        |names| format!("without a time zone nothing tells the moment of {names}"),
        "use `timestamptz`",
    ));
}
