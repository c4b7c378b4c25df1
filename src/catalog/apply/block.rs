//! What a `DO` block does: the steps that run, as far as the catalog decides their conditions.

use std::rc::Rc;
use std::sync::Arc;

use crate::catalog::system::Snapshot;
use crate::catalog::{Because, Catalog, Env, Failure};
use crate::sql::{
    Action, Answers, DoBlock, Dynamic, Handler, Passes, Step, Surroundings, TableChange,
    steps_of_block,
};

/// The most questions that a body may ask the system catalogs.
const MAX_QUESTIONS: usize = 64;

/// Where a block goes on behind a step.
pub(super) enum Flow {
    /// With the next step.
    On,
    /// Behind the loop or block of that name.
    Exit(Option<Arc<str>>),
    /// With the next pass of the loop of that name.
    Continue(Option<Arc<str>>),
    /// Nowhere: the block ends.
    Return,
    /// Back to its beginning, with the rows of the system catalogs as they are now as an answer.
    Ask(usize),
}

impl Catalog {
    /// Runs the steps of a `DO` block.
    ///
    /// # Errors
    ///
    /// What the server answers, if a step that certainly runs is certainly refused and nothing catches
    /// that.
    pub(super) fn run_block(&mut self, block: &DoBlock, env: &Env) -> Result<(), Failure> {
        let certain = !self.calls.is_unsure;
        let Some(source) = block.source.as_deref().filter(|_| certain) else {
            return self.run_steps(&block.body, env, certain).map(|_| ());
        };
        self.run_body(env, certain, |surroundings| steps_of_block(source, surroundings))
    }

    /// Runs a body that is read anew for every question that it asks the system catalogs.
    pub(super) fn run_body(
        &mut self,
        env: &Env,
        certain: bool,
        read: impl Fn(&Surroundings) -> Option<Vec<Step>>,
    ) -> Result<(), Failure> {
        let schema = env.path.first().cloned();
        let mut surroundings = Surroundings { schema, answers: Answers::new(), asks: certain };
        let before = self.clone();
        loop {
            let Some(steps) = read(&surroundings) else {
                self.leave_uncertain(env);
                return Ok(());
            };
            let Flow::Ask(question) = self.run_steps(&steps, env, certain)? else { return Ok(()) };
            let calls = self.calls;
            let now = std::mem::replace(self, before.clone());
            self.calls = calls;
            surroundings.answers.insert(question, Rc::new(Snapshot::new(now, env)));
            surroundings.asks = surroundings.answers.len() < MAX_QUESTIONS;
        }
    }

    pub(super) fn run_steps(
        &mut self,
        body: &[Step],
        env: &Env,
        certain: bool,
    ) -> Result<Flow, Failure> {
        for step in body {
            match self.run_step(step, env, certain)? {
                Flow::On => {}
                flow => return Ok(flow),
            }
        }
        Ok(Flow::On)
    }

    fn run_step(&mut self, step: &Step, env: &Env, certain: bool) -> Result<Flow, Failure> {
        self.calls.steps += 1;
        match step {
            Step::Sql(run) => {
                self.run_actions(&run.actions, env, certain)?;
                Ok(Flow::On)
            }
            Step::Dynamic(dynamic) => {
                self.guess(dynamic, env);
                Ok(Flow::On)
            }
            Step::If { branches, otherwise } => {
                let mut certain = certain;
                for (condition, branch) in branches {
                    let holds =
                        condition.evaluate(&mut |fact| self.is_fact(fact, env), env.version);
                    match holds {
                        Some(true) => return self.run_steps(branch, env, certain),
                        Some(false) => {}
                        None => {
                            certain = false;
                            // Whether it leaves here is not known either.
                            self.run_steps(branch, env, false)?;
                        }
                    }
                }
                self.run_steps(otherwise, env, certain)
            }
            Step::Block { label, body, handlers } => {
                self.run_handled(label.as_ref(), body, handlers, env, certain)
            }
            Step::Loop { label, passes: Passes::Known(passes) } => {
                for pass in passes {
                    match self.run_steps(pass, env, certain)? {
                        Flow::On => {}
                        Flow::Continue(to) if is_meant(to.as_ref(), label.as_ref()) => {}
                        Flow::Exit(to) if is_meant(to.as_ref(), label.as_ref()) => break,
                        flow => return Ok(flow),
                    }
                }
                Ok(Flow::On)
            }
            Step::Loop { passes: Passes::Rows { question, .. }, .. }
                if certain && !self.is_uncertain() =>
            {
                Ok(Flow::Ask(*question))
            }
            Step::Loop { passes: Passes::Unknown(pass) | Passes::Rows { pass, .. }, .. } => {
                self.run_steps(pass, env, false)?;
                Ok(Flow::On)
            }
            Step::Exit { label } => Ok(Flow::Exit(label.clone())),
            Step::Continue { label } => Ok(Flow::Continue(label.clone())),
            Step::Return if certain => Ok(Flow::Return),
            Step::Raise { sqlstate, message, .. } if certain => {
                let message = message.as_deref().unwrap_or("an exception that the block raises");
                let mut failure = Failure::new("P0001", message, Because::NeverMade);
                failure.condition = sqlstate.clone();
                Err(failure)
            }
            Step::Return | Step::Raise { .. } | Step::Commit | Step::Rollback => Ok(Flow::On),
        }
    }

