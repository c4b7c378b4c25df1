use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::catalog::QualifiedName;
use crate::diagnostic::{Diagnostic, Severity};
use crate::effects;
use crate::layout::{Migration, OnDuplicate, Version};
use crate::rule::HistoryContext;
use crate::session::Session;
use crate::source::FileId;
use crate::sql::{
    Action, AlterTable, Dml, DmlKind, ObjectKind, Persistence, RelationName, Script, TableChange,
};

use super::bookkeeping::may_be_bookkeeping;
use super::files::{beginning, list, more_numbers};
use super::spelling::shown;

pub(super) fn check(cx: &HistoryContext, out: &mut Vec<Diagnostic>) {
    let mut groups: BTreeMap<(&Version, Vec<&str>, &Path), Vec<usize>> = BTreeMap::new();
    for (index, migration) in cx.set.ups().filter(|(_, migration)| !migration.unnumbered) {
        let key = (&migration.version, more_numbers(&migration.name), folder(cx, migration));
        groups.entry(key).or_default().push(index);
    }
    let groups = groups.values().filter(|group| group.len() > 1 && !are_variants(cx, group));
    out.extend(groups.filter_map(|group| report(cx, group)));
}

/// Returns whether the files are one migration for several databases: `1_a.up.sql` and
/// `1_a.postgres.up.sql`, of which a runner takes one.
fn are_variants(cx: &HistoryContext, group: &[usize]) -> bool {
    let files: BTreeSet<FileId> = group.iter().map(|&at| cx.set.migrations[at].file).collect();
    if files.len() < group.len() {
        return false;
    }
    let stems =
        group.iter().map(|&at| cx.set.migrations[at].name.split('.').next().unwrap_or_default());
    let stems: BTreeSet<&str> = stems.collect();
    stems.len() == 1 && stems.iter().all(|stem| !stem.is_empty())
}

/// Returns the folder in which a migration's version must be its own. Flyway reads folders below the
/// one at hand, but whether it reads all of them in one run depends on its configuration.
fn folder<'a>(cx: &'a HistoryContext, migration: &Migration) -> &'a Path {
    let path = &cx.file(migration).path;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let above = if matches!(name, "up.sql" | "migration.sql") { 2 } else { 1 };
    path.ancestors().nth(above).unwrap_or(path)
}

fn report(cx: &HistoryContext, group: &[usize]) -> Option<Diagnostic> {
    let layout = cx.set.layout;
    let migrations: Vec<&Migration> = group.iter().map(|&at| &cx.set.migrations[at]).collect();
    let (first, second) = (*migrations.first()?, *migrations.get(1)?);
    let overlap = overlap(cx, group).filter(|overlap| match (layout.on_duplicate, overlap) {
        // The names decide the order, wherever the runner runs, and it is the right one.
        (OnDuplicate::NameDecides, Overlap::Needs { user, maker, .. }) => maker > user,
        _ => true,
    });
    let most = match (layout.on_duplicate, &overlap) {
        (OnDuplicate::Fails, None) if !is_certain(cx) => Severity::Warning,
        (OnDuplicate::Fails, _) | (OnDuplicate::Unknown, Some(_)) => Severity::Error,
        (OnDuplicate::NameDecides | OnDuplicate::LocaleDecides, Some(_))
        | (OnDuplicate::Unknown, None) => Severity::Warning,
        (OnDuplicate::LocaleDecides, None) => Severity::Info,
        (OnDuplicate::NameDecides, None) => return None,
    };
    let names: Vec<String> = migrations.iter().map(|migration| cx.file_name(migration)).collect();
    let files = list(&names);
    let version = versions(&migrations);
    let message = match (layout.on_duplicate, &overlap) {
        (OnDuplicate::Fails, _) => {
            format!("{}: {files} have one version, {version}", layout.duplicate)
        }
        (_, Some(Overlap::Both { object, .. })) => format!(
            "which of {files} runs first decides what becomes of `{object}`: they have one version, {version}"
        ),
        (_, Some(Overlap::Needs { object, user, maker })) => format!(
            "the order of two migrations with one version, {version}, decides whether they succeed: `{}` needs `{}`, which `{}` makes",
            cx.file_name(&cx.set.migrations[*user]),
            shown(object),
            cx.file_name(&cx.set.migrations[*maker]),
        ),
        (OnDuplicate::Unknown, None) => {
            format!(
                "a runner that goes by number takes {files} for one migration: they have one version, {version}"
            )
        }
        (_, None) => format!(
            "the order of {files} depends on how their names are sorted: they have one version, {version}"
        ),
    };
    let mut diagnostic = Diagnostic::new(second.file, beginning(cx, second), message)
        .label(first.file, beginning(cx, first), "the earlier file with this number")
        .help(format!(
            "give `{}` a number of its own, if it has not been applied anywhere yet",
            cx.file_name(second)
        ))
        .at_most(most);
    for other in migrations.iter().skip(2) {
        diagnostic =
            diagnostic.label(other.file, beginning(cx, other), "another file with this number");
    }
    if let Some(overlap) = &overlap {
        diagnostic = diagnostic.relation(overlap.name(), None);
    }
    if let (OnDuplicate::Fails, Some(Overlap::Both { object, .. })) =
        (layout.on_duplicate, &overlap)
    {
        diagnostic = diagnostic.note(format!("both change `{object}`, so their order matters"));
    }
    if layout.on_duplicate != OnDuplicate::Fails && !layout.duplicate.is_empty() {
        let sentence = match layout.on_duplicate {
            OnDuplicate::Unknown => layout.duplicate.to_owned(),
            _ => format!("{}: {}", layout.title, layout.duplicate),
        };
        diagnostic = diagnostic.note(sentence);
    }
    if !is_certain(cx) {
        diagnostic = diagnostic.note(format!(
            "the directory is taken for one of {} by its file names only; `layout` in lockmaster.toml can say otherwise",
            layout.title
        ));
    }
    Some(diagnostic)
}

