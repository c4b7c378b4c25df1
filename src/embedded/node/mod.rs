//! Runners for Node.js: what the functions `up` and `down` of a migration in JavaScript or TypeScript send.
//!
//! Source: Knex 3.3, Kysely 0.29, node-pg-migrate 9.0, Sequelize 6.37 and `TypeORM` 1.1.

mod calls;
mod knex;
mod knex_table;
mod kysely;
mod kysely_column;
mod pgm;
mod pgm_column;
mod raw;
mod sequelize;
mod sequelize_column;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use super::code::{ExprKind, Module, Step};
use super::doubts::Doubts;
use super::evaluate::{Callback, Done, Evaluator, Event, Role, Surroundings};
use super::text::Text;
use super::value::{CallValue, Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, javascript};
use crate::source::Span;

/// A framework, by the name of its layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framework {
    Knex,
    Kysely,
    Sequelize,
    NodePgMigrate,
    TypeOrm,
    MikroOrm,
    /// One that is not known.
    Other,
}

impl Framework {
    fn name(self) -> &'static str {
        match self {
            Self::Knex => "knex",
            Self::Kysely => "kysely",
            Self::Sequelize => "sequelize",
            Self::NodePgMigrate => "node-pg-migrate",
            Self::TypeOrm => "typeorm",
            Self::MikroOrm => "mikro-orm",
            Self::Other => "javascript",
        }
    }

    /// Returns what the first parameter of `up` is called here.
    fn parameter(self) -> &'static str {
        match self {
            Self::Knex => "knex",
            Self::Kysely => "kysely",
            Self::Sequelize => "queryInterface",
            Self::NodePgMigrate => "pgm",
            Self::TypeOrm => "queryRunner",
            Self::MikroOrm | Self::Other => "client",
        }
    }

    /// Returns whether a migration runs in a transaction unless it says otherwise.
    fn has_transaction(self) -> bool {
        !matches!(self, Self::Sequelize | Self::Other)
    }
}

/// Reads a migration; nothing if the file is none.
pub(super) fn extract(module: &Module, text: &str, stem: &str) -> Option<Extracted> {
    let surroundings = Surroundings {
        language: &javascript::LANGUAGE,
        builtin: javascript::builtin,
        member: |_, _| None,
    };
    let mut evaluator = Evaluator::new(module, surroundings);
    evaluator.callback = callback;
    let class = evaluator.enter_class("up");
    let framework = match &class {
        Some((_, parents, _)) => of_class(parents, text),
        None => of_functions(&evaluator, text)?,
    };
    let mut facts = Facts { framework: framework.name(), ..Facts::default() };
    stem.clone_into(&mut facts.name);
    stem.clone_into(&mut facts.id);
    if let (Framework::TypeOrm, Some((name, _, span))) = (framework, &class) {
        let said = evaluator.global("this.name").and_then(Value::known_text);
        facts.id = said.unwrap_or_else(|| (*name).to_owned());
        facts.without_transaction = says_no(&evaluator, "this.transaction", *span);
    }
    if framework == Framework::MikroOrm {
        facts.without_transaction = evaluator.method("isTransactional").and_then(|method| {
            let is_off = method.body.iter().any(|step| {
                matches!(step, Step::Return(Some(value)) if matches!(value.kind, ExprKind::Bool(false)))
            });
            is_off.then_some(method.span)
        });
    }
    if framework == Framework::Knex
        && let Some(config) = evaluator.global("config")
        && let Some(off) = config.get("transaction")
        && off.bool() == Some(false)
    {
        facts.without_transaction = Some(off.span);
    }
    let is_wrapped = framework.has_transaction() && facts.without_transaction.is_none();
    let up = way(&mut evaluator, framework, is_wrapped, "up");
    let down = way(&mut evaluator, framework, is_wrapped, "down");
    let leaves = |way: &Option<(Way, Option<Span>)>| way.as_ref().and_then(|(_, off)| *off);
    facts.without_transaction = facts.without_transaction.or(leaves(&up));
    if let Some((way, _)) = &down {
        facts.has_unread_down = way.sent.is_empty() && evaluator.has_raised;
    }
    if framework == Framework::NodePgMigrate && down.is_none() {
        // It is made of the up unless `down = false` says that there is none.
        facts.has_unread_down = evaluator.global("down").and_then(Value::bool) != Some(false);
    }
    let up = match up {
        Some((up, _)) => up,
        // It is there, but made by something else.
        None => Way {
            host: Span::at(0),
            sent: vec![Sent::gap(Span::at(0), "its `up` is not a function that is written here")],
        },
    };
    let down = down.map(|(down, _)| down);
    Some(Extracted { facts, up, down, comments: Vec::new() })
}

