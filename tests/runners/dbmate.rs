//! dbmate.

use crate::case::{Place, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const DBMATE: Runner = Runner {
    layout: "dbmate",
    own: &["schema_migrations"],
    up: |place| dbmate(place, 1, "migrate"),
    down: Some(|place, count| dbmate(place, count, "rollback")),
    ..RUNNER
};

fn dbmate(place: &Place<'_>, times: usize, command: &str) -> std::process::Command {
    let arguments = ["--no-dump-schema", "--migrations-dir", "db/migrations", command];
    place.node("dbmate", &arguments, times)
}

#[test]
fn dbmate_sends_sections_in_the_order_of_file_names() {
    let refused = apply(
        &DBMATE,
        "
==> db/migrations/10_berth.sql
-- migrate:up
create table berths (id bigint primary key);
alter table berths add column name text;
-- migrate:down
drop table berths;
==> db/migrations/1_ship.sql
-- migrate:up
create table ships (id bigint primary key);
-- migrate:down
drop table ships;
==> db/migrations/9_index.sql
-- migrate:up transaction:false
create index concurrently berths_name on berths (name);
-- migrate:down transaction:false
drop index concurrently berths_name;
==> db/migrations/notes.sql
create table never (id bigint);
",
    );
    assert!(refused.is_empty(), "{refused:?}");
}

#[test]
fn dbmate_leaves_the_transaction_only_for_its_own_word() {
    let refused = apply(
        &DBMATE,
        "
==> db/migrations/1_ship.sql
-- migrate:up
create table ships (id bigint primary key, name text);
-- migrate:down
drop table ships;
==> db/migrations/2_forgotten.sql
-- migrate:up
create index concurrently ships_name on ships (name);
-- migrate:down
==> db/migrations/3_blank.sql
-- migrate:up transaction: false
create index concurrently ships_name on ships (name);
-- migrate:down
==> db/migrations/4_two.sql
-- migrate:up transaction:false
create index concurrently ships_name on ships (name);
select 1;
-- migrate:down
==> db/migrations/5_works.sql
-- migrate:up # transaction:false
-- A comment is no statement.
create index concurrently ships_name on ships (name);
-- migrate:down transaction:false
drop index concurrently ships_name;
==> db/migrations/6_own.sql
-- migrate:up transaction:false
create table berths (id bigint);
begin;
create table piers (id bigint);
commit;
create table quays (id bigint);
-- migrate:down
drop table berths, piers, quays;
",
    );
    let names = ["2_forgotten", "3_blank", "4_two"];
    assert_eq!(refused, names.map(|name| format!("db/migrations/{name}.sql 25001")));
}

#[test]
fn dbmate_has_the_habits_of_its_layout() {
    habits::compare(&DBMATE, |odd| {
        let Odd { version, name, up, down } = odd;
        let down = down.map(|down| format!("-- migrate:down\n{down}\n")).unwrap_or_default();
        format!("==> db/migrations/{version}_{name}.sql\n-- migrate:up\n{up}\n{down}")
    });
}
