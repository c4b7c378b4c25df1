//! The throw-away servers do what the other tests rely on.
#![cfg(unix)]

mod support;

use support::server::{Server, shared, versions};

#[test]
fn the_version_is_what_was_asked_for() {
    for major in versions() {
        let server = shared(major);
        let row = server.database().connect().query_one("show server_version_num", &[]);
        let number: String = row.expect("the server tells its version").get(0);
        assert_eq!(server.major(), major);
        assert!(number.starts_with(&format!("{major}0")), "asked for {major}, got {number}");
    }
}

#[test]
fn statements_of_one_message_share_a_transaction() {
    for major in versions() {
        let database = shared(major).database();
        let create = "create index concurrently i on t (id)";
        assert_eq!(database.run_statements(&["create table t (id bigint)"]), [Ok(())]);
        let refused = database.run_message(&format!("select 1; {create}"));
        assert_eq!(refused.expect_err("it needs its own transaction").sqlstate, "25001");
        assert_eq!(database.run_message(create), Ok(()));
    }
}

#[test]
fn databases_do_not_see_each_other() {
    for major in versions() {
        let server = shared(major);
        let (one, other) = (server.database(), server.database());
        let results =
            one.run_statements(&["create table t ()", "select from t", "create table t ()"]);
        let codes: Vec<_> =
            results.into_iter().map(|result| result.err().map(|error| error.sqlstate)).collect();
        assert_eq!(codes, [None, None, Some("42P07".to_owned())]);
        let missing = other.run_message("select from t");
        assert_eq!(missing.expect_err("the table is elsewhere").sqlstate, "42P01");
    }
}

#[test]
fn a_dropped_server_stops() {
    let server = Server::system();
    let directory = server.socket_directory().to_owned();
    assert!(directory.join(".s.PGSQL.5432").exists());
    drop(server);
    assert!(!directory.exists());
}
