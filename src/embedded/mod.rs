//! Migrations that are written in a host language: the SQL that they send, taken out of them.
//!
//! A language module (`python`) makes a `code::Module` of a file; `evaluate` follows its constants,
//! functions and loops to the calls that it makes; a framework module (`alembic`, `django`) says what each
//! call sends. The SQL becomes a file of its own, derived from the host file, whose every byte knows where
//! it comes from. Everything behind reads that file as any other; `host` takes what is reported back to
//! the host file.

mod alembic;
mod code;
mod django;
mod doubts;
mod ecto;
mod elixir;
mod evaluate;
mod fizz;
mod host;
mod javascript;
mod literal;
mod node;
mod pop;
mod python;
mod rails;
mod ruby;
mod sql;
mod syntax;
#[cfg(test)]
mod tests;
mod text;
mod value;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

pub use host::to_host;
pub use text::{Part, Quote, Text};

use crate::source::{FileId, Position, SourceFile, Span};

/// What a derived file knows about its host file.
#[derive(Debug)]
pub struct Embedded {
    /// The host file.
    pub host: FileId,
    /// What the host file says about the migration.
    pub facts: Facts,
    /// The part of the derived text that is the up.
    pub up: Span,
    /// The part that is the down, where there is one.
    pub down: Option<Span>,
    /// What is sent, in the order of the derived text.
    pub messages: Vec<Message>,
    /// The comments of the host file.
    pub comments: Vec<Span>,
    pieces: Vec<Piece>,
}

/// What a host file says about the migration that it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The name of the layout whose framework it is written for; empty where it is no migration.
    pub framework: &'static str,
    /// What the framework knows it by.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What it directly follows, by id.
    pub parents: Vec<String>,
    /// What else must have run before it, by id.
    pub depends_on: Vec<String>,
    /// What it stands for, by id.
    pub replaces: Vec<String>,
    /// Where it says that it runs without the framework's transaction.
    pub without_transaction: Option<Span>,
    /// Whether it has a down of which nothing is read: it only refuses to run, or the framework makes it of
    /// the up.
    pub has_unread_down: bool,
    /// What keeps its place in the order from being known.
    pub problem: Option<String>,
}

/// One call that sends something: the server sees it as one message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its part of the derived text.
    pub span: Span,
    /// The call in the host file.
    pub host: Span,
    /// Whether the call itself leaves the framework's transaction, which is committed before it and begun
    /// anew behind it.
    pub is_outside: bool,
    /// Why what it sends is not known; nothing where it is.
    pub gap: Option<Gap>,
}

/// Why nothing is known about what a call sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// The reason, as a sentence.
    pub reason: String,
    /// Whether it hardly changes the schema.
    pub is_minor: bool,
}

/// What a framework module says that one call sends.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The call.
    pub host: Span,
    /// Its statements, each without the `;` at its end; a literal may hold several.
    pub statements: Vec<Text>,
    /// Whether each statement is a message of its own.
    pub is_split: bool,
    /// As in [`Message`].
    pub is_outside: bool,
    /// As in [`Message`].
    pub gap: Option<Gap>,
}

impl Sent {
    /// Makes a call that sends one text, which may hold several statements.
    pub fn text(host: Span, text: Text) -> Self {
        let statements = vec![text];
        Self { host, statements, is_split: false, is_outside: false, gap: None }
    }

    /// Makes a call that sends several statements, one after the other.
    pub fn statements(host: Span, statements: Vec<Text>) -> Self {
        Self { host, statements, is_split: true, is_outside: false, gap: None }
    }

    /// Makes a call of which it is not known what it sends.
    pub fn gap(host: Span, reason: impl Into<String>) -> Self {
        let reason = format!("this call was not analysed: {}", reason.into());
        let gap = Some(Gap { reason, is_minor: false });
        Self { host, statements: Vec::new(), is_split: false, is_outside: false, gap }
    }

