//! What a server received, read from its log.

use crate::support::server::{Database, Server};

/// Makes the server log each message with all that is needed to put it into its transaction.
pub(crate) const SETTINGS: &str = "log_statement = 'all'
log_line_prefix = '<%d|%p|%v|%e>'
log_min_messages = 'warning'";

/// A message that a client sent: one simple query, or one execution of a prepared statement.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The server process, which is the connection.
    pub(crate) process: String,
    /// The server's number of the transaction, also of one that changes nothing.
    pub(crate) transaction: String,
    pub(crate) text: String,
    /// SQLSTATE and message, where the server refused it.
    pub(crate) error: Option<(String, String)>,
}

/// Returns what a database received so far, in order.
pub(crate) fn messages(server: &Server, database: &Database<'_>) -> Vec<Message> {
    let log = server.log();
    let mut messages: Vec<Message> = Vec::new();
    let mut pending: Option<(String, String)> = None;
    for record in records(&log).filter(|record| record.database == database.name()) {
        if let Some(text) = record.statement() {
            messages.push(record.message(text));
        } else if let Some(error) = record.text.strip_prefix("ERROR:  ") {
            pending = Some((record.sqlstate.to_owned(), error.to_owned()));
        } else if let Some(text) = record.text.strip_prefix("STATEMENT:  ") {
            let Some(error) = pending.take() else { continue };
            let sent = messages.iter_mut().rfind(|message| message.process == record.process);
            match sent.filter(|sent| sent.text == text && sent.error.is_none()) {
                Some(sent) => sent.error = Some(error),
                // What does not parse is not logged before it is refused.
                None => messages.push(Message { error: Some(error), ..record.message(text) }),
            }
        }
    }
    messages
}

/// One record of the log.
struct Record<'log> {
    database: &'log str,
    process: &'log str,
    transaction: &'log str,
    sqlstate: &'log str,
    text: String,
}

impl Record<'_> {
    /// Returns the SQL, if the record says that a message arrived.
    fn statement(&self) -> Option<&str> {
        let text = self.text.strip_prefix("LOG:  ")?;
        if let Some(sql) = text.strip_prefix("statement: ") {
            return Some(sql);
        }
        let (_, sql) = text.strip_prefix("execute ")?.split_once(": ")?;
        Some(sql)
    }

    fn message(&self, text: &str) -> Message {
        Message {
            process: self.process.to_owned(),
            transaction: self.transaction.to_owned(),
            text: text.to_owned(),
            error: None,
        }
    }
}

/// Cuts a log into records: a line that begins with a tab goes on with the one before.
fn records(log: &str) -> impl Iterator<Item = Record<'_>> {
    let mut records: Vec<Record<'_>> = Vec::new();
    for line in log.split('\n') {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(last) = records.last_mut() {
                last.text.push('\n');
                last.text.push_str(more);
            }
        } else if let Some(record) = record(line) {
            records.push(record);
        }
    }
    records.into_iter()
}

fn record(line: &str) -> Option<Record<'_>> {
    let (prefix, text) = line.strip_prefix('<')?.split_once('>')?;
    let mut fields = prefix.split('|');
    Some(Record {
        database: fields.next()?,
        process: fields.next()?,
        transaction: fields.next()?,
        sqlstate: fields.next()?,
        text: text.to_owned(),
    })
}
