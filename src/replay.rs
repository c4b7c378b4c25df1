//! Replays statements over a catalog and a session, keeping track of the open transaction.

use std::sync::Arc;

use crate::catalog::{Because, Catalog, Env, Failure, Origin};
use crate::layout::{Layout, Migration, TransactionMode};
use crate::session::{Holder, Savepoints, Session, Transaction};
use crate::source::{FileId, Span};
use crate::sql::{
    Action, ConstraintKind, Delivery, Script, Setting, Statement, TableChange, TransactionAction,
};
use crate::version::PgVersion;

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
    /// The server version.
    pub version: PgVersion,
    /// Whether the statements of the migration reach the server as one message.
    is_block: bool,
    /// Whether nothing in the migration begins or ends a transaction: nobody needs the schema again that
    /// was there when its own began, and what has no second owner is changed in place.
    is_straight: bool,
    /// How the statements of a host language reach the server, and which of them comes next.
    deliveries: Arc<[Delivery]>,
    next_delivery: usize,
    /// Whether the framework holds a transaction open around the calls.
    holds_transaction: bool,
    transactions: u32,
}

impl State {
    /// Returns the state of an empty database on a server of that version.
    pub fn new(version: PgVersion) -> Self {
        Self { version, ..Self::default() }
    }

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
        self.deliveries = script.deliveries.as_slice().into();
        self.next_delivery = 0;
        let is_file = script.deliveries.is_empty();
        self.is_block = is_file && layout.sends_whole_file(mode) && script.items.len() > 1;
        let mut actions = script.statements().flat_map(|statement| &statement.actions);
        self.is_straight = !actions.any(|action| matches!(action, Action::Transaction(_)));
        match mode {
            TransactionMode::Runner => self.open(Holder::Runner, None),
            TransactionMode::Message if self.is_block => self.open(Holder::Message, None),
            TransactionMode::Message | TransactionMode::None => {}
        }
        self.holds_transaction = mode == TransactionMode::Runner;
        self.deliver(None);
    }

    /// Goes on to the next statement of a host language: the server sees a new message, or the call
    /// leaves the transaction of its framework or returns to it.
    fn deliver(&mut self, before: Option<Delivery>) {
        let mut before = before;
        while let Some(&next) = self.deliveries.get(self.next_delivery) {
            self.next_delivery += 1;
            self.pass(before, next);
            before = Some(next);
            if next.is_statement {
                return;
            }
            if next.is_unknown_change {
                let origin = self.origin(next.span);
                self.catalog.leave_uncertain_at(origin);
            }
        }
    }

    fn pass(&mut self, before: Option<Delivery>, next: Delivery) {
        let was_outside = before.is_some_and(|before| before.is_outside);
        let is_new = before.is_none_or(|before| before.message != next.message);
        if !is_new {
            return;
        }
        let ends_block = self.holder() == Holder::Message;
        let leaves = self.holds_transaction && next.is_outside && !was_outside;
        if (ends_block || leaves)
            && let Some(closed) = self.transaction.take()
        {
            self.forget_local_settings(&closed);
        }
        if self.holds_transaction && was_outside && !next.is_outside && self.transaction.is_none() {
            self.open(Holder::Runner, None);
        }
        self.is_block = next.is_block;
        if self.transaction.is_none() && next.is_block {
            self.open(Holder::Message, None);
        }
    }

    /// Ends a migration: the runner commits, and what a file left open is lost with its session.
    pub fn end_migration(&mut self) {
        let Some(transaction) = self.transaction.take() else { return };
        match transaction.holder {
            Holder::File => self.roll_back(transaction),
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

    /// Runs one statement. Returns what the server would answer if it refuses.
    pub fn step(&mut self, statement: &Statement) -> Vec<Failure> {
        let is_drop = |action: &Action| matches!(action, Action::Drop(_));
        let failures = match &statement.actions[..] {
            several @ [_, _, ..] if several.iter().all(is_drop) => {
                self.drop_together(several, statement.span)
            }
            actions => self.act_in_order(actions, statement.span),
        };
        if self.transaction.is_none() {
            self.transactions += 1;
        }
        let done = self.next_delivery.checked_sub(1).and_then(|at| self.deliveries.get(at));
        if let Some(done) = done.copied() {
            self.deliver(Some(done));
        }
        failures
    }

    fn act_in_order(&mut self, actions: &[Action], span: Span) -> Vec<Failure> {
        let mut failures = Vec::new();
        let before = (actions.len() > 1).then(|| self.catalog.clone());
        for action in in_order(actions) {
            let mut found = self.act(action, span);
            // A statement that fails does nothing more.
            let fails = found.iter().any(|failure| failure.because != Because::NeverMade);
            failures.append(&mut found);
            if fails {
                // It does nothing at all.
                if let Some(before) = before {
                    self.catalog = before;
                }
                break;
            }
        }
        failures
    }

    /// Drops what one statement drops: the server takes all of it at once, in whatever order it stands
    /// there.
    fn drop_together(&mut self, drops: &[Action], span: Span) -> Vec<Failure> {
        let here = self.origin(span);
        let mut failures = Vec::new();
        let mut left: Vec<&Action> = drops.iter().collect();
        loop {
            let before = left.len();
            let mut last = Vec::new();
            left.retain(|action| {
                let mut answers = self.act(action, span);
                // With CASCADE one takes the other along.
                answers.retain(|answer| answer.because != Because::Dropped(here));
                let is_needed = answers.iter().any(|answer| answer.sqlstate == "2BP01");
                let answered = if is_needed { &mut last } else { &mut failures };
                answered.append(&mut answers);
                is_needed
            });
            match left.len() {
                0 => return failures,
                // Two that need each other go together.
                2.. if left.len() == before => return failures,
                1 if left.len() == before => {
                    failures.append(&mut last);
                    return failures;
                }
                // Most lists stand in the one order or the other.
                _ => left.reverse(),
            }
        }
    }

    fn act(&mut self, action: &Action, span: Span) -> Vec<Failure> {
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
                let env = Env { origin, path, version: self.version };
                return self.catalog.apply(action, &env);
            }
        }
        Vec::new()
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
                    self.roll_back(closed);
                }
                self.reopen_block();
            }
            (action, Some(open)) => {
                let now = || (self.catalog.clone(), self.session.clone());
                if let Some(before) = open.savepoints.follow(action, now) {
                    (self.catalog, self.session) = before;
                }
            }
            // Outside of a transaction, COMMIT only warns.
            (_, None) => {}
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
            catalog: (!self.is_straight).then(|| Box::new(self.catalog.clone())),
            session: Box::new(self.session.clone()),
            savepoints: Savepoints::default(),
        });
        self.transactions += 1;
    }

    /// Returns everything to what it was when the transaction began.
    fn roll_back(&mut self, transaction: Transaction) {
        if let Some(catalog) = transaction.catalog {
            self.catalog = *catalog;
        }
        self.session = *transaction.session;
    }

    /// Returns settings made with `SET LOCAL` to what they were when the transaction began.
    fn forget_local_settings(&mut self, closed: &Transaction) {
        let local: Vec<_> = self.session.local_settings().collect();
        for name in local {
            self.session.restore(&name, &closed.session);
        }
    }
}

