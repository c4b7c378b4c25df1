//! Reads the body of a function: what it names, and what it does when it is called.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pg_query::NodeEnum;
use pg_query::protobuf::CreateFunctionStmt;
use serde_json::Value as Json;

use super::step::{Step, for_each_step};
use super::variables::{self, assignment};
use super::{dynamic, query, reader, repair};
use crate::sql::{Action, ChunkKind, RelationName, split};

/// The deepest nesting of a body that is looked into.
const MAX_DEPTH: usize = 1000;

/// What the body of a function or procedure names and does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BodyNames {
    /// The relations, as the body spells them; sorted.
    pub relations: Vec<RelationName>,
    /// The functions that it calls; sorted.
    pub functions: Vec<RelationName>,
    /// The columns; sorted.
    pub columns: Vec<ColumnReference>,
    /// Whether there may be more: it executes SQL that is not known, or could not be read.
    pub is_dynamic: bool,
    /// Whether calling it may change the schema.
    pub changes_schema: bool,
    /// What it does when it is called, step by step.
    pub body: Vec<Step>,
}

/// A column that a body names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnReference {
    /// The relations that it may be a column of; none where nobody knows.
    pub relations: Vec<RelationName>,
    /// What the body puts before it and what stands for no relation: `new`, `old`, a sub-query.
    pub qualifier: Option<Arc<str>>,
    /// The column.
    pub column: Arc<str>,
}

/// Reads a `CREATE FUNCTION` or `CREATE PROCEDURE` statement; nothing for any other.
pub fn names_in_function(sql: &str) -> Option<BodyNames> {
    let tree = crate::sql::guarded(|| pg_query::parse(sql, 0))?.ok()?;
    let statement = tree.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()?;
    let NodeEnum::CreateFunctionStmt(create) = statement else { return None };
    let mut found = Names::default();
    let mut names = BodyNames::default();
    let language = option(create, "language").unwrap_or("sql".to_owned());
    let text = option(create, "as").unwrap_or_default();
    match language.to_ascii_lowercase().as_str() {
        "plpgsql" => match repair::parse_function(sql, create, &text) {
            Some(json) => {
                let function = &json[0]["PLpgSQL_function"];
                names.body = reader::steps(function);
                found.add_function(function);
            }
            None => names.is_dynamic = true,
        },
        "sql" => {
            for parameter in &create.parameters {
                if let Some(NodeEnum::FunctionParameter(parameter)) = &parameter.node {
                    found.variables.insert(parameter.name.clone());
                }
            }
            found.variables.insert(last_name(&create.funcname).unwrap_or_default());
            if let Some(body) = &create.sql_body {
                found.add_tree(&serde_json::to_value(body).unwrap_or_default());
            }
            for chunk in split(&text) {
                if chunk.kind == ChunkKind::Statement {
                    let sql = &text[chunk.span.range()];
                    names.is_dynamic |= !found.add_sql(sql);
                    names.body.push(dynamic::of_static(sql, 1));
                }
            }
        }
        _ => names.is_dynamic = true,
    }
    for_each_step(&names.body, &mut |step| match step {
        Step::Sql(run) if run.is_computed => {
            found.add_sql(&run.sql);
            names.changes_schema |= run.actions.iter().any(changes_schema);
        }
        Step::Sql(run) => names.changes_schema |= run.actions.iter().any(changes_schema),
        Step::Dynamic(dynamic) => {
            names.is_dynamic = true;
            names.changes_schema |= !dynamic.is_dml();
        }
        _ => {}
    });
    names.relations = found.relations.into_iter().collect();
    names.functions = found.functions.into_iter().collect();
    names.columns = found.columns.into_iter().collect();
    Some(names)
}

fn changes_schema(action: &Action) -> bool {
    !matches!(
        action,
        Action::Dml(_)
            | Action::Set(_)
            | Action::Truncate { .. }
            | Action::Lock { .. }
            | Action::Analyze { .. }
            | Action::Vacuum { .. }
            | Action::Reindex { .. }
            | Action::RefreshMaterializedView { .. }
            | Action::Comment { .. }
            | Action::Transaction(_)
            | Action::Call { .. }
            | Action::Other { .. }
    )
}

/// Returns the text of an option of `CREATE FUNCTION`.
pub(super) fn option(create: &CreateFunctionStmt, name: &str) -> Option<String> {
    let text = |node: &pg_query::Node| match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.clone()),
        Some(NodeEnum::List(list)) => list.items.first().and_then(|node| match &node.node {
            Some(NodeEnum::String(text)) => Some(text.sval.clone()),
            _ => None,
        }),
        _ => None,
    };
    create.options.iter().find_map(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) if element.defname == name => text(element.arg.as_ref()?),
        _ => None,
    })
}

