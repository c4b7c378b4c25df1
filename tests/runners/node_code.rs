//! Runners of migrations in JavaScript.

use std::process::Command;

use crate::case::{Place, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const KNEX: Runner = Runner {
    layout: "knex",
    own: &["knex_migrations"],
    up: |place| place.node("knex", &["migrate:latest"], 1),
    down: Some(|place, _| place.node("knex", &["migrate:rollback", "--all"], 1)),
    ..RUNNER
};

const KNEXFILE: &str = "
==> package.json
{ \"dependencies\": { \"knex\": \"3.3.0\" } }
==> knexfile.js
module.exports = { client: 'pg', connection: process.env.DATABASE_URL };
";

#[test]
fn knex_has_one_transaction_for_all_files_that_want_one() {
    let files = "
==> migrations/10_berth.js
exports.up = async (knex) => {
  await knex.raw('create table berths (id bigint primary key)');
  await knex.schema.alterTable('berths', (table) => { table.string('name', 40); });
};
exports.down = (knex) => knex.schema.dropTable('berths');
==> migrations/2_number.js
exports.up = (knex) => knex.raw('alter table berths add column number int; create index on berths (number)');
exports.down = (knex) => knex.raw('alter table berths drop column number');
==> migrations/3_index.js
exports.up = (knex) => knex.raw('create index concurrently berths_name on berths (name)');
exports.down = (knex) => knex.raw('drop index concurrently berths_name');
";
    let refused = apply(&KNEX, &(KNEXFILE.to_owned() + files));
    assert_eq!(refused, ["migrations/3_index.js 25001"]);
}

#[test]
fn knex_has_a_transaction_for_each_file_where_one_leaves() {
    let files = "
==> migrations/1_berth.js
exports.up = async (knex) => {
  await knex.raw('create table berths (id bigint primary key, name text)');
  await knex.raw('create index on berths (name)');
};
exports.down = (knex) => knex.raw('drop table berths');
==> migrations/2_ship.js
exports.up = (knex) => knex.raw('create table ships (id bigint primary key)');
exports.down = (knex) => knex.raw('drop table ships');
==> migrations/3_index.js
exports.config = { transaction: false };
exports.up = async (knex) => {
  await knex.raw('create index concurrently berths_name on berths (name)');
  await knex.raw('create index concurrently ships_id on ships (id)');
};
exports.down = (knex) => knex.raw('drop index concurrently berths_name');
==> migrations/4_two.js
exports.config = { transaction: false };
exports.up = (knex) => knex.raw(\"set lock_timeout = '5s'; create index concurrently i on ships (id)\");
exports.down = (knex) => knex.raw('drop index concurrently i');
";
    let refused = apply(&KNEX, &(KNEXFILE.to_owned() + files));
    assert_eq!(refused, ["migrations/4_two.js 25001"]);
}

#[test]
fn knex_has_the_habits_of_its_layout() {
    habits::compare(&KNEX, |odd| {
        let Odd { version, name, up, down } = odd;
        let up = up.strip_prefix("--").map_or(format!("knex.raw('{up}')"), |_| "null".to_owned());
        let down = down.map(|down| match down.starts_with("--") {
            true => "exports.down = async () => {};\n".to_owned(),
            false => format!("exports.down = (knex) => knex.raw('{down}');\n"),
        });
        format!(
            "{KNEXFILE}==> migrations/{version}_{name}.js\nexports.up = async (knex) => {up};\n{}",
            down.unwrap_or_default()
        )
    });
}

const SEQUELIZE: Runner = Runner {
    layout: "sequelize",
    own: &["sequelizemeta", "pg_range"],
    up: |place| sequelize(place, "db:migrate"),
    down: Some(|place, _| sequelize(place, "db:migrate:undo:all")),
    ..RUNNER
};

fn sequelize(place: &Place<'_>, command: &str) -> Command {
    let url = place.url().replace("?sslmode=disable", "");
    place.node("sequelize-cli", &[command, "--url", &url], 1)
}

const SEQUELIZE_PACKAGE: &str = "
==> package.json
{ \"dependencies\": { \"sequelize\": \"6.37.8\" } }
";

const SEQUELIZE_FILES: &str = "
==> migrations/10-berth.js
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.query('create table berths (id bigint primary key)');
    await queryInterface.addColumn('berths', 'name', { type: Sequelize.TEXT });
  },
  async down(queryInterface) {
    await queryInterface.dropTable('berths');
  },
};
==> migrations/2-index.js
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.query('create index concurrently berths_name on berths (name)');
  },
  async down(queryInterface) {
    await queryInterface.sequelize.query('drop index concurrently berths_name');
  },
};
==> migrations/3-own.js
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.sequelize.query('create table ships (id bigint)', { transaction });
      await queryInterface.sequelize.query('create index ships_id on ships (id)', { transaction });
    });
  },
  async down(queryInterface) {
    await queryInterface.sequelize.query('drop table ships');
  },
};
==> migrations/4-two.js
module.exports = {
  async up(queryInterface) {
    await queryInterface.sequelize.query('select 1; create index concurrently i on berths (id)');
  },
  async down(queryInterface) {
    await queryInterface.sequelize.query('drop index concurrently i');
  },
};
";

