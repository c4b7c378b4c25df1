//! What `invalid-privilege` says, compared with what servers answer, for every privilege on every
//! kind of object.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use lockmaster::rule::Rule;
use lockmaster::rules::by_name;
use support::example::Example;
use support::server::{shared, versions};

const OBJECTS: &str = "
create table t (a int, b int);
create view v as select 1 as a;
create sequence s;
create schema other;
create table other.t ();
create function f() returns int language sql as 'select 1';
create type e as enum ('a');
create domain d as int;
create foreign data wrapper w;
create server srv foreign data wrapper w;
";

const TARGETS: &[&str] = &[
    "table t",
    "t, v",
    "v",
    "table s",
    "sequence s",
    "all tables in schema other",
    "all sequences in schema other",
    "all functions in schema other",
    "schema other",
    "database postgres",
    "function f()",
    "language sql",
    "type e",
    "domain d",
    "foreign data wrapper w",
    "foreign server srv",
    "tablespace pg_default",
    "parameter work_mem",
];

const PRIVILEGES: &[&str] = &[
    "all",
    "all privileges",
    "select",
    "insert",
    "update",
    "delete",
    "truncate",
    "references",
    "trigger",
    "usage",
    "create",
    "connect",
    "temporary",
    "temp",
    "execute",
    "set",
    "alter system",
    "maintain",
    "alter",
    "drop",
    "rule",
    "read",
    "select, insert",
    "select, execute",
    "alter, select",
    "usage, select",
    "select (a)",
    "update (a, b)",
    "delete (a)",
    "trigger (b)",
    "usage (a)",
    "maintain (a)",
    "drop (a)",
    "select, delete (a)",
    "all (a)",
];

#[test]
fn privileges_are_refused_as_servers_refuse_them() {
    let rule = by_name("invalid-privilege").unwrap();
    for major in versions() {
        let database = shared(major).database();
        database.run_message(OBJECTS).unwrap();
        let mut statements = Vec::new();
        for target in TARGETS {
            if major < 15 && target.starts_with("parameter") {
                // A syntax error there, whatever the privilege is.
                continue;
            }
            for privileges in PRIVILEGES {
                statements.push(format!("grant {privileges} on {target} to current_user"));
                statements.push(format!("revoke {privileges} on {target} from current_user"));
            }
        }
        let sql: Vec<&str> = statements.iter().map(String::as_str).collect();
        let answers = database.run_statements(&sql);
        for (statement, answer) in sql.into_iter().zip(answers) {
            let report = says(rule, major, statement);
            match answer {
                // A sequence has no column of that name.
                Err(error) if error.sqlstate == "42703" => {}
                Err(error) => {
                    let note = format!("SQLSTATE {error}");
                    assert!(report.contains(&note), "{major}: {statement}\n{note}\n{report}");
                }
                Ok(()) => assert_eq!(report, "", "{major}: {statement}"),
            }
        }
    }
}

fn says(rule: &Rule, major: u16, statement: &str) -> String {
    let given = [OBJECTS.to_owned()];
    let version = format!("pg={major}");
    Example::new(rule, "sql", &given, &format!("{statement};"), [version.as_str()].into_iter())
        .run()
        .report
}
