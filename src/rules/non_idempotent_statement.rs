use std::collections::BTreeSet;

use super::guard::{
    DROP_FIRST, Guard, in_subcommand, insertion, or_replace, second_word_is, subcommand,
};
use crate::catalog::QualifiedName;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::layout::TransactionMode;
use crate::replay::State;
use crate::rule::{MigrationContext, StatementContext, Watch};
use crate::source::Span;
use crate::sql::{
    Action, AlterTable, ConstraintDefinition, ConstraintKind, Create, Dml, DmlKind, Drop,
    ObjectKind, Persistence, RelationName, Rename, RenamedPart, TableChange,
};

pub(super) fn watch(cx: &MigrationContext) -> Option<Box<dyn Watch>> {
    if is_one_transaction(cx) { None } else { Some(Box::new(Steps::default())) }
}

/// What a second attempt cannot make again, as far as the migration was seen.
#[derive(Default)]
struct Steps {
    found: Vec<Step>,
    seen: Seen,
    /// The transaction of the last statement that may fail.
    last: Option<u32>,
}

impl Watch for Steps {
    fn statement(&mut self, cx: &StatementContext) {
        if cx.statement.actions.iter().any(can_fail_half_way) {
            self.last = Some(cx.state.origin(cx.statement.span).transaction);
            add_steps(cx, &mut self.seen, &mut self.found);
        }
    }

    fn end(self: Box<Self>, cx: &MigrationContext, _: &State, out: &mut Vec<Diagnostic>) {
        // What is in the last transaction goes with it when it fails.
        let may_stay = |step: &Step| Some(step.transaction) != self.last;
        if !self.found.iter().any(may_stay) {
            return;
        }
        // psql goes on after an error unless it is told to stop.
        let goes_on = matches!(cx.history.set.layout.name, "psql" | "numbered" | "plain");
        let obstacles: Vec<Obstacle> = self
            .found
            .into_iter()
            .filter(|step| goes_on || Some(step.transaction) != self.last || step.is_concurrent)
            .map(|step| step.obstacle)
            .collect();
        out.extend(report(cx, &obstacles));
    }
}

/// Returns whether a transaction around the whole migration takes everything back when it fails.
fn is_one_transaction(cx: &MigrationContext) -> bool {
    let controls = |action: &Action| matches!(action, Action::Transaction(_));
    cx.migration().transaction != TransactionMode::None
        && !cx.script().statements().any(|statement| statement.actions.iter().any(controls))
}

/// A change that a second attempt cannot make again.
struct Step {
    transaction: u32,
    is_concurrent: bool,
    obstacle: Obstacle,
}

/// Something that the server refuses to do twice.
struct Obstacle {
    span: Span,
    /// The rest of a sentence that says why.
    because: String,
    /// The server's answer.
    answer: String,
    guard: Guard,
}

/// What the migration itself has made sure of so far.
#[derive(Default)]
struct Seen {
    /// Objects that are not there: dropped with `IF EXISTS`, or made and dropped again.
    absent: BTreeSet<Object>,
    /// Objects that the migration has made.
    made: BTreeSet<Object>,
}

/// An object: its kind, the relation that it is part of, and its name.
type Object = (ObjectKind, Option<QualifiedName>, String);

impl Seen {
    fn is_absent(&self, object: &Object) -> bool {
        let (_, table, name) = object;
        let schema = |name: &QualifiedName| (ObjectKind::Schema, None, name.schema.to_string());
        let whole = |name: &QualifiedName| (ObjectKind::Table, None, name.to_string());
        let schema_of_name =
            name.split_once('.').map(|(schema, _)| (ObjectKind::Schema, None, schema.to_owned()));
        self.absent.contains(object)
            || table.as_ref().is_some_and(|table| {
                self.absent.contains(&whole(table)) || self.absent.contains(&schema(table))
            })
            || schema_of_name.is_some_and(|schema| self.absent.contains(&schema))
    }
}

/// Returns whether the action may be the one that fails after others have been applied.
fn can_fail_half_way(action: &Action) -> bool {
    match action {
        Action::Set(_) | Action::Transaction(_) => false,
        Action::Dml(dml) => !is_plain_select(dml),
        _ => true,
    }
}

fn is_plain_select(dml: &Dml) -> bool {
    dml.kind == DmlKind::Select && dml.functions.is_empty()
}

