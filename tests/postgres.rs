//! What Lockmaster claims, compared with what real servers do.
//!
//! On the server of this machine; `make test-oracle` runs the same on all versions from 12 to 18.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use lockmaster::check::{SetOptions, check, parse};
use lockmaster::discover;
use lockmaster::effects;
use lockmaster::layout::{self, Direction, MigrationSet, Sources, TransactionMode};
use lockmaster::replay::State;
use lockmaster::rule::{Rule, Target};
use lockmaster::rules::RULES;
use lockmaster::source::{FileId, SourceFile, Span};
use lockmaster::sql::{self, Item, LockMode, Script};
use lockmaster::version::PgVersion;
use support::lock::held_locks;
use support::project;
use support::server::{shared, versions};

/// The rules whose errors say that the server refuses the very statement.
const REFUSALS: &[&str] = &[
    "syntax-error",
    "concurrently-in-transaction",
    "enum-value-in-transaction",
    "do-block-ends-transaction",
    "invalid-privilege",
];

/// SQLSTATEs of refusals that need more of the catalog than the rules have so far, or rows.
const BEYOND: &[&str] = &["0A000", "42P01", "42703", "42704", "42710", "42P07", "3F000", "42883"];

/// Every fixture directory, applied as its runner delivers it: the server refuses exactly the
/// statements that the rules say it refuses.
#[test]
fn the_server_refuses_what_the_rules_say_it_refuses() {
    for version in versions() {
        if version < 13 {
            continue; // The fixtures use gen_random_uuid(), which is built in from 13 on.
        }
        for case in fixtures() {
            let (sources, sets) = load(&case);
            for (at, set) in sets.iter().enumerate().filter(|(_, set)| set.layout.name != "plain") {
                let target = Target { version: version.to_string().parse().unwrap() };
                let mut claimed = claimed_refusals(at, set, &sources, target);
                let (refused, unreached) = real_refusals(version, set, &sources);
                // What stands behind a failure in the same transaction is not even looked at.
                claimed.retain(|place| !unreached.contains(place));
                assert_eq!(claimed, refused, "{} on PostgreSQL {version}", case.display());
            }
        }
    }
}

fn fixtures() -> Vec<PathBuf> {
    let folders = |path: &Path| -> Vec<PathBuf> {
        let mut found: Vec<_> =
            std::fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect();
        found.sort();
        found
    };
    folders(&project("fixtures")).iter().flat_map(|layout| folders(layout)).collect()
}

fn load(case: &Path) -> (Sources, Vec<MigrationSet>) {
    let found = discover::load(&[case.to_owned()], &|_| false, None).unwrap();
    let overrides = |_: &Path| layout::Override::default();
    let sets = layout::recognise(&found.trees[0], &found.sources, false, &overrides);
    (found.sources, sets)
}

/// Returns the statements, by file name and line, that the rules call refused.
fn claimed_refusals(
    at: usize,
    set: &MigrationSet,
    sources: &Sources,
    target: Target,
) -> BTreeSet<String> {
    let rules: Vec<&Rule> = RULES.iter().filter(|rule| REFUSALS.contains(&rule.name)).collect();
    let options = SetOptions { target, ..SetOptions::default() };
    let checked = check(at, set, sources, &rules, &options);
    let scripts = parse(set, sources);
    let errors = checked
        .diagnostics
        .iter()
        .filter(|d| d.severity == lockmaster::diagnostic::Severity::Error);
    let mut claimed = BTreeSet::new();
    for diagnostic in errors {
        let script = set.migrations.iter().zip(&scripts).find(|(migration, script)| {
            migration.direction == Direction::Up
                && migration.file == diagnostic.file
                && script.items.iter().any(|item| item.span().contains(diagnostic.span))
        });
        let Some((migration, script)) = script else { continue };
        let item = script.items.iter().find(|item| item.span().contains(diagnostic.span)).unwrap();
        // In one message the first refusal is the only one that the server gets to.
        let line = if is_one_message(set, migration.transaction, script) {
            0
        } else {
            line(sources, migration.file, item.span())
        };
        claimed.insert(format!("{}:{line}", name(sources, migration.file)));
    }
    claimed
}

