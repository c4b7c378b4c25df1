use super::added::{AddedColumn, added_columns, by_table};
use super::outage::{Used, doubt, made, quoted};
use super::spelling::listed;
use super::steps::{Place, not_null_name};
use crate::catalog::TypeKind;
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects::Act;
use crate::layout::Direction;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::sql::{Action, ColumnDefinition, ConstraintKind, DmlKind, LockMode, RelationName};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let found = added_columns(cx, is_required, |act, definition, table| {
        is_new_and_required(act, definition, table).then_some(())
    });
    out.extend(by_table(&found).map(|(first, others)| diagnose(cx, first, others)));
}

/// A column that is added, must have a value and gets none.
type Added<'a> = AddedColumn<'a, ()>;

fn is_required(column: &ColumnDefinition) -> bool {
    let has_value = column.default.as_ref().is_some_and(|default| !default.is_null())
        || column.identity.is_some()
        || column.generated.is_some();
    column.not_null && !has_value
}

/// Returns whether the column is made, and nothing gives it a value.
fn is_new_and_required(act: &Act, definition: &ColumnDefinition, table: &Used) -> bool {
    let was_there = table.relation.is_some_and(|table| table.column(&definition.name).is_some());
    let Some((after, _)) = made(act, table) else { return false };
    let Some(column) = after.column(&definition.name).filter(|_| !was_there) else { return false };
    // A serial column has a default that the statement does not spell out; so may a domain.
    let is_serial = column.default.is_some() && definition.default.is_none();
    let has_domain_default = column.type_id.and_then(|id| act.after.type_by_id(id)).is_some_and(
        |found| matches!(&found.kind, TypeKind::Domain(domain) if domain.default.is_some()),
    );
    !is_serial && !has_domain_default
}

fn diagnose(cx: &StatementContext, added: &Added, others: &[Added]) -> Diagnostic {
    let Added { alter, definition, table, .. } = added;
    let (name, shown) = (&definition.name, table.shown());
    let is_empty = is_emptied(cx, &alter.table);
    let message = if is_empty {
        format!(
            "inserts into `{shown}` that do not name `{name}` fail from here on: it is not null and has no default"
        )
    } else {
        format!(
            "adding `{name}` to `{shown}` fails if there is any row: it is not null and has no default"
        )
    };
    let mut diagnostic = cx
        .report(message)
        .help(format!(
            "give it a default that stays until all code writes `{name}`; or add it without `not null`, fill it, and set it to not null later"
        ))
        .note(format!(
            "SQLSTATE 23502: {}",
            match is_empty {
                true => format!("null value in column \"{name}\" of relation \"{}\" violates not-null constraint", table.name.name),
                false => format!("column \"{name}\" of relation \"{}\" contains null values", table.name.name),
            }
        ))
        .relation(&table.name, Some(LockMode::AccessExclusiveLock));
    if others.is_empty() {
        diagnostic = diagnostic.recipe(cx.recipe(|| recipe(cx, added)));
    } else {
        let names: Vec<String> =
            others.iter().map(|other| other.definition.name.to_string()).collect();
        diagnostic = diagnostic.note(format!("the same is true of {}", listed(&names, "and")));
    }
    let diagnostic = doubt(diagnostic, table, "it has no rows");
    let is_down = cx.migration.migration().direction == Direction::Down;
    if is_down || is_empty { diagnostic.at_most(Severity::Warning) } else { diagnostic }
}

/// Returns whether this migration takes all rows out of the table before the statement.
fn is_emptied(cx: &StatementContext, table: &RelationName) -> bool {
    let before = cx.migration.script().statements();
    let before = before.take_while(|other| other.span != cx.statement.span);
    before.flat_map(|statement| &statement.actions).any(|action| match action {
        Action::Truncate { table: other, .. } => other.name == table.name,
        Action::Dml(dml) => {
            dml.kind == DmlKind::Delete
                && !dml.has_where
                && dml.target.as_ref().is_some_and(|other| other.name == table.name)
        }
        _ => false,
    })
}

fn recipe(cx: &StatementContext, added: &Added) -> Option<Recipe> {
    let Added { act, alter, definition, table, .. } = added;
    let (after, constraints) = made(act, table)?;
    let column = after.column(&definition.name)?;
    if constraints.iter().any(|found| found.kind != ConstraintKind::NotNull) {
        return None;
    }
    let sql = name_sql(&alter.table);
    let name = quoted(&definition.name);
    let of = act.after.format_type(&column.type_name, column.type_id);
    let place = Place { table: &sql, column: &name, relation: table.relation };
    let recipe = Recipe::default().step(
        Run::Briefly,
        "old and new rows may be null for now; let the application write it from here on",
        [format!("alter table {sql} add column {name} {of}")],
    );
    let recipe = place.fill(recipe, "'<value>'", &format!("{name} is null"));
    let constraint = not_null_name(&after.name.name, &definition.name);
    Some(place.not_null(recipe, &constraint, cx.version()))
}
