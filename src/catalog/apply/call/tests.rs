//! What calls of functions and loops over system catalogs leave behind.

use crate::catalog::Catalog;
use crate::replay::State;
use crate::source::{SourceFile, Span};
use crate::sql;

/// Replays a script that no statement of may be refused.
fn replay(text: &str) -> Catalog {
    let mut state = State::default();
    let file = SourceFile::new("a.sql", text.to_owned());
    let script = sql::parse(&file, Span::new(0..text.len()));
    assert_eq!(script.not_analysed(), 0, "{text}");
    for statement in script.statements() {
        let failures = state.step(statement);
        assert!(failures.is_empty(), "{}: {failures:?}", statement.text(&file));
    }
    state.catalog
}

/// Returns the tables that are there, and their columns.
fn tables(catalog: &Catalog) -> Vec<String> {
    let tables = catalog.relations().filter(|relation| relation.is_table());
    let shown = tables.map(|table| {
        let columns: Vec<&str> = table.columns.iter().map(|column| &*column.name).collect();
        format!("{}({})", table.name, columns.join(","))
    });
    let mut shown: Vec<String> = shown.collect();
    shown.sort();
    shown
}

const MAKE: &str =
    "create function make(p text, c text default 'id', n int default null) returns void
    language plpgsql as $$ begin
      if n is null then execute format('create table %I (%I int)', p, c);
      else execute format('create table %I (%I int, n%s int)', p, c, n); end if;
    end $$;";

#[test]
fn calls_with_constants_run() {
    for (call, expected) in [
        ("select make('a')", "public.a(id)"),
        ("select make('a'::varchar, 'x')", "public.a(x)"),
        ("select 1 from make('a', n => 2)", "public.a(id,n2)"),
        ("select * from make(c := 'y', p := 'a') where true", "public.a(y)"),
        ("do $$ declare t text := 'a'; begin perform make(t || 'b'); end $$", "public.ab(id)"),
        ("do $$ declare v text; begin select make('a') into v; end $$", "public.a(id)"),
        ("do $$ declare v text; begin v := make('a'); end $$", "public.a(id)"),
    ] {
        let catalog = replay(&format!("{MAKE} {call};"));
        assert_eq!(tables(&catalog), [expected], "{call}");
        assert!(!catalog.is_uncertain(), "{call}");
    }
    let several = replay(&format!("{MAKE} select make(t) from unnest(array['a', 'b']) as t;"));
    assert_eq!(tables(&several), ["public.a(id)", "public.b(id)"]);
    let procedure = MAKE.replace("function make", "procedure make").replace("returns void", "");
    assert_eq!(tables(&replay(&format!("{procedure} call make('a');"))), ["public.a(id)"]);
}

#[test]
fn what_is_not_known_of_a_call_stays_unknown() {
    for call in [
        "select make(current_user)",
        "select make(name) from names",
        "select make('x') from names where name = 'y'",
        "select upper(make('x')::text)",
    ] {
        let catalog = replay(&format!("create table names (name text); {MAKE} {call};"));
        let names = catalog.relations().next().expect("it is there");
        let is_guess = |table: &crate::catalog::Relation| catalog.is_guess(table.created);
        let others = catalog.relations().filter(|table| table.id != names.id);
        assert!(catalog.is_uncertain() || others.count() == 1, "{call}");
        assert!(catalog.relations().filter(|t| t.id != names.id).all(is_guess), "{call}");
    }
    let strict = MAKE.replace("language plpgsql", "language plpgsql strict");
    assert!(tables(&replay(&format!("{strict} select make(null);"))).is_empty());
}

#[test]
fn functions_call_others_and_end() {
    let outer = "create function outer(p text) returns void language plpgsql as $$ begin
         perform make(p || '1'); return; perform make(p || '2'); end $$;";
    assert_eq!(tables(&replay(&format!("{MAKE} {outer} select outer('a');"))), ["public.a1(id)"]);
    let sql = "create function pair(p text) returns void language sql as
        'create table one (a int); select make(p); select make($1 || $1)';";
    let catalog = replay(&format!("{MAKE} {sql} select pair('a');"));
    assert_eq!(tables(&catalog), ["public.a(id)", "public.aa(id)", "public.one(a)"]);
    let path = "create schema s; create function f() returns void language plpgsql
        set search_path = s as $$ begin create table t (a int); end $$; select f();";
    assert_eq!(tables(&replay(path)), ["s.t(a)"]);
    let endless = "create function f() returns void language plpgsql as
        $$ begin create table if not exists t (a int); perform f(); end $$; select f();";
    assert!(replay(endless).is_uncertain());
}

