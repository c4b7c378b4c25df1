use crate::catalog::{Change, Difference, Failure, How, Origin, differences};
use crate::diagnostic::{Diagnostic, Severity};
use crate::rule::{HistoryContext, MigrationContext};
use crate::sql::lex::lexemes;
use crate::sql::{Action, CreateView, Statement, head};

use super::certain_failure;
use super::pair::{self, Pair};

/// How many differences are spelled out.
const SPELLED_OUT: usize = 8;

/// How many places are pointed at.
const POINTED_AT: usize = 3;

pub(super) fn check(cx: &MigrationContext, out: &mut Vec<Diagnostic>) {
    let Some(pair) = Pair::of(cx) else { return };
    let all = differences(&pair.start().catalog, &pair.end.catalog);
    let is_left = |d: &Difference| !pair::is_data_lost_by_down(&pair, d);
    let found: Vec<Found> =
        all.into_iter().filter(is_left).filter_map(|d| judge(&pair, d)).collect();
    if !found.is_empty() {
        out.extend(report(&pair, &found));
    }
}

/// A difference that counts.
struct Found {
    difference: Difference,
    /// Whether the up says `if not exists`, so that it may be applied again, and may not have made it.
    maybe_older: bool,
}

fn judge(pair: &Pair, difference: Difference) -> Option<Found> {
    let history = pair.down.history;
    let before = &pair.start().catalog;
    let is_guess = |origin: Origin| before.is_guess(origin);
    let relation = difference.id.and_then(|id| before.by_id(id));
    if relation.is_some_and(|found| is_guess(found.created) || is_guess(found.changed)) {
        return None;
    }
    let mut maybe_older = false;
    match &difference.how {
        How::Missing { made, .. } if is_guess(*made) => return None,
        How::Extra(made) if pair.is_of_up(*made) => {
            let text = statement_text(pair, *made);
            maybe_older = has(text, &["if", "not", "exists"]);
            let replaces = has(text, &["or", "replace"]);
            let is_shared = matches!(difference.kind, "extension" | "schema");
            if maybe_older && is_shared || (maybe_older || replaces) && !history.is_complete {
                return None;
            }
        }
        How::Extra(made) if !pair.is_of_down(*made) || !history.is_complete => return None,
        How::Changed(changes) if is_label_that_may_stay(pair, changes) => return None,
        How::Redefined { before, after } => {
            let (before, after) = (view(history, *before)?, view(history, *after)?);
            if before == after {
                return None;
            }
        }
        How::Missing { .. } | How::Extra(_) | How::Renamed { .. } | How::Changed(_) => {}
    }
    Some(Found { difference, maybe_older })
}

/// Returns whether an enum only has more labels, which the up adds with `if not exists`: a label cannot
/// be dropped, and the up can be applied again.
fn is_label_that_may_stay(pair: &Pair, changes: &[Change]) -> bool {
    let [Change { what: "labels", before, after }] = changes else { return false };
    let after: Vec<&str> = after.split(", ").collect();
    let mut actions = pair.up.script().statements().flat_map(|statement| &statement.actions);
    before.split(", ").all(|label| after.contains(&label))
        && actions
            .all(|action| !matches!(action, Action::AddEnumValue { if_not_exists: false, .. }))
}

fn statement_text<'a>(pair: &'a Pair, origin: Origin) -> &'a str {
    pair.down.history.sources.get(origin.file).slice(origin.span)
}

/// Returns whether the beginning of a statement has these words side by side.
fn has(text: &str, words: &[&str]) -> bool {
    let lexemes: Vec<_> = lexemes(text).take_while(|lexeme| lexeme.text != "(").collect();
    lexemes.windows(words.len()).any(|window| window.iter().zip(words).all(|(l, word)| l.is(word)))
}

/// Returns the definition of a view by the statement that made it.
fn view(history: &HistoryContext, origin: Origin) -> Option<String> {
    let script = history.scripts.get(origin.migration as usize)?;
    let made = |statement: &&Statement| statement.span == origin.span;
    let statement = script.statements().find(made)?;
    let create: &CreateView = statement.actions.iter().find_map(|action| match action {
        Action::CreateView(create) => Some(create),
        _ => None,
    })?;
    let query = create.query.as_ref()?.to_string().replace("public.", "");
    Some(format!("{} {query}", create.column_names.join(" ")))
}

