//! Splits a script into statements, comments and what only psql or a runner understands.

use super::lex::{TokenKind, token};
use crate::source::Span;

/// A piece of a script; chunks come in order and cover all of it but white space and terminators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// What it is.
    pub kind: ChunkKind,
    /// Its text, without the terminator.
    pub span: Span,
    /// Where its terminator ends (`;`), or the end of the span where there is none.
    pub full_end: u32,
    /// What is wrong with it already at this level.
    pub problem: Option<SplitProblem>,
}

/// What a chunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// One SQL statement.
    Statement,
    /// A comment outside of statements.
    Comment,
    /// A psql meta-command: from the backslash to the end of the line.
    MetaCommand,
    /// The rows after `COPY ... FROM stdin;`, without the closing `\.`.
    CopyData,
    /// A `DELIMITER x` line, which some runners read.
    Delimiter,
}

/// Something that never ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitProblem {
    /// A quoted string, quoted name, dollar-quoted string or block comment that begins here.
    Unterminated {
        /// Where it begins.
        at: u32,
        /// What it is.
        kind: TokenKind,
    },
    /// A parenthesis that is not closed before a `;`.
    OpenParenthesis {
        /// Where the outermost open one stands.
        at: u32,
    },
}

/// How often the splitter starts anew behind something that never ends, so that cost stays linear.
const MAX_RESTARTS: usize = 50;

/// Splits `text`; the spans count from its beginning.
pub fn split(text: &str) -> Vec<Chunk> {
    let mut splitter = Splitter {
        text,
        at: 0,
        chunks: Vec::new(),
        statement: None,
        delimiter: changeset_delimiter(text),
        restarts: 0,
        has_end_marker: true,
    };
    splitter.run();
    splitter.chunks
}

struct Splitter<'a> {
    text: &'a str,
    at: usize,
    chunks: Vec<Chunk>,
    statement: Option<Open<'a>>,
    delimiter: Option<&'a str>,
    restarts: usize,
    /// Whether a line `\.` may lie ahead.
    has_end_marker: bool,
}

/// The statement that is being read.
struct Open<'a> {
    start: usize,
    end: usize,
    parens: usize,
    first_paren: usize,
    /// The first `;` inside parentheses, where a wrong parenthesis would have ended the statement.
    hidden_semicolon: Option<usize>,
    /// Depth of `BEGIN ATOMIC ... END`.
    atomic: usize,
    previous_word: &'a str,
    is_copy: bool,
    from_stdin: bool,
}

impl<'a> Splitter<'a> {
    fn run(&mut self) {
        loop {
            while self.at < self.text.len() {
                self.step();
            }
            let Some(open) = self.statement.take() else { return };
            match open.hidden_semicolon {
                Some(at) if open.parens > 0 && self.restarts < MAX_RESTARTS => {
                    self.restarts += 1;
                    let problem = SplitProblem::OpenParenthesis { at: offset(open.first_paren) };
                    self.push(ChunkKind::Statement, open.start, at, at + 1, Some(problem));
                    self.at = at + 1;
                }
                _ => {
                    let problem = (open.parens > 0)
                        .then_some(SplitProblem::OpenParenthesis { at: offset(open.first_paren) });
                    self.push(ChunkKind::Statement, open.start, open.end, open.end, problem);
                    return;
                }
            }
        }
    }

    fn step(&mut self) {
        let text = self.text;
        let rest = &text[self.at..];
        if self.statement.is_none() && self.line_directive(rest) {
            return;
        }
        if let Some(delimiter) = self.delimiter
            && rest.starts_with(delimiter)
        {
            self.finish(self.at + delimiter.len());
            self.at += delimiter.len();
            return;
        }
        let token = token(rest);
        if !token.closed {
            self.recover(token.kind);
            return;
        }
        let (start, end) = (self.at, self.at + token.len);
        self.at = end;
        match token.kind {
            TokenKind::Space => {}
            TokenKind::Comment => self.comment(start, end),
            TokenKind::Byte(b';') if self.statement.as_ref().is_none_or(Open::may_end) => {
                let copy = self.statement.as_ref().is_some_and(|s| s.is_copy && s.from_stdin);
                self.finish(end);
                if copy {
                    self.copy_data();
                }
            }
            TokenKind::Byte(b'\\') => self.backslash(start),
            kind => self.extend(kind, start, end),
        }
    }

