//! What is attached to a table: triggers, policies and rules.

use std::sync::Arc;

use crate::catalog::analyse::Completeness;
use crate::catalog::depend::{Part, Strength};
use crate::catalog::lookup::spelled;
use crate::catalog::object::{ObjectId, Policy, Rule, Trigger};
use crate::catalog::{Because, Catalog, Env, Failure, QualifiedName, builtin, created_name};
use crate::sql::{Create, Detail, Expression, ObjectKind};

impl Catalog {
    pub(super) fn create_trigger(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        let Detail::Trigger(definition) = &create.detail else { return Ok(()) };
        let Some(on) = &create.on else { return Ok(()) };
        let Some(id) = self.find(on, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        if !relation.external {
            super::maintenance::refuse_trigger(relation, definition, env)?;
        }
        let name = &create.name.name;
        let there = relation.extra().triggers.iter().find(|trigger| trigger.name == *name);
        let there = there.map(|trigger| (trigger.created, trigger.number));
        if let Some((created, _)) = there.filter(|_| !create.or_replace) {
            let message = format!(
                "trigger \"{name}\" for relation \"{}\" already exists",
                relation.name.name
            );
            return Err(Failure::new("42710", message, Because::Made(created)));
        }
        for column in &definition.columns {
            if !relation.columns_unknown && relation.column(column).is_none() {
                return Err(self.no_column(id, column));
            }
        }
        let for_each_row = definition.for_each_row;
        let functions = self.functions_of(&definition.function, None, env);
        let functions: Vec<ObjectId> = functions
            .into_iter()
            .filter(|id| self.function_by_id(*id).is_some_and(|f| f.inputs().count() == 0))
            .collect();
        let function_id = functions.first().copied();
        if function_id.is_none() {
            self.miss_function(&definition.function, &[], env)?;
        }
        let function = function_id
            .and_then(|id| self.name_of(id).cloned())
            .unwrap_or_else(|| self.function_name(&definition.function, env));
        if let Some(when) = &definition.when {
            self.refuse_missing_functions(Some(id), when, env)?;
        }
        if let Some((_, number)) = there {
            self.remove(&[(id, Part::Trigger(number))], true, env.origin)?;
        }
        let number = self.next_number();
        let trigger = Trigger {
            name: name.clone(),
            function,
            function_id,
            for_each_row,
            inherited: false,
            created: env.origin,
            number,
            columns: definition.columns.clone(),
            when: definition.when.as_deref().cloned().map(Arc::new),
            is_renamed: false,
        };
        self.change(id, |relation| {
            relation.changed = env.origin;
            relation.extra_mut().triggers.push(trigger.clone());
        });
        let address = (id, Part::Trigger(number));
        if let Some(function) = function_id {
            self.depend(address, (function, Part::Whole), Strength::Normal);
        }
        self.columns_of_part(address, definition.columns.iter());
        if let Some(when) = &definition.when {
            self.part_needs(address, when, true, env)?;
        }
        if for_each_row {
            for partition in self.partitions(id) {
                self.trigger_of_partition(partition, &trigger, env);
            }
        }
        Ok(())
    }

    /// Notes what the expression of a trigger or policy cannot be without.
    pub(super) fn part_needs(
        &mut self,
        address: (ObjectId, Part),
        expression: &Expression,
        is_trigger: bool,
        env: &Env,
    ) -> Result<(), Failure> {
        let table = address.0;
        let analysis = match is_trigger {
            true => self.analyse_condition(table, &expression.tree, env),
            false => self.analyse_expression(Some(table), &expression.tree, env),
        };
        if let Some(failure) = analysis.failure {
            return Err(failure);
        }
        if analysis.completeness == Completeness::Unknown {
            self.names_in_expression(address, expression, env);
            self.columns_of_part(
                address,
                expression.tree.own_columns().iter().map(|column| &column.name),
            );
        }
        for need in analysis.needs.into_iter().filter(|need| *need != (table, Part::Whole)) {
            self.depend(address, need, Strength::Normal);
        }
        Ok(())
    }

    /// Notes the columns of its own table that a trigger or policy cannot be without.
    pub(super) fn columns_of_part<'a>(
        &mut self,
        address: (ObjectId, Part),
        columns: impl Iterator<Item = &'a Arc<str>>,
    ) {
        let Some(table) = self.by_id(address.0) else { return };
        let numbers: Vec<u16> =
            columns.filter_map(|name| Some(table.column(name)?.number)).collect();
        for number in numbers {
            self.depend(address, (address.0, Part::Column(number)), Strength::Normal);
        }
    }