    /// Makes a call that hardly changes the schema, of which more is not known.
    pub fn minor_gap(host: Span, reason: impl Into<String>) -> Self {
        let mut made = Self::gap(host, reason);
        made.gap.iter_mut().for_each(|gap| gap.is_minor = true);
        made
    }
}

impl Sent {
    /// Returns whether it only begins or ends a transaction.
    fn is_control(&self) -> bool {
        let first = self.statements.first().map(Text::shown);
        matches!(first.as_deref(), Some("BEGIN" | "COMMIT"))
    }

    /// Returns whether it hardly changes the schema: it only reads or changes rows, as far as its first
    /// words tell.
    fn is_minor(&self) -> bool {
        let is_about_rows = |text: &Text| {
            let shown = text.shown();
            let word = shown.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
            matches!(word.as_str(), "select" | "insert" | "update" | "delete")
        };
        match &self.gap {
            Some(gap) => gap.is_minor,
            None => !self.statements.is_empty() && self.statements.iter().all(is_about_rows),
        }
    }
}

/// A direction of a migration.
#[derive(Debug, Default)]
pub struct Way {
    /// The function or list that it is.
    pub host: Span,
    /// What it sends.
    pub sent: Vec<Sent>,
}

/// What a framework module makes of a file.
#[derive(Debug, Default)]
pub struct Extracted {
    /// What it says about the migration.
    pub facts: Facts,
    /// The up.
    pub up: Way,
    /// The down.
    pub down: Option<Way>,
    /// The comments of the file.
    pub comments: Vec<Span>,
}

/// Bytes of the derived text that come from one place of the host file; at most one line of it.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// Where they begin in the derived text; they end where the next piece begins.
    start: u32,
    /// Where they come from.
    host: Span,
    /// Line and column of that place.
    line: u32,
    column: u32,
    /// The quotes around, where the bytes are the same in both files.
    exact: Option<Quote>,
    /// Whether they come from a place from which other bytes come too.
    is_shared: bool,
}

/// Returns whether a file may be a migration in a host language, by its path.
pub fn is_candidate(path: &Path) -> bool {
    let has_extension = path.extension().is_some_and(|extension| extension == "py")
        || is_ruby(path)
        || is_elixir(path)
        || is_script(path);
    let folder = path.parent().unwrap_or(Path::new(""));
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let is_named = has_extension
        && folder.components().any(|part| {
            let name = part.as_os_str().to_string_lossy().to_ascii_lowercase();
            name.contains("migrat") || name.contains("alembic") || name == "versions"
        });
    is_named || is_fizz(path)
}

/// Returns whether a file is Fizz, in which nothing but migrations is written.
pub fn is_fizz(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "fizz")
}

/// Returns whether a file is Ruby.
fn is_ruby(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rb")
}

/// Returns whether a file is Elixir.
fn is_elixir(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "exs" || extension == "ex")
}

/// Returns whether a file is JavaScript or TypeScript that may be run.
fn is_script(path: &std::path::Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some((stem, extension)) = name.rsplit_once('.') else { return false };
    matches!(extension, "js" | "mjs" | "cjs" | "ts" | "mts" | "cts")
        && ![".d", ".test", ".spec"].iter().any(|end| stem.ends_with(end))
}

/// Returns whether a text has what migrations in a host language have; it is looked into only then.
pub fn has_mark(text: &[u8]) -> bool {
    let has = |mark: &str| text.windows(mark.len()).any(|window| window == mark.as_bytes());
    has("down_revision")
        || has("migrations.Migration")
        || has(rails::MARK)
        || has("use Ecto.Migration")
        || has("defmodule ") && has(ecto::MARK)
        || MARKS.iter().any(|mark| has(mark))
}

/// What migrations for Node.js have.
const MARKS: &[&str] = &[
    "exports.up",
    "export async function up",
    "export const up",
    "export function up",
    "async up(",
    "up: async",
    "up(queryInterface",
    "up: function",
    "up: (",
    "exports = { up",
    "implements MigrationInterface",
    "extends Migration",
    "pgm.",
];

/// Of files longer than this only the front is read, in bytes.
const LONGEST: usize = 4 * 1024 * 1024;

