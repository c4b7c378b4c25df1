use super::added::{AddedColumn, added_columns, by_table};
use super::outage::{Used, doubt, env, made, quoted, report};
use super::steps::{self, Place, Trigger, not_null_name};
use crate::catalog::Column;
use crate::diagnostic::Diagnostic;
use crate::effects::Act;
use crate::recipe::{Recipe, Run};
use crate::rule::StatementContext;
use crate::schema::{expression_sql, name_sql};
use crate::sql::tree::{Call, Expr};
use crate::sql::{ColumnDefinition, ConstraintKind, Generated, LockMode};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    let found = added_columns(
        cx,
        |_| true,
        |act, definition, table| {
            // Nothing is written anew where a column of that name is there already.
            let is_there = table.relation.is_some() && act.effects.rewrites.is_empty();
            if is_there { None } else { cause(cx, act, definition, table) }
        },
    );
    out.extend(by_table(&found).map(|(first, others)| diagnose(cx, first, others)));
}

/// A column whose values are written into every row.
type Added<'a> = AddedColumn<'a, Cause>;

/// Why every row has to be written anew.
enum Cause {
    /// The default calls this function, which is volatile; and whether the files made the function.
    Volatile(String, bool),
    /// The default calls this function, of which nobody knows.
    Unknown(String),
    /// Each row gets the next number: of an identity column or not.
    Sequence,
    /// It is generated and stored.
    Stored,
    /// The domain has constraints.
    Domain(String),
    /// The domain has a volatile default.
    DomainDefault(String),
}

fn cause(
    cx: &StatementContext,
    act: &Act,
    definition: &ColumnDefinition,
    table: &Used,
) -> Option<Cause> {
    match definition.generated {
        Some(Generated::Stored) => return Some(Cause::Stored),
        Some(Generated::Virtual) => return None,
        None => {}
    }
    let column = new_column(act, table, definition)?;
    if definition.identity.is_some() || has_sequence(definition, column) {
        return Some(Cause::Sequence);
    }
    let env = env(cx);
    if let Some(default) = &definition.default {
        let answer = act.before.is_volatile(&default.tree, &env);
        let is_it = |call: &&&Call| {
            act.before.is_volatile(&Expr::Call(Box::new((**call).clone())), &env) == answer
        };
        let calls = default.tree.calls();
        let call = calls.iter().rev().find(is_it);
        match (answer, call) {
            (Some(true), Some(call)) => {
                let is_own = act.before.functions().any(|own| own.name.name == call.name.name);
                return Some(Cause::Volatile(shown_call(call), is_own));
            }
            (None, Some(call)) => return Some(Cause::Unknown(shown_call(call))),
            _ => {}
        }
    }
    let of = (&column.type_name, column.type_id);
    let domain = column.type_id.and_then(|id| act.after.name_of(id));
    let domain = domain.map(super::spelling::shown);
    if act.after.has_domain_constraints(of, &env) {
        // The server refuses that as soon as there is a row: that is another rule's matter.
        if definition.not_null && definition.default.is_none() && column.default.is_none() {
            return None;
        }
        return Some(Cause::Domain(domain.unwrap_or_else(|| act.after.format_type(of.0, of.1))));
    }
    let is_rewritten = !act.effects.rewrites.is_empty();
    domain.filter(|_| is_rewritten).map(Cause::DomainDefault)
}

fn new_column<'a>(act: &'a Act, table: &Used, definition: &ColumnDefinition) -> Option<&'a Column> {
    made(act, table)?.0.column(&definition.name)
}

/// Returns whether it is a serial column: its default is none that the statement spells out.
fn has_sequence(definition: &ColumnDefinition, column: &Column) -> bool {
    definition.default.is_none()
        && column.default.as_ref().is_some_and(|default| default.is_next_value())
}

fn shown_call(call: &Call) -> String {
    format!("{}()", call.name)
}

fn why(cause: &Cause) -> String {
    match cause {
        Cause::Volatile(call, _) => format!("since each row gets a value of its own from `{call}`"),
        Cause::Unknown(call) => format!("if `{call}` is volatile"),
        Cause::Sequence => "since each row gets a number of its own".to_owned(),
        Cause::Stored => "since its value is computed and stored for each row".to_owned(),
        Cause::Domain(domain) => {
            format!("since each row must fulfil the constraints of the domain `{domain}`")
        }
        Cause::DomainDefault(domain) => {
            format!(
                "since each row gets a value of its own from the default of the domain `{domain}`"
            )
        }
    }
}

fn diagnose(cx: &StatementContext, added: &Added, others: &[Added]) -> Diagnostic {
    let Added { act, definition, table, why: cause, .. } = added;
    let shown = table.shown();
    let verb = if matches!(cause, Cause::Unknown(_)) { "may rewrite" } else { "rewrites" };
    let message = format!("adding `{}` {verb} all of `{shown}`, {}", definition.name, why(cause));
    let locked = [(table.name.clone(), LockMode::AccessExclusiveLock)];
    let mut diagnostic = report(cx, act, &message, &locked).help(advice(cx, definition, cause));
    if let Cause::Volatile(call, true) = cause {
        diagnostic = diagnostic.note(format!(
            "`{call}` is volatile where `create function` does not say otherwise; a `stable` or `immutable` one would be called once"
        ));
    }
    for other in others {
        let name = &other.definition.name;
        diagnostic = diagnostic.note(format!("so does adding `{name}`, {}", why(&other.why)));
    }
    if others.is_empty() {
        diagnostic = diagnostic.recipe(cx.recipe(|| recipe(cx, added)));
    }
    doubt(diagnostic, table, "it has no rows")
}

