//! Ecto: what the functions `up`, `down` and `change` of a migration send.
//!
//! Source: `ecto_sql` 3.10 to 3.13, read; no run of Ecto has been compared with it. What the configuration of
//! a repository changes, such as `migration_primary_key`, is taken to be as Ecto has it by itself.

mod index;
mod options;
mod raw;
mod table;
#[cfg(test)]
mod tests;
mod types;

use std::collections::HashMap;
use std::rc::Rc;

use super::code::Module;
use super::evaluate::{Callback, Done, Evaluator, Event, Surroundings};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, elixir};
use crate::source::Span;

/// What only run time knows.
const RUN_TIME: &str = "only run time knows one of its arguments";

/// Why Ecto refuses to take a call back.
const IRREVERSIBLE: &str = "Ecto cannot take it back";

/// What every migration has in it.
pub(super) const MARK: &str = "Migration";

/// Reads a migration; nothing if the file is none.
pub(super) fn extract(module: &Module, text: &str, stem: &str) -> Option<Extracted> {
    let mut evaluator = Evaluator::new(module, surroundings(elixir::builtin_up));
    let class = ["change", "up"].iter().find_map(|name| evaluator.enter_class(name));
    let is_migration = |parent: &String| parent.ends_with(MARK);
    let mut facts = Facts { framework: "ecto", ..Facts::default() };
    let digits = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    facts.id = stem[..digits].to_owned();
    facts.name = stem[digits..].trim_start_matches('_').to_owned();
    match &class {
        Some((_, parents, _)) if parents.iter().any(is_migration) => {}
        None if text.contains("use Ecto.Migration") => {
            let why = "it has no function `up` or `change` that is written here";
            let up = Way { host: Span::at(0), sent: vec![Sent::gap(Span::at(0), why)] };
            return Some(Extracted { facts, up, down: None, comments: Vec::new() });
        }
        _ => return None,
    }
    facts.without_transaction = evaluator
        .global("this.@disable_ddl_transaction")
        .filter(|value| value.bool() == Some(true))
        .map(|value| value.span);
    let (up, down) = if evaluator.method("change").is_some() {
        let up = way(&mut evaluator, "change", Pass::Up).unwrap_or_default().0;
        let mut backward = Evaluator::new(module, surroundings(elixir::builtin_down));
        backward.enter_class("change");
        let made = way(&mut backward, "change", Pass::Back).unwrap_or_default();
        (up, taken_back(made, &mut facts))
    } else {
        let up = way(&mut evaluator, "up", Pass::Up).unwrap_or_default().0;
        let mut backward = Evaluator::new(module, surroundings(elixir::builtin_down));
        backward.enter_class("up");
        let down = way(&mut backward, "down", Pass::Down);
        facts.has_unread_down = down.as_ref().is_some_and(|(_, outcome)| outcome.refuses);
        (up, down.map(|(way, _)| way))
    };
    Some(Extracted { facts, up, down, comments: Vec::new() })
}

fn surroundings(builtin: fn(&CallValue) -> Option<Value>) -> Surroundings {
    Surroundings { language: &elixir::LANGUAGE, builtin, member: |_, _| None }
}

/// Returns the way back that Ecto makes of `change`, if a part of it is written there.
///
/// Where nothing of it is, it only says once more what the way up says.
fn taken_back((way, outcome): (Way, Outcome), facts: &mut Facts) -> Option<Way> {
    if outcome.refuses {
        return None;
    }
    let is_known = way.sent.iter().all(|sent| sent.gap.is_none());
    if is_known && outcome.is_written {
        return Some(way);
    }
    facts.has_unread_down = true;
    None
}

/// Which way a function is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    /// What it says, on the way up.
    Up,
    /// What it says, on the way down.
    Down,
    /// The opposite of each command, the last one first.
    Back,
}

/// What is known of a way beside what it sends.
#[derive(Clone, Copy, Debug, Default)]
struct Outcome {
    /// Whether it ends with an error.
    refuses: bool,
    /// Whether a part of the way back is written out.
    is_written: bool,
}

