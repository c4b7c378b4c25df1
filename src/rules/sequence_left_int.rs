use super::finished::is_there;
use super::spelling::{first_word, like, shown};
use crate::catalog::{ObjectId, Relation};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::tree::quote_identifier;
use crate::sql::{Action, TableChange};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up {
        return;
    }
    for action in &cx.statement.actions {
        let Action::AlterTable(alter) = action else { continue };
        let TableChange::SetType { column, type_name, .. } = &alter.change else { continue };
        if &*type_name.name != "int8" || type_name.dimensions > 0 {
            continue;
        }
        let Some(table) = cx.relation(&alter.table).found() else { continue };
        let Some(found) = table.column(column) else { continue };
        for sequence in sequences(cx, table.id, found.number) {
            out.extend(report(cx, table, column, sequence));
        }
    }
}

/// Returns the sequences of a serial column that end too early, and still do when all migrations have
/// run.
fn sequences<'a>(
    cx: &'a StatementContext,
    table: ObjectId,
    column: u16,
) -> impl Iterator<Item = &'a Relation> {
    let last = &cx.migration.history.last.catalog;
    cx.state.catalog.relations().filter(move |relation| {
        let is_short = |relation: &Relation| {
            relation.extra().sequence.as_ref().is_some_and(|sequence| {
                sequence.owned_by == Some((table, column))
                    && !sequence.is_identity
                    && matches!(&*sequence.data_type, "integer" | "smallint")
            })
        };
        is_short(relation)
            && last.by_id(relation.id).is_some_and(is_short)
            && is_there(last, table)
            && !last.is_guess(relation.changed)
    })
}

fn report(
    cx: &StatementContext,
    table: &Relation,
    column: &str,
    sequence: &Relation,
) -> Option<Diagnostic> {
    let kind = &sequence.extra().sequence.as_ref()?.data_type;
    let most = if **kind == *"smallint" { "32767" } else { "2147483647" };
    let (name, of) = (shown(&sequence.name), shown(&table.name));
    let spelled = match &*sequence.name.schema {
        "public" => quote_identifier(&sequence.name.name).into_owned(),
        schema => {
            format!("{}.{}", quote_identifier(schema), quote_identifier(&sequence.name.name))
        }
    };
    let message = format!(
        "inserts into `{of}` still fail after {most}: `{column}` becomes `bigint`, but its sequence `{name}` stays `{kind}`"
    );
    let command = format!("alter sequence {spelled} as bigint");
    let file = cx.migration.migration().file;
    let text = like(first_word(cx.statement, cx.file()), "alter sequence");
    let words = command.replacen("alter sequence", &text, 1);
    let words = words.replace(" as bigint", &like(&text, " as bigint"));
    let line_break = cx.file().line_break();
    let end = cx.statement.full_end.max(cx.statement.span.end);
    let has_end = cx.statement.full_end > cx.statement.span.end;
    let inserted = match has_end {
        true => format!("{line_break}{words};"),
        false => format!(";{line_break}{words};"),
    };
    let diagnostic = cx
        .report(message)
        .help(format!("add `{command}`"))
        .note("SQLSTATE 2200H: nextval: reached maximum value of sequence")
        .relation(&of, None)
        .fix(Some(Fix::new(
            Applicability::Unsafe,
            format!("add `{command}`"),
            vec![Edit::insert(file, end, inserted)],
        )));
    let made = sequence.created;
    if cx.state.is_in_this_migration(made) {
        return Some(diagnostic);
    }
    let head = cx.migration.history.head(made);
    Some(diagnostic.label(made.file, head, "the sequence is made here"))
}
