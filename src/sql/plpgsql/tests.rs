//! What blocks are read as, written in a short notation.

use std::fmt::Write;

use super::*;
use crate::version::PgVersion;

/// Reads a block and writes its steps on one line.
fn steps(body: &str) -> String {
    let block = read(&format!("do $do${body}$do$"), "plpgsql");
    shown(&block.body)
}

/// Reads statements between `BEGIN` and `END` and writes their steps on one line.
fn begin(statements: &str) -> String {
    steps(&format!("begin {statements} end"))
}

fn shown(body: &[Step]) -> String {
    body.iter().map(step).collect::<Vec<_>>().join("; ")
}

fn step(step: &Step) -> String {
    match step {
        Step::Sql(run) => run.sql.to_string(),
        Step::Dynamic(dynamic) => format!("dynamic({})", dynamic.sql),
        Step::If { branches, otherwise } => {
            let mut text = String::new();
            for (at, (condition, body)) in branches.iter().enumerate() {
                let keyword = if at == 0 { "if" } else { " elsif" };
                let _ = write!(text, "{keyword} {} {{{}}}", truth(condition), shown(body));
            }
            if !otherwise.is_empty() {
                let _ = write!(text, " else {{{}}}", shown(otherwise));
            }
            text
        }
        Step::Block { body, handlers, .. } => {
            let mut text = format!("try {{{}}}", shown(body));
            for handler in handlers {
                let _ =
                    write!(text, " {} {{{}}}", handler.conditions.join("/"), shown(&handler.body));
            }
            text
        }
        Step::Loop { passes: Passes::Known(passes), .. } => {
            let passes: Vec<String> = passes.iter().map(|pass| shown(pass)).collect();
            format!("each {{{}}}", passes.join(" | "))
        }
        Step::Loop { passes: Passes::Unknown(pass), .. } => format!("loop {{{}}}", shown(pass)),
        Step::Loop { passes: Passes::Rows { pass, .. }, .. } => format!("rows {{{}}}", shown(pass)),
        Step::Exit { .. } => "exit".to_owned(),
        Step::Continue { .. } => "continue".to_owned(),
        Step::Return => "return".to_owned(),
        Step::Raise { sqlstate, message, .. } => {
            let sqlstate = sqlstate.as_deref().unwrap_or("again");
            format!("raise {sqlstate} {}", message.as_deref().unwrap_or_default()).trim().to_owned()
        }
        Step::Commit => "commit".to_owned(),
        Step::Rollback => "rollback".to_owned(),
    }
}

fn truth(condition: &Condition) -> String {
    let list = |conditions: &[Condition], word: &str| {
        let all: Vec<String> = conditions.iter().map(truth).collect();
        format!("({})", all.join(word))
    };
    match condition {
        Condition::Constant(value) => value.to_string(),
        Condition::Exists(fact) => self::fact(fact),
        Condition::ServerVersion { comparison, number } => {
            format!("version {comparison:?} {number}")
        }
        Condition::Not(condition) => format!("not {}", truth(condition)),
        Condition::And(conditions) => list(conditions, " and "),
        Condition::Or(conditions) => list(conditions, " or "),
        Condition::Unknown => "?".to_owned(),
    }
}

