//! What foreign servers, foreign tables and indexes need of extensions.

use crate::catalog::depend::{Address, Part, Strength};
use crate::catalog::object::{Index, ObjectId, Relation, RelationKind};
use crate::catalog::{Because, Catalog, Env, Failure, builtin};
use crate::sql::{Create, Detail, Expression, ObjectKind};

/// The foreign data wrappers of PostgreSQL's distribution that only read.
///
/// Source: `file_fdw_handler`, which has no routines to write rows or to empty a table; measured.
const ONLY_READ: [&str; 1] = ["file_fdw"];

impl Catalog {
    /// Notes that a foreign server needs its wrapper, and a user mapping its server.
    pub(super) fn needs_of_foreign(&mut self, id: ObjectId, create: &Create, env: &Env) {
        let on = match (&create.detail, create.kind) {
            (Detail::Server(wrapper), _) => self
                .other(ObjectKind::ForeignDataWrapper, "", wrapper)
                .or_else(|| self.extension_with("foreign data wrapper", wrapper, env)),
            (_, ObjectKind::UserMapping) => self.other(ObjectKind::Server, "", &create.name.name),
            _ => None,
        };
        if let Some(on) = on {
            self.depend((id, Part::Whole), (on, Part::Whole), Strength::Normal);
        }
    }

    /// Notes that a table needs its access method, where a statement made that.
    pub(super) fn needs_access_method(&mut self, table: ObjectId, method: Option<&str>) {
        let made = method.and_then(|name| self.other(ObjectKind::AccessMethod, "", name));
        if let Some(made) = made {
            self.depend((table, Part::Whole), (made, Part::Whole), Strength::Normal);
        }
    }

    /// Notes that a foreign table needs its server.
    pub(super) fn needs_server(&mut self, table: ObjectId, server: Option<&str>) {
        if let Some(server) = server.and_then(|name| self.other(ObjectKind::Server, "", name)) {
            self.depend((table, Part::Whole), (server, Part::Whole), Strength::Normal);
        }
    }

    /// Returns the installed extensions of which something is known.
    fn installed(&self) -> impl Iterator<Item = (ObjectId, &'static builtin::Extension)> {
        let all = self.others().filter(|other| other.kind == ObjectKind::Extension);
        all.filter_map(|other| Some((other.id, builtin::extension(&other.name.name)?)))
    }

    /// Returns the installed extension that brings an object of the rarer kinds.
    fn extension_with(&self, kind: &str, name: &str, env: &Env) -> Option<ObjectId> {
        let mut installed = self.installed();
        let brings = |extension: &builtin::Extension| {
            extension.others(env.version).any(|other| other.kind == kind && other.name == name)
        };
        installed.find(|(_, extension)| brings(extension)).map(|(id, _)| id)
    }

    /// Notes the extensions whose functions an expression calls.
    pub(super) fn needs_extensions(
        &mut self,
        address: Address,
        expression: &Expression,
        env: &Env,
    ) {
        let mut needed = Vec::new();
        for call in expression.tree.calls() {
            let name = &call.name;
            let is_builtin = builtin::functions_named(&name.name, env.version).next().is_some();
            if is_builtin || !self.functions_of(name, None, env).is_empty() {
                continue;
            }
            let brings = |extension: &builtin::Extension| {
                extension.functions_named(&name.name, env.version).next().is_some()
            };
            let brought = self.installed().filter(|(_, extension)| brings(extension));
            needed.extend(brought.map(|(id, _)| id));
        }
        for extension in needed {
            self.depend(address, (extension, Part::Whole), Strength::Normal);
        }
    }

    /// Returns the installed extensions whose access method or operator classes an index uses.
    pub(super) fn extensions_of_index(
        &self,
        table: ObjectId,
        index: &Index,
        env: &Env,
    ) -> Vec<ObjectId> {
        let named = &index.detail().operator_classes;
        if *index.method == *"btree" && named.is_empty() {
            return Vec::new();
        }
        let types = self.key_types(table, index, env);
        let uses = |extension: &builtin::Extension| {
            let mut methods = extension.access_methods(env.version);
            methods.any(|method| *method.name == *index.method)
                || extension.operator_classes(env.version).any(|class| {
                    *class.method == *index.method
                        && (named.iter().any(|(_, name)| *name.name == *class.name)
                            || class.is_default && types.contains(&class.input))
                })
        };
        self.installed().filter(|(_, extension)| uses(extension)).map(|(id, _)| id).collect()
    }

    /// Returns the built-in types of the keys for which no operator class is named and PostgreSQL itself
    /// has none.
    fn key_types(&self, table: ObjectId, index: &Index, env: &Env) -> Vec<&'static str> {
        let Some(table) = self.by_id(table) else { return Vec::new() };
        let is_named = |at: usize| index.detail().operator_classes.iter().any(|(of, _)| *of == at);
        let keys = index.columns.iter().enumerate().filter(|(at, _)| !is_named(*at));
        let types = keys.filter_map(|(_, key)| {
            let column = table.column(key.as_deref()?)?;
            self.builtin_base((&column.type_name, column.type_id), env)
        });
        types
            .filter(|of| !builtin::has_default_operator_class(of, &index.method, env.version))
            .collect()
    }

    /// Refuses to write rows of a foreign table whose wrapper only reads.
    pub(super) fn refuse_foreign_write(&self, table: &Relation, what: &str) -> Result<(), Failure> {
        if table.kind != RelationKind::ForeignTable || table.external {
            return Ok(());
        }
        let servers = self.needs_of(table.id).into_iter();
        let mut wrappers = servers.flat_map(|(server, _)| self.needs_of(server));
        let only_reads = wrappers.any(|(wrapper, _)| {
            self.name_of(wrapper).is_some_and(|name| ONLY_READ.contains(&&*name.name))
        });
        if !only_reads {
            return Ok(());
        }
        let message = format!("cannot {what} foreign table \"{}\"", table.name.name);
        Err(Failure::new("0A000", message, Because::Made(table.created)))
    }
}
