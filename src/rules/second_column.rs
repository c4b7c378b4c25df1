//! The recipe for another type of a column: a second column that takes the place of the first.

use super::outage::quoted;
use super::steps::{Place, Trigger, not_null_name, validate};
use super::type_change::TypeChange;
use crate::catalog::{Catalog, Column, Constraint, Index, Relation, RelationKind};
use crate::layout::TransactionMode;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{constraint_sql, expression_sql, full_name_sql, name_sql};
use crate::sql::tree::Expr;
use crate::sql::{ConstraintKind, Expression};

/// Returns the whole way with a second column; nothing where checks, partitions or keys of several
/// columns make it longer than one can write down.
pub(super) fn second_column(cx: &StatementContext, change: &TypeChange) -> Option<Recipe> {
    let relation = change.table.relation?;
    let old = change.old?;
    let is_unknown = |default: &Expression| default.tree == Expr::Unknown;
    if relation.kind != RelationKind::Table
        || !relation.parents.is_empty()
        || old.generated.is_some()
        || old.default.as_deref().is_some_and(is_unknown)
    {
        return None;
    }
    let table = name_sql(&change.alter.table);
    let name = format!("{}_new", change.name);
    let new = quoted(&name);
    let value = match change.using {
        Some(using) => expression_sql(using)?,
        None => quoted(change.name),
    };
    let place = Place { table: &table, column: &new, relation: Some(relation) };
    let trigger =
        Trigger::new(&change.alter.table, format!("{}_{}_new", relation.name.name, change.name));
    let what = "new and changed rows have both values";
    let mut recipe = place.set_by(Recipe::default(), &trigger, (&change.to, &value), what, &value);
    let mut swap = Swap::default();
    for index in indexes(relation, change.name).filter(|index| !index.is_constraint) {
        recipe = outside(recipe, twin(&table, index, change.name, &new)?);
        let twin = full_name_sql(&relation.name.sibling(format!("{}_new", index.name)));
        swap.last.push(format!("alter index {twin} rename to {}", quoted(&index.name)));
    }
    for constraint in own(relation, change.name) {
        recipe = own_constraint(recipe, change, relation, constraint, &mut swap)?;
    }
    if old.not_null {
        recipe = place.not_null(recipe, &not_null_name(&relation.name.name, &name), cx.version());
    }
    for (other, key) in referencing(&change.act.before, relation, change.name) {
        recipe = foreign_key(recipe, &change.act.before, (other, key), &mut swap, |key| {
            // Of several columns at once it takes more than one second column.
            let [only] = &mut key.referenced_columns[..] else { return false };
            only.clone_from(&name);
            key.columns.iter().all(|column| other.id != relation.id || *column != change.name)
        })?;
    }
    // Nobody else opens a transaction there.
    let is_alone = cx.migration.history.set.layout.transaction == TransactionMode::None;
    Some(swap.finish(recipe, change, (relation, old), &trigger, is_alone))
}

fn outside(recipe: Recipe, statement: String) -> Recipe {
    recipe.step(
        Run::OutsideTransaction,
        "builds the index on the new column while others read and write the table",
        [statement],
    )
}

/// Returns the constraints of a table that a column is part of.
fn own<'a>(relation: &'a Relation, column: &'a str) -> impl Iterator<Item = &'a Constraint> {
    let mentions = move |constraint: &&Constraint| {
        constraint.kind != ConstraintKind::NotNull
            && constraint.columns.iter().any(|name| name == column)
    };
    relation.constraints.iter().filter(mentions)
}

/// Returns the foreign keys that refer to a column, with their tables.
fn referencing<'a>(
    catalog: &'a Catalog,
    relation: &'a Relation,
    column: &'a str,
) -> Vec<(&'a Relation, &'a Constraint)> {
    let mut found = Vec::new();
    for other in catalog.related(relation.id) {
        let keys = other.constraints.iter().filter(|key| {
            key.kind == ConstraintKind::ForeignKey
                && key.references == Some(relation.id)
                && key.referenced_columns.iter().any(|name| name == column)
        });
        found.extend(keys.map(|key| (other, key)));
    }
    found
}

