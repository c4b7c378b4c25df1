//! The tables in which runners note what they have applied: they make those themselves.

/// The names that they have unless somebody chooses others.
const BOOKKEEPING: &[&str] = &[
    "schema_migrations",
    "schema_migration",
    "schema_version",
    "schemaversion",
    "schema_info",
    "schema_lock",
    "flyway_schema_history",
    "goose_db_version",
    "gorp_migrations",
    "pgmigrations",
    "knex_migrations",
    "knex_migrations_lock",
    "refinery_schema_history",
    "databasechangelog",
    "databasechangeloglock",
    "changelog",
    "migrations",
    "migration",
    "play_evolutions",
    "__diesel_schema_migrations",
    "_sqlx_migrations",
    "_prisma_migrations",
    "__drizzle_migrations",
    "_yoyo_migration",
    "_yoyo_version",
    "yoyo_lock",
];

/// What such names hold where somebody chose them.
const PARTS: &[&str] =
    &["migration", "schema_version", "db_version", "schema_history", "changelog", "evolutions"];

/// Returns whether a table is one in which runners keep what they have applied.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    BOOKKEEPING.contains(&name.to_ascii_lowercase().as_str())
}

/// Returns whether a table may be one in which runners keep what they have applied, under whatever name.
/// That of a table of the application may look the same.
pub(super) fn may_be_bookkeeping(name: &str) -> bool {
    is_bookkeeping(name) || PARTS.iter().any(|part| name.contains(part))
}
