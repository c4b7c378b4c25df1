//! Lints PostgreSQL migrations.
//!
//! Modules are declared in reading order: the order in which a migration passes through them.

pub mod source;
pub mod version;

pub mod config;
pub mod discover;
pub mod git;

pub mod embedded;
pub mod sql;

pub mod layout;
pub mod past;

pub mod catalog;
pub mod session;

pub mod create;
pub mod recipe;

pub mod diagnostic;
pub mod effects;
pub mod replay;

pub mod check;
pub mod rule;
pub mod rules;
pub mod schema;

pub mod suppress;

pub mod fix;
pub mod report;

pub mod cli;
