//! Views, sequences, functions, triggers, policies, schemas, extensions, and the kinds of which little
//! more than the name is followed.

use std::sync::Arc;

use crate::catalog::depend::{Part, Strength};
use crate::catalog::object::{Class, Function, ObjectId, Other, Relation, RelationKind, TypeKind};
use crate::catalog::{
    Because, Catalog, Env, Failure, QualifiedName, Sequence, builtin, created_name,
};
use crate::sql::{
    Alter, ArgumentMode, Create, Detail, FunctionDefinition, ObjectChange, ObjectKind,
    SequenceOptions, TypeName,
};

impl Catalog {
    pub(super) fn create_object(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        match (&create.detail, create.kind) {
            (Detail::Sequence(options), _) => self.create_sequence(create, options, env),
            (Detail::Function(definition), _) => self.create_function(create, definition, env),
            (Detail::Trigger(_), _) => self.create_trigger(create, env),
            (Detail::Policy(_), _) => self.create_policy(create, env),
            (Detail::Extension { schema, cascade }, _) => {
                self.create_extension(create, schema.as_deref(), *cascade, env)
            }
            (_, ObjectKind::Type | ObjectKind::Domain) => {
                self.create_type(&create.name, &create.detail, env)
            }
            (_, ObjectKind::Schema) => self.create_schema(create, env),
            (_, ObjectKind::Rule) => self.create_rule(create, env),
            (_, kind) => self.create_other(create, kind, env),
        }
    }

    pub(super) fn create_sequence(
        &mut self,
        create: &Create,
        options: &SequenceOptions,
        env: &Env,
    ) -> Result<(), Failure> {
        let full = created_name(&create.name, &env.path);
        if create.if_not_exists && self.get(&full).is_some_and(|there| !there.external) {
            return Ok(());
        }
        self.refuse_taken(&full)?;
        let known = self.relation_names.get(&full).copied();
        let id = known.unwrap_or_else(|| self.next_id(Class::Relation));
        let mut sequence = Relation::new(id, full, RelationKind::Sequence, env.origin);
        let data_type = match &options.data_type {
            Some(name) => self.format_type(name, None),
            None => "bigint".to_owned(),
        };
        sequence.extra_mut().sequence = Some(Sequence::new(&data_type, None, false));
        self.insert(sequence);
        self.change_sequence(id, |sequence| sequence.set_options(&options.others, true));
        self.own_sequence(id, options, env)
    }

    pub(super) fn own_sequence(
        &mut self,
        id: ObjectId,
        options: &SequenceOptions,
        env: &Env,
    ) -> Result<(), Failure> {
        let Some(owner) = &options.owned_by else { return Ok(()) };
        self.forget_needs((id, Part::Whole));
        let Some((column, table)) = owner.split_last().filter(|(_, table)| !table.is_empty())
        else {
            self.change_sequence(id, |sequence| sequence.owned_by = None);
            return Ok(());
        };
        let mut parts = table.iter().rev().cloned();
        let name = parts.next().unwrap_or_default();
        let table = crate::sql::RelationName { schema: parts.next(), name };
        let Some(table) = self.find(&table, env)? else { return Ok(()) };
        self.need_column(table, column)?;
        let number = self.by_id(table).and_then(|found| found.column(column)).map(|c| c.number);
        if let Some(number) = number {
            self.change_sequence(id, |sequence| sequence.owned_by = Some((table, number)));
            self.depend((id, Part::Whole), (table, Part::Column(number)), Strength::Auto);
        }
        Ok(())
    }

    pub(super) fn change_sequence(&mut self, id: ObjectId, change: impl FnOnce(&mut Sequence)) {
        self.change(id, |relation| {
            if let Some(sequence) = &mut relation.extra_mut().sequence {
                change(sequence);
            }
        });
    }

