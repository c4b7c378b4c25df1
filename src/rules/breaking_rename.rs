use super::outage::quoted;
use crate::catalog::{Function, Other, QualifiedName, Relation, RelationKind};
use crate::diagnostic::{Diagnostic, Severity};
use crate::layout::{Direction, TransactionMode};
use crate::recipe::{Recipe, Run};
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext};
use crate::schema::name_sql;
use crate::session::Holder;
use crate::source::Span;
use crate::sql::{Action, ObjectKind, RelationName, Rename, RenamedPart};

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let is_rename = |action: &Action| match action {
        Action::Rename(_) | Action::SetSchema { .. } | Action::RenameEnumValue { .. } => true,
        Action::Do(block) => block.actions.iter().any(|action| matches!(action, Action::Rename(_))),
        _ => false,
    };
    if !cx.script().statements().any(|statement| statement.actions.iter().any(is_rename)) {
        return;
    }
    let mut lost: Vec<Lost> = Vec::new();
    let mut previous: Option<(Span, u32)> = None;
    let end = cx.replay(|cx| {
        notice_return(&mut lost, cx.state, previous);
        for action in &cx.statement.actions {
            lost.extend(find(cx, action));
        }
        previous =
            Some((cx.statement.head(cx.file()), cx.state.origin(cx.statement.span).transaction));
    });
    notice_return(&mut lost, &end, previous);
    for lost in lost {
        out.extend(report(cx, lost));
    }
}

/// A name that a statement takes away.
struct Lost {
    diagnostic: Diagnostic,
    name: Name,
    /// The transaction that takes it away.
    transaction: u32,
    /// The statement that made something of that name anew, and its transaction.
    back: Option<(Span, u32)>,
}

/// What an application may name.
enum Name {
    Relation(QualifiedName),
    Column(QualifiedName, String),
    Label(RelationName, String),
    Schema(String),
    Type(RelationName),
    Function(RelationName),
}

impl Name {
    fn last_part(&self) -> &str {
        match self {
            Self::Relation(name) => &name.name,
            Self::Column(_, name) | Self::Label(_, name) | Self::Schema(name) => name,
            Self::Type(name) | Self::Function(name) => &name.name,
        }
    }
}

/// Marks the names that are there again.
fn notice_return(lost: &mut [Lost], state: &State, previous: Option<(Span, u32)>) {
    for lost in lost.iter_mut() {
        let is_there = is_there(state, &lost.name);
        lost.back = if is_there { lost.back.or(previous) } else { None };
    }
}

fn is_there(state: &State, name: &Name) -> bool {
    match name {
        Name::Relation(name) => state.catalog.get(name).is_some(),
        Name::Column(table, column) => state.catalog.get(table).is_some_and(|table| {
            // A view made in place of the table is there to offer the old columns.
            table.column(column).is_some()
                || table.kind == RelationKind::View && state.is_in_this_migration(table.created)
        }),
        Name::Label(name, label) => {
            let found = state.catalog.enum_type(name, &state.session.search_path);
            found.is_some_and(|found| found.labels.iter().any(|other| *other.label == **label))
        }
        Name::Schema(name) => state.catalog.schemas().contains(name),
        Name::Type(name) => state.catalog.type_named(name, &state.session.search_path).is_some(),
        Name::Function(name) => function(state, name).is_some(),
    }
}

/// Returns the function or procedure of that name.
fn function<'a>(state: &'a State, name: &RelationName) -> Option<&'a Function> {
    let path = &state.session.search_path;
    state.catalog.functions().find(|function| {
        let is_there = match &name.schema {
            Some(schema) => function.name.schema == *schema,
            None => path.contains(&function.name.schema),
        };
        is_there && function.name.name == name.name
    })
}