/// What happens in the one transaction in which the new column takes the place of the old one.
#[derive(Default)]
struct Swap {
    /// What goes before the columns get their names.
    before: Vec<String>,
    /// What comes after that.
    after: Vec<String>,
    /// What comes when the old column is gone.
    last: Vec<String>,
}

/// Adds what a constraint of the table itself needs.
fn own_constraint(
    recipe: Recipe,
    change: &TypeChange,
    relation: &Relation,
    constraint: &Constraint,
    swap: &mut Swap,
) -> Option<Recipe> {
    let table = name_sql(&change.alter.table);
    let name = format!("{}_new", change.name);
    match constraint.kind {
        ConstraintKind::PrimaryKey | ConstraintKind::Unique => {
            let index = relation.indexes.iter().find(|index| Some(index.id) == constraint.index)?;
            let (own, twin_name) =
                (quoted(&constraint.name), quoted(&format!("{}_new", index.name)));
            let statement = twin(&table, index, change.name, &quoted(&name))?;
            let kind = match constraint.kind {
                ConstraintKind::PrimaryKey => "primary key",
                _ => "unique",
            };
            let deferrable = match (constraint.deferrable, constraint.deferred) {
                (_, true) => " deferrable initially deferred",
                (true, false) => " deferrable",
                (false, false) => "",
            };
            swap.before.push(format!("alter table {table} drop constraint {own}"));
            swap.after.push(format!(
                "alter table {table} add constraint {own} {kind} using index {twin_name}{deferrable}"
            ));
            Some(outside(recipe, statement))
        }
        ConstraintKind::ForeignKey => {
            foreign_key(recipe, &change.act.before, (relation, constraint), swap, |key| {
                let [only] = &mut key.columns[..] else { return false };
                only.clone_from(&name);
                key.references != Some(relation.id)
            })
        }
        ConstraintKind::Check | ConstraintKind::Exclusion | ConstraintKind::NotNull => None,
    }
}

/// Adds a foreign key that does what `key` does with the new column: `adapt` names it there, and says
/// whether that is all.
fn foreign_key(
    recipe: Recipe,
    catalog: &Catalog,
    (table, key): (&Relation, &Constraint),
    swap: &mut Swap,
    adapt: impl FnOnce(&mut Constraint) -> bool,
) -> Option<Recipe> {
    let mut new = key.clone();
    let is_all = adapt(&mut new) && table.parents.is_empty() && new.enforced;
    if !is_all || table.kind != RelationKind::Table {
        return None;
    }
    new.validated = false;
    let definition = constraint_sql(catalog, table, &new)?;
    let spelled = full_name_sql(&table.name);
    let (own, other) = (quoted(&key.name), quoted(&format!("{}_new", key.name)));
    swap.before.insert(0, format!("alter table {spelled} drop constraint {own}"));
    swap.after.push(format!("alter table {spelled} rename constraint {other} to {own}"));
    let recipe = recipe.step(
        Run::Briefly,
        "a second foreign key, on the new column: new and changed rows are checked from here on",
        [format!("alter table {spelled} add constraint {other} {definition}")],
    );
    Some(validate(recipe, &spelled, &other))
}

/// Returns the indexes that a column is part of.
fn indexes<'a>(relation: &'a Relation, column: &'a str) -> impl Iterator<Item = &'a Index> {
    let mentions = move |expression: &Expression| expression.mentions(column);
    relation.indexes.iter().filter(move |index| {
        let detail = index.detail();
        index.columns.iter().flatten().chain(&index.include).any(|name| name == column)
            || detail
                .expressions
                .iter()
                .map(|(_, found)| found)
                .chain(&detail.predicate)
                .any(mentions)
    })
}