fn advice(cx: &StatementContext, definition: &ColumnDefinition, cause: &Cause) -> String {
    let name = &definition.name;
    match cause {
        Cause::Volatile(..) | Cause::Unknown(_) => format!(
            "add `{name}` without the default, then set the default for new rows, and fill the old rows in batches"
        ),
        Cause::Sequence => format!(
            "add `{name}` as a plain column whose default is the next value of a sequence made for it, and fill the old rows in batches"
        ),
        Cause::Stored if cx.version().major >= 18 => format!(
            "make `{name}` `virtual`, unless it needs an index or constraint; else add a plain column that a trigger sets, and fill the old rows in batches"
        ),
        Cause::Stored => format!(
            "add `{name}` as a plain column that a trigger sets, and fill the old rows in batches"
        ),
        Cause::Domain(_) => format!(
            "add `{name}` with the type below the domain, then the checks of the domain as constraints of the table, `not valid`, and validate them in a later migration"
        ),
        Cause::DomainDefault(_) => format!(
            "add `{name}` with `default null`, then set its default for new rows, and fill the old rows in batches"
        ),
    }
}

fn recipe(cx: &StatementContext, added: &Added) -> Option<Recipe> {
    let Added { act, alter, definition, table, why: cause } = added;
    let (after, constraints) = made(act, table)?;
    let column = after.column(&definition.name)?;
    let sql = name_sql(&alter.table);
    let name = quoted(&definition.name);
    let place = Place { table: &sql, column: &name, relation: Some(after) };
    let not_null = not_null_name(&after.name.name, &definition.name);
    let collation = definition.collation.as_ref();
    let collation = collation.map(|found| format!(" collate {}", name_sql(found)));
    let of = format!(
        "{}{}",
        act.after.format_type(&column.type_name, column.type_id),
        collation.unwrap_or_default()
    );
    let missing = format!("{name} is null");
    let mut recipe = Recipe::default();
    match cause {
        Cause::Volatile(..) | Cause::Unknown(_) => {
            let default = expression_sql(definition.default.as_deref()?)?;
            recipe = recipe.step(
                Run::Briefly,
                "new rows get the default, old ones stay null",
                [
                    format!("alter table {sql} add column {name} {of}"),
                    format!("alter table {sql} alter column {name} set default {default}"),
                ],
            );
            recipe = place.fill(recipe, "default", &missing);
        }
        Cause::Sequence => {
            // An identity column gets a sequence of its own at the end, which takes the usual name.
            let kind = if definition.identity.is_some() { "numbers" } else { "seq" };
            let numbers = quoted(&format!("{}_{}_{kind}", alter.table.name, definition.name));
            let numbers = match &alter.table.schema {
                Some(schema) => format!("{}.{numbers}", quoted(schema)),
                None => numbers,
            };
            recipe = recipe.step(
                Run::Briefly,
                "new rows get a number, old ones stay null",
                [
                    format!("alter table {sql} add column {name} {of}"),
                    format!("create sequence {numbers} as {of} owned by {sql}.{name}"),
                    format!(
                        "alter table {sql} alter column {name} set default nextval('{}')",
                        numbers.replace('\'', "''")
                    ),
                ],
            );
            recipe = place.fill(recipe, "default", &missing);
            recipe = place.not_null(recipe, &not_null, cx.version());
            if let Some(identity) = &definition.identity {
                recipe = become_identity(recipe, &place, &numbers, identity.always);
            }
        }
        Cause::Stored => {
            let value = expression_sql(definition.default.as_deref()?)?;
            if cx.version().major >= 18 && constraints.is_empty() {
                let not_null = if definition.not_null { " not null" } else { "" };
                return Some(recipe.step(
                    Run::Briefly,
                    "the value is computed when it is read",
                    [format!(
                        "alter table {sql} add column {name} {of} generated always as ({value}) virtual{not_null}"
                    )],
                ));
            }
            let name = format!("{}_{}_set", alter.table.name, definition.name);
            let trigger = Trigger::new(&alter.table, name);
            let what = "new and changed rows get the value, old ones stay null";
            // The trigger sets the value, whatever is written.
            recipe = place.set_by(recipe, &trigger, (&of, &value), what, "null");
        }
        Cause::Domain(_) | Cause::DomainDefault(_) => return None,
    }
    if definition.not_null && !matches!(cause, Cause::Sequence) {
        recipe = place.not_null(recipe, &not_null, cx.version());
    }
    for constraint in constraints {
        if constraint.kind != ConstraintKind::NotNull {
            let table = (&*sql, after);
            recipe = steps::constraint(recipe, act, table, constraint, cx.version())?;
        }
    }
    Some(recipe)
}

/// Adds the step that makes an identity column of one whose numbers come from a sequence.
fn become_identity(recipe: Recipe, place: &Place, numbers: &str, always: bool) -> Recipe {
    let Place { table, column, .. } = place;
    let kind = if always { "always" } else { "by default" };
    let literal = |text: &str| text.replace('\'', "''");
    // The name of the column is given as it is, that of the table as SQL spells it.
    let plain = column.trim_matches('"').replace("\"\"", "\"");
    recipe.step(
        Run::Briefly,
        "in one transaction: the column counts on from where the sequence is",
        [
            format!(
                "alter table {table} alter column {column} drop default, alter column {column} add generated {kind} as identity"
            ),
            format!(
                "select setval(pg_get_serial_sequence('{}', '{}'), nextval('{}'))",
                literal(table),
                literal(&plain),
                literal(numbers)
            ),
            format!("drop sequence {numbers}"),
        ],
    )
}