fn fact(fact: &Fact) -> String {
    let object = |name: &Option<ObjectName>| match name {
        Some(name) => match &name.schema {
            SchemaName::SearchPath => format!("path.{name}"),
            SchemaName::Current => format!("current.{name}"),
            SchemaName::Any | SchemaName::Named(_) => name.to_string(),
        },
        None => "?".to_owned(),
    };
    let one = |name: &ObjectName| object(&Some(name.clone()));
    let text = |name: &Option<std::sync::Arc<str>>| name.as_deref().unwrap_or("?").to_owned();
    match fact {
        Fact::Schema { name } => format!("schema {name}"),
        Fact::Relation { name, kinds } if kinds.is_empty() => format!("relation {}", one(name)),
        Fact::Relation { name, kinds } => format!("{kinds:?} {}", one(name)),
        Fact::Column(column) => {
            let mut output =
                format!("column {} of {}", text(&column.name), object(&column.relation));
            for found in [&column.data_type, &column.type_name].into_iter().flatten() {
                let _ = write!(output, " {found}");
            }
            let flags = [
                ("length", column.length.map(|length| length.to_string())),
                ("nullable", column.is_nullable.map(|value| value.to_string())),
                ("default", column.has_default.map(|value| value.to_string())),
            ];
            for (flag, value) in flags {
                let _ = value.map(|value| write!(output, " {flag}={value}"));
            }
            output
        }
        Fact::Constraint { relation, name, kind, .. } => {
            let kind = kind.map(|kind| format!("{kind:?} ")).unwrap_or_default();
            format!("constraint {kind}{} on {}", text(name), object(relation))
        }
        Fact::Index { relation, name, .. } => {
            format!("index {} on {}", object(name), object(relation))
        }
        Fact::Type { name, .. } => format!("type {}", one(name)),
        Fact::EnumLabel { type_name, label } => format!("label {label} of {}", object(type_name)),
        Fact::Function { name, .. } => format!("function {}", one(name)),
        Fact::Trigger { relation, name } => {
            format!("trigger {} on {}", text(name), object(relation))
        }
        Fact::Policy { relation, name } => format!("policy {} on {}", text(name), object(relation)),
        Fact::Role { name } => format!("role {name}"),
        Fact::Extension { name } => format!("extension {name}"),
        other => format!("{other:?}"),
    }
}

/// Reads a condition.
fn condition(expression: &str) -> String {
    let text = begin(&format!("if {expression} then create table t (); end if;"));
    let text = text.strip_prefix("if ").unwrap_or(&text);
    text.strip_suffix(" {create table t ()}").unwrap_or(text).to_owned()
}

