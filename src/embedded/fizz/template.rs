//! The template of Go that a file is before it is a script.

use crate::source::Span;

/// What a template leaves where the database is PostgreSQL.
pub(super) struct Template {
    /// The text; what is left out is blank, so that nothing moves.
    pub text: String,
    /// The parts of which it is not known whether they are left out.
    pub unread: Vec<Span>,
}

/// A condition that is open.
struct Open {
    start: usize,
    /// Whether a branch holds that came before.
    is_taken: bool,
    /// Whether a condition that came before is not known.
    is_unknown: bool,
    /// Whether what stands around it is left out.
    is_outer_gone: bool,
}

/// Follows the conditions of a template.
pub(super) fn resolve(text: &str) -> Template {
    let mut walk = Walk { text: String::new(), unread: Vec::new(), open: Vec::new(), gone: false };
    let mut at = 0;
    // Behind the last action everything is text.
    let actions_end = text.rfind("}}").unwrap_or_default();
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let len = if at < actions_end { action_len(rest) } else { None };
        let end = len.or_else(|| rest.find("{{").filter(|end| *end > 0)).unwrap_or_else(|| {
            // Without a second bracket it is text like any other.
            rest.len() - rest.trim_start_matches('{').len()
        });
        let end = if end == 0 { rest.len() } else { end };
        let piece = &rest[..end];
        let is_control = len.is_some() && walk.control(piece, at);
        walk.keep(piece, is_control);
        at += end;
    }
    let Walk { text: resolved, mut unread, open, .. } = walk;
    // What is open inside another one is part of that.
    unread.extend(open.first().map(|open| Span::new(open.start..text.len())));
    unread.sort_unstable();
    Template { text: resolved, unread }
}

struct Walk {
    text: String,
    unread: Vec<Span>,
    open: Vec<Open>,
    /// Whether what comes now is left out.
    gone: bool,
}

impl Walk {
    fn keep(&mut self, piece: &str, is_control: bool) {
        if !self.gone && !is_control {
            self.text.push_str(piece);
            return;
        }
        let blank = |byte: u8| if byte == b'\n' { '\n' } else { ' ' };
        self.text.extend(piece.bytes().map(blank));
    }

    /// Follows an action; returns whether it is one that leaves nothing of itself.
    fn control(&mut self, action: &str, at: usize) -> bool {
        let words = words(action);
        match words.split_first() {
            Some((&"if", condition)) => self.begin(at, holds(condition)),
            Some((&("range" | "with" | "block" | "define"), _)) => self.begin(at, None),
            Some((&"else", condition)) => match condition.split_first() {
                None => self.branch(Some(true)),
                Some((&"if", condition)) => self.branch(holds(condition)),
                Some(_) => self.branch(None),
            },
            Some((&"end", _)) => {
                if let Some(open) = self.open.pop() {
                    self.gone = open.is_outer_gone;
                    if open.is_unknown && !open.is_outer_gone {
                        self.unread.push(Span::new(open.start..at + action.len()));
                    }
                }
            }
            Some((first, _)) => return first.starts_with("/*"),
            None => {}
        }
        true
    }

    fn begin(&mut self, start: usize, holds: Option<bool>) {
        let is_outer_gone = self.gone;
        self.open.push(Open { start, is_taken: false, is_unknown: false, is_outer_gone });
        self.branch(holds);
    }

    fn branch(&mut self, holds: Option<bool>) {
        let Some(open) = self.open.last_mut() else { return };
        let is_kept = holds == Some(true) && !open.is_taken && !open.is_unknown;
        open.is_unknown |= holds.is_none() && !open.is_taken;
        open.is_taken |= is_kept;
        self.gone = open.is_outer_gone || !is_kept;
    }
}

/// The longest action that is looked for, in bytes: a file may be full of what begins like one.
const LONGEST: usize = 1000;

/// Returns how long the action is with which a text begins.
pub(super) fn action_len(text: &str) -> Option<usize> {
    let mut pairs = text.strip_prefix("{{")?.as_bytes().windows(2).take(LONGEST);
    Some(pairs.position(|pair| pair == b"}}")? + 4)
}

fn words(action: &str) -> Vec<&str> {
    let inner = action.trim_start_matches("{{").trim_end_matches("}}");
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    let inner = inner.strip_suffix('-').unwrap_or(inner);
    inner.split_whitespace().collect()
}

/// Returns whether a condition holds for PostgreSQL, where that is known.
///
/// pop gives its templates the details of the connection, Ory's popx a word for each kind of database.
fn holds(condition: &[&str]) -> Option<bool> {
    match condition {
        ["not", rest @ ..] => holds(rest).map(|holds| !holds),
        ["eq", ".Dialect", name] | ["eq", name, ".Dialect"] => Some(*name == "\"postgres\""),
        ["ne", ".Dialect", name] | ["ne", name, ".Dialect"] => Some(*name != "\"postgres\""),
        [".IsPostgreSQL"] => Some(true),
        [".IsSQLite" | ".IsCockroach" | ".IsMySQL" | ".IsMariaDB"] => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        let template = resolve(text);
        assert_eq!(template.text.len(), text.len(), "nothing moves");
        template.text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn conditions_about_the_database_are_known() {
        let mysql = r#"a {{ if eq .Dialect "mysql" }} b {{ else }} c {{ end }} d"#;
        assert_eq!(left(mysql), "a c d");
        let postgres = r#"a {{- if eq .Dialect "postgres" -}} b {{ else }} c {{ end }} d"#;
        assert_eq!(left(postgres), "a b d");
        let chain = "{{if .IsMySQL}} a {{else if .IsPostgreSQL}} b {{else}} c {{end}}";
        assert_eq!(left(chain), "b");
        let nested = "{{if .IsMySQL}} a {{if .IsPostgreSQL}} b {{end}} c {{end}} d";
        assert_eq!(left(nested), "d");
        assert_eq!(left("a {{/* why */}} { {é} }} b {{"), "a { {é} }} b {{");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let text = "a {{ if .Options.x }} b {{ else }} c {{ end }} d {{ range .y }} e";
        assert_eq!(left(text), "a d");
        let unread = resolve(text).unread;
        let unread: Vec<&str> =
            unread.iter().map(|span| &text[span.start as usize..span.end as usize]).collect();
        assert_eq!(unread, ["{{ if .Options.x }} b {{ else }} c {{ end }}", "{{ range .y }} e"]);
    }
}
