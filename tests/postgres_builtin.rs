//! What `catalog::builtin` says that servers bring, compared with what they do bring.
#![cfg(unix)]
#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::collections::BTreeSet;

use lockmaster::catalog::builtin::{
    Answer, CastContext, TypeKind, cast, casts, extensions, foreign_key_equality, format_type,
    functions, has_default_operator_class, operator_classes, operators, system_relations, types,
};
use lockmaster::sql::Volatility;
use lockmaster::version::PgVersion;
use pg_query::protobuf::node::Node;
use pg_query::protobuf::{ColumnDef, a_const::Val};
use support::server::{Database, shared, versions};

/// A type as the facts spell it; `oid` 0 is nothing.
const SPELLING: &str = "
create function spelling(oid) returns text language sql as $$
    select coalesce((
        select case nspname when 'pg_catalog' then '' when 'information_schema' then nspname || '.'
               else '@' end || typname
          from pg_type t join pg_namespace n on n.oid = typnamespace where t.oid = $1), '-') $$;
create function spelling(oid[]) returns text language sql as $$
    select coalesce(string_agg(spelling(type), ' ' order by place), '')
      from unnest($1) with ordinality u(type, place) $$;";

#[test]
fn the_facts_are_those_of_the_server() {
    each_version(|database, version| {
        database.run_message(SPELLING).unwrap();
        let said = types(version)
            .map(|fact| format!("{} {} {}", fact.spelling, fact.category, fact.length));
        let query = "
            select spelling(t.oid) || ' ' || typcategory::text || ' ' || typlen from pg_type t
             where typnamespace::regnamespace::text in ('pg_catalog', 'information_schema')
               and not exists (select from pg_class where relkind <> 'c' and reltype <> 0
                                                      and reltype in (t.oid, typelem))";
        assert_same("types", said, &rows(database, query));

        let said = functions(version).map(|fact| {
            let arguments: Vec<_> = fact.arguments().collect();
            let flags = [fact.is_strict, fact.returns_set, fact.is_variadic];
            let volatility = letter(fact.volatility);
            let (name, result, defaults) = (fact.name, fact.result, fact.defaults);
            format!("{name}({}) {result} {volatility} {flags:?} {defaults}", arguments.join(" "))
        });
        let query = "
            select format('%s(%s) %s %s [%s, %s, %s] %s', proname, spelling(proargtypes::oid[]),
                          spelling(prorettype), provolatile, proisstrict::text, proretset::text,
                          (provariadic <> 0)::text, pronargdefaults)
              from pg_proc where pronamespace = 'pg_catalog'::regnamespace";
        assert_same("functions", said, &rows(database, query));

        let said = casts(version).map(|fact| {
            let context = match fact.cast.context {
                CastContext::Implicit => 'i',
                CastContext::Assignment => 'a',
                CastContext::Explicit => 'e',
            };
            format!("{} {} {context}", fact.source, fact.target)
        });
        let query = "select concat_ws(' ', spelling(castsource), spelling(casttarget),
                                      castcontext) from pg_cast";
        assert_same("casts", said, &rows(database, query));

        let said = operators(version).map(|fact| {
            let (left, right) = (fact.left.unwrap_or("-"), fact.right.unwrap_or("-"));
            format!("{left} {} {right} = {} {}", fact.name, fact.result, letter(fact.volatility))
        });
        let query = "
            select format('%s %s %s = %s %s', spelling(oprleft), oprname, spelling(oprright),
                          spelling(oprresult), provolatile)
              from pg_operator o join pg_proc p on p.oid = oprcode
             where oprnamespace = 'pg_catalog'::regnamespace";
        assert_same("operators", said, &rows(database, query));

        let said = operator_classes(version).map(|fact| {
            let (method, name, input) = (fact.method, fact.name, fact.input);
            format!("{method} {name} {input} {} {}", fact.family, fact.is_default)
        });
        let query = "
            select concat_ws(' ', amname, opcname, spelling(opcintype), opfname, opcdefault::text)
              from pg_opclass join pg_am a on a.oid = opcmethod
              join pg_opfamily f on f.oid = opcfamily";
        assert_same("operator classes", said, &rows(database, query));

        let said = system_relations(version).map(|fact| {
            let columns: Vec<_> = fact
                .columns()
                .map(|column| format!("{}:{}", column.name, column.data_type))
                .collect();
            format!("{}.{} {}", fact.schema, fact.name, columns.join(" "))
        });
        let query = "
            select format('%s.%s %s', relnamespace::regnamespace, relname,
                          string_agg(attname || ':' || spelling(atttypid), ' ' order by attnum))
              from pg_class c join pg_attribute on attrelid = c.oid and attnum > 0
             where relnamespace::regnamespace::text in ('pg_catalog', 'information_schema')
               and relkind in ('r', 'v') group by c.oid, relname, relnamespace";
        assert_same("relations", said, &rows(database, query));
    });
}