fn report(pair: &Pair, found: &[Found]) -> Option<Diagnostic> {
    let script = pair.down.script();
    let first = script.statements().next()?;
    if is_up_refused(pair) {
        return None;
    }
    let again = refused_again(pair);
    let is_idle = pair::is_idle(script);
    if is_idle && again.is_none() {
        return None;
    }
    let mut sentences: Vec<String> =
        found.iter().take(SPELLED_OUT).map(|found| sentence(pair, &found.difference)).collect();
    if found.len() > SPELLED_OUT {
        sentences.push(format!("{} more are different", found.len() - SPELLED_OUT));
    }
    let message = match &sentences[..] {
        [one] => format!("after the down, {one}"),
        [one, two] => format!("after the down, {one}, and {two}"),
        [one, ..] => format!(
            "after the down, {one}, and {} other things are not as they were",
            found.len() - 1
        ),
        [] => return None,
    };
    let file = pair.down.migration().file;
    let place = found.iter().find_map(|found| made_by_down(pair, &found.difference));
    let mut diagnostic = match place {
        Some(origin) => Diagnostic::new(
            file,
            head(pair.down.history.sources.get(origin.file), origin.span),
            message,
        ),
        None => Diagnostic::new(file, first.head(pair.down.file()), message),
    };
    if sentences.len() > 2 {
        diagnostic = diagnostic.note(format!("after the down, {}", sentences[1..].join("; ")));
    }
    for (origin, what) in found.iter().filter_map(|f| cause(pair, &f.difference)).take(POINTED_AT) {
        let span = head(pair.down.history.sources.get(origin.file), origin.span);
        diagnostic = diagnostic.label(origin.file, span, what);
    }
    for relation in found.iter().filter_map(|found| found.difference.relation.as_ref()) {
        if !diagnostic.relations.contains(&relation.to_string()) {
            diagnostic = diagnostic.relation(relation, None);
        }
    }
    if let Some(failure) = &again {
        diagnostic = diagnostic.note(format!(
            "the migration cannot be applied again then: {} (SQLSTATE {})",
            failure.message, failure.sqlstate
        ));
    }
    let is_name = |found: &Found| matches!(found.difference.how, How::Renamed { .. });
    if is_idle || found.iter().all(|f| f.maybe_older || is_name(f) && again.is_none()) {
        diagnostic = diagnostic.at_most(Severity::Info);
    }
    Some(diagnostic.help(help(found)))
}

/// Returns whether the server refuses the up the first time.
fn is_up_refused(pair: &Pair) -> bool {
    let mut is_refused = false;
    pair.up.replay_with(|_| {}, |cx| is_refused |= pair::is_refused_certainly(cx));
    is_refused
}

/// Returns what the server answers when the up is applied after the down.
fn refused_again(pair: &Pair) -> Option<Failure> {
    let mut before = pair.end.clone();
    before.session = pair.start().session.clone();
    let (history, index) = (pair.up.history, pair.up.index);
    let again = MigrationContext { history, index, before: &before, before_up: None };
    let mut answer: Option<Failure> = None;
    again.replay_with(
        |_| {},
        |cx| {
            if answer.is_none() {
                answer = certain_failure::find(cx).cloned();
            }
        },
    );
    answer
}

/// Returns the statement of the down that made something as it is now.
fn made_by_down(pair: &Pair, difference: &Difference) -> Option<Origin> {
    let made = match &difference.how {
        How::Extra(made) | How::Renamed { made, .. } | How::Redefined { after: made, .. } => *made,
        How::Missing { gone, .. } => (*gone)?,
        How::Changed(_) => changed(pair, difference)?,
    };
    pair.is_of_down(made).then_some(made)
}

