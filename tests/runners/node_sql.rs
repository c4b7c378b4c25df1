//! Runners of SQL files for Node.js.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::case::{Attempt, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const NODE_PG_MIGRATE: Runner = Runner {
    layout: "node-pg-migrate",
    own: &["pgmigrations"],
    up: |place| place.node("node-pg-migrate", &["up", "-m", "migrations"], 1),
    down: Some(|place, count| {
        place.node("node-pg-migrate", &["down", &count.to_string(), "-m", "migrations"], 1)
    }),
    ..RUNNER
};

#[test]
fn node_pg_migrate_has_one_transaction_for_all_files() {
    let refused = apply(
        &NODE_PG_MIGRATE,
        "
==> migrations/10_berth.sql
-- Up Migration
create table berths (id bigint primary key);
alter table berths add column name text;
-- Down Migration
drop table berths;
==> migrations/2_ship.sql
-- Down Migration
drop table ships;
-- Up Migration
create table ships (id bigint primary key, name text);
==> migrations/3_index.sql
-- Up Migration
create index concurrently ships_name on ships (name);
-- Down Migration
drop index concurrently ships_name;
",
    );
    assert_eq!(refused, ["migrations/3_index.sql 25001"]);
}

#[test]
fn node_pg_migrate_has_the_habits_of_its_layout() {
    habits::compare(&NODE_PG_MIGRATE, |odd| {
        let Odd { version, name, up, down } = odd;
        let down = down.map(|down| format!("-- Down Migration\n{down}\n")).unwrap_or_default();
        format!("==> migrations/{version}_{name}.sql\n-- Up Migration\n{up}\n{down}")
    });
}

const POSTGRATOR: Runner = Runner {
    layout: "postgrator",
    own: &["schemaversion"],
    up: |place| place.node("postgrator", &postgrator(place, "max"), 1),
    down: Some(|place, _| place.node("postgrator", &postgrator(place, "0"), 1)),
    ..RUNNER
};

fn postgrator<'a>(place: &'a crate::case::Place<'_>, to: &'a str) -> [&'a str; 13] {
    let database = place.database();
    [
        "migrate",
        "--to",
        to,
        "--host",
        "127.0.0.1",
        "--port",
        place.port(),
        "--username",
        "postgres",
        "--database",
        database,
        "--migration-pattern",
        "migrations/*",
    ]
}

#[test]
fn postgrator_sends_each_file_as_a_message() {
    let refused = apply(
        &POSTGRATOR,
        "
==> migrations/10.do.berth.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> migrations/10.undo.berth.sql
drop table berths;
==> migrations/002.do.ship.sql
create table ships (id bigint primary key, name text);
==> migrations/002.undo.ship.sql
drop table ships;
==> migrations/11.do.index.sql
create index concurrently ships_name on ships (name);
==> migrations/11.undo.index.sql
drop index concurrently ships_name;
==> migrations/12.do.two.sql
set lock_timeout = '5s';
create index concurrently berths_name on berths (name);
==> migrations/12.undo.two.sql
drop index berths_name;
==> migrations/13.up.never.sql
create table never (id bigint);
==> migrations/14a.do.never.sql
create table never (id bigint);
",
    );
    assert_eq!(refused, ["migrations/12.do.two.sql 25001"]);
}

#[test]
fn postgrator_has_the_habits_of_its_layout() {
    habits::compare(&POSTGRATOR, |odd| {
        let Odd { version, name, up, down } = odd;
        let undo = |down| format!("==> migrations/{version}.undo.{name}.sql\n{down}\n");
        let down = down.map(undo).unwrap_or_default();
        format!("==> migrations/{version}.do.{name}.sql\n{up}\n{down}")
    });
}

const GRAPHILE: Runner = Runner {
    layout: "graphile-migrate",
    own: &["graphile_migrate", "graphile_migrate.migrations"],
    up: |place| {
        let mut command = place.node("graphile-migrate", &["watch", "--once"], 1);
        let other = |name: &str| place.url().replace(place.database(), name);
        command.env("ROOT_DATABASE_URL", other("postgres"));
        command.env("SHADOW_DATABASE_URL", other("shadow"));
        command
    },
    ..RUNNER
};

#[test]
fn graphile_migrate_sends_each_file_as_a_message_in_a_transaction() {
    let refused = apply(
        &GRAPHILE,
        "
==> .gmrc
{}
==> migrations/committed/000001.sql
--! Previous: -
--! Hash: sha1:6d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f70
--! AllowInvalidHash

create table berths (id bigint primary key);
alter table berths add column name text;
==> migrations/committed/000002-index.sql
--! Previous: sha1:6d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f70
--! Hash: sha1:7d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f71
--! AllowInvalidHash

--! no-transaction
create index concurrently berths_name on berths (name);
==> migrations/current.sql
drop table if exists ships;
create table ships (id bigint primary key);
",
    );
    assert!(refused.is_empty(), "{refused:?}");
    let refused = apply(
        &GRAPHILE,
        "
==> .gmrc
{}
==> migrations/committed/000001.sql
--! Previous: -
--! Hash: sha1:6d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f70
--! AllowInvalidHash

create table berths (id bigint primary key, name text);
==> migrations/committed/000002.sql
--! Previous: sha1:6d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f70
--! Hash: sha1:7d8c1b9e4d0a3f2b5c7e9a1d3f5b7c9e1a3d5f71
--! AllowInvalidHash

-- Before the line that it hides.
--! no-transaction
create index concurrently berths_name on berths (name);
==> migrations/current.sql
",
    );
    assert_eq!(refused, ["migrations/committed/000002.sql 25001"]);
}

