//! Reads `IF` and `CASE`, and joins what is known after their branches.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::condition::Condition;
use super::expression::Scope;
use super::reader::{Flow, Reader, line};
use super::step::Step;
use super::{expression, query, variables};

/// What a `CASE` without `ELSE` fails with where no branch is taken.
const CASE_NOT_FOUND: &str = "20000";

impl<'a> Reader<'a> {
    pub(super) fn branch(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        let first = (&fields["cond"], &fields["then_body"]);
        let others = fields["elsif_list"].as_array().into_iter().flatten();
        let others =
            others.map(|one| &one["PLpgSQL_if_elsif"]).map(|one| (&one["cond"], &one["stmts"]));
        let branches: Vec<_> = std::iter::once(first).chain(others).collect();
        self.branches(&branches, Some(&fields["else_body"]), line(fields), out)
    }

    pub(super) fn case(&mut self, fields: &'a Json, out: &mut Vec<Step>) -> Flow {
        if let Some(tested) = query(&fields["t_expr"]) {
            let at = variables::number(&fields["t_varno"]);
            let name = self.datums.get(at).map_or("", |datum| datum.name);
            let value = expression::value_of(tested, &self.scope);
            self.scope.set(name, value);
        }
        let branches = fields["case_when_list"].as_array().into_iter().flatten();
        let branches = branches.map(|one| &one["PLpgSQL_case_when"]);
        let branches: Vec<_> = branches.map(|one| (&one["expr"], &one["stmts"])).collect();
        let has_else = fields["have_else"].as_bool() == Some(true);
        self.branches(&branches, has_else.then_some(&fields["else_stmts"]), line(fields), out)
    }

    /// Reads the branches of `IF` and `CASE`; a `CASE` without `ELSE` fails where none is taken.
    fn branches(
        &mut self,
        parts: &[(&'a Json, &'a Json)],
        otherwise: Option<&'a Json>,
        line: u32,
        out: &mut Vec<Step>,
    ) -> Flow {
        let mut branches = Vec::new();
        let mut ends: Vec<(Condition, Option<Scope>)> = Vec::new();
        let before = self.scope.clone();
        let mut is_decided = false;
        let mut assigned = HashSet::new();
        for body in parts.iter().map(|(_, body)| *body).chain(otherwise) {
            variables::assigned(body, &self.datums, &mut assigned, 0);
        }
        for (condition, body) in parts {
            self.scope = before.clone();
            let condition = self.condition(condition, !assigned.is_empty(), line, out);
            if condition == Condition::Constant(false) {
                continue;
            }
            let (body, flow) = self.body(body);
            let end = (flow == Flow::GoesOn).then(|| self.scope.clone());
            is_decided = condition == Condition::Constant(true);
            ends.push((condition.clone(), end));
            branches.push((condition, body));
            if is_decided {
                break;
            }
        }
        self.scope = before.clone();
        let (rest, rest_flow) = match otherwise {
            _ if is_decided => {
                let (condition, end) = ends.pop().unwrap_or((Condition::Unknown, None));
                let flow = if end.is_some() { Flow::GoesOn } else { Flow::Ends };
                self.scope = end.unwrap_or_else(|| before.clone());
                let body = branches.pop().map(|(_, body)| body).unwrap_or_default();
                debug_assert_eq!(condition, Condition::Constant(true));
                (body, flow)
            }
            Some(body) => self.body(body),
            None => {
                let (sqlstate, message) = (Some(CASE_NOT_FOUND.into()), None);
                (vec![Step::Raise { sqlstate, message, line }], Flow::Ends)
            }
        };
        let mut after = (rest_flow == Flow::GoesOn).then(|| self.scope.clone());
        for (condition, end) in ends.iter().rev() {
            after = match (end, after) {
                (Some(end), Some(after)) => Some(variables::merged(Some(condition), end, &after)),
                (Some(end), None) => Some(end.clone()),
                (None, after) => after,
            };
        }
        if branches.is_empty() {
            out.extend(rest);
        } else if !rest.is_empty() || branches.iter().any(|(_, body)| !body.is_empty()) {
            out.push(Step::If { branches, otherwise: rest });
        }
        let flow = if after.is_some() { Flow::GoesOn } else { Flow::Ends };
        self.scope = after.unwrap_or(before);
        flow
    }
}
