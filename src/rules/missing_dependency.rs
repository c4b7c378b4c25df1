use std::collections::HashMap;
use std::path::Path;

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Migration;
use crate::rule::HistoryContext;
use crate::source::{FileId, SourceFile, Span};

use super::files::{beginning, beginning_of_file, is_many, length};

/// The words with which a header names what a migration depends on.
const KEYS: &[&str] = &[
    "dependencies",
    "dependency",
    "depends on",
    "depends",
    "prerequisites",
    "prerequisite",
    "requires",
];

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let names = Names::new(cx);
    let mut found = Vec::new();
    for (at, migration) in cx.set.ups() {
        let file = cx.file(migration);
        for comment in &cx.scripts[at].comments {
            for token in tokens(file, *comment) {
                found.extend(report(cx, &names, at, token));
            }
        }
    }
    // Sqitch reads the plan, not the headers, which its template writes once.
    if cx.set.layout.name == "sqitch" {
        let count = found.len();
        if is_many(count) {
            found.truncate(1);
        }
        found = found.into_iter().map(|diagnostic| diagnostic.at_most(Severity::Info)).collect();
        if let (true, Some(first)) = (is_many(count), found.first_mut()) {
            first.message = format!(
                "{count} headers name changes that are not there; the first: {}",
                first.message
            );
        }
    }
    out.extend(found);
}

/// The names by which headers can mean the migrations of a set.
struct Names {
    /// Each with the index of its migration, in lower case and without `.sql`.
    applied: HashMap<String, usize>,
    /// Of files that are never applied, with the place in their list.
    idle: HashMap<String, usize>,
    /// How many digits numbers have here; empty where names do not begin with one.
    widths: Vec<usize>,
    /// Whether any name can be one of a migration, since the runner reads such headers itself.
    any: bool,
}

impl Names {
    fn new(cx: &HistoryContext) -> Self {
        let path = |id: FileId| cx.sources.get(id).path.as_path();
        let applied = cx.set.ups().map(|(at, up)| (name_of(cx, path(up.file)), at));
        let applied = firsts(applied);
        let idle = cx.set.not_applied.iter().enumerate();
        let idle = firsts(idle.map(|(at, file)| (name_of(cx, path(file.file)), at)));
        let mut widths: Vec<usize> =
            applied.keys().map(|name| digits(name)).filter(|width| *width > 0).collect();
        widths.sort_unstable();
        widths.dedup();
        Self { applied, idle, widths, any: matches!(cx.set.layout.name, "sqitch" | "yoyo") }
    }

    /// Returns whether a word looks like the name of a migration of this set.
    fn is_name(&self, word: &str) -> bool {
        if self.any {
            return word.chars().all(|c| c.is_ascii_alphanumeric() || "_-./".contains(c));
        }
        let width = digits(word);
        let rest = &word[width..];
        let suffix = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let rest = rest[suffix..].strip_prefix(['_', '-', '.']).unwrap_or_default();
        let is_numbered =
            width > 0 && suffix <= 1 && rest.starts_with(|c: char| c.is_ascii_alphabetic());
        is_numbered && (self.widths.contains(&width) || has_extension(word))
    }

    /// Returns the migration whose name is nearest, if one is near.
    fn nearest(&self, name: &str) -> Option<usize> {
        // Names of very different lengths are not near, and most are.
        let may_be_near = |other: &str| {
            let (a, b) = (other.chars().count(), name.chars().count());
            a.abs_diff(b) * 10 <= a.max(b) * 3
        };
        let scored = self
            .applied
            .iter()
            .filter(|(other, _)| may_be_near(other))
            .map(|(other, at)| (strsim::normalized_levenshtein(other, name), *at));
        let (score, at) = scored.max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?;
        (score >= 0.7).then_some(at)
    }
}

/// Returns the first place of each name.
fn firsts(names: impl Iterator<Item = (String, usize)>) -> HashMap<String, usize> {
    let mut firsts = HashMap::new();
    for (name, at) in names {
        firsts.entry(name).or_insert(at);
    }
    firsts
}

/// Returns the name by which a header means a file: its own, or that of its folder.
fn name_of(cx: &HistoryContext, path: &Path) -> String {
    let file = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if cx.set.layout.name == "sqitch" {
        let below = path.strip_prefix(cx.set.root.join("deploy")).unwrap_or(path);
        return plain_name(&below.to_string_lossy());
    }
    if matches!(file, "up.sql" | "migration.sql") {
        let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        return plain_name(folder.unwrap_or_default());
    }
    plain_name(file)
}

fn has_extension(word: &str) -> bool {
    Path::new(word).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("sql"))
}

/// Folds a name to lower case, without `.sql` and `.up`.
fn plain_name(name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".sql").unwrap_or(&name);
    name.strip_suffix(".up").unwrap_or(name).to_owned()
}

