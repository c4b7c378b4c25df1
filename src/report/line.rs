//! One source line as an excerpt shows it: cut to the width of the terminal around what matters,
//! with secrets covered and nothing in it that a terminal would obey.

use std::ops::Range;

use super::visible;

/// What stands for a part that is left out.
const ELLIPSIS: &str = "...";

/// How far apart tab stops are.
const TAB: usize = 4;

/// The fewest columns that a place gets, however many there are on one line.
const LEAST: usize = 12;

/// A source line as it is shown.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The text to show.
    pub(super) text: String,
    /// Where characters of the source are in it: offsets in the source line and in `text`, both rising.
    /// The first of a part that was left out stands for all of that part.
    places: Vec<(usize, usize)>,
    /// How long the source line is.
    length: usize,
}

/// What a line is made of.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// The text of the line, without its line break.
    pub(super) text: &'a str,
    /// How many bytes at its beginning are not shown: the byte order mark.
    pub(super) skip: usize,
    /// Where in its file the line begins.
    pub(super) base: usize,
    /// The parts of the file to cover, in order and apart.
    pub(super) secrets: &'a [Range<usize>],
}

impl Line {
    /// Lays out a line in `limit` columns so that each of `places` (offsets in the line) is seen.
    pub(super) fn new(source: Source, places: &[usize], limit: usize) -> Self {
        let windows = windows(source, places, limit);
        let mut line = Self { length: source.text.len(), ..Self::default() };
        let mut column = 0;
        if source.skip > 0 {
            line.places.push((0, 0));
        }
        let mut at = source.skip;
        for window in windows {
            line.leave_out(at..window.start, &mut column);
            for (offset, ch) in source.text[window.clone()].char_indices() {
                line.push(window.start + offset, ch, source, &mut column);
            }
            at = window.end;
        }
        line.leave_out(at..source.text.len(), &mut column);
        line
    }

    fn leave_out(&mut self, part: Range<usize>, column: &mut usize) {
        if !part.is_empty() {
            self.places.push((part.start, self.text.len()));
            self.text.push_str(ELLIPSIS);
            *column += ELLIPSIS.len();
        }
    }

    fn push(&mut self, at: usize, ch: char, source: Source, column: &mut usize) {
        self.places.push((at, self.text.len()));
        let (start, end) = (source.base + at, source.base + at + ch.len_utf8());
        let next = source.secrets.partition_point(|secret| secret.end <= start);
        let is_secret = source.secrets.get(next).is_some_and(|secret| secret.start < end);
        let width = match ch {
            '\t' => TAB - *column % TAB,
            _ => visible::width(ch),
        };
        match ch {
            _ if is_secret => self.text.extend(std::iter::repeat_n('*', width)),
            '\t' => self.text.extend(std::iter::repeat_n(' ', width)),
            _ => visible::push(&mut self.text, ch),
        }
        *column += width;
    }

    /// Returns where in the shown text the character at `offset` of the line begins.
    pub(super) fn start(&self, offset: usize) -> usize {
        if offset >= self.length {
            return self.text.len();
        }
        let next = self.places.partition_point(|&(place, _)| place <= offset);
        next.checked_sub(1).and_then(|at| self.places.get(at)).map_or(0, |&(_, shown)| shown)
    }

    /// Returns where in the shown text the characters before `offset` of the line end.
    pub(super) fn end(&self, offset: usize) -> usize {
        let at = self.places.partition_point(|&(place, _)| place < offset);
        self.places.get(at).map_or(self.text.len(), |&(_, shown)| shown)
    }
}

/// Returns whether a line fits in `limit` columns.
fn fits(source: Source, limit: usize) -> bool {
    // Characters without width could make a line of any length fit.
    if source.text.len() > limit.saturating_mul(16) {
        return false;
    }
    let mut column = 0;
    source.text[source.skip..].chars().all(|ch| {
        column += width(ch);
        column <= limit
    })
}

/// Returns the columns that a character takes at most.
fn width(ch: char) -> usize {
    if ch == '\t' { TAB } else { visible::width(ch) }
}