fn find(cx: &StatementContext, action: &Action) -> Option<Lost> {
    let (diagnostic, name) = match action {
        Action::Rename(rename) => match &rename.part {
            RenamedPart::Whole => match rename.kind {
                ObjectKind::Schema => schema(cx, rename)?,
                ObjectKind::Type | ObjectKind::Domain => data_type(cx, rename)?,
                ObjectKind::Function | ObjectKind::Procedure => routine(cx, rename)?,
                _ => relation(cx, rename)?,
            },
            RenamedPart::Column(column) => self::column(cx, rename, column)?,
            RenamedPart::Constraint(_) | RenamedPart::Attached(..) => return None,
        },
        Action::SetSchema { kind, name, schema, .. } => set_schema(cx, *kind, name, schema)?,
        Action::RenameEnumValue { name, from, to } => label(cx, name, from, to)?,
        Action::Do(block) => {
            return block.actions.iter().find_map(|action| match action {
                Action::Rename(_) => find(cx, action),
                _ => None,
            });
        }
        _ => return None,
    };
    let transaction = cx.state.origin(cx.statement.span).transaction;
    Some(Lost { diagnostic, name, transaction, back: None })
}

/// Returns the relation's full name if an application may use it: a table or view that was there
/// before this migration.
fn used_relation(
    cx: &StatementContext,
    kind: ObjectKind,
    name: &RelationName,
) -> Option<QualifiedName> {
    use ObjectKind::{ForeignTable, MaterializedView, Table, View};
    if !matches!(kind, Table | ForeignTable | View | MaterializedView) || name.is_dynamic() {
        return None;
    }
    match cx.relation(name) {
        crate::catalog::Lookup::Found(relation) => {
            is_used(cx, relation).then(|| relation.name.clone())
        }
        crate::catalog::Lookup::Dropped(_) => None,
        // `alter table` renames indexes and sequences as well.
        crate::catalog::Lookup::Unknown => {
            let looks_like_part =
                ["_seq", "_idx", "_pkey", "_key"].iter().any(|end| name.name.ends_with(end));
            let full = || cx.state.catalog.resolve(name, &cx.state.session.search_path);
            (!looks_like_part).then(full)
        }
    }
}

fn is_used(cx: &StatementContext, relation: &Relation) -> bool {
    let is_partition = relation.parents.iter().any(|parent| {
        cx.state.catalog.by_id(*parent).is_none_or(|p| p.kind == RelationKind::PartitionedTable)
    });
    let has_name_of_its_own = !relation.is_index() && relation.kind != RelationKind::Sequence;
    has_name_of_its_own && !is_partition && !cx.is_new_relation(relation)
}

fn relation(cx: &StatementContext, rename: &Rename) -> Option<(Diagnostic, Name)> {
    let full = used_relation(cx, rename.kind, &rename.name)?;
    let (old, new) = (&rename.name, rename.name.sibling(rename.to.as_str()));
    let kind = cx.relation(old).found().map_or(rename.kind.as_str(), |found| found.kind.as_str());
    let diagnostic = cx
        .report(format!("queries that name {kind} `{old}` fail as soon as it is called `{new}`"))
        .relation(&full, None)
        .note(format!("SQLSTATE 42P01: relation \"{old}\" does not exist"))
        .help(view(cx, &old.to_string(), &new.to_string()))
        .recipe(cx.recipe(|| {
            let text = cx.statement.text(cx.file()).to_owned();
            let is_alone = cx.migration.history.set.layout.transaction == TransactionMode::None;
            Some(both_names(text, (&name_sql(old), &name_sql(&new)), is_alone))
        }));
    Some((diagnostic, Name::Relation(full)))
}

/// Keeps both names of a table alive.
fn both_names(rename: String, (old, new): (&str, &str), is_alone: bool) -> Recipe {
    let mut together = vec![rename, format!("create view {old} as select * from {new}")];
    // Where nobody else opens a transaction.
    if is_alone {
        together.insert(0, "begin".to_owned());
        together.push("commit".to_owned());
    }
    Recipe::default()
        .step(
            Run::Briefly,
            "in one transaction; grants on the table must be given on the view as well",
            together,
        )
        .step(Run::ByHand, "the application uses the new name", [])
        .step(Run::Briefly, "when nobody uses the old name any more", [format!("drop view {old}")])
}

