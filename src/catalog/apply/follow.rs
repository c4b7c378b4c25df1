//! Names inside expressions and queries follow what they stand for.
//!
//! The server keeps numbers in them and prints names; here the trees get the new names.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::catalog::analyse::Records;
use crate::catalog::depend::Part;
use crate::catalog::lookup::is_builtin;
use crate::catalog::object::{Class, ObjectId, Relation, TypeKind, ViewQuery};
use crate::catalog::{Catalog, Env, QualifiedName, SearchPath};
use crate::sql::lex::lexemes;
use crate::sql::tree::{Alias, ColumnRef, Expr, Name, Query, Target, Visit, quote_identifier};
use crate::sql::{Expression, RelationName};

/// What is about to get another name.
pub(super) enum Renamed<'a> {
    /// A column of a relation, by its number.
    Column { of: ObjectId, number: u16, from: &'a str, to: &'a Arc<str> },
    /// Anything else.
    Object { id: ObjectId, from: &'a QualifiedName, to: &'a QualifiedName },
}

/// The names that an expression of a table is written with.
#[derive(Clone, Copy)]
enum Around<'a> {
    /// Its columns alone, and its own name.
    Table(ObjectId),
    /// `old` and `new`.
    Trigger(ObjectId),
    /// Any relation beside the columns of its own table.
    Policy(ObjectId, &'a SearchPath),
    /// No columns.
    Nothing,
}

impl Catalog {
    /// Puts the new name into every expression and query that uses what is about to be renamed.
    pub(super) fn follow(&mut self, renamed: &Renamed<'_>, env: &Env) {
        for user in self.users_of(renamed) {
            match user.class {
                Class::Relation => self.follow_in_relation(user, renamed, env),
                Class::Type => self.follow_in_domain(user, renamed, env),
                Class::Function | Class::Other => {}
            }
        }
    }

    /// Returns the relations and types in whose expressions a name may stand.
    fn users_of(&self, renamed: &Renamed<'_>) -> BTreeSet<ObjectId> {
        let mut users: BTreeSet<ObjectId> = BTreeSet::new();
        match renamed {
            Renamed::Column { of, number, .. } => {
                users.insert(*of);
                let needing = self.dependents_of((*of, Part::Column(*number)));
                users.extend(needing.map(|((user, _), _)| user));
            }
            Renamed::Object { id, .. } => {
                users.insert(*id);
                users.extend(self.dependents_of((*id, Part::Whole)).map(|((user, _), _)| user));
                for column in self.by_id(*id).into_iter().flat_map(|relation| &relation.columns) {
                    let needing = self.dependents_of((*id, Part::Column(column.number)));
                    users.extend(needing.map(|((user, _), _)| user));
                }
            }
        }
        // The table knows what its index is made of.
        let tables: Vec<ObjectId> = users
            .iter()
            .filter_map(|id| self.by_id(*id))
            .filter(|relation| relation.is_index())
            .flat_map(|index| index.uses.iter().copied())
            .collect();
        users.extend(tables);
        users
    }

    fn follow_in_relation(&mut self, id: ObjectId, renamed: &Renamed<'_>, env: &Env) {
        let Some(relation) = self.by_id(id) else { return };
        if !has_expressions(relation) {
            return;
        }
        let mut changed = relation.clone();
        let own = Around::Table(id);
        let in_shared = |expression: &mut Arc<Expression>, around| {
            if let Some(new) = self.renamed(expression, around, renamed, env) {
                *expression = Arc::new(new);
                return true;
            }
            false
        };
        let mut is_changed = false;
        for default in changed.columns.iter_mut().filter_map(|column| column.default.as_mut()) {
            is_changed |= in_shared(default, own);
        }
        for check in changed.constraints.iter_mut().filter_map(|c| c.expression.as_mut()) {
            is_changed |= in_shared(check, own);
        }
        for detail in changed.indexes.iter_mut().filter_map(|index| index.detail.as_mut()) {
            let mut copy = (**detail).clone();
            let expressions = copy.expressions.iter_mut().map(|(_, expression)| expression);
            let mut is_other = false;
            for expression in expressions.chain(&mut copy.predicate) {
                if let Some(new) = self.renamed(expression, own, renamed, env) {
                    *expression = new;
                    is_other = true;
                }
            }
            if is_other {
                *detail = Arc::new(copy);
                is_changed = true;
            }
        }
        if let Some(extra) = &mut changed.extra {
            for expression in extra.partition_by.iter_mut().flat_map(|key| &mut key.expressions) {
                if let Some(new) = self.renamed(expression, own, renamed, env) {
                    *expression = new;
                    is_changed = true;
                }
            }
            for trigger in &mut extra.triggers {
                if let Some(when) = &mut trigger.when
                    && in_shared(when, Around::Trigger(id))
                {
                    trigger.is_renamed = true;
                    is_changed = true;
                }
            }
            for policy in &mut extra.policies {
                let path = policy.path.clone();
                for expression in policy.using.iter_mut().chain(&mut policy.check) {
                    let around = Around::Policy(id, &path);
                    if let Some(new) = self.renamed(expression, around, renamed, env) {
                        *expression = Arc::new(new);
                        is_changed = true;
                    }
                }
            }
        }
        if let Some(query) = &changed.query
            && let Some(new) = self.renamed_query(query, renamed, env)
        {
            changed.query = Some(Arc::new(new));
            is_changed = true;
        }
        if is_changed {
            self.relations.insert(id, Arc::new(changed));
        }
    }