/// Adds the changes of a statement that a second attempt cannot make again.
fn add_steps(cx: &StatementContext, seen: &mut Seen, steps: &mut Vec<Step>) {
    let transaction = cx.state.origin(cx.statement.span).transaction;
    let is_concurrent = cx
        .statement
        .actions
        .iter()
        .any(|action| matches!(action, Action::CreateIndex(create) if create.concurrently));
    for (at, action) in cx.statement.actions.iter().enumerate() {
        let found = obstacle(cx, at, action, seen);
        steps.extend(found.map(|obstacle| Step { transaction, is_concurrent, obstacle }));
    }
}

fn obstacle(
    cx: &StatementContext,
    at: usize,
    action: &Action,
    seen: &mut Seen,
) -> Option<Obstacle> {
    match action {
        Action::CreateTable(create) => {
            let name = create.name.as_ref()?;
            let is_temporary = create.persistence == Persistence::Temporary;
            let guard = insertion(cx, "table", "if not exists");
            let is_fine = create.if_not_exists || is_temporary;
            makes(cx, seen, &object(cx, ObjectKind::Table, None, name), is_fine, name, || {
                (format!("42P07: relation \"{}\" already exists", name.name), guard)
            })
        }
        Action::CreateIndex(create) => {
            let name = create.table.sibling(create.name.clone()?);
            let object = object(cx, ObjectKind::Index, Some(&create.table), &name);
            makes(
                cx,
                seen,
                &object,
                create.if_not_exists,
                &RelationName::unqualified(&*name.name),
                || {
                    let guard = if create.concurrently {
                        Guard::ByHand(Some(
                            "`drop index concurrently if exists` before `create index concurrently`: with `if not exists` it would keep the invalid index of a failed attempt",
                        ))
                    } else {
                        insertion(cx, "index", "if not exists")
                    };
                    (format!("42P07: relation \"{}\" already exists", name.name), guard)
                },
            )
        }
        Action::CreateView(create) => {
            let kind =
                if create.materialized { ObjectKind::MaterializedView } else { ObjectKind::View };
            let is_fine = create.or_replace || create.if_not_exists || create.temporary;
            let name = &create.name;
            makes(cx, seen, &object(cx, kind, None, name), is_fine, name, || {
                let guard = if create.materialized {
                    insertion(cx, "view", "if not exists")
                } else {
                    or_replace(cx)
                };
                (format!("42P07: relation \"{}\" already exists", name.name), guard)
            })
        }
        Action::CreateEnum { name, .. } => {
            makes(cx, seen, &object(cx, ObjectKind::Type, None, name), false, name, || {
                (format!("42710: type \"{}\" already exists", name.name), DROP_FIRST)
            })
        }
        Action::AddEnumValue { name, label, if_not_exists, .. } => {
            let is_fine =
                *if_not_exists || seen.made.contains(&object(cx, ObjectKind::Type, None, name));
            (!is_fine).then(|| Obstacle {
                span: cx.statement.head(cx.file()),
                because: format!("`{label}` is there already"),
                answer: format!("42710: enum label \"{label}\" already exists"),
                guard: insertion(cx, "value", "if not exists"),
            })
        }
        Action::RenameEnumValue { from, .. } => Some(Obstacle {
            span: cx.statement.head(cx.file()),
            because: format!("`{from}` is gone already"),
            answer: format!("22023: \"{from}\" is not an existing enum label"),
            guard: Guard::ByHand(None),
        }),
        Action::Create(create) => created(cx, create, seen),
        Action::AlterTable(alter) => altered(cx, at, alter, seen),
        Action::Drop(drop) => dropped(cx, drop, seen),
        Action::Rename(rename) => renamed(cx, rename, seen),
        Action::SetSchema { kind, name, if_exists, .. } if !if_exists && kind.is_relation() => {
            Some(Obstacle {
                span: cx.statement.head(cx.file()),
                because: format!("`{name}` is gone already"),
                answer: format!("42P01: relation \"{name}\" does not exist"),
                guard: Guard::ByHand(None),
            })
        }
        _ => None,
    }
}

