//! What reading a directory gives: migrations in the order in which the runner applies them.

use std::path::PathBuf;

use super::unread::language;
use super::{Direction, Layout, Sources, TransactionMode, Version};
use crate::source::{FileId, Span};

/// The migrations of one directory.
#[derive(Debug)]
pub struct MigrationSet {
    /// The directory.
    pub root: PathBuf,
    /// How its runner reads it.
    pub layout: &'static Layout,
    /// By which signals the layout was recognised.
    pub evidence: Vec<String>,
    /// The transaction mode of a migration without a directive.
    pub transaction: TransactionMode,
    /// Whether the transaction mode is only assumed.
    pub assumed: bool,
    /// The database that it is for, if that is not PostgreSQL: then nothing of it is read.
    pub foreign: Option<&'static str>,
    /// The migrations: ups in the order of application, each followed by its down.
    pub migrations: Vec<Migration>,
    /// The files that the runner never applies, and why.
    pub not_applied: Vec<NotApplied>,
    /// The names of the files in the directory that are not SQL: some may be migrations in code.
    pub other_files: Vec<String>,
    /// The lists of migrations that tools keep beside them.
    pub journals: Vec<FileId>,
    /// What the runner looks for and does not find.
    pub missing: Vec<Missing>,
    /// Why the runner finds no order for its migrations.
    pub unordered: Vec<Unordered>,
    /// Whether files of the directory are left out, as somebody asked for.
    pub is_partial: bool,
    /// Whether git is told to keep the bytes of the files, and so their line endings.
    pub keeps_bytes: bool,
    /// Whether something in the project tells the runner to apply migrations that come late.
    pub allows_late: bool,
}

/// What one run applies, or takes back: one direction of one migration.
#[derive(Clone, Debug)]
pub struct Migration {
    /// Its version.
    pub version: Version,
    /// Its name, without version and extension.
    pub name: String,
    /// Which way it goes.
    pub direction: Direction,
    /// Its file.
    pub file: FileId,
    /// The part of the file that it is.
    pub section: Span,
    /// Whether a transaction is open around it.
    pub transaction: TransactionMode,
    /// For an up: its down.
    pub down: Down,
    /// The file that a directive stands in, and where, if one decided the transaction mode.
    pub directive: Option<Span>,
    /// Whether its file name has no version although the others have one.
    pub unnumbered: bool,
    /// Whether it is applied again whenever it changes, behind all others.
    pub is_repeatable: bool,
}

/// The down of an up migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Down {
    /// There is none.
    #[default]
    Missing,
    /// It is there, but holds nothing.
    Empty {
        /// Its file.
        file: FileId,
        /// Its section.
        section: Span,
    },
    /// It is there, but all of its SQL is commented out.
    Commented {
        /// Its file.
        file: FileId,
        /// The comments that hold SQL.
        section: Span,
    },
    /// It is there, but not as one piece of SQL: in several pieces, in another migration, or declared
    /// to be needless.
    NotRead,
    /// It is the next migration of the set.
    Present,
}

/// A file that the runner never applies.
#[derive(Clone, Debug)]
pub struct NotApplied {
    /// The file.
    pub file: FileId,
    /// Why, as the rest of a sentence that begins with the file's name.
    pub reason: String,
    /// Whether that is what its name is for.
    pub is_meant: bool,
    /// The part of the file that it is about, if the rest is applied.
    pub section: Option<Span>,
}

/// A file that the runner looks for and does not find.
#[derive(Clone, Debug)]
pub struct Missing {
    /// What a list calls the migration, or its folder.
    pub name: String,
    /// The file's path from the directory of the set.
    pub path: String,
    /// What the runner does then, as a sentence.
    pub consequence: &'static str,
}

/// Why a runner that orders migrations by what each of them follows finds no order.
#[derive(Clone, Debug)]
pub struct Unordered {
    /// The files that it is about.
    pub files: Vec<FileId>,
    /// What is wrong and what the runner does then, as a sentence without the names of the files.
    pub problem: String,
    /// A thing to do.
    pub help: &'static str,
    /// Whether files elsewhere may put it right.
    pub is_unsure: bool,
}

/// Why a down is never run that has no up.
const ORPHAN: &str = "takes back a version that no migration has";

impl NotApplied {
    /// Returns whether it is a down that has no up.
    pub fn is_orphan(&self) -> bool {
        self.reason == ORPHAN
    }
}

impl MigrationSet {
    /// Returns the up migrations with their indexes.
    pub fn ups(&self) -> impl Iterator<Item = (usize, &Migration)> {
        self.migrations.iter().enumerate().filter(|(_, m)| m.direction == Direction::Up)
    }

    /// Returns whether the migrations build on what other files make: those of an app of Django on other
    /// apps, those of Hasura on the extension `pgcrypto`, which its engine makes before them.
    pub fn needs_others(&self, sources: &Sources) -> bool {
        let makes = |name: &str| self.layout.name == name;
        makes("hasura")
            || self.other_files.iter().any(|name| language(name).is_some())
            || makes("django")
                && self.migrations.iter().any(|migration| {
                    let embedded = sources.get(migration.file).embedded.as_ref();
                    embedded.is_some_and(|embedded| !embedded.facts.depends_on.is_empty())
                })
    }

    /// Adds a migration and, if it has one, its down.
    pub(super) fn push(&mut self, up: Migration, down: Option<Migration>) {
        self.migrations.push(up);
        self.migrations.extend(down);
    }

    /// Notes that a down has no up.
    pub(super) fn skip_orphan(&mut self, file: FileId) {
        self.skip(file, ORPHAN);
    }

    /// Notes that the runner does not find a file.
    pub(super) fn miss(&mut self, name: &str, path: String, consequence: &'static str) {
        self.missing.push(Missing { name: name.to_owned(), path, consequence });
    }

    /// Notes that the runner never applies a file.
    pub(super) fn skip(&mut self, file: FileId, reason: impl Into<String>) {
        let reason = reason.into();
        self.not_applied.push(NotApplied { file, reason, is_meant: false, section: None });
    }

    /// Notes that the runner never applies a file, as its name says that it should not.
    pub(super) fn leave_out(&mut self, file: FileId, reason: impl Into<String>) {
        let reason = reason.into();
        self.not_applied.push(NotApplied { file, reason, is_meant: true, section: None });
    }

    /// Notes that the runner never applies a part of a file.
    pub(super) fn skip_part(&mut self, file: FileId, section: Span, reason: impl Into<String>) {
        let (reason, section) = (reason.into(), Some(section));
        self.not_applied.push(NotApplied { file, reason, is_meant: false, section });
    }

    /// Notes that the runner never applies a part of a file, as that part says that it should not.
    pub(super) fn leave_out_part(
        &mut self,
        file: FileId,
        section: Span,
        reason: impl Into<String>,
    ) {
        let (reason, section) = (reason.into(), Some(section));
        self.not_applied.push(NotApplied { file, reason, is_meant: true, section });
    }
}

impl Migration {
    /// Makes an up migration of a whole file.
    pub(super) fn up(version: Version, name: &str, file: FileId, section: Span) -> Self {
        Self {
            version,
            name: name.to_owned(),
            direction: Direction::Up,
            file,
            section,
            transaction: TransactionMode::None,
            down: Down::Missing,
            directive: None,
            unnumbered: false,
            is_repeatable: false,
        }
    }

    /// Makes the down of this migration.
    pub(super) fn down(&self, file: FileId, section: Span) -> Self {
        Self { direction: Direction::Down, file, section, down: Down::Missing, ..self.clone() }
    }
}
