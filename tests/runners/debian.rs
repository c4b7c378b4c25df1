//! Runners that Debian packages: Sqitch, sql-migrate and Rails.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::case::{Place, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const SQITCH: Runner = Runner {
    layout: "sqitch",
    own: &[
        "sqitch",
        "registry",
        "locktablechanges",
        "insertintoreleases",
        "insertintoprojects",
        "insertintoevents",
        "insertintochanges",
        "insertintodependencies",
        "deletefromdependencies",
        "deletefromchanges",
        "deletefromtags",
    ],
    up: |place| sqitch(place, "deploy"),
    down: Some(|place, _| sqitch(place, "revert")),
    remove: |folder, path| {
        fs::remove_file(folder.join(path)).unwrap();
        let name = Path::new(path).file_stem().unwrap().to_str().unwrap();
        let plan = fs::read_to_string(folder.join("sqitch.plan")).unwrap();
        let lines = plan.lines().filter(|line| line.split(' ').next() != Some(name));
        fs::write(folder.join("sqitch.plan"), lines.collect::<Vec<_>>().join("\n") + "\n").unwrap();
    },
};

fn sqitch(place: &Place<'_>, command: &str) -> Command {
    let url = place.url().replace("postgres://", "db:pg://");
    let url = url.split('?').next().unwrap();
    let mut sqitch = place.installed("sqitch", &["--no-pager", command, url]);
    if command == "revert" {
        sqitch.arg("-y");
    }
    sqitch.env("SQITCH_FULLNAME", "A").env("SQITCH_EMAIL", "a@example.com");
    sqitch
}

const SQITCH_CONF: &str = "==> sqitch.conf\n[core]\n\tengine = pg\n";

#[test]
fn sqitch_sends_what_psql_reads_in_the_order_of_the_plan() {
    let files = "
==> sqitch.plan
%syntax-version=1.0.0
%project=harbour

inside 2024-01-01T00:00:00Z A <a@example.com> # An index
ships 2024-01-01T00:00:01Z A <a@example.com> # Ships
berths [ships] 2024-01-01T00:00:02Z A <a@example.com> # Berths
index [berths] 2024-01-01T00:00:03Z A <a@example.com> # An index
==> deploy/inside.sql
begin;
create index concurrently classes on pg_class (relkind);
commit;
==> revert/inside.sql
select 1;
==> deploy/ships.sql
create table ships (id bigint primary key);
alter table ships add column name text;
==> revert/ships.sql
drop table ships;
==> deploy/berths.sql
BEGIN;
create table berths (id bigint primary key, name text);
create index berths_both on berths (id, name);
COMMIT;
==> revert/berths.sql
drop table berths;
==> deploy/index.sql
set lock_timeout = '5s';
create index concurrently berths_name on berths (name);
==> revert/index.sql
drop index concurrently berths_name;
==> deploy/attic.sql
create table never (id bigint);
";
    let refused = apply(&SQITCH, &(SQITCH_CONF.to_owned() + files));
    assert_eq!(refused, ["deploy/inside.sql 25001"]);
}

const SQL_MIGRATE: Runner = Runner {
    layout: "sql-migrate",
    own: &["gorp_migrations"],
    up: |place| place.installed("sql-migrate", &["up"]),
    down: Some(|place, _| place.installed("sql-migrate", &["down", "-limit=0"])),
    ..RUNNER
};

const DBCONFIG: &str = "
==> dbconfig.yml
development:
  dialect: postgres
  datasource: ${DATABASE_URL}
  dir: db
";

#[test]
fn sql_migrate_has_a_transaction_for_each_file() {
    let files = "
==> db/10_berths.sql
-- +migrate Up
create table berths (id bigint primary key);
alter table berths add column name text;
-- +migrate Down
drop table berths;
==> db/9_ships.sql
-- +migrate Up
create table ships (id bigint primary key, name text);
-- +migrate StatementBegin
create function two() returns int language plpgsql as $$
begin
  return 2;
end
$$;
-- +migrate StatementEnd
-- +migrate Down
drop function two();
drop table ships;
==> db/11_index.sql
-- +migrate Up notransaction
set lock_timeout = '5s';
create index concurrently ships_name on ships (name);
-- +migrate Down notransaction
drop index concurrently ships_name;
==> db/12_inside.sql
-- +migrate Up NOTRANSACTION
create index concurrently berths_name on berths (name);
-- +migrate Down
";
    let refused = apply(&SQL_MIGRATE, &(DBCONFIG.to_owned() + files));
    assert_eq!(refused, ["db/12_inside.sql 25001"]);
}

