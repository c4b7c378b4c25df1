//! Every rule, in alphabetical order.

mod blocking_index;
mod not_analysed;
mod syntax_error;

use crate::rule::{
    Check::{Migration, Statement, Suppressions},
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
    "unused-suppression" => Suppressions,
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

/// Returns what the configuration needs to know of a rule, or of what the program reports itself.
pub fn info(name: &str) -> Option<RuleInfo> {
    let rule = by_name(name)?;
    Some(RuleInfo { name: rule.name, category: rule.category(), is_on: rule.is_on() })
}