#[test]
fn extensions_bring_what_the_facts_say() {
    each_version(|database, version| {
        database.run_message(SPELLING).unwrap();
        let available = "select name from pg_available_extensions";
        let available = rows(database, available);
        let known = extensions().filter(|known| !known.is_opaque && known.is_available(version));
        for extension in known.filter(|known| available.contains(known.name)) {
            let name = extension.name;
            let made = format!("create extension if not exists \"{name}\" cascade");
            database.run_message(&made).unwrap();
            let member = format!(
                "exists (select from pg_depend join pg_extension e on e.oid = refobjid
                          where refclassid = 'pg_extension'::regclass and objid = x.oid
                            and deptype = 'e' and extname = '{name}')"
            );
            let said = extension.functions(version).map(|fact| {
                let arguments: Vec<_> = fact.arguments().collect();
                format!("{}({}) {}", fact.name, arguments.join(" "), fact.result)
            });
            let query = format!(
                "select format('%s(%s) %s', proname, spelling(proargtypes::oid[]),
                               spelling(prorettype)) from pg_proc x where {member}"
            );
            assert_same(name, said, &rows(database, &query));

            let is_array = |kind| kind == TypeKind::Array;
            let said = extension.types(version).filter(|fact| !is_array(fact.kind));
            let query = format!(
                "select typname || ' ' || typcategory::text from pg_type x
                  where typcategory <> 'A' and {member}
                    and not exists (select from pg_class where relkind <> 'c' and reltype = x.oid)"
            );
            let said = said.map(|fact| format!("{} {}", fact.spelling, fact.category));
            assert_same(name, said, &rows(database, &query));

            let said = extension
                .operator_classes(version)
                .map(|fact| format!("{} {} {}", fact.name, fact.input, fact.is_default));
            let query = format!(
                "select concat_ws(' ', opcname, spelling(opcintype), opcdefault::text)
                   from pg_opclass x where {member}"
            );
            assert_same(name, said, &rows(database, &query));
        }
    });
}

#[test]
fn types_are_shown_as_by_the_server() {
    const WRITTEN: &str = "
        int, bigint[], text[][], varchar, varchar(100), varchar(7)[][], char, char(4), bpchar,
        character varying(3), \"char\", pg_catalog.bpchar(3), bit, bit(3), pg_catalog.bit,
        bit varying, bit varying(5), float, float(24), float(25), real, dec, decimal(7),
        numeric, numeric(10), numeric(10,2), numeric(10,2)[], timestamp, timestamp(3), timestamptz(0),
        timestamp(3) with time zone, time, time(0), time(6) with time zone, timetz(2), timestamp(9),
        interval, interval(3), interval(9), interval year, interval month, interval day,
        interval hour, interval minute, interval second, interval second(3),
        interval year to month, interval day to hour, interval day to minute,
        interval day to second, interval day to second(3), interval hour to minute,
        interval hour to second(0), interval minute to second, interval day to second(2)[],
        information_schema.sql_identifier, information_schema.yes_or_no[], name, oid, regclass,
        int4range, tstzrange[], json, jsonb, xml, uuid[], point, inet, money, bytea, tsvector,
        _int4, pg_catalog._varchar(3), int2vector, aclitem[]";

    each_version(|database, version| {
        let listed = format!("{WRITTEN},").replace('\n', " ");
        let mut written: Vec<String> = Vec::new();
        // Commas inside parentheses do not separate.
        for part in listed.split_inclusive(',') {
            match written.last_mut() {
                Some(last) if last.matches('(').count() > last.matches(')').count() => {
                    last.push_str(part);
                }
                _ => written.push(part.to_owned()),
            }
        }
        let mut written: Vec<_> =
            written.iter().map(|text| text.trim().trim_end_matches(',').to_owned()).collect();
        if version.major >= 15 {
            written.push("numeric(3,-2)".to_owned());
        }
        for text in written.iter().filter(|text| !text.is_empty()) {
            let sql = format!("create table shown (c {text})");
            database.run_message(&sql).unwrap_or_else(|error| panic!("{text}: {error}"));
            let query = "set search_path = pg_catalog;
                select format_type(atttypid, atttypmod) from pg_attribute
                 where attrelid = 'public.shown'::regclass and attnum = 1";
            let shown = rows(database, query).pop_first();
            let (spelling, modifiers, dimensions) = parse_type(&sql);
            let said = format_type(&spelling, &modifiers, dimensions, version);
            assert_eq!(said, shown, "{text} on {version}: {spelling} {modifiers:?}");
            database.run_message("drop table shown").unwrap();
        }
    });
}

