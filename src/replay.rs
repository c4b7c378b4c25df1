//! Replays statements over a catalog and a session, keeping track of the open transaction.

use std::sync::Arc;

use crate::catalog::{Catalog, Origin};
use crate::effects;
use crate::layout::{Layout, Migration, TransactionMode};
use crate::session::{Holder, Savepoints, Session, Transaction};
use crate::source::{FileId, Span};
use crate::sql::{Action, Script, Setting, Statement, TransactionAction};

/// Everything that a statement depends on: schema, session and open transaction.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The schema.
    pub catalog: Catalog,
    /// The session.
    pub session: Session,
    /// The open transaction.
    pub transaction: Option<Transaction>,
    /// The migration that is being replayed, by its place in the order of application.
    pub migration: u32,
    /// The file that is being replayed.
    pub file: Option<FileId>,
    /// What `ALTER ROLE ... SET` and `ALTER DATABASE ... SET` give every later session. Of which role
    /// or database it is said is not looked at: it is the one that migrations use.
    pub defaults: Arc<Vec<Setting>>,
    /// Whether the statements of the migration reach the server as one message.
    is_block: bool,
    transactions: u32,
}

impl State {
    /// Begins a migration: opens the transaction that its runner or the server opens.
    pub fn begin_migration(
        &mut self,
        number: u32,
        migration: &Migration,
        layout: &Layout,
        script: &Script,
    ) {
        let mode = migration.transaction;
        self.migration = number;
        self.file = Some(migration.file);
        self.is_block = layout.sends_whole_file(mode) && script.items.len() > 1;
        match mode {
            TransactionMode::Runner => self.open(Holder::Runner, None),
            TransactionMode::Message if self.is_block => self.open(Holder::Message, None),
            TransactionMode::Message | TransactionMode::None => {}
        }
    }

    /// Ends a migration: the runner commits, and what a file left open is lost with its session.
    pub fn end_migration(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        match transaction.holder {
            Holder::File => (self.catalog, self.session) = *transaction.start,
            Holder::Runner | Holder::Message | Holder::Nobody => {
                self.forget_local_settings(&transaction);
            }
        }
    }

    /// Returns who holds a transaction open around the next statement.
    pub fn holder(&self) -> Holder {
        self.transaction.as_ref().map_or(Holder::Nobody, |transaction| transaction.holder)
    }

    /// Returns where and when `span` runs.
    pub fn origin(&self, span: Span) -> Origin {
        let transaction = self.transaction.as_ref().map_or(self.transactions, |open| open.id);
        let file = self.file.unwrap_or(FileId(0));
        Origin { file, span, migration: self.migration, transaction }
    }

    /// Returns whether `origin` lies in the transaction that is open now.
    pub fn is_in_this_transaction(&self, origin: Origin) -> bool {
        self.transaction.as_ref().is_some_and(|open| open.id == origin.transaction)
    }

    /// Returns whether `origin` lies in the migration that is being replayed.
    pub fn is_in_this_migration(&self, origin: Origin) -> bool {
        origin.migration == self.migration
    }

    /// Runs one statement.
    pub fn step(&mut self, statement: &Statement) {
        for action in &statement.actions {
            self.act(action, statement.span);
        }
        if self.transaction.is_none() {
            self.transactions += 1;
        }
    }

    fn act(&mut self, action: &Action, span: Span) {
        match action {
            Action::Transaction(action) => self.control(action, span),
            Action::Set(setting) => {
                // Outside of a transaction SET LOCAL only warns.
                if !setting.local || self.transaction.is_some() {
                    self.session.set(setting, self.file.unwrap_or(FileId(0)), span);
                }
            }
            Action::SetDefault(setting) => {
                let defaults = Arc::make_mut(&mut self.defaults);
                defaults.retain(|other| other.name != setting.name);
                defaults.push(setting.as_ref().clone());
            }
            _ => {
                let origin = self.origin(span);
                let path = self.session.search_path.clone();
                for name in effects::needed(action) {
                    self.catalog.need(name, origin, &path);
                }
                self.catalog.apply(action, origin, &path);
            }
        }
    }

    fn control(&mut self, action: &TransactionAction, span: Span) {
        match (action, &mut self.transaction) {
            (TransactionAction::Begin, None) => self.open(Holder::File, Some(span)),
            // BEGIN turns the server's implicit block into a transaction of the file.
            (TransactionAction::Begin, Some(open)) if open.holder == Holder::Message => {
                open.holder = Holder::File;
                open.begin = Some(span);
            }
            (TransactionAction::Commit | TransactionAction::Prepare, Some(_)) => {
                if let Some(closed) = self.transaction.take() {
                    self.forget_local_settings(&closed);
                }
                self.reopen_block();
            }
            (TransactionAction::Rollback, Some(_)) => {
                if let Some(closed) = self.transaction.take() {
                    (self.catalog, self.session) = *closed.start;
                }
                self.reopen_block();
            }
            (TransactionAction::Savepoint(name), Some(open)) => {
                open.savepoints.push(name, self.catalog.clone(), self.session.clone());
            }
            (TransactionAction::Release(name), Some(open)) => {
                open.savepoints.take(name);
            }
            (TransactionAction::RollbackTo(name), Some(open)) => {
                if let Some((catalog, session)) = open.savepoints.take(name) {
                    open.savepoints.push(name, catalog.clone(), session.clone());
                    (self.catalog, self.session) = (catalog, session);
                }
            }
            // BEGIN in a transaction and COMMIT outside of one only warn.
            (_, Some(_) | None) => {}
        }
    }

    /// Opens the implicit block anew: the rest of a message after COMMIT is a block of its own.
    fn reopen_block(&mut self) {
        if self.is_block {
            self.open(Holder::Message, None);
        }
    }

    fn open(&mut self, holder: Holder, begin: Option<Span>) {
        self.transactions += 1;
        self.transaction = Some(Transaction {
            holder,
            begin,
            id: self.transactions,
            start: Box::new((self.catalog.clone(), self.session.clone())),
            savepoints: Savepoints::default(),
        });
        self.transactions += 1;
    }

    /// Returns settings made with `SET LOCAL` to what they were when the transaction began.
    fn forget_local_settings(&mut self, closed: &Transaction) {
        let local: Vec<_> = self.session.local_settings().collect();
        for name in local {
            self.session.restore(&name, &closed.start.1);
        }
    }
}