pub(super) fn last_name(names: &[pg_query::Node]) -> Option<String> {
    match &names.last()?.node {
        Some(NodeEnum::String(name)) => Some(name.sval.clone()),
        _ => None,
    }
}

#[derive(Default)]
struct Names {
    /// Names that stand for variables, not for columns.
    variables: BTreeSet<String>,
    relations: BTreeSet<RelationName>,
    functions: BTreeSet<RelationName>,
    columns: BTreeSet<ColumnReference>,
}

/// What one statement names.
#[derive(Default)]
struct StatementNames {
    /// The relations by the names that they go by in it.
    ranges: BTreeMap<String, RelationName>,
    /// Names of `WITH` queries and aliases of sub-queries.
    others: BTreeSet<String>,
    columns: Vec<(Option<String>, String)>,
    /// Columns of the relation that is inserted into or updated.
    targets: Vec<(RelationName, String)>,
}

impl Names {
    fn add_function(&mut self, function: &Json) {
        for datum in variables::datums(function) {
            if !matches!(datum.name, "" | "new" | "old") {
                self.variables.insert(datum.name.to_owned());
            }
            self.add_type(datum.type_name);
        }
        self.add_expressions(function, 0);
    }

    /// Adds what `table.column%TYPE` and `table%ROWTYPE` name.
    fn add_type(&mut self, type_name: &str) {
        let Some((name, suffix)) = type_name.split_once('%') else { return };
        let mut parts: Vec<&str> = name.split('.').map(|part| part.trim_matches('"')).collect();
        let is_column = suffix.eq_ignore_ascii_case("type");
        let column = if is_column && parts.len() > 1 { parts.pop() } else { None };
        if is_column && column.is_none() {
            return;
        }
        let Some(name) = parts.pop() else { return };
        let relation = RelationName { schema: parts.pop().map(Into::into), name: name.into() };
        self.relations.insert(relation.clone());
        if let Some(column) = column {
            let (relations, column) = (vec![relation], column.into());
            self.columns.insert(ColumnReference { relations, qualifier: None, column });
        }
    }

    fn add_expressions(&mut self, json: &Json, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match json {
            Json::Array(items) => {
                items.iter().for_each(|item| self.add_expressions(item, depth + 1));
            }
            Json::Object(fields) => {
                if let Some(text) = query(json) {
                    let mode = fields["PLpgSQL_expr"]["parseMode"].as_u64().unwrap_or_default();
                    match mode {
                        0 => self.add_sql(text),
                        2 => self.add_sql(&format!("SELECT {text}")),
                        _ => assignment(text)
                            .is_some_and(|(_, value)| self.add_sql(&format!("SELECT {value}"))),
                    };
                }
                fields.values().for_each(|value| self.add_expressions(value, depth + 1));
            }
            _ => {}
        }
    }

    /// Adds what a statement names; returns whether it parses.
    fn add_sql(&mut self, sql: &str) -> bool {
        let Some(Ok(tree)) = crate::sql::guarded(|| pg_query::parse(sql, 0)) else { return false };
        for statement in &tree.protobuf.stmts {
            self.add_tree(&serde_json::to_value(statement).unwrap_or_default());
        }
        true
    }

    fn add_tree(&mut self, tree: &Json) {
        let mut statement = StatementNames::default();
        self.walk(tree, &mut statement, 0);
        statement.ranges.retain(|name, relation| {
            let is_with = relation.schema.is_none() && statement.others.contains(&*relation.name);
            if is_with {
                statement.others.insert(name.clone());
            }
            !is_with
        });
        self.relations.extend(statement.ranges.values().cloned());
        for (relation, column) in statement.targets {
            let (relations, column) = (vec![relation], column.into());
            self.columns.insert(ColumnReference { relations, qualifier: None, column });
        }
        let all: BTreeSet<RelationName> = statement.ranges.values().cloned().collect();
        for (qualifier, column) in statement.columns {
            let column: Arc<str> = column.into();
            let reference = match qualifier {
                None if self.variables.contains(&*column) => continue,
                None => {
                    let relations = all.iter().cloned().collect();
                    ColumnReference { relations, qualifier: None, column }
                }
                Some(name) => match statement.ranges.get(&name) {
                    Some(relation) => {
                        let relations = vec![relation.clone()];
                        ColumnReference { relations, qualifier: None, column }
                    }
                    None if self.variables.contains(&name) => continue,
                    None => {
                        let qualifier = Some(name.into());
                        ColumnReference { relations: Vec::new(), qualifier, column }
                    }
                },
            };
            self.columns.insert(reference);
        }
    }

