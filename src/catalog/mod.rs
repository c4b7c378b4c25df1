//! The schema as it stands between two statements, as far as the files at hand tell.

mod access;
mod analyse;
mod apply;
pub mod builtin;
mod depend;
mod difference;
mod edge;
mod facts;
mod failure;
mod lookup;
mod name_map;
pub(crate) mod naming;
mod object;
mod settings;
mod shared;
mod system;

use imbl::ordmap::DiffItem;
use imbl::{OrdMap, OrdSet};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

pub use access::{Access, Accessed, DefaultFor, Privilege, Privileges};
pub use difference::{Change, Difference, How, differences};
pub use failure::{Because, Failure};
pub use object::{
    Column, Constraint, Domain, EnumLabel, EnumType, Extra, Function, IdentityKind, Index,
    IndexDetail, ObjectId, Origin, Other, Policy, Relation, RelationKind, Trigger, Type, TypeKind,
    ViewQuery,
};
pub use shared::Shared;

pub use settings::{ColumnSettings, Sequence};

use crate::source::FileId;
use crate::sql::{ObjectKind, RelationName};
use crate::version::PgVersion;
use depend::Edge;
use name_map::NameMap;
use object::Class;

/// A name with its schema, as the server stores it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    /// The schema.
    pub schema: Arc<str>,
    /// The object.
    pub name: Arc<str>,
}

impl QualifiedName {
    /// Makes a name of its parts.
    pub fn new(schema: &str, name: &str) -> Self {
        Self { schema: schema.into(), name: name.into() }
    }

    /// Returns the name of another object in the same schema.
    #[must_use]
    pub fn sibling(&self, name: impl Into<Arc<str>>) -> Self {
        Self { schema: self.schema.clone(), name: name.into() }
    }
}

// Most names are of one schema, whose text they share: it need not be compared.
impl Ord for QualifiedName {
    fn cmp(&self, other: &Self) -> Ordering {
        let schemas = match Arc::ptr_eq(&self.schema, &other.schema) {
            true => Ordering::Equal,
            false => self.schema.cmp(&other.schema),
        };
        schemas.then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for QualifiedName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for QualifiedName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// The answer to "is it there?". Files may be only the tail of a history, so "not seen" is not "no".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    Found(T),
    /// It was there and was dropped, or renamed away.
    Dropped(Origin),
    /// The files at hand do not tell.
    Unknown,
}

impl<T> Lookup<T> {
    /// Returns what was found.
    pub fn found(self) -> Option<T> {
        match self {
            Self::Found(found) => Some(found),
            Self::Dropped(_) | Self::Unknown => None,
        }
    }
}

/// The namespaces of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Space {
    Relation,
    Type,
    Function,
    Other(ObjectKind),
}

/// The schema between two statements. A clone shares everything until one side changes it.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    relations: OrdMap<ObjectId, Arc<Relation>>,
    relation_names: NameMap<ObjectId>,
    types: OrdMap<ObjectId, Arc<Type>>,
    type_names: NameMap<ObjectId>,
    functions: OrdMap<ObjectId, Arc<Function>>,
    function_names: OrdMap<QualifiedName, Vec<ObjectId>>,
    others: OrdMap<ObjectId, Arc<Other>>,
    other_names: OrdMap<(ObjectKind, QualifiedName), ObjectId>,
    /// Partitions and inheritance children, by the table above them.
    children: OrdSet<(ObjectId, ObjectId)>,
    /// What cannot be without what: by what is needed, and by what needs.
    dependents: OrdSet<Edge>,
    needs: OrdSet<Edge>,
    /// Objects that were dropped or renamed away and not made anew, and where.
    dropped: OrdMap<(Space, QualifiedName), Origin>,
    /// Names that a statement used although nothing at hand made them.
    external: OrdMap<QualifiedName, Origin>,
    /// How many constraints have a name, by schema: names that the server chooses are free there.
    constraint_names: NameMap<u32>,
    /// Whether the session has made something temporary.
    has_temporary: bool,
    /// The last statement of which nobody can say what it made or dropped.
    uncertain_since: Option<Origin>,
    /// Refusals of the action at hand that are certain only if the history is complete.
    noted: Vec<Failure>,
    /// Statements that may have done something else, by file and place: `DO` blocks whose conditions
    /// nobody knows, SQL that is put together at run time.
    guesses: OrdSet<(u32, u32)>,
    /// Those of them of which nobody can say what they made or dropped.
    unfollowed: OrdSet<(u32, u32)>,
    /// Owners, privileges and comments.
    access: OrdMap<access::Thing, Arc<Access>>,
    /// What new objects get.
    default_privileges: OrdMap<DefaultFor, Arc<Privileges>>,
    /// Roles and their members.
    memberships: OrdSet<(Arc<str>, Arc<str>)>,
    /// How many objects there ever were.
    numbers: u32,
    /// The calls of functions that are running.
    calls: Calls,
}

