//! Python's string literals, and what Python does with strings.

use super::super::literal::{Escape, coded, simple};
use super::super::text::{Quote, Text};
use super::super::value::{CallValue, Value, ValueKind, joined};

/// Reads the escape sequence at the front of `text`, if it is one.
///
/// Source: "String and Bytes literals" in the Python Language Reference.
pub(super) fn unescape(text: &str) -> Escape {
    let Some(c) = text.chars().nth(1) else { return (text.len(), None) };
    let len = 1 + c.len_utf8();
    let number = |from, digits, radix| match coded(text, from, digits, radix) {
        Some((end, value)) => (end, Some(value)),
        None => (len, None),
    };
    let value = match c {
        '\n' => "",
        '\r' if text.starts_with("\\\r\n") => return (3, Some(String::new())),
        '\\' => "\\",
        '\'' => "'",
        '"' => "\"",
        'a' => "\u{7}",
        'x' => return number(2, 2..=2, 16),
        'u' => return number(2, 4..=4, 16),
        'U' => return number(2, 8..=8, 16),
        '0'..='7' => return number(1, 1..=3, 8),
        _ => return (len, simple(c).map(str::to_owned)),
    };
    (len, Some(value.to_owned()))
}

/// Reads a backslash in a raw literal, where it begins nothing.
pub(super) fn raw(text: &str) -> Escape {
    (text.len(), None)
}

/// Takes one of each two braces away: in a template they stand for one.
pub(super) fn without_double_braces(text: Text) -> Text {
    let has = |c| text.parts.iter().any(|part| part.text.contains(c));
    if !has('{') && !has('}') {
        return text;
    }
    let keep = std::cell::Cell::new(false);
    text.without(|c, rest| {
        let is_first = matches!(c, '{' | '}') && rest.starts_with(c) && !keep.get();
        keep.set(is_first);
        is_first
    })
}

/// What Python does with texts; nothing for a call of something else.
pub(in super::super) fn builtin(call: &CallValue) -> Option<Value> {
    let text = |value: &Value| match &value.kind {
        ValueKind::Text(text) => Some(text.clone()),
        _ => None,
    };
    let first = call.arguments.first().map(|argument| &argument.value);
    if let (None, "getattr", Some(ValueKind::Path(path))) =
        (&call.receiver, call.name.as_str(), first.map(|first| &first.kind))
    {
        let member = call.positional(1)?.known_text()?;
        return Some(Value { span: call.span, kind: ValueKind::Path(format!("{path}.{member}")) });
    }
    let made = match (&call.receiver, call.name.as_str()) {
        // White space between words is all the same to the server.
        (None, "textwrap.dedent" | "inspect.cleandoc" | "str") => text(first?)?,
        (Some(receiver), "strip" | "lstrip" | "rstrip") if call.arguments.is_empty() => {
            text(receiver)?
        }
        (Some(receiver), "format") => format(&text(receiver)?, call)?,
        (Some(receiver), "%") => percent(&text(receiver)?, first?)?,
        (Some(receiver), "join") => joined(first?.list()?, &text(receiver)?),
        _ => return None,
    };
    Some(Value { span: call.span, kind: ValueKind::Text(made) })
}

/// Fills `{name}`, `{0}` and `{}` in.
fn format(template: &Text, call: &CallValue) -> Option<Text> {
    let shown = template.shown();
    let mut next = 0;
    let mut at = 0;
    let mut out = Text::default();
    while let Some(found) = shown.get(at..)?.find(['{', '}']) {
        let brace = at + found;
        out.append(slice(template, at, brace));
        let rest = &shown[brace..];
        if rest.starts_with("{{") || rest.starts_with("}}") {
            out.append(slice(template, brace, brace + 1));
            at = brace + 2;
            continue;
        }
        let end = rest.find('}').filter(|_| rest.starts_with('{'))?;
        let field = &rest[1..end];
        let value = match field {
            "" => {
                next += 1;
                call.positional(next - 1)
            }
            digits if digits.bytes().all(|b| b.is_ascii_digit()) => {
                call.positional(digits.parse().ok()?)
            }
            name => call.named(name),
        };
        let host = slice(template, brace, brace + end + 1).parts.first()?.host;
        out.append(value.map_or_else(|| Text::open(field, host), Value::as_text));
        at = brace + end + 1;
    }
    out.append(slice(template, at, shown.len()));
    Some(out)
}

/// Fills `%s` and `%(name)s` in.
fn percent(template: &Text, values: &Value) -> Option<Text> {
    let shown = template.shown();
    let mut next = 0;
    let mut at = 0;
    let mut out = Text::default();
    while let Some(found) = shown.get(at..)?.find('%') {
        let sign = at + found;
        out.append(slice(template, at, sign));
        let rest = &shown[sign..];
        let (len, value, name) = if rest.starts_with("%%") {
            out.append(slice(template, sign, sign + 1));
            at = sign + 2;
            continue;
        } else if rest.starts_with("%s") || rest.starts_with("%d") {
            next += 1;
            let value = match &values.kind {
                ValueKind::List(values) => values.get(next - 1),
                _ if next == 1 => Some(values),
                _ => None,
            };
            (2, value, "value")
        } else {
            let end = rest.find(")s").filter(|_| rest.starts_with("%("))?;
            let name = &rest[2..end];
            (end + 2, values.get(name), name)
        };
        let host = slice(template, sign, sign + len).parts.first()?.host;
        out.append(value.map_or_else(|| Text::open(name, host), Value::as_text));
        at = sign + len;
    }
    out.append(slice(template, at, shown.len()));
    Some(out)
}

/// Returns a part of a text.
fn slice(text: &Text, from: usize, to: usize) -> Text {
    let mut out = Text::default();
    let mut at = 0;
    for part in &text.parts {
        let end = at + part.text.len();
        out.append(part.slice(from.clamp(at, end) - at, to.clamp(at, end) - at));
        at = end;
    }
    // What fills a template in makes a text of its own: no part of it may be edited alone.
    for part in &mut out.parts {
        part.exact = part.exact.map(|quote| Quote { is_template: true, ..quote });
    }
    out
}