    fn walk(&mut self, json: &Json, out: &mut StatementNames, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        match json {
            Json::Array(items) => items.iter().for_each(|item| self.walk(item, out, depth + 1)),
            Json::Object(fields) => {
                if let Some(relation) = range(json) {
                    let alias = json["alias"]["aliasname"].as_str().unwrap_or(&relation.name);
                    out.ranges.insert(alias.to_owned(), relation);
                } else if let Some(alias) = json["alias"]["aliasname"].as_str() {
                    out.others.insert(alias.to_owned());
                }
                for (kind, value) in fields {
                    match kind.as_str() {
                        "ColumnRef" => {
                            let mut parts = strings(&value["fields"]);
                            if let Some(column) = parts.pop() {
                                out.columns.push((parts.pop(), column));
                            }
                        }
                        "FuncCall" => {
                            let mut parts = strings(&value["funcname"]);
                            if let Some(name) = parts.pop() {
                                let schema = parts.pop().map(Into::into);
                                self.functions.insert(RelationName { schema, name: name.into() });
                            }
                        }
                        "CommonTableExpr" => {
                            out.others.extend(value["ctename"].as_str().map(str::to_owned));
                        }
                        "InsertStmt" | "UpdateStmt" => {
                            let list = if kind == "InsertStmt" { "cols" } else { "target_list" };
                            let columns = value[list].as_array().into_iter().flatten();
                            let name = |node: &Json| {
                                node["node"]["ResTarget"]["name"].as_str().map(str::to_owned)
                            };
                            if let Some(relation) = range(&value["relation"]) {
                                let targets = columns.filter_map(name);
                                out.targets.extend(targets.map(|name| (relation.clone(), name)));
                            }
                        }
                        _ => {}
                    }
                    self.walk(value, out, depth + 1);
                }
            }
            _ => {}
        }
    }
}

/// Reads a relation of the grammar's tree.
fn range(json: &Json) -> Option<RelationName> {
    let name = json["relname"].as_str().filter(|name| !name.is_empty())?;
    let schema = json["schemaname"].as_str().filter(|schema| !schema.is_empty());
    Some(RelationName { schema: schema.map(Into::into), name: name.into() })
}

/// Returns the strings of a list of names; a `*` ends it.
fn strings(list: &Json) -> Vec<String> {
    let list = list.as_array().into_iter().flatten();
    let strings: Option<Vec<String>> =
        list.map(|node| node["node"]["String"]["sval"].as_str().map(str::to_owned)).collect();
    strings.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(names: &BodyNames) -> Vec<String> {
        let one = |reference: &ColumnReference| {
            let relations: Vec<String> =
                reference.relations.iter().map(ToString::to_string).collect();
            let qualifier = reference.qualifier.as_deref().unwrap_or_default();
            format!("{}{qualifier}.{}", relations.join("|"), reference.column)
        };
        names.columns.iter().map(one).collect()
    }

    fn list(names: &[RelationName]) -> String {
        names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_trigger_function_names_what_it_reads_and_writes() {
        let names = names_in_function(
            "create function f() returns trigger language plpgsql as $$
             declare v users.email%type; n int;
             begin
               select u.name into v from app.users u where u.id = new.user_id and n = 1;
               insert into log (message) values (lower(v));
               update totals set amount = amount + n;
               return new;
             end $$",
        )
        .expect("it is a function");
        assert_eq!(list(&names.relations), "log totals users app.users");
        assert_eq!(list(&names.functions), "lower");
        assert_eq!(
            columns(&names),
            [
                "new.user_id",
                "log.message",
                "totals.amount",
                "users.email",
                "app.users.id",
                "app.users.name"
            ]
        );
        assert!(!names.is_dynamic && !names.changes_schema);
    }

    #[test]
    fn sql_functions_are_read_in_both_forms() {
        for body in
            ["as 'select a from t where b = p'", "begin atomic select a from t where b = p; end"]
        {
            let sql = format!("create function f(p int) returns int language sql {body}");
            let names = names_in_function(&sql).expect("it is a function");
            assert_eq!(list(&names.relations), "t", "{body}");
            assert_eq!(columns(&names), ["t.a", "t.b"], "{body}");
        }
    }

    #[test]
    fn functions_that_execute_ddl_say_so() {
        let names = |statements: &str| {
            let head = "create function f(p text) returns void language plpgsql as";
            names_in_function(&format!("{head} $$ begin {statements} end $$")).expect("a function")
        };
        assert!(names("create table t (a int);").changes_schema);
        assert!(names("execute 'drop table t';").changes_schema);
        let dynamic = names("execute format('alter table %I add a int', p);");
        assert!(dynamic.changes_schema && dynamic.is_dynamic);
        let query = names("execute 'select * from ' || p;");
        assert!(!query.changes_schema && query.is_dynamic);
        let trusted = names_in_function("create function f() returns int language plperl as 'x'");
        assert!(trusted.expect("a function").is_dynamic);
    }
}
