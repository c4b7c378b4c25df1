use std::collections::BTreeMap;

use crate::diagnostic::Diagnostic;
use crate::rule::MigrationContext;
use crate::source::Span;
use crate::sql::{Item, SyntaxError, head, lex::lexemes};

/// From so many statements on that are refused in the same way, only the first is reported.
const MANY: usize = 4;

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let mut by_message: BTreeMap<&str, Vec<&SyntaxError>> = BTreeMap::new();
    for item in &cx.script().items {
        let Item::SyntaxError(error) = item else { continue };
        by_message.entry(&error.message).or_default().push(error);
    }
    for errors in by_message.values() {
        match &errors[..] {
            [first, others @ ..] if errors.len() >= MANY => {
                let note = format!(
                    "{} more statements of this migration are refused with the same message",
                    others.len()
                );
                out.push(report(cx, first).note(note));
            }
            few => out.extend(few.iter().map(|error| report(cx, error))),
        }
    }
    if !runs_in_psql(cx) {
        out.extend(cx.script().meta_commands.iter().map(|&span| meta_command(cx, span)));
    }
}

/// Returns whether psql reads the file, or may do so, since the runner is not known.
pub(super) fn runs_in_psql(cx: &MigrationContext) -> bool {
    let layout = cx.history.set.layout;
    layout.assumed || matches!(layout.name, "psql" | "sqitch" | "shmig")
}

fn meta_command(cx: &MigrationContext, span: Span) -> Diagnostic {
    let command = cx.file().slice(span).split_whitespace().next().unwrap_or_default();
    let title = cx.history.set.layout.title;
    Diagnostic::new(
        cx.migration().file,
        span,
        format!("the server refuses psql's `{command}`, which {title} sends like any statement"),
    )
    .note("SQLSTATE 42601: syntax error at or near \"\\\"")
    .help(format!("remove `{command}`, or put into the file what it stands for"))
}

fn report(cx: &MigrationContext, error: &SyntaxError) -> Diagnostic {
    let file = cx.migration().file;
    let message = format!("the server refuses this statement: {}", error.message);
    let mut diagnostic = Diagnostic::new(file, error.span, message).note("SQLSTATE 42601");
    if error.statement.start < error.span.start && !error.missing_semicolon {
        let begin = Span { start: error.statement.start, end: error.span.start };
        if cx.file().slice(begin).contains('\n') {
            let line = head(cx.file(), begin);
            diagnostic = diagnostic.label(file, first_line(cx, line), "the statement begins here");
        }
    }
    let text = cx.file().slice(error.statement);
    match known_mistake(text, &error.message).or(error.hint.clone()) {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}

fn first_line(cx: &MigrationContext, span: Span) -> Span {
    let line = cx.file().slice(span).lines().next().unwrap_or_default().trim_end().len();
    Span { end: span.start + Span::new(0..line).end, ..span }
}

/// Returns what to do about habits from other databases.
fn known_mistake(text: &str, message: &str) -> Option<String> {
    let near = message.split('"').nth(1).unwrap_or_default().to_ascii_lowercase();
    let first = lexemes(text).next().map(|word| word.text.to_ascii_lowercase())?;
    let help = match (first.as_str(), near.as_str()) {
        ("update" | "delete", "limit" | "order") => format!(
            "`{first}` has no `{near}` in PostgreSQL; pick the rows in a subquery: `where ctid in (select ctid from ... limit 1000)`"
        ),
        (_, "auto_increment") => {
            "PostgreSQL has `generated always as identity`, not `auto_increment`".to_owned()
        }
        (_, "`") => "PostgreSQL quotes names with \", not with `".to_owned(),
        (_, "engine") => "remove the `engine` clause: this is MySQL's syntax".to_owned(),
        ("drop", "on") if text.to_ascii_lowercase().contains("index") => {
            "an index has a name of its own: `drop index name`, without its table".to_owned()
        }
        (_, "\\") => "psql meta-commands work in psql only".to_owned(),
        _ => return None,
    };
    Some(help)
}
