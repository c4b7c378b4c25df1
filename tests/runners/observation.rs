//! What the server received, beside what was predicted.

use std::collections::HashMap;

use super::log::Message;
use super::prediction::Statement;

/// A predicted statement that reached the server.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Which of the predicted statements.
    pub(crate) statement: usize,
    /// The message in which it came.
    pub(crate) message: usize,
    /// How many statements that message held.
    pub(crate) company: usize,
    /// Who held a transaction open around it; empty for what opens or ends one.
    pub(crate) transaction: &'static str,
}

/// What a run sent.
#[derive(Debug)]
pub(crate) struct Observation {
    pub(crate) arrivals: Vec<Arrival>,
    /// Messages, or parts of them, that nobody predicted and that are not the runner's own.
    pub(crate) surprises: Vec<String>,
}

impl Observation {
    /// Returns whether the runner's transaction went on from one migration to the next; nothing if
    /// there were no two in its transactions.
    pub(crate) fn is_one_transaction(
        &self,
        messages: &[Message],
        predicted: &[Statement],
    ) -> Option<bool> {
        let mut answer = None;
        for pair in self.arrivals.windows(2) {
            let [first, second] = pair else { continue };
            let [one, other] = [first, second].map(|arrival| &predicted[arrival.statement]);
            let are_inside = first.transaction == "runner" && second.transaction == "runner";
            if are_inside && !one.is_beside(other) {
                let [first, second] = [first, second].map(|arrival| &messages[arrival.message]);
                let is_same =
                    (&first.process, &first.transaction) == (&second.process, &second.transaction);
                answer = Some(answer.unwrap_or(true) && is_same);
            }
        }
        answer
    }
}

/// Finds the predicted statements in what the server received, in the order of the prediction.
///
/// `own` are words of the statements that the runner sends for itself.
pub(crate) fn observe(messages: &[Message], predicted: &[Statement], own: &[&str]) -> Observation {
    let mut found = Observation { arrivals: Vec::new(), surprises: Vec::new() };
    let mut connections: HashMap<&str, Connection> = HashMap::new();
    let mut next = 0;
    for (at, message) in messages.iter().enumerate() {
        let connection = connections.entry(&message.process).or_default();
        let shares_transaction = connection.last_transaction == message.transaction;
        let begun = found.arrivals.len();
        let mut rest = normal(&message.text);
        while let Some(behind) = predicted.get(next).and_then(|p| take(&rest, &normal(&p.sql))) {
            let last = found.arrivals.last().map(|arrival| &messages[arrival.message]);
            if !is_of_migration(last, &messages[at..], &predicted[next..]) {
                break;
            }
            let is_control = connection.follow(&normal(&predicted[next].sql), Holder::File);
            found.arrivals.push(Arrival {
                statement: next,
                message: at,
                company: 0,
                transaction: match (is_control, connection.holder) {
                    // What opens or ends a transaction is neither inside nor outside of it.
                    (true, _) => "",
                    (_, None) => "none",
                    (_, Some(Holder::Runner)) => "runner",
                    (_, Some(Holder::File)) => "file",
                },
            });
            rest = behind;
            next += 1;
        }
        let arrived = found.arrivals.len() - begun;
        let is_empty = rest.chars().all(|c| c == ';');
        for arrival in &mut found.arrivals[begun..] {
            arrival.company = arrived + usize::from(!is_empty);
            let is_pipeline = shares_transaction && connection.holder.is_none();
            if arrival.transaction == "none" && (arrival.company > 1 || is_pipeline) {
                arrival.transaction = "message";
            }
        }
        connection.last_transaction.clone_from(&message.transaction);
        if !is_empty {
            if arrived == 0 {
                connection.follow(&rest, Holder::Runner);
            }
            if arrived > 0 || !is_own(&rest, own) {
                found.surprises.push(message.text.clone());
            }
        }
    }
    found
}

/// Returns whether a `BEGIN` or `COMMIT` is the one of a migration, not one that the runner sends for
/// itself: the migration has gone on, or goes on, on the same connection.
fn is_of_migration(last: Option<&Message>, messages: &[Message], predicted: &[Statement]) -> bool {
    let ([message, later @ ..], [first, ..]) = (messages, predicted) else { return false };
    let text = normal(&message.text);
    match normal(&first.sql).as_str() {
        "begin" if text.len() <= "starttransaction;".len() => {
            let next = later.iter().find(|other| other.process == message.process);
            let second = predicted.get(1).map(|second| normal(&second.sql)).unwrap_or_default();
            next.is_some_and(|next| take(&normal(&next.text), &second).is_some())
        }
        "commit" => last.is_some_and(|last| last.process == message.process),
        _ => true,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Runner,
    File,
}

/// What is known of a connection.
#[derive(Default)]
struct Connection {
    /// Who opened the transaction that is open.
    holder: Option<Holder>,
    last_transaction: String,
}

impl Connection {
    /// Follows a statement that may open or end a transaction; returns whether it does.
    fn follow(&mut self, sql: &str, by: Holder) -> bool {
        let opens = sql.starts_with("begin") || sql.starts_with("starttransaction");
        let stays = sql.starts_with("rollbackto") || sql.starts_with("rollbackprepared");
        let ends = ["commit", "rollback", "end", "abort"].iter().any(|word| sql.starts_with(word));
        if opens && self.holder.is_none() {
            self.holder = Some(by);
            return true;
        }
        if ends && !stays {
            self.holder = None;
            return true;
        }
        false
    }
}

/// Returns what follows a statement with which a text begins.
fn take(text: &str, sql: &str) -> Option<String> {
    let text = text.trim_start_matches(';');
    let behind = match sql.trim_matches(';') {
        "begin" => text.strip_prefix("begin").or_else(|| text.strip_prefix("starttransaction"))?,
        sql => text.strip_prefix(sql)?,
    };
    (behind.is_empty() || behind.starts_with(';')).then(|| behind.to_owned())
}

/// Returns whether the runner sent a message for itself.
fn is_own(text: &str, own: &[&str]) -> bool {
    const ANY: &[&str] = &[
        "begin",
        "commit",
        "rollback",
        "starttransaction",
        "savepoint",
        "release",
        "select",
        "show",
        "set",
        "discardall",
        "deallocate",
        "endtransaction",
    ];
    ANY.iter().any(|word| text.starts_with(word)) || own.iter().any(|word| text.contains(word))
}

/// Returns a text in lower case, without comments, white space and quotes around names: runners drop and
/// add all of these.
fn normal(sql: &str) -> String {
    let mut out = String::new();
    for line in without_block_comments(sql).lines() {
        let line = line.split("--").next().unwrap_or_default();
        out.extend(line.chars().filter(|c| !c.is_whitespace() && *c != '"'));
    }
    out.to_lowercase()
}

fn without_block_comments(sql: &str) -> String {
    let mut out = String::new();
    let mut rest = sql;
    while let Some((before, comment)) = rest.split_once("/*") {
        out.push_str(before);
        rest = comment.split_once("*/").map_or("", |(_, behind)| behind);
    }
    out.push_str(rest);
    out
}
