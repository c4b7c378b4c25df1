//! Reads the lines of a file of facts, and finds those with a name.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::sql::Volatility;
use crate::version::PgVersion;

/// The server versions in which a fact holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Versions {
    /// The first major version, of those that Lockmaster knows.
    pub first: u16,
    /// The last major version, of those that Lockmaster knows.
    pub last: u16,
}

impl Versions {
    /// All that Lockmaster knows.
    pub const ALL: Self = Self { first: PgVersion::OLDEST.major, last: PgVersion::NEWEST.major };

    /// Returns whether a version is one of these.
    pub fn contains(self, version: PgVersion) -> bool {
        (self.first..=self.last).contains(&version.major)
    }

    /// Reads `14-`, `-13`, `13-15`, or nothing, which means all.
    fn parse(text: &str) -> Self {
        let (first, last) = text.split_once('-').unwrap_or_default();
        Self {
            first: first.parse().unwrap_or(Self::ALL.first),
            last: last.parse().unwrap_or(Self::ALL.last),
        }
    }
}

/// Reads `pg_proc.provolatile`.
pub(super) fn volatility(letter: Option<char>) -> Volatility {
    match letter {
        Some('i') => Volatility::Immutable,
        Some('s') => Volatility::Stable,
        _ => Volatility::Volatile,
    }
}

/// The fields of a line that have not been read.
pub(super) struct Fields(std::str::Split<'static, char>);

impl Fields {
    /// Takes the next field. Empty ones at the end of a line are left out.
    pub(super) fn take(&mut self) -> &'static str {
        self.0.next().unwrap_or_default()
    }

    /// Takes the next field; `None` if it is empty.
    pub(super) fn take_some(&mut self) -> Option<&'static str> {
        Some(self.take()).filter(|field| !field.is_empty())
    }
}

/// A kind of fact.
pub(super) trait Fact: Sized {
    /// Reads the fields behind the versions.
    fn read(versions: Versions, fields: &mut Fields) -> Self;

    /// Returns when it holds.
    fn versions(&self) -> Versions;
}

/// Cuts a file into lines: their versions and the other fields.
pub(super) fn lines(text: &'static str) -> impl Iterator<Item = (Versions, Fields)> {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut fields = Fields(line.split('\t'));
        (Versions::parse(fields.take()), fields)
    })
}

/// Reads a file.
pub(super) fn read<T: Fact>(text: &'static str) -> Vec<T> {
    lines(text).map(|(versions, mut fields)| T::read(versions, &mut fields)).collect()
}

/// Returns the part of a sorted slice that compares as equal.
pub(super) fn equal<T>(facts: &[T], order: impl Fn(&T) -> Ordering) -> &[T] {
    let start = facts.partition_point(|fact| order(fact).is_lt());
    let rest = facts.get(start..).unwrap_or_default();
    let end = rest.partition_point(|fact| order(fact).is_eq());
    rest.get(..end).unwrap_or_default()
}

/// Returns a map from the names of a sorted slice to the facts that have them: for the lists that every
/// column of every table asks.
pub(super) fn by_name<T>(
    facts: &'static [T],
    name: impl Fn(&T) -> &'static str,
) -> HashMap<&'static str, &'static [T]> {
    let named = facts.chunk_by(|one, other| name(one) == name(other));
    named.filter_map(|same| Some((name(same.first()?), same))).collect()
}

/// Returns the facts that hold for a version.
pub(super) fn holding<T: Fact>(facts: &[T], version: PgVersion) -> impl Iterator<Item = &T> {
    facts.iter().filter(move |fact| fact.versions().contains(version))
}

#[cfg(test)]
pub(super) fn pg(major: u16) -> PgVersion {
    PgVersion { major }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_open_at_the_ends_that_are_not_said() {
        let range = |text| {
            let versions = Versions::parse(text);
            (versions.first, versions.last)
        };
        assert_eq!(range(""), (12, 18));
        assert_eq!(range("14-"), (14, 18));
        assert_eq!(range("-13"), (12, 13));
        assert_eq!(range("13-13"), (13, 13));
    }
}
