//! What the usual extensions bring.

pub(super) struct Extension {
    pub(super) types: &'static [&'static str],
    pub(super) requires: &'static [&'static str],
    pub(super) schema: Option<&'static str>,
    pub(super) is_opaque: bool,
}

pub(super) fn extension(name: &str) -> Option<Extension> {
    let (types, requires): (&'static [&'static str], &'static [&'static str]) = match name {
        "citext" => (&["citext"], &[]),
        "hstore" => (&["hstore", "ghstore"], &[]),
        "ltree" => (&["ltree", "lquery", "ltxtquery", "ltree_gist"], &[]),
        "cube" => (&["cube"], &[]),
        "earthdistance" => (&["earth"], &["cube"]),
        "isn" => (&["ean13", "isbn", "isbn13", "issn", "issn13", "ismn", "ismn13", "upc"], &[]),
        "seg" => (&["seg"], &[]),
        "lo" => (&["lo"], &[]),
        "pg_trgm" => (&["gtrgm"], &[]),
        "intarray" => (&["query_int"], &[]),
        "uuid-ossp" | "pgcrypto" | "btree_gist" | "btree_gin" | "unaccent" | "fuzzystrmatch"
        | "tablefunc" | "postgres_fdw" | "dblink" | "pg_stat_statements" | "moddatetime"
        | "plpgsql" => (&[], &[]),
        _ => return None,
    };
    Some(Extension { types, requires, schema: None, is_opaque: false })
}