/// Returns the parts of a line that are shown, in order and apart.
fn windows(source: Source, places: &[usize], limit: usize) -> Vec<Range<usize>> {
    let text = source.text;
    if fits(source, limit) {
        return std::iter::once(source.skip..text.len()).collect();
    }
    let places = if places.is_empty() { &[0] } else { places };
    let budget = limit.saturating_sub(ELLIPSIS.len() * (places.len() + 1)) / places.len();
    let mut found: Vec<Range<usize>> =
        places.iter().map(|&place| window(text, place, budget.max(LEAST))).collect();
    found.sort_by_key(|window| window.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for next in found {
        let next = next.start.max(source.skip)..next.end.max(source.skip);
        match merged.last_mut() {
            Some(last) if next.start <= last.end + ELLIPSIS.len() => {
                last.end = last.end.max(next.end);
            }
            _ => merged.push(next),
        }
    }
    // Dots that stand for no more than they take would hide something for nothing.
    if let Some(first) = merged.first_mut()
        && first.start <= source.skip + ELLIPSIS.len()
    {
        first.start = source.skip;
    }
    if let Some(last) = merged.last_mut()
        && last.end + ELLIPSIS.len() >= text.len()
    {
        last.end = text.len();
    }
    merged
}

/// Returns the part of `text` around `place` that takes up to `budget` columns: some of what is before
/// it, and then as much as there is room for.
fn window(text: &str, place: usize, budget: usize) -> Range<usize> {
    let start = char_start(text, place);
    let before = budget / 4;
    let (from, left) = backwards(text, start, before);
    let (end, left) = forwards(text, start, budget - before + left);
    let (from, _) = backwards(text, from, left);
    from..end
}

/// Returns where the character at `offset` begins.
pub(super) fn char_start(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    (0..=offset).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// Goes left from `at` for up to `columns`; returns where that ends and the columns left over.
fn backwards(text: &str, at: usize, columns: usize) -> (usize, usize) {
    walk(at, columns, text[..at].chars().rev(), |at, length| at - length)
}

/// Goes right from `at` for up to `columns`; returns where that ends and the columns left over.
fn forwards(text: &str, at: usize, columns: usize) -> (usize, usize) {
    walk(at, columns, text[at..].chars(), |at, length| at + length)
}

fn walk(
    mut at: usize,
    mut columns: usize,
    chars: impl Iterator<Item = char>,
    step: impl Fn(usize, usize) -> usize,
) -> (usize, usize) {
    // Characters without width could go on for ever.
    for ch in chars.take(columns * 4) {
        let Some(left) = columns.checked_sub(width(ch)) else { break };
        columns = left;
        at = step(at, ch.len_utf8());
    }
    (at, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, places: &[usize], limit: usize) -> String {
        Line::new(Source { text, skip: 0, base: 0, secrets: &[] }, places, limit).text
    }

    #[test]
    fn short_lines_are_whole() {
        assert_eq!(shown("select\t1", &[0], 40), "select  1");
        assert_eq!(shown("", &[0], 40), "");
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let text = format!("{}needle{}", "a".repeat(500), "b".repeat(500));
        assert_eq!(shown(&text, &[500], 40), "...aaaaaaaaneedlebbbbbbbbbbbbbbbbbbbb...");
        assert_eq!(shown(&text, &[0], 20), "aaaaaaaaaaaaaa...");
        assert_eq!(shown(&text, &[1006], 20), "...bbbbbbbbbbbbbb");
    }

    #[test]
    fn two_places_of_a_long_line_are_both_seen() {
        let text = format!("one{}two{}", "-".repeat(500), "-".repeat(500));
        assert_eq!(shown(&text, &[0, 503], 46), "one---------------...----two-----------...");
    }

    #[test]
    fn places_are_found_in_what_is_shown() {
        let text = "\tpassword '\u{1b}é'";
        let secret = text.find('\u{1b}').map(|at| at..at + 3).into_iter().collect::<Vec<_>>();
        let line = Line::new(Source { text, skip: 0, base: 0, secrets: &secret }, &[], 80);
        assert_eq!(line.text, "    password '*******'");
        assert_eq!((line.start(1), line.end(9)), (4, 12));
        assert_eq!((line.start(99), line.end(99)), (22, 22));
    }
}