    fn follow_in_domain(&mut self, id: ObjectId, renamed: &Renamed<'_>, env: &Env) {
        let Some(found) = self.type_by_id(id) else { return };
        let TypeKind::Domain(domain) = &found.kind else { return };
        let mut changed = domain.clone();
        let checks = changed.checks.iter_mut().filter_map(|(_, check, _)| check.as_mut());
        let mut is_changed = false;
        for expression in checks.chain(&mut changed.default) {
            if let Some(new) = self.renamed(expression, Around::Nothing, renamed, env) {
                *expression = Arc::new(new);
                is_changed = true;
            }
        }
        if is_changed {
            self.change_type(id, |found| found.kind = TypeKind::Domain(changed));
        }
    }

    /// Returns an expression with the new name, if it has the old one.
    fn renamed(
        &self,
        expression: &Expression,
        around: Around<'_>,
        renamed: &Renamed<'_>,
        env: &Env,
    ) -> Option<Expression> {
        if matches!(expression.tree, Expr::Null | Expr::Bool(_) | Expr::Integer(_)) {
            return None;
        }
        let mut copy = expression.clone();
        let (table, names, path): (_, &[&str], _) = match around {
            Around::Table(table) => (Some(table), &[], &env.path),
            Around::Trigger(table) => (Some(table), &["old", "new"], &env.path),
            Around::Policy(table, path) => (Some(table), &[], path),
            Around::Nothing => (None, &[], &env.path),
        };
        let env = Env { path: path.clone(), ..env.clone() };
        let records = self.records_of_expression(table, names, &copy.tree, &env);
        // A query inside a policy may read the table of the policy too.
        let is_shadowed = |table: &ObjectId| {
            let mut relations = copy.tree.relations().into_iter();
            relations.any(|name| self.find_if_exists(name, &env) == Some(*table))
        };
        let own = table.filter(|table| !is_shadowed(table));
        let mut follower = Follower::new(self, records, renamed, own, &env);
        copy.tree.rename(&mut |name| follower.name(name));
        (follower.changes > 0 && !follower.has_lost).then_some(copy)
    }

    fn renamed_query(
        &self,
        view: &ViewQuery,
        renamed: &Renamed<'_>,
        env: &Env,
    ) -> Option<ViewQuery> {
        let mut copy = Query::clone(view.query.as_ref()?);
        let env = Env { path: view.path.clone(), ..env.clone() };
        let records = self.records_of_query(&copy, &env);
        let keeps_alias = needs_alias(&copy, &records, renamed);
        let mut follower = Follower::new(self, records, renamed, None, &env);
        follower.keeps_alias = keeps_alias;
        copy.rename(&mut |name| follower.name(name));
        if follower.changes == 0 && !follower.has_lost {
            return None;
        }
        let query = (!follower.has_lost).then(|| Arc::new(copy));
        Some(ViewQuery { query, is_renamed: true, ..view.clone() })
    }

    /// Returns what the catalog keeps of the query of a view: its stars stand for the columns of now.
    pub(super) fn query_of_view(&self, query: &Arc<Query>, env: &Env) -> Arc<ViewQuery> {
        Arc::new(ViewQuery {
            spelled: query.clone(),
            query: self.without_stars(query, env),
            is_renamed: false,
            path: env.path.clone(),
        })
    }

