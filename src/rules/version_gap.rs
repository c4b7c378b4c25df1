use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Migration;
use crate::rule::HistoryContext;

use super::files::{beginning, more_numbers};

/// Numbers from here on are dates or seconds, which never follow on one another.
const FIRST_TIMESTAMP: u128 = 10_000_000;

/// A longer run of missing numbers is a band that somebody set aside.
const LONGEST: u128 = 10;

/// Bands begin at multiples of this.
const BAND: u128 = 50;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    if !cx.set.layout.gap.is_empty() {
        out.extend(gaps(&numbered(cx), true).iter().map(|gap| report(cx, gap)));
        return;
    }
    // Flyway's versions may be Java classes, which lie in another folder.
    if cx.set.layout.name == "flyway" {
        return;
    }
    let numbers = numbered(cx);
    let present = numbers.len() as u128;
    let gaps: Vec<Gap> = gaps(&numbers, false).into_iter().filter(|gap| !gap.is_band()).collect();
    let missing: u128 = gaps.iter().map(Gap::count).sum();
    // Numbers that go up in steps leave a gap behind most of them.
    let is_stride = gaps.len() >= 3 && gaps.len() as u128 * 2 >= present;
    if missing <= present && !is_stride {
        let others = other_numbers(cx);
        let explains = |gap: &Gap| others.range(gap.first..=gap.last).next().is_some();
        out.extend(gaps.iter().filter(|gap| !explains(gap)).map(|gap| report(cx, gap)));
    }
}

/// A run of missing numbers.
struct Gap<'a> {
    first: u128,
    last: u128,
    before: Option<&'a Migration>,
    after: &'a Migration,
}

impl Gap<'_> {
    fn count(&self) -> u128 {
        self.last - self.first + 1
    }

    /// Returns whether a new band of numbers begins after it.
    fn is_band(&self) -> bool {
        self.count() > LONGEST || (self.last + 1).is_multiple_of(BAND)
    }
}

/// Returns the migrations by their numbers; `127a` counts as 127. Nothing where the numbers are dates,
/// have several parts, or do not decide the order.
fn numbered<'a>(cx: &'a HistoryContext) -> BTreeMap<u128, &'a Migration> {
    let mut numbers = BTreeMap::new();
    for (_, migration) in cx.set.ups().filter(|(_, migration)| !migration.unnumbered) {
        let number = leading_number(&migration.version.text);
        let has_parts = migration.version.text.contains(['.', '_'])
            || !more_numbers(&migration.name).is_empty();
        if has_parts || number != migration.version.base_number() {
            return BTreeMap::new();
        }
        if let Some(number) = number.filter(|number| *number < FIRST_TIMESTAMP) {
            numbers.entry(number).or_insert(migration);
        }
    }
    numbers
}

fn gaps<'a>(numbers: &BTreeMap<u128, &'a Migration>, from_one: bool) -> Vec<Gap<'a>> {
    let mut gaps = Vec::new();
    let mut previous: Option<(u128, &Migration)> = None;
    for (&number, &after) in numbers {
        let first = match previous {
            Some((before, _)) => before + 1,
            None if from_one => number.min(1),
            None => number,
        };
        if first < number {
            let before = previous.map(|(_, migration)| migration);
            gaps.push(Gap { first, last: number - 1, before, after });
        }
        previous = Some((number, after));
    }
    gaps
}

/// Returns the numbers of the files that are no SQL, or are put aside: they explain a gap.
fn other_numbers(cx: &HistoryContext) -> BTreeSet<u128> {
    let put_aside = cx
        .set
        .not_applied
        .iter()
        .filter(|file| !file.is_orphan())
        .filter_map(|file| cx.sources.get(file.file).path.file_name()?.to_str());
    let others = cx.set.other_files.iter().map(String::as_str);
    put_aside.chain(others).filter_map(leading_number).collect()
}

/// Returns the number that a file name begins with, after a `V` or not.
fn leading_number(name: &str) -> Option<u128> {
    let name = name.strip_prefix(['v', 'V']).unwrap_or(name);
    let digits = name.bytes().take_while(u8::is_ascii_digit).count();
    name[..digits].parse().ok()
}

fn report(cx: &HistoryContext, gap: &Gap) -> Diagnostic {
    let width = gap.after.version.text.bytes().take_while(u8::is_ascii_digit).count();
    let number = |number: u128| format!("{number:0width$}");
    let missing = match gap.count() {
        1 => format!("migration {}", number(gap.first)),
        2 => format!("migrations {} and {}", number(gap.first), number(gap.last)),
        _ => format!("migrations {} to {}", number(gap.first), number(gap.last)),
    };
    let after = cx.file_name(gap.after);
    let place = match gap.before {
        Some(before) => format!("between `{}` and `{after}`", cx.file_name(before)),
        None => format!("before `{after}`"),
    };
    let consequence = cx.set.layout.gap;
    let message = match consequence {
        "" => format!("no {missing} {place}: a file may be lost"),
        _ => format!("{consequence}: no {missing} {place}"),
    };
    let mut diagnostic = Diagnostic::new(gap.after.file, beginning(cx, gap.after), message);
    if let Some(before) = gap.before {
        diagnostic =
            diagnostic.label(before.file, beginning(cx, before), "the last one before the gap");
    }
    if consequence.is_empty() {
        diagnostic.at_most(Severity::Info)
    } else {
        diagnostic.help(
            "bring the missing migration back, or renumber those that have not been applied yet",
        )
    }
}
