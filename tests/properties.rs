//! What holds for every input.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::sync::LazyLock;

use lockmaster::check::{SetOptions, check};
use lockmaster::layout::{self, Override, Sources};
use lockmaster::report::{sort, stamp_fingerprints, text};
use lockmaster::rule::Rule;
use lockmaster::rules::RULES;
use lockmaster::source::{SourceFile, Span};
use lockmaster::sql::{self, ChunkKind, Item, split};
use lockmaster::suppress;
use proptest::prelude::*;

/// Threads with the stack that the program gives its own.
static POOL: LazyLock<rayon::ThreadPool> = LazyLock::new(|| pool(2));

fn pool(threads: usize) -> rayon::ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).stack_size(sql::STACK).build().unwrap()
}

proptest! {
    #[test]
    fn the_splitter_agrees_with_the_grammar(parts in prop::collection::vec(statement(), 0..6)) {
        let script = parts.join(";");
        let expected = pg_query::split_with_parser(&script).expect("the strategy generates valid SQL");
        let actual: Vec<&str> = split(&script)
            .into_iter()
            .filter(|chunk| chunk.kind == ChunkKind::Statement)
            .map(|chunk| &script[chunk.span.range()])
            .collect();
        prop_assert_eq!(actual.len(), expected.len());
        for (ours, theirs) in actual.iter().zip(expected) {
            prop_assert!(theirs.starts_with(ours));
        }
    }

    #[test]
    fn chunks_are_in_order_and_cut_between_characters(script in "\\PC*|[;'\"$(){}/*\\\\\n a-z:%é-]*") {
        let mut end = 0;
        for chunk in split(&script) {
            let range = chunk.span.range();
            prop_assert!(end <= range.start && range.start < range.end, "{chunk:?}");
            prop_assert!(script.is_char_boundary(range.start) && script.is_char_boundary(range.end));
            prop_assert!(chunk.full_end >= chunk.span.end);
            end = range.end;
        }
    }

    #[test]
    fn any_bytes_can_be_linted(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        lint_as_everything(&[bytes]);
    }

    #[test]
    fn any_mixture_of_sql_can_be_linted(parts in prop::collection::vec(fragment(), 0..12)) {
        let bytes = parts.concat().into_bytes();
        let half = bytes.len() / 2;
        lint_as_everything(&[bytes[..half].to_vec(), bytes[half..].to_vec()]);
    }

    #[test]
    fn one_bad_statement_does_not_hide_the_others(
        bad in prop::sample::select(vec!["select from from", "create tabel t (a int)", "update t set a = 1 limit 1", "alter table"]),
        before in 0_usize..4,
        after in 0_usize..4,
    ) {
        let good = |n: usize| "create table t (a int);\n".repeat(n);
        let text = format!("{}{bad};\n{}", good(before), good(after));
        let file = SourceFile::new("a.sql", text);
        let script = POOL.install(|| sql::parse(&file, Span::new(0..file.text.len())));
        prop_assert_eq!(script.statements().count(), before + after);
        prop_assert_eq!(script.not_analysed(), 1);
    }
}

#[test]
fn deep_nesting_neither_aborts_nor_overflows() {
    for depth in [50, 500, 1_900, 4_900, 9_000, 50_000] {
        for (open, close) in [
            ("(", ")"),
            ("case when true then ", " end"),
            ("1 || ", ""),
            ("- ", ""),
            ("not ", ""),
            ("f(", ")"),
            ("array[", "]"),
            ("", "::text"),
            ("(select ", ")"),
        ] {
            let text = format!(
                "select {}1{};\ncreate table t (a int);",
                open.repeat(depth),
                close.repeat(depth)
            );
            let file = SourceFile::new("a.sql", text);
            let script = POOL.install(|| sql::parse(&file, Span::new(0..file.text.len())));
            assert!(!script.items.is_empty());
            // A server has a deeper stack: nobody knows what it would say.
            let is_claim = |item: &Item| matches!(item, Item::SyntaxError(error) if error.message.contains("deep"));
            assert!(!script.items.iter().any(is_claim), "{open} {depth}");
            let last = script.items.last().unwrap();
            assert!(matches!(last, Item::Statement(_)), "{open} {depth}: {last:?}");
        }
        let unions = format!("select 1{}", " union all select 1".repeat(depth));
        let file = SourceFile::new("a.sql", unions);
        POOL.install(|| sql::parse(&file, Span::new(0..file.text.len())));
    }
}

