//! Owners, privileges and comments of a schema: read from the catalog, and written as SQL.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::model::{Reader, Schema};
use crate::catalog::{Accessed, ObjectId, Privilege, Privileges};
use crate::sql::tree::quote_identifier;

/// Who owns an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Owner {
    /// What it is.
    #[serde(flatten)]
    pub of: Named,
    /// The role.
    pub role: String,
}

/// What a role may do with an object, or may not although objects of its kind are made so.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grant {
    /// What it is.
    #[serde(flatten)]
    pub of: Named,
    /// The role; `public` is everybody.
    pub role: String,
    /// The privileges.
    pub privileges: Vec<String>,
    /// Whether the role may grant them to others.
    pub grantable: bool,
    /// Whether they are taken away.
    pub revoked: bool,
}

/// A comment on an object.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comment {
    /// What it is.
    #[serde(flatten)]
    pub of: Named,
    /// What it says.
    pub text: String,
}

/// An object, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Named {
    /// What it is: `table`, `materialized view`, `column`, `function`, ...
    pub kind: &'static str,
    /// Its name; a part is behind that of its relation.
    pub name: String,
    /// Which object it is, whatever its name.
    #[serde(skip)]
    pub id: Option<ObjectId>,
    /// Its name in SQL; for a part, that of its relation.
    #[serde(skip)]
    pub sql: String,
    /// For a part: its own name in SQL.
    #[serde(skip)]
    pub part: Option<String>,
}

/// What new objects get.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DefaultPrivilege {
    /// The role that makes the objects; nothing for the one that runs the migrations.
    pub made_by: Option<String>,
    /// The schema; nothing for all.
    pub schema: Option<String>,
    /// `tables`, `sequences`, `functions`, `types` or `schemas`.
    pub objects: &'static str,
    /// The role that gets them.
    pub role: String,
    /// The privileges.
    pub privileges: Vec<String>,
    /// Whether the role may grant them to others.
    pub grantable: bool,
    /// Whether they are taken away.
    pub revoked: bool,
}

/// A role that is a member of another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Membership {
    /// The role that is given.
    pub role: String,
    /// The role that has it.
    pub member: String,
}

/// Who may do what, and what comments say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Access {
    /// The owners that statements name.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<Owner>,
    /// The privileges on objects.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// The privileges on objects to come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_privileges: Vec<DefaultPrivilege>,
    /// The members of roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub memberships: Vec<Membership>,
    /// The comments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub comments: Vec<Comment>,
}