    fn comment(&mut self, start: usize, end: usize) {
        // Drizzle separates statements with this comment, `;` or not.
        if self.text[start..end].starts_with("--> statement-breakpoint") {
            self.finish(start);
        }
        if self.statement.is_none() {
            self.push(ChunkKind::Comment, start, end, end, None);
        }
    }

    fn extend(&mut self, kind: TokenKind, start: usize, end: usize) {
        let text = self.text;
        let word = if kind == TokenKind::Word { &text[start..end] } else { "" };
        let is = |keyword: &str| word.eq_ignore_ascii_case(keyword);
        let open = self.statement.get_or_insert(Open {
            start,
            end,
            parens: 0,
            first_paren: start,
            hidden_semicolon: None,
            atomic: 0,
            previous_word: "",
            is_copy: is("copy"),
            from_stdin: false,
        });
        open.end = end;
        match kind {
            TokenKind::Byte(b'(') => {
                if open.parens == 0 {
                    open.first_paren = start;
                    open.hidden_semicolon = None;
                }
                open.parens += 1;
            }
            TokenKind::Byte(b')') => open.parens = open.parens.saturating_sub(1),
            TokenKind::Byte(b';') if open.parens > 0 => {
                open.hidden_semicolon.get_or_insert(start);
            }
            TokenKind::Word => {
                let opens_body = is("atomic") && open.previous_word.eq_ignore_ascii_case("begin");
                if opens_body || open.atomic > 0 && is("case") {
                    open.atomic += 1;
                } else if open.atomic > 0 && is("end") {
                    open.atomic -= 1;
                } else if open.is_copy && is("stdin") {
                    open.from_stdin |= open.previous_word.eq_ignore_ascii_case("from");
                }
                open.previous_word = word;
            }
            _ => {}
        }
    }

    /// Ends the open statement, if there is one; its terminator ends at `full_end`.
    fn finish(&mut self, full_end: usize) {
        if let Some(open) = self.statement.take() {
            self.push(ChunkKind::Statement, open.start, open.end, full_end, None);
        }
    }

    /// Reads a backslash outside of quotes: a psql meta-command up to the end of the line.
    fn backslash(&mut self, start: usize) {
        let rest = &self.text[start..];
        if rest.starts_with("\\;") {
            self.at = start + 2;
            self.finish(start + 2);
            return;
        }
        self.finish(start);
        let line_end = rest.find(['\n', '\r']).map_or(self.text.len(), |at| start + at);
        self.push(
            ChunkKind::MetaCommand,
            start,
            start + self.text[start..line_end].trim_end().len(),
            line_end,
            None,
        );
        self.at = line_end;
    }

    /// Reads the rows after `COPY ... FROM stdin;`: whole lines up to `\.`, if there is such a line.
    fn copy_data(&mut self) {
        if !self.has_end_marker {
            return;
        }
        let Some(line_end) = self.text[self.at..].find('\n') else { return };
        let start = self.at + line_end + 1;
        let mut at = start;
        while at < self.text.len() {
            let end = self.text[at..].find('\n').map_or(self.text.len(), |len| at + len + 1);
            if self.text[at..end].trim_end() == "\\." {
                if start < at {
                    self.push(ChunkKind::CopyData, start, at, end, None);
                }
                self.at = end;
                return;
            }
            at = end;
        }
        // No end marker: the text is SQL after all (the runner feeds the rows from elsewhere).
        self.has_end_marker = false;
    }