    pub(super) fn create_function(
        &mut self,
        create: &Create,
        definition: &FunctionDefinition,
        env: &Env,
    ) -> Result<(), Failure> {
        let full = created_name(&create.name, &env.path);
        let mut arguments = Vec::with_capacity(definition.arguments.len());
        for argument in &definition.arguments {
            let (type_name, id) = self.column_type(&argument.type_name, env)?;
            let plain = Arc::new(super::super::lookup::without_modifiers(&type_name));
            let type_name = if type_name.modifiers.is_empty() { type_name } else { plain };
            arguments.push((crate::sql::Argument { type_name, ..argument.clone() }, id));
        }
        let returns = match &definition.returns {
            Some(name) => {
                let (type_name, id) = self.column_type(name, env)?;
                Some((type_name, id))
            }
            None => None,
        };
        let last = definition.final_function.as_ref();
        let last = last.and_then(|name| self.functions_of(name, None, env).first().copied());
        let result = last.and_then(|id| self.function_by_id(id)?.returns.clone());
        let returns = result.or(returns);
        let inputs: Vec<Arc<TypeName>> = arguments
            .iter()
            .filter(|(argument, _)| argument.mode.is_input())
            .map(|(argument, _)| argument.type_name.clone())
            .collect();
        let exact =
            crate::sql::RelationName { schema: Some(full.schema.clone()), name: full.name.clone() };
        let there = self.functions_of(&exact, Some(&inputs), env).first().copied();
        if let Some(there) = there
            && let Some(old) = self.function_by_id(there)
        {
            if !create.or_replace && old.extension.is_none() {
                let message =
                    format!("function \"{}\" already exists with same argument types", full.name);
                return Err(Failure::new("42723", message, Because::Made(old.created)));
            }
            self.refuse_replacement(old, create.kind, returns.as_ref(), &arguments)?;
        }
        let id = there.unwrap_or_else(|| self.next_id(Class::Function));
        let created = self.function_by_id(id).map_or(env.origin, |old| old.created);
        let function = Function {
            id,
            name: full.clone(),
            kind: create.kind,
            window: definition.window,
            arguments,
            returns,
            language: definition.language.clone().unwrap_or_else(|| "sql".into()),
            volatility: definition.volatility,
            security_definer: definition.security_definer,
            strict: definition.strict,
            body: definition.body.clone(),
            has_settings: definition.has_settings,
            changes_schema: definition.changes_schema,
            source: definition.source.clone(),
            created,
            changed: env.origin,
            extension: None,
        };
        self.forget_needs((id, Part::Whole));
        let types: Vec<ObjectId> = function
            .arguments
            .iter()
            .filter_map(|(_, id)| *id)
            .chain(function.returns.as_ref().and_then(|(_, id)| *id))
            .collect();
        for needed in types {
            self.depend((id, Part::Whole), (needed, Part::Whole), Strength::Normal);
        }
        for called in &definition.calls {
            if let Some(called) = self.functions_of(called, None, env).first().copied() {
                self.depend((id, Part::Whole), (called, Part::Whole), Strength::Normal);
            }
        }
        for query in &definition.queries {
            for need in self.analyse_query(query, env).needs {
                self.depend((id, Part::Whole), need, Strength::Normal);
            }
        }
        self.insert_function(function);
        Ok(())
    }

    pub(super) fn insert_function(&mut self, function: Function) {
        let id = function.id;
        let all = self.function_names.entry(function.name.clone()).or_default();
        if !all.contains(&id) {
            all.push(id);
        }
        let (schema, origin) = (function.name.schema.clone(), function.changed);
        let is_new = self.functions.insert(id, Arc::new(function)).is_none();
        if is_new {
            self.grant_defaults(id, &schema, "functions", origin);
        }
    }