fn is_one_message(set: &MigrationSet, mode: TransactionMode, script: &Script) -> bool {
    // Calls of a host language are messages of their own.
    script.deliveries.is_empty()
        && (mode == TransactionMode::Message
            || mode == TransactionMode::Runner
                && set.layout.without_transaction == TransactionMode::Message)
}

fn name(sources: &Sources, file: FileId) -> String {
    sources.get(file).path.display().to_string()
}

fn line(sources: &Sources, file: FileId, span: Span) -> usize {
    sources.get(file).position(span.start).line
}

/// Applies a set as its runner delivers it; returns what the server refused in ways that the rules
/// know, and what it did not look at because the transaction had failed before.
/// What reaches the server at once.
struct Message {
    /// The line of its last statement.
    line: usize,
    sql: String,
    /// Whether the framework leaves its transaction for it.
    is_outside: bool,
}

/// Returns the messages of a migration that is sent statement by statement, or call by call.
fn messages(sources: &Sources, file: FileId, script: &Script) -> Vec<Message> {
    let mut messages: Vec<(Option<u32>, Message)> = Vec::new();
    for (at, item) in script.items.iter().enumerate() {
        // A placeholder is nothing that a server could be asked.
        let is_sql = match item {
            Item::Statement(statement) => !statement.has_placeholders,
            Item::SyntaxError(_) => true,
            Item::NotAnalysed(_) => false,
        };
        if !is_sql {
            continue;
        }
        let delivery = script.deliveries.get(at);
        let number = delivery.map(|delivery| delivery.message);
        let sql = sources.get(file).slice(item.span());
        let line = line(sources, file, item.span());
        match messages.last_mut() {
            Some((last, message)) if last.is_some() && *last == number => {
                message.sql.push_str(&format!(";\n{sql}"));
                message.line = line;
            }
            _ => {
                let is_outside = delivery.is_some_and(|delivery| delivery.is_outside);
                messages.push((number, Message { line, sql: sql.to_owned(), is_outside }));
            }
        }
    }
    messages.into_iter().map(|(_, message)| message).collect()
}

fn real_refusals(
    version: u16,
    set: &MigrationSet,
    sources: &Sources,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let server = shared(version);
    let database = server.database();
    // One of the fixtures grants privileges on the database of its project.
    database.run_statements(&["create database dogepump"]);
    let (mut refused, mut unreached) = (BTreeSet::new(), BTreeSet::new());
    let scripts = parse(set, sources);
    for (migration, script) in set.migrations.iter().zip(&scripts) {
        if migration.direction == Direction::Down {
            continue;
        }
        let mut client = database.connect();
        let file = sources.get(migration.file);
        if migration.transaction == TransactionMode::Runner {
            client.batch_execute("begin").unwrap();
        }
        let is_whole = is_one_message(set, migration.transaction, script);
        let messages = match is_whole {
            true => vec![Message {
                line: 0,
                sql: file.slice(migration.section).to_owned(),
                is_outside: false,
            }],
            false => messages(sources, migration.file, script),
        };
        let mut failed = false;
        for Message { line, sql, is_outside } in messages {
            let leaves = is_outside && migration.transaction == TransactionMode::Runner;
            if leaves {
                client.batch_execute("commit").unwrap();
            }
            let answer = client.batch_execute(&sql);
            if leaves {
                client.batch_execute("begin").unwrap();
            }
            if let Err(error) = answer {
                let state = error.code().expect("the server answers").code().to_owned();
                failed = true;
                let place = format!("{}:{line}", name(sources, migration.file));
                if state == "25P02" {
                    unreached.insert(place);
                } else if !BEYOND.contains(&state.as_str()) {
                    refused.insert(place);
                }
            }
        }
        if migration.transaction == TransactionMode::Runner {
            client.batch_execute(if failed { "rollback" } else { "commit" }).unwrap();
        }
    }
    (refused, unreached)
}

/// Broken statements.
const BROKEN: &[&str] = &[
    "create tabel t (a int);",
    "create table t (a int;",
    "create table t (a int, );",
    "select * from from t;",
    "select a : b from t where c::text = 'x';",
    "select 'stalled'::text, 'x':: : int;",
    "update t set a = 1 limit 1;",
    "insert into t (a) values (1) values (2);",
    "alter table t add column ;",
    "drop index if exists ;",
    "select 1 +\n  /* why */ ;",
    "select 'never closed;",
    "foo 'never closed;",
    "alter table t drop column 'a' drop column 'b';",
    "alter type e add value 'a' if not exists 'b';",
    "create table `t` (a int);",
    "select \"é表\", 'ü' from_ from t where ((a);",
    "select a $$b$$ c d;",
    "create table t (a numeric(10, 2) 2);",
    "comment on column t.a as 'x';",
    "create function f() returns int language sql as $$ select 1 $$ $$;",
    "select 1 from_ x y;",
    "grant select ont to r;",
    "select 1abc;",
];