    /// Reads a line that changes the delimiter, such as `DELIMITER d//`.
    fn line_directive(&mut self, rest: &'a str) -> bool {
        if !rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter")) {
            return false;
        }
        let Some((mark, len)) = delimiter_mark(&rest[9..]) else { return false };
        let before = self.text[..self.at].trim_end_matches([' ', '\t', BOM]);
        if !before.is_empty() && !before.ends_with(['\n', '\r']) {
            return false;
        }
        self.delimiter = (mark != ";").then_some(mark);
        let end = self.at + 9 + len;
        self.push(ChunkKind::Delimiter, self.at, end, end, None);
        self.at = end;
        true
    }

    /// Goes on behind a token that never ends: at the next line that looks like a new statement.
    fn recover(&mut self, kind: TokenKind) {
        let at = self.at;
        let start = self.statement.take().map_or(at, |open| open.start);
        self.restarts += 1;
        let resume = (self.restarts < MAX_RESTARTS)
            .then(|| next_statement_line(self.text, at))
            .flatten()
            .unwrap_or(self.text.len());
        let end = start + self.text[start..resume].trim_end().len();
        let problem = SplitProblem::Unterminated { at: offset(at), kind };
        self.push(ChunkKind::Statement, start, end.max(at + 1), resume, Some(problem));
        self.at = resume;
    }

    fn push(
        &mut self,
        kind: ChunkKind,
        start: usize,
        end: usize,
        full_end: usize,
        problem: Option<SplitProblem>,
    ) {
        let span = Span::new(start..end);
        self.chunks.push(Chunk { kind, span, full_end: offset(full_end.max(end)), problem });
    }
}

impl Open<'_> {
    fn may_end(&self) -> bool {
        self.parens == 0 && self.atomic == 0
    }
}

fn offset(at: usize) -> u32 {
    Span::new(at..at).start
}

/// Returns what ends the statements of a changeset of Liquibase beside `;`, if its first line says so:
/// `--changeset me:1 endDelimiter:@@`.
fn changeset_delimiter(text: &str) -> Option<&str> {
    let line = text.trim_start().strip_prefix("--")?.lines().next()?.trim_start();
    line.get(..9).filter(|word| word.eq_ignore_ascii_case("changeset"))?;
    let key = "enddelimiter:";
    let value = line.split_whitespace().find_map(|word| {
        let (front, value) = word.split_at_checked(key.len())?;
        front.eq_ignore_ascii_case(key).then_some(value)
    })?;
    // Patterns such as `\ngo` are not read, and `;` ends a statement anyway.
    let is_mark = |c: char| c.is_ascii_punctuation() && !matches!(c, ';' | '\\' | '\'' | '"' | '-');
    (!value.is_empty() && value.chars().all(is_mark)).then_some(value)
}

/// The longest delimiter, in bytes.
const MAX_DELIMITER: usize = 32;

const BOM: char = '\u{feff}';

/// Reads what follows the word `DELIMITER`: the delimiter itself, alone on the rest of the line.
/// Returns it with the length of all that was read.
fn delimiter_mark(rest: &str) -> Option<(&str, usize)> {
    let blank = |text: &str| text.bytes().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let start = blank(rest);
    let len = rest[start..]
        .char_indices()
        .take_while(|(at, c)| *at <= MAX_DELIMITER && !c.is_whitespace())
        .map(|(at, c)| at + c.len_utf8())
        .last()?;
    let end = start + len;
    let after = end + blank(&rest[end..]);
    let is_line_end = rest[after..].is_empty() || rest[after..].starts_with(['\n', '\r']);
    (start > 0 && len <= MAX_DELIMITER && is_line_end).then(|| (&rest[start..end], end))
}

/// Words that begin a statement and seldom begin a line of something else.
const STATEMENT_WORDS: &[&str] = &[
    "alter", "analyze", "comment", "commit", "create", "delete", "drop", "grant", "insert",
    "reindex", "revoke", "rollback", "truncate", "update", "vacuum",
];

