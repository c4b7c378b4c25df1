//! What a migration's version is and how versions compare.

use std::cmp::Ordering;

/// A migration's version as its file name spells it, and its place in the order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// As spelled: `0007`, `127a`, `20240115120000`, `1.2`.
    pub text: String,
    key: Key,
}

/// How a version compares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    /// Numbers, most significant first, then what follows them: `127a` comes after `127`.
    Numbers(Vec<u128>, String),
    /// Text, by its bytes.
    Text(String),
}

impl Default for Key {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key.cmp(&other.key)
    }
}

impl Version {
    /// Makes a version that compares by number: `7` equals `007`.
    pub fn number(text: &str) -> Self {
        Self::number_with_suffix(text, "")
    }

    /// Makes a version that compares by number, then by a letter suffix.
    pub fn number_with_suffix(digits: &str, suffix: &str) -> Self {
        let number = digits.parse().unwrap_or(u128::MAX);
        let key = Key::Numbers(vec![number], suffix.to_ascii_lowercase());
        Self { text: format!("{digits}{suffix}"), key }
    }

    /// Makes a version of several numbers, such as `1.2`, where `1` and `1.0` are different.
    pub fn parts(text: &str) -> Self {
        let numbers =
            text.split(['.', '_']).map(|part| part.parse().unwrap_or(u128::MAX)).collect();
        Self { text: text.to_owned(), key: Key::Numbers(numbers, String::new()) }
    }

    /// Makes a version of several numbers, such as `1.2`; trailing zeros do not count.
    pub fn dotted(text: &str) -> Self {
        let mut numbers: Vec<u128> =
            text.split(['.', '_']).map(|part| part.parse().unwrap_or(u128::MAX)).collect();
        while numbers.len() > 1 && numbers.last() == Some(&0) {
            numbers.pop();
        }
        Self { text: text.to_owned(), key: Key::Numbers(numbers, String::new()) }
    }

    /// Makes a version that compares by its bytes.
    pub fn text(text: &str) -> Self {
        Self { text: text.to_owned(), key: Key::Text(text.to_owned()) }
    }

    /// Makes a version that is spelled `text` and compares by the bytes of `key`.
    pub fn spelled(text: &str, key: &str) -> Self {
        Self { text: text.to_owned(), key: Key::Text(key.to_owned()) }
    }

    /// Makes a version that compares by its place in a list, whatever it is called.
    pub fn place(text: &str, place: usize) -> Self {
        Self { text: text.to_owned(), key: Key::Numbers(vec![place as u128], String::new()) }
    }

    /// Returns whether two migrations with these versions collide.
    pub fn is_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Returns the number of a version that is one plain number without a suffix.
    pub fn as_number(&self) -> Option<u128> {
        match &self.key {
            Key::Numbers(numbers, suffix) if suffix.is_empty() && numbers.len() == 1 => {
                numbers.first().copied()
            }
            _ => None,
        }
    }

    /// Returns the number before a letter suffix.
    pub fn base_number(&self) -> Option<u128> {
        match &self.key {
            Key::Numbers(numbers, _) => numbers.first().copied(),
            Key::Text(_) => None,
        }
    }
}

/// Splits a file name into leading digits, a letter suffix and the rest without separators:
/// `127a_add_x` is `127`, `a`, `add_x`.
pub(super) fn split_number(stem: &str) -> Option<(&str, &str, &str)> {
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let rest = &stem[digits..];
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let is_suffix = letters <= 2 && rest[letters..].starts_with(['_', '-', '.', ' ']);
    let (suffix, rest) = if letters > 0 && is_suffix { rest.split_at(letters) } else { ("", rest) };
    Some((&stem[..digits], suffix, rest.trim_start_matches(['_', '-', '.', ' '])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_by_value_and_letters_follow() {
        let number = |digits, suffix| Version::number_with_suffix(digits, suffix);
        assert!(number("127", "").is_same(&number("0127", "")));
        assert!(number("127", "") < number("127", "a"));
        assert!(number("127", "a") < number("128", ""));
        assert!(Version::dotted("1.10") > Version::dotted("1.9"));
        assert!(Version::dotted("1.0").is_same(&Version::dotted("1")));
    }

    #[test]
    fn names_are_split_at_the_number() {
        assert_eq!(split_number("127a_add_x"), Some(("127", "a", "add_x")));
        assert_eq!(split_number("003add"), Some(("003", "", "add")));
        assert_eq!(split_number("2024-05-01_x"), Some(("2024", "", "05-01_x")));
        assert_eq!(split_number("add_indexes"), None);
    }
}
