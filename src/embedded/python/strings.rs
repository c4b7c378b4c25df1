//! Python's string literals, and what Python does with strings.

use super::super::text::{Quote, Text};
use super::super::value::{CallValue, Value, ValueKind};
use crate::source::Span;

/// Reads the inside of a literal.
pub(super) fn literal_text(
    text: &str,
    range: std::ops::Range<usize>,
    quote: Quote,
    is_raw: bool,
) -> Text {
    let mut out = Text::default();
    let body = text.get(range.clone()).unwrap_or_default();
    let mut from = 0;
    let mut at = 0;
    while let Some(found) = body.get(at..).and_then(|rest| rest.find('\\')) {
        let escape = at + found;
        let (len, value) = unescape(&body[escape..]);
        if is_raw || value.is_none() {
            // A backslash that begins no escape sequence stands for itself.
            at = escape + len;
            continue;
        }
        let shift = Span::new(range.start..range.start).start;
        out.push_exact(&body[from..escape], Span::new(from..escape).shift(shift), quote);
        out.push(value.unwrap_or_default(), Span::new(escape..escape + len).shift(shift));
        at = escape + len;
        from = at;
    }
    let shift = Span::new(range.start..range.start).start;
    out.push_exact(&body[from..], Span::new(from..body.len()).shift(shift), quote);
    out
}

/// Reads the escape sequence at the front of `text`: its length and what it stands for, if it is one.
///
/// Source: "String and Bytes literals" in the Python Language Reference.
fn unescape(text: &str) -> (usize, Option<String>) {
    let mut rest = text.chars();
    rest.next();
    let Some(c) = rest.next() else { return (text.len(), None) };
    let simple = |value: &str| (1 + c.len_utf8(), Some(value.to_owned()));
    let coded = |from: usize, digits: usize, radix: u32| {
        let code = text.get(from..).unwrap_or_default();
        let len = code.chars().take(digits).take_while(|c| c.is_digit(radix)).count();
        let value = code.get(..len).and_then(|code| u32::from_str_radix(code, radix).ok());
        (from + len, value.and_then(char::from_u32).map(String::from))
    };
    match c {
        '\n' => simple(""),
        '\r' if text.starts_with("\\\r\n") => (3, Some(String::new())),
        '\\' => simple("\\"),
        '\'' => simple("'"),
        '"' => simple("\""),
        'a' => simple("\u{7}"),
        'b' => simple("\u{8}"),
        'f' => simple("\u{c}"),
        'n' => simple("\n"),
        'r' => simple("\r"),
        't' => simple("\t"),
        'v' => simple("\u{b}"),
        'x' => coded(2, 2, 16),
        'u' => coded(2, 4, 16),
        'U' => coded(2, 8, 16),
        '0'..='7' => coded(1, 3, 8),
        _ => (1 + c.len_utf8(), None),
    }
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
    let made = match (&call.receiver, call.name.as_str()) {
        // White space between words is all the same to the server.
        (None, "textwrap.dedent" | "inspect.cleandoc" | "str") => text(first?)?,
        (Some(receiver), "strip" | "lstrip" | "rstrip") if call.arguments.is_empty() => {
            text(receiver)?
        }
        (Some(receiver), "format") => format(&text(receiver)?, call)?,
        (Some(receiver), "%") => percent(&text(receiver)?, first?)?,
        (Some(receiver), "join") => join(&text(receiver)?, first?)?,
        _ => return None,
    };
    Some(Value { span: call.span, kind: ValueKind::Text(made) })
}

fn join(separator: &Text, values: &Value) -> Option<Text> {
    let ValueKind::List(values) = &values.kind else { return None };
    let mut out = Text::default();
    for (at, value) in values.iter().enumerate() {
        if at > 0 {
            out.append(separator.clone());
        }
        out.append(value.as_text());
    }
    Some(out)
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
        let (start, end) =
            (from.clamp(at, at + part.text.len()) - at, to.clamp(at, at + part.text.len()) - at);
        if start < end && part.text.is_char_boundary(start) && part.text.is_char_boundary(end) {
            let host = match part.exact {
                Some(_) => Span::new(start..end).shift(part.host.start),
                None => part.host,
            };
            // What fills a template in makes a text of its own: no part of it may be edited alone.
            let exact = part.exact.map(|quote| Quote { is_template: true, ..quote });
            let text = part.text[start..end].to_owned();
            out.parts.push(super::super::text::Part { text, host, exact, is_open: part.is_open });
        }
        at += part.text.len();
    }
    out
}
