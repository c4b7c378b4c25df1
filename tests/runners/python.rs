//! Runners in Python.

use std::process::Command;

use crate::case::{Place, RUNNER, Runner, apply};
use crate::habits::{self, Odd};

const YOYO: Runner = Runner {
    layout: "yoyo",
    own: &["_yoyo", "yoyo_lock", "yoyo_tmp"],
    up: |place| {
        place.tool("yoyo/bin/yoyo", &["apply", "--batch", "--database", &yoyo(place), "db"])
    },
    down: Some(|place, _| {
        place.tool(
            "yoyo/bin/yoyo",
            &["rollback", "--all", "--batch", "--database", &yoyo(place), "db"],
        )
    }),
    ..RUNNER
};

fn yoyo(place: &Place<'_>) -> String {
    place.url().replacen("postgres:", "postgresql:", 1)
}

#[test]
fn yoyo_follows_dependencies_and_sends_statement_by_statement() {
    let refused = apply(
        &YOYO,
        "
==> db/a-index.sql
-- depends: b-ships
-- transactional: false
set lock_timeout = '5s';
create index concurrently ships_name on ships (name);
==> db/a-index.rollback.sql
-- transactional: false
drop index concurrently ships_name;
==> db/b-ships.sql
create table ships (id bigint primary key, name text);
alter table ships add column length int;
==> db/b-ships.rollback.sql
drop table ships;
==> db/c-inside.sql
-- depends: b-ships
-- Transactional: false
create index concurrently ships_length on ships (length);
",
    );
    assert_eq!(refused, ["db/c-inside.sql 25001"]);
}

#[test]
fn yoyo_has_the_habits_of_its_layout() {
    habits::compare(&YOYO, |odd| {
        let Odd { version, name, up, down } = odd;
        let back = |down| format!("==> db/{version}-{name}.rollback.sql\n{down}\n");
        let down = down.map(back).unwrap_or_default();
        format!("==> yoyo.ini\n==> db/{version}-{name}.sql\n{up}\n{down}")
    });
}

const PGMIGRATE: Runner = Runner {
    layout: "pgmigrate",
    own: &["schema_version", "pg_catalog"],
    up: |place| {
        let connection = format!(
            "host=127.0.0.1 port={} user=postgres dbname={}",
            place.port(),
            place.database()
        );
        place.tool("yoyo/bin/pgmigrate", &["-t", "latest", "-c", &connection, "-v", "migrate"])
    },
    ..RUNNER
};

#[test]
fn pgmigrate_has_a_transaction_for_each_file() {
    let refused = apply(
        &PGMIGRATE,
        "
==> migrations.yml
==> migrations/V10__berths.sql
create table berths (id bigint primary key);
alter table berths add column name text;
==> migrations/V0002__ships.sql
create table ships (id bigint primary key, name text);
==> migrations/V11__index_NONTRANSACTIONAL.sql
set lock_timeout = '5s';
create index concurrently ships_name on ships (name);
==> migrations/V12__inside.sql
create index concurrently berths_name on berths (name);
==> migrations/notes.sql
create table never (id bigint);
",
    );
    assert_eq!(refused, ["migrations/V12__inside.sql 25001"]);
}

#[test]
fn pgmigrate_has_the_habits_of_its_layout() {
    habits::compare(&PGMIGRATE, |odd| {
        let Odd { version, name, up, .. } = odd;
        format!("==> migrations.yml\n==> migrations/V{version}__{name}.sql\n{up}\n")
    });
}

const ALEMBIC: Runner = Runner {
    layout: "alembic",
    own: &["alembic_version", "pg_catalog"],
    up: |place| alembic(place, &["upgrade", "head"]),
    down: Some(|place, _| alembic(place, &["downgrade", "base"])),
    ..RUNNER
};

fn alembic(place: &Place<'_>, arguments: &[&str]) -> Command {
    place.tool("python-runners/bin/alembic", arguments)
}

const ALEMBIC_SETTINGS: &str = r#"
==> alembic.ini
[alembic]
script_location = migrations
==> migrations/script.py.mako
==> migrations/env.py
import os

from alembic import context
from sqlalchemy import create_engine

