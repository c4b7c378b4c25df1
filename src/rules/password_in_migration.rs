use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::{TokenKind, lexemes};
use crate::sql::{Action, Create, Dml, ObjectKind, string_value};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for found in passwords(cx) {
        if !found.value.is_empty() && !is_placeholder(&found.value) {
            out.push(report(cx, &found));
        }
    }
}

/// A password that a statement holds.
struct Password {
    /// Whose it is, as part of a sentence.
    owner: String,
    /// The role, if a role's password is set.
    role: Option<String>,
    value: String,
}

fn passwords(cx: &StatementContext) -> Vec<Password> {
    let mut found = Vec::new();
    let is_subscription = is_about_subscription(cx);
    for action in &cx.statement.actions {
        collect(action, &mut found);
    }
    if is_subscription || calls_dblink(&cx.statement.actions) {
        let owner = if is_subscription { "a subscription" } else { "a `dblink` connection" };
        let strings = strings(cx.statement.text(cx.file()));
        found.extend(strings.iter().filter_map(|text| connection_password(text)).map(|value| {
            Password { owner: owner.to_owned(), role: None, value: value.to_owned() }
        }));
    }
    let mut seen: Vec<String> = Vec::new();
    found.retain(|password| {
        let is_new = !seen.contains(&password.value);
        seen.push(password.value.clone());
        is_new
    });
    found
}

fn collect(action: &Action, out: &mut Vec<Password>) {
    match action {
        Action::Create(create) => out.extend(of_create(create)),
        Action::Do(block) => block.actions.iter().for_each(|action| collect(action, out)),
        _ => {}
    }
}

fn of_create(create: &Create) -> Option<Password> {
    let value = create.password.clone()?;
    let name = create.name.to_string();
    let (owner, role) = match create.kind {
        ObjectKind::Role if name.is_empty() => ("a role".to_owned(), None),
        ObjectKind::Role => (format!("role `{name}`"), Some(name)),
        ObjectKind::UserMapping => (format!("a user mapping for server `{name}`"), None),
        ObjectKind::Subscription => (format!("subscription `{name}`"), None),
        _ => return None,
    };
    Some(Password { owner, role, value })
}

/// Returns whether the statement is `CREATE` or `ALTER SUBSCRIPTION`, whose connection string not
/// every action carries.
fn is_about_subscription(cx: &StatementContext) -> bool {
    let mut words = lexemes(cx.statement.text(cx.file()));
    let is_command = words.next().is_some_and(|word| word.is("create") || word.is("alter"));
    is_command && words.next().is_some_and(|word| word.is("subscription"))
}

fn calls_dblink(actions: &[Action]) -> bool {
    actions.iter().any(|action| match action {
        Action::Dml(dml) => is_dblink(dml),
        Action::Do(block) => calls_dblink(&block.actions),
        _ => false,
    })
}

fn is_dblink(dml: &Dml) -> bool {
    dml.functions.iter().any(|function| function.name.starts_with("dblink"))
}

/// Returns the string constants in `text`, those inside of dollar quotes included.
fn strings(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for lexeme in lexemes(text).filter(|lexeme| lexeme.kind == TokenKind::String) {
        let Some(value) = string_value(lexeme) else { continue };
        if lexeme.text.starts_with('$') {
            found.extend(strings(&value));
        }
        found.push(value);
    }
    found
}

/// Returns the password in a connection string: `password=x`, `password='x y'`, `postgres://u:x@host`.
fn connection_password(connection: &str) -> Option<&str> {
    if connection.contains("://") {
        let (_, rest) = connection.split_once("://")?;
        let (credentials, _) = rest.split_once('@')?;
        return credentials.split_once(':').map(|(_, password)| password);
    }
    let at = connection.to_ascii_lowercase().find("password")?;
    let value =
        connection.get(at + "password".len()..)?.trim_start().strip_prefix('=')?.trim_start();
    match value.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next(),
        None => value.split_whitespace().next(),
    }
}

/// Returns whether a value only stands for a password that somebody fills in.
fn is_placeholder(value: &str) -> bool {
    let is_word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let is_variable = |text: &str| {
        text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
            && text.starts_with(|c: char| c.is_ascii_uppercase())
    };
    let between = |open: &str, close: &str| {
        value.split_once(open).is_some_and(|(_, rest)| rest.contains(close))
    };
    let is_all = |open: char, close: char| {
        value.strip_prefix(open).and_then(|rest| rest.strip_suffix(close)).is_some_and(is_word)
    };
    crate::sql::RelationName::unqualified(value).is_dynamic()
        || between("${", "}")
        || between("{{", "}}")
        || between("<%", "%>")
        || between("$(", ")")
        || between("%(", ")s")
        || matches!(value, "%s" | "%L" | "?")
        || is_all('{', '}')
        || is_all('<', '>')
        || is_all('@', '@')
        || value.strip_prefix(':').is_some_and(|rest| is_word(rest.trim_matches(['\'', '"'])))
        || value.strip_prefix('$').is_some_and(is_variable)
}

