//! What becomes of calls of which it is not known whether they are made.

use super::evaluate::Doubt;
use super::{Gap, Sent};
use crate::source::Span;

/// Follows what one direction sends, to make one gap of all that the same condition decides.
#[derive(Default)]
pub(super) struct Doubts {
    /// The last gap: what it is in doubt about, its place, for how many calls it stands, and whether all of
    /// them are minor.
    last: Option<(Doubt, usize, usize, bool)>,
}

impl Doubts {
    /// Makes a gap of what was sent since `first` if it is in doubt, together with what the same condition
    /// decided right before.
    pub(super) fn settle(&mut self, sent: &mut Vec<Sent>, first: usize, doubt: Option<Doubt>) {
        let Some(doubt) = doubt else { return };
        let (kept, unsure): (Vec<Sent>, Vec<Sent>) =
            sent.split_off(first).into_iter().partition(Sent::is_control);
        sent.extend(kept);
        let Some(one) = unsure.first() else { return };
        let is_minor = unsure.iter().all(Sent::is_minor);
        let last =
            self.last.filter(|(before, place, ..)| *before == doubt && *place + 1 == sent.len());
        let (host, count, is_minor) = match last.and_then(|last| Some((last, sent.pop()?))) {
            Some(((_, _, count, was_minor), before)) => {
                (before.host, unsure.len() + count, is_minor && was_minor)
            }
            None => (one.host, unsure.len(), is_minor),
        };
        self.last = Some((doubt, sent.len(), count, is_minor));
        sent.push(gap(host, doubt, count, is_minor));
    }
}

fn gap(host: Span, doubt: Doubt, count: usize, is_minor: bool) -> Sent {
    let what = match count {
        1 => "this call was not analysed".to_owned(),
        _ => format!("this call and {} more were not analysed", count - 1),
    };
    let gap = Gap { reason: format!("{what}: {}", doubt.why), is_minor };
    Sent { gap: Some(gap), ..Sent::gap(host, "") }
}
