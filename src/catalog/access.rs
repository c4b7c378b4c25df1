//! Who owns objects and may use them, and what comments say about them: what `pg_class.relacl`,
//! `pg_default_acl`, `pg_auth_members` and `pg_description` hold on a server.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::depend::{Address, Part};
use super::object::{Class, ObjectId, Origin};
use super::{Catalog, QualifiedName};
use crate::sql::ObjectKind;

/// What access is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    /// An object of the catalog, or a part of a relation.
    Known(Address),
    /// An object that no statement at hand makes: the schema `public`, a database, a language.
    Named(ObjectKind, Arc<str>),
}

impl Thing {
    /// Returns the object, where something at hand made it.
    pub(super) fn id(&self) -> Option<ObjectId> {
        match self {
            Self::Known((id, _)) => Some(*id),
            Self::Named(..) => None,
        }
    }
}

/// What is known of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Its owner, where a statement gives it one, as SQL.
    pub owner: Option<Arc<str>>,
    /// The comment on it.
    pub comment: Option<Arc<str>>,
    /// What is granted and revoked, by role as SQL and privilege.
    pub privileges: Privileges,
    /// The statement that last changed any of it.
    pub changed: Origin,
}

impl Access {
    pub(super) fn new(changed: Origin) -> Self {
        Self { owner: None, comment: None, privileges: Privileges::new(), changed }
    }

    fn is_empty(&self) -> bool {
        self.owner.is_none() && self.comment.is_none() && self.privileges.is_empty()
    }
}

/// What is granted and revoked, by role as SQL and privilege in lower case.
pub type Privileges = BTreeMap<(Arc<str>, Arc<str>), Privilege>;

/// What a role has of a privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privilege {
    /// It is granted.
    Granted,
    /// It is granted with the option to grant it to others.
    WithOption,
    /// It is revoked, although objects of this kind are made with it.
    Revoked,
}

/// For what `ALTER DEFAULT PRIVILEGES` says what new objects get.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DefaultFor {
    /// The role that makes the objects, as SQL; nothing for the one that runs the migrations.
    pub role: Option<Arc<str>>,
    /// The schema; nothing for all.
    pub schema: Option<Arc<str>>,
    /// `tables`, `sequences`, `functions`, `types` or `schemas`.
    pub objects: &'static str,
}

/// An object or part with what is known of the access to it.
#[derive(Debug)]
pub struct Accessed<'a> {
    /// What kind of object, in the words of the statements: `table`, `materialized view`, `column`, ...
    pub kind: &'static str,
    /// The object, where something at hand made it.
    pub id: Option<ObjectId>,
    /// Its name: for a part, that of its relation; the schema is empty where it has none.
    pub name: QualifiedName,
    /// For a part: its own name.
    pub part: Option<Arc<str>>,
    /// What is known.
    pub access: &'a Access,
}

impl Catalog {
    /// Returns what is known of the access to objects that are wanted, in the order of their age.
    pub fn accesses(
        &self,
        is_wanted: impl Fn(Option<ObjectId>) -> bool,
    ) -> impl Iterator<Item = Accessed<'_>> {
        let wanted = self.access.iter().filter(move |(thing, _)| is_wanted(thing.id()));
        let named = wanted.filter(|(_, access)| !access.is_empty());
        named.filter_map(|(thing, access)| self.accessed(thing, access))
    }

    fn accessed<'a>(&self, thing: &Thing, access: &'a Access) -> Option<Accessed<'a>> {
        let (id, part) = match thing {
            Thing::Known(address) => *address,
            Thing::Named(kind, name) => {
                let name = QualifiedName::new("", name);
                return Some(Accessed { kind: kind.as_str(), id: None, name, part: None, access });
            }
        };
        let name = self.name_of(id)?.clone();
        let (kind, part) = match id.class {
            Class::Relation => {
                let relation = self.by_id(id).filter(|relation| !relation.temporary)?;
                let extra = relation.extra();
                let part = match part {
                    Part::Column(number) | Part::Default(number) => {
                        relation.column_numbered(number).map(|c| ("column", c.name.clone()))
                    }
                    Part::Constraint(number) => relation
                        .constraints
                        .iter()
                        .find(|found| found.number == number)
                        .map(|found| ("constraint", found.name.clone())),
                    Part::Trigger(number) => extra
                        .triggers
                        .iter()
                        .find(|found| found.number == number)
                        .map(|found| ("trigger", found.name.clone())),
                    Part::Policy(number) => extra
                        .policies
                        .iter()
                        .find(|found| found.number == number)
                        .map(|found| ("policy", found.name.clone())),
                    Part::Whole => None,
                };
                match part {
                    Some((kind, name)) => (kind, Some(name)),
                    None if thing != &Thing::Known((id, Part::Whole)) => return None,
                    None => (super::depend::plain_kind(relation.kind), None),
                }
            }
            Class::Type => match self.type_by_id(id)?.kind {
                super::TypeKind::Domain(_) => ("domain", None),
                _ => ("type", None),
            },
            Class::Function => (self.function_by_id(id)?.kind.as_str(), None),
            Class::Other => (self.others.get(&id)?.kind.as_str(), None),
        };
        Some(Accessed { kind, id: Some(id), name, part, access })
    }

    /// Returns what new objects get.
    pub fn default_privileges(&self) -> impl Iterator<Item = (&DefaultFor, &Privileges)> {
        let all = self.default_privileges.iter().map(|(key, value)| (key, value.as_ref()));
        all.filter(|(_, privileges)| !privileges.is_empty())
    }

    /// Returns which roles are members of which: the role that is given, and the member, as SQL.
    pub fn memberships(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>)> {
        self.memberships.iter().map(|(role, member)| (role, member))
    }

    pub(super) fn change_access(
        &mut self,
        thing: Thing,
        origin: Origin,
        change: impl FnOnce(&mut Access),
    ) {
        let access = self.access.entry(thing).or_insert_with(|| Arc::new(Access::new(origin)));
        let access = Arc::make_mut(access);
        access.changed = origin;
        change(access);
    }

    /// Moves what new objects of a schema get to its new name; without one the schema is gone.
    pub(super) fn move_default_privileges(&mut self, from: &str, to: Option<&Arc<str>>) {
        let is_it = |key: &&DefaultFor| key.schema.as_deref() == Some(from);
        let moved: Vec<DefaultFor> =
            self.default_privileges.keys().filter(is_it).cloned().collect();
        for key in moved {
            let privileges = self.default_privileges.remove(&key);
            if let (Some(to), Some(privileges)) = (to, privileges) {
                let key = DefaultFor { schema: Some(to.clone()), ..key };
                self.default_privileges.insert(key, privileges);
            }
        }
    }

    /// Forgets the access to what is gone.
    pub(super) fn forget_access(&mut self, of: Address) {
        if !self.access.is_empty() {
            self.access.remove(&Thing::Known(of));
        }
    }
}
