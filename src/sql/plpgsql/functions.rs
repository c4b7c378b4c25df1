//! The functions of the server that blocks build their SQL and their conditions with.

use std::collections::BTreeMap;

use super::catalog_query::{Query, Selected, Wanted, object_name};
use super::catalog_tables::{Attribute, Kind, Role};
use super::value::{self, Hole, Text, Value};

/// Returns what a function returns, as far as it is known.
pub(super) fn call(name: &str, arguments: &[Value]) -> Value {
    computed(name, arguments).unwrap_or(Value::Unknown)
}

fn computed(name: &str, arguments: &[Value]) -> Option<Value> {
    let known = |at: usize| arguments.get(at)?.as_known();
    let array = |at: usize| match arguments.get(at)? {
        Value::Array(items) => Some(items),
        _ => None,
    };
    Some(match (name, arguments.len()) {
        ("format", 1..) => Value::Text(value::format(&arguments[0], &arguments[1..])?),
        ("concat", _) => Value::Text(joined("", arguments)),
        ("concat_ws", 1..) => Value::Text(joined(&known(0)?, &arguments[1..])),
        ("quote_ident", 1) => Value::Text(value::identifier(&arguments[0])),
        ("quote_literal" | "quote_nullable", 1) => Value::Text(value::constant(&arguments[0])),
        ("lower", 1) => Value::text(known(0)?.to_lowercase()),
        ("upper", 1) => Value::text(known(0)?.to_uppercase()),
        ("btrim", 2) => {
            let set = known(1)?;
            Value::text(known(0)?.trim_matches(|c| set.contains(c)))
        }
        ("ltrim" | "rtrim", 1 | 2) => {
            let set = if arguments.len() == 2 { known(1)? } else { " ".to_owned() };
            let (text, is_in) = (known(0)?, |c: char| set.contains(c));
            match name {
                "ltrim" => Value::text(text.trim_start_matches(is_in)),
                _ => Value::text(text.trim_end_matches(is_in)),
            }
        }
        ("strpos", 2) => {
            let text = known(0)?;
            let at = text.find(&known(1)?).map_or(0, |at| text[..at].chars().count() + 1);
            Value::text(at.to_string())
        }
        ("format_type", 2) => {
            // The rows of `pg_attribute` have the whole type for a modifier.
            let modifier = known(1).filter(|modifier| modifier.parse::<i64>().is_err());
            Value::text(modifier.or_else(|| known(0))?)
        }
        ("trim" | "btrim", 1) => Value::text(known(0)?.trim_matches(' ')),
        ("length" | "char_length", 1) => Value::text(known(0)?.chars().count().to_string()),
        ("replace", 3) => Value::text(known(0)?.replace(&known(1)?, &known(2)?)),
        ("lpad", 3) => {
            let (text, len, fill) = (known(0)?, arguments[1].as_integer()?, known(2)?);
            let missing = usize::try_from(len).ok()?.checked_sub(text.chars().count())?;
            let padding: String = fill.chars().cycle().take(missing).collect();
            Value::text(padding + &text)
        }
        ("left", 2) => {
            let len = usize::try_from(arguments[1].as_integer()?).ok()?;
            Value::text(known(0)?.chars().take(len).collect::<String>())
        }
        ("split_part", 3) => {
            let at = usize::try_from(arguments[2].as_integer()?.checked_sub(1)?).ok()?;
            let text = known(0)?;
            Value::text(text.split(&known(1)?).nth(at).unwrap_or_default())
        }
        ("chr", 1) => Value::text(char::from_u32(known(0)?.parse().ok()?)?),
        ("string_to_array", 2) => {
            let (text, separator) = (known(0)?, known(1)?);
            if separator.is_empty() {
                return None;
            }
            Value::Array(text.split(&separator).map(Value::text).collect())
        }
        ("array_to_string", 2) => Value::Text(joined(&known(1)?, array(0)?)),
        ("array_length" | "array_upper", 2) if !array(0)?.is_empty() => {
            Value::text(array(0)?.len().to_string())
        }
        ("cardinality", 1) => Value::text(array(0)?.len().to_string()),
        ("array_lower", 2) if !array(0)?.is_empty() => Value::text("1"),
        ("array_append", 2) => {
            let mut items = array(0)?.clone();
            items.push(arguments[1].clone());
            Value::Array(items)
        }
        ("current_schema", 0) => Value::CurrentSchema,
        ("current_database", 0) => Value::Text(Text::hole(Hole::Identifier)),
        ("current_setting", 1..) if known(0)?.eq_ignore_ascii_case("server_version_num") => {
            Value::ServerVersion
        }
        ("to_regclass", 1) => lookup(Kind::Relation, &known(0)?)?,
        ("to_regtype", 1) => lookup(Kind::Type, &known(0)?)?,
        ("to_regproc" | "to_regprocedure", 1) => lookup(Kind::Function, &known(0)?)?,
        ("to_regnamespace", 1) => lookup_name(Kind::Schema, Attribute::Schema, &known(0)?)?,
        ("to_regrole", 1) => lookup_name(Kind::Role, Attribute::Name, &known(0)?)?,
        _ => return None,
    })
}

fn joined(separator: &str, values: &[Value]) -> Text {
    let mut output = Text::default();
    let mut is_first = true;
    for text in values.iter().filter_map(|value| value.clone().into_text()) {
        if !std::mem::take(&mut is_first) {
            output.append(Text::known(separator));
        }
        output.append(text);
    }
    output
}

/// Returns what `to_regclass` and its kin find: the object, or null.
fn lookup(kind: Kind, text: &str) -> Option<Value> {
    let wanted = Wanted::Object(object_name(text)?);
    Some(selected(kind, Attribute::Object, wanted, text))
}

fn lookup_name(kind: Kind, attribute: Attribute, text: &str) -> Option<Value> {
    let name = object_name(text)?.name?;
    Some(selected(kind, attribute, Wanted::OneOf(vec![name.to_string()]), text))
}

fn selected(kind: Kind, attribute: Attribute, wanted: Wanted, text: &str) -> Value {
    let wanted = BTreeMap::from([((Role::Own, attribute), wanted)]);
    let query = Query { kind, relation_kinds: Vec::new(), wanted };
    Value::Selected(Box::new(Selected { query, column: None, known: Value::text(text) }))
}
