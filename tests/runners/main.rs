//! Runs the real migration runners on directories against a real server, and compares what reaches the
//! server with what Lockmaster says: which statements, in which order, inside of whose transaction, and
//! which of them the server refuses.
//!
//! `docs/runners.md` says which runners these are. What they are made of is there for Linux only.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod case;
mod habits;
mod log;
mod observation;
mod prediction;

mod dbmate;
mod debian;
mod liquibase;
mod node_code;
mod node_sql;
mod python;
mod rust;
