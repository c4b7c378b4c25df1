//! The examples of the rules' pages, run on real servers: what each statement locks, writes anew and
//! reads in full is what we say of it, and so is what the server refuses.
//!
//! On the server of this machine; `make test-oracle` runs the same on all versions from 12 to 18.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use lockmaster::catalog::{Because, Constraint, Failure, Relation};
use lockmaster::check::{check, parse, walk};
use lockmaster::diagnostic::{Diagnostic, Severity};
use lockmaster::effects::{Effects, effects, ends_transaction, refused_in_transaction};
use lockmaster::layout::Direction;
use lockmaster::rule::{Rule, StatementContext};
use lockmaster::rules::RULES;
use lockmaster::session::Holder;
use lockmaster::source::{FileId, Span};
use lockmaster::sql::{Action, LockMode, Statement};
use postgres::{Client, SimpleQueryMessage};
use support::example::{Example, fences};
use support::lock::held_locks;
use support::server::{Database, shared, versions};

/// Pages whose examples need what only their projects have: roles, databases, other servers, settings.
/// `postgres_privileges.rs` is about the first.
const NOT_RUN: &[&str] =
    &["invalid-privilege", "missing-lock-timeout", "not-analysed", "password-in-migration"];

#[test]
fn what_the_examples_do_is_what_we_say() {
    let wrong = wrong_examples(compare);
    assert!(wrong.is_empty(), "{} differences:\n{}", wrong.len(), wrong.join("\n"));
}