engine = create_engine(os.environ["DATABASE_URL"].replace("postgres:", "postgresql+psycopg:", 1))
with engine.connect() as connection:
    context.configure(connection=connection)
    with context.begin_transaction():
        context.run_migrations()
"#;

const ALEMBIC_FILES: &str = r#"
==> migrations/versions/b_berths.py
from alembic import op
import sqlalchemy as sa

revision = "b"
down_revision = None


def upgrade():
    op.create_table("berths", sa.Column("id", sa.BigInteger(), nullable=False))
    op.execute("alter table berths add column name text; create index on berths (name)")


def downgrade():
    op.drop_table("berths")
==> migrations/versions/a_ships.py
from alembic import op

revision = "a"
down_revision = "b"


def upgrade():
    op.execute("create table ships (id bigint, name text)")


def downgrade():
    op.execute("drop table ships")
"#;

#[test]
fn alembic_has_one_transaction_for_all_revisions() {
    let files = "
==> migrations/versions/c_index.py
from alembic import op

revision = 'c'
down_revision = 'a'


def upgrade():
    op.create_index('ships_name', 'ships', ['name'], postgresql_concurrently=True)


def downgrade():
    op.drop_index('ships_name', 'ships', postgresql_concurrently=True)
";
    let refused = apply(&ALEMBIC, &[ALEMBIC_SETTINGS, ALEMBIC_FILES, files].concat());
    assert_eq!(refused, ["migrations/versions/c_index.py 25001"]);
}

#[test]
fn alembic_leaves_the_transaction_in_an_autocommit_block() {
    let files = "
==> migrations/versions/c_index.py
from alembic import op

revision = 'c'
down_revision = 'a'


def upgrade():
    op.execute('alter table ships add column length int')
    with op.get_context().autocommit_block():
        op.execute('create index concurrently ships_name on ships (name)')
        op.execute('create index concurrently ships_id on ships (id)')
    op.execute('alter table ships add column width int')


def downgrade():
    with op.get_context().autocommit_block():
        op.drop_index('ships_name', 'ships', postgresql_concurrently=True)
";
    let refused = apply(&ALEMBIC, &[ALEMBIC_SETTINGS, ALEMBIC_FILES, files].concat());
    assert!(refused.is_empty(), "{refused:?}");
}

const DJANGO: Runner = Runner {
    layout: "django",
    own: &["django_migrations", "django_content_type", "auth_permission"],
    up: |place| django(place, &["migrate", "shop"]),
    down: Some(|place, _| django(place, &["migrate", "shop", "zero"])),
    ..RUNNER
};

fn django(place: &Place<'_>, arguments: &[&str]) -> Command {
    let mut command = place.tool("python-runners/bin/django-admin", arguments);
    command.env("DJANGO_SETTINGS_MODULE", "settings").env("PYTHONPATH", ".");
    command
}

#[test]
fn django_has_a_transaction_for_each_migration() {
    let refused = apply(
        &DJANGO,
        r#"
==> settings.py
import os

SECRET_KEY = "not one"
INSTALLED_APPS = ["shop"]
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": os.environ["PGDATABASE"],
    "USER": "postgres", "HOST": "127.0.0.1", "PORT": os.environ["PGPORT"],
}}
==> shop/__init__.py
==> shop/migrations/__init__.py
==> shop/migrations/0001_initial.py
from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(
            "create table shop_item (id bigint primary key, name text)", "drop table shop_item"
        ),
        migrations.RunSQL(
            "alter table shop_item add column length int; create index on shop_item (length)",
            "alter table shop_item drop column length",
        ),
    ]
==> shop/migrations/0002_leaves.py
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("shop", "0001_initial")]
    operations = [
        migrations.RunSQL(
            ["set lock_timeout = '5s'", "create index concurrently item_name on shop_item (name)"],
            "drop index concurrently item_name",
        ),
    ]
==> shop/migrations/0003_more.py
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0002_leaves")]
    operations = [
        migrations.RunSQL("alter table shop_item add column width int", migrations.RunSQL.noop),
    ]
==> shop/migrations/0004_inside.py
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("shop", "0003_more")]
    operations = [
        migrations.RunSQL("create index concurrently item_width on shop_item (width)"),
    ]
"#,
    );
    assert_eq!(refused, ["shop/migrations/0004_inside.py 25001"]);
}
