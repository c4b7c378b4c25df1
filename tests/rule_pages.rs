//! Runs the examples on every rule's page.
//!
//! Fences: `sql given` came in an earlier migration; `sql bad` must be reported; `sql good` must not
//! be. The `text` and `sql fixed` fences behind a bad example are written by `./bless`. The words
//! behind `bad` and `good` choose the case: `runner=goose` (a layout's name; `psql` if not given),
//! `pg=12` (the target version). A `files` fence is a whole directory: a line `==> 0001_a.sql` begins
//! each file, and the example begins where the page says nothing of `sql given`. `files given` is the
//! directory as it was in the revision that is compared with, for all examples behind it.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;

use lockmaster::rule::Rule;
use lockmaster::rules::RULES;
use support::example::{Example, Fence, Outcome, fences};
use support::{blessing, project};

#[test]
fn every_page_has_a_rule_and_every_rule_a_page() {
    let mut pages: Vec<String> = fs::read_dir(project("rules"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    pages.sort();
    let names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    assert_eq!(pages, names, "pages and registry must list the same rules, in alphabetical order");
}

#[test]
fn examples_behave_as_their_page_says() {
    for rule in RULES {
        let path = project("rules").join(rule.name).with_extension("md");
        let actual = run_examples(rule, rule.page);
        if blessing() {
            fs::write(&path, actual).unwrap();
        } else {
            assert_eq!(actual, rule.page, "{} is out of date: run `./bless`", path.display());
        }
    }
}

#[test]
fn every_page_has_a_bad_and_a_good_example() {
    for rule in RULES {
        let has = |kind: &str| {
            rule.page.lines().any(|l| l.starts_with("```") && l.split(' ').nth(1) == Some(kind))
        };
        assert!(has("bad") && has("good"), "{} lacks an example", rule.name);
    }
}

/// Returns `page` with the output of each example brought up to date.
fn run_examples(rule: &Rule, page: &str) -> String {
    let mut output = String::new();
    let mut given: Vec<String> = Vec::new();
    let (fences, rest) = fences(page);
    for fence in fences {
        let (language, kind, words) = fence.words();
        let Fence { before, info, code } = fence;
        let is_output = info == "text" || kind == "fixed";
        if is_output {
            // Written anew behind the example that it belongs to.
            assert!(before.trim().is_empty(), "{}: {info} must follow an example", rule.name);
            continue;
        }
        output.push_str(&format!("{before}```{info}\n{code}```"));
        match kind {
            "given" => given.push(code.to_owned()),
            "bad" | "good" => {
                let example = Example::new(rule, language, &given, code, words);
                let outcome = example.run();
                let is_bad = kind == "bad";
                assert_eq!(
                    !outcome.report.is_empty(),
                    is_bad,
                    "{}: an example is not as {kind} as its page says:\n{code}\n{}",
                    rule.name,
                    outcome.report
                );
                if is_bad {
                    output.push_str(&outputs(rule, &outcome));
                }
            }
            _ => {}
        }
    }
    output + rest
}

/// Returns the fences behind a bad example.
fn outputs(rule: &Rule, outcome: &Outcome) -> String {
    let mut text = format!("\n\n```text\n{}```", outcome.report);
    if let Some(fixed) = &outcome.fixed {
        assert!(
            outcome.report_after_fix.is_empty(),
            "{}: the fix does not satisfy the rule:\n{}",
            rule.name,
            outcome.report_after_fix
        );
        text.push_str(&format!("\n\n```sql fixed\n{fixed}```"));
    }
    text
}