impl Reader<'_> {
    pub(super) fn access(&self) -> Access {
        let mut all = Access::default();
        for accessed in self.catalog.accesses(|id| id.is_none_or(|id| self.is_wanted(id))) {
            let of = self.named(&accessed);
            let access = accessed.access;
            // The sequence of a column goes with its table.
            let relation = accessed.id.and_then(|id| self.catalog.by_id(id));
            let sequence = relation.and_then(|relation| relation.extra().sequence.as_ref());
            let is_owned = sequence.is_some_and(|sequence| sequence.owned_by.is_some());
            if let Some(role) = access.owner.as_ref().filter(|_| !is_owned) {
                all.owners.push(Owner { of: of.clone(), role: role.to_string() });
            }
            for (role, state, privileges) in grouped(&access.privileges) {
                all.grants.push(Grant {
                    of: of.clone(),
                    role,
                    privileges,
                    grantable: state == Privilege::WithOption,
                    revoked: state == Privilege::Revoked,
                });
            }
            if let Some(text) = &access.comment {
                all.comments.push(Comment { of, text: text.to_string() });
            }
        }
        all.owners.sort_by(|a, b| a.of.cmp(&b.of));
        all.grants.sort_by(|a, b| (&a.of, &a.role).cmp(&(&b.of, &b.role)));
        all.comments.sort_by(|a, b| a.of.cmp(&b.of));
        for (key, privileges) in self.catalog.default_privileges() {
            for (role, state, privileges) in grouped(privileges) {
                all.default_privileges.push(DefaultPrivilege {
                    made_by: key.role.as_ref().map(ToString::to_string),
                    schema: key.schema.as_ref().map(ToString::to_string),
                    objects: key.objects,
                    role,
                    privileges,
                    grantable: state == Privilege::WithOption,
                    revoked: state == Privilege::Revoked,
                });
            }
        }
        let memberships = self.catalog.memberships();
        let membership = |(role, member): (&std::sync::Arc<str>, &std::sync::Arc<str>)| {
            Membership { role: role.to_string(), member: member.to_string() }
        };
        all.memberships = memberships.map(membership).collect();
        all
    }

    fn named(&self, accessed: &Accessed<'_>) -> Named {
        let name = &accessed.name;
        let quoted = match &*name.schema {
            "" => quote_identifier(&name.name).into_owned(),
            schema => format!("{}.{}", quote_identifier(schema), quote_identifier(&name.name)),
        };
        let plain = match &*name.schema {
            "" => name.name.to_string(),
            _ => name.to_string(),
        };
        let arguments = accessed.id.and_then(|id| self.catalog.function_by_id(id));
        let arguments = arguments.map(|function| {
            let types = function.inputs().map(|(a, id)| self.signature_type(&a.type_name, *id));
            format!("({})", types.collect::<Vec<_>>().join(", "))
        });
        let arguments = arguments.unwrap_or_default();
        let part = accessed.part.as_deref();
        Named {
            kind: accessed.kind,
            name: format!("{plain}{arguments}{}", part.map_or(String::new(), |p| format!(".{p}"))),
            id: accessed.id,
            sql: format!("{quoted}{arguments}"),
            part: part.map(|part| quote_identifier(part).into_owned()),
        }
    }
}

/// Returns what each role has, privileges of one state together.
fn grouped(privileges: &Privileges) -> Vec<(String, Privilege, Vec<String>)> {
    let mut groups: Vec<(String, Privilege, Vec<String>)> = Vec::new();
    for ((role, privilege), state) in privileges {
        let same = groups.iter_mut().find(|(of, is, _)| **of == **role && is == state);
        match same {
            Some((_, _, all)) => all.push(privilege.to_string()),
            None => groups.push((role.to_string(), *state, vec![privilege.to_string()])),
        }
    }
    groups
}

/// Returns the statements that make the roles that a schema names, if they are missing.
pub(super) fn roles(schema: &Schema) -> Vec<String> {
    let access = &schema.access;
    let mut roles: BTreeSet<&str> = BTreeSet::new();
    roles.extend(access.owners.iter().map(|owner| owner.role.as_str()));
    roles.extend(access.grants.iter().map(|grant| grant.role.as_str()));
    for default in &access.default_privileges {
        roles.insert(&default.role);
        roles.extend(default.made_by.as_deref());
    }
    for membership in &access.memberships {
        roles.extend([membership.role.as_str(), membership.member.as_str()]);
    }
    let policies = schema.tables.iter().flat_map(|table| &table.policies);
    roles.extend(policies.flat_map(|policy| &policy.roles).map(String::as_str));
    let is_made = |role: &&str| {
        let is_keyword =
            matches!(*role, "public" | "current_user" | "current_role" | "session_user");
        !is_keyword && !role.trim_start_matches('"').starts_with("pg_")
    };
    let make = |role: &str| {
        format!(
            "do $$ begin create role {role}; exception when duplicate_object then null; end $$;"
        )
    };
    roles.into_iter().filter(is_made).map(make).collect()
}

