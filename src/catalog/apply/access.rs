//! `GRANT`, `REVOKE`, `ALTER DEFAULT PRIVILEGES`, `OWNER TO` and `COMMENT`.

use std::sync::Arc;

use crate::catalog::access::{DefaultFor, Privilege, Privileges, Thing};
use crate::catalog::depend::Part;
use crate::catalog::lookup::is_system;
use crate::catalog::object::{Class, ObjectId, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, Lookup};
use crate::sql::{Access, Grant, GrantTarget, ObjectKind, Subject, SubjectPart};
use crate::version::PgVersion;

/// The role of everybody, as SQL.
const PUBLIC: &str = "public";

impl Catalog {
    pub(super) fn grant(&mut self, grant: &Grant, env: &Env) -> Result<(), Failure> {
        let Some(target) = grant.on else { return Ok(()) };
        for subject in &grant.subjects {
            self.refuse_missing(subject, grant, env)?;
            if let Some(thing) = self.thing(subject, env) {
                self.grant_on(thing, target, grant, env);
            }
        }
        for schema in &grant.schemas {
            for id in self.names_in(schema) {
                let routine = self.function_by_id(id).map(|function| function.kind);
                let is_meant = grant.routines.is_none_or(|kind| {
                    routine.is_none_or(|is| {
                        (is == ObjectKind::Procedure) == (kind == ObjectKind::Procedure)
                    })
                });
                if is_meant && self.is_target(id, target) {
                    self.grant_on(Thing::Known((id, Part::Whole)), target, grant, env);
                }
            }
        }
        Ok(())
    }

