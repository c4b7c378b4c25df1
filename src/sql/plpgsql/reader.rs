//! Follows the statements of a block, with what is known of its variables, and lists its steps.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::condition::Condition;
use super::dynamic;
use super::expression::{self, Scope};
use super::step::{Handler, Run, Step};
use super::surroundings::Surroundings;
use super::value::Value;
use super::variables::{self, Datum};
use super::{call, catalog_query, query};
use crate::sql::Action;

/// The deepest nesting of statements that is read.
const MAX_DEPTH: usize = 200;

/// What `RAISE` and `ASSERT` fail with where nothing else is said.
const RAISE_EXCEPTION: &str = "P0001";
const ASSERT_FAILURE: &str = "P0004";

/// The level of `RAISE EXCEPTION`.
const ERROR: i64 = 21;

/// Whether the statement after a step is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    GoesOn,
    Ends,
}

pub(super) struct Reader<'a> {
    pub(super) datums: Vec<Datum<'a>>,
    /// The lines of the `BEGIN`s of all blocks, sorted.
    blocks: Vec<u64>,
    pub(super) scope: Scope,
    /// What was known where `EXIT` or `CONTINUE` left the loop that is being read.
    pub(super) leaving: Vec<Scope>,
    /// What was known where a label said which loop or block to leave.
    pub(super) labelled: Option<Scope>,
    pub(super) steps: usize,
    depth: usize,
    /// What is known where the steps run.
    pub(super) surroundings: &'a Surroundings,
    /// How many questions there were.
    pub(super) questions: usize,
}

/// Returns the steps of a function as `parse_plpgsql` describes it.
pub(super) fn steps(function: &Json) -> Vec<Step> {
    steps_with(function, &Surroundings::default(), Scope::default())
}

/// Returns the steps, with what is known where they run; `scope` has the values of the parameters.
pub(super) fn steps_with(
    function: &Json,
    surroundings: &Surroundings,
    mut scope: Scope,
) -> Vec<Step> {
    let datums = variables::datums(function);
    let mut blocks = Vec::new();
    variables::block_lines(&function["action"], &mut blocks, 0);
    blocks.sort_unstable();
    scope.current_schema.clone_from(&surroundings.schema);
    for datum in datums.iter().filter(|datum| datum.is_ambiguous) {
        scope.forget(datum.name);
    }
    for datum in datums.iter().filter(|datum| datum.is_parameter) {
        if let Some(value) = scope.get(datum.name).cloned() {
            scope.set(datum.name, variables::typed(value, datum.type_name));
        }
    }
    let mut reader = Reader {
        datums,
        blocks,
        scope,
        leaving: Vec::new(),
        labelled: None,
        steps: 0,
        depth: 0,
        surroundings,
        questions: 0,
    };
    let mut body = Vec::new();
    reader.block(&function["action"]["PLpgSQL_stmt_block"], &mut body);
    // The grammar ends every body with a `RETURN`.
    if body.last() == Some(&Step::Return) {
        body.pop();
    }
    body
}

impl<'a> Reader<'a> {
    pub(super) fn body(&mut self, statements: &'a Json) -> (Vec<Step>, Flow) {
        let mut steps = Vec::new();
        let flow = self.statements(statements, &mut steps);
        (steps, flow)
    }

    fn statements(&mut self, statements: &'a Json, out: &mut Vec<Step>) -> Flow {
        if self.depth > MAX_DEPTH {
            return Flow::GoesOn;
        }
        self.depth += 1;
        let mut flow = Flow::GoesOn;
        for (kind, fields) in
            statements.as_array().into_iter().flatten().filter_map(Json::as_object).flatten()
        {
            flow = self.statement(kind, fields, out);
            self.steps += 1;
            if flow == Flow::Ends {
                break;
            }
        }
        self.depth -= 1;
        flow
    }

