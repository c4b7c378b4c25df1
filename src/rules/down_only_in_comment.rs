use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Severity};
use crate::layout::{Down, DownStyle, Migration, TransactionMode};
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::{self, ChunkKind};

use super::files::{at_once, first_line, is_many, length, list};

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let commented: Vec<(&Migration, FileId, Span)> = cx
        .set
        .ups()
        .filter_map(|(_, up)| match up.down {
            Down::Commented { file, section } => Some((up, file, section)),
            Down::Missing | Down::Empty { .. } | Down::NotRead | Down::Present => None,
        })
        .collect();
    match commented.first() {
        Some(first) if cx.set.layout.downs == DownStyle::Habit && is_many(commented.len()) => {
            out.push(report_all(cx, &commented, first));
        }
        _ => {
            out.extend(commented.iter().map(|(up, file, section)| report(cx, up, *file, *section)));
        }
    }
}

fn report(cx: &HistoryContext, up: &Migration, id: FileId, section: Span) -> Diagnostic {
    let layout = cx.set.layout;
    let file = cx.sources.get(id);
    let name = cx.file_name(up);
    let place = if id == up.file {
        format!("the down of `{name}` is commented out")
    } else {
        format!("all of `{}` is commented out", cx.path(id))
    };
    let message = match layout.empty_down.sentence() {
        "" => format!("nothing takes `{name}` back: its down is commented out"),
        consequence => format!("{}: {place}", at_once(consequence)),
    };
    let diagnostic = Diagnostic::new(id, first_line(file, section), message);
    if layout.downs == DownStyle::Habit {
        return diagnostic
            .help("move the statements to a file of their own that the team can run")
            .at_most(Severity::Info);
    }
    diagnostic
        .help("take the comment marks away, and try the down on a copy")
        .fix(uncomment(up, file, id, section))
}

fn report_all(
    cx: &HistoryContext,
    all: &[(&Migration, FileId, Span)],
    first: &(&Migration, FileId, Span),
) -> Diagnostic {
    let names: Vec<String> = all.iter().map(|(up, ..)| cx.file_name(up)).collect();
    let message = format!(
        "nothing takes {} of {} migrations back, for their downs are commented out: {}",
        all.len(),
        cx.set.ups().count(),
        list(&names)
    );
    Diagnostic::new(first.1, first_line(cx.sources.get(first.1), first.2), message)
        .help("move the statements to files of their own that the team can run")
        .at_most(Severity::Info)
}

/// A comment line: where its marks begin, how long they are, and what they hide.
struct Line<'a> {
    marks: Span,
    body: &'a str,
}

/// Takes the comment marks off the lines that hold the statements, where it is certain which ones do.
fn uncomment(up: &Migration, file: &SourceFile, id: FileId, section: Span) -> Option<Fix> {
    let lines = comment_lines(file, section);
    let mut edits = Vec::new();
    let mut result = String::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        match statement_at(&lines[at..]) {
            // The runner holds the transaction that the comment would open and close.
            Some(_)
                if is_transaction_control(line.body)
                    && up.transaction == TransactionMode::Runner => {}
            Some(count) => {
                for line in &lines[at..at + count] {
                    edits.push(Edit::remove(id, line.marks));
                    result.push_str(line.body);
                    result.push('\n');
                }
                at += count;
                continue;
            }
            // Prose, or a statement that is not complete: a down that lacks one is worse than none.
            None if begins_statement(line.body) => return None,
            None => {}
        }
        at += 1;
    }
    // Some runners cut dollar-quoted bodies at their semicolons.
    let is_good = !edits.is_empty() && !result.contains('$') && is_sql(&result);
    is_good.then(|| Fix::new(Applicability::Unsafe, "take the comment marks away", edits))
}

fn comment_lines(file: &SourceFile, section: Span) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut at = section.start;
    for line in file.slice(section).split_inclusive('\n') {
        let indent = length(line) - length(line.trim_start());
        if let Some(body) = line.trim_start().strip_prefix("--") {
            let start = at + indent;
            let blank = u32::from(body.starts_with(' '));
            let body = body.strip_prefix(' ').unwrap_or(body).trim_end();
            lines.push(Line { marks: Span { start, end: start + 2 + blank }, body });
        }
        at += length(line);
    }
    lines
}

/// The longest statement that is looked for in comments, in lines.
const LONGEST: usize = 100;

/// Returns how many of the lines, from the first one on, make up whole statements.
fn statement_at(lines: &[Line]) -> Option<usize> {
    let first = lines.first()?.body;
    if is_transaction_control(first) {
        return is_sql(first).then_some(1);
    }
    if !begins_statement(first) {
        return None;
    }
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate().take(LONGEST) {
        text.push_str(line.body);
        text.push('\n');
        if line.body.ends_with(';') && is_sql(&text) {
            return Some(at + 1);
        }
    }
    None
}

/// Returns whether `text` is nothing but whole statements.
fn is_sql(text: &str) -> bool {
    let chunks = sql::split(text);
    let mut statements = chunks.iter().filter(|chunk| chunk.kind != ChunkKind::Comment).peekable();
    statements.peek().is_some()
        && statements.all(|chunk| {
            chunk.kind == ChunkKind::Statement && sql::is_statement(&text[chunk.span.range()])
        })
}

fn first_word(text: &str) -> String {
    let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next();
    word.unwrap_or_default().to_ascii_lowercase()
}

fn begins_statement(text: &str) -> bool {
    matches!(
        first_word(text).as_str(),
        "alter"
            | "comment"
            | "create"
            | "delete"
            | "do"
            | "drop"
            | "grant"
            | "insert"
            | "revoke"
            | "select"
            | "set"
            | "truncate"
            | "update"
    )
}

fn is_transaction_control(text: &str) -> bool {
    text.ends_with(';')
        && matches!(first_word(text).as_str(), "begin" | "commit" | "rollback" | "start" | "end")
}
