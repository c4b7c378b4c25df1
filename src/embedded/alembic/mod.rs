//! Alembic: what the functions `upgrade` and `downgrade` of a revision send.
//!
//! Source: Alembic 1.20 and SQLAlchemy 2, whose `--sql` output `tests/alembic.rs` compares with this.

mod create_table;
mod schema;
mod table;
mod types;

use self::schema::Made;
use super::code::Module;
use super::evaluate::{Evaluator, Event, Surroundings};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, python};

/// Reads a revision; nothing if the file is none.
pub(super) fn extract(module: &Module, stem: &str) -> Option<Extracted> {
    let surroundings = Surroundings { builtin, member };
    let mut evaluator = Evaluator::new(module, surroundings);
    let facts = facts(&evaluator, stem)?;
    let up = way(&mut evaluator, "upgrade").unwrap_or_default();
    let down = way(&mut evaluator, "downgrade");
    Some(Extracted { facts, up, down, comments: Vec::new() })
}

fn facts(evaluator: &Evaluator, stem: &str) -> Option<Facts> {
    let revision = evaluator.global("revision")?;
    let down_revision = evaluator.global("down_revision")?;
    let mut facts = Facts { framework: "alembic", ..Facts::default() };
    match revision.known_text() {
        Some(id) => facts.id = id,
        None => facts.problem = Some("its `revision` is not a literal".to_owned()),
    }
    match ids(down_revision) {
        Some(parents) => facts.parents = parents,
        None => facts.problem = Some("its `down_revision` is not a literal".to_owned()),
    }
    facts.depends_on = evaluator.global("depends_on").and_then(ids).unwrap_or_default();
    let name = stem.strip_prefix(facts.id.as_str()).filter(|_| !facts.id.is_empty());
    let name = name.map_or(stem, |rest| rest.trim_start_matches(['_', '-']));
    facts.name = if name.is_empty() { stem.to_owned() } else { name.to_owned() };
    Some(facts)
}

/// Reads one revision, several, or none.
fn ids(value: &Value) -> Option<Vec<String>> {
    match &value.kind {
        ValueKind::Nothing => Some(Vec::new()),
        ValueKind::Text(_) => Some(vec![value.known_text()?]),
        ValueKind::List(values) => values.iter().map(Value::known_text).collect(),
        _ => None,
    }
}

/// What Alembic's own functions return.
fn builtin(call: &CallValue) -> Option<Value> {
    match call.name.as_str() {
        // It marks a name that no naming convention shall change.
        "alembic.op.f" => call.positional(0).cloned(),
        "f" if call.receiver.as_ref().is_some_and(is_batch) => call.positional(0).cloned(),
        _ => python::builtin(call),
    }
}

fn is_batch(value: &Value) -> bool {
    value.call().is_some_and(|call| call.name == "alembic.op.batch_alter_table")
}

fn member(object: &str, name: &str) -> Option<&'static str> {
    (object == "dialect" && name == "name").then_some("postgresql")
}

fn way(evaluator: &mut Evaluator, name: &str) -> Option<Way> {
    let function = evaluator.function(name)?;
    let mut reader = Reader { sent: Vec::new(), made: Made::default() };
    for event in evaluator.run(function) {
        reader.event(&event);
    }
    Some(Way { host: function.span, sent: reader.sent })
}

struct Reader {
    sent: Vec<Sent>,
    made: Made,
}

impl Reader {
    fn event(&mut self, event: &Event) {
        let Some(call) = &event.call else {
            self.sent.push(Sent::gap(event.span, "it is written in a way that is not read"));
            return;
        };
        let first = self.sent.len();
        self.call(call, true);
        let is_outside = event.contexts.iter().any(is_autocommit);
        for sent in &mut self.sent[first..] {
            sent.is_outside = is_outside;
            if let Some(why) = event.doubt {
                *sent = Sent { is_outside, ..Sent::gap(sent.host, why) };
            }
        }
    }