    /// Returns the full name of a function that nothing at hand made.
    pub(super) fn function_name(
        &self,
        name: &crate::sql::RelationName,
        env: &Env,
    ) -> QualifiedName {
        match name.schema {
            None if builtin::is_function(&name.name, env.version) => {
                QualifiedName::new("pg_catalog", &name.name)
            }
            _ => created_name(name, &env.path),
        }
    }

    /// Answers for a function that is not there.
    pub(super) fn miss_function(
        &mut self,
        name: &crate::sql::RelationName,
        arguments: &[&str],
        env: &Env,
    ) -> Result<(), Failure> {
        let is_builtin = name.schema.as_deref().is_none_or(|schema| schema == "pg_catalog")
            && builtin::is_function(&name.name, env.version);
        let is_builtin = is_builtin || self.brought_by_extension(name, env);
        let opaque = self.others.values().any(|other| other.is_opaque);
        let full = created_name(name, &env.path);
        let unknown_schema =
            *full.schema != *"public" && self.other(ObjectKind::Schema, "", &full.schema).is_none();
        if is_builtin || opaque || unknown_schema || name.is_dynamic() {
            return Ok(());
        }
        let message =
            format!("function {}({}) does not exist", spelled(name), arguments.join(", "));
        let dropped = self.dropped_at(crate::catalog::Space::Function, &full);
        match dropped {
            Some(origin) => Err(Failure::new("42883", message, Because::Dropped(origin))),
            None => {
                self.note(Failure::new("42883", message, Because::NeverMade));
                Ok(())
            }
        }
    }

    pub(super) fn create_policy(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        let Detail::Policy(definition) = &create.detail else { return Ok(()) };
        let Some(on) = &create.on else { return Ok(()) };
        let Some(id) = self.find(on, env)? else { return Ok(()) };
        let Some(relation) = self.by_id(id) else { return Ok(()) };
        let name = &create.name.name;
        if let Some(there) = relation.extra().policies.iter().find(|p| p.name == *name) {
            let message =
                format!("policy \"{name}\" for table \"{}\" already exists", relation.name.name);
            return Err(Failure::new("42710", message, Because::Made(there.created)));
        }
        for expression in definition.using.iter().chain(&definition.check) {
            self.refuse_missing_functions(Some(id), expression, env)?;
        }
        let number = self.next_number();
        let policy = Policy {
            name: name.clone(),
            command: definition.command.clone(),
            permissive: definition.permissive,
            roles: definition.roles.clone(),
            using: definition.using.as_deref().cloned().map(Arc::new),
            check: definition.check.as_deref().cloned().map(Arc::new),
            created: env.origin,
            number,
            path: env.path.clone(),
        };
        self.change(id, |relation| {
            relation.changed = env.origin;
            relation.extra_mut().policies.push(policy);
        });
        let address = (id, Part::Policy(number));
        for expression in definition.using.iter().chain(&definition.check) {
            self.part_needs(address, expression, false, env)?;
        }
        Ok(())
    }

    pub(super) fn create_rule(&mut self, create: &Create, env: &Env) -> Result<(), Failure> {
        let Some(on) = &create.on else { return Ok(()) };
        let Some(id) = self.find(on, env)? else { return Ok(()) };
        let Detail::Rule(definition) = &create.detail else { return Ok(()) };
        let writes = definition.writes.iter().filter_map(|name| self.find_if_exists(name, env));
        let (name, event) = (create.name.name.clone(), definition.event);
        let rule = Rule { name, event, writes: writes.collect() };
        self.change(id, |relation| {
            let rules = &mut relation.extra_mut().rules;
            match rules.iter_mut().find(|there| there.name == rule.name) {
                Some(there) => *there = rule,
                None => rules.push(rule),
            }
        });
        Ok(())
    }
}