/// Returns whether a value is not the password but what the server stores of it.
fn is_verifier(value: &str) -> bool {
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    value.starts_with("SCRAM-SHA-256$") || value.strip_prefix("md5").is_some_and(is_hex)
}

fn report(cx: &StatementContext, password: &Password) -> Diagnostic {
    let Password { owner, role, value } = password;
    let (word, secrets) = places(cx, value);
    let is_verifier = is_verifier(value);
    let what = if is_verifier { "password hash" } else { "password" };
    let diagnostic =
        cx.report_at(word, format!("everybody who can read this file knows the {what} of {owner}"));
    let diagnostic = secrets.into_iter().fold(diagnostic, Diagnostic::redact);
    let diagnostic = if is_verifier {
        diagnostic
            .note("passwords can be guessed against the hash without asking the server")
            .at_most(Severity::Info)
    } else {
        diagnostic.note(
            "it stays in the history of the repository, and in the server's log where statements are logged",
        )
    };
    match role {
        Some(role) => diagnostic.help(format!(
            "create the role without a password and set it outside of migrations, with psql's `\\password {role}`; then replace this one, which is known"
        )),
        None => diagnostic.help(
            "let the runner fill the password in from a placeholder, or create the object outside of migrations; then replace this one, which is known",
        ),
    }
}

/// Returns the word `password` that comes before the secret, and where the secret stands.
fn places(cx: &StatementContext, value: &str) -> (Span, Vec<Span>) {
    let text = cx.statement.text(cx.file());
    let base = cx.statement.span.start;
    let mut word = None;
    let mut secrets = Vec::new();
    let mut spelled = value.to_owned();
    // A quote doubles with every level of quoting.
    for _ in 0..3 {
        for (at, _) in text.match_indices(&spelled) {
            if let Some(before) = password_before(&text[..at]) {
                word = word.or(before);
                secrets.push(Span::new(at..at + spelled.len()).shift(base));
            }
        }
        let doubled = spelled.replace('\'', "''");
        if doubled == spelled {
            break;
        }
        spelled = doubled;
    }
    if secrets.is_empty() {
        // It is spelled in a way that does not show it: with escapes, for example.
        let at = text.to_ascii_lowercase().find("password").map_or(0, |at| at + "password".len());
        secrets.push(Span::new(at..text.len()).shift(base));
    }
    let place = word.map_or(cx.statement.head(cx.file()), |word| word.shift(base));
    (place, secrets)
}

/// Returns whether `text` ends where a password begins; the inner answer is the word that says so.
#[expect(clippy::option_option, reason = "a URL has a password without the word")]
fn password_before(text: &str) -> Option<Option<Span>> {
    const WORD: &str = "password";
    let marks = ['\'', '"', '=', '$', ' ', '\t', '\n', '\r'];
    let mut before = text.trim_end_matches(marks);
    if text.ends_with(['\'', '$']) {
        // E'...', or the tag of a dollar quote
        before = before.strip_suffix(['E', 'e']).unwrap_or(before).trim_end_matches(marks);
    }
    let start = before.len().checked_sub(WORD.len())?;
    if before.get(start..)?.eq_ignore_ascii_case(WORD) {
        return Some(Some(Span::new(start..before.len())));
    }
    // postgres://user:password@host
    let url = before.strip_suffix(':')?.rsplit(['\'', ' ']).next()?;
    url.contains("://").then_some(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_told_from_passwords() {
        for none in [
            "${APP_PASSWORD}",
            "{{ .Password }}",
            ":'password'",
            ":pw",
            "%(pw)s",
            "<PASSWORD>",
            "$APP_PW",
            "@PW@",
        ] {
            assert!(is_placeholder(none), "{none}");
        }
        for some in ["changeme", "$ecret", "pa:ss", "a{b}c", "<script", "?!"] {
            assert!(!is_placeholder(some), "{some}");
        }
    }

    #[test]
    fn connection_strings_are_read() {
        for text in [
            "host=h password=x1 user=u",
            "host=h password = 'x1'",
            "postgresql://u:x1@h/db",
            "dbname=d PASSWORD=x1",
        ] {
            assert_eq!(connection_password(text), Some("x1"), "{text}");
        }
        for text in ["host=h user=u", "postgres://h/db", "passwordless", ""] {
            assert_eq!(connection_password(text), None, "{text}");
        }
    }
}