/// The calls of functions that are running.
#[derive(Clone, Copy, Debug, Default)]
struct Calls {
    /// How many call each other.
    depth: u32,
    /// How many steps the statement at hand took.
    steps: u32,
    /// Whether it is not certain that they run.
    is_unsure: bool,
}

/// The schemas in which unqualified names are looked up, first match first.
pub type SearchPath = Arc<[Arc<str>]>;

/// What an action is done with: where, in which session, on which server.
#[derive(Clone, Debug)]
pub struct Env {
    /// The statement.
    pub origin: Origin,
    /// The search path of the session.
    pub path: SearchPath,
    /// The server version.
    pub version: PgVersion,
}

impl Catalog {
    /// Looks a table, index, view or sequence up by its name.
    pub fn relation(&self, name: &RelationName, path: &SearchPath) -> Lookup<&Relation> {
        if name.is_dynamic() {
            return Lookup::Unknown;
        }
        let mut dropped = None;
        for full in self.candidates(name, path) {
            if let Some(relation) = self.get(&full) {
                return match relation.external {
                    true => Lookup::Unknown,
                    false => Lookup::Found(relation),
                };
            }
            dropped = dropped.or_else(|| self.dropped_at(Space::Relation, &full));
        }
        dropped.map_or(Lookup::Unknown, Lookup::Dropped)
    }

    /// Returns the type of that name that something at hand made.
    pub fn type_named(&self, name: &RelationName, path: &SearchPath) -> Option<ObjectId> {
        self.candidates(name, path).find_map(|full| self.type_names.get(&full).copied())
    }