#[test]
fn sequelize_has_no_transaction_but_those_of_the_file() {
    let refused = apply(&SEQUELIZE, &(SEQUELIZE_PACKAGE.to_owned() + SEQUELIZE_FILES));
    assert_eq!(refused, ["migrations/4-two.js 25001"]);
}

#[test]
fn sequelize_has_the_habits_of_its_layout() {
    habits::compare(&SEQUELIZE, |odd| {
        let Odd { version, name, up, down } = odd;
        let query = |sql: &str| match sql.starts_with("--") {
            true => String::new(),
            false => format!("await queryInterface.sequelize.query('{sql}');"),
        };
        let down = down.map(|sql| format!("async down(queryInterface) {{ {} }},\n", query(sql)));
        format!(
            "{SEQUELIZE_PACKAGE}==> migrations/{version}-{name}.js\nmodule.exports = {{\n\
             async up(queryInterface) {{ {} }},\n{}}};\n",
            query(up),
            down.unwrap_or_default()
        )
    });
}

const UMZUG: Runner = Runner {
    up: |place| umzug(place, "up()"),
    down: Some(|place, _| umzug(place, "down({ to: 0 })")),
    ..SEQUELIZE
};

fn umzug(place: &Place<'_>, call: &str) -> Command {
    place.script(&format!(
        "const {{ Sequelize }} = require('sequelize');
        const {{ Umzug, SequelizeStorage }} = require('umzug');
        const {{ PGDATABASE, PGPORT }} = process.env;
        const sequelize = new Sequelize(PGDATABASE, 'postgres', '',
            {{ dialect: 'postgres', host: '127.0.0.1', port: PGPORT, logging: false }});
        const umzug = new Umzug({{
            migrations: {{
                glob: 'migrations/*.js',
                resolve: ({{ name, path, context }}) => {{
                    const migration = require(path);
                    const up = () => migration.up(context, Sequelize);
                    return {{ name, up, down: () => migration.down(context, Sequelize) }};
                }},
            }},
            context: sequelize.getQueryInterface(),
            storage: new SequelizeStorage({{ sequelize }}),
            logger: undefined,
        }});
        umzug.{call}.then(() => sequelize.close())
            .catch((error) => {{ console.error(error); process.exit(1); }});"
    ))
}

#[test]
fn umzug_has_no_transaction_but_those_of_the_file() {
    let refused = apply(&UMZUG, &(SEQUELIZE_PACKAGE.to_owned() + SEQUELIZE_FILES));
    assert_eq!(refused, ["migrations/4-two.js 25001"]);
}

const TYPEORM: Runner = Runner {
    layout: "typeorm",
    own: &["\"migrations\"", "migrations"],
    up: |place| place.node("typeorm", &["migration:run", "-d", "source.js"], 1),
    down: Some(|place, count| {
        place.node("typeorm", &["migration:revert", "-d", "source.js"], count)
    }),
    ..RUNNER
};

/// The runner with a transaction for each migration instead of one for all. What it takes back it takes
/// back in a transaction then, whatever the class says.
const TYPEORM_EACH: Runner = Runner {
    up: |place| place.node("typeorm", &["migration:run", "-d", "source.js", "-t", "each"], 1),
    down: None,
    ..TYPEORM
};