/// Takes the SQL out of host files, each of which is given with its id.
///
/// The migrations of one folder are read together: what one of them sends may depend on those before it.
pub fn derive(hosts: &[(FileId, &SourceFile)]) -> Vec<SourceFile> {
    let mut folders: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
    for (at, (_, host)) in hosts.iter().enumerate() {
        folders.entry(host.path.parent().unwrap_or(Path::new(""))).or_default().push(at);
    }
    let folders: Vec<(&Path, Vec<usize>)> = folders.into_iter().collect();
    let read = |(folder, places): &(&Path, Vec<usize>), elsewhere: &Arc<django::Elsewhere>| {
        let files: Vec<&SourceFile> = places.iter().map(|at| hosts[*at].1).collect();
        let (extracted, known) = extract_folder(folder, &files, elsewhere);
        let built = places.iter().zip(extracted);
        let built =
            built.map(|(at, extracted)| (*at, build(hosts[*at].1, hosts[*at].0, extracted)));
        (built.collect::<Vec<(usize, SourceFile)>>(), known)
    };
    let nothing = Arc::new(django::Elsewhere::default());
    let first: Vec<_> = folders.par_iter().map(|folder| read(folder, &nothing)).collect();
    let mut elsewhere = django::Elsewhere::default();
    let mut derived = Vec::new();
    for (files, known) in first {
        derived.push(files);
        elsewhere.add(known);
    }
    // What refers to models of other folders is read again, now that they are known.
    let elsewhere = Arc::new(elsewhere);
    let again = folders.par_iter().zip(&mut derived).filter(|((name, _), _)| elsewhere.helps(name));
    again.for_each(|(folder, files)| *files = read(folder, &elsewhere).0);
    let mut derived: Vec<(usize, SourceFile)> = derived.into_iter().flatten().collect();
    derived.sort_by_key(|(at, _)| *at);
    derived.into_iter().map(|(_, file)| file).collect()
}

/// Returns what the files of a folder send, and what others may know of them.
fn extract_folder(
    folder: &Path,
    files: &[&SourceFile],
    elsewhere: &Arc<django::Elsewhere>,
) -> (Vec<Extracted>, django::Known) {
    let mut all = Vec::new();
    let mut models = Vec::new();
    let mut unread = Vec::new();
    for (at, host) in files.iter().enumerate() {
        let mut extracted = Extracted::default();
        let stem = host.path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let text = front(&host.text);
        let mut errors = Vec::new();
        let mut take = |module: code::Module| {
            errors = module.errors;
            module.comments
        };
        if is_script(&host.path) {
            let extension = host.path.extension().and_then(|extension| extension.to_str());
            let is_typed = extension.is_some_and(|extension| extension.ends_with("ts"));
            let module = javascript::read(text, is_typed);
            extracted = node::extract(&module, text, stem).unwrap_or_default();
            extracted.comments = take(module);
        } else if is_ruby(&host.path) {
            let module = ruby::read(text);
            extracted = rails::extract(&module, text, stem).unwrap_or_default();
            extracted.comments = take(module);
        } else if is_elixir(&host.path) {
            let module = elixir::read(text);
            extracted = ecto::extract(&module, text, stem).unwrap_or_default();
            extracted.comments = take(module);
        } else if is_fizz(&host.path) {
            let module = fizz::read(text);
            extracted = pop::extract(&module, stem);
            extracted.comments = take(module);
        } else {
            let module = python::read(text);
            match alembic::extract(&module, stem) {
                Some(found) => extracted = found,
                None => models.extend(django::read(&module, stem).map(|migration| (at, migration))),
            }
            extracted.comments = take(module);
        }
        unread.push(unread_part(host, &errors));
        all.push(extracted);
    }
    let label = app_label(folder);
    let (places, migrations): (Vec<usize>, Vec<django::Migration>) = models.into_iter().unzip();
    let (followed, known) = django::follow_all(folder, &label, elsewhere, migrations);
    for (at, found) in places.into_iter().zip(followed) {
        let comments = std::mem::take(&mut all[at].comments);
        all[at] = Extracted { comments, ..found };
    }
    for (extracted, unread) in all.iter_mut().zip(unread) {
        extracted.note(unread);
    }
    (all, known)
}

