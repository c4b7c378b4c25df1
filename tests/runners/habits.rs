//! What a runner does with a directory in which something is odd, beside what its layout says of it.

use lockmaster::layout::{EmptyDown, Identity, Layout, OnDuplicate, OnEdit, OnLate, by_name};

use crate::case::{Attempt, Runner, write};

/// A small migration, as a runner is to find it.
pub(crate) struct Odd<'a> {
    pub(crate) version: u32,
    pub(crate) name: &'a str,
    pub(crate) up: &'a str,
    /// None if it is to be missing.
    pub(crate) down: Option<&'a str>,
}

impl<'a> Odd<'a> {
    fn new(version: u32, name: &'a str, up: &'a str, down: &'a str) -> Self {
        Self { version, name, up, down: Some(down) }
    }
}

const FIRST: &str = "create table first (id bigint);";
const SECOND: &str = "create table second (id bigint);";
const DROP_FIRST: &str = "drop table first;";
const DROP_SECOND: &str = "drop table second;";
const COMMENT: &str = "-- nothing";

/// Tries every habit of a runner for which its layout claims anything. `files` spells a migration.
pub(crate) fn compare(runner: &Runner, files: fn(&Odd<'_>) -> String) {
    let layout = by_name(runner.layout).unwrap();
    let first = || files(&Odd::new(1, "first", FIRST, DROP_FIRST));
    let with = |second: &Odd<'_>| Attempt::new(runner, &(first() + &files(second)));
    let tables = ["first", "second"];

    if layout.on_duplicate != OnDuplicate::Unknown {
        let attempt = with(&Odd::new(1, "second", SECOND, DROP_SECOND));
        let succeeds = attempt.up().is_ok() && attempt.tables() == tables;
        assert_eq!(!succeeds, layout.on_duplicate == OnDuplicate::Fails, "{}", layout.duplicate);
    }

    let attempt = with(&Odd::new(3, "second", SECOND, DROP_SECOND));
    let succeeds = attempt.up().is_ok() && attempt.tables() == tables;
    assert_eq!(succeeds, layout.gap.is_empty(), "gap: {}", layout.gap);

    let attempt = with(&Odd::new(2, "second", COMMENT, COMMENT));
    assert_eq!(attempt.up().is_ok(), layout.empty_up.is_empty(), "empty: {}", layout.empty_up);

    edited(runner, layout, files);
    gone(runner, layout, files);
    late(runner, layout, files);
    renamed(runner, layout, files);
    if runner.down.is_some() {
        downs(runner, layout, files);
    }
}

fn downs(runner: &Runner, layout: &Layout, files: fn(&Odd<'_>) -> String) {
    let attempt = Attempt::new(runner, &files(&Odd::new(1, "first", FIRST, COMMENT)));
    attempt.up().unwrap();
    let down = attempt.down(1);
    assert_eq!(attempt.tables(), ["first"]);
    match layout.empty_down {
        EmptyDown::Unknown => {}
        EmptyDown::Succeeds(_) => assert!(down.is_ok(), "{down:?}"),
        EmptyDown::Fails(_) => assert!(down.is_err(), "{down:?}"),
    }

    let missing = Odd { version: 1, name: "first", up: FIRST, down: None };
    let attempt = Attempt::new(runner, &files(&missing));
    let done = attempt.up().and_then(|()| attempt.down(1));
    if !layout.missing_down.is_empty() {
        let is_said = ["refuses", "stops"].iter().any(|word| layout.missing_down.contains(word));
        assert_eq!(done.is_err(), is_said, "{}: {done:?}", layout.missing_down);
    }
}

/// Changes a file that was applied, and applies again with one more.
fn edited(runner: &Runner, layout: &Layout, files: fn(&Odd<'_>) -> String) {
    let attempt = Attempt::new(runner, &files(&Odd::new(1, "first", FIRST, DROP_FIRST)));
    attempt.up().unwrap();
    let more = "create table first (id bigint, more text);";
    write(attempt.folder(), &files(&Odd::new(1, "first", more, DROP_FIRST)));
    write(attempt.folder(), &files(&Odd::new(2, "second", SECOND, DROP_SECOND)));
    let done = attempt.up();
    match layout.bookkeeping().edited {
        OnEdit::Unknown => {}
        OnEdit::Unnoticed | OnEdit::Warns(_) => assert!(done.is_ok(), "an edited file: {done:?}"),
        OnEdit::Fails(_) => assert!(done.is_err(), "an edited file"),
    }
}

/// Removes a file that was applied, and applies again.
fn gone(runner: &Runner, layout: &Layout, files: fn(&Odd<'_>) -> String) {
    let first = files(&Odd::new(1, "first", FIRST, DROP_FIRST));
    let second = files(&Odd::new(2, "second", SECOND, DROP_SECOND));
    let attempt = Attempt::new(runner, &(first.clone() + &second));
    attempt.up().unwrap();
    attempt.remove(&first, "first");
    let done = attempt.up();
    let gone = layout.bookkeeping().gone;
    if !gone.is_empty() {
        assert!(done.is_err(), "a file that is gone: {gone}");
    }
}

/// Applies the second migration, and then both.
fn late(runner: &Runner, layout: &Layout, files: fn(&Odd<'_>) -> String) {
    let attempt = Attempt::new(runner, &files(&Odd::new(2, "second", SECOND, DROP_SECOND)));
    let on_late = layout.bookkeeping().late;
    if matches!(on_late, OnLate::Unknown | OnLate::OtherOrder) {
        return;
    }
    attempt.up().unwrap();
    write(attempt.folder(), &files(&Odd::new(1, "first", FIRST, DROP_FIRST)));
    let done = attempt.up();
    match on_late {
        OnLate::Unknown | OnLate::OtherOrder => {}
        OnLate::Never(_) => assert_eq!(attempt.tables(), ["second"], "{done:?}"),
        OnLate::Refuses(_) => assert!(done.is_err() && attempt.tables() == ["second"], "{done:?}"),
        OnLate::Applies => assert!(done.is_ok() && attempt.tables().len() == 2, "{done:?}"),
    }
}

/// Gives an applied migration another name.
fn renamed(runner: &Runner, layout: &Layout, files: fn(&Odd<'_>) -> String) {
    let bookkeeping = layout.bookkeeping();
    let first = files(&Odd::new(1, "first", FIRST, DROP_FIRST));
    let attempt = Attempt::new(runner, &first);
    attempt.up().unwrap();
    attempt.remove(&first, "first");
    write(attempt.folder(), &files(&Odd::new(1, "other", FIRST, DROP_FIRST)));
    let done = attempt.up();
    match (bookkeeping.identity, bookkeeping.edited) {
        // What compares files may compare names as well.
        (Identity::Unknown, _) | (Identity::Version, OnEdit::Fails(_)) => {}
        (Identity::Version, _) => assert!(done.is_ok(), "another name: {done:?}"),
        // It is applied once more, or missed.
        (Identity::Name, _) => assert!(done.is_err(), "another name"),
    }
}