#[test]
fn nothing_that_never_ends_costs_more_than_linear_time() {
    for unit in ["'", "\"", "$$", "$a", "/*", "(", "((;", "'\n;create\n", ":'", "{{", "\\", "--"] {
        let text = unit.repeat(20_000);
        let file = SourceFile::new("a.sql", text);
        let script = POOL.install(|| sql::parse(&file, Span::new(0..file.text.len())));
        assert!(script.items.len() <= 40_000);
    }
}

/// Texts of some hundred kilobytes, each of which once took minutes, or would.
#[test]
fn nothing_that_is_repeated_costs_more_than_linear_time() {
    let numbered = |times: usize, text: &str| -> String {
        (0..times).map(|at| text.replace('#', &at.to_string())).collect()
    };
    for (name, text) in [
        ("open placeholders", format!("select {}", "{{".repeat(200_000))),
        ("placeholders that end far below", format!("select {}}}", "${\n".repeat(120_000))),
        ("COPY without an end", "copy t from stdin;\n".repeat(30_000)),
        ("DELIMITER on one line", "delimiter x;".repeat(100_000)),
        ("comments that silence", "-- lockmaster: ignore\nselect 1;\n".repeat(40_000)),
        ("one line", "create index on t (a);".repeat(15_000)),
        ("passwords", "create role r password 'secret';".repeat(10_000)),
        ("columns", format!("create table t ();{}", numbered(8_000, "alter table t add c# int;"))),
        (
            "savepoints",
            format!("begin;{}", "savepoint s;".repeat(20_000) + &"release r;".repeat(20_000)),
        ),
        ("drops", format!("drop table {};", numbered(20_000, "t#, ") + "t")),
        (
            "subcommands",
            format!("alter table t {};", numbered(5_000, "add c# int, ") + "add d int"),
        ),
    ] {
        let report =
            POOL.install(|| lint(&[("0001_x.sql".to_owned(), text.into_bytes())], "numbered"));
        assert!(!report.contains("panicked"), "{name}");
    }
}

#[test]
fn the_report_does_not_depend_on_the_number_of_threads() {
    let folder = support::project("fixtures/numbered/digis/migrations");
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read(path).unwrap())
        })
        .collect();
    files.sort();
    let reports: Vec<String> = [1, 2, 7]
        .into_iter()
        .map(|threads| pool(threads).install(|| lint(&files, "numbered")))
        .collect();
    assert!(!reports[0].is_empty());
    assert!(reports.iter().all(|report| *report == reports[0]));
}

/// Lints files as each layout reads them.
fn lint_as_everything(texts: &[Vec<u8>]) {
    for layout in layout::LAYOUTS {
        let files: Vec<(String, Vec<u8>)> = texts
            .iter()
            .enumerate()
            .map(|(at, text)| (support::example::file_name(layout.name, at + 1, "x"), text.clone()))
            .collect();
        POOL.install(|| lint(&files, layout.name));
    }
}

