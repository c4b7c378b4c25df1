use super::syntax_error::runs_in_psql;
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::MOST_ACTS;
use crate::layout::Direction;
use crate::rule::MigrationContext;
use crate::source::EncodingProblem;
use crate::sql::{Action, Item, NotAnalysed, NotAnalysedReason, Statement, head};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    encoding(cx, out);
    for item in &cx.script().items {
        match item {
            // Reported as a syntax error.
            Item::NotAnalysed(NotAnalysed {
                reason: NotAnalysedReason::MetaCommand(_), ..
            }) if !runs_in_psql(cx) => {}
            Item::NotAnalysed(text) => {
                let span = head(cx.file(), text.span);
                let report = |message: String| Diagnostic::new(cx.migration().file, span, message);
                out.push(match &text.reason {
                    NotAnalysedReason::Host(reason, is_minor) => {
                        let made = report(reason.clone());
                        if *is_minor { made.at_most(Severity::Info) } else { made }
                    }
                    NotAnalysedReason::Template if cx.file().embedded.is_some() => report(
                        "this text was not analysed: a part of it is known only at run time"
                            .to_owned(),
                    ),
                    NotAnalysedReason::Template => report(
                        "a template decides what is sent: this text was not analysed".to_owned(),
                    )
                    .help("lint the SQL that the template makes: `... | lockmaster lint -`"),
                    NotAnalysedReason::MetaCommand(command) => meta_command(command, report),
                    NotAnalysedReason::Parser(message) => {
                        report(format!("this statement was not analysed: {message}"))
                    }
                });
            }
            Item::Statement(statement) => {
                if !dynamic(cx, statement, out) {
                    unfollowed(cx, statement, out);
                }
                long(cx, statement, out);
            }
            Item::SyntaxError(_) => {}
        }
    }
}

fn meta_command(command: &str, report: impl Fn(String) -> Diagnostic) -> Diagnostic {
    let word = command.split_whitespace().next().unwrap_or_default();
    let what = match word {
        "\\i" | "\\ir" | "\\include" | "\\include_relative" => "runs another file, which",
        "\\c" | "\\connect" => "goes on in another database: what follows",
        "\\gexec" => "executes what a query returns, which",
        "\\!" => "runs a shell command, which",
        "\\o" => "sends output elsewhere, which",
        _ => "decides at run time what is executed: it",
    };
    report(format!("psql's `{word}` {what} was not analysed"))
}

fn encoding(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let report = |span, message: String| Diagnostic::new(cx.migration().file, span, message);
    out.extend(match &cx.file().encoding {
        None => None,
        Some(EncodingProblem::InvalidUtf8 { first, byte, count }) => Some(
            report(*first, format!("byte 0x{byte:02x} is not UTF-8: a server that expects UTF-8 refuses the file"))
                .note(format!("SQLSTATE 22021: invalid byte sequence for encoding \"UTF8\"; {count} such byte(s) in this file"))
                .help("save the file as UTF-8"),
        ),
        Some(EncodingProblem::Nul { first }) => Some(
            report(*first, "a zero byte cannot be sent to PostgreSQL: what comes after it is refused or lost".to_owned())
                .help("remove the zero byte"),
        ),
        Some(EncodingProblem::Utf16) => Some(
            report(crate::source::Span::at(0), "the file is UTF-16, which PostgreSQL does not read: nothing in it was analysed".to_owned())
                .help("save the file as UTF-8"),
        ),
    });
}

/// Reports a statement that does more than the rules about locks look at.
fn long(cx: &MigrationContext, statement: &Statement, out: &mut Vec<Diagnostic>) {
    let count = |action: &Action| match action {
        Action::Do(block) => block.actions.len(),
        _ => 1,
    };
    if statement.actions.iter().map(count).sum::<usize>() > MOST_ACTS {
        let span = head(cx.file(), statement.span);
        let message = format!(
            "this statement does more than {MOST_ACTS} things: what those behind them lock and rewrite was not analysed"
        );
        out.push(Diagnostic::new(cx.migration().file, span, message).at_most(Severity::Info));
    }
}

/// Reports SQL that a `DO` block puts together at run time; returns whether there is any.
fn dynamic(cx: &MigrationContext, statement: &Statement, out: &mut Vec<Diagnostic>) -> bool {
    let is_dynamic =
        statement.actions.iter().any(|a| matches!(a, Action::Do(block) if block.is_dynamic));
    if is_dynamic {
        let message =
            "this block executes SQL that it puts together at run time: that SQL was not analysed";
        out.push(report(cx, statement, message));
    }
    is_dynamic
}

/// Reports a call of a function of which nobody can say what it makes or drops.
fn unfollowed(cx: &MigrationContext, statement: &Statement, out: &mut Vec<Diagnostic>) {
    let last = &cx.history.last.catalog;
    let is_up = cx.migration().direction == Direction::Up;
    if is_up && last.is_unfollowed(cx.migration().file, statement.span.start) {
        let message = "this statement changes the schema in a way that only a server can tell: what it makes or drops was not analysed";
        out.push(report(cx, statement, message));
    }
}

fn report(cx: &MigrationContext, statement: &Statement, message: &str) -> Diagnostic {
    let span = head(cx.file(), statement.span);
    Diagnostic::new(cx.migration().file, span, message).at_most(Severity::Info)
}
