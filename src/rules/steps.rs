//! The steps that the recipes of several rules have in common.

use super::outage::quoted;
use crate::catalog::{Catalog, Constraint, ObjectId, Relation, RelationKind};
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::schema::{constraint_sql, full_name_sql, name_sql};
use crate::sql::{ConstraintKind, RelationName};
use crate::version::PgVersion;

/// A column that a recipe is about, as SQL spells it and its table.
pub(super) struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// What the catalog knows of the table.
    pub relation: Option<&'a Relation>,
}

/// A trigger that sets a column, as SQL spells its names.
pub(super) struct Trigger {
    /// The trigger.
    pub name: String,
    /// Its function.
    pub function: String,
    /// What the table's expressions call a row.
    row: String,
}

impl Trigger {
    /// Returns a trigger on a table, with a function of the same name beside the table.
    pub(super) fn new(table: &RelationName, name: String) -> Self {
        let name = table.sibling(name);
        Self { name: quoted(&name.name), function: name_sql(&name), row: quoted(&table.name) }
    }
}

impl Place<'_> {
    /// Adds the step that gives old rows their value: those of which `missing` is true.
    pub(super) fn fill(&self, recipe: Recipe, value: &str, missing: &str) -> Recipe {
        recipe.step(
            Run::ByHand,
            "gives the old rows their value, some thousand at a time; again and again, each time in a transaction of its own, until it changes none",
            [self.batch(value, missing)],
        )
    }

    fn batch(&self, value: &str, missing: &str) -> String {
        let Self { table, column, relation } = self;
        let key = relation.and_then(Relation::primary_key).map(|key| &key.columns[..]);
        match key {
            Some([key]) => {
                let key = quoted(key);
                format!(
                    "update {table} set {column} = {value} where {key} in (select {key} from {table} where {missing} limit 5000)"
                )
            }
            _ => format!(
                "update {table} set {column} = {value} where {missing} and ctid = any (array(select ctid from {table} where {missing} limit 5000))"
            ),
        }
    }

    /// Adds the steps that add the column as one of the type `of`, which a trigger sets to `value` from
    /// here on, and give the old rows that value. A value that is null for a row stays so.
    pub(super) fn set_by(
        &self,
        recipe: Recipe,
        trigger: &Trigger,
        (of, value): (&str, &str),
        what: &'static str,
        filler: &str,
    ) -> Recipe {
        let Self { table, column, .. } = self;
        let Trigger { name, function, row } = trigger;
        let recipe = recipe.step(
            Run::Briefly,
            what,
            [
                format!("alter table {table} add column {column} {of}"),
                format!(
                    "create function {function}() returns trigger language plpgsql as $$ begin new.{column} := (select {value} from (select new.*) as {row}); return new; end $$"
                ),
                format!(
                    "create trigger {name} before insert or update on {table} for each row execute function {function}()"
                ),
            ],
        );
        self.fill(recipe, filler, &format!("{column} is null and ({value}) is not null"))
    }

    /// Adds the steps that set the column to not null without reading the table under a strong lock.
    pub(super) fn not_null(&self, recipe: Recipe, name: &str, version: PgVersion) -> Recipe {
        let Self { table, column, .. } = self;
        let is_new = version.major >= 18;
        let constraint = match is_new {
            true => format!("not null {column}"),
            false => format!("check ({column} is not null)"),
        };
        let recipe = recipe.step(
            Run::Briefly,
            "new and changed rows are checked from here on; no row may hold a null that anybody updates",
            [format!("alter table {table} add constraint {name} {constraint} not valid")],
        );
        let recipe = validate(recipe, table, name);
        if is_new { recipe } else { self.set_not_null(recipe, Some(name)) }
    }

    /// Adds the step that sets the column to not null where a valid check proves that it is.
    pub(super) fn set_not_null(&self, recipe: Recipe, needless: Option<&str>) -> Recipe {
        let Self { table, column, .. } = self;
        let set = format!("alter table {table} alter column {column} set not null");
        let drop = needless.map(|name| format!("alter table {table} drop constraint {name}"));
        recipe.step(
            Run::Briefly,
            "the valid check proves it: nothing is read",
            std::iter::once(set).chain(drop),
        )
    }
}

