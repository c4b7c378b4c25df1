//! Django: what the operations of a migration send.
//!
//! Source: Django 5.2, whose `sqlmigrate` output `tests/django.rs` compares with this.

mod alter;
mod conditions;
mod deferred;
mod elsewhere;
mod fields;
mod indexes;
mod models;
mod names;
mod operations;
mod raw;
mod rename;
mod state;

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

pub(super) use self::elsewhere::{Elsewhere, Known};
use self::operations::Reader;
use self::state::Apps;
use super::code::Module;
use super::evaluate::{Evaluator, Surroundings};
use super::value::{Value, ValueKind};
use super::{Extracted, Facts, Sent, Way, python};
use crate::source::Span;

/// A migration whose operations have been read but not followed.
pub(super) struct Migration {
    /// What it says about itself.
    pub facts: Facts,
    class: Span,
    operations: Option<Value>,
}

/// Reads a migration; nothing if the file is none.
pub(super) fn read(module: &Module, stem: &str) -> Option<Migration> {
    let surroundings =
        Surroundings { language: &python::LANGUAGE, builtin: python::builtin, member };
    let mut evaluator = Evaluator::new(module, surroundings);
    let is_migration = |name: &str, parents: &[String]| {
        name == "Migration" && parents.iter().any(|parent| parent.ends_with("migrations.Migration"))
    };
    let (names, class) = evaluator.class(is_migration)?;
    let mut operations = names.get("operations").cloned();
    if evaluator.is_exhausted() {
        let kind = ValueKind::Open("operations".to_owned());
        operations = Some(Value { span: class, kind });
    }
    Some(Migration { facts: facts(&names, stem), class, operations })
}

fn member(object: &str, name: &str) -> Option<&'static str> {
    (object == "connection" && name == "vendor").then_some("postgresql")
}

fn facts(names: &HashMap<String, Value>, stem: &str) -> Facts {
    let mut facts = Facts { framework: "django", id: stem.to_owned(), ..Facts::default() };
    let digits = stem.bytes().take_while(u8::is_ascii_digit).count();
    stem[digits..].trim_start_matches('_').clone_into(&mut facts.name);
    let pairs = |name: &str| -> Vec<String> {
        let all = names.get(name).and_then(Value::list).unwrap_or_default();
        let pair = |value: &Value| {
            // Which app a setting names is not known: it is another one.
            if value.call().is_some() {
                return Some("settings.app".to_owned());
            }
            let [app, name] = value.list()? else { return None };
            Some(format!("{}.{}", app.known_text()?, name.known_text()?))
        };
        all.iter().filter_map(pair).collect()
    };
    facts.parents = pairs("dependencies");
    facts.replaces = pairs("replaces");
    if let Some(Value { span, kind: ValueKind::Bool(false) }) = names.get("atomic") {
        facts.without_transaction = Some(*span);
    }
    facts
}

/// Follows a migration, whose app's models are then what it leaves.
fn follow(migration: Migration, apps: &mut Apps) -> Extracted {
    let Migration { facts, class, operations } = migration;
    let mut up = Way { host: class, sent: Vec::new() };
    let mut down = Some(Way { host: class, sent: Vec::new() });
    match operations.as_ref().map(|value| (value.list(), value.span)) {
        None => {}
        Some((None, span)) => {
            let span = if span == Span::default() { class } else { span };
            up.sent.push(Sent::gap(span, "the operations are made at run time"));
            down = None;
        }
        Some((Some(operations), _)) => {
            let mut reader = Reader::new(apps);
            operations.iter().for_each(|operation| reader.operation(operation));
            up.sent = reader.finish();
            down = raw::reversed(operations).map(|sent| Way { host: class, sent });
        }
    }
    Extracted { facts, up, down, comments: Vec::new() }
}

/// Follows the migrations of one app, each after those that it depends on; they come back in the order in
/// which they were given, with what other apps may know of them.
pub(super) fn follow_all(
    folder: &Path,
    label: &str,
    elsewhere: &Arc<Elsewhere>,
    mut migrations: Vec<Migration>,
) -> (Vec<Extracted>, Known) {
    let mut known = Known::new(label, folder);
    for Migration { facts, .. } in &mut migrations {
        let is_own = |id: &String| id.strip_prefix(label).is_some_and(|rest| rest.starts_with('.'));
        let (own, others): (Vec<String>, Vec<String>) =
            std::mem::take(&mut facts.parents).into_iter().partition(is_own);
        others.iter().for_each(|id| known.depends_on(id));
        facts.depends_on = others;
        let name =
            |id: String| id.split_once('.').map_or_else(|| id.clone(), |(_, name)| name.to_owned());
        facts.parents = own.into_iter().map(name).collect();
        facts.replaces = std::mem::take(&mut facts.replaces).into_iter().map(name).collect();
    }
    let ids: Vec<String> = migrations.iter().map(|migration| migration.facts.id.clone()).collect();
    let order = in_order(&migrations, &ids);
    let none = || Apps {
        label: label.to_owned(),
        folder: folder.to_owned(),
        elsewhere: Arc::clone(elsewhere),
        ..Apps::default()
    };
    let mut apps = none();
    let mut waiting: Vec<Option<Migration>> = migrations.into_iter().map(Some).collect();
    let mut done: Vec<Option<Extracted>> = ids.iter().map(|_| None).collect();
    for at in order {
        let Some(migration) = waiting[at].take() else { continue };
        // What stands for others that are there too finds their models already made.
        let is_there = migration.facts.replaces.iter().any(|other| ids.contains(other));
        let mut fresh = none();
        done[at] = Some(follow(migration, if is_there { &mut fresh } else { &mut apps }));
        known.note(&apps.models);
    }
    (done.into_iter().map(Option::unwrap_or_default).collect(), known)
}

/// Returns an order in which each comes after what it depends on; a circle is broken at its first name.
fn in_order(migrations: &[Migration], ids: &[String]) -> Vec<usize> {
    let place: HashMap<&str, usize> =
        ids.iter().enumerate().map(|(at, id)| (id.as_str(), at)).collect();
    let mut by_name: Vec<usize> = (0..migrations.len()).collect();
    by_name.sort_by_key(|at| &migrations[*at].facts.id);
    let mut waits = vec![0; migrations.len()];
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); migrations.len()];
    for (at, migration) in migrations.iter().enumerate() {
        for parent in migration.facts.parents.iter().filter_map(|parent| place.get(parent.as_str()))
        {
            waits[at] += 1;
            followers[*parent].push(at);
        }
    }
    let mut order = Vec::new();
    let mut is_done = vec![false; migrations.len()];
    let mut ready: std::collections::BTreeSet<(&str, usize)> = std::collections::BTreeSet::new();
    let name = |at: usize| (migrations[at].facts.id.as_str(), at);
    ready.extend(by_name.iter().filter(|at| waits[**at] == 0).map(|at| name(*at)));
    let mut rest = by_name.iter();
    loop {
        let next = ready.pop_first().map(|(_, at)| at);
        let Some(at) = next.or_else(|| rest.find(|at| !is_done[**at]).copied()) else {
            return order;
        };
        if std::mem::replace(&mut is_done[at], true) {
            continue;
        }
        order.push(at);
        for follower in &followers[at] {
            waits[*follower] -= 1;
            if waits[*follower] == 0 {
                ready.insert(name(*follower));
            }
        }
    }
}