    /// Looks an enum type up by its name.
    pub fn enum_type(&self, name: &RelationName, path: &SearchPath) -> Option<EnumType<'_>> {
        let id = self.candidates(name, path).find_map(|full| self.type_names.get(&full))?;
        enum_of(self.types.get(id)?)
    }

    /// Returns the full names that `name` may stand for, in the order of the search path.
    fn candidates<'a>(
        &self,
        name: &'a RelationName,
        path: &'a SearchPath,
    ) -> impl Iterator<Item = QualifiedName> + use<'a> {
        let explicit = name.schema.as_ref();
        let temporary = self.has_temporary.then(|| Arc::from(TEMPORARY));
        let implied = temporary.into_iter().chain(path.iter().cloned());
        let implied = implied.filter(move |_| explicit.is_none());
        let schemas = explicit.cloned().into_iter().chain(implied);
        schemas.map(|schema| QualifiedName { schema, name: name.name.clone() })
    }

    /// Returns the relation with exactly this name.
    pub fn get(&self, name: &QualifiedName) -> Option<&Relation> {
        self.relation_names.get(name).and_then(|id| self.by_id(*id))
    }

    /// Returns the relation that an object is.
    pub fn by_id(&self, id: ObjectId) -> Option<&Relation> {
        self.relations.get(&id).map(AsRef::as_ref)
    }

    /// Returns the name of an object; nothing if it is gone.
    pub fn name_of(&self, id: ObjectId) -> Option<&QualifiedName> {
        match id.class {
            Class::Relation => self.relations.get(&id).map(|found| &found.name),
            Class::Type => self.types.get(&id).map(|found| &found.name),
            Class::Function => self.functions.get(&id).map(|found| &found.name),
            Class::Other => self.others.get(&id).map(|found| &found.name),
        }
    }

    /// Returns the partitions and inheritance children directly below a table, oldest first.
    pub fn children(&self, parent: ObjectId) -> impl Iterator<Item = ObjectId> + use<'_> {
        let first = ObjectId { number: 0, class: Class::Relation };
        let found = self.children.range((parent, first)..);
        found.take_while(move |(above, _)| *above == parent).map(|(_, child)| *child)
    }

    /// Returns every relation that something at hand made, by its age.
    pub fn relations(&self) -> impl Iterator<Item = &Relation> {
        self.relations.values().map(AsRef::as_ref).filter(|relation| !relation.external)
    }

    /// Returns the relations that `after` does not have as they are here, by their age, and what they are
    /// there. What both share is not looked at.
    pub fn changed_relations<'a>(
        &'a self,
        after: &'a Self,
    ) -> impl Iterator<Item = (&'a Relation, Option<&'a Relation>)> {
        let changed = self.relations.diff(&after.relations).filter_map(|item| match item {
            DiffItem::Add(..) => None,
            DiffItem::Remove(_, was) => Some((&**was, None)),
            DiffItem::Update { old: (_, was), new: (_, now) } => Some((&**was, Some(&**now))),
        });
        changed.filter(|(was, _)| !was.external)
    }

    /// Returns the relations that have another name in `after`, or are only there, with that name.
    pub fn new_names<'a>(
        &'a self,
        after: &'a Self,
    ) -> impl Iterator<Item = (ObjectId, &'a QualifiedName)> {
        self.relations.diff(&after.relations).filter_map(|item| match item {
            DiffItem::Add(id, now) => Some((*id, &now.name)),
            DiffItem::Update { old: (_, was), new: (id, now) } => {
                (was.name != now.name).then_some((*id, &now.name))
            }
            DiffItem::Remove(..) => None,
        })
    }

    /// Returns the objects that are gone in `after`, new there, or not as they are here. Nothing if
    /// something has another name there, which may show in all that names it.
    pub fn changed_objects(&self, after: &Self) -> Option<BTreeSet<ObjectId>> {
        let has_names_of = |was: &Relation, now: &Relation| {
            let mut columns = was.columns.iter();
            columns.all(|c| now.column_numbered(c.number).is_none_or(|now| now.name == c.name))
        };
        let mut changed = BTreeSet::new();
        let is_called_the_same =
            note(&mut changed, &self.relations, &after.relations, |was, now| {
                was.name == now.name && has_names_of(was, now)
            }) && note(&mut changed, &self.types, &after.types, |a, b| a.name == b.name)
                && note(&mut changed, &self.functions, &after.functions, |a, b| a.name == b.name)
                && note(&mut changed, &self.others, &after.others, |a, b| a.name == b.name);
        let access = self.access.diff(&after.access).map(|item| match item {
            DiffItem::Add(thing, _) | DiffItem::Remove(thing, _) => thing,
            DiffItem::Update { new: (thing, _), .. } => thing,
        });
        changed.extend(access.filter_map(access::Thing::id));
        is_called_the_same.then_some(changed)
    }

    /// Returns every type that something at hand made, by its age.
    pub fn types(&self) -> impl Iterator<Item = &Type> {
        let types = self.types.values().map(AsRef::as_ref);
        types.filter(|found| !matches!(found.kind, TypeKind::External))
    }

    /// Returns every function that something at hand made, by its age.
    pub fn functions(&self) -> impl Iterator<Item = &Function> {
        self.functions.values().map(AsRef::as_ref)
    }

    /// Returns every object of the other kinds, by its age.
    pub fn others(&self) -> impl Iterator<Item = &Other> {
        self.others.values().map(AsRef::as_ref)
    }

    /// Returns the names of the schemas that something at hand made, and `public`.
    pub fn schemas(&self) -> Vec<String> {
        let schemas = self.others().filter(|other| other.kind == ObjectKind::Schema);
        let mut names: Vec<String> = schemas.map(|other| other.name.name.to_string()).collect();
        let public = QualifiedName::new("", "public");
        let is_dropped = self.dropped_at(Space::Other(ObjectKind::Schema), &public).is_some();
        if !is_dropped && !names.iter().any(|name| name == "public") {
            names.push("public".to_owned());
        }
        names.sort();
        names
    }

    /// Returns the type that an object is.
    pub fn type_by_id(&self, id: ObjectId) -> Option<&Type> {
        self.types.get(&id).map(AsRef::as_ref)
    }

    /// Returns the function that an object is.
    pub fn function_by_id(&self, id: ObjectId) -> Option<&Function> {
        self.functions.get(&id).map(AsRef::as_ref)
    }

    /// Returns the enum type that an object is.
    pub fn enum_by_id(&self, id: ObjectId) -> Option<EnumType<'_>> {
        enum_of(self.types.get(&id)?)
    }

    /// Returns every enum type.
    pub fn enums(&self) -> impl Iterator<Item = EnumType<'_>> {
        self.types.values().filter_map(|found| enum_of(found))
    }

    /// Returns how many relations the files made, now there or not, and how many they only used.
    pub fn known_and_external(&self) -> (usize, usize) {
        let dropped = self.dropped.keys().filter(|(space, _)| *space == Space::Relation).count();
        let made = self.relations().count();
        (made + dropped, self.external.len())
    }

    /// Returns the relations that statements used although nothing at hand made them.
    pub fn external(&self) -> impl Iterator<Item = (&QualifiedName, Origin)> {
        self.external.iter().map(|(name, origin)| (name, *origin))
    }

    /// Returns the name that a statement's `name` stands for: that of the relation which is found, or
    /// the one that it would get if it were made now.
    pub fn resolve(&self, name: &RelationName, path: &SearchPath) -> QualifiedName {
        match self.relation(name, path) {
            Lookup::Found(relation) => relation.name.clone(),
            Lookup::Dropped(_) | Lookup::Unknown => created_name(name, path),
        }
    }

    /// Returns whether it is not certain what a statement did, or whether that still holds.
    pub fn is_guess(&self, origin: Origin) -> bool {
        let is_before = |since: Origin| {
            (origin.migration, origin.span.start) <= (since.migration, since.span.start)
        };
        self.uncertain_since.is_some_and(is_before)
            || self.guesses.contains(&(origin.file.0, origin.span.start))
    }

    /// Notes that something ran of which nobody can say what it made or dropped.
    pub(crate) fn leave_uncertain_at(&mut self, origin: Origin) {
        self.uncertain_since = Some(origin);
    }

    /// Returns whether nobody can say what a statement at `origin` made or dropped.
    pub fn is_unfollowed(&self, file: FileId, start: u32) -> bool {
        self.unfollowed.contains(&(file.0, start))
    }

    /// Returns whether statements ran of which nobody can say what they made or dropped.
    pub fn is_uncertain(&self) -> bool {
        self.uncertain_since.is_some()
    }

    fn dropped_at(&self, space: Space, name: &QualifiedName) -> Option<Origin> {
        // Most catalogs have dropped nothing; the key need not be made then.
        if self.dropped.is_empty() {
            return None;
        }
        self.dropped.get(&(space, name.clone())).copied()
    }

    /// Ends a session: what is temporary goes with it.
    pub fn end_session(&mut self) {
        if !std::mem::take(&mut self.has_temporary) {
            return;
        }
        let gone: Vec<ObjectId> =
            self.relations.values().filter(|r| r.temporary).map(|r| r.id).collect();
        gone.into_iter().for_each(|id| self.forget(id));
    }

    fn next_id(&mut self, class: Class) -> ObjectId {
        ObjectId { number: self.next_number(), class }
    }

    fn next_number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    /// Returns what names anything of a schema in the way of the server's `SEARCH_PATH`.
    fn names_in(&self, schema: &str) -> Vec<ObjectId> {
        let start = || QualifiedName::new(schema, "")..;
        let is_in = |name: &QualifiedName| *name.schema == *schema;
        let relations = self.relations.values().filter(|r| is_in(&r.name));
        let relations = relations.map(|r| (&r.name, r.id));
        let types = self.types.values().filter(|t| is_in(&t.name)).map(|t| (&t.name, t.id));
        let mut relations: Vec<(&QualifiedName, ObjectId)> =
            relations.filter(|(name, id)| self.relation_names.get(name) == Some(id)).collect();
        let mut types: Vec<(&QualifiedName, ObjectId)> =
            types.filter(|(name, id)| self.type_names.get(name) == Some(id)).collect();
        relations.sort();
        types.sort();
        let functions = self.function_names.range(start()).take_while(|(n, _)| is_in(n));
        let others = self.others.values().filter(|other| is_in(&other.name)).map(|o| o.id);
        let mut ids: Vec<ObjectId> = relations.into_iter().chain(types).map(|(_, id)| id).collect();
        ids.extend(functions.flat_map(|(_, ids)| ids.iter().copied()));
        ids.extend(others);
        ids
    }
}