/// Returns whether more than file names says which runner it is; other runners, of the team's own or
/// not, name files as golang-migrate does.
fn is_certain(cx: &HistoryContext) -> bool {
    let by_names = cx.set.evidence.len() == 1
        && cx.set.evidence.iter().all(|signal| signal.contains(".up.sql"));
    cx.set.layout.name != "golang-migrate" || !by_names
}

/// Names the version, in each way in which the files spell it.
fn versions(migrations: &[&Migration]) -> String {
    let mut spelled: Vec<&str> =
        migrations.iter().map(|migration| migration.version.text.as_str()).collect();
    spelled.sort_unstable();
    spelled.dedup();
    spelled.iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(" or ")
}

/// Why the order of two migrations matters.
enum Overlap {
    /// Both change the object.
    Both { object: String, name: QualifiedName },
    /// One cannot run before the other has made the object.
    Needs { object: QualifiedName, user: usize, maker: usize },
}

impl Overlap {
    fn name(&self) -> &QualifiedName {
        match self {
            Self::Both { name, .. } => name,
            Self::Needs { object, .. } => object,
        }
    }
}

/// Returns why the order of the migrations matters, if the files show a reason.
fn overlap(cx: &HistoryContext, group: &[usize]) -> Option<Overlap> {
    let all: Vec<(usize, Touched)> = group
        .iter()
        .map(|&at| (at, touched(&cx.scripts[at], cx.set.migrations[at].file)))
        .collect();
    let pairs =
        || all.iter().enumerate().flat_map(|(at, a)| all[at + 1..].iter().map(move |b| (a, b)));
    let needs = pairs().flat_map(|(a, b)| [(a, b), (b, a)]).find_map(|(user, maker)| {
        let object = user.1.needed.iter().find(|name| maker.1.made.contains(*name))?;
        Some(Overlap::Needs { object: object.clone(), user: user.0, maker: maker.0 })
    });
    needs.or_else(|| pairs().find_map(|(a, b)| both(&a.1, &b.1)))
}

fn both(a: &Touched, b: &Touched) -> Option<Overlap> {
    a.changed.iter().find_map(|(object, changes)| {
        let others = b.changed.get(object)?;
        let matters =
            changes.iter().any(|change| others.iter().any(|other| !change.commutes(other)));
        matters.then(|| Overlap::Both { object: object.to_string(), name: object.name.clone() })
    })
}

/// What a script does to which objects.
#[derive(Default)]
struct Touched {
    changed: BTreeMap<Object, BTreeSet<Change>>,
    made: BTreeSet<QualifiedName>,
    needed: BTreeSet<QualifiedName>,
    /// Temporary tables, which no other migration sees.
    temporary: BTreeSet<QualifiedName>,
}

/// An object, as far as two scripts can mean the same one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Object {
    space: Space,
    name: QualifiedName,
    /// The trigger, policy or rule of the relation.
    part: Option<String>,
}

/// Objects of different spaces may have the same name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Space {
    Relations,
    Types,
    Functions,
}

impl std::fmt::Display for Object {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(part) = &self.part {
            write!(f, "{part} on ")?;
        }
        f.write_str(&shown(&self.name))
    }
}

/// What happens to an object, as far as order can matter.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// An index that refuses no row.
    Index,
    /// Rows are added.
    Insert,
    /// A column is added.
    AddColumn(String),
    /// Anything else.
    Other,
}

impl Change {
    /// Returns whether two changes leave the same behind in either order; the order of columns does
    /// not count.
    fn commutes(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Index | Self::Insert, Self::Index | Self::Insert) => true,
            (Self::AddColumn(a), Self::AddColumn(b)) => a != b,
            _ => false,
        }
    }
}

