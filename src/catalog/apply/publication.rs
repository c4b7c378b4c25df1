//! The tables of publications.
//!
//! Source: `AlterPublicationTables` of the server's `publicationcmds.c`.

use std::sync::Arc;

use crate::catalog::object::{ObjectId, Relation};
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{MemberChange, ObjectKind, RelationName};

impl Catalog {
    /// Returns the tables that a publication names.
    pub fn published(&self, name: &str) -> Vec<ObjectId> {
        let found = self.other(ObjectKind::Publication, "", name);
        found.and_then(|id| self.others.get(&id)).map_or_else(Vec::new, |p| p.members.clone())
    }

    pub(super) fn set_members(&mut self, id: ObjectId, members: &[ObjectId]) {
        if let Some(publication) = self.others.get_mut(&id) {
            Arc::make_mut(publication).members = members.to_vec();
        }
    }

    pub(super) fn change_publication(
        &mut self,
        name: &RelationName,
        how: MemberChange,
        tables: &[RelationName],
        env: &Env,
    ) -> Result<(), Failure> {
        let mut named = Vec::new();
        for table in tables {
            named.extend(self.find(table, env)?);
        }
        if how != MemberChange::Drop {
            for table in named.iter().filter_map(|id| self.by_id(*id)).filter(|t| !t.external) {
                super::maintenance::refuse_published(table, env)?;
            }
        }
        let Some(id) = self.other(ObjectKind::Publication, "", &name.name) else { return Ok(()) };
        let mut members = self.published(&name.name);
        self.refuse_members(id, how, &named)?;
        match how {
            MemberChange::Set => members = named,
            MemberChange::Add => members.extend(named),
            MemberChange::Drop => members.retain(|member| !named.contains(member)),
        }
        self.set_members(id, &members);
        Ok(())
    }

    /// Refuses to add a table twice, or to drop one that is not there.
    fn refuse_members(
        &self,
        id: ObjectId,
        how: MemberChange,
        named: &[ObjectId],
    ) -> Result<(), Failure> {
        let Some(publication) = self.others.get(&id) else { return Ok(()) };
        let shown = &publication.name.name;
        for table in named.iter().filter_map(|table| self.by_id(*table)) {
            let is_member = publication.members.contains(&table.id);
            let because = Because::Made(publication.created);
            let table = &table.name.name;
            match how {
                MemberChange::Add if is_member => {
                    let message = format!(
                        "relation \"{table}\" is already member of publication \"{shown}\""
                    );
                    return Err(Failure::new("42710", message, because));
                }
                MemberChange::Drop if !is_member => {
                    let message = format!("relation \"{table}\" is not part of the publication");
                    return Err(Failure::new("42704", message, because));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Refuses to make a table unlogged that a publication names.
    pub(super) fn refuse_published_unlogged(&self, table: &Relation) -> Result<(), Failure> {
        let mut publications = self.others().filter(|o| o.kind == ObjectKind::Publication);
        let Some(publication) = publications.find(|p| p.members.contains(&table.id)) else {
            return Ok(());
        };
        let message = format!(
            "cannot change table \"{}\" to unlogged because it is part of a publication",
            table.name.name
        );
        Err(Failure::new("55000", message, Because::Made(publication.created)))
    }
}