/// Returns actions in the order in which the server takes them, which is not that of the subcommands of
/// `ALTER TABLE`: it drops, then changes types, then adds columns, then the rest.
///
/// Source: `ATGetQueueEntry` and the passes of PostgreSQL's `tablecmds.c`.
pub(crate) fn in_order(actions: &[Action]) -> Vec<&Action> {
    let mut ordered: Vec<&Action> = actions.iter().collect();
    if ordered.len() > 1 && ordered.iter().all(|action| matches!(action, Action::AlterTable(_))) {
        ordered.sort_by_key(|action| match action {
            Action::AlterTable(alter) => pass(&alter.change),
            _ => 0,
        });
    }
    ordered
}

/// Returns in which pass of `ALTER TABLE` the server takes a subcommand.
fn pass(change: &TableChange) -> u8 {
    match change {
        TableChange::DropColumn { .. }
        | TableChange::DropConstraint { .. }
        | TableChange::DropNotNull { .. }
        | TableChange::SetDefault { default: None, .. } => 0,
        TableChange::SetType { .. } => 1,
        TableChange::AddColumn { .. } => 2,
        TableChange::SetNotNull { .. } => 3,
        TableChange::AddConstraint(definition) => match definition.kind {
            ConstraintKind::PrimaryKey | ConstraintKind::Unique | ConstraintKind::Exclusion => 4,
            ConstraintKind::Check | ConstraintKind::ForeignKey | ConstraintKind::NotNull => 5,
        },
        TableChange::SetDefault { .. } => 5,
        TableChange::ValidateConstraint { .. }
        | TableChange::AttachPartition { .. }
        | TableChange::DetachPartition { .. }
        | TableChange::Other { .. } => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{QualifiedName, Relation};
    use crate::effects::locks;
    use crate::source::SourceFile;
    use crate::sql::{self, RelationName};

    /// Replays sessions, one after the other.
    fn replay(sessions: &[&str]) -> State {
        let mut state = State::default();
        for (at, text) in (0..).zip(sessions) {
            state.session = Session::default();
            state.catalog.end_session();
            state.migration = at;
            let file = SourceFile::new("a.sql", (*text).to_owned());
            let script = sql::parse(&file, Span::new(0..text.len()));
            assert_eq!(script.not_analysed(), 0, "{text}");
            script.statements().for_each(|statement| {
                state.step(statement);
            });
            state.end_migration();
        }
        state
    }

    fn get<'a>(state: &'a State, name: &str) -> Option<&'a Relation> {
        let (schema, name) = name.split_once('.').unwrap_or(("public", name));
        state.catalog.get(&QualifiedName::new(schema, name))
    }

    fn locked(state: &State, sql: &str) -> Vec<String> {
        let file = SourceFile::new("a.sql", sql.to_owned());
        let script = sql::parse(&file, Span::new(0..sql.len()));
        let actions = script.statements().flat_map(|statement| &statement.actions);
        let path = &state.session.search_path;
        actions
            .flat_map(|action| locks(action, &state.catalog, path, PgVersion::default()))
            .map(|lock| lock.relation.to_string())
            .collect()
    }

    #[test]
    fn temporary_tables_hide_others_until_the_session_ends() {
        let first = "create table t (a int)";
        let second = "create temp table t (b int); create temp table u (c int)";
        let during = replay(&[first, second]);
        let found = |state: &State, name: &str| {
            let name = RelationName::unqualified(name);
            let path = state.session.search_path.clone();
            state.catalog.relation(&name, &path).found().map(|table| table.temporary)
        };
        assert_eq!((found(&during, "t"), found(&during, "u")), (Some(true), Some(true)));
        let dropped = replay(&[first, &format!("{second}; drop table t")]);
        assert_eq!(found(&dropped, "t"), Some(false));
        let after = replay(&[first, second, "select 1"]);
        assert_eq!((found(&after, "t"), found(&after, "u")), (Some(false), None));
        let fresh = RelationName::unqualified("u");
        let path = after.session.search_path.clone();
        assert!(matches!(after.catalog.relation(&fresh, &path), crate::catalog::Lookup::Unknown));
    }

    #[test]
    fn an_empty_search_path_is_not_taken_to_last() {
        let lasts = |text: &str| replay(&[text]).session.lasting_search_path().is_some();
        assert!(lasts("set search_path = app"));
        assert!(!lasts("select pg_catalog.set_config('search_path', '', false)"));
    }

    #[test]
    fn what_is_about_a_table_follows_its_new_name() {
        let state = replay(&[
            "create schema s; create table a (id int primary key); create index a_x on a (id);
             create table b (a int references a); create view v as select * from a;
             create table p (x int) partition by list (x); create table p1 partition of p default;",
            "alter table a rename to c; alter table p rename to q; alter table c set schema s;",
        ]);
        assert_eq!(locked(&state, "drop index s.a_x"), ["s.c"]);
        assert_eq!(locked(&state, "alter table b drop column a"), ["public.b", "s.c"]);
        assert_eq!(locked(&state, "drop table p1"), ["public.p1", "public.q"]);
        let used = get(&state, "v").and_then(|view| state.catalog.name_of(view.uses[0]));
        assert_eq!(used.map(ToString::to_string), Some("s.c".to_owned()));
        let state = replay(&[
            "create table a (id int primary key); create table b (a int references a);
             create view v as select * from a; create view w as select * from v;",
            "drop table a cascade",
        ]);
        assert_eq!(locked(&state, "alter table b drop column a"), ["public.b"]);
        assert!(get(&state, "v").is_none() && get(&state, "w").is_none());
    }

    #[test]
    fn an_index_takes_the_name_of_the_constraint_that_it_becomes() {
        let state = replay(&["create table t (a int, b int);
             create unique index i on t (a);
             alter table t add constraint k primary key using index i;"]);
        let table = get(&state, "t").expect("it is there");
        assert!(get(&state, "i").is_none() && get(&state, "k").is_some());
        assert!(table.column("a").is_some_and(|column| column.not_null));
        assert_eq!(table.constraints.get(0).unwrap().columns, ["a"]);
    }

    #[test]
    fn a_rollback_undoes_what_came_after_its_savepoint() {
        let state = replay(&["begin; create table a (); savepoint s; create table b ();
             savepoint s; create table c (); rollback to s; rollback to s; release s;
             create table d (); rollback to s; commit;
             begin; create table e (); rollback; begin; create table f ();"]);
        let there: Vec<&str> = ["a", "b", "c", "d", "e", "f"]
            .into_iter()
            .filter(|name| get(&state, name).is_some())
            .collect();
        assert_eq!(there, ["a"]);
    }
}
