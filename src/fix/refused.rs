//! Why a fix was not applied.

use std::fmt;
use std::path::PathBuf;

/// A fix that was not applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The file of the diagnostic.
    pub path: PathBuf,
    /// Its line in the text as the fixes leave it, from 1.
    pub line: usize,
    /// The rule.
    pub rule: &'static str,
    /// What the fix would have done.
    pub fix: String,
    /// Why it was not applied.
    pub reason: Reason,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path.display(), self.line, self.rule, self.reason)
    }
}

/// What keeps a fix from being applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The file holds bytes that are not text, which writing would lose.
    Encoding,
    /// The file is not on disk.
    Missing(PathBuf),
    /// There is something else than a file, or the text came from elsewhere.
    NotRegular(PathBuf),
    /// The file cannot be read again.
    Unreadable(PathBuf, String),
    /// The file on disk is no longer what was read.
    Changed(PathBuf),
    /// The file is another name of one that is fixed under that name.
    SameFile(PathBuf),
    /// The fix adds a file that exists.
    Exists(PathBuf),
    /// The rule asks for an edit that its file has no place for.
    Misplaced,
    /// The SQL would no longer be understood.
    NotUnderstood,
    /// There would be a new error.
    NewError {
        /// Its rule.
        rule: &'static str,
        /// What it says.
        message: String,
    },
    /// The diagnostic would still be reported.
    StillReported,
    /// Each fix of the file leads to another, without end.
    Endless,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encoding => f.write_str(
                "the file holds bytes that are not UTF-8 text, which writing it would lose",
            ),
            Self::Missing(path) => write!(f, "there is no file `{}`", path.display()),
            Self::NotRegular(path) => write!(f, "`{}` is not a regular file", path.display()),
            Self::Unreadable(path, error) => {
                write!(f, "cannot read `{}` again: {error}", path.display())
            }
            Self::Changed(path) => {
                write!(f, "`{}` changed on disk after it was read", path.display())
            }
            Self::SameFile(path) => {
                write!(f, "the file is the same as `{}`, where it is fixed", path.display())
            }
            Self::Exists(path) => {
                write!(f, "the fix adds `{}`, which exists already", path.display())
            }
            Self::Misplaced => {
                f.write_str("the fix does not fit the file; this is a bug of the rule")
            }
            Self::NotUnderstood => f.write_str("the fixed file would not be understood"),
            Self::NewError { rule, message } => {
                write!(f, "the fix would lead to another error: {rule}: {message}")
            }
            Self::StillReported => {
                f.write_str("the fix would not help: the same would be reported again")
            }
            Self::Endless => {
                f.write_str("the fixes of this file lead to one another without end; none was made")
            }
        }
    }
}
