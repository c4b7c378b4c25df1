//! What keeps changes from being written.

use std::io;
use std::path::PathBuf;

/// Why changes were not written. Unless it says otherwise, no file was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file's permissions forbid writing.
    #[error("`{}` is read-only: no file was changed", .0.display())]
    ReadOnlyFile(PathBuf),
    /// The permissions of the file's folder forbid writing.
    #[error("the folder `{}` is read-only: no file was changed", .0.display())]
    ReadOnlyFolder(PathBuf),
    /// Somebody else wrote the file in the meantime.
    #[error("`{}` changed on disk after it was read: no file was changed", .0.display())]
    Changed(PathBuf),
    /// Somebody else made the file in the meantime.
    #[error("`{}` exists already: no file was changed", .0.display())]
    Exists(PathBuf),
    /// The system refuses.
    #[error("cannot write `{}`: {source}: no file was changed", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system refused when some files were written, and when they were to be put back.
    #[error("cannot write `{}`: {source}: these files are written already: {}", path.display(), list(written))]
    Partly {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
        /// The files that were written, each as a whole.
        written: Vec<PathBuf>,
    },
    /// The diff cannot be printed.
    #[error("cannot print the diff: {0}")]
    Output(#[source] io::Error),
}

fn list(paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
    paths.join(", ")
}