#[test]
fn graphile_migrate_stops_where_the_file_current_lies_beside_the_folder() {
    let folder = "==> .gmrc\n{}\n==> migrations/current/2-b.sql\nselect 2;\n\
                  ==> migrations/current/1-a2.sql\nselect 1;\n";
    assert_eq!(Attempt::new(&GRAPHILE, folder).up(), Ok(()));
    let both = folder.to_owned() + "==> migrations/current.sql\nselect 3;\n";
    let said = Attempt::new(&GRAPHILE, &both).up().unwrap_err();
    assert!(said.contains("only one of these may exist"), "{said}");
    let other = folder.to_owned() + "==> migrations/current/views.sql\nselect 3;\n";
    let said = Attempt::new(&GRAPHILE, &other).up().unwrap_err();
    assert!(said.contains("Invalid current migration filename"), "{said}");
}

const POSTGRES_MIGRATIONS: Runner = Runner {
    layout: "postgres-migrations",
    own: &["migrations"],
    up: |place| {
        place.script(
            "const { Client } = require('pg');
            const { migrate } = require('postgres-migrations');
            const client = new Client();
            client.connect().then(() => migrate({ client }, 'db')).then(() => client.end())
                .catch((error) => { console.error(error.message); process.exit(1); });",
        )
    },
    ..RUNNER
};

const POSTGRES_MIGRATIONS_PACKAGE: &str =
    "==> package.json\n{ \"dependencies\": { \"postgres-migrations\": \"5.3.0\" } }\n";

#[test]
fn postgres_migrations_has_a_transaction_for_each_file() {
    let files = "
==> db/1-berth.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/0002_index.sql
-- postgres-migrations disable-transaction
create index concurrently berths_name on berths (name);
==> db/3_inside.sql
create index concurrently berths_id on berths (id);
";
    let refused = apply(&POSTGRES_MIGRATIONS, &(POSTGRES_MIGRATIONS_PACKAGE.to_owned() + files));
    assert_eq!(refused, ["db/3_inside.sql 25001"]);
}

#[test]
fn postgres_migrations_has_the_habits_of_its_layout() {
    habits::compare(&POSTGRES_MIGRATIONS, |odd| {
        let Odd { version, name, up, .. } = odd;
        format!("{POSTGRES_MIGRATIONS_PACKAGE}==> db/{version}-{name}.sql\n{up}\n")
    });
}

const PG_MIGRATE: Runner = Runner {
    layout: "pg-migrate",
    own: &["pg_migrate"],
    up: |place| place.node("pg-migrate", &["-u", &place.url(), "-d", "db"], 1),
    ..RUNNER
};

#[test]
fn pg_migrate_sends_each_file_as_a_message() {
    let refused = apply(
        &PG_MIGRATE,
        "
==> db/migrations.json
[]
==> db/10-berth.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/9.sql
create table ships (id bigint primary key, name text);
==> db/11_index.sql
create index concurrently ships_name on ships (name);
==> db/12_two.sql
set lock_timeout = '5s';
create index concurrently berths_name on berths (name);
==> db/notes.sql
create table never (id bigint);
",
    );
    assert_eq!(refused, ["db/12_two.sql 25001"]);
}

#[test]
fn pg_migrate_has_the_habits_of_its_layout() {
    habits::compare(&PG_MIGRATE, |odd| {
        let Odd { version, name, up, .. } = odd;
        format!("==> db/migrations.json\n[]\n==> db/{version}-{name}.sql\n{up}\n")
    });
}

const MARV: Runner = Runner {
    layout: "marv",
    own: &["migrations"],
    up: |place| {
        place.script(
            "const marv = require('marv/api/promise');
            const driver = require('marv-pg-driver');
            marv.scan('db').then((found) => marv.migrate(found, driver({ connection: {} })))
                .catch((error) => { console.error(error.message); process.exit(1); });",
        )
    },
    ..RUNNER
};

#[test]
fn marv_sends_each_file_as_a_message() {
    let refused = apply(
        &MARV,
        "
==> db/.marvrc
{}
==> db/10-berth.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> db/9.ship.sql
-- @MARV COMMENT = ships
create table ships (id bigint primary key, name text);
==> db/11_index.sql
create index concurrently ships_name on ships (name);
==> db/12_two.sql
set lock_timeout = '5s';
create index concurrently berths_name on berths (name);
==> db/13_skipped.sql
-- @MARV SKIP = true
create table never (id bigint);
==> db/14.sql
create table never (id bigint);
",
    );
    assert_eq!(refused, ["db/12_two.sql 25001"]);
}