/// Notes which objects two maps have not in common, until one of them `is_same` no longer.
fn note<T: Eq>(
    changed: &mut BTreeSet<ObjectId>,
    before: &OrdMap<ObjectId, Arc<T>>,
    after: &OrdMap<ObjectId, Arc<T>>,
    is_same: impl Fn(&T, &T) -> bool,
) -> bool {
    before.diff(after).all(|item| {
        let (id, is_same) = match item {
            DiffItem::Add(id, _) | DiffItem::Remove(id, _) => (id, true),
            DiffItem::Update { old: (_, was), new: (id, now) } => (id, is_same(was, now)),
        };
        changed.insert(*id);
        is_same
    })
}

fn enum_of(found: &Type) -> Option<EnumType<'_>> {
    match &found.kind {
        TypeKind::Enum(labels) => {
            Some(EnumType { name: &found.name, labels, created: found.created })
        }
        _ => None,
    }
}

/// The schema of temporary objects, in which names are looked up first.
const TEMPORARY: &str = "pg_temp";

/// Returns the full name of an object that is made as `name`: in the first schema of the path, or with
/// the other temporary ones.
fn made_name(name: &RelationName, is_temporary: bool, path: &SearchPath) -> QualifiedName {
    if is_temporary { QualifiedName::new(TEMPORARY, &name.name) } else { created_name(name, path) }
}

/// Returns the full name of an object that is made as `name`: in the first schema of the path.
fn created_name(name: &RelationName, path: &SearchPath) -> QualifiedName {
    let first = name.schema.as_ref().or(path.first());
    QualifiedName {
        schema: first.map_or_else(|| "public".into(), Arc::clone),
        name: name.name.clone(),
    }
}