/// Notes that the statement makes `object`, and returns the obstacle that it is for a second attempt.
fn makes(
    cx: &StatementContext,
    seen: &mut Seen,
    object: &Object,
    is_fine: bool,
    name: &RelationName,
    answer: impl FnOnce() -> (String, Guard),
) -> Option<Obstacle> {
    let is_fine = is_fine || name.is_dynamic() || seen.is_absent(object);
    seen.made.insert(object.clone());
    if is_fine {
        return None;
    }
    let (answer, guard) = answer();
    let because = format!("`{name}` is there already");
    Some(Obstacle { span: cx.statement.head(cx.file()), because, answer, guard })
}

fn object(
    cx: &StatementContext,
    kind: ObjectKind,
    on: Option<&RelationName>,
    name: &RelationName,
) -> Object {
    let full = |name: &RelationName| cx.state.catalog.resolve(name, &cx.state.session.search_path);
    let kind = match kind {
        ObjectKind::ForeignTable => ObjectKind::Table,
        ObjectKind::Procedure => ObjectKind::Function,
        ObjectKind::Domain => ObjectKind::Type,
        kind => kind,
    };
    let has_schema = !matches!(
        kind,
        ObjectKind::Schema
            | ObjectKind::Extension
            | ObjectKind::Trigger
            | ObjectKind::Policy
            | ObjectKind::Rule
            | ObjectKind::Role
    );
    let name = if has_schema { full(name).to_string() } else { name.name.to_string() };
    // An index is dropped without naming its table.
    let on = if kind == ObjectKind::Index { None } else { on.map(full) };
    (kind, on, name)
}

fn created(cx: &StatementContext, create: &Create, seen: &mut Seen) -> Option<Obstacle> {
    use ObjectKind::{
        Aggregate, Collation, Domain, EventTrigger, Extension, Function, Policy, Procedure,
        Publication, Role, Rule, Schema, Sequence, Server, Statistics, Trigger, Type,
    };
    if create.alters || create.name.name.is_empty() {
        return None;
    }
    let (kind, name) = (create.kind, &create.name.name);
    let on = create.on.as_ref().map(|table| table.name.clone()).unwrap_or_default();
    let guarded = |keyword: &str| {
        // CREATE SCHEMA with the things in it has no IF NOT EXISTS.
        if cx.statement.actions.len() == 1 {
            insertion(cx, keyword, "if not exists")
        } else {
            DROP_FIRST
        }
    };
    let (answer, guard) = match kind {
        Sequence => (format!("42P07: relation \"{name}\" already exists"), guarded("sequence")),
        Schema => (format!("42P06: schema \"{name}\" already exists"), guarded("schema")),
        Extension => (format!("42710: extension \"{name}\" already exists"), guarded("extension")),
        Statistics => {
            (format!("42710: statistics object \"{name}\" already exists"), guarded("statistics"))
        }
        Collation => (format!("42710: collation \"{name}\" already exists"), guarded("collation")),
        Server => (format!("42710: server \"{name}\" already exists"), guarded("server")),
        Function | Procedure => (
            format!("42723: function \"{name}\" already exists with same argument types"),
            or_replace(cx),
        ),
        Aggregate => (
            format!("42723: function \"{name}\" already exists with same argument types"),
            DROP_FIRST,
        ),
        Trigger => {
            let is_constraint = second_word_is(cx, "constraint");
            let guard = if cx.version().major >= 14 && !is_constraint {
                or_replace(cx)
            } else {
                DROP_FIRST
            };
            (format!("42710: trigger \"{name}\" for relation \"{on}\" already exists"), guard)
        }
        Rule => {
            (format!("42710: rule \"{name}\" for relation \"{on}\" already exists"), or_replace(cx))
        }
        Policy => {
            (format!("42710: policy \"{name}\" for table \"{on}\" already exists"), DROP_FIRST)
        }
        Type | Domain => (format!("42710: type \"{name}\" already exists"), DROP_FIRST),
        Role => (format!("42710: role \"{name}\" already exists"), DROP_FIRST),
        Publication => (format!("42710: publication \"{name}\" already exists"), DROP_FIRST),
        EventTrigger => (format!("42710: event trigger \"{name}\" already exists"), DROP_FIRST),
        _ => return None,
    };
    let object = object(cx, kind, create.on.as_ref(), &create.name);
    let is_fine = create.if_not_exists || create.or_replace || is_temporary(cx, create.on.as_ref());
    makes(cx, seen, &object, is_fine, &create.name, || (answer, guard))
}