const TYPEORM_FILES: &str = "
==> package.json
{ \"dependencies\": { \"typeorm\": \"1.1.1\" } }
==> source.js
const { DataSource } = require('typeorm');
const { PGDATABASE, PGPORT } = process.env;
module.exports = new DataSource({
  type: 'postgres', host: '127.0.0.1', port: Number(PGPORT), username: 'postgres',
  database: PGDATABASE, migrations: ['migrations/*.js'],
});
==> migrations/1706000100000-Name.js
module.exports = class Name1706000000001 {
  async up(queryRunner) {
    await queryRunner.query(`alter table berths add column name text; select 1`);
  }
  async down(queryRunner) {
    await queryRunner.query(`alter table berths drop column name`);
  }
};
==> migrations/1706000200000-Berths.js
module.exports = class Berths1706000000000 {
  async up(queryRunner) {
    await queryRunner.query(`create table berths (id bigint primary key)`);
    await queryRunner.query(`alter table berths add column length int`);
  }
  async down(queryRunner) {
    await queryRunner.query(`drop table berths`);
  }
};
";

#[test]
fn typeorm_has_one_transaction_for_all_files() {
    let files = TYPEORM_FILES.to_owned()
        + "
==> migrations/1706000300000-Index.js
module.exports = class Index1706000300000 {
  async up(queryRunner) {
    await queryRunner.query(`create index concurrently i on berths (name)`);
  }
  async down(queryRunner) {
    await queryRunner.query(`drop index concurrently i`);
  }
};
";
    let refused = apply(&TYPEORM, &files);
    assert_eq!(refused, ["migrations/1706000300000-Index.js 25001"]);
}

#[test]
fn typeorm_has_a_transaction_for_each_file_where_one_leaves() {
    let files = TYPEORM_FILES.to_owned()
        + "
==> migrations/1706000300000-Index.js
module.exports = class Index1706000300000 {
  transaction = false;
  async up(queryRunner) {
    await queryRunner.query(`create index concurrently i on berths (name)`);
    await queryRunner.query(`create index concurrently j on berths (length)`);
  }
  async down(queryRunner) {
    await queryRunner.query(`drop index concurrently i`);
  }
};
";
    let refused = apply(&TYPEORM_EACH, &files);
    assert!(refused.is_empty(), "{refused:?}");
}

const KYSELY: Runner = Runner {
    layout: "kysely",
    own: &["kysely_migration", "pg_advisory"],
    up: |place| kysely(place, "migrateToLatest()"),
    down: Some(|place, _| kysely(place, "migrateTo(NO_MIGRATIONS)")),
    ..RUNNER
};

fn kysely(place: &Place<'_>, call: &str) -> Command {
    place.script(&format!(
        "const {{ Kysely, PostgresDialect }} = require('kysely');
        const {{ Migrator, FileMigrationProvider, NO_MIGRATIONS }} = require('kysely/migration');
        const {{ Pool }} = require('pg');
        const fs = require('fs/promises'), path = require('path');
        const db = new Kysely({{ dialect: new PostgresDialect({{ pool: new Pool() }}) }});
        const migrationFolder = path.resolve('migrations');
        const provider = new FileMigrationProvider({{ fs, path, migrationFolder }});
        new Migrator({{ db, provider }}).{call}.then(async ({{ error }}) => {{
            await db.destroy();
            if (error) {{ console.error(error); process.exit(1); }}
        }});"
    ))
}

#[test]
fn kysely_has_one_transaction_for_all_files() {
    let refused = apply(
        &KYSELY,
        "
==> package.json
{ \"dependencies\": { \"kysely\": \"0.29.9\" } }
==> migrations/10_berth.js
const { sql } = require('kysely');
exports.up = async (db) => {
  await sql`create table berths (id bigint primary key)`.execute(db);
  await sql`alter table berths add column name text`.execute(db);
};
exports.down = async (db) => {
  await sql`drop table berths`.execute(db);
};
==> migrations/2_number.js
const { sql } = require('kysely');
exports.up = async (db) => {
  await sql`alter table berths add column number int`.execute(db);
};
exports.down = async (db) => {
  await sql`alter table berths drop column number`.execute(db);
};
==> migrations/3_index.js
const { sql } = require('kysely');
exports.up = async (db) => {
  await sql`create index concurrently berths_name on berths (name)`.execute(db);
};
exports.down = async (db) => {
  await sql`drop index concurrently berths_name`.execute(db);
};
",
    );
    assert_eq!(refused, ["migrations/3_index.js 25001"]);
}

#[test]
fn kysely_has_the_habits_of_its_layout() {
    habits::compare(&KYSELY, |odd| {
        let Odd { version, name, up, down } = odd;
        let run = |direction, sql: &str| match sql.starts_with("--") {
            true => format!("exports.{direction} = async () => {{}};\n"),
            false => format!(
                "exports.{direction} = async (db) => {{ await sql`{sql}`.execute(db); }};\n"
            ),
        };
        let down = down.map(|sql| run("down", sql)).unwrap_or_default();
        format!(
            "==> package.json\n{{ \"dependencies\": {{ \"kysely\": \"0.29.9\" }} }}\n\
             ==> migrations/{version}_{name}.js\nconst {{ sql }} = require('kysely');\n{}{down}",
            run("up", up)
        )
    });
}

#[test]
fn typeorm_has_the_habits_of_its_layout() {
    habits::compare(&TYPEORM, |odd| {
        let Odd { version, name, up, down } = odd;
        let query = |sql: &str| match sql.starts_with("--") {
            true => String::new(),
            false => format!("await queryRunner.query(`{sql}`);"),
        };
        let down = down.map(|sql| format!("async down(queryRunner) {{ {} }}\n", query(sql)));
        let settings = TYPEORM_FILES.split("==> migrations").next().unwrap();
        format!(
            "{settings}==> migrations/170600000000{version}-{name}.js\n\
             module.exports = class {name}170600000000{version} {{\n\
             async up(queryRunner) {{ {} }}\n{}}};\n",
            query(up),
            down.unwrap_or_default()
        )
    });
}

const MIKRO_ORM: Runner = Runner {
    layout: "mikro-orm",
    own: &["mikro_orm_migrations"],
    up: |place| mikro_orm(place, "up()"),
    down: Some(|place, _| mikro_orm(place, "down({ to: 0 })")),
    ..RUNNER
};

fn mikro_orm(place: &Place<'_>, call: &str) -> Command {
    place.script(&format!(
        "const {{ MikroORM, EntitySchema }} = require('@mikro-orm/postgresql');
        const {{ Migrator }} = require('@mikro-orm/migrations');
        const Thing = new EntitySchema({{
            name: 'Thing', properties: {{ id: {{ type: 'bigint', primary: true }} }},
        }});
        MikroORM.init({{
            clientUrl: process.env.DATABASE_URL, entities: [Thing], extensions: [Migrator],
            migrations: {{ path: 'migrations', glob: '*.js', snapshot: false }},
        }}).then(async (orm) => {{
            await orm.migrator.{call};
            await orm.close(true);
        }}).catch((error) => {{ console.error(error); process.exit(1); }});"
    ))
}

#[test]
fn mikro_orm_has_one_transaction_for_all_files_that_want_one() {
    let refused = apply(
        &MIKRO_ORM,
        "
==> package.json
{ \"dependencies\": { \"@mikro-orm/postgresql\": \"7.2.1\" } }
==> migrations/Migration20240101000000_berths.js
const { Migration } = require('@mikro-orm/migrations');
class Migration20240101000000_berths extends Migration {
  async up() {
    this.addSql('create table berths (id bigint primary key)');
    this.addSql('alter table berths add column name text; create index on berths (name)');
  }
  async down() {
    this.addSql('drop table berths');
  }
}
exports.Migration20240101000000_berths = Migration20240101000000_berths;
==> migrations/Migration20240102000000_ships.js
const { Migration } = require('@mikro-orm/migrations');
class Migration20240102000000_ships extends Migration {
  async up() {
    this.addSql('create table ships (id bigint primary key)');
  }
  async down() {
    this.addSql('drop table ships');
  }
}
exports.Migration20240102000000_ships = Migration20240102000000_ships;
==> migrations/Migration20240103000000_inside.js
const { Migration } = require('@mikro-orm/migrations');
class Migration20240103000000_inside extends Migration {
  async up() {
    this.addSql('create index concurrently berths_name on berths (name)');
  }
  async down() {
    this.addSql('drop index concurrently berths_name');
  }
}
exports.Migration20240103000000_inside = Migration20240103000000_inside;
",
    );
    assert_eq!(refused, ["migrations/Migration20240103000000_inside.js 25001"]);
}
