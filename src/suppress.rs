//! Comments that silence rules: `-- lockmaster: ignore <rule>[, <rule>] -- reason`.

use std::collections::{HashMap, HashSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::embedded::Embedded;
use crate::layout::Sources;
use crate::rules;
use crate::source::{FileId, SourceFile, Span};
use crate::sql::lex::{TokenKind, token};
use crate::sql::{ChunkKind, split};

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
    /// Where diagnostics are silenced.
    reach: Span,
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
    let hosts: HashSet<FileId> =
        sources.files.iter().filter_map(|file| Some(file.embedded.as_ref()?.host)).collect();
    for (at, file) in sources.files.iter().enumerate() {
        let id = FileId(u32::try_from(at).unwrap_or(u32::MAX));
        if !shows(id) || hosts.contains(&id) {
            continue;
        }
        match &file.embedded {
            Some(embedded) => suppressions.extend(read_embedded(file, embedded, sources)),
            None if file.text.contains(MARK) => suppressions.extend(read(file, id)),
            None => {}
        }
    }
    if suppressions.is_empty() {
        return 0;
    }
    let places = Places::new(diagnostics);
    let silent = Silent::new(&suppressions);
    let before = diagnostics.len();
    diagnostics.retain(|diagnostic| !silent.covers(diagnostic));
    let silenced = before - diagnostics.len();
    for suppression in &suppressions {
        diagnostics.extend(complaint(suppression, places.has_any(suppression)));
    }
    silenced
}

/// Returns whether a file may hold a comment that silences rules.
pub fn is_used(sources: &Sources) -> bool {
    sources.files.iter().any(|file| file.text.contains(MARK))
}

const MARK: &str = "lockmaster:";

/// A rule in a file; nothing for every rule.
type Key<'a> = (FileId, Option<&'a str>);

/// Where diagnostics begin. There may be as many of them as comments, and many of both.
struct Places<'a>(HashMap<Key<'a>, Vec<u32>>);

impl Places<'_> {
    fn new(diagnostics: &[Diagnostic]) -> Self {
        let mut places: HashMap<Key, Vec<u32>> = HashMap::new();
        for diagnostic in diagnostics {
            for rule in [None, Some(diagnostic.rule)] {
                places.entry((diagnostic.file, rule)).or_default().push(diagnostic.span.start);
            }
        }
        places.values_mut().for_each(|starts| starts.sort_unstable());
        Self(places)
    }

    /// Returns whether a suppression silences anything.
    fn has_any(&self, suppression: &Suppression) -> bool {
        suppression.keys().any(|key| {
            let starts = self.0.get(&key).map(Vec::as_slice).unwrap_or_default();
            let next = starts.partition_point(|&start| start < suppression.reach.start);
            starts.get(next).is_some_and(|&start| start <= suppression.reach.end)
        })
    }
}

/// Where nothing is reported: parts in order and apart.
struct Silent<'a>(HashMap<Key<'a>, Vec<Span>>);

impl<'a> Silent<'a> {
    fn new(suppressions: &'a [Suppression]) -> Self {
        let mut silent: HashMap<Key, Vec<Span>> = HashMap::new();
        for suppression in suppressions {
            for key in suppression.keys() {
                silent.entry(key).or_default().push(suppression.reach);
            }
        }
        for parts in silent.values_mut() {
            parts.sort_unstable();
            parts.dedup_by(|next, last| {
                let touches = next.start <= last.end;
                if touches {
                    last.end = last.end.max(next.end);
                }
                touches
            });
        }
        Self(silent)
    }

    fn covers(&self, diagnostic: &Diagnostic) -> bool {
        [None, Some(diagnostic.rule)].into_iter().any(|rule| {
            let parts = self.0.get(&(diagnostic.file, rule));
            let parts = parts.map(Vec::as_slice).unwrap_or_default();
            let start = diagnostic.span.start;
            let next = parts.partition_point(|part| part.end < start);
            parts.get(next).is_some_and(|part| part.start <= start)
        })
    }
}

