//! Migration runners: how each one names, orders, cuts up and runs the files of a directory.
//!
//! The facts were measured with the runners themselves, or read in their source.

mod alembic;
mod bookkeeping;
mod detect;
mod diesel;
mod django;
mod ecto;
mod files;
mod flyway;
mod foreign;
mod golang_migrate;
mod goose;
mod graphile_migrate;
mod knex;
mod liquibase;
mod marked;
mod mikro_orm;
mod node_code;
mod node_files;
mod node_pg_migrate;
mod numbered;
mod other_files;
mod plain;
mod pop;
mod rails;
mod sections;
mod sequelize;
mod set;
mod sqitch;
mod sqlx;
mod tree;
mod typeorm;
mod unread;
mod up_down;
mod version;
mod yoyo;

pub use bookkeeping::{Bookkeeping, Compares, Identity, OnEdit, OnLate};
pub use detect::{Override, recognise};
pub use sections::{Marker, commented_sql, plain_marker};
pub use set::{Down, Migration, MigrationSet, Missing, NotApplied, Unordered};
pub use tree::{Entry, Hint, Tree};
pub use unread::{Unread, unread};
pub use version::Version;

use crate::source::{SourceFile, Span};

/// Whether a runner holds a transaction open around a migration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransactionMode {
    /// The runner sends `BEGIN` before the migration and `COMMIT` after it.
    Runner,
    /// The whole migration is one simple-query message: several statements in it are one implicit
    /// transaction block, a single one is not in a block.
    Message,
    /// Every statement is sent on its own and commits on its own.
    #[default]
    None,
}

impl TransactionMode {
    /// Returns the word that `lockmaster.toml` and JSON output use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runner => "runner",
            Self::Message => "message",
            Self::None => "none",
        }
    }
}

/// Which way a migration goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It is applied.
    Up,
    /// It takes an applied migration back.
    Down,
}

impl Direction {
    /// Returns the word that JSON output uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Where a layout keeps its down migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownStyle {
    /// In a file of their own.
    File,
    /// In a section of the same file.
    Section,
    /// In either, by the directory's own habit.
    Habit,
    /// Nowhere: the runner only goes forward.
    None,
}

/// How a migration leaves the runner's transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptOut {
    /// A line that must be the first of the file.
    FirstLine(&'static str),
    /// A line of text in a file of that name beside the migration.
    SideFile {
        /// The file's name.
        name: &'static str,
        /// Its text.
        text: &'static str,
    },
    /// Nothing in an SQL file does; the text says what else.
    Advice(&'static str),
}

/// What becomes of two migrations with one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDuplicate {
    /// The runner refuses to start, or one of the two is never applied.
    Fails,
    /// Both run, and the bytes of their names decide in which order.
    NameDecides,
    /// Both run, and the order of their names depends on the language of the machine.
    LocaleDecides,
    /// The runner is not known, or nobody has tried.
    Unknown,
}

/// What a runner does on the way down where a down holds no statement, as a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EmptyDown {
    /// Nobody has tried.
    Unknown,
    /// It reports success and undoes nothing.
    Succeeds(&'static str),
    /// It stops with an error.
    Fails(&'static str),
}

impl EmptyDown {
    /// Returns the sentence; it is empty if nothing is known.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Unknown => "",
            Self::Succeeds(sentence) | Self::Fails(sentence) => sentence,
        }
    }

    /// Returns whether it is an error.
    pub fn is_error(self) -> bool {
        matches!(self, Self::Fails(_))
    }
}

/// How one migration runner names, orders, splits and runs its files.
pub struct Layout {
    /// The name in `lockmaster.toml` and JSON output.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// What the runner does by default.
    pub transaction: TransactionMode,
    /// What remains when a migration has left the runner's transaction: `None` if the runner then
    /// sends statement by statement, `Message` if it sends the whole file.
    pub without_transaction: TransactionMode,
    /// Whether one transaction spans all pending migrations, not just one.
    pub all_pending: bool,
    /// How a migration leaves the transaction; nothing if there is none to leave.
    pub opt_out: Option<OptOut>,
    /// Where downs are.
    pub downs: DownStyle,
    /// What happens when two migrations have one version, as a sentence.
    pub duplicate: &'static str,
    /// What that means for the migrations.
    pub on_duplicate: OnDuplicate,
    /// What happens where a number is missing between two others; empty if nothing does.
    pub gap: &'static str,
    /// What happens when an up holds no statement; empty if that is no error.
    pub empty_up: &'static str,
    /// What happens on the way down where a down holds no statement.
    pub empty_down: EmptyDown,
    /// What happens on the way down where a migration has no down; empty if nothing is known.
    pub missing_down: &'static str,
    /// Whether the runner compares applied files with a checksum, so that editing one stops it.
    pub checksums: bool,
    /// Whether the transaction mode is only assumed, since the runner is not known.
    pub assumed: bool,
    /// Reads a line that begins a section; nothing where files are not cut at such lines.
    marker: Option<fn(&str) -> Option<Marker>>,
    detect: fn(&Tree, &Sources) -> Option<Detection>,
    read: fn(&Tree, &Sources, &mut MigrationSet),
}

