//! The names that Rails makes of other names.

use sha2::{Digest, Sha256};

/// Returns `PREFIX_rails_` with the first ten digits of the hash that Rails makes of an identifier.
pub(super) fn hashed(prefix: &str, identifier: &str) -> String {
    let digest = Sha256::digest(identifier.as_bytes());
    let digits = digest.iter().take(5).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{prefix}_rails_{digits:010x}")
}

/// Returns the plural of a table's name, where it is plain.
pub(super) fn plural(word: &str) -> Option<String> {
    let last = word.rsplit('_').next().unwrap_or(word);
    if IRREGULAR.iter().any(|end| last.ends_with(end)) {
        return None;
    }
    let before_y = last.strip_suffix('y').and_then(|stem| stem.chars().last());
    if before_y.is_some_and(|c| !"aeiou".contains(c)) {
        return word.strip_suffix('y').map(|stem| format!("{stem}ies"));
    }
    if ["ch", "sh", "ss"].iter().any(|end| last.ends_with(end)) {
        return Some(format!("{word}es"));
    }
    let is_plain = last.ends_with(|c: char| c.is_ascii_lowercase() && !"sxzfo".contains(c));
    is_plain.then(|| format!("{word}s"))
}

/// Words whose plural and singular Rails makes by other rules, or not at all.
const IRREGULAR: &[&str] = &[
    "person",
    "child",
    "man",
    "move",
    "zombie",
    "mouse",
    "louse",
    "um",
    "ta",
    "ia",
    "fe",
    "sis",
    "equipment",
    "information",
    "rice",
    "money",
    "fish",
    "sheep",
    "police",
    "people",
    "children",
    "men",
    "new",
    "mice",
    "lice",
    "ox",
    "oxen",
];

/// Returns the singular of a table's name, where it is plain.
pub(super) fn singular(word: &str) -> Option<String> {
    let stem = word.strip_suffix("ies").map(|stem| format!("{stem}y"));
    let stem = stem.or_else(|| word.strip_suffix('s').map(ToOwned::to_owned))?;
    (plural(&stem).as_deref() == Some(word)).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::{hashed, plural, singular};

    #[test]
    fn names_are_those_of_rails() {
        assert_eq!(hashed("fk", "articles_author_id_fk"), "fk_rails_e74ce85cbc");
        assert_eq!(hashed("chk", "users_email IS NOT NULL_chk"), "chk_rails_8d5dc0bde6");
        assert_eq!(plural("line_item").as_deref(), Some("line_items"));
        assert_eq!(plural("city").as_deref(), Some("cities"));
        assert_eq!(plural("status"), None);
        assert_eq!(singular("cities").as_deref(), Some("city"));
        assert_eq!(singular("users").as_deref(), Some("user"));
        assert_eq!(singular("people"), None);
    }
}
