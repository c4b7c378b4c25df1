//! Expressions as text, and whether two of them say the same.

use crate::sql::Expression;
use crate::sql::lex::{Lexeme, lexemes};
use crate::sql::tree::Expr;

/// What stands for an expression that cannot be read.
pub(super) const UNREADABLE: &str = "\u{fffd}";

/// Returns an expression as text, without what the server adds or takes away by itself.
pub(super) fn text(expression: Option<&Expression>) -> String {
    let Some(expression) = expression else { return String::new() };
    if expression.is_null() {
        return String::new();
    }
    // A sequence is known by its name alone: which schema is spelled out differs.
    if expression.is_next_value() {
        let sequence = expression.relations().into_iter().next();
        let named = sequence.map(|sequence| format!("nextval('{}')", sequence.name));
        return named.unwrap_or_else(|| UNREADABLE.to_owned());
    }
    if matches!(expression.tree, Expr::Unknown) {
        return UNREADABLE.to_owned();
    }
    expression.tree.to_string()
}

/// Returns what an expression says without its casts and parentheses, and with one spelling for what
/// the server spells in another way than people do.
pub(super) fn without_casts(sql: &str) -> String {
    let lexemes: Vec<Lexeme> = lexemes(sql).collect();
    let mut words: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(lexeme) = lexemes.get(at) {
        at += 1;
        match lexeme.text {
            ":" if lexemes.get(at).is_some_and(|next| next.text == ":") => {
                at = after_type(&lexemes, at + 1);
            }
            "(" | ")" | "[" | "]" => {}
            text if ["any", "array", "in", "="]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word)) => {}
            "!=" => words.push("<>".to_owned()),
            "now" | "transaction_timestamp" => words.push("CURRENT_TIMESTAMP".to_owned()),
            "'t'" => words.push("true".to_owned()),
            "'f'" => words.push("false".to_owned()),
            text if text.starts_with('\'') => {
                let bare = text.trim_matches('\'');
                let is_plain = bare.parse::<f64>().is_ok() || matches!(bare, "true" | "false");
                words.push(if is_plain { bare } else { text }.to_owned());
            }
            text => words.push(text.to_owned()),
        }
    }
    let text = words.join(" ");
    text.replace("pg_catalog . ", "").replace("public . ", "")
}

/// Returns the place after the type that begins at `at`.
fn after_type(lexemes: &[Lexeme], mut at: usize) -> usize {
    const MORE: &[&str] =
        &["varying", "precision", "with", "without", "time", "zone", ".", "[", "]"];
    at += 1;
    while let Some(lexeme) = lexemes.get(at) {
        let after_dot = at.checked_sub(1).and_then(|at| lexemes.get(at));
        if lexeme.text == "(" {
            let length = lexemes[at..].iter().position(|lexeme| lexeme.text == ")");
            at += length.map_or(1, |length| length + 1);
        } else if MORE.iter().any(|word| lexeme.text.eq_ignore_ascii_case(word))
            || after_dot.is_some_and(|lexeme| lexeme.text == ".")
        {
            at += 1;
        } else {
            break;
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_prints_is_what_people_write() {
        for (people, server) in [
            ("status = 'started'", "status = 'started'::text"),
            (
                "a IN ('x', 'y') AND b",
                "(a = ANY (ARRAY['x'::text, 'y'::character varying(3)])) AND b",
            ),
            ("now()", "CURRENT_TIMESTAMP"),
            ("'0'", "0"),
            ("'t'", "true"),
            ("x <= '2020-01-01'", "x <= '2020-01-01'::timestamp without time zone"),
            ("public.f('a') <> 'b'", "f('a'::public.t[]) <> 'b'"),
        ] {
            assert_eq!(without_casts(people), without_casts(server), "{people}");
        }
        for (one, other) in [("0", "1"), ("a IS NULL", "a IS NOT NULL"), ("'a'", "'A'")] {
            assert_ne!(without_casts(one), without_casts(other));
        }
    }
}