#[test]
fn catalog_queries_become_facts() {
    for (query, expected) in [
        ("exists (select 1 from pg_type where typname = 'x')", "type x"),
        ("not exists (select from pg_catalog.pg_roles where rolname = 'app')", "not role app"),
        (
            "exists (select 1 from pg_type t join pg_namespace n on n.oid = t.typnamespace
             where t.typname = 'x' and n.nspname = 'public')",
            "type public.x",
        ),
        (
            "exists (select 1 from pg_enum e join pg_type t on t.oid = e.enumtypid
             where t.typname = 'mood' and e.enumlabel = 'sad')",
            "label sad of mood",
        ),
        (
            "exists (select 1 from pg_enum where enumlabel = 'sad' and enumtypid = 'mood'::regtype)",
            "label sad of path.mood",
        ),
        (
            "exists (select 1 from pg_enum where enumlabel = 'sad'
             and enumtypid = (select oid from pg_type where typname = 'mood'))",
            "label sad of mood",
        ),
        (
            "exists (select 1 from pg_constraint where conname = 'c' and conrelid = 'app.t'::regclass)",
            "constraint c on app.t",
        ),
        (
            "exists (select 1 from pg_constraint c join pg_class r on c.conrelid = r.oid
             where r.relname = 't' and c.contype = 'p')",
            "constraint PrimaryKey ? on t",
        ),
        (
            "exists (select 1 from pg_class c join pg_namespace n on n.oid = c.relnamespace
             where c.relname = 'i' and n.nspname = current_schema() and c.relkind = 'i')",
            "[Index] current.i",
        ),
        (
            "exists (select 1 from pg_index x join pg_class c on c.oid = x.indexrelid
             where relname = 'i')",
            "index i on ?",
        ),
        (
            "exists (select 1 from pg_indexes where indexname = 'i' and tablename = 't')",
            "index i on t",
        ),
        (
            "exists (select 1 from pg_attribute where attrelid = 't'::regclass and attname = 'c'
             and not attisdropped and attnum > 0)",
            "column c of path.t",
        ),
        (
            "exists (select 1 from information_schema.columns where table_schema = 'public'
             and table_name = 't' and column_name = 'c' and data_type = 'character varying'
             and character_maximum_length = 20 and is_nullable = 'YES' and column_default is null)",
            "column c of public.t character varying length=20 nullable=true default=false",
        ),
        (
            "exists (select 1 from information_schema.table_constraints tc
             join information_schema.key_column_usage k using (constraint_name, table_schema)
             where tc.table_name = 't' and tc.constraint_type = 'FOREIGN KEY')",
            "constraint ForeignKey ? on t",
        ),
        (
            "exists (select 1 from pg_tables where schemaname = 'a' and tablename in ('t', 'u'))",
            "([Table, PartitionedTable] a.t or [Table, PartitionedTable] a.u)",
        ),
        (
            "exists (select 1 from pg_trigger where tgname = 'g' and tgrelid = 't'::regclass)",
            "trigger g on path.t",
        ),
        (
            "exists (select 1 from pg_policies where policyname = 'p' and tablename = 't')",
            "policy p on t",
        ),
        ("exists (select 1 from pg_extension where extname = 'citext')", "extension citext"),
        ("exists (select 1 from pg_namespace where nspname = 'app')", "schema app"),
        (
            "exists (select 1 from pg_proc where proname = 'f' and pronamespace = 'app'::regnamespace)",
            "function app.f",
        ),
        ("to_regclass('public.t') is null", "not relation public.t"),
        ("to_regtype('mood') is not null", "type path.mood"),
        ("(select count(*) from pg_class where relname = 't') = 0", "not relation t"),
        (
            "(select count(*) from information_schema.tables where table_name = 't') > 0",
            "[Table, PartitionedTable, View, ForeignTable] t",
        ),
        ("(select true from pg_type where typname = 'x')", "type x"),
        ("'x' in (select typname from pg_type)", "type x"),
        (
            "(select data_type from information_schema.columns where table_name = 't'
             and column_name = 'c') = 'integer'",
            "column c of t integer",
        ),
    ] {
        assert_eq!(condition(query), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_mapped_is_unknown() {
    for query in [
        "exists (select 1 from users)",
        "exists (select 1 from pg_type where typname like 'x%')",
        "exists (select 1 from pg_class c left join pg_index i on i.indrelid = c.oid where relname = 't')",
        "exists (select 1 from pg_class a, pg_class b where a.relname = 't')",
        "exists (select 1 from pg_type where typname = 'x' or typname = f())",
        "exists (select 1 from my.pg_type where typname = 'x')",
        "exists (select 1 from pg_class where relname = 't' group by relkind having count(*) > 1)",
        "(select count(*) from pg_class where relkind = 'r') > 7",
    ] {
        let text = condition(query);
        assert!(text.contains('?') && !text.contains("relation"), "{query}: {text}");
    }
}

#[test]
fn conditions_on_versions_and_constants_are_known() {
    let version = "current_setting('server_version_num')::int >= 140000";
    assert_eq!(condition(version), "version GreaterOrEqual 140000");
    assert_eq!(
        condition("150000 > current_setting('server_version_num')::int"),
        "version Less 150000"
    );
    let settings =
        "(select setting::int >= 160000 from pg_settings where name = 'server_version_num')";
    assert_eq!(condition(settings), "version GreaterOrEqual 160000");
    assert_eq!(condition("1 = 1"), "create table t ()");
    assert_eq!(condition("false and exists (select 1 from users)"), "");
    let both = "to_regclass('a') is null and not to_regclass('b') is null";
    assert_eq!(condition(both), "(not relation path.a and relation path.b)");
}

#[test]
fn variables_carry_what_queries_found() {
    let declared =
        |rest: &str| steps(&format!("declare v boolean; n int; t text; begin {rest} end"));
    let done = "create table u (); end if;";
    for (assignment, test) in [
        ("select exists (select 1 from pg_type where typname = 'x') into v;", "v"),
        ("v := exists (select 1 from pg_type where typname = 'x');", "v = true"),
        ("select count(*) into n from pg_type where typname = 'x';", "n > 0"),
        ("select typname into t from pg_type where typname = 'x';", "t is not null"),
        ("perform 1 from pg_type where typname = 'x';", "found"),
        (
            "if exists (select 1 from pg_type where typname = 'x') then v := true; else v := false; end if;",
            "v",
        ),
    ] {
        let text = declared(&format!("{assignment} if {test} then {done}"));
        assert!(text.ends_with("if type x {create table u ()}"), "{assignment}: {text}");
    }
    let stale = declared(&format!(
        "v := exists (select 1 from pg_type where typname = 'x'); create type x as enum ('a');
         if not v then {done}"
    ));
    assert_eq!(stale, "create type x as enum ('a'); if ? {create table u ()}");
}

#[test]
fn execute_of_what_can_be_computed_is_sql() {
    for (expression, expected) in [
        ("'drop table a'", "drop table a"),
        ("$q$drop table a$q$", "drop table a"),
        ("'drop ' || 'table ' || quote_ident('A')", "drop table \"A\""),
        ("format('drop table %I.%I', 'app', v)", "drop table app.users"),
        (
            "format('alter table %s alter c set default %L', v, 'it''s')",
            "alter table users alter c set default 'it''s'",
        ),
        (
            "format('alter database %I set x.y = 1', current_database())",
            "alter database \u{2026} set x.y = 1",
        ),
        ("concat('drop table ', v)", "drop table users"),
    ] {
        let text = steps(&format!("declare v text := 'users'; begin execute {expression}; end"));
        assert_eq!(text, expected, "{expression}");
    }
}

#[test]
fn what_cannot_be_computed_keeps_its_known_parts() {
    let block = read(
        "do $$ begin execute format('alter table users rename column %I to %I', f(), g()); end $$",
        "plpgsql",
    );
    let [Step::Dynamic(dynamic)] = &block.body[..] else { panic!("{:?}", block.body) };
    assert_eq!(dynamic.command.as_deref(), Some("ALTER TABLE"));
    assert_eq!(dynamic.target.as_ref().map(ToString::to_string).as_deref(), Some("users"));
    assert_eq!(dynamic.actions.len(), 1);
    assert_eq!(begin("execute f();"), "dynamic(\u{2026})");
    let text = "execute 'alter table only app.t ' || f();";
    let block = read(&format!("do $$ begin {text} end $$"), "plpgsql");
    let [Step::Dynamic(dynamic)] = &block.body[..] else { panic!("{:?}", block.body) };
    assert_eq!(dynamic.target.as_ref().map(ToString::to_string).as_deref(), Some("app.t"));
    assert!(dynamic.is_unknown());
}

#[test]
fn loops_over_listed_values_are_unrolled() {
    let each = "each {drop table \"t_a\" | drop table \"t_b\"}";
    for (head, name) in [
        ("foreach x in array array['t_a', 't_b']", "x"),
        ("foreach x in array list", "x"),
        ("for x in select unnest(array['t_a', 't_b'])", "x"),
        ("for r in select * from (values ('t_a'), ('t_b')) v(name)", "r.name"),
        ("for r in select 't_a' as name union all select 't_b'", "r.name"),
        ("for x in select name from unnest(list) as name where name <> 't_c'", "x"),
    ] {
        let text = steps(&format!(
            "declare x text; r record; list text[] := '{{t_a,t_b}}'; begin {head} loop
             execute format('drop table \"%s\"', {name}); end loop; end"
        ));
        assert_eq!(text, each, "{head}");
    }
    let integers = begin("for i in reverse 3..1 by 2 loop execute 'drop table t_' || i; end loop;");
    assert_eq!(integers, "each {drop table t_3 | drop table t_1}");
}

#[test]
fn a_pass_that_may_continue_has_a_next_one() {
    let text = begin(
        "for i in 1..2 loop if to_regclass('t') is null then continue; else raise 'no'; end if;
         end loop;",
    );
    let pass = "if not relation path.t {continue} else {raise P0001 no}";
    assert_eq!(text, format!("each {{{pass} | {pass}}}"));
    let text = steps(
        "declare v text := 'a'; begin for i in 1..2 loop
         exit when to_regclass('t') is null; v := 'b'; end loop;
         execute 'drop table ' || v; end",
    );
    assert!(text.ends_with("dynamic(drop table \u{2026})"), "{text}");
    let text = steps(
        "declare v text := 'a'; begin <<o>> for i in 1..2 loop for j in 1..2 loop
         exit o when to_regclass('t') is null; end loop; v := 'b'; end loop;
         execute 'drop table ' || v; end",
    );
    assert!(text.ends_with("dynamic(drop table \u{2026})"), "{text}");
}

#[test]
fn other_loops_run_any_number_of_times() {
    let text = steps(
        "declare r record; n int := 1; begin
         for r in select tablename from pg_tables where schemaname = 'app' loop
           execute format('drop table %I', r.tablename); n := n + 1;
         end loop;
         if n = 1 then drop table x; end if; end",
    );
    assert_eq!(text, "rows {dynamic(drop table \u{2026})}; if ? {drop table x}");
    assert_eq!(
        begin("loop drop table x; exit when to_regclass('x') is null; end loop;"),
        "loop {drop table x; if not relation path.x {exit}}"
    );
}

#[test]
fn branches_handlers_and_ends_keep_their_place() {
    assert_eq!(
        begin(
            "begin create type x as enum (); exception when duplicate_object or sqlstate '42710'
               then null; when others then raise; end;"
        ),
        "try {create type x as enum ()} duplicate_object/42710 {} others {raise again}"
    );
    assert_eq!(
        begin(
            "if to_regclass('t') is null then raise exception 'no %', 1 using errcode = '42P01';
               elsif to_regclass('u') is null then return; else commit; end if; drop table t;"
        ),
        "if not relation path.t {raise 42P01 no %} elsif not relation path.u {return} \
         else {commit}; drop table t"
    );
    assert_eq!(begin("return; drop table t;"), "");
    assert_eq!(
        steps(
            "declare n text := 'b'; begin case n when 'a' then drop table a;
               when 'b', 'c' then drop table b; end case; end"
        ),
        "drop table b"
    );
    assert_eq!(
        begin("assert to_regclass('t') is not null, 'gone';"),
        "if not relation path.t {raise P0004 gone}"
    );
}

#[test]
fn variables_of_inner_blocks_are_told_apart() {
    assert_eq!(
        steps(
            "declare v text := 'a'; begin
             declare v text := 'b'; begin execute 'drop table ' || v; end;
             execute 'drop table ' || v; end"
        ),
        "dynamic(drop table \u{2026}); dynamic(drop table \u{2026})"
    );
    assert_eq!(
        steps(
            "<<o>> declare v text; t users.id%type; r users%rowtype; begin
               o.v := 'a'; r.id := 3; get diagnostics t = row_count;
               execute 'drop table ' || o.v || r.id; end"
        ),
        "drop table a3"
    );
}

#[test]
fn a_branch_that_may_run_leaves_a_variable_unknown() {
    let text = steps(
        "declare v text := 'a'; begin if exists (select 1 from users) then v := 'b'; end if;
         execute 'drop table ' || v; end",
    );
    assert!(text.ends_with("dynamic(drop table \u{2026})"), "{text}");
}

#[test]
fn a_guard_is_decided_by_the_catalog() {
    let block = read(
        "do $$ begin if not exists (select 1 from pg_type where typname = 'x') then
         create type x as enum (); end if; end $$",
        "plpgsql",
    );
    let [Step::If { branches, .. }] = &block.body[..] else { panic!("{:?}", block.body) };
    let has_it = branches[0].0.evaluate(&mut |_| Some(true), PgVersion::DEFAULT);
    assert_eq!(has_it, Some(false));
}

#[test]
fn what_ends_a_statement_may_be_doubled_as_play_wants_it() {
    let text = steps("begin execute 'drop table users';; end");
    assert!(text.contains("drop table users"), "{text}");
}