    /// Refuses `CREATE OR REPLACE` of a function that returns something else, or names other arguments.
    pub(super) fn refuse_replacement(
        &self,
        old: &Function,
        kind: ObjectKind,
        returns: Option<&(Arc<TypeName>, Option<ObjectId>)>,
        arguments: &[(crate::sql::Argument, Option<ObjectId>)],
    ) -> Result<(), Failure> {
        let made = Because::Made(old.changed);
        if old.kind != kind {
            let message = "cannot change routine kind";
            return Err(Failure::new("42809", message, made).detail(format!(
                "\"{}\" is a {}.",
                old.name.name,
                old.kind.as_str()
            )));
        }
        let key = |found: &(Arc<TypeName>, Option<ObjectId>)| {
            let set = if found.0.set_of { "SETOF " } else { "" };
            format!(
                "{set}{}",
                self.format_type(&super::super::lookup::without_modifiers(&found.0), found.1)
            )
        };
        if let (Some(before), Some(after)) = (&old.returns, returns)
            && key(before) != key(after)
            && !before.0.of_column
        {
            let message = "cannot change return type of existing function";
            return Err(Failure::new("42P13", message, made)
                .detail(format!("Use DROP FUNCTION {} first.", old.name.name)));
        }
        let outputs = |arguments: &[(crate::sql::Argument, Option<ObjectId>)]| {
            let outputs = arguments.iter().filter(|(argument, _)| {
                matches!(
                    argument.mode,
                    ArgumentMode::Out | ArgumentMode::InOut | ArgumentMode::Table
                )
            });
            let typed = outputs.map(|(a, id)| (a.name.clone(), key(&(a.type_name.clone(), *id))));
            typed.collect::<Vec<_>>()
        };
        if outputs(&old.arguments) != outputs(arguments) {
            let message = "cannot change return type of existing function";
            return Err(Failure::new("42P13", message, made)
                .detail("Row type defined by OUT parameters is different."));
        }
        let before = old.inputs();
        let after = arguments.iter().filter(|(argument, _)| argument.mode.is_input());
        for ((before, _), (after, _)) in before.zip(after) {
            if let (Some(old_name), new_name) = (&before.name, &after.name)
                && new_name.as_ref() != Some(old_name)
            {
                let message = format!("cannot change name of input parameter \"{old_name}\"");
                return Err(Failure::new("42P13", message, made));
            }
            if before.has_default && !after.has_default {
                let message = "cannot remove parameter defaults from existing function";
                return Err(Failure::new("42P13", message, made));
            }
        }
        Ok(())
    }

    pub(super) fn create_schema(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        let name = &create.name.name;
        if let Some(there) = self.other(ObjectKind::Schema, "", name) {
            if create.if_not_exists {
                return Ok(());
            }
            let made =
                self.others.get(&there).map_or(Because::Always, |o| Because::Made(o.created));
            return Err(Failure::new("42P06", format!("schema \"{name}\" already exists"), made));
        }
        if **name == *"public" {
            if create.if_not_exists {
                return Ok(());
            }
            let message = "schema \"public\" already exists";
            return match self.dropped_at(
                crate::catalog::Space::Other(ObjectKind::Schema),
                &QualifiedName::new("", "public"),
            ) {
                Some(_) => {
                    self.insert_other(ObjectKind::Schema, QualifiedName::new("", name), false, env);
                    Ok(())
                }
                None => Err(Failure::new("42P06", message, Because::Always)),
            };
        }
        self.insert_other(ObjectKind::Schema, QualifiedName::new("", name), false, env);
        Ok(())
    }

    pub(super) fn insert_other(
        &mut self,
        kind: ObjectKind,
        name: QualifiedName,
        is_opaque: bool,
        env: &Env,
    ) -> ObjectId {
        let id = self.next_id(Class::Other);
        self.dropped.remove(&(crate::catalog::Space::Other(kind), name.clone()));
        self.other_names.insert((kind, name.clone()), id);
        let made = Other { id, kind, name, created: env.origin, is_opaque, members: Vec::new() };
        self.others.insert(id, Arc::new(made));
        if kind == ObjectKind::Schema {
            self.grant_defaults(id, &Arc::default(), "schemas", env.origin);
        }
        id
    }

    /// Makes an extension and what it brings.
    pub(super) fn create_extension(
        &mut self,
        create: &Create,
        schema: Option<&str>,
        cascade: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let name = &create.name.name;
        if let Some(there) = self.other(ObjectKind::Extension, "", name) {
            if create.if_not_exists {
                return Ok(());
            }
            let made =
                self.others.get(&there).map_or(Because::Always, |o| Because::Made(o.created));
            let message = format!("extension \"{name}\" already exists");
            return Err(Failure::new("42710", message, made));
        }
        self.bring_extension(name, schema, cascade, env);
        Ok(())
    }

