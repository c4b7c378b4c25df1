//! Comments that silence rules: `-- lockmaster: ignore <rule>[, <rule>] -- reason`.

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Sources;
use crate::rules;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::lex::{TokenKind, token};
use crate::sql::{Chunk, ChunkKind, split};

/// The name under which a comment that silences nothing is reported.
pub const UNUSED: &str = "unused-suppression";

/// A comment that silences rules.
#[derive(Clone, Debug)]
struct Suppression {
    file: FileId,
    /// The comment.
    comment: Span,
    /// The rules; empty for all.
    rules: Vec<String>,
    /// Where diagnostics are silenced; nothing for the whole file.
    reach: Option<Span>,
    is_used: bool,
}

/// Takes away the diagnostics that a comment silences, and adds one for each comment that silences
/// nothing or names no rule. Returns how many were taken away.
///
/// `shows` says whether a file's own diagnostics are wanted.
pub fn apply(
    diagnostics: &mut Vec<Diagnostic>,
    sources: &Sources,
    shows: impl Fn(FileId) -> bool,
) -> usize {
    let mut suppressions: Vec<Suppression> = Vec::new();
    for (at, file) in sources.files.iter().enumerate() {
        let id = FileId(u32::try_from(at).unwrap_or(u32::MAX));
        if shows(id) && file.text.contains(MARK) {
            suppressions.extend(read(file, id));
        }
    }
    if suppressions.is_empty() {
        return 0;
    }
    let before = diagnostics.len();
    diagnostics.retain(|diagnostic| {
        let mut is_kept = true;
        // They come in the order of the files.
        let from = suppressions.partition_point(|one| one.file < diagnostic.file);
        let to = suppressions.partition_point(|one| one.file <= diagnostic.file);
        for suppression in &mut suppressions[from..to] {
            if suppression.silences(diagnostic) {
                suppression.is_used = true;
                is_kept = false;
            }
        }
        is_kept
    });
    let silenced = before - diagnostics.len();
    for suppression in &suppressions {
        diagnostics.extend(complaint(suppression));
    }
    silenced
}

const MARK: &str = "lockmaster:";

impl Suppression {
    fn silences(&self, diagnostic: &Diagnostic) -> bool {
        let is_named =
            self.rules.is_empty() || self.rules.iter().any(|rule| rule == diagnostic.rule);
        let is_here = self.reach.is_none_or(|reach| {
            reach.start <= diagnostic.span.start && diagnostic.span.start <= reach.end
        });
        self.file == diagnostic.file && is_named && is_here
    }
}

/// Returns what is wrong with a comment, if anything is.
fn complaint(suppression: &Suppression) -> Option<Diagnostic> {
    let report = |message: String| {
        let mut diagnostic = Diagnostic::new(suppression.file, suppression.comment, message);
        diagnostic.rule = UNUSED;
        diagnostic.severity = Severity::Warning;
        diagnostic
    };
    let known = rules::RULES.iter().map(|rule| rule.name);
    let unknown = suppression.rules.iter().find(|name| !known.clone().any(|rule| rule == **name));
    if let Some(name) = unknown {
        let near = crate::config::nearest(name, known);
        let diagnostic =
            report(format!("this comment silences nothing: there is no rule `{name}`"));
        return Some(match near {
            Some(near) => diagnostic.help(format!("did you mean `{near}`?")),
            None => diagnostic.help("`lockmaster rules` lists the rules"),
        });
    }
    (!suppression.is_used).then(|| {
        let what = match &suppression.rules[..] {
            [] => "there is nothing to ignore here".to_owned(),
            rules => format!("`{}` reports nothing here", rules.join("`, `")),
        };
        report(format!("this comment silences nothing: {what}")).help("remove the comment")
    })
}

/// Reads the comments of a file.
fn read(file: &SourceFile, id: FileId) -> Vec<Suppression> {
    let mut statements = split(&file.text);
    statements.retain(|chunk| chunk.kind == ChunkKind::Statement);
    let mut found = Vec::new();
    let mut at = file.text_start();
    while at < file.text.len() {
        let token = token(&file.text[at..]);
        if token.kind == TokenKind::Comment {
            let comment = Span::new(at..at + token.len);
            if let Some((rules, whole_file)) = directive(file.slice(comment)) {
                let reach = (!whole_file).then(|| reach(file, &statements, comment));
                found.push(Suppression { file: id, comment, rules, reach, is_used: false });
            }
        }
        at += token.len;
    }
    found
}

