//! What `lockmaster schema` prints makes the same schema as the history did: both are run on a server,
//! and what it then says of its objects is compared.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

#[allow(dead_code, reason = "this test needs only the server")]
mod support {
    pub(crate) mod server;
}

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use lockmaster::{check, discover, layout};
use support::server::{self, Database};

/// What the server says of its objects, a line for each.
const OBJECTS: &str = r"
with named as (
    select c.oid::regclass::text as name, c.* from pg_class c
    where c.relnamespace not in (select oid from pg_namespace where nspname ~ '^(pg_|information_schema)'))
select format('column %s %s %s %s %s %s %s %s %s %s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, a.attgenerated, (select collname from pg_collation where oid = a.attcollation), a.attstorage,
    pg_get_expr(d.adbin, d.adrelid), a.attstattarget)
from named r join pg_attribute a on a.attrelid = r.oid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where r.relkind in ('r', 'p', 'v', 'm', 'f') and a.attnum > 0 and not a.attisdropped
union all
select format('relation %s %s %s %s %s %s', name, relkind, relpersistence, array(select unnest(reloptions) order by 1),
    relrowsecurity, pg_get_partkeydef(oid)) from named where relkind <> 'c'
union all
select format('constraint %s %s %s', coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text),
    conname, pg_get_constraintdef(oid))
from pg_constraint where contype not in ('n', 't') and connamespace not in (
    select oid from pg_namespace where nspname ~ '^(pg_|information_schema)')
union all
select format('index %s %s', r.name, pg_get_indexdef(r.oid)) from named r where relkind in ('i', 'I')
union all
select format('view %s %s', r.name, pg_get_viewdef(r.oid)) from named r where relkind in ('v', 'm')
union all
select format('policy %s %s %s %s %s %s %s %s', schemaname, tablename, policyname, permissive, roles, cmd, qual, with_check)
from pg_policies
union all
select format('trigger %s', pg_get_triggerdef(oid)) from pg_trigger where not tgisinternal
union all
select format('sequence %s %s %s %s %s %s %s %s %s', r.name, format_type(s.seqtypid, null), s.seqstart, s.seqincrement,
    s.seqmax, s.seqmin, s.seqcache, s.seqcycle, (select d.refobjid::regclass || '.' || d.refobjsubid from pg_depend d
    where d.objid = r.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0))
from named r join pg_sequence s on s.seqrelid = r.oid
union all
select format('function %s %s %s', p.oid::regprocedure, p.prokind, pg_get_function_result(p.oid)) from pg_proc p
where p.pronamespace not in (select oid from pg_namespace where nspname ~ '^(pg_|information_schema)')
union all
select format('comment %s %s', o.identity, d.description) from pg_description d,
    lateral pg_identify_object(d.classoid, d.objoid, d.objsubid) o where d.objoid >= 16384
union all
select format('grant relation %s %s %s', name, relowner::regrole, array(select x::text from unnest(relacl) x order by 1))
from named where relkind not in ('i', 'I', 'c')
union all
select format('grant column %s.%s %s', r.name, a.attname, array(select x::text from unnest(a.attacl) x order by 1))
from named r join pg_attribute a on a.attrelid = r.oid where a.attacl is not null
union all
select format('grant schema %s %s %s', nspname, nspowner::regrole, array(select x::text from unnest(nspacl) x order by 1))
from pg_namespace where nspname !~ '^(pg_|information_schema)'
union all
select format('grant function %s %s %s', oid::regprocedure, proowner::regrole, array(select x::text from unnest(proacl) x order by 1))
from pg_proc where pronamespace not in (select oid from pg_namespace where nspname ~ '^(pg_|information_schema)')
union all
select format('grant type %s %s %s', oid::regtype, typowner::regrole, array(select x::text from unnest(typacl) x order by 1))
from pg_type where typtype in ('e', 'd', 'r') and typnamespace not in (
    select oid from pg_namespace where nspname ~ '^(pg_|information_schema)')
union all
select format('default %s %s %s %s', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype,
    array(select x::text from unnest(defaclacl) x order by 1)) from pg_default_acl
";

fn objects(database: &Database<'_>) -> BTreeSet<String> {
    let mut client = database.connect();
    client.batch_execute("set search_path = pg_catalog").unwrap();
    client.query(OBJECTS, &[]).unwrap().iter().map(|row| row.get(0)).collect()
}

