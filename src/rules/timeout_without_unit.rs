use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::rule::StatementContext;
use crate::source::Span;
use crate::sql::lex::lexemes;
use crate::sql::{Action, Setting};

/// The settings whose values are milliseconds where no unit says otherwise.
const TIMEOUTS: &[&str] = &[
    "lock_timeout",
    "statement_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",
    "transaction_timeout",
    "deadlock_timeout",
];

/// Nobody means so few milliseconds: it is shorter than most waits for a lock.
const FEW: f64 = 100.0;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in cx.statement.all_actions() {
        let (Action::Set(setting) | Action::SetDefault(setting)) = action else { continue };
        if let Some(number) = few(setting) {
            out.push(report(cx, setting, number));
        }
    }
}

/// Returns the value of a timeout that has no unit and is short.
fn few(setting: &Setting) -> Option<&str> {
    let value = setting.value.as_deref()?.trim();
    let number: f64 = value.parse().ok()?;
    (TIMEOUTS.contains(&setting.name.as_str()) && number > 0.0 && number < FEW).then_some(value)
}

fn report(cx: &StatementContext, setting: &Setting, number: &str) -> Diagnostic {
    let name = &setting.name;
    let what = match name.as_str() {
        "lock_timeout" => "a statement gives up as soon as it has waited that long for a lock",
        "statement_timeout" => "every statement that takes longer is cancelled",
        _ => "a number without a unit is milliseconds",
    };
    let place = value(cx, number);
    let message = format!("`{name}` of {number} is {number} milliseconds: {what}");
    let diagnostic = match place {
        Some(span) => cx.report_at(span, message),
        None => cx.report(message),
    };
    let fix = place.filter(|_| number.bytes().all(|byte| byte.is_ascii_digit())).map(|span| {
        let file = cx.migration.migration().file;
        let edit = Edit { file, span, text: format!("'{number}s'") };
        Fix::new(Applicability::Unsafe, "make it seconds", vec![edit])
    });
    diagnostic
        .help(format!("write the unit: `'{number}s'`, or `'{number}ms'` if that is meant"))
        .fix(fix)
}

/// Returns the place of the value, with its quotes.
fn value(cx: &StatementContext, number: &str) -> Option<Span> {
    let text = cx.statement.text(cx.file());
    let is_it = |text: &str| text.trim_matches('\'').trim() == number;
    let found = lexemes(text).find(|lexeme| is_it(lexeme.text))?;
    Some(Span::new(found.start..found.end()).shift(cx.statement.span.start))
}
