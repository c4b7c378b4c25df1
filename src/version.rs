//! The PostgreSQL version that migrations are meant for.

use std::fmt;
use std::str::FromStr;

/// A server version: the target of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PgVersion {
    /// The major version, 12 to 18.
    pub major: u16,
}

impl PgVersion {
    /// The oldest version whose behaviour has been measured.
    pub const OLDEST: Self = Self { major: 12 };
    /// The newest version whose behaviour has been measured.
    pub const NEWEST: Self = Self { major: 18 };
    /// The target where nothing else is said: the oldest that the PostgreSQL project still supports.
    pub const DEFAULT: Self = Self { major: 15 };
}

impl Default for PgVersion {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl fmt::Display for PgVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.major.fmt(f)
    }
}

impl FromStr for PgVersion {
    type Err = VersionError;

    /// Reads `15` or `15.4`. Newer versions than 18 are treated as 18; the caller says so.
    fn from_str(text: &str) -> Result<Self, VersionError> {
        let major = text.trim().split('.').next().unwrap_or_default();
        let rest_is_numeric = text.trim().split('.').all(|part| part.parse::<u16>().is_ok());
        match major.parse() {
            Ok(major) if rest_is_numeric && major >= Self::OLDEST.major => {
                Ok(Self { major: Self::NEWEST.major.min(major) })
            }
            _ => Err(VersionError { text: text.to_owned() }),
        }
    }
}

impl PgVersion {
    /// Returns what the user must know where `text` names a newer version than the newest known one,
    /// as which it is treated.
    pub fn note_newer(text: &str) -> Option<String> {
        let major: u16 = text.trim().split('.').next()?.parse().ok()?;
        let newest = Self::NEWEST;
        (major > newest.major).then(|| {
            format!("PostgreSQL {text} is treated as {newest}, the newest version that is known")
        })
    }
}

/// A text that names no version that Lockmaster knows.
#[derive(Debug, thiserror::Error)]
#[error("`{text}` is not a PostgreSQL version from 12 to 18")]
pub struct VersionError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minor_versions_are_accepted_and_newer_majors_become_the_newest_known() {
        let major = |text: &str| text.parse::<PgVersion>().map(|version| version.major).ok();
        assert_eq!(major("14.3"), Some(14));
        assert_eq!(major("23"), Some(18));
        for wrong in ["11", "", "15x", "15.", "-1"] {
            assert_eq!(major(wrong), None, "{wrong}");
        }
    }
}