/// Moves the values of a column to one of another name.
fn second_column(
    cx: &StatementContext,
    table: &RelationName,
    (old, new): (&str, &str),
) -> Option<Recipe> {
    let found = cx.relation(table).found()?.column(old)?;
    let data_type = cx.state.catalog.format_type(&found.type_name, found.type_id);
    let (table, old, new) = (name_sql(table), quoted(old), quoted(new));
    Some(
        Recipe::default()
            .step(
                Run::Briefly,
                "a second column beside the first",
                [format!("alter table {table} add column {new} {data_type}")],
            )
            .step(Run::ByHand, "the application writes both", [])
            .step(
                Run::ByHand,
                "gives the old rows their value, some thousand at a time",
                [format!("update {table} set {new} = {old} where {new} is distinct from {old}")],
            )
            .step(Run::ByHand, "the application reads and writes the new one only; defaults, constraints and indexes are made for it before", [])
            .step(
                Run::Briefly,
                "when nobody uses the old one any more",
                [format!("alter table {table} drop column {old}")],
            ),
    )
}

/// Says how a view keeps the old name alive.
fn view(cx: &StatementContext, old: &str, new: &str) -> String {
    let together = match cx.state.holder() {
        Holder::Nobody => ", both in one transaction",
        Holder::Runner | Holder::File | Holder::Message => " in the same transaction",
    };
    format!(
        "follow it with `create view {old} as select * from {new}`{together}; drop the view when nothing uses the old name"
    )
}

/// A schema: everything in it has another name.
fn schema(cx: &StatementContext, rename: &Rename) -> Option<(Diagnostic, Name)> {
    let (old, new) = (&rename.name.name, &rename.to);
    let is_it = |other: &&Other| other.kind == ObjectKind::Schema && other.name.name == *old;
    let made = cx.state.catalog.others().find(is_it);
    if rename.name.is_dynamic()
        || made.is_some_and(|made| cx.state.is_in_this_migration(made.created))
    {
        return None;
    }
    let diagnostic = cx
        .report(format!("queries that name anything in schema `{old}` fail as soon as it is called `{new}`"))
        .note(format!("SQLSTATE 42P01: relation \"{old}....\" does not exist; a `search_path` that names `{old}` finds nothing there any more"))
        .help(format!("make schema `{new}` beside it, move one table after the other, and leave a view behind under the old name of each"));
    Some((diagnostic, Name::Schema(old.to_string())))
}

/// A type: columns follow it, casts and the drivers of applications do not.
fn data_type(cx: &StatementContext, rename: &Rename) -> Option<(Diagnostic, Name)> {
    let path = &cx.state.session.search_path;
    let id = cx.state.catalog.type_named(&rename.name, path)?;
    let found = cx.state.catalog.type_by_id(id)?;
    if cx.state.is_in_this_migration(found.created) {
        return None;
    }
    let (old, new) = (&rename.name, &rename.to);
    let diagnostic = cx
        .report(format!("queries that cast to `{old}` fail as soon as it is called `{new}`"))
        .note(format!("SQLSTATE 42704: type \"{old}\" does not exist; columns follow the new name by themselves"))
        .help(format!("keep the name `{old}`; nothing else can stand in for it where values are compared"))
        .at_most(Severity::Warning);
    Some((diagnostic, Name::Type(old.clone())))
}

/// A function that something outside of the schema may call: triggers follow the new name.
fn routine(cx: &StatementContext, rename: &Rename) -> Option<(Diagnostic, Name)> {
    let found = function(cx.state, &rename.name)?;
    let is_trigger = found.returns.as_ref().is_some_and(|(name, _)| *name.name == *"trigger");
    if is_trigger || cx.state.is_in_this_migration(found.created) {
        return None;
    }
    let (old, new) = (&rename.name, &rename.to);
    let diagnostic = cx
        .report(format!("calls of `{old}()` fail as soon as it is called `{new}`"))
        .note(format!("SQLSTATE 42883: function {old}(...) does not exist"))
        .help(format!("leave a function `{old}` behind that calls `{new}`, in the same transaction; drop it when nobody calls it"))
        .at_most(Severity::Warning);
    Some((diagnostic, Name::Function(old.clone())))
}