    /// Reads a call, or what it is made of if the call itself sends nothing.
    fn call(&mut self, call: &CallValue, is_statement: bool) {
        if is_sender(call) {
            if call.take() {
                self.sent.extend(sends(call, &mut self.made));
            }
            return;
        }
        let first = self.sent.len();
        let receiver = call.receiver.iter();
        let arguments = call.arguments.iter().map(|argument| &argument.value);
        for value in receiver.chain(arguments) {
            if let Some(inner) = value.call() {
                self.call(inner, false);
            }
        }
        let is_known = self.sent.len() > first || is_harmless(call);
        if is_statement && !is_known && call.take() {
            let reason = format!("`{}` is not followed", call.name);
            self.sent.push(Sent::gap(call.span, reason));
        }
    }
}

fn is_autocommit(context: &Value) -> bool {
    context.call().is_some_and(|call| call.name == "autocommit_block")
}

/// Returns whether a call sends something itself.
fn is_sender(call: &CallValue) -> bool {
    // What it makes depends on what was made before, and is not asked for.
    sends(call, &mut Made::default()).is_some()
}

/// Returns what a call sends; nothing if it sends nothing itself.
fn sends(call: &CallValue, made: &mut Made) -> Option<Sent> {
    match (&call.receiver, call.name.as_str()) {
        (None, "alembic.op.execute") => Some(execute(call, call.argument(0, "sqltext"))),
        (Some(_), "execute" | "scalar" | "scalars") => {
            Some(execute(call, call.argument(0, "statement")))
        }
        (Some(_), "exec_driver_sql") => {
            let text = call.argument(0, "statement").map(|value| &value.kind);
            match text {
                Some(ValueKind::Text(text)) => Some(Sent::text(call.span, text.clone())),
                _ => Some(Sent::gap(call.span, NOT_A_LITERAL)),
            }
        }
        (Some(_), "create" | "drop") => schema::enum_call(call, made),
        _ => schema::sent(call, made),
    }
}

const NOT_A_LITERAL: &str = "what it sends is not a literal";

fn execute(call: &CallValue, sql: Option<&Value>) -> Sent {
    match sql.and_then(text_of) {
        Some(text) => Sent::text(call.span, text),
        None => Sent::gap(call.span, NOT_A_LITERAL),
    }
}

/// Returns the SQL of a text or of `text()` around one, as SQLAlchemy sends it.
fn text_of(value: &Value) -> Option<Text> {
    match &value.kind {
        // A colon behind a backslash begins no parameter.
        ValueKind::Text(text) => {
            Some(text.clone().without(|c, rest| c == '\\' && rest.starts_with(':')))
        }
        ValueKind::Call(call) => match (&call.receiver, call.name.as_str()) {
            (None, name) if is_text_function(name) => text_of(call.argument(0, "text")?),
            (Some(receiver), "bindparams" | "execution_options") => text_of(receiver),
            _ => None,
        },
        _ => None,
    }
}

fn is_text_function(name: &str) -> bool {
    name.starts_with("sqlalchemy.") && (name.ends_with(".text") || name.ends_with(".DDL"))
}

/// Returns whether a call of something unknown changes nothing in the database.
fn is_harmless(call: &CallValue) -> bool {
    let name = call.name.as_str();
    if call.receiver.is_some() {
        let is_reader = |value: &Value| value.call().is_some_and(|call| is_harmless(call));
        return call.receiver.as_ref().is_some_and(is_reader)
            || matches!(
                name,
                "append"
                    | "add"
                    | "extend"
                    | "update"
                    | "info"
                    | "debug"
                    | "warning"
                    | "error"
                    | "close"
                    | "items"
                    | "keys"
                    | "values"
                    | "get"
            );
    }
    let module = name.split('.').next().unwrap_or_default();
    matches!(
        module,
        "sqlalchemy"
            | "logging"
            | "logger"
            | "log"
            | "time"
            | "os"
            | "sys"
            | "json"
            | "re"
            | "uuid"
            | "datetime"
            | "warnings"
            | "textwrap"
    ) || matches!(
        name,
        "alembic.op.get_bind"
            | "alembic.op.get_context"
            | "alembic.op.f"
            | "print"
            | "len"
            | "str"
            | "int"
            | "list"
            | "dict"
            | "set"
            | "tuple"
            | "range"
            | "sorted"
            | "isinstance"
            | "getattr"
            | "open"
    ) || name.starts_with("alembic.context.")
}
