//! Compares the replayed catalog with what real servers end up with: the fixtures, and histories made
//! at random, statement by statement.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

#[allow(dead_code, reason = "this test needs only the server")]
mod support {
    pub(crate) mod server;
}

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::server;

/// What a server keeps, a line for each object, in the words of `lines`.
const CATALOGS: &str = r"
with named as (
    select c.oid, n.nspname || '.' || c.relname as name, c.relkind, c.relacl, c.relowner
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and c.relpersistence <> 't')
select 'column ' || r.name || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || case when a.atthasdef and a.attgenerated = '' then ' default' else '' end
from named r join pg_attribute a on a.attrelid = r.oid
where r.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
union all
select 'constraint ' || r.name || ' ' || k.conname || ' ' || k.contype::text || ' ' || coalesce(
    (select string_agg(a.attname, ',' order by case when k.contype = 'c' then a.attname::text end, o.n)
     from unnest(k.conkey) with ordinality o(attnum, n)
     join pg_attribute a on a.attrelid = k.conrelid and a.attnum = o.attnum), '')
    || case when k.convalidated then '' else ' not valid' end
from named r join pg_constraint k on k.conrelid = r.oid where k.contype in ('p', 'u', 'c', 'f', 'x')
union all
select 'index ' || r.name || ' ' || c.relname || case when i.indisunique then ' unique' else '' end || ' ' ||
    (select string_agg(coalesce(a.attname, '()'), ',' order by o.n)
     from unnest(i.indkey::int2[]) with ordinality o(attnum, n)
     left join pg_attribute a on a.attrelid = i.indrelid and a.attnum = o.attnum)
from named r join pg_index i on i.indrelid = r.oid join pg_class c on c.oid = i.indexrelid
where r.relkind in ('r', 'p')
union all
select 'view ' || r.name || ' ' || string_agg(a.attname, ',' order by a.attnum)
from named r join pg_attribute a on a.attrelid = r.oid where r.relkind in ('v', 'm') and a.attnum > 0
group by r.name
union all
select 'sequence ' || r.name || concat_ws(' ', '', 'by ' || s.seqincrement, 'from ' || s.seqstart,
    'cache ' || s.seqcache, case when s.seqcycle then 'cycle' end)
from named r join pg_sequence s on s.seqrelid = r.oid
union all
select 'comment ' || r.name || '.' || a.attname || ' ' || d.description
from named r join pg_attribute a on a.attrelid = r.oid
join pg_description d on d.objoid = r.oid and d.objsubid = a.attnum
union all
select 'grant ' || r.name || ' ' || string_agg(lower(x.privilege_type), ',' order by lower(x.privilege_type)) || ' ' || x.grantee::regrole
from named r, lateral aclexplode(r.relacl) x
where x.grantee <> r.relowner group by r.name, x.grantee
union all
select 'enum ' || n.nspname || '.' || t.typname || ' ' || string_agg(e.enumlabel, ',' order by e.enumsortorder)
from pg_enum e join pg_type t on t.oid = e.enumtypid join pg_namespace n on n.oid = t.typnamespace
group by n.nspname, t.typname
";

/// Returns what `lockmaster schema` says of a directory, in the words of [`CATALOGS`].
fn lines(schema: &Value) -> BTreeSet<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| -> Vec<Value> { value.as_array().cloned().unwrap_or_default() };
    let name = |object: &Value| format!("{}.{}", text(&object["schema"]), text(&object["name"]));
    let joined = |value: &Value| -> String {
        let names: Vec<String> =
            list(value).iter().map(|v| v.as_str().unwrap_or("()").to_owned()).collect();
        names.join(",")
    };
    let mut found = BTreeSet::new();
    for table in list(&schema["tables"]) {
        let table_name = name(&table);
        for column in list(&table["columns"]) {
            let not_null = if column["not_null"] == true { " not null" } else { "" };
            let default = if column["has_default"] == true { " default" } else { "" };
            let (column_name, data_type) = (text(&column["name"]), text(&column["type"]));
            found.insert(format!(
                "column {table_name} {column_name} {data_type}{not_null}{default}"
            ));
        }
        for constraint in list(&table["constraints"]) {
            let kind = match constraint["type"].as_str() {
                Some("primary key") => "p",
                Some("unique") => "u",
                Some("check") => "c",
                Some("foreign key") => "f",
                Some("exclusion") => "x",
                _ => continue,
            };
            let valid = if constraint["validated"] == true { "" } else { " not valid" };
            let columns = joined(&constraint["columns"]);
            let constraint_name = text(&constraint["name"]);
            found.insert(format!(
                "constraint {table_name} {constraint_name} {kind} {columns}{valid}"
            ));
        }
        for index in list(&table["indexes"]) {
            let unique = if index["unique"] == true { " unique" } else { "" };
            let keys: Vec<String> = [&index["keys"], &index["include"]]
                .into_iter()
                .map(joined)
                .filter(|keys| !keys.is_empty())
                .collect();
            let index_name = text(&index["name"]);
            found.insert(format!("index {table_name} {index_name}{unique} {}", keys.join(",")));
        }
    }
    for view in list(&schema["views"]) {
        found.insert(format!("view {} {}", name(&view), joined(&view["columns"])));
    }
    for sequence in list(&schema["sequences"]) {
        let options = list(&sequence["options"]);
        let option = |wanted: &str, default: &str| {
            let found = options.iter().find_map(|option| option.as_str()?.strip_prefix(wanted));
            found.unwrap_or(default).to_owned()
        };
        let by = option("increment by ", "1");
        let start = option("start with ", if by.starts_with('-') { "-1" } else { "1" });
        let cycle = if options.iter().any(|option| option == "cycle") { " cycle" } else { "" };
        let cache = option("cache ", "1");
        let of = name(&sequence);
        found.insert(format!("sequence {of} by {by} from {start} cache {cache}{cycle}"));
    }
    for comment in list(&schema["comments"]) {
        found.insert(format!("comment {} {}", text(&comment["name"]), text(&comment["text"])));
    }
    for grant in list(&schema["grants"]).iter().filter(|grant| grant["kind"] == "table") {
        let role = text(&grant["role"]).replace("public", "-");
        found.insert(format!(
            "grant {} {} {role}",
            text(&grant["name"]),
            joined(&grant["privileges"])
        ));
    }
    for labels in list(&schema["enums"]) {
        found.insert(format!("enum {} {}", name(&labels), joined(&labels["values"])));
    }
    found
}

