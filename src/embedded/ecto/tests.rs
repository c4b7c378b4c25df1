//! What migrations of Ecto send.

use super::super::{SourceFile, derive, has_mark, is_candidate};
use crate::source::FileId;

fn derived(text: &str) -> SourceFile {
    let host = SourceFile::new("priv/repo/migrations/20240101000000_a.exs", text.to_owned());
    assert!(is_candidate(&host.path) && has_mark(host.text.as_bytes()), "{text}");
    derive(&[(FileId(0), &host)]).pop().expect("each host file has one")
}

fn module(body: &str) -> SourceFile {
    let head = "defmodule A.Repo.Migrations.B do\n  use Ecto.Migration\n";
    derived(&format!("{head}{body}\nend\n"))
}

fn tidy(sql: &str) -> String {
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the statements of one direction, and the reasons of what is not known in it.
fn sent_in(file: &SourceFile, is_down: bool) -> (Vec<String>, Vec<String>) {
    let embedded = file.embedded.as_ref().expect("it is derived");
    let Some(section) = (if is_down { embedded.down } else { Some(embedded.up) }) else {
        return (vec!["no down".to_owned()], Vec::new());
    };
    let script = crate::sql::parse(file, section);
    let items = script.items.iter().map(|item| tidy(file.slice(item.span())));
    let gaps = embedded.messages_in(section).filter_map(|message| message.gap.as_ref());
    let reason =
        |reason: &str| reason.trim_start_matches("this call was not analysed: ").to_owned();
    (
        items.filter(|sql| !sql.starts_with("--")).collect(),
        gaps.map(|gap| reason(&gap.reason)).collect(),
    )
}

fn up(body: &str) -> Vec<String> {
    let (statements, reasons) = sent_in(&module(&format!("  def up do\n{body}\n  end")), false);
    assert_eq!(reasons, Vec::<String>::new(), "{body}");
    statements
}

fn reasons(body: &str) -> Vec<String> {
    sent_in(&module(&format!("  def up do\n{body}\n  end")), false).1
}

#[test]
fn literals_are_read_as_elixir_reads_them() {
    for (literal, sql) in [
        (r#""select 1""#, "select 1"),
        (r#""select '\x41\u00e9\u{e9}\n\q\"'""#, "select 'Aéé q\"'"),
        ("\"select '#{name}'\"", "select '{{name}}'"),
        ("\"select \" <> \"1\" <> \", 2\"", "select 1, 2"),
        ("~s(select '1')", "select '1'"),
        (r"~S|select '\d#{x}'|", r"select '\d#{x}'"),
        ("\"\"\"\n    select 1,\n      2\n    \"\"\"", "select 1, 2"),
        ("~S\"\"\"\n    select '\\d'\n    \"\"\"", r"select '\d'"),
        ("\"\"\"\n    select '#{\"a\"}',\n    2\n    \"\"\"", "select 'a', 2"),
        ("Enum.join([\"select 1\", \"select 2\"], \" union \")", "select 1 union select 2"),
        ("String.trim(\"\n  select 1\n\")", "select 1"),
    ] {
        for call in [
            format!("execute {literal}"),
            format!("execute({literal})"),
            format!("{literal} |> execute()"),
            format!("repo().query!({literal}, [], log: :info)"),
            format!("A.Repo.query!({literal})"),
            format!("execute fn -> repo().query!({literal}) end"),
            format!("Ecto.Adapters.SQL.query!(repo(), {literal}, [])"),
        ] {
            assert_eq!(up(&call), [sql], "{call}");
        }
    }
    let file =
        module("  def up do\n    execute \"\"\"\n    drop table a\n    where b\n    \"\"\"\n  end");
    let at = file.text.find("where").expect("it is there");
    let position = file.position(u32::try_from(at).expect("it is short"));
    assert_eq!((position.line, position.column), (6, 5));
}

#[test]
fn what_a_migration_does_is_followed() {
    let both = ["drop table a", "drop table b"];
    for body in [
        "for t <- [:a, :b], do: execute(\"drop table #{t}\")",
        "for t <- ~w(a b) do\n  execute \"drop table #{t}\"\nend",
        "Enum.each(~w(a b)a, fn t -> execute(\"drop table #{t}\") end)",
        "[\"a\", \"b\"] |> Enum.each(&execute(\"drop table #{&1}\"))",
        "t = \"a\"\nexecute \"drop table #{t}\"\nt = \"b\"\nexecute \"drop table #{t}\"",
        "if direction() == :up do\n execute \"drop table a\"\nelse\n execute \"no\"\nend\n\
         unless direction() == :up, do: execute(\"no\"), else: execute(\"drop table b\")",
        "case direction() do\n :down -> execute(\"no\")\n :up ->\n  execute(\"drop table a\")\n  \
         execute(\"drop table b\")\nend",
        "{a, b} = {\"a\", \"b\"}\nexecute \"drop table #{a}\"\nexecute \"drop table #{b}\"",
        // What is asked of the repository does not wait for the commands.
        "execute \"drop table b\"\nrepo().query!(\"drop table a\")",
        "execute \"drop table a\"\nflush()\nrepo().query!(\"drop table b\")",
        "repo().transaction(fn ->\n repo().query!(\"drop table a\")\n repo().query!(\"drop table b\")\nend)",
        "IO.puts(\"why\")\nexecute \"drop table a\"\nProcess.sleep(1)\nexecute \"drop table b\"\n:ok",
    ] {
        assert_eq!(up(body), both, "{body}");
    }
    let helpers = "  @tables ~w(a b)\n  def up, do: Enum.each(@tables, &drop_it/1)\n  \
                   defp drop_it(name, how \\\\ \"cascade\") when is_binary(name) do\n    \
                   execute(sql(name) <> \" \" <> how)\n  end\n  \
                   defp sql(name), do: \"drop table #{name}\"";
    let expected = ["drop table a cascade", "drop table b cascade"].map(str::to_owned).to_vec();
    assert_eq!(sent_in(&module(helpers), false), (expected, vec![]));
}

#[test]
fn what_is_not_known_is_said() {
    for (body, reason) in [
        ("execute sql()", "what it sends is not a literal"),
        ("execute_file \"a.sql\"", "what it sends is in another file"),
        (
            "execute \"select 1; drop table a\"",
            "it holds several statements, and Ecto can send only one with a call",
        ),
        ("Oban.Migration.up(version: 12)", "`Oban.Migration.up` is not followed"),
        ("create_hypertable(:a)", "`create_hypertable` is not followed"),
        ("create table(name())", "only run time knows one of its arguments"),
        (
            "create index(:a, [:b], options: \"fillfactor=1\")",
            "its option `options` is not translated",
        ),
        (
            "create table(:a) do\n  add :b, :text\n  more_columns()\nend",
            "`more_columns` is not followed",
        ),
        (
            "create table(:a) do\n  if x?() do\n    add :b, :text\n  end\nend",
            "a line of its block is not read",
        ),
        ("alter table(:a) do\n  add :b, type()\nend", "only run time knows one of its arguments"),
        (
            "alter table(:a) do\n  add :b, :text, collation: \"C\"\nend",
            "its option `collation` is not translated",
        ),
        (
            "if System.get_env(\"A\"), do: execute(\"drop table a\")",
            "only run time knows whether the condition holds under which it runs",
        ),
        (
            "for t <- Enum.sort(@names), do: execute(\"drop table #{t}\")",
            "only run time knows the values over which a loop runs it",
        ),
        (
            "cond do\n  x?() -> execute(\"drop table a\")\nend",
            "only run time knows whether the condition holds under which it runs",
        ),
        ("repo().update_all(\"a\", set: [b: 1])", "it changes rows with a query"),
        ("from(a in \"a\") |> MyApp.Repo.delete_all()", "it changes rows with a query"),
    ] {
        assert_eq!(reasons(body), [reason], "{body}");
    }
    assert_eq!(reasons("repo().all(from(a in \"a\", select: a.b))"), Vec::<String>::new());
    let clauses = "  def up, do: go(:a)\n  defp go(:a), do: execute(\"drop table a\")\n  \
                   defp go(:b), do: execute(\"drop table b\")";
    assert_eq!(sent_in(&module(clauses), false).1, ["it is written in a way that is not read"]);
    let arities = "  def up, do: go()\n  defp go, do: go(\"a\")\n  defp go(a), do: execute(\"drop table #{a}\")";
    assert_eq!(sent_in(&module(arities), false).0, ["drop table a"]);
    let elsewhere = derived("defmodule A do\n  use Ecto.Migration\n  use Shared\nend\n");
    assert_eq!(
        sent_in(&elsewhere, false).1,
        ["it has no function `up` or `change` that is written here"]
    );
    for deep in ["(".repeat(9999), "[".repeat(9999), "fn -> ".repeat(9999)] {
        module(&format!("  def up do\n    execute({deep}"));
    }
}

#[test]
fn tables_are_made_as_ecto_makes_them() {
    for (call, sql) in [
        ("create table(:a)", "CREATE TABLE a ( id bigserial, PRIMARY KEY (id) )"),
        (
            "create table(\"Users\", prefix: \"app\", primary_key: false) do\n\
             add :id, :binary_id, primary_key: true\n add :name, :string, null: false, size: 40\nend",
            "CREATE TABLE app.\"Users\" ( id uuid, name varchar(40) NOT NULL, PRIMARY KEY (id) )",
        ),
        (
            "create_if_not_exists table(:a, primary_key: [name: :key, type: :uuid]) do\n\
             add(:tags, {:array, :string}, default: [])\n add :data, :map, default: %{}\n\
             add :at, :utc_datetime_usec, default: fragment(\"now()\")\n\
             add :n, :decimal, precision: 8, scale: 2, default: 0\n add :b, :boolean, default: false\n\
             add :e, :text, default: \"it's\"\nend",
            "CREATE TABLE IF NOT EXISTS a ( key uuid, tags varchar(255)[] DEFAULT ARRAY[]::varchar[], \
             data jsonb DEFAULT '{}', at timestamp DEFAULT now(), n decimal(8,2) DEFAULT 0, \
             b boolean DEFAULT false, e text DEFAULT 'it''s', PRIMARY KEY (key) )",
        ),
        (
            "create table(:a, primary_key: false) do\n\
             add :user_id, references(:users, on_delete: :delete_all, type: :uuid), null: false\n\
             add :org_id, references(:orgs, column: :key, with: [region: :region], validate: false)\n\
             timestamps(type: :utc_datetime, updated_at: false)\nend",
            "CREATE TABLE a ( user_id uuid NOT NULL, org_id bigint, \
             inserted_at timestamp(0) NOT NULL, \
             CONSTRAINT a_user_id_fkey FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE, \
             CONSTRAINT a_org_id_fkey FOREIGN KEY (org_id, region) REFERENCES orgs (key, region) \
             NOT VALID )",
        ),
        ("drop table(:a), mode: :cascade", "DROP TABLE a CASCADE"),
        ("drop_if_exists table(:a, prefix: :b)", "DROP TABLE IF EXISTS b.a"),
        ("rename table(:a), to: table(:b)", "ALTER TABLE a RENAME TO b"),
        ("rename table(:a), :b, to: :c", "ALTER TABLE a RENAME b TO c"),
        (
            "alter table(:a) do\n add :b, :integer, null: false, default: 0\n \
             add_if_not_exists :c, :text\n remove :d\n remove_if_exists :e, :text\n \
             modify :f, :text, null: false, from: :string\n timestamps()\nend",
            "ALTER TABLE a ADD COLUMN b integer DEFAULT 0 NOT NULL, ADD COLUMN IF NOT EXISTS c text, \
             DROP COLUMN d, DROP COLUMN IF EXISTS e, ALTER COLUMN f TYPE text, \
             ALTER COLUMN f SET NOT NULL, ADD COLUMN inserted_at timestamp(0) NOT NULL, \
             ADD COLUMN updated_at timestamp(0) NOT NULL",
        ),
        (
            "alter table(:a), do: modify(:b, references(:c, on_delete: :nilify_all), from: references(:c))",
            "ALTER TABLE a DROP CONSTRAINT a_b_fkey, ALTER COLUMN b TYPE bigint, \
             ADD CONSTRAINT a_b_fkey FOREIGN KEY (b) REFERENCES c (id) ON DELETE SET NULL",
        ),
        (
            "create index(:a, [:b, \"lower(c)\"], unique: true, concurrently: true, where: \"b > 0\", \
             using: :gin, include: [:d])",
            "CREATE UNIQUE INDEX CONCURRENTLY a_b_lower_c_index ON a USING gin (b, lower(c)) \
             INCLUDE (d) WHERE b > 0",
        ),
        (
            "create_if_not_exists unique_index(\"a\", :userId, prefix: \"p\", nulls_distinct: false)",
            "CREATE UNIQUE INDEX IF NOT EXISTS \"a_userId_index\" ON p.a (\"userId\") NULLS NOT DISTINCT",
        ),
        (
            "drop index(:a, [:b], name: \"n\", prefix: \"p\", concurrently: true)",
            "DROP INDEX CONCURRENTLY p.n",
        ),
        (
            "create constraint(\"a\", :positive, check: \"b > 0\", validate: false)",
            "ALTER TABLE a ADD CONSTRAINT positive CHECK (b > 0) NOT VALID",
        ),
        (
            "create constraint(:a, :apart, exclude: ~s|gist (b WITH &&)|)",
            "ALTER TABLE a ADD CONSTRAINT apart EXCLUDE USING gist (b WITH &&)",
        ),
        (
            "drop_if_exists constraint(:a, \"positive\")",
            "ALTER TABLE a DROP CONSTRAINT IF EXISTS positive",
        ),
    ] {
        assert_eq!(up(call), [sql], "{call}");
    }
    assert_eq!(
        up(
            "create table(:a, primary_key: false, comment: \"A\") do\n add :b, :text, comment: \"B\"\nend"
        ),
        ["CREATE TABLE a ( b text )", "COMMENT ON TABLE a IS 'A'", "COMMENT ON COLUMN a.b IS 'B'"]
    );
}

#[test]
fn change_is_taken_back_where_a_part_of_that_is_written() {
    let change = |body: &str| module(&format!("  def change do\n{body}\n  end"));
    let down = |body: &str| sent_in(&change(body), true).0;
    let unread = |body: &str| {
        let file = change(body);
        let embedded = file.embedded.as_ref().expect("it is derived").clone();
        (embedded.down.is_some(), embedded.facts.has_unread_down)
    };
    assert_eq!(
        down(
            "create table(:a)\nexecute \"create view v as select 1\", \"drop view v\"\n\
             create index(:a, [:b], concurrently: true)\nrename table(:a), :b, to: :c\n\
             alter table(:a) do\n add :x, references(:b)\n modify :y, :text, null: false, from: {:string, null: true}\n \
             remove :z, :integer, default: 1\nend\ncreate constraint(:a, :n, check: \"x\")"
        ),
        [
            "ALTER TABLE a DROP CONSTRAINT n",
            "ALTER TABLE a ADD COLUMN z integer DEFAULT 1, ALTER COLUMN y TYPE varchar(255), \
             ALTER COLUMN y DROP NOT NULL, DROP CONSTRAINT a_x_fkey, DROP COLUMN x",
            "ALTER TABLE a RENAME c TO b",
            "DROP INDEX CONCURRENTLY a_b_index",
            "drop view v",
            "DROP TABLE a",
        ]
    );
    assert_eq!(
        down(
            "if direction() == :up do\n execute \"a\", \"\"\nelse\n execute \"b\", \"select 2\"\nend\n\
              execute(fn -> repo().query!(\"select 3\") end, fn -> repo().query!(\"select 4\") end)"
        ),
        ["select 4", "select 2"]
    );
    // Nothing of it is written: it only says once more what the way up says.
    assert_eq!(unread("create table(:a)\nalter table(:b), do: add(:c, :text)"), (false, true));
    assert_eq!(unread("execute \"a\", \"b\"\ncreate table(name())"), (false, true));
    assert_eq!(unread(""), (false, true));
    for refused in [
        "execute \"update a set b = 1\"",
        "drop table(:a)",
        "alter table(:a), do: remove(:b)",
        "alter table(:a), do: modify(:b, :text)",
        "create table(:a)\nflush()\nexecute \"a\", \"b\"",
    ] {
        assert_eq!(unread(refused), (false, false), "{refused}");
    }
}

#[test]
fn facts_come_from_the_attributes_of_the_module() {
    let file = module(
        "  @disable_ddl_transaction true\n  @disable_migration_lock true\n  def up, do: :ok\n  def down, do: raise \"no\"",
    );
    let facts = &file.embedded.as_ref().expect("it is derived").facts;
    assert_eq!(
        (facts.framework, facts.id.as_str(), facts.name.as_str()),
        ("ecto", "20240101000000", "a")
    );
    assert!(facts.without_transaction.is_some() && facts.has_unread_down);
    let file = module("  @disable_ddl_transaction false\n  def up, do: :ok\n  def down, do: :ok");
    let facts = &file.embedded.as_ref().expect("it is derived").facts;
    assert!(facts.without_transaction.is_none() && !facts.has_unread_down);
}