    pub(super) fn bring_extension(
        &mut self,
        name: &str,
        schema: Option<&str>,
        cascade: bool,
        env: &Env,
    ) {
        let known = builtin::extension(name);
        let id = self.insert_other(
            ObjectKind::Extension,
            QualifiedName::new("", name),
            known.is_none_or(|known| known.is_opaque),
            env,
        );
        let Some(known) = known else { return };
        for required in known.requires(env.version) {
            if cascade && self.other(ObjectKind::Extension, "", required).is_none() {
                self.bring_extension(required, None, true, env);
            }
        }
        let schema: Arc<str> = match (known.schema(env.version), schema) {
            (Some(fixed), _) => fixed.into(),
            (None, Some(chosen)) => chosen.into(),
            (None, None) => env.path.first().cloned().unwrap_or_else(|| "public".into()),
        };
        for type_name in known.types(env.version) {
            let full = QualifiedName { schema: schema.clone(), name: type_name.name().into() };
            let made = match self.type_names.get(&full).copied() {
                Some(external) => {
                    self.change_type(external, |found| {
                        found.kind = TypeKind::Base;
                        found.extension = Some(id);
                    });
                    external
                }
                None => self.insert_type(full, TypeKind::Base, env, Some(id)),
            };
            self.depend((made, Part::Whole), (id, Part::Whole), Strength::Auto);
        }
    }

    /// Returns whether an extension that is installed brings a function of that name.
    pub(super) fn brought_by_extension(&self, name: &crate::sql::RelationName, env: &Env) -> bool {
        self.others.values().filter(|other| other.kind == ObjectKind::Extension).any(|other| {
            builtin::extension(&other.name.name)
                .is_some_and(|e| e.functions_named(&name.name, env.version).next().is_some())
        })
    }

    pub(super) fn create_other(
        &mut self,
        create: &Create,
        kind: ObjectKind,
        env: &Env,
    ) -> Result<(), Failure> {
        if matches!(kind, ObjectKind::Cast | ObjectKind::Operator | ObjectKind::Role) {
            // Roles belong to the cluster, and casts and operators are found by their types.
            return Ok(());
        }
        let has_schema = matches!(
            kind,
            ObjectKind::Statistics
                | ObjectKind::Collation
                | ObjectKind::Conversion
                | ObjectKind::OperatorClass
                | ObjectKind::OperatorFamily
                | ObjectKind::TextSearchConfiguration
                | ObjectKind::TextSearchDictionary
                | ObjectKind::TextSearchParser
                | ObjectKind::TextSearchTemplate
        );
        let full = match has_schema {
            true => created_name(&create.name, &env.path),
            false => QualifiedName::new("", &create.name.name),
        };
        if let Some(there) = self.other(kind, &full.schema, &full.name) {
            // A server has a mapping for each user.
            if create.if_not_exists || create.or_replace || kind == ObjectKind::UserMapping {
                return Ok(());
            }
            // One name may be used for several access methods.
            if matches!(kind, ObjectKind::OperatorClass | ObjectKind::OperatorFamily) {
                return Ok(());
            }
            let made =
                self.others.get(&there).map_or(Because::Always, |o| Because::Made(o.created));
            let message = format!("{} \"{}\" already exists", kind.as_str(), full.name);
            return Err(Failure::new("42710", message, made));
        }
        let mut on = Vec::new();
        if let Detail::On(relations) = &create.detail {
            for relation in relations {
                on.extend(self.find(relation, env)?);
            }
        }
        if kind == ObjectKind::Publication {
            for table in on.iter().filter_map(|id| self.by_id(*id)).filter(|t| !t.external) {
                super::maintenance::refuse_published(table, env)?;
            }
        }
        let id = self.insert_other(kind, full, false, env);
        if kind == ObjectKind::Publication {
            self.set_members(id, &on);
        }
        self.needs_of_foreign(id, create, env);
        if kind == ObjectKind::Statistics {
            for table in on {
                self.depend((id, Part::Whole), (table, Part::Whole), Strength::Auto);
            }
        }
        if let Detail::EventTrigger(function) = &create.detail
            && let Some(function) = self.functions_of(function, None, env).first()
        {
            self.depend((id, Part::Whole), (*function, Part::Whole), Strength::Normal);
        }
        Ok(())
    }

