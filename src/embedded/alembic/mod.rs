//! Alembic: what the functions `upgrade` and `downgrade` of a revision send.
//!
//! Source: Alembic 1.20 and SQLAlchemy 2, whose `--sql` output `tests/alembic.rs` compares with this.

mod create_table;
mod schema;
mod table;
mod types;

use self::schema::Made;
use super::code::Module;
use super::doubts::Doubts;
use super::evaluate::{Done, Evaluator, Event, Role, Surroundings};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, python};
use crate::source::Span;

/// Reads a revision; nothing if the file is none.
pub(super) fn extract(module: &Module, stem: &str) -> Option<Extracted> {
    let surroundings = Surroundings { language: &python::LANGUAGE, builtin, member };
    let mut evaluator = Evaluator::new(module, surroundings);
    let mut facts = facts(&evaluator, stem)?;
    let up = way(&mut evaluator, "upgrade").unwrap_or_else(|| {
        let reason = "its `upgrade` is not a function that is written here";
        Way { host: Span::at(0), sent: vec![Sent::gap(Span::at(0), reason)] }
    });
    let mut down = way(&mut evaluator, "downgrade");
    if down.is_none() && evaluator.global("downgrade").is_some() {
        let reason = "its `downgrade` is not a function that is written here";
        down = Some(Way { host: Span::at(0), sent: vec![Sent::gap(Span::at(0), reason)] });
    }
    facts.has_unread_down =
        down.as_ref().is_some_and(|down| down.sent.is_empty()) && evaluator.has_raised;
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
    let mut reader = Reader::default();
    for event in evaluator.run(function) {
        reader.event(&event);
    }
    Some(Way { host: function.span, sent: reader.sent })
}

#[derive(Default)]
struct Reader {
    sent: Vec<Sent>,
    made: Made,
    doubts: Doubts,
}

impl Reader {
    fn event(&mut self, event: &Event) {
        let first = self.sent.len();
        match &event.done {
            Done::Unread(reason) => self.sent.push(Sent::gap(event.span, *reason)),
            Done::Call(call, role) => {
                self.call(call, *role == Role::Statement || must_be_known(call));
            }
        }
        let is_outside = event.contexts.iter().any(is_autocommit);
        for sent in self.sent.iter_mut().skip(first) {
            sent.is_outside = is_outside;
        }
        self.doubts.settle(&mut self.sent, first, event.doubt);
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
        for inner in call.inner() {
            self.call(&inner, must_be_known(&inner));
        }
        let is_known = self.sent.len() > first || is_harmless(call);
        if !is_known && is_session(call) && call.take() {
            let reason = "it changes rows through a session of SQLAlchemy";
            self.sent.push(Sent::minor_gap(call.span, reason));
            return;
        }
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
        None if sql.is_some_and(is_about_rows) => {
            Sent::minor_gap(call.span, "it changes or reads rows by an expression of SQLAlchemy")
        }
        None => Sent::gap(call.span, NOT_A_LITERAL),
    }
}

/// Puts parentheses around a parameter behind `IN`: SQLAlchemy makes a list in parentheses of it.
fn with_lists(text: Text) -> Text {
    let mut out = Text::default();
    for part in text.parts {
        let mut from = 0;
        let mut at = 0;
        let lower = part.text.to_ascii_lowercase();
        while let Some(found) = lower.get(at..).and_then(|rest| rest.find(" in :")) {
            let start = at + found + 4;
            let is_word = |b: &&u8| b.is_ascii_alphanumeric() || **b == b'_';
            let name = lower.as_bytes().iter().skip(start + 1).take_while(is_word).count();
            let end = start + 1 + name;
            out.append(part.slice(from, start));
            out.push("(", part.host);
            out.append(part.slice(start, end));
            out.push(")", part.host);
            (from, at) = (end, end);
        }
        if from == 0 {
            out.parts.push(part);
        } else {
            out.append(part.slice(from, part.text.len()));
        }
    }
    out
}

/// Returns whether an expression of SQLAlchemy is about rows: `table.insert()`, `sa.update(table)`.
fn is_about_rows(value: &Value) -> bool {
    value.call().is_some_and(|call| {
        let name = call.name.rsplit('.').next().unwrap_or_default();
        matches!(name, "insert" | "update" | "delete" | "select")
            || call.receiver.as_ref().is_some_and(is_about_rows)
    })
}

