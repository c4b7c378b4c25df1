//! What a runner remembers of the migrations that it has applied, and what it makes of it when their
//! files change or others are put before them.
//!
//! The facts were measured with the runners themselves, or read in their source. Where nobody has tried,
//! it says so: `Unknown` is not `Unnoticed`.

use super::Layout;

/// What a runner remembers, and what follows from it.
#[derive(Clone, Copy, Debug)]
pub struct Bookkeeping {
    /// By what it knows a migration again.
    pub identity: Identity,
    /// What it makes of an applied migration whose file was edited.
    pub edited: OnEdit,
    /// What counts as an edit.
    pub compares: Compares,
    /// What it makes of an applied migration whose file is gone: a sentence that goes on as above; empty
    /// if nothing is known.
    pub gone: &'static str,
    /// What it makes of a new migration that sorts before an applied one.
    pub late: OnLate,
}

/// By what a runner knows a migration again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Its version: the rest of the name may change.
    Version,
    /// The whole name.
    Name,
    /// Nobody has tried, or there is no runner.
    Unknown,
}

/// What a runner makes of an applied migration whose file was edited: a sentence that goes on with
/// "where it has been applied".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnEdit {
    /// Nobody has tried.
    Unknown,
    /// It does not look.
    Unnoticed,
    /// It goes on.
    Warns(&'static str),
    /// It stops, or does harm.
    Fails(&'static str),
}

/// What of a file a runner compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compares {
    /// Nothing.
    Nothing,
    /// Every byte.
    Bytes,
    /// Every line, whatever ends it.
    Lines,
    /// Every line without the white space around it, of the down too.
    TrimmedLines,
    /// Everything but white space.
    Words,
}

