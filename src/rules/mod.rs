//! Every rule, in alphabetical order.

mod add_column_rewrite;
mod add_required_column;
mod added;
mod attach_partition_scan;
mod blocking_check;
mod blocking_detach_partition;
mod blocking_drop_index;
mod blocking_exclusion_constraint;
mod blocking_foreign_key;
mod blocking_index;
mod blocking_refresh;
mod blocking_reindex;
mod blocking_unique_constraint;
mod bookkeeping;
mod breaking_drop;
mod breaking_rename;
mod broken_sections;
mod cascade_drops_more;
mod certain_failure;
mod checksum_file_out_of_date;
mod collect;
mod column_types;
mod concurrent;
mod concurrently_if_not_exists;
mod concurrently_in_transaction;
mod concurrently_under_timeout;
mod do_block_ends_transaction;
mod domain_constraint_scan;
mod down_does_not_restore;
mod down_fails;
mod down_loses_data;
mod down_only_in_comment;
mod drop_column_takes_constraints;
mod drop_default_breaks_writers;
mod drop_locks_other_tables;
mod dropped_column_in_use;
mod drops_data;
mod drops_unique_key;
mod duplicate_index;
mod duplicate_version;
mod empty_migration;
mod enforce_constraint_scan;
mod enum_value_in_transaction;
mod enum_value_unknown;
mod files;
mod finished;
mod foreign_key_type_mismatch;
mod foreign_key_without_index;
mod foreign_keys_not_checked;
mod function_loses_attributes;
mod guard;
mod if_not_exists_hides_drift;
mod in_transaction;
mod index_on_dropped_column;
mod invalid_privilege;
mod irreversible_up;
mod lock_order;
mod lock_timeout_too_long;
mod lock_upgrade;
mod locks_several_tables;
mod lossy_type_change;
mod missing_dependency;
mod missing_down;
mod missing_lock_timeout;
mod missing_migration_file;
mod misspelt_directive;
mod mixed_line_endings;
mod narrowing;
mod needs_transaction;
mod non_idempotent_statement;
mod not_analysed;
mod not_valid_never_validated;
mod orphan_down;
mod out_of_order_migration;
mod outage;
mod overlap;
mod pair;
mod partition;
mod partition_of_locks_parent;
mod password_in_migration;
mod pending_trigger_events;
mod per_transaction;
mod prefer_identity;
mod prefer_jsonb;
mod prefer_text;
mod prefer_timestamptz;
mod redundant_index;
mod released_migration_changed;
mod replaced;
mod rls_without_policy;
mod rollback_among_migrations;
mod second_column;
mod security_definer_without_search_path;
mod sequence_left_int;
mod set_not_null_scan;
mod setting_leaks;
mod setting_without_effect;
mod short_integer_key;
mod slow_after_lock;
mod spelling;
mod statement_cut_apart;
mod steps;
mod strong_locks;
mod syntax_error;
mod table_rewrite;
mod table_without_primary_key;
mod timeout_without_unit;
mod transaction_control_in_wrapped_migration;
mod type_change;
mod type_change_rebuilds_index;
mod type_change_rewrite;
mod unbounded_dml;
mod unclosed_transaction;
mod unnumbered_migration;
mod unordered_migrations;
mod validate_in_same_transaction;
mod version_gap;
mod view_loses_options;

use std::sync::LazyLock;

pub(crate) use enum_value_in_transaction::used_too_early;

use crate::rule::{
    Check::{History, Migration, Refusal, Statement, Steps, StepsAndHistory, Suppressions},
    Rule,
};

macro_rules! rules {
    ($($name:literal => $check:expr,)*) => {
        /// Every rule, in alphabetical order.
        pub static RULES: &[Rule] = &[$(Rule {
            name: $name,
            page: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/rules/", $name, ".md")),
            check: $check,
        },)*];
    };
}