/// Returns the part of a text that is read.
fn front(text: &str) -> &str {
    let mut end = text.len().min(LONGEST);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// Returns the first part of a file that is not read, with the reason.
fn unread_part(host: &SourceFile, errors: &[Span]) -> Option<(Span, String)> {
    let end = front(&host.text).len();
    if end < host.text.len() {
        let why = "the file is longer than 4 MiB, and what stands from here on was not analysed";
        return Some((Span::new(end..end), why.to_owned()));
    }
    let first = errors.first()?;
    let more = match errors.len() {
        1 => String::new(),
        count => format!("; there are {} more such places in the file", count - 1),
    };
    let why = "the syntax is not understood here, and what stands around it may not be analysed";
    Some((*first, format!("{why}{more}")))
}

impl Extracted {
    /// Says that a part of the file is not read.
    fn note(&mut self, unread: Option<(Span, String)>) {
        let Some((span, reason)) = unread.filter(|_| !self.facts.framework.is_empty()) else {
            return;
        };
        let down = self.down.as_mut().filter(|down| down.host.contains(span));
        let way = down.unwrap_or(&mut self.up);
        let gap = Some(Gap { reason, is_minor: false });
        way.sent.insert(0, Sent { gap, ..Sent::gap(span, "") });
    }
}

/// Returns the name of the app to which a folder of migrations belongs: that of the folder around it.
fn app_label(folder: &Path) -> String {
    let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let around = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    around.unwrap_or_default().to_owned()
}

/// Writes the derived file.
fn build(host: &SourceFile, id: FileId, extracted: Extracted) -> SourceFile {
    let mut builder =
        Builder { host, text: String::new(), pieces: Vec::new(), messages: Vec::new() };
    let up = builder.way(extracted.up);
    let down = extracted.down.map(|way| builder.way(way));
    let Builder { text, mut pieces, messages, .. } = builder;
    mark_shared(&mut pieces);
    let Extracted { facts, comments, .. } = extracted;
    let embedded = Embedded { host: id, facts, up, down, messages, comments, pieces };
    let mut file = SourceFile::new(&host.path, text);
    file.encoding.clone_from(&host.encoding);
    file.embedded = Some(Arc::new(embedded));
    file
}

struct Builder<'a> {
    host: &'a SourceFile,
    text: String,
    pieces: Vec<Piece>,
    messages: Vec<Message>,
}

impl Builder<'_> {
    /// Writes one direction; returns where it stands.
    fn way(&mut self, way: Way) -> Span {
        let start = self.text.len();
        let is_empty = way.sent.is_empty();
        for sent in way.sent {
            self.sent(sent);
        }
        let span = Span::new(start..self.text.len());
        let end = if is_empty { way.host } else { Span::at(way.host.end) };
        self.push("\n", end, None);
        span
    }

    fn sent(&mut self, sent: Sent) {
        let Sent { host, statements, is_split, is_outside, gap } = sent;
        let message = |span| Message { span, host, is_outside, gap: gap.clone() };
        let start = self.text.len();
        if gap.is_some() {
            // It shows in lists of statements as a comment.
            let line = self.host.slice(host).lines().next().unwrap_or_default().to_owned();
            self.push(&format!("-- {line}"), host, None);
            self.messages.push(message(Span::new(start..self.text.len())));
            self.push("\n", host, None);
            return;
        }
        let mut from = start;
        for statement in statements {
            let statement = at_one_place(statement, host);
            let last = statement.parts.last().map_or(host, |part| part.host);
            let ends = ends_itself(&statement.shown());
            for part in &statement.parts {
                self.push(&part.text, part.host, part.exact);
            }
            let end = Span::at(last.end);
            self.push(if ends { "\n" } else { "\n;\n" }, end, None);
            if is_split {
                self.messages.push(message(Span::new(from..self.text.len())));
                from = self.text.len();
            }
        }
        if !is_split {
            self.messages.push(message(Span::new(start..self.text.len())));
        }
    }

    fn push(&mut self, text: &str, host: Span, exact: Option<Quote>) {
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let part = match exact {
                Some(_) => Span::new(at..at + line.len()).shift(host.start),
                None => host,
            };
            let Position { line: number, column, .. } = self.host.position(part.start);
            let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
            self.pieces.push(Piece {
                start: count(self.text.len()),
                host: part,
                line: count(number),
                column: count(column),
                exact,
                is_shared: false,
            });
            self.text.push_str(line);
            at += line.len();
        }
    }
}

