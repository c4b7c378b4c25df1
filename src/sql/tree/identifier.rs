//! Names as SQL: quoted where the server would quote them.

use std::borrow::Cow;

/// The keywords that cannot be just any name, sorted; those of functions and types stand apart.
///
/// Source: `kwlist.h` of PostgreSQL 18, all that are not `UNRESERVED_KEYWORD`.
const KEYWORDS: &[&str] = &[
    "all",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "between",
    "bigint",
    "bit",
    "boolean",
    "both",
    "case",
    "cast",
    "char",
    "character",
    "check",
    "coalesce",
    "collate",
    "column",
    "constraint",
    "create",
    "current_catalog",
    "current_date",
    "current_role",
    "current_time",
    "current_timestamp",
    "current_user",
    "dec",
    "decimal",
    "default",
    "deferrable",
    "desc",
    "distinct",
    "do",
    "else",
    "end",
    "except",
    "exists",
    "extract",
    "false",
    "fetch",
    "float",
    "for",
    "foreign",
    "from",
    "grant",
    "greatest",
    "group",
    "grouping",
    "having",
    "in",
    "initially",
    "inout",
    "int",
    "integer",
    "intersect",
    "interval",
    "into",
    "json",
    "json_array",
    "json_arrayagg",
    "json_exists",
    "json_object",
    "json_objectagg",
    "json_query",
    "json_scalar",
    "json_serialize",
    "json_table",
    "json_value",
    "lateral",
    "leading",
    "least",
    "limit",
    "localtime",
    "localtimestamp",
    "merge_action",
    "national",
    "nchar",
    "none",
    "normalize",
    "not",
    "null",
    "nullif",
    "numeric",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "out",
    "overlay",
    "placing",
    "position",
    "precision",
    "primary",
    "real",
    "references",
    "returning",
    "row",
    "select",
    "session_user",
    "setof",
    "smallint",
    "some",
    "substring",
    "symmetric",
    "system_user",
    "table",
    "then",
    "time",
    "timestamp",
    "to",
    "trailing",
    "treat",
    "trim",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "varchar",
    "variadic",
    "when",
    "where",
    "window",
    "with",
    "xmlattributes",
    "xmlconcat",
    "xmlelement",
    "xmlexists",
    "xmlforest",
    "xmlnamespaces",
    "xmlparse",
    "xmlpi",
    "xmlroot",
    "xmlserialize",
    "xmltable",
];

/// The keywords that may name a function or type but nothing else, sorted.
const FUNCTION_KEYWORDS: &[&str] = &[
    "authorization",
    "binary",
    "collation",
    "concurrently",
    "cross",
    "current_schema",
    "freeze",
    "full",
    "ilike",
    "inner",
    "is",
    "isnull",
    "join",
    "left",
    "like",
    "natural",
    "notnull",
    "outer",
    "overlaps",
    "right",
    "similar",
    "tablesample",
    "verbose",
];

/// Returns a name as SQL, quoted where the server's `quote_identifier` does.
pub fn quote_identifier(name: &str) -> Cow<'_, str> {
    if is_plain(name) && !is_keyword(name, KEYWORDS) && !is_keyword(name, FUNCTION_KEYWORDS) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(quoted(name))
}

/// Returns the name of a function as SQL; a few keywords may stand there that are no other names.
///
/// `cube` and `rollup` are quoted, because `GROUP BY` takes them for its own.
pub(super) fn quote_function(name: &str) -> Cow<'_, str> {
    if is_plain(name) && !is_keyword(name, KEYWORDS) && !matches!(name, "cube" | "rollup") {
        return Cow::Borrowed(name);
    }
    Cow::Owned(quoted(name))
}

fn is_keyword(name: &str, keywords: &[&str]) -> bool {
    keywords.binary_search(&name).is_ok()
}

fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_quoted_where_the_server_quotes_them() {
        assert!(KEYWORDS.is_sorted() && FUNCTION_KEYWORDS.is_sorted());
        let quoted = ["user", "left", "Mixed", "a b", "1a", "", "grüße", "a$"];
        quoted.iter().for_each(|name| assert_ne!(quote_identifier(name), *name));
        ["name", "_a1", "value", "type"].iter().for_each(|n| assert_eq!(quote_identifier(n), *n));
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_function("left"), "left");
    }
}
