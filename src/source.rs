//! Source text and positions in it.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use crate::embedded::Embedded;

/// A byte range in one file, counted from the file's first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// Makes a span of a byte range; [`SourceFile::from_bytes`] guarantees that offsets fit.
    pub fn new(range: Range<usize>) -> Self {
        let offset = |n| u32::try_from(n).unwrap_or(u32::MAX);
        Self { start: offset(range.start), end: offset(range.end) }
    }

    /// Returns an empty span at `offset`.
    pub fn at(offset: u32) -> Self {
        Self { start: offset, end: offset }
    }

    /// Returns the span as a range to slice with.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Returns this span, which was measured from `base`, measured from the file's start.
    #[must_use]
    pub fn shift(self, base: u32) -> Self {
        Self { start: self.start + base, end: self.end + base }
    }

    /// Returns whether `other` lies inside this span.
    pub fn contains(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }
}

/// Index of a [`SourceFile`] among the files of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(pub u32);

impl FileId {
    /// Returns the index to slice with.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Something in a file's bytes that is not text a PostgreSQL client can send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EncodingProblem {
    /// Bytes that are not UTF-8; each was replaced by `?`, so offsets are unchanged.
    InvalidUtf8 {
        /// The first such byte.
        first: Span,
        /// Its value.
        byte: u8,
        /// How many bytes were replaced in all.
        count: usize,
    },
    /// A zero byte, which PostgreSQL cannot receive.
    Nul {
        /// The first such byte.
        first: Span,
    },
    /// The file is UTF-16 (it starts with that byte order mark).
    Utf16,
}

/// A migration file held in memory.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    /// The path as it is shown to the user.
    pub path: PathBuf,
    /// The text, byte for byte as long as the file.
    pub text: String,
    /// What is wrong with the file's bytes, if anything is.
    pub encoding: Option<EncodingProblem>,
    /// Where the text comes from, if it was taken out of another file.
    pub embedded: Option<Arc<Embedded>>,
    line_starts: Vec<u32>,
    /// How many characters come before each block of [`BLOCK`] bytes.
    characters: Vec<u32>,
}

/// The bytes of text that are counted anew for each position.
const BLOCK: usize = 1024;

const BOM: &str = "\u{feff}";

impl SourceFile {
    /// Makes a source file of a text that is known to be good.
    pub fn new(path: impl Into<PathBuf>, text: String) -> Self {
        let mut line_starts: Vec<u32> = codespan_reporting::files::line_starts(&text)
            .map(|start| u32::try_from(start).unwrap_or(u32::MAX))
            .collect();
        line_starts.shrink_to_fit();
        let mut count = 0;
        let mut characters = Vec::with_capacity(text.len().div_ceil(BLOCK) + 1);
        characters.push(0);
        characters.extend(text.as_bytes().chunks(BLOCK).map(|block| {
            count += count_characters(block);
            count
        }));
        Self { path: path.into(), text, encoding: None, embedded: None, line_starts, characters }
    }