fn is_temporary(cx: &StatementContext, table: Option<&RelationName>) -> bool {
    table.is_some_and(|table| cx.relation(table).found().is_some_and(|table| table.temporary))
}

fn altered(
    cx: &StatementContext,
    at: usize,
    alter: &AlterTable,
    seen: &mut Seen,
) -> Option<Obstacle> {
    let table = &alter.table;
    if is_temporary(cx, Some(table)) || table.is_dynamic() {
        return None;
    }
    let part = |kind, name: &str| {
        let full = cx.state.catalog.resolve(table, &cx.state.session.search_path);
        (kind, Some(full), name.to_owned())
    };
    // `Table` stands for a column here, `Other` for a constraint: neither is a kind of its own.
    let column = |name: &str| part(ObjectKind::Table, name);
    let constraint = |name: &str| part(ObjectKind::Other, name);
    let there = |what: &str, name: &str| format!("{what} `{name}` of `{table}` is there already");
    let gone = |what: &str, name: &str| format!("{what} `{name}` of `{table}` is gone already");
    let (because, answer, guard) = match &alter.change {
        TableChange::AddColumn { column: definition, if_not_exists } => {
            let object = column(&definition.name);
            let is_fine = *if_not_exists || seen.is_absent(&object);
            seen.made.insert(object);
            if is_fine {
                return None;
            }
            // Before version 13 a repeated ADD COLUMN IF NOT EXISTS adds its constraints again.
            let has_parts = !definition.constraints.is_empty()
                || definition.identity.is_some()
                || definition.type_name.name.contains("serial");
            let guard = if cx.version().major < 13 && has_parts {
                Guard::ByHand(None)
            } else {
                in_subcommand(cx, at, "add", "column", "if not exists")
            };
            let name = &definition.name;
            let answer =
                format!("42701: column \"{name}\" of relation \"{}\" already exists", table.name);
            (there("column", name), answer, guard)
        }
        TableChange::DropColumn { column: name, if_exists, .. } => {
            let object = column(name);
            let was_made = seen.made.contains(&object);
            if *if_exists || was_made {
                seen.absent.insert(object);
                return None;
            }
            let answer =
                format!("42703: column \"{name}\" of relation \"{}\" does not exist", table.name);
            (gone("column", name), answer, in_subcommand(cx, at, "drop", "column", "if exists"))
        }
        TableChange::AddConstraint(definition) => {
            let object = definition.name.as_deref().map(constraint);
            let is_fine = object.as_ref().is_some_and(|object| seen.is_absent(object));
            seen.made.extend(object);
            let answer = if is_fine { None } else { refused_constraint(definition, table) };
            let because = match &definition.name {
                Some(name) => there("constraint", name),
                None => format!("`{table}` has its primary key already"),
            };
            (because, answer?, DROP_FIRST)
        }
        TableChange::DropConstraint { name, if_exists, .. } => {
            let object = constraint(name);
            let was_made = seen.made.contains(&object);
            if *if_exists || was_made {
                seen.absent.insert(object);
                return None;
            }
            let answer = format!(
                "42704: constraint \"{name}\" of relation \"{}\" does not exist",
                table.name
            );
            (
                gone("constraint", name),
                answer,
                in_subcommand(cx, at, "drop", "constraint", "if exists"),
            )
        }
        TableChange::AttachPartition { partition, .. } if alter.kind == ObjectKind::Table => (
            format!("`{partition}` is a partition already"),
            format!("42809: \"{}\" is already a partition", partition.name),
            Guard::ByHand(None),
        ),
        TableChange::DetachPartition { partition, .. } => (
            format!("`{partition}` is no partition any more"),
            format!(
                "42P01: relation \"{}\" is not a partition of relation \"{}\"",
                partition.name, table.name
            ),
            Guard::ByHand(None),
        ),
        _ => return None,
    };
    let span = subcommand(cx, at).map_or(cx.statement.head(cx.file()), |words| words.span);
    Some(Obstacle { span, because, answer, guard })
}