fn lint(files: &[(String, Vec<u8>)], layout: &str) -> String {
    let sources = Sources {
        files: files
            .iter()
            .map(|(name, text)| SourceFile::from_bytes(name, text.clone()))
            .collect(),
    };
    let names: Vec<(String, String)> =
        files.iter().map(|(name, _)| (name.clone(), String::new())).collect();
    let tree = support::example::tree(&names);
    let fixed = layout::by_name(layout);
    let overrides = |path: &std::path::Path| Override {
        layout: fixed.filter(|_| path.as_os_str().is_empty()),
        transaction: None,
    };
    let rules: Vec<&Rule> = RULES.iter().collect();
    let mut diagnostics = Vec::new();
    for (at, set) in layout::recognise(&tree, &sources, true, &overrides).iter().enumerate() {
        diagnostics.extend(check(at, set, &sources, &rules, &SetOptions::default()).diagnostics);
    }
    for diagnostic in &diagnostics {
        let text = &sources.get(diagnostic.file).text;
        assert!(text.get(diagnostic.span.range()).is_some(), "{diagnostic:?}");
        for label in &diagnostic.labels {
            assert!(sources.get(label.file).text.get(label.span.range()).is_some(), "{label:?}");
        }
    }
    sort(&mut diagnostics, &sources);
    stamp_fingerprints(&mut diagnostics, &sources);
    suppress::apply(&mut diagnostics, &sources, |_| true);
    sort(&mut diagnostics, &sources);
    text::render(&sources, &diagnostics, text::Style::default())
}

/// A statement whose pieces are the tokens that hide semicolons.
fn statement() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'it''s;'"),
        Just("E'\\';'"),
        Just("$$;$$"),
        Just("$a$;$$;$a$"),
        Just("/* ; /* ; */ */ 1"),
        Just("-- ;\n1"),
        Just("\"a;\"\"b\""),
        Just("(select 1)"),
        Just("'é;'"),
        Just("x"),
        Just("U&'\\0061;'"),
        Just("B'1'"),
        Just("1.5e3"),
        Just("$1"),
        Just("a[1:2]"),
        Just("x::text"),
    ];
    prop::collection::vec(piece, 1..5).prop_map(|pieces| format!("select {}", pieces.join(", ")))
}

/// A piece of a migration, whole or broken.
fn fragment() -> impl Strategy<Value = String> {
    let pieces = vec![
        "begin;\n",
        "commit;\n",
        "rollback;\n",
        "savepoint a;\n",
        "rollback to a;\n",
        "release a;\n",
        "create table t (id serial primary key, s status default 'new', r bigint references u);\n",
        "create table if not exists u (id int);\n",
        "drop table t;\n",
        "drop table if exists t, u cascade;\n",
        "create index on t (id);\n",
        "create index concurrently i on t (id) where id > 0;\n",
        "alter table t add column c text not null default 'x', drop column id;\n",
        "alter table t rename to v;\n",
        "alter table v rename column c to d;\n",
        "alter table t set schema s;\n",
        "create type status as enum ('new', 'old');\n",
        "alter type status add value 'gone';\n",
        "alter type status rename value 'new' to 'fresh';\n",
        "insert into t (s) values ('gone');\n",
        "update t set s = 'gone' where s = 'old';\n",
        "set search_path = a, \"B\";\n",
        "set lock_timeout = '5s';\n",
        "do $$ begin if true then alter table t add column x int; commit; end if; end $$;\n",
        "create table p (a int) partition by range (a);\n",
        "create table p1 partition of p for values from (1) to (2);\n",
        "alter table p detach partition p1 concurrently;\n",
        "grant select, fly on t to r;\n",
        "create role r password 'secret';\n",
        "create view w as select * from t, u;\n",
        "refresh materialized view w;\n",
        "-- +goose Up\n",
        "-- +goose Down\n",
        "-- UP\n",
        "-- DOWN\n",
        "-- Down Migration\n-- drop table t;\n",
        "-- migrate:up\n",
        "-- migrate:down\n",
        "-- Dependencies: 0001_x.sql, 0009_y.sql\n",
        "-- lockmaster: ignore blocking-index -- why\n",
        "/* lockmaster: ignore-file */",
        "\\i x.sql\n",
        "\\;",
        "copy t from stdin;\n1\t2\n\\.\n",
        "delimiter //\n",
        "//\n",
        "${x};\n",
        "select :'a', :b;\n",
        "{{ if x }}",
        "'",
        "$$",
        "(",
        ")",
        ";",
        "\u{feff}",
        "\r\n",
        "é",
        "\u{202e}",
        "\0",
        "create function f() returns int begin atomic select 1; end;\n",
    ];
    prop::sample::select(pieces).prop_map(str::to_owned)
}