fn lockmaster(arguments: &[&str]) -> Value {
    let done = Command::new(env!("CARGO_BIN_EXE_lockmaster")).args(arguments).output().unwrap();
    assert_ne!(done.status.code(), Some(2), "{}", String::from_utf8_lossy(&done.stderr));
    serde_json::from_slice(&done.stdout).unwrap()
}

/// Numbers that look like chance and are the same every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.roll(words.len())]
    }
}

const TABLES: &[&str] = &["orders", "items", "users", "app.users", "notes"];
const COLUMNS: &[&str] = &["a", "b", "c", "owner_id", "total"];
const TYPES: &[&str] =
    &["int", "bigint", "text", "varchar(20)", "numeric(10,2)", "timestamptz", "mood"];

/// Returns a statement that may or may not fit what is there.
fn statement(dice: &mut Dice) -> String {
    let (table, other) = (dice.pick(TABLES), dice.pick(TABLES));
    let (column, second) = (dice.pick(COLUMNS), dice.pick(COLUMNS));
    let data_type = dice.pick(TYPES);
    let cascade = dice.pick(&["", "", " cascade"]);
    match dice.roll(40) {
        0..=3 => {
            let key = dice.pick(&[
                "bigserial primary key",
                "int primary key",
                "bigint",
                "int generated always as identity",
            ]);
            let extra = dice.pick(&[
                "",
                ", unique (a)",
                ", check (a is not null)",
                ", unique (a, id)",
                ", primary key (id)",
            ]);
            format!(
                "create table {table} (id {key}, a {data_type} not null, owner_id bigint{extra})"
            )
        }
        4 | 5 => format!("alter table {table} add column {column} {data_type}"),
        6 => format!("alter table {table} add column {column} int default 0 check ({column} >= 0)"),
        7 => format!("alter table {table} drop column {column}{cascade}"),
        8 => format!("alter table {table} rename column {column} to {second}"),
        9 => format!(
            "alter table {table} rename to {}",
            dice.pick(&["archive", "orders", "notes", "people"])
        ),
        10 => format!("alter table {table} alter column {column} set not null"),
        11 => format!("alter table {table} alter column {column} drop not null"),
        12 => format!("alter table {table} add unique ({column})"),
        13 => format!("alter table {table} add check ({column} is not null)"),
        14 => format!("alter table {table} add foreign key (owner_id) references {other} (id)"),
        15 => format!("alter table {table} add foreign key (owner_id) references {other}"),
        16 => format!("create index on {table} ({column}, {second})"),
        17 => format!(
            "create unique index {} on {table} ({column})",
            dice.pick(&["one", "two", "users_a_key"])
        ),
        18 => format!(
            "alter table {table} drop constraint {}{cascade}",
            dice.pick(&[
                "users_pkey",
                "users_a_key",
                "orders_pkey",
                "items_a_check",
                "orders_owner_id_fkey",
                "notes_pkey"
            ])
        ),
        19 => format!(
            "drop index {}",
            dice.pick(&["one", "two", "orders_a_b_idx", "users_a_key", "items_a_c_idx"])
        ),
        20 => format!("drop table {table}{cascade}"),
        21 => format!("create view {} as select {column}, id from {table}", dice.pick(&["v", "w"])),
        22 => format!("drop view {}{cascade}", dice.pick(&["v", "w"])),
        23 => format!(
            "alter type mood add value {}",
            dice.pick(&["'sad'", "'glad' before 'fine'", "if not exists 'fine'"])
        ),
        24 => format!("alter table {table} alter column {column} set default null"),
        25 => format!("drop type mood{cascade}"),
        26 => format!("alter table {table} add check (twice({column}::int) > 0)"),
        27 => format!("create index on {table} (twice({column}::int)) where {second} is not null"),
        28 => format!(
            "alter function {}(int) rename to {}",
            dice.pick(&["twice", "doubled"]),
            dice.pick(&["twice", "doubled"])
        ),
        29 => format!(
            "drop function {}({}){cascade}",
            dice.pick(&["twice", "doubled"]),
            dice.pick(&["int", "text"])
        ),
        30 => "create function twice(int) returns int language sql immutable as 'select $1 * 2'"
            .to_owned(),
        31 => format!(
            "alter table {table} alter column {column} type {}",
            dice.pick(&["bigserial", "smallserial"])
        ),
        32 => format!("alter table {table} alter column {column} set default twice(3)"),
        33 => format!(
            "grant {} on {table} to {}",
            dice.pick(&["select", "all", "select (a)"]),
            dice.pick(&["public", "pg_monitor"])
        ),
        34 => format!("revoke {} on {table} from public", dice.pick(&["select", "all", "insert"])),
        35 => format!("comment on column {table}.{column} is '{second}'"),
        36 => format!(
            "create sequence {} increment by {} start with 7",
            dice.pick(&["s1", "s2"]),
            dice.pick(&["2", "5"])
        ),
        37 => format!(
            "alter sequence {} {}",
            dice.pick(&["s1", "s2"]),
            dice.pick(&["cycle", "no cycle", "cache 5", "minvalue -100", "increment by 4"])
        ),
        38 => format!(
            "alter table {table} alter column {column} set statistics {}",
            dice.pick(&["100", "-1"])
        ),
        _ => format!("comment on table {table} is null"),
    }
}