fn touched(script: &Script, file: FileId) -> Touched {
    let mut out = Touched::default();
    let mut session = Session::default();
    for statement in script.statements() {
        for action in &statement.actions {
            if let Action::Set(setting) = action {
                session.set(setting, file, statement.span);
            }
            touch(action, &session, &mut out);
        }
    }
    out
}

fn touch(action: &Action, session: &Session, out: &mut Touched) {
    let full = |name: &RelationName| full_name(name, session);
    for name in effects::needed(action).into_iter().filter(|name| !name.is_dynamic()) {
        let name = full(name);
        // What the script made itself it does not need from another.
        if !out.made.contains(&name) && !out.temporary.contains(&name) {
            out.needed.insert(name);
        }
    }
    let mut change = |space, name: &RelationName, part: Option<String>, change| {
        let name = full(name);
        if !may_be_bookkeeping(&name.name) && !out.temporary.contains(&name) {
            out.changed.entry(Object { space, name, part }).or_default().insert(change);
        }
    };
    match action {
        Action::CreateTable(create) => {
            let Some(name) = &create.name else { return };
            if create.persistence == Persistence::Temporary {
                out.temporary.insert(full(name));
                return;
            }
            change(Space::Relations, name, None, Change::Other);
            out.made.insert(full(name));
        }
        Action::CreateIndex(create) => {
            let what = if create.unique { Change::Other } else { Change::Index };
            change(Space::Relations, &create.table, None, what);
        }
        Action::AlterTable(alter) => {
            change(space(alter.kind), &alter.table, None, table_change(alter));
        }
        Action::CreateView(create) => {
            change(Space::Relations, &create.name, None, Change::Other);
            out.made.insert(full(&create.name));
            out.needed.extend(create.reads.iter().map(full));
        }
        Action::CreateEnum { name, .. }
        | Action::AddEnumValue { name, .. }
        | Action::RenameEnumValue { name, .. } => change(Space::Types, name, None, Change::Other),
        Action::Create(create) => named(create.kind, &create.name, create.on.as_ref(), &mut change),
        Action::Alter(alter) => named(alter.kind, &alter.name, alter.on.as_ref(), &mut change),
        Action::Drop(drop) => named(drop.kind, &drop.name, drop.on.as_ref(), &mut change),
        Action::Rename(rename) => named(rename.kind, &rename.name, None, &mut change),
        Action::SetSchema { kind, name, .. } => named(*kind, name, None, &mut change),
        Action::Truncate { table, .. } => change(Space::Relations, table, None, Change::Other),
        Action::Dml(dml) => {
            if let (Some(target), Some(what)) = (&dml.target, row_change(dml)) {
                change(Space::Relations, target, None, what);
            }
        }
        Action::Do(block) => block.actions.iter().for_each(|action| touch(action, session, out)),
        Action::Lock { .. }
        | Action::Reindex { .. }
        | Action::Cluster { .. }
        | Action::Vacuum { .. }
        | Action::Analyze { .. }
        | Action::RefreshMaterializedView { .. }
        | Action::Comment { .. }
        | Action::Grant(_)
        | Action::Set(_)
        | Action::SetDefault(_)
        | Action::Transaction(_)
        | Action::Call { .. }
        | Action::NonTransactional { .. }
        | Action::Other { .. } => {}
    }
}

/// Notes a change of an object by its kind; roles, extensions and the like do not count.
fn named(
    kind: ObjectKind,
    name: &RelationName,
    on: Option<&RelationName>,
    change: &mut impl FnMut(Space, &RelationName, Option<String>, Change),
) {
    match (kind, on) {
        (ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule, Some(table)) => {
            let part = format!("{} {}", kind.as_str(), name.name);
            change(Space::Relations, table, Some(part), Change::Other);
        }
        (
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::Index
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Type
            | ObjectKind::Domain
            | ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Aggregate,
            _,
        ) if !name.is_dynamic() => change(space(kind), name, None, Change::Other),
        _ => {}
    }
}

fn space(kind: ObjectKind) -> Space {
    match kind {
        ObjectKind::Type | ObjectKind::Domain => Space::Types,
        ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => Space::Functions,
        _ => Space::Relations,
    }
}

fn table_change(alter: &AlterTable) -> Change {
    match &alter.change {
        TableChange::AddColumn { column, .. } => Change::AddColumn(column.name.to_string()),
        _ => Change::Other,
    }
}

fn row_change(dml: &Dml) -> Option<Change> {
    match dml.kind {
        DmlKind::Insert | DmlKind::CopyFrom => Some(Change::Insert),
        DmlKind::Update | DmlKind::Delete | DmlKind::Merge => Some(Change::Other),
        DmlKind::Select | DmlKind::CopyTo => None,
    }
}

/// Returns the name with the schema in which an object of that name would be made.
fn full_name(name: &RelationName, session: &Session) -> QualifiedName {
    let first = session.search_path.first().map_or("public", AsRef::as_ref);
    QualifiedName::new(name.schema.as_deref().unwrap_or(first), &name.name)
}