/// Returns the SQL of a text or of `text()` around one, as SQLAlchemy sends it.
fn text_of(value: &Value) -> Option<Text> {
    match &value.kind {
        // A colon behind a backslash begins no parameter.
        ValueKind::Text(text) => {
            let text = text.clone().without(|c, rest| c == '\\' && rest.starts_with(':'));
            Some(with_lists(text))
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

/// Returns whether a call whose result is used may do something to the database: it gets hold of the
/// connection, or of `op`, and its name does not say that it only asks.
fn must_be_known(call: &CallValue) -> bool {
    let is_ours = |path: &str| {
        path == "alembic.op" || path.strip_prefix("alembic.op.").is_some_and(|name| name != "f")
    };
    call.reaches(is_ours) && !only_asks(call)
}

/// Returns whether the name of a function whose result is used says that it only asks.
fn only_asks(call: &CallValue) -> bool {
    let name = call.name.rsplit('.').next().unwrap_or_default().trim_start_matches('_');
    let asks = ["get_", "has_", "is_", "find_", "check_", "count_", "list_", "generic_find"];
    name.contains("exist")
        || asks.iter().any(|verb| name.starts_with(verb))
        || name.ends_with("Session")
        || name == "sessionmaker"
}

/// Returns whether a method changes rows, as those of a session do.
fn is_session(call: &CallValue) -> bool {
    call.receiver.is_some()
        && matches!(
            call.name.as_str(),
            "add"
                | "add_all"
                | "bulk_insert_mappings"
                | "bulk_save_objects"
                | "bulk_update_mappings"
                | "delete"
                | "insert"
                | "merge"
                | "update"
        )
        && !is_harmless(call)
}

/// What only reads, of whatever object it is a method.
const READERS: &[&str] = &[
    "all",
    "append",
    "autocommit_block",
    "begin",
    "begin_nested",
    "commit",
    "count",
    "expunge",
    "flush",
    "limit",
    "offset",
    "refresh",
    "reflect",
    "rollback",
    "yield_per",
    "close",
    "connect",
    "debug",
    "error",
    "exception",
    "extend",
    "fetchall",
    "fetchone",
    "filter",
    "filter_by",
    "first",
    "get",
    "get_check_constraints",
    "get_columns",
    "get_enums",
    "get_foreign_keys",
    "get_indexes",
    "get_pk_constraint",
    "get_sorted_table_and_fkc_names",
    "get_table_names",
    "get_unique_constraints",
    "get_view_names",
    "has_table",
    "info",
    "is_offline_mode",
    "items",
    "join",
    "keys",
    "lower",
    "mappings",
    "one",
    "one_or_none",
    "options",
    "order_by",
    "query",
    "scalar_one",
    "scalar_one_or_none",
    "select_from",
    "split",
    "startswith",
    "upper",
    "values",
    "warning",
    "where",
];

/// Modules whose functions change nothing in the database.
const MODULES: &[&str] = &[
    "contextlib",
    "datetime",
    "decimal",
    "inspect",
    "itertools",
    "json",
    "log",
    "logger",
    "logging",
    "os",
    "pathlib",
    "re",
    "sqlalchemy",
    "sys",
    "textwrap",
    "time",
    "uuid",
    "warnings",
];

/// Functions that change nothing in the database.
const FUNCTIONS: &[&str] = &[
    "alembic.op.batch_alter_table",
    "alembic.op.f",
    "alembic.op.get_bind",
    "alembic.op.get_context",
    "bool",
    "dict",
    "enumerate",
    "getattr",
    "hasattr",
    "int",
    "isinstance",
    "len",
    "list",
    "max",
    "min",
    "next",
    "open",
    "print",
    "range",
    "set",
    "sorted",
    "str",
    "sum",
    "tuple",
    "zip",
];

/// Returns whether a call of something unknown changes nothing in the database.
fn is_harmless(call: &CallValue) -> bool {
    let name = call.name.as_str();
    if let Some(receiver) = &call.receiver {
        let is_plain =
            matches!(receiver.kind, ValueKind::List(_) | ValueKind::Map(_) | ValueKind::Text(_));
        let makes_session = |of: &CallValue| of.name.ends_with("sessionmaker");
        let is_session = name == "()" && receiver.call().is_some_and(|of| makes_session(of));
        return is_plain || is_session || READERS.contains(&name);
    }
    let module = name.split('.').next().unwrap_or_default();
    let runs = ["execute", "system", "popen", "run_migrations", "configure"];
    let is_module = MODULES.contains(&module) || name.starts_with("alembic.context.");
    is_module && !name.rsplit('.').next().is_some_and(|last| runs.contains(&last))
        || FUNCTIONS.contains(&name)
}