/// The caret stands where the server points. Before version 15 numbers were read otherwise.
#[test]
fn the_caret_stands_where_the_server_points() {
    for major in versions().into_iter().filter(|major| *major >= 15) {
        let database = shared(major).database();
        let mut client = database.connect();
        for &text in BROKEN {
            let error = client.batch_execute(text).unwrap_err();
            let refusal = error.as_db_error().unwrap();
            let Some(postgres::error::ErrorPosition::Original(server)) = refusal.position() else {
                panic!("{text}: {refusal}")
            };
            let file = SourceFile::new("a.sql", text.to_owned());
            let script = sql::parse(&file, Span::new(0..text.len()));
            let Some(Item::SyntaxError(ours)) = script.items.first() else {
                panic!("{text}: {:?}", script.items)
            };
            let before = &text[..ours.span.start as usize];
            assert_eq!(before.chars().count() + 1, *server as usize, "{major}: {text}: {refusal}");
        }
    }
}

/// Statements and whether the server refuses them in a transaction block, checked both ways.
#[test]
fn the_server_refuses_in_a_transaction_block_what_effects_say() {
    let given = "create table t (id int primary key, a int); create index i on t (a);
        create table p (a int) partition by range (a); create table p1 partition of p for values from (0) to (9);
        create index pi on p (a); create materialized view m as select 1 as a; create unique index mi on m (a);
        create type e as enum ('a');";
    let statements = [
        "create index concurrently ci on t (a)",
        "create index concurrently if not exists i on t (a)",
        "create index ci2 on t (a)",
        "drop index concurrently i",
        "drop index i",
        "reindex index i",
        "reindex table t",
        "reindex table concurrently t",
        "reindex schema public",
        "reindex table p",
        "reindex index pi",
        "vacuum t",
        "vacuum full t",
        "analyze t",
        "cluster t using t_pkey",
        "cluster",
        "refresh materialized view m",
        "refresh materialized view concurrently m",
        "alter type e add value 'b'",
        "alter system set work_mem = '5MB'",
        "create database other",
        "drop database if exists another",
        "discard all",
        "discard plans",
        "truncate t",
        "lock table t",
        "alter table t set (fillfactor = 70)",
    ];
    for version in versions() {
        let target: PgVersion = version.to_string().parse().unwrap();
        for sql in statements {
            let database = shared(version).database();
            let mut client = database.connect();
            client.batch_execute(given).unwrap();
            client.batch_execute("begin").unwrap();
            let answer = client.batch_execute(sql);
            let is_refused = answer
                .err()
                .is_some_and(|error| error.code().is_some_and(|code| code.code() == "25001"));
            let (state, actions) = replayed(given, sql);
            let says = actions.iter().any(|action| {
                effects::refused_in_transaction(
                    action,
                    &state.catalog,
                    &state.session.search_path,
                    target,
                )
                .is_some()
            });
            assert_eq!(says, is_refused, "PostgreSQL {version}: {sql}");
        }
    }
}

/// Replays `given`; returns the state and the actions of the one statement `sql`.
fn replayed(given: &str, sql: &str) -> (State, Vec<lockmaster::sql::Action>) {
    let file = SourceFile::new("given.sql", given.to_owned());
    let script = sql::parse(&file, Span::new(0..given.len()));
    let mut state = State::default();
    script.statements().for_each(|statement| {
        state.step(statement);
    });
    let file = SourceFile::new("statement.sql", sql.to_owned());
    let script = sql::parse(&file, Span::new(0..sql.len()));
    let actions = script.statements().flat_map(|statement| statement.actions.clone()).collect();
    (state, actions)
}

