//! `DROP OWNED`, `REASSIGN OWNED` and `DROP ROLE`.
//!
//! Source: `shdepDropOwned`, `shdepReassignOwned` and `checkSharedDependencies` of the server's
//! `pg_shdepend.c`.

use std::sync::Arc;

use crate::catalog::access::{Privilege, Thing};
use crate::catalog::depend::{Address, Part};
use crate::catalog::object::{Class, ObjectId};
use crate::catalog::{Because, Catalog, Env, Failure, Origin};
use crate::sql::tree::quote_identifier;
use crate::sql::{Drop, ObjectKind};

impl Catalog {
    /// Returns the objects that roles, as SQL, own: those that a statement gave them, and the sequences
    /// of their tables.
    pub fn owned_by(&self, roles: &[Arc<str>]) -> Vec<ObjectId> {
        let mut found: Vec<ObjectId> = Vec::new();
        for (thing, access) in &self.access {
            let Thing::Known((id, Part::Whole)) = thing else { continue };
            if access.owner.as_ref().is_some_and(|owner| roles.contains(owner)) {
                found.push(*id);
                found.extend(self.sequences_of(*id));
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }

    pub(super) fn owned(
        &mut self,
        roles: &[Arc<str>],
        to: Option<&Arc<str>>,
        cascade: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        match to {
            Some(to) => self.reassign(roles, to, env),
            None => {
                self.drop_owned(roles, cascade, env)?;
                self.revoke_all(roles, env);
            }
        }
        Ok(())
    }

    fn reassign(&mut self, roles: &[Arc<str>], to: &Arc<str>, env: &Env) {
        let is_theirs = |thing: &Thing| {
            let owner = self.access.get(thing).and_then(|access| access.owner.as_ref());
            owner.is_some_and(|owner| roles.contains(owner))
        };
        let things: Vec<Thing> = self.access.keys().filter(|t| is_theirs(t)).cloned().collect();
        for thing in things {
            self.set_owner(Some(thing), to, env);
        }
    }

    fn drop_owned(&mut self, roles: &[Arc<str>], cascade: bool, env: &Env) -> Result<(), Failure> {
        let mut targets = self.owned_by(roles);
        for id in targets.clone() {
            let schema = self.others.get(&id).filter(|other| other.kind == ObjectKind::Schema);
            let Some(schema) = schema.map(|schema| schema.name.name.clone()) else { continue };
            let inside = self.names_in(&schema);
            if let Some(first) = inside.iter().find(|id| !targets.contains(id) && !cascade) {
                return Err(self.needed_by((*first, Part::Whole)));
            }
            targets.extend(inside);
        }
        let targets: Vec<Address> = targets.into_iter().map(|id| (id, Part::Whole)).collect();
        if targets.is_empty() {
            return Ok(());
        }
        let is_one = targets.len() == 1;
        self.remove(&targets, cascade, env.origin).map_err(|failure| match is_one {
            true => failure,
            false => Failure { message: DEPENDED_ON.to_owned(), ..failure },
        })
    }

    fn needed_by(&self, dependent: Address) -> Failure {
        let because = self.by_id(dependent.0).map_or(Because::Always, |r| Because::Made(r.created));
        Failure::new("2BP01", DEPENDED_ON, because)
    }

    /// Takes from roles what they were granted.
    fn revoke_all(&mut self, roles: &[Arc<str>], env: &Env) {
        let has_any = |thing: &Thing| {
            let access = self.access.get(thing);
            access.is_some_and(|access| access.privileges.keys().any(|(r, _)| roles.contains(r)))
        };
        let things: Vec<Thing> = self.access.keys().filter(|t| has_any(t)).cloned().collect();
        for thing in things {
            self.change_access(thing, env.origin, |access| {
                access.privileges.retain(|(role, _), _| !roles.contains(role));
            });
        }
        let defaults: Vec<_> = self.default_privileges.keys().cloned().collect();
        for key in defaults {
            if key.role.as_ref().is_some_and(|role| roles.contains(role)) {
                self.default_privileges.remove(&key);
            } else if let Some(privileges) = self.default_privileges.get_mut(&key) {
                Arc::make_mut(privileges).retain(|(role, _), _| !roles.contains(role));
            }
        }
        self.leave_policies(roles, env.origin);
    }

    /// Takes roles out of the policies that are for them; one that is for nobody else goes.
    fn leave_policies(&mut self, roles: &[Arc<str>], origin: Origin) {
        let is_for =
            |policy: &crate::catalog::Policy| policy.roles.iter().any(|role| roles.contains(role));
        let tables: Vec<ObjectId> = self
            .relations()
            .filter(|table| table.extra().policies.iter().any(is_for))
            .map(|table| table.id)
            .collect();
        for table in tables {
            self.change(table, |table| {
                table.changed = origin;
                table.extra_mut().policies.retain_mut(|policy| {
                    let had_roles = !policy.roles.is_empty();
                    policy.roles.retain(|role| !roles.contains(role));
                    !(had_roles && policy.roles.is_empty())
                });
            });
        }
    }

    /// `DROP ROLE`: refused while the role owns something, was granted something, or a policy is for it.
    pub(super) fn drop_role(&self, drop: &Drop) -> Result<(), Failure> {
        let role: Arc<str> = quote_identifier(&drop.name.name).into_owned().into();
        let Some(because) = self.use_of(&role).filter(|_| !self.is_uncertain()) else {
            return Ok(());
        };
        let name = &drop.name.name;
        let message =
            format!("role \"{name}\" cannot be dropped because some objects depend on it");
        Err(Failure::new("2BP01", message, because))
    }

    /// Returns the statement because of which a role is needed.
    fn use_of(&self, role: &Arc<str>) -> Option<Because> {
        let holds = |privileges: &crate::catalog::access::Privileges| {
            let mut all = privileges.iter();
            all.any(|((holder, _), how)| holder == role && *how != Privilege::Revoked)
        };
        let of_object = self.access.iter().find(|(thing, access)| {
            self.is_there(thing)
                && (access.owner.as_ref() == Some(role) || holds(&access.privileges))
        });
        let of_policy = || {
            let mut policies = self.relations().flat_map(|table| &table.extra().policies);
            policies.find(|policy| policy.roles.contains(role)).map(|policy| policy.created)
        };
        let mut defaults = self.default_privileges();
        let has_default = defaults.any(|(key, all)| key.role.as_ref() == Some(role) || holds(all));
        let since = of_object.map(|(_, access)| access.changed).or_else(of_policy);
        since.map(Because::Made).or(has_default.then_some(Because::Always))
    }

    fn is_there(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Known((id, _)) => match id.class {
                Class::Relation => self.by_id(*id).is_some_and(|relation| !relation.temporary),
                _ => self.name_of(*id).is_some(),
            },
            Thing::Named(..) => true,
        }
    }
}

const DEPENDED_ON: &str = "cannot drop desired object(s) because other objects depend on them";
