//! The names of types as SQL.

use super::TypeName;
use super::identifier::{quote_function, quote_identifier};

/// Returns a type as SQL with `modifiers` in place of its own; the grammar's own types as the
/// standard spells them, the others as the statement named them.
pub(super) fn type_sql(of: &TypeName, modifiers: Option<&str>) -> String {
    let numbers: Vec<String> = of.modifiers.iter().map(ToString::to_string).collect();
    let list = modifiers.map_or_else(|| numbers.join(", "), str::to_owned);
    let list = if list.is_empty() { list } else { format!("({list})") };
    let is_grammar = of.schema.as_ref().is_some_and(|schema| **schema == *"pg_catalog");
    let standard = is_grammar.then(|| standard(of, &list)).flatten();
    let mut sql = standard.unwrap_or_else(|| match &of.schema {
        Some(schema) => {
            format!("{}.{}{list}", quote_identifier(schema), quote_identifier(&of.name))
        }
        None => format!("{}{list}", quote_function(&of.name)),
    });
    (0..of.dimensions).for_each(|_| sql.push_str("[]"));
    sql
}

/// Returns a type of the grammar; nothing for one that has no spelling but its name.
fn standard(of: &TypeName, list: &str) -> Option<String> {
    let has_length = !list.is_empty();
    let (before, after) = match &*of.name {
        "bool" => ("boolean", ""),
        "int2" => ("smallint", ""),
        "int4" => ("integer", ""),
        "int8" => ("bigint", ""),
        "float4" => ("real", ""),
        "float8" => ("double precision", ""),
        "numeric" => ("numeric", ""),
        "json" => ("json", ""),
        "varchar" => ("character varying", ""),
        "bpchar" if has_length => ("character", ""),
        "bit" if has_length => ("bit", ""),
        "varbit" => ("bit varying", ""),
        "time" => ("time", ""),
        "timestamp" => ("timestamp", ""),
        "timetz" => ("time", " with time zone"),
        "timestamptz" => ("timestamp", " with time zone"),
        "interval" => return Some(interval(&of.modifiers)),
        _ => return None,
    };
    Some(format!("{before}{list}{after}"))
}

/// Returns an interval with its fields, whose bits are those of `datetime.h`: `1 << DAY` and so on.
fn interval(modifiers: &[i32]) -> String {
    let fields = match modifiers.first().copied().unwrap_or_default() {
        4 => " year",
        2 => " month",
        8 => " day",
        1024 => " hour",
        2048 => " minute",
        4096 => " second",
        6 => " year to month",
        1032 => " day to hour",
        3080 => " day to minute",
        7176 => " day to second",
        3072 => " hour to minute",
        7168 => " hour to second",
        6144 => " minute to second",
        _ => "",
    };
    let precision = modifiers.get(1).map(|precision| format!("({precision})"));
    format!("interval{fields}{}", precision.unwrap_or_default())
}
