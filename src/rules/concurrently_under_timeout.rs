use super::missing_lock_timeout::{after, before};
use super::spelling::{first_word, like};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::layout::TransactionMode;
use crate::rule::StatementContext;
use crate::schema::name_sql;
use crate::session::{Assigned, Holder};
use crate::sql::{Action, ReindexTarget, TableChange};

/// A limit on the whole statement that is as long as this, in milliseconds, is meant for such work.
const LONG: f64 = 1_800_000.0;

pub(super) fn check(cx: &StatementContext, out: &mut Vec<Diagnostic>) {
    // In a transaction the server refuses it.
    if cx.state.holder() != Holder::Nobody {
        return;
    }
    let found = cx.statement.actions.iter().find_map(|action| Some((action, command(cx, action)?)));
    let Some((action, command)) = found else { return };
    let Some((name, assigned)) = limit(cx) else { return };
    out.push(report(cx, (action, &command), name, assigned));
}

/// Returns the limit that may stop the statement halfway.
fn limit<'a>(cx: &'a StatementContext) -> Option<(&'static str, &'a Assigned)> {
    let session = &cx.state.session;
    let lock = session.setting("lock_timeout").filter(|_| session.has_lock_timeout());
    let statement = session
        .setting("statement_timeout")
        .filter(|_| session.timeout("statement_timeout").is_some_and(|limit| limit < LONG));
    let lock = lock.map(|found| ("lock_timeout", found));
    lock.or_else(|| statement.map(|found| ("statement_timeout", found)))
}

/// Returns what a statement that works in several transactions is called, if it is one on something
/// that others use.
fn command(cx: &StatementContext, action: &Action) -> Option<String> {
    match action {
        Action::CreateIndex(index) if index.concurrently && !cx.is_new(&index.table) => {
            Some("create index concurrently".to_owned())
        }
        Action::Drop(drop) if drop.concurrently => Some("drop index concurrently".to_owned()),
        Action::Reindex { concurrently: true, .. } => Some("reindex concurrently".to_owned()),
        Action::AlterTable(alter) => match alter.change {
            TableChange::DetachPartition { concurrently: true, .. } => {
                Some("detach partition concurrently".to_owned())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Returns what stays behind, and how to clean up.
fn leftover(action: &Action) -> (String, String) {
    match action {
        Action::CreateIndex(index) => {
            let name = index.name.as_deref().map(|name| format!(" `{name}`")).unwrap_or_default();
            (
                format!("index{name} invalid: every write keeps it up, and no query uses it"),
                "drop it before the next try".to_owned(),
            )
        }
        Action::Drop(drop) => (
            format!(
                "index `{}` invalid: every write may keep it up, and no query uses it",
                drop.name
            ),
            "run the statement again".to_owned(),
        ),
        Action::Reindex { target, .. } => {
            let name = match target {
                ReindexTarget::Index(name) => format!("`{name}_ccnew`"),
                _ => "indexes whose names end with `_ccnew`".to_owned(),
            };
            (
                format!("{name} behind, invalid: every write keeps it up"),
                "drop what is left".to_owned(),
            )
        }
        Action::AlterTable(alter) => {
            let partition = match &alter.change {
                TableChange::DetachPartition { partition, .. } => name_sql(partition),
                _ => String::new(),
            };
            (
                format!("partition `{partition}` half detached"),
                format!(
                    "finish with `alter table {} detach partition {partition} finalize`",
                    name_sql(&alter.table)
                ),
            )
        }
        _ => Default::default(),
    }
}

fn report(
    cx: &StatementContext,
    (action, command): (&Action, &str),
    name: &str,
    assigned: &Assigned,
) -> Diagnostic {
    let (left, cleanup) = leftover(action);
    let why = match name {
        "lock_timeout" => {
            "it waits for other transactions to end, and each of these waits is limited"
        }
        _ if matches!(action, Action::CreateIndex(_) | Action::Reindex { .. }) => {
            "it takes as long as the table is large, and waits for other transactions besides"
        }
        _ => "it waits until other transactions have ended",
    };
    let message = format!("`{command}` under `{name}` may stop halfway and leave {left}");
    let mut diagnostic =
        cx.report(message).note(why).note(format!("where it has happened: {cleanup}"));
    diagnostic = match assigned.file {
        Some(file) => diagnostic.label(file, assigned.span, "the limit is set here"),
        None => diagnostic.note(format!(
            "`{name}` is {} where migrations run: the configuration, the role or the database says so",
            assigned.value
        )),
    };
    let is_alone = cx.migration.migration().transaction == TransactionMode::Message;
    let help = if is_alone {
        format!(
            "let migrations run as a role without a `{name}`: a `set` in the same file would make it one transaction"
        )
    } else {
        format!("say `set {name} = 0` before it, and set the limit again after it")
    };
    diagnostic.help(help).fix(fix(cx, name, assigned))
}

/// Lifts the limit for this statement.
fn fix(cx: &StatementContext, name: &str, assigned: &Assigned) -> Option<Fix> {
    let layout = cx.migration.history.set.layout;
    let is_possible = cx.migration.migration().transaction == TransactionMode::None
        && layout.keeps_connection()
        && !assigned.local;
    if !is_possible {
        return None;
    }
    let spelled = |words: String| like(first_word(cx.statement, cx.file()), &words);
    let lift = format!("{} = 0;", spelled(format!("set {name}")));
    let mut edits = vec![before(cx.migration, cx.statement.span, &lift)];
    let last = cx.migration.script().statements().last()?;
    if last.span != cx.statement.span {
        let again = match assigned.file {
            Some(_) => format!("{} = '{}';", spelled(format!("set {name}")), assigned.value),
            None => format!("{};", spelled(format!("reset {name}"))),
        };
        edits.push(after(cx.migration, cx.statement, &again));
    }
    Some(Fix::new(Applicability::Safe, "lift the limit for this statement", edits))
}
