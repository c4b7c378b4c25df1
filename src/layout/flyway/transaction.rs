//! Which statements Flyway itself runs outside of a transaction.

use crate::source::Span;
use crate::sql::lex::lexemes;
use crate::sql::{ChunkKind, split};

/// Returns whether a migration holds nothing but statements that Flyway knows to be refused in a
/// transaction block: it opens none for them then. It looks at the first words only.
///
/// Source: Flyway's PostgreSQL parser, tried with Flyway 10.
pub(super) fn is_without_transaction(text: &str, section: Span) -> bool {
    let statements = known(text, section);
    !statements.is_empty() && statements.iter().all(|is_known| *is_known)
}

/// Returns whether a migration holds such statements and others: Flyway refuses it, or with `mixed`
/// runs all of it without a transaction.
pub(super) fn is_mixed(text: &str, section: Span) -> bool {
    let statements = known(text, section);
    statements.contains(&true) && statements.contains(&false)
}

/// Returns for each statement whether Flyway knows that a transaction refuses it.
fn known(text: &str, section: Span) -> Vec<bool> {
    let text = text.get(section.range()).unwrap_or_default();
    let statements = split(text).into_iter().filter(|chunk| chunk.kind == ChunkKind::Statement);
    statements.map(|chunk| is_known(&text[chunk.span.range()])).collect()
}

fn is_known(statement: &str) -> bool {
    let words: Vec<String> =
        lexemes(statement).take(4).map(|lexeme| lexeme.text.to_ascii_lowercase()).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    matches!(
        words[..],
        ["create", "unique", "index", "concurrently"]
            | ["create" | "drop", "index", "concurrently", ..]
            | ["create" | "drop", "database" | "tablespace" | "subscription", ..]
            | ["alter", "system", ..]
            | ["reindex", "schema" | "database" | "system", ..]
            | ["reindex", "verbose", "schema" | "database" | "system", ..]
            | ["discard", "all", ..]
            | ["vacuum", ..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flyway_opens_no_transaction_for_what_is_refused_in_one() {
        let is = |text: &str| is_without_transaction(text, Span::new(0..text.len()));
        assert!(is("-- why\nCREATE INDEX CONCURRENTLY a ON t (x);\ndrop index concurrently b;"));
        assert!(is("VACUUM t"));
        assert!(!is("create index concurrently a on t (x); select 1"));
        assert!(!is("set lock_timeout = '1s'; create index concurrently a on t (x)"));
        assert!(!is("reindex index concurrently i"));
        assert!(!is(""));
    }
}
