//! Unrolls loops over known values, and reads the others once.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::condition::Condition;
use super::reader::{Flow, Reader, label, line};
use super::rows::{MAX_ROWS, integers, rows};
use super::step::{Passes, Step, for_each_step};
use super::value::Value;
use super::{catalog_query, expression, query, variables};

/// The most steps that a block is unrolled into.
const MAX_STEPS: usize = 20_000;

impl<'a> Reader<'a> {
    pub(super) fn leave(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let label = label(fields);
        let is_labelled = label.is_some();
        let step = match fields["is_exit"].as_bool() {
            Some(true) => Step::Exit { label },
            _ => Step::Continue { label },
        };
        let condition = match query(&fields["cond"]) {
            None => Condition::Constant(true),
            Some(_) => self.condition(&fields["cond"], false, line(fields), out),
        };
        if condition == Condition::Constant(false) {
            return Flow::GoesOn;
        }
        self.leaving.push(self.scope.clone());
        if is_labelled {
            self.labelled = Some(match &self.labelled {
                Some(other) => variables::merged(None, other, &self.scope),
                None => self.scope.clone(),
            });
        }
        match condition {
            Condition::Constant(true) => {
                out.push(step);
                Flow::Ends
            }
            condition => {
                let branches = vec![(condition, vec![step])];
                out.push(Step::If { branches, otherwise: Vec::new() });
                Flow::GoesOn
            }
        }
    }

    /// Joins what was known where the loop was left with what is known now.
    pub(super) fn join_leaving(&mut self, flow: Flow) {
        let leaving = std::mem::take(&mut self.leaving);
        // A label may be that of any loop around: what was known there counts everywhere.
        let mut leaving = leaving.into_iter().chain(self.labelled.clone());
        if flow == Flow::Ends
            && let Some(first) = leaving.next()
        {
            self.scope = first;
        }
        for scope in leaving {
            self.scope = variables::merged(None, &self.scope, &scope);
        }
    }

    pub(super) fn unknown_loop(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        self.evaluate(&fields["cond"], line(fields), out);
        let outer = std::mem::take(&mut self.leaving);
        self.forget_assigned(fields);
        self.forget_catalog(None);
        let before = self.scope.clone();
        let (pass, _) = self.body(&fields["body"]);
        self.scope = before;
        self.leaving.clear();
        self.join_leaving(Flow::GoesOn);
        self.leaving = outer;
        if !pass.is_empty() {
            out.push(Step::Loop { label: label(fields), passes: Passes::Unknown(pass) });
        }
        Flow::GoesOn
    }

    /// Reads a loop over known values, each of which `bind` gives to the loop's variables.
    fn known_loop(
        &mut self,
        fields: &'a Json,
        values: Vec<HashMap<String, Value>>,
        out: &mut Vec<Step>,
    ) -> Flow {
        let outer = std::mem::take(&mut self.leaving);
        let mut passes = Vec::new();
        let mut left = Vec::new();
        for value in values {
            value.into_iter().for_each(|(name, value)| self.scope.set(name, value));
            let (pass, flow) = self.body(&fields["body"]);
            let goes_on = flow == Flow::GoesOn || continues(&pass);
            if flow == Flow::Ends && self.leaving.is_empty() && passes.is_empty() {
                // The first pass ends the block.
                passes.push(pass);
                self.leaving = outer;
                out.push(Step::Loop { label: label(fields), passes: Passes::Known(passes) });
                return Flow::Ends;
            }
            left.extend(self.leaving.iter().cloned());
            self.join_leaving(flow);
            passes.push(pass);
            if !goes_on {
                break;
            }
        }
        self.leaving = left;
        self.join_leaving(Flow::GoesOn);
        self.leaving = outer;
        self.scope.forget("found");
        if passes.iter().any(|pass| !pass.is_empty()) {
            out.push(Step::Loop { label: label(fields), passes: Passes::Known(passes) });
        }
        Flow::GoesOn
    }

    pub(super) fn integer_loop(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let number =
            |field: &str| expression::value_of(query(&fields[field])?, &self.scope).as_integer();
        let step = match query(&fields["step"]) {
            None => Some(1),
            Some(_) => number("step").filter(|step| *step > 0),
        };
        let is_reverse = fields["reverse"].as_bool() == Some(true);
        let range = number("lower").zip(number("upper")).zip(step);
        let values = range.and_then(|((first, last), step)| {
            integers(first, last, if is_reverse { -step } else { step })
        });
        let name = fields["var"]["PLpgSQL_var"]["refname"].as_str().unwrap_or_default();
        let outside = self.scope.get(name).cloned();
        let flow = match values.filter(|_| self.steps < MAX_STEPS) {
            Some(values) => {
                let one = |value| HashMap::from([(name.to_owned(), value)]);
                let values = values.into_iter().map(one).collect();
                self.known_loop(fields, values, out)
            }
            None => self.unknown_loop(fields, out),
        };
        match outside {
            Some(value) => self.scope.set(name, value),
            None => self.scope.forget(name),
        }
        flow
    }

    pub(super) fn array_loop(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let array = query(&fields["expr"]).map(|text| expression::value_of(text, &self.scope));
        let is_plain = fields["slice"].as_i64().unwrap_or_default() == 0;
        let items = match array {
            Some(Value::Array(items)) if is_plain && items.len() <= MAX_ROWS => items,
            _ => return self.unknown_loop(fields, out),
        };
        let at = variables::number(&fields["varno"]);
        let name = self.datums.get(at).map_or("", |datum| datum.name).to_owned();
        if self.steps > MAX_STEPS || items.iter().any(|item| matches!(item, Value::Array(_))) {
            return self.unknown_loop(fields, out);
        }
        let one = |value| HashMap::from([(name.clone(), value)]);
        let values = items.into_iter().map(one).collect();
        self.known_loop(fields, values, out)
    }

    pub(super) fn cursor_loop(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let cursor = self.datum(fields["curvar"].as_u64().unwrap_or_default());
        match cursor.and_then(|cursor| cursor.cursor_expression) {
            Some(query) => self.query_loop(query, fields, out),
            None => self.unknown_loop(fields, out),
        }
    }

    pub(super) fn query_loop(
        &mut self,
        source: &'a Json,
        fields: &'a Json,
        out: &mut Vec<Step>,
    ) -> Flow {
        let select = query(source).and_then(expression::parse_query);
        let (question, _) = self.next_question(query(source).unwrap_or_default());
        let found = select.as_ref().and_then(|select| rows(select, &self.scope));
        let is_answered = self.scope.tables.take().is_some();
        let bound = found.filter(|_| self.steps < MAX_STEPS).and_then(|rows| {
            let bind = |row| variables::bind(&fields["var"], &self.datums, row);
            rows.into_iter().map(bind).collect::<Option<Vec<_>>>()
        });
        if let Some(values) = bound {
            return self.known_loop(fields, values, out);
        }
        let is_catalog_query = select
            .as_ref()
            .is_some_and(|select| catalog_query::read(select, &self.scope).is_some());
        if !is_catalog_query {
            self.run(source, line(fields), out);
        }
        self.asking_loop(question.filter(|_| !is_answered), fields, out)
    }
}

/// Returns whether a pass may end with `CONTINUE`, so that there is a next one.
fn continues(pass: &[Step]) -> bool {
    let mut found = false;
    for_each_step(pass, &mut |step| found |= matches!(step, Step::Continue { .. }));
    found
}
