//! Which calls send something.

use super::super::Sent;
use super::super::value::{CallValue, Value};
use super::{Framework, Reader, raw};
use crate::source::Span;

/// What a call sends.
pub(super) struct Found {
    /// What it sends itself.
    pub sent: Vec<Sent>,
    /// Whether what its method is called on sends something before.
    pub is_chain: bool,
}

impl Reader {
    /// Returns what a call sends; nothing if it sends nothing itself.
    pub(super) fn sends(&mut self, call: &CallValue) -> Option<Found> {
        let is_chain = call.receiver.as_ref().is_some_and(|of| of.call().is_some());
        let host = own_span(call);
        let found = raw::sent(call, self.framework, host).map(|sent| vec![sent]);
        found.map(|sent| Found { sent, is_chain: is_chain && self.framework == Framework::Knex })
    }
}

/// Returns the part of a chain of calls that is the last of them.
pub(super) fn own_span(call: &CallValue) -> Span {
    match call.receiver.as_ref().filter(|receiver| is_before(receiver, call)) {
        Some(receiver) => Span { start: receiver.span.end, end: call.span.end },
        None => call.span,
    }
}

fn is_before(receiver: &Value, call: &CallValue) -> bool {
    receiver.call().is_some()
        && receiver.span.start == call.span.start
        && receiver.span.end < call.span.end
}