    fn statement(&mut self, kind: &str, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let line = line(fields);
        match kind {
            "PLpgSQL_stmt_block" => return self.block(fields, out),
            "PLpgSQL_stmt_assign" => self.assign(fields, out),
            "PLpgSQL_stmt_if" => return self.branch(fields, out),
            "PLpgSQL_stmt_case" => return self.case(fields, out),
            "PLpgSQL_stmt_loop" | "PLpgSQL_stmt_while" => {
                return self.unknown_loop(fields, out);
            }
            "PLpgSQL_stmt_fori" => return self.integer_loop(fields, out),
            "PLpgSQL_stmt_fors" => return self.query_loop(&fields["query"], fields, out),
            "PLpgSQL_stmt_forc" => return self.cursor_loop(fields, out),
            "PLpgSQL_stmt_dynfors" => {
                self.execute(&fields["query"], line, out);
                return self.unknown_loop(fields, out);
            }
            "PLpgSQL_stmt_foreach_a" => return self.array_loop(fields, out),
            "PLpgSQL_stmt_exit" => return self.leave(fields, out),
            "PLpgSQL_stmt_return" => {
                self.evaluate(&fields["expr"], line, out);
                out.push(Step::Return);
                return Flow::Ends;
            }
            "PLpgSQL_stmt_return_next" => self.evaluate(&fields["expr"], line, out),
            "PLpgSQL_stmt_return_query" => {
                self.run(&fields["query"], line, out);
                self.execute(&fields["dynquery"], line, out);
            }
            "PLpgSQL_stmt_raise" if fields["elog_level"].as_i64().unwrap_or_default() >= ERROR => {
                out.push(raise(fields));
                return Flow::Ends;
            }
            "PLpgSQL_stmt_assert" => {
                let holds = self.condition(&fields["cond"], false, line, out);
                let message = query(&fields["message"])
                    .and_then(|text| expression::value_of(text, &self.scope).as_known());
                let sqlstate = Some(ASSERT_FAILURE.into());
                let fails = Step::Raise { sqlstate, message: message.map(Into::into), line };
                if holds != Condition::Constant(true) {
                    let branches = vec![(holds.negate(), vec![fails])];
                    out.push(Step::If { branches, otherwise: Vec::new() });
                }
            }
            "PLpgSQL_stmt_execsql" => self.static_sql(fields, out),
            "PLpgSQL_stmt_dynexecute" => {
                let text = self.execute(&fields["query"], line, out);
                if fields["into"].as_bool() == Some(true) {
                    self.select_into(text.as_deref(), &fields["target"]);
                }
            }
            "PLpgSQL_stmt_open" => {
                let cursor = fields["curvar"].as_u64().and_then(|at| self.datum(at));
                let declared = cursor.and_then(|datum| datum.cursor);
                self.run_text(declared.unwrap_or_default(), line, out);
                self.run(&fields["query"], line, out);
                self.execute(&fields["dynquery"], line, out);
            }
            "PLpgSQL_stmt_getdiag" | "PLpgSQL_stmt_fetch" => self.forget_assigned(fields),
            "PLpgSQL_stmt_perform" => {
                self.run(&fields["expr"], line, out);
                let select = query(&fields["expr"]).and_then(expression::parse_query);
                let found = select.map_or(Condition::Unknown, |select| self.finds(&select));
                self.scope.set("found", Value::Truth(found));
            }
            "PLpgSQL_stmt_call" => {
                self.run(&fields["expr"], line, out);
                self.forget_assigned(fields);
            }
            "PLpgSQL_stmt_commit" => out.push(Step::Commit),
            "PLpgSQL_stmt_rollback" => out.push(Step::Rollback),
            _ => {}
        }
        Flow::GoesOn
    }

    fn block(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let label = label(fields);
        if let Some(label) = &label {
            self.scope.add_label(label);
        }
        self.declare(u64::from(line(fields)));
        let exceptions = &fields["exceptions"]["PLpgSQL_exception_block"]["exc_list"];
        if exceptions.as_array().is_none_or(Vec::is_empty) {
            if label.is_none() {
                return self.statements(&fields["body"], out);
            }
            let outer = std::mem::take(&mut self.leaving);
            let (body, flow) = self.body(&fields["body"]);
            let is_left = !self.leaving.is_empty();
            let inner = self.leaving.clone();
            self.join_leaving(flow);
            self.leaving = outer;
            self.leaving.extend(inner);
            if is_left {
                out.push(Step::Block { label, body, handlers: Vec::new() });
                return Flow::GoesOn;
            }
            out.extend(body);
            return flow;
        }
        let before = self.scope.clone();
        let (body, flow) = self.body(&fields["body"]);
        let mut after: Option<Scope> = (flow == Flow::GoesOn).then(|| self.scope.clone());
        let mut handlers = Vec::new();
        for exception in exceptions.as_array().into_iter().flatten() {
            let exception = &exception["PLpgSQL_exception"];
            self.scope = before.clone();
            self.forget_assigned(&fields["body"]);
            self.forget_catalog(None);
            let (body, flow) = self.body(&exception["action"]);
            if flow == Flow::GoesOn {
                after = Some(match after {
                    None => self.scope.clone(),
                    Some(after) => variables::merged(None, &after, &self.scope),
                });
            }
            let conditions = exception["conditions"].as_array().into_iter().flatten();
            let name = |condition: &Json| {
                condition["PLpgSQL_condition"]["condname"].as_str().map(Into::into)
            };
            handlers.push(Handler { conditions: conditions.filter_map(name).collect(), body });
        }
        out.push(Step::Block { label, body, handlers });
        let flow = if after.is_some() { Flow::GoesOn } else { Flow::Ends };
        self.scope = after.unwrap_or(before);
        flow
    }

