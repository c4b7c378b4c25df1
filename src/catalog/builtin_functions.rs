//! PostgreSQL's own functions.

pub(super) fn is_function(name: &str) -> bool {
    matches!(
        name,
        "suppress_redundant_updates_trigger"
            | "tsvector_update_trigger"
            | "tsvector_update_trigger_column"
    )
}
