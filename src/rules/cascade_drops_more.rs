use super::concurrent::others;
use super::finished::named;
use super::outage::acts;
use super::spelling::shown;
use crate::catalog::{Origin, Relation, RelationKind};
use crate::diagnostic::Diagnostic;
use crate::layout::Direction;
use crate::rule::StatementContext;
use crate::sql::{Action, ConstraintKind, ObjectKind, RelationName, TableChange};

/// So many names are listed.
const MAX_SHOWN: usize = 6;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    if cx.migration.migration().direction != Direction::Up || !cx.failures.is_empty() {
        return;
    }
    if cx.statement.actions.iter().any(cascades) {
        out.extend(taken_along(cx));
    }
    out.extend(emptied_along(cx));
}

/// Reports the tables that `truncate ... cascade` empties beside those that it names.
fn emptied_along(cx: &StatementContext) -> Option<Diagnostic> {
    let path = &cx.state.session.search_path;
    let is_wanted = |action: &Action| matches!(action, Action::Truncate { cascade: true, .. });
    let mut emptied: Vec<&Relation> = Vec::new();
    for act in acts(cx, is_wanted) {
        let Action::Truncate { table, with, .. } = act.action else { continue };
        let mut named: Vec<&Relation> = Vec::new();
        for name in with.iter().chain([table]) {
            named.extend(act.before.relation(name, path).found());
        }
        let Some(first) = named.first() else { continue };
        let is_named = |other: &Relation| {
            let is_it = |id| named.iter().any(|table| table.id == id);
            is_it(other.id) || other.parents.iter().any(|above| is_it(*above))
        };
        let locked = others(cx, act, &first.name);
        let tables = locked.iter().filter_map(|(name, _)| act.before.get(name));
        emptied.extend(tables.filter(|table| table.is_table() && !is_named(table)));
    }
    emptied.sort_by_key(|table| table.id);
    emptied.dedup_by_key(|table| table.id);
    let first = emptied.first()?;
    let mut names: Vec<String> =
        emptied.iter().map(|table| format!("`{}`", shown(&table.name))).collect();
    let rest = names.len().saturating_sub(MAX_SHOWN);
    names.truncate(MAX_SHOWN);
    if rest > 0 {
        names.push(format!("{rest} more"));
    }
    let message = format!("`cascade` empties {} as well", and(&names));
    let span = named(cx.file(), cx.statement.span, "cascade");
    let span = span.unwrap_or_else(|| cx.statement.head(cx.file()));
    let head = cx.migration.history.head(first.created);
    Some(
        cx.report_at(span, message)
            .label(first.created.file, head, format!("`{}` is made here", shown(&first.name)))
            .help("name every table that may be emptied and leave `cascade` out, so that the server refuses the rest")
            .note("every table with a foreign key to an emptied one is emptied, whatever the key says `on delete`"),
    )
}

fn cascades(action: &Action) -> bool {
    match action {
        Action::Drop(drop) => drop.cascade,
        Action::AlterTable(alter) => matches!(
            alter.change,
            TableChange::DropColumn { cascade: true, .. }
                | TableChange::DropConstraint { cascade: true, .. }
        ),
        _ => false,
    }
}

/// Something that goes with what a statement names.
struct Taken {
    what: String,
    made: Origin,
    is_data: bool,
}

/// Reports what `cascade` takes along and no later migration brings back.
fn taken_along(cx: &StatementContext) -> Option<Diagnostic> {
    let mut after = cx.state.clone();
    after.step(cx.statement);
    let mut taken = Vec::new();
    for (relation, now) in cx.state.catalog.changed_relations(&after.catalog) {
        match now {
            Some(now) if now.changed != relation.changed || is_changed(relation, now) => {
                parts(cx, relation, now, &mut taken);
            }
            Some(_) => {}
            None => taken.extend(whole(cx, relation)),
        }
    }
    taken.retain(|taken| !cx.state.is_in_this_migration(taken.made));
    let first = taken.first()?;
    let names: Vec<String> = taken.iter().map(|taken| taken.what.clone()).collect();
    let shown = match names.len() {
        0..=MAX_SHOWN => and(&names),
        many => format!("{} and {} more", names[..MAX_SHOWN].join(", "), many - MAX_SHOWN),
    };
    let lost = if taken.iter().any(|taken| taken.is_data) { ", with its data" } else { "" };
    let message = format!("`cascade` drops {shown} as well{lost}");
    let span = named(cx.file(), cx.statement.span, "cascade");
    let span = span.unwrap_or_else(|| cx.statement.head(cx.file()));
    let mut diagnostic = cx.report_at(span, message)
        .help("drop what may go by its name and leave `cascade` out, so that the server refuses the rest")
        .note("the server only tells in a notice, SQLSTATE 00000: drop cascades to ...");
    let head = cx.migration.history.head(first.made);
    diagnostic = diagnostic.label(first.made.file, head, format!("{} is made here", first.what));
    Some(diagnostic)
}