    /// Refuses a relation or column that is not there.
    fn refuse_missing(
        &mut self,
        subject: &Subject,
        grant: &Grant,
        env: &Env,
    ) -> Result<(), Failure> {
        let name = &subject.name;
        if !subject.kind.is_relation() || name.is_dynamic() || is_system(name) {
            return Ok(());
        }
        let found = self.relation(name, &env.path);
        if let Lookup::Found(relation) = found {
            let id = relation.id;
            let mut columns = grant.of_columns.iter().flat_map(|(_, columns)| columns);
            return columns.try_for_each(|column| self.need_column(id, column));
        }
        match found {
            Lookup::Dropped(origin) if !self.is_uncertain() => {
                let name = crate::catalog::lookup::spelled(&subject.name);
                Err(Failure::no_relation(&name, Because::Dropped(origin)))
            }
            Lookup::Unknown => {
                let full = crate::catalog::created_name(name, &env.path);
                self.miss(&full, name);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn is_target(&self, id: ObjectId, target: GrantTarget) -> bool {
        match (id.class, target) {
            (Class::Relation, _) => {
                let kind = self.by_id(id).map(|relation| relation.kind);
                let is_sequence = kind == Some(RelationKind::Sequence);
                let is_index = self.by_id(id).is_some_and(|relation| {
                    relation.is_index() || relation.kind == RelationKind::CompositeType
                });
                match target {
                    GrantTarget::Sequence => is_sequence,
                    GrantTarget::Table => !is_sequence && !is_index,
                    _ => false,
                }
            }
            (Class::Function, GrantTarget::Function) => true,
            _ => false,
        }
    }

    /// Grants or revokes on one object.
    fn grant_on(&mut self, thing: Thing, target: GrantTarget, grant: &Grant, env: &Env) {
        let is_sequence = match &thing {
            Thing::Known((id, _)) => {
                self.by_id(*id).is_some_and(|found| found.kind == RelationKind::Sequence)
            }
            Thing::Named(..) => false,
        };
        let target = if is_sequence { GrantTarget::Sequence } else { target };
        let owner = self.access.get(&thing).and_then(|access| access.owner.clone());
        let whole: Vec<Arc<str>> = whole_privileges(grant, target, env.version);
        // The server refuses the statement.
        let known = all_privileges(target, PgVersion::NEWEST);
        if whole.iter().any(|privilege| !known.contains(&&**privilege)) {
            return;
        }
        if !whole.is_empty() {
            self.change_access(thing.clone(), env.origin, |access| {
                apply(&mut access.privileges, grant, &whole, target, owner.as_deref());
            });
        }
        let Thing::Known((id, Part::Whole)) = thing else { return };
        // What a table takes away, it takes away from its columns too.
        if !grant.is_grant && !whole.is_empty() && target == GrantTarget::Table {
            let columns = self.by_id(id).into_iter().flat_map(|table| &table.columns);
            let numbers: Vec<u16> = columns.map(|column| column.number).collect();
            for number in numbers {
                let column = Thing::Known((id, Part::Column(number)));
                if self.access.contains_key(&column) {
                    self.change_access(column, env.origin, |access| {
                        apply(&mut access.privileges, grant, &whole, GrantTarget::Parameter, None);
                    });
                }
            }
        }
        for (privilege, columns) in &grant.of_columns {
            let privileges: Vec<Arc<str>> = match privilege.as_str() {
                "" => ["select", "insert", "update", "references"].map(Arc::from).to_vec(),
                one => vec![one.into()],
            };
            for column in columns {
                let number = self.by_id(id).and_then(|t| t.column(column)).map(|c| c.number);
                let Some(number) = number else { continue };
                let column = Thing::Known((id, Part::Column(number)));
                self.change_access(column, env.origin, |access| {
                    apply(&mut access.privileges, grant, &privileges, GrantTarget::Parameter, None);
                });
            }
        }
    }

    pub(super) fn access(&mut self, access: &Access, env: &Env) -> Result<(), Failure> {
        match access {
            Access::Member { is_grant, roles, members } => {
                for role in roles {
                    for member in members {
                        let pair = (role.clone(), member.clone());
                        match is_grant {
                            true => self.memberships.insert(pair),
                            false => self.memberships.remove(&pair),
                        };
                    }
                }
            }
            Access::Owned { roles, to, cascade } => {
                return self.owned(roles, to.as_ref(), *cascade, env);
            }
            Access::Default { roles, schemas, grant } => {
                let Some(target) = grant.on else { return Ok(()) };
                let objects = match target {
                    GrantTarget::Table => "tables",
                    GrantTarget::Sequence => "sequences",
                    GrantTarget::Function => "functions",
                    GrantTarget::Type => "types",
                    GrantTarget::Schema => "schemas",
                    _ => return Ok(()),
                };
                let whole = whole_privileges(grant, target, env.version);
                for role in or_nothing(roles) {
                    for schema in or_nothing(schemas) {
                        // Only the defaults of a whole database take away what `PUBLIC` has.
                        let of = if schema.is_some() { GrantTarget::Parameter } else { target };
                        let key = DefaultFor { role: role.clone(), schema, objects };
                        let mut privileges =
                            self.default_privileges.get(&key).cloned().unwrap_or_default();
                        let owner = role.as_deref();
                        apply(Arc::make_mut(&mut privileges), grant, &whole, of, owner);
                        self.default_privileges.insert(key, privileges);
                    }
                }
            }
        }
        Ok(())
    }

    /// Gives a new object what default privileges say. Those of other roles do not count: nobody knows
    /// that they make it.
    pub(in crate::catalog) fn grant_defaults(
        &mut self,
        id: ObjectId,
        schema: &Arc<str>,
        objects: &'static str,
        origin: crate::catalog::Origin,
    ) {
        if self.default_privileges.is_empty() {
            return;
        }
        let mut all = Privileges::new();
        for schema in [None, Some(schema.clone())] {
            let key = DefaultFor { role: None, schema, objects };
            let found = self.default_privileges.get(&key);
            all.extend(found.iter().flat_map(|found| found.iter()).map(|(k, v)| (k.clone(), *v)));
        }
        if !all.is_empty() {
            let thing = Thing::Known((id, Part::Whole));
            self.change_access(thing, origin, |access| access.privileges = all);
        }
    }

    pub(super) fn set_owner(&mut self, thing: Option<Thing>, role: &Arc<str>, env: &Env) {
        let Some(thing) = thing else { return };
        self.change_access(thing, env.origin, |access| access.owner = Some(role.clone()));
    }

    pub(super) fn set_comment(&mut self, subject: &Subject, text: Option<&Arc<str>>, env: &Env) {
        let Some(thing) = self.thing(subject, env) else { return };
        self.change_access(thing, env.origin, |access| access.comment = text.cloned());
    }

    /// Returns what a statement names, if it is there.
    pub(super) fn thing(&self, subject: &Subject, env: &Env) -> Option<Thing> {
        let Subject { kind, name, part, arguments } = subject;
        let whole = |id| Some(Thing::Known((id, Part::Whole)));
        match kind {
            kind if kind.is_relation() => {
                let id = self.find_if_exists(name, env)?;
                let relation = self.by_id(id).filter(|relation| !relation.external)?;
                let Some((kind, name)) = part else { return whole(id) };
                let extra = relation.extra();
                let part = match kind {
                    SubjectPart::Column => Part::Column(relation.column(name)?.number),
                    SubjectPart::Constraint => Part::Constraint(relation.constraint(name)?.number),
                    SubjectPart::Trigger => {
                        Part::Trigger(extra.triggers.iter().find(|t| t.name == *name)?.number)
                    }
                    SubjectPart::Policy => {
                        Part::Policy(extra.policies.iter().find(|p| p.name == *name)?.number)
                    }
                };
                Some(Thing::Known((id, part)))
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let id = self.type_if_exists(name, env)?;
                let is_own = id.class != Class::Type
                    || self.type_by_id(id).is_some_and(|found| found.extension.is_none());
                is_own.then(|| whole(id))?
            }
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Aggregate => {
                let found = self.functions_of(name, arguments.as_deref(), env);
                found.first().copied().and_then(whole)
            }
            ObjectKind::Schema
            | ObjectKind::Database
            | ObjectKind::Role
            | ObjectKind::Tablespace
            | ObjectKind::Language => match self.other(*kind, "", &name.name) {
                Some(id) => whole(id),
                None => Some(Thing::Named(*kind, name.name.clone())),
            },
            kind => {
                let schemaless = self.other(*kind, "", &name.name);
                let mut candidates = self.candidates(name, &env.path);
                schemaless
                    .or_else(|| {
                        candidates.find_map(|full| self.other(*kind, &full.schema, &full.name))
                    })
                    .and_then(whole)
            }
        }
    }
}

fn or_nothing(names: &[Arc<str>]) -> Vec<Option<Arc<str>>> {
    if names.is_empty() { vec![None] } else { names.iter().cloned().map(Some).collect() }
}

/// Returns the privileges of a statement that are not limited to columns.
fn whole_privileges(grant: &Grant, target: GrantTarget, version: PgVersion) -> Vec<Arc<str>> {
    match &grant.privileges[..] {
        [] if !grant.of_columns.is_empty() => Vec::new(),
        [] => all_privileges(target, version).iter().copied().map(Arc::from).collect(),
        some => {
            let is_whole = |name: &&String| {
                let of_columns = grant.column_privileges.iter().filter(|other| other == name);
                of_columns.count() < some.iter().filter(|other| other == name).count()
            };
            let name = |name: &String| match name.as_str() {
                "temp" => Arc::from("temporary"),
                name => Arc::from(name),
            };
            some.iter().filter(is_whole).map(name).collect()
        }
    }
}

/// Returns what `ALL` stands for.
///
/// Source: PostgreSQL documentation, table 5.2 "Summary of Access Privileges"; `maintain` is new in 17.
fn all_privileges(target: GrantTarget, version: PgVersion) -> &'static [&'static str] {
    const TABLE: &[&str] =
        &["select", "insert", "update", "delete", "truncate", "references", "trigger", "maintain"];
    match target {
        GrantTarget::Table if version.major < 17 => &TABLE[..7],
        GrantTarget::Table => TABLE,
        GrantTarget::Sequence => &["usage", "select", "update"],
        GrantTarget::Database => &["create", "connect", "temporary"],
        GrantTarget::Function => &["execute"],
        GrantTarget::LargeObject => &["select", "update"],
        GrantTarget::Schema => &["create", "usage"],
        GrantTarget::Tablespace => &["create"],
        GrantTarget::Parameter => &["set", "alter system"],
        GrantTarget::Domain
        | GrantTarget::Type
        | GrantTarget::Language
        | GrantTarget::ForeignDataWrapper
        | GrantTarget::ForeignServer => &["usage"],
    }
}

/// Returns whether `PUBLIC` has a privilege on new objects of a kind.
///
/// Source: PostgreSQL documentation, section 5.8 "Privileges".
fn is_for_public(target: GrantTarget, privilege: &str) -> bool {
    match target {
        GrantTarget::Function | GrantTarget::Language | GrantTarget::Domain | GrantTarget::Type => {
            true
        }
        GrantTarget::Database => matches!(privilege, "connect" | "temporary"),
        _ => false,
    }
}

fn apply(
    to: &mut Privileges,
    grant: &Grant,
    privileges: &[Arc<str>],
    target: GrantTarget,
    owner: Option<&str>,
) {
    for role in &grant.roles {
        for privilege in privileges {
            let key = (role.clone(), privilege.clone());
            let is_made_with_it =
                **role == *PUBLIC && is_for_public(target, privilege) || owner == Some(&**role);
            let has = to.get(&key).copied();
            let becomes = match (grant.is_grant, grant.grant_option, has) {
                (true, true, _) | (true, false, Some(Privilege::WithOption)) => {
                    Some(Privilege::WithOption)
                }
                (true, false, Some(Privilege::Revoked)) if is_made_with_it => None,
                (true, false, None) if is_made_with_it => None,
                (true, false, _) => Some(Privilege::Granted),
                (false, true, Some(Privilege::WithOption)) => Some(Privilege::Granted),
                (false, true, has) => has,
                (false, false, _) => is_made_with_it.then_some(Privilege::Revoked),
            };
            match becomes {
                Some(state) => to.insert(key, state),
                None => to.remove(&key),
            };
        }
    }
}