/// Statements with the locks that they take on relations that existed before.
#[test]
fn the_server_takes_the_locks_that_effects_say() {
    let given = "create table u (id int primary key); insert into u values (25), (26); create table t (id int primary key, a int, b text, u int references u);
        create index i on t (a); create view v as select a from t; create materialized view m as select a from t;
        create unique index mi on m (a); create sequence s;
        create table p (a int) partition by range (a); create table p1 partition of p for values from (0) to (9);
        create table q (a int); insert into q values (25); alter table q add constraint nv foreign key (a) references u not valid;
        create table d (id int primary key, a int, u int references u);
        create function f() returns trigger language plpgsql as $$ begin return new; end $$;";
    let statements = [
        "alter table t add column c int",
        "alter table d drop column a",
        "alter table d drop column u",
        "alter table t alter column b set not null",
        "alter table t alter column b type varchar(10)",
        "alter table t alter column b set default 'x'",
        "alter table t alter column b set statistics 10",
        "alter table t add constraint c check (a > 0)",
        "alter table t add constraint c check (a > 0) not valid",
        "alter table t add constraint c unique (a)",
        "alter table q add constraint c foreign key (a) references u",
        "alter table q add constraint c foreign key (a) references u not valid",
        "alter table t drop constraint t_u_fkey",
        "alter table t validate constraint t_u_fkey",
        "alter table q validate constraint nv",
        "alter table t set (fillfactor = 70)",
        "alter table t enable row level security",
        "alter table t disable trigger all",
        "alter table t rename to tt",
        "alter table t rename column a to aa",
        "alter table t rename constraint t_u_fkey to x",
        "alter index i rename to ii",
        "alter table t set schema pg_temp",
        "create index on t (b)",
        "drop index i",
        "create trigger g before insert on t for each row execute procedure f()",
        "create table c (id int references u)",
        "create table p2 partition of p for values from (10) to (19)",
        "alter table p attach partition q for values from (20) to (29)",
        "alter table p detach partition p1",
        "drop table d",
        "drop table p1",
        "drop view v",
        "truncate q",
        "lock table t in share mode",
        "reindex table q",
        "refresh materialized view m",
        "refresh materialized view concurrently m",
        "comment on table t is 'x'",
        "comment on column t.a is 'x'",
        "create or replace view v as select a from t",
        "create view w as select a from q",
        "insert into q values (25)",
        "update q set a = 26",
        "delete from q",
        "select a from q for update",
        "create rule r as on delete to q do instead nothing",
        "create policy y on q using (true)",
    ];
    for version in versions() {
        let target: PgVersion = version.to_string().parse().unwrap();
        for sql in statements {
            if sql.contains("pg_temp") {
                continue; // Objects do not move into temporary schemas.
            }
            let database = shared(version).database();
            let mut client = database.connect();
            client.batch_execute(given).unwrap();
            let names = relation_names(&mut client);
            client.batch_execute("begin").unwrap();
            // A DROP with dependants is refused before it is of interest here.
            let cascade =
                if sql.starts_with("drop") || sql.contains("drop co") { " cascade" } else { "" };
            client
                .batch_execute(&format!("{sql}{cascade}"))
                .unwrap_or_else(|e| panic!("PostgreSQL {version}: {sql}: {e}"));
            let real = server_locks(&mut client, &names);
            let (state, actions) = replayed(given, &format!("{sql}{cascade}"));
            let path = &state.session.search_path;
            let said: BTreeSet<(String, String)> = actions
                .iter()
                .flat_map(|action| effects::locks(action, &state.catalog, path, target))
                .filter(|lock| lock.mode > LockMode::AccessShareLock)
                // An index that is renamed has another name when the server is asked.
                .filter(|lock| {
                    !state
                        .catalog
                        .get(&lock.relation)
                        .is_some_and(lockmaster::catalog::Relation::is_index)
                })
                .map(|lock| (lock.relation.name.to_string(), lock.mode.as_str().to_owned()))
                .collect();
            let missing: Vec<_> = said.difference(&real).collect();
            assert!(
                missing.is_empty(),
                "PostgreSQL {version}: {sql}: not taken: {missing:?}; taken: {real:?}"
            );
            let is_strong = |mode: &str| {
                matches!(
                    mode,
                    "ShareLock" | "ShareRowExclusiveLock" | "ExclusiveLock" | "AccessExclusiveLock"
                )
            };
            let unsaid: Vec<_> =
                real.difference(&said).filter(|(_, mode)| is_strong(mode)).collect();
            assert!(
                unsaid.is_empty(),
                "PostgreSQL {version}: {sql}: not said: {unsaid:?}; said: {said:?}"
            );
        }
    }
}

