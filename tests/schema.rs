//! `lockmaster schema`: the document, its schema, versions, differences and biographies.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Output};

use lockmaster::catalog::Catalog;
use lockmaster::check::{self, Moment, SetOptions};
use lockmaster::schema::{self, Follower, Schema};
use lockmaster::version::PgVersion;
use lockmaster::{discover, layout};
use serde_json::Value;
use support::project;
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .arg("schema")
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&text(folder, &[&["--format", "json"], arguments].concat())).unwrap()
}

fn error(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

/// A history in which a table is renamed, dropped and made anew.
const HISTORY: &[(&str, &str)] = &[
    (
        "0001_init.sql",
        "create schema app;\n\
         create type app.mood as enum ('sad', 'it''s fine');\n\
         create table people (id bigserial primary key, name varchar(50) not null, mood app.mood);\n\
         create index people_name on people (name desc) include (id);\n",
    ),
    (
        "0002_orders.sql",
        "create table orders (\n    id int generated always as identity primary key,\n    \
         person bigint references people on delete cascade\n);\n\
         create view names as select name from people;\n\
         create function f(a int, variadic b text[]) returns setof people language sql as 'select * from people';\n",
    ),
    (
        "0003_rename.sql",
        "alter table people rename to persons;\nalter table orders alter column person set not null;\n",
    ),
    (
        "0004_drop.sql",
        "drop table orders;\ncreate table orders (id uuid);\ninsert into orders default values;\n",
    ),
];

fn history() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("migrations")).unwrap();
    for (name, sql) in HISTORY {
        fs::write(folder.path().join("migrations").join(name), sql).unwrap();
    }
    folder
}

