//! Formatted SQL: files that marker comments cut into changesets.

use crate::source::{SourceFile, Span};

/// A changeset of a formatted SQL file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Changeset {
    pub(super) author: String,
    pub(super) id: String,
    /// The marker line.
    pub(super) line: Span,
    /// From the marker line to the next one.
    pub(super) section: Span,
    pub(super) attributes: Attributes,
    pub(super) rollback: Rollback,
}

/// What the words on a marker line say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) in_transaction: bool,
    pub(super) splits_statements: bool,
    pub(super) runs_again: bool,
    pub(super) is_ignored: bool,
    pub(super) dbms: Option<String>,
}

impl Default for Attributes {
    fn default() -> Self {
        Self {
            in_transaction: true,
            splits_statements: true,
            runs_again: false,
            is_ignored: false,
            dbms: None,
        }
    }
}

/// How a changeset is taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Rollback {
    /// Nothing says how.
    #[default]
    Missing,
    /// The SQL stands in one piece.
    Section(Span),
    /// It needs none, is spread over several lines, or is that of another changeset.
    Other,
}

/// Returns whether a text begins with the line that makes it formatted SQL.
pub(super) fn is_formatted(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let first = text.lines().find(|line| !line.trim().is_empty());
    first.is_some_and(is_header)
}

/// Reads `--liquibase formatted sql`, in any case and with blanks.
pub(super) fn is_header(line: &str) -> bool {
    let Some(rest) = marker(line) else { return false };
    word(rest, "liquibase").is_some_and(|rest| {
        rest.get(..9).is_some_and(|word| word.eq_ignore_ascii_case("formatted"))
    })
}

/// Returns what follows the dashes of a comment line.
fn marker(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("--").map(str::trim_start)
}

/// Returns what follows `word` at the front of a text, and the blanks after it.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (front, rest) = text.split_at_checked(word.len())?;
    front.eq_ignore_ascii_case(word).then(|| rest.trim_start())
}

/// Cuts a file into its changesets; `before` is the text that stands before the first of them.
pub(super) struct Cut {
    pub(super) changesets: Vec<Changeset>,
    pub(super) before: Span,
}

/// Cuts a formatted file up.
pub(super) fn cut(file: &SourceFile) -> Cut {
    let start = file.text_start();
    let mut cut = Cut { changesets: Vec::new(), before: Span::new(start..file.text.len()) };
    let mut rollbacks: Vec<Vec<Span>> = Vec::new();
    let mut block: Option<usize> = None;
    let mut at = start;
    for line in file.text[start..].split_inclusive('\n') {
        let content = line.trim_end();
        if let Some(open) = block {
            if content.ends_with("*/") {
                block = None;
                if let Some(found) = rollbacks.last_mut() {
                    found.push(Span::new(open..at + content.len() - 2));
                }
            }
        } else if let Some((author, id, words)) = changeset(content) {
            let here = Span::new(at..at + content.len());
            match cut.changesets.last_mut() {
                Some(last) => last.section.end = here.start,
                None => cut.before.end = here.start,
            }
            cut.changesets.push(Changeset {
                author: author.to_owned(),
                id: id.to_owned(),
                line: here,
                section: Span { start: here.start, end: Span::new(0..file.text.len()).end },
                attributes: attributes(words),
                rollback: Rollback::Missing,
            });
            rollbacks.push(Vec::new());
        } else if opens_rollback(content) {
            block = Some(at + line.len());
        } else if let (Some(sql), Some(found)) = (rollback(content), rollbacks.last_mut()) {
            let end = at + content.len();
            found.push(Span::new(end - sql.len()..end));
        }
        at += line.len();
    }
    for (changeset, spans) in cut.changesets.iter_mut().zip(rollbacks) {
        changeset.rollback = rollback_of(file, &spans);
    }
    cut
}

/// Reads `--changeset author:id words`.
fn changeset(line: &str) -> Option<(&str, &str, &str)> {
    let rest = word(marker(line)?, "changeset")?;
    let (author, rest) = part(rest, ':')?;
    let rest = rest.trim_start().strip_prefix(':')?.trim_start();
    let (id, rest) = part(rest, ' ')?;
    (!author.is_empty() && !id.is_empty()).then_some((author, id, rest))
}

/// Takes a part off the front: up to `end`, or a quoted one.
fn part(text: &str, end: char) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('"') {
        return rest.split_once('"');
    }
    let is_end = |c: char| if end == ':' { c == ':' } else { c.is_whitespace() };
    let at = match text.find(is_end) {
        Some(at) => at,
        None if end == ':' => return None,
        None => text.len(),
    };
    Some((text[..at].trim(), &text[at..]))
}

/// Reads the words `key:value`. One with a blank after the colon, or with `=`, says nothing.
fn attributes(words: &str) -> Attributes {
    let mut found = Attributes::default();
    for word in words.split_whitespace() {
        let Some((key, value)) = word.split_once(':').filter(|(_, value)| !value.is_empty()) else {
            continue;
        };
        // Whatever is not `true` is no.
        let is_true = value.eq_ignore_ascii_case("true");
        match key.to_ascii_lowercase().as_str() {
            "runintransaction" => found.in_transaction = is_true,
            "splitstatements" => found.splits_statements = is_true,
            "runonchange" | "runalways" => found.runs_again |= is_true,
            "ignore" => found.is_ignored = is_true,
            "dbms" => found.dbms = Some(value.to_owned()),
            _ => {}
        }
    }
    found
}