    /// Makes a source file of a file's bytes, whatever they are. Files over 4 GiB are cut off.
    pub fn from_bytes(path: impl Into<PathBuf>, mut bytes: Vec<u8>) -> Self {
        bytes.truncate(u32::MAX as usize);
        if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
            let mut file = Self::new(path, " ".repeat(bytes.len()));
            file.encoding = Some(EncodingProblem::Utf16);
            return file;
        }
        let (text, invalid) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(error) => {
                let (text, invalid) = replace_invalid(error.into_bytes());
                (text, Some(invalid))
            }
        };
        let mut file = Self::new(path, text);
        let nul = file.text.bytes().position(|byte| byte == 0);
        file.encoding =
            nul.map(|at| EncodingProblem::Nul { first: Span::new(at..at + 1) }).or(invalid);
        file
    }

    /// Returns the text at `span`.
    pub fn slice(&self, span: Span) -> &str {
        self.text.get(span.range()).unwrap_or_default()
    }

    /// Returns where the text begins: after the byte order mark, if there is one.
    pub fn text_start(&self) -> usize {
        if self.text.starts_with(BOM) { BOM.len() } else { 0 }
    }

    /// Returns the zero-based line that holds `offset`.
    pub fn line_index(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|&start| start as usize <= offset).saturating_sub(1)
    }

    /// Returns the byte range of a zero-based line, its line ending included.
    pub fn line_range(&self, line: usize) -> Option<Range<usize>> {
        let start = *self.line_starts.get(line)? as usize;
        let end = self.line_starts.get(line + 1).map_or(self.text.len(), |&end| end as usize);
        Some(start..end)
    }

    /// Returns the number of lines; a text that ends with a line break has an empty last line.
    pub fn line_count(&self) -> usize {
        self.line_starts.len()
    }

    /// Returns line and column of a byte offset, both from 1, the column in characters.
    ///
    /// Where the text was taken out of another file, they are those of that file.
    pub fn position(&self, offset: u32) -> Position {
        if let Some(embedded) = &self.embedded {
            return embedded.position(&self.text, offset);
        }
        let offset = (offset as usize).min(self.text.len());
        let line = self.line_index(offset);
        let start = self.line_starts.get(line).map_or(0, |&start| start as usize);
        let start = if line == 0 { self.text_start().min(offset) } else { start };
        let column = self.characters_before(offset).saturating_sub(self.characters_before(start));
        Position { line: line + 1, column: column as usize + 1, offset }
    }

    /// Returns how many characters begin before `offset`. A line may be as long as a file.
    fn characters_before(&self, offset: usize) -> u32 {
        let block = offset / BLOCK;
        let rest = self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default();
        self.characters.get(block).copied().unwrap_or_default() + count_characters(rest)
    }

    /// Returns the line break that the file uses: that of its first line.
    pub fn line_break(&self) -> &'static str {
        match self.text.find('\n') {
            Some(at) if self.text[..at].ends_with('\r') => "\r\n",
            _ => "\n",
        }
    }
}

/// Counts the bytes that begin a character.
fn count_characters(bytes: &[u8]) -> u32 {
    bytes.iter().map(|&byte| u32::from(byte & 0xc0 != 0x80)).sum()
}

/// A place in a file as people and editors name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte offset, from 0.
    pub offset: usize,
}

/// Replaces every byte that is not part of a UTF-8 character by `?`.
fn replace_invalid(mut bytes: Vec<u8>) -> (String, EncodingProblem) {
    let mut first = None;
    let mut count = 0;
    let mut from = 0;
    while let Err(error) = std::str::from_utf8(&bytes[from..]) {
        let start = from + error.valid_up_to();
        let end = error.error_len().map_or(bytes.len(), |len| start + len);
        first.get_or_insert((start, bytes[start]));
        count += end - start;
        bytes[start..end].fill(b'?');
        from = end;
    }
    let (at, byte) = first.unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    (text, EncodingProblem::InvalidUtf8 { first: Span::new(at..at + 1), byte, count })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_bytes_keep_their_offsets() {
        let file = SourceFile::from_bytes("a.sql", b"select 'caf\xe9\xff';".to_vec());
        assert_eq!(file.text, "select 'caf??';");
        assert_eq!(
            file.encoding,
            Some(EncodingProblem::InvalidUtf8 { first: Span::new(11..12), byte: 0xe9, count: 2 })
        );
    }

    #[test]
    fn columns_count_characters_and_ignore_the_byte_order_mark() {
        let file = SourceFile::new("a.sql", "\u{feff}é x\n\ty".to_owned());
        let x = u32::try_from(file.text.find('x').expect("there is an x")).expect("small");
        assert_eq!((file.position(x).line, file.position(x).column), (1, 3));
        assert_eq!((file.position(x + 3).line, file.position(x + 3).column), (2, 2));
    }

    #[test]
    fn columns_are_right_far_into_a_long_line() {
        let text = format!("x\n{}", "é表a".repeat(1000));
        let file = SourceFile::new("a.sql", text.clone());
        for (at, _) in text.char_indices().skip(2).chain([(text.len(), ' ')]) {
            let position = file.position(u32::try_from(at).expect("small"));
            assert_eq!(position.column, text[2..at].chars().count() + 1);
        }
    }
}
