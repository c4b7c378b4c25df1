use super::column_types::{is_one_of, report};
use crate::diagnostic::Diagnostic;
use crate::rule::StatementContext;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let found = report(
        cx,
        |found| is_one_of(found, &["json"]),
        |names| {
            format!(
                "`select distinct`, `group by` and `union` fail for {names}: `json` values cannot be compared"
            )
        },
        "use `jsonb`",
    );
    let note = "SQLSTATE 42883: could not identify an equality operator for type json";
    out.extend(found.into_iter().map(|diagnostic| diagnostic.note(note)));
}