fn says_no(evaluator: &Evaluator, name: &str, class: Span) -> Option<Span> {
    let value = evaluator.global(name)?;
    (value.bool() == Some(false)).then_some(if value.span.end > 0 { value.span } else { class })
}

fn of_class(parents: &[String], text: &str) -> Framework {
    let has = |word: &str| text.contains(word);
    let extends = |name: &str| parents.iter().any(|parent| parent.ends_with(name));
    if has("@mikro-orm") || extends(".Migration") && has("addSql") {
        Framework::MikroOrm
    } else if extends("MigrationInterface") || has("queryRunner") || has("QueryRunner") {
        Framework::TypeOrm
    } else if has("addSql") {
        Framework::MikroOrm
    } else {
        Framework::Other
    }
}

/// What only migrations for Knex have.
const KNEX: &[&str] =
    &["knex", "Knex", ".schema.createTable(", ".schema.alterTable(", ".schema.table("];

fn of_functions(evaluator: &Evaluator, text: &str) -> Option<Framework> {
    let has = |word: &str| text.contains(word);
    let up = evaluator.function("up").or_else(|| evaluator.function("down"));
    let is_exported = has("exports.up") || has("export const up") || has("exports = {");
    let first = up.and_then(|up| up.parameters.first()).map(|first| first.name.as_str());
    let first = first.map(|name| name.split(':').next().unwrap_or(name).trim());
    // What db-migrate writes only reads an SQL file, which is found by itself.
    let reads_sql_file = has("'sqls'") || has("\"sqls\"");
    if up.is_none() && !is_exported || reads_sql_file {
        return None;
    }
    Some(if first == Some("pgm") || has("MigrationBuilder") || has("node-pg-migrate") {
        Framework::NodePgMigrate
    } else if has("queryInterface") || has("QueryInterface") || has("equelize") {
        Framework::Sequelize
    } else if has("ysely") {
        Framework::Kysely
    } else if first == Some("knex") || KNEX.iter().any(|word| has(word)) {
        Framework::Knex
    } else {
        Framework::Other
    })
}

/// Says what becomes of a function that a call is given.
fn callback(call: &CallValue) -> Callback {
    match last(&call.name) {
        "then" | "finally" => Callback::Behind,
        "catch" => Callback::Sometimes,
        "map" | "forEach" | "mapSeries" | "each" => Callback::Each,
        "transaction" if call.name.starts_with("knex") => {
            Callback::Inside(ValueKind::Path("knex".to_owned()))
        }
        "transaction" | "$transaction" => {
            Callback::Inside(ValueKind::Path("transaction".to_owned()))
        }
        "createTable" | "createTableIfNotExists" | "table" | "alterTable" => {
            Callback::Inside(ValueKind::Path("table".to_owned()))
        }
        "addColumn"
        | "alterColumn"
        | "addPrimaryKeyConstraint"
        | "addUniqueConstraint"
        | "addCheckConstraint"
        | "addForeignKeyConstraint" => {
            Callback::Inside(ValueKind::Path(kysely_column::BUILDER.to_owned()))
        }
        _ => Callback::Unknown,
    }
}

/// Returns the last part of a name with dots in it.
fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

fn way(
    evaluator: &mut Evaluator,
    framework: Framework,
    is_wrapped: bool,
    name: &str,
) -> Option<(Way, Option<Span>)> {
    let function = evaluator.method(name).or_else(|| evaluator.function(name))?;
    let first = function.parameters.first().map(|first| first.name.as_str());
    let first = match first {
        // `({ context: queryInterface }) => ...`
        Some("{0}") => "umzug",
        _ => framework.parameter(),
    };
    let given = [first, "Sequelize"].map(|name| ValueKind::Path(name.to_owned()));
    let events = evaluator.run_with(function, &given);
    let shorthands = evaluator.global("shorthands");
    let has_shorthands = shorthands.is_some_and(|value| {
        !value.is_nothing() && !matches!(&value.kind, ValueKind::Path(path) if path == "undefined")
    });
    let mut reader = Reader {
        framework,
        has_shorthands,
        is_wrapped,
        sent: Vec::new(),
        inner: HashMap::new(),
        open: Vec::new(),
        without_transaction: None,
        doubts: Doubts::default(),
    };
    for event in events {
        reader.event(event);
    }
    Some((Way { host: function.span, sent: reader.sent }, reader.without_transaction))
}

/// Follows what one direction of a migration does.
struct Reader {
    framework: Framework,
    /// Whether the migration has types of its own for columns.
    has_shorthands: bool,
    /// Whether the framework holds a transaction open.
    is_wrapped: bool,
    sent: Vec<Sent>,
    /// What functions do that are given to a call, until that call itself is seen.
    inner: HashMap<*const CallValue, Vec<Event>>,
    /// The transactions that the migration has begun itself, by their calls.
    open: Vec<*const CallValue>,
    /// Where the migration says that it runs without the framework's transaction.
    without_transaction: Option<Span>,
    doubts: Doubts,
}