#[test]
fn histories_made_at_random_leave_what_a_server_has() {
    for version in server::versions() {
        for seed in 0..6 {
            let mut dice = Dice(seed * 7_919 + 17);
            let mut statements = vec![
                "create schema app".to_owned(),
                "create type mood as enum ('fine', 'tired')".to_owned(),
                "create function twice(int) returns int language sql immutable as 'select $1 * 2'"
                    .to_owned(),
            ];
            statements.extend((0..150).map(|_| statement(&mut dice)));
            compare(version, &statements, &format!("seed {seed} on PostgreSQL {version}"));
        }
    }
}

/// Runs statements one by one on a server. The replay of those that it took must refuse the same next
/// ones, and end with the same schema.
fn compare(version: u16, statements: &[String], what: &str) {
    let database = server::shared(version).database();
    let texts: Vec<&str> = statements.iter().map(String::as_str).collect();
    let answers = database.run_statements(&texts);
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (path, target) = (folder.to_str().unwrap(), version.to_string());
    let mut taken: Vec<&str> = Vec::new();
    let mut tried = 0;
    for (statement, answer) in texts.iter().zip(&answers) {
        let said = answer.as_ref().err().map(ToString::to_string);
        // What is taken is looked at with the next one that is not.
        tried += usize::from(said.is_some());
        if said.is_some() && tried % 3 == 0 || said.is_none() && taken.len() % 8 == 7 {
            let mut all = taken.clone();
            all.push(statement);
            write(folder, &all);
            let refused = refused_lines(path, &target);
            let expected: Vec<u64> = said.iter().map(|_| all.len() as u64).collect();
            assert_eq!(refused, expected, "{what}: {statement}: {said:?} after {taken:#?}");
        }
        if said.is_none() {
            taken.push(statement);
        }
    }
    write(folder, &taken);
    let replayed =
        lines(&lockmaster(&["schema", path, "--format", "json", "--sql", "--pg-version", &target]));
    let mut client = database.connect();
    client.batch_execute("set search_path = pg_catalog").unwrap();
    let real: BTreeSet<String> =
        client.query(CATALOGS, &[]).unwrap().iter().map(|row| row.get(0)).collect();
    let missing: Vec<&String> = real.difference(&replayed).collect();
    let extra: Vec<&String> = replayed.difference(&real).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "{what}: missing {missing:#?}, extra {extra:#?} after {taken:#?}"
    );
}

/// Returns the lines that `certain-failure` reports.
fn refused_lines(path: &str, target: &str) -> Vec<u64> {
    let linted = lockmaster(&["lint", path, "--format", "json", "--pg-version", target]);
    let diagnostics = linted["diagnostics"].as_array().unwrap().iter();
    let failures = diagnostics.filter(|found| found["rule"] == "certain-failure");
    failures.map(|found| found["span"]["start"]["line"].as_u64().unwrap()).collect()
}

fn write(folder: &Path, statements: &[&str]) {
    let text = format!("{};\n", statements.join(";\n"));
    std::fs::write(folder.join("0001_all.sql"), text).unwrap();
    let settings = "[[migrations]]\npath = \".\"\nlayout = \"numbered\"\ntransaction = \"none\"\nhistory = \"complete\"\n";
    std::fs::write(folder.join("lockmaster.toml"), settings).unwrap();
}