/// A layout of which nothing is known: what the others begin with.
const BASE: Layout = Layout {
    name: "",
    title: "",
    transaction: TransactionMode::None,
    without_transaction: TransactionMode::None,
    all_pending: false,
    opt_out: None,
    downs: DownStyle::None,
    duplicate: "",
    on_duplicate: OnDuplicate::Unknown,
    gap: "",
    empty_up: "",
    empty_down: EmptyDown::Unknown,
    missing_down: "",
    checksums: false,
    assumed: false,
    marker: None,
    detect: |_, _| None,
    read: |_, _, _| {},
};
impl Layout {
    /// Returns whether each migration reaches the server in a session of its own: files that Sqitch or a
    /// loop around it hands to `psql`.
    pub fn is_new_session(&self) -> bool {
        matches!(self.name, "psql" | "plain" | "numbered" | "sqitch")
    }

    /// Returns whether the statements of a migration that runs without a transaction reach the server on
    /// one connection, so that a setting lasts: goose takes any of a pool.
    pub fn keeps_connection(&self) -> bool {
        self.name != "goose"
    }

    /// Returns whether the runner sends a migration in that mode as one message: several statements
    /// in it are then an implicit transaction block, also behind a `COMMIT` of their own.
    pub fn sends_whole_file(&self, mode: TransactionMode) -> bool {
        match mode {
            TransactionMode::Message => true,
            TransactionMode::None => false,
            // tern and MyBatis Migrations cut a file up only where it runs without a transaction.
            TransactionMode::Runner => {
                self.without_transaction == TransactionMode::Message
                    || matches!(self.name, "tern" | "mybatis")
            }
        }
    }

    /// Returns the lines of a file that begin its sections, in their order.
    pub fn markers(&self, file: &SourceFile) -> Vec<(Marker, Span)> {
        self.marker.map(|marker| sections::markers(file, marker)).unwrap_or_default()
    }

    /// Returns how a sentence names the runner.
    pub fn runner(&self) -> &'static str {
        match self.name {
            "psql" => "psql",
            "numbered" | "plain" | "up-down" => "the runner",
            _ => self.title,
        }
    }
}

impl std::fmt::Debug for Layout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// All files of a run, by their ids.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// The files.
    pub files: Vec<SourceFile>,
}

impl Sources {
    /// Returns a file.
    pub fn get(&self, id: crate::source::FileId) -> &SourceFile {
        &self.files[id.index()]
    }
}

/// What a layout found in a folder.
#[derive(Debug, Default)]
pub struct Detection {
    /// The signals, for people.
    pub evidence: Vec<String>,
    /// The transaction mode, where the signals tell it.
    pub transaction: Option<TransactionMode>,
    /// The folders that the set reads, where they are not the folder itself with all below it.
    pub folders: Vec<std::path::PathBuf>,
}

impl Detection {
    fn because(evidence: impl Into<String>) -> Option<Self> {
        Some(Self { evidence: vec![evidence.into()], ..Self::default() })
    }
}

/// Every layout, in the order in which they are tried; the first that recognises a folder wins.
///
/// Unmistakable signals come first: folder shapes, then markers in files, then file names together
/// with what lies around the folder, then numbers alone.
pub static LAYOUTS: &[&Layout] = &[
    &files::HASURA,
    &diesel::LAYOUT,
    &graphile_migrate::LAYOUT,
    &liquibase::LAYOUT,
    &goose::LAYOUT,
    &marked::SQL_MIGRATE,
    &marked::DBMATE,
    &marked::TERN,
    &marked::RAMBLER,
    &marked::SHMIG,
    &marked::PLAY,
    &marked::MYBATIS,
    &node_pg_migrate::LAYOUT,
    &alembic::LAYOUT,
    &django::LAYOUT,
    &rails::LAYOUT,
    &ecto::LAYOUT,
    &typeorm::LAYOUT,
    &mikro_orm::LAYOUT,
    &sequelize::LAYOUT,
    &knex::KNEX,
    &knex::KYSELY,
    &knex::JAVASCRIPT,
    &up_down::LAYOUT,
    &files::PRISMA,
    // Drizzle can write the files that Supabase then applies.
    &files::SUPABASE,
    &files::DRIZZLE,
    &files::ATLAS,
    &sqitch::LAYOUT,
    &node_files::PG_MIGRATE,
    &node_files::DB_MIGRATE,
    &other_files::PGMIGRATE,
    &files::REFINERY,
    &flyway::EVOLVE,
    &flyway::FLYWAY,
    &files::YOYO,
    &files::POSTGRATOR,
    &pop::LAYOUT,
    &sqlx::LAYOUT,
    &golang_migrate::MORPH,
    &golang_migrate::LAYOUT,
    &node_files::POSTGRES_MIGRATIONS,
    &node_files::MARV,
    &other_files::BYTEBASE,
    &other_files::DBUP,
    &numbered::PSQL,
    &numbered::NUMBERED,
    &plain::LAYOUT,
];

/// Returns the layout of that name.
pub fn by_name(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.name == name).copied()
}