fn column(cx: &StatementContext, rename: &Rename, column: &str) -> Option<(Diagnostic, Name)> {
    let full = used_relation(cx, rename.kind, &rename.name)?;
    let table = cx.relation(&rename.name).found();
    if let Some(table) = table {
        let found = table.column(column);
        let is_new = found.is_some_and(|column| cx.state.is_in_this_migration(column.created));
        if is_new || found.is_none() && !table.columns_unknown {
            return None;
        }
    }
    let (name, new) = (&rename.name, &rename.to);
    let diagnostic = cx
        .report(format!("queries that name column `{column}` of `{name}` fail as soon as it is called `{new}`"))
        .relation(&full, None)
        .note(format!("SQLSTATE 42703: column \"{column}\" does not exist"))
        .help(if takes_over(cx, &full, new) {
            format!("keep the name `{column}`, and let the application map it")
        } else {
            format!("add column `{new}`, write both, move the readers, and drop `{column}` in a later migration")
        })
        .recipe(cx.recipe(|| second_column(cx, name, (column, new))));
    Some((diagnostic, Name::Column(full, column.to_owned())))
}

/// Returns whether another column had the name before this migration.
fn takes_over(cx: &StatementContext, table: &QualifiedName, name: &str) -> bool {
    cx.migration.before.catalog.get(table).is_some_and(|table| table.column(name).is_some())
}

fn set_schema(
    cx: &StatementContext,
    kind: ObjectKind,
    name: &RelationName,
    schema: &str,
) -> Option<(Diagnostic, Name)> {
    let full = used_relation(cx, kind, name)?;
    if *full.schema == *schema {
        return None;
    }
    let diagnostic = cx
        .report(format!("queries that name `{full}` fail as soon as it is in schema `{schema}`"))
        .relation(&full, None)
        .note(format!("SQLSTATE 42P01: relation \"{full}\" does not exist; a query that names it without a schema goes on if `{schema}` is in its search_path"))
        .help(view(cx, &full.to_string(), &format!("{schema}.{}", full.name)));
    Some((diagnostic, Name::Relation(full)))
}

fn label(
    cx: &StatementContext,
    name: &RelationName,
    from: &str,
    to: &str,
) -> Option<(Diagnostic, Name)> {
    if let Some(found) = cx.state.catalog.enum_type(name, &cx.state.session.search_path) {
        let added =
            found.labels.iter().find(|label| *label.label == *from).map(|label| label.added);
        let is_new = |origin| cx.state.is_in_this_migration(origin);
        if is_new(found.created) || added.is_some_and(is_new) {
            return None;
        }
    }
    let diagnostic = cx
        .report(format!(
            "queries that name value `{from}` of `{name}` fail as soon as it is called `{to}`"
        ))
        .note(format!("SQLSTATE 22P02: invalid input value for enum {}: \"{from}\"", name.name))
        .help(format!("add the value `{to}`, teach the application both, and move the rows over"));
    Some((diagnostic, Name::Label(name.clone(), from.to_owned())))
}

fn report(cx: &MigrationContext, lost: Lost) -> Option<Diagnostic> {
    let mut diagnostic = lost.diagnostic;
    if let Some((place, transaction)) = lost.back {
        if transaction == lost.transaction {
            return None;
        }
        diagnostic = diagnostic
            .label(cx.migration().file, place, "the old name is there again from here on")
            .note("the two are not one transaction: in between, the name is missing")
            .at_most(Severity::Warning);
    }
    if matches!(lost.name, Name::Relation(_) | Name::Column(..)) {
        diagnostic = diagnostic
            .note("views follow a new name by themselves; functions whose body is a string do not");
    }
    if is_contract_phase(cx) {
        let old = lost.name.last_part();
        diagnostic = diagnostic.note(format!(
            "a contract phase may take away what no running application uses; the application of the expand phase uses `{old}`"
        ));
    }
    if cx.migration().direction == Direction::Down {
        diagnostic = diagnostic
            .at_most(Severity::Info)
            .help("take the application back together with the schema: the one that runs now uses this name");
    }
    Some(diagnostic)
}

/// Returns whether a comment of the migration says that it is the second half of expand and contract.
pub(super) fn is_contract_phase(cx: &MigrationContext) -> bool {
    cx.script().comments.iter().any(|comment| {
        let text = cx.file().slice(*comment).to_ascii_lowercase();
        text.lines().any(|line| {
            line.split_once("phase:").is_some_and(|(_, phase)| phase.trim().starts_with("contract"))
        })
    })
}
