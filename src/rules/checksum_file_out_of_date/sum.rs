//! `atlas.sum`: what it holds, and what it should hold.

use std::fmt;

use sha2::{Digest, Sha256};

/// The hashes of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    /// The hash of all lines.
    pub(super) total: String,
    /// The names of the files with their hashes, each of which contains what came before it.
    pub(super) entries: Vec<(String, String)>,
}

impl Sum {
    /// Sums files up as Atlas does, by their names and texts in its order. Compared with the files of
    /// seven public projects.
    pub(super) fn of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let mut chain = Sha256::new();
        let mut total = Sha256::new();
        let mut entries = Vec::new();
        for (name, text) in files {
            chain.update(name.as_bytes());
            chain.update(text.as_bytes());
            let hash = base64(&chain.clone().finalize());
            total.update(name.as_bytes());
            total.update(hash.as_bytes());
            entries.push((name.to_owned(), hash));
        }
        Self { total: base64(&total.finalize()), entries }
    }

    /// Reads the file; nothing if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let total = lines.next()?.strip_prefix("h1:")?.to_owned();
        let entry = |line: &str| {
            let (name, hash) = line.rsplit_once(" h1:")?;
            Some((name.to_owned(), hash.to_owned()))
        };
        Some(Self { total, entries: lines.map(entry).collect::<Option<_>>()? })
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "h1:{}", self.total)?;
        self.entries.iter().try_for_each(|(name, hash)| writeln!(f, "{name} h1:{hash}"))
    }
}

/// Spells bytes in base 64, with padding.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * at)) as usize & 63).copied();
            text.push(if at > group.len() { '=' } else { char::from(letter.unwrap_or(b'=')) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_spelled_with_padding() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let sum = Sum::of([("1_a.sql", "select 1;\n"), ("2_b.sql", "")].into_iter());
        assert_eq!(Sum::parse(&sum.to_string()), Some(sum));
        assert_eq!(Sum::parse("<<<<<<< ours\nh1:x\n"), None);
    }
}
