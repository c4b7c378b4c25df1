//! Conventions that a reviewer would otherwise have to remember.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use lockmaster::layout::LAYOUTS;
use lockmaster::rule::{CATEGORIES, Rule};
use lockmaster::rules::RULES;
use support::{blessing, project};

#[test]
fn rules_are_sorted_and_their_front_matter_is_legal() {
    assert!(RULES.windows(2).all(|pair| pair[0].name < pair[1].name), "the registry is not sorted");
    for rule in RULES {
        let field =
            |name: &str| rule.field(name).unwrap_or_else(|| panic!("{} lacks {name}", rule.name));
        assert!(["error", "warning", "info"].contains(&field("severity")), "{}", rule.name);
        assert!(CATEGORIES.contains(&field("category")), "{}", rule.name);
        assert!(["none", "safe", "unsafe"].contains(&field("fix")), "{}", rule.name);
        assert!(!field("since").is_empty());
        assert!(rule.body().starts_with("# "), "{} has no heading", rule.name);
        assert!(!rule.title().ends_with('.'), "{}: a heading has no period", rule.name);
    }
}

#[test]
fn messages_start_in_lower_case_and_end_without_a_period() {
    for rule in RULES {
        let marker = format!("[{}]: ", rule.name);
        for message in rule.page.lines().filter_map(|line| line.split_once(&marker)).map(|(_, m)| m)
        {
            let is_name = LAYOUTS.iter().any(|layout| message.starts_with(layout.title));
            let is_upper = message.starts_with(char::is_uppercase) && !is_name;
            assert!(!is_upper && !message.ends_with('.'), "{}: {message}", rule.name);
        }
    }
}

#[test]
fn the_readme_lists_every_rule() {
    const HEAD: &str = "| rule | | category | fix | what it says |\n|---|---|---|---|---|\n";
    let readme = fs::read_to_string(project("README.md")).unwrap();
    let (before, rest) = readme.split_once(HEAD).expect("README.md has the list of rules");
    let (_, after) = rest.split_once("\n\n").expect("text follows the list");
    let rows: Vec<String> = RULES.iter().map(row).collect();
    let expected = format!("{before}{HEAD}{}\n\n{after}", rows.join("\n"));
    if blessing() {
        fs::write(project("README.md"), expected).unwrap();
    } else {
        assert_eq!(readme, expected, "the list of rules is out of date: run `./bless`");
    }
}

/// Returns the line of a rule in the README's list.
fn row(rule: &Rule) -> String {
    let (name, fix) = (rule.name, rule.field("fix").unwrap_or("none"));
    let off = if rule.is_on() { "" } else { ", off by default" };
    let (severity, category, title) = (rule.severity().as_str(), rule.category(), rule.title());
    format!("| [`{name}`](rules/{name}.md) | {severity}{off} | {category} | {fix} | {title} |")
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in files(&project("src"), "rs") {
        let is_rule = path.parent().is_some_and(|folder| folder.ends_with("rules"));
        if is_rule && !path.ends_with("mod.rs") {
            continue; // A rule's page says what it is for.
        }
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no module comment", path.display());
    }
}

#[test]
fn only_the_parser_names_pg_query() {
    for path in files(&project("src"), "rs") {
        let is_parser = path.strip_prefix(project("src")).unwrap().starts_with("sql");
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            is_parser || !text.contains("pg_query::"),
            "{} names a pg_query type",
            path.display()
        );
    }
}

#[test]
fn no_file_is_too_long() {
    for path in files(&project("src"), "rs") {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 680, "{} has {lines} lines: split it", path.display());
    }
}

#[test]
fn every_fixture_has_its_reports_and_says_what_it_is() {
    for layout in fs::read_dir(project("fixtures")).unwrap().map(|e| e.unwrap().path()) {
        for case in fs::read_dir(layout).unwrap().map(|e| e.unwrap().path()) {
            for name in ["README.md", "lint.txt", "list.txt"] {
                assert!(case.join(name).is_file(), "{} lacks {name}", case.display());
            }
        }
    }
}

/// Returns all files with an extension below a folder.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter();
    walk.map(|entry| entry.unwrap().into_path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}