/// Returns the start of the first line after `at` that begins, unindented, with a statement's word.
pub(super) fn next_statement_line(text: &str, at: usize) -> Option<usize> {
    let mut line = at;
    loop {
        line += text[line..].find('\n')? + 1;
        let word =
            text[line..].split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        if STATEMENT_WORDS.iter().any(|keyword| word.eq_ignore_ascii_case(keyword)) {
            return Some(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(text: &str, kind: ChunkKind) -> Vec<&str> {
        split(text).into_iter().filter(|c| c.kind == kind).map(|c| &text[c.span.range()]).collect()
    }

    fn statements(text: &str) -> Vec<&str> {
        chunks(text, ChunkKind::Statement)
    }

    #[test]
    fn semicolons_inside_tokens_do_not_split() {
        assert_eq!(
            statements("select ';' ; select $x$;$x$; -- ;\n select \"a;b\" /* ; */ , (1)"),
            ["select ';'", "select $x$;$x$", "select \"a;b\" /* ; */ , (1)"],
        );
    }

    #[test]
    fn function_bodies_stay_whole() {
        let sql = "create function f() returns int begin atomic select case when true then 1 end; end; select 2";
        assert_eq!(statements(sql).len(), 2);
    }

    #[test]
    fn rule_actions_in_parentheses_stay_whole() {
        let sql = "create rule r as on insert to t do also (select 1; select 2); select 3";
        assert_eq!(statements(sql).len(), 2);
    }

    #[test]
    fn meta_commands_end_the_statement_and_the_line() {
        let sql = "\\set x 1\nselect 1 \\gexec\n\\i other.sql\nselect 2;";
        assert_eq!(chunks(sql, ChunkKind::MetaCommand), ["\\set x 1", "\\gexec", "\\i other.sql"]);
        assert_eq!(statements(sql), ["select 1", "select 2"]);
    }

    #[test]
    fn copy_data_is_not_sql() {
        let sql = "copy t (a, b) from stdin;\n1\tit's; fine\n\\.\nselect 1;";
        assert_eq!(chunks(sql, ChunkKind::CopyData), ["1\tit's; fine\n"]);
        assert_eq!(statements(sql), ["copy t (a, b) from stdin", "select 1"]);
    }

    #[test]
    fn the_delimiter_of_a_changeset_is_no_statement() {
        let sql =
            "--changeset me:1 splitStatements:true endDelimiter:@@\nselect 1;\n@@\nselect 2\n@@";
        assert_eq!(statements(sql), ["select 1", "select 2"]);
        assert_eq!(statements("-- changeset a:1\nselect 1;"), ["select 1"]);
    }

    #[test]
    fn delimiter_lines_are_understood() {
        let sql = "delimiter d//\nselect 1; select 2;\nd//\ndelimiter ;\nselect 3;";
        assert_eq!(statements(sql), ["select 1", "select 2", "select 3"]);
        assert_eq!(statements("select delimiter from t;"), ["select delimiter from t"]);
    }

    #[test]
    fn an_unterminated_string_does_not_hide_the_rest() {
        let sql = "select 'oops;\ncreate table t (a int);\nselect 1;";
        assert_eq!(statements(sql), ["select 'oops;", "create table t (a int)", "select 1"]);
        assert!(split(sql)[0].problem.is_some());
    }

    #[test]
    fn an_open_parenthesis_does_not_hide_the_rest() {
        let sql = "create table t (a int;\ncreate table u (a int);";
        assert_eq!(statements(sql), ["create table t (a int", "create table u (a int)"]);
    }

    #[test]
    fn drizzle_breakpoints_end_statements() {
        assert_eq!(
            statements("select 1\n--> statement-breakpoint\nselect 2"),
            ["select 1", "select 2"]
        );
    }
}