    /// Gives the variables that the block with its `BEGIN` on this line declares their first values.
    fn declare(&mut self, line: u64) {
        let above = self.blocks.iter().rev().find(|block| **block < line).copied().unwrap_or(0);
        for at in 0..self.datums.len() {
            let datum = &self.datums[at];
            let is_here = (above + 1..=line).contains(&datum.line);
            if !is_here || datum.is_parameter || datum.name.is_empty() {
                continue;
            }
            let value = match datum.default {
                Some(default) => expression::value_of(default, &self.scope),
                None => Value::Null,
            };
            let name = datum.name;
            self.assign_to(at, name, value);
        }
    }

    pub(super) fn datum(&self, at: u64) -> Option<&Datum<'a>> {
        self.datums.get(usize::try_from(at).ok()?)
    }

    /// Sets the variable `name`, which is that at `at`, to a value.
    pub(super) fn assign_to(&mut self, at: usize, name: &str, value: Value) {
        let Some(datum) = self.datums.get(at) else { return };
        if let Some((parent, field)) = datum.field {
            let Some(parent) = self.datums.get(parent).map(|datum| datum.name) else { return };
            let mut fields = match self.scope.get(parent) {
                Some(Value::Record(fields)) => fields.clone(),
                _ => Vec::new(),
            };
            fields.retain(|(name, _)| name != field);
            fields.push((field.to_owned(), value));
            self.scope.set(parent, Value::Record(fields));
            return;
        }
        match variables::typed(value, datum.type_name) {
            _ if datum.is_ambiguous => self.scope.forget(name),
            Value::Unknown => self.scope.forget(name),
            value => self.scope.set(name, value),
        }
    }

    fn assign(&mut self, fields: &'a Json, out: &mut Vec<Step>) {
        let Some(text) = query(&fields["expr"]) else { return };
        let at = variables::number(&fields["varno"]);
        let Some((target, expression)) = variables::assignment(text) else { return };
        self.evaluate_text(expression, line(fields), out);
        let value = match target.contains('[') {
            true => Value::Unknown,
            false => self.value_of(expression, out),
        };
        let name = self.datums.get(at).map_or("", |datum| datum.name);
        self.assign_to(at, name, value);
    }

    /// Forgets the variables that something in `fields` assigns to.
    pub(super) fn forget_assigned(&mut self, fields: &Json) {
        let mut names = HashSet::new();
        variables::assigned(fields, &self.datums, &mut names, 0);
        names.iter().for_each(|name| self.scope.forget(name));
        self.scope.forget("found");
    }

    /// Forgets what variables hold of the catalog, as far as these statements may have changed it.
    pub(super) fn forget_catalog(&mut self, run: Option<(&[Action], &str)>) {
        let reads = |action: &Action| {
            matches!(
                action,
                Action::Dml(_) | Action::Set(_) | Action::Lock { .. } | Action::Analyze { .. }
            )
        };
        if run.is_some_and(|(actions, _)| !actions.is_empty() && actions.iter().all(reads)) {
            return;
        }
        let drops = |(actions, _): (&[Action], &str)| {
            actions.is_empty()
                || actions.iter().any(|action| matches!(action, Action::Drop(_) | Action::Do(_)))
        };
        let sql = run.filter(|run| !drops(*run)).map(|(_, sql)| sql);
        self.scope.retain(|_, value| variables::stands(value, sql));
    }

    /// Reads a condition. Where it decides what variables hold afterwards, and not only what runs, the
    /// system catalogs are asked for it.
    pub(super) fn condition(
        &mut self,
        expression: &Json,
        decides_values: bool,
        line: u32,
        out: &mut Vec<Step>,
    ) -> Condition {
        let Some(text) = query(expression) else { return Condition::Unknown };
        // Null does not hold.
        let condition_in = |scope: &Scope| match expression::value_of(text, scope) {
            Value::Null => Condition::Constant(false),
            _ => expression::condition_of(text, scope),
        };
        let mut condition = condition_in(&self.scope);
        let is_asked = condition.has_unknown()
            || decides_values && !matches!(condition, Condition::Constant(_));
        if is_asked && self.ask(text, out) {
            condition = condition_in(&self.scope);
            self.scope.tables = None;
        }
        if condition.has_unknown() {
            self.evaluate_text(text, line, out);
        }
        condition
    }

    /// Adds the query of an expression that reads tables or calls functions.
    pub(super) fn evaluate(&mut self, expression: &'a Json, line: u32, out: &mut Vec<Step>) {
        if let Some(text) = query(expression) {
            self.evaluate_text(text, line, out);
        }
    }

    fn evaluate_text(&mut self, expression: &str, line: u32, out: &mut Vec<Step>) {
        // Nothing is read or called without a parenthesis.
        if !expression.contains('(')
            || expression::value_of(expression, &self.scope) != Value::Unknown
        {
            return;
        }
        let sql = format!("SELECT {expression}");
        let mut actions = crate::sql::actions_of(&sql);
        call::resolve(&mut actions, &sql, &self.scope);
        let matters = |action: &Action| match action {
            Action::Dml(dml) => {
                dml.reads.iter().any(|name| !dynamic::is_catalog(name)) || !dml.functions.is_empty()
            }
            _ => true,
        };
        if actions.iter().any(matters) {
            out.push(Step::Sql(Run { actions, sql: sql.into(), line, is_computed: false }));
        }
    }

    pub(super) fn run(&mut self, expression: &Json, line: u32, out: &mut Vec<Step>) {
        self.run_text(query(expression).unwrap_or_default(), line, out);
    }

    /// Adds static SQL.
    fn run_text(&mut self, sql: &str, line: u32, out: &mut Vec<Step>) {
        if sql.is_empty() {
            return;
        }
        let mut step = dynamic::of_static(sql, line);
        if let Step::Sql(run) = &mut step {
            call::resolve(&mut run.actions, sql, &self.scope);
        }
        self.push(step, out);
    }

    fn push(&mut self, step: Step, out: &mut Vec<Step>) {
        match &step {
            Step::Sql(run) => self.forget_catalog(Some((&run.actions, &run.sql))),
            Step::Dynamic(dynamic) if dynamic.is_dml() => {}
            _ => self.forget_catalog(None),
        }
        out.push(step);
    }

    /// Adds what `EXECUTE` runs; returns its text if all of it is known.
    fn execute(&mut self, expression: &Json, line: u32, out: &mut Vec<Step>) -> Option<String> {
        let text = query(expression)?;
        let value = self.value_of(text, out);
        let known = value.as_known();
        if let Some(step) = dynamic::of_value(value, line) {
            self.push(step, out);
        }
        known
    }

    fn static_sql(&mut self, fields: &'a Json, out: &mut Vec<Step>) {
        let text = query(&fields["sqlstmt"]).unwrap_or_default();
        let select = expression::parse_query(text);
        let is_catalog_query = select
            .as_ref()
            .is_some_and(|select| catalog_query::read(select, &self.scope).is_some());
        if !is_catalog_query {
            self.run_text(text, line(fields), out);
        }
        if fields["into"].as_bool() == Some(true) {
            let names_only = select.is_some_and(|select| self.is_decided(&select));
            let _ = !names_only && self.ask(text, out);
            self.select_into(Some(text), &fields["target"]);
            self.scope.tables = None;
        } else {
            self.scope.forget("found");
        }
    }
}

pub(super) fn line(fields: &Json) -> u32 {
    fields["lineno"].as_u64().and_then(|line| u32::try_from(line).ok()).unwrap_or_default()
}

pub(super) fn label(fields: &Json) -> Option<Arc<str>> {
    fields["label"].as_str().map(Into::into)
}

fn raise(fields: &Json) -> Step {
    let options = fields["options"].as_array().into_iter().flatten();
    let code = options.map(|option| &option["PLpgSQL_raise_option"]).find(|option| {
        // The first kind of option is `ERRCODE`.
        option["opt_type"].as_i64().unwrap_or_default() == 0
    });
    let code = code.map(|option| {
        query(&option["expr"])
            .and_then(|text| expression::value_of(text, &Scope::default()).as_known())
    });
    let named = fields["condname"].as_str().map(str::to_owned);
    let message = fields["message"].as_str().map(Into::into);
    let has_code = code.is_some();
    let sqlstate = match code.flatten().or(named) {
        Some(code) => Some(code.into()),
        // A bare `RAISE` raises again what was caught.
        None if has_code || (message.is_none() && fields["options"].is_null()) => None,
        None => Some(RAISE_EXCEPTION.into()),
    };
    Step::Raise { sqlstate, message, line: line(fields) }
}