    /// `ALTER` of anything but a table.
    pub(super) fn alter_object(&mut self, alter: &Alter, env: &Env) -> Result<(), Failure> {
        match &alter.change {
            ObjectChange::Sequence(options) => {
                let Some(id) = self.find_or_skip(&alter.name, alter.if_exists, env)? else {
                    return Ok(());
                };
                let data_type = options.data_type.as_ref().map(|name| self.format_type(name, None));
                self.change_sequence(id, |sequence| {
                    if let Some(data_type) = data_type {
                        sequence.data_type = data_type.into();
                    }
                    sequence.set_options(&options.others, false);
                });
                self.touch(id, env);
                self.own_sequence(id, options, env)
            }
            ObjectChange::Function { volatility, security_definer } => {
                let found = self.functions_of(&alter.name, alter.arguments.as_deref(), env);
                if let Some(function) = found.first().and_then(|id| self.functions.get_mut(id)) {
                    let function = Arc::make_mut(function);
                    function.changed = env.origin;
                    function.volatility = volatility.unwrap_or(function.volatility);
                    function.security_definer =
                        security_definer.unwrap_or(function.security_definer);
                }
                Ok(())
            }
            ObjectChange::Policy { roles, using, check } => {
                let Some(on) = &alter.on else { return Ok(()) };
                let Some(id) = self.find(on, env)? else { return Ok(()) };
                let Some(relation) = self.by_id(id).filter(|r| !r.external) else { return Ok(()) };
                let policies = &relation.extra().policies;
                let Some(found) = policies.iter().find(|p| p.name == alter.name.name) else {
                    let message = format!(
                        "policy \"{}\" for table \"{}\" does not exist",
                        alter.name.name, relation.name.name
                    );
                    let because = Because::Made(relation.created);
                    return Err(Failure::new("42704", message, because));
                };
                let number = found.number;
                self.change(id, |table| {
                    table.changed = env.origin;
                    let all = &mut table.extra_mut().policies;
                    for policy in all.iter_mut().filter(|policy| policy.number == number) {
                        if !roles.is_empty() {
                            policy.roles.clone_from(roles);
                        }
                        let given = |new: &Option<Box<crate::sql::Expression>>| {
                            new.as_deref().cloned().map(Arc::new)
                        };
                        policy.using = given(using).or(policy.using.take());
                        policy.check = given(check).or(policy.check.take());
                    }
                });
                let address = (id, Part::Policy(number));
                self.forget_needs(address);
                let policies = self.by_id(id).map(|table| table.extra().policies.as_slice());
                let policy = policies.unwrap_or_default().iter().find(|p| p.number == number);
                let all = policy.map(|policy| [policy.using.clone(), policy.check.clone()]);
                for expression in all.into_iter().flatten().flatten() {
                    self.part_needs(address, &expression, false, env)?;
                }
                Ok(())
            }
            ObjectChange::AddConstraint(_)
            | ObjectChange::DropConstraint { .. }
            | ObjectChange::ValidateConstraint(_)
            | ObjectChange::NotNull(_)
            | ObjectChange::Default(_) => self.alter_domain(alter, env),
            ObjectChange::Publication { how, tables } => {
                self.change_publication(&alter.name, *how, tables, env)
            }
            ObjectChange::MoveAll { objects, to, roles } => {
                self.move_all(&alter.name.name, *objects, to, roles, env);
                Ok(())
            }
            ObjectChange::Storage(storage) => self.set_type_storage(&alter.name, storage, env),
            ObjectChange::Member { .. } | ObjectChange::Owner(_) | ObjectChange::Other => Ok(()),
        }
    }
}