    fn without_stars(&self, query: &Arc<Query>, env: &Env) -> Option<Arc<Query>> {
        let mut has_star = false;
        query.walk(&mut |name| has_star |= matches!(name, Visit::Star(_)));
        if !has_star {
            return Some(query.clone());
        }
        let mut copy = Query::clone(query);
        let records = self.records_of_query(&copy, env);
        let mut has_lost = records.has_lost;
        copy.rename(&mut |name| {
            if let Name::Star(target, columns) = name {
                let found = records.star(target);
                has_lost |= found.is_none();
                *columns = found.map(|all| {
                    let column = |found: &crate::catalog::analyse::Starred| {
                        let qualifier = found.item.iter().cloned().collect();
                        let value = Expr::Column(ColumnRef { qualifier, name: found.name.clone() });
                        Target { value, alias: None }
                    };
                    all.iter().map(column).collect()
                });
            }
        });
        (!has_lost).then(|| Arc::new(copy))
    }

    /// Returns the query of a view under the names of now, if the one that its statement spells means
    /// something else by now.
    pub fn query_under_new_names(&self, view: &Relation, env: &Env) -> Option<Arc<Query>> {
        let query = view.query.as_ref()?;
        let now = query.query.as_ref()?;
        if query.is_renamed {
            return Some(now.clone());
        }
        if Arc::ptr_eq(now, &query.spelled) {
            return None;
        }
        let env = Env { path: query.path.clone(), ..env.clone() };
        let spelled = self.without_stars(&query.spelled, &env);
        (spelled.as_ref() != Some(now)).then(|| now.clone())
    }
}

/// Returns whether a query must know a relation that gets another name by its old one: the new name
/// stands for something else there, or it is not certain what the old one stands for everywhere.
fn needs_alias(query: &Query, records: &Records, renamed: &Renamed<'_>) -> bool {
    let Renamed::Object { id, from, to } = renamed else { return false };
    let mut is_unsure = false;
    query.walk(&mut |name| match name {
        Visit::Column(column) => {
            let is_named = column.qualifier.last() == Some(&from.name);
            let sources = records.column(column).unwrap_or_default();
            let is_it = sources.iter().any(|(source, _)| source == id);
            is_unsure |=
                is_named && !is_it || column.qualifier.is_empty() && column.name == from.name;
        }
        Visit::Star(qualifier) => is_unsure |= qualifier.last() == Some(&from.name),
        _ => {}
    });
    let text = query.to_string();
    let is_taken = lexemes(&text).any(|lexeme| lexeme.name().as_deref() == Some(&*to.name));
    is_unsure || is_taken && from.name != to.name
}

fn has_expressions(relation: &Relation) -> bool {
    let extra = relation.extra();
    relation.query.is_some()
        || relation.columns.iter().any(|column| column.default.is_some())
        || relation.constraints.iter().any(|constraint| constraint.expression.is_some())
        || relation.indexes.iter().any(|index| index.detail.is_some())
        || extra.partition_by.is_some()
        || !extra.triggers.is_empty()
        || !extra.policies.is_empty()
}

/// Puts one new name into a tree.
struct Follower<'c> {
    catalog: &'c Catalog,
    records: Records,
    renamed: &'c Renamed<'c>,
    /// The table whose columns need no qualifier, where nothing else can be meant.
    own: Option<ObjectId>,
    env: &'c Env,
    changes: usize,
    /// Whether the tree has no place for the new name.
    has_lost: bool,
    /// Whether a relation that gets another name keeps the old one as alias.
    keeps_alias: bool,
}

impl<'c> Follower<'c> {
    fn new(
        catalog: &'c Catalog,
        records: Records,
        renamed: &'c Renamed<'c>,
        own: Option<ObjectId>,
        env: &'c Env,
    ) -> Self {
        Self { catalog, records, renamed, own, env, changes: 0, has_lost: false, keeps_alias: true }
    }