#[test]
fn sql_migrate_has_the_habits_of_its_layout() {
    habits::compare(&SQL_MIGRATE, |odd| {
        let Odd { version, name, up, down } = odd;
        let down = down.map(|down| format!("-- +migrate Down\n{down}\n")).unwrap_or_default();
        format!("{DBCONFIG}==> db/{version}_{name}.sql\n-- +migrate Up\n{up}\n{down}")
    });
}

const RAILS: Runner = Runner {
    layout: "rails",
    own: &["schema_migrations", "ar_internal_metadata"],
    up: |place| rails(place, "migrate"),
    down: Some(|place, count| rails(place, &format!("rollback({count})"))),
    ..RUNNER
};

fn rails(place: &Place<'_>, call: &str) -> Command {
    let script = format!(
        "require 'active_record'
        ActiveRecord::Base.establish_connection(ENV['DATABASE_URL'])
        ActiveRecord::Migration.verbose = false
        arguments = ['db/migrate']
        # Older versions want to be told.
        needs_more = ActiveRecord::MigrationContext.instance_method(:initialize).arity == 2
        arguments << ActiveRecord::SchemaMigration if needs_more
        ActiveRecord::MigrationContext.new(*arguments).{call}"
    );
    place.installed("ruby", &["-e", &script])
}

#[test]
fn rails_has_a_transaction_for_each_file() {
    let refused = apply(
        &RAILS,
        r#"
==> db/migrate/20240102000000_berths.rb
class Berths < ActiveRecord::Migration[6.1]
  def up
    execute "create table berths (id bigint primary key, name text); create index on berths (name)"
    execute "alter table berths add column length int"
  end

  def down
    execute "drop table berths"
  end
end
==> db/migrate/9_ships.rb
class Ships < ActiveRecord::Migration[6.1]
  def up
    execute "create table ships (id bigint primary key, name text)"
  end

  def down
    execute "drop table ships"
  end
end
==> db/migrate/20240103000000_leaves.rb
class Leaves < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!

  def up
    execute "set lock_timeout to '1s'"
    execute "create index concurrently ships_name on ships (name)"
  end

  def down
    execute "drop index concurrently ships_name"
  end
end
==> db/migrate/20240104000000_inside.rb
class Inside < ActiveRecord::Migration[6.1]
  def up
    execute "create index concurrently berths_name on berths (name)"
  end

  def down
    execute "drop index concurrently berths_name"
  end
end
==> db/migrate/20240105000000_two.rb
class Two < ActiveRecord::Migration[6.1]
  disable_ddl_transaction!

  def up
    execute "set lock_timeout to '1s'; create index concurrently berths_id on berths (id)"
  end

  def down
    execute "drop index concurrently berths_id"
  end
end
"#,
    );
    let names = ["20240104000000_inside", "20240105000000_two"];
    assert_eq!(refused, names.map(|name| format!("db/migrate/{name}.rb 25001")));
}

#[test]
fn rails_has_the_habits_of_its_layout() {
    habits::compare(&RAILS, |odd| {
        let Odd { version, name, up, down } = odd;
        let execute = |sql: &str| match sql.starts_with("--") {
            true => String::new(),
            false => format!("execute '{sql}'"),
        };
        let class = name[..1].to_uppercase() + &name[1..];
        let down = down.map(|sql| format!("  def down\n{}\n  end\n", execute(sql)));
        format!(
            "==> db/migrate/{version}_{name}.rb\nclass {class} < ActiveRecord::Migration[6.1]\n\
             def up\n{}\n  end\n{}end\n",
            execute(up),
            down.unwrap_or_default()
        )
    });
}