/// Returns the tables, views and materialized views of the schema `public`, by their ids.
fn relation_names(client: &mut postgres::Client) -> BTreeMap<u32, String> {
    let query = "select oid, relname::text from pg_class where relkind in ('r', 'p', 'v', 'm')
        and relnamespace = 'public'::regnamespace";
    client.query(query, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Returns the strongest mode that the session holds on each of the named relations.
fn server_locks(
    client: &mut postgres::Client,
    names: &BTreeMap<u32, String>,
) -> BTreeSet<(String, String)> {
    let mut strongest: BTreeMap<&String, LockMode> = BTreeMap::new();
    for (relation, mode) in held_locks(client) {
        if let Some(name) = names.get(&relation) {
            let entry = strongest.entry(name).or_insert(mode);
            *entry = (*entry).max(mode);
        }
    }
    strongest.into_iter().map(|(name, mode)| (name.clone(), mode.as_str().to_owned())).collect()
}

/// Rows that are changed before their table is altered: the rule `lock-upgrade` says that it may
/// deadlock with a session that waits for one of them.
#[test]
fn changing_rows_before_the_table_deadlocks() {
    for version in versions() {
        let database = shared(version).database();
        let mut first = database.connect();
        let given = "create table t (id int primary key, n int); insert into t values (1, 1);
            set deadlock_timeout = '10ms'";
        first.batch_execute(given).unwrap();
        first.batch_execute("begin; update t set n = 2").unwrap();
        let mut second = database.connect();
        let pid: i32 = second.query_one("select pg_backend_pid()", &[]).unwrap().get(0);
        let other = std::thread::spawn(move || {
            second.batch_execute("set deadlock_timeout = '10ms'; update t set n = 3")
        });
        let mut watcher = database.connect();
        let waits = "select exists (select from pg_locks where pid = $1 and not granted)";
        while !watcher.query_one(waits, &[&pid]).unwrap().get::<_, bool>(0) {
            assert!(!other.is_finished(), "the second session does not wait");
        }
        let altered = first.batch_execute("alter table t add column m int; commit");
        let updated = other.join().unwrap();
        let is_deadlock = |answer: &Result<(), postgres::Error>| {
            let refusal = answer.as_ref().err().and_then(postgres::Error::as_db_error);
            refusal.is_some_and(|refusal| refusal.code().code() == "40P01")
        };
        assert!(is_deadlock(&altered) != is_deadlock(&updated), "{altered:?}, {updated:?}");
    }
}

#[test]
fn older_servers_do_not_know_newer_syntax() {
    let given = "create table t (a int, g int);
        create table p (a int) partition by list (a);
        create table p1 partition of p for values in (1);
        create function f() returns trigger language plpgsql as 'begin return new; end'";
    let statements = [
        "alter table t alter column g drop expression",
        "alter table t alter column g set expression as (1)",
        "create or replace trigger x before insert on t for each row execute function f()",
        "alter table p detach partition p1 concurrently",
        "alter table t alter column a set compression pglz",
        "create function q() returns int language sql begin atomic select 1; end",
        "create function q() returns int language sql return 1",
        "create table u (a int unique nulls not distinct)",
        "create unique index on t (a) nulls not distinct",
        "alter table t add unique nulls not distinct (a)",
        "merge into t using t s on t.a = s.a when matched then delete",
        "create table u (a int, b int generated always as (a) virtual)",
        "alter table t add check (a > 0) not enforced",
        "alter table t add column c int",
    ];
    for version in versions() {
        for sql in statements {
            let database = shared(version).database();
            database.run_message(given).unwrap();
            let answer = database.run_message(sql);
            let is_refused = answer.is_err_and(|refusal| refusal.sqlstate == "42601");
            let (mut state, _) = replayed(given, sql);
            state.version = version.to_string().parse().unwrap();
            let file = SourceFile::new("a.sql", sql.to_owned());
            let script = sql::parse(&file, Span::new(0..sql.len()));
            let said = script.statements().flat_map(|statement| state.step(statement)).next();
            let is_said = said.is_some_and(|failure| failure.sqlstate == "42601");
            assert_eq!(is_said, is_refused, "PostgreSQL {version}: {sql}");
        }
    }
}
