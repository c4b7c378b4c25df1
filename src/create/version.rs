//! The version of the next migration.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::layout::{MigrationSet, Sources};

/// What time it is.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Timestamp);

impl Clock {
    /// Returns the time now.
    pub fn now() -> Self {
        Self(Timestamp::now())
    }

    /// Returns the clock at a time, in milliseconds since 1970.
    pub fn at(milliseconds: i64) -> Self {
        Self(Timestamp::from_millisecond(milliseconds).unwrap_or_default())
    }

    /// Returns the digits of the time in UTC, as runners write them: `20240115120000`, with `length` of them.
    fn digits(self, length: usize) -> String {
        let all = self.0.to_zoned(TimeZone::UTC).strftime("%Y%m%d%H%M%S%3f").to_string();
        all.get(..length).unwrap_or(&all).to_owned()
    }
}

/// Returns the version behind all others of a set, spelled as `model` is: the time where that is one, else
/// the next number.
pub(super) fn next(
    set: &MigrationSet,
    sources: &Sources,
    model: &str,
    clock: &Clock,
) -> Option<String> {
    let digits: String = model.chars().filter(char::is_ascii_digit).collect();
    let now = match digits.len() {
        8 | 12 | 14 | 17 if is_date(&digits) => Some(clock.digits(digits.len())),
        10 if is_epoch(&digits) => Some(clock.0.as_second().to_string()),
        13 if is_epoch(digits.get(..10)?) => Some(clock.0.as_millisecond().to_string()),
        _ => None,
    };
    if let Some(now) = now {
        // A clock may go wrong, and somebody may have been faster.
        let newest = after(&digits)?;
        return Some(fill(model, &now.max(newest)));
    }
    let is_plain = model.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    if is_plain {
        let width = digits_of(model).len();
        let numbers = set.ups().filter_map(|(_, up)| up.version.base_number());
        // What is not applied may have its number all the same: a down that waits for an up.
        let others = set.not_applied.iter().filter_map(|other| {
            let name = sources.get(other.file).path.file_name()?.to_str()?;
            Some(digits_of(name)).filter(|digits| digits.len() == width)?.parse().ok()
        });
        let most = numbers.chain(others).chain(digits_of(model).parse()).max()?;
        return Some(format!("{:0width$}", most.checked_add(1)?));
    }
    // Of `1.2` the last part counts.
    let end = model.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = model[..end].rfind(|c: char| !c.is_ascii_digit()).map_or(0, |at| at + 1);
    Some(format!("{}{}{}", &model[..start], after(&model[start..end])?, &model[end..]))
}

fn digits_of(text: &str) -> &str {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    text.get(..end).unwrap_or_default()
}

/// Returns the next number, with as many digits.
fn after(digits: &str) -> Option<String> {
    let next = digits.parse::<u128>().ok()?.checked_add(1)?;
    Some(format!("{next:0width$}", width = digits.len()))
}

/// Returns whether digits begin with a day of this century.
fn is_date(digits: &str) -> bool {
    let part = |from: usize, to: usize| digits.get(from..to).and_then(|part| part.parse().ok());
    let (year, month, day): (Option<u32>, Option<u32>, Option<u32>) =
        (part(0, 4), part(4, 6), part(6, 8));
    let is_year = year.is_some_and(|year| (2000..2100).contains(&year));
    is_year
        && month.is_some_and(|month| (1..=12).contains(&month))
        && day.is_some_and(|day| (1..=31).contains(&day))
}

/// Returns whether a number counts seconds since 1970, of the years 2008 to 2039.
fn is_epoch(digits: &str) -> bool {
    digits.parse().is_ok_and(|seconds: u64| (1_200_000_000..2_200_000_000).contains(&seconds))
}

/// Puts digits in the place of those of a text.
fn fill(model: &str, digits: &str) -> String {
    let mut digits = digits.chars();
    let next = |c: char| if c.is_ascii_digit() { digits.next().unwrap_or(c) } else { c };
    model.chars().map(next).collect()
}
