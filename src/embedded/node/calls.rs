//! Which calls send something.

use std::rc::Rc;

use super::super::Sent;
use super::super::text::Text;
use super::super::value::{CallValue, Value};
use super::{Framework, Reader, knex, kysely, pgm, raw, sequelize};
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
    pub(super) fn sends(&mut self, call: &Rc<CallValue>) -> Option<Found> {
        let is_chain = call.receiver.as_ref().is_some_and(|of| of.call().is_some());
        let is_chain = is_chain && self.framework == Framework::Knex;
        let host = own_span(call);
        if let Some(sent) = raw::sent(call, self.framework, host) {
            return Some(Found { sent: vec![sent], is_chain });
        }
        // What a chain of Kysely's says is one statement, which its last call sends.
        let host = if self.framework == Framework::Kysely { call.span } else { host };
        let translated = match self.framework {
            Framework::Kysely => kysely::statement(call, &mut self.inner)
                .map(|sql| sql.map(|sql| vec![Text::translated(sql, host)])),
            Framework::Knex if raw::is_schema(call) => {
                let inner = self.inner.remove(&Rc::as_ptr(call)).unwrap_or_default();
                knex::schema_call(call, inner)
            }
            Framework::NodePgMigrate => pgm::call(call, self.has_shorthands),
            Framework::Sequelize => sequelize::call(call),
            _ => None,
        };
        let sent = match translated? {
            // Others send each call as one message, whatever it holds.
            Ok(mut statements) if statements.len() == 1 => {
                Sent::text(host, statements.pop().unwrap_or_default())
            }
            Ok(statements) => Sent::statements(host, statements),
            Err(reason) => Sent::gap(host, reason),
        };
        Some(Found { sent: vec![sent], is_chain })
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