/// Every recipe for an example runs on the server, in place of the statement that it is for.
#[test]
fn every_recipe_runs() {
    let wrong = wrong_examples(run_recipes);
    assert!(wrong.is_empty(), "{} recipes fail:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns what is wrong with the examples of all rules, on each version of the server.
fn wrong_examples(look: fn(&Example, u16) -> Vec<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for version in versions() {
        for rule in RULES.iter().filter(|rule| !NOT_RUN.contains(&rule.name)) {
            for example in examples(rule, version) {
                let found = look(&example, version).into_iter();
                wrong.extend(
                    found.map(|what| format!("{} on PostgreSQL {version}: {what}", rule.name)),
                );
            }
        }
    }
    wrong
}

fn run_recipes(example: &Example, version: u16) -> Vec<String> {
    let (sources, diagnostics) = example.recipes();
    let mut wrong = Vec::new();
    for diagnostic in &diagnostics {
        let database = shared(version).database();
        let mut client = database.connect();
        let before = sources.files.iter().take(diagnostic.file.index());
        let texts = before.map(|file| (file, file.text.len()));
        let own = sources.get(diagnostic.file);
        for (file, end) in texts.chain([(own, diagnostic.span.start as usize)]) {
            let script = lockmaster::sql::parse(file, Span::new(0..file.text.len()));
            let is_before = |statement: &&Statement| statement.span.end as usize <= end;
            for statement in script.statements().take_while(is_before) {
                if statement.transaction_action().is_none() {
                    let sql = file.slice(statement.span);
                    client.batch_execute(sql).unwrap_or_else(|error| panic!("{error:?}\n{sql}"));
                }
            }
        }
        let recipe = diagnostic.recipe.as_ref().unwrap();
        for sql in recipe.steps.iter().flat_map(|step| &step.statements) {
            if let Err(error) = client.batch_execute(sql) {
                let answer = error.as_db_error().map(postgres::error::DbError::message);
                let bad = own.slice(diagnostic.span);
                wrong.push(format!("{}: {bad}\n    {sql}", answer.unwrap_or_default()));
                break;
            }
        }
    }
    wrong
}

/// Returns the examples of a page that are for a server version.
fn examples(rule: &'static Rule, version: u16) -> Vec<Example<'static>> {
    let mut given: Vec<String> = Vec::new();
    let mut examples = Vec::new();
    for fence in fences(rule.page).0 {
        let (language, kind, words) = fence.words();
        match kind {
            "given" => given.push(fence.code.to_owned()),
            "bad" | "good" => {
                let names_version = fence.info.contains(" pg=");
                let mut example = Example::new(rule, language, &given, fence.code, words);
                if !names_version {
                    example.set_version(version.to_string().parse().unwrap());
                }
                if example.version().major == version {
                    examples.push(example);
                }
            }
            _ => {}
        }
    }
    examples
}

/// Runs an example and returns what is not as we say.
fn compare(example: &Example, version: u16) -> Vec<String> {
    let (sources, sets) = example.load();
    let mut wrong = Vec::new();
    let rules: Vec<&Rule> = RULES.iter().collect();
    for (at, set) in sets.iter().enumerate().filter(|(_, set)| set.layout.name != "plain") {
        let checked = check(at, set, &sources, &rules, &example.options());
        let names_answer =
            |found: &Diagnostic| found.notes.iter().any(|note| note.starts_with("SQLSTATE"));
        let is_error =
            |found: &&Diagnostic| found.severity == Severity::Error || names_answer(found);
        let errors =
            checked.diagnostics.iter().filter(is_error).map(|found| (found.file, found.span));
        let scripts = parse(set, &sources);
        let database = shared(version).database();
        let server = RefCell::new(Server::new(&database, errors.collect()));
        let visit = |cx: &StatementContext| server.borrow_mut().run(cx);
        let refused = |cx: &StatementContext| server.borrow_mut().was_foreseen(cx);
        walk(set, &sources, &scripts, &example.options(), visit, refused);
        wrong.extend(server.into_inner().finish());
    }
    wrong
}

/// A relation as the server sees it.
#[derive(Clone, PartialEq)]
struct Seen {
    name: String,
    kind: char,
    file: u32,
}

type Relations = BTreeMap<u32, Seen>;

/// A session on a real server that follows a replay.
struct Server<'a> {
    database: &'a Database<'a>,
    client: Client,
    notices: Arc<Mutex<Vec<String>>>,
    /// The migration that runs.
    migration: usize,
    /// Whether a transaction is open.
    is_open: bool,
    /// What was there when it began.
    old: BTreeSet<u32>,
    /// Where a rule reports an error.
    errors: Vec<(FileId, Span)>,
    /// Why the rest of the example is not run: nothing behind a failure is of interest.
    failed: Option<Failed>,
    wrong: Vec<String>,
}

struct Failed {
    sql: String,
    sqlstate: String,
    message: String,
    was_foreseen: bool,
}

impl<'a> Server<'a> {
    fn new(database: &'a Database<'a>, errors: Vec<(FileId, Span)>) -> Self {
        let notices = Arc::default();
        let client = database.connect_with(Arc::clone(&notices));
        Self {
            database,
            client,
            notices,
            migration: 0,
            is_open: false,
            old: BTreeSet::new(),
            errors,
            failed: None,
            wrong: Vec::new(),
        }
    }

    fn run(&mut self, cx: &StatementContext) {
        if self.failed.is_some() || cx.migration.migration().direction == Direction::Down {
            return;
        }
        if self.migration != cx.migration.index {
            self.migration = cx.migration.index;
            self.commit();
            if cx.migration.history.set.layout.is_new_session() {
                self.client = self.database.connect_with(Arc::clone(&self.notices));
            }
        }
        let sql = cx.file().slice(cx.statement.span).to_owned();
        let actions = &cx.statement.actions;
        let (catalog, path) = (&cx.state.catalog, &cx.state.session.search_path);
        let is_refused = |action: &Action| {
            refused_in_transaction(action, catalog, path, cx.version()).is_some()
                || ends_transaction(action, catalog, path)
        };
        let is_control = actions.iter().any(|action| matches!(action, Action::Transaction(_)));
        let is_alone = actions.iter().any(is_refused) || is_control;
        let is_in_transaction = cx.state.holder() != Holder::Nobody;
        if !self.is_open && (is_in_transaction || !is_alone) {
            self.begin();
        }
        let before = self.relations();
        let held = held_locks(&mut self.client);
        self.notices.lock().unwrap().clear();
        let answer = self.client.batch_execute(&sql);
        if let Err(error) = answer {
            let refusal =
                error.as_db_error().unwrap_or_else(|| panic!("no answer: {error}\n{sql}"));
            let is_given = cx.file().path.to_string_lossy().contains("_given");
            if is_given {
                self.wrong.push(format!("what is given fails: {sql}"));
            }
            self.failed = Some(Failed {
                sql,
                sqlstate: refusal.code().code().to_owned(),
                message: refusal.message().to_owned(),
                was_foreseen: is_in_transaction && actions.iter().any(is_refused)
                    || self.errors.iter().any(|(file, span)| {
                        *file == cx.migration.migration().file && cx.statement.span.contains(*span)
                    }),
            });
            return;
        }
        if is_in_transaction && actions.iter().any(is_refused) {
            self.wrong.push(format!("not refused in a transaction: {sql}"));
        }
        if is_control {
            self.is_open = self.in_transaction();
            self.old = self.relations().into_keys().collect();
            return;
        }
        if self.is_open {
            let claimed = effects(actions, cx.state, cx.state.origin(cx.statement.span));
            self.compare_locks(&sql, cx, &claimed, &before, &held);
            self.compare_work(&sql, cx, &claimed, &before);
        }
        if !is_in_transaction {
            self.commit();
        }
    }

    fn compare_locks(
        &mut self,
        sql: &str,
        cx: &StatementContext,
        claimed: &Effects,
        before: &Relations,
        held: &BTreeSet<(u32, LockMode)>,
    ) {
        let after = held_locks(&mut self.client);
        let name = |id: u32| before.get(&id).map(|seen| seen.name.as_str());
        let is_index = |name| cx.state.catalog.get(name).is_some_and(Relation::is_index);
        let said: BTreeMap<String, LockMode> = claimed
            .locks
            .iter()
            .filter(|lock| lock.mode > LockMode::AccessShareLock && !is_index(&lock.relation))
            .map(|lock| (lock.relation.to_string(), lock.mode))
            .collect();
        let takes = |wanted: &str, mode: LockMode| {
            after.iter().any(|(id, taken)| name(*id) == Some(wanted) && *taken >= mode)
        };
        // What stands in a block may depend on a condition.
        let is_block = |action: &Action| matches!(action, Action::Do(_));
        let is_certain = !cx.statement.actions.iter().any(is_block);
        let is_late = |relation: &str, mode: LockMode| {
            mode == LockMode::RowShareLock && is_checked_later(cx, relation)
        };
        for (relation, mode) in said.iter().filter(|(relation, mode)| {
            is_certain && !takes(relation, **mode) && !is_late(relation, **mode)
        }) {
            self.wrong.push(format!("{mode:?} on {relation} is not taken by: {sql}"));
        }
        for (id, mode) in after.difference(held) {
            let Some(seen) = before.get(id).filter(|seen| seen.kind != 'i' && seen.kind != 'I')
            else {
                continue;
            };
            let is_said = said.get(&seen.name).is_some_and(|said| said >= mode);
            let is_late = is_checked_later(cx, &seen.name) && *mode == LockMode::RowShareLock;
            if *mode > LockMode::AccessShareLock && !is_said && !is_late {
                self.wrong.push(format!("{mode:?} on {} is not said of: {sql}", seen.name));
            }
        }
    }

    fn compare_work(
        &mut self,
        sql: &str,
        cx: &StatementContext,
        claimed: &Effects,
        before: &Relations,
    ) {
        let actions = &cx.statement.actions;
        // A table that is emptied gets a new file as well, and a refreshed view is not compared.
        let is_other = |action: &Action| {
            matches!(
                action,
                Action::Truncate { .. } | Action::RefreshMaterializedView { .. } | Action::Do(_)
            )
        };
        if actions.iter().any(is_other) {
            return;
        }
        let now = self.relations();
        let mut rewritten = BTreeSet::new();
        for (id, seen) in before.iter().filter(|(id, _)| self.old.contains(id)) {
            let is_new = now.get(id).is_some_and(|now| now.file != seen.file);
            if is_new && matches!(seen.kind, 'r' | 'm') {
                rewritten.insert(seen.name.clone());
            }
        }
        let said: BTreeSet<String> = claimed.rewrites.iter().map(ToString::to_string).collect();
        if rewritten != said {
            self.wrong.push(format!("writes anew {rewritten:?}, not {said:?}: {sql}"));
        }
        if !actions.iter().all(|action| matches!(action, Action::AlterTable(_))) {
            return;
        }
        let read = self.read(&rewritten);
        let known: BTreeSet<String> =
            self.old.iter().filter_map(|id| Some(bare(&before.get(id)?.name).to_owned())).collect();
        let said: BTreeSet<String> =
            claimed.scans.iter().map(|name| name.name.to_string()).collect();
        let read: BTreeSet<String> = read.intersection(&known).cloned().collect();
        // Whether the referenced table is read is the planner's choice.
        let has_foreign_key =
            self.notices.lock().unwrap().iter().any(|n| n.contains("foreign key"));
        let unsaid: Vec<_> =
            read.difference(&said).filter(|name| !is_in(name, &rewritten)).collect();
        let missing: Vec<_> = said.difference(&read).collect();
        if !unsaid.is_empty() || !missing.is_empty() && !has_foreign_key {
            self.wrong.push(format!("reads {read:?}, not {said:?}: {sql}"));
        }
    }

    /// Returns the tables that the server says it has read in full, by their bare names.
    fn read(&self, rewritten: &BTreeSet<String>) -> BTreeSet<String> {
        let mut read: BTreeSet<String> =
            rewritten.iter().map(|name| bare(name).to_owned()).collect();
        for notice in self.notices.lock().unwrap().iter() {
            let quoted: Vec<&str> = notice.split('"').skip(1).step_by(2).collect();
            match &quoted[..] {
                [table] if notice.starts_with("verifying table") => {
                    read.insert((*table).to_owned());
                }
                [_, table] if notice.starts_with("building index") => {
                    read.insert((*table).to_owned());
                }
                _ => {}
            }
        }
        read
    }

    /// Notes whether a refusal is the one that the replay foresees.
    fn was_foreseen(&mut self, cx: &StatementContext) {
        if cx.migration.migration().direction == Direction::Down {
            return;
        }
        let sql = cx.file().slice(cx.statement.span);
        let is_possible =
            |failed: &Failed| cx.failures.iter().any(|failure| failure.sqlstate == failed.sqlstate);
        // Where the history is not whole, what nobody made may be there all the same.
        let is_certain = |failure: &&Failure| {
            cx.migration.history.is_complete || failure.because != Because::NeverMade
        };
        match &mut self.failed {
            Some(failed) if failed.sql == sql => failed.was_foreseen |= is_possible(failed),
            Some(_) => {}
            None => {
                let certain = cx.failures.iter().filter(is_certain);
                self.wrong
                    .extend(certain.map(|f| format!("not refused with {}: {sql}", f.sqlstate)));
            }
        }
    }

    fn begin(&mut self) {
        self.client.batch_execute("begin").unwrap();
        self.is_open = true;
        self.old = self.relations().into_keys().collect();
    }

    fn commit(&mut self) {
        if std::mem::take(&mut self.is_open) {
            let answer = self.client.batch_execute("commit");
            answer.unwrap_or_else(|error| panic!("the transaction does not end: {error}"));
        }
    }

    fn in_transaction(&mut self) -> bool {
        let query = "select now() = statement_timestamp()";
        // In a transaction, now() is when that began.
        let answer = self.client.simple_query(query).unwrap();
        answer.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0) == Some("f"),
            _ => false,
        })
    }

    fn relations(&mut self) -> Relations {
        self.client.batch_execute("set client_min_messages = error").unwrap();
        let query =
            "select c.oid, regexp_replace(n.nspname, '^pg_temp_.*', 'pg_temp') || '.' || c.relname,
                c.relkind, c.relfilenode
            from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')";
        let rows = self.client.query(query, &[]).unwrap();
        self.client.batch_execute("set client_min_messages = debug1").unwrap();
        let seen = |row: &postgres::Row| Seen {
            name: row.get(1),
            kind: char::from(row.get::<_, i8>(2).cast_unsigned()),
            file: row.get(3),
        };
        rows.iter().map(|row| (row.get(0), seen(row))).collect()
    }

    fn finish(mut self) -> Vec<String> {
        if let Some(failed) = self.failed.take() {
            // Whether it fails depends on the rows.
            let depends = failed.sqlstate.starts_with("23") || failed.sqlstate.starts_with("22");
            if !failed.was_foreseen && !depends {
                self.wrong.push(format!(
                    "not foreseen: {} {}: {}",
                    failed.sqlstate, failed.message, failed.sql
                ));
            }
        }
        self.wrong
    }
}

/// Returns whether a deferred foreign key is on a table or refers to it: the server looks at the other
/// side, and locks it, when the transaction ends.
fn is_checked_later(cx: &StatementContext, name: &str) -> bool {
    let named = |relation: &&Relation| relation.name.to_string() == name;
    let Some(table) = cx.state.catalog.relations().find(named) else { return false };
    cx.state.catalog.related(table.id).iter().any(|other| {
        let is_other = |key: &Constraint| other.id == table.id || key.references == Some(table.id);
        other.constraints.iter().any(|key| key.deferred && is_other(key))
    })
}

fn bare(name: &str) -> &str {
    name.split_once('.').map_or(name, |(_, bare)| bare)
}

fn is_in(name: &str, qualified: &BTreeSet<String>) -> bool {
    qualified.iter().any(|other| bare(other) == name)
}