rules! {
    "add-column-rewrite" => Statement(add_column_rewrite::check),
    "add-required-column" => Statement(add_required_column::check),
    "attach-partition-scan" => Statement(attach_partition_scan::check),
    "blocking-check" => Statement(blocking_check::check),
    "blocking-detach-partition" => Statement(blocking_detach_partition::check),
    "blocking-drop-index" => Statement(blocking_drop_index::check),
    "blocking-exclusion-constraint" => Statement(blocking_exclusion_constraint::check),
    "blocking-foreign-key" => Statement(blocking_foreign_key::check),
    "blocking-index" => Statement(blocking_index::check),
    "blocking-refresh" => Statement(blocking_refresh::check),
    "blocking-reindex" => Statement(blocking_reindex::check),
    "blocking-unique-constraint" => Statement(blocking_unique_constraint::check),
    "breaking-drop" => Steps(breaking_drop::watch),
    "breaking-rename" => Migration(breaking_rename::check),
    "broken-sections" => History(broken_sections::check),
    "cascade-drops-more" => Statement(cascade_drops_more::check),
    "certain-failure" => Refusal(certain_failure::check),
    "checksum-file-out-of-date" => History(checksum_file_out_of_date::check),
    "concurrently-if-not-exists" => Statement(concurrently_if_not_exists::check),
    "concurrently-in-transaction" => Steps(concurrently_in_transaction::watch),
    "concurrently-under-timeout" => Statement(concurrently_under_timeout::check),
    "do-block-ends-transaction" => Statement(do_block_ends_transaction::check),
    "domain-constraint-scan" => Statement(domain_constraint_scan::check),
    "down-does-not-restore" => Migration(down_does_not_restore::check),
    "down-fails" => Steps(down_fails::watch),
    "down-loses-data" => Migration(down_loses_data::check),
    "down-only-in-comment" => History(down_only_in_comment::check),
    "drop-column-takes-constraints" => Statement(drop_column_takes_constraints::check),
    "drop-default-breaks-writers" => Steps(drop_default_breaks_writers::watch),
    "drop-locks-other-tables" => Steps(drop_locks_other_tables::watch),
    "dropped-column-in-use" => Statement(dropped_column_in_use::check),
    "drops-data" => Steps(drops_data::watch),
    "drops-unique-key" => Steps(drops_unique_key::watch),
    "duplicate-index" => History(duplicate_index::check),
    "duplicate-version" => History(duplicate_version::check),
    "empty-migration" => History(empty_migration::check),
    "enforce-constraint-scan" => Statement(enforce_constraint_scan::check),
    "enum-value-in-transaction" => Migration(enum_value_in_transaction::check),
    "enum-value-unknown" => Statement(enum_value_unknown::check),
    "foreign-key-type-mismatch" => History(foreign_key_type_mismatch::check),
    "foreign-key-without-index" => History(foreign_key_without_index::check),
    "foreign-keys-not-checked" => Statement(foreign_keys_not_checked::check),
    "function-loses-attributes" => Statement(function_loses_attributes::check),
    "if-not-exists-hides-drift" => Statement(if_not_exists_hides_drift::check),
    "index-on-dropped-column" => Statement(index_on_dropped_column::check),
    "invalid-privilege" => Statement(invalid_privilege::check),
    "irreversible-up" => Migration(irreversible_up::check),
    "lock-order" => StepsAndHistory(lock_order::watch, lock_order::check),
    "lock-timeout-too-long" => Steps(lock_timeout_too_long::watch),
    "lock-upgrade" => Steps(lock_upgrade::watch),
    "locks-several-tables" => Steps(locks_several_tables::watch),
    "lossy-type-change" => Statement(lossy_type_change::check),
    "missing-dependency" => History(missing_dependency::check),
    "missing-down" => History(missing_down::check),
    "missing-lock-timeout" => Steps(missing_lock_timeout::watch),
    "missing-migration-file" => History(missing_migration_file::check),
    "misspelt-directive" => Migration(misspelt_directive::check),
    "mixed-line-endings" => History(mixed_line_endings::check),
    "needs-transaction" => Statement(needs_transaction::check),
    "non-idempotent-statement" => Steps(non_idempotent_statement::watch),
    "not-analysed" => Migration(not_analysed::check),
    "not-valid-never-validated" => History(not_valid_never_validated::check),
    "orphan-down" => History(orphan_down::check),
    "out-of-order-migration" => History(out_of_order_migration::check),
    "partition-of-locks-parent" => Steps(partition_of_locks_parent::watch),
    "password-in-migration" => Statement(password_in_migration::check),
    "pending-trigger-events" => Steps(pending_trigger_events::watch),
    "prefer-identity" => Statement(prefer_identity::check),
    "prefer-jsonb" => Statement(prefer_jsonb::check),
    "prefer-text" => Statement(prefer_text::check),
    "prefer-timestamptz" => Statement(prefer_timestamptz::check),
    "redundant-index" => History(redundant_index::check),
    "released-migration-changed" => History(released_migration_changed::check),
    "rls-without-policy" => Steps(rls_without_policy::watch),
    "rollback-among-migrations" => History(rollback_among_migrations::check),
    "security-definer-without-search-path" => Statement(security_definer_without_search_path::check),
    "sequence-left-int" => Statement(sequence_left_int::check),
    "set-not-null-scan" => Statement(set_not_null_scan::check),
    "setting-leaks" => Steps(setting_leaks::watch),
    "setting-without-effect" => Statement(setting_without_effect::check),
    "short-integer-key" => History(short_integer_key::check),
    "slow-after-lock" => Steps(slow_after_lock::watch),
    "statement-cut-apart" => Migration(statement_cut_apart::check),
    "syntax-error" => Migration(syntax_error::check),
    "table-rewrite" => Statement(table_rewrite::check),
    "table-without-primary-key" => History(table_without_primary_key::check),
    "timeout-without-unit" => Statement(timeout_without_unit::check),
    "transaction-control-in-wrapped-migration" => Migration(transaction_control_in_wrapped_migration::check),
    "type-change-rebuilds-index" => Statement(type_change_rebuilds_index::check),
    "type-change-rewrite" => Statement(type_change_rewrite::check),
    "unbounded-dml" => Statement(unbounded_dml::check),
    "unclosed-transaction" => Migration(unclosed_transaction::check),
    "unnumbered-migration" => History(unnumbered_migration::check),
    "unordered-migrations" => History(unordered_migrations::check),
    "unused-suppression" => Suppressions,
    "validate-in-same-transaction" => Steps(validate_in_same_transaction::watch),
    "version-gap" => History(version_gap::check),
    "view-loses-options" => Statement(view_loses_options::check),
}

/// Returns the rule of that name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

/// What the configuration needs to know of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleInfo {
    /// The rule's name.
    pub name: &'static str,
    /// Its category.
    pub category: &'static str,
    /// Whether it is on where the configuration says nothing.
    pub is_on: bool,
}

/// What the configuration needs to know of each rule; reading the pages for each diagnostic takes long.
static INFOS: LazyLock<Vec<RuleInfo>> = LazyLock::new(|| {
    let info =
        |rule: &Rule| RuleInfo { name: rule.name, category: rule.category(), is_on: rule.is_on() };
    RULES.iter().map(info).collect()
});

/// Returns what the configuration needs to know of a rule, or of what the program reports itself.
pub fn info(name: &str) -> Option<RuleInfo> {
    INFOS.iter().find(|info| info.name == name).copied()
}