/// Returns the statement that made a part that was changed, or last changed the whole.
fn changed(pair: &Pair, difference: &Difference) -> Option<Origin> {
    let table = pair.end.catalog.get(difference.relation.as_ref()?)?;
    let Some(part) = difference.part.as_deref() else { return Some(table.changed) };
    match difference.kind {
        "column" => table.column(part).map(|column| column.created),
        "constraint" => table.constraint(part).map(|constraint| constraint.created),
        "index" => {
            table.indexes.iter().find(|index| *index.name == *part).map(|index| index.created)
        }
        _ => None,
    }
}

/// Returns the statement of the up that a difference comes from.
fn cause(pair: &Pair, difference: &Difference) -> Option<(Origin, &'static str)> {
    let (origin, what) = match &difference.how {
        How::Extra(made) => (*made, "the up makes it here"),
        How::Missing { gone, .. } => ((*gone)?, "the up drops it here"),
        How::Renamed { made, .. } => (*made, "the up renames it here"),
        How::Redefined { after, .. } => (*after, "the up defines it anew here"),
        How::Changed(_) => return None,
    };
    pair.is_of_up(origin).then_some((origin, what))
}

/// Says what is different, as the rest of a sentence.
fn sentence(pair: &Pair, difference: &Difference) -> String {
    let Difference { kind, name, how, .. } = difference;
    match how {
        How::Extra(made) if pair.is_of_up(*made) => format!("{kind} `{name}` is still there"),
        How::Extra(_) => format!("{kind} `{name}` is there, which was not before the up"),
        How::Missing { .. } => format!("{kind} `{name}` is missing"),
        How::Renamed { to, .. } => format!("{kind} `{name}` is called `{to}`"),
        How::Redefined { .. } => format!("{kind} `{name}` has another definition"),
        How::Changed(changes) => {
            let parts: Vec<String> = changes.iter().map(spelled).collect();
            format!("{kind} `{name}` {}", parts.join(" and "))
        }
    }
}

fn spelled(change: &Change) -> String {
    let Change { what, before, after } = change;
    match (*what, before.as_str(), after.as_str()) {
        ("type", _, _) => format!("is `{after}` instead of `{before}`"),
        ("labels", _, _) => labels(before, after),
        ("attributes", _, _) => "has other attributes".to_owned(),
        ("body" | "definition", _, _) => format!("has another {what}"),
        ("not null", _, "") => "takes null".to_owned(),
        ("not null", _, _) => "does not take null".to_owned(),
        (_, "", "yes") => format!("is {what}"),
        (_, "yes", "") => format!("is not {what}"),
        (_, "", _) => format!("has {what} `{after}`"),
        (_, _, "") => format!("has no {what} instead of `{before}`"),
        _ => format!("has {what} `{after}` instead of `{before}`"),
    }
}

fn labels(before: &str, after: &str) -> String {
    let (before, after): (Vec<&str>, Vec<&str>) =
        (before.split(", ").collect(), after.split(", ").collect());
    let quoted = |labels: &[&str], others: &[&str]| -> Vec<String> {
        let only = labels.iter().filter(|label| !others.contains(label));
        only.map(|label| format!("`{label}`")).collect()
    };
    let (extra, missing) = (quoted(&after, &before), quoted(&before, &after));
    match (extra.is_empty(), missing.is_empty()) {
        (false, true) => format!("still has the label {}", extra.join(", ")),
        (true, false) => format!("lacks the label {}", missing.join(", ")),
        (false, false) => {
            format!("has the label {} and lacks {}", extra.join(", "), missing.join(", "))
        }
        (true, true) => "has its labels in another order".to_owned(),
    }
}

fn help(found: &[Found]) -> &'static str {
    let [one] = found else { return "make the down undo everything that the up does" };
    match &one.difference.how {
        How::Extra(_) => "drop it in the down",
        How::Missing { .. } => "make it again in the down, as it was before the up",
        How::Renamed { .. } => "give it its old name in the down: later migrations may use it",
        How::Redefined { .. } => "give it its old definition in the down",
        How::Changed(changes) => match &changes[..] {
            [Change { what: "labels", .. }] => {
                "a label cannot be dropped: add it with `if not exists`, so that the migration can be applied again, or build the type anew in the down"
            }
            _ => "set it back in the down",
        },
    }
}