impl Reader {
    fn event(&mut self, event: Event) {
        let builder = event.contexts.last().and_then(Value::call);
        if let Some(builder) = builder.filter(|call| last(&call.name) != "transaction") {
            self.inner.entry(Rc::as_ptr(builder)).or_default().push(event);
            return;
        }
        for context in event.contexts.iter().filter_map(Value::call) {
            self.begin(context);
        }
        let before = self.sent.len();
        match &event.done {
            Done::Unread(reason) => self.sent.push(Sent::gap(event.span, *reason)),
            Done::Call(call, role) => {
                // Parts of statements are written with these; they send nothing alone.
                let is_fragment = *role == Role::Part && raw::is_fragment(call);
                if !is_fragment {
                    self.call(call, *role != Role::Part || raw::touches_database(call));
                }
                let is_in_transaction = !event.contexts.is_empty();
                for sent in self.sent.iter_mut().skip(before) {
                    if is_in_transaction && self.framework == Framework::Sequelize {
                        *sent = on_other_connection(call, sent).unwrap_or_else(|| sent.clone());
                    }
                }
            }
        }
        self.doubts.settle(&mut self.sent, before, event.doubt);
    }

    /// Notes that a call begins a transaction, unless the framework has one open.
    fn begin(&mut self, call: &Rc<CallValue>) {
        if !self.is_wrapped && !self.open.contains(&Rc::as_ptr(call)) {
            self.open.push(Rc::as_ptr(call));
            self.sent.push(Sent::text(call.span, Text::translated("BEGIN", call.span)));
        }
    }

    fn end(&mut self, call: &Rc<CallValue>, host: Span) {
        let before = self.open.len();
        self.open.retain(|open| *open != Rc::as_ptr(call));
        if self.open.len() < before {
            self.sent.push(Sent::text(host, Text::translated("COMMIT", host)));
        }
    }

    /// Reads a call, or what it is made of if the call itself sends nothing.
    fn call(&mut self, call: &Rc<CallValue>, is_statement: bool) {
        if self.control(call) {
            return;
        }
        if let Some(found) = self.sends(call) {
            if let Some(receiver) = call.receiver.as_ref().and_then(Value::call)
                && found.is_chain
            {
                self.call(receiver, false);
            }
            if call.take() {
                self.sent.extend(found.sent);
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
                true => Sent::minor_gap(call.span, "it changes rows with a query builder"),
                false => Sent::gap(call.span, format!("`{}` is not followed", last(&call.name))),
            });
        }
    }

    /// Reads what begins and ends transactions.
    fn control(&mut self, call: &Rc<CallValue>) -> bool {
        let of = call.receiver.as_ref().and_then(Value::call);
        let is_of_transaction = of.is_some_and(|of| last(&of.name) == "transaction");
        match last(&call.name) {
            "transaction" | "$transaction" if is_callback(call) => {
                self.end(call, Span::at(call.span.end));
                true
            }
            "transaction" if call.arguments.iter().all(|argument| is_option(&argument.value)) => {
                if call.take() {
                    self.begin(call);
                }
                true
            }
            "commit" if is_of_transaction => {
                if let Some(of) = of.filter(|_| call.take()) {
                    self.end(of, call.span);
                }
                true
            }
            "rollback" if is_of_transaction => true,
            "noTransaction" if self.framework == Framework::NodePgMigrate => {
                self.without_transaction = Some(call.span);
                true
            }
            _ => false,
        }
    }
}

/// Returns whether an argument only says how a transaction is to be.
fn is_option(value: &Value) -> bool {
    match &value.kind {
        ValueKind::Path(path) => path.contains('.'),
        ValueKind::List(_) | ValueKind::Open(_) => false,
        _ => true,
    }
}

fn is_callback(call: &CallValue) -> bool {
    call.arguments.iter().any(|argument| matches!(argument.value.kind, ValueKind::Function(_)))
}

/// Returns the gap that a call is which does not take part in the transaction around it.
fn on_other_connection(call: &CallValue, sent: &Sent) -> Option<Sent> {
    let takes_part = |value: &Value| match &value.kind {
        ValueKind::Map(pairs) => {
            pairs.iter().any(|(key, _)| key.known_text().is_none_or(|key| key == "transaction"))
        }
        ValueKind::Open(_) => true,
        _ => false,
    };
    let is_part = call.arguments.iter().any(|argument| takes_part(&argument.value));
    let is_silent = sent.gap.is_some() || sent.is_control() || last(&call.name) == "all";
    let why = "it runs on another connection than the transaction around it";
    (!is_part && !is_silent).then(|| Sent::gap(sent.host, why))
}
