//! What integration tests share. In a test file: `mod support;`.

#![allow(dead_code, reason = "every test binary uses another part of it")]

pub(crate) mod server;

pub(crate) mod example;

pub(crate) mod lock;

use std::path::{Path, PathBuf};

/// Returns the path of a part of the project.
pub(crate) fn project(part: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(part)
}

/// Returns whether expected output is to be rewritten instead of compared.
pub(crate) fn blessing() -> bool {
    std::env::var_os("LOCKMASTER_BLESS").is_some()
}
