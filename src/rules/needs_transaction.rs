use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::lex::lexemes;
use crate::sql::{Action, TransactionAction};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.state.holder() != Holder::Nobody {
        return;
    }
    let Some(command) = command(cx) else { return };
    let set = cx.migration.history.set;
    let mut diagnostic = cx
        .report(format!(
            "the server refuses this: `{}` needs a transaction, and none is open here",
            command.to_ascii_lowercase()
        ))
        .note(format!("SQLSTATE 25P01: {command} can only be used in transaction blocks"))
        .help("begin a transaction before it, and commit it behind the statements that it is for");
    if set.assumed {
        diagnostic = diagnostic
            .note("whether the runner opens a transaction is not known: `transaction` in lockmaster.toml says so")
            .at_most(Severity::Warning);
    }
    out.push(diagnostic);
}

/// Returns what a statement is called in the server's answer, if it works only in a transaction.
///
/// Source: `RequireTransactionBlock` in PostgreSQL's `utility.c` and `xact.c`; oracle cases
/// `maintenance.lock_outside`, `misc.savepoint_outside`, `misc.declare_cursor_outside`.
fn command(cx: &StatementContext) -> Option<&'static str> {
    let action = cx.statement.actions.iter().find_map(|action| match action {
        Action::Lock { .. } => Some("LOCK TABLE"),
        Action::Transaction(TransactionAction::Savepoint(_)) => Some("SAVEPOINT"),
        Action::Transaction(TransactionAction::Release(_)) => Some("RELEASE SAVEPOINT"),
        Action::Transaction(TransactionAction::RollbackTo(_)) => Some("ROLLBACK TO SAVEPOINT"),
        _ => None,
    });
    action.or_else(|| is_short_cursor(cx.statement.text(cx.file())).then_some("DECLARE CURSOR"))
}

/// Returns whether a statement declares a cursor that ends with its transaction.
fn is_short_cursor(text: &str) -> bool {
    let mut words = lexemes(text).map(|lexeme| lexeme.text.to_ascii_lowercase());
    if words.next().as_deref() != Some("declare") {
        return false;
    }
    let options: Vec<String> = words.take_while(|word| word != "for").collect();
    !options.windows(2).any(|pair| pair == ["with", "hold"])
}
