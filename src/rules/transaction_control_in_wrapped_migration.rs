use super::in_transaction::{refused, removal, runner};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use crate::layout::{OptOut, TransactionMode};
use crate::rule::{MigrationContext, StatementContext};
use crate::sql::lex::lexemes;
use crate::sql::{Action, Item, Statement, TransactionAction};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    if cx.migration().transaction != TransactionMode::Runner {
        return;
    }
    let controls: Vec<&Statement> =
        cx.script().statements().filter(|statement| kind(statement).is_some()).collect();
    let Some(first) = controls.first() else { return };
    cx.replay(|statement| {
        if statement.statement.span == first.span {
            out.extend(report(statement, &controls));
        }
    });
}

/// Returns what a statement does to the transaction as a whole; savepoints are harmless.
fn kind(statement: &Statement) -> Option<&TransactionAction> {
    statement.transaction_action().filter(|action| match action {
        TransactionAction::Begin
        | TransactionAction::Commit
        | TransactionAction::Rollback
        | TransactionAction::Prepare => true,
        TransactionAction::Savepoint(_)
        | TransactionAction::Release(_)
        | TransactionAction::RollbackTo(_)
        | TransactionAction::FinishPrepared => false,
    })
}

/// Reports at the first of the statements, to which `cx` belongs.
fn report(cx: &StatementContext, controls: &[&Statement]) -> Option<Diagnostic> {
    let runner = runner(cx);
    let layout = cx.migration.history.set.layout;
    let begins = kind(cx.statement) == Some(&TransactionAction::Begin);
    let is_end = |statement: &&&Statement| kind(statement) != Some(&TransactionAction::Begin);
    let Some(end) = controls.iter().find(is_end) else {
        let message = format!("`begin` does nothing: {runner} has opened a transaction already");
        let diagnostic =
            cx.report(message).help("remove it").note(NESTED).at_most(Severity::Warning);
        return Some(cx.explain_transaction(diagnostic));
    };
    // A lone COMMIT is there on purpose: to let what follows run outside of the transaction.
    let freed = if begins { None } else { freed(cx) };
    if freed.is_some() && layout.sends_whole_file(TransactionMode::Runner) {
        // It does not help there: what is refused is reported where it stands.
        return None;
    }
    let mut diagnostic =
        cx.report(message(cx, end, freed)).help(advice(cx, begins, freed.is_some()));
    if begins {
        diagnostic = diagnostic.place("only warns: a transaction is open already").note(NESTED);
    }
    diagnostic = diagnostic.note(format!(
        "to the `commit` that {runner} sends in the end the server answers with a warning, SQLSTATE 25P01: there is no transaction in progress"
    ));
    let file = cx.migration.migration().file;
    for other in controls.iter().skip(1).take(9) {
        let message = match kind(other) {
            Some(TransactionAction::Begin) => "a transaction of the file's own",
            _ if other.span == end.span => "this ends it",
            _ => "and again",
        };
        diagnostic = diagnostic.label(file, other.span, message);
    }
    let has_no_other_way = matches!(layout.opt_out, None | Some(OptOut::Advice(_)));
    if freed.is_some() && has_no_other_way {
        diagnostic = diagnostic.at_most(Severity::Info);
    } else if !begins && kind(end) == Some(&TransactionAction::Commit) || is_last(cx, end) {
        diagnostic = diagnostic.at_most(Severity::Warning);
    }
    Some(cx.explain_transaction(diagnostic.fix(without_pair(cx, controls))))
}

const NESTED: &str = "SQLSTATE 25001: there is already a transaction in progress (a warning)";

fn message(cx: &StatementContext, end: &Statement, freed: Option<&str>) -> String {
    let runner = runner(cx);
    let word = word(cx, end);
    let whose = format!("`{word}` ends the transaction that {runner} opened");
    match (kind(end), freed) {
        (Some(TransactionAction::Rollback), _) => {
            format!("{whose}: what came before is undone, what follows is outside of it")
        }
        (_, Some(command)) => format!(
            "{whose}, so that `{}` can run: an error further on no longer undoes the migration",
            command.to_ascii_lowercase()
        ),
        _ if is_last(cx, end) && cx.migration.history.set.layout.all_pending => {
            format!("{whose}: an error in a later migration no longer undoes this one")
        }
        _ if is_last(cx, end) => {
            format!("{whose}: the migration stays even if {runner} then fails to record it")
        }
        _ => format!("{whose}: an error further on no longer undoes the migration"),
    }
}

/// Returns whether a statement is the last of its migration.
fn is_last(cx: &StatementContext, statement: &Statement) -> bool {
    cx.migration.script().items.last().is_some_and(|item| item.span() == statement.span)
}

fn advice(cx: &StatementContext, begins: bool, frees: bool) -> String {
    let layout = cx.migration.history.set.layout;
    let runner = layout.runner();
    match &layout.opt_out {
        Some(OptOut::FirstLine(line)) if frees => {
            format!(
                "begin the file with `{line}` instead, and keep what needs a transaction elsewhere"
            )
        }
        Some(OptOut::Advice(text)) if frees => (*text).to_owned(),
        _ if begins => format!("remove `begin` and `commit`: {runner} holds the transaction"),
        _ => "remove it, and put what follows into a migration of its own".to_owned(),
    }
}

/// Returns the statement for which a lone `commit` makes room: one that is refused in a transaction.
fn freed(cx: &StatementContext) -> Option<&'static str> {
    let behind =
        cx.migration.script().items.iter().skip_while(|item| item.span() != cx.statement.span);
    let statements = behind.skip(1).filter_map(|item| match item {
        Item::Statement(statement) => Some(statement),
        _ => None,
    });
    statements.flat_map(|statement| &statement.actions).find_map(|action| refused(cx, action))
}

/// Returns the word with which a statement ends the transaction.
fn word(cx: &StatementContext, statement: &Statement) -> String {
    let words = lexemes(statement.text(cx.file()));
    words.map(|word| word.text.to_ascii_lowercase()).next().unwrap_or_default()
}

/// Takes `begin` and `commit` away where they are one pair around all that the migration does.
fn without_pair(cx: &StatementContext, controls: &[&Statement]) -> Option<Fix> {
    let [begin, commit] = controls else { return None };
    let is_pair = kind(begin) == Some(&TransactionAction::Begin)
        && kind(commit) == Some(&TransactionAction::Commit);
    let items = &cx.migration.script().items;
    let is_setting = |item: &&Item| matches!(item, Item::Statement(s) if s.actions.iter().all(|action| matches!(action, Action::Set(_))));
    let first = items.iter().find(|item| !is_setting(item))?;
    let is_around = first.span() == begin.span && items.last()?.span() == commit.span;
    if !is_pair || !is_around {
        return None;
    }
    let file = cx.migration.migration().file;
    let edits = [begin, commit].map(|statement| Edit::remove(file, removal(cx.file(), statement)));
    Some(Fix::new(Applicability::Unsafe, "remove `begin` and `commit`", edits.to_vec()))
}
