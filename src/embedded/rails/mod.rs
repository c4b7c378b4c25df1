//! Rails: what the methods `up`, `down` and `change` of a migration send.
//!
//! What calls send follows what is known of Active Record 5.1 to 8.0; only the names with a hash in them
//! were compared with what Rails made. No run of Rails has been compared with it yet.

mod names;
mod raw;
mod schema;
mod table;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use super::code::{ExprKind, Module, Step};
use super::doubts::Doubts;
use super::evaluate::{Callback, Done, Evaluator, Event, Role, Surroundings};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, ruby};
use crate::source::Span;

/// Reads a migration; nothing if the file is none.
pub(super) fn extract(module: &Module, text: &str, stem: &str) -> Option<Extracted> {
    if !text.contains(MARK) {
        return None;
    }
    let surroundings =
        Surroundings { language: &ruby::LANGUAGE, builtin: ruby::builtin, member: |_, _| None };
    let mut evaluator = Evaluator::new(module, surroundings);
    let class = ["change", "up", "down"].iter().find_map(|name| evaluator.enter_class(name));
    let mut facts = Facts { framework: "rails", ..Facts::default() };
    let digits = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    facts.id = stem[..digits].to_owned();
    facts.name = stem[digits..].trim_start_matches('_').to_owned();
    let Some((_, _, span)) = class else {
        let gap = Sent::gap(Span::at(0), "it has no method `up` or `change` that is written here");
        let up = Way { host: Span::at(0), sent: vec![gap] };
        return Some(Extracted { facts, up, down: None, comments: Vec::new() });
    };
    facts.without_transaction = opt_out(module, span);
    let how = (facts.without_transaction.is_none(), version(text));
    let (up, down) = if evaluator.method("change").is_some() {
        let made = way(&mut evaluator, "change", true, how);
        let (up, is_reversible) = made.unwrap_or_default();
        // Rails makes the way back of the calls, and refuses it if one of them has none.
        facts.has_unread_down = is_reversible;
        (up, None)
    } else {
        let up = way(&mut evaluator, "up", true, how).unwrap_or_default().0;
        let down = way(&mut evaluator, "down", false, how).map(|(down, _)| down);
        if let Some(down) = &down {
            facts.has_unread_down = down.sent.is_empty() && evaluator.has_raised;
        }
        (up, down)
    };
    Some(Extracted { facts, up, down, comments: Vec::new() })
}

/// What every migration has.
pub(super) const MARK: &str = "ActiveRecord::Migration";

/// Returns the version of Rails that a migration is written for; one that says none is older than all.
fn version(text: &str) -> (u32, u32) {
    let said = text.split_once(MARK).and_then(|(_, rest)| rest.strip_prefix('['));
    let said =
        said.and_then(|rest| rest.split_once(']')).and_then(|(said, _)| said.split_once('.'));
    let number = |text: &str| text.trim().parse().ok();
    said.and_then(|(major, minor)| Some((number(major)?, number(minor)?))).unwrap_or((0, 0))
}

