//! The names that Django gives tables, constraints and indexes.
//!
//! Source: `BaseDatabaseSchemaEditor._create_index_name` and `names_digest` of Django 5.2.

/// The longest name, in bytes, that PostgreSQL keeps.
const LONGEST: usize = 63;

/// Returns the name of an index or constraint of some columns.
pub(super) fn of_columns(table: &str, columns: &[&str], suffix: &str) -> String {
    // A table may be spelled with its schema, as `"schema"."table"`.
    let table = table.rsplit("\".\"").next().unwrap_or(table).trim_matches('"');
    let digest = digest(table, columns);
    let mut hash = format!("{digest}{suffix}");
    let joined = columns.join("_");
    let whole = format!("{table}_{joined}_{hash}");
    if whole.len() <= LONGEST {
        return whole;
    }
    hash = cut(&hash, if hash.len() > LONGEST / 3 { LONGEST / 3 } else { hash.len() }).to_owned();
    let other = (LONGEST - hash.len()) / 2 - 1;
    let name = format!("{}_{}_{hash}", cut(table, other), cut(&joined, other));
    if name.starts_with(|c: char| c == '_' || c.is_ascii_digit()) {
        return format!("D{}", cut(&name, name.len() - 1));
    }
    name
}

/// Returns the name of a foreign key.
pub(super) fn foreign_key(table: &str, column: &str, to_table: &str, to_column: &str) -> String {
    of_columns(table, &[column], &format!("_fk_{to_table}_{to_column}"))
}

/// Returns a name that is cut off as Django does where it is too long for the server.
pub(super) fn truncated(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let hash = format!("{:x}", md5::compute(name));
    format!("{}{}", cut(name, LONGEST - 4), &hash[..4])
}

fn digest(table: &str, columns: &[&str]) -> String {
    let mut context = md5::Context::new();
    context.consume(table);
    columns.iter().for_each(|column| context.consume(column));
    let hash = format!("{:x}", context.finalize());
    hash[..8].to_owned()
}

fn cut(text: &str, len: usize) -> &str {
    let end = (0..=len.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_django_gives() {
        assert_eq!(
            of_columns("shop_author", &["email"], "_like"),
            "shop_author_email_f5000200_like"
        );
        assert_eq!(
            foreign_key("shop_book", "author_id", "shop_author", "id"),
            "shop_book_author_id_82b8ab51_fk_shop_author_id"
        );
        assert_eq!(
            of_columns("shop_author_friends", &["from_author_id", "to_author_id"], "_uniq"),
            "shop_author_friends_from_author_id_to_author_id_ffa5f2a7_uniq"
        );
    }
}
