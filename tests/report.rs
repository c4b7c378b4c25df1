//! What the output formats of `lint` look like.

#![allow(clippy::unwrap_used, missing_docs, reason = "a test may panic")]

mod support;

use std::path::Path;

use codespan_reporting::term::termcolor::{Ansi, NoColor};
use insta::assert_snapshot;
use lockmaster::diagnostic::{
    Applicability, Diagnostic, Edit, Fix, MigrationRef, NewFile, Severity,
};
use lockmaster::layout::{self, MigrationSet, NotApplied, Override, Sources};
use lockmaster::report::{
    self, Format, Report, SetSummary, Style, Summary, sort, stamp_fingerprints, text,
};
use lockmaster::source::{FileId, SourceFile, Span};
use lockmaster::sql::LockMode;
use lockmaster::version::PgVersion;
use proptest::prelude::*;
use serde_json::Value;
use support::project;

/// Files, what is reported about them, and the sets that they are recognised as.
struct Case {
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    sets: Vec<MigrationSet>,
}

impl Case {
    fn new(files: &[(&str, &str)]) -> Self {
        let owned: Vec<(String, String)> =
            files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let sources = Sources {
            files: files
                .iter()
                .map(|(path, text)| SourceFile::new(path, (*text).to_owned()))
                .collect(),
        };
        let tree = support::example::tree(&owned);
        let sets = layout::recognise(&tree, &sources, true, &|_: &Path| Override::default());
        Self { sources, diagnostics: Vec::new(), sets }
    }

    /// Reports something about the first place where `word` stands.
    fn report(mut self, file: u32, word: &str, message: &str) -> Self {
        let mut diagnostic = Diagnostic::new(FileId(file), self.span(file, word), message);
        diagnostic.rule = "blocking-index";
        diagnostic.severity = Severity::Error;
        self.diagnostics.push(diagnostic);
        self
    }

    /// Changes what was reported last.
    fn with(mut self, change: impl FnOnce(&Self, Diagnostic) -> Diagnostic) -> Self {
        let last = self.diagnostics.pop().unwrap();
        let changed = change(&self, last);
        self.diagnostics.push(changed);
        self
    }

    fn span(&self, file: u32, word: &str) -> Span {
        let text = &self.sources.files[file as usize].text;
        let start = text.find(word).unwrap_or_else(|| panic!("{word} is not in {text}"));
        Span::new(start..start + word.len())
    }

    fn text(&self, width: usize) -> String {
        text::render(&self.sources, &self.diagnostics, Style { width, unicode: false })
    }

    fn write(&self, format: Format) -> String {
        self.write_with(format, |summary| summary)
    }

    fn write_with(&self, format: Format, change: impl FnOnce(Summary) -> Summary) -> String {
        let mut writer = NoColor::new(Vec::new());
        let checked =
            vec![
                SetSummary { is_complete: true, is_assumed: true, statements: 2, not_analysed: 0 };
                self.sets.len()
            ];
        let summary = Summary {
            sets: self.sets.len(),
            files: self.sources.files.len(),
            statements: 2,
            seconds: 0.04,
            ..Summary::default()
        };
        let report = Report {
            sources: &self.sources,
            sets: &self.sets,
            checked: &checked,
            diagnostics: &self.diagnostics,
            version: PgVersion::DEFAULT,
            summary: change(summary),
        };
        report::write(format, &report, Style { width: 80, unicode: false }, &mut writer).unwrap();
        String::from_utf8(writer.into_inner()).unwrap()
    }
}

const TWO_FILES: &[(&str, &str)] = &[
    ("migrations/0001_init.sql", "create table orders (id bigint primary key, status text);\n"),
    ("migrations/0002_index.sql", "-- faster\ncreate index orders_status on orders (status);\n"),
];

/// A diagnostic with everything that one can have.
fn full() -> Case {
    let message = "creating an index on `orders` blocks writes until the index is built";
    Case::new(TWO_FILES).report(1, "create index orders_status on orders (status)", message).with(
        |case, diagnostic| {
            let at = case.span(1, " orders_status").start;
            let edits = vec![Edit::insert(FileId(1), at, " concurrently")];
            let mut fix = Fix::new(Applicability::Unsafe, "build the index concurrently", edits);
            fix.new_files.push(NewFile {
                path: "migrations/0003_more.sql".into(),
                content: "select 1;\n".to_owned(),
            });
            let mut diagnostic = diagnostic
                .place("writes wait here")
                .label(FileId(0), case.span(0, "orders"), "`orders` was created here")
                .help("use `create index concurrently`, in a migration of its own that runs outside a transaction")
                .note("the server answers with SQLSTATE 55P03 if `lock_timeout` ends the wait")
                .relation(&"public.orders", Some(LockMode::ShareLock))
                .fix(Some(fix));
            diagnostic.migration = Some(MigrationRef { set: 0, index: 1 });
            diagnostic
        },
    )
}

