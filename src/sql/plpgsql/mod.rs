//! Reads the body of a `DO` block: the SQL in it, and what it does with transactions.

mod branches;
mod call;
mod catalog_query;
mod catalog_reader;
mod catalog_tables;
mod comparison;
mod condition;
mod dynamic;
mod expression;
mod fact;
mod function;
mod functions;
mod loops;
mod operators;
mod questions;
mod reader;
mod repair;
mod rows;
mod step;
mod surroundings;
mod table_rows;
mod value;
mod variables;
mod wanted;

use serde_json::Value;

pub use call::{Called, FunctionCall, Given, steps_of_call};
pub(super) use call::{call_of, calls_in};
pub use condition::{Comparison, Condition};
pub use fact::{ColumnFact, Fact, ObjectName, RelationKind, SchemaName};
pub use function::{BodyNames, ColumnReference, names_in_function};
pub use step::{Dynamic, Handler, Passes, Run, Step, for_each_step};
pub use surroundings::{Answers, Cell, Surroundings, SystemTables, TableRows};

use super::DoBlock;
use expression::Scope;

/// Reads the `DO` statement `sql`; a body in another language, or one that does not parse, counts as
/// dynamic: nobody can say what it does.
pub(super) fn read(sql: &str, language: &str) -> DoBlock {
    let mut block = DoBlock { language: language.to_owned(), ..DoBlock::default() };
    if !language.eq_ignore_ascii_case("plpgsql") {
        block.is_dynamic = true;
        block.body = vec![dynamic::unread(sql)];
        return block;
    }
    if let Some(body) = repair::parse(sql) {
        walk(&body, &mut block, 0);
        block.body = reader::steps(&body[0]["PLpgSQL_function"]);
        let mut asks = false;
        for_each_step(&block.body, &mut |step| {
            asks |= matches!(step, Step::Loop { passes: Passes::Rows { .. }, .. });
        });
        block.source = asks.then(|| sql.into());
    } else {
        block.is_dynamic = true;
        block.body = vec![dynamic::unread(sql)];
    }
    block
}

/// Reads the steps of a `DO` statement again, with what is known where it runs; nothing where it does not
/// parse.
pub fn steps_of_block(sql: &str, surroundings: &Surroundings) -> Option<Vec<Step>> {
    let body = repair::parse(sql)?;
    Some(reader::steps_with(&body[0]["PLpgSQL_function"], surroundings, Scope::default()))
}

/// The deepest nesting of a body that is looked into.
const MAX_DEPTH: usize = 300;

fn walk(value: &Value, block: &mut DoBlock, depth: usize) {
    if depth > MAX_DEPTH {
        block.is_dynamic = true;
        return;
    }
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, block, depth + 1)),
        Value::Object(fields) => {
            for (kind, fields) in fields {
                statement(kind, fields, block);
                walk(fields, block, depth + 1);
            }
        }
        _ => {}
    }
}

fn statement(kind: &str, fields: &Value, block: &mut DoBlock) {
    match kind {
        "PLpgSQL_stmt_commit" | "PLpgSQL_stmt_rollback" => block.ends_transaction = true,
        "PLpgSQL_stmt_if"
        | "PLpgSQL_stmt_case"
        | "PLpgSQL_stmt_loop"
        | "PLpgSQL_stmt_while"
        | "PLpgSQL_stmt_fori"
        | "PLpgSQL_stmt_fors"
        | "PLpgSQL_stmt_forc"
        | "PLpgSQL_stmt_foreach_a" => block.is_conditional = true,
        "PLpgSQL_exception_block" | "exceptions" => {
            block.catches_errors = true;
            block.is_conditional = true;
        }
        "PLpgSQL_stmt_execsql" => {
            if let Some(query) = query(&fields["sqlstmt"]) {
                block.actions.extend(super::actions_of(query));
            }
        }
        "PLpgSQL_stmt_dynexecute" | "PLpgSQL_stmt_dynfors" => {
            match query(&fields["query"]).and_then(literal) {
                Some(sql) => block.actions.extend(super::actions_of(&sql)),
                None => block.is_dynamic = true,
            }
        }
        _ => {}
    }
}

fn query(expression: &Value) -> Option<&str> {
    expression["PLpgSQL_expr"]["query"].as_str()
}

/// Returns the text of an expression that is one string constant, as in `EXECUTE '...'`.
fn literal(expression: &str) -> Option<String> {
    let mut lexemes = super::lex::lexemes(expression);
    let (first, None) = (lexemes.next()?, lexemes.next()) else { return None };
    super::string_value(first)
}

#[cfg(test)]
mod tests;