/// Returns the statements that give a schema its comments, owners and privileges.
pub(super) fn statements(access: &Access) -> Vec<String> {
    let mut all = Vec::new();
    for Comment { of, text } in &access.comments {
        let text = text.replace('\'', "''");
        let on = match &of.part {
            Some(part) if of.kind == "column" => format!("column {}.{part}", of.sql),
            Some(part) => format!("{} {part} on {}", of.kind, of.sql),
            None => format!("{} {}", spelled(of.kind), of.sql),
        };
        all.push(format!("comment on {on} is '{text}';"));
    }
    for Owner { of, role } in &access.owners {
        all.push(format!("alter {} {} owner to {role};", spelled(of.kind), of.sql));
    }
    for grant in &access.grants {
        let Grant { of, role, privileges, grantable, revoked } = grant;
        let privileges = match &of.part {
            Some(column) => {
                let limited: Vec<String> =
                    privileges.iter().map(|privilege| format!("{privilege} ({column})")).collect();
                limited.join(", ")
            }
            None => privileges.join(", "),
        };
        let kind = match of.kind {
            "table" | "view" | "materialized view" | "foreign table" | "column" => "table",
            "aggregate" => "function",
            "server" => "foreign server",
            "foreign-data wrapper" => "foreign data wrapper",
            kind => kind,
        };
        all.push(granted(&privileges, &format!("{kind} {}", of.sql), role, *grantable, *revoked));
    }
    for Membership { role, member } in &access.memberships {
        all.push(format!("grant {role} to {member};"));
    }
    for default in &access.default_privileges {
        let mut sql = "alter default privileges".to_owned();
        if let Some(role) = &default.made_by {
            sql.push_str(&format!(" for role {role}"));
        }
        if let Some(schema) = &default.schema {
            sql.push_str(&format!(" in schema {}", quote_identifier(schema)));
        }
        let privileges = default.privileges.join(", ");
        let DefaultPrivilege { objects, role, grantable, revoked, .. } = default;
        all.push(format!("{sql} {}", granted(&privileges, objects, role, *grantable, *revoked)));
    }
    all
}

fn granted(privileges: &str, on: &str, role: &str, grantable: bool, revoked: bool) -> String {
    let option = if grantable { " with grant option" } else { "" };
    match revoked {
        true => format!("revoke {privileges} on {on} from {role};"),
        false => format!("grant {privileges} on {on} to {role}{option};"),
    }
}

fn spelled(kind: &str) -> &str {
    match kind {
        "statistics object" => "statistics",
        "foreign-data wrapper" => "foreign data wrapper",
        kind => kind,
    }
}

/// Returns one line for each fact, by the object that it is about, for comparing two schemas.
pub(super) fn facts(access: &Access) -> BTreeMap<(Option<ObjectId>, String), Facts> {
    let mut all: BTreeMap<(Option<ObjectId>, String), Facts> = BTreeMap::new();
    let mut add = |of: &Named, what: &'static str, fact: String| {
        // A part of a renamed relation is still the same part.
        let part = of.part.clone().unwrap_or_else(|| match of.id {
            Some(_) => String::new(),
            None => of.name.clone(),
        });
        let found = all.entry((of.id, format!("{} {part}", of.kind))).or_insert_with(|| Facts {
            name: format!("{} {}", of.kind, of.name),
            facts: BTreeMap::new(),
        });
        let before = found.facts.entry(what).or_default();
        if !before.is_empty() {
            before.push_str("; ");
        }
        before.push_str(&fact);
    };
    for Owner { of, role } in &access.owners {
        add(of, "owner", role.clone());
    }
    for Comment { of, text } in &access.comments {
        add(of, "comment", text.clone());
    }
    for grant in &access.grants {
        let privileges = grant.privileges.join(", ");
        let fact = match (grant.revoked, grant.grantable) {
            (true, _) => format!("{}: not {privileges}", grant.role),
            (false, true) => format!("{}: {privileges} with grant option", grant.role),
            (false, false) => format!("{}: {privileges}", grant.role),
        };
        add(&grant.of, "privileges", fact);
    }
    all
}

/// What is known about the access to one object.
pub(super) struct Facts {
    /// The object.
    pub(super) name: String,
    /// What is known.
    pub(super) facts: BTreeMap<&'static str, String>,
}
