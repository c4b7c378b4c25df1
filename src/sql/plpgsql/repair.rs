//! Parses bodies, around what the parser refuses because it has no server to ask.
//!
//! It knows no table, so no fields of a row type; it knows no schema but `public`, so no type of
//! another; and it describes trigger functions in JSON that is broken.

use std::ops::Range;

use pg_query::NodeEnum;
use pg_query::protobuf::{CreateFunctionStmt, FunctionParameterMode};
use serde_json::Value as Json;

use crate::sql::lex::{Lexeme, TokenKind, lexemes};

/// What a trigger function finds declared.
const TRIGGER_PARAMETERS: &str = "new record, old record, tg_name text, tg_when text, tg_level text, \
     tg_op text, tg_relid oid, tg_relname text, tg_table_name text, tg_table_schema text, \
     tg_nargs int, tg_argv text[]";

/// The types of most variables.
const COMMON: &[&str] = &[
    "bigint",
    "bool",
    "boolean",
    "bytea",
    "char",
    "character",
    "date",
    "decimal",
    "double",
    "float",
    "inet",
    "int",
    "int2",
    "int4",
    "int8",
    "integer",
    "interval",
    "json",
    "jsonb",
    "name",
    "numeric",
    "oid",
    "real",
    "record",
    "refcursor",
    "regclass",
    "smallint",
    "text",
    "time",
    "timestamp",
    "timestamptz",
    "uuid",
    "varchar",
];

/// What an event trigger's function finds declared.
const EVENT_PARAMETERS: &str = "tg_event text, tg_tag text";

/// Parses a `DO` or `CREATE FUNCTION` statement.
pub(super) fn parse(sql: &str) -> Option<Json> {
    let parse = |sql: &str| crate::sql::guarded(|| pg_query::parse_plpgsql(sql))?.ok();
    parse(sql)
        .or_else(|| parse(&with_types(sql, "record")?))
        .or_else(|| parse(&with_types(sql, "text")?))
        // So Play evolutions spell a `;` that does not end a statement of theirs; for the server it is
        // a mistake.
        .or_else(|| sql.contains(";;").then(|| parse(&sql.replace(";;", "; ")))?)
}

/// Parses the body of a function.
pub(super) fn parse_function(sql: &str, create: &CreateFunctionStmt, body: &str) -> Option<Json> {
    let returned =
        create.return_type.as_ref().and_then(|name| super::function::last_name(&name.names));
    match returned.as_deref() {
        Some("trigger") => parse(&rebuilt(TRIGGER_PARAMETERS, "record", body)),
        Some("event_trigger") => parse(&rebuilt(EVENT_PARAMETERS, "void", body)),
        _ => parse(sql).or_else(|| {
            let parameters: Vec<String> = create.parameters.iter().filter_map(parameter).collect();
            let is_set = create.return_type.as_ref().is_some_and(|name| name.setof);
            let returned = match returned.as_deref() {
                Some("void") => "void",
                Some(_) if is_set => "setof record",
                Some(_) => "record",
                None => "",
            };
            parse(&rebuilt(&parameters.join(", "), returned, body))
        }),
    }
}

/// Returns a parameter as one of a type that is known everywhere.
fn parameter(node: &pg_query::Node) -> Option<String> {
    let Some(NodeEnum::FunctionParameter(parameter)) = &node.node else { return None };
    let mode = match parameter.mode() {
        FunctionParameterMode::FuncParamOut => "out ",
        FunctionParameterMode::FuncParamInout => "inout ",
        FunctionParameterMode::FuncParamTable => return None,
        _ => "",
    };
    let name = parameter.name.replace('"', "\"\"");
    let name = if name.is_empty() { name } else { format!("\"{name}\"") };
    Some(format!("{mode}{name} text"))
}

/// Returns a function with another head. `$` and quotes of its body stay as they are.
fn rebuilt(parameters: &str, returned: &str, body: &str) -> String {
    let mut tag = "$body$".to_owned();
    while body.contains(&tag) {
        tag.insert(1, '_');
    }
    let returned = if returned.is_empty() { String::new() } else { format!("returns {returned}") };
    let kind = if returned.is_empty() { "procedure" } else { "function" };
    format!("create {kind} f({parameters}) {returned} language plpgsql as {tag}{body}{tag}")
}

/// Gives declared variables of a row type, or of a type in a schema, another type; nothing if there
/// is none.
fn with_types(sql: &str, type_name: &str) -> Option<String> {
    let literal =
        lexemes(sql).find(|lexeme| lexeme.text.starts_with('$') && lexeme.text.len() > 1)?;
    let tag = literal.text[1..].find('$')? + 2;
    let body = literal.text.get(tag..literal.text.len() - tag)?;
    let base = literal.start + tag;
    let found: Vec<Lexeme<'_>> = lexemes(body).collect();
    let mut output = String::with_capacity(sql.len());
    let mut from = 0;
    for place in foreign_types(&found, type_name == "text") {
        output.push_str(&sql[from..base + place.start]);
        let is_row = body[place.clone()].to_ascii_lowercase().ends_with("rowtype");
        output.push_str(if is_row { "record" } else { type_name });
        from = base + place.end;
    }
    output.push_str(&sql[from..]);
    (from > 0).then_some(output)
}

/// Returns where declarations name types that the parser cannot look up; with `also_unknown`, also
/// those of which it knows only that they may be row types.
fn foreign_types(lexemes: &[Lexeme<'_>], also_unknown: bool) -> Vec<Range<usize>> {
    let mut places = Vec::new();
    let mut is_declaring = false;
    let mut at = 0;
    while at < lexemes.len() {
        let lexeme = &lexemes[at];
        at += 1;
        if lexeme.is("declare") {
            is_declaring = true;
        } else if lexeme.is("begin") {
            is_declaring = false;
            continue;
        } else if !is_declaring || lexeme.text != ";" {
            continue;
        }
        // A declaration: a name, `CONSTANT`, a type up to what may follow one.
        let Some(name) = lexemes.get(at).filter(|name| !name.is("begin") && !name.is("declare"))
        else {
            continue;
        };
        let start = at + 1 + usize::from(lexemes.get(at + 1).is_some_and(|l| l.is("constant")));
        if name.name().is_none() || lexemes.get(start).is_some_and(is_no_type) {
            continue;
        }
        let ends = |lexeme: &Lexeme<'_>| {
            matches!(lexeme.kind, TokenKind::Byte(b';' | b':' | b'=' | b'('))
                || ["default", "not", "collate"].iter().any(|word| lexeme.is(word))
        };
        let len = lexemes[start.min(lexemes.len())..].iter().take_while(|l| !ends(l)).count();
        let parts = &lexemes[start.min(lexemes.len())..][..len];
        let dots = parts.iter().filter(|part| part.text == ".").count();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else { continue };
        // `table.column%TYPE` is taken as it stands.
        let is_of_column = last.is("type");
        let is_known = if is_of_column { dots < 2 } else { dots == 0 };
        let is_unknown =
            also_unknown && !is_of_column && !COMMON.iter().any(|common| first.is(common));
        if !is_known || is_unknown || last.is("rowtype") {
            places.push(first.start..last.end());
        }
    }
    places
}

fn is_no_type(lexeme: &Lexeme<'_>) -> bool {
    ["cursor", "alias", "no", "scroll"].iter().any(|word| lexeme.is(word))
}