/// What a runner makes of a new migration that sorts before an applied one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnLate {
    /// Nobody has tried.
    Unknown,
    /// It never applies it; what else there is to say.
    Never(&'static str),
    /// It stops; what else there is to say.
    Refuses(&'static str),
    /// It applies it behind the others.
    Applies,
    /// Its order is not that of names and numbers, or it has another rule for that.
    OtherOrder,
}

/// A runner of which nothing is known.
const UNKNOWN: Bookkeeping = Bookkeeping {
    identity: Identity::Unknown,
    edited: OnEdit::Unknown,
    compares: Compares::Nothing,
    gone: "",
    late: OnLate::Unknown,
};

/// A runner that keeps nothing but the versions that it has applied, and applies each that it has not.
const VERSIONS: Bookkeeping = Bookkeeping {
    identity: Identity::Version,
    edited: OnEdit::Unnoticed,
    late: OnLate::Applies,
    ..UNKNOWN
};

/// A runner that keeps nothing but the names that it has applied, and applies each that it has not.
const NAMES: Bookkeeping = Bookkeeping { identity: Identity::Name, ..VERSIONS };

impl Layout {
    /// Returns whether the versions of two revisions of a directory can be compared: not where they are
    /// places in a list or graph.
    pub fn has_lasting_versions(&self) -> bool {
        !matches!(self.name, "sqitch" | "liquibase" | "drizzle" | "alembic" | "django")
    }

    /// Returns what the runner remembers of applied migrations.
    pub fn bookkeeping(&self) -> Bookkeeping {
        match self.name {
            "golang-migrate" => Bookkeeping {
                late: OnLate::Never("golang-migrate reports success: there is no change"),
                gone: "golang-migrate stops, if it is the last one,",
                ..VERSIONS
            },
            "goose" => Bookkeeping {
                late: OnLate::Refuses("`-allow-missing` lets goose apply it"),
                ..VERSIONS
            },
            "dbmate" | "diesel" | "hasura" | "rails" | "pg-migrate" => VERSIONS,
            "ecto" => Bookkeeping { edited: OnEdit::Unknown, ..VERSIONS },
            "sqlx" => Bookkeeping {
                edited: OnEdit::Fails("sqlx stops"),
                compares: Compares::Bytes,
                gone: "sqlx stops",
                ..VERSIONS
            },
            "refinery" => Bookkeeping {
                edited: OnEdit::Fails("refinery stops"),
                compares: Compares::Bytes,
                gone: "refinery stops",
                late: OnLate::Never(
                    "the command line of refinery leaves it out, its library stops",
                ),
                ..VERSIONS
            },
            "flyway" => Bookkeeping {
                edited: OnEdit::Fails("Flyway fails its validation"),
                compares: Compares::Lines,
                late: OnLate::Refuses("`outOfOrder=true` lets Flyway apply it"),
                ..VERSIONS
            },
            "evolve" => Bookkeeping {
                edited: OnEdit::Fails("the checksum of Evolve does not fit"),
                compares: Compares::Lines,
                late: OnLate::Refuses("`OutOfOrder` lets Evolve apply it"),
                ..VERSIONS
            },
            "liquibase" => Bookkeeping {
                edited: OnEdit::Fails("Liquibase fails its validation"),
                compares: Compares::Words,
                ..NAMES
            },
            "sqitch" => Bookkeeping {
                late: OnLate::Refuses(
                    "the id of a change contains what stands before it in the plan, so Sqitch does not find the changes behind it again",
                ),
                ..NAMES
            },
            "node-pg-migrate" => Bookkeeping { late: OnLate::Refuses(""), ..NAMES },
            "knex" => Bookkeeping { gone: "Knex stops", ..NAMES },
            "kysely" => Bookkeeping {
                gone: "Kysely stops",
                late: OnLate::Refuses("`allowUnorderedMigrations` lets Kysely apply it"),
                ..NAMES
            },
            "sequelize" | "typeorm" | "db-migrate" => NAMES,
            "dbup" => Bookkeeping { edited: OnEdit::Unknown, ..NAMES },
            // Parents and dependencies are the order.
            "alembic" | "django" => Bookkeeping {
                identity: Identity::Unknown,
                edited: OnEdit::Unknown,
                late: OnLate::OtherOrder,
                ..NAMES
            },
            "yoyo" => NAMES,
            "prisma" => Bookkeeping {
                edited: OnEdit::Warns(
                    "`prisma migrate deploy` changes nothing, and `prisma migrate dev` offers a reset,",
                ),
                compares: Compares::Bytes,
                ..NAMES
            },
            // What decides is a time in its journal.
            "drizzle" => Bookkeeping { late: OnLate::OtherOrder, ..NAMES },
            "supabase" => Bookkeeping {
                edited: OnEdit::Unknown,
                late: OnLate::Refuses("`--include-all` lets Supabase apply it"),
                ..VERSIONS
            },
            "atlas" => Bookkeeping {
                edited: OnEdit::Unknown,
                late: OnLate::Refuses("`--exec-order non-linear` lets Atlas apply it"),
                ..VERSIONS
            },
            // The numbers follow on one another: nothing fits in between.
            "tern" => Bookkeeping { edited: OnEdit::Unknown, late: OnLate::OtherOrder, ..VERSIONS },
            "sql-migrate" => Bookkeeping { gone: "sql-migrate stops", ..NAMES },
            "graphile-migrate" => Bookkeeping {
                edited: OnEdit::Fails("graphile-migrate stops over its chain of hashes"),
                compares: Compares::Bytes,
                late: OnLate::OtherOrder,
                ..VERSIONS
            },
            "postgrator" => Bookkeeping {
                edited: OnEdit::Fails("postgrator stops"),
                compares: Compares::Bytes,
                late: OnLate::Never(""),
                ..VERSIONS
            },
            "postgres-migrations" => Bookkeeping {
                edited: OnEdit::Fails("postgres-migrations stops"),
                compares: Compares::Bytes,
                late: OnLate::OtherOrder,
                ..VERSIONS
            },
            "marv" => Bookkeeping { late: OnLate::Refuses(""), ..VERSIONS },
            "pgmigrate" => Bookkeeping { late: OnLate::Never(""), ..VERSIONS },
            "mybatis" => {
                Bookkeeping { edited: OnEdit::Unknown, late: OnLate::Never(""), ..VERSIONS }
            }
            "play-evolutions" => Bookkeeping {
                edited: OnEdit::Fails(
                    "Play runs the old down, with the loss of what its tables hold, and the new up",
                ),
                compares: Compares::TrimmedLines,
                late: OnLate::OtherOrder,
                ..VERSIONS
            },
            "rambler" => {
                Bookkeeping { edited: OnEdit::Unknown, late: OnLate::Refuses(""), ..NAMES }
            }
            "shmig" => Bookkeeping { edited: OnEdit::Unknown, late: OnLate::Never(""), ..VERSIONS },
            _ => UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::LAYOUTS;
    use super::*;

    #[test]
    fn what_is_compared_is_a_checksum() {
        for layout in LAYOUTS {
            let compares = layout.bookkeeping().compares != Compares::Nothing;
            // Atlas compares the files with one another, in `atlas.sum`.
            assert_eq!(compares || layout.name == "atlas", layout.checksums, "{}", layout.name);
        }
    }
}
