//! What migrations in Fizz send; the pairs follow the tests of Fizz's own translator.

use super::super::{SourceFile, derive};
use crate::source::FileId;

fn derived(text: &str) -> SourceFile {
    let host = SourceFile::new("1_a.up.fizz", text.to_owned());
    derive(&[(FileId(0), &host)]).pop().expect("each host file has one")
}

/// Returns the statements with single spaces, and the reasons of what is not known.
fn sent(text: &str) -> (Vec<String>, Vec<String>) {
    let file = derived(text);
    let embedded = file.embedded.as_ref().expect("it is derived");
    let script = crate::sql::parse(&file, embedded.up);
    let tidy = |sql: &str| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let statements = script.items.iter().map(|item| tidy(file.slice(item.span()))).collect();
    let gaps = embedded.messages.iter().filter_map(|message| message.gap.as_ref());
    let reason =
        |reason: &str| reason.trim_start_matches("this call was not analysed: ").to_owned();
    (statements, gaps.map(|gap| reason(&gap.reason)).collect())
}

#[test]
fn calls_send_what_the_translator_writes() {
    for (call, sql) in [
        ("drop_table(\"users\")", "DROP TABLE users"),
        ("rename_table(\"users\", \"People\")", "ALTER TABLE users RENAME TO \"People\""),
        (
            r#"add_column("t", "c", "string", {"default": "foo", "size": 50})"#,
            "ALTER TABLE t ADD COLUMN c VARCHAR (50) DEFAULT 'foo' NOT NULL",
        ),
        // `null` says yes whatever its value is.
        (r#"add_column("t", "c", "json", {null: false})"#, "ALTER TABLE t ADD COLUMN c jsonb"),
        (r#"add_column("t", "c", "bool")"#, "ALTER TABLE t ADD COLUMN c bool NOT NULL"),
        (
            r#"change_column("t", "c", "string", {"default": 1})"#,
            "ALTER TABLE t ALTER COLUMN c TYPE VARCHAR (255), ALTER COLUMN c SET NOT NULL, \
             ALTER COLUMN c SET DEFAULT '1'",
        ),
        (
            r#"change_column("t", "c", "decimal", {"null": true, "precision": 5, "scale": 2})"#,
            "ALTER TABLE t ALTER COLUMN c TYPE DECIMAL(5,2), ALTER COLUMN c DROP NOT NULL",
        ),
        (r#"drop_column("t", "c")"#, "ALTER TABLE t DROP COLUMN c"),
        (r#"rename_column("t", "a", "b")"#, "ALTER TABLE t RENAME COLUMN a TO b"),
        (r#"add_index("t", "a", {})"#, "CREATE INDEX t_a_idx ON t (a)"),
        (
            r#"add_index("t", ["a", "lower(b)"], {"unique": true, "name": "n"})"#,
            "CREATE UNIQUE INDEX n ON t (a, lower(b))",
        ),
        (r#"drop_index("t", "n")"#, "DROP INDEX n"),
        (r#"rename_index("t", "a", "b")"#, "ALTER INDEX a RENAME TO b"),
        (
            r#"add_foreign_key("profiles", "user_id", {"users": ["id"]}, {"on_delete": "cascade"})"#,
            "ALTER TABLE profiles ADD CONSTRAINT profiles_users_id_fk FOREIGN KEY (user_id) \
             REFERENCES users (id) ON DELETE cascade",
        ),
        (
            r#"drop_foreign_key("t", "k", {"if_exists": true})"#,
            "ALTER TABLE t DROP CONSTRAINT IF EXISTS k",
        ),
        ("raw(\"update \\\"T\\\" set a = '\\n'\")", r#"update "T" set a = '\n'"#),
        ("sql(`select \"a\";`)", "select \"a\""),
        ("let t = \"a\" + \"b\"\n drop_table(t)", "DROP TABLE ab"),
    ] {
        assert_eq!(sent(call), (vec![sql.to_owned()], vec![]), "{call}");
    }
}

#[test]
fn tables_have_their_key_and_two_times() {
    for (body, columns) in [
        (
            "t.Column(\"name\", \"string\") # why\n t.Column(\"id\", \"integer\", {primary: true})",
            "id SERIAL NOT NULL, name VARCHAR (255) NOT NULL, created_at timestamp NOT NULL, \
             updated_at timestamp NOT NULL, PRIMARY KEY (id)",
        ),
        (
            "t.Column(\"a\", \"INT\")\n t.Column(\"b\", \"INT\") // why\n t.PrimaryKey(\"a\", \"b\")\n \
             t.DisableTimestamps()",
            "a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (a, b)",
        ),
        (
            "t.Column(\"id\", \"uuid\", {\"primary\": true, \"null\": true, \"default_raw\": \"f()\"})\n \
             t.Timestamps()",
            "id UUID DEFAULT f() NOT NULL, created_at timestamp NOT NULL, \
             updated_at timestamp NOT NULL, PRIMARY KEY (id)",
        ),
        // Fizz stops at the first column that is there already.
        (
            "t.Column(\"created_at\", \"timestamptz\", {\"default_raw\": \"now()\"})",
            "created_at timestamptz DEFAULT now() NOT NULL",
        ),
        (
            "t.Column(\"u\", \"uuid\", {})\n t.ForeignKey(\"u\", {\"users\": [\"id\"]}, {})\n \
             t.DisableTimestamps()",
            "u UUID NOT NULL, FOREIGN KEY (u) REFERENCES users (id)",
        ),
    ] {
        let sql = format!("CREATE TABLE t ( {columns} )");
        let plain = sent(&format!("create_table(\"t\") {{\n{body}\n}}"));
        assert_eq!(plain, (vec![sql.clone()], vec![]), "{body}");
        let old = sent(&format!("create_table(\"t\", func(t) {{\n{body}\n}})"));
        assert_eq!(old, (vec![sql], vec![]), "{body}");
    }
    let (statements, _) = sent(
        "create_table(\"t\", {timestamps: false}) { t.Column(\"a\", \"int\", {})\n \
         t.Index(\"a\", {\"unique\": true}) }\ndrop_table(\"u\")",
    );
    assert_eq!(
        statements,
        [
            "CREATE TABLE t ( a int NOT NULL )",
            "CREATE UNIQUE INDEX t_a_idx ON t (a)",
            "DROP TABLE u"
        ]
    );
}

#[test]
fn what_is_not_known_is_said() {
    for (text, reason) in [
        ("sql(query)", "only run time knows one of its arguments"),
        ("exec(\"psql -f a.sql\")", "it runs a program"),
        ("add_view(\"a\")", "`add_view` is not known"),
        ("add_index(\"t\", \"a\", {\"where\": \"b\"})", "its option `where` is not known"),
        (
            "create_table(\"t\") {\n  t.Column(\"a\", \"int\")\n  t.Json(\"b\")\n}",
            "`t.Json` is not known",
        ),
        (
            "create_table(\"t\") {\n  if (x) { t.Column(\"a\", \"int\") }\n}",
            "a line of its block is not read",
        ),
        (
            "create_table(\"t\") { t.Column(\"id\", \"text\", {\"primary\": true}) }",
            "`text` cannot be the type of a key",
        ),
        (
            "for (t) in [\"a\", \"b\"] {\n  drop_table(t)\n}",
            "it is written in a way that is not read",
        ),
        (
            "{{ if .Options.x }}\ndrop_table(\"a\")\n{{ end }}",
            "it is written in a way that is not read",
        ),
        ("drop_table(\"a\"", "it is written in a way that is not read"),
        (")", "it is written in a way that is not read"),
        ("create_table(\"a\") {\n  t.Column(\"a", "it is written in a way that is not read"),
    ] {
        let (statements, reasons) = sent(text);
        assert_eq!(reasons, [reason], "{text}: {statements:?}");
        assert!(statements.iter().all(|sql| sql.starts_with("--")), "{text}: {statements:?}");
    }
    let nested = format!("sql({}\"a\"{})", "[".repeat(9999), "]".repeat(9999));
    assert_eq!(sent(&nested).1.len(), 1);
}

#[test]
fn templates_are_followed_for_postgres() {
    let text = "{{ if eq .Dialect \"mysql\" }}\nsql(\"a\")\n{{ else }}\nsql(\"select 1\")\n{{ end }}\n\
                sql(\"select {{ .Options.x }}\")";
    let statements = vec!["select 1".to_owned(), "select {{template}}".to_owned()];
    assert_eq!(sent(text), (statements, vec![]));
}

#[test]
fn places_are_those_of_the_file() {
    let text = "# why\nsql(\"drop table a;\n  drop table b\")\n";
    let file = derived(text);
    let at = file.text.find("table b").expect("it is there");
    let position = file.position(u32::try_from(at).expect("it is short"));
    assert_eq!((position.line, position.column), (3, 8));
}
