//! Calls of functions: what they are given, and what the function does with that.

use std::sync::Arc;

use pg_query::protobuf::{
    CreateFunctionStmt, FuncCall, FunctionParameterMode, SelectStmt, SetOperation, VariableSetStmt,
};
use pg_query::{Node, NodeEnum};

use super::dynamic;
use super::expression::{self, Scope, parse_query, targets};
use super::function::{last_name, option};
use super::rows::scopes;
use super::step::Step;
use super::surroundings::Surroundings;
use super::value::Value;
use super::{reader, repair};
use crate::sql::{Action, ChunkKind, DmlKind, RelationName, split};

/// A call of a function, with what is known of its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionCall {
    /// The function.
    pub name: RelationName,
    /// The arguments, some with the name of their parameter.
    pub arguments: Vec<(Option<Arc<str>>, Given)>,
    /// Whether it runs exactly once; otherwise as often as there are rows.
    pub is_once: bool,
}

/// What a function is given for a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Given {
    /// Nobody knows.
    Unknown,
    /// Null.
    Null,
    /// A text, number or truth value, as it prints.
    Text(Arc<str>),
    /// An array.
    Array(Vec<Given>),
}

impl Given {
    fn new(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Array(items) => Self::Array(items.iter().map(Self::new).collect()),
            value => value.as_known().map_or(Self::Unknown, |text| Self::Text(text.into())),
        }
    }

    fn value(&self) -> Value {
        match self {
            Self::Unknown => Value::Unknown,
            Self::Null => Value::Null,
            Self::Text(text) => Value::text(&**text),
            Self::Array(items) => Value::Array(items.iter().map(Self::value).collect()),
        }
    }
}

/// Returns the calls of a query of which something is known.
pub(in crate::sql) fn calls_in(select: &SelectStmt) -> Vec<FunctionCall> {
    calls_of(select, &Scope::default())
}

/// Reads one call.
pub(in crate::sql) fn call_of(call: &FuncCall) -> Option<FunctionCall> {
    call_with(call, &Scope::default(), true)
}

fn call_with(call: &FuncCall, scope: &Scope, is_once: bool) -> Option<FunctionCall> {
    let mut parts = call.funcname.iter().rev().map(|part| match &part.node {
        Some(NodeEnum::String(part)) => Some(Arc::from(part.sval.as_str())),
        _ => None,
    });
    let (name, schema) = (parts.next()??, parts.next().flatten());
    if schema.as_deref() == Some("pg_catalog") {
        return None;
    }
    let argument = |node: &Node| match &node.node {
        Some(NodeEnum::NamedArgExpr(named)) => {
            let value = named.arg.as_deref().map(|node| expression::value(node, scope));
            (Some(named.name.as_str().into()), Given::new(&value.unwrap_or(Value::Unknown)))
        }
        _ => (None, Given::new(&expression::value(node, scope))),
    };
    let name = RelationName { schema, name };
    let mut arguments: Vec<_> = call.args.iter().map(argument).collect();
    if call.func_variadic {
        arguments.iter_mut().for_each(|(_, given)| *given = Given::Unknown);
    }
    Some(FunctionCall { name, arguments, is_once })
}

fn calls_of(select: &SelectStmt, scope: &Scope) -> Vec<FunctionCall> {
    let is_plain = select.op() == SetOperation::SetopNone
        && select.with_clause.is_none()
        && select.values_lists.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none();
    if !is_plain {
        return Vec::new();
    }
    let called = |node: &Node, scope: &Scope, is_once| {
        called(node).and_then(|call| call_with(call, scope, is_once))
    };
    let from: Vec<&FuncCall> = select.from_clause.iter().filter_map(range_function).collect();
    let is_known = |call: &&FuncCall| {
        let name = expression::function_name(call).unwrap_or_default();
        matches!(name.as_str(), "unnest" | "generate_series" | "string_to_table")
    };
    if from.len() == select.from_clause.len() && !from.is_empty() && !from.iter().any(is_known) {
        let once = from.iter().filter_map(|call| call_with(call, scope, from.len() == 1));
        let each = targets(select).filter_map(|(_, node)| called(node, &Scope::default(), false));
        return once.chain(each).collect();
    }
    let all = || targets(select).map(|(_, node)| node);
    if let Some(rows) = scopes(select, scope) {
        let of_row = |(_, row): &(_, Scope)| -> Vec<FunctionCall> {
            all().filter_map(|node| called(node, row, true)).collect()
        };
        return rows.iter().flat_map(of_row).collect();
    }
    all().filter_map(|node| called(node, &Scope::default(), false)).collect()
}

/// Returns the call that an expression is.
fn called(node: &Node) -> Option<&FuncCall> {
    match node.node.as_ref()? {
        NodeEnum::FuncCall(call) => Some(call),
        NodeEnum::TypeCast(cast) => called(cast.arg.as_deref()?),
        NodeEnum::AIndirection(indirection) => called(indirection.arg.as_deref()?),
        _ => None,
    }
}

fn range_function(node: &Node) -> Option<&FuncCall> {
    let Some(NodeEnum::RangeFunction(function)) = &node.node else { return None };
    let [call] = &function.functions[..] else { return None };
    match &call.node {
        Some(NodeEnum::List(list)) => called(list.items.first()?),
        _ => called(call),
    }
}