/// Returns the statement that makes such an index on another column.
fn twin(table: &str, index: &Index, column: &str, new: &str) -> Option<String> {
    let detail = index.detail();
    if index.partial || !detail.sorting.is_empty() || !detail.operator_classes.is_empty() {
        return None;
    }
    let spell = |name: &String| if name == column { new.to_owned() } else { quoted(name) };
    let keys: Option<Vec<String>> =
        index.columns.iter().map(|key| key.as_ref().map(spell)).collect();
    let include: Vec<String> = index.include.iter().map(spell).collect();
    let include = if include.is_empty() {
        String::new()
    } else {
        format!(" include ({})", include.join(", "))
    };
    let unique = if index.unique { "unique " } else { "" };
    let distinct = if detail.nulls_not_distinct { " nulls not distinct" } else { "" };
    let name = quoted(&format!("{}_new", index.name));
    let keys = keys?.join(", ");
    Some(format!(
        "create {unique}index concurrently {name} on {table} using {} ({keys}){include}{distinct}",
        index.method
    ))
}

impl Swap {
    fn finish(
        self,
        recipe: Recipe,
        change: &TypeChange,
        (relation, old): (&Relation, &Column),
        trigger: &Trigger,
        is_alone: bool,
    ) -> Recipe {
        let table = name_sql(&change.alter.table);
        let (column, new) = (quoted(change.name), quoted(&format!("{}_new", change.name)));
        let gone = quoted(&format!("{}_old", change.name));
        let of_old = format!("alter table {table} alter column {gone}");
        let mut statements = vec![
            format!("drop trigger {} on {table}", trigger.name),
            format!("drop function {}()", trigger.function),
        ];
        statements.extend(self.before);
        statements.extend([
            format!("alter table {table} rename column {column} to {gone}"),
            format!("alter table {table} rename column {new} to {column}"),
        ]);
        statements.extend(values(change, (relation, old), &table, &of_old));
        statements.extend(self.after);
        if old.not_null {
            statements.push(format!("{of_old} drop not null"));
        }
        if is_alone {
            statements.insert(0, "begin".to_owned());
            statements.push("commit".to_owned());
        }
        let mut last = vec![format!("alter table {table} drop column {gone}")];
        last.extend(self.last);
        recipe
            .step(
                Run::Briefly,
                "in one transaction: the new column takes the place of the old one",
                statements,
            )
            .step(Run::Briefly, "when nothing reads the old values any more", last)
    }
}

/// Returns what gives the new column the values of its own that the old one had: its default, sequence or
/// identity.
fn values(
    change: &TypeChange,
    (relation, old): (&Relation, &Column),
    table: &str,
    of_old: &str,
) -> Vec<String> {
    let column = quoted(change.name);
    let of_new = format!("alter table {table} alter column {column}");
    let is_own =
        |sequence: &crate::catalog::Sequence| sequence.owned_by == Some((relation.id, old.number));
    let sequence = change.act.before.relations().find_map(|found| {
        let sequence = found.extra().sequence.as_ref().filter(|sequence| is_own(sequence))?;
        Some((full_name_sql(&found.name), sequence))
    });
    let mut statements = Vec::new();
    if let Some(kind) = old.identity {
        let options = sequence.map(|(_, sequence)| sequence.spelled_options().join(" "));
        let options = options.filter(|options| !options.is_empty());
        let options = options.map_or(String::new(), |options| format!(" ({options})"));
        statements.push(format!("{of_old} drop identity"));
        statements.push(format!("{of_new} add generated {} as identity{options}", kind.as_str()));
        statements.push(format!(
            "select setval(pg_get_serial_sequence('{}', '{}'), (select max({column}) from {table}))",
            table.replace('\'', "''"),
            change.name.replace('\'', "''")
        ));
        return statements;
    }
    let Some(default) = old.default.as_deref() else { return statements };
    let text = match (&sequence, expression_sql(default)) {
        (_, Some(text)) => text,
        (Some((name, _)), None) => format!("nextval('{}')", name.replace('\'', "''")),
        (None, None) => return statements,
    };
    statements.push(format!("{of_new} set default {text}"));
    if let Some((name, of)) = sequence {
        statements.push(format!("alter sequence {name} owned by {table}.{column}"));
        let is_wider = change.to == "bigint" && &*of.data_type != "bigint";
        statements.extend(is_wider.then(|| format!("alter sequence {name} as bigint")));
        statements.push(format!("{of_old} drop default"));
    }
    statements
}