    fn run_actions(&mut self, actions: &[Action], env: &Env, certain: bool) -> Result<(), Failure> {
        if certain {
            return actions.iter().try_for_each(|action| self.act(action, env));
        }
        let noted = std::mem::take(&mut self.noted);
        let was_unsure = std::mem::replace(&mut self.calls.is_unsure, true);
        for action in actions {
            if !matches!(action, Action::Dml(_)) {
                self.guesses.insert((env.origin.file.0, env.origin.span.start));
            }
            let _ = self.act(action, env);
        }
        self.calls.is_unsure = was_unsure;
        self.noted = noted;
        Ok(())
    }

    /// An error in a handled block undoes what the block did, then the handler runs.
    fn run_handled(
        &mut self,
        label: Option<&Arc<str>>,
        body: &[Step],
        handlers: &[Handler],
        env: &Env,
        certain: bool,
    ) -> Result<Flow, Failure> {
        let left = |flow: Flow| match flow {
            Flow::Exit(Some(to)) if Some(&to) == label => Flow::On,
            flow => flow,
        };
        if handlers.is_empty() {
            return self.run_steps(body, env, certain).map(left);
        }
        let before = self.clone();
        let noted = std::mem::take(&mut self.noted);
        let result = self.run_steps(body, env, certain);
        let missed = std::mem::replace(&mut self.noted, noted);
        let failure = match result {
            Ok(flow) => {
                // What only a complete history refuses may have been caught.
                if !missed.is_empty() {
                    self.guesses.insert((env.origin.file.0, env.origin.span.start));
                }
                return Ok(left(flow));
            }
            Err(failure) => failure,
        };
        let Some(handler) = handlers.iter().find(|handler| catches(handler, &failure)) else {
            return Err(failure);
        };
        *self = before;
        self.run_steps(&handler.body, env, certain).map(left)
    }

    /// Takes what is known of SQL that is put together at run time, and leaves the rest unknown.
    fn guess(&mut self, dynamic: &Dynamic, env: &Env) {
        let is_dml = |action: &Action| matches!(action, Action::Dml(_));
        if !dynamic.actions.is_empty() && dynamic.actions.iter().all(is_dml) {
            return;
        }
        self.guesses.insert((env.origin.file.0, env.origin.span.start));
        let noted = std::mem::take(&mut self.noted);
        for action in &dynamic.actions {
            let _ = self.act(action, env);
        }
        self.noted = noted;
        // What else it made or dropped nobody knows: `GRANT` and the like change no names.
        let is_harmless = dynamic.command.as_deref().is_some_and(|command| {
            [
                "GRANT", "REVOKE", "COMMENT", "SET", "ANALYZE", "VACUUM", "SELECT", "INSERT",
                "UPDATE", "DELETE", "TRUNCATE", "REFRESH", "NOTIFY", "LOCK",
            ]
            .iter()
            .any(|harmless| command.starts_with(harmless))
        });
        if is_harmless {
            return;
        }
        if let Some(target) = &dynamic.target
            && let Some(id) = self.find_if_exists(target, env)
        {
            if dynamic.actions.is_empty() || dynamic.actions.iter().any(changes_columns) {
                self.change(id, |relation| relation.columns_unknown = true);
            }
            return;
        }
        self.leave_uncertain(env);
    }
}

/// Returns whether an action may change which columns a table has.
fn changes_columns(action: &Action) -> bool {
    let Action::AlterTable(alter) = action else { return true };
    !matches!(
        alter.change,
        TableChange::AddConstraint(_)
            | TableChange::DropConstraint { .. }
            | TableChange::ValidateConstraint { .. }
            | TableChange::AttachPartition { .. }
            | TableChange::DetachPartition { .. }
            | TableChange::Other {
                command: "ChangeOwner"
                    | "EnableTrigger"
                    | "DisableTrigAll"
                    | "EnableRowSecurity"
                    | "DisableRowSecurity"
                    | "ForceRowSecurity"
                    | "ReplicaIdentity"
                    | "SetRelOptions",
                ..
            }
    )
}

/// Returns whether `EXIT` or `CONTINUE` is about this loop.
fn is_meant(to: Option<&Arc<str>>, label: Option<&Arc<str>>) -> bool {
    to.is_none() || to == label
}

/// Returns whether a handler catches a refusal.
///
/// Source: PostgreSQL documentation, "PostgreSQL Error Codes".
fn catches(handler: &Handler, failure: &Failure) -> bool {
    handler.conditions.iter().any(|condition| {
        let named = match &*condition.to_ascii_lowercase() {
            "others" => return true,
            "duplicate_object" => "42710",
            "duplicate_table" => "42P07",
            "duplicate_column" => "42701",
            "duplicate_schema" => "42P06",
            "duplicate_function" => "42723",
            "duplicate_alias" => "42712",
            "undefined_table" => "42P01",
            "undefined_column" => "42703",
            "undefined_object" => "42704",
            "undefined_function" => "42883",
            "invalid_schema_name" => "3F000",
            "invalid_table_definition" => "42P16",
            "invalid_foreign_key" => "42830",
            "datatype_mismatch" => "42804",
            "wrong_object_type" => "42809",
            "dependent_objects_still_exist" => "2BP01",
            "feature_not_supported" => "0A000",
            "invalid_object_definition" => "42P17",
            "invalid_function_definition" => "42P13",
            "object_not_in_prerequisite_state" => "55000",
            "syntax_error" => "42601",
            "raise_exception" => "P0001",
            "invalid_parameter_value" => "22023",
            other => {
                return other.eq_ignore_ascii_case(failure.sqlstate)
                    || failure.condition.as_deref() == Some(other);
            }
        };
        named == failure.sqlstate || failure.condition.as_deref() == Some(&**condition)
    })
}
