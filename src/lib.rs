//! Lints PostgreSQL migrations.
//!
//! Modules are declared in reading order: the order in which a migration passes through them.

pub mod source;
pub mod sql;
