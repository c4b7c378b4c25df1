//! Questions to the system catalogs, whose rows are known only where a body runs.

use serde_json::Value as Json;

use pg_query::protobuf::SelectStmt;

use super::condition::Condition;
use super::expression;
use super::reader::{Flow, Reader, label};
use super::step::{Passes, Step};
use super::value::Value;

impl<'a> Reader<'a> {
    /// Asks for the rows of the system catalogs that `text` names. Returns whether the scope has them
    /// now; the caller takes them away again.
    pub(super) fn ask(&mut self, text: &str, out: &mut Vec<Step>) -> bool {
        let (question, is_answered) = self.next_question(text);
        if let Some(question) = question.filter(|_| !is_answered) {
            let passes = Passes::Rows { question, pass: Vec::new() };
            out.push(Step::Loop { label: None, passes });
        }
        is_answered
    }

    /// Returns the number of a question, if `text` is one, and whether it is answered; the scope has the
    /// answer then.
    pub(super) fn next_question(&mut self, text: &str) -> (Option<usize>, bool) {
        if !names_catalog(text) {
            return (None, false);
        }
        let question = self.questions;
        self.questions += 1;
        self.scope.tables = self.surroundings.answers.get(&question).cloned();
        let is_answered = self.scope.tables.is_some();
        (Some(question).filter(|_| self.surroundings.asks), is_answered)
    }

    /// Returns what an expression comes to, also where it reads system catalogs.
    pub(super) fn value_of(&mut self, text: &str, out: &mut Vec<Step>) -> Value {
        let value = expression::value_of(text, &self.scope);
        let is_known = match &value {
            Value::Unknown => false,
            Value::Text(text) => text.as_known().is_some(),
            _ => true,
        };
        if is_known || !self.ask(text, out) {
            return value;
        }
        let value = expression::value_of(text, &self.scope);
        self.scope.tables = None;
        value
    }

    /// Returns whether all that a query selects is known, or is whether there is a row.
    pub(super) fn is_decided(&self, select: &SelectStmt) -> bool {
        expression::targets(select).all(|(_, node)| {
            match expression::first_row(select, node, &self.scope) {
                Value::Unknown => false,
                Value::Text(text) => text.as_known().is_some(),
                Value::Selected(selected) => {
                    selected.column.is_none() && selected.query.exists() != Condition::Unknown
                }
                Value::Truth(condition) => !condition.has_unknown(),
                _ => true,
            }
        })
    }

    /// Reads a loop over rows that are not known, which may be those of a system catalog.
    pub(super) fn asking_loop(
        &mut self,
        question: Option<usize>,
        fields: &'a Json,
        out: &mut Vec<Step>,
    ) -> Flow {
        let before = out.len();
        let flow = self.unknown_loop(fields, out);
        let Some(question) = question else { return flow };
        // A loop that only computes values has no steps.
        let is_loop = out.len() > before && matches!(out.last(), Some(Step::Loop { .. }));
        let pass = match out.pop_if(|_| is_loop) {
            Some(Step::Loop { passes: Passes::Unknown(pass), .. }) => pass,
            _ => Vec::new(),
        };
        out.push(Step::Loop { label: label(fields), passes: Passes::Rows { question, pass } });
        flow
    }
}

/// Returns whether a text may read a system catalog.
fn names_catalog(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("from") && (text.contains("pg_") || text.contains("information_schema"))
}
