//! Everything that ever happened to a table.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use serde::Serialize;

use super::model::Place;
use crate::catalog::{Catalog, ObjectId, SearchPath};
use crate::check::{Moment, SetOptions, replay_with};
use crate::effects::locks;
use crate::layout::{MigrationSet, Sources};
use crate::replay::State;
use crate::sql::{Action, RelationName, Script, Statement};
use crate::version::PgVersion;

/// One life of a table, from the statement that made it to the one that dropped it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Life {
    /// Its names, oldest first.
    pub names: Vec<String>,
    /// What happened to it, oldest first.
    pub events: Vec<Event>,
}

/// One statement that touched a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Event {
    /// `created`, `changed`, `renamed`, `dropped` or `used`.
    pub what: &'static str,
    /// The migration's version.
    pub migration: String,
    /// The statement.
    #[serde(flatten)]
    pub place: Place,
    /// Its first line.
    pub sql: String,
    /// Where it was renamed: the new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

/// What a biography is written from.
#[derive(Clone, Copy)]
pub struct History<'a> {
    /// The migrations.
    pub set: &'a MigrationSet,
    /// Their statements.
    pub scripts: &'a [Script],
    /// The files.
    pub sources: &'a Sources,
    /// What the configuration says about the set.
    pub options: &'a SetOptions,
}

/// Returns the lives of the relations that ever had a name, the oldest first. Without a schema the name
/// is that of relations in any.
///
/// # Errors
///
/// The names that there ever were, where this one is none of them.
pub fn biography(history: History<'_>, name: &str) -> Result<Vec<Life>, Vec<String>> {
    let (ids, all) = find(history, name);
    if ids.is_empty() {
        return Err(all.into_iter().collect());
    }
    let mut lives: Vec<(ObjectId, Life)> =
        ids.into_iter().map(|id| (id, Life { names: Vec::new(), events: Vec::new() })).collect();
    let mut before = Catalog::default();
    replay_with(history.set, history.scripts, history.options, |moment, state| {
        if let Moment::After(at, statement) = moment {
            let used = used(statement, &before, state, history.options.target.version);
            for (id, life) in &mut lives {
                let Some((what, to)) = happened(*id, &before, &state.catalog, &used) else {
                    continue;
                };
                let file = history.sources.get(history.set.migrations[at].file);
                let first = file.slice(statement.span).lines().next().unwrap_or_default();
                let position = file.position(statement.span.start);
                life.events.push(Event {
                    what,
                    migration: history.set.migrations[at].version.text.clone(),
                    place: Place { path: file.path.display().to_string(), line: position.line },
                    sql: first.trim_end().to_owned(),
                    to: to.clone(),
                });
                let now = state.catalog.name_of(*id).map(ToString::to_string);
                if let Some(now) = now.filter(|now| life.names.last() != Some(now)) {
                    life.names.push(now);
                }
            }
        }
        before = state.catalog.clone();
        ControlFlow::Continue(())
    });
    Ok(lives.into_iter().map(|(_, life)| life).filter(|life| !life.events.is_empty()).collect())
}

/// Returns the relations that ever had that name, and all names that there ever were.
fn find(history: History<'_>, name: &str) -> (BTreeSet<ObjectId>, BTreeSet<String>) {
    let (mut ids, mut all) = (BTreeSet::new(), BTreeSet::new());
    let mut before = Catalog::default();
    replay_with(history.set, history.scripts, history.options, |_, state| {
        for (id, full) in before.new_names(&state.catalog) {
            if full.to_string() == name || *full.name == *name {
                ids.insert(id);
            }
            all.insert(full.name.to_string());
        }
        before = state.catalog.clone();
        ControlFlow::Continue(())
    });
    (ids, all)
}

/// Returns the relations that a statement names or locks.
fn used(
    statement: &Statement,
    before: &Catalog,
    state: &State,
    version: PgVersion,
) -> BTreeSet<String> {
    let path = &state.session.search_path;
    let mut names = BTreeSet::new();
    for action in &statement.actions {
        names.extend(locks(action, before, path, version).iter().map(|l| l.relation.to_string()));
        names.extend(named(action).map(|name| resolved(name, before, path)));
    }
    names
}

fn named(action: &Action) -> impl Iterator<Item = &RelationName> {
    let (one, several): (Option<&RelationName>, &[RelationName]) = match action {
        Action::Comment { relation, .. } => (relation.as_ref(), &[]),
        Action::Grant(grant) => (None, &grant.relations),
        Action::Dml(dml) => (dml.target.as_ref(), &dml.reads),
        _ => (None, &[]),
    };
    one.into_iter().chain(several)
}

fn resolved(name: &RelationName, before: &Catalog, path: &SearchPath) -> String {
    before.resolve(name, path).to_string()
}

/// Returns what a statement did to a relation.
fn happened(
    id: ObjectId,
    before: &Catalog,
    after: &Catalog,
    used: &BTreeSet<String>,
) -> Option<(&'static str, Option<String>)> {
    let (old, new) = (before.by_id(id), after.by_id(id));
    let is_used = |name: String| used.contains(&name).then_some(("used", None));
    match (old, new) {
        (None, None) => None,
        (Some(_), None) => Some(("dropped", None)),
        (None, Some(new)) if new.external => Some(("used", None)),
        (None, Some(_)) => Some(("created", None)),
        (Some(old), Some(new)) if old.external && !new.external => Some(("created", None)),
        (Some(old), Some(new)) if old.name != new.name => {
            Some(("renamed", Some(new.name.to_string())))
        }
        (Some(old), Some(new)) if old != new => Some(("changed", None)),
        (Some(_), Some(new)) => is_used(new.name.to_string()),
    }
}

/// Writes lives for people.
pub fn write(lives: &[Life]) -> String {
    let mut out = String::new();
    for (at, life) in lives.iter().enumerate() {
        if at > 0 {
            out.push('\n');
        }
        out.push_str(&format!("{}\n", life.names.join(" -> ")));
        let width = |part: fn(&Event) -> String| {
            life.events.iter().map(|event| part(event).len()).max().unwrap_or_default()
        };
        let places = width(|event| event.place.to_string());
        let versions = width(|event| event.migration.clone());
        for event in &life.events {
            let to = match &event.to {
                Some(to) => format!("  (now {to})"),
                None => String::new(),
            };
            out.push_str(&format!(
                "  {:7}  {:versions$}  {:places$}  {}{to}\n",
                event.what,
                event.migration,
                event.place.to_string(),
                event.sql
            ));
        }
    }
    out
}
