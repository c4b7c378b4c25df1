//! The options of calls: keywords behind the other arguments.

use super::super::elixir;
use super::super::sql::Name;
use super::super::value::{CallValue, Value, ValueKind};
use super::RUN_TIME;

/// Options, each of which is known to be understood.
#[derive(Default)]
pub(super) struct Options<'a> {
    pairs: Vec<(String, &'a Value)>,
}

/// Returns the options of a call, which stand behind so many arguments.
pub(super) fn of<'a>(
    call: &'a CallValue,
    behind: usize,
    known_names: &[&str],
) -> Result<Options<'a>, String> {
    if call.has_spread() {
        return Err(RUN_TIME.to_owned());
    }
    let mut pairs: Vec<(String, &Value)> = Vec::new();
    match call.positional(behind).map(|value| &value.kind) {
        None | Some(ValueKind::Function(_)) => {}
        Some(ValueKind::Map(_)) => {
            let list = call.positional(behind).map(|value| of_value(value, known_names));
            pairs.extend(list.transpose()?.unwrap_or_default().pairs);
        }
        Some(ValueKind::List(values)) if values.is_empty() => {}
        Some(_) => return Err(RUN_TIME.to_owned()),
    }
    for argument in &call.arguments {
        if let Some(name) = &argument.name {
            pairs.push((name.clone(), &argument.value));
        }
    }
    checked(pairs, known_names)
}

/// Returns the options in a list of keywords.
pub(super) fn of_value<'a>(value: &'a Value, known_names: &[&str]) -> Result<Options<'a>, String> {
    let ValueKind::Map(all) = &value.kind else { return Err(RUN_TIME.to_owned()) };
    let pair = |(key, value): &'a (Value, Value)| Some((key.known_text()?, value));
    let pairs: Option<Vec<_>> = all.iter().map(pair).collect();
    checked(pairs.ok_or(RUN_TIME)?, known_names)
}

fn checked<'a>(
    pairs: Vec<(String, &'a Value)>,
    known_names: &[&str],
) -> Result<Options<'a>, String> {
    match pairs.iter().find(|(name, _)| !known_names.contains(&name.as_str())) {
        Some((name, _)) => Err(format!("its option `{name}` is not translated")),
        None => Ok(Options { pairs }),
    }
}

impl<'a> Options<'a> {
    /// Returns the value of an option; Elixir takes the first of several.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// Returns the value of an option that is not `nil`.
    pub(super) fn set(&self, name: &str) -> Option<&'a Value> {
        self.get(name).filter(|value| !value.is_nothing())
    }

    /// Returns an option that is a text or an atom.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.set(name).map(|value| known(Some(value))).transpose()
    }

    /// Returns an option that is true or false.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        let flag = |value: &Value| value.bool().ok_or_else(|| RUN_TIME.to_owned());
        self.set(name).map(flag).transpose()
    }

    /// Returns an option that is a number, as spelled.
    pub(super) fn number(&self, name: &str) -> Result<Option<String>, String> {
        let number = |value: &Value| match &value.kind {
            ValueKind::Number(number) => Ok(number.clone()),
            _ => Err(RUN_TIME.to_owned()),
        };
        self.set(name).map(number).transpose()
    }
}

/// Returns a text or atom of which all is known.
pub(super) fn known(value: Option<&Value>) -> Result<String, String> {
    value.and_then(Value::known_text).ok_or_else(|| RUN_TIME.to_owned())
}

/// Returns the name of a table with its prefix, which is a schema.
pub(super) fn name(value: Option<&Value>, options: &Options) -> Result<Name, String> {
    Ok(Name { schema: options.text("prefix")?, name: known(value)? })
}

/// Returns a word that is said as an atom.
pub(super) fn word(value: &Value) -> Option<String> {
    value.known_text().filter(|_| elixir::is_atom(value))
}