fn write(folder: &Path, files: &[&str]) {
    for (at, text) in files.iter().enumerate() {
        std::fs::write(folder.join(format!("{:04}_file.sql", at + 1)), text).unwrap();
    }
    let settings = "[[migrations]]\npath = \".\"\nlayout = \"numbered\"\ntransaction = \"none\"\nhistory = \"complete\"\n";
    std::fs::write(folder.join("lockmaster.toml"), settings).unwrap();
}

/// Returns the schema of a directory as SQL.
fn schema(folder: &Path, version: u16) -> String {
    let target = version.to_string();
    let done = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
        .args(["schema", folder.to_str().unwrap(), "--pg-version", &target])
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}

/// Runs a history, and what is printed of it, and compares what the two leave.
fn round_trip(version: u16, before: &str, files: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), files);
    let sql = schema(folder.path(), version);
    let server = server::shared(version);
    let (first, second) = (server.database(), server.database());
    for roles in [&first, &second] {
        roles.run_message(before).unwrap();
    }
    for file in files {
        first.run_message(file).unwrap_or_else(|error| panic!("{version}: {error}\n{file}"));
    }
    second.run_message(&sql).unwrap_or_else(|error| panic!("{version}: {error}\n{sql}"));
    let (made, printed) = (objects(&first), objects(&second));
    let missing: Vec<&String> = made.difference(&printed).collect();
    let extra: Vec<&String> = printed.difference(&made).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "PostgreSQL {version}: missing {missing:#?}, extra {extra:#?} in\n{sql}"
    );
}

#[test]
fn names_inside_expressions_and_queries_follow_what_is_renamed() {
    for version in server::versions() {
        round_trip(
            version,
            "",
            &[include_str!("round_trip/expressions.sql"), include_str!("round_trip/renames.sql")],
        );
    }
}

#[test]
fn owners_privileges_and_comments_are_kept() {
    for version in server::versions() {
        let roles = include_str!("round_trip/roles.sql");
        round_trip(version, roles, &[include_str!("round_trip/access.sql")]);
    }
}

#[test]
fn sequences_and_columns_keep_their_settings() {
    for version in server::versions() {
        round_trip(version, "", &[include_str!("round_trip/settings.sql")]);
    }
}

/// Returns the statements of the one history below a folder that go up, as its runner sends them;
/// nothing if there are several, or something in it is not understood.
fn ups(folder: &Path) -> Vec<String> {
    let found = discover::load(&[folder.to_owned()], &|_| false, None).unwrap();
    let (tree, sources) = (&found.trees[0], &found.sources);
    let sets = layout::recognise(tree, sources, false, &|_| layout::Override::default());
    let [set] = &sets[..] else { return Vec::new() };
    let scripts = check::parse(set, sources);
    if set.ups().any(|(at, _)| scripts[at].not_analysed() > 0) {
        return Vec::new();
    }
    let ups = set.ups().flat_map(|(at, up)| {
        let file = sources.get(up.file);
        scripts[at].statements().map(move |statement| file.slice(statement.span).to_owned())
    });
    ups.collect()
}

#[test]
fn fixtures_that_a_server_accepts_are_printed_as_they_are() {
    let version = server::versions().into_iter().max().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut compared = 0;
    for layout in std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()) {
        for case in std::fs::read_dir(layout).unwrap().map(|entry| entry.unwrap().path()) {
            let texts = ups(&case);
            let first = server::shared(version).database();
            let statements: Vec<&str> = texts.iter().map(String::as_str).collect();
            let is_taken = first.run_statements(&statements).iter().all(Result::is_ok);
            if texts.is_empty() || !is_taken {
                continue;
            }
            let target = version.to_string();
            let done = Command::new(env!("CARGO_BIN_EXE_lockmaster"))
                .args(["schema", case.to_str().unwrap(), "--pg-version", &target])
                .output()
                .unwrap();
            if !done.status.success() {
                continue;
            }
            let sql = String::from_utf8(done.stdout).unwrap();
            let second = server::shared(version).database();
            let answer = second.run_message(&sql);
            answer.unwrap_or_else(|error| panic!("{}: {error}\n{sql}", case.display()));
            let (made, printed) = (objects(&first), objects(&second));
            // What SQL that is put together at run time makes is said not to be shown.
            let is_shown =
                |object: &&String| !object.starts_with("trigger") || !sql.contains("is not shown");
            let missing: Vec<&String> = made.difference(&printed).filter(is_shown).collect();
            let extra: Vec<&String> = printed.difference(&made).collect();
            assert!(
                missing.is_empty() && extra.is_empty(),
                "{}: missing {missing:#?}, extra {extra:#?}",
                case.display()
            );
            compared += 1;
        }
    }
    assert!(compared > 3, "only {compared} fixtures are accepted");
}