    fn name(&mut self, name: Name<'_>) {
        match (self.renamed, name) {
            (Renamed::Column { of, number, from, to }, Name::Column(column)) => {
                if *column.name == **from && self.is_column(column, *of, *number) {
                    column.name = (*to).clone();
                    self.changes += 1;
                }
            }
            (Renamed::Column { from, .. }, Name::Using(names)) => {
                self.has_lost |=
                    names.is_none_or(|names| names.iter().any(|name| **name == **from));
            }
            (Renamed::Object { id, from, to }, Name::Column(column)) => {
                self.qualifier(column, *id, from, to);
            }
            (Renamed::Object { id, .. }, Name::Call(call)) => {
                let is_it = id.class == Class::Function
                    && !call.special
                    && self.records.may_call(call, *id);
                if is_it {
                    self.relation_name(&mut call.name);
                }
            }
            (Renamed::Object { id, from, to }, Name::Type(name)) => {
                let is_class = matches!(id.class, Class::Type | Class::Relation);
                if !is_class || name.of_column || is_builtin(name, self.env) {
                    return;
                }
                let is_array = name.name.strip_prefix('_') == Some(&*from.name);
                let is_name = name.name == from.name || is_array;
                if is_name && name.schema.as_ref().is_none_or(|schema| *schema == from.schema) {
                    let name = Arc::make_mut(name);
                    name.dimensions = name.dimensions.max(usize::from(is_array));
                    name.schema = self.schema(name.schema.as_ref());
                    name.name = to.name.clone();
                    self.changes += 1;
                }
            }
            (Renamed::Object { id, from, .. }, Name::Relation(source)) => {
                if self.catalog.find_if_exists(&source.name, self.env) == Some(*id) {
                    self.relation_name(&mut source.name);
                    if self.keeps_alias && source.alias.is_none() && source.name.name != from.name {
                        let name = from.name.clone();
                        source.alias = Some(Alias { name, columns: Box::default() });
                    }
                }
            }
            (Renamed::Object { id, .. }, Name::RelationText(text)) => {
                let mut name = RelationName::of_text(text);
                let found = self.catalog.find_if_exists(&name, self.env);
                if id.class == Class::Relation && found.is_none_or(|found| found == *id) {
                    let before = self.changes;
                    self.relation_name(&mut name);
                    if self.changes > before {
                        let schema = name.schema.iter().map(|schema| quote_identifier(schema));
                        let parts: Vec<_> = schema.chain([quote_identifier(&name.name)]).collect();
                        *text = parts.join(".").into();
                    }
                }
            }
            (Renamed::Object { id, .. }, Name::Collation(name)) => {
                if id.class == Class::Other {
                    self.relation_name(name);
                }
            }
            (Renamed::Object { .. }, Name::Using(_)) | (_, Name::Star(..)) => {}
            (
                Renamed::Column { .. },
                Name::Call(_)
                | Name::Type(_)
                | Name::Relation(_)
                | Name::RelationText(_)
                | Name::Collation(_),
            ) => {}
        }
    }

    fn is_column(&self, column: &ColumnRef, of: ObjectId, number: u16) -> bool {
        if let Some(sources) = self.records.column(column) {
            return sources.contains(&(of, Part::Column(number)));
        }
        let name = self.own.filter(|own| *own == of).and_then(|own| self.catalog.name_of(own));
        let Some(name) = name else { return false };
        match &*column.qualifier {
            [] => true,
            [table] => *table == name.name || matches!(&**table, "old" | "new"),
            [schema, table] => *table == name.name && *schema == name.schema,
            _ => false,
        }
    }

    /// Puts a new name before a column of a relation. Where a query keeps the old name as alias, no
    /// schema can stand before it.
    fn qualifier(
        &mut self,
        column: &mut ColumnRef,
        id: ObjectId,
        from: &QualifiedName,
        to: &QualifiedName,
    ) {
        let is_own = self.own == Some(id) || !self.keeps_alias;
        let is_read = || {
            let sources = self.records.column(column).unwrap_or_default();
            self.own == Some(id) || sources.iter().any(|(source, _)| *source == id)
        };
        let is_it = match &*column.qualifier {
            [table] => is_own && *table == from.name && is_read(),
            [schema, table] => *table == from.name && *schema == from.schema,
            _ => false,
        };
        if is_it && id.class == Class::Relation {
            let name = if is_own { &to.name } else { &from.name };
            column.qualifier = [name.clone()].into();
            self.changes += 1;
        }
    }

    /// Puts the new name in place of the old one.
    fn relation_name(&mut self, name: &mut RelationName) {
        let Renamed::Object { from, to, .. } = self.renamed else { return };
        let is_schema = name.schema.as_ref().is_none_or(|schema| *schema == from.schema);
        if name.name == from.name && is_schema {
            name.schema = self.schema(name.schema.as_ref());
            name.name = to.name.clone();
            self.changes += 1;
        }
    }

    /// Returns the schema that is spelled out for the new name.
    fn schema(&self, spelled: Option<&Arc<str>>) -> Option<Arc<str>> {
        let Renamed::Object { from, to, .. } = self.renamed else { return None };
        let is_spelled = spelled.is_some() || from.schema != to.schema;
        is_spelled.then(|| to.schema.clone())
    }
}