/// Returns where a migration says that it runs without a transaction.
fn opt_out(module: &Module, class: Span) -> Option<Span> {
    let body = module.steps.iter().find_map(|step| match step {
        Step::Class { body, span, .. } if *span == class => Some(body),
        _ => None,
    })?;
    body.iter().find_map(|step| match step {
        Step::Run(value) => match &value.kind {
            ExprKind::Call(call) => match &call.callee.kind {
                ExprKind::Member(_, name) if name == "disable_ddl_transaction!" => Some(value.span),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

/// Says what becomes of a block on the way up.
fn on_the_way_up(call: &CallValue) -> Callback {
    match call.name.as_str() {
        "direction.up" | "this.up_only" => Callback::Inside(ValueKind::Nothing),
        "direction.down" => Callback::Never,
        _ => on_any_way(call),
    }
}

/// Says what becomes of a block on the way down.
fn on_the_way_down(call: &CallValue) -> Callback {
    match call.name.as_str() {
        "direction.down" => Callback::Inside(ValueKind::Nothing),
        "direction.up" | "this.up_only" => Callback::Never,
        _ => on_any_way(call),
    }
}

fn on_any_way(call: &CallValue) -> Callback {
    let name = last(&call.name);
    let is_own = call.receiver.is_none() && call.name.strip_prefix("this.") == Some(name);
    match name {
        "each" | "map" | "each_pair" => Callback::Each,
        "transaction" => Callback::Inside(ValueKind::Nothing),
        "tap" => Callback::Behind,
        "reversible" if is_own => Callback::Inside(ValueKind::Path("direction".to_owned())),
        "create_table" | "create_join_table" | "change_table" if is_own => {
            Callback::Inside(ValueKind::Path("table".to_owned()))
        }
        "safety_assured" | "suppress_messages" | "say_with_time" if is_own => {
            Callback::Inside(ValueKind::Nothing)
        }
        _ => Callback::Unknown,
    }
}

/// Returns the last part of a name with dots in it.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Reads one direction; returns it and whether Rails can take it back by itself.
fn way(
    evaluator: &mut Evaluator,
    name: &str,
    is_up: bool,
    (is_wrapped, version): (bool, (u32, u32)),
) -> Option<(Way, bool)> {
    let function = evaluator.method(name)?;
    evaluator.callback = if is_up { on_the_way_up } else { on_the_way_down };
    let events = evaluator.run(function);
    let mut reader = Reader {
        is_wrapped,
        version,
        sent: Vec::new(),
        inner: HashMap::new(),
        open: Vec::new(),
        is_reversible: true,
        doubts: Doubts::default(),
    };
    for event in events {
        reader.event(event);
    }
    Some((Way { host: function.span, sent: reader.sent }, reader.is_reversible))
}

/// Follows what one direction of a migration does.
struct Reader {
    /// Whether Rails holds a transaction open.
    is_wrapped: bool,
    /// The version of Rails that the migration is written for.
    version: (u32, u32),
    sent: Vec<Sent>,
    /// What the blocks of calls do that describe a table, until the call itself is seen.
    inner: HashMap<*const CallValue, Vec<Event>>,
    /// The transactions that the migration has begun itself, by their calls.
    open: Vec<*const CallValue>,
    /// Whether Rails can take back all that was seen.
    is_reversible: bool,
    doubts: Doubts,
}

impl Reader {
    fn event(&mut self, event: Event) {
        let of_table = event.contexts.iter().filter_map(Value::call).find(|c| describes_table(c));
        if let Some(table) = of_table {
            self.inner.entry(Rc::as_ptr(table)).or_default().push(event);
            return;
        }
        for context in event.contexts.iter().filter_map(Value::call) {
            if last(&context.name) == "transaction" {
                self.begin(context);
            }
        }
        let is_one_way = event
            .contexts
            .iter()
            .filter_map(Value::call)
            .any(|context| matches!(context.name.as_str(), "this.reversible" | "this.up_only"));
        let before = self.sent.len();
        match &event.done {
            Done::Unread(reason) => self.sent.push(Sent::gap(event.span, *reason)),
            Done::Call(call, role) => {
                self.is_reversible &= is_one_way || !raw::is_irreversible(call);
                self.call(call, *role != Role::Part || raw::touches_database(call));
            }
        }
        self.doubts.settle(&mut self.sent, before, event.doubt);
    }

    /// Notes that a call begins a transaction; inside of another it begins none.
    fn begin(&mut self, call: &Rc<CallValue>) {
        if !self.is_wrapped && self.open.is_empty() {
            self.open.push(Rc::as_ptr(call));
            self.sent.push(Sent::text(call.span, Text::translated("BEGIN", call.span)));
        }
    }

    fn end(&mut self, call: &Rc<CallValue>) {
        let before = self.open.len();
        self.open.retain(|open| *open != Rc::as_ptr(call));
        if self.open.len() < before {
            let end = Span::at(call.span.end);
            self.sent.push(Sent::text(end, Text::translated("COMMIT", end)));
        }
    }

    /// Reads a call, or what it is made of if the call itself sends nothing.
    fn call(&mut self, call: &Rc<CallValue>, is_statement: bool) {
        if last(&call.name) == "transaction" && raw::has_block(call) {
            self.end(call);
            return;
        }
        let inner = self.inner.remove(&Rc::as_ptr(call));
        let sent = raw::sent(call)
            .or_else(|| table::sent(call, &inner.unwrap_or_default(), self.version))
            .map(|sent| vec![sent])
            .or_else(|| schema::sent(call, self.version));
        if let Some(sent) = sent {
            if call.take() {
                self.sent.extend(sent);
            }
            return;
        }
        let first = self.sent.len();
        for inner in call.inner() {
            self.call(&inner, false);
        }
        let is_known = self.sent.len() > first || raw::is_harmless(call);
        if is_statement && !is_known && call.take() {
            self.sent.push(match raw::changes_rows(call) {
                true => Sent::minor_gap(call.span, "it changes rows through a model"),
                false => Sent::gap(call.span, format!("`{}` is not followed", last(&call.name))),
            });
        }
    }
}

/// Returns whether the block of a call describes a table.
fn describes_table(call: &CallValue) -> bool {
    matches!(
        call.name.as_str(),
        "this.create_table" | "this.create_join_table" | "this.change_table"
    )
}