/// Reads `lockmaster: ignore a, b -- reason`; says whether it is about the whole file.
fn directive(comment: &str) -> Option<(Vec<String>, bool)> {
    let body =
        comment.trim_start_matches(['-', '/', '*', ' ']).trim_end_matches(['*', '/', ' ', '\r']);
    let rest = body.strip_prefix(MARK)?.trim_start();
    let (rest, whole_file) = match rest.strip_prefix("ignore-file") {
        Some(rest) => (rest, true),
        None => (rest.strip_prefix("ignore")?, false),
    };
    let list = rest.split("--").next().unwrap_or_default();
    let rules = list.split([',', ' ', '\t', '\n']).map(str::trim).filter(|word| !word.is_empty());
    Some((rules.map(str::to_owned).collect(), whole_file))
}

/// Returns what a comment silences: its own line if a statement stands on it, else the next statement.
/// The statements are those of the file, in order.
fn reach(file: &SourceFile, statements: &[Chunk], comment: Span) -> Span {
    let line = file.line_range(file.line_index(comment.start as usize)).unwrap_or_default();
    let before = file.text.get(line.start..comment.start as usize).unwrap_or_default();
    let here = Span::new(line);
    let next = statements.partition_point(|chunk| chunk.span.start < comment.start);
    let last = next.checked_sub(1).and_then(|last| statements.get(last));
    if !before.trim().is_empty() {
        // The statement that ends on this line, or goes on over it, may begin on an earlier one.
        let around = last.filter(|chunk| chunk.full_end > here.start);
        let start = around.map_or(here.start, |chunk| chunk.span.start.min(here.start));
        return Span { start, end: comment.end };
    }
    let inside = last.filter(|chunk| chunk.span.contains(comment));
    inside.or(statements.get(next)).map_or(comment, |chunk| Span {
        start: comment.start.min(chunk.span.start),
        end: chunk.span.end,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str, at: &[&str]) -> Vec<String> {
        let file = SourceFile::new("a.sql", text.to_owned());
        let mut diagnostics: Vec<Diagnostic> = at
            .iter()
            .map(|needle| {
                let start = text.find(needle).expect("the text holds it");
                let mut d = Diagnostic::new(FileId(0), Span::new(start..start + 1), *needle);
                d.rule = "blocking-index";
                d
            })
            .collect();
        let sources = Sources { files: vec![file] };
        apply(&mut diagnostics, &sources, |_| true);
        diagnostics.into_iter().map(|d| d.message).collect()
    }

    #[test]
    fn a_comment_silences_the_next_statement_only() {
        let text = "-- lockmaster: ignore blocking-index -- tiny table\ncreate index a on t (a);\ncreate index b on t (b);";
        assert_eq!(left(text, &["create index a", "create index b"]), ["create index b"]);
    }

    #[test]
    fn a_comment_behind_a_statement_silences_it() {
        let text = "create index a\n  on t (a); -- lockmaster: ignore blocking-index\ncreate index b on t (b);";
        assert_eq!(left(text, &["create index a", "create index b"]), ["create index b"]);
    }

    #[test]
    fn a_file_can_be_ignored() {
        let text = "create index a on t (a);\n/* lockmaster: ignore-file */\n";
        assert_eq!(left(text, &["create index a"]), Vec::<String>::new());
    }

    #[test]
    fn a_comment_that_silences_nothing_is_reported() {
        let text = "-- lockmaster: ignore blocking-index\nselect 1;";
        assert_eq!(
            left(text, &[]),
            ["this comment silences nothing: `blocking-index` reports nothing here"]
        );
        let text = "-- lockmaster: ignore blocking-indx\nselect 1;";
        assert_eq!(
            left(text, &[]),
            ["this comment silences nothing: there is no rule `blocking-indx`"]
        );
    }
}
