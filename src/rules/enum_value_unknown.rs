use super::enum_value_in_transaction::{Use, at_constant, enum_of, may_be_skipped, uses};
use super::spelling::listed;
use crate::catalog::{EnumType, Type};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, TableChange};

/// With so many labels the list of them is no help.
const MAX_SHOWN: usize = 12;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // Downs are judged by a rule of their own.
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    // Another refusal comes before this one.
    if cx.statement.has_placeholders || changes_enums(cx) {
        return;
    }
    for one in uses(cx) {
        if let Some(found) = lacking(cx, &one) {
            // The server stops at the first.
            out.push(report(cx, &one, found));
            return;
        }
    }
}

/// Returns whether a statement changes a type itself: a block that makes one, adds values to it or goes
/// on after a refusal, a column that gets another.
fn changes_enums(cx: &StatementContext) -> bool {
    let changes = |action: &Action| {
        matches!(
            action,
            Action::CreateEnum { .. }
                | Action::AddEnumValue { .. }
                | Action::RenameEnumValue { .. }
                | Action::Rename(_)
                | Action::AlterTable(_)
        )
    };
    cx.statement.actions.iter().any(|action| match action {
        Action::Do(block) => {
            block.catches_errors || block.is_dynamic || block.actions.iter().any(changes)
        }
        // Of which type the column is then, is known behind the statement only.
        Action::AlterTable(alter) => matches!(alter.change, TableChange::SetType { .. }),
        _ => false,
    })
}

/// Returns the enum type that lacks a label, if its labels are known for certain.
fn lacking<'a>(cx: &StatementContext<'a>, one: &Use) -> Option<EnumType<'a>> {
    let found = enum_of(cx, &one.of)?;
    let is_there = found.labels.iter().any(|label| *label.label == *one.value);
    (!is_there && is_known(cx, found)).then_some(found)
}

/// Returns whether the files show every label of a type.
fn is_known(cx: &StatementContext, found: EnumType) -> bool {
    let catalog = &cx.state.catalog;
    let changed = |known: &&Type| known.name == *found.name;
    let changed = catalog.types().find(changed).map_or(found.created, |known| known.changed);
    let is_ordered = cx.migration.history.set.layout.name != "plain";
    found.created.migration != u32::MAX
        && !found.labels.is_empty()
        && (is_ordered || cx.state.is_in_this_migration(found.created))
        && !catalog.is_guess(found.created)
        && !catalog.is_guess(changed)
}

fn report(cx: &StatementContext, one: &Use, found: EnumType) -> Diagnostic {
    let (value, name) = (&one.value, &found.name.name);
    let is_certain = !may_be_skipped(cx);
    let message = match is_certain {
        true => format!("the server refuses this statement: `{name}` has no value `{value}`"),
        false => format!(
            "the server refuses this block if it comes to `{value}`, which is no value of `{name}`"
        ),
    };
    let last = found
        .labels
        .iter()
        .map(|label| label.added)
        .max_by_key(|added| (added.migration, added.span.start));
    let last = last.unwrap_or(found.created);
    let nearest = found
        .labels
        .iter()
        .map(|label| {
            (
                strsim::normalized_levenshtein(&label.label.to_lowercase(), &value.to_lowercase()),
                label,
            )
        })
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    let help = match nearest {
        Some((_, label)) => {
            format!("say `{}`, or add the value in an earlier migration", label.label)
        }
        None => "use a value that the type has, or add this one in an earlier migration".to_owned(),
    };
    let shown = match cx.state.session.search_path.contains(&found.name.schema) {
        true => name.to_string(),
        false => found.name.to_string(),
    };
    let diagnostic = at_constant(cx, value, message)
        .help(help)
        .note(format!("SQLSTATE 22P02: invalid input value for enum {shown}: \"{value}\""))
        .label(last.file, cx.migration.history.head(last), "its values are made here");
    let diagnostic = if found.labels.len() <= MAX_SHOWN {
        let labels: Vec<String> =
            found.labels.iter().map(|label| label.label.to_string()).collect();
        diagnostic.note(format!("`{name}` has the values {}", listed(&labels, "and")))
    } else {
        diagnostic
    };
    if is_certain { diagnostic } else { diagnostic.at_most(Severity::Warning) }
}
