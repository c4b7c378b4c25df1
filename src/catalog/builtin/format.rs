//! Types as the server shows them.

use super::types::type_named;
use crate::version::PgVersion;

/// What the grammar gives as fields of an `interval` with a precision only (`INTERVAL_FULL_RANGE`).
pub const INTERVAL_FULL_RANGE: i32 = 0x7FFF;

/// What stands for no precision of an `interval` (`INTERVAL_FULL_PRECISION`).
pub const INTERVAL_FULL_PRECISION: i32 = 0xFFFF;

/// The most digits behind a second's point; the server takes more for these, with a warning.
const MAX_SECOND_DIGITS: i32 = 6;

/// Returns what `format_type()` prints, if the `search_path` is `pg_catalog`, for a type that is
/// written with modifiers and array brackets; `None` if the server knows no such type.
///
/// The modifiers are those that the grammar gives: `interval day to second(3)` has a mask of its
/// fields and a precision, `interval(3)` [`INTERVAL_FULL_RANGE`] and a precision, `char` is `bpchar`
/// with the modifier 1. Modifiers of a type that has none, and those with which a server refuses
/// the type, are left out. An array of any number of dimensions is shown with one `[]`.
pub fn format_type(
    spelling: &str,
    modifiers: &[i32],
    dimensions: usize,
    version: PgVersion,
) -> Option<String> {
    let found = type_named(spelling, version)?;
    let element = found.element.filter(|_| found.is_array());
    let (shown, is_array) = match element {
        Some(element) => (type_named(element, version)?, true),
        None => (found, dimensions > 0),
    };
    let name = shown.display.unwrap_or(shown.spelling);
    let mut text = with_modifiers(shown.spelling, name, modifiers);
    if is_array {
        text.push_str("[]");
    }
    Some(text)
}

fn with_modifiers(spelling: &str, name: &str, modifiers: &[i32]) -> String {
    match (spelling, modifiers) {
        ("bpchar", [length]) => format!("character({length})"),
        ("bit", [length]) => format!("bit({length})"),
        ("varchar" | "varbit", [length]) => format!("{name}({length})"),
        ("numeric", [precision]) => format!("{name}({precision},0)"),
        ("numeric", [precision, scale]) => format!("{name}({precision},{scale})"),
        ("time" | "timetz" | "timestamp" | "timestamptz", [digits]) => {
            let (short, zone) = name.split_once(' ').unwrap_or((name, ""));
            format!("{short}({}) {zone}", digits.min(&MAX_SECOND_DIGITS))
        }
        ("interval", [mask]) => format!("{name}{}", interval_fields(*mask)),
        ("interval", [mask, digits]) if *digits == INTERVAL_FULL_PRECISION => {
            format!("{name}{}", interval_fields(*mask))
        }
        ("interval", [mask, digits]) => {
            format!("{name}{}({})", interval_fields(*mask), digits.min(&MAX_SECOND_DIGITS))
        }
        _ => name.to_owned(),
    }
}

/// Returns the fields in a mask, as they are written behind `interval`.
fn interval_fields(mask: i32) -> String {
    const FIELDS: [(i32, &str); 6] =
        [(2, "year"), (1, "month"), (3, "day"), (10, "hour"), (11, "minute"), (12, "second")];
    if mask == INTERVAL_FULL_RANGE {
        return String::new();
    }
    let mut named = FIELDS.iter().filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, name)| name);
    match (named.next(), named.next_back()) {
        (Some(first), Some(last)) => format!(" {first} to {last}"),
        (Some(only), None) => format!(" {only}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::pg;
    use super::*;

    fn shown(spelling: &str, modifiers: &[i32], dimensions: usize) -> String {
        format_type(spelling, modifiers, dimensions, pg(15)).unwrap()
    }

    #[test]
    fn modifiers_stand_where_the_server_puts_them() {
        assert_eq!(shown("varchar", &[100], 0), "character varying(100)");
        assert_eq!(shown("varchar", &[100], 2), "character varying(100)[]");
        assert_eq!(shown("_varchar", &[100], 0), "character varying(100)[]");
        assert_eq!(shown("numeric", &[10], 0), "numeric(10,0)");
        assert_eq!(shown("numeric", &[3, -2], 0), "numeric(3,-2)");
        assert_eq!(shown("timestamptz", &[3], 0), "timestamp(3) with time zone");
        assert_eq!(shown("time", &[0], 0), "time(0) without time zone");
        assert_eq!(shown("timestamp", &[9], 0), "timestamp(6) without time zone");
        assert_eq!(shown("bpchar", &[1], 0), "character(1)");
        assert_eq!(shown("bit", &[3], 0), "bit(3)");
        assert_eq!(shown("varbit", &[5], 0), "bit varying(5)");
        assert_eq!(shown("interval", &[INTERVAL_FULL_RANGE, 3], 0), "interval(3)");
        let day_to_second = 1 << 3 | 1 << 10 | 1 << 11 | 1 << 12;
        assert_eq!(shown("interval", &[day_to_second], 0), "interval day to second");
        assert_eq!(shown("interval", &[day_to_second, 3], 0), "interval day to second(3)");
        assert_eq!(shown("interval", &[1 << 2], 0), "interval year");
    }

    #[test]
    fn names_are_quoted_where_they_are_words_of_the_grammar() {
        assert_eq!(shown("bpchar", &[], 0), "bpchar");
        assert_eq!(shown("bit", &[], 0), "\"bit\"");
        assert_eq!(shown("char", &[], 1), "\"char\"[]");
        assert_eq!(shown("_text", &[], 0), "text[]");
        assert_eq!(shown("int2vector", &[], 0), "int2vector");
        assert_eq!(
            shown("information_schema.sql_identifier", &[], 1),
            "information_schema.sql_identifier[]"
        );
        assert_eq!(format_type("integer", &[], 0, pg(15)), None);
    }
}
