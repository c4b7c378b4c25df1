use std::collections::BTreeSet;

use super::outage::{Used, acts, doubt, report, used};
use super::spelling::{listed, shown};
use crate::catalog::QualifiedName;
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::rule::StatementContext;
use crate::sql::{Action, LockMode, RelationName, TableChange};

/// So many tables are named.
const MAX_SHOWN: usize = 3;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let mut reported: BTreeSet<QualifiedName> = BTreeSet::new();
    for act in acts(cx, |action| rewriting(action).is_some()) {
        let Some(rewriting) = rewriting(act.action) else { continue };
        if rewriting.tables.is_empty() {
            out.extend(everything(cx, act));
        }
        for name in &rewriting.tables {
            let Some(table) = used(cx, &act.before, name) else { continue };
            let is_written = table.relation.is_none() || is_written(act, &table);
            if is_written && reported.insert(table.name.clone()) {
                out.push(diagnose(cx, act, &rewriting, &table));
            }
        }
    }
}

/// A statement that writes tables anew, whatever is in them.
struct Rewriting<'a> {
    command: &'static str,
    tables: Vec<&'a RelationName>,
    help: &'static str,
    /// What would make it harmless where the files do not show the table.
    unless: &'static str,
}

fn rewriting(action: &Action) -> Option<Rewriting<'_>> {
    const REPACK: &str =
        "pg_repack and pg_squeeze do the same while others read and write the table";
    const COPY: &str = "fill a second table that is as it should be in portions, and exchange the two by their names; or wait for a time when nobody uses it";
    let (command, tables, help, unless) = match action {
        Action::AlterTable(alter) => {
            let TableChange::Other { command, .. } = &alter.change else { return None };
            let (command, help, unless) = match *command {
                "SetLogged" => ("set logged", COPY, "it is logged already"),
                "SetUnlogged" => ("set unlogged", COPY, "it is unlogged already"),
                "SetTableSpace" => ("set tablespace", REPACK, "it is there already"),
                "SetAccessMethod" => ("set access method", COPY, "it has that one already"),
                "SetExpression" => (
                    "set expression",
                    "add another generated column, move the readers, and drop this one later",
                    "the column is virtual",
                ),
                _ => return None,
            };
            (command, vec![&alter.table], help, unless)
        }
        Action::Cluster { table, .. } => ("cluster", table.iter().collect(), REPACK, "it is empty"),
        Action::Vacuum { tables, full: true, .. } => (
            "vacuum full",
            tables.iter().collect(),
            "plain `vacuum` makes the space usable again without blocking anybody; pg_repack and pg_squeeze give it back to the disk while others read and write the table",
            "it is empty",
        ),
        _ => return None,
    };
    Some(Rewriting { command, tables, help, unless })
}

/// Returns whether the table, or a partition of it, is written anew.
fn is_written(act: &Act, table: &Used) -> bool {
    let mut queue: Vec<_> = table.relation.map(|table| table.id).into_iter().collect();
    while let Some(id) = queue.pop() {
        let name = act.before.name_of(id);
        if name.is_some_and(|name| act.effects.rewrites.contains(name)) {
            return true;
        }
        queue.extend(act.before.children(id));
    }
    false
}

fn diagnose(cx: &StatementContext, act: &Act, rewriting: &Rewriting, table: &Used) -> Diagnostic {
    let message = format!("`{}` writes all of `{}` anew", rewriting.command, table.shown());
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let diagnostic = report(cx, act, &message, &locked).help(rewriting.help);
    doubt(diagnostic, table, rewriting.unless)
}

/// Reports a statement that names no table.
fn everything(cx: &StatementContext, act: &Act) -> Option<Diagnostic> {
    let is_used = |name: &&QualifiedName| {
        act.before.get(name).is_some_and(|table| !cx.is_new_relation(table))
    };
    let tables: Vec<&QualifiedName> = act.effects.rewrites.iter().filter(is_used).collect();
    let first = tables.first()?;
    let names: Vec<String> = tables.iter().take(MAX_SHOWN).map(|name| shown(name)).collect();
    let rest = tables.len() - names.len();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    let message = format!(
        "`vacuum full` writes every table anew, one after the other: reads and writes of {}{more} wait meanwhile",
        listed(&names, if rest > 0 { "," } else { "and" }).replace(" , ", ", ")
    );
    Some(
        cx.report(message)
            .relation(*first, Some(LockMode::AccessExclusiveLock))
            .help("plain `vacuum` makes the space usable again without blocking anybody"),
    )
}
