//! What a diagnostic is known by when unrelated lines move: a hash of its rule, its file and the text
//! that it is about.

use std::collections::BTreeMap;

use super::excerpt::Secrets;
use super::{clamp, shown_path};
use crate::diagnostic::Diagnostic;
use crate::layout::Sources;
use crate::source::SourceFile;

/// Lines longer than this are not about one thing; the place itself then has to do.
const LONG: usize = 2000;

/// Gives each diagnostic its fingerprint. All diagnostics of the run must be there, and sorted, before
/// any is suppressed: equal ones in one file are told apart by their order.
pub fn stamp_fingerprints(diagnostics: &mut [Diagnostic], sources: &Sources) {
    let fingerprints = compute(diagnostics, sources);
    for (diagnostic, fingerprint) in diagnostics.iter_mut().zip(fingerprints) {
        diagnostic.fingerprint = Some(fingerprint);
    }
}

/// Returns the fingerprints of sorted diagnostics.
pub(super) fn compute(diagnostics: &[Diagnostic], sources: &Sources) -> Vec<u64> {
    let secrets = Secrets::new(diagnostics, sources);
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    diagnostics
        .iter()
        .map(|diagnostic| {
            let mut hash = base(diagnostic, sources.get(diagnostic.file), &secrets);
            let ordinal = seen.entry(hash.0).or_default();
            hash.add(&ordinal.to_le_bytes());
            *ordinal += 1;
            hash.0
        })
        .collect()
}

/// Hashes what equal diagnostics have in common.
fn base(diagnostic: &Diagnostic, file: &SourceFile, secrets: &Secrets) -> Hash {
    let mut hash = Hash::default();
    hash.add(diagnostic.rule.as_bytes());
    hash.add(&[0]);
    hash.add(shown_path(&file.path).as_bytes());
    hash.add(&[0]);
    let range = text_range(diagnostic, file);
    let bytes = file.text.as_bytes().get(range.clone()).unwrap_or_default();
    let hidden = secrets.within(diagnostic.file, &range);
    let mut is_space = false;
    for (at, byte) in bytes.iter().enumerate() {
        let at = range.start + at;
        match byte {
            // A hash of a password is a way to guess it.
            _ if hidden.iter().any(|secret| secret.contains(&at)) => {}
            byte if byte.is_ascii_whitespace() => is_space = true,
            byte => {
                if std::mem::take(&mut is_space) {
                    hash.add(b" ");
                }
                hash.add(&[*byte]);
            }
        }
    }
    hash.add(&[0]);
    hash
}

/// Returns the lines of a diagnostic's place without their indentation, or the place itself.
fn text_range(diagnostic: &Diagnostic, file: &SourceFile) -> std::ops::Range<usize> {
    let span = clamp(diagnostic.span, file.text.len());
    let line = |offset| file.line_range(file.line_index(offset)).unwrap_or(0..0);
    let last = if span.is_empty() { span.end } else { span.end - 1 };
    let lines = line(span.start).start.max(file.text_start())..line(last).end;
    if lines.len() > LONG {
        return span.start..span.end.min(span.start + LONG);
    }
    let text = file.text.get(lines.clone()).unwrap_or_default();
    let start = lines.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

/// FNV-1a with 64 bits: small, and the same on every machine and in every version.
struct Hash(u64);

impl Default for Hash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    fn fingerprints(text: &str, words: &[&str]) -> Vec<u64> {
        let sources = Sources { files: vec![SourceFile::new("a.sql", text.to_owned())] };
        let find = |word: &str| text.find(word).map(|at| Span::new(at..at + word.len()));
        let diagnostics: Vec<Diagnostic> = words
            .iter()
            .map(|word| {
                Diagnostic::new(FileId(0), find(word).expect("the word is there"), "message")
            })
            .collect();
        compute(&diagnostics, &sources)
    }

    #[test]
    fn unrelated_lines_and_white_space_do_not_matter() {
        let before = fingerprints("select 1;\nselect  two;\n", &["two"]);
        let after = fingerprints("-- new\n\nselect 1;\r\n\tselect two;  \r\nselect 3;", &["two"]);
        assert_eq!(before, after);
        assert_ne!(before, fingerprints("select two, 3;", &["two"]));
    }

    #[test]
    fn equal_ones_in_one_file_are_told_apart() {
        let found = fingerprints("select one, two;", &["one", "two"]);
        assert_ne!(found[0], found[1]);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        let mut hash = Hash::default();
        hash.add(b"foobar");
        assert_eq!(hash.0, 0x8594_4171_f739_67e8);
    }
}