/// Returns the SQL of a line `--rollback sql`. The word must be followed by a blank.
fn rollback(line: &str) -> Option<&str> {
    let rest = marker(line)?;
    let (front, sql) = rest.split_at_checked("rollback".len())?;
    let is_word = front.eq_ignore_ascii_case("rollback") && sql.starts_with([' ', '\t']);
    is_word.then(|| sql.trim()).filter(|sql| !sql.is_empty())
}

/// Returns whether a line opens a block of rollback SQL: `/* liquibase rollback`.
fn opens_rollback(line: &str) -> bool {
    let rest = line.trim_start().strip_prefix("/*").map(str::trim_start);
    rest.and_then(|rest| word(rest, "liquibase"))
        .is_some_and(|rest| rest.trim().eq_ignore_ascii_case("rollback"))
}

fn rollback_of(file: &SourceFile, spans: &[Span]) -> Rollback {
    let [span] = spans else {
        return if spans.is_empty() { Rollback::Missing } else { Rollback::Other };
    };
    let text = file.slice(*span).trim().to_ascii_lowercase();
    let is_other = matches!(text.as_str(), "empty" | "not required")
        || text.starts_with("changesetid:")
        || text.starts_with("--");
    if is_other { Rollback::Other } else { Rollback::Section(*span) }
}

/// Returns whether the names of databases in an attribute `dbms` leave PostgreSQL out.
pub(super) fn leaves_out_postgres(dbms: &str) -> bool {
    let names: Vec<&str> = dbms.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let is_postgres =
        |name: &str| name.eq_ignore_ascii_case("postgresql") || name.eq_ignore_ascii_case("all");
    if names.iter().any(|name| name.strip_prefix('!').is_some_and(is_postgres)) {
        return true;
    }
    // A placeholder may stand for any.
    let wanted: Vec<&&str> = names.iter().filter(|name| !name.starts_with('!')).collect();
    !wanted.is_empty() && !wanted.iter().any(|name| is_postgres(name) || name.contains("${"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (SourceFile, Cut) {
        let file = SourceFile::new("a.sql", text.to_owned());
        let cut = cut(&file);
        (file, cut)
    }

    #[test]
    fn the_header_is_the_first_line_that_is_not_blank() {
        for text in [
            "--liquibase formatted sql",
            "\n\n  -- Liquibase  Formatted SQL\n",
            "\u{feff}--liquibase formatted sql",
        ] {
            assert!(is_formatted(text), "{text}");
        }
        assert!(!is_formatted("-- a file\n--liquibase formatted sql"));
        assert!(!is_formatted("-- liquibase wants a header"));
    }

    #[test]
    fn changesets_begin_at_their_lines() {
        let (file, cut) = read(
            "--liquibase formatted sql\ndrop table x;\n  -- Changeset me : 1 runInTransaction:off\n\
             create table a ();\n--changeset \"a b\":\"c d\" dbms:oracle\nselect 2;\n",
        );
        let names: Vec<_> = cut.changesets.iter().map(|c| (&*c.author, &*c.id)).collect();
        assert_eq!(names, [("me", "1"), ("a b", "c d")]);
        assert!(!cut.changesets[0].attributes.in_transaction);
        assert_eq!(cut.changesets[1].attributes.dbms.as_deref(), Some("oracle"));
        assert!(file.slice(cut.before).contains("drop table x"));
        assert!(file.slice(cut.changesets[0].section).ends_with("create table a ();\n"));
    }

    #[test]
    fn what_is_misspelt_says_nothing() {
        for words in ["runInTransaction: false", "runInTransaction=false"] {
            assert_eq!(attributes(words), Attributes::default(), "{words}");
        }
        assert!(changeset("--changesets me").is_none());
        assert!(changeset("--changeset me").is_none());
    }

    #[test]
    fn a_rollback_in_one_piece_is_read() {
        let rollback = |lines: &str| {
            let text = format!("--liquibase formatted sql\n--changeset a:1\nselect 1;\n{lines}\n");
            let (file, cut) = read(&text);
            match &cut.changesets[0].rollback {
                Rollback::Section(span) => file.slice(*span).trim().to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(rollback("--rollback drop table a;"), "drop table a;");
        assert_eq!(rollback("/* liquibase rollback\ndrop\ntable a;\n*/"), "drop\ntable a;");
        for other in ["--rollback a\n--rollback b", "--rollback empty", "--rollback not required"] {
            assert_eq!(rollback(other), "Other", "{other}");
        }
        for missing in ["--rollback", "--rollbacks a", ""] {
            assert_eq!(rollback(missing), "Missing", "{missing}");
        }
    }

    #[test]
    fn dbms_names_databases_or_leaves_them_out() {
        for none in ["mysql", "oracle,h2", "!postgresql", "none"] {
            assert!(leaves_out_postgres(none), "{none}");
        }
        for one in ["postgresql", "h2, postgresql", "!mysql", "all", "${db}"] {
            assert!(!leaves_out_postgres(one), "{one}");
        }
    }
}