/// Returns the name for a constraint that proves that a column is not null.
pub(super) fn not_null_name(table: &str, column: &str) -> String {
    quoted(&format!("{table}_{column}_not_null"))
}

/// Adds the step that validates a constraint.
pub(super) fn validate(recipe: Recipe, table: &str, name: &str) -> Recipe {
    recipe.step(
        Run::AtLeisure,
        "reads the table while others read and write it",
        [format!("alter table {table} validate constraint {name}")],
    )
}

/// Adds the steps that add a constraint to a table as it is after `act`, without reading under a strong
/// lock; nothing where there is no such way.
pub(super) fn constraint(
    recipe: Recipe,
    act: &Act,
    table: (&str, &Relation),
    constraint: &Constraint,
    version: PgVersion,
) -> Option<Recipe> {
    let (table, relation) = table;
    let is_partitioned = relation.kind == RelationKind::PartitionedTable;
    let definition = constraint_sql(&act.after, relation, constraint)?;
    let name = quoted(&constraint.name);
    match constraint.kind {
        ConstraintKind::Check | ConstraintKind::ForeignKey => {
            if is_partitioned && constraint.kind == ConstraintKind::ForeignKey && version.major < 18
            {
                return None;
            }
            let recipe = recipe.step(
                Run::Briefly,
                "new and changed rows are checked from here on",
                [format!("alter table {table} add constraint {name} {definition} not valid")],
            );
            Some(validate(recipe, table, &name))
        }
        ConstraintKind::Unique | ConstraintKind::PrimaryKey if !is_partitioned => {
            Some(unique(recipe, table, relation, constraint))
        }
        _ => None,
    }
}

/// Adds the steps that build the index of a constraint concurrently, and then make it its own.
pub(super) fn unique(
    recipe: Recipe,
    table: &str,
    relation: &Relation,
    constraint: &Constraint,
) -> Recipe {
    let name = quoted(&constraint.name);
    let recipe = recipe.step(
        Run::OutsideTransaction,
        "builds the index while others read and write the table; if it fails, drop what it left before trying again",
        [unique_index(table, relation, constraint, &name)],
    );
    recipe.step(
        Run::Briefly,
        "takes the index over: nothing is read",
        [using_index(table, constraint)],
    )
}

/// Returns the statement that builds the index of a constraint concurrently under some name.
pub(super) fn unique_index(
    table: &str,
    relation: &Relation,
    constraint: &Constraint,
    name: &str,
) -> String {
    let index = relation.indexes.iter().find(|index| Some(index.id) == constraint.index);
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        names.join(", ")
    };
    let include = index.map(|index| &index.include[..]).unwrap_or_default();
    let include = match include {
        [] => String::new(),
        columns => format!(" include ({})", list(columns)),
    };
    let distinct = match index {
        Some(index) if index.detail().nulls_not_distinct => " nulls not distinct",
        _ => "",
    };
    let columns = list(&constraint.columns);
    format!("create unique index concurrently {name} on {table} ({columns}){include}{distinct}")
}

/// Returns the statement that makes an index of the constraint's name its own.
pub(super) fn using_index(table: &str, constraint: &Constraint) -> String {
    let name = quoted(&constraint.name);
    let kind = match constraint.kind {
        ConstraintKind::PrimaryKey => "primary key",
        _ => "unique",
    };
    let deferrable = match (constraint.deferrable, constraint.deferred) {
        (_, true) => " deferrable initially deferred",
        (true, false) => " deferrable",
        (false, false) => "",
    };
    format!("alter table {table} add constraint {name} {kind} using index {name}{deferrable}")
}

/// Returns the partitions of a table that have rows of their own, as SQL names them.
pub(super) fn partitions(catalog: &Catalog, table: ObjectId) -> Vec<(&Relation, String)> {
    let mut found = Vec::new();
    let mut queue: Vec<ObjectId> = catalog.children(table).collect();
    queue.reverse();
    while let Some(id) = queue.pop() {
        let Some(partition) = catalog.by_id(id) else { continue };
        match partition.kind {
            RelationKind::PartitionedTable => queue.extend(catalog.children(id)),
            _ => found.push((partition, full_name_sql(&partition.name))),
        }
    }
    found
}
