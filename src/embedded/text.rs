//! Text that was taken out of a host file, with where each part of it stands there.

use crate::source::Span;

/// How the literal that a part comes from is quoted, which says what may be written into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    /// The quotation mark.
    pub mark: char,
    /// Whether it may hold line breaks as they are.
    pub is_long: bool,
    /// Whether it is a template, in which braces and percent signs mean something.
    pub is_template: bool,
}

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The text.
    pub text: String,
    /// Where it stands in the host file.
    pub host: Span,
    /// The literal's quotes, where the host file has the same bytes; nothing for an escape sequence or
    /// what was translated.
    pub exact: Option<Quote>,
    /// Whether the text is a stand-in for what is known only at run time.
    pub is_open: bool,
}

/// A text in parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// The parts, in order.
    pub parts: Vec<Part>,
}

impl Text {
    /// Makes a text that stands nowhere as it is: a translation of what stands at `host`.
    pub fn translated(text: impl Into<String>, host: Span) -> Self {
        let mut made = Self::default();
        made.push(text, host);
        made
    }

    /// Makes a stand-in for a part of which nothing is known before it runs.
    ///
    /// It is spelled as a placeholder of SQL files, so that where it is harmless the rest is checked.
    pub fn open(name: &str, host: Span) -> Self {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let name = if name.chars().all(is_word) && name.len() < 100 { name } else { "value" };
        let text = format!("{{{{{name}}}}}");
        Self { parts: vec![Part { text, host, exact: None, is_open: true }] }
    }

    /// Adds a translation of what stands at `host`.
    pub fn push(&mut self, text: impl Into<String>, host: Span) {
        let text = text.into();
        match self.parts.last_mut() {
            Some(last) if last.host == host && last.exact.is_none() && !last.is_open => {
                last.text.push_str(&text);
            }
            _ => self.parts.push(Part { text, host, exact: None, is_open: false }),
        }
    }

    /// Adds bytes that the host file has too.
    pub fn push_exact(&mut self, text: &str, host: Span, quote: Quote) {
        if !text.is_empty() {
            let exact = Some(quote);
            self.parts.push(Part { text: text.to_owned(), host, exact, is_open: false });
        }
    }

    /// Adds another text.
    pub fn append(&mut self, other: Text) {
        self.parts.extend(other.parts);
    }

    /// Returns how many bytes it has.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.text.len()).sum()
    }

    /// Returns whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.text.is_empty())
    }

    /// Returns whether a part of it is known only at run time.
    pub fn is_open(&self) -> bool {
        self.parts.iter().any(|part| part.is_open)
    }

    /// Returns the text as one string, stand-ins and all.
    pub fn shown(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// Returns the text if all of it is known.
    pub fn known(&self) -> Option<String> {
        (!self.is_open()).then(|| self.shown())
    }

    /// Returns the text with the characters taken away for which `is_gone` says so; it is shown each
    /// character with the one before it and all that follows it.
    #[must_use]
    pub fn without(self, is_gone: impl Fn(char, &str) -> bool) -> Self {
        let whole = self.shown();
        let mut at = 0;
        let mut out = Self::default();
        for part in self.parts {
            let mut from = 0;
            for (place, c) in part.text.char_indices() {
                let next = place + c.len_utf8();
                if is_gone(c, &whole[at + next..]) {
                    out.push_slice(&part, from, place);
                    from = next;
                }
            }
            out.push_slice(&part, from, part.text.len());
            at += part.text.len();
        }
        out
    }

    fn push_slice(&mut self, part: &Part, from: usize, to: usize) {
        self.append(part.slice(from, to));
    }
}

impl Part {
    /// Returns a piece of the part.
    pub fn slice(&self, from: usize, to: usize) -> Text {
        let parts = self.piece(from, to).filter(|piece| !piece.text.is_empty());
        Text { parts: parts.into_iter().collect() }
    }

    /// Returns a piece of the part, if it begins and ends between characters.
    pub fn piece(&self, from: usize, to: usize) -> Option<Part> {
        let text = self.text.get(from..to)?.to_owned();
        let host = match self.exact {
            Some(_) => Span::new(from..to).shift(self.host.start),
            None => self.host,
        };
        Some(Self { text, host, ..*self })
    }
}
