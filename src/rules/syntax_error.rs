use crate::diagnostic::Diagnostic;
use crate::rule::MigrationContext;
use crate::sql::{Item, SyntaxError, head, lex::lexemes};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    for item in &cx.script().items {
        let Item::SyntaxError(error) = item else { continue };
        out.push(report(cx, error));
    }
}

fn report(cx: &MigrationContext, error: &SyntaxError) -> Diagnostic {
    let file = cx.migration().file;
    let message = format!("the server refuses this statement: {}", error.message);
    let mut diagnostic = Diagnostic::new(file, error.span, message)
        .note(format!("SQLSTATE 42601: {}", error.message));
    if error.statement.start < error.span.start && !error.missing_semicolon {
        let begin = crate::source::Span { start: error.statement.start, end: error.span.start };
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

fn first_line(cx: &MigrationContext, span: crate::source::Span) -> crate::source::Span {
    let line = cx.file().slice(span).lines().next().unwrap_or_default().trim_end().len();
    crate::source::Span { end: span.start + crate::source::Span::new(0..line).end, ..span }
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
        (_, "\\") => "psql meta-commands work in psql only".to_owned(),
        _ => return None,
    };
    Some(help)
}