fn digits(name: &str) -> usize {
    name.bytes().take_while(u8::is_ascii_digit).count()
}

/// Returns the words of a comment that stand behind one of the keys, or below it in a list.
fn tokens(file: &SourceFile, comment: Span) -> Vec<Span> {
    let mut found = Vec::new();
    let mut is_list = false;
    let mut at = comment.start;
    for line in file.slice(comment).split_inclusive('\n') {
        let text = line.trim_start().trim_start_matches(['-', '/', '*', ' ', '\t']);
        let start = at + length(line) - length(text);
        if let Some(rest) = after_key(text) {
            let rest_start = start + length(text) - length(rest);
            found.extend(words(rest, rest_start));
            is_list = rest.trim().is_empty();
        } else if is_list && is_item(line) {
            found.extend(words(text, start).into_iter().take(1));
        } else {
            is_list = false;
        }
        at += length(line);
    }
    found
}

/// Returns what stands behind `Dependencies:` and the like.
fn after_key(text: &str) -> Option<&str> {
    KEYS.iter().find_map(|key| {
        let (head, rest) = (text.get(..key.len())?, text.get(key.len()..)?);
        if head.eq_ignore_ascii_case(key) { rest.trim_start().strip_prefix(':') } else { None }
    })
}

/// Returns whether a comment line is an item of a list.
fn is_item(line: &str) -> bool {
    let text = line.trim_start().trim_start_matches("--").trim_start();
    text.starts_with(['-', '*', '\u{2022}']) || text.starts_with(|c: char| c.is_ascii_digit())
}

/// Returns the words of a list that commas or blanks separate, without the marks around them.
fn words(text: &str, start: u32) -> Vec<Span> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split_inclusive([',', ' ', '\t', ';', '\n', '\r']) {
        let is_mark = |c: char| !c.is_ascii_alphanumeric();
        let trimmed = word.trim_start_matches(is_mark);
        let begin = at + word.len() - trimmed.len();
        let trimmed = trimmed.trim_end_matches(is_mark);
        if !trimmed.is_empty() {
            found.push(Span::new(begin..begin + trimmed.len()).shift(start));
        }
        at += word.len();
    }
    found
}

fn report(cx: &HistoryContext, names: &Names, at: usize, token: Span) -> Option<Diagnostic> {
    let migration = &cx.set.migrations[at];
    let word = cx.file(migration).slice(token);
    if !names.is_name(word) {
        return None;
    }
    // A path means its last part, except where folders are part of the name.
    let name = if names.any { word } else { word.rsplit('/').next().unwrap_or(word) };
    let name = plain_name(name);
    match names.applied.get(&name) {
        Some(&other) => wrong_order(cx, at, other, token),
        None => Some(missing(cx, names, migration, token, word, &name)),
    }
}

/// Reports a migration that comes no earlier than the one that depends on it.
fn wrong_order(cx: &HistoryContext, at: usize, other: usize, token: Span) -> Option<Diagnostic> {
    let (migration, needed) = (&cx.set.migrations[at], &cx.set.migrations[other]);
    // yoyo sorts by these headers itself, Sqitch by its plan, in which a change can stand twice; and
    // nobody knows when files without a number run.
    let has_order = !matches!(cx.set.layout.name, "yoyo" | "sqitch" | "plain");
    if other < at || !has_order || migration.unnumbered || needed.unnumbered {
        return None;
    }
    let (own, name) = (cx.file_name(migration), cx.file_name(needed));
    if other == at {
        let message = format!("`{own}` depends on itself, says its header");
        return Some(
            Diagnostic::new(migration.file, token, message)
                .help("name the migration that is meant"),
        );
    }
    let message = format!("`{own}` runs before `{name}`, on which it depends, says its header");
    Some(
        Diagnostic::new(migration.file, token, message)
            .label(needed.file, beginning(cx, needed), "this one runs later")
            .help("correct the header, or give the migration a later number"),
    )
}

fn missing(
    cx: &HistoryContext,
    names: &Names,
    migration: &Migration,
    token: Span,
    word: &str,
    name: &str,
) -> Diagnostic {
    let own = cx.file_name(migration);
    if let Some(idle) = names.idle.get(name).and_then(|&at| cx.set.not_applied.get(at)) {
        let message = format!("`{own}` depends on `{word}`, which is never applied");
        return Diagnostic::new(migration.file, token, message)
            .note(format!("`{word}` {}", idle.reason))
            .label(idle.file, beginning_of_file(cx, idle.file), "the file that is meant");
    }
    let message = format!("`{own}` depends on `{word}`, which is not there");
    let diagnostic = Diagnostic::new(migration.file, token, message);
    match names.nearest(name) {
        Some(near) => {
            let near = cx.file_name(&cx.set.migrations[near]);
            diagnostic.help(format!("correct the header if `{near}` is meant"))
        }
        None => diagnostic.help("bring the file back, or correct the header"),
    }
}
