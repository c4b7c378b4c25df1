//! Every rule, in alphabetical order.

mod blocking_index;
mod not_analysed;
mod syntax_error;

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
    "not-analysed" => Migration(not_analysed::check),
    "syntax-error" => Migration(syntax_error::check),
}

/// Returns the rule of that name.
pub fn by_name(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}
