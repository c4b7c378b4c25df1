//! What two migrations have in common, so that their order matters.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::QualifiedName;
use crate::effects;
use crate::session::Session;
use crate::source::FileId;
use crate::sql::{
    Action, AlterTable, Dml, DmlKind, ObjectKind, Persistence, RelationName, Script, TableChange,
};

use super::bookkeeping::may_be_bookkeeping;
use super::spelling::shown;

/// Why the order of two migrations matters.
pub(super) enum Overlap {
    /// Both change the object.
    Both { object: String, name: QualifiedName },
    /// One cannot run before the other has made the object.
    Needs { object: QualifiedName, user: usize, maker: usize },
}

impl Overlap {
    /// Returns the object.
    pub(super) fn name(&self) -> &QualifiedName {
        match self {
            Self::Both { name, .. } => name,
            Self::Needs { object, .. } => object,
        }
    }
}

/// Returns what both change in a way in which order matters.
pub(super) fn both(a: &Touched, b: &Touched) -> Option<Overlap> {
    a.changed.iter().find_map(|(object, changes)| {
        let others = b.changed.get(object)?;
        let matters =
            changes.iter().any(|change| others.iter().any(|other| !change.commutes(other)));
        matters.then(|| Overlap::Both { object: object.to_string(), name: object.name.clone() })
    })
}

/// What a script does to which objects.
#[derive(Default)]
pub(super) struct Touched {
    changed: BTreeMap<Object, BTreeSet<Change>>,
    made: BTreeSet<QualifiedName>,
    needed: BTreeSet<QualifiedName>,
    /// Temporary tables, which no other migration sees.
    temporary: BTreeSet<QualifiedName>,
}

impl Touched {
    /// Returns what this script needs of what the other one makes.
    pub(super) fn needs_of(&self, maker: &Self) -> Option<&QualifiedName> {
        self.needed.iter().find(|name| maker.made.contains(*name))
    }

    /// Returns why its order to another script matters, as an object.
    pub(super) fn depends_on_order(&self, other: &Self) -> Option<String> {
        let needs = self.needs_of(other).or_else(|| other.needs_of(self)).map(shown);
        needs.or_else(|| match both(self, other)? {
            Overlap::Both { object, .. } => Some(object),
            Overlap::Needs { object, .. } => Some(shown(&object)),
        })
    }
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

/// Returns what a script does to which objects.
pub(super) fn touched(script: &Script, file: FileId) -> Touched {
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
