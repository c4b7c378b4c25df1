//! The names that PostgreSQL chooses where a statement gives none, because later files drop by name.
//!
//! Source: `makeObjectName`, `ChooseRelationName`, `ChooseIndexName` and `ChooseConstraintName` of
//! PostgreSQL's `src/backend/commands`, compared with real servers in `tests/postgres_catalog.rs`.

use std::sync::Arc;

/// The longest name, in bytes: one less than the server's `NAMEDATALEN`.
pub(crate) const MAX_NAME: usize = 63;

/// Joins one or two names and a label with underscores; cuts the longer name until all of it fits.
pub(crate) fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let available = MAX_NAME.saturating_sub(overhead);
    let (mut one, mut two) = (first.len(), second.map_or(0, str::len));
    while one + two > available {
        if one > two {
            one -= 1;
        } else {
            two -= 1;
        }
    }
    let mut name = clip(first, one).to_owned();
    if let Some(second) = second {
        name.push('_');
        name.push_str(clip(second, two));
    }
    name.push('_');
    name.push_str(label);
    name
}

/// Returns as much of `text` as fits into `bytes` without cutting a character apart.
pub(crate) fn clip(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Returns the first of `name`, `name1`, `name2`, ... (with the number after the label) that is free.
pub(crate) fn choose(
    first: &str,
    second: Option<&str>,
    label: &str,
    mut is_taken: impl FnMut(&str) -> bool,
) -> Arc<str> {
    let numbered = |pass: u32| match pass {
        0 => object_name(first, second, label),
        pass => object_name(first, second, &format!("{label}{pass}")),
    };
    let mut pass = 0_u32;
    while pass < MAX_PASSES {
        let name = numbered(pass);
        if !is_taken(&name) {
            return name.into();
        }
        pass += 1;
    }
    // So many have no holes between them: the first that is free is found by halving.
    let (mut taken, mut free) = (pass - 1, pass * 2);
    while is_taken(&numbered(free)) && free < u32::MAX / 2 {
        (taken, free) = (free, free * 2);
    }
    while free - taken > 1 {
        let middle = taken + (free - taken) / 2;
        if is_taken(&numbered(middle)) { taken = middle } else { free = middle }
    }
    numbered(free).into()
}

/// How many names are tried one by one.
const MAX_PASSES: u32 = 100;

/// Returns what columns add to the name of an index or foreign key.
pub(crate) fn addition<'a>(columns: impl IntoIterator<Item = &'a str>) -> String {
    let mut name = String::new();
    for column in columns {
        if !name.is_empty() {
            name.push('_');
        }
        name.push_str(column);
        if name.len() > MAX_NAME {
            return clip(&name, MAX_NAME).to_owned();
        }
    }
    name
}

/// Returns the names of an index's columns, where equal ones get a number: `expr`, `expr1`.
pub(crate) fn index_columns<'a>(columns: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for column in columns {
        let mut name = column.to_owned();
        let mut number = 0_u32;
        while names.contains(&name) {
            number += 1;
            let digits = number.to_string();
            name = format!("{}{digits}", clip(column, MAX_NAME - digits.len()));
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_name_is_cut() {
        let long = "a".repeat(50);
        let name = object_name(&long, Some(&"b".repeat(30)), "idx");
        assert_eq!(name.len(), MAX_NAME);
        assert!(name.ends_with(&format!("{}_idx", "b".repeat(28))), "{name}");
        assert_eq!(object_name("orders", None, "pkey"), "orders_pkey");
        let wide = object_name(&"\u{e9}".repeat(40), None, "pkey");
        assert_eq!(wide.len(), 63);
    }

    #[test]
    fn a_taken_name_gets_a_number() {
        let name = choose("t", Some("a"), "idx", |name| name == "t_a_idx" || name == "t_a_idx1");
        assert_eq!(&*name, "t_a_idx2");
        assert_eq!(index_columns(["expr", "a", "expr"]), ["expr", "a", "expr1"]);
    }
}
