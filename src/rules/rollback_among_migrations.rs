use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{DownStyle, Migration, Version};
use crate::rule::HistoryContext;
use crate::source::Span;
use crate::sql::{Action, DmlKind, RelationName, Script, TableChange, head};

/// The words of a file name that say so for certain. A migration may also be meant to revert another.
const CERTAIN: &[&str] = &["rollback", "undo"];

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    if cx.set.layout.downs != DownStyle::Habit {
        return;
    }
    let ups: Vec<(usize, &Migration)> = cx.set.ups().collect();
    let mut counts: BTreeMap<&Version, usize> = BTreeMap::new();
    for (_, up) in &ups {
        *counts.entry(&up.version).or_default() += 1;
    }
    for (place, &(at, up)) in ups.iter().enumerate() {
        let is_alone = || counts.get(&up.version) == Some(&1);
        if let Some(most) = told_by_name(&up.name)
            && !up.unnumbered
            && is_alone()
            && let Some(first) = undoes(&cx.scripts[at])
        {
            let before = place.checked_sub(1).and_then(|before| ups.get(before));
            out.push(report(cx, up, before.map(|(_, up)| *up), first).at_most(most));
        }
    }
}

fn report(
    cx: &HistoryContext,
    up: &Migration,
    before: Option<&Migration>,
    first: Span,
) -> Diagnostic {
    let name = cx.file_name(up);
    let order = match before {
        Some(before) => format!("after `{}`", cx.file_name(before)),
        None => "first of all".to_owned(),
    };
    let message = format!(
        "`{name}` takes back what earlier migrations made, but sits among them: whoever applies the directory in order runs it {order}"
    );
    Diagnostic::new(up.file, head(cx.file(up), first), message).help(
        "move it to a folder `rollback/`, or name it after what it changes if it is meant to run",
    )
}

/// Returns how serious it is that a file of this name takes something back; nothing where the name does
/// not say that it does.
fn told_by_name(name: &str) -> Option<Severity> {
    let words: Vec<String> =
        name.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_ascii_lowercase).collect();
    // `tear_down_x` and `slow_down_x` are something else.
    let is_down = |word: Option<&String>| word.is_some_and(|word| word == "down");
    if words.iter().any(|word| CERTAIN.contains(&word.as_str())) {
        return Some(Severity::Warning);
    }
    let may_be = words.iter().any(|word| word == "revert")
        || is_down(words.first())
        || is_down(words.last());
    may_be.then_some(Severity::Info)
}

/// Returns the first statement of a script that mostly takes back what was there before.
fn undoes(script: &Script) -> Option<Span> {
    let mut made: BTreeSet<&RelationName> = BTreeSet::new();
    for action in script.all_actions() {
        match action {
            Action::CreateTable(create) => made.extend(&create.name),
            Action::CreateView(create) => {
                made.insert(&create.name);
            }
            Action::Create(create) => {
                made.insert(&create.name);
            }
            Action::CreateEnum { name, .. } => {
                made.insert(name);
            }
            _ => {}
        }
    }
    let (mut undoing, mut others, mut first) = (0, 0, None);
    for statement in script.statements() {
        for action in statement.all_actions() {
            match weight(action, &made) {
                Some(true) => undoing += 1,
                Some(false) => others += 1,
                None => continue,
            }
            first = first.or(Some(statement.span));
        }
    }
    first.filter(|_| undoing > others)
}

/// Returns whether an action takes something back; nothing where it is neither here nor there.
fn weight(action: &Action, made: &BTreeSet<&RelationName>) -> Option<bool> {
    match action {
        // What is made anew was not taken back.
        Action::Drop(drop) => (!made.contains(&drop.name)).then_some(true),
        Action::AlterTable(alter) => Some(match &alter.change {
            TableChange::DropColumn { .. }
            | TableChange::DropConstraint { .. }
            | TableChange::DropNotNull { .. }
            | TableChange::DetachPartition { .. }
            | TableChange::SetDefault { default: None, .. } => true,
            TableChange::Other { command, .. } => {
                command.starts_with("Disable") || command.starts_with("Drop")
            }
            _ => false,
        }),
        Action::Grant(grant) => Some(!grant.is_grant),
        Action::Dml(dml) => match dml.kind {
            DmlKind::Delete => Some(true),
            DmlKind::Select | DmlKind::CopyTo => None,
            _ => Some(false),
        },
        Action::Set(_)
        | Action::Transaction(_)
        | Action::Comment { .. }
        | Action::Analyze { .. }
        | Action::Vacuum { .. }
        | Action::Lock { .. } => None,
        _ => Some(false),
    }
}
