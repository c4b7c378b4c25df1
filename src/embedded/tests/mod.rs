//! What the SQL of a revision is, and where it stands.

mod django;
mod python;

use super::*;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::layout::Sources;

const HEAD: &str =
    "from alembic import op\nimport sqlalchemy as sa\nrevision = 'a'\ndown_revision = None\n";

fn sources(upgrade: &str) -> Sources {
    let mut text = format!("{HEAD}def upgrade():\n");
    for line in upgrade.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    sources_of(text.into_bytes())
}

fn sources_of(text: Vec<u8>) -> Sources {
    let host = SourceFile::from_bytes("versions/a.py", text);
    let mut derived = derive(&[(FileId(0), &host)]);
    derived.insert(0, host);
    Sources { files: derived }
}

fn statements(upgrade: &str) -> Vec<String> {
    let sources = sources(upgrade);
    let file = &sources.files[1];
    let embedded = file.embedded.as_ref().expect("it is derived");
    let script = crate::sql::parse(file, embedded.up);
    script.items.iter().map(|item| file.slice(item.span()).trim().to_owned()).collect()
}

/// Returns the place of `needle` in the derived text.
fn place(sources: &Sources, needle: &str) -> Span {
    let at = sources.files[1].text.find(needle).expect("the SQL holds it");
    Span::new(at..at + needle.len())
}