fn way(evaluator: &mut Evaluator, name: &str, pass: Pass) -> Option<(Way, Outcome)> {
    let function = evaluator.method(name)?;
    evaluator.callback = if pass == Pass::Back { on_the_way_back } else { on_any_way };
    let events = evaluator.run(function);
    let mut reader = Reader {
        pass,
        sent: Vec::new(),
        queue: Vec::new(),
        inner: HashMap::new(),
        outcome: Outcome::default(),
    };
    for event in events {
        reader.event(event);
    }
    reader.flush();
    Some((Way { host: function.span, sent: reader.sent }, reader.outcome))
}

/// Says what becomes of a function that a call is given.
fn on_any_way(call: &CallValue) -> Callback {
    let is_first =
        |at: usize| matches!(call.positional(at), Some(Value { kind: ValueKind::Function(_), .. }));
    match call.name.as_str() {
        "this.execute" if is_first(0) => Callback::Inside(ValueKind::Nothing),
        "this.create" | "this.create_if_not_exists" | "this.alter" => {
            Callback::Inside(ValueKind::Nothing)
        }
        name => match last(name) {
            "each" | "map" | "flat_map" => Callback::Each,
            "transaction" | "checkout" => Callback::Inside(ValueKind::Nothing),
            _ => Callback::Unknown,
        },
    }
}

/// Says the same where `change` is taken back: `execute` runs its second argument.
fn on_the_way_back(call: &CallValue) -> Callback {
    let second = call.positional(1).map(|value| &value.kind);
    match (call.name.as_str(), second) {
        ("this.execute", Some(ValueKind::Function(_))) => Callback::InsideLast(ValueKind::Nothing),
        ("this.execute", _) => Callback::Never,
        _ => on_any_way(call),
    }
}

/// Returns the last part of a name with dots in it.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Follows one way through a migration.
///
/// Ecto notes the commands and sends them when the function has ended, or at `flush()`; a query that is
/// asked of the repository itself goes before them.
struct Reader {
    pass: Pass,
    sent: Vec<Sent>,
    queue: Vec<Vec<Sent>>,
    /// What blocks and functions do that a command is given, until the command itself is seen.
    inner: HashMap<*const CallValue, Vec<Event>>,
    outcome: Outcome,
}

impl Reader {
    fn flush(&mut self) {
        let mut queue = std::mem::take(&mut self.queue);
        if self.pass == Pass::Back {
            queue.reverse();
        }
        self.sent.extend(queue.into_iter().flatten());
    }

    fn event(&mut self, event: Event) {
        if event.is_part() && !event.call().is_some_and(|call| raw::touches_database(call)) {
            return;
        }
        // What a function returns is seen again where it is called.
        if event.call().is_some_and(|call| !call.take()) {
            return;
        }
        let contexts = event.contexts.iter().rev().filter_map(Value::call);
        let mut commands = contexts.filter(|call| call.name.starts_with("this."));
        if let Some(command) = commands.next() {
            self.inner.entry(Rc::as_ptr(command)).or_default().push(event);
            return;
        }
        let call = match &event.done {
            Done::Call(call, _) => call,
            Done::Unread(why) => {
                self.queue.push(vec![Sent::gap(event.span, *why)]);
                return;
            }
        };
        let inner = self.inner.remove(&Rc::as_ptr(call)).unwrap_or_default();
        let Some(own) = call.name.strip_prefix("this.").filter(|_| call.receiver.is_none()) else {
            self.sent.extend(immediate(&event, call));
            return;
        };
        if own == "raise" && event.doubt.is_none() {
            self.outcome.refuses = self.sent.is_empty() && self.queue.is_empty();
        }
        if own == "flush" {
            match self.pass {
                Pass::Back => self.outcome.refuses |= event.doubt.is_none(),
                Pass::Up | Pass::Down => self.flush(),
            }
            return;
        }
        if raw::is_harmless(call) {
            return;
        }
        let command = match event.doubt {
            Some(doubt) => vec![Sent::gap(call.span, doubt.why)],
            None => self.command(own, call, inner),
        };
        self.queue.push(command);
    }

