//! Which changes of a column's type lose something without an error.

/// Returns what is lost between two types, as `format_type` prints them. Where the server refuses values
/// that do not fit, nothing is lost.
pub(super) fn narrowing(from: &str, to: &str) -> Option<&'static str> {
    let ((old, old_scale), (new, new_scale)) = (parts(from), parts(to));
    match (old.as_str(), new.as_str()) {
        ("numeric" | "double precision" | "real", "smallint" | "integer" | "bigint") => {
            Some("what is behind the decimal point")
        }
        ("timestamp without time zone" | "timestamp with time zone", "date") => {
            Some("the time of day")
        }
        ("double precision" | "numeric" | "integer" | "bigint", "real")
        | ("numeric" | "bigint", "double precision") => Some("digits"),
        ("numeric", "numeric") => {
            let new = new_scale?;
            old_scale.is_none_or(|old| new < old).then_some("decimal places")
        }
        (old, new) if old == new && is_time(old) => {
            let kept = digits(to)?;
            (digits(from).unwrap_or(6) > kept).then_some("fractions of a second")
        }
        _ => None,
    }
}

/// Returns whether values are times whose modifier is the number of digits behind the second.
fn is_time(name: &str) -> bool {
    (name.starts_with("time") || name == "interval") && !name.ends_with(']')
}

/// Returns the first modifier of a type.
fn digits(name: &str) -> Option<u32> {
    let (_, rest) = name.split_once('(')?;
    rest.split_once(')')?.0.trim().parse().ok()
}

/// Splits a type into its name and its second modifier.
fn parts(name: &str) -> (String, Option<u32>) {
    let Some((before, rest)) = name.split_once('(') else { return (name.to_owned(), None) };
    let (modifiers, after) = rest.split_once(')').unwrap_or((rest, ""));
    let scale = modifiers.split_once(',').and_then(|(_, scale)| scale.trim().parse().ok());
    (format!("{before}{after}"), scale)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_narrower_types_lose_something() {
        for (from, to) in [
            ("timestamp(3) without time zone", "date"),
            ("numeric(10,4)", "numeric(10,2)"),
            ("numeric", "numeric(10,2)"),
            ("numeric", "bigint"),
            ("numeric", "double precision"),
            ("timestamp with time zone", "timestamp(3) with time zone"),
            ("interval(4)", "interval(2)"),
        ] {
            assert!(narrowing(from, to).is_some(), "{from} to {to}");
        }
        for (from, to) in [
            ("bigint", "integer"),
            ("integer", "numeric"),
            ("text", "character varying(20)"),
            ("numeric(10,2)", "numeric(12,2)"),
            ("date", "timestamp without time zone"),
            ("integer", "double precision"),
            ("timestamp(3) without time zone", "timestamp(6) without time zone"),
            ("timestamp(3) without time zone", "timestamp without time zone"),
            ("numeric(10,2)[]", "numeric(10,2)[]"),
        ] {
            assert_eq!(narrowing(from, to), None, "{from} to {to}");
        }
    }
}