fn is_changed(before: &Relation, after: &Relation) -> bool {
    before.constraints.len() != after.constraints.len()
        || before.extra().policies.len() != after.extra().policies.len()
        || before.extra().triggers.len() != after.extra().triggers.len()
        || before.columns.len() != after.columns.len()
        || before
            .columns
            .iter()
            .zip(&after.columns)
            .any(|(a, b)| a.has_default() != b.has_default())
}

/// Returns a relation that goes as a whole, unless the statement names it or it is part of one.
fn whole(cx: &StatementContext, relation: &Relation) -> Option<Taken> {
    let is_own = match relation.kind {
        RelationKind::View | RelationKind::MaterializedView | RelationKind::ForeignTable => false,
        RelationKind::Table | RelationKind::PartitionedTable => relation.is_partition(),
        _ => true,
    };
    let last = &cx.migration.history.last.catalog;
    if is_own || relation.temporary || is_named(cx, relation) || last.get(&relation.name).is_some()
    {
        return None;
    }
    let what = format!("{} `{}`", relation.kind.as_str(), shown(&relation.name));
    Some(Taken { what, made: relation.created, is_data: relation.is_table() })
}

/// Returns whether a drop names a relation, or its schema, here or later in the migration.
fn is_named(cx: &StatementContext, relation: &Relation) -> bool {
    let path = &cx.state.session.search_path;
    let is_it = |name: &RelationName| {
        name.name == relation.name.name
            && match &name.schema {
                Some(schema) => *schema == relation.name.schema,
                None => path.contains(&relation.name.schema),
            }
    };
    let script = cx.migration.script().statements();
    script.filter(|s| s.span.start >= cx.statement.span.start).flat_map(|s| &s.actions).any(
        |action| match action {
            Action::Drop(drop) if drop.kind == ObjectKind::Schema => {
                drop.name.name == relation.name.schema
            }
            Action::Drop(drop) => is_it(&drop.name),
            _ => false,
        },
    )
}

/// Adds the parts that go from a relation that stays.
fn parts(cx: &StatementContext, before: &Relation, after: &Relation, taken: &mut Vec<Taken>) {
    let history = cx.migration.history;
    // A table that goes later needs nothing.
    let Some(last) = history.last.catalog.by_id(before.id) else { return };
    let table = shown(&before.name);
    let is_target = cx.statement.actions.iter().any(|action| match action {
        Action::AlterTable(alter) => {
            cx.relation(&alter.table).found().is_some_and(|found| found.id == before.id)
        }
        Action::Drop(drop) => drop
            .on
            .as_ref()
            .is_some_and(|on| cx.relation(on).found().is_some_and(|found| found.id == before.id)),
        _ => false,
    });
    let mut add = |what: String, made, is_data| taken.push(Taken { what, made, is_data });
    for found in &before.constraints {
        let is_left =
            |table: &Relation| table.constraints.iter().any(|c| c.number() == found.number());
        let is_back = last.constraints.iter().any(|other| {
            let shares = || other.columns.iter().any(|column| found.columns.contains(column));
            other.name == found.name
                || other.kind == found.kind && other.references == found.references && shares()
        });
        // One that lost a column later would have gone anyway.
        let is_needed = found.columns.iter().all(|column| {
            let number = before.column(column).map(|column| column.number);
            number.is_some_and(|number| last.column_numbered(number).is_some())
        });
        if !is_left(after)
            && !is_back
            && is_needed
            && found.kind == ConstraintKind::ForeignKey
            && !is_target
            && found.inherited == 0
        {
            add(format!("foreign key `{}` of `{table}`", found.name), found.created, false);
        }
    }
    for policy in &before.extra().policies {
        let mut left = after.extra().policies.iter().chain(&last.extra().policies);
        let is_dropped =
            is_target && !cx.statement.actions.iter().any(|a| matches!(a, Action::AlterTable(_)));
        if !is_dropped && left.all(|other| other.name != policy.name) {
            add(format!("policy `{}` of `{table}`", policy.name), policy.created, false);
        }
    }
    for trigger in &before.extra().triggers {
        let mut left = after.extra().triggers.iter().chain(&last.extra().triggers);
        let is_dropped =
            is_target && !cx.statement.actions.iter().any(|a| matches!(a, Action::AlterTable(_)));
        if !is_dropped && !trigger.inherited && left.all(|other| other.name != trigger.name) {
            add(format!("trigger `{}` of `{table}`", trigger.name), trigger.created, false);
        }
    }
    for column in &before.columns {
        let is_left = after.columns.iter().any(|other| other.number == column.number);
        let is_back = last.column(&column.name).is_some();
        let is_dropped = is_target || !before.parents.is_empty();
        if !is_left && !is_back && !is_dropped && !before.is_view() {
            add(format!("column `{table}.{}`", column.name), column.created, true);
        }
    }
}

/// Joins phrases with commas and `and`.
fn and(phrases: &[String]) -> String {
    match phrases {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., end] => format!("{} and {end}", first.join(", ")),
    }
}
