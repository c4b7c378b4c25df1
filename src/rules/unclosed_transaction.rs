use super::in_transaction::in_case_of;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use crate::layout::TransactionMode;
use crate::rule::MigrationContext;
use crate::session::Holder;
use crate::source::Span;
use crate::sql::lex::lexemes;
use crate::sql::{Action, Item, Statement, TransactionAction, head};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    // The runner's own COMMIT closes it.
    if cx.migration().transaction == TransactionMode::Runner || !has_begin(cx) {
        return;
    }
    let last = cx.replay(|_| {});
    let open = last.transaction.filter(|transaction| transaction.holder == Holder::File);
    let Some(begin) = open.and_then(|transaction| transaction.begin) else { return };
    let behind = || cx.script().items.iter().filter(|item| item.span().start > begin.start);
    if behind().any(|item| may_close(cx, item)) {
        return;
    }
    out.push(report(cx, begin, behind().next_back()));
}

fn has_begin(cx: &MigrationContext) -> bool {
    let is_begin =
        |action: &Action| matches!(action, Action::Transaction(TransactionAction::Begin));
    cx.script().statements().any(|statement| statement.actions.iter().any(is_begin))
}

fn report(cx: &MigrationContext, begin: Span, last: Option<&Item>) -> Diagnostic {
    let file = cx.migration().file;
    let is_message = cx.migration().transaction == TransactionMode::Message;
    let runner = cx.history.set.layout.runner();
    let message = if is_message {
        format!(
            "all of this transaction may be lost: without `commit` it depends on what {runner} does next"
        )
    } else {
        "nothing of this transaction stays: without `commit` the server undoes it when the connection closes".to_owned()
    };
    let mut diagnostic = Diagnostic::new(file, begin, message)
        .place("the transaction begins here")
        .help("write `commit;` at the end")
        .note("the server reports no error; in the same session the next `begin` only warns (SQLSTATE 25001: there is already a transaction in progress), and its `commit` is for both");
    // Files without an order may be tests or scripts, which leave nothing behind on purpose.
    if is_message || cx.history.set.layout.name == "plain" {
        diagnostic = diagnostic.at_most(Severity::Warning);
    }
    if let Some(last) = last {
        diagnostic = diagnostic.label(
            file,
            head(cx.file(), last.span()),
            "it is still open behind the last statement",
        );
    }
    let statement = match last {
        Some(Item::Statement(statement)) => Some(statement),
        Some(Item::SyntaxError(_) | Item::NotAnalysed(_)) => None,
        None => cx.script().statements().find(|statement| statement.span == begin),
    };
    diagnostic.fix(statement.and_then(|statement| commit(cx, begin, statement)))
}

/// Returns whether an item that was not understood may end the transaction.
fn may_close(cx: &MigrationContext, item: &Item) -> bool {
    match item {
        Item::Statement(_) => false,
        Item::SyntaxError(error) => lexemes(cx.file().slice(error.statement))
            .any(|word| ["commit", "end", "rollback", "abort"].iter().any(|other| word.is(other))),
        Item::NotAnalysed(_) => true,
    }
}

/// Writes `commit;` behind the last statement.
fn commit(cx: &MigrationContext, begin: Span, last: &Statement) -> Option<Fix> {
    let (file, id) = (cx.file(), cx.migration().file);
    let end = last.full_end.max(last.span.end);
    // Rows of `COPY ... FROM stdin` stand behind their statement.
    if cx.script().copy_data.iter().any(|rows| rows.start >= last.span.start) {
        return None;
    }
    let rest = file.text.get(end as usize..cx.migration().section.end as usize)?;
    let line = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
    let has_semicolon = file.slice(Span { start: last.span.end, end }).contains(';');
    // A comment behind the statement stays with it.
    let is_line_rest = line.trim().is_empty() || line.trim_start().starts_with("--");
    let at = if has_semicolon && is_line_rest { end + Span::new(0..line.len()).end } else { end };
    let semicolon = if has_semicolon { "" } else { ";" };
    let word = in_case_of(file, begin, "commit");
    let edit = Edit::insert(id, at, format!("{semicolon}{}{word};", file.line_break()));
    Some(Fix::new(Applicability::Unsafe, "commit at the end", vec![edit]))
}