#[test]
fn types_are_cast_as_by_the_server() {
    const SAMPLE: &[&str] = &[
        "int2",
        "int4",
        "int8",
        "numeric",
        "float8",
        "money",
        "bool",
        "text",
        "varchar",
        "bpchar",
        "name",
        "char",
        "bytea",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "interval",
        "uuid",
        "json",
        "jsonb",
        "xml",
        "inet",
        "cidr",
        "oid",
        "regclass",
        "point",
        "box",
        "bit",
        "varbit",
        "_int4",
        "_int8",
        "_text",
        "_varchar",
        "int2vector",
        "oidvector",
        "int4range",
        "tsvector",
        "information_schema.sql_identifier",
        "information_schema.cardinal_number",
    ];
    each_version(|database, version| {
        let list = SAMPLE.map_join();
        let loops = format!(
            "create table answers (answer text);
             do $$ declare source text; target text; context text; begin
                 foreach target in array array[{list}] loop
                     execute format('create table cast_target (c %1$s); create function
                         cast_to(%1$s) returns int language sql as ''select 1''', quoted(target));
                     foreach source in array array[{list}] loop
                         context := null;
                         begin
                             execute format('explain select cast_to(null::%s)', quoted(source));
                             context := 'Implicit';
                         exception when others then begin
                             execute format('explain insert into cast_target select null::%s',
                                            quoted(source));
                             context := 'Assignment';
                         exception when others then begin
                             execute format('explain select (null::%s)::%s', quoted(source),
                                            quoted(target));
                             context := 'Explicit';
                         exception when others then null; end; end; end;
                         insert into answers values (concat_ws(' ', source, target, context));
                     end loop;
                     execute format('drop function cast_to(%s); drop table cast_target',
                                    quoted(target));
                 end loop;
             end $$"
        );
        database.run_message(QUOTED).unwrap();
        database.run_message(&loops).unwrap();
        let said = SAMPLE.iter().flat_map(|source| {
            SAMPLE.iter().map(move |target| {
                let context = cast(source, target, version)
                    .map(|cast| format!(" {:?}", cast.context))
                    .unwrap_or_default();
                format!("{source} {target}{context}")
            })
        });
        assert_same("casts", said, &rows(database, "select answer from answers"));
    });
}

#[test]
fn indexes_and_foreign_keys_are_refused_as_by_the_server() {
    // Others with an underscore are left out to save time.
    const KEYS_TOO: &[&str] = &["_int4", "_int8", "_text", "information_schema.sql_identifier"];
    const METHODS: &[&str] = &["btree", "hash", "gist", "gin", "spgist", "brin"];
    each_version(|database, version| {
        database.run_message(QUOTED).unwrap();
        let columns: Vec<_> = types(version)
            .filter(|fact| fact.kind != TypeKind::Pseudo && fact.spelling != "_cstring")
            .map(|fact| fact.spelling)
            .collect();
        let list = columns.map_join();
        let methods = METHODS.map_join();
        let loops = format!(
            "create table answers (answer text);
             do $$ declare type text; method text; begin
                 foreach type in array array[{list}] loop
                     execute format('create table indexed (c %s)', quoted(type));
                     foreach method in array array[{methods}] loop
                         begin
                             execute format('create index on indexed using %s (c)', method);
                             insert into answers values (type || ' ' || method);
                         exception when undefined_object then null;
                             when undefined_function then -- GIN found its class, but nothing to sort elements by.
                             insert into answers values (type || ' ' || method); end;
                     end loop;
                     drop table indexed;
                 end loop;
             end $$"
        );
        database.run_message(&loops).unwrap();
        let said = columns.iter().flat_map(|spelling| {
            let has_class = |method| has_default_operator_class(spelling, method, version);
            let methods = METHODS.iter().filter(move |method| has_class(method));
            methods.map(move |method| format!("{spelling} {method}")).collect::<Vec<_>>()
        });
        assert_same("operator classes", said, &rows(database, "select answer from answers"));

        let keys: Vec<_> = columns
            .iter()
            .copied()
            .filter(|spelling| has_default_operator_class(spelling, "btree", version))
            .filter(|spelling| !spelling.contains('_') || KEYS_TOO.contains(spelling))
            .collect();
        let list = keys.map_join();
        let loops = format!(
            "truncate answers;
             do $$ declare source text; target text; begin
                 foreach target in array array[{list}] loop
                     execute format('create table referenced (c %s unique)', quoted(target));
                     foreach source in array array[{list}] loop
                         begin
                             execute format('create table referencing (c %s references referenced (c))',
                                            quoted(source));
                             drop table referencing;
                             insert into answers values (source || ' ' || target);
                         exception when datatype_mismatch or internal_error then null; end;
                     end loop;
                     drop table referenced;
                 end loop;
             end $$"
        );
        database.run_message(&loops).unwrap();
        let said = keys.iter().flat_map(|source| {
            let implemented = keys.iter().filter(move |target| {
                let answer = foreign_key_equality(source, target, version);
                assert!(answer != Answer::Unknown, "{source} {target}");
                answer == Answer::Yes
            });
            implemented.map(move |target| format!("{source} {target}"))
        });
        assert_same("foreign keys", said, &rows(database, "select answer from answers"));
    });
}

/// A spelling as SQL.
const QUOTED: &str = r#"
create function quoted(spelling text) returns text language sql as $$
    select case when spelling like '%.%' then spelling
           else 'pg_catalog."' || spelling || '"' end $$"#;

trait MapJoin {
    /// String constants, separated by commas.
    fn map_join(&self) -> String;
}

impl MapJoin for [&str] {
    fn map_join(&self) -> String {
        self.iter().map(|text| format!("'{text}'")).collect::<Vec<_>>().join(", ")
    }
}

fn each_version(test: impl Fn(&Database, PgVersion)) {
    for major in versions() {
        let server = shared(major);
        test(&server.database(), PgVersion { major: server.major() });
    }
}

/// The first columns of what the last query of a script finds.
fn rows(database: &Database, sql: &str) -> BTreeSet<String> {
    let messages = database.connect().simple_query(sql).unwrap();
    let rows = messages.iter().filter_map(|message| match message {
        postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    rows.collect()
}

fn assert_same(what: &str, said: impl Iterator<Item = String>, found: &BTreeSet<String>) {
    let said: BTreeSet<String> = said.collect();
    let wrong: Vec<_> = said.difference(found).collect();
    let missing: Vec<_> = found.difference(&said).collect();
    assert!(wrong.is_empty() && missing.is_empty(), "{what}: {wrong:#?}, missing: {missing:#?}");
}

fn letter(volatility: Volatility) -> char {
    match volatility {
        Volatility::Immutable => 'i',
        Volatility::Stable => 's',
        Volatility::Volatile => 'v',
    }
}

/// What the grammar makes of the type of the only column: spelling, modifiers, dimensions.
fn parse_type(sql: &str) -> (String, Vec<i32>, usize) {
    let tree = pg_query::parse(sql, 0).unwrap().protobuf;
    let Some(Node::CreateStmt(table)) = tree.stmts[0].stmt.as_ref().unwrap().node.clone() else {
        panic!("{sql}")
    };
    let Some(Node::ColumnDef(column)) = table.table_elts[0].node.clone() else { panic!("{sql}") };
    let ColumnDef { type_name: Some(written), .. } = *column else { panic!("{sql}") };
    let names: Vec<_> = written
        .names
        .iter()
        .map(|name| match &name.node {
            Some(Node::String(name)) => name.sval.clone(),
            _ => panic!("{sql}"),
        })
        .collect();
    let spelling = match names.as_slice() {
        [schema, name] if schema != "pg_catalog" => format!("{schema}.{name}"),
        names => names.last().unwrap().clone(),
    };
    let number = |node: &pg_query::protobuf::Node| number(node.node.as_ref());
    (spelling, written.typmods.iter().map(number).collect(), written.array_bounds.len())
}

fn number(node: Option<&Node>) -> i32 {
    match node {
        Some(Node::AConst(constant)) => match constant.val {
            Some(Val::Ival(ref number)) => number.ival,
            _ => panic!("a modifier is a number"),
        },
        // The grammar of expressions keeps the sign apart.
        Some(Node::AExpr(negated)) => {
            -number(negated.rexpr.as_ref().and_then(|node| node.node.as_ref()))
        }
        _ => panic!("a modifier is a constant"),
    }
}