#[test]
fn text_shows_the_places_in_their_files_and_what_to_do() {
    assert_snapshot!(full().text(80));
}

#[test]
fn text_can_be_drawn_with_lines() {
    let case = full();
    let style = Style { width: 60, unicode: true };
    assert_snapshot!(text::render(&case.sources, &case.diagnostics, style));
}

#[test]
fn text_ends_with_what_was_read_and_assumed() {
    let mut case = full();
    case.diagnostics[0].severity = Severity::Warning;
    let output = case.write_with(Format::Text, |summary| Summary {
        not_analysed: 3,
        suppressed: 1,
        files_not_applied: 1,
        notes: vec!["PostgreSQL 23 is not known: its rules are those of 18".to_owned()],
        ..summary
    });
    let (_, summary) = output.split_once("\n\n").unwrap();
    assert_snapshot!(summary);
}

#[test]
fn a_clean_run_says_so() {
    assert_snapshot!(Case::new(TWO_FILES).write(Format::Text));
    let output = Case::new(TWO_FILES)
        .write_with(Format::Text, |summary| Summary { not_analysed: 1, ..summary });
    assert_eq!(output.lines().last(), Some("no problems found in what was analysed"));
}

#[test]
fn long_runs_end_with_a_table() {
    let mut case = full();
    for _ in 0..12 {
        let mut copy = case.diagnostics[0].clone();
        copy.rule = "not-analysed";
        copy.severity = Severity::Info;
        case.diagnostics.extend([case.diagnostics[0].clone(), copy]);
    }
    let output = case.write(Format::Text);
    let table = output.rfind("\n\n13  error").unwrap();
    assert_snapshot!(&output[table..]);
}

#[test]
fn long_messages_are_wrapped() {
    let long = "altering the type of `orders.status` rewrites the table and every index on it under an ACCESS EXCLUSIVE lock, so reads and writes wait until the last row is written";
    let case = full().with(|_, mut diagnostic| {
        diagnostic.message = long.to_owned();
        diagnostic.note("first line\n    select an_example_that_is_longer_than_the_terminal_is_wide, and, is, left, alone;\nlast line")
    });
    assert_snapshot!(case.text(60));
}

#[test]
fn a_long_line_is_cut_around_its_places() {
    let rows = "(1, 'some text'), ".repeat(600);
    let sql = format!("insert into orders values {rows}(2, 'needle'), {rows}(3, 'other')\n");
    let case = Case::new(&[("a.sql", &sql)]).report(0, "'needle'", "this value is wrong").with(
        |case, diagnostic| {
            diagnostic.place("here").label(FileId(0), case.span(0, "'other'"), "there").label(
                FileId(0),
                case.span(0, "insert"),
                "inserted here",
            )
        },
    );
    let output = case.text(100);
    assert!(output.lines().all(|line| line.chars().count() <= 100), "{output}");
    assert!(output.contains("a.sql:1:10831"), "{output}");
    assert_snapshot!(output);
}

#[test]
fn a_place_longer_than_the_terminal_is_shown_from_its_beginning() {
    let sql = format!("select 1; insert into orders values {};", "(1), ".repeat(600));
    let case = Case::new(&[("a.sql", &sql)]).report(0, &sql[10..], "inserts much");
    assert_snapshot!(case.text(60));
}

#[test]
fn tabs_wide_characters_and_crlf_keep_the_carets_in_place() {
    let sql = "\u{feff}\tselect\t'表の名前' as 列,\r\n\t\tété;\r\n";
    let case = Case::new(&[("a.sql", sql)])
        .report(0, "列", "one")
        .report(0, "été", "two")
        .report(0, "\u{feff}\tselect", "three")
        .report(0, ",\r\n\t\tété;\r\n", "four");
    assert_snapshot!(case.text(80));
}

#[test]
fn places_without_text_have_a_caret() {
    let case = Case::new(&[("empty.sql", ""), ("end.sql", "select 1\n"), ("open.sql", "select 1")]);
    let mut case =
        case.report(0, "", "an empty file").report(1, "", "the end").report(2, "", "the end");
    case.diagnostics[1].span = Span::at(9);
    case.diagnostics[2].span = Span::at(8);
    assert_snapshot!(case.text(80));
}

