use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::MigrationContext;
use crate::source::{SourceFile, Span};
use crate::sql::head;
use crate::sql::lex::{TokenKind, lexemes};

use super::files::content;

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    match cx.history.set.layout.name {
        "goose" | "sql-migrate" => at_line_ends(cx, out),
        "liquibase" => at_semicolons(cx, out),
        _ => {}
    }
}

/// The blocks between `StatementBegin` and `StatementEnd`, which the runner sends as they are.
#[derive(Default)]
struct Blocks {
    closed: Vec<Span>,
    open: Option<Span>,
}

fn blocks(file: &SourceFile, section: Span) -> Blocks {
    let mut blocks = Blocks::default();
    let mut at = section.start;
    for line in file.slice(section).split_inclusive('\n') {
        let text = line.trim_end();
        let is = |word: &str| {
            let rest = text.trim_start_matches(['-', ' ']);
            let rest = rest.strip_prefix("+goose").or_else(|| rest.strip_prefix("+migrate"));
            text.starts_with("--")
                && rest.is_some_and(|rest| rest.trim().eq_ignore_ascii_case(word))
        };
        if is("StatementBegin") {
            blocks.open = blocks.open.or(content(line, at));
        } else if is("StatementEnd")
            && let Some(begin) = blocks.open.take()
        {
            blocks.closed.push(Span { start: begin.start, end: at });
        }
        at += Span::new(0..line.len()).end;
    }
    blocks
}

/// goose and sql-migrate cut a script at each line that ends in `;`, wherever it stands.
fn at_line_ends(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let (migration, file) = (cx.migration(), cx.file());
    let runner = cx.history.set.layout.title;
    let blocks = blocks(file, migration.section);
    if let Some(begin) = blocks.open {
        let name = cx.history.file_name(migration);
        let message =
            format!("{runner} stops with an error: a statement block of `{name}` never ends");
        let word = if runner == "goose" { "+goose" } else { "+migrate" };
        out.push(
            Diagnostic::new(migration.file, begin, message)
                .help(format!("write `-- {word} StatementEnd` behind the statement")),
        );
        return;
    }
    for item in &cx.script().items {
        let span = item.span();
        if blocks.closed.iter().any(|block| block.contains(span)) {
            continue;
        }
        let Some(cut) = line_end(file, span) else { continue };
        let word = if runner == "goose" { "+goose" } else { "+migrate" };
        let direction = match migration.direction {
            Direction::Up => "",
            Direction::Down => " on the way down",
        };
        let message = format!(
            "{runner} cuts this statement in two, and the server refuses the first part{direction}"
        );
        out.push(
            Diagnostic::new(migration.file, head(file, span), message)
                .label(
                    migration.file,
                    cut,
                    "it ends here for the runner: a `;` at the end of a line",
                )
                .help(format!(
                    "put it between `-- {word} StatementBegin` and `-- {word} StatementEnd`"
                )),
        );
    }
}

/// Returns the first `;` inside a statement that is the last word of its line, as the runners read lines:
/// words between blanks, up to one that begins a comment.
fn line_end(file: &SourceFile, statement: Span) -> Option<Span> {
    let text = file.slice(statement);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let is_last = at + line.len() == text.len();
        let words = line.split_whitespace().take_while(|word| !word.starts_with("--"));
        // What ends the statement itself stands behind it.
        if let Some(word) = words.last().filter(|word| word.ends_with(';') && !is_last) {
            let offset = word.as_ptr() as usize - text.as_ptr() as usize + word.len();
            return Some(Span::new(offset - 1..offset).shift(statement.start));
        }
        at += line.len();
    }
    None
}

/// Liquibase cuts a changeset at each `;`, also between dollar quotes, if it is not told otherwise.
fn at_semicolons(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let (migration, file) = (cx.migration(), cx.file());
    let line =
        file.slice(migration.section).lines().next().unwrap_or_default().to_ascii_lowercase();
    let is_formatted = line.trim_start_matches(['-', ' ', '\t']).starts_with("changeset");
    let is_told = line.contains("splitstatements:false") || line.contains("enddelimiter:");
    if !is_formatted || is_told {
        return;
    }
    for item in &cx.script().items {
        let span = item.span();
        let text = file.slice(span);
        let body = lexemes(text).find(|lexeme| {
            lexeme.kind == TokenKind::String
                && lexeme.text.starts_with('$')
                && lexeme.text.contains(';')
        });
        let Some(body) = body else { continue };
        let at = body.start + body.text.find(';').unwrap_or_default();
        let cut = Span::new(at..at + 1).shift(span.start);
        out.push(
            Diagnostic::new(
                migration.file,
                head(file, span),
                "Liquibase cuts this statement in two, and the server refuses the first part",
            )
            .label(migration.file, cut, "it ends here for the runner, dollar quotes or not")
            .help("write `splitStatements:false` or `endDelimiter:@@` behind author and id of the changeset"),
        );
    }
}
