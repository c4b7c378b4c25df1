//! What the rules about locks share: which table it is about, who waits for how long, and the steps of
//! recipes.

use super::spelling::shown;
use crate::catalog::{Catalog, Constraint, Env, Lookup, QualifiedName, Relation};
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::rule::StatementContext;
use crate::session::Holder;
use crate::sql::tree::quote_identifier;
use crate::sql::{Action, LockMode, RelationName};

/// A relation that other sessions use while a statement changes it.
#[derive(Clone)]
pub(super) struct Used<'a> {
    /// Its full name.
    pub name: QualifiedName,
    /// What the catalog knows of it; nothing where the files do not show it.
    pub relation: Option<&'a Relation>,
}

/// Returns what those of a statement's actions do that are `wanted`, also in its `DO` blocks. Nothing is
/// worked out for other statements.
pub(super) fn acts<'a>(
    cx: &'a StatementContext,
    wanted: impl Fn(&Action) -> bool + 'a,
) -> impl Iterator<Item = &'a Act<'a>> {
    let is_here = cx.statement.all_actions().any(&wanted);
    let acts = if is_here { cx.acts() } else { &[] };
    acts.iter().filter(move |act| wanted(act.action))
}

/// Returns the relation that an action is about, if other sessions use it.
pub(super) fn used<'a>(
    cx: &StatementContext,
    before: &'a Catalog,
    name: &RelationName,
) -> Option<Used<'a>> {
    if name.is_dynamic() {
        return None;
    }
    let path = &cx.state.session.search_path;
    match before.relation(name, path) {
        Lookup::Found(relation) => {
            let found = Used { name: relation.name.clone(), relation: Some(relation) };
            (!cx.is_new_relation(relation)).then_some(found)
        }
        Lookup::Dropped(_) => None,
        Lookup::Unknown => Some(Used { name: before.resolve(name, path), relation: None }),
    }
}

impl Used<'_> {
    /// Returns the relation's name for people.
    pub(super) fn shown(&self) -> String {
        shown(&self.name)
    }

    /// Returns whether the action reads the relation or a partition of it in full. Where the files do
    /// not show the relation, `otherwise` says what such an action does.
    pub(super) fn is_scanned(&self, act: &Act, otherwise: bool) -> bool {
        match self.relation {
            Some(_) => !act.effects.scans.is_empty(),
            None => otherwise,
        }
    }
}

/// Returns what the catalog needs to know of a statement to look something up as it would.
pub(super) fn env(cx: &StatementContext) -> Env {
    let path = cx.state.session.search_path.clone();
    Env { origin: cx.state.origin(cx.statement.span), path, version: cx.version() }
}

/// Returns a table after an action, with the constraints that the action gave to it. One that the files
/// do not show is there too, as far as the action tells what it has.
pub(super) fn made<'a>(act: &'a Act, table: &Used) -> Option<(&'a Relation, Vec<&'a Constraint>)> {
    let before = act.before.get(&table.name);
    let after = match before {
        Some(before) => act.after.by_id(before.id)?,
        None => act.after.get(&table.name)?,
    };
    let is_new = |constraint: &&Constraint| {
        let mut others = before.iter().flat_map(|before| &before.constraints);
        !others.any(|other| other.number() == constraint.number())
    };
    Some((after, after.constraints.iter().filter(is_new).collect()))
}

/// Makes a diagnostic about work under a lock: `message` says what is done, and who waits for how long
/// follows. The first of `locked` is the relation that the message has named already.
pub(super) fn report(
    cx: &StatementContext,
    act: &Act,
    message: &str,
    locked: &[(QualifiedName, LockMode)],
) -> Diagnostic {
    let locked: Vec<(QualifiedName, LockMode)> = locked
        .iter()
        .map(|(name, mode)| (name.clone(), (*mode).max(strongest(cx, act, name).unwrap_or(*mode))))
        .collect();
    let waits = waiting(cx, act, &locked);
    let mut diagnostic = cx.report(format!("{message}: {waits}"));
    for (name, mode) in &locked {
        diagnostic = diagnostic.relation(name, Some(*mode));
    }
    cx.explain_transaction(diagnostic)
}

/// Returns the strongest lock that the statement holds on a relation while it does an action: one
/// `ALTER TABLE` takes the strongest of its subcommands at once, a block takes one after the other.
fn strongest(cx: &StatementContext, act: &Act, name: &QualifiedName) -> Option<LockMode> {
    let acts = cx.acts();
    let last = acts.iter().position(|other| std::ptr::eq(other, act)).unwrap_or(acts.len());
    let held = acts.iter().enumerate().filter(|(at, other)| !other.in_block || *at <= last);
    let locks = held.flat_map(|(_, other)| &other.effects.locks);
    locks.filter(|lock| lock.relation == *name).map(|lock| lock.mode).max()
}

/// Returns whether the statement writes a relation anew, so that whatever else reads it in the same
/// `ALTER TABLE` comes at no price.
pub(super) fn is_rewritten(cx: &StatementContext, name: &QualifiedName) -> bool {
    cx.acts().iter().any(|act| !act.in_block && act.effects.rewrites.contains(name))
}

/// Returns who waits for how long.
fn waiting(cx: &StatementContext, act: &Act, locked: &[(QualifiedName, LockMode)]) -> String {
    let is_total = |mode: LockMode| mode == LockMode::AccessExclusiveLock;
    let names = |total: bool| {
        let mut names: Vec<String> = Vec::new();
        for (at, (name, mode)) in locked.iter().enumerate() {
            if is_total(*mode) == total {
                names.push(if at == 0 { "it".to_owned() } else { format!("`{}`", shown(name)) });
            }
        }
        enumeration(&names)
    };
    let mut who = Vec::new();
    if let Some(names) = names(true) {
        who.push(format!("reads and writes of {names}"));
    }
    if let Some(names) = names(false) {
        who.push(format!("writes to {names}"));
    }
    format!("{} wait until {}", who.join(" and "), end(cx, act))
}

/// Returns when the locks of an action are released.
pub(super) fn end(cx: &StatementContext, act: &Act) -> &'static str {
    match cx.state.holder() {
        Holder::Nobody if act.in_block => "the block ends",
        Holder::Nobody => "that is done",
        Holder::Runner | Holder::File | Holder::Message => "the transaction ends",
    }
}

/// Joins phrases with `and`; of many only the first.
fn enumeration(names: &[String]) -> Option<String> {
    match names {
        [] => None,
        [first @ .., _, _, _] if first.len() > 3 => {
            let shown = first.get(..4).unwrap_or(first);
            Some(format!("{} and {} other tables", shown.join(", "), names.len() - shown.len()))
        }
        [one] => Some(one.clone()),
        [first @ .., last] => Some(format!("{} and {last}", first.join(", "))),
    }
}

/// Adds a note about a relation that the files do not show: what is said about it holds only where
/// nothing that they do not show makes it harmless.
pub(super) fn doubt(diagnostic: Diagnostic, used: &Used, unless: &str) -> Diagnostic {
    if used.relation.is_some() {
        return diagnostic;
    }
    let name = used.shown();
    diagnostic
        .note(format!("the files do not show how `{name}` was made: it is not so if {unless}"))
}

/// Returns a column's or constraint's name as SQL spells it.
pub(super) fn quoted(name: &str) -> String {
    quote_identifier(name).into_owned()
}