impl Suppression {
    /// Returns what it silences.
    fn keys(&self) -> impl Iterator<Item = Key<'_>> {
        let all = self.rules.is_empty().then_some((self.file, None));
        all.into_iter().chain(self.rules.iter().map(|rule| (self.file, Some(rule.as_str()))))
    }
}

/// Returns what is wrong with a comment, if anything is.
fn complaint(suppression: &Suppression, is_used: bool) -> Option<Diagnostic> {
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
    (!is_used).then(|| {
        let what = match &suppression.rules[..] {
            [] => "there is nothing to ignore here".to_owned(),
            rules => format!("`{}` reports nothing here", rules.join("`, `")),
        };
        report(format!("this comment silences nothing: {what}")).help("remove the comment")
    })
}

/// What a comment can be about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    span: Span,
    /// Where it ends with what closes it.
    full_end: u32,
}

/// Reads the comments of a migration in a host language: its own, and those in the SQL that it holds.
fn read_embedded(file: &SourceFile, embedded: &Embedded, sources: &Sources) -> Vec<Suppression> {
    let (host, id) = (sources.get(embedded.host), embedded.host);
    if !host.text.contains(MARK) {
        return Vec::new();
    }
    let whole = Span::new(0..host.text.len());
    let mut found = read(file, id);
    for inner in &mut found {
        let is_whole = inner.reach == Span::new(0..file.text.len());
        inner.comment = embedded.host_span(inner.comment);
        inner.reach = if is_whole { whole } else { embedded.host_span(inner.reach) };
    }
    let calls = embedded.messages.iter().map(|m| Target { span: m.host, full_end: m.host.end });
    let mut calls: Vec<Target> = calls.collect();
    calls.sort_unstable();
    calls.dedup();
    for comment in &embedded.comments {
        if let Some((rules, whole_file)) = directive(host.slice(*comment)) {
            let reach = if whole_file { whole } else { reach(host, &calls, *comment) };
            found.push(Suppression { file: id, comment: *comment, rules, reach });
        }
    }
    found
}

/// Reads the comments of a file.
fn read(file: &SourceFile, id: FileId) -> Vec<Suppression> {
    let statements: Vec<Target> = split(&file.text)
        .into_iter()
        .filter(|chunk| chunk.kind == ChunkKind::Statement)
        .map(|chunk| Target { span: chunk.span, full_end: chunk.full_end })
        .collect();
    let whole = Span::new(0..file.text.len());
    let mut found = Vec::new();
    let mut at = file.text_start();
    while at < file.text.len() {
        let token = token(&file.text[at..]);
        if token.kind == TokenKind::Comment {
            let comment = Span::new(at..at + token.len);
            if let Some((rules, whole_file)) = directive(file.slice(comment)) {
                let reach = if whole_file { whole } else { reach(file, &statements, comment) };
                found.push(Suppression { file: id, comment, rules, reach });
            }
        }
        at += token.len;
    }
    found
}

/// Reads `lockmaster: ignore a, b -- reason`; says whether it is about the whole file.
fn directive(comment: &str) -> Option<(Vec<String>, bool)> {
    let body = comment
        .trim_start_matches(['-', '/', '*', '#', ' '])
        .trim_end_matches(['*', '/', ' ', '\r']);
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
fn reach(file: &SourceFile, statements: &[Target], comment: Span) -> Span {
    let line = file.line_range(file.line_index(comment.start as usize)).unwrap_or_default();
    let before = file.text.get(line.start..comment.start as usize).unwrap_or_default();
    let earlier = statements.partition_point(|chunk| chunk.span.start < comment.start);
    let around = earlier.checked_sub(1).and_then(|at| statements.get(at));
    if !before.trim_end().is_empty() {
        // The statement that ends on this line, or goes on over it, may begin on an earlier one.
        let here = Span::new(line);
        let around = around.filter(|chunk| chunk.full_end > here.start);
        let start = around.map_or(here.start, |chunk| chunk.span.start.min(here.start));
        return Span { start, end: comment.end };
    }
    let inside = around.filter(|chunk| chunk.span.contains(comment));
    inside.or(statements.get(earlier)).map_or(comment, |chunk| Span {
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