/// Gives the calls of a statement in a body the values of its variables.
pub(super) fn resolve(actions: &mut [Action], sql: &str, scope: &Scope) {
    match actions {
        [Action::Dml(dml)] if dml.kind == DmlKind::Select && !dml.functions.is_empty() => {
            if let Some(select) = parse_query(sql) {
                dml.calls = calls_of(&select, scope);
            }
        }
        [Action::Call { call }] => {
            let tree = crate::sql::guarded(|| pg_query::parse(sql, 0)).and_then(Result::ok);
            let statement = tree.and_then(|tree| tree.protobuf.stmts.into_iter().next()?.stmt);
            if let Some(NodeEnum::CallStmt(statement)) = statement.and_then(|node| node.node)
                && let Some(found) =
                    statement.funccall.as_deref().and_then(|found| call_with(found, scope, true))
            {
                *call = found;
            }
        }
        _ => {}
    }
}

/// What a call does.
#[derive(Clone, Debug, Default)]
pub struct Called {
    /// Its steps.
    pub steps: Vec<Step>,
    /// The search path that the function sets.
    pub path: Option<Vec<Arc<str>>>,
}

/// Reads what a call of the function that `sql` makes does; nothing where nobody can say.
pub fn steps_of_call(
    sql: &str,
    arguments: &[(Option<Arc<str>>, Given)],
    surroundings: &Surroundings,
) -> Option<Called> {
    let tree = crate::sql::guarded(|| pg_query::parse(sql, 0))?.ok()?;
    let statement = tree.protobuf.stmts.first()?.stmt.as_ref()?.node.as_ref()?;
    let NodeEnum::CreateFunctionStmt(create) = statement else { return None };
    let mut scope = parameters(create, arguments)?;
    if let Some(name) = last_name(&create.funcname) {
        scope.add_label(&name);
    }
    let language = option(create, "language").unwrap_or("sql".to_owned());
    let text = option(create, "as")?;
    let steps = match language.to_ascii_lowercase().as_str() {
        "plpgsql" => {
            let json = repair::parse_function(sql, create, &text)?;
            reader::steps_with(&json[0]["PLpgSQL_function"], surroundings, scope)
        }
        "sql" => {
            let mut steps = Vec::new();
            for chunk in split(&text).into_iter().filter(|c| c.kind == ChunkKind::Statement) {
                let sql = &text[chunk.span.range()];
                let mut step = dynamic::of_static(sql, 1);
                if let Step::Sql(run) = &mut step {
                    resolve(&mut run.actions, sql, &scope);
                }
                steps.push(step);
            }
            steps
        }
        _ => return None,
    };
    let path = match search_path(create) {
        Some(set) => Some(schemas(set)?),
        None => None,
    };
    Some(Called { steps, path })
}

/// Returns the values of the parameters of a function; nothing if the call does not fit.
fn parameters(
    create: &CreateFunctionStmt,
    arguments: &[(Option<Arc<str>>, Given)],
) -> Option<Scope> {
    use FunctionParameterMode as Mode;
    let mut scope = Scope::default();
    let mut positional =
        arguments.iter().filter(|(name, _)| name.is_none()).map(|(_, given)| given);
    let mut number = 0;
    for node in &create.parameters {
        let Some(NodeEnum::FunctionParameter(parameter)) = &node.node else { return None };
        if parameter.mode() == Mode::FuncParamTable {
            continue;
        }
        let named = || {
            let by_name =
                |(name, _): &&(Option<Arc<str>>, _)| name.as_deref() == Some(&*parameter.name);
            arguments.iter().find(by_name).map(|(_, given)| given)
        };
        let value = match parameter.mode() {
            Mode::FuncParamOut => Value::Null,
            Mode::FuncParamVariadic => {
                let items: Vec<Value> = positional.by_ref().map(Given::value).collect();
                if items.contains(&Value::Unknown) { Value::Unknown } else { Value::Array(items) }
            }
            _ => match positional.next().or_else(named) {
                Some(given) => given.value(),
                None => expression::value(parameter.defexpr.as_deref()?, &Scope::default()),
            },
        };
        number += 1;
        if value == Value::Unknown {
            continue;
        }
        scope.set(format!("${number}"), value.clone());
        if !parameter.name.is_empty() {
            scope.set(parameter.name.clone(), value);
        }
    }
    positional.next().is_none().then_some(scope)
}

/// Returns the clause of a function that sets the search path.
fn search_path(create: &CreateFunctionStmt) -> Option<&VariableSetStmt> {
    create.options.iter().find_map(|node| match &node.node {
        Some(NodeEnum::DefElem(element)) if element.defname == "set" => {
            match &element.arg.as_deref()?.node {
                Some(NodeEnum::VariableSetStmt(set)) if set.name == "search_path" => Some(set),
                _ => None,
            }
        }
        _ => None,
    })
}

/// Returns the schemas that a clause lists; nothing where they are not known.
fn schemas(set: &VariableSetStmt) -> Option<Vec<Arc<str>>> {
    let part = |node: &Node| expression::value(node, &Scope::default()).as_known();
    let parts: Option<Vec<String>> = set.args.iter().map(part).collect();
    let named = parts?.into_iter().filter(|name| !name.is_empty() && name != "$user");
    Some(named.map(Into::into).collect())
}