#[test]
fn the_schema_is_what_its_schema_says() {
    let schema = fs::read_to_string(project("docs/schema.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    for fixture in ["numbered/digis", "numbered/ibw", "psql/takumi", "up-down/dogepump"] {
        let folder = project("fixtures").join(fixture);
        for options in [vec!["."], vec!["--sql", "--pg-version", "18", "."]] {
            let document = json(&folder, &options);
            let errors: Vec<String> =
                validator.iter_errors(&document).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{fixture}: {errors:#?}");
        }
    }
}

#[test]
fn the_document_says_what_a_server_would() {
    let folder = history();
    let document = json(folder.path(), &["--at", "0002", "migrations"]);
    assert_eq!(document["schemas"], serde_json::json!(["app", "public"]));
    let tables = document["tables"].as_array().unwrap();
    let [orders, people] = tables.as_slice() else { panic!("{tables:#?}") };
    assert_eq!((&orders["name"], &people["name"]), (&"orders".into(), &"people".into()));
    let columns = people["columns"].as_array().unwrap();
    let types: Vec<&str> = columns.iter().map(|column| column["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["bigint", "character varying(50)", "app.mood"]);
    assert_eq!(columns[0]["has_default"], true);
    assert_eq!(orders["columns"][0]["identity"], "always");
    assert_eq!(orders["columns"][0]["has_default"], false);
    let key = &orders["constraints"][0];
    assert_eq!(key["name"], "orders_person_fkey");
    assert_eq!(
        key["references"],
        serde_json::json!({"table": "public.people", "columns": ["id"],
                           "on_delete": "cascade", "on_update": "no action"})
    );
    let owners: Vec<&Value> =
        document["sequences"].as_array().unwrap().iter().map(|s| &s["owned_by"]).collect();
    assert_eq!(owners, ["public.orders.id", "public.people.id"]);
    let function = &document["functions"][0];
    assert_eq!(function["arguments"], serde_json::json!(["integer", "text[]"]));
    assert_eq!(function["returns"], "SETOF public.people");
    assert_eq!(function["created"]["line"], 6);
}

#[test]
fn text_is_sql() {
    let folder = history();
    let sql = text(folder.path(), &["migrations"]);
    for part in [
        "create schema app;",
        "create type app.mood as enum ('sad', 'it''s fine');",
        "-- migrations/0001_init.sql:3, last changed migrations/0003_rename.sql:1\ncreate table public.persons (\n    id bigint default nextval('public.people_id_seq'),\n    name character varying(50) not null,\n    mood app.mood,\n    constraint people_pkey primary key (id)\n);\n",
        "create index people_name on public.persons using btree (name desc) include (id);",
        "alter sequence public.people_id_seq owned by public.persons.id;",
        "create view public.names as SELECT name FROM persons;",
    ] {
        assert!(sql.contains(part), "{part}\n\n{sql}");
    }
    let coloured = text(folder.path(), &["--color", "always", "migrations"]);
    assert!(coloured.contains("\u{1b}[2m-- migrations/0001_init.sql:2\u{1b}[0m"), "{coloured}");
}

#[test]
fn a_version_is_found_as_its_layout_reads_it() {
    let folder = history();
    let of = |version: &str| text(folder.path(), &["--at", version, "migrations"]);
    assert!(of("1").contains("public.people (") && !of("1").contains("public.orders"));
    assert_eq!(of("0002"), of("2"));
    assert_eq!(of("0002_orders"), of("2"));
    assert_eq!(of("4"), text(folder.path(), &["migrations"]));
    let message = error(folder.path(), &["--at", "0005", "migrations"]);
    assert!(message.contains("there is no migration `0005`; did you mean `0001`?"), "{message}");
}

#[test]
fn a_difference_follows_objects_to_their_new_names() {
    let folder = history();
    let found = text(folder.path(), &["--diff", "2..4", "migrations"]);
    assert_eq!(
        found,
        "- table public.orders  (migrations/0004_drop.sql:1)\n\
         + table public.orders  (migrations/0004_drop.sql:2)\n\
         ~ table public.persons: name public.people -> public.persons  (migrations/0003_rename.sql:1)\n"
    );
    let column = json(folder.path(), &["--diff", "2..3", "migrations"]);
    assert_eq!((&column["from"], &column["to"]), (&"0002".into(), &"0003".into()));
    let change = &column["changed"][1];
    assert_eq!(change["name"], "public.orders.person");
    assert_eq!(change["line"], 2);
    assert_eq!(
        change["changes"],
        serde_json::json!([{"what": "not null", "before": "false", "after": "true"}])
    );
    let all = json(folder.path(), &["--diff", "..", "migrations"]);
    assert_eq!(all["removed"], serde_json::json!([]));
    assert_eq!(text(folder.path(), &["--diff", "4..", "migrations"]), "");
    for (range, message) in
        [("3", "is no range"), ("3..2", "runs backwards"), ("x..", "there is no")]
    {
        assert!(error(folder.path(), &["--diff", range, "migrations"]).contains(message));
    }
}

#[test]
fn a_biography_has_every_statement_of_every_life() {
    let folder = history();
    let found = json(folder.path(), &["--table", "orders", "migrations"]);
    let lives = found["lives"].as_array().unwrap();
    let events = |life: &Value| -> Vec<String> {
        let events = life["events"].as_array().unwrap().iter();
        events.map(|event| format!("{} {}", event["what"], event["migration"])).collect()
    };
    assert_eq!(lives.len(), 2);
    assert_eq!(
        events(&lives[0]),
        ["\"created\" \"0002\"", "\"changed\" \"0003\"", "\"dropped\" \"0004\""]
    );
    assert_eq!(events(&lives[1]), ["\"created\" \"0004\"", "\"used\" \"0004\""]);
    let people = text(folder.path(), &["--table", "people", "migrations"]);
    assert!(people.starts_with("public.people -> public.persons\n  created"), "{people}");
    assert!(people.contains("alter table people rename to persons  (now public.persons)"));
    assert_eq!(people, text(folder.path(), &["--table", "public.persons", "migrations"]));
    let message = error(folder.path(), &["--table", "peple", "migrations"]);
    assert!(message.contains("no migration knows a table `peple`; did you mean `people`?"));
}

#[test]
fn one_document_is_about_one_directory() {
    let folder = history();
    let other = folder.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("0001_a.sql"), "create table a ();").unwrap();
    fs::write(other.join("0002_b.sql"), "create table b ();").unwrap();
    let message = error(folder.path(), &["--format", "json", "migrations", "other"]);
    assert!(message.contains("name one: `migrations`, `other`"), "{message}");
    let both = text(folder.path(), &["migrations", "other"]);
    assert!(both.starts_with("-- migrations\n\n"), "{both}");
    assert!(both.contains("\n-- other\n\n"), "{both}");
    // The directory that was asked for, not those below it.
    fs::rename(&other, folder.path().join("migrations/other")).unwrap();
    assert_eq!(json(folder.path(), &["migrations"])["tables"][1]["name"], "persons");
    assert!(!text(folder.path(), &["migrations"]).contains("public.a "));
}

/// A comparison that reads only what each migration changed says the same as one that reads everything.
#[test]
fn comparisons_find_what_each_migration_changed() {
    let version = PgVersion::default();
    let mut histories = 0;
    let found = discover::load(&[project("fixtures")], &|_| false, None).unwrap();
    let (sources, trees) = (found.sources, found.trees);
    for set in trees
        .iter()
        .flat_map(|tree| layout::recognise(tree, &sources, false, &|_| layout::Override::default()))
    {
        let scripts = check::parse(&set, &sources);
        let first = Schema::of(&Catalog::default(), &sources, version);
        let (mut whole, mut partial) = (Follower::new(&first), Follower::new(&first));
        let mut before = Catalog::default();
        let last = check::replay_with(&set, &scripts, &SetOptions::default(), |moment, state| {
            let Moment::End(at) = moment else { return ControlFlow::Continue(()) };
            let file = sources.get(set.migrations[at].file);
            let place = schema::Place { path: file.path.display().to_string(), line: at + 1 };
            let all = Schema::of(&state.catalog, &sources, version);
            whole.follow(&all, None, &place);
            match before.changed_objects(&state.catalog) {
                Some(only) => {
                    let some = Schema::of_some(&state.catalog, &sources, version, &only);
                    partial.follow(&some, Some(&only), &place);
                }
                None => partial.follow(&all, None, &place),
            }
            before = state.catalog.clone();
            ControlFlow::Continue(())
        });
        let last = Schema::of(&last.catalog, &sources, version);
        assert_eq!(
            partial.finish(&first, &last),
            whole.finish(&first, &last),
            "{}",
            set.root.display()
        );
        histories += 1;
    }
    assert!(histories > 20, "{histories}");
}
