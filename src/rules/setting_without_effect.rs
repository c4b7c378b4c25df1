use super::lock_timeout_too_long::LONG;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::rule::StatementContext;
use crate::session::{Holder, milliseconds};
use crate::sql::{Action, Setting};

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    for action in &cx.statement.actions {
        let Action::Set(setting) = action else { continue };
        if setting.local && cx.state.holder() == Holder::Nobody {
            out.push(outside(cx, setting));
        } else {
            out.extend(useless(cx, setting));
        }
    }
}

/// Reports `SET LOCAL` where no transaction is open.
fn outside(cx: &StatementContext, setting: &Setting) -> Diagnostic {
    let name = &setting.name;
    let file = cx.migration.migration().file;
    let local = cx.statement.keyword(cx.file(), "local");
    // goose may send what follows on another connection.
    let local = local.filter(|_| cx.migration.history.set.layout.keeps_connection());
    let fix = local.map(|local| {
        let mut span = local;
        let rest = cx.file().text.get(span.end as usize..).unwrap_or_default();
        span.end += u32::from(rest.starts_with(' '));
        let edit = Edit::remove(file, span);
        Fix::new(Applicability::Unsafe, "set it for the session", vec![edit])
    });
    cx.report(format!("`set local {name}` has no effect: no transaction is open here"))
        .note("SQLSTATE 25P01: SET LOCAL can only be used in transaction blocks (a warning)")
        .help(format!("begin a transaction before it, or use `set {name}` and `reset {name}` behind the statements that need it"))
        .fix(fix)
}

/// Reports a limit that another one makes useless.
fn useless(cx: &StatementContext, setting: &Setting) -> Option<Diagnostic> {
    let value = |name: &str| {
        let own = (setting.name == name).then_some(setting.value.as_deref()).flatten();
        let limit = own.map_or_else(|| cx.state.session.timeout(name), milliseconds);
        limit.filter(|limit| *limit > 0.0)
    };
    if !matches!(setting.name.as_str(), "lock_timeout" | "statement_timeout") {
        return None;
    }
    let (lock, statement) = (value("lock_timeout")?, value("statement_timeout")?);
    // One that is too long to limit anything is for `lock-timeout-too-long`.
    if statement > lock || lock > LONG {
        return None;
    }
    let other = if setting.name == "lock_timeout" { "statement_timeout" } else { "lock_timeout" };
    let there = cx.state.session.setting(other).filter(|there| there.file.is_some());
    let message = format!(
        "`lock_timeout` has no effect: `statement_timeout` cancels the statement after {} at the latest, also while it waits for a lock",
        spelled(statement)
    );
    let diagnostic = cx.report(message).help(
        "make `statement_timeout` the longer one: long enough for the work, not only for the wait",
    );
    Some(match there.and_then(|there| Some((there.file?, there.span))) {
        Some((file, span)) => diagnostic.label(file, span, format!("`{other}` is set here")),
        None => diagnostic,
    })
}

pub(super) fn spelled(milliseconds: f64) -> String {
    if milliseconds >= 1_000.0 {
        format!("{} s", milliseconds / 1_000.0)
    } else {
        format!("{milliseconds} ms")
    }
}