    /// Returns what a command sends.
    fn command(&mut self, name: &str, call: &CallValue, inner: Vec<Event>) -> Vec<Sent> {
        let host = call.span;
        let is_back = self.pass == Pass::Back;
        let statements = match name {
            "execute" => return self.execute(call, inner),
            "create" | "create_if_not_exists" | "drop" | "drop_if_exists" => {
                self.object(name, call, inner)
            }
            "alter" => table::alter(call, inner, is_back),
            "rename" => table::rename(call, is_back),
            "execute_file" => Err("what it sends is in another file".to_owned()),
            other => Err(format!("`{other}` is not followed")),
        };
        vec![match statements {
            Ok(statements) => Sent::statements(host, statements),
            Err(reason) => {
                self.outcome.refuses |= is_back && reason == IRREVERSIBLE;
                Sent::gap(host, reason)
            }
        }]
    }

    /// Returns what makes or drops a table, an index or a constraint.
    fn object(&self, name: &str, call: &CallValue, inner: Vec<Event>) -> Result<Vec<Text>, String> {
        let is_back = self.pass == Pass::Back;
        let is_lenient = name.ends_with("_exists");
        let makes = name.starts_with("create") != is_back;
        let what = call.positional(0).and_then(Value::call).ok_or(RUN_TIME)?;
        let mode = options::of(call, 1, &["mode"])?.text("mode")?;
        let is_cascade = mode.as_deref() == Some("cascade") && !is_back;
        match (what.name.as_str(), makes) {
            ("this.table", true) if is_back => Err(IRREVERSIBLE.to_owned()),
            ("this.table", true) => table::create(what, inner, is_lenient, call.span),
            ("this.table", false) => table::drop(what, is_lenient, is_cascade, call.span),
            ("this.index" | "this.unique_index", true) => {
                index::create(what, is_lenient, call.span)
            }
            ("this.index" | "this.unique_index", false) => {
                index::drop(what, is_lenient, is_cascade, call.span)
            }
            ("this.constraint", true) if is_back => Err(IRREVERSIBLE.to_owned()),
            ("this.constraint", true) if is_lenient => {
                Err("`create_if_not_exists` of a constraint is not known".to_owned())
            }
            ("this.constraint", true) => index::create_constraint(what, call.span),
            ("this.constraint", false) if is_cascade => {
                Err("Ecto refuses to drop a constraint with what needs it".to_owned())
            }
            ("this.constraint", false) => index::drop_constraint(what, is_lenient, call.span),
            (other, _) => Err(format!("`{}` is not followed", last(other))),
        }
    }

    /// Returns what `execute` sends: its SQL, or what its function asks of the repository.
    fn execute(&mut self, call: &CallValue, inner: Vec<Event>) -> Vec<Sent> {
        let at = usize::from(self.pass == Pass::Back);
        let Some(given) = call.positional(at) else {
            self.outcome.refuses |= self.pass == Pass::Back;
            return vec![Sent::gap(call.span, IRREVERSIBLE)];
        };
        match &given.kind {
            ValueKind::Function(_) => {
                self.outcome.is_written = true;
                let sent = inner.iter().filter_map(|event| match &event.done {
                    Done::Call(call, _) => immediate(event, call),
                    Done::Unread(why) => Some(Sent::gap(event.span, *why)),
                });
                sent.collect()
            }
            ValueKind::Text(text) if text.shown().trim().is_empty() => Vec::new(),
            ValueKind::Text(text) => {
                self.outcome.is_written = true;
                vec![raw::message(call.span, text)]
            }
            _ => vec![Sent::gap(call.span, "what it sends is not a literal")],
        }
    }
}

/// Returns what a call sends that does not wait for the other commands.
fn immediate(event: &Event, call: &Rc<CallValue>) -> Option<Sent> {
    let sent = raw::sent(call)?;
    let is_known = sent.gap.is_none();
    Some(match event.doubt {
        Some(doubt) if is_known => Sent::gap(call.span, doubt.why),
        _ => sent,
    })
}
