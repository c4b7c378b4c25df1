//! Makes the next migration of a directory: named as the newest one is, with what the runner needs in it.

mod name;
mod text;
mod version;

use std::path::PathBuf;

use crate::layout::TransactionMode;
use crate::layout::{Direction, Down, DownStyle, Migration, MigrationSet, OptOut, Sources};
use crate::source::SourceFile;
use name::Shape;
pub use version::Clock;

/// What a new migration is to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// What it is called, in whatever spelling.
    pub name: &'a str,
    /// Whether it is for `create index concurrently` and the like.
    pub concurrently: bool,
    /// Whether it leaves the runner's transaction.
    pub outside_transaction: bool,
}

/// The files of a new migration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Their paths and texts.
    pub files: Vec<(PathBuf, String)>,
    /// What else there is to do, as sentences.
    pub notes: Vec<String>,
}

/// Why there is no new migration.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// Its migrations are more than an SQL file.
    #[error("make it with {runner}: {command}")]
    OwnCommand {
        /// The runner.
        runner: &'static str,
        /// The command, or what else to do.
        command: String,
    },
    /// Nothing shows how migrations are named.
    #[error("`{root}` {reason}")]
    NoModel {
        /// The directory.
        root: String,
        /// Why, as the rest of the sentence.
        reason: &'static str,
    },
    /// The name has no letter or digit.
    #[error("`{0}` is no name for a migration: it needs a letter or digit")]
    Name(String),
}

/// Plans the next migration of a set.
///
/// # Errors
///
/// That its runner makes migrations itself, or that nothing shows how they are named.
pub fn plan(
    set: &MigrationSet,
    sources: &Sources,
    wanted: Wanted,
    clock: &Clock,
) -> Result<Plan, CreateError> {
    let words = name::words(wanted.name).ok_or_else(|| CreateError::Name(wanted.name.into()))?;
    let refuse = |reason| CreateError::NoModel { root: set.root.display().to_string(), reason };
    if set.foreign.is_some() {
        return Err(refuse("holds migrations for another database"));
    }
    if set.layout.name == "plain" {
        return Err(refuse("holds files without an order, so that none is the next"));
    }
    if let Some(command) = own_command(set, &words.join("_")) {
        return Err(CreateError::OwnCommand { runner: set.layout.runner(), command });
    }
    let newest = newest(set).ok_or_else(|| refuse("has no migration yet that shows the names"))?;
    let file = sources.get(newest.file);
    if file.embedded.is_some() {
        return Err(refuse("holds migrations in a programming language: its runner makes them"));
    }
    let unclear = || refuse("names its migrations in a way that gives no next name");
    let shape = Shape::of(set, newest, file).ok_or_else(unclear)?;
    let version = version::next(set, sources, &newest.version.text, clock).ok_or_else(unclear)?;
    let down = down_shape(set, sources, &shape);
    let mut plan = Plan::default();
    let texts = text::Texts::new(set, sources, wanted, down.is_none());
    let up = set.root.join(shape.path(&version, &words));
    plan.files.push((up.clone(), texts.up()));
    if let Some(down) = down {
        plan.files.push((set.root.join(down.path(&version, &words)), texts.down()));
    }
    if let (true, Some(OptOut::SideFile { name, text })) =
        (texts.leaves_transaction(), set.layout.opt_out)
    {
        plan.files.push((up.with_file_name(name), text.to_owned()));
    }
    if set.journals.iter().any(|id| sources.get(*id).path.ends_with("atlas.sum")) {
        plan.notes.push("atlas.sum has the sum of each file: run `atlas migrate hash`".to_owned());
    }
    Ok(plan)
}

/// Returns the migration after which the next one is named: the last one that is applied once.
fn newest(set: &MigrationSet) -> Option<&Migration> {
    let ups = set.ups().map(|(_, up)| up);
    ups.filter(|up| !up.is_repeatable && !up.unnumbered && !up.version.text.is_empty()).last()
}

/// Returns how the file of a down is named; nothing where downs stand beside their ups, or nowhere.
fn down_shape(set: &MigrationSet, sources: &Sources, up: &Shape) -> Option<Shape> {
    let file_of = |at: usize, up: &Migration| match up.down {
        Down::Empty { file, .. } | Down::Commented { file, .. } => Some(file),
        Down::Present => set
            .migrations
            .get(at + 1)
            .filter(|down| down.direction == Direction::Down)
            .map(|down| down.file),
        Down::Missing | Down::NotRead => None,
    };
    let ups: Vec<(usize, &Migration)> = set.ups().filter(|(_, up)| !up.unnumbered).collect();
    let found = ups.iter().rev().find_map(|&(at, up)| Some((up, file_of(at, up)?)));
    if let Some((with, file)) = found {
        let is_own = file != with.file;
        return is_own.then(|| Shape::of(set, with, sources.get(file))).flatten();
    }
    // Nobody has written a down yet, and the runner looks for them in files of their own.
    if set.layout.downs == DownStyle::File { up.other_way() } else { None }
}

/// Returns the command with which a runner makes migrations that are more than an SQL file.
///
/// Source: the runners' documentation.
fn own_command(set: &MigrationSet, name: &str) -> Option<String> {
    Some(match set.layout.name {
        "alembic" => format!("alembic revision -m \"{name}\""),
        "django" => format!("python manage.py makemigrations --empty APP --name {name}"),
        "rails" => format!("bin/rails generate migration {name}"),
        "ecto" => format!("mix ecto.gen.migration {name}"),
        "knex" => format!("npx knex migrate:make {name}"),
        "sequelize" => format!("npx sequelize-cli migration:generate --name {name}"),
        "typeorm" => {
            let folder = set.root.display();
            format!("npx typeorm migration:create {folder}/{name}")
        }
        "kysely" => format!("npx kysely migrate make {name}"),
        "mikro-orm" => "npx mikro-orm migration:create --blank".to_owned(),
        "drizzle" => format!("npx drizzle-kit generate --custom --name={name}"),
        "sqitch" => format!("sqitch add {name} -n \"...\""),
        "liquibase" => "add a changeset to the changelog".to_owned(),
        "graphile-migrate" => {
            "write into migrations/current.sql, and `npx graphile-migrate commit`".to_owned()
        }
        _ => return None,
    })
}

/// Returns whether a runner holds a transaction open around what it applies.
fn holds_transaction(set: &MigrationSet) -> bool {
    set.transaction == TransactionMode::Runner
}

/// Returns whether most lines of a file end with CRLF.
fn is_crlf(file: &SourceFile) -> bool {
    let crlf = file.text.matches("\r\n").count();
    crlf * 2 > file.text.matches('\n').count()
}