#[test]
fn the_function_is_that_of_the_time_of_the_call() {
    let catalog = replay(
        "create function f() returns void language sql as 'create table a (x int)'; select f();
         create or replace function f() returns void language sql as 'create table b (x int)';
         select f(); drop function f();",
    );
    assert_eq!(tables(&catalog), ["public.a(x)", "public.b(x)"]);
}

#[test]
fn loops_over_system_catalogs_have_the_rows_of_that_moment() {
    let made =
        "create table a_old (x int); create table b_old (x int, y text); create table c (z int);";
    for (block, expected) in [
        (
            "declare r record; begin for r in select tablename from pg_tables
               where schemaname = 'public' and tablename like '%\\_old' loop
               execute format('drop table %I', r.tablename); end loop; end",
            &["public.c(z)"][..],
        ),
        (
            "declare t text; begin for t in select table_name from information_schema.tables
               where table_schema = current_schema() and table_name not in ('c') loop
               execute 'alter table ' || t || ' add column n int'; end loop; end",
            &["public.a_old(x,n)", "public.b_old(x,y,n)", "public.c(z)"],
        ),
        (
            "declare r record; begin for r in select c.relname, a.attname from pg_class c
               join pg_attribute a on a.attrelid = c.oid join pg_namespace n on n.oid = c.relnamespace
               where n.nspname = 'public' and c.relkind = 'r' and a.attnum > 1 loop
               execute format('alter table %I drop column %I', r.relname, r.attname); end loop; end",
            &["public.a_old(x)", "public.b_old(x)", "public.c(z)"],
        ),
        (
            "declare s text; begin select string_agg(format('%I', tablename), ', ') into s
               from pg_tables where schemaname = 'public' and tablename <> 'c';
               drop table c; execute 'drop table ' || s; end",
            &[],
        ),
        (
            "begin create table d (x int); execute (select 'drop table ' || string_agg(relname, ',')
               from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace); end",
            &[],
        ),
    ] {
        let catalog = replay(&format!("{made} do $do$ {block} $do$;"));
        assert_eq!(tables(&catalog), expected, "{block}");
        assert!(!catalog.is_uncertain(), "{block}");
    }
}

#[test]
fn constraints_policies_and_triggers_are_found() {
    let catalog = replay(
        "create table t (a int, constraint k unique (a), constraint c check (a > 0));
         create function f() returns trigger language plpgsql as 'begin return new; end';
         create trigger g before insert on t for each row execute function f();
         create policy p on t; create index i on t (a);
         do $$ declare n text; r record; begin
           select conname into n from pg_constraint where conrelid = 't'::regclass and contype = 'c';
           execute format('alter table t drop constraint %I', n);
           for n in select tgname from pg_trigger where tgrelid = 'public.t'::regclass
             and not tgisinternal loop execute format('drop trigger %I on t', n); end loop;
           for r in select policyname, tablename from pg_policies where schemaname = 'public' loop
             execute format('drop policy %I on %I', r.policyname, r.tablename); end loop;
           for n in select indexname from pg_indexes where tablename = 't' and indexname <> 'k' loop
             execute format('drop index %I', n); end loop;
         end $$;",
    );
    let table = catalog.relations().next().expect("it is there");
    let names: Vec<&str> = table.constraints.iter().map(|constraint| &*constraint.name).collect();
    assert_eq!(names, ["k"]);
    assert_eq!(table.indexes.len(), 1);
    assert!(table.extra().triggers.is_empty() && table.extra().policies.is_empty());
}

#[test]
fn rows_that_are_not_known_leave_a_loop_open() {
    for block in [
        "for r in select tablename from pg_tables loop",
        "for r in select tablename from pg_tables where tableowner = 'me' loop",
        "for r in select relname as tablename from pg_class c left join pg_index i on true loop",
    ] {
        let catalog = replay(&format!(
            "create table t (a int); do $$ declare r record; begin
             {block} execute format('drop table %I', r.tablename); end loop; end $$;"
        ));
        assert!(catalog.is_uncertain(), "{block}");
    }
}

#[test]
fn what_a_branch_gives_to_a_variable_depends_on_the_catalog() {
    let make = "create table t (a int);
        create function make(p text) returns void language plpgsql as $$
        declare c text;
        begin
          if (select true from pg_policies where policyname = p and tablename = 't') then
            c := 'create table ' || quote_ident(p) || ' ()';
          else
            c := 'create policy ' || quote_ident(p) || ' on t';
          end if;
          case when lower(p) = 'a' then execute format(c); else raise exception '%', p; end case;
        end $$;";
    let catalog = replay(&format!("{make} select make('a'); select make('a');"));
    assert_eq!(tables(&catalog), ["public.a()", "public.t(a)"]);
    let policies = |table: &crate::catalog::Relation| table.extra().policies.len();
    assert_eq!(catalog.relations().map(policies).sum::<usize>(), 1);
    assert!(!catalog.is_uncertain());
}