/// Says of the parts of a text that come from elsewhere, such as a constant, that they come from the call,
/// unless all of them do: a statement that begins here and ends there cannot be shown.
fn at_one_place(mut text: Text, call: Span) -> Text {
    let is_here = |part: &text::Part| call.contains(part.host);
    if text.parts.iter().any(is_here) {
        for part in text.parts.iter_mut().filter(|part| !is_here(part)) {
            (part.host, part.exact) = (call, None);
        }
    }
    text
}

/// Returns whether the last statement of a text needs no `;` behind it.
fn ends_itself(text: &str) -> bool {
    text.trim_end().ends_with(';')
        && crate::sql::split(text)
            .last()
            .is_some_and(|chunk| chunk.full_end > chunk.span.end && chunk.problem.is_none())
}

/// Marks the pieces whose place in the host file is used more than once: an edit there is several edits.
fn mark_shared(pieces: &mut [Piece]) {
    let mut order: Vec<usize> =
        (0..pieces.len()).filter(|&at| pieces[at].exact.is_some()).collect();
    order.sort_by_key(|&at| pieces[at].host);
    let mut end = 0;
    for at in 0..order.len() {
        let host = pieces[order[at]].host;
        let touches_next =
            order.get(at + 1).is_some_and(|&next| pieces[next].host.start < host.end);
        pieces[order[at]].is_shared = host.start < end || touches_next;
        end = end.max(host.end);
    }
}

impl Embedded {
    /// Returns where a byte of the derived text stands in the host file.
    pub fn position(&self, text: &str, offset: u32) -> Position {
        let Some(piece) = self.piece(offset) else {
            return Position { line: 1, column: 1, offset: 0 };
        };
        let before = text.get(piece.start as usize..offset as usize).unwrap_or_default();
        let before = if piece.exact.is_some() { before } else { "" };
        Position {
            line: piece.line as usize,
            column: piece.column as usize + before.chars().count(),
            offset: piece.host.start as usize + before.len(),
        }
    }

    fn piece(&self, offset: u32) -> Option<&Piece> {
        let next = self.pieces.partition_point(|piece| piece.start <= offset);
        self.pieces.get(next.saturating_sub(1))
    }

    /// Returns the part of the host file from which a part of the derived text comes.
    pub fn host_span(&self, span: Span) -> Span {
        if span.end <= span.start {
            let translated = self.piece(span.start).filter(|piece| piece.exact.is_none());
            return translated
                .map_or_else(|| Span::at(self.host_start(span.start)), |piece| piece.host);
        }
        let start = self.host_start(span.start);
        Span { start, end: self.host_end(span.end).max(start) }
    }

    fn host_start(&self, offset: u32) -> u32 {
        self.piece(offset).map_or(0, |piece| match piece.exact {
            Some(_) => (piece.host.start + (offset - piece.start)).min(piece.host.end),
            None => piece.host.start,
        })
    }

    fn host_end(&self, offset: u32) -> u32 {
        self.piece(offset - 1).map_or(0, |piece| match piece.exact {
            Some(_) => (piece.host.start + (offset - piece.start)).min(piece.host.end),
            None => piece.host.end,
        })
    }

    /// Returns the messages in a part of the derived text.
    pub fn messages_in(&self, section: Span) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |message| section.contains(message.span))
    }
}