#[test]
fn long_statements_are_shown_by_their_ends() {
    let columns: String =
        (0..40).fold(String::new(), |sql, at| sql + &format!("    column_{at} bigint,\n"));
    let sql = format!("create table wide (\n{columns}    last bigint\n);\nselect 1;\n");
    let end = sql.find(";\nselect").unwrap();
    let case = Case::new(&[("a.sql", &sql)])
        .report(0, &sql[..=end], "a wide table")
        .with(|case, d| d.label(FileId(0), case.span(0, "column_39"), "the last but one"));
    assert_snapshot!(case.text(80));
}

#[test]
fn the_terminal_gets_no_control_characters() {
    let sql = "select '\u{1b}[2J\u{202e}evil\u{2066}\u{9b}31m\r'; -- \u{7}";
    let case = Case::new(&[("mi\u{1b}grations/1.sql", sql)])
        .report(0, "evil", "drops `\u{1b}[31m\u{202e}x`")
        .with(|case, d| {
            d.help("see `\u{7}`")
                .label(FileId(0), case.span(0, "select"), "\u{1b}]0;")
                .place("\u{8}")
        });
    for format in [Format::Text, Format::Concise, Format::Github] {
        let output = case.write(format);
        let raw = |ch: char| {
            (ch.is_control() && ch != '\n')
                || ('\u{2066}'..='\u{2069}').contains(&ch)
                || ch == '\u{202e}'
        };
        assert!(!output.contains(raw), "{format}: {output:?}");
    }
    assert_snapshot!(case.text(80));
}

#[test]
fn a_password_is_shown_by_no_diagnostic_of_its_line() {
    let sql = "create role app\n  login password 'hünter2';\n";
    let case = Case::new(&[("a.sql", sql)])
        .report(0, "password 'hünter2'", "the password is in the repository")
        .with(|case, d| d.redact(case.span(0, "hünter2")))
        .report(0, "create role app\n  login password 'hünter2'", "fails if it runs again");
    assert_snapshot!(case.text(80));
    for format in Format::ALL {
        assert!(!case.write(*format).contains("nter"), "{format}");
    }
}

#[test]
fn concise_is_one_line_per_diagnostic() {
    let case = full().report(0, "status", "two\nlines");
    assert_snapshot!(case.write(Format::Concise));
}

#[test]
fn github_gets_commands_with_its_escapes() {
    let case = Case::new(&[("a,b:c%/1.sql", "select 1;\nselect 2;\n")])
        .report(0, "1;\nselect 2;\n", "100 % of `a:b`, all rows\r\nare read")
        .with(|case, d| d.help("do less").label(FileId(0), case.span(0, "2"), "and this"))
        .report(0, "2", "one line");
    let case = case.with(|_, mut d| {
        d.severity = Severity::Info;
        d
    });
    assert_snapshot!(case.write(Format::Github));
    assert_snapshot!(full().write(Format::Github));
}

#[test]
fn json_has_all_that_is_known() {
    assert_snapshot!(full().write(Format::Json));
}

#[test]
fn json_lines_end_with_the_summary() {
    let case = full().report(0, "status", "another one");
    assert_snapshot!(case.write(Format::Jsonl));
}

#[test]
fn json_is_as_its_schema_says() {
    let mut case = full().report(0, "status", "without anything");
    case.sets[0].not_applied.push(NotApplied {
        file: FileId(0),
        reason: "is not one".to_owned(),
        is_meant: false,
        section: None,
    });
    for (severity, rule) in [(Severity::Info, "not-analysed"), (Severity::Warning, "syntax-error")]
    {
        let mut copy = case.diagnostics[0].clone();
        (copy.severity, copy.rule) = (severity, rule);
        copy.fix.as_mut().unwrap().applicability = Applicability::Safe;
        case.diagnostics.push(copy);
    }
    sort(&mut case.diagnostics, &case.sources);
    let document: Value = serde_json::from_str(&case.write(Format::Json)).unwrap();
    validate(&document, None);
    validate(&serde_json::from_str(&Case::new(&[]).write(Format::Json)).unwrap(), None);

    let lines = case.write(Format::Jsonl);
    let (diagnostics, last) = lines.trim_end().rsplit_once('\n').unwrap();
    for (at, line) in diagnostics.lines().enumerate() {
        let line: Value = serde_json::from_str(line).unwrap();
        validate(&line, Some("diagnostic"));
        assert_eq!(document["diagnostics"][at], line);
    }
    let last: Value = serde_json::from_str(last).unwrap();
    validate(&last, Some("last_line"));
    assert_eq!(document["summary"], last["summary"]);
}

