//! What queries give to variables, and questions to the system catalogs, whose rows are known only where a body runs.

use std::collections::HashSet;
use std::rc::Rc;

use pg_query::protobuf::SelectStmt;
use serde_json::Value as Json;

use super::condition::Condition;
use super::reader::{Flow, Reader, label};
use super::step::{Passes, Step};
use super::table_rows::Tables;
use super::value::Value;
use super::variables;
use super::{catalog_query, expression};

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
        self.scope.tables = self
            .surroundings
            .answers
            .get(&question)
            .cloned()
            .map(|tables| Rc::new(Tables::new(tables)));
        let is_answered = self.scope.tables.is_some();
        (Some(question).filter(|_| self.surroundings.asks), is_answered)
    }

    /// Returns what an expression comes to, also where it reads system catalogs.
    pub(super) fn value_of(&mut self, text: &str, out: &mut Vec<Step>) -> Value {
        let value = expression::value_of(text, &self.scope);
        let is_known = match &value {
            Value::Unknown => false,
            Value::Text(text) => text.as_known().is_some(),
            Value::Selected(selected) => is_text(&selected.known),
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
                    is_text(&selected.known) && selected.query.exists() != Condition::Unknown
                }
                Value::Truth(condition) => !condition.has_unknown(),
                _ => true,
            }
        })
    }

    /// Sets the variables that a query selects into.
    pub(super) fn select_into(&mut self, text: Option<&str>, target: &Json) {
        let select = text.and_then(expression::parse_query);
        let mut values = Vec::new();
        let mut found = Condition::Unknown;
        if let Some(select) = &select {
            for (name, node) in expression::targets(select) {
                let value = expression::first_row(select, node, &self.scope);
                if matches!(value, Value::Count(_)) {
                    found = Condition::Constant(true);
                }
                values.push((name.to_owned(), value));
            }
            if found == Condition::Unknown {
                found = self.finds(select);
            }
        }
        if let Some(fields) = target["PLpgSQL_row"]["fields"].as_array() {
            for (at, field) in fields.iter().enumerate() {
                let datum = variables::number(&field["varno"]);
                let name = self.datums.get(datum).map_or("", |datum| datum.name);
                let value = values.get(at).map_or(Value::Unknown, |(_, value)| value.clone());
                let value = if values.len() == fields.len() { value } else { Value::Unknown };
                self.assign_to(datum, name, value);
            }
        } else {
            let mut names = HashSet::new();
            variables::assigned_to(target, &self.datums, &mut names);
            for name in names {
                let known = !values.is_empty() && values.iter().all(|(name, _)| !name.is_empty());
                match known {
                    true => self.scope.set(name, Value::Record(values.clone())),
                    false => self.scope.forget(&name),
                }
            }
        }
        self.scope.set("found", Value::Truth(found));
    }

    /// Returns the condition that a query finds a row.
    pub(super) fn finds(&self, select: &pg_query::protobuf::SelectStmt) -> Condition {
        if select.from_clause.is_empty() && select.values_lists.is_empty() {
            return Condition::Constant(select.where_clause.is_none());
        }
        catalog_query::exists(select, &self.scope)
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

fn is_text(value: &Value) -> bool {
    value.as_known().is_some()
}

/// Returns whether a text may read a system catalog.
fn names_catalog(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    text.contains("from") && (text.contains("pg_") || text.contains("information_schema"))
}
