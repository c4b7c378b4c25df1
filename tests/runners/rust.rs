//! Runners in Rust: sqlx, Diesel and refinery.

use std::fs;

use crate::case::{Place, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const SQLX: Runner = Runner {
    layout: "sqlx",
    own: &["_sqlx_migrations"],
    up: |place| place.tool("rust-runners/bin/sqlx", &["migrate", "run", "--source", "db"]),
    down: Some(|place, _| {
        let arguments = ["migrate", "revert", "--source", "db", "--target-version", "0"];
        place.tool("rust-runners/bin/sqlx", &arguments)
    }),
    remove: |folder, path| {
        fs::remove_file(folder.join(path)).unwrap();
        let _ = fs::remove_file(folder.join(path.replace(".up.", ".down.")));
    },
};

const SQLX_MANIFEST: &str = "==> Cargo.toml\n[dependencies]\nsqlx = \"0.9\"\n";

#[test]
fn sqlx_sends_each_file_as_a_message_in_a_transaction() {
    let files = "
==> db/10_berths.up.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/10_berths.down.sql
drop table berths;
==> db/0002_ships.up.sql
create table ships (id bigint primary key, name text);
==> db/0002_ships.down.sql
drop table ships;
==> db/11_index.up.sql
-- no-transaction
create index concurrently ships_name on ships (name);
==> db/11_index.down.sql
-- no-transaction
drop index concurrently ships_name;
==> db/12_inside.up.sql
-- An index.
-- no-transaction
create index concurrently berths_name on berths (name);
==> db/12_inside.down.sql
select 1;
==> db/13_two.up.sql
-- no-transaction
set lock_timeout = '5s';
create index concurrently berths_name on berths (name);
==> db/13_two.down.sql
select 1;
==> db/notes.sql
create table never (id bigint);
";
    let refused = apply(&SQLX, &(SQLX_MANIFEST.to_owned() + files));
    let names = ["12_inside", "13_two"];
    assert_eq!(refused, names.map(|name| format!("db/{name}.up.sql 25001")));
}

#[test]
fn sqlx_has_the_habits_of_its_layout() {
    habits::compare(&SQLX, |odd| {
        let Odd { version, name, up, down } = odd;
        let file = |way: &str, sql| format!("==> db/{version}_{name}.{way}.sql\n{sql}\n");
        let down = down.map(|down| file("down", down)).unwrap_or_default();
        SQLX_MANIFEST.to_owned() + &file("up", up) + &down
    });
}

const DIESEL: Runner = Runner {
    layout: "diesel",
    own: &["__diesel_schema_migrations"],
    up: |place| diesel(place, &["run"]),
    down: Some(|place, _| diesel(place, &["revert", "--all"])),
    remove: |folder, path| {
        fs::remove_dir_all(folder.join(path).parent().unwrap()).unwrap();
    },
};

fn diesel(place: &Place<'_>, arguments: &[&str]) -> std::process::Command {
    let mut command =
        place.tool("rust-runners/bin/diesel", &["migration", "--migration-dir", "db"]);
    command.args(arguments);
    command
}

#[test]
fn diesel_sends_each_file_as_a_message_in_a_transaction() {
    let refused = apply(
        &DIESEL,
        "
==> diesel.toml
[migrations_directory]
dir = \"db\"
==> db/10_berths/up.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/10_berths/down.sql
drop table berths;
==> db/9_index/up.sql
create index concurrently berths_name on berths (name);
==> db/9_index/down.sql
drop index concurrently berths_name;
==> db/9_index/metadata.toml
run_in_transaction = false
==> db/9a_inside/up.sql
create index concurrently berths_id on berths (id);
==> db/9a_inside/down.sql
select 1;
==> db/9b_two/up.sql
set lock_timeout = '5s';
create index concurrently berths_id on berths (id);
==> db/9b_two/down.sql
select 1;
==> db/9b_two/metadata.toml
run_in_transaction = false
",
    );
    assert_eq!(refused, ["9a_inside", "9b_two"].map(|name| format!("db/{name}/up.sql 25001")));
}

#[test]
fn diesel_has_the_habits_of_its_layout() {
    habits::compare(&DIESEL, |odd| {
        let Odd { version, name, up, down } = odd;
        let file = |way: &str, sql| format!("==> db/{version}_{name}/{way}.sql\n{sql}\n");
        let down = down.map(|down| file("down", down)).unwrap_or_default();
        "==> diesel.toml\n".to_owned() + &file("up", up) + &down
    });
}

const REFINERY: Runner = Runner {
    layout: "refinery",
    own: &["refinery_schema_history"],
    up: |place| {
        // The library stops over edited and missing files by itself.
        let arguments = ["migrate", "-d", "-m", "-e", "DATABASE_URL", "-p", "db"];
        let mut command = place.tool("rust-runners/bin/refinery", &arguments);
        command.env("DATABASE_URL", place.url().replace("?sslmode=disable", ""));
        command
    },
    ..RUNNER
};

const REFINERY_MANIFEST: &str = "==> Cargo.toml\n[dependencies]\nrefinery = \"0.10\"\n";

#[test]
fn refinery_sends_each_file_as_a_message_in_a_transaction() {
    let files = "
==> db/V10__berths.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/V2__ships.sql
create table ships (id bigint primary key, name text);
==> db/V11__inside.sql
create index concurrently ships_name on ships (name);
==> db/V12__not-a-word.sql
create table never (id bigint);
==> db/v13__never.sql
create table never (id bigint);
";
    let refused = apply(&REFINERY, &(REFINERY_MANIFEST.to_owned() + files));
    assert_eq!(refused, ["db/V11__inside.sql 25001"]);
}

#[test]
fn refinery_has_the_habits_of_its_layout() {
    habits::compare(&REFINERY, |odd| {
        let Odd { version, name, up, .. } = odd;
        format!("{REFINERY_MANIFEST}==> db/V{version}__{name}.sql\n{up}\n")
    });
}