/// Checks a value against the schema, or a part of it, and that the schema knows every field.
fn validate(value: &Value, part: Option<&str>) {
    let text = std::fs::read_to_string(project("docs/lint.schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    assert!(jsonschema::meta::is_valid(&schema));
    if let Some(part) = part {
        let root = serde_json::json!({"$schema": schema["$schema"], "$ref": format!("#/$defs/{part}"), "$defs": schema["$defs"]});
        schema = root;
    }
    close(&mut schema);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// Forbids fields that the schema does not name.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.contains_key("properties") && fields.contains_key("type") {
                fields.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            fields.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[test]
fn fingerprints_are_kept_when_others_are_suppressed() {
    let mut case = full();
    let copy = case.diagnostics[0].clone();
    case.diagnostics.push(copy);
    stamp_fingerprints(&mut case.diagnostics, &case.sources);
    let second = case.diagnostics.remove(1).fingerprint;
    let first = case.diagnostics[0].fingerprint;
    assert_ne!(first, second);
    case.diagnostics[0].fingerprint = second;
    let document: Value = serde_json::from_str(&case.write(Format::Json)).unwrap();
    let shown = second.map(|fingerprint| format!("{fingerprint:016x}"));
    assert_eq!(document["diagnostics"][0]["fingerprint"].as_str(), shown.as_deref());
}

#[test]
fn formats_have_names() {
    for format in Format::ALL {
        assert_eq!(format.as_str().parse::<Format>().unwrap(), *format);
    }
    let error = "xml".parse::<Format>().unwrap_err().to_string();
    assert_eq!(error, "`xml` is not a format: text, concise, json, jsonl or github");
}

#[test]
fn a_broken_pipe_is_passed_up() {
    struct Broken;
    impl std::io::Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let case = full();
    let report = Report {
        sources: &case.sources,
        sets: &case.sets,
        checked: &[],
        diagnostics: &case.diagnostics,
        version: PgVersion::DEFAULT,
        summary: Summary::default(),
    };
    for format in Format::ALL {
        let result = report::write(*format, &report, Style::default(), &mut NoColor::new(Broken));
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe, "{format}");
    }
}

#[test]
fn colour_is_up_to_the_writer() {
    let case = full();
    let mut writer = Ansi::new(Vec::new());
    let report = Report {
        sources: &case.sources,
        sets: &case.sets,
        checked: &[],
        diagnostics: &case.diagnostics,
        version: PgVersion::DEFAULT,
        summary: Summary { files: 2, ..Summary::default() },
    };
    report::write(Format::Text, &report, Style { width: 80, unicode: true }, &mut writer).unwrap();
    let colored = String::from_utf8(writer.into_inner()).unwrap();
    assert!(
        colored.starts_with("\u{1b}[0m\u{1b}[1m\u{1b}[38;5;9merror[blocking-index]"),
        "{colored:?}"
    );
}

fn texts() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "[a-z ]{0,12}",
        Just("\n".to_owned()),
        Just("\r\n".to_owned()),
        Just("\r".to_owned()),
        Just("\t".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{202e}\u{200b}".to_owned()),
        Just("表é🎉\u{301}".to_owned()),
        Just("\u{1b}[0m\0".to_owned()),
        Just("x".repeat(700)),
        Just("\u{301}".repeat(700)),
        Just("\n".repeat(12)),
    ];
    prop::collection::vec(pieces, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_span_in_no_text_stops_a_format(
        text in texts(),
        message in texts(),
        spans in prop::collection::vec((0u32..2000, 0u32..2000), 1..6),
        width in 0usize..120,
    ) {
        let sources = Sources {
            files: vec![SourceFile::new("a.sql", text.clone()), SourceFile::new("b.sql", text)],
        };
        let span = |(start, end): (u32, u32)| Span { start: start / 3, end };
        let mut diagnostic = Diagnostic::new(FileId(0), span(spans[0]), message.clone())
            .redact(span(spans[spans.len() - 1]))
            .place(message.clone())
            .note(message.clone())
            .help(message.clone());
        for (at, place) in spans.iter().enumerate() {
            diagnostic = diagnostic.label(FileId(u32::from(at % 2 == 0)), span(*place), message.clone());
        }
        let diagnostics = [diagnostic];
        let report = Report {
            sources: &sources,
            sets: &[],
            checked: &[],
            diagnostics: &diagnostics,
            version: PgVersion::DEFAULT,
            summary: Summary::default(),
        };
        for format in Format::ALL {
            let write = || {
                let mut writer = NoColor::new(Vec::new());
                report::write(*format, &report, Style { width, unicode: false }, &mut writer).unwrap();
                String::from_utf8(writer.into_inner()).unwrap()
            };
            let output = write();
            prop_assert_eq!(&output, &write());
            if matches!(format, Format::Text | Format::Concise | Format::Github) {
                prop_assert!(!output.contains(|ch: char| ch.is_control() && ch != '\n'), "{:?}", output);
            }
            if *format == Format::Concise || *format == Format::Github {
                prop_assert_eq!(output.lines().count(), 1);
            }
        }
    }
}