#[test]
fn literals_are_read_as_python_reads_them() {
    for (literal, sql) in [
        (r#""select 1""#, "select 1"),
        ("'select ' \"'a'\"", "select 'a'"),
        (r#""select '\x41\u00e9\n\101'""#, "select 'Aé\nA'"),
        (r#""select '\x41\u00e9\n\101'""#, "select 'Aé\nA'"),
        (r#"r"select '\d'""#, r"select '\d'"),
        (r#"f"select '{{}}'""#, "select '{}'"),
        (r#""select %s" % 1"#, "select 1"),
        (r#""select {a}, {0}".format(1, a=2)"#, "select 2, 1"),
        (r#""; ".join(["select 1", "select 2"])"#, "select 1"),
        (r#"sa.text("select '\\:a'")"#, "select ':a'"),
        (r#"sa.text("delete from t where id in :ids")"#, "delete from t where id in (:ids)"),
        (r#"textwrap.dedent(f"select {x}")"#, "select {{x}}"),
    ] {
        let found = statements(&format!("op.execute({literal})"));
        assert_eq!(found.first().map(String::as_str), Some(sql), "{literal}");
    }
}

#[test]
fn loops_and_functions_with_known_values_are_followed() {
    let found = statements(
        "for t, c in [('a', 'b'), ('c', 'd')]:\n    op.execute(f'alter table {t} drop column {c}')",
    );
    assert_eq!(found, ["alter table a drop column b", "alter table c drop column d"]);
    let text = format!(
        "{HEAD}def upgrade():\n    drop('a')\n    drop(name='b')\ndef drop(name):\n    op.drop_table(name)\n"
    );
    let sources = sources_of(text.into_bytes());
    assert_eq!(sources.files[1].text.matches("DROP TABLE").count(), 2);
}

#[test]
fn what_is_not_known_is_said() {
    for upgrade in [
        "op.execute(x)",
        "op.execute(open('a.sql').read())",
        "if x:\n    op.execute('select 1')",
        "for t in tables():\n    op.drop_table(t)",
        "op.invent('a')",
        "helper(op)",
        "op.drop_table(*names)",
        "op.create_index('i', 't', cols)",
        "match x:\n    case 1: op.execute('select 1')",
        "while True:\n    op.execute('select 1')",
    ] {
        let sources = sources(upgrade);
        let embedded = sources.files[1].embedded.as_ref().expect("it is derived");
        assert!(embedded.messages.iter().any(|message| message.gap.is_some()), "{upgrade}");
    }
}

#[test]
fn one_condition_is_one_gap() {
    let sources = sources(
        "if x:\n    op.drop_table('a')\n    op.drop_table('b')\nelse:\n    op.drop_table('c')\nop.drop_table('d')",
    );
    let embedded = sources.files[1].embedded.as_ref().expect("it is derived");
    let reasons: Vec<&str> =
        embedded.messages.iter().filter_map(|m| Some(m.gap.as_ref()?.reason.as_str())).collect();
    assert_eq!(reasons.len(), 1);
    assert!(reasons[0].starts_with("this call and 2 more were not analysed"), "{reasons:?}");
    assert_eq!(embedded.messages.len(), 2);
}

#[test]
fn places_are_those_of_the_host_file() {
    let sources =
        sources("op.execute(\n    \"\"\"\n    alter table t\n      add column c int\n    \"\"\")");
    let derived = &sources.files[1];
    let embedded = derived.embedded.as_ref().expect("it is derived");
    let span = place(&sources, "add column");
    assert_eq!(sources.files[0].slice(embedded.host_span(span)), "add column");
    assert_eq!(
        derived.position(span.start),
        sources.files[0].position(embedded.host_span(span).start)
    );
}

#[test]
fn a_fix_stays_where_the_literal_has_the_same_bytes() {
    let fixed = |upgrade: &str, needle: &str, text: &str| {
        let sources = sources(upgrade);
        let span = place(&sources, needle);
        let edits = vec![Edit { file: FileId(1), span, text: text.to_owned() }];
        let mut diagnostic = Diagnostic::new(FileId(1), span, "x");
        diagnostic.fix = Some(Box::new(Fix::new(Applicability::Safe, "do it", edits)));
        let mut diagnostics = [diagnostic];
        to_host(&mut diagnostics, &sources);
        let fix = diagnostics[0].fix.take()?;
        let edit = &fix.edits[0];
        let host = &sources.files[edit.file.index()].text;
        Some(format!(
            "{}{}{}",
            &host[..edit.span.range().start],
            edit.text,
            &host[edit.span.range().end..]
        ))
    };
    let plain = fixed("op.execute('drop table t')", "drop", "truncate").expect("it stays");
    assert!(plain.contains("op.execute('truncate table t')"), "{plain}");
    assert_eq!(fixed("op.execute('drop table t')", "drop", "it's"), None);
    assert_eq!(fixed("op.execute('dr\\x6fp table t')", "drop", "truncate"), None);
    assert_eq!(fixed("op.drop_table('t')", "DROP", "TRUNCATE"), None);
    assert_eq!(fixed("for i in [1, 2]:\n    op.execute('drop table t')", "drop", "truncate"), None);
}

#[test]
fn any_bytes_are_read_in_good_time() {
    let deep = |text: &str, count: usize| format!("{HEAD}x = {}\n", text.repeat(count));
    let mut doubling = format!("{HEAD}a0 = 'x' * 2 + 'yyyyyyyyyyyyyyyy'\n");
    for at in 0..60 {
        doubling.push_str(&format!("a{} = a{at} + a{at}\n", at + 1));
    }
    doubling.push_str("def upgrade():\n    op.execute(a60)\n");
    for text in [
        deep("(", 50_000),
        deep("[", 50_000),
        deep("-", 50_000),
        deep("f(", 20_000),
        deep("'a' + ", 50_000),
        deep("a.", 50_000),
        deep("not ", 50_000),
        format!("{HEAD}def upgrade():\n    upgrade()\n    upgrade()\n"),
        format!("{HEAD}def upgrade():\n    if a: pass\n{}", "    elif b: pass\n".repeat(20_000)),
        format!("{HEAD}{}", (0..500).map(|n| " ".repeat(n) + "if a:\n").collect::<String>()),
        doubling,
    ] {
        sources_of(text.into_bytes());
    }
    sources_of([HEAD.as_bytes(), &[0xff, 0, 0xfe, b'"', b'\\']].concat());
    sources_of(format!("{HEAD}def upgrade():\n    op.execute('é\\").into_bytes());
}