#[test]
fn marv_has_the_habits_of_its_layout() {
    habits::compare(&MARV, |odd| {
        let Odd { version, name, up, .. } = odd;
        format!("==> db/.marvrc\n{{}}\n==> db/{version}-{name}.sql\n{up}\n")
    });
}

const DB_MIGRATE: Runner = Runner {
    layout: "db-migrate",
    own: &["migrations"],
    up: |place| place.node("db-migrate", &["up"], 1),
    down: Some(|place, _| place.node("db-migrate", &["reset"], 1)),
    remove: |folder, path| {
        let script = path.replace("sqls/", "").replace("-up.sql", ".js");
        fs::remove_file(folder.join(script)).unwrap();
        fs::remove_file(folder.join(path.replace("-up.sql", "-down.sql"))).unwrap();
        fs::remove_file(folder.join(path)).unwrap();
    },
};

/// The script that `db-migrate create --sql-file` writes beside two SQL files.
fn db_migrate_script(stem: &str) -> String {
    let run = |direction| {
        format!(
            "exports.{direction} = function(db) {{
  var filePath = path.join(__dirname, 'sqls', '{stem}-{direction}.sql');
  return new Promise( function( resolve, reject ) {{
    fs.readFile(filePath, {{encoding: 'utf-8'}}, function(err,data){{
      if (err) return reject(err);
      resolve(data);
    }});
  }})
  .then(function(data) {{
    return db.runSql(data);
  }});
}};
"
        )
    };
    format!(
        "==> database.json
{{ \"dev\": {{ \"ENV\": \"DATABASE_URL\" }} }}
==> migrations/{stem}.js
var fs = require('fs');
var path = require('path');
{}{}",
        run("up"),
        run("down")
    )
}

#[test]
fn db_migrate_has_a_transaction_for_each_file() {
    let scripts = ["20240101000020-berth", "20240101000021-ship", "20240101000022-index"]
        .map(db_migrate_script)
        .concat();
    let files = "
==> migrations/sqls/20240101000020-berth-up.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> migrations/sqls/20240101000020-berth-down.sql
drop table berths;
==> migrations/sqls/20240101000021-ship-up.sql
create table ships (id bigint primary key);
==> migrations/sqls/20240101000021-ship-down.sql
drop table ships;
==> migrations/sqls/20240101000022-index-up.sql
create index concurrently berths_name on berths (name);
==> migrations/sqls/20240101000022-index-down.sql
drop index concurrently berths_name;
";
    let refused = apply(&DB_MIGRATE, &(scripts + files));
    assert_eq!(refused, ["migrations/sqls/20240101000022-index-up.sql 25001"]);
}

#[test]
fn db_migrate_has_the_habits_of_its_layout() {
    habits::compare(&DB_MIGRATE, |odd| {
        let Odd { version, name, up, down } = odd;
        let stem = format!("2024010100000{version}-{name}");
        let file = |direction, sql| format!("==> migrations/sqls/{stem}-{direction}.sql\n{sql}\n");
        let down = down.map(|down| file("down", down)).unwrap_or_default();
        db_migrate_script(&stem) + &file("up", up) + &down
    });
}

const DRIZZLE: Runner = Runner {
    layout: "drizzle",
    own: &["drizzle", "__drizzle_migrations"],
    up: |place| place.node("drizzle-kit", &["migrate"], 1),
    remove: |folder, path| {
        fs::remove_file(folder.join(path)).unwrap();
        let tag = Path::new(path).file_stem().unwrap().to_str().unwrap();
        let journal = folder.join("drizzle/meta/_journal.json");
        let mut json: Value = serde_json::from_slice(&fs::read(&journal).unwrap()).unwrap();
        json["entries"].as_array_mut().unwrap().retain(|entry| entry["tag"] != tag);
        fs::write(journal, json.to_string()).unwrap();
    },
    ..RUNNER
};

#[test]
fn drizzle_has_one_transaction_for_all_files_of_the_journal() {
    let refused = apply(
        &DRIZZLE,
        r#"
==> drizzle.config.js
module.exports = {
  dialect: 'postgresql', out: './drizzle', schema: './schema.js',
  dbCredentials: { url: process.env.DATABASE_URL },
};
==> drizzle/meta/_journal.json
{ "version": "7", "dialect": "postgresql", "entries": [
  { "idx": 0, "version": "7", "when": 1700000000000, "tag": "0001_berths", "breakpoints": true },
  { "idx": 1, "version": "7", "when": 1700000000001, "tag": "0000_names", "breakpoints": true },
  { "idx": 2, "version": "7", "when": 1700000000002, "tag": "0002_index", "breakpoints": true }
] }
==> drizzle/0001_berths.sql
create table berths (id bigint primary key);
--> statement-breakpoint
alter table berths add column length int;
alter table berths add column width int;
==> drizzle/0000_names.sql
alter table berths add column name text;
==> drizzle/0002_index.sql
create index concurrently berths_name on berths (name);
==> drizzle/0003_forgotten.sql
create table never (id bigint);
"#,
    );
    assert_eq!(refused, ["drizzle/0002_index.sql 25001"]);
}