/// Returns the server's answer to a constraint that is there; nothing where it would make another one.
fn refused_constraint(definition: &ConstraintDefinition, table: &RelationName) -> Option<String> {
    let table = &table.name;
    if let Some(index) = &definition.using_index {
        return if definition.name.as_ref().is_none_or(|name| **name == **index) {
            Some(format!("55000: index \"{index}\" is already associated with a constraint"))
        } else {
            Some(format!("42704: index \"{index}\" does not exist"))
        };
    }
    if definition.kind == ConstraintKind::PrimaryKey {
        return Some(format!("42P16: multiple primary keys for table \"{table}\" are not allowed"));
    }
    let name = definition.name.as_ref()?;
    match definition.kind {
        ConstraintKind::Check | ConstraintKind::ForeignKey => {
            Some(format!("42710: constraint \"{name}\" for relation \"{table}\" already exists"))
        }
        ConstraintKind::Unique | ConstraintKind::Exclusion => {
            Some(format!("42P07: relation \"{name}\" already exists"))
        }
        ConstraintKind::PrimaryKey | ConstraintKind::NotNull => None,
    }
}

fn dropped(cx: &StatementContext, drop: &Drop, seen: &mut Seen) -> Option<Obstacle> {
    use ObjectKind::{
        Collation, Domain, EventTrigger, Extension, ForeignTable, Index, MaterializedView, Policy,
        Publication, Role, Rule, Schema, Sequence, Server, Statistics, Table, Trigger, Type, View,
    };
    let object = object(cx, drop.kind, drop.on.as_ref(), &drop.name);
    let was_made = seen.made.contains(&object);
    if drop.if_exists || was_made {
        seen.absent.insert(object);
        return None;
    }
    if drop.name.is_dynamic()
        || is_temporary(cx, Some(&drop.name))
        || is_temporary(cx, drop.on.as_ref())
    {
        return None;
    }
    let (kind, name) = (drop.kind.as_str(), &drop.name.name);
    let on = drop.on.as_ref().map(|table| &*table.name).unwrap_or_default();
    let answer = match drop.kind {
        Table | View | MaterializedView | Sequence => {
            format!("42P01: {kind} \"{name}\" does not exist")
        }
        Index | Type | Extension | Role | Publication | EventTrigger | Server | Statistics
        | ForeignTable => format!("42704: {kind} \"{name}\" does not exist"),
        Domain => format!("42704: type \"{name}\" does not exist"),
        Schema => format!("3F000: schema \"{name}\" does not exist"),
        Trigger | Policy => format!("42704: {kind} \"{name}\" for table \"{on}\" does not exist"),
        Rule => format!("42704: rule \"{name}\" for relation \"{on}\" does not exist"),
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
            format!("42883: {kind} {name}(...) does not exist")
        }
        Collation => format!("42704: collation \"{name}\" does not exist"),
        _ => return None,
    };
    let keyword = match drop.kind {
        Index if drop.concurrently => "concurrently",
        Statistics => "statistics",
        kind => kind.as_str().rsplit(' ').next().unwrap_or_default(),
    };
    Some(Obstacle {
        span: cx.statement.head(cx.file()),
        because: format!("`{}` is gone already", drop.name),
        answer,
        guard: insertion(cx, keyword, "if exists"),
    })
}

fn renamed(cx: &StatementContext, rename: &Rename, seen: &mut Seen) -> Option<Obstacle> {
    let name = &rename.name;
    let was_made = seen.made.contains(&object(cx, rename.kind, None, name));
    if rename.part == RenamedPart::Whole {
        // A second attempt that gets past the rename has the new name again.
        seen.made.insert(object(cx, rename.kind, None, &name.sibling(rename.to.as_str())));
    }
    if name.is_dynamic() || was_made || is_temporary(cx, Some(name)) {
        return None;
    }
    let (old, answer) = match &rename.part {
        RenamedPart::Whole if rename.if_exists => return None,
        RenamedPart::Whole => {
            let answer = match rename.kind {
                kind if kind.is_relation() => format!("42P01: relation \"{name}\" does not exist"),
                ObjectKind::Type => format!("42704: type \"{name}\" does not exist"),
                ObjectKind::Schema => format!("3F000: schema \"{name}\" does not exist"),
                _ => return None,
            };
            (format!("`{name}`"), answer)
        }
        RenamedPart::Column(column) if rename.kind.is_relation() => {
            let old = format!("column `{column}` of `{name}`");
            (old, format!("42703: column \"{column}\" does not exist"))
        }
        RenamedPart::Constraint(constraint) if rename.kind == ObjectKind::Table => (
            format!("constraint `{constraint}` of `{name}`"),
            format!(
                "42704: constraint \"{constraint}\" for table \"{}\" does not exist",
                name.name
            ),
        ),
        RenamedPart::Column(_) | RenamedPart::Constraint(_) | RenamedPart::Attached(..) => {
            return None;
        }
    };
    Some(Obstacle {
        span: cx.statement.head(cx.file()),
        because: format!("{old} is gone already"),
        answer,
        guard: Guard::ByHand(Some(
            "a `do` block around a rename, which looks first what the name is",
        )),
    })
}

