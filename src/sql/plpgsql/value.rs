//! Values of expressions, as far as they are known before a block runs.

use super::catalog_query::Selected;
use super::condition::Condition;
use crate::sql::tree::quote_identifier;

/// What an expression comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// Nobody knows.
    Unknown,
    /// SQL's null.
    Null,
    /// A text, number or name, parts of which may not be known.
    Text(Text),
    /// A truth value that depends on the catalog or the server.
    Truth(Condition),
    /// An array.
    Array(Vec<Value>),
    /// A row, with the names of its columns.
    Record(Vec<(String, Value)>),
    /// A column of the row that a catalog query finds, or null where it finds none.
    Selected(Box<Selected>),
    /// The number of rows that a catalog query finds.
    Count(Box<Selected>),
    /// `current_schema`.
    CurrentSchema,
    /// `current_setting('server_version_num')`.
    ServerVersion,
}

/// A text of which some parts are not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(pub(super) Vec<Part>);

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// These characters.
    Known(String),
    /// Characters that are not known.
    Hole(Hole),
}

/// What a hole in a text holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hole {
    /// A quoted identifier.
    Identifier,
    /// A quoted string constant.
    Constant,
    /// Whatever.
    Anything,
}

impl Text {
    pub(super) fn known(text: impl Into<String>) -> Self {
        Self(vec![Part::Known(text.into())])
    }

    pub(super) fn hole(hole: Hole) -> Self {
        Self(vec![Part::Hole(hole)])
    }

    /// Returns the text, if all of it is known.
    pub(super) fn as_known(&self) -> Option<String> {
        self.0
            .iter()
            .map(|part| if let Part::Known(text) = part { Some(&**text) } else { None })
            .collect()
    }

    pub(super) fn append(&mut self, other: Self) {
        for part in other.0 {
            match (self.0.last_mut(), part) {
                (Some(Part::Known(last)), Part::Known(text)) => last.push_str(&text),
                (_, part) => self.0.push(part),
            }
        }
    }

    /// Returns the text with `fill` in place of the holes.
    pub(super) fn filled(&self, mut fill: impl FnMut(Hole) -> String) -> String {
        let part = |part: &Part| match part {
            Part::Known(text) => text.clone(),
            Part::Hole(hole) => fill(*hole),
        };
        self.0.iter().map(part).collect()
    }
}

impl Value {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(Text::known(text))
    }

    pub(super) fn truth(value: bool) -> Self {
        Self::Truth(Condition::Constant(value))
    }

    /// Returns the text that the value prints as, if it is known.
    pub(super) fn as_known(&self) -> Option<String> {
        match self {
            Self::Text(text) => text.as_known(),
            Self::Truth(Condition::Constant(value)) => Some(value.to_string()),
            _ => None,
        }
    }

    /// Returns the text that the value prints as, with holes; nothing for null.
    pub(super) fn into_text(self) -> Option<Text> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text),
            Self::Truth(Condition::Constant(value)) => Some(Text::known(value.to_string())),
            Self::CurrentSchema => Some(Text::hole(Hole::Identifier)),
            _ => Some(Text::hole(Hole::Anything)),
        }
    }

    pub(super) fn as_integer(&self) -> Option<i64> {
        self.as_known()?.trim().parse().ok()
    }

    /// Returns the condition that the value is true.
    pub(super) fn into_condition(self) -> Condition {
        match self {
            Self::Truth(condition) => condition,
            Self::Text(text) => match text.as_known().as_deref().and_then(boolean) {
                Some(value) => Condition::Constant(value),
                None => Condition::Unknown,
            },
            Self::Selected(selected) => selected.is_true(),
            _ => Condition::Unknown,
        }
    }
}

/// Reads a truth value as the server does.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "t" | "true" | "y" | "yes" | "on" | "1" => Some(true),
        "f" | "false" | "n" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Quotes a string constant, as `quote_literal` does.
pub(super) fn quote_constant(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        return format!("E'{}'", quoted.replace('\\', "\\\\"));
    }
    format!("'{quoted}'")
}

/// Does what `format()` does; nothing where it would fail or its format is not known.
pub(super) fn format(pattern: &Value, arguments: &[Value]) -> Option<Text> {
    let Value::Text(pattern) = pattern else { return None };
    let mut output = Text::default();
    let mut next = 0;
    for part in &pattern.0 {
        let text = match part {
            Part::Known(text) => text,
            Part::Hole(hole) => {
                output.append(Text::hole(*hole));
                continue;
            }
        };
        let mut rest = text.as_str();
        while let Some(at) = rest.find('%') {
            output.append(Text::known(&rest[..at]));
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                output.append(Text::known("%"));
                rest = after;
                continue;
            }
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits > 0 && rest[digits..].starts_with('$') {
                next = rest[..digits].parse::<usize>().ok()?.checked_sub(1)?;
                rest = &rest[digits + 1..];
            }
            let value = arguments.get(next)?;
            next += 1;
            let (kind, after) = (rest.chars().next()?, rest.get(1..)?);
            output.append(conversion(kind, value)?);
            rest = after;
        }
        output.append(Text::known(rest));
    }
    Some(output)
}

fn conversion(kind: char, value: &Value) -> Option<Text> {
    match kind {
        's' => Some(value.clone().into_text().unwrap_or_default()),
        'I' => Some(identifier(value)),
        'L' => Some(constant(value)),
        _ => None,
    }
}

/// Does what `quote_ident` does.
pub(super) fn identifier(value: &Value) -> Text {
    match value.as_known() {
        Some(text) => Text::known(quote_identifier(&text).into_owned()),
        None => Text::hole(Hole::Identifier),
    }
}

/// Does what `quote_nullable` does.
pub(super) fn constant(value: &Value) -> Text {
    match value.as_known() {
        Some(text) => Text::known(quote_constant(&text)),
        None if *value == Value::Null => Text::known("NULL"),
        None => Text::hole(Hole::Constant),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formatted(pattern: &str, arguments: &[Value]) -> Option<String> {
        format(&Value::text(pattern), arguments)?.as_known()
    }

    #[test]
    fn format_quotes_as_the_server_does() {
        let arguments = [Value::text("Users"), Value::text("it's")];
        assert_eq!(formatted("%I %L 100%%", &arguments).as_deref(), Some("\"Users\" 'it''s' 100%"));
        assert_eq!(formatted("%2$s %1$I", &arguments).as_deref(), Some("it's \"Users\""));
        assert_eq!(formatted("%1$s_%s", &arguments).as_deref(), Some("Users_it's"));
        assert_eq!(formatted("%L", &[Value::Null]).as_deref(), Some("NULL"));
        assert_eq!(formatted("%I %I", &[Value::text("a")]), None, "too few arguments");
    }

    #[test]
    fn unknown_arguments_leave_holes() {
        let text = format(&Value::text("drop table %I"), &[Value::Unknown]).expect("it formats");
        assert_eq!(text.as_known(), None);
        assert_eq!(text.filled(|_| "?".to_owned()), "drop table ?");
    }
}
