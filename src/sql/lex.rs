//! Cuts SQL text into tokens, as PostgreSQL's lexer and psql do, without parsing it.

/// What a token is, as far as splitting and finding words need to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// White space, line breaks included.
    Space,
    /// `-- ...` up to the line break, or `/* ... */`.
    Comment,
    /// A keyword, an unquoted identifier or a number's letters.
    Word,
    /// A number.
    Number,
    /// A string constant: `'...'`, `E'...'`, `$tag$...$tag$`.
    String,
    /// A quoted identifier: `"..."`.
    QuotedName,
    /// Any other single byte.
    Byte(u8),
}

/// One token: its kind, its length in bytes, and whether its end was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Length in bytes; never zero.
    pub len: usize,
    /// False for a quoted token or comment that runs to the end of the text.
    pub closed: bool,
}

/// A token with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lexeme<'a> {
    /// What it is.
    pub kind: TokenKind,
    /// Offset of its first byte in the text that was passed.
    pub start: usize,
    /// Its text.
    pub text: &'a str,
}

impl Lexeme<'_> {
    /// Returns the offset after the last byte.
    pub fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Returns whether this is the keyword `word`, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Returns the name that this word or quoted name stands for: folded or unquoted.
    pub fn name(&self) -> Option<String> {
        match self.kind {
            TokenKind::Word => Some(self.text.to_ascii_lowercase()),
            TokenKind::QuotedName => {
                Some(self.text.get(1..self.text.len() - 1)?.replace("\"\"", "\""))
            }
            _ => None,
        }
    }
}

/// Returns the tokens of `text` that mean something: no white space, no comments.
pub fn lexemes(text: &str) -> impl Iterator<Item = Lexeme<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < text.len() {
            let start = at;
            let token = token(&text[at..]);
            at += token.len;
            if !matches!(token.kind, TokenKind::Space | TokenKind::Comment) {
                return Some(Lexeme { kind: token.kind, start, text: &text[start..at] });
            }
        }
        None
    })
}

/// Reads one token off the front of `text`, which must not be empty.
pub fn token(text: &str) -> Token {
    let bytes = text.as_bytes();
    let first = bytes.first().copied().unwrap_or(b' ');
    let done = |kind, len| Token { kind, len, closed: true };
    match first {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
            let len = bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len());
            done(TokenKind::Space, len)
        }
        b'-' if bytes.get(1) == Some(&b'-') => {
            let len = bytes.iter().position(|b| matches!(b, b'\n' | b'\r')).unwrap_or(bytes.len());
            done(TokenKind::Comment, len)
        }
        b'/' if bytes.get(1) == Some(&b'*') => block_comment(bytes),
        b'\'' => quoted(bytes, 0, b'\'', false, TokenKind::String),
        b'"' => quoted(bytes, 0, b'"', false, TokenKind::QuotedName),
        b'e' | b'E' if bytes.get(1) == Some(&b'\'') => {
            quoted(bytes, 1, b'\'', true, TokenKind::String)
        }
        b'$' => match dollar_tag(text) {
            Some(tag) => {
                let body = &text[tag.len()..];
                match body.find(tag) {
                    Some(at) => done(TokenKind::String, at + 2 * tag.len()),
                    None => Token { kind: TokenKind::String, len: text.len(), closed: false },
                }
            }
            None => done(TokenKind::Byte(b'$'), 1),
        },
        b'0'..=b'9' => {
            let len = bytes.iter().position(|&b| !is_word_part(b) && b != b'.');
            done(TokenKind::Number, len.unwrap_or(bytes.len()))
        }
        _ if is_word_start(first) => {
            let len = bytes.iter().position(|&b| !is_word_part(b)).unwrap_or(bytes.len());
            done(TokenKind::Word, len)
        }
        _ => done(TokenKind::Byte(first), 1),
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Returns whether a word may begin with `byte`; PostgreSQL counts every non-ASCII byte as a letter.
pub fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// Returns whether a word may go on with `byte`.
pub fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

/// Reads the quoted token whose opening quote is at `open`.
fn quoted(bytes: &[u8], open: usize, quote: u8, backslash: bool, kind: TokenKind) -> Token {
    let mut at = open + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if backslash => at += 2,
            b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
            b if b == quote => return Token { kind, len: at + 1, closed: true },
            _ => at += 1,
        }
    }
    Token { kind, len: bytes.len(), closed: false }
}

/// Reads a block comment; they nest in PostgreSQL.
fn block_comment(bytes: &[u8]) -> Token {
    let kind = TokenKind::Comment;
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return Token { kind, len: at, closed: true };
                }
            }
            _ => at += 1,
        }
    }
    Token { kind, len: bytes.len(), closed: false }
}

/// Returns the tag that opens a dollar-quoted string, such as `$$` or `$body$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    if bytes.get(1).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let name = bytes[1..].iter().position(|&b| !is_word_start(b) && !b.is_ascii_digit())?;
    (bytes.get(name + 1) == Some(&b'$')).then(|| &text[..name + 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_folded_or_unquoted() {
        let names: Vec<_> = lexemes("Users \"Or\"\"ders\" 1").filter_map(|l| l.name()).collect();
        assert_eq!(names, ["users", "Or\"ders"]);
    }

    #[test]
    fn parameters_are_not_dollar_quotes() {
        let kinds: Vec<_> = lexemes("$1 $$a$$ $x$ $ $x$").map(|l| l.kind).collect();
        let (byte, number) = (TokenKind::Byte(b'$'), TokenKind::Number);
        assert_eq!(kinds, [byte, number, TokenKind::String, TokenKind::String]);
    }
}