/// The most other places that a diagnostic shows.
const MAX_LABELS: usize = 4;

fn report(cx: &MigrationContext, obstacles: &[Obstacle]) -> Option<Diagnostic> {
    let (first, others) = obstacles.split_first()?;
    let file = cx.migration().file;
    let mut diagnostic = Diagnostic::new(
        file,
        first.span,
        format!("if a later statement fails, the next attempt stops here: {}", first.because),
    )
    .place(first.answer.clone());
    for other in others.iter().take(MAX_LABELS) {
        diagnostic = diagnostic.label(file, other.span, other.answer.clone());
    }
    if others.len() > MAX_LABELS {
        let more = others.len() - MAX_LABELS;
        let are = if more == 1 { "statement" } else { "statements" };
        diagnostic =
            diagnostic.note(format!("{more} more {are} of this migration cannot be repeated"));
    }
    if cx.history.set.assumed && cx.migration().transaction == TransactionMode::None {
        diagnostic = diagnostic.note(
            "the runner is not known: if it wraps each migration in a transaction, say `transaction = \"runner\"` in lockmaster.toml",
        );
    }
    let mut ways: Vec<&str> = Vec::new();
    for obstacle in obstacles {
        let way = match obstacle.guard {
            Guard::Words(_) => Some("`if exists` or `if not exists`"),
            Guard::Replace(_) => Some("`or replace`"),
            Guard::ByHand(way) => way,
        };
        ways.extend(way.filter(|way| !ways.contains(way)));
    }
    let guards = if ways.is_empty() { "guards".to_owned() } else { ways.join("; ") };
    let help = if has_concurrent(cx) {
        format!("give each of them a migration of its own, or make them repeatable: {guards}")
    } else {
        format!("put all of it into one transaction, or make it repeatable: {guards}")
    };
    Some(diagnostic.help(help).fix(fix(cx, obstacles)))
}

/// Returns whether some statement cannot be in a transaction.
fn has_concurrent(cx: &MigrationContext) -> bool {
    let is_concurrent = |action: &Action| match action {
        Action::CreateIndex(create) => create.concurrently,
        Action::Drop(drop) => drop.concurrently,
        Action::Reindex { concurrently, .. } => *concurrently,
        Action::Vacuum { .. } | Action::NonTransactional { .. } => true,
        _ => false,
    };
    cx.script().statements().any(|statement| statement.actions.iter().any(is_concurrent))
}

fn fix(cx: &MigrationContext, obstacles: &[Obstacle]) -> Option<Fix> {
    let mut edits: Vec<Edit> = Vec::new();
    let mut places = BTreeSet::new();
    // An applied file that changes stops a runner that keeps checksums.
    let mut applicability =
        if cx.history.set.layout.checksums { Applicability::Unsafe } else { Applicability::Safe };
    for obstacle in obstacles {
        let edit = match &obstacle.guard {
            Guard::Words(edit) => edit,
            Guard::Replace(edit) => {
                applicability = Applicability::Unsafe;
                edit
            }
            Guard::ByHand(_) => continue,
        };
        if places.insert((edit.span, &edit.text)) {
            edits.push(edit.clone());
        }
    }
    let is_by_hand = |obstacle: &Obstacle| matches!(obstacle.guard, Guard::ByHand(_));
    let rest = if obstacles.iter().any(is_by_hand) { ", and leave the rest to you" } else { "" };
    let message = match edits.len() {
        0 => return None,
        1 => format!("insert a guard{rest}"),
        count => format!("insert {count} guards{rest}"),
    };
    Some(Fix::new(applicability, message, edits))
}
