//! Every rule, in alphabetical order.

mod blocking_index;
mod concurrently_in_transaction;
mod do_block_ends_transaction;
mod enum_value_in_transaction;
mod in_transaction;
mod not_analysed;
mod syntax_error;
mod transaction_control_in_wrapped_migration;
mod unclosed_transaction;

use crate::rule::{
    Check::{Migration, Statement},
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
    "blocking-index" => Statement(blocking_index::check),
    "concurrently-in-transaction" => Statement(concurrently_in_transaction::check),
    "do-block-ends-transaction" => Statement(do_block_ends_transaction::check),
    "enum-value-in-transaction" => Migration(enum_value_in_transaction::check),
    "not-analysed" => Migration(not_analysed::check),
    "syntax-error" => Migration(syntax_error::check),
    "transaction-control-in-wrapped-migration" => Migration(transaction_control_in_wrapped_migration::check),
    "unclosed-transaction" => Migration(unclosed_transaction::check),
}

/// Returns the rule of that name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
