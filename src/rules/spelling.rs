//! Spells what a fix inserts as the text around it is spelled.

use crate::catalog::QualifiedName;
use crate::source::SourceFile;
use crate::sql::Statement;
use crate::sql::lex::lexemes;

/// Returns the keywords `words`, given in lower case, in the case in which `sample` is written.
pub(super) fn like(sample: &str, words: &str) -> String {
    let is_upper = |byte: u8| byte.is_ascii_uppercase();
    let is_shouted =
        sample.bytes().any(is_upper) && !sample.bytes().any(|b| b.is_ascii_lowercase());
    if is_shouted { words.to_ascii_uppercase() } else { words.to_owned() }
}

/// Returns the first word of a statement, whose case is that of its keywords.
pub(super) fn first_word<'a>(statement: &Statement, file: &'a SourceFile) -> &'a str {
    lexemes(statement.text(file)).next().map_or("", |lexeme| lexeme.text)
}

/// Returns a name as people write it: without the schema `public`.
pub(super) fn shown(name: &QualifiedName) -> String {
    if *name.schema == *"public" { name.name.to_string() } else { name.to_string() }
}

/// Joins names, each in backticks, into the enumeration `a`, `b` or `c`.
pub(super) fn listed(names: &[String], last: &str) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match &quoted[..] {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} {last} {end}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_written_as_their_neighbours() {
        assert_eq!(like("CREATE", "if not exists"), "IF NOT EXISTS");
        assert_eq!(like("Create", "if not exists"), "if not exists");
        assert_eq!(like("create", "if not exists"), "if not exists");
    }

    #[test]
    fn names_are_enumerated() {
        let names = |list: &[&str]| list.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(listed(&names(&["a"]), "or"), "`a`");
        assert_eq!(listed(&names(&["a", "b", "c"]), "or"), "`a`, `b` or `c`");
    }
}
